//! The laws, by subject.

mod debts;
mod distributor;
mod haircuts;
mod pool;
mod records;
mod refusals;
mod rewards;
mod schedules;
mod shares;
mod words;

use crate::engine::{Style, Theory};

/// A law: what it says, and the run that claims it.
#[derive(Clone, Copy, Debug)]
pub struct Law {
    /// Its subject and number.
    pub name: &'static str,
    /// What it says, for people.
    pub prose: &'static str,
    /// What its numbers are to a solver.
    pub theory: Theory,
    /// How its claims are asked.
    pub style: Style,
    /// Numbers that it is about, where solvers do not find any by themselves.
    pub example: &'static [(&'static str, u64)],
    /// Runs the contracts' functions and claims.
    pub run: fn(),
}

impl Law {
    const fn new(name: &'static str, run: fn(), prose: &'static str) -> Self {
        Self { name, prose, theory: Theory::Integers, style: Style::Each, example: &[], run }
    }

    const fn about(self, example: &'static [(&'static str, u64)]) -> Self {
        Self { example, ..self }
    }

    const fn linear(name: &'static str, run: fn(), prose: &'static str) -> Self {
        Self { style: Style::Together, ..Self::new(name, run, prose) }
    }

    const fn loose(name: &'static str, run: fn(), prose: &'static str) -> Self {
        Self { style: Style::Loose, ..Self::new(name, run, prose) }
    }
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Law> {
    [
        debts::LAWS,
        haircuts::LAWS,
        rewards::LAWS,
        records::LAWS,
        shares::LAWS,
        pool::LAWS,
        distributor::LAWS,
        schedules::LAWS,
        refusals::LAWS,
        words::LAWS,
    ]
    .concat()
}
