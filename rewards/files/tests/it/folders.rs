//! What lies in a folder: each kind of slip is found, all at once, with file and reason; a sealed folder is as it was, or refused.

use std::{fs, path::Path};

use rewards::{
    epoch::Clock,
    health::Limits,
    history::{self, Listing},
    parameters::{Distributor, Listed},
    simulation::Settings,
};
use rewards_files::{
    Error,
    epoch::{EpochFolder, Malformed},
    folder::{self, SEAL, market_file},
    init, manifest,
    samples::Format,
    seal::seal,
    synthetic,
};

use crate::fixture::{ACCOUNT, LINE, computed, options, refusal, sealed, settings, simulated, small};

fn rename(folder: &Path, from: &str, to: &str) {
    fs::rename(folder.join(from), folder.join(to)).unwrap();
}

#[test]
fn a_file_under_a_wrong_name_is_a_problem() {
    for (from, to, reason) in [
        ("volume.csv", "volumes.csv", "volumes.csv: no such file belongs here; is it meant to be volume.csv"),
        ("volume.csv", "Volume.csv", "Volume.csv: no such file belongs here; is it meant to be volume.csv"),
        ("volume.csv", "volume.CSV", "volume.CSV: no such file belongs here; is it meant to be volume.csv"),
        ("volume.csv", "volume.txt", "volume.txt: no such file belongs here; is it meant to be volume.csv"),
        ("volume.csv", "volume", "volume: no such file belongs here; is it meant to be volume.csv"),
        ("links.csv", "link.csv", "link.csv: no such file belongs here; is it meant to be links.csv"),
        ("links.csv", "links.csv.bak", "links.csv.bak: no such file belongs here"),
        (
            "sampling.json",
            "samplings.json",
            "samplings.json: no such file belongs here; is it meant to be sampling.json",
        ),
        ("programs", "program", "program: no such folder belongs here; is it meant to be the folder programs?"),
        ("programs/trading.csv", "programs/trading.CSV", "programs/trading.CSV: the ending is not one of"),
        ("samples/BTC-USD.csv", "samples/BTC-USD.PARQUET", "samples/BTC-USD.PARQUET: the ending is not one of"),
        ("samples/BTC-USD.csv", "samples/BTC-USD.csv.bz2", "samples/BTC-USD.csv.bz2: the ending is not one of"),
        ("samples/BTC-USD.csv", "BTC-USD.csv", "BTC-USD.csv: no such file belongs here"),
        ("samples", "sample", "sample: no such folder belongs here; is it meant to be the folder samples?"),
        ("parameters.json", "parameter.json", "parameters.json: is missing"),
        ("previous-tree.json", "previous_tree.json", "is it meant to be previous-tree.json?"),
    ] {
        let folder = simulated(Settings { minutes: 3, ..settings() }, Format::Csv);
        rename(folder.path(), from, to);
        let found = refusal(folder.path());
        assert!(found.contains(reason), "{from} as {to}: {found}");
    }
}

#[test]
fn folders_within_are_problems() {
    let folder = simulated(Settings { minutes: 3, ..settings() }, Format::Csv);
    for name in ["samples/market=X", "programs/more", "market=X"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let found = refusal(folder.path());
    for reason in [
        "market=X: no such folder belongs here",
        "programs/more: a folder; files lie side by side in programs",
        "samples/market=X: a folder; files lie side by side in samples",
    ] {
        assert!(found.contains(reason), "{found}");
    }
}

#[test]
fn everything_wrong_is_told_at_once() {
    let folder = small("a.jsonl", LINE.as_bytes());
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("links.csv", "secondary,primary\nx,y\n");
    write("exclusions.csv", "account\n");
    write("volume.csv", &format!("epoch,market,account,micro_usd\n18,XXX-USD,{ACCOUNT},1\n18,BTC-USD,{ACCOUNT},z\n"));
    write("notes.txt", "");
    let found = refusal(folder.path());
    let expected = [
        "exclusions.csv:1: no column `reason`",
        "links.csv:2: `x` is not an address",
        "notes.txt: no such file belongs here",
        "volume.csv:2: market `XXX-USD` has no parameters in this epoch",
        "volume.csv:3: `z` is not",
    ];
    assert_eq!(found.lines().count(), expected.len(), "{found}");
    for (line, reason) in found.lines().zip(expected) {
        assert!(line.trim_start().starts_with(reason), "{line}");
    }
}

#[test]
fn what_is_needed_must_be_there() {
    let folder = simulated(Settings { epoch: 7, minutes: 3, ..settings() }, Format::Csv);
    for name in ["volume.csv", "stake.csv", "previous-tree.json"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("eligible.csv"), format!("account\n{ACCOUNT}\n")).unwrap();
    let found = refusal(folder.path());
    for reason in [
        "volume.*: is missing: maker volume decides",
        "stake.*: is missing: stake scores",
        "previous-tree.json: is missing",
        "eligible.csv: epoch 0 needs the list",
    ] {
        assert!(found.contains(reason), "{found}");
    }
    let first = simulated(Settings { epoch: 0, minutes: 3, ..settings() }, Format::Csv);
    fs::write(first.path().join("previous-tree.json"), format!(r#"[["{ACCOUNT}","1"]]"#)).unwrap();
    assert!(refusal(first.path()).contains("epoch 0 has no tree before"));
}

#[test]
fn one_account_has_one_row_in_any_spelling() {
    let upper = "0xAAaAaAaAAAAaAAAAaAAaaAaaaAAaaAAAaaaAaaAA";
    let lower = upper.to_lowercase();
    for (name, text) in [
        ("volume.csv", format!("epoch,market,account,micro_usd\n18,BTC-USD,{upper},1\n18,BTC-USD,{lower},2\n")),
        ("links.csv", format!("secondary,primary\n{upper},{ACCOUNT}\n{lower},{ACCOUNT}\n")),
        ("exclusions.csv", format!("account,reason\n{upper},a\n{lower},b\n")),
        ("programs/a.csv", format!("account,wei\n{upper},1\n{lower},2\n")),
        ("previous-tree.json", format!(r#"[["{upper}","1"],["{lower}","2"]]"#)),
        ("programs/z.csv", format!("account,wei\n0x{},1\n", "0".repeat(40))),
        ("links.jsonl", format!("{{\"secondary\":\"{upper}\",\"secondary\":\"{lower}\",\"primary\":\"{ACCOUNT}\"}}\n")),
        ("exclusions.csv", format!("account,account,reason\n{upper},{lower},b\n")),
        ("exclusions.csv", format!("account,reason,note\n{upper},a,b\n")),
        ("exclusions.jsonl", format!("{{\"account\":\"{upper}\",\"reason\":\"a\",\"note\":\"b\"}}\n")),
    ] {
        let folder = small("a.jsonl", LINE.as_bytes());
        fs::create_dir_all(folder.path().join("programs")).unwrap();
        fs::write(folder.path().join(name), &text).unwrap();
        let found = refusal(folder.path());
        assert!(found.contains(name), "{text}: {found}");
    }
}

#[test]
fn nothing_stands_beside_published_scores() {
    let folder = small("a.jsonl", LINE.as_bytes());
    fs::write(folder.path().join("legacy.json"), format!(r#"{{"epoch":18,"quoteScore":{{"{ACCOUNT}":1}}}}"#)).unwrap();
    let found = refusal(folder.path());
    for name in ["parameters.json", "volume.csv", "samples/a.jsonl"] {
        assert!(found.contains(&format!("{name}: is not read beside legacy.json")), "{found}");
    }
}

#[test]
fn a_published_epoch_can_stand_alone() {
    let folder = tempfile::TempDir::new().unwrap();
    fs::write(folder.path().join("legacy.json"), format!(r#"{{"epoch":18,"quoteScore":{{"{ACCOUNT}":1}}}}"#)).unwrap();
    assert!(refusal(folder.path()).contains("for the epoch alone, as some were published, it is []"));
    fs::write(folder.path().join("previous-tree.json"), "[]\n").unwrap();
    let computed = computed(folder.path(), 1);
    assert_eq!((computed.manifest.leaves, computed.manifest.previous_root), (1, None));
    let whole = 1_150_685 * 10_u128.pow(18);
    assert_eq!(computed.tree.amount(ACCOUNT.parse().unwrap()).unwrap().to_string(), whole.to_string());
}

#[test]
fn a_sealed_folder_is_as_it_was_or_refused() {
    let folder = sealed(Settings { minutes: 3, ..settings() }, Format::Csv);
    let path = folder.path();
    let expected = computed(path, 1);
    assert!(expected.manifest.health.unwrap().sealed);
    assert!(!expected.manifest.inputs.contains_key(SEAL), "the seal follows from the files");
    seal(path, false).unwrap();

    let volume = fs::read_to_string(path.join("volume.csv")).unwrap();
    fs::write(path.join("volume.csv"), volume.replacen("000000\n", "000001\n", 1)).unwrap();
    fs::remove_file(path.join("links.csv")).unwrap();
    fs::write(path.join("exclusions.csv"), "account,reason\n").unwrap();
    let found = refusal(path);
    for reason in
        ["volume.csv: SHA-256 ", "links.csv: is missing: SHA256SUMS lists it", "exclusions.csv: was not there"]
    {
        assert!(found.contains(reason), "{found}");
    }
    assert_eq!(found.lines().count(), 3, "{found}");
    assert!(seal(path, false).is_err());
    seal(path, true).unwrap();
    EpochFolder::open(path).unwrap();
    for (text, reason) in
        [("x  volume.csv\n", "line 1: not a digest and a name"), ("", "was not there when the folder was sealed")]
    {
        fs::write(path.join(SEAL), text).unwrap();
        assert!(refusal(path).contains(reason));
    }
}

#[test]
fn sha256sum_reads_and_writes_seals() {
    let folder = sealed(Settings { minutes: 3, ..settings() }, Format::Csv);
    let run = |script: &str| {
        let output =
            std::process::Command::new("sh").arg("-c").arg(script).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    run("sha256sum --check --strict --quiet SHA256SUMS");
    run("rm SHA256SUMS && find . -type f -exec sha256sum {} + > ../sums && mv ../sums SHA256SUMS");
    assert!(EpochFolder::open(folder.path()).unwrap().is_sealed);
}

#[test]
fn what_others_leave_behind_is_passed_over() {
    let folder = sealed(Settings { minutes: 3, ..settings() }, Format::Csv);
    let expected = computed(folder.path(), 1).manifest;
    for name in [".DS_Store", "samples/_SUCCESS", "samples/.part-0.csv.crc", "samples/.tidepool-x"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    assert_eq!(computed(folder.path(), 1).manifest, expected);
}

#[test]
fn results_and_epochs_do_not_overwrite_each_other() {
    let folder = simulated(Settings { minutes: 3, ..settings() }, Format::Csv);
    let computed = computed(folder.path(), 1);
    let options = options(1, Malformed::Refuse);
    let refused = manifest::write(folder.path(), &computed, &options).unwrap_err().to_string();
    assert!(refused.contains("an epoch's folder (parameters.json); results go into another one"), "{refused}");
    assert!(synthetic::make_room(folder.path(), false).unwrap_err().to_string().contains("--replace gives it up"));
    fs::write(folder.path().join("notes.txt"), "").unwrap();
    assert!(synthetic::make_room(folder.path(), true).unwrap_err().to_string().contains("no epoch's folder"));
    fs::remove_file(folder.path().join("notes.txt")).unwrap();
    synthetic::make_room(folder.path(), true).unwrap();
    assert!(!folder.path().join("sampling.json").exists() && !folder.path().join("samples/BTC-USD.csv").exists());
    synthetic::make_room(folder.path(), false).unwrap();

    let out = tempfile::TempDir::new().unwrap();
    manifest::write(out.path(), &computed, &options).unwrap();
    let scores = manifest::write_scores(out.path(), 18, &computed.scored.as_ref().unwrap().0, Format::Csv, false);
    let Err(Error::Refused(reason)) = scores else { panic!("{scores:?}") };
    assert!(reason.contains("finished results are there; --replace"), "{reason}");
    let parquet = manifest::Options { format: Format::Parquet, ..options };
    manifest::write(out.path(), &computed, &parquet).unwrap();
    assert!(out.path().join("scores.parquet").exists() && !out.path().join("scores.csv").exists(), "one of each");
    manifest::write_scores(out.path(), 18, &computed.scored.as_ref().unwrap().0, Format::Csv, true).unwrap();
    assert!(!out.path().join("manifest.json").exists(), "a part is not taken for the whole");
}

#[test]
fn what_a_killed_process_left_goes_at_the_next_run() {
    let out = tempfile::TempDir::new().unwrap();
    let left = out.path().join(".tidepool-abc");
    fs::write(&left, "half of a file").unwrap();
    let living = rewards_files::output::Pending::new(&out.path().join("a")).unwrap();
    rewards_files::output::write(&out.path().join("b"), b"b").unwrap();
    assert!(!left.exists());
    living.keep().unwrap();
    assert!(out.path().join("a").exists(), "the file of a living process stays");
}

#[test]
fn markets_have_file_names() {
    for (market, name) in [
        ("BTC-USD", "BTC-USD"),
        ("xyz:NVDA", "xyz%3ANVDA"),
        ("@198", "%40198"),
        ("INJ/USDT PERP", "INJ%2FUSDT%20PERP"),
        ("../x", "%2E.%2Fx"),
        ("a%2F", "a%252F"),
    ] {
        assert_eq!(market_file(market), name);
    }
    let [long, longer] = ["/".repeat(127), "/".repeat(128)].map(|market| market_file(&market));
    assert!(long.len() < 110 && long != longer, "{long} {longer}");
}

#[test]
fn the_documentation_lists_what_is_read() {
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&folder::documentation()), "put this into README.md:\n{}", folder::documentation());
}

#[test]
fn parameters_for_people_say_the_same() {
    let listings = ["BTC-USD", "@198", "a \"quoted\" \\ name", "INJ/USDT PERP"].map(|market| Listing {
        market: market.to_owned(),
        price_decimals: 4,
        size_decimals: 18,
    });
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("parameters.toml");
    for epoch in [0, 7, 12, 16, 31] {
        let mut parameters = history::parameters(epoch, &listings);
        parameters.clock = Clock { first_epoch_start: 1_790_000_000, epoch_seconds: 604_800 };
        parameters.distributor =
            (epoch > 7).then_some(Distributor { chain_id: 42_161, address: ACCOUNT.parse().unwrap() });
        parameters.markets[1].listed = Some(Listed { from: 5, until: 10_080 });
        parameters.health = Limits { seen_bps: 1, sealed: true, ..Limits::default() };
        fs::write(&path, init::parameters_toml(&parameters)).unwrap();
        assert_eq!(folder::read_parameters(&path).unwrap(), parameters);
    }
}
