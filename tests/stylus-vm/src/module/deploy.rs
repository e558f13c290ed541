//! What a deployment tool does to a module before it sends it (sections 1.3 and 2.10).

use wasm_encoder::{CustomSection, RawSection};
use wasmparser::{Parser, Payload};

use super::ActivationError;
use super::compression::compress;

/// `EFF000` marks a classic program, the fourth byte names no dictionary.
const PREFIX: [u8; 4] = [0xef, 0xf0, 0x00, 0x00];
const PRELUDE_LEN: u8 = 43;

/// Rewrites a module like cargo-stylus: through the text format and back, which drops a data count section and padded
/// integers; then without custom sections but for a `project_hash` of 32 zero bytes.
///
/// # Errors
///
/// [`ActivationError::Invalid`] when `wasm` is not a module.
pub fn prepare_for_deployment(wasm: &[u8]) -> Result<Vec<u8>, ActivationError> {
    let text = wasmprinter::print_bytes(wasm).map_err(|error| ActivationError::invalid(error.to_string()))?;
    let wasm = wat::parse_str(text).map_err(|error| ActivationError::invalid(error.to_string()))?;
    strip(&wasm)
}

fn strip(wasm: &[u8]) -> Result<Vec<u8>, ActivationError> {
    let mut module = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        if matches!(payload, Payload::CustomSection(_) | Payload::UnknownSection { .. }) {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            let data = &wasm[range];
            module.section(&RawSection { id, data });
        }
    }
    module.section(&CustomSection { name: "project_hash".into(), data: (&[0; 32]).into() });
    Ok(module.finish())
}

/// The code of a classic program: prefix, then the brotli stream of `wasm`.
pub fn contract_code(wasm: &[u8]) -> Vec<u8> {
    [&PREFIX[..], &compress(wasm)].concat()
}

/// Init code that deploys `code` as it is (section 2.10).
pub fn init_code(code: &[u8]) -> Vec<u8> {
    const PUSH1: u8 = 0x60;
    const PUSH32: u8 = 0x7f;
    const DUP1: u8 = 0x80;
    const CODECOPY: u8 = 0x39;
    const RETURN: u8 = 0xf3;
    const VERSION: u8 = 0;

    let mut init = vec![PUSH32];
    init.extend_from_slice(&[0; 24]);
    init.extend_from_slice(&(code.len() as u64).to_be_bytes());
    init.extend_from_slice(&[DUP1, PUSH1, PRELUDE_LEN, PUSH1, 0, CODECOPY, PUSH1, 0, RETURN]);
    init.push(VERSION);
    debug_assert_eq!(init.len(), usize::from(PRELUDE_LEN));
    init.extend_from_slice(code);
    init
}

/// The imports of a module, as pairs of module and name. A malformed module gives those before the damage.
pub fn imports(wasm: &[u8]) -> Vec<(String, String)> {
    let section = Parser::new(0).parse_all(wasm).map_while(Result::ok).find_map(|payload| match payload {
        Payload::ImportSection(section) => Some(section),
        _ => None,
    });
    section
        .into_iter()
        .flat_map(|section| section.into_iter())
        .map_while(Result::ok)
        .map(|import| (import.module.to_owned(), import.name.to_owned()))
        .collect()
}
