//! The functions a program may import (stylus-vm.md 3.3), as names and signatures.
//!
//! One table serves validation, which checks a program's imports against it, and a test that checks the linker
//! of [`crate::execution`] against it.

use wasmparser::ValType;

/// Module of the 42 functions of a production chain.
pub(crate) const VM_HOOKS: &str = "vm_hooks";
/// Name of the function that a program with a growable memory must import.
pub(crate) const PAY_FOR_MEMORY_GROW: &str = "pay_for_memory_grow";

/// Name, parameters and results of one host function: `i` and `I` are `i32` and `i64`, `f` and `F` are `f32` and `f64`.
pub(crate) type Signature = (&'static str, &'static str, &'static str);

/// Module `vm_hooks`.
pub(crate) const HOOKS: &[Signature] = &[
    ("read_args", "i", ""),
    ("write_result", "ii", ""),
    ("exit_early", "i", ""),
    (PAY_FOR_MEMORY_GROW, "i", ""),
    ("storage_load_bytes32", "ii", ""),
    ("storage_cache_bytes32", "ii", ""),
    ("storage_flush_cache", "i", ""),
    ("transient_load_bytes32", "ii", ""),
    ("transient_store_bytes32", "ii", ""),
    ("call_contract", "iiiiIi", "i"),
    ("delegate_call_contract", "iiiIi", "i"),
    ("static_call_contract", "iiiIi", "i"),
    ("create1", "iiiii", ""),
    ("create2", "iiiiii", ""),
    ("read_return_data", "iii", "i"),
    ("return_data_size", "", "i"),
    ("emit_log", "iii", ""),
    ("account_balance", "ii", ""),
    ("account_codehash", "ii", ""),
    ("account_code", "iiii", "i"),
    ("account_code_size", "i", "i"),
    ("block_basefee", "i", ""),
    ("block_coinbase", "i", ""),
    ("block_gas_limit", "", "I"),
    ("block_number", "", "I"),
    ("block_timestamp", "", "I"),
    ("chainid", "", "I"),
    ("contract_address", "i", ""),
    ("evm_gas_left", "", "I"),
    ("evm_ink_left", "", "I"),
    ("msg_reentrant", "", "i"),
    ("msg_sender", "i", ""),
    ("msg_value", "i", ""),
    ("tx_gas_price", "i", ""),
    ("tx_origin", "i", ""),
    ("tx_ink_price", "", "i"),
    ("math_div", "ii", ""),
    ("math_mod", "ii", ""),
    ("math_pow", "ii", ""),
    ("math_add_mod", "iii", ""),
    ("math_mul_mod", "iii", ""),
    ("native_keccak256", "iii", ""),
];

/// Module `console`, debug chains only.
pub(crate) const CONSOLE: &[Signature] = &[
    ("log_txt", "ii", ""),
    ("log_i32", "i", ""),
    ("log_i64", "I", ""),
    ("log_f32", "f", ""),
    ("log_f64", "F", ""),
    ("tee_i32", "i", "i"),
    ("tee_i64", "I", "I"),
    ("tee_f32", "f", "f"),
    ("tee_f64", "F", "F"),
];

/// Module `debug`, debug chains only.
pub(crate) const DEBUG: &[Signature] = &[("null_host", "", ""), ("start_benchmark", "", ""), ("end_benchmark", "", "")];

const _: () = assert!(HOOKS.len() == 42, "the specification lists 42 functions");

/// Looks a function up; `debug` admits the modules of debug chains.
pub(crate) fn lookup(module: &str, name: &str, debug: bool) -> Option<&'static Signature> {
    let table = match module {
        VM_HOOKS => HOOKS,
        "console" if debug => CONSOLE,
        "debug" if debug => DEBUG,
        _ => return None,
    };
    table.iter().find(|(known, ..)| *known == name)
}

/// The types that a string of [`Signature`] stands for.
pub(crate) fn types(letters: &str) -> Vec<ValType> {
    letters
        .chars()
        .map(|letter| match letter {
            'i' => ValType::I32,
            'I' => ValType::I64,
            'f' => ValType::F32,
            'F' => ValType::F64,
            other => unreachable!("no type is written {other}"),
        })
        .collect()
}
