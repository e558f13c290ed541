//! JSON-RPC from the client's side.

use std::{fmt, time::Duration};

use alloy_primitives::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::receipt::Rejected;

/// A node by its address.
pub(crate) struct Wire {
    url: String,
    agent: ureq::Agent,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("execution reverted with {0}")]
    Reverted(Bytes),
    #[error("{0}")]
    Refused(String),
    #[error("the node does not answer: {0}")]
    Unreachable(String),
}

impl Failure {
    /// As the chain in this process would have put it.
    pub(crate) fn rejection(self) -> Rejected {
        match self.to_string() {
            text if text.contains("insufficient funds") => Rejected::InsufficientFunds,
            text => Rejected::Malformed(text),
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wire").field(&self.url).finish()
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// How long a node may think. Not a timeout for all of it: that would cost a thread each time.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of an answer.
const ANSWER_LIMIT: u64 = 256 << 20;

impl Wire {
    pub(crate) fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .build();
        Self { url: url.into(), agent: config.into() }
    }

    pub(crate) fn ask(&self, method: &str, params: Value) -> Result<Value, Failure> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let sent = self.agent.post(&self.url).header("content-type", "application/json").send(request);
        let unreachable = |error: &dyn fmt::Display| Failure::Unreachable(error.to_string());
        let mut response = sent.map_err(|error| unreachable(&error))?;
        let body = response.body_mut().with_config().limit(ANSWER_LIMIT).read_to_vec();
        let body = body.map_err(|error| unreachable(&error))?;
        let mut answer: Value = serde_json::from_slice(&body).map_err(|error| unreachable(&error))?;
        match answer.get("error") {
            Some(error) => Err(failure(error)),
            None => Ok(answer["result"].take()),
        }
    }
}

fn failure(error: &Value) -> Failure {
    let message = error["message"].as_str().unwrap_or_default();
    match error.get("data").and_then(Value::as_str) {
        Some(_) if message.starts_with("execution reverted") => Failure::Reverted(bytes(&error["data"])),
        None if message == "execution reverted" => Failure::Reverted(Bytes::new()),
        _ => Failure::Refused(message.into()),
    }
}

/// What a node answered, as a type that it has to be.
pub(crate) fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap_or_else(|error| panic!("the node answered something else: {error}"))
}

pub(crate) fn bytes(value: &Value) -> Bytes {
    read(value.clone())
}
