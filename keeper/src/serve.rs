//! `/metrics` and `/health`.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use serde::Serialize;
use serde_json::{Value, json};

/// What is answered, written after each tick.
#[derive(Debug, Default)]
struct Answer {
    metrics: String,
    last_tick: Option<Look>,
    alerts: usize,
    trouble: Option<String>,
    at: Option<Instant>,
}

/// What was read last.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Look {
    /// Number of the block.
    pub block: u64,
    /// Its time, seconds.
    pub time: u64,
}

/// What others may read of a keeper.
#[derive(Clone, Debug)]
pub struct Published {
    answer: Arc<Mutex<Answer>>,
    patience: Duration,
}

impl Published {
    /// Nothing yet. Without news for so long, a keeper is not well.
    pub fn new(patience: Duration) -> Self {
        Self { answer: Arc::default(), patience }
    }

    /// After a tick that came to its end, with so many alerts open.
    pub fn write(&self, metrics: String, look: Look, alerts: usize) {
        *self.lock() = Answer { metrics, last_tick: Some(look), alerts, trouble: None, at: Some(Instant::now()) };
    }

    /// After a tick that failed: what was read last stays, and grows old.
    pub fn write_trouble(&self, metrics: String, trouble: String, alerts: usize) {
        let mut answer = self.lock();
        (answer.metrics, answer.trouble, answer.alerts) = (metrics, Some(trouble), alerts);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is well, and what it saw last.
    fn health(&self) -> (bool, Value) {
        let answer = self.lock();
        let is_recent = answer.at.is_some_and(|at| at.elapsed() <= self.patience);
        let live = is_recent && answer.trouble.is_none();
        let trouble = answer.trouble.clone().or_else(|| {
            (!is_recent).then(|| format!("no look at the chain came to its end for {} s", self.patience.as_secs()))
        });
        (live, json!({ "live": live, "trouble": trouble, "last_tick": answer.last_tick, "alerts": answer.alerts }))
    }
}

/// Answers on an address, on a thread of its own, as long as the process lives. Where it listens.
///
/// # Errors
///
/// If the address is taken.
pub fn serve(published: Published, listen: SocketAddr) -> anyhow::Result<SocketAddr> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind(listen)).with_context(|| listen.to_string())?;
    let address = listener.local_addr()?;
    let routes = Router::new().route("/metrics", get(metrics)).route("/health", get(health)).with_state(published);
    thread::spawn(move || runtime.block_on(async { drop(axum::serve(listener, routes).await) }));
    Ok(address)
}

async fn metrics(State(published): State<Published>) -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, published.lock().metrics.clone())
}

/// Pages of any origin may read it: it says nothing that the chain does not.
async fn health(State(published): State<Published>) -> impl IntoResponse {
    let (well, body) = published.health();
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, header::HeaderValue::from_static("*"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    (status, headers, Json(body))
}
