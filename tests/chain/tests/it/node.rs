//! The chain as a node.

mod cases;
mod clients;
mod control;
mod dispatch;
mod execution;
mod extras;
mod fork;
mod fuzz;
mod lookup;
mod persistence;
mod remote;
mod server;
mod traces;

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U64, U256};
use chain::{
    Account, init_code,
    node::{Node, NodeSettings},
};
use serde_json::{Value, json};

/// Time of genesis.
const START: u64 = 1_700_000_000;

/// A node whose clock stands still.
fn node() -> Node {
    Node::new(settings())
}

fn settings() -> NodeSettings {
    NodeSettings { timestamp: Some(START), frozen: true, ..NodeSettings::default() }
}

/// The answer to a request: its result, or its error object.
fn ask(node: &Node, method: &str, params: Value) -> Result<Value, Value> {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer = node.handle(request.to_string().as_bytes()).expect("a request with an id is answered");
    let mut answer: Value = serde_json::from_slice(&answer).expect("answers are JSON");
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(1)));
    match answer.get_mut("error") {
        Some(error) => Err(error.take()),
        None => Ok(answer["result"].take()),
    }
}

#[track_caller]
fn result(node: &Node, method: &str, params: Value) -> Value {
    ask(node, method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
}

/// Code and message of a refusal.
#[track_caller]
fn refusal(node: &Node, method: &str, params: Value) -> (i64, String) {
    let error = ask(node, method, params).expect_err(method);
    (error["code"].as_i64().expect("a code"), error["message"].as_str().expect("a message").to_owned())
}

fn number(value: &Value) -> u64 {
    serde_json::from_value::<U64>(value.clone()).unwrap_or_else(|_| panic!("{value} is no quantity")).to()
}

fn word(value: u64) -> B256 {
    U256::from(value).into()
}

fn alice() -> Account {
    Account::mnemonic(0)
}

fn bob() -> Address {
    Account::mnemonic(1).address()
}

/// A signed transaction, as bytes.
fn signed(from: &Account, nonce: u64, to: Option<Address>, data: impl Into<Bytes>) -> Bytes {
    let transaction = TxEip1559 {
        chain_id: 412_346,
        nonce,
        gas_limit: 2_000_000,
        max_fee_per_gas: 100_000_000,
        max_priority_fee_per_gas: 0,
        to: to.map_or(TxKind::Create, TxKind::Call),
        value: U256::ZERO,
        access_list: Default::default(),
        input: data.into(),
    };
    let signature = from.sign(transaction.signature_hash());
    TxEnvelope::from(transaction.into_signed(signature)).encoded_2718().into()
}

/// Sends from the node's first account, and returns the receipt.
#[track_caller]
fn send(node: &Node, to: Option<Address>, data: impl Into<Bytes>) -> Value {
    let mut transaction = json!({ "from": alice().address(), "data": data.into(), "gas": "0x1e8480" });
    if let Some(to) = to {
        transaction["to"] = json!(to);
    }
    let hash = result(node, "eth_sendTransaction", json!([transaction]));
    result(node, "eth_getTransactionReceipt", json!([hash]))
}

/// Creates a contract with that code.
fn create(node: &Node, code: &[u8]) -> Address {
    let receipt = send(node, None, init_code(code));
    assert_eq!(receipt["status"], "0x1");
    serde_json::from_value(receipt["contractAddress"].clone()).expect("a creation has an address")
}
