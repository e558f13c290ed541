//! Runs the passes of section 4.4 over each function and assembles the result.

use wasmparser::{Export, ExternalKind, Operator, ValType};

use super::limits::{self, FunctionSize};
use super::parse::Parsed;
use super::{ActivationError, depth, encode, meter, rules};

/// Globals that instrumentation appends, in this order.
pub(super) const ADDED_GLOBALS: usize = 4;

/// Names under which the host finds the globals it reads and writes.
pub(crate) const INK_LEFT: &str = "stylus_ink_left";
pub(crate) const INK_STATUS: &str = "stylus_ink_status";
pub(crate) const SCRATCH: &str = "stylus_scratch_global";
pub(crate) const STACK_LEFT: &str = "stylus_stack_left";

/// Indices of the appended globals.
#[derive(Clone, Copy, Debug)]
pub(super) struct Globals {
    pub(super) ink_left: u32,
    pub(super) ink_status: u32,
    pub(super) scratch: u32,
    pub(super) stack_left: u32,
}

impl Globals {
    fn after(existing: usize) -> Self {
        // Validated modules have at most a million globals.
        let first = existing as u32;
        Self { ink_left: first, ink_status: first + 1, scratch: first + 2, stack_left: first + 3 }
    }

    /// Index, type and export name of each.
    pub(super) fn list(&self) -> [(u32, ValType, &'static str); ADDED_GLOBALS] {
        [
            (self.ink_left, ValType::I64, INK_LEFT),
            (self.ink_status, ValType::I32, INK_STATUS),
            (self.scratch, ValType::I32, SCRATCH),
            (self.stack_left, ValType::I32, STACK_LEFT),
        ]
    }
}

/// A function on its way out.
pub(super) struct Function<'a> {
    /// Runs of equally typed locals, as deployed.
    pub(super) locals: Vec<(u32, ValType)>,
    pub(super) operators: Vec<Operator<'a>>,
}

/// A module that can run.
pub(super) struct Instrumented {
    pub(super) wasm: Vec<u8>,
    /// Operators of all functions.
    pub(super) operators: u64,
    /// Frame of each local function in words.
    pub(super) frame_words: Vec<u32>,
}

/// Instruments a module whose structure was checked, and applies the limits that refer to the result.
pub(super) fn instrument(parsed: &Parsed) -> Result<Instrumented, ActivationError> {
    let globals = Globals::after(parsed.globals.len());
    let kept = surviving_exports(parsed);
    limits::check_module(parsed, &kept, parsed.globals.len() + ADDED_GLOBALS)?;

    let (mut functions, mut frame_words, mut operators) = (Vec::new(), Vec::new(), 0);
    for index in 0..parsed.bodies.len() {
        let (function, size) = instrument_function(parsed, index, &globals)?;
        limits::check_function(size)?;
        operators += size.operators;
        frame_words.push(size.frame as u32);
        functions.push(function);
    }
    Ok(Instrumented { wasm: encode::module(parsed, &globals, &kept, functions)?, operators, frame_words })
}

fn instrument_function<'a>(
    parsed: &Parsed<'a>,
    index: usize,
    globals: &Globals,
) -> Result<(Function<'a>, FunctionSize), ActivationError> {
    let body = &parsed.bodies[index];
    let locals = body.get_locals_reader()?.into_iter().collect::<Result<Vec<_>, _>>()?;
    let declared = locals.iter().map(|(count, _)| u64::from(*count)).sum();
    let operators = body.get_operators_reader()?.into_iter().collect::<Result<Vec<_>, _>>()?;

    let operators = meter::blocks(operators, &parsed.types, globals)?;
    let operators = meter::bulk_memory(operators, globals);
    let operands = depth::worst_height(parsed, &operators);
    let frame = depth::frame_words(operands, declared);
    let operators = depth::guard(operators, frame, globals);
    let operators = match growth_hook(parsed) {
        Some(hook) => meter::memory_growth(operators, hook, globals),
        None => operators,
    };

    let size = FunctionSize { locals: declared, operators: operators.len() as u64, operands, frame };
    Ok((Function { locals, operators }, size))
}

/// What growth calls, unless the memory is of fixed size.
fn growth_hook(parsed: &Parsed) -> Option<u32> {
    let memory = parsed.memories[0];
    match memory.maximum == Some(memory.initial) {
        true => None,
        false => rules::grow_hook(parsed),
    }
}

/// Of the program's exports only those that the host uses remain (section 1.5). A `stylus_start` cannot be among them:
/// programs may not use that name, and a start function, which only debug rules let pass, is dropped.
fn surviving_exports<'p, 'a>(parsed: &'p Parsed<'a>) -> Vec<&'p Export<'a>> {
    parsed
        .exports
        .iter()
        .filter(|export| match export.name {
            rules::ENTRY_POINT => export.kind == ExternalKind::Func,
            rules::MEMORY => export.kind == ExternalKind::Memory,
            _ => false,
        })
        .collect()
}
