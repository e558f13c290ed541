//! HTTP: connections, and their bounds.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_io_timeout::TimeoutStream;

use super::{Node, dispatch, error::RpcError, websocket};

/// What one client, and all of them together, may ask of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request or batch.
    pub body: usize,
    /// Connections at a time, which wait to be accepted beyond that, and WebSockets, which are refused.
    pub connections: usize,
    /// How long a client may take over its header, its body, or the reading of an answer.
    pub patience: Duration,
    /// Which pages of browsers may use the node: one origin, or `*` for any.
    pub origin: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 16 << 20, connections: 512, patience: Duration::from_secs(30), origin: "*".into() }
    }
}

/// Bytes of bodies that are being received or worked on, all together.
const BODIES: usize = 128 << 20;
/// Bytes of a request's header.
const HEADER_BYTES: usize = 32 << 10;
/// Requests that run at a time; more wait.
const RUNNING: usize = 16;
/// How long open requests get when the node stops.
const GRACE: Duration = Duration::from_secs(3);

/// A node that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) node: Arc<Node>,
    pub(super) limits: Limits,
    bodies: Semaphore,
    running: Semaphore,
    /// Requests that may run on a thread that serves connections: one, where there are others.
    here: Semaphore,
    /// WebSockets that may still be opened.
    pub(super) sockets: Arc<Semaphore>,
}

impl Server {
    /// Binds the address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound; the error names it.
    pub async fn bind(node: Arc<Node>, address: SocketAddr, limits: Limits) -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{address}: {error}"));
        let listener = TcpListener::bind(address).await.map_err(named)?;
        let (bodies, running) = (Semaphore::new(BODIES), Semaphore::new(RUNNING));
        let threads = Handle::current().metrics().num_workers();
        let here = Semaphore::new(usize::from(threads > 1));
        let sockets = Arc::new(Semaphore::new(limits.connections));
        Ok(Self { listener, shared: Arc::new(Shared { node, limits, bodies, running, here, sockets }) })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// If the operating system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` completes; then finishes what is open, for a few seconds.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { listener, shared } = self;
        let slots = Arc::new(Semaphore::new(shared.limits.connections));
        let (stopping, stopped) = watch::channel(false);
        let miner = tokio::spawn(mine_by_the_clock(shared.node.clone()));
        let accept = async {
            loop {
                let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
                let Ok((stream, _)) = listener.accept().await else {
                    // Out of file descriptors, most likely: some come back soon.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let (shared, stopped) = (shared.clone(), stopped.clone());
                tokio::spawn(async move {
                    connection(stream, shared, stopped).await;
                    drop(slot);
                });
            }
        };
        tokio::select! {
            () = accept => {}
            () = stop => {}
        }
        miner.abort();
        let _ = stopping.send(true);
        let all = u32::try_from(shared.limits.connections).unwrap_or(u32::MAX);
        let _ = timeout(GRACE, slots.acquire_many(all)).await;
    }
}

/// Mines every so many seconds, if a client asked for it.
async fn mine_by_the_clock(node: Arc<Node>) {
    let mut interval = node.interval.subscribe();
    loop {
        let every = *interval.borrow_and_update();
        if every.is_zero() {
            if interval.changed().await.is_err() {
                return;
            }
        } else if timeout(every, interval.changed()).await.is_err() {
            let node = node.clone();
            let _ = tokio::task::spawn_blocking(move || node.mine()).await;
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(shared.limits.patience));
    let service = service_fn(|request| answer(request, shared.clone(), stopped.clone()));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.limits.patience)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .with_upgrades();
    let mut served = std::pin::pin!(served);
    let mut stop = stopped.clone();
    tokio::select! {
        _ = served.as_mut() => return,
        _ = stop.changed() => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await;
}

type Reply = Response<Full<Bytes>>;

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
) -> Result<Reply, Infallible> {
    let mut reply = if !allowed(&request, &shared.limits.origin) {
        plain(StatusCode::FORBIDDEN, "this origin may not use the node")
    } else if websocket::is_upgrade(&request) {
        websocket::upgrade(request, shared.clone(), stopped)
    } else {
        match *request.method() {
            Method::POST => post(request, &shared).await,
            Method::OPTIONS => plain(StatusCode::NO_CONTENT, ""),
            Method::GET | Method::HEAD => plain(StatusCode::OK, "JSON-RPC over POST or WebSocket\n"),
            _ => plain(StatusCode::METHOD_NOT_ALLOWED, "POST JSON-RPC requests"),
        }
    };
    let headers = reply.headers_mut();
    if let Ok(origin) = HeaderValue::from_str(&shared.limits.origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, GET, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
    Ok(reply)
}

/// Browsers say where a page comes from; other clients say nothing. With one origin, a page that reached the node by a name that
/// points here (DNS rebinding) is refused as well.
fn allowed(request: &Request<Incoming>, origin: &str) -> bool {
    let Some(page) = request.headers().get(header::ORIGIN) else {
        return true;
    };
    origin == "*" || page.as_bytes() == origin.as_bytes()
}

async fn post(request: Request<Incoming>, shared: &Arc<Shared>) -> Reply {
    let limit = shared.limits.body;
    let stated = request.headers().get(header::CONTENT_LENGTH);
    let stated = stated.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if stated.is_some_and(|length| length > limit) {
        return too_large(limit);
    }
    // Without a length it may become the largest.
    let bytes = u32::try_from(stated.unwrap_or(limit).max(1)).unwrap_or(u32::MAX);
    let Ok(Ok(_room)) = timeout(shared.limits.patience, shared.bodies.acquire_many(bytes.min(BODIES as u32))).await
    else {
        return rpc(StatusCode::SERVICE_UNAVAILABLE, &RpcError::limit("the node is busy"));
    };
    let body = match timeout(shared.limits.patience, Limited::new(request.into_body(), limit).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return too_large(limit),
        Ok(Err(_)) => return rpc(StatusCode::BAD_REQUEST, &RpcError::invalid_request("the body breaks off")),
        Err(_) => return rpc(StatusCode::REQUEST_TIMEOUT, &RpcError::invalid_request("the body comes too slowly")),
    };
    let node = shared.node.clone();
    match shared.run(move || node.handle(&body)).await {
        Some(answer) => json(StatusCode::OK, answer),
        None => plain(StatusCode::NO_CONTENT, ""),
    }
}

impl Shared {
    /// Runs what takes processor time: one request where it came in, which saves the change of threads that most would take longer
    /// over than over their work; meanwhile others beside the threads that serve connections, a few at a time.
    pub(super) async fn run<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> R {
        if let Ok(_turn) = self.here.try_acquire() {
            return work();
        }
        let _turn = self.running.acquire().await.expect("the semaphore is never closed");
        tokio::task::spawn_blocking(work).await.expect("requests catch their panics")
    }
}

fn too_large(limit: usize) -> Reply {
    let error = RpcError::invalid_request(&format!("the body is larger than {limit} bytes"));
    rpc(StatusCode::PAYLOAD_TOO_LARGE, &error)
}

fn rpc(status: StatusCode, error: &RpcError) -> Reply {
    json(status, dispatch::bytes(&dispatch::failure(serde_json::Value::Null, error)))
}

fn json(status: StatusCode, body: Vec<u8>) -> Reply {
    reply(status, "application/json", body)
}

pub(super) fn plain(status: StatusCode, text: &'static str) -> Reply {
    reply(status, "text/plain", text.into())
}

fn reply(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}
