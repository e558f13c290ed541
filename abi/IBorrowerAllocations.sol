// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title Shares of the pool, borrowing and repaying
/// @notice A borrower may hold up to its share of the active stake, in basis points of 10,000; the zero address stands for nobody. There is
///   no collateral and no interest. What exceeds the share at the end of an epoch is overdue. Amounts are base units of the staked
///   token. Spec sections 3.5 to 3.7, 7 and 8.
///
///   A share alone does not bound what a borrower can take: borrowed tokens that are staked again, by anybody, raise the limit. A cap does.
/// @dev Refusals are listed in the order in which they are checked; see `IPoolErrors`. Shares of the active stake round down.
interface IBorrowerAllocations {
    /// @notice A borrower, in one call. Ours. `cap` is 0 if there is none. `overdueAmount` is by how much the loan exceeds the exact share
    ///   of this epoch, in whole units: rounded down, so 0 for a loan that is `overdue` by less than one unit.
    struct BorrowerState {
        uint256 borrowed;
        uint256 debt;
        uint256 allocationCurrentEpoch;
        uint256 allocationNextEpoch;
        uint256 allocatedBalanceCurrentEpoch;
        uint256 allocatedBalanceNextEpoch;
        uint256 borrowable;
        bool overdue;
        bool restricted;
        uint256 cap;
        uint256 overdueAmount;
    }

    /// @notice Changes the shares of `borrowers` with the next epoch; at once before epoch zero. All shares together stay 10,000.
    /// @dev By `BORROWER_ADMIN_ROLE`. Refusals: `AccessControlUnauthorizedAccount`; `ArrayLengthMismatch`; `InBlackoutWindow`;
    ///   `AllocationTooHigh`; `AllocationSumChanged` unless the new shares sum to what the named borrowers had for the next epoch. A borrower
    ///   may be named twice: the last one counts. Event for each: `ScheduledBorrowerAllocationChange`, with its share of this epoch.
    function setBorrowerAllocations(address[] calldata borrowers, uint256[] calldata newAllocations) external;

    /// @notice Limits how much each of `borrowers` can have borrowed after borrowing anew, whatever its share; 0: no cap. At once. A loan that
    ///   is larger already is neither overdue nor debt by that: shares, excesses and shortfalls know nothing of caps. Ours.
    /// @dev By `BORROWER_ADMIN_ROLE`. Lowering at any time, raising (or taking off) not in the blackout window. Refusals:
    ///   `AccessControlUnauthorizedAccount`; `ArrayLengthMismatch`; for each in its order `CapTooHigh` above 2^96 - 1, `InvalidBorrower` for the
    ///   zero address, `InBlackoutWindow`. A borrower may be named twice: each is compared with the one before, the last one counts. Event for
    ///   each that is a change: `BorrowerCapChanged`.
    function setBorrowerCaps(address[] calldata borrowers, uint256[] calldata caps) external;

    /// @notice Forbids `borrower` to borrow, or allows it again. Loans, debt and shares stay as they are.
    /// @dev By `BORROWER_ADMIN_ROLE`. Event, if that is a change: `BorrowingRestrictionChanged`.
    function setBorrowingRestriction(address borrower, bool isBorrowingRestricted) external;

    /// @notice Forbids an overdue borrower to borrow, until governance allows it again. Anybody may call this.
    /// @dev Refusal: `BorrowerNotOverdue`. Event, if that is a change: `BorrowingRestrictionChanged`.
    function restrictBorrower(address borrower) external;

    /// @notice Lends `amount` to the caller.
    /// @dev Refusals: `ZeroAmount`; `BorrowingRestricted`; `BorrowExceedsAvailable` above the stake that is neither lent nor inactive;
    ///   `BorrowExceedsAllocation` above the caller's share, the smaller one of this epoch and the next, of the active stake: of the next
    ///   epoch's in the blackout window; `BorrowExceedsCap`; `SafeErc20FailedOperation`. Event: `Borrowed`.
    function borrow(uint256 amount) external;

    /// @notice Pays back `amount` of what `borrower` has borrowed, from the caller's tokens. Does not lift a restriction.
    /// @dev Refusals: `ZeroAmount`; `RepayExceedsBorrowed`; `SafeErc20FailedOperation`; `ReceivedAmountMismatch`. Event: `RepaidBorrow`.
    function repayBorrow(address borrower, uint256 amount) external;

    /// @notice As `repayBorrow`, but at most what is borrowed: nobody can make it fail by paying a unit before. Ours.
    /// @dev Any `max` up to 2^256 - 1. Refusals: `ZeroAmount`; `SafeErc20FailedOperation`; `ReceivedAmountMismatch`. Event: `RepaidBorrow`
    ///   with the amount taken; none, and no transfer, if nothing is borrowed.
    /// @return amount What was taken: the smaller of `max` and what was borrowed.
    function repayBorrowUpTo(address borrower, uint256 max) external returns (uint256 amount);

    /// @notice The cap of `borrower`; 0 if it has none. Ours.
    function getBorrowerCap(address borrower) external view returns (uint256);

    /// @notice The most that `borrow` accepts from `borrower` now; 0 if nothing.
    function getBorrowableAmount(address borrower) external view returns (uint256);

    /// @notice Stake that is neither lent nor inactive now.
    function getContractBalanceAvailableToBorrow() external view returns (uint256);

    /// @notice Whether `borrower` has borrowed more than its share of this epoch. False before epoch zero.
    function isBorrowerOverdue(address borrower) external view returns (bool);

    /// @notice Whether `borrower` may not borrow.
    function isBorrowingRestrictedForBorrower(address borrower) external view returns (bool);

    /// @notice What `borrower` has borrowed; its debt is not part of it.
    function getBorrowedBalance(address borrower) external view returns (uint256);

    /// @notice What all borrowers have borrowed.
    function getTotalBorrowedBalance() external view returns (uint256);

    /// @notice Share of `borrower` in this epoch, basis points.
    function getAllocationFractionCurrentEpoch(address borrower) external view returns (uint256);

    /// @notice Share of `borrower` from the next epoch on, basis points.
    function getAllocationFractionNextEpoch(address borrower) external view returns (uint256);

    /// @notice Share of `borrower` of the active stake, in this epoch; 0 before epoch zero.
    function getAllocatedBalanceCurrentEpoch(address borrower) external view returns (uint256);

    /// @notice Share of `borrower` of the active stake, in the next epoch as things stand; 0 before epoch zero.
    function getAllocatedBalanceNextEpoch(address borrower) external view returns (uint256);

    /// @notice A borrower, in one call. Ours.
    function getBorrower(address borrower) external view returns (BorrowerState memory);

    /// @notice The sum of all shares: 10,000.
    function TOTAL_ALLOCATION() external view returns (uint256);
}
