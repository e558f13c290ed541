//! The committed figures, `contracts/sizes.json`: a change of size or gas shows in review.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{
    programs::{Figures, Packed},
    tools::Identity,
};

/// What was committed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Golden {
    /// What made the programs. Figures of other tools say nothing about the sources.
    #[serde(flatten)]
    pub(crate) tools: Identity,
    /// Figures by program.
    pub(crate) programs: BTreeMap<String, Figures>,
}

impl Golden {
    /// The figures of these programs.
    pub(crate) fn of(tools: &Identity, programs: &[Packed]) -> Self {
        Self {
            tools: tools.clone(),
            programs: programs.iter().map(|program| (program.name.clone(), program.figures)).collect(),
        }
    }

    /// Reads the committed ones, if there are any.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read(path)?;
        let golden = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        Ok(Some(golden))
    }

    /// Commits to these figures.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(())
    }
}
