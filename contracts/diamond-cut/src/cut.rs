//! Changing the table of selectors.

use alloc::vec::Vec;

use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, SolEvent};
use pool_storage::{
    HOST, Pool, Revert, abi, calls, revert,
    words::{Route, Selectors, selector_key},
};
use stylus_sdk::{call::RawCall, prelude::*};

use crate::{
    FacetCut, Selector,
    interface::{IDebtAccounting::markDebtCall, IDiamondCut},
};

const ADD: u8 = 0;
const REPLACE: u8 = 1;
const REMOVE: u8 = 2;

/// ERC-165's id of `diamondCut`.
const CUT_INTERFACE: [u8; 4] = 0x1f93_1c1c_u32.to_be_bytes();

/// Applies the cuts in their order.
pub(crate) fn apply(pool: &mut Pool, cuts: &[FacetCut]) -> Result<(), Revert> {
    for (facet, action, selectors) in cuts {
        check(*facet, *action, selectors)?;
        for selector in selectors {
            match *action {
                ADD => add(pool, *facet, *selector)?,
                REPLACE => replace(pool, *facet, *selector)?,
                _ => remove(pool, *selector)?,
            }
        }
    }
    Ok(())
}

/// Emits the event.
pub(crate) fn report(cuts: Vec<FacetCut>, init: Address, calldata: Vec<u8>) {
    let cuts = cuts.into_iter().map(|(facet, action, selectors)| IDiamondCut::FacetCut {
        facetAddress: facet,
        action,
        functionSelectors: selectors,
    });
    let event = IDiamondCut::DiamondCut { _diamondCut: cuts.collect(), _init: init, _calldata: calldata.into() };
    HOST.emit_log(&[IDiamondCut::DiamondCut::SIGNATURE_HASH.as_slice(), &event.encode_data()].concat(), 1);
}

/// Delegates to `init`, unless that is zero.
pub(crate) fn initialize(init: Address, calldata: &[u8]) -> Result<(), Revert> {
    if init.is_zero() {
        return Ok(());
    }
    // Delegating to an address without code succeeds and does nothing.
    if HOST.code_size(init) == 0 {
        return Err(revert(abi::InvalidInitializer { init }));
    }
    // SAFETY: flushed and cleared, so neither side sees stale words.
    let result = unsafe { RawCall::new_delegate().clear_storage_cache().call(init, calldata) };
    result.map(|_| ()).map_err(Revert::bubbled)
}

/// Refuses to leave the pool without what it cannot do without: marking, or nobody could withdraw while it is short; and a facet that
/// cuts, alive and saying so at its own address, or this cut would be the last.
pub(crate) fn check_required(pool: &Pool) -> Result<(), Revert> {
    required(pool, markDebtCall::SELECTOR.into())?;
    let facet = required(pool, IDiamondCut::diamondCutCall::SELECTOR.into())?;
    let call = IDiamondCut::supportsInterfaceCall { interfaceId: CUT_INTERFACE.into() }.abi_encode();
    if calls::view_number(facet, &call) == Some(U256::ONE) {
        return Ok(());
    }
    Err(revert(abi::FacetDoesNotCut { facet }))
}

fn required(pool: &Pool, selector: Selector) -> Result<Address, Revert> {
    let Route { facet, .. } = route(pool, selector);
    if facet.is_zero() {
        return Err(revert(abi::RequiredSelectorUnrouted { selector }));
    }
    Ok(facet)
}

fn check(facet: Address, action: u8, selectors: &[Selector]) -> Result<(), Revert> {
    if action > REMOVE {
        return Err(revert(abi::InvalidCutAction { action, maximum: REMOVE }));
    }
    if selectors.is_empty() {
        return Err(revert(abi::NoSelectors { facet }));
    }
    if action == REMOVE {
        if facet.is_zero() {
            return Ok(());
        }
        return Err(revert(abi::RemovedFacetNotZero { facet }));
    }
    if HOST.code_size(facet) == 0 || facet == HOST.contract_address() {
        return Err(revert(abi::InvalidFacet { facet }));
    }
    Ok(())
}

fn add(pool: &mut Pool, facet: Address, selector: Selector) -> Result<(), Revert> {
    let Route { facet: known, .. } = route(pool, selector);
    if !known.is_zero() {
        return Err(revert(abi::DuplicateSelector { selector, facet: known }));
    }
    let position = count(pool);
    set_route(pool, selector, Route { facet, position });
    set_selector_at(pool, position, selector);
    pool.selector_count.set(U256::from(position).saturating_add(U256::ONE)); // Below 2^32.
    Ok(())
}

fn replace(pool: &mut Pool, facet: Address, selector: Selector) -> Result<(), Revert> {
    let known = routed(pool, selector)?;
    if known.facet == facet {
        return Err(revert(abi::DuplicateSelector { selector, facet }));
    }
    set_route(pool, selector, Route { facet, ..known });
    Ok(())
}

/// The last selector of the list takes the removed one's place.
fn remove(pool: &mut Pool, selector: Selector) -> Result<(), Revert> {
    let removed = routed(pool, selector)?;
    if selector == IDiamondCut::diamondCutCall::SELECTOR {
        return Err(revert(abi::CannotRemoveDiamondCut { selector }));
    }
    let last_position = count(pool).saturating_sub(1); // There is at least the removed one.
    let last = selector_at(pool, last_position);
    set_selector_at(pool, removed.position, last);
    set_selector_at(pool, last_position, Selector::ZERO);
    pool.selector_count.set(U256::from(last_position));
    let moved = Route { position: removed.position, ..route(pool, last) };
    set_route(pool, last, moved);
    set_route(pool, selector, Route::default()); // Last, since it may be the moved one.
    Ok(())
}

/// How many selectors are routed. Limited by gas, long before 2^32.
pub(crate) fn count(pool: &Pool) -> u32 {
    u32::try_from(pool.selector_count.get()).unwrap_or(u32::MAX)
}

/// The selector at `position` of the list.
pub(crate) fn selector_at(pool: &Pool, position: u32) -> Selector {
    Selector::from(*selectors_around(pool, position).at(position))
}

fn set_selector_at(pool: &mut Pool, position: u32, selector: Selector) {
    let mut selectors = selectors_around(pool, position);
    *selectors.at(position) = selector_key(selector);
    pool.selectors.insert(position / Selectors::LEN, selectors.to_word());
}

fn selectors_around(pool: &Pool, position: u32) -> Selectors {
    Selectors::from_word(pool.selectors.get(position / Selectors::LEN))
}

/// The route of a selector that has one.
pub(crate) fn routed(pool: &Pool, selector: Selector) -> Result<Route, Revert> {
    let known = route(pool, selector);
    if known.facet.is_zero() {
        return Err(revert(abi::UnknownSelector { selector }));
    }
    Ok(known)
}

fn route(pool: &Pool, selector: Selector) -> Route {
    Route::from_word(pool.facets.get(selector_key(selector)))
}

fn set_route(pool: &mut Pool, selector: Selector, route: Route) {
    pool.facets.insert(selector_key(selector), route.to_word());
}
