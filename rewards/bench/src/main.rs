//! Measures the rewards engine and writes benchmarks/rewards.md. Each measurement runs in a process of its own, so that its peak memory is
//! its own.

mod measure;
mod report;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

/// Measures the rewards engine.
#[derive(Debug, Parser)]
struct Options {
    #[command(subcommand)]
    what: What,
}

/// How large the epoch is.
#[derive(Clone, Debug, Args)]
struct Size {
    /// Folder of the epoch; made if it is not there
    #[arg(long)]
    folder: PathBuf,
    #[arg(long, default_value_t = 40)]
    markets: usize,
    #[arg(long, default_value_t = 25)]
    makers: usize,
    #[arg(long, default_value_t = 40_320)]
    minutes: u32,
    /// In a full book, rounded to whole levels of each maker; makers pause, so that a sample has fewer: 119 of 125, 80 of 100
    #[arg(long, default_value_t = 125)]
    orders: usize,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Everything, and the table
    Report {
        #[command(flatten)]
        size: Size,
        /// Leaves of the tree
        #[arg(long, default_value_t = 1_000_000)]
        leaves: u64,
        /// Folder with the npm packages and tree.mjs
        #[arg(long)]
        node: PathBuf,
        /// The table
        #[arg(long)]
        out: PathBuf,
    },
    /// Makes the epoch
    Simulate {
        #[command(flatten)]
        size: Size,
    },
    /// Decodes all samples and does nothing with them
    Decode {
        #[arg(long)]
        folder: PathBuf,
    },
    /// Everything from samples to the manifest
    Epoch {
        #[arg(long)]
        folder: PathBuf,
    },
    /// Judges orders in memory
    Judge {
        #[arg(long, default_value_t = 20_000_000)]
        orders: u64,
    },
    /// Root and proofs
    Tree {
        #[arg(long, default_value_t = 1_000_000)]
        leaves: u64,
    },
    /// The same with rs_merkle
    RsMerkle {
        #[arg(long, default_value_t = 1_000_000)]
        leaves: u64,
    },
}

fn main() -> ExitCode {
    match run(Options::parse().what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(what: What) -> Result<()> {
    let measured = match what {
        What::Report { size, leaves, node, out } => return report::write(&size, leaves, &node, &out),
        What::Simulate { size } => measure::simulate(&size)?,
        What::Decode { folder } => measure::decode(&folder)?,
        What::Epoch { folder } => measure::epoch(&folder)?,
        What::Judge { orders } => measure::judge(orders)?,
        What::Tree { leaves } => measure::tree(leaves)?,
        What::RsMerkle { leaves } => measure::rs_merkle(leaves),
    };
    println!("{measured}");
    Ok(())
}
