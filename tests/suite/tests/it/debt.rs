//! Debt, operators, settling in slices (DBT-1 to DBT-5, FSF-1 to FSF-5).

use suite::prelude::*;

use crate::shortfalls::{after_shf_4, shf_5, shf_6, shf_15};

fn exceeds_debt(requested: u64, debt: u64) -> errors::ExceedsDebt {
    errors::ExceedsDebt { requested: u(requested), debt: u(debt) }
}

fn not_repaid(requested: u64, available: u64) -> errors::InsufficientRepaidDebt {
    errors::InsufficientRepaidDebt { requested: u(requested), available: u(available) }
}

/// A loss credited to a staker: its debt, then the burn.
fn received(pool: &Pool, staker: &str, amount: u64, debt: u64) -> Vec<LogData> {
    let staker = pool.who(staker);
    vec![
        log(events::ReceivedDebt { staker, amount: u(amount), newDebtBalance: u(debt) }),
        log(events::Transfer { from: staker, to: Address::ZERO, value: u(amount) }),
    ]
}

fn withdrew(pool: &Pool, staker: &str, recipient: &str, amount: u64, left: u64) -> LogData {
    log(events::WithdrewDebt {
        staker: pool.who(staker),
        recipient: pool.who(recipient),
        amount: u(amount),
        newDebtBalance: u(left),
    })
}

/// After DBT-2: B0 has repaid its debt of 220.
fn dbt_2() -> Pool {
    let mut pool = after_shf_4();
    pool.by("X0").repay_debt("B0", 220).unwrap();
    pool
}

#[test]
fn dbt_1_nothing_is_repaid_yet() {
    let mut pool = after_shf_4();
    assert_refused(pool.by("S0").withdraw_debt("S0", 1).unwrap_err(), not_repaid(1, 0));
    assert_refused(pool.by("S0").withdraw_debt("S0", 151).unwrap_err(), exceeds_debt(151, 150));
    let receipt = pool.by("S0").withdraw_max_debt("S0").unwrap();
    assert_eq!(receipt.ret, u(0));
    let expected = received(&pool, "S0", 100, 150).into_iter().chain([withdrew(&pool, "S0", "S0", 0, 150)]);
    assert_logs(pool.logs(&receipt), expected);
}

#[test]
fn dbt_2_anybody_repays() {
    let mut pool = after_shf_4();
    assert_refused(pool.by("B0").repay_debt("B0", 0).unwrap_err(), errors::ZeroAmount {});
    assert_refused(pool.by("B0").repay_debt("B0", 221).unwrap_err(), exceeds_debt(221, 220));
    let receipt = pool.by("X0").repay_debt("B0", 220).unwrap();
    let repaid =
        events::RepaidDebt { borrower: pool.who("B0"), sender: pool.who("X0"), amount: u(220), newDebtBalance: u(0) };
    assert_logs(pool.logs(&receipt), [log(repaid)]);
    assert_eq!((pool.books().repaid_debt, pool.books().unborrowed), (u(220), u(300)));
}

#[test]
fn dbt_3_first_come_first_served() {
    let mut pool = dbt_2();
    pool.by("S0").withdraw_debt("S0", 150).unwrap();
    assert_refused(pool.by("S1").withdraw_debt("S1", 71).unwrap_err(), not_repaid(71, 70));
    let before = pool.tokens("Y");
    let receipt = pool.by("S1").withdraw_max_debt("Y").unwrap();
    assert_eq!((receipt.ret, pool.tokens("Y") - before), (u(70), u(70)));
    let expected = received(&pool, "S1", 350, 350).into_iter().chain([withdrew(&pool, "S1", "Y", 70, 280)]);
    assert_logs(pool.logs(&receipt), expected);
    pool.by("B1").repay_debt("B1", 280).unwrap();
    assert_eq!(pool.by("S1").withdraw_max_debt("S1").unwrap().ret, u(280));
    assert_eq!((pool.books().repaid_debt, pool.books().borrower_debt), (u(0), u(0)));
    for name in ["S0", "S1"] {
        assert_eq!(pool.by(name).withdraw_max_stake(name).unwrap().ret, u(150), "{name}");
    }
}

#[test]
fn dbt_4_an_operator_writes_off() {
    let mut pool = shf_6();
    pool.by("B1").repay_debt("B1", 100).unwrap();
    let (staker, borrower, operator) = (pool.who("S0"), pool.who("B0"), pool.who("OP"));
    let stakers = |amount| IDebtAccounting::decreaseStakerDebtCall { staker, amount: u(amount) };
    let borrowers = |amount| IDebtAccounting::decreaseBorrowerDebtCall { borrower, amount: u(amount) };
    for name in ["OP", "GOV"] {
        let missing = errors::AccessControlUnauthorizedAccount {
            account: pool.who(name),
            neededRole: pool.role("DEBT_OPERATOR_ROLE"),
        };
        assert_refused(pool.by(name).send(stakers(1)).unwrap_err(), missing.clone());
        assert_refused(pool.by(name).send(borrowers(1)).unwrap_err(), missing);
    }
    pool.grant("DEBT_OPERATOR_ROLE", "OP");
    let receipt = pool.by("OP").send(stakers(200)).unwrap();
    assert_eq!(receipt.ret, u(0));
    let decreased = events::OperatorDecreasedStakerDebt { staker, amount: u(200), newDebtBalance: u(0), operator };
    assert_logs(pool.logs(&receipt), received(&pool, "S0", 200, 200).into_iter().chain([log(decreased)]));
    assert_refused(pool.by("OP").send(stakers(1)).unwrap_err(), exceeds_debt(1, 0));
    assert_refused(pool.by("S0").withdraw_debt("S0", 1).unwrap_err(), exceeds_debt(1, 0));

    let receipt = pool.by("OP").send(borrowers(200)).unwrap();
    assert_eq!(receipt.ret, u(0));
    let decreased = events::OperatorDecreasedBorrowerDebt { borrower, amount: u(200), newDebtBalance: u(0), operator };
    assert_logs(pool.logs(&receipt), [log(decreased)]);
    assert_refused(pool.by("OP").send(borrowers(1)).unwrap_err(), exceeds_debt(1, 0));
    assert_refused(pool.by("B0").repay_debt("B0", 1).unwrap_err(), exceeds_debt(1, 0));
    assert_eq!(pool.books().borrower_debt, u(200));
    assert_eq!(pool.by("S1").withdraw_max_debt("S1").unwrap().ret, u(100));

    let nobody = Address::ZERO;
    let call = IDebtAccounting::decreaseStakerDebtCall { staker: nobody, amount: u(0) };
    assert_refused(pool.by("OP").send(call).unwrap_err(), errors::InvalidStaker { staker: nobody });
    let call = IDebtAccounting::decreaseBorrowerDebtCall { borrower: nobody, amount: u(0) };
    assert_refused(pool.by("OP").send(call).unwrap_err(), errors::InvalidBorrower { borrower: nobody });
}

#[test]
fn dbt_5_a_restriction_outlives_repayment() {
    let mut pool = shf_15(500);
    pool.at(epoch(1)).by("X0").mark_debt(&["B0"]).unwrap();
    pool.by("S1").stake(400).unwrap();
    assert_eq!(pool.borrowable("B0"), u(0));
    let borrower = pool.who("B0");
    assert_refused(pool.by("B0").borrow(1).unwrap_err(), errors::BorrowingRestricted { borrower });
    pool.by("GOV").set_restriction("B0", false).unwrap();
    assert_eq!(pool.borrowable("B0"), u(400));
    pool.by("B0").borrow(400).unwrap();
    pool.by("B0").repay_debt("B0", 500).unwrap();
    assert_eq!((pool.books().repaid_debt, pool.books().unborrowed), (u(500), u(0)));
    assert_eq!(pool.tokens_of_pool(), u(500));
    let error = errors::BorrowExceedsAvailable { requested: u(1), available: u(0) };
    assert_refused(pool.by("B0").borrow(1).unwrap_err(), error);
    let error = errors::InsufficientUnborrowedStake { requested: u(1), available: u(0) };
    assert_refused(pool.by("S0").withdraw_stake("S0", 1).unwrap_err(), error);
}

fn settle_to(epoch: u64) -> IDebtAccounting::failsafeSettleUserInactiveBalanceToEpochCall {
    IDebtAccounting::failsafeSettleUserInactiveBalanceToEpochCall { maxEpoch: u(epoch) }
}

fn out_of_range(epoch: u64, minimum: u64, maximum: u64) -> errors::SettlementEpochOutOfRange {
    errors::SettlementEpochOutOfRange { epoch: u(epoch), minimum: u(minimum), maximum: u(maximum) }
}

#[test]
fn fsf_1_settling_epoch_by_epoch() {
    let mut pool = shf_5();
    pool.at(epoch(4));
    let expected = (pool.inactive("S1"), pool.staker_debt("S1"));
    assert_refused(pool.by("S1").send(settle_to(0)).unwrap_err(), out_of_range(0, 1, 4));
    for (epoch, loss) in [(1, None), (2, Some((250, 250))), (3, Some((63, 313))), (4, None), (4, None)] {
        let receipt = pool.by("S1").send(settle_to(epoch)).unwrap();
        let logged = loss.map_or(vec![], |(amount, debt)| received(&pool, "S1", amount, debt));
        assert_logs(pool.logs(&receipt), logged);
    }
    for epoch in [3, 5] {
        assert_refused(pool.by("S1").send(settle_to(epoch)).unwrap_err(), out_of_range(epoch, 4, 4));
    }
    assert_eq!((pool.inactive("S1"), pool.staker_debt("S1")), expected);
}

#[test]
fn settling_shortfall_by_shortfall() {
    let mut pool = shf_5();
    pool.at(epoch(4));
    let expected = (pool.inactive("S1"), pool.staker_debt("S1"));
    let some = |staker, max: u64| IDebtAccounting::settleShortfallsCall { staker, max: u(max) };
    let s1 = pool.who("S1");
    for (max, remaining, loss) in [(0, 2, None), (1, 1, Some((250, 250))), (1, 0, Some((63, 313))), (9, 0, None)] {
        let receipt = pool.by("X0").send(some(s1, max)).unwrap();
        assert_eq!(receipt.ret, u(remaining));
        let logged = loss.map_or(vec![], |(amount, debt)| received(&pool, "S1", amount, debt));
        assert_logs(pool.logs(&receipt), logged);
        assert_eq!((pool.inactive("S1"), pool.staker_debt("S1")), expected, "slices change no answer");
    }
    let staker = Address::ZERO;
    assert_refused(pool.by("X0").send(some(staker, 1)).unwrap_err(), errors::InvalidStaker { staker });
}

/// The deleting failsafe (`019758f1`) is not answered: what it gave up stayed locked for ever.
fn deletion_is_unknown(pool: &mut Pool) {
    let before = pool.storage();
    let refused = pool.by("S0").send_raw(vec![0x01, 0x97, 0x58, 0xf1]).unwrap_err();
    assert_refused(refused, errors::UnknownSelector { selector: [0x01, 0x97, 0x58, 0xf1].into() });
    assert_eq!(pool.storage(), before);
}

#[test]
fn fsf_2_nothing_is_deleted_with_debt() {
    let mut pool = shf_5();
    pool.at(epoch(4));
    deletion_is_unknown(&mut pool);
    assert_eq!((pool.inactive("S0").0, pool.staker_debt("S0")), (u(212), u(88)));
}

#[test]
fn fsf_3_nothing_is_deleted_with_a_request() {
    let mut pool = Pool::deploy();
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    pool.by("S0").request_withdrawal(500).unwrap();
    deletion_is_unknown(&mut pool);
    assert_eq!(pool.at(epoch(1)).by("S0").withdraw_max_stake("S0").unwrap().ret, u(500));
}

#[test]
fn fsf_4_nothing_is_deleted_with_a_loss_to_come() {
    let mut pool = shf_15(500);
    pool.at(epoch(1)).by("X0").mark_debt(&["B0"]).unwrap();
    deletion_is_unknown(&mut pool);
    assert_eq!(pool.staker_debt("S0"), u(500));
}

#[test]
fn fsf_5_no_stake_is_abandoned_to_absorb_losses() {
    let mut pool = Pool::deploy();
    pool.allocate(&[("B0", 10_000)]);
    pool.at(epoch(0));
    for name in ["S0", "S1"] {
        pool.by(name).stake(1000).unwrap();
    }
    pool.by("B0").borrow(1800).unwrap();
    for name in ["S0", "S1"] {
        pool.by(name).request_withdrawal(300).unwrap();
    }
    pool.at(epoch(1));
    deletion_is_unknown(&mut pool);
    assert_eq!(pool.by("X0").mark_debt(&["B0"]).unwrap().ret, u(400));
    for name in ["S0", "S1"] {
        assert_eq!((pool.inactive(name).0, pool.staker_debt(name)), (u(99), u(201)), "{name}");
    }
    pool.by("B0").repay_debt("B0", 400).unwrap();
    assert_eq!(pool.by("S1").withdraw_max_debt("S1").unwrap().ret, u(201));
    assert_eq!(pool.by("S0").withdraw_max_debt("S0").unwrap().ret, u(199));
    for name in ["S0", "S1"] {
        assert_eq!(pool.by(name).withdraw_max_stake(name).unwrap().ret, u(99), "{name}");
    }
    assert_eq!((pool.books().inactive, pool.books().unborrowed), (u(2), u(2)), "dust of rounding down");
}
