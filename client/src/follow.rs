//! Following a chain: headers and logs block by block, and the news of new heads.

use alloy::{eips::BlockNumberOrTag, providers::Provider, rpc::client::BatchRequest, transports::http::reqwest::Url};
use alloy_primitives::{B256, Bytes};
use alloy_rpc_types_eth::{Block, Filter, Header, Log};
use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{At, Error, Node, Request, failure::failure, node};

/// Headers in one request.
const HEADERS: usize = 100;

/// Calls in one request.
const CALLS: usize = 100;

#[derive(Debug, Deserialize)]
struct Receipt {
    logs: Vec<Log>,
}

impl At<'_> {
    /// What each of many calls returns at this block, or the data with which it reverts; in few requests.
    ///
    /// # Errors
    ///
    /// If the node fails.
    pub fn calls(&self, requests: &[Request]) -> Result<Vec<Result<Bytes, Bytes>>, Error> {
        let mut answers = Vec::with_capacity(requests.len());
        for requests in requests.chunks(CALLS) {
            let batch = self.node.ask(|provider| async move {
                let mut batch = BatchRequest::new(provider.client());
                let mut waiting = Vec::with_capacity(requests.len());
                for request in requests {
                    waiting.push(batch.add_call::<_, Bytes>("eth_call", &(request.transaction(None), self.id()))?);
                }
                batch.send().await?;
                let mut answers = Vec::with_capacity(requests.len());
                for answer in waiting {
                    answers.push(match answer.await {
                        Ok(answer) => Ok(answer),
                        Err(error) => match failure(&error, "") {
                            Error::Reverted(data) => Err(data),
                            Error::Node(_) => return Err(error),
                        },
                    });
                }
                Ok(answers)
            })?;
            answers.extend(batch);
        }
        Ok(answers)
    }
}

impl Node {
    /// The chain as of a block that is known already.
    pub const fn at(&self, block: u64, hash: B256, time: u64) -> At<'_> {
        At { node: self, block, hash, time }
    }

    /// The chain that the node is of now: another one may have taken its place.
    ///
    /// # Errors
    ///
    /// If the node fails.
    pub fn chain_id_now(&self) -> Result<u64, Error> {
        self.ask(|provider| provider.get_chain_id())
    }

    /// The headers of these blocks, in few requests; nothing for one that the node does not have.
    ///
    /// # Errors
    ///
    /// If the node fails.
    pub fn headers(&self, numbers: &[u64]) -> Result<Vec<Option<Header>>, Error> {
        let mut headers = Vec::with_capacity(numbers.len());
        for numbers in numbers.chunks(HEADERS) {
            let batch = self.ask(|provider| async move {
                let mut batch = BatchRequest::new(provider.client());
                let mut waiting = Vec::with_capacity(numbers.len());
                for number in numbers {
                    let parameters = (BlockNumberOrTag::Number(*number), false);
                    waiting.push(batch.add_call::<_, Option<Block>>("eth_getBlockByNumber", &parameters)?);
                }
                batch.send().await?;
                let mut answers = Vec::with_capacity(numbers.len());
                for answer in waiting {
                    answers.push(answer.await?);
                }
                Ok(answers)
            })?;
            headers.extend(batch.into_iter().map(|block| block.map(|block| block.header)));
        }
        Ok(headers)
    }

    /// The header of the last block that cannot be taken back, if the node tells.
    pub fn finalized(&self) -> Option<Header> {
        let block = self.ask(|provider| provider.get_block_by_number(BlockNumberOrTag::Finalized));
        block.ok().flatten().map(|block| block.header)
    }

    /// The logs of a block by its receipts, whoever logged; nothing if the node does not give them.
    pub fn logs_by_receipts(&self, block: B256) -> Option<Vec<Log>> {
        let receipts =
            self.ask(|provider| provider.client().request::<_, Option<Vec<Receipt>>>("eth_getBlockReceipts", (block,)));
        let logs = receipts.ok().flatten()?.into_iter().flat_map(|receipt| receipt.logs);
        Some(logs.collect())
    }

    /// The logs of a range that a filter names, asked for once.
    ///
    /// # Errors
    ///
    /// If the node fails or refuses the range.
    pub fn logs_of_range(&self, filter: &Filter, from: u64, to: u64) -> Result<Vec<Log>, Error> {
        self.logs(&filter.clone().from_block(from).to_block(to))
    }
}

/// Tells of each new head that a node announces over WebSocket, until the connection ends. What the node says beside that there is one
/// counts for nothing: the head is read where everything else is.
///
/// # Errors
///
/// If it cannot be reached, refuses, or hangs up.
pub async fn heads(url: &Url, mut on_head: impl FnMut()) -> anyhow::Result<()> {
    node::install_tls();
    let name = url.origin().ascii_serialization();
    let connecting = tokio_tungstenite::connect_async(url.as_str());
    let (mut socket, _) = connecting.await.map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
    let subscribe = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"] });
    socket.send(Message::text(subscribe.to_string())).await.with_context(|| name.clone())?;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message.with_context(|| name.clone())? else { continue };
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        if answer.get("error").is_some() {
            bail!("{name}: it has no subscriptions");
        }
        on_head();
    }
    bail!("{name}: it hung up")
}
