//! Rewards by the second (spec section 6).

use alloy_primitives::{Address, U256};

use crate::{
    Event, Ledger, Refusal,
    exact::{Exact, ten_to, u},
};

/// Rewards of the whole pool.
#[derive(Clone, Debug)]
pub(crate) struct Rewards {
    /// Emission per second.
    pub(crate) rate: U256,
    /// Rewards of one staked unit, times 10^18.
    pub(crate) index: U256,
    /// Second up to which the index is settled.
    pub(crate) clock: u64,
}

impl Rewards {
    pub(crate) fn starting(clock: u64) -> Self {
        Self { rate: U256::ZERO, index: U256::ZERO, clock }
    }
}

impl Ledger {
    /// Clock and index after a settlement up to `to`; nothing if it would not move the clock.
    fn settled(&self, to: u64) -> Option<(u64, U256)> {
        let rewards = &self.rewards;
        let end = to.min(self.setup.distribution.1);
        if end <= rewards.clock {
            return None;
        }
        if rewards.rate.is_zero() || self.active.now.is_zero() {
            return Some((end, rewards.index));
        }
        let emitted = u(end - rewards.clock).times(rewards.rate).times(ten_to(18));
        Some((end, rewards.index.plus(emitted.over_down(self.active.now))))
    }

    /// The index now, as a settlement at this moment would find it.
    pub(crate) fn index_now(&self) -> U256 {
        self.settled(self.now).map_or(self.rewards.index, |(_, index)| index)
    }

    /// What an account could claim now.
    pub(crate) fn claimable(&self, staker: Address) -> U256 {
        let Some(account) = self.accounts.get(&staker) else { return U256::ZERO };
        account.accrued.plus(earned(account.active.now, account.index, self.index_now()))
    }

    /// Index and every changing account are settled to the end of an epoch, before its balances change.
    pub(crate) fn accrue_to_boundary(&mut self, ended: u64, boundary: u64) {
        if let Some((clock, index)) = self.settled(boundary) {
            (self.rewards.clock, self.rewards.index) = (clock, index);
            self.reported.index = Some(index);
        }
        let index = self.rewards.index;
        self.reported.boundary = Some((ended, index));
        for account in self.accounts.values_mut().filter(|account| account.active.now != account.active.next) {
            account.accrued = account.accrued.plus(earned(account.active.now, account.index, index));
            account.index = index;
        }
    }

    /// The index is settled to now. Reports it, if its clock moved.
    pub(crate) fn settle_index(&mut self) {
        if let Some((clock, index)) = self.settled(self.now) {
            (self.rewards.clock, self.rewards.index) = (clock, index);
            self.report(Event::GlobalIndexUpdated(index));
        }
    }

    /// An account's rewards are settled to the index. Reports them, if the index moved since.
    pub(crate) fn settle_rewards(&mut self, staker: Address) {
        let index = self.rewards.index;
        let account = self.account_mut(staker);
        account.accrued = account.accrued.plus(earned(account.active.now, account.index, index));
        account.index = index;
        self.touch_active(staker);
    }

    /// The boundary first, then up to now: what moves active stake does this before.
    pub(crate) fn settle_to_now(&mut self, stakers: &[Address]) {
        self.touch_total();
        for staker in stakers {
            self.touch_active(*staker);
        }
        self.settle_index();
        for staker in stakers {
            self.settle_rewards(*staker);
        }
    }

    pub(crate) fn claim(&mut self, staker: Address, to: Address) -> Result<U256, Refusal> {
        self.check_recipient(to)?;
        self.epoch()?;
        self.settle_to_now(&[staker]);
        let claimed = std::mem::take(&mut self.account_mut(staker).accrued);
        self.pay_rewards(to, claimed)?;
        self.report(Event::ClaimedRewards(staker, to, claimed));
        Ok(claimed)
    }

    fn pay_rewards(&mut self, to: Address, amount: U256) -> Result<(), Refusal> {
        if amount > self.treasury.holds || amount > self.treasury.allows {
            return Err(Refusal::TokenFailed { token: self.setup.rewards_token });
        }
        self.treasury.holds = self.treasury.holds.minus(amount);
        self.treasury.allows = self.treasury.allows.minus(amount); // The token of the tests knows no infinite allowance.
        let paid = self.rewards_paid.entry(to).or_default();
        *paid = paid.plus(amount);
        self.terms.claimed = self.terms.claimed.plus(amount);
        Ok(())
    }

    /// The highest legal rate: all that it could emit fits 96 bits.
    pub(crate) fn maximum_rate(&self) -> U256 {
        let (start, end) = self.setup.distribution;
        U256::MAX.wrapping_shr(160).over_down(u((end - start).max(1)))
    }

    /// Counts what is emitted up to `to`, for the invariants only.
    pub(crate) fn emit_until(&mut self, to: u64) {
        let (start, end) = self.setup.distribution;
        let seconds = to.min(end).saturating_sub(self.now.max(start));
        if !self.active.now.is_zero() {
            self.terms.emitted = self.terms.emitted.plus(u(seconds).times(self.rewards.rate));
        }
    }
}

/// Rewards of `staked` between two indexes, rounded down.
fn earned(staked: U256, from: U256, to: U256) -> U256 {
    staked.times(to.minus(from)).over_down(ten_to(18))
}
