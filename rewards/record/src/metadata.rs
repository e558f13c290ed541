//! What an exchange says of its markets: their decimals, as listings of a program's parameters.

use rewards::{history::Listing, parameters::MAX_DECIMALS};
use serde::Deserialize;
use serde_json::Value;

/// What is wrong with metadata.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum MetadataError {
    #[error("not the metadata of this feed: {0}")]
    Json(String),
    #[error("market `{market}`: {found} decimals of its {what}; 0 to {MAX_DECIMALS} are possible")]
    Decimals { market: String, what: &'static str, found: i64 },
    #[error("no markets")]
    Empty,
}

/// A pair of dYdX Chain: how its integers are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Its number, `clobPairId`.
    pub number: u64,
    /// Its name.
    pub market: String,
    /// A quantum is 10 to this.
    pub atomic_resolution: i64,
    /// A subtick is 10 to this, less `atomic_resolution`, less 6.
    pub quantum_conversion_exponent: i64,
}

/// An integer times a power of ten, exactly or not at all.
fn shifted(value: u64, exponent: i64) -> Option<u64> {
    let power = 10_u64.checked_pow(u32::try_from(exponent.unsigned_abs()).ok()?);
    match (value, exponent >= 0) {
        (0, _) => Some(0),
        (_, true) => value.checked_mul(power?),
        (_, false) => power.filter(|power| value.is_multiple_of(*power)).map(|power| value / power),
    }
}

impl Pair {
    /// Decimals of a subtick: quote tokens have six.
    fn price_decimals(&self) -> i64 {
        6 + self.atomic_resolution - self.quantum_conversion_exponent
    }

    /// A price in so many decimals.
    #[must_use]
    pub fn price(&self, subticks: u64, decimals: u8) -> Option<u64> {
        shifted(subticks, i64::from(decimals) - self.price_decimals())
    }

    /// A size in so many decimals.
    #[must_use]
    pub fn size(&self, quantums: u64, decimals: u8) -> Option<u64> {
        shifted(quantums, i64::from(decimals) + self.atomic_resolution)
    }
}

#[derive(Deserialize)]
struct PerpetualMarkets {
    markets: std::collections::BTreeMap<String, PerpetualMarket>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PerpetualMarket {
    clob_pair_id: String,
    ticker: String,
    atomic_resolution: i32,
    quantum_conversion_exponent: i32,
}

fn not(error: impl std::fmt::Display) -> MetadataError {
    MetadataError::Json(error.to_string())
}

/// Reads what dYdX's indexer answers to `/v4/perpetualMarkets`.
///
/// # Errors
///
/// If it is something else.
pub fn pairs(text: &[u8]) -> Result<Vec<Pair>, MetadataError> {
    let read: PerpetualMarkets = serde_json::from_slice(text).map_err(not)?;
    let pair = |market: PerpetualMarket| {
        Ok(Pair {
            number: rewards::decimal::integer(&market.clob_pair_id).map_err(not)?,
            market: market.ticker,
            atomic_resolution: market.atomic_resolution.into(),
            quantum_conversion_exponent: market.quantum_conversion_exponent.into(),
        })
    };
    read.markets.into_values().map(pair).collect()
}

/// Markets with their decimals, of whichever of the feeds: dYdX's `/v4/perpetualMarkets`; Hyperliquid's `{"type":"meta"}`; the generic
/// `{"markets":[{"market","price_decimals","size_decimals"}]}`.
///
/// # Errors
///
/// If it is none of them, or a market's decimals are beyond what can be computed with.
pub fn listings(text: &[u8]) -> Result<Vec<Listing>, MetadataError> {
    let value: Value = serde_json::from_slice(text).map_err(not)?;
    let found: Vec<(String, i64, i64)> = if value.get("universe").is_some() {
        let meta: Meta = serde_json::from_value(value).map_err(not)?;
        // A price has at most six decimals less those of the size.
        let asset = |asset: Asset| {
            (asset.name, 6_i64.saturating_sub(asset.sz_decimals.into()).max(0), asset.sz_decimals.into())
        };
        meta.universe.into_iter().filter(|asset| !asset.is_delisted).map(asset).collect()
    } else if value.get("markets").is_some_and(Value::is_object) {
        pairs(text)?
            .into_iter()
            .map(|pair| (pair.market.clone(), pair.price_decimals(), -pair.atomic_resolution))
            .collect()
    } else {
        let listed: Listed = serde_json::from_value(value).map_err(not)?;
        listed.markets.into_iter().map(|market| (market.market, market.price_decimals, market.size_decimals)).collect()
    };
    let listing = |(market, price, size): (String, i64, i64)| {
        let decimals = |what, found: i64| {
            let fits = u8::try_from(found).ok().filter(|found| *found <= MAX_DECIMALS);
            fits.ok_or_else(|| MetadataError::Decimals { market: market.clone(), what, found })
        };
        Ok(Listing { price_decimals: decimals("prices", price)?, size_decimals: decimals("sizes", size)?, market })
    };
    let listings = found.into_iter().map(listing).collect::<Result<Vec<_>, _>>()?;
    if listings.is_empty() { Err(MetadataError::Empty) } else { Ok(listings) }
}

#[derive(Deserialize)]
struct Meta {
    universe: Vec<Asset>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asset {
    name: String,
    sz_decimals: i32,
    #[serde(default)]
    is_delisted: bool,
}

#[derive(Deserialize)]
struct Listed {
    markets: Vec<ListedMarket>,
}

#[derive(Deserialize)]
struct ListedMarket {
    market: String,
    price_decimals: i64,
    size_decimals: i64,
}
