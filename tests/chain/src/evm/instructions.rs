//! Opcodes that differ on Arbitrum. NUMBER and BLOCKHASH need no change: the block environment carries L1 numbers.

use std::sync::LazyLock;

use revm::{
    bytecode::opcode::{BLOBBASEFEE, BLOBHASH, SELFDESTRUCT},
    context_interface::Host,
    handler::instructions::EthInstructions,
    interpreter::{
        InstructionContext, InstructionExecResult, InstructionResult, InstructionTable,
        instructions::host::selfdestruct,
        interpreter::EthInterpreter,
        interpreter_types::{InputsTr, RuntimeFlag},
    },
    primitives::hardfork::SpecId,
};

use super::context::Ctx;
use crate::programs;

/// What runs each instruction.
pub(super) type Table = InstructionTable<EthInterpreter, Ctx>;

/// The instruction table of an EVM specification.
pub(crate) fn table(spec: SpecId) -> EthInstructions<EthInterpreter, Ctx> {
    static TABLES: LazyLock<[EthInstructions<EthInterpreter, Ctx>; 3]> =
        LazyLock::new(|| [SpecId::CANCUN, SpecId::PRAGUE, SpecId::OSAKA].map(arbitrum));
    let known = TABLES.iter().find(|table| table.spec == spec);
    known.cloned().unwrap_or_else(|| arbitrum(spec))
}

fn arbitrum(spec: SpecId) -> EthInstructions<EthInterpreter, Ctx> {
    let mut table = EthInstructions::new_mainnet_with_spec(spec);
    table.insert_instruction(BLOBHASH, revm::interpreter::Instruction::new(invalid), 0);
    table.insert_instruction(BLOBBASEFEE, revm::interpreter::Instruction::new(invalid), 0);
    table.insert_instruction(SELFDESTRUCT, revm::interpreter::Instruction::new(selfdestruct_unless_program), 5_000);
    table
}

type Ictx<'a> = InstructionContext<'a, Ctx, EthInterpreter>;

fn invalid(_context: Ictx<'_>) -> InstructionExecResult {
    Err(InstructionResult::OpcodeNotFound)
}

/// A program cannot be destroyed (3.5): with one as acting account SELFDESTRUCT is paid and reverts.
fn selfdestruct_unless_program(context: Ictx<'_>) -> InstructionExecResult {
    let acting = context.interpreter.input.target_address();
    let code = context.host.load_account_code(acting).map(|load| load.data).unwrap_or_default();
    if !programs::is_callable(&code, context.host.chain.version) || context.interpreter.runtime_flag.is_static() {
        return selfdestruct(context);
    }
    let Some([target]) = context.interpreter.stack.popn::<1>() else {
        return Err(InstructionResult::StackUnderflow);
    };
    let target = alloy_primitives::Address::from_word(target.into());
    let balance = context.host.balance(acting).map(|load| load.data).unwrap_or_default();
    let Some(load) = context.host.load_account_delegated(target) else {
        return Err(InstructionResult::FatalExternalError);
    };
    let topup = !balance.is_zero() && load.data.is_empty;
    let cost = context.host.gas_params().selfdestruct_cost(topup, load.is_cold);
    if context.interpreter.gas.record_regular_cost(cost) {
        Err(InstructionResult::Revert)
    } else {
        Err(InstructionResult::OutOfGas)
    }
}
