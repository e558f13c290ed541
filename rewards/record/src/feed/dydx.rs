//! The stream of a full node of dYdX Chain, as its WebSocket sends it (`/ws?clobPairIds=0,1`): JSON of `StreamOrderbookUpdatesResponse`, field names as in
//! the public description, in either spelling.
//!
//! It has no time but that of its arrival, and no numbers but the block's. Books are the node's own view, optimistic: two nodes differ slightly, fills
//! are taken back, and books cross for moments. So orders that cross give way (the one that was placed first), and volume counts executions of
//! finalized blocks alone.

use std::collections::{BTreeMap, HashMap};

use rewards::book::Side;
use serde::Deserialize;
use serde_json::Value;

use super::{Feed, FeedError, Malformed, json, name, wrong};
use crate::{
    book::Policy,
    event::{Change, Markets, Message, Order, Sequence},
    metadata::Pair,
    owner::Owners,
    recorder::Settings,
};

/// What executions of a finalized block have as their mode.
const FINALIZE: u64 = 7;

/// Reads a full node's stream.
#[derive(Debug)]
pub struct Dydx<'a> {
    markets: &'a Markets,
    owners: &'a Owners,
    /// Pairs by their number, with the place of their market.
    pairs: BTreeMap<u64, (usize, Pair)>,
}

impl<'a> Dydx<'a> {
    /// A reader for these markets, whose pairs the exchange's metadata gives.
    #[must_use]
    pub fn new(markets: &'a Markets, owners: &'a Owners, pairs: &[Pair]) -> Self {
        let placed = |pair: &Pair| Some((pair.number, (markets.place(&pair.market)?, pair.clone())));
        Self { markets, owners, pairs: pairs.iter().filter_map(placed).collect() }
    }

    /// Numbers of the pairs that are recorded, for the address of the stream.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.pairs.keys().copied()
    }
}

/// An integer, as a number or as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Integer(u64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        match Value::deserialize(deserializer)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => rewards::decimal::integer(&text).ok(),
            _ => None,
        }
        .map(Self)
        .ok_or_else(|| D::Error::custom("an integer, as a number or as text, is expected"))
    }
}

#[derive(Deserialize)]
struct Response {
    updates: Vec<Update>,
}

#[derive(Deserialize)]
struct Update {
    #[serde(default, alias = "blockHeight")]
    block_height: Integer,
    #[serde(default, alias = "execMode")]
    exec_mode: Integer,
    #[serde(alias = "orderbookUpdate")]
    orderbook_update: Option<BookUpdate>,
    #[serde(alias = "orderFill")]
    order_fill: Option<OrderFill>,
}

#[derive(Deserialize)]
struct BookUpdate {
    #[serde(default)]
    snapshot: bool,
    #[serde(default)]
    updates: Vec<OffChain>,
}

#[derive(Deserialize)]
struct OffChain {
    #[serde(alias = "orderPlace")]
    order_place: Option<Place>,
    #[serde(alias = "orderRemove")]
    order_remove: Option<Remove>,
    #[serde(alias = "orderUpdate")]
    order_update: Option<Fills>,
    #[serde(alias = "orderReplace")]
    order_replace: Option<Replace>,
}

#[derive(Deserialize)]
struct Place {
    order: ChainOrder,
}

#[derive(Deserialize)]
struct Remove {
    #[serde(alias = "removedOrderId")]
    removed_order_id: OrderId,
}

#[derive(Deserialize)]
struct Fills {
    #[serde(alias = "orderId")]
    order_id: OrderId,
    #[serde(default, alias = "totalFilledQuantums")]
    total_filled_quantums: Integer,
}

#[derive(Deserialize)]
struct Replace {
    #[serde(alias = "oldOrderId")]
    old_order_id: OrderId,
    order: ChainOrder,
}

#[derive(Deserialize)]
struct ChainOrder {
    #[serde(alias = "orderId")]
    order_id: OrderId,
    side: Value,
    #[serde(default)]
    quantums: Integer,
    #[serde(default)]
    subticks: Integer,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
struct OrderId {
    #[serde(alias = "subaccountId")]
    subaccount_id: Subaccount,
    #[serde(default, alias = "clientId")]
    client_id: u64,
    #[serde(default, alias = "orderFlags")]
    order_flags: u64,
    #[serde(default, alias = "clobPairId")]
    clob_pair_id: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
struct Subaccount {
    owner: String,
    #[serde(default)]
    number: u64,
}

impl OrderId {
    fn name(&self) -> Result<Box<str>, Malformed> {
        let Self { subaccount_id: Subaccount { owner, number }, client_id, order_flags, clob_pair_id } = self;
        name(&format!("{owner}/{number}/{client_id}/{order_flags}/{clob_pair_id}"))
    }
}

#[derive(Deserialize)]
struct OrderFill {
    #[serde(alias = "clobMatch")]
    clob_match: Match,
    #[serde(default)]
    orders: Vec<ChainOrder>,
    #[serde(default, alias = "fillAmounts")]
    fill_amounts: Vec<Integer>,
}

#[derive(Deserialize)]
struct Match {
    #[serde(alias = "matchOrders")]
    match_orders: Option<Matched>,
    #[serde(alias = "matchPerpetualLiquidation")]
    match_perpetual_liquidation: Option<Matched>,
}

#[derive(Deserialize)]
struct Matched {
    #[serde(default)]
    fills: Vec<MakerFill>,
}

#[derive(Deserialize)]
struct MakerFill {
    #[serde(default, alias = "fillAmount")]
    fill_amount: Integer,
    #[serde(alias = "makerOrderId")]
    maker_order_id: OrderId,
}

/// What a batch changes, by market and in the order of the batch.
type Changes = BTreeMap<usize, Vec<Change>>;

impl Dydx<'_> {
    fn place(&self, id: &OrderId) -> Option<(usize, &Pair)> {
        self.pairs.get(&id.clob_pair_id).map(|(market, pair)| (*market, pair))
    }

    fn order(&self, market: usize, pair: &Pair, order: &ChainOrder) -> Result<Order, Malformed> {
        Ok(Order {
            account: self.owners.address(&order.order_id.subaccount_id.owner)?,
            id: order.order_id.name()?,
            side: side(&order.side)?,
            price: self.price(market, pair, order.subticks)?,
            size: self.size(market, pair, order.quantums)?,
        })
    }

    fn price(&self, market: usize, pair: &Pair, subticks: Integer) -> Result<u64, Malformed> {
        let price = pair.price(subticks.0, self.markets.decimals(market).0);
        let price = price.filter(|price| *price > 0);
        price.ok_or_else(|| wrong("subticks", &subticks.0.to_string(), "a price in the market's decimals"))
    }

    fn size(&self, market: usize, pair: &Pair, quantums: Integer) -> Result<u64, Malformed> {
        let size = pair.size(quantums.0, self.markets.decimals(market).1);
        size.ok_or_else(|| wrong("quantums", &quantums.0.to_string(), "a size in the market's decimals"))
    }

    fn take_book(&self, update: &BookUpdate, changes: &mut Changes) -> Result<(), FeedError> {
        let mut snapshots = BTreeMap::<usize, (Vec<Order>, Vec<Change>)>::new();
        for one in &update.updates {
            let ids = [
                one.order_place.as_ref().map(|place| &place.order.order_id),
                one.order_remove.as_ref().map(|remove| &remove.removed_order_id),
                one.order_update.as_ref().map(|fills| &fills.order_id),
                one.order_replace.as_ref().map(|replace| &replace.order.order_id),
            ];
            let Some((market, pair)) = ids.into_iter().flatten().next().and_then(|id| self.place(id)) else { continue };
            let wrong = |reason| FeedError::of(Some(market), reason);
            let mut found = Vec::new();
            if let Some(remove) = &one.order_remove {
                found.push(Change::Remove { id: remove.removed_order_id.name().map_err(wrong)? });
            }
            if let Some(replace) = &one.order_replace {
                found.push(Change::Remove { id: replace.old_order_id.name().map_err(wrong)? });
                found.push(Change::Add(self.order(market, pair, &replace.order).map_err(wrong)?));
            }
            if let Some(place) = &one.order_place {
                found.push(Change::Add(self.order(market, pair, &place.order).map_err(wrong)?));
            }
            if let Some(fills) = &one.order_update {
                let filled = self.size(market, pair, fills.total_filled_quantums).map_err(wrong)?;
                found.push(Change::Filled { id: fills.order_id.name().map_err(wrong)?, filled });
            }
            if !update.snapshot {
                changes.entry(market).or_default().extend(found);
                continue;
            }
            let (orders, others) = snapshots.entry(market).or_default();
            for change in found {
                match change {
                    Change::Add(order) => orders.push(order),
                    other => others.push(other),
                }
            }
        }
        for (market, (orders, others)) in snapshots {
            let market = changes.entry(market).or_default();
            market.push(Change::Snapshot(orders));
            market.extend(others);
        }
        // A snapshot of one pair that has no orders names none.
        if let (true, true, [market]) = (update.snapshot, update.updates.is_empty(), self.only().as_slice()) {
            changes.entry(*market).or_default().push(Change::Snapshot(Vec::new()));
        }
        Ok(())
    }

    fn only(&self) -> Vec<usize> {
        self.pairs.values().map(|(market, _)| *market).collect()
    }

    fn take_fill(&self, fill: &OrderFill, is_final: bool, changes: &mut Changes) -> Result<(), FeedError> {
        // How much of each order is filled in all.
        for (order, amount) in fill.orders.iter().zip(&fill.fill_amounts) {
            let Some((market, pair)) = self.place(&order.order_id) else { continue };
            let wrong = |reason| FeedError::of(Some(market), reason);
            let filled = self.size(market, pair, *amount).map_err(wrong)?;
            let id = order.order_id.name().map_err(wrong)?;
            changes.entry(market).or_default().push(Change::Filled { id, filled });
        }
        if !is_final {
            return Ok(());
        }
        let prices: HashMap<_, _> = fill.orders.iter().map(|order| (&order.order_id, order.subticks)).collect();
        let Match { match_orders, match_perpetual_liquidation } = &fill.clob_match;
        for matched in match_orders.iter().chain(match_perpetual_liquidation).flat_map(|matched| &matched.fills) {
            let Some((market, pair)) = self.place(&matched.maker_order_id) else { continue };
            let traded = || -> Result<Change, Malformed> {
                let subticks = prices.get(&matched.maker_order_id).ok_or(Malformed::Missing("order of the maker"))?;
                Ok(Change::Traded {
                    account: self.owners.address(&matched.maker_order_id.subaccount_id.owner)?,
                    price: self.price(market, pair, *subticks)?,
                    size: self.size(market, pair, matched.fill_amount)?,
                })
            };
            let change = traded().map_err(|reason| FeedError::of(Some(market), reason))?;
            changes.entry(market).or_default().push(change);
        }
        Ok(())
    }
}

fn side(value: &Value) -> Result<Side, Malformed> {
    match value {
        Value::String(text) if text == "SIDE_BUY" => Ok(Side::Bid),
        Value::String(text) if text == "SIDE_SELL" => Ok(Side::Ask),
        Value::Number(number) if number.as_u64() == Some(1) => Ok(Side::Bid),
        Value::Number(number) if number.as_u64() == Some(2) => Ok(Side::Ask),
        other => Err(wrong("side", &other.to_string(), "SIDE_BUY or SIDE_SELL")),
    }
}

impl Feed for Dydx<'_> {
    fn read(&mut self, text: &[u8], arrived_ms: Option<u64>, out: &mut Vec<Message>) -> Result<(), FeedError> {
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        let time_ms = arrived_ms
            .ok_or_else(|| FeedError::of(None, Malformed::Missing("time of arrival (record with --tape)")))?;
        let response: Response = json(text).map_err(|reason| FeedError::of(None, reason))?;
        let (mut changes, mut height) = (Changes::new(), 0);
        for update in &response.updates {
            height = height.max(update.block_height.0);
            if let Some(book) = &update.orderbook_update {
                self.take_book(book, &mut changes)?;
            }
            if let Some(fill) = &update.order_fill {
                self.take_fill(fill, update.exec_mode.0 == FINALIZE, &mut changes)?;
            }
        }
        let sequence = Sequence::Ordered(height);
        out.extend(changes.into_iter().map(|(market, changes)| Message::Market { market, sequence, time_ms, changes }));
        out.push(Message::Heartbeat { market: None, sequence: None, time_ms });
        Ok(())
    }

    fn reset(&mut self) {}

    fn settings(&self, settings: Settings) -> Settings {
        Settings { policy: Policy::Lenient, uncross: true, ..settings }
    }
}
