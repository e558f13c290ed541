// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title Epochs, blackout window, emission rate, roles
/// @notice Epoch `n` covers `[offset + n * interval, offset + (n + 1) * interval)`. Its last `blackoutWindow` seconds are closed to requests,
///   to changes of the schedule and of allocations. All times are seconds. Spec sections 2, 3.7 and 5.
/// @dev Refusals are listed in the order in which they are checked; see `IPoolErrors`.
interface IEpochSchedule {
    /// @notice Length of an epoch and start of epoch zero, seconds.
    struct EpochParameters {
        uint128 interval;
        uint128 offset;
    }

    // ---------------------------------------------------------------- construction

    /// @notice Grants the four admin roles to the first owner, sets the schedule and the rewards clock, leaves all allocation with nobody.
    /// @dev Runs once, by delegation, while the pool is constructed. Refusals: `NotConstructing`; `AlreadyInitialized`;
    ///   `EpochZeroNotInFuture`; the bounds of `setEpochParameters`. Events: four `RoleGranted`, seven `RoleAdminChanged`,
    ///   `BlackoutWindowChanged`, `EpochParametersChanged`.
    function initialize(uint256 interval, uint256 offset, uint256 blackoutWindow) external;

    // ---------------------------------------------------------------- schedule

    /// @notice Number of the current epoch; not limited to 16 bits. `EpochZeroNotStarted` before epoch zero.
    function getCurrentEpoch() external view returns (uint256);

    /// @notice Seconds to the next epoch, from `interval` down to 1. `EpochZeroNotStarted` before epoch zero.
    function getTimeRemainingInCurrentEpoch() external view returns (uint256);

    /// @notice First second of `epoch`, under the present schedule. `EpochStartOverflow` above 2^256 - 1.
    function getStartOfEpoch(uint256 epoch) external view returns (uint256);

    /// @notice Whether there is an epoch yet; the first second of epoch zero counts.
    function hasEpochZeroStarted() external view returns (bool);

    /// @notice Whether the current epoch has at most `blackoutWindow` seconds left. False before epoch zero.
    function inBlackoutWindow() external view returns (bool);

    /// @notice Length of an epoch and start of epoch zero.
    function getEpochParameters() external view returns (EpochParameters memory);

    /// @notice Length of the window that closes each epoch.
    function getBlackoutWindow() external view returns (uint256);

    /// @notice Changes the schedule, at once, changing neither the number of the current epoch nor its start.
    /// @dev By `EPOCH_PARAMETERS_ROLE`. Before epoch zero: `EpochZeroNotInFuture`; bounds. After: `InBlackoutWindow`; bounds;
    ///   `EpochZeroNotStarted`; `EpochNumberChanged`; `EpochStartChanged`; `EndsInBlackoutWindow`; `EpochOverflow`. Bounds:
    ///   `BlackoutWindowExceedsHalfEpoch`; `BlackoutWindowTooShort`; `EpochTooLong`; `OffsetOverflow`. A boundary already passed is settled
    ///   under the old schedule. In epoch `n` with start `s`, the length `i` belongs to the offset `s - n * i`; it must not be negative.
    function setEpochParameters(uint256 interval, uint256 offset) external;

    /// @notice Changes the blackout window, at once.
    /// @dev By `EPOCH_PARAMETERS_ROLE`. Refusals: `InBlackoutWindow`; bounds; `EndsInBlackoutWindow`.
    function setBlackoutWindow(uint256 blackoutWindow) external;

    // ---------------------------------------------------------------- rewards

    /// @notice Changes the emission, in reward units per second; the old rate holds up to now.
    /// @dev By `REWARDS_RATE_ROLE`. Refusals: `RewardsRateTooHigh` above `(2^96 - 1) / max(1, end - start of the distribution)`;
    ///   `EpochOverflow`. Legal
    ///   before epoch zero and in the blackout window. Events: index updates, `RewardsPerSecondUpdated`.
    function setRewardsPerSecond(uint256 emissionPerSecond) external;

    /// @notice Sends tokens that no stake and no repaid debt accounts for to the rewards treasury. Ours.
    /// @dev By an owner. Refusal: `SafeErc20FailedOperation`. Event: `SurplusSwept`.
    /// @return amount What was sent, possibly nothing.
    function sweepSurplus() external returns (uint256 amount);

    // ---------------------------------------------------------------- roles

    /// @notice Grants and revokes all roles, cuts facets, sweeps the surplus.
    function OWNER_ROLE() external view returns (bytes32);

    /// @notice Changes schedule and blackout window.
    function EPOCH_PARAMETERS_ROLE() external view returns (bytes32);

    /// @notice Changes the emission rate.
    function REWARDS_RATE_ROLE() external view returns (bytes32);

    /// @notice Sets allocations and borrowing restrictions.
    function BORROWER_ADMIN_ROLE() external view returns (bytes32);

    /// @notice Claims for stakers, to any recipient: fully trusted.
    function CLAIM_OPERATOR_ROLE() external view returns (bytes32);

    /// @notice Requests and withdraws for stakers, to any recipient: fully trusted.
    function STAKE_OPERATOR_ROLE() external view returns (bytes32);

    /// @notice Writes off debt.
    function DEBT_OPERATOR_ROLE() external view returns (bytes32);

    /// @notice Admin of every role not named here; nobody holds it.
    function DEFAULT_ADMIN_ROLE() external view returns (bytes32);

    /// @notice Whether `account` holds `role`.
    function hasRole(bytes32 role, address account) external view returns (bool);

    /// @notice The role whose holders grant and revoke `role`.
    function getRoleAdmin(bytes32 role) external view returns (bytes32);

    /// @notice Gives `role` to `account`. Nothing happens if it has it.
    /// @dev By the role's admin (`AccessControlUnauthorizedAccount`). The owner role: not to nobody (`InvalidOwner`).
    function grantRole(bytes32 role, address account) external;

    /// @notice Takes `role` from `account`. Nothing happens if it does not have it.
    /// @dev By the role's admin (`AccessControlUnauthorizedAccount`). The owner role: not from the last owner (`LastOwner`).
    function revokeRole(bytes32 role, address account) external;

    /// @notice Gives up one's own `role`; `account` is the caller, as a confirmation.
    /// @dev `AccessControlBadConfirmation`; `LastOwner`.
    function renounceRole(bytes32 role, address account) external;

    /// @notice Offers the caller's owner role to `proposed`, who must accept; replaces an offer made before, zero takes it back. Ours.
    /// @dev By an owner. `InvalidOwner` for the pool. Event: `OwnerProposed`.
    function proposeOwner(address proposed) external;

    /// @notice Takes over the owner role of `owner`, who proposed the caller. There is one offer at a time, and an owner that loses the role
    ///   takes its offer along. Ours.
    /// @dev `NotProposedOwner`; `NotProposingOwner`. Events: `RoleGranted`,
    ///   `RoleRevoked`.
    function acceptOwner(address owner) external;

    /// @notice Who is offered the owner role, and by whom; zeros if nobody. Ours.
    function getProposedOwner() external view returns (address proposed, address owner);

    /// @notice How many accounts hold the owner role; never 0. Ours.
    function getOwnerCount() external view returns (uint256);
}
