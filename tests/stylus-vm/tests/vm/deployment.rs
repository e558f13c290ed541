//! Compression and the helpers of deployment tools (sections 1.2, 1.3 and 2.10).

use stylus_vm::{ActivationError, module};

use crate::golden::G3;
use crate::hooks;
use crate::support::RULES;

#[test]
fn code_decompresses_to_the_module() {
    let wasm = wat::parse_str(G3).unwrap();
    let code = module::contract_code(&wasm);
    assert_eq!(code[..4], [0xef, 0xf0, 0, 0]);
    assert_eq!(module::decompress(&code[4..], 131_072).unwrap(), wasm);
}

#[test]
fn decompression_stops_at_the_limit() {
    for len in [1, 65_535, 65_536, 65_537, 200_000] {
        let data: Vec<u8> = (0..len).map(|i: u32| (i.wrapping_mul(i) >> 7) as u8).collect();
        let code = module::contract_code(&data);
        assert_eq!(module::decompress(&code[4..], len).unwrap(), data);
        let error = module::decompress(&code[4..], len - 1).unwrap_err();
        assert_eq!(error.to_string(), format!("decompressed program exceeds {} bytes", len - 1));
    }
}

#[test]
fn broken_streams_are_refused() {
    let code = module::contract_code(&[7; 1_000]);
    let stream = &code[4..];
    for broken in [&[][..], &stream[..stream.len() - 1], &[0xff; 20]] {
        assert!(matches!(module::decompress(broken, 131_072), Err(ActivationError::Invalid(_))));
    }
}

#[test]
fn preparation_removes_what_a_chain_would_refuse_or_charge_for() {
    let wasm = wat::parse_str(
        r#"(module (memory (export "memory") 1 1) (@custom "producers" "rustc")
        (func $named (export "user_entrypoint") (param i32) (result i32) i32.const 0) (data $d "passive"))"#,
    )
    .unwrap();
    let prepared = module::prepare_for_deployment(&wasm).unwrap();
    let custom: Vec<_> = wasmparser::Parser::new(0)
        .parse_all(&prepared)
        .filter_map(|payload| match payload.unwrap() {
            wasmparser::Payload::CustomSection(section) => Some((section.name(), section.data())),
            _ => None,
        })
        .collect();
    assert_eq!(custom, [("project_hash", &[0; 32][..])]);
    assert!(module::activate(&prepared, 128, &RULES, u64::MAX).is_ok());
    assert_eq!(module::prepare_for_deployment(&prepared).unwrap(), prepared);
}

#[test]
fn preparation_shortens_padded_table_indices() {
    let text = r#"(module (memory (export "memory") 1 1) (table 1 1 funcref)
        (func (export "user_entrypoint") (param i32) (result i32) i32.const 0 i32.const 0 call_indirect (param i32) (result i32)))"#;
    let wasm = wat::parse_str(text).unwrap();
    let padded = pad_call_indirect(&wasm);
    let error = module::activate(&padded, 128, &RULES, u64::MAX).unwrap_err();
    assert!(error.to_string().contains("zero byte expected"), "{error}");
    let prepared = module::prepare_for_deployment(&padded).unwrap();
    assert!(module::activate(&prepared, 128, &RULES, u64::MAX).is_ok());
}

/// Encodes the table of the only `call_indirect` in five bytes, like current compilers.
fn pad_call_indirect(wasm: &[u8]) -> Vec<u8> {
    let at = wasm.windows(3).position(|window| window == [0x11, 0, 0]).unwrap() + 2;
    let mut padded = [&wasm[..at], &[0x80, 0x80, 0x80, 0x80, 0], &wasm[at + 1..]].concat();
    // Body and section got four bytes longer; both sizes fit one byte.
    let section = wasm.windows(2).rposition(|window| window == [0x0a, 11]).unwrap();
    padded[section + 1] += 4;
    padded[section + 3] += 4;
    padded
}

#[test]
fn init_code_copies_what_follows_it() {
    let code = vec![0xab; 0x1234];
    let init = module::init_code(&code);
    let mut prelude = vec![0x7f];
    prelude.extend([0; 30]);
    prelude.extend([0x12, 0x34, 0x80, 0x60, 0x2b, 0x60, 0, 0x39, 0x60, 0, 0xf3, 0]);
    assert_eq!(init.len(), 43 + code.len());
    assert_eq!(init[..43], prelude);
    assert_eq!(init[43..], code);
}

#[test]
fn imports_are_listed_in_order() {
    let wasm = wat::parse_str(hooks::text("", "i32.const 0")).unwrap();
    let imports = module::imports(&wasm);
    assert_eq!(imports.len(), 42);
    assert_eq!(imports[0], ("vm_hooks".to_owned(), "read_args".to_owned()));
    assert_eq!(module::imports(b"nonsense"), []);
}
