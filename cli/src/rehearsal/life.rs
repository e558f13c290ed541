//! An epoch of a pool's life, played on a rehearsal: the largest staker asks for its stake, leaves with the next epoch, claims and stakes
//! again. Played before and after an upgrade, both must come through, and what they cost and lead to is compared.

use alloy_primitives::{Address, U256};
use client::{
    Request,
    bindings::{IDebtAccounting as D, IPoolViews as V, IStakedToken, IStaking as S, IToken},
};
use serde::Serialize;

use super::{Rehearsal, invariants::Snapshot, people::People};
use crate::pool::scene::Scene;

/// A call of the life, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    pub(crate) call: &'static str,
    pub(crate) gas: Option<u64>,
    /// Why it was refused.
    pub(crate) refused: Option<String>,
}

/// What was played, and what everybody sees afterwards.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) steps: Vec<Step>,
    pub(crate) end: String,
}

/// Plays it; nothing of it stays.
///
/// # Errors
///
/// If the chain fails. A call that is refused is part of the life.
pub(crate) fn play(rehearsal: &Rehearsal, scene: &Scene, people: &People) -> anyhow::Result<Life> {
    let before = rehearsal.snapshot()?;
    let mut player = Player { rehearsal, scene, steps: Vec::new() };
    player.play(people)?;
    let steps = player.steps;
    let end = Snapshot::read(&rehearsal.node, scene, people)?.described();
    rehearsal.revert(&before)?;
    Ok(Life { steps, end })
}

struct Player<'a> {
    rehearsal: &'a Rehearsal,
    scene: &'a Scene,
    steps: Vec<Step>,
}

impl Player<'_> {
    fn play(&mut self, people: &People) -> anyhow::Result<()> {
        let node = &self.rehearsal.node;
        let pool = self.scene.pool;
        let Some((staker, stake)) = self.largest(people)? else { return Ok(()) };
        let state = self.scene.state(&node.at_latest()?)?;
        self.call("requestWithdrawal", staker, &Request::of(pool, &S::requestWithdrawalCall { amount: stake }));
        let half = stake / U256::from(2);
        self.call("cancelWithdrawal", staker, &Request::of(pool, &S::cancelWithdrawalCall { amount: half }));
        let now = node.at_latest()?.time;
        self.rehearsal.pass_to(now.saturating_add(state.timeRemaining.saturating_to()).saturating_add(1))?;
        let shortfall = node.view(pool, &D::getShortfallAmountCall {})?;
        if !shortfall.is_zero() {
            let borrowers = people.borrowers.iter().copied().filter(|borrower| !borrower.is_zero()).collect();
            self.call("markDebt", staker, &Request::of(pool, &D::markDebtCall { borrowers }));
        }
        self.call("claimRewards", staker, &Request::of(pool, &S::claimRewardsCall { recipient: staker }));
        let held = IToken::balanceOfCall { account: staker };
        let before = node.view(self.scene.staked.address, &held)?;
        self.call("withdrawMaxStake", staker, &Request::of(pool, &S::withdrawMaxStakeCall { recipient: staker }));
        let amount = node.view(self.scene.staked.address, &held)?.saturating_sub(before);
        if !amount.is_zero() {
            let approve = IToken::approveCall { spender: pool, value: amount };
            self.rehearsal.send(staker, &Request::of(self.scene.staked.address, &approve))?;
            self.call("stake", staker, &Request::of(pool, &S::stakeCall { amount }));
        }
        let transfer = IStakedToken::transferCall { to: Address::repeat_byte(0x11), amount: U256::ONE };
        self.call("transfer", staker, &Request::of(pool, &transfer));
        Ok(())
    }

    /// Who has the most active stake of those that are known.
    fn largest(&self, people: &People) -> anyhow::Result<Option<(Address, U256)>> {
        let calls: Vec<_> =
            people.stakers.iter().map(|staker| V::getActiveBalanceNextEpochCall { staker: *staker }).collect();
        let stakes = self.rehearsal.node.view_many(self.scene.pool, &calls)?;
        let stakes = people.stakers.iter().copied().zip(stakes).filter(|(_, stake)| !stake.is_zero());
        Ok(stakes.max_by_key(|(_, stake)| *stake))
    }

    fn call(&mut self, call: &'static str, from: Address, request: &Request) {
        let step = match self.rehearsal.send(from, request) {
            Ok(done) => Step { call, gas: Some(done.gas), refused: None },
            Err(error) => Step { call, gas: None, refused: Some(format!("{error:#}")) },
        };
        self.steps.push(step);
    }
}
