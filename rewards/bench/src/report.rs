//! The table.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::Size;

/// Runs a measurement in a process of its own; `rayon` says on how many threads the library may hash.
fn measure(arguments: &[&str], rayon: Option<&str>) -> Result<Value> {
    let mut command = Command::new(env::current_exe()?);
    command.args(arguments).stderr(Stdio::inherit());
    if let Some(threads) = rayon {
        command.env("RAYON_NUM_THREADS", threads);
    }
    eprintln!("measuring: {}", arguments.join(" "));
    let output = command.output()?;
    ensure!(output.status.success(), "{} failed", arguments.join(" "));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn node(folder: &Path, package: &str, leaves: u64) -> Result<Value> {
    eprintln!("measuring: {package}");
    let output = Command::new("node")
        .arg("--max-old-space-size=8192")
        .arg(folder.join("tree.mjs"))
        .args([package, &leaves.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .context("node")?;
    ensure!(output.status.success(), "{package} failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or(f64::NAN)
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn write(size: &Size, leaves: u64, node_folder: &Path, out: &Path) -> Result<()> {
    let folder = size.folder.to_str().context("a folder with a plain name")?;
    if !size.folder.join("parameters.json").exists() {
        let numbers = [size.markets, size.makers, size.minutes as usize, size.orders].map(|number| number.to_string());
        let [markets, makers, minutes, orders] = numbers.each_ref().map(String::as_str);
        let sizes = ["--markets", markets, "--makers", makers, "--minutes", minutes, "--orders", orders];
        measure(&[&["simulate", "--folder", folder][..], &sizes[..]].concat(), None)?;
    }
    let decode = measure(&["decode", "--folder", folder], None)?;
    let epoch = measure(&["epoch", "--folder", folder], None)?;
    let judge = measure(&["judge"], None)?;
    let count = leaves.to_string();
    let tree = measure(&["tree", "--leaves", &count], Some("1"))?;
    let rs_merkle = measure(&["rs-merkle", "--leaves", &count], Some("1"))?;
    let merkletreejs = node(node_folder, "merkletreejs", leaves)?;
    let openzeppelin = node(node_folder, "@openzeppelin/merkle-tree", leaves)?;
    for other in [&rs_merkle, &merkletreejs] {
        ensure!(text(other, "root") == text(&tree, "root"), "another root: {other}");
    }
    let table = format!(
        "{INTRODUCTION}\n{}\n{}",
        epoch_table(&decode, &epoch, &judge),
        tree_table(
            leaves,
            &tree,
            &[("rs_merkle", &rs_merkle), ("merkletreejs", &merkletreejs), ("@openzeppelin/merkle-tree", &openzeppelin)]
        )
    );
    fs::write(out, &table)?;
    print!("{table}");
    Ok(())
}

const INTRODUCTION: &str = "\
# Speed of the rewards engine

Written by `scripts/bench rewards`: release build, two shared cores of a virtual machine. Processor time adds up over threads and is what
the work takes; time on the clock also depends on who else uses the cores. Compare within one run.
";

fn epoch_table(decode: &Value, epoch: &Value, judge: &Value) -> String {
    let (samples, orders) = (number(decode, "samples"), number(decode, "orders"));
    let cpu = number(epoch, "cpu");
    let arithmetic = number(judge, "nanoseconds") * orders / 1e9;
    let share = |part: f64| format!("{:.0} %", part / cpu * 100.0);
    let hashing = (cpu - number(decode, "cpu")).max(0.0);
    format!(
        "\
## A full epoch

From Parquet to the manifest: digests of the files, decoding, scores, allocation, tree. {samples} samples, {orders} orders,
{:.2} GB, {} threads. Root `{}`.

| what | result |
|---|---:|
| time on the clock | {:.0} s |
| processor time | {cpu:.0} s |
| orders per second of processor time | {:.2} million |
| peak memory | {} MiB |
| of the processor time: decoding Parquet and reading addresses | {:.0} s, {} |
| everything else: digests, decimals, checks, sums, scores | {hashing:.0} s, {} |
| within that, arithmetic on orders (limits and terms), {:.1} ns each | {arithmetic:.0} s, {} |
",
        number(epoch, "bytes") / 1e9,
        number(epoch, "threads"),
        text(epoch, "root"),
        number(epoch, "wall"),
        orders / cpu / 1e6,
        number(epoch, "peak_mib"),
        number(decode, "cpu"),
        share(number(decode, "cpu")),
        share(hashing),
        number(judge, "nanoseconds"),
        share(arithmetic),
    )
}

fn tree_table(leaves: u64, ours: &Value, others: &[(&str, &Value)]) -> String {
    let row = |name: &str, value: &Value| {
        let seconds = |key: &str| format!("{:.2} s", number(value, key));
        let memory = format!("{} MiB", number(value, "peak_mib"));
        format!("| {name} | {} | {} | {memory} |\n", seconds("root_cpu"), seconds("proofs_cpu"))
    };
    let mut table = format!(
        "\
## A tree of {leaves} leaves

On one core, from pairs in memory: leaves, sorting and all levels, then every proof. Root `{}`; rs_merkle and merkletreejs give the same.
@openzeppelin/merkle-tree (its SimpleMerkleTree) shapes its trees differently, so its root is another one. Proofs of the other three are
extrapolated from 1,000.

| library | root | all proofs | peak memory |
|---|---:|---:|---:|
",
        text(ours, "root")
    );
    table += &row("this one", ours);
    for (name, value) in others {
        table += &row(name, value);
    }
    table += &format!("\nIts file and CID take {:.2} s more.\n", number(ours, "file_cpu"));
    table
}
