//! The server as a whole: who writes, who answers, and how it ends.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use alloy_primitives::Address;
use anyhow::{Context, anyhow, bail};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::post,
};
use client::{Rpc, follow};
use governor::{Quota, RateLimiter, clock::Clock, state::keyed::HashMapStateStore};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;
use tower_http::{catch_panic::CatchPanicLayer, cors::CorsLayer, timeout::TimeoutLayer};

use crate::{
    api::{self, Problem, Shared, Standing},
    chain::Chain,
    index::{Index, Step, TooDeep},
    live::{Epochs, Malformed, SAMPLE_MAX},
    logs::Contracts,
    pages::{self, Pages},
    store::{Store, Writer},
};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a client may take over its header, or the reading of an answer.
const CLIENT: Duration = Duration::from_secs(20);
/// Connections at a time: more wait to be accepted.
const CONNECTIONS: usize = 2_048;
/// Connections of one address at a time, unless a proxy stands between: more are closed at once, so that nobody takes all of them.
const CONNECTIONS_OF_ONE: usize = 256;
/// Subscribers at a time.
const SUBSCRIBERS: usize = 512;
/// How long open requests get when the server stops.
const GRACE: Duration = Duration::from_secs(5);
/// Between two looks into the folder of rewards.
const FOLLOW: Duration = Duration::from_millis(500);
/// Between two attempts to become the one who writes.
const TAKE_OVER: Duration = Duration::from_secs(2);
/// Samples that may be sent at a time, requests a second.
const INGEST_RATE: u32 = 50;

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A file of SQLite, or the URL of a Postgres.
    pub database: String,
    /// The nodes that are asked.
    pub rpc: Rpc,
    /// A node that tells of new heads over WebSocket, if there is one.
    pub heads: Option<String>,
    /// Between two looks at the head.
    pub poll: Duration,
    /// The contracts.
    pub contracts: Contracts,
    /// What the operator says of borrowers, by address.
    pub borrowers: BTreeMap<Address, Listed>,
    /// The pages, if they are served here.
    pub pages: Option<pages::Settings>,
    /// The folder of epochs, if there is one.
    pub rewards: Option<PathBuf>,
    /// Where samples are taken, and the token that lets them in.
    pub ingest: Option<(SocketAddr, String)>,
    /// Accounts by API key, for clients of the old API.
    pub keys: BTreeMap<String, Address>,
    /// Requests of one client in a second; nothing for no limit.
    pub rate: Option<NonZeroU32>,
    /// Whether a proxy in front says who the client is (`X-Forwarded-For`).
    pub behind_proxy: bool,
    /// Whether the index is built again.
    pub reindex: bool,
}

/// What the operator says of a borrower.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// What it is called.
    pub name: String,
    /// Its page, or nothing.
    pub link: String,
    /// What else is to be said, or nothing.
    pub note: String,
}

/// A server that listens.
#[derive(Debug)]
pub struct Running {
    /// Where it answers.
    pub address: SocketAddr,
    /// Where it takes samples.
    pub ingest: Option<SocketAddr>,
    /// How its index stands.
    pub standing: watch::Receiver<Standing>,
    stop: watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    store: Store,
}

impl Running {
    /// Stops: what is open is answered, for a few seconds.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = tokio::time::timeout(GRACE * 2, task).await;
        }
        self.store.close().await;
    }
}

/// Starts a server.
///
/// # Errors
///
/// If node or database cannot be used, or an address cannot be listened at; each with what to do.
pub async fn serve(settings: Settings) -> anyhow::Result<Running> {
    let pages = settings.pages.as_ref().map(Pages::read).transpose()?.map(Arc::new);
    let store = Store::open(&settings.database).await?;
    let rpc = settings.rpc.clone();
    let (chain, chain_id) = tokio::task::spawn_blocking(move || {
        let chain_id = rpc.connect()?.chain_id;
        anyhow::Ok((Chain::connect(rpc)?, chain_id))
    })
    .await??;
    // Also said here: a database that cannot be used is an error at start, not later.
    let writer = store.writer().await?;
    let listener = TcpListener::bind(settings.listen).await.with_context(|| settings.listen.to_string())?;
    let address = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let (sender, standing) = watch::channel(Standing::default());
    let epochs = settings.rewards.clone().map(|folder| Arc::new(Epochs::new(folder)));
    let shared = Arc::new(Shared {
        store: store.clone(),
        chain,
        contracts: settings.contracts.clone(),
        borrowers: settings.borrowers.clone(),
        chain_id,
        standing: standing.clone(),
        epochs: epochs.clone(),
        keys: settings.keys.clone(),
        tokens: Default::default(),
        scans: Arc::new(Semaphore::new(1)),
        subscribers: Arc::new(Semaphore::new(SUBSCRIBERS)),
        programs: settings.rewards.clone(),
        metrics: recorder(),
    });
    let mut tasks = Vec::new();
    let routes = guarded(api::routes(Arc::clone(&shared)), pages, settings.rate, settings.behind_proxy);
    let of_one = if settings.behind_proxy { CONNECTIONS } else { CONNECTIONS_OF_ONE };
    tasks.push(tokio::spawn(accept(listener, routes, of_one, stopped.clone())));
    let mut ingest = None;
    if let Some(epochs) = epochs {
        if let Some((at, token)) = settings.ingest.clone() {
            epochs.expect_samples()?;
            let listener = TcpListener::bind(at).await.with_context(|| at.to_string())?;
            ingest = Some(listener.local_addr()?);
            let routes = ingest_routes(Arc::clone(&epochs), token);
            tasks.push(tokio::spawn(accept(listener, routes, CONNECTIONS_OF_ONE, stopped.clone())));
        }
        tasks.push(tokio::spawn(follow_rewards(epochs, stopped.clone())));
    } else if settings.ingest.is_some() {
        bail!("--ingest takes samples of the epochs in --rewards FOLDER, which is not given");
    }
    let wake = Arc::new(tokio::sync::Notify::new());
    if let Some(url) = settings.heads.clone() {
        tasks.push(tokio::spawn(follow_heads(url, Arc::clone(&wake), stopped.clone())));
    }
    tasks.push(tokio::spawn(keep_index(settings, store.clone(), writer, sender, wake, stopped)));
    Ok(Running { address, ingest, standing, stop, tasks, store })
}

/// The recorder of figures, one a process.
fn recorder() -> metrics_exporter_prometheus::PrometheusHandle {
    static HANDLE: std::sync::OnceLock<metrics_exporter_prometheus::PrometheusHandle> = std::sync::OnceLock::new();
    let handle = HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // Another recorder of the process is as good; then this page stays empty.
        let _ = metrics::set_global_recorder(recorder);
        handle
    });
    handle.clone()
}

type Limiter = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, governor::clock::DefaultClock>;

/// What stands between clients and handlers.
fn guarded(mut routes: Router, pages: Option<Arc<Pages>>, rate: Option<NonZeroU32>, behind_proxy: bool) -> Router {
    let limiter = rate.map(|rate| {
        let quota = Quota::per_second(rate).allow_burst(rate.saturating_mul(NonZeroU32::MIN.saturating_add(3)));
        Arc::new(Limiter::hashmap(quota))
    });
    if let Some(pages) = pages {
        routes = routes.layer(middleware::from_fn_with_state(pages, pages::serve));
    }
    routes
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, PATIENCE))
        .layer(CatchPanicLayer::custom(|_| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this should not happen: please report it").into_response()
        }))
        .layer(middleware::from_fn_with_state((limiter, behind_proxy), limit))
        .layer(CorsLayer::permissive())
}

async fn limit(
    State((limiter, behind_proxy)): State<(Option<Arc<Limiter>>, bool)>,
    request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let forwarded = request.headers().get("x-forwarded-for").and_then(|value| value.to_str().ok());
    // The last address is the one that our own proxy saw; those before are what the client says.
    let forwarded = forwarded.and_then(|value| value.rsplit(',').next()).and_then(|value| value.trim().parse().ok());
    let peer = request.extensions().get::<SocketAddr>().map(SocketAddr::ip);
    let client = forwarded.filter(|_| behind_proxy).or(peer);
    let allowed = match (&limiter, client) {
        (Some(limiter), Some(client)) => {
            if limiter.len() > 100_000 {
                limiter.retain_recent();
            }
            limiter.check_key(&client).map_err(|wait| wait.wait_time_from(limiter.clock().now()))
        }
        _ => Ok(()),
    };
    let response = match allowed {
        Ok(()) => next.run(request).await,
        Err(wait) => {
            let seconds = wait.as_secs() + 1;
            let detail = format!("too many requests from one address: wait {seconds} s");
            let mut response = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).into_response();
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            response
        }
    };
    metrics::counter!("tidepool_requests_total", "status" => response.status().as_str().to_owned()).increment(1);
    metrics::histogram!("tidepool_request_seconds").record(start.elapsed());
    response
}

/// How many connections each address has.
#[derive(Clone, Debug, Default)]
struct Seats(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection of an address, as long as this lives.
#[derive(Debug)]
struct Seat(Seats, IpAddr);

impl Seats {
    /// A seat, if the address has fewer than so many.
    fn take(&self, address: IpAddr, most: usize) -> Option<Seat> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Seat(self.clone(), address))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.1);
            }
        }
    }
}

/// Accepts connections until the server stops, so many of one address, and bounds each.
async fn accept(listener: TcpListener, routes: Router, of_one: usize, mut stopped: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let seats = Seats::default();
    let graceful = GracefulShutdown::new();
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, most likely: some come back soon.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Some(seat) = seats.take(peer.ip(), of_one) else {
            metrics::counter!("tidepool_connections_refused_total").increment(1);
            continue;
        };
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(CLIENT));
        let routes = routes.clone();
        let service = tower::service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let answer = routes.clone().oneshot(request.map(axum::body::Body::new));
            async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(CLIENT)
            .max_buf_size(64 << 10)
            .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(service));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _ = connection.await;
            drop((slot, seat));
        });
    }
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
}

/// What takes samples: one path, for whoever has the token.
fn ingest_routes(epochs: Arc<Epochs>, token: String) -> Router {
    let quota = Quota::per_second(NonZeroU32::new(INGEST_RATE).unwrap_or(NonZeroU32::MIN));
    let limiter = Arc::new(governor::DefaultDirectRateLimiter::direct(quota));
    Router::new()
        .route("/v1/rewards/samples", post(take))
        .layer(DefaultBodyLimit::max(SAMPLE_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, PATIENCE))
        .with_state((epochs, Arc::<str>::from(token), limiter))
}

type Ingest = (Arc<Epochs>, Arc<str>, Arc<governor::DefaultDirectRateLimiter>);

async fn take(State((epochs, token, limiter)): State<Ingest>, headers: HeaderMap, body: Bytes) -> Response {
    let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
    if !is_same(given, format!("Bearer {token}").as_bytes()) {
        return Problem::new(StatusCode::UNAUTHORIZED, "the token is missing or another one").into_response();
    }
    if limiter.check().is_err() {
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, format!("at most {INGEST_RATE} requests a second"))
            .into_response();
    }
    let kept = tokio::task::spawn_blocking(move || epochs.take(&body)).await;
    match kept.map_err(|error| anyhow!(error)).flatten() {
        Ok(kept) => axum::Json(serde_json::json!({ "taken": kept })).into_response(),
        Err(error) => match error.downcast::<Malformed>() {
            Ok(malformed) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, malformed).into_response(),
            Err(error) => Problem::from(error).into_response(),
        },
    }
}

/// Compares without telling by time where the first difference is.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    use sha2::{Digest, Sha256};

    Sha256::digest(one) == Sha256::digest(other)
}

async fn follow_rewards(epochs: Arc<Epochs>, mut stopped: watch::Receiver<bool>) {
    let mut said = String::new();
    loop {
        let reader = Arc::clone(&epochs);
        let start = Instant::now();
        let read = tokio::task::spawn_blocking(move || reader.refresh()).await;
        metrics::histogram!("tidepool_rewards_refresh_seconds").record(start.elapsed());
        let trouble = match read.map_err(|error| anyhow!(error)).flatten() {
            Ok(()) => String::new(),
            Err(error) => format!("{error:#}"),
        };
        if trouble != said && !trouble.is_empty() {
            tracing::warn!(trouble, "the running epoch cannot be read");
        }
        said = trouble;
        tokio::select! {
            () = tokio::time::sleep(FOLLOW) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Wakes the index at each head that a node announces.
async fn follow_heads(url: String, wake: Arc<tokio::sync::Notify>, mut stopped: watch::Receiver<bool>) {
    loop {
        let heads = async {
            let url = url.parse().context("the URL of heads")?;
            follow::heads(&url, || wake.notify_one()).await
        };
        tokio::select! {
            ended = heads => {
                let error = ended.err().map(|error| format!("{error:#}"));
                tracing::warn!(error, "no news of heads: the node is polled");
            }
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Writes as long as nobody else does; otherwise follows what the other one writes, and takes over when it is gone.
async fn keep_index(
    settings: Settings,
    store: Store,
    mut writer: Option<Writer>,
    standing: watch::Sender<Standing>,
    wake: Arc<tokio::sync::Notify>,
    mut stopped: watch::Receiver<bool>,
) {
    let stopping = Arc::new(AtomicBool::new(false));
    let fails = |trouble: String| {
        standing.send_modify(|standing| (standing.trouble, standing.is_current) = (Some(trouble), false));
    };
    let mut refused = None;
    loop {
        if let Some(writer) = writer.take() {
            tracing::info!("this process writes the index");
            let ended = write(&settings, writer, &standing, &wake, &stopping, &mut stopped).await;
            if *stopped.borrow() {
                return;
            }
            let trouble = ended.err().map(|error| format!("{error:#}")).unwrap_or_default();
            tracing::error!(trouble, "the index stands");
            fails(trouble);
        } else if let Some(trouble) = refused.take() {
            fails(trouble);
        } else if let Err(error) = read(&store, &standing).await {
            fails(format!("{error:#}"));
        }
        tokio::select! {
            () = tokio::time::sleep(TAKE_OVER) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        match store.writer().await {
            Ok(taken) => writer = taken,
            Err(error) => {
                let trouble = format!("{error:#}");
                tracing::warn!(trouble, "the database cannot be written");
                refused = Some(trouble);
            }
        }
    }
}

/// What another process has written.
async fn read(store: &Store, standing: &watch::Sender<Standing>) -> anyhow::Result<()> {
    let tip = store.tip().await?;
    let reorganisations = store.last_reorganisation().await?.map_or(0, |last| last.number);
    let finalized = store.finalized().await?;
    let is_current = tip.is_some();
    let seen = store.seen().await?;
    standing.send_modify(|known| {
        *known = Standing { tip, finalized, reorganisations, is_current, trouble: None, seen };
    });
    Ok(())
}

/// Runs the index on a thread of its own, which may wait for the node, until it cannot go on.
async fn write(
    settings: &Settings,
    mut writer: Writer,
    standing: &watch::Sender<Standing>,
    wake: &Arc<tokio::sync::Notify>,
    stopping: &Arc<AtomicBool>,
    stopped: &mut watch::Receiver<bool>,
) -> anyhow::Result<()> {
    if settings.reindex && standing.borrow().tip.is_none() {
        writer.clear().await?;
    }
    let (rpc, contracts, poll) = (settings.rpc.clone(), settings.contracts.clone(), settings.poll);
    let (sender, flag) = (standing.clone(), Arc::clone(stopping));
    let (awake, wake) = (Arc::clone(wake), Arc::clone(wake));
    let runtime = tokio::runtime::Handle::current();
    let (done, mut ended) = tokio::sync::oneshot::channel();
    thread::Builder::new().name("index".to_owned()).spawn(move || {
        let run = || {
            let node = rpc.connect()?;
            let index = Index::new(node, contracts, writer, runtime.clone())?;
            run_index(index, &sender, &wake, &flag, poll, &runtime)
        };
        let _ = done.send(run());
    })?;
    tokio::select! {
        result = &mut ended => return result?,
        () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => {}
    }
    stopping.store(true, Ordering::Relaxed);
    awake.notify_one();
    ended.await?
}

fn run_index(
    mut index: Index,
    standing: &watch::Sender<Standing>,
    wake: &tokio::sync::Notify,
    stopping: &AtomicBool,
    poll: Duration,
    runtime: &tokio::runtime::Handle,
) -> anyhow::Result<()> {
    let mut pause = poll;
    standing.send_modify(|known| known.tip = index.tip());
    while !stopping.load(Ordering::Relaxed) {
        match index.step() {
            Ok(step) => {
                pause = poll;
                let goes_on = told(step, &index, standing);
                if goes_on {
                    continue;
                }
            }
            Err(error) => {
                // A connection that failed may be within a transaction that it cannot end: what it wrote from then on would be lost. So it is
                // given up, lock and all, and whoever gets the next one goes on where the database is.
                let is_ours = error.chain().any(|cause| cause.is::<sqlx::Error>());
                if is_ours || error.downcast_ref::<TooDeep>().is_some() {
                    return Err(error);
                }
                index.ping().context("the connection that writes is gone")?;
                let trouble = format!("{error:#}");
                tracing::warn!(trouble, "the index waits");
                metrics::counter!("tidepool_index_failures_total").increment(1);
                standing.send_modify(|known| {
                    let is_late = crate::now() > known.seen + 30;
                    known.trouble = Some(trouble).filter(|_| is_late || known.tip.is_none());
                });
                pause = (pause * 2).min(Duration::from_secs(10));
            }
        }
        runtime.block_on(async {
            let _ = tokio::time::timeout(pause, wake.notified()).await;
        });
    }
    Ok(())
}

/// Tells everybody of a step; whether there is more to do at once.
fn told(step: Step, index: &Index, standing: &watch::Sender<Standing>) -> bool {
    match step {
        Step::Idle(tip) => {
            standing.send_if_modified(|known| {
                let before = known.clone();
                (known.tip, known.is_current, known.trouble, known.seen) = (Some(tip), true, None, crate::now());
                known.finalized = index.finalized.or(known.finalized);
                *known != before
            });
            false
        }
        Step::Advanced(tip, events, more) => {
            metrics::counter!("tidepool_indexed_events_total").increment(events as u64);
            metrics::gauge!("tidepool_indexed_block").set(tip.number as f64);
            standing.send_modify(|known| {
                (known.tip, known.is_current, known.trouble, known.seen) = (Some(tip), !more, None, crate::now());
                known.finalized = index.finalized.or(known.finalized);
            });
            true
        }
        Step::TakenBack(taken) => {
            tracing::warn!(block = taken.block, depth = taken.depth, "blocks were taken back");
            metrics::counter!("tidepool_reorganisations_total").increment(1);
            standing.send_modify(|known| {
                (known.tip, known.reorganisations) = (index.tip(), taken.number);
            });
            true
        }
    }
}
