//! Calls collected in a file, which is a Safe's: whoever signs can read it with the Safe's own tools too.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, Bytes, U256};
use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use client::{Request, Rpc, Sending, decode};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    output::{self, Failure},
    proposal::{Proposal, checksum},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Begin an empty batch
    New {
        /// File, which must not be there yet
        file: PathBuf,
        /// What the batch is for
        #[arg(long, default_value = "Batch")]
        name: String,
        #[command(flatten)]
        rpc: Rpc,
    },
    /// Say what a batch does, call by call
    Show {
        /// File
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Send the calls of a batch, one after the other
    Send {
        /// File
        file: PathBuf,
        #[command(flatten)]
        sending: Sending,
    },
}

pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::New { file, name, rpc } => {
            let node = rpc.connect()?;
            let text = Proposal::new(node.chain_id, &name, &name).safe()?;
            let mut options = fs::OpenOptions::new();
            let opened = options.write(true).create_new(true).open(&file);
            let mut opened = opened.with_context(|| file.display().to_string())?;
            Ok(std::io::Write::write_all(&mut opened, text.as_bytes())?)
        }
        Command::Show { file, json } => show(&Batch::read(&file)?, json),
        Command::Send { file, sending } => {
            let batch = Batch::read(&file)?;
            ensure_calls(&batch)?;
            let sender = sending.prepare()?;
            batch.expect_chain(sender.node.chain_id)?;
            let mut sent = Vec::new();
            for request in &batch.requests {
                sent.push(sender.send_request(request)?);
            }
            if sending.json {
                return output::json(&sent);
            }
            sent.iter().for_each(client::Sent::print);
            Ok(())
        }
    }
}

fn ensure_calls(batch: &Batch) -> anyhow::Result<()> {
    ensure!(batch.len() > 0, "the batch is empty");
    Ok(())
}

fn show(batch: &Batch, json: bool) -> Result<(), Failure> {
    let calls: Vec<_> = batch.requests.iter().map(|request| (request.to, decode::call(&request.data))).collect();
    if json {
        return output::json(
            &calls.iter().map(|(to, call)| serde_json::json!({ "to": to, "call": call })).collect::<Vec<_>>(),
        );
    }
    println!("chain {}, {} calls", batch.chain, calls.len());
    for (to, call) in calls {
        println!("{to}  {call}");
    }
    Ok(())
}

/// A batch in memory.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    chain: u64,
    name: String,
    description: String,
    requests: Vec<Request>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    chain_id: String,
    meta: Meta,
    transactions: Vec<Transaction>,
}

#[derive(Debug, Deserialize)]
struct Meta {
    name: Option<String>,
    description: Option<String>,
    checksum: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Transaction {
    to: Address,
    value: String,
    data: Option<Bytes>,
}

impl Batch {
    /// Reads a file of the Safe's Transaction Builder.
    ///
    /// # Errors
    ///
    /// If it is none, if its checksum is another, or if a call has no data (the builder may leave it out and keep the arguments instead).
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let value: Value = serde_json::from_str(text)?;
        let file: File =
            serde_json::from_value(value.clone()).context("not a batch of the Safe's Transaction Builder")?;
        let sum = checksum(&value).to_string();
        if let Some(written) = file.meta.checksum.as_ref().filter(|written| **written != sum) {
            bail!("its checksum is {written}, its content's is {sum}: somebody changed it without the tool");
        }
        let request = |(place, transaction): (usize, Transaction)| {
            let data = transaction.data.with_context(|| format!("call {}: without data", place + 1))?;
            let value =
                U256::from_str_radix(&transaction.value, 10).with_context(|| format!("call {}: value", place + 1))?;
            Ok(Request { to: transaction.to, value, data })
        };
        let requests = file.transactions.into_iter().enumerate().map(request).collect::<anyhow::Result<_>>()?;
        Ok(Self {
            chain: file.chain_id.parse().context("chainId")?,
            name: file.meta.name.unwrap_or_default(),
            description: file.meta.description.unwrap_or_default(),
            requests,
        })
    }

    pub(crate) fn expect_chain(&self, chain: u64) -> anyhow::Result<()> {
        ensure!(self.chain == chain, "the batch is for chain {}, the node is of chain {chain}", self.chain);
        Ok(())
    }

    pub(crate) fn extend(&mut self, requests: &[Request]) {
        self.requests.extend_from_slice(requests);
    }

    pub(crate) const fn len(&self) -> usize {
        self.requests.len()
    }

    /// The file again, with a new checksum.
    pub(crate) fn write(&self) -> anyhow::Result<String> {
        let mut proposal = Proposal::new(self.chain, &self.name, &self.description);
        self.requests.iter().for_each(|request| proposal.push(request.clone()));
        proposal.safe()
    }
}
