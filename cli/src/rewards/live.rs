//! The running epoch as it grows: what each market pays, and what an account can expect.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    time::Duration,
};

use ::rewards::{
    allocation::{Allocation, allocate},
    coefficient::coefficients,
    eligibility::Standing,
    forecast::forecast,
    score::{ScoreRow, Scores, score},
};
use alloy_primitives::{Address, U256, U512};
use clap::Args;
use client::date;
use rewards_files::live::{Newest, Running};
use serde::Serialize;

use super::account;
use crate::output::{self, Failure, or_none, say, units};

#[derive(Debug, Args)]
pub(crate) struct Live {
    /// Folder of the epoch that is recorded
    folder: PathBuf,
    /// Whose share, tokens and eligibility are shown [default: all accounts' together]
    #[arg(long, value_parser = account)]
    account: Option<Address>,
    /// Show it once, as it is now
    #[arg(long)]
    once: bool,
    /// Seconds between two looks at the folder
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Print JSON, one object for each state
    #[arg(long)]
    json: bool,
}

/// The epoch at one moment.
#[derive(Debug, Serialize)]
struct Shown {
    epoch: u64,
    starts: u64,
    ends: u64,
    newest_ms: u64,
    /// Samples so far, those that do not count among them.
    samples: u64,
    /// Samples that could not be understood.
    malformed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<ShownAccount>,
    markets: Vec<ShownMarket>,
}

#[derive(Debug, Serialize)]
struct ShownAccount {
    account: String,
    credited_to: String,
    standing: Standing,
    /// If everybody goes on as so far.
    expected_wei: String,
    /// If this account stops now.
    expected_if_it_stops_now_wei: String,
}

#[derive(Debug, Serialize)]
struct ShownMarket {
    market: String,
    samples: u32,
    /// The newest sample's minute and status.
    minute: Option<u32>,
    status: Option<&'static str>,
    /// Best ask less best bid, of mid.
    spread_bps: Option<String>,
    /// All orders that count in the newest sample.
    depth_usd: Option<String>,
    /// Accounts that score; or the account's samples with both sides.
    providers: usize,
    uptime: Option<u32>,
    /// The account's part of all scores that earn.
    share_percent: Option<String>,
    coefficient: Option<String>,
    pool_wei: String,
    /// What the account gets of it; of all together, what is handed out.
    expected_wei: String,
}

impl Live {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut running: Option<Running> = None;
        let mut told = String::new();
        loop {
            match self.refresh(&mut running) {
                Ok(true) => {
                    if let Some(running) = &running {
                        self.show(running)?;
                    }
                }
                Ok(false) => {}
                Err(failure) if self.once => return Err(failure),
                // A folder that is being made, or a table that is being replaced, is whole a moment later.
                Err(failure) => {
                    running = None;
                    let text = failure.summary();
                    if std::mem::replace(&mut told, text.clone()) != text {
                        eprintln!("waiting: {}", text.trim_end());
                    }
                }
            }
            if self.once {
                return Ok(());
            }
            std::thread::sleep(Duration::from_secs(self.every));
        }
    }

    /// Whether there is something new.
    fn refresh(&self, running: &mut Option<Running>) -> Result<bool, Failure> {
        let mut is_new = false;
        let current = match running.take().filter(|running| !running.is_stale()) {
            Some(current) => current,
            None => {
                is_new = true;
                Running::open(&self.folder, true)?
            }
        };
        let current = running.insert(current);
        Ok(current.grow()? || is_new)
    }

    fn show(&self, running: &Running) -> Result<(), Failure> {
        let shown = self.shown(running)?;
        if self.json {
            return output::json(&shown);
        }
        if !self.once && std::io::stdout().is_terminal() {
            output::text("\x1b[2J\x1b[H");
        }
        shown.print(&self.folder, running)
    }

    fn shown(&self, running: &Running) -> Result<Shown, Failure> {
        let (parameters, inputs) = (&running.source.parameters, &running.source.inputs);
        let scores = score(parameters, &running.tally, inputs).map_err(anyhow::Error::from)?;
        let allocation = allocate(parameters, &scores);
        let starts = parameters.start();
        let passed = running.newest_ms.saturating_sub(starts * 1000) / 60_000 + 1;
        let elapsed = u32::try_from(passed).unwrap_or(u32::MAX).min(parameters.minutes());
        let of_account = |account: Address| -> Result<ShownAccount, Failure> {
            let forecast = forecast(parameters, &running.tally, inputs, account, elapsed);
            let forecast = forecast.map_err(anyhow::Error::from)?;
            Ok(ShownAccount {
                account: account.to_string(),
                credited_to: inputs.links.primary(account).to_string(),
                standing: Standing::of(account, parameters, inputs),
                expected_wei: forecast.if_it_continues_wei.to_string(),
                expected_if_it_stops_now_wei: forecast.if_it_stops_wei.to_string(),
            })
        };
        let coefficients = coefficients(&allocation.markets);
        let markets = (0..parameters.markets.len()).map(|place| ShownMarket {
            coefficient: coefficients[place].as_ref().map(|coefficient| coefficient.decimal(6)),
            ..self.market(running, &scores, &allocation, place)
        });
        Ok(Shown {
            epoch: parameters.epoch,
            starts,
            ends: starts + parameters.clock.epoch_seconds,
            newest_ms: running.newest_ms,
            samples: running.samples,
            malformed: running.problems.count,
            account: self.account.map(of_account).transpose()?,
            markets: markets.collect(),
        })
    }

    fn market(&self, running: &Running, scores: &Scores, allocation: &Allocation, place: usize) -> ShownMarket {
        let market = &allocation.markets[place];
        let of_market = |row: &(&ScoreRow, &u128)| row.0.market == market.market;
        let rows: Vec<_> = scores.rows.iter().zip(&allocation.rewards_wei).filter(of_market).collect();
        let mine = self.account.and_then(|account| rows.iter().find(|(row, _)| row.account == account));
        let newest = running.newest.get(place).copied().flatten();
        let expected = match (self.account, mine) {
            (None, _) => market.paid_wei,
            (Some(_), mine) => mine.map_or(0, |(_, reward)| **reward),
        };
        ShownMarket {
            market: market.market.clone(),
            samples: market.samples,
            minute: newest.map(|newest| newest.minute),
            status: newest.map(|newest| newest.status.name()),
            spread_bps: newest.and_then(spread_bps),
            depth_usd: newest.filter(|newest| newest.best.is_some()).map(|newest| dollars(newest.depth_micro)),
            providers: rows.iter().filter(|(row, _)| row.uptime > 0).count(),
            uptime: self.account.map(|_| mine.map_or(0, |(row, _)| row.uptime)),
            share_percent: self.account.map(|_| share(mine.map(|(row, _)| *row), market.total_score)),
            coefficient: None,
            pool_wei: market.pool_wei.to_string(),
            expected_wei: expected.to_string(),
        }
    }
}

/// Hundredths of a basis point, as basis points.
fn spread_bps(newest: Newest) -> Option<String> {
    let best = newest.best?;
    let (bid, ask) = (u128::from(best.bid), u128::from(best.ask));
    let hundredths = (ask - bid) * 2_000_000 / (ask + bid);
    Some(format!("{}.{:02}", hundredths / 100, hundredths % 100))
}

/// Whole dollars, rounded down.
fn dollars(micro: U256) -> String {
    (micro / U256::from(1_000_000)).to_string()
}

/// Percent with four decimals, rounded down.
fn share(row: Option<&ScoreRow>, total: U512) -> String {
    let score = row.map_or(U512::ZERO, ScoreRow::earning_score);
    let millionths = score.checked_mul(U512::from(1_000_000)).and_then(|score| score.checked_div(total));
    let millionths: u64 = millionths.unwrap_or_default().saturating_to();
    format!("{}.{:04}", millionths / 10_000, millionths % 10_000)
}

impl Shown {
    fn print(&self, folder: &Path, running: &Running) -> Result<(), Failure> {
        let token = &running.source.parameters.token;
        let tokens = |wei: &str| units(wei.parse().unwrap_or_default(), token.decimals);
        say!(
            "{}: epoch {}, until {}; newest sample {}",
            folder.display(),
            self.epoch,
            date(self.ends),
            date(self.newest_ms / 1000)
        );
        if self.malformed > 0 {
            say!("{} samples cannot be understood; tidepool rewards validate says why", self.malformed);
        }
        if let Some(account) = &self.account {
            let standing = match account.standing {
                Standing::Eligible => "eligible",
                Standing::BelowThreshold => "below the threshold: it scores and earns nothing",
                Standing::Excluded => "excluded: it earns nothing",
            };
            say!("{}: {standing}", account.account);
            say!(
                "expects {} {symbol} if all go on as so far, {} {symbol} if it stops now",
                tokens(&account.expected_wei),
                tokens(&account.expected_if_it_stops_now_wei),
                symbol = token.symbol
            );
        }
        say!();
        let row = |market: &ShownMarket| {
            let uptime = market.uptime.map_or_else(|| market.providers.to_string(), |own| own.to_string());
            let mut row = vec![
                market.market.clone(),
                market.status.unwrap_or("none yet").to_owned(),
                or_none(market.spread_bps.as_ref()),
                or_none(market.depth_usd.as_ref()),
                format!("{uptime}/{}", market.samples),
                market.coefficient.clone().unwrap_or_else(|| "no competition".to_owned()),
                tokens(&market.pool_wei),
                tokens(&market.expected_wei),
            ];
            if let Some(share) = &market.share_percent {
                row.insert(5, format!("{share} %"));
            }
            row
        };
        let rows: Vec<_> = self.markets.iter().map(row).collect();
        match self.account {
            Some(_) => {
                let columns = [
                    "market",
                    "newest",
                    "spread bps",
                    "depth USD",
                    "my uptime",
                    "my share",
                    "coefficient",
                    "pool",
                    "I expect",
                ];
                output::table(&columns, &rows)
            }
            None => {
                let columns =
                    ["market", "newest", "spread bps", "depth USD", "providers/samples", "coefficient", "pool", "paid"];
                output::table(&columns, &rows)
            }
        }
    }
}
