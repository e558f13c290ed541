//! The router: the pool's one address. It finds the facet that answers a call, delegates the call to it, and answers with exactly what
//! the facet answers. See `abi/ILiquidityStaking.sol`.
//!
//! Everybody passes here, so there is nothing else here: cuts, the loupe and the construction live in the facet `diamond-cut`.

#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(missing_docs, reason = "what `program!` generates is public")]

extern crate alloc;

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, FixedBytes, U256};
use pool_storage::{
    HOST, Pool, Revert, abi, only_deployer, revert,
    words::{Route, selector_key},
};
use stylus_sdk::{ArbResult, abi::Bytes, call::RawCall, prelude::*};

/// The router: the pool's storage and nothing else.
#[storage]
pub struct LiquidityStaking {
    pool: Pool,
}

pool_storage::program!(LiquidityStaking);

#[public]
impl LiquidityStaking {
    /// Delegates `call` to `facet`: normally `construct` of the facet `diamond-cut`. Runs once.
    #[constructor]
    fn constructor(&mut self, facet: Address, call: Bytes) -> Result<(), Revert> {
        only_deployer()?;
        // Delegating to an address without code succeeds and does nothing.
        if HOST.code_size(facet) == 0 {
            return Err(revert(abi::InvalidFacet { facet }));
        }
        // SAFETY: flushed and cleared, so neither side sees stale words; facets share this layout.
        let result = unsafe { RawCall::new_delegate().clear_storage_cache().call(facet, &call) };
        result.map(|_| ()).map_err(Revert::bubbled)
    }

    /// Delegates any other call to the facet that answers its selector.
    #[fallback]
    fn route(&mut self, call: &[u8]) -> ArbResult {
        let facet = self.facet(call)?;
        // SAFETY: no word is written before, none is read after; facets share this layout.
        unsafe { RawCall::new_delegate().call(facet, call) }
    }
}

impl LiquidityStaking {
    fn facet(&self, call: &[u8]) -> Result<Address, Revert> {
        let Some(selector) = call.first_chunk().map(|bytes| FixedBytes::<4>(*bytes)) else {
            let (length, minimum) = (U256::from(call.len()), U256::from(4));
            return Err(revert(abi::MissingSelector { length, minimum }));
        };
        let Route { facet, .. } = Route::from_word(self.pool.facets.get(selector_key(selector)));
        if facet.is_zero() {
            return Err(revert(abi::UnknownSelector { selector }));
        }
        Ok(facet)
    }
}
