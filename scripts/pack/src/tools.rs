//! The compiler, linker and optimiser that `scripts/build` found, and who they are.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Where the tools are.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Tools {
    /// `cargo` of the compiler that builds the programs.
    #[arg(long)]
    pub(crate) cargo: PathBuf,
    /// Compiler that builds the programs; its standard library's source lies beside it.
    #[arg(long)]
    pub(crate) rustc: PathBuf,
    /// WebAssembly linker; without it the compiler's own.
    #[arg(long)]
    pub(crate) linker: Option<PathBuf>,
    /// Binaryen's `wasm-opt`.
    #[arg(long)]
    pub(crate) wasm_opt: PathBuf,
}

/// Which tools made a set of programs. Sizes and gas are compared only between equals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// As the compiler names itself.
    pub(crate) compiler: String,
    /// As `wasm-opt` names itself.
    pub(crate) optimiser: String,
}

impl Tools {
    /// Asks the tools who they are.
    pub(crate) fn identity(&self) -> Result<Identity> {
        Ok(Identity {
            compiler: output(Command::new(&self.rustc).arg("--version"))?,
            optimiser: output(Command::new(&self.wasm_opt).arg("--version"))?,
        })
    }

    /// Where the compiler keeps its libraries, and thereby the source of the standard library.
    pub(crate) fn sysroot(&self) -> Result<PathBuf> {
        output(Command::new(&self.rustc).args(["--print", "sysroot"])).map(PathBuf::from)
    }

    /// Shrinks a module.
    ///
    /// Only passes that keep every trap: `--traps-never-happen` and `--ignore-implicit-traps` would remove the checks that end
    /// in a panic, which is a trap here.
    pub(crate) fn shrink(&self, input: &Path, output: &Path) -> Result<()> {
        run(Command::new(&self.wasm_opt)
            .args(["-Oz", "--converge"])
            // The features that the chain accepts and the compiler was told of.
            .args(["--mvp-features", "--enable-bulk-memory", "--enable-sign-ext"])
            .arg("--enable-mutable-globals")
            .arg(input)
            .arg("-o")
            .arg(output))
    }
}

/// Runs a command and returns what it printed, trimmed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let done = command.output().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    ensure!(done.status.success(), "{} failed\n{}", describe(command), String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8(done.stdout)?.trim().to_owned())
}

/// Runs a command for its effects; what it printed appears only if it failed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// A command as somebody would type it.
pub(crate) fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
