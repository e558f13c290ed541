//! What holds of every pool between any two calls, as sentences that are checked: the part of tests/model's that views alone tell.

use alloy_primitives::{Address, U256};
use client::{
    At, Node, State,
    bindings::{
        IBorrowerAllocations as B, IDebtAccounting as D, IDiamondCut, IPoolViews as V, IRoles, IStakedToken as S,
        IToken,
    },
};
use serde::Serialize;

use super::people::People;
use crate::pool::scene::Scene;

/// The whole, in basis points.
const WHOLE: u64 = 10_000;

/// A sentence, and whether it holds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sentence {
    pub(crate) sentence: &'static str,
    pub(crate) holds: bool,
}

/// Everything that views tell of a pool and those whom it knows.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pool: V::PoolState,
    shortfall: U256,
    surplus: U256,
    supply: U256,
    held: U256,
    nobodys_share: U256,
    owners: U256,
    /// Selectors that no facet with code answers.
    unanswered: usize,
    accounts: Vec<(V::Account, U256)>,
    borrowers: Vec<B::BorrowerState>,
}

type Check = fn(&Snapshot) -> bool;

const SENTENCES: [(&str, Check); 11] = [
    ("requests move stake, they neither make nor lose any", |s| {
        all(s.pool.activeCurrentEpoch, s.pool.inactiveCurrentEpoch)
            == all(s.pool.activeNextEpoch, s.pool.inactiveNextEpoch)
    }),
    ("all stake is lent or unborrowed", |s| {
        !s.shortfall.is_zero()
            || all(s.pool.activeCurrentEpoch, s.pool.inactiveCurrentEpoch) == all(s.pool.borrowed, s.pool.unborrowed)
    }),
    ("active stakes sum to their total, this epoch and next", |s| {
        sum(s, |a| a.activeCurrentEpoch) == s.pool.activeCurrentEpoch
            && sum(s, |a| a.activeNextEpoch) == s.pool.activeNextEpoch
    }),
    ("the inactive total covers every staker, this epoch and next", |s| {
        sum(s, |a| a.inactiveCurrentEpoch) <= s.pool.inactiveCurrentEpoch
            && sum(s, |a| a.inactiveNextEpoch) <= s.pool.inactiveNextEpoch
    }),
    ("loans and debts of borrowers sum to their totals", |s| {
        owed(s, |b| b.borrowed) == s.pool.borrowed && owed(s, |b| b.debt) == s.pool.borrowerDebt
    }),
    ("the supply is all stake, a balance all stake of its holder", |s| {
        s.supply == all(s.pool.activeCurrentEpoch, s.pool.inactiveCurrentEpoch)
            && s.accounts.iter().all(|(a, balance)| *balance == all(a.activeCurrentEpoch, a.inactiveCurrentEpoch))
    }),
    ("the tokens held are unborrowed stake, repaid debt and surplus", |s| {
        !s.shortfall.is_zero() || s.held == all(s.pool.unborrowed, all(s.pool.debtAvailableToWithdraw, s.surplus))
    }),
    ("shares sum to the whole, this epoch and next", |s| {
        let next = owed(s, |b| b.allocationNextEpoch).saturating_add(s.nobodys_share);
        next == U256::from(WHOLE)
    }),
    ("nobody can borrow beyond its share, its cap or a restriction", |s| {
        s.borrowers.iter().all(|b| {
            let owes = all(b.borrowed, b.borrowable);
            b.borrowable.is_zero()
                || !b.restricted && owes <= b.allocatedBalanceCurrentEpoch && (b.cap.is_zero() || owes <= b.cap)
        })
    }),
    ("somebody owns the pool", |s| !s.owners.is_zero()),
    ("every function that is routed is answered by a contract", |s| s.unanswered == 0),
];

impl Snapshot {
    /// Reads all of it as of one block.
    ///
    /// # Errors
    ///
    /// If a view is refused, or if the node fails.
    pub(crate) fn read(node: &Node, scene: &Scene, people: &People) -> anyhow::Result<Self> {
        let at = node.at_latest()?;
        let pool = scene.pool;
        let stakers: Vec<_> = people.stakers.iter().map(|staker| V::getAccountCall { staker: *staker }).collect();
        let balances: Vec<_> = people.stakers.iter().map(|account| S::balanceOfCall { account: *account }).collect();
        let accounts = at.view_many(pool, &stakers)?.into_iter().zip(at.view_many(pool, &balances)?).collect();
        let borrowers = people.borrowers.iter().filter(|borrower| !borrower.is_zero());
        let borrowers: Vec<_> = borrowers.map(|borrower| B::getBorrowerCall { borrower: *borrower }).collect();
        let nobody = B::getAllocationFractionNextEpochCall { borrower: Address::ZERO };
        Ok(Self {
            pool: scene.state(&at)?,
            shortfall: at.view(pool, &D::getShortfallAmountCall {})?,
            surplus: at.view(pool, &V::getSurplusCall {})?,
            supply: at.view(pool, &S::totalSupplyCall {})?,
            held: at.view(scene.staked.address, &IToken::balanceOfCall { account: pool })?,
            nobodys_share: at.view(pool, &nobody)?,
            owners: at.view(pool, &IRoles::getOwnerCountCall {})?,
            unanswered: unanswered(&at, pool)?,
            accounts,
            borrowers: at.view_many(pool, &borrowers)?,
        })
    }

    /// Each sentence, and whether it holds.
    pub(crate) fn sentences(&self) -> Vec<Sentence> {
        SENTENCES.iter().map(|(sentence, holds)| Sentence { sentence, holds: holds(self) }).collect()
    }

    /// What an account or a borrower sees, by which two pools are compared.
    pub(crate) fn described(&self) -> String {
        format!("{self:?}")
    }
}

fn unanswered(at: &At<'_>, pool: Address) -> anyhow::Result<usize> {
    let mut missing = 0;
    for facet in at.view(pool, &IDiamondCut::facetsCall {})? {
        if at.code(facet.facetAddress)?.is_empty() {
            missing += facet.functionSelectors.len();
        }
    }
    Ok(missing)
}

fn all(one: U256, other: U256) -> U256 {
    one.saturating_add(other)
}

fn sum(snapshot: &Snapshot, part: fn(&V::Account) -> U256) -> U256 {
    snapshot.accounts.iter().fold(U256::ZERO, |sum, (account, _)| sum.saturating_add(part(account)))
}

fn owed(snapshot: &Snapshot, part: fn(&B::BorrowerState) -> U256) -> U256 {
    snapshot.borrowers.iter().fold(U256::ZERO, |sum, borrower| sum.saturating_add(part(borrower)))
}
