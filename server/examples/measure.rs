//! Measures the server beside a node that is made up: backfill, answers under load, memory, size of the file, from a sample to the answer that has
//! it. `scripts/bench server` runs it and keeps the table that it prints.
//!
//! The node's blocks have ten logs each, five stakes of one unit and their mints, by as many stakers as are asked for; its getters fit them.

use std::{
    env,
    fs::{self, OpenOptions},
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, Bytes, LogData, U256, keccak256};
use alloy_rpc_types_eth::Filter;
use alloy_sol_types::{SolCall, SolEvent, SolValue};
use anyhow::{Context, bail};
use axum::{Json, Router, extract::State, routing::post};
use client::{
    Rpc,
    bindings::{IBorrowerAllocations, IDebtAccounting, IEpochSchedule, IPoolEvents, IPoolViews, IToken},
};
use rewards::simulation::{self, Simulation};
use rewards_files::{samples::Format, synthetic};
use serde_json::{Value, json};
use server::{Contracts, Settings, serve::Running};
use sqlx::Connection;

const POOL: Address = Address::repeat_byte(0x11);
const TOKEN: Address = Address::repeat_byte(0x22);
const FIRST_TIME: u64 = 1_700_000_000;
const LOGS: u64 = 10;
/// Blocks whose logs the node gives at a time.
const WIDEST: u64 = 2_000;
/// Samples that come one by one while the server runs.
const COMING: usize = 60;
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
                if to - from >= WIDEST {
                    let error = json!({ "code": -32005, "message": "query returned more than 20000 results" });
                    return json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
                }
                json!(self.logs(from, to))
            }
            "eth_getCode" => json!("0x00"),
            "eth_call" => {
                let data = params[0]["input"].as_str().or_else(|| params[0]["data"].as_str()).unwrap_or_default();
                let data = alloy_primitives::hex::decode(data).unwrap_or_default();
                // By its hash, as an object or as such; anything else is the head.
                let named = params[1]["blockHash"].as_str().or_else(|| params[1].as_str());
                let hash = named.and_then(|text| text.parse::<B256>().ok());
                // The last blocks are those that are asked about.
                let found = (0..=self.blocks).rev().take(300).find(|block| Some(hash_of(*block)) == hash);
                match found {
                    Some(block) => json!(self.call(&data, block)),
                    None if hash.is_none() => json!(self.call(&data, self.blocks)),
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

fn settings(node: SocketAddr, database: &str, rewards: &Path) -> anyhow::Result<Settings> {
    Ok(Settings {
        listen: "127.0.0.1:0".parse()?,
        database: database.to_owned(),
        rpc: Rpc::of(vec![format!("http://{node}").parse()?]),
        heads: None,
        poll: Duration::from_millis(500),
        contracts: Contracts { pool: POOL, distributor: None, oracle: None, proxies: Default::default(), start: 1 },
        borrowers: Default::default(),
        pages: None,
        rewards: Some(rewards.to_owned()),
        ingest: None,
        keys: Default::default(),
        rate: None,
        behind_proxy: false,
        reindex: false,
    })
}

/// 200 connections for some seconds: requests a second, p50, p99, and how many were no success.
fn load(url: &str, seconds: &str) -> anyhow::Result<String> {
    let output = Command::new("wrk")
        .args(["-t2", "-c200", "--timeout", "30s", "--latency", "-d", seconds, url])
        .output()
        .context("wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let after = |name: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(name))?;
        line.split_whitespace().last().map(ToOwned::to_owned)
    };
    let field = |name| after(name).with_context(|| format!("wrk says nothing of {name}:\n{text}"));
    let [rate, half, most] = [field("Requests/sec:")?, field("50%")?, field("99%")?];
    let bad = after("Non-2xx").map_or_else(String::new, |count| format!(", {count} no success"));
    let broken = text.lines().find(|line| line.contains("Socket errors")).unwrap_or_default();
    Ok(format!("{rate} a second, p50 {half}, p99 {most}{bad}{broken}"))
}

/// An epoch that runs, of 38 markets and 50 providers, and the samples that are still to come.
fn running_epoch(folder: &Path) -> anyhow::Result<(PathBuf, Vec<String>)> {
    let what = simulation::Settings { seed: 7, epoch: 18, markets: 38, makers: 50, minutes: 12, orders: 40 };
    let inputs = folder.join("18");
    fs::create_dir_all(&inputs)?;
    synthetic::write(&inputs, &Simulation::new(what), Format::JsonLines, &())?;
    fs::remove_file(inputs.join("SHA256SUMS"))?;
    let mut lines = Vec::new();
    for entry in fs::read_dir(inputs.join("samples"))? {
        let path = entry?.path();
        lines.extend(fs::read_to_string(&path)?.lines().map(ToOwned::to_owned));
        fs::remove_file(path)?;
    }
    lines.sort_by_key(|line| serde_json::from_str::<Value>(line).map(|sample| sample["time_ms"].as_u64()).ok());
    let coming = lines.split_off(lines.len() - 2 * COMING);
    let feed = inputs.join("samples/feed.jsonl");
    fs::write(&feed, lines.join("\n") + "\n")?;
    Ok((feed, coming))
}

/// From a sample that is appended to the answer that has it: median and longest, milliseconds.
async fn lag(running: &Running, feed: &Path, coming: &[String]) -> anyhow::Result<String> {
    let url = format!("http://{}/v1/rewards/epochs/18", running.address);
    let seen = |url: String| async move {
        let answer = tokio::task::spawn_blocking(move || ureq::get(&url).call()?.body_mut().read_to_string()).await??;
        let answer: Value = serde_json::from_str(&answer)?;
        answer["samples"].as_u64().context("an answer without a count of samples")
    };
    let mut known = seen(url.clone()).await?;
    let mut lags = Vec::new();
    for sample in coming {
        let mut file = OpenOptions::new().append(true).open(feed)?;
        file.write_all(format!("{sample}\n").as_bytes())?;
        let start = Instant::now();
        while seen(url.clone()).await? == known {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        lags.push(start.elapsed().as_millis());
        known += 1;
        // Not in step with the server's own clock.
        tokio::time::sleep(Duration::from_millis(known * 37 % 500)).await;
    }
    lags.sort_unstable();
    Ok(format!("median {} ms, longest {} ms", lags[lags.len() / 2], lags[lags.len() - 1]))
}

/// The node alone: all logs, asked for in the widest ranges that it answers.
fn node_alone(rpc: &Rpc, blocks: u64) -> anyhow::Result<f64> {
    let (node, filter) = (rpc.connect()?, Filter::new().address(POOL));
    let (start, mut count) = (Instant::now(), 0);
    for from in (1..=blocks).step_by(WIDEST as usize) {
        count += node.logs_of_range(&filter, from, (from + WIDEST - 1).min(blocks))?.len();
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

/// Size of a database, MB.
async fn size(database: &str) -> anyhow::Result<u64> {
    let bytes = if database.starts_with("postgres") {
        let mut connection = sqlx::PgConnection::connect(database).await?;
        let query = sqlx::query_scalar::<_, i64>("SELECT pg_database_size(current_database())");
        query.fetch_one(&mut connection).await? as u64
    } else {
        ["", "-wal"].iter().filter_map(|end| fs::metadata(format!("{database}{end}")).ok()).map(|data| data.len()).sum()
    };
    Ok(bytes >> 20)
}

async fn started(settings: Settings) -> anyhow::Result<(Running, Duration)> {
    let start = Instant::now();
    let running = server::serve(settings).await?;
    let mut standing = running.standing.clone();
    let ready = standing.wait_for(|standing| standing.is_current || standing.trouble.is_some()).await?.clone();
    match ready.trouble {
        Some(trouble) => bail!("the index stands: {trouble}"),
        None => Ok((running, start.elapsed())),
    }
}

/// What was measured, and the figure, line by line.
#[derive(Debug, Default)]
struct Figures(Vec<(String, String)>);

impl Figures {
    /// Notes one, and says it, since the next one takes a while.
    fn note(&mut self, what: impl Into<String>, figure: String) {
        let what = what.into();
        eprintln!("  {what}: {figure}");
        self.0.push((what, figure));
    }
}

/// What one database has to show.
async fn measure(
    node: SocketAddr,
    database: &str,
    events: u64,
    seconds: &str,
    folder: &Path,
) -> anyhow::Result<Vec<(String, String)>> {
    let mut figures = Figures::default();
    let _ = fs::remove_dir_all(folder);
    let (feed, coming) = running_epoch(folder)?;
    let (running, took) = started(settings(node, database, folder)?).await?;
    let rate = events as f64 / took.as_secs_f64();
    figures.note("backfill", format!("{rate:.0} events a second"));
    figures.note("memory after it", format!("{} MB", memory()));
    figures.note("size of the database", format!("{} MB", size(database).await?));
    let staker = staker(7).to_string();
    for path in ["/v1/pool", "/v1/stakers/{a}", "/v1/stakers/{a}/history", "/v1/rewards/live"] {
        let url = format!("http://{}{}", running.address, path.replace("{a}", &staker));
        let seconds = seconds.to_owned();
        let load = tokio::task::spawn_blocking(move || load(&url, &seconds)).await??;
        figures.note(format!("`{path}`, 200 clients"), load);
    }
    figures.note("memory after these", format!("{} MB", memory()));
    figures.note("from a sample to the answer that has it", lag(&running, &feed, &coming[..COMING]).await?);
    running.stop().await;
    let (running, took) = started(settings(node, database, folder)?).await?;
    figures.note("start with this index", format!("{:.2} s", took.as_secs_f64()));
    running.stop().await;
    fs::remove_dir_all(folder)?;
    Ok(figures.0)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(events), Some(seconds), Some(folder)) = (arguments.next(), arguments.next(), arguments.next()) else {
        bail!("usage: measure EVENTS SECONDS FOLDER POSTGRES");
    };
    let postgres = arguments.next().context("the URL of a Postgres")?;
    let blocks = events.parse::<u64>()? / LOGS;
    let made = Made { blocks, stakers: 20_000 };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let node = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer)).with_state(made)).await });
    let rpc = Rpc::of(vec![format!("http://{node}").parse()?]);
    let alone = tokio::task::spawn_blocking(move || node_alone(&rpc, blocks)).await??;
    let (folder, count) = (PathBuf::from(folder), blocks * LOGS);
    let sqlite = folder.join("index.sqlite").display().to_string();
    let mut columns = Vec::new();
    for (name, database) in [("SQLite", sqlite), ("Postgres", postgres)] {
        eprintln!("{name}: {count} events, then four times {seconds} s of load");
        columns.push(measure(node, &database, count, &seconds, &folder.join("epochs")).await?);
    }
    println!("| {count} events | SQLite | Postgres |\n|---|---|---|");
    println!("| the node's logs alone | {alone:.0} events a second | the same |");
    for ((what, one), (_, other)) in columns[0].iter().zip(&columns[1]) {
        println!("| {what} | {one} | {other} |");
    }
    Ok(())
}
