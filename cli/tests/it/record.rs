//! From an exchange's feed to a root: recorded, killed, watched, revealed, sealed, paid.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{fails, json, prints, tidepool};

const MAKER: &str = "0x1111111111111111111111111111111111111111";

/// An epoch of six minutes that is over, its plan and its secret; nothing is recorded.
fn planned(folder: &TempDir, name: &str) {
    // 2023-11-14 22:14:00 UTC.
    let start = ["--start", "1700000040", "--epoch-seconds", "360", "--tokens", "1000000000000000000000"];
    let markets = r#"{"markets":[{"market":"BTC-USD","price_decimals":1,"size_decimals":4},{"market":"ETH-USD","price_decimals":2,"size_decimals":3}]}"#;
    fs::write(folder.path().join("markets.json"), markets).unwrap();
    prints(folder, &[&["rewards", "init", name, "--metadata", "markets.json"], &start[..]].concat());
    fs::write(folder.path().join("secret"), format!("0x{}\n", "5e".repeat(32))).unwrap();
    let parameters = format!("{name}/parameters.toml");
    let plan = format!("{name}/sampling.json");
    prints(folder, &["rewards", "sample-plan", "--secret", "secret", "--parameters", &parameters, "--publish", &plan]);
    let others = "0x2222222222222222222222222222222222222222";
    fs::write(folder.path().join(name).join("eligible.csv"), format!("account\n{MAKER}\n{others}\n")).unwrap();
}

/// Two makers who quote around a price that moves each second, and one who takes from them.
fn feed(path: &Path, minutes: u64) {
    let (mut lines, begin) = (Vec::new(), 1_700_000_040_000_u64);
    let makers = [MAKER, "0x2222222222222222222222222222222222222222"];
    let orders = |market: &str, second: u64| {
        let mid = if market == "BTC-USD" { 30_000 + second % 50 } else { 2_000 + second % 5 };
        let size = if market == "BTC-USD" { "0.5" } else { "7.25" };
        let sides = [("B", mid - 1), ("S", mid + 1)];
        makers.iter().enumerate().flat_map(|(maker, account)| {
            sides.map(|(side, price)| format!(r#""account":"{account}","id":"{maker}{side}","side":"{side}","price":"{price}","size":"{size}""#))
        }).collect::<Vec<_>>()
    };
    for market in ["BTC-USD", "ETH-USD"] {
        let all: Vec<_> = orders(market, 0).iter().map(|order| format!("{{{order}}}")).collect();
        lines.push(format!(
            r#"{{"type":"snapshot","market":"{market}","seq":0,"time_ms":{begin},"orders":[{}]}}"#,
            all.join(",")
        ));
    }
    for second in 1..=minutes * 60 + 1 {
        let time = begin + second * 1000;
        for (market, change) in ["BTC-USD", "ETH-USD"]
            .into_iter()
            .flat_map(|market| orders(market, second).into_iter().map(move |order| (market, order)))
        {
            let id = change.split("\"id\":").nth(1).unwrap().split(',').next().unwrap().to_owned();
            lines.push(format!(r#"{{"type":"remove","market":"{market}","time_ms":{time},"id":{id}}}"#));
            lines.push(format!(r#"{{"type":"add","market":"{market}","time_ms":{time},{change}}}"#));
            if second % 10 == 0 && id.contains('B') {
                lines.push(format!(r#"{{"type":"fill","market":"{market}","time_ms":{time},"id":{id},"size":"0.1"}}"#));
            }
        }
        lines.extend(
            ["BTC-USD", "ETH-USD"]
                .map(|market| format!(r#"{{"type":"heartbeat","market":"{market}","time_ms":{time}}}"#)),
        );
    }
    // Numbers, each market's own.
    let mut numbers = std::collections::BTreeMap::<String, u64>::new();
    let numbered: Vec<_> = lines
        .iter()
        .map(|line| {
            let mut one: Value = serde_json::from_str(line).unwrap();
            let number = numbers.entry(one["market"].as_str().unwrap().to_owned()).or_default();
            *number += u64::from(one["type"] != "snapshot" && one["type"] != "heartbeat");
            one["seq"] = (*number).into();
            one.to_string() + "\n"
        })
        .collect();
    fs::write(path, numbered.concat()).unwrap();
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for below in ["samples", ""] {
        for entry in fs::read_dir(folder.join(below)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                found.push((path.strip_prefix(folder).unwrap().display().to_string(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn an_epoch_from_a_feed_to_a_root() {
    let folder = TempDir::new().unwrap();
    planned(&folder, "0");
    feed(&folder.path().join("feed.jsonl"), 6);
    let checked = json(&folder, &["rewards", "check-feed", "feed.jsonl", "--parameters", "0/parameters.toml"]);
    assert_eq!((&checked["complete"], &checked["ok"], &checked["malformed"]), (&true.into(), &12.into(), &0.into()));
    let recorded = json(&folder, &["rewards", "record", "feed.jsonl", "--out", "0", "--secret", "secret"]);
    assert_eq!((&recorded["complete"], &recorded["ok"], &recorded["outage"]), (&true.into(), &12.into(), &0.into()));
    // Each ten seconds, two makers in two markets; what is executed at the epoch's end is of the next one.
    assert_eq!(recorded["fills"], 2 * 2 * 35);

    let live = json(&folder, &["rewards", "live", "0", "--once", "--account", MAKER]);
    assert_eq!((&live["samples"], &live["account"]["standing"]), (&12.into(), &"eligible".into()));
    assert_eq!(live["markets"][0]["share_percent"], "50.0000", "two makers who do the same");
    assert_eq!((&live["markets"][1]["minute"], &live["markets"][1]["status"]), (&5.into(), &"ok".into()));
    let spread: f64 = live["markets"][1]["spread_bps"].as_str().unwrap().parse().unwrap();
    assert!((9.97..=10.0).contains(&spread), "2 of 2000 to 2004: {spread}");
    let table = prints(&folder, &["rewards", "live", "0", "--once"]);
    assert!(table.contains("BTC-USD") && table.contains("coefficient") && table.lines().count() == 5, "{table}");

    let revealed = json(&folder, &["rewards", "reveal", "0", "--secret", "secret"]);
    assert_eq!(revealed["secret"].as_str().unwrap(), format!("0x{}", "5e".repeat(32)));
    assert_eq!(fails(&folder, &["rewards", "reveal", "0", "--secret", "secret"]).0, 5);
    let (code, message) = fails(&folder, &["rewards", "record", "feed.jsonl", "--out", "0", "--secret", "secret"]);
    assert!(code == 1 && message.contains("the secret is published already"), "{message}");
    prints(&folder, &["rewards", "seal", "0", "--parquet"]);
    assert!(folder.path().join("0/samples/BTC-USD.day-00.parquet").exists());
    let manifest = json(&folder, &["rewards", "run", "0", "--out", "results"]);
    assert_eq!(manifest["leaves"], 2);
    // What was expected while it ran is what it comes to.
    let proof = json(&folder, &["rewards", "proof", "results", MAKER]);
    assert_eq!(proof["cumulative_wei"], live["account"]["expected_wei"]);
    prints(&folder, &["rewards", "verify", "results", "--input", "0"]);

    // Another view of one market is found.
    planned(&folder, "other");
    let text = fs::read_to_string(folder.path().join("feed.jsonl")).unwrap();
    fs::write(folder.path().join("feed.jsonl"), text.replace("\"size\":\"0.5\"", "\"size\":\"0.6\"")).unwrap();
    prints(&folder, &["rewards", "record", "feed.jsonl", "--out", "other", "--secret", "secret"]);
    let output = tidepool(&folder, &["rewards", "diff-samples", "0/samples", "other/samples", "--json"]);
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), found.len()), (Some(4), 6));
    assert!(found.iter().all(|one| one["market"] == "BTC-USD" && one["what"] == "orders"), "{found:?}");
}

#[test]
fn feeds_and_plans_that_cannot_be() {
    let folder = TempDir::new().unwrap();
    planned(&folder, "0");
    feed(&folder.path().join("feed.jsonl"), 6);
    let path = folder.path().join("feed.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let check = ["rewards", "check-feed", "feed.jsonl", "--parameters", "0/parameters.toml"];
    fs::write(&path, text.replacen("\"price\":\"29999\"", "\"price\":\"29999.123\"", 1)).unwrap();
    let output = tidepool(&folder, &[&check[..], &["--json"]].concat());
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &found["malformed"]), (Some(3), &1.into()));
    assert!(found["first_malformed"][0]["reason"].as_str().unwrap().contains("more than 1 decimals"), "{found}");
    // A message that is missing.
    let line = text.lines().nth(40).unwrap();
    fs::write(&path, text.replacen(&format!("{line}\n"), "", 1)).unwrap();
    let (code, message) = fails(&folder, &check);
    assert!(code == 4 && message.contains("are missing"), "{message}");
    fs::write(&path, "").unwrap();
    assert_eq!(fails(&folder, &check).0, 1);
    // Another secret than the one committed to.
    fs::write(folder.path().join("other"), "22".repeat(32)).unwrap();
    let (code, message) = fails(&folder, &["rewards", "record", "feed.jsonl", "--out", "0", "--secret", "other"]);
    assert!(code == 1 && message.contains("the secret gives the commitment"), "{message}");
    assert_eq!(
        fails(&folder, &["rewards", "record", "feed.jsonl", "--out", "0", "--secret", "other", "--kind", "dydx"]).0,
        2
    );
    // Nobody reveals while it runs.
    let start = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / 60 * 60;
    prints(&folder, &["rewards", "init", "runs", "--start", &start.to_string(), "--epoch-seconds", "3600"]);
    prints(
        &folder,
        &[
            "rewards",
            "sample-plan",
            "--secret",
            "secret",
            "--parameters",
            "runs/parameters.toml",
            "--publish",
            "runs/sampling.json",
        ],
    );
    let (code, message) = fails(&folder, &["rewards", "reveal", "runs", "--secret", "secret"]);
    assert!(code == 1 && message.contains("who knows the secret before"), "{message}");
}

#[test]
fn a_chain_of_secrets_samples_as_far_as_its_link_goes() {
    let folder = TempDir::new().unwrap();
    planned(&folder, "0");
    feed(&folder.path().join("feed.jsonl"), 6);
    let plan = ["rewards", "sample-plan", "--secret", "secret", "--parameters", "0/parameters.toml", "--chain"];
    prints(&folder, &[&plan[..], &["--publish", "0/sampling.json"]].concat());
    let link = prints(&folder, &[&plan[..], &["--link", "0"]].concat());
    fs::write(folder.path().join("link.json"), &link).unwrap();
    assert_eq!(fails(&folder, &[&plan[..], &["--link", "1"]].concat()).0, 2);
    let recorded = json(&folder, &["rewards", "record", "feed.jsonl", "--out", "0", "--secret", "link.json"]);
    assert_eq!(recorded["ok"], 12);
    prints(&folder, &["rewards", "reveal", "0", "--secret", "secret"]);
    prints(&folder, &["rewards", "seal", "0"]);
    // All instants are those of the chain.
    let manifest = json(&folder, &["rewards", "run", "0", "--out", "results"]);
    assert_eq!((&manifest["sampling"]["hours"], &manifest["health"]["gaps"]), (&1.into(), &Value::Array(Vec::new())));
    assert_eq!(manifest["health"]["markets"][0]["on_instant"], 6);
}

fn recording(folder: &TempDir) -> Child {
    Command::new(env!("CARGO_BIN_EXE_tidepool"))
        .current_dir(folder.path())
        .args(["rewards", "record", "feed.jsonl", "--out", "killed", "--secret", "secret", "--volumes", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_recorder_that_is_killed_at_random_ends_with_the_same_epoch() {
    let folder = TempDir::new().unwrap();
    planned(&folder, "whole");
    planned(&folder, "killed");
    feed(&folder.path().join("feed.jsonl"), 6);
    prints(&folder, &["rewards", "record", "feed.jsonl", "--out", "whole", "--secret", "secret"]);
    for round in 0..12_u64 {
        let mut child = recording(&folder);
        std::thread::sleep(Duration::from_millis(5 + 23 * round));
        child.kill().unwrap(); // SIGKILL.
        child.wait().unwrap();
    }
    prints(&folder, &["rewards", "record", "feed.jsonl", "--out", "killed", "--secret", "secret"]);
    let (whole, killed) = (files(&folder.path().join("whole")), files(&folder.path().join("killed")));
    assert_eq!(whole.len(), killed.len());
    for ((name, bytes), (other, found)) in whole.iter().zip(&killed) {
        assert!(name == other && bytes == found, "{name} {other}");
    }
}

#[test]
fn a_made_up_exchange_is_followed_as_it_goes_on() {
    let folder = TempDir::new().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_tidepool"))
            .current_dir(folder.path())
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut exchange =
        run(&["rewards", "play", "market", "--port", &port, "--minutes", "60", "--steps", "20", "--maker", MAKER]);
    let begin = std::time::Instant::now();
    while !folder.path().join("market/secret").exists()
        || std::net::TcpStream::connect(("127.0.0.1", port.parse().unwrap())).is_err()
    {
        assert!(begin.elapsed() < Duration::from_secs(30), "the exchange does not begin");
        std::thread::sleep(Duration::from_millis(50));
    }
    let url = format!("ws://127.0.0.1:{port}");
    let mut recorder =
        run(&["rewards", "record", &url, "--out", "market/0", "--secret", "market/secret", "--volumes", "1"]);
    // A sample of a minute that passes while we watch: at most two minutes.
    let live = ["rewards", "live", "market/0", "--once", "--json", "--account", MAKER];
    let shown = loop {
        std::thread::sleep(Duration::from_secs(1));
        let output = tidepool(&folder, &live);
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if shown["markets"].as_array().is_some_and(|markets| markets.iter().any(|market| market["status"] == "ok")) {
            break shown;
        }
        assert!(begin.elapsed() < Duration::from_secs(150), "nothing is recorded: {shown}");
    };
    recorder.kill().unwrap();
    exchange.kill().unwrap();
    recorder.wait().unwrap();
    exchange.wait().unwrap();
    assert_eq!(shown["account"]["standing"], "eligible");
    let market = shown["markets"].as_array().unwrap().iter().find(|market| market["status"] == "ok").unwrap();
    assert!(market["depth_usd"].as_str().unwrap().parse::<u64>().unwrap() > 10_000, "{market}");
}
