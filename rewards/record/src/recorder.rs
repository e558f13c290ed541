//! From messages to samples: a book for each market, cut at the instants of the plan.
//!
//! A sample is the state after the last message that is not later than its instant. It is cut when something later was seen, so it does not
//! depend on when messages arrived, nor on the order in which those of different markets did. What is not known is not made up: without a
//! book, with a gap in the numbers, or too long after the last sign of life a minute is an `outage`, and the reason is told.

use std::{collections::BTreeMap, ops::Range};

use rewards::{
    book::{Best, OrderRecord, Record, Side, Status, Verdict},
    decimal::plain,
    tally::{Rules, Scorer},
};
use rewards_files::Error;
use serde::Serialize;

use crate::{
    book::{Book, Policy, Standing},
    event::{Change, Markets, Message, Sequence},
    plan::{Plan, hour_of},
    sink::{Fill, Sink},
};

/// The most messages of a market that wait for one that is missing.
pub const WAITING_MAX: usize = 1024;

/// The most orders that give way to uncross a book; beyond, it is `crossed`.
pub const UNCROSS_MAX: usize = 100;

/// How a feed is taken.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Changes to orders that are not there.
    pub policy: Policy,
    /// Whether orders that cross give way (the feed's nodes show such books without anything being wrong).
    pub uncross: bool,
    /// After so long without a message of a market or a heartbeat its book is stale: milliseconds.
    pub stale_ms: u64,
    /// So long a missing message is waited for, by the feed's time: milliseconds.
    pub patience_ms: u64,
    /// So far the feed's time and the machine's may be apart: milliseconds. Only where messages come with the time of their arrival.
    pub drift_ms: u64,
    /// The most orders of a market.
    pub orders_max: usize,
    /// Whether samples have all orders, in place of those that can count.
    pub all_orders: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::Strict,
            uncross: false,
            stale_ms: 10_000,
            patience_ms: 5_000,
            drift_ms: 2_000,
            orders_max: 1 << 20,
            all_orders: false,
        }
    }
}

/// What was seen and made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Messages about markets.
    pub messages: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Messages that had come before.
    pub repeated: u64,
    /// Messages that came before their turn and waited.
    pub reordered: u64,
    /// Times that a market's book was lost.
    pub lost: u64,
    /// Executions that counted as volume.
    pub fills: u64,
    /// Executions in markets without a book, which nobody's volume has.
    pub fills_lost: u64,
    /// Samples with both sides.
    pub ok: u64,
    /// Samples with one side or none.
    pub one_sided: u64,
    /// Crossed books.
    pub crossed: u64,
    /// Minutes whose book is not known.
    pub outage: u64,
    /// Orders left out of samples since they could not count.
    pub left_out: u64,
    /// The most orders that rested at once in one market.
    pub orders: u64,
}

/// One market.
#[derive(Debug)]
struct Market {
    name: String,
    /// Nothing while it is not known.
    book: Option<Book>,
    /// Why it is not.
    why: String,
    /// The last message that is in the book.
    seq: u64,
    /// Messages ahead of one that is missing, or of a snapshot: by number, with their time.
    waiting: BTreeMap<u64, (u64, Vec<Change>)>,
    /// Since when one is missing, by the feed's time.
    gap_ms: Option<u64>,
    /// Instants before it are cut.
    now_ms: u64,
    /// When the book was known to be current last.
    seen_ms: u64,
    /// Time, number and place of the last execution: each is greater than the one before.
    filled: (u64, u64, u32),
    /// Whether feed and machine differ too much.
    drifts: bool,
    /// Minutes that are still to be cut.
    minutes: Range<u32>,
}

impl Market {
    fn lose(&mut self, why: &str) {
        self.book = None;
        self.gap_ms = None;
        // Reasons quote what a feed sent.
        self.why = why.chars().take(300).map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    }

    /// What waits is forgotten when it is too old to belong to a snapshot that is yet to come.
    fn forget(&mut self, before_ms: u64) {
        self.waiting.retain(|_, (time_ms, _)| *time_ms >= before_ms);
        while self.waiting.len() > WAITING_MAX {
            self.waiting.pop_first();
        }
    }
}

/// Records an epoch.
#[derive(Debug)]
pub struct Recorder<'a> {
    rules: &'a Rules<'a>,
    names: &'a Markets,
    plan: Plan,
    settings: Settings,
    markets: Vec<Market>,
    checker: Scorer<'a>,
    /// Time of the first message: what was before, nobody saw.
    first_ms: Option<u64>,
    counts: Counts,
}

impl<'a> Recorder<'a> {
    /// One that goes on where the sink stopped.
    #[must_use]
    pub fn new(rules: &'a Rules<'a>, names: &'a Markets, plan: Plan, settings: Settings, sink: &impl Sink) -> Self {
        let parameters = rules.parameters();
        let market = |(place, market): (usize, &rewards::parameters::MarketParameters)| {
            let mut minutes = market.minutes(parameters.minutes());
            if let Some(last) = sink.last_minute(place) {
                minutes.start = minutes.start.max(last.saturating_add(1)).min(minutes.end);
            }
            Market {
                name: market.market.clone(),
                book: None,
                why: "no snapshot yet".to_owned(),
                seq: 0,
                waiting: BTreeMap::new(),
                gap_ms: None,
                now_ms: 0,
                seen_ms: 0,
                filled: (0, 0, 0),
                drifts: false,
                minutes,
            }
        };
        Self {
            rules,
            names,
            plan,
            settings,
            markets: parameters.markets.iter().enumerate().map(market).collect(),
            checker: Scorer::new(rules),
            first_ms: None,
            counts: Counts::default(),
        }
    }

    /// What was seen and made so far.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Whether every minute of the epoch is recorded, and every execution up to its end was seen.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let parameters = self.rules.parameters();
        let end_ms = (parameters.start() + parameters.clock.epoch_seconds) * 1000;
        self.markets.iter().all(|market| market.minutes.is_empty() && market.now_ms >= end_ms)
    }

    /// The least time up to which all markets are cut.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.markets.iter().map(|market| market.now_ms).min().unwrap_or_default()
    }

    /// Orders that rest in all markets, and messages that wait.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        let orders = self.markets.iter().filter_map(|market| market.book.as_ref()).map(Book::len).sum();
        (orders, self.markets.iter().map(|market| market.waiting.len()).sum())
    }

    /// Takes a message. `arrived_ms` is the machine's clock, if the feed is followed as it happens.
    ///
    /// # Errors
    ///
    /// If the sink fails. What is wrong with the feed is no error: it is recorded.
    pub fn take(&mut self, message: Message, arrived_ms: Option<u64>, sink: &mut impl Sink) -> Result<(), Error> {
        match message {
            Message::Market { market, sequence, time_ms, changes } => {
                self.counts.messages += 1;
                let time_ms = self.checked_time(Some(market), time_ms, arrived_ms, sink);
                self.take_changes(market, sequence, time_ms, changes, sink)
            }
            Message::Heartbeat { market, sequence, time_ms } => {
                self.counts.heartbeats += 1;
                let time_ms = self.checked_time(market, time_ms, arrived_ms, sink);
                self.of(market).try_for_each(|market| self.beat(market, sequence, time_ms, sink))
            }
            Message::Lost { market, reason } => {
                for market in self.of(market) {
                    self.lose(market, &reason, sink);
                    self.markets[market].waiting.clear();
                    self.markets[market].seq = 0; // Numbers may begin anew.
                }
                Ok(())
            }
        }
    }

    fn of(&self, market: Option<usize>) -> Range<usize> {
        market.map_or(0..self.markets.len(), |market| market..market + 1)
    }

    /// The time of a message, held against the machine's clock: a feed that is ahead of it is not followed beyond the tolerance.
    fn checked_time(
        &mut self,
        market: Option<usize>,
        time_ms: u64,
        arrived_ms: Option<u64>,
        sink: &mut impl Sink,
    ) -> u64 {
        let Some(arrived_ms) = arrived_ms else { return time_ms };
        let drifts = time_ms.abs_diff(arrived_ms) > self.settings.drift_ms;
        for market in self.of(market) {
            if self.markets[market].drifts != drifts {
                self.markets[market].drifts = drifts;
                let text = if drifts {
                    format!(
                        "its time is {time_ms}, the machine's {arrived_ms}: the minutes until they agree are outages"
                    )
                } else {
                    "its time and the machine's agree again".to_owned()
                };
                sink.note(Some(market), arrived_ms, &text);
            }
        }
        time_ms.min(arrived_ms.saturating_add(self.settings.drift_ms))
    }

    /// Nothing has come for a while: the minutes of markets without a book are cut up to a time, so that an outage is seen while it lasts.
    ///
    /// # Errors
    ///
    /// If the sink fails.
    pub fn idle(&mut self, arrived_ms: u64, sink: &mut impl Sink) -> Result<(), Error> {
        // What comes next may have an earlier time, within the tolerance.
        let time_ms = arrived_ms.saturating_sub(self.settings.drift_ms.saturating_add(self.settings.patience_ms));
        let without = |market: &usize| self.markets[*market].book.is_none();
        let lost: Vec<_> = (0..self.markets.len()).filter(without).collect();
        lost.into_iter().try_for_each(|market| self.advance(market, time_ms, sink))
    }

    fn lose(&mut self, market: usize, why: &str, sink: &mut impl Sink) {
        let state = &mut self.markets[market];
        if state.book.is_some() {
            self.counts.lost += 1;
            sink.note(Some(market), state.now_ms, &format!("the book is lost: {why}"));
        }
        state.lose(why);
    }

    fn take_changes(
        &mut self,
        market: usize,
        sequence: Sequence,
        time_ms: u64,
        changes: Vec<Change>,
        sink: &mut impl Sink,
    ) -> Result<(), Error> {
        // Executions that name their maker need no book, and may come in a stream of their own.
        if !changes.is_empty() && changes.iter().all(|change| matches!(change, Change::Traded { .. })) {
            return self.trade(market, sequence.number(), time_ms, &changes, sink);
        }
        let is_snapshot = changes.iter().any(|change| matches!(change, Change::Snapshot(_)));
        let seq = match sequence {
            Sequence::Ordered(seq) => return self.apply(market, seq, time_ms, &changes, sink),
            Sequence::Counted(seq) => seq,
        };
        let (patience_ms, state) = (self.settings.patience_ms, &mut self.markets[market]);
        if is_snapshot {
            state.forget(time_ms.max(state.now_ms).saturating_sub(patience_ms));
            let is_old = seq < state.seq || time_ms.saturating_add(patience_ms) < state.now_ms;
            if (state.book.is_some() && seq <= state.seq) || is_old {
                self.counts.repeated += 1;
                return Ok(());
            }
        } else if state.book.is_some() && seq <= state.seq {
            self.counts.repeated += 1;
            return Ok(());
        } else if state.book.is_none() || seq != state.seq.saturating_add(1) {
            return self.wait(market, seq, time_ms, changes, sink);
        }
        self.apply(market, seq, time_ms, &changes, sink)?;
        self.drain(market, sink)
    }

    /// Keeps a message whose turn has not come.
    fn wait(
        &mut self,
        market: usize,
        seq: u64,
        time_ms: u64,
        changes: Vec<Change>,
        sink: &mut impl Sink,
    ) -> Result<(), Error> {
        self.counts.reordered += 1;
        let (patience_ms, state) = (self.settings.patience_ms, &mut self.markets[market]);
        let lost = changes.iter().filter(|change| matches!(change, Change::Executed { .. })).count();
        if state.waiting.insert(seq, (time_ms, changes)).is_some() {
            self.counts.repeated += 1;
        }
        if state.book.is_none() {
            self.counts.fills_lost += lost as u64;
            state.forget(time_ms.saturating_sub(patience_ms));
            return self.advance(market, time_ms, sink);
        }
        state.gap_ms.get_or_insert(time_ms);
        self.check_gap(market, time_ms, sink)
    }

    /// Gives up on a message that does not come.
    fn check_gap(&mut self, market: usize, time_ms: u64, sink: &mut impl Sink) -> Result<(), Error> {
        let (patience_ms, state) = (self.settings.patience_ms, &self.markets[market]);
        let Some(since_ms) = state.gap_ms else { return Ok(()) };
        let is_full = state.waiting.len() > WAITING_MAX;
        if !is_full && time_ms.saturating_sub(since_ms) <= patience_ms {
            return Ok(());
        }
        let first = state.seq.saturating_add(1);
        let text = match state.waiting.first_key_value() {
            Some((next, _)) => format!("messages {first} to {} are missing", next - 1),
            None => format!("messages from {first} on are missing"),
        };
        self.lose(market, &text, sink);
        self.markets[market].forget(time_ms.saturating_sub(patience_ms));
        self.advance(market, time_ms, sink)
    }

    /// Applies what waited for what has come.
    fn drain(&mut self, market: usize, sink: &mut impl Sink) -> Result<(), Error> {
        loop {
            let state = &mut self.markets[market];
            let Some((seq, (time_ms, changes))) = state.waiting.pop_first() else {
                state.gap_ms = None;
                return Ok(());
            };
            if seq <= state.seq {
                continue;
            }
            if state.book.is_none() || seq != state.seq.saturating_add(1) {
                state.gap_ms = state.book.is_some().then_some(time_ms.max(state.gap_ms.unwrap_or_default()));
                state.waiting.insert(seq, (time_ms, changes));
                return Ok(());
            }
            self.apply(market, seq, time_ms, &changes, sink)?;
        }
    }

    /// Applies a message whose turn it is.
    fn apply(
        &mut self,
        market: usize,
        seq: u64,
        time_ms: u64,
        changes: &[Change],
        sink: &mut impl Sink,
    ) -> Result<(), Error> {
        let time_ms = time_ms.max(self.markets[market].now_ms); // A clock that goes back does not undo what is cut.
        self.advance(market, time_ms, sink)?;
        for change in changes {
            let (settings, state) = (&self.settings, &mut self.markets[market]);
            if matches!(change, Change::Snapshot(_)) {
                if state.book.is_none() {
                    sink.note(Some(market), time_ms, "the book is known");
                }
                state.book = Some(Book::new(settings.policy, settings.orders_max));
                state.gap_ms = None;
            }
            let traded = match (&mut state.book, change) {
                (Some(book), change) => book.apply(change),
                (None, Change::Traded { account, price, size }) => Ok(Some((*account, *price, *size))),
                (None, change) => {
                    self.counts.fills_lost += u64::from(matches!(change, Change::Executed { .. }));
                    continue;
                }
            };
            match traded {
                Ok(Some((account, price, size))) => {
                    self.fill(Fill { market, time_ms, seq, place: 0, account, price, size }, sink)?;
                }
                Ok(None) => {}
                Err(contradiction) => self.lose(market, &format!("message {seq}: {contradiction}"), sink),
            }
        }
        let state = &mut self.markets[market];
        state.seq = seq;
        if let Some(book) = &state.book {
            state.seen_ms = time_ms;
            self.counts.orders = self.counts.orders.max(book.len() as u64);
        }
        Ok(())
    }

    fn trade(
        &mut self,
        market: usize,
        seq: u64,
        time_ms: u64,
        changes: &[Change],
        sink: &mut impl Sink,
    ) -> Result<(), Error> {
        for change in changes {
            if let Change::Traded { account, price, size } = *change {
                self.fill(Fill { market, time_ms, seq, place: 0, account, price, size }, sink)?;
            }
        }
        Ok(())
    }

    /// Counts an execution of this epoch.
    fn fill(&mut self, mut fill: Fill, sink: &mut impl Sink) -> Result<(), Error> {
        let parameters = self.rules.parameters();
        if fill.size == 0 || parameters.clock.of_second(fill.time_ms / 1000) != Some(parameters.epoch) {
            return Ok(());
        }
        let state = &mut self.markets[fill.market];
        let (time_ms, seq, place) = state.filled;
        state.filled = match (fill.time_ms, fill.seq) {
            later if later > (time_ms, seq) => (later.0, later.1, 0),
            _ => (time_ms, seq, place + 1),
        };
        (fill.time_ms, fill.seq, fill.place) = state.filled;
        self.counts.fills += 1;
        sink.fill(&fill)
    }

    fn beat(&mut self, market: usize, seq: Option<u64>, time_ms: u64, sink: &mut impl Sink) -> Result<(), Error> {
        let state = &mut self.markets[market];
        if state.book.is_some() && seq.is_some_and(|seq| seq > state.seq) {
            state.gap_ms.get_or_insert(time_ms);
        }
        if state.gap_ms.is_some() {
            return self.check_gap(market, time_ms, sink);
        }
        self.advance(market, time_ms, sink)?;
        let state = &mut self.markets[market];
        if state.book.is_some() {
            state.seen_ms = state.seen_ms.max(time_ms);
        }
        Ok(())
    }

    /// Cuts every instant before a time.
    fn advance(&mut self, market: usize, time_ms: u64, sink: &mut impl Sink) -> Result<(), Error> {
        let first_ms = *self.first_ms.get_or_insert(time_ms);
        let before = self.markets[market].minutes.start;
        let mut unseen = before;
        while let Some(minute) = self.markets[market].minutes.clone().next() {
            // Minutes are looked at only as far as the time goes.
            if self.plan.minute_ms(minute) >= time_ms {
                break;
            }
            match self.plan.instant_ms(minute, &self.markets[market].name) {
                Some(instant_ms) if instant_ms >= time_ms => break,
                Some(instant_ms) if instant_ms < first_ms => unseen = minute + 1,
                Some(instant_ms) => self.cut(market, minute, instant_ms, sink)?,
                None if self.plan.minute_ms(minute + 1) > time_ms => break,
                None => {
                    let text =
                        format!("minute {minute} has no sample: the link of hour {} is not here", hour_of(minute));
                    sink.note(Some(market), time_ms, &text);
                }
            }
            self.markets[market].minutes.start = minute + 1;
        }
        if unseen > before {
            let text = format!("minutes {before} to {} have no sample: the first message is later", unseen - 1);
            sink.note(Some(market), time_ms, &text);
        }
        let state = &mut self.markets[market];
        state.now_ms = state.now_ms.max(time_ms);
        Ok(())
    }

    /// Writes the sample of an instant.
    fn cut(&mut self, market: usize, minute: u32, instant_ms: u64, sink: &mut impl Sink) -> Result<(), Error> {
        let state = &self.markets[market];
        let sample = Sample { epoch: self.rules.parameters().epoch, minute, market: &state.name, instant_ms };
        let quiet_ms = instant_ms.saturating_sub(state.seen_ms);
        let reason = match &state.book {
            None => state.why.clone(),
            Some(_) if state.drifts => "the feed's time and the machine's are too far apart".to_owned(),
            Some(_) if quiet_ms > self.settings.stale_ms => format!("stale: no sign of life for {quiet_ms} ms"),
            Some(book) => {
                let (cut, left_out) = self.view(market, book);
                let orders: Vec<_> = cut.orders.iter().map(Text::record).collect();
                let best = [cut.best[0].as_deref(), cut.best[1].as_deref()];
                let record = sample.record(state.seq, cut.status, best, &orders);
                match self.checker.check(&record) {
                    Ok(_) => {
                        let why = (cut.status == Status::Crossed).then_some("best bid is not below best ask");
                        sink.sample(market, &record, why, left_out)?;
                        self.counts.left_out += left_out;
                        match cut.status {
                            Status::OneSided => self.counts.one_sided += 1,
                            Status::Crossed => self.counts.crossed += 1,
                            Status::Ok | Status::Outage => self.counts.ok += 1,
                        }
                        return Ok(());
                    }
                    // Never a sample that would refuse the epoch.
                    Err(flaw) => flaw.to_string(),
                }
            }
        };
        self.counts.outage += 1;
        sink.sample(market, &sample.record(state.seq, Status::Outage, [None, None], &[]), Some(&reason), 0)
    }

    /// The book as a sample shows it, and how many orders it leaves out.
    fn view(&self, market: usize, book: &Book) -> (Cut, u64) {
        let limits = self.rules.limits(market);
        let (prices, sizes) = self.names.decimals(market);
        let uncrossed = if self.settings.uncross { book.uncrossed(UNCROSS_MAX) } else { None };
        let (best, crossing) = uncrossed.unwrap_or_else(|| (book.best(), Vec::new()));
        let status = match best {
            (Some(bid), Some(ask)) if bid < ask => Status::Ok,
            (Some(_), Some(_)) => Status::Crossed,
            _ => Status::OneSided,
        };
        let both = match (status, best) {
            (Status::Ok, (Some(bid), Some(ask))) => Some(Best { bid, ask }),
            _ => None,
        };
        let counts = |order: &Standing<'_>| {
            let judged = both.map(|best| limits.judge(best, order.price, order.size));
            // What is worth too much is for the check to say.
            matches!(judged, Some(Ok(Verdict::Counts(_)) | Err(_))) && !order.account.is_zero()
        };
        let is_shown = |order: &Standing<'_>| {
            !crossing.contains(&order.id) && status != Status::Crossed && (self.settings.all_orders || counts(order))
        };
        let (mut orders, mut left_out) = (Vec::new(), 0);
        for order in book.standing() {
            if is_shown(&order) {
                orders.push(Text::of(&order, prices, sizes));
            } else {
                left_out += 1;
            }
        }
        let price = |price: Option<u64>| price.map(|price| plain(price.into(), prices));
        (Cut { status, best: [price(best.0), price(best.1)], orders }, left_out)
    }
}

/// A book as a sample shows it.
struct Cut {
    status: Status,
    best: [Option<String>; 2],
    orders: Vec<Text>,
}

/// An order as a sample has it.
struct Text {
    account: alloy_primitives::Address,
    id: String,
    side: Side,
    price: String,
    size: String,
}

impl Text {
    fn of(order: &Standing<'_>, prices: u8, sizes: u8) -> Self {
        Self {
            account: order.account,
            id: order.id.to_owned(),
            side: order.side,
            price: plain(order.price.into(), prices),
            size: plain(order.size.into(), sizes),
        }
    }

    fn record(&self) -> OrderRecord<'_> {
        OrderRecord { account: self.account, id: &self.id, side: self.side, price: &self.price, size: &self.size }
    }
}

/// What all samples have.
struct Sample<'m> {
    epoch: u64,
    minute: u32,
    market: &'m str,
    instant_ms: u64,
}

impl<'m> Sample<'m> {
    fn record<'r>(
        &self,
        seq: u64,
        status: Status,
        best: [Option<&'r str>; 2],
        orders: &'r [OrderRecord<'r>],
    ) -> Record<'r>
    where
        'm: 'r,
    {
        let [best_bid, best_ask] = best;
        Record {
            epoch: self.epoch,
            minute: self.minute,
            market: self.market,
            time_ms: self.instant_ms,
            seq,
            status,
            best_bid,
            best_ask,
            orders,
        }
    }
}
