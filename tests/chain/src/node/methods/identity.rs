//! Who the node is, and what gas costs.

use alloy_primitives::{Bytes, U64, U256, keccak256};
use serde_json::json;

use super::{Answer, Table};
use crate::node::{CLIENT_VERSION, Node, error::RpcError, params::Params, scene};

pub(super) const METHODS: &Table = &[
    ("web3_clientVersion", |_, _| Ok(json!(CLIENT_VERSION))),
    ("web3_sha3", |_, params| Ok(json!(keccak256(params.get::<Bytes>(0)?)))),
    ("net_version", |node, _| Ok(json!(node.chain_id().to_string()))),
    ("net_listening", |_, _| Ok(json!(true))),
    ("net_peerCount", |_, _| Ok(json!("0x0"))),
    ("rpc_modules", |_, _| {
        Ok(json!({"anvil": "1.0", "debug": "1.0", "eth": "1.0", "evm": "1.0", "hardhat": "1.0", "net": "1.0",
            "txpool": "1.0", "web3": "1.0"}))
    }),
    ("eth_chainId", |node, _| Ok(json!(U64::from(node.chain_id())))),
    ("eth_syncing", |_, _| Ok(json!(false))),
    ("eth_mining", |_, _| Ok(json!(false))),
    ("eth_accounts", |node, _| Ok(json!(node.accounts()))),
    ("eth_coinbase", |node, _| Ok(json!(node.world().chain.world.coinbase))),
    ("eth_blockNumber", |node, _| Ok(json!(U64::from(node.world().head().block.number)))),
    ("eth_gasPrice", |node, _| Ok(json!(U64::from(node.world().chain.base_fee())))),
    ("eth_maxPriorityFeePerGas", |_, _| Ok(json!("0x0"))),
    ("eth_blobBaseFee", |_, _| Ok(json!("0x1"))),
    ("eth_feeHistory", fee_history),
];

/// Blocks in one answer.
const HISTORY_LIMIT: u64 = 1_024;

fn fee_history(node: &Node, params: &Params) -> Answer {
    let world = node.world();
    let count = params.number(0)?.min(HISTORY_LIMIT);
    let newest = scene::resolve(&world, params.block(1)?)?;
    let percentiles: Vec<f64> = params.optional(2)?.unwrap_or_default();
    if percentiles.len() > 100 || percentiles.iter().any(|percentile| !(0.0..=100.0).contains(percentile)) {
        return Err(RpcError::params("percentiles lie between 0 and 100, at most 100 of them"));
    }
    let count = count.min((newest + 1).saturating_sub(world.first()));
    let oldest = newest + 1 - count;
    let blocks: Vec<_> = (oldest..=newest).filter_map(|number| world.block(number)).take(count as usize).collect();
    let mut fees: Vec<_> = blocks.iter().map(|mined| U64::from(mined.block.base_fee)).collect();
    let next = world.block(newest + 1).map_or(world.chain.base_fee(), |mined| mined.block.base_fee);
    fees.push(U64::from(next));
    let ratios: Vec<_> =
        blocks.iter().map(|mined| mined.block.gas_used as f64 / mined.block.gas_limit as f64).collect();
    let mut history = json!({ "oldestBlock": U64::from(oldest), "baseFeePerGas": fees, "gasUsedRatio": ratios });
    if !percentiles.is_empty() {
        // Tips are dropped on Arbitrum.
        history["reward"] = blocks.iter().map(|_| json!(vec![U256::ZERO; percentiles.len()])).collect();
    }
    Ok(history)
}
