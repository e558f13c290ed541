//! One address, many facets: routing, cuts, loupe, construction, storage layout.

use std::collections::{BTreeMap, BTreeSet};

use suite::prelude::*;

#[test]
fn every_function_of_the_abi_is_routed_once() {
    let pool = Pool::deploy();
    let facets = pool.view(IDiamondCut::facetsCall {});
    let mut routed = BTreeMap::new();
    for facet in &facets {
        for selector in &facet.functionSelectors {
            let previous = routed.insert(*selector, facet.facetAddress);
            assert_eq!(previous, None, "{selector} stands twice");
        }
    }
    let known: BTreeSet<_> = suite::abi::functions()
        .into_iter()
        .map(|function| function.selector())
        .filter(|selector| selector.0 != IDiamondCut::constructCall::SELECTOR)
        .collect();
    assert_eq!(routed.keys().copied().collect::<BTreeSet<_>>(), known);
}

#[test]
fn the_loupe_agrees_with_itself() {
    let pool = Pool::deploy();
    let facets = pool.view(IDiamondCut::facetsCall {});
    let addresses = pool.view(IDiamondCut::facetAddressesCall {});
    assert_eq!(addresses, facets.iter().map(|facet| facet.facetAddress).collect::<Vec<_>>());
    for facet in facets {
        let selectors = pool.view(IDiamondCut::facetFunctionSelectorsCall { _facet: facet.facetAddress });
        assert_eq!(selectors, facet.functionSelectors);
        for selector in selectors {
            let answers = pool.view(IDiamondCut::facetAddressCall { _functionSelector: selector });
            assert_eq!(answers, facet.facetAddress);
        }
    }
    let nobody = pool.view(IDiamondCut::facetAddressCall { _functionSelector: [0xff; 4].into() });
    assert_eq!(nobody, Address::ZERO);
}

#[test]
fn interfaces_are_announced() {
    let pool = Pool::deploy();
    let supports = |id: u32| pool.view(IDiamondCut::supportsInterfaceCall { interfaceId: id.to_be_bytes().into() });
    assert!(supports(0x01ff_c9a7), "ERC-165");
    assert!(supports(0x7965_db0b), "AccessControl");
    assert!(supports(0x1f93_1c1c), "ERC-2535 cut");
    assert!(supports(0x48e2_b093), "ERC-2535 loupe");
    assert!(!supports(0xffff_ffff) && !supports(0) && !supports(0x3659_8abe));
}

const ADD: u8 = 0;
const REPLACE: u8 = 1;
const REMOVE: u8 = 2;

fn cut(facet: Address, action: u8, selectors: &[[u8; 4]]) -> IDiamondCut::FacetCut {
    let selectors = selectors.iter().map(|&selector| selector.into()).collect();
    IDiamondCut::FacetCut { facetAddress: facet, action, functionSelectors: selectors }
}

#[test]
fn the_owner_adds_replaces_and_removes() {
    let mut pool = Pool::deploy();
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    let stake = IStaking::stakeCall::SELECTOR;
    let staking = pool.view(IDiamondCut::facetAddressCall { _functionSelector: stake.into() });
    let twin = pool.deploy_again("staking");

    let replace = vec![cut(twin, REPLACE, &[stake])];
    let receipt = pool.by("GOV").send(diamond_cut(replace.clone())).unwrap();
    let cut_event =
        IDiamondCut::DiamondCut { _diamondCut: replace, _init: Address::ZERO, _calldata: Default::default() };
    assert_logs(pool.logs(&receipt), [log(cut_event)]);
    pool.by("S0").stake(5).unwrap();
    assert_eq!(pool.view(IDiamondCut::facetAddressCall { _functionSelector: stake.into() }), twin);

    pool.by("GOV").send(diamond_cut(vec![cut(Address::ZERO, REMOVE, &[stake])])).unwrap();
    let refused = pool.by("S0").stake(5).unwrap_err();
    assert_refused(refused, errors::UnknownSelector { selector: stake.into() });
    pool.by("GOV").send(diamond_cut(vec![cut(staking, ADD, &[stake])])).unwrap();
    pool.by("S0").stake(5).unwrap();
    assert_eq!(pool.active("S0"), (u(1010), u(1010)));
}
