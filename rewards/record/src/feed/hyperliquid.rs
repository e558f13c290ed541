//! What a node of Hyperliquid writes, one JSON value a line: a snapshot of all orders (`compute-l4-snapshots`), changes of books and executions, both by
//! block (`node_raw_book_diffs_by_block`, `node_fills_by_block`).
//!
//! Blocks are counted without a gap, and each is the sign of life of all markets. Changes and executions may lie in different files, in any
//! order: executions change volumes only.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use rewards::book::{Side, parse_address};
use serde::Deserialize;
use serde_json::Value;

use super::{Feed, FeedError, Malformed, json, name, wrong};
use crate::event::{Change, Markets, Message, Order, Sequence};

/// Reads a node's files.
#[derive(Debug)]
pub struct Hyperliquid<'a> {
    markets: &'a Markets,
    /// A snapshot, until the block after it says what time it is: its block, and the orders of each market.
    snapshot: Option<(u64, BTreeMap<usize, Vec<Order>>)>,
    /// The last block of changes.
    block: Option<u64>,
    /// Blocks in which nothing happened in one of the streams, nobody knows in which: no gap, if they lack among the changes.
    empty: BTreeSet<u64>,
    /// The last block of executions.
    fills: Option<u64>,
}

/// The most blocks without events that are remembered.
const EMPTY_MAX: usize = 4096;

impl<'a> Hyperliquid<'a> {
    /// A reader for these markets.
    #[must_use]
    pub const fn new(markets: &'a Markets) -> Self {
        Self { markets, snapshot: None, block: None, empty: BTreeSet::new(), fills: None }
    }
}

/// A block of events.
#[derive(Deserialize)]
struct Block {
    block_number: u64,
    block_time: String,
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Event {
    Diff(Diff),
    Fill(String, Fill),
    /// Of another stream.
    Other(Value),
}

#[derive(Deserialize)]
struct Diff {
    user: String,
    oid: u64,
    coin: String,
    side: Option<String>,
    px: String,
    raw_book_diff: Raw,
}

#[derive(Deserialize)]
enum Raw {
    #[serde(rename = "new")]
    New { sz: String },
    #[serde(rename = "update")]
    Update {
        #[serde(rename = "newSz")]
        new: String,
    },
    #[serde(rename = "modified")]
    Modified { sz: String },
    #[serde(rename = "remove")]
    Remove,
}

#[derive(Deserialize)]
struct Fill {
    coin: String,
    px: String,
    sz: String,
    /// Whether it took.
    crossed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resting {
    side: String,
    limit_px: String,
    sz: String,
    oid: u64,
    #[serde(default)]
    is_trigger: bool,
}

/// An order of a snapshot: with its owner before it, or in it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Owned {
    Pair(String, Resting),
    Flat {
        user: String,
        #[serde(flatten)]
        order: Resting,
    },
}

type Books = Vec<(String, [Vec<Owned>; 2])>;

fn side(text: &str) -> Result<Side, Malformed> {
    match text {
        "B" => Ok(Side::Bid),
        "A" => Ok(Side::Ask),
        _ => Err(wrong("side", text, "B or A")),
    }
}

fn time_ms(text: &str) -> Result<u64, Malformed> {
    let time: Option<NaiveDateTime> = text.trim_end_matches('Z').parse().ok();
    let millis = time.and_then(|time| u64::try_from(time.and_utc().timestamp_millis()).ok());
    millis.ok_or_else(|| wrong("block_time", text, "a time as 2026-01-31T12:00:00.123"))
}

impl Hyperliquid<'_> {
    fn order(&self, market: usize, user: &str, order: &Resting) -> Result<Order, Malformed> {
        Ok(Order {
            account: parse_address(user)?,
            id: order.oid.to_string().into(),
            side: side(&order.side)?,
            price: self.markets.price(market, &order.limit_px)?,
            size: self.markets.size(market, &order.sz)?,
        })
    }

    fn take_snapshot(&mut self, height: u64, books: Books) -> Result<(), FeedError> {
        let mut markets = BTreeMap::new();
        for (coin, sides) in books {
            let Some(market) = self.markets.place(&coin) else { continue };
            let mut orders = Vec::new();
            for owned in sides.iter().flatten() {
                let (user, order) = match owned {
                    Owned::Pair(user, order) | Owned::Flat { user, order } => (user, order),
                };
                // Triggers wait elsewhere and are in no book.
                if !order.is_trigger {
                    orders.push(self.order(market, user, order).map_err(|reason| FeedError::of(Some(market), reason))?);
                }
            }
            markets.insert(market, orders);
        }
        self.snapshot = Some((height, markets));
        Ok(())
    }

    /// A market's change by one event.
    fn change(&self, market: usize, diff: &Diff) -> Result<Change, Malformed> {
        let id = name(&diff.oid.to_string())?;
        Ok(match &diff.raw_book_diff {
            Raw::New { sz } => Change::Add(Order {
                account: parse_address(&diff.user)?,
                id,
                side: side(diff.side.as_deref().ok_or(Malformed::Missing("side"))?)?,
                price: self.markets.price(market, &diff.px)?,
                size: self.markets.size(market, sz)?,
            }),
            Raw::Update { new: size } | Raw::Modified { sz: size } => {
                Change::Remaining { id, size: self.markets.size(market, size)? }
            }
            Raw::Remove => Change::Remove { id },
        })
    }

    /// Takes a block of whichever stream.
    fn take(&mut self, block: &Block, time_ms: u64, out: &mut Vec<Message>) -> Result<(), FeedError> {
        if block.events.is_empty() {
            self.empty.insert(block.block_number);
            while self.empty.len() > EMPTY_MAX {
                self.empty.pop_first();
            }
            return Ok(());
        }
        // What is almost a change or an execution would otherwise pass for an event of another stream.
        let is_broken = |event: &Event| match event {
            Event::Other(other) => !other.is_object() || other.get("raw_book_diff").is_some(),
            Event::Diff(_) | Event::Fill(..) => false,
        };
        if block.events.iter().any(is_broken) {
            return Err(FeedError::of(None, Malformed::Json(format!("an event of block {}", block.block_number))));
        }
        match &block.events[0] {
            Event::Diff(_) => self.take_diffs(block, time_ms, out),
            Event::Fill(..) => self.take_fills(block, time_ms, out),
            Event::Other(_) => Ok(()),
        }
    }

    fn take_diffs(&mut self, block: &Block, time_ms: u64, out: &mut Vec<Message>) -> Result<(), FeedError> {
        let number = block.block_number;
        if let Some(last) = self.block {
            if number <= last {
                return Ok(()); // Seen before.
            }
            if (last + 1..number).take(EMPTY_MAX + 1).any(|number| !self.empty.contains(&number)) {
                let reason = format!("blocks {} to {} are missing", last + 1, number - 1);
                out.push(Message::Lost { market: None, reason });
            }
        }
        self.block = Some(number);
        if let Some((height, books)) = self.snapshot.take() {
            match number.checked_sub(height) {
                Some(passed) if passed >= 1 && (height + 1..number).all(|number| self.empty.contains(&number)) => {
                    // Markets without an order are in it as well: they are those that it does not name.
                    for market in 0..self.markets.len() {
                        let orders = books.get(&market).cloned().unwrap_or_default();
                        let changes = vec![Change::Snapshot(orders)];
                        out.push(Message::Market { market, sequence: Sequence::Ordered(height), time_ms, changes });
                    }
                }
                // Its block is yet to come.
                None | Some(0) => self.snapshot = Some((height, books)),
                Some(_) => {
                    let reason = format!("the snapshot is of block {height}, the changes go on with block {number}");
                    out.push(Message::Lost { market: None, reason });
                }
            }
        }
        self.empty = self.empty.split_off(&number);
        let mut markets = BTreeMap::<usize, Vec<Change>>::new();
        for event in &block.events {
            let Event::Diff(diff) = event else { continue };
            let Some(market) = self.markets.place(&diff.coin) else { continue };
            let change = self.change(market, diff).map_err(|reason| FeedError::of(Some(market), reason))?;
            markets.entry(market).or_default().push(change);
        }
        let sequence = Sequence::Ordered(number);
        out.extend(markets.into_iter().map(|(market, changes)| Message::Market { market, sequence, time_ms, changes }));
        out.push(Message::Heartbeat { market: None, sequence: None, time_ms });
        Ok(())
    }

    fn take_fills(&mut self, block: &Block, time_ms: u64, out: &mut Vec<Message>) -> Result<(), FeedError> {
        if self.fills.is_some_and(|last| block.block_number <= last) {
            return Ok(());
        }
        self.fills = Some(block.block_number);
        let mut markets = BTreeMap::<usize, Vec<Change>>::new();
        for event in &block.events {
            let Event::Fill(user, fill) = event else { continue };
            let Some(market) = self.markets.place(&fill.coin).filter(|_| !fill.crossed) else { continue };
            let traded = || -> Result<Change, Malformed> {
                Ok(Change::Traded {
                    account: parse_address(user)?,
                    price: self.markets.price(market, &fill.px)?,
                    size: self.markets.size(market, &fill.sz)?,
                })
            };
            let change = traded().map_err(|reason| FeedError::of(Some(market), reason))?;
            markets.entry(market).or_default().push(change);
        }
        let sequence = Sequence::Ordered(block.block_number);
        out.extend(markets.into_iter().map(|(market, changes)| Message::Market { market, sequence, time_ms, changes }));
        Ok(())
    }
}

impl Feed for Hyperliquid<'_> {
    fn read(&mut self, text: &[u8], _: Option<u64>, out: &mut Vec<Message>) -> Result<(), FeedError> {
        let text = text.trim_ascii();
        match text.first() {
            None => Ok(()),
            Some(b'[') => {
                let (height, books) = json(text).map_err(|reason| FeedError::of(None, reason))?;
                self.take_snapshot(height, books)
            }
            Some(_) => {
                let block: Block = json(text).map_err(|reason| FeedError::of(None, reason))?;
                let time_ms = time_ms(&block.block_time).map_err(|reason| FeedError::of(None, reason))?;
                self.take(&block, time_ms, out)
            }
        }
    }

    fn reset(&mut self) {
        (self.snapshot, self.block) = (None, None);
        self.empty.clear();
    }
}
