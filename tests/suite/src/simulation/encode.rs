//! The ledger's calls, events and refusals as they are encoded on the chain.

use alloy_primitives::{Address, B256, LogData, U256};
use alloy_sol_types::{SolCall, SolError};
use model::{Call, Event, Refusal, Role};

use crate::{
    ROLES,
    abi::{
        IBorrowerAllocations as Lending, IDebtAccounting as Debt, IEpochSchedule as Schedule, IPoolErrors as errors,
        IPoolEvents as events, IStakedToken as Token, IStaking as Staking,
    },
    check::log,
    deployment,
};

/// Id of a role.
pub(super) fn role_id(role: Role) -> B256 {
    deployment::role(ROLES[role as usize])
}

/// A call as its data.
pub(super) fn call(call: &Call) -> Vec<u8> {
    match call.clone() {
        Call::Stake(amount) => Staking::stakeCall { amount }.abi_encode(),
        Call::StakeFor(staker, amount) => Staking::stakeForCall { staker, amount }.abi_encode(),
        Call::RequestWithdrawal(amount) => Staking::requestWithdrawalCall { amount }.abi_encode(),
        Call::RequestWithdrawalFor(staker, amount) => Staking::requestWithdrawalForCall { staker, amount }.abi_encode(),
        Call::CancelWithdrawal(amount) => Staking::cancelWithdrawalCall { amount }.abi_encode(),
        Call::Restake(amount) => Staking::restakeCall { amount }.abi_encode(),
        Call::WithdrawStake(recipient, amount) => Staking::withdrawStakeCall { recipient, amount }.abi_encode(),
        Call::WithdrawMaxStake(recipient) => Staking::withdrawMaxStakeCall { recipient }.abi_encode(),
        Call::WithdrawStakeFor(staker, recipient, amount) => {
            Staking::withdrawStakeForCall { staker, recipient, amount }.abi_encode()
        }
        Call::ClaimRewards(recipient) => Staking::claimRewardsCall { recipient }.abi_encode(),
        Call::ClaimRewardsFor(staker, recipient) => Staking::claimRewardsForCall { staker, recipient }.abi_encode(),
        other => token_call(other),
    }
}

fn token_call(call: Call) -> Vec<u8> {
    match call {
        Call::Transfer(to, amount) => Token::transferCall { to, amount }.abi_encode(),
        Call::TransferFrom(from, to, amount) => Token::transferFromCall { from, to, amount }.abi_encode(),
        Call::Approve(spender, amount) => Token::approveCall { spender, amount }.abi_encode(),
        Call::IncreaseAllowance(spender, more) => {
            Token::increaseAllowanceCall { spender, addedValue: more }.abi_encode()
        }
        Call::DecreaseAllowance(spender, less) => {
            Token::decreaseAllowanceCall { spender, subtractedValue: less }.abi_encode()
        }
        other => admin_call(other),
    }
}

fn admin_call(call: Call) -> Vec<u8> {
    match call {
        Call::SetEpochParameters(interval, offset) => {
            Schedule::setEpochParametersCall { interval, offset }.abi_encode()
        }
        Call::SetBlackoutWindow(window) => Schedule::setBlackoutWindowCall { blackoutWindow: window }.abi_encode(),
        Call::SetRewardsPerSecond(rate) => Schedule::setRewardsPerSecondCall { emissionPerSecond: rate }.abi_encode(),
        Call::SweepSurplus => Schedule::sweepSurplusCall {}.abi_encode(),
        Call::GrantRole(role, account) => Schedule::grantRoleCall { role: role_id(role), account }.abi_encode(),
        Call::RevokeRole(role, account) => Schedule::revokeRoleCall { role: role_id(role), account }.abi_encode(),
        other => lending_call(other),
    }
}

fn lending_call(call: Call) -> Vec<u8> {
    match call {
        Call::SetBorrowerAllocations(borrowers, shares) => {
            Lending::setBorrowerAllocationsCall { borrowers, newAllocations: shares }.abi_encode()
        }
        Call::SetBorrowerCaps(borrowers, caps) => Lending::setBorrowerCapsCall { borrowers, caps }.abi_encode(),
        Call::SetBorrowingRestriction(borrower, to) => {
            Lending::setBorrowingRestrictionCall { borrower, isBorrowingRestricted: to }.abi_encode()
        }
        Call::RestrictBorrower(borrower) => Lending::restrictBorrowerCall { borrower }.abi_encode(),
        Call::Borrow(amount) => Lending::borrowCall { amount }.abi_encode(),
        Call::RepayBorrow(borrower, amount) => Lending::repayBorrowCall { borrower, amount }.abi_encode(),
        Call::RepayBorrowUpTo(borrower, max) => Lending::repayBorrowUpToCall { borrower, max }.abi_encode(),
        other => debt_call(other),
    }
}

fn debt_call(call: Call) -> Vec<u8> {
    match call {
        Call::MarkDebt(borrowers) => Debt::markDebtCall { borrowers }.abi_encode(),
        Call::RepayDebt(borrower, amount) => Debt::repayDebtCall { borrower, amount }.abi_encode(),
        Call::RepayDebtUpTo(borrower, max) => Debt::repayDebtUpToCall { borrower, max }.abi_encode(),
        Call::DecreaseBorrowerDebt(borrower, amount) => {
            Debt::decreaseBorrowerDebtCall { borrower, amount }.abi_encode()
        }
        Call::WithdrawDebt(recipient, amount) => Debt::withdrawDebtCall { recipient, amount }.abi_encode(),
        Call::WithdrawMaxDebt(recipient) => Debt::withdrawMaxDebtCall { recipient }.abi_encode(),
        Call::DecreaseStakerDebt(staker, amount) => Debt::decreaseStakerDebtCall { staker, amount }.abi_encode(),
        Call::FailsafeSettle(epoch) => {
            Debt::failsafeSettleUserInactiveBalanceToEpochCall { maxEpoch: epoch }.abi_encode()
        }
        Call::SettleShortfalls(staker, max) => Debt::settleShortfallsCall { staker, max }.abi_encode(),
        other => unreachable!("every call has a home: {other:?}"),
    }
}

/// An event as it stands in a log.
pub(super) fn event(event: &Event) -> LogData {
    match *event {
        Event::Staked(staker, spender, amount) => log(events::Staked { staker, spender, amount }),
        Event::WithdrawalRequested(staker, amount) => log(events::WithdrawalRequested { staker, amount }),
        Event::WithdrawalCancelled(staker, amount) => log(events::WithdrawalCancelled { staker, amount }),
        Event::Restaked(staker, amount) => log(events::Restaked { staker, amount }),
        Event::WithdrewStake(staker, recipient, amount) => log(events::WithdrewStake { staker, recipient, amount }),
        Event::WithdrewDebt(staker, recipient, amount, left) => {
            log(events::WithdrewDebt { staker, recipient, amount, newDebtBalance: left })
        }
        Event::ReceivedDebt(staker, amount, debt) => log(events::ReceivedDebt { staker, amount, newDebtBalance: debt }),
        Event::Transfer(from, to, value) => log(events::Transfer { from, to, value }),
        Event::Approval(owner, spender, value) => log(events::Approval { owner, spender, value }),
        Event::RewardsPerSecondUpdated(rate) => log(events::RewardsPerSecondUpdated { emissionPerSecond: rate }),
        Event::GlobalIndexUpdated(index) => log(events::GlobalIndexUpdated { index }),
        Event::UserIndexUpdated(user, index, rewards) => {
            log(events::UserIndexUpdated { user, index, unclaimedRewards: rewards })
        }
        Event::ClaimedRewards(user, recipient, claimed) => {
            log(events::ClaimedRewards { user, recipient, claimedRewards: claimed })
        }
        _ => operator_event(event),
    }
}

fn operator_event(event: &Event) -> LogData {
    match *event {
        Event::OperatorStakedFor(staker, amount, operator) => {
            log(events::OperatorStakedFor { staker, amount, operator })
        }
        Event::OperatorWithdrawalRequestedFor(staker, amount, operator) => {
            log(events::OperatorWithdrawalRequestedFor { staker, amount, operator })
        }
        Event::OperatorWithdrewStakeFor(staker, recipient, amount, operator) => {
            log(events::OperatorWithdrewStakeFor { staker, recipient, amount, operator })
        }
        Event::OperatorClaimedRewardsFor(staker, recipient, claimed, operator) => {
            log(events::OperatorClaimedRewardsFor { staker, recipient, claimedRewards: claimed, operator })
        }
        Event::OperatorDecreasedStakerDebt(staker, amount, left, operator) => {
            log(events::OperatorDecreasedStakerDebt { staker, amount, newDebtBalance: left, operator })
        }
        Event::OperatorDecreasedBorrowerDebt(borrower, amount, left, operator) => {
            log(events::OperatorDecreasedBorrowerDebt { borrower, amount, newDebtBalance: left, operator })
        }
        _ => lending_event(event),
    }
}

fn lending_event(event: &Event) -> LogData {
    match *event {
        Event::Borrowed(borrower, amount, total) => {
            log(events::Borrowed { borrower, amount, newBorrowedBalance: total })
        }
        Event::RepaidBorrow(borrower, sender, amount, left) => {
            log(events::RepaidBorrow { borrower, sender, amount, newBorrowedBalance: left })
        }
        Event::RepaidDebt(borrower, sender, amount, left) => {
            log(events::RepaidDebt { borrower, sender, amount, newDebtBalance: left })
        }
        Event::DebtMarked(borrower, amount, borrowed, debt) => {
            log(events::DebtMarked { borrower, amount, newBorrowedBalance: borrowed, newDebtBalance: debt })
        }
        Event::ConvertedInactiveBalancesToDebt(amount, index, left) => log(events::ConvertedInactiveBalancesToDebt {
            shortfallAmount: amount,
            shortfallIndex: index,
            newInactiveBalance: left,
        }),
        Event::ScheduledBorrowerAllocationChange(borrower, old, new, epoch) => {
            log(events::ScheduledBorrowerAllocationChange {
                borrower,
                oldAllocation: old,
                newAllocation: new,
                epochNumber: epoch,
            })
        }
        Event::BorrowerCapChanged(borrower, old, new) => {
            log(events::BorrowerCapChanged { borrower, oldCap: old, newCap: new })
        }
        Event::BorrowingRestrictionChanged(borrower, to) => {
            log(events::BorrowingRestrictionChanged { borrower, isBorrowingRestricted: to })
        }
        _ => admin_event(event),
    }
}

fn admin_event(event: &Event) -> LogData {
    match *event {
        Event::EpochParametersChanged(interval, offset) => {
            log(events::EpochParametersChanged { epochParameters: events::EpochParameters { interval, offset } })
        }
        Event::BlackoutWindowChanged(window) => log(events::BlackoutWindowChanged { blackoutWindow: window }),
        Event::RoleGranted(role, account, sender) => log(events::RoleGranted { role: role_id(role), account, sender }),
        Event::RoleRevoked(role, account, sender) => log(events::RoleRevoked { role: role_id(role), account, sender }),
        Event::SurplusSwept(recipient, amount) => log(events::SurplusSwept { recipient, amount }),
        ref other => unreachable!("every event has a home: {other:?}"),
    }
}

/// A refusal as the data of the revert.
pub(super) fn refusal(refusal: &Refusal) -> Vec<u8> {
    use Refusal as R;
    match refusal.clone() {
        R::EpochZeroNotStarted { now, start } => errors::EpochZeroNotStarted { timestamp: now, start }.abi_encode(),
        R::EpochZeroNotInFuture { start, now } => errors::EpochZeroNotInFuture { start, timestamp: now }.abi_encode(),
        R::BlackoutWindowExceedsHalfEpoch { window, interval } => {
            errors::BlackoutWindowExceedsHalfEpoch { blackoutWindow: window, interval }.abi_encode()
        }
        R::BlackoutWindowTooShort { window, minimum } => {
            errors::BlackoutWindowTooShort { blackoutWindow: window, minimum }.abi_encode()
        }
        R::EpochTooLong { interval, maximum } => errors::EpochTooLong { interval, maximum }.abi_encode(),
        R::OffsetOverflow { offset, maximum } => errors::OffsetOverflow { offset, maximum }.abi_encode(),
        R::InBlackoutWindow { remaining, window } => {
            errors::InBlackoutWindow { timeRemaining: remaining, blackoutWindow: window }.abi_encode()
        }
        R::EndsInBlackoutWindow { remaining, window } => {
            errors::EndsInBlackoutWindow { timeRemaining: remaining, blackoutWindow: window }.abi_encode()
        }
        R::EpochNumberChanged { current, proposed } => errors::EpochNumberChanged { current, proposed }.abi_encode(),
        R::EpochStartChanged { current, proposed } => errors::EpochStartChanged { current, proposed }.abi_encode(),
        R::RewardsRateTooHigh { requested, maximum } => errors::RewardsRateTooHigh { requested, maximum }.abi_encode(),
        R::MissingRole { account, role } => {
            errors::AccessControlUnauthorizedAccount { account, neededRole: role_id(role) }.abi_encode()
        }
        R::LastOwner { owner } => errors::LastOwner { owner }.abi_encode(),
        R::InvalidOwner { owner } => errors::InvalidOwner { owner }.abi_encode(),
        other => stake_refusal(other),
    }
}

fn stake_refusal(refusal: Refusal) -> Vec<u8> {
    use Refusal as R;
    match refusal {
        R::BalanceOverflow { balance, maximum } => errors::BalanceOverflow { balance, maximum }.abi_encode(),
        R::InsufficientActiveBalance { requested, available } => {
            errors::InsufficientActiveBalance { requested, available }.abi_encode()
        }
        R::InsufficientRequestedBalance { requested, available } => {
            errors::InsufficientRequestedBalance { requested, available }.abi_encode()
        }
        R::InsufficientInactiveBalance { requested, available } => {
            errors::InsufficientInactiveBalance { requested, available }.abi_encode()
        }
        R::InsufficientUnborrowedStake { requested, available } => {
            errors::InsufficientUnborrowedStake { requested, available }.abi_encode()
        }
        R::ShortfallNotMarked { borrowed, active } => errors::ShortfallNotMarked { borrowed, active }.abi_encode(),
        R::InvalidStaker { staker } => errors::InvalidStaker { staker }.abi_encode(),
        R::InvalidRecipient { recipient } => errors::InvalidRecipient { recipient }.abi_encode(),
        R::TokenFailed { token } => errors::SafeErc20FailedOperation { token }.abi_encode(),
        other => token_refusal(other),
    }
}

fn token_refusal(refusal: Refusal) -> Vec<u8> {
    use Refusal as R;
    match refusal {
        R::InsufficientBalance { sender, balance, needed } => {
            errors::ERC20InsufficientBalance { sender, balance, needed }.abi_encode()
        }
        R::InvalidSender { sender } => errors::ERC20InvalidSender { sender }.abi_encode(),
        R::InvalidReceiver { receiver } => errors::ERC20InvalidReceiver { receiver }.abi_encode(),
        R::InvalidSpender { spender } => errors::ERC20InvalidSpender { spender }.abi_encode(),
        R::InsufficientAllowance { spender, allowance, needed } => {
            errors::ERC20InsufficientAllowance { spender, allowance, needed }.abi_encode()
        }
        R::FailedDecreaseAllowance { spender, current, requested } => {
            errors::ERC20FailedDecreaseAllowance { spender, currentAllowance: current, requestedDecrease: requested }
                .abi_encode()
        }
        R::AllowanceOverflow { current, requested } => {
            errors::AllowanceOverflow { currentAllowance: current, requestedIncrease: requested }.abi_encode()
        }
        other => lending_refusal(other),
    }
}

fn lending_refusal(refusal: Refusal) -> Vec<u8> {
    use Refusal as R;
    match refusal {
        R::ArrayLengthMismatch { borrowers, values } => errors::ArrayLengthMismatch { borrowers, values }.abi_encode(),
        R::CapTooHigh { cap, maximum } => errors::CapTooHigh { cap, maximum }.abi_encode(),
        R::BorrowExceedsCap { borrowed, cap } => errors::BorrowExceedsCap { borrowed, cap }.abi_encode(),
        R::AllocationTooHigh { allocation, maximum } => errors::AllocationTooHigh { allocation, maximum }.abi_encode(),
        R::AllocationSumChanged { proposed, required } => {
            errors::AllocationSumChanged { proposed, required }.abi_encode()
        }
        R::ZeroAmount => errors::ZeroAmount {}.abi_encode(),
        R::BorrowingRestricted { borrower } => errors::BorrowingRestricted { borrower }.abi_encode(),
        R::BorrowExceedsAvailable { requested, available } => {
            errors::BorrowExceedsAvailable { requested, available }.abi_encode()
        }
        R::BorrowExceedsAllocation { borrowed, limit } => {
            errors::BorrowExceedsAllocation { borrowed, limit }.abi_encode()
        }
        R::RepayExceedsBorrowed { requested, borrowed } => {
            errors::RepayExceedsBorrowed { requested, borrowed }.abi_encode()
        }
        R::BorrowerNotOverdue { borrowed, allocated } => {
            errors::BorrowerNotOverdue { borrowed, allocated }.abi_encode()
        }
        other => debt_refusal(other),
    }
}

fn debt_refusal(refusal: Refusal) -> Vec<u8> {
    use Refusal as R;
    match refusal {
        R::NoShortfall { borrowed, active } => errors::NoShortfall { borrowed, active }.abi_encode(),
        R::ShortfallNotCovered { covered, required } => errors::ShortfallNotCovered { covered, required }.abi_encode(),
        R::ExceedsDebt { requested, debt } => errors::ExceedsDebt { requested, debt }.abi_encode(),
        R::InsufficientRepaidDebt { requested, available } => {
            errors::InsufficientRepaidDebt { requested, available }.abi_encode()
        }
        R::SettlementEpochOutOfRange { epoch, minimum, maximum } => {
            errors::SettlementEpochOutOfRange { epoch, minimum, maximum }.abi_encode()
        }
        R::InvalidBorrower { borrower } => errors::InvalidBorrower { borrower }.abi_encode(),
        other => unreachable!("every refusal has a home: {other:?}"),
    }
}

/// A returned value as data.
pub(super) fn returned(value: Option<U256>) -> Vec<u8> {
    value.map(|value| value.to_be_bytes::<32>().to_vec()).unwrap_or_default()
}

/// Addresses that a call names.
pub(super) fn named(call: &Call) -> Vec<Address> {
    match call {
        Call::StakeFor(who, _)
        | Call::RequestWithdrawalFor(who, _)
        | Call::WithdrawStake(who, _)
        | Call::WithdrawMaxStake(who)
        | Call::ClaimRewards(who)
        | Call::Transfer(who, _)
        | Call::RepayBorrow(who, _)
        | Call::RepayBorrowUpTo(who, _)
        | Call::RepayDebt(who, _)
        | Call::RepayDebtUpTo(who, _)
        | Call::DecreaseBorrowerDebt(who, _)
        | Call::WithdrawDebt(who, _)
        | Call::WithdrawMaxDebt(who)
        | Call::DecreaseStakerDebt(who, _)
        | Call::SetBorrowingRestriction(who, _)
        | Call::RestrictBorrower(who)
        | Call::SettleShortfalls(who, _) => vec![*who],
        Call::WithdrawStakeFor(one, two, _) | Call::ClaimRewardsFor(one, two) | Call::TransferFrom(one, two, _) => {
            vec![*one, *two]
        }
        Call::SetBorrowerAllocations(all, _) | Call::SetBorrowerCaps(all, _) | Call::MarkDebt(all) => all.clone(),
        _ => vec![],
    }
}
