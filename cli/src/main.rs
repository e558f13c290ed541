//! `tidepool`: one command for everybody who works with the pool and its rewards.

mod chain;
mod output;
mod progress;
mod rewards;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tidepool: a liquidity staking pool and a rewards program.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 failed; 2 wrong arguments; 3 malformed input; 4 a check does not hold.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Liquidity provider rewards: samples to scores, tokens, tree and proofs
    #[command(subcommand)]
    Rewards(rewards::Command),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Rewards(command) => rewards::run(command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
