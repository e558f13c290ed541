//! The interfaces of `abi/`, as types and as data.

#![allow(
    missing_docs,
    missing_debug_implementations,
    clippy::too_many_arguments,
    reason = "generated from documented Solidity"
)]

use alloy_json_abi::{Function, JsonAbi, Param};
use alloy_primitives::B256;
use alloy_sol_types::sol;

sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../../abi/IStaking.sol"
);
sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../../abi/IStakedToken.sol"
);
sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../../abi/IPoolViews.sol"
);
sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../../abi/IEpochSchedule.sol"
);
sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../../abi/IDiamondCut.sol"
);
sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../../abi/IPoolErrors.sol"
);
sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../../abi/IPoolEvents.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "../doubles/abi/IToken.sol"
);

/// The facets of the pool by program name, with the functions that each answers there.
pub fn facets() -> [(&'static str, Vec<Function>); 5] {
    let functions = |abi: JsonAbi| abi.functions.into_values().flatten().collect::<Vec<_>>();
    // `construct` is for the router's constructor alone.
    let routed = |abi| functions(abi).into_iter().filter(|function| function.name != "construct").collect();
    [
        ("diamond-cut", routed(IDiamondCut::abi::contract())),
        ("epoch-schedule", functions(IEpochSchedule::abi::contract())),
        ("pool-views", functions(IPoolViews::abi::contract())),
        ("staked-token", functions(IStakedToken::abi::contract())),
        ("staking", functions(IStaking::abi::contract())),
    ]
}

/// Every function that the pool answers.
pub fn functions() -> Vec<Function> {
    facets().into_iter().flat_map(|(_, functions)| functions).collect()
}

/// Words that a parameter takes in the head of the arguments.
pub fn head_words(param: &Param) -> usize {
    if param.ty == "tuple" { param.components.iter().map(head_words).sum() } else { 1 }
}

/// Signature of the event with this first topic.
pub fn event(topic: B256) -> Option<String> {
    let events =
        [IPoolEvents::abi::contract(), IDiamondCut::abi::contract()].map(|abi| abi.events.into_values().flatten());
    events.into_iter().flatten().find(|event| event.selector() == topic).map(|event| event.signature())
}
