//! Attacks on the borrower proxy: a malicious owner, token and exchange; roles that are not enough.

use alloy_primitives::Bytes;
use chain::{Receipt, Reverted};
use suite::{
    abi::{self, IExchange, IPuppet, IStarkPerpetual, ITrustedBorrowerL2Proxy as P},
    deployment::role,
    prelude::*,
    proxy::{ASSET, DAY, KEY, Market, OTHER_ASSET, Plan, ROLES, VAULT, blackout, epoch},
};

use super::proxy_exchange::assert_text;

/// Functions by the role that they need.
const NEEDED: [(&str, &[&str]); 7] = [
    (
        "GUARDIAN_ROLE",
        &[
            "increaseApprovedAmountForExternalWithdrawal",
            "resetApprovedAmountForExternalWithdrawal",
            "guardianSetBorrowingRestriction",
            "guardianRepayBorrow",
            "guardianRepayDebt",
            "guardianWithdrawFromExchange",
            "guardianForcedWithdrawalRequest",
            "guardianForcedTradeRequest",
            "guardianDepositCancel",
            "guardianDepositReclaim",
            "guardianBlockStarkKey",
        ],
    ),
    ("VETO_GUARDIAN_ROLE", &["guardianVetoForcedTradeRequests"]),
    (
        "OWNER_ROLE",
        &[
            "allowStarkKey",
            "disallowStarkKey",
            "allowDepositVault",
            "disallowDepositVault",
            "allowExternalRecipient",
            "disallowExternalRecipient",
            "setExchangeContractAllowance",
            "setStakingContractAllowance",
            "forcedWithdrawalRequest",
            "queueForcedTradeRequest",
            "forcedTradeRequest",
            "depositCancel",
            "depositReclaim",
        ],
    ),
    ("DELEGATION_ADMIN_ROLE", &[]),
    ("BORROWER_ROLE", &["borrow", "repayBorrow", "repayDebt", "autoPayOrBorrow"]),
    ("EXCHANGE_OPERATOR_ROLE", &["depositToExchange", "withdrawFromExchange"]),
    (
        "WITHDRAWAL_OPERATOR_ROLE",
        &[
            "externalWithdrawToken",
            "externalWithdrawOtherToken",
            "externalWithdrawEther",
            "claimRewardsFromMerkleDistributor",
        ],
    ),
];

/// Functions that change something and check more than one role, or who the caller is.
const OTHERS: [&str; 5] = ["initialize", "grantRole", "revokeRole", "renounceRole", "guardianDisallowDepositVault"];

/// Gives an account roles, as those who may.
fn grant(market: &mut Market, account: Address, roles: &[&str]) {
    for name in roles {
        let by = if name.contains("GUARDIAN") { "g" } else { "o" };
        market.by(by).send(P::grantRoleCall { role: role(name), account }).unwrap();
    }
}

fn all_roles() -> Vec<&'static str> {
    ROLES.map(|(name, _)| name).to_vec()
}

#[test]
fn every_function_needs_its_role_and_no_other_is_enough() {
    let functions = abi::proxy_functions();
    let mut checked = 0;
    for (needed, names) in NEEDED {
        let mut market = Market::deploy();
        let account = market.pool.who("X0");
        let others: Vec<_> = all_roles().into_iter().filter(|name| *name != needed).collect();
        grant(&mut market, account, &others);
        let before = market.storage();
        for name in names {
            let function = functions.iter().find(|function| function.name == *name).expect("it is declared");
            let refused = market.by("X0").send_raw(abi::empty_call(function)).unwrap_err();
            assert_refused(refused, P::AccessControlUnauthorizedAccount { account, neededRole: role(needed) });
            checked += 1;
        }
        assert_eq!(market.storage(), before, "{needed}");
    }
    let changing = functions.iter().filter(|function| {
        !matches!(
            function.state_mutability,
            alloy_json_abi::StateMutability::View | alloy_json_abi::StateMutability::Pure
        )
    });
    assert_eq!(changing.count(), checked + OTHERS.len(), "each function that changes something was tried");
}

#[test]
fn roles_are_granted_by_their_admins_only() {
    let admins = [
        ("GUARDIAN_ROLE", "GUARDIAN_ROLE"),
        ("VETO_GUARDIAN_ROLE", "GUARDIAN_ROLE"),
        ("OWNER_ROLE", "OWNER_ROLE"),
        ("DELEGATION_ADMIN_ROLE", "OWNER_ROLE"),
        ("BORROWER_ROLE", "DELEGATION_ADMIN_ROLE"),
        ("EXCHANGE_OPERATOR_ROLE", "DELEGATION_ADMIN_ROLE"),
        ("WITHDRAWAL_OPERATOR_ROLE", "DELEGATION_ADMIN_ROLE"),
        ("NO_SUCH_ROLE", ""),
    ];
    for (name, admin) in admins {
        let mut market = Market::deploy();
        let (account, other) = (market.pool.who("X0"), market.pool.who("S0"));
        let rest: Vec<_> = all_roles().into_iter().filter(|held| *held != admin).collect();
        grant(&mut market, account, &rest);
        let needed = if admin.is_empty() { B256::ZERO } else { role(admin) };
        assert_eq!(market.view(P::getRoleAdminCall { role: role(name) }), needed);
        let missing = P::AccessControlUnauthorizedAccount { account, neededRole: needed };
        let give = P::grantRoleCall { role: role(name), account: other };
        assert_refused(market.by("X0").send(give).unwrap_err(), missing.clone());
        let take = P::revokeRoleCall { role: role(name), account: other };
        assert_refused(market.by("X0").send(take).unwrap_err(), missing);
    }
    // Nobody administers the role that is everybody's in other contracts.
    let mut market = Market::deploy();
    let account = market.pool.who("o");
    let refused = market.by("o").send(P::grantRoleCall { role: B256::ZERO, account }).unwrap_err();
    assert_refused(refused, P::AccessControlUnauthorizedAccount { account, neededRole: B256::ZERO });
}

#[test]
fn one_makers_people_are_nobody_at_another() {
    let mut market = Market::two();
    let functions = abi::proxy_functions();
    for (needed, names) in NEEDED {
        for name in names {
            let function = functions.iter().find(|function| function.name == *name).expect("it is declared");
            for (_, letter) in ROLES {
                let who = format!("{letter}1");
                let account = market.pool.who(&who);
                let refused = market.by(&who).send_raw(abi::empty_call(function)).unwrap_err();
                assert_refused(refused, P::AccessControlUnauthorizedAccount { account, neededRole: role(needed) });
            }
        }
    }
    // The same program, storages apart.
    let restricted =
        |market: &Market, index: usize| market.view_of(market.proxies[index], P::isBorrowingRestrictedCall {});
    market.as_of(1, "g").restrict(true).unwrap();
    assert_eq!((restricted(&market, 0), restricted(&market, 1)), (false, true));
    let refused = market.by("o").send(P::allowStarkKeyCall { starkKey: u(KEY + 1000) }).unwrap_err();
    let expected = P::StarkKeyNotRegistered { starkKey: u(KEY + 1000), ethKey: market.proxies[1] };
    assert_refused(refused, expected);
}

// ---------------------------------------------------------------- a malicious owner

/// A market maker who holds every role on its side, has borrowed all, and wants it.
fn mallory() -> Market {
    let mut market = Market::deploy();
    let account = market.pool.who("X0");
    let own: Vec<_> = all_roles().into_iter().filter(|name| !name.contains("GUARDIAN")).collect();
    grant(&mut market, account, &own);
    market.by("X0").borrow(400_000).unwrap();
    market.by("X0").send(P::allowExternalRecipientCall { recipient: account }).unwrap();
    market
}

/// Everything a market maker can ask of its proxy, with arguments that serve it best.
fn attempts(market: &Market) -> Vec<Vec<u8>> {
    let me = market.pool.who("X0");
    let [pool, exchange, token, distributor] = market.parties.all();
    let rewards = market.pool.rewards_token();
    let all = u(400_000);
    let mut calls = Vec::new();
    for recipient in [me, pool, exchange, market.proxy(), Address::ZERO] {
        calls.push(P::allowExternalRecipientCall { recipient }.abi_encode());
        for amount in [u(1), all, U256::MAX] {
            calls.push(P::externalWithdrawTokenCall { recipient, amount }.abi_encode());
            calls.push(P::externalWithdrawEtherCall { recipient, amount }.abi_encode());
            for token in [token, pool, exchange, distributor, rewards, me, market.proxy(), market.program] {
                calls.push(P::externalWithdrawOtherTokenCall { token, recipient, amount }.abi_encode());
            }
        }
    }
    for token in [token, pool, exchange, distributor, rewards, me, market.proxy()] {
        for amount in [u(0), U256::MAX] {
            calls.push(P::setExchangeContractAllowanceCall { token, amount }.abi_encode());
            calls.push(P::setStakingContractAllowanceCall { token, amount }.abi_encode());
        }
    }
    for (key, asset, vault) in
        [(KEY, ASSET, VAULT), (KEY, ASSET, 50), (124, ASSET, VAULT), (KEY, OTHER_ASSET, VAULT), (666, ASSET, 66)]
    {
        let (key, asset, vault) = (u(key), u(asset), u(vault));
        calls.push(P::allowStarkKeyCall { starkKey: key }.abi_encode());
        calls.push(P::allowDepositVaultCall { starkKey: key, assetType: asset, vaultId: vault }.abi_encode());
        let deposit = |amount| P::depositToExchangeCall {
            starkKey: key,
            assetType: asset,
            vaultId: vault,
            quantizedAmount: amount,
        };
        calls.extend([u(1000), U256::MAX].map(|amount| deposit(amount).abi_encode()));
        calls.push(P::withdrawFromExchangeCall { starkKey: key, assetType: asset }.abi_encode());
        calls.push(P::depositCancelCall { starkKey: key, assetType: asset, vaultId: vault }.abi_encode());
        calls.push(P::depositReclaimCall { starkKey: key, assetType: asset, vaultId: vault }.abi_encode());
        let force =
            P::forcedWithdrawalRequestCall { starkKey: key, vaultId: vault, quantizedAmount: u(9), premiumCost: true };
        calls.push(force.abi_encode());
        let args = std::array::from_fn(|index| if index == 0 { key } else { u(index as u64) });
        calls.push(P::queueForcedTradeRequestCall { args }.abi_encode());
        calls.push(P::forcedTradeRequestCall { args, signature: Bytes::new() }.abi_encode());
    }
    for (name, _) in ROLES {
        calls.push(P::grantRoleCall { role: role(name), account: me }.abi_encode());
        calls.push(P::revokeRoleCall { role: role(name), account: market.pool.who("g") }.abi_encode());
    }
    calls.extend([
        P::increaseApprovedAmountForExternalWithdrawalCall { amount: all }.abi_encode(),
        P::guardianSetBorrowingRestrictionCall { isBorrowingRestricted: false }.abi_encode(),
        P::borrowCall { amount: u(1) }.abi_encode(),
        P::repayBorrowCall { amount: u(100) }.abi_encode(),
        P::repayDebtCall { amount: u(100) }.abi_encode(),
        P::autoPayOrBorrowCall {}.abi_encode(),
        P::claimRewardsFromMerkleDistributorCall { cumulativeAmount: all, merkleProof: vec![] }.abi_encode(),
        suite::proxy::initialisation(
            &market.parties,
            &suite::proxy::Seats { owner: me, guardian: me, ..market.seats(0) },
        )
        .abi_encode(),
    ]);
    calls
}

/// Whatever is called, in whatever order, borrowed tokens lie with pool, exchange and proxy.
#[test]
fn borrowed_tokens_do_not_reach_a_malicious_owner() {
    let mut market = mallory();
    let calls = attempts(&market);
    let places = |market: &Market| {
        let [pool, exchange, ..] = market.parties.all();
        market.tokens_at(pool) + market.tokens_at(exchange) + market.tokens_at(market.proxy())
    };
    let (all, mine) = (places(&market), market.pool.tokens("X0"));
    let mut succeeded = 0;
    // Forwards, backwards, and again after every wait: pairs of calls meet in both orders.
    for (round, at) in [epoch(0), epoch(0) + 3 * DAY, epoch(0) + 8 * DAY, blackout(0)].into_iter().enumerate() {
        market.at(at);
        let mut order = calls.clone();
        if round % 2 == 1 {
            order.reverse();
        }
        for call in order {
            succeeded += u64::from(market.by("X0").send_raw(call.clone()).is_ok());
            let name = alloy_primitives::hex::encode(&call[..4]);
            assert_eq!((places(&market), market.pool.tokens("X0")), (all, mine), "{name} at {at}");
        }
    }
    assert!(succeeded > 60, "only {succeeded} attempts were accepted at all");
}

/// What is owed stays, whatever comes in and in whatever pieces it is paid out.
#[test]
fn profits_leave_and_nothing_else() {
    let mut market = mallory();
    market.by("X0").deposit(400_000).unwrap();
    market.release(30_000);
    market.by("X0").withdraw().unwrap();
    assert_eq!(market.held(), u(30_000));
    assert!(market.by("X0").pay("X0", 1).is_err(), "all of it covers the loan");
    // Trading lost nothing: everything comes back, and 30,000 more.
    let (key, asset, vault) = (u(KEY), u(ASSET), u(VAULT));
    let amount = u(400_000);
    market.operate(IExchange::acceptDepositCall {
        starkKey: key,
        assetType: asset,
        vaultId: vault,
        quantizedAmount: amount,
    });
    market.operate(IExchange::releaseWithdrawalCall { assetType: asset, vaultId: vault, quantizedAmount: amount });
    market.by("X0").withdraw().unwrap();
    let before = market.pool.tokens("X0");
    market.by("X0").pay("X0", 30_000).unwrap();
    assert!(market.by("X0").pay("X0", 1).is_err());
    assert_eq!(market.pool.tokens("X0") - before, u(30_000));
}

/// A token with a second address gets no borrowed token out (Arbitrum has none such; others do).
#[test]
fn a_second_address_of_the_token_is_no_way_out() {
    let mut market = mallory();
    let alias = market.double("puppet");
    let (token, proxy, me) = (market.parties.token, market.proxy(), market.pool.who("X0"));
    market.pool.chain.from(proxy).call(token, IToken::approveCall { spender: alias, value: U256::MAX }).unwrap();
    let take = IToken::transferFromCall { from: proxy, to: me, value: u(5) }.abi_encode();
    market.direct_with(alias, IToken::transferCall::SELECTOR, token, take, 1, false, true.abi_encode());
    let call = P::externalWithdrawOtherTokenCall { token: alias, recipient: me, amount: u(5) };
    let refused = market.by("X0").send(call).unwrap_err();
    assert_refused(refused, P::BalanceDecreased { balanceBefore: u(400_000), balanceAfter: u(399_995) });
    assert_eq!(market.held(), u(400_000));
}

// ---------------------------------------------------------------- re-entrancy

/// Something that the proxy does with a counterparty.
type Operation = (&'static str, fn(&mut Market) -> Result<Receipt, Reverted>);

fn sent<R>(outcome: Result<chain::Sent<R>, Reverted>) -> Result<Receipt, Reverted> {
    outcome.map(|sent| sent.receipt)
}

const TOKEN_OPERATIONS: [(Operation, u8); 8] = [
    (("borrow", |market| sent(market.by("b").borrow(100))), 1),
    (("repayBorrow", |market| sent(market.by("b").repay_borrow(100))), 2),
    (("guardianRepayBorrow", |market| sent(market.by("g").send(P::guardianRepayBorrowCall { amount: u(100) }))), 2),
    (("depositToExchange", |market| sent(market.by("e").deposit(100))), 2),
    (("withdrawFromExchange", |market| sent(market.by("e").withdraw())), 1),
    (("externalWithdrawToken", |market| sent(market.by("w").pay("r", 100))), 1),
    (
        ("setStakingContractAllowance", |market| {
            let token = market.parties.token;
            sent(market.by("o").send(P::setStakingContractAllowanceCall { token, amount: u(7) }))
        }),
        4,
    ),
    (("externalWithdrawToken looks", |market| sent(market.by("w").pay("r", 100))), 8),
];

/// A market whose token misbehaves, the borrower being in the middle of everything.
fn odd_market() -> Market {
    let mut market = Market::planned(&Plan { token: "odd-token", ..Plan::SETTING });
    market.by("b").borrow(200_000).unwrap();
    market.by("g").approve(1000).unwrap();
    market.release(1000);
    market
}

/// With every role there is, so that nothing but the guard can refuse it.
fn crown(market: &mut Market, account: Address) {
    grant(market, account, &all_roles());
    let functions = abi::proxy_functions();
    let proxy = market.proxy();
    let answered = functions.iter().filter(|function| {
        let outcome = market.pool.clone().chain.from(account).send(proxy, abi::empty_call(function));
        outcome.map_or_else(|refused| !refused.is_empty(), |_| true)
    });
    assert!(answered.count() >= functions.len() - 3, "outside of a call the same calls are answered");
}

#[test]
fn a_token_cannot_re_enter() {
    let mut market = odd_market();
    let (token, proxy) = (market.parties.token, market.proxy());
    crown(&mut market, token);
    let calls: Vec<_> = abi::proxy_functions().iter().map(abi::empty_call).collect();
    for (index, ((name, run), functions)) in TOKEN_OPERATIONS.into_iter().enumerate() {
        // Every function once, and some of them from everywhere.
        for call in calls.iter().skip(index).step_by(if index == 0 { 1 } else { 6 }) {
            let mut fork = market.fork();
            // Where nothing can be recorded, a success of the nested call would be the token's failure.
            let policy = if functions == 8 { 2 } else { 0 };
            let data = (proxy, u(policy), Bytes::from(call.clone())).abi_encode_params();
            let behaviour = IOddToken::setBehaviourCall { kind: 6, functions, data: data.into() };
            fork.pool.by("X0").send_to(token, behaviour).unwrap();
            run(&mut fork).unwrap_or_else(|refused| panic!("{name}: {refused}"));
            if functions != 8 {
                let called = fork.view_of(token, IOddToken::lastCallCall {});
                assert!(called.count > u(0) && !called.success, "{name}");
                assert!(fork.view_of(token, IOddToken::lastResultCall {}).is_empty(), "{name}");
            }
        }
    }
}

const EXCHANGE_OPERATIONS: [(Operation, [u8; 4]); 6] = [
    (("depositToExchange", |market| sent(market.by("e").deposit(100))), IStarkPerpetual::depositCall::SELECTOR),
    (("withdrawFromExchange", |market| sent(market.by("e").withdraw())), IStarkPerpetual::withdrawCall::SELECTOR),
    (
        ("guardianWithdrawFromExchange", |market| {
            let call = P::guardianWithdrawFromExchangeCall { starkKey: u(9), assetType: u(9) };
            sent(market.by("g").send(call))
        }),
        IStarkPerpetual::withdrawCall::SELECTOR,
    ),
    (
        ("forcedWithdrawalRequest", |market| {
            let call = P::forcedWithdrawalRequestCall {
                starkKey: u(KEY),
                vaultId: u(1),
                quantizedAmount: u(1),
                premiumCost: false,
            };
            sent(market.by("o").send(call))
        }),
        IStarkPerpetual::forcedWithdrawalRequestCall::SELECTOR,
    ),
    (
        ("depositCancel", |market| {
            let call = P::depositCancelCall { starkKey: u(KEY), assetType: u(1), vaultId: u(1) };
            sent(market.by("o").send(call))
        }),
        IStarkPerpetual::depositCancelCall::SELECTOR,
    ),
    (
        ("depositReclaim", |market| {
            let call = P::depositReclaimCall { starkKey: u(KEY), assetType: u(1), vaultId: u(1) };
            sent(market.by("o").send(call))
        }),
        IStarkPerpetual::depositReclaimCall::SELECTOR,
    ),
];

/// A market whose exchange does as it is told.
fn puppet_market() -> Market {
    let mut market = Market::planned(&Plan { exchange: "puppet", ..Plan::SETTING });
    let (exchange, proxy) = (market.parties.exchange, market.proxy());
    let get_eth_key = IStarkPerpetual::getEthKeyCall::SELECTOR;
    market.direct_with(exchange, get_eth_key, Address::ZERO, vec![], 2, false, proxy.abi_encode());
    market.by("o").send(P::allowStarkKeyCall { starkKey: u(KEY) }).unwrap();
    market.by("b").borrow(200_000).unwrap();
    market
}

#[test]
fn an_exchange_cannot_re_enter() {
    let mut market = puppet_market();
    let (exchange, proxy) = (market.parties.exchange, market.proxy());
    crown(&mut market, exchange);
    let calls: Vec<_> = abi::proxy_functions().iter().map(abi::empty_call).collect();
    for (index, ((name, run), selector)) in EXCHANGE_OPERATIONS.into_iter().enumerate() {
        for call in calls.iter().skip(index).step_by(if index == 0 { 1 } else { 6 }) {
            let mut fork = market.fork();
            fork.direct(exchange, selector, proxy, call.clone(), vec![]);
            run(&mut fork).unwrap_or_else(|refused| panic!("{name}: {refused}"));
            let called = fork.view_of(exchange, IPuppet::lastCallCall {});
            assert!(called.count == u(1) && !called.success, "{name}");
            assert!(fork.view_of(exchange, IPuppet::lastResultCall {}).is_empty(), "{name}");
        }
    }
    // While it is asked whose a key is, a call to the proxy fails as well.
    let get_eth_key = IStarkPerpetual::getEthKeyCall::SELECTOR;
    let look = P::getTokenBalanceCall {}.abi_encode();
    market.direct_with(exchange, get_eth_key, proxy, look, 1 + 2, false, proxy.abi_encode());
    assert!(market.by("o").send(P::allowStarkKeyCall { starkKey: u(5) }).unwrap_err().is_empty());
}

#[test]
fn a_recipient_of_ether_cannot_re_enter() {
    let mut market = Market::deploy();
    let (puppet, proxy) = (market.double("puppet"), market.proxy());
    market.by("b").borrow(1000).unwrap();
    crown(&mut market, puppet);
    market.by("o").send(P::allowExternalRecipientCall { recipient: puppet }).unwrap();
    market.pool.chain.set_balance(proxy, u(10));
    for call in abi::proxy_functions().iter().map(abi::empty_call) {
        let mut fork = market.fork();
        fork.direct(puppet, [0; 4], proxy, call, vec![]);
        fork.by("w").send(P::externalWithdrawEtherCall { recipient: puppet, amount: u(4) }).unwrap();
        let called = fork.view_of(puppet, IPuppet::lastCallCall {});
        assert!(called.count == u(1) && !called.success);
        assert!(fork.view_of(puppet, IPuppet::lastResultCall {}).is_empty());
    }
}

// ---------------------------------------------------------------- dishonest counterparties

/// An exchange that takes where it should give, or gives where it should take.
#[test]
fn an_exchange_that_takes_is_noticed() {
    let mut market = puppet_market();
    let (exchange, token, proxy) = (market.parties.exchange, market.parties.token, market.proxy());
    let take = |amount| IToken::transferFromCall { from: proxy, to: exchange, value: u(amount) }.abi_encode();
    for (operation, selector) in &EXCHANGE_OPERATIONS[1..] {
        if ["forcedWithdrawalRequest", "depositCancel"].contains(&operation.0) {
            continue; // No tokens move in these, and the exchange may take them any time: it is approved.
        }
        let mut fork = market.fork();
        fork.direct_with(exchange, *selector, token, take(1), 1, false, vec![]);
        let refused = (operation.1)(&mut fork).unwrap_err();
        assert_refused(refused, P::BalanceDecreased { balanceBefore: u(200_000), balanceAfter: u(199_999) });
    }
    let deposit = IStarkPerpetual::depositCall::SELECTOR;
    // More than was asked is reported as what it is, and refused while restricted.
    market.direct_with(exchange, deposit, token, take(150), 1, false, vec![]);
    let mut fork = market.fork();
    assert_eq!(fork.by("e").deposit(100).unwrap().ret, u(150));
    market.set_held(200_100);
    market.by("g").restrict(true).unwrap();
    let refused = market.by("e").deposit(100).unwrap_err();
    assert_refused(refused, P::DepositOfBorrowedFunds { held: u(199_950), owed: u(200_000) });
    let give = IToken::mintCall { to: proxy, value: u(3) }.abi_encode();
    market.direct_with(exchange, deposit, token, give, 1, false, vec![]);
    let refused = market.by("e").deposit(100).unwrap_err();
    assert_refused(refused, P::BalanceIncreased { balanceBefore: u(200_100), balanceAfter: u(200_103) });
}

/// Answers that cannot be read are refused, and the reasons of others come through, however long.
#[test]
fn what_counterparties_say_is_read_with_care() {
    let mut market = puppet_market();
    let exchange = market.parties.exchange;
    let get_eth_key = IStarkPerpetual::getEthKeyCall::SELECTOR;
    let allow = P::allowStarkKeyCall { starkKey: u(5) };
    for answer in [vec![], vec![0; 31]] {
        market.direct_with(exchange, get_eth_key, Address::ZERO, vec![], 2, false, answer);
        let refused = market.by("o").send(allow.clone()).unwrap_err();
        assert_refused(refused, P::UnreadableAnswer { account: exchange });
    }
    let reason = vec![0xc5; 5000];
    market.direct_with(exchange, get_eth_key, Address::ZERO, vec![], 2, true, reason.clone());
    assert_eq!(market.by("o").send(allow.clone()).unwrap_err().data.as_ref(), reason);
    market.direct_with(
        exchange,
        IStarkPerpetual::depositCall::SELECTOR,
        Address::ZERO,
        vec![],
        2,
        true,
        reason.clone(),
    );
    assert_eq!(market.by("e").deposit(1).unwrap_err().data.as_ref(), reason);
    market.direct_with(exchange, get_eth_key, Address::ZERO, vec![], 2, true, vec![]);
    assert!(market.by("o").send(allow).unwrap_err().is_empty());
}

// ---------------------------------------------------------------- odd tokens

fn misbehave(market: &mut Market, kind: u8, functions: u8, data: Vec<u8>) {
    let token = market.parties.token;
    let call = IOddToken::setBehaviourCall { kind, functions, data: data.into() };
    market.pool.by("X0").send_to(token, call).unwrap();
}

#[test]
fn a_token_that_takes_a_fee_leaves_the_books_exact() {
    let mut market = odd_market();
    misbehave(&mut market, 5, 3, u(100).abi_encode()); // One percent of each transfer.
    market.by("b").borrow(10_000).unwrap();
    assert_eq!((market.borrowed(), market.held()), (u(210_000), u(209_900)));
    let refused = market.by("b").repay_borrow(1000).unwrap_err();
    assert_refused(refused, errors::ReceivedAmountMismatch { expected: u(1000), received: u(990) });
    assert_text(market.by("e").deposit(1000).unwrap_err(), "INCORRECT_AMOUNT_TRANSFERRED");
    // What a fee took is missing in the proxy as well: nothing of it is paid out.
    let refused = market.by("w").pay("r", 1001).unwrap_err();
    assert_refused(refused, P::ExceedsWithdrawableBalance { requested: u(1001), excess: u(0), approved: u(1000) });
    // What arrives counts, not what was sent.
    assert_eq!(market.by("e").withdraw().unwrap().ret, u(990));
    assert_eq!(market.held(), u(210_890));
}

#[test]
fn a_token_may_answer_nothing_but_not_false() {
    let pay = |market: &mut Market| market.by("w").pay("r", 100);
    let mut market = odd_market();
    let token = market.parties.token;
    misbehave(&mut market, 1, 1, vec![]);
    pay(&mut market).unwrap();
    assert_eq!(market.pool.tokens("r"), u(100));
    for (kind, data) in [(2, vec![]), (3, u(2).abi_encode()), (3, vec![0, 1]), (4, vec![1, 2, 3])] {
        let mut fork = market.fork();
        misbehave(&mut fork, kind, 1, data);
        assert_refused(pay(&mut fork).unwrap_err(), P::SafeErc20FailedOperation { token });
        assert_eq!((fork.approved(), fork.pool.tokens("r")), (u(900), u(100)));
    }
    // An approval that fails is no allowance.
    misbehave(&mut market, 2, 4, vec![]);
    let call = P::setStakingContractAllowanceCall { token, amount: u(5) };
    assert_refused(market.by("o").send(call).unwrap_err(), P::SafeErc20FailedOperation { token });
}

/// Tokens that refuse to change an allowance from one value to another are why it is set by way of 0.
#[test]
fn allowances_change_by_way_of_nothing() {
    let mut market = odd_market();
    misbehave(&mut market, 8, 4, vec![]);
    let (token, pool) = (market.parties.token, market.parties.pool);
    for amount in [5, 7] {
        market.by("o").send(P::setStakingContractAllowanceCall { token, amount: u(amount) }).unwrap();
        assert_eq!(market.allowance(pool), u(amount));
    }
    // A guardian's repayment as well.
    market.by("g").send(P::guardianRepayBorrowCall { amount: u(100) }).unwrap();
    assert_eq!(market.allowance(pool), u(0));
}
