//! One refused module per rule (sections 1.4 to 1.7), beside a neighbour that passes.

use alloy_primitives::Address;
use stylus_vm::{ARBOS_VERSIONS, ActivationError, Outcome, Rules, module};

use crate::hooks;
use crate::support::{Chain, Frame, RULES};

fn verdict(wasm: &[u8], rules: &Rules) -> Result<(), String> {
    module::activate(wasm, 128, rules, u64::MAX).map(drop).map_err(|error| error.to_string())
}

fn judge(text: &str) -> Result<(), String> {
    let rules = Rules { max_wasm_size: 1 << 20, ..RULES };
    verdict(&wat::parse_str(text).expect("test modules are well formed"), &rules)
}

fn accepts(text: &str) {
    assert_eq!(judge(text), Ok(()), "{text}");
}

/// `rule` is a part of the message.
fn refuses(text: &str, rule: &str) {
    let error = judge(text).expect_err(text);
    assert!(error.contains(rule), "{error:?} does not name {rule:?}:\n{text}");
}

const MEMORY: &str = r#"(memory (export "memory") 1 1)"#;
const ENTRY: &str = r#"(func (export "user_entrypoint") (param i32) (result i32) i32.const 0)"#;

/// A valid module with these fields before its functions.
fn with(fields: &str) -> String {
    format!("(module {fields} {MEMORY} {ENTRY})")
}

/// A valid module whose entry point runs `body` first.
fn running(body: &str) -> String {
    format!(
        r#"(module {MEMORY} (table 1 1 funcref) (func (export "user_entrypoint") (param i32) (result i32) {body} i32.const 0))"#
    )
}

#[test]
fn smallest_module_is_accepted() {
    accepts(&with(""));
}

#[test]
fn proposals_outside_the_accepted_set() {
    for (body, rule) in [
        ("ref.null func drop", "reference types"),
        ("i32.const 0 table.get 0 drop", "reference types"),
        ("v128.const i32x4 0 0 0 0 drop", "SIMD"),
        ("i32.const 0 i32.atomic.load drop", "threads"),
        ("i32.const 0 return_call 0", "tail calls"),
        ("(i32.const 1) (i32.const 2) (i32.const 3) (select (result i32)) drop", "reference types"),
    ] {
        refuses(&running(body), rule);
    }
    for body in ["i32.const 0 i32.const 0 i32.const 0 memory.init 0", "data.drop 0"] {
        refuses(&running(body).replace(MEMORY, &format!(r#"{MEMORY} (data "x")"#)), "data count");
    }
    for (fields, rule) in [
        ("(memory 1 1)", "multiple memories"),
        ("(tag)", "exceptions"),
        ("(table 1 externref)", "reference types"),
        ("(table 1 funcref) (table 1 funcref)", "multiple tables"),
        ("(type (struct))", "gc"),
        ("(rec (type (func)) (type (func)))", "gc"),
        ("(global i32 (i32.add (i32.const 1) (i32.const 2)))", "constant expression"),
    ] {
        refuses(&with(fields), rule);
    }
    refuses(r#"(module (memory (export "memory") i64 1 1))"#, "memory64");
    assert!(verdict(b"\0asm\x0d\0\x01\0", &RULES).is_err(), "an empty component");
}

#[test]
fn bulk_memory_and_sign_extension_are_accepted() {
    accepts(&running("(i32.const 0) (i32.const 0) (i32.const 0) memory.copy"));
    accepts(&running("i32.const 0 i32.extend8_s drop"));
    accepts(&with("(global (mut i32) (i32.const 0))"));
}

#[test]
fn multi_value_ends_with_stylus_version_3() {
    let texts = [
        format!("(module {MEMORY} {ENTRY} (func (result i32 i32) i32.const 1 i32.const 2))"),
        running("i32.const 0 block (param i32) drop end"),
    ];
    for text in texts {
        let wasm = wat::parse_str(&text).unwrap();
        for rules in ARBOS_VERSIONS.map(Rules::of) {
            let admitted = rules.arbos_version <= 51;
            match verdict(&wasm, &rules) {
                Ok(()) => assert!(admitted, "{rules:?}"),
                Err(error) => assert!(!admitted && error.contains("multi-value"), "{rules:?}: {error}"),
            }
            assert_eq!(module::compile(&wasm, &rules).is_ok(), admitted, "also when it is compiled again");
        }
    }
}

/// Inserts a section before the code section.
fn insert_section(wasm: &[u8], id: u8, contents: &[u8]) -> Vec<u8> {
    let code = wasmparser::Parser::new(0)
        .parse_all(wasm)
        .find_map(|payload| match payload.unwrap() {
            wasmparser::Payload::CodeSectionStart { range, .. } => Some(range.start - 2),
            _ => None,
        })
        .unwrap();
    assert_eq!(wasm[code], 10);
    [&wasm[..code], &[id, contents.len() as u8], contents, &wasm[code..]].concat()
}

#[test]
fn unusual_sections() {
    let wasm = wat::parse_str(with("")).unwrap();
    let insert = |id, contents: &[u8]| verdict(&insert_section(&wasm, id, contents), &RULES);
    assert_eq!(insert(0, b"\x04what"), Ok(()), "custom sections are ignored");
    assert_eq!(insert(0, b"\x04name"), Ok(()), "an empty name section is well formed");
    assert!(insert(0, b"\x04name\x00\xff").is_err(), "a name section is read");
    for (functions, fits) in
        [(&[1, 0, 1, b'f'][..], true), (&[1, 0, 1, 0xff], false), (&[1], false), (&[1, 0, 2, b'f'], false)]
    {
        let names = [b"\x04name\x01", &[functions.len() as u8][..], functions].concat();
        assert_eq!(insert(0, &names).is_ok(), fits, "names of functions are read: {functions:?}");
        let locals = [b"\x04name\x02", &[functions.len() as u8][..], functions].concat();
        assert_eq!(insert(0, &locals), Ok(()), "those of locals are not");
    }
    assert!(insert(12, &[0]).unwrap_err().contains("data count"));
    assert!(insert(99, &[]).is_err());
    let mut version = wasm.clone();
    version[4] = 2;
    assert!(verdict(&version, &RULES).is_err());
    assert!(verdict(b"", &RULES).is_err());
}

#[test]
fn start_functions() {
    let text = format!("(module {MEMORY} {ENTRY} (func $f unreachable) (start $f))");
    refuses(&text, "start functions are not allowed");
    let wasm = wat::parse_str(&text).unwrap();
    assert_eq!(verdict(&wasm, &Rules { debug: true, ..RULES }), Ok(()));
}

#[test]
fn imports_must_be_host_functions() {
    accepts(&with(hooks::IMPORTS));
    for (import, rule) in [
        (r#"(import "vm_hooks" "m" (global i32))"#, "vm_hooks.m is not a function"),
        (r#"(import "vm_hooks" "m" (table 1 funcref))"#, "vm_hooks.m is not a function"),
        (r#"(import "vm_hooks" "nothing" (func))"#, "no such host function: vm_hooks.nothing"),
        (r#"(import "env" "read_args" (func (param i32)))"#, "no such host function: env.read_args"),
        (r#"(import "vm_hooks" "read_args" (func (param i64)))"#, "import vm_hooks.read_args has type"),
        (r#"(import "vm_hooks" "read_args" (func (param i32) (result i32)))"#, "import vm_hooks.read_args has type"),
        (r#"(import "vm_hooks" "stylus_x" (func))"#, "reserved name"),
    ] {
        refuses(&with(import), rule);
    }
    refuses(&format!(r#"(module (import "vm_hooks" "m" (memory 1)) {ENTRY})"#), "not a function");
}

#[test]
fn an_import_may_repeat_with_the_same_signature_only() {
    let import = |ty: &str| format!(r#"(import "vm_hooks" "read_args" (func (param {ty})))"#);
    accepts(&with(&[import("i32"), import("i32")].concat()));
    refuses(&with(&[import("i32"), import("i64")].concat()), "two signatures");
    let by_index = |index: u32| format!(r#"(import "vm_hooks" "read_args" (func (type {index})))"#);
    let types = "(type (func (param i32))) (type (func (param i32)))";
    accepts(&with(&[types, &by_index(1), &by_index(1)].concat()));
    refuses(&with(&[types, &by_index(0), &by_index(1)].concat()), "two signatures");
}

#[test]
fn every_signature_is_checked_and_every_function_linked() {
    for import in hooks::IMPORTS.lines().filter(|line| !line.is_empty()) {
        accepts(&with(import));
        let (head, tail) = import.split_once(" (func $").unwrap();
        let name = tail.split([' ', ')']).next().unwrap();
        let changed = tail.replacen(name, &format!("{name} (param i64)"), 1);
        refuses(&with(&format!("{head} (func ${changed}")), "has type");
    }
}

#[test]
fn console_and_debug_need_a_debug_chain() {
    let text = with(
        r#"(import "console" "log_txt" (func (param i32 i32))) (import "console" "tee_f64" (func (param f64) (result f64)))
        (import "debug" "null_host" (func))"#,
    );
    refuses(&text, "no such host function: console.log_txt");
    assert_eq!(verdict(&wat::parse_str(&text).unwrap(), &Rules { debug: true, ..RULES }), Ok(()));
}

#[test]
fn imports_are_limited_from_arbos_32() {
    let import = r#"(import "vm_hooks" "return_data_size" (func (result i32)))"#;
    accepts(&with(&import.repeat(513)));
    refuses(&with(&import.repeat(514)), "514 imports, the limit is 513");
    let wasm = wat::parse_str(with(&import.repeat(514))).unwrap();
    assert_eq!(verdict(&wasm, &Rules { arbos_version: 31, ..RULES }), Ok(()));
}

#[test]
fn export_names_keep_clear_of_imports_and_of_the_instrumentation() {
    let text = |name: &str| {
        format!(
            r#"(module (import "vm_hooks" "msg_value" (func (param i32))) {MEMORY} {ENTRY} (func (export "{name}")))"#
        )
    };
    accepts(&text("value"));
    accepts(&text("msg_value__x"));
    accepts(&text("tx_origin"));
    refuses(&text("msg_value"), "carries the name of an import");
    refuses(&text("x__msg_value"), "carries the name of an import");
    for reserved in ["stylus", "stylus_ink_left", "__stylus", "a__stylus_x", "a__b__stylus"] {
        refuses(&text(reserved), "reserved name");
    }
    for free in ["stylus__x", "stylus_ink_left__z", "_stylus", "a_stylus"] {
        accepts(&text(free));
    }
}

#[test]
fn global_initialisers_are_constants() {
    accepts(&with(
        "(global i32 (i32.const 1)) (global i64 (i64.const 1)) (global f32 (f32.const 1)) (global f64 (f64.const 1))",
    ));
    assert!(judge(&with("(global $a i32 (i32.const 1)) (global i32 (global.get $a))")).is_err());
}

#[test]
fn segments_fit_and_hold_function_indices() {
    accepts(&with(r#"(data (i32.const 65535) "x")"#));
    refuses(&with(r#"(data (i32.const 65535) "xy")"#), "does not fit the initial memory");
    refuses(&with(r#"(data (i32.const -1) "x")"#), "does not fit the initial memory");
    accepts(&with("(table 2 funcref) (elem (i32.const 0) 0 0)"));
    refuses(&with("(table 2 funcref) (elem (i32.const 1) 0 0)"), "does not fit its table");
    accepts(&with("(table 2 funcref) (elem func 0)"));
    assert!(judge(&with("(table 2 funcref) (elem (i32.const 0) funcref (ref.func 0))")).is_err());
    accepts(&with("(elem declare func 0)"));
    assert!(judge(&with("(table 2 funcref) (global $g i32 (i32.const 0)) (elem (global.get $g) 0)")).is_err());
}

#[test]
fn passive_data_is_ignored() {
    // The text format would add a data count section.
    let wasm = wat::parse_str(with(r#"(data (i32.const 0) "x")"#)).unwrap();
    let at = wasm.len() - 7;
    assert_eq!(wasm[at..], [1, 0, 0x41, 0, 0x0b, 1, b'x']);
    let passive = [&wasm[..at - 1], &[4, 1, 1, 1, b'x']].concat();
    assert_eq!(verdict(&passive, &RULES), Ok(()));
}

#[test]
fn memory_is_needed_once_and_exported() {
    refuses(&format!("(module {ENTRY})"), "0 memories, need exactly one");
    refuses(&format!("(module (memory 1 1) {ENTRY})"), "exported as `memory`");
    refuses(&format!(r#"(module (memory (export "mem") 1 1) {ENTRY})"#), "exported as `memory`");
    refuses(&format!(r#"(module (memory 1 1) (func (export "memory")) {ENTRY})"#), "exported as `memory`");
}

#[test]
fn entry_point_is_needed_with_its_type() {
    refuses(&format!("(module {MEMORY})"), "missing export: function `user_entrypoint`");
    refuses(
        &format!(r#"(module {MEMORY} (global (export "user_entrypoint") i32 (i32.const 0)))"#),
        "missing export: function `user_entrypoint`",
    );
    for ty in ["", "(param i32)", "(param i64) (result i32)", "(param i32 i32) (result i32)"] {
        let text = format!(r#"(module {MEMORY} (func (export "user_entrypoint") {ty} unreachable))"#);
        refuses(&text, "`user_entrypoint` has type");
    }
}

/// Call data of 1,000 bytes, so that the function finds the address zero at 1,000.
#[test]
fn a_host_function_can_be_the_entry_point() {
    let import =
        r#"(func (export "user_entrypoint") (import "vm_hooks" "account_code_size") (param i32) (result i32))"#;
    let with_others = format!("(module {import} {MEMORY} (func) (func (param i64)))");
    for (text, code, ends) in [
        (format!("(module {import} {MEMORY})"), vec![], Outcome::Success),
        (with_others, vec![1, 2, 3], Outcome::Revert),
    ] {
        let activation = module::activate(&wat::parse_str(text).unwrap(), 128, &RULES, u64::MAX).unwrap();
        let mut chain = Chain::default();
        chain.code.insert(Address::ZERO, code.into());
        let frame = Frame { calldata: vec![0; 1_000].into(), ..Frame::default() };
        let run = frame.run(&activation.program, &mut chain);
        assert_eq!((run.outcome, run.ink_used), (ends, 33_068_073), "what the host call costs, and nothing else");
    }
    refuses(
        &format!(r#"(module (func (export "user_entrypoint") (import "vm_hooks" "read_args") (param i32)) {MEMORY})"#),
        "`user_entrypoint` has type",
    );
}

#[test]
fn growable_memory_needs_the_hook() {
    let hook = r#"(import "vm_hooks" "pay_for_memory_grow" (func (param i32)))"#;
    for limits in ["1", "1 2", "0", "0 1"] {
        let memory = format!(r#"(memory (export "memory") {limits})"#);
        refuses(&format!("(module {memory} {ENTRY})"), "pay_for_memory_grow");
        accepts(&format!("(module {hook} {memory} {ENTRY})"));
    }
    accepts(&format!(r#"(module (memory (export "memory") 0 0) {ENTRY})"#));
}

#[test]
fn memory_pages_are_limited_by_chain_and_transaction() {
    let pages = |count: u32| format!(r#"(module (memory (export "memory") {count} {count}) {ENTRY})"#);
    accepts(&pages(128));
    refuses(&pages(129), "129 memory pages, the limit is 128");
    let wasm = wat::parse_str(pages(5)).unwrap();
    assert!(module::activate(&wasm, 5, &RULES, u64::MAX).is_ok());
    let error = module::activate(&wasm, 4, &RULES, u64::MAX).unwrap_err();
    assert_eq!(error, ActivationError::Invalid("5 memory pages, the limit is 4".into()));
}

/// Checks that `count` of something passes and one more does not.
fn limit(count: usize, rule: &str, text: impl Fn(usize) -> String) {
    if let Err(error) = judge(&text(count)) {
        panic!("{rule}: {error}");
    }
    let error = judge(&text(count + 1)).expect_err(rule);
    assert!(error.contains(rule), "{error:?} does not name {rule:?}");
}

#[test]
fn limits_of_the_module() {
    limit(128, "data segments", |n| with(&r#"(data (i32.const 0) "")"#.repeat(n)));
    limit(128, "element segments", |n| with(&format!("(table 1 funcref) {}", "(elem (i32.const 0) 0)".repeat(n))));
    limit(4_096, "table entries", |n| with(&format!("(table {n} funcref)")));
    limit(4_096, "functions", |n| with(&"(func)".repeat(n - 1)));
    limit(32_768 - 4, "globals", |n| with(&"(global i32 (i32.const 0))".repeat(n)));
    // The header of the segment is flags, offset and a count of two bytes.
    limit(4_096, "bytes of element segments", |n| {
        with(&format!("(table 4096 funcref) (elem (i32.const 0){})", " 0".repeat(n - 6)))
    });
    let named = |n: usize| {
        let name = "x".repeat(n);
        let section = [&[4][..], b"name", &[0], &leb(n + 2), &leb(n), name.as_bytes()].concat();
        let section = [&[0][..], &leb(section.len()), &section].concat();
        verdict(&[wat::parse_str(with("")).unwrap(), section].concat(), &RULES)
    };
    assert_eq!(named(512), Ok(()));
    assert_eq!(named(513), Err("513 bytes of module name, the limit is 512".into()));
}

/// Two bytes of LEB128, whatever the value.
fn leb(value: usize) -> [u8; 2] {
    assert!(value < 1 << 14);
    [(value & 0x7f) as u8 | 0x80, (value >> 7) as u8]
}

#[test]
fn limits_of_a_function() {
    limit(348, "locals in a function", |n| {
        format!("(module {MEMORY} {ENTRY} (func (param i32) (local{})))", " i64".repeat(n))
    });
    // One block: its own operators and `end`, and 29 inserted ones.
    limit(65_536, "operators in a function", |n| format!("(module {MEMORY} {ENTRY} (func {}))", "nop ".repeat(n - 30)));
    limit(4_096, "operand values", |n| {
        format!("(module {MEMORY} {ENTRY} (func {} {}))", "i32.const 0 ".repeat(n), "drop ".repeat(n))
    });
}

#[test]
fn float_computation_is_refused_even_in_dead_code() {
    for body in [
        "f32.const 1 f32.const 2 f32.add drop",
        "f64.const 1 f64.sqrt drop",
        "f64.const 1 f64.neg drop",
        "f32.const 1 f32.const 2 f32.lt drop",
        "f32.const 1 f32.nearest drop",
        "f64.const 1 f32.demote_f64 drop",
        "f64.const 1 i32.trunc_f64_s drop",
        "f64.const 1 i32.trunc_sat_f64_s drop",
        "i32.const 1 f32.convert_i32_u drop",
    ] {
        refuses(&running(body), "unsupported operator");
        refuses(&running(&format!("i32.const 0 return {body}")), "unsupported operator");
    }
}

#[test]
fn float_movement_is_accepted() {
    for body in [
        "f32.const 1 drop f64.const 1 drop",
        "i32.const 0 f32.load drop i32.const 0 f64.load drop",
        "i32.const 0 f32.const 1 f32.store i32.const 0 f64.const 1 f64.store",
        "f32.const 1 i32.reinterpret_f32 f32.reinterpret_i32 drop",
        "f64.const 1 i64.reinterpret_f64 f64.reinterpret_i64 drop",
    ] {
        accepts(&running(body));
    }
    accepts(&format!("(module {MEMORY} {ENTRY} (global f64 (f64.const 1)) (func (param f32) (local f64)))"));
}

#[test]
fn program_length_and_version_are_checked() {
    let wasm = wat::parse_str(with("")).unwrap();
    let at = |max_wasm_size| verdict(&wasm, &Rules { max_wasm_size, ..RULES });
    assert_eq!(at(wasm.len() as u32), Ok(()));
    assert!(at(wasm.len() as u32 - 1).unwrap_err().contains("program exceeds"));
    assert!(verdict(&wasm, &Rules { stylus_version: 4, ..RULES }).unwrap_err().contains("Stylus version"));
}

#[test]
fn costs_must_fit_their_record() {
    // Data in the last page: each byte counts 0.75, and there are 65,535 to a number.
    let data = |len: usize| {
        let payload = "x".repeat(len);
        format!(r#"(module (memory (export "memory") 2 2) {ENTRY} (data (i32.const 0) "{payload}"))"#)
    };
    accepts(&data(86_000));
    refuses(&data(87_500), "cached init cost too large");
}
