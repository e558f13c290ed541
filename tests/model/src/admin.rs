//! Schedule, emission rate, surplus, roles (spec sections 2, 3.7 and 5.4).

use alloy_primitives::{Address, U256};

use crate::{
    Event, Ledger, Refusal, Role, Schedule,
    exact::{Exact, u},
};

impl Ledger {
    pub(crate) fn set_schedule(&mut self, caller: Address, interval: U256, offset: U256) -> Result<(), Refusal> {
        self.only(Role::EpochParameters, caller)?;
        let schedule = if self.has_started() {
            self.later_schedule(interval, offset)?
        } else {
            self.first_schedule(interval, offset)?
        };
        self.schedule = schedule;
        self.report(Event::EpochParametersChanged(schedule.interval.into(), schedule.offset));
        Ok(())
    }

    /// Before epoch zero: it must stay in the future.
    fn first_schedule(&self, interval: U256, offset: U256) -> Result<Schedule, Refusal> {
        if u(self.now) >= offset {
            return Err(Refusal::EpochZeroNotInFuture { start: offset, now: u(self.now) });
        }
        Schedule::new(interval, offset, u(self.schedule.blackout))
    }

    /// After: number and start of the epoch stay, and no blackout window on either side.
    fn later_schedule(&mut self, interval: U256, offset: U256) -> Result<Schedule, Refusal> {
        self.outside_blackout()?;
        let schedule = Schedule::new(interval, offset, u(self.schedule.blackout))?;
        let (current, proposed) = (u(self.epoch()?), u(schedule.epoch(self.now)?));
        if current != proposed {
            return Err(Refusal::EpochNumberChanged { current, proposed });
        }
        let [current, proposed] = [&self.schedule, &schedule].map(|schedule| schedule.start_of(current));
        if current != proposed {
            return Err(Refusal::EpochStartChanged { current, proposed });
        }
        self.not_ending_in_blackout(&schedule)?;
        self.touch_total();
        Ok(schedule)
    }

    pub(crate) fn set_blackout(&mut self, caller: Address, window: U256) -> Result<(), Refusal> {
        self.only(Role::EpochParameters, caller)?;
        self.outside_blackout()?;
        let schedule = Schedule::new(u(self.schedule.interval), U256::from(self.schedule.offset), window)?;
        self.not_ending_in_blackout(&schedule)?;
        self.schedule = schedule;
        self.report(Event::BlackoutWindowChanged(window));
        Ok(())
    }

    fn not_ending_in_blackout(&self, schedule: &Schedule) -> Result<(), Refusal> {
        if !schedule.in_blackout(self.now) {
            return Ok(());
        }
        let remaining = u(schedule.remaining(self.now)?);
        Err(Refusal::EndsInBlackoutWindow { remaining, window: u(schedule.blackout) })
    }

    pub(crate) fn set_rate(&mut self, caller: Address, rate: U256) -> Result<(), Refusal> {
        self.only(Role::RewardsRate, caller)?;
        let maximum = self.maximum_rate();
        if rate > maximum {
            return Err(Refusal::RewardsRateTooHigh { requested: rate, maximum });
        }
        self.touch_total();
        self.settle_index();
        self.rewards.rate = rate;
        self.report(Event::RewardsPerSecondUpdated(rate));
        Ok(())
    }

    pub(crate) fn sweep(&mut self, caller: Address) -> Result<U256, Refusal> {
        self.only(Role::Owner, caller)?;
        let amount = std::mem::take(&mut self.surplus);
        let treasury = self.setup.treasury;
        self.push(treasury, amount);
        self.report(Event::SurplusSwept(treasury, amount));
        Ok(amount)
    }

    pub(crate) fn grant(&mut self, caller: Address, role: Role, account: Address) -> Result<(), Refusal> {
        self.only(Role::Owner, caller)?;
        if role == Role::Owner && self.is_nobody(account) {
            return Err(Refusal::InvalidOwner { owner: account });
        }
        if self.roles.insert((role, account)) {
            self.report(Event::RoleGranted(role, account, caller));
        }
        Ok(())
    }

    /// Somebody stays owner.
    pub(crate) fn revoke(&mut self, caller: Address, role: Role, account: Address) -> Result<(), Refusal> {
        self.only(Role::Owner, caller)?;
        let owners = self.roles.iter().filter(|(held, _)| *held == Role::Owner).count();
        if !self.roles.remove(&(role, account)) {
            return Ok(());
        }
        if role == Role::Owner && owners == 1 {
            return Err(Refusal::LastOwner { owner: account });
        }
        self.report(Event::RoleRevoked(role, account, caller));
        Ok(())
    }

    /// Whether an account holds a role.
    pub fn has_role(&self, role: Role, account: Address) -> bool {
        self.roles.contains(&(role, account))
    }

    /// Staked tokens at the pool's address.
    pub(crate) fn held(&self) -> U256 {
        self.unborrowed.plus(self.repaid).plus(self.surplus)
    }
}
