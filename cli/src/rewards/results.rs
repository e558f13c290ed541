//! Results that are about to be acted on.

use std::path::{Path, PathBuf};

use ::rewards::tree::Tree;
use alloy_primitives::{Address, B256, U256};
use anyhow::anyhow;
use client::{Node, date};
use rewards_files::{manifest::Manifest, verify};

use super::distributor::{Root, State, claimed};
use crate::output::{Failure, or_none};

/// A folder of results whose own checks hold.
#[derive(Debug)]
pub(crate) struct Results {
    folder: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) tree: Tree,
}

impl Results {
    /// Reads and checks the folder.
    ///
    /// # Errors
    ///
    /// If something cannot be read, or a check does not hold.
    pub(crate) fn open(folder: &Path) -> Result<Self, Failure> {
        let read = verify::Results::read(folder)?;
        if let Some(check) = read.check().into_iter().find(|check| !check.holds) {
            let text = anyhow!("{}: {}: {}", folder.display(), check.name, check.detail);
            return Err(Failure::Mismatch(text));
        }
        Ok(Self { folder: folder.to_owned(), manifest: read.manifest, tree: read.tree })
    }

    /// What all accounts together may claim when this root is active.
    ///
    /// # Errors
    ///
    /// If the node fails.
    pub(crate) fn claimable(&self, node: &Node, distributor: Address) -> anyhow::Result<U256> {
        let amounts = self.tree.amounts();
        let claimed = claimed(node, distributor, amounts.keys().copied())?;
        let due = amounts.values().zip(claimed).map(|(amount, claimed)| amount.saturating_sub(claimed));
        Ok(due.fold(U256::ZERO, U256::saturating_add))
    }

    /// Their root, epoch and CID.
    pub(crate) fn root(&self) -> Root {
        Root::of(&self.manifest)
    }

    /// What an account may claim with: its cumulative amount and the proof.
    ///
    /// # Errors
    ///
    /// If it has no leaf.
    pub(crate) fn leaf(&self, account: Address) -> anyhow::Result<(U256, Vec<B256>)> {
        let place = self.tree.place(account);
        let place = place.ok_or_else(|| anyhow!("{}: {account} was never rewarded", self.folder.display()))?;
        Ok((self.tree.amount(account).unwrap_or_default(), self.tree.proof(place)))
    }

    /// Refuses results that claims are not paid from.
    ///
    /// # Errors
    ///
    /// If their root is not the active one, with both, and what to do.
    pub(crate) fn expect_active(&self, state: &State) -> Result<(), Failure> {
        let own = self.root();
        if state.active.as_ref().is_some_and(|active| active.root == own.root) {
            return Ok(());
        }
        let active = or_none(state.active.as_ref());
        let proposed = state.proposed.as_ref().filter(|proposed| proposed.root == own.root);
        let advice = match (proposed, state.waits_until) {
            (Some(_), Some(end)) if state.waits().is_some() => {
                format!("it is proposed and waits until {}; then `promote` makes it active", date(end))
            }
            (Some(_), _) => "it is proposed and has waited: `promote` makes it active".to_owned(),
            (None, _) => "claim with the results of the active root".to_owned(),
        };
        Err(Failure::Mismatch(anyhow!(
            "claims are paid from the active root, {active}; the root of {} is {own}: {advice}",
            self.folder.display()
        )))
    }
}
