//! Why the pool refuses.

use alloy_primitives::{Address, U256};

use crate::Role;

/// A refusal, named and with its fields in the order of `abi/IPoolErrors.sol`, which documents them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "see the interface")]
pub enum Refusal {
    EpochZeroNotStarted {
        now: U256,
        start: U256,
    },
    EpochZeroNotInFuture {
        start: U256,
        now: U256,
    },
    BlackoutWindowExceedsHalfEpoch {
        window: U256,
        interval: U256,
    },
    BlackoutWindowTooShort {
        window: U256,
        minimum: U256,
    },
    EpochTooLong {
        interval: U256,
        maximum: U256,
    },
    OffsetOverflow {
        offset: U256,
        maximum: U256,
    },
    InBlackoutWindow {
        remaining: U256,
        window: U256,
    },
    EndsInBlackoutWindow {
        remaining: U256,
        window: U256,
    },
    EpochNumberChanged {
        current: U256,
        proposed: U256,
    },
    EpochStartChanged {
        current: U256,
        proposed: U256,
    },
    BalanceOverflow {
        balance: U256,
        maximum: U256,
    },
    InsufficientActiveBalance {
        requested: U256,
        available: U256,
    },
    InsufficientRequestedBalance {
        requested: U256,
        available: U256,
    },
    InsufficientInactiveBalance {
        requested: U256,
        available: U256,
    },
    InsufficientUnborrowedStake {
        requested: U256,
        available: U256,
    },
    ShortfallNotMarked {
        borrowed: U256,
        active: U256,
    },
    RewardsRateTooHigh {
        requested: U256,
        maximum: U256,
    },
    ArrayLengthMismatch {
        borrowers: U256,
        values: U256,
    },
    AllocationTooHigh {
        allocation: U256,
        maximum: U256,
    },
    AllocationSumChanged {
        proposed: U256,
        required: U256,
    },
    CapTooHigh {
        cap: U256,
        maximum: U256,
    },
    ZeroAmount,
    BorrowingRestricted {
        borrower: Address,
    },
    BorrowExceedsAvailable {
        requested: U256,
        available: U256,
    },
    BorrowExceedsAllocation {
        borrowed: U256,
        limit: U256,
    },
    BorrowExceedsCap {
        borrowed: U256,
        cap: U256,
    },
    RepayExceedsBorrowed {
        requested: U256,
        borrowed: U256,
    },
    BorrowerNotOverdue {
        borrowed: U256,
        allocated: U256,
    },
    NoShortfall {
        borrowed: U256,
        active: U256,
    },
    ShortfallNotCovered {
        covered: U256,
        required: U256,
    },
    ExceedsDebt {
        requested: U256,
        debt: U256,
    },
    InsufficientRepaidDebt {
        requested: U256,
        available: U256,
    },
    SettlementEpochOutOfRange {
        epoch: U256,
        minimum: U256,
        maximum: U256,
    },
    InvalidBorrower {
        borrower: Address,
    },
    InvalidStaker {
        staker: Address,
    },
    InvalidRecipient {
        recipient: Address,
    },
    /// A token call failed; the token.
    TokenFailed {
        token: Address,
    },
    InsufficientBalance {
        sender: Address,
        balance: U256,
        needed: U256,
    },
    InvalidSender {
        sender: Address,
    },
    InvalidReceiver {
        receiver: Address,
    },
    InvalidSpender {
        spender: Address,
    },
    InsufficientAllowance {
        spender: Address,
        allowance: U256,
        needed: U256,
    },
    FailedDecreaseAllowance {
        spender: Address,
        current: U256,
        requested: U256,
    },
    AllowanceOverflow {
        current: U256,
        requested: U256,
    },
    MissingRole {
        account: Address,
        role: Role,
    },
    LastOwner {
        owner: Address,
    },
    InvalidOwner {
        owner: Address,
    },
}
