// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title Shortfalls and debt
/// @notice When more is lent than is active, the inactive stake has no tokens behind it. Marking turns the difference into debt of the
///   borrowers that are overdue, and takes it from all inactive stake of that moment alike; each staker is owed what it lost. Repaid debt is
///   paid out first come, first served. Amounts are base units of the staked token. Spec sections 3.3, 3.4, 3.6, 3.8 and 9.
/// @dev Refusals are listed in the order in which they are checked; see `IPoolErrors`. A staker's loss is credited when its inactive stake is
///   next settled: `ReceivedDebt`, then a burn. Stake rounds down, debt up.
interface IDebtAccounting {
    /// @notice A shortfall: the epoch in which it was marked, and what each inactive balance of that moment kept of itself, times 10^36.
    struct Shortfall {
        uint16 epoch;
        uint224 index;
    }

    // ---------------------------------------------------------------- shortfalls

    /// @notice Marks a shortfall. Charges `borrowers` in the given order, each for what it is overdue, until the shortfall is covered; the
    ///   others are passed over. Anybody may call this.
    /// @dev Refusals: `NoShortfall`; `ShortfallNotCovered`. Events for each charged one: `DebtMarked`, then `BorrowingRestrictionChanged`
    ///   if that is a change; at the end `ConvertedInactiveBalancesToDebt`. Debts sum to the shortfall exactly.
    /// @return shortfall By how much loans exceeded the active stake.
    function markDebt(address[] calldata borrowers) external returns (uint256 shortfall);

    /// @notice What `markDebt(borrowers)` would do now. Ours.
    /// @return shortfall By how much loans exceed the active stake; 0 if nothing is to be marked.
    /// @return uncovered What of it would not be charged to anybody, rounded up; above 0 the call would be refused.
    /// @return converted What inactive stake would lose.
    /// @return index What each inactive balance would keep of itself, times 10^36.
    function previewMarkDebt(address[] calldata borrowers)
        external
        view
        returns (uint256 shortfall, uint256 uncovered, uint256 converted, uint256 index);

    /// @notice What `markDebt(borrowers)` would charge each of them now, 0 for those passed over. Ours.
    function previewDebts(address[] calldata borrowers) external view returns (uint256[] memory);

    /// @notice By how much loans exceed the active stake now; 0 if they do not. Ours.
    function getShortfallAmount() external view returns (uint256);

    /// @notice Whether all inactive stake has tokens behind it now. Ours.
    function isSolvent() external view returns (bool);

    /// @notice How many shortfalls have been marked.
    function getShortfallCount() external view returns (uint256);

    /// @notice The shortfall number `index`, from 0: the epoch in which it was marked, and what balances kept of themselves, times 10^36.
    /// @dev Refusal: `UnknownShortfall`.
    function getShortfall(uint256 index) external view returns (Shortfall memory);

    // ---------------------------------------------------------------- what borrowers owe

    /// @notice Pays `amount` of the debt of `borrower` from the caller's tokens. Does not lift a restriction.
    /// @dev Refusals: `ZeroAmount`; `ExceedsDebt`; `SafeErc20FailedOperation`; `ReceivedAmountMismatch`. Event: `RepaidDebt`.
    function repayDebt(address borrower, uint256 amount) external;

    /// @notice As `repayDebt`, but at most what is owed: nobody can make it fail by paying a unit before. Ours.
    /// @dev Any `max` up to 2^256 - 1. Refusals: `ZeroAmount`; `SafeErc20FailedOperation`; `ReceivedAmountMismatch`. Event: `RepaidDebt` with
    ///   the amount taken; none, and no transfer, if nothing is owed.
    /// @return amount What was taken: the smaller of `max` and the debt.
    function repayDebtUpTo(address borrower, uint256 max) external returns (uint256 amount);

    /// @notice Writes off `amount` of the debt of `borrower`. What stakers are owed stays.
    /// @dev By `DEBT_OPERATOR_ROLE`. Refusals: `AccessControlUnauthorizedAccount`; `InvalidBorrower`; `ExceedsDebt`. Event:
    ///   `OperatorDecreasedBorrowerDebt`.
    /// @return debt What is left.
    function decreaseBorrowerDebt(address borrower, uint256 amount) external returns (uint256 debt);

    /// @notice Debt of `borrower`.
    function getBorrowerDebtBalance(address borrower) external view returns (uint256);

    /// @notice Debt of all borrowers.
    function getTotalBorrowerDebtBalance() external view returns (uint256);

    // ---------------------------------------------------------------- what stakers are owed

    /// @notice Sends `amount` of repaid debt that the caller is owed to `recipient`.
    /// @dev Refusals: `InvalidRecipient`; `EpochZeroNotStarted`; `ExceedsDebt`; `InsufficientRepaidDebt`; `SafeErc20FailedOperation`.
    ///   Events: `ReceivedDebt` and burn, `WithdrewDebt`.
    function withdrawDebt(address recipient, uint256 amount) external;

    /// @notice Withdraws as much as there is: the smaller of what the caller is owed and what is repaid, possibly nothing.
    /// @return amount What was sent.
    function withdrawMaxDebt(address recipient) external returns (uint256 amount);

    /// @notice Writes off `amount` of what `staker` is owed. What borrowers owe stays.
    /// @dev By `DEBT_OPERATOR_ROLE`. Refusals: `AccessControlUnauthorizedAccount`; `InvalidStaker`; `EpochZeroNotStarted`;
    ///   `ExceedsDebt`. Events: `ReceivedDebt` and burn, `OperatorDecreasedStakerDebt`.
    /// @return debt What is left.
    function decreaseStakerDebt(address staker, uint256 amount) external returns (uint256 debt);

    /// @notice What `staker` is owed, losses included that are not credited yet; 0 before epoch zero.
    function getStakerDebtBalance(address staker) external view returns (uint256);

    /// @notice What `staker` can withdraw of it now; 0 before epoch zero.
    function getDebtAvailableToWithdraw(address staker) external view returns (uint256);

    /// @notice Repaid debt that no staker has withdrawn yet.
    function getTotalDebtAvailableToWithdraw() external view returns (uint256);

    // ---------------------------------------------------------------- settling in slices

    /// @notice Settles the caller's inactive stake up to `maxEpoch` only, for a staker that slept through very many shortfalls.
    /// @dev Refusals: `EpochZeroNotStarted`; `SettlementEpochOutOfRange` outside of the record's epoch and the current one. Events:
    ///   `ReceivedDebt` and burn.
    function failsafeSettleUserInactiveBalanceToEpoch(uint256 maxEpoch) external;

    /// @notice Settles at most `max` shortfalls of `staker`, in their order. Any number of such calls ends where one settlement does.
    ///   Anybody may call this. Ours.
    /// @dev Refusals: `InvalidStaker`; `EpochZeroNotStarted`. Events: `ReceivedDebt` and burn.
    /// @return remaining How many are left.
    function settleShortfalls(address staker, uint256 max) external returns (uint256 remaining);
}
