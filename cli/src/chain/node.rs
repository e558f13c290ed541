//! A node, asked over HTTP.

use std::{env, time::Duration};

use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    network::Ethereum,
    providers::{Provider, RootProvider},
    rpc::client::{BatchRequest, RpcClient},
    transports::{
        TransportResult,
        http::{Client, reqwest::Url},
    },
};
use alloy_primitives::{Address, Bytes, U64};
use alloy_rpc_types_eth::{TransactionInput, TransactionRequest};
use alloy_sol_types::SolCall;
use anyhow::{Context, anyhow};
use clap::Args;

use super::{Error, error};
use crate::output::Usage;

/// Where the URL is found if no argument names it.
const URL: &str = "TIDEPOOL_RPC";

/// How long a node may take over an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Calls in one request: what public nodes accept.
const BATCH: usize = 100;

/// Which node is asked
#[derive(Clone, Debug, Args)]
pub(crate) struct Rpc {
    /// URL of a node; without it the variable TIDEPOOL_RPC says it
    #[arg(long, value_name = "URL")]
    rpc: Option<Url>,
}

impl Rpc {
    /// Connects, and asks which chain it is.
    ///
    /// # Errors
    ///
    /// If no URL is given, or no node of Ethereum answers there.
    pub(crate) fn connect(&self) -> anyhow::Result<Node> {
        Node::connect(self.url()?)
    }

    /// Whether an argument names a node.
    pub(crate) const fn is_named(&self) -> bool {
        self.rpc.is_some()
    }

    fn url(&self) -> anyhow::Result<Url> {
        if let Some(url) = &self.rpc {
            return Ok(url.clone());
        }
        let Ok(text) = env::var(URL) else {
            return Err(Usage(format!("which node? --rpc URL, or the variable {URL}, names it")).into());
        };
        // The text may hold a key: the error does not repeat it.
        text.trim().parse().map_err(|error| anyhow!("{URL} is no URL: {error}"))
    }
}

/// A node.
pub(crate) struct Node {
    provider: RootProvider<Ethereum>,
    runtime: tokio::runtime::Runtime,
    /// Scheme and host of its URL: the rest may hold a key.
    name: String,
    /// Id of its chain.
    pub(crate) chain_id: u64,
}

/// Where a chain is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// The last block.
    pub(crate) block: u64,
    /// Time of the block to come, seconds.
    pub(crate) time: u64,
}

impl Node {
    fn connect(url: Url) -> anyhow::Result<Self> {
        let name = url.origin().ascii_serialization();
        if !matches!(url.scheme(), "http" | "https") {
            return Err(anyhow!("{}: URLs of nodes begin with http:// or https://", url.scheme()));
        }
        let client = client(&url).map_err(|error| {
            anyhow!("{name}: {}: are certificates installed (the package ca-certificates)?", error::cause(&error))
        })?;
        let provider = RootProvider::new(RpcClient::new_http_with_client(client, url));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut node = Self { provider, runtime, name, chain_id: 0 };
        node.chain_id = node.ask(|provider| async { provider.get_chain_id().await })?;
        Ok(node)
    }

    /// Where the chain is now.
    ///
    /// # Errors
    ///
    /// If the node fails, or has no block.
    pub(crate) fn head(&self) -> anyhow::Result<Head> {
        let block = |tag| self.ask(|provider| async move { provider.get_block_by_number(tag).await });
        let latest = block(BlockNumberOrTag::Latest)?.with_context(|| format!("{}: no block yet", self.name))?;
        // Not every node tells of the block to come.
        let pending = block(BlockNumberOrTag::Pending).ok().flatten();
        let time = pending.map_or(0, |block| block.header.timestamp).max(latest.header.timestamp);
        Ok(Head { block: latest.header.number, time })
    }

    /// Waits for an answer.
    pub(super) fn ask<'a, T, F: Future<Output = TransportResult<T>>>(
        &'a self,
        request: impl FnOnce(&'a RootProvider<Ethereum>) -> F,
    ) -> Result<T, Error> {
        self.runtime.block_on(request(&self.provider)).map_err(|error| Error::of(&error, &self.name))
    }

    /// Waits.
    pub(super) fn pause(&self, time: Duration) {
        self.runtime.block_on(tokio::time::sleep(time));
    }

    /// Refuses an address without code, which answers every call with nothing.
    pub(crate) fn expect_contract(&self, address: Address, what: &str) -> anyhow::Result<()> {
        let code = self.ask(|provider| async move { provider.get_code_at(address).latest().await })?;
        if code.is_empty() {
            return Err(anyhow!(
                "{address}: no contract there on chain {}; is it the address of the {what}, and this its chain?",
                self.chain_id
            ));
        }
        Ok(())
    }

    /// What a function returns now.
    ///
    /// # Errors
    ///
    /// If it reverts, if the node fails, or if the answer is of another type.
    pub(crate) fn view<C: SolCall>(&self, to: Address, call: &C) -> anyhow::Result<C::Return> {
        self.try_view(to, call).with_context(|| format!("{to} {}", C::SIGNATURE))
    }

    fn try_view<C: SolCall>(&self, to: Address, call: &C) -> anyhow::Result<C::Return> {
        let request = request(None, to, call.abi_encode());
        let answer = self.ask(|provider| async move { provider.call(request).block(BlockId::latest()).await })?;
        C::abi_decode_returns(&answer).map_err(|_| anyhow!("the answer is of another type: is it this contract?"))
    }

    /// What a function returns for each of many arguments, in few requests.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view), for the first that fails.
    pub(crate) fn view_many<C: SolCall>(&self, to: Address, calls: &[C]) -> anyhow::Result<Vec<C::Return>> {
        let mut answers = Vec::with_capacity(calls.len());
        for calls in calls.chunks(BATCH) {
            let batch = self.ask(|provider| async move {
                let mut batch = BatchRequest::new(provider.client());
                let mut waiting = Vec::with_capacity(calls.len());
                for call in calls {
                    let request = request(None, to, call.abi_encode());
                    waiting.push(batch.add_call::<_, Bytes>("eth_call", &(request, BlockId::latest()))?);
                }
                batch.send().await?;
                let mut answers = Vec::with_capacity(calls.len());
                for answer in waiting {
                    answers.push(answer.await?);
                }
                Ok(answers)
            });
            for answer in batch.with_context(|| format!("{to} {}", C::SIGNATURE))? {
                let answer = C::abi_decode_returns(&answer);
                answers.push(answer.with_context(|| format!("{to} {}: the answer is of another type", C::SIGNATURE))?);
            }
        }
        Ok(answers)
    }

    /// Gas that a transaction needs.
    pub(crate) fn estimate(&self, from: Address, to: Address, data: Vec<u8>) -> Result<u64, Error> {
        let request = request(Some(from), to, data);
        self.ask(|provider| async move { provider.estimate_gas(request).await })
    }

    /// The error with which a transaction failed, found by calling once more in its block.
    pub(super) fn replay(&self, from: Address, to: Address, data: Vec<u8>, block: u64) -> Option<Error> {
        let request = request(Some(from), to, data);
        let before = BlockId::number(block.saturating_sub(1));
        self.ask(|provider| async move { provider.call(request).block(before).await }).err()
    }

    /// Number of the account's next transaction, those that wait included.
    pub(super) fn nonce(&self, account: Address) -> Result<u64, Error> {
        let nonce = |provider: &RootProvider<Ethereum>| {
            provider.client().request::<_, U64>("eth_getTransactionCount", (account, BlockNumberOrTag::Pending))
        };
        self.ask(|provider| nonce(provider).into_future()).map(|nonce| nonce.to())
    }
}

/// A client of our own: plain HTTP needs no certificates of the system, and nothing on this machine is reached by way of a proxy.
fn client(url: &Url) -> Result<Client, alloy::transports::http::reqwest::Error> {
    let mut builder = Client::builder().timeout(PATIENCE).user_agent(concat!("tidepool/", env!("CARGO_PKG_VERSION")));
    if url.scheme() == "http" {
        builder = builder.tls_certs_only([]);
    }
    if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        builder = builder.no_proxy();
    }
    builder.build()
}

pub(super) fn request(from: Option<Address>, to: Address, data: Vec<u8>) -> TransactionRequest {
    let request = TransactionRequest::default().to(to).input(TransactionInput::both(data.into()));
    TransactionRequest { from, ..request }
}
