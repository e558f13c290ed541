//! What stands on a chain, compared with the book and with the programs of this checkout.

use std::path::PathBuf;

use ::deploy::verify::{Report, verify};
use clap::Args;
use client::Rpc;

use super::{Opened, PROGRAMS, default_folder};
use crate::output::{self, Failure, say};

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Folder of the book [default: deployments/CHAIN]
    #[arg(long, value_name = "FOLDER")]
    deployment: Option<PathBuf>,
    /// Folder of the programs as they are built from this checkout
    #[arg(long, value_name = "FOLDER", default_value = PROGRAMS)]
    programs: PathBuf,
    #[command(flatten)]
    rpc: Rpc,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// Compares everything, and says what differs.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let node = self.rpc.connect()?;
        let folder = self.deployment.clone().unwrap_or_else(|| default_folder(node.chain_id));
        let opened = Opened::read(&folder, &self.programs)?;
        if opened.plan.chain != node.chain_id {
            let (planned, chain) = (opened.plan.chain, node.chain_id);
            return Err(anyhow::anyhow!("the node is of chain {chain}, the book is of chain {planned}").into());
        }
        let Opened { addresses, plan, deployment, deployer, .. } = &opened;
        let report = verify(&node.at_latest()?, plan, deployment, *deployer, &opened.origins(), addresses)?;
        if self.json {
            output::json(&report)?;
        } else {
            print(&report)?;
        }
        if report.holds() { Ok(()) } else { Err(Failure::CHECK_FAILED) }
    }
}

/// Says what differs, and how much was compared.
pub(super) fn print(report: &Report) -> Result<(), Failure> {
    let differences: Vec<_> = report.differences().collect();
    for difference in &differences {
        say!("DIFFERS  {}", difference.what);
        say!("  expected  {}", difference.expected);
        say!("  found     {}", difference.found);
    }
    let (all, differ) = (report.comparisons.len(), differences.len());
    say!("compared {all} things with chain {} at block {}: {differ} differ", report.chain, report.block);
    Ok(())
}
