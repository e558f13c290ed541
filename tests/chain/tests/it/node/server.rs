//! HTTP and WebSocket: their bounds, and what clients must not be able to do.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    ops::Deref,
    time::Duration,
};

use chain::node::{Limits, Server};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream as AsyncStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use super::{alice, bob, create, node, result, send};
use crate::support::Code;

/// A node as clients reach it.
pub(super) struct Served(chain::node::Served);

impl Deref for Served {
    type Target = chain::node::Served;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Served {
    pub(super) fn new(limits: Limits) -> Self {
        Self(chain::node::Served::new(node(), limits).unwrap())
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends bytes as they are, and reads until the node closes.
    fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // The node may answer and close before it has read everything.
        let _ = stream.write_all(request);
        read_all(&mut stream)
    }

    fn post(&self, headers: &str, body: &str) -> String {
        let length = body.len();
        self.raw(
            format!(
                "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        )
    }

    fn lives(&self) {
        let answer = self.post("", CHAIN_ID);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#""result":"0x64aba"}"#), "{answer}");
    }

    async fn socket(&self) -> Socket {
        connect_async(format!("ws://{}", self.address)).await.unwrap().0
    }
}

type Socket = WebSocketStream<MaybeTlsStream<AsyncStream>>;

const CHAIN_ID: &str = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;

fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn strict() -> Limits {
    Limits { body: 10_000, connections: 8, patience: Duration::from_millis(300), ..Limits::default() }
}

#[test]
fn requests_are_answered_over_http() {
    let served = Served::new(Limits::default());
    served.lives();
    let answer = served.post("", r#"{"jsonrpc":"2.0","method":"evm_mine"}"#);
    assert!(answer.starts_with("HTTP/1.1 204"), "nothing to say to a notification: {answer}");
    assert!(served.raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 200"));
    assert!(served.raw(b"DELETE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 405"));
    let preflight = served.raw(b"OPTIONS / HTTP/1.1\r\nHost: x\r\nOrigin: http://page\r\nConnection: close\r\n\r\n");
    assert!(
        preflight.starts_with("HTTP/1.1 204") && preflight.contains("access-control-allow-origin: *"),
        "{preflight}"
    );
}

#[test]
fn an_address_that_is_in_use_is_named() {
    let served = Served::new(Limits::default());
    let again = served.runtime.block_on(Server::bind(served.node.clone(), served.address, Limits::default()));
    let error = again.expect_err("it is taken").to_string();
    assert!(error.starts_with(&served.address.to_string()), "{error}");
}

#[test]
fn large_bodies_are_refused_before_they_are_read() {
    let served = Served::new(strict());
    let answer = served.post("", &"x".repeat(10_001));
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("-32600"), "{answer}");
    let stated = served.raw(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
    assert!(stated.starts_with("HTTP/1.1 413"), "{stated}");
    let mut chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    (0..20).for_each(|_| chunked.extend(format!("3e8\r\n{}\r\n", "x".repeat(1_000)).into_bytes()));
    chunked.extend(b"0\r\n\r\n");
    assert!(served.raw(&chunked).starts_with("HTTP/1.1 413"), "without a length as well");
    let header = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(100_000));
    assert!(served.raw(header.as_bytes()).starts_with("HTTP/1.1 431"));
    served.lives();
}

#[test]
fn what_is_not_http_is_turned_away() {
    let served = Served::new(strict());
    for garbage in
        [&b"\x16\x03\x01\x02\x00\x01"[..], b"hello\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n"]
    {
        let answer = served.raw(garbage);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    served.lives();
}

#[test]
fn slow_clients_are_cut_off_and_hold_nobody_up() {
    let served = Served::new(strict());
    let headers: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = served.connect();
            stream.write_all(b"POST / HTTP/1.1\r\nHost:").unwrap();
            stream
        })
        .collect();
    let bodies: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = served.connect();
            stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{").unwrap();
            stream
        })
        .collect();
    // All eight connections are taken: this one waits until the first gives up.
    served.lives();
    for mut stream in headers {
        read_all(&mut stream);
    }
    for mut stream in bodies {
        let answer = read_all(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
}

#[test]
fn clients_that_do_not_read_their_answers_are_cut_off() {
    let served = Served::new(strict());
    result(&served.node, "anvil_setCode", json!([bob(), format!("0x{}", "00".repeat(1 << 20))]));
    let batch = vec![json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_getCode", "params": [bob()] }); 15];
    let body = json!(batch).to_string();
    let mut deaf = served.connect();
    deaf.write_all(format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
        .unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let told = read_all(&mut deaf).len();
    assert!(told < 15 << 21, "{told} bytes of 15 answers of 2 MiB each");
    served.lives();
}

#[test]
fn websockets_are_counted() {
    let served = Served::new(Limits { connections: 2, ..Limits::default() });
    served.runtime.block_on(async {
        let (first, _second) = (served.socket().await, served.socket().await);
        let third = connect_async(format!("ws://{}", served.address)).await;
        assert!(matches!(third, Err(tokio_tungstenite::tungstenite::Error::Http(reply)) if reply.status() == 503));
        drop(first);
        let mut again = None;
        for _ in 0..100 {
            again = connect_async(format!("ws://{}", served.address)).await.ok();
            if again.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (mut again, _) = again.expect("a place is free again");
        assert_eq!(say(&mut again, "eth_chainId", json!([])).await["result"], "0x64aba");
    });
}

#[test]
fn one_origin_can_be_chosen() {
    let served = Served::new(Limits { origin: "http://localhost:3000".into(), ..Limits::default() });
    let own = served.post("Origin: http://localhost:3000\r\n", CHAIN_ID);
    assert!(
        own.starts_with("HTTP/1.1 200") && own.contains("access-control-allow-origin: http://localhost:3000"),
        "{own}"
    );
    let other = served.post("Origin: http://evil.example\r\n", r#"{"jsonrpc":"2.0","id":1,"method":"evm_mine"}"#);
    assert!(other.starts_with("HTTP/1.1 403"), "{other}");
    let upgrade = "GET / HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    assert!(served.raw(upgrade.as_bytes()).starts_with("HTTP/1.1 403"), "WebSockets know no preflight");
    assert_eq!(result(&served.node, "eth_blockNumber", json!([])), "0x0");
    served.lives();
}

async fn say(socket: &mut Socket, method: &str, params: Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 9, "method": method, "params": params });
    socket.send(Message::text(request.to_string())).await.unwrap();
    hear(socket).await
}

async fn hear(socket: &mut Socket) -> Value {
    let message = tokio::time::timeout(Duration::from_secs(20), socket.next()).await.expect("in time");
    serde_json::from_str(message.expect("open").expect("whole").to_text().expect("text")).expect("JSON")
}

#[test]
fn websockets_tell_heads_logs_and_waiting_transactions() {
    let served = Served::new(Limits::default());
    // LOG1 with topic 7.
    let logger = create(&served.node, &Code::new().push(7).push(0).push(0).op(0xa1).bytes());
    served.runtime.block_on(async {
        let mut socket = served.socket().await;
        assert_eq!(say(&mut socket, "eth_chainId", json!([])).await["result"], "0x64aba");
        let heads = say(&mut socket, "eth_subscribe", json!(["newHeads"])).await["result"].clone();
        let logs = say(&mut socket, "eth_subscribe", json!(["logs", { "address": logger }])).await["result"].clone();
        let waiting = say(&mut socket, "eth_subscribe", json!(["newPendingTransactions"])).await["result"].clone();
        assert!(say(&mut socket, "eth_subscribe", json!(["weather"])).await["error"]["code"].is_i64());

        let receipt = send(&served.node, Some(logger), vec![]);
        let mut heard = std::collections::BTreeMap::new();
        for _ in 0..3 {
            let notice = hear(&mut socket).await;
            assert_eq!(notice["method"], "eth_subscription");
            heard.insert(notice["params"]["subscription"].to_string(), notice["params"]["result"].clone());
        }
        assert_eq!(heard[&heads.to_string()]["hash"], receipt["blockHash"]);
        assert_eq!(heard[&logs.to_string()], receipt["logs"][0]);
        assert_eq!(heard[&waiting.to_string()], receipt["transactionHash"]);

        assert_eq!(say(&mut socket, "eth_unsubscribe", json!([heads])).await["result"], true);
        assert_eq!(say(&mut socket, "eth_unsubscribe", json!([heads])).await["result"], false);
        send(&served.node, Some(bob()), vec![]);
        assert_eq!(hear(&mut socket).await["params"]["subscription"], waiting, "no head, no log");
        let answer = say(&mut socket, "nonsense", json!([])).await;
        assert_eq!(answer["error"]["code"], -32601);
    });
}

#[test]
fn subscribers_that_do_not_read_are_cut_off() {
    let served = Served::new(Limits { patience: Duration::from_millis(300), ..Limits::default() });
    served.runtime.block_on(async {
        let mut deaf = served.socket().await;
        say(&mut deaf, "eth_subscribe", json!(["newHeads"])).await;
        // Far more than the buffers of both sides take, and than may wait.
        for _ in 0..20 {
            result(&served.node, "anvil_mine", json!([2_000]));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut told = 0;
        while let Ok(Some(Ok(_))) = tokio::time::timeout(Duration::from_secs(20), deaf.next()).await {
            told += 1;
        }
        assert!(told < 40_000, "it was told {told} heads");
        let mut socket = served.socket().await;
        assert_eq!(say(&mut socket, "eth_blockNumber", json!([])).await["result"], "0x9c40");
    });
}

#[test]
fn large_messages_close_the_socket() {
    let served = Served::new(strict());
    served.runtime.block_on(async {
        let mut socket = served.socket().await;
        let _ = socket.send(Message::text("x".repeat(20_000))).await;
        assert!(!matches!(socket.next().await, Some(Ok(Message::Text(_)))));
    });
    served.lives();
}

#[test]
fn a_node_that_stops_finishes_what_is_open() {
    let mut served = Served::new(Limits::default());
    let mut idle = served.connect();
    idle.write_all(
        format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{CHAIN_ID}", CHAIN_ID.len()).as_bytes(),
    )
    .unwrap();
    let mut begun = [0; 12];
    idle.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    served.0.stop();
    assert!(read_all(&mut idle).ends_with(r#""result":"0x64aba"}"#), "the connection is closed after its answer");
    // Refused, reset or closed, as the kernel happens to have it: but no answer.
    let answer = TcpStream::connect(served.address).and_then(|mut late| {
        late.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
        io::read_to_string(late)
    });
    assert_eq!(answer.unwrap_or_default(), "", "nobody answers after the end");
    assert_eq!(alice().address(), served.node.accounts()[0]);
}
