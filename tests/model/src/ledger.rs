//! The books, their clock, and the door through which every call comes.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};

use crate::{
    Call, Done, Event, Outcome, Refusal, Role, Schedule, Terms, WHOLE,
    exact::{Exact, u},
    reported::{self, Reported},
    rewards::Rewards,
};

/// Largest balance: 112 bits.
const MAX_BALANCE: U256 = U256::from_limbs([u64::MAX, (1 << 48) - 1, 0, 0]);

/// A number that holds now, and the one that holds from the next epoch on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stake {
    /// In this epoch.
    pub now: U256,
    /// From the next epoch on.
    pub next: U256,
}

impl Stake {
    /// More, at once and for good.
    pub(crate) fn add(&mut self, amount: U256) {
        (self.now, self.next) = (self.now.plus(amount), self.next.plus(amount));
    }

    /// Less, at once and for good.
    pub(crate) fn sub(&mut self, amount: U256) {
        (self.now, self.next) = (self.now.minus(amount), self.next.minus(amount));
    }
}

/// A staker's numbers at this very moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Stake that earns.
    pub active: Stake,
    /// Stake on its way out.
    pub inactive: Stake,
    /// What shortfalls took and nobody paid back yet.
    pub debt: U256,
    /// Global index up to which rewards are accrued: that of the last settlement or changing boundary.
    pub index: U256,
    /// Rewards accrued up to that index.
    pub accrued: U256,
    /// What the contracts have stored of this.
    pub reported: reported::Account,
}

/// A borrower's numbers at this very moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Borrower {
    /// Share of the active stake, basis points.
    pub share: Stake,
    /// The loan.
    pub borrowed: U256,
    /// What became debt.
    pub debt: U256,
    /// Whether it may not borrow.
    pub restricted: bool,
    /// The most that it can have borrowed after borrowing; zero for no such limit.
    pub cap: U256,
}

/// A loss shared by all inactive stake of its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// Epoch in which it was marked.
    pub epoch: u64,
    /// What balances kept of themselves, times 10^36.
    pub index: U256,
}

/// What a pool is made with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Time of the deployment.
    pub now: u64,
    /// Its schedule.
    pub schedule: Schedule,
    /// First second of the distribution of rewards, and first one after it.
    pub distribution: (u64, u64),
    /// The pool's own address.
    pub pool: Address,
    /// The token that is staked.
    pub staked_token: Address,
    /// The token that is earned.
    pub rewards_token: Address,
    /// Who owns the rewards.
    pub treasury: Address,
    /// Rewards that it owns; it has approved the pool without limit.
    pub treasury_holds: U256,
    /// The first owner.
    pub owner: Address,
    /// Staked tokens of each person; whoever is named has approved the pool without limit.
    pub wallets: BTreeMap<Address, U256>,
}

/// The whole pool, and what the people around it hold.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(crate) now: u64,
    pub(crate) schedule: Schedule,
    pub(crate) setup: Setup,
    pub(crate) accounts: BTreeMap<Address, Account>,
    pub(crate) active: Stake,
    pub(crate) inactive: Stake,
    /// Staked tokens in the pool that are stake and not lent. A running sum of what came and went, never computed from totals.
    pub(crate) unborrowed: U256,
    /// Staked tokens in the pool that are repaid debt.
    pub(crate) repaid: U256,
    /// Staked tokens in the pool that nobody accounts for.
    pub(crate) surplus: U256,
    pub(crate) borrowers: BTreeMap<Address, Borrower>,
    pub(crate) borrowed: U256,
    pub(crate) borrower_debt: U256,
    pub(crate) shortfalls: Vec<Shortfall>,
    pub(crate) rewards: Rewards,
    pub(crate) reported: Reported,
    pub(crate) allowances: BTreeMap<(Address, Address), U256>,
    pub(crate) roles: BTreeSet<(Role, Address)>,
    pub(crate) wallets: BTreeMap<Address, U256>,
    pub(crate) rewards_paid: BTreeMap<Address, U256>,
    pub(crate) treasury: Treasury,
    pub(crate) terms: Terms,
    pub(crate) events: Vec<Event>,
}

/// What can be claimed from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Treasury {
    pub(crate) holds: U256,
    pub(crate) allows: U256,
}

impl Ledger {
    /// A pool just deployed: no stake, all shares with nobody, four roles with the first owner.
    pub fn new(setup: Setup) -> Self {
        let owners = Role::ALL[..4].iter().map(|role| (*role, setup.owner)).collect();
        let whole = Stake { now: u(WHOLE), next: u(WHOLE) };
        let nobody = Borrower { share: whole, ..Borrower::default() };
        Self {
            now: setup.now,
            schedule: setup.schedule,
            accounts: BTreeMap::new(),
            active: Stake::default(),
            inactive: Stake::default(),
            unborrowed: U256::ZERO,
            repaid: U256::ZERO,
            surplus: U256::ZERO,
            borrowers: BTreeMap::from([(Address::ZERO, nobody)]),
            borrowed: U256::ZERO,
            borrower_debt: U256::ZERO,
            shortfalls: Vec::new(),
            rewards: Rewards::starting(setup.now.max(setup.distribution.0)),
            reported: Reported::default(),
            allowances: BTreeMap::new(),
            roles: owners,
            wallets: setup.wallets.clone(),
            rewards_paid: BTreeMap::new(),
            treasury: Treasury { holds: setup.treasury_holds, allows: U256::MAX },
            terms: Terms::default(),
            events: Vec::new(),
            setup,
        }
    }

    /// Seconds since 1970.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// The schedule.
    pub fn schedule(&self) -> Schedule {
        self.schedule
    }

    /// Passes time. At the end of an epoch every balance and share takes the value it has from the next epoch on; if the total active
    /// stake changes there, rewards are accrued up to that second first.
    ///
    /// # Panics
    ///
    /// If time would run backwards.
    pub fn advance(&mut self, to: u64) {
        assert!(to >= self.now, "time passes forwards");
        // Before epoch zero there is nothing to change; later boundaries of one jump change nothing either, since nobody acts in between.
        if let Ok(remaining) = self.schedule.remaining(self.now)
            && self.now + remaining <= to
        {
            let ended = self.schedule.epoch(self.now).expect("it has started");
            self.emit_until(self.now + remaining);
            self.end_epoch(ended, self.now + remaining);
        }
        self.emit_until(to);
        self.now = to;
    }

    fn end_epoch(&mut self, ended: u64, boundary: u64) {
        if self.active.now != self.active.next {
            self.accrue_to_boundary(ended, boundary);
        }
        self.active.now = self.active.next;
        self.inactive.now = self.inactive.next;
        for account in self.accounts.values_mut() {
            account.active.now = account.active.next;
            account.inactive.now = account.inactive.next;
        }
        for borrower in self.borrowers.values_mut() {
            borrower.share.now = borrower.share.next;
        }
        self.now = boundary;
    }

    /// Somebody sends staked tokens to the pool without calling it.
    ///
    /// # Panics
    ///
    /// If it does not have them.
    pub fn give(&mut self, from: Address, amount: U256) {
        let wallet = self.wallets.entry(from).or_default();
        *wallet = wallet.minus(amount);
        self.surplus = self.surplus.plus(amount);
    }

    /// The treasury changes what the pool may spend.
    pub fn approve_from_treasury(&mut self, amount: U256) {
        self.treasury.allows = amount;
    }

    /// Calls the pool. A refused call changes nothing.
    ///
    /// # Errors
    ///
    /// As the pool must refuse.
    pub fn call(&mut self, caller: Address, call: &Call) -> Outcome {
        let mut after = self.clone();
        let returned = after.run(caller, call)?;
        let events = std::mem::take(&mut after.events);
        *self = after;
        Ok(Done { returned, events })
    }

    fn run(&mut self, caller: Address, call: &Call) -> Result<Option<U256>, Refusal> {
        let nothing = |done: Result<(), Refusal>| done.map(|()| None);
        match *call {
            Call::Stake(amount) => nothing(self.stake(caller, caller, amount)),
            Call::StakeFor(staker, amount) => nothing(self.stake_for(staker, caller, amount)),
            Call::RequestWithdrawal(amount) => nothing(self.request(caller, amount)),
            Call::RequestWithdrawalFor(staker, amount) => nothing(self.request_for(caller, staker, amount)),
            Call::CancelWithdrawal(amount) => nothing(self.cancel(caller, amount)),
            Call::Restake(amount) => nothing(self.restake(caller, amount)),
            Call::WithdrawStake(to, amount) => nothing(self.withdraw(caller, to, amount)),
            Call::WithdrawMaxStake(to) => self.withdraw_max(caller, to).map(Some),
            Call::WithdrawStakeFor(staker, to, amount) => nothing(self.withdraw_for(caller, staker, to, amount)),
            Call::ClaimRewards(to) => self.claim(caller, to).map(Some),
            Call::ClaimRewardsFor(staker, to) => self.claim_for(caller, staker, to).map(Some),
            _ => self.run_token(caller, call),
        }
    }

    fn run_token(&mut self, caller: Address, call: &Call) -> Result<Option<U256>, Refusal> {
        let truth = |done: Result<(), Refusal>| done.map(|()| Some(U256::ONE));
        match *call {
            Call::Transfer(to, amount) => truth(self.transfer(caller, to, amount)),
            Call::TransferFrom(from, to, amount) => truth(self.transfer_from(caller, from, to, amount)),
            Call::Approve(spender, amount) => truth(self.approve(caller, spender, amount)),
            Call::IncreaseAllowance(spender, amount) => truth(self.increase_allowance(caller, spender, amount)),
            Call::DecreaseAllowance(spender, amount) => truth(self.decrease_allowance(caller, spender, amount)),
            _ => self.run_admin(caller, call),
        }
    }

    fn run_admin(&mut self, caller: Address, call: &Call) -> Result<Option<U256>, Refusal> {
        let nothing = |done: Result<(), Refusal>| done.map(|()| None);
        match call {
            Call::SetEpochParameters(interval, offset) => nothing(self.set_schedule(caller, *interval, *offset)),
            Call::SetBlackoutWindow(window) => nothing(self.set_blackout(caller, *window)),
            Call::SetRewardsPerSecond(rate) => nothing(self.set_rate(caller, *rate)),
            Call::SweepSurplus => self.sweep(caller).map(Some),
            Call::GrantRole(role, account) => nothing(self.grant(caller, *role, *account)),
            Call::RevokeRole(role, account) => nothing(self.revoke(caller, *role, *account)),
            Call::SetBorrowerAllocations(borrowers, shares) => nothing(self.allocate(caller, borrowers, shares)),
            Call::SetBorrowerCaps(borrowers, caps) => nothing(self.set_caps(caller, borrowers, caps)),
            Call::SetBorrowingRestriction(borrower, to) => nothing(self.set_restriction(caller, *borrower, *to)),
            _ => self.run_lending(caller, call),
        }
    }

    fn run_lending(&mut self, caller: Address, call: &Call) -> Result<Option<U256>, Refusal> {
        let nothing = |done: Result<(), Refusal>| done.map(|()| None);
        match call {
            Call::RestrictBorrower(borrower) => nothing(self.restrict_overdue(*borrower)),
            Call::Borrow(amount) => nothing(self.borrow(caller, *amount)),
            Call::RepayBorrow(borrower, amount) => nothing(self.repay_borrow(caller, *borrower, *amount)),
            Call::RepayBorrowUpTo(borrower, max) => self.repay_borrow_up_to(caller, *borrower, *max).map(Some),
            Call::MarkDebt(borrowers) => self.mark_debt(borrowers).map(Some),
            Call::RepayDebt(borrower, amount) => nothing(self.repay_debt(caller, *borrower, *amount)),
            Call::RepayDebtUpTo(borrower, max) => self.repay_debt_up_to(caller, *borrower, *max).map(Some),
            Call::DecreaseBorrowerDebt(borrower, amount) => {
                self.write_off_borrower(caller, *borrower, *amount).map(Some)
            }
            Call::WithdrawDebt(to, amount) => nothing(self.withdraw_debt(caller, *to, *amount)),
            Call::WithdrawMaxDebt(to) => self.withdraw_max_debt(caller, *to).map(Some),
            Call::DecreaseStakerDebt(staker, amount) => self.write_off_staker(caller, *staker, *amount).map(Some),
            Call::FailsafeSettle(epoch) => nothing(self.settle_to_epoch(caller, *epoch)),
            Call::SettleShortfalls(staker, max) => self.settle_some(*staker, *max).map(Some),
            other => unreachable!("every call has a home: {other:?}"),
        }
    }
}

/// What several calls ask and do.
impl Ledger {
    pub(crate) fn report(&mut self, event: Event) {
        self.events.push(event);
    }

    /// The epoch.
    pub(crate) fn epoch(&self) -> Result<u64, Refusal> {
        self.schedule.epoch(self.now)
    }

    pub(crate) fn has_started(&self) -> bool {
        self.schedule.has_started(self.now)
    }

    pub(crate) fn outside_blackout(&self) -> Result<(), Refusal> {
        match self.schedule.remaining(self.now) {
            Ok(remaining) if remaining <= self.schedule.blackout => {
                Err(Refusal::InBlackoutWindow { remaining: u(remaining), window: u(self.schedule.blackout) })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn only(&self, role: Role, account: Address) -> Result<(), Refusal> {
        if self.roles.contains(&(role, account)) { Ok(()) } else { Err(Refusal::MissingRole { account, role }) }
    }

    /// Whether nobody can act for an account.
    pub(crate) fn is_nobody(&self, account: Address) -> bool {
        account.is_zero() || account == self.setup.pool
    }

    pub(crate) fn check_staker(&self, staker: Address) -> Result<(), Refusal> {
        if self.is_nobody(staker) { Err(Refusal::InvalidStaker { staker }) } else { Ok(()) }
    }

    pub(crate) fn check_recipient(&self, recipient: Address) -> Result<(), Refusal> {
        if self.is_nobody(recipient) { Err(Refusal::InvalidRecipient { recipient }) } else { Ok(()) }
    }

    pub(crate) fn account_mut(&mut self, staker: Address) -> &mut Account {
        self.accounts.entry(staker).or_default()
    }

    pub(crate) fn borrower_mut(&mut self, borrower: Address) -> &mut Borrower {
        self.borrowers.entry(borrower).or_default()
    }

    /// Staked tokens come from somebody, who must hold them and have approved the pool.
    pub(crate) fn pull(&mut self, payer: Address, amount: U256) -> Result<(), Refusal> {
        let approved = self.setup.wallets.contains_key(&payer);
        let wallet = self.wallets.entry(payer).or_default();
        if amount > *wallet || !approved && !amount.is_zero() {
            return Err(Refusal::TokenFailed { token: self.setup.staked_token });
        }
        *wallet = wallet.minus(amount);
        Ok(())
    }

    /// Staked tokens go to somebody.
    pub(crate) fn push(&mut self, to: Address, amount: U256) {
        let wallet = self.wallets.entry(to).or_default();
        *wallet = wallet.plus(amount);
    }
}

/// Refuses what does not fit a balance.
pub(crate) fn balance(balance: U256) -> Result<U256, Refusal> {
    if balance > MAX_BALANCE {
        return Err(Refusal::BalanceOverflow { balance, maximum: MAX_BALANCE });
    }
    Ok(balance)
}
