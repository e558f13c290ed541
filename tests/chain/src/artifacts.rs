//! Where compiled programs lie.

use std::{fs, io, path::PathBuf};

use alloy_primitives::Bytes;

use crate::programs;

/// The folder of final modules that `scripts/build` writes: one `<name>.wasm` per program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifacts {
    folder: PathBuf,
}

/// A module that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("no module {} ({source}): run scripts/build", path.display())]
pub struct MissingArtifact {
    /// Where it should be.
    pub path: PathBuf,
    /// What the file system says.
    pub source: io::Error,
}

impl Artifacts {
    /// The workspace's own programs: `contracts/target/stylus`, or the folder that `STYLUS_ARTIFACTS` names.
    pub fn load() -> Self {
        let folder = std::env::var_os("STYLUS_ARTIFACTS").map(PathBuf::from);
        Self::at(
            folder.unwrap_or_else(|| {
                PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../contracts/target/stylus"))
            }),
        )
    }

    /// Programs in another folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The module of a program.
    ///
    /// # Errors
    ///
    /// If it was not built.
    pub fn wasm(&self, name: &str) -> Result<Vec<u8>, MissingArtifact> {
        let path = self.folder.join(name).with_extension("wasm");
        fs::read(&path).map_err(|source| MissingArtifact { path, source })
    }

    /// The deployable code of a program, prefix and compressed module: `<name>.code` if the build left it, or else the
    /// module, compressed now.
    ///
    /// # Errors
    ///
    /// If it was not built.
    pub fn code(&self, name: &str) -> Result<Bytes, MissingArtifact> {
        match fs::read(self.folder.join(name).with_extension("code")) {
            Ok(code) => Ok(code.into()),
            Err(_) => Ok(programs::compress(&self.wasm(name)?)),
        }
    }
}
