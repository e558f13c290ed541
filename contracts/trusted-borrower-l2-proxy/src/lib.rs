//! A market maker's borrower. What each function does, refuses and reports stands in `abi/ITrustedBorrowerL2Proxy.sol`.
//!
//! One program, many borrowers: each is a minimal clone (EIP-1167) that delegates every call here, with a storage of its own. The
//! program's own address has code, so it can never be initialised, and nobody holds a role there.

#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(missing_docs, reason = "what `#[entrypoint]` generates is public")]

extern crate alloc;

mod parties;
mod roles;
mod state;

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, B256, FixedBytes, U256, fixed_bytes};
use alloy_sol_types::{SolCall, SolEvent};
use ::host::{Constant, HOST, Revert, emit, revert};
use stylus_sdk::{abi::Bytes, prelude::*};

use crate::{
    interface::{IBorrowerAllocations as lending, IStarkPerpetual as exchange},
    parties::{Parties, approve, flag, send_ether, set_allowance, transfer},
    roles::{Role, log_admins},
    state::{State, TRADE_WAIT, VAULT_WAIT, Vault, VaultRecord, now, trade_id},
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
#[entrypoint]
#[storage]
pub struct TrustedBorrowerL2Proxy {
    state: State,
}

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
        deposit_vaults: Vec<[U256; 3]>,
    ) -> Result<(), Revert> {
        self.check_constructing()?;
        let parties = Parties {
            pool: liquidity_staking,
            exchange: stark_perpetual,
            token,
            distributor: merkle_distributor,
        };
        check_parties(&parties)?;
        self.state.grant(Role::Guardian, guardian)?;
        if !veto_guardian.is_zero() {
            self.state.grant(Role::VetoGuardian, veto_guardian)?;
        }
        self.state.grant(Role::Owner, owner)?;
        self.state.grant(Role::DelegationAdmin, owner)?;
        log_admins();
        for [stark_key, asset_type, vault_id] in deposit_vaults {
            self.allow_vault(Vault { stark_key, asset_type, vault_id }, now())?;
        }
        approve(token, liquidity_staking, U256::MAX)?;
        approve(token, stark_perpetual, U256::MAX)
    }

    // ---------------------------------------------------------------- borrowing

    fn borrow(&mut self, amount: U256) -> Result<(), Revert> {
        self.state.only(Role::Borrower)?;
        if self.is_borrowing_restricted() {
            return Err(revert(abi::BorrowingRestrictedByGuardian {}));
        }
        Parties::read().borrow(amount)
    }

    fn repay_borrow(&mut self, amount: U256) -> Result<(), Revert> {
        self.state.only(Role::Borrower)?;
        Parties::read().repay_borrow(amount, false)
    }

    fn repay_debt(&mut self, amount: U256) -> Result<(), Revert> {
        self.state.only(Role::Borrower)?;
        Parties::read().repay_debt(amount, false)
    }

    fn auto_pay_or_borrow(&mut self) -> Result<(U256, U256, U256), Revert> {
        self.state.only(Role::Borrower)?;
        let parties = Parties::read();
        if !parties.in_blackout_window()? {
            return Err(revert(abi::NotInBlackoutWindow {}));
        }
        let account = parties.account()?;
        let excess = account.borrowed.saturating_sub(account.allocated_next);
        if !excess.is_zero() {
            let held = parties.held()?;
            if held < excess {
                return Err(revert(abi::InsufficientFundsToRepay { held, required: excess }));
            }
            parties.repay_borrow(excess, false)?;
        }
        // Repaying a loan changes no debt; what is held it does change.
        let debt_repaid = if account.debt.is_zero() { U256::ZERO } else { parties.held()?.min(account.debt) };
        if !debt_repaid.is_zero() {
            parties.repay_debt(debt_repaid, false)?;
        }
        let may_borrow = excess.is_zero() && account.debt.is_zero() && !self.is_borrowing_restricted();
        let borrowed = if may_borrow { account.borrowable } else { U256::ZERO };
        if !borrowed.is_zero() {
            parties.borrow(borrowed)?;
        }
        Ok((borrowed, excess, debt_repaid))
    }

    // ---------------------------------------------------------------- exchange

    fn deposit_to_exchange(
        &mut self,
        stark_key: U256,
        asset_type: U256,
        vault_id: U256,
        quantized_amount: U256,
    ) -> Result<U256, Revert> {
        self.state.only(Role::ExchangeOperator)?;
        self.state.check_key(stark_key)?;
        self.check_vault(Vault { stark_key, asset_type, vault_id })?;
        if quantized_amount.is_zero() {
            return Err(revert(abi::ZeroAmount {}));
        }
        let parties = Parties::read();
        let before = parties.held()?;
        parties.exchange(
            exchange::depositCall::SELECTOR,
            &[stark_key, asset_type, vault_id, quantized_amount],
        )?;
        let after = parties.held()?;
        let increased = || revert(abi::BalanceIncreased { balanceBefore: before, balanceAfter: after });
        let token_amount = before.checked_sub(after).ok_or_else(increased)?;
        self.check_own_funds(&parties, after)?;
        emit(&abi::DepositedToExchange {
            starkKey: stark_key,
            starkAssetType: asset_type,
            starkVaultId: vault_id,
            tokenAmount: token_amount,
        });
        Ok(token_amount)
    }

    fn withdraw_from_exchange(&mut self, stark_key: U256, asset_type: U256) -> Result<U256, Revert> {
        self.state.only(Role::ExchangeOperator)?;
        self.state.check_key(stark_key)?;
        withdraw(stark_key, asset_type, false)
    }

    // ---------------------------------------------------------------- payouts

    fn external_withdraw_token(&mut self, recipient: Address, amount: U256) -> Result<(), Revert> {
        self.check_payout(recipient)?;
        let parties = Parties::read();
        let excess = parties.held()?.saturating_sub(parties.owed()?);
        let rest = amount.saturating_sub(excess);
        if !rest.is_zero() {
            let mut status = self.state.status();
            let approved = u128::try_from(rest).ok().and_then(|rest| status.approved.checked_sub(rest));
            status.approved = approved.ok_or_else(|| {
                let approved = U256::from(status.approved);
                revert(abi::ExceedsWithdrawableBalance { requested: amount, excess, approved })
            })?;
            self.state.set_status(status);
        }
        transfer(parties.token, recipient, amount)?;
        emit(&abi::ExternalWithdrewToken { recipient, amount });
        Ok(())
    }

    fn external_withdraw_other_token(
        &mut self,
        token: Address,
        recipient: Address,
        amount: U256,
    ) -> Result<(), Revert> {
        self.check_payout(recipient)?;
        let parties = Parties::read();
        if token == parties.token {
            return Err(revert(abi::BorrowedTokenNotWithdrawable { token }));
        }
        let before = parties.held()?;
        transfer(token, recipient, amount)?;
        parties.increase_since(before)?; // Some tokens have two addresses.
        emit(&abi::ExternalWithdrewOtherToken { token, recipient, amount });
        Ok(())
    }

    fn external_withdraw_ether(&mut self, recipient: Address, amount: U256) -> Result<(), Revert> {
        self.check_payout(recipient)?;
        send_ether(recipient, amount)?;
        emit(&abi::ExternalWithdrewEther { recipient, amount });
        Ok(())
    }

    fn claim_rewards_from_merkle_distributor(
        &mut self,
        cumulative_amount: U256,
        merkle_proof: Vec<B256>,
    ) -> Result<U256, Revert> {
        self.state.only(Role::WithdrawalOperator)?;
        let proof: Vec<U256> = merkle_proof.into_iter().map(Into::into).collect();
        Parties::read().claim(cumulative_amount, &proof)
    }

    // ---------------------------------------------------------------- owner

    fn allow_stark_key(&mut self, stark_key: U256) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        let eth_key = Parties::read().eth_key(stark_key)?;
        if eth_key != HOST.contract_address() {
            return Err(revert(abi::StarkKeyNotRegistered { starkKey: stark_key, ethKey: eth_key }));
        }
        if self.state.is_key_allowed(stark_key) {
            return Err(revert(abi::StarkKeyAlreadyAllowed { starkKey: stark_key }));
        }
        if self.state.is_key_blocked(stark_key) {
            return Err(revert(abi::StarkKeyIsBlocked { starkKey: stark_key }));
        }
        self.update_key(stark_key, true);
        Ok(())
    }

    fn disallow_stark_key(&mut self, stark_key: U256) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        if !self.state.is_key_allowed(stark_key) {
            return Err(revert(abi::StarkKeyAlreadyDisallowed { starkKey: stark_key }));
        }
        self.update_key(stark_key, false);
        Ok(())
    }

    fn allow_deposit_vault(&mut self, stark_key: U256, asset_type: U256, vault_id: U256) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        self.allow_vault(Vault { stark_key, asset_type, vault_id }, now().saturating_add(VAULT_WAIT))
    }

    fn disallow_deposit_vault(&mut self, stark_key: U256, asset_type: U256, vault_id: U256) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        self.disallow_vault(Vault { stark_key, asset_type, vault_id }, false)
    }

    fn allow_external_recipient(&mut self, recipient: Address) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        if !self.state.set_recipient(recipient, true) {
            return Err(revert(abi::RecipientAlreadyAllowed { recipient }));
        }
        emit(&abi::UpdatedExternalRecipient { recipient, isAllowed: true });
        Ok(())
    }

    fn disallow_external_recipient(&mut self, recipient: Address) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        if !self.state.set_recipient(recipient, false) {
            return Err(revert(abi::RecipientAlreadyDisallowed { recipient }));
        }
        emit(&abi::UpdatedExternalRecipient { recipient, isAllowed: false });
        Ok(())
    }

    fn set_exchange_contract_allowance(&mut self, token: Address, amount: U256) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        set_allowance(token, Parties::read().exchange, amount)
    }

    fn set_staking_contract_allowance(&mut self, token: Address, amount: U256) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        set_allowance(token, Parties::read().pool, amount)
    }

    fn forced_withdrawal_request(
        &mut self,
        stark_key: U256,
        vault_id: U256,
        quantized_amount: U256,
        premium_cost: bool,
    ) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        self.state.check_key(stark_key)?;
        force_withdrawal(&Parties::read(), [stark_key, vault_id, quantized_amount], premium_cost, false)
    }

    fn queue_forced_trade_request(&mut self, args: [U256; 12]) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        let id = trade_id(&args);
        self.state.set_queued_at(id, now());
        log_queued(&args, id);
        Ok(())
    }

    fn forced_trade_request(&mut self, args: [U256; 12], signature: Bytes) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        let [stark_key, ..] = args;
        self.state.check_key(stark_key)?;
        self.take_from_queue(trade_id(&args))?;
        force_trade(&Parties::read(), &args, &signature, false)
    }

    fn deposit_cancel(&mut self, stark_key: U256, asset_type: U256, vault_id: U256) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        self.state.check_key(stark_key)?;
        let vault = Vault { stark_key, asset_type, vault_id };
        check_not_cancelling(&vault, self.state.vault(&vault))?;
        self.cancel(vault, false)
    }

    fn deposit_reclaim(&mut self, stark_key: U256, asset_type: U256, vault_id: U256) -> Result<(), Revert> {
        self.state.only(Role::Owner)?;
        self.state.check_key(stark_key)?;
        self.reclaim(Vault { stark_key, asset_type, vault_id }, false)
    }

    // ---------------------------------------------------------------- guardians

    fn increase_approved_amount_for_external_withdrawal(&mut self, amount: U256) -> Result<U256, Revert> {
        self.state.only(Role::Guardian)?;
        let mut status = self.state.status();
        let approved = u128::try_from(amount).ok().and_then(|amount| status.approved.checked_add(amount));
        status.approved = approved.ok_or_else(|| {
            revert(abi::ApprovedAmountOverflow { approved: U256::from(status.approved), increase: amount })
        })?;
        self.state.set_status(status);
        let amount = U256::from(status.approved);
        emit(&abi::GuardianUpdateApprovedAmountForExternalWithdrawal { amount });
        Ok(amount)
    }

    fn reset_approved_amount_for_external_withdrawal(&mut self) -> Result<U256, Revert> {
        self.state.only(Role::Guardian)?;
        let mut status = self.state.status();
        let approved = core::mem::take(&mut status.approved);
        self.state.set_status(status);
        emit(&abi::GuardianUpdateApprovedAmountForExternalWithdrawal { amount: U256::ZERO });
        Ok(U256::from(approved))
    }

    fn guardian_set_borrowing_restriction(&mut self, is_borrowing_restricted: bool) -> Result<(), Revert> {
        self.state.only(Role::Guardian)?;
        let mut status = self.state.status();
        status.restricted = is_borrowing_restricted;
        self.state.set_status(status);
        emit(&abi::BorrowingRestrictionChanged { isBorrowingRestricted: is_borrowing_restricted });
        Ok(())
    }

    fn guardian_repay_borrow(&mut self, amount: U256) -> Result<(), Revert> {
        self.state.only(Role::Guardian)?;
        let parties = Parties::read();
        parties.ensure_repayable(amount)?;
        parties.repay_borrow(amount, true)
    }

    fn guardian_repay_debt(&mut self, amount: U256) -> Result<(), Revert> {
        self.state.only(Role::Guardian)?;
        let parties = Parties::read();
        parties.ensure_repayable(amount)?;
        parties.repay_debt(amount, true)
    }

    fn guardian_withdraw_from_exchange(&mut self, stark_key: U256, asset_type: U256) -> Result<U256, Revert> {
        self.state.only(Role::Guardian)?;
        withdraw(stark_key, asset_type, true)
    }

    fn guardian_forced_withdrawal_request(
        &mut self,
        stark_key: U256,
        vault_id: U256,
        quantized_amount: U256,
        premium_cost: bool,
    ) -> Result<(), Revert> {
        let parties = self.only_guardian_with_debt()?;
        force_withdrawal(&parties, [stark_key, vault_id, quantized_amount], premium_cost, true)
    }

    fn guardian_forced_trade_request(&mut self, args: [U256; 12], signature: Bytes) -> Result<(), Revert> {
        let parties = self.only_guardian_with_debt()?;
        force_trade(&parties, &args, &signature, true)
    }

    fn guardian_veto_forced_trade_requests(&mut self, args_hashes: Vec<B256>) -> Result<(), Revert> {
        self.state.only(Role::VetoGuardian)?;
        for hash in args_hashes {
            self.state.set_queued_at(hash, 0);
            emit(&abi::GuardianVetoedForcedTradeRequest { argsHash: hash });
        }
        Ok(())
    }

    fn guardian_deposit_cancel(&mut self, stark_key: U256, asset_type: U256, vault_id: U256) -> Result<(), Revert> {
        self.state.only(Role::Guardian)?;
        self.cancel(Vault { stark_key, asset_type, vault_id }, true)
    }

    fn guardian_deposit_reclaim(&mut self, stark_key: U256, asset_type: U256, vault_id: U256) -> Result<(), Revert> {
        self.state.only(Role::Guardian)?;
        self.reclaim(Vault { stark_key, asset_type, vault_id }, true)
    }

    fn guardian_disallow_deposit_vault(
        &mut self,
        stark_key: U256,
        asset_type: U256,
        vault_id: U256,
    ) -> Result<(), Revert> {
        self.state.only_guardians()?;
        self.disallow_vault(Vault { stark_key, asset_type, vault_id }, true)
    }

    fn guardian_block_stark_key(&mut self, stark_key: U256, is_blocked: bool) -> Result<(), Revert> {
        self.state.only(Role::Guardian)?;
        if self.state.is_key_allowed(stark_key) && is_blocked {
            self.update_key(stark_key, false);
        }
        if is_blocked != self.state.is_key_blocked(stark_key) {
            self.state.set_key_blocked(stark_key, is_blocked);
        }
        emit(&abi::StarkKeyBlocked { starkKey: stark_key, isBlocked: is_blocked });
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
    fn forced_trade_waiting_period(&self) -> U256 {
        U256::from(TRADE_WAIT)
    }

    #[selector(name = "FORCED_TRADE_GRACE_PERIOD")]
    fn forced_trade_grace_period(&self) -> U256 {
        U256::from(TRADE_WAIT)
    }

    #[selector(name = "DEPOSIT_VAULT_WAITING_PERIOD")]
    fn deposit_vault_waiting_period(&self) -> U256 {
        U256::from(VAULT_WAIT)
    }

    fn get_allocated_balance_current_epoch(&self) -> Result<U256, Revert> {
        Parties::read().figure(lending::getAllocatedBalanceCurrentEpochCall::SELECTOR)
    }

    fn get_allocated_balance_next_epoch(&self) -> Result<U256, Revert> {
        Parties::read().figure(lending::getAllocatedBalanceNextEpochCall::SELECTOR)
    }

    fn get_borrowable_amount(&self) -> Result<U256, Revert> {
        if self.is_borrowing_restricted() {
            return Ok(U256::ZERO);
        }
        Parties::read().figure(lending::getBorrowableAmountCall::SELECTOR)
    }

    fn get_borrowed_balance(&self) -> Result<U256, Revert> {
        Parties::read().borrowed()
    }

    fn get_debt_balance(&self) -> Result<U256, Revert> {
        Parties::read().debt()
    }

    fn get_borrowed_and_debt_balance(&self) -> Result<U256, Revert> {
        Parties::read().owed()
    }

    fn get_token_balance(&self) -> Result<U256, Revert> {
        Parties::read().held()
    }

    fn is_stark_key_allowed(&self, stark_key: U256) -> bool {
        self.state.is_key_allowed(stark_key)
    }

    fn is_stark_key_blocked(&self, stark_key: U256) -> bool {
        self.state.is_key_blocked(stark_key)
    }

    fn get_deposit_vault(&self, stark_key: U256, asset_type: U256, vault_id: U256) -> (U256, bool) {
        let record = self.state.vault(&Vault { stark_key, asset_type, vault_id });
        (U256::from(record.allowed_from), record.cancelling)
    }

    fn is_recipient_allowed(&self, recipient: Address) -> bool {
        self.state.is_recipient(recipient)
    }

    fn get_approved_amount_for_external_withdrawal(&self) -> U256 {
        U256::from(self.state.status().approved)
    }

    fn is_borrowing_restricted(&self) -> bool {
        self.state.status().restricted
    }

    fn get_queued_forced_trade_timestamp(&self, args_hash: B256) -> U256 {
        U256::from(self.state.queued_at(args_hash))
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
            return Err(revert(abi::AccessControlBadConfirmation {}));
        }
        match Role::of(role) {
            Some(role) => self.state.revoke(role, account),
            None => Ok(()), // Nobody holds what does not exist.
        }
    }

    fn supports_interface(&self, interface_id: FixedBytes<4>) -> bool {
        [fixed_bytes!("01ffc9a7"), fixed_bytes!("7965db0b")].contains(&interface_id)
    }
}

/// Construction.
impl TrustedBorrowerL2Proxy {
    /// The clone's code is not there before its init code returns it; everything else that can be called has code.
    fn check_constructing(&self) -> Result<(), Revert> {
        if HOST.code_size(HOST.contract_address()) != 0 {
            return Err(revert(abi::NotConstructing {}));
        }
        if self.state.status().owners != 0 {
            return Err(revert(abi::AlreadyInitialized {}));
        }
        Ok(())
    }
}

/// Vaults.
impl TrustedBorrowerL2Proxy {
    fn check_vault(&self, vault: Vault) -> Result<(), Revert> {
        let record = self.state.vault(&vault);
        if record.allowed_from == 0 || now() < record.allowed_from {
            let Vault { stark_key, asset_type, vault_id } = vault;
            return Err(revert(abi::DepositVaultNotAllowed {
                starkKey: stark_key,
                assetType: asset_type,
                vaultId: vault_id,
                allowedFrom: U256::from(record.allowed_from),
            }));
        }
        check_not_cancelling(&vault, record)
    }

    fn allow_vault(&mut self, vault: Vault, from: u64) -> Result<(), Revert> {
        let Vault { stark_key, asset_type, vault_id } = vault;
        let record = self.state.vault(&vault);
        if record.allowed_from != 0 {
            return Err(revert(abi::DepositVaultAlreadyAllowed {
                starkKey: stark_key,
                assetType: asset_type,
                vaultId: vault_id,
                allowedFrom: U256::from(record.allowed_from),
            }));
        }
        self.state.set_vault(&vault, VaultRecord { allowed_from: from, ..record });
        emit(&abi::DepositVaultAllowed {
            starkKey: stark_key,
            starkAssetType: asset_type,
            starkVaultId: vault_id,
            allowedFrom: U256::from(from),
        });
        Ok(())
    }

    fn disallow_vault(&mut self, vault: Vault, is_guardian_action: bool) -> Result<(), Revert> {
        let Vault { stark_key, asset_type, vault_id } = vault;
        let record = self.state.vault(&vault);
        if record.allowed_from == 0 {
            return Err(revert(abi::DepositVaultAlreadyDisallowed {
                starkKey: stark_key,
                assetType: asset_type,
                vaultId: vault_id,
            }));
        }
        self.state.set_vault(&vault, VaultRecord { allowed_from: 0, ..record });
        emit(&abi::DepositVaultDisallowed {
            starkKey: stark_key,
            starkAssetType: asset_type,
            starkVaultId: vault_id,
            isGuardianAction: is_guardian_action,
        });
        Ok(())
    }

    fn cancel(&mut self, vault: Vault, is_guardian_action: bool) -> Result<(), Revert> {
        let record = self.state.vault(&vault);
        self.state.set_vault(&vault, VaultRecord { cancelling: true, ..record });
        let Vault { stark_key, asset_type, vault_id } = vault;
        Parties::read().exchange(exchange::depositCancelCall::SELECTOR, &[stark_key, asset_type, vault_id])?;
        emit(&abi::DepositCanceled {
            starkKey: stark_key,
            starkAssetType: asset_type,
            vaultId: vault_id,
            isGuardianAction: is_guardian_action,
        });
        Ok(())
    }

    fn reclaim(&mut self, vault: Vault, is_guardian_action: bool) -> Result<(), Revert> {
        let record = self.state.vault(&vault);
        self.state.set_vault(&vault, VaultRecord { cancelling: false, ..record });
        let words = [vault.stark_key, vault.asset_type, vault.vault_id];
        let funds = Parties::read().collect(exchange::depositReclaimCall::SELECTOR, &words)?;
        log_reclaimed(words, funds, is_guardian_action);
        Ok(())
    }
}

/// Rules that several functions share.
impl TrustedBorrowerL2Proxy {
    /// While the guardian or the pool restricts, what is owed must stay here.
    fn check_own_funds(&self, parties: &Parties, held: U256) -> Result<(), Revert> {
        if !self.is_borrowing_restricted() && !parties.is_restricted_by_pool()? {
            return Ok(());
        }
        let owed = parties.owed()?;
        if held < owed {
            return Err(revert(abi::DepositOfBorrowedFunds { held, owed }));
        }
        Ok(())
    }

    fn check_payout(&self, recipient: Address) -> Result<(), Revert> {
        self.state.only(Role::WithdrawalOperator)?;
        if !self.state.is_recipient(recipient) {
            return Err(revert(abi::RecipientNotAllowed { recipient }));
        }
        Ok(())
    }

    fn update_key(&mut self, stark_key: U256, is_allowed: bool) {
        self.state.set_key_allowed(stark_key, is_allowed);
        emit(&abi::UpdatedStarkKey { starkKey: stark_key, isAllowed: is_allowed });
    }

    fn take_from_queue(&mut self, trade: B256) -> Result<(), Revert> {
        let (queued_at, now) = (self.state.queued_at(trade), now());
        if queued_at == 0 {
            return Err(revert(abi::ForcedTradeNotQueued { argsHash: trade }));
        }
        let earliest = queued_at.saturating_add(TRADE_WAIT);
        let latest = earliest.saturating_add(TRADE_WAIT);
        let timestamp = U256::from(now);
        if now < earliest {
            return Err(revert(abi::ForcedTradeTooEarly { timestamp, earliest: U256::from(earliest) }));
        }
        if now > latest {
            return Err(revert(abi::ForcedTradeTooLate { timestamp, latest: U256::from(latest) }));
        }
        self.state.set_queued_at(trade, 0);
        Ok(())
    }

    fn only_guardian_with_debt(&self) -> Result<Parties, Revert> {
        self.state.only(Role::Guardian)?;
        let parties = Parties::read();
        if parties.debt()?.is_zero() {
            return Err(revert(abi::NoOverdueDebt {}));
        }
        Ok(parties)
    }
}

fn check_parties(parties: &Parties) -> Result<(), Revert> {
    for account in [parties.pool, parties.exchange, parties.token, parties.distributor] {
        if HOST.code_size(account) == 0 {
            return Err(revert(abi::InvalidContract { account }));
        }
    }
    let (token, staked_token) = (parties.token, parties.staked_token()?);
    if token != staked_token {
        return Err(revert(abi::TokenMismatch { token, stakedToken: staked_token }));
    }
    Ok(())
}

fn check_not_cancelling(vault: &Vault, record: VaultRecord) -> Result<(), Revert> {
    if record.cancelling {
        let Vault { stark_key, asset_type, vault_id } = *vault;
        return Err(revert(abi::DepositBeingCancelled {
            starkKey: stark_key,
            assetType: asset_type,
            vaultId: vault_id,
        }));
    }
    Ok(())
}

fn withdraw(stark_key: U256, asset_type: U256, is_guardian_action: bool) -> Result<U256, Revert> {
    let token_amount = Parties::read().collect(exchange::withdrawCall::SELECTOR, &[stark_key, asset_type])?;
    emit(&abi::WithdrewFromExchange {
        starkKey: stark_key,
        starkAssetType: asset_type,
        tokenAmount: token_amount,
        isGuardianAction: is_guardian_action,
    });
    Ok(token_amount)
}

fn force_withdrawal(
    parties: &Parties,
    [stark_key, vault_id, quantized_amount]: [U256; 3],
    premium_cost: bool,
    is_guardian_action: bool,
) -> Result<(), Revert> {
    let arguments = [stark_key, vault_id, quantized_amount, flag(premium_cost)];
    parties.exchange(exchange::forcedWithdrawalRequestCall::SELECTOR, &arguments)?;
    emit(&abi::RequestedForcedWithdrawal {
        starkKey: stark_key,
        vaultId: vault_id,
        isGuardianAction: is_guardian_action,
    });
    Ok(())
}

fn force_trade(
    parties: &Parties,
    args: &[U256; 12],
    signature: &[u8],
    is_guardian_action: bool,
) -> Result<(), Revert> {
    parties.forced_trade(args, signature)?;
    let [stark_key, _, vault_id, ..] = *args;
    emit(&abi::RequestedForcedTrade {
        starkKey: stark_key,
        vaultId: vault_id,
        isGuardianAction: is_guardian_action,
    });
    Ok(())
}

/// Two events have more words than [`emit`] has room for.
fn log_queued(args: &[U256; 12], id: B256) {
    let topic = const { Constant::new(abi::QueuedForcedTradeRequest::SIGNATURE_HASH) };
    let [a, b, c, d, e, f, g, h, i, j, k, l] = args.map(B256::from);
    log(&[topic.word(), a, b, c, d, e, f, g, h, i, j, k, l, id], 1);
}

fn log_reclaimed([stark_key, asset_type, vault_id]: [U256; 3], funds: U256, is_guardian_action: bool) {
    let topic = const { Constant::new(abi::DepositReclaimed::SIGNATURE_HASH) };
    let words = [stark_key, asset_type, vault_id, funds, flag(is_guardian_action)].map(B256::from);
    let [a, b, c, d, e] = words;
    log(&[topic.word(), a, b, c, d, e], 1);
}

/// Emits an event: its topics, then its data.
fn log(words: &[B256], topics: usize) {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.0).collect();
    HOST.emit_log(&bytes, topics);
}
