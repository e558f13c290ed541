//! What a program is compiled from. Cargo unifies features within one invocation: programs may share one only if none of
//! them gets a feature of another, such as the SDK's `reentrant`, which would silently remove the re-entrancy refusal.

use std::collections::BTreeMap;

use alloy_primitives::{B256, keccak256};
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

/// Cargo's plan of an invocation, as `--unit-graph` prints it: each compilation with all that decides its outcome.
#[derive(Debug, Deserialize)]
pub(crate) struct Graph {
    units: Vec<Unit>,
    roots: Vec<usize>,
}

#[derive(Debug, Deserialize)]
struct Unit {
    target: Target,
    dependencies: Vec<Dependency>,
    /// Package, profile, features, platform, mode: kept as they are, since all of it counts.
    #[serde(flatten)]
    settings: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    #[serde(flatten)]
    settings: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    index: usize,
    extern_crate_name: String,
}

impl Graph {
    pub(crate) fn parse(json: &str) -> Result<Self> {
        serde_json::from_str(json).context("cargo's unit graph is not understood")
    }

    /// The libraries asked for, by name, each with a fingerprint of everything that it is compiled from. Where the fingerprint
    /// is the same in two invocations, so is what the compiler makes.
    pub(crate) fn fingerprints(&self) -> Result<BTreeMap<&str, B256>> {
        let mut known = vec![None; self.units.len()];
        self.roots
            .iter()
            .map(|&root| {
                let fingerprint = self.fingerprint(root, &mut known)?;
                Ok((self.unit(root)?.target.name.as_str(), fingerprint))
            })
            .collect()
    }

    fn unit(&self, index: usize) -> Result<&Unit> {
        self.units.get(index).context("cargo's unit graph names a unit that it lacks")
    }

    fn fingerprint(&self, index: usize, known: &mut [Option<B256>]) -> Result<B256> {
        if let Some(Some(fingerprint)) = known.get(index) {
            return Ok(*fingerprint);
        }
        let unit = self.unit(index)?;
        let mut text = serde_json::to_string(&(&unit.settings, &unit.target.name, &unit.target.settings))?;
        for dependency in &unit.dependencies {
            let fingerprint = self.fingerprint(dependency.index, known)?;
            text += &format!(" {}={fingerprint}", dependency.extern_crate_name);
        }
        let fingerprint = keccak256(text);
        known[index] = Some(fingerprint);
        Ok(fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(features: &str) -> Graph {
        Graph::parse(&format!(
            r#"{{"version": 1, "roots": [0, 1], "units": [
                {{"pkg_id": "pool", "target": {{"name": "pool"}}, "features": [], "dependencies": [{{"index": 2, "extern_crate_name": "sdk"}}]}},
                {{"pkg_id": "plain", "target": {{"name": "plain"}}, "features": [], "dependencies": []}},
                {{"pkg_id": "sdk", "target": {{"name": "sdk"}}, "features": [{features}], "dependencies": []}}]}}"#
        ))
        .unwrap()
    }

    #[test]
    fn a_feature_far_below_changes_only_who_stands_on_it() {
        let (without, with) = (graph(""), graph(r#""reentrant""#));
        let (without, with) = (without.fingerprints().unwrap(), with.fingerprints().unwrap());
        assert_ne!(without["pool"], with["pool"]);
        assert_eq!(without["plain"], with["plain"]);
    }

    #[test]
    fn a_graph_that_lacks_a_unit_is_refused() {
        let broken = Graph::parse(r#"{"roots": [3], "units": []}"#).unwrap();
        assert!(broken.fingerprints().is_err());
        assert!(Graph::parse("{}").is_err());
    }
}
