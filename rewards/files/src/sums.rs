//! The sums of an epoch's samples: all files, on all cores, each minute of each market once.

use std::collections::{BTreeMap, HashMap, HashSet};

use rewards::{
    book::{Flaw, Record},
    sampling::Punctuality,
    tally::{Rules, Scorer, Taken, Tally},
    timeline::Recorder,
};

use crate::{
    Error, Problems,
    epoch::SampleSource,
    samples::{Place, Progress, Visitor},
};

/// What is done about malformed samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// None may be: the epoch is rejected until they are repaired.
    Refuse,
    /// They are left out and listed.
    Skip,
}

/// The sums of an epoch's samples, and what was left out.
#[derive(Debug)]
pub struct Tallied {
    /// The sums.
    pub tally: Tally,
    /// What is wrong with the samples, if malformed ones are skipped.
    pub skipped: Problems,
}

/// Sees each valid sample once, on one thread, while sums are made of it.
pub trait Observer: Send {
    /// Takes a sample that the scorer has taken.
    fn observe(&mut self, rules: &Rules<'_>, record: &Record<'_>) -> Result<(), Flaw>;
}

impl Observer for () {
    fn observe(&mut self, _: &Rules<'_>, _: &Record<'_>) -> Result<(), Flaw> {
        Ok(())
    }
}

impl Observer for Recorder {
    fn observe(&mut self, rules: &Rules<'_>, record: &Record<'_>) -> Result<(), Flaw> {
        self.add(rules, record)
    }
}

/// Adds samples, except those at some places.
struct Count<'a, O> {
    rules: &'a Rules<'a>,
    scorer: Scorer<'a>,
    observer: O,
    but: &'a HashSet<Place>,
}

impl<O: Observer> Visitor for Count<'_, O> {
    fn visit(&mut self, place: Place, record: &Record<'_>) -> Result<(), Flaw> {
        if self.but.contains(&place) || self.scorer.add(record)? != Taken::Valid {
            return Ok(());
        }
        self.observer.observe(self.rules, record)
    }
}

/// Finds the samples of minutes that have more than one.
struct Locate<'a> {
    scorer: Scorer<'a>,
    repeated: &'a HashSet<(usize, u32)>,
    found: HashMap<(usize, u32), Vec<(Place, Punctuality)>>,
}

impl Visitor for Locate<'_> {
    fn visit(&mut self, place: Place, record: &Record<'_>) -> Result<(), Flaw> {
        let (market, punctuality) = self.scorer.check(record)?;
        let key = (market, record.minute);
        if self.repeated.contains(&key) {
            self.found.entry(key).or_default().push((place, punctuality));
        }
        Ok(())
    }
}

/// Reads all samples and adds them up, on so many threads; the sums do not depend on how many.
pub fn tally(
    source: &SampleSource,
    malformed: Malformed,
    threads: usize,
    progress: &dyn Progress,
) -> Result<Tallied, Error> {
    observe(source, malformed, threads, progress, || ()).map(|(tallied, _)| tallied)
}

/// The same, and shows each valid sample to one of several observers: one for each thread.
pub fn observe<O: Observer>(
    source: &SampleSource,
    malformed: Malformed,
    threads: usize,
    progress: &dyn Progress,
    observer: impl Fn() -> O + Sync,
) -> Result<(Tallied, Vec<O>), Error> {
    let (mut tallied, mut observers) = count(source, &HashSet::new(), threads, progress, &observer)?;
    if !tallied.tally.repeated.is_empty() {
        let repeated = tallied.tally.repeated.iter().copied().collect();
        let (problems, unchosen) = locate(source, &repeated, threads, progress)?;
        if malformed == Malformed::Skip {
            (tallied, observers) = count(source, &unchosen, threads, progress, &observer)?;
        }
        tallied.skipped.absorb(problems);
    }
    if malformed == Malformed::Refuse && !tallied.skipped.is_empty() {
        return Err(Error::Samples(tallied.skipped));
    }
    Ok((tallied, observers))
}

fn count<O: Observer>(
    source: &SampleSource,
    but: &HashSet<Place>,
    threads: usize,
    progress: &dyn Progress,
    observer: &(impl Fn() -> O + Sync),
) -> Result<(Tallied, Vec<O>), Error> {
    let rules = source.rules()?;
    let new = || Count { rules: &rules, scorer: Scorer::new(&rules), observer: observer(), but };
    let scan = source.samples.scan(threads, progress, new)?;
    let mut tally = Tally::empty(source.parameters.markets.len());
    let mut observers = Vec::with_capacity(scan.visitors.len());
    for visitor in scan.visitors {
        tally.absorb(visitor.scorer.finish());
        observers.push(visitor.observer);
    }
    Ok((Tallied { tally, skipped: scan.problems }, observers))
}

/// What is wrong with minutes that have several samples, and which of those samples do not count: all but the one at the committed instant,
/// and all if there is no such one. Which is read first does not matter.
fn locate(
    source: &SampleSource,
    repeated: &HashSet<(usize, u32)>,
    threads: usize,
    progress: &dyn Progress,
) -> Result<(Problems, HashSet<Place>), Error> {
    let rules = source.rules()?;
    let mut scan = source.samples.scan(threads, progress, || Locate {
        scorer: Scorer::new(&rules),
        repeated,
        found: HashMap::new(),
    })?;
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for (key, samples) in scan.visitors.iter_mut().flat_map(|visitor| std::mem::take(&mut visitor.found)) {
        all.entry(key).or_default().extend(samples);
    }
    let (mut problems, mut unchosen) = (Problems::default(), HashSet::new());
    for ((market, minute), mut samples) in all {
        samples.sort_by_key(|(place, _)| *place);
        let is_exact = |punctuality: Punctuality| rules.instants().are_known() && punctuality == Punctuality::Exact;
        let exact: Vec<_> =
            samples.iter().filter(|(_, punctuality)| is_exact(*punctuality)).map(|(place, _)| *place).collect();
        let chosen = if let [only] = exact.as_slice() { Some(*only) } else { None };
        let name = &source.parameters.markets[market].market;
        let (kept, row) = source.samples.locate(&scan, chosen.unwrap_or(samples[0].0));
        let kept = format!("{}:{}", kept.display(), row.unwrap_or_default());
        for (place, _) in samples.iter().filter(|(place, _)| Some(*place) != chosen) {
            unchosen.insert(*place);
            if *place != chosen.unwrap_or(samples[0].0) {
                let (file, row) = source.samples.locate(&scan, *place);
                let reason = format!(
                    "a second sample of {name}, minute {minute}, beside {kept} (in CSV, the rows of a sample stand together)"
                );
                problems.add(&file, row, reason);
            }
        }
    }
    Ok((problems, unchosen))
}
