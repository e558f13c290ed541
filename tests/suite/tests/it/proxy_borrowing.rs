//! The borrower proxy: construction, roles, borrowing and repaying, auto-pay (SP-01 to SP-18).

use suite::{
    abi::ITrustedBorrowerL2Proxy as P,
    clone,
    deployment::role,
    prelude::*,
    proxy::{ASSET, KEY, Market, Plan, ROLES, Seats, VAULT, blackout, created, epoch, initialisation, logs_of},
};

/// A borrower in default: it borrowed all, S2 requested 750,000, and 150,000 of the loan became debt.
pub(crate) fn in_default() -> Market {
    let mut market = Market::deploy();
    market.by("b").borrow(400_000).unwrap();
    market.pool.by("S2").request_withdrawal(750_000).unwrap();
    let borrowers = vec![market.proxy()];
    market.at(epoch(1)).pool.by("X0").send(IDebtAccounting::markDebtCall { borrowers }).unwrap();
    assert_eq!((market.borrowed(), market.debt(), market.held()), (u(250_000), u(150_000), u(400_000)));
    market
}

fn missing(market: &Market, who: &str, needed: &str) -> P::AccessControlUnauthorizedAccount {
    P::AccessControlUnauthorizedAccount { account: market.pool.who(who), neededRole: role(needed) }
}

fn triple(auto_pay: P::autoPayOrBorrowReturn) -> (u64, u64, u64) {
    let P::autoPayOrBorrowReturn { borrowed, borrowRepaid, debtRepaid } = auto_pay;
    (borrowed.to(), borrowRepaid.to(), debtRepaid.to())
}

// ---------------------------------------------------------------- roles and initialisation

#[test]
fn sp_01_one_initialiser_in_the_creation() {
    let mut market = Market::bare(&Plan::SETTING);
    let receipt = market.create("maker", &market.seats(0)).unwrap();
    market.proxies.push(created(&receipt));
    let holders = |role_name: &str| {
        let holds = |name: &&str| market.view(P::hasRoleCall { role: role(role_name), account: market.pool.who(name) });
        ["g", "v", "o", "b", "e", "w", "maker"].into_iter().filter(holds).collect::<Vec<_>>()
    };
    assert_eq!(holders("GUARDIAN_ROLE"), ["g"]);
    assert_eq!(holders("VETO_GUARDIAN_ROLE"), ["v"]);
    assert_eq!(holders("OWNER_ROLE"), ["o"]);
    assert_eq!(holders("DELEGATION_ADMIN_ROLE"), ["o"]);
    for operator in ["BORROWER_ROLE", "EXCHANGE_OPERATOR_ROLE", "WITHDRAWAL_OPERATOR_ROLE"] {
        assert!(holders(operator).is_empty(), "{operator}");
    }
    for spender in [market.parties.pool, market.parties.exchange] {
        assert_eq!(market.allowance(spender), U256::MAX);
    }

    let granted = |name: &str, who: &str| {
        let (account, sender) = (market.pool.who(who), market.pool.who("maker"));
        log(P::RoleGranted { role: role(name), account, sender })
    };
    let administered = |name: &str, by: &str| {
        log(P::RoleAdminChanged { role: role(name), previousAdminRole: B256::ZERO, newAdminRole: role(by) })
    };
    let vault = P::DepositVaultAllowed {
        starkKey: u(KEY),
        starkAssetType: u(ASSET),
        starkVaultId: u(VAULT),
        allowedFrom: u(1_000_000),
    };
    let expected = [
        granted("GUARDIAN_ROLE", "g"),
        granted("VETO_GUARDIAN_ROLE", "v"),
        granted("OWNER_ROLE", "o"),
        granted("DELEGATION_ADMIN_ROLE", "o"),
        administered("GUARDIAN_ROLE", "GUARDIAN_ROLE"),
        administered("VETO_GUARDIAN_ROLE", "GUARDIAN_ROLE"),
        administered("OWNER_ROLE", "OWNER_ROLE"),
        administered("DELEGATION_ADMIN_ROLE", "OWNER_ROLE"),
        administered("BORROWER_ROLE", "DELEGATION_ADMIN_ROLE"),
        administered("EXCHANGE_OPERATOR_ROLE", "DELEGATION_ADMIN_ROLE"),
        administered("WITHDRAWAL_OPERATOR_ROLE", "DELEGATION_ADMIN_ROLE"),
        log(vault),
    ];
    assert_logs(logs_of(&receipt, market.proxy()), expected);
    assert_refused(again(&mut market), P::NotConstructing {});
}

/// `initialize` once more, for a finished proxy.
fn again(market: &mut Market) -> chain::Reverted {
    let call = initialisation(&market.parties, &market.seats(1));
    market.by("o").send(call).unwrap_err()
}

#[test]
fn sp_02_there_is_no_second_initialiser() {
    let mut market = Market::deploy();
    let before = market.storage();
    let refused = market.by("o").send_raw(vec![0x81, 0x29, 0xfc, 0x1c]).unwrap_err(); // initialize()
    assert!(refused.is_empty(), "{refused}");
    assert_refused(again(&mut market), P::NotConstructing {});
    assert_eq!(market.storage(), before);
}

#[test]
fn sp_03_the_program_itself_is_nobodys() {
    let mut market = Market::deploy();
    market.proxies[0] = market.program;
    assert_refused(again(&mut market), P::NotConstructing {});
    let owner = role("OWNER_ROLE");
    for (name, _) in ROLES {
        for who in ["o", "g", "GOV", "maker"] {
            assert!(!market.view(P::hasRoleCall { role: role(name), account: market.pool.who(who) }));
        }
    }
    assert_eq!(market.view(P::getRoleAdminCall { role: owner }), owner);
    let grant = P::grantRoleCall { role: owner, account: market.pool.who("o") };
    let refused = market.by("o").send(grant).unwrap_err();
    assert_refused(refused, missing(&market, "o", "OWNER_ROLE"));
}

#[test]
fn sp_04_owners_hand_out_what_is_theirs() {
    let mut market = Market::deploy();
    let (borrower, delegation) = (role("BORROWER_ROLE"), role("DELEGATION_ADMIN_ROLE"));
    let (o, x) = (market.pool.who("o"), market.pool.who("X0"));
    market.by("o").send(P::renounceRoleCall { role: delegation, account: o }).unwrap();
    let refused = market.by("o").send(P::grantRoleCall { role: borrower, account: x }).unwrap_err();
    assert_refused(refused, missing(&market, "o", "DELEGATION_ADMIN_ROLE"));

    let sent = market.by("o").send(P::grantRoleCall { role: delegation, account: o }).unwrap();
    assert_logs(market.logs(&sent.receipt), [log(P::RoleGranted { role: delegation, account: o, sender: o })]);
    market.by("o").send(P::grantRoleCall { role: borrower, account: x }).unwrap();
    assert!(market.view(P::hasRoleCall { role: borrower, account: x }));
    // What a delegation admin handed out outlives it.
    market.by("o").send(P::revokeRoleCall { role: delegation, account: o }).unwrap();
    assert!(market.view(P::hasRoleCall { role: borrower, account: x }));
}

#[test]
fn sp_05_owners_have_no_say_over_guardians() {
    let mut market = Market::deploy();
    let g = market.pool.who("g");
    let revoke = P::revokeRoleCall { role: role("GUARDIAN_ROLE"), account: g };
    let refused = market.by("o").send(revoke).unwrap_err();
    assert_refused(refused, missing(&market, "o", "GUARDIAN_ROLE"));
    // Nor guardians over owners.
    let revoke = P::revokeRoleCall { role: role("OWNER_ROLE"), account: market.pool.who("o") };
    let refused = market.by("g").send(revoke).unwrap_err();
    assert_refused(refused, missing(&market, "g", "OWNER_ROLE"));
}

// ---------------------------------------------------------------- borrow and repay

#[test]
fn sp_06_what_is_read_before_anything_happens() {
    let market = Market::deploy();
    assert_eq!(market.view(P::getAllocatedBalanceCurrentEpochCall {}), u(400_000));
    assert_eq!(market.view(P::getAllocatedBalanceNextEpochCall {}), u(400_000));
    assert_eq!(market.view(P::getBorrowableAmountCall {}), u(400_000));
    for zero in [
        market.borrowed(),
        market.debt(),
        market.view(P::getBorrowedAndDebtBalanceCall {}),
        market.view(P::getTokenBalanceCall {}),
        market.approved(),
        market.view(P::getQueuedForcedTradeTimestampCall { argsHash: B256::ZERO }),
    ] {
        assert_eq!(zero, u(0));
    }
    assert!(!market.view(P::isBorrowingRestrictedCall {}));
    assert!(!market.view(P::isStarkKeyAllowedCall { starkKey: u(124) }));
    assert!(!market.view(P::isRecipientAllowedCall { recipient: market.pool.who("o") }));

    assert_eq!(market.view(P::LIQUIDITY_STAKINGCall {}), market.parties.pool);
    assert_eq!(market.view(P::STARK_PERPETUALCall {}), market.parties.exchange);
    assert_eq!(market.view(P::TOKENCall {}), market.parties.token);
    assert_eq!(market.view(P::MERKLE_DISTRIBUTORCall {}), market.parties.distributor);
    assert_eq!(market.view(P::FORCED_TRADE_WAITING_PERIODCall {}), u(604_800));
    assert_eq!(market.view(P::FORCED_TRADE_GRACE_PERIODCall {}), u(604_800));
    assert_eq!(market.view(P::DEFAULT_ADMIN_ROLECall {}), B256::ZERO);
    for (id, answer) in [([0x01, 0xff, 0xc9, 0xa7], true), ([0x79, 0x65, 0xdb, 0x0b], true), ([0xff; 4], false)] {
        assert_eq!(market.view(P::supportsInterfaceCall { interfaceId: id.into() }), answer);
    }
}

#[test]
fn sp_07_refusals_of_the_pool_come_through() {
    let mut market = Market::deploy();
    assert_refused(market.by("b").borrow(0).unwrap_err(), errors::ZeroAmount {});
    let refused = market.by("b").borrow(400_001).unwrap_err();
    assert_refused(refused, errors::BorrowExceedsAllocation { borrowed: u(400_001), limit: u(400_000) });
    let refused = market.by("o").borrow(1).unwrap_err();
    assert_refused(refused, missing(&market, "o", "BORROWER_ROLE"));
}

#[test]
fn sp_08_a_loan_arrives_at_the_proxy() {
    let mut market = Market::deploy();
    let sent = market.by("b").borrow(400_000).unwrap();
    let all = u(400_000);
    assert_logs(market.logs(&sent.receipt), [log(P::Borrowed { amount: all, newBorrowedBalance: all })]);
    let borrower = market.proxy();
    let expected = log(events::Borrowed { borrower, amount: all, newBorrowedBalance: all });
    assert_logs(market.pool.logs(&sent.receipt), [expected]);
    assert_eq!(market.held(), all);
}

#[test]
fn sp_09_no_more_is_repaid_than_is_owed() {
    let mut market = Market::deploy();
    market.by("b").borrow(400_000).unwrap();
    assert_refused(market.by("b").repay_borrow(0).unwrap_err(), errors::ZeroAmount {});
    assert_refused(market.by("b").repay_debt(0).unwrap_err(), errors::ZeroAmount {});
    let sent = market.by("b").repay_debt(1).unwrap();
    assert!(sent.receipt.logs.is_empty(), "no debt, no event");
    let mut fork = market.fork();
    let sent = fork.by("b").repay_borrow(400_001).unwrap();
    let event = P::RepaidBorrow { amount: u(400_000), newBorrowedBalance: u(0), isGuardianAction: false };
    assert_logs(fork.logs(&sent.receipt), [log(event)]);
    assert_eq!((fork.borrowed(), fork.held()), (u(0), u(0)));

    let sent = market.by("b").repay_borrow(150_000).unwrap();
    let event = P::RepaidBorrow { amount: u(150_000), newBorrowedBalance: u(250_000), isGuardianAction: false };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    assert_eq!((market.borrowed(), market.held()), (u(250_000), u(250_000)));
}

#[test]
fn sp_10_requests_count_in_the_blackout_window() {
    let mut market = Market::planned(&Plan { shares: &[10_000], ..Plan::SETTING });
    market.pool.by("S1").request_withdrawal(250_000).unwrap();
    market.at(blackout(0));
    assert_eq!(market.view(P::getBorrowableAmountCall {}), u(750_000));
    let refused = market.by("b").borrow(750_001).unwrap_err();
    assert_refused(refused, errors::BorrowExceedsAllocation { borrowed: u(750_001), limit: u(750_000) });
    market.by("b").borrow(750_000).unwrap();
}

#[test]
fn sp_11_anybody_repays_and_the_excess_grows() {
    let mut market = Market::deploy();
    market.by("b").borrow(1000).unwrap();
    let borrower = market.proxy();
    let repay = IBorrowerAllocations::repayBorrowCall { borrower, amount: u(400) };
    market.pool.by("S1").send(repay).unwrap();
    assert_eq!((market.borrowed(), market.held()), (u(600), u(1000)));
    market.by("w").pay("r", 400).unwrap();
    let refused = market.by("w").pay("r", 1).unwrap_err();
    assert_refused(refused, P::ExceedsWithdrawableBalance { requested: u(1), excess: u(0), approved: u(0) });
}

// ---------------------------------------------------------------- auto-pay

#[test]
fn sp_12_auto_pay_waits_for_the_blackout_window() {
    let mut market = Market::deploy();
    let refused = market.at(blackout(0) - 1).by("b").auto_pay().unwrap_err();
    assert_refused(refused, P::NotInBlackoutWindow {});
    assert_eq!(triple(market.at(blackout(0)).by("b").auto_pay().unwrap().ret), (400_000, 0, 0));
    assert_eq!(triple(market.by("b").auto_pay().unwrap().ret), (0, 0, 0));
}

#[test]
fn sp_13_auto_pay_repays_what_would_be_overdue() {
    let mut market = Market::deploy();
    market.by("b").borrow(400_000).unwrap();
    market.pool.by("S2").request_withdrawal(500_000).unwrap();
    market.at(blackout(0)).set_held(199_999);
    let refused = market.by("b").auto_pay().unwrap_err();
    assert_refused(refused, P::InsufficientFundsToRepay { held: u(199_999), required: u(200_000) });
    market.set_held(200_000);
    let sent = market.by("b").auto_pay().unwrap();
    assert_eq!(triple(sent.ret), (0, 200_000, 0));
    let event = P::RepaidBorrow { amount: u(200_000), newBorrowedBalance: u(200_000), isGuardianAction: false };
    assert_logs(market.logs(&sent.receipt), [log(event)]);
    assert_eq!(market.held(), u(0));
}

#[test]
fn sp_14_auto_pay_repays_loan_and_debt() {
    let mut market = in_default();
    market.by("b").repay_borrow(129_787).unwrap();
    assert_eq!(market.held(), u(270_213));
    let sent = market.at(blackout(1)).by("b").auto_pay().unwrap();
    assert_eq!(triple(sent.ret), (0, 20_213, 150_000));
    let expected = [
        log(P::RepaidBorrow { amount: u(20_213), newBorrowedBalance: u(100_000), isGuardianAction: false }),
        log(P::RepaidDebt { amount: u(150_000), newDebtBalance: u(0), isGuardianAction: false }),
    ];
    assert_logs(market.logs(&sent.receipt), expected);
    assert_eq!(market.held(), u(100_000));
}

#[test]
fn sp_15_auto_pay_never_spends_twice() {
    for (held, expected) in [
        (200_000_u64, (0, 150_000, 50_000)),
        (299_999, (0, 150_000, 149_999)),
        (300_000, (0, 150_000, 150_000)),
        (150_000, (0, 150_000, 0)),
    ] {
        let mut market = in_default();
        market.at(blackout(1)).set_held(held);
        assert_eq!(triple(market.by("b").auto_pay().unwrap().ret), expected, "holding {held}");
        assert_eq!(market.held(), u(held - 150_000 - expected.2));
        assert_eq!(market.debt(), u(150_000 - expected.2));
    }
}

#[test]
fn sp_16_in_two_steps() {
    let mut market = in_default();
    market.at(blackout(1)).set_held(299_999);
    market.by("b").repay_borrow(150_000).unwrap();
    assert_eq!(triple(market.by("b").auto_pay().unwrap().ret), (0, 0, 149_999));
    assert_eq!(market.debt(), u(1));
}

#[test]
fn sp_17_auto_pay_borrows_nothing_while_restricted() {
    let mut market = Market::deploy();
    market.by("g").restrict(true).unwrap();
    assert_eq!(triple(market.at(blackout(0)).by("b").auto_pay().unwrap().ret), (0, 0, 0));
    assert_eq!(market.view(P::getBorrowableAmountCall {}), u(0));
    let borrower = market.proxy();
    assert_eq!(market.pool.view(IBorrowerAllocations::getBorrowableAmountCall { borrower }), u(400_000));
}

#[test]
fn sp_18_auto_pay_borrows_nothing_while_there_is_debt() {
    let mut market = in_default();
    market.by("b").repay_borrow(250_000).unwrap();
    market.set_held(0_u64);
    let lift =
        IBorrowerAllocations::setBorrowingRestrictionCall { borrower: market.proxy(), isBorrowingRestricted: false };
    market.pool.by("GOV").send(lift).unwrap();
    assert_eq!(market.at(blackout(1)).view(P::getBorrowableAmountCall {}), u(100_000));
    assert_eq!(triple(market.by("b").auto_pay().unwrap().ret), (0, 0, 0));
    // With the debt paid it borrows again; not in the call that pays it.
    market.set_held(150_000);
    assert_eq!(triple(market.by("b").auto_pay().unwrap().ret), (0, 0, 150_000));
    assert_eq!(triple(market.by("b").auto_pay().unwrap().ret), (100_000, 0, 0));
}

// ---------------------------------------------------------------- construction, beyond the scenarios

#[test]
fn the_finished_proxy_is_a_minimal_clone_with_its_parties_behind() {
    let market = Market::deploy();
    assert_eq!(market.pool.chain.code(market.proxy()), clone::code(market.program, market.parties.all()));
    assert_eq!(market.creations.len(), 1);
}

#[test]
fn q8_a_proxy_works_from_its_creation_on() {
    // Without the owner's grants: one transaction makes everything that governance needs.
    let mut market = Market::bare(&Plan::SETTING);
    let receipt = market.create("maker", &market.seats(0)).unwrap();
    market.proxies.push(created(&receipt));
    market.by("g").restrict(true).unwrap();
    let account = market.pool.who("b");
    market.by("o").send(P::grantRoleCall { role: role("BORROWER_ROLE"), account }).unwrap();
    let maker = P::grantRoleCall { role: role("OWNER_ROLE"), account };
    let refused = market.by("maker").send(maker).unwrap_err();
    assert_refused(refused, missing(&market, "maker", "OWNER_ROLE"));
}

#[test]
fn q17_what_a_proxy_is_made_of_is_checked() {
    let market = Market::bare(&Plan::SETTING);
    let nobody = market.pool.who("X0");
    let refusal = |change: &dyn Fn(&mut Market)| {
        let mut fork = market.fork();
        change(&mut fork);
        let seats = fork.seats(0);
        fork.create("maker", &seats).unwrap_err()
    };
    for change in [
        (|market, account| market.parties.pool = account) as fn(&mut Market, Address),
        |market, account| market.parties.exchange = account,
        |market, account| market.parties.token = account,
        |market, account| market.parties.distributor = account,
    ] {
        let refused = refusal(&|market| change(market, nobody));
        assert_refused(refused, P::InvalidContract { account: nobody });
    }
    let (token, staked) = (market.pool.rewards_token(), market.parties.token);
    assert_refused(refusal(&|market| market.parties.token = token), P::TokenMismatch { token, stakedToken: staked });
}

#[test]
fn nobody_sits_on_the_chairs_of_owner_and_guardian() {
    let market = Market::bare(&Plan::SETTING);
    let proxy = created(&market.fork().create("maker", &market.seats(0)).unwrap());
    for account in [Address::ZERO, proxy] {
        let mut seats = market.seats(0);
        seats.owner = account;
        let refused = market.fork().create("maker", &seats).unwrap_err();
        assert_refused(refused, P::InvalidRoleHolder { role: role("OWNER_ROLE"), account });
        let mut seats = market.seats(0);
        seats.guardian = account;
        let refused = market.fork().create("maker", &seats).unwrap_err();
        assert_refused(refused, P::InvalidRoleHolder { role: role("GUARDIAN_ROLE"), account });
    }
    let mut fork = market.fork();
    let receipt = fork.create("maker", &Seats { veto_guardian: Address::ZERO, ..fork.seats(0) }).unwrap();
    fork.proxies.push(created(&receipt));
    for account in [Address::ZERO, fork.proxy(), fork.pool.who("v")] {
        assert!(!fork.view(P::hasRoleCall { role: role("VETO_GUARDIAN_ROLE"), account }));
    }
}

/// Whoever comes too late, or with code of his own, initialises nothing.
#[test]
fn initialisation_cannot_be_front_run() {
    let mut market = Market::bare(&Plan::SETTING);
    // A clone that was created without the call is nobody's for ever.
    let code = clone::code(market.program, market.parties.all());
    let returns_it = [&[0x60, clone::LENGTH, 0x80, 0x60, 9, 0x5f, 0x39, 0x5f, 0xf3][..], &code].concat();
    let receipt = market.pool.chain.from("maker").create(returns_it).unwrap();
    market.proxies.push(created(&receipt));
    assert_refused(again(&mut market), P::NotConstructing {});
    // Nor is a finished proxy anybody else's.
    let mut market = Market::bare(&Plan::SETTING);
    let receipt = market.create("maker", &market.seats(0)).unwrap();
    market.proxies.push(created(&receipt));
    let before = market.storage();
    for who in ["o", "g", "maker", "X0"] {
        let account = market.pool.who(who);
        let seats = Seats { owner: account, guardian: account, ..market.seats(1) };
        let call = initialisation(&market.parties, &seats);
        assert_refused(market.by(who).send(call).unwrap_err(), P::NotConstructing {});
    }
    assert_eq!(market.storage(), before);
}

#[test]
fn q13_the_last_owner_and_the_last_guardian_stay() {
    let mut market = Market::deploy();
    let heir = market.pool.who("X0");
    for (name, who) in [("OWNER_ROLE", "o"), ("GUARDIAN_ROLE", "g")] {
        let (role, account) = (role(name), market.pool.who(who));
        let last = P::LastRoleHolder { role, account };
        assert_refused(market.by(who).send(P::renounceRoleCall { role, account }).unwrap_err(), last.clone());
        assert_refused(market.by(who).send(P::revokeRoleCall { role, account }).unwrap_err(), last);
        // Granted twice counts once.
        market.by(who).send(P::grantRoleCall { role, account: heir }).unwrap();
        let sent = market.by(who).send(P::grantRoleCall { role, account: heir }).unwrap();
        assert_logs(market.logs(&sent.receipt), []);
        market.by("X0").send(P::revokeRoleCall { role, account }).unwrap();
        let last = P::LastRoleHolder { role, account: heir };
        assert_refused(market.by("X0").send(P::renounceRoleCall { role, account: heir }).unwrap_err(), last);
        let missing = missing(&market, who, name);
        assert_refused(market.by(who).send(P::grantRoleCall { role, account }).unwrap_err(), missing);
    }
    let (role, account) = (role("OWNER_ROLE"), market.pool.who("g"));
    let refused = market.by("o").send(P::renounceRoleCall { role, account }).unwrap_err();
    assert_refused(refused, P::AccessControlBadConfirmation {});
}

// ---------------------------------------------------------------- the pool's scenarios with a proxy

fn whole_pool(shares: &'static [u64]) -> Market {
    Market::planned(&Plan { shares, ..Plan::SETTING })
}

#[test]
fn brw_10_auto_pay_in_the_blackout_window() {
    let mut market = whole_pool(&[10_000]);
    // Of the setting's million, 1000 stay.
    for (staker, amount) in [("S1", 250_000_u64), ("S2", 749_000)] {
        market.pool.by(staker).request_withdrawal(amount).unwrap();
    }
    market.at(epoch(1));
    assert_refused(market.by("b").auto_pay().unwrap_err(), P::NotInBlackoutWindow {});
    let mut fork = market.fork();
    assert_eq!(triple(fork.at(blackout(1)).by("b").auto_pay().unwrap().ret), (1000, 0, 0));
    assert_eq!(triple(fork.by("b").auto_pay().unwrap().ret), (0, 0, 0));
    market.by("b").borrow(1000).unwrap();
    market.pool.by("S2").request_withdrawal(600).unwrap();
    market.at(blackout(1)).set_held(599);
    let refused = market.by("b").auto_pay().unwrap_err();
    assert_refused(refused, P::InsufficientFundsToRepay { held: u(599), required: u(600) });
}

#[test]
fn brw_11_auto_pay_counts_what_is_left() {
    // Borrowed 400, debt 600, next allocated 300.
    let mut market = whole_pool(&[10_000]);
    for (staker, amount) in [("S1", 250_000_u64), ("S2", 749_000)] {
        market.pool.by(staker).request_withdrawal(amount).unwrap();
    }
    market.at(epoch(1)).by("b").borrow(1000).unwrap();
    for (staker, amount) in [("S1", 250_000_u64), ("S2", 749_000)] {
        market.pool.by(staker).withdraw_stake(staker, amount).unwrap();
    }
    market.pool.by("S2").request_withdrawal(600).unwrap();
    let borrowers = vec![market.proxy()];
    market.at(epoch(2)).pool.by("X0").send(IDebtAccounting::markDebtCall { borrowers }).unwrap();
    market.pool.by("S2").request_withdrawal(100).unwrap();
    market.at(blackout(2));
    let state = (market.borrowed(), market.debt(), market.view(P::getAllocatedBalanceNextEpochCall {}));
    assert_eq!(state, (u(400), u(600), u(300)));
    for (held, expected) in [(150_u64, (0, 100, 50)), (700, (0, 100, 600))] {
        let mut fork = market.fork();
        fork.set_held(held);
        assert_eq!(triple(fork.by("b").auto_pay().unwrap().ret), expected, "holding {held}");
    }
}
