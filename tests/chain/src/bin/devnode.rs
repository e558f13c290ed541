//! Runs the embedded chain as a node.

use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use alloy_primitives::{U256, hex};
use chain::{
    ARBOS_CURRENT, ARBOS_VERSIONS, Account, FUNDS,
    node::{Limits, MNEMONIC, Node, NodeSettings, Server},
};
use clap::Parser;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

/// An Arbitrum chain for development, in memory: EVM contracts and Stylus programs behind JSON-RPC, for cast, alloy, viem, ethers,
/// hardhat and cargo stylus. HTTP and WebSocket share one port.
///
/// Each transaction is mined at once, in a block of its own. Time follows the host's clock and can be moved (evm_increaseTime,
/// evm_setNextBlockTimestamp); state can be set, snapshots taken, accounts impersonated under the evm_, hardhat_ and anvil_ names.
///
/// Anybody who reaches the port owns the chain: it listens on loopback unless --host says otherwise. The keys are known to
/// everybody: never send anything of value to these accounts.
///
/// When it is ready, the last line on standard output says "Listening on http://HOST:PORT". SIGINT and SIGTERM stop it.
#[derive(Parser)]
#[command(name = "devnode", version)]
struct Options {
    /// Address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,

    /// Port; 0 takes a free one.
    #[arg(long, short, default_value_t = 8547)]
    port: u16,

    /// Chain id, by default that of Nitro's local chains; 31337 suits tools that treat local chains differently.
    #[arg(long, default_value_t = 412_346)]
    chain_id: u64,

    /// ArbOS version: 30, 31, 32, 40, 41, 50, 51, 59, 60 or, as Arbitrum One, 61.
    #[arg(long, default_value_t = ARBOS_CURRENT, value_parser = known_arbos)]
    arbos: u64,

    /// Base fee, wei per gas; it never moves by itself.
    #[arg(long, default_value_t = 100_000_000)]
    base_fee: u64,

    /// Time of the genesis block, seconds since 1970; the clock goes on from there.
    #[arg(long)]
    timestamp: Option<u64>,

    /// Let time stand still unless a client moves it: runs are repeatable.
    #[arg(long)]
    frozen: bool,

    /// Keep transactions until evm_mine, or evm_setAutomine(true).
    #[arg(long)]
    no_mining: bool,

    /// Go on from a block of the chain of another node (http://…), whose state is read when it is needed; its chain id counts.
    #[arg(long, value_name = "URL", conflicts_with_all = ["state", "timestamp", "chain_id", "arbos", "base_fee", "l1_price"])]
    fork: Option<String>,

    /// The block to fork from; the newest by default.
    #[arg(long, value_name = "NUMBER", requires = "fork")]
    block: Option<u64>,

    /// Load the chain from this file if it exists, and save it there on exit, whole or not at all.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// Blocks whose state can be asked for; older ones keep transactions, receipts and logs.
    #[arg(long, default_value_t = 1_024, value_name = "BLOCKS")]
    history: u64,

    /// Which pages of browsers may use the node: an origin such as http://localhost:3000, or * for all.
    #[arg(long, default_value = "*", value_name = "ORIGIN")]
    allow_origin: String,

    /// Bytes of a request or batch.
    #[arg(long, default_value_t = 16 << 20, value_name = "BYTES")]
    max_body: usize,

    /// Connections at a time; more wait.
    #[arg(long, default_value_t = 512, value_name = "COUNT")]
    max_connections: usize,

    /// Seconds a client may take over a header, a body, or the reading of an answer.
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    patience: u64,

    /// Wei per unit of a transaction's bytes on L1, 16 units a byte after compression: gas used then has a part for L1.
    #[arg(long, default_value = "0", value_name = "WEI")]
    l1_price: U256,

    /// Accept programs that import console and debug, such as the SDK's console!; no chain for real does.
    #[arg(long)]
    debug_imports: bool,

    /// Print the start information as one line of JSON, instead of for people.
    #[arg(long)]
    json: bool,

    /// Print the methods, one a line, and exit.
    #[arg(long)]
    methods: bool,
}

fn known_arbos(text: &str) -> Result<u64, String> {
    let version = text.parse().map_err(|_| "not a number".to_owned())?;
    match ARBOS_VERSIONS.contains(&version) {
        true => Ok(version),
        false => Err(format!("known are {ARBOS_VERSIONS:?}")),
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.methods {
        let names = Node::methods().join("\n");
        return exit_code(writeln!(io::stdout(), "{names}"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    exit_code(runtime.and_then(|runtime| runtime.block_on(run(&options))))
}

fn exit_code(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> io::Result<()> {
    // Reading from another node blocks.
    let node = Arc::new(tokio::task::block_in_place(|| start(options))?);
    let limits = Limits {
        body: options.max_body,
        connections: options.max_connections.max(1),
        patience: Duration::from_secs(options.patience.max(1)),
        origin: options.allow_origin.clone(),
    };
    // Before the ready line: who reads it may send a signal at once.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let address = SocketAddr::new(options.host, options.port);
    let server = Server::bind(node.clone(), address, limits).await?;
    announce(options, &node, server.address()?)?;
    server
        .run(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
        .await;
    match &options.state {
        Some(path) => node.save(path),
        None => Ok(()),
    }
}

fn start(options: &Options) -> io::Result<Node> {
    let settings = NodeSettings {
        chain_id: options.chain_id,
        arbos: options.arbos,
        base_fee: options.base_fee,
        timestamp: options.timestamp,
        frozen: options.frozen,
        history: options.history,
        automine: !options.no_mining,
        l1_price: options.l1_price,
        debug_imports: options.debug_imports,
    };
    if let Some(url) = &options.fork {
        return Node::fork(settings, url, options.block);
    }
    match options.state.as_ref().filter(|path| path.exists()) {
        Some(path) => Node::load(settings, path),
        None => Ok(Node::new(settings)),
    }
}

fn announce(options: &Options, node: &Node, address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let keys: Vec<_> = (0..10).map(Account::mnemonic).chain([Account::owner()]).collect();
    if options.json {
        let accounts: Vec<_> =
            keys.iter().map(|account| json!({ "address": account.address(), "privateKey": account.key() })).collect();
        let start = json!({
            "rpc": format!("http://{address}"),
            "ws": format!("ws://{address}"),
            "chainId": node.chain_id(),
            "mnemonic": MNEMONIC,
            "accounts": accounts[..10],
            "owner": accounts[10],
        });
        writeln!(out, "{start}")?;
        return out.flush();
    }
    writeln!(out, "Accounts, {} ether each; their keys are known to everybody\n", FUNDS / ETHER)?;
    for (index, account) in keys[..10].iter().enumerate() {
        writeln!(out, "  ({index}) {}  0x{}", account.address(), hex::encode(account.key()))?;
    }
    writeln!(out, "  own {}  0x{}  (owner of the chain)", keys[10].address(), hex::encode(keys[10].key()))?;
    writeln!(out, "\nMnemonic  {MNEMONIC}\nPath      m/44'/60'/0'/0/i\nChain id  {}", node.chain_id())?;
    if !address.ip().is_loopback() {
        writeln!(out, "\nWARNING: anybody who reaches {address} owns this chain")?;
    }
    writeln!(out, "\nListening on http://{address}")?;
    out.flush()
}

/// Wei of one ether.
const ETHER: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);
