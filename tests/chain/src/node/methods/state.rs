//! Accounts.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bytes, U64, U256, keccak256};
use serde_json::{Map, json};

use super::{Answer, Table};
use crate::{
    node::{Node, error::RpcError, params::Params, scene},
    state::State,
};

pub(super) const METHODS: &Table = &[
    ("eth_getBalance", |node, params| {
        let address: Address = params.get(0)?;
        Ok(json!(state(node, params, 1)?.info(address).balance))
    }),
    ("eth_getCode", |node, params| {
        let address: Address = params.get(0)?;
        Ok(json!(state(node, params, 1)?.code(address)))
    }),
    ("eth_getStorageAt", |node, params| {
        let (address, slot): (Address, U256) = (params.get(0)?, params.get(1)?);
        Ok(json!(B256::from(state(node, params, 2)?.storage(address, slot))))
    }),
    ("eth_getTransactionCount", transaction_count),
    ("debug_storageRangeAt", storage_range),
];

fn state(node: &Node, params: &Params, index: usize) -> Result<State, RpcError> {
    let (world, id) = (node.world(), params.block(index)?);
    if id == BlockId::Number(BlockNumberOrTag::Pending) {
        return Ok(world.pending().0.world.state);
    }
    scene::state_after(&world, scene::resolve(&world, id)?).cloned()
}

fn transaction_count(node: &Node, params: &Params) -> Answer {
    let address: Address = params.get(0)?;
    let nonce = state(node, params, 1)?.info(address).nonce;
    Ok(json!(U64::from(nonce)))
}

/// Slots in one answer.
const RANGE_LIMIT: usize = 100_000;

/// Slots of a contract in the order of their hashes, as geth tells them: after the transaction of that index in its block.
/// Here only a block's last state is known; the index is not looked at.
fn storage_range(node: &Node, params: &Params) -> Answer {
    let world = node.world();
    let number = scene::resolve(&world, params.block(0)?)?;
    let (address, start): (Address, Bytes) = (params.get(2)?, params.get(3)?);
    let limit = usize::try_from(params.number(4)?).unwrap_or(usize::MAX).min(RANGE_LIMIT);
    let state = scene::state_after(&world, number)?;
    if state.is_fork() {
        return Err(RpcError::refused("the slots of a fork's contracts are not all known"));
    }
    let Some(account) = state.account(address) else {
        return Ok(json!({ "storage": {}, "nextKey": null }));
    };
    let mut slots: Vec<_> =
        account.storage.iter().map(|(slot, word)| (keccak256(B256::from(*slot)), slot, word)).collect();
    slots.sort_unstable();
    let from = slots.partition_point(|(hash, ..)| hash.as_slice() < start.as_ref());
    let shown = slots[from..].iter().take(limit);
    let storage: Map<_, _> = shown
        .map(|(hash, slot, word)| (hash.to_string(), json!({ "key": B256::from(**slot), "value": B256::from(**word) })))
        .collect();
    let next = slots.get(from.saturating_add(limit)).map(|(hash, ..)| hash);
    Ok(json!({ "storage": storage, "nextKey": next }))
}
