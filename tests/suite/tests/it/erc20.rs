//! The staked balance as an ERC-20 (ERC-1 to ERC-7), and permits.

use alloy_primitives::U256;
use suite::prelude::*;

fn staked(who: &str, amount: u64) -> Pool {
    let mut pool = Pool::deploy();
    pool.at(epoch(0)).by(who).stake(amount).unwrap();
    pool
}

fn transfer(pool: &Pool, to: &str, amount: u64) -> IStakedToken::transferCall {
    IStakedToken::transferCall { to: pool.who(to), amount: u(amount) }
}

fn transfer_from(pool: &Pool, from: &str, to: &str, amount: u64) -> IStakedToken::transferFromCall {
    IStakedToken::transferFromCall { from: pool.who(from), to: pool.who(to), amount: u(amount) }
}

fn exceeds(pool: &Pool, sender: &str, needed: u64, balance: u64) -> errors::ERC20InsufficientBalance {
    errors::ERC20InsufficientBalance { sender: pool.who(sender), balance: u(balance), needed: u(needed) }
}

#[test]
fn erc_1_requested_stake_cannot_be_transferred() {
    let mut pool = staked("S0", 1000);
    pool.by("S0").request_withdrawal(400).unwrap();
    let staker = pool.who("S0");
    assert_eq!(pool.view(IStakedToken::getTransferableBalanceCall { account: staker }), u(600));
    let call = transfer(&pool, "S1", 601);
    let error = exceeds(&pool, "S0", 601, 600);
    assert_refused(pool.by("S0").send(call).unwrap_err(), error);
    let call = transfer(&pool, "S1", 600);
    let receipt = pool.by("S0").send(call).unwrap();
    assert!(receipt.ret);
    let moved = events::Transfer { from: pool.who("S0"), to: pool.who("S1"), value: u(600) };
    assert_logs(pool.logs(&receipt), [log(moved)]);
    assert_eq!((pool.active("S0"), pool.inactive("S0")), ((u(400), u(0)), (u(0), u(400))));
    assert_eq!((pool.balance_of("S0"), pool.active("S1")), (u(400), (u(600), u(600))));
    pool.at(epoch(1));
    assert_eq!((pool.active("S0"), pool.inactive("S0").0), ((u(0), u(0)), u(400)));
    let call = transfer(&pool, "S1", 1);
    let error = exceeds(&pool, "S0", 1, 0);
    assert_refused(pool.by("S0").send(call).unwrap_err(), error);
}

#[test]
fn erc_2_transfers_are_free_in_the_blackout_window_and_never_to_zero() {
    let mut pool = staked("S0", 1000);
    let call = transfer(&pool, "S1", 10);
    pool.at(10_700_000).by("S0").send(call).unwrap();
    let refused = pool.by("S0").send(IStakedToken::transferCall { to: Address::ZERO, amount: u(0) }).unwrap_err();
    assert_refused(refused, errors::ERC20InvalidReceiver { receiver: Address::ZERO });
    let recipient = pool.address();
    let refused = pool.by("S0").send(IStakedToken::transferCall { to: recipient, amount: u(1) }).unwrap_err();
    assert_refused(refused, errors::ERC20InvalidReceiver { receiver: recipient });
}

#[test]
fn erc_3_transfers_to_oneself_change_nothing() {
    let mut pool = staked("S1", 500);
    let call = transfer(&pool, "S1", 500);
    pool.by("S1").send(call).unwrap();
    assert_eq!(pool.active("S1"), (u(500), u(500)));
    let call = transfer(&pool, "S1", 501);
    let error = exceeds(&pool, "S1", 501, 500);
    assert_refused(pool.by("S1").send(call).unwrap_err(), error);
}

#[test]
fn erc_4_transfer_from_moves_first_and_asks_for_the_allowance_then() {
    let mut pool = staked("S1", 500);
    let call = transfer_from(&pool, "S1", "X0", 501);
    let error = exceeds(&pool, "S1", 501, 500);
    assert_refused(pool.by("X0").send(call).unwrap_err(), error);
    let none = |spender| errors::ERC20InsufficientAllowance { spender, allowance: u(0), needed: u(10) };
    let call = transfer_from(&pool, "S1", "X0", 10);
    let x0 = pool.who("X0");
    assert_refused(pool.by("X0").send(call).unwrap_err(), none(x0));
    let call = IStakedToken::transferFromCall { from: Address::ZERO, to: x0, amount: u(10) };
    assert_refused(pool.by("X0").send(call).unwrap_err(), errors::ERC20InvalidSender { sender: Address::ZERO });
    let call = transfer_from(&pool, "S1", "X0", 10);
    let s1 = pool.who("S1");
    assert_refused(pool.by("S1").send(call).unwrap_err(), none(s1));
}

#[test]
fn erc_5_an_allowance_is_used_up_unless_infinite() {
    let mut pool = staked("S1", 500);
    let (owner, spender) = (pool.who("S1"), pool.who("X0"));
    let allowance = IStakedToken::allowanceCall { owner, spender };
    pool.by("S1").send(IStakedToken::approveCall { spender, amount: u(10) }).unwrap();
    let call = transfer_from(&pool, "S1", "X0", 10);
    let receipt = pool.by("X0").send(call.clone()).unwrap();
    let moved = log(events::Transfer { from: owner, to: spender, value: u(10) });
    assert_logs(pool.logs(&receipt), [moved.clone(), log(events::Approval { owner, spender, value: u(0) })]);

    pool.by("S1").send(IStakedToken::approveCall { spender, amount: U256::MAX }).unwrap();
    let receipt = pool.by("X0").send(call.clone()).unwrap();
    assert_logs(pool.logs(&receipt), [moved]);
    assert_eq!(pool.view(allowance.clone()), U256::MAX);

    // One below infinity is a number like any other.
    pool.by("S1").send(IStakedToken::approveCall { spender, amount: U256::MAX - u(1) }).unwrap();
    pool.by("X0").send(call).unwrap();
    assert_eq!(pool.view(allowance.clone()), U256::MAX - u(11));
    let refused = pool.by("S1").send(IStakedToken::increaseAllowanceCall { spender, addedValue: u(12) }).unwrap_err();
    assert_refused(
        refused,
        errors::AllowanceOverflow { currentAllowance: U256::MAX - u(11), requestedIncrease: u(12) },
    );
    pool.by("S1").send(IStakedToken::increaseAllowanceCall { spender, addedValue: u(11) }).unwrap();
    assert_eq!(pool.view(allowance), U256::MAX);
}

#[test]
fn erc_6_allowances_do_not_fall_below_zero() {
    let mut pool = staked("S1", 500);
    let (owner, spender) = (pool.who("S1"), pool.who("X0"));
    pool.by("S1").send(IStakedToken::approveCall { spender, amount: u(3) }).unwrap();
    let refused =
        pool.by("S1").send(IStakedToken::decreaseAllowanceCall { spender, subtractedValue: u(4) }).unwrap_err();
    assert_refused(
        refused,
        errors::ERC20FailedDecreaseAllowance { spender, currentAllowance: u(3), requestedDecrease: u(4) },
    );
    let receipt = pool.by("S1").send(IStakedToken::decreaseAllowanceCall { spender, subtractedValue: u(3) }).unwrap();
    assert_logs(pool.logs(&receipt), [log(events::Approval { owner, spender, value: u(0) })]);
    let refused = pool.by("S1").send(IStakedToken::approveCall { spender: Address::ZERO, amount: u(3) }).unwrap_err();
    assert_refused(refused, errors::ERC20InvalidSpender { spender: Address::ZERO });
}

#[test]
fn erc_7_zero_needs_no_allowance() {
    let mut pool = staked("S1", 500);
    pool.by("GOV").set_rewards_per_second(10).unwrap();
    pool.at(epoch(0) + 100);
    let (s1, x0, spender) = (pool.who("S1"), pool.who("X0"), pool.who("S2"));
    let call = transfer_from(&pool, "S1", "X0", 0);
    let receipt = pool.by("S2").send(call).unwrap();
    let index = u(2) * u(10).pow(u(18)); // 100 s x 10 / 500.
    assert_logs(
        pool.logs(&receipt),
        [
            log(events::GlobalIndexUpdated { index }),
            log(events::UserIndexUpdated { user: s1, index, unclaimedRewards: u(1000) }),
            log(events::UserIndexUpdated { user: x0, index, unclaimedRewards: u(0) }),
            log(events::Transfer { from: s1, to: x0, value: u(0) }),
            log(events::Approval { owner: s1, spender, value: u(0) }),
        ],
    );
}

#[test]
fn names_are_those_of_the_original() {
    let pool = Pool::deploy();
    assert_eq!(pool.view(IStakedToken::nameCall {}), "dYdX Staked USDC");
    assert_eq!(pool.view(IStakedToken::symbolCall {}), "stkUSDC");
    assert_eq!(pool.view(IStakedToken::decimalsCall {}), 6);
}

#[test]
fn a_permit_sets_the_allowance_once() {
    let mut pool = staked("S1", 500);
    let (owner, spender) = (pool.who("S1"), pool.who("X0"));
    let deadline = u(pool.now() + 10);
    let itself = pool.address();
    let permit = pool.sign_permit(itself, "S1", "X0", u(70), deadline);
    let call = permit.for_staked_balance();

    // Somebody else's signature, another amount, a later deadline: not what was signed.
    let refused = pool.by("X0").send(IStakedToken::permitCall { value: u(71), ..call.clone() }).unwrap_err();
    assert!(refused.decode::<errors::ERC2612InvalidSigner>().is_some(), "{refused:?}");
    let refused =
        pool.by("X0").send(IStakedToken::permitCall { deadline: deadline + u(1), ..call.clone() }).unwrap_err();
    assert!(refused.decode::<errors::ERC2612InvalidSigner>().is_some(), "{refused:?}");

    let receipt = pool.by("X0").send(call.clone()).unwrap();
    assert_logs(pool.logs(&receipt), [log(events::Approval { owner, spender, value: u(70) })]);
    assert_eq!(pool.view(IStakedToken::noncesCall { owner }), u(1));
    assert_eq!(pool.view(IStakedToken::allowanceCall { owner, spender }), u(70));
    let refused = pool.by("X0").send(call).unwrap_err();
    assert!(refused.decode::<errors::ERC2612InvalidSigner>().is_some(), "a permit works once: {refused:?}");
}

#[test]
fn a_permit_expires_after_its_deadline() {
    let mut pool = staked("S1", 500);
    let deadline = pool.now() + 10;
    let itself = pool.address();
    let call = pool.sign_permit(itself, "S1", "X0", u(70), u(deadline)).for_staked_balance();
    let refused = pool.fork().at(deadline + 1).by("X0").send(call.clone()).unwrap_err();
    assert_refused(refused, errors::ERC2612ExpiredSignature { deadline: u(deadline) });
    pool.at(deadline).by("X0").send(call).unwrap();
}

/// With `s` in the upper half of the curve's order the same signature has a second form; it is refused.
#[test]
fn a_malleable_permit_is_refused() {
    let mut pool = staked("S1", 500);
    let itself = pool.address();
    let call = pool.sign_permit(itself, "S1", "X0", u(70), U256::MAX).mirrored().for_staked_balance();
    let before = pool.storage();
    pool.by("X0").send(call).unwrap_err();
    assert_eq!(pool.storage(), before);
}

#[test]
fn one_signature_approves_and_stakes() {
    let mut pool = Pool::deploy();
    pool.at(epoch(0));
    let token = pool.token();
    let (s0, s1) = (pool.who("S0"), pool.who("S1"));
    let none = IToken::approveCall { spender: pool.address(), value: u(0) };
    pool.by("S0").send_to(token, none).unwrap();
    let permit = pool.sign_permit_for_pool("S0", u(300), U256::MAX);
    pool.by("S0").stake(1).unwrap_err();
    pool.by("S0").send(permit.stake_with_permit(u(300))).unwrap();
    assert_eq!(pool.active("S0"), (u(300), u(300)));

    let permit = pool.sign_permit_for_pool("S0", u(50), U256::MAX);
    let receipt = pool.by("S0").send(permit.stake_for_with_permit(s1, u(50))).unwrap();
    assert!(pool.logs(&receipt).contains(&log(events::Staked { staker: s1, spender: s0, amount: u(50) })));
    assert_eq!(pool.active("S1"), (u(50), u(50)));
}

/// A permit is public once sent: whoever uses it first must not make the stake behind it fail.
#[test]
fn a_permit_used_by_somebody_else_still_stakes() {
    let mut pool = Pool::deploy();
    pool.at(epoch(0));
    let token = pool.token();
    let none = IToken::approveCall { spender: pool.address(), value: u(0) };
    pool.by("S0").send_to(token, none).unwrap();
    let permit = pool.sign_permit_for_pool("S0", u(300), U256::MAX);
    pool.by("X0").send_to(token, permit.for_token()).unwrap();
    pool.by("S0").send(permit.stake_with_permit(u(300))).unwrap();
    assert_eq!(pool.active("S0"), (u(300), u(300)));
    // The allowance is spent, so the same call fails for want of allowance, and says so.
    let refused = pool.by("S0").send(permit.stake_with_permit(u(300))).unwrap_err();
    assert_refused(refused, errors::SafeErc20FailedOperation { token });
}
