//! Calls that change nothing.

use std::collections::BTreeSet;

use alloy_eips::{
    BlockNumberOrTag,
    eip2930::{AccessList, AccessListItem},
};
use alloy_primitives::{Address, B256, TxKind, U64};
use alloy_rpc_types_eth::TransactionRequest;
use serde_json::json;

use super::{Answer, Table};
use crate::{
    arbos::ARBOS,
    evm::FirstFrame,
    execution::Mode,
    node::{
        Node,
        error::RpcError,
        estimate::estimate,
        node_interface,
        params::Params,
        scene::{self, Scene},
        simulate::{self, Simulation},
    },
    precompiles::addresses,
};

pub(super) const METHODS: &Table = &[
    ("eth_call", call),
    ("eth_estimateGas", estimate_gas),
    ("eth_createAccessList", create_access_list),
    ("eth_simulateV1", |node, params| {
        let simulation: Simulation = params.get(0)?;
        simulate::run(&node.world(), &simulation, params.block(1)?)
    }),
];

fn call(node: &Node, params: &Params) -> Answer {
    let request = params.call(0)?;
    let scene = Scene::at(&node.world(), params.block(1)?)?;
    let scene = scene.with(params.overrides(2)?, &params.block_overrides(3)?)?;
    if request.to == Some(TxKind::Call(node_interface::ADDRESS)) {
        return Ok(json!(node_interface::answer(&scene, &request)?));
    }
    let receipt = scene.call(&request)?.receipt;
    if receipt.success { Ok(json!(receipt.output)) } else { Err(RpcError::of(&receipt)) }
}

fn estimate_gas(node: &Node, params: &Params) -> Answer {
    let request = params.call(0)?;
    let scene = Scene::at(&node.world(), params.block_or(1, BlockNumberOrTag::Pending)?)?
        .with(params.overrides(2)?, &params.block_overrides(3)?)?;
    estimate_request(&scene, &request).map(|gas| json!(U64::from(gas)))
}

/// The estimate for a transaction as a client describes it.
pub(in crate::node) fn estimate_request(scene: &Scene, request: &TransactionRequest) -> Result<u64, RpcError> {
    let draft = scene::draft(request, scene.chain.chain_id())?;
    estimate(scene, &draft, request.gas_price.or(request.max_fee_per_gas))
}

/// What a transaction touches, and its gas if it said so from the start.
fn create_access_list(node: &Node, params: &Params) -> Answer {
    let mut draft = scene::draft(&params.call(0)?, node.chain_id())?;
    let scene = Scene::at(&node.world(), params.block_or(1, BlockNumberOrTag::Pending)?)?;
    let mode = Mode::Simulated(FirstFrame::Transaction);
    draft.gas = draft.gas.or(Some(crate::evm::MAX_TX_GAS));
    let mut known = BTreeSet::new();
    // Another list can change what is touched; it settles soon, as what is paid hardly decides the way.
    for _ in 0..8 {
        let ran = scene.run(&draft, mode)?;
        let accessed: BTreeSet<(Address, Vec<B256>)> = touched(&ran.changes, &draft, ran.receipt.contract_address);
        if accessed == known {
            break;
        }
        draft.access_list = list(&accessed);
        known = accessed;
    }
    let receipt = scene.run(&draft, mode)?.receipt;
    let mut answer = json!({ "accessList": draft.access_list, "gasUsed": U64::from(receipt.gas.used) });
    if !receipt.success {
        answer["error"] = json!(receipt.halt.as_deref().unwrap_or("execution reverted"));
    }
    Ok(answer)
}

/// Accounts and slots that a list can make cheaper: not those that are warm anyway, unless slots were used.
fn touched(
    changes: &revm::state::EvmState,
    transaction: &crate::transaction::Transaction,
    created: Option<Address>,
) -> BTreeSet<(Address, Vec<B256>)> {
    let warm = [Some(transaction.from), transaction.to.or(created), Some(crate::block::SEQUENCER), Some(Address::ZERO)];
    let system = |address: &Address| *address == ARBOS || addresses::ALL.contains(address);
    let accounts = changes.iter().filter(|(address, _)| !system(address)).map(|(address, account)| {
        let mut slots: Vec<_> = account.storage.keys().map(|slot| B256::from(*slot)).collect();
        slots.sort_unstable();
        (*address, slots)
    });
    accounts
        .filter(|(address, slots)| {
            !slots.is_empty() || !warm.contains(&Some(*address)) && !is_ethereum_precompile(address)
        })
        .collect()
}

fn is_ethereum_precompile(address: &Address) -> bool {
    address.0[..18].iter().all(|byte| *byte == 0)
}

fn list(accessed: &BTreeSet<(Address, Vec<B256>)>) -> AccessList {
    let items =
        accessed.iter().map(|(address, slots)| AccessListItem { address: *address, storage_keys: slots.clone() });
    AccessList(items.collect())
}
