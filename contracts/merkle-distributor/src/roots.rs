//! Proposing, cancelling and activating roots.

use ::host::{Constant, HOST, Revert, Root, emit_with_bytes, revert};
use alloy_primitives::{B256, U256};
use alloy_sol_types::SolEvent;
use distribution::roots::{Refusal, Roots};
use stylus_sdk::prelude::*;

use crate::{
    abi,
    oracle::{self, Answer},
    storage::Words,
};

impl Words {
    /// Proposes what the oracle names.
    pub(crate) fn propose(&mut self) -> Result<(), Revert> {
        let mut roots = self.roots();
        let answer = oracle::read(roots.oracle)?;
        if answer.root.is_zero() {
            return Err(revert(abi::OracleRootUnset {}));
        }
        self.check_new(&roots, &answer)?;
        // Nobody can put off a root that has waited by proposing another one.
        if roots.is_pending() && roots.check_update(now()).is_ok() {
            self.activate(&mut roots);
        }
        let next = U256::from(roots.next_epoch);
        if answer.epoch != next {
            return Err(revert(abi::UnexpectedOracleEpoch { epoch: answer.epoch, next }));
        }
        let end = roots.propose(now());
        self.set_roots(roots);
        self.set_proposed_root(answer.root);
        self.set_cid(roots.proposed_place(), &answer.cid);
        let words = [answer.root, next.into()];
        const PROPOSED: Constant = Constant::new(abi::RootProposed::SIGNATURE_HASH);
        emit_with_bytes(PROPOSED, &[], &words, &answer.cid, &[U256::from(end).into()]);
        Ok(())
    }

    /// Makes the proposed root the active one, if it is the one expected.
    pub(crate) fn update(&mut self, expected: Option<B256>) -> Result<(), Revert> {
        let mut roots = self.roots();
        let checked = roots.check_update(now());
        // Which root it is matters only where there is one.
        if matches!(checked, Ok(()) | Err(Refusal::AlreadyActive { .. } | Refusal::Waiting { .. })) {
            self.check_expected(expected)?;
        }
        checked.map_err(refused)?;
        self.activate(&mut roots);
        self.set_roots(roots);
        Ok(())
    }

    /// Gives up the root that waits.
    pub(crate) fn cancel(&mut self, expected: B256) -> Result<(), Revert> {
        let mut roots = self.roots();
        if !roots.cancel() {
            return Err(revert(abi::NoProposedRoot {}));
        }
        self.check_expected(Some(expected))?;
        self.set_roots(roots);
        let cid = self.cid(roots.proposed_place());
        const CANCELLED: Constant = Constant::new(abi::RootCancelled::SIGNATURE_HASH);
        emit_with_bytes(CANCELLED, &[], &[expected, U256::from(roots.next_epoch).into()], &cid, &[]);
        Ok(())
    }

    /// The root that is paid from, for readers.
    pub(crate) fn active(&self) -> Root {
        let roots = self.roots();
        match roots.active_epoch() {
            Some(epoch) => Root::new(self.active_root(), epoch, &self.cid(roots.place)),
            None => Root::new(B256::ZERO, 0, &[]),
        }
    }

    /// The last proposal, for readers, if its epoch is known.
    pub(crate) fn proposed(&self, epoch: Option<u64>) -> Root {
        match epoch {
            Some(epoch) => Root::new(self.proposed_root(), epoch, &self.cid(self.roots().proposed_place())),
            None => Root::new(B256::ZERO, 0, &[]),
        }
    }

    fn activate(&mut self, roots: &mut Roots) {
        let (root, epoch) = (self.proposed_root(), roots.next_epoch);
        roots.update();
        self.set_active_root(root);
        const UPDATED: Constant = Constant::new(abi::RootUpdated::SIGNATURE_HASH);
        emit_with_bytes(UPDATED, &[], &[root, U256::from(epoch).into()], &self.cid(roots.place), &[]);
    }

    /// Refuses what was proposed last, or cancelled.
    fn check_new(&self, roots: &Roots, answer: &Answer) -> Result<(), Revert> {
        let (merkle_root, epoch) = (answer.root, answer.epoch);
        let known = roots.proposed_epoch().or(roots.cancelled_epoch());
        let same = known.is_some_and(|known| epoch == U256::from(known))
            && merkle_root == self.proposed_root()
            && answer.cid == self.cid(roots.proposed_place());
        if !same {
            return Ok(());
        }
        Err(match roots.cancelled_epoch() {
            Some(_) => revert(abi::RootWasCancelled { merkleRoot: merkle_root, epoch }),
            None => revert(abi::RootAlreadyProposed { merkleRoot: merkle_root, epoch }),
        })
    }

    fn check_expected(&self, expected: Option<B256>) -> Result<(), Revert> {
        let proposed = self.proposed_root();
        match expected {
            Some(expected) if expected != proposed => Err(revert(abi::UnexpectedRoot { expected, proposed })),
            _ => Ok(()),
        }
    }
}

/// Seconds.
pub(crate) fn now() -> u64 {
    HOST.block_timestamp()
}

fn refused(refusal: Refusal) -> Revert {
    match refusal {
        Refusal::Paused => revert(abi::UpdatesPaused {}),
        Refusal::NothingProposed => revert(abi::NoProposedRoot {}),
        Refusal::AlreadyActive { epoch, next } => {
            revert(abi::UnexpectedProposedEpoch { epoch: U256::from(epoch), next: U256::from(next) })
        }
        Refusal::Waiting { end } => {
            revert(abi::WaitingPeriodNotElapsed { timestamp: U256::from(now()), waitingPeriodEnd: U256::from(end) })
        }
    }
}
