//! What a transaction found, and what it left.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use revm::state::{Account, AccountInfo, EvmState};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{arbos::ARBOS, state::State};

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Options {
    diff_mode: bool,
    disable_code: bool,
    disable_storage: bool,
    include_empty: bool,
}

/// Accounts and slots that the EVM or a program looked at, as they were; in diff mode those that changed, before and after.
///
/// What ArbOS keeps for itself is left out, as it is where a node traces: contracts do not reach it.
pub(super) fn trace(before: &State, changes: &EvmState, options: Options) -> Value {
    let accounts: BTreeMap<_, _> = changes.iter().filter(|(address, _)| **address != ARBOS).collect();
    if options.diff_mode {
        return difference(before, &accounts, options);
    }
    let mut found = Map::new();
    for (address, account) in accounts {
        let slots = account.storage.keys().map(|slot| (*slot, before.storage(*address, *slot)));
        let shown = describe(&before.info(*address), slots.collect(), options);
        if options.include_empty || !before.info(*address).is_empty() || !account.storage.is_empty() {
            found.insert(address.to_string().to_lowercase(), shown);
        }
    }
    Value::Object(found)
}

fn difference(before: &State, accounts: &BTreeMap<&Address, &Account>, options: Options) -> Value {
    let (mut pre, mut post) = (Map::new(), Map::new());
    for (address, account) in accounts {
        let (old, name) = (before.info(**address), address.to_string().to_lowercase());
        let slots: Vec<_> = account
            .storage
            .iter()
            .map(|(slot, word)| (*slot, before.storage(**address, *slot), word.present_value))
            .filter(|(_, old, new)| old != new)
            .collect();
        let kept = |words: Vec<(U256, U256)>| words.into_iter().filter(|(_, word)| !word.is_zero()).collect();
        let old_words = kept(slots.iter().map(|(slot, old, _)| (*slot, *old)).collect());
        if account.is_selfdestructed() {
            pre.insert(name, describe(&old, old_words, options));
            continue;
        }
        let new_words = kept(slots.iter().map(|(slot, _, new)| (*slot, *new)).collect());
        let new = changed(&old, &account.info, new_words, options);
        if slots.is_empty() && new.is_empty() {
            continue;
        }
        if !old.is_empty() {
            pre.insert(name.clone(), describe(&old, old_words, options));
        }
        post.insert(name, Value::Object(new));
    }
    json!({ "pre": pre, "post": post })
}

type Words = Vec<(U256, U256)>;

fn describe(info: &AccountInfo, words: Words, options: Options) -> Value {
    let mut account = Map::new();
    account.insert("balance".into(), json!(info.balance));
    if info.nonce > 0 {
        account.insert("nonce".into(), json!(info.nonce));
    }
    put_code(&mut account, info, options);
    put_storage(&mut account, words, options);
    Value::Object(account)
}

/// Only what is another than before.
fn changed(old: &AccountInfo, new: &AccountInfo, words: Words, options: Options) -> Map<String, Value> {
    let mut account = Map::new();
    if old.balance != new.balance {
        account.insert("balance".into(), json!(new.balance));
    }
    if old.nonce != new.nonce {
        account.insert("nonce".into(), json!(new.nonce));
    }
    if old.code_hash != new.code_hash {
        put_code(&mut account, new, options);
    }
    put_storage(&mut account, words, options);
    account
}

fn put_code(account: &mut Map<String, Value>, info: &AccountInfo, options: Options) {
    let code = info.code.as_ref().map(|code| code.original_bytes()).unwrap_or_default();
    if !options.disable_code && !code.is_empty() {
        account.insert("code".into(), json!(code));
    }
}

fn put_storage(account: &mut Map<String, Value>, mut words: Words, options: Options) {
    if options.disable_storage || words.is_empty() {
        return;
    }
    words.sort_unstable();
    let storage: Map<_, _> =
        words.into_iter().map(|(slot, word)| (B256::from(slot).to_string(), json!(B256::from(word)))).collect();
    account.insert("storage".into(), Value::Object(storage));
}
