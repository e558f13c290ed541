//! Doing what must be done: tried first, then sent, within a budget. Knows no rule.

use std::collections::VecDeque;

use abi::{ARB_WASM, Error, Host, Outcome, Request, bindings::ArbWasm as W, decode, exact};
use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::SolCall;
use anyhow::{Context, bail};
use serde::Serialize;

use crate::{
    Duty, Kind,
    contracts::DAY,
    duties::{OVERTAKEN, offered},
};

/// What became of a duty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Deed {
    /// It is done.
    Done {
        /// Hash of the transaction.
        hash: B256,
        /// Its block.
        block: u64,
        /// Gas that it used.
        gas: u64,
        /// What it cost in all, wei, in decimal.
        #[serde(serialize_with = "decimal")]
        cost: U256,
    },
    /// Somebody else did it, before anything was sent or while it was on its way.
    Overtaken,
    /// A transaction of the account is on its way; nothing is sent beside it.
    Waits,
    /// It would cost more than is left for the day.
    OverBudget {
        /// What is left, and what it would cost, in words.
        refusal: String,
    },
}

fn decimal<S: serde::Serializer>(value: &U256, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// What was spent in the last day of the chain's time. A process that starts anew has spent nothing.
#[derive(Clone, Debug)]
pub struct Spending {
    budget: U256,
    spent: VecDeque<(u64, U256)>,
}

impl Spending {
    /// So many wei in any 24 hours.
    pub const fn new(budget: U256) -> Self {
        Self { budget, spent: VecDeque::new() }
    }

    /// What was spent in the day before a time, wei.
    pub fn spent(&self, time: u64) -> U256 {
        let recent = self.spent.iter().filter(|(at, _)| at.saturating_add(DAY) > time);
        recent.fold(U256::ZERO, |sum, (_, wei)| sum.saturating_add(*wei))
    }

    fn allows(&self, time: u64, cost: U256) -> Result<(), String> {
        let left = self.budget.saturating_sub(self.spent(time));
        if !left.is_zero() && cost <= left {
            return Ok(());
        }
        let [left, cost] = [left, cost].map(|wei| exact(wei, 18));
        Err(format!("{left} ETH are left of the day's budget, and it costs {cost} beside gas"))
    }

    fn note(&mut self, time: u64, cost: U256) {
        self.spent.retain(|(at, _)| at.saturating_add(DAY) > time);
        self.spent.push_back((time, cost));
    }
}

/// Tries a duty, sends it, waits. What another did in the meantime is no error.
///
/// # Errors
///
/// If the contract refuses for another reason, if the account cannot pay, or if the chain does not answer.
pub fn perform(host: &mut impl Host, duty: &Duty, spending: &mut Spending, time: u64) -> anyhow::Result<Deed> {
    if host.waiting()? > 0 {
        return Ok(Deed::Waits);
    }
    let (request, cost) = priced(host, duty)?;
    if let Err(refusal) = spending.allows(time, cost) {
        return Ok(Deed::OverBudget { refusal });
    }
    if is_overtaken(host, &request)? {
        return Ok(Deed::Overtaken);
    }
    let before = host.balance()?;
    let sent = host.send(&request, &mut |_, _| Ok(()));
    // Whether it came through or not, it may have cost something; what came back is not counted.
    let cost = before.saturating_sub(host.balance().unwrap_or(before));
    spending.note(time, cost);
    match sent {
        Ok(Outcome { hash, block, gas }) => {
            check(host, duty)?;
            Ok(Deed::Done { hash, block, gas, cost })
        }
        // Somebody was faster between trial and block.
        Err(error) => match is_overtaken(host, &request) {
            Ok(true) => Ok(Deed::Overtaken),
            _ => Err(error),
        },
    }
}

/// The call with what must go along, and what it will cost beside gas.
fn priced(host: &impl Host, duty: &Duty) -> anyhow::Result<(Request, U256)> {
    if duty.kind != Kind::Activate {
        return Ok((duty.request.clone(), duty.cost));
    }
    let call = W::activateProgramCall::abi_decode(&duty.request.data).context("an activation")?;
    let fee = host.activation_fee(&host.code(call.program)?)?;
    Ok((duty.request.clone().with_value(offered(fee)), fee))
}

/// Tries a call. Whether it is refused because somebody else has done it.
fn is_overtaken(host: &impl Host, request: &Request) -> anyhow::Result<bool> {
    let Err(error) = host.call(request) else { return Ok(false) };
    match error.downcast_ref::<Error>() {
        Some(Error::Reverted(data)) if names_a_race(data) => Ok(true),
        _ => Err(error),
    }
}

fn names_a_race(data: &Bytes) -> bool {
    let selector = data.first_chunk().copied();
    selector.is_some_and(|selector| OVERTAKEN.contains(&decode::error_name(selector).as_str()))
}

/// A year that was bought must have come: a call in place of a transaction changes nothing, and says nothing.
fn check(host: &impl Host, duty: &Duty) -> anyhow::Result<()> {
    if duty.kind != Kind::Keepalive {
        return Ok(());
    }
    let Ok(call) = W::codehashKeepaliveCall::abi_decode(&duty.request.data) else { return Ok(()) };
    match is_overtaken(host, &Request::of(ARB_WASM, &call)) {
        Ok(true) => Ok(()),
        _ => bail!("{}: it was kept alive, and its expiry has not moved", duty.subject),
    }
}
