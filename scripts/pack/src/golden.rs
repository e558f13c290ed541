//! The committed figures, `contracts/sizes.json`: a change of size or gas shows in review.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{
    limits,
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

    /// The figures as a Markdown table.
    fn table(&self) -> String {
        let mut table = String::from(
            "| program | code, bytes | of the limit | gas uncached | gas cached |\n|---|---:|---:|---:|---:|\n",
        );
        for (name, figures) in &self.programs {
            let share = figures.code as f64 * 100.0 / limits::CODE as f64;
            let Figures { code, init_gas, cached_gas, .. } = figures;
            table += &format!("| `{name}` | {code} | {share:.1} % | {init_gas} | {cached_gas} |\n");
        }
        table
    }

    /// Writes the table between the marks of a document. Returns whether it stood there already.
    pub(crate) fn document(&self, path: &Path) -> Result<bool> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let marked = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?)));
        let (before, (_, after)) = marked.with_context(|| format!("{} lacks {BEGIN} or {END}", path.display()))?;
        let current = format!("{before}{BEGIN}\n{}{END}{after}", self.table());
        if text == current {
            return Ok(true);
        }
        fs::write(path, current)?;
        Ok(false)
    }
}

/// Where the table begins and ends in a document.
const BEGIN: &str = "<!-- sizes: written by scripts/build --bless -->";
const END: &str = "<!-- end of sizes -->";
