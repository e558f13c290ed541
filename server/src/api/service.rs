//! What operators and tools ask: health, figures, the description of the API.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{App, BlockRef, Documentation, iso};

/// Seconds after which an index that has not seen its node is not ready any more.
const STALE: u64 = 60;

/// How the server is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always true: it answers.
    live: bool,
    /// Whether its answers are those of the head of the chain.
    ready: bool,
    /// Up to which block the index goes.
    block: Option<BlockRef>,
    /// The last block that cannot be taken back.
    finalized: Option<u64>,
    /// Reorganisations so far.
    reorganisations: u64,
    /// Why it is not ready.
    trouble: Option<String>,
}

/// Live and ready: 200, or 503 if it is not ready.
#[utoipa::path(get, path = "/health", tag = "service", responses((status = 200, body = Health), (status = 503, body = Health)))]
pub(crate) async fn health(State(app): State<App>) -> Response {
    let standing = app.standing.borrow().clone();
    let now = crate::now();
    let trouble = standing.trouble.clone().or_else(|| match standing.tip {
        None => Some("nothing is indexed yet".to_owned()),
        Some(_) if !standing.is_current => Some("the index is behind the chain and catches up".to_owned()),
        Some(_) if now > standing.seen + STALE => Some(format!("the node was seen {} s ago", now - standing.seen)),
        Some(_) => None,
    });
    let block = standing.tip.map(|tip| BlockRef {
        number: tip.number,
        hash: Some(tip.hash.to_string()),
        time: tip.time,
        timestamp: iso(tip.time),
    });
    let ready = trouble.is_none();
    let (finalized, reorganisations) = (standing.finalized, standing.reorganisations);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Health { live: true, ready, block, finalized, reorganisations, trouble })).into_response()
}

/// Figures for Prometheus.
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, app.metrics.render()).into_response()
}

/// The description of the API, as the handlers say it.
pub(crate) fn description() -> String {
    Documentation::openapi().to_pretty_json().map(|text| text + "\n").unwrap_or_default()
}

pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], description()).into_response()
}

/// A page to try the API: it asks this server only.
pub(crate) async fn page() -> Response {
    let policy = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'none'";
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, policy)];
    (headers, include_str!("page.html")).into_response()
}
