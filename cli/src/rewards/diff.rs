//! Two results, or two sets of samples, beside each other.

use std::path::PathBuf;

use clap::Args;
use rewards_files::difference::{self, AccountDifference, PartDifference, SampleDifference};

use super::{Reading, TableFormat};
use crate::{
    output::{self, Failure, say},
    progress::Bar,
};

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Folder of results
    first: PathBuf,
    /// Folder of other results
    second: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Diff {
    /// Ends with code 4 if they differ.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let difference = difference::results(&self.first, &self.second)?;
        if self.json {
            output::json(&difference)?;
        } else if difference.is_empty() {
            say!("the same: root {}", difference.roots[0]);
        } else {
            let [first, second] = difference.roots;
            say!("first   {first}\nsecond  {second}");
            difference.reasons.iter().for_each(|reason| say!("{reason}"));
            let rows: Vec<_> = difference.accounts.iter().flat_map(rows).collect();
            if !rows.is_empty() {
                say!();
                output::table(&["account", "of it", "first, wei", "second, wei"], &rows)?;
            }
        }
        if difference.is_empty() { Ok(()) } else { Err(Failure::CHECK_FAILED) }
    }
}

/// The account, and below it the parts that explain it.
fn rows(account: &AccountDifference) -> Vec<Vec<String>> {
    let amounts = [account.first_wei, account.second_wei].map(|wei| wei.to_string());
    let head = [account.account.to_string(), String::new()].into_iter().chain(amounts).collect();
    let part = |part: &PartDifference| {
        let market = part.market.as_ref().map(|market| format!(" {market}")).unwrap_or_default();
        vec![
            String::new(),
            format!("{}{market}", part.program),
            part.first_wei.to_string(),
            part.second_wei.to_string(),
        ]
    };
    std::iter::once(head).chain(account.parts.iter().map(part)).collect()
}

#[derive(Debug, Args)]
pub(crate) struct DiffSamples {
    /// File or folder of samples
    first: PathBuf,
    /// File or folder of other samples
    second: PathBuf,
    #[command(flatten)]
    reading: Reading,
}

impl DiffSamples {
    /// Ends with code 4 if they differ.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let bar = Bar::bytes("comparing");
        let threads = self.reading.options(&bar, TableFormat::Csv).threads;
        let differences = difference::samples(&self.first, &self.second, threads, &bar)?;
        drop(bar);
        if self.reading.json {
            output::json(&differences)?;
        } else if differences.is_empty() {
            say!("the same samples");
        } else {
            let row = |difference: &SampleDifference| {
                vec![difference.market.clone(), difference.minute.to_string(), difference.what.clone()]
            };
            output::table(&["market", "minute", "differs"], &differences.iter().map(row).collect::<Vec<_>>())?;
        }
        if differences.is_empty() { Ok(()) } else { Err(Failure::CHECK_FAILED) }
    }
}
