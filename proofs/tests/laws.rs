//! The laws on numbers, without solvers: on random ones, and on those that once refuted a law.

use std::{collections::BTreeMap, fs, path::Path};

use num_bigint::BigInt;
use proofs::{
    engine::{self, replay},
    laws,
    verdict::AS_IT_IS,
};

/// Repeatable numbers: 0 to the 2^112 that most fields hold, small ones as often as large ones.
fn numbers(seed: u64) -> impl FnMut() -> BigInt {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let bits = next() % 112;
        (BigInt::from(next()) * BigInt::from(next())) >> (128 - bits)
    }
}

#[test]
fn laws_hold_of_random_numbers() {
    for law in laws::all() {
        let mut claims = 0;
        for seed in 0..200 {
            let mut number = numbers(seed);
            let names = engine::names(law.theory, &law.run);
            let inputs: BTreeMap<String, BigInt> =
                names.into_iter().map(|(name, maximum)| (name, number() % (maximum + 1))).collect();
            let run = replay(law.theory, inputs.clone(), AS_IT_IS, &law.run);
            claims += if run.witnessed { run.claims } else { 0 };
            assert!(run.broken.is_none(), "{}: {:?} with {inputs:?}", law.name, run.broken);
        }
        println!("{}: {claims} claims", law.name);
    }
}

/// Files that `scripts/prove --test` writes.
#[test]
fn laws_hold_where_they_were_once_refuted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/counterexamples");
    let Ok(files) = fs::read_dir(folder) else { return };
    for file in files {
        let path = file.expect("a file").path();
        let text = fs::read_to_string(&path).expect("text");
        let mut inputs = BTreeMap::new();
        let mut name = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            match line.rsplit_once(" = ").expect("NAME = VALUE") {
                ("law", law) => name = law,
                (variable, value) => {
                    inputs.insert(variable.to_owned(), value.parse().expect("a number"));
                }
            }
        }
        let law = laws::all().into_iter().find(|law| law.name == name).expect("a law that there is");
        let run = replay(law.theory, inputs, AS_IT_IS, &law.run);
        assert!(run.broken.is_none(), "{}: {}: {:?}", path.display(), law.name, run.broken);
        assert!(run.witnessed, "{}: these numbers are not taken for granted by {}", path.display(), law.name);
    }
}
