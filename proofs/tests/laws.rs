//! The laws, without solvers, on numbers that once refuted one; and the terms that they are about, against the functions compiled as they are.

mod differential;

/// The contracts' functions, as they are.
#[allow(
    clippy::all,
    missing_docs,
    unused,
    unreachable_pub,
    missing_debug_implementations,
    reason = "checked where it stands"
)]
mod native {
    include!(concat!(env!("OUT_DIR"), "/native.rs"));
}

use std::{collections::BTreeMap, fs, path::Path};

use proofs::{
    distributor,
    engine::{Run, replay, with_mutant},
    laws,
    source::SITES,
    verdict::AS_IT_IS,
};

/// Runs the law that a file names on the numbers of the file.
fn replayed(path: &Path, mutant: (usize, usize)) -> Run {
    let text = fs::read_to_string(path).expect("text");
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
    replay(law.theory, inputs, mutant, &law.run)
}

/// Files that `scripts/prove --test` writes.
#[test]
fn laws_hold_where_they_were_once_refuted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/counterexamples");
    let mut tried = 0;
    for file in fs::read_dir(folder).expect("a folder") {
        let path = file.expect("a file").path();
        let run = replayed(&path, AS_IT_IS);
        assert!(run.broken.is_none(), "{}: {:?}", path.display(), run.broken);
        assert!(run.witnessed, "{}: the law takes for granted that such numbers do not come", path.display());
        tried += 1;
    }
    assert!(tried > 0, "no counter-example is there");
}

/// With the change that they once refuted, the same numbers break the law: a replay sees what it is for.
#[test]
fn numbers_break_the_law_with_the_change_that_they_refuted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/counterexamples/records_4_1.txt");
    let site = SITES.iter().position(|site| site.function == "to_balance").expect("a function that there is");
    assert_eq!(SITES[site].changes[0], "`>` as `<`");
    assert!(replayed(&path, (site, 1)).broken.is_some());
}

/// A small world in which a root becomes active a second late, or epochs do not go on, is not the one of the rules.
#[test]
fn a_small_world_notices_a_mutant() {
    for (function, change) in
        [("Roots::check_update", "`<` as `<=`"), ("Roots::update", "`saturating_add` as `saturating_sub`")]
    {
        let of = |site: &proofs::mutants::Site| Some(site.changes.iter().position(|known| *known == change)? + 1);
        let mut sites = SITES.iter().enumerate().filter(|(_, site)| site.function == function);
        let mutant = sites.find_map(|(at, site)| Some((at, of(site)?))).expect("a mutant that there is");
        let _ = with_mutant(mutant);
        assert!(!distributor::explore(), "{function}, {change}");
        let _ = with_mutant(AS_IT_IS);
    }
}
