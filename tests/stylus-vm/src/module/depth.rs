//! Stack depth (section 4.5): how many words a frame takes, and the code that counts them.
//!
//! The simulation is deliberately naive. It runs through dead code as if it were alive, and what it computes is part
//! of the protocol: a better estimate would be a wrong one.

use wasmparser::{BlockType, FuncType, Operator};

use super::instrument::Globals;
use super::meter::insert_before;
use super::parse::Parsed;

/// Words that each frame takes besides operands and declared locals.
const FRAME_OVERHEAD: u64 = 4;

/// Words of a frame. Parameters do not count.
pub(super) fn frame_words(operands: u64, declared_locals: u64) -> u64 {
    operands + declared_locals + FRAME_OVERHEAD
}

/// Largest height of the operand stack.
pub(super) fn worst_height(parsed: &Parsed, operators: &[Operator]) -> u64 {
    let mut stack = Height::default();
    for operator in operators {
        stack.step(parsed, operator);
    }
    stack.worst
}

/// Simulated operand stack.
#[derive(Debug, Default)]
struct Height {
    now: u64,
    worst: u64,
    /// Height of each open block, its results included.
    scopes: Vec<u64>,
}

impl Height {
    fn push(&mut self, count: u64) {
        self.now += count;
        self.worst = self.worst.max(self.now);
    }

    fn pop(&mut self, count: u64) {
        self.now = self.now.saturating_sub(count);
    }

    /// Results come before parameters go.
    fn apply(&mut self, ty: &FuncType) {
        self.push(ty.results().len() as u64);
        self.pop(ty.params().len() as u64);
    }

    fn open(&mut self, parsed: &Parsed, ty: BlockType) {
        match ty {
            BlockType::Empty => {}
            BlockType::Type(_) => self.push(1),
            BlockType::FuncType(index) => self.apply(&parsed.types[index as usize]),
        }
        self.scopes.push(self.now);
    }

    fn step(&mut self, parsed: &Parsed, operator: &Operator) {
        match operator {
            Operator::Block { blockty } | Operator::Loop { blockty } => self.open(parsed, *blockty),
            Operator::If { blockty } => {
                self.pop(1);
                self.open(parsed, *blockty);
            }
            Operator::Else => self.now = *self.scopes.last().expect("validated: inside an `if`"),
            // The last `end` closes the function, which is no scope.
            Operator::End => self.now = self.scopes.pop().unwrap_or(self.now),
            Operator::Call { function_index } => self.apply(parsed.function_type(*function_index)),
            Operator::CallIndirect { type_index, .. } => {
                self.apply(&parsed.types[*type_index as usize]);
                self.pop(1);
            }
            other => match effect(other) {
                Effect::Pushes(count) => self.push(count),
                Effect::Pops(count) => self.pop(count),
            },
        }
    }
}

enum Effect {
    Pushes(u64),
    Pops(u64),
}

/// Net effect of an operator without a block or a call.
fn effect(operator: &Operator) -> Effect {
    use Operator::*;
    match operator {
        LocalGet { .. } | GlobalGet { .. } | MemorySize { .. } => Effect::Pushes(1),
        I32Const { .. } | I64Const { .. } | F32Const { .. } | F64Const { .. } => Effect::Pushes(1),
        Drop | BrIf { .. } | BrTable { .. } | LocalSet { .. } | GlobalSet { .. } => Effect::Pops(1),
        MemoryFill { .. } | MemoryCopy { .. } => Effect::Pops(3),
        Select => Effect::Pops(2),
        other if is_store(other) => Effect::Pops(2),
        other if is_binary(other) => Effect::Pops(1),
        // Branches, `nop`, loads, unary operators, conversions, `local.tee`, growth.
        _ => Effect::Pushes(0),
    }
}

fn is_store(operator: &Operator) -> bool {
    use Operator::*;
    matches!(
        operator,
        I32Store { .. }
            | I32Store8 { .. }
            | I32Store16 { .. }
            | I64Store { .. }
            | I64Store8 { .. }
            | I64Store16 { .. }
            | I64Store32 { .. }
            | F32Store { .. }
            | F64Store { .. }
    )
}

/// Two integers in, one out. Float arithmetic never comes here: it is refused.
#[rustfmt::skip]
fn is_binary(operator: &Operator) -> bool {
    use Operator::*;
    matches!(
        operator,
        I32Eq | I32Ne | I32LtS | I32LtU | I32GtS | I32GtU | I32LeS | I32LeU | I32GeS | I32GeU
            | I64Eq | I64Ne | I64LtS | I64LtU | I64GtS | I64GtU | I64LeS | I64LeU | I64GeS | I64GeU
            | I32Add | I32Sub | I32Mul | I32DivS | I32DivU | I32RemS | I32RemU
            | I32And | I32Or | I32Xor | I32Shl | I32ShrS | I32ShrU | I32Rotl | I32Rotr
            | I64Add | I64Sub | I64Mul | I64DivS | I64DivU | I64RemS | I64RemU
            | I64And | I64Or | I64Xor | I64Shl | I64ShrS | I64ShrU | I64Rotl | I64Rotr
    )
}

/// Takes the frame's words on entry and gives them back before each `return`; the end of the function becomes one.
///
/// A branch to the outermost label gives nothing back: its words stay taken until the program ends.
pub(super) fn guard<'a>(operators: Vec<Operator<'a>>, frame: u64, globals: &Globals) -> Vec<Operator<'a>> {
    let frame = frame as i32; // At most 65,536 operators and 50,000 locals passed the parser.
    let mut operators = operators;
    let end = operators.pop().expect("validated: a function ends with `end`");
    operators.extend([Operator::Return, end]);

    let mut guarded = Vec::from(enter(frame, globals));
    let give_back = leave(frame, globals);
    guarded.extend(insert_before(operators, |op| matches!(op, Operator::Return), &give_back));
    guarded
}

fn enter<'a>(frame: i32, globals: &Globals) -> [Operator<'a>; 12] {
    let global_index = globals.stack_left;
    [
        Operator::GlobalGet { global_index },
        Operator::I32Const { value: frame },
        Operator::I32LeU,
        Operator::If { blockty: BlockType::Empty },
        Operator::I32Const { value: 0 },
        Operator::GlobalSet { global_index },
        Operator::Unreachable,
        Operator::End,
        Operator::GlobalGet { global_index },
        Operator::I32Const { value: frame },
        Operator::I32Sub,
        Operator::GlobalSet { global_index },
    ]
}

fn leave<'a>(frame: i32, globals: &Globals) -> [Operator<'a>; 4] {
    let global_index = globals.stack_left;
    [
        Operator::GlobalGet { global_index },
        Operator::I32Const { value: frame },
        Operator::I32Add,
        Operator::GlobalSet { global_index },
    ]
}
