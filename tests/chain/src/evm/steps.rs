//! The interpreter instruction by instruction, for traces.

use alloy_primitives::{Bytes, U256};
use revm::{
    bytecode::opcode::{SLOAD, SSTORE},
    interpreter::{
        GasTable, Interpreter, InterpreterAction,
        interpreter::EthInterpreter,
        interpreter_types::{Jumps, LoopControl, MemoryTr},
    },
};

use super::{context::Ctx, instructions::Table};
use crate::frames::Step;

/// Runs up to the next child or the end, and records each instruction.
pub(super) fn run(
    interpreter: &mut Interpreter<EthInterpreter>,
    table: &Table,
    prices: &GasTable,
    ctx: &mut Ctx,
    memory: bool,
) -> InterpreterAction {
    let end = loop {
        let mut step = before(interpreter, memory);
        let outcome = interpreter.step(table, prices, ctx);
        step.cost = step.gas.saturating_sub(interpreter.gas.remaining());
        step.storage = touched(&step, interpreter);
        step.failed = outcome.is_err_and(|result| !result.is_ok_or_revert()) && interpreter.bytecode.action().is_none();
        ctx.chain.recorder.step(step);
        if let Err(end) = outcome {
            break end;
        }
    };
    if interpreter.bytecode.action().is_none() {
        interpreter.halt(end);
    }
    interpreter.take_next_action()
}

fn before(interpreter: &Interpreter<EthInterpreter>, memory: bool) -> Step {
    Step {
        pc: interpreter.bytecode.pc(),
        op: interpreter.bytecode.opcode(),
        gas: interpreter.gas.remaining(),
        cost: 0,
        stack: interpreter.stack.data().clone(),
        memory: memory.then(|| Bytes::copy_from_slice(&interpreter.memory.slice(0..interpreter.memory.size()))),
        storage: None,
        failed: false,
    }
}

/// The slot that an SLOAD or SSTORE was about.
fn touched(step: &Step, interpreter: &Interpreter<EthInterpreter>) -> Option<(U256, U256)> {
    match (step.op, step.stack.as_slice()) {
        (SLOAD, [.., slot]) => Some((*slot, *interpreter.stack.data().last()?)),
        (SSTORE, [.., value, slot]) => Some((*slot, *value)),
        _ => None,
    }
}
