//! The golden modules of section 8.1.

use stylus_vm::{Figures, Outcome, module};

use crate::support::{Chain, Frame, RULES, activate, program, wasm};

pub(crate) const G1: &str = r#"
(module (memory (export "memory") 1 1) (func (export "user_entrypoint") (param i32) (result i32) i32.const 0))"#;
pub(crate) const G2: &str = r#"
(module (memory (export "memory") 1 1) (func (export "user_entrypoint") (param i32) (result i32) (local i32)
  i32.const 1000 local.set 1 loop local.get 1 i32.const 1 i32.sub local.tee 1 br_if 0 end i32.const 0))"#;
pub(crate) const G3: &str = r#"
(module (memory (export "memory") 1 1) (type (func (param i32 i64) (result i64))) (table 1 1 funcref)
  (elem (i32.const 0) 1) (global (mut i64) (i64.const 5))
  (func (export "user_entrypoint") (param i32) (result i32)
    block block block local.get 0 br_table 0 1 2 end nop end nop end
    local.get 0 i64.const 7 i32.const 0 call_indirect (type 0) global.set 0
    global.get 0 i64.popcnt i32.wrap_i64 i32.const 3 local.get 0 select
    if i32.const 0 i32.const 255 i32.const 64 memory.fill else i32.const 64 i32.const 0 i32.const 16 memory.copy end
    i32.const 0)
  (func (param i32 i64) (result i64) local.get 1 local.get 1 i64.mul))"#;
pub(crate) const G4: &str = r#"
(module (import "vm_hooks" "pay_for_memory_grow" (func (param i32)))
  (import "vm_hooks" "read_args" (func (param i32)))
  (import "vm_hooks" "write_result" (func (param i32 i32))) (memory (export "memory") 1)
  (func (export "user_entrypoint") (param i32) (result i32)
    i32.const 0 call 1 i32.const 5 memory.grow drop i32.const 0 local.get 0 call 2 i32.const 0))"#;

/// Figures, activation gas, frame words of each local function.
fn check_module(text: &str, expected: Figures, gas: u64, frames: &[u32]) {
    assert_eq!(wasm(text).len(), expected.wasm_len as usize);
    let activation = activate(text);
    assert_eq!(activation.figures, expected);
    assert_eq!(activation.gas, gas);
    assert_eq!(activation.program.frame_words(), frames);
}

fn figures(wasm_len: u32, operators: u64, asm_estimate: u32, init_cost: u16, cached_cost: u16) -> Figures {
    Figures { asm_estimate, init_cost, cached_cost, footprint: 1, operators, wasm_len }
}

#[test]
fn figures_of_g1() {
    check_module(G1, figures(64, 31, 513_418, 18, 11), 63_084, &[6]);
}

#[test]
fn figures_of_g2() {
    check_module(G2, figures(83, 76, 513_537, 20, 11), 63_924, &[7]);
}

#[test]
fn figures_of_g3() {
    check_module(G3, figures(167, 226, 515_095, 42, 17), 66_920, &[10, 6]);
}

#[test]
fn figures_of_g4() {
    check_module(G4, figures(166, 67, 514_057, 31, 11), 64_512, &[6]);
}

#[test]
fn stylus_version_1_adds_the_cached_cost() {
    let rules = stylus_vm::Rules { stylus_version: 1, ..RULES };
    let activation = module::activate(&wasm(G3), 128, &rules, u64::MAX).unwrap();
    assert_eq!(activation.figures, figures(167, 226, 515_095, 42 + 17, 17));
}

#[test]
fn module_length_is_free_before_arbos_32() {
    let rules = stylus_vm::Rules { arbos_version: 31, ..RULES };
    let activation = module::activate(&wasm(G1), 128, &rules, u64::MAX).unwrap();
    assert_eq!(activation.gas, 63_084 - 20 * 28);
}

/// Ink of one run, the number of pages open before the program's own.
fn check_ink(text: &str, calldata: &[u8], pages_before: u16, expected: u64) {
    let mut chain = Chain::with_pages(pages_before + 1);
    let frame = Frame { calldata: calldata.to_vec().into(), ..Frame::default() };
    let run = frame.run(&program(text), &mut chain);
    assert_eq!((run.outcome, run.ink_used), (Outcome::Success, expected));
    assert_eq!(run.gas_left, (frame.gas * 10_000 - expected) / 10_000);
}

#[test]
fn ink_of_one_run() {
    check_ink(G1, &[], 0, 2_452);
    check_ink(G2, &[], 0, 3_443_565);
    check_ink(G3, &[], 0, 54_377);
    check_ink(G3, &[9], 0, 51_925);
    check_ink(G4, b"hello", 0, 40_087_691);
    check_ink(G4, b"hello", 1, 50_087_691);
}

#[test]
fn g4_returns_its_call_data() {
    let frame = Frame { calldata: b"hello".as_slice().into(), ..Frame::default() };
    let run = frame.run(&program(G4), &mut Chain::default());
    assert_eq!(run.output[..], *b"hello");
}

#[test]
fn ink_does_not_depend_on_how_the_program_was_compiled() {
    let compiled = module::compile(&wasm(G2), &RULES).unwrap();
    assert_eq!(compiled.instrumented(), activate(G2).program.instrumented());
    let run = Frame::default().run(&compiled, &mut Chain::default());
    assert_eq!(run.ink_used, 3_443_565);
}

#[test]
fn activation_stops_at_its_gas_limit() {
    let wasm = wasm(G1);
    assert!(module::activate(&wasm, 128, &RULES, 63_084).is_ok());
    let error = module::activate(&wasm, 128, &RULES, 63_083).unwrap_err();
    assert_eq!(error, stylus_vm::ActivationError::OutOfGas);
}
