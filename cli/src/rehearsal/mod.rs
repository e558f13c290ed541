//! A chain beside the chain: the state of a node at a block, in this process, where everything may be tried. State is read from the node when
//! it is first needed; anybody is impersonated, and nothing that happens here is signed.

pub(crate) mod invariants;
pub(crate) mod life;
pub(crate) mod people;
pub(crate) mod words;

use std::{
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use alloy_primitives::{Address, B256, Bytes, Log, U256};
use anyhow::{Context, anyhow, ensure};
use chain::node::{Limits, Node as Embedded, NodeSettings, Served, Source};
use client::{Node, Request, Rpc, decode};
use deploy::{Fate, Host, Outcome};
use serde_json::{Value, json};

/// The chain of a node from a block on, in this process.
pub(crate) struct Rehearsal {
    /// Asks the chain in this process.
    pub(crate) node: Node,
    served: Served,
}

/// What a transaction did.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) hash: B256,
    pub(crate) block: u64,
    pub(crate) gas: u64,
    pub(crate) logs: Vec<Log>,
}

impl Rehearsal {
    /// Begins where the node is, or after one of its blocks.
    ///
    /// # Errors
    ///
    /// If the node fails, does not have the block, or is of no chain with Stylus.
    pub(crate) fn begin(rpc: &Rpc, block: Option<u64>) -> anyhow::Result<Self> {
        let settings = NodeSettings { frozen: true, ..NodeSettings::default() };
        let embedded = Embedded::fork_of(settings, "the node", Box::new(Behind::of(rpc.connect()?)), block)?;
        let served = Served::new(embedded, Limits::default())?;
        Ok(Self { node: Node::at_url(&served.url())?, served })
    }

    /// The chain itself.
    pub(crate) fn embedded(&self) -> &Embedded {
        &self.served.node
    }

    /// Makes somebody call something, whose key is not here.
    ///
    /// # Errors
    ///
    /// If it is refused, with the reason.
    pub(crate) fn send(&self, from: Address, request: &Request) -> anyhow::Result<Done> {
        self.node.call_latest(Some(from), request)?;
        self.ask("evm_impersonateAccount", json!([from]))?;
        let call = json!([{ "from": from, "to": request.to, "value": request.value, "data": request.data }]);
        let hash: B256 = serde_json::from_value(self.ask("eth_sendTransaction", call)?)?;
        let receipt = self.node.receipt(hash)?.with_context(|| format!("{hash}: no receipt"))?;
        ensure!(receipt.status(), "{}: tried, it came through; sent, it failed", decode::call(&request.data));
        let logs = receipt.logs().iter().map(|log| log.inner.clone()).collect();
        Ok(Done { hash, block: receipt.block_number.unwrap_or_default(), gas: receipt.gas_used, logs })
    }

    /// Lets time pass up to a moment, if that is ahead.
    ///
    /// # Errors
    ///
    /// If the chain fails.
    pub(crate) fn pass_to(&self, time: u64) -> anyhow::Result<()> {
        if self.node.at_latest()?.time < time {
            self.ask("evm_setNextBlockTimestamp", json!([time]))?;
            self.ask("evm_mine", json!([]))?;
        }
        Ok(())
    }

    /// Remembers everything.
    ///
    /// # Errors
    ///
    /// If the chain fails.
    pub(crate) fn snapshot(&self) -> anyhow::Result<Value> {
        self.ask("evm_snapshot", json!([]))
    }

    /// Goes back to what was remembered.
    ///
    /// # Errors
    ///
    /// If the chain fails.
    pub(crate) fn revert(&self, snapshot: &Value) -> anyhow::Result<()> {
        self.ask("evm_revert", json!([snapshot])).map(drop)
    }

    /// Gives somebody ether for what is tried.
    ///
    /// # Errors
    ///
    /// If the chain fails.
    pub(crate) fn fund(&self, account: Address) -> anyhow::Result<()> {
        let plenty = U256::from(10).pow(U256::from(21));
        self.ask("anvil_setBalance", json!([account, plenty])).map(drop)
    }

    fn ask(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        self.node.request(method, &params).with_context(|| method.to_owned())
    }
}

/// A node that a chain in this process reads from: asked on a thread of its own, since whoever needs the answer may be one that must not
/// wait for a runtime.
#[derive(Debug)]
struct Behind(Mutex<mpsc::Sender<Question>>);

#[derive(Debug)]
struct Question {
    method: String,
    params: Value,
    answer: mpsc::Sender<Result<Value, String>>,
}

impl Behind {
    fn of(node: Node) -> Self {
        let (questions, asked) = mpsc::channel::<Question>();
        thread::spawn(move || {
            for Question { method, params, answer } in asked {
                // Whoever asked may have gone.
                let _ = answer.send(node.request(&method, &params).map_err(|error| error.to_string()));
            }
        });
        Self(Mutex::new(questions))
    }
}

impl Source for Behind {
    fn ask(&self, method: &str, params: Value) -> Result<Value, String> {
        let (answer, answered) = mpsc::channel();
        let question = Question { method: method.to_owned(), params, answer };
        let gone = || "the node is asked no more".to_owned();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).send(question).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }
}

/// Somebody who deploys on a rehearsal.
pub(crate) struct Deployer<'a> {
    pub(crate) rehearsal: &'a Rehearsal,
    pub(crate) address: Address,
}

impl Host for Deployer<'_> {
    fn chain_id(&self) -> u64 {
        self.rehearsal.node.chain_id
    }

    fn deployer(&self) -> Address {
        self.address
    }

    fn now(&self) -> anyhow::Result<u64> {
        Ok(self.rehearsal.node.head()?.time)
    }

    fn balance(&self) -> anyhow::Result<U256> {
        Ok(self.rehearsal.node.balance(self.address)?)
    }

    fn gas_price(&self) -> anyhow::Result<u128> {
        Ok(self.rehearsal.node.gas_price()?)
    }

    fn code(&self, address: Address) -> anyhow::Result<Bytes> {
        Ok(self.rehearsal.node.code(address)?)
    }

    fn call(&self, request: &Request) -> anyhow::Result<Bytes> {
        Ok(self.rehearsal.node.call_latest(Some(self.address), request)?)
    }

    fn activation_fee(&self, code: &Bytes) -> anyhow::Result<U256> {
        self.rehearsal.node.activation_fee(code)
    }

    fn send(
        &mut self,
        request: &Request,
        sending: &mut dyn FnMut(B256, u64) -> anyhow::Result<()>,
    ) -> anyhow::Result<Outcome> {
        let Done { hash, block, gas, .. } = self.rehearsal.send(self.address, request)?;
        sending(hash, block)?;
        Ok(Outcome { hash, block, gas })
    }

    fn fate(&self, hash: B256) -> anyhow::Result<Fate> {
        Err(anyhow!("{hash}: nothing is under way on a chain that begins now"))
    }
}
