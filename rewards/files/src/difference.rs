//! Two results, or two sets of samples, beside each other: what differs, and why.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use alloy_primitives::{Address, B256, U256, keccak256};
use rewards::book::{Flaw, Record};
use serde::Serialize;

use crate::{
    Error,
    manifest::Manifest,
    results::{self, Part, Parts},
    samples::{Place, Progress, Samples, Stored, Visitor},
    verify::Results,
};

/// An account whose amounts differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountDifference {
    /// Whose.
    pub account: Address,
    /// All that it ever earned, by the first results.
    #[serde(serialize_with = "rewards::decimal::text::serialize")]
    pub first_wei: U256,
    /// And by the second.
    #[serde(serialize_with = "rewards::decimal::text::serialize")]
    pub second_wei: U256,
    /// The parts of this epoch that differ: program, market, and both amounts.
    pub parts: Vec<PartDifference>,
}

/// A part of a balance that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartDifference {
    /// Program; `earlier` is what the tree before had.
    pub program: String,
    /// Market, if the program has markets.
    pub market: Option<String>,
    /// By the first results.
    #[serde(serialize_with = "rewards::decimal::text::serialize")]
    pub first_wei: U256,
    /// By the second.
    #[serde(serialize_with = "rewards::decimal::text::serialize")]
    pub second_wei: U256,
}

/// How two results differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResultsDifference {
    /// Both roots.
    pub roots: [B256; 2],
    /// What explains it: fields of the manifests that differ, inputs by name.
    pub reasons: Vec<String>,
    /// Accounts by address.
    pub accounts: Vec<AccountDifference>,
}

impl ResultsDifference {
    /// Whether both are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots[0] == self.roots[1] && self.reasons.is_empty() && self.accounts.is_empty()
    }
}

/// Compares two folders of results.
///
/// # Errors
///
/// If one cannot be read, or its tables are not those of its manifest.
pub fn results(first: &Path, second: &Path) -> Result<ResultsDifference, Error> {
    let (first, second) = (Side::read(first)?, Side::read(second)?);
    let accounts: BTreeSet<_> = first.amounts.keys().chain(second.amounts.keys()).copied().collect();
    let accounts = accounts.into_iter().filter_map(|account| account_difference(account, &first, &second));
    Ok(ResultsDifference {
        roots: [first.manifest.root, second.manifest.root],
        reasons: reasons(&first.manifest, &second.manifest),
        accounts: accounts.collect(),
    })
}

/// One of the two results.
struct Side {
    manifest: Manifest,
    amounts: BTreeMap<Address, U256>,
    parts: Parts,
}

impl Side {
    fn read(folder: &Path) -> Result<Self, Error> {
        let read = Results::read(folder)?;
        if let Some(check) = read.check().into_iter().find(|check| !check.holds) {
            return Err(Error::refused(format_args!("{}: {}: {}", folder.display(), check.name, check.detail)));
        }
        let parts = read.table("breakdown").map(results::parts_of).transpose();
        let parts = parts.map_err(|reason| Error::malformed(folder, reason))?.unwrap_or_default();
        Ok(Self { amounts: read.tree.amounts(), manifest: read.manifest, parts })
    }

    fn amount(&self, account: Address) -> U256 {
        self.amounts.get(&account).copied().unwrap_or_default()
    }

    /// What its amount is made of, by program and market.
    fn parts(&self, account: Address) -> BTreeMap<(String, Option<String>), U256> {
        let parts = self.parts.get(&account).map_or(&[][..], Vec::as_slice);
        let now = parts.iter().fold(U256::ZERO, |sum, part| sum.saturating_add(part.amount_wei));
        let key = |part: &Part| ((part.program.clone(), part.market.clone()), part.amount_wei);
        let earlier = (("earlier".to_owned(), None), self.amount(account).saturating_sub(now));
        parts.iter().map(key).chain([earlier]).collect()
    }
}

fn account_difference(account: Address, first: &Side, second: &Side) -> Option<AccountDifference> {
    let (one, two) = (first.parts(account), second.parts(account));
    let keys: BTreeSet<_> = one.keys().chain(two.keys()).cloned().collect();
    let part = |key: (String, Option<String>)| {
        let [first_wei, second_wei] = [&one, &two].map(|parts| parts.get(&key).copied().unwrap_or_default());
        let (program, market) = key;
        (first_wei != second_wei).then_some(PartDifference { program, market, first_wei, second_wei })
    };
    let parts: Vec<_> = keys.into_iter().filter_map(part).collect();
    let (first_wei, second_wei) = (first.amount(account), second.amount(account));
    (first_wei != second_wei || !parts.is_empty()).then_some(AccountDifference {
        account,
        first_wei,
        second_wei,
        parts,
    })
}

/// What of two manifests differs, in words.
fn reasons(first: &Manifest, second: &Manifest) -> Vec<String> {
    let mut reasons = Vec::new();
    let names: BTreeSet<_> = first.inputs.keys().chain(second.inputs.keys()).collect();
    for name in names {
        match (first.inputs.get(name), second.inputs.get(name)) {
            (Some(one), Some(two)) if one == two => {}
            (Some(_), Some(_)) => reasons.push(format!("input {name} differs")),
            (Some(_), None) => reasons.push(format!("input {name} is in the first alone")),
            (None, _) => reasons.push(format!("input {name} is in the second alone")),
        }
    }
    let value = |manifest: &Manifest| serde_json::to_value(manifest).unwrap_or_default();
    let (one, two) = (value(first), value(second));
    let fields = [
        "epoch",
        "profile",
        "software",
        "parameters",
        "sampling",
        "health",
        "accepted_gaps",
        "skipped",
        "exclusions",
        "previous_root",
    ];
    let differ = fields.iter().filter(|field| one.get(field) != two.get(field));
    reasons.extend(differ.map(|field| format!("{field} differs")));
    reasons
}

/// How one minute of one market differs between two sets of samples.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SampleDifference {
    /// Market.
    pub market: String,
    /// Minute of the epoch.
    pub minute: u32,
    /// What differs: `first alone`, `second alone`, or fields.
    pub what: String,
}

/// What is kept of a sample: its fields, and a digest of its orders in their canonical order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    status: &'static str,
    time_ms: u64,
    seq: u64,
    best: [Option<String>; 2],
    orders: B256,
}

/// Keeps all samples of one thread. More than one of a minute are kept as one that equals no other.
#[derive(Debug, Default)]
struct Keep(BTreeMap<(String, u32), Vec<Kept>>);

impl Visitor for Keep {
    fn visit(&mut self, _: Place, record: &Record<'_>) -> Result<(), Flaw> {
        let mut orders: Vec<_> =
            record.orders.iter().map(|order| (order.side, order.price, order.id, order.size, order.account)).collect();
        orders.sort_unstable();
        let orders = keccak256(format!("{orders:?}"));
        let best = [record.best_bid, record.best_ask].map(|price| price.map(ToOwned::to_owned));
        let kept = Kept { status: record.status.name(), time_ms: record.time_ms, seq: record.seq, best, orders };
        self.0.entry((record.market.to_owned(), record.minute)).or_default().push(kept);
        Ok(())
    }
}

/// Compares two sets of samples: files, or folders of files. What recorders of one exchange see should be the same, whoever they are.
///
/// # Errors
///
/// If a file cannot be read or is malformed.
pub fn samples(
    first: &Path,
    second: &Path,
    threads: usize,
    progress: &dyn Progress,
) -> Result<Vec<SampleDifference>, Error> {
    let (first, second) = (keep(first, threads, progress)?, keep(second, threads, progress)?);
    let keys: BTreeSet<_> = first.keys().chain(second.keys()).cloned().collect();
    let difference = |key: (String, u32)| {
        let what =
            differs(first.get(&key).map_or(&[][..], Vec::as_slice), second.get(&key).map_or(&[][..], Vec::as_slice))?;
        Some(SampleDifference { market: key.0, minute: key.1, what })
    };
    Ok(keys.into_iter().filter_map(difference).collect())
}

fn differs(first: &[Kept], second: &[Kept]) -> Option<String> {
    let (one, two) = match (first, second) {
        ([one], [two]) => (one, two),
        ([_], []) => return Some("first alone".to_owned()),
        ([], [_]) => return Some("second alone".to_owned()),
        _ => return Some(format!("{} and {} samples", first.len(), second.len())),
    };
    let fields = [
        ("status", one.status != two.status),
        ("time_ms", one.time_ms != two.time_ms),
        ("seq", one.seq != two.seq),
        ("best prices", one.best != two.best),
        ("orders", one.orders != two.orders),
    ];
    let differing: Vec<_> = fields.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
    (!differing.is_empty()).then(|| differing.join(", "))
}

fn keep(path: &Path, threads: usize, progress: &dyn Progress) -> Result<BTreeMap<(String, u32), Vec<Kept>>, Error> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(Error::at(path))?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
        files = paths.map_err(Error::at(path))?.into_iter().filter(|path| Stored::of(path).is_some()).collect();
        files.sort();
    }
    if files.is_empty() {
        return Err(Error::refused(format_args!("{}: no samples", path.display())));
    }
    let scan = Samples::open(&files)?.scan(threads, progress, Keep::default)?;
    if !scan.problems.is_empty() {
        return Err(Error::Malformed(scan.problems));
    }
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for (key, kept) in scan.visitors.into_iter().flat_map(|visitor| visitor.0) {
        all.entry(key).or_default().extend(kept);
    }
    Ok(all)
}
