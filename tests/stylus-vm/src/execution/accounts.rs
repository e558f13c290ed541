//! Other accounts: balance, code, code hash (section 3.3).

use alloy_primitives::{Address, Bytes};

use super::env::{Env, Hosted};
use super::pending::{self, CodeUse, Pending};
use super::{ARBOS_NO_EMPTY_CODE_MEMORY, Request, prices};

pub(super) fn balance(env: &mut Env, address_at: u32, dest: u32) -> Hosted<()> {
    let address = word_of_account(env, address_at)?;
    env.ask(Request::Balance { address }, Pending::AccountWord { dest })
}

pub(super) fn code_hash(env: &mut Env, address_at: u32, dest: u32) -> Hosted<()> {
    let address = word_of_account(env, address_at)?;
    env.ask(Request::CodeHash { address }, Pending::AccountWord { dest })
}

fn word_of_account(env: &mut Env, address_at: u32) -> Hosted<Address> {
    env.buy_ink(prices::HOST + 2 * prices::POINTER + prices::CROSSING)?;
    env.need_gas(prices::COLD_ACCOUNT_GAS)?;
    let address = env.read_address(address_at)?;
    env.note_args(&[address.as_slice()]);
    Ok(address)
}

pub(super) fn code(env: &mut Env, address_at: u32, offset: u32, size: u32, dest: u32) -> Hosted<u32> {
    use_code(env, address_at, CodeUse::Copy { offset, size, dest })
}

pub(super) fn code_size(env: &mut Env, address_at: u32) -> Hosted<u32> {
    use_code(env, address_at, CodeUse::Size)
}

fn use_code(env: &mut Env, address_at: u32, usage: CodeUse) -> Hosted<u32> {
    env.buy_ink(prices::HOST + prices::CROSSING)?;
    env.need_gas(prices::COLD_ACCOUNT_GAS)?;
    let address = env.read_address(address_at)?;
    match usage {
        CodeUse::Size => env.note_args(&[address.as_slice()]),
        CodeUse::Copy { offset, size, .. } => {
            env.note_args(&[address.as_slice(), &offset.to_be_bytes(), &size.to_be_bytes()]);
        }
    }
    match env.host().last_code.clone() {
        Some((known, code)) if known == address => pending::finish_code(env, &code, usage),
        _ => env.ask(Request::Code { address }, Pending::Code { address, usage }),
    }
}

/// Pays for another account's code and remembers it: the last one asked is free.
pub(super) fn receive_code(env: &mut Env, address: Address, code: &Bytes, access_gas: u64) -> Hosted<()> {
    let multiple = env.config().max_code_size / prices::EVM_MAX_CODE_SIZE;
    let surcharge = prices::CODE_GAS * u64::from(multiple);
    env.buy_gas(access_gas.saturating_add(surcharge))?;
    if !code.is_empty() || env.config().arbos_version < ARBOS_NO_EMPTY_CODE_MEMORY {
        env.host().last_code = Some((address, code.clone()));
    }
    Ok(())
}
