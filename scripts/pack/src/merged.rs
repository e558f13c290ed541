//! What a contract's JSON ABI has beyond its own interface, so that clients read every answer with one file.

use std::collections::BTreeSet;

use alloy_json_abi::JsonAbi;
use anyhow::Result;

use crate::solidity::Interfaces;

/// What answers at the pool's one address: the facets by their interfaces, errors and events, the router with its constructor.
const POOL: &[&str] = &[
    "IBorrowerAllocations",
    "IDebtAccounting",
    "IDiamondCut",
    "IEpochSchedule",
    "ILiquidityStaking",
    "IPoolErrors",
    "IPoolEvents",
    "IPoolViews",
    "IStakedToken",
    "IStaking",
];

/// A function of a facet that is for the router's constructor alone.
const UNROUTED: &str = "construct";

/// Whose errors come through a contract unchanged.
const PASSED_ON: &[(&str, &[&str])] = &[
    ("IClaimsProxy", &["IPoolErrors", "IMerkleDistributor"]),
    ("ITreasuryClaimProxy", &["IMerkleDistributor"]),
    ("ITrustedBorrowerL2Proxy", &["IPoolErrors", "IMerkleDistributor"]),
];

/// The ABI of a file, with the errors that come through.
pub(crate) fn abi(declared: &Interfaces, file: &str) -> Result<JsonAbi> {
    let mut abi = declared.abi(file)?;
    for (_, sources) in PASSED_ON.iter().filter(|(contract, _)| *contract == file) {
        for source in *sources {
            add_errors(&mut abi, &declared.abi(source)?);
        }
    }
    Ok(abi)
}

/// Everything that is answered, logged and refused at the pool's address; none in a folder without a pool.
pub(crate) fn pool(declared: &Interfaces) -> Result<Option<JsonAbi>> {
    let files: BTreeSet<_> = declared.files().collect();
    if !POOL.iter().all(|file| files.contains(file)) {
        return Ok(None);
    }
    let mut pool = JsonAbi::new();
    for file in POOL {
        let part = declared.abi(file)?;
        add_errors(&mut pool, &part);
        pool.functions.extend(part.functions.into_iter().filter(|(name, _)| name != UNROUTED));
        pool.events.extend(part.events);
        pool.constructor = pool.constructor.or(part.constructor);
    }
    Ok(Some(pool))
}

/// Adds errors that are not known yet.
fn add_errors(abi: &mut JsonAbi, source: &JsonAbi) {
    for error in source.errors() {
        let known = abi.errors.entry(error.name.clone()).or_default();
        if !known.iter().any(|known| known.selector() == error.selector()) {
            known.push(error.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn declared() -> Interfaces {
        Interfaces::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../abi")).unwrap()
    }

    #[test]
    fn the_pool_answers_what_its_facets_do_and_nothing_twice() {
        let (declared, pool) = (declared(), pool(&declared()).unwrap().unwrap());
        let facets = POOL.iter().flat_map(|file| declared.abi(file).unwrap().functions.into_values().flatten());
        let expected: Vec<_> = facets.filter(|function| function.name != UNROUTED).map(|f| f.selector()).collect();
        let distinct: BTreeSet<_> = pool.functions().map(|function| function.selector()).collect();
        assert_eq!(distinct.len(), expected.len());
        assert_eq!(pool.functions().count(), expected.len());
        assert_eq!(distinct, expected.into_iter().collect());
        assert!(pool.constructor.is_some() && pool.event("DiamondCut").is_some());
    }

    #[test]
    fn errors_that_come_through_are_known_once() {
        let proxy = abi(&declared(), "ITrustedBorrowerL2Proxy").unwrap();
        for name in ["BorrowExceedsAllocation", "InvalidMerkleProof", "NoOverdueDebt", "ZeroAmount"] {
            assert_eq!(proxy.error(name).map(Vec::len), Some(1), "{name}");
        }
        let selectors: BTreeSet<_> = proxy.errors().map(|error| error.selector()).collect();
        assert_eq!(selectors.len(), proxy.errors().count());
    }
}
