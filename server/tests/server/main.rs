//! The server beside a node with the compiled contracts: what it says is what getters and reference ledger say.

mod api;
mod disk;
mod histories;
mod live;
mod load;
mod market;
mod node;
mod pages;
mod postgres;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use client::Rpc;
use serde_json::Value;
use server::{Contracts, Settings, serve::Running};
use tokio::runtime::Runtime;

/// A server in this process.
struct Server {
    running: Option<Running>,
    runtime: Runtime,
    url: String,
}

fn settings(node: &str, database: &str, contracts: &Contracts) -> Settings {
    Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        database: database.to_owned(),
        rpc: Rpc::of(vec![node.parse().unwrap()]),
        heads: None,
        poll: Duration::from_millis(20),
        contracts: contracts.clone(),
        borrowers: Default::default(),
        pages: None,
        rewards: None,
        ingest: None,
        keys: Default::default(),
        rate: None,
        behind_proxy: false,
        reindex: false,
    }
}

impl Server {
    fn start(settings: Settings) -> Self {
        Self::try_start(settings).unwrap_or_else(|error| panic!("{error:#}"))
    }

    fn try_start(settings: Settings) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let running = runtime.block_on(server::serve(settings))?;
        let url = format!("http://{}", running.address);
        Ok(Self { running: Some(running), runtime, url })
    }

    /// An answer, of any status.
    fn answer(&self, path: &str) -> Answer {
        ask(&format!("{}{path}", self.url), &[])
    }

    /// An answer that succeeds.
    fn get(&self, path: &str) -> Value {
        let answer = self.answer(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// Waits until the index has this block.
    fn reaches(&self, hash: &str) {
        let start = Instant::now();
        loop {
            let health = self.answer("/health").json();
            if health["block"]["hash"] == hash {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "block {hash} is not reached: {health}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

/// What was answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    kind: String,
    headers: ureq::http::HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}", self.body))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

fn agent() -> ureq::Agent {
    let config =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
    ureq::Agent::new_with_config(config.proxy(None).build())
}

fn ask(url: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(agent().get(url), |request, (name, value)| request.header(*name, *value));
    read(request.call().unwrap_or_else(|error| panic!("{url}: {error}")))
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Answer {
    let headers = response.headers().clone();
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    Answer { status: response.status().as_u16(), kind, headers, body: response.body_mut().read_to_string().unwrap() }
}

fn post(url: &str, token: &str, body: &str) -> Answer {
    let request = agent().post(url).header("authorization", format!("Bearer {token}"));
    read(request.send(body).unwrap())
}

fn file(folder: &Path) -> String {
    folder.join("index.sqlite").display().to_string()
}
