//! Terms, paths and claims.
//!
//! Ordinary code runs on terms. Where it asks whether something holds, the answer is decided: if both are possible, it is run once for each
//! ([`explore`]). What is claimed on a path must follow from the path; that is asked of the solvers.

use std::{
    any::Any,
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    time::{Duration, Instant},
};

use num_bigint::BigInt;

use crate::solver::{Answer, Solver};

/// A term, by its place.
pub type Id = u32;

/// What a term is. Booleans and integers are told apart by where they stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "SMT-LIB's names")]
pub enum Op {
    Number(BigInt),
    Bool(bool),
    Variable(String),
    Add(Id, Id),
    Sub(Id, Id),
    Mul(Id, Id),
    /// Rounded down; the divisor is positive.
    Div(Id, Id),
    Ite(Id, Id, Id),
    Le(Id, Id),
    Eq(Id, Id),
    Not(Id),
    And(Id, Id),
    Or(Id, Id),
    /// Bits, where words are packed. Of 256.
    BitAnd(Id, Id),
    BitOr(Id, Id),
    ShiftLeft(Id, u32),
    ShiftRight(Id, u32),
}

/// What terms mean to a solver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theory {
    /// Unbounded integers; widths are conditions.
    Integers,
    /// Words of 256 bits.
    Bits,
}

/// How claims are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// One by one, each with those before it as facts: where there are products.
    Each,
    /// All claims of some paths at once.
    Together,
    /// As `Together`, and of a product of two unknown numbers nothing is known but that it is not negative: where nothing depends on it.
    Loose,
}

/// What a claim from some facts does not look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// It sees all.
    Nothing,
    /// Of a quotient it knows what the facts say.
    Quotients,
    /// Of quotients and of products of unknown numbers it knows what the facts say.
    Products,
}

impl Hidden {
    fn hides(self, op: &Op, is_number: impl Fn(Id) -> bool) -> bool {
        match op {
            Op::Div(..) => self != Self::Nothing,
            Op::Mul(a, b) => self == Self::Products && !is_number(*a) && !is_number(*b),
            _ => false,
        }
    }
}

/// Something that must follow.
#[derive(Clone, Debug)]
pub struct Query {
    /// What is claimed.
    pub claim: String,
    /// SMT-LIB, satisfiable if the claim is false.
    pub text: String,
    /// Names whose values refute it.
    pub variables: Vec<String>,
    /// If it is several in one: each of them.
    pub parts: Vec<Query>,
}

/// What a law's run found.
#[derive(Debug, Default)]
pub struct Run {
    /// What must be asked.
    pub queries: Vec<Query>,
    /// How many paths there are.
    pub paths: usize,
    /// Claims on all of them, also those that need no solver.
    pub claims: usize,
    /// A claim that is false as it stands.
    pub broken: Option<String>,
    /// Whether it is a panic that broke it, or that it does not end.
    pub panicked: bool,
    /// Sites of mutants that were passed.
    pub sites: BTreeSet<usize>,
    /// Ends of paths of which that is not known: SMT-LIB.
    pub ends: Vec<String>,
    /// Whether values were found that reach the end of some path, so that the claims are about something.
    pub witnessed: bool,
    /// Values that reach the ends of some paths: as many as were asked for.
    pub examples: Vec<BTreeMap<String, BigInt>>,
    /// The maximum of each number that was asked for.
    pub names: BTreeMap<String, BigInt>,
    /// Paths that ended with a panic: satisfiable if something leads there.
    pub panics: Vec<Query>,
    /// Why there are paths that were not taken.
    pub stopped: Option<String>,
}

/// Where a run gives up. That of a law as it is ends by itself; that of a mutant need not.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// So many paths.
    pub paths: usize,
    /// So much time for all of them.
    pub time: Duration,
    /// So many terms and decisions on each.
    pub steps: usize,
    /// For the ends of so many paths, values are asked for.
    pub examples: usize,
    /// Whether a panic ends a path, or the run.
    pub panics: bool,
}

impl Limits {
    /// None.
    pub const NONE: Self =
        Self { paths: usize::MAX, time: Duration::MAX, steps: usize::MAX, examples: 1, panics: false };
}

/// So many steps are no path that ends, where numbers are given.
const ENDLESS: usize = 50_000;

/// After so many paths that panic or do not end, others are not looked at.
const ENOUGH_PANICS: usize = 3;

/// Why a path is left: what a panic carries.
#[derive(Clone, Copy, Debug)]
enum Left {
    Endless,
    OutOfTime,
}

struct State {
    theory: Theory,
    terms: Vec<Op>,
    places: HashMap<Op, Id>,
    /// What holds on this path.
    path: Vec<Id>,
    forced: Vec<bool>,
    taken: Vec<(bool, bool)>,
    variables: Vec<String>,
    inputs: Option<BTreeMap<String, BigInt>>,
    fresh: usize,
    run: Run,
    seen: BTreeSet<String>,
    mutant: (usize, usize),
    solver: Option<Solver>,
    /// Terms and facts of this path that the solver knows.
    said: (BTreeSet<Id>, usize),
    style: Style,
    /// Claims that wait for the end of the path.
    waiting: Vec<(String, Id)>,
    /// The maximum of each variable.
    bounds: BTreeMap<String, BigInt>,
    /// Steps on this path, how many there may be, and until when.
    steps: usize,
    maximum_steps: usize,
    deadline: Option<Instant>,
    /// Equalities that are gathered instead of decided.
    gathered: Option<Vec<Id>>,
    /// Values of variables, where terms are computed.
    values: Option<BTreeMap<String, BigInt>>,
    /// Values of terms.
    computed: HashMap<Id, BigInt>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::new(State::new(Theory::Integers));
}

impl State {
    fn new(theory: Theory) -> Self {
        Self {
            theory,
            terms: vec![],
            places: HashMap::new(),
            path: vec![],
            forced: vec![],
            taken: vec![],
            variables: vec![],
            inputs: None,
            fresh: 0,
            run: Run::default(),
            seen: BTreeSet::new(),
            mutant: (usize::MAX, 0),
            solver: None,
            said: (BTreeSet::new(), 0),
            style: Style::Each,
            waiting: vec![],
            bounds: BTreeMap::new(),
            steps: 0,
            maximum_steps: usize::MAX,
            deadline: None,
            gathered: None,
            values: None,
            computed: HashMap::new(),
        }
    }

    /// Leaves a path that has no end, or a run that takes too long.
    fn step(&mut self) {
        self.steps += 1;
        if self.steps > self.maximum_steps {
            panic_any(Left::Endless);
        }
        if self.steps.is_multiple_of(64) && self.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            panic_any(Left::OutOfTime);
        }
    }

    fn forget(&mut self, forced: Vec<bool>) {
        self.terms.clear();
        self.places.clear();
        self.path.clear();
        self.taken.clear();
        self.variables.clear();
        self.fresh = 0;
        self.forced = forced;
        self.said = (BTreeSet::new(), 0);
        self.waiting.clear();
        self.bounds.clear();
        self.steps = 0;
        self.gathered = None;
        crate::host::anything_goes(false);
        if let Some(solver) = &mut self.solver {
            let _ = solver.start_over();
        }
    }

    /// Whether `fact` can hold on this path, as far as the solver can tell.
    fn possible(&mut self, fact: Id) -> bool {
        let mut said = std::mem::take(&mut self.said);
        let mut text = String::new();
        let facts: Vec<Id> = self.path[said.1..].to_vec();
        for id in facts.iter().copied().chain([fact]) {
            self.define(id, &mut said.0, &mut text, &mut vec![], Hidden::Nothing);
        }
        for fact in &facts {
            let _ = writeln!(text, "(assert {})", self.name(*fact));
        }
        said.1 = self.path.len();
        self.said = said;
        let name = self.name(fact);
        self.solver.as_mut().is_none_or(|solver| solver.may_be(&text, &name).unwrap_or(true))
    }

    fn place(&mut self, op: Op) -> Id {
        if let Some(id) = self.places.get(&op) {
            return *id;
        }
        let id = self.terms.len() as Id;
        self.terms.push(op.clone());
        self.places.insert(op, id);
        id
    }

    fn number(&self, id: Id) -> Option<&BigInt> {
        match &self.terms[id as usize] {
            Op::Number(number) => Some(number),
            _ => None,
        }
    }

    fn truth(&self, id: Id) -> Option<bool> {
        match self.terms[id as usize] {
            Op::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// Known terms are computed.
    fn fold(&self, op: &Op) -> Option<Op> {
        let of = |id: &Id| self.number(*id);
        Some(match op {
            Op::Add(a, b) if of(a).is_some_and(is_zero) => self.terms[*b as usize].clone(),
            Op::Add(a, b) | Op::Sub(a, b) if of(b).is_some_and(is_zero) => self.terms[*a as usize].clone(),
            Op::Add(a, b) => Op::Number(of(a)? + of(b)?),
            Op::Sub(a, b) if a == b => Op::Number(0.into()),
            Op::Sub(a, b) => Op::Number(of(a)? - of(b)?),
            Op::Mul(a, b) if of(a).is_some_and(is_zero) || of(b).is_some_and(is_zero) => Op::Number(0.into()),
            Op::Mul(a, b) => Op::Number(of(a)? * of(b)?),
            Op::Div(a, b) if !is_zero(of(b)?) => Op::Number(floor(of(a)?, of(b)?)),
            Op::Ite(c, a, b) => self.terms[if self.truth(*c)? { *a } else { *b } as usize].clone(),
            Op::Le(a, b) if a == b || of(a).is_some_and(is_zero) && self.is_natural(*b) => Op::Bool(true),
            Op::Le(a, b) => Op::Bool(of(a)? <= of(b)?),
            Op::Eq(a, b) if a == b => Op::Bool(true),
            Op::Eq(a, b) => Op::Bool(of(a)? == of(b)?),
            Op::Not(a) => match &self.terms[*a as usize] {
                Op::Bool(truth) => Op::Bool(!truth),
                Op::Not(inner) => self.terms[*inner as usize].clone(),
                _ => return None,
            },
            Op::And(a, b) => match (self.truth(*a), self.truth(*b)) {
                (Some(false), _) | (_, Some(false)) => Op::Bool(false),
                (Some(true), _) => self.terms[*b as usize].clone(),
                (_, Some(true)) => self.terms[*a as usize].clone(),
                _ => return None,
            },
            Op::Or(a, b) => match (self.truth(*a), self.truth(*b)) {
                (Some(true), _) | (_, Some(true)) => Op::Bool(true),
                (Some(false), _) => self.terms[*b as usize].clone(),
                (_, Some(false)) => self.terms[*a as usize].clone(),
                _ => return None,
            },
            Op::BitAnd(a, b) => Op::Number(of(a)? & of(b)?),
            Op::BitOr(a, b) if of(a).is_some_and(is_zero) => self.terms[*b as usize].clone(),
            Op::BitOr(a, b) if of(b).is_some_and(is_zero) => self.terms[*a as usize].clone(),
            Op::BitOr(a, b) => Op::Number(of(a)? | of(b)?),
            Op::ShiftLeft(a, by) => Op::Number(of(a)? << *by),
            Op::ShiftRight(a, by) => Op::Number(of(a)? >> *by),
            _ => return None,
        })
    }

    /// SMT-LIB of `facts` and of `goal` being false.
    fn query(&self, facts: &[Id], goal: Option<Id>, opaque: Hidden) -> (String, Vec<String>) {
        let mut text = String::new();
        let mut done = BTreeSet::new();
        let mut variables = vec![];
        for fact in facts.iter().copied().chain(goal) {
            self.define(fact, &mut done, &mut text, &mut variables, opaque);
        }
        for fact in facts {
            let _ = writeln!(text, "(assert {})", self.name(*fact));
        }
        if let Some(goal) = goal {
            let _ = writeln!(text, "(assert (not {}))", self.name(goal));
        }
        (text, variables)
    }

    fn name(&self, id: Id) -> String {
        match (&self.terms[id as usize], self.theory) {
            (Op::Number(number), Theory::Integers) if number.sign() == num_bigint::Sign::Minus => {
                format!("(- {})", -number)
            }
            (Op::Number(number), Theory::Integers) => number.to_string(),
            (Op::Number(number), Theory::Bits) => format!("(_ bv{number} 256)"),
            (Op::Bool(truth), _) => truth.to_string(),
            (Op::Variable(name), _) => format!("|{name}|"),
            _ => format!("t{}_{id}", self.run.paths),
        }
    }

    fn define(&self, id: Id, done: &mut BTreeSet<Id>, text: &mut String, variables: &mut Vec<String>, opaque: Hidden) {
        let mut waiting = vec![(id, false)];
        while let Some((id, ready)) = waiting.pop() {
            if done.contains(&id) {
                continue;
            }
            if opaque.hides(&self.terms[id as usize], |id| self.number(id).is_some()) {
                done.insert(id);
                let _ = writeln!(text, "(declare-const {} Int)", self.name(id));
                if self.is_natural(id) {
                    let _ = writeln!(text, "(assert (=> true (<= 0 {})))", self.name(id));
                }
                continue;
            }
            if !ready {
                waiting.push((id, true));
                waiting.extend(parts(&self.terms[id as usize]).into_iter().map(|part| (part, false)));
                continue;
            }
            done.insert(id);
            self.write(id, text, variables);
        }
    }

    fn write(&self, id: Id, text: &mut String, variables: &mut Vec<String>) {
        let n = |id: &Id| self.name(*id);
        let (bits, sort) = match self.theory {
            Theory::Integers => (false, "Int"),
            Theory::Bits => (true, "(_ BitVec 256)"),
        };
        let pick = |integers: &'static str, words: &'static str| if bits { words } else { integers };
        let (sort, body) = match &self.terms[id as usize] {
            Op::Number(_) | Op::Bool(_) => return,
            Op::Variable(name) => {
                variables.push(name.clone());
                let _ = writeln!(text, "(declare-const |{name}| {sort})");
                if !bits {
                    let _ = writeln!(text, "(assert (=> true (<= 0 |{name}|)))");
                }
                return;
            }
            Op::Mul(a, b) if self.style == Style::Loose && self.number(*a).is_none() && self.number(*b).is_none() => {
                let _ = writeln!(text, "(declare-const {} Int)", self.name(id));
                if self.is_natural(id) {
                    let _ = writeln!(text, "(assert (=> true (<= 0 {})))", self.name(id));
                }
                return;
            }
            // As solvers like it: a number between two products.
            Op::Div(a, b) if !bits => {
                let (q, a, b) = (self.name(id), n(a), n(b));
                let _ = writeln!(text, "(declare-const {q} Int)");
                let _ =
                    writeln!(text, "(assert (=> (< 0 {b}) (and (<= (* {q} {b}) {a}) (< {a} (+ (* {q} {b}) {b})))))");
                return;
            }
            Op::Add(a, b) => (sort, format!("({} {} {})", pick("+", "bvadd"), n(a), n(b))),
            Op::Sub(a, b) => (sort, format!("({} {} {})", pick("-", "bvsub"), n(a), n(b))),
            Op::Mul(a, b) => (sort, format!("({} {} {})", pick("*", "bvmul"), n(a), n(b))),
            Op::Div(a, b) => (sort, format!("(bvudiv {} {})", n(a), n(b))),
            Op::Ite(c, a, b) => (sort, format!("(ite {} {} {})", n(c), n(a), n(b))),
            Op::Le(a, b) => ("Bool", format!("({} {} {})", pick("<=", "bvule"), n(a), n(b))),
            Op::Eq(a, b) => ("Bool", format!("(= {} {})", n(a), n(b))),
            Op::Not(a) => ("Bool", format!("(not {})", n(a))),
            Op::And(a, b) => ("Bool", format!("(and {} {})", n(a), n(b))),
            Op::Or(a, b) => ("Bool", format!("(or {} {})", n(a), n(b))),
            Op::BitAnd(a, b) => (sort, format!("(bvand {} {})", n(a), n(b))),
            Op::BitOr(a, b) => (sort, format!("(bvor {} {})", n(a), n(b))),
            Op::ShiftLeft(a, by) => (sort, format!("(bvshl {} (_ bv{by} 256))", n(a))),
            Op::ShiftRight(a, by) => (sort, format!("(bvlshr {} (_ bv{by} 256))", n(a))),
        };
        let _ = writeln!(text, "(define-fun {} () {sort} {body})", self.name(id));
    }
}

impl State {
    /// What a term is at most, where that can be read off it.
    fn upper(&self, id: Id) -> Option<BigInt> {
        Some(match &self.terms[id as usize] {
            Op::Number(number) => number.clone(),
            Op::Variable(name) => self.bounds.get(name)?.clone(),
            Op::Add(a, b) => self.upper(*a)? + self.upper(*b)?,
            Op::Mul(a, b) if self.is_natural(*a) && self.is_natural(*b) => self.upper(*a)? * self.upper(*b)?,
            Op::Sub(a, b) if self.is_natural(*b) => self.upper(*a)?,
            Op::Div(a, b) if self.is_natural(*a) => match self.number(*b) {
                Some(divisor) if !is_zero(divisor) => self.upper(*a)? / divisor,
                _ => self.upper(*a)?,
            },
            Op::Ite(c, a, b) => match self.terms[*c as usize] {
                // The smaller of two.
                Op::Le(x, y) if x == *a && y == *b => match (self.upper(x), self.upper(y)) {
                    (Some(x), Some(y)) => x.min(y),
                    (x, y) => x.or(y)?,
                },
                _ => self.upper(*a)?.max(self.upper(*b)?),
            },
            _ => return None,
        })
    }

    /// Whether a fact is that of a width, most of which can be read off a term.
    fn fits(&self, fact: Id) -> bool {
        let Op::Le(a, b) = self.terms[fact as usize] else { return false };
        self.number(b).is_some_and(|maximum| self.upper(a).is_some_and(|upper| upper <= *maximum))
    }

    /// Whether it can be read off a term that it is not negative. Variables are not.
    fn is_natural(&self, id: Id) -> bool {
        match &self.terms[id as usize] {
            Op::Number(number) => number.sign() != num_bigint::Sign::Minus,
            Op::Variable(_) => true,
            Op::Add(a, b) | Op::Mul(a, b) | Op::Div(a, b) => self.is_natural(*a) && self.is_natural(*b),
            Op::Ite(c, a, b) => match (&self.terms[*c as usize], &self.terms[*a as usize]) {
                // A difference that is taken only where it is none below zero.
                (Op::Le(x, y), Op::Sub(from, what)) if x == what && y == from => self.is_natural(*b),
                _ => self.is_natural(*a) && self.is_natural(*b),
            },
            _ => false,
        }
    }
}

fn parts(op: &Op) -> Vec<Id> {
    match op {
        Op::Number(_) | Op::Bool(_) | Op::Variable(_) => vec![],
        Op::Not(a) | Op::ShiftLeft(a, _) | Op::ShiftRight(a, _) => vec![*a],
        Op::Add(a, b)
        | Op::Sub(a, b)
        | Op::Mul(a, b)
        | Op::Div(a, b)
        | Op::Le(a, b)
        | Op::Eq(a, b)
        | Op::And(a, b)
        | Op::Or(a, b)
        | Op::BitAnd(a, b)
        | Op::BitOr(a, b) => vec![*a, *b],
        Op::Ite(a, b, c) => vec![*a, *b, *c],
    }
}

fn is_zero(number: &BigInt) -> bool {
    number.sign() == num_bigint::Sign::NoSign
}

fn floor(a: &BigInt, b: &BigInt) -> BigInt {
    let (quotient, remainder) = (a / b, a % b);
    if is_zero(&remainder) || (remainder.sign() == b.sign()) { quotient } else { quotient - 1 }
}

fn with<R>(f: impl FnOnce(&mut State) -> R) -> R {
    STATE.with(|state| f(&mut state.borrow_mut()))
}

/// The term of an operation.
#[must_use]
pub fn term(op: Op) -> Id {
    with(|state| {
        state.step();
        // One order, so that equal terms are one.
        let op = match op {
            Op::Add(a, b) => Op::Add(a.min(b), a.max(b)),
            Op::Mul(a, b) => Op::Mul(a.min(b), a.max(b)),
            Op::Eq(a, b) => Op::Eq(a.min(b), a.max(b)),
            other => other,
        };
        let op = state.fold(&op).unwrap_or(op);
        state.place(op)
    })
}

/// The value of a term, if it is known.
#[must_use]
pub fn known(id: Id) -> Option<BigInt> {
    with(|state| state.number(id).cloned())
}

/// What terms mean in this run.
#[must_use]
pub fn theory() -> Theory {
    with(|state| state.theory)
}

/// A number of which nothing is known but its name and that it is at most `maximum`; its value where inputs are given.
pub fn variable(name: &str, maximum: &BigInt) -> Id {
    let given = with(|state| state.inputs.as_ref().map(|inputs| inputs.get(name).cloned().unwrap_or_default()));
    if let Some(value) = given {
        let id = term(Op::Number(value));
        assume(term(Op::Le(id, term(Op::Number(maximum.clone())))));
        return id;
    }
    let id = term(Op::Variable(name.into()));
    if value(id).is_some() {
        return id;
    }
    let bound = with(|state| state.bounds.entry(name.into()).or_insert_with(|| maximum.clone()).clone());
    assert!(bound == *maximum, "{name} names two numbers of different widths");
    let new = with(|state| {
        let new = !state.variables.iter().any(|known| known == name);
        if new {
            state.variables.push(name.into());
        }
        new
    });
    if new {
        hold(term(Op::Le(id, term(Op::Number(maximum.clone())))));
    }
    id
}

/// A number with a name of its own.
pub fn fresh(prefix: &str, maximum: &BigInt) -> Id {
    variable(&numbered(prefix), maximum)
}

/// A choice with a name of its own.
pub fn fresh_choice(prefix: &str) -> bool {
    choice(&numbered(prefix))
}

fn numbered(prefix: &str) -> String {
    with(|state| {
        state.fresh += 1;
        format!("{prefix}{}", state.fresh)
    })
}

/// Takes for granted on this path, from here on: claims that wait do not profit.
pub fn assume(fact: Id) {
    flush();
    hold(fact);
}

/// What is known of this path.
fn hold(fact: Id) {
    with(|state| {
        if state.truth(fact) != Some(true) && !state.path.contains(&fact) {
            state.path.push(fact);
        }
    });
}

/// Asks the claims that wait, with what holds by now.
fn flush() {
    let waiting = with(|state| std::mem::take(&mut state.waiting));
    let Some(all) = waiting.iter().map(|(_, goal)| *goal).reduce(|a, b| term(Op::And(a, b))) else { return };
    let what: Vec<&str> = waiting.iter().map(|(what, _)| what.as_str()).collect();
    with(|state| {
        state.run.claims -= 1; // Counted one by one.
        let facts = state.path.clone();
        state.claim(&what.join("; "), all, &facts, Hidden::Nothing);
    });
}

/// Whether a condition holds on this path. If both are possible, the other is another path.
pub fn decide(condition: Id) -> bool {
    if let Some(truth) = with(|state| state.truth(condition)) {
        return truth;
    }
    if let Some(value) = value(condition) {
        return !is_zero(&value);
    }
    let negation = term(Op::Not(condition));
    with(|state| {
        state.step();
        if state.path.contains(&condition) {
            return true;
        }
        if state.path.contains(&negation) {
            return false;
        }
        if state.fits(condition) {
            return true;
        }
        let step = state.taken.len();
        let (truth, both) = match state.forced.get(step) {
            Some(truth) => (*truth, false),
            None => {
                let truth = state.possible(condition);
                (truth, truth && state.possible(negation))
            }
        };
        state.taken.push((truth, both));
        state.path.push(if truth { condition } else { negation });
        truth
    })
}

/// One of two, both of which can be whatever holds on this path.
pub fn choice(name: &str) -> bool {
    let chosen = term(Op::Eq(variable(name, &1.into()), term(Op::Number(1.into()))));
    let negation = term(Op::Not(chosen));
    let is_known = with(|state| {
        state.truth(chosen).is_some()
            || state.values.is_some()
            || [chosen, negation].iter().any(|fact| state.path.contains(fact))
    });
    if is_known {
        return decide(chosen);
    }
    with(|state| {
        state.step();
        let (truth, both) = match state.forced.get(state.taken.len()) {
            Some(truth) => (*truth, false),
            None => (true, true),
        };
        state.taken.push((truth, both));
        state.path.push(if truth { chosen } else { negation });
        truth
    })
}

/// What must follow from this path; from here on it does.
pub fn claim(what: &str, goal: Id) {
    if with(|state| state.fits(goal)) {
        with(|state| state.run.claims += 1);
        return;
    }
    let waits = with(|state| {
        if state.style != Style::Each && state.inputs.is_none() && state.truth(goal) != Some(false) {
            if state.truth(goal) != Some(true) && !state.waiting.iter().any(|(_, known)| *known == goal) {
                state.waiting.push((what.into(), goal));
            }
            state.run.claims += 1;
            return true;
        }
        let facts = state.path.clone();
        state.claim(what, goal, &facts, Hidden::Nothing);
        false
    });
    if !waits {
        hold(goal);
    }
}

/// What must follow from these facts alone, each of which holds on this path: was assumed, decided or claimed.
pub fn claim_from(what: &str, facts: &[Id], goal: Id, hidden: Hidden) {
    with(|state| {
        for fact in facts {
            assert!(
                state.truth(*fact) == Some(true) || state.path.contains(fact) || state.inputs.is_some(),
                "{what}: a fact that nobody showed"
            );
        }
        state.claim(what, goal, facts, hidden);
    });
    hold(goal);
}

impl State {
    fn claim(&mut self, what: &str, goal: Id, facts: &[Id], opaque: Hidden) {
        self.run.claims += 1;
        match self.truth(goal) {
            Some(true) => return,
            // With values instead of variables every claim is true or false; a path that was not to be taken claims nothing.
            Some(false) if self.inputs.is_some() => {
                let possible = !self.path.iter().any(|fact| self.truth(*fact) == Some(false));
                if possible && self.run.broken.is_none() {
                    self.run.broken = Some(what.into());
                }
                return;
            }
            _ => {}
        }
        let (text, variables) = self.query(facts, Some(goal), opaque);
        if self.seen.insert(text.clone()) {
            self.run.queries.push(Query { claim: what.into(), text, variables, parts: vec![] });
        }
    }
}

/// Which change of a site is in force. Zero: none.
pub fn chosen(site: usize) -> usize {
    with(|state| {
        state.step();
        state.run.sites.insert(site);
        if state.mutant.0 == site { state.mutant.1 } else { 0 }
    })
}

/// Runs with a mutant, or without one; returns what was in force.
pub fn with_mutant(mutant: (usize, usize)) -> (usize, usize) {
    with(|state| std::mem::replace(&mut state.mutant, mutant))
}

/// Whether two things are equal, as a sentence: `compare` compares them, and what it asks of terms is not decided.
pub fn gather(compare: impl FnOnce() -> bool) -> Id {
    with(|state| state.gathered = Some(vec![]));
    let equal = compare();
    let all = with(|state| state.gathered.take()).unwrap_or_default();
    all.into_iter().fold(term(Op::Bool(equal)), |a, b| term(Op::And(a, b)))
}

/// Whether two terms are equal: gathered, or a decision.
pub fn equal(a: Id, b: Id) -> bool {
    let condition = term(Op::Eq(a, b));
    let gathers = with(|state| state.gathered.as_mut().map(|all| all.push(condition)).is_some());
    gathers || decide(condition)
}

/// Runs `law` on every path, as far as the limits allow, and gathers what must follow.
pub fn explore(
    theory: Theory,
    style: Style,
    solver: Solver,
    mutant: (usize, usize),
    limits: Limits,
    law: &dyn Fn(),
) -> (Run, Solver) {
    let started = Instant::now();
    with(|state| {
        *state = State::new(theory);
        state.style = style;
        state.solver = Some(solver);
        state.maximum_steps = limits.steps;
        state.deadline = started.checked_add(limits.time);
    });
    let mut work = vec![vec![]];
    while let Some(forced) = work.pop() {
        let paths = with(|state| state.run.paths);
        if paths >= limits.paths {
            with(|state| state.run.stopped = Some(format!("more than {paths} paths")));
            break;
        }
        with(|state| {
            state.forget(forced);
            state.mutant = mutant;
        });
        let ended = if limits.panics {
            catch_unwind(AssertUnwindSafe(|| {
                law();
                flush();
            }))
        } else {
            law();
            flush();
            Ok(())
        };
        with(|state| {
            state.run.paths += 1;
            for (at, (truth, both)) in state.taken.iter().enumerate() {
                if *both {
                    work.push(state.taken[..at].iter().map(|(truth, _)| *truth).chain([!truth]).collect());
                }
            }
            state.end(ended.err(), limits);
        });
        if with(|state| state.run.stopped.is_some()) {
            break;
        }
    }
    with(|state| {
        let mut run = std::mem::take(&mut state.run);
        if style != Style::Each {
            run.queries = run.queries.chunks(AT_ONCE).map(one_of).collect();
        }
        (run, state.solver.take().expect("put there above"))
    })
}

impl State {
    /// What is kept of the end of a path.
    fn end(&mut self, panic: Option<Box<dyn Any + Send>>, limits: Limits) {
        self.gathered = None;
        self.run.names.append(&mut self.bounds);
        // The path is over: what follows is no step of it.
        self.steps = 0;
        if let Some(cause) = panic {
            if matches!(cause.downcast_ref(), Some(Left::OutOfTime)) {
                self.run.stopped = Some(format!("longer than {} s, {} paths", limits.time.as_secs(), self.run.paths));
                return;
            }
            let (text, variables) = self.query(&self.path.clone(), None, Hidden::Nothing);
            self.run.panics.push(Query { claim: message(&*cause), text, variables, parts: vec![] });
            if self.run.panics.len() >= ENOUGH_PANICS {
                self.run.stopped = Some(format!("{ENOUGH_PANICS} paths panic or do not end"));
            }
        } else if self.run.examples.len() < limits.examples {
            let (text, variables) = self.query(&self.path.clone(), None, Hidden::Nothing);
            if let Some(Answer::Satisfiable(values)) = self.solver.as_mut().map(|solver| solver.ask(&text, &variables))
            {
                self.run.witnessed = true;
                self.run.examples.push(values);
            }
            self.run.ends.push(text);
        }
    }
}

/// What a panic says.
fn message(cause: &(dyn Any + Send)) -> String {
    if cause.downcast_ref::<Left>().is_some() {
        return "it does not end".into();
    }
    let text = cause.downcast_ref::<String>().cloned();
    let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    format!("it panics: {}", text.unwrap_or_default())
}

/// So many paths are one question.
const AT_ONCE: usize = 6;

/// Satisfiable if any of them is.
fn one_of(queries: &[Query]) -> Query {
    let (mut text, mut variables, mut cases) = (String::new(), vec![], vec![]);
    for query in queries {
        let mut facts = vec![];
        for line in query.text.lines() {
            // Definitions, and what defines a quotient, hold for all; facts and the goal are those of a path.
            match line.strip_prefix("(assert ").filter(|fact| !fact.starts_with("(=>")) {
                Some(fact) => facts.push(fact.strip_suffix(')').unwrap_or(fact)),
                None if line.contains("const |") && text.lines().any(|known| known == line) => {}
                None => {
                    text += line;
                    text.push('\n');
                }
            }
        }
        variables.extend(query.variables.iter().filter(|name| !variables.contains(*name)).cloned().collect::<Vec<_>>());
        cases.push(format!("(and true {})", facts.join(" ")));
    }
    let _ = writeln!(text, "(assert (or false {}))", cases.join("\n"));
    let claim = queries
        .iter()
        .map(|query| query.claim.as_str())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
        .join("; ");
    Query { claim, text, variables, parts: queries.to_vec() }
}

/// Runs `act` on terms whose variables have these values: each decision is what comes of them.
pub fn computed<R>(values: BTreeMap<String, BigInt>, act: impl FnOnce() -> R) -> R {
    with(|state| {
        *state = State::new(Theory::Integers);
        state.values = Some(values);
    });
    let result = act();
    with(|state| *state = State::new(Theory::Integers));
    result
}

/// What a term comes to, where variables have values. A truth is one, a falsehood zero.
#[must_use]
pub fn value(id: Id) -> Option<BigInt> {
    with(|state| state.values.is_some().then(|| state.compute(id)))
}

impl State {
    fn compute(&mut self, id: Id) -> BigInt {
        if let Some(value) = self.computed.get(&id) {
            return value.clone();
        }
        let truth = |truth: bool| BigInt::from(u8::from(truth));
        let value = match self.terms[id as usize].clone() {
            Op::Number(number) => number,
            Op::Bool(holds) => truth(holds),
            Op::Variable(name) => {
                self.values.as_ref().and_then(|values| values.get(&name)).cloned().unwrap_or_default()
            }
            Op::Add(a, b) => self.compute(a) + self.compute(b),
            Op::Sub(a, b) => self.compute(a) - self.compute(b),
            Op::Mul(a, b) => self.compute(a) * self.compute(b),
            Op::Div(a, b) => floor(&self.compute(a), &self.compute(b)),
            Op::Ite(c, a, b) => {
                let chosen = if is_zero(&self.compute(c)) { b } else { a };
                self.compute(chosen)
            }
            Op::Le(a, b) => truth(self.compute(a) <= self.compute(b)),
            Op::Eq(a, b) => truth(self.compute(a) == self.compute(b)),
            Op::Not(a) => truth(is_zero(&self.compute(a))),
            Op::And(a, b) => self.compute(a) & self.compute(b),
            Op::Or(a, b) => self.compute(a) | self.compute(b),
            Op::BitAnd(a, b) => self.compute(a) & self.compute(b),
            Op::BitOr(a, b) => self.compute(a) | self.compute(b),
            Op::ShiftLeft(a, by) => self.compute(a) << by,
            Op::ShiftRight(a, by) => self.compute(a) >> by,
        };
        self.computed.insert(id, value.clone());
        value
    }
}

/// Runs `law` once on given numbers; what is not given is zero. A panic breaks it, and so does a run without end.
pub fn replay(theory: Theory, inputs: BTreeMap<String, BigInt>, mutant: (usize, usize), law: &dyn Fn()) -> Run {
    crate::host::anything_goes(false);
    with(|state| {
        *state = State::new(theory);
        state.mutant = mutant;
        state.inputs = Some(inputs);
        state.maximum_steps = ENDLESS;
    });
    let ended = catch_unwind(AssertUnwindSafe(law));
    with(|state| {
        let mut run = std::mem::take(&mut state.run);
        run.witnessed = !state.path.iter().any(|fact| state.truth(*fact) == Some(false));
        if let Err(cause) = ended
            && run.witnessed
            && run.broken.is_none()
        {
            run.broken = Some(message(&*cause));
            run.panicked = true;
        }
        *state = State::new(Theory::Integers);
        run
    })
}
