//! `rewards-query`: an epoch's results, by queries.

use std::{num::NonZero, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use rewards::{allocation, score};
use rewards_files::{
    Problems,
    epoch::{EpochFolder, Malformed},
    manifest::{self, Options, Scored},
    samples::Format,
};
use rewards_query::tally::{self, Resources};

/// Computes an epoch's results from Parquet with Apache DataFusion: the same files, byte for byte, as `tidepool rewards run`
#[derive(Debug, Parser)]
#[command(version, after_help = "Example:\n  rewards-query market --out epoch-18")]
struct Arguments {
    /// The epoch's folder, with its samples in Parquet
    input: PathBuf,
    /// Where results go
    #[arg(long)]
    out: PathBuf,
    /// Format of tables
    #[arg(long, value_enum, default_value_t = TableFormat::Csv)]
    format: TableFormat,
    /// Parts that are computed at a time [default: all cores]
    #[arg(long)]
    partitions: Option<NonZero<usize>>,
    /// Memory for sums, MiB; beyond it, temporary files
    #[arg(long, default_value_t = 1024)]
    memory: usize,
    /// Write every proof too
    #[arg(long)]
    proofs: bool,
    /// Put these results in the place of others
    #[arg(long)]
    replace: bool,
    /// Print how the main query runs, and stop
    #[arg(long)]
    explain: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TableFormat {
    Csv,
    Jsonl,
    Parquet,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let folder = EpochFolder::open(&arguments.input)?;
    let source = folder.samples()?;
    let names = folder.digests.keys().filter(|name| name.starts_with("samples/"));
    let files: Vec<_> = names.map(|name| arguments.input.join(name)).collect();
    let are_parquet = files.iter().all(|file| Format::of(file) == Some(Format::Parquet));
    ensure!(are_parquet, "samples have to be Parquet; `tidepool rewards run` reads the other formats");
    let partitions =
        arguments.partitions.map_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get), NonZero::get);
    let resources = Resources { partitions, memory: arguments.memory.saturating_mul(1 << 20) };

    let session = tally::session(source.parameters.clone(), source.sampling.clone(), &files, resources);
    let session = runtime.block_on(session)?;
    if arguments.explain {
        let plan = async { session.sql(tally::LIQUIDITY).await?.explain(false, false)?.show().await };
        return Ok(runtime.block_on(plan)?);
    }
    let tally = runtime.block_on(tally::tally(&session, &source.parameters))?;
    let scores = score::score(&source.parameters, &tally, &source.inputs)?;
    let rewards = allocation::allocate(&source.parameters, &scores);
    let scored = Scored { scores, tally, skipped: Problems::default() };
    let results = manifest::finish(&folder, Some((scored, rewards)))?;
    let format = match arguments.format {
        TableFormat::Csv => Format::Csv,
        TableFormat::Jsonl => Format::JsonLines,
        TableFormat::Parquet => Format::Parquet,
    };
    let options = Options {
        format,
        malformed: Malformed::Refuse,
        threads: partitions,
        progress: &(),
        proofs: arguments.proofs,
        replace: arguments.replace,
    };
    manifest::write(&arguments.out, &results, &options)
        .with_context(|| format!("{} could not be written", arguments.out.display()))?;
    println!("root {}", results.manifest.root);
    Ok(())
}
