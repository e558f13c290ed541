//! Ink: one charge per basic block (section 4.3), and charges by length for fill, copy and growth (4.4).

use wasmparser::{BlockType, FuncType, Operator};

use super::ActivationError;
use super::instrument::Globals;
use super::price::price;

/// Ink that every block pays besides its operators.
const BLOCK_HEADER: u64 = 2_450;
/// Ink per byte filled or copied.
const BULK_BYTE: i64 = 100;
/// What a failed check writes to the status global.
const EXHAUSTED: i32 = 1;

/// Puts the charge of each basic block before its first operator.
pub(super) fn blocks<'a>(
    operators: Vec<Operator<'a>>,
    types: &[FuncType],
    globals: &Globals,
) -> Result<Vec<Operator<'a>>, ActivationError> {
    let mut metered = Vec::with_capacity(2 * operators.len());
    let (mut block, mut cost) = (Vec::new(), BLOCK_HEADER);
    for operator in operators {
        cost = price(&operator, types)?.saturating_add(cost);
        let ends = ends_block(&operator);
        block.push(operator);
        if ends {
            metered.extend(charge(cost, globals));
            metered.append(&mut block);
            cost = BLOCK_HEADER;
        }
    }
    assert!(block.is_empty(), "a function ends with `end`, which ends a block");
    Ok(metered)
}

fn ends_block(operator: &Operator) -> bool {
    matches!(
        operator,
        Operator::End
            | Operator::Else
            | Operator::Return
            | Operator::Loop { .. }
            | Operator::Br { .. }
            | Operator::BrTable { .. }
            | Operator::BrIf { .. }
            | Operator::If { .. }
            | Operator::Call { .. }
            | Operator::CallIndirect { .. }
    )
}

/// Traps unless `cost` ink is left, then takes it.
fn charge<'a>(cost: u64, globals: &Globals) -> [Operator<'a>; 12] {
    let Globals { ink_left, ink_status, .. } = *globals;
    let value = cost as i64; // The same bits: WebAssembly's integers have no sign of their own.
    [
        Operator::GlobalGet { global_index: ink_left },
        Operator::I64Const { value },
        Operator::I64LtU,
        Operator::If { blockty: BlockType::Empty },
        Operator::I32Const { value: EXHAUSTED },
        Operator::GlobalSet { global_index: ink_status },
        Operator::Unreachable,
        Operator::End,
        Operator::GlobalGet { global_index: ink_left },
        Operator::I64Const { value },
        Operator::I64Sub,
        Operator::GlobalSet { global_index: ink_left },
    ]
}

/// Puts the charge by length before each fill and copy.
pub(super) fn bulk_memory<'a>(operators: Vec<Operator<'a>>, globals: &Globals) -> Vec<Operator<'a>> {
    let is_bulk = |op: &Operator| matches!(op, Operator::MemoryFill { .. } | Operator::MemoryCopy { .. });
    insert_before(operators, is_bulk, &charge_length(globals))
}

/// Takes [`BULK_BYTE`] per byte of the length on top of the stack. Too little ink shows as a wrap-around.
fn charge_length<'a>(globals: &Globals) -> [Operator<'a>; 17] {
    let Globals { ink_left, ink_status, scratch, .. } = *globals;
    [
        Operator::GlobalSet { global_index: scratch },
        Operator::GlobalGet { global_index: ink_left },
        Operator::GlobalGet { global_index: ink_left },
        Operator::GlobalGet { global_index: scratch },
        Operator::I64ExtendI32U,
        Operator::I64Const { value: BULK_BYTE },
        Operator::I64Mul,
        Operator::I64Sub,
        Operator::GlobalSet { global_index: ink_left },
        Operator::GlobalGet { global_index: ink_left },
        Operator::I64LtU,
        Operator::If { blockty: BlockType::Empty },
        Operator::I32Const { value: EXHAUSTED },
        Operator::GlobalSet { global_index: ink_status },
        Operator::Unreachable,
        Operator::End,
        Operator::GlobalGet { global_index: scratch },
    ]
}

/// Calls `hook` with the page count before each growth.
pub(super) fn memory_growth<'a>(operators: Vec<Operator<'a>>, hook: u32, globals: &Globals) -> Vec<Operator<'a>> {
    let scratch = globals.scratch;
    let pay = [
        Operator::GlobalSet { global_index: scratch },
        Operator::GlobalGet { global_index: scratch },
        Operator::Call { function_index: hook },
        Operator::GlobalGet { global_index: scratch },
    ];
    insert_before(operators, |op| matches!(op, Operator::MemoryGrow { .. }), &pay)
}

/// Puts `inserted` before each operator that `chosen` names.
pub(super) fn insert_before<'a>(
    operators: Vec<Operator<'a>>,
    chosen: impl Fn(&Operator) -> bool,
    inserted: &[Operator<'a>],
) -> Vec<Operator<'a>> {
    let mut result = Vec::with_capacity(operators.len() + inserted.len());
    for operator in operators {
        if chosen(&operator) {
            result.extend_from_slice(inserted);
        }
        result.push(operator);
    }
    result
}
