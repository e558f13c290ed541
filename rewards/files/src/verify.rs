//! Checking results: of themselves, and against the inputs (spec section 12.6).

use std::{collections::BTreeSet, fs, path::Path};

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
}

impl Results {
    /// Reads the folder. Whether its files belong together is for [`check`](Self::check) to say.
    pub fn read(out: &Path) -> Result<Self, Error> {
        let manifest = Manifest::read(out)?;
        let (tree, tree_json) = read_tree(&out.join("tree.json"))?;
        Ok(Self { manifest, tree, tree_json })
    }

    /// Checks the tree against the manifest.
    #[must_use]
    pub fn check(&self) -> Vec<Check> {
        let Self { manifest, tree, tree_json } = self;
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
        ]
    }

    /// Checks that the tree has a root.
    #[must_use]
    pub fn check_root(&self, root: B256) -> Check {
        Check::same("the tree has the root given", self.tree.root(), root)
    }

    /// Compares the tree with a file that was published, leaf by leaf and by its CID.
    pub fn check_published(&self, path: &Path) -> Result<Vec<Check>, Error> {
        let (published, bytes) = read_tree(path)?;
        Ok(vec![
            Check::same("the published file has the CID of the manifest", &cid::of(&bytes), &self.manifest.cid),
            Check::same_leaves("the published tree is that of the results", &published, &self.tree),
        ])
    }

    /// Computes everything again from the inputs, and compares.
    pub fn check_inputs(&self, folder: &EpochFolder, options: &Options<'_>) -> Result<Vec<Check>, Error> {
        Ok(self.check_computed(&manifest::compute(folder, options)?))
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
            "skipped",
            "markets",
            "off_instants",
            "exclusions",
            "programs",
            "software",
        ];
        let differing: Vec<_> = names.into_iter().filter(|name| differing(name)).collect();
        vec![
            Check::same("the inputs give the root of the manifest", found.root, expected.root),
            Check::same("the inputs give the CID of the manifest", &found.cid, &expected.cid),
            Check::same_leaves("the inputs give the tree, leaf by leaf", &computed.tree, &self.tree),
            Check::same("fields of the manifest that differ", differing.join(", "), String::new()),
        ]
    }
}

/// A tree and the bytes of its file.
fn read_tree(path: &Path) -> Result<(Tree, Vec<u8>), Error> {
    let bytes = fs::read(path).map_err(Error::at(path))?;
    let tree = Tree::parse(&bytes).map_err(|error| Error::malformed(path, error))?;
    Ok((tree, bytes))
}
