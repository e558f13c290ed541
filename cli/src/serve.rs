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
use deploy::{
    book::{Book, file_name},
    routes,
};
use serde_json::{Map, Value, json};
use server::{Contracts, Settings, pages};

use crate::{
    deploy::default_folder,
    interrupt,
    output::Failure,
    pool::scene::{Listed, listed},
};

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
    /// Folder of the pages, made by scripts/web build [default: `pages` beside this program, or web/dist, if one of them is there]
    #[arg(long, value_name = "FOLDER")]
    pages: Option<PathBuf>,
    /// JSON whose fields the pages get in their deployment.json: rpc (a node that anybody may ask), terms, keeper, nodes
    #[arg(long, value_name = "FILE")]
    pages_config: Option<PathBuf>,
    /// Who may show the pages in a frame, for wallets that open them so; `none` for nobody
    #[arg(long, value_name = "ORIGIN", default_value = "https://app.safe.global")]
    frame_ancestor: Vec<String>,
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
        let book = self.book(node.chain_id)?;
        let (chain, contracts) = (node.chain_id, self.contracts(node.chain_id, book.as_ref())?);
        node.expect_contract(contracts.pool, "pool")?;
        drop(node);
        let settings = self.settings(chain, contracts, book.as_ref())?;
        if let Some(pages) = &settings.pages {
            eprintln!("pages of {}", pages.folder.display());
        }
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

    fn settings(&self, chain: u64, contracts: Contracts, book: Option<&Book>) -> anyhow::Result<Settings> {
        let listed = book.map(listed).transpose()?.unwrap_or_default();
        let pages = self.pages(chain, &contracts, book, &listed)?;
        let said = |it: Listed| (it.address, server::serve::Listed { name: it.name, link: it.link, note: it.note });
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
            borrowers: listed.into_iter().map(said).collect(),
            pages,
            rewards: self.rewards.clone(),
            ingest,
            keys: self.api_keys.as_deref().map(keys).transpose()?.unwrap_or_default(),
            rate: NonZeroU32::new(self.rate),
            behind_proxy: self.behind_proxy,
            reindex: self.reindex,
        })
    }

    /// The book of the deployment, if there is one.
    fn book(&self, chain: u64) -> anyhow::Result<Option<Book>> {
        match Book::open(&self.folder(chain)) {
            Err(error) if self.deployment.is_some() => Err(error),
            book => Ok(book.ok()),
        }
    }

    fn folder(&self, chain: u64) -> PathBuf {
        self.deployment.clone().unwrap_or_else(|| default_folder(chain))
    }

    /// The pages, if they are somewhere, and what they are told.
    fn pages(
        &self,
        chain: u64,
        contracts: &Contracts,
        book: Option<&Book>,
        listed: &[Listed],
    ) -> anyhow::Result<Option<pages::Settings>> {
        let beside = || Some(std::env::current_exe().ok()?.parent()?.join("pages"));
        let usual = || beside().into_iter().chain([PathBuf::from("web/dist")]);
        let found = || usual().find(|folder| folder.join("index.html").is_file());
        let Some(folder) = self.pages.clone().or_else(found) else { return Ok(None) };
        let mut deployment = deployment(chain, contracts, book, listed)?;
        if let Some(file) = &self.pages_config {
            let name = || file.display().to_string();
            let text = fs::read_to_string(file).with_context(name)?;
            deployment.extend(serde_json::from_str::<Map<String, Value>>(&text).with_context(name)?);
        }
        let frame_ancestors = self.frame_ancestor.iter().filter(|origin| *origin != "none").cloned().collect();
        Ok(Some(pages::Settings { folder, deployment: deployment.into(), frame_ancestors }))
    }

    /// The contracts: those of the book, or the ones that are named.
    fn contracts(&self, chain: u64, book: Option<&Book>) -> anyhow::Result<Contracts> {
        let folder = self.folder(chain);
        let names = book.map(Book::addresses).transpose()?.unwrap_or_default();
        let Some(pool) = self.pool.or_else(|| names.get("Pool").copied()) else {
            bail!(Usage(format!("which pool? --pool ADDRESS, or a book of its deployment ({})", folder.display())));
        };
        let named = |name: &str| names.get(name).copied();
        let proxies =
            names.iter().filter_map(|(name, address)| Some((name.strip_prefix("Borrower-")?.to_owned(), *address)));
        let first = book.and_then(|book| first_block(book, names.keys()));
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

/// What the pages are told: names of contracts as they are in the plan of a deployment, market makers' with `-proxy` behind.
fn deployment(
    chain: u64,
    contracts: &Contracts,
    book: Option<&Book>,
    listed: &[Listed],
) -> anyhow::Result<Map<String, Value>> {
    let names = book.map(Book::addresses).transpose()?.unwrap_or_default();
    let (mut known, mut facets) = (BTreeMap::new(), BTreeMap::new());
    for (name, address) in names {
        match routes::FACETS.iter().find(|(program, _)| file_name(program) == name) {
            Some((program, _)) => drop(facets.insert((*program).to_owned(), address)),
            None if name.starts_with("Borrower-") => {} // Below, by its own name.
            None => drop(known.insert(kebab(&name), address)),
        }
    }
    known.insert("pool".to_owned(), contracts.pool);
    known.extend(contracts.distributor.map(|address| ("merkle-distributor".to_owned(), address)));
    known.extend(contracts.oracle.map(|address| ("rewards-oracle".to_owned(), address)));
    known.extend(contracts.proxies.iter().map(|(name, proxy)| (format!("{name}-proxy"), *proxy)));
    let fields = json!({
        "chainId": chain,
        "rpc": null,
        "server": true,
        "contracts": checksummed(known),
        "facets": checksummed(facets),
        "fromBlock": contracts.start,
        "borrowers": listed,
    });
    let Value::Object(fields) = fields else { bail!("an object") };
    Ok(fields)
}

fn checksummed(addresses: BTreeMap<String, Address>) -> Map<String, Value> {
    addresses.into_iter().map(|(name, address)| (name, address.to_string().into())).collect()
}

/// `MerkleDistributor` as it stands in a plan.
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// The first block in which a contract of the book was created, by the receipts in it.
pub(crate) fn first_block<'a>(book: &Book, names: impl Iterator<Item = &'a String>) -> Option<u64> {
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
