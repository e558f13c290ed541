//! The shape of answers: JSON or CSV, tags and lifetimes for caches, problems in one form whoever found them.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Problem;

/// An answer about what cannot change any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Immutable;

/// Names of the columns of a list whose rows are lists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns(pub(crate) &'static [&'static str]);

/// The largest answer that is looked into.
const ANSWER_MAX: usize = 64 << 20;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
}

/// Wraps routes. The path is rewritten before they see it.
pub(crate) fn shaped(routes: Router) -> Router {
    Router::new().fallback_service(routes).layer(middleware::from_fn(shape))
}

async fn shape(mut request: Request, next: Next) -> Response {
    let is_old = request.uri().path().starts_with("/v3/");
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::POST) {
        let detail = format_args!("{}: GET and HEAD are allowed", request.method());
        return refuse(is_old, Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail));
    }
    let form = match wanted(&mut request) {
        Ok(form) => form,
        Err(problem) => return refuse(is_old, problem),
    };
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        return problem(is_old, response).await;
    }
    if kind(response.headers()) != "application/json" {
        return response;
    }
    finish(form, known, response).await.unwrap_or_else(|problem| refuse(is_old, problem))
}

fn refuse(is_old: bool, problem: Problem) -> Response {
    if is_old { super::legacy::error(&problem) } else { problem.into_response() }
}

fn kind(headers: &HeaderMap) -> &str {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim()
}

/// Which form the path's ending or the header asks for.
fn wanted(request: &mut Request) -> Result<Form, Problem> {
    let path = request.uri().path();
    if let Some(path) = path.strip_suffix(".csv") {
        let query = request.uri().query().map_or_else(String::new, |query| format!("?{query}"));
        let uri = format!("{path}{query}").parse::<Uri>();
        *request.uri_mut() = uri.map_err(|_| Problem::argument("the path is malformed"))?;
        return Ok(Form::Csv);
    }
    let Some(accept) = request.headers().get(header::ACCEPT) else { return Ok(Form::Json) };
    let accept = accept.to_str().map_err(|_| Problem::argument("Accept is not text"))?;
    let kinds = accept.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
    for kind in kinds {
        match kind {
            "text/csv" => return Ok(Form::Csv),
            "application/json"
            | "application/problem+json"
            | "application/*"
            | "*/*"
            | "text/event-stream"
            | "text/calendar"
            | "text/html"
            | "text/plain" => return Ok(Form::Json),
            _ => {}
        }
    }
    let detail = format_args!("Accept `{}`: application/json or text/csv are allowed", client::printable(accept));
    Err(Problem::new(StatusCode::NOT_ACCEPTABLE, detail))
}

/// An error as a problem, whoever found it.
async fn problem(is_old: bool, response: Response) -> Response {
    let status = response.status();
    let kind = kind(response.headers()).to_owned();
    if kind == "application/problem+json" && !is_old || kind == "application/json" {
        return response;
    }
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap_or_default();
    if let Ok(problem) = serde_json::from_slice::<Problem>(&body) {
        return refuse(is_old, problem);
    }
    let text = String::from_utf8_lossy(&body);
    let detail = match status {
        StatusCode::NOT_FOUND if text.is_empty() => "no such path; /openapi.json has them all".into(),
        StatusCode::METHOD_NOT_ALLOWED => "GET and HEAD are allowed".into(),
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => "the answer took too long: ask for less".into(),
        _ if text.is_empty() => status.canonical_reason().unwrap_or("error").into(),
        _ => text,
    };
    refuse(is_old, Problem::new(status, client::printable(&detail)))
}

async fn finish(form: Form, known: Option<HeaderValue>, response: Response) -> Result<Response, Problem> {
    let is_immutable = response.extensions().get::<Immutable>().is_some();
    let columns = response.extensions().get::<Columns>().copied();
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, ANSWER_MAX).await;
    let mut body = body.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer is too large"))?;
    if form == Form::Csv {
        body = csv(&body, columns)?.into();
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    }
    let tag = format!("\"{}\"", alloy_primitives::hex::encode(&Sha256::digest(&body)[..16]));
    let lifetime = if is_immutable { "public, max-age=31536000, immutable" } else { "public, max-age=1" };
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(lifetime));
    parts.headers.insert(header::VARY, HeaderValue::from_static("accept"));
    parts.headers.remove(header::CONTENT_LENGTH);
    let is_known = known.and_then(|known| known.to_str().ok().map(|known| known.contains(&tag))).unwrap_or_default();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        return Ok(Response::from_parts(parts, Body::empty()));
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// The list of an answer: what it is, or the only one that it has.
fn list(answer: &Value) -> Option<&Vec<Value>> {
    let data = answer.get("data").unwrap_or(answer);
    let is_table = |list: &&Vec<Value>| list.iter().all(Value::is_object);
    let mut tables = data.as_object()?.values().filter_map(Value::as_array).filter(is_table);
    let first = tables.next();
    first.filter(|_| tables.next().is_none())
}

/// A list as CSV: a column for each field of its rows, those within a field by its name and a point.
fn csv(body: &[u8], named: Option<Columns>) -> Result<Vec<u8>, Problem> {
    let answer: Value = serde_json::from_slice(body).map_err(Problem::argument)?;
    let rows = answer.get("data").unwrap_or(&answer).as_array().or_else(|| list(&answer));
    let rows = rows.ok_or_else(|| Problem::new(StatusCode::NOT_ACCEPTABLE, "this is no list: only JSON is allowed"))?;
    let row = |row: &Value| match (row, named) {
        (Value::Array(fields), Some(Columns(names))) => {
            names.iter().zip(fields).flat_map(|(name, field)| flat(name, field)).collect()
        }
        _ => flat("", row),
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    let mut columns = Vec::<String>::new();
    for (name, _) in rows.iter().flatten() {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error);
    if !columns.is_empty() {
        writer.write_record(&columns).map_err(failed)?;
    }
    for row in rows {
        let field = |column: &String| row.iter().find(|(name, _)| name == column).map_or("", |(_, value)| value);
        writer.write_record(columns.iter().map(field)).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error))
}

fn flat(prefix: &str, value: &Value) -> Vec<(String, String)> {
    let name = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
    match value {
        Value::Object(fields) => fields.iter().flat_map(|(key, value)| flat(&name(key), value)).collect(),
        Value::Null => vec![(name("").trim_end_matches('.').to_owned(), String::new())],
        Value::String(text) => vec![(name("").trim_end_matches('.').to_owned(), guarded(text))],
        other => vec![(name("").trim_end_matches('.').to_owned(), other.to_string())],
    }
}

/// Text that a spreadsheet would take for a formula gets a mark before it.
fn guarded(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
