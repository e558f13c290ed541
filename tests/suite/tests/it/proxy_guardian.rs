//! The borrower proxy: what guardians do, and forced trades of the owner (SP-39 to SP-46, SP-54).

use suite::{
    abi::{IExchange, IStarkPerpetual, ITrustedBorrowerL2Proxy as P},
    clone,
    deployment::role,
    prelude::*,
    proxy::{DAY, KEY, Market, epoch},
};

use super::{proxy_borrowing::in_default, proxy_exchange::assert_text};

const WEEK: u64 = 7 * DAY;

fn missing(market: &Market, who: &str, needed: &str) -> P::AccessControlUnauthorizedAccount {
    P::AccessControlUnauthorizedAccount { account: market.pool.who(who), neededRole: role(needed) }
}

/// The key, then 1, 2, …, 11.
fn words(key: u64) -> [U256; 12] {
    std::array::from_fn(|index| u(if index == 0 { key } else { index as u64 }))
}

fn hash(words: [U256; 12]) -> B256 {
    alloy_primitives::keccak256(words.map(|word| word.to_be_bytes::<32>()).as_flattened())
}

fn trade(args: [U256; 12]) -> P::forcedTradeRequestCall {
    P::forcedTradeRequestCall { args, signature: vec![0xab; 65].into() }
}

/// What the exchange must be called with: words 8 and 11 are flags.
fn on_exchange(args: [U256; 12], signature: Vec<u8>) -> Vec<u8> {
    let [key_a, key_b, vault_a, vault_b, collateral, synthetic, amount_a, amount_b, buying, expires, nonce, premium] =
        args;
    IStarkPerpetual::forcedTradeRequestCall {
        starkKeyA: key_a,
        starkKeyB: key_b,
        vaultIdA: vault_a,
        vaultIdB: vault_b,
        collateralAssetId: collateral,
        syntheticAssetId: synthetic,
        amountCollateral: amount_a,
        amountSynthetic: amount_b,
        aIsBuyingSynthetic: buying != u(0),
        submissionExpirationTime: expires,
        nonce,
        signature: signature.into(),
        premiumCost: premium != u(0),
    }
    .abi_encode()
}

fn last_request(market: &Market) -> Vec<u8> {
    market.view_of(market.parties.exchange, IExchange::lastRequestCall {}).to_vec()
}

// ---------------------------------------------------------------- guardians

#[test]
fn sp_39_guardians_repay_before_it_is_due() {
    let mut market = Market::deploy();
    market.by("b").borrow(300_000).unwrap();
    let sent = market.by("g").send(P::guardianRepayBorrowCall { amount: u(50_000) }).unwrap();
    let event = P::RepaidBorrow { amount: u(50_000), newBorrowedBalance: u(250_000), isGuardianAction: true };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    assert_eq!(market.held(), u(250_000));
}

#[test]
fn sp_40_owners_cannot_keep_guardians_from_repaying() {
    let mut market = in_default();
    let (token, pool) = (market.parties.token, market.parties.pool);
    for allowance in [0, 1] {
        let call = P::setStakingContractAllowanceCall { token, amount: u(allowance) };
        market.by("o").send(call).unwrap();
        assert_eq!(market.allowance(pool), u(allowance));
        let refused = market.by("b").repay_borrow(2).unwrap_err();
        assert_refused(refused, errors::SafeErc20FailedOperation { token });
        // Exactly as much as is repaid: nothing is left open.
        market.by("g").send(P::guardianRepayBorrowCall { amount: u(50_000) }).unwrap();
        assert_eq!(market.allowance(pool), u(0));
        let sent = market.by("g").send(P::guardianRepayDebtCall { amount: u(50_000) }).unwrap();
        let left = 100_000 - 50_000 * allowance;
        let event = P::RepaidDebt { amount: u(50_000), newDebtBalance: u(left), isGuardianAction: true };
        assert_logs(market.logs(&sent.receipt), [log(event)]);
        assert_eq!(market.allowance(pool), u(0));
    }
    assert_eq!((market.borrowed(), market.debt(), market.held()), (u(150_000), u(50_000), u(200_000)));
}

#[test]
fn sp_41_without_debt_guardians_force_nothing() {
    let mut market = Market::deploy();
    market.by("b").borrow(400_000).unwrap();
    let withdrawal = P::guardianForcedWithdrawalRequestCall {
        starkKey: u(KEY),
        vaultId: u(9),
        quantizedAmount: u(5),
        premiumCost: false,
    };
    assert_refused(market.by("g").send(withdrawal.clone()).unwrap_err(), P::NoOverdueDebt {});
    let trade = P::guardianForcedTradeRequestCall { args: words(KEY), signature: vec![].into() };
    assert_refused(market.by("g").send(trade.clone()).unwrap_err(), P::NoOverdueDebt {});

    market.pool.by("S2").request_withdrawal(750_000).unwrap();
    market.at(epoch(1));
    assert!(market.borrowed() > market.view(P::getAllocatedBalanceCurrentEpochCall {}), "overdue, not yet debt");
    market.fork().by("g").send(withdrawal).unwrap();
    market.by("g").send(trade).unwrap();
}

#[test]
fn sp_42_with_debt_guardians_force_at_once() {
    let mut market = in_default();
    let withdrawal = |amount| P::guardianForcedWithdrawalRequestCall {
        starkKey: u(KEY),
        vaultId: u(9),
        quantizedAmount: u(amount),
        premiumCost: false,
    };
    let sent = market.by("g").send(withdrawal(5)).unwrap();
    let event = P::RequestedForcedWithdrawal { starkKey: u(KEY), vaultId: u(9), isGuardianAction: true };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    let expected = IStarkPerpetual::forcedWithdrawalRequestCall {
        starkKey: u(KEY),
        vaultId: u(9),
        quantizedAmount: u(5),
        premiumCost: false,
    };
    assert_eq!(last_request(&market), expected.abi_encode());

    let (args, signature) = (words(KEY), vec![7; 33]);
    let call = P::guardianForcedTradeRequestCall { args, signature: signature.clone().into() };
    let sent = market.by("g").send(call).unwrap();
    let event = P::RequestedForcedTrade { starkKey: u(KEY), vaultId: u(2), isGuardianAction: true };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    assert_eq!(last_request(&market), on_exchange(args, signature));

    // Until the debt is paid and nothing is overdue any more: 250,000 are lent, 40 % of 250,000 may be.
    market.by("g").send(P::guardianRepayDebtCall { amount: u(150_000) }).unwrap();
    market.by("g").send(withdrawal(6)).unwrap();
    market.by("g").send(P::guardianRepayBorrowCall { amount: u(150_000) }).unwrap();
    assert_refused(market.by("g").send(withdrawal(7)).unwrap_err(), P::NoOverdueDebt {});
}

// ---------------------------------------------------------------- forced trades of the owner

#[test]
fn sp_43_a_trade_must_be_queued() {
    let mut market = Market::deploy();
    let refused = market.by("o").send(trade(words(KEY))).unwrap_err();
    assert_refused(refused, P::ForcedTradeNotQueued { argsHash: hash(words(KEY)) });
}

#[test]
fn sp_44_a_trade_waits_seven_days_and_at_most_fourteen() {
    let (args, id) = (words(KEY), hash(words(KEY)));
    assert_eq!(id.to_string(), "0x5bcd00e4da429547ecfcdfbaf7884f3945327aa8457767c94071864604a9c53d");
    let mut market = Market::deploy();
    let s = epoch(0) + 17;
    let sent = market.at(s).by("o").send(P::queueForcedTradeRequestCall { args }).unwrap();
    assert_logs(market.logs(&sent.receipt), [log(P::QueuedForcedTradeRequest { args, argsHash: id })]);
    assert_eq!(market.view(P::getQueuedForcedTradeTimestampCall { argsHash: id }), u(s));

    let refused = market.at(s + WEEK - 1).by("o").send(trade(args)).unwrap_err();
    assert_refused(refused, P::ForcedTradeTooEarly { timestamp: u(s + 604_799), earliest: u(s + 604_800) });
    for at in [s + 604_800, s + 1_209_600] {
        let mut fork = market.fork();
        let sent = fork.at(at).by("o").send(trade(args)).unwrap();
        let event = P::RequestedForcedTrade { starkKey: u(KEY), vaultId: u(2), isGuardianAction: false };
        assert_logs(fork.logs(&sent.receipt), [log(event)]);
        assert_eq!(last_request(&fork), on_exchange(args, vec![0xab; 65]));
        assert_eq!(fork.view(P::getQueuedForcedTradeTimestampCall { argsHash: id }), u(0));
        let refused = fork.by("o").send(trade(args)).unwrap_err();
        assert_refused(refused, P::ForcedTradeNotQueued { argsHash: id });
    }
    let refused = market.at(s + 1_209_601).by("o").send(trade(args)).unwrap_err();
    assert_refused(refused, P::ForcedTradeTooLate { timestamp: u(s + 1_209_601), latest: u(s + 1_209_600) });
}

#[test]
fn sp_45_a_veto_ends_the_wait() {
    let mut market = Market::deploy();
    let (args, id, unknown) = (words(KEY), hash(words(KEY)), B256::repeat_byte(9));
    market.by("o").send(P::queueForcedTradeRequestCall { args }).unwrap();
    let veto = P::guardianVetoForcedTradeRequestsCall { argsHashes: vec![id, unknown] };
    let refused = market.by("g").send(veto.clone()).unwrap_err();
    assert_refused(refused, missing(&market, "g", "VETO_GUARDIAN_ROLE"));
    let sent = market.at(epoch(0) + 8 * DAY).by("v").send(veto).unwrap();
    let vetoed = |hash| log(P::GuardianVetoedForcedTradeRequest { argsHash: hash });
    assert_logs(market.logs(&sent.receipt), [vetoed(id), vetoed(unknown)]);
    let refused = market.by("o").send(trade(args)).unwrap_err();
    assert_refused(refused, P::ForcedTradeNotQueued { argsHash: id });
    // At once again, to wait again.
    market.by("o").send(P::queueForcedTradeRequestCall { args }).unwrap();
    let refused = market.by("o").send(trade(args)).unwrap_err();
    let timestamp = epoch(0) + 8 * DAY;
    assert_refused(refused, P::ForcedTradeTooEarly { timestamp: u(timestamp), earliest: u(timestamp + WEEK) });
    market.by("v").send(P::guardianVetoForcedTradeRequestsCall { argsHashes: vec![] }).unwrap();
}

#[test]
fn sp_46_the_key_is_checked_before_the_queue() {
    let mut market = Market::deploy();
    let args = words(124);
    market.by("o").send(P::queueForcedTradeRequestCall { args }).unwrap();
    let refused = market.at(epoch(0) + WEEK).by("o").send(trade(args)).unwrap_err();
    assert_refused(refused, P::StarkKeyNotAllowed { starkKey: u(124) });
    let refused = market.by("o").send(trade(words(125))).unwrap_err();
    assert_refused(refused, P::StarkKeyNotAllowed { starkKey: u(125) });
}

#[test]
fn a_trade_that_the_exchange_refuses_stays_queued() {
    let mut market = Market::deploy();
    let mut args = words(KEY);
    args[2] = u(1) << 64;
    market.by("o").send(P::queueForcedTradeRequestCall { args }).unwrap();
    let refused = market.at(epoch(0) + WEEK).by("o").send(trade(args)).unwrap_err();
    assert_text(refused, "OUT_OF_RANGE_POSITION_ID");
    assert_eq!(market.view(P::getQueuedForcedTradeTimestampCall { argsHash: hash(args) }), u(epoch(0)));
}

/// Words 8 and 11 are flags, every other word goes through as it is, and so does the signature.
#[test]
fn words_and_signature_arrive_as_they_are() {
    let mut market = Market::deploy();
    let most = (u(1) << 64) - u(1);
    for (number, (buying, premium, length)) in
        [(u(0), u(0), 0), (u(1), u(0), 1), (u(0), U256::MAX, 31), (u(2), u(1) << 255, 32), (u(1), u(1), 200)]
            .into_iter()
            .enumerate()
    {
        let args = [
            u(KEY),
            U256::MAX,
            most,
            u(number as u64),
            U256::MAX - u(1),
            u(1) << 200,
            most,
            most - u(1),
            buying,
            U256::MAX,
            u(1) << 254,
            premium,
        ];
        let signature: Vec<u8> = (0..length).map(|index| index as u8 ^ 0x5a).collect();
        market.by("o").send(P::queueForcedTradeRequestCall { args }).unwrap();
        let mut fork = market.fork();
        let call = P::forcedTradeRequestCall { args, signature: signature.clone().into() };
        fork.at(epoch(0) + WEEK).by("o").send(call).unwrap();
        assert_eq!(last_request(&fork), on_exchange(args, signature));
    }
}

/// Each queueing allows one request; queueing again starts the wait again.
#[test]
fn queueing_again_starts_the_wait_again() {
    let mut market = Market::deploy();
    let args = words(KEY);
    market.by("o").send(P::queueForcedTradeRequestCall { args }).unwrap();
    market.at(epoch(0) + 6 * DAY).by("o").send(P::queueForcedTradeRequestCall { args }).unwrap();
    let refused = market.at(epoch(0) + WEEK).by("o").send(trade(args)).unwrap_err();
    assert!(refused.is::<P::ForcedTradeTooEarly>());
    market.at(epoch(0) + 6 * DAY + WEEK).by("o").send(trade(args)).unwrap();
}

#[test]
fn sp_54_there_is_nothing_to_upgrade() {
    let mut market = Market::deploy();
    let before = market.storage();
    for signature in [
        "upgradeTo(address)",
        "upgradeToAndCall(address,bytes)",
        "changeAdmin(address)",
        "admin()",
        "implementation()",
        "diamondCut((address,uint8,bytes4[])[],address,bytes)",
    ] {
        let mut call = alloy_primitives::keccak256(signature)[..4].to_vec();
        call.extend(market.pool.who("o").into_word());
        for who in ["o", "g", "maker", "GOV"] {
            assert!(market.by(who).send_raw(call.clone()).unwrap_err().is_empty(), "{signature}");
        }
    }
    assert_eq!(market.storage(), before);
    assert_eq!(market.pool.chain.code(market.proxy()), clone::code(market.program, market.parties.all()));
}
