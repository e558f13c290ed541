//! The parameters that governance has set, epoch by epoch (spec section 4).

use crate::{
    formula::Formula,
    parameters::{EmptyMarket, EpochParameters, Group, MarketParameters, Share},
};

const TOKEN: u128 = 10_u128.pow(18);

/// Markets with a part and limits of their own.
const LARGE: [&str; 2] = ["BTC-USD", "ETH-USD"];

/// A market and the decimals of its prices and sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Its name.
    pub market: String,
    /// Decimals of its prices.
    pub price_decimals: u8,
    /// Decimals of its sizes.
    pub size_decimals: u8,
}

/// The last epoch in which anything was paid.
pub const LAST_EPOCH: u64 = 31;

/// Tokens for liquidity providers, wei.
#[must_use]
pub fn lp_amount_wei(epoch: u64) -> u128 {
    let tokens = match epoch {
        0..=25 => 1_150_685,
        26..=29 => 575_343,
        30 => 383_562,
        31 => 191_781,
        _ => 0,
    };
    tokens * TOKEN
}

/// Tokens for traders, wei: another program, in the same tree.
#[must_use]
pub fn trading_amount_wei(epoch: u64) -> u128 {
    let tokens = match epoch {
        0..=14 => 3_835_616,
        15..=20 => 2_876_712,
        21..=29 => 1_582_192,
        30 => 1_054_795,
        31 => 527_398,
        _ => 0,
    };
    tokens * TOKEN
}

/// Least share of the maker volume of the epoch before.
#[must_use]
pub const fn threshold(epoch: u64) -> (u64, u64) {
    match epoch {
        0..=2 => (5, 100),
        3..=6 => (1, 100),
        _ => (25, 10_000),
    }
}

/// The formula of a market.
#[must_use]
pub fn formula(epoch: u64, market: &str) -> Formula {
    match (epoch, LARGE.contains(&market)) {
        (0..=4, _) => Formula::V0,
        (5..=9, _) => Formula::V1,
        (10..=14, _) => Formula::V2,
        (15..=17, true) => Formula::V3BtcEth,
        (15..=17, false) => Formula::V3Other,
        (_, true) => Formula::V4BtcEth,
        (_, false) => Formula::V4Other,
    }
}

/// The part of BTC-USD, and of ETH-USD; all other markets have the rest.
#[must_use]
pub const fn large_bps(epoch: u64) -> u32 {
    match epoch {
        0..=14 => 2000,
        _ => 1000,
    }
}

/// The parameters of an epoch for the markets listed in it. The part of a large market that is not listed goes to the others.
#[must_use]
pub fn parameters(epoch: u64, listings: &[Listing]) -> EpochParameters {
    let (threshold_num, threshold_den) = threshold(epoch);
    let markets: Vec<_> = listings.iter().map(|listing| market(epoch, listing)).collect();
    let fixed = markets.iter().filter(|market| matches!(market.share, Share::Fixed(_))).count();
    EpochParameters {
        epoch,
        clock: Default::default(),
        token: Default::default(),
        distributor: None,
        health: Default::default(),
        lp_amount_wei: lp_amount_wei(epoch),
        threshold_num,
        threshold_den,
        alloc_other_bps: 10_000 - large_bps(epoch) * u32::try_from(fixed).unwrap_or_default(),
        empty_market: EmptyMarket::Redistribute,
        markets,
    }
}

fn market(epoch: u64, listing: &Listing) -> MarketParameters {
    let is_large = LARGE.contains(&listing.market.as_str());
    MarketParameters {
        market: listing.market.clone(),
        formula: formula(epoch, &listing.market),
        min_depth_usd: if is_large { 5000 } else { 1000 },
        max_spread_bps: if is_large { 20 } else { 40 },
        share: if is_large { Share::Fixed(large_bps(epoch)) } else { Share::Group(Group::Other) },
        price_decimals: listing.price_decimals,
        size_decimals: listing.size_decimals,
        listed: None,
    }
}
