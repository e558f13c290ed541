//! Fingerprints of inputs, to skip what was done already.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::{Keccak256, hex, keccak256};
use anyhow::Result;

/// Kinds of file below a workspace that can change a program.
const SOURCES: &[&str] = &["rs", "toml", "lock", "sol"];
/// Of the interfaces' folder: what else lies there is for the host.
const INTERFACES: &[&str] = &["sol"];

/// Fingerprint of all sources of a workspace, of the interfaces, of the settings, and of this very tool.
pub(crate) fn of(workspace: &Path, interfaces: &Path, settings: &str) -> Result<String> {
    let mut files = vec![std::env::current_exe()?];
    collect(workspace, SOURCES, &mut files)?;
    collect(interfaces, INTERFACES, &mut files)?;
    files.sort();

    let mut hasher = Keccak256::new();
    hasher.update(settings);
    for file in files {
        let bytes = fs::read(&file)?;
        hasher.update(file.as_os_str().as_encoded_bytes());
        hasher.update(bytes.len().to_be_bytes());
        hasher.update(bytes);
    }
    Ok(hex::encode(hasher.finalize()))
}

/// Fingerprint of bytes.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    hex::encode(keccak256(bytes))
}

fn collect(folder: &Path, kinds: &[&str], files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            let skipped = entry.file_name() == "target" || entry.file_name() == "node_modules";
            if !skipped {
                collect(&path, kinds, files)?;
            }
        } else if path.extension().is_some_and(|kind| kinds.iter().any(|&known| kind == known)) {
            files.push(path);
        }
    }
    Ok(())
}
