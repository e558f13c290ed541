//! What is wrong with files, and where.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

use rewards::health::Gap;
use serde::Serialize;

/// How many problems are listed; all are counted.
pub const LISTED: usize = 1000;

/// Something wrong with one row of one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Which file.
    pub file: PathBuf,
    /// Which row: lines of text files and rows of Parquet files, from 1. Nothing if it concerns the file as a whole.
    pub row: Option<u64>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "{}:{row}: {}", self.file.display(), self.reason),
            None => write!(f, "{}: {}", self.file.display(), self.reason),
        }
    }
}

/// All problems of some files, the first ones listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Problems {
    /// How many there are.
    pub count: u64,
    /// The first ones, by file and row.
    pub first: Vec<Problem>,
}

impl Problems {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds one.
    pub fn add(&mut self, file: &Path, row: Option<u64>, reason: impl fmt::Display) {
        self.count += 1;
        self.first.push(Problem { file: file.to_owned(), row, reason: reason.to_string() });
        self.first.sort();
        self.first.truncate(LISTED);
    }

    /// Adds those of another list.
    pub fn absorb(&mut self, other: Self) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.sort();
        self.first.truncate(LISTED);
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in self.first.iter().take(20) {
            writeln!(f, "  {problem}")?;
        }
        match self.count.saturating_sub(20) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more"),
        }
    }
}

/// Problems by place while files are read, before rows are known: bounded, and the same whichever thread found which.
#[derive(Debug, Default)]
pub(crate) struct Found {
    count: u64,
    first: BTreeMap<(usize, u64), String>,
}

impl Found {
    pub(crate) fn add(&mut self, task: usize, row: u64, reason: impl fmt::Display) {
        self.count += 1;
        self.first.entry((task, row)).or_insert_with(|| reason.to_string());
        if self.first.len() > LISTED {
            self.first.pop_last();
        }
    }

    /// Names files and rows: `place` turns a task and a row within it into both.
    pub(crate) fn resolve(self, place: impl Fn(usize, u64) -> (PathBuf, Option<u64>)) -> Problems {
        let named = self.first.into_iter().map(|((task, row), reason)| {
            let (file, row) = place(task, row);
            Problem { file, row, reason }
        });
        let mut first: Vec<_> = named.collect();
        first.sort();
        Problems { count: self.count, first }
    }
}

fn listed(gaps: &[Gap]) -> String {
    gaps.iter().map(|gap| format!("  {gap}\n")).collect()
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written. The reason is part of the message, not a source, so that nobody prints it twice.
    #[error("{path}: {reason}")]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// Input is malformed: the folder, a table, or the like. Nothing of it can be skipped.
    #[error("malformed input, problems: {count}\n{_0}", count = _0.count)]
    Malformed(Problems),
    /// Samples are malformed. They can be left out.
    #[error("malformed samples, problems: {count}\n{_0}", count = _0.count)]
    Samples(Problems),
    /// The data is well-formed, but too little of it is there.
    #[error("gaps in the epoch's data, in all: {count}\n{gaps}", count = _0.len(), gaps = listed(_0))]
    Gaps(Vec<Gap>),
    /// Input is well-formed but cannot be used.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// For `map_err`: names the file.
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |reason| Self::File { path, reason }
    }

    /// Input that cannot be used.
    pub fn refused(reason: impl fmt::Display) -> Self {
        Self::Refused(reason.to_string())
    }

    /// One file that is malformed as a whole.
    pub fn malformed(path: &Path, reason: impl fmt::Display) -> Self {
        let mut problems = Problems::default();
        problems.add(path, None, reason);
        Self::Malformed(problems)
    }
}
