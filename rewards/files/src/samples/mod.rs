//! Samples of order books in files: one record per market and minute, as Parquet, CSV or JSON lines.
//!
//! [`Samples::scan`] reads any number of files with all cores. A file is cut into parts (row groups of Parquet, spans of JSON lines); each thread takes the
//! next part and shows its records to a [`Visitor`] of its own. What is wrong is reported with file and row, whichever thread met it.

mod convert;
mod csv;
mod jsonl;
mod parquet;
mod stored;
mod write;

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rewards::book::{Flaw, Record};

pub use convert::to_parquet;
pub(crate) use parquet::{check_names, check_offsets, guarded, options};
pub(crate) use stored::Ended;
pub use stored::{Compression, Stored};
pub use write::{Format, SampleWriter, json_line};

use crate::{Error, Problems, problem::Found};

/// Where a record stands: a part of a file, and the row in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    part: usize,
    row: u64,
}

/// What is done with the records that one thread reads.
pub trait Visitor {
    /// Takes a record, or says what is wrong with it.
    fn visit(&mut self, place: Place, record: &Record<'_>) -> Result<(), Flaw>;
}

/// What is told of progress: bytes read so far, of how many.
pub trait Progress: std::fmt::Debug + Sync {
    /// So many bytes in all.
    fn expect(&self, bytes: u64);
    /// So many more are read.
    fn advance(&self, bytes: u64);
}

impl Progress for () {
    fn expect(&self, _: u64) {}
    fn advance(&self, _: u64) {}
}

/// A part of a file that one thread reads.
#[derive(Debug)]
enum Part {
    /// A span of lines: those that start in it.
    Lines { path: PathBuf, from: u64, to: u64 },
    /// All of a text file: CSV, or a compressed one.
    Whole { path: PathBuf, stored: Stored, bytes: u64 },
    /// A row group.
    Group { file: parquet::Opened, group: usize, bytes: u64 },
}

impl Part {
    fn path(&self) -> &Path {
        match self {
            Self::Lines { path, .. } | Self::Whole { path, .. } => path,
            Self::Group { file, .. } => file.path(),
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Lines { from, to, .. } => to - from,
            Self::Whole { bytes, .. } | Self::Group { bytes, .. } => *bytes,
        }
    }
}

/// Shows the records of a part to a visitor and notes what is wrong. Rows count from 1 within the part.
struct Reading<'a, V> {
    part: usize,
    visitor: &'a mut V,
    found: &'a mut Found,
}

impl<V: Visitor> Reading<'_, V> {
    fn show(&mut self, row: u64, record: &Record<'_>) {
        if let Err(flaw) = self.visitor.visit(Place { part: self.part, row }, record) {
            self.complain(row, flaw);
        }
    }

    /// Row 0 is the file as a whole.
    fn complain(&mut self, row: u64, reason: impl std::fmt::Display) {
        self.found.add(self.part, row, reason);
    }
}

/// Files of samples, ready to be read, more than once if need be.
#[derive(Debug)]
pub struct Samples {
    parts: Vec<Part>,
    problems: Problems,
}

/// What a scan gives: every thread's visitor, and what is wrong.
#[derive(Debug)]
pub struct Scan<V> {
    /// One for each thread.
    pub visitors: Vec<V>,
    /// What is wrong with the files.
    pub problems: Problems,
    /// Rows in each part: records, and those that are none.
    rows: Vec<u64>,
}

impl Samples {
    /// Opens files. One that cannot be understood at all is a problem to report, not an error; one that cannot be read is an error.
    pub fn open(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut samples = Self { parts: Vec::new(), problems: Problems::default() };
        for path in paths {
            let bytes = std::fs::metadata(path).map_err(Error::at(path))?.len();
            match Stored::of(path) {
                Some(Stored { format: Format::JsonLines, compression: Compression::None }) => {
                    samples.parts.extend(jsonl::parts(path, bytes));
                }
                Some(Stored { format: Format::Parquet, .. }) => match parquet::Opened::open(path)? {
                    Ok(file) => samples.parts.extend(file.parts(bytes)),
                    Err(reason) => samples.problems.add(path, None, reason),
                },
                Some(stored) => samples.parts.push(Part::Whole { path: path.clone(), stored, bytes }),
                None => samples.problems.add(path, None, "the ending is of no known format"),
            }
        }
        Ok(samples)
    }

    /// Whole lines of one file of JSON lines, from one byte to another: what was appended since it was read last.
    #[must_use]
    pub fn lines(path: &Path, from: u64, to: u64) -> Self {
        Self { parts: vec![Part::Lines { path: path.to_owned(), from, to }], problems: Problems::default() }
    }

    /// Reads everything once.
    pub fn scan<V: Visitor + Send>(
        &self,
        threads: usize,
        progress: &dyn Progress,
        visitor: impl Fn() -> V + Sync,
    ) -> Result<Scan<V>, Error> {
        progress.expect(self.parts.iter().map(Part::bytes).sum());
        let next = AtomicUsize::new(0);
        let rows = Mutex::new(vec![0; self.parts.len()]);
        let work = || {
            let (mut visitor, mut found) = (visitor(), Found::default());
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                let Some(what) = self.parts.get(part) else { break };
                let mut reading = Reading { part, visitor: &mut visitor, found: &mut found };
                let count = match what {
                    Part::Lines { path, from, to } => jsonl::read(path, *from, *to, &mut reading),
                    Part::Whole { path, stored, .. } if stored.format == Format::Csv => {
                        csv::read(path, *stored, &mut reading)
                    }
                    Part::Whole { path, stored, .. } => jsonl::read_all(path, *stored, &mut reading),
                    Part::Group { file, group, .. } => file.read(*group, &mut reading),
                }?;
                if let Ok(mut rows) = rows.lock() {
                    rows[part] = count;
                }
                progress.advance(what.bytes());
            }
            Ok((visitor, found))
        };
        let results: Vec<Result<_, Error>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(join).collect()
        });
        let mut scan = Scan { visitors: Vec::new(), problems: self.problems.clone(), rows: Vec::new() };
        scan.rows = rows.into_inner().unwrap_or_default();
        for result in results {
            let (visitor, found) = result?;
            scan.visitors.push(visitor);
            let named = found.resolve(|part, row| self.named(&scan.rows, Place { part, row }));
            scan.problems.absorb(named);
        }
        Ok(scan)
    }

    /// File and row of a place, once all rows are counted.
    #[must_use]
    pub fn locate<V>(&self, scan: &Scan<V>, place: Place) -> (PathBuf, Option<u64>) {
        self.named(&scan.rows, place)
    }

    fn named(&self, rows: &[u64], place: Place) -> (PathBuf, Option<u64>) {
        let path = self.parts[place.part].path();
        let same_file = |part: &usize| self.parts[*part].path() == path;
        let before: u64 = (0..place.part).filter(same_file).map(|part| rows[part]).sum();
        (path.to_owned(), (place.row > 0).then_some(before + place.row))
    }
}

/// Shows samples in memory, one a line as in files of JSON lines, to a visitor; the first thing that is wrong with them, with its line.
pub fn read_lines<V: Visitor>(lines: &[u8], visitor: &mut V) -> Result<(), String> {
    let mut found = Found::default();
    let mut reading = Reading { part: 0, visitor, found: &mut found };
    jsonl::read_lines(lines, 0, u64::MAX, &mut reading);
    let problems = found.resolve(|_, row| (PathBuf::new(), Some(row)));
    let first = problems.first.into_iter().next();
    first.map_or(Ok(()), |problem| Err(format!("line {}: {}", problem.row.unwrap_or_default(), problem.reason)))
}

fn join<T>(worker: std::thread::ScopedJoinHandle<'_, T>) -> T {
    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
