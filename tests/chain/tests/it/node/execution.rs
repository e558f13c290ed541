//! Calls, estimates, transactions.

use alloy_primitives::{Address, Bytes, U256, address, hex};
use alloy_sol_types::{SolError, SolValue, sol};
use serde_json::{Value, json};

use super::{START, alice, ask, bob, create, node, number, refusal, result, send, signed, word};
use crate::support::{self, Code, op};

const PLACE: Address = address!("00000000000000000000000000000000000c0de0");

sol! {
    error Error(string);
    error TooMuch(uint256 given, uint256 most);
}

/// Reverts with that data.
fn reverting(data: &[u8]) -> Bytes {
    let mut code = Code::new();
    for (at, chunk) in data.chunks(32).enumerate() {
        let mut padded = [0; 32];
        padded[..chunk.len()].copy_from_slice(chunk);
        code = code.push(U256::from_be_bytes(padded)).push(U256::from(at * 32)).op(op::MSTORE);
    }
    code.push(U256::from(data.len())).push(U256::ZERO).op(op::REVERT).bytes()
}

#[test]
fn reverts_are_code_three_with_their_data() {
    let node = node();
    let custom = TooMuch { given: U256::from(5), most: U256::from(3) }.abi_encode();
    let named = Error("not today".into()).abi_encode();
    for (data, message) in
        [(custom, "execution reverted"), (named, "execution reverted: not today"), (vec![], "execution reverted")]
    {
        result(&node, "anvil_setCode", json!([PLACE, reverting(&data)]));
        for method in ["eth_call", "eth_estimateGas"] {
            let error = ask(&node, method, json!([{ "to": PLACE }])).expect_err("it reverts");
            assert_eq!(error, json!({ "code": 3, "message": message, "data": Bytes::from(data.clone()) }), "{method}");
        }
    }
    let receipt = send(&node, Some(PLACE), vec![]);
    assert_eq!(receipt["status"], "0x0", "a failed transaction is included all the same");
}

#[test]
fn what_is_no_revert_has_no_data() {
    let node = node();
    result(&node, "anvil_setCode", json!([PLACE, "0xfe"]));
    let error = ask(&node, "eth_call", json!([{ "to": PLACE }])).expect_err("an invalid opcode");
    assert_eq!((error["code"].as_i64(), error.get("data")), (Some(-32000), None), "{error}");
    result(&node, "anvil_setCode", json!([PLACE, chain::compress(&support::echo())]));
    let error = ask(&node, "eth_call", json!([{ "to": PLACE }])).expect_err("not activated");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("ProgramNotActivated")), "{error}");
}

#[test]
fn calls_see_overridden_state_and_blocks() {
    let node = node();
    let slot_and_balance =
        Code::new().push(1).op(op::SLOAD).push_address(PLACE).op(op::BALANCE).op(op::ADD).return_word().bytes();
    let call =
        |overrides: Value, block: Value| ask(&node, "eth_call", json!([{ "to": PLACE }, "latest", overrides, block]));
    let with = |more: Value| {
        let mut account = json!({ "code": slot_and_balance });
        account.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({ PLACE.to_string(): account })
    };
    let slots = json!({ word(1).to_string(): word(40) });
    assert_eq!(call(with(json!({ "stateDiff": slots, "balance": "0x2" })), json!({})), Ok(json!(word(42))));
    assert_eq!(call(with(json!({ "state": slots })), json!({})), Ok(json!(word(40))));
    assert!(call(with(json!({ "state": slots, "stateDiff": slots })), json!({})).is_err(), "one or the other");
    assert!(call(with(json!({ "colour": "red" })), json!({})).is_err());
    assert_eq!(result(&node, "eth_getCode", json!([PLACE])), "0x", "nothing stays");

    let time = Code::new().op(op::TIMESTAMP).return_word().bytes();
    let code = json!({ PLACE.to_string(): { "code": time } });
    assert_eq!(call(code.clone(), json!({ "time": "0x7" })), Ok(json!(word(7))));
    assert_eq!(call(code.clone(), json!({})), Ok(json!(word(START))));
    assert!(call(code, json!({ "difficulty": "0x5" })).is_err(), "what is not supported is refused");
}

#[test]
fn a_program_can_be_activated_and_called_through_overrides() {
    // As `cargo stylus check` does: the code is nowhere but in the override.
    let node = node();
    let wasm = chain::compress(&support::echo());
    let activate = [&hex!("58c780c2")[..], PLACE.into_word().as_slice()].concat();
    let call = json!({
        "from": alice().address(), "to": chain::addresses::ARB_WASM, "data": Bytes::from(activate), "value": "0xde0b6b3a7640000",
    });
    let answer = result(&node, "eth_call", json!([call, "latest", { PLACE.to_string(): { "code": wasm } }]));
    let bytes: Bytes = serde_json::from_value(answer).expect("bytes");
    let (version, fee) = <(u16, U256)>::abi_decode(&bytes).expect("version and data fee");
    assert!(version > 0 && fee > U256::ZERO);
}

#[test]
fn estimates_are_exact_under_the_rule_of_63_64ths() {
    let node = node();
    // The inner call needs most of the gas; a 64th stays behind at each level.
    let mut work = Code::new();
    for slot in 0..10 {
        work = work.sstore(slot, 1);
    }
    let mut target = create(&node, &work.bytes());
    for _ in 0..4 {
        target = create(&node, &Code::new().forward(op::CALL, target, 0).bubble().bytes());
    }
    let call = |gas: u64| json!([{ "from": alice().address(), "to": target, "gas": format!("{gas:#x}") }]);
    let estimate = number(&result(&node, "eth_estimateGas", json!([{ "from": alice().address(), "to": target }])));
    let id = result(&node, "evm_snapshot", json!([]));
    let status = |gas| {
        let hash = result(&node, "eth_sendTransaction", call(gas));
        let receipt = result(&node, "eth_getTransactionReceipt", json!([hash]));
        (receipt["status"].clone(), number(&receipt["gasUsed"]))
    };
    let (enough, used) = status(estimate);
    assert_eq!(enough, "0x1");
    assert!(estimate > used, "{estimate} must exceed {used}, since every level holds gas back");
    result(&node, "evm_revert", json!([id]));
    assert_eq!(status(estimate - 1).0, "0x0", "one gas less is too little");
}

#[test]
fn estimates_count_refunds_and_bounds() {
    let node = node();
    let clears = create(&node, &Code::new().sstore(0, 0).bytes());
    result(&node, "anvil_setStorageAt", json!([clears, "0x0", word(1)]));
    let transaction = json!({ "from": alice().address(), "to": clears });
    let estimate = number(&result(&node, "eth_estimateGas", json!([transaction])));
    let mut sent = transaction.clone();
    sent["gas"] = json!(format!("{estimate:#x}"));
    let hash = result(&node, "eth_sendTransaction", json!([sent]));
    let receipt = result(&node, "eth_getTransactionReceipt", json!([hash]));
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(number(&receipt["gasUsed"]), estimate - 4_800);
    assert_eq!(number(&result(&node, "eth_estimateGas", json!([{ "to": bob() }]))), 21_000);
    let burner = create(&node, &hex!("5b600056"));
    let (code, message) = refusal(&node, "eth_estimateGas", json!([{ "to": burner }]));
    assert_eq!((code, message.as_str()), (-32000, "gas required exceeds allowance (32000000)"));
    let poor = json!([{ "from": PLACE, "to": bob(), "value": "0x1" }]);
    assert!(refusal(&node, "eth_estimateGas", poor).1.contains("insufficient funds"));
}

#[test]
fn raw_transactions_are_checked() {
    let node = node();
    let raw = signed(&alice(), 0, Some(bob()), vec![]);
    let hash = result(&node, "eth_sendRawTransaction", json!([raw]));
    assert_eq!(result(&node, "eth_getRawTransactionByHash", json!([hash])), json!(raw));
    assert!(refusal(&node, "eth_sendRawTransaction", json!([raw])).1.contains("already known"));
    let again = signed(&alice(), 0, None, vec![0]);
    assert!(refusal(&node, "eth_sendRawTransaction", json!([again])).1.contains("nonce too low"));
    let poor = signed(&chain::Account::named("poor"), 0, Some(bob()), vec![]);
    assert!(refusal(&node, "eth_sendRawTransaction", json!([poor])).1.contains("insufficient funds"));
    for broken in ["0x", "0x02", "0xc0", "0x05c0"] {
        assert_eq!(refusal(&node, "eth_sendRawTransaction", json!([broken])).0, -32000, "{broken}");
    }
    assert_eq!(result(&node, "eth_blockNumber", json!([])), "0x1");
    let receipt = result(&node, "eth_sendRawTransactionSync", json!([signed(&alice(), 1, Some(bob()), vec![])]));
    assert_eq!(receipt["blockNumber"], "0x2");
}

#[test]
fn the_nodes_accounts_sign() {
    let node = node();
    let signature: Bytes = serde_json::from_value(result(&node, "personal_sign", json!(["0x6869", alice().address()])))
        .expect("a signature");
    let signature = alloy_primitives::Signature::from_raw(&signature).expect("65 bytes");
    let hash = alloy_primitives::eip191_hash_message(b"hi");
    assert_eq!(signature.recover_address_from_prehash(&hash).ok(), Some(alice().address()));
    let typed = json!({
        "types": { "EIP712Domain": [{ "name": "name", "type": "string" }], "Mail": [{ "name": "text", "type": "string" }] },
        "primaryType": "Mail", "domain": { "name": "post" }, "message": { "text": "hi" },
    });
    let by_object = result(&node, "eth_signTypedData_v4", json!([alice().address(), typed]));
    assert_eq!(by_object, result(&node, "eth_signTypedData_v4", json!([alice().address(), typed.to_string()])));
    assert!(refusal(&node, "eth_sign", json!([PLACE, "0x6869"])).1.contains("unknown account"));
    let signed =
        result(&node, "eth_signTransaction", json!([{ "from": alice().address(), "to": bob(), "gas": "0x5208" }]));
    let hash = result(&node, "eth_sendRawTransaction", json!([signed["raw"]]));
    assert_eq!(result(&node, "eth_getTransactionReceipt", json!([hash]))["status"], "0x1");
}

#[test]
fn access_lists_name_what_is_touched() {
    let node = node();
    let store = create(&node, &Code::new().sstore(3, 1).bytes());
    let relay = create(&node, &Code::new().forward(op::CALL, store, 0).bubble().bytes());
    let answer = result(&node, "eth_createAccessList", json!([{ "from": alice().address(), "to": relay }]));
    assert_eq!(answer["accessList"], json!([{ "address": store, "storageKeys": [word(3)] }]));
    let transaction = json!({
        "from": alice().address(), "to": relay, "accessList": answer["accessList"], "gas": "0x30d40",
    });
    let hash = result(&node, "eth_sendTransaction", json!([transaction]));
    let receipt = result(&node, "eth_getTransactionReceipt", json!([hash]));
    assert_eq!((&receipt["gasUsed"], &receipt["status"]), (&answer["gasUsed"], &json!("0x1")));
}

#[test]
fn older_states_can_be_asked_as_far_as_they_are_kept() {
    let settings = chain::node::NodeSettings { history: 3, ..super::settings() };
    let node = super::Node::new(settings);
    for balance in 1..=5u64 {
        result(&node, "anvil_setBalance", json!([PLACE, format!("{balance:#x}")]));
        result(&node, "evm_mine", json!([]));
    }
    let at = |block: &str| ask(&node, "eth_getBalance", json!([PLACE, block]));
    assert_eq!((at("0x5"), at("0x4"), at("0x3")), (Ok(json!("0x5")), Ok(json!("0x5")), Ok(json!("0x4"))));
    let error = at("0x1").expect_err("too old");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("not kept")), "{error}");
    assert!(at("0x9").is_err(), "not there yet");
    let by_hash = result(&node, "eth_getBlockByNumber", json!(["0x4", false]))["hash"].clone();
    assert_eq!(result(&node, "eth_getBalance", json!([PLACE, { "blockHash": by_hash }])), "0x5");
}
