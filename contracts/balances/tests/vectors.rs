//! The numbers that the specification gives, for the parts that need no chain.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that fails may panic")]

use alloy_primitives::{U256, uint};
use balances::{rewards::*, *};

fn u(value: u64) -> U256 {
    U256::from(value)
}

/// SCH-2.
#[test]
fn lengths_are_checked_in_the_order_of_the_specification() {
    for (interval, blackout) in [(518_400, 259_200), (600_000, 300_000), (7_948_800, 259_200), (7_948_800, 3_974_400)] {
        assert_eq!(schedule::validate(u(interval), u(blackout)), Ok((interval as u32, blackout as u32)));
    }
    for (interval, blackout) in [(518_399, 259_200), (599_999, 300_000), (7_948_800, 3_974_401)] {
        let error = Error::BlackoutWindowExceedsHalfEpoch { blackout_window: u(blackout), interval: u(interval) };
        assert_eq!(schedule::validate(u(interval), u(blackout)), Err(error));
        assert_eq!(Schedule::new(u(interval), u(blackout), u(0)), Err(error));
    }
    for (interval, blackout) in [(1_000_000, 259_199), (100, 0)] {
        let error = Error::BlackoutWindowTooShort { blackout_window: u(blackout), minimum: u(259_200) };
        assert_eq!(schedule::validate(u(interval), u(blackout)), Err(error));
    }
    let error = Error::EpochTooLong { interval: u(7_948_801), maximum: u(7_948_800) };
    assert_eq!(schedule::validate(u(7_948_801), u(259_200)), Err(error));
    // Wider than any field: still the rule that the value breaks.
    assert!(matches!(schedule::validate(U256::MAX, u(259_200)), Err(Error::EpochTooLong { .. })));
    assert!(matches!(schedule::validate(U256::MAX, U256::MAX), Err(Error::BlackoutWindowExceedsHalfEpoch { .. })));
    let wide = U256::from(1) << 128;
    assert_eq!(
        Schedule::new(u(518_400), u(259_200), wide),
        Err(Error::OffsetOverflow { offset: wide, maximum: U256::from(u128::MAX) })
    );
}

#[test]
fn balances_have_112_bits() {
    let maximum = U256::from(balance::MAX_BALANCE);
    assert_eq!(balance::MAX_BALANCE, (1 << 112) - 1);
    for (amount, fits) in [(U256::ZERO, true), (maximum, true), (maximum + u(1), false), (U256::from(1) << 128, false)]
    {
        let expected =
            if fits { Ok(amount.to::<u128>()) } else { Err(Error::BalanceOverflow { balance: amount, maximum }) };
        assert_eq!(to_balance(amount), expected);
    }
}

/// SCH-6 and SCH-7.
#[test]
fn boundary_seconds() {
    let fixture = Schedule { interval: 1_000_000, blackout: 300_000, offset: 10_000_000 };
    let mainnet = Schedule { interval: 2_419_200, blackout: 1_209_600, offset: 1_628_002_800 };
    for (schedule, now, epoch, remaining, blackout) in [
        (fixture, 10_000_000, 0, 1_000_000, false),
        (fixture, 10_699_999, 0, 300_001, false),
        (fixture, 10_700_000, 0, 300_000, true),
        (fixture, 10_999_999, 0, 1, true),
        (fixture, 11_000_000, 1, 1_000_000, false),
        (fixture, 11_699_999, 1, 300_001, false),
        (fixture, 11_700_000, 1, 300_000, true),
        (mainnet, 1_628_002_800 + 1_209_599, 0, 1_209_601, false),
        (mainnet, 1_628_002_800 + 1_209_600, 0, 1_209_600, true),
        (mainnet, 1_628_002_800 + 2_419_199, 0, 1, true),
        (mainnet, 1_628_002_800 + 2_419_200, 1, 2_419_200, false),
    ] {
        assert_eq!(schedule.epoch(now), Ok(epoch), "{now}");
        assert_eq!(schedule.time_remaining(now), Ok(remaining), "{now}");
        assert_eq!(schedule.in_blackout(now), blackout, "{now}");
    }
}

/// SCH-14: the product overflows 256 bits.
#[test]
fn the_start_of_an_impossible_epoch() {
    let fixture = Schedule { interval: 1_000_000, blackout: 300_000, offset: 10_000_000 };
    assert_eq!(fixture.start_of(u(7)), Some(u(17_000_000)));
    assert_eq!(fixture.start_of(U256::MAX), None);
}

/// A schedule that was never set has no epochs, and divides nothing by zero.
#[test]
fn no_schedule_no_epoch() {
    let none = Schedule::default();
    assert!(!none.has_started(u64::MAX) && !none.in_blackout(u64::MAX));
    assert!(matches!(none.epoch(5), Err(Error::EpochZeroNotStarted { .. })));
    assert!(matches!(none.time_remaining(5), Err(Error::EpochZeroNotStarted { .. })));
}

/// RWD-2: what flooring does to the index and to two stakers.
#[test]
fn the_index_rounds_down() {
    let settled = |seconds| {
        let mut global = GlobalRewards { end: 1000, ..Default::default() };
        global.settle_to(seconds, 3, 1).unwrap();
        let paid = |staked| {
            let mut user = UserRewards::default();
            user.settle_to(global.index, staked).unwrap();
            user.accrued
        };
        (global.index, paid(1), paid(2))
    };
    assert_eq!(settled(1), (u(333_333_333_333_333_333), 0, 0));
    assert_eq!(settled(3), (u(1_000_000_000_000_000_000), 1, 2)); // In one step; in two steps one unit less, as the spec says.
}

/// RWD-17: mainnet's rate over one day.
#[test]
fn a_day_at_the_rate_of_mainnet() {
    let rate = 158_548_961_900_000_000;
    let mut global = GlobalRewards { end: MAX_TIMESTAMP, ..Default::default() };
    global.settle_to(86_400, 4_000_000_000_000, rate).unwrap();
    assert_eq!(global.index, uint!(3424657577040000000000000000_U256));
    let accrued = |staked| {
        let mut user = UserRewards::default();
        user.settle_to(global.index, staked).unwrap();
        user.accrued
    };
    assert_eq!(accrued(1_000_000_000_000), 3_424_657_577_040_000_000_000);
    assert_eq!(accrued(3_000_000_000_000), 10_273_972_731_120_000_000_000);
}

/// RWD-15 as changed: a rate above the cap is what overflows, and it does so loudly.
#[test]
fn a_rate_above_the_cap_overflows_loudly() {
    let mut global = GlobalRewards { end: 50_000_000, ..Default::default() };
    let before = global;
    assert!(matches!(global.settle_to(50_000_000, 1, u128::MAX), Err(Error::IndexOverflow { .. })));
    assert_eq!(global, before);
    let mut user = UserRewards { index: u(5), accrued: 7 };
    assert!(matches!(user.settle_to(U256::from(u128::MAX), u128::MAX), Err(Error::AccruedOverflow { .. })));
    assert!(matches!(user.settle_to(u(4), 1), Err(Error::IndexDecreased { .. })));
    assert_eq!(user, UserRewards { index: u(5), accrued: 7 });
    assert_eq!(max_rate(0), MAX_ACCRUED);
    assert_eq!(max_rate(50_000_000), MAX_ACCRUED / 50_000_000);
}

/// Section 9.4: a floored index takes one unit more than an exact third would.
#[test]
fn a_floored_index_takes_one_unit_more() {
    let third = Shortfall { epoch: 1, index: uint!(333333333333333333333333333333333333_U256) };
    assert_eq!(third.surviving_down(300), 99);
    let half = Shortfall { epoch: 1, index: uint!(500000000000000000000000000000000000_U256) };
    assert_eq!((half.surviving_down(100), half.surviving_down(501)), (50, 250));
    // Nothing that storage could hold makes a loss negative.
    let broken = Shortfall { epoch: 1, index: U256::MAX >> 32 };
    assert_eq!(broken.surviving_down(7), 7);
    assert_eq!(broken.surviving_down(balance::MAX_BALANCE), balance::MAX_BALANCE);
}

#[test]
fn the_widths_of_rewards() {
    assert_eq!(MAX_ACCRUED, 79_228_162_514_264_337_593_543_950_335); // 96 bits.
    assert_eq!(MAX_TIMESTAMP, 281_474_976_710_655); // 48 bits.
}

#[test]
fn the_largest_index_and_one_more() {
    let maximum = (U256::ONE << 160) - U256::ONE;
    // One unit a second over 10^18 staked: the index grows by one a second.
    let one = u128::from(INDEX_BASE);
    let mut rewards = GlobalRewards { index: maximum - U256::ONE, settled_at: 0, end: 2 };
    assert_eq!(rewards.settle_to(1, one, 1), Ok(true));
    assert_eq!(rewards.index, maximum);
    let overflow = Error::IndexOverflow { index: maximum + U256::ONE, maximum };
    assert_eq!(rewards.settle_to(2, one, 1), Err(overflow));
    assert_eq!((rewards.index, rewards.settled_at), (maximum, 1));
}

#[test]
fn the_largest_rewards_and_more() {
    let settle = |growth: u64| {
        let mut user = UserRewards { index: U256::ZERO, accrued: MAX_ACCRUED - 1 };
        user.settle_to(U256::from(growth) * U256::from(INDEX_BASE), 1).map(|_| user.accrued)
    };
    assert_eq!(settle(1), Ok(MAX_ACCRUED));
    for more in [1, 2, 1000] {
        let accrued = U256::from(MAX_ACCRUED) + U256::from(more);
        assert_eq!(settle(1 + more), Err(Error::AccruedOverflow { accrued, maximum: U256::from(MAX_ACCRUED) }));
    }
}

#[test]
fn shortfalls_are_counted_in_16_bits() {
    let mut total = Inactive::from_word(U256::from(u16::MAX) << 240);
    let overflow = Error::TooManyShortfalls { count: u(65_535), maximum: u(65_535) };
    assert_eq!(total.mark(0), Err(overflow));
    assert_eq!(total.shortfalls(), u16::MAX);
}
