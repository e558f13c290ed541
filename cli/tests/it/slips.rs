//! Slips of an operator: each ends with a code and a reason that a script can read, and nothing that counts is lost.

use std::{
    fs,
    io::{Read, Write},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{fails, json, market, prints, tidepool};

/// What a failing command prints as JSON, and its code.
fn error(folder: &TempDir, arguments: &[&str]) -> (i32, Value) {
    let output = tidepool(folder, &[arguments, &["--json"]].concat());
    let said = serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(said["error"]["code"], output.status.code().unwrap());
    (output.status.code().unwrap(), said["error"].clone())
}

#[test]
fn errors_are_json_if_that_is_asked_for() {
    let folder = market();
    fs::write(folder.path().join("market/notes.txt"), "").unwrap();
    let (code, said) = error(&folder, &["rewards", "run", "market", "--out", "results"]);
    assert_eq!((code, &said["kind"]), (3, &"malformed".into()));
    assert!(said["problems"]["first"][0]["file"].as_str().unwrap().ends_with("notes.txt"), "{said}");
    fs::remove_file(folder.path().join("market/notes.txt")).unwrap();
    fs::remove_file(folder.path().join("market/SHA256SUMS")).unwrap();
    fs::remove_file(folder.path().join("market/samples/SOL-USD.jsonl")).unwrap();
    let (code, said) = error(&folder, &["rewards", "run", "market", "--out", "results"]);
    assert_eq!((code, &said["kind"], &said["gaps"][0]["gap"]), (4, &"gaps".into(), &"unseen".into()));
    assert!(!folder.path().join("results").exists(), "nothing is written");
    let manifest =
        json(&folder, &["rewards", "run", "market", "--out", "results", "--accept-gaps", "SOL-USD was halted"]);
    assert_eq!(
        (&manifest["accepted_gaps"], &manifest["health"]["markets"][2]["seen"]),
        (&"SOL-USD was halted".into(), &0.into())
    );
    let verified = prints(&folder, &["rewards", "verify", "results", "--input", "market"]);
    assert!(!verified.contains("FAIL"), "{verified}");
    assert_eq!(error(&folder, &["rewards", "verify", "nowhere"]).1["kind"], "failed");
    assert_eq!(error(&folder, &["rewards", "proof", "results", "0x1"]).1["kind"], "usage");
    let (_, text) = fails(&folder, &["rewards", "verify", "nowhere"]);
    assert_eq!(text.matches("No such file").count(), 1, "{text}");
}

#[test]
fn done_already_has_a_code_of_its_own() {
    let folder = market();
    assert_eq!(fails(&folder, &["rewards", "seal", "market"]).0, 5);
    fs::write(folder.path().join("market/volume.csv"), "epoch,market,account,micro_usd\n").unwrap();
    let (code, text) = fails(&folder, &["rewards", "seal", "market"]);
    assert!(code == 3 && text.contains("volume.csv: SHA-256"), "{text}");
    let init = ["rewards", "init", "own", "--start", "1790000000", "--epoch-seconds", "604800"];
    assert!(prints(&folder, &init).contains("epoch 0, 2026-09-21 14:13:20 UTC to 2026-09-28 14:13:20 UTC"));
    assert_eq!(fails(&folder, &init).0, 5);
    let (code, text) = fails(&folder, &[&init[..], &["--epoch", "1"]].concat());
    assert!(code == 1 && text.contains("--replace"), "{text}");
}

#[test]
fn a_program_starts_when_it_says() {
    let folder = TempDir::new().unwrap();
    let start =
        ["rewards", "init", "own", "--start", "1790000000", "--epoch-seconds", "604800", "--tokens", "1000000000"];
    prints(&folder, &[&start[..], &["--market", "@198:3:2", "--market", "INJ/USDT PERP:4:2"]].concat());
    let parameters = "own/parameters.toml";
    prints(&folder, &["rewards", "simulate", "trial", "--parameters", parameters, "--minutes", "60", "--makers", "3"]);
    let manifest = json(&folder, &["rewards", "run", "trial", "--out", "results"]);
    assert_eq!(manifest["parameters"]["clock"]["first_epoch_start"], 1_790_000_000);
    assert_eq!((&manifest["health"]["sealed"], &manifest["health"]["known_instants"]), (&true.into(), &true.into()));
    assert_ne!(manifest["programs"]["lp"], "0");
    assert!(folder.path().join("trial/samples/INJ%2FUSDT%20PERP.parquet").exists());
    prints(&folder, &["rewards", "report", "results", "--input", "trial"]);
    let page = fs::read_to_string(folder.path().join("results/report.html")).unwrap();
    assert!(page.contains("2026-09-21 14:13 to 2026-09-28 14:13 UTC"), "the page has the program's dates");
    fs::write(folder.path().join("secret"), "11".repeat(32)).unwrap();
    let plan = ["rewards", "sample-plan", "--secret", "secret", "--parameters", parameters];
    let plan = json(&folder, &[&plan[..], &["--minutes", "0..2"]].concat());
    assert_eq!(plan.as_array().unwrap().len(), 4);
    assert!(plan[0]["time_ms"].as_u64().unwrap() / 60_000 == 1_790_000_000 / 60);
}

#[test]
fn finished_work_is_not_overwritten() {
    let folder = market();
    let (code, text) = fails(&folder, &["rewards", "simulate", "market"]);
    assert!(code == 1 && text.contains("an epoch is there; --replace gives it up"), "{text}");
    prints(&folder, &["rewards", "run", "market", "--out", "results"]);
    for command in ["score", "allocate"] {
        let (code, text) = fails(&folder, &["rewards", command, "market", "--out", "results"]);
        assert!(code == 1 && text.contains("finished results are there"), "{text}");
    }
    let (code, text) = fails(&folder, &["rewards", "run", "market", "--out", "market"]);
    assert!(code == 1 && text.contains("results go into another one"), "{text}");
    for (arguments, words) in [
        (&["rewards", "simulate", "x", "--minutes", "99999999"][..], "the epoch has 40320"),
        (&["rewards", "simulate", "x", "--epoch", "9999"], "9999 is not in"),
    ] {
        let (code, text) = fails(&folder, arguments);
        assert!(code == 2 && text.contains(words), "{text}");
    }
    // A table that was falsified is named with its row.
    let path = folder.path().join("results/rewards.csv");
    let text = fs::read_to_string(&path).unwrap();
    let reward = text.lines().nth(1).unwrap().rsplit(',').next().unwrap().to_owned();
    fs::write(&path, text.replacen(&format!(",{reward}\n"), ",7\n", 1)).unwrap();
    let output = tidepool(&folder, &["rewards", "verify", "results", "--input", "market"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(said.contains("FAIL  every table is that of the manifest: results/rewards.csv: digest"), "{said}");
    assert!(said.contains(&format!("results/rewards.csv:2: `reward_wei` is 7, not {reward}")), "{said}");
    assert_eq!(fails(&folder, &["rewards", "proof", "results", &crate::first_maker(&folder)]).0, 4);
}

#[test]
fn two_results_and_two_recordings_are_compared() {
    let folder = market();
    prints(&folder, &["rewards", "run", "market", "--out", "one"]);
    assert!(prints(&folder, &["rewards", "diff", "one", "one"]).starts_with("the same: root 0x"));
    assert_eq!(prints(&folder, &["rewards", "diff-samples", "market/samples", "market/samples"]), "the same samples\n");
    fs::create_dir(folder.path().join("other")).unwrap();
    for entry in fs::read_dir(folder.path().join("market/samples")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join("other").join(path.file_name().unwrap())).unwrap();
    }
    let samples = folder.path().join("other/ETH-USD.jsonl");
    let text = fs::read_to_string(&samples).unwrap();
    let changed: String =
        text.lines().skip(1).map(|line| line.replacen("\"minute\":5,", "\"minute\":5, ", 1) + "\n").collect();
    let changed = changed.replacen("\"side\":\"B\"", "\"side\":\"S\"", 1);
    fs::write(&samples, changed).unwrap();
    let output = tidepool(&folder, &["rewards", "diff-samples", "market/samples", "other", "--json"]);
    assert_eq!(output.status.code(), Some(4));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found: Vec<_> =
        found.as_array().unwrap().iter().map(|one| (one["minute"].as_u64().unwrap(), one["what"].clone())).collect();
    assert_eq!(found, [(0, "first alone".into()), (1, "orders".into())]);

    let volume = folder.path().join("market/volume.csv");
    let text = fs::read_to_string(&volume).unwrap();
    // The largest maker trades ten times as much.
    let line = text.lines().find(|line| line.starts_with("18,BTC-USD,")).unwrap();
    fs::write(&volume, text.replacen(line, &format!("{line}0"), 1)).unwrap();
    prints(&folder, &["rewards", "seal", "market", "--replace"]);
    prints(&folder, &["rewards", "run", "market", "--out", "two"]);
    let output = tidepool(&folder, &["rewards", "diff", "one", "two", "--json"]);
    assert_eq!(output.status.code(), Some(4));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(found["reasons"].as_array().unwrap().contains(&"input volume.csv differs".into()), "{found}");
    let account = &found["accounts"][0];
    assert_eq!((&account["parts"][0]["program"], &account["parts"][0]["market"]), (&"lp".into(), &"BTC-USD".into()));
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let folder = market();
    prints(&folder, &["rewards", "run", "market", "--out", "results"]);
    let zero = format!("0x{}", "0".repeat(64));
    for (arguments, code) in [
        (vec!["rewards", "validate", "market"], 0),
        (vec!["rewards", "verify", "results"], 0),
        (vec!["rewards", "verify", "results", "--root", &zero], 4),
        (vec!["rewards", "report", "results", "--input", "market"], 0),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tidepool"))
            .current_dir(folder.path())
            .args(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    // A full disk is one.
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidepool"));
    let output =
        command.current_dir(folder.path()).args(["rewards", "verify", "results"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("standard output"));
}

#[test]
fn whoever_ends_it_finds_nothing_half_written() {
    let folder = TempDir::new().unwrap();
    for signal in ["INT", "TERM"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tidepool"))
            .current_dir(folder.path())
            .args(["rewards", "simulate", "market", "--minutes", "40320", "--markets", "2", "--format", "jsonl"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let samples = folder.path().join("market/samples");
        let temporary = || {
            let names = fs::read_dir(&samples).into_iter().flatten().flatten();
            names.filter(|entry| entry.file_name().to_string_lossy().starts_with(".tidepool-")).count()
        };
        while temporary() == 0 {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it could be ended");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let kill = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let code = child.wait().unwrap().code();
        assert_eq!(code, Some(if signal == "INT" { 130 } else { 143 }));
        assert_eq!(temporary(), 0, "{signal}");
        fs::remove_dir_all(folder.path().join("market")).unwrap();
    }
}

#[test]
fn its_name_is_tidepool() {
    let folder = TempDir::new().unwrap();
    assert!(prints(&folder, &["--version"]).starts_with("tidepool "));
    let mut shell = Command::new("sh");
    let script = format!("{} rewards --help | head -1", env!("CARGO_BIN_EXE_tidepool"));
    let mut child = shell.arg("-c").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().flush().unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_epoch_before_stands_beside_this_one() {
    let folder = TempDir::new().unwrap();
    let size = ["--minutes", "30", "--markets", "2", "--makers", "3", "--format", "csv"];
    prints(&folder, &[&["rewards", "simulate", "first", "--epoch", "0"][..], &size].concat());
    prints(&folder, &["rewards", "run", "first", "--out", "one"]);
    let second = ["rewards", "simulate", "second", "--epoch", "1", "--previous", "one/tree.json"];
    prints(&folder, &[&second[..], &size].concat());
    prints(&folder, &["rewards", "run", "second", "--out", "two"]);
    prints(&folder, &["rewards", "report", "two", "--input", "second", "--before", "one"]);
    let page = fs::read_to_string(folder.path().join("two/report.html")).unwrap();
    assert!(page.contains("Beside the epoch before") && page.contains("Epoch 0"));
    let output = tidepool(&folder, &["rewards", "report", "one", "--input", "first", "--before", "two", "--replace"]);
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("FAIL  the epoch before has the root that this one goes on from"), "{said}");
}
