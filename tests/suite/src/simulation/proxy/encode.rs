//! Calls, events and refusals of a proxy as they are encoded on the chain.
#![allow(non_snake_case, reason = "names of fields are those of Solidity")]

use alloy_primitives::{LogData, U256};
use alloy_sol_types::{Revert, SolCall, SolError};
use model::proxy::{ProxyCall as Call, ProxyEvent as Event, ProxyRefusal as Refusal, ProxyRole, trade_id};

use crate::{
    abi::{IToken, ITrustedBorrowerL2Proxy as P},
    check::{log, u},
    deployment::role,
    proxy::{Parties, ROLES},
    simulation::encode as pool,
};

fn id(of: ProxyRole) -> alloy_primitives::B256 {
    role(ROLES[of as usize].0)
}

/// A call as its data.
pub(super) fn call(call: &Call, parties: &Parties) -> Vec<u8> {
    let token = parties.token;
    match call.clone() {
        Call::Borrow(amount) => P::borrowCall { amount }.abi_encode(),
        Call::RepayBorrow(amount) => P::repayBorrowCall { amount }.abi_encode(),
        Call::RepayDebt(amount) => P::repayDebtCall { amount }.abi_encode(),
        Call::AutoPay => P::autoPayOrBorrowCall {}.abi_encode(),
        Call::Deposit([starkKey, assetType, vaultId], quantizedAmount) => {
            P::depositToExchangeCall { starkKey, assetType, vaultId, quantizedAmount }.abi_encode()
        }
        Call::Withdraw(starkKey, assetType) => P::withdrawFromExchangeCall { starkKey, assetType }.abi_encode(),
        Call::Pay(recipient, amount) => P::externalWithdrawTokenCall { recipient, amount }.abi_encode(),
        Call::AllowKey(starkKey) => P::allowStarkKeyCall { starkKey }.abi_encode(),
        Call::DisallowKey(starkKey) => P::disallowStarkKeyCall { starkKey }.abi_encode(),
        Call::AllowVault([starkKey, assetType, vaultId]) => {
            P::allowDepositVaultCall { starkKey, assetType, vaultId }.abi_encode()
        }
        Call::DisallowVault([starkKey, assetType, vaultId]) => {
            P::disallowDepositVaultCall { starkKey, assetType, vaultId }.abi_encode()
        }
        Call::AllowRecipient(recipient) => P::allowExternalRecipientCall { recipient }.abi_encode(),
        Call::DisallowRecipient(recipient) => P::disallowExternalRecipientCall { recipient }.abi_encode(),
        Call::ExchangeAllowance(amount) => P::setExchangeContractAllowanceCall { token, amount }.abi_encode(),
        Call::PoolAllowance(amount) => P::setStakingContractAllowanceCall { token, amount }.abi_encode(),
        Call::ForceWithdrawal([starkKey, vaultId, quantizedAmount]) => {
            P::forcedWithdrawalRequestCall { starkKey, vaultId, quantizedAmount, premiumCost: false }.abi_encode()
        }
        Call::QueueTrade(args) => P::queueForcedTradeRequestCall { args }.abi_encode(),
        Call::ForceTrade(args) => P::forcedTradeRequestCall { args, signature: vec![7; 5].into() }.abi_encode(),
        Call::Cancel([starkKey, assetType, vaultId]) => {
            P::depositCancelCall { starkKey, assetType, vaultId }.abi_encode()
        }
        Call::Reclaim([starkKey, assetType, vaultId]) => {
            P::depositReclaimCall { starkKey, assetType, vaultId }.abi_encode()
        }
        other => guardian_call(other),
    }
}

fn guardian_call(call: Call) -> Vec<u8> {
    match call {
        Call::Approve(amount) => P::increaseApprovedAmountForExternalWithdrawalCall { amount }.abi_encode(),
        Call::ResetApproval => P::resetApprovedAmountForExternalWithdrawalCall {}.abi_encode(),
        Call::Restrict(to) => P::guardianSetBorrowingRestrictionCall { isBorrowingRestricted: to }.abi_encode(),
        Call::GuardianRepayBorrow(amount) => P::guardianRepayBorrowCall { amount }.abi_encode(),
        Call::GuardianRepayDebt(amount) => P::guardianRepayDebtCall { amount }.abi_encode(),
        Call::GuardianWithdraw(starkKey, assetType) => {
            P::guardianWithdrawFromExchangeCall { starkKey, assetType }.abi_encode()
        }
        Call::GuardianForceWithdrawal([starkKey, vaultId, quantizedAmount]) => {
            P::guardianForcedWithdrawalRequestCall { starkKey, vaultId, quantizedAmount, premiumCost: true }
                .abi_encode()
        }
        Call::GuardianForceTrade(args) => {
            P::guardianForcedTradeRequestCall { args, signature: vec![].into() }.abi_encode()
        }
        Call::Veto(trades) => {
            P::guardianVetoForcedTradeRequestsCall { argsHashes: trades.iter().map(trade_id).collect() }.abi_encode()
        }
        Call::GuardianCancel([starkKey, assetType, vaultId]) => {
            P::guardianDepositCancelCall { starkKey, assetType, vaultId }.abi_encode()
        }
        Call::GuardianReclaim([starkKey, assetType, vaultId]) => {
            P::guardianDepositReclaimCall { starkKey, assetType, vaultId }.abi_encode()
        }
        Call::GuardianDisallowVault([starkKey, assetType, vaultId]) => {
            P::guardianDisallowDepositVaultCall { starkKey, assetType, vaultId }.abi_encode()
        }
        Call::Block(starkKey, isBlocked) => P::guardianBlockStarkKeyCall { starkKey, isBlocked }.abi_encode(),
        Call::Grant(role, account) => P::grantRoleCall { role: id(role), account }.abi_encode(),
        Call::Revoke(role, account) => P::revokeRoleCall { role: id(role), account }.abi_encode(),
        other => unreachable!("every call has a home: {other:?}"),
    }
}

/// An event as it stands in a log.
pub(super) fn event(event: &Event) -> LogData {
    match event.clone() {
        Event::Borrowed(amount, left) => log(P::Borrowed { amount, newBorrowedBalance: left }),
        Event::RepaidBorrow(amount, left, isGuardianAction) => {
            log(P::RepaidBorrow { amount, newBorrowedBalance: left, isGuardianAction })
        }
        Event::RepaidDebt(amount, left, isGuardianAction) => {
            log(P::RepaidDebt { amount, newDebtBalance: left, isGuardianAction })
        }
        Event::Deposited([starkKey, starkAssetType, starkVaultId], tokenAmount) => {
            log(P::DepositedToExchange { starkKey, starkAssetType, starkVaultId, tokenAmount })
        }
        Event::Withdrew(starkKey, starkAssetType, tokenAmount, isGuardianAction) => {
            log(P::WithdrewFromExchange { starkKey, starkAssetType, tokenAmount, isGuardianAction })
        }
        Event::ForcedWithdrawal(starkKey, vaultId, isGuardianAction) => {
            log(P::RequestedForcedWithdrawal { starkKey, vaultId, isGuardianAction })
        }
        Event::ForcedTrade(starkKey, vaultId, isGuardianAction) => {
            log(P::RequestedForcedTrade { starkKey, vaultId, isGuardianAction })
        }
        Event::Cancelled([starkKey, starkAssetType, vaultId], isGuardianAction) => {
            log(P::DepositCanceled { starkKey, starkAssetType, vaultId, isGuardianAction })
        }
        Event::Reclaimed([starkKey, starkAssetType, vaultId], fundsReclaimed, isGuardianAction) => {
            log(P::DepositReclaimed { starkKey, starkAssetType, vaultId, fundsReclaimed, isGuardianAction })
        }
        Event::Paid(recipient, amount) => log(P::ExternalWithdrewToken { recipient, amount }),
        other => admin_event(other),
    }
}

fn admin_event(event: Event) -> LogData {
    match event {
        Event::Key(starkKey, isAllowed) => log(P::UpdatedStarkKey { starkKey, isAllowed }),
        Event::Blocked(starkKey, isBlocked) => log(P::StarkKeyBlocked { starkKey, isBlocked }),
        Event::VaultAllowed([starkKey, starkAssetType, starkVaultId], from) => {
            log(P::DepositVaultAllowed { starkKey, starkAssetType, starkVaultId, allowedFrom: u(from) })
        }
        Event::VaultDisallowed([starkKey, starkAssetType, starkVaultId], isGuardianAction) => {
            log(P::DepositVaultDisallowed { starkKey, starkAssetType, starkVaultId, isGuardianAction })
        }
        Event::Recipient(recipient, isAllowed) => log(P::UpdatedExternalRecipient { recipient, isAllowed }),
        Event::Queued(args, argsHash) => log(P::QueuedForcedTradeRequest { args: *args, argsHash }),
        Event::Restricted(to) => log(P::BorrowingRestrictionChanged { isBorrowingRestricted: to }),
        Event::Vetoed(argsHash) => log(P::GuardianVetoedForcedTradeRequest { argsHash }),
        Event::Approved(amount) => log(P::GuardianUpdateApprovedAmountForExternalWithdrawal { amount }),
        Event::Granted(role, account, sender) => log(P::RoleGranted { role: id(role), account, sender }),
        Event::Revoked(role, account, sender) => log(P::RoleRevoked { role: id(role), account, sender }),
        other => unreachable!("every event has a home: {other:?}"),
    }
}

/// A refusal as the data of the revert.
pub(super) fn refusal(refusal: &Refusal, parties: &Parties, proxy: alloy_primitives::Address) -> Vec<u8> {
    let (token, exchange) = (parties.token, parties.exchange);
    match refusal.clone() {
        Refusal::Pool(refusal) => pool::refusal(&refusal),
        Refusal::Exchange(text) => Revert { reason: text.into() }.abi_encode(),
        Refusal::Allowance(allowance, needed) => {
            IToken::InsufficientAllowance { owner: proxy, spender: exchange, allowance, needed }.abi_encode()
        }
        Refusal::Balance(balance, needed) => IToken::InsufficientBalance { owner: proxy, balance, needed }.abi_encode(),
        Refusal::TokenFailed => P::SafeErc20FailedOperation { token }.abi_encode(),
        Refusal::MissingRole(account, role) => {
            P::AccessControlUnauthorizedAccount { account, neededRole: id(role) }.abi_encode()
        }
        Refusal::LastRoleHolder(role, account) => P::LastRoleHolder { role: id(role), account }.abi_encode(),
        Refusal::BorrowingRestricted => P::BorrowingRestrictedByGuardian {}.abi_encode(),
        Refusal::NotInBlackoutWindow => P::NotInBlackoutWindow {}.abi_encode(),
        Refusal::InsufficientFunds(held, required) => P::InsufficientFundsToRepay { held, required }.abi_encode(),
        Refusal::ZeroAmount => P::ZeroAmount {}.abi_encode(),
        Refusal::BorrowedFunds(held, owed) => P::DepositOfBorrowedFunds { held, owed }.abi_encode(),
        Refusal::Exceeds(requested, excess, approved) => {
            P::ExceedsWithdrawableBalance { requested, excess, approved }.abi_encode()
        }
        Refusal::ApprovedOverflow(approved, increase) => P::ApprovedAmountOverflow { approved, increase }.abi_encode(),
        Refusal::NoOverdueDebt => P::NoOverdueDebt {}.abi_encode(),
        other => list_refusal(other),
    }
}

fn list_refusal(refusal: Refusal) -> Vec<u8> {
    match refusal {
        Refusal::KeyNotAllowed(starkKey) => P::StarkKeyNotAllowed { starkKey }.abi_encode(),
        Refusal::KeyNotRegistered(starkKey, ethKey) => P::StarkKeyNotRegistered { starkKey, ethKey }.abi_encode(),
        Refusal::KeyAlreadyAllowed(starkKey) => P::StarkKeyAlreadyAllowed { starkKey }.abi_encode(),
        Refusal::KeyAlreadyDisallowed(starkKey) => P::StarkKeyAlreadyDisallowed { starkKey }.abi_encode(),
        Refusal::KeyBlocked(starkKey) => P::StarkKeyIsBlocked { starkKey }.abi_encode(),
        Refusal::VaultNotAllowed([starkKey, assetType, vaultId], from) => {
            P::DepositVaultNotAllowed { starkKey, assetType, vaultId, allowedFrom: u(from) }.abi_encode()
        }
        Refusal::VaultAlreadyAllowed([starkKey, assetType, vaultId], from) => {
            P::DepositVaultAlreadyAllowed { starkKey, assetType, vaultId, allowedFrom: u(from) }.abi_encode()
        }
        Refusal::VaultAlreadyDisallowed([starkKey, assetType, vaultId]) => {
            P::DepositVaultAlreadyDisallowed { starkKey, assetType, vaultId }.abi_encode()
        }
        Refusal::BeingCancelled([starkKey, assetType, vaultId]) => {
            P::DepositBeingCancelled { starkKey, assetType, vaultId }.abi_encode()
        }
        Refusal::RecipientNotAllowed(recipient) => P::RecipientNotAllowed { recipient }.abi_encode(),
        Refusal::RecipientAlreadyAllowed(recipient) => P::RecipientAlreadyAllowed { recipient }.abi_encode(),
        Refusal::RecipientAlreadyDisallowed(recipient) => P::RecipientAlreadyDisallowed { recipient }.abi_encode(),
        Refusal::TradeNotQueued(argsHash) => P::ForcedTradeNotQueued { argsHash }.abi_encode(),
        Refusal::TradeTooEarly(now, earliest) => {
            P::ForcedTradeTooEarly { timestamp: u(now), earliest: u(earliest) }.abi_encode()
        }
        Refusal::TradeTooLate(now, latest) => {
            P::ForcedTradeTooLate { timestamp: u(now), latest: u(latest) }.abi_encode()
        }
        other => unreachable!("every refusal has a home: {other:?}"),
    }
}

/// Returned numbers as data.
pub(super) fn returned(values: &[U256]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes::<32>()).collect()
}
