//! The parameters of one epoch (spec section 4.5): one record of integers, part of every manifest.

use std::{collections::BTreeMap, ops::Range};

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::{
    epoch::{Clock, MINUTES_MAX},
    formula::Formula,
    health::Limits,
};

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

/// The minutes of an epoch in which a market is listed: the first, and the one behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The first minute.
    pub from: u32,
    /// The minute behind the last one.
    pub until: u32,
}

/// The token in which rewards are paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Its address.
    pub address: Address,
    /// Its name for people: 1 to 16 printable characters.
    pub symbol: String,
    /// Decimals of an amount; all amounts in files count its last one.
    pub decimals: u8,
}

impl Default for Token {
    /// dYdX's, on Ethereum.
    fn default() -> Self {
        let address = alloy_primitives::address!("0x92D6C1e31e14520e676a687F0a93788B716BEff5");
        Self { address, symbol: "DYDX".to_owned(), decimals: 18 }
    }
}

/// The contract that pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distributor {
    /// The chain that it is on.
    pub chain_id: u64,
    /// Its address.
    pub address: Address,
}

/// Parameters of one market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "MarketRecord")]
pub struct MarketParameters {
    /// Its name: 1 to 128 printable ASCII characters, as the exchange has it.
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
    /// When it is listed; nothing for all of the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed: Option<Listed>,
}

/// [`MarketParameters`] as a file has them: a key that is none of these is refused, not passed over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MarketRecord {
    market: String,
    formula: Formula,
    min_depth_usd: u64,
    max_spread_bps: u32,
    alloc_bps: Option<u32>,
    alloc_group: Option<Group>,
    price_decimals: u8,
    size_decimals: u8,
    listed: Option<Listed>,
}

impl TryFrom<MarketRecord> for MarketParameters {
    type Error = String;

    fn try_from(record: MarketRecord) -> Result<Self, String> {
        let share = match (record.alloc_bps, record.alloc_group) {
            (Some(bps), None) => Share::Fixed(bps),
            (None, Some(group)) => Share::Group(group),
            _ => return Err(format!("market `{}`: one of `alloc_bps` and `alloc_group`", record.market)),
        };
        Ok(Self {
            market: record.market,
            formula: record.formula,
            min_depth_usd: record.min_depth_usd,
            max_spread_bps: record.max_spread_bps,
            share,
            price_decimals: record.price_decimals,
            size_decimals: record.size_decimals,
            listed: record.listed,
        })
    }
}

/// Parameters of an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochParameters {
    /// Which epoch is rewarded.
    pub epoch: u64,
    /// When epochs start and how long they are: dYdX's unless said otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub clock: Clock,
    /// What is paid: dYdX's token unless said otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub token: Token,
    /// Who pays, if that is decided: `publish` and `verify` compare with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distributor: Option<Distributor>,
    /// How whole the epoch's data must be.
    #[serde(default, skip_serializing_if = "is_default")]
    pub health: Limits,
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

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What is wrong with a parameter record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ParameterError {
    #[error("epoch {0} is beyond the clock")]
    NoSuchEpoch(u64),
    #[error("no markets")]
    NoMarkets,
    #[error("epochs of {0} seconds: they have whole minutes, from 1 to {MINUTES_MAX}")]
    BadLength(u64),
    #[error("token `{0}`: a symbol has 1 to 16 printable ASCII characters")]
    BadSymbol(String),
    #[error("token: {0} decimals; at most 36 are possible")]
    TokenDecimals(u8),
    #[error("health: `{name}` is {found} basis points, at most 10000 are possible")]
    BadLimit { name: &'static str, found: u32 },
    #[error("market `{0}`: a name has 1 to 128 printable ASCII characters, no space first or last")]
    BadName(String),
    #[error("market `{market}` is listed from minute {from} until {until}; the epoch has {minutes} minutes")]
    BadListing { market: String, from: u32, until: u32, minutes: u32 },
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
        if !self.clock.is_valid() {
            return Err(ParameterError::BadLength(self.clock.epoch_seconds));
        }
        // Two epochs of room: times behind the end are compared with the last minute's tolerance.
        let last = self.epoch.checked_add(2).and_then(|last| self.clock.start_ms(last));
        last.ok_or(ParameterError::NoSuchEpoch(self.epoch))?;
        self.check_program()?;
        if self.threshold_den == 0 || self.threshold_num > self.threshold_den {
            return Err(ParameterError::BadThreshold { num: self.threshold_num, den: self.threshold_den });
        }
        self.check_markets()?;
        self.check_shares()
    }

    fn check_program(&self) -> Result<(), ParameterError> {
        let symbol = &self.token.symbol;
        if symbol.is_empty() || symbol.len() > 16 || !symbol.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ParameterError::BadSymbol(symbol.clone()));
        }
        if self.token.decimals > 36 {
            return Err(ParameterError::TokenDecimals(self.token.decimals));
        }
        let above = self.health.basis_points().into_iter().find(|(_, found)| *found > WHOLE_BPS);
        above.map_or(Ok(()), |(name, found)| Err(ParameterError::BadLimit { name, found }))
    }

    /// The first second of the epoch, Unix time; 0 for parameters that [`check`](Self::check) refuses.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.clock.start_ms(self.epoch).unwrap_or_default() / 1000
    }

    /// Minutes in the epoch.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        self.clock.minutes()
    }

    fn check_markets(&self) -> Result<(), ParameterError> {
        if self.markets.is_empty() {
            return Err(ParameterError::NoMarkets);
        }
        let mut names = BTreeMap::new();
        for market in &self.markets {
            market.check(self.minutes())?;
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
    /// The minutes of the epoch in which it is listed.
    #[must_use]
    pub fn minutes(&self, of_epoch: u32) -> Range<u32> {
        self.listed.map_or(0..of_epoch, |listed| listed.from..listed.until)
    }

    fn check(&self, of_epoch: u32) -> Result<(), ParameterError> {
        let is_printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        let is_named = (1..=128).contains(&self.market.len()) && self.market.trim() == self.market;
        if !is_named || !self.market.bytes().all(is_printable) {
            return Err(ParameterError::BadName(self.market.clone()));
        }
        let minutes = self.minutes(of_epoch);
        if minutes.is_empty() || minutes.end > of_epoch {
            let (market, from, until) = (self.market.clone(), minutes.start, minutes.end);
            return Err(ParameterError::BadListing { market, from, until, minutes: of_epoch });
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
