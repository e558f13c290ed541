//! One page about an epoch.

use std::{fs, path::PathBuf};

use clap::Args;
use rewards_files::{epoch::EpochFolder, output as files};
use rewards_report::{Gathered, Report as Page, gather, render};
use serde::Serialize;

use super::{Reading, TableFormat, verify::print};
use crate::{
    output::{self, Failure, say},
    progress::Bar,
};

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Folder of the results
    results: PathBuf,
    /// Folder of the epoch that they were made from
    #[arg(long)]
    input: PathBuf,
    /// Folder of the results of the epoch before, to show beside this one
    #[arg(long, value_name = "RESULTS")]
    before: Option<PathBuf>,
    /// Page to write [default: report.html in the folder of the results]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Put the page in the place of another one
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    reading: Reading,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Written {
    page: PathBuf,
    bytes: usize,
    epoch: u64,
    root: String,
    cid: String,
    markets: usize,
    providers: usize,
    leaves: usize,
    bucket_minutes: Option<u32>,
    checks: Vec<String>,
}

impl Report {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let path = self.out.clone().unwrap_or_else(|| self.results.join("report.html"));
        let folder = EpochFolder::open(&self.input)?;
        let gathered = {
            let bar = Bar::bytes("reading");
            gather(&self.results, self.before.as_deref(), &folder, self.reading.options(&bar, TableFormat::Csv))?
        };
        let report = match gathered {
            Gathered::Report(report) => report,
            Gathered::Refused(checks) => {
                if self.reading.json {
                    output::json(&checks)?;
                } else {
                    checks.iter().for_each(print);
                }
                return Err(Failure::CHECK_FAILED);
            }
        };
        let page = render(&report);
        if !self.replace && path.exists() && fs::read(&path)? != page.as_bytes() {
            return Err(anyhow::anyhow!(
                "{}: another page is there; --replace puts this one in its place",
                path.display()
            )
            .into());
        }
        files::write(&path, page.as_bytes())?;
        self.print(&Written::of(&report, path, page.len()))
    }

    fn print(&self, written: &Written) -> Result<(), Failure> {
        if self.reading.json {
            return output::json(written);
        }
        say!("{}: {} bytes, open it in a browser", written.page.display(), written.bytes);
        say!(
            "epoch {}: {} markets, {} providers, {} leaves",
            written.epoch,
            written.markets,
            written.providers,
            written.leaves
        );
        say!("root {}\n{} checks hold", written.root, written.checks.len());
        Ok(())
    }
}

impl Written {
    fn of(report: &Page, page: PathBuf, bytes: usize) -> Self {
        Self {
            page,
            bytes,
            epoch: report.epoch,
            root: report.root.to_string(),
            cid: report.cid.clone(),
            markets: report.markets.len(),
            providers: report.providers.len(),
            leaves: report.leaves,
            bucket_minutes: report.sampled.as_ref().map(|sampled| sampled.bucket_minutes),
            checks: report.checks.clone(),
        }
    }
}
