//! From an exchange's feed to an epoch's folder: the recorder, what checks a feed, and the exchange to try both on.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use ::rewards::{
    epoch::Clock,
    history::{self, Listing},
    parameters::EpochParameters,
    sampling::{self, Sampling},
    tally::Rules,
};
use alloy_primitives::{Address, B256};
use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use client::date;
use rewards_files::{folder, init, output as files, rows::Table};
use rewards_record::{
    drive::Drive,
    event::Markets,
    exchange::{self, Exchange},
    feed::{Feed, dydx::Dydx, generic::Generic, hyperliquid::Hyperliquid},
    metadata::{self, Pair},
    owner::Owners,
    plan::{Plan, read_secret},
    recorder::{Counts, Recorder, Settings},
    sink::{Fill, Sink},
    source::{Source, Tape, now_ms},
    store::{Store, beside},
};
use serde::Serialize;

use super::account;
use crate::output::{self, Failure, say};

/// Minutes of the feed between two states of the volumes on the disk.
const VOLUMES_EVERY: u32 = 60;

/// Whose messages they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// JSON lines that any exchange can produce: rewards/record/feed.schema.json
    Generic,
    /// What a node of Hyperliquid writes: snapshot, changes of books and executions by block
    Hyperliquid,
    /// The WebSocket stream of a full node of dYdX Chain
    Dydx,
}

/// A feed and how it is taken.
#[derive(Clone, Debug, Args)]
struct Taken {
    /// Where the feed comes from: files or folders of files, - for standard input, or ws:// or wss://
    #[arg(required = true)]
    feed: Vec<String>,
    /// Whose messages they are
    #[arg(long, value_enum, default_value = "generic")]
    kind: Kind,
    /// dydx: what the exchange's indexer answers to /v4/perpetualMarkets
    #[arg(long, value_name = "FILE", required_if_eq("kind", "dydx"))]
    metadata: Option<PathBuf>,
    /// A table owner,account: for exchanges whose owners are no addresses
    #[arg(long, value_name = "FILE")]
    owners: Option<PathBuf>,
    /// A market is stale so long after its last message or heartbeat
    #[arg(long, value_name = "MILLISECONDS", default_value_t = Settings::default().stale_ms)]
    stale: u64,
    /// So long a message that is missing is waited for
    #[arg(long, value_name = "MILLISECONDS", default_value_t = Settings::default().patience_ms)]
    patience: u64,
    /// So far the time of a feed that is followed may be from this machine's
    #[arg(long, value_name = "MILLISECONDS", default_value_t = Settings::default().drift_ms)]
    drift: u64,
    /// The most orders of one market
    #[arg(long, default_value_t = Settings::default().orders_max)]
    orders: usize,
    /// Write every order, in place of those that can count
    #[arg(long)]
    all_orders: bool,
}

/// What reading a feed needs.
struct Prepared {
    names: Markets,
    owners: Owners,
    pairs: Vec<Pair>,
}

impl Taken {
    fn prepare(&self, parameters: &EpochParameters) -> Result<Prepared, Failure> {
        let owners = self.owners.as_deref().map(Owners::read).transpose()?.unwrap_or_default();
        let pairs = match &self.metadata {
            Some(path) => {
                let text = fs::read(path).with_context(|| path.display().to_string())?;
                metadata::pairs(&text).with_context(|| path.display().to_string())?
            }
            None => Vec::new(),
        };
        Ok(Prepared { names: Markets::of(parameters), owners, pairs })
    }

    fn reader<'a>(&self, prepared: &'a Prepared) -> Box<dyn Feed + 'a> {
        let Prepared { names, owners, pairs } = prepared;
        match self.kind {
            Kind::Generic => Box::new(Generic::new(names, owners)),
            Kind::Hyperliquid => Box::new(Hyperliquid::new(names)),
            Kind::Dydx => Box::new(Dydx::new(names, owners, pairs)),
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            stale_ms: self.stale,
            patience_ms: self.patience,
            drift_ms: self.drift,
            orders_max: self.orders,
            all_orders: self.all_orders,
            ..Settings::default()
        }
    }

    /// The source; the stream of a full node is asked for the pairs that are recorded.
    fn source(&self, prepared: &Prepared, follow: bool) -> Result<Source, Failure> {
        let mut names = self.feed.clone();
        if self.kind == Kind::Dydx
            && let [url] = names.as_mut_slice()
            && url.starts_with("ws")
            && !url.contains('?')
        {
            let numbers = Dydx::new(&prepared.names, &prepared.owners, &prepared.pairs);
            let numbers: Vec<_> = numbers.numbers().map(|number| number.to_string()).collect();
            *url = format!("{url}?clobPairIds={}", numbers.join(","));
        }
        Ok(Source::open(&names, follow, None)?)
    }
}

/// The parameters of an epoch's folder.
fn parameters_of(folder: &Path) -> Result<EpochParameters, Failure> {
    let names = ["parameters.json", "parameters.toml"];
    let path = names.map(|name| folder.join(name)).into_iter().find(|path| path.exists());
    let path =
        path.with_context(|| format!("{}: no parameters; tidepool rewards init writes them", folder.display()))?;
    Ok(folder::read_parameters(&path)?)
}

/// Nothing is recorded into an epoch that is closed.
fn refuse_closed(folder: &Path) -> Result<(), Failure> {
    if folder.join(folder::SEAL).exists() {
        return Err(anyhow!("{}: sealed; nothing is added to it", folder.display()).into());
    }
    let is_parquet = |entry: fs::DirEntry| entry.path().extension().is_some_and(|ending| ending == "parquet");
    if fs::read_dir(folder.join("samples")).into_iter().flatten().flatten().any(is_parquet) {
        return Err(anyhow!("{}: its samples are Parquet already; nothing is added to them", folder.display()).into());
    }
    Ok(())
}

fn read_sampling(path: &Path) -> anyhow::Result<Sampling> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

fn write_sampling(path: &Path, sampling: &Sampling) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(sampling).context("sampling")?;
    Ok(files::write(path, &text)?)
}

#[derive(Debug, Args)]
pub(crate) struct Record {
    #[command(flatten)]
    taken: Taken,
    /// Folder of the epoch: it has the parameters, and gets samples and volumes
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// File with the secret, or with the link of the hours that may be sampled (tidepool rewards sample-plan --link)
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
    /// The plan that was published: its commitment [default: sampling.json in the folder]
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Wait for more at the end of files
    #[arg(long)]
    follow: bool,
    /// Keep all that comes with the time of its arrival; recorded again, it gives the same samples
    #[arg(long, value_name = "FILE")]
    tape: Option<PathBuf>,
    /// Folder of the epoch before, for its volumes
    #[arg(long, value_name = "FOLDER")]
    before: Option<PathBuf>,
    /// Minutes of the feed between two states of volume.csv; at its end it is written anyway
    #[arg(long, value_name = "MINUTES", default_value_t = VOLUMES_EVERY, value_parser = clap::value_parser!(u32).range(1..))]
    volumes: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `record` and `check-feed` print.
#[derive(Debug, Serialize)]
struct Summary {
    epoch: u64,
    /// Whether every minute of the epoch is recorded.
    complete: bool,
    malformed: u64,
    first_malformed: Vec<MalformedLine>,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Debug, Serialize)]
struct MalformedLine {
    message: u64,
    reason: String,
}

impl Summary {
    fn of(recorder: &Recorder<'_>, drive: Drive<'_>, epoch: u64) -> Self {
        let line = |(message, reason)| MalformedLine { message, reason };
        Self {
            epoch,
            complete: recorder.is_done(),
            malformed: drive.malformed,
            first_malformed: drive.first_malformed.into_iter().map(line).collect(),
            counts: *recorder.counts(),
        }
    }

    fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            return output::json(self);
        }
        let Counts { messages, heartbeats, repeated, reordered, lost, fills, .. } = self.counts;
        let Counts { fills_lost, ok, one_sided, crossed, outage, left_out, orders, .. } = self.counts;
        say!("epoch {}, {}", self.epoch, if self.complete { "every minute is recorded" } else { "not at its end" });
        say!("samples    {ok} ok, {one_sided} one-sided, {crossed} crossed, {outage} outages");
        say!(
            "messages   {messages}, {heartbeats} heartbeats; {repeated} repeated, {reordered} early, {} malformed",
            self.malformed
        );
        say!(
            "books      lost {lost} times; at most {orders} orders in one; {left_out} orders left out that could not count"
        );
        say!("executions {fills}, and {fills_lost} while a book was lost, which are in nobody's volume");
        self.first_malformed.iter().for_each(|line| say!("message {}: {}", line.message, line.reason));
        Ok(())
    }
}

impl Record {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let parameters = parameters_of(&self.out)?;
        let inside = self.out.join("sampling.json");
        let sampling = read_sampling(self.plan.as_deref().unwrap_or(&inside))?;
        if self.plan.is_some() {
            // Others find the commitment beside the samples; the secret stays where it is.
            let published = Sampling { secret: None, ..sampling.clone() };
            if inside.exists() && read_sampling(&inside)? != published {
                return Err(anyhow!("{}: another plan is there already", inside.display()).into());
            }
            write_sampling(&inside, &published)?;
        }
        refuse_closed(&self.out)?;
        if sampling.secret.is_some() {
            let text = "the secret is published already: instants that everybody knows are not to be sampled";
            return Err(anyhow!("{}: {text}", self.plan.as_deref().unwrap_or(&inside).display()).into());
        }
        let plan = Plan::open(&parameters, &sampling, &self.secret)?;
        let prepared = self.taken.prepare(&parameters)?;
        let feed = self.taken.reader(&prepared);
        let mut source = self.taken.source(&prepared, self.follow)?;
        let mut store = Store::open(&self.out, &parameters, source.is_live() || self.follow, true)?;
        self.before.as_deref().map_or(Ok(()), |folder| store.take_volumes_before(folder))?;
        let tape = self.tape.as_deref().map(Tape::append).transpose()?;
        let rules = Rules::new(&parameters, &sampling).map_err(anyhow::Error::from)?;
        let settings = feed.settings(self.taken.settings());
        let mut recorder = Recorder::new(&rules, &prepared.names, plan, settings, &store);
        let mut drive = Drive::new(feed, tape);
        let every_ms = u64::from(self.volumes) * 60_000;
        let mut written_ms = 0;
        let run = drive.run(&mut source, &mut recorder, &mut store, |recorder, store| {
            let now_ms = recorder.now_ms();
            if now_ms / every_ms > written_ms / every_ms {
                written_ms = now_ms;
                store.write_volumes()?;
            }
            Ok(false)
        });
        store.write_volumes()?;
        store.sync()?;
        run?;
        Summary::of(&recorder, drive, parameters.epoch).print(self.json)
    }
}

#[derive(Debug, Args)]
pub(crate) struct CheckFeed {
    #[command(flatten)]
    taken: Taken,
    /// Parameters of an epoch in which the feed lies: its markets and their decimals
    #[arg(long, value_name = "FILE")]
    parameters: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Writes nothing, and tells what people should know.
struct Nowhere<'a>(&'a Markets);

impl Sink for Nowhere<'_> {
    fn sample(
        &mut self,
        _: usize,
        _: &::rewards::book::Record<'_>,
        _: Option<&str>,
        _: u64,
    ) -> Result<(), rewards_files::Error> {
        Ok(())
    }

    fn fill(&mut self, _: &Fill) -> Result<(), rewards_files::Error> {
        Ok(())
    }

    fn note(&mut self, market: Option<usize>, time_ms: u64, text: &str) {
        eprintln!("{time_ms} {}: {text}", market.map_or("all markets", |market| self.0.name(market)));
    }

    fn last_minute(&self, _: usize) -> Option<u32> {
        None
    }
}

impl CheckFeed {
    /// Ends with code 3 if a message cannot be read, with 4 if a book is lost or a minute has no valid sample.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let parameters = folder::read_parameters(&self.parameters)?;
        let prepared = self.taken.prepare(&parameters)?;
        // Any secret will do: what is checked is whether samples can be cut at all.
        let secret = B256::repeat_byte(1);
        let sampling = Sampling { commitment: Some(sampling::commitment(secret)), ..Sampling::default() };
        let plan = Plan::of(&parameters, &sampling, secret)?;
        let rules = Rules::new(&parameters, &sampling).map_err(anyhow::Error::from)?;
        let (feed, mut source) = (self.taken.reader(&prepared), self.taken.source(&prepared, false)?);
        let mut sink = Nowhere(&prepared.names);
        let settings = feed.settings(self.taken.settings());
        let mut recorder = Recorder::new(&rules, &prepared.names, plan, settings, &sink);
        let mut drive = Drive::new(feed, None);
        drive.run(&mut source, &mut recorder, &mut sink, |_, _| Ok(false))?;
        let summary = Summary::of(&recorder, drive, parameters.epoch);
        summary.print(self.json)?;
        let Counts { lost, outage, crossed, messages, .. } = summary.counts;
        if messages == 0 && summary.malformed == 0 {
            return Err(anyhow!("no message about a market of the parameters").into());
        }
        match (summary.malformed, lost + outage + crossed) {
            (0, 0) => Ok(()),
            (0, _) => Err(Failure::CHECK_FAILED),
            _ => Err(Failure::Reported(3)),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Reveal {
    /// Folder of the epoch
    folder: PathBuf,
    /// File with the secret: of a chain, its end
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Revealed {
    epoch: u64,
    commitment: Option<B256>,
    secret: B256,
}

impl Reveal {
    /// Writes the secret beside the samples, once the epoch is over.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let parameters = parameters_of(&self.folder)?;
        let path = self.folder.join("sampling.json");
        let sampling = read_sampling(&path)?;
        let secret = read_secret(&self.secret)?;
        if sampling.secret.is_some_and(|known| known == secret) {
            return Err(Failure::AlreadySo(anyhow!("{}: the secret is there already", path.display())));
        }
        let ends = parameters.start() + parameters.clock.epoch_seconds;
        if now_ms() / 1000 < ends {
            let text = format!(
                "epoch {} ends at {}: who knows the secret before knows when to have orders",
                parameters.epoch,
                date(ends)
            );
            return Err(anyhow!(text).into());
        }
        let revealed = Sampling { secret: Some(secret), ..sampling };
        Rules::new(&parameters, &revealed).map(drop).map_err(anyhow::Error::from)?;
        refuse_closed(&self.folder)?;
        // What a recorder that was ended has still to write; and none may go on.
        if beside(&self.folder).exists() {
            drop(Store::open(&self.folder, &parameters, true, true)?);
        }
        write_sampling(&path, &revealed)?;
        let done = Revealed { epoch: parameters.epoch, commitment: revealed.commitment, secret };
        if self.json {
            return output::json(&done);
        }
        say!("{}: everybody can check the instants now", path.display());
        say!("next: tidepool rewards seal {}", self.folder.display());
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Play {
    /// Folder to make: the epoch in `0`, which begins now, and the secret
    folder: PathBuf,
    /// Port to serve the feed on
    #[arg(long, default_value_t = 8550)]
    port: u16,
    /// Length of the epoch
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(2..=1440))]
    minutes: u32,
    /// Everything follows from it, but the times
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// An account among the makers; further ones for more
    #[arg(long, value_name = "ADDRESS", value_parser = account)]
    maker: Vec<Address>,
    /// Makers
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=200))]
    makers: u16,
    /// Steps of each market in a second
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    steps: u32,
}

impl Play {
    /// Serves until somebody ends it.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let epoch = self.folder.join("0");
        if epoch.exists() {
            return Err(anyhow!("{}: an epoch is there; another folder is needed", epoch.display()).into());
        }
        let others = self.maker.len()..usize::from(self.makers).max(self.maker.len());
        let makers: Vec<_> =
            self.maker.iter().copied().chain(others.map(|number| exchange::maker(self.seed, number))).collect();
        let parameters = self.write(&epoch, &makers)?;
        let made = Exchange::new(self.seed, &parameters, makers.clone(), 3);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let served: anyhow::Result<()> = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", self.port)).await;
            let listener = listener.with_context(|| format!("port {}", self.port))?;
            let address = listener.local_addr()?;
            let (secret, epoch) = (self.folder.join("secret"), epoch.display());
            say!("ws://{address}: an exchange with {} makers, until Ctrl-C", makers.len());
            say!(
                "next: tidepool rewards record ws://{address} --out {epoch} --secret {} --volumes 1",
                secret.display()
            );
            say!("then: tidepool rewards live {epoch} --account {:#x}", makers[0]);
            let (_stop, stopped) = tokio::sync::watch::channel(false);
            let pause = Duration::from_millis(u64::from(1000 / self.steps).max(1));
            exchange::serve(listener, made, pause, now_ms, stopped).await?;
            Ok(())
        });
        Ok(served?)
    }

    /// Parameters, plan and secret of an epoch that begins with this minute.
    fn write(&self, epoch: &Path, makers: &[Address]) -> Result<EpochParameters, Failure> {
        let listing = |(market, price_decimals, size_decimals): (&str, u8, u8)| Listing {
            market: market.to_owned(),
            price_decimals,
            size_decimals,
        };
        let markets = [("BTC-USD", 1, 4), ("ETH-USD", 2, 3), ("SOL-USD", 3, 2)].map(listing);
        let mut parameters = history::parameters(history::LAST_EPOCH, &markets);
        let first_epoch_start = now_ms() / 60_000 * 60;
        parameters.clock = Clock { first_epoch_start, epoch_seconds: u64::from(self.minutes) * 60 };
        (parameters.epoch, parameters.lp_amount_wei) = (0, 1_000_000_000_000_000_000_000);
        parameters.check().map_err(anyhow::Error::from)?;
        let mut secret = B256::ZERO;
        fs::File::open("/dev/urandom")
            .and_then(|mut random| std::io::Read::read_exact(&mut random, secret.as_mut_slice()))
            .context("/dev/urandom")?;
        files::write(&epoch.join("parameters.toml"), init::parameters_toml(&parameters).as_bytes())?;
        let commitment = Some(sampling::commitment(secret));
        let tolerance_ms = sampling::DEFAULT_TOLERANCE_MS;
        write_sampling(&epoch.join("sampling.json"), &Sampling { commitment, tolerance_ms, ..Sampling::default() })?;
        let rows = makers.iter().map(|maker| vec![format!("{maker:#x}")]).collect();
        Table { columns: vec!["account"], rows }.write(&epoch.join("eligible.csv"))?;
        files::write(&self.folder.join("secret"), secret.to_string().as_bytes())?;
        Ok(parameters)
    }
}

/// Markets of an exchange's metadata.
pub(super) fn listings(path: &Path) -> anyhow::Result<Vec<Listing>> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    let found = metadata::listings(&text).with_context(|| path.display().to_string())?;
    if found.len() > 2000 {
        bail!("{}: {} markets", path.display(), found.len());
    }
    Ok(found)
}
