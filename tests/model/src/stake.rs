//! Stake, request, cancel, withdraw, restake (spec sections 3.3, 3.4 and 4.6).

use alloy_primitives::{Address, U256};

use crate::{
    Event, Ledger, Refusal, Role,
    exact::Exact,
    ledger::{Account, balance},
};

impl Ledger {
    pub(crate) fn stake(&mut self, staker: Address, payer: Address, amount: U256) -> Result<(), Refusal> {
        self.check_staker(staker)?;
        self.epoch()?;
        self.check_marked()?;
        balance(amount)?; // Of itself first, so that the refusal names the amount.
        self.activate(staker, amount)?;
        self.pull(payer, amount)?;
        self.unborrowed = self.unborrowed.plus(amount);
        self.report(Event::Staked(staker, payer, amount));
        self.report(Event::Transfer(Address::ZERO, staker, amount));
        Ok(())
    }

    pub(crate) fn stake_for(&mut self, staker: Address, payer: Address, amount: U256) -> Result<(), Refusal> {
        self.stake(staker, payer, amount)?;
        if self.only(Role::StakeOperator, payer).is_ok() {
            self.report(Event::OperatorStakedFor(staker, amount, payer));
        }
        Ok(())
    }

    pub(crate) fn request(&mut self, staker: Address, amount: U256) -> Result<(), Refusal> {
        self.outside_blackout()?;
        let available = self.account(staker).active.next;
        if amount > available {
            return Err(Refusal::InsufficientActiveBalance { requested: amount, available });
        }
        self.epoch()?;
        balance(self.inactive.next.plus(amount))?;
        self.touch_everything(staker);
        for active in [&mut self.active.next, &mut self.accounts.get_mut(&staker).expect("touched").active.next] {
            *active = active.minus(amount);
        }
        for inactive in [&mut self.inactive.next, &mut self.accounts.get_mut(&staker).expect("touched").inactive.next] {
            *inactive = inactive.plus(amount);
        }
        self.report(Event::WithdrawalRequested(staker, amount));
        Ok(())
    }

    pub(crate) fn request_for(&mut self, operator: Address, staker: Address, amount: U256) -> Result<(), Refusal> {
        self.only(Role::StakeOperator, operator)?;
        self.check_staker(staker)?;
        self.request(staker, amount)?;
        self.report(Event::OperatorWithdrawalRequestedFor(staker, amount, operator));
        Ok(())
    }

    pub(crate) fn cancel(&mut self, staker: Address, amount: U256) -> Result<(), Refusal> {
        self.outside_blackout()?;
        self.epoch()?;
        let active = self.account(staker).active;
        let available = active.now.minus(active.next);
        if amount > available {
            return Err(Refusal::InsufficientRequestedBalance { requested: amount, available });
        }
        self.touch_everything(staker);
        for inactive in [&mut self.inactive.next, &mut self.accounts.get_mut(&staker).expect("touched").inactive.next] {
            *inactive = inactive.minus(amount);
        }
        for active in [&mut self.active.next, &mut self.accounts.get_mut(&staker).expect("touched").active.next] {
            *active = active.plus(amount);
        }
        self.report(Event::WithdrawalCancelled(staker, amount));
        Ok(())
    }

    pub(crate) fn restake(&mut self, staker: Address, amount: U256) -> Result<(), Refusal> {
        self.release(staker, amount)?;
        self.activate(staker, amount)?;
        self.report(Event::Restaked(staker, amount));
        Ok(())
    }

    pub(crate) fn withdraw(&mut self, staker: Address, to: Address, amount: U256) -> Result<(), Refusal> {
        self.check_recipient(to)?;
        self.release(staker, amount)?;
        self.unborrowed = self.unborrowed.minus(amount);
        self.push(to, amount);
        self.report(Event::Transfer(staker, Address::ZERO, amount));
        self.report(Event::WithdrewStake(staker, to, amount));
        Ok(())
    }

    pub(crate) fn withdraw_max(&mut self, staker: Address, to: Address) -> Result<U256, Refusal> {
        self.check_recipient(to)?;
        self.epoch()?;
        self.check_marked()?;
        let amount = self.account(staker).inactive.now.min(self.unborrowed);
        self.withdraw(staker, to, amount)?;
        Ok(amount)
    }

    pub(crate) fn withdraw_for(
        &mut self,
        operator: Address,
        staker: Address,
        to: Address,
        amount: U256,
    ) -> Result<(), Refusal> {
        self.only(Role::StakeOperator, operator)?;
        self.check_staker(staker)?;
        self.withdraw(staker, to, amount)?;
        self.report(Event::OperatorWithdrewStakeFor(staker, to, amount, operator));
        Ok(())
    }

    pub(crate) fn claim_for(&mut self, operator: Address, staker: Address, to: Address) -> Result<U256, Refusal> {
        self.only(Role::ClaimOperator, operator)?;
        self.check_staker(staker)?;
        let claimed = self.claim(staker, to)?;
        self.report(Event::OperatorClaimedRewardsFor(staker, to, claimed, operator));
        Ok(claimed)
    }

    /// A staker's numbers now.
    pub fn account(&self, staker: Address) -> Account {
        self.accounts.get(&staker).cloned().unwrap_or_default()
    }

    /// Active stake of an account grows, after rewards are settled to now.
    fn activate(&mut self, staker: Address, amount: U256) -> Result<(), Refusal> {
        balance(self.active.now.plus(amount))?;
        self.settle_to_now(&[staker]);
        self.active.add(amount);
        self.account_mut(staker).active.add(amount);
        Ok(())
    }

    /// Withdrawable stake leaves the books; its tokens stay where they are.
    fn release(&mut self, staker: Address, amount: U256) -> Result<(), Refusal> {
        self.epoch()?;
        self.check_marked()?;
        let available = self.unborrowed;
        if amount > available {
            return Err(Refusal::InsufficientUnborrowedStake { requested: amount, available });
        }
        let available = self.account(staker).inactive.now;
        if amount > available {
            return Err(Refusal::InsufficientInactiveBalance { requested: amount, available });
        }
        self.touch_inactive(staker);
        self.inactive.sub(amount);
        self.account_mut(staker).inactive.sub(amount);
        Ok(())
    }

    /// While loans exceed the active stake, stake neither comes nor goes: the shortfall is to be marked first.
    fn check_marked(&self) -> Result<(), Refusal> {
        let (borrowed, active) = (self.borrowed, self.active.now);
        if borrowed > active { Err(Refusal::ShortfallNotMarked { borrowed, active }) } else { Ok(()) }
    }

    fn touch_everything(&mut self, staker: Address) {
        self.touch_total();
        self.touch_active(staker);
        self.touch_inactive(staker);
    }
}
