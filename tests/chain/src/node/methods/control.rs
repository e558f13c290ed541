//! Time, blocks, snapshots, impersonation, state: what only a chain for development lets anybody do.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Table};
use crate::{
    block::BLOCK_GAS_LIMIT,
    node::{CLIENT_VERSION, Node, clock, error::RpcError, ledger::World, params::Params},
};

/// Under their usual names only.
pub(super) const METHODS: &Table = &[
    ("evm_mine", evm_mine),
    ("hardhat_mine", mine),
    ("anvil_mine", mine),
    ("hardhat_getAutomine", |node, _| Ok(json!(node.world().automine))),
    ("anvil_getAutomine", |node, _| Ok(json!(node.world().automine))),
    ("evm_getAutomine", |node, _| Ok(json!(node.world().automine))),
    ("evm_setTime", set_time),
    ("anvil_setTime", set_time),
    ("evm_setIntervalMining", |node, params| set_interval_mining(node, Duration::from_millis(params.number(0)?))),
    ("hardhat_setIntervalMining", |node, params| set_interval_mining(node, Duration::from_millis(params.number(0)?))),
    ("anvil_setIntervalMining", |node, params| set_interval_mining(node, Duration::from_secs(params.number(0)?))),
    ("hardhat_metadata", |node, _| Ok(metadata(&node.world()))),
    ("anvil_metadata", |node, _| Ok(metadata(&node.world()))),
];

/// Under each of the prefixes `hardhat_`, `anvil_` and `evm_`.
pub(super) const SHARED: &Table = &[
    ("increaseTime", |node, params| {
        let seconds = params.number(0)?;
        let offset = node.edit(|world| Ok(world.clock.increase(seconds, world.head().block.timestamp)?))?;
        Ok(json!(offset))
    }),
    ("setNextBlockTimestamp", |node, params| {
        let time = params.number(0)?;
        node.edit(|world| Ok(world.clock.set_next(time, world.head().block.timestamp)?))?;
        Ok(Value::Null)
    }),
    ("setBlockTimestampInterval", |node, params| {
        let seconds = params.number(0)?;
        if seconds > u64::from(u32::MAX) {
            return Err(RpcError::params("the interval is too long"));
        }
        node.set(|world| world.clock.set_interval(Some(seconds)));
        Ok(Value::Null)
    }),
    ("removeBlockTimestampInterval", |node, _| {
        node.set(|world| world.clock.set_interval(None));
        Ok(json!(true))
    }),
    ("snapshot", |node, _| Ok(json!(U64::from(node.snapshot()?)))),
    ("revert", |node, params| Ok(json!(node.revert(params.number(0)?)))),
    ("setAutomine", set_automine),
    ("impersonateAccount", |node, params| impersonate(node, params, World::impersonate)),
    ("stopImpersonatingAccount", |node, params| impersonate(node, params, World::stop_impersonating)),
    ("autoImpersonateAccount", |node, params| {
        let all: bool = params.get(0)?;
        node.set(|world| world.impersonates_all = all);
        Ok(Value::Null)
    }),
    ("setBalance", |node, params| {
        let (address, balance): (Address, U256) = (params.get(0)?, params.get(1)?);
        node.set(|world| world.chain.set_balance(address, balance));
        Ok(json!(true))
    }),
    ("setCode", |node, params| {
        let (address, code): (Address, Bytes) = (params.get(0)?, params.get(1)?);
        node.set(|world| world.chain.set_code(address, code));
        Ok(json!(true))
    }),
    ("setNonce", |node, params| {
        let (address, nonce) = (params.get::<Address>(0)?, params.number(1)?);
        if nonce == u64::MAX {
            return Err(RpcError::params("a nonce is below 2^64 - 1"));
        }
        node.set(|world| world.chain.set_nonce(address, nonce));
        Ok(json!(true))
    }),
    ("setStorageAt", |node, params| {
        let (address, slot, word): (Address, U256, B256) = (params.get(0)?, params.get(1)?, params.get(2)?);
        node.set(|world| world.chain.set_storage(address, slot, word.into()));
        Ok(json!(true))
    }),
    ("setNextBlockBaseFeePerGas", |node, params| {
        let fee = params.number(0)?;
        node.set(|world| world.chain.set_base_fee(fee));
        Ok(Value::Null)
    }),
    ("setBlockGasLimit", |node, params| {
        let gas = params.number(0)?;
        if gas == 0 || gas > BLOCK_GAS_LIMIT {
            return Err(RpcError::params(format_args!("a block's gas limit lies between 1 and {BLOCK_GAS_LIMIT}")));
        }
        node.set(|world| world.chain.world.gas_limit = gas);
        Ok(json!(true))
    }),
    ("setCoinbase", |node, params| {
        let address: Address = params.get(0)?;
        node.set(|world| world.chain.world.coinbase = address);
        Ok(json!(true))
    }),
    ("setPrevRandao", |node, params| {
        let word: U256 = params.get(0)?;
        node.set(|world| world.chain.world.prev_randao = Some(word.into()));
        Ok(json!(true))
    }),
    ("setLoggingEnabled", |_, _| Ok(json!(true))),
    ("reset", reset),
    ("dropTransaction", |node, params| {
        let hash: B256 = params.get(0)?;
        let dropped = node.edit(|world| Ok(world.pool.remove(hash).is_some()))?;
        Ok(if dropped { json!(hash) } else { Value::Null })
    }),
    ("dropAllTransactions", |node, _| {
        node.set(|world| world.pool.clear());
        Ok(Value::Null)
    }),
];

/// Blocks that one request may mine.
const MINE_LIMIT: u64 = 100_000;

/// Hardhat's milliseconds under its names, anvil's seconds under its own; 0 ends it.
fn set_interval_mining(node: &Node, every: Duration) -> Answer {
    node.set_interval_mining(every);
    Ok(json!(true))
}

fn metadata(world: &World) -> Value {
    let head = &world.head().block;
    json!({
        "clientVersion": CLIENT_VERSION,
        "chainId": world.chain.chain_id(),
        // Names this chain, not this process: it is another one after a reset to another genesis.
        "instanceId": world.block(0).map(|genesis| genesis.block.hash),
        "latestBlockNumber": head.number,
        "latestBlockHash": head.hash,
    })
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MineOptions {
    timestamp: Option<Value>,
    blocks: Option<u64>,
}

/// `evm_mine`, `evm_mine(timestamp)`, or `evm_mine({ timestamp, blocks })`.
fn evm_mine(node: &Node, params: &Params) -> Answer {
    let options = match params.raw(0) {
        Value::Object(_) => params.get(0)?,
        Value::Null => MineOptions::default(),
        time => MineOptions { timestamp: Some(time.clone()), blocks: None },
    };
    let timestamp = Params::read(Some(json!([options.timestamp])))?.optional_number(0)?;
    let blocks = limited(options.blocks.unwrap_or(1))?;
    node.change(|world, mined| {
        if let Some(time) = timestamp {
            world.clock.set_next(time, world.head().block.timestamp)?;
        }
        mined.extend((0..blocks).map(|_| world.mine()));
        Ok(())
    })?;
    Ok(json!("0x0"))
}

/// `count` blocks, `interval` seconds apart.
fn mine(node: &Node, params: &Params) -> Answer {
    let blocks = limited(params.optional_number(0)?.unwrap_or(1))?;
    let interval = params.optional_number(1)?;
    node.change(|world, mined| {
        for index in 0..blocks {
            if let (Some(interval), true) = (interval, index > 0) {
                let latest = world.head().block.timestamp;
                world.clock.set_next(latest.saturating_add(interval), latest)?;
            }
            mined.push(world.mine());
        }
        Ok(())
    })?;
    Ok(Value::Null)
}

fn limited(blocks: u64) -> Result<u64, RpcError> {
    if blocks > MINE_LIMIT {
        return Err(RpcError::limit(format!("at most {MINE_LIMIT} blocks at a time")));
    }
    Ok(blocks)
}

fn set_time(node: &Node, params: &Params) -> Answer {
    // JavaScript's clients send milliseconds as well as seconds.
    let time = match params.number(0)? {
        milliseconds if milliseconds > 1 << 40 => milliseconds / 1_000,
        seconds => seconds,
    };
    node.edit(|world| {
        clock::check(time, world.head().block.timestamp)?;
        world.clock.set(time);
        Ok(())
    })?;
    Ok(json!(0))
}

fn set_automine(node: &Node, params: &Params) -> Answer {
    let automine: bool = params.get(0)?;
    node.change(|world, mined| {
        world.automine = automine;
        if automine && !world.pool.is_empty() {
            mined.push(world.mine());
        }
        Ok(())
    })?;
    Ok(json!(true))
}

fn impersonate(node: &Node, params: &Params, change: fn(&mut World, Address)) -> Answer {
    let address: Address = params.get(0)?;
    node.set(|world| change(world, address));
    Ok(json!(true))
}

/// Begins anew at genesis, or at the state that was loaded.
fn reset(node: &Node, params: &Params) -> Answer {
    if params.raw(0).get("forking").is_some_and(|forking| !forking.is_null()) {
        return Err(RpcError::refused("a node forks when it starts (--fork), not by a request"));
    }
    node.reset();
    Ok(json!(true))
}
