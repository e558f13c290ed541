//! A market that never was: makers of different size, spread and diligence quote around a wandering price. Seeded, and in integers, so
//! that a seed means the same everywhere. For trying things out and for measuring; nothing real is computed from it.

use alloy_primitives::{Address, B256, keccak256};

use crate::{
    book::{OrderRecord, Record, Side, Status},
    decimal::plain,
    epoch::MINUTE_MS,
    health::Limits,
    history::{self, Listing},
    parameters::{EpochParameters, Listed, MarketParameters},
    sampling,
};

/// What is simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Everything follows from it.
    pub seed: u64,
    /// Which epoch.
    pub epoch: u64,
    /// How many markets.
    pub markets: usize,
    /// How many makers.
    pub makers: usize,
    /// How many minutes from the start of the epoch.
    pub minutes: u32,
    /// Orders in a full book, both sides together.
    pub orders: usize,
}

/// A small generator of pseudo-random numbers (SplitMix64).
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn of(seed: u64, what: &[u8]) -> Self {
        let hash = keccak256([&seed.to_be_bytes(), what].concat());
        Self(u64::from_be_bytes(hash[..8].try_into().unwrap_or_default()))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

const NAMES: [&str; 12] = ["BTC", "ETH", "SOL", "AVAX", "LINK", "UNI", "AAVE", "DOGE", "MATIC", "ATOM", "CRV", "SNX"];

/// The name of a market.
fn name(market: usize) -> String {
    NAMES.get(market).map_or_else(|| format!("M{market:02}-USD"), |name| format!("{name}-USD"))
}

/// The address of a maker.
fn maker_address(seed: u64, maker: usize) -> Address {
    let hash = keccak256(format!("maker {seed} {maker}"));
    Address::from_slice(&hash[12..])
}

/// How a maker behaves.
#[derive(Clone, Debug)]
struct Maker {
    account: Address,
    /// Distance of its best quote from mid, in hundredths of a basis point.
    spread: u64,
    /// USD of one order.
    depth_usd: u64,
    /// Minutes in ten thousand in which it quotes.
    diligence: u64,
}

/// A simulated epoch.
#[derive(Clone, Debug)]
pub struct Simulation {
    settings: Settings,
    makers: Vec<Maker>,
    parameters: EpochParameters,
    secret: B256,
}

impl Simulation {
    /// An epoch of dYdX's program.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let listing = |market: usize| Listing { market: name(market), price_decimals: 4, size_decimals: 4 };
        let listings: Vec<_> = (0..settings.markets).map(listing).collect();
        Self::of(history::parameters(settings.epoch, &listings), settings)
    }

    /// An epoch of any program: its parameters say which epoch and which markets, the settings the rest. Markets are listed for as many
    /// minutes as are simulated, and a made-up exchange may be down half of the time.
    #[must_use]
    pub fn of(mut parameters: EpochParameters, settings: Settings) -> Self {
        let minutes = settings.minutes.min(parameters.minutes());
        if minutes < parameters.minutes() {
            let listed = Some(Listed { from: 0, until: minutes });
            parameters.markets.iter_mut().for_each(|market| market.listed = listed);
        }
        parameters.health = Limits { valid_bps: 5_000, ..parameters.health };
        let settings = Settings { epoch: parameters.epoch, markets: parameters.markets.len(), minutes, ..settings };
        let makers = (0..settings.makers).map(|maker| Maker::new(settings.seed, maker)).collect();
        let secret = keccak256([b"simulated sampling secret".as_slice(), &settings.seed.to_be_bytes()].concat());
        Self { parameters, makers, secret, settings }
    }

    /// The same with these accounts for the first makers, for example ones whose keys are known. They should differ.
    #[must_use]
    pub fn with_accounts(mut self, accounts: &[Address]) -> Self {
        for (maker, account) in self.makers.iter_mut().zip(accounts) {
            maker.account = *account;
        }
        self
    }

    /// Its parameters.
    #[must_use]
    pub const fn parameters(&self) -> &EpochParameters {
        &self.parameters
    }

    /// Its sampling, revealed.
    #[must_use]
    pub const fn sampling(&self) -> sampling::Sampling {
        let tolerance_ms = sampling::DEFAULT_TOLERANCE_MS;
        sampling::Sampling { commitment: None, secret: Some(self.secret), tolerance_ms, hours: None }
    }

    /// Accounts of the makers, the largest first.
    pub fn makers(&self) -> impl ExactSizeIterator<Item = Address> {
        self.makers.iter().map(|maker| maker.account)
    }

    /// Maker volumes: epoch, market, account, micro-USD. Makers trade by size; many small accounts trade the rest.
    #[must_use]
    pub fn volumes(&self) -> Vec<(u64, String, Address, u128)> {
        let mut rows = Vec::new();
        let name = |market: usize| self.parameters.markets[market].market.clone();
        let previous = self.settings.epoch.checked_sub(1);
        for (epoch, market) in previous
            .into_iter()
            .chain([self.settings.epoch])
            .flat_map(|epoch| (0..self.settings.markets).map(move |market| (epoch, market)))
        {
            let mut random = Random::of(self.settings.seed, format!("volume {epoch} {market}").as_bytes());
            for maker in &self.makers {
                let volume = u128::from(maker.depth_usd) * u128::from(1000 + random.below(4000)) * 1_000_000;
                rows.push((epoch, name(market), maker.account, volume));
            }
            for taker in 0..20 {
                let volume = u128::from(random.below(2_000_000)) * 1_000_000;
                rows.push((epoch, name(market), maker_address(self.settings.seed, 1_000_000 + taker), volume));
            }
        }
        rows
    }

    /// Average stakes, one row per maker: wei.
    #[must_use]
    pub fn stakes(&self) -> Vec<(Address, u128)> {
        let stake = |maker: &Maker| (maker.account, u128::from(maker.depth_usd) * 10 * 10_u128.pow(18));
        self.makers.iter().map(stake).collect()
    }

    /// Shows each sample of a market to `each`, in the order of minutes. Some minutes are outages.
    pub fn samples<E>(&self, market: usize, mut each: impl FnMut(&Record<'_>) -> Result<(), E>) -> Result<(), E> {
        let Some(parameters) = self.parameters.markets.get(market) else { return Ok(()) };
        let mut state = State::new(self, market);
        let start = self.parameters.start() * 1000;
        for minute in 0..self.settings.minutes {
            state.step();
            if state.is_down() {
                state.orders.clear();
            } else {
                state.quote(&self.makers, parameters, self.settings.orders);
            }
            let offset = sampling::offset_ms(self.secret, self.settings.epoch, minute, &parameters.market);
            let orders: Vec<_> = state.orders.iter().map(Quote::record).collect();
            let best = state.best();
            let status = match &best {
                _ if state.is_down() => Status::Outage,
                [Some(_), Some(_)] => Status::Ok,
                _ => Status::OneSided,
            };
            each(&Record {
                epoch: self.settings.epoch,
                minute,
                market: &parameters.market,
                time_ms: start + u64::from(minute) * MINUTE_MS + offset,
                seq: u64::from(minute) * 1000 + 7,
                status,
                best_bid: best[0].as_deref(),
                best_ask: best[1].as_deref(),
                orders: &orders,
            })?;
        }
        Ok(())
    }
}

impl Maker {
    /// The first makers are large and tight, later ones small and wide; each has its own diligence.
    fn new(seed: u64, maker: usize) -> Self {
        let mut random = Random::of(seed, format!("maker {maker}").as_bytes());
        let rank = maker as u64 + 1;
        Self {
            account: maker_address(seed, maker),
            spread: 150 + 60 * rank + random.below(400),
            depth_usd: 3000 + 60_000 / rank + random.below(4000),
            diligence: 10_000 - random.below(400 * rank.min(15)),
        }
    }
}

/// An order with its text.
#[derive(Debug, Default)]
struct Quote {
    account: Address,
    id: String,
    is_ask: bool,
    ticks: u64,
    price: String,
    size: String,
}

impl Quote {
    fn record(&self) -> OrderRecord<'_> {
        let side = if self.is_ask { Side::Ask } else { Side::Bid };
        OrderRecord { account: self.account, id: &self.id, side, price: &self.price, size: &self.size }
    }
}

/// One market as it goes on.
struct State {
    random: Random,
    /// Mid, in units of the price's last decimal.
    mid: u64,
    floor: u64,
    down: u32,
    orders: Vec<Quote>,
}

impl State {
    fn new(simulation: &Simulation, market: usize) -> Self {
        let name = format!("market {market}");
        let mut random = Random::of(simulation.settings.seed, name.as_bytes());
        let dollars = match market {
            0 => 30_000,
            1 => 1800,
            _ => 1 + random.below(150),
        };
        // A price with many decimals is a small one, or it would not fit 64 bits.
        let unit = 10_u64.pow(simulation.parameters.markets[market].price_decimals.into());
        let mid = dollars.min(1_000_000_000_000_000_000 / unit).max(1) * unit + random.below(unit / 2);
        Self { random, mid, floor: mid / 4, down: 0, orders: Vec::new() }
    }

    /// A minute passes: the price moves by some basis points, and now and then the exchange goes down.
    fn step(&mut self) {
        let sway: u64 = (0..4).map(|_| self.random.below(500)).sum();
        let moved = self.mid / 1_000_000 * sway + self.mid % 1_000_000 * sway / 1_000_000;
        let balanced = self.mid / 1000 + 1;
        self.mid = (self.mid + moved).saturating_sub(balanced - 1).max(self.floor);
        self.down = match self.down {
            0 if self.random.below(8000) == 0 => 1 + self.random.below(20) as u32,
            down => down.saturating_sub(1),
        };
    }

    const fn is_down(&self) -> bool {
        self.down > 0
    }

    /// All makers quote anew: several levels on both sides, each a little wider and larger.
    fn quote(&mut self, makers: &[Maker], parameters: &MarketParameters, orders: usize) {
        let levels = (orders / 2).div_ceil(makers.len().max(1));
        let mut used = 0;
        for level in 0..levels {
            for (number, maker) in makers.iter().enumerate() {
                if used + 2 > orders || self.random.below(10_000) >= maker.diligence {
                    continue;
                }
                for is_ask in [false, true] {
                    if self.orders.len() == used {
                        self.orders.push(Quote::default());
                    }
                    let jitter = self.random.below(100);
                    let distance = maker.spread + jitter + 250 * level as u64;
                    let ticks = (self.mid / 1_000_000 * distance + self.mid % 1_000_000 * distance / 1_000_000).max(1);
                    let quote = &mut self.orders[used];
                    quote.account = maker.account;
                    quote.is_ask = is_ask;
                    quote.ticks = if is_ask { self.mid + ticks } else { (self.mid - ticks.min(self.mid - 1)).max(1) };
                    quote.id = format!("{number}-{level}{}", if is_ask { 'a' } else { 'b' });
                    quote.price = plain(quote.ticks.into(), parameters.price_decimals);
                    let unit = 10_u128.pow((parameters.price_decimals + parameters.size_decimals).into());
                    let usd = maker.depth_usd * (80 + jitter / 2 + 10 * level as u64) / 100;
                    let size = (u128::from(usd) * unit / u128::from(quote.ticks)).clamp(1, u64::MAX.into());
                    quote.size = plain(size, parameters.size_decimals);
                    used += 1;
                }
            }
        }
        self.orders.truncate(used);
        self.orders.sort_unstable_by(|a, b| (a.is_ask, a.ticks, &a.id).cmp(&(b.is_ask, b.ticks, &b.id)));
    }

    /// Best bid and best ask.
    fn best(&self) -> [Option<String>; 2] {
        let bid = self.orders.iter().filter(|order| !order.is_ask).max_by_key(|order| order.ticks);
        let ask = self.orders.iter().filter(|order| order.is_ask).min_by_key(|order| order.ticks);
        [bid, ask].map(|order| order.map(|order| order.price.clone()))
    }
}
