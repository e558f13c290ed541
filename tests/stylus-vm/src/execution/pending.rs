//! The second half of the host functions that ask the chain: what the answer costs and where it goes.

use alloy_primitives::{Address, B256, Bytes};

use super::accounts::receive_code;
use super::env::{Env, Escape, Hosted};
use super::program_io::part;
use super::storage::crossing_gas;
use super::{ARBOS_FLUSH_OUT_OF_GAS, Reply, prices};
use crate::ARBOS_CHARGING_FIXES;

/// Status that a program sees of any call that did not succeed.
const CALL_FAILED: u32 = 2;

/// A host function that waits. Fields are addresses in guest memory unless the type says otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pending {
    StorageLoad {
        key: B256,
        dest: u32,
    },
    StorageFlush {
        clear: bool,
    },
    TransientLoad {
        dest: u32,
    },
    AccountWord {
        dest: u32,
    },
    Code {
        address: Address,
        usage: CodeUse,
    },
    Call {
        ret_len_out: u32,
    },
    Create {
        address_out: u32,
        revert_len_out: u32,
    },
    AddPages,
    /// The chain acts, and there is nothing to bring back.
    Nothing,
}

/// What a program wants of another account's code.
#[derive(Clone, Copy, Debug)]
pub(super) enum CodeUse {
    Size,
    Copy { offset: u32, size: u32, dest: u32 },
}

impl Pending {
    /// Finishes the host function; the result is what it returns to the program, if anything.
    ///
    /// # Panics
    ///
    /// If `reply` does not answer the request: an error of the chain that drives the execution.
    pub(super) fn finish(self, env: &mut Env, reply: Reply) -> Hosted<Option<u32>> {
        match (self, reply) {
            (Self::StorageLoad { key, dest }, Reply::Word { value, gas }) => {
                env.buy_gas(gas.saturating_add(crossing_gas(env)))?;
                env.host().cache.loaded(key, value);
                give_word(env, dest, value)?;
            }
            (Self::StorageFlush { clear }, Reply::Stored { gas, complete }) => {
                finish_flush(env, clear, gas, complete)?;
            }
            (Self::TransientLoad { dest }, Reply::Word { value, .. }) => give_word(env, dest, value)?,
            (Self::AccountWord { dest }, Reply::Word { value, gas }) => {
                env.buy_gas(gas)?;
                give_word(env, dest, value)?;
            }
            (Self::Code { address, usage }, Reply::Code { code, gas }) => {
                receive_code(env, address, &code, gas)?;
                return finish_code(env, &code, usage).map(Some);
            }
            (Self::Call { ret_len_out }, Reply::Called { success, gas, data }) => {
                env.buy_gas(gas)?;
                return finish_call(env, ret_len_out, success, data).map(Some);
            }
            (Self::Create { .. }, Reply::CreateRefused) => return Err(Escape::Failure),
            (Self::Create { address_out, revert_len_out }, Reply::Created { address, gas, data }) => {
                env.buy_gas(gas)?;
                finish_create(env, address_out, revert_len_out, address, data)?;
            }
            (Self::AddPages, Reply::Gas { gas }) => env.buy_gas(gas)?,
            (Self::Nothing, Reply::Done) => {}
            (pending, reply) => panic!("{pending:?} cannot be answered by {reply:?}"),
        }
        Ok(None)
    }
}

fn give_word(env: &mut Env, dest: u32, value: B256) -> Hosted<()> {
    env.write(dest, &value[..])?;
    env.note_outs(&[&value[..]]);
    Ok(())
}

/// Before ArbOS 32 the writes of a flush were not paid through the meter. One that does not fit takes everything or,
/// before ArbOS 50, nothing.
fn finish_flush(env: &mut Env, clear: bool, gas: u64, complete: bool) -> Hosted<()> {
    let arbos_version = env.config().arbos_version;
    if !complete {
        return match arbos_version >= ARBOS_FLUSH_OUT_OF_GAS {
            true => env.exhaust(),
            false => Err(Escape::Failure),
        };
    }
    if arbos_version >= ARBOS_CHARGING_FIXES {
        env.buy_gas(gas)?;
    }
    env.host().cache.flushed();
    if clear {
        env.host().cache.clear();
    }
    Ok(())
}

/// Hands the code over, or its length. Copying is priced by the whole code.
pub(super) fn finish_code(env: &mut Env, code: &Bytes, usage: CodeUse) -> Hosted<u32> {
    match usage {
        CodeUse::Size => {
            let size = code.len() as u32;
            env.note_outs(&[&size.to_be_bytes()]);
            Ok(size)
        }
        CodeUse::Copy { offset, size, dest } => {
            env.buy_ink(prices::write(code.len() as u32))?;
            let part = part(code, offset, size);
            env.write(dest, part)?;
            env.note_outs(&[part]);
            Ok(part.len() as u32)
        }
    }
}

/// Keeps the return data, also that of a revert, and tells its length.
pub(super) fn finish_call(env: &mut Env, ret_len_out: u32, success: bool, data: Bytes) -> Hosted<u32> {
    let len = data.len() as u32;
    let status = match success {
        true => 0,
        false => CALL_FAILED,
    };
    env.host().return_data = data;
    env.write(ret_len_out, &len.to_le_bytes())?;
    env.note_outs(&[&len.to_be_bytes(), &[status as u8]]);
    Ok(status)
}

fn finish_create(
    env: &mut Env,
    address_out: u32,
    revert_len_out: u32,
    address: Option<Address>,
    data: Bytes,
) -> Hosted<()> {
    let address = address.unwrap_or_default();
    let len = data.len() as u32;
    env.host().return_data = data;
    // In this order: the two places may overlap.
    env.write(revert_len_out, &len.to_le_bytes())?;
    env.write(address_out, address.as_slice())?;
    env.note_outs(&[address.as_slice(), &len.to_be_bytes()]);
    Ok(())
}
