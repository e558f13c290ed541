//! What happens next to the proxies: drawn at random, biased to edges.

use std::collections::VecDeque;

use alloy_primitives::{Address, U256};
use model::{
    Call,
    proxy::{MarketLedger, ProxyCall as P, ProxyRole, Trade},
};

use super::{OnExchange, Scope, Step};
use crate::{
    check::u,
    proxy::{ASSET, DAY, EPOCH, Market, ROLES, VAULT, person},
    simulation::Random,
};

/// The actions of one seed.
#[derive(Debug)]
pub(super) struct Generator {
    random: Random,
    /// What comes next, before anything else is drawn.
    plan: VecDeque<Plan>,
}

/// A part of what chance alone rarely brings about: a borrower in default, a trade that waited.
#[derive(Clone, Copy, Debug)]
enum Plan {
    BorrowAll(usize),
    RequestMuch(&'static str),
    NextEpoch,
    MarkDebt,
    InDefault(usize, u64),
    Queue(usize, Trade),
    Wait,
    Force(usize, Trade),
    Cancel(usize, bool),
    TwoDays,
    Reclaim(usize, bool),
}

/// What a step is drawn from.
struct Draw<'a> {
    market: &'a Market,
    model: &'a MarketLedger,
    scope: &'a Scope,
    random: &'a mut Random,
    index: usize,
    proxy: Address,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: Random::new(seed ^ 0x5057), plan: VecDeque::new() }
    }

    /// How every history begins: shares, and the first stakes.
    pub(super) fn opening(&mut self, market: &Market) -> Vec<Step> {
        let mut borrowers = vec![Address::ZERO];
        borrowers.extend(&market.proxies);
        let shares = vec![u(3000), u(4000), u(3000)];
        let stake = |who, amount| Step::Pool(who, Call::Stake(u(amount)));
        vec![
            Step::Pool("GOV", Call::SetBorrowerAllocations(borrowers, shares)),
            Step::At(10_000_000 + self.random.below(10)),
            stake("S1", 250_000),
            stake("S2", 750_000),
        ]
    }

    pub(super) fn next(&mut self, market: &Market, model: &MarketLedger, scope: &Scope) -> Step {
        let index = self.random.below(market.proxies.len() as u64) as usize;
        if self.plan.is_empty() && self.random.below(30) == 0 {
            self.plan(index, scope);
        }
        let planned = self.plan.pop_front();
        let proxy = market.proxies[index];
        let mut draw = Draw { market, model, scope, random: &mut self.random, index, proxy };
        match planned {
            Some(plan) => draw.planned(plan),
            None => draw.step(),
        }
    }

    fn plan(&mut self, index: usize, scope: &Scope) {
        let what = self.random.below(3);
        if what == 0 {
            let guardian = self.random.below(2) == 0;
            self.plan.extend([Plan::Cancel(index, guardian), Plan::TwoDays, Plan::Reclaim(index, !guardian)]);
            return;
        }
        if what == 1 {
            let mut trade = self.random.one(&scope.trades);
            trade[0] = scope.keys[index];
            self.plan.extend([Plan::Queue(index, trade), Plan::Wait, Plan::Force(index, trade)]);
            return;
        }
        self.plan.extend([Plan::BorrowAll(0), Plan::BorrowAll(1), Plan::RequestMuch("S1"), Plan::RequestMuch("S2")]);
        self.plan.extend([Plan::NextEpoch, Plan::MarkDebt]);
        let mut actions: Vec<_> =
            (0..5).flat_map(|action| [0, 1].map(|index| Plan::InDefault(index, action))).collect();
        while !actions.is_empty() {
            let next = self.random.below(actions.len() as u64) as usize;
            self.plan.push_back(actions.swap_remove(next));
        }
    }
}

impl Draw<'_> {
    fn planned(&mut self, plan: Plan) -> Step {
        let now = self.model.ledger.now();
        match plan {
            Plan::BorrowAll(index) => {
                let view = self.model.view(self.market.proxies[index], &[], &[], &[], &[]);
                proxy_step(index, person("b", index), P::Borrow(view.borrowable))
            }
            Plan::RequestMuch(who) => {
                let active = self.model.ledger.account_view(self.market.pool.who(who)).active.next;
                Step::Pool(who, Call::RequestWithdrawal(active - active / u(4 + self.random.below(6))))
            }
            Plan::NextEpoch => Step::At(now - (now - 10_000_000) % EPOCH + EPOCH),
            Plan::MarkDebt => Step::Pool("S2", Call::MarkDebt(self.market.proxies.clone())),
            Plan::InDefault(index, action) => self.in_default(index, action),
            Plan::Queue(index, trade) => proxy_step(index, person("o", index), P::QueueTrade(trade)),
            Plan::Wait => Step::At(now + self.random.one(&[7 * DAY - 1, 7 * DAY, 9 * DAY, 14 * DAY, 14 * DAY + 1])),
            Plan::Force(index, trade) => proxy_step(index, person("o", index), P::ForceTrade(trade)),
            Plan::TwoDays => Step::At(now + 2 * DAY + self.random.below(3) - 1),
            Plan::Cancel(index, true) => {
                proxy_step(index, person("g", index), P::GuardianCancel(self.deposit_of(index)))
            }
            Plan::Cancel(index, false) => proxy_step(index, person("o", index), P::Cancel(self.deposit_of(index))),
            Plan::Reclaim(index, true) => {
                proxy_step(index, person("g", index), P::GuardianReclaim(self.deposit_of(index)))
            }
            Plan::Reclaim(index, false) => proxy_step(index, person("o", index), P::Reclaim(self.deposit_of(index))),
        }
    }

    /// The vault of a proxy that it has from the start.
    fn deposit_of(&self, index: usize) -> [U256; 3] {
        [self.scope.keys[index], u(ASSET), u(VAULT + 1000 * index as u64)]
    }

    fn in_default(&mut self, index: usize, action: u64) -> Step {
        (self.index, self.proxy) = (index, self.market.proxies[index]);
        let view = self.model.view(self.proxy, &[], &[], &[], &[]);
        let some = view.debt.min(view.held) / u(1 + self.random.below(4));
        let (call, letter) = match action {
            0 => (P::RepayDebt(some), "b"),
            1 => (P::GuardianRepayDebt(some), "g"),
            2 => (P::GuardianForceWithdrawal(self.words()), "g"),
            3 => (P::GuardianForceTrade(self.trade()), "g"),
            _ => (P::AutoPay, "b"),
        };
        proxy_step(index, person(letter, index), call)
    }

    fn step(&mut self) -> Step {
        match self.random.below(100) {
            0..10 => Step::At(self.later()),
            10..22 => self.on_pool(),
            22..36 => Step::Exchange(self.on_exchange()),
            36..39 => {
                let amount = self.random.up_to(u(200_000));
                Step::Gift(self.index, amount)
            }
            _ => self.on_proxy(),
        }
    }

    /// A little later, a day or some, the next wait, or the next edge of the schedule.
    fn later(&mut self) -> u64 {
        let now = self.model.ledger.now();
        let start = now - (now - 10_000_000) % EPOCH;
        let second = self.random.below(3);
        match self.random.below(6) {
            0 => now + 1 + self.random.below(1000),
            1 => now + DAY * (1 + self.random.below(3)),
            2 => now + 7 * DAY + second - 1,
            3 if now < start + 14 * DAY => start + 14 * DAY + second - 1,
            _ => start + EPOCH + second - self.random.below(2).min(second),
        }
    }

    fn on_pool(&mut self) -> Step {
        let who = self.random.one(&["S1", "S2"]);
        let account = self.model.ledger.account_view(self.market.pool.who(who));
        let borrower = self.model.ledger.borrower_view(self.proxy);
        match self.random.below(12) {
            0..2 => Step::Pool(who, Call::Stake(self.random.up_to(u(500_000)))),
            2..6 => Step::Pool(who, Call::RequestWithdrawal(self.random.amount(account.active.next))),
            6 => Step::Pool(who, Call::WithdrawMaxStake(self.market.pool.who(who))),
            7 => Step::Pool("S1", Call::RepayBorrow(self.proxy, self.random.amount(borrower.borrowed))),
            8 => {
                let open = self.random.below(4) > 0;
                Step::Pool("GOV", Call::SetBorrowingRestriction(self.proxy, !open))
            }
            9 => Step::Pool("S2", Call::RestrictBorrower(self.proxy)),
            _ => Step::Pool("S2", Call::MarkDebt(self.market.proxies.clone())),
        }
    }

    fn vault(&mut self) -> U256 {
        u(VAULT + 1000 * self.index as u64)
    }

    fn on_exchange(&mut self) -> OnExchange {
        let exchange = &self.model.exchange;
        let pending: Vec<_> = exchange.pending.iter().map(|(place, amount)| (*place, *amount)).collect();
        let demands: Vec<_> = exchange.demands.keys().filter(|words| words.len() == 3).cloned().collect();
        let vault = self.vault();
        let held = self.model.exchange.vaults.get(&vault).copied().unwrap_or_default();
        match self.random.below(10) {
            0..3 if !pending.is_empty() => {
                let (place, amount) = self.random.one(&pending);
                let amount = self.random.amount(amount);
                OnExchange::Accept(place, if amount > u(1) << 100 { u(1) } else { amount })
            }
            3 if !demands.is_empty() => {
                let words = &demands[self.random.below(demands.len() as u64) as usize];
                OnExchange::Satisfy([words[0], words[1], words[2]])
            }
            4 => OnExchange::SetVault(vault, self.random.up_to(held + held / u(4) + u(10_000))),
            5..8 => OnExchange::Release(vault, self.random.amount(held)),
            _ => OnExchange::Withdraw(self.key()),
        }
    }

    /// Mostly the proxy's own key.
    fn key(&mut self) -> U256 {
        let own = self.scope.keys[self.index];
        if self.random.below(6) > 0 { own } else { self.random.one(&self.scope.keys) }
    }

    /// Mostly the proxy's own vault.
    fn place(&mut self) -> [U256; 3] {
        let own = [self.scope.keys[self.index], u(ASSET), self.vault()];
        match self.random.below(12) {
            0..8 => own,
            8 => [own[0], u(ASSET + 9), own[2]],
            _ => self.random.one(&self.scope.places),
        }
    }

    fn trade(&mut self) -> Trade {
        let mut trade = self.random.one(&self.scope.trades);
        if self.random.below(3) > 0 {
            trade[0] = self.scope.keys[self.index];
        }
        trade
    }

    fn person(&mut self) -> Address {
        if self.random.below(2) == 0 {
            return self.market.pool.who(&person("r", self.index));
        }
        self.random.one(&self.scope.people)
    }

    /// A call, by who may do it, or now and then by somebody else.
    fn on_proxy(&mut self) -> Step {
        let (call, letter) = self.call();
        let letter = if self.random.below(20) == 0 { self.random.one(&ROLES).1 } else { letter };
        proxy_step(self.index, person(letter, self.index), call)
    }

    fn call(&mut self) -> (P, &'static str) {
        let view = self.model.view(self.proxy, &[], &[], &[], &[]);
        match self.random.below(64) {
            0..6 => (P::Borrow(self.random.amount(view.borrowable)), "b"),
            6..9 => (P::RepayBorrow(self.random.amount(view.borrowed)), "b"),
            9..11 => (P::RepayDebt(self.random.amount(view.debt)), "b"),
            11..15 => (P::AutoPay, "b"),
            15..22 => (P::Deposit(self.place(), self.random.amount(view.held)), "e"),
            22..26 => (P::Withdraw(self.key(), u(ASSET + 9 * u64::from(self.random.below(20) == 0))), "e"),
            26..33 => {
                let budget = view.held.saturating_sub(view.owed).saturating_add(view.approved);
                (P::Pay(self.person(), self.random.amount(budget)), "w")
            }
            33..50 => (self.owner_call(view.held), "o"),
            _ => self.guardian_call(&view),
        }
    }

    fn owner_call(&mut self, held: U256) -> P {
        let allowance = |random: &mut Random| if random.below(3) > 0 { U256::MAX } else { random.amount(held) };
        match self.random.below(17) {
            0..2 => P::AllowKey(self.key()),
            2 => P::DisallowKey(self.key()),
            3 => P::AllowVault(self.random.one(&self.scope.places)),
            4 => P::DisallowVault(self.place()),
            5 => P::AllowRecipient(self.person()),
            6 => P::DisallowRecipient(self.person()),
            7 => P::ExchangeAllowance(allowance(self.random)),
            8 => P::PoolAllowance(allowance(self.random)),
            9 => P::ForceWithdrawal(self.words()),
            10..12 => P::QueueTrade(self.trade()),
            12..14 => P::ForceTrade(self.trade()),
            14 => P::Cancel(self.place()),
            15 => P::Reclaim(self.cancelled()),
            _ => {
                let role = self.random.one(&ProxyRole::ALL[2..]);
                let to = self.random.one(&self.scope.people);
                if self.random.below(2) == 0 { P::Grant(role, to) } else { P::Revoke(role, to) }
            }
        }
    }

    /// Mostly a deposit that is cancelled.
    fn cancelled(&mut self) -> [U256; 3] {
        let cancelled: Vec<_> = self.model.exchange.cancelled.keys().copied().collect();
        if cancelled.is_empty() || self.random.below(5) == 0 { self.place() } else { self.random.one(&cancelled) }
    }

    fn words(&mut self) -> [U256; 3] {
        let (key, vault) = (self.key(), self.vault());
        let held = self.model.exchange.vaults.get(&vault).copied().unwrap_or_default();
        [key, vault, self.random.amount(held)]
    }

    fn guardian_call(&mut self, view: &model::proxy::ProxyView) -> (P, &'static str) {
        let call = match self.random.below(16) {
            0..2 => P::Approve(self.random.amount(u(50_000))),
            2 => P::ResetApproval,
            3 => P::Restrict(self.random.below(3) == 0),
            4 => P::GuardianRepayBorrow(self.random.amount(view.borrowed.min(view.held))),
            5..7 => P::GuardianRepayDebt(self.random.amount(view.debt.min(view.held))),
            7 => P::GuardianWithdraw(self.key(), u(ASSET)),
            8 => P::GuardianForceWithdrawal(self.words()),
            9 => P::GuardianForceTrade(self.trade()),
            10 => {
                let trades = (0..self.random.below(3)).map(|_| self.trade()).collect();
                return (P::Veto(trades), "v");
            }
            11 => P::GuardianCancel(self.place()),
            12..14 => P::GuardianReclaim(self.cancelled()),
            14 => return (P::GuardianDisallowVault(self.place()), if self.random.below(2) == 0 { "g" } else { "v" }),
            _ => P::Block(self.key(), self.random.below(3) == 0),
        };
        (call, "g")
    }
}

/// Somebody calls a proxy.
fn proxy_step(index: usize, who: String, call: P) -> Step {
    Step::Proxy(index, who, Box::new(call))
}
