//! One epoch's folder. What lies in it says [`crate::folder`]; what is wrong with it is found as a whole, not one thing at a time.

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, U256};
use rewards::{
    book::parse_address,
    cumulative::Amounts,
    decimal, history,
    inputs::{InputError, Inputs},
    legacy::Published,
    parameters::EpochParameters,
    sampling::Sampling,
    tally::Rules,
    tree::Tree,
};
use serde::de::DeserializeOwned;

pub use crate::sums::{Malformed, Observer, Tallied, observe, tally};
use crate::{
    Error, Problems,
    folder::{self, Listing},
    rows,
    samples::Samples,
    seal::{self, Digests},
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
    pub digests: Digests,
    /// Rows of each table, by its name.
    pub rows: BTreeMap<String, u64>,
    /// Whether a seal says that each file is as it was.
    pub is_sealed: bool,
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
    /// Reads everything but the samples.
    ///
    /// # Errors
    ///
    /// If anything lies in the folder that does not belong there, is missing, unreadable, malformed, or not as it was sealed: all of it.
    /// Whatever is asked of samples, none of this is skipped.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let (listing, problems) = Listing::of(path)?;
        let mut reader = Reader { path, listing: &listing, problems, rows: BTreeMap::new() };
        let source = match listing.get("legacy.json") {
            Some(legacy) => reader.legacy(legacy),
            None => reader.samples().map(|source| Source::Samples(Box::new(source))),
        };
        let programs = reader.programs();
        let previous = source.as_ref().and_then(|source| reader.previous(source));
        let Reader { mut problems, rows, .. } = reader;
        let digests = seal::digests(path, &listing).unwrap_or_else(|error| {
            problems.add(path, None, error);
            Digests::new()
        });
        let is_sealed = seal::check(path, &listing, &digests, &mut problems);
        match source {
            Some(source) if problems.is_empty() => {
                Ok(Self { path: path.to_owned(), source, programs, previous, digests, rows, is_sealed })
            }
            _ => Err(Error::Malformed(problems)),
        }
    }

    /// Which epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.source.epoch()
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

impl Source {
    /// Which epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        match self {
            Self::Samples(source) => source.parameters.epoch,
            Self::Legacy { published, .. } => published.epoch,
        }
    }
}

impl SampleSource {
    /// The rules of the epoch, with no minute seen yet.
    pub fn rules(&self) -> Result<Rules<'_>, Error> {
        Rules::new(&self.parameters, &self.sampling).map_err(Error::refused)
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// A field that is an account.
pub(crate) fn account(field: &str) -> Result<Address, String> {
    parse_address(field).map_err(text)
}

/// A field that is an account which is paid.
fn payee(field: &str) -> Result<Address, String> {
    account(field).and_then(|account| if account.is_zero() { Err(text(InputError::ZeroAddress)) } else { Ok(account) })
}

/// Reads the files of a folder, and goes on where one is wrong.
struct Reader<'a> {
    path: &'a Path,
    listing: &'a Listing,
    problems: Problems,
    rows: BTreeMap<String, u64>,
}

impl Reader<'_> {
    /// What was read, or a problem.
    fn take<T>(&mut self, path: &Path, read: Result<T, impl Display>) -> Option<T> {
        read.map_err(|reason| self.problems.add(path, None, reason)).ok()
    }

    fn missing(&mut self, name: &str, why: impl Display) {
        self.problems.add(&self.path.join(name), None, format_args!("is missing: {why}"));
    }

    fn legacy(&mut self, path: &Path) -> Option<Source> {
        let bytes = fs::read(path).map_err(text);
        let published = bytes.and_then(|bytes| Published::parse(without_mark(&bytes)).map_err(text));
        let published = self.take(path, published)?;
        let lp_amount_wei = history::lp_amount_wei(published.epoch);
        Some(Source::Legacy { published, lp_amount_wei })
    }

    fn samples(&mut self) -> Option<SampleSource> {
        let names = ["parameters.json", "parameters.toml"];
        let parameters = match names.iter().find_map(|name| self.listing.get(name)) {
            Some(path) => match folder::read_parameters(path) {
                Ok(parameters) => Some(parameters),
                Err(Error::Malformed(problems)) => {
                    self.problems.absorb(problems);
                    None
                }
                Err(error) => self.take(path, Err(error)),
            },
            None => {
                self.missing(names[0], "an epoch has parameters.json or parameters.toml, or else legacy.json");
                None
            }
        };
        let sampling = match self.listing.get("sampling.json") {
            Some(path) => self.take(path, read_json::<Sampling>(path)),
            None => Some(Sampling { tolerance_ms: rewards::sampling::DEFAULT_TOLERANCE_MS, ..Sampling::default() }),
        };
        if self.listing.samples.is_empty() {
            self.missing("samples", "there is not one file of samples");
        }
        let samples =
            Samples::open(&self.listing.samples).map_err(|error| self.problems.add(self.path, None, error)).ok();
        let parameters = parameters?;
        if let (Some(path), Some(sampling)) = (self.listing.get("sampling.json"), &sampling) {
            let rules = Rules::new(&parameters, sampling).map(drop);
            self.take(path, rules);
        }
        let inputs = self.inputs(&parameters);
        Some(SampleSource { parameters, sampling: sampling?, inputs, samples: samples? })
    }

    /// Reads one table, if it is there; says whether it is.
    fn table(&mut self, name: &str, columns: &[&str], mut each: impl FnMut(&[String]) -> Result<(), String>) -> bool {
        let Some(path) = self.listing.get(name) else { return false };
        let rows = self.rows.entry(name.to_owned()).or_default();
        let problems = rows::read(path, columns, |row| {
            *rows += 1;
            each(row)
        });
        if let Some(problems) = self.take(path, problems) {
            self.problems.absorb(problems);
        }
        true
    }

    fn inputs(&mut self, parameters: &EpochParameters) -> Inputs {
        let mut inputs = Inputs::new(parameters.epoch, parameters.minutes());
        let has_volume = self.table("volume", &["epoch", "market", "account", "micro_usd"], |row| {
            let [epoch, market, owner, volume] = row else { return Err("four fields".to_owned()) };
            let (epoch, volume) = (decimal::integer(epoch).map_err(text)?, decimal::integer(volume).map_err(text)?);
            if epoch == parameters.epoch && parameters.position(market).is_none() {
                return Err(format!(
                    "market `{market}` has no parameters in this epoch, so this volume would count for nothing"
                ));
            }
            inputs.add_volume(epoch, market, account(owner)?, volume).map_err(text)
        });
        let has_stake = self.table("stake", &["epoch", "minute", "account", "wei"], |row| {
            let [epoch, minute, owner, stake] = row else { return Err("four fields".to_owned()) };
            let (epoch, minute) = (decimal::integer(epoch).map_err(text)?, decimal::integer(minute).map_err(text)?);
            let stake = decimal::integer(stake).map_err(text)?;
            inputs.add_stake(epoch, minute, account(owner)?, stake).map_err(text)
        });
        self.table("links", &["secondary", "primary"], |row| {
            let [secondary, primary] = row else { return Err("two fields".to_owned()) };
            inputs.add_link(account(secondary)?, account(primary)?).map_err(text)
        });
        self.table("exclusions", &["account", "reason"], |row| {
            let [owner, reason] = row else { return Err("two fields".to_owned()) };
            inputs.add_exclusion(account(owner)?, reason).map_err(text)
        });
        let is_listed = self.table("eligible", &["account"], |row| {
            let [owner] = row else { return Err("one field".to_owned()) };
            inputs.add_eligible(account(owner)?).map_err(text)
        });
        let uses = |measure: fn(rewards::formula::Formula) -> bool| {
            parameters.markets.iter().any(|market| measure(market.formula))
        };
        if !has_volume && (parameters.epoch > 0 || uses(rewards::formula::Formula::uses_volume)) {
            self.missing("volume.*", "maker volume decides who is eligible and scores");
        }
        if !has_stake && uses(rewards::formula::Formula::uses_stake) {
            self.missing("stake.*", "stake scores in the formulas of this epoch");
        }
        if is_listed != (parameters.epoch == 0) {
            let path = self.listing.get("eligible").map_or_else(|| self.path.join("eligible.*"), Path::to_owned);
            self.problems.add(&path, None, "epoch 0 needs the list, later epochs compute it from volumes");
        }
        inputs
    }

    fn programs(&mut self) -> BTreeMap<String, Amounts> {
        let mut programs = BTreeMap::new();
        for (name, path) in &self.listing.programs {
            if name == "lp" || name == "earlier" {
                self.problems.add(path, None, "the name is taken");
            }
            match read_amounts(path) {
                Ok(amounts) => {
                    self.rows.insert(format!("programs/{name}"), amounts.len() as u64);
                    programs.insert(name.clone(), amounts);
                }
                Err(Error::Malformed(problems)) => self.problems.absorb(problems),
                Err(error) => self.problems.add(path, None, error),
            }
        }
        programs
    }

    /// The tree before. Published scores may stand alone: then the file is an empty list.
    fn previous(&mut self, source: &Source) -> Option<Tree> {
        let (epoch, is_legacy) = (source.epoch(), matches!(source, Source::Legacy { .. }));
        let Some(path) = self.listing.get("previous-tree.json") else {
            if epoch > 0 {
                let alone = if is_legacy { "; for the epoch alone, as some were published, it is []" } else { "" };
                let why =
                    format!("without it everybody rewarded before epoch {epoch} would lose what is theirs{alone}");
                self.missing("previous-tree.json", why);
            }
            return None;
        };
        if epoch == 0 {
            self.problems.add(path, None, "epoch 0 has no tree before");
            return None;
        }
        let bytes = self.take(path, fs::read(path))?;
        if is_legacy && bytes.trim_ascii() == b"[]" {
            return None;
        }
        self.take(path, Tree::parse(&bytes))
    }
}

/// Text without the byte order mark that some programs put first.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let bytes = fs::read(path).map_err(text)?;
    serde_json::from_slice(without_mark(&bytes)).map_err(text)
}

/// Reads a table of accounts and wei.
pub fn read_amounts(path: &Path) -> Result<Amounts, Error> {
    let mut amounts = Amounts::new();
    let problems = rows::read(path, &["account", "wei"], |row| {
        let [owner, wei] = row else { return Err("two fields".to_owned()) };
        let account = payee(owner)?;
        let wei: U256 = decimal::integer(wei).map_err(text)?;
        match amounts.insert(account, wei) {
            Some(_) => Err(format!("a second amount of {account}")),
            None => Ok(()),
        }
    })?;
    if problems.is_empty() { Ok(amounts) } else { Err(Error::Malformed(problems)) }
}

/// A map from accounts to amounts, as a tree has them.
#[must_use]
pub fn amounts(credits: &BTreeMap<Address, u128>) -> Amounts {
    credits.iter().map(|(account, amount)| (*account, U256::from(*amount))).collect()
}
