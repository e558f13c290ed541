//! Frames as they ran, to be run again.

use std::sync::Arc;

use alloy_primitives::Bytes;
use serde::{Deserialize, Serialize};

use super::{Block, Config, Context, Execution, Outcome, Reply, Request, Step};
use crate::module::Program;

/// Everything that went into a frame and came out of it. The same program must do the same again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Parameters of the chain.
    pub config: Config,
    /// Block and transaction.
    pub block: Block,
    /// Who called whom.
    pub context: Context,
    /// Call data.
    pub calldata: Bytes,
    /// Gas it was given.
    pub gas: u64,
    /// What it asked of the chain, and was answered.
    pub exchanges: Vec<(Request, Reply)>,
    /// Its host calls, with the ink before each.
    pub host_calls: Vec<(String, u64)>,
    /// How it ended.
    pub outcome: Outcome,
    /// Gas that remained.
    pub gas_left: u64,
    /// What it returned.
    pub output: Bytes,
    /// Ink that it spent.
    pub ink_used: u64,
}

impl Recorded {
    /// Runs the frame again, with the answers that it got before, and records it anew. It is cut short where it asks for more than
    /// before or for something else, so that any difference shows.
    pub fn replay(&self, program: &Arc<Program>) -> Self {
        let Self { config, block, context, calldata, gas, .. } = self.clone();
        let (mut execution, mut step) = Execution::start(program, config, &Arc::new(block), context, calldata, gas);
        let mut answers = self.exchanges.iter();
        loop {
            match step {
                Step::Request(request) => match answers.next() {
                    Some((expected, reply)) if *expected == request => step = execution.resume(reply.clone()),
                    _ => return execution.recorded(Outcome::Failure, 0, Bytes::new()),
                },
                Step::Done { outcome, gas_left, output } => return execution.recorded(outcome, gas_left, output),
            }
        }
    }
}
