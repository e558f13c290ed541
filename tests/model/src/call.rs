//! What can be asked of the pool, and what it answers.

use alloy_primitives::{Address, U256};

use crate::{Event, Refusal};

/// Roles, in the order of the specification's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "section 2 of the specification says what each is for")]
pub enum Role {
    Owner,
    EpochParameters,
    RewardsRate,
    BorrowerAdmin,
    ClaimOperator,
    StakeOperator,
    DebtOperator,
}

impl Role {
    /// All of them; the first four go to the first owner.
    pub const ALL: [Self; 7] = [
        Self::Owner,
        Self::EpochParameters,
        Self::RewardsRate,
        Self::BorrowerAdmin,
        Self::ClaimOperator,
        Self::StakeOperator,
        Self::DebtOperator,
    ];
}

/// A function of the pool that changes something, with its arguments in the order of the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the interfaces in abi/ document each function")]
pub enum Call {
    Stake(U256),
    StakeFor(Address, U256),
    RequestWithdrawal(U256),
    RequestWithdrawalFor(Address, U256),
    CancelWithdrawal(U256),
    Restake(U256),
    WithdrawStake(Address, U256),
    WithdrawMaxStake(Address),
    WithdrawStakeFor(Address, Address, U256),
    ClaimRewards(Address),
    ClaimRewardsFor(Address, Address),

    Transfer(Address, U256),
    TransferFrom(Address, Address, U256),
    Approve(Address, U256),
    IncreaseAllowance(Address, U256),
    DecreaseAllowance(Address, U256),

    SetEpochParameters(U256, U256),
    SetBlackoutWindow(U256),
    SetRewardsPerSecond(U256),
    SweepSurplus,
    GrantRole(Role, Address),
    RevokeRole(Role, Address),

    SetBorrowerAllocations(Vec<Address>, Vec<U256>),
    SetBorrowerCaps(Vec<Address>, Vec<U256>),
    SetBorrowingRestriction(Address, bool),
    RestrictBorrower(Address),
    Borrow(U256),
    RepayBorrow(Address, U256),
    RepayBorrowUpTo(Address, U256),

    MarkDebt(Vec<Address>),
    RepayDebt(Address, U256),
    RepayDebtUpTo(Address, U256),
    DecreaseBorrowerDebt(Address, U256),
    WithdrawDebt(Address, U256),
    WithdrawMaxDebt(Address),
    DecreaseStakerDebt(Address, U256),
    FailsafeSettle(U256),
    SettleShortfalls(Address, U256),
}

/// What a successful call returns and reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// What it returns, if it returns anything: a number, or 1 for true.
    pub returned: Option<U256>,
    /// What it reports, in order.
    pub events: Vec<Event>,
}

/// How a call ends.
pub type Outcome = Result<Done, Refusal>;
