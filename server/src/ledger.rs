//! What the pool's logs add up to. Exact, and no truth of its own: whatever an event says beside its amount is compared, and at the head of
//! the chain every total is compared with the pool's getters.
//!
//! A staker's point is its state after the last event that named it. What happened to it since without an event, the ends of epochs and
//! shortfalls, follows from the pool alone and is taken in when the point is read ([`Staker::enter`], [`Staker::roll`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use alloy_primitives::{Address, U256, aliases::U512};
use client::bindings::{IPoolEvents, IPoolEvents::IPoolEventsEvents as Event};
use serde::{Deserialize, Serialize};

/// A log that cannot follow from those before it: some were left out, or come from another contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the logs contradict each other: {0}")]
pub struct Contradiction(pub String);

type Result<T = ()> = std::result::Result<T, Contradiction>;

fn wrong<T>(text: impl std::fmt::Display) -> Result<T> {
    Err(Contradiction(text.to_string()))
}

fn plus(a: U256, b: U256) -> Result<U256> {
    a.checked_add(b).ok_or_else(|| Contradiction(format!("{a} + {b} has no room")))
}

fn minus(a: U256, b: U256) -> Result<U256> {
    a.checked_sub(b).ok_or_else(|| Contradiction(format!("{a} is less than {b}")))
}

/// `a · b / c`, rounded down; nothing if `c` is zero.
fn mul_div(a: U256, b: U256, c: U256) -> U256 {
    let product = U512::from(a) * U512::from(b);
    product.checked_div(U512::from(c)).map_or(U256::ZERO, |value| value.saturating_to())
}

fn ten_to(exponent: u64) -> U256 {
    U256::from(10).pow(U256::from(exponent))
}

/// A balance of this epoch, and of the next as things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stake {
    /// This epoch's.
    pub now: U256,
    /// The next epoch's.
    pub next: U256,
}

impl Stake {
    fn add(&mut self, amount: U256) -> Result {
        (self.now, self.next) = (plus(self.now, amount)?, plus(self.next, amount)?);
        Ok(())
    }

    fn sub(&mut self, amount: U256) -> Result {
        (self.now, self.next) = (minus(self.now, amount)?, minus(self.next, amount)?);
        Ok(())
    }
}

/// Epochs: length, start of epoch zero, and the window that closes each; seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Length of an epoch.
    pub interval: u64,
    /// Start of epoch zero; the pool accepts more bits than any time has.
    pub offset: u128,
    /// Length of the blackout window.
    pub blackout: u64,
}

impl Schedule {
    /// The epoch at a time; nothing before epoch zero.
    pub fn epoch(&self, time: u64) -> Option<u64> {
        let since = u128::from(time).checked_sub(self.offset)?;
        u64::try_from(since).ok()?.checked_div(self.interval)
    }

    /// First second of an epoch; nothing beyond all times.
    pub fn start_of(&self, epoch: u64) -> Option<u64> {
        let start = u128::from(epoch).checked_mul(self.interval.into())?.checked_add(self.offset)?;
        u64::try_from(start).ok()
    }
}

/// A loss that all inactive stake of its epoch shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortfall {
    /// Epoch in which it was marked.
    pub epoch: u64,
    /// What balances kept of themselves, times 10^36.
    pub index: U256,
    /// Inactive stake that became debt.
    pub amount: U256,
    /// When, seconds.
    pub time: u64,
}

/// The pool as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Second up to which this holds.
    pub time: u64,
    /// Its epochs.
    pub schedule: Schedule,
    /// First second of the distribution of rewards, and the first after it.
    pub distribution: (u64, u64),
    /// Stake that earns and can be lent.
    pub active: Stake,
    /// Stake on its way out.
    pub inactive: Stake,
    /// What is lent.
    pub borrowed: U256,
    /// What borrowers owe as debt.
    pub borrower_debt: U256,
    /// Repaid debt that stakers have not withdrawn yet.
    pub repaid_debt: U256,
    /// Reward units per second.
    pub rate: U256,
    /// Rewards of one staked unit, times 10^18, up to `clock`.
    pub index: U256,
    /// Second up to which `index` counts.
    pub clock: u64,
    /// The index at the end of an epoch that nobody has touched since: it is told first.
    pub untold: Option<U256>,
    /// Shortfalls so far.
    pub shortfalls: u64,
    /// Rewards paid out so far.
    pub claimed: U256,
}

impl Pool {
    /// The epoch; nothing before epoch zero.
    pub fn epoch(&self) -> Option<u64> {
        self.schedule.epoch(self.time)
    }

    /// Stake that is not lent out.
    pub fn unborrowed(&self) -> U256 {
        (self.active.next + self.inactive.next).saturating_sub(self.borrowed)
    }

    /// Clock and index of a settlement at `to`; nothing if it would not move the clock.
    fn settled(&self, to: u64) -> Option<(u64, U256)> {
        let end = to.min(self.distribution.1);
        if end <= self.clock {
            return None;
        }
        if self.rate.is_zero() || self.active.now.is_zero() {
            return Some((end, self.index));
        }
        let emitted = U256::from(end - self.clock) * self.rate;
        Some((end, self.index + mul_div(emitted, ten_to(18), self.active.now)))
    }

    /// The index at this state's time, as a settlement would find it.
    pub fn index_now(&self) -> U256 {
        self.settled(self.time).map_or(self.index, |(_, index)| index)
    }

    /// Passes time. Returns the epoch that ended with a change of the total, and the index at its end: rewards of the stakers who changed are
    /// counted up to there.
    pub fn advance(&mut self, to: u64) -> Option<(u64, U256)> {
        let mut ended = None;
        if let Some(epoch) = self.epoch()
            && let Some(boundary) = self.schedule.start_of(epoch + 1)
            && boundary <= to
        {
            if self.active.now != self.active.next {
                if let Some((clock, index)) = self.settled(boundary) {
                    (self.clock, self.index, self.untold) = (clock, index, Some(index));
                }
                ended = Some((epoch, self.index));
            }
            self.active.now = self.active.next;
            self.inactive.now = self.inactive.next;
        }
        self.time = self.time.max(to);
        ended
    }
}

/// A staker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staker {
    /// Epoch in which `now` and `next` are meant.
    pub epoch: u64,
    /// Stake that earns.
    pub active: Stake,
    /// Stake on its way out.
    pub inactive: Stake,
    /// What shortfalls took and was not withdrawn or written off.
    pub debt: U256,
    /// Index up to which `accrued` counts.
    pub index: U256,
    /// Rewards to claim, up to `index`.
    pub accrued: U256,
    /// Shortfalls taken in.
    pub shortfalls: u64,
    /// Rewards claimed so far.
    pub claimed: U256,
    /// What shortfalls took so far.
    pub lost: U256,
    /// Debt paid out to it so far.
    pub recovered: U256,
}

/// Rewards of `staked` between two indexes, rounded down.
fn earned(staked: U256, from: U256, to: U256) -> Result<U256> {
    Ok(mul_div(staked, minus(to, from)?, ten_to(18)))
}

impl Staker {
    /// Enters an epoch. `index_at` is the index at the end of an epoch in which stake changed.
    pub fn enter(&mut self, epoch: u64, index_at: &dyn Fn(u64) -> Option<U256>) -> Result {
        if epoch <= self.epoch {
            return Ok(());
        }
        if self.active.now != self.active.next {
            let Some(index) = index_at(self.epoch) else {
                return wrong(format_args!("no index is known for the end of epoch {}", self.epoch));
            };
            self.accrue(index)?;
        }
        (self.active.now, self.inactive.now) = (self.active.next, self.inactive.next);
        self.epoch = epoch;
        Ok(())
    }

    fn accrue(&mut self, index: U256) -> Result {
        if index > self.index {
            self.accrued = plus(self.accrued, earned(self.active.now, self.index, index)?)?;
            self.index = index;
        }
        Ok(())
    }

    /// Takes in shortfalls and the end of epochs up to `epoch`; what each shortfall took.
    pub fn roll(
        &mut self,
        epoch: u64,
        shortfalls: &[Shortfall],
        index_at: &dyn Fn(u64) -> Option<U256>,
    ) -> Result<Vec<(u64, U256)>> {
        let mut losses = Vec::new();
        for shortfall in shortfalls.iter().skip(self.shortfalls as usize) {
            self.enter(shortfall.epoch, index_at)?;
            let before = self.inactive.now;
            let loss = before - mul_div(before, shortfall.index, ten_to(36)).min(before);
            if !loss.is_zero() {
                self.inactive.sub(loss)?;
                (self.debt, self.lost) = (plus(self.debt, loss)?, plus(self.lost, loss)?);
                losses.push((self.shortfalls, loss));
            }
            self.shortfalls += 1;
        }
        self.enter(epoch, index_at)?;
        Ok(losses)
    }

    /// What it could claim, given the pool's index.
    pub fn claimable(&self, index: U256) -> U256 {
        let more =
            if index > self.index { mul_div(self.active.now, index - self.index, ten_to(18)) } else { U256::ZERO };
        self.accrued + more
    }

    /// All stake: `balanceOf`.
    pub fn stake(&self) -> U256 {
        self.active.now + self.inactive.now
    }
}

/// A borrower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Borrower {
    /// Epoch in which the share's `now` and `next` are meant.
    pub epoch: u64,
    /// Share of the active stake, basis points.
    pub share: Stake,
    /// Its loan.
    pub borrowed: U256,
    /// What became debt.
    pub debt: U256,
    /// Whether it may not borrow.
    pub restricted: bool,
    /// The most that new loans may reach; zero for no cap.
    pub cap: U256,
}

impl Borrower {
    /// Enters an epoch.
    pub fn enter(&mut self, epoch: u64) {
        if epoch > self.epoch {
            (self.share.now, self.epoch) = (self.share.next, epoch);
        }
    }
}

/// The states that logs lead to: all of the pool, and of the accounts that were asked for.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// The pool.
    pub pool: Pool,
    /// Every shortfall.
    pub shortfalls: Vec<Shortfall>,
    /// The index at the end of each epoch in which the total changed.
    pub epoch_indexes: BTreeMap<u64, U256>,
    /// Stakers that are known here.
    pub stakers: HashMap<Address, Staker>,
    /// Borrowers that are known here.
    pub borrowers: HashMap<Address, Borrower>,
    /// What the current block has changed.
    pub changed: Changed,
}

/// What a block changed.
#[derive(Clone, Debug, Default)]
pub struct Changed {
    /// Stakers.
    pub stakers: BTreeSet<Address>,
    /// Borrowers.
    pub borrowers: BTreeSet<Address>,
    /// Epochs whose final index became known.
    pub epochs: Vec<u64>,
    /// Positions of the logs that marked a shortfall, with its number.
    pub shortfalls: Vec<(u64, u64)>,
}

/// Stakers and borrowers that an event names: what [`Ledger::take`] needs to know of before.
pub fn named(event: &Event) -> (Vec<Address>, Vec<Address>) {
    use IPoolEvents::*;
    let stakers = match event {
        Event::Staked(Staked { staker, .. })
        | Event::WithdrawalRequested(WithdrawalRequested { staker, .. })
        | Event::WithdrawalCancelled(WithdrawalCancelled { staker, .. })
        | Event::Restaked(Restaked { staker, .. })
        | Event::WithdrewStake(WithdrewStake { staker, .. })
        | Event::WithdrewDebt(WithdrewDebt { staker, .. })
        | Event::ReceivedDebt(ReceivedDebt { staker, .. })
        | Event::OperatorDecreasedStakerDebt(OperatorDecreasedStakerDebt { staker, .. })
        | Event::UserIndexUpdated(UserIndexUpdated { user: staker, .. })
        | Event::ClaimedRewards(ClaimedRewards { user: staker, .. }) => vec![*staker],
        Event::Transfer(Transfer { from, to, .. }) if !from.is_zero() && !to.is_zero() => vec![*from, *to],
        _ => Vec::new(),
    };
    let borrowers = match event {
        Event::Borrowed(Borrowed { borrower, .. })
        | Event::RepaidBorrow(RepaidBorrow { borrower, .. })
        | Event::RepaidDebt(RepaidDebt { borrower, .. })
        | Event::DebtMarked(DebtMarked { borrower, .. })
        | Event::OperatorDecreasedBorrowerDebt(OperatorDecreasedBorrowerDebt { borrower, .. })
        | Event::ScheduledBorrowerAllocationChange(ScheduledBorrowerAllocationChange { borrower, .. })
        | Event::BorrowerCapChanged(BorrowerCapChanged { borrower, .. })
        | Event::BorrowingRestrictionChanged(BorrowingRestrictionChanged { borrower, .. }) => vec![*borrower],
        _ => Vec::new(),
    };
    (stakers, borrowers)
}

/// Refuses a figure that is not the one computed.
fn same(what: &str, told: U256, computed: U256) -> Result {
    if told == computed {
        Ok(())
    } else {
        wrong(format_args!("{what}: the chain says {told}, its logs give {computed}"))
    }
}

impl Ledger {
    /// Begins a block.
    pub fn begin(&mut self, time: u64) {
        self.changed = Changed::default();
        if let Some((epoch, index)) = self.pool.advance(time) {
            self.epoch_indexes.insert(epoch, index);
            self.changed.epochs.push(epoch);
        }
    }

    fn staker(&mut self, staker: Address) -> Result<&mut Staker> {
        self.changed.stakers.insert(staker);
        let epoch = self.pool.epoch().unwrap_or_default();
        let account = self.stakers.entry(staker).or_default();
        let indexes = &self.epoch_indexes;
        account.roll(epoch, &self.shortfalls, &|epoch| indexes.get(&epoch).copied())?;
        Ok(account)
    }

    fn borrower(&mut self, borrower: Address) -> &mut Borrower {
        self.changed.borrowers.insert(borrower);
        let epoch = self.pool.epoch().unwrap_or_default();
        let account = self.borrowers.entry(borrower).or_default();
        account.enter(epoch);
        account
    }

    /// Takes in a log of the pool, the next of its block.
    pub fn take(&mut self, position: u64, event: &Event) -> Result {
        match event {
            Event::Staked(_)
            | Event::WithdrawalRequested(_)
            | Event::WithdrawalCancelled(_)
            | Event::Restaked(_)
            | Event::WithdrewStake(_)
            | Event::Transfer(_) => self.take_stake(event),
            Event::RewardsPerSecondUpdated(_)
            | Event::GlobalIndexUpdated(_)
            | Event::UserIndexUpdated(_)
            | Event::ClaimedRewards(_) => self.take_rewards(event),
            Event::EpochParametersChanged(event) => {
                let parameters = &event.epochParameters;
                let interval = u64::try_from(parameters.interval);
                let interval = interval.map_err(|_| Contradiction("an epoch longer than all times".into()))?;
                (self.pool.schedule.interval, self.pool.schedule.offset) = (interval, parameters.offset);
                Ok(())
            }
            Event::BlackoutWindowChanged(event) => {
                self.pool.schedule.blackout = event.blackoutWindow.saturating_to();
                Ok(())
            }
            Event::ScheduledBorrowerAllocationChange(event) => {
                let (share, epoch) = (event.newAllocation, event.epochNumber);
                let borrower = self.borrower(event.borrower);
                borrower.share.next = share;
                if epoch.is_zero() {
                    borrower.share.now = share;
                }
                Ok(())
            }
            Event::BorrowerCapChanged(event) => {
                self.borrower(event.borrower).cap = event.newCap;
                Ok(())
            }
            Event::BorrowingRestrictionChanged(event) => {
                self.borrower(event.borrower).restricted = event.isBorrowingRestricted;
                Ok(())
            }
            _ => self.take_debt(position, event),
        }
    }

    fn take_stake(&mut self, event: &Event) -> Result {
        match event {
            Event::Staked(event) => {
                self.staker(event.staker)?.active.add(event.amount)?;
                self.pool.active.add(event.amount)
            }
            Event::WithdrawalRequested(event) => {
                let staker = self.staker(event.staker)?;
                staker.active.next = minus(staker.active.next, event.amount)?;
                staker.inactive.next = plus(staker.inactive.next, event.amount)?;
                self.pool.active.next = minus(self.pool.active.next, event.amount)?;
                self.pool.inactive.next = plus(self.pool.inactive.next, event.amount)?;
                Ok(())
            }
            Event::WithdrawalCancelled(event) => {
                let staker = self.staker(event.staker)?;
                staker.active.next = plus(staker.active.next, event.amount)?;
                staker.inactive.next = minus(staker.inactive.next, event.amount)?;
                self.pool.active.next = plus(self.pool.active.next, event.amount)?;
                self.pool.inactive.next = minus(self.pool.inactive.next, event.amount)?;
                Ok(())
            }
            Event::Restaked(event) => {
                let staker = self.staker(event.staker)?;
                staker.inactive.sub(event.amount)?;
                staker.active.add(event.amount)?;
                self.pool.inactive.sub(event.amount)?;
                self.pool.active.add(event.amount)
            }
            Event::WithdrewStake(event) => {
                self.staker(event.staker)?.inactive.sub(event.amount)?;
                self.pool.inactive.sub(event.amount)
            }
            // Mints and burns come with an event that says why.
            Event::Transfer(event) if !event.from.is_zero() && !event.to.is_zero() => {
                self.staker(event.from)?.active.sub(event.value)?;
                self.staker(event.to)?.active.add(event.value)
            }
            _ => Ok(()),
        }
    }

    fn take_rewards(&mut self, event: &Event) -> Result {
        match event {
            Event::RewardsPerSecondUpdated(event) => self.pool.rate = event.emissionPerSecond,
            Event::GlobalIndexUpdated(event) => {
                if self.pool.untold.take().is_none()
                    && let Some((clock, index)) = self.pool.settled(self.pool.time)
                {
                    (self.pool.clock, self.pool.index) = (clock, index);
                }
                same("index of rewards", event.index, self.pool.index)?;
            }
            Event::UserIndexUpdated(event) => {
                let staker = self.staker(event.user)?;
                staker.accrue(event.index)?;
                same("index of a staker", event.index, staker.index)?;
                same("rewards of a staker", event.unclaimedRewards, staker.accrued)?;
            }
            Event::ClaimedRewards(event) => {
                let staker = self.staker(event.user)?;
                same("rewards claimed", event.claimedRewards, staker.accrued)?;
                (staker.accrued, staker.claimed) = (U256::ZERO, plus(staker.claimed, event.claimedRewards)?);
                self.pool.claimed = plus(self.pool.claimed, event.claimedRewards)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn take_debt(&mut self, position: u64, event: &Event) -> Result {
        match event {
            Event::Borrowed(event) => {
                let borrower = self.borrower(event.borrower);
                borrower.borrowed = plus(borrower.borrowed, event.amount)?;
                same("a loan", event.newBorrowedBalance, borrower.borrowed)?;
                self.pool.borrowed = plus(self.pool.borrowed, event.amount)?;
            }
            Event::RepaidBorrow(event) => {
                let borrower = self.borrower(event.borrower);
                borrower.borrowed = minus(borrower.borrowed, event.amount)?;
                same("a loan", event.newBorrowedBalance, borrower.borrowed)?;
                self.pool.borrowed = minus(self.pool.borrowed, event.amount)?;
            }
            Event::DebtMarked(event) => {
                let borrower = self.borrower(event.borrower);
                borrower.borrowed = minus(borrower.borrowed, event.amount)?;
                borrower.debt = plus(borrower.debt, event.amount)?;
                same("a loan", event.newBorrowedBalance, borrower.borrowed)?;
                same("a debt", event.newDebtBalance, borrower.debt)?;
                self.pool.borrowed = minus(self.pool.borrowed, event.amount)?;
                self.pool.borrower_debt = plus(self.pool.borrower_debt, event.amount)?;
            }
            Event::RepaidDebt(event) => {
                self.reduce_debt(event.borrower, event.amount, event.newDebtBalance)?;
                self.pool.repaid_debt = plus(self.pool.repaid_debt, event.amount)?;
            }
            Event::OperatorDecreasedBorrowerDebt(event) => {
                self.reduce_debt(event.borrower, event.amount, event.newDebtBalance)?;
            }
            Event::ConvertedInactiveBalancesToDebt(event) => {
                let epoch = self.pool.epoch().ok_or_else(|| Contradiction("a shortfall before epoch zero".into()))?;
                self.pool.inactive.sub(event.shortfallAmount)?;
                same("inactive stake", event.newInactiveBalance, self.pool.inactive.now)?;
                let (index, amount, time) = (event.shortfallIndex, event.shortfallAmount, self.pool.time);
                self.changed.shortfalls.push((position, self.pool.shortfalls));
                self.shortfalls.push(Shortfall { epoch, index, amount, time });
                self.pool.shortfalls += 1;
            }
            Event::WithdrewDebt(event) => {
                let staker = self.staker(event.staker)?;
                staker.debt = minus(staker.debt, event.amount)?;
                staker.recovered = plus(staker.recovered, event.amount)?;
                same("what a staker is owed", event.newDebtBalance, staker.debt)?;
                self.pool.repaid_debt = minus(self.pool.repaid_debt, event.amount)?;
            }
            Event::OperatorDecreasedStakerDebt(event) => {
                let staker = self.staker(event.staker)?;
                staker.debt = minus(staker.debt, event.amount)?;
                same("what a staker is owed", event.newDebtBalance, staker.debt)?;
            }
            Event::ReceivedDebt(event) => {
                self.staker(event.staker)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn reduce_debt(&mut self, borrower: Address, amount: U256, left: U256) -> Result {
        let account = self.borrower(borrower);
        account.debt = minus(account.debt, amount)?;
        same("a debt", left, account.debt)?;
        self.pool.borrower_debt = minus(self.pool.borrower_debt, amount)?;
        Ok(())
    }
}
