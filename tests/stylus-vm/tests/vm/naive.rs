//! A second implementation of metering, on instructions as text, and nothing shared with the first.
//!
//! Ink is not counted by globals here: a call to the host stands before each basic block. Operators and frames are
//! computed from closed formulas over the original code.

use std::collections::HashMap;

use stylus_vm::Outcome;
use wasmi::{Caller, Engine, Error, Linker, Module, Store};

use crate::support::{INK_PRICE, Pages};

/// Parameters and results of the functions that instructions name.
pub(crate) type Signatures = HashMap<String, (u64, u64)>;

/// Instructions of one function, the last `end` included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body<'a> {
    pub(crate) code: &'a [String],
    pub(crate) declared_locals: u64,
    pub(crate) signatures: &'a Signatures,
}

fn mnemonic(instruction: &str) -> &str {
    instruction.split(' ').next().expect("instructions are not empty")
}

/// First instructions of the basic blocks, and what each block costs.
fn blocks(body: Body) -> Vec<(usize, u64)> {
    let (mut blocks, mut start, mut cost) = (Vec::new(), 0, 2_450u64);
    for (index, instruction) in body.code.iter().enumerate() {
        cost = cost.saturating_add(ink(body, instruction));
        let enders = ["end", "else", "return", "loop", "br", "br_table", "br_if", "if", "call", "call_indirect"];
        if enders.contains(&mnemonic(instruction)) {
            blocks.push((start, cost));
            (start, cost) = (index + 1, 2_450);
        }
    }
    blocks
}

/// The table of section 4.2, by name.
fn ink(body: Body, instruction: &str) -> u64 {
    let name = mnemonic(instruction);
    let (ty, operation) = name.split_once('.').unwrap_or(("", name));
    match (ty, operation) {
        (_, "unreachable" | "return" | "nop" | "block" | "loop" | "else" | "end") => 1,
        ("i32" | "i64", "const") => 1,
        ("f32" | "f64", _) => u64::MAX,
        (_, op) if op.starts_with("reinterpret") => u64::MAX,
        ("i32" | "i64", op) if op.starts_with("reinterpret") => u64::MAX,
        (_, "drop") => 9,
        (_, "br" | "br_if" | "if") => 765,
        (_, "br_table") => 2_400 + 325 * (instruction.split(' ').count() as u64 - 2),
        (_, "select") => 1_250,
        (_, "call") => 3_800,
        (_, "call_indirect") => 13_610 + 650 * body.signatures[instruction].0,
        ("local", "get" | "tee") => 75,
        ("local", "set") => 210,
        ("global", "get") => 225,
        ("global", "set") => 575,
        ("memory", "size") => 3_000,
        ("memory", "grow") => 8_050,
        ("memory", "fill" | "copy") => 950,
        ("i32", op) if op.starts_with("load") => 670,
        ("i64", op) if op.starts_with("load") => 680,
        ("i32", op) if op.starts_with("store") => 825,
        ("i64", op) if op.starts_with("store") => 950,
        ("i32" | "i64", op) if op.starts_with("extend") || op.starts_with("wrap") => 100,
        ("i32" | "i64", "clz" | "ctz") => 210,
        ("i32" | "i64", "mul") => 160,
        ("i32", "popcnt") => 2_650,
        ("i64", "popcnt") => 6_000,
        ("i32", op) if op.starts_with("div") || op.starts_with("rem") => 1_120,
        ("i64", op) if op.starts_with("div") || op.starts_with("rem") => 1_270,
        ("i32", "eqz" | "eq" | "ne") => 170,
        ("i64", "eqz" | "eq" | "ne") => 225,
        ("i32", op) if ["lt_", "gt_", "le_", "ge_"].iter().any(|prefix| op.starts_with(prefix)) => 170,
        ("i64", op) if ["lt_", "gt_", "le_", "ge_"].iter().any(|prefix| op.starts_with(prefix)) => 225,
        ("i32", "add" | "sub" | "and" | "or" | "xor" | "shl" | "shr_s" | "shr_u" | "rotl" | "rotr") => 70,
        ("i64", "add" | "sub" | "and" | "or" | "xor" | "shl" | "shr_s" | "shr_u" | "rotl" | "rotr") => 100,
        _ => panic!("no price for {instruction}"),
    }
}

/// Operators after instrumentation.
pub(crate) fn operators(body: Body, growable: bool) -> u64 {
    let count = |names: &[&str]| body.code.iter().filter(|op| names.contains(&mnemonic(op))).count() as u64;
    let growth = if growable { 4 * count(&["memory.grow"]) } else { 0 };
    let bulk = 17 * count(&["memory.fill", "memory.copy"]);
    body.code.len() as u64 + 12 * blocks(body).len() as u64 + bulk + growth + 12 + 4 * (count(&["return"]) + 1) + 1
}

/// Words of a frame.
pub(crate) fn frame_words(body: Body) -> u64 {
    let starts: Vec<usize> = blocks(body).into_iter().map(|(start, _)| start).collect();
    let (mut height, mut worst, mut scopes) = (0i64, 0, Vec::new());
    for (index, instruction) in body.code.iter().enumerate() {
        if starts.contains(&index) {
            worst = worst.max(height + 2);
        }
        match mnemonic(instruction) {
            "else" => height = scopes[scopes.len() - 1],
            "end" => height = scopes.pop().unwrap_or(height),
            name => {
                if name == "memory.fill" || name == "memory.copy" {
                    // The length is parked while the check runs; in dead code there may be none.
                    worst = worst.max((height - 1).max(0) + 4);
                }
                let (pushed, popped) = effect(body, instruction);
                if name == "if" {
                    height = (height - 1).max(0);
                }
                worst = worst.max(height + pushed);
                height = (height + pushed - popped).max(0);
                if ["block", "loop", "if"].contains(&name) {
                    scopes.push(height);
                }
            }
        }
    }
    worst as u64 + body.declared_locals + 4
}

/// Values pushed first and popped then.
fn effect(body: Body, instruction: &str) -> (i64, i64) {
    let name = mnemonic(instruction);
    let (ty, operation) = name.split_once('.').unwrap_or(("", name));
    let words = |keyword: &str| {
        let part = instruction.split(&format!("({keyword}")).nth(1).map(|rest| rest.split(')').next().unwrap_or(""));
        part.map_or(0, |types| types.split_whitespace().count() as i64)
    };
    match (ty, operation) {
        (_, "block" | "loop" | "if") => (words("result"), words("param")),
        (_, "call") => signature(body, instruction, 0),
        (_, "call_indirect") => signature(body, instruction, 1),
        (_, "get" | "const" | "size") => (1, 0),
        (_, "drop" | "br_if" | "br_table" | "set") => (0, 1),
        (_, "select") => (0, 2),
        ("memory", "fill" | "copy") => (0, 3),
        (_, op) if op.starts_with("store") => (0, 2),
        (_, op) if op.starts_with("load") || op.starts_with("extend") || op.starts_with("wrap") => (0, 0),
        (_, "eqz" | "clz" | "ctz" | "popcnt" | "tee" | "grow" | "nop" | "return" | "br" | "unreachable") => (0, 0),
        ("i32" | "i64", op) if op.starts_with("reinterpret") => (0, 0),
        ("i32" | "i64", _) => (0, 1),
        _ => panic!("no effect for {instruction}"),
    }
}

fn signature(body: Body, instruction: &str, index: i64) -> (i64, i64) {
    let (params, results) = body.signatures[instruction];
    (results as i64, params as i64 + index)
}

/// The body with its charges as calls.
pub(crate) fn counted(body: Body, growable: bool) -> Vec<String> {
    let costs: HashMap<usize, u64> = blocks(body).into_iter().collect();
    let frame = frame_words(body);
    let leave = format!("i32.const {frame} call $leave");
    let mut counted = vec![format!("i32.const {frame} call $enter")];
    for (index, instruction) in body.code.iter().enumerate() {
        if let Some(cost) = costs.get(&index) {
            counted.push(format!("i64.const {} call $charge", *cost as i64));
        }
        let hook = match mnemonic(instruction) {
            "memory.fill" | "memory.copy" => Some("$bulk"),
            "memory.grow" if growable => Some("$grow"),
            _ => None,
        };
        if let Some(hook) = hook {
            counted.push(format!("global.set $parked global.get $parked call {hook} global.get $parked"));
        }
        if mnemonic(instruction) == "return" {
            counted.push(leave.clone());
        }
        counted.push(instruction.clone());
    }
    counted.insert(counted.len() - 1, leave);
    counted
}

/// What [`counted`] code imports and declares.
pub(crate) const COUNTING_IMPORTS: &str = r#"
    (import "naive" "charge" (func $charge (param i64)))
    (import "naive" "enter" (func $enter (param i32)))
    (import "naive" "leave" (func $leave (param i32)))
    (import "naive" "bulk" (func $bulk (param i32)))
    (import "naive" "grow" (func $grow (param i32)))
    (import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
    (import "vm_hooks" "pay_for_memory_grow" (func $pay_for_memory_grow (param i32)))
    (global $parked (mut i32) (i32.const 0))"#;

/// How the counted module ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) ink_used: u64,
    pub(crate) output: Vec<u8>,
    pub(crate) status: Option<i32>,
}

#[derive(Debug)]
struct Meter {
    left: u64,
    exhausted: bool,
    stack: u32,
    pages: Pages,
    wraps_growth: bool,
    output: Vec<u8>,
}

impl Meter {
    fn buy(&mut self, ink: u64) -> Result<(), Error> {
        match self.left.checked_sub(ink) {
            Some(left) => self.left = left,
            None => self.exhausted = true,
        }
        if self.exhausted { Err(Error::new("out of ink")) } else { Ok(()) }
    }

    fn enter(&mut self, frame: u32) -> Result<(), Error> {
        self.stack = self.stack.saturating_sub(frame);
        if self.stack == 0 { Err(Error::new("out of stack")) } else { Ok(()) }
    }
}

/// What a frame may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) ink: u64,
    pub(crate) stack: u32,
    pub(crate) pages: Pages,
    /// Growth is paid by the low 16 bits of its page count.
    pub(crate) wraps_growth: bool,
}

/// Runs a module made of [`counted`] functions.
pub(crate) fn run(wasm: &[u8], budget: Budget, argument: i32) -> Ending {
    let Budget { ink, stack, pages, wraps_growth } = budget;
    let engine = Engine::default();
    let module = Module::new(&engine, wasm).expect("counted modules are valid");
    let meter = Meter { left: ink, exhausted: false, stack, pages, wraps_growth, output: Vec::new() };
    let mut store = Store::new(&engine, meter);
    let instance = linker(&engine).instantiate_and_start(&mut store, &module).expect("counted modules link");
    let entry = instance.get_typed_func::<i32, i32>(&store, "user_entrypoint").expect("the entry point exists");
    let status = entry.call(&mut store, argument).ok();
    let Meter { left, exhausted, stack, output, .. } = store.into_data();
    let outcome = match status {
        _ if stack == 0 => Outcome::OutOfStack,
        _ if exhausted => Outcome::OutOfInk,
        Some(0) => Outcome::Success,
        Some(_) => Outcome::Revert,
        None => Outcome::Failure,
    };
    Ending {
        outcome,
        ink_used: if exhausted || stack == 0 { ink } else { ink - left },
        output: if status.is_some() { output } else { Vec::new() },
        status,
    }
}

fn linker(engine: &Engine) -> Linker<Meter> {
    let mut linker = Linker::new(engine);
    linker.func_wrap("naive", "charge", |mut c: Caller<Meter>, ink: u64| c.data_mut().buy(ink)).unwrap();
    linker.func_wrap("naive", "enter", |mut c: Caller<Meter>, frame: u32| c.data_mut().enter(frame)).unwrap();
    linker.func_wrap("naive", "leave", |mut c: Caller<Meter>, frame: u32| c.data_mut().stack += frame).unwrap();
    linker
        .func_wrap("naive", "bulk", |mut c: Caller<Meter>, bytes: u32| c.data_mut().buy(100 * u64::from(bytes)))
        .unwrap();
    linker
        .func_wrap("naive", "grow", |mut c: Caller<Meter>, pages: u32| match pages as u16 {
            _ if pages > 65_535 && !c.data().wraps_growth => c.data_mut().buy(u64::MAX),
            0 => c.data_mut().buy(8_400),
            pages => {
                let gas = c.data_mut().pages.add(pages);
                c.data_mut().buy(gas.saturating_mul(INK_PRICE))
            }
        })
        .unwrap();
    linker
        .func_wrap("vm_hooks", "write_result", |mut c: Caller<Meter>, at: u32, len: u32| {
            c.data_mut().buy(8_400 + 2 * (16_381 + 55 * u64::from(len - 32)))?;
            let memory = c.get_export("memory").and_then(|export| export.into_memory()).expect("exported");
            let output = memory.data(&c)[at as usize..(at + len) as usize].to_vec();
            c.data_mut().output = output;
            Ok(())
        })
        .unwrap();
    linker.func_wrap("vm_hooks", "pay_for_memory_grow", |_: Caller<Meter>, _: u32| {}).unwrap();
    linker
}
