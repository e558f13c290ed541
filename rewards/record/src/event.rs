//! The one form that every feed is turned into. Prices and sizes are integers in the market's decimals, owners are addresses.

use alloy_primitives::Address;
use rewards::{
    book::{Flaw, Limits, Side},
    parameters::EpochParameters,
};

/// The longest name of an order, bytes.
pub const ID_MAX: usize = 256;

/// A resting order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whose; the zero address if nobody knows.
    pub account: Address,
    /// Its name, unique in the market.
    pub id: Box<str>,
    /// Buys or sells.
    pub side: Side,
    /// Limit price.
    pub price: u64,
    /// What it was placed with; what is left is this without what is filled.
    pub size: u64,
}

/// What happens to a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These orders and no others rest.
    Snapshot(Vec<Order>),
    /// An order is added.
    Add(Order),
    /// So much of an order is left.
    Remaining {
        /// Which order.
        id: Box<str>,
        /// What is left.
        size: u64,
    },
    /// So much of an order is filled, of what it was placed with.
    Filled {
        /// Which order.
        id: Box<str>,
        /// What is filled in all.
        filled: u64,
    },
    /// An order is gone.
    Remove {
        /// Which order.
        id: Box<str>,
    },
    /// A maker's order was executed, for good. Changes volumes only.
    Traded {
        /// The maker.
        account: Address,
        /// The order's price.
        price: u64,
        /// How much.
        size: u64,
    },
    /// A resting order was executed, for good: less of it is left, and its owner has made so much volume.
    Executed {
        /// Which order.
        id: Box<str>,
        /// How much.
        size: u64,
    },
}

/// How a message's place among others is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequence {
    /// The market's own count: each message is one more than the one before, whatever order they arrive in.
    Counted(u64),
    /// The feed's reader has seen to the order; the number is for the sample.
    Ordered(u64),
}

impl Sequence {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::Counted(number) | Self::Ordered(number) => number,
        }
    }
}

/// What a feed says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Something happened in a market.
    Market {
        /// Its place in the parameters.
        market: usize,
        /// Where the message stands among others.
        sequence: Sequence,
        /// The engine's time, Unix milliseconds.
        time_ms: u64,
        /// What happened, in this order.
        changes: Vec<Change>,
    },
    /// All is well: no message of an earlier time follows.
    Heartbeat {
        /// Of one market, or of all.
        market: Option<usize>,
        /// The number of the market's last message.
        sequence: Option<u64>,
        /// The engine's time, Unix milliseconds.
        time_ms: u64,
    },
    /// What was known of books is no longer so: until the next snapshot there are none.
    Lost {
        /// Of one market, or of all.
        market: Option<usize>,
        /// Why.
        reason: String,
    },
}

/// The markets that are recorded, and how their numbers are read.
#[derive(Debug)]
pub struct Markets {
    names: Vec<String>,
    limits: Vec<Limits>,
    decimals: Vec<(u8, u8)>,
}

impl Markets {
    /// The markets of an epoch.
    #[must_use]
    pub fn of(parameters: &EpochParameters) -> Self {
        let markets = &parameters.markets;
        Self {
            names: markets.iter().map(|market| market.market.clone()).collect(),
            limits: markets.iter().map(Limits::of).collect(),
            decimals: markets.iter().map(|market| (market.price_decimals, market.size_decimals)).collect(),
        }
    }

    /// The place of a market; nothing if it is not recorded.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// The name of a market.
    #[must_use]
    pub fn name(&self, market: usize) -> &str {
        self.names.get(market).map_or("", String::as_str)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Decimals of a market's prices and sizes.
    #[must_use]
    pub fn decimals(&self, market: usize) -> (u8, u8) {
        self.decimals.get(market).copied().unwrap_or_default()
    }

    /// Reads a price: exact in the market's decimals, and not zero.
    pub fn price(&self, market: usize, text: &str) -> Result<u64, Flaw> {
        self.limits[market].price("price", text)
    }

    /// Reads a size: exact in the market's decimals.
    pub fn size(&self, market: usize, text: &str) -> Result<u64, Flaw> {
        self.limits[market].size(text)
    }
}
