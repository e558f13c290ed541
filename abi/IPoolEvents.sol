// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title What the pool reports
/// @notice Amounts are base units of their token, times are seconds since 1970, allocations are basis points of 10,000. Signatures are
///   those of the original contract (spec section 3.11); events of our own are marked.
interface IPoolEvents {
    // ---------------------------------------------------------------- stake

    /// @notice `amount` of stake was added for `staker`, paid by `spender`.
    event Staked(address indexed staker, address spender, uint256 amount);

    /// @notice `amount` stops earning, and can be withdrawn, from the next epoch on.
    event WithdrawalRequested(address indexed staker, uint256 amount);

    /// @notice Ours: `amount` of a request made in this epoch was taken back.
    event WithdrawalCancelled(address indexed staker, uint256 amount);

    /// @notice Ours: `amount` of withdrawable stake was made active again, without leaving the pool.
    event Restaked(address indexed staker, uint256 amount);

    /// @notice `amount` of stake left the pool for `recipient`.
    event WithdrewStake(address indexed staker, address recipient, uint256 amount);

    /// @notice `amount` of owed debt was paid out to `recipient`; `newDebtBalance` is still owed to `staker`.
    event WithdrewDebt(address indexed staker, address recipient, uint256 amount, uint256 newDebtBalance);

    /// @notice Shortfalls took `amount` of the inactive stake of `staker`, who is owed `newDebtBalance` instead. A burn of the same
    ///   amount (`Transfer` to the zero address) follows.
    event ReceivedDebt(address indexed staker, uint256 amount, uint256 newDebtBalance);

    // ---------------------------------------------------------------- stake, by operators

    /// @notice A stake operator staked for `staker`.
    event OperatorStakedFor(address indexed staker, uint256 amount, address operator);

    /// @notice A stake operator requested a withdrawal for `staker`.
    event OperatorWithdrawalRequestedFor(address indexed staker, uint256 amount, address operator);

    /// @notice A stake operator withdrew stake of `staker` to `recipient`.
    event OperatorWithdrewStakeFor(address indexed staker, address recipient, uint256 amount, address operator);

    /// @notice A claim operator claimed the rewards of `staker` to `recipient`.
    event OperatorClaimedRewardsFor(
        address indexed staker, address recipient, uint256 claimedRewards, address operator
    );

    /// @notice A debt operator wrote off `amount` of what `staker` is owed.
    event OperatorDecreasedStakerDebt(
        address indexed staker, uint256 amount, uint256 newDebtBalance, address operator
    );

    /// @notice A debt operator wrote off `amount` of what `borrower` owes.
    event OperatorDecreasedBorrowerDebt(
        address indexed borrower, uint256 amount, uint256 newDebtBalance, address operator
    );

    // ---------------------------------------------------------------- stake as an ERC-20 token

    /// @notice `value` of stake moved. Names the account whose balance changes: minted by staking (from zero), burned by a
    ///   withdrawal or a credited loss (to zero).
    event Transfer(address indexed from, address indexed to, uint256 value);

    /// @notice `spender` may now move `value` of the stake of `owner`.
    event Approval(address indexed owner, address indexed spender, uint256 value);

    // ---------------------------------------------------------------- rewards

    /// @notice Emission changed, from now on, in reward units per second.
    event RewardsPerSecondUpdated(uint256 emissionPerSecond);

    /// @notice Rewards of one staked unit since the start, times 10^18; also when only its clock moved.
    event GlobalIndexUpdated(uint256 index);

    /// @notice `user` is settled up to `index` and can claim `unclaimedRewards`.
    event UserIndexUpdated(address indexed user, uint256 index, uint256 unclaimedRewards);

    /// @notice All rewards of `user` went from the treasury to `recipient`.
    event ClaimedRewards(address indexed user, address recipient, uint256 claimedRewards);

    // ---------------------------------------------------------------- epochs

    /// @notice Length of an epoch and start of epoch zero, seconds.
    struct EpochParameters {
        uint128 interval;
        uint128 offset;
    }

    /// @notice The schedule changed, at once.
    event EpochParametersChanged(EpochParameters epochParameters);

    /// @notice The length of the window that closes each epoch changed, at once; seconds.
    event BlackoutWindowChanged(uint256 blackoutWindow);

    // ---------------------------------------------------------------- borrowing

    /// @notice `borrower` took out `amount`.
    event Borrowed(address indexed borrower, uint256 amount, uint256 newBorrowedBalance);

    /// @notice `sender` paid back `amount` of what `borrower` had borrowed.
    event RepaidBorrow(address indexed borrower, address sender, uint256 amount, uint256 newBorrowedBalance);

    /// @notice `sender` paid `amount` of the debt of `borrower`.
    event RepaidDebt(address indexed borrower, address sender, uint256 amount, uint256 newDebtBalance);

    /// @notice `amount` of what `borrower` had borrowed became debt.
    event DebtMarked(
        address indexed borrower, uint256 amount, uint256 newBorrowedBalance, uint256 newDebtBalance
    );

    /// @notice A shortfall: `shortfallAmount` of inactive stake became debt. Each balance keeps `shortfallIndex / 10^36` of itself.
    event ConvertedInactiveBalancesToDebt(
        uint256 shortfallAmount, uint256 shortfallIndex, uint256 newInactiveBalance
    );

    /// @notice The share of `borrower` changes with epoch `epochNumber`; zero, and at once, before epoch zero.
    event ScheduledBorrowerAllocationChange(
        address indexed borrower, uint256 oldAllocation, uint256 newAllocation, uint256 epochNumber
    );

    /// @notice Ours: new loans of `borrower` reach up to `newCap` at most, whatever its share; 0: no cap.
    event BorrowerCapChanged(address indexed borrower, uint256 oldCap, uint256 newCap);

    /// @notice `borrower` may not borrow any more, or may again.
    event BorrowingRestrictionChanged(address indexed borrower, bool isBorrowingRestricted);

    // ---------------------------------------------------------------- administration

    /// @notice `account` holds `role` from now on.
    event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);

    /// @notice `account` does not hold `role` any more.
    event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);

    /// @notice Holders of `newAdminRole` grant and revoke `role` from now on.
    event RoleAdminChanged(
        bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole
    );

    /// @notice Ours: `owner` offers its owner role to `proposed`; the zero address takes the offer back.
    event OwnerProposed(address indexed owner, address indexed proposed);

    /// @notice Ours: tokens that nobody's stake or debt accounts for went to the rewards treasury.
    event SurplusSwept(address indexed recipient, uint256 amount);
}
