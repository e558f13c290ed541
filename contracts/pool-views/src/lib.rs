//! What can be read about stakers and the pool. What each function answers stands in `abi/IPoolViews.sol`.
//!
//! Each answer is what a settlement at this moment would find: records are rolled in memory and nothing is written.

#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(missing_docs, reason = "what `program!` generates is public")]

extern crate alloc;

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, U256};
use balances::{Active, GlobalRewards, Inactive, UserRewards, max_rate};
use pool_storage::{
    Moment, Pool, Revert,
    words::{self, Emission, Loans},
};
use stylus_sdk::prelude::*;

/// The facet: the pool's storage and nothing else.
#[storage]
pub struct PoolViews {
    pool: Pool,
}

pool_storage::program!(PoolViews);

#[public]
impl PoolViews {
    // ---------------------------------------------------------------- one staker

    fn get_active_balance_current_epoch(&self, staker: Address) -> Result<U256, Revert> {
        Ok(U256::from(self.active(staker)?.current()))
    }

    fn get_active_balance_next_epoch(&self, staker: Address) -> Result<U256, Revert> {
        Ok(U256::from(self.active(staker)?.next()))
    }

    fn get_inactive_balance_current_epoch(&self, staker: Address) -> Result<U256, Revert> {
        Ok(U256::from(self.inactive(staker)?.0.current()))
    }

    fn get_inactive_balance_next_epoch(&self, staker: Address) -> Result<U256, Revert> {
        Ok(U256::from(self.inactive(staker)?.0.next()))
    }

    fn get_stake_available_to_withdraw(&self, staker: Address) -> Result<U256, Revert> {
        Ok(U256::from(self.inactive(staker)?.0.current().min(self.withdrawable()?)))
    }

    fn get_claimable_rewards(&self, staker: Address) -> Result<U256, Revert> {
        Ok(U256::from(self.claimable(staker)?))
    }

    fn get_user_index(&self, staker: Address) -> U256 {
        UserRewards::from_word(self.pool.staker_rewards.get(staker)).index
    }

    /// The fields of `IPoolViews.Account`.
    #[allow(clippy::type_complexity, reason = "a struct of the interface, as the SDK encodes it")]
    fn get_account(&self, staker: Address) -> Result<(U256, U256, U256, U256, U256, U256, U256, U256), Revert> {
        let active = self.active(staker)?;
        let (inactive, loss) = self.inactive(staker)?;
        let debt = self.pool.staker_debts.get(staker).saturating_add(U256::from(loss));
        Ok((
            U256::from(active.current()),
            U256::from(active.next()),
            U256::from(inactive.current()),
            U256::from(inactive.next()),
            debt,
            U256::from(self.claimable(staker)?),
            U256::from(inactive.current().min(self.withdrawable()?)),
            debt.min(U256::from(self.loans().debt_available)),
        ))
    }

    // ---------------------------------------------------------------- the pool

    fn get_total_active_balance_current_epoch(&self) -> Result<U256, Revert> {
        Ok(U256::from(self.totals()?.0.current()))
    }

    fn get_total_active_balance_next_epoch(&self) -> Result<U256, Revert> {
        Ok(U256::from(self.totals()?.0.next()))
    }

    fn get_total_inactive_balance_current_epoch(&self) -> Result<U256, Revert> {
        Ok(U256::from(self.totals()?.1.current()))
    }

    fn get_total_inactive_balance_next_epoch(&self) -> Result<U256, Revert> {
        Ok(U256::from(self.totals()?.1.next()))
    }

    fn get_contract_balance_available_to_withdraw(&self) -> Result<U256, Revert> {
        Ok(U256::from(self.withdrawable()?))
    }

    fn get_surplus(&self) -> Result<U256, Revert> {
        self.pool.surplus()
    }

    fn get_global_index(&self) -> Result<U256, Revert> {
        let settled = match self.pool.moment_if_started()? {
            Some(at) => Settlement::now(&self.pool, &at)?.rewards,
            None => GlobalRewards::from_word(self.pool.rewards.get()),
        };
        Ok(settled.index)
    }

    fn get_epoch_index(&self, epoch: U256) -> U256 {
        // Later epochs than records can name have no index.
        u16::try_from(epoch).map(|epoch| self.pool.epoch_indexes.get(epoch)).unwrap_or_default()
    }

    fn get_rewards_per_second(&self) -> U256 {
        U256::from(self.emission().rewards_per_second)
    }

    fn get_maximum_rewards_per_second(&self) -> U256 {
        let end = GlobalRewards::from_word(self.pool.rewards.get()).end;
        U256::from(max_rate(end.saturating_sub(self.distribution_start_seconds())))
    }

    /// The fields of `IPoolViews.PoolState`.
    #[allow(clippy::type_complexity, reason = "a struct of the interface, as the SDK encodes it")]
    fn get_pool(
        &self,
    ) -> Result<(bool, bool, U256, U256, U256, U256, U256, U256, U256, U256, U256, U256, U256, U256, U256), Revert>
    {
        let (schedule, now) = (self.pool.schedule(), self.pool.now());
        let (active, inactive) = self.totals()?;
        let loans = self.loans();
        Ok((
            schedule.has_started(now),
            schedule.in_blackout(now),
            U256::from(schedule.epoch_number(now).unwrap_or_default()),
            U256::from(schedule.time_remaining(now).unwrap_or_default()),
            U256::from(active.current()),
            U256::from(active.next()),
            U256::from(inactive.current()),
            U256::from(inactive.next()),
            U256::from(loans.borrowed),
            self.pool.total_borrower_debt.get(),
            U256::from(self.withdrawable()?),
            U256::from(loans.debt_available),
            U256::from(inactive.shortfalls()),
            U256::from(self.emission().rewards_per_second),
            self.get_global_index()?,
        ))
    }

    // ---------------------------------------------------------------- what never changes

    #[selector(name = "STAKED_TOKEN")]
    fn staked_token(&self) -> Address {
        self.emission().staked_token
    }

    #[selector(name = "REWARDS_TOKEN")]
    fn rewards_token(&self) -> Address {
        self.pool.rewards_token.address()
    }

    #[selector(name = "REWARDS_TREASURY")]
    fn rewards_treasury(&self) -> Address {
        self.pool.rewards_treasury.address()
    }

    #[selector(name = "DISTRIBUTION_START")]
    fn distribution_start(&self) -> U256 {
        U256::from(self.distribution_start_seconds())
    }

    #[selector(name = "DISTRIBUTION_END")]
    fn distribution_end(&self) -> U256 {
        U256::from(GlobalRewards::from_word(self.pool.rewards.get()).end)
    }
}

/// Records at this moment. Before epoch zero there are none.
impl PoolViews {
    fn active(&self, staker: Address) -> Result<Active, Revert> {
        let Some(at) = self.pool.moment_if_started()? else {
            return Ok(Active::default());
        };
        let mut active = Active::from_word(self.pool.active.get(staker));
        let _ = active.roll_to(at.epoch);
        Ok(active)
    }

    fn inactive(&self, staker: Address) -> Result<(Inactive, u128), Revert> {
        let Some(at) = self.pool.moment_if_started()? else {
            return Ok((Inactive::default(), 0));
        };
        let total = self.pool.load_total_inactive(&at);
        Ok(self.pool.peek_inactive(staker, &at, &total))
    }

    fn withdrawable(&self) -> Result<u128, Revert> {
        Ok(self.pool.moment_if_started()?.map(|at| self.pool.withdrawable(&at)).unwrap_or_default())
    }

    fn totals(&self) -> Result<(Active, Inactive), Revert> {
        let Some(at) = self.pool.moment_if_started()? else {
            return Ok((Active::default(), Inactive::default()));
        };
        let mut active = Active::from_word(self.pool.total_active.get());
        let _ = active.roll_to(at.epoch);
        Ok((active, self.pool.load_total_inactive(&at)))
    }

    fn claimable(&self, staker: Address) -> Result<u128, Revert> {
        let Some(at) = self.pool.moment_if_started()? else {
            return Ok(0);
        };
        let settled = Settlement::now(&self.pool, &at)?;
        let mut rewards = UserRewards::from_word(self.pool.staker_rewards.get(staker));
        let mut active = Active::from_word(self.pool.active.get(staker));
        if let Some(crossed) = active.roll_to(at.epoch) {
            let index = settled.index_after(&self.pool, crossed.epoch);
            rewards.settle_to(index, crossed.amount)?;
        }
        rewards.settle_to(settled.rewards.index, active.current())?;
        Ok(rewards.accrued)
    }

    fn loans(&self) -> Loans {
        Loans::from_word(self.pool.loans.get())
    }

    fn emission(&self) -> Emission {
        Emission::from_word(self.pool.emission.get())
    }

    fn distribution_start_seconds(&self) -> u64 {
        words::Schedule::from_word(self.pool.schedule.get()).distribution_start
    }
}

/// The rewards index settled to this moment, and on the way to a boundary that nobody has settled yet.
struct Settlement {
    rewards: GlobalRewards,
    boundary: Option<(u16, U256)>,
}

impl Settlement {
    fn now(pool: &Pool, at: &Moment) -> Result<Self, Revert> {
        let rate = Emission::from_word(pool.emission.get()).rewards_per_second;
        let mut rewards = GlobalRewards::from_word(pool.rewards.get());
        let mut total = Active::from_word(pool.total_active.get());
        let mut boundary = None;
        if let Some(crossed) = total.roll_to(at.epoch) {
            rewards.settle_to(at.schedule.end_of(crossed.epoch), crossed.amount, rate)?;
            boundary = Some((crossed.epoch, rewards.index));
        }
        rewards.settle_to(at.now, total.current(), rate)?;
        Ok(Self { rewards, boundary })
    }

    /// The index at the end of `epoch`, as a settlement would store it.
    fn index_after(&self, pool: &Pool, epoch: u16) -> U256 {
        match self.boundary {
            Some((crossed, index)) if crossed == epoch => index,
            _ => pool.epoch_indexes.get(epoch),
        }
    }
}
