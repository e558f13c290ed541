//! Sampling plans.

use std::{fs, path::PathBuf};

use ::rewards::{
    epoch::Clock,
    parameters::EpochParameters,
    sampling::{self, Instants, Sampling},
};
use alloy_primitives::B256;
use anyhow::Context;
use clap::Args;
use rewards_files::folder;
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
    /// Parameters of the epoch: its clock, and its number and markets unless they are given; without it, dYdX's clock
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
    /// Epoch
    #[arg(long, required_unless_present_any = ["commitment", "parameters"])]
    epoch: Option<u64>,
    /// Market; may be given several times
    #[arg(long, required_unless_present_any = ["commitment", "parameters"])]
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
        let text = fs::read_to_string(&self.secret).with_context(|| self.secret.display().to_string())?;
        let secret: B256 = text.trim().parse().with_context(|| format!("{}: not 32 bytes", self.secret.display()))?;
        if self.commitment {
            say!("{}", sampling::commitment(secret));
            return Ok(());
        }
        let parameters = self.parameters.as_deref().map(folder::read_parameters).transpose()?;
        let clock = parameters.as_ref().map_or_else(Clock::default, |parameters| parameters.clock);
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
        let sampling = Sampling { secret: Some(secret), ..Sampling::default() };
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
