//! The borrower proxy and the exchange: keys, vaults, deposits, restriction, cancellation (SP-19 to SP-28, SP-47 to SP-53).

use chain::Reverted;
use suite::{
    abi::{IExchange, IStarkPerpetual, ITrustedBorrowerL2Proxy as P},
    deployment::role,
    prelude::*,
    proxy::{ASSET, DAY, KEY, Market, OTHER_ASSET, VAULT, epoch, request_id},
};

use super::proxy_borrowing::in_default;

/// The exchange refused with this text, and the proxy passed it on.
#[track_caller]
pub(crate) fn assert_text(refused: Reverted, text: &str) {
    assert_eq!(refused.reason().as_deref(), Some(text), "{refused}");
}

fn all_borrowed() -> Market {
    let mut market = Market::deploy();
    market.by("b").borrow(400_000).unwrap();
    market
}

fn missing(market: &Market, who: &str, needed: &str) -> P::AccessControlUnauthorizedAccount {
    P::AccessControlUnauthorizedAccount { account: market.pool.who(who), neededRole: role(needed) }
}

fn deposit(key: u64, asset: u64, vault: u64, amount: u64) -> P::depositToExchangeCall {
    P::depositToExchangeCall { starkKey: u(key), assetType: u(asset), vaultId: u(vault), quantizedAmount: u(amount) }
}

fn allow_vault(key: u64, asset: u64, vault: u64) -> P::allowDepositVaultCall {
    P::allowDepositVaultCall { starkKey: u(key), assetType: u(asset), vaultId: u(vault) }
}

fn cancel(key: u64, asset: u64, vault: u64) -> P::depositCancelCall {
    P::depositCancelCall { starkKey: u(key), assetType: u(asset), vaultId: u(vault) }
}

fn reclaim(key: u64, asset: u64, vault: u64) -> P::depositReclaimCall {
    P::depositReclaimCall { starkKey: u(key), assetType: u(asset), vaultId: u(vault) }
}

fn guardian_cancel(key: u64, asset: u64, vault: u64) -> P::guardianDepositCancelCall {
    P::guardianDepositCancelCall { starkKey: u(key), assetType: u(asset), vaultId: u(vault) }
}

fn guardian_reclaim(key: u64, asset: u64, vault: u64) -> P::guardianDepositReclaimCall {
    P::guardianDepositReclaimCall { starkKey: u(key), assetType: u(asset), vaultId: u(vault) }
}

fn vault_of(market: &Market, key: u64, asset: u64, vault: u64) -> (U256, bool) {
    let call = P::getDepositVaultCall { starkKey: u(key), assetType: u(asset), vaultId: u(vault) };
    let P::getDepositVaultReturn { allowedFrom, isBeingCancelled } = market.view(call);
    (allowedFrom, isBeingCancelled)
}

// ---------------------------------------------------------------- keys and exchange

#[test]
fn sp_19_keys_must_be_registered_to_the_proxy() {
    let mut market = Market::deploy();
    let allow = |key| P::allowStarkKeyCall { starkKey: u(key) };
    assert_text(market.by("o").send(allow(124)).unwrap_err(), "USER_UNREGISTERED");
    let other = market.pool.who("X0");
    market.register(124, other).unwrap();
    let refused = market.by("o").send(allow(124)).unwrap_err();
    assert_refused(refused, P::StarkKeyNotRegistered { starkKey: u(124), ethKey: other });
    let refused = market.by("o").send(allow(KEY)).unwrap_err();
    assert_refused(refused, P::StarkKeyAlreadyAllowed { starkKey: u(KEY) });

    let proxy = market.proxy();
    market.register(125, proxy).unwrap();
    let sent = market.by("o").send(allow(125)).unwrap();
    assert_logs(market.logs(&sent.receipt), [log(P::UpdatedStarkKey { starkKey: u(125), isAllowed: true })]);
    assert!(market.view(P::isStarkKeyAllowedCall { starkKey: u(125) }));
}

#[test]
fn sp_20_deposits_need_an_allowed_key() {
    let mut market = all_borrowed();
    let refused = market.by("e").send(deposit(124, ASSET, VAULT, 1)).unwrap_err();
    assert_refused(refused, P::StarkKeyNotAllowed { starkKey: u(124) });
    let refused = market.by("o").send(deposit(124, ASSET, VAULT, 1)).unwrap_err();
    assert_refused(refused, missing(&market, "o", "EXCHANGE_OPERATOR_ROLE"));
}

#[test]
fn sp_21_to_the_exchange_and_back() {
    let mut market = all_borrowed();
    let sent = market.by("e").deposit(300_000).unwrap();
    assert_eq!(sent.ret, u(300_000));
    let event = P::DepositedToExchange {
        starkKey: u(KEY),
        starkAssetType: u(ASSET),
        starkVaultId: u(VAULT),
        tokenAmount: u(300_000),
    };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    assert_eq!((market.held(), market.tokens_at(market.parties.exchange)), (u(100_000), u(300_000)));

    let (key, asset, vault) = (u(KEY), u(ASSET), u(VAULT));
    let accept =
        IExchange::acceptDepositCall { starkKey: key, assetType: asset, vaultId: vault, quantizedAmount: u(300_000) };
    market.operate(accept);
    let release = IExchange::releaseWithdrawalCall { assetType: asset, vaultId: vault, quantizedAmount: u(250_000) };
    market.operate(release);
    let sent = market.by("e").withdraw().unwrap();
    assert_eq!(sent.ret, u(250_000));
    let event = P::WithdrewFromExchange {
        starkKey: key,
        starkAssetType: asset,
        tokenAmount: u(250_000),
        isGuardianAction: false,
    };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    assert_eq!(market.by("e").withdraw().unwrap().ret, u(0));
    assert_eq!(market.held(), u(350_000));
}

#[test]
fn sp_22_guardians_withdraw_for_any_key() {
    let mut market = all_borrowed();
    market.release(77);
    market.by("o").send(P::disallowStarkKeyCall { starkKey: u(KEY) }).unwrap();
    assert_refused(market.by("e").withdraw().unwrap_err(), P::StarkKeyNotAllowed { starkKey: u(KEY) });
    let call = P::guardianWithdrawFromExchangeCall { starkKey: u(KEY), assetType: u(ASSET) };
    let sent = market.by("g").send(call).unwrap();
    assert_eq!(sent.ret, u(77));
    let event = P::WithdrewFromExchange {
        starkKey: u(KEY),
        starkAssetType: u(ASSET),
        tokenAmount: u(77),
        isGuardianAction: true,
    };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
}

#[test]
fn sp_23_without_allowance_no_deposit() {
    let mut market = all_borrowed();
    let (token, exchange) = (market.parties.token, market.parties.exchange);
    market.by("o").send(P::setExchangeContractAllowanceCall { token, amount: u(0) }).unwrap();
    assert_eq!(market.allowance(exchange), u(0));
    let refused = market.by("e").deposit(1).unwrap_err();
    let owner = market.proxy();
    let expected = IToken::InsufficientAllowance { owner, spender: exchange, allowance: u(0), needed: u(1) };
    assert_refused(refused, expected);
    // By way of 0, and to what is asked for.
    market.by("o").send(P::setExchangeContractAllowanceCall { token, amount: u(5) }).unwrap();
    assert_eq!(market.by("e").deposit(5).unwrap().ret, u(5));
    assert_eq!(market.allowance(exchange), u(0));
}

// ---------------------------------------------------------------- restriction

#[test]
fn sp_24_restricted_borrowers_repay_and_do_not_borrow() {
    let mut market = Market::deploy();
    market.by("b").borrow(1000).unwrap();
    market.by("g").restrict(true).unwrap();
    assert!(market.view(P::isBorrowingRestrictedCall {}));
    assert_refused(market.by("b").borrow(1).unwrap_err(), P::BorrowingRestrictedByGuardian {});
    market.by("b").repay_borrow(1000).unwrap();
    market.by("g").restrict(false).unwrap();
    market.by("b").borrow(1).unwrap();
}

#[test]
fn sp_25_restricted_borrowers_deposit_nothing_borrowed() {
    let mut market = all_borrowed();
    market.by("g").restrict(true).unwrap();
    let refused = market.by("e").deposit(1).unwrap_err();
    assert_refused(refused, P::DepositOfBorrowedFunds { held: u(399_999), owed: u(400_000) });
    assert_refused(market.by("e").deposit(0).unwrap_err(), P::ZeroAmount {});
    assert_eq!(market.held(), u(400_000));
}

#[test]
fn sp_26_restricted_borrowers_deposit_what_is_theirs() {
    let mut market = all_borrowed();
    market.by("g").restrict(true).unwrap();
    market.set_held(412_340);
    market.by("e").deposit(12_340).unwrap();
    let refused = market.by("e").deposit(1).unwrap_err();
    assert_refused(refused, P::DepositOfBorrowedFunds { held: u(399_999), owed: u(400_000) });
}

#[test]
fn sp_27_the_pools_restriction_counts_as_well() {
    let mut market = in_default();
    let refused = market.by("e").deposit(1).unwrap_err();
    assert_refused(refused, P::DepositOfBorrowedFunds { held: u(399_999), owed: u(400_000) });
    assert!(!market.view(P::isBorrowingRestrictedCall {}), "the guardian's flag is another");
    // Until governance lifts it, and nothing is overdue any more: 250,000 are lent, 40 % of 250,000 may be.
    let borrower = market.proxy();
    let lift = IBorrowerAllocations::setBorrowingRestrictionCall { borrower, isBorrowingRestricted: false };
    market.pool.by("GOV").send(lift).unwrap();
    let refused = market.by("e").deposit(1).unwrap_err();
    assert_refused(refused, P::DepositOfBorrowedFunds { held: u(399_999), owed: u(400_000) });
    market.by("b").repay_borrow(150_000).unwrap();
    market.by("e").deposit(1).unwrap();
}

#[test]
fn sp_28_a_restriction_is_reported_without_a_change() {
    let mut market = Market::deploy();
    for _ in 0..2 {
        let sent = market.by("g").restrict(true).unwrap();
        let event = P::BorrowingRestrictionChanged { isBorrowingRestricted: true };
        assert_logs(market.logs(&sent.receipt), [log(event)]);
    }
}

// ---------------------------------------------------------------- forced withdrawals, cancel and reclaim

#[test]
fn sp_47_owners_force_withdrawals_at_once() {
    let mut market = Market::deploy();
    let (stark_key, vault, amount) = (u(KEY), u(VAULT), u(5));
    let call = P::forcedWithdrawalRequestCall {
        starkKey: stark_key,
        vaultId: vault,
        quantizedAmount: amount,
        premiumCost: true,
    };
    let sent = market.by("o").send(call.clone()).unwrap();
    let event = P::RequestedForcedWithdrawal { starkKey: stark_key, vaultId: vault, isGuardianAction: false };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    let expected = IStarkPerpetual::forcedWithdrawalRequestCall {
        starkKey: stark_key,
        vaultId: vault,
        quantizedAmount: amount,
        premiumCost: true,
    };
    assert_eq!(market.view_of(market.parties.exchange, IExchange::lastRequestCall {}), expected.abi_encode());
    assert_text(market.by("o").send(call).unwrap_err(), "REQUEST_ALREADY_PENDING");

    let mut other = P::forcedWithdrawalRequestCall {
        starkKey: u(124),
        vaultId: vault,
        quantizedAmount: amount,
        premiumCost: false,
    };
    let refused = market.by("o").send(other.clone()).unwrap_err();
    assert_refused(refused, P::StarkKeyNotAllowed { starkKey: u(124) });
    (other.starkKey, other.quantizedAmount) = (stark_key, u(1) << 64);
    assert_text(market.by("o").send(other).unwrap_err(), "ILLEGAL_AMOUNT");
}

#[test]
fn sp_48_cancelling_is_there_from_the_start() {
    let mut market = Market::deploy();
    market.by("o").send(cancel(KEY, 1, 2)).unwrap();
    let refused = market.by("o").send_raw(vec![0x7d, 0xf7, 0xdc, 0x05]).unwrap_err();
    assert!(refused.is_empty(), "an unknown selector: {refused}");
}

#[test]
fn sp_49_owners_cancel() {
    let mut market = Market::deploy();
    let sent = market.by("o").send(cancel(KEY, 1, 2)).unwrap();
    let event = P::DepositCanceled { starkKey: u(KEY), starkAssetType: u(1), vaultId: u(2), isGuardianAction: false };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    assert_eq!(vault_of(&market, KEY, 1, 2), (u(0), true));
    let refused = market.by("e").send(cancel(KEY, 1, 2)).unwrap_err();
    assert_refused(refused, missing(&market, "e", "OWNER_ROLE"));
    let refused = market.by("o").send(cancel(124, 1, 2)).unwrap_err();
    assert_refused(refused, P::StarkKeyNotAllowed { starkKey: u(124) });
}

#[test]
fn sp_50_guardians_cancel_for_any_key() {
    let mut market = Market::deploy();
    let proxy = market.proxy();
    market.register(124, proxy).unwrap();
    let sent = market.by("g").send(guardian_cancel(124, 1, 2)).unwrap();
    let event = P::DepositCanceled { starkKey: u(124), starkAssetType: u(1), vaultId: u(2), isGuardianAction: true };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    let refused = market.by("o").send(guardian_cancel(124, 1, 2)).unwrap_err();
    assert_refused(refused, missing(&market, "o", "GUARDIAN_ROLE"));
    // The exchange wants the key's own account.
    let other = market.pool.who("X0");
    market.register(126, other).unwrap();
    assert_text(market.by("g").send(guardian_cancel(126, 1, 2)).unwrap_err(), "MISMATCHING_STARK_ETH_KEYS");
}

#[test]
fn sp_51_a_deposit_to_a_wrong_vault_comes_back() {
    let mut market = Market::deploy();
    market.pool.by("S1").stake(125_000_000_000_000).unwrap();
    let amount = 50_000_000_000_000;
    market.by("b").borrow(amount).unwrap();
    // The key's vault is 50; the owner lists 32.
    market.operate(IExchange::openVaultCall { starkKey: u(KEY), vaultId: u(50) });
    market.by("o").send(allow_vault(KEY, ASSET, 32)).unwrap();
    market.at(epoch(0) + 3 * DAY).by("e").send(deposit(KEY, ASSET, 32, amount)).unwrap();
    let (key, asset, vault) = (u(KEY), u(ASSET), u(32));
    let accept =
        IExchange::acceptDepositCall { starkKey: key, assetType: asset, vaultId: vault, quantizedAmount: u(amount) };
    assert_text(market.on_exchange("operator", accept).unwrap_err(), "VAULT_KEY_MISMATCH");
    assert_text(market.by("o").send(reclaim(KEY, ASSET, 32)).unwrap_err(), "DEPOSIT_NOT_CANCELED");

    let cancelled = epoch(0) + 4 * DAY;
    market.at(cancelled).by("o").send(cancel(KEY, ASSET, 32)).unwrap();
    let early = market.at(cancelled + 2 * DAY - 1).by("o").send(reclaim(KEY, ASSET, 32)).unwrap_err();
    assert_text(early, "DEPOSIT_LOCKED");
    let sent = market.at(cancelled + 2 * DAY).by("o").send(reclaim(KEY, ASSET, 32)).unwrap();
    let event = P::DepositReclaimed {
        starkKey: key,
        starkAssetType: asset,
        vaultId: vault,
        fundsReclaimed: u(amount),
        isGuardianAction: false,
    };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    assert_eq!((market.held(), market.borrowed()), (u(amount), u(amount)));
    let refused = market.by("w").pay("r", 1).unwrap_err();
    assert_refused(refused, P::ExceedsWithdrawableBalance { requested: u(1), excess: u(0), approved: u(0) });
}

/// In the original an exchange operator undid a guardian's cancellation by depositing nothing (Q7).
#[test]
fn sp_52_a_cancellation_cannot_be_undone() {
    for restricted in [false, true] {
        let mut market = all_borrowed();
        market.by("e").deposit(300_000).unwrap();
        if restricted {
            market.by("g").restrict(true).unwrap();
        }
        market.by("g").send(guardian_cancel(KEY, ASSET, VAULT)).unwrap();
        for amount in [0, 1] {
            let refused = market.by("e").deposit(amount).unwrap_err();
            let (key, asset, vault) = (u(KEY), u(ASSET), u(VAULT));
            assert_refused(refused, P::DepositBeingCancelled { starkKey: key, assetType: asset, vaultId: vault });
        }
        let at = epoch(0) + 2 * DAY;
        let sent = market.at(at).by("g").send(guardian_reclaim(KEY, ASSET, VAULT)).unwrap();
        let event = P::DepositReclaimed {
            starkKey: u(KEY),
            starkAssetType: u(ASSET),
            vaultId: u(VAULT),
            fundsReclaimed: u(300_000),
            isGuardianAction: true,
        };
        assert_logs(market.logs(&sent.receipt), [log(event)]);
        assert!(!vault_of(&market, KEY, ASSET, VAULT).1);
    }
}

#[test]
fn sp_53_what_is_done_is_not_done_again() {
    let mut market = Market::deploy();
    let recipient = market.pool.who("r");
    let refused = market.by("o").send(P::allowExternalRecipientCall { recipient }).unwrap_err();
    assert_refused(refused, P::RecipientAlreadyAllowed { recipient });
    let sent = market.by("o").send(P::disallowExternalRecipientCall { recipient }).unwrap();
    let event = P::UpdatedExternalRecipient { recipient, isAllowed: false };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    let refused = market.by("o").send(P::disallowExternalRecipientCall { recipient }).unwrap_err();
    assert_refused(refused, P::RecipientAlreadyDisallowed { recipient });
    market.by("o").send(P::allowExternalRecipientCall { recipient }).unwrap();

    let sent = market.by("o").send(P::disallowStarkKeyCall { starkKey: u(KEY) }).unwrap();
    assert_logs(market.logs(&sent.receipt), [log(P::UpdatedStarkKey { starkKey: u(KEY), isAllowed: false })]);
    let refused = market.by("o").send(P::disallowStarkKeyCall { starkKey: u(KEY) }).unwrap_err();
    assert_refused(refused, P::StarkKeyAlreadyDisallowed { starkKey: u(KEY) });
}

// ---------------------------------------------------------------- what the original lacked

#[test]
fn q3_a_deposit_goes_to_a_listed_vault_only() {
    let mut market = all_borrowed();
    let not_allowed = |key, asset, vault, from| P::DepositVaultNotAllowed {
        starkKey: u(key),
        assetType: u(asset),
        vaultId: u(vault),
        allowedFrom: u(from),
    };
    // A slip in either number.
    for (asset, vault) in [(ASSET, VAULT + 1), (OTHER_ASSET, VAULT), (0, 0)] {
        let refused = market.by("e").send(deposit(KEY, asset, vault, 1)).unwrap_err();
        assert_refused(refused, not_allowed(KEY, asset, vault, 0));
    }

    let (listed, from) = (epoch(0) + 5, epoch(0) + 5 + 3 * DAY);
    let sent = market.at(listed).by("o").send(allow_vault(KEY, ASSET, 50)).unwrap();
    let event = P::DepositVaultAllowed {
        starkKey: u(KEY),
        starkAssetType: u(ASSET),
        starkVaultId: u(50),
        allowedFrom: u(from),
    };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    assert_eq!(vault_of(&market, KEY, ASSET, 50), (u(from), false));
    let refused = market.at(from - 1).by("e").send(deposit(KEY, ASSET, 50, 1)).unwrap_err();
    assert_refused(refused, not_allowed(KEY, ASSET, 50, from));
    // Listing it again is refused, and so cannot be used to skip or to restart the wait.
    let again = market.by("o").send(allow_vault(KEY, ASSET, 50)).unwrap_err();
    let already =
        P::DepositVaultAlreadyAllowed { starkKey: u(KEY), assetType: u(ASSET), vaultId: u(50), allowedFrom: u(from) };
    assert_refused(again, already);
    market.at(from).by("e").send(deposit(KEY, ASSET, 50, 1)).unwrap();

    // At once, by the owner.
    let call = P::disallowDepositVaultCall { starkKey: u(KEY), assetType: u(ASSET), vaultId: u(50) };
    let sent = market.by("o").send(call.clone()).unwrap();
    let event = P::DepositVaultDisallowed {
        starkKey: u(KEY),
        starkAssetType: u(ASSET),
        starkVaultId: u(50),
        isGuardianAction: false,
    };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    let gone = P::DepositVaultAlreadyDisallowed { starkKey: u(KEY), assetType: u(ASSET), vaultId: u(50) };
    assert_refused(market.by("o").send(call).unwrap_err(), gone);
    let refused = market.by("e").send(deposit(KEY, ASSET, 50, 1)).unwrap_err();
    assert_refused(refused, not_allowed(KEY, ASSET, 50, 0));
}

#[test]
fn q3_guardians_veto_a_vault() {
    for who in ["g", "v"] {
        let mut market = all_borrowed();
        let call = P::guardianDisallowDepositVaultCall { starkKey: u(KEY), assetType: u(ASSET), vaultId: u(50) };
        market.by("o").send(allow_vault(KEY, ASSET, 50)).unwrap();
        let sent = market.at(epoch(0) + DAY).by(who).send(call.clone()).unwrap();
        let event = P::DepositVaultDisallowed {
            starkKey: u(KEY),
            starkAssetType: u(ASSET),
            starkVaultId: u(50),
            isGuardianAction: true,
        };
        assert_logs(market.logs(&sent.receipt), [log(event)]);
        let refused = market.at(epoch(0) + 4 * DAY).by("e").send(deposit(KEY, ASSET, 50, 1)).unwrap_err();
        let (stark_key, asset, vault) = (u(KEY), u(ASSET), u(50));
        let not_allowed =
            P::DepositVaultNotAllowed { starkKey: stark_key, assetType: asset, vaultId: vault, allowedFrom: u(0) };
        assert_refused(refused, not_allowed);
        // The owner may list it again, to wait again.
        market.by("o").send(allow_vault(KEY, ASSET, 50)).unwrap();
        assert_eq!(vault_of(&market, KEY, ASSET, 50), (u(epoch(0) + 7 * DAY), false));
        let refused = market.by("o").send(call.clone()).unwrap_err();
        assert_refused(refused, missing(&market, "o", "GUARDIAN_ROLE"));
        // Vaults of the creation can be taken as well.
        let first = P::guardianDisallowDepositVaultCall { starkKey: u(KEY), assetType: u(ASSET), vaultId: u(VAULT) };
        market.by(who).send(first).unwrap();
        assert!(market.by("e").deposit(1).unwrap_err().is::<P::DepositVaultNotAllowed>());
    }
}

/// Taking a vault off the list and putting it on again forgets neither the wait nor a cancellation.
#[test]
fn q7_a_cancellation_outlives_the_list() {
    let mut market = all_borrowed();
    market.by("e").deposit(10).unwrap();
    market.by("g").send(guardian_cancel(KEY, ASSET, VAULT)).unwrap();
    let (stark_key, asset, vault) = (u(KEY), u(ASSET), u(VAULT));
    let call = P::disallowDepositVaultCall { starkKey: stark_key, assetType: asset, vaultId: vault };
    market.by("o").send(call).unwrap();
    assert_eq!(vault_of(&market, KEY, ASSET, VAULT), (u(0), true));
    market.by("o").send(allow_vault(KEY, ASSET, VAULT)).unwrap();
    assert_eq!(vault_of(&market, KEY, ASSET, VAULT), (u(epoch(0) + 3 * DAY), true));
    // Neither starting anew nor the key's disappearance helps the owner.
    let refused = market.by("o").send(cancel(KEY, ASSET, VAULT)).unwrap_err();
    let being_cancelled = P::DepositBeingCancelled { starkKey: stark_key, assetType: asset, vaultId: vault };
    assert_refused(refused, being_cancelled.clone());
    market.by("o").send(P::disallowStarkKeyCall { starkKey: stark_key }).unwrap();
    market.by("o").send(P::allowStarkKeyCall { starkKey: stark_key }).unwrap();
    assert_refused(market.at(epoch(0) + 3 * DAY).by("e").deposit(1).unwrap_err(), being_cancelled);
    market.by("g").send(guardian_reclaim(KEY, ASSET, VAULT)).unwrap();
    assert_eq!(market.held(), u(400_000));
    market.by("e").deposit(1).unwrap();
}

/// A guardian may start a cancellation anew: the exchange's timer is its own.
#[test]
fn q7_guardians_start_cancellations_anew() {
    let mut market = all_borrowed();
    market.by("e").deposit(10).unwrap();
    market.by("g").send(guardian_cancel(KEY, ASSET, VAULT)).unwrap();
    market.at(epoch(0) + DAY).by("g").send(guardian_cancel(KEY, ASSET, VAULT)).unwrap();
    let early = market.at(epoch(0) + 3 * DAY - 1).by("g").send(guardian_reclaim(KEY, ASSET, VAULT)).unwrap_err();
    assert_text(early, "DEPOSIT_LOCKED");
    market.at(epoch(0) + 3 * DAY).by("g").send(guardian_reclaim(KEY, ASSET, VAULT)).unwrap();
}

/// Strangers can deposit for the key, but neither undo a cancellation nor profit from it.
#[test]
fn strangers_cannot_undo_a_cancellation() {
    let mut market = all_borrowed();
    market.by("e").deposit(10).unwrap();
    market.by("g").send(guardian_cancel(KEY, ASSET, VAULT)).unwrap();
    let (token, exchange) = (market.parties.token, market.parties.exchange);
    market.pool.by("X0").send_to(token, IToken::approveCall { spender: exchange, value: U256::MAX }).unwrap();
    let gift =
        IExchange::depositCall { starkKey: u(KEY), assetType: u(ASSET), vaultId: u(VAULT), quantizedAmount: u(5) };
    market.on_exchange("X0", gift).unwrap();
    market.at(epoch(0) + 2 * DAY).by("g").send(guardian_reclaim(KEY, ASSET, VAULT)).unwrap();
    assert_eq!(market.held(), u(400_005));
}

#[test]
fn q9_guardians_block_keys() {
    let mut market = all_borrowed();
    let block = |blocked| P::guardianBlockStarkKeyCall { starkKey: u(KEY), isBlocked: blocked };
    let sent = market.by("g").send(block(true)).unwrap();
    let expected = [
        log(P::UpdatedStarkKey { starkKey: u(KEY), isAllowed: false }),
        log(P::StarkKeyBlocked { starkKey: u(KEY), isBlocked: true }),
    ];
    assert_logs(market.logs(&sent.receipt), expected);
    assert!(market.view(P::isStarkKeyBlockedCall { starkKey: u(KEY) }));
    assert_refused(market.by("e").deposit(1).unwrap_err(), P::StarkKeyNotAllowed { starkKey: u(KEY) });
    let refused = market.by("o").send(P::allowStarkKeyCall { starkKey: u(KEY) }).unwrap_err();
    assert_refused(refused, P::StarkKeyIsBlocked { starkKey: u(KEY) });
    let refused = market.by("o").send(block(false)).unwrap_err();
    assert_refused(refused, missing(&market, "o", "GUARDIAN_ROLE"));
    // Lifting the block allows nothing by itself.
    let sent = market.by("g").send(block(false)).unwrap();
    assert_logs(market.logs(&sent.receipt), [log(P::StarkKeyBlocked { starkKey: u(KEY), isBlocked: false })]);
    assert!(!market.view(P::isStarkKeyAllowedCall { starkKey: u(KEY) }));
    market.by("o").send(P::allowStarkKeyCall { starkKey: u(KEY) }).unwrap();
    // Lifting what is not there changes nothing.
    market.by("g").send(block(false)).unwrap();
    assert!(market.view(P::isStarkKeyAllowedCall { starkKey: u(KEY) }));
}

// ---------------------------------------------------------------- another asset, and a frozen exchange

/// An asset that is not the borrowed token moves no figure of it.
#[test]
fn another_asset_counts_nothing() {
    let mut market = all_borrowed();
    let (rewards, exchange) = (market.pool.rewards_token(), market.parties.exchange);
    let proxy = market.proxy();
    market.pool.by("X0").send_to(rewards, IToken::mintCall { to: proxy, value: u(5000) }).unwrap();
    market.by("o").send(P::setExchangeContractAllowanceCall { token: rewards, amount: u(5000) }).unwrap();
    market.by("o").send(allow_vault(KEY, OTHER_ASSET, VAULT)).unwrap();
    market.at(epoch(0) + 3 * DAY);
    let sent = market.by("e").send(deposit(KEY, OTHER_ASSET, VAULT, 3)).unwrap();
    assert_eq!(sent.ret, u(0));
    let held = |market: &Market, account| market.view_of(rewards, IToken::balanceOfCall { account });
    assert_eq!((held(&market, proxy), held(&market, exchange)), (u(2000), u(3000)));
    let call = P::withdrawFromExchangeCall { starkKey: u(KEY), assetType: u(OTHER_ASSET) };
    assert_eq!(market.by("e").send(call).unwrap().ret, u(0));
    // While restricted, the borrowed token in the proxy must cover what is owed, whatever is deposited.
    market.set_held(399_999);
    market.by("g").restrict(true).unwrap();
    let refused = market.by("e").send(deposit(KEY, OTHER_ASSET, VAULT, 1)).unwrap_err();
    assert_refused(refused, P::DepositOfBorrowedFunds { held: u(399_999), owed: u(400_000) });
}

#[test]
fn from_a_frozen_exchange_everything_comes_back() {
    let mut market = all_borrowed();
    market.by("e").deposit(100_000).unwrap();
    let (key, asset, vault) = (u(KEY), u(ASSET), u(VAULT));
    let accept =
        IExchange::acceptDepositCall { starkKey: key, assetType: asset, vaultId: vault, quantizedAmount: u(60_000) };
    market.operate(accept);
    let force = P::forcedWithdrawalRequestCall {
        starkKey: key,
        vaultId: vault,
        quantizedAmount: u(60_000),
        premiumCost: false,
    };
    market.by("o").send(force).unwrap();
    // The operator ignores it for fourteen days.
    let request = request_id(&[key, vault, u(60_000)]);
    market.at(epoch(0) + 14 * DAY - 1);
    let early = market.on_exchange("X0", IExchange::freezeRequestCall { request }).unwrap_err();
    assert_text(early, "FORCED_ACTION_PENDING");
    market.at(epoch(0) + 14 * DAY).on_exchange("X0", IExchange::freezeRequestCall { request }).unwrap();

    assert_text(market.by("e").deposit(1).unwrap_err(), "STATE_IS_FROZEN");
    market.by("o").send(cancel(KEY, ASSET, VAULT)).unwrap();
    market.at(epoch(0) + 16 * DAY).by("o").send(reclaim(KEY, ASSET, VAULT)).unwrap();
    assert_eq!(market.held(), u(340_000));
    market.on_exchange("X0", IExchange::escapeCall { assetType: asset, vaultId: vault }).unwrap();
    assert_eq!(market.by("e").withdraw().unwrap().ret, u(60_000));
    assert_eq!(market.held(), u(400_000));
}

/// Whoever withdraws on the exchange for the proxy's key pays the proxy.
#[test]
fn strangers_bring_money_home() {
    let mut market = all_borrowed();
    market.release(500);
    let (stark_key, asset_type) = (u(KEY), u(ASSET));
    market.on_exchange("X0", IExchange::withdrawCall { starkKey: stark_key, assetType: asset_type }).unwrap();
    assert_eq!(market.held(), u(400_500));
    market.by("w").pay("r", 500).unwrap();
    let recipient = market.pool.who("X0");
    let to = IExchange::withdrawToCall { starkKey: stark_key, assetType: asset_type, recipient };
    assert_text(market.on_exchange("X0", to).unwrap_err(), "MISMATCHING_STARK_ETH_KEYS");
}
