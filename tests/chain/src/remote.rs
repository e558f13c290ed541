//! A chain behind JSON-RPC, used as if it were in this process.
//!
//! Clones of a [`Chain`] are independent, but a node has one course of events. So every clone remembers how it came
//! about, as a path of changes from the moment of connecting. Before a clone does something, the node is brought to where that clone
//! is: back to the nearest snapshot on its path, and forward by its changes again. The clock stands still between changes, hence the
//! same changes give the same chain.

pub(crate) mod convert;
pub(crate) mod wire;

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
    io,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_sol_types::SolCall;
use rpds::HashTrieSetSync;
use serde_json::{Value, json};

use crate::{
    abi::{ArbSys, ArbWasm},
    account::Account,
    arbos::{Params, Record},
    backend::{Authority, Backend},
    block::Block,
    chain::{Chain, SnapshotId},
    frames::Recording,
    genesis::FUNDS,
    precompiles::addresses::{ARB_SYS, ARB_WASM},
    receipt::{Receipt, Rejected},
    transaction::{DEFAULT_GAS_LIMIT, Signed, Transaction},
};
use wire::{Failure, Wire};

impl Chain {
    /// The chain of a node: `http://HOST:PORT`. Forks, time and impersonation need a node that lets anybody control it, as `devnode`
    /// does; what only a chain in this process can do (frames, ink, parameters, static calls) panics and says so.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub fn connect(url: &str) -> io::Result<Self> {
        let shared = shared(url)?;
        let (origin, time) = {
            let mut node = lock(&shared);
            node.begin();
            (node.origin.clone(), node.latest_time())
        };
        Ok(Self::over(Box::new(Remote {
            shared,
            at: origin,
            time,
            funded: HashTrieSetSync::new_sync(),
            kept: Vec::new(),
        })))
    }
}

/// A change of the chain, as it can be made again.
#[derive(Debug)]
enum Change {
    Transaction {
        transaction: Box<Transaction>,
        authority: Authority,
        time: u64,
    },
    Raw {
        raw: Bytes,
        time: u64,
    },
    Mine {
        time: u64,
    },
    /// A control of the node.
    Control {
        method: &'static str,
        params: Value,
    },
    /// Ether for a name, where balances cannot be set.
    Fund {
        address: Address,
    },
}

/// A place in the tree of changes.
#[derive(Debug)]
struct Point {
    id: u64,
    before: Option<(Arc<Point>, Change)>,
}

/// What all chains of this process on one node share.
#[derive(Debug)]
struct Shared {
    wire: Wire,
    chain_id: u64,
    origin: Arc<Point>,
    /// Where the node is.
    here: Arc<Point>,
    /// Snapshots that the node has, oldest first, by point.
    snapshots: Vec<(u64, Value)>,
    /// Whether anybody may control the node.
    controlled: bool,
}

static POINTS: AtomicU64 = AtomicU64::new(0);

fn point(before: Option<(Arc<Point>, Change)>) -> Arc<Point> {
    Arc::new(Point { id: POINTS.fetch_add(1, Ordering::Relaxed), before })
}

/// One connection for each node.
fn shared(url: &str) -> io::Result<Arc<Mutex<Shared>>> {
    type Connected = Mutex<HashMap<String, Arc<Mutex<Shared>>>>;
    static CONNECTED: LazyLock<Connected> = LazyLock::new(Mutex::default);
    let mut connected = CONNECTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = connected.get(url) {
        return Ok(shared.clone());
    }
    let wire = Wire::new(url);
    let chain_id = wire.ask("eth_chainId", json!([])).map_err(io::Error::other)?;
    let chain_id = serde_json::from_value::<U64>(chain_id).map_err(io::Error::other)?.to();
    let origin = point(None);
    let (here, snapshots) = (origin.clone(), Vec::new());
    let mut shared = Shared { wire, chain_id, origin, here, snapshots, controlled: true };
    shared.controlled = shared.keep();
    let shared = Arc::new(Mutex::new(shared));
    connected.insert(url.into(), shared.clone());
    Ok(shared)
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    // A panic is one test's; the next finds the node where it is.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn ask(&self, method: &str, params: Value) -> Value {
        self.wire.ask(method, params).unwrap_or_else(|failure| panic!("{method}: {failure}"))
    }

    /// Takes a snapshot of where the node is; `false` if it knows none.
    fn keep(&mut self) -> bool {
        if self.snapshots.iter().any(|(id, _)| *id == self.here.id) {
            return true;
        }
        match self.wire.ask("evm_snapshot", json!([])) {
            Ok(snapshot) => self.snapshots.push((self.here.id, snapshot)),
            Err(_) => return false,
        }
        true
    }

    /// A new chain begins: from the origin where the node can go back, or else from where it is.
    fn begin(&mut self) {
        if self.controlled {
            self.go(&self.origin.clone());
        } else {
            self.origin = self.here.clone();
        }
    }

    /// Brings the node to a point.
    fn go(&mut self, to: &Arc<Point>) {
        if self.here.id == to.id {
            return;
        }
        assert!(self.controlled, "forks need a node with evm_snapshot: {}", self.wire);
        let mut ahead = Vec::new();
        let mut at = to;
        while !self.snapshots.iter().any(|(id, _)| *id == at.id) {
            let (before, change) = at.before.as_ref().expect("the origin has a snapshot");
            ahead.push((at.clone(), change));
            at = before;
        }
        // The node may be on the way already.
        match ahead.iter().position(|(point, _)| point.id == self.here.id) {
            Some(here) => ahead.truncate(here),
            None => self.go_back(at),
        }
        for (point, change) in ahead.into_iter().rev() {
            let _ = self.make(change);
            self.here = point;
        }
    }

    fn go_back(&mut self, to: &Arc<Point>) {
        let index = self.snapshots.iter().position(|(id, _)| *id == to.id).expect("chosen because it is there");
        let (_, snapshot) = self.snapshots.swap_remove(index);
        self.snapshots.truncate(index);
        assert_eq!(
            self.ask("evm_revert", json!([snapshot])),
            true,
            "the node lost a snapshot: does somebody else use it?"
        );
        self.here = to.clone();
        self.keep();
    }

    /// Makes a change; a receipt where it was a transaction.
    fn make(&self, change: &Change) -> Result<Option<Receipt>, Rejected> {
        match change {
            Change::Transaction { transaction, authority, time } => {
                self.transact(transaction, *authority, *time).map(Some)
            }
            Change::Raw { raw, time } => self.send_raw(raw, *time).map(Some),
            Change::Mine { time } => {
                self.set_next_time(*time);
                self.ask("evm_mine", json!([]));
                Ok(None)
            }
            Change::Control { method, params } => {
                self.ask(method, params.clone());
                Ok(None)
            }
            Change::Fund { address } => self.fund(*address).map(Some),
        }
    }

    fn set_next_time(&self, time: u64) {
        if self.controlled {
            self.ask("evm_setNextBlockTimestamp", json!([U64::from(time)]));
        }
    }

    fn transact(&self, transaction: &Transaction, authority: Authority, time: u64) -> Result<Receipt, Rejected> {
        let mut transaction = transaction.clone();
        let gas = *transaction.gas.get_or_insert(DEFAULT_GAS_LIMIT);
        let nonce = transaction.nonce.unwrap_or_else(|| self.nonce(transaction.from));
        let max_fee = transaction.max_fee.unwrap_or_else(|| self.base_fee().into());
        let (nonce, max_fee) = (*transaction.nonce.insert(nonce), *transaction.max_fee.insert(max_fee));
        let before = self.call(&transaction, time);
        self.set_next_time(time);
        let hash = match authority {
            Authority::Key => {
                let account = Account::of(transaction.from)
                    .unwrap_or_else(|| panic!("no key of {} is known in this process", transaction.from));
                let raw = transaction.sign(self.chain_id, nonce, max_fee, gas, &account);
                self.wire.ask("eth_sendRawTransaction", json!([raw]))
            }
            Authority::Impersonation => {
                self.ask("hardhat_impersonateAccount", json!([transaction.from]));
                self.wire.ask("eth_sendTransaction", json!([convert::request(&transaction)]))
            }
        };
        self.included(hash, before, gas)
    }

    fn send_raw(&self, raw: &Bytes, time: u64) -> Result<Receipt, Rejected> {
        let signed = Signed::decode(raw, self.chain_id)?;
        let before = self.call(&signed.transaction, time);
        self.set_next_time(time);
        let hash = self.wire.ask("eth_sendRawTransaction", json!([raw]));
        self.included(hash, before, signed.transaction.gas.unwrap_or_default())
    }

    /// The receipt, with what only the call before the transaction told: what it returned, or why it failed.
    fn included(
        &self,
        hash: Result<Value, Failure>,
        before: Result<Receipt, Rejected>,
        limit: u64,
    ) -> Result<Receipt, Rejected> {
        let hash = hash.map_err(|failure| failure.rejection())?;
        let found = self.ask("eth_getTransactionReceipt", json!([hash]));
        let mut receipt = convert::receipt(&found).unwrap_or_else(|| panic!("no receipt of {hash}: {found}"));
        receipt.gas.limit = limit;
        if let Ok(before) = before {
            (receipt.output, receipt.halt) = (before.output, before.halt);
        }
        if receipt.success {
            receipt.halt = None;
        }
        receipt.timestamp = self.block(receipt.block_number).map_or(0, |block| block.timestamp);
        Ok(receipt)
    }

    /// Gives ether by setting a balance or, where that cannot be done, from the development account.
    fn fund(&self, address: Address) -> Result<Receipt, Rejected> {
        let balance = self.balance(address).saturating_add(FUNDS);
        if self.controlled {
            self.ask("anvil_setBalance", json!([address, balance]));
            return Ok(Receipt { success: true, ..Receipt::default() });
        }
        let ether = FUNDS / U256::from(10_000);
        let gift = Transaction {
            value: ether,
            gas: Some(1_000_000),
            ..Transaction::call(Account::owner().address(), address, [])
        };
        self.transact(&gift, Authority::Key, 0)
    }

    fn call(&self, transaction: &Transaction, time: u64) -> Result<Receipt, Rejected> {
        let mut params = json!([convert::request(transaction), "latest"]);
        if self.controlled {
            params = json!([convert::request(transaction), "latest", {}, { "time": U64::from(time) }]);
        }
        match self.wire.ask("eth_call", params) {
            Ok(output) => Ok(convert::called(transaction, true, wire::bytes(&output), None)),
            Err(Failure::Reverted(data)) => Ok(convert::called(transaction, false, data, None)),
            Err(Failure::Refused(text)) => Ok(convert::called(transaction, false, Bytes::new(), Some(text))),
            Err(failure) => panic!("eth_call: {failure}"),
        }
    }

    fn balance(&self, address: Address) -> U256 {
        wire::read(self.ask("eth_getBalance", json!([address, "latest"])))
    }

    fn nonce(&self, address: Address) -> u64 {
        wire::read::<U64>(self.ask("eth_getTransactionCount", json!([address, "latest"]))).to()
    }

    fn base_fee(&self) -> u64 {
        wire::read::<U64>(self.ask("eth_gasPrice", json!([]))).to()
    }

    fn block(&self, number: u64) -> Option<Arc<Block>> {
        convert::block(&self.ask("eth_getBlockByNumber", json!([U64::from(number), false]))).map(Arc::new)
    }

    fn head(&self) -> Arc<Block> {
        let found = self.ask("eth_getBlockByNumber", json!(["latest", false]));
        Arc::new(convert::block(&found).unwrap_or_else(|| panic!("no latest block: {found}")))
    }

    fn latest_time(&self) -> u64 {
        self.head().timestamp
    }
}

/// One chain of this process on a node.
#[derive(Debug)]
struct Remote {
    shared: Arc<Mutex<Shared>>,
    at: Arc<Point>,
    time: u64,
    funded: HashTrieSetSync<Address>,
    /// Snapshots of this chain: where it was, its clock, and whom it had funded.
    kept: Vec<(SnapshotId, Arc<Point>, u64, HashTrieSetSync<Address>)>,
}

thread_local! {
    static NEXT_SNAPSHOT: Cell<u64> = const { Cell::new(0) };
}

impl Remote {
    /// The node, where this chain is.
    fn here(&self) -> MutexGuard<'_, Shared> {
        let mut shared = lock(&self.shared);
        shared.go(&self.at);
        shared
    }

    fn change(&mut self, change: Change) -> Result<Option<Receipt>, Rejected> {
        let (receipt, next) = {
            let mut shared = self.here();
            let receipt = shared.make(&change)?;
            let next = point(Some((self.at.clone(), change)));
            shared.here = next.clone();
            (receipt, next)
        };
        self.at = next;
        Ok(receipt)
    }

    fn control(&mut self, method: &'static str, params: Value) {
        self.needs_control(method);
        let changed = self.change(Change::Control { method, params });
        changed.unwrap_or_else(|rejected| panic!("{method}: {rejected}"));
    }

    fn needs_control(&self, what: &str) {
        let shared = lock(&self.shared);
        assert!(shared.controlled, "{what} needs a node that can be controlled: {}", shared.wire);
    }

    fn only_here<R>(&self, what: &str) -> R {
        panic!("{what}: only a chain in this process knows, not {}", lock(&self.shared).wire)
    }

    fn view<C: SolCall>(&self, to: Address, call: C) -> Option<C::Return> {
        let transaction = Transaction::call(Address::ZERO, to, call.abi_encode());
        let receipt = self.here().call(&transaction, self.time).ok().filter(|receipt| receipt.success)?;
        C::abi_decode_returns(&receipt.output).ok()
    }
}

impl Backend for Remote {
    fn fork(&self) -> Box<dyn Backend> {
        let mut shared = self.here();
        if shared.controlled {
            shared.keep();
        }
        let (shared, at) = (self.shared.clone(), self.at.clone());
        Box::new(Self { shared, at, time: self.time, funded: self.funded.clone(), kept: self.kept.clone() })
    }

    fn fund(&mut self, address: Address) {
        if self.funded.contains(&address) {
            return;
        }
        self.funded.insert_mut(address);
        let funded = self.change(Change::Fund { address });
        funded.unwrap_or_else(|rejected| panic!("ether for {address}: {rejected}"));
    }

    fn transact(&mut self, transaction: &Transaction, authority: Authority) -> Result<Receipt, Rejected> {
        if authority == Authority::Impersonation {
            self.needs_control("impersonation");
        }
        let (transaction, time) = (Box::new(transaction.clone()), self.time);
        let receipt = self.change(Change::Transaction { transaction, authority, time })?;
        Ok(receipt.expect("a transaction has a receipt"))
    }

    fn send_raw(&mut self, raw: &[u8]) -> Result<Receipt, Rejected> {
        let change = Change::Raw { raw: Bytes::copy_from_slice(raw), time: self.time };
        Ok(self.change(change)?.expect("a transaction has a receipt"))
    }

    fn simulate(&self, transaction: &Transaction, is_static: bool) -> Result<Receipt, Rejected> {
        if is_static {
            self.only_here::<()>("static calls");
        }
        self.here().call(transaction, self.time)
    }

    fn mine(&mut self) -> Arc<Block> {
        self.needs_control("mining");
        let mined = self.change(Change::Mine { time: self.time });
        mined.unwrap_or_else(|rejected| panic!("evm_mine: {rejected}"));
        self.head()
    }

    fn set_automine(&mut self, _automine: bool) {
        self.only_here("blocks of several transactions")
    }

    fn head(&self) -> Arc<Block> {
        self.here().head()
    }

    fn block(&self, number: u64) -> Option<Arc<Block>> {
        self.here().block(number)
    }

    fn receipt(&self, hash: B256) -> Option<Arc<Receipt>> {
        convert::receipt(&self.here().ask("eth_getTransactionReceipt", json!([hash]))).map(Arc::new)
    }

    fn timestamp(&self) -> u64 {
        if lock(&self.shared).controlled { self.time } else { self.here().latest_time() }
    }

    fn set_time(&mut self, timestamp: u64) {
        self.needs_control("time");
        let latest = self.head().timestamp;
        assert!(timestamp >= latest, "time {timestamp} lies before the last block ({latest})");
        self.time = timestamp;
    }

    fn l1_number(&self) -> u64 {
        self.only_here("the L1 number")
    }

    fn set_l1_number(&mut self, _number: u64) {
        self.only_here("the L1 number")
    }

    fn base_fee(&self) -> u64 {
        self.here().base_fee()
    }

    fn set_base_fee(&mut self, base_fee: u64) {
        self.control("anvil_setNextBlockBaseFeePerGas", json!([U64::from(base_fee)]));
    }

    fn record(&mut self, recording: Recording) {
        if recording != Recording::None {
            self.only_here("frames and host calls")
        }
    }

    fn snapshot(&mut self) -> SnapshotId {
        self.here().keep();
        let id = SnapshotId(NEXT_SNAPSHOT.replace(NEXT_SNAPSHOT.get() + 1));
        self.kept.push((id, self.at.clone(), self.time, self.funded.clone()));
        id
    }

    fn revert(&mut self, id: SnapshotId) -> bool {
        let Some(index) = self.kept.iter().position(|(known, ..)| *known == id) else {
            return false;
        };
        let (_, at, time, funded) = self.kept.swap_remove(index);
        self.kept.truncate(index);
        (self.at, self.time, self.funded) = (at, time, funded);
        true
    }

    fn balance(&self, address: Address) -> U256 {
        self.here().balance(address)
    }

    fn nonce(&self, address: Address) -> u64 {
        self.here().nonce(address)
    }

    fn code(&self, address: Address) -> Bytes {
        wire::bytes(&self.here().ask("eth_getCode", json!([address, "latest"])))
    }

    fn storage(&self, address: Address, slot: U256) -> U256 {
        wire::read::<B256>(self.here().ask("eth_getStorageAt", json!([address, slot, "latest"]))).into()
    }

    fn storage_of(&self, address: Address) -> BTreeMap<U256, U256> {
        let block = wire::read::<Value>(self.here().ask("eth_getBlockByNumber", json!(["latest", false])));
        convert::storage(&self.here().ask("debug_storageRangeAt", json!([block["hash"], 0, address, "0x", 100_000])))
    }

    fn set_balance(&mut self, address: Address, balance: U256) {
        self.control("anvil_setBalance", json!([address, balance]));
    }

    fn set_nonce(&mut self, address: Address, nonce: u64) {
        self.control("anvil_setNonce", json!([address, U64::from(nonce)]));
    }

    fn set_code(&mut self, address: Address, code: Bytes) {
        self.control("anvil_setCode", json!([address, code]));
    }

    fn set_storage(&mut self, address: Address, slot: U256, value: U256) {
        self.control("anvil_setStorageAt", json!([address, slot, B256::from(value)]));
    }

    fn chain_id(&self) -> u64 {
        lock(&self.shared).chain_id
    }

    fn arbos_version(&self) -> u64 {
        let version = self.view(ARB_SYS, ArbSys::arbOSVersionCall {}).unwrap_or_default();
        version.saturating_sub(U256::from(55)).saturating_to()
    }

    fn params(&self) -> Params {
        self.only_here("parameters of the Stylus machine")
    }

    fn record_of(&self, _code_hash: B256) -> Record {
        self.only_here("records of activations")
    }

    fn is_active(&self, program: Address) -> bool {
        self.view(ARB_WASM, ArbWasm::programTimeLeftCall { program }).is_some()
    }
}
