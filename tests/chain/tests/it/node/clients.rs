//! Many clients at once.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
};

use alloy_primitives::{Address, U256, hex};
use chain::{Account, node::Limits};
use serde_json::{Value, json};

use super::{create, number, result, server::Served, signed, word};

const CLIENTS: u64 = 50;
const WRITES: u64 = 20;

/// One connection that is kept.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).expect("the node accepts")))
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        self.0.get_mut().write_all((head + &body).as_bytes()).expect("the node reads");
        let (mut length, mut line) = (0, String::new());
        loop {
            line.clear();
            self.0.read_line(&mut line).expect("the node answers");
            match line.trim().to_ascii_lowercase().strip_prefix("content-length:") {
                Some(stated) => length = stated.trim().parse().expect("a length"),
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("the whole answer");
        let mut answer: Value = serde_json::from_slice(&body).expect("JSON");
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }
}

/// Writes of one client, each followed by reads of everybody's work; the hashes.
fn work(address: SocketAddr, account: &Account, counter: Address) -> Vec<Value> {
    let (mut client, mut seen) = (Client::connect(address), 0);
    let mut hashes = Vec::new();
    for nonce in 0..WRITES {
        // Every second one comes before its predecessor.
        let nonce = nonce ^ 1;
        hashes.push(client.ask("eth_sendRawTransaction", json!([signed(account, nonce, Some(counter), vec![])])));
        let block = client.ask("eth_getBlockByNumber", json!(["latest", true]));
        let count = client.ask("eth_call", json!([{ "to": counter }, block["number"]]));
        let count = U256::from_str_radix(&count.as_str().expect("a word")[2..], 16).expect("a word").to::<u64>();
        assert!(count >= seen, "a later block counts no less");
        seen = count;
        let height = number(&block["number"]);
        assert_eq!(count, height - 1, "one transaction a block, since the contract's own");
        let parent = client.ask("eth_getBlockByNumber", json!([format!("{:#x}", height - 1), false]));
        assert_eq!(parent["hash"], block["parentHash"]);
    }
    hashes
}

#[test]
fn fifty_clients_lose_nothing_and_see_one_chain() {
    let served = Served::new(Limits::default());
    // Counts its transactions; tells the count to nobody, which is the caller of a call without a sender.
    let counts = hex!("3315600d575f546001015f55005b5f545f5260205ff3");
    let counter = create(&served.node, &counts);
    let accounts: Vec<_> = (0..CLIENTS).map(|index| Account::named(&format!("client {index}"))).collect();
    for account in &accounts {
        result(&served.node, "anvil_setBalance", json!([account.address(), "0xde0b6b3a7640000"]));
    }
    let hashes: Vec<Value> = thread::scope(|scope| {
        let workers: Vec<_> =
            accounts.iter().map(|account| scope.spawn(|| work(served.address, account, counter))).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a client's checks hold")).collect()
    });

    let all = CLIENTS * WRITES;
    assert_eq!(hashes.iter().map(Value::to_string).collect::<BTreeSet<_>>().len() as u64, all);
    let mut blocks = BTreeSet::new();
    for hash in &hashes {
        let receipt = result(&served.node, "eth_getTransactionReceipt", json!([hash]));
        assert_eq!(receipt["status"], "0x1");
        blocks.insert(number(&receipt["blockNumber"]));
    }
    assert_eq!(blocks, (2..all + 2).collect(), "each in a block of its own, none missing");
    assert_eq!(result(&served.node, "eth_getStorageAt", json!([counter, "0x0"])), json!(word(all)));
    for account in &accounts {
        let count = result(&served.node, "eth_getTransactionCount", json!([account.address(), "latest"]));
        assert_eq!(number(&count), WRITES);
    }
    assert_eq!(result(&served.node, "txpool_status", json!([])), json!({ "pending": "0x0", "queued": "0x0" }));
}
