//! Calls collected in a file, which is a Safe's: whoever signs can read it with the Safe's own tools too.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, Bytes, U256};
use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use client::{Node, Request, Rpc, Sending, decode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    output::{self, Failure, Usage, say},
    pool::scene::{PoolArguments, Scene},
    proposal::{Proposal, checksum},
    rehearsal::{
        Rehearsal,
        invariants::{Sentence, Snapshot},
        people::People,
        words::{self, Names, Word},
    },
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
    /// Play a batch on a chain in this process that begins where the node is
    #[command(after_help = "\
Shows the events of each call, the words of storage that it changes, and which of the pool's invariants hold afterwards.
Nothing is signed or sent. Exit code 4 if a call is refused or an invariant is broken.

Example:
  tidepool batch simulate shares.json --from 0x3333… --rpc https://arb1.example")]
    Simulate(Simulate),
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
        Command::Simulate(arguments) => arguments.run(),
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

/// What is played, and by whom
#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// File
    file: PathBuf,
    /// Who sends the calls, an address or a name of the book; without it the owner of the pool, if there is one alone
    #[arg(long, value_name = "ACCOUNT")]
    from: Option<String>,
    #[command(flatten)]
    place: PoolArguments,
    #[command(flatten)]
    rpc: Rpc,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A call that was played.
#[derive(Debug, Serialize)]
struct Played {
    to: Address,
    call: String,
    gas: Option<u64>,
    refused: Option<String>,
    events: Vec<String>,
    words: Vec<Word>,
}

/// A batch that was played.
#[derive(Debug, Serialize)]
struct Simulated {
    chain: u64,
    block: u64,
    from: Address,
    calls: Vec<Played>,
    invariants: Vec<Sentence>,
}

impl Simulate {
    fn run(self) -> Result<(), Failure> {
        let batch = Batch::read(&self.file)?;
        ensure_calls(&batch)?;
        let rehearsal = Rehearsal::begin(&self.rpc, None)?;
        let node = &rehearsal.node;
        batch.expect_chain(node.chain_id)?;
        let scene = self.place.scene(node)?;
        let block = node.at_latest()?.block;
        let people = People::read(node, &scene, block)?;
        let from = self.sender(node, &scene, &people)?;
        let epochs = scene.state(&node.at_latest()?)?.epoch.saturating_to::<u64>().saturating_add(2);
        let names = Names::of_pool(&scene, &people, epochs);
        let mut calls = Vec::new();
        for request in &batch.requests {
            let played = play(&rehearsal, from, request, &names)?;
            let is_refused = played.refused.is_some();
            calls.push(played);
            if is_refused {
                break;
            }
        }
        let invariants = Snapshot::read(node, &scene, &people)?.sentences();
        let simulated = Simulated { chain: batch.chain, block, from, calls, invariants };
        if self.json {
            output::json(&simulated)?;
        } else {
            simulated.print();
        }
        if simulated.is_good() { Ok(()) } else { Err(Failure::CHECK_FAILED) }
    }

    fn sender(&self, node: &Node, scene: &Scene, people: &People) -> anyhow::Result<Address> {
        if let Some(text) = &self.from {
            return scene.address(text);
        }
        match people.owners(node, scene.pool)?[..] {
            [owner] => Ok(owner),
            ref owners => bail!(Usage(format!("who sends the calls? --from; the pool has {} owners", owners.len()))),
        }
    }
}

fn play(rehearsal: &Rehearsal, from: Address, request: &Request, names: &Names) -> anyhow::Result<Played> {
    let (to, call) = (request.to, decode::call(&request.data));
    let done = match rehearsal.send(from, request) {
        Ok(done) => done,
        Err(error) => {
            let refused = Some(format!("{error:#}"));
            return Ok(Played { to, call, gas: None, refused, events: Vec::new(), words: Vec::new() });
        }
    };
    let event = |log: &alloy_primitives::Log| match decode::event(&log.data) {
        Some(event) => format!("{}: {}", log.address, event.text),
        None => format!("{}: an event that no interface declares", log.address),
    };
    let words = words::changed(rehearsal, done.hash, names)?;
    let events = done.logs.iter().map(event).collect();
    Ok(Played { to, call, gas: Some(done.gas), refused: None, events, words })
}

impl Simulated {
    fn is_good(&self) -> bool {
        self.calls.iter().all(|call| call.refused.is_none()) && self.invariants.iter().all(|one| one.holds)
    }

    fn print(&self) {
        say!("chain {} from block {} on, by {}", self.chain, self.block, self.from);
        for call in &self.calls {
            say!("{}  {}", call.to, call.call);
            match (&call.gas, &call.refused) {
                (Some(gas), _) => say!("  {gas} gas"),
                (None, refused) => say!("  REFUSED: {}", refused.as_deref().unwrap_or_default()),
            }
            call.events.iter().for_each(|event| say!("  event  {event}"));
            for word in &call.words {
                let name = word.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
                say!("  word   {} {}{name}", word.contract, word.slot);
                say!("           {} to {}", word.before, word.after);
            }
        }
        for one in &self.invariants {
            say!("{}  {}", if one.holds { "holds " } else { "BROKEN" }, one.sentence);
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
    say!("chain {}, {} calls", batch.chain, calls.len());
    for (to, call) in calls {
        say!("{to}  {call}");
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
