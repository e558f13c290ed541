//! Checks of results: of themselves, against their inputs, against the chain.

use std::path::{Path, PathBuf};

use alloy_primitives::{Address, B256};
use clap::Args;
use client::Rpc;
use rewards_files::{
    epoch::EpochFolder,
    manifest::Manifest,
    verify::{self, Check},
};
use serde::Serialize;

use super::{
    Reading, TableFormat, account,
    distributor::{Root, State},
    pin, root,
};
use crate::{
    output::{self, Failure, Usage, or_none, say},
    progress::Bar,
};

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Folder of the results
    results: PathBuf,
    /// Also compute everything again from this epoch's folder
    #[arg(long)]
    input: Option<PathBuf>,
    /// Also compare the tree with this root
    #[arg(long, value_parser = root)]
    root: Option<B256>,
    /// Also compare the tree with this file, as it was published
    #[arg(long, value_name = "FILE")]
    tree: Option<PathBuf>,
    /// Also fetch the tree of this CID from a gateway of IPFS, check that it is what the CID says, and compare
    #[arg(long, value_name = "CID", requires = "gateway")]
    from_cid: Option<String>,
    /// The gateway, such as http://127.0.0.1:8080; it is not trusted
    #[arg(long, value_name = "URL", requires = "from_cid")]
    gateway: Option<String>,
    /// Also compare with the root that is proposed to this distributor or, if none waits, with its active one
    #[arg(long, value_name = "ADDRESS", value_parser = account)]
    distributor: Option<Address>,
    /// Compare with the active root even if another one is proposed
    #[arg(long, requires = "distributor")]
    active: bool,
    #[command(flatten)]
    rpc: Rpc,
    #[command(flatten)]
    reading: Reading,
}

/// What is compared with the chain.
#[derive(Debug, Serialize)]
struct Compared {
    checks: Vec<Check>,
    /// Which root: `proposed` or `active`.
    compared: &'static str,
    chain: State,
}

impl Verify {
    pub(crate) fn run(self) -> Result<(), Failure> {
        // A sceptic who forgets one of the two must not take silence for consent.
        if self.rpc.is_named() && self.distributor.is_none() {
            let text = "--rpc names a node, but which --distributor is compared?".to_owned();
            return Err(anyhow::Error::from(Usage(text)).into());
        }
        // Before what may take minutes.
        let node = self.distributor.map(|_| self.rpc.connect()).transpose()?;
        let results = verify::Results::read(&self.results)?;
        let mut checks = self.checks(&results)?;
        let (Some(distributor), Some(node)) = (self.distributor, node) else {
            self.print(&checks, &checks)?;
            return conclude(&checks);
        };
        let chain = State::read(&node, distributor)?;
        let proposed = chain.proposed.as_ref().filter(|_| !self.active);
        let compared = if proposed.is_some() { "proposed" } else { "active" };
        checks.extend(on_chain(&results.manifest, &chain, proposed));
        checks.extend(chain.check_program(&results.manifest));
        let compared = Compared { checks, compared, chain };
        self.print(&compared.checks, &compared)?;
        if !self.reading.json {
            compared.print_chain();
        }
        conclude(&compared.checks)
    }

    /// Everything that needs no chain.
    fn checks(&self, results: &verify::Results) -> Result<Vec<Check>, Failure> {
        let mut checks = results.check();
        if let Some(root) = self.root {
            checks.push(results.check_root(root));
        }
        if let Some(path) = &self.tree {
            checks.extend(results.check_published(path)?);
        }
        if let (Some(cid), Some(gateway)) = (&self.from_cid, &self.gateway) {
            let bytes = pin::fetch(gateway, cid)?;
            checks.extend(results.check_published_bytes(Path::new(cid), &bytes)?);
        }
        if let Some(input) = &self.input {
            let folder = EpochFolder::open(input)?;
            let bar = Bar::bytes("verifying");
            let options = self.reading.options(&bar, TableFormat::Csv);
            checks.extend(results.check_inputs(&folder, options)?);
        }
        Ok(checks)
    }

    fn print(&self, checks: &[Check], all: &impl Serialize) -> Result<(), Failure> {
        if self.reading.json {
            return output::json(all);
        }
        checks.iter().for_each(print);
        Ok(())
    }
}

/// Compares results with the proposed root or, if that is none, with the active one; and with what the oracle names.
fn on_chain(manifest: &Manifest, chain: &State, proposed: Option<&Root>) -> Vec<Check> {
    let own = Root::of(manifest);
    let names = match proposed {
        Some(_) => ["the proposed root is that of the results", "so is its epoch", "so is its CID"],
        None => ["the active root is that of the results", "so is its epoch", "so is its CID"],
    };
    let Some(found) = proposed.or(chain.active.as_ref()) else {
        let detail = "the distributor has no root yet: nothing was proposed".to_owned();
        return vec![Check { name: names[0], holds: false, detail }];
    };
    let mut checks = vec![
        Check::same(names[0], found.root, own.root),
        Check::same(names[1], found.epoch, own.epoch),
        Check::same(names[2], found.cid.clone(), own.cid.clone()),
    ];
    if proposed.is_some() {
        let active = chain.active.as_ref().map(|active| active.root);
        let [previous, active] = [manifest.previous_root, active].map(|root| or_none(root.as_ref()));
        checks.push(Check::same("they go on from the active root", previous, active));
    }
    checks.extend(oracle_check(chain, &own));
    checks
}

/// What the oracle names counts as far as it is about the same epoch: after a promotion it may be a step ahead.
fn oracle_check(chain: &State, own: &Root) -> Option<Check> {
    let name = "the oracle names the same";
    if let Some(error) = &chain.oracle_error {
        return Some(Check { name, holds: false, detail: error.clone() });
    }
    let named = chain.oracle_root.as_ref().filter(|named| named.epoch == own.epoch)?;
    Some(Check::same(name, named.to_string(), own.to_string()))
}

impl Compared {
    fn print_chain(&self) {
        say!();
        self.chain.print_roots();
        say!("compared with the {} root", self.compared);
        if self.compared == "active" && self.chain.proposed.is_some() {
            say!("the proposed root was not compared");
        }
    }
}

fn conclude(checks: &[Check]) -> Result<(), Failure> {
    if checks.iter().all(|check| check.holds) { Ok(()) } else { Err(Failure::CHECK_FAILED) }
}

pub(super) fn print(check: &Check) {
    if check.holds {
        say!("ok    {}", check.name);
    } else {
        say!("FAIL  {}: {}", check.name, check.detail);
    }
}
