//! A whole folder is damaged: names, bytes, rows, times. Then the result is the undamaged one's, or the folder is refused with a reason, or
//! the account of health says what is missing. Never another root in silence.
//!
//! A sealed folder notices every change. One without a seal cannot know that a digit was another one, and says that it is not sealed; it
//! notices what is missing, twice, misnamed or late.

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use alloy_primitives::B256;
use proptest::prelude::*;
use rewards::{health::Health, simulation::Settings};
use rewards_files::{
    Error,
    epoch::{EpochFolder, Malformed},
    folder::SEAL,
    manifest::{self, Options},
    seal::seal,
};
use tempfile::TempDir;

use crate::{
    fixture::{FORMATS, options, sealed, settings},
    fuzz::{Damage, cases, damages},
};

/// Files by name.
type Files = BTreeMap<String, Vec<u8>>;

/// What is done to a folder; numbers choose a file, a row, and so on.
#[derive(Clone, Debug)]
enum Slip {
    Rename(u8, u8),
    Swap(u8, u8),
    Delete(u8),
    Copy(u8, u8),
    Add(u8),
    DropRows(u8, u16, u8),
    RepeatRows(u8, u16, u8),
    MoveRows(u8, u8, u16),
    Late(u8, i32),
    Bytes(u8, Vec<Damage>),
}

fn slips() -> impl Strategy<Value = Slip> {
    let file = any::<u8>;
    prop_oneof![
        (file(), any::<u8>()).prop_map(|(file, how)| Slip::Rename(file, how)),
        (file(), file()).prop_map(|(one, other)| Slip::Swap(one, other)),
        file().prop_map(Slip::Delete),
        (file(), any::<u8>()).prop_map(|(file, how)| Slip::Copy(file, how)),
        any::<u8>().prop_map(Slip::Add),
        (file(), any::<u16>(), any::<u8>()).prop_map(|(file, row, rows)| Slip::DropRows(file, row, rows)),
        (file(), any::<u16>(), any::<u8>()).prop_map(|(file, row, rows)| Slip::RepeatRows(file, row, rows)),
        (file(), file(), any::<u16>()).prop_map(|(from, to, row)| Slip::MoveRows(from, to, row)),
        (file(), prop_oneof![-300..300, -100_000..100_000]).prop_map(|(file, late)| Slip::Late(file, late)),
        (file(), damages()).prop_map(|(file, damages)| Slip::Bytes(file, damages)),
    ]
}

/// Another name that a hand may give a file.
fn misname(name: &str, how: u8) -> String {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    match how % 9 {
        0 => format!("{stem}.{}", ending.to_uppercase()),
        1 => format!("{name}.bak"),
        2 => format!("{stem}s.{ending}"),
        3 => stem.to_owned(),
        4 => format!("old/{name}"),
        5 => format!("{stem}.txt"),
        6 => name.replace('/', "-"),
        7 => format!("{name}.gz"),
        _ => format!(".{name}"),
    }
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn shift(bytes: &[u8], late: i32) -> Vec<u8> {
    // Times are the only numbers of 13 digits.
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut shifted = String::new();
    let mut digits = String::new();
    for letter in text.chars().chain(['\0']) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        match digits.parse::<i64>() {
            Ok(time) if digits.len() == 13 => shifted += &(time + i64::from(late)).to_string(),
            _ => shifted += &digits,
        }
        digits.clear();
        if letter != '\0' {
            shifted.push(letter);
        }
    }
    shifted.into_bytes()
}

impl Slip {
    fn apply(&self, files: &mut Files) {
        let names: Vec<_> = files.keys().cloned().collect();
        let name = |place: &u8| names[usize::from(*place) % names.len()].clone();
        match self {
            Self::Rename(file, how) => {
                let bytes = files.remove(&name(file)).unwrap_or_default();
                files.insert(misname(&name(file), *how), bytes);
            }
            Self::Swap(one, other) => {
                let [one, other] = [name(one), name(other)];
                let [first, second] = [&one, &other].map(|name| files[name].clone());
                files.insert(one, second);
                files.insert(other, first);
            }
            Self::Delete(file) => drop(files.remove(&name(file))),
            Self::Copy(file, how) => drop(files.insert(misname(&name(file), *how), files[&name(file)].clone())),
            Self::Add(how) => {
                let new =
                    ["notes.txt", "samples/x.csv", "volume.jsonl", "programs/more.csv", "eligible.csv", "legacy.json"];
                files.insert(new[usize::from(*how) % new.len()].to_owned(), b"account\n".to_vec());
            }
            Self::DropRows(file, row, rows) => rewrite(files, &name(file), *row, |lines, row| {
                let end = lines.len().min(row + usize::from(*rows % 60));
                lines.drain(row..end);
            }),
            Self::RepeatRows(file, row, rows) => rewrite(files, &name(file), *row, |lines, row| {
                let again = lines[row..lines.len().min(row + usize::from(*rows % 60))].to_vec();
                lines.extend(again);
            }),
            Self::MoveRows(from, to, row) => {
                let mut moved = Vec::new();
                rewrite(files, &name(from), *row, |lines, row| moved = lines.split_off(row));
                files.entry(name(to)).or_default().extend(moved.concat());
            }
            Self::Late(file, late) => {
                let shifted = shift(&files[&name(file)], *late);
                files.insert(name(file), shifted);
            }
            Self::Bytes(file, damages) => {
                let bytes = files.get_mut(&name(file)).unwrap();
                damages.iter().for_each(|damage| damage.apply(bytes));
            }
        }
    }
}

/// Changes the lines of a file from one on.
fn rewrite(files: &mut Files, name: &str, row: u16, change: impl FnOnce(&mut Vec<Vec<u8>>, usize)) {
    let mut lines = lines(&files[name]);
    if !lines.is_empty() {
        let row = usize::from(row) % lines.len();
        change(&mut lines, row);
    }
    files.insert(name.to_owned(), lines.concat());
}

fn read(folder: &Path) -> Files {
    let mut files = Files::new();
    for below in ["", "samples", "programs"] {
        for entry in fs::read_dir(folder.join(below)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

fn written(files: &Files) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // A name may be taken by a folder that another slip made: then that is the damage.
        drop(fs::write(path, bytes));
    }
    folder
}

/// Sealed epochs in text formats, with their roots and health.
static EPOCHS: LazyLock<[(Files, B256, Health); 2]> = LazyLock::new(|| {
    [FORMATS[1], FORMATS[2]].map(|format| {
        let settings = Settings { markets: 2, makers: 3, minutes: 30, orders: 8, ..settings() };
        let files = read(sealed(settings, format).path());
        let (root, health) = outcome(&files, Malformed::Refuse, None).expect("the undamaged epoch");
        (files, root, health)
    })
});

/// The root and the account of health, or why it is refused.
fn outcome(files: &Files, malformed: Malformed, accept_gaps: Option<&str>) -> Result<(B256, Health), Error> {
    let folder = written(files);
    let options = Options { accept_gaps: accept_gaps.map(ToOwned::to_owned), ..options(1, malformed) };
    let computed = manifest::compute(&EpochFolder::open(folder.path())?, &options)?;
    computed
        .manifest
        .health
        .map(|health| (computed.manifest.root, health))
        .ok_or_else(|| Error::refused("published scores"))
}

/// With `FUZZ_OUTCOMES`, says how a case ended, so that outcomes can be counted.
fn note(is_sealed: bool, outcome: &str) {
    if std::env::var_os("FUZZ_OUTCOMES").is_some() {
        println!("outcome, {}: {outcome}", if is_sealed { "sealed" } else { "not sealed" });
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_damaged_folder_is_not_taken_for_the_whole(
        format in 0..2_usize,
        is_sealed in any::<bool>(),
        skips in any::<bool>(),
        slips in proptest::collection::vec(slips(), 1..3),
    ) {
        let (files, root, health) = &EPOCHS[format];
        let mut damaged = files.clone();
        if !is_sealed {
            damaged.remove(SEAL);
        }
        let slips: Vec<_> = slips.into_iter().filter(|slip| is_sealed || !matches!(slip, Slip::Bytes(..))).collect();
        slips.iter().for_each(|slip| slip.apply(&mut damaged));
        let (malformed, reason) = if skips { (Malformed::Skip, Some("damaged")) } else { (Malformed::Refuse, None) };
        let found = outcome(&damaged, malformed, reason);
        let is_sealed = is_sealed && damaged.get(SEAL) == files.get(SEAL);
        match found {
            Err(error) => {
                note(is_sealed, "refused");
                prop_assert!(!error.to_string().trim().is_empty(), "refused without a reason");
            }
            Ok((found, _)) if found == *root => note(is_sealed, "the same root"),
            Ok((_, found)) => {
                note(is_sealed, "another root, and health says why");
                prop_assert!(!is_sealed, "another root from a sealed folder: {:?}", slips);
                prop_assert_ne!(Health { sealed: true, ..found }, health.clone(), "another root in silence: {:?}", slips);
            }
        }
    }
}

#[test]
fn what_operators_did_once_is_refused() {
    let (files, ..) = &EPOCHS[1];
    let refusal = |change: &dyn Fn(&mut Files)| {
        let mut damaged = files.clone();
        damaged.remove(SEAL);
        change(&mut damaged);
        outcome(&damaged, Malformed::Refuse, None).unwrap_err().to_string()
    };
    let half = |files: &mut Files| rewrite(files, "samples/ETH-USD.jsonl", 15, |lines, row| lines.truncate(row));
    assert!(refusal(&half).contains("ETH-USD: samples of 15 minutes, of 30 at least 30 are needed (seen_bps)"));
    let late = |files: &mut Files| {
        drop(files.insert("samples/ETH-USD.jsonl".into(), shift(&files["samples/ETH-USD.jsonl"], 7_000)))
    };
    let found = refusal(&late);
    assert!(found.contains("is not in minute") || found.contains("ETH-USD: 0 samples on their instant"), "{found}");
    let secret = |files: &mut Files| {
        let text = String::from_utf8(files["sampling.json"].clone()).unwrap();
        let start = text.find("0x").unwrap() + 2;
        let other = format!("{}{}{}", &text[..start], "11".repeat(32), &text[start + 64..]);
        files.insert("sampling.json".into(), other.into_bytes());
    };
    assert!(refusal(&secret).contains("samples on their instant, of 30 at least 30 are needed (on_instant_bps)"));
    let gone = |files: &mut Files| drop(files.remove("samples/ETH-USD.jsonl"));
    assert!(refusal(&gone).contains("ETH-USD: samples of 0 minutes"));
    let old = |files: &mut Files| {
        let text = String::from_utf8(files["volume.csv"].clone()).unwrap();
        let kept: String =
            text.lines().filter(|line| !line.starts_with("17,")).map(|line| format!("{line}\n")).collect();
        files.insert("volume.csv".into(), kept.into_bytes());
    };
    assert!(refusal(&old).contains("no maker volume in epoch 17, which decides who is eligible"));
    assert!(seal(written(files).path(), false).is_ok());
}
