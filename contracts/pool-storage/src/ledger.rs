//! Settlement: bringing a stored record to the present, with what follows from it (spec sections 4.4 and 6).
//!
//! Whoever changes active stake does so in this order: the total first, since crossing an epoch boundary with it writes the index that
//! a staker's own crossing needs; then the staker; then rewards up to now, from the balances before the change.

use alloy_primitives::{Address, U256};
use balances::{Active, GlobalRewards, Inactive, Schedule, Shortfall, UserRewards};
use stylus_sdk::prelude::*;

use crate::{
    HOST, Pool, Revert, abi, emit, revert,
    words::{self, Borrower, Emission, Loans},
};

/// The present, as each entry point reads it once.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Seconds since 1970.
    pub now: u64,
    /// The current epoch.
    pub epoch: u16,
    /// The schedule it belongs to.
    pub schedule: Schedule,
}

/// Reading the present.
impl Pool {
    /// The schedule.
    pub fn schedule(&self) -> Schedule {
        words::Schedule::from_word(self.schedule.get()).epochs
    }

    /// Seconds since 1970.
    pub fn now(&self) -> u64 {
        HOST.block_timestamp()
    }

    /// The present; an error before epoch zero.
    pub fn moment(&self) -> Result<Moment, Revert> {
        let (now, schedule) = (self.now(), self.schedule());
        Ok(Moment { now, epoch: schedule.epoch(now)?, schedule })
    }

    /// The present, for getters: none before epoch zero.
    pub fn moment_if_started(&self) -> Result<Option<Moment>, Revert> {
        let (now, schedule) = (self.now(), self.schedule());
        if !schedule.has_started(now) {
            return Ok(None);
        }
        Ok(Some(Moment { now, epoch: schedule.epoch(now)?, schedule }))
    }

    /// Refuses the closed part of an epoch.
    pub fn outside_blackout(&self) -> Result<(), Revert> {
        let (now, schedule) = (self.now(), self.schedule());
        if schedule.in_blackout(now) {
            return Err(revert(abi::InBlackoutWindow {
                timeRemaining: U256::from(schedule.time_remaining(now)?),
                blackoutWindow: U256::from(schedule.blackout),
            }));
        }
        Ok(())
    }

    /// The total active balance, changing nothing.
    pub fn peek_total_active(&self, at: &Moment) -> Active {
        let mut total = Active::from_word(self.total_active.get());
        let _ = total.roll_to(at.epoch);
        total
    }

    /// Stake that is not lent out: next-epoch totals minus loans, which needs no settling, since moving stake between active and
    /// inactive keeps their sum.
    pub fn unborrowed(&self) -> u128 {
        let active = Active::from_word(self.total_active.get()).next();
        let inactive = Inactive::from_word(self.total_inactive.get()).next();
        let borrowed = self.borrowed();
        // Two balances of 112 bits. Loans never exceed stake; if they did, nothing could be withdrawn, but the exit stays open.
        active.saturating_add(inactive).saturating_sub(borrowed)
    }

    /// What all borrowers have borrowed.
    pub fn borrowed(&self) -> u128 {
        Loans::from_word(self.loans.get()).borrowed
    }

    /// Stake that can be withdrawn: what is not lent out, and nothing while loans exceed the active stake, that is, before a shortfall
    /// is marked.
    pub fn withdrawable(&self, at: &Moment) -> u128 {
        let short = self.borrowed() > self.peek_total_active(at).current();
        if short { 0 } else { self.unborrowed() }
    }

    /// Refuses accounts that cannot hold stake: zero, and the pool, which could never do anything with it.
    pub fn check_staker(&self, staker: Address) -> Result<(), Revert> {
        if self.is_nobody(staker) {
            return Err(revert(abi::InvalidStaker { staker }));
        }
        Ok(())
    }

    /// Refuses recipients that would lose what they receive.
    pub fn check_recipient(&self, recipient: Address) -> Result<(), Revert> {
        if self.is_nobody(recipient) {
            return Err(revert(abi::InvalidRecipient { recipient }));
        }
        Ok(())
    }

    /// Whether nobody can act for `account`: the zero address and the pool itself.
    pub fn is_nobody(&self, account: Address) -> bool {
        account.is_zero() || account == HOST.contract_address()
    }
}

/// Borrowers.
impl Pool {
    /// A borrower with its share of this epoch and the next; as stored before epoch zero, when shares apply at once.
    pub fn load_borrower(&self, borrower: Address, at: Option<&Moment>) -> Borrower {
        let mut record = Borrower::from_word(self.borrowers.get(borrower));
        if let Some(at) = at {
            record.allocation.roll_to(at.epoch);
        }
        record
    }

    /// Stores a borrower as restricted or not. Reports a change.
    pub fn restrict(&mut self, borrower: Address, record: &mut Borrower, restricted: bool) {
        if record.restricted == restricted {
            return;
        }
        record.restricted = restricted;
        self.borrowers.insert(borrower, record.to_word());
        emit(&abi::BorrowingRestrictionChanged { borrower, isBorrowingRestricted: restricted });
    }
}

/// Loading for update. The caller changes what it gets and stores it.
impl Pool {
    /// The total active balance. Fixes the index of a boundary at which it changed, and remembers whether the epoch began short: only
    /// there can loans come to exceed it, since within an epoch it never falls and nobody can borrow beyond it.
    pub fn load_total_active(&mut self, at: &Moment) -> Result<Active, Revert> {
        let mut total = Active::from_word(self.total_active.get());
        if let Some(crossed) = total.roll_to(at.epoch) {
            let boundary = at.schedule.end_of(crossed.epoch);
            let index = self.settle_index(crossed.amount, boundary)?;
            self.epoch_indexes.insert(crossed.epoch, index);
            total.set_began_short(self.borrowed() > total.current());
        }
        Ok(total)
    }

    /// A staker's active balance. Accrues rewards up to a boundary at which it changed; the total must have been loaded before.
    pub fn load_active(&mut self, staker: Address, at: &Moment) -> Result<Active, Revert> {
        let mut active = Active::from_word(self.active.get(staker));
        if let Some(crossed) = active.roll_to(at.epoch) {
            let index = self.epoch_indexes.get(crossed.epoch);
            self.settle_staker_rewards(staker, crossed.amount, index)?;
        }
        Ok(active)
    }

    /// The total inactive balance.
    pub fn load_total_inactive(&self, at: &Moment) -> Inactive {
        let mut total = Inactive::from_word(self.total_inactive.get());
        total.roll_total_to(at.epoch);
        total
    }

    /// A staker's inactive balance. Credits what shortfalls took as debt; `total` knows how many there are.
    pub fn load_inactive(&mut self, staker: Address, at: &Moment, total: &Inactive) -> Result<Inactive, Revert> {
        let (inactive, loss) = self.peek_inactive(staker, at, total);
        self.credit_loss(staker, loss);
        Ok(inactive)
    }

    /// A staker's inactive balance and the loss not yet credited, changing nothing.
    pub fn peek_inactive(&self, staker: Address, at: &Moment, total: &Inactive) -> (Inactive, u128) {
        let mut inactive = Inactive::from_word(self.inactive.get(staker));
        let loss =
            inactive.roll_to(at.epoch, total.shortfalls(), |number| Shortfall::from_word(self.shortfalls.get(number)));
        (inactive, loss)
    }

    /// Owes a staker what shortfalls took, if they took anything, and reports it as debt and burn.
    pub fn credit_loss(&mut self, staker: Address, loss: u128) {
        if loss == 0 {
            return;
        }
        let amount = U256::from(loss);
        // Losses sum to at most what was staked: far below 2^256.
        let debt = self.staker_debts.get(staker).saturating_add(amount);
        self.staker_debts.insert(staker, debt);
        emit(&abi::ReceivedDebt { staker, amount, newDebtBalance: debt });
        emit(&abi::Transfer { from: staker, to: Address::ZERO, value: amount });
    }
}

/// Rewards.
impl Pool {
    /// Settles the global index up to `up_to`, from `total` active stake; returns it.
    pub fn settle_index(&mut self, total: u128, up_to: u64) -> Result<U256, Revert> {
        let mut rewards = GlobalRewards::from_word(self.rewards.get());
        let rate = Emission::from_word(self.emission.get()).rewards_per_second;
        if rewards.settle_to(up_to, total, rate)? {
            self.rewards.set(rewards.to_word());
            emit(&abi::GlobalIndexUpdated { index: rewards.index });
        }
        Ok(rewards.index)
    }

    /// Accrues what `staked` earned up to `index`.
    pub fn settle_staker_rewards(&mut self, staker: Address, staked: u128, index: U256) -> Result<UserRewards, Revert> {
        let mut rewards = UserRewards::from_word(self.staker_rewards.get(staker));
        if rewards.settle_to(index, staked)? {
            self.staker_rewards.insert(staker, rewards.to_word());
            emit(&abi::UserIndexUpdated { user: staker, index, unclaimedRewards: U256::from(rewards.accrued) });
        }
        Ok(rewards)
    }
}
