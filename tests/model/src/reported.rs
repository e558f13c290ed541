//! What the contracts have stored and reported so far. They settle late, the ledger does not; this predicts their events and the getters
//! of stored values, and nothing else is computed from it.

use std::collections::{BTreeMap, VecDeque};

use alloy_primitives::{Address, U256};

use crate::{
    Event, Ledger,
    exact::{Exact, sum, u},
};

/// What is stored of the whole pool.
#[derive(Clone, Debug, Default)]
pub struct Reported {
    /// Index of a boundary that nobody has touched since, if its settlement moved the rewards clock: to be reported.
    pub index: Option<U256>,
    /// That boundary's epoch and index: to be stored.
    pub boundary: Option<(u64, U256)>,
    /// Stored indexes by epoch.
    pub epoch_indexes: BTreeMap<u64, U256>,
}

/// What is stored of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The index to which its rewards are settled.
    pub index: U256,
    /// The epoch to which its inactive stake is settled.
    pub epoch: u64,
    /// How many shortfalls it is settled across.
    pub shortfalls: usize,
    /// Losses not yet credited: number of the shortfall, amount.
    pub losses: VecDeque<(usize, U256)>,
}

impl Ledger {
    /// Somebody touches the total active stake.
    pub(crate) fn touch_total(&mut self) {
        if let Some(index) = self.reported.index.take() {
            self.report(Event::GlobalIndexUpdated(index));
        }
        if let Some((epoch, index)) = self.reported.boundary.take() {
            self.reported.epoch_indexes.insert(epoch, index);
        }
    }

    /// Somebody touches active stake; the total was touched before.
    pub(crate) fn touch_active(&mut self, staker: Address) {
        let account = self.account_mut(staker);
        if account.index != account.reported.index {
            account.reported.index = account.index;
            let event = Event::UserIndexUpdated(staker, account.index, account.accrued);
            self.report(event);
        }
    }

    /// Somebody touches inactive stake: everything is settled.
    pub(crate) fn touch_inactive(&mut self, staker: Address) {
        let (epoch, count) = (self.epoch().expect("checked before"), self.shortfalls.len());
        self.credit(staker, epoch, count);
    }

    /// Inactive stake is settled to `epoch`, across the first `count` shortfalls.
    pub(crate) fn credit(&mut self, staker: Address, epoch: u64, count: usize) {
        let account = self.account_mut(staker);
        let mut loss = U256::ZERO;
        while let Some((_, amount)) = account.reported.losses.pop_front_if(|(number, _)| *number < count) {
            loss = loss.plus(amount);
        }
        (account.reported.epoch, account.reported.shortfalls) = (epoch, count);
        let debt = account.debt.minus(sum(account.reported.losses.iter().map(|(_, amount)| *amount)));
        if !loss.is_zero() {
            self.report(Event::ReceivedDebt(staker, loss, debt));
            self.report(Event::Transfer(staker, Address::ZERO, loss));
        }
    }

    /// Inactive stake is settled across at most `max` shortfalls; returns how many are left. An empty record skips them all.
    pub(crate) fn credit_some(&mut self, staker: Address, max: U256) -> usize {
        let count = self.shortfalls.len();
        let account = self.account_mut(staker);
        let stored = account.inactive.next.plus(sum(account.reported.losses.iter().map(|(_, amount)| *amount)));
        let first = account.reported.shortfalls;
        let steps = max.min(u(count.saturating_sub(first) as u64)).to::<usize>();
        if stored.is_zero() || first + steps == count {
            self.touch_inactive(staker);
            return 0;
        }
        if steps > 0 {
            let epoch = self.account_mut(staker).reported.epoch.max(self.shortfalls[first + steps - 1].epoch);
            self.credit(staker, epoch, first + steps);
        }
        count - first - steps
    }
}
