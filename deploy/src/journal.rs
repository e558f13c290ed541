//! What a deployment has done so far, one line a fact, each on the disk before the next thing happens.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use abi::Outcome;
use alloy_primitives::{Address, B256};
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "event", rename_all = "lowercase", deny_unknown_fields)]
pub enum Entry {
    /// A run began.
    Began {
        /// Chain id.
        chain: u64,
        /// Who deploys.
        deployer: Address,
        /// Hash of the plan, as text.
        plan: B256,
    },
    /// A transaction was signed, and is sent next.
    Sending {
        /// Of which step.
        step: String,
        /// Its hash.
        hash: B256,
        /// Number of the account's transaction.
        nonce: u64,
    },
    /// A transaction came through.
    Confirmed {
        /// Of which step.
        step: String,
        /// Its hash.
        hash: B256,
        /// Number of its block.
        block: u64,
        /// Gas that it used.
        gas: u64,
    },
    /// A step was found done, without a transaction of this journal.
    Found {
        /// Which.
        step: String,
    },
}

/// The file, and what is in it. One process at a time has it.
#[derive(Debug)]
pub struct Journal {
    file: Option<File>,
    path: PathBuf,
    entries: Vec<Entry>,
}

impl Journal {
    /// Opens a journal, or begins one. A last line that is not whole is what a run that died was writing; it is taken off.
    ///
    /// # Errors
    ///
    /// If another process has it, if it cannot be read or written, or if a line before the last is none of a journal's.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let name = || path.display().to_string();
        let options = OpenOptions::new().read(true).append(true).create(true).open(path);
        let mut file = options.with_context(name)?;
        if file.try_lock().is_err() {
            bail!("{}: another deployment is writing it; wait until that ends", name());
        }
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(name)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).with_context(name)?;
        }
        let line = |(place, line): (usize, &str)| {
            serde_json::from_str(line).with_context(|| format!("{}, line {}: not a journal's", name(), place + 1))
        };
        let entries = text[..whole].lines().enumerate().map(line).collect::<anyhow::Result<_>>()?;
        Ok(Self { file: Some(file), path: path.to_owned(), entries })
    }

    /// A journal that is not kept: for chains that are not, either.
    pub fn in_memory() -> Self {
        Self { file: None, path: PathBuf::new(), entries: Vec::new() }
    }

    /// What is in a journal that nobody writes to now; nothing if there is none.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
            Ok(_) => Self::open(path).map(Some),
        }
    }

    /// All lines, in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Writes a line, and does not come back before it is on the disk.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write(&mut self, entry: Entry) -> anyhow::Result<()> {
        if let Some(file) = &mut self.file {
            let line = format!("{}\n", serde_json::to_string(&entry)?);
            let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_data());
            written.with_context(|| self.path.display().to_string())?;
        }
        self.entries.push(entry);
        Ok(())
    }

    /// The transaction of a step that was signed, and of which nothing more is written.
    pub fn under_way(&self, id: &str) -> Option<B256> {
        let last = self.entries.iter().rev().find(|entry| entry.step() == Some(id))?;
        match last {
            Entry::Sending { hash, .. } => Some(*hash),
            _ => None,
        }
    }

    /// Transactions that came through, by step.
    pub fn confirmed(&self) -> BTreeMap<&str, Outcome> {
        let confirmed = self.entries.iter().filter_map(|entry| match entry {
            Entry::Confirmed { step, hash, block, gas } => {
                Some((step.as_str(), Outcome { hash: *hash, block: *block, gas: *gas }))
            }
            _ => None,
        });
        confirmed.collect()
    }
}

impl Entry {
    fn step(&self) -> Option<&str> {
        match self {
            Self::Began { .. } => None,
            Self::Sending { step, .. } | Self::Confirmed { step, .. } | Self::Found { step } => Some(step),
        }
    }
}
