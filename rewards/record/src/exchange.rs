//! A small exchange that is made up: makers who quote, takers who take, a feed in the generic form. To try a recorder on, and to test one.
//!
//! Everything follows from a seed and from the times it is told; nothing from a clock.

use std::{collections::VecDeque, fmt::Write, io, net::SocketAddr, time::Duration};

use alloy_primitives::{Address, keccak256};
use futures_util::{SinkExt, StreamExt};
use rewards::{book::Side, decimal::plain, parameters::EpochParameters};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{broadcast, watch},
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

/// A generator of numbers that look random.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// One for a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below a bound that is not zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}

#[derive(Clone, Debug)]
struct Quote {
    id: u64,
    maker: usize,
    side: Side,
    price: u64,
    size: u64,
}

#[derive(Clone, Debug)]
struct Market {
    name: String,
    decimals: (u8, u8),
    /// In units of the price's last decimal.
    mid: u64,
    floor: u64,
    seq: u64,
    quotes: Vec<Quote>,
}

/// The exchange.
#[derive(Clone, Debug)]
pub struct Exchange {
    random: Random,
    makers: Vec<Address>,
    markets: Vec<Market>,
    next_id: u64,
    /// Bids and asks of each maker in each market.
    levels: u64,
}

/// The account of a made-up maker.
#[must_use]
pub fn maker(seed: u64, number: usize) -> Address {
    Address::from_word(keccak256(format!("maker {number} of exchange {seed}")))
}

impl Exchange {
    /// An exchange with the markets of an epoch, empty books, and these makers, each with so many orders on each side.
    #[must_use]
    pub fn new(seed: u64, parameters: &EpochParameters, makers: Vec<Address>, levels: u64) -> Self {
        let mut random = Random::new(seed);
        let market = |(place, market): (usize, &rewards::parameters::MarketParameters)| {
            let unit = 10_u64.pow(market.price_decimals.min(12).into());
            let dollars = [30_000, 1800].get(place).copied().unwrap_or_else(|| 1 + random.below(150));
            let mid = dollars * unit;
            let decimals = (market.price_decimals, market.size_decimals);
            Market { name: market.market.clone(), decimals, mid, floor: mid / 4, seq: 0, quotes: Vec::new() }
        };
        let markets = parameters.markets.iter().enumerate().map(market).collect();
        Self { random, makers, markets, next_id: 1, levels }
    }

    /// Everybody quotes for the first time; nobody is told.
    pub fn open(&mut self) {
        for market in 0..self.markets.len() {
            for maker in 0..self.makers.len() {
                for level in 0..self.levels {
                    for side in [Side::Bid, Side::Ask] {
                        let quote = self.quote(market, maker, side, level);
                        self.markets[market].quotes.push(quote);
                    }
                }
            }
        }
    }

    /// All orders of a market as a message that begins a feed.
    #[must_use]
    pub fn snapshot(&self, market: usize, time_ms: u64) -> String {
        let Market { name, seq, quotes, .. } = &self.markets[market];
        let orders: Vec<_> = quotes.iter().map(|quote| format!("{{{}}}", self.order(market, quote))).collect();
        let orders = orders.join(",");
        format!(r#"{{"type":"snapshot","market":"{name}","seq":{seq},"time_ms":{time_ms},"orders":[{orders}]}}"#)
    }

    /// Snapshots of all markets.
    #[must_use]
    pub fn snapshots(&self, time_ms: u64) -> Vec<String> {
        (0..self.markets.len()).map(|market| self.snapshot(market, time_ms)).collect()
    }

    fn order(&self, market: usize, quote: &Quote) -> String {
        let (prices, sizes) = self.markets[market].decimals;
        format!(
            r#""account":"{:#x}","id":"{}","side":"{}","price":"{}","size":"{}""#,
            self.makers[quote.maker],
            quote.id,
            quote.side.letter(),
            plain(quote.price.into(), prices),
            plain(quote.size.into(), sizes)
        )
    }

    /// The later makers are, the wider and smaller they quote.
    fn quote(&mut self, market: usize, maker: usize, side: Side, level: u64) -> Quote {
        let Market { mid, decimals: (prices, sizes), .. } = self.markets[market];
        // Millionths of mid: the first level is 2 to 10 basis points away, each further one 8 more.
        let distance = 200 + 60 * maker as u64 + 800 * level + self.random.below(400);
        let ticks = u64::try_from(u128::from(mid) * u128::from(distance) / 1_000_000).unwrap_or(mid).max(1);
        let price = match side {
            Side::Bid => mid.saturating_sub(ticks).max(1),
            Side::Ask => mid.saturating_add(ticks),
        };
        let dollars = 6_000 + 40_000 / (maker as u64 + 1) + self.random.below(4_000);
        let unit = 10_u128.pow((prices + sizes).into());
        let size = u64::try_from(u128::from(dollars) * unit / u128::from(price)).unwrap_or(u64::MAX).max(1);
        let id = self.next_id;
        self.next_id += 1;
        Quote { id, maker, side, price, size }
    }

    fn head(&mut self, kind: &str, market: usize, time_ms: u64) -> String {
        let market = &mut self.markets[market];
        market.seq += 1;
        format!(r#"{{"type":"{kind}","market":"{}","seq":{},"time_ms":{time_ms},"#, market.name, market.seq)
    }

    /// Something happens in a market: a maker quotes anew, an order is taken, or made smaller. What the feed says of it.
    pub fn step(&mut self, market: usize, time_ms: u64, out: &mut VecDeque<String>) {
        let sway = self.markets[market].mid / 20_000;
        let moved = self.markets[market].mid + self.random.below(2 * sway + 1);
        self.markets[market].mid = moved.saturating_sub(sway).max(self.markets[market].floor);
        let count = self.markets[market].quotes.len() as u64;
        if count == 0 {
            return;
        }
        let chosen = usize::try_from(self.random.below(count)).unwrap_or_default();
        match self.random.below(10) {
            0 => self.take(market, time_ms, out),
            1 => {
                let (sizes, quote) = (self.markets[market].decimals.1, &mut self.markets[market].quotes[chosen]);
                quote.size -= quote.size / 10;
                let rest = format!(r#""id":"{}","size":"{}"}}"#, quote.id, plain(quote.size.into(), sizes));
                out.push_back(self.head("set", market, time_ms) + &rest);
            }
            _ => self.requote(market, chosen, time_ms, out),
        }
    }

    /// Takes an order off the book and puts another one of its maker in its place, beside those that it would cross.
    fn requote(&mut self, market: usize, chosen: usize, time_ms: u64, out: &mut VecDeque<String>) {
        let gone = self.markets[market].quotes.swap_remove(chosen);
        let rest = format!(r#""id":"{}"}}"#, gone.id);
        out.push_back(self.head("remove", market, time_ms) + &rest);
        let level = self.random.below(self.levels.max(1));
        let mut quote = self.quote(market, gone.maker, gone.side, level);
        let others =
            self.markets[market].quotes.iter().filter(|other| other.side != quote.side).map(|other| other.price);
        match quote.side {
            Side::Bid => quote.price = others.min().map_or(quote.price, |ask| quote.price.min(ask - 1)).max(1),
            Side::Ask => quote.price = others.max().map_or(quote.price, |bid| quote.price.max(bid + 1)),
        }
        let mut line = self.head("add", market, time_ms);
        let _ = write!(line, "{}}}", self.order(market, &quote)); // Writing to a string does not fail.
        out.push_back(line);
        self.markets[market].quotes.push(quote);
    }

    /// Somebody takes a part of the best bid or ask, and its maker quotes anew.
    fn take(&mut self, market: usize, time_ms: u64, out: &mut VecDeque<String>) {
        let side = if self.random.below(2) == 0 { Side::Bid } else { Side::Ask };
        let quotes = self.markets[market].quotes.iter().enumerate().filter(|(_, quote)| quote.side == side);
        let best = match side {
            Side::Bid => quotes.max_by_key(|(_, quote)| quote.price),
            Side::Ask => quotes.min_by_key(|(_, quote)| quote.price),
        };
        let Some((chosen, quote)) = best.map(|(place, quote)| (place, quote.clone())) else { return };
        let size = quote.size / 3;
        if size > 0 {
            let sizes = self.markets[market].decimals.1;
            self.markets[market].quotes[chosen].size -= size;
            let rest = format!(r#""id":"{}","size":"{}"}}"#, quote.id, plain(size.into(), sizes));
            out.push_back(self.head("fill", market, time_ms) + &rest);
        }
        self.requote(market, chosen, time_ms, out);
    }

    /// The sign that all is well in a market, and what its last message was.
    #[must_use]
    pub fn heartbeat(&self, market: usize, time_ms: u64) -> String {
        let Market { name, seq, .. } = &self.markets[market];
        format!(r#"{{"type":"heartbeat","market":"{name}","seq":{seq},"time_ms":{time_ms}}}"#)
    }

    /// The same for all markets.
    fn heartbeats(&self, time_ms: u64, out: &mut VecDeque<String>) {
        out.extend((0..self.markets.len()).map(|market| self.heartbeat(market, time_ms)));
    }

    /// The feed of a span of time, from the first snapshots on, with so many steps a second in each market.
    #[must_use]
    pub fn play(&mut self, from_ms: u64, to_ms: u64, steps: u64) -> Vec<String> {
        self.open();
        let mut lines = VecDeque::from(self.snapshots(from_ms));
        let mut second = from_ms / 1000 * 1000;
        while second < to_ms {
            let mut times: Vec<_> = (0..self.markets.len())
                .flat_map(|market| (0..steps).map(move |_| market))
                .map(|market| (second + 1 + self.random.below(998), market))
                .collect();
            times.sort_unstable();
            for (time_ms, market) in times.into_iter().filter(|(time_ms, _)| (from_ms..to_ms).contains(time_ms)) {
                self.step(market, time_ms, &mut lines);
            }
            second += 1000;
            self.heartbeats(second.min(to_ms), &mut lines);
        }
        lines.into()
    }
}

/// Serves the exchange as it goes on, to whoever connects: first snapshots, then what happens. Ends when `stop` says so.
///
/// # Errors
///
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    mut exchange: Exchange,
    pause: Duration,
    clock: impl Fn() -> u64,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    exchange.open();
    let (sender, _) = broadcast::channel::<String>(1 << 14);
    let mut ticks = tokio::time::interval(pause);
    let mut lines = VecDeque::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _): (TcpStream, SocketAddr) = accepted?;
                tokio::spawn(tell(stream, exchange.snapshots(clock()), sender.subscribe()));
            }
            _ = ticks.tick() => {
                let time_ms = clock();
                for market in 0..exchange.markets.len() {
                    exchange.step(market, time_ms, &mut lines);
                }
                exchange.heartbeats(time_ms, &mut lines);
                // Nobody may be listening.
                lines.drain(..).for_each(|line| drop(sender.send(line)));
            }
            changed = stop.changed() => if changed.is_err() || *stop.borrow() { return Ok(()) },
        }
    }
}

/// Tells one listener; one that is too slow is cut off, and may come again.
async fn tell(stream: TcpStream, snapshots: Vec<String>, mut lines: broadcast::Receiver<String>) {
    let Ok(mut socket) = accept_async(stream).await else { return };
    for line in snapshots {
        if socket.send(Message::text(line)).await.is_err() {
            return;
        }
    }
    loop {
        tokio::select! {
            line = lines.recv() => {
                let Ok(line) = line else { return };
                if socket.send(Message::text(line)).await.is_err() {
                    return;
                }
            }
            // Pings are answered while it is read.
            asked = socket.next() => if !matches!(asked, Some(Ok(_))) { return },
        }
    }
}
