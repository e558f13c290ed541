//! Checking results: of themselves, and against the inputs (spec section 12.6).

use std::{fs, path::Path};

use rewards::{
    cid, cumulative,
    tree::{self, Tree},
};

use crate::{
    Error,
    epoch::EpochFolder,
    manifest::{self, Manifest, Options},
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

fn same<T: PartialEq + std::fmt::Display>(name: &'static str, found: T, expected: T) -> Check {
    let holds = found == expected;
    Check { name, holds, detail: if holds { String::new() } else { format!("{found}, not {expected}") } }
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
        same("the tree has the root of the manifest", tree.root(), manifest.root),
        same("its file has the CID of the manifest", cid::of(&bytes), manifest.cid),
        same("its file is canonical", tree.to_json().as_bytes() == bytes.as_slice(), true),
        same("it has the leaves of the manifest", tree.len(), manifest.leaves),
        same("its amounts have the sum of the manifest", total.to_string(), manifest.total_wei),
        same("proofs that fail", proofs.count(), 0),
    ])
}

/// Checks that a tree file has a root.
pub fn verify_root(path: &Path, root: alloy_primitives::B256) -> Result<Check, Error> {
    let bytes = fs::read(path).map_err(Error::at(path))?;
    let tree = Tree::parse(&bytes).map_err(|error| Error::malformed(path, error))?;
    Ok(same("the tree has the root given", tree.root(), root))
}

/// Computes everything again from the inputs and compares the manifests.
pub fn verify_inputs(out: &Path, folder: &EpochFolder, options: &Options<'_>) -> Result<Vec<Check>, Error> {
    let found = manifest::compute(folder, options)?.manifest;
    Ok(compare(&found, &Manifest::read(out)?))
}

/// Compares what was computed from the inputs with the manifest of some results.
#[must_use]
pub fn compare(found: &Manifest, expected: &Manifest) -> Vec<Check> {
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
        same("the inputs give the root of the manifest", found.root, expected.root),
        same("the inputs give the CID of the manifest", found.cid.clone(), expected.cid.clone()),
        same("fields of the manifest that differ", differing.join(", "), String::new()),
    ]
}
