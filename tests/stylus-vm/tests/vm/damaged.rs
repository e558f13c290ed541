//! Damaged modules: refused or run, but nothing panics and nothing runs for ever.

use proptest::prelude::*;
use proptest::sample::Index;
use stylus_vm::{Outcome, module};

use crate::golden::{G2, G3, G4};
use crate::support::{Chain, Frame, INK_PRICE, RULES, wasm};

const STORAGE: &str = r#"
(module (import "vm_hooks" "storage_load_bytes32" (func $load (param i32 i32)))
  (import "vm_hooks" "storage_cache_bytes32" (func $store (param i32 i32)))
  (import "vm_hooks" "storage_flush_cache" (func $flush (param i32)))
  (import "vm_hooks" "native_keccak256" (func $keccak (param i32 i32 i32)))
  (import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
  (memory (export "memory") 2 2) (data (i32.const 0) "data")
  (func (export "user_entrypoint") (param i32) (result i32)
    (call $keccak (i32.const 0) (local.get 0) (i32.const 32)) (call $load (i32.const 32) (i32.const 64))
    (call $store (i32.const 32) (i32.const 0)) (call $flush (i32.const 1))
    (call $write_result (i32.const 64) (i32.const 32)) i32.const 0))"#;

/// Valid modules that between them have every kind of section, and ask the chain for no call.
fn sound() -> Vec<Vec<u8>> {
    [G2, G3, G4, STORAGE].map(wasm).into()
}

#[derive(Clone, Debug)]
enum Damage {
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Truncate(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    prop_oneof![
        8 => (index(), any::<u8>()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        2 => (index(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        2 => index().prop_map(Damage::Remove),
        1 => index().prop_map(Damage::Truncate),
    ]
}

fn apply(wasm: &mut Vec<u8>, damage: &Damage) {
    let len = wasm.len();
    if len == 0 {
        return;
    }
    match damage {
        Damage::Replace(at, byte) => wasm[at.index(len)] = *byte,
        Damage::Insert(at, byte) => wasm.insert(at.index(len), *byte),
        Damage::Remove(at) => drop(wasm.remove(at.index(len))),
        Damage::Truncate(at) => wasm.truncate(at.index(len)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_modules_are_refused_or_end(which in any::<Index>(), damages in prop::collection::vec(damage(), 1..4)) {
        let mut wasm = which.get(&sound()).clone();
        for damage in &damages {
            apply(&mut wasm, damage);
        }
        let Ok(activation) = module::activate(&wasm, 128, &RULES, u64::MAX) else { return Ok(()) };
        let compiled = module::compile(&wasm, &RULES).expect("what can be activated can be compiled");
        prop_assert_eq!(compiled.instrumented(), activation.program.instrumented());
        let frame = Frame { gas: 1_000_000, calldata: b"hello".as_slice().into(), ..Frame::default() };
        let run = frame.run(&compiled, &mut Chain::with_pages(1));
        let exhausted = matches!(run.outcome, Outcome::OutOfInk | Outcome::OutOfStack);
        prop_assert_eq!(run.ink_used == frame.gas * INK_PRICE, exhausted);
    }
}
