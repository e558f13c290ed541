//! Traces.

use alloy_primitives::B256;
use alloy_rpc_types_eth::{BlockOverrides, state::StateOverride};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Answer, Table};
use crate::node::{
    Node,
    error::RpcError,
    ledger::{Mined, MinedTransaction, World},
    params::Params,
    scene::{self, Scene},
    trace::Options,
};

pub(super) const METHODS: &Table = &[
    ("debug_traceTransaction", trace_transaction),
    ("debug_traceCall", trace_call),
    ("debug_traceBlockByNumber", trace_block),
    ("debug_traceBlockByHash", trace_block),
];

fn trace_transaction(node: &Node, params: &Params) -> Answer {
    let (world, hash) = (node.world(), params.get::<B256>(0)?);
    let options: Options = params.optional(1)?.unwrap_or_default();
    let (mined, own) = world.transaction(hash).ok_or_else(|| RpcError::not_found("transaction"))?;
    trace(&world, mined, own, &options)
}

fn trace(world: &World, mined: &Mined, own: &MinedTransaction, options: &Options) -> Answer {
    let recording = options.recording()?;
    let scene = Scene::before(world, mined.block.number, own.index)?.recording(recording);
    let ran = scene.run(&own.submitted.transaction, own.submitted.mode)?;
    options.trace(&scene, &ran)
}

fn trace_call(node: &Node, params: &Params) -> Answer {
    let request = params.call(0)?;
    let mut options: Map<String, Value> = params.optional(2)?.unwrap_or_default();
    // What stands beside the options of a trace.
    let state: Option<StateOverride> = take(&mut options, "stateOverrides")?;
    let block: Option<BlockOverrides> = take(&mut options, "blockOverrides")?;
    let options: Options = read("options", Value::Object(options))?;
    let scene = Scene::at(&node.world(), params.block(1)?)?
        .with(state.unwrap_or_default(), &block.unwrap_or_default())?
        .recording(options.recording()?);
    options.trace(&scene, &scene.call(&request)?)
}

fn take<T: DeserializeOwned>(options: &mut Map<String, Value>, name: &str) -> Result<Option<T>, RpcError> {
    options.remove(name).map_or(Ok(None), |value| read(name, value))
}

fn read<T: DeserializeOwned>(name: &str, value: Value) -> Result<T, RpcError> {
    serde_json::from_value(value).map_err(|error| RpcError::params(format_args!("{name}: {error}")))
}

/// Transactions of a block that are traced at once.
const BLOCK_LIMIT: usize = 256;

fn trace_block(node: &Node, params: &Params) -> Answer {
    let world = node.world();
    let number = scene::resolve(&world, params.get(0)?)?;
    let options: Options = params.optional(1)?.unwrap_or_default();
    let mined = world.block(number).ok_or_else(|| RpcError::not_found("block"))?;
    if mined.transactions.len() > BLOCK_LIMIT {
        return Err(RpcError::limit(format!("more than {BLOCK_LIMIT} transactions: trace them one by one")));
    }
    let traces = mined.transactions.iter().map(|own| {
        let result = trace(&world, mined, own, &options)?;
        Ok(json!({ "txHash": own.submitted.hash(), "result": result }))
    });
    traces.collect::<Result<Vec<Value>, RpcError>>().map(Value::Array)
}
