//! `prove`: the laws, asked of two solvers. `scripts/prove --help` says how it is used.

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::{Context as _, Result};
use proofs::{
    counterexample, laws,
    laws::Law,
    mutants, scopes,
    verdict::{self, Verdict},
};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["laws", venv, names @ ..] => prove(&PathBuf::from(venv), names),
        ["mutants", venv, names @ ..] => mutants::table(&PathBuf::from(venv), names),
        ["scopes", sizes @ ..] => scopes::explore_all(sizes),
        ["test", law, inputs @ ..] => counterexample::write(law, inputs),
        _ => anyhow::bail!(
            "usage: prove laws VENV [LAW...] | mutants VENV [FILE...] | scopes [EPOCHS TOKENS TOKENS...] | test LAW NAME=VALUE..."
        ),
    }
}

/// Proves the laws whose names begin with one of `names`, or all. Prints each as soon as it is known.
fn prove(venv: &Path, names: &[&str]) -> Result<bool> {
    let laws: Vec<Law> = laws::all()
        .into_iter()
        .filter(|law| names.is_empty() || names.iter().any(|name| law.name.starts_with(name)))
        .collect();
    anyhow::ensure!(!laws.is_empty(), "no law is called so; proofs/README.md lists them");
    let started = Instant::now();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::<(usize, Verdict)>::new());
    let threads = thread::available_parallelism().map_or(2, |count| count.get().min(laws.len()));
    thread::scope(|scope| -> Result<()> {
        let worker = || -> Result<()> {
            while let Some(law) = laws.get(next.fetch_add(1, Ordering::Relaxed)) {
                let verdict = verdict::of(law, venv).with_context(|| format!("the law {}", law.name))?;
                verdict.print(law);
                let place = laws.iter().position(|other| other.name == law.name).unwrap_or_default();
                done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((place, verdict));
            }
            Ok(())
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a law's run ended with a panic; it is printed above"))??;
        }
        Ok(())
    })?;
    let done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let verdicts: Vec<&Verdict> = done.iter().map(|(_, verdict)| verdict).collect();
    verdict::summary(&verdicts, started.elapsed());
    Ok(verdicts.iter().all(|verdict| verdict.is_proved()))
}
