//! Transactions and signatures.

use std::sync::Arc;

use alloy_consensus::{SignableTransaction, TxEnvelope};
use alloy_dyn_abi::TypedData;
use alloy_eips::{BlockNumberOrTag, eip2718::Encodable2718};
use alloy_primitives::{Address, Bytes, TxKind, eip191_hash_message};
use alloy_rpc_types_eth::TransactionRequest;
use serde_json::json;

use super::{Answer, Table, execute::estimate_request};
use crate::{
    account::Account,
    execution::Mode,
    node::{Node, error::RpcError, json, ledger::World, params::Params, pool::Submitted, scene, scene::Scene},
    transaction::{Signed, Transaction, check, placeholder},
};

pub(super) const METHODS: &Table = &[
    ("eth_sendRawTransaction", |node, params| Ok(json!(send_raw(node, params)?.hash()))),
    ("eth_sendRawTransactionSync", send_raw_sync),
    ("eth_sendTransaction", send),
    ("eth_sendUnsignedTransaction", send),
    ("eth_signTransaction", sign_transaction),
    ("eth_sign", |node, params| sign(node, params.get(0)?, params.get(1)?)),
    ("personal_sign", |node, params| sign(node, params.get(1)?, params.get(0)?)),
    ("eth_signTypedData_v4", sign_typed_data),
    ("eth_signTypedData", sign_typed_data),
];

fn send_raw(node: &Node, params: &Params) -> Result<Arc<Submitted>, RpcError> {
    let raw: Bytes = params.get(0)?;
    let Signed { envelope, transaction } = Signed::decode(&raw, node.chain_id())?;
    let submitted = Arc::new(Submitted { envelope, transaction, mode: Mode::Paid });
    node.submit(submitted.clone())?;
    Ok(submitted)
}

/// With the receipt as the answer (EIP-7966).
fn send_raw_sync(node: &Node, params: &Params) -> Answer {
    let submitted = send_raw(node, params)?;
    let world = node.world();
    let (mined, own) =
        world.transaction(submitted.hash()).ok_or_else(|| RpcError::refused("the transaction waits for a block"))?;
    Ok(json::receipt(mined, own))
}

/// A transaction of an account whose key the node has, or of one that is impersonated.
fn send(node: &Node, params: &Params) -> Answer {
    let request = params.call(0)?;
    let from = request.from.ok_or_else(|| RpcError::params("from is missing"))?;
    // A nonce is chosen and used under one lock, so that two of one sender never get the same.
    let hash = node.change(|world, blocks| {
        let key = node.key(from);
        if key.is_none() && !world.impersonates(from) {
            return Err(RpcError::refused(format!(
                "unknown account {from}: it is neither the node's nor impersonated"
            )));
        }
        let envelope = fill(world, request, key)?;
        check(&envelope, node.chain_id())?;
        let transaction = Transaction::of(&envelope, from);
        let mode = if key.is_some() { Mode::Paid } else { Mode::Free };
        let submitted = Arc::new(Submitted { envelope, transaction, mode });
        blocks.extend(world.submit(submitted.clone())?);
        Ok(submitted.hash())
    })?;
    node.announce(hash);
    Ok(json!(hash))
}

fn sign_transaction(node: &Node, params: &Params) -> Answer {
    let request = params.call(0)?;
    let key = known(node, request.from.unwrap_or_default())?;
    let envelope = fill(&node.world(), request, Some(key))?;
    Ok(json!({ "raw": Bytes::from(envelope.encoded_2718()), "tx": envelope }))
}

/// Completes a request and signs it; what is impersonated gets a placeholder.
fn fill(world: &World, mut request: TransactionRequest, key: Option<&Account>) -> Result<TxEnvelope, RpcError> {
    scene::check(&request, world.chain.chain_id())?;
    let from = request.from.unwrap_or_default();
    let next = world.chain.nonce(from);
    request.nonce = Some(request.nonce.unwrap_or_else(|| next + world.pool.consecutive(from, next)));
    request.chain_id = Some(request.chain_id.unwrap_or(world.chain.chain_id()));
    request.to = Some(request.to.unwrap_or(TxKind::Create));
    request.set_input_and_data();
    if request.gas.is_none() {
        let scene = Scene::at(world, BlockNumberOrTag::Pending.into())?;
        request.gas = Some(estimate_request(&scene, &request)?);
    }
    let base_fee = u128::from(world.chain.base_fee());
    if request.gas_price.is_none() {
        let tip = request.max_priority_fee_per_gas.unwrap_or_default();
        request.max_priority_fee_per_gas = Some(tip);
        request.max_fee_per_gas =
            Some(request.max_fee_per_gas.unwrap_or(base_fee.saturating_mul(2).saturating_add(tip)));
    }
    let unsigned = request
        .build_typed_tx()
        .map_err(|_| RpcError::params("fields of different kinds of transactions do not go together"))?;
    let signature = match key {
        Some(key) => key.sign(unsigned.signature_hash()),
        None => placeholder(from),
    };
    Ok(unsigned.into_envelope(signature))
}

fn known(node: &Node, address: Address) -> Result<&Account, RpcError> {
    node.key(address).ok_or_else(|| RpcError::refused(format!("unknown account {address}")))
}

fn sign(node: &Node, address: Address, message: Bytes) -> Answer {
    let signature = known(node, address)?.sign(eip191_hash_message(message));
    Ok(json!(Bytes::from(signature.as_bytes())))
}

fn sign_typed_data(node: &Node, params: &Params) -> Answer {
    let key = known(node, params.get(0)?)?;
    let text: Option<String> = params.get(1).ok();
    let data: TypedData = match text {
        Some(text) => serde_json::from_str(&text).map_err(RpcError::params)?,
        None => params.get(1)?,
    };
    let hash = data.eip712_signing_hash().map_err(RpcError::params)?;
    Ok(json!(Bytes::from(key.sign(hash).as_bytes())))
}
