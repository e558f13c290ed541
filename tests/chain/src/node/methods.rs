//! What clients can ask: one table of names, by subject.

mod control;
mod debug;
mod execute;
mod filter;
mod identity;
mod lookup;
mod state;
mod submit;

use std::{collections::HashMap, sync::LazyLock};

use serde_json::Value;

use super::{Node, error::RpcError, params::Params};

pub(super) use execute::estimate_request;

type Answer = Result<Value, RpcError>;
pub(super) type Handler = fn(&Node, &Params) -> Answer;
type Table = [(&'static str, Handler)];

/// Tables of all subjects.
const TABLES: [&Table; 8] = [
    identity::METHODS,
    state::METHODS,
    execute::METHODS,
    submit::METHODS,
    lookup::METHODS,
    filter::METHODS,
    control::METHODS,
    debug::METHODS,
];

/// Prefixes under which the same controls are known.
const CONTROLS: [&str; 3] = ["hardhat_", "anvil_", "evm_"];

static METHODS: LazyLock<HashMap<String, Handler>> = LazyLock::new(|| {
    let mut methods = HashMap::new();
    for (name, handler) in control::SHARED {
        methods.extend(CONTROLS.map(|prefix| (format!("{prefix}{name}"), *handler)));
    }
    let named = TABLES.iter().copied().flatten();
    methods.extend(named.map(|(name, handler)| ((*name).to_owned(), *handler)));
    methods
});

/// The handler of a method.
pub(super) fn find(method: &str) -> Option<Handler> {
    METHODS.get(method).copied()
}

/// Names of all methods, sorted; `eth_subscribe` and `eth_unsubscribe` exist on WebSockets besides.
pub(super) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = METHODS.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}
