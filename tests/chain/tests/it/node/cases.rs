//! What clients tripped over.

use std::{thread, time::Duration};

use alloy_consensus::{SignableTransaction, TxEip2930, TxEnvelope, TxLegacy, transaction::SignerRecoverable};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, Bytes, TxKind, U256, address, hex};
use chain::{
    BLOCK_GAS_LIMIT, SEQUENCER,
    node::{Limits, NodeSettings},
};
use serde_json::{Value, json};

use super::{Node, START, alice, ask, bob, create, node, number, refusal, result, send, server::Served, signed, word};
use crate::support::{Code, op};

const STRANGER: Address = address!("00000000000000000000000000000000000057a6");

// ---------------------------------------------------------------- windows

#[test]
fn the_state_before_the_first_block_is_kept_like_any_other() {
    let node = node();
    let receipt = send(&node, Some(bob()), vec![]);
    let before = result(&node, "eth_getBalance", json!([alice().address(), "earliest"]));
    assert_eq!(before, "0x21e19e0c9bab2400000", "10,000 ether");
    let trace =
        result(&node, "debug_traceTransaction", json!([receipt["transactionHash"], { "tracer": "callTracer" }]));
    assert_eq!(trace["to"], json!(bob()));
}

#[test]
fn exactly_as_many_states_are_kept_as_promised() {
    for history in [1, 3] {
        let node = Node::new(NodeSettings { history, ..super::settings() });
        for _ in 0..5 {
            result(&node, "evm_mine", json!([]));
        }
        let kept = |block: u64| ask(&node, "eth_getBalance", json!([STRANGER, format!("{block:#x}")])).is_ok();
        for block in 0..=5 {
            assert_eq!(kept(block), block > 5 - history, "block {block} of 5, {history} kept");
        }
    }
}

/// Logs `count` times, nothing each time.
fn chatterbox(node: &Node, count: u16) -> Address {
    let [high, low] = count.to_be_bytes();
    create(node, &[&[0x61, high, low][..], &hex!("5b60006000a0600190038060035700")].concat())
}

fn shout(node: &Node, from: Address) -> Value {
    let call = json!([{ "from": alice().address(), "to": from, "gas": "0x1e84800" }]);
    let hash = result(node, "eth_sendTransaction", call);
    let receipt = result(node, "eth_getTransactionReceipt", json!([hash]));
    assert_eq!(receipt["status"], "0x1");
    receipt
}

#[test]
fn many_logs_are_told_in_parts_and_a_block_s_always() {
    let node = node();
    let (many, few) = (chatterbox(&node, 20_001), chatterbox(&node, 12_000));
    let filter = result(&node, "eth_newFilter", json!([{}]));
    let blocks: Vec<_> = [few, few, many, few].iter().map(|contract| shout(&node, *contract)).collect();
    let changes = || result(&node, "eth_getFilterChanges", json!([filter])).as_array().map_or(0, Vec::len);
    assert_eq!([changes(), changes(), changes(), changes(), changes()], [12_000, 12_000, 20_001, 12_000, 0]);

    let logs = |filter: Value| result(&node, "eth_getLogs", json!([filter])).as_array().map_or(0, Vec::len);
    assert_eq!(logs(json!({ "blockHash": blocks[2]["blockHash"] })), 20_001);
    assert_eq!(logs(json!({ "fromBlock": "0x5", "toBlock": "0x5" })), 20_001);
    let (code, message) = refusal(&node, "eth_getLogs", json!([{ "fromBlock": "0x1", "toBlock": "0x6" }]));
    assert_eq!((code, message.ends_with("Try with this block range [0x1, 0x3]")), (-32005, true), "{message}");
}

#[test]
fn a_filter_that_lost_transactions_says_so_once() {
    let node = node();
    let filter = result(&node, "eth_newPendingTransactionFilter", json!([]));
    let transfer = json!({ "from": alice().address(), "to": bob(), "gas": "0x5208" });
    let request =
        |id: usize| json!({ "jsonrpc": "2.0", "id": id, "method": "eth_sendTransaction", "params": [transfer] });
    for batch in 0..11 {
        let requests: Vec<_> = (0..1_000).take(if batch == 10 { 1 } else { 1_000 }).map(request).collect();
        node.handle(json!(requests).to_string().as_bytes()).expect("answers");
    }
    assert_eq!(refusal(&node, "eth_getFilterChanges", json!([filter])).0, -32005, "10,001 of them");
    send(&node, Some(bob()), vec![]);
    let next = result(&node, "eth_getFilterChanges", json!([filter]));
    assert_eq!(next.as_array().map(Vec::len), Some(1));
}

// ---------------------------------------------------------------- transactions as they were signed

/// What clients do with a transaction: make it again from its fields, and see whose it is.
fn remade(node: &Node, raw: Bytes) -> (Value, TxEnvelope) {
    let hash = result(node, "eth_sendRawTransaction", json!([raw]));
    let found = result(node, "eth_getTransactionByHash", json!([hash]));
    assert_eq!(found["blockNumber"], result(node, "eth_blockNumber", json!([])));
    let envelope: TxEnvelope = serde_json::from_value(found.clone()).expect("a transaction");
    assert_eq!(Bytes::from(envelope.encoded_2718()), raw, "nothing else than what was signed");
    assert_eq!(envelope.recover_signer().expect("a signature"), alice().address());
    (found, envelope)
}

#[test]
fn a_signed_price_is_shown_as_it_was_signed() {
    let node = node();
    let price = 123_456_789_012u128;
    let legacy = |chain_id: Option<u64>, nonce| {
        let to = TxKind::Call(bob());
        let transaction = TxLegacy { chain_id, nonce, gas_price: price, gas_limit: 21_000, to, ..TxLegacy::default() };
        let signature = alice().sign(transaction.signature_hash());
        Bytes::from(TxEnvelope::from(transaction.into_signed(signature)).encoded_2718())
    };
    let listed = TxEip2930 {
        chain_id: 412_346,
        nonce: 2,
        gas_price: price,
        gas_limit: 21_000,
        to: TxKind::Call(bob()),
        ..TxEip2930::default()
    };
    let signature = alice().sign(listed.signature_hash());
    let listed = TxEnvelope::from(listed.into_signed(signature)).encoded_2718();
    for raw in [legacy(Some(412_346), 0), legacy(None, 1), listed.into()] {
        let (found, _) = remade(&node, raw);
        assert_eq!(found["gasPrice"], format!("{price:#x}"));
        let receipt = result(&node, "eth_getTransactionReceipt", json!([found["hash"]]));
        assert_eq!(receipt["effectiveGasPrice"], "0x5f5e100", "what was paid stands in the receipt");
    }
    let (found, _) = remade(&node, signed(&alice(), 3, Some(bob()), vec![]));
    assert_eq!(found["gasPrice"], "0x5f5e100", "without a signed price, the one that was paid");
}

// ---------------------------------------------------------------- estimates

#[test]
fn who_has_no_ether_lacks_funds_and_not_gas() {
    let node = node();
    for fee in ["gasPrice", "maxFeePerGas"] {
        let call = json!([{ "from": STRANGER, "to": bob(), fee: "0x5f5e100" }]);
        let message = refusal(&node, "eth_estimateGas", call.clone()).1;
        assert_eq!(message, "insufficient funds for gas * price + value: the balance pays for 0 gas");
        // Enough for the transfer, not for what the contract does.
        result(&node, "anvil_setBalance", json!([STRANGER, format!("{:#x}", 30_000u64 * 100_000_000)]));
        let dear = create(&node, &Code::new().sstore(0, 1).bytes());
        let message = refusal(&node, "eth_estimateGas", json!([{ "from": STRANGER, "to": dear, fee: "0x5f5e100" }])).1;
        assert_eq!(message, "insufficient funds for gas * price + value: the balance pays for 30000 gas");
        assert_eq!(result(&node, "eth_estimateGas", call), "0x5208");
        result(&node, "anvil_setBalance", json!([STRANGER, "0x0"]));
    }
    assert_eq!(result(&node, "eth_estimateGas", json!([{ "from": STRANGER, "to": bob() }])), "0x5208", "no fee named");
}

/// Writes a word from the second after `time` on.
fn later(time: u64) -> Vec<u8> {
    [&[0x63][..], &(time as u32).to_be_bytes(), &hex!("42111560105760016001555b00")].concat()
}

#[test]
fn an_estimate_is_enough_a_second_later() {
    let node = node();
    let contract = create(&node, &later(START));
    let call = json!({ "from": alice().address(), "to": contract });
    let estimate = result(&node, "eth_estimateGas", json!([call]));
    assert!(number(&estimate) > 43_000, "{estimate}");
    let mut sent = call.clone();
    sent["gas"] = estimate;
    result(&node, "evm_increaseTime", json!([1]));
    let hash = result(&node, "eth_sendTransaction", json!([sent]));
    assert_eq!(result(&node, "eth_getTransactionReceipt", json!([hash]))["status"], "0x1");

    // Where the time is said, it is that time.
    let contract = create(&node, &later(START + 1));
    let call = json!({ "from": alice().address(), "to": contract });
    let at = |time: u64| {
        let block = json!({ "time": format!("{time:#x}") });
        number(&result(&node, "eth_estimateGas", json!([call, "latest", {}, block])))
    };
    assert!(at(START + 1) < 22_000 && at(START + 2) > 43_000);
}

/// Reverts from the second after `time` on.
#[test]
fn what_fails_a_second_later_can_be_estimated_now() {
    let node = node();
    let deadline = [&[0x63][..], &(START as u32).to_be_bytes(), &hex!("42111560105760006000fd5b00")].concat();
    let contract = create(&node, &deadline);
    let estimate = number(&result(&node, "eth_estimateGas", json!([{ "to": contract }])));
    assert!((21_000..22_000).contains(&estimate), "{estimate}");
}

// ---------------------------------------------------------------- what waits

#[test]
fn who_cannot_pay_any_more_takes_nobody_along() {
    let node = node();
    result(&node, "evm_setAutomine", json!([false]));
    for nonce in [0, 1, 2] {
        result(&node, "eth_sendRawTransaction", json!([signed(&alice(), nonce, Some(bob()), vec![])]));
    }
    let ether = "0x8ac7230489e80000";
    result(&node, "anvil_setBalance", json!([alice().address(), "0x1"]));
    result(&node, "evm_mine", json!([]));
    assert_eq!(result(&node, "txpool_status", json!([])), json!({ "pending": "0x0", "queued": "0x2" }));
    result(&node, "anvil_setBalance", json!([alice().address(), ether]));
    result(&node, "eth_sendRawTransaction", json!([signed(&alice(), 0, Some(bob()), vec![])]));
    result(&node, "evm_mine", json!([]));
    let count = result(&node, "eth_getTransactionCount", json!([alice().address(), "latest"]));
    assert_eq!(count, "0x3", "the others waited");
}

#[test]
fn a_block_takes_what_its_gas_limit_allows() {
    let node = node();
    result(&node, "evm_setBlockGasLimit", json!(["0x1ef9b0"]));
    result(&node, "evm_setAutomine", json!([false]));
    for nonce in 0..3 {
        // Each allows itself 2,000,000 gas of 2,030,000, and uses 21,000.
        result(&node, "eth_sendRawTransaction", json!([signed(&alice(), nonce, Some(bob()), vec![])]));
    }
    let mined = |number: u64| {
        let block = result(&node, "eth_getBlockByNumber", json!([format!("{number:#x}"), false]));
        (block["gasLimit"].clone(), block["transactions"].as_array().map_or(0, Vec::len))
    };
    result(&node, "evm_mine", json!([]));
    assert_eq!(mined(1), (json!("0x1ef9b0"), 2), "the third allows itself more than is left");
    result(&node, "evm_mine", json!([]));
    assert_eq!(mined(2).1, 1);
    result(&node, "evm_setBlockGasLimit", json!(["0x1e847f"]));
    let raw = json!([signed(&alice(), 3, Some(bob()), vec![])]);
    assert!(refusal(&node, "eth_sendRawTransaction", raw.clone()).1.contains("exceeds block gas limit"));
    result(&node, "evm_setAutomine", json!([true]));
    assert!(refusal(&node, "eth_sendRawTransaction", raw).1.contains("exceeds block gas limit"));
    assert_eq!(refusal(&node, "evm_setBlockGasLimit", json!(["0x0"])).0, -32602);
    assert_eq!(mined(0).0, format!("{BLOCK_GAS_LIMIT:#x}"));
}

// ---------------------------------------------------------------- options

#[test]
fn fields_that_contradict_each_other_are_refused() {
    let node = node();
    let cases = [
        (json!({ "gasPrice": "0x1", "maxFeePerGas": "0x1" }), "both gasPrice and"),
        (json!({ "gasPrice": "0x1", "maxPriorityFeePerGas": "0x1" }), "both gasPrice and"),
        (
            json!({ "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x2" }),
            "maxFeePerGas (1) < maxPriorityFeePerGas (2)",
        ),
        (json!({ "chainId": "0x1" }), "chainId does not match node's (have=1, want=412346)"),
        (json!({ "data": "0x01", "input": "0x02" }), "data and input"),
        (json!({ "type": "0x0", "maxFeePerGas": "0x1" }), "type 0"),
        (json!({ "type": "0x1", "maxFeePerGas": "0x1" }), "type 1"),
        (json!({ "type": "0x2", "gasPrice": "0x1" }), "type 2"),
        (json!({ "type": "0x0", "accessList": [] }), "type 0"),
        (json!({ "type": "0x3" }), "not supported"),
    ];
    for (fields, text) in cases {
        let mut call = json!({ "from": alice().address(), "to": bob() });
        call.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        for method in ["eth_call", "eth_estimateGas", "eth_createAccessList", "eth_sendTransaction", "debug_traceCall"]
        {
            let error = ask(&node, method, json!([call])).expect_err(method);
            let message = error["message"].as_str().unwrap_or_default();
            assert!(message.contains(text), "{method} {fields}: {message}");
        }
    }
    assert_eq!(result(&node, "eth_blockNumber", json!([])), "0x0");
}

#[test]
fn options_that_nothing_follows_are_refused() {
    let node = node();
    let call = json!({ "to": bob() });
    for options in [
        json!({ "colour": "red" }),
        json!({ "tracer": "callTracer", "tracerConfig": { "diffMode": true } }),
        json!({ "tracer": "prestateTracer", "tracerConfig": { "withLog": true } }),
        json!({ "enableReturnData": true }),
        json!({ "tracerConfig": { "withLog": true } }),
    ] {
        assert_eq!(refusal(&node, "debug_traceCall", json!([call, "latest", options])).0, -32602, "{options}");
    }
    let harmless = json!({ "timeout": "10s", "reexec": 128, "disableReturnData": true, "tracerConfig": null });
    result(&node, "debug_traceCall", json!([call, "latest", harmless]));
    assert_eq!(refusal(&node, "evm_mine", json!([{ "count": 3 }])).0, -32602);
}

#[test]
fn the_call_tracer_tells_logs_where_they_were_logged() {
    let node = node();
    let log = |topic: u64| Code::new().push(topic).push(0).push(0).op(0xa1);
    let inner = create(&node, &log(7).bytes());
    let failing = create(&node, &log(8).push(0).push(0).op(op::REVERT).bytes());
    let code = log(1).forward(op::CALL, inner, 0).op(op::POP).forward(op::CALL, failing, 0).op(op::POP);
    let logs = Code::new().push(2).push(0).push(0).op(0xa1).bytes();
    let outer = create(&node, &[code.bytes(), logs].concat());
    let call = json!([{ "from": alice().address(), "to": outer }, "latest",
        { "tracer": "callTracer", "tracerConfig": { "withLog": true } }]);
    let trace = result(&node, "debug_traceCall", call);
    let told = |logs: &Value| -> Vec<(Value, Value)> {
        let logs = logs.as_array().cloned().unwrap_or_default();
        logs.iter().map(|log| (log["topics"][0].clone(), log["position"].clone())).collect()
    };
    let at = |topic: u64, position: &str| (json!(word(topic)), json!(position));
    assert_eq!(told(&trace["logs"]), [at(1, "0x0"), at(2, "0x2")]);
    assert_eq!(told(&trace["calls"][0]["logs"]), [at(7, "0x0")]);
    assert_eq!(trace["calls"][0]["logs"][0]["address"], json!(inner));
    assert_eq!(trace["calls"][1].get("logs"), None, "it failed");
}

#[test]
fn the_prestate_tracer_tells_what_was_there_and_what_changed() {
    let node = node();
    let contract = create(&node, &Code::new().push(5).op(op::SLOAD).sstore(3, 9).sstore(4, 0).bytes());
    result(&node, "anvil_setStorageAt", json!([contract, "0x4", word(1)]));
    result(&node, "anvil_setStorageAt", json!([contract, "0x5", word(2)]));
    let balance = result(&node, "eth_getBalance", json!([alice().address()]));
    let receipt = send(&node, Some(contract), vec![]);
    let trace = |config: Value| {
        let options = json!({ "tracer": "prestateTracer", "tracerConfig": config });
        result(&node, "debug_traceTransaction", json!([receipt["transactionHash"], options]))
    };
    let lower = |address: Address| address.to_string().to_lowercase();
    let (own, sender) = (lower(contract), lower(alice().address()));
    let pre = trace(json!({}));
    assert_eq!(
        pre[&sender],
        json!({ "balance": balance, "nonce": "0x1" }).as_object().map_or(json!(null), |account| {
            let mut account = account.clone();
            account.insert("nonce".into(), json!(1));
            Value::Object(account)
        })
    );
    let words = |words: &[(u64, u64)]| {
        let words = words.iter().map(|(slot, word)| (super::word(*slot).to_string(), json!(super::word(*word))));
        Value::Object(words.collect())
    };
    assert_eq!(pre[&own]["storage"], words(&[(3, 0), (4, 1), (5, 2)]));
    assert_eq!(pre[&own]["code"], result(&node, "eth_getCode", json!([contract])));
    let diff = trace(json!({ "diffMode": true }));
    assert_eq!(diff["pre"][&own]["storage"], words(&[(4, 1)]));
    assert_eq!(diff["post"][&own], json!({ "storage": words(&[(3, 9)]) }));
    assert_eq!(diff["post"][&sender]["nonce"], 2);
    let bare = trace(json!({ "disableCode": true, "disableStorage": true }));
    assert_eq!((bare[&own].get("code"), bare[&own].get("storage")), (None, None));
}

#[test]
fn intervals_are_hardhats_milliseconds_or_anvils_seconds() {
    let served = Served::new(Limits::default());
    let height = || number(&result(&served.node, "eth_blockNumber", json!([])));
    result(&served.node, "anvil_setIntervalMining", json!([500]));
    thread::sleep(Duration::from_millis(700));
    assert_eq!(height(), 0, "500 seconds have not passed");
    result(&served.node, "evm_setIntervalMining", json!([100]));
    for _ in 0..100 {
        if height() >= 3 {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    assert!(height() >= 3, "ten a second");
    result(&served.node, "hardhat_setIntervalMining", json!([0]));
}

#[test]
fn what_a_block_says_of_itself_can_be_set() {
    let node = node();
    let read = |code: u8| Code::new().op(code).return_word().bytes();
    let says = |code: u8, block: &str| {
        let overrides = json!({ STRANGER.to_string(): { "code": read(code) } });
        result(&node, "eth_call", json!([{ "to": STRANGER }, block, overrides]))
    };
    assert_eq!(says(op::COINBASE, "pending"), json!(SEQUENCER.into_word()));
    result(&node, "hardhat_setCoinbase", json!([STRANGER]));
    result(&node, "hardhat_setPrevRandao", json!([word(77)]));
    assert_eq!(
        (says(op::COINBASE, "pending"), says(op::PREVRANDAO, "pending")),
        (json!(STRANGER.into_word()), json!(word(77)))
    );
    assert_eq!(says(op::PREVRANDAO, "latest"), json!(word(1)), "of the next block only");
    result(&node, "evm_mine", json!([]));
    assert_eq!((says(op::PREVRANDAO, "latest"), says(op::PREVRANDAO, "pending")), (json!(word(77)), json!(word(1))));
    let block = result(&node, "eth_getBlockByNumber", json!(["latest", false]));
    assert_eq!((&block["miner"], result(&node, "eth_coinbase", json!([]))), (&json!(STRANGER), json!(STRANGER)));
    assert_eq!(says(op::GASLIMIT, "latest"), json!(alloy_primitives::B256::from(U256::from(BLOCK_GAS_LIMIT))));

    let metadata = result(&node, "hardhat_metadata", json!([]));
    assert_eq!((&metadata["chainId"], &metadata["latestBlockNumber"]), (&json!(412_346), &json!(1)));
    assert_eq!(metadata["latestBlockHash"], block["hash"]);
    assert_eq!(metadata["clientVersion"], result(&node, "web3_clientVersion", json!([])));
}
