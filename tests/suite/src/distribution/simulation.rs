//! Random histories of the distributor and its oracle, played by the contracts and by the [ledger](model::distributor) side by side.
//!
//! After every step both must have answered alike, value, exact refusal and every log, and everything that can be read must be equal; and
//! the invariants of the specification (section 10) must hold. A divergence is shrunk to a short script.

mod encode;
mod generate;
mod world;

use std::fmt;

use alloy_primitives::U256;
use model::{
    distributor::{DistributorCall, Named},
    oracle::OracleCall,
};

pub use crate::simulation::Tally;
pub use generate::Generator;
pub use world::World;

/// Everybody: claimants, officers, reporters.
pub const PEOPLE: [&str; 6] = ["GOV", "OP", "PAUSE", "R1", "R2", "R3"];

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many seconds pass.
    Pass(u64),
    /// Somebody calls the distributor.
    Distributor(&'static str, DistributorCall),
    /// Somebody calls the oracle.
    Oracle(&'static str, OracleCall),
    /// The adapter, another oracle, says something else.
    Adapter(Option<Named>),
    /// The treasury allows so much.
    Allow(U256),
    /// The treasury holds so much.
    Fund(U256),
}

/// A history on which contracts and ledger differ.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What differs after the last step.
    pub divergence: String,
    /// A short script that diverges.
    pub steps: Vec<Step>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} diverges: {}", self.seed, self.divergence)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step:?}"))
    }
}

/// Plays one history.
///
/// # Errors
///
/// If contracts and ledger differ, with a short script that shows it.
pub fn run(seed: u64, steps: usize, tally: &mut Tally) -> Result<(), Box<Failure>> {
    let fixture = World::new();
    let (mut world, mut generator) = (fixture.clone(), Generator::new(seed));
    let mut taken = Vec::new();
    for _ in 0..steps {
        let step = generator.next(&world);
        taken.push(step.clone());
        match world.take(&step) {
            Ok(succeeded) => {
                let (done, refused) = tally.entry(name(&step)).or_default();
                *(if succeeded { done } else { refused }) += 1;
            }
            Err(_) => {
                let steps = shrink(&fixture, taken);
                let divergence = replay(&fixture, &steps).unwrap_or_default();
                return Err(Box::new(Failure { seed, divergence, steps }));
            }
        }
    }
    Ok(())
}

fn name(step: &Step) -> String {
    let text = match step {
        Step::Distributor(_, call) => format!("{call:?}"),
        Step::Oracle(_, call) => format!("{call:?}"),
        other => format!("{other:?}"),
    };
    text.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

fn replay(fixture: &World, steps: &[Step]) -> Option<String> {
    let mut world = fixture.clone();
    steps.iter().find_map(|step| world.take(step).err())
}

/// Leaves out ever smaller pieces, as long as one can be left out.
fn shrink(fixture: &World, mut steps: Vec<Step>) -> Vec<Step> {
    let mut piece = steps.len().div_ceil(2);
    while piece > 0 {
        let mut start = 0;
        while start < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(start..(start + piece).min(steps.len()));
            if replay(fixture, &fewer).is_some() {
                steps = fewer;
            } else {
                start += piece;
            }
        }
        piece /= 2;
    }
    steps
}
