//! The borrower proxy: malformed and arbitrary call data.

use std::collections::BTreeSet;

use alloy_json_abi::JsonAbi;
use chain::Recording;
use suite::{
    abi::{self, ITrustedBorrowerL2Proxy as P},
    deployment::role,
    prelude::*,
    proxy::{ASSET, DAY, KEY, Market, ROLES, VAULT, epoch},
};

use super::fuzz::{Random, assert_in_order};

/// A market in the middle of its life, where X0 has every role.
fn lively() -> Market {
    let mut market = super::proxy_borrowing::in_default();
    let account = market.pool.who("X0");
    for (name, holder) in ROLES {
        let by = if holder == "g" || holder == "v" { "g" } else { "o" };
        market.by(by).send(P::grantRoleCall { role: role(name), account }).unwrap();
    }
    market.by("g").approve(1000).unwrap();
    market.set_held(402_000);
    market.by("e").deposit(500).unwrap();
    market.release(700);
    market.by("o").send(P::allowExternalRecipientCall { recipient: account }).unwrap();
    let args = std::array::from_fn(|index| u(if index == 0 { KEY } else { index as u64 }));
    market.by("o").send(P::queueForcedTradeRequestCall { args }).unwrap();
    market
}

fn selectors() -> BTreeSet<[u8; 4]> {
    abi::proxy_functions().iter().map(|function| function.selector().0).collect()
}

#[test]
fn unknown_selectors_are_refused_without_data() {
    let mut market = lively();
    let (before, known) = (market.storage(), selectors());
    for selector in [[0; 4], [0xff; 4], [0x84, 0x56, 0xcb, 0x59], [0x36, 0x59, 0xcf, 0xe6], [0x32, 0x0a, 0xa2, 0xbd]] {
        assert!(!known.contains(&selector));
        for length in [4, 36, 68] {
            let mut call = selector.to_vec();
            call.resize(length, 0);
            assert!(market.by("X0").send_raw(call).unwrap_err().is_empty());
        }
    }
    for length in 0..4 {
        assert!(market.by("X0").send_raw(vec![0xc5; length]).unwrap_err().is_empty());
    }
    assert_eq!(market.storage(), before);
}

#[test]
fn shorter_calls_are_refused_without_data() {
    let mut market = lively();
    let before = market.storage();
    for function in abi::proxy_functions() {
        let whole = abi::empty_call(&function);
        for length in (4..whole.len()).step_by(31).chain([whole.len() - 1]).filter(|length| *length >= 4) {
            if length == whole.len() {
                continue;
            }
            let refused = market.by("X0").send_raw(whole[..length].to_vec()).unwrap_err();
            assert!(refused.is_empty(), "{} with {length} of {}: {refused}", function.signature(), whole.len());
        }
    }
    assert_eq!(market.storage(), before);
}

#[test]
fn longer_calls_are_refused_without_data() {
    let mut market = lively();
    let before = market.storage();
    for function in abi::proxy_functions() {
        for tail in [&b"\0"[..], &[0; 32], b"tag of a wallet"] {
            let call = [&abi::empty_call(&function), tail].concat();
            let refused = market.by("X0").send_raw(call).unwrap_err();
            assert!(refused.is_empty(), "{}: {refused}", function.signature());
        }
    }
    assert_eq!(market.storage(), before);
}

#[test]
fn bits_outside_a_type_are_refused_without_data() {
    let mut market = lively();
    let before = market.storage();
    let mut tried = 0;
    for function in abi::proxy_functions() {
        let call = abi::empty_call(&function);
        let mut word = 0;
        for param in &function.inputs {
            let highest = match param.ty.as_str() {
                "address" => Some([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
                _ => None,
            };
            if let Some(bits) = highest {
                for index in [0, 11] {
                    let mut dirty = call.clone();
                    dirty[4 + 32 * word + index] = bits[index];
                    let refused = market.by("X0").send_raw(dirty).unwrap_err();
                    assert!(refused.is_empty(), "{}, {}: {refused}", function.signature(), param.name);
                    tried += 1;
                }
            }
            word += abi::head_words(param);
        }
    }
    assert!(tried > 30, "{tried}");
    assert_eq!(market.storage(), before);
}

#[test]
fn every_function_refuses_ether() {
    let mut market = lively();
    let before = market.storage();
    for function in abi::proxy_functions() {
        let refused = market.by("X0").send_value(abi::empty_call(&function), 1).unwrap_err();
        assert!(refused.is_empty(), "{}: {refused}", function.signature());
    }
    assert_eq!(market.pool.chain.balance(market.proxy()), u(0));
    assert_eq!(market.storage(), before);
}

#[test]
fn views_change_nothing_and_answer_everybody() {
    let market = lively();
    let before = market.storage();
    let mut views = 0;
    for function in abi::proxy_functions() {
        if function.state_mutability != alloy_json_abi::StateMutability::View {
            continue;
        }
        let mut fork = market.fork();
        let receipt = fork.by("nobody in particular").send_raw(abi::empty_call(&function)).unwrap();
        assert!(receipt.logs.is_empty() && !receipt.output.is_empty(), "{}", function.signature());
        assert_eq!(fork.storage(), before, "{}", function.signature());
        views += 1;
    }
    assert!(views > 25, "{views}");
}

// ---------------------------------------------------------------- arbitrary call data

/// Whatever may come back: errors of proxy, pool and tokens, texts, and nothing.
fn errors() -> BTreeSet<[u8; 4]> {
    let (proxy, pool): (JsonAbi, JsonAbi) = (P::abi::contract(), errors::abi::contract());
    let mut known: BTreeSet<_> = proxy.errors().chain(pool.errors()).map(|error| error.selector().0).collect();
    known.extend([IToken::InsufficientBalance::SELECTOR, IToken::InsufficientAllowance::SELECTOR]);
    known.insert([0x08, 0xc3, 0x79, 0xa0]); // Error(string)
    known
}

/// What is owed is not given away: recipients get at most excess and approval, whatever is called.
fn assert_covered(market: &Market, before: &Market) {
    let owed = |market: &Market| market.borrowed() + market.debt();
    let budget = before.held().saturating_sub(owed(before)) + before.approved();
    let gone = [before.parties.pool, before.parties.exchange, before.proxy()];
    let sum = |market: &Market| gone.iter().map(|place| market.tokens_at(*place)).fold(u(0), |sum, part| sum + part);
    assert!(sum(before) - sum(market) <= budget);
}

#[test]
fn arbitrary_words_for_every_function() {
    let (mut market, known) = (lively(), errors());
    market.at(epoch(1) + 9 * DAY).pool.chain.record(Recording::HostCalls);
    let people: Vec<_> =
        ["X0", "o", "r"].map(|name| market.pool.who(name)).into_iter().chain(market.parties.all()).collect();
    let mut random = Random(3);
    let mut succeeded = BTreeSet::new();
    for function in abi::proxy_functions() {
        for _ in 0..20 {
            let words: usize = function.inputs.iter().map(abi::head_words).sum();
            let list = function.inputs.iter().any(|input| input.ty.ends_with("[]") || input.ty == "bytes");
            let extra = if list { random.below(6) } else { 0 };
            let mut call = function.selector().to_vec();
            for index in 0..words as u64 + extra {
                // Often something that is known here: else nothing would pass the lists.
                let word = match random.below(3) {
                    0 => u([KEY, ASSET, VAULT, 500][(index % 4) as usize]),
                    1 => random.word(&people),
                    _ => u(random.below(3)),
                };
                call.extend(word.to_be_bytes::<32>());
            }
            let mut fork = market.fork();
            let outcome = fork.by("X0").send_raw(call.clone());
            if assert_in_order(outcome, &call, &known) {
                succeeded.insert(function.selector());
            }
            assert_covered(&fork, &market);
        }
    }
    let all = abi::proxy_functions().len();
    assert!(succeeded.len() * 2 > all, "only {} of {all} functions ever succeeded", succeeded.len());
}

#[test]
fn arbitrary_bytes() {
    let (mut market, known) = (lively(), errors());
    market.pool.chain.record(Recording::HostCalls);
    let functions = abi::proxy_functions();
    let mut random = Random(4);
    for round in 0..800 {
        let length = random.below(500);
        let mut call = random.bytes(length);
        if round % 4 > 0 {
            let function = &functions[random.below(functions.len() as u64) as usize];
            call = [function.selector().as_slice(), &call].concat();
        }
        let mut fork = market.fork();
        assert_in_order(fork.by("X0").send_raw(call.clone()), &call, &known);
    }
}
