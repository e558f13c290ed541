//! Stake, request, withdraw, earn, claim. What each function does, refuses and reports stands in `abi/IStaking.sol`.
//!
//! Every entry point runs in the same order: who and for whom, arguments, present, settle, change, store, move tokens, report. The total
//! is always changed together with a staker, and before it.

#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(missing_docs, reason = "what `program!` generates is public")]

extern crate alloc;

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, B256, U256};
use balances::{Active, Inactive, to_balance};
use openzeppelin_stylus::token::erc20::utils::ISafeErc20;
use pool_storage::{HOST, Moment, Permit, Pool, Revert, Role, abi, emit, revert};
use stylus_sdk::prelude::*;

/// The facet: the pool's storage and nothing else.
#[storage]
pub struct Staking {
    pool: Pool,
}

pool_storage::program!(Staking);

#[public]
impl Staking {
    fn stake(&mut self, amount: U256) -> Result<(), Revert> {
        let caller = HOST.msg_sender();
        self.pool.deposit(caller, caller, amount, None)
    }

    fn stake_for(&mut self, staker: Address, amount: U256) -> Result<(), Revert> {
        self.deposit_for(staker, amount, None)
    }

    fn stake_with_permit(&mut self, amount: U256, deadline: U256, v: u8, r: B256, s: B256) -> Result<(), Revert> {
        let caller = HOST.msg_sender();
        self.pool.deposit(caller, caller, amount, Some(Permit { deadline, v, r, s }))
    }

    fn stake_for_with_permit(
        &mut self,
        staker: Address,
        amount: U256,
        deadline: U256,
        v: u8,
        r: B256,
        s: B256,
    ) -> Result<(), Revert> {
        self.deposit_for(staker, amount, Some(Permit { deadline, v, r, s }))
    }

    fn request_withdrawal(&mut self, amount: U256) -> Result<(), Revert> {
        let staker = HOST.msg_sender();
        self.pool.request(staker, amount)
    }

    fn request_withdrawal_for(&mut self, staker: Address, amount: U256) -> Result<(), Revert> {
        let operator = self.pool.only(Role::STAKE_OPERATOR)?;
        self.pool.check_staker(staker)?;
        self.pool.request(staker, amount)?;
        emit(&abi::OperatorWithdrawalRequestedFor { staker, amount, operator });
        Ok(())
    }

    fn cancel_withdrawal(&mut self, amount: U256) -> Result<(), Revert> {
        let staker = HOST.msg_sender();
        self.pool.cancel(staker, amount)
    }

    fn restake(&mut self, amount: U256) -> Result<(), Revert> {
        let staker = HOST.msg_sender();
        self.pool.restake(staker, amount)
    }

    fn withdraw_stake(&mut self, recipient: Address, amount: U256) -> Result<(), Revert> {
        let staker = HOST.msg_sender();
        self.pool.withdraw(staker, recipient, amount)
    }

    fn withdraw_max_stake(&mut self, recipient: Address) -> Result<U256, Revert> {
        let staker = HOST.msg_sender();
        self.pool.withdraw_max(staker, recipient)
    }

    fn withdraw_stake_for(&mut self, staker: Address, recipient: Address, amount: U256) -> Result<(), Revert> {
        let operator = self.pool.only(Role::STAKE_OPERATOR)?;
        self.pool.check_staker(staker)?;
        self.pool.withdraw(staker, recipient, amount)?;
        emit(&abi::OperatorWithdrewStakeFor { staker, recipient, amount, operator });
        Ok(())
    }

    fn claim_rewards(&mut self, recipient: Address) -> Result<U256, Revert> {
        let staker = HOST.msg_sender();
        self.pool.claim(staker, recipient)
    }

    fn claim_rewards_for(&mut self, staker: Address, recipient: Address) -> Result<U256, Revert> {
        let operator = self.pool.only(Role::CLAIM_OPERATOR)?;
        self.pool.check_staker(staker)?;
        let claimed = self.pool.claim(staker, recipient)?;
        emit(&abi::OperatorClaimedRewardsFor { staker, recipient, claimedRewards: claimed, operator });
        Ok(claimed)
    }
}

impl Staking {
    fn deposit_for(&mut self, staker: Address, amount: U256, permit: Option<Permit>) -> Result<(), Revert> {
        let caller = HOST.msg_sender();
        self.pool.deposit(staker, caller, amount, permit)?;
        if self.pool.has_role(Role::STAKE_OPERATOR, caller) {
            emit(&abi::OperatorStakedFor { staker, amount, operator: caller });
        }
        Ok(())
    }
}

/// What the entry points do, once the caller is known.
trait Stake {
    fn deposit(&mut self, staker: Address, payer: Address, amount: U256, permit: Option<Permit>) -> Result<(), Revert>;
    fn request(&mut self, staker: Address, amount: U256) -> Result<(), Revert>;
    fn cancel(&mut self, staker: Address, amount: U256) -> Result<(), Revert>;
    fn restake(&mut self, staker: Address, amount: U256) -> Result<(), Revert>;
    fn withdraw(&mut self, staker: Address, to: Address, amount: U256) -> Result<(), Revert>;
    fn withdraw_max(&mut self, staker: Address, to: Address) -> Result<U256, Revert>;
    fn claim(&mut self, staker: Address, to: Address) -> Result<U256, Revert>;
}

impl Stake for Pool {
    fn deposit(&mut self, staker: Address, payer: Address, amount: U256, permit: Option<Permit>) -> Result<(), Revert> {
        self.check_staker(staker)?;
        let at = self.moment()?;
        let total = self.load_total_active(&at)?;
        // In an epoch that began with loans within the active stake, no further word has to be read.
        if total.began_short() {
            check_marked(self, &total)?;
        }
        activate(self, staker, to_balance(amount)?, total, &at)?;

        if let Some(permit) = permit {
            self.use_permit(payer, amount, &permit);
        }
        self.pull_stake(payer, amount)?;
        emit(&abi::Staked { staker, spender: payer, amount });
        emit(&abi::Transfer { from: Address::ZERO, to: staker, value: amount });
        Ok(())
    }

    fn request(&mut self, staker: Address, amount: U256) -> Result<(), Revert> {
        self.outside_blackout()?;
        // Next-epoch fields never change by rolling.
        let available = Active::from_word(self.active.get(staker)).next();
        let quantity = at_most(amount, available).ok_or_else(|| {
            revert(abi::InsufficientActiveBalance { requested: amount, available: U256::from(available) })
        })?;
        let at = self.moment()?;

        let mut records = Records::load(self, staker, &at)?;
        records.total_active.deactivate(quantity)?;
        records.active.deactivate(quantity)?;
        records.total_inactive.schedule(quantity)?;
        records.inactive.schedule(quantity)?;
        records.store(self, staker);

        emit(&abi::WithdrawalRequested { staker, amount });
        Ok(())
    }

    fn cancel(&mut self, staker: Address, amount: U256) -> Result<(), Revert> {
        self.outside_blackout()?;
        let at = self.moment()?;

        let mut records = Records::load(self, staker, &at)?;
        // Never negative; the same difference as the inactive record's.
        let requested = records.active.current().saturating_sub(records.active.next());
        let quantity = at_most(amount, requested).ok_or_else(|| {
            revert(abi::InsufficientRequestedBalance { requested: amount, available: U256::from(requested) })
        })?;
        records.total_active.reactivate(quantity)?;
        records.active.reactivate(quantity)?;
        records.total_inactive.cancel(quantity)?;
        records.inactive.cancel(quantity)?;
        records.store(self, staker);

        emit(&abi::WithdrawalCancelled { staker, amount });
        Ok(())
    }

    fn restake(&mut self, staker: Address, amount: U256) -> Result<(), Revert> {
        let at = self.moment()?;
        check_marked(self, &self.peek_total_active(&at))?;
        check_unborrowed(self, amount)?;
        let quantity = release(self, staker, amount, &at)?;
        let total = self.load_total_active(&at)?;
        activate(self, staker, quantity, total, &at)?;
        emit(&abi::Restaked { staker, amount });
        Ok(())
    }

    fn withdraw(&mut self, staker: Address, to: Address, amount: U256) -> Result<(), Revert> {
        self.check_recipient(to)?;
        let at = self.moment()?;
        check_marked(self, &self.peek_total_active(&at))?;
        check_unborrowed(self, amount)?;
        release(self, staker, amount, &at)?;

        self.push_stake(to, amount)?;
        emit(&abi::Transfer { from: staker, to: Address::ZERO, value: amount });
        emit(&abi::WithdrewStake { staker, recipient: to, amount });
        Ok(())
    }

    fn withdraw_max(&mut self, staker: Address, to: Address) -> Result<U256, Revert> {
        self.check_recipient(to)?;
        let at = self.moment()?;
        let total = self.load_total_inactive(&at);
        let (inactive, _) = self.peek_inactive(staker, &at, &total);
        let amount = U256::from(inactive.current().min(self.unborrowed()));
        self.withdraw(staker, to, amount)?;
        Ok(amount)
    }

    fn claim(&mut self, staker: Address, to: Address) -> Result<U256, Revert> {
        self.check_recipient(to)?;
        let at = self.moment()?;
        let total = self.load_total_active(&at)?;
        let active = self.load_active(staker, &at)?;
        self.total_active.set(total.to_word());
        self.active.insert(staker, active.to_word());
        let index = self.settle_index(total.current(), at.now)?;
        let mut rewards = self.settle_staker_rewards(staker, active.current(), index)?;
        let claimed = U256::from(rewards.accrued);
        rewards.accrued = 0;
        self.staker_rewards.insert(staker, rewards.to_word());

        let (token, treasury) = (self.rewards_token.address(), self.rewards_treasury.address());
        self.tokens.safe_transfer_from(token, treasury, to, claimed)?;
        emit(&abi::ClaimedRewards { user: staker, recipient: to, claimedRewards: claimed });
        Ok(claimed)
    }
}

/// A staker's records and the totals that change with them.
struct Records {
    total_active: Active,
    active: Active,
    total_inactive: Inactive,
    inactive: Inactive,
}

impl Records {
    fn load(pool: &mut Pool, staker: Address, at: &Moment) -> Result<Self, Revert> {
        let total_active = pool.load_total_active(at)?;
        let active = pool.load_active(staker, at)?;
        let total_inactive = pool.load_total_inactive(at);
        let inactive = pool.load_inactive(staker, at, &total_inactive)?;
        Ok(Self { total_active, active, total_inactive, inactive })
    }

    fn store(&self, pool: &mut Pool, staker: Address) {
        pool.total_active.set(self.total_active.to_word());
        pool.active.insert(staker, self.active.to_word());
        pool.total_inactive.set(self.total_inactive.to_word());
        pool.inactive.insert(staker, self.inactive.to_word());
    }
}

/// Adds to the active stake of `staker` and to the `total`, and settles its rewards to now from the balances before.
fn activate(pool: &mut Pool, staker: Address, quantity: u128, mut total: Active, at: &Moment) -> Result<(), Revert> {
    let total_before = total.current();
    total.add(quantity)?;
    pool.total_active.set(total.to_word());

    let mut active = pool.load_active(staker, at)?;
    let active_before = active.current();
    active.add(quantity)?;
    pool.active.insert(staker, active.to_word());

    let index = pool.settle_index(total_before, at.now)?;
    pool.settle_staker_rewards(staker, active_before, index)?;
    Ok(())
}

/// Takes withdrawable stake of `staker` out of the books.
fn release(pool: &mut Pool, staker: Address, amount: U256, at: &Moment) -> Result<u128, Revert> {
    let mut total = pool.load_total_inactive(at);
    let mut inactive = pool.load_inactive(staker, at, &total)?;
    let available = inactive.current();
    let quantity = at_most(amount, available).ok_or_else(|| {
        revert(abi::InsufficientInactiveBalance { requested: amount, available: U256::from(available) })
    })?;
    total.withdraw(quantity)?;
    pool.total_inactive.set(total.to_word());
    inactive.withdraw(quantity)?;
    pool.inactive.insert(staker, inactive.to_word());
    Ok(quantity)
}

/// Refuses while loans exceed the `total` active stake of the present. A withdrawal would leave the loss to those who come later, and new
/// stake would pay for the exits of the others; marking, which anybody can do, shares it first.
fn check_marked(pool: &Pool, total: &Active) -> Result<(), Revert> {
    let (borrowed, active) = (pool.borrowed(), total.current());
    if borrowed > active {
        return Err(revert(abi::ShortfallNotMarked { borrowed: U256::from(borrowed), active: U256::from(active) }));
    }
    Ok(())
}

fn check_unborrowed(pool: &Pool, amount: U256) -> Result<(), Revert> {
    let available = U256::from(pool.unborrowed());
    if amount > available {
        return Err(revert(abi::InsufficientUnborrowedStake { requested: amount, available }));
    }
    Ok(())
}

/// `amount` as a balance, if there is that much.
fn at_most(amount: U256, available: u128) -> Option<u128> {
    u128::try_from(amount).ok().filter(|&amount| amount <= available)
}
