//! Programs that call host functions, from a few lines of text.

use std::sync::Arc;

use stylus_vm::Program;

use crate::support::program;

/// All functions of a production chain, restated from the specification.
pub(crate) const IMPORTS: &str = r#"
(import "vm_hooks" "read_args" (func $read_args (param i32)))
(import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
(import "vm_hooks" "exit_early" (func $exit_early (param i32)))
(import "vm_hooks" "pay_for_memory_grow" (func $pay_for_memory_grow (param i32)))
(import "vm_hooks" "storage_load_bytes32" (func $storage_load (param i32 i32)))
(import "vm_hooks" "storage_cache_bytes32" (func $storage_cache (param i32 i32)))
(import "vm_hooks" "storage_flush_cache" (func $storage_flush (param i32)))
(import "vm_hooks" "transient_load_bytes32" (func $transient_load (param i32 i32)))
(import "vm_hooks" "transient_store_bytes32" (func $transient_store (param i32 i32)))
(import "vm_hooks" "call_contract" (func $call (param i32 i32 i32 i32 i64 i32) (result i32)))
(import "vm_hooks" "delegate_call_contract" (func $delegate_call (param i32 i32 i32 i64 i32) (result i32)))
(import "vm_hooks" "static_call_contract" (func $static_call (param i32 i32 i32 i64 i32) (result i32)))
(import "vm_hooks" "create1" (func $create1 (param i32 i32 i32 i32 i32)))
(import "vm_hooks" "create2" (func $create2 (param i32 i32 i32 i32 i32 i32)))
(import "vm_hooks" "read_return_data" (func $read_return_data (param i32 i32 i32) (result i32)))
(import "vm_hooks" "return_data_size" (func $return_data_size (result i32)))
(import "vm_hooks" "emit_log" (func $emit_log (param i32 i32 i32)))
(import "vm_hooks" "account_balance" (func $account_balance (param i32 i32)))
(import "vm_hooks" "account_codehash" (func $account_codehash (param i32 i32)))
(import "vm_hooks" "account_code" (func $account_code (param i32 i32 i32 i32) (result i32)))
(import "vm_hooks" "account_code_size" (func $account_code_size (param i32) (result i32)))
(import "vm_hooks" "block_basefee" (func $block_basefee (param i32)))
(import "vm_hooks" "block_coinbase" (func $block_coinbase (param i32)))
(import "vm_hooks" "block_gas_limit" (func $block_gas_limit (result i64)))
(import "vm_hooks" "block_number" (func $block_number (result i64)))
(import "vm_hooks" "block_timestamp" (func $block_timestamp (result i64)))
(import "vm_hooks" "chainid" (func $chainid (result i64)))
(import "vm_hooks" "contract_address" (func $contract_address (param i32)))
(import "vm_hooks" "evm_gas_left" (func $evm_gas_left (result i64)))
(import "vm_hooks" "evm_ink_left" (func $evm_ink_left (result i64)))
(import "vm_hooks" "msg_reentrant" (func $msg_reentrant (result i32)))
(import "vm_hooks" "msg_sender" (func $msg_sender (param i32)))
(import "vm_hooks" "msg_value" (func $msg_value (param i32)))
(import "vm_hooks" "tx_gas_price" (func $tx_gas_price (param i32)))
(import "vm_hooks" "tx_origin" (func $tx_origin (param i32)))
(import "vm_hooks" "tx_ink_price" (func $tx_ink_price (result i32)))
(import "vm_hooks" "math_div" (func $math_div (param i32 i32)))
(import "vm_hooks" "math_mod" (func $math_mod (param i32 i32)))
(import "vm_hooks" "math_pow" (func $math_pow (param i32 i32)))
(import "vm_hooks" "math_add_mod" (func $math_add_mod (param i32 i32 i32)))
(import "vm_hooks" "math_mul_mod" (func $math_mul_mod (param i32 i32 i32)))
(import "vm_hooks" "native_keccak256" (func $keccak (param i32 i32 i32)))
"#;

/// A program of two pages. At 0, 32, 64 and 96 lie words that end in 0x00, 0x01, 0x02 and 0x03; from 1,024 on lies
/// `memory`, in the text format's string syntax. Its entry point runs `body` and returns what that leaves.
pub(crate) fn text(memory: &str, body: &str) -> String {
    format!(
        r#"(module {IMPORTS} (memory (export "memory") 2)
        (data (i32.const 63) "\01") (data (i32.const 95) "\02") (data (i32.const 127) "\03")
        (data (i32.const 1024) "{memory}")
        (func (export "user_entrypoint") (param $len i32) (result i32) {body}))"#
    )
}

/// Like [`text`] with no memory of its own, returning 0.
pub(crate) fn calling(body: &str) -> Arc<Program> {
    with_memory("", body)
}

/// Like [`calling`], with something in memory.
pub(crate) fn with_memory(memory: &str, body: &str) -> Arc<Program> {
    program(&text(memory, &format!("{body} i32.const 0")))
}

/// The hexadecimal escapes of the text format.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}
