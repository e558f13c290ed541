//! The epoch's folder as it grows, and the recorder's own files beside it.
//!
//! `FOLDER/samples` has a file for each market and day of the epoch, whose lines are appended and on the disk before anything else happens; `FOLDER/volume.csv`
//! has this epoch's volumes so far beside those of the epoch before. `FOLDER.record` has what belongs to nobody's epoch: `fills.jsonl`, from which the
//! volumes follow, and `gaps.jsonl`, why minutes have no valid sample. What a dying process leaves of a line is taken back when the next one
//! begins, and nothing is recorded twice: minutes up to the last one that has a sample are passed over, and so are executions up to the last
//! one of their market.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, U256};
use rewards::{book::Record, decimal, parameters::EpochParameters};
use rewards_files::{
    Error,
    folder::market_file,
    rows::{self, Table},
    samples,
};
use serde::{Deserialize, Serialize};

use crate::sink::{Fill, Sink};

/// Minutes of a file of samples.
const DAY: u32 = 24 * 60;

const COLUMNS: [&str; 4] = ["epoch", "market", "account", "micro_usd"];

/// An execution as the journal has it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FillLine {
    market: String,
    time_ms: u64,
    seq: u64,
    place: u32,
    account: Address,
    price: u64,
    size: u64,
}

/// Why a minute has no valid sample.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GapLine {
    market: String,
    minute: u32,
    time_ms: u64,
    status: String,
    reason: String,
}

/// What of a sample is read again.
#[derive(Deserialize)]
struct Recorded {
    minute: u32,
}

#[derive(Debug)]
struct Market {
    name: String,
    stem: String,
    decimals: u32,
    /// The file of a day.
    file: Option<(u32, PathBuf, File)>,
    last_minute: Option<u32>,
    /// Time, number and place of the last execution.
    last_fill: Option<(u64, u64, u32)>,
    /// Price times size by maker, exact.
    volumes: BTreeMap<Address, U256>,
}

/// Writes an epoch.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    epoch: u64,
    markets: Vec<Market>,
    fills: (PathBuf, File),
    gaps: (PathBuf, File),
    /// Volumes of the epoch before.
    before: Vec<Vec<String>>,
    /// Whether each sample is on the disk before the next message is read.
    syncs: bool,
    /// Whether people are told.
    tells: bool,
    line: String,
    /// Nobody else records into the folder.
    _lock: File,
}

/// The folder of the recorder's own files: beside that of the epoch.
#[must_use]
pub fn beside(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".record");
    folder.with_file_name(name)
}

/// Opens a file of lines to append to, without what is left of one that was being written. The whole lines are shown to `each`.
fn open_lines(path: &Path, mut each: impl FnMut(&[u8]) -> Result<(), String>) -> Result<File, Error> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(Error::at(path))?;
    let (mut reader, mut line, mut whole, mut number) = (BufReader::new(&file), Vec::new(), 0, 0);
    loop {
        line.clear();
        let count = reader.read_until(b'\n', &mut line).map_err(Error::at(path))?;
        if line.last() != Some(&b'\n') {
            break;
        }
        (whole, number) = (whole + count as u64, number + 1);
        each(&line).map_err(|reason| Error::malformed(path, format_args!("line {number}: {reason}")))?;
    }
    file.set_len(whole).map_err(Error::at(path))?;
    file.seek(SeekFrom::End(0)).map_err(Error::at(path))?;
    Ok(file)
}

/// Opens a file of samples: its last line is read, what is left of another is cut off.
fn open_samples(path: &Path) -> Result<(File, Option<u32>), Error> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(Error::at(path))?;
    let whole = line_before(&mut file, None).map_err(Error::at(path))?;
    file.set_len(whole).map_err(Error::at(path))?;
    if whole == 0 {
        return Ok((file, None));
    }
    let from = line_before(&mut file, Some(whole - 1)).map_err(Error::at(path))?;
    let mut line = vec![0; usize::try_from(whole - from).unwrap_or_default()];
    file.seek(SeekFrom::Start(from)).and_then(|_| file.read_exact(&mut line)).map_err(Error::at(path))?;
    let recorded: Recorded = serde_json::from_slice(&line).map_err(|error| {
        Error::malformed(path, format_args!("the last line is no sample ({error}): move the file away, or mend it"))
    })?;
    Ok((file, Some(recorded.minute)))
}

/// The byte behind the last line's end before a byte, or before the end.
fn line_before(file: &mut File, before: Option<u64>) -> std::io::Result<u64> {
    const STEP: u64 = 1 << 16;
    let mut end = before.map_or_else(|| file.metadata().map(|data| data.len()), Ok)?;
    let mut buffer = vec![0; STEP as usize];
    while end > 0 {
        let from = end.saturating_sub(STEP);
        let part = &mut buffer[..(end - from) as usize];
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(part)?;
        if let Some(place) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(from + place as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).unwrap_or_default(); // Text and numbers always serialize.
    line.push(b'\n');
    line
}

impl Store {
    /// Opens a folder that is new, or goes on with one. `syncs`: each sample is on the disk before the next message is read.
    ///
    /// # Errors
    ///
    /// If somebody else records into it, a file cannot be read or written, or volumes lie there in another format.
    pub fn open(folder: &Path, parameters: &EpochParameters, syncs: bool, tells: bool) -> Result<Self, Error> {
        let (own, samples) = (beside(folder), folder.join("samples"));
        for folder in [&own, &samples] {
            fs::create_dir_all(folder).map_err(Error::at(folder))?;
        }
        let path = own.join("lock");
        let lock = File::create(&path).map_err(Error::at(&path))?;
        lock.try_lock().map_err(|_| {
            Error::refused(format_args!("{}: another process records into this folder", folder.display()))
        })?;
        let market = |market: &rewards::parameters::MarketParameters| Market {
            name: market.market.clone(),
            stem: market_file(&market.market),
            decimals: u32::from(market.price_decimals) + u32::from(market.size_decimals),
            file: None,
            last_minute: None,
            last_fill: None,
            volumes: BTreeMap::new(),
        };
        let mut markets: Vec<_> = parameters.markets.iter().map(market).collect();
        for market in &mut markets {
            market.resume(&samples, parameters.minutes())?;
        }
        let path = own.join("fills.jsonl");
        let file = open_lines(&path, |line| {
            let line: FillLine = serde_json::from_slice(line).map_err(|error| error.to_string())?;
            let market = markets.iter_mut().find(|market| market.name == line.market);
            let market = market.ok_or_else(|| format!("market `{}` has no parameters", line.market))?;
            market.add((line.time_ms, line.seq, line.place), line.account, line.price, line.size);
            Ok(())
        })?;
        let fills = (path, file);
        let gaps = Self::open_gaps(&own.join("gaps.jsonl"), &markets)?;
        let before = volumes_before(folder, parameters.epoch)?;
        let mut store = Self {
            folder: folder.to_owned(),
            epoch: parameters.epoch,
            markets,
            fills,
            gaps,
            before,
            syncs,
            tells,
            line: String::new(),
            _lock: lock,
        };
        // An epoch has samples and volumes from its first moment on, if none yet.
        if store.markets.iter().all(|market| market.last_minute.is_none()) {
            store.markets[0].open(&samples, 0)?;
        }
        store.write_volumes()?;
        Ok(store)
    }

    /// Gaps of minutes that have no sample were told by a process that died before it wrote the sample.
    fn open_gaps(path: &Path, markets: &[Market]) -> Result<(PathBuf, File), Error> {
        let (mut kept, mut drops) = (Vec::new(), false);
        drop(open_lines(path, |line| {
            let gap: GapLine = serde_json::from_slice(line).map_err(|error| error.to_string())?;
            let market = markets.iter().find(|market| market.name == gap.market);
            if market.is_some_and(|market| market.last_minute.is_some_and(|last| gap.minute <= last)) {
                kept.extend_from_slice(line);
            } else {
                drops = true;
            }
            Ok(())
        })?);
        if drops {
            rewards_files::output::write(path, &kept)?;
        }
        let file = OpenOptions::new().append(true).open(path).map_err(Error::at(path))?;
        Ok((path.to_owned(), file))
    }

    /// Takes the volumes of the epoch before from another epoch's folder.
    ///
    /// # Errors
    ///
    /// If they cannot be read, or there are none.
    pub fn take_volumes_before(&mut self, folder: &Path) -> Result<(), Error> {
        self.before = match (self.epoch.checked_sub(1), rows::find(folder, "volume")?) {
            (Some(before), Some(path)) => read_volumes(&path, before)?,
            _ => Vec::new(),
        };
        if self.before.is_empty() {
            let text = format!("{}: no volumes of epoch {}", folder.display(), self.epoch.saturating_sub(1));
            return Err(Error::refused(text));
        }
        self.write_volumes()
    }

    /// Writes the volumes so far.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub fn write_volumes(&self) -> Result<(), Error> {
        let mut rows = self.before.clone();
        for market in &self.markets {
            let micro = |value: U256| value * U256::from(1_000_000) / U256::from(10).pow(U256::from(market.decimals));
            let row = |(account, value): (&Address, &U256)| {
                vec![self.epoch.to_string(), market.name.clone(), format!("{account:#x}"), micro(*value).to_string()]
            };
            rows.extend(market.volumes.iter().map(row));
        }
        Table { columns: COLUMNS.to_vec(), rows }.write(&self.folder.join("volume.csv"))
    }

    /// Sees to it that everything is on the disk.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn sync(&self) -> Result<(), Error> {
        let files = self.markets.iter().filter_map(|market| market.file.as_ref()).map(|(_, path, file)| (path, file));
        let own = [(&self.fills.0, &self.fills.1), (&self.gaps.0, &self.gaps.1)];
        files.chain(own).try_for_each(|(path, file)| file.sync_data().map_err(Error::at(path)))
    }
}

impl Market {
    /// Finds the last minute that has a sample.
    fn resume(&mut self, samples: &Path, minutes: u32) -> Result<(), Error> {
        for day in (0..minutes.div_ceil(DAY)).rev() {
            if self.path(samples, day).exists() {
                self.open(samples, day)?;
                if self.last_minute.is_some() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn path(&self, samples: &Path, day: u32) -> PathBuf {
        samples.join(format!("{}.day-{day:02}.jsonl", self.stem))
    }

    fn open(&mut self, samples: &Path, day: u32) -> Result<(), Error> {
        let path = self.path(samples, day);
        let is_new = !path.exists();
        let (file, last_minute) = open_samples(&path)?;
        if is_new {
            // The name as well is on the disk, where a folder can be told so.
            drop(File::open(samples).and_then(|folder| folder.sync_all()));
        }
        self.last_minute = self.last_minute.max(last_minute);
        self.file = Some((day, path, file));
        Ok(())
    }

    fn add(&mut self, key: (u64, u64, u32), account: Address, price: u64, size: u64) {
        self.last_fill = Some(key);
        let sum = self.volumes.entry(account).or_default();
        *sum = sum.saturating_add(U256::from(price) * U256::from(size));
    }
}

/// Volumes of the epoch before that lie in the folder already.
fn volumes_before(folder: &Path, epoch: u64) -> Result<Vec<Vec<String>>, Error> {
    match (rows::find(folder, "volume")?, epoch.checked_sub(1)) {
        (Some(path), _) if path.extension().is_none_or(|ending| ending != "csv") => {
            let text = format!("{}: volumes are recorded as volume.csv; put its rows there", path.display());
            Err(Error::refused(text))
        }
        (Some(path), Some(before)) => read_volumes(&path, before),
        _ => Ok(Vec::new()),
    }
}

/// The rows of one epoch.
fn read_volumes(path: &Path, epoch: u64) -> Result<Vec<Vec<String>>, Error> {
    let table = Table::read(path, &COLUMNS)?;
    let is_of = |row: &Vec<String>| decimal::integer::<u64>(&row[0]).is_ok_and(|found| found == epoch);
    Ok(table.rows.into_iter().filter(is_of).collect())
}

impl Sink for Store {
    fn sample(&mut self, market: usize, record: &Record<'_>, reason: Option<&str>, _: u64) -> Result<(), Error> {
        let (samples, day) = (self.folder.join("samples"), record.minute / DAY);
        if let Some(reason) = reason {
            let line = json(&GapLine {
                market: record.market.to_owned(),
                minute: record.minute,
                time_ms: record.time_ms,
                status: record.status.name().to_owned(),
                reason: reason.to_owned(),
            });
            self.gaps.1.write_all(&line).map_err(Error::at(&self.gaps.0))?;
        }
        let market = &mut self.markets[market];
        if market.file.as_ref().is_none_or(|(open, ..)| *open != day) {
            if let Some((_, path, file)) = &market.file {
                file.sync_data().map_err(Error::at(path))?;
            }
            market.open(&samples, day)?;
        }
        let Some((_, path, file)) = &mut market.file else { return Ok(()) };
        self.line.clear();
        samples::json_line(&mut self.line, record);
        file.write_all(self.line.as_bytes()).map_err(Error::at(path))?;
        if self.syncs {
            file.sync_data().map_err(Error::at(path))?;
        }
        market.last_minute = Some(record.minute);
        Ok(())
    }

    fn fill(&mut self, fill: &Fill) -> Result<(), Error> {
        let Fill { time_ms, seq, place, account, price, size, .. } = *fill;
        let market = &mut self.markets[fill.market];
        let key = (time_ms, seq, place);
        if market.last_fill.is_some_and(|last| key <= last) {
            return Ok(()); // Counted by an earlier process.
        }
        let line = json(&FillLine { market: market.name.clone(), time_ms, seq, place, account, price, size });
        self.fills.1.write_all(&line).map_err(Error::at(&self.fills.0))?;
        market.add(key, account, price, size);
        Ok(())
    }

    fn note(&mut self, market: Option<usize>, time_ms: u64, text: &str) {
        if self.tells {
            let name = market.and_then(|market| self.markets.get(market)).map_or("all markets", |market| &market.name);
            eprintln!("{time_ms} {name}: {text}");
        }
    }

    fn last_minute(&self, market: usize) -> Option<u32> {
        self.markets.get(market)?.last_minute
    }
}
