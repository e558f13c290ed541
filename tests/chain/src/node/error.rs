//! Errors as JSON-RPC tells them.

use alloy_primitives::Bytes;
use alloy_sol_types::{Revert, SolError};
use serde_json::{Value, json};

use super::clock::Refused;
use crate::receipt::{Receipt, Rejected};

/// An error object. Codes are those of JSON-RPC 2.0 and, for Ethereum, of geth.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RpcError {
    code: i64,
    message: String,
    data: Option<Value>,
}

impl RpcError {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub(super) fn parse(detail: &impl std::fmt::Display) -> Self {
        Self::new(-32700, format!("parse error: {detail}"))
    }

    pub(super) fn invalid_request(detail: &str) -> Self {
        Self::new(-32600, format!("invalid request: {detail}"))
    }

    pub(super) fn is_invalid_request(&self) -> bool {
        self.code == -32600
    }

    pub(super) fn no_method(method: &str) -> Self {
        let shown: String = method.chars().take(64).collect();
        Self::new(-32601, format!("the method {shown} does not exist/is not available"))
    }

    pub(super) fn params(detail: impl std::fmt::Display) -> Self {
        Self::new(-32602, format!("invalid params: {detail}"))
    }

    pub(super) fn internal(detail: impl std::fmt::Display) -> Self {
        Self::new(-32603, format!("internal error: {detail}"))
    }

    /// A request that is well-formed and refused all the same.
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::new(-32000, message)
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(-32001, format!("{what} not found"))
    }

    pub(super) fn limit(message: impl Into<String>) -> Self {
        Self::new(-32005, message)
    }

    /// Code 3 with the revert data, which is where clients decode errors from.
    pub(super) fn reverted(output: &Bytes) -> Self {
        let reason = Revert::abi_decode(output).ok().map(|revert| format!(": {}", revert.reason));
        let message = format!("execution reverted{}", reason.unwrap_or_default());
        Self { code: 3, message, data: Some(json!(output)) }
    }

    /// Why an execution did not succeed.
    pub(super) fn of(receipt: &Receipt) -> Self {
        match &receipt.halt {
            Some(halt) => Self::refused(halt),
            None => Self::reverted(&receipt.output),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        error
    }
}

impl From<Rejected> for RpcError {
    fn from(rejected: Rejected) -> Self {
        Self::refused(rejected.to_string())
    }
}

impl From<Refused> for RpcError {
    fn from(refused: Refused) -> Self {
        Self::refused(refused.to_string())
    }
}
