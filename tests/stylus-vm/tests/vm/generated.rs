//! Random programs: the crate must agree with the naive implementation on figures, result and ink (section 8.4).

use proptest::prelude::*;
use stylus_vm::{Rules, module};

use crate::naive::{self, Body, Budget, Ending, Signatures};
use crate::support::{Chain, Frame, INK_PRICE, MULTI_VALUE_RULES, Pages, RULES};

/// Makes decisions from bytes; when they run out, always the first. So shorter input means a simpler program.
struct Dice<'a>(&'a [u8]);

impl Dice<'_> {
    fn roll(&mut self, sides: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % sides
    }

    fn pick(&mut self, list: &str) -> String {
        let words: Vec<_> = list.split_whitespace().collect();
        words[self.roll(words.len())].to_owned()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ty {
    I32,
    I64,
}

impl Ty {
    fn name(self) -> &'static str {
        match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
        }
    }
}

/// Every function has the parameters i32 and i64 and two declared locals of these types in the order i64, i32.
const PARAMETERS: u64 = 2;
const LOCALS: u64 = 2;
const FUNCTIONS: usize = 3;
const INDIRECT: &str = "call_indirect (type $leaf)";

/// Writes the code of one function.
struct Writer<'d, 'a> {
    dice: &'d mut Dice<'a>,
    code: Vec<String>,
    /// Results that each label takes, innermost last.
    labels: Vec<Option<Ty>>,
    function: usize,
    /// Blocks may have parameters.
    multi_value: bool,
}

impl Writer<'_, '_> {
    fn put(&mut self, instruction: impl Into<String>) {
        self.code.push(instruction.into());
    }

    fn constant(&mut self, ty: Ty) {
        let value = match self.dice.roll(4) {
            0 => 0,
            1 => self.dice.roll(256) as i64 - 128,
            2 => 1 << self.dice.roll(31),
            _ => -1,
        };
        self.put(format!("{}.const {value}", ty.name()));
    }

    fn local(&mut self, ty: Ty) -> usize {
        let choice = self.dice.roll(2);
        match ty {
            Ty::I32 => [0, 3][choice],
            Ty::I64 => [1, 2][choice],
        }
    }

    /// An address that is in range but for rare cases.
    fn address(&mut self, fuel: u32) {
        self.value(Ty::I32, fuel);
        if self.dice.roll(16) != 15 {
            self.put("i32.const 4095");
            self.put("i32.and");
        }
    }

    /// Leaves one value.
    fn value(&mut self, ty: Ty, fuel: u32) {
        if fuel == 0 {
            return self.constant(ty);
        }
        let (name, fuel) = (ty.name(), fuel - 1);
        match self.dice.roll(16) {
            0 => self.constant(ty),
            1 => {
                let local = self.local(ty);
                self.put(format!("local.get {local}"));
            }
            2 | 3 => self.binary(ty, fuel),
            4 => {
                self.value(ty, fuel);
                let operation = self.dice.pick("clz ctz popcnt extend8_s extend16_s");
                self.put(format!("{name}.{operation}"));
            }
            5 => self.converted(ty, fuel),
            6 => {
                self.address(fuel);
                let narrow = if ty == Ty::I64 { " load32_s load32_u" } else { "" };
                let load = self.dice.pick(&format!("load load8_s load8_u load16_s load16_u{narrow}"));
                self.put(format!("{name}.{load} offset={}", self.code.len()));
            }
            7 => {
                self.value(ty, fuel);
                self.value(ty, fuel);
                self.value(Ty::I32, fuel);
                self.put("select");
            }
            8 => {
                self.value(Ty::I32, fuel);
                self.branches(format!("if (result {name})"), Some(ty), fuel);
            }
            9 => {
                self.open(format!("block (result {name})"), Some(ty));
                self.statements(fuel);
                self.value(ty, fuel);
                self.value(Ty::I32, fuel);
                self.put("br_if 0");
                self.close();
            }
            10 => {
                self.value(ty, fuel);
                let local = self.local(ty);
                self.put(format!("local.tee {local}"));
            }
            11 => self.put(format!("global.get ${name}")),
            12 => self.call(ty, fuel),
            13 if self.multi_value => {
                self.value(Ty::I32, fuel);
                self.value(ty, fuel);
                self.open(format!("block (param i32 {name}) (result {name})"), Some(ty));
                let local = self.local(ty);
                self.put(format!("local.set {local}"));
                self.put("drop");
                self.value(ty, fuel);
                self.close();
            }
            14 if ty == Ty::I32 => self.growth(fuel),
            _ => {
                self.open(format!("loop (result {name})"), None);
                self.statements(fuel);
                self.value(ty, fuel);
                self.close();
            }
        }
    }

    #[rustfmt::skip]
    fn binary(&mut self, ty: Ty, fuel: u32) {
        self.value(ty, fuel);
        self.value(ty, fuel);
        let operation = self.dice.pick(
            "add sub mul and or xor shl shr_s shr_u rotl rotr div_s div_u rem_s rem_u");
        self.put(format!("{}.{operation}", ty.name()));
    }

    fn converted(&mut self, ty: Ty, fuel: u32) {
        let other = if self.dice.roll(2) == 0 { Ty::I32 } else { Ty::I64 };
        self.value(other, fuel);
        match (ty, other) {
            (Ty::I64, Ty::I32) => {
                let operation = self.dice.pick("extend_i32_s extend_i32_u");
                self.put(format!("i64.{operation}"));
            }
            (Ty::I64, Ty::I64) => self.put("i64.extend32_s"),
            (Ty::I32, _) if self.dice.roll(3) == 0 => self.put(format!("{}.eqz", other.name())),
            (Ty::I32, Ty::I64) if self.dice.roll(2) == 0 => self.put("i32.wrap_i64"),
            (Ty::I32, _) => {
                self.value(other, fuel);
                let operation = self.dice.pick("eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u");
                self.put(format!("{}.{operation}", other.name()));
            }
        }
    }

    /// Calls go to later functions, so that nothing recurs; the table holds a leaf.
    fn call(&mut self, ty: Ty, fuel: u32) {
        self.value(Ty::I32, fuel);
        if self.function + 1 < FUNCTIONS {
            self.value(Ty::I64, fuel);
            let callee = self.function + 1 + self.dice.roll(FUNCTIONS - self.function - 1);
            self.put(format!("call $f{callee}"));
            if ty == Ty::I64 {
                self.put("i64.extend_i32_u");
            }
            return;
        }
        if self.dice.roll(2) == 0 {
            self.put("i32.const 0");
        } else {
            self.value(Ty::I32, 0);
        }
        self.put(INDIRECT);
        if ty == Ty::I64 {
            self.put("i64.extend_i32_s");
        }
    }

    fn growth(&mut self, fuel: u32) {
        if self.dice.roll(2) == 0 {
            self.put("memory.size");
        } else {
            self.value(Ty::I32, fuel);
            self.put("memory.grow");
        }
    }

    fn open(&mut self, instruction: String, label: Option<Ty>) {
        self.put(instruction);
        self.labels.push(label);
    }

    fn close(&mut self) {
        self.labels.pop();
        self.put("end");
    }

    /// Both arms of an `if`.
    fn branches(&mut self, instruction: String, result: Option<Ty>, fuel: u32) {
        self.open(instruction, result);
        for arm in 0..2 {
            if arm == 1 {
                self.put("else");
            }
            self.statements(fuel);
            if let Some(ty) = result {
                self.value(ty, fuel);
            }
        }
        self.close();
    }

    fn statements(&mut self, fuel: u32) {
        for _ in 0..self.dice.roll(3) {
            self.statement(fuel);
        }
    }

    /// Leaves the stack as it was.
    fn statement(&mut self, fuel: u32) {
        if fuel == 0 {
            return self.put("nop");
        }
        let fuel = fuel - 1;
        let ty = if self.dice.roll(2) == 0 { Ty::I32 } else { Ty::I64 };
        match self.dice.roll(14) {
            0 => self.put("nop"),
            1 => {
                self.value(ty, fuel);
                let local = self.local(ty);
                self.put(format!("local.set {local}"));
            }
            2 => {
                self.value(ty, fuel);
                self.put(format!("global.set ${}", ty.name()));
            }
            3 | 4 => {
                self.address(fuel);
                self.value(ty, fuel);
                let narrow = if ty == Ty::I64 { " store32" } else { "" };
                let store = self.dice.pick(&format!("store store8 store16{narrow}"));
                self.put(format!("{}.{store}", ty.name()));
            }
            5 => {
                self.value(ty, fuel);
                self.put("drop");
            }
            6 => {
                self.value(Ty::I32, fuel);
                self.branches("if".into(), None, fuel);
            }
            7 => {
                self.open("loop".into(), None);
                self.statements(fuel);
                self.value(Ty::I32, fuel);
                self.put("br_if 0");
                self.close();
            }
            8 => self.table(fuel),
            9 | 10 => {
                for _ in 0..3 {
                    self.address(fuel);
                }
                let operation = self.dice.pick("memory.fill memory.copy");
                self.put(operation);
            }
            11 => self.jump(fuel),
            12 => self.dead_code(),
            _ => {
                self.open("block".into(), None);
                self.statements(fuel);
                self.close();
            }
        }
    }

    fn table(&mut self, fuel: u32) {
        let targets = self.dice.roll(4);
        for _ in 0..=targets {
            self.open("block".into(), None);
        }
        self.value(Ty::I32, fuel);
        let labels: String = (0..=targets).map(|_| format!(" {}", self.dice.roll(targets + 1))).collect();
        self.put(format!("br_table{labels}"));
        for _ in 0..=targets {
            self.statements(fuel);
            self.close();
        }
    }

    /// Leaves the innermost label, or the function; what follows is dead.
    fn jump(&mut self, fuel: u32) {
        let last = self.labels.len();
        let depth = self.dice.roll(last + 1);
        let label = if depth == last { Some(Ty::I32) } else { self.labels[last - 1 - depth] };
        if let Some(ty) = label {
            self.value(ty, fuel);
        }
        let by_return = depth == last && self.dice.roll(2) == 0;
        self.put(if by_return { "return".into() } else { format!("br {depth}") });
    }

    /// Code that pops what was never pushed. It is priced and simulated all the same, and never runs.
    fn dead_code(&mut self) {
        self.put("i32.const 1");
        self.open("if".into(), None);
        self.put("else");
        self.put("unreachable");
        for _ in 0..1 + self.dice.roll(6) {
            let instruction = self.dice.roll(8);
            let dead = [
                "i32.add drop",
                "select drop",
                "i64.store",
                "memory.fill",
                "drop",
                "f32.const 1 f32.store",
                "f64.load i64.reinterpret_f64 drop",
                "br_if 0",
            ];
            dead[instruction].split(' ').fold(None, |pending: Option<String>, word| {
                // A constant and its value are one instruction.
                match pending {
                    Some(head) => {
                        self.put(format!("{head} {word}"));
                        None
                    }
                    None if word.ends_with("const") || word == "br_if" => Some(word.to_owned()),
                    None => {
                        self.put(word);
                        None
                    }
                }
            });
        }
        self.close();
    }
}

/// A random program.
#[derive(Debug)]
pub(crate) struct Generated {
    functions: Vec<Vec<String>>,
    growable: bool,
    gas: u64,
    pub(crate) argument: Vec<u8>,
    pub(crate) rules: Rules,
}

/// `count` programs, the same each time for the same seed.
pub(crate) fn programs(seed: u64, count: usize) -> impl Iterator<Item = Generated> {
    let mut state = seed;
    let mut byte = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..count).map(move |_| Generated::new(&std::array::from_fn::<_, 1_200, _>(|_| byte())))
}

impl Generated {
    fn new(bytes: &[u8]) -> Self {
        let mut dice = Dice(bytes);
        let growable = dice.roll(2) == 0;
        let gas = [3_000, 100, 60_000][dice.roll(3)];
        let argument = vec![0; dice.roll(5)];
        let multi_value = dice.roll(3) == 2;
        let functions = (0..FUNCTIONS)
            .map(|function| {
                let mut writer =
                    Writer { dice: &mut dice, code: Vec::new(), labels: Vec::new(), function, multi_value };
                writer.statement(4);
                writer.statements(4);
                writer.value(Ty::I32, 4);
                writer.put("end");
                writer.code
            })
            .collect();
        let rules = if multi_value { MULTI_VALUE_RULES } else { RULES };
        Self { functions, growable, gas, argument, rules }
    }

    fn signatures() -> Signatures {
        let functions = (0..FUNCTIONS).map(|index| (format!("call $f{index}"), (PARAMETERS, 1)));
        let others = [
            (INDIRECT.to_owned(), (1, 1)),
            ("call $write_result".to_owned(), (2, 0)),
            ("call $charge".to_owned(), (1, 0)),
        ];
        functions.chain(others).collect()
    }

    /// Entry point and leaf surround the generated functions.
    fn bodies(&self) -> Vec<(Vec<String>, u64)> {
        let lines = |text: &str| text.split(", ").map(str::to_owned).collect::<Vec<_>>();
        let entry = "local.get 0, i64.const 5, call $f0, i32.const 0, i32.const 4096, call $write_result, end";
        let leaf = "local.get 0, i32.const 3, i32.mul, end";
        let generated = self.functions.iter().map(|code| (code.clone(), LOCALS));
        std::iter::once((lines(entry), 0)).chain(generated).chain([(lines(leaf), 0)]).collect()
    }

    /// The module in text form, its functions' code rewritten by `rewrite`.
    fn text(&self, imports: &str, rewrite: impl Fn(Body) -> Vec<String>) -> String {
        let signatures = Self::signatures();
        let code: Vec<String> = self
            .bodies()
            .iter()
            .map(|(code, declared_locals)| {
                let body = Body { code, declared_locals: *declared_locals, signatures: &signatures };
                let mut code = rewrite(body);
                code.pop(); // The text format closes functions by itself.
                code.join("\n")
            })
            .collect();
        let pages = if self.growable { "1 20" } else { "1 1" };
        let functions: String = (0..FUNCTIONS)
            .map(|i| format!("(func $f{i} (param i32 i64) (result i32) (local i64 i32) {})\n", code[i + 1]))
            .collect();
        format!(
            r#"(module {imports} (type $leaf (func (param i32) (result i32)))
            (memory (export "memory") {pages}) (table 2 2 funcref) (elem (i32.const 0) $leaf)
            (global $i32 (mut i32) (i32.const 1)) (global $i64 (mut i64) (i64.const -1))
            (data (i32.const 8) "some bytes to begin with")
            (func (export "user_entrypoint") (param i32) (result i32) {})
            {functions} (func $leaf (type $leaf) {}))"#,
            code[0],
            code[FUNCTIONS + 1]
        )
    }

    pub(crate) fn wasm(&self) -> Vec<u8> {
        let imports = r#"(import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
            (import "vm_hooks" "pay_for_memory_grow" (func $pay_for_memory_grow (param i32)))"#;
        let text = self.text(imports, |body| body.code.to_vec());
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn counted_wasm(&self) -> Vec<u8> {
        let text = self.text(naive::COUNTING_IMPORTS, |body| naive::counted(body, self.growable));
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }
}

/// Both implementations on one program.
pub(crate) fn check(generated: &Generated) -> Ending {
    let wasm = generated.wasm();
    let activation = module::activate(&wasm, 128, &generated.rules, u64::MAX).unwrap_or_else(|error| {
        panic!("{error}: {generated:?}");
    });
    wasmparser::Validator::new().validate_all(activation.program.instrumented()).expect("stays valid");

    let signatures = Generated::signatures();
    let bodies = generated.bodies();
    let (mut operators, mut frames) = (0, Vec::new());
    for (code, declared_locals) in &bodies {
        let body = Body { code, declared_locals: *declared_locals, signatures: &signatures };
        operators += naive::operators(body, generated.growable);
        frames.push(naive::frame_words(body) as u32);
    }
    assert_eq!(activation.figures.operators, operators);
    assert_eq!(activation.program.frame_words(), frames);

    let mut frame = Frame { calldata: generated.argument.clone().into(), gas: generated.gas, ..Frame::default() };
    frame.config.arbos_version = generated.rules.arbos_version;
    let run = frame.run(&activation.program, &mut Chain::with_pages(1));
    let status = run
        .calls("user_returned")
        .next()
        .map(|call| i32::from_be_bytes(call.outs[..].try_into().expect("a status has four bytes")));
    let ending = Ending { outcome: run.outcome, ink_used: run.ink_used, output: run.output.to_vec(), status };
    let argument = generated.argument.len() as i32;
    let budget = Budget {
        ink: generated.gas * INK_PRICE,
        stack: frame.config.max_stack_depth,
        pages: Pages { open: 1, ever: 1 },
        wraps_growth: generated.rules.arbos_version < 59,
    };
    let expected = naive::run(&generated.counted_wasm(), budget, argument);
    assert_eq!(ending, expected);
    ending
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_the_naive_implementation(bytes in prop::collection::vec(any::<u8>(), 0..1_500)) {
        check(&Generated::new(&bytes));
    }
}

/// A property over programs says something only if programs of all kinds come up.
#[test]
fn generated_programs_end_in_every_way() {
    use stylus_vm::Outcome;

    let mut seen = std::collections::BTreeMap::new();
    for program in programs(1, 300) {
        *seen.entry(format!("{:?}", check(&program).outcome)).or_insert(0) += 1;
    }
    for outcome in [Outcome::Success, Outcome::Revert, Outcome::Failure, Outcome::OutOfInk] {
        let count = seen.get(&format!("{outcome:?}")).copied().unwrap_or(0);
        assert!(count >= 10, "{outcome:?} came up {count} times: {seen:?}");
    }
}
