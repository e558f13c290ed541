//! The tree of frames a transaction opened, for gas tables.

use alloy_primitives::{Address, Bytes, Log, U256};
use stylus_vm::{Recorded, execution::HostCall};

/// Which way a frame was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// CALL, or `call_contract`.
    Call,
    /// CALLCODE.
    CallCode,
    /// DELEGATECALL, or `delegate_call_contract`.
    DelegateCall,
    /// STATICCALL, or `static_call_contract`.
    StaticCall,
    /// CREATE, or `create1`.
    Create,
    /// CREATE2, or `create2`.
    Create2,
}

/// One frame: a call or creation that was attempted, with or without code behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Number of frames above it.
    pub depth: usize,
    /// Index of the frame above it in [`Receipt::frames`](crate::Receipt::frames).
    pub parent: Option<usize>,
    /// Which way it was entered.
    pub kind: FrameKind,
    /// Who called.
    pub from: Address,
    /// Acting address: whose storage and balance it uses. For a creation that failed early, zero.
    pub to: Address,
    /// Whose code ran; differs from `to` under delegatecall.
    pub code_address: Address,
    /// First four bytes of the call data.
    pub selector: Option<[u8; 4]>,
    /// Call data, or init code.
    pub input: Bytes,
    /// Wei sent along; under delegatecall the value of the frame above.
    pub value: U256,
    /// Gas it was given, stipend included.
    pub gas_limit: u64,
    /// Gas it used, its children included, before any refund.
    pub gas_used: u64,
    /// Whether it succeeded.
    pub success: bool,
    /// Why it failed, unless it reverted.
    pub halt: Option<String>,
    /// What it returned.
    pub output: Bytes,
    /// Ink the program used, children included, for a Stylus frame that started.
    pub ink: Option<u64>,
    /// Its host calls, when host calls are traced.
    pub host_calls: Vec<HostCall>,
    /// All that went into and came out of a program's frame, when host calls are traced.
    pub recorded: Option<Box<Recorded>>,
    /// Its instructions, when they are traced and the EVM ran.
    pub steps: Vec<Step>,
    /// What it logged itself. If it or a frame above it failed, nothing of that stays.
    pub logs: Vec<FrameLog>,
}

/// A log in the frame that emitted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameLog {
    /// How many frames the frame had opened before.
    pub position: usize,
    /// The log.
    pub log: Log,
}

/// One instruction of the EVM, before it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its place in the code.
    pub pc: usize,
    /// Its number.
    pub op: u8,
    /// Gas before.
    pub gas: u64,
    /// Gas it used; for a call with what it handed on.
    pub cost: u64,
    /// The stack before, top last.
    pub stack: Vec<U256>,
    /// The memory before.
    pub memory: Option<Bytes>,
    /// The slot that it read or wrote, and what is there now.
    pub storage: Option<(U256, U256)>,
    /// Whether it ended the frame by failing.
    pub failed: bool,
}

impl Frame {
    /// Whether WASM ran.
    pub fn is_stylus(&self) -> bool {
        self.ink.is_some()
    }
}

/// How much of a transaction is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recording {
    /// Nothing but the receipt.
    #[default]
    None,
    /// Every frame.
    Frames,
    /// Every frame and every host call in it.
    HostCalls,
    /// Every frame, every host call and every instruction of the EVM. Ends quietly at a limit, see [`Receipt::truncated`].
    ///
    /// [`Receipt::truncated`]: crate::Receipt::truncated
    Steps {
        /// With the memory before each instruction.
        memory: bool,
    },
}

impl Recording {
    pub(crate) fn has_host_calls(self) -> bool {
        matches!(self, Self::HostCalls | Self::Steps { .. })
    }
}

/// Bytes that the instructions of one transaction may take.
const STEPS_LIMIT: usize = 64 << 20;

/// Collects frames in the order in which they open.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) recording: Recording,
    pub(crate) frames: Vec<Frame>,
    open: Vec<usize>,
    /// Frames that each open one opened so far.
    children: Vec<usize>,
    /// Logs of the transaction that belong to a frame already.
    logs: usize,
    kept_bytes: usize,
    /// Whether instructions were left out.
    pub(crate) truncated: bool,
}

impl Recorder {
    pub(crate) fn new(recording: Recording) -> Self {
        Self { recording, ..Self::default() }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.recording != Recording::None
    }

    /// Gives the logs that are new to the frame that is open: it alone ran since the last time. Those of a frame that fails are
    /// taken back from the transaction's.
    pub(crate) fn logged(&mut self, all: &[Log]) {
        let new = all.get(self.logs..).unwrap_or_default();
        if let (Some(frame), Some(position)) = (self.open.last(), self.children.last()) {
            self.frames[*frame].logs.extend(new.iter().map(|log| FrameLog { position: *position, log: log.clone() }));
        }
        self.logs = all.len();
    }

    /// A frame begins; its parent is the one open now.
    pub(crate) fn open(&mut self, mut frame: Frame) {
        if let Some(opened) = self.children.last_mut() {
            *opened += 1;
        }
        self.children.push(0);
        frame.depth = self.open.len();
        frame.parent = self.open.last().copied();
        self.open.push(self.frames.len());
        self.frames.push(frame);
    }

    /// The frame that is open now.
    pub(crate) fn current(&mut self) -> Option<&mut Frame> {
        self.open.last().map(|index| &mut self.frames[*index])
    }

    /// Whether instructions are wanted, and with memory.
    pub(crate) fn steps(&self) -> Option<bool> {
        match self.recording {
            Recording::Steps { memory } if !self.truncated => Some(memory),
            _ => None,
        }
    }

    /// An instruction ran.
    pub(crate) fn step(&mut self, step: Step) {
        self.kept_bytes +=
            size_of::<Step>() + step.stack.len() * 32 + step.memory.as_ref().map_or(0, |memory| memory.len());
        if self.kept_bytes > STEPS_LIMIT {
            self.truncated = true;
        } else if let Some(frame) = self.current() {
            frame.steps.push(step);
        }
    }

    /// The open frame ended.
    pub(crate) fn close(&mut self, success: bool, halt: Option<String>, gas_remaining: u64, output: &Bytes) {
        self.children.pop();
        if let Some(index) = self.open.pop() {
            let frame = &mut self.frames[index];
            frame.success = success;
            frame.halt = halt;
            frame.gas_used = frame.gas_limit - gas_remaining;
            frame.output = output.clone();
        }
    }
}
