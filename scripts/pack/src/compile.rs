//! From sources to modules and to interfaces: what cargo is asked for.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    cargo::Run,
    graph::Graph,
    programs::Workspace,
    progress::Progress,
    tools::{self, Tools},
};

const TARGET: &str = "wasm32-unknown-unknown";
/// Flags without which activation refuses the module, or every call pays for memory it does not need.
const RUSTFLAGS: &[&str] = &[
    // Only what the chain accepts; the compiler's default enables reference types and multi-value.
    "-Ctarget-cpu=mvp",
    "-Ctarget-feature=+bulk-memory,+sign-ext,+mutable-globals",
    // One page of memory in place of 17, which would cost 15,000 gas per call.
    "-Clink-arg=-zstack-size=32768",
    // No padded integers.
    "-Clink-arg=--compress-relocations",
    // A panic is a trap, without a message and the code to print it.
    "-Zunstable-options",
    "-Cpanic=immediate-abort",
];
const CARGOFLAGS: &[&str] = &[
    "--release",
    "--locked",
    // What cannot be compiled does not keep the rest from it.
    "--keep-going",
    "--target",
    TARGET,
    "-Zbuild-std=std,panic_abort",
    "-Zbuild-std-features=optimize_for_size",
];
/// Settings of a developer's environment that would change the programs.
const OVERRIDES: &[&str] = &[
    "RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_INCREMENTAL",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS",
    "CARGO_PROFILE_RELEASE_DEBUG",
    "CARGO_PROFILE_RELEASE_LTO",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL",
    "CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS",
    "CARGO_PROFILE_RELEASE_PANIC",
    "CARGO_PROFILE_RELEASE_STRIP",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTUP_TOOLCHAIN",
];

/// Everything said to the compiler that could change a program.
pub(crate) fn settings() -> String {
    format!("{RUSTFLAGS:?} {CARGOFLAGS:?}")
}

impl Workspace {
    /// Where cargo may leave what it needs for the next time: one place for both workspaces, which share most of it.
    fn scratch(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(shared) => Path::new(&shared).join("contracts"),
            None => self.repository.join("contracts/target"),
        }
    }

    /// Compiles the programs that are named, and hands each module to `each` as soon as it is there. Fails, after all that can
    /// be compiled, if one cannot.
    ///
    /// Programs share an invocation of cargo only if that changes none of them: features unify within one.
    pub(crate) fn compile(
        &self,
        names: &[String],
        tools: &Tools,
        progress: &Progress,
        mut each: impl FnMut(&str, Vec<u8>),
    ) -> Result<()> {
        let mut outcome = Ok(());
        for invocation in self.invocations(names, tools)? {
            let run = Run::start(&mut self.build(&invocation, tools)?, "compiling programs", progress)?;
            let done = run.finish(|artifact| {
                let is_module = |file: &&PathBuf| file.extension().is_some_and(|kind| kind == "wasm");
                let Some(module) = artifact.filenames.iter().find(is_module) else { return Ok(()) };
                let name = invocation.iter().find(|name| name.replace('-', "_") == artifact.target.name);
                let name = name.with_context(|| format!("cargo made {}, which nobody asked for", module.display()))?;
                each(name, fs::read(module).with_context(|| module.display().to_string())?);
                Ok(())
            });
            outcome = outcome.and(done);
        }
        outcome
    }

    /// The programs in as few invocations as give each of them what it would get alone.
    fn invocations(&self, names: &[String], tools: &Tools) -> Result<Vec<Vec<String>>> {
        let together = self.graph(names, tools)?;
        let together = together.fingerprints()?;
        let mut shared = Vec::new();
        let mut invocations = Vec::new();
        for name in names {
            let own = self.graph(std::slice::from_ref(name), tools)?;
            let own = own.fingerprints()?;
            if own.iter().all(|(library, fingerprint)| together.get(library) == Some(fingerprint)) {
                shared.push(name.clone());
            } else {
                invocations.push(vec![name.clone()]);
            }
        }
        if !shared.is_empty() {
            invocations.insert(0, shared);
        }
        Ok(invocations)
    }

    fn graph(&self, names: &[String], tools: &Tools) -> Result<Graph> {
        Graph::parse(&tools::output(self.build(names, tools)?.args(["--unit-graph", "-Zunstable-options"]))?)
    }

    fn build(&self, names: &[String], tools: &Tools) -> Result<Command> {
        let mut cargo = Command::new(&tools.cargo);
        cargo.arg("build").args(CARGOFLAGS).arg("--lib").current_dir(&self.root);
        for name in names {
            cargo.args(["--package", name]);
        }
        for variable in OVERRIDES {
            cargo.env_remove(variable);
        }
        cargo
            .env("RUSTC", &tools.rustc)
            // The flags below are unstable ones, of a stable compiler.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", self.rustflags(tools)?.join("\u{1f}"))
            .env("CARGO_TARGET_DIR", self.scratch());
        if let Some(linker) = &tools.linker {
            cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        Ok(cargo)
    }

    /// The flags, with nothing left in the program of where its sources lie.
    fn rustflags(&self, tools: &Tools) -> Result<Vec<String>> {
        let cargo_home = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
        let mut flags: Vec<_> = RUSTFLAGS.iter().map(|&flag| flag.to_owned()).collect();
        let mut hide = |path: &Path, name: &str| {
            flags.push(format!("--remap-path-prefix={}={name}", path.display()));
        };
        // Of the repository, not of the workspace: with the same flags both workspaces share one standard library.
        hide(&self.repository, "tidepool");
        hide(&tools.sysroot()?, "rust");
        if let Some(home) = cargo_home {
            hide(&home, "cargo");
        }
        Ok(flags)
    }

    /// Compiles, for this machine, the binaries that print the interfaces of all programs. Returns them by program.
    pub(crate) fn compile_exporters(&self, progress: &Progress) -> Result<BTreeMap<String, PathBuf>> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--locked", "--bins"]).env("CARGO_TARGET_DIR", self.scratch()).current_dir(&self.root);
        for name in &self.programs {
            cargo.args(["--package", name, "--features", &format!("{name}/export-abi")]);
        }
        let mut exporters = BTreeMap::new();
        Run::start(&mut cargo, "compiling interfaces", progress)?.finish(|artifact| {
            if let (Some(name), Some(executable)) = (artifact.target.name.strip_suffix("-abi"), artifact.executable) {
                exporters.insert(name.to_owned(), executable);
            }
            Ok(())
        })?;
        Ok(exporters)
    }
}
