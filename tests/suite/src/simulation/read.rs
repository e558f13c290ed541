//! What the chain says, in the ledger's words.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use model::{AccountView, BorrowerView, PoolView, Role, Shortfall, Snapshot, Stake};

use super::encode::role_id;
use crate::{
    Pool,
    abi::{
        IBorrowerAllocations as Lending, IDebtAccounting as Debt, IEpochSchedule as Schedule, IPoolViews as Views,
        IStakedToken as Token, IToken,
    },
};

/// `getPool`.
pub(super) fn pool(pool: &Pool) -> PoolView {
    let state = pool.view(Views::getPoolCall {});
    PoolView {
        started: state.started,
        in_blackout: state.inBlackoutWindow,
        epoch: state.epoch,
        remaining: state.timeRemaining,
        active: Stake { now: state.activeCurrentEpoch, next: state.activeNextEpoch },
        inactive: Stake { now: state.inactiveCurrentEpoch, next: state.inactiveNextEpoch },
        borrowed: state.borrowed,
        borrower_debt: state.borrowerDebt,
        unborrowed: state.unborrowed,
        repaid_debt: state.debtAvailableToWithdraw,
        shortfalls: state.shortfallCount,
        rate: state.rewardsPerSecond,
        index: state.globalIndex,
    }
}

/// `getAccount`; what it says nothing of is zero.
pub(super) fn account(pool: &Pool, staker: Address) -> AccountView {
    let state = pool.view(Views::getAccountCall { staker });
    let active = Stake { now: state.activeCurrentEpoch, next: state.activeNextEpoch };
    let inactive = Stake { now: state.inactiveCurrentEpoch, next: state.inactiveNextEpoch };
    AccountView {
        active,
        inactive,
        debt: state.debt,
        claimable: state.claimableRewards,
        stake_available: state.stakeAvailableToWithdraw,
        debt_available: state.debtAvailableToWithdraw,
        ..AccountView::default()
    }
}

/// `getAccount`, the getters of what it says nothing of, and what the account holds.
pub(super) fn account_and_wallet(pool: &Pool, staker: Address) -> AccountView {
    let held = |token| pool.chain.view(token, IToken::balanceOfCall { account: staker }).expect("tokens tell balances");
    AccountView {
        balance: pool.view(Token::balanceOfCall { account: staker }),
        transferable: pool.view(Token::getTransferableBalanceCall { account: staker }),
        stored_index: pool.view(Views::getUserIndexCall { staker }),
        wallet: held(pool.token()),
        rewards: held(pool.rewards_token()),
        ..account(pool, staker)
    }
}

/// The same by one getter for each number.
fn account_one_by_one(pool: &Pool, staker: Address) -> AccountView {
    AccountView {
        active: Stake {
            now: pool.view(Views::getActiveBalanceCurrentEpochCall { staker }),
            next: pool.view(Views::getActiveBalanceNextEpochCall { staker }),
        },
        inactive: Stake {
            now: pool.view(Views::getInactiveBalanceCurrentEpochCall { staker }),
            next: pool.view(Views::getInactiveBalanceNextEpochCall { staker }),
        },
        debt: pool.view(Debt::getStakerDebtBalanceCall { staker }),
        claimable: pool.view(Views::getClaimableRewardsCall { staker }),
        stake_available: pool.view(Views::getStakeAvailableToWithdrawCall { staker }),
        debt_available: pool.view(Debt::getDebtAvailableToWithdrawCall { staker }),
        ..account_and_wallet(pool, staker)
    }
}

/// `getBorrower`.
pub(super) fn borrower(pool: &Pool, borrower: Address) -> BorrowerView {
    let state = pool.view(Lending::getBorrowerCall { borrower });
    BorrowerView {
        borrowed: state.borrowed,
        debt: state.debt,
        share: Stake { now: state.allocationCurrentEpoch, next: state.allocationNextEpoch },
        allocated: Stake { now: state.allocatedBalanceCurrentEpoch, next: state.allocatedBalanceNextEpoch },
        borrowable: state.borrowable,
        overdue: state.overdue,
        restricted: state.restricted,
        cap: state.cap,
        overdue_amount: state.overdueAmount,
    }
}

/// The same by one getter for each number.
fn borrower_one_by_one(pool: &Pool, borrower: Address) -> BorrowerView {
    BorrowerView {
        borrowed: pool.view(Lending::getBorrowedBalanceCall { borrower }),
        debt: pool.view(Debt::getBorrowerDebtBalanceCall { borrower }),
        share: Stake {
            now: pool.view(Lending::getAllocationFractionCurrentEpochCall { borrower }),
            next: pool.view(Lending::getAllocationFractionNextEpochCall { borrower }),
        },
        allocated: Stake {
            now: pool.view(Lending::getAllocatedBalanceCurrentEpochCall { borrower }),
            next: pool.view(Lending::getAllocatedBalanceNextEpochCall { borrower }),
        },
        borrowable: pool.view(Lending::getBorrowableAmountCall { borrower }),
        overdue: pool.view(Lending::isBorrowerOverdueCall { borrower }),
        restricted: pool.view(Lending::isBorrowingRestrictedForBorrowerCall { borrower }),
        cap: pool.view(Lending::getBorrowerCapCall { borrower }),
        overdue_amount: pool.view(Lending::getBorrowerCall { borrower }).overdueAmount,
    }
}

/// The totals by one getter for each number.
fn pool_one_by_one(pool: &Pool) -> PoolView {
    let started = pool.view(Schedule::hasEpochZeroStartedCall {});
    let timed = |of: fn(&Pool) -> U256| if started { of(pool) } else { U256::ZERO };
    let (active, inactive) = (pool.total_active(), pool.total_inactive());
    PoolView {
        started,
        in_blackout: pool.view(Schedule::inBlackoutWindowCall {}),
        epoch: timed(|pool| pool.view(Schedule::getCurrentEpochCall {})),
        remaining: timed(|pool| pool.view(Schedule::getTimeRemainingInCurrentEpochCall {})),
        active: Stake { now: active.0, next: active.1 },
        inactive: Stake { now: inactive.0, next: inactive.1 },
        borrowed: pool.view(Lending::getTotalBorrowedBalanceCall {}),
        borrower_debt: pool.view(Debt::getTotalBorrowerDebtBalanceCall {}),
        unborrowed: pool.unborrowed(),
        repaid_debt: pool.view(Debt::getTotalDebtAvailableToWithdrawCall {}),
        shortfalls: pool.view(Debt::getShortfallCountCall {}),
        rate: pool.view(Views::getRewardsPerSecondCall {}),
        index: pool.view(Views::getGlobalIndexCall {}),
    }
}

/// People and borrowers of a snapshot, and epochs whose stored index it shows.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// Who may hold stake.
    pub people: Vec<Address>,
    /// Who may borrow.
    pub borrowers: Vec<Address>,
}

/// Everything that the chain's getters say; shortfalls from number `known` on are read, those before are taken over.
///
/// # Panics
///
/// If `getPool`, `getAccount` or `getBorrower` differ from the single getters.
pub(super) fn snapshot(pool: &Pool, scope: &Scope, epochs: &[u64], known: &[Shortfall]) -> Snapshot {
    let totals = pool_one_by_one(pool);
    assert_eq!(self::pool(pool), totals, "getPool is what the single getters say");
    let parameters = pool.view(Schedule::getEpochParametersCall {});
    let preview = pool.view(Debt::previewMarkDebtCall { borrowers: scope.borrowers.clone() });
    let index = |epoch: &u64| (*epoch, pool.view(Views::getEpochIndexCall { epoch: U256::from(*epoch) }));
    let start = |epoch: U256| pool.view(Schedule::getStartOfEpochCall { epoch });
    Snapshot {
        now: pool.now(),
        schedule: (
            U256::from(parameters.interval),
            U256::from(parameters.offset),
            pool.view(Schedule::getBlackoutWindowCall {}),
        ),
        epoch_starts: totals.started.then(|| (start(totals.epoch), start(totals.epoch + U256::ONE))),
        available_to_borrow: pool.view(Lending::getContractBalanceAvailableToBorrowCall {}),
        surplus: pool.view(Views::getSurplusCall {}),
        held: pool.tokens_of_pool(),
        supply: pool.view(Token::totalSupplyCall {}),
        shortfall: pool.view(Debt::getShortfallAmountCall {}),
        solvent: pool.view(Debt::isSolventCall {}),
        maximum_rate: pool.view(Views::getMaximumRewardsPerSecondCall {}),
        shortfalls: shortfalls(pool, totals.shortfalls, known),
        epoch_indexes: epochs.iter().map(index).collect(),
        accounts: accounts(pool, &scope.people),
        borrowers: borrowers(pool, &scope.borrowers),
        preview: (preview.shortfall, preview.uncovered, preview.converted, preview.index),
        preview_debts: pool.view(Debt::previewDebtsCall { borrowers: scope.borrowers.clone() }),
        allowances: allowances(pool, &scope.people),
        roles: roles(pool, &scope.people),
        pool: totals,
    }
}

fn accounts(pool: &Pool, people: &[Address]) -> BTreeMap<Address, AccountView> {
    let read = |name: &Address| {
        let view = account_one_by_one(pool, *name);
        assert_eq!(account_and_wallet(pool, *name), view, "getAccount is what the single getters say");
        (*name, view)
    };
    people.iter().map(read).collect()
}

fn borrowers(pool: &Pool, names: &[Address]) -> BTreeMap<Address, BorrowerView> {
    let read = |name: &Address| {
        let view = borrower_one_by_one(pool, *name);
        assert_eq!(borrower(pool, *name), view, "getBorrower is what the single getters say");
        (*name, view)
    };
    names.iter().map(read).collect()
}

/// The last known one is read again, as are all new ones.
fn shortfalls(pool: &Pool, count: U256, known: &[Shortfall]) -> Vec<Shortfall> {
    let count = count.to::<usize>();
    let old = known.len().min(count).saturating_sub(1);
    let read = |number: usize| {
        let shortfall = pool.view(Debt::getShortfallCall { index: U256::from(number) });
        Shortfall { epoch: shortfall.epoch.into(), index: U256::from(shortfall.index) }
    };
    known[..old].iter().copied().chain((old..count).map(read)).collect()
}

fn allowances(pool: &Pool, people: &[Address]) -> BTreeMap<(Address, Address), U256> {
    let pairs = people[..4].iter().flat_map(|owner| people.iter().map(move |spender| (*owner, *spender)));
    let read = |(owner, spender)| ((owner, spender), pool.view(Token::allowanceCall { owner, spender }));
    pairs.map(read).filter(|(_, amount)| !amount.is_zero()).collect()
}

fn roles(pool: &Pool, people: &[Address]) -> BTreeSet<(Role, Address)> {
    let pairs = Role::ALL.into_iter().flat_map(|role| people.iter().map(move |account| (role, *account)));
    let holds = |(role, account): &(Role, Address)| {
        pool.view(Schedule::hasRoleCall { role: role_id(*role), account: *account })
    };
    pairs.filter(holds).collect()
}

/// Runs a call on top of the present state, changing nothing; whether it succeeds.
pub(super) fn would_succeed(pool: &Pool, from: Address, call: impl SolCall) -> bool {
    let mut chain = pool.chain.clone();
    chain.from(from).simulate_raw(pool.address(), call.abi_encode()).is_ok()
}
