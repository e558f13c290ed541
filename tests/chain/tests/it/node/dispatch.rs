//! JSON-RPC itself: batches, notifications, everything that is malformed.

use serde_json::{Value, json};

use super::{Node, ask, node, refusal, result};

fn raw(node: &Node, body: &str) -> Value {
    serde_json::from_slice(&node.handle(body.as_bytes()).expect("an answer")).expect("answers are JSON")
}

fn code(answer: &Value) -> i64 {
    answer["error"]["code"].as_i64().expect("an error")
}

#[test]
fn malformed_requests_get_the_errors_of_the_specification() {
    let node = node();
    for (body, expected) in [
        ("", -32700),
        ("{", -32700),
        ("\u{0}", -32700),
        ("[1,", -32700),
        ("1", -32600),
        ("\"eth_chainId\"", -32600),
        ("[]", -32600),
        ("{}", -32600),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_nothing"}"#, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":{"address":"0x0"}}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":[]}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":["0x12"]}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":[1,2,3]}"#, -32602),
    ] {
        assert_eq!(code(&raw(&node, body)), expected, "{body}");
    }
    assert_eq!(result(&node, "eth_chainId", json!(null)), "0x64aba", "and the node goes on");
}

#[test]
fn deep_nesting_is_a_parse_error() {
    let node = node();
    assert_eq!(code(&raw(&node, &"[".repeat(100_000))), -32700);
}

#[test]
fn ids_come_back_as_they_were() {
    let node = node();
    for id in
        [json!(1), json!(0), json!(-3), json!("text"), json!(null), json!(1.5), json!(18_446_744_073_709_551_615u64)]
    {
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": "net_version" });
        let answer = raw(&node, &request.to_string());
        assert_eq!((&answer["id"], &answer["result"]), (&id, &json!("412346")));
    }
}

#[test]
fn a_batch_is_answered_in_order_and_notifications_are_not() {
    let node = node();
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"evm_mine"},{"jsonrpc":"2.0","method":"evm_mine"},
        {"jsonrpc":"2.0","id":2,"method":"eth_blockNumber"},7,{"jsonrpc":"2.0","id":3,"method":"eth_nothing"}]"#;
    let answers = raw(&node, batch);
    let answers = answers.as_array().expect("a batch");
    assert_eq!(answers.len(), 4);
    assert_eq!((&answers[0]["result"], &answers[1]["result"]), (&json!("0x0"), &json!("0x2")));
    assert_eq!((code(&answers[2]), code(&answers[3])), (-32600, -32601));
    assert!(node.handle(br#"{"jsonrpc":"2.0","method":"evm_mine"}"#).is_none());
    assert!(node.handle(br#"[{"jsonrpc":"2.0","method":"evm_mine"}]"#).is_none());
    assert_eq!(result(&node, "eth_blockNumber", json!([])), "0x4", "notifications are carried out");
}

#[test]
fn batches_are_bounded_in_number_and_in_answers() {
    let node = node();
    let many = vec![json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_chainId" }); 1_001];
    assert_eq!(code(&raw(&node, &json!(many).to_string())), -32600);

    // A megabyte of code, asked for a hundred times.
    result(&node, "anvil_setCode", json!([super::bob(), format!("0x{}", "00".repeat(1 << 20))]));
    let many = vec![json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_getCode", "params": [super::bob()] }); 100];
    let answers = raw(&node, &json!(many).to_string());
    let answers = answers.as_array().expect("a batch");
    assert_eq!(answers.len(), 100);
    assert!(answers[0].get("result").is_some());
    assert_eq!(code(&answers[99]), -32005);
}

#[test]
fn every_method_survives_wrong_parameters() {
    let node = node();
    let wrong = [
        json!([]),
        json!([null]),
        json!([{}]),
        json!([[]]),
        json!([true, true, true, true]),
        json!(["0x", "0x", "0x", "0x", "0x"]),
        json!([-1, -1, -1]),
        json!([1.5, 1.5]),
        json!(["latest", "latest", "latest"]),
        json!([u64::MAX, u64::MAX, u64::MAX]),
        json!([{ "from": 1, "to": [], "data": "0xzz" }, {}, {}, {}]),
        json!([{ "blocks": u64::MAX, "timestamp": "never" }]),
    ];
    for method in Node::methods() {
        for params in &wrong {
            if let Err(error) = ask(&node, method, params.clone()) {
                assert_ne!(error["code"], -32603, "{method} {params}: {error}");
            }
        }
    }
    assert_eq!(result(&node, "net_version", json!([])), "412346");
}

#[test]
fn the_methods_of_the_description_exist() {
    let names = Node::methods();
    for name in [
        "eth_call",
        "eth_estimateGas",
        "eth_sendRawTransaction",
        "eth_sendTransaction",
        "eth_getLogs",
        "eth_newFilter",
        "eth_feeHistory",
        "eth_createAccessList",
        "debug_traceTransaction",
        "debug_traceCall",
        "evm_increaseTime",
        "evm_setNextBlockTimestamp",
        "evm_mine",
        "evm_snapshot",
        "evm_revert",
        "evm_setAutomine",
        "hardhat_impersonateAccount",
        "anvil_impersonateAccount",
        "hardhat_setBalance",
        "anvil_setBalance",
        "hardhat_setCode",
        "anvil_setCode",
        "hardhat_setStorageAt",
        "anvil_setStorageAt",
        "hardhat_setNonce",
        "anvil_setNonce",
        "hardhat_mine",
        "anvil_mine",
        "anvil_setNextBlockTimestamp",
        "hardhat_reset",
        "anvil_reset",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    assert_eq!(refusal(&node(), "eth_getProof", json!([])).0, -32601, "absent, and said so");
}
