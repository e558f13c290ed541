//! Random histories, played by the contracts and by the [ledger](model::Ledger) of the specification side by side.
//!
//! After every step both must have answered alike: the returned value or the exact refusal, every log in order, the totals, the accounts
//! and tokens that the step names; and no invariant may be broken. On both sides of every jump in time everybody is compared, and every so
//! often everything that any getter says. At the end of a history everybody leaves: see [`finish()`]. A divergence is shrunk to a short
//! script.

pub mod collusion;
mod encode;
mod finish;
mod generate;
pub mod proxy;
mod read;
mod shrink;
mod strangers;
mod world;

use std::{collections::BTreeMap, fmt};

use alloy_primitives::U256;
use model::Call;

use crate::{Settings, check::u};

pub use finish::finish;
pub use generate::{Generator, Random};
pub use shrink::{replay, shrink};
pub use world::{Care, Divergence, World};

/// Everybody who may hold stake. The first four give allowances.
pub const PEOPLE: [&str; 10] = ["S0", "S1", "S2", "B0", "B1", "B2", "X0", "OP", "GOV", "Y"];

/// Everybody who may have a share, nobody included.
pub const BORROWERS: [&str; 5] = ["nobody", "B0", "B1", "B2", "S2"];

/// Every so many steps, and on both sides of every so many jumps in time, everything is compared.
const FULL_EVERY: usize = 50;
const FULL_EVERY_JUMPS: usize = 8;

/// Every so many steps a stranger tries everything.
const STRANGER_EVERY: usize = 60;

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The clock moves to this second, if it is later.
    At(u64),
    /// Somebody calls the pool.
    Call(&'static str, Call),
    /// Somebody sends staked tokens to the pool without a call.
    Give(&'static str, U256),
    /// The treasury changes what the pool may spend.
    TreasuryAllows(U256),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(time) => write!(f, "at {time}"),
            Self::Call(who, call) => write!(f, "{who}: {call:?}"),
            Self::Give(who, amount) => write!(f, "{who} gives {amount}"),
            Self::TreasuryAllows(amount) => write!(f, "the treasury allows {amount}"),
        }
    }
}

/// A history on which contracts and ledger differ.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What differed after the last step.
    pub divergence: Divergence,
    /// The steps taken.
    pub steps: Vec<Step>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, divergence, steps } = self;
        write!(f, "seed {seed} diverges after {} steps: {divergence}", steps.len())
    }
}

/// How often each kind of step succeeded and was refused.
pub type Tally = BTreeMap<String, (u64, u64)>;

/// In how many states the pool was short, and in how many a borrower was overdue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct States {
    /// States seen: one after each step.
    pub seen: u64,
    /// Loans exceeded the active stake.
    pub short: u64,
    /// A loan exceeded its share by a whole unit.
    pub overdue: u64,
    /// One of both, or both.
    pub either: u64,
}

impl States {
    fn see(&mut self, short: bool, overdue: bool) {
        self.seen += 1;
        self.short += u64::from(short);
        self.overdue += u64::from(overdue);
        self.either += u64::from(short || overdue);
    }
}

impl fmt::Display for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |count: u64| 100 * count / self.seen.max(1);
        let Self { seen, short, overdue, either } = *self;
        let [short, overdue, either] = [short, overdue, either].map(part);
        write!(f, "of {seen} states {short} % short, {overdue} % with an overdue loan, {either} % one of both")
    }
}

/// Pools just deployed, with different distributions of rewards; histories begin at a fork of one of them.
#[derive(Debug)]
pub struct Simulation {
    fixtures: Vec<World>,
    /// What happened so far.
    pub tally: Tally,
    /// In which states.
    pub states: States,
}

impl Default for Simulation {
    fn default() -> Self {
        Self::new()
    }
}

impl Simulation {
    /// Long, short, empty, past distributions; the last one under the schedule of mainnet.
    pub fn new() -> Self {
        let distributions =
            [(10_000_000, 60_000_000), (10_300_000, 12_500_000), (5_000_000, 5_000_000), (9_000_000, 9_999_995)];
        let fixture = |(start, end)| Settings { distribution: (u(start), u(end)), ..Settings::fixture() };
        let settings = distributions.map(fixture).into_iter().chain([Settings::mainnet()]);
        Self {
            fixtures: settings.map(|settings| World::new(&settings)).collect(),
            tally: Tally::new(),
            states: States::default(),
        }
    }

    /// Plays one history of this many steps, and its end. Returns how many steps there were in all.
    ///
    /// # Errors
    ///
    /// If contracts and ledger differ.
    pub fn run(&mut self, seed: u64, steps: usize) -> Result<usize, Box<Failure>> {
        let world = self.fixture(seed).clone();
        let (tally, states) = (&mut self.tally, &mut self.states);
        let mut history = History { world, steps: Vec::new(), jumps: 0, tally, states };
        let played = history.play(seed, steps);
        let History { world, steps, .. } = history;
        match played {
            Ok(()) => Ok(steps.len()),
            Err(divergence) => Err(Box::new(Failure { seed, divergence: world.readable(&divergence), steps })),
        }
    }

    /// A short script that diverges as the history did, one step a line, and how it diverges. If only the end of the history failed,
    /// without a divergence, the whole script.
    pub fn shorten(&self, failure: &Failure) -> String {
        let fixture = self.fixture(failure.seed);
        let diverges = replay(fixture, &failure.steps).is_some();
        let short = if diverges { shrink(fixture, &failure.steps) } else { failure.steps.clone() };
        let lines = short.iter().map(|step| fixture.readable(&step.to_string()));
        let end = replay(fixture, &short).map(|(_, how)| format!("=> {how}"));
        lines.chain(end).collect::<Vec<_>>().join("\n")
    }

    fn fixture(&self, seed: u64) -> &World {
        &self.fixtures[(seed % self.fixtures.len() as u64) as usize]
    }
}

/// A history as it is played.
#[derive(Debug)]
pub struct History<'a> {
    /// Both sides.
    pub world: World,
    steps: Vec<Step>,
    jumps: usize,
    tally: &'a mut Tally,
    states: &'a mut States,
}

impl History<'_> {
    fn play(&mut self, seed: u64, steps: usize) -> Result<(), Divergence> {
        let mut generator = Generator::new(seed);
        for step in generator.opening(&self.world.pool) {
            self.take(step)?;
        }
        // Apart from the history's: what the stranger tries changes nothing of it.
        let mut stranger = Random::new(!seed);
        for number in 0..steps {
            let step = generator.next(&self.world.pool, &self.world.ledger);
            self.take(step)?;
            if number % STRANGER_EVERY == STRANGER_EVERY / 2 {
                self.admit_a_stranger(&mut stranger)?;
            }
        }
        finish(self, &mut generator.random)
    }

    /// Takes a step; compares everything every so often, and on both sides of a jump in time. Whether the step succeeded.
    ///
    /// # Errors
    ///
    /// If contracts and ledger differ.
    pub fn take(&mut self, step: Step) -> Result<bool, Divergence> {
        let mut care = if self.steps.len() % FULL_EVERY == FULL_EVERY - 1 { Care::Full } else { Care::Step };
        if matches!(step, Step::At(_)) {
            self.jumps += 1;
            care = if self.jumps.is_multiple_of(FULL_EVERY_JUMPS) { Care::Full } else { Care::Everybody };
            self.world.compare(care)?;
        }
        self.steps.push(step.clone());
        let succeeded = self.world.step(&step, care)?;
        self.count(&step, succeeded);
        Ok(succeeded)
    }

    fn admit_a_stranger(&mut self, random: &mut Random) -> Result<(), Divergence> {
        let pool = &self.world.pool;
        let attempts = world::guarded(|| strangers::try_everything(pool, random))?;
        let (done, refused) = self.tally.entry("a stranger's call".to_owned()).or_default();
        *done += attempts.accepted;
        *refused += attempts.made - attempts.accepted;
        Ok(())
    }

    fn count(&mut self, step: &Step, succeeded: bool) {
        let ledger = &self.world.ledger;
        self.states.see(ledger.is_short(), ledger.is_overdue());
        let name = match step {
            Step::Call(_, call) => format!("{call:?}").split('(').next().unwrap_or_default().to_owned(),
            Step::At(_) => "time passes".to_owned(),
            Step::Give(..) => "gift".to_owned(),
            Step::TreasuryAllows(_) => "treasury".to_owned(),
        };
        let (done, refused) = self.tally.entry(name).or_default();
        *(if succeeded { done } else { refused }) += 1;
    }
}
