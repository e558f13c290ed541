//! Measures the recorder: messages a second on one core, memory, from an instant to its sample, from a sample to the live sums. `scripts/bench record` runs
//! it and keeps the table that it prints.

use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use alloy_primitives::B256;
use rewards::{
    allocation::allocate,
    book::Record,
    epoch::Clock,
    history::{self, Listing},
    parameters::EpochParameters,
    sampling::{self, Sampling},
    score::score,
    tally::Rules,
};
use rewards_files::{Error, live::Running};
use rewards_record::{
    drive::Drive,
    event::Markets,
    exchange::{Exchange, maker, serve},
    feed::generic::Generic,
    owner::Owners,
    plan::Plan,
    recorder::{Recorder, Settings},
    sink::{Fill, Sink},
    source::{Input, Source, now_ms},
    store::Store,
};
use tokio::{net::TcpListener, runtime::Runtime, sync::watch};

const MARKETS: usize = 40;
const MAKERS: usize = 25;
/// Orders of a maker on a side.
const LEVELS: u64 = 10;
const SECRET: B256 = B256::repeat_byte(0x5e);

fn parameters(start: u64) -> EpochParameters {
    let name = |market: usize| match market {
        0 => "BTC-USD".to_owned(),
        1 => "ETH-USD".to_owned(),
        other => format!("M{other}-USD"),
    };
    let listing = |market| Listing { market: name(market), price_decimals: 2, size_decimals: 3 };
    let listings: Vec<_> = (0..MARKETS).map(listing).collect();
    let mut parameters = history::parameters(history::LAST_EPOCH, &listings);
    parameters.epoch = 0;
    parameters.clock = Clock { first_epoch_start: start, epoch_seconds: 3600 };
    parameters.lp_amount_wei = 10_u128.pow(24);
    parameters
}

fn plan() -> Sampling {
    Sampling { commitment: Some(sampling::commitment(SECRET)), tolerance_ms: 250, ..Sampling::default() }
}

fn exchange(parameters: &EpochParameters) -> Exchange {
    Exchange::new(1, parameters, (0..MAKERS).map(|number| maker(1, number)).collect(), LEVELS)
}

/// An epoch's folder to record into.
fn folder(root: &Path, name: &str, parameters: &EpochParameters) -> Result<std::path::PathBuf, Error> {
    let folder = root.join(name);
    let json = |value: serde_json::Result<Vec<u8>>| value.map_err(Error::refused);
    rewards_files::output::write(&folder.join("parameters.json"), &json(serde_json::to_vec(parameters))?)?;
    rewards_files::output::write(&folder.join("sampling.json"), &json(serde_json::to_vec(&plan()))?)?;
    let rows: String = (0..MAKERS).map(|number| format!("{:#x}\n", maker(1, number))).collect();
    rewards_files::output::write(&folder.join("eligible.csv"), format!("account\n{rows}").as_bytes())?;
    Ok(folder)
}

/// Processor time of this thread.
fn busy() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or_default())
}

/// Memory of this process as it is now.
fn held_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1024
}

fn row(what: &str, found: &str) {
    println!("| {what} | {found} |");
}

/// Replays a span of a busy exchange.
fn replay(root: &Path, seconds: u64, steps: u64) -> Result<(), Error> {
    let parameters = parameters(1_700_000_040);
    let start_ms = parameters.start() * 1000;
    let inputs: Vec<_> = exchange(&parameters)
        .play(start_ms, start_ms + seconds * 1000, steps)
        .into_iter()
        .map(|line| Input::Text(line.into_bytes(), None))
        .collect();
    let before_mib = held_mib();
    let bytes: usize = inputs.iter().map(|input| if let Input::Text(text, _) = input { text.len() } else { 0 }).sum();
    let (sampling, names, owners) = (plan(), Markets::of(&parameters), Owners::default());
    let rules = Rules::new(&parameters, &sampling).map_err(Error::refused)?;
    let mut store = Store::open(&folder(root, "replay", &parameters)?, &parameters, false, false)?;
    let plan = Plan::of(&parameters, &sampling, SECRET)?;
    let mut recorder = Recorder::new(&rules, &names, plan, Settings::default(), &store);
    let mut drive = Drive::new(Box::new(Generic::new(&names, &owners)), None);
    let begin = busy();
    for input in &inputs {
        drive.take(input, &mut recorder, &mut store)?;
    }
    let took = (busy() - begin).as_secs_f64();
    let counts = recorder.counts();
    let all = inputs.len() as f64;
    row("messages, heartbeats among them", &inputs.len().to_string());
    row("bytes of a message", &format!("{:.0}", bytes as f64 / all));
    row("**messages a second, one core**", &format!("**{:.0}**", all / took));
    row("samples cut and appended in that time", &(counts.ok + counts.one_sided).to_string());
    row("orders resting at the end, in all markets", &recorder.held().0.to_string());
    row("memory at the end beyond the feed itself", &format!("{} MiB", held_mib().saturating_sub(before_mib)));
    Ok(())
}

/// Notes how late each sample is on the disk.
struct Watched {
    store: Store,
    lags: Vec<u64>,
}

impl Sink for Watched {
    fn sample(&mut self, market: usize, record: &Record<'_>, reason: Option<&str>, left_out: u64) -> Result<(), Error> {
        self.store.sample(market, record, reason, left_out)?;
        if reason.is_none() {
            self.lags.push(now_ms().saturating_sub(record.time_ms));
        }
        Ok(())
    }

    fn fill(&mut self, fill: &Fill) -> Result<(), Error> {
        self.store.fill(fill)
    }

    fn note(&mut self, market: Option<usize>, time_ms: u64, text: &str) {
        self.store.note(market, time_ms, text);
    }

    fn last_minute(&self, market: usize) -> Option<u32> {
        self.store.last_minute(market)
    }
}

/// Follows an exchange on this machine for a while.
fn follow(root: &Path, seconds: u64) -> Result<(), Error> {
    let parameters = parameters(now_ms() / 60_000 * 60);
    let made = exchange(&parameters);
    let (stop, stopped) = watch::channel(false);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(Error::refused)?;
    let address = listener.local_addr().map_err(Error::refused)?;
    let serving = std::thread::spawn(move || {
        let runtime = Runtime::new()?;
        runtime.block_on(async {
            listener.set_nonblocking(true)?;
            serve(TcpListener::from_std(listener)?, made, Duration::from_millis(10), now_ms, stopped).await
        })
    });
    let (sampling, names, owners) = (plan(), Markets::of(&parameters), Owners::default());
    let rules = Rules::new(&parameters, &sampling).map_err(Error::refused)?;
    let folder = folder(root, "live", &parameters)?;
    let mut sink = Watched { store: Store::open(&folder, &parameters, true, false)?, lags: Vec::new() };
    let plan = Plan::of(&parameters, &sampling, SECRET)?;
    let mut recorder = Recorder::new(&rules, &names, plan, Settings::default(), &sink);
    let mut drive = Drive::new(Box::new(Generic::new(&names, &owners)), None);
    let mut source = Source::open(&[format!("ws://{address}")], false, None)?;
    let begin = Instant::now();
    drive.run(&mut source, &mut recorder, &mut sink, |_, _| Ok(begin.elapsed().as_secs() >= seconds))?;
    let messages = recorder.counts().messages + recorder.counts().heartbeats;
    row("messages a second, as they came", &format!("{:.0}", messages as f64 / begin.elapsed().as_secs_f64()));
    sink.lags.sort_unstable();
    let at = |part: usize| sink.lags.get(sink.lags.len().saturating_sub(1) * part / 100).copied().unwrap_or_default();
    let text = format!("{} / {} / {} ms, of {} samples", at(50), at(99), at(100), sink.lags.len());
    row("**from the instant to the sample on the disk**: half / 99 of 100 / all within", &text);
    drop(stop);
    drop(serving.join());

    let mut running = Running::open(&folder, true)?;
    running.grow()?;
    // One sample more, of a market that has most of them.
    let path = fs::read_dir(folder.join("samples")).map_err(Error::refused)?.flatten().map(|entry| entry.path()).max();
    let Some(path) = path else { return Ok(()) };
    let text = fs::read_to_string(&path).map_err(Error::at(&path))?;
    let Some(last) = text.lines().last() else { return Ok(()) };
    let minute = running.newest.iter().flatten().map(|newest| newest.minute).max().unwrap_or_default();
    let time = |minute: u32| parameters.start() * 1000 + u64::from(minute) * 60_000;
    let mut record: serde_json::Value = serde_json::from_str(last).map_err(Error::refused)?;
    (record["minute"], record["time_ms"]) = ((minute + 1).into(), time(minute + 1).into());
    fs::write(&path, format!("{text}{record}\n")).map_err(Error::at(&path))?;
    let begin = Instant::now();
    running.grow()?;
    let scores = score(&running.source.parameters, &running.tally, &running.source.inputs).map_err(Error::refused)?;
    let allocation = allocate(&running.source.parameters, &scores);
    let took = begin.elapsed();
    row(
        "**from the sample to the live sums, scores and tokens**, beside the pause between two looks (1 s)",
        &format!("{:.1} ms, {} providers", took.as_secs_f64() * 1000.0, allocation.credits.len().max(MAKERS)),
    );
    Ok(())
}

fn main() -> Result<(), Error> {
    let number =
        |place: usize, otherwise: u64| env::args().nth(place).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let root = env::temp_dir().join(format!("tidepool-recorder-{}", std::process::id()));
    println!("| what | result |\n|---|---:|");
    row("markets / makers / orders in a book", &format!("{MARKETS} / {MAKERS} / {}", MAKERS as u64 * LEVELS * 2));
    let done = replay(&root, number(1, 120), number(2, 100)).and_then(|()| follow(&root, number(3, 130)));
    drop(fs::remove_dir_all(&root));
    done
}
