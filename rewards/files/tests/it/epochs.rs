//! Whole epochs: same inputs, same bytes, however they are stored, split, ordered and read.

use std::{collections::BTreeMap, fs, path::Path};

use rewards::{
    simulation::{Settings, Simulation},
    tree::{self, Tree},
};
use rewards_files::{
    epoch::{EpochFolder, Malformed},
    explain,
    manifest::{self, Manifest},
    results::{self, ProofRecord},
    samples::{Format, SampleWriter},
    verify,
};
use tempfile::TempDir;

use crate::fixture::{ACCOUNT, FORMATS, LINE, computed, options, refusal, settings, simulated, small};

/// Everything that is computed, without what names files.
fn outcome(folder: &Path, threads: usize) -> Manifest {
    Manifest { inputs: BTreeMap::new(), ..computed(folder, threads).manifest }
}

#[test]
fn formats_and_threads_do_not_matter() {
    let expected = outcome(simulated(settings(), Format::JsonLines).path(), 1);
    assert_eq!(expected.markets.len(), 3);
    assert!(expected.markets.iter().all(|market| market.valid > 100 && market.paid_wei != "0"));
    for format in FORMATS {
        let folder = simulated(settings(), format);
        for threads in [1, 2, 5] {
            assert_eq!(outcome(folder.path(), threads), expected, "{format:?}, {threads} threads");
        }
    }
}

#[test]
fn the_order_of_samples_and_files_does_not_matter() {
    let folder = simulated(settings(), Format::JsonLines);
    let expected = outcome(folder.path(), 1);
    let samples = folder.path().join("samples");
    let mut lines = Vec::new();
    for entry in fs::read_dir(&samples).unwrap() {
        let path = entry.unwrap().path();
        lines.extend(fs::read_to_string(&path).unwrap().lines().map(ToOwned::to_owned));
        fs::remove_file(path).unwrap();
    }
    // By a digest of each line: as good as any shuffle, and always the same.
    lines.sort_by_key(|line| alloy_primitives::keccak256(line));
    for (place, part) in lines.chunks(lines.len() / 4).enumerate() {
        fs::write(samples.join(format!("part-{place}.jsonl")), part.join("\n")).unwrap();
    }
    assert_eq!(outcome(folder.path(), 3), expected);
}

#[test]
fn row_groups_and_spans_do_not_matter() {
    // Longer than one row group of 1,024 samples.
    let long = || Settings { markets: 1, makers: 2, minutes: 2_500, orders: 4, ..settings() };
    let expected = outcome(simulated(long(), Format::Csv).path(), 1);
    let folder = simulated(long(), Format::Parquet);
    for threads in [1, 3] {
        assert_eq!(outcome(folder.path(), threads), expected);
    }
}

#[test]
fn a_simulation_is_its_seed() {
    let file = |seed| {
        let folder = simulated(Settings { seed, ..settings() }, Format::JsonLines);
        fs::read(folder.path().join("samples/SOL-USD.jsonl")).unwrap()
    };
    assert_eq!(file(1), file(1));
    assert_ne!(file(1), file(2));
}

#[test]
fn a_simulation_writes_the_canonical_file() {
    let folder = simulated(settings(), Format::JsonLines);
    let text = fs::read_to_string(folder.path().join("samples/BTC-USD.jsonl")).unwrap();
    let first = text.lines().next().unwrap();
    assert!(first.starts_with(r#"{"epoch":18,"minute":0,"market":"BTC-USD","time_ms":16715484"#), "{first}");
    assert!(!first.contains(' '));
    let minutes: Vec<u64> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["minute"].as_u64().unwrap())
        .collect();
    assert!(minutes.is_sorted());
}

#[test]
fn every_epoch_can_be_simulated() {
    for epoch in [0, 7, 12, 16, 31] {
        let folder = simulated(Settings { epoch, minutes: 30, ..settings() }, Format::Csv);
        let computed = computed(folder.path(), 2);
        assert!(computed.manifest.programs["lp"] != "0", "epoch {epoch}");
    }
}

#[test]
fn results_are_written_and_verified() {
    let (folder, out) = (simulated(settings(), Format::Parquet), TempDir::new().unwrap());
    let input = EpochFolder::open(folder.path()).unwrap();
    let options = options(2, Malformed::Refuse);
    let computed = manifest::compute(&input, &options).unwrap();
    manifest::write(out.path(), &computed, &options).unwrap();

    assert_eq!(Manifest::read(out.path()).unwrap(), computed.manifest);
    let written = verify::Results::read(out.path()).unwrap();
    let mut checks = written.check();
    checks.extend(written.check_inputs(&input, crate::fixture::options(2, Malformed::Refuse)).unwrap());
    assert_eq!(checks.len(), 13);
    assert!(checks.iter().all(|check| check.holds), "{checks:?}");

    // Each line of the proofs leads to the root, and its breakdown adds up.
    let proofs = fs::read_to_string(out.path().join("proofs.jsonl")).unwrap();
    assert_eq!(proofs.lines().count(), computed.tree.len());
    for (place, (leaf, account, amount)) in computed.tree.entries().enumerate() {
        let parts = results::read_parts(out.path(), account).unwrap();
        let record = ProofRecord::new(&computed.tree, place, 18, &parts).unwrap();
        let sum = record.breakdown.iter().map(|part| part.amount_wei).reduce(|sum, part| sum + part).unwrap();
        assert_eq!((record.leaf, record.cumulative_wei, sum), (leaf, amount, amount));
        assert!(tree::verify(leaf, &record.proof, record.root));
        assert_eq!(proofs.lines().nth(place).unwrap(), serde_json::to_string(&record).unwrap());
    }
}

#[test]
fn verification_notices_other_amounts() {
    let (folder, out) = (simulated(settings(), Format::Csv), TempDir::new().unwrap());
    let input = EpochFolder::open(folder.path()).unwrap();
    let options = options(2, Malformed::Refuse);
    manifest::write(out.path(), &manifest::compute(&input, &options).unwrap(), &options).unwrap();
    let path = out.path().join("tree.json");
    let tree = Tree::parse(&fs::read(&path).unwrap()).unwrap();
    let mut amounts = tree.amounts();
    *amounts.values_mut().next().unwrap() += alloy_primitives::U256::ONE;
    fs::write(&path, Tree::new(&amounts).unwrap().to_json()).unwrap();
    let failed = |checks: Vec<verify::Check>| {
        checks.into_iter().filter(|check| !check.holds).map(|check| check.name).collect::<Vec<_>>()
    };
    let names = [
        "the tree has the root of the manifest",
        "its file has the CID of the manifest",
        "its amounts have the sum of the manifest",
        "every line of the proofs, if they are there, is that of a leaf",
    ];
    assert_eq!(failed(verify::Results::read(out.path()).unwrap().check()), names);
    fs::write(&path, tree.to_json() + "\n").unwrap();
    assert_eq!(
        failed(verify::Results::read(out.path()).unwrap().check()),
        ["its file has the CID of the manifest", "its file is canonical"]
    );
    assert!(verify::Results::read(out.path()).unwrap().check_root(tree.root()).holds);
    assert!(!verify::Results::read(out.path()).unwrap().check_root(alloy_primitives::B256::ZERO).holds);

    let volume = folder.path().join("volume.csv");
    let text = fs::read_to_string(&volume).unwrap();
    fs::write(&volume, text.replace("000000\n", "000001\n")).unwrap();
    let input = EpochFolder::open(folder.path()).unwrap();
    let names = [
        "the inputs give the root of the manifest",
        "the inputs give the CID of the manifest",
        "the inputs give the tree, leaf by leaf",
        "the inputs give every table, row by row",
        "fields of the manifest that differ",
    ];
    assert_eq!(
        failed(
            verify::Results::read(out.path())
                .unwrap()
                .check_inputs(&input, crate::fixture::options(2, Malformed::Refuse))
                .unwrap()
        ),
        names
    );
}

#[test]
fn a_published_tree_is_compared_leaf_by_leaf() {
    let (folder, out) = (simulated(settings(), Format::Csv), TempDir::new().unwrap());
    let input = EpochFolder::open(folder.path()).unwrap();
    let options = options(2, Malformed::Refuse);
    let computed = manifest::compute(&input, &options).unwrap();
    manifest::write(out.path(), &computed, &options).unwrap();
    let path = folder.path().join("published.json");
    let compare = |text: &str| {
        fs::write(&path, text).unwrap();
        let checks = verify::Results::read(out.path()).unwrap().check_published(&path).unwrap();
        checks.into_iter().map(|check| (check.holds, check.detail)).collect::<Vec<_>>()
    };
    let same = (true, String::new());
    assert_eq!(compare(&computed.tree_json), [same.clone(), same.clone()]);
    // The same leaves in other bytes have another CID.
    let [cid, leaves] = compare(&(computed.tree_json.clone() + "\n")).try_into().unwrap();
    assert_eq!((cid.0, leaves), (false, same));

    let mut amounts = computed.tree.amounts();
    let (account, wei) = amounts.pop_first().unwrap();
    let [_, leaves] = compare(&Tree::new(&amounts).unwrap().to_json()).try_into().unwrap();
    assert_eq!(leaves, (false, format!("{account} has nothing, not {wei} wei")));
    amounts.insert(account, wei);
    let (last, more) = amounts.last_entry().map(|mut entry| (*entry.key(), entry.insert(wei))).unwrap();
    let [_, leaves] = compare(&Tree::new(&amounts).unwrap().to_json()).try_into().unwrap();
    assert_eq!(leaves, (false, format!("{last} has {wei} wei, not {more} wei")));
}

#[test]
fn stages_give_what_the_whole_gives() {
    let (folder, whole, stages) =
        (simulated(settings(), Format::Parquet), TempDir::new().unwrap(), TempDir::new().unwrap());
    let input = EpochFolder::open(folder.path()).unwrap();
    let source = input.samples().unwrap();
    for format in FORMATS {
        let options = manifest::Options { format, ..options(2, Malformed::Refuse) };
        manifest::write(
            &whole.path().join(format.extension()),
            &manifest::compute(&input, &options).unwrap(),
            &options,
        )
        .unwrap();

        let out = stages.path().join(format.extension());
        manifest::write_scores(&out, 18, &manifest::score(source, &options).unwrap(), format, false).unwrap();
        let scores = results::read_scores(&out, &source.parameters).unwrap();
        let allocation = rewards::allocation::allocate(&source.parameters, &scores);
        manifest::write_rewards(&out, 18, &scores, &allocation, format, false).unwrap();
        for name in ["scores", "rewards", "markets", "lp"] {
            let name = format!("{name}.{}", format.extension());
            let read = |root: &TempDir| fs::read(root.path().join(format.extension()).join(&name)).unwrap();
            assert_eq!(read(&stages), read(&whole), "{name}");
        }
    }
}

#[test]
fn edited_scores_are_refused() {
    let (folder, out) = (simulated(settings(), Format::Csv), TempDir::new().unwrap());
    let input = EpochFolder::open(folder.path()).unwrap();
    let source = input.samples().unwrap();
    let options = options(1, Malformed::Refuse);
    manifest::write_scores(out.path(), 18, &manifest::score(source, &options).unwrap(), Format::Csv, false).unwrap();
    let path = out.path().join("scores.csv");
    let text = fs::read_to_string(&path).unwrap();
    let refusal = |edited: String| {
        assert_ne!(edited, text);
        fs::write(&path, edited).unwrap();
        results::read_scores(out.path(), &source.parameters).unwrap_err().to_string()
    };
    let line = |number: usize| text.lines().nth(number).unwrap().to_owned();
    let fields: Vec<_> = line(1).split(',').map(ToOwned::to_owned).collect();
    let with = |place: usize, value: &str| {
        let mut fields = fields.clone();
        fields[place] = value.to_owned();
        text.replacen(&line(1), &fields.join(","), 1)
    };
    assert!(refusal(with(5, "1")).contains("W is not the score"));
    assert!(refusal(with(12, "1")).contains("W is not the score"));
    assert!(refusal(with(11, "maybe")).contains("neither true nor false"));
    assert!(refusal(with(11, "false")).contains("the sums are not those of its rows"));
    assert!(refusal(with(0, "17")).contains("epoch 17, not 18"));
    assert!(refusal(with(4, "V0")).contains("formula V0"));
    assert!(refusal(with(8, "1")).contains("samples in a row"));
    assert!(refusal(text.replacen(&line(1), &format!("{}\n{}", line(1), line(1)), 1)).contains("occurs twice"));
    assert!(refusal(text.replacen(&(line(1) + "\n"), "", 1)).contains("the sums are not"));
}

#[test]
fn doing_it_again_changes_nothing() {
    let (folder, out) = (simulated(settings(), Format::Csv), TempDir::new().unwrap());
    let input = EpochFolder::open(folder.path()).unwrap();
    let options = options(2, Malformed::Refuse);
    let state = || -> BTreeMap<_, _> {
        let entries = fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap());
        entries.map(|entry| (entry.file_name(), entry.metadata().unwrap().modified().unwrap())).collect()
    };
    let once = manifest::compute(&input, &options).unwrap();
    let plain = manifest::Options { proofs: false, ..options };
    manifest::write(out.path(), &once, &plain).unwrap();
    let before = state();
    manifest::write(out.path(), &manifest::compute(&input, &plain).unwrap(), &plain).unwrap();
    assert_eq!(state(), before);

    let other = simulated(Settings { seed: 2, ..settings() }, Format::Csv);
    let other = manifest::compute(&EpochFolder::open(other.path()).unwrap(), &plain).unwrap();
    let refused = manifest::write(out.path(), &other, &plain).unwrap_err();
    assert!(refused.to_string().contains("--replace"), "{refused}");
    assert_eq!(state(), before);
    manifest::write(out.path(), &other, &manifest::Options { replace: true, ..plain }).unwrap();
    assert_eq!(Manifest::read(out.path()).unwrap().root, other.tree.root());
}

#[test]
fn published_scores_make_a_tree_too() {
    let folder = TempDir::new().unwrap();
    let legacy = r#"{"epoch":18,"quoteScore":{"0x38d981c3c42b2ec8e9572f560552407d0f1279fb":0.011528314450261408,
        "0x00000092efe40470c25228372310142836f1eda6":0.03509865199614617,"0x16bec2d9a010e7d8b2d576d17893c52ddbfe4c06":0.56701282657183}}"#;
    fs::write(folder.path().join("legacy.json"), legacy).unwrap();
    fs::write(folder.path().join("previous-tree.json"), format!(r#"[["{ACCOUNT}","5"]]"#)).unwrap();
    let computed = computed(folder.path(), 1);
    assert_eq!(computed.manifest.profile, "legacy");
    let account = "0x16bec2d9a010e7d8b2d576d17893c52ddbfe4c06".parse().unwrap();
    assert_eq!(computed.tree.amount(account).unwrap().to_string(), "1063251050155437164729648");
    assert_eq!(computed.tree.amount(ACCOUNT.parse().unwrap()).unwrap().to_string(), "5");
    assert!(EpochFolder::open(folder.path()).unwrap().samples().is_err());
}

#[test]
fn the_tree_before_is_required_from_epoch_1_on() {
    let folder = small("a.jsonl", LINE.as_bytes());
    fs::remove_file(folder.path().join("previous-tree.json")).unwrap();
    let reason = refusal(folder.path());
    assert!(reason.contains("previous-tree.json: is missing: without it everybody"), "{reason}");
}

#[test]
fn minutes_are_explained_order_by_order() {
    let folder = small("a.jsonl", LINE.as_bytes());
    let input = EpochFolder::open(folder.path()).unwrap();
    let source = input.samples().unwrap();
    let account = ACCOUNT.parse().unwrap();
    let lines = explain::minutes(source, account, "BTC-USD", 0..10, 1, &()).unwrap();
    let [line] = lines.as_slice() else { panic!("one minute") };
    assert_eq!((line.q_bid.as_str(), line.q_min.as_str(), line.counting), ("89970000000000", "89970000000000", 2));
    assert_eq!((line.orders[1].depth_usd.as_str(), line.orders[1].spread_bps.as_deref()), ("45015", Some("3.333333")));
    assert!(explain::minutes(source, account, "BTC-USD", 1..10, 1, &()).unwrap().is_empty());
    assert!(explain::minutes(source, account, "XXX", 0..10, 1, &()).is_err());
}

#[test]
fn a_file_that_is_not_finished_was_never_there() {
    let folder = TempDir::new().unwrap();
    for format in FORMATS {
        let path = folder.path().join(format!("a.{}", format.extension()));
        fs::write(&path, "before").unwrap();
        let mut writer = SampleWriter::create(&path).unwrap();
        Simulation::new(settings()).samples(0, |record| writer.write(record)).unwrap();
        drop(writer);
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
        fs::remove_file(path).unwrap();
    }
}
