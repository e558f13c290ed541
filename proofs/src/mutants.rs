//! Mutants of the arithmetic: what is changed, and which law says so, or that it is the same function.
//!
//! A mutant is tried with numbers first: those that reach the ends of the laws' paths. Then both solvers are asked whether it differs from the
//! original at all ([`equality`]), and at last whether a law holds of it.

use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    fmt::Write as _,
    fs,
    hash::{Hash as _, Hasher as _},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use num_bigint::BigInt;

use crate::{
    engine::{self, Limits, Run},
    equality::{self, Domain},
    laws::{self, Law},
    solver::Kind,
    source::{PURE, SITES},
    verdict::{self, AS_IT_IS, Found, Values},
};

/// Where something can be changed.
#[derive(Debug)]
pub struct Site {
    /// Below `contracts/`.
    pub file: &'static str,
    /// Its line and column.
    pub line: (usize, usize),
    /// The function.
    pub function: &'static str,
    /// What can be changed into what, from number 1 on.
    pub changes: &'static [&'static str],
}

/// Which change of a site is in force.
#[must_use]
pub fn chosen(site: usize) -> usize {
    engine::chosen(site)
}

/// A change: its site, and the number of the change there.
type Mutant = (usize, usize);

/// What a law, or a function, may take with a mutant; and the laws together.
const LIMITS: Limits = Limits { paths: 250, time: Duration::from_secs(40), steps: 5_000, examples: 0, panics: true };
const ALTOGETHER: Duration = Duration::from_secs(150);

/// How a law or a function is run to learn what it passes.
const TO_LEARN: Limits = Limits { examples: 24, ..Limits::NONE };

/// A law or a function, and once it is known: the sites that it passes, and numbers that reach the ends of its paths.
struct Learnt {
    law: Law,
    run: OnceLock<Run>,
}

impl Learnt {
    fn all(laws: &[Law]) -> Vec<Self> {
        laws.iter().map(|law| Self { law: *law, run: OnceLock::new() }).collect()
    }

    fn run(&self, venv: &Path) -> Result<&Run> {
        if let Some(run) = self.run.get() {
            return Ok(run);
        }
        let run = verdict::run(&self.law, venv, AS_IT_IS, TO_LEARN)?;
        Ok(self.run.get_or_init(|| run))
    }

    /// Whether it passes what a mutant changes.
    fn passes(&self, mutant: Mutant, venv: &Path) -> Result<bool> {
        Ok(self.run(venv)?.sites.contains(&mutant.0))
    }

    /// What a mutant breaks with numbers that are known.
    fn broken_by_examples(&self, mutant: Mutant, venv: &Path) -> Result<Option<Row>> {
        for values in &self.run(venv)?.examples {
            if let Some(claim) = verdict::breaks(&self.law, values, mutant) {
                return Ok(Some(refuted(&self.law, claim, values, mutant)));
            }
        }
        Ok(None)
    }
}

/// Whether a law is of entry points: these run the same functions with all that is around them, and are asked last.
fn is_wide(law: &Law) -> bool {
    law.name.starts_with("pool") || law.name == "shares 1"
}

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    /// `refuted`, `equal`, `kept` or `open`.
    result: String,
    by: String,
}

/// Tries every mutant of the files whose names contain one of `names`, or of all, except those of which `target/mutants.tsv` has the result.
/// Prints the table. Whether all were refuted or are equal.
///
/// # Errors
/// A solver cannot be started, or the results cannot be kept.
pub fn table(venv: &Path, names: &[&str]) -> Result<bool> {
    // Panics are results here.
    std::panic::set_hook(Box::new(|_| {}));
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/mutants.tsv");
    let rows = known(&place);
    let mutants: Vec<Mutant> = SITES
        .iter()
        .enumerate()
        .filter(|(_, site)| names.is_empty() || names.iter().any(|name| site.file.contains(name)))
        .flat_map(|(at, site)| (1..=site.changes.len()).map(move |change| (at, change)))
        .collect();
    let open: Vec<Mutant> = mutants.iter().filter(|mutant| !rows.contains_key(mutant)).copied().collect();
    eprintln!("{} mutants, of which {} are not yet decided", mutants.len(), open.len());
    let rows = Mutex::new(rows);
    if !open.is_empty() {
        let (wide, narrow): (Vec<Law>, Vec<Law>) = laws::all().into_iter().partition(is_wide);
        let [functions, narrow, wide] = [equality::FUNCTIONS, &narrow, &wide].map(Learnt::all);
        each(&open, |mutant| {
            let row = one(*mutant, [&functions, &narrow, &wide], venv)?;
            eprintln!("{} {}: {}", said(*mutant), row.result, row.by);
            keep(&place, *mutant, &row)?;
            rows.lock().unwrap_or_else(PoisonError::into_inner).insert(*mutant, row);
            Ok(())
        })?;
    }
    let rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(print(&mutants, &rows))
}

/// Does something for each, on all cores.
fn each<T: Sync>(all: &[T], act: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(2, std::num::NonZero::get);
    thread::scope(|scope| {
        let worker = || -> Result<()> {
            while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                act(one)?;
            }
            Ok(())
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a thread ended with a panic"))??;
        }
        Ok(())
    })
}

fn one(mutant: Mutant, [functions, narrow, wide]: [&[Learnt]; 3], venv: &Path) -> Result<Row> {
    for learnt in narrow {
        if learnt.passes(mutant, venv)?
            && let Some(row) = learnt.broken_by_examples(mutant, venv)?
        {
            return Ok(row);
        }
    }
    let difference = match compare(functions, Domain::All, mutant, venv)? {
        Compared::Same => return Ok(row("equal", "for all inputs")),
        Compared::Differ(_) => match compare(functions, Domain::Rules, mutant, venv)? {
            Compared::Same => return Ok(row("equal", "in all states that the rules allow")),
            other => other,
        },
        unknown => unknown,
    };
    let started = Instant::now();
    let mut reasons = vec![];
    for learnt in narrow.iter().chain(wide) {
        if started.elapsed() > ALTOGETHER {
            reasons.push(format!("longer than {} s, {} and others not asked", ALTOGETHER.as_secs(), learnt.law.name));
            break;
        }
        if !learnt.passes(mutant, venv)? {
            continue;
        }
        if is_wide(&learnt.law)
            && let Some(row) = learnt.broken_by_examples(mutant, venv)?
        {
            return Ok(row);
        }
        match verdict::first_refutation(&learnt.law, venv, mutant, LIMITS)? {
            Found::Refuted(claim, values) => return Ok(refuted(&learnt.law, claim, &values, mutant)),
            Found::Kept => {}
            Found::Open(why) => reasons.push(format!("{}: {why}", learnt.law.name)),
        }
    }
    let reasons = reasons.join("; ");
    Ok(match difference {
        Compared::Same => row("equal", "for all inputs"),
        Compared::Differ(how) if reasons.is_empty() => row("kept", &format!("differs: {how}")),
        Compared::Differ(how) => row("open", &format!("differs: {how}; {reasons}")),
        Compared::Unknown(why) => row("open", &format!("{why}; {reasons}")),
    })
}

fn row(result: &str, by: &str) -> Row {
    Row { result: result.into(), by: by.into() }
}

fn refuted(law: &Law, claim: String, values: &Values, mutant: Mutant) -> Row {
    let (claim, values) = smaller(law, claim, values, mutant);
    row("refuted", &format!("{}: {claim}; {}", law.name, numbers(&values)))
}

fn numbers(values: &Values) -> String {
    let numbers: Vec<String> = values.iter().map(|(name, value)| format!("{name} = {}", number(value))).collect();
    if numbers.is_empty() { "with zeros".into() } else { numbers.join(", ") }
}

/// A number as people write it: a power of two, and one more or less, as such.
fn number(value: &BigInt) -> String {
    let bits = value.bits();
    for (offset, text) in [(0, ""), (1, " - 1"), (-1, " + 1")] {
        for power in [bits, bits.saturating_sub(1)] {
            if power > 20 && (BigInt::from(1) << power) - offset == *value {
                return format!("2^{power}{text}");
            }
        }
    }
    value.to_string()
}

/// Smaller numbers that break the law as well: zeros, which are left out, small ones, halves.
fn smaller(law: &Law, claim: String, values: &Values, mutant: Mutant) -> (String, Values) {
    let (mut claim, mut values) = (claim, values.clone());
    for _ in 0..2 {
        for name in values.keys().cloned().collect::<Vec<_>>() {
            let mut value = values[&name].clone();
            let mut candidates: Vec<BigInt> = [0, 1, 2, 3].map(BigInt::from).to_vec();
            candidates.extend((1..value.bits()).rev().step_by(8).map(|by| &value >> by));
            for candidate in candidates {
                if candidate >= value {
                    break;
                }
                let mut tried = values.clone();
                tried.insert(name.clone(), candidate.clone());
                if let Some(broken) = verdict::breaks(law, &tried, mutant) {
                    (claim, values) = (broken, tried);
                    value = candidate;
                    break;
                }
            }
            if value == BigInt::from(0) {
                values.remove(&name);
            }
        }
    }
    (claim, values)
}

enum Compared {
    Same,
    Differ(String),
    Unknown(String),
}

/// Whether all functions that pass a mutant stay what they are.
fn compare(functions: &[Learnt], domain: Domain, mutant: Mutant, venv: &Path) -> Result<Compared> {
    let (mut passed, mut unknown) = (false, None);
    for learnt in functions {
        equality::on(Domain::All);
        if !learnt.passes(mutant, venv)? {
            continue;
        }
        passed = true;
        equality::on(domain);
        let mut found = verdict::first_refutation(&learnt.law, venv, mutant, LIMITS)?;
        if matches!(found, Found::Kept) {
            found = verdict::kept_by(&learnt.law, venv, mutant, LIMITS, Kind::Cvc5)?;
        }
        match found {
            Found::Refuted(_, values) => {
                let values = smaller(&learnt.law, String::new(), &values, mutant).1;
                return Ok(Compared::Differ(format!("{} of {}", learnt.law.name, numbers(&values))));
            }
            Found::Kept => {}
            Found::Open(why) => unknown = Some(format!("{}: {why}", learnt.law.name)),
        }
    }
    if !passed {
        unknown = Some("no function that others can call passes it".into());
    }
    Ok(unknown.map_or(Compared::Same, Compared::Unknown))
}

fn said(mutant: Mutant) -> String {
    let site = &SITES[mutant.0];
    format!("{}:{}:{} {}", site.file, site.line.0, site.line.1, site.changes[mutant.1 - 1])
}

/// Prints the table, a line for each mutant. Whether none is open or kept.
fn print(mutants: &[Mutant], rows: &BTreeMap<Mutant, Row>) -> bool {
    let mut text = String::from("| place | function | change | result | by |\n|---|---|---|---|---|\n");
    for mutant in mutants {
        let Some(row) = rows.get(mutant) else { continue };
        let (site, change) = (&SITES[mutant.0], SITES[mutant.0].changes[mutant.1 - 1]);
        let file = site.file.replace("/src", "");
        let _ = writeln!(
            text,
            "| {file}:{}:{} | `{}` | {} | {} | {} |",
            site.line.0,
            site.line.1,
            site.function,
            change.replace('|', "\\|"),
            row.result,
            row.by.replace('|', "\\|")
        );
    }
    let count =
        |kind: &str| mutants.iter().filter(|mutant| rows.get(mutant).is_some_and(|row| row.result == kind)).count();
    let (refuted, equal, kept, open) = (count("refuted"), count("equal"), count("kept"), count("open"));
    println!(
        "{text}\n{} mutants: {refuted} refuted with numbers, {equal} equal, {kept} differ and keep every law, {open} open",
        mutants.len()
    );
    kept == 0 && open == 0
}

/// What the results are of.
fn digest() -> String {
    let mut hasher = DefaultHasher::new();
    PURE.hash(&mut hasher);
    format!("{SITES:?}").hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Results of an earlier run on the same source: refutations and equalities. What was open is tried again.
fn known(place: &PathBuf) -> BTreeMap<Mutant, Row> {
    let text = fs::read_to_string(place).unwrap_or_default();
    let of = digest();
    text.lines()
        .filter_map(|line| {
            let [source, site, change, result, by] = line.split('\t').collect::<Vec<_>>().try_into().ok()?;
            let decided = source == of && (result == "refuted" || result == "equal");
            decided.then(|| Some(((site.parse().ok()?, change.parse().ok()?), row(result, by)))).flatten()
        })
        .collect()
}

fn keep(place: &PathBuf, mutant: Mutant, row: &Row) -> Result<()> {
    let line =
        format!("{}\t{}\t{}\t{}\t{}\n", digest(), mutant.0, mutant.1, row.result, row.by.replace(['\t', '\n'], " "));
    let mut file = fs::OpenOptions::new().create(true).append(true).open(place)?;
    file.write_all(line.as_bytes()).with_context(|| format!("{} cannot be written", place.display()))
}
