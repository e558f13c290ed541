//! A chain in a file.

use std::fs;

use chain::node::{Node, NodeSettings};
use serde_json::json;

use super::{alice, bob, node, number, result, send, settings, signed, word};
use crate::support::{Code, op};

#[test]
fn a_saved_chain_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let before = node();
    let counter =
        super::create(&before, &Code::new().push(0).op(op::SLOAD).push(1).op(op::ADD).push(0).op(op::SSTORE).bytes());
    let receipt = send(&before, Some(counter), vec![]);
    result(&before, "evm_increaseTime", json!([1_000]));
    result(&before, "eth_sendRawTransaction", json!([signed(&alice(), 7, Some(bob()), vec![])]));
    before.save(&path).unwrap();

    let after = Node::load(settings(), &path).unwrap();
    let both = |method: &str, params: serde_json::Value| {
        let (old, new) = (result(&before, method, params.clone()), result(&after, method, params));
        assert_eq!(old, new, "{method}");
        new
    };
    both("eth_getBlockByNumber", json!(["latest", true]));
    both("eth_getBlockByNumber", json!(["0x0", true]));
    both("eth_getTransactionReceipt", json!([receipt["transactionHash"]]));
    both("eth_getLogs", json!([{ "fromBlock": "0x0" }]));
    both("txpool_content", json!([]));
    both("eth_getBalance", json!([alice().address()]));
    assert_eq!(both("eth_getStorageAt", json!([counter, "0x0"])), json!(word(1)));

    result(&after, "evm_mine", json!([]));
    let time = number(&result(&after, "eth_getBlockByNumber", json!(["latest", false]))["timestamp"]);
    assert_eq!(time, super::START + 1_000, "the clock goes on");
    assert_eq!(send(&after, Some(counter), vec![])["status"], "0x1");
    assert_eq!(result(&after, "eth_getStorageAt", json!([counter, "0x0"])), json!(word(2)));
    result(&after, "anvil_reset", json!([]));
    assert_eq!(result(&after, "eth_getStorageAt", json!([counter, "0x0"])), json!(word(1)), "back to what was loaded");
}

#[test]
fn what_is_no_chain_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    node().save(&path).unwrap();
    let whole = fs::read_to_string(&path).unwrap();
    let other = NodeSettings { chain_id: 1, ..settings() };
    assert!(Node::load(other, &path).unwrap_err().to_string().contains("chain id"));
    for broken in [
        "",
        "{}",
        &whole[..whole.len() / 2],
        &whole.replace("\"number\":0", "\"number\":4"),
        &whole.replace("\"version\":1", "\"version\":9"),
    ] {
        fs::write(&path, broken).unwrap();
        assert!(Node::load(settings(), &path).is_err(), "{}", &broken[..broken.len().min(80)]);
        assert_eq!(fs::read_to_string(&path).unwrap(), broken);
    }
}

#[test]
fn a_save_that_fails_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nowhere").join("state.json");
    assert!(node().save(&missing).is_err());
    let path = folder.path().join("state.json");
    fs::write(&path, "old").unwrap();
    node().save(&path).unwrap();
    assert_ne!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
}
