// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title Stake, request, withdraw, earn, claim
/// @notice Stake is *active* (earns, can be lent) or *inactive* (can be withdrawn). A request moves it from the one to the other with the
///   next epoch. Amounts are base units of the staked token and at most 2^112 - 1 in sum; zero is a legal amount everywhere and
///   settles the account. Spec sections 3.3, 3.4, 4 and 6.
/// @dev Refusals are listed in the order in which they are checked; see `IPoolErrors`. Every function here but the calls refused for
///   their arguments reverts with `EpochZeroNotStarted` before epoch zero and with `EpochOverflow` from epoch 65,536 on.
///   While loans exceed the active stake, `stake*`, `withdraw*` and `restake` are refused with `ShortfallNotMarked`, whatever the amount, until
///   anybody calls `markDebt`: one can mark and withdraw in one transaction.
///   Losses that were marked since the account was last touched are settled first wherever inactive stake is moved: `ReceivedDebt`, then a
///   burn. Rewards round down, once per settlement.
interface IStaking {
    /// @notice Adds `amount` of the caller's tokens to its active stake, at once.
    /// @dev The caller has approved the pool. Refusals: `InvalidStaker`; `EpochZeroNotStarted`; `ShortfallNotMarked`; `BalanceOverflow`;
    ///   `SafeErc20FailedOperation`; `ReceivedAmountMismatch` if the token delivers another amount. Events: index updates, `Staked`, `Transfer` from zero.
    function stake(uint256 amount) external;

    /// @notice Adds `amount` of the caller's tokens to the active stake of `staker`.
    /// @dev Anybody may do that. As `stake`; `OperatorStakedFor` as well if the caller is a stake operator.
    function stakeFor(address staker, uint256 amount) external;

    /// @notice As `stake`, approved by the token's own `permit` for exactly `amount`.
    /// @dev A permit that fails is ignored: somebody may have used it already, and the approval then stands. The transfer decides.
    function stakeWithPermit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice As `stakeFor`, approved by the token's own `permit`, signed by the caller.
    function stakeForWithPermit(address staker, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;

    /// @notice Moves `amount` out of the caller's active stake and into its inactive stake with the next epoch. It earns until then.
    /// @dev Refusals: `InBlackoutWindow`; `InsufficientActiveBalance`; `EpochZeroNotStarted`. Events: index updates of a boundary
    ///   passed, `ReceivedDebt` and burn, `WithdrawalRequested`. Rewards are not settled to now, since nothing changes now.
    function requestWithdrawal(uint256 amount) external;

    /// @notice As `requestWithdrawal`, for `staker`, by a stake operator.
    /// @dev First refusals: `AccessControlUnauthorizedAccount`; `InvalidStaker`. Then `OperatorWithdrawalRequestedFor`.
    function requestWithdrawalFor(address staker, uint256 amount) external;

    /// @notice Takes back `amount` of what the caller requested in this epoch.
    /// @dev Ours. Not in the blackout window: borrowers have planned with the requests by then. Refusals: `InBlackoutWindow`;
    ///   `EpochZeroNotStarted`; `InsufficientRequestedBalance`. Events as `requestWithdrawal`, then `WithdrawalCancelled`.
    function cancelWithdrawal(uint256 amount) external;

    /// @notice Makes `amount` of the caller's inactive stake active again, at once: a withdrawal and a stake without the tokens moving.
    /// @dev Ours. Refusals: `EpochZeroNotStarted`; `ShortfallNotMarked`; `InsufficientUnborrowedStake`; `InsufficientInactiveBalance`. Events:
    ///   `ReceivedDebt` and burn, index updates as `stake`, `Restaked`.
    function restake(uint256 amount) external;

    /// @notice Sends `amount` of the caller's inactive stake to `recipient`. First come, first served while the pool is short.
    /// @dev Refusals: `InvalidRecipient`; `EpochZeroNotStarted`; `ShortfallNotMarked`; `InsufficientUnborrowedStake`;
    ///   `InsufficientInactiveBalance`; `SafeErc20FailedOperation`. Events: `ReceivedDebt` and burn, `Transfer` to zero, `WithdrewStake`.
    function withdrawStake(address recipient, uint256 amount) external;

    /// @notice Withdraws as much as there is: the smaller of the caller's inactive stake and what is not lent out, possibly nothing.
    /// @dev Refusals: `InvalidRecipient`; `EpochZeroNotStarted`; `ShortfallNotMarked`; `SafeErc20FailedOperation`. Events as `withdrawStake`.
    /// @return amount What was sent.
    function withdrawMaxStake(address recipient) external returns (uint256 amount);

    /// @notice As `withdrawStake`, for `staker`, by a stake operator.
    /// @dev First refusals: `AccessControlUnauthorizedAccount`; `InvalidStaker`. Then `OperatorWithdrewStakeFor`.
    function withdrawStakeFor(address staker, address recipient, uint256 amount) external;

    /// @notice Sends all rewards of the caller from the treasury to `recipient`, or nothing at all.
    /// @dev Refusals: `InvalidRecipient`; `EpochZeroNotStarted`; `SafeErc20FailedOperation` if the treasury cannot pay all of it.
    ///   Events: index updates, `ClaimedRewards`.
    /// @return claimed Reward units.
    function claimRewards(address recipient) external returns (uint256 claimed);

    /// @notice As `claimRewards`, for `staker`, by a claim operator.
    /// @dev First refusals: `AccessControlUnauthorizedAccount`; `InvalidStaker`. Then `OperatorClaimedRewardsFor`.
    function claimRewardsFor(address staker, address recipient) external returns (uint256 claimed);
}
