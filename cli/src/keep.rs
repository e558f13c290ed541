//! `tidepool keep` and `tidepool watch`: a loop around the keeper.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ::keeper::{
    Contracts, Counts, Deed, Done, Keeper, Look, Notice, Published, Purse, Settings, Severity, Snapshot, Tick,
    channels::{self, Channels, Courier, Origin},
    metrics, monitor,
};
use alloy_primitives::{B256, U256};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use client::{Node, Rpc, Sender, Sending, Usage, date, exact, span};
use rewards_files::{epoch::EpochFolder, verify::Results};
use serde::Serialize;

use crate::{
    interrupt,
    output::{Failure, say},
    pool::scene::PoolArguments,
    rewards,
};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// How often the folder of epochs is looked through.
const RESULTS_EVERY: Duration = Duration::from_secs(30);

/// How long messages are waited for when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// How often somebody who waits for the next tick looks whether the process is to end.
const NAP: Duration = Duration::from_millis(50);

/// What is watched, and who is told
#[derive(Debug, Args)]
pub(crate) struct Watching {
    #[command(flatten)]
    place: PoolArguments,
    /// Look once, and end
    #[arg(long)]
    once: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    every: u64,
    /// The block in which the first of the contracts was created; the book knows it
    #[arg(long, value_name = "BLOCK")]
    from_block: Option<u64>,
    /// File that says where people are told (TOML); it holds secrets, so keep it to yourself
    #[arg(long, value_name = "FILE", help_heading = "Telling")]
    channels: Option<PathBuf>,
    /// Try every channel with a message that says so, and end
    #[arg(long, requires = "channels", help_heading = "Telling")]
    test_channels: bool,
    /// Where /metrics and /health are answered
    #[arg(long, value_name = "ADDRESS", help_heading = "Telling")]
    listen: Option<SocketAddr>,
    /// Hours after which an alert that lasts is told again; a critical one after a quarter of them
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=8_760), help_heading = "Telling")]
    reminder: u64,
    /// Events of so many days before the start are told too
    #[arg(long, value_name = "DAYS", default_value_t = 7, help_heading = "Telling")]
    news: u64,
    /// Folder of epochs: N has the inputs of epoch N, N.results what was computed of them; only roots that come out again count as known
    #[arg(long, value_name = "FOLDER", help_heading = "Rules")]
    rewards: Option<PathBuf>,
    /// Days of rewards that the treasury must have in advance
    #[arg(long, value_name = "DAYS", default_value_t = 28, help_heading = "Rules")]
    treasury_days: u64,
    /// Seconds for which a chain may have no new block
    #[arg(long, value_name = "SECONDS", default_value_t = 120, help_heading = "Rules")]
    stale: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    watching: Watching,
    #[command(flatten)]
    rpc: Rpc,
    /// Write the same events as configuration of another monitor to a folder, and end
    #[arg(long, value_name = "MONITOR", requires = "out")]
    emit: Option<Emitted>,
    /// The folder
    #[arg(long, value_name = "FOLDER", requires = "emit")]
    out: Option<PathBuf>,
    /// Print JSON, a line for each look that found something
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Emitted {
    /// OpenZeppelin Monitor
    OpenzeppelinMonitor,
}

#[derive(Debug, Args)]
pub(crate) struct Keep {
    #[command(flatten)]
    watching: Watching,
    #[command(flatten)]
    sending: Sending,
    /// The most to spend in any 24 hours, in ether
    #[arg(long, value_name = "ETHER", default_value = "0.02", help_heading = "Rules")]
    budget: String,
    /// The most that one place in the cache may cost, in ether
    #[arg(long, value_name = "ETHER", default_value = "0.01", help_heading = "Rules")]
    max_bid: String,
    /// Keep programs alive that have no more than this left; the chain allows it from the 31st day of a program on
    #[arg(long, value_name = "DAYS", default_value_t = 60, help_heading = "Rules")]
    within: u64,
    /// In the blackout window, let proxies that named this key their borrower pay and borrow by themselves
    #[arg(long, help_heading = "Rules")]
    auto_pay: bool,
    /// Settle records of stakers that are more shortfalls behind than this
    #[arg(long, value_name = "SHORTFALLS", help_heading = "Rules")]
    settle: Option<u64>,
    /// A person is told when the key has less than this, in ether
    #[arg(long, value_name = "ETHER", default_value = "0.01", help_heading = "Rules")]
    least: String,
}

fn ether(text: &str) -> anyhow::Result<U256> {
    client::amount(text, 18).map_err(|error| Usage(error).into())
}

impl Watching {
    fn contracts(&self, node: &Node) -> anyhow::Result<Contracts> {
        let names = self.place.names(node)?;
        let first = self.place.first_block(node, &names)?;
        let first = self.from_block.or(first).unwrap_or_default();
        Contracts::of_book(names, first).context("there is a pool among the names")
    }

    fn channels(&self) -> anyhow::Result<Channels> {
        let Some(path) = &self.channels else { return Ok(Channels::default()) };
        let name = || path.display().to_string();
        let text = fs::read_to_string(path).with_context(name)?;
        // The library's errors repeat lines of the file, which may hold secrets.
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(0, |span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
            anyhow::anyhow!("{}:{line}: {}", name(), error.message())
        })
    }

    fn settings(&self) -> Settings {
        Settings { treasury_days: self.treasury_days, ..Settings::default() }
    }

    fn shell(&self, node: &Node, settings: Settings, budget: U256, json: bool) -> anyhow::Result<Shell> {
        let contracts = self.contracts(node)?;
        node.expect_contract(contracts.pool, "pool")?;
        let head = node.head()?;
        let news_from = block_at(node, contracts.first_block, head.block, head.time.saturating_sub(self.news * DAY))?;
        let origin = Origin { chain: node.chain_id, pool: contracts.pool };
        let courier = Courier::start(&self.channels()?, origin, |text| eprintln!("{text}"));
        let patience = Duration::from_secs((self.every * 5).max(60));
        let published = Published::new(patience);
        if let Some(listen) = self.listen {
            let address = ::keeper::serve(published.clone(), listen)?;
            eprintln!("listening at http://{address}");
        }
        let keeper = Keeper::new(contracts, settings, news_from, self.reminder * 3_600, budget);
        let computed = Computed::start(self.rewards.as_deref(), self.once);
        Ok(Shell {
            keeper,
            courier,
            published,
            counts: Counts::default(),
            computed,
            stale: Duration::from_secs(self.stale),
            seen: None,
            beaten: None,
            json,
            once: self.once,
        })
    }

    /// Tries every channel.
    fn try_channels(&self) -> Result<(), Failure> {
        let channels = self.channels()?;
        let origin = Origin { chain: 0, pool: alloy_primitives::Address::ZERO };
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let mut failed = 0;
        for channel in &channels.channel {
            match channel.service.tell(&channels::trial(now), origin) {
                Ok(()) => say!("ok    {}", channel.service.name()),
                Err(error) => {
                    failed += 1;
                    say!("FAIL  {}: {error:#}", channel.service.name());
                }
            }
        }
        if let Some(url) = &channels.heartbeat {
            match client::web::get(url, 1 << 16) {
                Ok(_) => say!("ok    heartbeat"),
                Err(error) => {
                    failed += 1;
                    say!("FAIL  heartbeat: {error:#}");
                }
            }
        }
        if failed > 0 { Err(Failure::CHECK_FAILED) } else { Ok(()) }
    }
}

/// The first block of at least a time, between two; by halving.
fn block_at(node: &Node, first: u64, last: u64, time: u64) -> anyhow::Result<u64> {
    let (mut low, mut high) = (first.min(last), last);
    while low < high {
        let middle = low + (high - low) / 2;
        if node.time_of(middle)? < time { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

/// Roots that come out again when their inputs are computed, by epoch; found beside the loop, which never waits for them.
#[derive(Clone, Debug, Default)]
struct Computed(Arc<Mutex<BTreeMap<u64, B256>>>);

impl Computed {
    fn start(folder: Option<&Path>, once: bool) -> Self {
        let computed = Self::default();
        let Some(folder) = folder.map(Path::to_owned) else { return computed };
        let mut seen = BTreeMap::new();
        if once {
            computed.look(&folder, &mut seen);
            return computed;
        }
        let own = computed.clone();
        thread::spawn(move || {
            loop {
                own.look(&folder, &mut seen);
                thread::sleep(RESULTS_EVERY);
            }
        });
        computed
    }

    fn look(&self, folder: &Path, seen: &mut BTreeMap<PathBuf, std::time::SystemTime>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let results = entry.path();
            if results.extension().is_none_or(|ending| ending != "results") {
                continue;
            }
            let Ok(changed) = fs::metadata(results.join("manifest.json")).and_then(|data| data.modified()) else {
                continue;
            };
            if seen.insert(results.clone(), changed) == Some(changed) {
                continue;
            }
            match compute(&results) {
                Ok((epoch, root)) => {
                    eprintln!("{}: the root {root} of epoch {epoch} comes out again", results.display());
                    self.lock().insert(epoch, root);
                }
                Err(error) => eprintln!("{}: its root does not count: {error:#}", results.display()),
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, B256>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Computes an epoch again, and compares everything with its results.
fn compute(results: &Path) -> anyhow::Result<(u64, B256)> {
    let read = Results::read(results)?;
    let inputs = EpochFolder::open(&results.with_extension(""))?;
    let mut checks = read.check();
    checks.extend(rewards::recompute(&read, &inputs)?);
    if let Some(check) = checks.iter().find(|check| !check.holds) {
        bail!("{}: {}", check.name, check.detail);
    }
    Ok((read.manifest.epoch, read.manifest.root))
}

/// What is printed of a look.
#[derive(Debug, Serialize)]
struct Printed<'a> {
    block: Option<u64>,
    hash: Option<B256>,
    time: Option<u64>,
    /// Why the chain could not be read.
    trouble: Option<&'a str>,
    duties: &'a [Done],
    notices: &'a [Notice],
    /// Open alerts.
    open: Open,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Open {
    info: usize,
    warning: usize,
    critical: usize,
}

struct Shell {
    keeper: Keeper,
    courier: Courier,
    published: Published,
    counts: Counts,
    computed: Computed,
    stale: Duration,
    /// The last new block, its time on the chain, and when it was seen.
    seen: Option<(u64, u64, Instant)>,
    beaten: Option<Instant>,
    json: bool,
    once: bool,
}

impl Shell {
    /// Time of the chain, as far as it is known.
    fn now(&self) -> u64 {
        self.seen.map_or(0, |(_, time, at)| time.saturating_add(at.elapsed().as_secs()))
    }

    /// Refuses a chain that stands still.
    fn expect_progress(&mut self, block: u64, time: u64) -> anyhow::Result<()> {
        match self.seen {
            Some((last, _, at)) if last == block && at.elapsed() > self.stale => {
                let (since, most) = (span(at.elapsed().as_secs()), span(self.stale.as_secs()));
                bail!("the chain stands still at block {block} ({}) for {since}, and {most} are allowed", date(time));
            }
            Some((last, ..)) if last == block => {}
            _ => self.seen = Some((block, time, Instant::now())),
        }
        Ok(())
    }

    fn look(&mut self, node: &Node, purse: Option<Purse>) -> anyhow::Result<Snapshot> {
        node.expect_agreement()?;
        if let Some((last, known)) = self.keeper.last() {
            let now = node.headers(&[last])?.pop().flatten().map(|header| header.hash);
            if now != Some(known) {
                self.keeper.forget();
                bail!("block {last} is not {known} any more: everything is read anew");
            }
        }
        let at = node.at_latest()?;
        self.expect_progress(at.block, at.time)?;
        self.keeper.settings.computed.clone_from(&self.computed.lock());
        self.keeper.look(&at, (at.hash, at.time), purse)
    }

    /// Tells, prints and publishes what a tick found.
    fn conclude(&mut self, snapshot: &Snapshot, tick: &Tick) -> Result<(), Failure> {
        self.counts.note(tick);
        tick.notices.iter().for_each(|notice| self.courier.tell(notice));
        let look = Look { block: tick.block, time: tick.time };
        self.published.write(metrics(Some((snapshot, tick)), &self.counts), look, tick.open.iter().sum());
        if self.beaten.is_none_or(|at| at.elapsed() >= Duration::from_secs(60)) {
            self.courier.beat();
            self.beaten = Some(Instant::now());
        }
        let [info, warning, critical] = tick.open;
        let printed = Printed {
            block: Some(tick.block),
            hash: Some(tick.hash),
            time: Some(tick.time),
            trouble: None,
            duties: &tick.duties,
            notices: &tick.notices,
            open: Open { info, warning, critical },
        };
        if self.json {
            return self.print_json(&printed);
        }
        tick.duties.iter().for_each(|done| print_duty(tick, done));
        tick.notices.iter().for_each(print_notice);
        if self.once && tick.notices.is_empty() && tick.duties.is_empty() {
            say!("{} block {}: nothing is to be done, nothing is to be told", date(tick.time), tick.block);
        }
        Ok(())
    }

    /// The same for one that could not read the chain.
    fn conclude_blind(&mut self, error: &anyhow::Error) -> Result<(), Failure> {
        self.counts.failures += 1;
        let notices = self.keeper.blind(error, self.now());
        notices.iter().for_each(|notice| self.courier.tell(notice));
        let trouble = format!("{error:#}");
        let figures = metrics(None, &self.counts);
        self.published.write_trouble(figures, trouble.clone(), self.keeper.open().count());
        let count = |severity| self.keeper.open().filter(|alert| alert.severity == severity).count();
        let open = Open {
            info: count(Severity::Info),
            warning: count(Severity::Warning),
            critical: count(Severity::Critical),
        };
        let printed = Printed {
            block: None,
            hash: None,
            time: None,
            trouble: Some(&trouble),
            duties: &[],
            notices: &notices,
            open,
        };
        if self.json {
            return self.print_json(&printed);
        }
        notices.iter().for_each(print_notice);
        Ok(())
    }

    fn print_json(&self, printed: &Printed<'_>) -> Result<(), Failure> {
        if self.once || !printed.duties.is_empty() || !printed.notices.is_empty() {
            let line = serde_json::to_string(printed).map_err(anyhow::Error::from)?;
            say!("{line}");
        }
        Ok(())
    }

    fn finish(&self) {
        let left = self.courier.finish(LAST_WORDS);
        if left > 0 {
            eprintln!("warning: {left} messages were taken by no channel");
        }
    }
}

fn print_duty(tick: &Tick, done: &Done) {
    let what = match done.subject.as_str() {
        "" => done.duty.name().to_owned(),
        subject => format!("{} {subject}", done.duty.name()),
    };
    let result = match (&done.deed, &done.error) {
        (_, Some(error)) => format!("FAILED: {error}"),
        (Some(Deed::Done { hash, gas, cost, .. }), _) => {
            format!("done by {hash}, {gas} gas, {} ETH in all", exact(*cost, 18))
        }
        (Some(Deed::Overtaken), _) => "done by somebody else meanwhile".to_owned(),
        (Some(Deed::Waits), _) => "waits for a transaction that is on its way".to_owned(),
        (Some(Deed::OverBudget { refusal }), _) => format!("not done: {refusal}"),
        (None, None) => "is due".to_owned(),
    };
    say!("{} block {}: {what} {result} ({})", date(tick.time), tick.block, done.why);
}

fn print_notice(notice: &Notice) {
    let text = channels::text(notice);
    let mut lines = text.lines();
    say!("{} {}", date(notice.time), lines.next().unwrap_or_default());
    lines.for_each(|line| say!("  {line}"));
}

/// Whether somebody asked the process to end: the tick that runs is finished first.
fn until_asked_to_stop() -> Arc<AtomicBool> {
    interrupt::leave_to_command();
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime {
            runtime.block_on(interrupt::asked_to_stop());
            asked.store(true, Ordering::Relaxed);
        }
    });
    stop
}

/// Waits for the next tick; whether there is one.
fn goes_on(stop: &AtomicBool, start: Instant, every: u64) -> bool {
    while !stop.load(Ordering::Relaxed) {
        if start.elapsed() >= Duration::from_secs(every) {
            return true;
        }
        thread::sleep(NAP);
    }
    false
}

impl Watch {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if self.watching.test_channels {
            return self.watching.try_channels();
        }
        let mut node = self.rpc.connect()?;
        if let (Some(Emitted::OpenzeppelinMonitor), Some(out)) = (self.emit, &self.out) {
            return emit(&self.watching.contracts(&node)?, node.chain_id, out);
        }
        let mut shell = self.watching.shell(&node, self.watching.settings(), U256::ZERO, self.json)?;
        let stop = until_asked_to_stop();
        let mut is_fine = true;
        loop {
            let start = Instant::now();
            match shell.look(&node, None) {
                Ok(snapshot) => {
                    let due = shell.keeper.due(&snapshot);
                    let tick = shell.keeper.tell(&snapshot, due);
                    is_fine = tick.open[1..] == [0, 0];
                    shell.conclude(&snapshot, &tick)?;
                }
                Err(error) if self.watching.once => return Err(error.into()),
                Err(error) => {
                    shell.conclude_blind(&error)?;
                    reconnect(&mut node, &self.rpc);
                }
            }
            if self.watching.once || !goes_on(&stop, start, self.watching.every) {
                break;
            }
        }
        shell.finish();
        if self.watching.once && !is_fine { Err(Failure::CHECK_FAILED) } else { Ok(()) }
    }
}

/// Nodes that did not answer are asked anew, and those that were left out are asked again.
fn reconnect(node: &mut Node, rpc: &Rpc) {
    if let Ok(anew) = rpc.connect()
        && anew.chain_id == node.chain_id
    {
        *node = anew;
    }
}

impl Keep {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if self.watching.test_channels {
            return self.watching.try_channels();
        }
        if !self.sending.yes {
            let text = "a keeper sends without asking: say --yes, or see what is due with tidepool watch --once";
            return Err(anyhow::Error::from(Usage(text.to_owned())).into());
        }
        let (budget, max_bid, least_wei) = (ether(&self.budget)?, ether(&self.max_bid)?, ether(&self.least)?);
        let settings = Settings {
            keepalive_within: self.within * DAY,
            max_bid,
            auto_pay: self.auto_pay,
            settle_above: self.settle,
            least_wei,
            ..self.watching.settings()
        };
        let mut sender = self.sending.prepare()?;
        if !sender.can_sign() {
            let text = "nobody signs here: tidepool watch --once says what is due";
            return Err(anyhow::Error::from(Usage(text.to_owned())).into());
        }
        let mut shell = self.watching.shell(&sender.node, settings, budget, self.sending.json)?;
        eprintln!("keeping {} as {}", shell.keeper.contracts().pool, sender.address());
        let stop = until_asked_to_stop();
        let mut is_fine = true;
        loop {
            let start = Instant::now();
            match self.tick(&mut shell, &mut sender) {
                Ok(fine) => is_fine = fine,
                Err(error) if self.watching.once => return Err(error.into()),
                Err(error) => {
                    shell.conclude_blind(&error)?;
                    reconnect(&mut sender.node, self.sending.rpc());
                }
            }
            if self.watching.once || !goes_on(&stop, start, self.watching.every) {
                break;
            }
        }
        shell.finish();
        if self.watching.once && !is_fine { Err(Failure::Reported(1)) } else { Ok(()) }
    }

    /// One look, and what follows from it; whether every duty was done.
    fn tick(&self, shell: &mut Shell, sender: &mut Sender) -> anyhow::Result<bool> {
        let address = sender.address();
        let purse = Purse { address, wei: sender.node.balance(address)? };
        let snapshot = shell.look(&sender.node, Some(purse))?;
        let done = shell.keeper.act(sender, &snapshot);
        let is_done = |done: &Done| matches!(done.deed, Some(Deed::Done { .. } | Deed::Overtaken));
        let is_fine = done.iter().all(is_done);
        let tick = shell.keeper.tell(&snapshot, done);
        shell.conclude(&snapshot, &tick).map_err(|failure| anyhow::anyhow!("{failure:?}"))?;
        Ok(is_fine)
    }
}

fn emit(contracts: &Contracts, chain: u64, out: &Path) -> Result<(), Failure> {
    for (name, value) in monitor::files(contracts, chain) {
        let path = out.join(&name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let text = serde_json::to_string_pretty(&value).map_err(anyhow::Error::from)?;
        fs::write(&path, text + "\n").with_context(|| path.display().to_string())?;
        say!("{}", path.display());
    }
    Ok(())
}
