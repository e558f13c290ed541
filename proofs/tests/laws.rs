//! The laws, without solvers, on numbers that once refuted one.

use std::{collections::BTreeMap, fs, path::Path};

use proofs::{engine::replay, laws, verdict::AS_IT_IS};

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
