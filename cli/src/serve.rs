//! `tidepool serve`: the index, the API and the running epoch's rewards.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use alloy_primitives::Address;
use anyhow::{Context, anyhow, bail};
use clap::Args;
use client::{Rpc, Usage};
use deploy::book::Book;
use serde_json::Value;
use server::{Contracts, Settings};

use crate::{deploy::default_folder, interrupt, output::Failure};

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    rpc: Rpc,
    /// Where it listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// File of the index, or the URL of a Postgres (postgres://…) [default: tidepool-CHAIN.sqlite]
    #[arg(long, value_name = "FILE|URL")]
    database: Option<String>,
    /// Folder of the deployment's book, which names all contracts [default: deployments/CHAIN]
    #[arg(long, value_name = "FOLDER")]
    deployment: Option<PathBuf>,
    /// Address of the pool, where there is no book
    #[arg(long, value_name = "ADDRESS")]
    pool: Option<Address>,
    /// Address of the rewards distributor, where there is no book
    #[arg(long, value_name = "ADDRESS")]
    distributor: Option<Address>,
    /// Address of the rewards oracle, where there is no book
    #[arg(long, value_name = "ADDRESS")]
    oracle: Option<Address>,
    /// The block in which the first of the contracts was created; the book knows it
    #[arg(long, value_name = "BLOCK")]
    from_block: Option<u64>,
    /// A node that announces new heads over WebSocket (ws:// or wss://); without it the node is polled
    #[arg(long, value_name = "URL")]
    heads: Option<String>,
    /// Milliseconds between two looks at the head
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(10..=600_000))]
    poll: u64,
    /// Folder of epochs: N has the inputs of epoch N, N.results what was computed of them; the last one without results runs
    #[arg(long, value_name = "FOLDER")]
    rewards: Option<PathBuf>,
    /// Where samples of the running epoch are taken: POST /v1/rewards/samples, a listener of its own
    #[arg(long, value_name = "ADDRESS", requires_all = ["rewards", "ingest_token"])]
    ingest: Option<SocketAddr>,
    /// File with the token that lets samples in
    #[arg(long, value_name = "FILE")]
    ingest_token: Option<PathBuf>,
    /// Table `key,address` (CSV): accounts of clients of the old API that cannot be changed
    #[arg(long, value_name = "FILE")]
    api_keys: Option<PathBuf>,
    /// Requests that one address may make in a second; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 50)]
    rate: u32,
    /// A proxy of your own stands in front and says who asks (X-Forwarded-For)
    #[arg(long)]
    behind_proxy: bool,
    /// Build the index again, from the first block
    #[arg(long)]
    reindex: bool,
    /// Log as JSON lines, one an event
    #[arg(long)]
    log_json: bool,
}

impl Serve {
    pub(crate) fn run(self) -> Result<(), Failure> {
        self.log();
        let node = self.rpc.connect()?;
        let (chain, contracts) = (node.chain_id, self.contracts(node.chain_id)?);
        node.expect_contract(contracts.pool, "pool")?;
        drop(node);
        let settings = self.settings(chain, contracts)?;
        interrupt::leave_to_command();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("threads")?;
        runtime.block_on(async {
            let running = server::serve(settings).await?;
            tracing::info!(address = %running.address, "listening");
            eprintln!("listening at http://{}", running.address);
            if let Some(address) = running.ingest {
                eprintln!("taking samples at http://{address}/v1/rewards/samples");
            }
            interrupt::asked_to_stop().await;
            eprintln!("stopping: open requests are answered first");
            running.stop().await;
            anyhow::Ok(())
        })?;
        Ok(())
    }

    fn log(&self) {
        use tracing_subscriber::EnvFilter;

        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
        let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        // Another one that is at work already is as good.
        let _ = if self.log_json { subscriber.json().try_init() } else { subscriber.with_ansi(false).try_init() };
    }

    fn settings(&self, chain: u64, contracts: Contracts) -> anyhow::Result<Settings> {
        let ingest = match (self.ingest, &self.ingest_token) {
            (Some(address), Some(file)) => Some((address, token(file)?)),
            _ => None,
        };
        Ok(Settings {
            listen: self.listen,
            database: self.database.clone().unwrap_or_else(|| format!("tidepool-{chain}.sqlite")),
            rpc: self.rpc.clone(),
            heads: self.heads.clone(),
            poll: Duration::from_millis(self.poll),
            contracts,
            rewards: self.rewards.clone(),
            ingest,
            keys: self.api_keys.as_deref().map(keys).transpose()?.unwrap_or_default(),
            rate: NonZeroU32::new(self.rate),
            behind_proxy: self.behind_proxy,
            reindex: self.reindex,
        })
    }

    /// The contracts: those of the book, or the ones that are named.
    fn contracts(&self, chain: u64) -> anyhow::Result<Contracts> {
        let folder = self.deployment.clone().unwrap_or_else(|| default_folder(chain));
        let book = match Book::open(&folder) {
            Err(error) if self.deployment.is_some() => return Err(error),
            book => book.ok(),
        };
        let names = book.as_ref().map(Book::addresses).transpose()?.unwrap_or_default();
        let Some(pool) = self.pool.or_else(|| names.get("Pool").copied()) else {
            bail!(Usage(format!("which pool? --pool ADDRESS, or a book of its deployment ({})", folder.display())));
        };
        let named = |name: &str| names.get(name).copied();
        let proxies =
            names.iter().filter_map(|(name, address)| Some((name.strip_prefix("Borrower-")?.to_owned(), *address)));
        let first = book.as_ref().and_then(|book| first_block(book, names.keys()));
        let Some(start) = self.from_block.or(first) else {
            bail!(Usage("from which block on? --from-block says it where there is no book".to_owned()));
        };
        Ok(Contracts {
            pool,
            distributor: self.distributor.or_else(|| named("MerkleDistributor")),
            oracle: self.oracle.or_else(|| named("RewardsOracle")),
            proxies: proxies.collect(),
            start,
        })
    }
}

/// The first block in which a contract of the book was created, by the receipts in it.
fn first_block<'a>(book: &Book, names: impl Iterator<Item = &'a String>) -> Option<u64> {
    let block = |name: &String| {
        let text = fs::read_to_string(book.path(&format!("{name}.json"))).ok()?;
        let file: Value = serde_json::from_str(&text).ok()?;
        match &file["receipt"]["blockNumber"] {
            Value::String(text) => u64::from_str_radix(text.strip_prefix("0x")?, 16).ok(),
            number => number.as_u64(),
        }
    };
    names.filter_map(block).min()
}

fn token(file: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let token = text.trim().to_owned();
    if token.len() < 16 {
        bail!("{}: a token has at least 16 characters, this one {}", file.display(), token.len());
    }
    Ok(token)
}

fn keys(file: &Path) -> anyhow::Result<BTreeMap<String, Address>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let mut keys = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let (key, address) = line.split_once(',').unwrap_or((line, ""));
        if number == 1 && key.trim() == "key" {
            continue;
        }
        let address = address.trim().parse();
        let address = address.map_err(|_| anyhow!("{}:{number}: a key, a comma and an address", file.display()))?;
        keys.insert(key.trim().to_owned(), address);
    }
    Ok(keys)
}
