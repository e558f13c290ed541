//! Traces, of both machines.

use alloy_primitives::{Address, Bytes, hex};
use serde_json::{Value, json};

use super::{Node, alice, create, node, number, refusal, result, send, word};
use crate::support::{self, Code, op};

/// Deploys and activates a program through the node.
fn deploy(node: &Node, wasm: &[u8]) -> Address {
    let program = create(node, &chain::compress(wasm));
    let activate = [&hex!("58c780c2")[..], program.into_word().as_slice()].concat();
    let transaction = json!({
        "from": alice().address(), "to": chain::addresses::ARB_WASM, "data": Bytes::from(activate), "value": "0xde0b6b3a7640000",
    });
    let hash = result(node, "eth_sendTransaction", json!([transaction]));
    assert_eq!(result(node, "eth_getTransactionReceipt", json!([hash]))["status"], "0x1");
    program
}

/// An EVM contract that calls a program that calls an EVM contract.
fn sandwich(node: &Node) -> (Address, Address, Address) {
    let inner = create(node, &Code::new().sstore(3, 9).bytes());
    let relay = deploy(node, &support::relay());
    let outer = create(node, &Code::new().forward(op::CALL, relay, 0).bubble().bytes());
    (outer, relay, inner)
}

#[test]
fn the_call_tracer_sees_both_machines() {
    let node = node();
    let (outer, relay, inner) = sandwich(&node);
    let receipt = send(&node, Some(outer), support::through(0, inner, 0, &[1, 2]));
    let trace =
        result(&node, "debug_traceTransaction", json!([receipt["transactionHash"], { "tracer": "callTracer" }]));
    assert_eq!(
        (&trace["type"], &trace["from"], &trace["to"]),
        (&json!("CALL"), &json!(alice().address()), &json!(outer))
    );
    assert_eq!(trace["gasUsed"], receipt["gasUsed"]);
    let program = &trace["calls"][0];
    assert_eq!((&program["from"], &program["to"]), (&json!(outer), &json!(relay)));
    let last = &program["calls"][0];
    assert_eq!((&last["from"], &last["to"], &last["input"]), (&json!(relay), &json!(inner), &json!("0x0102")));
    assert!(number(&program["gasUsed"]) > number(&last["gasUsed"]));

    let options = json!({ "tracer": "callTracer", "tracerConfig": { "onlyTopCall": true } });
    let top = result(&node, "debug_traceTransaction", json!([receipt["transactionHash"], options]));
    assert_eq!(top.get("calls"), None);
}

#[test]
fn failed_calls_say_why() {
    let node = node();
    let reverting = create(&node, &Code::new().push(0).push(0).op(op::REVERT).bytes());
    let halting = create(&node, &[0xfe]);
    for (target, expected) in [(reverting, "execution reverted"), (halting, "InvalidFEOpcode")] {
        let receipt = send(&node, Some(target), vec![]);
        let trace =
            result(&node, "debug_traceTransaction", json!([receipt["transactionHash"], { "tracer": "callTracer" }]));
        assert_eq!(trace["error"], expected);
    }
}

fn ops(trace: &Value) -> Vec<String> {
    trace["structLogs"].as_array().unwrap().iter().map(|log| log["op"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn struct_logs_interleave_instructions_and_host_calls() {
    let node = node();
    let (outer, _, inner) = sandwich(&node);
    let receipt = send(&node, Some(outer), support::through(0, inner, 0, &[]));
    let trace = result(&node, "debug_traceTransaction", json!([receipt["transactionHash"]]));
    let (ops, logs) = (ops(&trace), trace["structLogs"].as_array().unwrap());
    let at = |name: &str| ops.iter().position(|op| op == name).unwrap_or_else(|| panic!("no {name} in {ops:?}"));
    assert!(at("CALL") < at("user_entrypoint") && at("user_entrypoint") < at("call_contract"), "{ops:?}");
    assert!(at("call_contract") < at("SSTORE") && at("SSTORE") < at("user_returned"), "{ops:?}");
    let store = &logs[at("SSTORE")];
    assert_eq!(number_of(&store["depth"]), 3);
    let slot = hex::encode(word(3));
    assert_eq!(store["storage"][&slot], hex::encode(word(9)));
    assert_eq!(store["stack"].as_array().map(Vec::len), Some(2), "value and slot");
    assert_eq!(store["gasCost"], 22_100);
    assert_eq!((&trace["failed"], number_of(&trace["gas"])), (&json!(false), number(&receipt["gasUsed"])));
}

fn number_of(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

#[test]
fn gas_of_struct_logs_adds_up() {
    let node = node();
    let contract = create(&node, &Code::new().sstore(1, 1).push(1).op(op::SLOAD).return_word().bytes());
    let receipt = send(&node, Some(contract), vec![]);
    let options = json!({ "enableMemory": true });
    let trace = result(&node, "debug_traceTransaction", json!([receipt["transactionHash"], options]));
    let logs = trace["structLogs"].as_array().unwrap();
    for pair in logs.windows(2) {
        assert_eq!(number_of(&pair[0]["gas"]) - number_of(&pair[0]["gasCost"]), number_of(&pair[1]["gas"]));
    }
    let spent: u64 = logs.iter().map(|log| number_of(&log["gasCost"])).sum();
    assert_eq!(spent + 21_000, number(&receipt["gasUsed"]));
    assert_eq!(logs.last().unwrap()["memory"], json!([hex::encode(word(1))]));
    let short = result(
        &node,
        "debug_traceTransaction",
        json!([receipt["transactionHash"], { "limit": 2, "disableStack": true }]),
    );
    assert_eq!(short["structLogs"].as_array().map(Vec::len), Some(2));
    assert_eq!(short["structLogs"][0].get("stack"), None);
}

#[test]
fn the_stylus_tracer_nests_host_calls() {
    let node = node();
    let echo = deploy(&node, &support::echo());
    let relay = deploy(&node, &support::relay());
    let call =
        json!({ "from": alice().address(), "to": relay, "data": Bytes::from(support::through(0, echo, 0, &[5])) });
    let trace = result(&node, "debug_traceCall", json!([call, "latest", { "tracer": "stylusTracer" }]));
    let records = trace.as_array().unwrap();
    assert_eq!(records[0]["name"], "user_entrypoint");
    let nested = records.iter().find(|record| record["name"] == "call_contract").expect("a call");
    assert_eq!(nested["address"], json!(echo));
    let names: Vec<_> = nested["steps"].as_array().unwrap().iter().map(|step| &step["name"]).collect();
    assert_eq!(names.first(), Some(&&json!("user_entrypoint")));
    assert!(names.contains(&&json!("write_result")));
    let end = records.last().unwrap();
    assert_eq!(
        (&end["name"], &end["startInk"], &end["endInk"]),
        (&json!("user_returned"), &records[0]["startInk"], &records[0]["startInk"])
    );
}

#[test]
fn a_transaction_is_traced_where_it_ran() {
    let node = node();
    let counter = create(&node, &Code::new().push(0).op(op::SLOAD).push(1).op(op::ADD).push(0).op(op::SSTORE).bytes());
    result(&node, "evm_setAutomine", json!([false]));
    let call = json!([{ "from": alice().address(), "to": counter, "gas": "0x186a0" }]);
    let hashes: Vec<_> = (0..3).map(|_| result(&node, "eth_sendTransaction", call.clone())).collect();
    result(&node, "anvil_setStorageAt", json!([counter, "0x0", word(10)]));
    result(&node, "evm_mine", json!([]));
    result(&node, "anvil_setStorageAt", json!([counter, "0x0", word(99)]));
    result(&node, "evm_mine", json!([]));
    for (hash, read) in hashes.iter().zip([10, 11, 12]) {
        let trace = result(&node, "debug_traceTransaction", json!([hash]));
        let load = trace["structLogs"].as_array().unwrap().iter().find(|log| log["op"] == "SLOAD").expect("a load");
        assert_eq!(load["storage"][hex::encode(word(0))], hex::encode(word(read)));
    }
    let block = result(&node, "debug_traceBlockByNumber", json!(["0x2", { "tracer": "callTracer" }]));
    assert_eq!(block.as_array().map(Vec::len), Some(3));
    assert_eq!(block[1]["txHash"], hashes[1]);
}

#[test]
fn traces_are_bounded_and_unknown_tracers_refused() {
    let node = node();
    let endless = create(&node, &hex!("5b600056"));
    let call = json!([{ "from": alice().address(), "to": endless }, "latest", {}]);
    assert_eq!(refusal(&node, "debug_traceCall", call).0, -32005, "millions of instructions");
    let (code, message) =
        refusal(&node, "debug_traceCall", json!([{ "to": endless }, "latest", { "tracer": "noTracer" }]));
    assert_eq!((code, message.contains("callTracer")), (-32602, true), "{message}");
}
