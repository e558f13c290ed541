//! The feed that any exchange can produce: JSON, one message a line. `feed.schema.json` says what is in it.

use std::borrow::Cow;

use rewards::book::Side;
use serde::Deserialize;

use super::{Feed, FeedError, Malformed, json, name, wrong};
use crate::{
    event::{Change, Markets, Message, Order, Sequence},
    owner::Owners,
};

/// Reads the generic feed.
#[derive(Debug)]
pub struct Generic<'a> {
    markets: &'a Markets,
    owners: &'a Owners,
    /// Messages about markets that are not recorded.
    pub others: u64,
}

impl<'a> Generic<'a> {
    /// A reader for these markets.
    #[must_use]
    pub const fn new(markets: &'a Markets, owners: &'a Owners) -> Self {
        Self { markets, owners, others: 0 }
    }
}

#[derive(Deserialize)]
struct Line<'t> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'t, str>,
    #[serde(borrow)]
    market: Option<Cow<'t, str>>,
    seq: Option<u64>,
    time_ms: Option<u64>,
    #[serde(borrow)]
    account: Option<Cow<'t, str>>,
    #[serde(borrow)]
    id: Option<Cow<'t, str>>,
    #[serde(borrow)]
    side: Option<Cow<'t, str>>,
    #[serde(borrow)]
    price: Option<Cow<'t, str>>,
    #[serde(borrow)]
    size: Option<Cow<'t, str>>,
    #[serde(borrow)]
    orders: Option<Vec<LineOrder<'t>>>,
    #[serde(borrow)]
    reason: Option<Cow<'t, str>>,
}

#[derive(Deserialize)]
struct LineOrder<'t> {
    #[serde(borrow)]
    account: Cow<'t, str>,
    #[serde(borrow)]
    id: Cow<'t, str>,
    #[serde(borrow)]
    side: Cow<'t, str>,
    #[serde(borrow)]
    price: Cow<'t, str>,
    #[serde(borrow)]
    size: Cow<'t, str>,
}

impl Generic<'_> {
    fn order(&self, market: usize, order: &LineOrder<'_>) -> Result<Order, Malformed> {
        Ok(Order {
            account: self.owners.address(&order.account)?,
            id: name(&order.id)?,
            side: Side::parse(&order.side)?,
            price: self.markets.price(market, &order.price)?,
            size: self.markets.size(market, &order.size)?,
        })
    }

    fn change(&self, market: usize, line: Line<'_>) -> Result<Vec<Change>, Malformed> {
        let id = |id: &Option<Cow<'_, str>>| name(id.as_deref().ok_or(Malformed::Missing("id"))?);
        let size = |size: &Option<Cow<'_, str>>| {
            Ok::<_, Malformed>(self.markets.size(market, size.as_deref().ok_or(Malformed::Missing("size"))?)?)
        };
        Ok(vec![match line.kind.as_ref() {
            "snapshot" => {
                let orders = line.orders.as_ref().ok_or(Malformed::Missing("orders"))?;
                Change::Snapshot(orders.iter().map(|order| self.order(market, order)).collect::<Result<_, _>>()?)
            }
            "add" => Change::Add(self.order(
                market,
                &LineOrder {
                    account: line.account.ok_or(Malformed::Missing("account"))?,
                    id: line.id.ok_or(Malformed::Missing("id"))?,
                    side: line.side.ok_or(Malformed::Missing("side"))?,
                    price: line.price.ok_or(Malformed::Missing("price"))?,
                    size: line.size.ok_or(Malformed::Missing("size"))?,
                },
            )?),
            "set" => Change::Remaining { id: id(&line.id)?, size: size(&line.size)? },
            "remove" => Change::Remove { id: id(&line.id)? },
            "fill" => Change::Executed { id: id(&line.id)?, size: size(&line.size)? },
            other => {
                return Err(wrong("type", other, "snapshot, add, set, remove, fill, heartbeat or reset"));
            }
        }])
    }
}

impl Feed for Generic<'_> {
    fn read(&mut self, text: &[u8], _: Option<u64>, out: &mut Vec<Message>) -> Result<(), FeedError> {
        text.split(|byte| *byte == b'\n').try_for_each(|line| self.read_line(line, out))
    }

    fn reset(&mut self) {}
}

impl Generic<'_> {
    fn read_line(&mut self, text: &[u8], out: &mut Vec<Message>) -> Result<(), FeedError> {
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        let line: Line<'_> = json(text).map_err(|reason| FeedError::of(None, reason))?;
        let market = match line.market.as_deref().map(|name| self.markets.place(name)) {
            Some(None) => {
                self.others += 1;
                return Ok(());
            }
            place => place.flatten(),
        };
        let missing = |field| FeedError::of(market, Malformed::Missing(field));
        match line.kind.as_ref() {
            "heartbeat" => {
                let time_ms = line.time_ms.ok_or_else(|| missing("time_ms"))?;
                out.push(Message::Heartbeat { market, sequence: market.and(line.seq), time_ms });
            }
            "reset" => {
                let reason = line.reason.as_deref().unwrap_or("the feed begins anew").to_owned();
                out.push(Message::Lost { market, reason });
            }
            _ => {
                let place = market.ok_or_else(|| missing("market"))?;
                let time_ms = line.time_ms.ok_or_else(|| missing("time_ms"))?;
                let sequence = Sequence::Counted(line.seq.ok_or_else(|| missing("seq"))?);
                let changes = self.change(place, line).map_err(|reason| FeedError::of(market, reason))?;
                out.push(Message::Market { market: place, sequence, time_ms, changes });
            }
        }
        Ok(())
    }
}
