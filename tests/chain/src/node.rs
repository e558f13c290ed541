//! The chain as a node: JSON-RPC over HTTP and WebSocket, for the tools of the field.
//!
//! From the outside in: `server` accepts connections, bounds them and hands requests on; `websocket` adds subscriptions; `dispatch`
//! turns bytes into calls of `methods` and their answers into bytes, and knows no network; [`Node`] holds the `ledger` behind a lock.
//! Readers copy what they need, which costs a few pointers, and work outside the lock; writers work on a copy that replaces the
//! original only if they come through.

mod clock;
mod dispatch;
mod dump;
mod error;
mod estimate;
mod filters;
mod json;
mod ledger;
mod methods;
mod node_interface;
mod params;
mod pool;
mod scene;
mod served;
mod server;
mod simulate;
mod trace;
mod websocket;

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alloy_primitives::{Address, B256, U256};
use tokio::sync::{broadcast, watch};

use crate::{
    account::Account,
    builder::ChainBuilder,
    genesis::FUNDS,
    origin::{self, Origin},
};
use clock::Clock;
use error::RpcError;
use filters::Filters;
use ledger::{Ledger, Mined, World};
use pool::Submitted;

pub use crate::origin::Source;
pub use served::Served;
pub use server::{Limits, Server};

/// Tools look at the beginning to see whether they may play with time.
pub(crate) const CLIENT_VERSION: &str = concat!("anvil-compatible tidepool-chain/", env!("CARGO_PKG_VERSION"));

/// Phrase from which the accounts of a node are derived.
pub const MNEMONIC: &str = "test test test test test test test test test test test junk";

/// Events that a subscriber may be behind.
const EVENT_LIMIT: usize = 4_096;

/// What a node is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// Chain id.
    pub chain_id: u64,
    /// ArbOS version.
    pub arbos: u64,
    /// Wei per gas.
    pub base_fee: u64,
    /// Time of genesis; the host's when absent.
    pub timestamp: Option<u64>,
    /// Whether time stands still unless a client moves it.
    pub frozen: bool,
    /// Blocks whose state is kept.
    pub history: u64,
    /// Whether each transaction is mined at once.
    pub automine: bool,
    /// Wei per unit of a transaction's bytes on L1.
    pub l1_price: U256,
    /// Accept programs that import `console` and `debug`.
    pub debug_imports: bool,
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self {
            chain_id: 412_346,
            arbos: stylus_vm::ARBOS_CURRENT,
            base_fee: 100_000_000,
            timestamp: None,
            frozen: false,
            history: 1_024,
            automine: true,
            l1_price: U256::ZERO,
            debug_imports: false,
        }
    }
}

/// Something that subscribers hear of.
#[derive(Clone, Debug)]
enum Event {
    Mined(Arc<Mined>),
    Submitted(B256),
}

/// A chain that answers JSON-RPC.
#[derive(Debug)]
pub struct Node {
    settings: NodeSettings,
    ledger: Mutex<Ledger>,
    filters: Mutex<Filters>,
    /// The world that a reset returns to.
    origin: World,
    keys: HashMap<Address, Account>,
    accounts: Vec<Address>,
    events: broadcast::Sender<Event>,
    interval: watch::Sender<Duration>,
}

impl Node {
    /// A node with a new chain.
    pub fn new(settings: NodeSettings) -> Self {
        let origin = genesis(&settings);
        Self::with(settings, origin)
    }

    /// A node that goes on from a file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is of another chain or version.
    pub fn load(settings: NodeSettings, path: &Path) -> io::Result<Self> {
        let origin = dump::load(&settings, path)?;
        Ok(Self::with(settings, origin))
    }

    /// A node that goes on from block `number` of the node at `url`, or from its newest. State is read there when it is first needed,
    /// and kept; chain id and base fee are that chain's. The node's own accounts get 10,000 ether each.
    ///
    /// # Errors
    ///
    /// If the other node does not answer, has no such block, or is not of an Arbitrum chain.
    pub fn fork(settings: NodeSettings, url: &str, number: Option<u64>) -> io::Result<Self> {
        Self::fork_of(settings, &origin::shown(url), origin::node_at(url)?, number)
    }

    /// The same, whoever answers for the other chain. `name` is how that is called in errors.
    ///
    /// # Errors
    ///
    /// As [`fork`](Self::fork).
    pub fn fork_of(
        mut settings: NodeSettings,
        name: &str,
        source: Box<dyn Source>,
        number: Option<u64>,
    ) -> io::Result<Self> {
        let beginning = Origin::at(name, source, number)?;
        settings.chain_id = beginning.chain_id;
        let timestamp = beginning.block.timestamp;
        let mut chain = builder(&settings, timestamp).forked(beginning);
        origin::failure();
        let arbos = chain.arbos_version();
        for account in (0..10).map(Account::mnemonic).chain([Account::owner()]) {
            chain.set_balance(account.address(), FUNDS);
        }
        if let Some(text) = origin::failure() {
            return Err(io::Error::other(text));
        }
        if arbos < stylus_vm::ARBOS_VERSIONS[0] {
            return Err(io::Error::other("no ArbOS with Stylus is at work on the chain to fork"));
        }
        let clock = Clock::new(settings.frozen.then_some(timestamp));
        let mut world = World::new(chain, clock, settings.history);
        world.automine = settings.automine;
        Ok(Self::with(settings, world))
    }

    /// Writes the chain to a file: all of it or, if that fails, nothing.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        dump::save(&self.world(), path)
    }

    /// Writes what is known of a fork, read or changed, to a file, as a chain of its own: block 0 has the time of the fork's newest. What was
    /// never read is not there, and nothing tells that from zero.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or if the chain's ArbOS has no rules here.
    pub fn save_copy(&self, path: &Path) -> io::Result<()> {
        dump::save_copy(&self.world(), &self.settings, path)
    }

    fn with(settings: NodeSettings, origin: World) -> Self {
        let keys: Vec<_> = (0..10).map(Account::mnemonic).chain([Account::owner()]).collect();
        Self {
            settings,
            ledger: Mutex::new(Ledger::new(origin.clone())),
            filters: Mutex::default(),
            origin,
            accounts: keys.iter().map(Account::address).collect(),
            keys: keys.into_iter().map(|account| (account.address(), account)).collect(),
            events: broadcast::channel(EVENT_LIMIT).0,
            interval: watch::channel(Duration::ZERO).0,
        }
    }

    /// Chain id.
    pub fn chain_id(&self) -> u64 {
        self.settings.chain_id
    }

    /// The accounts whose keys the node has: ten of the mnemonic, then the development account that owns the chain.
    pub fn accounts(&self) -> &[Address] {
        &self.accounts
    }

    /// Names of all methods that [`handle`](Self::handle) knows.
    pub fn methods() -> Vec<&'static str> {
        methods::names()
    }

    /// Answers a JSON-RPC request or batch; `None` where there is nothing to answer.
    pub fn handle(&self, body: &[u8]) -> Option<Vec<u8>> {
        dispatch::handle(self, body)
    }

    fn key(&self, address: Address) -> Option<&Account> {
        self.keys.get(&address)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Writers replace the world at their end, so that a panic leaves it whole.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn filters(&self) -> MutexGuard<'_, Filters> {
        self.filters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The world as it is now.
    fn world(&self) -> World {
        self.ledger().world.clone()
    }

    /// Changes the world, all or nothing, and tells subscribers of the blocks that came.
    fn change<R>(
        &self,
        change: impl FnOnce(&mut World, &mut Vec<Arc<Mined>>) -> Result<R, RpcError>,
    ) -> Result<R, RpcError> {
        let mut ledger = self.ledger();
        let (mut world, mut mined) = (ledger.world.clone(), Vec::new());
        let result = change(&mut world, &mut mined)?;
        if origin::has_failed() {
            return Err(RpcError::internal("a fork's origin could not be read"));
        }
        ledger.world = world;
        for block in mined {
            // Nobody listens: fine.
            let _ = self.events.send(Event::Mined(block));
        }
        Ok(result)
    }

    fn edit<R>(&self, change: impl FnOnce(&mut World) -> Result<R, RpcError>) -> Result<R, RpcError> {
        self.change(|world, _| change(world))
    }

    fn set(&self, change: impl FnOnce(&mut World)) {
        let mut ledger = self.ledger();
        let mut world = ledger.world.clone();
        change(&mut world);
        if !origin::has_failed() {
            ledger.world = world;
        }
    }

    fn submit(&self, submitted: Arc<Submitted>) -> Result<(), RpcError> {
        let hash = submitted.hash();
        self.change(|world, mined| {
            mined.extend(world.submit(submitted)?);
            Ok(())
        })?;
        self.announce(hash);
        Ok(())
    }

    /// Tells who wants to know that a transaction came in.
    fn announce(&self, hash: B256) {
        self.filters().submitted(hash);
        let _ = self.events.send(Event::Submitted(hash));
    }

    fn snapshot(&self) -> Result<u64, RpcError> {
        self.ledger().snapshot()
    }

    fn revert(&self, id: u64) -> bool {
        let mut filters = self.filters();
        let mut ledger = self.ledger();
        let known = ledger.revert(id);
        filters.reverted(ledger.world.head().block.number);
        known
    }

    fn reset(&self) {
        let mut filters = self.filters();
        self.ledger().reset(self.origin.clone());
        filters.reverted(self.origin.head().block.number);
    }

    fn set_interval_mining(&self, interval: Duration) {
        self.interval.send_replace(interval);
    }

    fn mine(&self) {
        origin::failure();
        let _ = self.change(|world, mined| {
            mined.push(world.mine());
            Ok(())
        });
    }
}

fn genesis(settings: &NodeSettings) -> World {
    let timestamp = settings.timestamp.unwrap_or_else(clock::host_time);
    let chain = builder(settings, timestamp).build_embedded();
    let mut clock = Clock::new(settings.frozen.then_some(timestamp));
    clock.set(timestamp);
    let mut world = World::new(chain, clock, settings.history);
    world.automine = settings.automine;
    world
}

fn builder(settings: &NodeSettings, timestamp: u64) -> ChainBuilder {
    let builder = ChainBuilder::default()
        .chain_id(settings.chain_id)
        .arbos(settings.arbos)
        .base_fee(settings.base_fee)
        .l1_price(settings.l1_price)
        .timestamp(timestamp);
    if settings.debug_imports { builder.debug_imports() } else { builder }
}
