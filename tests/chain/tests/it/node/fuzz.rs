//! Anything at all to the dispatcher: an answer, never a panic, and a node that goes on.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Node, node, result};

/// A value that could be a parameter, or nearly.
fn parameter() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(|number| json!(format!("{number:#x}"))),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["latest", "pending", "earliest", "0x", "newHeads", "callTracer", "0x0", "finalized"])
            .prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..70).prop_map(|bytes| json!(alloy_primitives::Bytes::from(bytes))),
        any::<[u8; 20]>().prop_map(|bytes| json!(alloy_primitives::Address::from(bytes))),
        any::<[u8; 32]>().prop_map(|bytes| json!(alloy_primitives::B256::from(bytes))),
        "\\PC{0,20}".prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "from",
        "to",
        "data",
        "input",
        "value",
        "gas",
        "gasPrice",
        "nonce",
        "type",
        "accessList",
        "address",
        "topics",
        "fromBlock",
        "toBlock",
        "blockHash",
        "blocks",
        "timestamp",
        "tracer",
        "balance",
        "code",
        "state",
        "stateDiff",
        "time",
        "number",
        "authorizationList",
        "maxFeePerGas",
        "chainId",
        "limit",
        "stateOverrides",
    ]);
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn requests() -> impl Strategy<Value = Vec<Value>> {
    let request = (prop::sample::select(Node::methods()), prop::collection::vec(parameter(), 0..5), any::<bool>())
        .prop_map(|(method, params, notifies)| match notifies {
            true => json!({ "jsonrpc": "2.0", "method": method, "params": params }),
            false => json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }),
        });
    prop::collection::vec(request, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn methods_answer_whatever_they_get(requests in requests()) {
        let node = node();
        let Some(answers) = node.handle(json!(requests).to_string().as_bytes()) else {
            return Ok(());
        };
        let answers: Vec<Value> = serde_json::from_slice(&answers).expect("a batch gets a batch");
        for answer in answers {
            prop_assert!(answer.get("result").is_some() != answer.get("error").is_some());
            prop_assert!(answer["error"]["code"] != -32603, "{requests:?}: {answer}");
        }
        prop_assert_eq!(result(&node, "net_version", json!([])), "412346");
    }

    #[test]
    fn bytes_are_answered_whatever_they_are(body in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(answer) = node().handle(&body) {
            prop_assert!(serde_json::from_slice::<Value>(&answer).is_ok());
        }
    }

    #[test]
    fn json_is_answered_whatever_it_is(value in parameter()) {
        let answer = node().handle(value.to_string().as_bytes()).expect("nothing here is a notification");
        let answer: Value = serde_json::from_slice(&answer).expect("answers are JSON");
        prop_assert!(answer.is_array() || answer["error"]["code"].is_i64(), "{value}: {answer}");
    }
}
