//! What a node failed to answer, and what to do about it.

use std::error;

use abi::{Error, printable};
use alloy::transports::{HttpError, RpcError, TransportError, TransportErrorKind};
use alloy_primitives::Bytes;

/// What a node that is shown as `node` answered.
pub(crate) fn failure(error: &TransportError, node: &str) -> Error {
    match error {
        RpcError::ErrorResp(payload) => {
            if let Some(data) = payload.as_revert_data() {
                return Error::Reverted(data);
            }
            if payload.code == 3 || payload.message.contains("execution reverted") {
                return Error::Reverted(Bytes::new());
            }
            Error::Node(format!("{node}: {}{}", printable(&payload.message), advice(&payload.message)))
        }
        RpcError::Transport(kind) => Error::Node(format!("{node}: {}", of_transport(kind))),
        RpcError::DeserError { .. } => {
            Error::Node(format!("{node}: the answer is not what a node of Ethereum answers: check the URL"))
        }
        other => Error::Node(format!("{node}: {}", printable(&other.to_string()))),
    }
}

/// What to do about an error of the node.
fn advice(message: &str) -> &'static str {
    let known = [
        ("insufficient funds", ": send ether to the sender first"),
        ("nonce too low", ": another transaction of the sender came first; try again"),
        ("already known", ": this transaction was sent before and waits; look it up before sending again"),
        ("underpriced", ": one with the same number waits at a higher price; try again when it is done"),
        ("limit exceeded", ": ask for less at a time, or use another node"),
    ];
    known.into_iter().find(|(part, _)| message.contains(part)).map_or("", |(_, advice)| advice)
}

fn of_transport(kind: &TransportErrorKind) -> String {
    match kind {
        TransportErrorKind::HttpError(error) => of_http(error),
        TransportErrorKind::HttpErrorWithRetryAfter { error, retry_after } => {
            format!("{}; it asks to wait {} s", of_http(error), retry_after.as_secs())
        }
        TransportErrorKind::Custom(error) | TransportErrorKind::NonRetryable(error) => of_connection(error.as_ref()),
        other => other.to_string(),
    }
}

fn of_http(error: &HttpError) -> String {
    let advice = match error.status {
        401 | 403 => "the node does not let you in: check the key in the URL",
        404 | 405 => "no JSON-RPC at this path: check the URL",
        413 => "the request is too large for it: ask for less at a time",
        429 => "too many requests: wait, or use another node",
        300..=399 => "it sends us elsewhere: give the URL it leads to",
        500..=599 => "the node is in trouble: try again later, or use another one",
        _ => "check the URL",
    };
    format!("HTTP status {}: {advice}", error.status)
}

/// The innermost cause: what is around it names the URL.
pub(crate) fn cause<'a>(error: &'a (dyn error::Error + 'static)) -> &'a (dyn error::Error + 'static) {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause
}

fn of_connection(error: &(dyn error::Error + 'static)) -> String {
    let text = if is_timeout(error) { "no answer in time".to_owned() } else { cause(error).to_string() };
    format!("{text}: is the node running, and is the URL right? (--rpc, or TIDEPOOL_RPC)")
}

fn is_timeout(error: &(dyn error::Error + 'static)) -> bool {
    error.downcast_ref::<alloy::transports::http::reqwest::Error>().is_some_and(|error| error.is_timeout())
}
