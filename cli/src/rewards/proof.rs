//! Proofs.

use std::path::PathBuf;

use alloy_primitives::Address;
use anyhow::Context;
use clap::Args;
use rewards_files::results::{self, ProofRecord};

use super::{account, results::Results};
use crate::output::{self, Failure, say, units};

#[derive(Debug, Args)]
pub(crate) struct Proof {
    /// Folder of the results
    results: PathBuf,
    /// Account
    #[arg(value_parser = account)]
    account: Address,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Proof {
    pub(crate) fn run(self) -> Result<(), Failure> {
        // A proof from results that do not hold together would be refused by the distributor, or explain an amount wrongly.
        let Results { manifest, tree, .. } = &Results::open(&self.results)?;
        let place = tree.place(self.account).with_context(|| format!("{} was never rewarded", self.account))?;
        let parts = results::read_parts(&self.results, self.account)?;
        let record = ProofRecord::new(tree, place, manifest.epoch, &parts)
            .with_context(|| format!("{}: the breakdown exceeds the tree", self.results.display()))?;
        if self.json {
            return output::json(&record);
        }
        say!("account     {}\ncumulative  {} wei\nleaf        {}", record.address, record.cumulative_wei, record.leaf);
        say!(
            "root        {}\nproof       {}",
            record.root,
            record.proof.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        );
        let decimals = manifest.parameters.as_ref().map_or(18, |parameters| parameters.token.decimals);
        let row = |part: &results::Part| {
            let market = part.market.clone().unwrap_or_default();
            vec![part.program.clone(), part.epoch.to_string(), market, units(part.amount_wei, decimals)]
        };
        say!();
        output::table(&["program", "epoch", "market", "tokens"], &record.breakdown.iter().map(row).collect::<Vec<_>>())
    }
}
