//! The exchange among the doubles: it refuses what the real one refuses.

use suite::{
    abi::IExchange,
    prelude::*,
    proxy::{ASSET, DAY, KEY, Market, OTHER_ASSET, Plan, VAULT, epoch, registration, request_id},
};

use super::proxy_exchange::assert_text;

/// An exchange, and a trader with the key and tokens.
fn exchange() -> Market {
    let mut market = Market::bare(&Plan::SETTING);
    let (trader, exchange) = (market.pool.who("S0"), market.parties.exchange);
    market.register(KEY, trader).unwrap();
    market.operate(IExchange::openVaultCall { starkKey: u(KEY), vaultId: u(VAULT) });
    for token in [market.parties.token, market.pool.rewards_token()] {
        market.pool.by("S0").send_to(token, IToken::approveCall { spender: exchange, value: U256::MAX }).unwrap();
        market.pool.by("S0").send_to(token, IToken::mintCall { to: trader, value: u(1_000_000) }).unwrap();
    }
    market.at(epoch(0));
    market
}

fn deposit(key: u64, asset: u64, amount: u64) -> IExchange::depositCall {
    IExchange::depositCall { starkKey: u(key), assetType: u(asset), vaultId: u(VAULT), quantizedAmount: u(amount) }
}

fn pending(market: &Market) -> U256 {
    let call = IExchange::getQuantizedDepositBalanceCall { starkKey: u(KEY), assetType: u(ASSET), vaultId: u(VAULT) };
    market.view_of(market.parties.exchange, call)
}

const CANCEL: IExchange::depositCancelCall = IExchange::depositCancelCall {
    starkKey: U256::from_limbs([KEY, 0, 0, 0]),
    assetType: U256::from_limbs([ASSET, 0, 0, 0]),
    vaultId: U256::from_limbs([VAULT, 0, 0, 0]),
};

const RECLAIM: IExchange::depositReclaimCall =
    IExchange::depositReclaimCall { starkKey: CANCEL.starkKey, assetType: CANCEL.assetType, vaultId: CANCEL.vaultId };

#[test]
fn keys_are_registered_once_and_with_a_signature() {
    let mut market = exchange();
    let (trader, other) = (market.pool.who("S0"), market.pool.who("S1"));
    let register =
        |account, key: u64, signature| IExchange::registerUserCall { ethKey: account, starkKey: u(key), signature };
    for (call, text) in [
        (register(trader, 0, registration(trader, u(0))), "INVALID_STARK_KEY"),
        (register(Address::ZERO, 5, registration(Address::ZERO, u(5))), "INVALID_ETH_ADDRESS"),
        (register(other, KEY, registration(other, u(KEY))), "STARK_KEY_UNAVAILABLE"),
        (register(other, 5, registration(trader, u(5))), "INVALID_SIGNATURE"),
        (register(trader, 5, registration(trader, u(6))), "INVALID_SIGNATURE"),
        (register(trader, 5, Default::default()), "INVALID_SIGNATURE"),
    ] {
        assert_text(market.on_exchange("X0", call).unwrap_err(), text);
    }
    assert_eq!(market.view_of(market.parties.exchange, IExchange::getEthKeyCall { starkKey: u(KEY) }), trader);
}

#[test]
fn deposits_wait_for_layer_2() {
    let mut market = exchange();
    assert_text(market.on_exchange("S0", deposit(5, ASSET, 1)).unwrap_err(), "INVALID_STARK_KEY");
    assert_text(market.on_exchange("S0", deposit(KEY, 5, 1)).unwrap_err(), "INVALID_ASSET_TYPE");
    market.on_exchange("S0", deposit(KEY, ASSET, 70)).unwrap();
    market.on_exchange("S0", deposit(KEY, ASSET, 30)).unwrap();
    assert_eq!(pending(&market), u(100));

    let accept = |vault, amount| IExchange::acceptDepositCall {
        starkKey: u(KEY),
        assetType: u(ASSET),
        vaultId: u(vault),
        quantizedAmount: u(amount),
    };
    assert_text(market.on_exchange("X0", accept(VAULT, 1)).unwrap_err(), "ONLY_OPERATOR");
    assert_text(market.on_exchange("operator", accept(VAULT + 1, 1)).unwrap_err(), "VAULT_KEY_MISMATCH");
    assert_text(market.on_exchange("operator", accept(VAULT, 101)).unwrap_err(), "DEPOSIT_INSUFFICIENT");
    market.operate(accept(VAULT, 60));
    assert_eq!(pending(&market), u(40));
    let (asset, vault) = (u(ASSET), u(VAULT));
    assert_eq!(
        market.view_of(market.parties.exchange, IExchange::getVaultBalanceCall { assetType: asset, vaultId: vault }),
        u(60)
    );
    // A quantum of the other asset is a thousand units.
    let before = market.pool.rewards("S0");
    market.on_exchange("S0", deposit(KEY, OTHER_ASSET, 3)).unwrap();
    assert_eq!(before - market.pool.rewards("S0"), u(3000));
}

#[test]
fn a_deposit_of_the_owner_ends_a_cancellation() {
    let mut market = exchange();
    market.on_exchange("S0", deposit(KEY, ASSET, 100)).unwrap();
    assert_text(market.on_exchange("X0", CANCEL).unwrap_err(), "MISMATCHING_STARK_ETH_KEYS");
    assert_text(market.on_exchange("S0", RECLAIM).unwrap_err(), "DEPOSIT_NOT_CANCELED");
    market.on_exchange("S0", CANCEL).unwrap();
    // Even one of nothing.
    market.on_exchange("S0", deposit(KEY, ASSET, 0)).unwrap();
    assert_text(market.at(epoch(0) + 2 * DAY).on_exchange("S0", RECLAIM).unwrap_err(), "DEPOSIT_NOT_CANCELED");
    market.on_exchange("S0", CANCEL).unwrap();
    // Not one of a stranger.
    let (token, exchange) = (market.parties.token, market.parties.exchange);
    market.pool.by("X0").send_to(token, IToken::approveCall { spender: exchange, value: U256::MAX }).unwrap();
    market.on_exchange("X0", deposit(KEY, ASSET, 1)).unwrap();
    assert_text(market.at(epoch(0) + 4 * DAY - 1).on_exchange("S0", RECLAIM).unwrap_err(), "DEPOSIT_LOCKED");
    let before = market.pool.tokens("S0");
    market.at(epoch(0) + 4 * DAY).on_exchange("S0", RECLAIM).unwrap();
    assert_eq!((market.pool.tokens("S0") - before, pending(&market)), (u(101), u(0)));
}

#[test]
fn withdrawals_pay_the_owner_of_the_key() {
    let mut market = exchange();
    market.on_exchange("S0", deposit(KEY, ASSET, 100)).unwrap();
    let (key, asset, vault) = (u(KEY), u(ASSET), u(VAULT));
    let amount = u(100);
    market.operate(IExchange::acceptDepositCall {
        starkKey: key,
        assetType: asset,
        vaultId: vault,
        quantizedAmount: amount,
    });
    let release =
        |amount| IExchange::releaseWithdrawalCall { assetType: asset, vaultId: vault, quantizedAmount: amount };
    assert_text(market.on_exchange("operator", release(u(101))).unwrap_err(), "VAULT_INSUFFICIENT");
    market.operate(release(u(60)));
    let withdraw = IExchange::withdrawCall { starkKey: key, assetType: asset };
    let before = market.pool.tokens("S0");
    market.on_exchange("X0", withdraw.clone()).unwrap();
    market.on_exchange("X0", withdraw).unwrap();
    assert_eq!(market.pool.tokens("S0") - before, u(60));
    market.operate(release(u(40)));
    let recipient = market.pool.who("nobody in particular");
    let to = IExchange::withdrawToCall { starkKey: key, assetType: asset, recipient };
    assert_text(market.on_exchange("X0", to.clone()).unwrap_err(), "MISMATCHING_STARK_ETH_KEYS");
    market.on_exchange("S0", to).unwrap();
    assert_eq!(market.tokens_at(recipient), u(40));
}

#[test]
fn an_ignored_demand_freezes() {
    let mut market = exchange();
    market.on_exchange("S0", deposit(KEY, ASSET, 100)).unwrap();
    let (key, vault) = (u(KEY), u(VAULT));
    let force = |amount| IExchange::forcedWithdrawalRequestCall {
        starkKey: key,
        vaultId: vault,
        quantizedAmount: amount,
        premiumCost: false,
    };
    assert_text(market.on_exchange("X0", force(u(1))).unwrap_err(), "MISMATCHING_STARK_ETH_KEYS");
    assert_text(market.on_exchange("S0", force(u(1) << 64)).unwrap_err(), "ILLEGAL_AMOUNT");
    for amount in [1, 2] {
        market.on_exchange("S0", force(u(amount))).unwrap();
    }
    assert_text(market.on_exchange("S0", force(u(1))).unwrap_err(), "REQUEST_ALREADY_PENDING");
    // One is settled, by showing that the vault is empty.
    let asset = u(ASSET);
    market.operate(IExchange::satisfyForcedWithdrawalCall {
        starkKey: key,
        assetType: asset,
        vaultId: vault,
        quantizedAmount: u(1),
    });
    let freeze = |amount| IExchange::freezeRequestCall { request: request_id(&[key, vault, u(amount)]) };
    market.at(epoch(0) + 14 * DAY - 1);
    assert_text(market.on_exchange("X0", freeze(1)).unwrap_err(), "FORCED_ACTION_UNREQUESTED");
    assert_text(market.on_exchange("X0", freeze(2)).unwrap_err(), "FORCED_ACTION_PENDING");
    let escape = IExchange::escapeCall { assetType: asset, vaultId: vault };
    assert_text(market.on_exchange("X0", escape.clone()).unwrap_err(), "STATE_NOT_FROZEN");
    market.at(epoch(0) + 14 * DAY).on_exchange("X0", freeze(2)).unwrap();
    assert!(market.view_of(market.parties.exchange, IExchange::isFrozenCall {}));

    for refused in [
        market.on_exchange("S0", deposit(KEY, ASSET, 0)).unwrap_err(),
        market.on_exchange("S0", force(u(3))).unwrap_err(),
        market.on_exchange("operator", IExchange::openVaultCall { starkKey: key, vaultId: u(1) }).unwrap_err(),
    ] {
        assert_text(refused, "STATE_IS_FROZEN");
    }
    market.on_exchange("S0", CANCEL).unwrap();
    market.at(epoch(0) + 16 * DAY).on_exchange("S0", RECLAIM).unwrap();
    market.on_exchange("X0", escape).unwrap();
}
