//! An epoch of a pool's life, played on a rehearsal: a borrower takes a loan and repays it, the largest staker asks for its stake, leaves with
//! the next epoch, claims and stakes again. Played before and after an upgrade, both must come through, and what they cost and lead to is compared.

use alloy_primitives::{Address, U256};
use client::{
    Request,
    bindings::{IBorrowerAllocations as B, IDebtAccounting as D, IPoolViews as V, IStakedToken, IStaking as S, IToken},
};
use serde::Serialize;

use super::{Rehearsal, invariants::Snapshot, people::People};
use crate::pool::scene::Scene;

/// What each scenario costs with the programs of this checkout.
const BENCHMARKS: &str = include_str!("../../../benchmarks/gas.md");

/// Scenarios of the benchmarks that are like the calls played here.
const SCENARIOS: [(&str, &str); 8] = [
    ("borrow", "ls.borrow.steady"),
    ("repayBorrow", "ls.repayBorrow.full"),
    ("requestWithdrawal", "ls.requestWithdrawal.all"),
    ("markDebt", "ls.markDebt.1_first"),
    ("claimRewards", "ls.claimRewards.steady_accrued"),
    ("withdrawMaxStake", "ls.withdrawMaxStake.first"),
    ("stake", "ls.stake.steady"),
    ("transfer", "ls.transfer.steady"),
];

/// A call of the life, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    pub(crate) call: &'static str,
    /// The scenario of the benchmarks that is most like it, if there is one.
    pub(crate) scenario: Option<&'static str>,
    /// What a transaction of that scenario pays there.
    pub(crate) benchmark_gas: Option<u64>,
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
        self.borrow_and_repay(people)?;
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

    /// The first borrower that can borrow takes all of it, and brings it back.
    fn borrow_and_repay(&mut self, people: &People) -> anyhow::Result<()> {
        let (pool, token) = (self.scene.pool, self.scene.staked.address);
        for borrower in people.borrowers.iter().copied().filter(|borrower| !borrower.is_zero()) {
            let state = self.rehearsal.node.view(pool, &B::getBorrowerCall { borrower })?;
            let amount = state.borrowable;
            if amount.is_zero() {
                continue;
            }
            self.call("borrow", borrower, &Request::of(pool, &B::borrowCall { amount }));
            let approve = IToken::approveCall { spender: pool, value: amount };
            self.rehearsal.send(borrower, &Request::of(token, &approve))?;
            self.call("repayBorrow", borrower, &Request::of(pool, &B::repayBorrowCall { borrower, amount }));
            return Ok(());
        }
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
        let scenario = SCENARIOS.into_iter().find(|(known, _)| *known == call).map(|(_, scenario)| scenario);
        let benchmark_gas = scenario.and_then(benchmark);
        let (gas, refused) = match self.rehearsal.send(from, request) {
            Ok(done) => (Some(done.gas), None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        self.steps.push(Step { call, scenario, benchmark_gas, gas, refused });
    }
}

/// What a transaction of a scenario pays, by the last column of the benchmarks' table.
fn benchmark(scenario: &str) -> Option<u64> {
    let row = BENCHMARKS.lines().find_map(|line| line.strip_prefix(&format!("| `{scenario}` |")))?;
    row.trim_end_matches(['|', ' ']).rsplit('|').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_benchmarks_have_every_scenario() {
        for (call, scenario) in SCENARIOS {
            assert!(scenario.contains(call) && benchmark(scenario).is_some_and(|gas| gas > 40_000), "{scenario}");
        }
    }
}
