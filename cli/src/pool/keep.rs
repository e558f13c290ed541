//! What anybody may do so that the pool goes on: mark debt, settle.

use alloy_primitives::{Address, U256};
use anyhow::bail;
use clap::Args;
use client::{At, Node, Request, State, bindings::IDebtAccounting as D};

use super::{
    act::Acting,
    read::{Borrower, borrowers},
    scene::Scene,
};
use crate::output::Failure;

/// Who would bear a shortfall, and how much.
#[derive(Debug)]
pub(super) struct Marking {
    shortfall: U256,
    /// What inactive stake loses.
    converted: U256,
    /// What it keeps of itself, times 10^36.
    kept: U256,
    debts: Vec<(Address, U256)>,
}

/// Finds borrowers whose excess covers the shortfall, largest excess first.
///
/// # Errors
///
/// If nothing is short, or if what the known borrowers exceed does not cover it.
pub(super) fn marking(node: &Node, at: &At<'_>, scene: &Scene) -> anyhow::Result<Marking> {
    let mut all: Vec<Borrower> = borrowers(node, at, scene)?;
    all.retain(|borrower| !borrower.excess().is_zero());
    all.sort_by_key(|borrower| std::cmp::Reverse(borrower.excess()));
    let names: Vec<_> = all.iter().map(|borrower| borrower.borrower).collect();
    let preview = at.view(scene.pool, &D::previewMarkDebtCall { borrowers: names.clone() })?;
    if preview.shortfall.is_zero() {
        bail!("the pool is not short: there is nothing to mark");
    }
    if !preview.uncovered.is_zero() {
        let uncovered = scene.staked.exact(preview.uncovered);
        bail!(
            "{} borrowers exceed their shares, and {uncovered} stay uncovered: is one missing in the events?",
            names.len()
        );
    }
    let debts = at.view(scene.pool, &D::previewDebtsCall { borrowers: names.clone() })?;
    let charged = names.into_iter().zip(debts).filter(|(_, debt)| !debt.is_zero());
    Ok(Marking {
        shortfall: preview.shortfall,
        converted: preview.converted,
        kept: preview.index,
        debts: charged.collect(),
    })
}

impl Marking {
    /// The call.
    pub(super) fn request(&self, scene: &Scene) -> Request {
        let borrowers = self.debts.iter().map(|(borrower, _)| *borrower).collect();
        Request::of(scene.pool, &D::markDebtCall { borrowers })
    }

    /// Who loses what.
    pub(super) fn print(&self, scene: &Scene) {
        for (borrower, debt) in &self.debts {
            eprintln!("  {} will owe {} as debt", scene.name(*borrower), scene.staked.exact(*debt));
        }
        // Of 10^36: two digits behind the point of a percentage.
        let kept = client::exact(self.kept / U256::from(10).pow(U256::from(32)), 2);
        eprintln!(
            "  inactive stake loses {} and keeps {kept} % of itself; the rest is owed to its stakers",
            scene.staked.exact(self.converted)
        );
    }
}

#[derive(Debug, Args)]
pub(crate) struct MarkDebt {
    #[command(flatten)]
    acting: Acting,
}

impl MarkDebt {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (sender, scene) = self.acting.prepare()?;
        let at = sender.node.at_latest()?;
        let marking = marking(&sender.node, &at, &scene)?;
        eprintln!("the pool is short by {}", scene.staked.exact(marking.shortfall));
        marking.print(&scene);
        self.acting.send(&sender, &[marking.request(&scene)], |_| vec!["marked: withdrawals are open again".to_owned()])
    }
}

#[derive(Debug, Args)]
pub(crate) struct Settle {
    /// Whose record
    staker: String,
    /// Shortfalls at most
    #[arg(long, default_value_t = 50)]
    max: u64,
    #[command(flatten)]
    acting: Acting,
}

impl Settle {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (sender, scene) = self.acting.prepare()?;
        let staker = scene.address(&self.staker)?;
        let call = D::settleShortfallsCall { staker, max: U256::from(self.max) };
        self.acting.send(&sender, &[Request::of(scene.pool, &call)], |_| Vec::new())
    }
}
