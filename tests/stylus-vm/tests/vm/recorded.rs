//! Frames of real programs, as they once ran: `data/frames.jsonl`, which `scripts/bench frames` writes. A change of the machine shows
//! here, whatever became of the programs' sources since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::Bytes;
use serde::Deserialize;
use stylus_vm::{ARBOS_CURRENT, Outcome, Program, Recorded, Rules, module};

const FRAMES: &str = include_str!("../../data/frames.jsonl");

/// A line: a program's code, as on the chain, or a frame of it.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Line {
    Program { name: String, code: Bytes },
    Frame { program: String, frame: Box<Recorded> },
}

type Programs = BTreeMap<String, Arc<Program>>;

fn recorded() -> (Programs, Vec<(String, Recorded)>) {
    let (mut programs, mut frames) = (BTreeMap::new(), Vec::new());
    for line in FRAMES.lines() {
        match serde_json::from_str(line).expect("lines are as they were written") {
            Line::Program { name, code } => {
                let rules = Rules::of(ARBOS_CURRENT);
                let wasm = module::decompress(&code[4..], rules.max_wasm_size).expect("a program");
                let activation = module::activate(&wasm, 128, &rules, u64::MAX).expect("it was active");
                programs.insert(name, activation.program);
            }
            Line::Frame { program, frame } => frames.push((program, *frame)),
        }
    }
    (programs, frames)
}

#[test]
fn recorded_frames_run_again_without_a_difference() {
    let (programs, frames) = recorded();
    for (index, (name, frame)) in frames.iter().enumerate() {
        let again = frame.replay(&programs[name]);
        assert_eq!(again.exchanges, frame.exchanges, "frame {index}, of {name}");
        assert_eq!(again.host_calls, frame.host_calls, "frame {index}, of {name}");
        assert_eq!(&again, frame, "frame {index}, of {name}");
    }
}

/// Frames say something only if they are of all kinds.
#[test]
fn recorded_frames_are_of_all_kinds() {
    let (programs, frames) = recorded();
    assert!(programs.len() >= 6 && frames.len() >= 40, "{} programs, {} frames", programs.len(), frames.len());
    let ends: BTreeSet<_> = frames.iter().map(|(_, frame)| format!("{:?}", frame.outcome)).collect();
    for outcome in [Outcome::Success, Outcome::Revert, Outcome::OutOfInk] {
        assert!(ends.contains(&format!("{outcome:?}")), "no frame ends in {outcome:?}");
    }
    let calls: BTreeSet<_> =
        frames.iter().flat_map(|(_, frame)| frame.host_calls.iter().map(|(name, _)| name)).collect();
    for call in [
        "call_contract",
        "delegate_call_contract",
        "static_call_contract",
        "emit_log",
        "native_keccak256",
        "storage_flush_cache",
    ] {
        assert!(calls.contains(&call.to_owned()), "no frame calls {call}");
    }
    assert!(FRAMES.len() < 1 << 20, "{} bytes are committed", FRAMES.len());
}
