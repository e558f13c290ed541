//! The pages: the files of a folder, and `deployment.json`, which tells them what they speak to. Read once, at start.
//!
//! The pages state their own content security policy, in `index.html`. Here it is sent as a header, with the one thing that a page cannot say of
//! itself: who may show it in a frame.

use std::{
    collections::HashMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, Response, StatusCode, header},
    middleware::Next,
};
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The most that all files together may have: they are kept in memory.
const ALL_MAX: usize = 64 << 20;

/// Where the pages read what they speak to.
const DEPLOYMENT: &str = "/deployment.json";

/// How the path of the worker begins that runs the rewards engine.
const WORKER: &str = "/assets/engine.worker-";

/// What pages are served.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder, with an `index.html`.
    pub folder: PathBuf,
    /// `deployment.json`: chain, contracts, and whatever else the operator tells the pages.
    pub deployment: Value,
    /// Origins that may show the pages in a frame; nobody if it is empty.
    pub frame_ancestors: Vec<String>,
}

/// A file.
#[derive(Debug)]
struct File {
    kind: &'static str,
    lifetime: &'static str,
    tag: HeaderValue,
    body: Bytes,
    /// The same, compressed, if that is shorter.
    gzip: Option<Bytes>,
}

/// All files, by path.
#[derive(Debug)]
pub(crate) struct Pages {
    files: HashMap<String, File>,
    policy: HeaderValue,
    /// That of workers, which alone may compile WebAssembly.
    worker_policy: HeaderValue,
}

impl Pages {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, if they are too large, or if `index.html` states no policy.
    pub(crate) fn read(settings: &Settings) -> anyhow::Result<Self> {
        let folder = settings.folder.canonicalize().with_context(|| settings.folder.display().to_string())?;
        let (mut files, mut total) = (HashMap::new(), 0);
        let mut folders = vec![folder.clone()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(&next).with_context(|| next.display().to_string())? {
                let entry = entry?;
                let (path, kind) = (entry.path(), entry.file_type()?);
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    let body = fs::read(&path).with_context(|| path.display().to_string())?;
                    total += body.len();
                    if total > ALL_MAX {
                        bail!("{}: more than {ALL_MAX} bytes: these are not the pages", folder.display());
                    }
                    let name = path.strip_prefix(&folder)?.to_str().context("the name of a file is not text")?;
                    files.insert(format!("/{}", name.replace('\\', "/")), File::new(&path, body));
                }
            }
        }
        let index = files.get("/index.html");
        let index =
            index.with_context(|| format!("{}: no index.html (scripts/web build makes it)", folder.display()))?;
        let policy = policy(&String::from_utf8_lossy(&index.body), &settings.frame_ancestors)
            .with_context(|| folder.join("index.html").display().to_string())?;
        let stated = policy.to_str().unwrap_or_default();
        let worker_policy = stated.replacen("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'", 1);
        let worker_policy = HeaderValue::from_str(&worker_policy).context("its policy is no header")?;
        let deployment = serde_json::to_vec_pretty(&settings.deployment)?;
        files.insert(DEPLOYMENT.to_owned(), File::new(Path::new(DEPLOYMENT), deployment));
        Ok(Self { files, policy, worker_policy })
    }

    /// The policy of a file: a worker's is that of its own answer.
    fn policy(&self, path: &str) -> &HeaderValue {
        if path.starts_with(WORKER) { &self.worker_policy } else { &self.policy }
    }

    fn find(&self, path: &str) -> Option<&File> {
        self.files.get(if path == "/" { "/index.html" } else { path })
    }
}

impl File {
    fn new(path: &Path, body: Vec<u8>) -> Self {
        let kind = kind(path);
        let tag = format!("\"{}\"", alloy_primitives::hex::encode(&Sha256::digest(&body)[..16]));
        // What the build puts there has its hash in its name.
        let is_named_by_hash = path.parent().is_some_and(|parent| parent.ends_with("assets"));
        let gzip = gzip(&body).filter(|gzip| gzip.len() < body.len());
        Self {
            kind,
            lifetime: if is_named_by_hash { "public, max-age=31536000, immutable" } else { "no-cache" },
            tag: HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\"")),
            body: body.into(),
            gzip: gzip.map(Into::into),
        }
    }
}

fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::best());
    writer.write_all(body).ok()?;
    writer.finish().ok()
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The policy that a page states, and who may show it in a frame.
fn policy(index: &str, frame_ancestors: &[String]) -> anyhow::Result<HeaderValue> {
    let stated = index.split_once("\"Content-Security-Policy\"").and_then(|(_, rest)| {
        let (_, rest) = rest.split_once("content=\"")?;
        Some(rest.split_once('"')?.0)
    });
    let stated = stated.context("it states no content security policy")?;
    let is_origin = |text: &str| {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        host.is_some_and(|host| {
            !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte))
        })
    };
    if let Some(other) = frame_ancestors.iter().find(|text| !is_origin(text)) {
        bail!("`{other}` may not show the pages in a frame: an origin like https://app.safe.global can");
    }
    let ancestors = if frame_ancestors.is_empty() { "'none'".to_owned() } else { frame_ancestors.join(" ") };
    let stated = stated.trim().trim_end_matches(';');
    HeaderValue::from_str(&format!("{stated}; frame-ancestors {ancestors}")).context("its policy is no header")
}

/// Answers with a page, or passes on.
pub(crate) async fn serve(State(pages): State<Arc<Pages>>, request: Request, next: Next) -> Response<Body> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let Some(file) = pages.find(request.uri().path()).filter(|_| is_read) else { return next.run(request).await };
    let has = |name: header::HeaderName, part: &str| {
        let values = request.headers().get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|value| value.trim().split(';').next() == Some(part))
    };
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, pages.policy(request.uri().path()).clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(file.lifetime));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::ETAG, file.tag.clone());
    if file.tag.to_str().is_ok_and(|tag| has(header::IF_NONE_MATCH, tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind));
    let gzip = file.gzip.as_ref().filter(|_| has(header::ACCEPT_ENCODING, "gzip"));
    if gzip.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let body = gzip.unwrap_or(&file.body).clone();
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    if request.method() == Method::GET {
        *response.body_mut() = Body::from(body);
    }
    response
}
