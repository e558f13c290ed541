//! Logs, and filters that are polled.

use alloy_primitives::U64;
use alloy_rpc_types_eth::Filter;
use serde_json::json;

use super::{Answer, Table};
use crate::node::{
    Node,
    filters::{self, Kind},
    params::Params,
};

pub(super) const METHODS: &Table = &[
    ("eth_getLogs", |node, params| filters::logs(&node.world(), &params.get(0)?)),
    ("eth_newFilter", |node, params| install(node, Kind::Logs(Box::new(params.get::<Filter>(0)?)))),
    ("eth_newBlockFilter", |node, _| install(node, Kind::Blocks)),
    ("eth_newPendingTransactionFilter", |node, _| install(node, Kind::Transactions(Default::default()))),
    ("eth_uninstallFilter", |node, params| Ok(json!(node.filters().uninstall(params.number(0)?)))),
    ("eth_getFilterChanges", changes),
    ("eth_getFilterLogs", |node, params| {
        let filter = node.filters().logs(params.number(0)?)?;
        filters::logs(&node.world(), &filter)
    }),
];

fn install(node: &Node, kind: Kind) -> Answer {
    let world = node.world();
    Ok(json!(U64::from(node.filters().install(kind, &world)?)))
}

fn changes(node: &Node, params: &Params) -> Answer {
    let id = params.number(0)?;
    let mut filters = node.filters();
    // Taken under the lock: a revert in between would be missed.
    let world = node.world();
    filters.changes(id, &world)
}
