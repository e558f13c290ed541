//! Which facet answers which call (ERC-2535, ERC-165), and the pool's construction. What each function does, refuses and reports stands
//! in `abi/IDiamondCut.sol`.
//!
//! `diamondCut` itself can be replaced, by a facet that says that it cuts, but not removed: a pool whose routing is frozen by mistake could
//! never be repaired.

#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(missing_docs, reason = "what `program!` generates is public")]

extern crate alloc;

mod construction;
mod cut;

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, FixedBytes, U256};
use pool_storage::{
    Name, Pool, Revert, Role,
    words::{Route, selector_key},
};
use stylus_sdk::{abi::Bytes, prelude::*};

/// The interfaces whose calls and events are used here.
#[allow(missing_docs, unreachable_pub, reason = "generated from documented Solidity")]
mod interface {
    alloy_sol_types::sol!("../../abi/IDiamondCut.sol");
    alloy_sol_types::sol!("../../abi/IDebtAccounting.sol");
    alloy_sol_types::sol!("../../abi/IEpochSchedule.sol");
}

type Selector = FixedBytes<4>;

/// `IDiamondCut.FacetCut`: facet, action, selectors.
type FacetCut = (Address, u8, Vec<Selector>);

/// `IDiamondCut.Construction`.
type Construction = (Address, Address, Address, U256, U256, Address, U256, U256, U256, Name, Name);

/// Interfaces that are supported: ERC-165, AccessControl, ERC-2535 cut and loupe.
const INTERFACES: [u32; 4] = [0x01ff_c9a7, 0x7965_db0b, 0x1f93_1c1c, 0x48e2_b093];

/// The facet: the pool's storage and nothing else.
#[storage]
pub struct DiamondCut {
    pool: Pool,
}

pool_storage::program!(DiamondCut);

#[public]
impl DiamondCut {
    fn construct(&mut self, construction: Construction, cuts: Vec<FacetCut>) -> Result<(), Revert> {
        construction::check(&self.pool, &construction)?;
        construction::store(&mut self.pool, &construction)?;
        cut::apply(&mut self.pool, &cuts)?;
        cut::report(cuts, Address::ZERO, Vec::new());
        construction::initialize(&self.pool, &construction)?;
        cut::check_required(&self.pool)
    }

    fn diamond_cut(&mut self, diamond_cut: Vec<FacetCut>, init: Address, calldata: Bytes) -> Result<(), Revert> {
        self.pool.only(Role::OWNER)?;
        cut::apply(&mut self.pool, &diamond_cut)?;
        cut::report(diamond_cut, init, calldata.0.clone());
        cut::initialize(init, &calldata)?;
        cut::check_required(&self.pool)
    }

    fn facets(&self) -> Vec<(Address, Vec<Selector>)> {
        let mut facets = Vec::<(Address, Vec<Selector>)>::new();
        for (facet, selector) in self.routes() {
            match facets.iter_mut().find(|(known, _)| *known == facet) {
                Some((_, selectors)) => selectors.push(selector),
                None => facets.push((facet, vec![selector])),
            }
        }
        facets
    }

    fn facet_function_selectors(&self, facet: Address) -> Vec<Selector> {
        self.routes().filter(|(known, _)| *known == facet).map(|(_, selector)| selector).collect()
    }

    fn facet_addresses(&self) -> Vec<Address> {
        self.facets().into_iter().map(|(facet, _)| facet).collect()
    }

    fn facet_address(&self, function_selector: Selector) -> Address {
        self.route(function_selector).facet
    }

    fn supports_interface(&self, interface_id: Selector) -> bool {
        INTERFACES.contains(&selector_key(interface_id))
    }
}

impl DiamondCut {
    fn route(&self, selector: Selector) -> Route {
        Route::from_word(self.pool.facets.get(selector_key(selector)))
    }

    /// All selectors with their facets.
    fn routes(&self) -> impl Iterator<Item = (Address, Selector)> + '_ {
        (0..cut::count(&self.pool)).map(|position| {
            let selector = cut::selector_at(&self.pool, position);
            (self.route(selector).facet, selector)
        })
    }
}
