//! Carries steps out: each once, whatever happened before.

use abi::{
    ARB_WASM, ARB_WASM_CACHE, Error, Fate, Host, Outcome, Request,
    bindings::{ArbWasm, ArbWasmCache, CacheManager},
};
use alloy_primitives::{B256, Bytes, U256, keccak256};
use alloy_sol_types::SolCall;
use anyhow::{Context, bail, ensure};

use crate::{
    Action, Creation, Step,
    journal::{Entry, Journal},
    steps::{Check, clone_request},
};

/// How a step stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was done.
    Missing,
    /// Its code is there, and not active.
    Inactive,
    /// It is done.
    Done,
}

/// What a run tells while it goes on.
#[derive(Clone, Debug)]
pub enum Progress<'a> {
    /// A step was done before.
    Found(&'a Step),
    /// A step was done now.
    Sent(&'a Step, Outcome),
}

/// Looks whether a step was done.
///
/// # Errors
///
/// If something else stands where it would create something, with both hashes; or if the chain does not answer.
pub fn standing(host: &impl Host, step: &Step) -> anyhow::Result<Standing> {
    let id = &step.id;
    match &step.action {
        Action::Create(creation) => {
            let address = creation.address();
            let found = host.code(address)?;
            if !is_there(&found, &creation.code).with_context(|| format!("{id} at {address}"))? {
                return Ok(Standing::Missing);
            }
            let version = ask(host, &Request::of(ARB_WASM, &ArbWasm::programVersionCall { program: address }));
            Ok(if version?.is_some() { Standing::Done } else { Standing::Inactive })
        }
        Action::Clone { address, code, .. } => {
            let found = host.code(*address)?;
            let is_there = is_there(&found, code).with_context(|| format!("{id} at {address}"))?;
            Ok(if is_there { Standing::Done } else { Standing::Missing })
        }
        Action::Call { done, .. } => {
            for checks in done {
                if hold(host, checks)? {
                    return Ok(Standing::Done);
                }
            }
            Ok(Standing::Missing)
        }
        Action::Bid { hash, .. } => Ok(if is_cached(host, *hash)? { Standing::Done } else { Standing::Missing }),
    }
}

/// Whether the expected code is there; anything else but nothing is an error.
fn is_there(found: &Bytes, expected: &Bytes) -> anyhow::Result<bool> {
    let (hash, own) = (keccak256(found), keccak256(expected));
    ensure!(found.is_empty() || hash == own, "code of the hash {hash} stands there, of the hash {own} is expected");
    Ok(!found.is_empty())
}

/// Whether all views answer as they should. One that is refused, or whose contract is not there yet, does not.
fn hold(host: &impl Host, checks: &[Check]) -> anyhow::Result<bool> {
    for check in checks {
        if ask(host, &check.view)?.is_none_or(|answer| answer != check.answer) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a view answers; nothing if it is refused.
fn ask(host: &impl Host, view: &Request) -> anyhow::Result<Option<Bytes>> {
    match host.call(view) {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if Error::is_refusal(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether code of this hash has its place in the cache.
///
/// # Errors
///
/// If the chain does not answer.
pub fn is_cached(host: &impl Host, codehash: B256) -> anyhow::Result<bool> {
    let answer = ask(host, &Request::of(ARB_WASM_CACHE, &ArbWasmCache::codehashIsCachedCall { codehash }))?;
    Ok(answer.is_some_and(|answer| ArbWasmCache::codehashIsCachedCall::abi_decode_returns(&answer).unwrap_or(false)))
}

/// Carries out what is not done yet, in order.
///
/// # Errors
///
/// If something else stands where a step would create something, if a call is refused, or if the chain does not answer. The journal has
/// everything up to there, and the next run goes on.
pub fn run<H: Host>(
    host: &mut H,
    steps: &[Step],
    journal: &mut Journal,
    tell: &mut dyn FnMut(Progress<'_>),
) -> anyhow::Result<()> {
    for step in steps {
        // A transaction of a run that died comes first: it may be under way, and then it is waited for.
        if let Some(hash) = journal.under_way(&step.id)
            && let Fate::Done(outcome) = host.fate(hash)?
        {
            confirm(journal, step, outcome)?;
            tell(Progress::Sent(step, outcome));
        }
        let confirmed = journal.confirmed().contains_key(step.id.as_str());
        let standing = standing(host, step)?;
        // What was set may have been changed by its owners since; what was created stays.
        let is_done = standing == Standing::Done || confirmed && matches!(step.action, Action::Call { .. });
        if is_done {
            if !confirmed && !journal.entries().contains(&Entry::Found { step: step.id.clone() }) {
                journal.write(Entry::Found { step: step.id.clone() })?;
            }
            tell(Progress::Found(step));
            continue;
        }
        let outcome = send(host, step, &standing, journal).with_context(|| step.id.clone())?;
        confirm(journal, step, outcome)?;
        ensure!(
            self::standing(host, step)? == Standing::Done,
            "{}: transaction {} came through, and what it should have done is not there",
            step.id,
            outcome.hash
        );
        tell(Progress::Sent(step, outcome));
    }
    Ok(())
}

fn confirm(journal: &mut Journal, step: &Step, outcome: Outcome) -> anyhow::Result<()> {
    let Outcome { hash, block, gas } = outcome;
    journal.write(Entry::Confirmed { step: step.id.clone(), hash, block, gas })
}

fn send<H: Host>(host: &mut H, step: &Step, standing: &Standing, journal: &mut Journal) -> anyhow::Result<Outcome> {
    let request = request(host, step, standing)?;
    let id = step.id.clone();
    host.send(&request, &mut |hash, nonce| journal.write(Entry::Sending { step: id.clone(), hash, nonce }))
}

/// The transaction that does a step.
fn request<H: Host>(host: &H, step: &Step, standing: &Standing) -> anyhow::Result<Request> {
    match &step.action {
        Action::Create(creation) if *standing == Standing::Inactive => {
            let program = creation.address();
            let call = ArbWasm::activateProgramCall { program };
            Ok(Request::of(ARB_WASM, &call).with_value(fee(host, creation)?))
        }
        Action::Create(creation) => Ok(creation.request(fee(host, creation)?)),
        Action::Clone { init_code, salt, .. } => Ok(clone_request(*salt, init_code)),
        Action::Call { request, .. } => Ok(request.clone()),
        Action::Bid { program, most, .. } => {
            let manager = cache_manager(host)?;
            let call = Request::of(manager, &CacheManager::getMinBidCall { program: *program });
            let bid = CacheManager::getMinBidCall::abi_decode_returns(&host.call(&call).context("the least bid")?);
            let bid = U256::from(bid.context("the cache's manager answers something else")?);
            if bid > *most {
                let [bid, most] = [bid, *most].map(|wei| abi::exact(wei, 18));
                bail!("a place in the cache costs {bid} ether now, the plan allows {most} (max_bid)");
            }
            Ok(Request::of(manager, &CacheManager::placeBidCall { program: *program }).with_value(bid))
        }
    }
}

/// The fee of an activation and a fifth more; what is not needed comes back.
fn fee(host: &impl Host, creation: &Creation) -> anyhow::Result<U256> {
    let fee = host.activation_fee(&creation.code)?;
    Ok(fee.saturating_add(fee / U256::from(5)))
}

/// Who sells places in the cache.
fn cache_manager(host: &impl Host) -> anyhow::Result<alloy_primitives::Address> {
    let answer = host.call(&Request::of(ARB_WASM_CACHE, &ArbWasmCache::allCacheManagersCall {}))?;
    let managers = ArbWasmCache::allCacheManagersCall::abi_decode_returns(&answer)?;
    managers.last().copied().context("this chain has no manager of the cache: cache = \"none\" does without")
}
