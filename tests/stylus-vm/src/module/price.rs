//! Ink of each operator (section 4.2). A function of the operator and its type alone.

use wasmparser::{FuncType, Operator};

use super::ActivationError;

/// What nobody can pay: the operator is accepted, but its block can never be entered.
pub(super) const UNPAYABLE: u64 = u64::MAX;

/// Price of `operator` in ink.
///
/// # Errors
///
/// Names an operator that programs may not contain, not even in dead code (section 1.7).
pub(super) fn price(operator: &Operator, types: &[FuncType]) -> Result<u64, ActivationError> {
    let ink = match operator {
        Operator::BrTable { targets } => 2_400 + 325 * u64::from(targets.len()),
        Operator::CallIndirect { type_index, .. } => 13_610 + 650 * types[*type_index as usize].params().len() as u64,
        _ => match fixed(operator).or_else(|| memory(operator)).or_else(|| arithmetic(operator)) {
            Some(ink) => ink,
            None if is_unpayable(operator) => UNPAYABLE,
            None => {
                let text = format!("unsupported operator: {operator:?}");
                return Err(ActivationError::invalid(text));
            }
        },
    };
    Ok(ink)
}

/// Control flow, constants, variables.
fn fixed(operator: &Operator) -> Option<u64> {
    use Operator::*;
    Some(match operator {
        Unreachable | Return | Nop | Block { .. } | Loop { .. } | Else | End => 1,
        I32Const { .. } | I64Const { .. } => 1,
        Drop => 9,
        Br { .. } | BrIf { .. } | If { .. } => 765,
        Select => 1_250,
        Call { .. } => 3_800,
        LocalGet { .. } | LocalTee { .. } => 75,
        LocalSet { .. } => 210,
        GlobalGet { .. } => 225,
        GlobalSet { .. } => 575,
        _ => return None,
    })
}

/// Linear memory. Fill and copy also pay per byte, at run time.
fn memory(operator: &Operator) -> Option<u64> {
    use Operator::*;
    Some(match operator {
        I32Load { .. } | I32Load8S { .. } | I32Load8U { .. } => 670,
        I32Load16S { .. } | I32Load16U { .. } => 670,
        I64Load { .. } | I64Load8S { .. } | I64Load8U { .. } | I64Load16S { .. } => 680,
        I64Load16U { .. } | I64Load32S { .. } | I64Load32U { .. } => 680,
        I32Store { .. } | I32Store8 { .. } | I32Store16 { .. } => 825,
        I64Store { .. } | I64Store8 { .. } | I64Store16 { .. } | I64Store32 { .. } => 950,
        MemorySize { .. } => 3_000,
        MemoryGrow { .. } => 8_050,
        MemoryCopy { .. } | MemoryFill { .. } => 950,
        _ => return None,
    })
}

/// Integers.
fn arithmetic(operator: &Operator) -> Option<u64> {
    use Operator::*;
    Some(match operator {
        I32Eqz | I32Eq | I32Ne | I32LtS | I32LtU | I32GtS => 170,
        I32GtU | I32LeS | I32LeU | I32GeS | I32GeU => 170,
        I64Eqz | I64Eq | I64Ne | I64LtS | I64LtU | I64GtS => 225,
        I64GtU | I64LeS | I64LeU | I64GeS | I64GeU => 225,
        I32Clz | I32Ctz | I64Clz | I64Ctz => 210,
        I32Add | I32Sub | I32And | I32Or | I32Xor => 70,
        I32Shl | I32ShrS | I32ShrU | I32Rotl | I32Rotr => 70,
        I64Add | I64Sub | I64And | I64Or | I64Xor => 100,
        I64Shl | I64ShrS | I64ShrU | I64Rotl | I64Rotr => 100,
        I32Mul | I64Mul => 160,
        I32DivS | I32DivU | I32RemS | I32RemU => 1_120,
        I64DivS | I64DivU | I64RemS | I64RemU => 1_270,
        I32Popcnt => 2_650,
        I64Popcnt => 6_000,
        I32WrapI64 | I64ExtendI32S | I64ExtendI32U => 100,
        I32Extend8S | I32Extend16S => 100,
        I64Extend8S | I64Extend16S | I64Extend32S => 100,
        _ => return None,
    })
}

/// Floats that move bits without computing.
fn is_unpayable(operator: &Operator) -> bool {
    use Operator::*;
    matches!(
        operator,
        F32Const { .. }
            | F64Const { .. }
            | F32Load { .. }
            | F64Load { .. }
            | F32Store { .. }
            | F64Store { .. }
            | I32ReinterpretF32
            | I64ReinterpretF64
            | F32ReinterpretI32
            | F64ReinterpretI64
    )
}
