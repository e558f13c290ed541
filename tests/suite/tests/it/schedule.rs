//! Epochs, blackout window and their parameters (SCH-1 to SCH-14).

use alloy_primitives::U256;
use suite::{Settings, prelude::*};

fn too_early(timestamp: u64, start: u64) -> errors::EpochZeroNotStarted {
    errors::EpochZeroNotStarted { timestamp: u(timestamp), start: u(start) }
}

fn lengths(interval: u64, blackout: u64) -> Settings {
    Settings { interval: u(interval), blackout: u(blackout), ..Settings::fixture() }
}

#[test]
fn sch_1_epoch_zero_must_lie_in_the_future() {
    let at = |deployed_at, offset: u64| Settings { deployed_at, offset: u(offset), ..Settings::fixture() };
    let refused = Pool::try_deploy(&at(10_000_000, 10_000_000)).unwrap_err();
    assert_refused(refused, errors::EpochZeroNotInFuture { start: u(10_000_000), timestamp: u(10_000_000) });
    Pool::try_deploy(&at(10_000_000, 10_000_001)).unwrap();
}

#[test]
fn sch_2_lengths_are_checked_in_order() {
    for (interval, blackout) in [(518_400, 259_200), (600_000, 300_000), (7_948_800, 259_200), (7_948_800, 3_974_400)] {
        let pool = Pool::try_deploy(&lengths(interval, blackout)).unwrap();
        assert_eq!(pool.view(IEpochSchedule::getEpochParametersCall {}).interval, u128::from(interval));
        assert_eq!(pool.view(IEpochSchedule::getBlackoutWindowCall {}), u(blackout));
    }
    let refused = |interval, blackout| Pool::try_deploy(&lengths(interval, blackout)).unwrap_err();
    for (interval, blackout) in [(518_399, 259_200), (599_999, 300_000), (7_948_800, 3_974_401)] {
        let error = errors::BlackoutWindowExceedsHalfEpoch { blackoutWindow: u(blackout), interval: u(interval) };
        assert_refused(refused(interval, blackout), error);
    }
    for (interval, blackout) in [(1_000_000, 259_199), (100, 0)] {
        let error = errors::BlackoutWindowTooShort { blackoutWindow: u(blackout), minimum: u(259_200) };
        assert_refused(refused(interval, blackout), error);
    }
    let error = errors::EpochTooLong { interval: u(7_948_801), maximum: u(7_948_800) };
    assert_refused(refused(7_948_801, 259_200), error);
}

#[test]
fn sch_3_initialisation_logs_in_order_and_happens_once() {
    let mut pool = Pool::deploy();
    let (roles, gov, zero) = (pool.roles(), pool.who("GOV"), B256::ZERO);
    let mut expected = vec![];
    for role in &roles[..4] {
        expected.push(log(events::RoleGranted { role: *role, account: gov, sender: pool.deployer() }));
    }
    for role in &roles {
        expected.push(log(events::RoleAdminChanged { role: *role, previousAdminRole: zero, newAdminRole: roles[0] }));
    }
    expected.push(log(events::BlackoutWindowChanged { blackoutWindow: u(300_000) }));
    let parameters = events::EpochParameters { interval: 1_000_000, offset: 10_000_000 };
    expected.push(log(events::EpochParametersChanged { epochParameters: parameters }));
    assert_logs(pool.deployment_logs().split_off(1), expected); // After `DiamondCut`.

    let again =
        IEpochSchedule::initializeCall { interval: u(1_000_000), offset: u(20_000_000), blackoutWindow: u(300_000) };
    assert_refused(pool.by("GOV").send(again).unwrap_err(), errors::AlreadyInitialized {});
}

#[test]
fn sch_4_before_epoch_zero() {
    let mut pool = Pool::deploy();
    pool.at(9_999_999);
    assert!(!pool.view(IEpochSchedule::hasEpochZeroStartedCall {}));
    assert!(!pool.view(IEpochSchedule::inBlackoutWindowCall {}));
    assert_refused(
        pool.try_view(IEpochSchedule::getCurrentEpochCall {}).unwrap_err(),
        too_early(9_999_999, 10_000_000),
    );
    let remaining = pool.try_view(IEpochSchedule::getTimeRemainingInCurrentEpochCall {});
    assert_refused(remaining.unwrap_err(), too_early(9_999_999, 10_000_000));
    assert_eq!(pool.view(IEpochSchedule::getStartOfEpochCall { epoch: u(0) }), u(10_000_000));
    assert_eq!(pool.view(IEpochSchedule::getStartOfEpochCall { epoch: u(7) }), u(17_000_000));
    assert_eq!(pool.active("S0"), (u(0), u(0)));
    assert_eq!(pool.inactive("S0"), (u(0), u(0)));
    assert_eq!((pool.total_active(), pool.total_inactive()), ((u(0), u(0)), (u(0), u(0))));
    assert_eq!(pool.view(IStakedToken::totalSupplyCall {}), u(0));
    assert_eq!(pool.balance_of("S0"), u(0));
    assert_eq!(pool.unborrowed(), u(0));
    assert_eq!((pool.staker_debt("S0"), pool.books()), (u(0), Books::default()));
    let nobody = pool.borrower("nobody");
    assert_eq!((nobody.allocationCurrentEpoch, nobody.allocatedBalanceCurrentEpoch), (u(10_000), u(0)));
}

#[test]
fn sch_5_calls_before_epoch_zero() {
    let mut pool = Pool::deploy();
    pool.at(9_999_999);
    let early = too_early(9_999_999, 10_000_000);
    let (s1, x0) = (pool.who("S1"), pool.who("X0"));
    let before = pool.storage();
    assert_refused(pool.by("S0").stake(0).unwrap_err(), early.clone());
    assert_refused(pool.by("S0").stake(1).unwrap_err(), early.clone());
    assert_refused(pool.by("S0").request_withdrawal(0).unwrap_err(), early.clone());
    assert_refused(pool.by("S0").withdraw_stake("X0", 0).unwrap_err(), early.clone());
    assert_refused(pool.by("S0").send(IStaking::withdrawMaxStakeCall { recipient: x0 }).unwrap_err(), early.clone());
    assert_refused(pool.by("S0").send(IStaking::claimRewardsCall { recipient: x0 }).unwrap_err(), early.clone());
    assert_refused(pool.by("S0").send(IStakedToken::transferCall { to: s1, amount: u(0) }).unwrap_err(), early.clone());
    assert_refused(pool.by("S0").send(IStaking::cancelWithdrawalCall { amount: u(0) }).unwrap_err(), early.clone());
    assert_refused(pool.by("S0").send(IStaking::restakeCall { amount: u(0) }).unwrap_err(), early.clone());
    assert_refused(pool.by("S0").withdraw_debt("X0", 0).unwrap_err(), early.clone());
    assert_refused(pool.by("S0").withdraw_max_debt("X0").unwrap_err(), early.clone());
    let settle = IDebtAccounting::failsafeSettleUserInactiveBalanceToEpochCall { maxEpoch: u(0) };
    assert_refused(pool.by("S0").send(settle).unwrap_err(), early.clone());
    let settle = IDebtAccounting::settleShortfallsCall { staker: x0, max: u(1) };
    assert_refused(pool.by("S0").send(settle).unwrap_err(), early);

    assert_refused(pool.by("B0").borrow(0).unwrap_err(), errors::ZeroAmount {});
    let error = errors::BorrowExceedsAvailable { requested: u(1), available: u(0) };
    assert_refused(pool.by("B0").borrow(1).unwrap_err(), error);
    let error = errors::RepayExceedsBorrowed { requested: u(1), borrowed: u(0) };
    assert_refused(pool.by("B0").repay_borrow("B0", 1).unwrap_err(), error);
    let error = errors::ExceedsDebt { requested: u(1), debt: u(0) };
    assert_refused(pool.by("B0").repay_debt("B0", 1).unwrap_err(), error);
    let error = errors::NoShortfall { borrowed: u(0), active: u(0) };
    assert_refused(pool.by("X0").mark_debt(&[]).unwrap_err(), error);
    let error = errors::BorrowerNotOverdue { borrowed: u(0), allocated: u(0) };
    assert_refused(pool.by("X0").restrict("B0").unwrap_err(), error);
    let error = errors::InsufficientActiveBalance { requested: u(1), available: u(0) };
    assert_refused(pool.by("S0").request_withdrawal(1).unwrap_err(), error);
    assert_refused(pool.by("S0").withdraw_stake("X0", 1).unwrap_err(), too_early(9_999_999, 10_000_000));
    let error = errors::ERC20InsufficientBalance { sender: pool.who("S0"), balance: u(0), needed: u(1) };
    assert_refused(pool.by("S0").send(IStakedToken::transferCall { to: s1, amount: u(1) }).unwrap_err(), error);
    assert_eq!(pool.storage(), before, "a refused call leaves no trace");

    pool.by("S0").send(IStakedToken::approveCall { spender: s1, amount: u(5) }).unwrap();
    pool.by("GOV").set_rewards_per_second(5).unwrap();
    pool.by("GOV").send(IEpochSchedule::setBlackoutWindowCall { blackoutWindow: u(259_200) }).unwrap();
    let started = errors::EpochZeroNotInFuture { start: u(9_999_999), timestamp: u(9_999_999) };
    assert_refused(pool.by("GOV").set_epoch_parameters(1_000_000, 9_999_999).unwrap_err(), started);
    pool.by("GOV").set_epoch_parameters(1_000_000, 10_000_000).unwrap();
}

#[test]
fn sch_6_boundary_seconds() {
    let mut pool = Pool::deploy();
    for (now, epoch, remaining, blackout) in [
        (10_000_000, 0, 1_000_000, false),
        (10_699_999, 0, 300_001, false),
        (10_700_000, 0, 300_000, true),
        (10_999_999, 0, 1, true),
        (11_000_000, 1, 1_000_000, false),
        (11_699_999, 1, 300_001, false),
        (11_700_000, 1, 300_000, true),
    ] {
        pool.at(now);
        assert_eq!(pool.clock(), (u(epoch), u(remaining), blackout), "{now}");
    }
}

#[test]
fn sch_7_boundary_seconds_of_the_production_schedule() {
    let mut pool = Pool::try_deploy(&Settings::mainnet()).unwrap();
    for (after, epoch, remaining, blackout) in [
        (1_209_599, 0, 1_209_601, false),
        (1_209_600, 0, 1_209_600, true),
        (2_419_199, 0, 1, true),
        (2_419_200, 1, 2_419_200, false),
    ] {
        pool.at(1_628_002_800 + after);
        assert_eq!(pool.clock(), (u(epoch), u(remaining), blackout), "+{after}");
    }
}

#[test]
fn sch_8_epoch_parameters_keep_the_epoch() {
    let mut pool = Pool::deploy();
    pool.at(12_300_000);
    for (interval, offset) in
        [(1_000_000, 10_000_000), (2_000_000, 8_000_000), (900_000, 10_200_000), (600_001, 10_799_998)]
    {
        let mut fork = pool.fork();
        let receipt = fork.by("GOV").set_epoch_parameters(interval, offset).unwrap();
        let parameters = events::EpochParameters { interval: interval.into(), offset: offset.into() };
        assert_logs(fork.logs(&receipt), [log(events::EpochParametersChanged { epochParameters: parameters })]);
        assert_eq!(fork.clock().0, u(2), "({interval}, {offset})");
    }
    for (interval, offset, epoch) in [(1_000_000, 11_000_000, 1), (1_000_000, 9_000_000, 3), (1_000_000, 12_300_000, 0)]
    {
        let error = errors::EpochNumberChanged { current: u(2), proposed: u(epoch) };
        assert_refused(pool.by("GOV").set_epoch_parameters(interval, offset).unwrap_err(), error);
    }
    // The epoch would keep its number, but not its start.
    for (interval, offset) in
        [(1_000_000, 9_600_001), (600_000, 10_900_000), (600_000, 11_000_001), (900_000, 10_500_000)]
    {
        let error = errors::EpochStartChanged { current: u(12_000_000), proposed: u(offset + 2 * interval) };
        assert_refused(pool.by("GOV").set_epoch_parameters(interval, offset).unwrap_err(), error);
    }
    let refused = pool.by("GOV").set_epoch_parameters(1_000_000, 12_300_001).unwrap_err();
    assert_refused(refused, too_early(12_300_000, 12_300_001));
    let refused = pool.by("GOV").set_epoch_parameters(600_000, 10_800_000).unwrap_err();
    assert_refused(refused, errors::EndsInBlackoutWindow { timeRemaining: u(300_000), blackoutWindow: u(300_000) });
    let refused = pool.by("GOV").set_epoch_parameters(599_999, 10_900_000).unwrap_err();
    assert_refused(
        refused,
        errors::BlackoutWindowExceedsHalfEpoch { blackoutWindow: u(300_000), interval: u(599_999) },
    );
}

#[test]
fn sch_9_nothing_changes_in_the_blackout_window() {
    let mut pool = Pool::deploy();
    pool.at(12_700_000);
    let error = errors::InBlackoutWindow { timeRemaining: u(300_000), blackoutWindow: u(300_000) };
    assert_refused(pool.by("GOV").set_epoch_parameters(1_000_000, 10_000_000).unwrap_err(), error.clone());
    assert_refused(pool.by("GOV").set_epoch_parameters(0, 0).unwrap_err(), error.clone());
    let window = |seconds| IEpochSchedule::setBlackoutWindowCall { blackoutWindow: seconds };
    assert_refused(pool.by("GOV").send(window(u(300_000))).unwrap_err(), error.clone());
    assert_refused(pool.by("GOV").send(window(U256::MAX)).unwrap_err(), error);
    pool.by("GOV").set_rewards_per_second(5).unwrap();
}

#[test]
fn sch_10_the_blackout_window_does_not_start_at_once() {
    let window = |v| IEpochSchedule::setBlackoutWindowCall { blackoutWindow: u(v) };
    let mut pool = Pool::deploy();
    pool.at(12_500_000);
    let refused = pool.by("GOV").send(window(500_000)).unwrap_err();
    assert_refused(refused, errors::EndsInBlackoutWindow { timeRemaining: u(500_000), blackoutWindow: u(500_000) });
    for length in [499_999, 259_200] {
        let mut fork = pool.fork();
        let receipt = fork.by("GOV").send(window(length)).unwrap();
        assert_logs(fork.logs(&receipt), [log(events::BlackoutWindowChanged { blackoutWindow: u(length) })]);
        assert_eq!(fork.view(IEpochSchedule::getBlackoutWindowCall {}), u(length));
    }
    let refused = pool.by("GOV").send(window(500_001)).unwrap_err();
    assert_refused(
        refused,
        errors::BlackoutWindowExceedsHalfEpoch { blackoutWindow: u(500_001), interval: u(1_000_000) },
    );
    let refused = pool.by("GOV").send(window(259_199)).unwrap_err();
    assert_refused(refused, errors::BlackoutWindowTooShort { blackoutWindow: u(259_199), minimum: u(259_200) });

    let mut pool = Pool::deploy();
    pool.at(12_499_999).by("GOV").send(window(500_000)).unwrap();
}

/// Emission 10, S0 and S1 stake 1000 each, S0 requests all of it, at @0.
fn pending_request() -> Pool {
    let mut pool = Pool::deploy();
    pool.by("GOV").set_rewards_per_second(10).unwrap();
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    pool.by("S1").stake(1000).unwrap();
    pool.by("S0").request_withdrawal(1000).unwrap();
    pool
}

#[test]
fn sch_11_a_longer_epoch_keeps_a_pending_request_waiting() {
    let mut pool = pending_request();
    pool.at(10_500_000).by("GOV").set_epoch_parameters(2_000_000, 10_000_000).unwrap();
    pool.at(11_000_000);
    assert_eq!(pool.clock().0, u(0));
    assert_eq!((pool.active("S0"), pool.inactive("S0")), ((u(1000), u(0)), (u(0), u(1000))));
    let refused = pool.by("S0").withdraw_stake("S0", 1).unwrap_err();
    assert_refused(refused, errors::InsufficientInactiveBalance { requested: u(1), available: u(0) });
    pool.at(12_000_000);
    assert_eq!(pool.by("S0").claim_rewards("S0").unwrap().ret, u(10_000_000));
    pool.by("S0").withdraw_stake("S0", 1000).unwrap();
}

#[test]
fn sch_12_a_pending_boundary_is_fixed_with_the_old_schedule() {
    let mut pool = pending_request();
    let receipt = pool.at(11_500_000).by("GOV").set_epoch_parameters(2_000_000, 9_000_000).unwrap();
    let parameters = events::EpochParameters { interval: 2_000_000, offset: 9_000_000 };
    let index = u(5) * u(10).pow(u(21));
    let expected = [
        log(events::GlobalIndexUpdated { index }),
        log(events::EpochParametersChanged { epochParameters: parameters }),
    ];
    assert_logs(pool.logs(&receipt), expected);
    assert_eq!(pool.view(IEpochSchedule::getStartOfEpochCall { epoch: u(1) }), u(11_000_000));
    assert_eq!(pool.view(IPoolViews::getEpochIndexCall { epoch: u(0) }), index);
    pool.at(12_000_000);
    assert_eq!(pool.by("S0").claim_rewards("S0").unwrap().ret, u(5_000_000));
    assert_eq!(pool.by("S1").claim_rewards("S1").unwrap().ret, u(15_000_000));
}

#[test]
fn sch_13_a_shorter_epoch_frees_a_pending_request() {
    let mut pool = Pool::deploy();
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    pool.by("S0").request_withdrawal(1000).unwrap();
    let mut fork = pool.fork();
    let refused = fork.at(10_300_000).by("GOV").set_epoch_parameters(600_000, 10_000_000).unwrap_err();
    assert_refused(refused, errors::EndsInBlackoutWindow { timeRemaining: u(300_000), blackoutWindow: u(300_000) });
    pool.at(10_299_999).by("GOV").set_epoch_parameters(600_000, 10_000_000).unwrap();
    pool.at(10_600_000);
    assert_eq!(pool.clock().0, u(1));
    pool.by("S0").withdraw_stake("S0", 1000).unwrap();
}

#[test]
fn sch_14_epoch_numbers_end_at_65_535() {
    // The shortest epochs: with the fixture's, the last would begin in the year 4047, when no program can be activated any more.
    let (interval, offset) = (518_400, 10_000_000);
    let epoch = |number| offset + number * interval;
    let settings = Settings { interval: u(interval), blackout: u(259_200), ..Settings::fixture() };
    let mut pool = Pool::try_deploy(&settings).unwrap();
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    pool.by("S0").request_withdrawal(1000).unwrap();
    pool.at(epoch(65_535)).keep_alive();
    assert_eq!(pool.inactive("S0"), (u(1000), u(1000)));
    pool.by("S0").withdraw_stake("S0", 1).unwrap();

    pool.at(epoch(65_536));
    let error = errors::EpochOverflow { epoch: u(65_536), maximum: u(65_535) };
    assert_eq!(pool.view(IEpochSchedule::getCurrentEpochCall {}), u(65_536));
    let s0 = pool.who("S0");
    let balance = pool.try_view(IPoolViews::getInactiveBalanceCurrentEpochCall { staker: s0 });
    assert_refused(balance.unwrap_err(), error.clone());
    assert_refused(pool.try_view(IStakedToken::totalSupplyCall {}).unwrap_err(), error.clone());
    assert_refused(pool.by("S0").withdraw_stake("S0", 1).unwrap_err(), error);
    let start = pool.try_view(IEpochSchedule::getStartOfEpochCall { epoch: U256::MAX });
    assert_refused(start.unwrap_err(), errors::EpochStartOverflow { epoch: U256::MAX, interval: u(interval) });
}
