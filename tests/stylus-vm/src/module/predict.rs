//! Predicted costs and the price of an activation (section 2.6).

use super::limits::{data_bytes, element_bytes};
use super::parse::Parsed;
use super::{ActivationError, Figures, Rules, instrument};

const GAS_PER_MICROSECOND: u64 = 28;

/// Running bill of an activation. Each line is floored to whole microseconds on its own.
#[derive(Debug)]
pub(super) struct Charges {
    gas: u64,
    limit: u64,
}

impl Charges {
    pub(super) fn new(limit: u64) -> Self {
        Self { gas: 0, limit }
    }

    pub(super) fn wasm_length(&mut self, bytes: u64) -> Result<(), ActivationError> {
        self.charge(bytes * 31_733 / 100_000)
    }

    /// What can be counted before instrumentation.
    pub(super) fn parts(&mut self, parsed: &Parsed) -> Result<(), ActivationError> {
        let payload: usize = parsed.data.iter().map(|data| data.data.len()).sum();
        self.charge(parsed.bodies.len() as u64 * 17_263 / 100_000)?;
        self.charge(payload as u64 * 17_376 / 100_000)?;
        self.charge(element_bytes(parsed) * 17_376 / 100_000)?;
        self.charge(parsed.memories[0].initial * 2_217)
    }

    /// Operators after instrumentation.
    pub(super) fn operators(&mut self, count: u64) -> Result<(), ActivationError> {
        self.charge(count * 535 / 1_000)
    }

    /// Gas so far.
    pub(super) fn gas(&self) -> u64 {
        self.gas
    }

    fn charge(&mut self, microseconds: u64) -> Result<(), ActivationError> {
        self.gas += microseconds * GAS_PER_MICROSECOND;
        match self.gas <= self.limit {
            true => Ok(()),
            false => Err(ActivationError::OutOfGas),
        }
    }
}

/// The record's figures. Every product is floored on its own.
pub(super) fn figures(parsed: &Parsed, operators: u64, rules: &Rules) -> Result<Figures, ActivationError> {
    let functions = parsed.bodies.len() as u64;
    let type_len: usize = parsed.local_types().map(|ty| ty.params().len() + ty.results().len()).sum();
    let type_len = type_len as u64;
    let wasm_len = parsed.wasm.len() as u64;
    let globals = (parsed.globals.len() + instrument::ADDED_GLOBALS) as u64;
    let segment_bytes = data_bytes(parsed) + element_bytes(parsed);
    let footprint = parsed.memories[0].initial;

    let asm_estimate = 512_000 + functions * 996_829 / 1_000 + type_len * 11_416 / 1_000 + wasm_len * 62_628 / 10_000;
    let cached_cost = functions * 13_420 / 100_000
        + type_len * 89 / 100_000
        + wasm_len * 122 / 100_000
        + globals * 1_628 / 1_000
        + segment_bytes * 75_244 / 100_000
        + footprint * 5;
    let mut init_cost = functions * 8_252 / 1_000 + type_len * 1_059 / 1_000 + wasm_len * 1_286 / 10_000;
    if rules.stylus_version == 1 {
        init_cost += cached_cost;
    }

    Ok(Figures {
        asm_estimate: narrow("asm estimate", asm_estimate)?,
        init_cost: narrow("init cost", init_cost)?,
        cached_cost: narrow("cached init cost", cached_cost)?,
        footprint: narrow("memory footprint", footprint)?,
        operators,
        wasm_len: narrow("program length", wasm_len)?,
    })
}

fn narrow<T: TryFrom<u64>>(what: &str, value: u64) -> Result<T, ActivationError> {
    value.try_into().map_err(|_| ActivationError::invalid(format!("{what} too large: {value}")))
}
