// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title What can be read about stakers and the pool
/// @notice Every answer is what a settlement at this very moment would find. Balances are 0 before epoch zero; from epoch 65,536 on they
///   revert with `EpochOverflow`, as does everything that moves stake. Spec section 3.10, and a few of our own.
/// @dev Getters never change anything, and are refused during a call of the pool to a token, like every other re-entry.
interface IPoolViews {
    /// @notice A staker, in one call. Ours. `stakeAvailableToWithdraw` as `getStakeAvailableToWithdraw`.
    struct Account {
        uint256 activeCurrentEpoch;
        uint256 activeNextEpoch;
        uint256 inactiveCurrentEpoch;
        uint256 inactiveNextEpoch;
        uint256 debt;
        uint256 claimableRewards;
        uint256 stakeAvailableToWithdraw;
        uint256 debtAvailableToWithdraw;
    }

    /// @notice The pool, in one call. Ours. `started` is false before epoch zero; epoch and time are 0 then. `unborrowed` as
    ///   `getContractBalanceAvailableToWithdraw`.
    struct PoolState {
        bool started;
        bool inBlackoutWindow;
        uint256 epoch;
        uint256 timeRemaining;
        uint256 activeCurrentEpoch;
        uint256 activeNextEpoch;
        uint256 inactiveCurrentEpoch;
        uint256 inactiveNextEpoch;
        uint256 borrowed;
        uint256 borrowerDebt;
        uint256 unborrowed;
        uint256 debtAvailableToWithdraw;
        uint256 shortfallCount;
        uint256 rewardsPerSecond;
        uint256 globalIndex;
    }

    /// @notice Stake of `staker` that earns now.
    function getActiveBalanceCurrentEpoch(address staker) external view returns (uint256);

    /// @notice Stake of `staker` that will earn next epoch.
    function getActiveBalanceNextEpoch(address staker) external view returns (uint256);

    /// @notice Stake of `staker` that is inactive now, losses taken off.
    function getInactiveBalanceCurrentEpoch(address staker) external view returns (uint256);

    /// @notice Stake of `staker` that will be inactive next epoch, losses taken off.
    function getInactiveBalanceNextEpoch(address staker) external view returns (uint256);

    /// @notice All stake that earns now, and can be lent.
    function getTotalActiveBalanceCurrentEpoch() external view returns (uint256);

    /// @notice All stake that will earn next epoch.
    function getTotalActiveBalanceNextEpoch() external view returns (uint256);

    /// @notice All stake that is inactive now. Covers what stakers have by some units of rounding.
    function getTotalInactiveBalanceCurrentEpoch() external view returns (uint256);

    /// @notice All stake that will be inactive next epoch.
    function getTotalInactiveBalanceNextEpoch() external view returns (uint256);

    /// @notice What `staker` can withdraw now: the smaller of its inactive stake and what is not lent out; 0 while a shortfall is not marked.
    function getStakeAvailableToWithdraw(address staker) external view returns (uint256);

    /// @notice Stake that is not lent out and can be withdrawn: 0 while a shortfall is not marked. Computed from the books, so tokens sent
    ///   by mistake do not count.
    function getContractBalanceAvailableToWithdraw() external view returns (uint256);

    /// @notice Tokens beyond unborrowed stake and repaid debt; an owner can sweep them to the treasury. Ours.
    function getSurplus() external view returns (uint256);

    /// @notice What `claimRewards` would pay `staker` now, in reward units. Ours.
    function getClaimableRewards(address staker) external view returns (uint256);

    /// @notice Rewards of one staked unit up to now, times 10^18. Ours.
    function getGlobalIndex() external view returns (uint256);

    /// @notice The global index up to which `staker` was last settled, stored. Ours.
    function getUserIndex(address staker) external view returns (uint256);

    /// @notice The global index at the end of `epoch`, stored; 0 unless the total active stake changed there. Ours.
    function getEpochIndex(uint256 epoch) external view returns (uint256);

    /// @notice Reward units emitted per second.
    function getRewardsPerSecond() external view returns (uint256);

    /// @notice The highest rate that `setRewardsPerSecond` accepts. Ours.
    function getMaximumRewardsPerSecond() external view returns (uint256);

    /// @notice A staker, in one call. Ours.
    function getAccount(address staker) external view returns (Account memory);

    /// @notice The pool, in one call. Ours.
    function getPool() external view returns (PoolState memory);

    /// @notice The token that is staked and lent.
    function STAKED_TOKEN() external view returns (address);

    /// @notice The token that stakers earn.
    function REWARDS_TOKEN() external view returns (address);

    /// @notice Owns the rewards and has approved the pool to spend them.
    function REWARDS_TREASURY() external view returns (address);

    /// @notice First second of the distribution.
    function DISTRIBUTION_START() external view returns (uint256);

    /// @notice First second after the distribution.
    function DISTRIBUTION_END() external view returns (uint256);
}
