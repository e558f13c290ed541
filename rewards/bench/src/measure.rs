//! The measurements. Each answers with a JSON object.

use std::{fs, hint::black_box, path::Path, time::Instant};

use alloy_primitives::{Address, B256, U256, keccak256};
use anyhow::{Context, Result};
use rewards::{
    book::{Best, Flaw, Limits, Record, Verdict},
    history::{self, Listing},
    simulation::{Settings, Simulation},
    tree::{self, Tree},
};
use rewards_files::{
    epoch::{EpochFolder, Malformed},
    manifest::{self, Options},
    samples::{Format, Place, Visitor},
    synthetic,
};
use serde_json::{Value, json};

use crate::Size;

/// Time on the clock and on all processors, seconds.
struct Stopwatch {
    wall: Instant,
    cpu: f64,
}

impl Stopwatch {
    fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu_seconds() }
    }

    fn stop(&self) -> (f64, f64) {
        (self.wall.elapsed().as_secs_f64(), cpu_seconds() - self.cpu)
    }
}

/// Processor time of this process so far; the kernel counts it in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may hold anything; user and system time are the 12th and 13th fields behind it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// The most memory this process ever had, MiB.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() / 1024
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

pub(crate) fn simulate(size: &Size) -> Result<Value> {
    let (markets, makers, minutes, orders) = (size.markets, size.makers, size.minutes, size.orders);
    let simulation = Simulation::new(Settings { seed: 1, epoch: 18, markets, makers, minutes, orders });
    let watch = Stopwatch::start();
    synthetic::write(&size.folder, &simulation, Format::Parquet, &())?;
    let (wall, cpu) = watch.stop();
    Ok(json!({ "wall": wall, "cpu": cpu, "peak_mib": peak_mib() }))
}

/// Counts.
#[derive(Debug, Default)]
struct Nothing {
    samples: u64,
    orders: u64,
}

impl Visitor for Nothing {
    fn visit(&mut self, _: Place, record: &Record<'_>) -> Result<(), Flaw> {
        self.samples += 1;
        self.orders += record.orders.len() as u64;
        black_box(record);
        Ok(())
    }
}

pub(crate) fn decode(folder: &Path) -> Result<Value> {
    let folder = EpochFolder::open(folder)?;
    let watch = Stopwatch::start();
    let scan = folder.samples()?.samples.scan(threads(), &(), Nothing::default)?;
    let (wall, cpu) = watch.stop();
    let samples: u64 = scan.visitors.iter().map(|visitor| visitor.samples).sum();
    let orders: u64 = scan.visitors.iter().map(|visitor| visitor.orders).sum();
    Ok(json!({ "wall": wall, "cpu": cpu, "samples": samples, "orders": orders, "peak_mib": peak_mib() }))
}

pub(crate) fn epoch(path: &Path) -> Result<Value> {
    let watch = Stopwatch::start();
    let folder = EpochFolder::open(path)?;
    let (opened, _) = watch.stop();
    let options = Options {
        format: Format::Csv,
        malformed: Malformed::Refuse,
        threads: threads(),
        progress: &(),
        proofs: false,
        replace: true,
        accept_gaps: None,
    };
    let computed = manifest::compute(&folder, &options)?;
    let (wall, cpu) = watch.stop();
    let bytes: u64 =
        fs::read_dir(path.join("samples"))?.map(|entry| Ok(entry?.metadata()?.len())).sum::<std::io::Result<u64>>()?;
    let root = computed.manifest.root.to_string();
    Ok(
        json!({ "wall": wall, "cpu": cpu, "open": opened, "peak_mib": peak_mib(), "bytes": bytes, "threads": threads(), "root": root }),
    )
}

/// One order after the other, as they occur in the simulation: prices of nine digits, sizes of six.
pub(crate) fn judge(orders: u64) -> Result<Value> {
    let listing = Listing { market: "BTC-USD".to_owned(), price_decimals: 4, size_decimals: 4 };
    let parameters = history::parameters(18, &[listing]);
    let limits = Limits::of(&parameters.markets[0]);
    let best = Best { bid: 299_950_000, ask: 300_050_000 };
    let watch = Stopwatch::start();
    let (mut sum, mut counting) = (0_u128, 0_u64);
    for order in 0..orders {
        let (price, size) = (black_box(best.bid - order % 700_000), black_box(900 + order % 100_000));
        if let Verdict::Counts(term) = limits.judge(best, price, size)? {
            sum += term;
            counting += 1;
        }
    }
    let (_, cpu) = watch.stop();
    black_box(sum);
    Ok(json!({ "nanoseconds": cpu * 1e9 / orders as f64, "counting": counting as f64 / orders as f64 }))
}

fn pairs(leaves: u64) -> Vec<(Address, U256)> {
    let pair = |number: u64| {
        let account = Address::from_slice(&keccak256(number.to_be_bytes())[12..]);
        (account, U256::from(number + 1) * U256::from(1_000_000_007_u64))
    };
    (0..leaves).map(pair).collect()
}

pub(crate) fn tree(leaves: u64) -> Result<Value> {
    let pairs = pairs(leaves);
    let watch = Stopwatch::start();
    let tree = Tree::of_pairs(&pairs)?;
    let (root_wall, root_cpu) = watch.stop();
    let watch = Stopwatch::start();
    let hashes: usize = (0..tree.len()).map(|place| black_box(tree.proof(place)).len()).sum();
    let (_, proofs_cpu) = watch.stop();
    let watch = Stopwatch::start();
    let (leaf, ..) = tree.entries().next().context("a leaf")?;
    let holds = tree::verify(leaf, &tree.proof(0), tree.root());
    let json = tree.to_json();
    let cid = rewards::cid::of(json.as_bytes());
    let (_, file_cpu) = watch.stop();
    let root = tree.root().to_string();
    Ok(json!({
        "root_wall": root_wall, "root": root, "root_cpu": root_cpu, "proofs_cpu": proofs_cpu, "hashes": hashes,
        "file_cpu": file_cpu, "cid": cid, "holds": holds, "peak_mib": peak_mib(),
    }))
}

/// The hash of the distributor: children sorted.
#[derive(Clone, Debug)]
struct Sorted;

impl rs_merkle::Hasher for Sorted {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> Self::Hash {
        keccak256(data).0
    }

    fn concat_and_hash(left: &Self::Hash, right: Option<&Self::Hash>) -> Self::Hash {
        right.map_or(*left, |right| tree::parent(B256::from(*left), B256::from(*right)).0)
    }
}

pub(crate) fn rs_merkle(leaves: u64) -> Value {
    let pairs = pairs(leaves);
    let watch = Stopwatch::start();
    let mut hashes: Vec<_> = pairs.iter().map(|(account, amount)| tree::leaf(*account, *amount).0).collect();
    hashes.sort_unstable();
    let tree = rs_merkle::MerkleTree::<Sorted>::from_leaves(&hashes);
    let root = tree.root().map(B256::from).unwrap_or_default().to_string();
    let (_, root_cpu) = watch.stop();
    // A sample of the proofs: all of them would take minutes.
    let watch = Stopwatch::start();
    let taken = hashes.len().min(1000);
    let proofs: usize = (0..taken).map(|place| black_box(tree.proof(&[place])).proof_hashes().len()).sum();
    let (_, cpu) = watch.stop();
    let proofs_cpu = cpu * hashes.len() as f64 / taken as f64;
    json!({ "root": root, "root_cpu": root_cpu, "proofs_cpu": proofs_cpu, "hashes": proofs, "peak_mib": peak_mib() })
}
