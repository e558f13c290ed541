//! Behind `scripts/build`: compiles every program, shrinks it, checks that a chain would activate it, measures it, and
//! keeps the interfaces in `abi/` and the programs the same.

mod cargo;
mod compile;
mod golden;
mod graph;
mod hashes;
mod interface;
mod limits;
mod merged;
mod programs;
mod progress;
mod solidity;
mod stamp;
mod table;
mod tools;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use alloy_primitives::B256;
use anyhow::{Context, Result};
use clap::Parser;
use golden::Golden;
use programs::{Packed, Workspace};
use progress::Progress;
use serde::Serialize;
use tools::{Identity, Tools};

/// Builds all Stylus programs. `scripts/build` finds the tools and calls this.
#[derive(Debug, Parser)]
struct Arguments {
    /// Root of the repository.
    #[arg(long)]
    root: PathBuf,
    #[command(flatten)]
    tools: Tools,
    /// Accept the measured sizes and gas: rewrite `contracts/sizes.json`.
    #[arg(long)]
    bless: bool,
    /// Fail if sizes, gas or a JSON ABI differ from what is committed.
    #[arg(long, conflicts_with = "bless")]
    check: bool,
    /// Print the table as JSON.
    #[arg(long)]
    json: bool,
    /// Print the hash of each program's code instead of the table; fail if it is not the one of `contracts/hashes.json`.
    #[arg(long, conflicts_with_all = ["bless", "json"])]
    hashes: bool,
    /// Of the doubles, only these; all if none is named.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    doubles: Vec<String>,
    /// Leave the interfaces alone.
    #[arg(long)]
    no_abi: bool,
}

/// What was built, for `--json`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    tools: &'a Identity,
    programs: &'a [Packed],
    doubles: &'a [Packed],
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(complaints) if complaints.is_empty() => ExitCode::SUCCESS,
        Ok(complaints) => {
            for complaint in complaints {
                eprintln!("error: {complaint}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Builds and checks; returns what is wrong with programs that could be built.
fn run(arguments: &Arguments) -> Result<Vec<String>> {
    let tools = &arguments.tools;
    let root = &arguments.root;
    let open = |folder: &str, abi: &str| Workspace::open(root, folder, abi, tools).context(folder.to_owned());
    let progress = Progress::start();
    let contracts = open("contracts", "abi")?;
    let doubles = open("tests/doubles", "tests/doubles/abi")?;
    let mut complaints = Vec::new();
    let mut pack = |workspace: &Option<Workspace>, wanted: &[String]| match workspace {
        Some(workspace) => workspace.pack(workspace.wanted(wanted)?, tools, &progress, &mut complaints),
        None => Ok(Vec::new()),
    };
    let programs = pack(&contracts, &[])?;
    let packed_doubles = pack(&doubles, &arguments.doubles)?;
    progress.set("");
    let identity = tools.identity()?;

    let path = root.join("contracts/sizes.json");
    let measured = Golden::of(&identity, &programs);
    let list = root.join("contracts/hashes.json");
    if arguments.bless && complaints.is_empty() {
        measured.write(&path)?;
        if let Some(contracts) = &contracts {
            hashes::write(&list, hashes::name(&identity), hashes::of(contracts)?)?;
        }
    }
    let committed = Golden::read(&path)?;
    let comparable = committed.as_ref().filter(|golden| golden.tools == identity);
    if arguments.check || arguments.hashes {
        complaints.extend(compare_hashes(contracts.as_ref(), &identity, &list)?);
    }
    if arguments.hashes {
        print_hashes(contracts.as_ref())?;
    } else if arguments.json {
        let report = Report { tools: &identity, programs: &programs, doubles: &packed_doubles };
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        table::print(&programs, comparable);
        println!();
        table::print(&packed_doubles, None);
        println!();
        notes(&programs, &identity, committed.as_ref());
    }

    complaints.extend(limits::exceeded(&programs));
    complaints.extend(limits::exceeded(&packed_doubles));
    complaints.extend(programs::reentrant(&programs));
    if arguments.check && comparable.is_some_and(|golden| *golden != measured) {
        complaints.push("sizes or gas differ from contracts/sizes.json; scripts/build --bless accepts them".to_owned());
    }
    // Only what these tools made can be compared with what is documented.
    if let Some(golden) = &committed.filter(|golden| golden.tools == identity) {
        let document = root.join("ARCHITECTURE.md");
        if !golden.document(&document)? && arguments.check {
            complaints.push(format!("the sizes in {} were not those of the golden; rewritten", document.display()));
        }
    }
    if !arguments.no_abi {
        for workspace in [&contracts, &doubles].into_iter().flatten() {
            complaints.extend(interface::update(workspace, &progress, arguments.check)?);
        }
    }
    progress.set("");
    Ok(complaints)
}

/// Programs whose code is not that of the list.
fn compare_hashes(contracts: Option<&Workspace>, identity: &Identity, path: &Path) -> Result<Vec<String>> {
    let Some(contracts) = contracts else { return Ok(Vec::new()) };
    let tools = hashes::name(identity);
    let Some(listed) = hashes::read(path)?.remove(&tools) else {
        eprintln!("contracts/hashes.json has no list for {tools}");
        return Ok(Vec::new());
    };
    let differ = |(program, hash): (String, B256)| {
        let expected = listed.get(&program).copied().unwrap_or_default();
        let text =
            format!("{program}: code of the hash {hash}, {expected} is listed; scripts/build --bless accepts it");
        (hash != expected).then_some(text)
    };
    Ok(hashes::of(contracts)?.into_iter().filter_map(differ).collect())
}

fn print_hashes(contracts: Option<&Workspace>) -> Result<()> {
    for (program, hash) in contracts.map(hashes::of).transpose()?.unwrap_or_default() {
        println!("{hash}  {program}");
    }
    Ok(())
}

fn notes(programs: &[Packed], identity: &Identity, committed: Option<&Golden>) {
    let hashing: Vec<_> = programs
        .iter()
        .filter(|program| !program.imports.contains("native_keccak256"))
        .map(|program| program.name.as_str())
        .collect();
    if !hashing.is_empty() {
        println!("without the chain's keccak256: {}", hashing.join(", "));
    }
    println!("made by {}, {}", identity.compiler, identity.optimiser);
    match committed {
        None => println!("no figures committed yet; scripts/build --bless writes them"),
        Some(golden) if golden.tools != *identity => println!(
            "not compared with contracts/sizes.json, which was made by {}, {}",
            golden.tools.compiler, golden.tools.optimiser
        ),
        Some(_) => {}
    }
}
