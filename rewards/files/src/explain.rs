//! What a provider earned and why: order by order, minute by minute, market by market.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use rewards::{
    book::{Flaw, Record, Verdict},
    decimal::plain,
    tally::{Breakdown, Judged, Rules, break_down},
};
use serde::Serialize;

use crate::{
    Error,
    epoch::SampleSource,
    samples::{Place, Progress, Visitor},
};

/// One order and its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderLine {
    /// Order.
    pub id: String,
    /// B or S.
    pub side: &'static str,
    /// Price.
    pub price: String,
    /// Size.
    pub size: String,
    /// Size times price, USD.
    pub depth_usd: String,
    /// Distance from mid, basis points.
    pub spread_bps: Option<String>,
    /// Whether it counts, or why not.
    pub verdict: &'static str,
    /// What it adds.
    pub term: Option<String>,
}

/// One sample as the provider sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MinuteLine {
    /// Minute of the epoch.
    pub minute: u32,
    /// Best bid.
    pub best_bid: Option<String>,
    /// Best ask.
    pub best_ask: Option<String>,
    /// Whether it is a valid sample.
    pub is_sample: bool,
    /// Sum over bids.
    pub q_bid: String,
    /// Sum over asks.
    pub q_ask: String,
    /// The lesser: what the sample is worth.
    pub q_min: String,
    /// Orders that count, of how many.
    pub counting: usize,
    /// All its orders.
    pub orders: Vec<OrderLine>,
}

struct Explain<'a> {
    rules: &'a Rules<'a>,
    account: Address,
    market: &'a str,
    minutes: std::ops::Range<u32>,
    lines: BTreeMap<u32, MinuteLine>,
}

impl Visitor for Explain<'_> {
    fn visit(&mut self, _: Place, record: &Record<'_>) -> Result<(), Flaw> {
        if record.market == self.market && self.minutes.contains(&record.minute) {
            let breakdown = break_down(self.rules, record, self.account)?;
            self.lines.insert(record.minute, line(self.rules, record, &breakdown));
        }
        Ok(())
    }
}

/// The minutes of one market, as one provider sees them. Malformed records are left out: `score` reports them.
pub fn minutes(
    source: &SampleSource,
    account: Address,
    market: &str,
    minutes: std::ops::Range<u32>,
    threads: usize,
    progress: &dyn Progress,
) -> Result<Vec<MinuteLine>, Error> {
    if source.parameters.position(market).is_none() {
        return Err(Error::refused(format_args!("no market {market} in this epoch")));
    }
    let rules = source.rules()?;
    let new = || Explain { rules: &rules, account, market, minutes: minutes.clone(), lines: BTreeMap::new() };
    let scan = source.samples.scan(threads, progress, new)?;
    let lines: BTreeMap<_, _> = scan.visitors.into_iter().flat_map(|visitor| visitor.lines).collect();
    Ok(lines.into_values().collect())
}

fn line(rules: &Rules<'_>, record: &Record<'_>, breakdown: &Breakdown<'_>) -> MinuteLine {
    let counts = |order: &&Judged<'_>| matches!(order.verdict, Some(Verdict::Counts(_)));
    MinuteLine {
        minute: record.minute,
        best_bid: record.best_bid.map(ToOwned::to_owned),
        best_ask: record.best_ask.map(ToOwned::to_owned),
        is_sample: breakdown.is_sample(),
        q_bid: breakdown.sides.bid.to_string(),
        q_ask: breakdown.sides.ask.to_string(),
        q_min: breakdown.worth().to_string(),
        counting: breakdown.orders.iter().filter(counts).count(),
        orders: breakdown.orders.iter().map(|order| order_line(rules, breakdown, order)).collect(),
    }
}

fn order_line(rules: &Rules<'_>, breakdown: &Breakdown<'_>, order: &Judged<'_>) -> OrderLine {
    let limits = rules.limits(breakdown.market);
    let spread = breakdown.best().map(|best| limits.spread_micro_bps(best, order.price));
    let depth: u128 = limits.depth_micro(order.price, order.size).saturating_to();
    let (verdict, term) = match order.verdict {
        Some(Verdict::Counts(term)) => ("counts", Some(term.to_string())),
        Some(Verdict::TooSmall) => ("too small", None),
        Some(Verdict::TooFar) => ("too far from mid", None),
        None => ("no mid", None),
    };
    OrderLine {
        id: order.record.id.to_owned(),
        side: order.record.side.letter(),
        price: order.record.price.to_owned(),
        size: order.record.size.to_owned(),
        depth_usd: plain(depth, 6),
        spread_bps: spread.map(|spread| plain(spread, 6)),
        verdict,
        term,
    }
}
