//! The interfaces in `abi/` against what the programs answer.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use alloy_json_abi::{Function, JsonAbi, Param};
use alloy_primitives::hex;
use anyhow::{Context as _, Result};

use crate::{merged, programs::Workspace, progress::Progress, solidity::Interfaces, stamp, tools};

/// Writes the JSON ABIs, and compares each program with its interface. Returns what differs, as sentences.
pub(crate) fn update(workspace: &Workspace, progress: &Progress, check: bool) -> Result<Vec<String>> {
    if !workspace.abi.exists() {
        return Ok(Vec::new());
    }
    let declared = Interfaces::read(&workspace.abi)?;
    let mut complaints = write_json(&declared, &workspace.abi, check)?;

    let done = workspace.output().join("abi.stamp");
    let inputs = stamp::of(&workspace.root, &workspace.abi, "abi")?;
    if fs::read_to_string(&done).is_ok_and(|last| last == inputs) {
        return Ok(complaints);
    }
    let exporters = workspace.compile_exporters(progress)?;
    progress.set("comparing programs with their interfaces");
    let mut differences = Vec::new();
    for program in &workspace.programs {
        let file = interface_of(program);
        if !workspace.abi.join(format!("{file}.sol")).exists() {
            differences.push(format!("{program}: there is no interface {file}.sol"));
            continue;
        }
        let found = exporters
            .get(program)
            .with_context(|| format!("there is no binary {program}-abi"))
            .and_then(|exporter| says(exporter))
            .and_then(|exported| compare(&declared, &file, &exported))
            .unwrap_or_else(|error| vec![format!("{error:#}")]);
        differences.extend(found.into_iter().map(|difference| format!("{program}: {difference}")));
    }
    if differences.is_empty() {
        fs::write(done, inputs)?;
    }
    complaints.extend(differences);
    Ok(complaints)
}

fn write_json(declared: &Interfaces, folder: &Path, check: bool) -> Result<Vec<String>> {
    let mut abis = Vec::new();
    for file in declared.files() {
        abis.push((file, merged::abi(declared, file)?));
    }
    abis.extend(merged::pool(declared)?.map(|pool| ("pool", pool)));
    let mut complaints = Vec::new();
    for (name, abi) in abis {
        let path = folder.join(format!("{name}.json"));
        let json = serde_json::to_string_pretty(&abi)? + "\n";
        if fs::read_to_string(&path).is_ok_and(|committed| committed == json) {
            continue;
        }
        fs::write(&path, json)?;
        if check {
            complaints.push(format!("{} was not what the interfaces say; rewritten", path.display()));
        }
    }
    Ok(complaints)
}

/// The interface of program `epoch-schedule` is `IEpochSchedule`.
fn interface_of(program: &str) -> String {
    let words = program.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    std::iter::once("I".to_owned()).chain(words).collect()
}

/// What a program says its interface is.
fn says(exporter: &Path) -> Result<JsonAbi> {
    let interface = tools::output(&mut Command::new(exporter))?;
    let constructor = tools::output(Command::new(exporter).arg("constructor"))?;
    exported(&interface, &constructor)
}

/// What a program prints about itself, as an ABI.
fn exported(interface: &str, constructor: &str) -> Result<JsonAbi> {
    const FILE: &str = "exported";
    let mut exported = Interfaces::default();
    exported.add(FILE, &as_solidity(interface))?;
    if let Some(signature) = constructor.trim().strip_prefix("constructor") {
        let signature = as_solidity(signature);
        exported.add(FILE, &format!("interface Constructor {{ constructor{signature}; }}"))?;
    }
    exported.abi(FILE)
}

/// The SDK's output, where it is not quite Solidity: locations stand inside tuples too, and a list of tuples as the only
/// result lacks the parentheses of a list of results.
fn as_solidity(text: &str) -> String {
    let text = text.replace(" memory", "").replace(" calldata", "");
    let lines = text.lines().map(|line| match line.split_once(" returns ") {
        Some((function, results)) if !results.ends_with(");") => {
            format!("{function} returns ({});", results.trim_end_matches(';'))
        }
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn compare(declared: &Interfaces, file: &str, exported: &JsonAbi) -> Result<Vec<String>> {
    let declared_abi = declared.abi(file)?;
    let mut differences = Vec::new();
    let (ours, theirs) = (by_selector(&declared_abi), by_selector(exported));
    for (selector, function) in &ours {
        let Some(answer) = theirs.get(selector) else {
            differences.push(format!("does not answer {}", function.signature()));
            continue;
        };
        let (wanted, got) = (answers(function), answers(answer));
        if wanted != got {
            differences.push(format!("{} is {got}, not {wanted}", function.signature()));
        }
    }
    for (selector, function) in &theirs {
        if !ours.contains_key(selector) {
            let hex = hex::encode(selector);
            differences.push(format!("answers {} ({hex}), which {file}.sol lacks", function.signature()));
        }
    }
    let constructor = |abi: &JsonAbi| abi.constructor.as_ref().map(|found| types(&found.inputs));
    if constructor(&declared_abi) != constructor(exported) {
        differences.push(format!("its constructor is not the one in {file}.sol"));
    }

    let mut known = Vec::new();
    for file in declared.files() {
        known.extend(declared.abi(file)?.errors().map(|error| error.signature()));
    }
    for error in exported.errors() {
        if !known.contains(&error.signature()) {
            differences.push(format!("reverts with {}, which no interface declares", error.signature()));
        }
    }
    Ok(differences)
}

fn by_selector(abi: &JsonAbi) -> BTreeMap<[u8; 4], &Function> {
    abi.functions().map(|function| (*function.selector(), function)).collect()
}

/// How a function answers: mutability and the types of the results, static tuples flattened as the encoding has them.
fn answers(function: &Function) -> String {
    let mutability = function.state_mutability.as_json_str();
    format!("{mutability} ({})", flat(&function.outputs).join(","))
}

fn types(params: &[Param]) -> String {
    let types: Vec<_> = params.iter().map(|param| param.selector_type().into_owned()).collect();
    types.join(",")
}

fn flat(params: &[Param]) -> Vec<String> {
    params
        .iter()
        .flat_map(|param| match param.ty.as_str() {
            "tuple" if !is_dynamic(param) => flat(&param.components),
            _ => vec![param.selector_type().into_owned()],
        })
        .collect()
}

fn is_dynamic(param: &Param) -> bool {
    let base = param.ty.split('[').next().unwrap_or_default();
    param.ty.contains("[]") || base == "string" || base == "bytes" || param.components.iter().any(is_dynamic)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARED: &str = r#"
        /* Comments, "quotes" in them too, are no tokens. */
        interface IBase { error Denied(address who); }
        interface IThing is IBase {
            struct Pair { uint128 a; uint128 b; }
            struct Named { string name; uint64 size; }
            enum Mode { Off, On }
            event Moved(address indexed from, uint256 value); // Trailing.
            function pair() external view returns (Pair memory);
            function named() external view returns (Named memory);
            function list(Pair[] calldata pairs) external returns (uint256 sum);
            function mode() external pure returns (Mode);
            function stylus_constructor(address owner) external;
        }
    "#;
    const EXPORTED: &str = r#"
        interface IThing  {
            function pair() external view returns (uint128, uint128);
            function named() external view returns ((string,uint64));
            function list((uint128,uint128)[] memory pairs) external returns (uint256);
            function mode() external pure returns (uint8);
            error Denied(address);
        }
    "#;

    fn differences(exported_text: &str, constructor: &str) -> Vec<String> {
        let mut declared = Interfaces::default();
        declared.add("IThing", DECLARED).unwrap();
        compare(&declared, "IThing", &exported(exported_text, constructor).unwrap()).unwrap()
    }

    #[test]
    fn equal_interfaces_do_not_differ() {
        assert_eq!(differences(EXPORTED, "constructor(address owner)"), [""; 0]);
    }

    #[test]
    fn each_difference_is_named() {
        for (from, to, difference) in [
            ("function pair()", "function pairs()", "does not answer pair()"),
            ("function pair()", "function pairs()", "answers pairs() (ffb0a4a0), which IThing.sol lacks"),
            ("(uint128, uint128)", "(uint128, uint64)", "pair() is view (uint128,uint64), not view (uint128,uint128)"),
            ("((string,uint64))", "(string,uint64)", "named() is view (string,uint64), not view ((string,uint64))"),
            ("external pure", "external view", "mode() is view (uint8), not pure (uint8)"),
            ("Denied(address)", "Denied()", "reverts with Denied(), which no interface declares"),
        ] {
            let found = differences(&EXPORTED.replace(from, to), "constructor(address owner)");
            assert!(found.iter().any(|found| found == difference), "{difference}: {found:?}");
        }
        assert_eq!(differences(EXPORTED, ""), ["its constructor is not the one in IThing.sol"]);
    }

    #[test]
    fn a_list_of_tuples_as_result_is_understood() {
        let text = "interface I { \nfunction f() external view returns (address,bytes4[])[] memory;\n }";
        let abi = exported(text, "").unwrap();
        let function = abi.functions().next().unwrap();
        assert_eq!(answers(function), "view ((address,bytes4[])[])");
    }

    #[test]
    fn programs_have_interfaces_by_name() {
        assert_eq!(interface_of("epoch-schedule"), "IEpochSchedule");
    }
}
