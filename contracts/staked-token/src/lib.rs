//! The stake as an ERC-20 token. What each function does, refuses and reports stands in `abi/IStakedToken.sol`.

#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(missing_docs, reason = "what `program!` generates is public")]

extern crate alloc;

mod permit;

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, B256, U256};
use balances::{Active, Inactive};
use pool_storage::{HOST, Name, Pool, Revert, abi, emit, revert};
use stylus_sdk::prelude::*;

/// The facet: the pool's storage and nothing else.
#[storage]
pub struct StakedToken {
    pool: Pool,
}

pool_storage::program!(StakedToken);

#[public]
impl StakedToken {
    fn name(&self) -> Name {
        Name(self.pool.name.get())
    }

    fn symbol(&self) -> Name {
        Name(self.pool.symbol.get())
    }

    fn decimals(&self) -> u8 {
        self.pool.decimals.get().saturating_to() // At most 18.
    }

    fn total_supply(&self) -> Result<U256, Revert> {
        let Some(at) = self.pool.moment_if_started()? else {
            return Ok(U256::ZERO);
        };
        let mut active = Active::from_word(self.pool.total_active.get());
        let _ = active.roll_to(at.epoch);
        let inactive = self.pool.load_total_inactive(&at);
        Ok(sum(active, inactive))
    }

    fn balance_of(&self, account: Address) -> Result<U256, Revert> {
        let Some(at) = self.pool.moment_if_started()? else {
            return Ok(U256::ZERO);
        };
        let mut active = Active::from_word(self.pool.active.get(account));
        let _ = active.roll_to(at.epoch);
        let (inactive, _) = self.pool.peek_inactive(account, &at, &self.pool.load_total_inactive(&at));
        Ok(sum(active, inactive))
    }

    fn get_transferable_balance(&self, account: Address) -> Result<U256, Revert> {
        // Also the refusal of epochs that records cannot name. The next-epoch field needs no rolling.
        self.pool.moment_if_started()?;
        Ok(U256::from(Active::from_word(self.pool.active.get(account)).next()))
    }

    fn allowance(&self, owner: Address, spender: Address) -> U256 {
        self.pool.allowances.get_nested(owner, spender)
    }

    fn transfer(&mut self, to: Address, amount: U256) -> Result<bool, Revert> {
        let from = HOST.msg_sender();
        self.move_stake(from, to, amount)?;
        Ok(true)
    }

    fn transfer_from(&mut self, from: Address, to: Address, amount: U256) -> Result<bool, Revert> {
        self.move_stake(from, to, amount)?;
        self.spend_allowance(from, amount)?;
        Ok(true)
    }

    fn approve(&mut self, spender: Address, amount: U256) -> Result<bool, Revert> {
        let owner = HOST.msg_sender();
        self.set_allowance(owner, spender, amount)?;
        Ok(true)
    }

    fn increase_allowance(&mut self, spender: Address, added_value: U256) -> Result<bool, Revert> {
        let owner = HOST.msg_sender();
        let current = self.allowance(owner, spender);
        let allowed = current.checked_add(added_value).ok_or_else(|| {
            revert(abi::AllowanceOverflow { currentAllowance: current, requestedIncrease: added_value })
        })?;
        self.set_allowance(owner, spender, allowed)?;
        Ok(true)
    }

    fn decrease_allowance(&mut self, spender: Address, subtracted_value: U256) -> Result<bool, Revert> {
        let owner = HOST.msg_sender();
        let current = self.allowance(owner, spender);
        let allowed = current.checked_sub(subtracted_value).ok_or_else(|| {
            revert(abi::ERC20FailedDecreaseAllowance {
                spender,
                currentAllowance: current,
                requestedDecrease: subtracted_value,
            })
        })?;
        self.set_allowance(owner, spender, allowed)?;
        Ok(true)
    }

    #[allow(clippy::too_many_arguments, reason = "ERC-2612's")]
    fn permit(
        &mut self,
        owner: Address,
        spender: Address,
        value: U256,
        deadline: U256,
        v: u8,
        r: B256,
        s: B256,
    ) -> Result<(), Revert> {
        permit::check_deadline(&self.pool, deadline)?;
        let digest = permit::digest(&mut self.pool, owner, spender, value, deadline);
        permit::check_signer(&digest, v, r, s, owner)?;
        self.set_allowance(owner, spender, value)
    }

    fn nonces(&self, owner: Address) -> U256 {
        self.pool.nonces.get(owner)
    }

    #[selector(name = "DOMAIN_SEPARATOR")]
    fn domain_separator(&self) -> B256 {
        permit::domain_separator(&self.pool)
    }
}

impl StakedToken {
    fn move_stake(&mut self, from: Address, to: Address, amount: U256) -> Result<(), Revert> {
        if from.is_zero() {
            return Err(revert(abi::ERC20InvalidSender { sender: from }));
        }
        if self.pool.is_nobody(to) {
            return Err(revert(abi::ERC20InvalidReceiver { receiver: to }));
        }
        let quantity = self.transferable(from, amount)?;
        let at = self.pool.moment()?;

        let total = self.pool.load_total_active(&at)?;
        self.pool.total_active.set(total.to_word());
        let mut sender = self.pool.load_active(from, &at)?;
        let sender_before = sender.current();
        sender.sub(quantity)?;
        self.pool.active.insert(from, sender.to_word());
        // Read after the sender is stored: it may be the same account.
        let mut recipient = self.pool.load_active(to, &at)?;
        let recipient_before = recipient.current();
        recipient.add(quantity)?;
        self.pool.active.insert(to, recipient.to_word());

        let index = self.pool.settle_index(total.current(), at.now)?;
        self.pool.settle_staker_rewards(from, sender_before, index)?;
        self.pool.settle_staker_rewards(to, recipient_before, index)?;
        emit(&abi::Transfer { from, to, value: amount });
        Ok(())
    }

    fn transferable(&self, sender: Address, amount: U256) -> Result<u128, Revert> {
        // Next-epoch fields never change by rolling.
        let balance = Active::from_word(self.pool.active.get(sender)).next();
        u128::try_from(amount).ok().filter(|&amount| amount <= balance).ok_or_else(|| {
            revert(abi::ERC20InsufficientBalance { sender, balance: U256::from(balance), needed: amount })
        })
    }

    fn spend_allowance(&mut self, owner: Address, amount: U256) -> Result<(), Revert> {
        let spender = HOST.msg_sender();
        let allowance = self.allowance(owner, spender);
        if allowance == U256::MAX {
            return Ok(());
        }
        let left = allowance
            .checked_sub(amount)
            .ok_or_else(|| revert(abi::ERC20InsufficientAllowance { spender, allowance, needed: amount }))?;
        self.set_allowance(owner, spender, left)
    }

    fn set_allowance(&mut self, owner: Address, spender: Address, value: U256) -> Result<(), Revert> {
        if owner.is_zero() {
            return Err(revert(abi::ERC20InvalidApprover { approver: owner }));
        }
        if spender.is_zero() {
            return Err(revert(abi::ERC20InvalidSpender { spender }));
        }
        self.pool.allowances.insert_nested(owner, spender, value);
        emit(&abi::Approval { owner, spender, value });
        Ok(())
    }
}

/// Two balances of 112 bits: no overflow.
fn sum(active: Active, inactive: Inactive) -> U256 {
    U256::from(active.current().saturating_add(inactive.current()))
}
