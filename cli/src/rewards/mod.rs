//! `tidepool rewards`.

mod explain;
mod pipeline;
mod plan;
mod proof;
mod report;

use std::path::PathBuf;

use alloy_primitives::{Address, B256};
use clap::{Args, Subcommand, ValueEnum};
use rewards_files::{epoch::Malformed, manifest::Options, samples::Format};

use crate::output::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a made-up epoch to try everything on
    #[command(after_help = "\
Examples:
  tidepool rewards simulate market
  tidepool rewards simulate market --seed 7 --markets 3 --minutes 1440 --format csv")]
    Simulate(pipeline::Simulate),
    /// Do everything: scores, rewards, tree, manifest
    #[command(after_help = "\
Examples:
  tidepool rewards run market --out epoch-18
  tidepool rewards run market --out epoch-18 --skip-bad --format parquet --proofs")]
    Run(pipeline::Run),
    /// Check an epoch's files and say what is in them
    #[command(after_help = "\
Examples:
  tidepool rewards validate market
  tidepool rewards validate market --json | jq .samples.count")]
    Validate(pipeline::Validate),
    /// Score the samples: scores.* and markets.*
    #[command(after_help = "Example:\n  tidepool rewards score market --out epoch-18")]
    Score(pipeline::Score),
    /// Turn scores into tokens: rewards.*, lp.* and markets.*
    #[command(after_help = "Example:\n  tidepool rewards allocate market --out epoch-18")]
    Allocate(pipeline::Allocate),
    /// Merge all programs into the tree: tree.json, breakdown.* and manifest.json
    #[command(after_help = "Example:\n  tidepool rewards tree market --out epoch-18 --proofs")]
    Tree(pipeline::Run),
    /// Print the proof of an account, ready to claim with
    #[command(after_help = "Example:\n  tidepool rewards proof epoch-18 0x1111111111111111111111111111111111111111")]
    Proof(proof::Proof),
    /// Check results: of themselves, and against the inputs they were made from
    #[command(after_help = "\
Examples:
  tidepool rewards verify epoch-18
  tidepool rewards verify epoch-18 --input market
  tidepool rewards verify epoch-18 --root 0x1fb5…")]
    Verify(proof::Verify),
    /// Show what an account earns and why, down to each order
    #[command(after_help = "\
Examples:
  tidepool rewards explain 0x1111… --input market
  tidepool rewards explain 0x1111… --input market --market BTC-USD --minutes 0..60
  tidepool rewards explain 0x1111… --input market --market BTC-USD --minutes 17..18 --orders")]
    Explain(explain::Explain),
    /// Write one HTML page about an epoch: markets, providers, and what every leaf is made of
    #[command(after_help = "\
The page needs no server and no network. It is drawn only if the results are those of the input.

Examples:
  tidepool rewards report epoch-18 --input market
  tidepool rewards report epoch-18 --input market --out epoch-18.html --replace")]
    Report(report::Report),
    /// Instants at which to sample, and the commitment to publish before the epoch
    #[command(after_help = "\
Examples:
  tidepool rewards sample-plan --secret secret.hex --commitment
  tidepool rewards sample-plan --secret secret.hex --epoch 18 --market BTC-USD --minutes 0..60")]
    SamplePlan(plan::SamplePlan),
}

pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Simulate(arguments) => arguments.run(),
        Command::Run(arguments) => arguments.run(),
        Command::Validate(arguments) => arguments.run(),
        Command::Score(arguments) => arguments.run(),
        Command::Allocate(arguments) => arguments.run(),
        Command::Tree(arguments) => arguments.tree(),
        Command::Proof(arguments) => arguments.run(),
        Command::Verify(arguments) => arguments.run(),
        Command::Explain(arguments) => arguments.run(),
        Command::Report(arguments) => arguments.run(),
        Command::SamplePlan(arguments) => arguments.run(),
    }
}

/// Format of tables.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TableFormat {
    /// Comma-separated values
    Csv,
    /// A JSON object per line
    Jsonl,
    /// Apache Parquet
    Parquet,
}

impl From<TableFormat> for Format {
    fn from(format: TableFormat) -> Self {
        match format {
            TableFormat::Csv => Self::Csv,
            TableFormat::Jsonl => Self::JsonLines,
            TableFormat::Parquet => Self::Parquet,
        }
    }
}

/// How samples are read.
#[derive(Clone, Debug, Args)]
pub(crate) struct Reading {
    /// Leave malformed samples out and list them, instead of refusing the epoch
    #[arg(long)]
    skip_bad: bool,
    /// Threads; results do not depend on it [default: all cores]
    #[arg(long)]
    threads: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Reading {
    fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.threads.unwrap_or_else(cores).max(1)
    }

    fn options<'a>(&self, progress: &'a dyn rewards_files::samples::Progress, format: TableFormat) -> Options<'a> {
        Options {
            format: format.into(),
            malformed: if self.skip_bad { Malformed::Skip } else { Malformed::Refuse },
            threads: self.threads(),
            progress,
            proofs: false,
            replace: false,
        }
    }
}

/// Reads an account in any spelling.
fn account(text: &str) -> Result<Address, String> {
    ::rewards::book::parse_address(text).map_err(|flaw| flaw.to_string())
}

/// Reads a root.
fn root(text: &str) -> Result<B256, String> {
    text.parse().map_err(|error| format!("{error}"))
}

/// Reads minutes: `17`, `0..60`.
fn minutes(text: &str) -> Result<std::ops::Range<u32>, String> {
    let number = |text: &str| text.parse::<u32>().map_err(|error| error.to_string());
    match text.split_once("..") {
        Some((from, to)) => Ok(number(from)?..number(to)?),
        None => number(text).map(|minute| minute..minute.saturating_add(1)),
    }
}

/// An epoch's folder: see `rewards/files/README.md` for what is in it
#[derive(Clone, Debug, Args)]
pub(crate) struct Input {
    /// Folder of the epoch: parameters, samples, volumes, the tree before
    input: PathBuf,
}
