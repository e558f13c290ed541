//! One tick: read, decide, act, tell.

use abi::{Host, State};
use alloy_primitives::{B256, U256};
use serde::Serialize;

use crate::{
    Alert, Contracts, Deed, Duty, Kind, Notice, Purse, Reader, Settings, Severity, Snapshot, Spending, Watch, alerts,
    duties, perform,
};

/// Alerts that need nothing of the pool.
const WITHOUT_POOL: [&str; 8] = [
    "nodes",
    "duty-failed",
    "keeper-low",
    "program-expiry",
    "program-expired",
    "program-inactive",
    "stylus-version",
    "not-cached",
];

/// Ticks after which a duty that fails is told.
const FAILURES: u32 = 3;

/// A duty, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Done {
    /// What kind.
    pub duty: Kind,
    /// Whom or what it was about; empty for the pool.
    pub subject: String,
    /// Why it was due.
    pub why: String,
    /// Since when, seconds of the chain, where that has a moment.
    pub since: Option<u64>,
    /// What became of it; nothing if it was only looked at.
    #[serde(flatten)]
    pub deed: Option<Deed>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What a tick found and did.
#[derive(Clone, Debug, Serialize)]
pub struct Tick {
    /// Number of the block that was read.
    pub block: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time, seconds.
    pub time: u64,
    /// Duties, and what became of each.
    pub duties: Vec<Done>,
    /// What must be told.
    pub notices: Vec<Notice>,
    /// Open alerts of each severity: info, warning, critical.
    pub open: [usize; 3],
}

/// Somebody who keeps a pool, or only watches it.
#[derive(Debug)]
pub struct Keeper {
    reader: Reader,
    /// By which figures it decides.
    pub settings: Settings,
    watch: Watch,
    spending: Spending,
    failures: Vec<(Kind, String, u32)>,
    last: Option<(u64, B256)>,
    news_from: u64,
}

impl Keeper {
    /// One that reads news from a block on, reminds after so many seconds, and spends so many wei a day.
    pub fn new(contracts: Contracts, settings: Settings, news_from: u64, reminder: u64, budget: U256) -> Self {
        Self {
            reader: Reader::new(contracts, news_from),
            settings,
            watch: Watch::new(reminder),
            spending: Spending::new(budget),
            failures: Vec::new(),
            last: None,
            news_from,
        }
    }

    /// What is open.
    pub fn open(&self) -> impl Iterator<Item = &Alert> {
        self.watch.open()
    }

    /// What it is about.
    pub const fn contracts(&self) -> &Contracts {
        self.reader.contracts()
    }

    /// What was spent in the day before a time, wei.
    pub fn spent(&self, time: u64) -> U256 {
        self.spending.spent(time)
    }

    /// The block that was read last: number and hash.
    pub const fn last(&self) -> Option<(u64, B256)> {
        self.last
    }

    /// Forgets what was read of the chain: another one has taken its place. What was told stays told.
    pub fn forget(&mut self) {
        self.last = None;
        self.reader = Reader::new(self.reader.contracts().clone(), self.news_from);
    }

    /// Reads a snapshot. Of a chain that went back everything is read anew.
    ///
    /// # Errors
    ///
    /// If the chain does not answer, or if it went back: the next look counts.
    pub fn look(
        &mut self,
        state: &impl State,
        (hash, time): (B256, u64),
        purse: Option<Purse>,
    ) -> anyhow::Result<Snapshot> {
        let block = state.block();
        if let Some((last, known)) =
            self.last.filter(|(last, known)| block < *last || (block == *last && hash != *known))
        {
            self.forget();
            anyhow::bail!(
                "the node went from block {last} ({known}) back to {block} ({hash}): everything is read anew"
            );
        }
        let snapshot = self.reader.read(state, (hash, time), purse, &self.settings)?;
        self.last = Some((block, hash));
        Ok(snapshot)
    }

    /// What must be done by a snapshot, without doing it.
    pub fn due(&self, snapshot: &Snapshot) -> Vec<Done> {
        duties(snapshot, &self.settings).iter().map(|duty| done(duty, None)).collect()
    }

    /// Does what must be done: each duty at most once.
    pub fn act(&mut self, host: &mut impl Host, snapshot: &Snapshot) -> Vec<Done> {
        let mut all = Vec::new();
        for duty in duties(snapshot, &self.settings) {
            let result = perform(host, &duty, &mut self.spending, snapshot.time);
            self.count(&duty, result.is_err());
            let waits = matches!(result, Ok(Deed::Waits));
            all.push(done(&duty, Some(result)));
            if waits {
                break;
            }
        }
        self.failures
            .retain(|(kind, subject, _)| all.iter().any(|done| done.duty == *kind && done.subject == *subject));
        all
    }

    fn count(&mut self, duty: &Duty, failed: bool) {
        let known = self.failures.iter_mut().find(|(kind, subject, _)| *kind == duty.kind && *subject == duty.subject);
        match (known, failed) {
            (Some((.., count)), true) => *count = count.saturating_add(1),
            (Some((.., count)), false) => *count = 0,
            (None, true) => self.failures.push((duty.kind, duty.subject.clone(), 1)),
            (None, false) => {}
        }
    }

    /// What must be told by a snapshot and what was done.
    pub fn tell(&mut self, snapshot: &Snapshot, all: Vec<Done>) -> Tick {
        let mut holds = alerts(snapshot, &self.settings);
        holds.extend(all.iter().filter_map(|done| self.failed(done)));
        // Of a pool that cannot be read nothing is over.
        let is_read = snapshot.pool.is_some();
        let notices = self.watch.update_some(holds, snapshot.time, |name| is_read || WITHOUT_POOL.contains(&name));
        let open = [Severity::Info, Severity::Warning, Severity::Critical]
            .map(|severity| self.watch.open().filter(|alert| alert.severity == severity).count());
        Tick { block: snapshot.block, hash: snapshot.hash, time: snapshot.time, duties: all, notices, open }
    }

    /// What must be told because no snapshot could be read. What else is open stays so.
    pub fn blind(&mut self, error: &anyhow::Error, time: u64) -> Vec<Notice> {
        let text = format!("the chain cannot be read: {error:#}");
        let advice = "See to the nodes: until they answer and agree, nothing is done and nothing else is told.";
        let alert = Alert::new("nodes", "", Severity::Critical, text, advice);
        self.watch.update_some(vec![alert], time, |name| name == "nodes")
    }

    fn failed(&self, done: &Done) -> Option<Alert> {
        let name = done.duty.name();
        let subject = format!("{name} {}", done.subject);
        let subject = subject.trim_end();
        if let Some(Deed::OverBudget { refusal }) = &done.deed {
            let text = format!("{subject} is due ({}), and not done: {refusal}", done.why);
            let advice = "Raise --budget, or do it by hand.";
            return Some(Alert::new("duty-failed", subject, Severity::Warning, text, advice));
        }
        let error = done.error.as_ref()?;
        let count = self.failures.iter().find(|(kind, whom, _)| *kind == done.duty && *whom == done.subject)?.2;
        (count >= FAILURES).then(|| {
            let text = format!("{subject} is due ({}), and fails: {error}", done.why);
            let severity = if done.duty <= Kind::MarkDebt { Severity::Critical } else { Severity::Warning };
            Alert::new("duty-failed", subject, severity, text, "See why, and do it by hand.")
        })
    }
}

fn done(duty: &Duty, result: Option<anyhow::Result<Deed>>) -> Done {
    let (deed, error) = match result {
        None => (None, None),
        Some(Ok(deed)) => (Some(deed), None),
        Some(Err(error)) => (None, Some(format!("{error:#}"))),
    };
    let Duty { kind, subject, why, since, .. } = duty.clone();
    Done { duty: kind, subject, why, since, deed, error }
}
