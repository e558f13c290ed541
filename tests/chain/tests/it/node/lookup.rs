//! Blocks, receipts, logs, filters, fees.

use alloy_primitives::B256;
use serde_json::{Value, json};

use super::{Node, alice, bob, create, node, number, refusal, result, send, word};
use crate::support::Code;

/// Logs its call data's length in words zero, with topic 7 and the caller.
fn logging(node: &Node) -> alloy_primitives::Address {
    // CALLER, 7, 32, 0: LOG2.
    let code = Code::new().op(crate::support::op::CALLER).push(7).push(32).push(0).op(0xa2).bytes();
    create(node, &code)
}

#[test]
fn blocks_and_receipts_fit_together() {
    let node = node();
    let logger = logging(&node);
    result(&node, "evm_setAutomine", json!([false]));
    for _ in 0..3 {
        let transaction = json!({ "from": alice().address(), "to": logger, "gas": "0x186a0" });
        result(&node, "eth_sendTransaction", json!([transaction]));
    }
    result(&node, "evm_mine", json!([]));
    let block = result(&node, "eth_getBlockByNumber", json!(["latest", true]));
    let receipts = result(&node, "eth_getBlockReceipts", json!(["latest"]));
    let (transactions, receipts) = (block["transactions"].as_array().unwrap(), receipts.as_array().unwrap());
    let mut cumulative = 0;
    for (index, (transaction, receipt)) in transactions.iter().zip(receipts).enumerate() {
        cumulative += number(&receipt["gasUsed"]);
        assert_eq!(receipt["transactionHash"], transaction["hash"]);
        assert_eq!(number(&receipt["transactionIndex"]), index as u64);
        assert_eq!(number(&receipt["cumulativeGasUsed"]), cumulative);
        assert_eq!(number(&receipt["logs"][0]["logIndex"]), index as u64, "counted through the block");
        assert_eq!((&receipt["blockHash"], &transaction["blockHash"]), (&block["hash"], &block["hash"]));
        let at = json!([block["number"], format!("{index:#x}")]);
        assert_eq!(&result(&node, "eth_getTransactionByBlockNumberAndIndex", at), transaction);
        assert_eq!(&result(&node, "eth_getTransactionByHash", json!([transaction["hash"]])), transaction);
    }
    assert_eq!((receipts.len() as u64, number(&block["gasUsed"])), (3, cumulative));
    assert_eq!(block["logsBloom"], receipts[0]["logsBloom"], "three equal logs");
    assert_eq!(result(&node, "eth_getBlockByHash", json!([block["hash"], true])), block);
    assert_eq!(result(&node, "eth_getBlockByNumber", json!(["0x99", false])), json!(null));
    assert_eq!(result(&node, "eth_getBlockByHash", json!([B256::ZERO, false])), json!(null));
    assert_eq!(result(&node, "eth_getTransactionReceipt", json!([B256::ZERO])), json!(null));
    assert_eq!(result(&node, "eth_getBlockTransactionCountByNumber", json!(["latest"])), "0x3");
}

#[test]
fn blocks_are_chained_by_their_hashes() {
    let node = node();
    send(&node, Some(bob()), vec![]);
    result(&node, "hardhat_mine", json!(["0x3"]));
    let block = |number: u64| result(&node, "eth_getBlockByNumber", json!([format!("{number:#x}"), false]));
    for number in 1..=4 {
        assert_eq!(block(number)["parentHash"], block(number - 1)["hash"]);
    }
}

fn logs(node: &Node, filter: Value) -> usize {
    result(node, "eth_getLogs", json!([filter])).as_array().map_or(0, Vec::len)
}

#[test]
fn logs_are_selected_by_address_topics_and_blocks() {
    let node = node();
    let (one, two) = (logging(&node), logging(&node));
    for target in [one, two, one] {
        send(&node, Some(target), vec![]);
    }
    let all = json!({ "fromBlock": "earliest" });
    let with = |key: &str, value: Value| {
        let mut filter = all.clone();
        filter[key] = value;
        filter
    };
    assert_eq!(logs(&node, all.clone()), 3);
    assert_eq!(logs(&node, json!({})), 1, "the latest block by default");
    assert_eq!(logs(&node, with("address", json!(one))), 2);
    assert_eq!(logs(&node, with("address", json!([one, two]))), 3);
    assert_eq!(logs(&node, with("topics", json!([word(7)]))), 3);
    assert_eq!(logs(&node, with("topics", json!([[word(8), word(7)], alice().address().into_word()]))), 3);
    assert_eq!(logs(&node, with("topics", json!([null, word(1)]))), 0);
    assert_eq!(logs(&node, with("toBlock", json!("0x3"))), 1);
    let hash = result(&node, "eth_getBlockByNumber", json!(["0x4", false]))["hash"].clone();
    assert_eq!(logs(&node, json!({ "blockHash": hash })), 1);
    assert_eq!(logs(&node, json!({ "fromBlock": "0x5", "toBlock": "0xffffffff" })), 1);
    assert_eq!(refusal(&node, "eth_getLogs", json!([{ "fromBlock": "0x3", "toBlock": "0x2" }])).0, -32602);
    assert_eq!(refusal(&node, "eth_getLogs", json!([{ "blockHash": B256::ZERO }])).0, -32001);
}

#[test]
fn filters_tell_what_is_new_once() {
    let node = node();
    let logger = logging(&node);
    let filter = result(&node, "eth_newFilter", json!([{ "address": logger }]));
    let blocks = result(&node, "eth_newBlockFilter", json!([]));
    let waiting = result(&node, "eth_newPendingTransactionFilter", json!([]));
    let count = |id: &Value| result(&node, "eth_getFilterChanges", json!([id])).as_array().map_or(0, Vec::len);
    assert_eq!((count(&filter), count(&blocks), count(&waiting)), (0, 0, 0));
    send(&node, Some(logger), vec![]);
    send(&node, Some(logger), vec![]);
    assert_eq!((count(&filter), count(&blocks), count(&waiting)), (2, 2, 2));
    assert_eq!((count(&filter), count(&blocks), count(&waiting)), (0, 0, 0));
    assert_eq!(result(&node, "eth_getFilterLogs", json!([filter])).as_array().map(Vec::len), Some(1));

    let id = result(&node, "evm_snapshot", json!([]));
    send(&node, Some(logger), vec![]);
    assert_eq!(count(&filter), 1);
    result(&node, "evm_revert", json!([id]));
    send(&node, Some(logger), vec![]);
    assert_eq!(count(&filter), 1, "what comes again is told again");
    assert_eq!(result(&node, "eth_uninstallFilter", json!([filter])), true);
    assert_eq!(result(&node, "eth_uninstallFilter", json!([filter])), false);
    refusal(&node, "eth_getFilterChanges", json!([filter]));
}

#[test]
fn fee_history_has_one_fee_more_than_blocks() {
    let node = node();
    result(&node, "hardhat_mine", json!(["0x3"]));
    let history = result(&node, "eth_feeHistory", json!(["0x2", "latest", [25.0, 75.0]]));
    assert_eq!(history["oldestBlock"], "0x2");
    assert_eq!(history["baseFeePerGas"], json!(["0x5f5e100", "0x5f5e100", "0x5f5e100"]));
    assert_eq!(history["reward"], json!([["0x0", "0x0"], ["0x0", "0x0"]]));
    assert_eq!(history["gasUsedRatio"].as_array().map(Vec::len), Some(2));
    let all = result(&node, "eth_feeHistory", json!(["0xffff", "latest", []]));
    assert_eq!((&all["oldestBlock"], all["baseFeePerGas"].as_array().map(Vec::len)), (&json!("0x0"), Some(5)));
    assert_eq!(refusal(&node, "eth_feeHistory", json!(["0x1", "latest", [101.0]])).0, -32602);
}
