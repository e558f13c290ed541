//! An epoch, a made-up exchange, and the truth about it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, B256, U256};
use rewards::{
    book::Record,
    decimal,
    epoch::Clock,
    history::{self, Listing},
    parameters::EpochParameters,
    sampling::{self, Sampling},
    tally::Rules,
};
use rewards_files::Error;
use rewards_record::{
    drive::Drive,
    event::Markets,
    exchange::{Exchange, maker},
    feed::{Feed, generic::Generic},
    owner::Owners,
    plan::Plan,
    recorder::{Counts, Recorder, Settings},
    sink::{Fill, Sink},
    source::Input,
    store::Store,
};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const SECRET: B256 = B256::repeat_byte(0x5e);
pub(crate) const START_MS: u64 = 1_700_000_040_000;

/// Three markets; an epoch 0 of so many minutes.
pub(crate) fn parameters(minutes: u32) -> EpochParameters {
    let listing = |(market, price_decimals, size_decimals): (&str, u8, u8)| Listing {
        market: market.to_owned(),
        price_decimals,
        size_decimals,
    };
    let markets = [("BTC-USD", 1, 4), ("ETH-USD", 2, 3), ("SOL-USD", 3, 2)].map(listing);
    let mut parameters = history::parameters(history::LAST_EPOCH, &markets);
    parameters.epoch = 0;
    parameters.lp_amount_wei = 1_000_000_000_000_000_000_000;
    parameters.clock = Clock { first_epoch_start: START_MS / 1000, epoch_seconds: u64::from(minutes) * 60 };
    parameters.check().unwrap();
    parameters
}

pub(crate) fn makers() -> Vec<Address> {
    (0..4).map(|number| maker(1, number)).collect()
}

/// An epoch's folder with its plan, and the secret beside it.
#[derive(Debug)]
pub(crate) struct Epoch {
    pub(crate) parameters: EpochParameters,
    pub(crate) sampling: Sampling,
    pub(crate) root: TempDir,
}

impl Epoch {
    pub(crate) fn new(minutes: u32) -> Self {
        let sampling = Sampling { tolerance_ms: 250, ..Sampling::default() };
        let commitment = Some(sampling::commitment(SECRET));
        let epoch = Self {
            parameters: parameters(minutes),
            sampling: Sampling { commitment, ..sampling },
            root: TempDir::new().unwrap(),
        };
        fs::write(epoch.secret(), SECRET.to_string()).unwrap();
        epoch
    }

    pub(crate) fn secret(&self) -> PathBuf {
        self.root.path().join("secret")
    }

    /// A folder for one recorder.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.root.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("parameters.json"), serde_json::to_vec(&self.parameters).unwrap()).unwrap();
        let sampling = Sampling { secret: Some(SECRET), ..self.sampling.clone() };
        fs::write(folder.join("sampling.json"), serde_json::to_vec(&sampling).unwrap()).unwrap();
        let rows: String = makers().iter().map(|maker| format!("{maker:#x}\n")).collect();
        fs::write(folder.join("eligible.csv"), format!("account\n{rows}")).unwrap();
        folder
    }

    pub(crate) fn instants(&self) -> sampling::Instants {
        let sampling = Sampling { secret: Some(SECRET), ..self.sampling.clone() };
        sampling::Instants::of(0, START_MS, &sampling).unwrap()
    }

    /// The feed of so many minutes.
    pub(crate) fn play(&self, seed: u64, minutes: u64, steps: u64) -> Vec<String> {
        let mut exchange = Exchange::new(seed, &self.parameters, makers(), 3);
        exchange.play(START_MS, START_MS + minutes * 60_000 + 1000, steps)
    }

    pub(crate) fn record(&self, inputs: impl IntoIterator<Item = Input>, settings: Settings) -> Memory {
        let (names, owners) = (Markets::of(&self.parameters), Owners::default());
        self.record_by(Box::new(Generic::new(&names, &owners)), inputs, settings)
    }

    pub(crate) fn record_by<'a>(
        &'a self,
        feed: Box<dyn Feed + 'a>,
        inputs: impl IntoIterator<Item = Input>,
        settings: Settings,
    ) -> Memory {
        let mut memory = Memory::default();
        self.drive(feed, inputs, settings, &mut memory).map(|counts| memory.counts = counts).unwrap();
        memory
    }

    /// Records into a sink.
    pub(crate) fn drive<'a>(
        &'a self,
        feed: Box<dyn Feed + 'a>,
        inputs: impl IntoIterator<Item = Input>,
        settings: Settings,
        sink: &mut impl Sink,
    ) -> Result<Counts, Error> {
        let names = Markets::of(&self.parameters);
        let rules = Rules::new(&self.parameters, &self.sampling).unwrap();
        let plan = Plan::open(&self.parameters, &self.sampling, &self.secret()).unwrap();
        let settings = feed.settings(settings);
        let most = settings.orders_max;
        let mut recorder = Recorder::new(&rules, &names, plan, settings, sink);
        let mut drive = Drive::new(feed, None);
        for input in inputs {
            drive.take(&input, &mut recorder, sink)?;
            let (orders, waiting) = recorder.held();
            assert!(orders <= 3 * most && waiting <= 3 * (rewards_record::recorder::WAITING_MAX + 1));
        }
        Ok(*recorder.counts())
    }

    /// Records into a folder, as the command does.
    pub(crate) fn store(&self, name: &str, inputs: impl IntoIterator<Item = Input>) -> Counts {
        let (names, owners) = (Markets::of(&self.parameters), Owners::default());
        let mut store = Store::open(&self.folder(name), &self.parameters, false, false).unwrap();
        let feed = Box::new(Generic::new(&names, &owners));
        let counts = self.drive(feed, inputs, Settings::default(), &mut store).unwrap();
        store.write_volumes().unwrap();
        counts
    }
}

pub(crate) fn texts<T: AsRef<str>>(lines: &[T]) -> Vec<Input> {
    lines.iter().map(|line| Input::Text(line.as_ref().as_bytes().to_vec(), None)).collect()
}

/// Everything that is recorded.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Samples as lines, by market and minute.
    pub(crate) samples: BTreeMap<(String, u32), String>,
    pub(crate) reasons: BTreeMap<(String, u32), String>,
    pub(crate) volumes: BTreeMap<(usize, Address), U256>,
    pub(crate) notes: Vec<String>,
    pub(crate) counts: Counts,
}

impl Memory {
    pub(crate) fn value(&self, market: &str, minute: u32) -> Value {
        serde_json::from_str(&self.samples[&(market.to_owned(), minute)]).unwrap()
    }

    /// The status of a minute.
    pub(crate) fn status(&self, market: &str, minute: u32) -> String {
        self.value(market, minute)["status"].as_str().unwrap().to_owned()
    }
}

impl Sink for Memory {
    fn sample(&mut self, _: usize, record: &Record<'_>, reason: Option<&str>, _: u64) -> Result<(), Error> {
        let (key, mut line) = ((record.market.to_owned(), record.minute), String::new());
        rewards_files::samples::json_line(&mut line, record);
        self.reasons.extend(reason.map(|reason| (key.clone(), reason.to_owned())));
        assert!(self.samples.insert(key.clone(), line).is_none(), "{key:?} is recorded twice");
        Ok(())
    }

    fn fill(&mut self, fill: &Fill) -> Result<(), Error> {
        *self.volumes.entry((fill.market, fill.account)).or_default() += U256::from(fill.price) * U256::from(fill.size);
        Ok(())
    }

    fn note(&mut self, _: Option<usize>, _: u64, text: &str) {
        self.notes.push(text.to_owned());
    }

    fn last_minute(&self, _: usize) -> Option<u32> {
        None
    }
}

/// What stands in the books at each instant, by the plainest reading of the feed: all messages up to it, one after the other, into a list.
pub(crate) fn truth(epoch: &Epoch, lines: &[String], minutes: u32) -> BTreeMap<(String, u32), Vec<Value>> {
    let mut truth = BTreeMap::new();
    let messages: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for market in ["BTC-USD", "ETH-USD", "SOL-USD"] {
        let of_market: Vec<_> =
            messages.iter().filter(|one| one["market"] == market && one["type"] != "heartbeat").collect();
        for minute in 0..minutes {
            let instant = epoch.instants().instant_ms(minute, market).unwrap();
            let mut book: Vec<Value> = Vec::new();
            for one in of_market.iter().filter(|one| one["time_ms"].as_u64().unwrap() <= instant) {
                let place = book.iter().position(|order| order["id"] == one["id"]);
                match one["type"].as_str().unwrap() {
                    "snapshot" => book = one["orders"].as_array().unwrap().clone(),
                    "add" => book.push((*one).clone()),
                    "set" => book[place.unwrap()]["size"] = one["size"].clone(),
                    "remove" => drop(book.remove(place.unwrap())),
                    "fill" => {
                        let decimals =
                            epoch.parameters.markets.iter().find(|it| it.market == market).unwrap().size_decimals;
                        let scaled = |value: &Value| decimal::scaled(value.as_str().unwrap(), decimals).unwrap();
                        let order = &mut book[place.unwrap()];
                        let left = scaled(&order["size"]) - scaled(&one["size"]);
                        order["size"] = decimal::plain(left.into(), decimals).into();
                    }
                    other => panic!("{other}"),
                }
            }
            truth.insert((market.to_owned(), minute), book);
        }
    }
    truth
}

/// Orders without what a feed adds, in an order of their own.
pub(crate) fn plain_orders(orders: &[Value], with_id: bool) -> Vec<String> {
    let order = |order: &Value| {
        let fields = ["account", "side", "price", "size"].map(|name| order[name].as_str().unwrap().to_lowercase());
        let id = if with_id { order["id"].as_str().unwrap() } else { "" };
        format!("{} {id}", fields.join(" "))
    };
    let mut orders: Vec<_> = orders.iter().map(order).collect();
    orders.sort();
    orders
}

/// All files below a folder, with what is in them.
pub(crate) fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(bytes(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}
