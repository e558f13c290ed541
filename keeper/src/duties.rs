//! What must be done now.

use abi::{
    ARB_WASM, Request,
    bindings::{
        ArbWasm, CacheManager, IBorrowerAllocations as B, IDebtAccounting as A, IMerkleDistributor as D,
        ITreasuryClaimProxy, ITrustedBorrowerL2Proxy as T,
    },
    exact, span,
};
use alloy_primitives::U256;
use serde::Serialize;

use crate::{Life, Pool, Rewards, Settings, Snapshot};

/// Shortfalls that one transaction settles.
const SLICE: u64 = 50;

/// Kinds of duties, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Activate a program that does not run.
    Activate,
    /// Mark debt, so that withdrawals open again.
    MarkDebt,
    /// Forbid an overdue borrower to borrow.
    Restrict,
    /// Give a program another year.
    Keepalive,
    /// In the blackout window, pay what is too much for the next epoch.
    AutoPay,
    /// Make a root active that was computed here and has waited.
    UpdateRoot,
    /// Propose a root that was computed here.
    ProposeRoot,
    /// Send what the treasury's proxy holds to the treasury.
    Forward,
    /// Settle shortfalls of a staker who slept through many.
    Settle,
    /// Buy a place in the chain's cache.
    Cache,
}

impl Kind {
    /// As logs and figures name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::MarkDebt => "mark_debt",
            Self::Restrict => "restrict",
            Self::Keepalive => "keepalive",
            Self::AutoPay => "auto_pay",
            Self::UpdateRoot => "update_root",
            Self::ProposeRoot => "propose_root",
            Self::Forward => "forward",
            Self::Settle => "settle",
            Self::Cache => "cache",
        }
    }

    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Activate,
        Self::MarkDebt,
        Self::Restrict,
        Self::Keepalive,
        Self::AutoPay,
        Self::UpdateRoot,
        Self::ProposeRoot,
        Self::Forward,
        Self::Settle,
        Self::Cache,
    ];
}

/// Something that must be done now, by one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// What kind.
    pub kind: Kind,
    /// Whom or what it is about; empty for the pool.
    pub subject: String,
    /// Why, with the numbers.
    pub why: String,
    /// The call. An activation's value is found when it is tried.
    pub request: Request,
    /// What it costs beside gas, wei; what is sent along in excess comes back.
    pub cost: U256,
    /// Since when it is due, where that has a moment; seconds.
    pub since: Option<u64>,
}

/// What is sent along with a fee: each program that is activated or kept alive raises the price for those that follow for a while, and what is
/// not needed comes back.
pub(crate) fn offered(fee: U256) -> U256 {
    fee.saturating_mul(U256::from(4))
}

/// What must be done now, most urgent first. Pure: the same snapshot gives the same duties.
pub fn duties(snapshot: &Snapshot, settings: &Settings) -> Vec<Duty> {
    let mut duties = of_programs(snapshot, settings);
    if let Some(pool) = &snapshot.pool {
        duties.extend(of_pool(snapshot, pool, settings));
    }
    if let Some(rewards) = &snapshot.rewards {
        duties.extend(of_rewards(snapshot, rewards, settings));
    }
    if let Some(proxy) = snapshot.contracts.treasury_proxy.filter(|_| !snapshot.to_forward.is_zero()) {
        let why = format!("the treasury's proxy holds {} units of the rewards token", snapshot.to_forward);
        duties.push(duty(Kind::Forward, "", why, Request::of(proxy, &ITreasuryClaimProxy::forwardCall {})));
    }
    duties.sort_by_key(|duty| duty.kind);
    duties
}

fn duty(kind: Kind, subject: &str, why: String, request: Request) -> Duty {
    let cost = request.value;
    Duty { kind, subject: subject.to_owned(), why, request, cost, since: None }
}

fn of_programs(snapshot: &Snapshot, settings: &Settings) -> Vec<Duty> {
    let mut duties = Vec::new();
    for program in &snapshot.programs {
        let name = program.name.as_str();
        let reason = match program.life {
            Life::Active(_) => None,
            Life::Expired => Some("its year is over"),
            Life::Outdated => Some("it was activated for another version of Stylus"),
            Life::Inactive => Some("it was never activated"),
        };
        if let Some(reason) = reason {
            let call = ArbWasm::activateProgramCall { program: program.address };
            duties.push(duty(
                Kind::Activate,
                name,
                format!("{name} does not run: {reason}"),
                Request::of(ARB_WASM, &call),
            ));
        }
        if let (Life::Active(left), Some(fee)) = (program.life, program.year) {
            let call = ArbWasm::codehashKeepaliveCall { codehash: program.codehash };
            let request = Request::of(ARB_WASM, &call).with_value(offered(fee));
            let why = format!("{name} has {} left", span(left));
            duties.push(Duty { cost: fee, ..duty(Kind::Keepalive, name, why, request) });
        }
        if let (Some(manager), Some(bid)) = (snapshot.cache_manager, program.bid.filter(|bid| *bid <= settings.max_bid))
        {
            let call = CacheManager::placeBidCall { program: program.address };
            let why = format!("{name} has no place in the cache, and one costs {} ETH", exact(bid, 18));
            duties.push(duty(Kind::Cache, name, why, Request::of(manager, &call).with_value(bid)));
        }
    }
    duties
}

fn of_pool(snapshot: &Snapshot, pool: &Pool, settings: &Settings) -> Vec<Duty> {
    let mut duties = Vec::new();
    let address = snapshot.contracts.pool;
    if let Some(marking) = pool.marking.as_ref().filter(|marking| marking.uncovered.is_zero()) {
        let borrowers = marking.debts.iter().map(|(borrower, _)| *borrower).collect();
        let why = format!("the pool is short by {}", pool.staked.exact(pool.shortfall));
        let request = Request::of(address, &A::markDebtCall { borrowers });
        duties.push(Duty { since: Some(pool.begins), ..duty(Kind::MarkDebt, "", why, request) });
    }
    // Marking restricts who is charged: only who is left over is restricted by itself.
    let overdue = pool.borrowers.iter().filter(|one| one.overdue && !one.restricted && pool.shortfall.is_zero());
    for borrower in overdue.filter(|one| !one.overdue_amount.is_zero()) {
        let why = format!("{} owes {} more than its share", borrower.name, pool.staked.exact(borrower.overdue_amount));
        let request = Request::of(address, &B::restrictBorrowerCall { borrower: borrower.address });
        duties.push(Duty { since: Some(pool.begins), ..duty(Kind::Restrict, &borrower.name, why, request) });
    }
    for borrower in pool.borrowers.iter().filter(|one| settings.auto_pay && one.auto_pay) {
        let why = format!("{} must pay {} before the edge", borrower.name, pool.staked.exact(borrower.due()));
        let request = Request::of(borrower.address, &T::autoPayOrBorrowCall {});
        duties.push(duty(Kind::AutoPay, &borrower.name, why, request));
    }
    for (staker, left) in &pool.behind {
        let why = format!("the record of {staker} is {left} shortfalls behind");
        let call = A::settleShortfallsCall { staker: *staker, max: U256::from(SLICE) };
        duties.push(duty(Kind::Settle, &staker.to_string(), why, Request::of(address, &call)));
    }
    duties
}

fn of_rewards(snapshot: &Snapshot, rewards: &Rewards, settings: &Settings) -> Vec<Duty> {
    let Some(distributor) = snapshot.contracts.distributor else { return Vec::new() };
    let computed = settings.computed.get(&rewards.next_epoch);
    let waiting = rewards.waiting();
    if let Some(root) = waiting.filter(|root| Some(&root.root) == computed) {
        if rewards.paused || snapshot.time < rewards.waits_until {
            return Vec::new();
        }
        let why = format!("the root of epoch {} was computed here and has waited", root.epoch);
        let call = D::updateRoot_1Call { expectedRoot: root.root };
        let request = Request::of(distributor, &call);
        return vec![Duty { since: Some(rewards.waits_until), ..duty(Kind::UpdateRoot, "", why, request) }];
    }
    let published = rewards.published.as_ref().filter(|root| {
        root.epoch == rewards.next_epoch && Some(&root.root) == computed && Some(*root) != rewards.cancelled.as_ref()
    });
    // A root that has waited would become active by a proposal: nobody here has computed it.
    let would_activate = waiting.is_some() && !rewards.paused && snapshot.time >= rewards.waits_until;
    let Some(root) = published.filter(|_| !would_activate) else { return Vec::new() };
    let why = format!("the oracle names the root of epoch {} that was computed here", root.epoch);
    vec![duty(Kind::ProposeRoot, "", why, Request::of(distributor, &D::proposeRootCall {}))]
}

/// Errors that say that somebody else was faster.
pub(crate) const OVERTAKEN: [&str; 10] = [
    "NoShortfall",
    "ProgramUpToDate",
    "ProgramKeepaliveTooSoon",
    "AlreadyCached",
    "RootAlreadyProposed",
    "UnexpectedProposedEpoch",
    "NoProposedRoot",
    "UnexpectedOracleEpoch",
    "BorrowerNotOverdue",
    "NotInBlackoutWindow",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_end_a_race_are_declared() {
        for name in OVERTAKEN {
            let declared = ["IPoolErrors", "IMerkleDistributor", "ITrustedBorrowerL2Proxy"]
                .into_iter()
                .any(|interface| abi::decode::interface(interface).is_some_and(|abi| abi.errors.contains_key(name)));
            let of_system = [
                ArbWasm::abi::contract().errors.contains_key(name),
                CacheManager::abi::contract().errors.contains_key(name),
            ];
            assert!(declared || of_system.contains(&true), "{name}");
        }
    }
}
