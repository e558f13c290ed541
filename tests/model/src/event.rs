//! What the pool reports.

use alloy_primitives::{Address, U256};

use crate::Role;

/// An event, with its fields in the order of `abi/IPoolEvents.sol`, which documents them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "see the interface")]
pub enum Event {
    Staked(Address, Address, U256),
    WithdrawalRequested(Address, U256),
    WithdrawalCancelled(Address, U256),
    Restaked(Address, U256),
    WithdrewStake(Address, Address, U256),
    WithdrewDebt(Address, Address, U256, U256),
    ReceivedDebt(Address, U256, U256),
    OperatorStakedFor(Address, U256, Address),
    OperatorWithdrawalRequestedFor(Address, U256, Address),
    OperatorWithdrewStakeFor(Address, Address, U256, Address),
    OperatorClaimedRewardsFor(Address, Address, U256, Address),
    OperatorDecreasedStakerDebt(Address, U256, U256, Address),
    OperatorDecreasedBorrowerDebt(Address, U256, U256, Address),
    Transfer(Address, Address, U256),
    Approval(Address, Address, U256),
    RewardsPerSecondUpdated(U256),
    GlobalIndexUpdated(U256),
    UserIndexUpdated(Address, U256, U256),
    ClaimedRewards(Address, Address, U256),
    EpochParametersChanged(u128, u128),
    BlackoutWindowChanged(U256),
    Borrowed(Address, U256, U256),
    RepaidBorrow(Address, Address, U256, U256),
    RepaidDebt(Address, Address, U256, U256),
    DebtMarked(Address, U256, U256, U256),
    ConvertedInactiveBalancesToDebt(U256, U256, U256),
    ScheduledBorrowerAllocationChange(Address, U256, U256, U256),
    BorrowerCapChanged(Address, U256, U256),
    BorrowingRestrictionChanged(Address, bool),
    RoleGranted(Role, Address, Address),
    RoleRevoked(Role, Address, Address),
    SurplusSwept(Address, U256),
}
