//! Plays random histories on the contracts and on the model of the specification, and reports the first divergence.

use std::{
    io::{IsTerminal, Write, stderr},
    process::ExitCode,
    time::Instant,
};

use clap::{Parser, ValueEnum};
use suite::{
    distribution::simulation as distributor,
    simulation::{Simulation, Tally, collusion, proxy::ProxySimulation},
};

/// Plays random histories on the contracts and on the model of the specification side by side.
///
/// Ends with 1 at the first divergence, which it shortens to a script where it can.
#[derive(Parser)]
#[command(name = "simulate", version)]
struct Options {
    /// What is played.
    #[arg(value_enum, default_value = "pool")]
    subject: Subject,
    /// How many histories.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// Random steps in each of them.
    #[arg(long, default_value_t = 400)]
    steps: usize,
    /// Seed of the first history; each has the next one. Goes on where a former run ended.
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    from: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Subject {
    /// The pool alone.
    Pool,
    /// Market makers' proxies, with pool and exchange.
    Proxies,
    /// Borrowers, with and without proxies, that collude with stakers and keepers, against caps and shares.
    Collusion,
    /// The rewards distributor and its oracle.
    Distributor,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let outcome = match options.subject {
        Subject::Pool => {
            let mut pool = Simulation::new();
            let outcome = play(&options, |seed, steps| {
                let outcome = pool.run(seed, steps);
                outcome.map_err(|failure| format!("{failure}\nshortened to:\n{}", pool.shorten(&failure)))
            });
            println!("{}", pool.states);
            outcome.map(|()| pool.tally)
        }
        Subject::Proxies => {
            let mut proxies = ProxySimulation::new();
            let outcome = play(&options, |seed, steps| {
                let outcome = proxies.run(seed, steps);
                outcome.map_err(|failure| format!("{failure}\nshortened to:\n{}", proxies.shorten(&failure)))
            });
            outcome.map(|()| proxies.tally)
        }
        Subject::Collusion => {
            let mut closest = 0;
            let outcome = play(&options, |seed, steps| {
                closest = closest.max(collusion::play(seed, steps)?.percent());
                Ok(steps)
            });
            println!("at most {closest} % of what caps and shares allow was taken");
            outcome.map(|()| Tally::new())
        }
        Subject::Distributor => {
            let mut tally = Tally::new();
            let outcome = play(&options, |seed, steps| {
                distributor::run(seed, steps, &mut tally).map(|()| steps).map_err(|failure| failure.to_string())
            });
            outcome.map(|()| tally)
        }
    };
    let tally = match outcome {
        Ok(tally) => tally,
        Err(failure) => {
            eprintln!("\n{failure}");
            return ExitCode::FAILURE;
        }
    };
    for (name, (done, refused)) in tally {
        println!("{name:46} {done:9} done {refused:9} refused");
    }
    ExitCode::SUCCESS
}

/// Plays all histories; `run` plays one and says how many steps it took, or how it diverged.
fn play(options: &Options, mut run: impl FnMut(u64, usize) -> Result<usize, String>) -> Result<(), String> {
    let (start, mut steps) = (Instant::now(), 0);
    for seed in options.from..options.from.saturating_add(options.seeds) {
        steps += run(seed, options.steps)?;
        progress(seed, options, steps, start);
    }
    let next = options.from.saturating_add(options.seeds);
    println!(
        "\n{} histories, {steps} steps, no divergence, {:.0?}; go on with --from {next}",
        options.seeds,
        start.elapsed()
    );
    Ok(())
}

/// One line that is written over on a terminal; a line for every tenth history elsewhere.
fn progress(seed: u64, options: &Options, steps: usize, start: Instant) {
    let (done, of) = (seed + 1 - options.from, options.seeds);
    let line = format!("seed {seed} done, {done} of {of} histories, {steps} steps, {:.0?}", start.elapsed());
    if stderr().is_terminal() {
        eprint!("\r{line}  ");
    } else if done.is_multiple_of(10) {
        eprintln!("{line}");
    }
    let _ = stderr().flush();
}
