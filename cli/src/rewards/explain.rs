//! What a provider earns, and why.

use std::path::PathBuf;

use ::rewards::{
    allocation::{Allocation, allocate},
    coefficient,
    eligibility::{group_volume, missing_volume},
    forecast::forecast,
    score::ScoreRow,
};
use alloy_primitives::Address;
use clap::Args;
use rewards_files::{
    epoch::{EpochFolder, SampleSource},
    explain::{self, MinuteLine},
    manifest::{self, Scored},
};
use serde::Serialize;

use super::{Reading, TableFormat, account, minutes};
use crate::{
    output::{self, Failure, say, tokens},
    progress::Bar,
};

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Account
    #[arg(value_parser = account)]
    account: Address,
    /// Folder of the epoch
    #[arg(long)]
    input: PathBuf,
    /// Show the minutes of one market
    #[arg(long)]
    market: Option<String>,
    /// Which minutes: 17, or 0..60
    #[arg(long, requires = "market", value_parser = minutes)]
    minutes: Option<std::ops::Range<u32>>,
    /// Show each order with its verdict
    #[arg(long, requires = "market")]
    orders: bool,
    #[command(flatten)]
    reading: Reading,
}

/// An account's epoch.
#[derive(Debug, Serialize)]
struct Explained {
    account: String,
    credited_to: String,
    standing: ::rewards::eligibility::Standing,
    exclusion: Option<String>,
    previous_volume_micro_usd: String,
    previous_total_micro_usd: String,
    volume_micro_usd: String,
    total_micro_usd: String,
    /// Still missing for the next epoch, if nobody else traded any more.
    missing_for_next_epoch_micro_usd: Option<String>,
    minutes_elapsed: u32,
    expected_wei: String,
    expected_if_it_stops_now_wei: String,
    uptime_still_reachable: u32,
    markets: Vec<ExplainedMarket>,
}

#[derive(Debug, Serialize)]
struct ExplainedMarket {
    market: String,
    formula: String,
    q: String,
    u: u32,
    u_effective: u32,
    samples: u32,
    v: String,
    s: String,
    score: String,
    sum_of_scores: String,
    pool_wei: String,
    reward_wei: String,
    coefficient: Option<String>,
}

impl Explain {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let folder = EpochFolder::open(&self.input)?;
        let source = folder.samples()?;
        match &self.market {
            Some(market) => self.show_minutes(source, market),
            None => self.show_markets(source),
        }
    }

    fn show_markets(&self, source: &SampleSource) -> Result<(), Failure> {
        let bar = Bar::bytes("scoring");
        let scored = manifest::score(source, &self.reading.options(&bar, TableFormat::Csv))?;
        drop(bar);
        let explained = self.explain(source, &scored)?;
        if self.reading.json {
            return output::json(&explained);
        }
        say!("{}, credited to {}: {:?}", explained.account, explained.credited_to, explained.standing);
        let wei = |text: &str| tokens(text.parse().unwrap_or_default());
        say!(
            "{} minutes in: expects {} tokens, {} if it stops now\n",
            explained.minutes_elapsed,
            wei(&explained.expected_wei),
            wei(&explained.expected_if_it_stops_now_wei)
        );
        let row = |market: &ExplainedMarket| {
            let uptime = format!("{}/{}", market.u_effective, market.samples);
            let coefficient = market.coefficient.clone().unwrap_or_else(|| "no competition".to_owned());
            vec![
                market.market.clone(),
                market.q.clone(),
                uptime,
                market.v.clone(),
                wei(&market.pool_wei),
                wei(&market.reward_wei),
                coefficient,
            ]
        };
        let rows: Vec<_> = explained.markets.iter().map(row).collect();
        output::table(&["market", "liquidity", "uptime", "volume", "pool", "reward", "coefficient"], &rows)
    }

    fn explain(&self, source: &SampleSource, scored: &Scored) -> Result<Explained, Failure> {
        let (parameters, inputs) = (&source.parameters, &source.inputs);
        let allocation = allocate(parameters, &scored.scores);
        let elapsed = scored.tally.markets.iter().map(|market| market.valid).max().unwrap_or_default();
        let forecast =
            forecast(parameters, &scored.tally, inputs, self.account, elapsed).map_err(anyhow::Error::from)?;
        let group = inputs.links.group(self.account).map(|member| inputs.volumes.of_account(member)).sum();
        let missing = missing_volume(parameters.threshold_num, parameters.threshold_den, group, inputs.volumes.total());
        let rows =
            scored.scores.rows.iter().zip(&allocation.rewards_wei).filter(|(row, _)| row.account == self.account);
        let markets: Vec<_> = rows.map(|(row, reward)| market(row, *reward, &allocation)).collect();
        let uptime = markets.iter().map(|market| market.u_effective).max().unwrap_or_default();
        Ok(Explained {
            account: self.account.to_string(),
            credited_to: inputs.links.primary(self.account).to_string(),
            standing: ::rewards::eligibility::Standing::of(self.account, parameters, inputs),
            exclusion: inputs.exclusions.get(&self.account).cloned(),
            previous_volume_micro_usd: group_volume(self.account, inputs).to_string(),
            previous_total_micro_usd: inputs.previous_volumes.total().to_string(),
            volume_micro_usd: group.to_string(),
            total_micro_usd: inputs.volumes.total().to_string(),
            missing_for_next_epoch_micro_usd: missing.map(|missing| missing.to_string()),
            minutes_elapsed: elapsed,
            expected_wei: forecast.if_it_continues_wei.to_string(),
            expected_if_it_stops_now_wei: forecast.if_it_stops_wei.to_string(),
            uptime_still_reachable: uptime + (parameters.minutes() - elapsed),
            markets,
        })
    }

    fn show_minutes(&self, source: &SampleSource, market: &str) -> Result<(), Failure> {
        let bar = Bar::bytes("reading");
        let minutes = self.minutes.clone().unwrap_or(0..source.parameters.minutes());
        let lines = explain::minutes(source, self.account, market, minutes, self.reading.threads(), &bar)?;
        drop(bar);
        if self.reading.json {
            return output::json(&lines);
        }
        if self.orders {
            return show_orders(&lines);
        }
        let row = |line: &MinuteLine| {
            let price = |price: &Option<String>| price.clone().unwrap_or_default();
            let counting = format!("{}/{}", line.counting, line.orders.len());
            vec![
                line.minute.to_string(),
                price(&line.best_bid),
                price(&line.best_ask),
                counting,
                line.q_bid.clone(),
                line.q_ask.clone(),
                line.q_min.clone(),
            ]
        };
        let rows: Vec<_> = lines.iter().map(row).collect();
        output::table(&["minute", "best bid", "best ask", "orders", "bids", "asks", "the lesser"], &rows)
    }
}

fn show_orders(lines: &[MinuteLine]) -> Result<(), Failure> {
    let row = |(line, order): (&MinuteLine, &explain::OrderLine)| {
        let spread = order.spread_bps.clone().unwrap_or_default();
        let term = order.term.clone().unwrap_or_default();
        let fields = [
            &order.side.to_owned(),
            &order.size,
            &order.price,
            &order.depth_usd,
            &spread,
            &order.verdict.to_owned(),
            &term,
        ]
        .map(Clone::clone);
        [line.minute.to_string(), order.id.clone()].into_iter().chain(fields).collect()
    };
    let rows: Vec<_> =
        lines.iter().flat_map(|line| line.orders.iter().map(move |order| (line, order))).map(row).collect();
    output::table(&["minute", "order", "side", "size", "price", "depth USD", "spread bps", "verdict", "worth"], &rows)
}

fn market(row: &ScoreRow, reward: u128, allocation: &Allocation) -> ExplainedMarket {
    let place = allocation.markets.iter().position(|market| market.market == row.market);
    let market = place.map(|place| &allocation.markets[place]);
    let coefficients = coefficient::coefficients(&allocation.markets);
    ExplainedMarket {
        market: row.market.clone(),
        formula: row.formula.to_string(),
        q: row.liquidity.to_string(),
        u: row.uptime,
        u_effective: row.effective_uptime,
        samples: row.samples,
        v: row.volume.to_string(),
        s: row.stake.to_string(),
        score: row.score.to_string(),
        sum_of_scores: market.map_or_else(String::new, |market| market.total_score.to_string()),
        pool_wei: market.map_or(0, |market| market.pool_wei).to_string(),
        reward_wei: reward.to_string(),
        coefficient: place.and_then(|place| coefficients[place].as_ref()).map(|coefficient| coefficient.decimal(6)),
    }
}
