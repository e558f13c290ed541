//! The command line as its users see it: what is printed, what is written, how it ends.

mod chain;
mod deploy;
mod keep;
mod nodes;
mod pool;
mod record;
mod schemas;
mod signers;
mod slips;
mod upgrade;

use std::{
    collections::BTreeSet,
    fs,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

fn tidepool(folder: &TempDir, arguments: &[&str]) -> Output {
    let output =
        Command::new(env!("CARGO_BIN_EXE_tidepool")).current_dir(folder.path()).args(arguments).output().unwrap();
    schemas::check(arguments, &output.stdout);
    output
}

/// A command that succeeds, and what it prints.
fn prints(folder: &TempDir, arguments: &[&str]) -> String {
    let output = tidepool(folder, arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(folder: &TempDir, arguments: &[&str]) -> Value {
    serde_json::from_str(&prints(folder, &[arguments, &["--json"]].concat())).unwrap()
}

/// A command that fails: its code and what it says.
fn fails(folder: &TempDir, arguments: &[&str]) -> (i32, String) {
    let output = tidepool(folder, arguments);
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A small simulated epoch in the folder `market`.
fn market() -> TempDir {
    let folder = TempDir::new().unwrap();
    prints(
        &folder,
        &["rewards", "simulate", "market", "--minutes", "90", "--markets", "3", "--makers", "4", "--format", "jsonl"],
    );
    folder
}

fn first_maker(folder: &TempDir) -> String {
    let links = fs::read_to_string(folder.path().join("market/links.csv")).unwrap();
    links.lines().nth(1).unwrap().split(',').nth(1).unwrap().to_owned()
}

#[test]
fn an_epoch_from_samples_to_a_verified_claim() {
    let folder = market();
    let report = prints(&folder, &["rewards", "run", "market", "--out", "results"]);
    assert!(report.contains("BTC-USD") && report.contains("root 0x") && report.contains("cid  bafkrei"), "{report}");
    let manifest = json(&folder, &["rewards", "run", "market", "--out", "results"]);
    assert!(report.contains(manifest["root"].as_str().unwrap()));

    let checks = prints(
        &folder,
        &["rewards", "verify", "results", "--input", "market", "--root", manifest["root"].as_str().unwrap()],
    );
    assert_eq!((checks.lines().count(), checks.matches("ok    ").count()), (14, 14), "{checks}");

    let maker = first_maker(&folder);
    let proof = json(&folder, &["rewards", "proof", "results", &maker]);
    let amounts = proof["breakdown"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["amount_wei"].as_str().unwrap().parse::<u128>().unwrap());
    assert_eq!(amounts.sum::<u128>().to_string(), proof["cumulative_wei"].as_str().unwrap());
    assert_eq!(proof["root"], manifest["root"]);
    assert!(prints(&folder, &["rewards", "proof", "results", &maker.to_lowercase()]).contains("earlier"));

    let explained = json(&folder, &["rewards", "explain", &maker, "--input", "market"]);
    let lp: u128 = proof["breakdown"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|part| part["program"] == "lp")
        .map(|part| part["amount_wei"].as_str().unwrap().parse::<u128>().unwrap())
        .sum();
    assert_eq!(explained["expected_wei"].as_str().unwrap(), lp.to_string());
    assert!(explained["expected_if_it_stops_now_wei"].as_str().unwrap().parse::<u128>().unwrap() < lp);
    assert_eq!(explained["markets"].as_array().unwrap().len(), 3);
}

#[test]
fn the_steps_one_by_one() {
    let folder = market();
    let whole = json(&folder, &["rewards", "run", "market", "--out", "whole"]);
    prints(&folder, &["rewards", "validate", "market"]);
    prints(&folder, &["rewards", "score", "market", "--out", "steps"]);
    prints(&folder, &["rewards", "allocate", "market", "--out", "steps"]);
    assert_eq!(json(&folder, &["rewards", "tree", "market", "--out", "steps"]), whole);
    for name in ["scores.csv", "rewards.csv", "markets.csv", "lp.csv", "breakdown.csv", "tree.json", "manifest.json"] {
        let read = |results: &str| fs::read_to_string(folder.path().join(results).join(name)).unwrap();
        assert_eq!(read("steps"), read("whole"), "{name}");
    }
    let scores = folder.path().join("steps/scores.csv");
    let text = fs::read_to_string(&scores).unwrap();
    fs::write(&scores, text.replacen("V4-BE", "V4-O", 1)).unwrap();
    assert_eq!(fails(&folder, &["rewards", "tree", "market", "--out", "steps"]).0, 3);
}

#[test]
fn why_an_order_counts() {
    let folder = market();
    let maker = first_maker(&folder);
    let minutes = prints(
        &folder,
        &["rewards", "explain", &maker, "--input", "market", "--market", "BTC-USD", "--minutes", "0..3"],
    );
    assert_eq!(minutes.lines().count(), 4, "{minutes}");
    let orders = prints(
        &folder,
        &["rewards", "explain", &maker, "--input", "market", "--market", "BTC-USD", "--minutes", "0", "--orders"],
    );
    assert!(orders.contains("counts") && orders.lines().count() > 4, "{orders}");
    assert_eq!(fails(&folder, &["rewards", "explain", &maker, "--input", "market", "--market", "XXX"]).0, 1);
}

#[test]
fn malformed_samples_end_with_code_3_unless_they_are_skipped() {
    let folder = market();
    let path = folder.path().join("market/samples/ETH-USD.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"status\":\"ok\"", "\"status\":\"well\"", 1)).unwrap();
    let (code, message) = fails(&folder, &["rewards", "run", "market", "--out", "results"]);
    assert!(code == 3 && message.contains("ETH-USD.jsonl: SHA-256 ") && !message.contains("--skip-bad"), "{message}");
    fs::remove_file(folder.path().join("market/SHA256SUMS")).unwrap();
    for command in [&["rewards", "run", "market", "--out", "results"][..], &["rewards", "validate", "market"]] {
        let (code, message) = fails(&folder, command);
        assert_eq!(code, 3);
        assert!(message.contains("ETH-USD.jsonl:1: status `well`"), "{message}");
        assert!(message.contains("--skip-bad leaves malformed samples out"), "{message}");
    }
    assert!(!folder.path().join("results").exists(), "nothing is half-written");
    let manifest =
        json(&folder, &["rewards", "run", "market", "--out", "results", "--skip-bad", "--accept-gaps", "one line"]);
    assert_eq!((&manifest["skipped"], &manifest["accepted_gaps"]), (&1.into(), &"one line".into()));
    let skipped: Value =
        serde_json::from_slice(&fs::read(folder.path().join("results/skipped.json")).unwrap()).unwrap();
    assert_eq!(skipped["first"][0]["row"], 1);
    let (code, message) = fails(&folder, &["rewards", "validate", "market", "--skip-bad"]);
    assert!(code == 4 && message.contains("ETH-USD: samples of 89 minutes, of 90 at least 90 are needed"), "{message}");
}

#[test]
fn a_check_that_fails_ends_with_code_4() {
    let folder = market();
    prints(&folder, &["rewards", "run", "market", "--out", "results"]);
    let zero = format!("0x{}", "0".repeat(64));
    let output = tidepool(&folder, &["rewards", "verify", "results", "--root", &zero]);
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8(output.stdout).unwrap().contains("FAIL  the tree has the root given"));
}

#[test]
fn a_page_about_an_epoch() {
    let folder = market();
    let manifest = json(&folder, &["rewards", "run", "market", "--out", "results"]);
    let report = ["rewards", "report", "results", "--input", "market"];
    let written = json(&folder, &report);
    assert_eq!(
        (&written["root"], &written["cid"], &written["leaves"]),
        (&manifest["root"], &manifest["cid"], &manifest["leaves"])
    );
    let path = folder.path().join("results/report.html");
    let page = fs::read(&path).unwrap();
    assert_eq!(written["bytes"], page.len());
    assert!(String::from_utf8(page.clone()).unwrap().contains(manifest["root"].as_str().unwrap()));
    assert!(prints(&folder, &report).contains("report.html"), "the same page again");

    fs::write(&path, "my notes").unwrap();
    let (code, message) = fails(&folder, &report);
    assert!(code == 1 && message.contains("--replace"), "{message}");
    assert_eq!(fs::read(&path).unwrap(), b"my notes");
    prints(&folder, &[report.as_slice(), &["--replace"]].concat());
    assert_eq!(fs::read(&path).unwrap(), page);
    prints(&folder, &[report.as_slice(), &["--out", "pages/18.html"]].concat());
    assert_eq!(fs::read(folder.path().join("pages/18.html")).unwrap(), page);

    prints(
        &folder,
        &["rewards", "simulate", "other", "--seed", "2", "--minutes", "90", "--markets", "3", "--format", "jsonl"],
    );
    let output = tidepool(&folder, &["rewards", "report", "results", "--input", "other", "--out", "none.html"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8(output.stdout).unwrap().contains("FAIL  the inputs give the root of the manifest"));
    assert!(!folder.path().join("none.html").exists(), "no page of results that do not hold");
}

/// A gateway and a service in one: keeps the body of the last request, and answers what it is told to.
fn served(answers: Vec<Vec<u8>>) -> (String, std::thread::JoinHandle<Vec<Vec<u8>>>) {
    use std::io::{Read, Write};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut request, mut buffer) = (Vec::new(), [0; 65_536]);
            loop {
                let count = stream.read(&mut buffer).unwrap();
                request.extend_from_slice(&buffer[..count]);
                let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
                let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                if request.len() >= end + 4 + length.unwrap_or(0_usize) {
                    break;
                }
            }
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", answer.len()).unwrap();
            stream.write_all(&answer).unwrap();
            asked.push(request);
        }
        asked
    });
    (url, answering)
}

#[test]
fn a_tree_is_pinned_and_fetched_by_its_cid() {
    let folder = market();
    let manifest = json(&folder, &["rewards", "run", "market", "--out", "results"]);
    let cid = manifest["cid"].as_str().unwrap();
    let pinned = json(&folder, &["rewards", "pin", "results"]);
    assert_eq!((&pinned["cid"], &pinned["pinned"]), (&manifest["cid"], &false.into()));
    let archive = fs::read(folder.path().join("results/tree.car")).unwrap();
    let tree = fs::read(folder.path().join("results/tree.json")).unwrap();
    assert!(archive.ends_with(&tree) && archive.len() - tree.len() < 120, "one block, with its CID");

    // A service that keeps it says which CID it keeps.
    let answer =
        |cid: &str| format!("{{\"Root\":{{\"Cid\":{{\"/\":\"{cid}\"}},\"PinErrorMsg\":\"\"}}}}\n").into_bytes();
    fs::write(folder.path().join("token"), "secret\n").unwrap();
    let (url, served) = self::served(vec![answer(cid), answer("bafkreiother")]);
    let pinning = ["rewards", "pin", "results", "--to", &url, "--token-file", "token"];
    assert_eq!(json(&folder, &pinning)["pinned"], true);
    let (code, message) = fails(&folder, &pinning);
    assert!(code == 1 && message.contains("bafkreiother") && !message.contains("secret"), "{message}");
    let asked = served.join().unwrap();
    let head = String::from_utf8_lossy(&asked[0]);
    assert!(
        head.starts_with("POST /api/v0/dag/import?pin-roots=true ") && head.contains("authorization: Bearer secret")
    );
    assert!(asked[0].windows(archive.len()).any(|window| window == archive), "the archive, as it was written");

    // A gateway is not trusted: other bytes have another CID.
    let (url, served) = self::served(vec![tree.clone(), [&tree[..], b" "].concat()]);
    let verifying = ["rewards", "verify", "results", "--from-cid", cid, "--gateway", &url];
    assert!(prints(&folder, &verifying).contains("ok    the published tree is that of the results"));
    let (code, message) = fails(&folder, &verifying);
    assert!(code == 4 && message.contains("has the CID bafkrei"), "{message}");
    assert!(String::from_utf8_lossy(&served.join().unwrap()[0]).starts_with(&format!("GET /ipfs/{cid} ")));
    assert_eq!(fails(&folder, &["rewards", "verify", "results", "--from-cid", "../x", "--gateway", &url]).0, 1);
}

#[test]
fn other_failures_say_what_is_missing() {
    let folder = market();
    for (arguments, expected, message) in [
        (&["rewards", "run", "nowhere", "--out", "results"][..], 1, "nowhere: not a folder"),
        (&["rewards", "allocate", "market", "--out", "results"], 1, "run `score` first"),
        (&["rewards", "verify", "nowhere"], 1, "manifest.json"),
        (&["rewards", "proof", "market", "0x11"], 2, "not an address"),
        (&["rewards", "proof", "market"], 2, "ACCOUNT"),
        (&["rewards", "sample-plan", "--secret", "nowhere", "--commitment"], 1, "nowhere"),
    ] {
        let (code, found) = fails(&folder, arguments);
        assert_eq!(code, expected, "{arguments:?}: {found}");
        assert!(found.contains(message), "{arguments:?}: {found}");
    }
    prints(&folder, &["rewards", "run", "market", "--out", "results"]);
    let stranger = "0x1111111111111111111111111111111111111111";
    assert_eq!(fails(&folder, &["rewards", "proof", "results", stranger]).0, 1);
}

#[test]
fn a_sampling_plan() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("secret"), "11".repeat(32) + "\n").unwrap();
    let commitment = prints(&folder, &["rewards", "sample-plan", "--secret", "secret", "--commitment"]);
    assert_eq!(commitment.trim(), "0x8971007b76d1a49538f2767c74b03ec769bc0adbef245ebf41714e58788f2392");
    let arguments = [
        "rewards",
        "sample-plan",
        "--secret",
        "secret",
        "--epoch",
        "18",
        "--market",
        "BTC-USD",
        "--market",
        "ETH-USD",
        "--minutes",
        "0..2",
    ];
    let plan = json(&folder, &arguments);
    let times: Vec<_> = plan.as_array().unwrap().iter().map(|instant| instant["time_ms"].as_u64().unwrap()).collect();
    assert_eq!(times.len(), 4);
    assert_eq!(&times[..2], [1_671_548_400_125, 1_671_548_413_900], "by time");
    assert_eq!(prints(&folder, &arguments).lines().count(), 5);
}

#[test]
fn help_has_examples() {
    let folder = TempDir::new().unwrap();
    let computing = [
        "simulate",
        "run",
        "validate",
        "score",
        "allocate",
        "tree",
        "proof",
        "verify",
        "explain",
        "report",
        "sample-plan",
        "init",
        "seal",
        "diff",
        "diff-samples",
        "pin",
    ];
    let on_chain = ["publish", "propose", "promote", "claim", "claim-many", "status"];
    for command in computing.into_iter().chain(on_chain) {
        let help = prints(&folder, &["rewards", command, "--help"]);
        assert!(help.contains("Example") && help.contains(&format!("tidepool rewards {command}")), "{command}");
    }
    assert!(prints(&folder, &["--help"]).contains("Exit codes"));
}

#[test]
fn shells_and_manuals_know_every_command() {
    let folder = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = prints(&folder, &["completions", shell]);
        assert!(
            ["verify-deployment", "allocations", "claim-many"].iter().all(|command| script.contains(command)),
            "{shell}"
        );
    }
    prints(&folder, &["man", "pages"]);
    let pages = fs::read_dir(folder.path().join("pages")).unwrap().count();
    assert!(pages > 50, "{pages}");
    assert!(folder.path().join("pages/tidepool-pool-stake.1").is_file());
}

/// Every function of every interface stands in the table, and no other; and the commands there are.
#[test]
fn the_table_of_commands_is_that_of_the_interfaces() {
    let table = include_str!("../../COMMANDS.md");
    let commands = table.lines().filter_map(|line| line.strip_suffix("` |")?.split("`tidepool ").nth(1));
    let words = |command: &str| {
        let is_word = |word: &&str| word.starts_with(|first: char| first.is_ascii_lowercase()) && *word != "max";
        command.split(' ').take_while(is_word).map(str::to_owned).collect::<Vec<_>>()
    };
    let folder = TempDir::new().unwrap();
    for command in commands.map(words).collect::<BTreeSet<_>>() {
        let arguments: Vec<_> = command.iter().map(String::as_str).chain(["--help"]).collect();
        assert!(prints(&folder, &arguments).contains(&format!("tidepool {}", command.join(" "))), "{command:?}");
    }
    let mut sections = table.split("\n## ").skip(1).peekable();
    assert!(sections.peek().is_some());
    for section in sections {
        let (name, rows) = section.split_once('\n').unwrap();
        let listed: BTreeSet<_> = rows.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        let path = format!("{}/../abi/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let abi: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let functions = abi.as_array().unwrap().iter().filter(|entry| entry["type"] == "function");
        let declared: BTreeSet<_> = functions.map(|entry| entry["name"].as_str().unwrap()).collect();
        assert_eq!(listed, declared, "{name}");
    }
}
