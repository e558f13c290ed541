//! From samples to a tree: each step alone, and all of them.

use std::path::PathBuf;

use ::rewards::{
    allocation,
    health::{Health, MarketHealth},
    score::MarketScores,
    tree::Tree,
};
use alloy_primitives::U256;
use clap::Args;
use rewards_files::{
    epoch::{EpochFolder, Malformed, Source},
    manifest::{self, Epoch, Manifest, Options, Scored},
    results,
};
use serde::Serialize;

use super::{Input, Reading, TableFormat};
use crate::{
    output::{self, Failure, say, units},
    progress::Bar,
};

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
    profile: String,
    /// Malformed samples.
    problems: rewards_files::Problems,
    health: Option<Health>,
    previous_root: Option<String>,
    programs: Vec<String>,
    root: String,
}

impl Validate {
    /// Everything that `run` does, without writing; everything that is wrong, rather than the first reason to refuse.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let folder = EpochFolder::open(&self.input.input)?;
        let bar = Bar::bytes("validating");
        let options = Options {
            malformed: Malformed::Skip,
            accept_gaps: Some("they are listed".to_owned()),
            ..self.reading.options(&bar, TableFormat::Csv)
        };
        let computed = manifest::compute(&folder, &options)?;
        drop(bar);
        let validated = Validated {
            epoch: folder.epoch(),
            profile: computed.manifest.profile,
            problems: computed.scored.map(|(scored, _)| scored.skipped).unwrap_or_default(),
            health: computed.manifest.health,
            previous_root: folder.previous.as_ref().map(|tree| Tree::root(tree).to_string()),
            programs: folder.programs.keys().cloned().collect(),
            root: computed.manifest.root.to_string(),
        };
        if self.reading.json {
            output::json(&validated)?;
        } else {
            validated.print()?;
        }
        let Validated { problems, health, .. } = validated;
        let gaps = health.map(|health| health.gaps).unwrap_or_default();
        match (problems.is_empty() || self.reading.skip_bad, gaps.is_empty()) {
            (true, true) => Ok(()),
            (is_well_formed, _) if self.reading.json => Err(Failure::Reported(if is_well_formed { 4 } else { 3 })),
            (false, _) => Err(Failure::Malformed { problems, can_be_skipped: true }),
            (true, false) => Err(Failure::Gaps(gaps)),
        }
    }
}

impl Validated {
    fn print(&self) -> Result<(), Failure> {
        say!("epoch {}, {}", self.epoch, self.profile);
        self.health.as_ref().map_or(Ok(()), print_health)
    }
}

/// Minutes by what is known of them, and whether they could be checked.
fn print_health(health: &Health) -> Result<(), Failure> {
    let row = |market: &MarketHealth| {
        let MarketHealth { expected, seen, on_instant, valid, statuses, .. } = market;
        let counts = [expected, seen, on_instant, valid, &statuses.one_sided, &statuses.crossed, &statuses.outage];
        std::iter::once(market.market.clone()).chain(counts.map(ToString::to_string)).collect()
    };
    let columns = ["market", "expected", "seen", "on instant", "valid", "one-sided", "crossed", "outage"];
    output::table(&columns, &health.markets.iter().map(row).collect::<Vec<_>>())?;
    say!("instants {}, folder {}", known(health), if health.sealed { "sealed" } else { "not sealed" });
    Ok(())
}

fn known(health: &Health) -> &'static str {
    if health.known_instants { "checked" } else { "not checked: the secret is not known" }
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
    /// Replace finished results of the same folder
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    reading: Reading,
}

/// What `score` prints of a market.
#[derive(Debug, Serialize)]
struct ScoredMarket {
    market: String,
    samples: u32,
    /// Providers with a score that earns.
    earning: usize,
    sum_of_scores: String,
}

impl ScoredMarket {
    fn of(market: &MarketScores, scored: &Scored) -> Self {
        let rows = scored.scores.rows.iter().filter(|row| row.market == market.market);
        Self {
            market: market.market.clone(),
            samples: market.samples,
            earning: rows.filter(|row| !row.earning_score().is_zero()).count(),
            sum_of_scores: market.total_score.to_string(),
        }
    }
}

impl Score {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let folder = EpochFolder::open(&self.input.input)?;
        let source = folder.samples()?;
        let scored = {
            let bar = Bar::bytes("scoring");
            manifest::score(source, &self.reading.options(&bar, self.format))?
        };
        manifest::write_scores(&self.out, source.parameters.epoch, &scored, self.format.into(), self.replace)?;
        let markets = scored.scores.markets.iter().map(|market| ScoredMarket::of(market, &scored));
        let markets: Vec<_> = markets.collect();
        if self.reading.json {
            return output::json(&markets);
        }
        let row = |market: &ScoredMarket| {
            let ScoredMarket { market, samples, earning, sum_of_scores } = market;
            vec![market.clone(), samples.to_string(), earning.to_string(), sum_of_scores.clone()]
        };
        let columns = ["market", "samples", "earning", "sum of scores"];
        output::table(&columns, &markets.iter().map(row).collect::<Vec<_>>())
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
    /// Replace finished results of the same folder
    #[arg(long)]
    replace: bool,
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
        manifest::write_rewards(&self.out, parameters.epoch, &scores, &allocation, self.format.into(), self.replace)?;
        let credits: std::collections::BTreeMap<_, _> =
            allocation.credits.iter().map(|(account, wei)| (account.to_string(), wei.to_string())).collect();
        if self.json {
            return output::json(&credits);
        }
        let decimals = parameters.token.decimals;
        let row = |(account, wei): (&alloy_primitives::Address, &u128)| {
            vec![account.to_string(), units(U256::from(*wei), decimals)]
        };
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
    /// Pay although data is missing; why, for the manifest
    #[arg(long, value_name = "REASON", value_parser = reason)]
    accept_gaps: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

/// A reason is a text that says something.
fn reason(text: &str) -> Result<String, String> {
    let reason = text.trim();
    if reason.is_empty() { Err("a reason is a text".to_owned()) } else { Ok(reason.to_owned()) }
}

impl Run {
    fn options<'a>(&self, bar: &'a Bar) -> Options<'a> {
        Options {
            proofs: self.proofs,
            replace: self.replace,
            accept_gaps: self.accept_gaps.clone(),
            ..self.reading.options(bar, self.format)
        }
    }

    /// All steps.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let folder = EpochFolder::open(&self.input.input)?;
        let bar = Bar::bytes("scoring");
        let options = self.options(&bar);
        let computed = manifest::compute(&folder, &options)?;
        manifest::write(&self.out, &computed, &options)?;
        drop(bar);
        self.print(&computed)
    }

    /// The last step alone, from the scores that are there.
    pub(crate) fn tree(self) -> Result<(), Failure> {
        let folder = EpochFolder::open(&self.input.input)?;
        let bar = Bar::bytes("merging");
        let options = self.options(&bar);
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
        let computed = manifest::finish(&folder, scored, options.accept_gaps.as_deref())?;
        manifest::write(&self.out, &computed, &options)?;
        drop(bar);
        self.print(&computed)
    }

    fn print(&self, computed: &Epoch) -> Result<(), Failure> {
        if self.reading.json {
            return output::json(&computed.manifest);
        }
        print_markets(computed)?;
        let Manifest { epoch, leaves, root, cid, skipped, unpaid_wei, .. } = &computed.manifest;
        print_gaps(&computed.manifest);
        say!("\nepoch {epoch}: {leaves} leaves, {unpaid_wei} wei unpaid");
        say!("root {root}\ncid  {cid}");
        if *skipped > 0 {
            say!("{skipped} malformed samples left out: {}", self.out.join("skipped.json").display());
        }
        Ok(())
    }
}

/// What is missing and was accepted.
fn print_gaps(manifest: &Manifest) {
    let Some(health) = &manifest.health else { return };
    say!("\ninstants {}, folder {}", known(health), if health.sealed { "sealed" } else { "not sealed" });
    if let Some(reason) = &manifest.accepted_gaps {
        say!("accepted although data is missing ({reason}):");
        health.gaps.iter().for_each(|gap| say!("  {gap}"));
    }
}

fn print_markets(computed: &Epoch) -> Result<(), Failure> {
    let Some((scored, allocation)) = &computed.scored else { return Ok(()) };
    let decimals = computed.manifest.parameters.as_ref().map_or(18, |parameters| parameters.token.decimals);
    let coefficients = ::rewards::coefficient::coefficients(&allocation.markets);
    let health = computed.manifest.health.iter().flat_map(|health| &health.markets);
    let rows = allocation.markets.iter().zip(coefficients).zip(health).map(|((market, coefficient), health)| {
        let rows = scored.scores.rows.iter().filter(|row| row.market == market.market);
        let earning = rows.filter(|row| !row.earning_score().is_zero()).count();
        let coefficient = coefficient.map_or_else(|| "no competition".to_owned(), |coefficient| coefficient.decimal(4));
        vec![
            market.market.clone(),
            format!("{}/{}", market.samples, health.expected),
            format!("{}/{}", health.on_instant, health.seen),
            earning.to_string(),
            units(U256::from(market.pool_wei), decimals),
            coefficient,
        ]
    });
    let columns = ["market", "valid", "on instant", "earning", "pool", "coefficient"];
    output::table(&columns, &rows.collect::<Vec<_>>())
}
