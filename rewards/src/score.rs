//! From sums to scores: every provider in every market (spec sections 3.3, 3.4, 6 and 7).

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, aliases::U512};
use rayon::prelude::*;

use crate::{
    eligibility::Standing,
    formula::{Formula, Measures},
    inputs::Inputs,
    parameters::{EpochParameters, MarketParameters},
    tally::{Liquidity, MarketTally, Tally},
};

/// One provider in one market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScoreRow {
    /// Market.
    pub market: String,
    /// Provider.
    pub account: Address,
    /// Who is credited with what it earns.
    pub primary: Address,
    /// The formula of the market.
    pub formula: Formula,
    /// Depth over spread, summed over the epoch.
    pub liquidity: u128,
    /// Its own uptime, samples.
    pub uptime: u32,
    /// The greatest uptime in its group: the one that scores.
    pub effective_uptime: u32,
    /// Valid samples of the market.
    pub samples: u32,
    /// Its maker volume in the market, micro-USD.
    pub volume: u128,
    /// The average stake of its group, wei.
    pub stake: u128,
    /// Whether it takes part.
    pub standing: Standing,
    /// Its score, whether it takes part or not.
    pub score: U512,
}

impl ScoreRow {
    /// The score as far as it earns.
    #[must_use]
    pub const fn earning_score(&self) -> U512 {
        if self.standing.is_eligible() { self.score } else { U512::ZERO }
    }

    /// What the score is computed from.
    #[must_use]
    pub const fn measures(&self) -> Measures {
        Measures { liquidity: self.liquidity, uptime: self.effective_uptime, volume: self.volume, stake: self.stake }
    }
}

/// One market's samples and scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketScores {
    /// Market.
    pub market: String,
    /// Valid samples.
    pub samples: u32,
    /// Crossed books.
    pub crossed: u32,
    /// Samples too far from their instant.
    pub off_instant: u32,
    /// Minutes in which the exchange is known to have been down.
    pub outages: u32,
    /// Minutes in which the market was listed and that have no sample, outages among them.
    pub missing: u32,
    /// Sum of the scores of those who take part.
    pub total_score: U512,
    /// Sum of their liquidity.
    pub total_liquidity: u128,
}

/// All scores of an epoch, by market and account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scores {
    /// In the order of the parameters.
    pub markets: Vec<MarketScores>,
    /// By the market's name, then by account.
    pub rows: Vec<ScoreRow>,
}

/// Sums of scores or liquidity that no honest input reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sums of a market exceed their width")]
pub struct ScoreOverflow;

/// Scores everybody who quoted or takes part.
pub fn score(parameters: &EpochParameters, tally: &Tally, inputs: &Inputs) -> Result<Scores, ScoreOverflow> {
    let known: Vec<_> = known_accounts(tally, inputs)
        .into_iter()
        .map(|account| (account, Standing::of(account, parameters, inputs)))
        .collect();
    let mut markets: Vec<_> = parameters.markets.iter().zip(&tally.markets).collect();
    markets.sort_by_key(|(market, _)| &market.market);

    let candidates: Vec<_> = markets
        .iter()
        .flat_map(|(market, sums)| known.iter().map(move |(account, standing)| (*market, *sums, *account, *standing)))
        .filter(|(_, sums, account, standing)| standing.is_eligible() || sums.providers.contains_key(account))
        .collect();
    // Roots are the slow part. Collecting keeps the order.
    let rows: Vec<_> = candidates
        .into_par_iter()
        .map(|(market, sums, account, standing)| row(market, sums, inputs, account, standing, Formula::score))
        .collect();

    let markets = parameters.markets.iter().zip(&tally.markets);
    let minutes = parameters.minutes();
    let markets =
        markets.map(|(market, sums)| market_scores(market, sums, minutes, &rows)).collect::<Result<_, _>>()?;
    Ok(Scores { markets, rows })
}

/// Everybody who can have a row, by account.
pub(crate) fn known_accounts(tally: &Tally, inputs: &Inputs) -> BTreeSet<Address> {
    let quoted = tally.markets.iter().flat_map(|market| market.providers.keys().copied());
    let traded = inputs.volumes.accounts().chain(inputs.previous_volumes.accounts());
    let listed = inputs.eligible.iter().flatten().copied();
    quoted.chain(traded).chain(listed).chain(inputs.links.accounts()).collect()
}

/// The row of a provider, whose score is what `score` makes of its measures.
pub(crate) fn row(
    market: &MarketParameters,
    sums: &MarketTally,
    inputs: &Inputs,
    account: Address,
    standing: Standing,
    score: fn(Formula, &Measures) -> U512,
) -> ScoreRow {
    let of = |account: &Address| sums.providers.get(account).copied().unwrap_or_default();
    let Liquidity { liquidity, uptime } = of(&account);
    let group: Vec<_> = inputs.links.group(account).collect();
    let effective_uptime = group.iter().map(|member| of(member).uptime).max().unwrap_or_default();
    // Averages are of at most 128 bits of wei in all: Stakes checks each sum of samples, not that of a group.
    let stake = group.iter().fold(0_u128, |sum, member| sum.saturating_add(inputs.stakes.average(*member)));
    let volume = inputs.volumes.in_market(&market.market, account);
    let measures = Measures { liquidity, uptime: effective_uptime, volume, stake };
    ScoreRow {
        market: market.market.clone(),
        account,
        primary: inputs.links.primary(account),
        formula: market.formula,
        liquidity,
        uptime,
        effective_uptime,
        samples: sums.valid,
        volume,
        stake,
        standing,
        score: score(market.formula, &measures),
    }
}

pub(crate) fn market_scores(
    market: &MarketParameters,
    sums: &MarketTally,
    minutes: u32,
    rows: &[ScoreRow],
) -> Result<MarketScores, ScoreOverflow> {
    let mut total_score = U512::ZERO;
    let mut total_liquidity = 0_u128;
    for row in rows.iter().filter(|row| row.market == market.market && row.standing.is_eligible()) {
        total_score = total_score.checked_add(row.score).ok_or(ScoreOverflow)?;
        total_liquidity = total_liquidity.checked_add(row.liquidity).ok_or(ScoreOverflow)?;
    }
    Ok(MarketScores {
        market: market.market.clone(),
        samples: sums.valid,
        crossed: sums.crossed,
        off_instant: sums.off_instant,
        outages: sums.outages,
        missing: sums.missing(market.minutes(minutes).len() as u32),
        total_score,
        total_liquidity,
    })
}

impl Scores {
    /// Checks that the sums of the markets are those of the rows: for scores that come from a file.
    pub fn check(&self) -> Result<(), String> {
        let mut totals: Vec<_> = self.markets.iter().map(|_| (U512::ZERO, 0_u128)).collect();
        let places: BTreeMap<_, _> =
            self.markets.iter().enumerate().map(|(place, market)| (market.market.as_str(), place)).collect();
        for row in &self.rows {
            let place = *places.get(row.market.as_str()).ok_or_else(|| format!("no market {}", row.market))?;
            let (market, total) = (&self.markets[place], &mut totals[place]);
            if row.samples != market.samples {
                return Err(format!(
                    "{}: {} samples in a row, {} in the market",
                    row.market, row.samples, market.samples
                ));
            }
            if row.uptime > row.effective_uptime || row.effective_uptime > row.samples {
                return Err(format!("{}, {}: more uptime than samples", row.market, row.account));
            }
            if row.standing.is_eligible() {
                total.0 = total.0.checked_add(row.score).ok_or("scores exceed their width")?;
                total.1 = total.1.checked_add(row.liquidity).ok_or("liquidity exceeds its width")?;
            }
        }
        for (market, total) in self.markets.iter().zip(totals) {
            if (market.total_score, market.total_liquidity) != total {
                return Err(format!("{}: the sums are not those of its rows", market.market));
            }
        }
        Ok(())
    }
}
