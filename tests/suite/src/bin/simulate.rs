//! Plays random histories on the contracts and on the ledger of the specification, and reports the first divergence.

use std::{
    io::{IsTerminal, Write, stderr},
    process::ExitCode,
    time::Instant,
};

use clap::Parser;
use suite::simulation::{Simulation, proxy::ProxySimulation};

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
    /// Play market makers' proxies with pool and exchange, instead of the pool alone.
    #[arg(long)]
    proxies: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let (start, mut steps) = (Instant::now(), 0);
    let (mut pools, mut proxies) = (None, None);
    for seed in options.first_seed..options.first_seed.saturating_add(options.seeds) {
        let taken = match options.proxies {
            false => play_pool(pools.get_or_insert_with(Simulation::new), seed, options.steps),
            true => play_proxies(proxies.get_or_insert_with(ProxySimulation::new), seed, options.steps),
        };
        let Some(taken) = taken else { return ExitCode::FAILURE };
        steps += taken;
        progress(seed + 1 - options.first_seed, options.seeds, steps, start);
    }
    println!("\n{} histories, {steps} steps, no divergence, {:.0?}", options.seeds, start.elapsed());
    let tallies = pools.map(|played| played.tally).into_iter().chain(proxies.map(|played| played.tally));
    for (name, (done, refused)) in tallies.flatten() {
        println!("{name:32} {done:9} done {refused:9} refused");
    }
    ExitCode::SUCCESS
}

/// Plays a history of the pool; how many steps it took, unless it diverged.
fn play_pool(simulation: &mut Simulation, seed: u64, steps: usize) -> Option<usize> {
    let failure = match simulation.run(seed, steps) {
        Ok(taken) => return Some(taken),
        Err(failure) => failure,
    };
    eprintln!("\n{failure}\nshortening it...\n{}", simulation.shorten(&failure));
    None
}

/// The same with proxies.
fn play_proxies(simulation: &mut ProxySimulation, seed: u64, steps: usize) -> Option<usize> {
    let failure = match simulation.run(seed, steps) {
        Ok(taken) => return Some(taken),
        Err(failure) => failure,
    };
    eprintln!("\n{failure}\nshortening it...\n{}", simulation.shorten(&failure));
    None
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
