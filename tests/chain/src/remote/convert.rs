//! JSON to what the chain's API speaks, and back.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, Log, LogData, U64, U256};
use serde_json::{Value, json};

use super::wire::read;
use crate::{
    block::{Block, PREV_RANDAO},
    receipt::{Gas, Receipt},
    transaction::Transaction,
};

pub(super) fn request(transaction: &Transaction) -> Value {
    let mut request = json!({ "from": transaction.from, "data": transaction.data, "value": transaction.value });
    let mut put = |name: &str, value: Value| request[name] = value;
    if let Some(to) = transaction.to {
        put("to", json!(to));
    }
    if let Some(gas) = transaction.gas {
        put("gas", json!(U64::from(gas)));
    }
    if let Some(nonce) = transaction.nonce {
        put("nonce", json!(U64::from(nonce)));
    }
    if !transaction.access_list.is_empty() {
        put("accessList", json!(transaction.access_list));
    }
    request
}

/// The receipt of a call that changed nothing.
pub(super) fn called(transaction: &Transaction, success: bool, output: Bytes, halt: Option<String>) -> Receipt {
    Receipt { from: transaction.from, to: transaction.to, success, output, halt, ..Receipt::default() }
}

fn number(value: &Value) -> u64 {
    if value.is_null() { 0 } else { read::<U64>(value.clone()).to() }
}

/// A receipt as far as nodes tell: neither what was returned nor how gas is made up.
pub(super) fn receipt(found: &Value) -> Option<Receipt> {
    let hash = serde_json::from_value(found.get("transactionHash")?.clone()).ok()?;
    let used = number(&found["gasUsed"]);
    Some(Receipt {
        hash,
        block_number: number(&found["blockNumber"]),
        from: read(found["from"].clone()),
        to: read(found["to"].clone()),
        contract_address: read::<Option<Address>>(found["contractAddress"].clone()),
        success: number(&found["status"]) == 1,
        logs: found["logs"].as_array().into_iter().flatten().map(log).collect(),
        gas: Gas { used, execution: used, execution_before_refund: used, ..Gas::default() },
        effective_gas_price: number(&found["effectiveGasPrice"]),
        gas_used_for_l1: number(&found["gasUsedForL1"]),
        ..Receipt::default()
    })
}

fn log(found: &Value) -> Log {
    let data = LogData::new_unchecked(read(found["topics"].clone()), read(found["data"].clone()));
    Log { address: read(found["address"].clone()), data }
}

pub(crate) fn block(found: &Value) -> Option<Block> {
    let hash = serde_json::from_value(found.get("hash")?.clone()).ok()?;
    Some(Block {
        number: number(&found["number"]),
        hash,
        parent_hash: read(found["parentHash"].clone()),
        timestamp: number(&found["timestamp"]),
        l1_number: number(&found["l1BlockNumber"]),
        base_fee: number(&found["baseFeePerGas"]),
        gas_used: number(&found["gasUsed"]),
        gas_limit: number(&found["gasLimit"]),
        coinbase: read(found["miner"].clone()),
        prev_randao: PREV_RANDAO,
        logs_bloom: read(found["logsBloom"].clone()),
        transactions: read(found["transactions"].clone()),
    })
}

pub(super) fn storage(found: &Value) -> BTreeMap<U256, U256> {
    let slots = found["storage"].as_object().into_iter().flatten();
    let word = |value: &Value| U256::from_be_bytes(read::<B256>(value.clone()).0);
    slots.map(|(_, slot)| (word(&slot["key"]), word(&slot["value"]))).collect()
}
