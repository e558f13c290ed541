//! Time, blocks, snapshots, impersonation, state.

use alloy_primitives::{Address, address};
use serde_json::json;

use super::{START, alice, ask, bob, node, number, refusal, result, send, signed, word};
use crate::support::{Code, op};

const STRANGER: Address = address!("00000000000000000000000000000000000057a6");

fn latest_time(node: &super::Node) -> u64 {
    number(&result(node, "eth_getBlockByNumber", json!(["latest", false]))["timestamp"])
}

#[test]
fn time_moves_as_clients_say() {
    let node = node();
    assert_eq!(result(&node, "evm_increaseTime", json!([100])), 100);
    assert_eq!(result(&node, "evm_increaseTime", json!(["0x32"])), 150, "the sum of all moves");
    result(&node, "evm_mine", json!([]));
    assert_eq!(latest_time(&node), START + 150);
    result(&node, "evm_setNextBlockTimestamp", json!([START + 1_000]));
    assert_eq!(number(&result(&node, "eth_getBlockByNumber", json!(["pending", false]))["timestamp"]), START + 1_000);
    send(&node, Some(bob()), vec![]);
    assert_eq!(latest_time(&node), START + 1_000);
    send(&node, Some(bob()), vec![]);
    assert_eq!(latest_time(&node), START + 1_000, "the clock goes on from there");
    result(&node, "evm_mine", json!([START + 2_000]));
    result(&node, "evm_mine", json!([{ "timestamp": START + 3_000, "blocks": 3 }]));
    assert_eq!(latest_time(&node), START + 3_000);
    result(&node, "anvil_setBlockTimestampInterval", json!([7]));
    result(&node, "hardhat_mine", json!(["0x2"]));
    assert_eq!(latest_time(&node), START + 3_014);
    result(&node, "anvil_removeBlockTimestampInterval", json!([]));
    result(&node, "hardhat_mine", json!(["0x3", "0x3c"]));
    assert_eq!(latest_time(&node), START + 3_014 + 120, "blocks a minute apart");
}

#[test]
fn time_does_not_run_back() {
    let node = node();
    let (code, message) = refusal(&node, "evm_setNextBlockTimestamp", json!([START - 1]));
    assert_eq!((code, message.contains("before the last block")), (-32000, true), "{message}");
    refusal(&node, "evm_mine", json!([START - 1]));
    refusal(&node, "evm_increaseTime", json!([u64::MAX]));
    refusal(&node, "evm_setTime", json!([START - 1]));
    assert_eq!(result(&node, "eth_blockNumber", json!([])), "0x0", "nothing was mined");
}

#[test]
fn snapshots_bring_everything_back() {
    let node = node();
    let first = result(&node, "evm_snapshot", json!([]));
    assert_eq!(first, "0x0");
    let receipt = send(&node, Some(bob()), vec![]);
    result(&node, "hardhat_setBalance", json!([STRANGER, "0x5"]));
    result(&node, "evm_increaseTime", json!([500]));
    result(&node, "evm_setAutomine", json!([false]));
    result(&node, "hardhat_impersonateAccount", json!([STRANGER]));
    let second = result(&node, "evm_snapshot", json!([]));
    assert_eq!(result(&node, "evm_revert", json!([first])), true);

    assert_eq!(result(&node, "eth_blockNumber", json!([])), "0x0");
    assert_eq!(result(&node, "eth_getBalance", json!([STRANGER])), "0x0");
    assert_eq!(result(&node, "eth_getTransactionReceipt", json!([receipt["transactionHash"]])), json!(null));
    assert_eq!(result(&node, "anvil_getAutomine", json!([])), true);
    assert!(ask(&node, "eth_sendTransaction", json!([{ "from": STRANGER, "to": bob() }])).is_err());
    result(&node, "evm_mine", json!([]));
    assert_eq!(latest_time(&node), START);
    assert_eq!(result(&node, "evm_revert", json!([second])), false, "later ones are gone");
    assert_eq!(result(&node, "evm_revert", json!([first])), false, "and it itself");
    assert_eq!(result(&node, "evm_snapshot", json!([])), "0x2", "ids are never used again");
}

#[test]
fn anybody_can_be_impersonated() {
    let node = node();
    let transfer = json!([{ "from": STRANGER, "to": bob(), "value": "0x1" }]);
    let (_, message) = refusal(&node, "eth_sendTransaction", transfer.clone());
    assert!(message.contains("unknown account"), "{message}");
    result(&node, "hardhat_setBalance", json!([STRANGER, "0x3"]));
    result(&node, "anvil_impersonateAccount", json!([STRANGER]));
    let hash = result(&node, "eth_sendTransaction", transfer.clone());
    let found = result(&node, "eth_getTransactionByHash", json!([hash]));
    assert_eq!(found["from"], json!(STRANGER));
    assert_eq!(result(&node, "eth_getBalance", json!([STRANGER])), "0x2", "no fee");
    let other = result(&node, "eth_sendTransaction", transfer.clone());
    assert_ne!(hash, other);
    result(&node, "hardhat_stopImpersonatingAccount", json!([STRANGER]));
    refusal(&node, "eth_sendTransaction", transfer.clone());
    result(&node, "anvil_autoImpersonateAccount", json!([true]));
    result(&node, "eth_sendTransaction", transfer);
}

#[test]
fn state_can_be_set() {
    let node = node();
    let returns_slot_one = Code::new().push(1).op(op::SLOAD).return_word().bytes();
    result(&node, "hardhat_setCode", json!([STRANGER, returns_slot_one]));
    result(&node, "hardhat_setStorageAt", json!([STRANGER, "0x1", word(77)]));
    result(&node, "anvil_setNonce", json!([STRANGER, "0x9"]));
    assert_eq!(result(&node, "eth_call", json!([{ "to": STRANGER }])), json!(word(77)));
    assert_eq!(result(&node, "eth_getStorageAt", json!([STRANGER, "0x1", "latest"])), json!(word(77)));
    assert_eq!(result(&node, "eth_getTransactionCount", json!([STRANGER, "latest"])), "0x9");
    let range = result(&node, "debug_storageRangeAt", json!(["latest", 0, STRANGER, "0x", 10]));
    let slots: Vec<_> = range["storage"].as_object().expect("slots").values().collect();
    assert_eq!(slots, [&json!({ "key": word(1), "value": word(77) })]);
    assert_eq!(result(&node, "hardhat_reset", json!([])), true);
    assert_eq!(result(&node, "eth_getCode", json!([STRANGER])), "0x");
    refusal(&node, "hardhat_reset", json!([{ "forking": { "jsonRpcUrl": "http://example.org" } }]));
}

#[test]
fn without_automine_transactions_wait_and_share_a_block() {
    let node = node();
    result(&node, "evm_setAutomine", json!([false]));
    let hashes: Vec<_> = [1, 0, 2]
        .map(|nonce| result(&node, "eth_sendRawTransaction", json!([signed(&alice(), nonce, Some(bob()), vec![])])))
        .into();
    let late = result(&node, "eth_sendRawTransaction", json!([signed(&alice(), 4, Some(bob()), vec![])]));
    assert_eq!(result(&node, "eth_getTransactionReceipt", json!([hashes[0]])), json!(null));
    assert_eq!(result(&node, "eth_getTransactionByHash", json!([hashes[0]]))["blockHash"], json!(null));
    assert_eq!(result(&node, "txpool_status", json!([])), json!({ "pending": "0x3", "queued": "0x1" }));
    let count = |tag| number(&result(&node, "eth_getTransactionCount", json!([alice().address(), tag])));
    assert_eq!((count("latest"), count("pending")), (0, 3));
    let pending = result(&node, "eth_getBlockByNumber", json!(["pending", false]));
    assert_eq!(pending["transactions"].as_array().map(Vec::len), Some(3));

    result(&node, "evm_mine", json!([]));
    let block = result(&node, "eth_getBlockByNumber", json!(["latest", false]));
    assert_eq!(block["transactions"], json!([hashes[1], hashes[0], hashes[2]]), "by nonce");
    assert_eq!(result(&node, "anvil_dropTransaction", json!([late])), late);
    result(&node, "evm_setAutomine", json!([true]));
    assert_eq!(result(&node, "txpool_status", json!([])), json!({ "pending": "0x0", "queued": "0x0" }));
}

#[test]
fn a_gap_of_nonces_is_waited_for() {
    let node = node();
    for nonce in [3, 1, 2] {
        result(&node, "eth_sendRawTransaction", json!([signed(&alice(), nonce, Some(bob()), vec![])]));
    }
    assert_eq!(result(&node, "eth_blockNumber", json!([])), "0x0");
    result(&node, "eth_sendRawTransaction", json!([signed(&alice(), 0, Some(bob()), vec![])]));
    assert_eq!(result(&node, "eth_blockNumber", json!([])), "0x4", "all four, each in its block");
}

#[test]
fn amounts_of_work_are_bounded() {
    let node = node();
    assert_eq!(refusal(&node, "hardhat_mine", json!(["0xffffffff"])).0, -32005);
    assert_eq!(refusal(&node, "evm_mine", json!([{ "blocks": 100_001 }])).0, -32005);
    assert_eq!(result(&node, "eth_blockNumber", json!([])), "0x0");
}
