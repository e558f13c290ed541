//! What happened when, for display: uptime, depth and spread of each provider in each market, in buckets of equal length. Nothing is paid by it.
//!
//! Memory grows with accounts, markets and at most [`BUCKETS_MAX`] buckets, never with samples. Sums are integers and the length of a bucket
//! follows from the last minute alone, so it does not matter which thread saw which sample.

use alloy_primitives::{Address, map::AddressHashMap};

use crate::{
    book::{Best, Book, Flaw, Limits, Record, Side, Verdict},
    epoch::MINUTES_MAX,
    tally::{Judged, Rules, Sides, judge},
};

/// Lengths of a bucket, minutes: each divides the next and a day, and the longest covers the epoch.
const WIDTHS: [u32; 8] = [5, 15, 30, 60, 180, 360, 720, 1440];

/// The most buckets that a timeline has.
pub const BUCKETS_MAX: u32 = 112;

const _: () = assert!(WIDTHS[WIDTHS.len() - 1] * BUCKETS_MAX >= MINUTES_MAX, "the longest buckets cover any epoch");

/// A market in one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarketBucket {
    /// Valid samples.
    pub samples: u32,
    /// Those of them with both sides.
    pub two_sided: u32,
    /// Sum over these of the spread between best bid and best ask, millionths of a basis point of mid.
    pub spread_micro_bps: u128,
}

/// A provider in one market and one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProviderBucket {
    /// Samples in which both sides counted.
    pub uptime: u32,
    /// Sum over these of the lesser side's depth over spread.
    pub liquidity: u128,
    /// Sum over these of the lesser side's depth, micro-USD: orders that count, each rounded down.
    pub depth_micro: u128,
    /// Sum over these of the spread between its best bid and its best ask that count, millionths of a basis point of mid.
    pub spread_micro_bps: u128,
}

/// What became of a provider's orders in one market, in valid samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Orders that count.
    pub counts: u64,
    /// Orders that are too small.
    pub too_small: u64,
    /// Orders too far from mid.
    pub too_far: u64,
    /// Orders in books without a mid.
    pub no_mid: u64,
    /// Samples in which only one side counted, so that it counted for nothing.
    pub one_side: u64,
}

impl Verdicts {
    fn add(&mut self, verdict: Option<Verdict>) {
        *match verdict {
            Some(Verdict::Counts(_)) => &mut self.counts,
            Some(Verdict::TooSmall) => &mut self.too_small,
            Some(Verdict::TooFar) => &mut self.too_far,
            None => &mut self.no_mid,
        } += 1;
    }

    fn absorb(&mut self, other: Self) {
        self.counts += other.counts;
        self.too_small += other.too_small;
        self.too_far += other.too_far;
        self.no_mid += other.no_mid;
        self.one_side += other.one_side;
    }

    /// All orders.
    #[must_use]
    pub const fn orders(&self) -> u64 {
        self.counts + self.too_small + self.too_far + self.no_mid
    }
}

/// Sums that can be put together.
trait Bucket: Copy + Default {
    fn absorb(&mut self, other: Self);
}

impl Bucket for MarketBucket {
    fn absorb(&mut self, other: Self) {
        self.samples += other.samples;
        self.two_sided += other.two_sided;
        self.spread_micro_bps += other.spread_micro_bps;
    }
}

impl Bucket for ProviderBucket {
    fn absorb(&mut self, other: Self) {
        self.uptime += other.uptime;
        self.liquidity += other.liquidity;
        self.depth_micro += other.depth_micro;
        self.spread_micro_bps += other.spread_micro_bps;
    }
}

/// The bucket at a place. Those before it come into being with it.
fn at<B: Bucket>(buckets: &mut Vec<B>, place: usize) -> &mut B {
    if buckets.len() <= place {
        buckets.resize(place + 1, B::default());
    }
    &mut buckets[place]
}

fn absorb<B: Bucket>(buckets: &mut Vec<B>, others: &[B]) {
    for (place, other) in others.iter().enumerate() {
        at(buckets, place).absorb(*other);
    }
}

/// Puts every so many neighbours together.
fn widen<B: Bucket>(buckets: &mut Vec<B>, factor: usize) {
    let sum = |neighbours: &[B]| {
        let mut sum = B::default();
        neighbours.iter().for_each(|bucket| sum.absorb(*bucket));
        sum
    };
    *buckets = buckets.chunks(factor).map(sum).collect();
}

/// A provider in one market. Buckets after the last in which it was up are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderTimeline {
    /// From the start of the epoch.
    pub buckets: Vec<ProviderBucket>,
    /// What became of its orders.
    pub verdicts: Verdicts,
}

/// One market. Buckets after its last sample are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarketTimeline {
    /// From the start of the epoch.
    pub buckets: Vec<MarketBucket>,
    /// Everybody who had an order in a sample.
    pub providers: AddressHashMap<ProviderTimeline>,
}

/// All markets of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// Which of the lengths.
    width: usize,
    /// In the order of the parameters.
    pub markets: Vec<MarketTimeline>,
}

impl Timeline {
    /// Nothing yet.
    #[must_use]
    pub fn empty(markets: usize) -> Self {
        Self { width: 0, markets: vec![MarketTimeline::default(); markets] }
    }

    /// Minutes in a bucket.
    #[must_use]
    pub const fn bucket_minutes(&self) -> u32 {
        WIDTHS[self.width]
    }

    /// How many buckets reach the last sample of any market.
    #[must_use]
    pub fn buckets(&self) -> usize {
        self.markets.iter().map(|market| market.buckets.len()).max().unwrap_or_default()
    }

    /// Adds another one.
    pub fn absorb(&mut self, mut other: Self) {
        let width = self.width.max(other.width);
        self.widen_to(width);
        other.widen_to(width);
        for (mine, theirs) in self.markets.iter_mut().zip(other.markets) {
            absorb(&mut mine.buckets, &theirs.buckets);
            for (account, part) in theirs.providers {
                let sum = mine.providers.entry(account).or_default();
                absorb(&mut sum.buckets, &part.buckets);
                sum.verdicts.absorb(part.verdicts);
            }
        }
    }

    fn widen_to(&mut self, width: usize) {
        let factor = (WIDTHS[width] / WIDTHS[self.width]) as usize;
        self.width = width;
        if factor == 1 {
            return;
        }
        for market in &mut self.markets {
            widen(&mut market.buckets, factor);
            market.providers.values_mut().for_each(|provider| widen(&mut provider.buckets, factor));
        }
    }

    /// The bucket of a minute; buckets get longer if there would be too many.
    fn place(&mut self, minute: u32) -> usize {
        let fits = |width: &usize| minute / WIDTHS[*width] < BUCKETS_MAX;
        // No minute is beyond the epoch, which the longest buckets cover.
        let width = (self.width..WIDTHS.len()).find(fits).unwrap_or(WIDTHS.len() - 1);
        self.widen_to(width);
        (minute / WIDTHS[width]) as usize
    }
}

/// One provider's orders in one sample.
#[derive(Clone, Copy, Debug, Default)]
struct Quotes {
    worth: Sides,
    depth: Sides,
    /// Distances of its best orders from mid; only of a side that has depth.
    nearest: Sides,
    verdicts: Verdicts,
}

impl Quotes {
    fn add(&mut self, limits: &Limits, best: Option<Best>, order: &Judged<'_>) -> Result<(), Flaw> {
        self.verdicts.add(order.verdict);
        let (Some(best), Some(Verdict::Counts(term))) = (best, order.verdict) else { return Ok(()) };
        let side = order.record.side;
        let distance = limits.spread_micro_bps(best, order.price);
        let is_first = *self.worth.of(side) == 0;
        let nearest = self.nearest.of(side);
        *nearest = if is_first { distance } else { distance.min(*nearest) };
        // No order is further from mid than mid from zero: its depth is at most its worth, which is checked first.
        self.worth.add(side, term)?;
        self.depth.add(side, limits.depth_micro(order.price, order.size).saturating_to())
    }

    fn is_one_sided(&self) -> bool {
        (self.worth.bid == 0) != (self.worth.ask == 0)
    }
}

impl Sides {
    const fn of(&mut self, side: Side) -> &mut u128 {
        match side {
            Side::Bid => &mut self.bid,
            Side::Ask => &mut self.ask,
        }
    }
}

/// Records samples, on one thread.
#[derive(Debug)]
pub struct Recorder {
    timeline: Timeline,
    quotes: AddressHashMap<Quotes>,
}

impl Recorder {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new(markets: usize) -> Self {
        Self { timeline: Timeline::empty(markets), quotes: AddressHashMap::default() }
    }

    /// Records a sample. Which samples count, and which of several in one minute, is for [`crate::tally::Scorer`] to say.
    pub fn add(&mut self, rules: &Rules<'_>, record: &Record<'_>) -> Result<(), Flaw> {
        let (market, book, _) = rules.read(record)?;
        let limits = rules.limits(market);
        let best = match book {
            Book::Valid(best) => Some(best),
            _ => None,
        };
        self.quotes.clear();
        let quotes = &mut self.quotes;
        judge(limits, book, record.orders, |order| {
            quotes.entry(order.record.account).or_default().add(limits, best, order)
        })?;

        let place = self.timeline.place(record.minute);
        let sums = &mut self.timeline.markets[market];
        let bucket = at(&mut sums.buckets, place);
        bucket.samples += 1;
        if let Some(best) = best {
            bucket.two_sided += 1;
            bucket.spread_micro_bps +=
                limits.spread_micro_bps(best, best.bid) + limits.spread_micro_bps(best, best.ask);
        }
        for (account, quotes) in &self.quotes {
            add_quotes(sums, place, *account, quotes);
        }
        Ok(())
    }

    /// What was recorded.
    #[must_use]
    pub fn finish(self) -> Timeline {
        self.timeline
    }
}

fn add_quotes(sums: &mut MarketTimeline, place: usize, account: Address, quotes: &Quotes) {
    let provider = sums.providers.entry(account).or_default();
    provider.verdicts.absorb(quotes.verdicts);
    provider.verdicts.one_side += u64::from(quotes.is_one_sided());
    let worth = quotes.worth.lesser();
    if worth > 0 {
        at(&mut provider.buckets, place).absorb(ProviderBucket {
            uptime: 1,
            liquidity: worth,
            depth_micro: quotes.depth.lesser(),
            spread_micro_bps: quotes.nearest.bid + quotes.nearest.ask,
        });
    }
}
