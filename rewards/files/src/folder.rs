//! What may lie in an epoch's folder: one list, for readers, writers and the documentation. Whatever else lies there is a problem, since a
//! file under a wrong name would be missing without anybody noticing.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use rewards::parameters::EpochParameters;

use crate::{Error, Problems, samples::Stored};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A file under exactly this name.
    File,
    /// A table: the name, and the ending of a format.
    Table,
    /// A folder of tables or samples; their names are free.
    Folder,
}

/// What may lie in the folder under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name; without the ending for tables.
    pub name: &'static str,
    /// What it is.
    pub form: Form,
    /// Whether it lies beside `legacy.json`.
    pub with_legacy: bool,
    /// What is in it, for the documentation.
    pub content: &'static str,
}

const fn entry(name: &'static str, form: Form, with_legacy: bool, content: &'static str) -> Entry {
    Entry { name, form, with_legacy, content }
}

/// Everything that may lie in an epoch's folder.
pub const ENTRIES: [Entry; 13] = [
    entry(
        "parameters.json",
        Form::File,
        false,
        "the parameter record: clock, tokens, threshold, limits of health, and each market's formula, limits, part and decimals",
    ),
    entry(
        "parameters.toml",
        Form::File,
        false,
        "the same as TOML, with comments, in the place of `parameters.json`; `tidepool rewards init` writes one",
    ),
    entry(
        "sampling.json",
        Form::File,
        false,
        "optional: `commitment`, `secret`, `tolerance_ms`; with the secret, samples off their instant do not count",
    ),
    entry("samples", Form::Folder, false, "samples, in any number of files, in any order"),
    entry(
        "volume",
        Form::Table,
        false,
        "`epoch, market, account, micro_usd`: maker volume of everybody, in this epoch and the one before",
    ),
    entry(
        "stake",
        Form::Table,
        false,
        "V1 to V3: `epoch, minute, account, wei`; who has no row in a sampled minute held nothing",
    ),
    entry("links", Form::Table, false, "optional: `secondary, primary`"),
    entry("exclusions", Form::Table, false, "optional: `account, reason`"),
    entry("eligible", Form::Table, false, "epoch 0 only: `account`"),
    entry(
        "programs",
        Form::Folder,
        true,
        "optional: tables `account, wei`, what another program gives; the file's name is the program's",
    ),
    entry(
        "previous-tree.json",
        Form::File,
        true,
        "the tree before, from epoch 1 on. Compare its root with the distributor's: the manifest names it",
    ),
    entry(
        "legacy.json",
        Form::File,
        true,
        "one epoch's data as the exchange published it; takes the place of parameters, samples, volumes, stakes, links and exclusions",
    ),
    entry(
        SEAL,
        Form::File,
        true,
        "optional: the digest of every other file, as `sha256sum` writes it; then each must be as it was. `tidepool rewards seal` writes it",
    ),
];

/// The file that seals a folder.
pub const SEAL: &str = "SHA256SUMS";

/// Files that systems leave behind and that hold no data: passed over.
fn is_debris(name: &str) -> bool {
    name == ".DS_Store"
        || name == "_SUCCESS"
        || (name.starts_with('.') && name.ends_with(".crc"))
        || crate::output::is_temporary(name)
}

/// The file name of a market's samples: letters, digits, `-`, `_` and `.` stand for themselves, any other byte is `%` and two digits. Names
/// of more than 100 bytes end in a digest.
#[must_use]
pub fn market_file(market: &str) -> String {
    let mut name = String::new();
    for (place, byte) in market.bytes().enumerate() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-_".contains(&byte) || (byte == b'.' && place > 0);
        name.push_str(&if is_plain { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    }
    if name.len() > 100 {
        let digest = alloy_primitives::keccak256(market);
        name.truncate(80);
        name = format!("{name}~{}", alloy_primitives::hex::encode(&digest[..8]));
    }
    name
}

/// The files of a folder, each at its place.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Files and tables of their own, by the entry's name.
    files: BTreeMap<&'static str, PathBuf>,
    /// Files of samples, by name.
    pub samples: Vec<PathBuf>,
    /// Tables of programs, by the program's name.
    pub programs: BTreeMap<String, PathBuf>,
}

impl Listing {
    /// Lists a folder, and says what is wrong with what lies in it.
    ///
    /// # Errors
    ///
    /// If it is no folder.
    pub fn of(folder: &Path) -> Result<(Self, Problems), Error> {
        if !folder.is_dir() {
            return Err(Error::refused(format_args!("{}: not a folder", folder.display())));
        }
        let (mut listing, mut problems) = (Self::default(), Problems::default());
        for (name, path) in contents(folder, &mut problems) {
            listing.place(&name, path, &mut problems);
        }
        if let (Some(_), Some(second)) = (listing.files.get("parameters.json"), listing.files.get("parameters.toml")) {
            problems.add(second, None, "beside parameters.json: which one?");
        }
        if listing.files.contains_key("legacy.json") {
            for entry in ENTRIES.iter().filter(|entry| !entry.with_legacy) {
                if let Some(path) = listing.files.get(entry.name) {
                    problems.add(path, None, "is not read beside legacy.json");
                }
            }
            if let Some(path) = listing.samples.first() {
                problems.add(path, None, "is not read beside legacy.json");
            }
        }
        Ok((listing, problems))
    }

    /// The file under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Path> {
        self.files.get(name).map(PathBuf::as_path)
    }

    /// All files but the seal.
    pub fn all(&self) -> impl Iterator<Item = &Path> {
        let files = self.files.iter().filter(|(name, _)| **name != SEAL).map(|(_, path)| path);
        files.chain(&self.samples).chain(self.programs.values()).map(PathBuf::as_path)
    }

    fn place(&mut self, name: &str, path: PathBuf, problems: &mut Problems) {
        let known = ENTRIES.iter().find(|entry| match entry.form {
            Form::Table => Stored::of(&path).is_some() && stem(name) == entry.name,
            Form::File | Form::Folder => name == entry.name,
        });
        match known {
            Some(entry) if entry.form == Form::Folder => self.enter(entry, &path, problems),
            _ if path.is_dir() => problems.add(&path, None, format_args!("no such folder belongs here{}", hint(name))),
            Some(entry) => {
                if let Some(reason) = unreadable(&path) {
                    problems.add(&path, None, reason);
                } else if let Some(other) = self.files.insert(entry.name, path.clone()) {
                    problems.add(&path, None, format_args!("beside {}: which one?", other.display()));
                }
            }
            None => problems.add(&path, None, format_args!("no such file belongs here{}", hint(name))),
        }
    }

    /// Lists `samples` or `programs`: files of known formats, and no folders.
    fn enter(&mut self, entry: &Entry, folder: &Path, problems: &mut Problems) {
        if !folder.is_dir() {
            return problems.add(folder, None, "not a folder");
        }
        for (name, path) in contents(folder, problems) {
            if path.is_dir() {
                problems.add(&path, None, format_args!("a folder; files lie side by side in {}", entry.name));
            } else if Stored::of(&path).is_none() {
                problems.add(&path, None, format_args!("the ending is not one of {}", Stored::ENDINGS.join(", ")));
            } else if let Some(reason) = unreadable(&path) {
                problems.add(&path, None, reason);
            } else if entry.name == "samples" {
                self.samples.push(path);
            } else if let Some(other) = self.programs.insert(stem(&name).to_owned(), path.clone()) {
                problems.add(&path, None, format_args!("beside {}: which one?", other.display()));
            }
        }
    }
}

/// Names and paths in a folder, by name; debris left out.
fn contents(folder: &Path, problems: &mut Problems) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            problems.add(folder, None, format_args!("cannot be read: {error}"));
            return found;
        }
    };
    for entry in entries {
        match entry.map(|entry| entry.path()) {
            Ok(path) => match path.file_name().and_then(|name| name.to_str()) {
                Some(name) if is_debris(name) => {}
                Some(name) => drop(found.insert(name.to_owned(), path)),
                None => problems.add(&path, None, "its name is not UTF-8"),
            },
            Err(error) => problems.add(folder, None, format_args!("cannot be read: {error}")),
        }
    }
    found
}

/// A name without the ending of its format and compression.
pub(crate) fn stem(name: &str) -> &str {
    let ending = Stored::ENDINGS.iter().filter(|ending| name.ends_with(*ending)).max_by_key(|ending| ending.len());
    ending.map_or(name, |ending| &name[..name.len() - ending.len()])
}

fn unreadable(path: &Path) -> Option<String> {
    match fs::File::open(path) {
        Ok(_) => None,
        Err(error) => Some(format!("cannot be read: {error}")),
    }
}

/// What may have been meant: the entry whose name differs least, if that is little.
fn hint(name: &str) -> String {
    let plain = name.to_lowercase();
    let plain = plain.split('.').next().unwrap_or_default();
    let distances =
        ENTRIES.iter().map(|entry| (distance(plain, entry.name.split('.').next().unwrap_or_default()), entry));
    match distances.min_by_key(|(distance, _)| *distance) {
        Some((distance, entry)) if distance <= 2 => match entry.form {
            Form::Table => format!("; is it meant to be {}.csv, .jsonl or .parquet?", entry.name),
            Form::File => format!("; is it meant to be {}?", entry.name),
            Form::Folder => format!("; is it meant to be the folder {}?", entry.name),
        },
        _ => String::new(),
    }
}

/// How many letters must be put in, taken out or changed to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<_> = (0..=b.len()).collect();
    for (place, byte) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], place + 1);
        for (at, other) in b.bytes().enumerate() {
            let change = diagonal + usize::from(byte != other);
            let least = change.min(row[at] + 1).min(row[at + 1] + 1);
            diagonal = std::mem::replace(&mut row[at + 1], least);
        }
    }
    row[b.len()]
}

/// The list of a folder's contents as a table for the documentation.
#[must_use]
pub fn documentation() -> String {
    let mut text = "| file | what is in it |\n|---|---|\n".to_owned();
    for entry in ENTRIES {
        let name = match entry.form {
            Form::File => entry.name.to_owned(),
            Form::Table => format!("{}.*", entry.name),
            Form::Folder => format!("{}/*", entry.name),
        };
        text += &format!("| `{name}` | {} |\n", entry.content);
    }
    text
}

/// Reads a parameter record, JSON or TOML by the ending of its name, and checks it.
pub fn read_parameters(path: &Path) -> Result<EpochParameters, Error> {
    let text = fs::read_to_string(path).map_err(Error::at(path))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let parsed = if path.extension().is_some_and(|ending| ending == "toml") {
        toml::from_str::<EpochParameters>(text).map_err(|error| error.to_string())
    } else {
        serde_json::from_str(text).map_err(|error| error.to_string())
    };
    let parameters = parsed.map_err(|reason| Error::malformed(path, reason))?;
    parameters.check().map_err(|error| Error::malformed(path, error))?;
    Ok(parameters)
}
