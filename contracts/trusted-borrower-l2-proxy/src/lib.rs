//! A market maker's borrower. What each function does, refuses and reports stands in `abi/ITrustedBorrowerL2Proxy.sol`.
//!
//! One program, many borrowers: each is a minimal clone (EIP-1167) that delegates every call here, with a storage of its own. The
//! program's own address has code, so it can never be initialised, and nobody holds a role there.

#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(missing_docs, reason = "what `program!` generates is public")]
// The SDK chains an iterator per function when it prints the interface.
#![recursion_limit = "512"]

extern crate alloc;

mod parties;
mod report;
mod roles;
mod state;
mod uint;

use alloc::{vec, vec::Vec};

use ::host::{HOST, Revert};
use alloy_primitives::{Address, B256, FixedBytes, U256};
use alloy_sol_types::SolCall;
use stylus_sdk::{abi::Bytes, prelude::*};

use crate::{
    interface::{IBorrowerAllocations as lending, IStarkPerpetual as exchange},
    parties::{Due, Parties, approve, send_ether, set_allowance, transfer},
    report::{refuse, report},
    roles::{Role, log_admins},
    state::{State, TRADE_WAIT, VAULT_WAIT, Vault, VaultRecord, hash_of, now, with},
    uint::Uint,
};

/// Events and errors, read from the interface.
#[allow(missing_docs, clippy::too_many_arguments, reason = "generated from documented Solidity")]
mod abi {
    alloy_sol_types::sol!("../../abi/ITrustedBorrowerL2Proxy.sol");

    pub(crate) use ITrustedBorrowerL2Proxy::*;
}

/// What is called: pool, exchange, distributor, tokens.
#[allow(missing_docs, clippy::too_many_arguments, reason = "generated from documented Solidity")]
mod interface {
    alloy_sol_types::sol!("../../abi/IBorrowerAllocations.sol");
    alloy_sol_types::sol!("../../abi/IDebtAccounting.sol");
    alloy_sol_types::sol!("../../abi/IEpochSchedule.sol");
    alloy_sol_types::sol!("../../abi/IPoolViews.sol");
    alloy_sol_types::sol!("../../abi/IStarkPerpetual.sol");
    alloy_sol_types::sol! {
        function claimRewards(uint256 cumulativeAmount, bytes32[] calldata merkleProof) returns (uint256);
    }

    pub(crate) mod token {
        alloy_sol_types::sol! {
            function allowance(address owner, address spender) returns (uint256);
            function approve(address spender, uint256 amount) returns (bool);
            function balanceOf(address account) returns (uint256);
            function transfer(address recipient, uint256 amount) returns (bool);
        }
    }
}

/// A borrower: its storage and nothing else.
#[storage]
pub struct TrustedBorrowerL2Proxy {
    state: State,
}

::host::program!(TrustedBorrowerL2Proxy);

#[public]
impl TrustedBorrowerL2Proxy {
    // ---------------------------------------------------------------- construction

    #[allow(clippy::too_many_arguments, reason = "each is another thing")]
    fn initialize(
        &mut self,
        liquidity_staking: Address,
        stark_perpetual: Address,
        token: Address,
        merkle_distributor: Address,
        owner: Address,
        guardian: Address,
        veto_guardian: Address,
        deposit_vaults: Vec<[Uint; 3]>,
    ) -> Result<(), Revert> {
        self.check_constructing()?;
        let parties =
            Parties { pool: liquidity_staking, exchange: stark_perpetual, token, distributor: merkle_distributor };
        check_parties(&parties)?;
        self.state.grant(Role::Guardian, guardian)?;
        if !veto_guardian.is_zero() {
            self.state.grant(Role::VetoGuardian, veto_guardian)?;
        }
        self.state.grant(Role::Owner, owner)?;
        self.state.grant(Role::DelegationAdmin, owner)?;
        log_admins();
        for vault in deposit_vaults {
            self.allow_vault(&vault, now())?;
        }
        approve(token, liquidity_staking, Uint::MAX)?;
        approve(token, stark_perpetual, Uint::MAX)
    }

    // ---------------------------------------------------------------- borrowing

    fn borrow(&mut self, amount: Uint) -> Result<(), Revert> {
        self.state.only(Role::Borrower)?;
        if self.is_borrowing_restricted() {
            return Err(refuse::<abi::BorrowingRestrictedByGuardian, _>([]));
        }
        Parties::read().borrow(amount)
    }

    fn repay_borrow(&mut self, amount: Uint) -> Result<(), Revert> {
        self.state.only(Role::Borrower)?;
        Parties::read().repay(Due::Loan, amount, false)
    }

    fn repay_debt(&mut self, amount: Uint) -> Result<(), Revert> {
        self.state.only(Role::Borrower)?;
        Parties::read().repay(Due::Debt, amount, false)
    }

    fn auto_pay_or_borrow(&mut self) -> Result<(Uint, Uint, Uint), Revert> {
        self.state.only(Role::Borrower)?;
        let parties = Parties::read();
        if !parties.in_blackout_window()? {
            return Err(refuse::<abi::NotInBlackoutWindow, _>([]));
        }
        let account = parties.account()?;
        let excess = account.borrowed.saturating_sub(account.allocated_next);
        if !excess.is_zero() {
            let held = parties.held()?;
            if held < excess {
                return Err(refuse::<abi::InsufficientFundsToRepay, _>([held.into(), excess.into()]));
            }
            parties.repay(Due::Loan, excess.into(), false)?;
        }
        // Repaying a loan changes no debt; what is held it does change.
        let debt_repaid = if account.debt.is_zero() { U256::ZERO } else { parties.held()?.min(account.debt) };
        if !debt_repaid.is_zero() {
            parties.repay(Due::Debt, debt_repaid.into(), false)?;
        }
        let may_borrow = excess.is_zero() && account.debt.is_zero() && !self.is_borrowing_restricted();
        let borrowed = if may_borrow { account.borrowable } else { U256::ZERO };
        if !borrowed.is_zero() {
            parties.borrow(borrowed.into())?;
        }
        Ok((borrowed.into(), excess.into(), debt_repaid.into()))
    }

    // ---------------------------------------------------------------- exchange

    fn deposit_to_exchange(
        &mut self,
        stark_key: Uint,
        asset_type: Uint,
        vault_id: Uint,
        quantized_amount: Uint,
    ) -> Result<Uint, Revert> {
        self.state.only(Role::ExchangeOperator)?;
        self.state.check_key(stark_key)?;
        self.check_vault(&[stark_key, asset_type, vault_id])?;
        if quantized_amount.is_zero() {
            return Err(refuse::<abi::ZeroAmount, _>([]));
        }
        let parties = Parties::read();
        let before = parties.held()?;
        parties.exchange(exchange::depositCall::SELECTOR, &[stark_key, asset_type, vault_id, quantized_amount])?;
        let after = parties.held()?;
        let increased = || refuse::<abi::BalanceIncreased, _>([before.into(), after.into()]);
        let token_amount = before.checked_sub(after).ok_or_else(increased)?.into();
        self.check_own_funds(&parties, after)?;
        report::<abi::DepositedToExchange, _>([stark_key, asset_type, vault_id, token_amount]);
        Ok(token_amount)
    }

    fn withdraw_from_exchange(&mut self, stark_key: Uint, asset_type: Uint) -> Result<Uint, Revert> {
        self.state.only(Role::ExchangeOperator)?;
        self.state.check_key(stark_key)?;
        withdraw(stark_key, asset_type, false)
    }

    // ---------------------------------------------------------------- payouts

    fn external_withdraw_token(&mut self, recipient: Address, amount: Uint) -> Result<(), Revert> {
        self.check_payout(recipient)?;
        let parties = Parties::read();
        let excess = parties.held()?.saturating_sub(parties.account()?.owed());
        let rest = amount.number().saturating_sub(excess);
        if !rest.is_zero() {
            let mut status = self.state.status();
            let exceeds = || {
                let approved = U256::from(status.approved);
                refuse::<abi::ExceedsWithdrawableBalance, _>([amount, excess.into(), approved.into()])
            };
            let approved = u128::try_from(rest).ok().and_then(|rest| status.approved.checked_sub(rest));
            status.approved = approved.ok_or_else(exceeds)?;
            self.state.set_status(status);
        }
        transfer(parties.token, recipient, amount)?;
        report::<abi::ExternalWithdrewToken, _>([recipient.into(), amount]);
        Ok(())
    }

    fn external_withdraw_other_token(
        &mut self,
        token: Address,
        recipient: Address,
        amount: Uint,
    ) -> Result<(), Revert> {
        self.check_payout(recipient)?;
        let parties = Parties::read();
        if token == parties.token {
            return Err(refuse::<abi::BorrowedTokenNotWithdrawable, _>([token.into()]));
        }
        let before = parties.held()?;
        transfer(token, recipient, amount)?;
        parties.increase_since(before)?; // Some tokens have two addresses.
        report::<abi::ExternalWithdrewOtherToken, _>([token.into(), recipient.into(), amount]);
        Ok(())
    }

    fn external_withdraw_ether(&mut self, recipient: Address, amount: Uint) -> Result<(), Revert> {
        self.check_payout(recipient)?;
        send_ether(recipient, amount)?;
        report::<abi::ExternalWithdrewEther, _>([recipient.into(), amount]);
        Ok(())
    }

    fn claim_rewards_from_merkle_distributor(
        &mut self,
        cumulative_amount: Uint,
        merkle_proof: Vec<B256>,
    ) -> Result<Uint, Revert> {
        self.state.only(Role::WithdrawalOperator)?;
        Parties::read().claim(cumulative_amount, &merkle_proof)
    }

    // ---------------------------------------------------------------- owner

    fn allow_stark_key(&mut self, stark_key: Uint) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        let eth_key = Parties::read().eth_key(stark_key)?;
        if eth_key != HOST.contract_address() {
            return Err(refuse::<abi::StarkKeyNotRegistered, _>([stark_key, eth_key.into()]));
        }
        if self.state.is_key_allowed(stark_key) {
            return Err(refuse::<abi::StarkKeyAlreadyAllowed, _>([stark_key]));
        }
        if self.state.is_key_blocked(stark_key) {
            return Err(refuse::<abi::StarkKeyIsBlocked, _>([stark_key]));
        }
        self.update_key(stark_key, true);
        Ok(())
    }

    fn disallow_stark_key(&mut self, stark_key: Uint) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        if !self.state.is_key_allowed(stark_key) {
            return Err(refuse::<abi::StarkKeyAlreadyDisallowed, _>([stark_key]));
        }
        self.update_key(stark_key, false);
        Ok(())
    }

    fn allow_deposit_vault(&mut self, stark_key: Uint, asset_type: Uint, vault_id: Uint) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        self.allow_vault(&[stark_key, asset_type, vault_id], now().saturating_add(VAULT_WAIT))
    }

    fn disallow_deposit_vault(&mut self, stark_key: Uint, asset_type: Uint, vault_id: Uint) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        self.disallow_vault(&[stark_key, asset_type, vault_id], false)
    }

    fn allow_external_recipient(&mut self, recipient: Address) -> Result<(), Revert> {
        if !self.set_recipient(recipient, true)? {
            return Err(refuse::<abi::RecipientAlreadyAllowed, _>([recipient.into()]));
        }
        Ok(())
    }

    fn disallow_external_recipient(&mut self, recipient: Address) -> Result<(), Revert> {
        if !self.set_recipient(recipient, false)? {
            return Err(refuse::<abi::RecipientAlreadyDisallowed, _>([recipient.into()]));
        }
        Ok(())
    }

    fn set_exchange_contract_allowance(&mut self, token: Address, amount: Uint) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        set_allowance(token, Parties::read().exchange, amount)
    }

    fn set_staking_contract_allowance(&mut self, token: Address, amount: Uint) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        set_allowance(token, Parties::read().pool, amount)
    }

    fn forced_withdrawal_request(
        &mut self,
        stark_key: Uint,
        vault_id: Uint,
        quantized_amount: Uint,
        premium_cost: bool,
    ) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        self.state.check_key(stark_key)?;
        force_withdrawal(&Parties::read(), [stark_key, vault_id, quantized_amount], premium_cost, false)
    }

    fn queue_forced_trade_request(&mut self, args: [Uint; 12]) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        let id = hash_of(&args);
        self.state.set_queued_at(id, now());
        let mut fields = [id; 13];
        let [first @ .., _] = &mut fields;
        *first = args;
        report::<abi::QueuedForcedTradeRequest, _>(fields);
        Ok(())
    }

    fn forced_trade_request(&mut self, args: [Uint; 12], signature: Bytes) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        let [stark_key, ..] = args;
        self.state.check_key(stark_key)?;
        self.take_from_queue(hash_of(&args))?;
        force_trade(&Parties::read(), &args, &signature, false)
    }

    fn deposit_cancel(&mut self, stark_key: Uint, asset_type: Uint, vault_id: Uint) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        self.state.check_key(stark_key)?;
        let vault = [stark_key, asset_type, vault_id];
        check_not_cancelling(&vault, self.state.vault(&vault))?;
        self.cancel(&vault, false)
    }

    fn deposit_reclaim(&mut self, stark_key: Uint, asset_type: Uint, vault_id: Uint) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        self.state.check_key(stark_key)?;
        self.reclaim(&[stark_key, asset_type, vault_id], false)
    }

    // ---------------------------------------------------------------- guardians

    fn increase_approved_amount_for_external_withdrawal(&mut self, amount: Uint) -> Result<Uint, Revert> {
        self.state.only(Role::Guardian)?;
        let mut status = self.state.status();
        let increase = u128::try_from(amount.number()).ok();
        let approved = increase.and_then(|increase| status.approved.checked_add(increase));
        let overflow = || refuse::<abi::ApprovedAmountOverflow, _>([U256::from(status.approved).into(), amount]);
        status.approved = approved.ok_or_else(overflow)?;
        self.state.set_status(status);
        let approved = U256::from(status.approved).into();
        report::<abi::GuardianUpdateApprovedAmountForExternalWithdrawal, _>([approved]);
        Ok(approved)
    }

    fn reset_approved_amount_for_external_withdrawal(&mut self) -> Result<Uint, Revert> {
        self.state.only(Role::Guardian)?;
        let mut status = self.state.status();
        let approved = core::mem::take(&mut status.approved);
        self.state.set_status(status);
        report::<abi::GuardianUpdateApprovedAmountForExternalWithdrawal, _>([Uint::ZERO]);
        Ok(U256::from(approved).into())
    }

    fn guardian_set_borrowing_restriction(&mut self, is_borrowing_restricted: bool) -> Result<(), Revert> {
        self.state.only(Role::Guardian)?;
        let mut status = self.state.status();
        status.restricted = is_borrowing_restricted;
        self.state.set_status(status);
        report::<abi::BorrowingRestrictionChanged, _>([is_borrowing_restricted.into()]);
        Ok(())
    }

    fn guardian_repay_borrow(&mut self, amount: Uint) -> Result<(), Revert> {
        self.state.only(Role::Guardian)?;
        Parties::read().repay(Due::Loan, amount, true)
    }

    fn guardian_repay_debt(&mut self, amount: Uint) -> Result<(), Revert> {
        self.state.only(Role::Guardian)?;
        Parties::read().repay(Due::Debt, amount, true)
    }

    fn guardian_withdraw_from_exchange(&mut self, stark_key: Uint, asset_type: Uint) -> Result<Uint, Revert> {
        self.state.only(Role::Guardian)?;
        withdraw(stark_key, asset_type, true)
    }

    fn guardian_forced_withdrawal_request(
        &mut self,
        stark_key: Uint,
        vault_id: Uint,
        quantized_amount: Uint,
        premium_cost: bool,
    ) -> Result<(), Revert> {
        let parties = self.only_guardian_with_debt()?;
        force_withdrawal(&parties, [stark_key, vault_id, quantized_amount], premium_cost, true)
    }

    fn guardian_forced_trade_request(&mut self, args: [Uint; 12], signature: Bytes) -> Result<(), Revert> {
        let parties = self.only_guardian_with_debt()?;
        force_trade(&parties, &args, &signature, true)
    }

    fn guardian_veto_forced_trade_requests(&mut self, args_hashes: Vec<B256>) -> Result<(), Revert> {
        self.state.only(Role::VetoGuardian)?;
        for hash in args_hashes.into_iter().map(Uint::new) {
            self.state.set_queued_at(hash, 0);
            report::<abi::GuardianVetoedForcedTradeRequest, _>([hash]);
        }
        Ok(())
    }

    fn guardian_deposit_cancel(&mut self, stark_key: Uint, asset_type: Uint, vault_id: Uint) -> Result<(), Revert> {
        self.state.only(Role::Guardian)?;
        self.cancel(&[stark_key, asset_type, vault_id], true)
    }

    fn guardian_deposit_reclaim(&mut self, stark_key: Uint, asset_type: Uint, vault_id: Uint) -> Result<(), Revert> {
        self.state.only(Role::Guardian)?;
        self.reclaim(&[stark_key, asset_type, vault_id], true)
    }

    fn guardian_disallow_deposit_vault(
        &mut self,
        stark_key: Uint,
        asset_type: Uint,
        vault_id: Uint,
    ) -> Result<(), Revert> {
        self.state.only_guardians()?;
        self.disallow_vault(&[stark_key, asset_type, vault_id], true)
    }

    fn guardian_block_stark_key(&mut self, stark_key: Uint, is_blocked: bool) -> Result<(), Revert> {
        self.state.only(Role::Guardian)?;
        if self.state.is_key_allowed(stark_key) && is_blocked {
            self.update_key(stark_key, false);
        }
        if is_blocked != self.state.is_key_blocked(stark_key) {
            self.state.set_key_blocked(stark_key, is_blocked);
        }
        report::<abi::StarkKeyBlocked, _>([stark_key, is_blocked.into()]);
        Ok(())
    }

    // ---------------------------------------------------------------- getters

    #[selector(name = "LIQUIDITY_STAKING")]
    fn liquidity_staking(&self) -> Address {
        Parties::read().pool
    }

    #[selector(name = "STARK_PERPETUAL")]
    fn stark_perpetual(&self) -> Address {
        Parties::read().exchange
    }

    #[selector(name = "TOKEN")]
    fn token(&self) -> Address {
        Parties::read().token
    }

    #[selector(name = "MERKLE_DISTRIBUTOR")]
    fn merkle_distributor(&self) -> Address {
        Parties::read().distributor
    }

    #[selector(name = "FORCED_TRADE_WAITING_PERIOD")]
    fn forced_trade_waiting_period(&self) -> Uint {
        Uint::from(TRADE_WAIT)
    }

    #[selector(name = "FORCED_TRADE_GRACE_PERIOD")]
    fn forced_trade_grace_period(&self) -> Uint {
        Uint::from(TRADE_WAIT)
    }

    #[selector(name = "DEPOSIT_VAULT_WAITING_PERIOD")]
    fn deposit_vault_waiting_period(&self) -> Uint {
        Uint::from(VAULT_WAIT)
    }

    fn get_allocated_balance_current_epoch(&self) -> Result<Uint, Revert> {
        Parties::read().figure(lending::getAllocatedBalanceCurrentEpochCall::SELECTOR)
    }

    fn get_allocated_balance_next_epoch(&self) -> Result<Uint, Revert> {
        Parties::read().figure(lending::getAllocatedBalanceNextEpochCall::SELECTOR)
    }

    fn get_borrowable_amount(&self) -> Result<Uint, Revert> {
        if self.is_borrowing_restricted() {
            return Ok(Uint::ZERO);
        }
        Parties::read().figure(lending::getBorrowableAmountCall::SELECTOR)
    }

    fn get_borrowed_balance(&self) -> Result<Uint, Revert> {
        Parties::read().borrowed()
    }

    fn get_debt_balance(&self) -> Result<Uint, Revert> {
        Parties::read().debt()
    }

    fn get_borrowed_and_debt_balance(&self) -> Result<Uint, Revert> {
        Ok(Parties::read().account()?.owed().into())
    }

    fn get_token_balance(&self) -> Result<Uint, Revert> {
        Ok(Parties::read().held()?.into())
    }

    fn is_stark_key_allowed(&self, stark_key: Uint) -> bool {
        self.state.is_key_allowed(stark_key)
    }

    fn is_stark_key_blocked(&self, stark_key: Uint) -> bool {
        self.state.is_key_blocked(stark_key)
    }

    fn get_deposit_vault(&self, stark_key: Uint, asset_type: Uint, vault_id: Uint) -> (Uint, bool) {
        let record = self.state.vault(&[stark_key, asset_type, vault_id]);
        (record.allowed_from.into(), record.cancelling)
    }

    fn is_recipient_allowed(&self, recipient: Address) -> bool {
        self.state.is_recipient(recipient)
    }

    fn get_approved_amount_for_external_withdrawal(&self) -> Uint {
        U256::from(self.state.status().approved).into()
    }

    fn is_borrowing_restricted(&self) -> bool {
        self.state.status().restricted
    }

    fn get_queued_forced_trade_timestamp(&self, args_hash: B256) -> Uint {
        self.state.queued_at(Uint::new(args_hash)).into()
    }

    // ---------------------------------------------------------------- roles

    #[selector(name = "GUARDIAN_ROLE")]
    fn guardian_role(&self) -> B256 {
        Role::Guardian.id()
    }

    #[selector(name = "VETO_GUARDIAN_ROLE")]
    fn veto_guardian_role(&self) -> B256 {
        Role::VetoGuardian.id()
    }

    #[selector(name = "OWNER_ROLE")]
    fn owner_role(&self) -> B256 {
        Role::Owner.id()
    }

    #[selector(name = "DELEGATION_ADMIN_ROLE")]
    fn delegation_admin_role(&self) -> B256 {
        Role::DelegationAdmin.id()
    }

    #[selector(name = "BORROWER_ROLE")]
    fn borrower_role(&self) -> B256 {
        Role::Borrower.id()
    }

    #[selector(name = "EXCHANGE_OPERATOR_ROLE")]
    fn exchange_operator_role(&self) -> B256 {
        Role::ExchangeOperator.id()
    }

    #[selector(name = "WITHDRAWAL_OPERATOR_ROLE")]
    fn withdrawal_operator_role(&self) -> B256 {
        Role::WithdrawalOperator.id()
    }

    #[selector(name = "DEFAULT_ADMIN_ROLE")]
    fn default_admin_role(&self) -> B256 {
        B256::ZERO
    }

    fn has_role(&self, role: B256, account: Address) -> bool {
        Role::of(role).is_some_and(|role| self.state.has_role(role, account))
    }

    fn get_role_admin(&self, role: B256) -> B256 {
        Role::of(role).map(|role| role.admin().id()).unwrap_or_default()
    }

    fn grant_role(&mut self, role: B256, account: Address) -> Result<(), Revert> {
        let role = self.state.only_admin(role)?;
        self.state.grant(role, account)
    }

    fn revoke_role(&mut self, role: B256, account: Address) -> Result<(), Revert> {
        let role = self.state.only_admin(role)?;
        self.state.revoke(role, account)
    }

    fn renounce_role(&mut self, role: B256, account: Address) -> Result<(), Revert> {
        if account != HOST.msg_sender() {
            return Err(refuse::<abi::AccessControlBadConfirmation, _>([]));
        }
        match Role::of(role) {
            Some(role) => self.state.revoke(role, account),
            None => Ok(()), // Nobody holds what does not exist.
        }
    }

    fn supports_interface(&self, interface_id: FixedBytes<4>) -> bool {
        matches!(u32::from_be_bytes(interface_id.0), 0x01ff_c9a7 | 0x7965_db0b)
    }
}

/// Construction.
impl TrustedBorrowerL2Proxy {
    /// The clone's code is not there before its init code returns it; everything else that can be called has code.
    fn check_constructing(&self) -> Result<(), Revert> {
        if HOST.code_size(HOST.contract_address()) != 0 {
            return Err(refuse::<abi::NotConstructing, _>([]));
        }
        if self.state.status().owners != 0 {
            return Err(refuse::<abi::AlreadyInitialized, _>([]));
        }
        Ok(())
    }
}

/// Vaults.
impl TrustedBorrowerL2Proxy {
    fn check_vault(&self, vault: &Vault) -> Result<(), Revert> {
        let record = self.state.vault(vault);
        if record.allowed_from == 0 || now() < record.allowed_from {
            return Err(refuse::<abi::DepositVaultNotAllowed, _>(with(vault, record.allowed_from.into())));
        }
        check_not_cancelling(vault, record)
    }

    #[inline(never)]
    fn allow_vault(&mut self, vault: &Vault, allowed_from: u64) -> Result<(), Revert> {
        let record = self.state.vault(vault);
        if record.allowed_from != 0 {
            return Err(refuse::<abi::DepositVaultAlreadyAllowed, _>(with(vault, record.allowed_from.into())));
        }
        self.state.set_vault(vault, VaultRecord { allowed_from, ..record });
        report::<abi::DepositVaultAllowed, _>(with(vault, allowed_from.into()));
        Ok(())
    }

    #[inline(never)]
    fn disallow_vault(&mut self, vault: &Vault, is_guardian_action: bool) -> Result<(), Revert> {
        let record = self.state.vault(vault);
        if record.allowed_from == 0 {
            return Err(refuse::<abi::DepositVaultAlreadyDisallowed, _>(*vault));
        }
        self.state.set_vault(vault, VaultRecord { allowed_from: 0, ..record });
        report::<abi::DepositVaultDisallowed, _>(with(vault, is_guardian_action.into()));
        Ok(())
    }

    #[inline(never)]
    fn cancel(&mut self, vault: &Vault, is_guardian_action: bool) -> Result<(), Revert> {
        self.set_cancelling(vault, true);
        Parties::read().exchange(exchange::depositCancelCall::SELECTOR, vault)?;
        report::<abi::DepositCanceled, _>(with(vault, is_guardian_action.into()));
        Ok(())
    }

    #[inline(never)]
    fn reclaim(&mut self, vault: &Vault, is_guardian_action: bool) -> Result<(), Revert> {
        self.set_cancelling(vault, false);
        let funds = Parties::read().collect(exchange::depositReclaimCall::SELECTOR, vault)?.into();
        let [stark_key, asset_type, vault_id, funds] = with(vault, funds);
        report::<abi::DepositReclaimed, _>([stark_key, asset_type, vault_id, funds, is_guardian_action.into()]);
        Ok(())
    }

    #[inline(never)]
    fn set_cancelling(&mut self, vault: &Vault, cancelling: bool) {
        let record = self.state.vault(vault);
        self.state.set_vault(vault, VaultRecord { cancelling, ..record });
    }
}

/// Rules that several functions share.
impl TrustedBorrowerL2Proxy {
    /// While the guardian or the pool restricts, and while a loan is overdue, what is owed must stay here.
    fn check_own_funds(&self, parties: &Parties, held: U256) -> Result<(), Revert> {
        let account = parties.account()?;
        if !self.is_borrowing_restricted() && !account.restricted && !account.overdue {
            return Ok(());
        }
        let owed = account.owed();
        if held < owed {
            return Err(refuse::<abi::DepositOfBorrowedFunds, _>([held.into(), owed.into()]));
        }
        Ok(())
    }

    /// Whether that was a change.
    #[inline(never)]
    fn set_recipient(&mut self, recipient: Address, allowed: bool) -> Result<bool, Revert> {
        self.state.only(Role::Owner)?;
        let changed = self.state.set_recipient(recipient, allowed);
        if changed {
            report::<abi::UpdatedExternalRecipient, _>([recipient.into(), allowed.into()]);
        }
        Ok(changed)
    }

    #[inline(never)]
    fn check_payout(&self, recipient: Address) -> Result<(), Revert> {
        self.state.only(Role::WithdrawalOperator)?;
        if !self.state.is_recipient(recipient) {
            return Err(refuse::<abi::RecipientNotAllowed, _>([recipient.into()]));
        }
        Ok(())
    }

    #[inline(never)]
    fn update_key(&mut self, stark_key: Uint, is_allowed: bool) {
        self.state.set_key_allowed(stark_key, is_allowed);
        report::<abi::UpdatedStarkKey, _>([stark_key, is_allowed.into()]);
    }

    fn take_from_queue(&mut self, trade: Uint) -> Result<(), Revert> {
        let (queued_at, now) = (self.state.queued_at(trade), now());
        if queued_at == 0 {
            return Err(refuse::<abi::ForcedTradeNotQueued, _>([trade]));
        }
        let earliest = queued_at.saturating_add(TRADE_WAIT);
        let latest = earliest.saturating_add(TRADE_WAIT);
        if now < earliest {
            return Err(refuse::<abi::ForcedTradeTooEarly, _>([now.into(), earliest.into()]));
        }
        if now > latest {
            return Err(refuse::<abi::ForcedTradeTooLate, _>([now.into(), latest.into()]));
        }
        self.state.set_queued_at(trade, 0);
        Ok(())
    }

    fn only_guardian_with_debt(&self) -> Result<Parties, Revert> {
        self.state.only(Role::Guardian)?;
        let parties = Parties::read();
        let account = parties.account()?;
        if account.debt.is_zero() && !account.overdue {
            return Err(refuse::<abi::NoOverdueDebt, _>([]));
        }
        Ok(parties)
    }
}

fn check_parties(parties: &Parties) -> Result<(), Revert> {
    for account in [parties.pool, parties.exchange, parties.token, parties.distributor] {
        if HOST.code_size(account) == 0 {
            return Err(refuse::<abi::InvalidContract, _>([account.into()]));
        }
    }
    let (token, staked_token) = (parties.token, parties.staked_token()?);
    if token != staked_token {
        return Err(refuse::<abi::TokenMismatch, _>([token.into(), staked_token.into()]));
    }
    Ok(())
}

#[inline(never)]
fn check_not_cancelling(vault: &Vault, record: VaultRecord) -> Result<(), Revert> {
    if record.cancelling {
        return Err(refuse::<abi::DepositBeingCancelled, _>(*vault));
    }
    Ok(())
}

#[inline(never)]
fn withdraw(stark_key: Uint, asset_type: Uint, is_guardian_action: bool) -> Result<Uint, Revert> {
    let token_amount = Parties::read().collect(exchange::withdrawCall::SELECTOR, &[stark_key, asset_type])?.into();
    report::<abi::WithdrewFromExchange, _>([stark_key, asset_type, token_amount, is_guardian_action.into()]);
    Ok(token_amount)
}

#[inline(never)]
fn force_withdrawal(
    parties: &Parties,
    [stark_key, vault_id, quantized_amount]: [Uint; 3],
    premium_cost: bool,
    is_guardian_action: bool,
) -> Result<(), Revert> {
    let arguments = [stark_key, vault_id, quantized_amount, premium_cost.into()];
    parties.exchange(exchange::forcedWithdrawalRequestCall::SELECTOR, &arguments)?;
    report::<abi::RequestedForcedWithdrawal, _>([stark_key, vault_id, is_guardian_action.into()]);
    Ok(())
}

#[inline(never)]
fn force_trade(parties: &Parties, args: &[Uint; 12], signature: &[u8], is_guardian_action: bool) -> Result<(), Revert> {
    parties.forced_trade(args, signature)?;
    let [stark_key, _, vault_id, ..] = *args;
    report::<abi::RequestedForcedTrade, _>([stark_key, vault_id, is_guardian_action.into()]);
    Ok(())
}
