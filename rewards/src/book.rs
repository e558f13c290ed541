//! One sample of one market's book: what a record must satisfy, and what each order in it is worth (spec sections 3.1, 9.2, 10 and 11.1).

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use crate::{
    decimal::{self, DecimalError},
    parameters::MarketParameters,
};

/// USD are counted in millionths.
const MICRO_DECIMALS: u8 = 6;

/// Basis points in one.
const BASIS_POINTS: u128 = 10_000;

/// A side of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// Buys.
    #[serde(rename = "B")]
    Bid,
    /// Sells.
    #[serde(rename = "S")]
    Ask,
}

impl Side {
    /// Reads `B` or `S`.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        match text {
            "B" => Ok(Self::Bid),
            "S" => Ok(Self::Ask),
            _ => Err(Flaw::UnknownSide(text.to_owned())),
        }
    }

    /// `B` or `S`.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Bid => "B",
            Self::Ask => "S",
        }
    }
}

/// What the sampler says of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Both sides have orders.
    Ok,
    /// A side is empty: no mid, nobody scores, but the exchange was up.
    OneSided,
    /// Best bid at or above best ask: no valid snapshot.
    Crossed,
    /// The exchange was down.
    Outage,
}

impl Status {
    /// Reads the name of a status.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        match text {
            "ok" => Ok(Self::Ok),
            "one_sided" => Ok(Self::OneSided),
            "crossed" => Ok(Self::Crossed),
            "outage" => Ok(Self::Outage),
            _ => Err(Flaw::UnknownStatus(text.to_owned())),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::OneSided => "one_sided",
            Self::Crossed => "crossed",
            Self::Outage => "outage",
        }
    }
}

/// An order as a file has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRecord<'a> {
    /// Whose it is.
    pub account: Address,
    /// Unique in the sample.
    pub id: &'a str,
    /// Buys or sells.
    pub side: Side,
    /// Limit price, decimal.
    pub price: &'a str,
    /// What is left of it, decimal.
    pub size: &'a str,
}

/// A sample as a file has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Epoch.
    pub epoch: u64,
    /// Minute of the epoch.
    pub minute: u32,
    /// Market.
    pub market: &'a str,
    /// Instant of the sample, Unix time in milliseconds.
    pub time_ms: u64,
    /// Number of the last event of the matching engine before it.
    pub seq: u64,
    /// What the sampler says of it.
    pub status: Status,
    /// Best bid of the whole book, decimal.
    pub best_bid: Option<&'a str>,
    /// Best ask of the whole book, decimal.
    pub best_ask: Option<&'a str>,
    /// At least every resting order that could count.
    pub orders: &'a [OrderRecord<'a>],
}

/// What is wrong with a record. Prices and sizes are quoted as they stand in the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Flaw {
    #[error("`{0}` is not an address: 0x and 40 hexadecimal digits")]
    NotAnAddress(String),
    #[error("side `{0}`: B or S")]
    UnknownSide(String),
    #[error("status `{0}`: ok, one_sided, crossed or outage")]
    UnknownStatus(String),
    #[error("market `{0}` has no parameters in this epoch")]
    UnknownMarket(String),
    #[error("{field}: {reason}")]
    Decimal { field: &'static str, reason: DecimalError },
    #[error("{0} is zero")]
    ZeroPrice(&'static str),
    #[error("epoch {found}, not {expected}")]
    WrongEpoch { found: u64, expected: u64 },
    #[error("minute {minute}: the epoch has the minutes 0 to {}", minutes.saturating_sub(1))]
    NoSuchMinute { minute: u32, minutes: u32 },
    #[error("minute {minute}: the market is listed from minute {from} until {until}")]
    NotListed { minute: u32, from: u32, until: u32 },
    #[error("time {time_ms} is not in minute {minute}, which is {from_ms} to {to_ms}")]
    WrongTime { time_ms: u64, minute: u32, from_ms: u64, to_ms: u64 },
    #[error("status {status} and best bid {bid}, best ask {ask} contradict each other")]
    StatusContradictsBook { status: &'static str, bid: String, ask: String },
    #[error("crossed or locked book: best bid {bid} is not below best ask {ask}")]
    Crossed { bid: String, ask: String },
    #[error("order `{id}` at {price} is better than the best of its side, {best}")]
    BetterThanBest { id: String, price: String, best: String },
    #[error("order `{id}` stands on a side that is empty")]
    OrderOnEmptySide { id: String },
    #[error("order id `{0}` occurs twice in one sample")]
    RepeatedOrder(String),
    #[error("an order has no id")]
    NoOrderId,
    #[error("orders of one account are worth more than 2^110 micro-USD per unit of spread")]
    Overflow,
}

/// Reads an address in any spelling of its 20 bytes.
pub fn parse_address(text: &str) -> Result<Address, Flaw> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let mut bytes = [0; 20];
    match hex.map(|digits| alloy_primitives::hex::decode_to_slice(digits, &mut bytes)) {
        Some(Ok(())) if text.len() == 42 => Ok(bytes.into()),
        _ => Err(Flaw::NotAnAddress(text.to_owned())),
    }
}

/// Best bid and best ask of a valid book, in units of the price's last decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Best {
    /// Best bid.
    pub bid: u64,
    /// Best ask, above it.
    pub ask: u64,
}

impl Best {
    /// Twice the mid: exact, where the mid may not be.
    fn doubled_mid(self) -> u128 {
        u128::from(self.bid) + u128::from(self.ask)
    }

    /// Twice an order's distance from mid.
    fn doubled_distance(self, price: u64) -> u128 {
        self.doubled_mid().abs_diff(2 * u128::from(price))
    }
}

/// Whether an order counts, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It adds its depth over spread: micro-USD per unit of spread, rounded down.
    Counts(u128),
    /// Size times price is not above the least depth of the market.
    TooSmall,
    /// Its distance from mid is not below the widest spread of the market.
    TooFar,
}

/// A market's limits, in the units of its prices and sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    price_decimals: u8,
    size_decimals: u8,
    /// Size times price of an order exactly at the least depth.
    least_value: u128,
    widest_spread_bps: u128,
    /// A term is `value · doubled mid · numerator / (denominator · doubled distance)`.
    numerator: u128,
    denominator: u128,
}

impl Limits {
    /// The limits of a market.
    #[must_use]
    pub fn of(market: &MarketParameters) -> Self {
        let decimals = market.price_decimals + market.size_decimals;
        let ten_to = |exponent: u8| 10_u128.pow(exponent.into());
        Self {
            price_decimals: market.price_decimals,
            size_decimals: market.size_decimals,
            // The product of a price and a size is below 2^128 - 1: a greater limit lets nothing through, as the exact one would.
            least_value: u128::from(market.min_depth_usd).saturating_mul(ten_to(decimals)),
            widest_spread_bps: market.max_spread_bps.into(),
            // The common power of ten is taken out, so that most products fit 128 bits.
            numerator: ten_to(MICRO_DECIMALS.saturating_sub(decimals)),
            denominator: ten_to(decimals.saturating_sub(MICRO_DECIMALS)),
        }
    }

    /// Reads a price.
    pub fn price(&self, field: &'static str, text: &str) -> Result<u64, Flaw> {
        match decimal::scaled(text, self.price_decimals) {
            Ok(0) => Err(Flaw::ZeroPrice(field)),
            Ok(price) => Ok(price),
            Err(reason) => Err(Flaw::Decimal { field, reason }),
        }
    }

    /// Reads a size.
    pub fn size(&self, text: &str) -> Result<u64, Flaw> {
        decimal::scaled(text, self.size_decimals).map_err(|reason| Flaw::Decimal { field: "size", reason })
    }

    /// Judges one order of a valid book. Refused only if its term exceeds 128 bits.
    pub fn judge(&self, best: Best, price: u64, size: u64) -> Result<Verdict, Flaw> {
        let value = u128::from(size) * u128::from(price);
        if value <= self.least_value {
            return Ok(Verdict::TooSmall);
        }
        let distance = best.doubled_distance(price);
        if distance * BASIS_POINTS >= self.widest_spread_bps * best.doubled_mid() {
            return Ok(Verdict::TooFar);
        }
        self.term(value, best.doubled_mid(), distance).map(Verdict::Counts).ok_or(Flaw::Overflow)
    }

    /// Depth over spread. Order prices differ from mid, since the book is not crossed.
    fn term(&self, value: u128, doubled_mid: u128, distance: u128) -> Option<u128> {
        let narrow = || {
            let above = value.checked_mul(doubled_mid)?.checked_mul(self.numerator)?;
            above.checked_div(self.denominator.checked_mul(distance)?)
        };
        narrow().or_else(|| self.wide_term(value, doubled_mid, distance))
    }

    /// The same for products of more than 128 bits: at most 213 above, 165 below.
    #[cold]
    fn wide_term(&self, value: u128, doubled_mid: u128, distance: u128) -> Option<u128> {
        let [value, doubled_mid, distance] = [value, doubled_mid, distance].map(U256::from);
        let above = value.checked_mul(doubled_mid)?.checked_mul(U256::from(self.numerator))?;
        let below = U256::from(self.denominator).checked_mul(distance)?;
        above.checked_div(below)?.try_into().ok()
    }

    /// Depth of an order in micro-USD, for display.
    #[must_use]
    pub fn depth_micro(&self, price: u64, size: u64) -> U256 {
        let value = U256::from(size) * U256::from(price); // 128 bits.
        value * U256::from(self.numerator) / U256::from(self.denominator)
    }

    /// Distance from mid in millionths of a basis point, for display.
    #[must_use]
    pub fn spread_micro_bps(&self, best: Best, price: u64) -> u128 {
        best.doubled_distance(price) * BASIS_POINTS * 1_000_000 / best.doubled_mid()
    }
}

/// What a well-formed record says about its book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Book {
    /// Both sides: orders can be judged.
    Valid(Best),
    /// A side is empty: counts as a sample, scores nothing.
    OneSided {
        /// Best bid, if bids are what it has.
        bid: Option<u64>,
        /// Best ask, if asks are.
        ask: Option<u64>,
    },
    /// Not a sample.
    Crossed,
    /// Not a sample.
    Outage,
}

impl Book {
    /// Reads the head of a record and checks that its status and its best prices agree.
    pub fn read(limits: &Limits, record: &Record<'_>) -> Result<Self, Flaw> {
        let bid = record.best_bid.map(|text| limits.price("best_bid", text)).transpose()?;
        let ask = record.best_ask.map(|text| limits.price("best_ask", text)).transpose()?;
        match (record.status, bid, ask) {
            (Status::Ok, Some(bid), Some(ask)) if bid < ask => Ok(Self::Valid(Best { bid, ask })),
            (Status::Ok, Some(_), Some(_)) => {
                let [bid, ask] = [record.best_bid, record.best_ask].map(|text| text.unwrap_or_default().to_owned());
                Err(Flaw::Crossed { bid, ask })
            }
            (Status::OneSided, None, _) | (Status::OneSided, _, None) => Ok(Self::OneSided { bid, ask }),
            (Status::Crossed, Some(bid), Some(ask)) if bid >= ask => Ok(Self::Crossed),
            (Status::Outage, _, _) => Ok(Self::Outage),
            (status, _, _) => {
                let shown = |text: Option<&str>| text.unwrap_or("none").to_owned();
                let (bid, ask) = (shown(record.best_bid), shown(record.best_ask));
                Err(Flaw::StatusContradictsBook { status: status.name(), bid, ask })
            }
        }
    }

    /// Checks that an order can rest in this book.
    pub fn admits(self, limits: &Limits, order: &OrderRecord<'_>, price: u64) -> Result<(), Flaw> {
        let (bid, ask) = match self {
            Self::Valid(best) => (Some(best.bid), Some(best.ask)),
            Self::OneSided { bid, ask } => (bid, ask),
            Self::Crossed | Self::Outage => return Ok(()), // Whatever stands in it, it is no sample.
        };
        let (best, is_better) = match order.side {
            Side::Bid => (bid, bid.is_some_and(|best| price > best)),
            Side::Ask => (ask, ask.is_some_and(|best| price < best)),
        };
        match best {
            None => Err(Flaw::OrderOnEmptySide { id: order.id.to_owned() }),
            Some(best) if is_better => Err(Flaw::BetterThanBest {
                id: order.id.to_owned(),
                price: order.price.to_owned(),
                best: decimal::plain(best.into(), limits.price_decimals),
            }),
            Some(_) => Ok(()),
        }
    }
}
