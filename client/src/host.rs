//! A node and a key as what carries a deployment.

use abi::{Fate, Host, Outcome, Request};
use alloy_primitives::{Address, B256, Bytes, U256};
use anyhow::Context;

use crate::Sender;

impl Host for Sender {
    fn chain_id(&self) -> u64 {
        self.node.chain_id
    }

    fn deployer(&self) -> Address {
        self.address()
    }

    fn now(&self) -> anyhow::Result<u64> {
        Ok(self.node.head()?.time)
    }

    fn balance(&self) -> anyhow::Result<U256> {
        Ok(self.node.balance(self.address())?)
    }

    fn gas_price(&self) -> anyhow::Result<u128> {
        Ok(self.node.gas_price()?)
    }

    fn waiting(&self) -> anyhow::Result<u64> {
        Ok(self.node.waiting(self.address())?)
    }

    fn code(&self, address: Address) -> anyhow::Result<Bytes> {
        Ok(self.node.code(address)?)
    }

    fn call(&self, request: &Request) -> anyhow::Result<Bytes> {
        Ok(self.node.call_latest(Some(self.address()), request)?)
    }

    fn activation_fee(&self, code: &Bytes) -> anyhow::Result<U256> {
        self.node.activation_fee(code)
    }

    fn send(
        &mut self,
        request: &Request,
        sending: &mut dyn FnMut(B256, u64) -> anyhow::Result<()>,
    ) -> anyhow::Result<Outcome> {
        let signed = self.sign(request)?;
        sending(signed.hash, signed.nonce)?;
        self.broadcast(&signed)?;
        let sent = self.outcome(request, signed.hash)?;
        Ok(Outcome { hash: sent.hash(), block: sent.block(), gas: sent.gas_used() })
    }

    fn fate(&self, hash: B256) -> anyhow::Result<Fate> {
        if self.node.transaction_request(hash)?.is_none() {
            return Ok(Fate::Unknown);
        }
        let receipt = self.receipt(hash).context("a transaction of an earlier run")?;
        if !receipt.status() {
            return Ok(Fate::Failed);
        }
        Ok(Fate::Done(Outcome { hash, block: receipt.block_number.unwrap_or_default(), gas: receipt.gas_used }))
    }
}
