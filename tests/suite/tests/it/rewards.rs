//! Rewards by the second (RWD-1 to RWD-17).

use alloy_primitives::U256;
use suite::{Settings, prelude::*};

const E18: u64 = 1_000_000_000_000_000_000;

/// `mantissa * 10^exponent`.
fn e(mantissa: u64, exponent: u64) -> U256 {
    u(mantissa) * u(10).pow(u(exponent))
}

fn emitting(rate: impl Into<Amount>) -> Pool {
    let mut pool = Pool::deploy();
    pool.by("GOV").set_rewards_per_second(rate).unwrap();
    pool.at(epoch(0));
    pool
}

fn claimed(pool: &mut Pool, who: &str) -> U256 {
    let before = pool.rewards(who);
    let amount = pool.by(who).claim_rewards(who).unwrap().ret;
    assert_eq!(pool.rewards(who) - before, amount, "what is claimed is what arrives");
    amount
}

fn global(index: U256) -> LogData {
    log(events::GlobalIndexUpdated { index })
}

fn settled(pool: &Pool, who: &str, index: U256, rewards: impl Into<Amount>) -> LogData {
    log(events::UserIndexUpdated { user: pool.who(who), index, unclaimedRewards: rewards.into().0 })
}

#[test]
fn rwd_1_a_claim() {
    let mut pool = emitting(10);
    pool.by("S0").stake(1000).unwrap();
    pool.at(epoch(0) + 100);
    let staker = pool.who("S0");
    assert_eq!(pool.view(IPoolViews::getClaimableRewardsCall { staker }), u(1000));
    let receipt = pool.by("S0").claim_rewards("S0").unwrap();
    assert_eq!(receipt.ret, u(1000));
    let claimed = events::ClaimedRewards { user: staker, recipient: staker, claimedRewards: u(1000) };
    let expected = [global(u(E18)), settled(&pool, "S0", u(E18), 1000), log(claimed)];
    assert_logs(pool.logs(&receipt), expected);
    assert_eq!(pool.view(IPoolViews::getClaimableRewardsCall { staker }), u(0));
}

#[test]
fn rwd_2_everything_rounds_down() {
    let mut pool = emitting(1);
    pool.by("S0").stake(1).unwrap();
    pool.by("S1").stake(2).unwrap();
    for (after, index, s0, s1) in [
        (1, 333_333_333_333_333_333_u128, 0, 0),
        (3, 999_999_999_999_999_999, 0, 1),
        (100, 33_333_333_333_333_333_332, 32, 64),
    ] {
        let index = U256::from(index);
        pool.at(epoch(0) + after);
        let receipt = pool.by("S0").claim_rewards("S0").unwrap();
        assert_eq!(receipt.ret, u(s0), "S0 after {after} s");
        assert!(pool.logs(&receipt).contains(&global(index)), "index after {after} s");
        assert_eq!(claimed(&mut pool, "S1"), u(s1), "S1 after {after} s");
        assert_eq!(pool.view(IPoolViews::getGlobalIndexCall {}), index);
    }
    assert_eq!(pool.rewards("S0") + pool.rewards("S1"), u(97));
}

#[test]
fn rwd_3_requested_stake_earns_to_the_boundary() {
    let mut pool = emitting(E18);
    pool.by("S0").stake(1000).unwrap();
    pool.by("S1").stake(1000).unwrap();
    pool.by("S0").request_withdrawal(1000).unwrap();
    pool.at(epoch(1) + 500_000);
    let staker = pool.who("S0");
    assert_eq!(pool.view(IPoolViews::getClaimableRewardsCall { staker }), e(5, 23));
    let receipt = pool.by("S0").claim_rewards("S0").unwrap();
    assert_eq!(receipt.ret, e(5, 23));
    let claim = events::ClaimedRewards { user: staker, recipient: staker, claimedRewards: e(5, 23) };
    let expected = [
        global(e(5, 38)),
        settled(&pool, "S0", e(5, 38), e(5, 23)),
        global(e(1, 39)),
        settled(&pool, "S0", e(1, 39), e(5, 23)),
        log(claim),
    ];
    assert_logs(pool.logs(&receipt), expected);
    assert_eq!(claimed(&mut pool, "S1"), e(1, 24));
}

#[test]
fn rwd_4_epochs_that_nobody_touched() {
    let mut pool = emitting(E18);
    pool.by("S0").stake(3000).unwrap();
    pool.by("S1").stake(1000).unwrap();
    pool.by("S0").request_withdrawal(2000).unwrap();
    pool.at(epoch(7));
    assert_eq!(claimed(&mut pool, "S0"), e(375, 22));
    assert_eq!(claimed(&mut pool, "S1"), e(325, 22));
    assert_eq!(pool.view(IPoolViews::getEpochIndexCall { epoch: u(0) }), e(25, 37));
    assert_eq!(pool.view(IPoolViews::getGlobalIndexCall {}), e(325, 37));
}

#[test]
fn rwd_5_nothing_is_earned_outside_the_distribution() {
    let settings = Settings { distribution: (u(10_200_000), u(10_900_000)), ..Settings::fixture() };
    let mut pool = Pool::try_deploy(&settings).unwrap();
    pool.by("GOV").set_rewards_per_second(100).unwrap();
    pool.at(epoch(0)).by("S0").stake(100).unwrap();
    for (now, expected, moves) in
        [(10_200_000, 0, false), (10_200_001, 100, true), (10_900_000, 69_999_900, true), (11_500_000, 0, false)]
    {
        let receipt = pool.at(now).by("S0").claim_rewards("S0").unwrap();
        assert_eq!(receipt.ret, u(expected), "{now}");
        assert_eq!(pool.logs(&receipt).len(), if moves { 3 } else { 1 }, "{now}");
    }
}

#[test]
fn rwd_6_a_new_rate_counts_from_now() {
    let mut pool = emitting(10);
    pool.by("S0").stake(1000).unwrap();
    let receipt = pool.at(epoch(0) + 100).by("GOV").set_rewards_per_second(20).unwrap();
    let updated = events::RewardsPerSecondUpdated { emissionPerSecond: u(20) };
    assert_logs(pool.logs(&receipt), [global(u(E18)), log(updated)]);
    assert_eq!(pool.view(IPoolViews::getRewardsPerSecondCall {}), u(20));
    pool.at(epoch(0) + 150);
    assert_eq!(claimed(&mut pool, "S0"), u(2000));
}

#[test]
fn rwd_7_a_new_rate_settles_the_boundary_first() {
    let mut pool = emitting(10);
    pool.by("S0").stake(1000).unwrap();
    pool.by("S1").stake(1000).unwrap();
    pool.by("S1").request_withdrawal(1000).unwrap();
    let receipt = pool.at(epoch(1) + 100).by("GOV").set_rewards_per_second(0).unwrap();
    let updated = events::RewardsPerSecondUpdated { emissionPerSecond: u(0) };
    assert_logs(pool.logs(&receipt), [global(e(5, 21)), global(e(5001, 18)), log(updated)]);
    pool.at(epoch(3));
    assert_eq!(claimed(&mut pool, "S0"), u(5_001_000));
    assert_eq!(claimed(&mut pool, "S1"), u(5_000_000));
}

#[test]
fn rwd_8_an_empty_pool_earns_for_nobody() {
    let mut pool = emitting(10);
    pool.at(epoch(0) + 1000).by("S0").stake(1000).unwrap();
    pool.at(epoch(0) + 1010);
    assert_eq!(claimed(&mut pool, "S0"), u(100));
}

#[test]
fn rwd_9_a_transfer_splits_what_is_earned() {
    let mut pool = emitting(10);
    pool.by("S0").stake(1000).unwrap();
    let (s0, s1) = (pool.who("S0"), pool.who("S1"));
    let receipt = pool.at(epoch(0) + 100).by("S0").send(IStakedToken::transferCall { to: s1, amount: u(250) }).unwrap();
    let moved = events::Transfer { from: s0, to: s1, value: u(250) };
    let index = u(E18);
    let expected = [global(index), settled(&pool, "S0", index, 1000), settled(&pool, "S1", index, 0), log(moved)];
    assert_logs(pool.logs(&receipt), expected);
    pool.at(epoch(0) + 200);
    assert_eq!(claimed(&mut pool, "S0"), u(1750));
    assert_eq!(claimed(&mut pool, "S1"), u(250));
    pool.at(epoch(0) + 300).by("S0").send(IStakedToken::transferCall { to: s0, amount: u(700) }).unwrap();
    pool.at(epoch(0) + 400);
    assert_eq!(claimed(&mut pool, "S0"), u(1500));
}

#[test]
fn rwd_10_request_transfer_and_claim_two_epochs_later() {
    let mut pool = emitting(1000);
    pool.by("S0").stake(1000).unwrap();
    pool.by("S0").request_withdrawal(400).unwrap();
    let recipient = pool.who("S1");
    pool.at(10_500_000).by("S0").send(IStakedToken::transferCall { to: recipient, amount: u(600) }).unwrap();
    pool.at(epoch(2));
    assert_eq!(claimed(&mut pool, "S0"), u(700_000_000));
    assert_eq!(claimed(&mut pool, "S1"), u(1_299_999_999));
}

#[test]
fn rwd_11_epochs_without_active_stake_pay_nobody() {
    let mut pool = emitting(10);
    pool.by("S0").stake(1000).unwrap();
    pool.by("S0").request_withdrawal(1000).unwrap();
    pool.at(epoch(3)).by("S1").stake(500).unwrap();
    pool.at(epoch(4));
    assert_eq!(claimed(&mut pool, "S0"), u(10_000_000));
    assert_eq!(claimed(&mut pool, "S1"), u(10_000_000));
}

#[test]
fn rwd_12_emission_below_one_step_is_lost() {
    let mut pool = emitting(1);
    pool.set_tokens("S0", e(1, 20));
    pool.by("S0").stake(e(1, 19)).unwrap();
    pool.at(epoch(0) + 1);
    assert_eq!(claimed(&mut pool, "S0"), u(0));
    assert_eq!(pool.view(IPoolViews::getGlobalIndexCall {}), u(0));
    pool.at(epoch(0) + 11);
    assert_eq!(claimed(&mut pool, "S0"), u(10));
}

#[test]
fn rwd_13_a_claim_that_the_treasury_cannot_pay_is_kept() {
    let mut pool = emitting(10);
    pool.by("S0").stake(1000).unwrap();
    pool.approve_from_treasury(5);
    pool.at(epoch(0) + 1);
    let before = pool.storage();
    let token = pool.rewards_token();
    assert_refused(pool.by("S0").claim_rewards("S0").unwrap_err(), errors::SafeErc20FailedOperation { token });
    assert_eq!(pool.storage(), before);
    pool.approve_from_treasury(10);
    assert_eq!(claimed(&mut pool, "S0"), u(10));
}

#[test]
fn rwd_14_a_claim_operator_claims_for_stakers_only() {
    let mut pool = emitting(10);
    pool.grant("CLAIM_OPERATOR_ROLE", "OP");
    pool.by("S0").stake(1000).unwrap();
    pool.at(epoch(0) + 100);
    let (s0, op) = (pool.who("S0"), pool.who("OP"));
    let claim = |staker| IStaking::claimRewardsForCall { staker, recipient: op };
    let refused = pool.by("OP").send(claim(Address::ZERO)).unwrap_err();
    assert_refused(refused, errors::InvalidStaker { staker: Address::ZERO });
    let missing =
        errors::AccessControlUnauthorizedAccount { account: s0, neededRole: pool.role("CLAIM_OPERATOR_ROLE") };
    assert_refused(pool.by("S0").send(claim(s0)).unwrap_err(), missing);

    let receipt = pool.by("OP").send(claim(s0)).unwrap();
    assert_eq!((receipt.ret, pool.rewards("OP")), (u(1000), u(1000)));
    let claimed = events::ClaimedRewards { user: s0, recipient: op, claimedRewards: u(1000) };
    let claimed_for =
        events::OperatorClaimedRewardsFor { staker: s0, recipient: op, claimedRewards: u(1000), operator: op };
    let expected = [global(u(E18)), settled(&pool, "S0", u(E18), 1000), log(claimed), log(claimed_for)];
    assert_logs(pool.logs(&receipt), expected);
    assert_eq!(pool.by("OP").send(claim(s0)).unwrap().ret, u(0), "nothing is paid twice");
}

#[test]
fn rwd_15_no_rate_can_freeze_the_pool() {
    let mut pool = emitting(0);
    pool.by("S0").stake(1000).unwrap();
    // The distribution of the fixture lasts 50,000,000 s; all that it can emit must fit 96 bits.
    let maximum = ((u(1) << 96) - u(1)) / u(50_000_000);
    for requested in [u(1) << 250, U256::MAX, maximum + u(1)] {
        let refused = pool.by("GOV").set_rewards_per_second(requested).unwrap_err();
        assert_refused(refused, errors::RewardsRateTooHigh { requested, maximum });
    }
    pool.by("GOV").set_rewards_per_second(maximum).unwrap();
    // One unit alone for the whole distribution is the extreme that the cap is made for.
    pool.by("S0").request_withdrawal(999).unwrap();
    pool.at(60_000_000).keep_alive();
    pool.by("S0").stake(1).unwrap();
    let recipient = pool.who("S0");
    pool.by("S0").send(IStakedToken::transferCall { to: recipient, amount: u(1) }).unwrap();
    pool.by("GOV").set_rewards_per_second(0).unwrap();
    pool.mint_rewards("treasury", U256::from(1) << 96);
    let paid = claimed(&mut pool, "S0");
    assert!(paid <= maximum * u(50_000_000) && paid > maximum * u(49_999_999), "{paid}");
}

#[test]
fn rwd_16_nobody_dilutes_by_staking_for_the_zero_address() {
    let mut pool = emitting(10);
    pool.by("S0").stake(1000).unwrap();
    let refused = pool.by("S1").send(IStaking::stakeForCall { staker: Address::ZERO, amount: u(500) }).unwrap_err();
    assert_refused(refused, errors::InvalidStaker { staker: Address::ZERO });
    pool.at(epoch(0) + 100);
    assert_eq!(claimed(&mut pool, "S0"), u(1000));
}

#[test]
fn rwd_17_a_day_at_the_rate_of_mainnet() {
    let mut pool = emitting(158_548_961_900_000_000);
    pool.by("S0").stake(1_000_000_000_000).unwrap();
    pool.by("S1").stake(3_000_000_000_000).unwrap();
    pool.at(epoch(0) + 86_400);
    assert_eq!(claimed(&mut pool, "S0"), U256::from(3_424_657_577_040_000_000_000_u128));
    assert_eq!(claimed(&mut pool, "S1"), U256::from(10_273_972_731_120_000_000_000_u128));
    assert_eq!(pool.view(IPoolViews::getGlobalIndexCall {}), U256::from(3_424_657_577_040_000_000_000_000_000_u128));
}
