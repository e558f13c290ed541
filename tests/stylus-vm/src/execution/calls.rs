//! Calls, creation and logs (sections 3.3 and 3.5). What the EVM side charges comes with the reply.

use alloy_primitives::{Bytes, U256};

use super::env::{Env, Escape, Hosted};
use super::pending::{self, Pending};
use super::storage::refuse_static;
use super::{CallKind, Request, prices};

const MAX_TOPICS: u32 = 4;

/// Arguments that the three call functions share. Pointers, but for `len` and `gas`.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallArgs {
    pub(super) address: u32,
    pub(super) data: u32,
    pub(super) len: u32,
    pub(super) gas: u64,
    pub(super) ret_len_out: u32,
}

/// `value_at` is present for [`CallKind::Call`] only.
pub(super) fn call(env: &mut Env, kind: CallKind, args: CallArgs, value_at: Option<u32>) -> Hosted<u32> {
    env.buy_ink(prices::HOST + 3 * prices::POINTER + prices::CROSSING)?;
    env.buy_ink(2 * prices::read(args.len))?;
    let gas_left = env.gas_left();
    let gas_wanted = args.gas.min(gas_left);
    let address = env.read_address(args.address)?;
    let data = env.read_bytes(args.data, args.len)?;
    let value = value_at.map(|at| env.read_u256(at)).transpose()?;
    note_call(env, address.as_slice(), args.gas, value, &data);

    let value = value.unwrap_or_default();
    if env.context().is_static && !value.is_zero() {
        return pending::finish_call(env, args.ret_len_out, false, Bytes::new());
    }
    let request = Request::Call { kind, address, data, value, gas_left, gas_wanted };
    env.ask(request, Pending::Call { ret_len_out: args.ret_len_out })
}

/// Traces show the gas that the program asked for, not what there was.
fn note_call(env: &mut Env, address: &[u8], gas: u64, value: Option<U256>, data: &[u8]) {
    let gas = gas.to_be_bytes();
    match value {
        Some(value) => env.note_args(&[address, &gas, &value.to_be_bytes::<32>(), data]),
        None => env.note_args(&[address, &gas, data]),
    }
}

/// Arguments that the two creation functions share. Pointers, but for `len`.
#[derive(Clone, Copy, Debug)]
pub(super) struct CreateArgs {
    pub(super) code: u32,
    pub(super) len: u32,
    pub(super) endowment: u32,
    /// Present for CREATE2 only.
    pub(super) salt: Option<u32>,
    pub(super) address_out: u32,
    pub(super) revert_len_out: u32,
}

pub(super) fn create(env: &mut Env, args: CreateArgs) -> Hosted<()> {
    let pointers = 3 + u64::from(args.salt.is_some());
    env.buy_ink(prices::HOST + pointers * prices::POINTER + prices::CROSSING)?;
    env.buy_ink(2 * prices::read(args.len))?;
    let code = env.read_bytes(args.code, args.len)?;
    let endowment = env.read_u256(args.endowment)?;
    let salt = args.salt.map(|at| env.read_word(at)).transpose()?;
    let salt_bytes = salt.as_ref().map_or(&[][..], |salt| &salt[..]);
    env.note_args(&[&endowment.to_be_bytes::<32>(), salt_bytes, &code]);
    if env.context().is_static {
        env.host().return_data = Bytes::new();
        return Err(Escape::Failure);
    }
    let gas_left = env.gas_left();
    let request = Request::Create { code, endowment, salt, gas_left };
    let CreateArgs { address_out, revert_len_out, .. } = args;
    env.ask(request, Pending::Create { address_out, revert_len_out })
}

/// `data` begins with the topics.
pub(super) fn emit_log(env: &mut Env, data: u32, len: u32, topics: u32) -> Hosted<()> {
    env.buy_ink(prices::HOST + prices::CROSSING)?;
    if topics > MAX_TOPICS || len < 32 * topics {
        return Err(Escape::Failure);
    }
    env.buy_ink(prices::read(len))?;
    env.buy_gas(prices::log_gas(topics, len - 32 * topics))?;
    let bytes = env.read_bytes(data, len)?;
    env.note_args(&[&topics.to_be_bytes(), &bytes]);
    refuse_static(env)?;
    let split = 32 * topics as usize;
    let topics = bytes[..split].chunks_exact(32).map(alloy_primitives::B256::from_slice).collect();
    let data = bytes.slice(split..);
    env.ask(Request::EmitLog { topics, data }, Pending::Nothing)
}
