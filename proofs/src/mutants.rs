//! Mutants of the arithmetic: what is changed, and which law says so.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::Result;

use crate::{
    laws::{self, Law},
    source::SITES,
    verdict::{self, AS_IT_IS, Found},
};

/// Where something can be changed.
#[derive(Debug)]
pub struct Site {
    /// Below `contracts/`.
    pub file: &'static str,
    /// Its line.
    pub line: usize,
    /// The function.
    pub function: &'static str,
    /// What can be changed into what, from number 1 on.
    pub changes: &'static [&'static str],
}

/// Which change of a site is in force.
#[must_use]
pub fn chosen(site: usize) -> usize {
    crate::engine::chosen(site)
}

/// Laws that pass each site, the smallest first.
fn passed(laws: &[Law], venv: &Path) -> Result<BTreeMap<usize, Vec<usize>>> {
    let mut sites = BTreeMap::<usize, Vec<(usize, usize)>>::new();
    for (at, law) in laws.iter().enumerate() {
        let run = verdict::run(law, venv, AS_IT_IS)?;
        for site in &run.sites {
            sites.entry(*site).or_default().push((run.paths, at));
        }
    }
    Ok(sites
        .into_iter()
        .map(|(site, mut by)| {
            by.sort_unstable();
            (site, by.into_iter().map(|(_, law)| law).collect())
        })
        .collect())
}

/// Tries every mutant of the files whose names contain one of `names`, or of all. Prints a row for each. Whether all were refuted or are equal.
///
/// # Errors
/// A solver cannot be started.
pub fn table(venv: &Path, names: &[&str]) -> Result<bool> {
    // The laws of the pool run the same functions with all that is around them: they are asked last, by their number of paths.
    let laws = laws::all();
    let passed = passed(&laws, venv)?;
    let mutants: Vec<(usize, usize)> = SITES
        .iter()
        .enumerate()
        .filter(|(_, site)| names.is_empty() || names.iter().any(|name| site.file.contains(name)))
        .flat_map(|(at, site)| (1..=site.changes.len()).map(move |change| (at, change)))
        .collect();
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(BTreeMap::<(usize, usize), (String, String)>::new());
    println!("| file | line | function | change | result | by |\n|---|---:|---|---|---|---|");
    thread::scope(|scope| -> Result<()> {
        let worker = || -> Result<()> {
            while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
                let none = vec![];
                let by = passed.get(&mutant.0).unwrap_or(&none);
                // A change may lead where no law expects anybody: that ends its own run and no other, and decides nothing.
                let row = catch_unwind(AssertUnwindSafe(|| one(*mutant, &laws, by, venv)))
                    .unwrap_or_else(|_| Ok(("open".into(), "its run ended with a panic".into())))?;
                let (site, change) = (&SITES[mutant.0], SITES[mutant.0].changes[mutant.1 - 1]);
                let line = format!(
                    "| {} | {} | `{}` | {change} | {} | {} |",
                    site.file, site.line, site.function, row.0, row.1
                );
                println!("{line}");
                rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(*mutant, row);
            }
            Ok(())
        };
        let threads = thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a thread ended with a panic; it is printed above"))??;
        }
        Ok(())
    })?;
    let rows = rows.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let count = |kind: &str| rows.values().filter(|(result, _)| result == kind).count();
    let (refuted, kept, open) = (count("refuted"), count("kept"), count("open"));
    println!("\n{} mutants: {refuted} refuted with numbers, {kept} keep every law, {open} open", rows.len());
    Ok(open == 0)
}

/// What becomes of a mutant: the result, and the law and numbers that refute it.
fn one(mutant: (usize, usize), laws: &[Law], by: &[usize], venv: &Path) -> Result<(String, String)> {
    let mut open = false;
    for law in by.iter().map(|law| &laws[*law]) {
        match verdict::first_refutation(law, venv, mutant)? {
            Found::Refuted(claim, values) => {
                let numbers: Vec<String> = values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                return Ok(("refuted".into(), format!("{}: {claim}; {}", law.name, numbers.join(", "))));
            }
            Found::Kept => {}
            Found::Open => open = true,
        }
    }
    Ok((if open { "open" } else { "kept" }.into(), String::new()))
}
