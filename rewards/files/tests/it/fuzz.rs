//! Damaged files: whatever bytes they hold, they are read, or reported. No damage is a panic, and what is skipped is listed.

use std::{fs, sync::LazyLock};

use proptest::prelude::*;
use rewards::simulation::Settings;
use rewards_files::{
    Error,
    epoch::{EpochFolder, Malformed, tally},
    samples::Format,
};
use tempfile::TempDir;

use crate::fixture::{FORMATS, settings, simulated};

/// What is done to a file.
#[derive(Clone, Debug)]
pub(crate) enum Damage {
    Set(u16, u8),
    Cut(u16, u16),
    Repeat(u16, u16),
    Insert(u16, Vec<u8>),
    End(u16),
}

impl Damage {
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        let at = |place: u16, bytes: &[u8]| usize::from(place) * bytes.len() / 65_536;
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Set(place, byte) => {
                let place = at(*place, bytes);
                bytes[place] = *byte;
            }
            Self::Cut(from, length) => {
                let from = at(*from, bytes);
                let to = bytes.len().min(from + usize::from(*length % 300));
                bytes.drain(from..to);
            }
            Self::Repeat(from, length) => {
                let from = at(*from, bytes);
                let to = bytes.len().min(from + usize::from(*length % 300));
                let again = bytes[from..to].to_vec();
                bytes.splice(to..to, again);
            }
            Self::Insert(place, more) => {
                let place = at(*place, bytes);
                bytes.splice(place..place, more.iter().copied());
            }
            Self::End(place) => bytes.truncate(at(*place, bytes)),
        }
    }
}

pub(crate) fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let text = proptest::sample::select(&b"0123456789-.eE,:\"\n{}[]BSxnull\\ "[..]);
    let one = prop_oneof![
        4 => (any::<u16>(), prop_oneof![any::<u8>(), text]).prop_map(|(place, byte)| Damage::Set(place, byte)),
        2 => (any::<u16>(), any::<u16>()).prop_map(|(from, length)| Damage::Cut(from, length)),
        2 => (any::<u16>(), any::<u16>()).prop_map(|(from, length)| Damage::Repeat(from, length)),
        1 => (any::<u16>(), proptest::collection::vec(any::<u8>(), 1..8)).prop_map(|(place, more)| Damage::Insert(place, more)),
        1 => any::<u16>().prop_map(Damage::End),
    ];
    proptest::collection::vec(one, 1..4)
}

/// A small epoch in each format.
static EPOCHS: LazyLock<[TempDir; 3]> = LazyLock::new(|| {
    FORMATS.map(|format| simulated(Settings { markets: 1, makers: 2, minutes: 8, orders: 6, ..settings() }, format))
});

fn damaged(format: usize, damages: &[Damage]) -> TempDir {
    let (from, to) = (EPOCHS[format].path(), TempDir::new().unwrap());
    for name in ["parameters.json", "volume.csv", "previous-tree.json"] {
        fs::copy(from.join(name), to.path().join(name)).unwrap();
    }
    fs::create_dir(to.path().join("samples")).unwrap();
    let name = format!("samples/BTC-USD.{}", FORMATS[format].extension());
    let mut bytes = fs::read(from.join(&name)).unwrap();
    damages.iter().for_each(|damage| damage.apply(&mut bytes));
    fs::write(to.path().join(&name), bytes).unwrap();
    to
}

pub(crate) fn cases() -> ProptestConfig {
    let cases = std::env::var("FUZZ_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400);
    ProptestConfig { cases, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn damaged_samples_are_read_or_reported(format in 0..3_usize, damages in damages()) {
        let folder = damaged(format, &damages);
        let opened = EpochFolder::open(folder.path()).unwrap();
        let source = opened.samples().unwrap();
        let skipped = tally(source, Malformed::Skip, 2, &()).unwrap();
        match tally(source, Malformed::Refuse, 1, &()) {
            Ok(strict) => {
                prop_assert!(skipped.skipped.is_empty());
                prop_assert_eq!(strict.tally, skipped.tally);
            }
            Err(Error::Samples(problems)) => prop_assert_eq!(problems, skipped.skipped),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn the_undamaged_files_are_good() {
    for format in 0..3 {
        let folder = damaged(format, &[]);
        let opened = EpochFolder::open(folder.path()).unwrap();
        let tallied = tally(opened.samples().unwrap(), Malformed::Refuse, 1, &()).unwrap();
        assert_eq!(tallied.tally.markets[0].valid, 8);
    }
    assert_eq!(Format::of(std::path::Path::new("a.b")), None);
}
