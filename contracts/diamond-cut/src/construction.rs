//! The pool's construction: what never changes is stored, facets are cut, the schedule is initialised, all in the router's constructor.

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use balances::{GlobalRewards, rewards::MAX_TIMESTAMP};
use pool_storage::{
    HOST, Pool, Revert, abi, revert,
    words::{self, Emission, Route},
};
use stylus_sdk::{
    abi::internal::CONSTRUCTOR_EXECUTED_SLOT,
    host::{VM, WasmVM},
    prelude::*,
    storage::StorageBool,
};

use crate::{
    Construction, cut,
    interface::{IDiamondCut::diamondCutCall, IEpochSchedule::initializeCall},
};

/// Refuses anything but the first construction of a router, and arguments that could not work.
pub(crate) fn check(pool: &Pool, construction: &Construction) -> Result<(), Revert> {
    let (staked_token, rewards_token, treasury, start, end, owner, ..) = *construction;
    if !router_constructor_called() {
        return Err(revert(abi::NotConstructing {}));
    }
    if !pool.staked_token().is_zero() {
        return Err(revert(abi::AlreadyInitialized {}));
    }
    check_token(pool, staked_token)?;
    check_token(pool, rewards_token)?;
    if pool.is_nobody(treasury) {
        return Err(revert(abi::InvalidTreasury { treasury }));
    }
    if pool.is_nobody(owner) {
        return Err(revert(abi::InvalidOwner { owner }));
    }
    check_distribution(start, end)
}

/// Stores what never changes, and the first owner for [`initialize`].
pub(crate) fn store(pool: &mut Pool, construction: &Construction) {
    let (staked_token, rewards_token, treasury, start, end, owner, ..) = *construction;
    // Both fit: they are checked.
    let seconds = |time: U256| u64::try_from(time).unwrap_or(MAX_TIMESTAMP);
    pool.schedule.set(words::Schedule { distribution_start: seconds(start), ..Default::default() }.to_word());
    pool.rewards.set(GlobalRewards { end: seconds(end), ..Default::default() }.to_word());
    pool.emission.set(Emission { staked_token, rewards_per_second: 0 }.to_word());
    pool.rewards_token.set_address(rewards_token);
    pool.rewards_treasury.set_address(treasury);
    pool.proposed_owner.set_address(owner);
}

/// Runs `initialize` of the facet that answers it. Without a facet that cuts, the pool could never be changed again.
pub(crate) fn initialize(pool: &Pool, construction: &Construction) -> Result<(), Revert> {
    let (.., interval, offset, blackout_window) = *construction;
    cut::routed(pool, diamondCutCall::SELECTOR.into())?;
    let Route { facet, .. } = cut::routed(pool, initializeCall::SELECTOR.into())?;
    let call = initializeCall { interval, offset, blackoutWindow: blackout_window };
    cut::initialize(facet, &call.abi_encode())
}

/// Whether the storage at hand is a router's: the facet's own address has no constructor, hence never the mark that one ran.
fn router_constructor_called() -> bool {
    // SAFETY: no other field uses the slot; it is only read.
    unsafe { StorageBool::new(CONSTRUCTOR_EXECUTED_SLOT, 0, VM(WasmVM {})) }.get()
}

fn check_token(pool: &Pool, token: Address) -> Result<(), Revert> {
    if HOST.code_size(token) == 0 || pool.is_nobody(token) {
        return Err(revert(abi::InvalidToken { token }));
    }
    Ok(())
}

fn check_distribution(start: U256, end: U256) -> Result<(), Revert> {
    if end < start {
        return Err(revert(abi::InvalidDistribution { start, end }));
    }
    let maximum = U256::from(MAX_TIMESTAMP);
    if end > maximum {
        return Err(revert(abi::DistributionEndOverflow { end, maximum }));
    }
    Ok(())
}
