//! The two solvers, as processes that are asked one question at a time.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, Result};
use num_bigint::BigInt;

/// What a solver says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// There are no such numbers.
    Unsatisfiable,
    /// These are.
    Satisfiable(BTreeMap<String, BigInt>),
    /// It does not know, or not in time.
    Unknown(String),
}

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Microsoft's.
    Z3,
    /// Of Stanford and Iowa.
    Cvc5,
}

/// A running solver.
#[derive(Debug)]
pub struct Solver {
    kind: Kind,
    milliseconds: u32,
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Ends a question, and an answer.
const END: &str = ";;end";

impl Solver {
    /// Starts a solver of the virtual environment `venv`; it may think so long about each question.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(kind: Kind, venv: &Path, milliseconds: u32) -> Result<Self> {
        let mut command = match kind {
            Kind::Z3 => {
                let mut z3 = Command::new(venv.join("bin/z3"));
                z3.args(["-in", "-smt2"]);
                z3
            }
            Kind::Cvc5 => {
                let mut python = Command::new(venv.join("bin/python"));
                python.args(["-c", include_str!("cvc5.py")]);
                python
            }
        };
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().with_context(|| {
                format!("{kind:?} is not in {}: run scripts/prove, which installs it", venv.display())
            })?;
        let questions = process.stdin.take().context("no input")?;
        let answers = BufReader::new(process.stdout.take().context("no output")?);
        Ok(Self { kind, milliseconds, process, questions, answers })
    }

    /// Whether `text` can be satisfied, and by which values of `variables`.
    pub fn ask(&mut self, text: &str, variables: &[String]) -> Answer {
        self.try_ask(text, variables).unwrap_or_else(|error| Answer::Unknown(error.to_string()))
    }

    /// Forgets everything said: z3 only, whose questions can build on each other.
    ///
    /// # Errors
    /// It ended.
    pub fn start_over(&mut self) -> Result<()> {
        // Its solver for questions that grow; the same options as for others.
        writeln!(self.questions, "(reset)\n(set-option :timeout {})", self.milliseconds)?;
        Ok(())
    }

    /// Whether what was said since, with `text`, and for this question `fact`, can be satisfied.
    ///
    /// # Errors
    /// It ended.
    pub fn may_be(&mut self, text: &str, fact: &str) -> Result<bool> {
        write!(self.questions, "{text}(push)(assert {fact})(check-sat)(pop)\n(echo \"{END}\")\n")?;
        self.questions.flush()?;
        Ok(self.read()?.trim() != "unsat")
    }

    fn try_ask(&mut self, text: &str, variables: &[String]) -> Result<Answer> {
        let milliseconds = self.milliseconds;
        let (before, end) = match self.kind {
            Kind::Z3 => (format!("(reset)\n(set-option :timeout {milliseconds})\n"), format!("(echo \"{END}\")\n")),
            Kind::Cvc5 => (format!("(set-logic ALL)\n(set-option :tlimit-per {milliseconds})\n"), format!("{END}\n")),
        };
        write!(self.questions, "{before}(set-option :produce-models true)\n{text}(check-sat)\n{end}")?;
        self.questions.flush()?;
        let verdict = self.read()?;
        match verdict.trim() {
            "unsat" => Ok(Answer::Unsatisfiable),
            "sat" if variables.is_empty() => Ok(Answer::Satisfiable(BTreeMap::new())),
            "sat" => self.values(&before, text, variables, &end),
            other => Ok(Answer::Unknown(other.into())),
        }
    }

    fn values(&mut self, before: &str, text: &str, variables: &[String], end: &str) -> Result<Answer> {
        let names: String = variables.iter().map(|name| format!("|{name}| ")).collect();
        // One that starts anew with each question is asked again.
        let again = match self.kind {
            Kind::Z3 => String::new(),
            Kind::Cvc5 => format!("{before}(set-option :produce-models true)\n{text}(check-sat)\n"),
        };
        write!(self.questions, "{again}(get-value ({names}))\n{end}")?;
        self.questions.flush()?;
        Ok(Answer::Satisfiable(model(&self.read()?, variables)))
    }

    fn read(&mut self) -> Result<String> {
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            anyhow::ensure!(self.answers.read_line(&mut line)? > 0, "the solver ended");
            if line.trim().trim_matches('"') == END {
                return Ok(answer);
            }
            answer += &line;
        }
    }
}

impl Drop for Solver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads `((|a| 5) (|b| (- 3)) (c #x0f))`.
fn model(text: &str, variables: &[String]) -> BTreeMap<String, BigInt> {
    let mut values = BTreeMap::new();
    for name in variables {
        let plain = format!("({name} ");
        let quoted = format!("(|{name}| ");
        let Some(rest) = [&quoted, &plain].into_iter().find_map(|start| text.split_once(start.as_str())) else {
            continue;
        };
        let value = rest.1.trim_start();
        let negative = value.starts_with("(-");
        let digits = value.trim_start_matches(['(', '-', ' ']);
        let (digits, radix) = match digits.strip_prefix('#') {
            Some(rest) if rest.starts_with('x') => (&rest[1..], 16),
            Some(rest) => (&rest[1..], 2),
            None => (digits, 10),
        };
        let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
        if let Some(number) = BigInt::parse_bytes(&digits.as_bytes()[..end], radix) {
            values.insert(name.clone(), if negative { -number } else { number });
        }
    }
    values
}
