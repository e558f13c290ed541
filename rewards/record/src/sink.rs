//! Where what is recorded goes.

use alloy_primitives::Address;
use rewards::book::Record;
use rewards_files::Error;

/// A maker's order that was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Place of the market.
    pub market: usize,
    /// Engine's time, Unix milliseconds; never earlier than that of the fill before in its market.
    pub time_ms: u64,
    /// Number of the message.
    pub seq: u64,
    /// Place within the message.
    pub place: u32,
    /// The maker.
    pub account: Address,
    /// Price in the market's decimals.
    pub price: u64,
    /// Size in the market's decimals.
    pub size: u64,
}

/// Takes what a recorder makes of a feed.
pub trait Sink {
    /// A sample; why it is none, if it is none; and how many of the book's orders it leaves out since they could not count.
    fn sample(&mut self, market: usize, record: &Record<'_>, reason: Option<&str>, left_out: u64) -> Result<(), Error>;

    /// A maker's order was executed.
    fn fill(&mut self, fill: &Fill) -> Result<(), Error>;

    /// A market's book was lost, or is back: for people.
    fn note(&mut self, market: Option<usize>, time_ms: u64, text: &str);

    /// The last minute of a market that has a sample already.
    fn last_minute(&self, market: usize) -> Option<u32>;
}
