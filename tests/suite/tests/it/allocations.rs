//! Shares of borrowers (ALC-1 to ALC-12).

use suite::prelude::*;

/// A pool before epoch zero with these shares.
fn allocated(shares: &[(&str, u64)]) -> Pool {
    let mut pool = Pool::deploy();
    pool.allocate(shares);
    pool
}

fn scheduled(pool: &Pool, borrower: &str, old: u64, new: u64, from: u64) -> LogData {
    log(events::ScheduledBorrowerAllocationChange {
        borrower: pool.who(borrower),
        oldAllocation: u(old),
        newAllocation: u(new),
        epochNumber: u(from),
    })
}

fn sum_changed(proposed: u64, required: u64) -> errors::AllocationSumChanged {
    errors::AllocationSumChanged { proposed: u(proposed), required: u(required) }
}

fn shares(now: u64, next: u64) -> (U256, U256) {
    (u(now), u(next))
}

#[test]
fn alc_1_nobody_has_everything_at_first() {
    let pool = Pool::deploy();
    assert_eq!(pool.shares("nobody"), shares(10_000, 10_000));
    assert_eq!(pool.shares("B0"), shares(0, 0));
    assert_eq!(pool.view(IBorrowerAllocations::TOTAL_ALLOCATIONCall {}), u(10_000));
}

#[test]
fn alc_2_before_epoch_zero_shares_apply_at_once() {
    let mut pool = Pool::deploy();
    let receipt = pool.by("GOV").set_allocations(&[("nobody", 2000), ("B0", 5000), ("B1", 3000)]).unwrap();
    let expected = [
        scheduled(&pool, "nobody", 10_000, 2000, 0),
        scheduled(&pool, "B0", 0, 5000, 0),
        scheduled(&pool, "B1", 0, 3000, 0),
    ];
    assert_logs(pool.logs(&receipt), expected);
    for (name, share) in [("nobody", 2000), ("B0", 5000), ("B1", 3000)] {
        assert_eq!(pool.shares(name), shares(share, share), "{name}");
    }
    let before = pool.storage();
    let refused = pool.by("GOV").set_allocations(&[("B0", 5000), ("B1", 3001)]).unwrap_err();
    assert_refused(refused, sum_changed(8001, 8000));
    let uneven =
        IBorrowerAllocations::setBorrowerAllocationsCall { borrowers: pool.all(&["B0"]), newAllocations: vec![] };
    let error = errors::ArrayLengthMismatch { borrowers: u(1), values: u(0) };
    assert_refused(pool.by("GOV").send(uneven).unwrap_err(), error);
    assert!(pool.by("GOV").set_allocations(&[]).unwrap().logs.is_empty());
    for allocation in [u(10_001), u(65_536 + 5000), U256::from(1) << 120, U256::MAX] {
        let call = IBorrowerAllocations::setBorrowerAllocationsCall {
            borrowers: pool.all(&["B0"]),
            newAllocations: vec![allocation],
        };
        let error = errors::AllocationTooHigh { allocation, maximum: u(10_000) };
        assert_refused(pool.by("GOV").send(call).unwrap_err(), error);
    }
    assert_eq!(pool.storage(), before);
}

#[test]
fn alc_3_duplicates_before_epoch_zero_net_out() {
    let mut pool = allocated(&[("B0", 5000), ("B1", 3000)]);
    let receipt = pool.by("GOV").set_allocations(&[("B0", 1000), ("B0", 5000)]).unwrap();
    assert_logs(pool.logs(&receipt), [scheduled(&pool, "B0", 5000, 1000, 0), scheduled(&pool, "B0", 1000, 5000, 0)]);
    let refused = pool.by("GOV").set_allocations(&[("B0", 1000), ("B0", 4000)]).unwrap_err();
    assert_refused(refused, sum_changed(5000, 6000));
}

#[test]
fn alc_4_later_they_apply_with_the_next_epoch() {
    let mut pool = allocated(&[("B0", 5000), ("B1", 3000)]);
    pool.at(epoch(2) + 100);
    let receipt = pool.by("GOV").set_allocations(&[("B0", 0), ("B1", 8000)]).unwrap();
    assert_logs(pool.logs(&receipt), [scheduled(&pool, "B0", 5000, 0, 3), scheduled(&pool, "B1", 3000, 8000, 3)]);
    assert_eq!((pool.shares("B0"), pool.shares("B1")), (shares(5000, 0), shares(3000, 8000)));
    pool.at(epoch(3));
    assert_eq!((pool.shares("B0"), pool.shares("B1")), (shares(0, 0), shares(8000, 8000)));
}

#[test]
fn alc_5_not_in_the_blackout_window() {
    let mut pool = allocated(&[("B0", 5000)]);
    pool.at(epoch(0) + 700_000);
    let error = errors::InBlackoutWindow { timeRemaining: u(300_000), blackoutWindow: u(300_000) };
    assert_refused(pool.by("GOV").set_allocations(&[]).unwrap_err(), error);
    let uneven =
        IBorrowerAllocations::setBorrowerAllocationsCall { borrowers: pool.all(&["B0"]), newAllocations: vec![] };
    let error = errors::ArrayLengthMismatch { borrowers: u(1), values: u(0) };
    assert_refused(pool.by("GOV").send(uneven).unwrap_err(), error);
}

#[test]
fn alc_6_over_skipped_epochs() {
    let mut pool = allocated(&[("B0", 10_000)]);
    pool.at(epoch(2)).by("GOV").set_allocations(&[("B0", 2500), ("B1", 7500)]).unwrap();
    pool.at(epoch(9));
    assert_eq!((pool.shares("B0"), pool.shares("B1")), (shares(2500, 2500), shares(7500, 7500)));
    let receipt = pool.by("GOV").set_allocations(&[("B0", 2500)]).unwrap();
    assert_logs(pool.logs(&receipt), [scheduled(&pool, "B0", 2500, 2500, 10)]);
    let receipt = pool.by("GOV").set_allocations(&[("B2", 500), ("B1", 7000)]).unwrap();
    assert_logs(pool.logs(&receipt), [scheduled(&pool, "B2", 0, 500, 10), scheduled(&pool, "B1", 7500, 7000, 10)]);
}

#[test]
fn alc_7_less_counts_at_once_and_more_does_not() {
    let mut pool = allocated(&[("B0", 4000), ("B1", 6000)]);
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    pool.by("B0").borrow(400).unwrap();
    pool.by("GOV").set_allocations(&[("B0", 1000), ("B1", 9000)]).unwrap();
    let b0 = pool.borrower("B0");
    assert_eq!((b0.allocatedBalanceCurrentEpoch, b0.allocatedBalanceNextEpoch), (u(400), u(100)));
    assert_eq!((b0.borrowable, b0.overdue), (u(0), false));
    let error = errors::BorrowerNotOverdue { borrowed: u(400), allocated: u(400) };
    assert_refused(pool.by("X0").restrict("B0").unwrap_err(), error);
    assert_eq!(pool.borrowable("B1"), u(600));
    let error = errors::BorrowExceedsAvailable { requested: u(601), available: u(600) };
    assert_refused(pool.by("B1").borrow(601).unwrap_err(), error);

    pool.at(epoch(1));
    assert!(pool.borrower("B0").overdue);
    let error = errors::NoShortfall { borrowed: u(400), active: u(1000) };
    assert_refused(pool.by("X0").mark_debt(&["B0"]).unwrap_err(), error);
    let receipt = pool.by("X0").restrict("B0").unwrap();
    let restricted = events::BorrowingRestrictionChanged { borrower: pool.who("B0"), isBorrowingRestricted: true };
    assert_logs(pool.logs(&receipt), [log(restricted)]);
    assert!(pool.by("X0").restrict("B0").unwrap().logs.is_empty());
    pool.by("B0").repay_borrow("B0", 300).unwrap();
    let error = errors::BorrowerNotOverdue { borrowed: u(100), allocated: u(100) };
    assert_refused(pool.by("X0").restrict("B0").unwrap_err(), error);
    let b0 = pool.borrower("B0");
    assert!(b0.restricted && b0.borrowable.is_zero() && !b0.overdue);
}

/// The shares that every call leaves for the next epoch sum to the whole.
fn total_next(pool: &Pool) -> U256 {
    ["nobody", "B0", "B1", "B2"].iter().map(|name| pool.shares(name).1).sum()
}

#[test]
fn alc_8_two_calls_cannot_give_the_same_share_twice() {
    let mut pool = allocated(&[("B0", 4000), ("B1", 6000)]);
    pool.at(epoch(0)).by("GOV").set_allocations(&[("B0", 0), ("B2", 4000)]).unwrap();
    let refused = pool.by("GOV").set_allocations(&[("B0", 2000), ("B1", 8000)]).unwrap_err();
    assert_refused(refused, sum_changed(10_000, 6000));
    assert_eq!(total_next(&pool), u(10_000));
}

#[test]
fn alc_9_every_shortfall_can_be_marked() {
    let mut pool = allocated(&[("B0", 4000), ("B1", 6000)]);
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    pool.by("GOV").set_allocations(&[("B0", 0), ("B2", 4000)]).unwrap();
    pool.at(epoch(1)).by("B1").borrow(600).unwrap();
    pool.by("B2").borrow(400).unwrap();
    pool.by("S0").request_withdrawal(100).unwrap();
    pool.at(epoch(2));
    assert_eq!(pool.by("X0").mark_debt(&["B0", "B1", "B2"]).unwrap().ret, u(100));
    assert_eq!((pool.borrower("B1").debt, pool.borrower("B2").debt), (u(60), u(40)));
}

#[test]
fn alc_10_a_borrower_named_twice_gains_nothing() {
    let mut pool = allocated(&[("B0", 4000), ("B1", 6000)]);
    pool.at(epoch(0));
    let refused = pool.by("GOV").set_allocations(&[("B0", 8000), ("B0", 0)]).unwrap_err();
    assert_refused(refused, sum_changed(8000, 12_000));
    let refused = pool.by("GOV").set_allocations(&[("B0", 0), ("B0", 8000)]).unwrap_err();
    assert_refused(refused, sum_changed(8000, 4000));
    pool.by("GOV").set_allocations(&[("B0", 0), ("B0", 4000)]).unwrap();
    assert_eq!((pool.shares("B0"), total_next(&pool)), (shares(4000, 4000), u(10_000)));
}

#[test]
fn alc_11_a_change_is_corrected_in_the_same_epoch() {
    let mut pool = allocated(&[("B0", 4000), ("B1", 6000)]);
    pool.at(epoch(0)).by("GOV").set_allocations(&[("B0", 0), ("B2", 4000)]).unwrap();
    pool.by("GOV").set_allocations(&[("B0", 2000), ("B2", 2000)]).unwrap();
    assert_eq!((pool.shares("B0"), pool.shares("B2")), (shares(4000, 2000), shares(0, 2000)));
    let refused = pool.by("GOV").set_allocations(&[("B2", 0)]).unwrap_err();
    assert_refused(refused, sum_changed(0, 2000));
    assert_eq!(total_next(&pool), u(10_000));
}

#[test]
fn alc_12_shares_round_down() {
    let mut pool = allocated(&[("B0", 3333), ("B1", 3333), ("B2", 3334)]);
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    for name in ["B0", "B1", "B2"] {
        assert_eq!(pool.borrower(name).allocatedBalanceCurrentEpoch, u(333), "{name}");
        pool.by(name).borrow(333).unwrap();
    }
    for name in ["B0", "B1", "B2"] {
        let error = errors::BorrowExceedsAllocation { borrowed: u(334), limit: u(333) };
        assert_refused(pool.by(name).borrow(1).unwrap_err(), error);
    }
}

#[test]
fn only_governance_sets_shares_and_restrictions() {
    let mut pool = allocated(&[("B0", 4000)]);
    for name in ["B0", "X0"] {
        let missing = errors::AccessControlUnauthorizedAccount {
            account: pool.who(name),
            neededRole: pool.role("BORROWER_ADMIN_ROLE"),
        };
        assert_refused(pool.by(name).set_allocations(&[("B0", 4000)]).unwrap_err(), missing.clone());
        assert_refused(pool.by(name).set_restriction("B0", false).unwrap_err(), missing);
    }
}
