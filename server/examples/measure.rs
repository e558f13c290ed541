//! Measures the server beside a node that is made up: backfill, answers under load, memory, size of the file. `scripts/bench server` runs it.
//!
//! The node's blocks have ten logs each, five stakes of one unit and their mints, by as many stakers as are asked for; its getters fit them.

use std::{
    env, fs,
    net::SocketAddr,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, Bytes, LogData, U256, keccak256};
use alloy_sol_types::{SolCall, SolEvent, SolValue};
use anyhow::{Context, bail};
use axum::{Json, Router, extract::State, routing::post};
use client::{
    Rpc,
    bindings::{IBorrowerAllocations, IDebtAccounting, IEpochSchedule, IPoolEvents, IPoolViews, IToken},
};
use serde_json::{Value, json};
use server::{Contracts, Settings};

const POOL: Address = Address::repeat_byte(0x11);
const TOKEN: Address = Address::repeat_byte(0x22);
const FIRST_TIME: u64 = 1_700_000_000;
const LOGS: u64 = 10;
const STAKES: u64 = LOGS / 2;

/// A chain of so many blocks.
#[derive(Clone, Copy, Debug)]
struct Made {
    blocks: u64,
    stakers: u64,
}

fn hash_of(block: u64) -> B256 {
    keccak256(block.to_be_bytes())
}

fn staker(number: u64) -> Address {
    Address::from_word(keccak256([b"staker".as_slice(), &number.to_be_bytes()].concat()))
}

fn hex(number: u64) -> String {
    format!("{number:#x}")
}

impl Made {
    fn block(self, number: u64) -> Value {
        if number > self.blocks {
            return Value::Null;
        }
        let zero = B256::ZERO;
        json!({
            "number": hex(number), "hash": hash_of(number), "timestamp": hex(FIRST_TIME + number),
            "parentHash": if number == 0 { zero } else { hash_of(number - 1) },
            "sha3Uncles": zero, "miner": Address::ZERO, "stateRoot": zero, "transactionsRoot": zero, "receiptsRoot": zero,
            "logsBloom": format!("0x{}", "00".repeat(256)), "difficulty": "0x0", "gasLimit": "0x0", "gasUsed": "0x0",
            "extraData": "0x", "mixHash": zero, "nonce": "0x0000000000000000", "uncles": [], "transactions": [], "size": "0x0",
        })
    }

    fn logs(self, from: u64, to: u64) -> Vec<Value> {
        let mut logs = Vec::new();
        for block in from.max(1)..=to.min(self.blocks) {
            for place in 0..STAKES {
                let staker = staker((block * STAKES + place) % self.stakers);
                let amount = U256::ONE;
                let staked = IPoolEvents::Staked { staker, spender: staker, amount }.encode_log_data();
                let mint = IPoolEvents::Transfer { from: Address::ZERO, to: staker, value: amount }.encode_log_data();
                logs.push(log(block, 2 * place, &staked));
                logs.push(log(block, 2 * place + 1, &mint));
            }
        }
        logs
    }

    /// What a getter says after a block.
    fn call(self, data: &[u8], block: u64) -> Option<Bytes> {
        let selector: [u8; 4] = *data.first_chunk()?;
        let total = U256::from(block * STAKES);
        let one = |value: U256| Some(value.abi_encode().into());
        Some(match selector {
            IPoolViews::getPoolCall::SELECTOR => IPoolViews::PoolState {
                started: true,
                inBlackoutWindow: false,
                epoch: U256::from(1),
                timeRemaining: U256::from(1_000_000),
                activeCurrentEpoch: total,
                activeNextEpoch: total,
                inactiveCurrentEpoch: U256::ZERO,
                inactiveNextEpoch: U256::ZERO,
                borrowed: U256::ZERO,
                borrowerDebt: U256::ZERO,
                unborrowed: total,
                debtAvailableToWithdraw: U256::ZERO,
                shortfallCount: U256::ZERO,
                rewardsPerSecond: U256::ZERO,
                globalIndex: U256::ZERO,
            }
            .abi_encode()
            .into(),
            IPoolViews::getAccountCall::SELECTOR => IPoolViews::Account {
                activeCurrentEpoch: total / U256::from(self.stakers),
                activeNextEpoch: total / U256::from(self.stakers),
                inactiveCurrentEpoch: U256::ZERO,
                inactiveNextEpoch: U256::ZERO,
                debt: U256::ZERO,
                claimableRewards: U256::ZERO,
                stakeAvailableToWithdraw: U256::ZERO,
                debtAvailableToWithdraw: U256::ZERO,
            }
            .abi_encode()
            .into(),
            IEpochSchedule::getEpochParametersCall::SELECTOR => {
                (U256::from(2_419_200), U256::from(FIRST_TIME)).abi_encode().into()
            }
            IPoolViews::DISTRIBUTION_STARTCall::SELECTOR => return one(U256::from(FIRST_TIME)),
            IPoolViews::DISTRIBUTION_ENDCall::SELECTOR => return one(U256::from(FIRST_TIME + 157_680_000)),
            IPoolViews::STAKED_TOKENCall::SELECTOR
            | IPoolViews::REWARDS_TOKENCall::SELECTOR
            | IPoolViews::REWARDS_TREASURYCall::SELECTOR => TOKEN.abi_encode().into(),
            IToken::symbolCall::SELECTOR => "TKN".abi_encode().into(),
            IToken::decimalsCall::SELECTOR => return one(U256::from(6)),
            IDebtAccounting::isSolventCall::SELECTOR => return one(U256::ONE),
            IToken::balanceOfCall::SELECTOR
            | IBorrowerAllocations::getContractBalanceAvailableToBorrowCall::SELECTOR => return one(total),
            _ => return one(U256::ZERO),
        })
    }

    fn answer(self, request: &Value) -> Value {
        let number = |value: &Value| {
            let text = value.as_str().unwrap_or_default();
            u64::from_str_radix(text.strip_prefix("0x").unwrap_or_default(), 16).unwrap_or(self.blocks)
        };
        let params = &request["params"];
        let result = match request["method"].as_str().unwrap_or_default() {
            "eth_chainId" => json!("0x1"),
            "eth_getBlockByNumber" => self.block(number(&params[0])),
            "eth_getLogs" => {
                let (from, to) = (number(&params[0]["fromBlock"]), number(&params[0]["toBlock"]));
                if to - from >= 2_000 {
                    let error = json!({ "code": -32005, "message": "query returned more than 20000 results" });
                    return json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
                }
                json!(self.logs(from, to))
            }
            "eth_getCode" => json!("0x00"),
            "eth_call" => {
                let data = params[0]["input"].as_str().or_else(|| params[0]["data"].as_str()).unwrap_or_default();
                let data = alloy_primitives::hex::decode(data).unwrap_or_default();
                let hash = params[1]["blockHash"].as_str().unwrap_or_default();
                // The last blocks are those that are asked about.
                let found = (0..=self.blocks).rev().take(300).find(|block| hash_of(*block).to_string() == hash);
                match found {
                    Some(block) => json!(self.call(&data, block)),
                    None if hash.is_empty() => json!(self.call(&data, self.blocks)),
                    None => {
                        let error = json!({ "code": -32000, "message": "missing trie node" });
                        return json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
                    }
                }
            }
            _ => Value::Null,
        };
        json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })
    }
}

fn log(block: u64, position: u64, data: &LogData) -> Value {
    json!({
        "address": POOL, "topics": data.topics(), "data": data.data, "blockNumber": hex(block), "blockHash": hash_of(block),
        "transactionHash": keccak256([block.to_be_bytes(), position.to_be_bytes()].concat()), "transactionIndex": "0x0",
        "logIndex": hex(position), "removed": false, "blockTimestamp": hex(FIRST_TIME + block),
    })
}

async fn answer(State(made): State<Made>, Json(request): Json<Value>) -> Json<Value> {
    Json(match request.as_array() {
        Some(requests) => requests.iter().map(|request| made.answer(request)).collect(),
        None => made.answer(&request),
    })
}

/// Resident memory of this process, MB, with the node that is made up in it.
fn memory() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() / 1_024
}

fn settings(node: SocketAddr, database: &str) -> anyhow::Result<Settings> {
    Ok(Settings {
        listen: "127.0.0.1:0".parse()?,
        database: database.to_owned(),
        rpc: Rpc::of(vec![format!("http://{node}").parse()?]),
        heads: None,
        poll: Duration::from_millis(500),
        contracts: Contracts { pool: POOL, distributor: None, oracle: None, proxies: Default::default(), start: 1 },
        rewards: env::var("REWARDS").ok().map(Into::into),
        ingest: None,
        keys: Default::default(),
        rate: None,
        behind_proxy: false,
        reindex: false,
    })
}

/// 200 connections for some seconds: requests a second, p50, p99, and how many were no success.
fn load(url: &str, seconds: &str) -> anyhow::Result<(String, String, String, u64)> {
    let output = Command::new("wrk").args(["-t2", "-c200", "--latency", "-d", seconds, url]).output().context("wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let after = |name: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(name))?;
        line.split_whitespace().last().map(ToOwned::to_owned)
    };
    let bad = after("Non-2xx").and_then(|count| count.parse().ok()).unwrap_or_default();
    let field = |name| after(name).with_context(|| format!("wrk says nothing of {name}:\n{text}"));
    Ok((field("Requests/sec:")?, field("50%")?, field("99%")?, bad))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(events), Some(seconds)) = (arguments.next(), arguments.next()) else {
        bail!("usage: measure EVENTS SECONDS DATABASE...");
    };
    let blocks = events.parse::<u64>()? / LOGS;
    let made = Made { blocks, stakers: 20_000 };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let node = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer)).with_state(made)).await });
    for database in arguments {
        let start = Instant::now();
        let running = server::serve(settings(node, &database)?).await?;
        let mut standing = running.standing.clone();
        standing.wait_for(|standing| standing.is_current).await?;
        let (took, filled) = (start.elapsed(), memory());
        let name = if database.starts_with("postgres") { "Postgres" } else { "SQLite" };
        let size = fs::metadata(Path::new(&database)).map(|data| data.len() / 1_048_576).ok();
        println!(
            "{name}: {} events in {:.1} s, {:.0} a second",
            blocks * LOGS,
            took.as_secs_f64(),
            (blocks * LOGS) as f64 / took.as_secs_f64()
        );
        println!("{name}: file {size:?} MB, memory {filled} MB after the backfill");
        let rewards = env::var("REWARDS").is_ok();
        let paths =
            ["/v1/pool".to_owned(), format!("/v1/stakers/{}", staker(7)), format!("/v1/stakers/{}/history", staker(7))];
        for path in paths.into_iter().chain(rewards.then(|| "/v1/rewards/live".to_owned())) {
            let url = format!("http://{}{path}", running.address);
            let seconds = seconds.clone();
            let shown = path.split("/0x").next().unwrap_or_default().to_owned();
            let (rate, half, most, bad) = tokio::task::spawn_blocking(move || load(&url, &seconds)).await??;
            println!(
                "{name}: {shown}: {rate} requests a second, p50 {half}, p99 {most}, {bad} no success, memory {} MB",
                memory()
            );
        }
        running.stop().await;
        let start = Instant::now();
        let running = server::serve(settings(node, &database)?).await?;
        let mut standing = running.standing.clone();
        standing.wait_for(|standing| standing.is_current).await?;
        println!("{name}: started again with this index in {:.2} s", start.elapsed().as_secs_f64());
        running.stop().await;
    }
    Ok(())
}
