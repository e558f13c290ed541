//! What commands print, and how they fail.

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use ::rewards::health::Gap;
use alloy_primitives::{U256, utils::format_units};
pub(crate) use client::{Usage, Wei};
use serde::Serialize;

/// Why a command ends with a code other than 0.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be done.
    Failed(anyhow::Error),
    /// Input is malformed.
    Malformed {
        problems: rewards_files::Problems,
        /// Whether `--skip-bad` leaves it out.
        can_be_skipped: bool,
    },
    /// Too little of an epoch's data is there.
    Gaps(Vec<Gap>),
    /// Two things that should be the same are not.
    Mismatch(anyhow::Error),
    /// What should be done is done already.
    AlreadySo(anyhow::Error),
    /// What is wrong is printed already; with which code it ends.
    Reported(u8),
}

/// What is printed of a failure if JSON is asked for.
#[derive(Debug, Serialize)]
struct Report<'a> {
    error: Reported<'a>,
}

#[derive(Debug, Serialize)]
struct Reported<'a> {
    code: u8,
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<&'a rewards_files::Problems>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gaps: Option<&'a [Gap]>,
}

impl Failure {
    /// A check whose result is printed already.
    pub(crate) const CHECK_FAILED: Self = Self::Reported(4);

    /// Says on the error stream what is wrong and, if JSON is asked for, as an object on the output.
    pub(crate) fn report(self, json: bool) -> ExitCode {
        let code = self.code();
        // What --unsigned asks for.
        if matches!(&self, Self::Failed(error) if error.is::<client::Printed>()) {
            return ExitCode::SUCCESS;
        }
        if let Self::Reported(_) = self {
            return ExitCode::from(code);
        }
        eprintln!("error: {}", self.message().trim_end());
        if json {
            let (problems, gaps) = match &self {
                Self::Malformed { problems, .. } => (Some(problems), None),
                Self::Gaps(gaps) => (None, Some(gaps.as_slice())),
                _ => (None, None),
            };
            let error = Reported { code, kind: self.kind(), message: self.summary(), problems, gaps };
            let _ = self::json(&Report { error }); // What cannot be printed is counted there.
        }
        ExitCode::from(code)
    }

    fn code(&self) -> u8 {
        match self {
            Self::Failed(error) if error.is::<Usage>() => 2,
            Self::Failed(_) => 1,
            Self::Malformed { .. } => 3,
            Self::Gaps(_) | Self::Mismatch(_) => 4,
            Self::AlreadySo(_) => 5,
            Self::Reported(code) => *code,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Failed(error) if error.is::<Usage>() => "usage",
            Self::Failed(_) => "failed",
            Self::Malformed { .. } => "malformed",
            Self::Gaps(_) => "gaps",
            Self::Mismatch(_) => "mismatch",
            Self::AlreadySo(_) => "already_so",
            Self::Reported(_) => "reported",
        }
    }

    /// In one line.
    pub(crate) fn summary(&self) -> String {
        match self {
            Self::Failed(error) | Self::Mismatch(error) | Self::AlreadySo(error) => format!("{error:#}"),
            Self::Malformed { problems, .. } => format!("malformed input, {} in all", problems.count),
            Self::Gaps(gaps) => format!("gaps in the epoch's data, {} in all", gaps.len()),
            Self::Reported(_) => String::new(),
        }
    }

    /// With everything that is known.
    fn message(&self) -> String {
        let summary = self.summary();
        match self {
            Self::Malformed { problems, can_be_skipped } => {
                let hint =
                    if *can_be_skipped { "  (--skip-bad leaves malformed samples out and lists them)" } else { "" };
                format!("{summary}:\n{problems}{hint}")
            }
            Self::Gaps(gaps) => {
                let gaps: String = gaps.iter().map(|gap| format!("  {gap}\n")).collect();
                format!(
                    "{summary}:\n{gaps}  (--accept-gaps \"REASON\" pays nevertheless; the reason goes into the manifest)"
                )
            }
            _ => summary,
        }
    }
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
            rewards_files::Error::Malformed(problems) => Self::Malformed { problems, can_be_skipped: false },
            rewards_files::Error::Samples(problems) => Self::Malformed { problems, can_be_skipped: true },
            rewards_files::Error::Gaps(gaps) => Self::Gaps(gaps),
            error => Self::Failed(error.into()),
        }
    }
}

/// Whether something could not be printed, for a reason other than that nobody reads it.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints text. Whoever closes the other end has read enough: that is no failure, and the command goes on to its own end.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != io::ErrorKind::BrokenPipe
        && !LOST.swap(true, Ordering::Relaxed)
    {
        eprintln!("error: standard output: {error}");
    }
}

/// Whether everything was printed, as far as anybody read it.
pub(crate) fn was_printed() -> bool {
    !LOST.load(Ordering::Relaxed)
}

/// Prints text as it is.
pub(crate) fn text(text: &str) {
    print(text);
}

/// Prints a line; see [`say!`].
pub(crate) fn line(text: fmt::Arguments<'_>) {
    print(&format!("{text}\n"));
}

/// `println!` that does not panic when nobody reads any more.
macro_rules! say {
    () => { $crate::output::line(format_args!("")) };
    ($($text:tt)*) => { $crate::output::line(format_args!($($text)*)) };
}
pub(crate) use say;

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    print(&(text + "\n"));
    Ok(())
}

/// Prints a table with aligned columns: the first to the left, all others to the right.
pub(crate) fn table(columns: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([columns[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..columns.len()).map(width).collect();
    let header: Vec<_> = columns.iter().map(|&column| column.to_owned()).collect();
    let mut text = String::new();
    for row in std::iter::once(&header).chain(rows) {
        let cells = row.iter().zip(&widths).enumerate().map(|(place, (cell, width))| {
            if place == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    print(&text);
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
