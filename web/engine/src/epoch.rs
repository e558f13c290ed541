//! One epoch from its files to its tree, by the steps of `tidepool rewards run`: the same engine, read from memory instead of a folder.

use std::{borrow::Cow, collections::BTreeMap};

use alloy_primitives::U256;
use rewards::{
    allocation,
    book::{OrderRecord, Record, Side, Status, parse_address},
    cumulative::{self, Amounts},
    formula::Formula,
    health::Health,
    history,
    inputs::Inputs,
    legacy::Published,
    parameters::EpochParameters,
    sampling::{DEFAULT_TOLERANCE_MS, Sampling},
    score,
    tally::{Rules, Scorer, Tally},
    tree::Tree,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{File, tables};

/// What is told of an epoch beside its tree.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    epoch: u64,
    /// Root of the tree before, which has to be the distributor's of then.
    previous_root: Option<String>,
    /// What liquidity providers get.
    paid_wei: String,
    /// Samples by market: valid, of so many minutes.
    markets: Vec<(String, String, String)>,
    /// What is missing; somebody must have decided to pay nevertheless.
    gaps: Vec<String>,
}

const TABLES: [&str; 5] = ["volume", "stake", "links", "exclusions", "eligible"];

/// The name that a file has in an epoch's folder, without what stands before it: dropped folders bring their own name.
fn place(name: &str) -> (&str, &str) {
    let mut parts = name.rsplit('/');
    let file = parts.next().unwrap_or_default();
    let folder = parts.next().filter(|folder| ["samples", "programs"].contains(folder)).unwrap_or_default();
    (folder, file)
}

fn stem(file: &str) -> &str {
    file.split_once('.').map_or(file, |(stem, _)| stem)
}

/// Whether a file of this name belongs to an epoch's inputs, rather than being a tree.
pub(crate) fn is_input(name: &str) -> bool {
    let (folder, file) = place(name);
    !folder.is_empty()
        || ["parameters.json", "parameters.toml", "sampling.json", "legacy.json"].contains(&file)
        || (TABLES.contains(&stem(file)) && tables::Form::of(file).is_some())
}

/// The files of a folder, each at its place; what belongs nowhere is an error, since a misspelt file would be missing in silence.
struct Folder<'a> {
    files: BTreeMap<&'a str, File<'a>>,
    tables: BTreeMap<&'a str, File<'a>>,
    samples: Vec<File<'a>>,
    programs: BTreeMap<&'a str, File<'a>>,
}

impl<'a> Folder<'a> {
    fn of(files: &[File<'a>]) -> Result<Self, String> {
        let mut folder =
            Self { files: BTreeMap::new(), tables: BTreeMap::new(), samples: Vec::new(), programs: BTreeMap::new() };
        for file in files {
            let known = ["parameters.json", "parameters.toml", "sampling.json", "previous-tree.json", "legacy.json"];
            let before = match place(file.name) {
                ("samples", _) => {
                    folder.samples.push(*file);
                    None
                }
                ("programs", name) => folder.programs.insert(stem(name), *file),
                (_, "SHA256SUMS" | ".DS_Store") => None,
                (_, name) if known.contains(&name) => folder.files.insert(name, *file),
                (_, name) if TABLES.contains(&stem(name)) => folder.tables.insert(stem(name), *file),
                _ => {
                    return Err(format!(
                        "{}: belongs to no epoch's folder; samples lie in samples/, programs in programs/",
                        file.name
                    ));
                }
            };
            if let Some(before) = before {
                return Err(format!("{} and {}: which one?", before.name, file.name));
            }
        }
        Ok(folder)
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Option<Result<T, String>> {
        let file = self.files.get(name)?;
        let read = serde_json::from_slice(tables::without_mark(file.bytes));
        Some(read.map_err(|error| format!("{}: {error}", file.name)))
    }

    fn parameters(&self) -> Result<EpochParameters, String> {
        if let Some(parameters) = self.json("parameters.json") {
            return parameters;
        }
        let file = self
            .files
            .get("parameters.toml")
            .ok_or("parameters.json is missing: an epoch has it, or parameters.toml, or else legacy.json")?;
        let text =
            std::str::from_utf8(tables::without_mark(file.bytes)).map_err(|error| format!("{}: {error}", file.name))?;
        toml::from_str(text).map_err(|error| format!("{}: {error}", file.name))
    }
}

/// Computes an epoch.
pub(crate) fn compute(files: &[File<'_>]) -> Result<(Tree, Told), String> {
    let folder = Folder::of(files)?;
    match folder.files.get("legacy.json") {
        Some(file) => published(&folder, *file),
        None => sampled(&folder),
    }
}

fn published(folder: &Folder<'_>, file: File<'_>) -> Result<(Tree, Told), String> {
    let published =
        Published::parse(tables::without_mark(file.bytes)).map_err(|error| format!("{}: {error}", file.name))?;
    let lp_amount_wei = history::lp_amount_wei(published.epoch);
    let lp = published.credits(lp_amount_wei).map_err(|error| error.to_string())?;
    let (tree, previous_root) = grow(folder, published.epoch, &lp, lp_amount_wei, true)?;
    Ok((
        tree,
        Told { epoch: published.epoch, previous_root, paid_wei: total(&lp), markets: Vec::new(), gaps: Vec::new() },
    ))
}

fn sampled(folder: &Folder<'_>) -> Result<(Tree, Told), String> {
    let parameters = folder.parameters()?;
    let sampling = folder
        .json::<Sampling>("sampling.json")
        .unwrap_or_else(|| Ok(Sampling { tolerance_ms: DEFAULT_TOLERANCE_MS, ..Sampling::default() }))?;
    let inputs = inputs(folder, &parameters)?;
    let rules = Rules::new(&parameters, &sampling).map_err(|error| error.to_string())?;
    let tally = tally(folder, &rules)?;
    if let Some((market, minute)) = tally.repeated.first() {
        return Err(format!("a second sample of {}, minute {minute}", parameters.markets[*market].market));
    }
    let scores = score::score(&parameters, &tally, &inputs).map_err(|error| error.to_string())?;
    scores.check()?;
    let allocation = allocation::allocate(&parameters, &scores);
    let lp: Amounts = allocation.credits.iter().map(|(account, wei)| (*account, U256::from(*wei))).collect();
    let (tree, previous_root) = grow(folder, parameters.epoch, &lp, parameters.lp_amount_wei, false)?;
    // Digests are not compared here, so a seal is not asked for.
    let mut health = Health::of(&parameters, &tally, &inputs, sampling.secret.is_some(), true);
    health.add_allocation(&parameters, &scores, &allocation);
    let markets = parameters.markets.iter().zip(&scores.markets);
    let markets = markets
        .map(|(market, of)| {
            (market.market.clone(), of.samples.to_string(), market.minutes(parameters.minutes()).len().to_string())
        })
        .collect();
    let gaps = health.gaps.iter().map(ToString::to_string).collect();
    Ok((tree, Told { epoch: parameters.epoch, previous_root, paid_wei: total(&lp), markets, gaps }))
}

fn total(amounts: &Amounts) -> String {
    cumulative::total(amounts.values().copied()).to_string()
}

/// The tree of what everybody had and of what the epoch gives.
fn grow(
    folder: &Folder<'_>,
    epoch: u64,
    lp: &Amounts,
    lp_amount_wei: u128,
    may_stand_alone: bool,
) -> Result<(Tree, Option<String>), String> {
    if cumulative::total(lp.values().copied()) > U256::from(lp_amount_wei) {
        return Err(format!("liquidity providers get {}, more than {lp_amount_wei}", total(lp)));
    }
    let previous = match folder.files.get("previous-tree.json") {
        Some(_) if epoch == 0 => return Err("epoch 0 has no tree before".to_owned()),
        None if epoch > 0 => {
            return Err(
                "previous-tree.json is missing: without it everybody rewarded before would lose what is theirs"
                    .to_owned(),
            );
        }
        Some(file) if may_stand_alone && file.bytes.trim_ascii() == b"[]" => None,
        Some(file) => {
            Some(Tree::parse(tables::without_mark(file.bytes)).map_err(|error| format!("{}: {error}", file.name))?)
        }
        None => None,
    };
    let before = previous.as_ref().map(Tree::amounts).unwrap_or_default();
    let mut programs = vec![lp.clone()];
    for (name, file) in &folder.programs {
        if ["lp", "earlier"].contains(name) {
            return Err(format!("{}: the name is taken", file.name));
        }
        programs.push(tables::amounts(*file, &["account", "wei"])?);
    }
    let programs: Vec<_> = programs.iter().collect();
    let amounts = cumulative::merge(&before, &programs).map_err(|error| error.to_string())?;
    cumulative::check_succession(&before, &amounts, &programs).map_err(|error| error.to_string())?;
    let tree = Tree::new(&amounts).map_err(|error| error.to_string())?;
    Ok((tree, previous.map(|tree| tree.root().to_string())))
}

fn inputs(folder: &Folder<'_>, parameters: &EpochParameters) -> Result<Inputs, String> {
    use tables::{account, integer};

    let text = |error: rewards::inputs::InputError| error.to_string();
    let mut inputs = Inputs::new(parameters.epoch, parameters.minutes());
    let table = |name: &str, columns: &[&str], each: &mut dyn FnMut(&[String]) -> Result<(), String>| match folder
        .tables
        .get(name)
    {
        Some(file) => tables::read(*file, columns, each).map(|()| true),
        None => Ok(false),
    };
    let has_volume = table("volume", &["epoch", "market", "account", "micro_usd"], &mut |row| {
        let [epoch, market, owner, volume] = row else { return Err("four fields".to_owned()) };
        let epoch = integer(epoch)?;
        if epoch == parameters.epoch && parameters.position(market).is_none() {
            return Err(format!(
                "market `{market}` has no parameters in this epoch, so this volume would count for nothing"
            ));
        }
        inputs.add_volume(epoch, market, account(owner)?, integer(volume)?).map_err(text)
    })?;
    let has_stake = table("stake", &["epoch", "minute", "account", "wei"], &mut |row| {
        let [epoch, minute, owner, stake] = row else { return Err("four fields".to_owned()) };
        inputs.add_stake(integer(epoch)?, integer(minute)?, account(owner)?, integer(stake)?).map_err(text)
    })?;
    table("links", &["secondary", "primary"], &mut |row| {
        let [secondary, primary] = row else { return Err("two fields".to_owned()) };
        inputs.add_link(account(secondary)?, account(primary)?).map_err(text)
    })?;
    table("exclusions", &["account", "reason"], &mut |row| {
        let [owner, reason] = row else { return Err("two fields".to_owned()) };
        inputs.add_exclusion(account(owner)?, reason).map_err(text)
    })?;
    let is_listed = table("eligible", &["account"], &mut |row| {
        let [owner] = row else { return Err("one field".to_owned()) };
        inputs.add_eligible(account(owner)?).map_err(text)
    })?;
    let uses = |measure: fn(Formula) -> bool| parameters.markets.iter().any(|market| measure(market.formula));
    if !has_volume && (parameters.epoch > 0 || uses(Formula::uses_volume)) {
        return Err("the table volume is missing: maker volume decides who is eligible and scores".to_owned());
    }
    if !has_stake && uses(Formula::uses_stake) {
        return Err("the table stake is missing: stake scores in the formulas of this epoch".to_owned());
    }
    if is_listed != (parameters.epoch == 0) {
        return Err("the table eligible: epoch 0 needs it, later epochs compute it from volumes".to_owned());
    }
    Ok(inputs)
}

fn tally(folder: &Folder<'_>, rules: &Rules<'_>) -> Result<Tally, String> {
    if folder.samples.is_empty() {
        return Err("there is not one file of samples".to_owned());
    }
    let mut scorer = Scorer::new(rules);
    for file in &folder.samples {
        match tables::Form::of(file.name) {
            Some(tables::Form::JsonLines) => add_lines(*file, &mut scorer)?,
            Some(tables::Form::Csv) => add_csv(*file, &mut scorer)?,
            None => return Err(format!("{}: samples end in .csv, .jsonl or .ndjson here", file.name)),
        }
    }
    Ok(scorer.finish())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample<'a> {
    epoch: u64,
    minute: u32,
    #[serde(borrow)]
    market: Cow<'a, str>,
    time_ms: u64,
    seq: u64,
    #[serde(borrow)]
    status: Cow<'a, str>,
    best_bid: Option<String>,
    best_ask: Option<String>,
    #[serde(borrow)]
    orders: Vec<Order<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order<'a> {
    #[serde(borrow)]
    account: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    side: Cow<'a, str>,
    #[serde(borrow)]
    price: Cow<'a, str>,
    #[serde(borrow)]
    size: Cow<'a, str>,
}

impl Sample<'_> {
    fn add(&self, scorer: &mut Scorer<'_>) -> Result<(), String> {
        let text = |flaw: rewards::book::Flaw| flaw.to_string();
        let order = |order: &'_ Order<'_>| -> Result<_, String> {
            Ok((parse_address(&order.account).map_err(text)?, Side::parse(&order.side).map_err(text)?))
        };
        let parsed = self.orders.iter().map(order).collect::<Result<Vec<_>, _>>()?;
        let orders: Vec<_> = self
            .orders
            .iter()
            .zip(parsed)
            .map(|(order, (account, side))| OrderRecord {
                account,
                id: &order.id,
                side,
                price: &order.price,
                size: &order.size,
            })
            .collect();
        let record = Record {
            epoch: self.epoch,
            minute: self.minute,
            market: &self.market,
            time_ms: self.time_ms,
            seq: self.seq,
            status: Status::parse(&self.status).map_err(text)?,
            best_bid: self.best_bid.as_deref(),
            best_ask: self.best_ask.as_deref(),
            orders: &orders,
        };
        scorer.add(&record).map(drop).map_err(text)
    }
}

fn add_lines(file: File<'_>, scorer: &mut Scorer<'_>) -> Result<(), String> {
    for (line, row) in tables::lines(file).zip(1..) {
        let sample: Sample<'_> = serde_json::from_slice(line).map_err(|error| tables::at(file, row, error))?;
        sample.add(scorer).map_err(|reason| tables::at(file, row, reason))?;
    }
    Ok(())
}

const COLUMNS: [&str; 13] = [
    "epoch", "minute", "market", "time_ms", "seq", "status", "best_bid", "best_ask", "account", "id", "side", "price",
    "size",
];
/// How many of them belong to the sample.
const HEAD: usize = 8;

/// A row for each order, those of a sample together; a sample without orders has one row, with the order's fields empty.
fn add_csv(file: File<'_>, scorer: &mut Scorer<'_>) -> Result<(), String> {
    let mut reader = csv::Reader::from_reader(tables::without_mark(file.bytes));
    let header = reader.headers().map_err(|error| tables::at(file, 1, error))?;
    let places = tables::places(header.iter(), &COLUMNS).map_err(|reason| tables::at(file, 1, reason))?;
    let mut group: Vec<Vec<String>> = Vec::new();
    let mut first = 0;
    for record in reader.records() {
        let record =
            record.map_err(|error| tables::at(file, error.position().map_or(0, csv::Position::line), &error))?;
        let row: Vec<_> = places.iter().map(|place| record.get(*place).unwrap_or_default().to_owned()).collect();
        let line = record.position().map_or(0, csv::Position::line);
        if group.last().is_some_and(|last| last[..HEAD] != row[..HEAD]) {
            add_group(&group, scorer).map_err(|reason| tables::at(file, first, reason))?;
            group.clear();
        }
        if group.is_empty() {
            first = line;
        }
        group.push(row);
    }
    if group.is_empty() { Ok(()) } else { add_group(&group, scorer).map_err(|reason| tables::at(file, first, reason)) }
}

fn add_group(group: &[Vec<String>], scorer: &mut Scorer<'_>) -> Result<(), String> {
    let head = &group[0];
    let price = |text: &String| (!text.is_empty()).then(|| text.clone());
    let is_empty = |row: &Vec<String>| row[HEAD..].iter().all(String::is_empty);
    let order = |row: &Vec<String>| Order {
        account: row[8].clone().into(),
        id: row[9].clone().into(),
        side: row[10].clone().into(),
        price: row[11].clone().into(),
        size: row[12].clone().into(),
    };
    let sample = Sample {
        epoch: tables::integer(&head[0])?,
        minute: tables::integer(&head[1])?,
        market: head[2].as_str().into(),
        time_ms: tables::integer(&head[3])?,
        seq: tables::integer(&head[4])?,
        status: head[5].as_str().into(),
        best_bid: price(&head[6]),
        best_ask: price(&head[7]),
        orders: group.iter().filter(|row| group.len() > 1 || !is_empty(row)).map(order).collect(),
    };
    sample.add(scorer)
}
