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
    path::Path,
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
const LIMITS: Limits = Limits { paths: 250, time: Duration::from_secs(25), steps: 5_000, examples: 0, panics: true };
const ALTOGETHER: Duration = Duration::from_secs(90);

/// How a law or a function is run to learn what it passes.
const TO_LEARN: Limits = Limits { examples: 24, ..Limits::NONE };

/// A law or a function, and once it is known: the sites that it passes, and numbers that it is about.
struct Learnt {
    law: Law,
    known: OnceLock<(Run, Vec<Values>)>,
    learning: Mutex<()>,
}

impl Learnt {
    fn all(laws: &[Law]) -> Vec<Self> {
        laws.iter().map(|law| Self { law: *law, known: OnceLock::new(), learning: Mutex::new(()) }).collect()
    }

    fn known(&self, venv: &Path) -> Result<&(Run, Vec<Values>)> {
        let _turn = self.learning.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = self.known.get() {
            return Ok(known);
        }
        let run = verdict::run(&self.law, venv, AS_IT_IS, TO_LEARN)?;
        let tries = tries(&self.law, &run);
        Ok(self.known.get_or_init(|| (run, tries)))
    }

    /// Whether it passes what a mutant changes.
    fn passes(&self, mutant: Mutant, venv: &Path) -> Result<bool> {
        Ok(self.known(venv)?.0.sites.contains(&mutant.0))
    }

    /// What a mutant breaks with numbers that are known.
    fn broken_by_tries(&self, mutant: Mutant, venv: &Path) -> Result<Option<Row>> {
        for values in &self.known(venv)?.1 {
            if let Some(claim) = verdict::breaks(&self.law, values, mutant) {
                return Ok(Some(refuted(&self.law, claim, values, mutant)));
            }
        }
        Ok(None)
    }
}

/// So many random numbers are tried of each law.
const RANDOM: usize = 600;

/// Numbers that a law is about: those that reach the ends of its paths, their neighbours, and random ones.
fn tries(law: &Law, run: &Run) -> Vec<Values> {
    let mut all = run.examples.clone();
    for example in &run.examples {
        for (name, value) in example {
            let maximum = run.names.get(name).cloned().unwrap_or_default();
            for near in [value - 1, value + 1] {
                if near >= BigInt::from(0) && near <= maximum {
                    let mut values = example.clone();
                    values.insert(name.clone(), near);
                    all.push(values);
                }
            }
        }
    }
    let mut random = Random(7);
    for _ in 0..RANDOM {
        let mut last = BigInt::from(0);
        let one = run.names.iter().map(|(name, maximum)| {
            last = random.number(maximum, &last);
            (name.clone(), last.clone())
        });
        all.push(one.collect());
    }
    let holds = |values: &Values| {
        let tried = engine::replay(law.theory, values.clone(), AS_IT_IS, &law.run);
        tried.witnessed && tried.broken.is_none()
    };
    all.retain(holds);
    all
}

/// Random bits: splitmix64.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Up to `maximum`: a small one, a large one, one near the last, or any.
    fn number(&mut self, maximum: &BigInt, last: &BigInt) -> BigInt {
        let bits = self.bits() % (maximum.bits() + 1);
        let number = match self.bits() % 7 {
            0 | 1 => BigInt::from(self.bits() % 4),
            2 => BigInt::from(self.bits() % 10_001),
            3 => (BigInt::from(1) << bits) - self.bits() % 2,
            4 => last + self.bits() % 3,
            5 => maximum - self.bits() % 2,
            _ => (BigInt::from(self.bits()) * self.bits() * self.bits() * self.bits()) >> (256 - bits.min(256)),
        };
        if number > *maximum || number < BigInt::from(0) {
            BigInt::from(self.bits() % 2).min(maximum.clone())
        } else {
            number
        }
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
    let mutants: Vec<Mutant> = SITES
        .iter()
        .enumerate()
        .filter(|(_, site)| names.is_empty() || names.iter().any(|name| site.file.contains(name)))
        .flat_map(|(at, site)| (1..=site.changes.len()).map(move |change| (at, change)))
        .collect();
    let rows = known(&place, &mutants);
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
            && let Some(row) = learnt.broken_by_tries(mutant, venv)?
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
            && let Some(row) = learnt.broken_by_tries(mutant, venv)?
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
    format!("{:016x}", hasher.finish())
}

/// Results of an earlier run on the same source: refutations and equalities. What was open is tried again.
fn known(place: &Path, mutants: &[Mutant]) -> BTreeMap<Mutant, Row> {
    let text = fs::read_to_string(place).unwrap_or_default();
    let of = digest();
    let names: BTreeMap<String, Mutant> = mutants.iter().map(|mutant| (said(*mutant), *mutant)).collect();
    text.lines()
        .filter_map(|line| {
            let [source, name, result, by] = line.split('\t').collect::<Vec<_>>().try_into().ok()?;
            let decided = source == of && (result == "refuted" || result == "equal");
            decided.then(|| Some((*names.get(name)?, row(result, by)))).flatten()
        })
        .collect()
}

fn keep(place: &Path, mutant: Mutant, row: &Row) -> Result<()> {
    let line = format!("{}\t{}\t{}\t{}\n", digest(), said(mutant), row.result, row.by.replace(['\t', '\n'], " "));
    let mut file = fs::OpenOptions::new().create(true).append(true).open(place)?;
    file.write_all(line.as_bytes()).with_context(|| format!("{} cannot be written", place.display()))
}
