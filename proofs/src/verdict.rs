//! What becomes of a law: both solvers' answers, and the time each took.

use std::{
    collections::BTreeMap,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use num_bigint::BigInt;

use crate::{
    engine::{self, Limits, Query, Run},
    laws::Law,
    solver::{Answer, Kind, Solver},
};

/// No mutant.
pub const AS_IT_IS: (usize, usize) = (usize::MAX, 0);

/// How long a solver may think about one question, and how long it may about whether a path is possible; milliseconds. A path of which
/// that stays unknown is a path.
const PATIENCE: u32 = 30_000;
const GLANCE: u32 = 150;

/// Answers to all questions of a law.
#[derive(Debug)]
pub struct Verdict {
    /// What its run found.
    pub run: Run,
    /// By each solver: what it did not prove, and how long it took.
    pub solvers: [(Vec<(String, Answer)>, Duration); 2],
    /// Until the questions were known.
    pub exploring: Duration,
}

/// Runs a law, and asks both solvers.
///
/// # Errors
/// A solver cannot be started.
pub fn of(law: &Law, venv: &Path) -> Result<Verdict> {
    let started = Instant::now();
    let mut run = run(law, venv, AS_IT_IS, Limits::NONE)?;
    run.witnessed = run.witnessed || is_about_something(law, &run, venv)?;
    let exploring = started.elapsed();
    let ask = |kind| ask_all(kind, venv, &run.queries);
    let (z3, cvc5) = thread::scope(|scope| {
        let other = scope.spawn(|| ask(Kind::Cvc5));
        (ask(Kind::Z3), other.join())
    });
    let cvc5 = cvc5.map_err(|_| anyhow::anyhow!("cvc5's thread ended"))??;
    Ok(Verdict { run, solvers: [z3?, cvc5], exploring })
}

/// Whether numbers can be found that reach the end of some path.
fn is_about_something(law: &Law, run: &Run, venv: &Path) -> Result<bool> {
    let example = law.example.iter().map(|(name, value)| ((*name).to_owned(), BigInt::from(*value))).collect();
    let tried = engine::replay(law.theory, example, AS_IT_IS, &law.run);
    if tried.witnessed && tried.claims > 0 && !law.example.is_empty() {
        return Ok(true);
    }
    for kind in [Kind::Z3, Kind::Cvc5] {
        let mut solver = Solver::start(kind, venv, 3_000)?;
        if run.ends.iter().rev().take(12).any(|text| matches!(solver.ask(text, &[]), Answer::Satisfiable(_))) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Runs a law on every path, as far as the limits allow.
///
/// # Errors
/// A solver cannot be started.
pub fn run(law: &Law, venv: &Path, mutant: (usize, usize), limits: Limits) -> Result<Run> {
    let solver = Solver::start(Kind::Z3, venv, GLANCE)?;
    let (run, _) = engine::explore(law.theory, law.style, solver, mutant, limits, &law.run);
    Ok(run)
}

fn ask_all(kind: Kind, venv: &Path, queries: &[Query]) -> Result<(Vec<(String, Answer)>, Duration)> {
    let started = Instant::now();
    let mut solver = Solver::start(kind, venv, PATIENCE)?;
    let mut unproved = vec![];
    for query in queries {
        unproved.extend(ask(&mut solver, query));
    }
    Ok((unproved, started.elapsed()))
}

/// What is not proved of a question: of each of its parts, if it has parts and is not proved as a whole.
pub fn ask(solver: &mut Solver, query: &Query) -> Vec<(String, Answer)> {
    match solver.ask(&query.text, &query.variables) {
        Answer::Unsatisfiable => vec![],
        _ if query.parts.len() > 1 => query.parts.iter().flat_map(|part| ask(solver, part)).collect(),
        answer => vec![(query.claim.clone(), answer)],
    }
}

impl Verdict {
    /// Whether both solvers proved every claim, and there is something that the claims are about.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.solvers.iter().all(|(unproved, _)| unproved.is_empty()) && self.run.broken.is_none() && self.run.witnessed
    }

    /// Prints the law and what became of it.
    pub fn print(&self, law: &Law) {
        let [z3, cvc5] = [0, 1].map(|at| self.solvers[at].1.as_secs_f64());
        let (paths, claims) = (self.run.paths, self.run.claims);
        let word = if self.is_proved() { "proved" } else { "NOT PROVED" };
        let mut text = format!(
            "{}\n  {}\n  {word}: {claims} claims on {paths} paths; z3 {z3:.1} s, cvc5 {cvc5:.1} s, paths {:.1} s\n",
            law.name,
            law.prose,
            self.exploring.as_secs_f64()
        );
        if !self.run.witnessed {
            text += "  no numbers were found that its claims are about\n";
        }
        for (solver, (unproved, _)) in ["z3", "cvc5"].into_iter().zip(&self.solvers) {
            for (claim, answer) in unproved.iter().take(3) {
                text += &match answer {
                    Answer::Satisfiable(values) => refutation(law, solver, claim, values),
                    other => format!("  {solver} does not know: {claim} ({other:?})\n"),
                };
            }
        }
        for (solver, (unproved, _)) in ["z3", "cvc5"].into_iter().zip(&self.solvers) {
            if unproved.len() > 3 {
                text += &format!("  and {} more that {solver} does not prove\n", unproved.len() - 3);
            }
        }
        println!("{text}");
    }
}

/// A refutation, and the command that makes a test of it, if it is one: the solver's numbers are tried.
fn refutation(law: &Law, solver: &str, claim: &str, values: &BTreeMap<String, BigInt>) -> String {
    let inputs: Vec<String> = values.iter().map(|(name, value)| format!("'{name}={value}'")).collect();
    let inputs = inputs.join(" ");
    let tried = engine::replay(law.theory, values.clone(), AS_IT_IS, &law.run);
    match tried.broken {
        Some(broken) => format!("  REFUTED by {solver}: {broken}\n    scripts/prove --test '{}' {inputs}\n", law.name),
        None => format!("  {solver} claims to refute what these numbers keep: {claim}\n    {inputs}\n"),
    }
}

/// Prints figures of all, and what is not proved.
pub fn summary(verdicts: &[&Verdict], elapsed: Duration) {
    let proved = verdicts.iter().filter(|verdict| verdict.is_proved()).count();
    let claims: usize = verdicts.iter().map(|verdict| verdict.run.claims).sum();
    let paths: usize = verdicts.iter().map(|verdict| verdict.run.paths).sum();
    let time = |at: usize| verdicts.iter().map(|verdict| verdict.solvers[at].1.as_secs_f64()).sum::<f64>();
    println!(
        "{proved} of {} laws proved by both solvers: {claims} claims on {paths} paths, z3 {:.0} s, cvc5 {:.0} s, {:.0} s altogether",
        verdicts.len(),
        time(0),
        time(1),
        elapsed.as_secs_f64()
    );
    println!("\n{}", NOT_PROVED.trim());
}

/// What no law here says anything about.
const NOT_PROVED: &str = "
Not proved here, but tested or trusted: the SDK, OpenZeppelin's and alloy's crates, the compiler, Binaryen, the WASM machine, the host and the
chain; hashing of keys and leaves; storage beyond that a word reads back as it was written; tokens that are not ERC-20; roles; re-entrancy;
the router and diamond cuts; allowances and permits; the borrower's proxy; the vault's arithmetic. proofs/README.md has the list, and every
assumption.";

/// Numbers, by name.
pub type Values = BTreeMap<String, BigInt>;

/// The claim of a law that a mutant breaks with these numbers, with which the original keeps them all.
#[must_use]
pub fn breaks(law: &Law, values: &Values, mutant: (usize, usize)) -> Option<String> {
    let mutated = engine::replay(law.theory, values.clone(), mutant, &law.run);
    let broken = mutated.broken?;
    let original = engine::replay(law.theory, values.clone(), AS_IT_IS, &law.run);
    // A claim comes after what was taken for granted for it; a panic comes before all that follows.
    (original.broken.is_none() && (original.witnessed || !mutated.panicked)).then_some(broken)
}

/// How long a solver may think about a question of a mutant, milliseconds.
const OF_MUTANTS: u32 = 3_000;

/// The first claim of a law that a mutant breaks, with numbers that break it.
///
/// # Errors
/// A solver cannot be started.
pub fn first_refutation(law: &Law, venv: &Path, mutant: (usize, usize), limits: Limits) -> Result<Found> {
    kept_by(law, venv, mutant, limits, Kind::Z3)
}

/// As [`first_refutation`], by this solver.
///
/// # Errors
/// A solver cannot be started.
pub fn kept_by(law: &Law, venv: &Path, mutant: (usize, usize), limits: Limits, kind: Kind) -> Result<Found> {
    let mut run = run(law, venv, mutant, limits)?;
    let (started, mut solver) = (Instant::now(), Solver::start(kind, venv, OF_MUTANTS)?);
    let mut open = run.stopped.take();
    for query in run.queries.iter().chain(&run.panics) {
        if started.elapsed() > limits.time {
            open = Some(format!("asked for longer than {} s", limits.time.as_secs()));
            break;
        }
        if let Some((claim, values)) = refute(&mut solver, query, law, mutant, &mut open) {
            return Ok(Found::Refuted(claim, values));
        }
    }
    Ok(open.map_or(Found::Kept, Found::Open))
}

/// Numbers that break a claim, and are tried; or why it is open.
fn refute(
    solver: &mut Solver,
    query: &Query,
    law: &Law,
    mutant: (usize, usize),
    open: &mut Option<String>,
) -> Option<(String, Values)> {
    let why = match solver.ask(&query.text, &query.variables) {
        Answer::Unsatisfiable => return None,
        Answer::Satisfiable(values) => match breaks(law, &values, mutant) {
            Some(broken) => return Some((broken, values)),
            None => "the numbers of a solver keep the law",
        },
        Answer::Unknown(_) => "a solver does not know",
    };
    if query.parts.len() > 1 {
        return query.parts.iter().find_map(|part| refute(solver, part, law, mutant, open));
    }
    open.get_or_insert_with(|| why.into());
    None
}

/// What a law says of a mutant.
#[derive(Debug)]
pub enum Found {
    /// These numbers break this claim.
    Refuted(String, Values),
    /// It holds of the mutant as well.
    Kept,
    /// It is not known, for this reason.
    Open(String),
}

/// Values as they are written in a command.
pub fn read_inputs(inputs: &[&str]) -> Result<BTreeMap<String, BigInt>> {
    inputs
        .iter()
        .map(|input| {
            let (name, value) = input.rsplit_once('=').with_context(|| format!("{input} is not NAME=VALUE"))?;
            let value = value.parse().with_context(|| format!("{value} is no number"))?;
            Ok((name.to_owned(), value))
        })
        .collect()
}
