//! What the instrumented module looks like (sections 1.5 and 4.4), and block prices in unusual code (4.3).

use stylus_vm::{Outcome, Rules, module};
use wasmparser::{Operator, Parser, Payload};

use crate::golden::{G1, G3};
use crate::support::{Chain, Frame, RULES, activate, wasm};

fn payloads(text: &str) -> (stylus_vm::Activation, Vec<u8>) {
    let activation = activate(text);
    let instrumented = activation.program.instrumented().to_vec();
    (activation, instrumented)
}

/// Name, kind and index of each export.
fn exports(wasm: &[u8]) -> Vec<(String, String, u32)> {
    let mut exports = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::ExportSection(section) = payload.unwrap() {
            for export in section {
                let export = export.unwrap();
                exports.push((export.name.to_owned(), format!("{:?}", export.kind), export.index));
            }
        }
    }
    exports
}

#[test]
fn exports_are_the_program_s_two_and_the_four_globals() {
    let text = G3.replace("  (func (param i32 i64)", r#"  (func (export "extra") (param i32 i64)"#);
    let (_, wasm) = payloads(&text);
    let expected = [
        ("memory", "Memory", 0),
        ("user_entrypoint", "Func", 0),
        ("stylus_ink_left", "Global", 1),
        ("stylus_ink_status", "Global", 2),
        ("stylus_scratch_global", "Global", 3),
        ("stylus_stack_left", "Global", 4),
    ];
    assert_eq!(exports(&wasm), expected.map(|(name, kind, index)| (name.to_owned(), kind.to_owned(), index)));
}

#[test]
fn unchanged_sections_are_copied_and_custom_ones_dropped() {
    let section = |wasm: &[u8], wanted: u8| {
        Parser::new(0).parse_all(wasm).find_map(|payload| {
            let (id, range) = payload.unwrap().as_section()?;
            (id == wanted).then(|| wasm[range].to_vec())
        })
    };
    let before = wat::parse_str(G3.replace("  (func (param i32 i64)", "  (func $named (param i32 i64)")).unwrap();
    let activation = module::activate(&before, 128, &RULES, u64::MAX).unwrap();
    let after = activation.program.instrumented();
    for id in [1, 3, 4, 5, 9] {
        assert!(section(&before, id).is_some(), "section {id}");
        assert_eq!(section(&before, id), section(after, id), "section {id}");
    }
    assert!(section(&before, 0).is_some());
    assert_eq!(section(after, 0), None);
}

#[test]
fn the_smallest_function_is_guarded_outside_and_metered_inside() {
    let (_, wasm) = payloads(G1);
    let mut operators = Vec::new();
    for payload in Parser::new(0).parse_all(&wasm) {
        if let Payload::CodeSectionEntry(body) = payload.unwrap() {
            operators = body.get_operators_reader().unwrap().into_iter().collect::<Result<_, _>>().unwrap();
        }
    }
    let stack_left = Operator::GlobalGet { global_index: 3 };
    let ink_left = Operator::GlobalGet { global_index: 0 };
    let frame = Operator::I32Const { value: 6 };
    let cost = Operator::I64Const { value: 2_452 };
    assert_eq!(operators.len(), 31);
    assert_eq!(operators[..3], [stack_left.clone(), frame.clone(), Operator::I32LeU]);
    assert_eq!(operators[12..15], [ink_left, cost, Operator::I64LtU]);
    assert_eq!(operators[24], Operator::I32Const { value: 0 });
    assert_eq!(operators[25..28], [stack_left, frame, Operator::I32Add]);
    assert_eq!(operators[29..], [Operator::Return, Operator::End]);
}

/// Ink of the entry point with this body.
fn ink(body: &str) -> u64 {
    let text = format!(
        r#"(module (memory (export "memory") 1 1) (func (export "user_entrypoint") (param i32) (result i32) {body}))"#
    );
    let run = Frame::default().run(&activate(&text).program, &mut Chain::default());
    assert_eq!(run.outcome, Outcome::Success, "{body}");
    run.ink_used
}

#[test]
fn dead_code_counts_up_to_the_next_end_of_a_block() {
    assert_eq!(ink("i32.const 0 return"), 2_450 + 1 + 1);
    // After `return` a new block begins, which is never entered.
    assert_eq!(ink("i32.const 0 return i64.popcnt drop i32.const 0"), 2_450 + 1 + 1);
    // `unreachable` ends no block: what follows it is part of the price, though it never runs.
    let text = |dead: &str| {
        format!(
            r#"(module (memory (export "memory") 1 1) (func (export "user_entrypoint") (param i32) (result i32)
            unreachable {dead}))"#
        )
    };
    let run = |dead: &str| Frame::default().run(&activate(&text(dead)).program, &mut Chain::default());
    assert_eq!((run("").outcome, run("").ink_used), (Outcome::Failure, 2_450 + 1 + 1));
    assert_eq!(run("i64.popcnt drop").ink_used, 2_450 + 1 + 6_000 + 9 + 1);
}

#[test]
fn every_end_that_is_fallen_through_pays_a_header() {
    let nothing = ink("i32.const 0");
    assert_eq!(ink("block block end end i32.const 0"), nothing + 2 + 2 * 2_451);
    assert_eq!(ink("block block br 1 end end i32.const 0"), nothing + 2 + 765 + 2_450);
}

#[test]
fn debug_functions_link_and_are_free() {
    let text = r#"(module (import "console" "log_txt" (func $txt (param i32 i32)))
        (import "console" "log_i32" (func $i32 (param i32))) (import "console" "log_i64" (func $i64 (param i64)))
        (import "console" "log_f32" (func (param f32))) (import "console" "log_f64" (func (param f64)))
        (import "console" "tee_i32" (func $tee (param i32) (result i32)))
        (import "console" "tee_i64" (func (param i64) (result i64)))
        (import "console" "tee_f32" (func (param f32) (result f32)))
        (import "console" "tee_f64" (func (param f64) (result f64)))
        (import "debug" "null_host" (func $null)) (import "debug" "start_benchmark" (func))
        (import "debug" "end_benchmark" (func)) (memory (export "memory") 1 1)
        (func (export "user_entrypoint") (param i32) (result i32)
        i32.const 0 i32.const 9 call $txt call $null i32.const 0 call $tee))"#;
    let rules = Rules { debug: true, ..RULES };
    let program = module::activate(&wasm(text), 128, &rules, u64::MAX).unwrap().program;
    let run = Frame::default().run(&program, &mut Chain::default());
    let blocks = [2_450 + 2 + 3_800, 2_450 + 3_800, 2_450 + 1 + 3_800, 2_450 + 1];
    assert_eq!((run.outcome, run.ink_used), (Outcome::Success, blocks.iter().sum()));
}

#[test]
fn a_start_function_of_a_debug_chain_does_not_run() {
    let text = r#"(module (memory (export "memory") 1 1) (func $start unreachable) (start $start)
        (func (export "user_entrypoint") (param i32) (result i32) i32.const 0))"#;
    let rules = Rules { debug: true, ..RULES };
    let program = module::activate(&wasm(text), 128, &rules, u64::MAX).unwrap().program;
    assert_eq!(Frame::default().run(&program, &mut Chain::default()).outcome, Outcome::Success);
}

#[test]
fn costs_count_segments_with_their_headers_and_charges_their_payload() {
    let text = format!(
        r#"(module (memory (export "memory") 3 3)
        (func (export "user_entrypoint") (param i32) (result i32) i32.const 0) (data (i32.const 0) "{}"))"#,
        "x".repeat(1_000)
    );
    let wasm = wasm(&text);
    let activation = module::activate(&wasm, 128, &RULES, u64::MAX).unwrap();
    let len = wasm.len() as u64;
    // Header: flags, offset expression of three bytes, length of two.
    let cached = len * 122 / 100_000 + 6 + 1_006 * 75_244 / 100_000 + 3 * 5;
    assert_eq!(u64::from(activation.figures.cached_cost), cached);
    let microseconds = len * 31_733 / 100_000 + 1_000 * 17_376 / 100_000 + 3 * 2_217 + 31 * 535 / 1_000;
    assert_eq!(activation.gas, 28 * microseconds);
    assert_eq!(activation.figures.footprint, 3);
}
