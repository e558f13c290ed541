//! A node that goes on from another one's block.

use alloy_primitives::{Address, Bytes, address, hex};
use chain::node::{Limits, Node, NodeSettings};
use serde_json::{Value, json};

use super::{alice, ask, bob, create, number, refusal, result, send, server::Served, word};
use crate::support::{self, Code, op};

const STRANGER: Address = address!("00000000000000000000000000000000000057a6");

fn url(served: &Served) -> String {
    served.url()
}

fn fork(served: &Served, block: Option<u64>) -> Node {
    let settings = NodeSettings { frozen: true, ..NodeSettings::default() };
    Node::fork(settings, &url(served), block).expect("the other node answers")
}

/// Deploys and activates a program on a node.
fn deploy(node: &Node, wasm: &[u8]) -> Address {
    let program = create(node, &chain::compress(wasm));
    let activate = [&hex!("58c780c2")[..], program.into_word().as_slice()].concat();
    let call = json!([{ "from": alice().address(), "to": chain::addresses::ARB_WASM, "data": Bytes::from(activate),
        "value": "0xde0b6b3a7640000" }]);
    let hash = result(node, "eth_sendTransaction", call);
    assert_eq!(result(node, "eth_getTransactionReceipt", json!([hash]))["status"], "0x1");
    program
}

#[test]
fn a_fork_has_what_was_there_and_goes_its_own_way() {
    let served = Served::new(Limits::default());
    let there = &served.node;
    let echo = deploy(there, &support::echo());
    let counts = Code::new().push(0).op(op::SLOAD).push(1).op(op::ADD).push(0).op(op::SSTORE).bytes();
    let counter = create(there, &counts);
    send(there, Some(counter), vec![]);
    result(there, "anvil_setBalance", json!([STRANGER, "0x7"]));
    let at = number(&result(there, "eth_blockNumber", json!([])));
    let here = fork(&served, Some(at));

    assert_eq!(number(&result(&here, "eth_blockNumber", json!([]))), at);
    let head = |node: &Node| result(node, "eth_getBlockByNumber", json!(["latest", false]))["hash"].clone();
    assert_eq!(head(&here), head(there));
    assert_eq!(result(&here, "eth_chainId", json!([])), result(there, "eth_chainId", json!([])));
    assert_eq!(result(&here, "eth_getStorageAt", json!([counter, "0x0"])), json!(word(1)));
    assert_eq!(result(&here, "eth_getBalance", json!([STRANGER])), "0x7");
    assert_eq!(result(&here, "eth_getCode", json!([counter])), result(there, "eth_getCode", json!([counter])));

    // A program runs by the activation that it has there.
    let called = result(&here, "eth_call", json!([{ "to": echo, "data": "0x0102" }]));
    assert_eq!(called, "0x0102");

    // What happens on either side stays there.
    send(&here, Some(counter), vec![]);
    send(&here, Some(counter), vec![]);
    send(there, Some(counter), vec![]);
    result(there, "anvil_setBalance", json!([STRANGER, "0x9"]));
    let count = |node: &Node| result(node, "eth_getStorageAt", json!([counter, "0x0"]));
    assert_eq!((count(&here), count(there)), (json!(word(3)), json!(word(2))));
    assert_eq!(result(&here, "eth_getBalance", json!([STRANGER])), "0x7", "as it was at the block");
    assert_eq!(number(&result(&here, "eth_blockNumber", json!([]))), at + 2);
    let next = result(&here, "eth_getBlockByNumber", json!([format!("{:#x}", at + 1), false]));
    assert_eq!(next["parentHash"], result(there, "eth_getBlockByNumber", json!([format!("{at:#x}"), false]))["hash"]);
    assert_eq!(
        result(&here, "eth_getBlockByNumber", json!(["0x0", false])),
        json!(null),
        "older blocks are there only"
    );
    let file = tempfile::NamedTempFile::new().expect("a file");
    assert!(here.save(file.path()).is_err(), "a part of it is elsewhere");
}

#[test]
fn zero_and_nothing_are_kept_over_what_is_there() {
    let served = Served::new(Limits::default());
    let there = &served.node;
    let clears = create(there, &Code::new().sstore(5, 0).bytes());
    result(there, "anvil_setStorageAt", json!([clears, "0x5", word(9)]));
    let here = fork(&served, None);
    let receipt = send(&here, Some(clears), vec![]);
    assert_eq!(result(&here, "eth_getStorageAt", json!([clears, "0x5"])), json!(word(0)));
    assert!(number(&receipt["gasUsed"]) < 30_000, "the word that is there is cleared, with a refund");
    let id = result(&here, "evm_snapshot", json!([]));
    result(&here, "anvil_setStorageAt", json!([clears, "0x5", word(4)]));
    result(&here, "evm_revert", json!([id]));
    assert_eq!(result(&here, "eth_getStorageAt", json!([clears, "0x5"])), json!(word(0)));
    result(&here, "anvil_setCode", json!([clears, "0x"]));
    result(&here, "anvil_setNonce", json!([clears, "0x0"]));
    assert_eq!(result(&here, "eth_getCode", json!([clears])), "0x");
    let overridden =
        json!({ clears.to_string(): { "state": {}, "code": Code::new().push(5).op(op::SLOAD).return_word().bytes() } });
    assert_eq!(result(&here, "eth_call", json!([{ "to": clears }, "latest", overridden])), json!(word(0)));
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_zero() {
    let served = Served::new(Limits::default());
    let there = &served.node;
    let counts = Code::new().push(0).op(op::SLOAD).push(1).op(op::ADD).push(0).op(op::SSTORE).bytes();
    let counter = create(there, &counts);
    send(there, Some(counter), vec![]);
    let here = fork(&served, None);
    assert_eq!(result(&here, "eth_getStorageAt", json!([counter, "0x0"])), json!(word(1)), "kept from now on");
    drop(served);

    assert_eq!(result(&here, "eth_getStorageAt", json!([counter, "0x0"])), json!(word(1)));
    let fails = |method: &str, params: Value| {
        let (code, message) = refusal(&here, method, params);
        assert_eq!((code, message.contains("fork of")), (-32000, true), "{method}: {message}");
    };
    fails("eth_getStorageAt", json!([counter, "0x1"]));
    fails("eth_getBalance", json!([STRANGER]));
    fails("eth_call", json!([{ "to": STRANGER }]));
    fails("eth_estimateGas", json!([{ "from": alice().address(), "to": STRANGER, "value": "0x1" }]));
    let before = result(&here, "eth_blockNumber", json!([]));
    fails(
        "eth_sendTransaction",
        json!([{ "from": alice().address(), "to": STRANGER, "value": "0x1", "gas": "0x5208" }]),
    );
    fails("anvil_setBalance", json!([STRANGER, "0x1"]));
    assert_eq!(result(&here, "eth_blockNumber", json!([])), before, "nothing was mined");
    assert!(ask(&here, "eth_getBalance", json!([bob()])).is_ok(), "the node's own accounts are known");
}

#[test]
fn logs_from_before_come_from_there_and_what_was_read_is_saved() {
    let served = Served::new(Limits::default());
    let there = &served.node;
    // Writes what it was sent to word 0, and logs it.
    let code = Code::new().push(0).op(op::CALLDATALOAD).push(0).op(op::SSTORE).push(0).push(0).op(op::LOG0).bytes();
    let logger = create(there, &code);
    send(there, Some(logger), word(7).to_vec());
    result(there, "anvil_setStorageAt", json!([logger, "0x1", word(8)]));
    let here = fork(&served, None);
    send(&here, Some(logger), word(9).to_vec());
    let logs = |from: Value| {
        let filter = json!([{ "address": logger, "fromBlock": from, "toBlock": "latest" }]);
        result(&here, "eth_getLogs", filter).as_array().expect("a list").len()
    };
    let head = number(&result(&here, "eth_blockNumber", json!([])));
    assert_eq!((logs(json!("0x0")), logs(json!(format!("{head:#x}")))), (2, 1));

    // What was read or changed is in the file, and what was not is zero there.
    let file = tempfile::NamedTempFile::new().expect("a file");
    here.save_copy(file.path()).expect("it is written");
    let settings = NodeSettings { frozen: true, ..NodeSettings::default() };
    let copy = Node::load(settings, file.path()).expect("a chain of its own");
    let stored = |slot: &str| result(&copy, "eth_getStorageAt", json!([logger, slot]));
    assert_eq!((stored("0x0"), stored("0x1")), (json!(word(9)), json!(word(0))));
    let time = |node: &Node| result(node, "eth_getBlockByNumber", json!(["latest", false]))["timestamp"].clone();
    assert_eq!((number(&result(&copy, "eth_blockNumber", json!([]))), time(&copy)), (0, time(&here)));
    send(&copy, Some(logger), word(1).to_vec());
    assert_eq!(stored("0x0"), json!(word(1)));
    drop(served);
    let filter = json!([{ "address": logger, "fromBlock": "0x0", "toBlock": "latest" }]);
    assert!(refusal(&here, "eth_getLogs", filter).1.contains("fork of"), "never fewer in silence");
}

#[test]
fn a_fork_needs_a_chain_and_a_block() {
    let served = Served::new(Limits::default());
    let settings = NodeSettings::default;
    let error = Node::fork(settings(), &url(&served), Some(99)).expect_err("there is no such block");
    assert!(error.to_string().contains("no block"), "{error}");
    let address = url(&served);
    let secret = address.replace("http://", "https://user:word@") + "/v2/key";
    let error = Node::fork(settings(), &secret, None).expect_err("not spoken").to_string();
    assert!(error.contains("http://") && !error.contains("key") && !error.contains("word"), "{error}");
    drop(served);
    assert!(Node::fork(settings(), &address, None).is_err(), "nobody answers");
}
