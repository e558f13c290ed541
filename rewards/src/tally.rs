//! From samples to sums: one [`Scorer`] per thread, whose tallies add up to the same whatever went to which (spec sections 3.2 and 3.3).
//!
//! Memory grows with accounts and markets, never with samples: sums, and one bit for each minute of each market.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use alloy_primitives::{Address, map::AddressHashMap};

use crate::{
    book::{Best, Book, Flaw, Limits, OrderRecord, Record, Side, Verdict},
    epoch::MINUTES_MAX,
    parameters::{EpochParameters, ParameterError},
    sampling::{Instants, Punctuality, Sampling, WrongSecret, links_of},
};

/// How many samples off their instant are listed one by one.
pub const OFF_INSTANT_LISTED: usize = 10_000;

/// What a provider did in one market so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Liquidity {
    /// Sum of the lesser side of each sample.
    pub liquidity: u128,
    /// Samples in which both sides counted.
    pub uptime: u32,
}

/// One market's sums.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarketTally {
    /// Valid samples, one-sided books among them.
    pub valid: u32,
    /// How many of these have one-sided books.
    pub one_sided: u32,
    /// Crossed books: no samples.
    pub crossed: u32,
    /// Samples too far from their instant: none either.
    pub off_instant: u32,
    /// Minutes in which the exchange is known to have been down.
    pub outages: u32,
    /// Orders in all of these samples, valid or not.
    pub orders: u64,
    /// Everybody who had both sides at least once.
    pub providers: AddressHashMap<Liquidity>,
}

impl MarketTally {
    /// Minutes of so many of which nothing is known, or that the exchange was down.
    #[must_use]
    pub const fn missing(&self, minutes: u32) -> u32 {
        minutes.saturating_sub(self.valid + self.crossed + self.off_instant)
    }
}

/// A sample that is too far from its instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OffInstant {
    /// Place of the market in the parameters.
    pub market: usize,
    /// Minute of the epoch.
    pub minute: u32,
    /// When it was taken.
    pub time_ms: u64,
}

/// All sums of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// In the order of the parameters.
    pub markets: Vec<MarketTally>,
    /// Market and minute of every second sample of a minute; those samples are not in the sums.
    pub repeated: BTreeSet<(usize, u32)>,
    /// The first samples off their instant.
    pub off_instants: BTreeSet<OffInstant>,
}

impl Tally {
    /// Nothing yet.
    #[must_use]
    pub fn empty(markets: usize) -> Self {
        Self {
            markets: vec![MarketTally::default(); markets],
            repeated: BTreeSet::new(),
            off_instants: BTreeSet::new(),
        }
    }

    /// Adds another one.
    pub fn absorb(&mut self, other: Self) {
        for (mine, theirs) in self.markets.iter_mut().zip(other.markets) {
            mine.valid += theirs.valid;
            mine.one_sided += theirs.one_sided;
            mine.crossed += theirs.crossed;
            mine.off_instant += theirs.off_instant;
            mine.outages += theirs.outages;
            mine.orders += theirs.orders;
            for (account, part) in theirs.providers {
                let sum = mine.providers.entry(account).or_default();
                sum.liquidity += part.liquidity;
                sum.uptime += part.uptime;
            }
        }
        self.repeated.extend(other.repeated);
        self.off_instants.extend(other.off_instants);
        while self.off_instants.len() > OFF_INSTANT_LISTED {
            self.off_instants.pop_last();
        }
    }
}

/// Which minutes of which markets have been seen, by all threads together.
#[derive(Debug)]
pub struct Seen {
    words: Vec<AtomicU64>,
    /// Words of a market.
    width: usize,
}

impl Seen {
    fn none(markets: usize, minutes: u32) -> Self {
        let width = (minutes as usize).div_ceil(64);
        Self { words: (0..markets * width).map(|_| AtomicU64::new(0)).collect(), width }
    }

    /// Whether this is the first sample of its minute. Of two threads that ask for the same one, one is told yes.
    fn claim(&self, market: usize, minute: u32) -> bool {
        let (word, bit) = (market * self.width + minute as usize / 64, minute % 64);
        self.words[word].fetch_or(1 << bit, Ordering::Relaxed) & (1 << bit) == 0
    }
}

/// Why scoring cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The parameters are wrong.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// The secret is wrong.
    #[error(transparent)]
    Secret(#[from] WrongSecret),
    /// The chain of secrets does not cover the epoch: instants of some minutes would be nobody's to check.
    #[error("sampling: a chain of {found} hours; the epoch has {expected}")]
    Hours {
        /// What the sampling says.
        found: u32,
        /// Hours of the epoch, a part of one counts as one.
        expected: u32,
    },
}

/// Everything that decides what a sample is worth.
#[derive(Debug)]
pub struct Rules<'a> {
    parameters: &'a EpochParameters,
    limits: Vec<Limits>,
    places: HashMap<&'a str, usize>,
    instants: Instants,
    seen: Seen,
}

impl<'a> Rules<'a> {
    /// Checks the parameters and the secret.
    pub fn new(parameters: &'a EpochParameters, sampling: &Sampling) -> Result<Self, RulesError> {
        parameters.check()?;
        let start = parameters.clock.start_ms(parameters.epoch).ok_or(ParameterError::NoSuchEpoch(parameters.epoch))?;
        let expected = links_of(parameters.minutes());
        if let Some(found) = sampling.hours.filter(|found| *found != expected) {
            return Err(RulesError::Hours { found, expected });
        }
        let markets = &parameters.markets;
        Ok(Self {
            parameters,
            limits: markets.iter().map(Limits::of).collect(),
            places: markets.iter().enumerate().map(|(place, market)| (market.market.as_str(), place)).collect(),
            instants: Instants::of(parameters.epoch, start, sampling)?,
            seen: Seen::none(markets.len(), parameters.minutes()),
        })
    }

    /// The instants of the epoch.
    #[must_use]
    pub const fn instants(&self) -> &Instants {
        &self.instants
    }

    /// The parameters of the epoch.
    #[must_use]
    pub const fn parameters(&self) -> &'a EpochParameters {
        self.parameters
    }

    /// The limits of a market, by its place.
    #[must_use]
    pub fn limits(&self, market: usize) -> &Limits {
        &self.limits[market]
    }

    /// Checks all of a record but its orders: the place of its market, its book, and whether it is on time.
    pub fn read(&self, record: &Record<'_>) -> Result<(usize, Book, Punctuality), Flaw> {
        let expected = self.parameters.epoch;
        if record.epoch != expected {
            return Err(Flaw::WrongEpoch { found: record.epoch, expected });
        }
        let minutes = self.parameters.minutes();
        if record.minute >= minutes {
            return Err(Flaw::NoSuchMinute { minute: record.minute, minutes });
        }
        let market = *self.places.get(record.market).ok_or_else(|| Flaw::UnknownMarket(record.market.to_owned()))?;
        let listed = self.parameters.markets[market].minutes(minutes);
        if !listed.contains(&record.minute) {
            return Err(Flaw::NotListed { minute: record.minute, from: listed.start, until: listed.end });
        }
        let (from_ms, to_ms) = self.instants.bounds_ms(record.minute);
        if !(from_ms..=to_ms).contains(&record.time_ms) {
            let (time_ms, minute) = (record.time_ms, record.minute);
            return Err(Flaw::WrongTime { time_ms, minute, from_ms, to_ms });
        }
        let book = Book::read(&self.limits[market], record)?;
        let punctuality = self.instants.punctuality(record.minute, record.market, record.time_ms);
        Ok((market, book, punctuality))
    }
}

/// An order of a sample with its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged<'a> {
    /// As the file has it.
    pub record: OrderRecord<'a>,
    /// Price in units of its last decimal.
    pub price: u64,
    /// Size in units of its last decimal.
    pub size: u64,
    /// Whether it counts; nothing if the book has no mid.
    pub verdict: Option<Verdict>,
}

/// Checks each order of a sample and judges it.
pub fn judge<'r>(
    limits: &Limits,
    book: Book,
    orders: &'r [OrderRecord<'r>],
    mut each: impl FnMut(&Judged<'r>) -> Result<(), Flaw>,
) -> Result<(), Flaw> {
    for order in orders {
        let (price, size) = (limits.price("price", order.price)?, limits.size(order.size)?);
        book.admits(limits, order, price)?;
        let verdict = match book {
            Book::Valid(best) => Some(limits.judge(best, price, size)?),
            _ => None,
        };
        each(&Judged { record: *order, price, size, verdict })?;
    }
    Ok(())
}

/// The most that one side can be worth in one sample. What is above it is a mistake in the data, and below it no sum over an epoch
/// exceeds 128 bits.
pub const SIDE_MAX: u128 = 1 << 110;

const _: () = assert!(SIDE_MAX.checked_mul(MINUTES_MAX as u128).is_some(), "an epoch's sum fits");

/// Both sides of one provider in one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// Sum over bids.
    pub bid: u128,
    /// Sum over asks.
    pub ask: u128,
}

impl Sides {
    /// Adds an order that counts.
    pub fn add(&mut self, side: Side, term: u128) -> Result<(), Flaw> {
        let sum = match side {
            Side::Bid => &mut self.bid,
            Side::Ask => &mut self.ask,
        };
        *sum = sum.checked_add(term).filter(|sum| *sum <= SIDE_MAX).ok_or(Flaw::Overflow)?;
        Ok(())
    }

    /// What the sample is worth.
    #[must_use]
    pub fn lesser(self) -> u128 {
        self.bid.min(self.ask)
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It counts as a sample.
    Valid,
    /// It is no sample: crossed, off its instant, or an outage.
    NoSample,
    /// Its minute has a sample already.
    Repeated,
}

/// Adds samples up, on one thread.
#[derive(Debug)]
pub struct Scorer<'a> {
    rules: &'a Rules<'a>,
    tally: Tally,
    sides: AddressHashMap<Sides>,
    ids: Ids,
}

impl<'a> Scorer<'a> {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new(rules: &'a Rules<'a>) -> Self {
        let tally = Tally::empty(rules.limits.len());
        Self { rules, tally, sides: AddressHashMap::default(), ids: Ids::default() }
    }

    /// Adds one sample. A flawed one adds nothing, and does not keep another one from its minute.
    pub fn add(&mut self, record: &Record<'_>) -> Result<Taken, Flaw> {
        let (market, book, punctuality) = self.rules.read(record)?;
        self.sum_sides(market, book, record.orders)?;
        if !self.rules.seen.claim(market, record.minute) {
            self.tally.repeated.insert((market, record.minute));
            return Ok(Taken::Repeated);
        }
        let sums = &mut self.tally.markets[market];
        sums.orders += record.orders.len() as u64;
        match book {
            Book::Outage => sums.outages += 1,
            Book::Crossed => sums.crossed += 1,
            _ if punctuality == Punctuality::Off => {
                sums.off_instant += 1;
                self.note_off_instant(OffInstant { market, minute: record.minute, time_ms: record.time_ms });
            }
            Book::OneSided { .. } | Book::Valid(_) => {
                sums.valid += 1;
                sums.one_sided += u32::from(matches!(book, Book::OneSided { .. }));
                self.add_sides(market);
                return Ok(Taken::Valid);
            }
        }
        Ok(Taken::NoSample)
    }

    /// Whether a record could be added, its minute aside: the place of its market and whether it is on time.
    pub fn check(&mut self, record: &Record<'_>) -> Result<(usize, Punctuality), Flaw> {
        let (market, book, punctuality) = self.rules.read(record)?;
        self.sum_sides(market, book, record.orders)?;
        Ok((market, punctuality))
    }

    fn sum_sides(&mut self, market: usize, book: Book, orders: &[OrderRecord<'_>]) -> Result<(), Flaw> {
        self.ids.check(orders)?;
        self.sides.clear();
        let sides = &mut self.sides;
        judge(&self.rules.limits[market], book, orders, |order| match order.verdict {
            Some(Verdict::Counts(term)) => sides.entry(order.record.account).or_default().add(order.record.side, term),
            _ => Ok(()),
        })
    }

    fn add_sides(&mut self, market: usize) {
        let providers = &mut self.tally.markets[market].providers;
        for (account, sides) in &self.sides {
            let worth = sides.lesser();
            if worth > 0 {
                let sum = providers.entry(*account).or_default();
                sum.liquidity += worth;
                sum.uptime += 1;
            }
        }
    }

    fn note_off_instant(&mut self, sample: OffInstant) {
        self.tally.off_instants.insert(sample);
        if self.tally.off_instants.len() > OFF_INSTANT_LISTED {
            self.tally.off_instants.pop_last();
        }
    }

    /// The sums.
    #[must_use]
    pub fn finish(self) -> Tally {
        self.tally
    }
}

/// Finds order ids that occur twice in a sample.
#[derive(Debug, Default)]
struct Ids {
    hasher: RandomState,
    hashes: Vec<(u64, u32)>,
}

impl Ids {
    fn check(&mut self, orders: &[OrderRecord<'_>]) -> Result<(), Flaw> {
        if orders.iter().any(|order| order.id.is_empty()) {
            return Err(Flaw::NoOrderId);
        }
        self.hashes.clear();
        self.hashes.extend(orders.iter().zip(0..).map(|(order, place)| (self.hasher.hash_one(order.id), place)));
        self.hashes.sort_unstable();
        // Hashes are seeded anew in each run: of several repeated orders, name the first in the file.
        let mut repeated = None::<usize>;
        for same in self.hashes.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
            let mut ids = BTreeSet::new();
            let again = same.iter().map(|(_, place)| *place as usize).find(|place| !ids.insert(orders[*place].id));
            repeated = again.into_iter().chain(repeated).min();
        }
        if let Some(place) = repeated {
            return Err(Flaw::RepeatedOrder(orders[place].id.to_owned()));
        }
        Ok(())
    }
}

/// One provider in one sample, order by order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breakdown<'a> {
    /// Place of the market.
    pub market: usize,
    /// What the book is.
    pub book: Book,
    /// Whether the sample is on time.
    pub punctuality: Punctuality,
    /// Both sides.
    pub sides: Sides,
    /// Each order with its verdict.
    pub orders: Vec<Judged<'a>>,
}

impl Breakdown<'_> {
    /// Best prices, if the book has both.
    #[must_use]
    pub const fn best(&self) -> Option<Best> {
        match self.book {
            Book::Valid(best) => Some(best),
            _ => None,
        }
    }

    /// Whether this is a sample at all.
    #[must_use]
    pub fn is_sample(&self) -> bool {
        matches!(self.book, Book::Valid(_) | Book::OneSided { .. }) && self.punctuality != Punctuality::Off
    }

    /// What the sample is worth to the provider.
    #[must_use]
    pub fn worth(&self) -> u128 {
        if self.is_sample() { self.sides.lesser() } else { 0 }
    }
}

/// Shows what a sample says of one provider.
pub fn break_down<'r>(rules: &Rules<'_>, record: &Record<'r>, account: Address) -> Result<Breakdown<'r>, Flaw> {
    let (market, book, punctuality) = rules.read(record)?;
    let mut sides = Sides::default();
    let mut orders = Vec::new();
    judge(rules.limits(market), book, record.orders, |order| {
        if order.record.account != account {
            return Ok(());
        }
        orders.push(*order);
        match order.verdict {
            Some(Verdict::Counts(term)) => sides.add(order.record.side, term),
            _ => Ok(()),
        }
    })?;
    Ok(Breakdown { market, book, punctuality, sides, orders })
}
