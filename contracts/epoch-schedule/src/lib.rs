//! Epochs, blackout window, emission rate, roles. What each function does, refuses and reports stands in `abi/IEpochSchedule.sol`.

#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(missing_docs, reason = "what `program!` generates is public")]

extern crate alloc;

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, B256, U256};
use balances::{Allocation, GlobalRewards, Schedule, TOTAL_ALLOCATION, max_rate, schedule};
use openzeppelin_stylus::access::control::IAccessControl;
use pool_storage::{
    HOST, Pool, Revert, Role, abi, emit, revert,
    words::{self, Borrower, Emission},
};
use stylus_sdk::prelude::*;

/// The facet: the pool's storage and nothing else.
#[storage]
pub struct EpochSchedule {
    pool: Pool,
}

pool_storage::program!(EpochSchedule);

#[public]
impl EpochSchedule {
    // ---------------------------------------------------------------- construction

    fn initialize(&mut self, interval: U256, offset: U256, blackout_window: U256) -> Result<(), Revert> {
        self.check_constructing()?;
        self.grant_first_roles();
        self.check_future(offset)?;
        emit(&abi::BlackoutWindowChanged { blackoutWindow: blackout_window });
        self.store_schedule(Schedule::new(interval, blackout_window, offset)?);
        self.start_rewards_clock();
        self.allocate_to_nobody();
        Ok(())
    }

    // ---------------------------------------------------------------- schedule

    fn get_current_epoch(&self) -> Result<U256, Revert> {
        Ok(U256::from(self.pool.schedule().epoch_number(self.pool.now())?))
    }

    fn get_time_remaining_in_current_epoch(&self) -> Result<U256, Revert> {
        Ok(U256::from(self.pool.schedule().time_remaining(self.pool.now())?))
    }

    fn get_start_of_epoch(&self, epoch: U256) -> Result<U256, Revert> {
        let schedule = self.pool.schedule();
        schedule
            .start_of(epoch)
            .ok_or_else(|| revert(abi::EpochStartOverflow { epoch, interval: U256::from(schedule.interval) }))
    }

    fn has_epoch_zero_started(&self) -> bool {
        self.pool.schedule().has_started(self.pool.now())
    }

    fn in_blackout_window(&self) -> bool {
        self.pool.schedule().in_blackout(self.pool.now())
    }

    fn get_epoch_parameters(&self) -> (u128, u128) {
        let schedule = self.pool.schedule();
        (schedule.interval.into(), schedule.offset)
    }

    fn get_blackout_window(&self) -> U256 {
        U256::from(self.pool.schedule().blackout)
    }

    fn set_epoch_parameters(&mut self, interval: U256, offset: U256) -> Result<(), Revert> {
        self.pool.only(Role::EPOCH_PARAMETERS)?;
        let blackout = U256::from(self.pool.schedule().blackout);
        if !self.has_epoch_zero_started() {
            self.check_future(offset)?;
            self.store_schedule(Schedule::new(interval, blackout, offset)?);
            return Ok(());
        }
        self.pool.outside_blackout()?;
        let proposed = Schedule::new(interval, blackout, offset)?;
        self.check_same_epoch(&proposed)?;
        self.check_same_start(&proposed)?;
        check_open(&proposed, self.pool.now())?;
        self.settle_total()?; // Under the old schedule.
        self.store_schedule(proposed);
        Ok(())
    }

    fn set_blackout_window(&mut self, blackout_window: U256) -> Result<(), Revert> {
        self.pool.only(Role::EPOCH_PARAMETERS)?;
        self.pool.outside_blackout()?;
        let mut proposed = self.pool.schedule();
        (_, proposed.blackout) = schedule::validate(U256::from(proposed.interval), blackout_window)?;
        check_open(&proposed, self.pool.now())?;
        self.set_epochs(proposed);
        emit(&abi::BlackoutWindowChanged { blackoutWindow: blackout_window });
        Ok(())
    }

    // ---------------------------------------------------------------- rewards

    fn set_rewards_per_second(&mut self, emission_per_second: U256) -> Result<(), Revert> {
        self.pool.only(Role::REWARDS_RATE)?;
        let rate = self.checked_rate(emission_per_second)?;
        let total = self.settle_total()?;
        self.pool.settle_index(total, self.pool.now())?; // At the old rate.
        let mut emission = Emission::from_word(self.pool.emission.get());
        emission.rewards_per_second = rate;
        self.pool.emission.set(emission.to_word());
        emit(&abi::RewardsPerSecondUpdated { emissionPerSecond: emission_per_second });
        Ok(())
    }

    fn sweep_surplus(&mut self) -> Result<U256, Revert> {
        self.pool.only(Role::OWNER)?;
        let (amount, recipient) = (self.pool.surplus()?, self.pool.rewards_treasury.address());
        self.pool.push_stake(recipient, amount)?;
        emit(&abi::SurplusSwept { recipient, amount });
        Ok(amount)
    }

    // ---------------------------------------------------------------- roles

    #[selector(name = "OWNER_ROLE")]
    fn owner_role(&self) -> B256 {
        Role::OWNER.id()
    }

    #[selector(name = "EPOCH_PARAMETERS_ROLE")]
    fn epoch_parameters_role(&self) -> B256 {
        Role::EPOCH_PARAMETERS.id()
    }

    #[selector(name = "REWARDS_RATE_ROLE")]
    fn rewards_rate_role(&self) -> B256 {
        Role::REWARDS_RATE.id()
    }

    #[selector(name = "BORROWER_ADMIN_ROLE")]
    fn borrower_admin_role(&self) -> B256 {
        Role::BORROWER_ADMIN.id()
    }

    #[selector(name = "CLAIM_OPERATOR_ROLE")]
    fn claim_operator_role(&self) -> B256 {
        Role::CLAIM_OPERATOR.id()
    }

    #[selector(name = "STAKE_OPERATOR_ROLE")]
    fn stake_operator_role(&self) -> B256 {
        Role::STAKE_OPERATOR.id()
    }

    #[selector(name = "DEBT_OPERATOR_ROLE")]
    fn debt_operator_role(&self) -> B256 {
        Role::DEBT_OPERATOR.id()
    }

    #[selector(name = "DEFAULT_ADMIN_ROLE")]
    fn default_admin_role(&self) -> B256 {
        B256::ZERO
    }

    fn has_role(&self, role: B256, account: Address) -> bool {
        self.pool.access.has_role(role, account)
    }

    fn get_role_admin(&self, role: B256) -> B256 {
        Role::admin_of(role)
    }

    fn grant_role(&mut self, role: B256, account: Address) -> Result<(), Revert> {
        self.pool.only_id(Role::admin_of(role))?;
        if role == Role::OWNER.id() {
            self.check_owner(account)?;
        }
        self.grant(role, account);
        Ok(())
    }

    fn revoke_role(&mut self, role: B256, account: Address) -> Result<(), Revert> {
        self.pool.only_id(Role::admin_of(role))?;
        self.revoke(role, account)
    }

    fn renounce_role(&mut self, role: B256, account: Address) -> Result<(), Revert> {
        if account != HOST.msg_sender() {
            return Err(revert(abi::AccessControlBadConfirmation {}));
        }
        self.revoke(role, account)
    }

    fn propose_owner(&mut self, proposed: Address) -> Result<(), Revert> {
        let owner = self.pool.only(Role::OWNER)?;
        if proposed.is_zero() {
            self.withdraw_offer();
        } else {
            self.check_owner(proposed)?;
            self.pool.proposed_owner.set_address(proposed);
            self.pool.proposing_owner.set_address(owner);
        }
        emit(&abi::OwnerProposed { owner, proposed });
        Ok(())
    }

    fn accept_owner(&mut self, owner: Address) -> Result<(), Revert> {
        let caller = HOST.msg_sender();
        let (proposed, proposing) = self.get_proposed_owner();
        if caller.is_zero() || caller != proposed {
            return Err(revert(abi::NotProposedOwner { caller, proposed }));
        }
        if owner != proposing {
            return Err(revert(abi::NotProposingOwner { owner, proposing }));
        }
        self.withdraw_offer();
        self.grant(Role::OWNER.id(), caller);
        if owner != caller {
            self.revoke(Role::OWNER.id(), owner)?;
        }
        Ok(())
    }

    fn get_proposed_owner(&self) -> (Address, Address) {
        (self.pool.proposed_owner.address(), self.pool.proposing_owner.address())
    }

    fn get_owner_count(&self) -> U256 {
        self.pool.owner_count.get()
    }
}

/// Construction.
impl EpochSchedule {
    /// The router's constructor stores the token first and sets the schedule last: in between, and only then, there is the one but not
    /// the other. At this facet's own address there is neither.
    fn check_constructing(&self) -> Result<(), Revert> {
        if self.pool.staked_token().is_zero() {
            return Err(revert(abi::NotConstructing {}));
        }
        if self.pool.schedule().interval != 0 {
            return Err(revert(abi::AlreadyInitialized {}));
        }
        Ok(())
    }

    fn grant_first_roles(&mut self) {
        let owner = self.pool.proposed_owner.address();
        self.pool.proposed_owner.set(U256::ZERO);
        self.grant(Role::OWNER.id(), owner);
        self.grant(Role::EPOCH_PARAMETERS.id(), owner);
        self.grant(Role::REWARDS_RATE.id(), owner);
        self.grant(Role::BORROWER_ADMIN.id(), owner);
        Role::each(report_admin);
    }

    fn start_rewards_clock(&mut self) {
        let mut rewards = GlobalRewards::from_word(self.pool.rewards.get());
        let start = words::Schedule::from_word(self.pool.schedule.get()).distribution_start;
        rewards.settled_at = self.pool.now().max(start);
        self.pool.rewards.set(rewards.to_word());
    }

    /// The whole pool is lent to nobody, until governance gives shares to borrowers.
    fn allocate_to_nobody(&mut self) {
        let whole = Allocation { epoch: 0, current: TOTAL_ALLOCATION, next: TOTAL_ALLOCATION };
        let nobody = Borrower { allocation: whole, ..Borrower::default() };
        self.pool.borrowers.insert(Address::ZERO, nobody.to_word());
    }
}

/// Schedule and rate.
impl EpochSchedule {
    fn check_future(&self, start: U256) -> Result<(), Revert> {
        let timestamp = U256::from(self.pool.now());
        if timestamp >= start {
            return Err(revert(abi::EpochZeroNotInFuture { start, timestamp }));
        }
        Ok(())
    }

    fn check_same_epoch(&self, proposed: &Schedule) -> Result<(), Revert> {
        let now = self.pool.now();
        let (current, next) = (self.pool.schedule().epoch_number(now)?, proposed.epoch_number(now)?);
        if current != next {
            return Err(revert(abi::EpochNumberChanged { current: U256::from(current), proposed: U256::from(next) }));
        }
        Ok(())
    }

    /// The running epoch keeps its start: it can neither begin anew, which would postpone withdrawals without end, nor lose its open part.
    fn check_same_start(&self, proposed: &Schedule) -> Result<(), Revert> {
        let schedule = self.pool.schedule();
        let epoch = U256::from(schedule.epoch_number(self.pool.now())?);
        // Neither overflows: a number of 64 bits, a length of 32, an offset of 128.
        let [current, proposed] = [&schedule, proposed].map(|schedule| schedule.start_of(epoch).unwrap_or_default());
        if current != proposed {
            return Err(revert(abi::EpochStartChanged { current, proposed }));
        }
        Ok(())
    }

    fn checked_rate(&self, requested: U256) -> Result<u128, Revert> {
        let start = words::Schedule::from_word(self.pool.schedule.get()).distribution_start;
        let end = GlobalRewards::from_word(self.pool.rewards.get()).end;
        let maximum = max_rate(end.saturating_sub(start)); // Construction checks that it does not end before it starts.
        u128::try_from(requested)
            .ok()
            .filter(|&rate| rate <= maximum)
            .ok_or_else(|| revert(abi::RewardsRateTooHigh { requested, maximum: U256::from(maximum) }))
    }

    /// Settles the total active balance and returns it; zero before epoch zero, when there can be none.
    fn settle_total(&mut self) -> Result<u128, Revert> {
        let Some(at) = self.pool.moment_if_started()? else {
            return Ok(0);
        };
        let total = self.pool.load_total_active(&at)?;
        self.pool.total_active.set(total.to_word());
        Ok(total.current())
    }

    fn store_schedule(&mut self, epochs: Schedule) {
        self.set_epochs(epochs);
        let parameters = abi::EpochParameters { interval: epochs.interval.into(), offset: epochs.offset };
        emit(&abi::EpochParametersChanged { epochParameters: parameters });
    }

    fn set_epochs(&mut self, epochs: Schedule) {
        let mut schedule = words::Schedule::from_word(self.pool.schedule.get());
        schedule.epochs = epochs;
        self.pool.schedule.set(schedule.to_word());
    }
}

/// Roles. The number of owners is kept beside OpenZeppelin's membership, which cannot be counted.
impl EpochSchedule {
    fn check_owner(&self, owner: Address) -> Result<(), Revert> {
        if self.pool.is_nobody(owner) {
            return Err(revert(abi::InvalidOwner { owner }));
        }
        Ok(())
    }

    fn withdraw_offer(&mut self) {
        self.pool.proposed_owner.set(U256::ZERO);
        self.pool.proposing_owner.set(U256::ZERO);
    }

    fn grant(&mut self, role: B256, account: Address) {
        if self.pool.access._grant_role(role, account) && role == Role::OWNER.id() {
            let owners = self.pool.owner_count.get().saturating_add(U256::ONE); // A grant each: never so many.
            self.pool.owner_count.set(owners);
        }
    }

    fn revoke(&mut self, role: B256, account: Address) -> Result<(), Revert> {
        let revoked = self.pool.access._revoke_role(role, account);
        if !revoked || role != Role::OWNER.id() {
            return Ok(());
        }
        // An owner that goes takes its offer along.
        if account == self.pool.proposing_owner.address() {
            self.withdraw_offer();
        }
        let owners = self.pool.owner_count.get().saturating_sub(U256::ONE);
        if owners.is_zero() {
            return Err(revert(abi::LastOwner { owner: account }));
        }
        self.pool.owner_count.set(owners);
        Ok(())
    }
}

/// Reports who administers a role, as a pool does once.
#[inline(never)]
fn report_admin(role: Role) {
    emit(&abi::RoleAdminChanged { role: role.id(), previousAdminRole: B256::ZERO, newAdminRole: Role::OWNER.id() });
}

/// Refuses a schedule under which the present is in the blackout window.
fn check_open(proposed: &Schedule, now: u64) -> Result<(), Revert> {
    if proposed.in_blackout(now) {
        return Err(revert(abi::EndsInBlackoutWindow {
            timeRemaining: U256::from(proposed.time_remaining(now)?),
            blackoutWindow: U256::from(proposed.blackout),
        }));
    }
    Ok(())
}
