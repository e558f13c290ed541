//! Folders: what dies and begins again ends as what never died; what is recorded is an epoch that everything else reads.

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use alloy_primitives::{Address, U256};
use proptest::{prelude::*, test_runner::Config};
use rewards::{
    book::Record,
    decimal,
    sampling::{self, Sampling},
};
use rewards_files::{
    Error, difference,
    epoch::{EpochFolder, Malformed},
    live::Running,
    manifest::{self, Options},
    results,
    samples::{self, Format},
};
use rewards_record::{
    event::Markets,
    feed::generic::Generic,
    owner::Owners,
    plan::Link,
    recorder::Settings,
    sink::{Fill, Sink},
    store::{Store, beside},
};
use serde_json::Value;

use crate::fixture::{Epoch, SECRET, bytes, texts};

fn options<'a>() -> Options<'a> {
    Options {
        format: Format::Csv,
        malformed: Malformed::Refuse,
        threads: 1,
        progress: &(),
        proofs: false,
        replace: false,
        accept_gaps: None,
    }
}

fn recorded(folder: &Path) -> (BTreeMap<String, Vec<u8>>, BTreeMap<String, Vec<u8>>) {
    (bytes(folder), bytes(&beside(folder)))
}

proptest! {
    #![proptest_config(Config { cases: 12, failure_persistence: None, ..Config::default() })]

    /// A process that dies after any message, with any of its files torn, leaves what the next one completes to the same bytes.
    #[test]
    fn what_dies_at_any_moment_ends_as_what_never_died(
        seed in 0..100_u64,
        deaths in prop::collection::vec((any::<prop::sample::Index>(), 0..80_usize), 1..4),
    ) {
        let epoch = Epoch::new(60);
        let mut lines = epoch.play(seed, 3, 2);
        lines.remove(lines.len() / 2); // An outage as well.
        let inputs = texts(&lines);
        epoch.store("whole", inputs.clone());
        for (at, torn) in deaths {
            epoch.store("dying", inputs[..at.index(inputs.len())].to_vec());
            for folder in [epoch.root.path().join("dying/samples"), epoch.root.path().join("dying.record")] {
                for name in bytes(&folder).into_keys().filter(|name| name.ends_with(".jsonl")) {
                    let mut file = fs::File::options().append(true).open(folder.join(name)).unwrap();
                    file.write_all(&br#"{"epoch":0,"minute":7,"market":"BTC-USD","time_ms":17000000"#[..torn.min(59)]).unwrap();
                }
            }
        }
        epoch.store("dying", inputs);
        let [whole, dying] = ["whole", "dying"].map(|name| recorded(&epoch.root.path().join(name)));
        prop_assert_eq!(whole.0.keys().collect::<Vec<_>>(), dying.0.keys().collect::<Vec<_>>());
        for (name, bytes) in &whole.0 {
            prop_assert!(dying.0[name] == *bytes, "{}", name);
        }
        prop_assert!(whole.1 == dying.1);
    }
}

#[test]
fn a_recorded_epoch_has_one_root_whether_all_orders_are_written_or_those_that_count() {
    let epoch = Epoch::new(4);
    let lines = epoch.play(11, 4, 4);
    let (names, owners) = (Markets::of(&epoch.parameters), Owners::default());
    let mut roots = Vec::new();
    for (name, all_orders) in [("short", false), ("long", true)] {
        let folder = epoch.folder(name);
        let mut store = Store::open(&folder, &epoch.parameters, false, false).unwrap();
        let settings = Settings { all_orders, ..Settings::default() };
        let feed = Box::new(Generic::new(&names, &owners));
        epoch.drive(feed, texts(&lines), settings, &mut store).unwrap();
        store.write_volumes().unwrap();
        let opened = EpochFolder::open(&folder).unwrap();
        let computed = manifest::compute(&opened, &options()).unwrap();
        let health = computed.manifest.health.clone().unwrap();
        assert!(health.markets.iter().all(|market| market.valid == 4) && health.gaps.is_empty(), "{health:?}");
        roots.push(computed.manifest.root);
        // As Parquet it is the same epoch; stopped in the middle and done again, too.
        let text = folder.join("samples/BTC-USD.day-00.jsonl");
        let lines = fs::read(&text).unwrap();
        assert_eq!(samples::to_parquet(&folder.join("samples")).unwrap(), 3);
        fs::write(&text, lines).unwrap();
        assert_eq!(samples::to_parquet(&folder.join("samples")).unwrap(), 1);
        assert!(bytes(&folder.join("samples")).keys().all(|name| name.ends_with(".parquet")));
        roots.push(manifest::compute(&EpochFolder::open(&folder).unwrap(), &options()).unwrap().manifest.root);
        let size: usize = bytes(&folder.join("samples")).values().map(Vec::len).sum();
        eprintln!("{name}: {size} bytes of samples");
    }
    assert!(roots.iter().all(|root| *root == roots[0]), "{roots:?}");
}

/// A sample and executions are in the live sums as soon as they are in the folder, and these are at each moment what `score` finds.
#[test]
fn the_live_sums_are_those_of_score_after_each_sample() {
    let epoch = Epoch::new(8);
    let lines = epoch.play(15, 8, 2);
    let (names, owners) = (Markets::of(&epoch.parameters), Owners::default());
    let folder = epoch.folder("epoch");
    let mut store = Store::open(&folder, &epoch.parameters, true, false).unwrap();
    let mut running = Running::open(&folder, true).unwrap();
    let mut compared = 0;
    let feed = Box::new(Generic::new(&names, &owners));
    let mut watch = Watch { store: &mut store, folder: &folder, running: &mut running, compared: &mut compared };
    epoch.drive(feed, texts(&lines), Settings::default(), &mut watch).unwrap();
    assert_eq!((compared, running.samples), (24, 24));
    for (market, newest) in epoch.parameters.markets.iter().zip(&running.newest) {
        let newest = newest.unwrap();
        assert!(
            newest.minute == 7 && newest.depth_micro > U256::from(10_000_000_000_u64),
            "{}: {newest:?}",
            market.market
        );
    }
}

/// Compares after each sample.
struct Watch<'a> {
    store: &'a mut Store,
    folder: &'a Path,
    running: &'a mut Running,
    compared: &'a mut u32,
}

impl Sink for Watch<'_> {
    fn sample(&mut self, market: usize, record: &Record<'_>, reason: Option<&str>, left_out: u64) -> Result<(), Error> {
        self.store.sample(market, record, reason, left_out)?;
        if self.compared.is_multiple_of(5) {
            self.store.write_volumes()?; // Which the live sums must notice by themselves.
        }
        if self.running.is_stale() {
            *self.running = Running::open(self.folder, true)?;
        }
        assert!(self.running.grow()?);
        let source = &self.running.source;
        let scores = rewards::score::score(&source.parameters, &self.running.tally, &source.inputs).unwrap();
        let allocation = rewards::allocation::allocate(&source.parameters, &scores);
        let opened = EpochFolder::open(self.folder)?;
        let scored = manifest::score(opened.samples()?, &options())?;
        let found = rewards::allocation::allocate(&opened.samples()?.parameters, &scored.scores);
        assert_eq!(results::reward_table(0, &scores, &allocation), results::reward_table(0, &scored.scores, &found));
        *self.compared += 1;
        Ok(())
    }

    fn fill(&mut self, fill: &Fill) -> Result<(), Error> {
        self.store.fill(fill)
    }

    fn note(&mut self, _: Option<usize>, _: u64, _: &str) {}

    fn last_minute(&self, market: usize) -> Option<u32> {
        self.store.last_minute(market)
    }
}

#[test]
fn volumes_are_the_sums_of_executions() {
    let epoch = Epoch::new(60);
    let lines = epoch.play(12, 3, 6);
    epoch.store("epoch", texts(&lines));
    // By the plainest reading of the feed: makers and prices by the name of the order.
    let (mut orders, mut sums) = (BTreeMap::new(), BTreeMap::<(String, Address), U256>::new());
    for line in &lines {
        let one: Value = serde_json::from_str(line).unwrap();
        let market = one["market"].as_str().unwrap_or_default().to_owned();
        let placed = one["orders"].as_array().cloned().unwrap_or_else(|| vec![one.clone()]);
        for order in placed.into_iter().filter(|order| order["price"].is_string()) {
            orders.insert((market.clone(), order["id"].as_str().unwrap().to_owned()), order);
        }
        if one["type"] == "fill" {
            let order = &orders[&(market.clone(), one["id"].as_str().unwrap().to_owned())];
            let of = epoch.parameters.markets.iter().find(|it| it.market == market).unwrap();
            let price = decimal::scaled(order["price"].as_str().unwrap(), of.price_decimals).unwrap();
            let size = decimal::scaled(one["size"].as_str().unwrap(), of.size_decimals).unwrap();
            let maker = order["account"].as_str().unwrap().parse().unwrap();
            *sums.entry((market, maker)).or_default() += U256::from(price) * U256::from(size);
        }
    }
    assert!(sums.len() > 6);
    let written = fs::read_to_string(epoch.root.path().join("epoch/volume.csv")).unwrap();
    for line in written.lines().skip(1) {
        let [zero, market, account, micro] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        let of = epoch.parameters.markets.iter().find(|it| it.market == market).unwrap();
        let unit = U256::from(10).pow(U256::from(of.price_decimals + of.size_decimals));
        let sum = sums.remove(&(market.to_owned(), account.parse().unwrap())).unwrap();
        assert_eq!((zero, micro), ("0", (sum * U256::from(1_000_000) / unit).to_string().as_str()));
    }
    assert!(sums.is_empty(), "{sums:?}");
}

#[test]
fn two_recorders_with_one_secret_agree_or_it_is_said_where_not() {
    let epoch = Epoch::new(60);
    let lines = epoch.play(13, 5, 2);
    epoch.store("one", texts(&lines));
    epoch.store("two", texts(&lines));
    let samples = |name: &str| epoch.root.path().join(name).join("samples");
    let compare = |other: &str| difference::samples(&samples("one"), &samples(other), 1, &()).unwrap();
    assert!(compare("two").is_empty());
    // An exchange that shows one of them a larger order, from some moment of minute 2 on until it goes.
    let instant = epoch.instants().instant_ms(2, "ETH-USD").unwrap();
    let sample = fs::read_to_string(samples("one").join("ETH-USD.day-00.jsonl")).unwrap();
    let sample: Value = serde_json::from_str(sample.lines().nth(2).unwrap()).unwrap();
    let shows = |id: &Value| sample["orders"].as_array().unwrap().iter().any(|order| order["id"] == *id);
    let at = lines.iter().rposition(|line| {
        let one: Value = serde_json::from_str(line).unwrap();
        let is_before = one["time_ms"].as_u64().unwrap() <= instant;
        one["market"] == "ETH-USD" && one["type"] == "add" && is_before && shows(&one["id"])
    });
    let (at, mut shown) = (at.unwrap(), lines.clone());
    let mut one: Value = serde_json::from_str(&shown[at]).unwrap();
    one["size"] = "99".into();
    let id = one["id"].clone();
    shown[at] = one.to_string();
    let gone = lines.iter().find(|line| line.contains("\"remove\"") && line.contains(&format!("\"id\":{id}}}")));
    let until = gone.map_or(u64::MAX, |line| serde_json::from_str::<Value>(line).unwrap()["time_ms"].as_u64().unwrap());
    epoch.store("three", texts(&shown));
    let found = compare("three");
    assert!(!found.is_empty());
    for difference in &found {
        assert_eq!((difference.market.as_str(), difference.what.as_str()), ("ETH-USD", "orders"));
        let instant = epoch.instants().instant_ms(difference.minute, "ETH-USD").unwrap();
        assert!(difference.minute >= 2 && instant < until, "{difference:?}, gone at {until}");
    }
}

#[test]
fn only_one_records_into_a_folder_and_nothing_strange_is_written_over() {
    let epoch = Epoch::new(60);
    let folder = epoch.folder("epoch");
    let open = || Store::open(&folder, &epoch.parameters, true, false).map(drop);
    {
        let _store = Store::open(&folder, &epoch.parameters, true, false).unwrap();
        assert!(open().unwrap_err().to_string().contains("another process records"));
    }
    open().unwrap();
    fs::remove_file(folder.join("volume.csv")).unwrap();
    fs::write(folder.join("volume.jsonl"), "").unwrap();
    assert!(open().unwrap_err().to_string().contains("volumes are recorded as volume.csv"));
    fs::remove_file(folder.join("volume.jsonl")).unwrap();
    fs::write(folder.join("samples/BTC-USD.day-00.jsonl"), "nothing\n").unwrap();
    assert!(open().unwrap_err().to_string().contains("the last line is no sample"));
}

#[test]
fn volumes_of_the_epoch_before_are_kept() {
    let mut epoch = Epoch::new(60);
    epoch.parameters.epoch = 1;
    epoch.parameters.clock.first_epoch_start -= 3600;
    let folder = epoch.folder("epoch");
    let rows = "epoch,market,account,micro_usd\n0,BTC-USD,0x1111111111111111111111111111111111111111,5\n7,BTC-USD,0x1111111111111111111111111111111111111111,9\n";
    fs::write(folder.join("volume.csv"), rows).unwrap();
    let mut store = Store::open(&folder, &epoch.parameters, true, false).unwrap();
    let read = || fs::read_to_string(folder.join("volume.csv")).unwrap();
    assert_eq!(read(), rows.lines().take(2).map(|line| format!("{line}\n")).collect::<String>());
    let before = epoch.root.path().join("before");
    fs::create_dir_all(&before).unwrap();
    assert!(store.take_volumes_before(&before).unwrap_err().to_string().contains("no volumes of epoch 0"));
    fs::write(before.join("volume.csv"), rows.replace(",5\n", ",6\n")).unwrap();
    store.take_volumes_before(&before).unwrap();
    assert!(read().contains(",6\n") && !read().contains(",9\n"));
}

#[test]
fn with_the_link_of_an_hour_nothing_beyond_it_is_sampled() {
    let mut epoch = Epoch::new(120);
    epoch.sampling = Sampling { tolerance_ms: 250, hours: Some(2), ..Sampling::default() };
    epoch.sampling.commitment = Some(epoch.sampling.commitment_to(SECRET));
    let first = sampling::link(SECRET, 1, 0).unwrap();
    fs::write(epoch.secret(), serde_json::to_string(&Link { hour: 0, link: first }).unwrap()).unwrap();
    let mut lines = epoch.play(14, 0, 1);
    let beat = |lines: &mut Vec<String>, minutes: std::ops::Range<u64>| {
        for second in minutes.start * 60..minutes.end * 60 {
            let time = crate::fixture::START_MS + second * 1000;
            lines.push(format!(r#"{{"type":"heartbeat","time_ms":{time}}}"#));
        }
    };
    beat(&mut lines, 0..70);
    epoch.store("epoch", texts(&lines));
    let sampled = || {
        let text = fs::read_to_string(epoch.root.path().join("epoch/samples/BTC-USD.day-00.jsonl")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["minute"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(sampled(), (0..60).collect::<Vec<_>>());
    // The link of the next hour comes; what has passed stays without a sample, and is no outage of the exchange.
    fs::write(epoch.secret(), serde_json::to_string(&Link { hour: 1, link: SECRET }).unwrap()).unwrap();
    let mut rest = epoch.play(14, 0, 1);
    rest.iter_mut().for_each(|line| {
        *line =
            line.replace(&crate::fixture::START_MS.to_string(), &(crate::fixture::START_MS + 70 * 60_000).to_string());
    });
    beat(&mut rest, 70..75);
    epoch.store("epoch", texts(&rest));
    let last = *sampled().last().unwrap();
    assert!(sampled().contains(&71) && !sampled().contains(&65) && (73..75).contains(&last), "{:?}", sampled());
}
