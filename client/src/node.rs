//! Nodes, asked over HTTP.

use std::{cell::Cell, env, time::Duration};

use alloy::{
    consensus::Transaction as _,
    eips::{BlockId, BlockNumberOrTag},
    network::Ethereum,
    providers::{Provider, RootProvider},
    rpc::client::{BatchRequest, RpcClient},
    transports::{
        TransportResult,
        http::{Client, reqwest::Url},
    },
};
use alloy_primitives::{Address, B256, Bytes, TxHash, U64, U256, keccak256};
use alloy_rpc_types_eth::{
    Block, Filter, Log, Transaction, TransactionReceipt,
    state::{AccountOverride, StateOverride},
};
use alloy_sol_types::SolCall;
use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::{
    ARB_WASM, Error, Request, State, Usage, answer_of,
    bindings::ArbWasm,
    date,
    failure::{cause, failure},
};

/// Where URLs are found if no argument names them.
const URL: &str = "TIDEPOOL_RPC";

/// How long a node may take over an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Calls in one request: what public nodes accept.
const BATCH: usize = 100;

/// How far the last blocks of two nodes may be apart, seconds.
pub const LAG: u64 = 30;

/// Wei that go along with a trial of an activation: more than any fee.
const ACTIVATION_DEPOSIT: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// Which nodes are asked
#[derive(Clone, Debug, Args)]
pub struct Rpc {
    /// URL of a node; without it the variable TIDEPOOL_RPC says it. Of several, parted by spaces in the variable, the next is asked
    /// where one fails, and nothing is sent while they disagree
    #[arg(long, value_name = "URL")]
    rpc: Vec<Url>,
}

impl Rpc {
    /// Connects, and asks which chain it is.
    ///
    /// # Errors
    ///
    /// If no URL is given, if no node of Ethereum answers there, or if two nodes are of different chains.
    pub fn connect(&self) -> anyhow::Result<Node> {
        Node::connect(self.urls()?)
    }

    /// These nodes.
    pub const fn of(urls: Vec<Url>) -> Self {
        Self { rpc: urls }
    }

    /// Whether an argument names a node.
    pub const fn is_named(&self) -> bool {
        !self.rpc.is_empty()
    }

    fn urls(&self) -> anyhow::Result<Vec<Url>> {
        if self.is_named() {
            return Ok(self.rpc.clone());
        }
        let text = env::var(URL).unwrap_or_default();
        // The text may hold a key: the error does not repeat it.
        let urls = text.split_whitespace().map(|url| url.parse().map_err(|error| anyhow!("{URL} is no URL: {error}")));
        let urls: Vec<_> = urls.collect::<Result<_, _>>()?;
        if urls.is_empty() {
            bail!(Usage(format!("which node? --rpc URL, or the variable {URL}, names it")));
        }
        Ok(urls)
    }
}

/// One node or several of the same chain.
#[derive(Debug)]
pub struct Node {
    endpoints: Vec<Endpoint>,
    runtime: tokio::runtime::Runtime,
    /// The one that answered last: it is asked first.
    preferred: Cell<usize>,
    /// Id of the chain.
    pub chain_id: u64,
}

#[derive(Debug)]
struct Endpoint {
    provider: RootProvider<Ethereum>,
    /// Scheme and host of its URL: the rest may hold a key.
    name: String,
}

/// Where a chain is.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// The last block.
    pub block: u64,
    /// Time of the block to come, seconds.
    pub time: u64,
}

impl Node {
    /// Time of a block, seconds.
    ///
    /// # Errors
    ///
    /// If the node fails, or does not have it.
    pub fn time_of(&self, block: u64) -> anyhow::Result<u64> {
        Ok(self.block(BlockId::number(block))?.header.timestamp)
    }

    /// The node at one URL.
    ///
    /// # Errors
    ///
    /// If it is no URL, or if no node of Ethereum answers there.
    pub fn at_url(url: &str) -> anyhow::Result<Self> {
        Self::connect(vec![url.parse().context("no URL")?])
    }

    /// What a method answers that nothing else here asks for.
    ///
    /// # Errors
    ///
    /// If it is refused, or if the node fails.
    pub fn request(&self, method: &str, params: &Value) -> Result<Value, Error> {
        self.ask(|provider| provider.client().request::<_, Value>(method.to_owned(), params.clone()))
    }

    fn connect(urls: Vec<Url>) -> anyhow::Result<Self> {
        let endpoints = urls.into_iter().map(Endpoint::new).collect::<anyhow::Result<_>>()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut node = Self { endpoints, runtime, preferred: Cell::new(0), chain_id: 0 };
        node.chain_id = node.expect_one_chain()?;
        Ok(node)
    }

    /// The chain that all nodes are of. Nodes that do not answer are left out, and named.
    fn expect_one_chain(&mut self) -> anyhow::Result<u64> {
        let mut chain: Option<(u64, String)> = None;
        let mut answering = Vec::new();
        let mut failure = None;
        for endpoint in std::mem::take(&mut self.endpoints) {
            match self.ask_one(&endpoint, |provider| provider.get_chain_id()) {
                Err(error) => {
                    if let Some(earlier) = failure.replace(error) {
                        eprintln!("warning: {earlier}");
                    }
                }
                Ok(id) => {
                    let (known, first) = chain.get_or_insert_with(|| (id, endpoint.name.clone()));
                    if *known != id {
                        bail!("{first} is a node of chain {known}, {} of chain {id}", endpoint.name);
                    }
                    answering.push(endpoint);
                }
            }
        }
        self.endpoints = answering;
        match (chain, failure) {
            (Some((id, _)), failure) => {
                failure.into_iter().for_each(|error| eprintln!("warning: {error}"));
                Ok(id)
            }
            (None, Some(error)) => Err(error.into()),
            (None, None) => Err(anyhow!("no node is named")),
        }
    }

    /// Where the chain is now.
    ///
    /// # Errors
    ///
    /// If the node fails, or has no block.
    pub fn head(&self) -> anyhow::Result<Head> {
        let latest = self.block(BlockId::latest())?;
        // Not every node tells of the block to come.
        let pending = self.ask(|provider| provider.get_block_by_number(BlockNumberOrTag::Pending)).ok().flatten();
        let time = pending.map_or(0, |block| block.header.timestamp).max(latest.header.timestamp);
        Ok(Head { block: latest.header.number, time })
    }

    /// A block, without its transactions.
    ///
    /// # Errors
    ///
    /// If the node fails, or does not have it.
    pub fn block(&self, id: BlockId) -> anyhow::Result<Block> {
        let block = self.ask(|provider| provider.get_block(id))?;
        block.with_context(|| format!("{}: it has no block {id}", self.name()))
    }

    /// The chain as of its last block: what is read there belongs together.
    ///
    /// # Errors
    ///
    /// If the node fails, or has no block.
    pub fn at_latest(&self) -> anyhow::Result<At<'_>> {
        let header = self.block(BlockId::latest())?.header;
        Ok(At { node: self, block: header.number, hash: header.hash, time: header.timestamp })
    }

    /// Refuses nodes that tell different stories: heads more than [`LAG`] seconds apart, or another block of the same number. One node agrees
    /// with itself.
    ///
    /// # Errors
    ///
    /// If they disagree, with both sides, or if one of them fails.
    pub fn expect_agreement(&self) -> anyhow::Result<()> {
        let block = |endpoint: &Endpoint, tag: BlockNumberOrTag| {
            let block = self.ask_one(endpoint, |provider| provider.get_block_by_number(tag))?;
            block.map(|block| block.header).with_context(|| format!("{}: it has no block {tag}", endpoint.name))
        };
        if self.endpoints.len() < 2 {
            return Ok(());
        }
        let heads = self.endpoints.iter().map(|endpoint| block(endpoint, BlockNumberOrTag::Latest));
        let heads: Vec<_> = heads.collect::<anyhow::Result<_>>()?;
        let first = heads.first().context("there is a first node")?;
        for (endpoint, head) in self.endpoints.iter().zip(&heads) {
            if first.timestamp.abs_diff(head.timestamp) > LAG {
                let [one, other] = [first, head].map(|head| format!("{} ({})", head.number, date(head.timestamp)));
                bail!("nodes disagree: {} is at block {one}, {} at {other}", self.endpoints[0].name, endpoint.name);
            }
        }
        let common = heads.iter().map(|head| head.number).min().unwrap_or_default();
        let hashes = self.endpoints.iter().map(|endpoint| block(endpoint, common.into()));
        let hashes: Vec<_> = hashes.map(|header| Ok(header?.hash)).collect::<anyhow::Result<_>>()?;
        for (endpoint, hash) in self.endpoints.iter().zip(&hashes) {
            if *hash != hashes[0] {
                let (first, other) = (&self.endpoints[0].name, &endpoint.name);
                bail!("nodes disagree: block {common} is {} at {first}, {hash} at {other}", hashes[0]);
            }
        }
        Ok(())
    }

    /// Waits for an answer, from the next node where one fails. A refusal of a contract is an answer.
    pub(crate) fn ask<'a, T, F>(&'a self, request: impl Fn(&'a RootProvider<Ethereum>) -> F) -> Result<T, Error>
    where
        F: IntoFuture<Output = TransportResult<T>>,
    {
        let count = self.endpoints.len();
        let mut failures = Vec::new();
        for place in (0..count).map(|step| (self.preferred.get() + step) % count) {
            match self.ask_one(&self.endpoints[place], &request) {
                Err(Error::Node(text)) => failures.push(text),
                answer => {
                    self.preferred.set(place);
                    return answer;
                }
            }
        }
        Err(Error::Node(failures.join("; ")))
    }

    fn ask_one<'a, T, F>(
        &self,
        endpoint: &'a Endpoint,
        request: impl Fn(&'a RootProvider<Ethereum>) -> F,
    ) -> Result<T, Error>
    where
        F: IntoFuture<Output = TransportResult<T>>,
    {
        let answer = self.runtime.block_on(async { request(&endpoint.provider).await });
        answer.map_err(|error| failure(&error, &endpoint.name))
    }

    /// Waits for something that is no node.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Waits.
    pub fn pause(&self, time: Duration) {
        self.runtime.block_on(tokio::time::sleep(time));
    }

    /// How the node that answers is shown.
    fn name(&self) -> &str {
        self.endpoints.get(self.preferred.get()).map_or("", |endpoint| &endpoint.name)
    }

    /// Refuses an address without code, which answers every call with nothing.
    ///
    /// # Errors
    ///
    /// If there is none, or if the node fails.
    pub fn expect_contract(&self, address: Address, what: &str) -> anyhow::Result<()> {
        if self.code(address)?.is_empty() {
            return Err(anyhow!(
                "{address}: no contract there on chain {}; is it the address of the {what}, and this its chain?",
                self.chain_id
            ));
        }
        Ok(())
    }

    /// Code at an address now.
    ///
    /// # Errors
    ///
    /// If the node fails.
    pub fn code(&self, address: Address) -> Result<Bytes, Error> {
        self.ask(|provider| provider.get_code_at(address).latest())
    }

    /// Wei of an account now.
    ///
    /// # Errors
    ///
    /// If the node fails.
    pub fn balance(&self, account: Address) -> Result<U256, Error> {
        self.ask(|provider| provider.get_balance(account).latest())
    }

    /// What a node proposes to pay for a unit of gas at most, wei.
    ///
    /// # Errors
    ///
    /// If the node fails.
    pub fn gas_price(&self) -> Result<u128, Error> {
        Ok(self.ask(|provider| provider.estimate_eip1559_fees())?.max_fee_per_gas)
    }

    /// A slot of a contract now.
    ///
    /// # Errors
    ///
    /// If the node fails.
    pub fn storage(&self, contract: Address, slot: U256) -> Result<U256, Error> {
        self.ask(|provider| provider.get_storage_at(contract, slot).latest())
    }

    /// What a function returns now.
    ///
    /// # Errors
    ///
    /// If it reverts, if the node fails, or if the answer is of another type.
    pub fn view<C: SolCall>(&self, to: Address, call: &C) -> anyhow::Result<C::Return> {
        self.view_at(BlockId::latest(), to, call)
    }

    fn view_at<C: SolCall>(&self, block: BlockId, to: Address, call: &C) -> anyhow::Result<C::Return> {
        answer_of::<C>(to, self.call(None, &Request::of(to, call), block))
    }

    /// What a call returns, without changing anything.
    ///
    /// # Errors
    ///
    /// If it reverts, or if the node fails.
    pub fn call(&self, from: Option<Address>, request: &Request, block: BlockId) -> Result<Bytes, Error> {
        self.ask(|provider| provider.call(request.transaction(from)).block(block))
    }

    /// What a call returns now, without changing anything.
    ///
    /// # Errors
    ///
    /// If it reverts, or if the node fails.
    pub fn call_latest(&self, from: Option<Address>, request: &Request) -> Result<Bytes, Error> {
        self.call(from, request, BlockId::latest())
    }

    /// What activating code costs now beside gas, wei; nothing if code of its hash is active. Found by activating it on top of the chain's
    /// state, at an address where it is not.
    ///
    /// # Errors
    ///
    /// If it cannot be activated, or if the node fails.
    pub fn activation_fee(&self, code: &Bytes) -> anyhow::Result<U256> {
        let codehash = keccak256(code);
        let standing = self.view(ARB_WASM, &ArbWasm::codehashVersionCall { codehash });
        if standing
            .is_ok_and(|version| self.view(ARB_WASM, &ArbWasm::stylusVersionCall {}).is_ok_and(|now| now == version))
        {
            return Ok(U256::ZERO);
        }
        let [program, from] = [codehash, keccak256(codehash)].map(Address::from_word);
        let account = AccountOverride { code: Some(code.clone()), ..AccountOverride::default() };
        let payer = AccountOverride { balance: Some(U256::MAX >> 1), ..AccountOverride::default() };
        let overrides = StateOverride::from_iter([(program, account), (from, payer)]);
        let request = Request::of(ARB_WASM, &ArbWasm::activateProgramCall { program }).with_value(ACTIVATION_DEPOSIT);
        let answer = self.ask(|provider| {
            provider.call(request.transaction(Some(from))).block(BlockId::latest()).overrides(overrides.clone())
        });
        let answer = answer.context("activating the program")?;
        Ok(ArbWasm::activateProgramCall::abi_decode_returns(&answer)?.dataFee)
    }

    /// What a function returns for each of many arguments, in few requests.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view), for the first that fails.
    pub fn view_many<C: SolCall>(&self, to: Address, calls: &[C]) -> anyhow::Result<Vec<C::Return>> {
        self.view_many_at(BlockId::latest(), to, calls)
    }

    fn view_many_at<C: SolCall>(&self, block: BlockId, to: Address, calls: &[C]) -> anyhow::Result<Vec<C::Return>> {
        let mut answers = Vec::with_capacity(calls.len());
        for calls in calls.chunks(BATCH) {
            let batch = self.ask(|provider| async move {
                let mut batch = BatchRequest::new(provider.client());
                let mut waiting = Vec::with_capacity(calls.len());
                for call in calls {
                    let request = Request::of(to, call).transaction(None);
                    waiting.push(batch.add_call::<_, Bytes>("eth_call", &(request, block))?);
                }
                batch.send().await?;
                let mut answers = Vec::with_capacity(calls.len());
                for answer in waiting {
                    answers.push(answer.await?);
                }
                Ok(answers)
            });
            for answer in batch.with_context(|| format!("{to} {}", C::SIGNATURE))? {
                answers.push(answer_of::<C>(to, Ok(answer))?);
            }
        }
        Ok(answers)
    }

    fn call_many_at(&self, block: BlockId, requests: &[Request]) -> Result<Vec<Result<Bytes, Error>>, Error> {
        let mut answers = Vec::with_capacity(requests.len());
        for requests in requests.chunks(BATCH) {
            let batch = self.ask(|provider| async move {
                let mut batch = BatchRequest::new(provider.client());
                let mut waiting = Vec::with_capacity(requests.len());
                for request in requests {
                    waiting.push(batch.add_call::<_, Bytes>("eth_call", &(request.transaction(None), block))?);
                }
                batch.send().await?;
                let mut answers = Vec::with_capacity(requests.len());
                for answer in waiting {
                    match answer.await {
                        Err(error) if !error.is_error_resp() => return Err(error),
                        answer => answers.push(answer),
                    }
                }
                Ok(answers)
            })?;
            answers.extend(batch.into_iter().map(|answer| answer.map_err(|error| failure(&error, self.name()))));
        }
        Ok(answers)
    }

    /// How many transactions of an account wait to be in a block.
    ///
    /// # Errors
    ///
    /// If the node fails.
    pub fn waiting(&self, account: Address) -> Result<u64, Error> {
        let done: U64 = self.ask(|provider| {
            let parameters = (account, BlockNumberOrTag::Latest);
            provider.client().request::<_, U64>("eth_getTransactionCount", parameters)
        })?;
        Ok(self.nonce(account)?.saturating_sub(done.to()))
    }

    /// Gas that a transaction needs.
    ///
    /// # Errors
    ///
    /// If it reverts, or if the node fails.
    pub fn estimate(&self, from: Address, request: &Request) -> Result<u64, Error> {
        self.ask(|provider| provider.estimate_gas(request.transaction(Some(from))))
    }

    /// The error with which a transaction failed, found by calling once more in its block.
    pub(crate) fn replay(&self, from: Address, request: &Request, block: u64) -> Option<Error> {
        self.call(Some(from), request, BlockId::number(block.saturating_sub(1))).err()
    }

    /// Number of the account's next transaction, those that wait included. Read for each transaction: nothing here remembers one.
    pub(crate) fn nonce(&self, account: Address) -> Result<u64, Error> {
        let parameters = (account, BlockNumberOrTag::Pending);
        let nonce = self.ask(|provider| provider.client().request::<_, U64>("eth_getTransactionCount", parameters));
        nonce.map(|nonce| nonce.to())
    }

    /// A transaction that a node knows, in a block or waiting.
    fn transaction(&self, hash: TxHash) -> Result<Option<Transaction>, Error> {
        self.ask(|provider| provider.get_transaction_by_hash(hash))
    }

    /// Who asked whom for what in a transaction that a node knows; nothing if it knows none, or if that created a contract.
    ///
    /// # Errors
    ///
    /// If the node fails.
    pub fn transaction_request(&self, hash: TxHash) -> Result<Option<(Address, Request)>, Error> {
        let request = |transaction: Transaction| {
            let (from, inner) = (transaction.inner.signer(), transaction.inner.inner());
            let request = Request { to: inner.to()?, value: inner.value(), data: inner.input().clone() };
            Some((from, request))
        };
        Ok(self.transaction(hash)?.and_then(request))
    }

    /// What became of a transaction, if it is in a block.
    ///
    /// # Errors
    ///
    /// If the node fails.
    pub fn receipt(&self, hash: TxHash) -> Result<Option<TransactionReceipt>, Error> {
        self.ask(|provider| provider.get_transaction_receipt(hash))
    }

    /// Events that a filter names, in the chain's order.
    ///
    /// # Errors
    ///
    /// If the node fails, for example because it gives out fewer at a time.
    pub fn logs(&self, filter: &Filter) -> Result<Vec<Log>, Error> {
        self.ask(|provider| provider.get_logs(filter))
    }

    /// Events that a filter names in a range of blocks, however few a node gives out at a time: a range that it refuses is halved.
    ///
    /// # Errors
    ///
    /// If the node refuses a single block.
    pub fn logs_between(&self, filter: &Filter, from: u64, to: u64) -> Result<Vec<Log>, Error> {
        let mut logs = Vec::new();
        let mut waiting = vec![(from, to)];
        while let Some((from, to)) = waiting.pop() {
            match self.logs(&filter.clone().from_block(from).to_block(to)) {
                Ok(found) => logs.extend(found),
                Err(error) if from >= to => return Err(error),
                Err(_) => {
                    let middle = from + (to - from) / 2;
                    // The earlier half is asked first.
                    waiting.extend([(middle + 1, to), (from, middle)]);
                }
            }
        }
        Ok(logs)
    }

    /// Broadcasts a signed transaction. A node that has it already says so, which is as good.
    pub(crate) fn broadcast(&self, raw: &[u8]) -> Result<(), Error> {
        let sent = self.ask(|provider| async move { provider.send_raw_transaction(raw).await.map(drop) });
        match sent {
            // The node before may have taken it without saying so.
            Err(Error::Node(text)) if self.endpoints.len() > 1 && text.contains("already known") => Ok(()),
            sent => sent,
        }
    }
}

/// A chain as of one block. Every read is of the state after it, also where the answers come from different nodes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct At<'a> {
    #[serde(skip)]
    pub(crate) node: &'a Node,
    /// Its number.
    pub block: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time, seconds.
    pub time: u64,
}

impl At<'_> {
    pub(crate) fn id(&self) -> BlockId {
        BlockId::hash(self.hash)
    }
}

impl State for At<'_> {
    fn chain_id(&self) -> u64 {
        self.node.chain_id
    }

    fn block(&self) -> u64 {
        self.block
    }

    fn call(&self, request: &Request) -> Result<Bytes, Error> {
        self.node.call(None, request, self.id())
    }

    fn code(&self, address: Address) -> Result<Bytes, Error> {
        self.node.ask(|provider| provider.get_code_at(address).block_id(self.id()))
    }

    fn storage(&self, contract: Address, slot: U256) -> Result<U256, Error> {
        self.node.ask(|provider| provider.get_storage_at(contract, slot).block_id(self.id()))
    }

    fn logs(&self, filter: &Filter) -> Result<Vec<Log>, Error> {
        self.node.logs_between(filter, 0, self.block)
    }

    fn logs_from(&self, filter: &Filter, first: u64) -> Result<Vec<Log>, Error> {
        match first <= self.block {
            true => self.node.logs_between(filter, first, self.block),
            false => Ok(Vec::new()),
        }
    }

    fn call_many(&self, requests: &[Request]) -> Result<Vec<Result<Bytes, Error>>, Error> {
        self.node.call_many_at(self.id(), requests)
    }

    fn transaction(&self, hash: B256) -> Result<Option<Request>, Error> {
        Ok(self.node.transaction_request(hash)?.map(|(_, request)| request))
    }

    fn view_many<C: SolCall>(&self, to: Address, calls: &[C]) -> anyhow::Result<Vec<C::Return>> {
        self.node.view_many_at(self.id(), to, calls)
    }
}

impl Endpoint {
    fn new(url: Url) -> anyhow::Result<Self> {
        let name = url.origin().ascii_serialization();
        if !matches!(url.scheme(), "http" | "https") {
            return Err(anyhow!("{}: URLs of nodes begin with http:// or https://", url.scheme()));
        }
        let client = http_client(&url, PATIENCE).map_err(|error| {
            anyhow!("{name}: {}: are certificates installed (the package ca-certificates)?", cause(&error))
        })?;
        Ok(Self { provider: RootProvider::new(RpcClient::new_http_with_client(client, url)), name })
    }
}

/// Installs what TLS is computed with, once a process; that somebody has done so before is as good.
pub(crate) fn install_tls() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// A client of our own: plain HTTP needs no certificates of the system, and nothing on this machine is reached by way of a proxy.
pub(crate) fn http_client(url: &Url, patience: Duration) -> Result<Client, reqwest::Error> {
    install_tls();
    let mut builder = Client::builder().timeout(patience).user_agent(concat!("tidepool/", env!("CARGO_PKG_VERSION")));
    if url.scheme() == "http" {
        builder = builder.tls_certs_only([]);
    }
    if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        builder = builder.no_proxy();
    }
    builder.build()
}
