//! From scores to tokens (spec sections 8.1 and 8.2). Every division rounds down; what is left over stays in the treasury.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256, aliases::U512};

use crate::{
    parameters::{EmptyMarket, EpochParameters, Group, Share, WHOLE_BPS},
    score::{ScoreRow, Scores},
};

/// One market's pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketAllocation {
    /// Market.
    pub market: String,
    /// Valid samples.
    pub samples: u32,
    /// Its weight against the other markets.
    pub weight: u128,
    /// Sum of the scores of those who take part.
    pub total_score: U512,
    /// Sum of their liquidity.
    pub total_liquidity: u128,
    /// Tokens to hand out.
    pub pool_wei: u128,
    /// Tokens handed out.
    pub paid_wei: u128,
}

/// Who gets what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// In the order of the parameters.
    pub markets: Vec<MarketAllocation>,
    /// The reward of each row of the scores, in their order.
    pub rewards_wei: Vec<u128>,
    /// What each primary is credited with; who gets nothing has no entry.
    pub credits: BTreeMap<Address, u128>,
    /// What rounding leaves of the epoch's tokens, and the pools of empty markets if they are retained.
    pub unpaid_wei: u128,
}

/// Allocates the tokens of an epoch.
#[must_use]
pub fn allocate(parameters: &EpochParameters, scores: &Scores) -> Allocation {
    let mut markets = pools(parameters, scores);
    let places: BTreeMap<_, _> =
        markets.iter().enumerate().map(|(place, market)| (market.market.clone(), place)).collect();
    let mut rewards_wei = Vec::with_capacity(scores.rows.len());
    let mut credits = BTreeMap::<_, u128>::new();
    for row in &scores.rows {
        let market = &mut markets[places[&row.market]];
        let reward = reward(market, row);
        rewards_wei.push(reward);
        market.paid_wei += reward; // At most the pool.
        if reward > 0 {
            *credits.entry(row.primary).or_default() += reward; // At most all pools.
        }
    }
    let paid: u128 = markets.iter().map(|market| market.paid_wei).sum();
    Allocation { markets, rewards_wei, credits, unpaid_wei: parameters.lp_amount_wei - paid }
}

fn reward(market: &MarketAllocation, row: &ScoreRow) -> u128 {
    share_down(market.pool_wei, row.earning_score(), market.total_score)
}

/// `amount · part / whole`, rounded down; nothing if the whole is nothing. A part is at most the whole, so the result is at most the amount.
fn share_down(amount: u128, part: U512, whole: U512) -> u128 {
    // 128 + 384 bits: scores have at most 350.
    let product = U512::from(amount).checked_mul(part);
    product.and_then(|product| product.checked_div(whole)).map_or(0, |share| share.saturating_to())
}

/// The weights of all markets on one denominator, and that denominator.
fn weights(parameters: &EpochParameters, scores: &Scores) -> (Vec<u128>, u128) {
    let shares = || parameters.markets.iter().map(|market| market.share);
    let group: u128 = shares()
        .zip(&scores.markets)
        .filter(|(share, _)| matches!(share, Share::Group(Group::Other)))
        .map(|(_, market)| u128::from(market.samples))
        .sum();
    // Without samples of other markets, the fixed parts alone are the weights.
    let common = group.max(1);
    let weights = shares().zip(&scores.markets).map(|(share, market)| match share {
        Share::Fixed(share) => u128::from(share) * common,
        Share::Group(Group::Other) => u128::from(parameters.alloc_other_bps) * u128::from(market.samples),
    });
    (weights.collect(), u128::from(WHOLE_BPS) * common)
}

fn pools(parameters: &EpochParameters, scores: &Scores) -> Vec<MarketAllocation> {
    let (weights, whole) = weights(parameters, scores);
    let scored = |place: usize| !scores.markets[place].total_score.is_zero();
    let scored_weight: u128 = weights.iter().enumerate().filter(|(place, _)| scored(*place)).map(|(_, w)| w).sum();
    let denominator = match parameters.empty_market {
        EmptyMarket::Redistribute => scored_weight,
        EmptyMarket::Retain => whole,
    };
    let pool = |place: usize| {
        if !scored(place) {
            return 0;
        }
        let product = U256::from(parameters.lp_amount_wei) * U256::from(weights[place]); // 128 + 64 bits.
        product.checked_div(U256::from(denominator)).map_or(0, |pool| pool.saturating_to())
    };
    let markets = scores.markets.iter().enumerate();
    markets
        .map(|(place, market)| MarketAllocation {
            market: market.market.clone(),
            samples: market.samples,
            weight: weights[place],
            total_score: market.total_score,
            total_liquidity: market.total_liquidity,
            pool_wei: pool(place),
            paid_wei: 0,
        })
        .collect()
}
