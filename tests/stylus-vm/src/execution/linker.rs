//! Connects the names of [`crate::abi`] with the functions that implement them.

use wasmi::errors::LinkerError;
use wasmi::{AsContextMut, Caller, Config, Engine, Error, F32, F64, Linker};

use super::calls::{CallArgs, CreateArgs};
use super::env::{Env, Host, Hosted};
use super::{CallKind, accounts, calls, prices, program_io, storage, values};
use crate::abi::VM_HOOKS;

/// The smallest frame takes four words, so the depth budgets of all protocol versions (262,144 words at most) allow for
/// fewer calls than this. An owner's parameter may allow for more.
const MAX_CALLS: usize = 1 << 20;
/// Far above what the depth budget lets a program use; grows on demand.
const MAX_STACK_BYTES: usize = 1 << 30;

/// An engine whose own limits no program can reach before its depth counter ends it.
pub(crate) fn engine() -> Engine {
    let mut config = Config::default();
    config
        .set_max_recursion_depth(MAX_CALLS)
        .set_max_stack_height(MAX_STACK_BYTES)
        .wasm_reference_types(false)
        .wasm_tail_call(false)
        .wasm_extended_const(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false);
    Engine::new(&config)
}

/// All host functions, those of debug chains too: validation decides what a program may import.
pub(crate) fn linker(engine: &Engine) -> Linker<Host> {
    let mut linker = Linker::new(engine);
    define(&mut linker).expect("no name is defined twice");
    linker
}

type Guest<'a> = Caller<'a, Host>;

/// Runs a host function between the two ends of its trace record.
fn run<R>(mut caller: Guest<'_>, name: &'static str, body: impl FnOnce(&mut Env) -> Hosted<R>) -> Result<R, Error> {
    let mut env = Env::new(caller.as_context_mut());
    env.begin(name);
    let result = body(&mut env).map_err(Error::host)?;
    env.end();
    Ok(result)
}

fn define(linker: &mut Linker<Host>) -> Result<(), LinkerError> {
    define_program_io(linker)?;
    define_storage(linker)?;
    define_calls(linker)?;
    define_accounts(linker)?;
    define_block(linker)?;
    define_message(linker)?;
    define_math(linker)?;
    define_debug(linker)
}

fn define_program_io(linker: &mut Linker<Host>) -> Result<(), LinkerError> {
    linker.func_wrap(VM_HOOKS, "read_args", |c: Guest, dest: u32| {
        run(c, "read_args", |env| program_io::read_args(env, dest))
    })?;
    linker.func_wrap(VM_HOOKS, "write_result", |c: Guest, data: u32, len: u32| {
        run(c, "write_result", |env| program_io::write_result(env, data, len))
    })?;
    linker.func_wrap(VM_HOOKS, "exit_early", |c: Guest, status: u32| {
        run(c, "exit_early", |env| program_io::exit_early(env, status))
    })?;
    linker.func_wrap(VM_HOOKS, "pay_for_memory_grow", |c: Guest, pages: u32| {
        run(c, "pay_for_memory_grow", |env| program_io::pay_for_memory_grow(env, pages))
    })?;
    linker
        .func_wrap(VM_HOOKS, "return_data_size", |c: Guest| run(c, "return_data_size", program_io::return_data_size))?;
    linker.func_wrap(VM_HOOKS, "read_return_data", |c: Guest, dest: u32, offset: u32, size: u32| {
        run(c, "read_return_data", |env| program_io::read_return_data(env, dest, offset, size))
    })?;
    Ok(())
}

fn define_storage(linker: &mut Linker<Host>) -> Result<(), LinkerError> {
    linker.func_wrap(VM_HOOKS, "storage_load_bytes32", |c: Guest, key: u32, dest: u32| {
        run(c, "storage_load_bytes32", |env| storage::load(env, key, dest))
    })?;
    linker.func_wrap(VM_HOOKS, "storage_cache_bytes32", |c: Guest, key: u32, value: u32| {
        run(c, "storage_cache_bytes32", |env| storage::store(env, key, value))
    })?;
    linker.func_wrap(VM_HOOKS, "storage_flush_cache", |c: Guest, clear: u32| {
        run(c, "storage_flush_cache", |env| storage::flush(env, clear))
    })?;
    linker.func_wrap(VM_HOOKS, "transient_load_bytes32", |c: Guest, key: u32, dest: u32| {
        run(c, "transient_load_bytes32", |env| storage::transient_load(env, key, dest))
    })?;
    linker.func_wrap(VM_HOOKS, "transient_store_bytes32", |c: Guest, key: u32, value: u32| {
        run(c, "transient_store_bytes32", |env| storage::transient_store(env, key, value))
    })?;
    Ok(())
}

#[rustfmt::skip]
fn define_calls(linker: &mut Linker<Host>) -> Result<(), LinkerError> {
    linker.func_wrap(VM_HOOKS, "call_contract",
        |c: Guest, address: u32, data: u32, len: u32, value: u32, gas: u64, ret_len_out: u32| {
            let args = CallArgs { address, data, len, gas, ret_len_out };
            run(c, "call_contract", |env| calls::call(env, CallKind::Call, args, Some(value)))
        })?;
    linker.func_wrap(VM_HOOKS, "delegate_call_contract",
        |c: Guest, address: u32, data: u32, len: u32, gas: u64, ret_len_out: u32| {
            let args = CallArgs { address, data, len, gas, ret_len_out };
            run(c, "delegate_call_contract", |env| calls::call(env, CallKind::Delegate, args, None))
        })?;
    linker.func_wrap(VM_HOOKS, "static_call_contract",
        |c: Guest, address: u32, data: u32, len: u32, gas: u64, ret_len_out: u32| {
            let args = CallArgs { address, data, len, gas, ret_len_out };
            run(c, "static_call_contract", |env| calls::call(env, CallKind::Static, args, None))
        })?;
    linker.func_wrap(VM_HOOKS, "create1",
        |c: Guest, code: u32, len: u32, endowment: u32, address_out: u32, revert_len_out: u32| {
            let args = CreateArgs { code, len, endowment, salt: None, address_out, revert_len_out };
            run(c, "create1", |env| calls::create(env, args))
        })?;
    linker.func_wrap(VM_HOOKS, "create2",
        |c: Guest, code: u32, len: u32, endowment: u32, salt: u32, address_out: u32, revert_len_out: u32| {
            let args = CreateArgs { code, len, endowment, salt: Some(salt), address_out, revert_len_out };
            run(c, "create2", |env| calls::create(env, args))
        })?;
    linker.func_wrap(VM_HOOKS, "emit_log", |c: Guest, data: u32, len: u32, topics: u32| {
        run(c, "emit_log", |env| calls::emit_log(env, data, len, topics))
    })?;
    Ok(())
}

fn define_accounts(linker: &mut Linker<Host>) -> Result<(), LinkerError> {
    linker.func_wrap(VM_HOOKS, "account_balance", |c: Guest, address: u32, dest: u32| {
        run(c, "account_balance", |env| accounts::balance(env, address, dest))
    })?;
    linker.func_wrap(VM_HOOKS, "account_codehash", |c: Guest, address: u32, dest: u32| {
        run(c, "account_codehash", |env| accounts::code_hash(env, address, dest))
    })?;
    linker.func_wrap(VM_HOOKS, "account_code", |c: Guest, address: u32, offset: u32, size: u32, dest: u32| {
        run(c, "account_code", |env| accounts::code(env, address, offset, size, dest))
    })?;
    linker.func_wrap(VM_HOOKS, "account_code_size", |c: Guest, address: u32| {
        run(c, "account_code_size", |env| accounts::code_size(env, address))
    })?;
    Ok(())
}

#[rustfmt::skip]
fn define_block(linker: &mut Linker<Host>) -> Result<(), LinkerError> {
    linker.func_wrap(VM_HOOKS, "block_basefee", |c: Guest, dest: u32| {
        run(c, "block_basefee", |env| values::block_bytes(env, dest, |b| b.basefee.to_be_bytes::<32>()))
    })?;
    linker.func_wrap(VM_HOOKS, "block_coinbase", |c: Guest, dest: u32| {
        run(c, "block_coinbase", |env| values::block_bytes(env, dest, |b| b.coinbase.into_array()))
    })?;
    linker.func_wrap(VM_HOOKS, "block_gas_limit", |c: Guest| {
        run(c, "block_gas_limit", |env| values::long(env, |env| env.block().gas_limit))
    })?;
    linker.func_wrap(VM_HOOKS, "block_number", |c: Guest| {
        run(c, "block_number", |env| values::long(env, |env| env.block().number))
    })?;
    linker.func_wrap(VM_HOOKS, "block_timestamp", |c: Guest| {
        run(c, "block_timestamp", |env| values::long(env, |env| env.block().timestamp))
    })?;
    linker.func_wrap(VM_HOOKS, "chainid", |c: Guest| {
        run(c, "chainid", |env| values::long(env, |env| env.block().chain_id))
    })?;
    linker.func_wrap(VM_HOOKS, "tx_gas_price", |c: Guest, dest: u32| {
        run(c, "tx_gas_price", |env| values::block_bytes(env, dest, |b| b.gas_price.to_be_bytes::<32>()))
    })?;
    linker.func_wrap(VM_HOOKS, "tx_origin", |c: Guest, dest: u32| {
        run(c, "tx_origin", |env| values::block_bytes(env, dest, |b| b.origin.into_array()))
    })?;
    linker.func_wrap(VM_HOOKS, "tx_ink_price", |c: Guest| {
        run(c, "tx_ink_price", |env| values::int(env, |env| env.config().ink_price))
    })?;
    Ok(())
}

#[rustfmt::skip]
fn define_message(linker: &mut Linker<Host>) -> Result<(), LinkerError> {
    linker.func_wrap(VM_HOOKS, "contract_address", |c: Guest, dest: u32| {
        run(c, "contract_address", |env| values::context_bytes(env, dest, |c| c.contract.into_array()))
    })?;
    linker.func_wrap(VM_HOOKS, "msg_sender", |c: Guest, dest: u32| {
        run(c, "msg_sender", |env| values::context_bytes(env, dest, |c| c.sender.into_array()))
    })?;
    linker.func_wrap(VM_HOOKS, "msg_value", |c: Guest, dest: u32| {
        run(c, "msg_value", |env| values::context_bytes(env, dest, |c| c.value.to_be_bytes::<32>()))
    })?;
    linker.func_wrap(VM_HOOKS, "msg_reentrant", |c: Guest| {
        run(c, "msg_reentrant", |env| values::int(env, |env| u32::from(env.context().reentrant)))
    })?;
    linker.func_wrap(VM_HOOKS, "evm_gas_left", |c: Guest| {
        run(c, "evm_gas_left", |env| values::long(env, |env| env.gas_left()))
    })?;
    linker.func_wrap(VM_HOOKS, "evm_ink_left", |c: Guest| {
        run(c, "evm_ink_left", |env| values::long(env, |env| env.ink_left()))
    })?;
    Ok(())
}

#[rustfmt::skip]
fn define_math(linker: &mut Linker<Host>) -> Result<(), LinkerError> {
    linker.func_wrap(VM_HOOKS, "math_div", |c: Guest, value: u32, divisor: u32| {
        run(c, "math_div", |env| values::binary(env, value, divisor, prices::DIV, values::div))
    })?;
    linker.func_wrap(VM_HOOKS, "math_mod", |c: Guest, value: u32, modulus: u32| {
        run(c, "math_mod", |env| values::binary(env, value, modulus, prices::DIV, values::rem))
    })?;
    linker.func_wrap(VM_HOOKS, "math_pow", |c: Guest, value: u32, exponent: u32| {
        run(c, "math_pow", |env| values::pow(env, value, exponent))
    })?;
    linker.func_wrap(VM_HOOKS, "math_add_mod", |c: Guest, value: u32, addend: u32, modulus: u32| {
        let words = [value, addend, modulus];
        run(c, "math_add_mod", |env| values::ternary(env, words, prices::ADD_MOD, |a, b, m| a.add_mod(b, m)))
    })?;
    linker.func_wrap(VM_HOOKS, "math_mul_mod", |c: Guest, value: u32, multiplier: u32, modulus: u32| {
        let words = [value, multiplier, modulus];
        run(c, "math_mul_mod", |env| values::ternary(env, words, prices::MUL_MOD, |a, b, m| a.mul_mod(b, m)))
    })?;
    linker.func_wrap(VM_HOOKS, "native_keccak256", |c: Guest, input: u32, len: u32, output: u32| {
        run(c, "native_keccak256", |env| values::keccak(env, input, len, output))
    })?;
    Ok(())
}

/// Free, and without effect; what is logged as text stands in traces.
fn define_debug(linker: &mut Linker<Host>) -> Result<(), LinkerError> {
    linker.func_wrap("console", "log_txt", |c: Guest, text: u32, len: u32| {
        run(c, "log_txt", |env| program_io::log_text(env, text, len))
    })?;
    linker.func_wrap("console", "log_i32", |_: u32| {})?;
    linker.func_wrap("console", "log_i64", |_: u64| {})?;
    linker.func_wrap("console", "log_f32", |_: F32| {})?;
    linker.func_wrap("console", "log_f64", |_: F64| {})?;
    linker.func_wrap("console", "tee_i32", |value: u32| value)?;
    linker.func_wrap("console", "tee_i64", |value: u64| value)?;
    linker.func_wrap("console", "tee_f32", |value: F32| value)?;
    linker.func_wrap("console", "tee_f64", |value: F64| value)?;
    for name in ["null_host", "start_benchmark", "end_benchmark"] {
        linker.func_wrap("debug", name, || {})?;
    }
    Ok(())
}
