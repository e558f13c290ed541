//! What somebody asks a contract to do.

use alloy_primitives::{Address, Bytes, U256};
use alloy_rpc_types_eth::{TransactionInput, TransactionRequest};
use alloy_sol_types::SolCall;

/// A call, before anybody signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whom it calls.
    pub to: Address,
    /// Ether that goes along, wei.
    pub value: U256,
    /// Function and arguments.
    pub data: Bytes,
}

impl Request {
    /// A call of a function, without ether.
    pub fn of(to: Address, call: &impl SolCall) -> Self {
        Self { to, value: U256::ZERO, data: call.abi_encode().into() }
    }

    /// The same with ether.
    #[must_use]
    pub fn with_value(self, value: U256) -> Self {
        Self { value, ..self }
    }

    /// As nodes read it.
    pub fn transaction(&self, from: Option<Address>) -> TransactionRequest {
        let input = TransactionInput::both(self.data.clone());
        let request = TransactionRequest::default().to(self.to).input(input);
        let value = Some(self.value).filter(|value| !value.is_zero());
        TransactionRequest { from, value, ..request }
    }
}
