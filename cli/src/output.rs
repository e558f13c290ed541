//! What commands print, and how they fail.

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use alloy_primitives::{U256, utils::format_units};
pub(crate) use client::{Usage, Wei};
use serde::Serialize;

/// Why a command ends with a code other than 0.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be done.
    Failed(anyhow::Error),
    /// Input is malformed.
    Malformed(rewards_files::Problems),
    /// A check does not hold; what it found is printed already.
    CheckFailed,
    /// Two things that should be the same are not.
    Mismatch(anyhow::Error),
}

impl Failure {
    pub(crate) fn report(self) -> ExitCode {
        match self {
            // Whoever reads the output has read enough.
            Self::Failed(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
            // What --unsigned asks for.
            Self::Failed(error) if error.is::<client::Printed>() => ExitCode::SUCCESS,
            Self::Failed(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
            }
            Self::Malformed(problems) => {
                eprint!("error: malformed input, {} in all:\n{problems}", problems.count);
                eprintln!("  (--skip-bad leaves malformed samples out and lists them)");
                ExitCode::from(3)
            }
            Self::CheckFailed => ExitCode::from(4),
            Self::Mismatch(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(4)
            }
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<rewards_files::Error> for Failure {
    fn from(error: rewards_files::Error) -> Self {
        match error {
            rewards_files::Error::Malformed(problems) => Self::Malformed(problems),
            error => Self::Failed(error.into()),
        }
    }
}

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

/// Prints a table with aligned columns: the first to the left, all others to the right.
pub(crate) fn table(columns: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([columns[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..columns.len()).map(width).collect();
    let mut out = io::stdout().lock();
    let header: Vec<_> = columns.iter().map(|&column| column.to_owned()).collect();
    for row in std::iter::once(&header).chain(rows) {
        let cells = row.iter().zip(&widths).enumerate().map(|(place, (cell, width))| {
            if place == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// What there is, or `none`.
pub(crate) fn or_none(value: Option<&impl fmt::Display>) -> String {
    value.map_or_else(|| "none".to_owned(), ToString::to_string)
}

/// Tokens with up to six decimals, rounded down: for people.
pub(crate) fn units(amount: U256, decimals: u8) -> String {
    let text = format_units(amount, decimals).unwrap_or_else(|_| amount.to_string());
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{whole}.{}", &fraction[..fraction.len().min(6)]),
        None => text,
    }
}

/// Tokens with six decimals, rounded down: for people. Files have every unit.
pub(crate) fn tokens(wei: u128) -> String {
    let micro = wei / 1_000_000_000_000;
    format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
}
