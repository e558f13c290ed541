//! Any function of any contract by its name, and any call, transaction or error in words.

use alloy_primitives::{Address, B256, Bytes};
use anyhow::{Context, anyhow, bail};
use clap::Args;
use client::{Request, Rpc, Usage, decode};

use crate::{
    output::{self, Failure, say},
    pool::{Governing, scene::Scene},
};

#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The contract: an address, or a name of the book, such as Pool
    contract: String,
    /// The function's name, or its signature where there are several of a name
    function: String,
    /// Its arguments: numbers in units, lists in brackets, addresses also by name
    arguments: Vec<String>,
    #[command(flatten)]
    governing: Governing,
}

impl Call {
    /// Answers a view, and sends or proposes anything else.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.governing.look()?;
        let contract = scene.address(&self.contract)?;
        let arguments = self.arguments.iter().map(|text| named(&scene, text)).collect::<Vec<_>>();
        let call = decode::encode(&self.function, &arguments).map_err(|error| anyhow::Error::from(Usage(error)))?;
        let request = Request { to: contract, value: alloy_primitives::U256::ZERO, data: call.data.clone().into() };
        if call.is_view {
            let answer = node.call_latest(None, &request).with_context(|| self.function.clone())?;
            let values =
                call.answer(&answer).ok_or_else(|| anyhow!("the answer is of another type: is it this contract?"))?;
            if self.governing.is_json() {
                return output::json(&serde_json::json!({ "values": values }));
            }
            values.iter().for_each(|value| say!("{value}"));
            return Ok(());
        }
        self.governing.act(&node, &self.function, &[request])
    }
}

/// A name of the book as its address; anything else as it is.
fn named(scene: &Scene, text: &str) -> String {
    scene.address(text).map_or_else(|_| text.to_owned(), |address: Address| address.to_string())
}

#[derive(Debug, Args)]
pub(crate) struct Decode {
    /// Call data, the data of an error, or the hash of a transaction
    what: Bytes,
    #[command(flatten)]
    rpc: Rpc,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Decode {
    /// Says what it is, by our interfaces.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let text = match B256::try_from(self.what.as_ref()) {
            Ok(hash) => self.transaction(hash)?,
            Err(_) => explained(&self.what)?,
        };
        if self.json {
            return output::json(&serde_json::json!({ "text": text }));
        }
        say!("{text}");
        Ok(())
    }

    fn transaction(&self, hash: B256) -> anyhow::Result<String> {
        let node = self.rpc.connect()?;
        let transaction = node.transaction_request(hash)?;
        let (from, request) = transaction.with_context(|| format!("{hash}: the node knows no such transaction"))?;
        let outcome = match node.receipt(hash)? {
            None => "waiting".to_owned(),
            Some(receipt) if receipt.status() => "succeeded".to_owned(),
            Some(_) => "failed".to_owned(),
        };
        Ok(format!("{} calls {}: {}; {outcome}", from, request.to, decode::call(&request.data)))
    }
}

fn explained(data: &[u8]) -> anyhow::Result<String> {
    if let Some(call) = decode::known_call(data) {
        return Ok(call);
    }
    match decode::known_error(data) {
        Some(error) => Ok(format!("error {error}")),
        None => bail!("neither a call nor an error of the project's interfaces"),
    }
}
