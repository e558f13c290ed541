//! A chain that is read.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rpc_types_eth::{Filter, Log};
use alloy_sol_types::SolCall;
use anyhow::{Context, anyhow};

use crate::{Error, Request};

/// A chain as of one block: every answer is of the state after it.
pub trait State {
    /// Id of the chain.
    fn chain_id(&self) -> u64;

    /// Number of the block.
    fn block(&self) -> u64;

    /// What a call returned then.
    ///
    /// # Errors
    ///
    /// If it reverts, or if the chain does not answer.
    fn call(&self, request: &Request) -> Result<Bytes, Error>;

    /// Code at an address then.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    fn code(&self, address: Address) -> Result<Bytes, Error>;

    /// A slot of a contract then.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    fn storage(&self, contract: Address, slot: U256) -> Result<U256, Error>;

    /// Events that a filter names, in the chain's order, from its beginning to the block.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    fn logs(&self, filter: &Filter) -> Result<Vec<Log>, Error>;

    /// The same from a block on; one that is given in blocks answers faster.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    fn logs_from(&self, filter: &Filter, first: u64) -> Result<Vec<Log>, Error> {
        let mut logs = self.logs(filter)?;
        logs.retain(|log| log.block_number.is_some_and(|block| block >= first));
        Ok(logs)
    }

    /// What calls of different contracts returned then, each or why it did not: in few requests where the chain is far away.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    fn call_many(&self, requests: &[Request]) -> Result<Vec<Result<Bytes, Error>>, Error> {
        Ok(requests.iter().map(|request| self.call(request)).collect())
    }

    /// What a transaction asked for; nothing if there is none of this hash, or if it created a contract.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    fn transaction(&self, hash: B256) -> Result<Option<Request>, Error>;

    /// What a function returned then.
    ///
    /// # Errors
    ///
    /// If it reverts, if the chain does not answer, or if the answer is of another type.
    fn view<C: SolCall>(&self, to: Address, call: &C) -> anyhow::Result<C::Return> {
        answer_of::<C>(to, self.call(&Request::of(to, call)))
    }

    /// What a function returned then for each of many arguments.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view), for the first that fails.
    fn view_many<C: SolCall>(&self, to: Address, calls: &[C]) -> anyhow::Result<Vec<C::Return>> {
        calls.iter().map(|call| self.view(to, call)).collect()
    }
}

/// What a call returned, as values; or why not, with the function's name.
///
/// # Errors
///
/// If it failed, or if the answer is of another type.
pub fn answer_of<C: SolCall>(to: Address, answer: Result<Bytes, Error>) -> anyhow::Result<C::Return> {
    let answer = answer.with_context(|| format!("{to} {}", C::SIGNATURE))?;
    C::abi_decode_returns(&answer)
        .map_err(|_| anyhow!("{to} {}: the answer is of another type: is it this contract?", C::SIGNATURE))
}
