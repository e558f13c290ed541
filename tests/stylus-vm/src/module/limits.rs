//! The limits of section 1.6, except for imports ([`super::rules`]).

use wasmparser::Export;

use super::ActivationError;
use super::parse::Parsed;

const MAX_PAGES: u64 = 128;
const MAX_SEGMENTS: u64 = 128;
const MAX_EXPORTS: u64 = 1_024;
const MAX_FUNCTIONS: u64 = 4_096;
const MAX_GLOBALS: u64 = 32_768;
const MAX_LOCALS: u64 = 348;
const MAX_OPERATORS: u64 = 65_536;
const MAX_TABLE_ENTRIES: u64 = 4_096;
const MAX_ELEMENT_BYTES: u64 = 4_096;
const MAX_NAME_BYTES: u64 = 512;
const MAX_FRAME_WORDS: u64 = 10_240;
const MAX_OPERANDS: u64 = 4_096;

/// Figures of one instrumented function that have a limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct FunctionSize {
    pub(super) locals: u64,
    pub(super) operators: u64,
    /// Largest number of operand values alive at once.
    pub(super) operands: u64,
    /// Words of the depth counter.
    pub(super) frame: u64,
}

/// Limits of the module as a whole. `kept` are the exports that survive, `globals` includes the added ones.
pub(super) fn check_module(parsed: &Parsed, kept: &[&Export], globals: usize) -> Result<(), ActivationError> {
    let table_entries = parsed.tables.iter().map(|table| table.initial).sum();
    limit("memory pages", parsed.memories[0].initial, MAX_PAGES)?;
    limit("data segments", parsed.data.len() as u64, MAX_SEGMENTS)?;
    limit("element segments", parsed.elements.len() as u64, MAX_SEGMENTS)?;
    limit("exports", kept.len() as u64, MAX_EXPORTS)?;
    limit("functions", parsed.bodies.len() as u64, MAX_FUNCTIONS)?;
    limit("globals", globals as u64, MAX_GLOBALS)?;
    limit("table entries", table_entries, MAX_TABLE_ENTRIES)?;
    limit("bytes of element segments", element_bytes(parsed), MAX_ELEMENT_BYTES)?;
    limit("bytes of module name", parsed.module_name.unwrap_or("").len() as u64, MAX_NAME_BYTES)?;
    for export in kept {
        limit("bytes of export name", export.name.len() as u64, MAX_NAME_BYTES)?;
    }
    Ok(())
}

/// Limits of one function.
pub(super) fn check_function(size: FunctionSize) -> Result<(), ActivationError> {
    limit("locals in a function", size.locals, MAX_LOCALS)?;
    limit("operators in a function", size.operators, MAX_OPERATORS)?;
    limit("operand values alive at once", size.operands, MAX_OPERANDS)?;
    limit("words in a stack frame", size.frame, MAX_FRAME_WORDS)
}

/// What the transaction leaves of the chain's page limit.
pub(super) fn check_pages(parsed: &Parsed, left: u16) -> Result<(), ActivationError> {
    limit("memory pages", parsed.memories[0].initial, u64::from(left))
}

/// Bytes that the element segments take in the module, headers included.
pub(super) fn element_bytes(parsed: &Parsed) -> u64 {
    parsed.elements.iter().map(|element| element.range.len() as u64).sum()
}

/// Bytes that the data segments take in the module, headers included.
pub(super) fn data_bytes(parsed: &Parsed) -> u64 {
    parsed.data.iter().map(|data| data.range.len() as u64).sum()
}

fn limit(what: &str, found: u64, limit: u64) -> Result<(), ActivationError> {
    match found <= limit {
        true => Ok(()),
        false => Err(ActivationError::invalid(format!("{found} {what}, the limit is {limit}"))),
    }
}
