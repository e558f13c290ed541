//! How a market's scores came about: what the samples so far were worth at the end of each bucket of a timeline (spec section 18, item 3). For
//! display; nothing is paid by it.
//!
//! Volumes, stakes, links and eligibility are those of the inputs as they are now, since no table says what they were then. So the last moment
//! is what the epoch's sums give, and earlier ones say what they would have given by that many samples.

use alloy_primitives::{Address, aliases::U512};

use crate::{
    allocation::{MarketAllocation, allocate},
    coefficient::{Ratio, coefficients},
    eligibility::Standing,
    formula::{Formula, Measures},
    inputs::Inputs,
    parameters::EpochParameters,
    score::{ScoreOverflow, ScoreRow, Scores, known_accounts, market_scores, row},
    tally::Tally,
    timeline::Timeline,
};

/// A market at the end of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Its samples, scores and pool by then.
    pub market: MarketAllocation,
    /// Its coefficient; nothing if nobody competes.
    pub coefficient: Option<Ratio>,
    /// Its providers by account, each with its reward.
    pub rows: Vec<(ScoreRow, u128)>,
}

/// The moments of the market at a place of the parameters, one for every so many neighbouring buckets.
///
/// # Errors
///
/// If sums of scores exceed their width.
pub fn progress(
    parameters: &EpochParameters,
    timeline: &Timeline,
    inputs: &Inputs,
    place: usize,
    factor: usize,
) -> Result<Vec<Moment>, ScoreOverflow> {
    let (count, factor) = (timeline.buckets(), factor.max(1));
    let whole = sum(timeline, 0..count, Tally::empty(timeline.markets.len()));
    let standing = |account| (account, Standing::of(account, parameters, inputs));
    let known: Vec<_> = known_accounts(&whole, inputs).into_iter().map(standing).collect();
    let mut tally = Tally::empty(timeline.markets.len());
    let mut moments = Vec::new();
    for first in (0..count).step_by(factor) {
        tally = sum(timeline, first..first + factor, tally);
        moments.push(moment(parameters, &tally, inputs, &known, place)?);
    }
    Ok(moments)
}

/// Adds the samples of some buckets.
fn sum(timeline: &Timeline, buckets: std::ops::Range<usize>, mut tally: Tally) -> Tally {
    for (sums, market) in tally.markets.iter_mut().zip(&timeline.markets) {
        let of_market = market.buckets.iter().skip(buckets.start).take(buckets.len());
        sums.valid += of_market.map(|bucket| bucket.samples).sum::<u32>();
        for (account, provider) in &market.providers {
            for bucket in provider.buckets.iter().skip(buckets.start).take(buckets.len()).filter(|it| it.uptime > 0) {
                let sum = sums.providers.entry(*account).or_default();
                sum.uptime += bucket.uptime;
                // A part of the epoch's sum, which was checked when it was made.
                sum.liquidity = sum.liquidity.saturating_add(bucket.liquidity);
            }
        }
    }
    tally
}

fn moment(
    parameters: &EpochParameters,
    tally: &Tally,
    inputs: &Inputs,
    known: &[(Address, Standing)],
    wanted: usize,
) -> Result<Moment, ScoreOverflow> {
    let mut scores = Scores { markets: Vec::with_capacity(tally.markets.len()), rows: Vec::new() };
    for (place, (market, sums)) in parameters.markets.iter().zip(&tally.markets).enumerate() {
        // Of the other markets it only matters whether anybody scores there: roots are the slow part.
        let score: fn(Formula, &Measures) -> U512 = if place == wanted { Formula::score } else { presence };
        let takes_part =
            |(account, standing): &&(Address, Standing)| standing.is_eligible() || sums.providers.contains_key(account);
        let rows = known.iter().filter(takes_part);
        let rows: Vec<_> =
            rows.map(|(account, standing)| row(market, sums, inputs, *account, *standing, score)).collect();
        scores.markets.push(market_scores(market, sums, parameters.minutes(), &rows)?);
        if place == wanted {
            scores.rows = rows;
        }
    }
    let mut allocation = allocate(parameters, &scores);
    let coefficient = coefficients(&allocation.markets).swap_remove(wanted);
    let rows = scores.rows.into_iter().zip(allocation.rewards_wei).collect();
    Ok(Moment { market: allocation.markets.swap_remove(wanted), coefficient, rows })
}

/// One if the score is not zero.
fn presence(formula: Formula, measures: &Measures) -> U512 {
    U512::from(formula.is_positive(measures))
}
