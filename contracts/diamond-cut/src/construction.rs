//! The pool's construction: what never changes is stored, facets are cut, the schedule is initialised, all in the router's constructor.

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use balances::{GlobalRewards, rewards::MAX_TIMESTAMP};
use pool_storage::{
    HOST, Name, Pool, Revert, abi, calls, revert,
    words::{self, Emission, Route},
};
use stylus_sdk::{
    abi::internal::CONSTRUCTOR_EXECUTED_SLOT,
    host::{VM, WasmVM},
    prelude::*,
    storage::StorageBool,
};

use crate::{Construction, cut, interface::IEpochSchedule::initializeCall};

mod token {
    alloy_sol_types::sol! {
        function decimals() returns (uint8);
    }
}

/// The longest name and symbol, bytes.
const MAX_TEXT: usize = 31;

/// The most decimals of a staked token.
const MAX_DECIMALS: U256 = U256::from_limbs([18, 0, 0, 0]);

/// Refuses anything but the first construction of a router, and arguments that could not work.
pub(crate) fn check(pool: &Pool, construction: &Construction) -> Result<(), Revert> {
    let (staked_token, rewards_token, treasury, start, end, owner, _, _, _, name, symbol) = construction;
    let (treasury, owner) = (*treasury, *owner);
    if !router_constructor_called() {
        return Err(revert(abi::NotConstructing {}));
    }
    if !pool.staked_token().is_zero() {
        return Err(revert(abi::AlreadyInitialized {}));
    }
    check_token(pool, *staked_token)?;
    check_token(pool, *rewards_token)?;
    if pool.is_nobody(treasury) {
        return Err(revert(abi::InvalidTreasury { treasury }));
    }
    if pool.is_nobody(owner) {
        return Err(revert(abi::InvalidOwner { owner }));
    }
    check_distribution(*start, *end)?;
    check_text(name)?;
    check_text(symbol)
}

/// Stores what never changes, and the first owner for [`initialize`].
pub(crate) fn store(pool: &mut Pool, construction: &Construction) -> Result<(), Revert> {
    let &(staked_token, rewards_token, treasury, start, end, owner, _, _, _, ref name, ref symbol) = construction;
    // Both fit: they are checked.
    let seconds = |time: U256| u64::try_from(time).unwrap_or(MAX_TIMESTAMP);
    pool.schedule.set(words::Schedule { distribution_start: seconds(start), ..Default::default() }.to_word());
    pool.rewards.set(GlobalRewards { end: seconds(end), ..Default::default() }.to_word());
    pool.emission.set(Emission { staked_token, rewards_per_second: 0 }.to_word());
    pool.rewards_token.set_address(rewards_token);
    pool.rewards_treasury.set_address(treasury);
    pool.proposed_owner.set_address(owner);
    pool.name.set(&name.0);
    pool.symbol.set(&symbol.0);
    pool.decimals.set(decimals(staked_token)?);
    Ok(())
}

/// Runs `initialize` of the facet that answers it.
pub(crate) fn initialize(pool: &Pool, construction: &Construction) -> Result<(), Revert> {
    let &(.., interval, offset, blackout_window, _, _) = construction;
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

/// Name and symbol fit a word each, length included, and can be shown as they are.
fn check_text(text: &Name) -> Result<(), Revert> {
    let (length, maximum) = (U256::from(text.0.len()), U256::from(MAX_TEXT));
    if text.0.is_empty() || text.0.len() > MAX_TEXT {
        return Err(revert(abi::InvalidTextLength { length, maximum }));
    }
    match text.0.iter().position(|character| !(b' '..=b'~').contains(character)) {
        Some(position) => {
            let character = U256::from(text.0.get(position).copied().unwrap_or_default());
            Err(revert(abi::UnprintableText { position: U256::from(position), character }))
        }
        None => Ok(()),
    }
}

/// What the staked token says of itself.
fn decimals(token: Address) -> Result<U256, Revert> {
    let decimals = calls::view_number(token, &token::decimalsCall {}.abi_encode())
        .ok_or_else(|| revert(abi::MissingDecimals { token }))?;
    if decimals > MAX_DECIMALS {
        return Err(revert(abi::TooManyDecimals { decimals, maximum: MAX_DECIMALS }));
    }
    Ok(decimals)
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
