//! The committed hashes of the programs' code, `contracts/hashes.json`, per compiler and optimiser: two machines with the same tools get the
//! same code, and what is deployed can be compared with it.

use std::{collections::BTreeMap, fs, path::Path};

use alloy_primitives::{B256, keccak256};
use anyhow::{Context, Result};

use crate::{programs::Workspace, tools::Identity};

/// Hashes by program, by tools.
pub(crate) type Hashes = BTreeMap<String, BTreeMap<String, B256>>;

/// How tools are named in the list.
pub(crate) fn name(tools: &Identity) -> String {
    format!("{}, {}", tools.compiler, tools.optimiser)
}

/// Hashes of what was built last.
pub(crate) fn of(workspace: &Workspace) -> Result<BTreeMap<String, B256>> {
    let hash = |program: &String| {
        let path = workspace.output().join(program).with_extension("code");
        let code = fs::read(&path).with_context(|| path.display().to_string())?;
        Ok((program.clone(), keccak256(code)))
    };
    workspace.programs.iter().map(hash).collect()
}

/// The committed list; empty if there is none.
pub(crate) fn read(path: &Path) -> Result<Hashes> {
    if !path.exists() {
        return Ok(Hashes::new());
    }
    serde_json::from_slice(&fs::read(path)?).with_context(|| path.display().to_string())
}

/// Commits to these hashes. What other tools made of older sources would be wrong now.
pub(crate) fn write(path: &Path, tools: String, hashes: BTreeMap<String, B256>) -> Result<()> {
    let mut list = read(path)?;
    if list.get(&tools) != Some(&hashes) {
        list = Hashes::from([(tools, hashes)]);
        fs::write(path, serde_json::to_string_pretty(&list)? + "\n")?;
    }
    Ok(())
}
