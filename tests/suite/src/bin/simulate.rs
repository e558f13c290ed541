//! Plays random histories on the contracts and on the ledger of the specification, and reports the first divergence.

use std::{
    io::{IsTerminal, Write, stderr},
    process::ExitCode,
    time::Instant,
};

use clap::Parser;
use suite::{
    distribution,
    simulation::{Simulation, Tally},
};

/// Plays random histories on the contracts and on the ledger of the specification side by side.
///
/// Every answer, log, total and touched account is compared after every step, and everything every so often. Ends with 1 at the first
/// divergence, which it shortens to a script.
#[derive(Parser)]
#[command(name = "simulate", version)]
struct Options {
    /// How many histories.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// Random steps in each of them.
    #[arg(long, default_value_t = 400)]
    steps: usize,
    /// Seed of the first history; each has the next one.
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// Histories of the rewards distributor and its oracle in place of the pool's.
    #[arg(long)]
    distributor: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.distributor {
        return distributor(&options);
    }
    let (start, mut simulation, mut steps) = (Instant::now(), Simulation::new(), 0);
    for seed in options.first_seed..options.first_seed.saturating_add(options.seeds) {
        match simulation.run(seed, options.steps) {
            Ok(taken) => steps += taken,
            Err(failure) => {
                eprintln!("\n{failure}\nshortening it...");
                eprintln!("{}", simulation.shorten(&failure));
                return ExitCode::FAILURE;
            }
        }
        progress(seed + 1 - options.first_seed, options.seeds, steps, start);
    }
    report(&options, steps, start, &simulation.tally)
}

fn distributor(options: &Options) -> ExitCode {
    let (start, mut tally, mut steps) = (Instant::now(), Tally::new(), 0);
    for seed in options.first_seed..options.first_seed.saturating_add(options.seeds) {
        if let Err(failure) = distribution::simulation::run(seed, options.steps, &mut tally) {
            eprintln!("\n{failure}");
            return ExitCode::FAILURE;
        }
        steps += options.steps;
        progress(seed + 1 - options.first_seed, options.seeds, steps, start);
    }
    report(options, steps, start, &tally)
}

fn report(options: &Options, steps: usize, start: Instant, tally: &Tally) -> ExitCode {
    println!("\n{} histories, {steps} steps, no divergence, {:.0?}", options.seeds, start.elapsed());
    for (name, (done, refused)) in tally {
        println!("{name:26} {done:9} done {refused:9} refused");
    }
    ExitCode::SUCCESS
}

/// One line that is written over on a terminal; a line for every hundredth history elsewhere.
fn progress(done: u64, of: u64, steps: usize, start: Instant) {
    let line = format!("{done} of {of} histories, {steps} steps, {:.0?}", start.elapsed());
    if stderr().is_terminal() {
        eprint!("\r{line}  ");
    } else if done.is_multiple_of(100) {
        eprintln!("{line}");
    }
    let _ = stderr().flush();
}
