//! From a counter-example to a test that anybody can run.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use crate::{
    engine, laws,
    verdict::{AS_IT_IS, read_inputs},
};

/// Tries a law on these numbers, and writes a test of it to `proofs/tests/counterexamples`. Says whether the law holds of them.
///
/// # Errors
/// There is no such law, an input is no number, or the file cannot be written.
pub fn write(name: &str, inputs: &[&str]) -> Result<bool> {
    let law =
        laws::all().into_iter().find(|law| law.name == name).with_context(|| format!("no law is called {name}"))?;
    let values = read_inputs(inputs)?;
    let tried = engine::replay(law.theory, values.clone(), AS_IT_IS, &law.run);
    anyhow::ensure!(tried.witnessed, "the law takes for granted what these numbers break; nothing is written");

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/counterexamples");
    fs::create_dir_all(&folder)?;
    let mut text = format!(
        "# Written by scripts/prove --test. `cargo test --test laws` tries the law on these numbers.\nlaw = {name}\n"
    );
    for (name, value) in &values {
        text += &format!("{name} = {value}\n");
    }
    let stem: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let number = (1..).find(|number| !folder.join(format!("{stem}_{number}.txt")).exists()).unwrap_or_default();
    let file = folder.join(format!("{stem}_{number}.txt"));
    fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))?;
    println!("{}", file.display());
    match &tried.broken {
        Some(broken) => println!("the law does not hold of these numbers: {broken}"),
        None => println!("the law holds of these numbers, {} claims", tried.claims),
    }
    println!("run it: cargo test --test laws");
    Ok(tried.broken.is_none())
}
