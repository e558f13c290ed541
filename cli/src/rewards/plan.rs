//! Sampling plans.

use std::path::PathBuf;

use ::rewards::{
    epoch::Clock,
    parameters::EpochParameters,
    sampling::{self, Instants, Sampling},
};
use anyhow::Context;
use clap::Args;
use rewards_files::{folder, output as files};
use rewards_record::plan::{Link, read_secret};
use serde::Serialize;

use super::minutes;
use crate::output::{self, Failure, Usage, say};

#[derive(Debug, Args)]
pub(crate) struct SamplePlan {
    /// File with the secret: 32 bytes in hexadecimal (openssl rand -hex 32)
    #[arg(long)]
    secret: PathBuf,
    /// Print only the commitment, to be published before the epoch
    #[arg(long)]
    commitment: bool,
    /// The secret is the end of a chain with a link for each hour: who samples needs the links of the next hours only
    #[arg(long)]
    chain: bool,
    /// Write the plan that may be published, commitment and form without the secret, for `record` and everybody else
    #[arg(long, value_name = "FILE", conflicts_with = "commitment")]
    publish: Option<PathBuf>,
    /// Print the link of an hour, with which no later hour can be sampled
    #[arg(long, value_name = "HOUR", requires = "chain", conflicts_with_all = ["commitment", "publish"])]
    link: Option<u32>,
    /// Parameters of the epoch: its clock, and its number and markets unless they are given; without it, dYdX's clock
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
    /// Epoch
    #[arg(long, required_unless_present_any = ["commitment", "parameters", "publish", "link"])]
    epoch: Option<u64>,
    /// Market; may be given several times
    #[arg(long, required_unless_present_any = ["commitment", "parameters", "publish", "link"])]
    market: Vec<String>,
    /// Minutes of the epoch: 17, or 0..60 [default: all]
    #[arg(long, value_parser = minutes)]
    minutes: Option<std::ops::Range<u32>>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Instant {
    epoch: u64,
    minute: u32,
    market: String,
    offset_ms: u64,
    time_ms: u64,
}

impl SamplePlan {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let secret = read_secret(&self.secret)?;
        let parameters = self.parameters.as_deref().map(folder::read_parameters).transpose()?;
        let clock = parameters.as_ref().map_or_else(Clock::default, |parameters| parameters.clock);
        let hours = self.chain.then(|| sampling::links_of(clock.minutes()));
        let sampling = Sampling { hours, tolerance_ms: sampling::DEFAULT_TOLERANCE_MS, ..Sampling::default() };
        let commitment = sampling.commitment_to(secret);
        if self.commitment {
            say!("{commitment}");
            return Ok(());
        }
        if let Some(path) = &self.publish {
            let published = Sampling { commitment: Some(commitment), ..sampling };
            files::write(path, &serde_json::to_vec_pretty(&published).context("plan")?)?;
            say!("{}: {commitment}", path.display());
            return Ok(());
        }
        if let (Some(hour), Some(hours)) = (self.link, hours) {
            let Some(link) = sampling::link(secret, hours - 1, hour) else {
                let text = format!("--link {hour}: the epoch has the hours 0..{hours}");
                return Err(anyhow::Error::from(Usage(text)).into());
            };
            return output::json(&Link { hour, link });
        }
        let number = self.epoch.or(parameters.as_ref().map(|parameters| parameters.epoch)).unwrap_or_default();
        let start = clock.start_ms(number).with_context(|| format!("epoch {number} is beyond the clock"))?;
        let minutes = self.minutes.clone().unwrap_or(0..clock.minutes());
        if minutes.is_empty() || minutes.end > clock.minutes() {
            let text = format!(
                "--minutes {}..{}: the epoch has the minutes 0..{}",
                minutes.start,
                minutes.end,
                clock.minutes()
            );
            return Err(anyhow::Error::from(Usage(text)).into());
        }
        let markets = self.markets(parameters.as_ref());
        let sampling = Sampling { secret: Some(secret), ..sampling };
        let instants = Instants::of(number, start, &sampling).map_err(anyhow::Error::from)?;
        let mut plan: Vec<_> = minutes
            .flat_map(|minute| markets.iter().map(move |market| (minute, market)))
            .filter_map(|(minute, market)| {
                let time_ms = instants.instant_ms(minute, market)?;
                let offset_ms = time_ms - instants.minute_ms(minute);
                Some(Instant { epoch: number, minute, market: market.clone(), offset_ms, time_ms })
            })
            .collect();
        plan.sort_by_key(|instant| instant.time_ms);
        if self.json {
            return output::json(&plan);
        }
        let row = |instant: &Instant| {
            let numbers = [instant.minute.into(), instant.offset_ms, instant.time_ms];
            std::iter::once(instant.market.clone()).chain(numbers.map(|number| number.to_string())).collect()
        };
        output::table(&["market", "minute", "offset ms", "time ms"], &plan.iter().map(row).collect::<Vec<_>>())
    }

    /// The markets that are named, or those of the parameters.
    fn markets(&self, parameters: Option<&EpochParameters>) -> Vec<String> {
        let all = || parameters.iter().flat_map(|parameters| &parameters.markets).map(|market| market.market.clone());
        if self.market.is_empty() { all().collect() } else { self.market.clone() }
    }
}
