//! What carries a deployment: nodes with a key, or a chain in a test.

use alloy_primitives::{Address, B256, Bytes, U256};

use crate::Request;

/// A transaction that is in a block, and succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its hash.
    pub hash: B256,
    /// Number of its block.
    pub block: u64,
    /// Gas that it used.
    pub gas: u64,
}

/// What became of a transaction that an earlier run signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It succeeded.
    Done(Outcome),
    /// It is in a block, and failed there.
    Failed,
    /// No node knows it: it was never sent, or was forgotten. One signed anew has its number, so only one of them can come through.
    Unknown,
}

/// A chain, and somebody who deploys on it.
pub trait Host {
    /// Id of the chain.
    fn chain_id(&self) -> u64;

    /// Who deploys.
    fn deployer(&self) -> Address;

    /// Time of the block to come, seconds.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    fn now(&self) -> anyhow::Result<u64>;

    /// Wei of the deployer.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    fn balance(&self) -> anyhow::Result<U256>;

    /// What a unit of gas may cost, wei.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    fn gas_price(&self) -> anyhow::Result<u128>;

    /// How many transactions of the account were sent and are in no block yet.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    fn waiting(&self) -> anyhow::Result<u64> {
        Ok(0)
    }

    /// Code at an address.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    fn code(&self, address: Address) -> anyhow::Result<Bytes>;

    /// What a call returns, without changing anything.
    ///
    /// # Errors
    ///
    /// If it reverts, or if the chain does not answer.
    fn call(&self, request: &Request) -> anyhow::Result<Bytes>;

    /// What activating code would cost now beside gas, wei; nothing if code of this hash is active.
    ///
    /// # Errors
    ///
    /// If it cannot be activated.
    fn activation_fee(&self, code: &Bytes) -> anyhow::Result<U256>;

    /// Sends a call as the deployer and waits for it. `sending` hears its hash and number before anybody else does.
    ///
    /// # Errors
    ///
    /// If `sending` fails, if the call is refused, or if it takes too long.
    fn send(
        &mut self,
        request: &Request,
        sending: &mut dyn FnMut(B256, u64) -> anyhow::Result<()>,
    ) -> anyhow::Result<Outcome>;

    /// What became of a transaction of the deployer; waits for one that is under way.
    ///
    /// # Errors
    ///
    /// If it takes too long, or if the chain does not answer.
    fn fate(&self, hash: B256) -> anyhow::Result<Fate>;
}
