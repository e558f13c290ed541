//! What happened to an account, from the pool's events.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use clap::Args;
use client::{Filter, Log, Node, State, decode};
use serde::Serialize;

use super::read::{Block, Reading};
use crate::output::{self, Failure, say};

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Whose; an address, or a name of the book
    account: String,
    /// Print comma-separated values: block, time in seconds, transaction, number of the log, event
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    #[command(flatten)]
    reading: Reading,
}

/// An event that names the account.
#[derive(Debug, Serialize)]
struct Entry {
    block: u64,
    /// Seconds.
    time: u64,
    transaction: B256,
    log: u64,
    /// Amounts are in units.
    event: String,
}

impl History {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.reading.open()?;
        let at = node.at_latest()?;
        let account = scene.address(&self.account)?;
        let entries = read(&node, &at, scene.pool, account)?;
        if self.csv {
            say!("block,time,transaction,log,event");
            for Entry { block, time, transaction, log, event } in &entries {
                say!("{block},{time},{transaction},{log},\"{}\"", event.replace('"', "\"\""));
            }
            return Ok(());
        }
        let block = Block::of(node.chain_id, &at);
        if self.reading.json {
            return output::json(&serde_json::json!({ "at": block, "account": account, "events": entries }));
        }
        block.print();
        say!("account          {}", scene.name(account));
        for entry in &entries {
            say!("{}  {}  {}", client::date(entry.time), entry.transaction, entry.event);
        }
        Ok(())
    }
}

/// Every event of the pool that has the account among its indexed arguments, each once, in the chain's order.
fn read(node: &Node, at: &impl State, pool: Address, account: Address) -> anyhow::Result<Vec<Entry>> {
    let word = account.into_word();
    let filter = || Filter::new().address(pool);
    let mut found: BTreeMap<(u64, u64), Log> = BTreeMap::new();
    for filter in [filter().topic1(word), filter().topic2(word), filter().topic3(word)] {
        for log in at.logs(&filter)? {
            found.insert((log.block_number.unwrap_or_default(), log.log_index.unwrap_or_default()), log);
        }
    }
    let mut times = BTreeMap::new();
    let mut entries = Vec::new();
    for ((block, index), log) in found {
        let time = match (log.block_timestamp, times.get(&block)) {
            (Some(time), _) => time,
            (None, Some(time)) => *time,
            // Not every node says the time of a log.
            (None, None) => node.time_of(block)?,
        };
        times.insert(block, time);
        let event = decode::event(&log.inner.data);
        let event = event.map_or("an event that no interface declares".to_owned(), |event| event.text);
        let transaction = log.transaction_hash.unwrap_or_default();
        entries.push(Entry { block, time, transaction, log: index, event });
    }
    Ok(entries)
}
