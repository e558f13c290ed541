//! How frames end (section 3.6), and what remains.

use stylus_vm::{Outcome, Reply};

use crate::hooks::{calling, text};
use crate::support::{Chain, Frame, GAS, INK_PRICE, Run, program};

fn run(text: &str, frame: &Frame) -> Run {
    frame.run(&program(text), &mut Chain::default())
}

/// A program that leaves a pending output and then runs `body`.
fn after_output(body: &str) -> Run {
    let text = text("", &format!("(call $write_result (i32.const 63) (i32.const 1)) {body}"));
    run(&text, &Frame::default())
}

#[test]
fn success_and_revert_keep_gas_and_output() {
    for (body, outcome) in [("i32.const 0", Outcome::Success), ("i32.const 7", Outcome::Revert)] {
        let run = after_output(body);
        assert_eq!((run.outcome, &run.output[..]), (outcome, &[1][..]));
        assert_eq!(run.gas_left, (Frame::default().gas * INK_PRICE - run.ink_used) / INK_PRICE);
    }
}

#[test]
fn traps_are_failures_without_output_that_keep_gas() {
    let traps = [
        "unreachable",
        "i32.const 1 local.get $len i32.div_u",
        "i32.const 131072 i32.load",
        "i32.const 131000 i32.const 0 i32.const 100 memory.fill i32.const 0",
        "i32.const 0 i32.const 0x7fffffff i64.load offset=0x7fffffff drop",
    ];
    for body in traps {
        let run = after_output(body);
        assert_eq!((run.outcome, run.output.len()), (Outcome::Failure, 0), "{body}");
        assert!(run.gas_left > 0, "{body}");
    }
}

#[test]
fn indirect_call_of_the_wrong_type_is_a_failure() {
    let text = r#"(module (memory (export "memory") 1 1) (table 1 1 funcref) (type $t (func))
        (elem (i32.const 0) $f) (func $f (param i64))
        (func (export "user_entrypoint") (param i32) (result i32) (call_indirect (type $t) (i32.const 0)) i32.const 0))"#;
    assert_eq!(run(text, &Frame::default()).outcome, Outcome::Failure);
}

const LOOP: &str = r#"(module (memory (export "memory") 1 1)
    (func (export "user_entrypoint") (param i32) (result i32) loop br 0 end unreachable))"#;

#[test]
fn endless_loop_runs_out_of_ink() {
    let frame = Frame { gas: 1_000, ..Frame::default() };
    let run = run(LOOP, &frame);
    assert_eq!((run.outcome, run.gas_left, run.ink_used), (Outcome::OutOfInk, 0, 1_000 * INK_PRICE));
}

#[test]
fn exactly_enough_ink_is_enough() {
    let outcome = |ink| {
        let mut frame = Frame { gas: ink, ..Frame::default() };
        frame.config.ink_price = 1;
        run(crate::golden::G1, &frame).outcome
    };
    assert_eq!(outcome(2_452), Outcome::Success);
    assert_eq!(outcome(2_451), Outcome::OutOfInk);
    assert_eq!(outcome(0), Outcome::OutOfInk);
}

#[test]
fn fill_and_copy_run_out_of_ink_before_they_write() {
    for operator in ["memory.fill", "memory.copy"] {
        let text = format!(
            r#"(module (memory (export "memory") 1 1) (func (export "user_entrypoint") (param i32) (result i32)
            (i32.const 0) (i32.const 0) (i32.const 1000) {operator} i32.const 0))"#
        );
        let block = 2_450 + 3 + 950 + 1 + 1;
        let ends = |ink| {
            let mut frame = Frame { gas: ink, ..Frame::default() };
            frame.config.ink_price = 1;
            let run = run(&text, &frame);
            (run.outcome, run.ink_used)
        };
        assert_eq!(ends(block + 100_000), (Outcome::Success, block + 100_000));
        assert_eq!(ends(block + 99_999), (Outcome::OutOfInk, block + 99_999));
    }
}

#[test]
fn ink_saturates() {
    let frame = Frame { gas: u64::MAX, ..Frame::default() };
    let run = run(crate::golden::G1, &frame);
    assert_eq!((run.outcome, run.gas_left), (Outcome::Success, (u64::MAX - 2_452) / INK_PRICE));
}

/// Calls itself as often as the call data is long.
const RECURSION: &str = r#"(module (memory (export "memory") 1 1)
    (func $f (export "user_entrypoint") (param i32) (result i32)
    local.get 0 i32.eqz if i32.const 0 return end
    local.get 0 i32.const 1 i32.sub call $f))"#;

#[test]
fn depth_counts_frames() {
    let words = program(RECURSION).frame_words()[0];
    let outcome = |max_stack_depth, calls: usize| {
        let mut frame = Frame { calldata: vec![0; calls].into(), ..Frame::default() };
        frame.config.max_stack_depth = max_stack_depth;
        run(RECURSION, &frame).outcome
    };
    // Strictly more than the frame must be left.
    assert_eq!(outcome(10 * words + 1, 9), Outcome::Success);
    assert_eq!(outcome(10 * words, 9), Outcome::OutOfStack);
    assert_eq!(outcome(0, 0), Outcome::OutOfStack);
}

#[test]
fn out_of_stack_leaves_nothing() {
    let mut frame = Frame { calldata: vec![0; 100].into(), ..Frame::default() };
    frame.config.max_stack_depth = 100;
    let run = run(RECURSION, &frame);
    assert_eq!((run.outcome, run.gas_left, run.output.len()), (Outcome::OutOfStack, 0, 0));
    assert_eq!(run.ink_used, frame.gas * INK_PRICE);
}

#[test]
fn the_engine_is_deeper_than_any_depth_budget() {
    let mut frame = Frame { calldata: vec![0; 60_000].into(), ..Frame::default() };
    frame.config.max_stack_depth = 262_144;
    let run = run(RECURSION, &frame);
    assert_eq!(run.outcome, Outcome::OutOfStack);
}

#[test]
fn returns_give_words_back_and_branches_to_the_outermost_label_leak_them() {
    let calls = |leave: &str| {
        format!(
            r#"(module (memory (export "memory") 1 1) (func $f {leave})
            (func (export "user_entrypoint") (param i32) (result i32) (local i32)
            loop call $f local.get 1 i32.const 1 i32.add local.tee 1 i32.const 100 i32.ne br_if 0 end i32.const 0))"#
        )
    };
    let outcome = |leave: &str| {
        let mut frame = Frame::default();
        frame.config.max_stack_depth = 50;
        run(&calls(leave), &frame).outcome
    };
    assert_eq!(outcome(""), Outcome::Success);
    assert_eq!(outcome("return"), Outcome::Success);
    assert_eq!(outcome("i32.const 1 if return end"), Outcome::Success);
    assert_eq!(outcome("br 0"), Outcome::OutOfStack);
}

#[test]
fn growth_is_paid_before_it_happens() {
    let grow = |pages: i32| {
        let text = format!(
            r#"(module (import "vm_hooks" "pay_for_memory_grow" (func (param i32)))
            (memory (export "memory") 1 4) (func (export "user_entrypoint") (param i32) (result i32)
            i32.const {pages} memory.grow))"#
        );
        let run = Frame::default().run(&program(&text), &mut Chain::with_pages(1));
        let status = run.calls("user_returned").next().map(|call| call.outs.to_vec());
        (status, run.calls("pay_for_memory_grow").count(), run.ink_used)
    };
    let block = 2_450 + 1 + 8_050 + 1;
    assert_eq!(grow(3), (Some(vec![0, 0, 0, 1]), 1, block + 20_010_000 - 10_000));
    // Beyond the maximum: paid all the same, then refused.
    assert_eq!(grow(4), (Some(vec![0xff; 4]), 1, block + 30_000_000));
    assert_eq!(grow(0x10000), (None, 0, GAS * INK_PRICE), "nobody has so much");
    assert_eq!(grow(0), (Some(vec![0, 0, 0, 1]), 1, block + 8_400));
}

#[test]
fn growth_that_nobody_can_pay_is_out_of_ink() {
    let text = r#"(module (import "vm_hooks" "pay_for_memory_grow" (func (param i32)))
        (memory (export "memory") 1) (func (export "user_entrypoint") (param i32) (result i32)
        i32.const 128 memory.grow))"#;
    let run = Frame::default().run(&program(text), &mut Chain::with_pages(1));
    assert_eq!(run.outcome, Outcome::OutOfInk);
}

#[test]
fn memory_of_zero_pages_cannot_grow_to_all_there_is_for_nothing() {
    let text = r#"(module (import "vm_hooks" "pay_for_memory_grow" (func (param i32)))
        (memory (export "memory") 0) (func (export "user_entrypoint") (param i32) (result i32)
        i32.const 0x10000 memory.grow))"#;
    assert_eq!(Frame::default().run(&program(text), &mut Chain::default()).outcome, Outcome::OutOfInk);
    let mut before = Frame::default();
    before.config.arbos_version = 51;
    let run = before.run(&program(text), &mut Chain::default());
    assert_eq!(run.outcome, Outcome::Revert);
    assert_eq!(run.trace.last().unwrap().outs[..], [0xff; 4]);
}

#[test]
fn growth_of_a_fixed_memory_is_free_and_fails() {
    let text = r#"(module (memory (export "memory") 1 1) (func (export "user_entrypoint") (param i32) (result i32)
        i32.const 1 memory.grow))"#;
    let run = run(text, &Frame::default());
    assert_eq!((run.outcome, run.ink_used), (Outcome::Revert, 2_450 + 1 + 8_050 + 1));
}

#[test]
fn float_constants_cannot_be_entered() {
    let text = |condition: i32| {
        format!(
            r#"(module (memory (export "memory") 1 1) (func (export "user_entrypoint") (param i32) (result i32)
            i32.const {condition} if f32.const 1 drop end i32.const 0))"#
        )
    };
    let frame = Frame { gas: u64::MAX / INK_PRICE, ..Frame::default() };
    assert_eq!(run(&text(0), &frame).outcome, Outcome::Success);
    assert_eq!(run(&text(1), &frame).outcome, Outcome::OutOfInk);
}

#[test]
fn deep_nesting_of_suspended_frames_is_fine() {
    use stylus_vm::{Execution, Step};

    use crate::support::{block, config, context};
    let program = calling(
        "(drop (call $call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 256)))",
    );
    let mut frames: Vec<_> = (0..1_024)
        .map(|_| Execution::start(&program, config(), &block(), context(), Default::default(), 1_000_000))
        .collect();
    while let Some((mut execution, step)) = frames.pop() {
        assert!(matches!(step, Step::Request(_)));
        let reply = Reply::Called { success: true, gas: 0, data: Default::default() };
        assert!(matches!(execution.resume(reply), Step::Done { outcome: Outcome::Success, .. }));
    }
}
