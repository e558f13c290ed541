//! The parameters of one epoch (spec section 4.5): one record of integers, part of every manifest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::formula::Formula;

/// Basis points in the whole.
pub const WHOLE_BPS: u32 = 10_000;

/// The most decimals of a price or a size: then the product of two fits what this library computes with.
pub const MAX_DECIMALS: u8 = 18;

/// What happens to the pool of a market in which nobody eligible scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyMarket {
    /// Its pool goes to the other markets, as it always did.
    #[default]
    Redistribute,
    /// Its pool stays in the treasury.
    Retain,
}

/// A market's part of the epoch's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Share {
    /// Fixed, in basis points.
    #[serde(rename = "alloc_bps")]
    Fixed(u32),
    /// One of a group that divides its part by numbers of samples.
    #[serde(rename = "alloc_group")]
    Group(Group),
}

/// A group of markets with one part in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// All markets without a part of their own.
    Other,
}

/// Parameters of one market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketParameters {
    /// Its name.
    pub market: String,
    /// Which formula scores it.
    pub formula: Formula,
    /// An order counts above this depth, whole USD.
    pub min_depth_usd: u64,
    /// An order counts below this distance from mid, basis points.
    pub max_spread_bps: u32,
    /// Its part of the tokens.
    #[serde(flatten)]
    pub share: Share,
    /// Decimals of its prices.
    pub price_decimals: u8,
    /// Decimals of its sizes.
    pub size_decimals: u8,
}

/// Parameters of an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochParameters {
    /// Which epoch is rewarded.
    pub epoch: u64,
    /// Tokens for liquidity providers.
    #[serde(with = "crate::decimal::text")]
    pub lp_amount_wei: u128,
    /// Least share of the maker volume of the epoch before, above the line.
    pub threshold_num: u64,
    /// And below it.
    pub threshold_den: u64,
    /// The part that all markets without a part of their own have together, basis points.
    pub alloc_other_bps: u32,
    /// Where the pool of an empty market goes.
    pub empty_market: EmptyMarket,
    /// The markets.
    pub markets: Vec<MarketParameters>,
}

/// What is wrong with a parameter record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ParameterError {
    #[error("epoch {0} is beyond the clock")]
    NoSuchEpoch(u64),
    #[error("no markets")]
    NoMarkets,
    #[error("market `{0}`: a name has 1 to 32 letters, digits, `-`, `_`, `.` or `/`")]
    BadName(String),
    #[error("market `{0}` occurs twice")]
    RepeatedMarket(String),
    #[error("market `{market}`: {found} decimals; at most 18 are possible")]
    TooManyDecimals { market: String, found: u8 },
    #[error("the parts of all markets make {found} basis points, not 10000")]
    SharesNotWhole { found: u64 },
    #[error("the threshold {num}/{den} is not a share")]
    BadThreshold { num: u64, den: u64 },
    #[error("market `{market}`: a spread of {found} basis points; below 10000 are possible")]
    SpreadTooWide { market: String, found: u32 },
}

impl EpochParameters {
    /// Checks the record. Everything that computes with it takes it as checked.
    pub fn check(&self) -> Result<(), ParameterError> {
        crate::epoch::start_ms(self.epoch)
            .and_then(|start| start.checked_add(1000 * crate::epoch::SECONDS * 2))
            .ok_or(ParameterError::NoSuchEpoch(self.epoch))?;
        if self.threshold_den == 0 || self.threshold_num > self.threshold_den {
            return Err(ParameterError::BadThreshold { num: self.threshold_num, den: self.threshold_den });
        }
        self.check_markets()?;
        self.check_shares()
    }

    fn check_markets(&self) -> Result<(), ParameterError> {
        if self.markets.is_empty() {
            return Err(ParameterError::NoMarkets);
        }
        let mut names = BTreeMap::new();
        for market in &self.markets {
            market.check()?;
            if names.insert(&market.market, ()).is_some() {
                return Err(ParameterError::RepeatedMarket(market.market.clone()));
            }
        }
        Ok(())
    }

    fn check_shares(&self) -> Result<(), ParameterError> {
        let fixed = self.markets.iter().filter_map(|market| match market.share {
            Share::Fixed(share) => Some(u64::from(share)),
            Share::Group(Group::Other) => None,
        });
        let found = fixed.sum::<u64>() + u64::from(self.alloc_other_bps);
        if found == u64::from(WHOLE_BPS) { Ok(()) } else { Err(ParameterError::SharesNotWhole { found }) }
    }

    /// The place of a market in the record.
    #[must_use]
    pub fn position(&self, market: &str) -> Option<usize> {
        self.markets.iter().position(|parameters| parameters.market == market)
    }
}

impl MarketParameters {
    fn check(&self) -> Result<(), ParameterError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        if self.market.is_empty() || self.market.len() > 32 || !self.market.bytes().all(is_plain) {
            return Err(ParameterError::BadName(self.market.clone()));
        }
        let decimals = self.price_decimals.max(self.size_decimals);
        if decimals > MAX_DECIMALS {
            return Err(ParameterError::TooManyDecimals { market: self.market.clone(), found: decimals });
        }
        if self.max_spread_bps >= WHOLE_BPS {
            return Err(ParameterError::SpreadTooWide { market: self.market.clone(), found: self.max_spread_bps });
        }
        Ok(())
    }
}
