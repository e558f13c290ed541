//! The rewards of epochs in a folder: the one that runs, whose samples are taken in as they come, and those that are closed, whose results are
//! served once they were verified.
//!
//! `FOLDER/17` has the inputs of epoch 17, as `tidepool rewards` reads them, and `FOLDER/17.results` what it computed of them. The last epoch
//! without results is the one that runs. Sums are kept; a sample that comes is added to them. They are at each moment those that `tidepool
//! rewards score` finds in the same files.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::Address;
use anyhow::{Context, anyhow, bail};
use rewards::{
    allocation::{Allocation, allocate},
    book::{Flaw, Record},
    progress::{Moment, progress},
    score::{Scores, score},
    tally::{Rules, Scorer, Taken, Tally},
    timeline::{Recorder, Timeline},
};
use rewards_files::{
    Problems,
    epoch::{EpochFolder, Malformed as Reading, SampleSource, Source},
    explain::{self, MinuteLine},
    manifest::Options,
    results,
    rows::Table,
    samples::{self, Format, Place, Samples, Visitor},
    verify::Results,
};

/// The file that samples taken over HTTP are appended to.
const TAKEN: &str = "ingest.jsonl";

/// The most bytes that one sample may have.
pub const SAMPLE_MAX: usize = 8 << 20;

/// A sample that was refused: whoever sent it can send a better one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl Malformed {
    const fn of(text: String) -> Self {
        Self(text)
    }
}

/// The running epoch at one moment.
#[derive(Debug)]
pub struct View {
    /// Which epoch.
    pub epoch: u64,
    /// What it is scored with.
    pub source: Arc<SampleSource>,
    /// Sums of the samples.
    pub tally: Tally,
    /// What happened when.
    pub timeline: Timeline,
    /// Scores.
    pub scores: Scores,
    /// What everybody would get.
    pub allocation: Allocation,
    /// Samples so far, those that do not count among them.
    pub samples: u64,
    /// Instant of the newest sample, Unix time in milliseconds.
    pub newest_ms: u64,
    /// What is wrong with the samples.
    pub problems: Problems,
    /// When this was computed, Unix time in milliseconds.
    pub at_ms: u64,
    /// What is made of it when somebody asks, once.
    made: Made,
}

/// See [`View`].
#[derive(Debug, Default)]
struct Made {
    rewards: OnceLock<Table>,
    markets: OnceLock<Table>,
    /// By the market's place and the buckets in a step.
    progress: Mutex<HashMap<(usize, usize), Arc<Vec<Moment>>>>,
}

impl View {
    /// Scores and rewards, as `tidepool rewards` writes them.
    pub fn rewards(&self) -> &Table {
        self.made.rewards.get_or_init(|| results::reward_table(self.epoch, &self.scores, &self.allocation))
    }

    /// Markets, as `tidepool rewards` writes them.
    pub fn markets(&self) -> &Table {
        self.made.markets.get_or_init(|| results::market_table(&self.scores, &self.allocation))
    }

    /// How a market's scores came about, one moment for every so many buckets of the timeline. Slow the first time.
    ///
    /// # Errors
    ///
    /// If sums of scores exceed their width.
    pub fn progress(&self, market: usize, buckets: usize) -> anyhow::Result<Arc<Vec<Moment>>> {
        let mut known = self.made.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(moments) = known.get(&(market, buckets)) {
            return Ok(Arc::clone(moments));
        }
        let (parameters, inputs) = (&self.source.parameters, &self.source.inputs);
        let moments = Arc::new(progress(parameters, &self.timeline, inputs, market, buckets)?);
        known.insert((market, buckets), Arc::clone(&moments));
        Ok(moments)
    }

    /// Minutes of the epoch that have passed by the newest sample: at least one.
    pub fn elapsed(&self) -> u32 {
        let parameters = &self.source.parameters;
        let start = parameters.clock.start_ms(parameters.epoch).unwrap_or_default();
        let minutes = self.newest_ms.saturating_sub(start) / 60_000 + 1;
        u32::try_from(minutes).unwrap_or(u32::MAX).min(parameters.minutes())
    }
}

/// A closed epoch.
#[derive(Debug)]
pub struct Closed {
    /// Results that hold.
    pub results: Results,
}

/// All epochs of a folder.
#[derive(Debug)]
pub struct Epochs {
    folder: PathBuf,
    /// Who reads: one at a time.
    reader: Mutex<Option<Running>>,
    view: RwLock<Option<Arc<View>>>,
    closed: RwLock<BTreeMap<u64, Arc<Closed>>>,
    /// Why an epoch is not served, by epoch; and what the manifest looked like then.
    refused: RwLock<BTreeMap<u64, (SystemTime, String)>>,
}

/// Size and time of files.
type Stamp = BTreeMap<PathBuf, (u64, SystemTime)>;

/// The running epoch while it grows.
#[derive(Debug)]
struct Running {
    epoch: u64,
    path: PathBuf,
    source: Arc<SampleSource>,
    /// Everything but samples, as it was read.
    tables: Stamp,
    /// Files of samples: bytes taken of those that grow; size and time of the others.
    taken: BTreeMap<PathBuf, u64>,
    whole: Stamp,
    seen: HashSet<(usize, u32)>,
    tally: Tally,
    timeline: Timeline,
    samples: u64,
    newest_ms: u64,
    problems: Problems,
}

/// Adds samples of minutes that have none yet.
struct Take<'a> {
    rules: &'a Rules<'a>,
    scorer: Scorer<'a>,
    recorder: Recorder,
    seen: &'a HashSet<(usize, u32)>,
    new: HashSet<(usize, u32)>,
    newest_ms: u64,
}

impl Visitor for Take<'_> {
    fn visit(&mut self, _: Place, record: &Record<'_>) -> Result<(), Flaw> {
        let place = self.rules.parameters().position(record.market);
        let key = place.map(|place| (place, record.minute));
        if key.is_some_and(|key| self.seen.contains(&key)) {
            return Ok(()); // It has a sample: the first one counts, as long as nobody asks which.
        }
        match self.scorer.add(record)? {
            Taken::Repeated => return Ok(()),
            Taken::Valid => self.recorder.add(self.rules, record)?,
            Taken::NoSample => {}
        }
        self.new.extend(key);
        self.newest_ms = self.newest_ms.max(record.time_ms);
        Ok(())
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_millis() as u64)
}

fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let data = fs::metadata(path).ok()?;
    Some((data.len(), data.modified().ok()?))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_plain =
        |path: &PathBuf| path.is_file() && path.file_name().is_none_or(|name| name.as_encoded_bytes()[0] != b'.');
    let mut files: Vec<_> = entries.filter(is_plain).collect();
    files.sort();
    files
}

fn grows(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "jsonl" || ending == "ndjson")
}

/// The byte behind the last whole line, from a byte on.
fn last_line(path: &Path, from: u64) -> anyhow::Result<u64> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let (mut at, mut end, mut buffer) = (from, from, vec![0; 1 << 16]);
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(end);
        }
        if let Some(place) = buffer[..count].iter().rposition(|byte| *byte == b'\n') {
            end = at + place as u64 + 1;
        }
        at += count as u64;
    }
}

impl Running {
    fn open(epoch: u64, path: &Path) -> anyhow::Result<Self> {
        let tables = Self::stamp_of_tables(path);
        let folder = EpochFolder::open(path)?;
        if folder.epoch() != epoch {
            bail!("{}: the parameters are of epoch {}", path.display(), folder.epoch());
        }
        let Source::Samples(source) = folder.source else {
            bail!("{}: published scores, no samples", path.display());
        };
        let markets = source.parameters.markets.len();
        Ok(Self {
            epoch,
            path: path.to_owned(),
            source: Arc::from(source),
            tables,
            taken: BTreeMap::new(),
            whole: Stamp::new(),
            seen: HashSet::new(),
            tally: Tally::empty(markets),
            timeline: Timeline::empty(markets),
            samples: 0,
            newest_ms: 0,
            problems: Problems::default(),
        })
    }

    fn stamp_of_tables(path: &Path) -> Stamp {
        let files = files(path).into_iter().chain(files(&path.join("programs")));
        files.filter_map(|path| Some((path.clone(), stamp(&path)?))).collect()
    }

    /// Whether something else than growing files of samples has changed.
    fn is_stale(&self) -> bool {
        let samples = files(&self.path.join("samples"));
        let gone = |path: &PathBuf| !samples.contains(path);
        let shrunk = |(path, taken): (&PathBuf, &u64)| fs::metadata(path).map_or(true, |data| data.len() < *taken);
        self.tables != Self::stamp_of_tables(&self.path)
            || self.whole.iter().any(|(path, known)| stamp(path).as_ref() != Some(known))
            || self.taken.keys().any(gone)
            || self.taken.iter().any(shrunk)
    }

    /// Takes in what is new in the files; whether anything was.
    fn grow(&mut self) -> anyhow::Result<bool> {
        let mut has_grown = false;
        for path in files(&self.path.join("samples")) {
            if grows(&path) {
                let from = self.taken.get(&path).copied().unwrap_or_default();
                let to = last_line(&path, from)?;
                if to > from {
                    self.take(&Samples::lines(&path, from, to))?;
                    has_grown = true;
                }
                self.taken.insert(path, to);
            } else if !self.whole.contains_key(&path) {
                let stamp = stamp(&path).with_context(|| path.display().to_string())?;
                self.take(&Samples::open(std::slice::from_ref(&path))?)?;
                self.whole.insert(path, stamp);
                has_grown = true;
            }
        }
        Ok(has_grown)
    }

    fn take(&mut self, samples: &Samples) -> anyhow::Result<()> {
        let source = Arc::clone(&self.source);
        let rules = source.rules()?;
        let markets = source.parameters.markets.len();
        let scan = samples.scan(1, &(), || Take {
            rules: &rules,
            scorer: Scorer::new(&rules),
            recorder: Recorder::new(markets),
            seen: &self.seen,
            new: HashSet::new(),
            newest_ms: 0,
        })?;
        let (problems, mut new) = (scan.problems, HashSet::new());
        for visitor in scan.visitors {
            self.tally.absorb(visitor.scorer.finish());
            self.timeline.absorb(visitor.recorder.finish());
            self.newest_ms = self.newest_ms.max(visitor.newest_ms);
            new.extend(visitor.new);
        }
        self.samples += new.len() as u64;
        self.seen.extend(new);
        self.problems.absorb(problems);
        Ok(())
    }

    fn view(&self) -> anyhow::Result<View> {
        let scores = score(&self.source.parameters, &self.tally, &self.source.inputs)?;
        let allocation = allocate(&self.source.parameters, &scores);
        Ok(View {
            epoch: self.epoch,
            source: Arc::clone(&self.source),
            tally: self.tally.clone(),
            timeline: self.timeline.clone(),
            scores,
            allocation,
            samples: self.samples,
            newest_ms: self.newest_ms,
            problems: self.problems.clone(),
            at_ms: now_ms(),
            made: Made::default(),
        })
    }
}

impl Epochs {
    /// The epochs of a folder; nothing is read yet.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            reader: Mutex::default(),
            view: RwLock::default(),
            closed: RwLock::default(),
            refused: RwLock::default(),
        }
    }

    /// Epochs that have inputs, and those that have results.
    fn listed(&self) -> anyhow::Result<(Vec<u64>, Vec<u64>)> {
        let (mut inputs, mut results) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.folder).with_context(|| self.folder.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match name.split_once('.') {
                None if path.is_dir() => inputs.extend(name.parse::<u64>().ok()),
                Some((epoch, "results")) if path.join("manifest.json").is_file() => {
                    results.extend(epoch.parse::<u64>().ok());
                }
                _ => {}
            }
        }
        Ok((inputs, results))
    }

    /// Takes in whatever is new in the folder.
    ///
    /// # Errors
    ///
    /// If the running epoch cannot be read; what was read before is served on.
    pub fn refresh(&self) -> anyhow::Result<()> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let (inputs, closed) = self.listed()?;
        for epoch in closed.iter().copied() {
            self.close(epoch);
        }
        let last = inputs.into_iter().filter(|epoch| !closed.contains(epoch)).max();
        let Some(epoch) = last.filter(|epoch| closed.iter().all(|closed| closed < epoch)) else {
            (*reader, *self.view.write().unwrap_or_else(PoisonError::into_inner)) = (None, None);
            return Ok(());
        };
        let mut is_new = false;
        if reader.as_ref().is_none_or(|running| running.epoch != epoch || running.is_stale()) {
            *reader = Some(Running::open(epoch, &self.folder.join(epoch.to_string()))?);
            is_new = true;
        }
        let running = reader.as_mut().context("it was just read")?;
        match running.grow() {
            Ok(has_grown) if has_grown || is_new => {
                let view = Arc::new(running.view()?);
                *self.view.write().unwrap_or_else(PoisonError::into_inner) = Some(view);
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(error) => {
                *reader = None; // A part may have been taken.
                Err(error)
            }
        }
    }

    fn close(&self, epoch: u64) {
        let folder = self.folder.join(format!("{epoch}.results"));
        let Some((_, time)) = stamp(&folder.join("manifest.json")) else { return };
        let is_known =
            |refused: &BTreeMap<u64, (SystemTime, String)>| refused.get(&epoch).is_some_and(|it| it.0 == time);
        if self.closed(epoch).is_some() || is_known(&self.refused.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        match verified(&folder, &self.folder.join(epoch.to_string()), epoch) {
            Ok(results) => {
                self.refused.write().unwrap_or_else(PoisonError::into_inner).remove(&epoch);
                let mut closed = self.closed.write().unwrap_or_else(PoisonError::into_inner);
                closed.insert(epoch, Arc::new(Closed { results }));
            }
            Err(error) => {
                let why = format!("{error:#}");
                tracing::warn!(epoch, why, "results are not served");
                self.refused.write().unwrap_or_else(PoisonError::into_inner).insert(epoch, (time, why));
            }
        }
    }

    /// The running epoch, if there is one.
    pub fn running(&self) -> Option<Arc<View>> {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A closed epoch.
    pub fn closed(&self, epoch: u64) -> Option<Arc<Closed>> {
        self.closed.read().unwrap_or_else(PoisonError::into_inner).get(&epoch).cloned()
    }

    /// All closed epochs, oldest first.
    pub fn all_closed(&self) -> Vec<Arc<Closed>> {
        self.closed.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Why an epoch's results are not served.
    pub fn refusal(&self, epoch: u64) -> Option<String> {
        let refused = self.refused.read().unwrap_or_else(PoisonError::into_inner);
        refused.get(&epoch).map(|(_, why)| why.clone())
    }

    /// Makes the file that samples are taken into, so that an epoch may begin without any.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn expect_samples(&self) -> anyhow::Result<()> {
        let (inputs, closed) = self.listed()?;
        let Some(epoch) = inputs.into_iter().filter(|epoch| !closed.contains(epoch)).max() else { return Ok(()) };
        let folder = self.folder.join(epoch.to_string()).join("samples");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let path = folder.join(TAKEN);
        OpenOptions::new().create(true).append(true).open(&path).with_context(|| path.display().to_string())?;
        Ok(())
    }

    /// Takes samples, one a line: those of minutes that have none yet are kept, and are on the disk when this returns. How many were.
    ///
    /// # Errors
    ///
    /// If no epoch runs, or one of them is malformed; none is kept then.
    pub fn take(&self, lines: &[u8]) -> anyhow::Result<usize> {
        self.refresh()?;
        let kept = {
            let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
            let running = reader.as_ref().ok_or_else(|| anyhow!("no epoch runs"))?;
            running.keep(lines)?
        };
        self.refresh()?;
        Ok(kept)
    }

    /// What a provider's orders in a minute of a market were worth.
    ///
    /// # Errors
    ///
    /// If the samples cannot be read.
    pub fn explain(
        &self,
        epoch: u64,
        market: &str,
        minute: u32,
        account: Address,
    ) -> anyhow::Result<Option<MinuteLine>> {
        let folder = EpochFolder::open(&self.folder.join(epoch.to_string()))?;
        let source = folder.samples()?;
        let minutes = minute..minute.saturating_add(1);
        let found = explain::minutes(source, account, market, minutes, 1, &())?;
        Ok(found.into_iter().next())
    }

    /// Whether an epoch has inputs here.
    pub fn has_inputs(&self, epoch: u64) -> bool {
        self.folder.join(epoch.to_string()).is_dir()
    }
}

impl Running {
    /// Appends the lines of new minutes to a file.
    fn keep(&self, lines: &[u8]) -> anyhow::Result<usize> {
        let path = self.path.join("samples").join(TAKEN);
        let rules = self.source.rules()?;
        let mut check = Check { rules: &rules, keys: Vec::new() };
        let lines: Vec<_> = lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect();
        samples::read_lines(&lines.join(&b'\n'), &mut check).map_err(Malformed::of)?;
        let (mut new, mut kept) = (HashSet::new(), Vec::new());
        for (key, line) in check.keys.into_iter().zip(lines) {
            if !self.seen.contains(&key) && new.insert(key) {
                kept.extend_from_slice(line);
                kept.push(b'\n');
            }
        }
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).with_context(|| path.display().to_string())?;
        let before = file.metadata()?.len();
        // A line that a crash has cut off is left behind: nothing after it would be read.
        let whole = last_line(&path, 0)?;
        if whole < before {
            file.set_len(whole)?;
        }
        if let Err(error) = file.write_all(&kept).and_then(|()| file.sync_data()) {
            file.set_len(whole)?;
            return Err(error).with_context(|| path.display().to_string());
        }
        Ok(new.len())
    }
}

/// Checks a sample, whoever adds it.
struct Check<'a> {
    rules: &'a Rules<'a>,
    keys: Vec<(usize, u32)>,
}

impl Visitor for Check<'_> {
    fn visit(&mut self, _: Place, record: &Record<'_>) -> Result<(), Flaw> {
        let (market, _) = Scorer::new(self.rules).check(record)?;
        self.keys.push((market, record.minute));
        Ok(())
    }
}

/// Results that are what their manifest says and, where the inputs are there, what these give.
fn verified(folder: &Path, inputs: &Path, epoch: u64) -> anyhow::Result<Results> {
    let results = Results::read(folder)?;
    if results.manifest.epoch != epoch {
        bail!("{}: the manifest is of epoch {}", folder.display(), results.manifest.epoch);
    }
    let mut checks = results.check();
    if inputs.is_dir() {
        let options = Options {
            format: Format::Csv,
            malformed: if results.manifest.skipped > 0 { Reading::Skip } else { Reading::Refuse },
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            progress: &(),
            proofs: false,
            replace: false,
            accept_gaps: None,
        };
        checks.extend(results.check_inputs(&EpochFolder::open(inputs)?, options)?);
    }
    match checks.into_iter().find(|check| !check.holds) {
        None => Ok(results),
        Some(check) => bail!("{} does not hold: {}", check.name, check.detail),
    }
}
