//! From results to an active root: report, propose, promote.

use std::path::PathBuf;

use alloy_primitives::{Address, B256, U256, keccak256};
use anyhow::anyhow;
use clap::Args;
use client::{
    Node, Sender, Sending, Sent,
    bindings::{IMerkleDistributor as D, IRewardsOracle as O},
    date,
};
use serde::Serialize;

use super::{
    account,
    distributor::{DistributorAddress, Root, State},
    results::Results,
    root,
};
use crate::output::{self, Failure, Usage, Wei, or_none, say};

#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// Folder of the results
    results: PathBuf,
    /// Address of the oracle
    #[arg(long, value_name = "ADDRESS", value_parser = account)]
    oracle: Address,
    #[command(flatten)]
    sending: Sending,
}

#[derive(Debug, Serialize)]
struct Published {
    transaction: Sent,
    reported: Root,
    /// Equal reports now, and how many are needed.
    reports: u64,
    quorum: u64,
    /// Whether the oracle names this root now.
    published: bool,
    /// What the treasury lacks, or does not allow, of all that accounts may claim when this root is active.
    uncovered_wei: Wei,
}

impl Publish {
    /// Reports the root of verified results.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let results = Results::open(&self.results)?;
        let sender = self.sending.prepare()?;
        sender.node.expect_contract(self.oracle, "oracle")?;
        let distributor = sender.node.view(self.oracle, &O::MERKLE_DISTRIBUTORCall {})?;
        let state = State::read(&sender.node, distributor)?;
        expect_next(&state, &results)?;
        self.expect_new(&sender, &results.root())?;
        warn_early(&state, &results);
        let uncovered = state.uncovered(results.claimable(&sender.node, distributor)?);
        if !uncovered.is_zero() {
            let uncovered = state.token.amount(uncovered);
            eprintln!("warning: the treasury holds or allows {uncovered} less than accounts may claim by then");
        }
        let reported = results.root();
        let epoch = U256::from(reported.epoch);
        let cid = reported.cid.clone().into_bytes().into();
        let call = O::writeOracleDataCall { merkleRoot: reported.root, epoch, ipfsCid: cid };
        let transaction = sender.send(self.oracle, &call)?;
        let report = transaction.events::<O::RootReported>().pop();
        let published = Published {
            reports: report.map_or(0, |report| report.reports.saturating_to()),
            quorum: sender.node.view(self.oracle, &O::getQuorumCall {})?.saturating_to(),
            published: !transaction.events::<O::OracleRootUpdated>().is_empty(),
            uncovered_wei: Wei(uncovered),
            transaction,
            reported,
        };
        if self.sending.json {
            return output::json(&published);
        }
        published.transaction.print();
        say!("reported {}", published.reported);
        let (reports, quorum) = (published.reports, published.quorum);
        match published.published {
            true => say!("{reports} of {quorum} reports: the oracle names it; next: tidepool rewards propose"),
            false => say!("{reports} of {quorum} reports needed"),
        }
        Ok(())
    }
}

impl Publish {
    /// Refuses to report what this signer has reported, or the oracle names already.
    fn expect_new(&self, sender: &Sender, own: &Root) -> Result<(), Failure> {
        let call = O::getReportCall { reporter: sender.address() };
        let report = sender.node.view(self.oracle, &call)?;
        let epoch = U256::from(own.epoch).to_be_bytes::<32>();
        if report == keccak256([own.root.as_slice(), &epoch, own.cid.as_bytes()].concat()) {
            return Err(Failure::AlreadySo(anyhow!("{own} is reported already by {}", sender.address())));
        }
        Ok(())
    }
}

/// Says so if the epoch has not ended yet: what comes may change everything.
fn warn_early(state: &State, results: &Results) {
    let Some(parameters) = &results.manifest.parameters else { return };
    let end = parameters.start().saturating_add(parameters.clock.epoch_seconds);
    if end > state.time {
        eprintln!("warning: epoch {} ends {}; it is {} on the chain", parameters.epoch, date(end), date(state.time));
    }
}

/// Refuses results that cannot come next.
fn expect_next(state: &State, results: &Results) -> Result<(), Failure> {
    if let Some(check) = state.check_program(&results.manifest).into_iter().find(|check| !check.holds) {
        return Err(Failure::Mismatch(anyhow!("{}: {}", check.name, check.detail)));
    }
    let own = results.root();
    if state.active.as_ref() == Some(&own) {
        return Err(Failure::AlreadySo(anyhow!("{own} is active already")));
    }
    if state.proposed.as_ref() == Some(&own) {
        let waiting = state.waiting().unwrap_or_default();
        return Err(Failure::AlreadySo(anyhow!("{own} is proposed already; it {waiting}")));
    }
    if own.epoch != state.next_epoch {
        let (epoch, next) = (own.epoch, state.next_epoch);
        let text = anyhow!("the distributor's next root is of epoch {next}, these results are of epoch {epoch}");
        return Err(Failure::Mismatch(text));
    }
    let active = state.active.as_ref().map(|active| active.root);
    let previous = results.manifest.previous_root;
    if active != previous {
        let [previous, active] = [previous, active].map(|root| or_none(root.as_ref()));
        let text = anyhow!("these results go on from the root {previous}, the active one is {active}");
        return Err(Failure::Mismatch(text));
    }
    Ok(())
}

#[derive(Debug, Args)]
pub(crate) struct Propose {
    /// Folder of results, which the oracle must name
    results: Option<PathBuf>,
    #[command(flatten)]
    distributor: DistributorAddress,
    #[command(flatten)]
    sending: Sending,
}

#[derive(Debug, Serialize)]
struct Proposed {
    transaction: Sent,
    proposed: Root,
    waits_until: u64,
}

impl Propose {
    /// Proposes what the oracle names.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let results = self.results.as_deref().map(Results::open).transpose()?;
        let sender = self.sending.prepare()?;
        let distributor = self.distributor.distributor;
        let state = State::read(&sender.node, distributor)?;
        let named = proposable(&state)?;
        if let Some(own) = results.map(|results| results.root()).filter(|own| *own != named) {
            let text = anyhow!("the oracle names {named}; the root of the results is {own}");
            return Err(Failure::Mismatch(text));
        }
        let transaction = sender.send(distributor, &D::proposeRootCall {})?;
        let event = transaction.events::<D::RootProposed>().pop();
        let event = event.ok_or_else(|| anyhow!("the distributor did not report a proposal"))?;
        let proposed = Root::new(event.merkleRoot, event.epoch, &event.ipfsCid);
        let proposed = proposed.ok_or_else(|| anyhow!("the distributor reported a root of zeros"))?;
        let proposed = Proposed { transaction, proposed, waits_until: event.waitingPeriodEnd.saturating_to() };
        if self.sending.json {
            return output::json(&proposed);
        }
        proposed.transaction.print();
        say!("proposed {}", proposed.proposed);
        say!("it waits until {}; verify it: tidepool rewards verify", date(proposed.waits_until));
        Ok(())
    }
}

/// What a proposal would take, if it can succeed.
fn proposable(state: &State) -> Result<Root, Failure> {
    if state.oracle.is_none() {
        return Err(anyhow!("the distributor has no oracle: its owner names one (setRewardsOracle)").into());
    }
    if let Some(error) = &state.oracle_error {
        return Err(anyhow!("the oracle fails: {error}").into());
    }
    let Some(named) = &state.oracle_root else {
        return Err(anyhow!("the oracle names no root yet: reporters use `tidepool rewards publish`").into());
    };
    if state.proposed.as_ref() == Some(named) {
        let waiting = state.waiting().unwrap_or_default();
        return Err(Failure::AlreadySo(anyhow!("{named} is proposed already; it {waiting}")));
    }
    if state.active.as_ref() == Some(named) {
        return Err(Failure::AlreadySo(anyhow!("{named} is active already; reporters publish the next one")));
    }
    Ok(named.clone())
}

#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// Folder of results, whose root is expected
    results: Option<PathBuf>,
    /// The root that is expected; without it and without results, the proposed one is shown and asked for
    #[arg(long, value_parser = root, conflicts_with = "results")]
    root: Option<B256>,
    #[command(flatten)]
    distributor: DistributorAddress,
    #[command(flatten)]
    sending: Sending,
}

#[derive(Debug, Serialize)]
struct Promoted {
    transaction: Sent,
    active: Root,
}

impl Promote {
    /// Makes the proposed root active, if it is the one expected.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let results = self.results.as_deref().map(Results::open).transpose()?;
        let expected = results.map(|results| results.root().root).or(self.root);
        if expected.is_none() && self.sending.yes {
            let text = "--yes chooses no root: name RESULTS or --root".to_owned();
            return Err(anyhow::Error::from(Usage(text)).into());
        }
        let sender = self.sending.prepare()?;
        let distributor = self.distributor.distributor;
        let state = State::read(&sender.node, distributor)?;
        let expected_root = promotable(&state, expected)?;
        let transaction = sender.send(distributor, &D::updateRoot_1Call { expectedRoot: expected_root })?;
        let active = active(&sender.node, distributor)?;
        let promoted = Promoted { transaction, active };
        if self.sending.json {
            return output::json(&promoted);
        }
        promoted.transaction.print();
        say!("active {}", promoted.active);
        Ok(())
    }
}

/// The root that becomes active, if that can succeed.
fn promotable(state: &State, expected: Option<B256>) -> Result<B256, Failure> {
    let Some(proposed) = &state.proposed else {
        if let Some(active) = state.active.as_ref().filter(|active| Some(active.root) == expected) {
            return Err(Failure::AlreadySo(anyhow!("{active} is active already")));
        }
        let active = or_none(state.active.as_ref());
        return Err(anyhow!("no root is proposed; active is {active}").into());
    };
    if let Some(expected) = expected.filter(|expected| *expected != proposed.root) {
        return Err(Failure::Mismatch(anyhow!("proposed is {proposed}, expected was {expected}")));
    }
    if state.updates_paused {
        return Err(anyhow!("root updates are paused: find out why before anybody ends the pause").into());
    }
    if state.waits().is_some() {
        let waiting = state.waiting().unwrap_or_default();
        return Err(anyhow!("the waiting period is not over: the proposed root {waiting}").into());
    }
    Ok(proposed.root)
}

fn active(node: &Node, distributor: Address) -> anyhow::Result<Root> {
    let state = State::read(node, distributor)?;
    state.active.ok_or_else(|| anyhow!("the distributor names no active root"))
}
