//! Sampling plans.

use std::{fs, path::PathBuf};

use ::rewards::{
    epoch::{self, MINUTES},
    sampling::{self, Instants, Sampling},
};
use alloy_primitives::B256;
use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::minutes;
use crate::output::{self, Failure};

#[derive(Debug, Args)]
pub(crate) struct SamplePlan {
    /// File with the secret: 32 bytes in hexadecimal (openssl rand -hex 32)
    #[arg(long)]
    secret: PathBuf,
    /// Print only the commitment, to be published before the epoch
    #[arg(long)]
    commitment: bool,
    /// Epoch
    #[arg(long, required_unless_present = "commitment")]
    epoch: Option<u64>,
    /// Market; may be given several times
    #[arg(long, required_unless_present = "commitment")]
    market: Vec<String>,
    /// Minutes of the epoch: 17, or 0..60
    #[arg(long, default_value = "0..40320", value_parser = minutes)]
    minutes: std::ops::Range<u32>,
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
            println!("{}", sampling::commitment(secret));
            return Ok(());
        }
        let number = self.epoch.unwrap_or_default();
        let start = epoch::start_ms(number).with_context(|| format!("epoch {number} is beyond the clock"))?;
        let sampling = Sampling { secret: Some(secret), ..Sampling::default() };
        let instants = Instants::of(number, start, &sampling).map_err(anyhow::Error::from)?;
        let mut plan: Vec<_> = (self.minutes.start..self.minutes.end.min(MINUTES))
            .flat_map(|minute| self.market.iter().map(move |market| (minute, market)))
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
}
