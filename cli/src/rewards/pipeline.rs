//! From samples to a tree: each step alone, and all of them.

use std::{fs, path::PathBuf};

use ::rewards::{
    allocation,
    epoch::MINUTES,
    simulation::{Settings, Simulation},
    tree::Tree,
};
use alloy_primitives::Address;
use anyhow::Context;
use clap::Args;
use rewards_files::{
    epoch::{EpochFolder, Malformed, Source},
    manifest::{self, Epoch, Manifest, Scored},
    results, synthetic,
};
use serde::Serialize;

use super::{Input, Reading, TableFormat, account};
use crate::{
    output::{self, Failure, tokens},
    progress::Bar,
};

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Folder to write
    folder: PathBuf,
    /// Everything follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Epoch; decides formulas, limits and amounts
    #[arg(long, default_value_t = 18)]
    epoch: u64,
    /// Markets
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    markets: u16,
    /// Makers
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    makers: u16,
    /// Account of the largest maker; further ones for the next largest
    #[arg(long, value_name = "ADDRESS", value_parser = account)]
    maker: Vec<Address>,
    /// The tree before, instead of a made-up one
    #[arg(long, value_name = "TREE")]
    previous: Option<PathBuf>,
    /// Minutes from the start of the epoch, 40320 at most
    #[arg(long, default_value_t = 1440)]
    minutes: u32,
    /// Orders in a full book
    #[arg(long, default_value_t = 40)]
    orders: usize,
    /// Format of the samples
    #[arg(long, value_enum, default_value = "parquet")]
    format: TableFormat,
}

impl Simulate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let settings = Settings {
            seed: self.seed,
            epoch: self.epoch,
            markets: self.markets.into(),
            makers: self.makers.into(),
            minutes: self.minutes.min(MINUTES),
            orders: self.orders,
        };
        let simulation = Simulation::new(settings).with_accounts(&self.maker);
        simulation.parameters().check().map_err(anyhow::Error::from)?;
        let previous = self.previous.as_deref().map(fs::read).transpose();
        let previous = previous.with_context(|| format!("{:?}", self.previous))?;
        synthetic::write(&self.folder, &simulation, self.format.into(), &Bar::count("markets"))?;
        if let Some(tree) = previous {
            synthetic::write_previous(&self.folder, &tree)?;
        }
        eprintln!("{}: an epoch; next: tidepool rewards run {0} --out results", self.folder.display());
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    reading: Reading,
}

/// What `validate` prints.
#[derive(Debug, Serialize)]
struct Validated {
    epoch: u64,
    profile: &'static str,
    problems: rewards_files::Problems,
    markets: Vec<ValidatedMarket>,
    previous_root: Option<String>,
    programs: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ValidatedMarket {
    market: String,
    valid: u32,
    crossed: u32,
    off_instant: u32,
    missing: u32,
    providers: usize,
}

impl Validate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let folder = EpochFolder::open(&self.input.input)?;
        let mut validated = Validated {
            epoch: folder.epoch(),
            profile: "legacy",
            problems: rewards_files::Problems::default(),
            markets: Vec::new(),
            previous_root: folder.previous.as_ref().map(|tree| Tree::root(tree).to_string()),
            programs: folder.programs.keys().cloned().collect(),
        };
        if let Source::Samples(source) = &folder.source {
            validated.profile = "samples";
            let bar = Bar::bytes("validating");
            // Everything that is wrong, rather than the first reason to refuse.
            let tallied = rewards_files::epoch::tally(source, Malformed::Skip, self.reading.threads(), &bar)?;
            let markets = source.parameters.markets.iter().zip(&tallied.tally.markets);
            let market =
                |(parameters, sums): (&::rewards::parameters::MarketParameters, &::rewards::tally::MarketTally)| {
                    ValidatedMarket {
                        market: parameters.market.clone(),
                        valid: sums.valid,
                        crossed: sums.crossed,
                        off_instant: sums.off_instant,
                        missing: sums.missing(),
                        providers: sums.providers.len(),
                    }
                };
            validated.markets = markets.map(market).collect();
            validated.problems = tallied.skipped;
        }
        if self.reading.json {
            output::json(&validated)?;
        } else {
            validated.print()?;
        }
        if validated.problems.is_empty() || self.reading.skip_bad {
            Ok(())
        } else {
            Err(Failure::Malformed(validated.problems))
        }
    }
}

impl Validated {
    fn print(&self) -> Result<(), Failure> {
        println!("epoch {}, {}", self.epoch, self.profile);
        let row = |market: &ValidatedMarket| {
            let counts = [market.valid, market.crossed, market.off_instant, market.missing];
            let counts = counts.iter().map(ToString::to_string).chain([market.providers.to_string()]);
            std::iter::once(market.market.clone()).chain(counts).collect()
        };
        let rows: Vec<_> = self.markets.iter().map(row).collect();
        output::table(&["market", "valid", "crossed", "off instant", "missing", "providers"], &rows)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Score {
    #[command(flatten)]
    input: Input,
    /// Folder of the results
    #[arg(long)]
    out: PathBuf,
    /// Format of tables
    #[arg(long, value_enum, default_value = "csv")]
    format: TableFormat,
    #[command(flatten)]
    reading: Reading,
}

impl Score {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let folder = EpochFolder::open(&self.input.input)?;
        let source = folder.samples()?;
        let scored = {
            let bar = Bar::bytes("scoring");
            manifest::score(source, &self.reading.options(&bar, self.format))?
        };
        manifest::write_scores(&self.out, source.parameters.epoch, &scored, self.format.into())?;
        let market = |market: &::rewards::score::MarketScores| {
            let providers =
                scored.scores.rows.iter().filter(|row| row.market == market.market && !row.earning_score().is_zero());
            vec![
                market.market.clone(),
                market.samples.to_string(),
                providers.count().to_string(),
                market.total_score.to_string(),
            ]
        };
        let rows: Vec<_> = scored.scores.markets.iter().map(market).collect();
        if self.reading.json {
            return output::json(&rows);
        }
        output::table(&["market", "samples", "earning", "sum of scores"], &rows)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Allocate {
    #[command(flatten)]
    input: Input,
    /// Folder with the scores, and of the results
    #[arg(long)]
    out: PathBuf,
    /// Format of tables
    #[arg(long, value_enum, default_value = "csv")]
    format: TableFormat,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Allocate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let folder = EpochFolder::open(&self.input.input)?;
        let parameters = &folder.samples()?.parameters;
        let scores = results::read_scores(&self.out, parameters)?;
        let allocation = allocation::allocate(parameters, &scores);
        manifest::write_rewards(&self.out, parameters.epoch, &scores, &allocation, self.format.into())?;
        let credits: std::collections::BTreeMap<_, _> =
            allocation.credits.iter().map(|(account, wei)| (account.to_string(), wei.to_string())).collect();
        if self.json {
            return output::json(&credits);
        }
        let row = |(account, wei): (&alloy_primitives::Address, &u128)| vec![account.to_string(), tokens(*wei)];
        output::table(&["account", "tokens"], &allocation.credits.iter().map(row).collect::<Vec<_>>())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    input: Input,
    /// Folder of the results
    #[arg(long)]
    out: PathBuf,
    /// Format of tables
    #[arg(long, value_enum, default_value = "csv")]
    format: TableFormat,
    /// Also write every proof: proofs.jsonl
    #[arg(long)]
    proofs: bool,
    /// Replace other results of the same folder
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    reading: Reading,
}

impl Run {
    /// All steps.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let folder = EpochFolder::open(&self.input.input)?;
        let bar = Bar::bytes("scoring");
        let mut options = self.reading.options(&bar, self.format);
        (options.proofs, options.replace) = (self.proofs, self.replace);
        let computed = manifest::compute(&folder, &options)?;
        manifest::write(&self.out, &computed, &options)?;
        drop(bar);
        self.print(&computed)
    }

    /// The last step alone, from the scores that are there.
    pub(crate) fn tree(self) -> Result<(), Failure> {
        let folder = EpochFolder::open(&self.input.input)?;
        let bar = Bar::bytes("merging");
        let mut options = self.reading.options(&bar, self.format);
        (options.proofs, options.replace) = (self.proofs, self.replace);
        let scored = match &folder.source {
            Source::Legacy { .. } => None,
            Source::Samples(source) => {
                // The tree answers for its samples: its manifest counts them, so they are read again.
                let stored = results::read_scores(&self.out, &source.parameters)?;
                let scored: Scored = manifest::score(source, &options)?;
                let differs = |row: &::rewards::score::ScoreRow, other: &::rewards::score::ScoreRow| {
                    (row.measures(), row.score, row.earning_score())
                        != (other.measures(), other.score, other.earning_score())
                };
                let is_other = stored.rows.len() != scored.scores.rows.len()
                    || stored.rows.iter().zip(&scored.scores.rows).any(|(row, other)| differs(row, other));
                if is_other {
                    return Err(anyhow::anyhow!("{}: the scores are not those of the input", self.out.display()).into());
                }
                let allocation = allocation::allocate(&source.parameters, &scored.scores);
                Some((scored, allocation))
            }
        };
        let computed = manifest::finish(&folder, scored)?;
        manifest::write_tree(&self.out, &computed, &options)?;
        drop(bar);
        self.print(&computed)
    }

    fn print(&self, computed: &Epoch) -> Result<(), Failure> {
        if self.reading.json {
            return output::json(&computed.manifest);
        }
        print_markets(computed)?;
        let Manifest { epoch, leaves, root, cid, skipped, unpaid_wei, .. } = &computed.manifest;
        println!("\nepoch {epoch}: {leaves} leaves, {unpaid_wei} wei unpaid");
        println!("root {root}\ncid  {cid}");
        if *skipped > 0 {
            println!("{skipped} malformed samples left out: {}", self.out.join("skipped.json").display());
        }
        Ok(())
    }
}

fn print_markets(computed: &Epoch) -> Result<(), Failure> {
    let Some((scored, allocation)) = &computed.scored else { return Ok(()) };
    let coefficients = ::rewards::coefficient::coefficients(&allocation.markets);
    let rows = allocation.markets.iter().zip(coefficients).map(|(market, coefficient)| {
        let earning = scored
            .scores
            .rows
            .iter()
            .filter(|row| row.market == market.market && !row.earning_score().is_zero())
            .count();
        let coefficient = coefficient.map_or_else(|| "no competition".to_owned(), |coefficient| coefficient.decimal(4));
        vec![
            market.market.clone(),
            market.samples.to_string(),
            earning.to_string(),
            tokens(market.pool_wei),
            coefficient,
        ]
    });
    output::table(&["market", "samples", "earning", "pool", "coefficient"], &rows.collect::<Vec<_>>())
}
