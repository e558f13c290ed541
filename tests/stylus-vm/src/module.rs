//! From deployed bytes to a program that can run.
//!
//! [`activate`] reads top to bottom as the specification does: parse and check (1.4 to 1.7), instrument (4.2 to 4.5),
//! predict and charge (2.6), compile. Each step is a file below `module/`.

mod compression;
mod deploy;
mod depth;
mod encode;
mod instrument;
mod limits;
mod meter;
mod parse;
mod predict;
mod price;
mod rules;

/// Names under which an instrumented module exports what the host uses.
pub(crate) mod names {
    pub(crate) use super::instrument::{INK_LEFT, INK_STATUS, STACK_LEFT};
    pub(crate) use super::rules::{ENTRY_POINT, MEMORY};
}

use std::sync::Arc;

pub use compression::{decompress, fast_compressed_len};
pub use deploy::{contract_code, imports, init_code, prepare_for_deployment};

use crate::ARBOS_CHARGING_FIXES;
use crate::execution::Host;
use instrument::Instrumented;
use parse::Parsed;

/// Protocol versions whose rules are known, oldest first.
pub const ARBOS_VERSIONS: [u64; 10] = [30, 31, 32, 40, 41, 50, 51, 59, 60, 61];
/// What Arbitrum One runs.
pub const ARBOS_CURRENT: u64 = 61;

/// First version of the instrumentation that refuses multi-value.
const STYLUS_NO_MULTI_VALUE: u16 = 3;
/// The newest version of the instrumentation.
const STYLUS_NEWEST: u16 = 3;

/// Which module rules apply: they depend on the ArbOS version and two chain parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    /// Protocol version of the chain, one of [`ARBOS_VERSIONS`].
    pub arbos_version: u64,
    /// Version of the instrumentation, 1 to 3.
    pub stylus_version: u16,
    /// Largest decompressed module, bytes.
    pub max_wasm_size: u32,
    /// Accept the imports of the modules `console` and `debug`.
    pub debug: bool,
}

impl Rules {
    /// The rules of a production chain whose owner changed no parameter (4.7 and `arbos-61.md`).
    pub const fn of(arbos_version: u64) -> Self {
        Self {
            arbos_version,
            stylus_version: match arbos_version {
                ..31 => 1,
                31..59 => 2,
                59.. => STYLUS_NEWEST,
            },
            max_wasm_size: if arbos_version < 60 { 128 * 1024 } else { 256 * 1024 },
            debug: false,
        }
    }

    fn has_multi_value(&self) -> bool {
        self.stylus_version < STYLUS_NO_MULTI_VALUE
    }
}

/// What activation predicts of a program and stores in its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Estimated size of the natively compiled program, bytes.
    pub asm_estimate: u32,
    /// Unscaled init cost number of the record.
    pub init_cost: u16,
    /// Unscaled cached-init cost number of the record.
    pub cached_cost: u16,
    /// Initial memory pages.
    pub footprint: u16,
    /// Operators of all functions after instrumentation.
    pub operators: u64,
    /// Bytes of the decompressed module as deployed.
    pub wasm_len: u32,
}

/// A successful activation.
#[derive(Debug)]
pub struct Activation {
    /// Predicted figures.
    pub figures: Figures,
    /// Gas of the steps that depend on the module (stylus-vm.md 2.6 step 5).
    pub gas: u64,
    /// The program, compiled and ready to run.
    pub program: Arc<Program>,
}

/// Why a module cannot be activated. The text surfaces in RPC errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActivationError {
    /// More gas than was left.
    #[error("out of gas")]
    OutOfGas,
    /// The module breaks a rule; the text names it.
    #[error("{0}")]
    Invalid(String),
}

impl ActivationError {
    fn invalid(rule: impl Into<String>) -> Self {
        Self::Invalid(rule.into())
    }
}

impl From<wasmparser::BinaryReaderError> for ActivationError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// An instrumented, compiled module. Cheap to clone behind its `Arc`, shared between threads.
#[derive(Debug)]
pub struct Program {
    instrumented: Vec<u8>,
    frame_words: Vec<u32>,
    pub(crate) module: wasmi::Module,
    pub(crate) linker: wasmi::Linker<Host>,
}

impl Program {
    fn new(module: Instrumented) -> Result<Arc<Self>, ActivationError> {
        let Instrumented { wasm: instrumented, frame_words, .. } = module;
        // An engine never forgets code it compiled, so each program owns one: dropping the program frees it.
        let engine = crate::execution::engine();
        let linker = crate::execution::linker(&engine);
        let module = wasmi::Module::new(&engine, &instrumented)
            .map_err(|error| ActivationError::invalid(format!("the engine refuses: {error}")))?;
        Ok(Arc::new(Self { instrumented, frame_words, module, linker }))
    }

    /// The module that runs: metered, with its stack depth checked, and with the globals of section 4.4 exported.
    pub fn instrumented(&self) -> &[u8] {
        &self.instrumented
    }

    /// Words that a frame of each local function takes from the depth counter (section 4.5).
    pub fn frame_words(&self) -> &[u32] {
        &self.frame_words
    }
}

/// Validates, instruments and prices a module, charging at most `gas_limit`.
///
/// `page_limit` is what is left of the chain's page limit in this transaction. The gas is that of section 2.6 step 5;
/// the fixed part of an activation is the caller's.
///
/// # Errors
///
/// [`ActivationError::Invalid`] names the broken rule; [`ActivationError::OutOfGas`] when `gas_limit` is too low.
pub fn activate(wasm: &[u8], page_limit: u16, rules: &Rules, gas_limit: u64) -> Result<Activation, ActivationError> {
    let mut charges = predict::Charges::new(gas_limit);
    if rules.arbos_version >= ARBOS_CHARGING_FIXES {
        charges.wasm_length(wasm.len() as u64)?;
    }
    rules::check_versions(wasm, rules)?;
    let parsed = Parsed::new(wasm, rules.has_multi_value())?;
    rules::check(&parsed, rules)?;
    charges.parts(&parsed)?;
    let instrumented = instrument::instrument(&parsed)?;
    limits::check_pages(&parsed, page_limit)?;
    charges.operators(instrumented.operators)?;
    Ok(Activation {
        figures: predict::figures(&parsed, instrumented.operators, rules)?,
        gas: charges.gas(),
        program: Program::new(instrumented)?,
    })
}

/// Instruments and compiles a module that was activated before, without charging or limits of pages.
///
/// Limits that came with a later protocol version do not apply. The version of the instrumentation does: a program that
/// was activated under another one is not called at all.
///
/// # Errors
///
/// [`ActivationError::Invalid`] when the module could never have been activated.
pub fn compile(wasm: &[u8], rules: &Rules) -> Result<Arc<Program>, ActivationError> {
    let widest = Rules { arbos_version: ARBOS_VERSIONS[0], ..*rules };
    let parsed = Parsed::new(wasm, rules.has_multi_value())?;
    rules::check(&parsed, &widest)?;
    Program::new(instrument::instrument(&parsed)?)
}
