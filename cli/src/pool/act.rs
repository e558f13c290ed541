//! What becomes of a call: it is sent, proposed to others, or put into a batch.

use std::{collections::BTreeMap, fs, path::PathBuf};

use alloy_primitives::Address;
use anyhow::Context;
use clap::Args;
use client::{Node, Printed, Request, Sender, Sending, Sent};
use serde::Serialize;

use super::scene::{PoolArguments, Scene};
use crate::{
    batch::Batch,
    output::{self, Failure, say},
    proposal::{Form, Proposal},
};

/// How a call is sent
#[derive(Clone, Debug, Args)]
pub(crate) struct Acting {
    #[command(flatten)]
    place: PoolArguments,
    #[command(flatten)]
    sending: Sending,
}

/// How a call is sent, or proposed to a multisig, a timelock or a governor
#[derive(Clone, Debug, Args)]
pub(crate) struct Governing {
    #[command(flatten)]
    acting: Acting,
    /// Write a proposal to standard output instead of sending; no key is needed
    #[arg(long = "as", value_name = "FORM", help_heading = "Proposal")]
    form: Option<Form>,
    /// Delay of the timelock, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0, help_heading = "Proposal")]
    delay: u64,
    /// Put the calls into this batch instead of sending: see tidepool batch
    #[arg(long, value_name = "FILE", conflicts_with = "form", help_heading = "Proposal")]
    into: Option<PathBuf>,
}

/// What a command prints when its calls came through.
#[derive(Debug, Serialize)]
struct Acted {
    transactions: Vec<Sent>,
}

impl Acting {
    /// The pool and somebody who signs.
    pub(crate) fn prepare(&self) -> anyhow::Result<(Sender, Scene)> {
        let sender = self.sending.prepare()?;
        let scene = self.place.scene(&sender.node)?;
        Ok((sender, scene))
    }

    /// Somebody who signs, and the contracts of the book, none of which is asked anything.
    pub(crate) fn prepare_blind(&self) -> anyhow::Result<(Sender, BTreeMap<String, Address>)> {
        let sender = self.sending.prepare()?;
        let names = self.place.names(&sender.node)?;
        Ok((sender, names))
    }

    /// Sends calls one after the other: each is tried, shown and asked for. `afterwards` says what is true then.
    pub(crate) fn send(
        &self,
        sender: &Sender,
        requests: &[Request],
        afterwards: impl FnOnce(&[Sent]) -> Vec<String>,
    ) -> Result<(), Failure> {
        let mut transactions = Vec::new();
        for request in requests {
            match sender.send_request(request) {
                Ok(sent) => transactions.push(sent),
                // Another signs: the calls that follow are printed too, as far as they can be tried before the first was sent.
                Err(error) if error.is::<Printed>() && requests.len() > 1 => {}
                Err(error) => return Err(self.stopped(&transactions, error)),
            }
        }
        if transactions.is_empty() {
            return Err(anyhow::Error::from(Printed).into());
        }
        if self.sending.json {
            return output::json(&Acted { transactions });
        }
        transactions.iter().for_each(Sent::print);
        afterwards(&transactions).iter().for_each(|line| say!("{line}"));
        Ok(())
    }

    fn stopped(&self, done: &[Sent], error: anyhow::Error) -> Failure {
        for sent in done {
            eprintln!("done before: {} ({})", sent.call, sent.hash());
        }
        error.into()
    }
}

impl Governing {
    /// The pool, without a key.
    pub(crate) fn look(&self) -> anyhow::Result<(Node, Scene)> {
        let node = self.acting.sending.rpc().connect()?;
        let scene = self.acting.place.scene(&node)?;
        Ok((node, scene))
    }

    /// Whether JSON is asked for.
    pub(crate) const fn is_json(&self) -> bool {
        self.acting.sending.json
    }

    /// Sends calls, proposes them, or puts them into a batch.
    pub(crate) fn act(&self, node: &Node, title: &str, requests: &[Request]) -> Result<(), Failure> {
        if let Some(form) = self.form {
            let mut proposal = Proposal::new(node.chain_id, title, title);
            requests.iter().for_each(|request| proposal.push(request.clone()));
            output::text(&proposal.write(form, self.delay)?);
            return Ok(());
        }
        if let Some(path) = &self.into {
            let mut batch = Batch::read(path)?;
            batch.expect_chain(node.chain_id)?;
            batch.extend(requests);
            let text = batch.write()?;
            fs::write(path, text).with_context(|| path.display().to_string())?;
            eprintln!("{}: {} calls now", path.display(), batch.len());
            return Ok(());
        }
        let sender = self.acting.sending.prepare()?;
        self.acting.send(&sender, requests, |_| Vec::new())
    }
}
