//! `rewards-query`: an epoch's results, by queries.

use std::{num::NonZero, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use rewards::{allocation, score};
use rewards_files::{
    Problems,
    epoch::{EpochFolder, Malformed, SampleSource},
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
    #[arg(long, required_unless_present = "explain")]
    out: Option<PathBuf>,
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
    /// Pay although data is missing; why, for the manifest
    #[arg(long, value_name = "REASON")]
    accept_gaps: Option<String>,
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

impl From<TableFormat> for Format {
    fn from(format: TableFormat) -> Self {
        match format {
            TableFormat::Csv => Self::Csv,
            TableFormat::Jsonl => Self::JsonLines,
            TableFormat::Parquet => Self::Parquet,
        }
    }
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

impl Arguments {
    fn partitions(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, NonZero::get);
        self.partitions.map_or_else(all, NonZero::get)
    }

    fn resources(&self) -> Resources {
        Resources { partitions: self.partitions(), memory: self.memory.saturating_mul(1 << 20) }
    }

    /// The files of samples, which have to be Parquet.
    fn files(&self, folder: &EpochFolder) -> Result<Vec<PathBuf>> {
        let names = folder.digests.keys().filter(|name| name.starts_with("samples/"));
        let files: Vec<_> = names.map(|name| self.input.join(name)).collect();
        let are_parquet = files.iter().all(|file| Format::of(file) == Some(Format::Parquet));
        ensure!(are_parquet, "samples have to be Parquet; `tidepool rewards run` reads the other formats");
        Ok(files)
    }

    fn options(&self) -> Options<'static> {
        Options {
            format: self.format.into(),
            malformed: Malformed::Refuse,
            threads: self.partitions(),
            progress: &(),
            proofs: self.proofs,
            replace: self.replace,
            accept_gaps: self.accept_gaps.clone(),
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let folder = EpochFolder::open(&arguments.input)?;
    let SampleSource { parameters, sampling, inputs, .. } = folder.samples()?;
    let files = arguments.files(&folder)?;
    let session = tally::session(parameters.clone(), sampling.clone(), &files, arguments.resources());
    let session = runtime.block_on(session)?;
    let Some(out) = arguments.out.as_ref().filter(|_| !arguments.explain) else {
        let plan = async { session.sql(tally::LIQUIDITY).await?.explain(false, false)?.show().await };
        return Ok(runtime.block_on(plan)?);
    };
    let tally = runtime.block_on(tally::tally(&session, parameters))?;
    let scores = score::score(parameters, &tally, inputs)?;
    let rewards = allocation::allocate(parameters, &scores);
    let scored = Scored { scores, tally, skipped: Problems::default() };
    let results = manifest::finish(&folder, Some((scored, rewards)), arguments.accept_gaps.as_deref())?;
    manifest::write(out, &results, &arguments.options())
        .with_context(|| format!("{} could not be written", out.display()))?;
    println!("root {}", results.manifest.root);
    Ok(())
}
