//! Borrowing and repaying (BRW-1 to BRW-9).

use suite::prelude::*;

/// 1000 staked by S0 at the start of epoch zero.
fn staked(shares: &[(&str, u64)]) -> Pool {
    let mut pool = Pool::deploy();
    pool.allocate(shares);
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    pool
}

fn exceeds_allocation(borrowed: u64, limit: u64) -> errors::BorrowExceedsAllocation {
    errors::BorrowExceedsAllocation { borrowed: u(borrowed), limit: u(limit) }
}

fn exceeds_available(requested: u64, available: u64) -> errors::BorrowExceedsAvailable {
    errors::BorrowExceedsAvailable { requested: u(requested), available: u(available) }
}

fn available(pool: &Pool) -> U256 {
    pool.view(IBorrowerAllocations::getContractBalanceAvailableToBorrowCall {})
}

/// State after BRW-2: B0 has borrowed 250.
fn brw_2() -> Pool {
    let mut pool = staked(&[("B0", 4000), ("B1", 6000)]);
    pool.by("B0").borrow(400).unwrap();
    pool.by("X0").repay_borrow("B0", 150).unwrap();
    pool
}

/// State after BRW-3 without B1's loan: in the blackout window, 500 requested.
fn brw_3() -> Pool {
    let mut pool = brw_2();
    pool.by("S0").request_withdrawal(500).unwrap();
    pool.at(epoch(0) + 700_000);
    pool
}

#[test]
fn brw_1_refusals_in_their_order() {
    let mut pool = staked(&[("B0", 4000), ("B1", 6000)]);
    assert_refused(pool.by("B0").borrow(0).unwrap_err(), errors::ZeroAmount {});
    assert_refused(pool.by("B0").borrow(401).unwrap_err(), exceeds_allocation(401, 400));
    assert_refused(pool.by("B0").borrow(1001).unwrap_err(), exceeds_available(1001, 1000));
    assert_refused(pool.by("S0").borrow(1).unwrap_err(), exceeds_allocation(1, 0));
    pool.by("GOV").set_restriction("B0", true).unwrap();
    let b0 = pool.who("B0");
    assert_refused(pool.by("B0").borrow(1).unwrap_err(), errors::BorrowingRestricted { borrower: b0 });
    assert_refused(pool.by("B0").borrow(0).unwrap_err(), errors::ZeroAmount {});
    pool.by("GOV").set_restriction("B0", false).unwrap();
    let before = pool.tokens("B0");
    let receipt = pool.by("B0").borrow(400).unwrap();
    let borrowed = events::Borrowed { borrower: b0, amount: u(400), newBorrowedBalance: u(400) };
    assert_logs(pool.logs(&receipt), [log(borrowed)]);
    assert_eq!(pool.tokens("B0") - before, u(400));
}

#[test]
fn brw_2_anybody_repays() {
    let mut pool = staked(&[("B0", 4000), ("B1", 6000)]);
    pool.by("B0").borrow(400).unwrap();
    assert_refused(pool.by("B0").repay_borrow("B0", 0).unwrap_err(), errors::ZeroAmount {});
    let error = errors::RepayExceedsBorrowed { requested: u(401), borrowed: u(400) };
    assert_refused(pool.by("B0").repay_borrow("B0", 401).unwrap_err(), error);
    let receipt = pool.by("X0").repay_borrow("B0", 150).unwrap();
    let repaid = events::RepaidBorrow {
        borrower: pool.who("B0"),
        sender: pool.who("X0"),
        amount: u(150),
        newBorrowedBalance: u(250),
    };
    assert_logs(pool.logs(&receipt), [log(repaid)]);
    assert_eq!(pool.borrowable("B0"), u(150));
}

#[test]
fn brw_3_requests_count_in_the_blackout_window() {
    let mut pool = brw_2();
    pool.by("S0").request_withdrawal(500).unwrap();
    assert_eq!(pool.borrowable("B0"), u(150));
    pool.at(epoch(0) + 699_999);
    assert_eq!(pool.borrowable("B0"), u(150));
    pool.at(epoch(0) + 700_000);
    assert_eq!((pool.borrowable("B0"), pool.borrowable("B1")), (u(0), u(300)));
    assert_refused(pool.by("B0").borrow(1).unwrap_err(), exceeds_allocation(251, 200));
    assert_refused(pool.by("B1").borrow(301).unwrap_err(), exceeds_allocation(301, 300));
    pool.by("B1").borrow(300).unwrap();
}

#[test]
fn brw_4_stake_in_the_blackout_window_counts() {
    let mut pool = brw_3();
    pool.by("S1").stake(1000).unwrap();
    assert_eq!((pool.borrowable("B0"), pool.borrowable("B1")), (u(350), u(900)));
    pool.at(epoch(1));
    let books = pool.books();
    assert_eq!((books.active, books.inactive), (u(1500), u(500)));
    assert_eq!(pool.borrower("B0").allocatedBalanceCurrentEpoch, u(600));
    assert_eq!(pool.borrower("B1").allocatedBalanceCurrentEpoch, u(900));
}

#[test]
fn brw_5_inactive_stake_is_not_lent() {
    let mut pool = staked(&[("B0", 10_000)]);
    pool.by("B0").borrow(300).unwrap();
    pool.by("S0").request_withdrawal(800).unwrap();
    pool.at(epoch(1));
    let expected = Books { active: u(200), inactive: u(800), borrowed: u(300), unborrowed: u(700), ..Books::default() };
    assert_eq!(pool.books(), expected);
    assert!(available(&pool).is_zero() && pool.borrower("B0").overdue);
    pool.give("X0", 250);
    assert_eq!((pool.books(), available(&pool), pool.borrowable("B0")), (expected, u(0), u(0)));
}

#[test]
fn brw_6_a_gift_is_not_lent() {
    let mut pool = staked(&[("B0", 10_000)]);
    pool.give("X0", 250);
    assert_eq!((available(&pool), pool.borrowable("B0")), (u(1000), u(1000)));
    assert_refused(pool.by("B0").borrow(1001).unwrap_err(), exceeds_available(1001, 1000));
}

#[test]
fn brw_7_what_there_is_limits_a_share() {
    let mut pool = staked(&[("B0", 5000), ("B1", 5000)]);
    pool.by("B0").borrow(500).unwrap();
    pool.by("B1").borrow(200).unwrap();
    pool.by("S0").request_withdrawal(400).unwrap();
    pool.at(epoch(1));
    let b1 = pool.borrower("B1");
    assert_eq!((b1.allocatedBalanceCurrentEpoch, b1.borrowed, b1.borrowable), (u(300), u(200), u(0)));
    assert_refused(pool.by("B1").borrow(100).unwrap_err(), exceeds_available(100, 0));
}

#[test]
fn brw_8_nobodys_share_stays_in_the_pool() {
    let pool = staked(&[]);
    assert_eq!(pool.borrowable("nobody"), u(1000));
}

#[test]
fn brw_9_overdue_by_one_unit() {
    let mut pool = staked(&[("B0", 3333)]);
    pool.by("B0").borrow(333).unwrap();
    pool.by("S0").request_withdrawal(1).unwrap();
    pool.at(epoch(1));
    let b0 = pool.borrower("B0");
    assert_eq!((b0.allocatedBalanceCurrentEpoch, b0.overdue, pool.unborrowed()), (u(332), true, u(667)));
    pool.by("X0").restrict("B0").unwrap();
    assert!(pool.borrower("B0").restricted);
}

#[test]
fn what_can_be_borrowed_is_exactly_what_borrow_accepts() {
    for (at, requested) in [(0, 0), (0, 300), (700_000, 300), (1_000_000, 300), (1_700_000, 450)] {
        let mut pool = staked(&[("B0", 4000), ("B1", 6000)]);
        pool.by("B1").borrow(600).unwrap();
        pool.by("S0").request_withdrawal(requested).unwrap();
        pool.at(epoch(0) + at);
        let most = pool.borrowable("B0");
        assert!(pool.fork().by("B0").borrow(most + u(1)).is_err(), "more at {at}");
        if !most.is_zero() {
            pool.by("B0").borrow(most).unwrap();
        }
        assert_eq!(pool.borrowable("B0"), u(0));
    }
}

#[test]
fn before_epoch_zero_there_is_nothing_to_borrow() {
    let mut pool = Pool::deploy();
    pool.allocate(&[("B0", 4000)]);
    assert_refused(pool.by("B0").borrow(1).unwrap_err(), exceeds_available(1, 0));
    let error = errors::RepayExceedsBorrowed { requested: u(1), borrowed: u(0) };
    assert_refused(pool.by("B0").repay_borrow("B0", 1).unwrap_err(), error);
    let b0 = pool.borrower("B0");
    assert_eq!((b0.borrowable, b0.overdue, b0.allocationCurrentEpoch), (u(0), false, u(4000)));
    assert!(!pool.view(IBorrowerAllocations::isBorrowerOverdueCall { borrower: pool.who("B0") }));
}
