//! Stake, request, withdraw and back (STK-1 to STK-7, WDR-1 to WDR-11).

use alloy_primitives::U256;
use suite::prelude::*;

fn staked(amount: u64) -> Pool {
    let mut pool = Pool::deploy();
    pool.at(epoch(0)).by("S0").stake(amount).unwrap();
    pool
}

fn minted(pool: &Pool, to: &str, amount: u64) -> LogData {
    log(events::Transfer { from: Address::ZERO, to: pool.who(to), value: u(amount) })
}

fn burned(pool: &Pool, from: &str, amount: u64) -> LogData {
    log(events::Transfer { from: pool.who(from), to: Address::ZERO, value: u(amount) })
}

#[test]
fn stk_1_a_first_stake_logs_no_index() {
    let mut pool = Pool::deploy();
    let receipt = pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    let s0 = pool.who("S0");
    let staked = events::Staked { staker: s0, spender: s0, amount: u(1000) };
    assert_logs(pool.logs(&receipt), [log(staked), minted(&pool, "S0", 1000)]);
    assert_eq!((pool.total_active(), pool.unborrowed()), ((u(1000), u(1000)), u(1000)));
    assert_eq!(pool.balance_of("S0"), u(1000));
    assert_eq!(pool.tokens_of_pool(), u(1000));
}

#[test]
fn stk_2_the_clock_moves_before_the_stake() {
    let mut pool = staked(1000);
    let receipt = pool.at(epoch(0) + 5).by("S0").stake(500).unwrap();
    let s0 = pool.who("S0");
    let staked = events::Staked { staker: s0, spender: s0, amount: u(500) };
    let expected = [log(events::GlobalIndexUpdated { index: u(0) }), log(staked), minted(&pool, "S0", 500)];
    assert_logs(pool.logs(&receipt), expected);
}

#[test]
fn stk_3_anyone_stakes_for_another() {
    let mut pool = staked(1500);
    let (before, s0, s1) = (pool.tokens("S1"), pool.who("S0"), pool.who("S1"));
    let receipt = pool.by("S1").send(IStaking::stakeForCall { staker: s0, amount: u(7) }).unwrap();
    let staked = events::Staked { staker: s0, spender: s1, amount: u(7) };
    assert_logs(pool.logs(&receipt), [log(staked), minted(&pool, "S0", 7)]);
    assert_eq!((pool.active("S0"), pool.active("S1")), ((u(1507), u(1507)), (u(0), u(0))));
    assert_eq!(before - pool.tokens("S1"), u(7));
}

#[test]
fn stk_4_zero_can_be_staked() {
    let mut pool = staked(1000);
    let receipt = pool.at(epoch(0) + 9).by("S2").stake(0).unwrap();
    let s2 = pool.who("S2");
    let staked = events::Staked { staker: s2, spender: s2, amount: u(0) };
    let expected = [log(events::GlobalIndexUpdated { index: u(0) }), log(staked), minted(&pool, "S2", 0)];
    assert_logs(pool.logs(&receipt), expected);
}

#[test]
fn stk_5_nobody_stakes_for_the_zero_address() {
    let mut pool = staked(1507);
    let refused = pool.by("S1").send(IStaking::stakeForCall { staker: Address::ZERO, amount: u(100) }).unwrap_err();
    assert_refused(refused, errors::InvalidStaker { staker: Address::ZERO });
    let itself = pool.address();
    let refused = pool.by("S1").send(IStaking::stakeForCall { staker: itself, amount: u(100) }).unwrap_err();
    assert_refused(refused, errors::InvalidStaker { staker: itself });
    assert_eq!((pool.total_active(), pool.unborrowed()), ((u(1507), u(1507)), u(1507)));
}

#[test]
fn stk_6_balances_have_112_bits() {
    let maximum = (u(1) << 112) - u(1);
    let mut pool = Pool::deploy();
    pool.at(epoch(0));
    let overflow = |balance| errors::BalanceOverflow { balance, maximum };
    assert_refused(pool.by("S0").stake(maximum + u(1)).unwrap_err(), overflow(maximum + u(1)));
    assert_refused(pool.by("S0").stake(U256::MAX).unwrap_err(), overflow(U256::MAX));
    pool.fork().by("S0").stake(maximum).unwrap();
    pool.by("S0").stake(maximum - u(1)).unwrap();
    assert_refused(pool.by("S1").stake(2).unwrap_err(), overflow(maximum + u(1)));
    pool.by("S1").stake(1).unwrap();
    assert_eq!(pool.total_active(), (maximum, maximum));
}

#[test]
fn stk_7_a_stake_that_cannot_be_paid_changes_nothing() {
    let mut pool = Pool::deploy();
    pool.at(epoch(0)).set_tokens("S0", 5);
    let before = pool.storage();
    let refused = pool.by("S0").stake(6).unwrap_err();
    let token = pool.token();
    assert_refused(refused, errors::SafeErc20FailedOperation { token });
    assert_eq!(pool.storage(), before);
    assert_eq!(pool.tokens("S0"), u(5));
}

#[test]
fn wdr_1_a_request_lowers_the_next_epoch() {
    let mut pool = staked(1000);
    let receipt = pool.by("S0").request_withdrawal(400).unwrap();
    let s0 = pool.who("S0");
    assert_logs(pool.logs(&receipt), [log(events::WithdrawalRequested { staker: s0, amount: u(400) })]);
    assert_eq!((pool.active("S0"), pool.inactive("S0")), ((u(1000), u(600)), (u(0), u(400))));
    assert_eq!((pool.total_active(), pool.total_inactive()), ((u(1000), u(600)), (u(0), u(400))));
    assert_eq!(pool.balance_of("S0"), u(1000));
    let refused = pool.by("S0").request_withdrawal(601).unwrap_err();
    assert_refused(refused, errors::InsufficientActiveBalance { requested: u(601), available: u(600) });
    pool.fork().by("S0").request_withdrawal(600).unwrap();
    pool.by("S0").request_withdrawal(0).unwrap();
}

#[test]
fn wdr_2_requested_stake_waits_for_the_epoch() {
    let mut pool = staked(1000);
    pool.by("S0").request_withdrawal(400).unwrap();
    let refused = pool.by("S0").withdraw_stake("S0", 1).unwrap_err();
    assert_refused(refused, errors::InsufficientInactiveBalance { requested: u(1), available: u(0) });
    let receipt = pool.by("S0").withdraw_stake("S0", 0).unwrap();
    let s0 = pool.who("S0");
    let withdrew = events::WithdrewStake { staker: s0, recipient: s0, amount: u(0) };
    assert_logs(pool.logs(&receipt), [burned(&pool, "S0", 0), log(withdrew)]);
    let refused = pool.by("S0").withdraw_stake("S0", 1001).unwrap_err();
    assert_refused(refused, errors::InsufficientUnborrowedStake { requested: u(1001), available: u(1000) });
}

#[test]
fn wdr_3_requests_close_with_the_blackout_window() {
    let mut pool = staked(1000);
    pool.fork().at(10_699_999).by("S0").request_withdrawal(400).unwrap();
    pool.at(10_700_000);
    for amount in [400, 4000] {
        let refused = pool.by("S0").request_withdrawal(amount).unwrap_err();
        assert_refused(refused, errors::InBlackoutWindow { timeRemaining: u(300_000), blackoutWindow: u(300_000) });
    }
}

#[test]
fn wdr_4_requested_stake_leaves_at_the_boundary() {
    let mut pool = staked(1000);
    pool.by("S0").request_withdrawal(400).unwrap();
    pool.at(10_999_999);
    let refused = pool.by("S0").withdraw_stake("S0", 1).unwrap_err();
    assert_refused(refused, errors::InsufficientInactiveBalance { requested: u(1), available: u(0) });
    pool.at(11_000_000);
    assert_eq!((pool.active("S0"), pool.inactive("S0")), ((u(600), u(600)), (u(400), u(400))));
    let refused = pool.by("S0").withdraw_stake("S0", 401).unwrap_err();
    assert_refused(refused, errors::InsufficientInactiveBalance { requested: u(401), available: u(400) });
    let before = pool.tokens("S1");
    let receipt = pool.by("S0").withdraw_stake("S1", 150).unwrap();
    let (s0, s1) = (pool.who("S0"), pool.who("S1"));
    let withdrew = events::WithdrewStake { staker: s0, recipient: s1, amount: u(150) };
    assert_logs(pool.logs(&receipt), [burned(&pool, "S0", 150), log(withdrew)]);
    assert_eq!((pool.total_inactive(), pool.unborrowed()), ((u(250), u(250)), u(850)));
    assert_eq!(pool.tokens("S1") - before, u(150));
}

#[test]
fn wdr_5_withdrawing_the_most_there_is() {
    let mut pool = staked(1000);
    pool.by("S0").request_withdrawal(250).unwrap();
    pool.at(epoch(1));
    let recipient = pool.who("S0");
    let max = IStaking::withdrawMaxStakeCall { recipient };
    assert_eq!(pool.by("S0").send(max.clone()).unwrap().ret, u(250));
    let receipt = pool.by("S0").send(max).unwrap();
    assert_eq!(receipt.ret, u(0));
    let withdrew = events::WithdrewStake { staker: recipient, recipient, amount: u(0) };
    assert_logs(pool.logs(&receipt), [burned(&pool, "S0", 0), log(withdrew)]);
}

#[test]
fn wdr_6_many_epochs_without_a_call() {
    let mut pool = staked(1000);
    pool.by("S0").request_withdrawal(400).unwrap();
    pool.at(epoch(9) + 50);
    assert_eq!((pool.active("S0"), pool.inactive("S0")), ((u(600), u(600)), (u(400), u(400))));
    assert_eq!((pool.total_active(), pool.total_inactive()), ((u(600), u(600)), (u(400), u(400))));
    pool.by("S0").withdraw_stake("S0", 400).unwrap();
}

#[test]
fn wdr_7_stake_after_requesting_everything() {
    let mut pool = staked(1000);
    pool.by("S0").request_withdrawal(1000).unwrap();
    pool.by("S0").stake(50).unwrap();
    assert_eq!((pool.active("S0"), pool.inactive("S0")), ((u(1050), u(50)), (u(0), u(1000))));
    pool.at(epoch(1));
    assert_eq!((pool.active("S0"), pool.inactive("S0")), ((u(50), u(50)), (u(1000), u(1000))));
    pool.by("S0").request_withdrawal(50).unwrap();
    assert_eq!((pool.active("S0"), pool.inactive("S0")), ((u(50), u(0)), (u(1000), u(1050))));
    pool.by("S0").withdraw_stake("S0", 1000).unwrap();
    assert_eq!(pool.inactive("S0"), (u(0), u(50)));
    pool.at(epoch(2));
    assert_eq!((pool.active("S0"), pool.inactive("S0")), ((u(0), u(0)), (u(50), u(50))));
}

#[test]
fn wdr_9_a_stake_operator_acts_for_a_staker() {
    let mut pool = Pool::deploy();
    pool.grant("STAKE_OPERATOR_ROLE", "OP");
    pool.at(epoch(0));
    let (s0, op, y) = (pool.who("S0"), pool.who("OP"), pool.who("Y"));

    let receipt = pool.by("OP").send(IStaking::stakeForCall { staker: s0, amount: u(1000) }).unwrap();
    let staked = events::Staked { staker: s0, spender: op, amount: u(1000) };
    let staked_for = events::OperatorStakedFor { staker: s0, amount: u(1000), operator: op };
    assert_logs(pool.logs(&receipt), [log(staked), minted(&pool, "S0", 1000), log(staked_for)]);

    let request = IStaking::requestWithdrawalForCall { staker: s0, amount: u(1000) };
    let receipt = pool.by("OP").send(request.clone()).unwrap();
    let requested = events::WithdrawalRequested { staker: s0, amount: u(1000) };
    let requested_for = events::OperatorWithdrawalRequestedFor { staker: s0, amount: u(1000), operator: op };
    assert_logs(pool.logs(&receipt), [log(requested), log(requested_for)]);

    pool.at(epoch(1));
    let withdraw = IStaking::withdrawStakeForCall { staker: s0, recipient: y, amount: u(1000) };
    let receipt = pool.by("OP").send(withdraw.clone()).unwrap();
    let withdrew = events::WithdrewStake { staker: s0, recipient: y, amount: u(1000) };
    let withdrew_for = events::OperatorWithdrewStakeFor { staker: s0, recipient: y, amount: u(1000), operator: op };
    assert_logs(pool.logs(&receipt), [burned(&pool, "S0", 1000), log(withdrew), log(withdrew_for)]);

    let missing =
        errors::AccessControlUnauthorizedAccount { account: s0, neededRole: pool.role("STAKE_OPERATOR_ROLE") };
    assert_refused(pool.by("S0").send(request).unwrap_err(), missing.clone());
    assert_refused(pool.by("S0").send(withdraw).unwrap_err(), missing);
}

#[test]
fn wdr_10_nothing_is_withdrawn_to_the_pool_itself() {
    let mut pool = staked(1000);
    pool.by("S0").request_withdrawal(300).unwrap();
    pool.at(epoch(1));
    let recipient = pool.address();
    let refused = pool.by("S0").send(IStaking::withdrawStakeCall { recipient, amount: u(300) }).unwrap_err();
    assert_refused(refused, errors::InvalidRecipient { recipient });
    let refused = pool.by("S0").send(IStaking::withdrawMaxStakeCall { recipient }).unwrap_err();
    assert_refused(refused, errors::InvalidRecipient { recipient });
    assert_eq!((pool.inactive("S0"), pool.unborrowed()), ((u(300), u(300)), u(1000)));
}

#[test]
fn wdr_11_the_zero_address_receives_nothing() {
    let mut pool = staked(1000);
    let recipient = Address::ZERO;
    let refused = pool.by("S0").send(IStaking::withdrawStakeCall { recipient, amount: u(0) }).unwrap_err();
    assert_refused(refused, errors::InvalidRecipient { recipient });
    let refused = pool.by("S0").send(IStaking::withdrawMaxStakeCall { recipient }).unwrap_err();
    assert_refused(refused, errors::InvalidRecipient { recipient });
    let refused = pool.by("S0").send(IStaking::claimRewardsCall { recipient }).unwrap_err();
    assert_refused(refused, errors::InvalidRecipient { recipient });
}

#[test]
fn a_request_is_cancelled_only_before_the_blackout_window() {
    let mut pool = staked(1000);
    pool.by("S0").request_withdrawal(400).unwrap();
    let cancel = |amount| IStaking::cancelWithdrawalCall { amount: u(amount) };
    let refused = pool.by("S0").send(cancel(401)).unwrap_err();
    assert_refused(refused, errors::InsufficientRequestedBalance { requested: u(401), available: u(400) });
    let receipt = pool.at(10_699_999).by("S0").send(cancel(150)).unwrap();
    let cancelled = events::WithdrawalCancelled { staker: pool.who("S0"), amount: u(150) };
    assert_logs(pool.logs(&receipt), [log(cancelled)]);
    assert_eq!((pool.active("S0"), pool.inactive("S0")), ((u(1000), u(750)), (u(0), u(250))));
    assert_eq!((pool.total_active(), pool.total_inactive()), ((u(1000), u(750)), (u(0), u(250))));
    pool.at(10_700_000);
    for amount in [1, 401] {
        let refused = pool.by("S0").send(cancel(amount)).unwrap_err();
        assert_refused(refused, errors::InBlackoutWindow { timeRemaining: u(300_000), blackoutWindow: u(300_000) });
    }
    // What became inactive is no request any more.
    pool.at(epoch(1));
    let refused = pool.by("S0").send(cancel(1)).unwrap_err();
    assert_refused(refused, errors::InsufficientRequestedBalance { requested: u(1), available: u(0) });
}

/// `restake(q)` leaves the state of `withdrawStake(self, q)` followed by `stake(q)`, and moves no token.
#[test]
fn restaking_is_withdrawing_and_staking() {
    let mut pool = staked(1000);
    pool.by("GOV").set_rewards_per_second(10).unwrap();
    pool.by("S1").stake(500).unwrap();
    pool.by("S0").request_withdrawal(400).unwrap();
    pool.at(epoch(1) + 700_123); // Allowed in the blackout window, as stake and withdrawal are.

    let refused = pool.by("S0").send(IStaking::restakeCall { amount: u(401) }).unwrap_err();
    assert_refused(refused, errors::InsufficientInactiveBalance { requested: u(401), available: u(400) });
    let refused = pool.by("S0").send(IStaking::restakeCall { amount: u(1501) }).unwrap_err();
    assert_refused(refused, errors::InsufficientUnborrowedStake { requested: u(1501), available: u(1500) });

    let mut other = pool.fork();
    other.by("S0").withdraw_stake("S0", 300).unwrap();
    other.by("S0").stake(300).unwrap();
    let token = pool.token_storage();
    let receipt = pool.by("S0").send(IStaking::restakeCall { amount: u(300) }).unwrap();
    assert_eq!(pool.storage(), other.storage());
    assert_eq!(pool.token_storage(), token, "no token moves");
    let last = pool.logs(&receipt).pop();
    assert_eq!(last, Some(log(events::Restaked { staker: pool.who("S0"), amount: u(300) })));
    assert_eq!((pool.active("S0"), pool.inactive("S0")), ((u(900), u(900)), (u(100), u(100))));
}
