//! The resting orders of one market.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::Address;
use rewards::book::Side;

use crate::event::{Change, Order};

/// What a change says that cannot be, given what was said before. The book is not to be trusted any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Contradiction {
    #[error("order `{0}` is added a second time")]
    Added(String),
    #[error("order `{0}` is not in the book")]
    Unknown(String),
    #[error("{filled} of order `{id}` are filled, of which {left} are left")]
    Overfilled { id: String, filled: u64, left: u64 },
    #[error("more than {0} orders rest")]
    TooMany(usize),
}

/// What is made of changes to orders that are not there, or there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// They contradict what is known.
    Strict,
    /// They are as the feed's description allows: an order that is placed again replaces the first, and what is said of others is passed over.
    Lenient,
}

/// Where an order stands: sides apart, prices ascending, orders of one price by name, as in a canonical sample.
type Place = (Side, u64, Box<str>);

/// What is known of a resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Resting {
    account: Address,
    placed: u64,
    left: u64,
    /// Orders that were placed later have a greater one.
    age: u64,
}

/// An order as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing<'a> {
    /// Whose.
    pub account: Address,
    /// Its name.
    pub id: &'a str,
    /// Buys or sells.
    pub side: Side,
    /// Limit price.
    pub price: u64,
    /// What is left.
    pub size: u64,
    age: u64,
}

/// Best bid and best ask, as far as there are any.
pub type Prices = (Option<u64>, Option<u64>);

/// The book of one market.
#[derive(Debug)]
pub struct Book {
    orders: BTreeMap<Place, Resting>,
    places: HashMap<Box<str>, (Side, u64)>,
    policy: Policy,
    orders_max: usize,
    age: u64,
}

impl Book {
    /// An empty one that holds so many orders at most.
    #[must_use]
    pub fn new(policy: Policy, orders_max: usize) -> Self {
        Self { orders: BTreeMap::new(), places: HashMap::new(), policy, orders_max, age: 0 }
    }

    /// How many orders rest.
    #[must_use]
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Applies a change. What an execution makes of volume: its maker, the price and the size.
    ///
    /// # Errors
    ///
    /// If it contradicts what is known; the book is then as it was, but not to be trusted.
    pub fn apply(&mut self, change: &Change) -> Result<Option<(Address, u64, u64)>, Contradiction> {
        match change {
            Change::Snapshot(orders) => {
                self.orders.clear();
                self.places.clear();
                orders.iter().try_for_each(|order| self.add(order))?;
            }
            Change::Add(order) => self.add(order)?,
            Change::Remaining { id, size } => self.set(id, |resting| resting.left = *size)?,
            Change::Filled { id, filled } => {
                self.set(id, |resting| resting.left = resting.placed.saturating_sub(*filled))?;
            }
            Change::Remove { id } => self.remove(id)?,
            Change::Traded { account, price, size } => return Ok(Some((*account, *price, *size))),
            Change::Executed { id, size } => return self.execute(id, *size),
        }
        Ok(None)
    }

    fn add(&mut self, order: &Order) -> Result<(), Contradiction> {
        if self.places.contains_key(&order.id) {
            if self.policy == Policy::Strict {
                return Err(Contradiction::Added(order.id.to_string()));
            }
            self.remove(&order.id)?;
        }
        if self.orders.len() >= self.orders_max {
            return Err(Contradiction::TooMany(self.orders_max));
        }
        self.age += 1;
        let resting = Resting { account: order.account, placed: order.size, left: order.size, age: self.age };
        self.places.insert(order.id.clone(), (order.side, order.price));
        self.orders.insert((order.side, order.price, order.id.clone()), resting);
        Ok(())
    }

    fn unknown(&self, id: &str) -> Result<(), Contradiction> {
        match self.policy {
            Policy::Strict => Err(Contradiction::Unknown(id.to_owned())),
            Policy::Lenient => Ok(()),
        }
    }

    fn find(&mut self, id: &str) -> Option<(u64, &mut Resting)> {
        let (side, price) = *self.places.get(id)?;
        Some((price, self.orders.get_mut(&(side, price, id.into()))?))
    }

    fn set(&mut self, id: &str, how: impl FnOnce(&mut Resting)) -> Result<(), Contradiction> {
        match self.find(id) {
            Some((_, resting)) => {
                how(resting);
                Ok(())
            }
            None => self.unknown(id),
        }
    }

    fn remove(&mut self, id: &str) -> Result<(), Contradiction> {
        match self.places.remove_entry(id) {
            Some((id, (side, price))) => {
                self.orders.remove(&(side, price, id));
                Ok(())
            }
            None => self.unknown(id),
        }
    }

    fn execute(&mut self, id: &str, size: u64) -> Result<Option<(Address, u64, u64)>, Contradiction> {
        let Some((price, resting)) = self.find(id) else { return self.unknown(id).map(|()| None) };
        let Some(left) = resting.left.checked_sub(size) else {
            return Err(Contradiction::Overfilled { id: id.to_owned(), filled: size, left: resting.left });
        };
        resting.left = left;
        let account = resting.account;
        if left == 0 {
            self.remove(id)?;
        }
        Ok(Some((account, price, size)))
    }

    /// Orders with something left, in the order of a canonical sample: bids, then asks, prices ascending, then names.
    pub fn standing(&self) -> impl DoubleEndedIterator<Item = Standing<'_>> {
        self.orders.iter().filter(|(_, resting)| resting.left > 0).map(|((side, price, id), resting)| Standing {
            account: resting.account,
            id,
            side: *side,
            price: *price,
            size: resting.left,
            age: resting.age,
        })
    }

    fn of_side(&self, side: Side) -> impl DoubleEndedIterator<Item = Standing<'_>> {
        let from: Place = (side, 0, Box::default());
        let range = match side {
            Side::Bid => self.orders.range(from..(Side::Ask, 0, Box::default())),
            Side::Ask => self.orders.range(from..),
        };
        range.filter(|(_, resting)| resting.left > 0).map(|((side, price, id), resting)| Standing {
            account: resting.account,
            id,
            side: *side,
            price: *price,
            size: resting.left,
            age: resting.age,
        })
    }

    /// Best bid and best ask.
    #[must_use]
    pub fn best(&self) -> Prices {
        let bid = self.of_side(Side::Bid).next_back().map(|order| order.price);
        (bid, self.of_side(Side::Ask).next().map(|order| order.price))
    }

    /// Best prices after orders that cross were left out, and the names of these: of a bid and an ask that cross, the one that was placed
    /// first gives way, since what came later was placed in the knowledge of it. Nothing if more than so many would have to.
    #[must_use]
    pub fn uncrossed(&self, most: usize) -> Option<(Prices, Vec<&str>)> {
        let (mut bids, mut asks) = (self.of_side(Side::Bid).rev(), self.of_side(Side::Ask));
        let (mut bid, mut ask, mut out) = (bids.next(), asks.next(), Vec::new());
        while let (Some(buy), Some(sell)) = (bid, ask) {
            if buy.price < sell.price {
                break;
            }
            if out.len() == most {
                return None;
            }
            if buy.age < sell.age {
                out.push(buy.id);
                bid = bids.next();
            } else {
                out.push(sell.id);
                ask = asks.next();
            }
        }
        Some(((bid.map(|order| order.price), ask.map(|order| order.price)), out))
    }
}
