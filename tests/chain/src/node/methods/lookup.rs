//! Blocks, transactions, receipts, and what waits.

use std::collections::BTreeMap;

use alloy_consensus::Transaction as _;
use alloy_eips::{BlockId, BlockNumberOrTag, eip2718::Encodable2718};
use alloy_primitives::{Address, B256, Bytes, U64};
use serde_json::{Value, json};

use super::{Answer, Table};
use crate::node::{
    Node, json,
    ledger::{Mined, World},
    params::Params,
    pool::Submitted,
    scene,
};

pub(super) const METHODS: &Table = &[
    ("eth_getBlockByNumber", block),
    ("eth_getBlockByHash", block),
    ("eth_getHeaderByNumber", |node, params| found(node, params, json::head)),
    ("eth_getHeaderByHash", |node, params| found(node, params, json::head)),
    ("eth_getBlockReceipts", |node, params| {
        found(node, params, |mined| mined.transactions.iter().map(|own| json::receipt(mined, own)).collect())
    }),
    ("eth_getBlockTransactionCountByNumber", count),
    ("eth_getBlockTransactionCountByHash", count),
    ("eth_getUncleCountByBlockNumber", |node, params| found(node, params, |_| json!("0x0"))),
    ("eth_getUncleCountByBlockHash", |node, params| found(node, params, |_| json!("0x0"))),
    ("eth_getUncleByBlockNumberAndIndex", |_, _| Ok(Value::Null)),
    ("eth_getUncleByBlockHashAndIndex", |_, _| Ok(Value::Null)),
    ("eth_getTransactionByHash", transaction),
    ("eth_getTransactionByBlockNumberAndIndex", transaction_at),
    ("eth_getTransactionByBlockHashAndIndex", transaction_at),
    ("eth_getRawTransactionByHash", raw_transaction),
    ("eth_getTransactionReceipt", receipt),
    ("txpool_status", |node, _| {
        let (pending, queued) = waiting(&node.world());
        Ok(json!({ "pending": U64::from(pending.len()), "queued": U64::from(queued.len()) }))
    }),
    ("txpool_content", |node, _| pool(node, json::waiting_transaction)),
    ("txpool_inspect", |node, _| pool(node, summary)),
];

/// A block by number, tag or hash; null where there is none.
fn find(world: &World, id: BlockId) -> Option<&std::sync::Arc<Mined>> {
    world.block(scene::resolve(world, id).ok()?)
}

fn found(node: &Node, params: &Params, show: impl Fn(&Mined) -> Value) -> Answer {
    let id: BlockId = params.get(0)?;
    Ok(find(&node.world(), id).map_or(Value::Null, |mined| show(mined)))
}

fn block(node: &Node, params: &Params) -> Answer {
    let full = params.optional(1)?.unwrap_or(false);
    if params.get::<BlockId>(0)? == BlockId::Number(BlockNumberOrTag::Pending) {
        return Ok(json::pending_block(&pending(&node.world()), full));
    }
    found(node, params, |mined| json::block(mined, full))
}

/// The next block, as it would be now.
fn pending(world: &World) -> Mined {
    let (chain, transactions) = world.pending();
    let open = chain.world.open.clone().unwrap_or_else(|| chain.next_block());
    Mined { block: open.block.into(), arbos: chain.arbos_version(), transactions }
}

fn count(node: &Node, params: &Params) -> Answer {
    found(node, params, |mined| json!(U64::from(mined.transactions.len())))
}

fn transaction(node: &Node, params: &Params) -> Answer {
    let (world, hash) = (node.world(), params.get::<B256>(0)?);
    if let Some((mined, own)) = world.transaction(hash) {
        return Ok(json::mined_transaction(mined, own));
    }
    Ok(world.pool.get(hash).map_or(Value::Null, |waiting| json::waiting_transaction(waiting)))
}

fn transaction_at(node: &Node, params: &Params) -> Answer {
    let index = usize::try_from(params.number(1)?).unwrap_or(usize::MAX);
    found(node, params, |mined| {
        mined.transactions.get(index).map_or(Value::Null, |own| json::mined_transaction(mined, own))
    })
}

fn raw_transaction(node: &Node, params: &Params) -> Answer {
    let (world, hash) = (node.world(), params.get::<B256>(0)?);
    let mined = world.transaction(hash).map(|(_, own)| &own.submitted);
    let submitted = mined.or_else(|| world.pool.get(hash));
    Ok(submitted.map_or(Value::Null, |submitted| json!(Bytes::from(submitted.envelope.encoded_2718()))))
}

fn receipt(node: &Node, params: &Params) -> Answer {
    let (world, hash) = (node.world(), params.get::<B256>(0)?);
    Ok(world.transaction(hash).map_or(Value::Null, |(mined, own)| json::receipt(mined, own)))
}

type Waiting = Vec<std::sync::Arc<Submitted>>;

/// What waits: for a block, and for an earlier nonce.
fn waiting(world: &World) -> (Waiting, Waiting) {
    let all = world.pool.in_order().into_iter().map(|(_, submitted)| submitted);
    all.partition(|submitted| {
        let from = submitted.transaction.from;
        let next = world.chain.nonce(from);
        submitted.nonce() < next + world.pool.consecutive(from, next)
    })
}

fn pool(node: &Node, show: impl Fn(&Submitted) -> Value) -> Answer {
    let by_sender = |all: Waiting| {
        let mut senders: BTreeMap<Address, BTreeMap<String, Value>> = BTreeMap::new();
        for submitted in all {
            let sender = senders.entry(submitted.transaction.from).or_default();
            sender.insert(submitted.nonce().to_string(), show(&submitted));
        }
        json!(senders)
    };
    let (pending, queued) = waiting(&node.world());
    Ok(json!({ "pending": by_sender(pending), "queued": by_sender(queued) }))
}

fn summary(submitted: &Submitted) -> Value {
    let envelope = &submitted.envelope;
    let to = envelope.to().map_or("contract creation".into(), |to| to.to_string());
    json!(format!("{to}: {} wei + {} gas x {} wei", envelope.value(), envelope.gas_limit(), envelope.max_fee_per_gas()))
}
