//! The query and the streaming engine on the same epochs.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use rewards::{
    book::{OrderRecord, Record, Side, Status, parse_address},
    epoch,
    simulation::{Settings, Simulation},
};
use rewards_files::{
    epoch::{EpochFolder, Malformed},
    folder::{SEAL, read_parameters},
    init::parameters_toml,
    manifest::{self, Options},
    samples::{Format, SampleWriter},
    synthetic,
};

const EPOCH: u64 = 18;
const MINUTES: u32 = 90;

fn options() -> Options<'static> {
    let malformed = Malformed::Refuse;
    Options { format: Format::Csv, malformed, threads: 2, progress: &(), proofs: true, replace: false, accept_gaps: Some("a test".to_owned()) }
}

/// An epoch's folder: a simulated market, and behind it the samples given.
fn folder(at: &Path, seed: u64, more: &[Record<'_>]) -> PathBuf {
    let settings = Settings { seed, epoch: EPOCH, markets: 3, makers: 7, minutes: MINUTES, orders: 24 };
    let folder = at.join(format!("market-{seed}"));
    synthetic::write(&folder, &Simulation::new(settings), Format::Parquet, &()).unwrap();
    let mut writer = SampleWriter::create(&folder.join("samples/more.parquet")).unwrap();
    for record in more {
        writer.write(record).unwrap();
    }
    writer.finish().unwrap();
    // The whole epoch is listed, since more samples follow; and the folder is not as it was sealed.
    let mut parameters = read_parameters(&folder.join("parameters.json")).unwrap();
    parameters.markets.iter_mut().for_each(|market| market.listed = None);
    fs::write(folder.join("parameters.toml"), parameters_toml(&parameters)).unwrap();
    fs::remove_file(folder.join("parameters.json")).unwrap();
    fs::remove_file(folder.join(SEAL)).unwrap();
    folder
}

/// A sample of BTC-USD in some minute, half a minute after its start.
fn sample<'a>(minute: u32, status: Status, best: [Option<&'a str>; 2], orders: &'a [OrderRecord<'a>]) -> Record<'a> {
    let [best_bid, best_ask] = best;
    let time_ms = epoch::start_ms(EPOCH).unwrap() + u64::from(minute) * 60_000 + 30_000;
    Record { epoch: EPOCH, minute, market: "BTC-USD", time_ms, seq: 1, status, best_bid, best_ask, orders }
}

fn order(id: &'static str, side: Side, price: &'static str) -> OrderRecord<'static> {
    let account = parse_address("0xABcdEFABcdEFabcdEfAbCdefabcdeFABcDEFabCD").unwrap();
    OrderRecord { account, id, side, price, size: "7.5" }
}

fn query(folder: &Path, out: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rewards-query"));
    command.args(["--accept-gaps", "a test"]).arg(folder).arg("--out").arg(out).arg("--proofs").args(more).output().unwrap()
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn the_query_writes_what_the_engine_writes() {
    let temporary = tempfile::tempdir().unwrap();
    let quotes = [order("1", Side::Bid, "29990"), order("2", Side::Ask, "30010"), order("3", Side::Ask, "30900")];
    let best = [Some("29990"), Some("30010")];
    // Without the secret, any time within the minute is on time; with it, these are off their instants.
    let more = [
        sample(MINUTES, Status::Ok, best, &quotes),
        sample(MINUTES + 1, Status::Crossed, [Some("30010"), Some("30010")], &quotes),
        sample(MINUTES + 2, Status::OneSided, [None, Some("30010")], &quotes[1..]),
        sample(MINUTES + 3, Status::Outage, [None, None], &[]),
        sample(MINUTES + 4, Status::Ok, best, &[]),
        sample(40_319, Status::Ok, best, &quotes),
    ];
    for (seed, is_revealed) in [(1, true), (2, false)] {
        let folder = folder(temporary.path(), seed, &more);
        if !is_revealed {
            fs::remove_file(folder.join("sampling.json")).unwrap();
        }
        let engine = temporary.path().join(format!("engine-{seed}"));
        let computed = manifest::compute(&EpochFolder::open(&folder).unwrap(), &options()).unwrap();
        manifest::write(&engine, &computed, &options()).unwrap();
        let btc = &computed.manifest.markets[0];
        assert_eq!((btc.crossed, btc.off_instant), if is_revealed { (1, 4) } else { (1, 0) }, "every kind occurs");
        let expected = contents(&engine);
        assert!(expected.len() >= 8, "scores, rewards, tree and more: {:?}", expected.keys());

        for partitions in ["1", "3"] {
            let out = temporary.path().join(format!("query-{seed}-{partitions}"));
            let output = query(&folder, &out, &["--partitions", partitions]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let written = contents(&out);
            assert_eq!(written.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
            for (name, bytes) in &written {
                assert!(*bytes == expected[name], "seed {seed}, {partitions} partitions: {name} differs");
            }
        }
    }
}

#[test]
fn malformed_samples_refuse_the_epoch() {
    let temporary = tempfile::tempdir().unwrap();
    let (bid, ask, best) =
        (order("1", Side::Bid, "29990"), order("2", Side::Ask, "30010"), [Some("29990"), Some("30010")]);
    let flawed = [
        (vec![bid, order("1", Side::Ask, "30010")], "order id `1` occurs twice"),
        (vec![order("", Side::Bid, "29990")], "has no id"),
        (vec![order("1", Side::Bid, "29991")], "better than the best of its side"),
        (vec![order("1", Side::Bid, "29990.00001")], "BTC-USD: price"),
        (vec![order("1", Side::Bid, "0")], "price is zero"),
    ];
    let (both, alone) = ([bid, ask], [bid]);
    let unknown = Record { market: "NO-USD", ..sample(MINUTES, Status::Ok, best, &[]) };
    let early = Record { time_ms: 5, ..sample(MINUTES, Status::Ok, best, &[]) };
    let twice = sample(MINUTES, Status::Ok, best, &[]);
    let cases = flawed.iter().map(|(orders, message)| (vec![sample(MINUTES, Status::Ok, best, orders)], *message));
    let cases = cases.chain([
        (vec![sample(MINUTES, Status::Crossed, best, &both)], "minute 90: status crossed"),
        (vec![sample(MINUTES, Status::OneSided, [None, Some("30010")], &alone)], "a side that is empty"),
        (vec![unknown], "market `NO-USD`"),
        (vec![early], "time 5 is not in minute 90"),
        (vec![twice, twice], "BTC-USD, minute 90: 2 samples, not one"),
    ]);
    for (seed, (records, message)) in (10..).zip(cases) {
        let folder = folder(temporary.path(), seed, &records);
        let computed = manifest::compute(&EpochFolder::open(&folder).unwrap(), &options());
        assert!(computed.is_err(), "the engine refuses it as well: {message}");
        let output = query(&folder, &temporary.path().join("out"), &[]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(message), "{message}: {error}");
    }
    assert!(!temporary.path().join("out").exists(), "nothing is written");
}

#[test]
fn other_formats_are_refused_with_what_to_do() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = folder(temporary.path(), 30, &[]);
    let mut writer = SampleWriter::create(&folder.join("samples/other.jsonl")).unwrap();
    writer.write(&sample(MINUTES, Status::Outage, [None, None], &[])).unwrap();
    writer.finish().unwrap();
    let output = query(&folder, &temporary.path().join("out"), &[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("have to be Parquet"));
    assert_eq!(output.status.code(), Some(1));
}
