//! Blocks, transactions, receipts and logs as clients read them.

use alloy_consensus::{Transaction as _, constants::EMPTY_OMMER_ROOT_HASH};
use alloy_primitives::{B64, B256, Bloom, U64, U256};
use serde_json::{Value, json};

use super::{
    ledger::{Mined, MinedTransaction},
    pool::Submitted,
};

/// A block, with hashes of its transactions or all of them.
pub(super) fn block(mined: &Mined, full: bool) -> Value {
    let header = mined.block.header(mined.arbos);
    let transactions: Vec<_> = mined
        .transactions
        .iter()
        .map(|own| if full { mined_transaction(mined, own) } else { json!(own.submitted.hash()) })
        .collect();
    let mut block = head(mined);
    let more = json!({
        "size": U64::from(header.size()),
        "totalDifficulty": U256::from(mined.block.number + 1),
        "transactions": transactions,
        "uncles": [],
    });
    merge(&mut block, more);
    block
}

/// The header alone, as `newHeads` tells it.
pub(super) fn head(mined: &Mined) -> Value {
    let header = mined.block.header(mined.arbos);
    json!({
        "number": U64::from(header.number),
        "hash": mined.block.hash,
        "parentHash": header.parent_hash,
        "sha3Uncles": EMPTY_OMMER_ROOT_HASH,
        "logsBloom": header.logs_bloom,
        "transactionsRoot": header.transactions_root,
        "stateRoot": header.state_root,
        "receiptsRoot": header.receipts_root,
        "miner": header.beneficiary,
        "difficulty": header.difficulty,
        "extraData": header.extra_data,
        "gasLimit": U64::from(header.gas_limit),
        "gasUsed": U64::from(header.gas_used),
        "timestamp": U64::from(header.timestamp),
        "mixHash": header.mix_hash,
        "nonce": B64::ZERO,
        "baseFeePerGas": U64::from(mined.block.base_fee),
        "l1BlockNumber": U64::from(mined.block.l1_number),
        "sendCount": U64::ZERO,
        "sendRoot": B256::ZERO,
    })
}

/// A block that is not there yet.
pub(super) fn pending_block(mined: &Mined, full: bool) -> Value {
    let mut block = block(mined, full);
    for unknown in ["hash", "nonce", "logsBloom", "miner"] {
        block[unknown] = Value::Null;
    }
    block
}

pub(super) fn mined_transaction(mined: &Mined, own: &MinedTransaction) -> Value {
    let mut transaction = waiting_transaction(&own.submitted);
    merge(
        &mut transaction,
        json!({
            "blockHash": mined.block.hash,
            "blockNumber": U64::from(mined.block.number),
            "transactionIndex": U64::from(own.index),
        }),
    );
    // Where a price was signed it stands: with another one the hash and the sender would be others.
    if own.submitted.envelope.is_dynamic_fee() {
        transaction["gasPrice"] = json!(U64::from(mined.block.base_fee));
    }
    transaction
}

pub(super) fn waiting_transaction(submitted: &Submitted) -> Value {
    let envelope = &submitted.envelope;
    let mut transaction = serde_json::to_value(envelope).unwrap_or_default();
    merge(
        &mut transaction,
        json!({
            "blockHash": null,
            "blockNumber": null,
            "transactionIndex": null,
            "from": submitted.transaction.from,
            "gasPrice": U256::from(envelope.max_fee_per_gas()),
        }),
    );
    transaction
}

pub(super) fn receipt(mined: &Mined, own: &MinedTransaction) -> Value {
    let receipt = &own.receipt;
    json!({
        "transactionHash": receipt.hash,
        "transactionIndex": U64::from(own.index),
        "blockHash": mined.block.hash,
        "blockNumber": U64::from(mined.block.number),
        "from": receipt.from,
        "to": receipt.to,
        "contractAddress": receipt.contract_address.filter(|_| receipt.success && receipt.to.is_none()),
        "cumulativeGasUsed": U64::from(own.cumulative_gas),
        "gasUsed": U64::from(receipt.gas.used),
        "gasUsedForL1": U64::from(receipt.gas_used_for_l1),
        "l1BlockNumber": U64::from(mined.block.l1_number),
        "effectiveGasPrice": U64::from(receipt.effective_gas_price),
        "status": U64::from(u64::from(receipt.success)),
        "type": U64::from(own.submitted.envelope.tx_type() as u64),
        "logsBloom": receipt.logs.iter().collect::<Bloom>(),
        "logs": logs(mined, own),
    })
}

/// The logs of a transaction.
pub(super) fn logs(mined: &Mined, own: &MinedTransaction) -> Vec<Value> {
    (0..own.receipt.logs.len()).map(|index| log(mined, own, index)).collect()
}

pub(super) fn log(mined: &Mined, own: &MinedTransaction, index: usize) -> Value {
    let log = &own.receipt.logs[index];
    json!({
        "address": log.address,
        "topics": log.topics(),
        "data": log.data.data,
        "blockHash": mined.block.hash,
        "blockNumber": U64::from(mined.block.number),
        "blockTimestamp": U64::from(mined.block.timestamp),
        "transactionHash": own.receipt.hash,
        "transactionIndex": U64::from(own.index),
        "logIndex": U64::from(own.first_log + index),
        "removed": false,
    })
}

/// Puts the members of one object into another.
fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
