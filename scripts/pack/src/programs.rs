//! From sources to what is deployed: one workspace of programs.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use stylus_vm::{
    ARBOS_CURRENT, ARBOS_VERSIONS,
    module::{self, Rules},
};

use crate::{
    stamp,
    tools::{self, Identity, Tools},
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
    "--quiet",
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

/// The rules a program must satisfy: those of Arbitrum One.
const RULES: Rules = Rules::of(ARBOS_CURRENT);
const PAGE_LIMIT: u16 = 128;
/// What an activation costs before anything is looked at (stylus-vm.md 2.6 step 1).
const ACTIVATION_GAS: u64 = 1_659_168;

/// A Cargo workspace of programs, compiled and packed together.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Where its `Cargo.toml` is.
    pub(crate) root: PathBuf,
    /// Where its interfaces are.
    pub(crate) abi: PathBuf,
    /// Its programs, by name.
    pub(crate) programs: Vec<String>,
    members: usize,
}

/// A packed program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Packed {
    /// Name of the package.
    pub(crate) name: String,
    /// Its size and what it costs.
    #[serde(flatten)]
    pub(crate) figures: Figures,
    /// Initial memory, pages.
    pub(crate) pages: u16,
    /// Oldest version of ArbOS that would activate it.
    pub(crate) since: u64,
    /// Host functions it imports.
    pub(crate) imports: BTreeSet<String>,
    /// What the compiler made of it, before the optimiser: if that is unchanged, so is the rest.
    source: String,
}

/// What is golden about a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Bytes of the module.
    pub(crate) wasm: usize,
    /// Bytes of the code on the chain: compressed, with prefix.
    pub(crate) code: usize,
    /// Gas at the start of every call when the program is not cached.
    pub(crate) init_gas: u64,
    /// Gas at the start of every call when the program is cached.
    pub(crate) cached_gas: u64,
    /// Gas of the activation, but for what the chain's storage costs.
    pub(crate) activation_gas: u64,
}

/// What was built, and from what.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    inputs: String,
    /// What the programs were checked against.
    rules: String,
    tools: Identity,
    programs: Vec<Packed>,
}

impl Workspace {
    /// Reads the workspace at `root`: every library that is also built as a dynamic one is a program.
    pub(crate) fn open(root: &Path, abi: &Path, tools: &Tools) -> Result<Option<Self>> {
        if !root.join("Cargo.toml").exists() {
            return Ok(None);
        }
        let metadata = tools::output(
            Command::new(&tools.cargo)
                .args(["metadata", "--no-deps", "--format-version=1"])
                .env("RUSTC", &tools.rustc)
                .current_dir(root),
        )?;
        let metadata: Metadata = serde_json::from_str(&metadata)?;
        let members = metadata.packages.len();
        let mut programs: Vec<_> = metadata
            .packages
            .into_iter()
            .filter(|package| package.targets.iter().any(Target::is_program))
            .map(|package| package.name)
            .collect();
        programs.sort();
        Ok(Some(Self { root: root.to_owned(), abi: abi.to_owned(), programs, members }))
    }

    /// Where packed programs are written.
    pub(crate) fn output(&self) -> PathBuf {
        self.root.join("target/stylus")
    }

    /// Everything that a program is made of, and what makes it.
    fn inputs(&self, identity: &Identity) -> Result<String> {
        let settings = format!("{RUSTFLAGS:?} {CARGOFLAGS:?} {identity:?} {}", self.members);
        stamp::of(&[&self.root, &self.abi], &settings)
    }

    /// Brings all packed programs up to date. A second call without changes only looks.
    ///
    /// One program that fails does not keep the others from being packed; what failed is told in `complaints`.
    pub(crate) fn pack(&self, tools: &Tools, complaints: &mut Vec<String>) -> Result<Vec<Packed>> {
        let identity = tools.identity()?;
        let inputs = self.inputs(&identity)?;
        let last = self.last(&identity);
        if let Some(last) = &last
            && last.inputs == inputs
            && last.programs.iter().all(|program| self.is_there(&program.name))
        {
            return Ok(last.programs.clone());
        }

        fs::create_dir_all(self.output())?;
        let mut programs = Vec::new();
        for name in &self.programs {
            eprintln!("  packing {name}");
            match self.update(name, last.as_ref(), tools) {
                Ok(program) => programs.push(program),
                Err(error) => complaints.push(format!("{name}: {error:#}")),
            }
        }
        // Whatever failed is tried again: no inputs equal these.
        let complete = programs.len() == self.programs.len();
        let inputs = if complete { inputs } else { String::new() };
        let done = Record { inputs, rules: rules(), tools: identity, programs };
        fs::write(self.record(), serde_json::to_vec_pretty(&done)?)?;
        Ok(done.programs)
    }

    fn record(&self) -> PathBuf {
        self.output().join("record.json")
    }

    /// What the same tools built the last time, and the same rules admitted.
    fn last(&self, identity: &Identity) -> Option<Record> {
        let bytes = fs::read(self.record()).ok()?;
        let record: Record = serde_json::from_slice(&bytes).ok()?;
        (record.tools == *identity && record.rules == rules()).then_some(record)
    }

    fn update(&self, name: &str, last: Option<&Record>, tools: &Tools) -> Result<Packed> {
        let compiled = self.compile(name, tools)?;
        let source = stamp::of_bytes(&compiled);
        let same = |program: &&Packed| program.name == name && program.source == source;
        let known = last.and_then(|last| last.programs.iter().find(same));
        match known {
            Some(program) if self.is_there(name) => Ok(program.clone()),
            _ => self.pack_one(name, &compiled, source, tools),
        }
    }

    fn is_there(&self, name: &str) -> bool {
        ["wasm", "code"].iter().all(|kind| self.artefact(name, kind).exists())
    }

    fn artefact(&self, name: &str, kind: &str) -> PathBuf {
        self.output().join(format!("{name}.{kind}"))
    }

    /// Where cargo may leave what it needs for the next time.
    fn scratch(&self) -> PathBuf {
        let own = self.root.join("target");
        match (std::env::var_os("CARGO_TARGET_DIR"), self.root.file_name()) {
            (Some(shared), Some(name)) => Path::new(&shared).join(name),
            _ => own,
        }
    }

    /// Compiles one program. Never several in one invocation: features unify within it, and one program's
    /// `stylus-sdk/reentrant` would silently remove another's re-entrancy refusal.
    fn compile(&self, name: &str, tools: &Tools) -> Result<Vec<u8>> {
        let scratch = self.scratch();
        let mut cargo = Command::new(&tools.cargo);
        cargo.arg("build").args(CARGOFLAGS).args(["--lib", "--package", name]).current_dir(&self.root);
        for variable in OVERRIDES {
            cargo.env_remove(variable);
        }
        cargo
            .env("RUSTC", &tools.rustc)
            // The flags below are unstable ones, of a stable compiler.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", self.rustflags(tools)?.join("\u{1f}"))
            .env("CARGO_TARGET_DIR", &scratch);
        if let Some(linker) = &tools.linker {
            cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        tools::run(&mut cargo)?;

        let file = format!("{}.wasm", name.replace('-', "_"));
        let path = scratch.join(TARGET).join("release").join(file);
        fs::read(&path).with_context(|| path.display().to_string())
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
        hide(&self.root, "tidepool");
        hide(&tools.sysroot()?, "rust");
        if let Some(home) = cargo_home {
            hide(&home, "cargo");
        }
        Ok(flags)
    }

    fn pack_one(&self, name: &str, compiled: &[u8], source: String, tools: &Tools) -> Result<Packed> {
        let raw = self.artefact(name, "raw");
        let shrunk = self.artefact(name, "shrunk");
        fs::write(&raw, compiled)?;
        tools.shrink(&raw, &shrunk)?;
        let wasm = module::prepare_for_deployment(&fs::read(&shrunk)?)?;
        fs::remove_file(&raw)?;
        fs::remove_file(&shrunk)?;

        let code = module::contract_code(&wasm);
        let activation = module::activate(&wasm, PAGE_LIMIT, &RULES, u64::MAX).context("activation would refuse it")?;
        let (init_gas, cached_gas) = call_gas(&activation.figures);
        fs::write(self.artefact(name, "wasm"), &wasm)?;
        fs::write(self.artefact(name, "code"), &code)?;
        Ok(Packed {
            name: name.to_owned(),
            figures: Figures {
                wasm: wasm.len(),
                code: code.len(),
                init_gas,
                cached_gas,
                activation_gas: ACTIVATION_GAS + activation.gas,
            },
            pages: activation.figures.footprint,
            since: oldest_version(&wasm),
            imports: module::imports(&wasm).into_iter().map(|(_, name)| name).collect(),
            source,
        })
    }

    /// What the program says its interface is, as Solidity, and its constructor's signature.
    pub(crate) fn export_abi(&self, name: &str) -> Result<(String, String)> {
        let export = |arguments: &[&str]| {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            tools::output(
                Command::new(cargo)
                    .args(["run", "--quiet", "--locked", "--package", name])
                    .args(["--features", "export-abi", "--"])
                    .args(arguments)
                    .env("CARGO_TARGET_DIR", self.scratch())
                    .current_dir(&self.root),
            )
        };
        Ok((export(&[])?, export(&["constructor"])?))
    }
}

fn rules() -> String {
    format!("{RULES:?}")
}

/// The oldest version of ArbOS that would activate the module; the one whose rules it was checked against does.
fn oldest_version(wasm: &[u8]) -> u64 {
    let accepts = |version: &u64| module::activate(wasm, PAGE_LIMIT, &Rules::of(*version), u64::MAX).is_ok();
    ARBOS_VERSIONS.into_iter().find(accepts).unwrap_or(ARBOS_CURRENT)
}

/// Gas at the start of a call, not cached and cached (stylus-vm.md 4.6).
fn call_gas(figures: &stylus_vm::Figures) -> (u64, u64) {
    const MIN_INIT_GAS: u64 = 69 * 128;
    const MIN_CACHED_GAS: u64 = 11 * 32;
    let cached = MIN_CACHED_GAS + u64::from(figures.cached_cost);
    (MIN_INIT_GAS + u64::from(figures.init_cost) + cached, cached)
}

/// The part of `cargo metadata` that is read here.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

impl Target {
    fn is_program(&self) -> bool {
        self.kind.iter().any(|kind| kind == "cdylib")
    }
}

/// Programs that could be re-entered, as sentences.
pub(crate) fn reentrant(programs: &[Packed]) -> Vec<String> {
    programs
        .iter()
        .filter(|program| !program.imports.contains("msg_reentrant"))
        .map(|program| format!("{} never asks whether it is re-entered (msg_reentrant)", program.name))
        .collect()
}
