//! What borrowers, their accomplices and their keepers can get together: never more than caps and shares of the borrowers allow.
//!
//! Borrowers are accounts, market makers' proxies, or one of each. Of a proxy everybody but the guardians is in it: owner, borrower, exchange
//! operator, withdrawal operator; and layer 2 moves a colluder's money to whomever it likes, which no contract sees.

use std::sync::OnceLock;

use alloy_primitives::{Address, U256};

use super::Random;
use crate::{
    abi::{
        IBorrowerAllocations as Lending, IDebtAccounting as Debt, IExchange, IPoolViews as Views, IStakedToken,
        IStaking, IToken, ITrustedBorrowerL2Proxy as P,
    },
    check::u,
    proxy::{ASSET, KEY, Market, Plan, VAULT, epoch},
};

/// Accounts that may borrow, people whom proxies may pay, accomplices, and stakers who know nothing of it.
const BORROWERS: [&str; 2] = ["B0", "B1"];
const RECIPIENTS: [&str; 2] = ["r", "r1"];
const ACCOMPLICES: [&str; 2] = ["X0", "OP"];
const HONEST: [&str; 3] = ["S0", "S1", "S2"];

/// The accomplices' keys on the exchange, and their vaults.
const KEYS: [u64; 2] = [777_777, 777_778];
const VAULTS: [u64; 2] = [888_888, 888_889];

/// The whole pool, basis points.
const WHOLE: u64 = 10_000;

/// What a history of collusion came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loot {
    /// The most that they had beyond what they began with.
    pub taken: U256,
    /// What caps and shares allow.
    pub allowed: U256,
    /// How many steps succeeded.
    pub succeeded: u64,
}

impl Loot {
    /// How much of what is allowed was taken.
    pub fn percent(&self) -> u64 {
        (self.taken * u(100)).checked_div(self.allowed).map_or(0, |percent| percent.to())
    }
}

/// Who borrows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Borrower {
    Account(&'static str),
    Proxy(usize),
}

struct Plot {
    market: Market,
    random: Random,
    borrowers: [Borrower; 2],
    /// Both shares together, and both caps.
    share: u64,
    caps: U256,
    began_with: U256,
    /// The most stake that was active and not the colluders'.
    honest: U256,
    loot: Loot,
}

/// Plays one history: random shares and caps, honest stakers who come and go, and colluders who borrow, pass on, stake again, request,
/// withdraw, mark and repay, in any order. Of three seeds one has accounts as borrowers, one proxies, one both.
///
/// # Errors
///
/// If they ever have more than what they began with and what caps and shares allow.
pub fn play(seed: u64, steps: usize) -> Result<Loot, String> {
    let mut plot = Plot::open(seed);
    for number in 0..steps {
        let step = plot.step();
        plot.honest = plot.honest.max(plot.honest_stake());
        let taken = plot.wealth().saturating_sub(plot.began_with);
        plot.loot.taken = plot.loot.taken.max(taken);
        plot.loot.allowed = plot.allowed();
        if taken > plot.loot.allowed {
            let borrowers = plot.borrowers;
            return Err(format!("seed {seed}, {borrowers:?}, step {number}: {step}: {taken} taken, {:?}", plot.loot));
        }
    }
    Ok(plot.loot)
}

/// Before epoch zero: two proxies that are ready to borrow, accomplices that layer 2 knows.
fn ground() -> Market {
    static GROUND: OnceLock<Market> = OnceLock::new();
    let prepare = || {
        let mut market = Market::founded(&Plan { shares: &[0, 0], ..Plan::SETTING });
        for ((name, key), vault) in ACCOMPLICES.iter().zip(KEYS).zip(VAULTS) {
            market.register(key, market.pool.who(name)).expect("a new key");
            market.operate(IExchange::openVaultCall { starkKey: u(key), vaultId: u(vault) });
        }
        market
    };
    GROUND.get_or_init(prepare).fork()
}

impl Plot {
    fn open(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut market = ground();
        let borrowers = match seed % 3 {
            0 => BORROWERS.map(Borrower::Account),
            1 => [Borrower::Proxy(0), Borrower::Proxy(1)],
            _ => [Borrower::Proxy(0), Borrower::Account(BORROWERS[1])],
        };
        let shares = random.one(&[[2000, 1000], [4000, 4000], [5000, 5000], [WHOLE, 0], [100, 9000]]);
        let caps = borrowers.map(|_| u(1 + random.below(600_000)));
        let (share, both) = (shares[0] + shares[1], caps[0] + caps[1]);
        let addresses = borrowers.map(|borrower| address(&market, borrower));
        let call = Lending::setBorrowerAllocationsCall {
            borrowers: [Address::ZERO].into_iter().chain(addresses).collect(),
            newAllocations: [WHOLE - share].into_iter().chain(shares).map(u).collect(),
        };
        market.pool.by("GOV").send(call).expect("shares sum to the whole");
        let call = Lending::setBorrowerCapsCall { borrowers: addresses.to_vec(), caps: caps.to_vec() };
        market.pool.by("GOV").send(call).expect("GOV may set caps");
        market.at(epoch(0));
        for name in HONEST {
            market.pool.by(name).stake(random.below(400_000)).expect("they have tokens");
        }
        for name in BORROWERS.iter().chain(&RECIPIENTS) {
            market.pool.set_tokens(name, 0);
        }
        for name in ACCOMPLICES {
            market.pool.set_tokens(name, random.below(100_000));
        }
        let (began_with, honest, loot) = (U256::ZERO, U256::ZERO, Loot::default());
        let mut plot = Self { market, random, borrowers, share, caps: both, began_with, honest, loot };
        (plot.began_with, plot.honest) = (plot.wealth(), plot.honest_stake());
        plot
    }

    /// Tokens, stake and credit of all colluders, and whatever is on the exchange; what they owe they will not pay.
    fn wealth(&self) -> U256 {
        let people = BORROWERS.iter().chain(&RECIPIENTS).chain(&ACCOMPLICES).map(|name| self.market.pool.who(name));
        let contracts = self.market.proxies.iter().copied().chain([self.market.parties.exchange]);
        let of = |holder: Address| {
            let account = self.market.pool.view(Views::getAccountCall { staker: holder });
            let stake = account.activeCurrentEpoch + account.inactiveCurrentEpoch;
            self.market.tokens_at(holder) + stake + account.debt
        };
        people.chain(contracts).map(of).fold(U256::ZERO, |sum, part| sum + part)
    }

    fn honest_stake(&self) -> U256 {
        HONEST.iter().map(|name| self.market.pool.active(name).0).fold(U256::ZERO, |sum, part| sum + part)
    }

    /// Loans are at most the caps; and at most the share of all stake, of which the colluders' own is what they began with and the loans
    /// again. So loans of L and a share of s are at most s (honest + began + L), which bounds L unless s is everything.
    fn allowed(&self) -> U256 {
        let shared = u(self.share) * (self.honest + self.began_with);
        shared.checked_div(u(WHOLE - self.share)).map_or(self.caps, |bound| bound.min(self.caps))
    }

    /// Something that one of them does, or time; its name. Much of it is refused.
    fn step(&mut self) -> String {
        let (borrower, accomplice) = (self.random.one(&self.borrowers), self.random.below(2) as usize);
        let (honest, name) = (self.random.one(&HONEST), ACCOMPLICES[accomplice]);
        match self.random.below(24) {
            0..=3 => self.tell(borrower, "recycles", |plot| plot.recycle(borrower, accomplice)),
            4 => self.tell(borrower, "borrows", |plot| {
                let amount = plot.random.amount(plot.borrowable(borrower));
                plot.borrow(borrower, amount)
            }),
            5 => self.tell(name, "stakes", |plot| {
                let amount = plot.random.amount(plot.market.pool.tokens(name));
                plot.market.pool.by(name).stake(amount).is_ok()
            }),
            6..=8 => self.request(name),
            9 => self.request(honest),
            10..=12 => self.leave(name),
            13 => self.leave(honest),
            14 => self.tell(name, "marks", |plot| {
                let borrowers = plot.borrowers.map(|borrower| address(&plot.market, borrower)).to_vec();
                plot.market.pool.by(name).send(Debt::markDebtCall { borrowers }).is_ok()
            }),
            15 => self.tell(honest, "stakes", |plot| {
                let amount = plot.random.below(200_000);
                plot.market.pool.by(honest).stake(amount).is_ok()
            }),
            16 => self.tell(borrower, "is repaid", |plot| plot.repay(borrower)),
            17 => self.tell(name, "moves stake or restakes", |plot| plot.shuffle(name, borrower)),
            18..=20 => self.tell(borrower, "uses its proxy", |plot| match borrower {
                Borrower::Account(_) => false,
                Borrower::Proxy(index) => plot.use_proxy(index, accomplice),
            }),
            _ => self.pass(),
        }
    }

    fn tell(&mut self, who: impl std::fmt::Debug, does: &str, run: impl FnOnce(&mut Self) -> bool) -> String {
        let done = run(self);
        self.loot.succeeded += u64::from(done);
        format!("{who:?} {does}{}", if done { "" } else { " (refused)" })
    }

    // ---------------------------------------------------------------- borrowers

    fn borrowable(&self, borrower: Borrower) -> U256 {
        let borrower = address(&self.market, borrower);
        self.market.pool.view(Lending::getBorrowableAmountCall { borrower })
    }

    fn borrow(&mut self, borrower: Borrower, amount: U256) -> bool {
        match borrower {
            Borrower::Account(name) => self.market.pool.by(name).borrow(amount).is_ok(),
            Borrower::Proxy(index) => self.market.as_of(index, "b").borrow(amount).is_ok(),
        }
    }

    /// Borrows all, passes it on, stakes it again.
    fn recycle(&mut self, borrower: Borrower, accomplice: usize) -> bool {
        let amount = self.borrowable(borrower);
        let borrowed = !amount.is_zero() && self.borrow(borrower, amount);
        let name = ACCOMPLICES[accomplice];
        match borrower {
            Borrower::Account(account) => {
                let value = self.market.pool.tokens(account);
                self.give(account, self.market.pool.who(name), value);
            }
            Borrower::Proxy(index) => {
                let held = self.market.tokens_at(self.market.proxies[index]);
                self.deposit(index, held);
                self.pass_on(index, accomplice);
            }
        }
        let amount = self.market.pool.tokens(name);
        self.market.pool.by(name).stake(amount).is_ok() && borrowed
    }

    /// With tokens that accomplices hand back.
    fn repay(&mut self, borrower: Borrower) -> bool {
        let (who, max) = (address(&self.market, borrower), U256::from(1 + self.random.below(50_000)));
        let payer = ACCOMPLICES[0];
        let loan = self.market.pool.by(payer).send(Lending::repayBorrowUpToCall { borrower: who, max }).is_ok();
        loan | self.market.pool.by(payer).send(Debt::repayDebtUpToCall { borrower: who, max }).is_ok()
    }

    /// Something that only a proxy can do.
    fn use_proxy(&mut self, index: usize, accomplice: usize) -> bool {
        let (proxy, token) = (self.market.proxies[index], self.market.parties.token);
        let amount = self.random.amount(self.market.tokens_at(proxy));
        let vault = [KEY, VAULT].map(|first| u(first + 1000 * index as u64));
        let [stark_key, vault_id] = vault;
        let (asset_type, allowance) = (u(ASSET), self.random.one(&[U256::ZERO, U256::MAX]));
        match self.random.below(12) {
            0 => self.market.as_of(index, "w").pay(&crate::proxy::person("r", index), amount).is_ok(),
            1 => self.market.as_of(index, "b").auto_pay().is_ok(),
            2 => self.market.as_of(index, "b").repay_borrow(amount).is_ok(),
            3 => self.market.as_of(index, "b").repay_debt(amount).is_ok(),
            4 | 5 => self.deposit(index, amount),
            6 => self.pass_on(index, accomplice),
            7 => {
                let call = P::depositCancelCall { starkKey: stark_key, assetType: asset_type, vaultId: vault_id };
                self.market.as_of(index, "o").send(call).is_ok()
            }
            8 => {
                let call = P::depositReclaimCall { starkKey: stark_key, assetType: asset_type, vaultId: vault_id };
                self.market.as_of(index, "o").send(call).is_ok()
            }
            9 => {
                let call = P::setExchangeContractAllowanceCall { token, amount: allowance };
                self.market.as_of(index, "o").send(call).is_ok()
            }
            10 => {
                let call = P::setStakingContractAllowanceCall { token, amount: allowance };
                self.market.as_of(index, "o").send(call).is_ok()
            }
            _ => {
                let name = ACCOMPLICES[accomplice];
                let value = self.random.up_to(self.market.pool.tokens(name));
                self.give(name, proxy, value);
                true
            }
        }
    }

    fn deposit(&mut self, index: usize, amount: U256) -> bool {
        let [key, vault] = [KEY, VAULT].map(|first| u(first + 1000 * index as u64));
        let call =
            P::depositToExchangeCall { starkKey: key, assetType: u(ASSET), vaultId: vault, quantizedAmount: amount };
        self.market.as_of(index, "e").send(call).is_ok()
    }

    /// Layer 2 accepts what a proxy has deposited, moves all that its vault holds to an accomplice's, and lets it go.
    fn pass_on(&mut self, index: usize, accomplice: usize) -> bool {
        let exchange = self.market.parties.exchange;
        let [key, vault] = [KEY, VAULT].map(|first| u(first + 1000 * index as u64));
        let (asset, to_key, to) = (u(ASSET), u(KEYS[accomplice]), u(VAULTS[accomplice]));
        let pending = IExchange::getQuantizedDepositBalanceCall { starkKey: key, assetType: asset, vaultId: vault };
        let amount = self.market.view_of(exchange, pending);
        self.market.operate(IExchange::acceptDepositCall {
            starkKey: key,
            assetType: asset,
            vaultId: vault,
            quantizedAmount: amount,
        });
        let amount = self.market.view_of(exchange, IExchange::getVaultBalanceCall { assetType: asset, vaultId: vault });
        let nothing = U256::ZERO;
        self.market.operate(IExchange::setVaultBalanceCall {
            assetType: asset,
            vaultId: vault,
            quantizedAmount: nothing,
        });
        self.market.operate(IExchange::setVaultBalanceCall { assetType: asset, vaultId: to, quantizedAmount: amount });
        self.market.operate(IExchange::releaseWithdrawalCall {
            assetType: asset,
            vaultId: to,
            quantizedAmount: amount,
        });
        let call = IExchange::withdrawCall { starkKey: to_key, assetType: asset };
        self.market.on_exchange(ACCOMPLICES[accomplice], call).is_ok() && !amount.is_zero()
    }

    // ---------------------------------------------------------------- stakers

    fn give(&mut self, from: &str, to: Address, value: U256) {
        let token = self.market.parties.token;
        self.market.pool.by(from).send_to(token, IToken::transferCall { to, value }).expect("it has them");
    }

    fn request(&mut self, who: &str) -> String {
        self.tell(who, "requests", |plot| {
            let amount = plot.random.amount(plot.market.pool.active(who).1);
            plot.market.pool.by(who).request_withdrawal(amount).is_ok()
        })
    }

    fn leave(&mut self, who: &str) -> String {
        self.tell(who, "takes what there is", |plot| {
            let stake = plot.market.pool.by(who).withdraw_max_stake(who).is_ok();
            stake | plot.market.pool.by(who).withdraw_max_debt(who).is_ok()
        })
    }

    fn shuffle(&mut self, accomplice: &str, borrower: Borrower) -> bool {
        let amount = self.random.amount(self.market.pool.active(accomplice).1);
        let to = address(&self.market, borrower);
        let moved = self.market.pool.by(accomplice).send(IStakedToken::transferCall { to, amount }).is_ok();
        let amount = self.random.amount(self.market.pool.inactive(accomplice).0);
        moved | self.market.pool.by(accomplice).send(IStaking::restakeCall { amount }).is_ok()
    }

    /// To the next epoch, its first second or the last before it, or its blackout window; or a little.
    fn pass(&mut self) -> String {
        let (_, remaining, _) = self.market.pool.clock();
        let remaining = remaining.to::<u64>();
        let seconds = self.random.one(&[1, remaining / 2, remaining - 1, remaining, remaining, remaining + 1]);
        let now = self.market.pool.now() + seconds;
        self.market.at(now).keep_alive();
        format!("{seconds} s pass")
    }
}

fn address(market: &Market, borrower: Borrower) -> Address {
    match borrower {
        Borrower::Account(name) => market.pool.who(name),
        Borrower::Proxy(index) => market.proxies[index],
    }
}
