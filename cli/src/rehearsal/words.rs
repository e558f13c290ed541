//! Words of storage that a transaction changed, with what they are where the pool's table of storage tells.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, FixedBytes, U256, keccak256};
use anyhow::Context;
use client::decode::ROLES;
use deploy::upgrade::layout_rows;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Rehearsal, people::People};
use crate::pool::scene::Scene;

/// A word before and after.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Word {
    pub(crate) contract: Address,
    pub(crate) slot: B256,
    /// What stands there, if it is known.
    pub(crate) name: Option<String>,
    pub(crate) before: B256,
    pub(crate) after: B256,
}

/// What a transaction changed, contract by contract.
///
/// # Errors
///
/// If the chain fails.
pub(crate) fn changed(rehearsal: &Rehearsal, hash: B256, names: &Names) -> anyhow::Result<Vec<Word>> {
    let tracer = json!([hash, { "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } }]);
    let trace = rehearsal.node.request("debug_traceTransaction", &tracer)?;
    let (before, after) = (words(&trace["pre"])?, words(&trace["post"])?);
    let word = |(contract, slot): &(Address, B256)| {
        let of = |words: &BTreeMap<_, _>| words.get(&(*contract, *slot)).copied().unwrap_or_default();
        let name = names.of(*contract, *slot).map(str::to_owned);
        Word { contract: *contract, slot: *slot, name, before: of(&before), after: of(&after) }
    };
    let places: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
    Ok(places.iter().map(word).filter(|word| word.before != word.after).collect())
}

fn words(accounts: &Value) -> anyhow::Result<BTreeMap<(Address, B256), B256>> {
    let mut words = BTreeMap::new();
    for (address, account) in accounts.as_object().context("a trace without accounts")? {
        let storage: BTreeMap<B256, B256> = match account.get("storage") {
            Some(storage) => serde_json::from_value(storage.clone())?,
            None => BTreeMap::new(),
        };
        let address: Address = address.parse()?;
        words.extend(storage.into_iter().map(|(slot, word)| ((address, slot), word)));
    }
    Ok(words)
}

/// Names of the pool's words, for everybody who is known.
#[derive(Debug)]
pub(crate) struct Names {
    pool: Address,
    names: BTreeMap<B256, String>,
}

impl Names {
    /// Names by the table of storage: words that stand alone, and those of each account, borrower, role and function.
    pub(crate) fn of_pool(scene: &Scene, people: &People, epochs: u64) -> Self {
        let mut names = BTreeMap::new();
        for row in layout_rows() {
            let mut cells = row.splitn(3, ',');
            let (Some(place), Some(field)) = (cells.next(), cells.next()) else { continue };
            let (slot, keys) = place.split_once('[').unwrap_or((place, ""));
            let Ok(slot) = slot.parse::<u64>() else {
                names.insert(keccak256("stylus_constructor"), field.to_owned());
                continue;
            };
            let slot = B256::from(U256::from(slot));
            for (key, place) in keyed(keys, slot, people, epochs) {
                names.insert(place, format!("{field}{key}"));
            }
        }
        Self { pool: scene.pool, names }
    }

    /// Every place that has a name.
    pub(crate) fn slots(&self) -> impl Iterator<Item = B256> {
        self.names.keys().copied()
    }

    fn of(&self, contract: Address, slot: B256) -> Option<&str> {
        (contract == self.pool).then(|| self.names.get(&slot).map(String::as_str))?
    }
}

/// Places of a row of the table for everything that its keys may be.
fn keyed(keys: &str, slot: B256, people: &People, epochs: u64) -> Vec<(String, B256)> {
    let at = |key: B256, slot: B256| keccak256([key, slot].concat());
    let number = |number: u64| B256::from(U256::from(number));
    let accounts = |accounts: &BTreeSet<Address>| -> Vec<_> {
        accounts.iter().map(|account| (format!("[{account}]"), at(account.into_word(), slot))).collect()
    };
    let numbers = |name: &str, end: u64| -> Vec<_> {
        (0..end).map(|index| (format!("[{name} {index}]"), at(number(index), slot))).collect()
    };
    match keys {
        "" => vec![(String::new(), slot)],
        "staker]" | "owner]" => accounts(&people.all),
        "borrower]" => accounts(&people.borrowers),
        "epoch]" => numbers("epoch", epochs),
        "number]" => numbers("number", epochs),
        "position / 8]" => numbers("positions from 8 times", 32),
        "owner][spender]" => people
            .approvals
            .iter()
            .map(|(_, owner, spender)| {
                (format!("[{owner}][{spender}]"), at(spender.into_word(), at(owner.into_word(), slot)))
            })
            .collect(),
        "selector]" => {
            let functions = deploy::routes::facets().into_iter().flat_map(|(_, selectors)| selectors);
            let named = |selector: FixedBytes<4>| {
                let name = client::decode::function_name(selector.0).unwrap_or_default();
                (format!("[{name}]"), at(number(u32::from_be_bytes(selector.0).into()), slot))
            };
            functions.map(named).collect()
        }
        "role].0[account]" => {
            let member = |role: &str, account: &Address| {
                (format!("[{role}][{account}]"), at(account.into_word(), at(keccak256(role), slot)))
            };
            ROLES.iter().flat_map(|role| people.all.iter().map(move |account| member(role, account))).collect()
        }
        _ => Vec::new(),
    }
}
