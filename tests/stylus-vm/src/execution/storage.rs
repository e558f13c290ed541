//! Persistent and transient storage (sections 3.3 and 3.4).

use super::env::{Env, Escape, Hosted};
use super::pending::Pending;
use super::{Request, prices};
use crate::ARBOS_CHARGING_FIXES;

pub(super) fn load(env: &mut Env, key_at: u32, dest: u32) -> Hosted<()> {
    env.buy_ink(prices::HOST + 2 * prices::POINTER)?;
    let crossing = crossing_gas(env);
    env.need_gas(prices::COLD_SLOAD_GAS + prices::TIER_RESERVE_GAS + crossing)?;
    let key = env.read_word(key_at)?;
    env.note_args(&[&key[..]]);
    let tier = env.host().cache.count_load();
    env.buy_gas(tier)?;
    match env.host().cache.get(&key) {
        Some(value) => {
            env.write(dest, &value[..])?;
            env.note_outs(&[&value[..]]);
            Ok(())
        }
        None => env.ask(Request::GetStorage { key }, Pending::StorageLoad { key, dest }),
    }
}

/// What a miss pays for crossing to the EVM side. Before ArbOS 32 the ink figure was charged as gas.
pub(super) fn crossing_gas(env: &Env) -> u64 {
    match env.config().arbos_version >= ARBOS_CHARGING_FIXES {
        true => prices::CROSSING / u64::from(env.config().ink_price),
        false => prices::CROSSING,
    }
}

pub(super) fn store(env: &mut Env, key_at: u32, value_at: u32) -> Hosted<()> {
    env.buy_ink(prices::HOST + 2 * prices::POINTER)?;
    env.need_gas(prices::SSTORE_SENTRY_GAS + prices::TIER_RESERVE_GAS)?;
    let (key, value) = (env.read_word(key_at)?, env.read_word(value_at)?);
    env.note_args(&[&key[..], &value[..]]);
    let tier = env.host().cache.count_store();
    env.buy_gas(tier)?;
    env.host().cache.store(key, value);
    Ok(())
}

pub(super) fn flush(env: &mut Env, clear: u32) -> Hosted<()> {
    env.buy_ink(prices::HOST + prices::CROSSING)?;
    env.need_gas(prices::SSTORE_SENTRY_GAS)?;
    let clear = clear != 0;
    env.note_args(&[&[u8::from(clear)]]);
    let writes = env.host().cache.dirty();
    if writes.is_empty() {
        if clear {
            env.host().cache.clear();
        }
        return Ok(());
    }
    refuse_static(env)?;
    // One more than there is, so that a write too many is noticed by the meter as well.
    let gas_left = env.gas_left().saturating_add(1);
    env.ask(Request::SetStorage { writes, gas_left }, Pending::StorageFlush { clear })
}

pub(super) fn transient_load(env: &mut Env, key_at: u32, dest: u32) -> Hosted<()> {
    buy_transient(env)?;
    let key = env.read_word(key_at)?;
    env.note_args(&[&key[..]]);
    env.ask(Request::GetTransient { key }, Pending::TransientLoad { dest })
}

pub(super) fn transient_store(env: &mut Env, key_at: u32, value_at: u32) -> Hosted<()> {
    buy_transient(env)?;
    let (key, value) = (env.read_word(key_at)?, env.read_word(value_at)?);
    env.note_args(&[&key[..], &value[..]]);
    refuse_static(env)?;
    env.ask(Request::SetTransient { key, value }, Pending::Nothing)
}

fn buy_transient(env: &mut Env) -> Hosted<()> {
    env.buy_ink(prices::HOST + 2 * prices::POINTER + prices::CROSSING)?;
    env.buy_gas(prices::TRANSIENT_GAS)
}

/// Writes fail in a static frame.
pub(super) fn refuse_static(env: &Env) -> Hosted<()> {
    match env.context().is_static {
        true => Err(Escape::Failure),
        false => Ok(()),
    }
}
