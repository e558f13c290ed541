//! An epoch that runs: sums that samples are added to as they are appended, at each moment those that `tidepool rewards score` finds in the same
//! files.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use alloy_primitives::U256;
use rewards::{
    book::{Best, Book, Flaw, Record, Status, Verdict},
    tally::{self, Rules, Scorer, Taken, Tally},
    timeline::{Recorder, Timeline},
};

use crate::{
    Error, Problems,
    epoch::{EpochFolder, SampleSource, Source},
    samples::{self, Place, Samples, Visitor},
};

/// Why samples are not kept.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// One of them is malformed: whoever sent it can send a better one.
    #[error("{0}")]
    Malformed(String),
    /// They cannot be written.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// The newest sample of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest {
    /// Minute of the epoch.
    pub minute: u32,
    /// Its instant, Unix time in milliseconds.
    pub time_ms: u64,
    /// What the sampler says of it.
    pub status: Status,
    /// Best prices, if it has both.
    pub best: Option<Best>,
    /// Depth of all orders that count, micro-USD.
    pub depth_micro: U256,
}

/// Size and time of files.
type Stamp = BTreeMap<PathBuf, (u64, SystemTime)>;

/// The running epoch while it grows.
#[derive(Debug)]
pub struct Running {
    path: PathBuf,
    /// What it is scored with.
    pub source: Arc<SampleSource>,
    /// Sums of the samples.
    pub tally: Tally,
    /// What happened when.
    pub timeline: Timeline,
    /// Samples so far, those that do not count among them.
    pub samples: u64,
    /// Instant of the newest sample, Unix time in milliseconds.
    pub newest_ms: u64,
    /// What is wrong with the samples.
    pub problems: Problems,
    /// The newest sample of each market, in the order of the parameters, if they are looked at.
    pub newest: Vec<Option<Newest>>,
    looks: bool,
    /// Everything but samples, as it was read.
    tables: Stamp,
    /// Files of samples: bytes taken of those that grow; size and time of the others.
    taken: BTreeMap<PathBuf, u64>,
    whole: Stamp,
    seen: HashSet<(usize, u32)>,
}

/// Adds samples of minutes that have none yet.
struct Take<'a> {
    rules: &'a Rules<'a>,
    scorer: Scorer<'a>,
    recorder: Recorder,
    seen: &'a HashSet<(usize, u32)>,
    new: HashSet<(usize, u32)>,
    newest_ms: u64,
    /// Nothing if nobody looks.
    newest: Vec<Option<Newest>>,
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
        let newest = place.and_then(|place| self.newest.get_mut(place));
        if let Some(newest) = newest.filter(|newest| newest.is_none_or(|newest| newest.minute < record.minute)) {
            *newest = Some(look(self.rules, record)?);
        }
        Ok(())
    }
}

/// What is shown of a market's newest sample.
fn look(rules: &Rules<'_>, record: &Record<'_>) -> Result<Newest, Flaw> {
    let (market, book, _) = rules.read(record)?;
    let (limits, mut depth_micro) = (rules.limits(market), U256::ZERO);
    tally::judge(limits, book, record.orders, |order| {
        if let Some(Verdict::Counts(_)) = order.verdict {
            depth_micro = depth_micro.saturating_add(limits.depth_micro(order.price, order.size));
        }
        Ok(())
    })?;
    let best = match book {
        Book::Valid(best) => Some(best),
        _ => None,
    };
    Ok(Newest { minute: record.minute, time_ms: record.time_ms, status: record.status, best, depth_micro })
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
fn last_line(path: &Path, from: u64) -> Result<u64, Error> {
    let mut file = File::open(path).map_err(Error::at(path))?;
    file.seek(SeekFrom::Start(from)).map_err(Error::at(path))?;
    let (mut at, mut end, mut buffer) = (from, from, vec![0; 1 << 16]);
    loop {
        let count = file.read(&mut buffer).map_err(Error::at(path))?;
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
    /// Reads everything but the samples of an epoch's folder. `looks`: also at the newest sample of each market.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read, or has no samples but published scores.
    pub fn open(path: &Path, looks: bool) -> Result<Self, Error> {
        let tables = Self::stamp_of_tables(path);
        let Source::Samples(source) = EpochFolder::open(path)?.source else {
            return Err(Error::refused(format_args!("{}: published scores, no samples", path.display())));
        };
        let markets = source.parameters.markets.len();
        Ok(Self {
            path: path.to_owned(),
            source: Arc::from(source),
            tally: Tally::empty(markets),
            timeline: Timeline::empty(markets),
            samples: 0,
            newest_ms: 0,
            problems: Problems::default(),
            newest: if looks { vec![None; markets] } else { Vec::new() },
            looks,
            tables,
            taken: BTreeMap::new(),
            whole: Stamp::new(),
            seen: HashSet::new(),
        })
    }

    fn stamp_of_tables(path: &Path) -> Stamp {
        let files = files(path).into_iter().chain(files(&path.join("programs")));
        files.filter_map(|path| Some((path.clone(), stamp(&path)?))).collect()
    }

    /// Whether something else than growing files of samples has changed: then it is to be opened anew.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        let samples = files(&self.path.join("samples"));
        let gone = |path: &PathBuf| !samples.contains(path);
        let shrunk = |(path, taken): (&PathBuf, &u64)| fs::metadata(path).map_or(true, |data| data.len() < *taken);
        self.tables != Self::stamp_of_tables(&self.path)
            || self.whole.iter().any(|(path, known)| stamp(path).as_ref() != Some(known))
            || self.taken.keys().any(gone)
            || self.taken.iter().any(shrunk)
    }

    /// Takes in what is new in the files; whether anything was.
    ///
    /// # Errors
    ///
    /// If a file cannot be read: a part may have been taken, and it is to be opened anew.
    pub fn grow(&mut self) -> Result<bool, Error> {
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
                let stamp = stamp(&path).ok_or_else(|| Error::refused(format_args!("{}: is gone", path.display())))?;
                self.take(&Samples::open(std::slice::from_ref(&path))?)?;
                self.whole.insert(path, stamp);
                has_grown = true;
            }
        }
        Ok(has_grown)
    }

    fn take(&mut self, samples: &Samples) -> Result<(), Error> {
        let source = Arc::clone(&self.source);
        let rules = source.rules()?;
        let markets = source.parameters.markets.len();
        let newest = if self.looks { vec![None; markets] } else { Vec::new() };
        let scan = samples.scan(1, &(), || Take {
            rules: &rules,
            scorer: Scorer::new(&rules),
            recorder: Recorder::new(markets),
            seen: &self.seen,
            new: HashSet::new(),
            newest_ms: 0,
            newest: newest.clone(),
        })?;
        let (problems, mut new) = (scan.problems, HashSet::new());
        for visitor in scan.visitors {
            self.tally.absorb(visitor.scorer.finish());
            self.timeline.absorb(visitor.recorder.finish());
            self.newest_ms = self.newest_ms.max(visitor.newest_ms);
            new.extend(visitor.new);
            for (mine, theirs) in self.newest.iter_mut().zip(visitor.newest) {
                let minute = |newest: &Option<Newest>| newest.map(|newest| newest.minute);
                if minute(mine) < minute(&theirs) {
                    *mine = theirs;
                }
            }
        }
        self.samples += new.len() as u64;
        self.seen.extend(new);
        self.problems.absorb(problems);
        Ok(())
    }

    /// Appends samples, one a line, of minutes that have none yet to a file in `samples`: they are on the disk when this returns. How many were.
    ///
    /// # Errors
    ///
    /// If one of them is malformed, or they cannot be written; none is kept then.
    pub fn keep(&self, lines: &[u8], file: &str) -> Result<usize, NotKept> {
        let path = self.path.join("samples").join(file);
        let rules = self.source.rules()?;
        let mut check = Check { rules: &rules, keys: Vec::new() };
        let lines: Vec<_> = lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect();
        samples::read_lines(&lines.join(&b'\n'), &mut check).map_err(NotKept::Malformed)?;
        let (mut new, mut kept) = (HashSet::new(), Vec::new());
        for (key, line) in check.keys.into_iter().zip(lines) {
            if !self.seen.contains(&key) && new.insert(key) {
                kept.extend_from_slice(line);
                kept.push(b'\n');
            }
        }
        append(&path, &kept)?;
        Ok(new.len())
    }
}

/// Appends lines to a file, all of them or none.
fn append(path: &Path, lines: &[u8]) -> Result<(), Error> {
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(Error::at(path))?;
    let before = file.metadata().map_err(Error::at(path))?.len();
    // A line that a crash has cut off is left behind: nothing after it would be read.
    let whole = last_line(path, 0)?;
    if whole < before {
        file.set_len(whole).map_err(Error::at(path))?;
    }
    if let Err(error) = file.write_all(lines).and_then(|()| file.sync_data()) {
        file.set_len(whole).map_err(Error::at(path))?;
        return Err(Error::at(path)(error));
    }
    Ok(())
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
