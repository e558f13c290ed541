// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title Why the pool refuses
/// @notice Each error names the rule and carries both sides of the comparison that failed. `contracts/README.md` maps the original's
///   texts to them. Without data revert: a re-entrant call, call data that is not exactly the encoding of the arguments, a call with ether, a
///   second construction, and any call while a program of the pool has expired.
interface IPoolErrors {
    // ---------------------------------------------------------------- epochs (spec section 5)

    /// @notice There is no epoch yet. Seconds.
    error EpochZeroNotStarted(uint256 timestamp, uint256 start);

    /// @notice Epoch zero must start later than now. Seconds.
    error EpochZeroNotInFuture(uint256 start, uint256 timestamp);

    /// @notice Records can name epochs up to `maximum` only (16 bits).
    error EpochOverflow(uint256 epoch, uint256 maximum);

    /// @notice The start of `epoch`, at `interval` seconds each, lies beyond 2^256 - 1.
    error EpochStartOverflow(uint256 epoch, uint256 interval);

    /// @notice The blackout window is longer than half an epoch. Seconds.
    error BlackoutWindowExceedsHalfEpoch(uint256 blackoutWindow, uint256 interval);

    /// @notice The blackout window is shorter than three days. Seconds.
    error BlackoutWindowTooShort(uint256 blackoutWindow, uint256 minimum);

    /// @notice The epoch is longer than 92 days. Seconds.
    error EpochTooLong(uint256 interval, uint256 maximum);

    /// @notice The start of epoch zero does not fit 128 bits. Seconds.
    error OffsetOverflow(uint256 offset, uint256 maximum);

    /// @notice Not in the last `blackoutWindow` seconds of an epoch.
    error InBlackoutWindow(uint256 timeRemaining, uint256 blackoutWindow);

    /// @notice The change would put the present into a blackout window. Seconds, under the new schedule.
    error EndsInBlackoutWindow(uint256 timeRemaining, uint256 blackoutWindow);

    /// @notice The change would give the present another epoch number.
    error EpochNumberChanged(uint256 current, uint256 proposed);

    /// @notice The running epoch keeps its start. Seconds.
    error EpochStartChanged(uint256 current, uint256 proposed);

    // ---------------------------------------------------------------- balances (spec section 4)

    /// @notice A balance does not fit its field (112 bits).
    error BalanceOverflow(uint256 balance, uint256 maximum);

    /// @notice More was taken from a balance than it holds. The rules below are checked first, so this names a defect.
    error InsufficientBalance(uint256 requested, uint256 available);

    /// @notice More was requested than stays active next epoch.
    error InsufficientActiveBalance(uint256 requested, uint256 available);

    /// @notice More was to be cancelled than was requested in this epoch.
    error InsufficientRequestedBalance(uint256 requested, uint256 available);

    /// @notice More was to be withdrawn than the staker has inactive.
    error InsufficientInactiveBalance(uint256 requested, uint256 available);

    /// @notice More was to be withdrawn than is not lent out.
    error InsufficientUnborrowedStake(uint256 requested, uint256 available);

    /// @notice Loans exceed the active stake. Until anybody marks the shortfall (`markDebt`) stake neither comes nor goes: whoever left
    ///   first would leave the loss to the others, and whoever came would pay for it.
    error ShortfallNotMarked(uint256 borrowed, uint256 active);

    // ---------------------------------------------------------------- rewards (spec section 6)

    /// @notice At this rate, in reward units per second, an index or a balance could overflow before the distribution ends.
    error RewardsRateTooHigh(uint256 requested, uint256 maximum);

    /// @notice The rewards index does not fit its field (160 bits). Unreachable below the highest rate.
    error IndexOverflow(uint256 index, uint256 maximum);

    /// @notice Accrued rewards do not fit their field (96 bits). Unreachable below the highest rate.
    error AccruedOverflow(uint256 accrued, uint256 maximum);

    /// @notice A staker is settled beyond the index. Unreachable: indexes only grow.
    error IndexDecreased(uint256 settled, uint256 index);

    // ---------------------------------------------------------------- allocations, loans, debt (spec sections 7 to 9)

    /// @notice As many allocations, or caps, as borrowers are expected.
    error ArrayLengthMismatch(uint256 borrowers, uint256 values);

    /// @notice No share is larger than the whole, in basis points.
    error AllocationTooHigh(uint256 allocation, uint256 maximum);

    /// @notice The new shares of the named borrowers must sum to what they had for the next epoch, in basis points.
    error AllocationSumChanged(uint256 proposed, uint256 required);

    /// @notice A cap does not fit its field (96 bits).
    error CapTooHigh(uint256 cap, uint256 maximum);

    /// @notice Nothing is borrowed or repaid.
    error ZeroAmount();

    /// @notice `borrower` may not borrow.
    error BorrowingRestricted(address borrower);

    /// @notice More was to be borrowed than is neither lent nor inactive.
    error BorrowExceedsAvailable(uint256 requested, uint256 available);

    /// @notice The loan would be `borrowed`, above the share of the borrower.
    error BorrowExceedsAllocation(uint256 borrowed, uint256 limit);

    /// @notice The loan would be `borrowed`, within the share but above the cap of the borrower.
    error BorrowExceedsCap(uint256 borrowed, uint256 cap);

    /// @notice More was to be repaid than is borrowed.
    error RepayExceedsBorrowed(uint256 requested, uint256 borrowed);

    /// @notice A loan within its share is not overdue.
    error BorrowerNotOverdue(uint256 borrowed, uint256 allocated);

    /// @notice Loans do not exceed the active stake.
    error NoShortfall(uint256 borrowed, uint256 active);

    /// @notice The named borrowers are overdue by less than the shortfall. In ten-thousandths of a unit.
    error ShortfallNotCovered(uint256 covered, uint256 required);

    /// @notice There is no shortfall of this number.
    error UnknownShortfall(uint256 index, uint256 count);

    /// @notice There is no number for one more shortfall. Unreachable: there is at most one in each epoch.
    error TooManyShortfalls(uint256 count, uint256 maximum);

    /// @notice More debt was to be repaid, withdrawn or written off than there is.
    error ExceedsDebt(uint256 requested, uint256 debt);

    /// @notice More debt was to be withdrawn than borrowers have repaid.
    error InsufficientRepaidDebt(uint256 requested, uint256 available);

    /// @notice A record is settled to an epoch between its own and the current one.
    error SettlementEpochOutOfRange(uint256 epoch, uint256 minimum, uint256 maximum);

    /// @notice The zero address borrows nothing.
    error InvalidBorrower(address borrower);

    // ---------------------------------------------------------------- addresses and tokens

    /// @notice Neither the zero address nor the pool can hold stake.
    error InvalidStaker(address staker);

    /// @notice Neither the zero address nor the pool can receive tokens.
    error InvalidRecipient(address recipient);

    /// @notice The token delivered another amount than asked for, for example after a fee.
    error ReceivedAmountMismatch(uint256 expected, uint256 received);

    /// @notice A call to the token failed, returned false, or there is no token.
    error SafeErc20FailedOperation(address token);

    // ---------------------------------------------------------------- ERC-20, ERC-6093, ERC-2612

    /// @notice More was to be transferred than stays active next epoch.
    error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);

    /// @notice The zero address transfers nothing.
    error ERC20InvalidSender(address sender);

    /// @notice Neither the zero address nor the pool can hold stake.
    error ERC20InvalidReceiver(address receiver);

    /// @notice The zero address allows nothing.
    error ERC20InvalidApprover(address approver);

    /// @notice The zero address cannot be allowed anything.
    error ERC20InvalidSpender(address spender);

    /// @notice More was to be transferred than `spender` is allowed.
    error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);

    /// @notice The allowance is smaller than its decrease.
    error ERC20FailedDecreaseAllowance(address spender, uint256 currentAllowance, uint256 requestedDecrease);

    /// @notice The allowance would exceed 2^256 - 1.
    error AllowanceOverflow(uint256 currentAllowance, uint256 requestedIncrease);

    /// @notice The permit was valid up to `deadline`, seconds.
    error ERC2612ExpiredSignature(uint256 deadline);

    /// @notice The permit is signed by `signer`, not by `owner`.
    error ERC2612InvalidSigner(address signer, address owner);

    /// @notice Nobody signed.
    error ECDSAInvalidSignature();

    /// @notice The signature's other form, with low `s`, must be used.
    error ECDSAInvalidSignatureS(bytes32 s);

    // ---------------------------------------------------------------- roles (spec section 2)

    /// @notice `account` does not hold `neededRole`.
    error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);

    /// @notice One renounces only one's own roles.
    error AccessControlBadConfirmation();

    /// @notice Somebody must stay owner.
    error LastOwner(address owner);

    /// @notice Neither the zero address nor the pool can be owner.
    error InvalidOwner(address owner);

    /// @notice The owner role is offered to `proposed`, not to `caller`.
    error NotProposedOwner(address caller, address proposed);

    /// @notice The owner role is offered by `proposing`, not by `owner`.
    error NotProposingOwner(address owner, address proposing);

    // ---------------------------------------------------------------- construction

    /// @notice The pool is constructed once.
    error AlreadyInitialized();

    /// @notice Only while the pool is constructed, and never at a facet's own address.
    error NotConstructing();

    /// @notice Only the StylusDeployer constructs, which creates and constructs in one transaction: nobody can come in between.
    error NotStylusDeployer(address caller, address deployer);

    /// @notice There is no contract at the token's address, or it is the pool's own.
    error InvalidToken(address token);

    /// @notice The treasury cannot be the zero address or the pool.
    error InvalidTreasury(address treasury);

    /// @notice A distribution does not end before it starts. Seconds.
    error InvalidDistribution(uint256 start, uint256 end);

    /// @notice The end of the distribution does not fit its field (48 bits). Seconds.
    error DistributionEndOverflow(uint256 end, uint256 maximum);

    /// @notice Name and symbol have 1 to `maximum` bytes.
    error InvalidTextLength(uint256 length, uint256 maximum);

    /// @notice Name and symbol are printable ASCII; the byte at `position`, counted from 0, is not.
    error UnprintableText(uint256 position, uint256 character);

    /// @notice The staked token does not say how many decimals it has.
    error MissingDecimals(address token);

    /// @notice The staked token has more decimals than a pool is made for.
    error TooManyDecimals(uint256 decimals, uint256 maximum);

    // ---------------------------------------------------------------- routing (ERC-2535)

    /// @notice No facet answers this call.
    error UnknownSelector(bytes4 selector);

    /// @notice A call names its function in its first four bytes.
    error MissingSelector(uint256 length, uint256 minimum);

    /// @notice There is no program at the facet's address, or it is the pool's own.
    error InvalidFacet(address facet);

    /// @notice A removal names the zero address as facet.
    error RemovedFacetNotZero(address facet);

    /// @notice There is add (0), replace (1) and remove (2).
    error InvalidCutAction(uint8 action, uint8 maximum);

    /// @notice A cut of a facet names at least one selector.
    error NoSelectors(address facet);

    /// @notice The selector is routed already, to `facet`.
    error DuplicateSelector(bytes4 selector, address facet);

    /// @notice Without `diamondCut` no selector could ever be routed again. Replacing it is possible.
    error CannotRemoveDiamondCut(bytes4 selector);

    /// @notice No facet would answer `diamondCut`, or `markDebt`, without which nobody could withdraw while the pool is short.
    error RequiredSelectorUnrouted(bytes4 selector);

    /// @notice The facet that would answer `diamondCut` does not say, asked at its own address, that it cuts (ERC-165, `0x1f931c1c`): it
    ///   could be the last cut.
    error FacetDoesNotCut(address facet);

    /// @notice There is no program at the address to initialise with.
    error InvalidInitializer(address init);
}
