//! From sources to what is deployed: one workspace of programs.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use stylus_vm::{
    ARBOS_CURRENT, ARBOS_VERSIONS,
    module::{self, Rules},
};

use crate::{
    cargo::Target,
    compile,
    progress::Progress,
    stamp,
    tools::{self, Identity, Tools},
};

/// The rules a program must satisfy: those of Arbitrum One.
const RULES: Rules = Rules::of(ARBOS_CURRENT);
const PAGE_LIMIT: u16 = 128;
/// What an activation costs before anything is looked at (stylus-vm.md 2.6 step 1).
const ACTIVATION_GAS: u64 = 1_659_168;

/// A Cargo workspace of programs, compiled and packed together.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The repository that it is a part of.
    pub(crate) repository: PathBuf,
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
    /// Reads the workspace in `folder` of the repository.
    pub(crate) fn open(repository: &Path, folder: &str, abi: &str, tools: &Tools) -> Result<Option<Self>> {
        let root = repository.join(folder);
        if !root.join("Cargo.toml").exists() {
            return Ok(None);
        }
        let metadata = tools::output(
            Command::new(&tools.cargo)
                .args(["metadata", "--no-deps", "--format-version=1"])
                .env("RUSTC", &tools.rustc)
                .current_dir(&root),
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
        Ok(Some(Self { repository: repository.to_owned(), root, abi: repository.join(abi), programs, members }))
    }

    /// The programs that are named; all if none is.
    pub(crate) fn wanted<'a>(&'a self, names: &'a [String]) -> Result<&'a [String]> {
        if names.is_empty() {
            return Ok(&self.programs);
        }
        for name in names {
            ensure!(self.programs.contains(name), "{} has no program {name}", self.root.display());
        }
        Ok(names)
    }

    /// Where packed programs are written.
    pub(crate) fn output(&self) -> PathBuf {
        self.root.join("target/stylus")
    }

    /// Everything that a program is made of, and what makes it.
    fn inputs(&self, identity: &Identity) -> Result<String> {
        let settings = format!("{} {identity:?} {}", compile::settings(), self.members);
        stamp::of(&self.root, &self.abi, &settings)
    }

    /// Brings the packed programs that are `wanted` up to date. A second call without changes only looks.
    ///
    /// One program that fails does not keep the others from being packed; what failed is told in `complaints`.
    pub(crate) fn pack(
        &self,
        wanted: &[String],
        tools: &Tools,
        progress: &Progress,
        complaints: &mut Vec<String>,
    ) -> Result<Vec<Packed>> {
        let identity = tools.identity()?;
        let inputs = self.inputs(&identity)?;
        let last = self.last(&identity);
        let mut programs = last.as_ref().filter(|last| last.inputs == inputs).map_or_else(Vec::new, |last| {
            last.programs.iter().filter(|program| self.is_there(&program.name)).cloned().collect()
        });
        let missing: Vec<_> =
            wanted.iter().filter(|&name| programs.iter().all(|program| program.name != *name)).cloned().collect();
        if !missing.is_empty() {
            fs::create_dir_all(self.output())?;
            let mut done = 0;
            let compiled = self.compile(&missing, tools, progress, |name, module| {
                done += 1;
                progress.say(&format!("program {done} of {}: {name}", missing.len()));
                progress.set(format!("packing {name}"));
                match self.update(name, &module, last.as_ref(), tools) {
                    Ok(program) => programs.push(program),
                    Err(error) => complaints.push(format!("{name}: {error:#}")),
                }
            });
            complaints.extend(compiled.err().map(|error| format!("{error:#}")));
            programs.sort_by(|one, other| one.name.cmp(&other.name));
            let record = Record { inputs, rules: rules(), tools: identity, programs: programs.clone() };
            fs::write(self.record(), serde_json::to_vec_pretty(&record)?)?;
        }
        programs.retain(|program| wanted.contains(&program.name));
        Ok(programs)
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

    fn update(&self, name: &str, compiled: &[u8], last: Option<&Record>, tools: &Tools) -> Result<Packed> {
        let source = stamp::of_bytes(compiled);
        let same = |program: &&Packed| program.name == name && program.source == source;
        let known = last.and_then(|last| last.programs.iter().find(same));
        match known {
            Some(program) if self.is_there(name) => Ok(program.clone()),
            _ => self.pack_one(name, compiled, source, tools),
        }
    }

    fn is_there(&self, name: &str) -> bool {
        ["wasm", "code"].iter().all(|kind| self.artefact(name, kind).exists())
    }

    fn artefact(&self, name: &str, kind: &str) -> PathBuf {
        self.output().join(format!("{name}.{kind}"))
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

/// Programs that could be re-entered, as sentences.
pub(crate) fn reentrant(programs: &[Packed]) -> Vec<String> {
    programs
        .iter()
        .filter(|program| !program.imports.contains("msg_reentrant"))
        .map(|program| format!("{} never asks whether it is re-entered (msg_reentrant)", program.name))
        .collect()
}
