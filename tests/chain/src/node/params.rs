//! Parameters of a request.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::U256;
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest, state::StateOverride};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::RpcError;

/// Positional parameters; absent ones at the end count as null.
#[derive(Debug)]
pub(super) struct Params(Vec<Value>);

impl Params {
    pub(super) fn read(params: Option<Value>) -> Result<Self, RpcError> {
        match params {
            None | Some(Value::Null) => Ok(Self(Vec::new())),
            Some(Value::Array(values)) => Ok(Self(values)),
            Some(_) => Err(RpcError::params("an array is expected")),
        }
    }

    pub(super) fn raw(&self, index: usize) -> &Value {
        self.0.get(index).unwrap_or(&Value::Null)
    }

    pub(super) fn get<T: DeserializeOwned>(&self, index: usize) -> Result<T, RpcError> {
        match self.raw(index) {
            Value::Null => Err(RpcError::params(format_args!("missing value for required argument {index}"))),
            value => parse(index, value),
        }
    }

    pub(super) fn optional<T: DeserializeOwned>(&self, index: usize) -> Result<Option<T>, RpcError> {
        match self.raw(index) {
            Value::Null => Ok(None),
            value => parse(index, value).map(Some),
        }
    }

    /// A block, `latest` where none is named.
    pub(super) fn block(&self, index: usize) -> Result<BlockId, RpcError> {
        self.block_or(index, BlockNumberOrTag::Latest)
    }

    pub(super) fn block_or(&self, index: usize, default: BlockNumberOrTag) -> Result<BlockId, RpcError> {
        Ok(self.optional(index)?.unwrap_or(BlockId::Number(default)))
    }

    /// A number as clients send it: hexadecimal or decimal text, or a JSON number.
    pub(super) fn number(&self, index: usize) -> Result<u64, RpcError> {
        self.optional_number(index)?
            .ok_or_else(|| RpcError::params(format_args!("missing value for required argument {index}")))
    }

    pub(super) fn optional_number(&self, index: usize) -> Result<Option<u64>, RpcError> {
        match self.raw(index) {
            Value::Null => Ok(None),
            Value::Number(number) => number.as_u64().map(Some).ok_or_else(|| not_a_number(index)),
            value => {
                let number: U256 = parse(index, value)?;
                number.try_into().map(Some).map_err(|_| not_a_number(index))
            }
        }
    }

    pub(super) fn call(&self, index: usize) -> Result<TransactionRequest, RpcError> {
        self.get(index)
    }

    pub(super) fn overrides(&self, index: usize) -> Result<StateOverride, RpcError> {
        Ok(self.optional(index)?.unwrap_or_default())
    }

    pub(super) fn block_overrides(&self, index: usize) -> Result<BlockOverrides, RpcError> {
        Ok(self.optional(index)?.unwrap_or_default())
    }
}

fn parse<T: DeserializeOwned>(index: usize, value: &Value) -> Result<T, RpcError> {
    T::deserialize(value).map_err(|error| RpcError::params(format_args!("argument {index}: {error}")))
}

fn not_a_number(index: usize) -> RpcError {
    RpcError::params(format_args!("argument {index}: an unsigned 64-bit number is expected"))
}
