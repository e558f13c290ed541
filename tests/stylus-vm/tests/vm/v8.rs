//! Random programs once more, on an engine that shares nothing with the first: V8, by way of node.
//!
//! The naive implementation runs on the same interpreter as the crate. What the interpreter itself gets wrong it shows
//! by luck only, where the two shapes of a program are compiled in different ways.

use std::io::Write;
use std::process::{Command, Stdio};

use alloy_primitives::hex;
use stylus_vm::{Outcome, module};

use crate::generated::{check, programs};
use crate::support::{Chain, Frame, program};

/// `PROGRAMS=100000 cargo test -p stylus-vm v8` for more than the usual.
const USUAL: usize = 2_000;

#[test]
fn v8_agrees_on_how_programs_end() {
    let count = std::env::var("PROGRAMS").map_or(USUAL, |text| text.parse().expect("PROGRAMS is a number"));
    let (mut input, mut expected) = (String::new(), Vec::new());
    for program in programs(77, count) {
        let ending = check(&program);
        // V8 gets unlimited ink: whom ours runs out of could run for ever.
        let line = match (ending.outcome, ending.status) {
            (Outcome::OutOfInk | Outcome::OutOfStack, _) => continue,
            (_, Some(status)) => format!("{status} {}", hex::encode(ending.output)),
            (_, None) => "trap".into(),
        };
        expected.push(line);
        let activation =
            module::activate(&program.wasm(), 128, &program.rules, u64::MAX).expect("it was activated before");
        let wasm = hex::encode(activation.program.instrumented());
        input.push_str(&format!("{} {wasm}\n", program.argument.len()));
    }
    assert!(expected.len() > count / 2, "{} of {count} programs can be compared", expected.len());

    let output = v8(input);
    let answers: Vec<_> = output.lines().collect();
    assert_eq!(answers.len(), expected.len());
    for ((answer, expected), line) in answers.iter().zip(&expected).zip(1..) {
        assert_eq!(answer, expected, "line {line} of those that can be compared");
    }
}

fn v8(input: String) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vm/v8.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs: `scripts/test suite` installs it, or `apt-get install nodejs`");
    let mut stdin = node.stdin.take().expect("it is piped");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = node.wait_with_output().expect("node can be waited for");
    writer.join().expect("the writer does not panic").expect("node reads all");
    assert!(output.status.success(), "node: {}", output.status);
    String::from_utf8(output.stdout).expect("answers are text")
}

/// wasmi 2.0.0 selects 12 here when the program is metered: the charge stands between the block and the comparison.
#[test]
fn comparison_of_a_block_s_result_decides_a_selection() {
    let text = r#"(module (memory (export "memory") 1 1) (global $one (mut i32) (i32.const 1))
        (func (export "user_entrypoint") (param i32) (result i32)
            local.get 0
            i32.const 12
            block (result i32)
                i32.const 0
                global.get $one
                br_if 0
            end
            i32.eqz
            select))"#;
    let run = Frame::default().run(&program(text), &mut Chain::default());
    assert_eq!((run.outcome, run.calls("user_returned").count()), (Outcome::Success, 1));
}
