//! `tidepool rewards`.

mod claim;
mod diff;
mod distributor;
mod explain;
mod live;
mod pin;
mod pipeline;
mod plan;
mod proof;
mod publish;
mod record;
mod report;
mod results;
mod setup;
mod status;
mod verify;

use std::path::PathBuf;

use alloy_primitives::{Address, B256};
use clap::{Args, Subcommand, ValueEnum};
use rewards_files::{epoch::Malformed, manifest::Options, samples::Format};

use crate::output::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented parameters file for a program's next epoch
    #[command(after_help = "\
Examples:
  tidepool rewards init epoch-0 --distributor 0x01d3… --rpc https://arb1.example   # clock, token and amount are the chain's
  tidepool rewards init epoch-0 --start 1790000000 --epoch-seconds 604800 --market BTC-USD:1:4 --market xyz:NVDA:2:2
  tidepool rewards init epoch-0 --start 1790000000 --metadata perpetualMarkets.json   # markets and decimals are the exchange's
  tidepool rewards init epoch-18 --dydx --epoch 18")]
    Init(setup::Init),
    /// Write the digests of an epoch's files, after which each must stay as it is
    #[command(after_help = "\
It writes SHA256SUMS, which sha256sum --check reads too. Every command refuses the folder if a file differs, is missing,
or was added.

Examples:
  tidepool rewards seal epoch-18
  tidepool rewards seal epoch-18 --parquet    # a recorder's lines first become Parquet files, a tenth of the size
  tidepool rewards seal epoch-18 --replace")]
    Seal(setup::Seal),
    /// Record an exchange's feed of orders into an epoch's folder: samples, volumes, gaps
    #[command(after_help = "\
At one instant of each minute, which the secret decides, the book of each market is written down as it stood. What is not known is an outage, and
FOLDER.record/gaps.jsonl says why. Ended at any moment and begun again, it goes on where it was. rewards/record/README.md describes the feeds.

Examples:
  tidepool rewards record wss://feed.exchange.example --out epochs/18 --secret secret.hex --before epochs/17
  tidepool rewards record feed.jsonl --out epochs/18 --secret secret.hex --plan sampling.json
  tidepool rewards record --kind hyperliquid snapshot.json hl/data/node_raw_book_diffs_by_block --follow --out epochs/18 --secret link.json
  tidepool rewards record --kind dydx ws://127.0.0.1:9092/ws --metadata perpetualMarkets.json --tape tape --out epochs/18 --secret secret.hex")]
    Record(record::Record),
    /// Publish the secret of an epoch that is over, beside its samples
    #[command(after_help = "Example:\n  tidepool rewards reveal epochs/18 --secret secret.hex")]
    Reveal(record::Reveal),
    /// Say what is wrong with a feed before it is recorded
    #[command(after_help = "\
Nothing is written. Ends with exit code 3 if a message cannot be read, with 4 if a book is lost or a minute has no valid sample.

Examples:
  tidepool rewards check-feed feed.jsonl --parameters epochs/18/parameters.toml
  converter | tidepool rewards check-feed - --parameters epochs/18/parameters.toml --json | jq .outage")]
    CheckFeed(record::CheckFeed),
    /// Follow a running epoch: spread, depth, share, coefficient, expected tokens
    #[command(after_help = "\
At each moment it shows what `score` and `allocate` find in the same folder.

Examples:
  tidepool rewards live epochs/18 --account 0x1111…
  tidepool rewards live epochs/18 --once --json | jq '.markets[] | {market, coefficient}'")]
    Live(live::Live),
    /// Serve a made-up exchange, and make an epoch for it that begins now
    #[command(after_help = "\
Examples:
  tidepool rewards play market                      # it says how to record and watch it
  tidepool rewards play market --maker 0x1111… --minutes 10 --steps 20")]
    Play(record::Play),
    /// Write a made-up epoch to try everything on
    #[command(after_help = "\
Examples:
  tidepool rewards simulate market
  tidepool rewards simulate market --seed 7 --markets 3 --minutes 1440 --format csv
  tidepool rewards simulate first --epoch 0 --maker 0x1111…              # whose keys one has, to claim with
  tidepool rewards simulate second --epoch 1 --previous results/tree.json # goes on where the first ended
  tidepool rewards simulate trial --parameters epoch-0/parameters.toml    # a program of one's own")]
    Simulate(setup::Simulate),
    /// Do everything: scores, rewards, tree, manifest
    #[command(after_help = "\
Examples:
  tidepool rewards run market --out epoch-18
  tidepool rewards run market --out epoch-18 --skip-bad --format parquet --proofs
  tidepool rewards run market --out epoch-18 --accept-gaps \"SOL-USD was halted from 12 to 16 March\"

Data with gaps ends with exit code 4: too few minutes seen, on their instant or valid (the limits are in the parameters,
under health), nobody eligible, no volume.")]
    Run(pipeline::Run),
    /// Check an epoch's files as `run` would, and say what is in them
    #[command(after_help = "\
Examples:
  tidepool rewards validate market
  tidepool rewards validate market --json | jq .health.markets")]
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
    /// Check results: of themselves, against the inputs they were made from, and against the root on the chain
    #[command(after_help = "\
Examples:
  tidepool rewards verify epoch-18
  tidepool rewards verify epoch-18 --input market
  tidepool rewards verify epoch-18 --root 0x1fb5…
  tidepool rewards verify epoch-18 --from-cid bafkrei… --gateway http://127.0.0.1:8080
  tidepool rewards verify epoch-18 --input market --distributor 0x01d3… --rpc https://arb1.example
  tidepool rewards verify epoch-18 --tree from-ipfs.json --distributor 0x01d3…   # with TIDEPOOL_RPC

With --distributor the root that waits there is compared or, if none waits, the active one; exit code 4 if anything
differs. With --json, checks are a list, and with --distributor an object: checks, compared, chain.")]
    Verify(verify::Verify),
    /// Write the tree as a content archive, and hand it to a node or service that keeps it on IPFS
    #[command(after_help = "\
The service is one that answers as Kubo's RPC does: POST /api/v0/dag/import. What it kept must have the CID of the manifest.

Examples:
  tidepool rewards pin epoch-18
  tidepool rewards pin epoch-18 --to http://127.0.0.1:5001
  tidepool rewards pin epoch-18 --to https://rpc.service.example --token-file token")]
    Pin(pin::Pin),
    /// Compare two results: which accounts differ, in which programs and markets, and which inputs explain it
    #[command(after_help = "\
Ends with exit code 4 if they differ.

Example:\n  tidepool rewards diff epoch-18 epoch-18-of-others")]
    Diff(diff::Diff),
    /// Compare two sets of samples, minute by minute: what recorders of one exchange see should be the same
    #[command(after_help = "\
Ends with exit code 4 if they differ.

Example:\n  tidepool rewards diff-samples market/samples others/samples")]
    DiffSamples(diff::DiffSamples),
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
    /// Report the root of results to the rewards oracle
    #[command(after_help = "\
Examples:
  tidepool rewards publish epoch-18 --oracle 0x5fbd… --rpc https://arb1.example --keystore reporter.json
  tidepool rewards publish epoch-18 --oracle 0x5fbd… --private-key-file key --yes --json")]
    Publish(publish::Publish),
    /// Propose the root that the oracle names; the wait of seven days begins
    #[command(after_help = "\
Examples:
  tidepool rewards propose epoch-18 --distributor 0x01d3… --rpc https://arb1.example --keystore key.json
  tidepool rewards propose --distributor 0x01d3… --keystore key.json --password-file password --yes")]
    Propose(publish::Propose),
    /// Make the proposed root active after its wait, if it is the one expected
    #[command(after_help = "\
Examples:
  tidepool rewards promote epoch-18 --distributor 0x01d3… --rpc https://arb1.example --keystore key.json
  tidepool rewards promote --root 0x1fb5… --distributor 0x01d3… --keystore key.json --yes")]
    Promote(publish::Promote),
    /// Claim what the signer, or one account that allows it, is owed
    #[command(after_help = "\
Examples:
  tidepool rewards claim epoch-18 --distributor 0x01d3… --rpc https://arb1.example --keystore key.json
  tidepool rewards claim epoch-18 --account 0x1111… --distributor 0x01d3… --mnemonic-file words --mnemonic-index 2")]
    Claim(claim::Claim),
    /// Claim for everybody who is owed something and lets the signer do so
    #[command(after_help = "\
Examples:
  tidepool rewards claim-many epoch-18 --distributor 0x01d3… --rpc https://arb1.example --keystore key.json
  tidepool rewards claim-many epoch-18 --accounts list.txt --batch 20 --distributor 0x01d3… --keystore key.json --yes")]
    ClaimMany(claim::ClaimMany),
    /// Show roots, the wait, the oracle, the treasury, and what accounts were paid
    #[command(after_help = "\
Examples:
  tidepool rewards status --distributor 0x01d3… --rpc https://arb1.example
  tidepool rewards status 0x1111… --results epoch-18 --distributor 0x01d3…   # with TIDEPOOL_RPC
  tidepool rewards status --results epoch-18 --distributor 0x01d3… --json | jq .waits_until")]
    Status(status::Status),
    /// Instants at which to sample, and the commitment to publish before the epoch
    #[command(after_help = "\
Examples:
  tidepool rewards sample-plan --secret secret.hex --commitment
  tidepool rewards sample-plan --secret secret.hex --epoch 18 --market BTC-USD --minutes 0..60
  tidepool rewards sample-plan --secret secret.hex --parameters epoch-0/parameters.toml --json
  tidepool rewards sample-plan --secret secret.hex --parameters epoch-0/parameters.toml --chain --publish epoch-0/sampling.json
  tidepool rewards sample-plan --secret secret.hex --parameters epoch-0/parameters.toml --chain --link 23 > link.json   # the first day")]
    SamplePlan(plan::SamplePlan),
}

pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Init(arguments) => arguments.run(),
        Command::Seal(arguments) => arguments.run(),
        Command::Record(arguments) => arguments.run(),
        Command::Reveal(arguments) => arguments.run(),
        Command::CheckFeed(arguments) => arguments.run(),
        Command::Live(arguments) => arguments.run(),
        Command::Play(arguments) => arguments.run(),
        Command::Simulate(arguments) => arguments.run(),
        Command::Run(arguments) => arguments.run(),
        Command::Validate(arguments) => arguments.run(),
        Command::Score(arguments) => arguments.run(),
        Command::Allocate(arguments) => arguments.run(),
        Command::Tree(arguments) => arguments.tree(),
        Command::Proof(arguments) => arguments.run(),
        Command::Verify(arguments) => arguments.run(),
        Command::Pin(arguments) => arguments.run(),
        Command::Diff(arguments) => arguments.run(),
        Command::DiffSamples(arguments) => arguments.run(),
        Command::Explain(arguments) => arguments.run(),
        Command::Report(arguments) => arguments.run(),
        Command::Publish(arguments) => arguments.run(),
        Command::Propose(arguments) => arguments.run(),
        Command::Promote(arguments) => arguments.run(),
        Command::Claim(arguments) => arguments.run(),
        Command::ClaimMany(arguments) => arguments.run(),
        Command::Status(arguments) => arguments.run(),
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
            accept_gaps: None,
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

/// Computes an epoch again, without a word, and compares everything with its results.
pub(crate) fn recompute(
    results: &rewards_files::verify::Results,
    inputs: &rewards_files::epoch::EpochFolder,
) -> Result<Vec<rewards_files::verify::Check>, rewards_files::Error> {
    let bar = crate::progress::Bar::bytes("verifying");
    let reading = Reading { skip_bad: false, threads: None, json: false };
    results.check_inputs(inputs, reading.options(&bar, TableFormat::Csv))
}
