//! The stake as an ERC-20 token (spec section 3.9).

use alloy_primitives::{Address, U256};

use crate::{Event, Ledger, Refusal, exact::Exact};

impl Ledger {
    pub(crate) fn transfer(&mut self, from: Address, to: Address, amount: U256) -> Result<(), Refusal> {
        if from.is_zero() {
            return Err(Refusal::InvalidSender { sender: from });
        }
        if self.is_nobody(to) {
            return Err(Refusal::InvalidReceiver { receiver: to });
        }
        let available = self.account(from).active.next;
        if amount > available {
            return Err(Refusal::InsufficientBalance { sender: from, balance: available, needed: amount });
        }
        self.epoch()?;
        self.settle_to_now(&[from, to]);
        self.account_mut(from).active.sub(amount);
        self.account_mut(to).active.add(amount);
        self.report(Event::Transfer(from, to, amount));
        Ok(())
    }

    /// The transfer first, then the allowance; the largest number never runs out.
    pub(crate) fn transfer_from(
        &mut self,
        spender: Address,
        from: Address,
        to: Address,
        amount: U256,
    ) -> Result<(), Refusal> {
        self.transfer(from, to, amount)?;
        let allowance = self.allowance(from, spender);
        if allowance == U256::MAX {
            return Ok(());
        }
        if amount > allowance {
            return Err(Refusal::InsufficientAllowance { spender, allowance, needed: amount });
        }
        self.approve(from, spender, allowance.minus(amount))
    }

    pub(crate) fn approve(&mut self, owner: Address, spender: Address, amount: U256) -> Result<(), Refusal> {
        if spender.is_zero() {
            return Err(Refusal::InvalidSpender { spender });
        }
        self.allowances.insert((owner, spender), amount);
        self.report(Event::Approval(owner, spender, amount));
        Ok(())
    }

    pub(crate) fn increase_allowance(&mut self, owner: Address, spender: Address, more: U256) -> Result<(), Refusal> {
        let current = self.allowance(owner, spender);
        let sum = current.checked_add(more).ok_or(Refusal::AllowanceOverflow { current, requested: more })?;
        self.approve(owner, spender, sum)
    }

    pub(crate) fn decrease_allowance(&mut self, owner: Address, spender: Address, less: U256) -> Result<(), Refusal> {
        let current = self.allowance(owner, spender);
        let refusal = Refusal::FailedDecreaseAllowance { spender, current, requested: less };
        self.approve(owner, spender, current.checked_sub(less).ok_or(refusal)?)
    }

    /// What `spender` may still transfer for `owner`.
    pub fn allowance(&self, owner: Address, spender: Address) -> U256 {
        self.allowances.get(&(owner, spender)).copied().unwrap_or_default()
    }
}
