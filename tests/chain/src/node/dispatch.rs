//! From bytes to calls, and back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Map, Value, json};

use super::{Node, error::RpcError, methods, params::Params};
use crate::origin;

/// Requests in a batch, and bytes of its answers together.
const BATCH_LIMIT: usize = 1_000;
const BATCH_BYTES: usize = 32 << 20;

/// What takes a request: a node, or a connection that has subscriptions besides.
pub(super) trait Callee {
    fn call(&mut self, method: &str, params: Params) -> Result<Value, RpcError>;
}

impl Callee for &Node {
    fn call(&mut self, method: &str, params: Params) -> Result<Value, RpcError> {
        let handler = methods::find(method).ok_or_else(|| RpcError::no_method(method))?;
        // Of an earlier request, or of the miner.
        origin::failure();
        let answer = self.guarded(handler, &params);
        // What a fork could not read makes every answer wrong.
        origin::failure().map_or(answer, |text| Err(RpcError::refused(text)))
    }
}

impl Node {
    fn guarded(&self, handler: methods::Handler, params: &Params) -> Result<Value, RpcError> {
        // A fault in one request is one answer, and the node stays up.
        catch_unwind(AssertUnwindSafe(|| handler(self, params)))
            .unwrap_or_else(|_| Err(RpcError::internal("the request could not be carried out")))
    }
}

pub(super) fn handle(node: &Node, body: &[u8]) -> Option<Vec<u8>> {
    handle_by(&mut &*node, body)
}

pub(super) fn handle_by(callee: &mut impl Callee, body: &[u8]) -> Option<Vec<u8>> {
    match serde_json::from_slice(body) {
        Ok(Value::Array(requests)) => batch(callee, requests),
        Ok(request) => single(callee, request).map(|answer| bytes(&answer)),
        Err(error) => Some(bytes(&failure(Value::Null, &RpcError::parse(&error)))),
    }
}

fn batch(callee: &mut impl Callee, requests: Vec<Value>) -> Option<Vec<u8>> {
    if requests.is_empty() || requests.len() > BATCH_LIMIT {
        let error = RpcError::invalid_request(&format!("a batch has between 1 and {BATCH_LIMIT} requests"));
        return Some(bytes(&failure(Value::Null, &error)));
    }
    let mut answers = Vec::new();
    for request in requests {
        let id = request.get("id").cloned().unwrap_or_default();
        let answer = match answers.len() {
            ..BATCH_BYTES => single(callee, request).map(|answer| bytes(&answer)),
            _ => Some(bytes(&failure(id, &RpcError::limit("the answers to this batch are too large")))),
        };
        if let Some(answer) = answer {
            answers.push(if answers.is_empty() { b'[' } else { b',' });
            answers.extend(answer);
        }
    }
    if answers.is_empty() {
        return None;
    }
    answers.push(b']');
    Some(answers)
}

/// `None` for a notification.
fn single(callee: &mut impl Callee, request: Value) -> Option<Value> {
    let Value::Object(mut request) = request else {
        return Some(failure(Value::Null, &RpcError::invalid_request("an object is expected")));
    };
    let id = match request.remove("id") {
        id @ (None | Some(Value::Null | Value::Number(_) | Value::String(_))) => id,
        Some(_) => return Some(failure(Value::Null, &RpcError::invalid_request("an id is a number or a string"))),
    };
    let result = call(callee, request);
    let id = match (&result, id) {
        (_, Some(id)) => id,
        (Err(error), None) if error.is_invalid_request() => Value::Null,
        (_, None) => return None,
    };
    Some(match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(error) => failure(id, &error),
    })
}

fn call(callee: &mut impl Callee, mut request: Map<String, Value>) -> Result<Value, RpcError> {
    if request.get("jsonrpc") != Some(&json!("2.0")) {
        return Err(RpcError::invalid_request("jsonrpc must be \"2.0\""));
    }
    let Some(Value::String(method)) = request.remove("method") else {
        return Err(RpcError::invalid_request("method must be a string"));
    };
    callee.call(&method, Params::read(request.remove("params"))?)
}

pub(super) fn failure(id: Value, error: &RpcError) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": error.to_json() })
}

pub(super) fn bytes(answer: &Value) -> Vec<u8> {
    answer.to_string().into_bytes()
}
