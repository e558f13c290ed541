//! WebSocket: the same requests, and subscriptions.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::U64;
use alloy_rpc_types_eth::Filter;
use futures_util::{SinkExt, StreamExt};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    sync::{broadcast::error::RecvError, watch},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

use super::{
    Event, Node,
    dispatch::{self, Callee},
    error::RpcError,
    filters, json,
    params::Params,
    server::{Shared, plain},
};

/// Subscriptions of one connection.
const SUBSCRIPTION_LIMIT: usize = 1_000;

pub(super) fn is_upgrade(request: &Request<Incoming>) -> bool {
    let names = |name: HeaderName, wanted: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(',').any(|part| part.trim().eq_ignore_ascii_case(wanted))
    };
    names(header::CONNECTION, "upgrade") && names(header::UPGRADE, "websocket")
}

/// Agrees to a WebSocket and serves it on a task of its own.
pub(super) fn upgrade(
    mut request: Request<Incoming>,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
) -> Response<http_body_util::Full<bytes::Bytes>> {
    let accept = request.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let Some(accept) = accept.and_then(|accept| HeaderValue::from_str(&accept).ok()) else {
        return plain(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is missing");
    };
    let Ok(slot) = shared.sockets.clone().try_acquire_owned() else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "too many WebSockets are open");
    };
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrading.await {
            serve(upgraded, shared, stopped).await;
        }
        drop(slot);
    });
    let mut reply = plain(StatusCode::SWITCHING_PROTOCOLS, "");
    let headers = reply.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    reply
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

async fn serve(upgraded: Upgraded, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(shared.limits.body))
        .max_frame_size(Some(shared.limits.body))
        .max_write_buffer_size(64 << 20);
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let mut events = shared.node.events.subscribe();
    let mut session = Session { node: shared.node.clone(), subscriptions: BTreeMap::new(), issued: 0 };
    loop {
        let sent = tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let (back, answer) = shared.run(move || session.handle(text.as_bytes())).await;
                    session = back;
                    send_all(&mut socket, &shared, answer).await
                }
                Some(Ok(Message::Binary(bytes))) => {
                    let (back, answer) = shared.run(move || session.handle(&bytes)).await;
                    session = back;
                    send_all(&mut socket, &shared, answer).await
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => true,
            },
            event = events.recv() => match event {
                Ok(event) => send_all(&mut socket, &shared, session.notices(&event)).await,
                // Who cannot keep up is cut off rather than told half.
                Err(RecvError::Lagged(_) | RecvError::Closed) => false,
            },
            _ = stopped.changed() => false,
        };
        if !sent {
            break;
        }
    }
    let _ = timeout(shared.limits.patience.min(std::time::Duration::from_secs(1)), socket.close(None)).await;
}

/// Whether the client took everything in time.
async fn send_all(socket: &mut Socket, shared: &Shared, messages: impl IntoIterator<Item = Vec<u8>>) -> bool {
    for message in messages {
        let text = String::from_utf8(message).unwrap_or_default();
        if !matches!(timeout(shared.limits.patience, socket.send(Message::text(text))).await, Ok(Ok(()))) {
            return false;
        }
    }
    true
}

enum Subscription {
    Heads,
    Logs(Box<Filter>),
    Transactions,
}

/// One connection's subscriptions.
struct Session {
    node: Arc<Node>,
    subscriptions: BTreeMap<u64, Subscription>,
    issued: u64,
}

impl Session {
    fn handle(mut self, body: &[u8]) -> (Self, Option<Vec<u8>>) {
        let answer = dispatch::handle_by(&mut self, body);
        (self, answer)
    }

    fn subscribe(&mut self, params: &Params) -> Result<Value, RpcError> {
        if self.subscriptions.len() >= SUBSCRIPTION_LIMIT {
            return Err(RpcError::limit("too many subscriptions on this connection"));
        }
        let subscription = match params.get::<String>(0)?.as_str() {
            "newHeads" => Subscription::Heads,
            "logs" => Subscription::Logs(Box::new(params.optional(1)?.unwrap_or_default())),
            "newPendingTransactions" if params.optional(1)? != Some(true) => Subscription::Transactions,
            "newPendingTransactions" => {
                return Err(RpcError::params("hashes can be subscribed to, not whole transactions"));
            }
            _ => return Err(RpcError::params("newHeads, logs and newPendingTransactions can be subscribed to")),
        };
        self.issued += 1;
        self.subscriptions.insert(self.issued, subscription);
        Ok(json!(U64::from(self.issued)))
    }

    fn notices(&self, event: &Event) -> Vec<Vec<u8>> {
        let told = self.subscriptions.iter().flat_map(|(id, subscription)| {
            let results = match (subscription, event) {
                (Subscription::Heads, Event::Mined(mined)) => vec![json::head(mined)],
                (Subscription::Logs(filter), Event::Mined(mined)) => filters::of_block(mined, filter),
                (Subscription::Transactions, Event::Submitted(hash)) => vec![json!(hash)],
                _ => Vec::new(),
            };
            results.into_iter().map(move |result| notice(*id, &result))
        });
        told.collect()
    }
}

fn notice(id: u64, result: &Value) -> Vec<u8> {
    let params = json!({ "subscription": U64::from(id), "result": result });
    dispatch::bytes(&json!({ "jsonrpc": "2.0", "method": "eth_subscription", "params": params }))
}

impl Callee for Session {
    fn call(&mut self, method: &str, params: Params) -> Result<Value, RpcError> {
        match method {
            "eth_subscribe" => self.subscribe(&params),
            "eth_unsubscribe" => Ok(json!(self.subscriptions.remove(&params.number(0)?).is_some())),
            _ => (&*self.node).call(method, params),
        }
    }
}
