//! The chain that a fork began from: its state at one block, read when it is first needed and kept.
//!
//! Reading can fail in the middle of an execution, where nothing can be returned but a word. So a failure is noted for the thread, and
//! whoever answers a request asks for it at the end ([`failure`]): what was worked out meanwhile is thrown away. Nothing that failed is
//! kept, so the next request tries again.

use std::{
    cell::RefCell,
    collections::HashMap,
    fmt, io,
    panic::AssertUnwindSafe,
    sync::{Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use revm::state::AccountInfo;
use serde_json::{Value, json};

use crate::{
    block::Block,
    remote::{convert, wire::Wire},
    state::{State, account_info},
};

/// Who answers for the chain that a fork is of.
pub trait Source: fmt::Debug + Send + Sync {
    /// The result of a method.
    ///
    /// # Errors
    ///
    /// Why there is none, in words.
    fn ask(&self, method: &str, params: Value) -> Result<Value, String>;
}

impl Source for Wire {
    fn ask(&self, method: &str, params: Value) -> Result<Value, String> {
        Self::ask(self, method, params).map_err(|failure| failure.to_string())
    }
}

/// The node at a URL.
pub(crate) fn node_at(url: &str) -> io::Result<Box<dyn Source>> {
    if !url.starts_with("http://") {
        let text = format!("{}: only http:// is spoken here; a proxy on this machine can speak https", shown(url));
        return Err(io::Error::other(text));
    }
    Ok(Box::new(Wire::new(url)))
}

thread_local! {
    static FAILURE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Why a read failed on this thread since the last time this was asked.
pub(crate) fn failure() -> Option<String> {
    FAILURE.take()
}

/// Whether a read failed; the reason stays.
pub(crate) fn has_failed() -> bool {
    FAILURE.with_borrow(Option::is_some)
}

/// A state that is somewhere else.
#[derive(Debug)]
pub(crate) struct Origin {
    /// A panic in the middle of a request leaves nothing in it half done.
    source: AssertUnwindSafe<Box<dyn Source>>,
    /// Names the block by its hash: a chain that is reorganised under a fork is an error, not another state.
    block: Value,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    accounts: HashMap<Address, AccountInfo>,
    words: HashMap<(Address, U256), U256>,
}

/// Where a fork begins.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) origin: Origin,
    pub(crate) block: Block,
    pub(crate) chain_id: u64,
}

impl Origin {
    /// The state after block `number` of another chain, or after its newest. `name` is how it is called in errors.
    pub(crate) fn at(name: &str, source: Box<dyn Source>, number: Option<u64>) -> io::Result<Beginning> {
        let refused = |what: &str| io::Error::other(format!("{name}: {what}"));
        let ask = |method: &str, params: Value| {
            source.ask(method, params).map_err(|failure| refused(&format!("{method}: {failure}")))
        };
        let chain_id: U64 = serde_json::from_value(ask("eth_chainId", json!([]))?).map_err(io::Error::other)?;
        let tag = number.map_or(json!("latest"), |number| json!(U64::from(number)));
        let found = ask("eth_getBlockByNumber", json!([tag, false]))?;
        let block = convert::block(&found).ok_or_else(|| refused(&format!("there is no block {tag}")))?;
        let origin = Self {
            source: AssertUnwindSafe(source),
            block: json!({ "blockHash": block.hash, "requireCanonical": true }),
            known: Mutex::default(),
        };
        Ok(Beginning { origin, block, chain_id: chain_id.to() })
    }

    /// What a method of the other chain answers.
    pub(crate) fn ask(&self, method: &str, params: Value) -> Result<Value, String> {
        self.source.ask(method, params)
    }

    /// Puts everything that was read so far into a state.
    pub(crate) fn copy_to(&self, state: &mut State) {
        let known = self.known();
        for (address, info) in &known.accounts {
            let code = info.code.as_ref().map(|code| code.original_bytes()).unwrap_or_default();
            state.set_balance(*address, info.balance);
            state.set_nonce(*address, info.nonce);
            state.set_code(*address, code);
        }
        for ((address, slot), word) in &known.words {
            state.set_storage(*address, *slot, *word);
        }
    }

    /// Balance, nonce and code of an account.
    pub(crate) fn info(&self, address: Address) -> AccountInfo {
        if let Some(info) = self.known().accounts.get(&address) {
            return info.clone();
        }
        match self.read_info(address) {
            Ok(info) => {
                self.known().accounts.insert(address, info.clone());
                info
            }
            Err(error) => missed(&error),
        }
    }

    /// One word of storage.
    pub(crate) fn storage(&self, address: Address, slot: U256) -> U256 {
        if let Some(word) = self.known().words.get(&(address, slot)) {
            return *word;
        }
        match self.read::<B256>("eth_getStorageAt", json!([address, slot, self.block])) {
            Ok(word) => {
                self.known().words.insert((address, slot), word.into());
                word.into()
            }
            Err(error) => missed(&error),
        }
    }

    fn read_info(&self, address: Address) -> Result<AccountInfo, String> {
        let at = json!([address, self.block]);
        let balance: U256 = self.read("eth_getBalance", at.clone())?;
        let nonce: U64 = self.read("eth_getTransactionCount", at.clone())?;
        let code: Bytes = self.read("eth_getCode", at)?;
        Ok(account_info(balance, nonce.to(), code))
    }

    fn read<T: serde::de::DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, String> {
        let answer = self.ask(method, params)?;
        serde_json::from_value(answer).map_err(|error| format!("{method}: {error}"))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What may be printed of a node's address: its path often is a key.
pub(crate) fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{}", host.rsplit('@').next().unwrap_or_default())
}

/// Stands in for what could not be read, until the request that needed it is refused.
fn missed<T: Default>(error: &str) -> T {
    let text = format!("the chain that this one is a fork of: {error}");
    FAILURE.with_borrow_mut(|failure| failure.get_or_insert(text).truncate(1_000));
    T::default()
}
