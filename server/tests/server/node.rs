//! A node, and a double of it that answers as nodes on the network do on their worst day.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use chain::node::{Limits, Node, NodeSettings};
use serde_json::{Value, json};
use suite::simulation::Random;

/// A node on a free port, as long as this lives.
pub(crate) struct Served {
    served: chain::node::Served,
    pub(crate) url: String,
}

impl Served {
    /// Its clock stands still unless it is told.
    pub(crate) fn new(timestamp: u64) -> Self {
        let settings =
            NodeSettings { timestamp: Some(timestamp), frozen: true, base_fee: 0, ..NodeSettings::default() };
        Self::with(settings)
    }

    pub(crate) fn with(settings: NodeSettings) -> Self {
        let served = chain::node::Served::new(Node::new(settings), Limits::default()).unwrap();
        Self { url: served.url(), served }
    }

    /// Asks the node, past the network.
    pub(crate) fn ask(&self, method: &str, params: Value) -> Value {
        self.served.ask(method, &params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Number, hash and time of the last block.
    pub(crate) fn head(&self) -> (u64, String, u64) {
        let block = self.ask("eth_getBlockByNumber", json!(["latest", false]));
        let number = |name: &str| u64::from_str_radix(&block[name].as_str().unwrap()[2..], 16).unwrap();
        (number("number"), block["hash"].as_str().unwrap().to_owned(), number("timestamp"))
    }

    /// A double in front of it.
    pub(crate) fn double(&self, seed: u64) -> Double {
        let inner = Arc::new(Inner {
            node: self.served.node.clone(),
            random: Mutex::new(Random::new(seed)),
            is_honest: AtomicBool::new(false),
            chain_id: Mutex::new(None),
        });
        let listener = self.served.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().route("/", post(answer)).with_state(inner.clone());
        self.served.runtime.spawn(async move { axum::serve(listener, routes).await });
        Double { url, inner }
    }
}

/// See [`Served::double`].
pub(crate) struct Double {
    pub(crate) url: String,
    inner: Arc<Inner>,
}

impl Double {
    /// From now on it answers what the node answers, or not.
    pub(crate) fn be_honest(&self, honest: bool) {
        self.inner.is_honest.store(honest, Ordering::Relaxed);
    }

    /// From now on it is of another chain.
    pub(crate) fn claim_chain(&self, id: Option<u64>) {
        *self.inner.chain_id.lock().unwrap() = id;
    }
}

struct Inner {
    node: Arc<Node>,
    random: Mutex<Random>,
    is_honest: AtomicBool,
    chain_id: Mutex<Option<u64>>,
}

impl Inner {
    fn below(&self, bound: u64) -> u64 {
        self.random.lock().unwrap().below(bound)
    }
}

async fn answer(State(inner): State<Arc<Inner>>, body: Bytes) -> Response {
    let node = inner.node.clone();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let answer = tokio::task::spawn_blocking(move || node.handle(&body)).await.unwrap().unwrap_or_default();
    let mut answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    if request["method"] == "eth_chainId"
        && let Some(id) = *inner.chain_id.lock().unwrap()
    {
        answer["result"] = json!(format!("{id:#x}"));
    }
    if inner.is_honest.load(Ordering::Relaxed) {
        return axum::Json(answer).into_response();
    }
    match inner.below(100) {
        0..3 => return StatusCode::BAD_GATEWAY.into_response(),
        3..5 => return "{\"jsonrpc\":\"2.0\",\"id\":0,\"resu".into_response(),
        5..8 => {
            let error = json!({ "code": -32603, "message": "the header is not found" });
            answer = json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
        }
        8..20 => tokio::time::sleep(Duration::from_millis(inner.below(30))).await,
        _ => {}
    }
    if request["method"] == "eth_getLogs" {
        spoil(&inner, &request, &mut answer);
    }
    axum::Json(answer).into_response()
}

/// Fewer blocks at a time than a moment ago; logs twice, in another order, or none at all.
fn spoil(inner: &Inner, request: &Value, answer: &mut Value) {
    let number = |name: &str| {
        let text = request["params"][0][name].as_str()?;
        u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
    };
    let wide = number("toBlock").zip(number("fromBlock")).map_or(0, |(to, from)| to - from + 1);
    let limit = [1, 3, 20, 100, 1_000, 10_000][inner.below(6) as usize];
    if wide > limit {
        let error = json!({ "code": -32005, "message": format!("at most {limit} blocks") });
        *answer = json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
        return;
    }
    let Some(logs) = answer["result"].as_array_mut() else { return };
    match inner.below(10) {
        0 => logs.clear(),
        1 => drop(logs.pop()),
        2..5 => {
            let copies: Vec<_> = logs.iter().filter(|_| inner.below(2) == 0).cloned().collect();
            logs.extend(copies);
            logs.reverse();
        }
        5 => {
            let middle = logs.len() / 2;
            logs.rotate_left(middle);
        }
        _ => {}
    }
}
