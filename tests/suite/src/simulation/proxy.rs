//! Random histories of market makers' proxies: pool, exchange and two proxies on the chain, and the model of all of them beside it.
//!
//! After every step both must have answered alike: the returned values or the exact refusal, every log of proxy and pool, the getters of
//! every proxy, the pool's totals, every balance of the token. And no invariant may be broken: in particular, what leaves to recipients
//! never exceeds what is held beyond everything owed, plus what the guardian approved.

mod encode;
mod generate;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

use alloy_primitives::{Address, U256};
use alloy_sol_types::{Revert, SolError};
use model::{
    Call, Ledger, Setup,
    exchange::{Exchange, Place},
    proxy::{MarketLedger, Proxy, ProxyCall, ProxyRole, ProxyView, Trade},
};

use super::{
    Divergence, Tally, encode as pool_encode, read,
    world::{guarded, same},
};
use crate::{
    abi::{IExchange, IToken, ITrustedBorrowerL2Proxy as P},
    check::u,
    proxy::{ASSET, KEY, Market, Plan, ROLES, VAULT, settings},
};

use generate::Generator;

/// Two proxies, with 40 % and 30 % of the pool.
const PLAN: Plan = Plan { shares: &[4000, 3000], ..Plan::SETTING };

/// Stakers, who are also paid by proxies.
const PEOPLE: [&str; 5] = ["S1", "S2", "r", "r1", "X0"];

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The clock moves to this second, if it is later.
    At(u64),
    /// Somebody calls a proxy.
    Proxy(usize, String, Box<ProxyCall>),
    /// Somebody calls the pool.
    Pool(&'static str, Call),
    /// Layer 2, or a stranger, does something on the exchange.
    Exchange(OnExchange),
    /// New tokens for a proxy.
    Gift(usize, U256),
}

/// What happens on the exchange without a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "tests/doubles/abi/IExchange.sol documents each function")]
pub enum OnExchange {
    Accept(Place, U256),
    /// What a vault holds, after profit or loss.
    SetVault(U256, U256),
    Release(U256, U256),
    Withdraw(U256),
    Satisfy(Place),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(time) => write!(f, "at {time}"),
            Self::Proxy(index, who, call) => write!(f, "{who} on proxy {index}: {call:?}"),
            Self::Pool(who, call) => write!(f, "{who} on the pool: {call:?}"),
            Self::Exchange(action) => write!(f, "on the exchange: {action:?}"),
            Self::Gift(index, amount) => write!(f, "gift of {amount} to proxy {index}"),
        }
    }
}

/// Everything that a step may name.
#[derive(Clone, Debug, Default)]
struct Scope {
    keys: Vec<U256>,
    places: Vec<Place>,
    people: Vec<Address>,
    trades: Vec<Trade>,
}

impl Scope {
    fn of(market: &Market) -> Self {
        let keys = [KEY, KEY + 1000, 124].map(u).to_vec();
        let vaults = [VAULT, VAULT + 1000, 50].map(u);
        let places = keys.iter().flat_map(|key| vaults.map(|vault| [*key, u(ASSET), vault])).collect();
        let people = PEOPLE.iter().map(|name| market.pool.who(name)).collect();
        let trade =
            |key: U256, nonce: u64| std::array::from_fn(|word| if word == 0 { key } else { u(word as u64 * nonce) });
        let trades = keys.iter().flat_map(|key| [1, 2].map(|nonce| trade(*key, nonce))).collect();
        Self { keys, places, people, trades }
    }
}

/// The contracts and the model.
#[derive(Clone, Debug)]
pub struct World {
    market: Market,
    model: MarketLedger,
    scope: Scope,
    /// Steps so far: every so many, the lists of every proxy are compared as well.
    steps: usize,
}

/// Lists that no step touched are compared every so many steps.
const FULL_EVERY: usize = 25;

impl World {
    fn new() -> Self {
        Self::of(Market::founded(&PLAN))
    }

    fn of(market: Market) -> Self {
        let (model, scope) = (model_of(&market), Scope::of(&market));
        Self { market, model, scope, steps: 0 }
    }

    fn step(&mut self, step: &Step) -> Result<bool, Divergence> {
        guarded(|| {
            let succeeded = self.make(step)?;
            self.steps += 1;
            let touched = if let Step::Proxy(index, ..) = step { Some(*index) } else { None };
            self.compare(touched)?;
            Ok(succeeded)
        })
    }

    fn make(&mut self, step: &Step) -> Result<bool, Divergence> {
        match step {
            Step::At(time) => {
                let time = (*time).max(self.model.ledger.now());
                self.market.at(time).keep_alive();
                self.model.ledger.advance(time);
                Ok(true)
            }
            Step::Proxy(index, who, call) => self.call_proxy(*index, who, call),
            Step::Pool(who, call) => self.call_pool(who, call),
            Step::Exchange(action) => self.on_exchange(*action),
            Step::Gift(index, amount) => {
                self.mint(self.market.proxies[*index], *amount);
                Ok(true)
            }
        }
    }

    fn mint(&mut self, to: Address, amount: U256) {
        let token = self.market.parties.token;
        self.market.pool.by("X0").send_to(token, IToken::mintCall { to, value: amount }).expect("tokens mint");
        self.model.mint(to, amount);
    }

    fn call_proxy(&mut self, index: usize, who: &str, call: &ProxyCall) -> Result<bool, Divergence> {
        let (proxy, caller, parties) = (self.market.proxies[index], self.market.pool.who(who), self.market.parties);
        let expected = self.model.call(proxy, caller, call);
        let sent = self.market.pool.chain.from(who).send(proxy, encode::call(call, &parties));
        match (expected, sent) {
            (Ok(done), Ok(receipt)) => {
                same("returned", &receipt.output.to_vec(), &encode::returned(&done.returned))?;
                let expected: Vec<_> = done.events.iter().map(encode::event).collect();
                same("logs of the proxy", &crate::proxy::logs_of(&receipt, proxy), &expected)?;
                let expected: Vec<_> = done.pool_events.iter().map(pool_encode::event).collect();
                same("logs of the pool", &self.market.pool.logs(&receipt), &expected)?;
                self.check_auto_pay(proxy, call)?;
                Ok(true)
            }
            (Err(refusal), Err(reverted)) if encode::refusal(&refusal, &parties, proxy) == reverted.data => Ok(false),
            (Err(refusal), Err(reverted)) => Err(format!("chain refuses {reverted}, model {refusal:?}")),
            (Ok(_), Err(reverted)) => Err(format!("chain refuses {reverted}, the model does not")),
            (Err(refusal), Ok(_)) => Err(format!("model refuses {refusal:?}, the chain does not")),
        }
    }

    /// P10: afterwards the borrower cannot be overdue in the next epoch.
    fn check_auto_pay(&self, proxy: Address, call: &ProxyCall) -> Result<(), Divergence> {
        let books = self.model.ledger.borrower_view(proxy);
        if *call == ProxyCall::AutoPay && books.borrowed > books.allocated.next {
            return Err("broken: auto-pay leaves no more than the next allocation".into());
        }
        Ok(())
    }

    fn call_pool(&mut self, who: &str, call: &Call) -> Result<bool, Divergence> {
        let expected = self.model.ledger.call(self.market.pool.who(who), call);
        let sent = self.market.pool.by(who).send_raw(pool_encode::call(call));
        match (expected, sent) {
            (Ok(done), Ok(receipt)) => {
                let expected: Vec<_> = done.events.iter().map(pool_encode::event).collect();
                same("logs of the pool", &self.market.pool.logs(&receipt), &expected)?;
                Ok(true)
            }
            (Err(refusal), Err(reverted)) if pool_encode::refusal(&refusal) == reverted.data => Ok(false),
            (expected, sent) => {
                let sent = sent.map_or_else(|reverted| reverted.to_string(), |_| "succeeds".into());
                Err(format!("chain {sent}, ledger {expected:?}"))
            }
        }
    }

    fn on_exchange(&mut self, action: OnExchange) -> Result<bool, Divergence> {
        let asset = u(ASSET);
        let (expected, sent) = match action {
            OnExchange::Accept([key, asset, vault], amount) => {
                let call = IExchange::acceptDepositCall {
                    starkKey: key,
                    assetType: asset,
                    vaultId: vault,
                    quantizedAmount: amount,
                };
                (self.model.accept([key, asset, vault], amount), self.market.on_exchange("operator", call).map(drop))
            }
            OnExchange::SetVault(vault, amount) => {
                let held = self.model.exchange.vaults.get(&vault).copied().unwrap_or_default();
                self.mint(self.market.parties.exchange, amount.saturating_sub(held));
                self.model.set_vault(vault, amount);
                let call = IExchange::setVaultBalanceCall { assetType: asset, vaultId: vault, quantizedAmount: amount };
                (Ok(()), self.market.on_exchange("operator", call).map(drop))
            }
            OnExchange::Release(vault, amount) => {
                let call =
                    IExchange::releaseWithdrawalCall { assetType: asset, vaultId: vault, quantizedAmount: amount };
                (self.model.release(vault, amount), self.market.on_exchange("operator", call).map(drop))
            }
            OnExchange::Withdraw(key) => {
                let call = IExchange::withdrawCall { starkKey: key, assetType: asset };
                (self.model.withdraw(key), self.market.on_exchange("X0", call).map(drop))
            }
            OnExchange::Satisfy([key, vault, amount]) => {
                let call = IExchange::satisfyForcedWithdrawalCall {
                    starkKey: key,
                    assetType: asset,
                    vaultId: vault,
                    quantizedAmount: amount,
                };
                (self.model.satisfy(key, vault, amount), self.market.on_exchange("operator", call).map(drop))
            }
        };
        match (expected, sent) {
            (Ok(()), Ok(())) => Ok(true),
            (Err(text), Err(reverted)) if reverted.data == Revert { reason: text.into() }.abi_encode() => Ok(false),
            (expected, sent) => Err(format!("exchange: chain {sent:?}, model {expected:?}")),
        }
    }

    /// Every figure; the lists of the proxy that was touched.
    fn compare(&self, touched: Option<usize>) -> Result<(), Divergence> {
        same("getPool", &read::pool(&self.market.pool), &self.model.ledger.pool_view())?;
        let nothing = Scope::default();
        for (index, proxy) in self.market.proxies.iter().enumerate() {
            let lists = touched == Some(index) || self.steps.is_multiple_of(FULL_EVERY);
            let scope = if lists { &self.scope } else { &nothing };
            let Scope { keys, places, people, trades } = scope;
            let expected = self.model.view(*proxy, keys, places, people, trades);
            same("proxy", &self.view(*proxy, scope), &expected)?;
        }
        for person in self.scope.people.iter().chain([&self.market.parties.exchange]) {
            same("tokens", &self.market.tokens_at(*person), &self.model.held(*person))?;
        }
        let broken = self.model.broken();
        if broken.is_empty() { Ok(()) } else { Err(format!("broken: {}", broken.join("; "))) }
    }

    fn view(&self, proxy: Address, scope: &Scope) -> ProxyView {
        let (market, parties) = (&self.market, self.market.parties);
        let allowance = |spender| market.view_of(parties.token, IToken::allowanceCall { owner: proxy, spender });
        let key = |key: &U256| {
            let allowed = market.view_of(proxy, P::isStarkKeyAllowedCall { starkKey: *key });
            (allowed, market.view_of(proxy, P::isStarkKeyBlockedCall { starkKey: *key }))
        };
        let vault = |[key, asset, vault]: &Place| {
            let call = P::getDepositVaultCall { starkKey: *key, assetType: *asset, vaultId: *vault };
            let answer = market.view_of(proxy, call);
            (answer.allowedFrom, answer.isBeingCancelled)
        };
        let recipient = |person: &Address| market.view_of(proxy, P::isRecipientAllowedCall { recipient: *person });
        let queued = |trade: &Trade| {
            let hash = model::proxy::trade_id(trade);
            market.view_of(proxy, P::getQueuedForcedTradeTimestampCall { argsHash: hash })
        };
        ProxyView {
            borrowed: market.view_of(proxy, P::getBorrowedBalanceCall {}),
            debt: market.view_of(proxy, P::getDebtBalanceCall {}),
            owed: market.view_of(proxy, P::getBorrowedAndDebtBalanceCall {}),
            held: market.view_of(proxy, P::getTokenBalanceCall {}),
            allocated: model::Stake {
                now: market.view_of(proxy, P::getAllocatedBalanceCurrentEpochCall {}),
                next: market.view_of(proxy, P::getAllocatedBalanceNextEpochCall {}),
            },
            borrowable: market.view_of(proxy, P::getBorrowableAmountCall {}),
            approved: market.view_of(proxy, P::getApprovedAmountForExternalWithdrawalCall {}),
            restricted: market.view_of(proxy, P::isBorrowingRestrictedCall {}),
            allowances: (allowance(parties.pool), allowance(parties.exchange)),
            keys: scope.keys.iter().map(key).collect(),
            vaults: scope.places.iter().map(vault).collect(),
            recipients: scope.people.iter().map(recipient).collect(),
            queue: scope.trades.iter().map(queued).collect(),
        }
    }
}

/// The model of a market just founded.
fn model_of(market: &Market) -> MarketLedger {
    let (pool, settings) = (&market.pool, settings());
    let mut wallets: BTreeMap<_, _> = PEOPLE.iter().map(|name| (pool.who(name), pool.tokens(name))).collect();
    wallets.extend(market.proxies.iter().map(|proxy| (*proxy, U256::ZERO)));
    let setup = Setup {
        now: settings.deployed_at,
        schedule: model::Schedule::new(settings.interval, settings.offset, settings.blackout).expect("legal"),
        distribution: (settings.distribution.0.to(), settings.distribution.1.to()),
        pool: pool.address(),
        staked_token: pool.token(),
        rewards_token: pool.rewards_token(),
        treasury: pool.treasury(),
        treasury_holds: pool.rewards("treasury"),
        owner: pool.who("GOV"),
        wallets,
    };
    let mut exchange = Exchange { address: market.parties.exchange, asset: u(ASSET), ..Exchange::default() };
    let mut proxies = BTreeMap::new();
    for (index, proxy) in market.proxies.iter().enumerate() {
        let (key, vault) = (u(KEY + 1000 * index as u64), u(VAULT + 1000 * index as u64));
        exchange.users.insert(key, *proxy);
        exchange.vault_keys.insert(vault, key);
        let who = |letter: &str| pool.who(&crate::proxy::person(letter, index));
        let state = Proxy {
            roles: ProxyRole::ALL.into_iter().zip(ROLES).map(|(role, (_, letter))| (role, who(letter))).collect(),
            keys: [key].into(),
            vaults: [([key, u(ASSET), vault], settings.deployed_at)].into(),
            recipients: [who("r")].into(),
            pool_may: U256::MAX,
            exchange_may: U256::MAX,
            ..Proxy::default()
        };
        proxies.insert(*proxy, state);
    }
    MarketLedger { ledger: Ledger::new(setup), exchange, proxies }
}

/// A history on which contracts and model differ.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What differed after the last step.
    pub divergence: Divergence,
    /// The steps taken.
    pub steps: Vec<Step>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, divergence, steps } = self;
        write!(f, "proxies, seed {seed} diverges after {} steps: {divergence}", steps.len())
    }
}

/// One history, a step at a time, on a chain that the caller has.
#[derive(Debug)]
pub struct ProxyHistory {
    world: World,
    generator: Generator,
    opening: VecDeque<Step>,
}

impl ProxyHistory {
    /// Two proxies, with 40 % and 30 % of the pool, on a chain at a time before the pool's deployment.
    pub fn on(chain: chain::Chain, seed: u64) -> Self {
        let (world, mut generator) = (World::of(Market::founded_on(chain, &PLAN)), Generator::new(seed));
        let opening = generator.opening(&world.market).into();
        Self { world, generator, opening }
    }

    /// Makes the next step on contracts and model. Whether it succeeded.
    ///
    /// # Errors
    ///
    /// If they differ.
    pub fn step(&mut self) -> Result<bool, Divergence> {
        let World { market, model, scope, .. } = &self.world;
        let next = self.opening.pop_front();
        let step = next.unwrap_or_else(|| self.generator.next(market, model, scope));
        self.world.step(&step).map_err(|divergence| format!("{step}: {divergence}"))
    }

    /// The contracts.
    pub fn market(&self) -> &Market {
        &self.world.market
    }
}

/// A market just founded; histories begin at a fork of it.
#[derive(Debug)]
pub struct ProxySimulation {
    fixture: World,
    /// What happened so far.
    pub tally: Tally,
}

impl Default for ProxySimulation {
    fn default() -> Self {
        Self::new()
    }
}

impl ProxySimulation {
    /// Two proxies, with 40 % and 30 % of the pool.
    pub fn new() -> Self {
        Self { fixture: World::new(), tally: Tally::new() }
    }

    /// Plays one history of this many steps. Returns how many steps there were in all.
    ///
    /// # Errors
    ///
    /// If contracts and model differ.
    pub fn run(&mut self, seed: u64, steps: usize) -> Result<usize, Box<Failure>> {
        let (mut world, mut taken) = (self.fixture.clone(), Vec::new());
        let mut generator = Generator::new(seed);
        let mut opening = generator.opening(&world.market).into_iter();
        for _ in 0..steps + opening.len() {
            let step = opening.next().unwrap_or_else(|| generator.next(&world.market, &world.model, &world.scope));
            taken.push(step.clone());
            match world.step(&step) {
                Ok(succeeded) => self.count(&step, succeeded),
                Err(divergence) => return Err(Box::new(Failure { seed, divergence, steps: taken })),
            }
        }
        Ok(taken.len())
    }

    /// A short script that diverges as the history did, one step a line.
    pub fn shorten(&self, failure: &Failure) -> String {
        let diverges = |steps: &[Step]| {
            let mut world = self.fixture.clone();
            steps.iter().position(|step| world.step(step).is_err())
        };
        let mut short = failure.steps.clone();
        let mut piece = (short.len() / 2).max(1);
        loop {
            let mut start = 0;
            while start < short.len() {
                let mut fewer = short.clone();
                fewer.drain(start..(start + piece).min(short.len()));
                match diverges(&fewer) {
                    Some(last) => short = fewer[..=last].to_vec(),
                    None => start += piece,
                }
            }
            if piece == 1 {
                return short.iter().map(|step| step.to_string()).collect::<Vec<_>>().join("\n");
            }
            piece = (piece / 2).max(1);
        }
    }

    fn count(&mut self, step: &Step, succeeded: bool) {
        let first = |text: String| text.split(['(', '[']).next().unwrap_or_default().to_owned();
        let name = match step {
            Step::At(_) => "time passes".to_owned(),
            Step::Proxy(_, _, call) => format!("proxy: {}", first(format!("{call:?}"))),
            Step::Pool(_, call) => format!("pool: {}", first(format!("{call:?}"))),
            Step::Exchange(action) => format!("exchange: {}", first(format!("{action:?}"))),
            Step::Gift(..) => "gift to a proxy".to_owned(),
        };
        let (done, refused) = self.tally.entry(name).or_default();
        *(if succeeded { done } else { refused }) += 1;
    }
}
