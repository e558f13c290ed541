//! Checking results: of themselves, and against the inputs (spec section 12.6).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use alloy_primitives::B256;
use rewards::{
    cid,
    cumulative::{self, Amounts},
    tree::{self, Tree},
};

use crate::{
    Error,
    epoch::EpochFolder,
    manifest::{self, Epoch, Manifest, Options},
    results,
    rows::{self, Table},
};

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// What should hold.
    pub name: &'static str,
    /// Whether it does.
    pub holds: bool,
    /// Both sides, if it does not.
    pub detail: String,
}

impl Check {
    /// Compares two values.
    pub fn same<T: PartialEq + std::fmt::Display>(name: &'static str, found: T, expected: T) -> Self {
        let holds = found == expected;
        Self { name, holds, detail: if holds { String::new() } else { format!("{found}, not {expected}") } }
    }

    /// Holds unless something is found.
    #[must_use]
    pub fn unless(name: &'static str, found: Option<String>) -> Self {
        Self { name, holds: found.is_none(), detail: found.unwrap_or_default() }
    }

    /// Compares two trees leaf by leaf; the detail is the first account, by address, that differs.
    #[must_use]
    pub fn same_leaves(name: &'static str, found: &Tree, expected: &Tree) -> Self {
        let detail = first_difference(found, expected).unwrap_or_default();
        Self { name, holds: detail.is_empty(), detail }
    }
}

/// The first account, by address, whose amounts differ.
fn first_difference(found: &Tree, expected: &Tree) -> Option<String> {
    let (found, expected) = (found.amounts(), expected.amounts());
    let accounts: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let account = accounts.into_iter().find(|account| found.get(*account) != expected.get(*account))?;
    let amount =
        |amounts: &Amounts| amounts.get(account).map_or_else(|| "nothing".to_owned(), |wei| format!("{wei} wei"));
    Some(format!("{account} has {}, not {}", amount(&found), amount(&expected)))
}

/// A folder of results, read once: what is checked is what is used.
#[derive(Debug)]
pub struct Results {
    /// The manifest.
    pub manifest: Manifest,
    /// The tree.
    pub tree: Tree,
    tree_json: Vec<u8>,
    /// The tables, by name, and their files; or why one cannot be read.
    tables: BTreeMap<String, Result<(PathBuf, Table), String>>,
    folder: PathBuf,
}

impl Results {
    /// Reads the folder. Whether its files belong together is for [`check`](Self::check) to say.
    pub fn read(out: &Path) -> Result<Self, Error> {
        let manifest = Manifest::read(out)?;
        let (tree, tree_json) = read_tree(&out.join("tree.json"))?;
        let tables = manifest.tables.keys().map(|name| (name.clone(), read_table(out, name))).collect();
        Ok(Self { manifest, tree, tree_json, tables, folder: out.to_owned() })
    }

    /// A table, if it is there and can be read.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)?.as_ref().ok().map(|(_, table)| table)
    }

    /// The first table that is not that of the manifest.
    fn wrong_table(&self) -> Option<String> {
        self.tables.iter().find_map(|(name, table)| match table {
            Err(reason) => Some(reason.clone()),
            Ok((path, table)) => {
                let (found, expected) = (table.digest(), &self.manifest.tables[name]);
                (found != *expected).then(|| format!("{}: digest {found}, not {expected}", path.display()))
            }
        })
    }

    /// The first table that is not the one computed, and its first row that differs.
    fn differing_table(&self, computed: &Epoch) -> Option<String> {
        let names: BTreeSet<_> =
            self.tables.keys().map(String::as_str).chain(computed.tables.keys().copied()).collect();
        names.into_iter().find_map(|name| match (self.tables.get(name), computed.tables.get(name)) {
            (Some(Err(reason)), _) => Some(reason.clone()),
            (Some(Ok((path, found))), Some(expected)) => found.first_difference(path, expected),
            (Some(Ok((path, _))), None) => Some(format!("{}: there is no such table", path.display())),
            (None, _) => Some(format!("{}: no {name}.* in the manifest", self.folder.display())),
        })
    }

    /// The first line of the proofs, if they are there, that is not that of the tree.
    fn wrong_proof(&self) -> Option<String> {
        let path = self.folder.join("proofs.jsonl");
        let mut file = match fs::File::open(&path) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return Some(format!("{}: {error}", path.display())),
        };
        let parts = match self.tables.get("breakdown") {
            Some(Ok((_, table))) => results::parts_of(table).unwrap_or_default(),
            _ => return Some(format!("{}: no breakdown to compare with", path.display())),
        };
        let mut next = || {
            let mut line = Vec::new();
            file.read_until(b'\n', &mut line).ok().filter(|length| *length > 0).map(|_| line)
        };
        for (place, (_, account, _)) in self.tree.entries().enumerate() {
            let parts = parts.get(&account).map_or(&[][..], Vec::as_slice);
            let expected = manifest::proof_line(&self.tree, place, self.manifest.epoch, parts).ok();
            let found = next();
            if found.as_deref().and_then(|line| line.strip_suffix(b"\n")) != expected.as_deref() {
                return Some(format!("{}:{}: not the proof of {account}", path.display(), place + 1));
            }
        }
        next().map(|_| format!("{}: lines behind the last leaf", path.display()))
    }

    /// Checks the tree against the manifest.
    #[must_use]
    pub fn check(&self) -> Vec<Check> {
        let Self { manifest, tree, tree_json, .. } = self;
        let total = cumulative::total(tree.entries().map(|(.., amount)| amount));
        let fails = |(place, leaf): (usize, B256)| !tree::verify(leaf, &tree.proof(place), tree.root());
        let failing = tree.entries().map(|(leaf, ..)| leaf).enumerate().filter(|entry| fails(*entry)).count();
        vec![
            Check::same("the tree has the root of the manifest", tree.root(), manifest.root),
            Check::same("its file has the CID of the manifest", &cid::of(tree_json), &manifest.cid),
            Check::same("its file is canonical", tree.to_json().as_bytes() == tree_json.as_slice(), true),
            Check::same("it has the leaves of the manifest", tree.len(), manifest.leaves),
            Check::same("its amounts have the sum of the manifest", &total.to_string(), &manifest.total_wei),
            Check::same("proofs that fail", failing, 0),
            Check::unless("every table is that of the manifest", self.wrong_table()),
            Check::unless("every line of the proofs, if they are there, is that of a leaf", self.wrong_proof()),
        ]
    }

    /// Checks that the tree has a root.
    #[must_use]
    pub fn check_root(&self, root: B256) -> Check {
        Check::same("the tree has the root given", self.tree.root(), root)
    }

    /// Compares the tree with a file that was published, leaf by leaf and by its CID.
    pub fn check_published(&self, path: &Path) -> Result<Vec<Check>, Error> {
        let bytes = fs::read(path).map_err(Error::at(path))?;
        self.check_published_bytes(path, &bytes)
    }

    /// The same with what was read or fetched; `name` is how it is called in errors.
    ///
    /// # Errors
    ///
    /// If it is no tree.
    pub fn check_published_bytes(&self, name: &Path, bytes: &[u8]) -> Result<Vec<Check>, Error> {
        let published = Tree::parse(bytes).map_err(|error| Error::malformed(name, error))?;
        Ok(vec![
            Check::same("the published file has the CID of the manifest", &cid::of(bytes), &self.manifest.cid),
            Check::same_leaves("the published tree is that of the results", &published, &self.tree),
        ])
    }

    /// Computes everything again from the inputs, and compares. Gaps that the manifest says were accepted are accepted.
    pub fn check_inputs(&self, folder: &EpochFolder, options: Options<'_>) -> Result<Vec<Check>, Error> {
        let options = Options { accept_gaps: self.manifest.accepted_gaps.clone(), ..options };
        Ok(self.check_computed(&manifest::compute(folder, &options)?))
    }

    /// Compares with what was computed from the inputs.
    #[must_use]
    pub fn check_computed(&self, computed: &Epoch) -> Vec<Check> {
        let (found, expected) = (&computed.manifest, &self.manifest);
        let differing = |name: &str| {
            let field =
                |manifest: &Manifest| serde_json::to_value(manifest).ok().and_then(|value| value.get(name).cloned());
            field(found) != field(expected)
        };
        let names = [
            "inputs",
            "parameters",
            "sampling",
            "health",
            "accepted_gaps",
            "skipped",
            "markets",
            "off_instants",
            "exclusions",
            "programs",
            "tables",
            "software",
        ];
        let differing: Vec<_> = names.into_iter().filter(|name| differing(name)).collect();
        vec![
            Check::same("the inputs give the root of the manifest", found.root, expected.root),
            Check::same("the inputs give the CID of the manifest", &found.cid, &expected.cid),
            Check::same_leaves("the inputs give the tree, leaf by leaf", &computed.tree, &self.tree),
            Check::unless("the inputs give every table, row by row", self.differing_table(computed)),
            Check::same("fields of the manifest that differ", differing.join(", "), String::new()),
        ]
    }
}

/// A table of results, whatever its format.
fn read_table(out: &Path, name: &str) -> Result<(PathBuf, Table), String> {
    let columns = results::columns(name).ok_or_else(|| format!("{}: no such table as `{name}`", out.display()))?;
    let path = rows::find(out, name).map_err(|error| error.to_string())?;
    let path = path.ok_or_else(|| format!("{}: {name}.* is missing", out.display()))?;
    let table = Table::read(&path, &columns).map_err(|error| error.to_string())?;
    Ok((path, table))
}

/// A tree and the bytes of its file.
fn read_tree(path: &Path) -> Result<(Tree, Vec<u8>), Error> {
    let bytes = fs::read(path).map_err(Error::at(path))?;
    let tree = Tree::parse(&bytes).map_err(|error| Error::malformed(path, error))?;
    Ok((tree, bytes))
}
