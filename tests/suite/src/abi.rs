//! The interfaces of `abi/`, as types and as data.

#![allow(
    missing_docs,
    missing_debug_implementations,
    clippy::too_many_arguments,
    reason = "generated from documented Solidity"
)]

use alloy_json_abi::{Function, JsonAbi, Param};
use alloy_primitives::{B256, U256};
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
    "../../abi/IBorrowerAllocations.sol"
);
sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../../abi/IDebtAccounting.sol"
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
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../../abi/ITrustedBorrowerL2Proxy.sol"
);
sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../../abi/IRoles.sol"
);
sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../../abi/IMerkleDistributor.sol"
);
sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../../abi/IRewardsOracle.sol"
);
sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../../abi/IClaimsProxy.sol"
);
sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../../abi/ITreasuryClaimProxy.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "../../abi/IStarkPerpetual.sol"
);
sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../doubles/abi/IToken.sol"
);
sol!(
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    "../doubles/abi/IExchange.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "../doubles/abi/IPuppet.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "../doubles/abi/IOddToken.sol"
);

/// The facets of the pool by program name, with the functions that each answers there.
pub fn facets() -> [(&'static str, Vec<Function>); 7] {
    let functions = |abi: JsonAbi| abi.functions.into_values().flatten().collect::<Vec<_>>();
    // `construct` is for the router's constructor alone.
    let routed = |abi| functions(abi).into_iter().filter(|function| function.name != "construct").collect();
    [
        ("borrower-allocations", functions(IBorrowerAllocations::abi::contract())),
        ("debt-accounting", functions(IDebtAccounting::abi::contract())),
        ("diamond-cut", routed(IDiamondCut::abi::contract())),
        ("epoch-schedule", functions(IEpochSchedule::abi::contract())),
        ("pool-views", functions(IPoolViews::abi::contract())),
        ("staked-token", functions(IStakedToken::abi::contract())),
        ("staking", functions(IStaking::abi::contract())),
    ]
}

/// The programs of the rewards distribution by name, with the functions that each answers, constructors left out.
pub fn distribution() -> [(&'static str, Vec<Function>); 4] {
    let functions = |abis: &[JsonAbi]| {
        let all = abis.iter().flat_map(|abi| abi.functions.values().flatten());
        all.filter(|function| function.name != "stylus_constructor").cloned().collect()
    };
    let roles = IRoles::abi::contract();
    [
        ("merkle-distributor", functions(&[IMerkleDistributor::abi::contract(), roles.clone()])),
        ("rewards-oracle", functions(&[IRewardsOracle::abi::contract(), roles])),
        ("claims-proxy", functions(&[IClaimsProxy::abi::contract()])),
        ("treasury-claim-proxy", functions(&[ITreasuryClaimProxy::abi::contract()])),
    ]
}

/// Every function that the pool answers.
pub fn functions() -> Vec<Function> {
    facets().into_iter().flat_map(|(_, functions)| functions).collect()
}

/// Every function that a borrower's proxy answers.
pub fn proxy_functions() -> Vec<Function> {
    ITrustedBorrowerL2Proxy::abi::contract().functions.into_values().flatten().collect()
}

/// A well-formed call of a function, with zeros and empty lists for arguments.
///
/// # Panics
///
/// If an argument is a tuple that holds a list: no routed function has one.
pub fn empty_call(function: &Function) -> Vec<u8> {
    let mut head = Vec::new();
    let mut tail = Vec::new();
    let head_length = 32 * function.inputs.iter().map(head_words).sum::<usize>();
    for param in &function.inputs {
        let list = param.ty.ends_with("[]") || param.ty == "bytes" || param.ty == "string";
        assert!(list || !param.components.iter().any(|part| part.ty.ends_with("[]")), "{}", function.signature());
        if list {
            head.extend(U256::from(head_length + tail.len()).to_be_bytes::<32>());
            tail.extend([0; 32]);
        } else {
            head.extend(vec![0; 32 * head_words(param)]);
        }
    }
    [function.selector().as_slice(), &head, &tail].concat()
}

/// Words that a parameter takes in the head of the arguments.
pub fn head_words(param: &Param) -> usize {
    if param.ty == "tuple" {
        return param.components.iter().map(head_words).sum();
    }
    // `uint256[12]` has twelve, a list one.
    let length = param.ty.strip_suffix(']').and_then(|ty| ty.split_once('[')).map(|(_, length)| length);
    length.and_then(|length| length.parse().ok()).unwrap_or(1)
}

/// Signature of the event with this first topic.
pub fn event(topic: B256) -> Option<String> {
    let declared = [
        IPoolEvents::abi::contract(),
        IDiamondCut::abi::contract(),
        IRoles::abi::contract(),
        IMerkleDistributor::abi::contract(),
        IRewardsOracle::abi::contract(),
        ITrustedBorrowerL2Proxy::abi::contract(),
    ];
    let events = declared.into_iter().flat_map(|abi| abi.events.into_values().flatten());
    events.into_iter().find(|event| event.selector() == topic).map(|event| event.signature())
}
