//! Files as other programs write them: the same samples, volumes and stakes give the same results, whoever wrote them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rewards_files::epoch::EpochFolder;
use tempfile::TempDir;

use crate::fixture::{ACCOUNT, computed};

const TWO: &str = "0x2222222222222222222222222222222222222222";

/// The committed files of one kind, by name.
fn files(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats").join(kind);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// An epoch with a file of each kind, each under the name that its maker gave it, or the one that tables have.
fn epoch(samples: &Path, volume: &Path, stake: &Path) -> TempDir {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let market = |name: &str| {
        format!(
            r#"{{"market":"{name}","formula":"V3-O","min_depth_usd":5000,"max_spread_bps":20,"alloc_group":"other",
            "price_decimals":1,"size_decimals":4,"listed":{{"from":0,"until":8}}}}"#
        )
    };
    let markets = ["BTC-USD", "xyz:NVDA"].map(market).join(",");
    write(
        "parameters.json",
        &format!(
            r#"{{"epoch":18,"lp_amount_wei":"1000000","threshold_num":25,"threshold_den":10000,"alloc_other_bps":10000,
            "health":{{"valid_bps":8000}},"empty_market":"redistribute","markets":[{markets}]}}"#
        ),
    );
    write("previous-tree.json", &format!(r#"[["{ACCOUNT}","1"]]"#));
    fs::create_dir(folder.path().join("samples")).unwrap();
    fs::copy(samples, folder.path().join("samples").join(samples.file_name().unwrap())).unwrap();
    for (name, path) in [("volume", volume), ("stake", stake)] {
        let (_, ending) = path.file_name().unwrap().to_str().unwrap().split_once('.').unwrap();
        fs::copy(path, folder.path().join(format!("{name}.{ending}"))).unwrap();
    }
    folder
}

#[test]
fn whoever_wrote_a_file_it_says_the_same() {
    let (samples, volumes, stakes) = (files("samples"), files("volume"), files("stake"));
    assert!(samples.len() > 20 && volumes.len() > 10 && stakes.len() > 3, "the files are there");
    let (first, volume, stake) = (&samples[0], &volumes[0], &stakes[0]);
    let expected = computed(epoch(first, volume, stake).path(), 1);
    let market = &expected.manifest.health.as_ref().unwrap().markets[1];
    assert_eq!((market.seen, market.valid, market.statuses.outage, market.orders), (8, 7, 1, 28));
    for account in [ACCOUNT, TWO] {
        assert!(expected.lp[&account.parse::<alloy_primitives::Address>().unwrap()] > alloy_primitives::U256::ONE);
    }
    let outcome = |samples: &Path, volume: &Path, stake: &Path| {
        let computed = computed(epoch(samples, volume, stake).path(), 2);
        (computed.manifest.root, computed.manifest.health)
    };
    let expected = (expected.manifest.root, expected.manifest.health);
    for path in &samples {
        assert_eq!(outcome(path, volume, stake), expected, "{}", path.display());
    }
    for path in &volumes {
        assert_eq!(outcome(first, path, stake), expected, "{}", path.display());
    }
    for path in &stakes {
        assert_eq!(outcome(first, volume, path), expected, "{}", path.display());
    }
}

#[test]
fn compressed_files_that_were_cut_off_are_refused() {
    let (volumes, stakes) = (files("volume"), files("stake"));
    let cut = |path: &Path, by: usize| {
        let folder = TempDir::new().unwrap();
        let name = folder.path().join(path.file_name().unwrap());
        let bytes = fs::read(path).unwrap();
        fs::write(&name, &bytes[..bytes.len() - by]).unwrap();
        (folder, name)
    };
    for path in
        files("samples").iter().filter(|path| path.extension().is_some_and(|ending| ending == "gz" || ending == "zst"))
    {
        for by in [1, 30] {
            let (_kept, name) = cut(path, by);
            let folder = epoch(&name, &volumes[0], &stakes[0]);
            let opened = EpochFolder::open(folder.path()).unwrap();
            let refused =
                rewards_files::epoch::tally(opened.samples().unwrap(), rewards_files::epoch::Malformed::Refuse, 1, &());
            assert!(refused.is_err(), "{} without its last {by} bytes", path.display());
        }
    }
}
