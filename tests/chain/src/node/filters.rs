//! Filters that clients poll, and the selection of logs.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use alloy_primitives::B256;
use alloy_rpc_types_eth::{BlockNumberOrTag, Filter, FilterBlockOption};
use serde_json::{Value, json};

use super::{
    error::RpcError,
    json,
    ledger::{Mined, World},
    scene,
};

/// Filters that may exist at a time, and how long one lives without being asked.
const LIMIT: usize = 10_000;
const LIFE: Duration = Duration::from_secs(300);
/// Logs in one answer.
pub(super) const LOG_LIMIT: usize = 20_000;
/// Hashes that a filter of waiting transactions remembers.
const HASH_LIMIT: usize = 10_000;

#[derive(Debug)]
pub(super) enum Kind {
    Logs(Box<Filter>),
    Blocks,
    Transactions(Hashes),
}

/// Hashes that were not told yet.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    waiting: Vec<B256>,
    /// Nobody asked for so long that not all could be remembered.
    lost: bool,
}

impl Hashes {
    fn push(&mut self, hash: B256) {
        if self.waiting.len() < HASH_LIMIT {
            self.waiting.push(hash);
        } else {
            self.lost = true;
        }
    }

    /// All of them, unless some are missing: that is told instead, once.
    fn take(&mut self) -> Result<Vec<B256>, RpcError> {
        let Self { waiting, lost } = std::mem::take(self);
        if lost {
            return Err(RpcError::limit(format!("more than {HASH_LIMIT} transactions came in since: begin anew")));
        }
        Ok(waiting)
    }
}

#[derive(Debug)]
struct Polled {
    kind: Kind,
    /// The first block that was not told yet.
    next: u64,
    asked: Instant,
}

/// All filters of a node.
#[derive(Debug, Default)]
pub(super) struct Filters {
    known: HashMap<u64, Polled>,
    issued: u64,
}

impl Filters {
    pub(super) fn install(&mut self, kind: Kind, world: &World) -> Result<u64, RpcError> {
        self.known.retain(|_, filter| filter.asked.elapsed() < LIFE);
        if self.known.len() >= LIMIT {
            return Err(RpcError::limit("too many filters"));
        }
        self.issued += 1;
        let next = world.head().block.number + 1;
        self.known.insert(self.issued, Polled { kind, next, asked: Instant::now() });
        Ok(self.issued)
    }

    pub(super) fn uninstall(&mut self, id: u64) -> bool {
        self.known.remove(&id).is_some()
    }

    /// What happened since the last time.
    pub(super) fn changes(&mut self, id: u64, world: &World) -> Result<Value, RpcError> {
        let filter = self.known.get_mut(&id).ok_or_else(|| RpcError::not_found("filter"))?;
        filter.asked = Instant::now();
        let (first, head) = (filter.next, world.head().block.number);
        let changes = match &mut filter.kind {
            Kind::Logs(wanted) => {
                let (from, to) = (wanted.get_from_block(), wanted.get_to_block());
                let (first, last) = (first.max(from.unwrap_or_default()), head.min(to.unwrap_or(u64::MAX)));
                let (logs, rest) = select(world, wanted, first, last);
                if let Some(rest) = rest {
                    // The remainder is told the next time.
                    filter.next = rest;
                    return Ok(Value::Array(logs));
                }
                Value::Array(logs)
            }
            Kind::Blocks => {
                (first..=head).filter_map(|number| world.block(number)).map(|mined| json!(mined.block.hash)).collect()
            }
            Kind::Transactions(hashes) => json!(hashes.take()?),
        };
        filter.next = head + 1;
        Ok(changes)
    }

    /// The filter of a log filter.
    pub(super) fn logs(&mut self, id: u64) -> Result<Filter, RpcError> {
        match self.known.get_mut(&id) {
            Some(Polled { kind: Kind::Logs(filter), asked, .. }) => {
                *asked = Instant::now();
                Ok(Filter::clone(filter))
            }
            _ => Err(RpcError::not_found("filter")),
        }
    }

    /// A transaction came in.
    pub(super) fn submitted(&mut self, hash: B256) {
        for filter in self.known.values_mut() {
            if let Kind::Transactions(hashes) = &mut filter.kind {
                hashes.push(hash);
            }
        }
    }

    /// The chain went back to `head`: what comes again is told again.
    pub(super) fn reverted(&mut self, head: u64) {
        for filter in self.known.values_mut() {
            filter.next = filter.next.min(head + 1);
        }
    }
}

/// The logs that `eth_getLogs` tells.
pub(super) fn logs(world: &World, filter: &Filter) -> Result<Value, RpcError> {
    let (first, last) = match filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            let number = world.number_of(hash).ok_or_else(|| RpcError::not_found("block"))?;
            (number, number)
        }
        FilterBlockOption::Range { .. } => range(world, filter)?,
    };
    if first > last {
        return Err(RpcError::params("fromBlock lies after toBlock"));
    }
    let mut earlier = before(world, filter, first, last)?;
    match select(world, filter, first.max(world.first()), last.min(world.head().block.number)) {
        (logs, None) => {
            earlier.extend(logs);
            Ok(Value::Array(earlier))
        }
        (_, Some(rest)) => Err(RpcError::limit(format!(
            "query returned more than {LOG_LIMIT} results. Try with this block range [{first:#x}, {:#x}]",
            rest - 1
        ))),
    }
}

/// What was logged before a fork began: the chain that it is of tells.
fn before(world: &World, filter: &Filter, first: u64, last: u64) -> Result<Vec<Value>, RpcError> {
    let Some(origin) = world.chain.world.state.origin().filter(|_| first <= world.first()) else {
        return Ok(Vec::new());
    };
    let filter = filter.clone().from_block(first).to_block(last.min(world.first()));
    match origin.ask("eth_getLogs", json!([filter])) {
        Ok(Value::Array(logs)) => Ok(logs),
        Ok(_) => Err(RpcError::refused("the chain that this one is a fork of: eth_getLogs: no list")),
        Err(error) => Err(RpcError::refused(format!("the chain that this one is a fork of: {error}"))),
    }
}

fn range(world: &World, filter: &Filter) -> Result<(u64, u64), RpcError> {
    let number = |tag: Option<&BlockNumberOrTag>| match tag.copied().unwrap_or_default() {
        BlockNumberOrTag::Number(number) => Ok(number),
        tag => scene::resolve(world, tag.into()),
    };
    let (from, to) = filter.block_option.as_range();
    Ok((number(from)?, number(to)?))
}

/// The logs of these blocks, and the first block that the answer has no room for. A block is told whole or not at all, and the
/// first one that has any always, however many they are.
fn select(world: &World, filter: &Filter, first: u64, last: u64) -> (Vec<Value>, Option<u64>) {
    let mut found = Vec::new();
    for (number, mined) in (first..=last).map_while(|number| Some((number, world.block(number)?))) {
        let more = of_block(mined, filter);
        if !found.is_empty() && found.len() + more.len() > LOG_LIMIT {
            return (found, Some(number));
        }
        found.extend(more);
    }
    (found, None)
}

/// The logs of a block that a filter wants, whatever its range says.
pub(super) fn of_block(mined: &Mined, filter: &Filter) -> Vec<Value> {
    if !filter.matches_bloom(mined.block.logs_bloom) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for own in &mined.transactions {
        let logs = own.receipt.logs.iter().enumerate();
        let wanted = logs.filter(|(_, log)| filter.matches_address(log.address) && filter.matches_topics(log.topics()));
        found.extend(wanted.map(|(index, _)| json::log(mined, own, index)));
    }
    found
}
