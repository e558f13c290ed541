//! Files and messages over HTTP, from and to whom nobody has to trust: gateways, pinning services, webhooks.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::{Client, RequestBuilder, Url};

use crate::node;

/// How long a transfer may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long a message may take, which is a few lines.
const BRIEF: Duration = Duration::from_secs(20);

/// Bytes of an answer to what was handed out.
const ANSWER: usize = 1 << 20;

/// Parts the fields of a form; no archive of ours has it.
const BOUNDARY: &str = "tidepool-5d2f1c0e9b7a4836";

/// What may be printed of a URL: the rest may hold a key.
pub fn shown(url: &str) -> String {
    url.parse::<Url>().map_or_else(|_| "that URL".to_owned(), |url| url.origin().ascii_serialization())
}

/// A file of at most so many bytes.
///
/// # Errors
///
/// If nobody answers, if the answer is no success, or if it is larger.
pub fn get(url: &str, most: usize) -> anyhow::Result<Vec<u8>> {
    let (url, client) = open(url)?;
    exchange(url.as_str(), client.get(url.clone()), most)
}

/// Hands out a file as the form of a browser would, and returns the answer.
///
/// # Errors
///
/// As [`get`].
pub fn post_file(url: &str, token: Option<&str>, name: &str, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let (url, client) = open(url)?;
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/vnd.ipld.car\r\n\r\n"
    );
    let body = [head.as_bytes(), bytes, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat();
    let request = client.post(url.clone()).header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    exchange(url.as_str(), request.body(body), ANSWER)
}

/// Sends JSON, and returns the answer.
///
/// # Errors
///
/// As [`get`].
pub fn post_json(url: &str, value: &serde_json::Value) -> anyhow::Result<Vec<u8>> {
    let (url, _) = open(url)?;
    let client = node::http_client(&url, BRIEF).with_context(|| shown(url.as_str()))?;
    let request = client.post(url.clone()).header("content-type", "application/json").body(value.to_string());
    exchange(url.as_str(), request, ANSWER)
}

fn open(url: &str) -> anyhow::Result<(Url, Client)> {
    let url: Url = url.parse().context("no URL")?;
    ensure!(matches!(url.scheme(), "http" | "https"), "{}: http:// or https:// is expected", url.scheme());
    let client = node::http_client(&url, PATIENCE).with_context(|| shown(url.as_str()))?;
    Ok((url, client))
}

fn exchange(url: &str, request: RequestBuilder, most: usize) -> anyhow::Result<Vec<u8>> {
    let name = shown(url);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // The library's errors repeat the URL.
        let mut answer = request.send().await.map_err(reqwest::Error::without_url).with_context(|| name.clone())?;
        ensure!(answer.status().is_success(), "{name}: it answers {}", answer.status());
        let mut bytes = Vec::new();
        while let Some(chunk) =
            answer.chunk().await.map_err(reqwest::Error::without_url).with_context(|| name.clone())?
        {
            if bytes.len() + chunk.len() > most {
                bail!("{name}: its answer is larger than {most} bytes");
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    })
}
