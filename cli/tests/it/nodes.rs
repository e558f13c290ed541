//! Several nodes: the next one answers where one fails, and nothing is sent while they disagree.

use std::{
    fs,
    process::{Command, Stdio},
};

use chain::{
    Account,
    node::{Limits, Node, NodeSettings},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A node on a free port, as long as this lives.
pub(crate) struct Served {
    served: chain::node::Served,
    pub(crate) url: String,
}

impl Served {
    pub(crate) fn new(settings: NodeSettings) -> Self {
        let served = chain::node::Served::new(Node::new(settings), Limits::default()).unwrap();
        Self { url: served.url(), served }
    }

    /// Asks the node, past the network.
    pub(crate) fn ask(&self, method: &str, params: Value) -> Value {
        self.served.ask(method, &params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}

/// Time of the nodes' first block.
const NOW: u64 = 1_800_000_000;

fn settings() -> NodeSettings {
    NodeSettings { timestamp: Some(NOW), frozen: true, ..NodeSettings::default() }
}

/// A command of somebody who signs, on these nodes: its code, and what it says.
fn by_a_signer(urls: &[&str], arguments: &[&str]) -> (i32, String) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("key"), Account::mnemonic(0).key().to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidepool"));
    command.current_dir(folder.path()).env("TIDEPOOL_RPC", urls.join(" ")).stdin(Stdio::null());
    command.env_remove("TIDEPOOL_PRIVATE_KEY").env_remove("TIDEPOOL_MNEMONIC");
    let output = command.args(arguments).args(["--private-key-file", "key", "--yes"]).output().unwrap();
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

const PROPOSE: [&str; 4] = ["rewards", "propose", "--distributor", "0x1111111111111111111111111111111111111111"];

#[test]
fn the_next_node_answers_where_one_fails() {
    let living = Served::new(settings());
    let (code, said) = by_a_signer(&["http://127.0.0.1:9", &living.url], &PROPOSE);
    assert_eq!(code, 1);
    assert!(said.contains("warning: http://127.0.0.1:9"), "{said}");
    assert!(said.contains("no contract there on chain 412346"), "{said}");
    let (code, said) = by_a_signer(&["http://127.0.0.1:9"], &PROPOSE);
    assert!(code == 1 && said.contains("is the node running"), "{said}");
}

#[test]
fn nodes_of_two_chains_are_refused() {
    let [one, other] = [settings(), NodeSettings { chain_id: 42_161, ..settings() }].map(Served::new);
    let (code, said) = by_a_signer(&[&one.url, &other.url], &PROPOSE);
    assert!(code == 1 && said.contains("is a node of chain 412346") && said.contains("of chain 42161"), "{said}");
}

#[test]
fn nothing_is_sent_while_nodes_disagree() {
    // One lags by more than half a minute.
    let [one, late] = [settings(), NodeSettings { timestamp: Some(NOW - 31), ..settings() }].map(Served::new);
    let (code, said) = by_a_signer(&[&one.url, &late.url], &PROPOSE);
    assert!(code == 1 && said.contains("nodes disagree") && said.contains("2027-01-15 07:59:29"), "{said}");

    // One has another first block.
    let [one, other] = [settings(), settings()].map(Served::new);
    let (code, said) = by_a_signer(&[&one.url, &other.url], &PROPOSE);
    assert!(code == 1 && said.contains("no contract there"), "they agree: {said}");
    let [from, to] = [0, 1].map(|index| Account::mnemonic(index).address());
    one.ask("eth_sendTransaction", json!([{ "from": from, "to": to, "value": "0x1" }]));
    other.ask("evm_mine", json!([]));
    let (code, said) = by_a_signer(&[&one.url, &other.url], &PROPOSE);
    assert!(code == 1 && said.contains("nodes disagree: block 1 is"), "{said}");
}
