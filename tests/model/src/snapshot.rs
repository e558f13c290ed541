//! Everything that the pool's getters say at one moment.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};

use crate::{
    Ledger, Role, Shortfall, Stake, WHOLE,
    exact::{Exact, u},
};

/// `getPool`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "abi/IPoolViews.sol documents each field")]
pub struct PoolView {
    pub started: bool,
    pub in_blackout: bool,
    pub epoch: U256,
    pub remaining: U256,
    pub active: Stake,
    pub inactive: Stake,
    pub borrowed: U256,
    pub borrower_debt: U256,
    pub unborrowed: U256,
    pub repaid_debt: U256,
    pub shortfalls: U256,
    pub rate: U256,
    pub index: U256,
}

/// `getAccount`, and what the tokens say of its holder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "abi/IPoolViews.sol documents each field")]
pub struct AccountView {
    pub active: Stake,
    pub inactive: Stake,
    pub debt: U256,
    pub claimable: U256,
    pub stake_available: U256,
    pub debt_available: U256,
    /// `balanceOf`.
    pub balance: U256,
    /// `getTransferableBalance`.
    pub transferable: U256,
    /// `getUserIndex`: stored, not settled.
    pub stored_index: U256,
    /// Staked tokens outside of the pool.
    pub wallet: U256,
    /// Rewards received.
    pub rewards: U256,
}

/// `getBorrower`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "abi/IBorrowerAllocations.sol documents each field")]
pub struct BorrowerView {
    pub borrowed: U256,
    pub debt: U256,
    pub share: Stake,
    pub allocated: Stake,
    pub borrowable: U256,
    pub overdue: bool,
    pub restricted: bool,
    pub cap: U256,
    pub overdue_amount: U256,
}

/// The pool at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Seconds since 1970.
    pub now: u64,
    /// Interval, offset, blackout window; seconds.
    pub schedule: (U256, U256, U256),
    /// First seconds of this epoch and the next, once there is one.
    pub epoch_starts: Option<(U256, U256)>,
    /// `getPool`.
    pub pool: PoolView,
    /// `getContractBalanceAvailableToBorrow`.
    pub available_to_borrow: U256,
    /// `getSurplus`.
    pub surplus: U256,
    /// Staked tokens at the pool's address.
    pub held: U256,
    /// `totalSupply`.
    pub supply: U256,
    /// `getShortfallAmount`.
    pub shortfall: U256,
    /// `isSolvent`.
    pub solvent: bool,
    /// `getMaximumRewardsPerSecond`.
    pub maximum_rate: U256,
    /// `getShortfall` of each.
    pub shortfalls: Vec<Shortfall>,
    /// `getEpochIndex` of some epochs: stored, not settled.
    pub epoch_indexes: BTreeMap<u64, U256>,
    /// Everybody who may hold stake.
    pub accounts: BTreeMap<Address, AccountView>,
    /// Everybody who may borrow, nobody included.
    pub borrowers: BTreeMap<Address, BorrowerView>,
    /// `previewMarkDebt` of all borrowers: shortfall, uncovered, converted, index.
    pub preview: (U256, U256, U256, U256),
    /// `previewDebts` of all borrowers.
    pub preview_debts: Vec<U256>,
    /// Allowances that are not zero.
    pub allowances: BTreeMap<(Address, Address), U256>,
    /// Who holds which role.
    pub roles: BTreeSet<(Role, Address)>,
}

impl Ledger {
    /// The pool's totals.
    pub fn pool_view(&self) -> PoolView {
        PoolView {
            started: self.has_started(),
            in_blackout: self.schedule.in_blackout(self.now),
            epoch: self.epoch().map_or(U256::ZERO, u),
            remaining: self.schedule.remaining(self.now).map_or(U256::ZERO, u),
            active: self.active,
            inactive: self.inactive,
            borrowed: self.borrowed,
            borrower_debt: self.borrower_debt,
            unborrowed: self.withdrawable(),
            repaid_debt: self.repaid,
            shortfalls: u(self.shortfalls.len() as u64),
            rate: self.rewards.rate,
            index: self.index_now(),
        }
    }

    /// A staker.
    pub fn account_view(&self, staker: Address) -> AccountView {
        let account = self.account(staker);
        AccountView {
            active: account.active,
            inactive: account.inactive,
            debt: account.debt,
            claimable: self.claimable(staker),
            stake_available: account.inactive.now.min(self.withdrawable()),
            debt_available: account.debt.min(self.repaid),
            balance: account.active.now.plus(account.inactive.now),
            transferable: account.active.next,
            stored_index: account.reported.index,
            wallet: self.wallets.get(&staker).copied().unwrap_or_default(),
            rewards: self.rewards_paid.get(&staker).copied().unwrap_or_default(),
        }
    }

    /// A borrower.
    pub fn borrower_view(&self, name: Address) -> BorrowerView {
        let borrower = self.borrower(name);
        BorrowerView {
            borrowed: borrower.borrowed,
            debt: borrower.debt,
            share: borrower.share,
            allocated: Stake { now: self.allocated(name), next: self.allocated_next(name) },
            borrowable: self.borrowable(name),
            overdue: borrower.borrowed > self.allocated(name),
            restricted: borrower.restricted,
            cap: borrower.cap,
            overdue_amount: self.overdue_amount(name),
        }
    }

    /// Everything, of these people; indexes of these epochs.
    pub fn snapshot(&self, people: &[Address], borrowers: &[Address], epochs: &[u64]) -> Snapshot {
        let charges = self.charges(borrowers);
        let (converted, index) = self.haircut(self.shortfall());
        let uncovered = charges.required.minus(charges.covered).over_up(u(WHOLE));
        let stored = |epoch: &u64| self.reported.epoch_indexes.get(epoch).copied().unwrap_or_default();
        Snapshot {
            now: self.now,
            schedule: (u(self.schedule.interval), U256::from(self.schedule.offset), u(self.schedule.blackout)),
            epoch_starts: self
                .epoch()
                .ok()
                .map(|epoch| (self.schedule.start_of(u(epoch)), self.schedule.start_of(u(epoch + 1)))),
            pool: self.pool_view(),
            available_to_borrow: self.available_to_borrow(),
            surplus: self.surplus,
            held: self.held(),
            supply: self.active.now.plus(self.inactive.now),
            shortfall: self.shortfall(),
            solvent: self.shortfall().is_zero(),
            maximum_rate: self.maximum_rate(),
            shortfalls: self.shortfalls.clone(),
            epoch_indexes: epochs.iter().map(|epoch| (*epoch, stored(epoch))).collect(),
            accounts: people.iter().map(|name| (*name, self.account_view(*name))).collect(),
            borrowers: borrowers.iter().map(|name| (*name, self.borrower_view(*name))).collect(),
            preview: (self.shortfall(), uncovered, converted, index),
            preview_debts: charges.debts.into_iter().map(|(_, debt)| debt).collect(),
            allowances: self.allowances.iter().filter(|(_, amount)| !amount.is_zero()).map(|(k, v)| (*k, *v)).collect(),
            roles: self.roles.iter().filter(|(_, name)| people.contains(name)).copied().collect(),
        }
    }

    /// Epochs whose stored indexes are worth a look: the latest stored ones and those around now.
    pub fn notable_epochs(&self) -> Vec<u64> {
        let latest = self.reported.epoch_indexes.keys().rev().take(3).copied();
        let now = self.epoch().unwrap_or(0);
        latest.chain([now.saturating_sub(1), now]).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Terms of the invariants that no getter tells.
    pub fn terms(&self) -> &crate::Terms {
        &self.terms
    }

    /// What could be withdrawn: nothing while a shortfall is not marked.
    pub(crate) fn withdrawable(&self) -> U256 {
        if self.shortfall().is_zero() { self.unborrowed } else { U256::ZERO }
    }
}
