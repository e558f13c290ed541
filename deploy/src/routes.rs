//! Which facet answers what, and what the pool is constructed with.

use abi::{bindings::IDiamondCut, decode::interface};
use alloy_json_abi::JsonAbi;
use alloy_primitives::{Address, Bytes, FixedBytes, U256};
use alloy_sol_types::{SolCall, SolValue};
use anyhow::Context;

use crate::{CONSTRUCTOR, Plan};

/// The facets by program, and the interface that each answers.
pub const FACETS: [(&str, &str); 7] = [
    ("borrower-allocations", "IBorrowerAllocations"),
    ("debt-accounting", "IDebtAccounting"),
    ("diamond-cut", "IDiamondCut"),
    ("epoch-schedule", "IEpochSchedule"),
    ("pool-views", "IPoolViews"),
    ("staked-token", "IStakedToken"),
    ("staking", "IStaking"),
];

/// The facets with what each answers. `construct` is for the router's constructor alone.
pub fn facets() -> Vec<(&'static str, Vec<FixedBytes<4>>)> {
    let selectors = |name| {
        let functions = interface(name).unwrap_or_default().functions.into_values().flatten();
        functions.filter(|function| function.name != "construct").map(|function| function.selector()).collect()
    };
    FACETS.into_iter().map(|(program, name)| (program, selectors(name))).collect()
}

/// Everything that the pool's one address answers, emits and reverts with.
pub fn pool_abi() -> JsonAbi {
    interface("pool").unwrap_or_default()
}

/// The encoded arguments of the router's constructor: the facet that constructs, and the call that makes it do so.
///
/// # Errors
///
/// If none of the facets is `diamond-cut`.
pub fn router_arguments(
    construction: IDiamondCut::Construction,
    facets: Vec<(&str, Address, Vec<FixedBytes<4>>)>,
) -> anyhow::Result<Vec<u8>> {
    let cutter = facets.iter().find(|(name, ..)| *name == "diamond-cut").map(|(_, address, _)| *address);
    let cutter = cutter.context("diamond-cut: no such facet")?;
    let cuts = facets.into_iter().map(|(_, address, selectors)| cut(address, selectors)).collect();
    let call = IDiamondCut::constructCall { construction, cuts }.abi_encode();
    Ok((cutter, Bytes::from(call)).abi_encode_params())
}

/// A facet added with all that it answers.
fn cut(facet: Address, selectors: Vec<FixedBytes<4>>) -> IDiamondCut::FacetCut {
    IDiamondCut::FacetCut { facetAddress: facet, action: 0, functionSelectors: selectors }
}

/// The facet that constructed a router, and the call that it was given, from the constructor call of the router.
pub(crate) fn constructed(call: &Bytes) -> anyhow::Result<(Address, IDiamondCut::constructCall)> {
    let arguments = call.strip_prefix(&CONSTRUCTOR).context("not a constructor call")?;
    let (cutter, call) = <(Address, Bytes)>::abi_decode_params(arguments).context("the router's constructor call")?;
    let call = IDiamondCut::constructCall::abi_decode(&call).context("the pool's construction")?;
    Ok((cutter, call))
}

/// What the router's constructor is given; `owner` is the first one.
pub(crate) fn construction(plan: &Plan, owner: Address) -> IDiamondCut::Construction {
    IDiamondCut::Construction {
        stakedToken: plan.tokens.staked.address,
        rewardsToken: plan.tokens.rewards.address,
        rewardsTreasury: plan.pool.treasury,
        distributionStart: U256::from(plan.pool.distribution_start.0),
        distributionEnd: U256::from(plan.pool.distribution_end.0),
        owner,
        interval: U256::from(plan.pool.epoch.0),
        offset: U256::from(plan.pool.epoch_zero.0),
        blackoutWindow: U256::from(plan.pool.blackout.0),
        name: plan.pool.name.clone(),
        symbol: plan.pool.symbol.clone(),
    }
}
