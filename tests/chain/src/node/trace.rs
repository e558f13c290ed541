//! Traces of executions: calls, instructions of the EVM, host calls of programs, state before and after.

mod prestate;

use std::{collections::BTreeMap, iter::Peekable, vec::IntoIter};

use alloy_primitives::{Address, B256, Bytes, U64, U256, hex};
use alloy_sol_types::{Revert, SolError};
use revm::bytecode::opcode::{CALL, CALLCODE, CREATE, CREATE2, DELEGATECALL, OpCode, STATICCALL};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Map, Value, json};
use stylus_vm::execution::HostCall;

use super::{error::RpcError, scene::Scene};
use crate::{
    execution::Ran,
    frames::{Frame, FrameKind, Recording, Step},
    receipt::Receipt,
};

/// What a trace should show, as geth's clients say it. What nothing here follows is refused: ignored, it would give another trace
/// than the one that was asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Options {
    tracer: Option<String>,
    tracer_config: Option<Value>,
    enable_memory: bool,
    disable_memory: Option<bool>,
    disable_stack: bool,
    disable_storage: bool,
    enable_return_data: bool,
    limit: usize,
    // How geth bounds its work, and where it prints; here both are fixed.
    #[serde(rename = "disableReturnData")]
    _disable_return_data: IgnoredAny,
    #[serde(rename = "timeout")]
    _timeout: IgnoredAny,
    #[serde(rename = "reexec")]
    _reexec: IgnoredAny,
    #[serde(rename = "debug")]
    _debug: IgnoredAny,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct CallOptions {
    only_top_call: bool,
    with_log: bool,
}

/// Of the tracers that have nothing to set.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NoOptions {}

impl Options {
    /// What has to be recorded for it.
    pub(super) fn recording(&self) -> Result<Recording, RpcError> {
        if self.enable_return_data {
            return Err(RpcError::params("enableReturnData is not supported"));
        }
        match self.tracer.as_deref() {
            None | Some("") => {
                self.config::<NoOptions>()?;
                Ok(Recording::Steps { memory: self.with_memory() })
            }
            Some("callTracer") => self.config::<CallOptions>().map(|_| Recording::Frames),
            Some("prestateTracer") => self.config::<prestate::Options>().map(|_| Recording::None),
            Some("stylusTracer") => self.config::<NoOptions>().map(|_| Recording::HostCalls),
            Some(other) => {
                let shown: String = other.chars().take(64).collect();
                Err(RpcError::params(format_args!(
                    "tracer {shown}: only callTracer, prestateTracer, stylusTracer and the default, struct logs, are supported"
                )))
            }
        }
    }

    fn config<T: DeserializeOwned + Default>(&self) -> Result<T, RpcError> {
        let config = self.tracer_config.as_ref().map(T::deserialize).transpose();
        Ok(config.map_err(|error| RpcError::params(format_args!("tracerConfig: {error}")))?.unwrap_or_default())
    }

    fn with_memory(&self) -> bool {
        self.enable_memory || self.disable_memory == Some(false)
    }

    /// The trace of a transaction that ran in a scene and was recorded.
    pub(super) fn trace(&self, scene: &Scene, ran: &Ran) -> Result<Value, RpcError> {
        let receipt = &ran.receipt;
        if receipt.truncated {
            return Err(RpcError::limit("the trace is too large: disable memory, or trace a smaller call"));
        }
        Ok(match self.tracer.as_deref() {
            Some("callTracer") => calls(receipt, self.config()?),
            Some("prestateTracer") => prestate::trace(&scene.chain.world.state, &ran.changes, self.config()?),
            Some("stylusTracer") => host_calls(receipt),
            _ => struct_logs(receipt, self),
        })
    }
}

/// The tree of calls.
fn calls(receipt: &Receipt, options: CallOptions) -> Value {
    let undone = undone(&receipt.frames);
    let mut children: Vec<Vec<Value>> = vec![Vec::new(); receipt.frames.len()];
    for (index, frame) in receipt.frames.iter().enumerate().rev() {
        let mut call = call(frame);
        if options.with_log && !undone[index] && !frame.logs.is_empty() {
            call["logs"] = logs(frame);
        }
        if index == 0 {
            call["gas"] = json!(U64::from(receipt.gas.limit));
            call["gasUsed"] = json!(U64::from(receipt.gas.used));
        }
        let mut own = std::mem::take(&mut children[index]);
        own.reverse();
        if !(own.is_empty() || options.only_top_call && index == 0) {
            call["calls"] = Value::Array(own);
        }
        match frame.parent {
            Some(parent) => children[parent].push(call),
            None => return call,
        }
    }
    Value::Null
}

/// Which frames left nothing: those that failed, and all below them.
fn undone(frames: &[Frame]) -> Vec<bool> {
    let mut undone: Vec<bool> = Vec::with_capacity(frames.len());
    for frame in frames {
        undone.push(!frame.success || frame.parent.is_some_and(|parent| undone[parent]));
    }
    undone
}

fn logs(frame: &Frame) -> Value {
    let logs = frame.logs.iter().map(|own| {
        json!({
            "address": own.log.address,
            "topics": own.log.topics(),
            "data": own.log.data.data,
            "position": U64::from(own.position),
        })
    });
    logs.collect()
}

fn call(frame: &Frame) -> Value {
    let creates = matches!(frame.kind, FrameKind::Create | FrameKind::Create2);
    let mut call = json!({
        "type": kind(frame.kind),
        "from": frame.from,
        "gas": U64::from(frame.gas_limit),
        "gasUsed": U64::from(frame.gas_used),
        "input": frame.input,
    });
    let to = if creates { frame.to } else { frame.code_address };
    if !creates || frame.success {
        call["to"] = json!(to);
    }
    if frame.kind != FrameKind::StaticCall {
        call["value"] = json!(frame.value);
    }
    if !frame.output.is_empty() {
        call["output"] = json!(frame.output);
    }
    if !frame.success {
        call["error"] = json!(frame.halt.as_deref().unwrap_or("execution reverted"));
    }
    if let (false, Ok(revert)) = (frame.success, Revert::abi_decode(&frame.output)) {
        call["revertReason"] = json!(revert.reason);
    }
    call
}

fn kind(kind: FrameKind) -> &'static str {
    match kind {
        FrameKind::Call => "CALL",
        FrameKind::CallCode => "CALLCODE",
        FrameKind::DelegateCall => "DELEGATECALL",
        FrameKind::StaticCall => "STATICCALL",
        FrameKind::Create => "CREATE",
        FrameKind::Create2 => "CREATE2",
    }
}

/// The host calls of the first program, those of programs below nested in theirs.
fn host_calls(receipt: &Receipt) -> Value {
    let tree = Tree::new(&receipt.frames);
    let Some(first) = receipt.frames.iter().position(Frame::is_stylus) else {
        return json!([]);
    };
    host_calls_of(&tree, first)
}

fn host_calls_of(tree: &Tree<'_>, index: usize) -> Value {
    let frame = &tree.frames[index];
    let mut children = tree.children[index].iter();
    let calls = frame.host_calls.iter().map(|host_call| {
        let mut record = self::host_call(host_call);
        if opens_frame(host_call.name)
            && let Some(child) = children.next()
        {
            record["address"] = json!(tree.frames[*child].code_address);
            record["steps"] = host_calls_of(tree, *child);
        }
        record
    });
    calls.collect()
}

fn host_call(record: &HostCall) -> Value {
    json!({
        "name": record.name,
        "args": record.args,
        "outs": record.outs,
        "startInk": record.start_ink,
        "endInk": record.end_ink,
    })
}

fn opens_frame(host_call: &str) -> bool {
    matches!(host_call, "call_contract" | "delegate_call_contract" | "static_call_contract" | "create1" | "create2")
}

/// Frames with the indices of their children.
struct Tree<'a> {
    frames: &'a [Frame],
    children: Vec<Vec<usize>>,
}

impl<'a> Tree<'a> {
    fn new(frames: &'a [Frame]) -> Self {
        let mut children = vec![Vec::new(); frames.len()];
        for (index, frame) in frames.iter().enumerate() {
            if let Some(parent) = frame.parent {
                children[parent].push(index);
            }
        }
        Self { frames, children }
    }
}

/// Every instruction of the EVM and every host call of a program, in the order in which they ran.
fn struct_logs(receipt: &Receipt, options: &Options) -> Value {
    let mut logs = Logs { tree: Tree::new(&receipt.frames), options, entries: Vec::new(), storage: BTreeMap::new() };
    if !receipt.frames.is_empty() {
        logs.frame(0);
    }
    let shown = if receipt.success || receipt.halt.is_none() { hex::encode(&receipt.output) } else { String::new() };
    json!({
        "gas": receipt.gas.used,
        "failed": !receipt.success,
        "returnValue": format!("0x{shown}"),
        "structLogs": logs.entries,
    })
}

struct Logs<'a> {
    tree: Tree<'a>,
    options: &'a Options,
    entries: Vec<Value>,
    /// What each contract read or wrote so far.
    storage: BTreeMap<Address, Map<String, Value>>,
}

impl Logs<'_> {
    fn frame(&mut self, index: usize) {
        let frame = &self.tree.frames[index];
        let mut children = self.tree.children[index].clone().into_iter().peekable();
        for step in &frame.steps {
            self.step(frame, step);
            if opens_frame_of_evm(step.op) && !step.failed {
                self.child(&mut children);
            }
        }
        for (pc, host_call) in frame.host_calls.iter().enumerate() {
            let ink = host_call.start_ink.saturating_sub(host_call.end_ink);
            self.push(json!({
                "pc": pc,
                "op": host_call.name,
                "gas": host_call.start_ink / INK_PER_GAS,
                "gasCost": ink / INK_PER_GAS,
                "depth": frame.depth + 1,
                "stack": [],
                "stylus": self::host_call(host_call),
            }));
            if opens_frame(host_call.name) {
                self.child(&mut children);
            }
        }
    }

    fn child(&mut self, children: &mut Peekable<IntoIter<usize>>) {
        if let Some(child) = children.next() {
            self.frame(child);
        }
    }

    fn step(&mut self, frame: &Frame, step: &Step) {
        let name =
            OpCode::new(step.op).map_or_else(|| format!("opcode {:#x} not defined", step.op), |op| op.to_string());
        let mut entry = json!({
            "pc": step.pc,
            "op": name,
            "gas": step.gas,
            "gasCost": step.cost,
            "depth": frame.depth + 1,
        });
        if !self.options.disable_stack {
            entry["stack"] = json!(step.stack);
        }
        if let Some(memory) = &step.memory {
            entry["memory"] = words(memory);
        }
        if let (Some((slot, word)), false) = (step.storage, self.options.disable_storage) {
            let known = self.storage.entry(frame.to).or_default();
            known.insert(bare(slot), json!(bare(word)));
            entry["storage"] = Value::Object(known.clone());
        }
        if step.failed {
            entry["error"] = json!(frame.halt.as_deref().unwrap_or("execution reverted"));
        }
        self.push(entry);
    }

    fn push(&mut self, entry: Value) {
        if self.options.limit == 0 || self.entries.len() < self.options.limit {
            self.entries.push(entry);
        }
    }
}

/// Ink is told as gas at the usual price; the exact ink stands beside it.
const INK_PER_GAS: u64 = 10_000;

fn opens_frame_of_evm(op: u8) -> bool {
    [CALL, CALLCODE, DELEGATECALL, STATICCALL, CREATE, CREATE2].contains(&op)
}

fn words(memory: &Bytes) -> Value {
    memory.chunks(32).map(hex::encode).collect()
}

fn bare(word: U256) -> String {
    hex::encode(B256::from(word))
}
