//! Checking results: of themselves, and against the inputs (spec section 12.6).

use std::{collections::BTreeSet, fs, path::Path};

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

/// Checks the tree of a folder of results against its manifest.
pub fn verify_results(out: &Path) -> Result<Vec<Check>, Error> {
    let manifest = Manifest::read(out)?;
    let path = out.join("tree.json");
    let bytes = fs::read(&path).map_err(Error::at(&path))?;
    let tree = Tree::parse(&bytes).map_err(|error| Error::malformed(&path, error))?;
    let total = cumulative::total(tree.entries().map(|(.., amount)| amount));
    let proofs =
        tree.entries().enumerate().filter(|(place, (leaf, ..))| !tree::verify(*leaf, &tree.proof(*place), tree.root()));
    Ok(vec![
        Check::same("the tree has the root of the manifest", tree.root(), manifest.root),
        Check::same("its file has the CID of the manifest", cid::of(&bytes), manifest.cid),
        Check::same("its file is canonical", tree.to_json().as_bytes() == bytes.as_slice(), true),
        Check::same("it has the leaves of the manifest", tree.len(), manifest.leaves),
        Check::same("its amounts have the sum of the manifest", total.to_string(), manifest.total_wei),
        Check::same("proofs that fail", proofs.count(), 0),
    ])
}

/// Checks that a tree file has a root.
pub fn verify_root(path: &Path, root: alloy_primitives::B256) -> Result<Check, Error> {
    Ok(Check::same("the tree has the root given", read_tree(path)?.root(), root))
}

/// Compares the tree of results with a file that was published, leaf by leaf and by its CID.
pub fn verify_published(out: &Path, path: &Path) -> Result<Vec<Check>, Error> {
    let manifest = Manifest::read(out)?;
    let bytes = fs::read(path).map_err(Error::at(path))?;
    let published = Tree::parse(&bytes).map_err(|error| Error::malformed(path, error))?;
    let own = read_tree(&out.join("tree.json"))?;
    Ok(vec![
        Check::same("the published file has the CID of the manifest", cid::of(&bytes), manifest.cid),
        Check::same_leaves("the published tree is that of the results", &published, &own),
    ])
}

fn read_tree(path: &Path) -> Result<Tree, Error> {
    let bytes = fs::read(path).map_err(Error::at(path))?;
    Tree::parse(&bytes).map_err(|error| Error::malformed(path, error))
}

/// Computes everything again from the inputs and compares the manifests.
pub fn verify_inputs(out: &Path, folder: &EpochFolder, options: &Options<'_>) -> Result<Vec<Check>, Error> {
    compare(out, &manifest::compute(folder, options)?)
}

/// Compares what was computed from the inputs with the results in a folder.
pub fn compare(out: &Path, computed: &Epoch) -> Result<Vec<Check>, Error> {
    let (found, expected) = (&computed.manifest, Manifest::read(out)?);
    let published = read_tree(&out.join("tree.json"))?;
    let differing = |name: &str| {
        let field =
            |manifest: &Manifest| serde_json::to_value(manifest).ok().and_then(|value| value.get(name).cloned());
        field(found) != field(&expected)
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
    Ok(vec![
        Check::same("the inputs give the root of the manifest", found.root, expected.root),
        Check::same("the inputs give the CID of the manifest", found.cid.clone(), expected.cid.clone()),
        Check::same_leaves("the inputs give the tree, leaf by leaf", &computed.tree, &published),
        Check::same("fields of the manifest that differ", differing.join(", "), String::new()),
    ])
}
