//! What is not of one transaction: simulated blocks, estimates in parts, the price of bytes on L1, debug imports.

use alloy_consensus::{SignableTransaction, TxEnvelope, TxLegacy, transaction::SignerRecoverable};
use alloy_primitives::{Address, Bytes, Signature, U256, address, b256, hex};
use alloy_sol_types::SolCall;
use chain::{Account, MULTICALL3, PERMIT2, abi::NodeInterface, compress, init_code, node::NodeSettings};
use serde_json::{Value, json};

use super::{Node, START, alice, bob, create, node, number, refusal, result, send, signed, word};
use crate::support::{Code, op, wat_to_wasm};

const NODE_INTERFACE: Address = address!("00000000000000000000000000000000000000c8");
const POSTER: Address = address!("A4B00000000000000000000000000000000000F6");
const STRANGER: Address = address!("00000000000000000000000000000000000057a6");

// ---------------------------------------------------------------- eth_simulateV1

fn simulate(node: &Node, payload: Value) -> Vec<Value> {
    result(node, "eth_simulateV1", json!([payload, "latest"])).as_array().expect("blocks").clone()
}

#[test]
fn simulated_blocks_stand_on_each_other_and_on_nothing_that_stays() {
    let node = node();
    let counter = create(&node, &Code::new().push(0).op(op::SLOAD).push(1).op(op::ADD).push(0).op(op::SSTORE).bytes());
    let head = result(&node, "eth_getBlockByNumber", json!(["latest", false]));
    let call = json!({ "from": alice().address(), "to": counter });
    let blocks = simulate(
        &node,
        json!({ "blockStateCalls": [
            { "calls": [call, call], "stateOverrides": { counter.to_string(): { "stateDiff": { word(0).to_string(): word(40) } } } },
            { "calls": [call, { "to": STRANGER, "data": "0x" }], "blockOverrides": { "time": format!("{:#x}", START + 500) },
              "stateOverrides": { STRANGER.to_string(): { "code": Code::new().op(op::TIMESTAMP).return_word().bytes() } } },
        ] }),
    );
    assert_eq!((number(&blocks[0]["number"]), &blocks[0]["parentHash"]), (number(&head["number"]) + 1, &head["hash"]));
    assert_eq!(blocks[1]["parentHash"], blocks[0]["hash"]);
    assert_eq!((number(&blocks[0]["timestamp"]), number(&blocks[1]["timestamp"])), (START + 1, START + 500));
    assert_eq!(blocks[1]["calls"][1]["returnData"], json!(word(START + 500)));
    assert_eq!(blocks[0]["transactions"].as_array().map(Vec::len), Some(2));
    let used: u64 = blocks[0]["calls"].as_array().unwrap().iter().map(|call| number(&call["gasUsed"])).sum();
    assert_eq!(number(&blocks[0]["gasUsed"]), used);

    let read = Code::new().push(0).op(op::SLOAD).return_word().bytes();
    let seen = simulate(
        &node,
        json!({ "blockStateCalls": [
            { "calls": [call, call] },
            { "calls": [{ "to": counter }], "stateOverrides": { counter.to_string(): { "code": read } } },
        ] }),
    );
    assert_eq!(seen[1]["calls"][0]["returnData"], json!(word(2)), "what the first block left");
    assert_eq!(result(&node, "eth_getStorageAt", json!([counter, "0x0"])), json!(word(0)), "nothing stays");
    assert_eq!(result(&node, "eth_blockNumber", json!([])), head["number"]);
}

#[test]
fn simulated_calls_fail_alone_and_transactions_count_when_they_are_checked() {
    let node = node();
    let reverting = create(&node, &Code::new().push(7).push(0).op(op::MSTORE).push(32).push(0).op(op::REVERT).bytes());
    let blocks = simulate(
        &node,
        json!({ "blockStateCalls": [{ "calls": [
        { "from": STRANGER, "to": reverting }, { "from": alice().address(), "to": bob(), "value": "0x1" },
    ] }] }),
    );
    let calls = &blocks[0]["calls"];
    assert_eq!((&calls[0]["status"], &calls[1]["status"]), (&json!("0x0"), &json!("0x1")));
    assert_eq!((&calls[0]["error"]["code"], &calls[0]["error"]["data"]), (&json!(3), &json!(word(7))));

    let with = |call: Value| json!([{ "validation": true, "blockStateCalls": [{ "calls": [call] }] }, "latest"]);
    let poor = with(json!({ "from": STRANGER, "to": bob(), "maxFeePerGas": "0x5f5e100" }));
    assert!(refusal(&node, "eth_simulateV1", poor).1.contains("insufficient funds"));
    let old = with(json!({ "from": alice().address(), "to": bob(), "nonce": "0x0", "maxFeePerGas": "0x5f5e100" }));
    assert!(refusal(&node, "eth_simulateV1", old).1.contains("nonce too low"));
    let past = json!([{ "blockStateCalls": [{ "blockOverrides": { "time": "0x1" }, "calls": [] }] }, "latest"]);
    assert_eq!(refusal(&node, "eth_simulateV1", past).0, -32602);
    let unknown = json!([{ "blockStateCalls": [], "colour": "red" }, "latest"]);
    assert_eq!(refusal(&node, "eth_simulateV1", unknown).0, -32602);
}

#[test]
fn simulated_transfers_of_ether_are_logged_where_they_happen() {
    let node = node();
    let logs = |topic: u64| Code::new().push(topic).push(0).push(0).op(0xa1);
    let inner = create(&node, &logs(2).bytes());
    let outer = [logs(1).forward(op::CALL, inner, 3).op(op::POP).bytes(), logs(4).bytes()].concat();
    let outer = create(&node, &outer);
    let call = json!({ "from": alice().address(), "to": outer, "value": "0x5" });
    let blocks = simulate(&node, json!({ "traceTransfers": true, "blockStateCalls": [{ "calls": [call] }] }));
    let logs = blocks[0]["calls"][0]["logs"].as_array().expect("logs");
    let shown: Vec<_> =
        logs.iter().map(|log| (log["topics"].as_array().map_or(0, Vec::len), log["data"].clone())).collect();
    let ether = |wei: u64| (3, json!(word(wei)));
    let own = || (1, json!("0x"));
    assert_eq!(shown, [ether(5), own(), ether(3), own(), own()]);
    assert_eq!(logs[2]["topics"][2], json!(inner.into_word()));
    assert_eq!(logs[4]["topics"][0], json!(word(4)));
}

// ---------------------------------------------------------------- L1

fn components(node: &Node, to: Address, data: &Bytes) -> NodeInterface::gasEstimateComponentsReturn {
    let call = NodeInterface::gasEstimateComponentsCall { to, contractCreation: false, data: data.clone() };
    let request = json!({ "from": alice().address(), "to": NODE_INTERFACE, "data": Bytes::from(call.abi_encode()) });
    let answer: Bytes = serde_json::from_value(result(node, "eth_call", json!([request]))).expect("bytes");
    NodeInterface::gasEstimateComponentsCall::abi_decode_returns(&answer).expect("the components")
}

#[test]
fn an_estimate_in_parts_is_the_estimate() {
    let node = node();
    let contract = create(&node, &Code::new().sstore(1, 1).bytes());
    let parts = components(&node, contract, &Bytes::from_static(&[1, 2, 3]));
    let call = json!({ "from": alice().address(), "to": contract, "data": "0x010203" });
    assert_eq!(parts.gasEstimate, number(&result(&node, "eth_estimateGas", json!([call]))));
    assert_eq!((parts.gasEstimateForL1, parts.baseFee), (0, U256::from(100_000_000)));
    assert_eq!(refusal(&node, "eth_call", json!([{ "to": NODE_INTERFACE, "data": "0x12345678" }])).0, -32602);
    assert_eq!(result(&node, "eth_getCode", json!([NODE_INTERFACE])), "0x", "nothing is there");
}

#[test]
fn bytes_cost_gas_where_l1_has_a_price() {
    let node = Node::new(NodeSettings { l1_price: U256::from(5_000_000_000u64), ..super::settings() });
    let noise: Vec<u8> = (0..40u8).flat_map(|index| alloy_primitives::keccak256([index]).0).collect();
    let quiet = vec![0; noise.len()];
    let gas = |data: Vec<u8>, nonce: u64| {
        let poster = |node: &Node| {
            serde_json::from_value::<U256>(result(node, "eth_getBalance", json!([POSTER]))).expect("a balance")
        };
        let before = poster(&node);
        let hash = result(&node, "eth_sendRawTransaction", json!([signed(&alice(), nonce, Some(bob()), data)]));
        let receipt = result(&node, "eth_getTransactionReceipt", json!([hash]));
        let (used, l1) = (number(&receipt["gasUsed"]), number(&receipt["gasUsedForL1"]));
        assert_eq!(poster(&node) - before, U256::from(l1) * U256::from(100_000_000));
        (used - l1, l1)
    };
    let ((_, dear), (_, cheap)) = (gas(noise.clone(), 0), gas(quiet, 1));
    // 16 units a byte, 50 gas a unit: what does not compress pays for each of its bytes.
    assert!(dear >= noise.len() as u64 * 16 * 50 && dear < (noise.len() as u64 + 400) * 16 * 50, "{dear}");
    assert!(cheap < 300 * 16 * 50, "{cheap}");

    let parts = components(&node, bob(), &noise.clone().into());
    assert!(parts.gasEstimateForL1 > dear && parts.gasEstimateForL1 < dear * 5 / 4, "with a margin");
    let estimate = json!({ "from": alice().address(), "to": bob(), "data": Bytes::from(noise.clone()) });
    let estimate = number(&result(&node, "eth_estimateGas", json!([estimate])));
    assert_eq!(estimate, parts.gasEstimate);
    assert!(estimate > parts.gasEstimateForL1 + 21_000 + 16 * noise.len() as u64 / 2);
}

// ---------------------------------------------------------------- genesis

#[test]
fn multicall3_and_permit2_are_those_of_every_chain() {
    let node = node();
    let code = |address: Address| -> Bytes {
        serde_json::from_value(result(&node, "eth_getCode", json!([address]))).expect("bytes")
    };
    assert_eq!((code(MULTICALL3).len(), code(PERMIT2).len()), (3_808, 9_152));
    // On every chain the same signed transaction creates Multicall3. From other bytes it would come from somebody else, to another address.
    let signer = creation_of_multicall3(&code(MULTICALL3)).recover_signer().expect("a signature");
    assert_eq!(signer, address!("05f32B3cC3888453ff71B01135B34FF8e41263F2"));
    assert_eq!(signer.create(0), MULTICALL3);
    // Permit2's address commits to the whole of its init code: no other bytes could have been created there.
    let init = hex::decode(include_str!("../../../data/permit2_init.hex").trim()).expect("hexadecimal");
    let salt: alloy_primitives::B256 =
        "0000000000000000000000000000000000000000d3af2663da51c10215000000".parse().expect("a word");
    assert_eq!(chain::CREATE2_FACTORY.create2_from_code(salt, init), PERMIT2);
    assert_eq!(result(&node, "eth_getTransactionCount", json!([Address::ZERO, "latest"])), "0x0");
    let block_number = result(&node, "eth_call", json!([{ "to": MULTICALL3, "data": "0x3408e470" }]));
    assert_eq!(block_number, json!(word(412_346)), "getChainId()");
}

/// Init code that returns the rest of itself, 3,808 bytes, in a transaction for any chain.
fn creation_of_multicall3(code: &[u8]) -> TxEnvelope {
    let returning = hex!("608060405234801561001057600080fd5b50610ee0806100206000396000f3fe");
    let (r, s) = (
        b256!("edce47092c0f398cebf3ffc267f05c8e7076e3b89445e0fe50f6332273d4569b"),
        b256!("1b0b9d000e19b24c5869b0fc3b22b0d6fa47cd63316875cbbd577d76e6fde086"),
    );
    let transaction = TxLegacy {
        gas_price: 100_000_000_000,
        gas_limit: 1_000_000,
        input: [returning.as_slice(), code].concat().into(),
        ..TxLegacy::default()
    };
    TxEnvelope::from(transaction.into_signed(Signature::new(r.into(), s.into(), true)))
}

// ---------------------------------------------------------------- debug imports

#[test]
fn console_needs_the_switch_for_debug_imports() {
    let wasm = wat_to_wasm(
        r#"(module (import "console" "log_txt" (func $log (param i32 i32))) (memory (export "memory") 1 1)
            (data (i32.const 0) "hello") (func (export "user_entrypoint") (param i32) (result i32)
            (call $log (i32.const 0) (i32.const 5)) i32.const 0))"#,
    );
    for (debug_imports, works) in [(false, false), (true, true)] {
        let node = Node::new(NodeSettings { debug_imports, ..super::settings() });
        let receipt = send(&node, None, init_code(&compress(&wasm)));
        let program: Address = serde_json::from_value(receipt["contractAddress"].clone()).expect("an address");
        let activate = chain::abi::ArbWasm::activateProgramCall { program }.abi_encode();
        let call = json!([{ "from": Account::owner().address(), "to": chain::addresses::ARB_WASM,
            "data": Bytes::from(activate), "value": "0xde0b6b3a7640000", "gas": "0x1e84800" }]);
        let hash = result(&node, "eth_sendTransaction", call);
        let receipt = result(&node, "eth_getTransactionReceipt", json!([hash]));
        assert_eq!(receipt["status"] == "0x1", works);
        if works {
            let call = json!([{ "to": program }, "latest", { "tracer": "stylusTracer" }]);
            let trace = result(&node, "debug_traceCall", call);
            let said = trace.as_array().unwrap().iter().find(|record| record["name"] == "log_txt").expect("it logs");
            assert_eq!(said["args"], json!(Bytes::from_static(b"hello")));
        }
    }
}
