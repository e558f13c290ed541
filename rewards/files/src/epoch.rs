//! One epoch's folder, and what is computed from it.
//!
//! ```text
//! parameters.json                     the parameter record
//! sampling.json                       commitment, secret, tolerance; if the samples are to be checked
//! samples/*.{parquet,csv,jsonl}       samples, in any number of files and any order
//! volume.{csv,jsonl,parquet}          epoch, market, account, micro_usd: this epoch and the one before
//! stake.*                             epoch, minute, account, wei: V1 to V3
//! links.*                             secondary, primary
//! exclusions.*                        account, reason
//! eligible.*                          account: epoch 0 only
//! programs/NAME.*                     account, wei: what other programs give
//! previous-tree.json                  the tree before; required from epoch 1 on
//! legacy.json                         published scores; takes the place of everything above but the last two
//! ```

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, U256};
use rayon::prelude::*;
use rewards::{
    book::{Flaw, Record, parse_address},
    cumulative::Amounts,
    decimal, history,
    inputs::Inputs,
    legacy::Published,
    parameters::EpochParameters,
    sampling::{Punctuality, Sampling},
    tally::{Rules, Scorer, Taken, Tally},
    timeline::Recorder,
    tree::Tree,
};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::{
    Error, Problems, rows,
    samples::{Place, Progress, Samples, Visitor},
};

/// What is read from the folder, samples aside.
#[derive(Debug)]
pub struct EpochFolder {
    path: PathBuf,
    /// What is computed with.
    pub source: Source,
    /// What other programs give, by their names.
    pub programs: BTreeMap<String, Amounts>,
    /// The tree before.
    pub previous: Option<Tree>,
    /// SHA-256 of each file, by its name below the folder.
    pub digests: BTreeMap<String, String>,
}

/// Where the rewards come from.
#[derive(Debug)]
pub enum Source {
    /// Samples.
    Samples(Box<SampleSource>),
    /// Published scores.
    Legacy {
        /// What was published.
        published: Published,
        /// The epoch's tokens.
        lp_amount_wei: u128,
    },
}

/// Everything that samples are scored with.
#[derive(Debug)]
pub struct SampleSource {
    /// Parameters.
    pub parameters: EpochParameters,
    /// Sampling.
    pub sampling: Sampling,
    /// The rest.
    pub inputs: Inputs,
    /// The samples themselves.
    pub samples: Samples,
}

impl EpochFolder {
    /// Reads everything but the samples. Malformed tables are errors, whatever is asked of samples.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if !path.is_dir() {
            return Err(Error::refused(format_args!("{}: not a folder", path.display())));
        }
        let mut files = Vec::new();
        let legacy = path.join("legacy.json");
        let source = if legacy.exists() {
            files.push(legacy.clone());
            read_legacy(&legacy)?
        } else {
            Source::Samples(Box::new(SampleSource::open(path, &mut files)?))
        };
        let programs = read_programs(&path.join("programs"), &mut files)?;
        let previous = read_previous(path, &mut files)?;
        let mut folder = Self { path: path.to_owned(), source, programs, previous, digests: BTreeMap::new() };
        if folder.previous.is_none() && folder.epoch() > 0 {
            return Err(Error::refused(format_args!(
                "{}: no previous-tree.json; without it everybody rewarded before would lose what is theirs",
                path.display()
            )));
        }
        folder.digests = digests(path, &files)?;
        Ok(folder)
    }

    /// Which epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        match &self.source {
            Source::Samples(source) => source.parameters.epoch,
            Source::Legacy { published, .. } => published.epoch,
        }
    }

    /// The samples and what they are scored with, unless the epoch is a historical one.
    pub fn samples(&self) -> Result<&SampleSource, Error> {
        match &self.source {
            Source::Samples(source) => Ok(source),
            Source::Legacy { .. } => {
                Err(Error::refused(format_args!("{}: published scores, no samples", self.path.display())))
            }
        }
    }
}

impl SampleSource {
    fn open(path: &Path, files: &mut Vec<PathBuf>) -> Result<Self, Error> {
        let parameters_path = path.join("parameters.json");
        let parameters: EpochParameters = read_json(&parameters_path)?;
        parameters.check().map_err(|error| Error::malformed(&parameters_path, error))?;
        files.push(parameters_path);
        let sampling_path = path.join("sampling.json");
        let sampling = if sampling_path.exists() {
            files.push(sampling_path.clone());
            read_json(&sampling_path)?
        } else {
            Sampling { tolerance_ms: rewards::sampling::DEFAULT_TOLERANCE_MS, ..Sampling::default() }
        };
        let inputs = read_inputs(path, &parameters, files)?;
        let sample_files: Vec<_> = rows::find_all(&path.join("samples"))?.into_values().collect();
        if sample_files.is_empty() {
            return Err(Error::refused(format_args!("{}: no samples/*.parquet, *.csv or *.jsonl", path.display())));
        }
        files.extend(sample_files.iter().cloned());
        Ok(Self { parameters, sampling, inputs, samples: Samples::open(&sample_files)? })
    }

    /// The rules of the epoch, with no minute seen yet.
    pub fn rules(&self) -> Result<Rules<'_>, Error> {
        Rules::new(&self.parameters, &self.sampling).map_err(Error::refused)
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = fs::read(path).map_err(Error::at(path))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::malformed(path, error))
}

fn read_legacy(path: &Path) -> Result<Source, Error> {
    let bytes = fs::read(path).map_err(Error::at(path))?;
    let published = Published::parse(&bytes).map_err(|error| Error::malformed(path, error))?;
    let lp_amount_wei = history::lp_amount_wei(published.epoch);
    Ok(Source::Legacy { published, lp_amount_wei })
}

/// Reads one table, if it is there, and fails if anything is wrong with it.
fn read_table(
    folder: &Path,
    name: &str,
    columns: &[&str],
    files: &mut Vec<PathBuf>,
    each: impl FnMut(&[String]) -> Result<(), String>,
) -> Result<bool, Error> {
    let Some(path) = rows::find(folder, name)? else { return Ok(false) };
    let problems = rows::read(&path, columns, each)?;
    files.push(path);
    if problems.is_empty() { Ok(true) } else { Err(Error::Malformed(problems)) }
}

fn read_inputs(folder: &Path, parameters: &EpochParameters, files: &mut Vec<PathBuf>) -> Result<Inputs, Error> {
    fn text(error: impl std::fmt::Display) -> String {
        error.to_string()
    }
    let mut inputs = Inputs::of_epoch(parameters.epoch);
    read_table(folder, "volume", &["epoch", "market", "account", "micro_usd"], files, |row| {
        let [epoch, market, account, volume] = row else { return Err("four fields".to_owned()) };
        let (epoch, volume) = (decimal::integer(epoch).map_err(text)?, decimal::integer(volume).map_err(text)?);
        inputs.add_volume(epoch, market, parse_address(account).map_err(text)?, volume).map_err(text)
    })?;
    read_table(folder, "stake", &["epoch", "minute", "account", "wei"], files, |row| {
        let [epoch, minute, account, stake] = row else { return Err("four fields".to_owned()) };
        let (epoch, minute) = (decimal::integer(epoch).map_err(text)?, decimal::integer(minute).map_err(text)?);
        let stake = decimal::integer(stake).map_err(text)?;
        inputs.add_stake(epoch, minute, parse_address(account).map_err(text)?, stake).map_err(text)
    })?;
    read_table(folder, "links", &["secondary", "primary"], files, |row| {
        let [secondary, primary] = row else { return Err("two fields".to_owned()) };
        let pair = (parse_address(secondary).map_err(text)?, parse_address(primary).map_err(text)?);
        inputs.add_link(pair.0, pair.1).map_err(text)
    })?;
    read_table(folder, "exclusions", &["account", "reason"], files, |row| {
        let [account, reason] = row else { return Err("two fields".to_owned()) };
        inputs.add_exclusion(parse_address(account).map_err(text)?, reason).map_err(text)
    })?;
    let is_listed = read_table(folder, "eligible", &["account"], files, |row| {
        let [account] = row else { return Err("one field".to_owned()) };
        inputs.add_eligible(parse_address(account).map_err(text)?);
        Ok(())
    })?;
    if is_listed != (parameters.epoch == 0) {
        return Err(Error::refused("eligible.*: epoch 0 needs the list, later epochs compute it from volumes"));
    }
    Ok(inputs)
}

fn read_programs(folder: &Path, files: &mut Vec<PathBuf>) -> Result<BTreeMap<String, Amounts>, Error> {
    let mut programs = BTreeMap::new();
    for (name, path) in rows::find_all(folder)? {
        if name == "lp" || name == "earlier" {
            return Err(Error::refused(format_args!("{}: the name is taken", path.display())));
        }
        let amounts = read_amounts(&path)?;
        files.push(path);
        programs.insert(name, amounts);
    }
    Ok(programs)
}

/// Reads a table of accounts and wei.
pub fn read_amounts(path: &Path) -> Result<Amounts, Error> {
    let mut amounts = Amounts::new();
    let problems = rows::read(path, &["account", "wei"], |row| {
        let [account, wei] = row else { return Err("two fields".to_owned()) };
        let account = parse_address(account).map_err(|flaw| flaw.to_string())?;
        let wei: U256 = decimal::integer(wei).map_err(|error| error.to_string())?;
        match amounts.insert(account, wei) {
            Some(_) => Err(format!("a second amount of {account}")),
            None => Ok(()),
        }
    })?;
    if problems.is_empty() { Ok(amounts) } else { Err(Error::Malformed(problems)) }
}

fn read_previous(folder: &Path, files: &mut Vec<PathBuf>) -> Result<Option<Tree>, Error> {
    let path = folder.join("previous-tree.json");
    if !path.exists() {
        return Ok(None);
    }
    let bytes = fs::read(&path).map_err(Error::at(&path))?;
    let tree = Tree::parse(&bytes).map_err(|error| Error::malformed(&path, error))?;
    files.push(path);
    Ok(Some(tree))
}

fn digests(folder: &Path, files: &[PathBuf]) -> Result<BTreeMap<String, String>, Error> {
    let digest = |path: &PathBuf| {
        let name = path.strip_prefix(folder).unwrap_or(path);
        let name = name.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        Ok((name, sha256_of(path).map_err(Error::at(path))?))
    };
    files.par_iter().map(digest).collect()
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(alloy_primitives::hex::encode(hasher.finalize())),
            length => hasher.update(&buffer[..length]),
        }
    }
}

/// What is done about malformed samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// None may be: the epoch is rejected until they are repaired.
    Refuse,
    /// They are left out and listed.
    Skip,
}

/// The sums of an epoch's samples, and what was left out.
#[derive(Debug)]
pub struct Tallied {
    /// The sums.
    pub tally: Tally,
    /// What is wrong with the samples, if malformed ones are skipped.
    pub skipped: Problems,
}

/// Sees each valid sample once, on one thread, while sums are made of it.
pub trait Observer: Send {
    /// Takes a sample that the scorer has taken.
    fn observe(&mut self, rules: &Rules<'_>, record: &Record<'_>) -> Result<(), Flaw>;
}

impl Observer for () {
    fn observe(&mut self, _: &Rules<'_>, _: &Record<'_>) -> Result<(), Flaw> {
        Ok(())
    }
}

impl Observer for Recorder {
    fn observe(&mut self, rules: &Rules<'_>, record: &Record<'_>) -> Result<(), Flaw> {
        self.add(rules, record)
    }
}

/// Adds samples, except those at some places.
struct Count<'a, O> {
    rules: &'a Rules<'a>,
    scorer: Scorer<'a>,
    observer: O,
    but: &'a HashSet<Place>,
}

impl<O: Observer> Visitor for Count<'_, O> {
    fn visit(&mut self, place: Place, record: &Record<'_>) -> Result<(), Flaw> {
        if self.but.contains(&place) || self.scorer.add(record)? != Taken::Valid {
            return Ok(());
        }
        self.observer.observe(self.rules, record)
    }
}

/// Finds the samples of minutes that have more than one.
struct Locate<'a> {
    scorer: Scorer<'a>,
    repeated: &'a HashSet<(usize, u32)>,
    found: HashMap<(usize, u32), Vec<(Place, Punctuality)>>,
}

impl Visitor for Locate<'_> {
    fn visit(&mut self, place: Place, record: &Record<'_>) -> Result<(), Flaw> {
        let (market, punctuality) = self.scorer.check(record)?;
        let key = (market, record.minute);
        if self.repeated.contains(&key) {
            self.found.entry(key).or_default().push((place, punctuality));
        }
        Ok(())
    }
}

/// Reads all samples and adds them up, on so many threads; the sums do not depend on how many.
pub fn tally(
    source: &SampleSource,
    malformed: Malformed,
    threads: usize,
    progress: &dyn Progress,
) -> Result<Tallied, Error> {
    observe(source, malformed, threads, progress, || ()).map(|(tallied, _)| tallied)
}

/// The same, and shows each valid sample to one of several observers: one for each thread.
pub fn observe<O: Observer>(
    source: &SampleSource,
    malformed: Malformed,
    threads: usize,
    progress: &dyn Progress,
    observer: impl Fn() -> O + Sync,
) -> Result<(Tallied, Vec<O>), Error> {
    let (mut tallied, mut observers) = count(source, &HashSet::new(), threads, progress, &observer)?;
    if !tallied.tally.repeated.is_empty() {
        let repeated = tallied.tally.repeated.iter().copied().collect();
        let (problems, unchosen) = locate(source, &repeated, threads, progress)?;
        if malformed == Malformed::Skip {
            (tallied, observers) = count(source, &unchosen, threads, progress, &observer)?;
        }
        tallied.skipped.absorb(problems);
    }
    if malformed == Malformed::Refuse && !tallied.skipped.is_empty() {
        return Err(Error::Malformed(tallied.skipped));
    }
    Ok((tallied, observers))
}

fn count<O: Observer>(
    source: &SampleSource,
    but: &HashSet<Place>,
    threads: usize,
    progress: &dyn Progress,
    observer: &(impl Fn() -> O + Sync),
) -> Result<(Tallied, Vec<O>), Error> {
    let rules = source.rules()?;
    let new = || Count { rules: &rules, scorer: Scorer::new(&rules), observer: observer(), but };
    let scan = source.samples.scan(threads, progress, new)?;
    let mut tally = Tally::empty(source.parameters.markets.len());
    let mut observers = Vec::with_capacity(scan.visitors.len());
    for visitor in scan.visitors {
        tally.absorb(visitor.scorer.finish());
        observers.push(visitor.observer);
    }
    Ok((Tallied { tally, skipped: scan.problems }, observers))
}

/// What is wrong with minutes that have several samples, and which of those samples do not count: all but the one at the committed instant,
/// and all if there is no such one. Which is read first does not matter.
fn locate(
    source: &SampleSource,
    repeated: &HashSet<(usize, u32)>,
    threads: usize,
    progress: &dyn Progress,
) -> Result<(Problems, HashSet<Place>), Error> {
    let rules = source.rules()?;
    let mut scan = source.samples.scan(threads, progress, || Locate {
        scorer: Scorer::new(&rules),
        repeated,
        found: HashMap::new(),
    })?;
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for (key, samples) in scan.visitors.iter_mut().flat_map(|visitor| std::mem::take(&mut visitor.found)) {
        all.entry(key).or_default().extend(samples);
    }
    let (mut problems, mut unchosen) = (Problems::default(), HashSet::new());
    for ((market, minute), mut samples) in all {
        samples.sort_by_key(|(place, _)| *place);
        let is_exact = |punctuality: Punctuality| rules.instants().are_known() && punctuality == Punctuality::Exact;
        let exact: Vec<_> =
            samples.iter().filter(|(_, punctuality)| is_exact(*punctuality)).map(|(place, _)| *place).collect();
        let chosen = if let [only] = exact.as_slice() { Some(*only) } else { None };
        let name = &source.parameters.markets[market].market;
        let (kept, row) = source.samples.locate(&scan, chosen.unwrap_or(samples[0].0));
        let kept = format!("{}:{}", kept.display(), row.unwrap_or_default());
        for (place, _) in samples.iter().filter(|(place, _)| Some(*place) != chosen) {
            unchosen.insert(*place);
            if *place != chosen.unwrap_or(samples[0].0) {
                let (file, row) = source.samples.locate(&scan, *place);
                let reason = format!(
                    "a second sample of {name}, minute {minute}, beside {kept} (in CSV, the rows of a sample stand together)"
                );
                problems.add(&file, row, reason);
            }
        }
    }
    Ok((problems, unchosen))
}

/// A map from accounts to amounts, as a tree has them.
#[must_use]
pub fn amounts(credits: &BTreeMap<Address, u128>) -> Amounts {
    credits.iter().map(|(account, amount)| (*account, U256::from(*amount))).collect()
}
