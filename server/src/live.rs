//! The rewards of epochs in a folder: the one that runs, whose samples are taken in as they come, and those that are closed, whose results are
//! served once they were verified.
//!
//! `FOLDER/17` has the inputs of epoch 17, as `tidepool rewards` reads them, and `FOLDER/17.results` what it computed of them. The last epoch
//! without results is the one that runs. Sums are kept; a sample that comes is added to them. They are at each moment those that `tidepool
//! rewards score` finds in the same files.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::Address;
use anyhow::{Context, anyhow, bail};
use rewards::{
    allocation::{Allocation, allocate},
    progress::{Moment, progress},
    score::{Scores, score},
    tally::Tally,
    timeline::Timeline,
};
use rewards_files::{
    Problems,
    epoch::{EpochFolder, Malformed as Reading, SampleSource},
    explain::{self, MinuteLine},
    live::{NotKept, Running},
    manifest::Options,
    results,
    rows::Table,
    samples::Format,
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

/// A market's moments, by its place and the buckets in a step.
type Progress = HashMap<(usize, usize), Arc<Vec<Moment>>>;

/// See [`View`].
#[derive(Debug, Default)]
struct Made {
    rewards: OnceLock<Table>,
    markets: OnceLock<Table>,
    progress: Mutex<Progress>,
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

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_millis() as u64)
}

/// The time of a manifest.
fn time_of(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// What an epoch comes to, as it is now.
fn view(running: &Running) -> anyhow::Result<View> {
    let source = Arc::clone(&running.source);
    let scores = score(&source.parameters, &running.tally, &source.inputs)?;
    let allocation = allocate(&source.parameters, &scores);
    Ok(View {
        epoch: source.parameters.epoch,
        source,
        tally: running.tally.clone(),
        timeline: running.timeline.clone(),
        scores,
        allocation,
        samples: running.samples,
        newest_ms: running.newest_ms,
        problems: running.problems.clone(),
        at_ms: now_ms(),
        made: Made::default(),
    })
}

/// The running epoch, if the folder is that of its number.
fn open(epoch: u64, path: &Path) -> anyhow::Result<Running> {
    let running = Running::open(path, false)?;
    let found = running.source.parameters.epoch;
    if found != epoch {
        bail!("{}: the parameters are of epoch {found}", path.display());
    }
    Ok(running)
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
        if reader.as_ref().is_none_or(|running| running.source.parameters.epoch != epoch || running.is_stale()) {
            *reader = Some(open(epoch, &self.folder.join(epoch.to_string()))?);
            is_new = true;
        }
        let running = reader.as_mut().context("it was just read")?;
        match running.grow() {
            Ok(has_grown) if has_grown || is_new => {
                let view = Arc::new(view(running)?);
                *self.view.write().unwrap_or_else(PoisonError::into_inner) = Some(view);
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(error) => {
                *reader = None; // A part may have been taken.
                Err(error.into())
            }
        }
    }

    fn close(&self, epoch: u64) {
        let folder = self.folder.join(format!("{epoch}.results"));
        let Some(time) = time_of(&folder.join("manifest.json")) else { return };
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
            running.keep(lines, TAKEN).map_err(|error| match error {
                NotKept::Malformed(text) => anyhow::Error::from(Malformed::of(text)),
                NotKept::Failed(error) => error.into(),
            })?
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
