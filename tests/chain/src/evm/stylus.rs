//! Stylus frames: entering, answering requests, leaving (stylus-vm.md 0, 3.5, 3.6).

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, Log, LogData, U256, keccak256};
use revm::{
    bytecode::Bytecode,
    context_interface::JournalTr,
    handler::{EthFrame, FrameResult},
    interpreter::{
        CallInput, CallInputs, CallScheme, CallValue, CreateInputs, CreateScheme, FrameInput, InstructionResult,
        InterpreterAction, InterpreterResult,
        interpreter::EthInterpreter,
        interpreter_types::{InputsTr, RuntimeFlag},
    },
};
use stylus_vm::{Config, Context, Execution, Outcome, Program, Reply, Request, Rules, Step, execution::CallKind};

use super::{
    ArbEvm, Inner,
    context::{Ctx, peek_code, peek_code_bytes},
};
use crate::{
    arbos::{Arbos, Params, Record},
    precompiles::describe_inactive,
    programs,
};

type Frame = EthFrame<EthInterpreter>;

/// Gas of touching an account or slot that is warm.
const WARM: u64 = 100;
/// What a cold account costs more.
const COLD_ACCOUNT: u64 = 2_500;
/// What a cold slot costs in all.
const COLD_SLOT: u64 = 2_100;
/// A call with value.
const VALUE: u64 = 9_000;
/// A call with value to an empty account.
const NEW_ACCOUNT: u64 = 25_000;
/// What a child gets for value, paid by the caller when used (3.5 step 6).
const STIPEND: u64 = 2_300;
/// A creation, and a word of init code under `create2`.
const CREATE: u64 = 32_000;
const CREATE2_WORD: u64 = 6;

/// The execution of a frame on the stack.
pub(super) struct Running {
    pub(super) depth: usize,
    execution: Execution,
    /// What the child that is open was charged before it opened.
    child: Child,
    /// Answer of the child that closed.
    reply: Option<Reply>,
    /// Pages open before this frame.
    open_pages: u16,
}

/// A child frame as its Stylus parent remembers it: gas paid beside the child's, and gas given to it.
#[derive(Clone, Copy, Default)]
struct Child {
    fixed: u64,
    given: u64,
}

impl Running {
    /// Turns a child's result into the reply, and merges its refund.
    pub(super) fn child_returned(&mut self, frame: &mut Frame, result: FrameResult) {
        frame.interpreter.memory.free_child_context();
        let created = match &result {
            FrameResult::Create(outcome) => Some(outcome.address),
            FrameResult::Call(_) => None,
        };
        let InterpreterResult { result, output, gas } = result.into_interpreter_result();
        let returned = if result.is_ok_or_revert() { gas.remaining() } else { 0 };
        if result.is_ok() {
            frame.interpreter.gas.record_refund(gas.refunded());
        }
        let gas = self.child.fixed.saturating_add(self.child.given).saturating_sub(returned);
        self.reply = Some(match created {
            None => Reply::Called { success: result.is_ok(), gas, data: kept(result, output) },
            Some(address) => Reply::Created {
                address: address.filter(|_| result.is_ok()),
                gas,
                data: if result == InstructionResult::Revert { output } else { Bytes::new() },
            },
        });
    }
}

/// Return data survives success and revert only.
fn kept(result: InstructionResult, output: Bytes) -> Bytes {
    if result.is_ok_or_revert() { output } else { Bytes::new() }
}

/// Why a frame ends before its program starts.
enum Refusal {
    /// The record does not allow it; the text says why.
    Inactive(String),
    OutOfGas,
}

impl ArbEvm {
    /// Starts or continues the program of the frame on top, up to its next child or its end.
    pub(super) fn run_program(&mut self) -> InterpreterAction {
        let Inner { ctx, frame_stack, .. } = &mut self.inner;
        let frame = frame_stack.get();
        let resumed = self.running.last_mut().filter(|running| running.depth == frame.depth);
        let mut step = match resumed {
            Some(running) => {
                let reply = running.reply.take().expect("a suspended program waits for its child");
                running.execution.resume(reply)
            }
            None => match start(ctx, frame) {
                Ok((running, step)) => {
                    self.running.push(running);
                    step
                }
                Err(refusal) => return refused(ctx, frame, refusal),
            },
        };
        let running = self.running.last_mut().expect("the program on top is running");
        loop {
            let request = match step {
                Step::Request(request) => request,
                Step::Done { outcome, gas_left, output } => {
                    let running = self.running.pop().expect("the program on top is running");
                    return finish(ctx, frame, running, outcome, gas_left, output);
                }
            };
            match answer(ctx, frame, request) {
                Answer::Now(reply) => step = running.execution.resume(reply),
                Answer::Child(child, input) => {
                    running.child = child;
                    return InterpreterAction::NewFrame(input);
                }
            }
        }
    }
}

fn start(ctx: &mut Ctx, frame: &mut Frame) -> Result<(Running, Step), Refusal> {
    let code_hash = frame.interpreter.bytecode.get_or_calculate_hash();
    let code = frame.interpreter.bytecode.original_bytes();
    let gas = frame.interpreter.gas.remaining();
    let params = Arbos(ctx).params();
    let record = Arbos(ctx).record(code_hash);
    let now: u64 = ctx.block.timestamp.saturating_to();
    record.active(&params, now).map_err(|inactive| Refusal::Inactive(describe_inactive(inactive)))?;
    let overhead = overhead(ctx, &params, &record, code_hash);
    let gas = gas.checked_sub(overhead).ok_or(Refusal::OutOfGas)?;

    let program = compiled(ctx, &params, code_hash, &code).map_err(Refusal::Inactive)?;
    let open_pages = ctx.chain.pages.open;
    ctx.chain.pages.open(record.footprint);
    let calldata = frame.interpreter.input.input.bytes_local(&ctx.local);
    let block = stylus_block(ctx);
    let context = Context {
        contract: frame.interpreter.input.target_address(),
        sender: frame.interpreter.input.caller_address(),
        value: frame.interpreter.input.call_value(),
        reentrant: ctx.chain.is_reentrant(frame.interpreter.input.target_address()),
        is_static: frame.interpreter.runtime_flag.is_static(),
    };
    let (execution, step) = Execution::start(&program, config(ctx, &params), &block, context, calldata, gas);
    let running = Running { depth: frame.depth, execution, child: Child::default(), reply: None, open_pages };
    Ok((running, step))
}

/// Gas of a call before its program runs (4.6).
fn overhead(ctx: &mut Ctx, params: &Params, record: &Record, code_hash: B256) -> u64 {
    let recent = ctx.chain.version >= 60 && ctx.chain.recent.touch(code_hash, params.block_cache_size);
    let cached = record.cached || recent;
    let memory = params.pages(ctx.chain.version).cost(ctx.chain.pages, record.footprint);
    let cached_gas = if cached || record.version >= 2 { params.cached_gas(record.cached_cost) } else { 0 };
    let init_gas = if cached { 0 } else { params.init_gas(record.init_cost) };
    memory.saturating_add(cached_gas).saturating_add(init_gas)
}

fn config(ctx: &Ctx, params: &Params) -> Config {
    Config {
        arbos_version: ctx.chain.version,
        ink_price: params.ink_price,
        max_stack_depth: params.max_stack_depth,
        max_code_size: super::MAX_CODE_SIZE,
        trace: ctx.chain.recorder.recording.has_host_calls(),
    }
}

/// Which module rules the chain follows now.
pub(crate) fn rules(ctx: &Ctx, params: &Params) -> Rules {
    Rules {
        arbos_version: ctx.chain.version,
        stylus_version: params.version,
        max_wasm_size: params.max_wasm_size(),
        debug: ctx.chain.debug,
    }
}

fn compiled(ctx: &Ctx, params: &Params, code_hash: B256, code: &[u8]) -> Result<Arc<Program>, String> {
    let key = module_key(ctx, code_hash, code);
    programs::compiled(key, &rules(ctx, params), || {
        let fragment = |address| Ok::<_, String>(peek_code_bytes(ctx, address));
        programs::wasm(code, ctx.chain.version, params.max_wasm_size(), params.max_fragments, fragment)
            .map_err(|error| format!("{error:?}"))
    })
}

/// What names the module behind `code` in this process: a root is named together with its fragments.
pub(crate) fn module_key(ctx: &Ctx, code_hash: B256, code: &[u8]) -> B256 {
    if programs::kind(code, ctx.chain.version) != Some(programs::Kind::Root) {
        return code_hash;
    }
    let fragments = code.get(8..).unwrap_or_default().chunks_exact(20).map(Address::from_slice);
    let hashes = fragments.flat_map(|address| peek_code(ctx, address).0);
    keccak256(code_hash.into_iter().chain(hashes).collect::<Vec<u8>>())
}

fn stylus_block(ctx: &mut Ctx) -> Arc<stylus_vm::Block> {
    let Ctx { block, tx, cfg, chain, .. } = ctx;
    let constants = chain.stylus_block.get_or_insert_with(|| {
        Arc::new(stylus_vm::Block {
            basefee: U256::from(block.basefee),
            coinbase: block.beneficiary,
            gas_limit: block.gas_limit,
            number: block.number.saturating_to(),
            timestamp: block.timestamp.saturating_to(),
            chain_id: cfg.chain_id,
            gas_price: U256::from(block.basefee),
            origin: tx.caller,
        })
    });
    constants.clone()
}

fn refused(ctx: &mut Ctx, frame: &mut Frame, refusal: Refusal) -> InterpreterAction {
    frame.interpreter.gas.spend_all();
    let result = match refusal {
        Refusal::Inactive(text) => {
            ctx.chain.failure = Some(text);
            InstructionResult::NotActivated
        }
        Refusal::OutOfGas => InstructionResult::OutOfGas,
    };
    InterpreterAction::Return(InterpreterResult::new(result, Bytes::new(), frame.interpreter.gas))
}

/// Steps 6 and 7 of section 0.
fn finish(
    ctx: &mut Ctx,
    frame: &mut Frame,
    running: Running,
    outcome: Outcome,
    gas_left: u64,
    output: Bytes,
) -> InterpreterAction {
    ctx.chain.pages.open = running.open_pages;
    if let Some(record) = ctx.chain.recorder.current() {
        record.ink = Some(running.execution.ink_used());
        record.host_calls = running.execution.trace().to_vec();
        if !record.host_calls.is_empty() {
            record.recorded = Some(Box::new(running.execution.recorded(outcome, gas_left, output.clone())));
        }
    }
    let started_with = frame.interpreter.gas.remaining();
    let mut result = match outcome {
        Outcome::Success => InstructionResult::Return,
        Outcome::Revert | Outcome::Failure => InstructionResult::Revert,
        Outcome::OutOfInk => InstructionResult::OutOfGas,
        Outcome::OutOfStack => InstructionResult::StackOverflow,
    };
    let output = if outcome == Outcome::Failure { Bytes::new() } else { kept(result, output) };
    let mut gas_left = if result.is_ok_or_revert() { gas_left } else { 0 };
    if ctx.chain.version >= 31 && !output.is_empty() {
        match started_with.checked_sub(evm_memory_cost(output.len())) {
            Some(most) => gas_left = gas_left.min(most),
            None => (result, gas_left) = (InstructionResult::OutOfGas, 0),
        }
    }
    frame.interpreter.gas.set_remaining(gas_left);
    InterpreterAction::Return(InterpreterResult::new(result, kept(result, output), frame.interpreter.gas))
}

/// What the EVM would charge for memory of that size.
fn evm_memory_cost(bytes: usize) -> u64 {
    let words = bytes.div_ceil(32) as u64;
    3 * words + words * words / 512
}

/// How a request is met.
enum Answer {
    Now(Reply),
    Child(Child, FrameInput),
}

fn answer(ctx: &mut Ctx, frame: &mut Frame, request: Request) -> Answer {
    let acting = frame.interpreter.input.target_address();
    Answer::Now(match request {
        Request::GetStorage { key } => {
            let Ok(load) = ctx.journaled_state.sload(acting, key.into());
            Reply::Word { value: load.data.into(), gas: if load.is_cold { COLD_SLOT } else { WARM } }
        }
        Request::SetStorage { writes, gas_left } => write_all(ctx, frame, acting, &writes, gas_left),
        Request::GetTransient { key } => {
            Reply::Word { value: ctx.journaled_state.tload(acting, key.into()).into(), gas: WARM }
        }
        Request::SetTransient { key, value } => {
            ctx.journaled_state.tstore(acting, key.into(), value.into());
            Reply::Done
        }
        Request::EmitLog { topics, data } => {
            ctx.journaled_state.log(Log { address: acting, data: LogData::new_unchecked(topics, data) });
            Reply::Done
        }
        Request::Balance { address } => {
            let Ok(load) = ctx.journaled_state.load_account(address);
            Reply::Word { value: load.data.info.balance.into(), gas: account_gas(load.is_cold) }
        }
        Request::Code { address } => {
            let Ok(load) = ctx.journaled_state.code(address);
            Reply::Code { code: load.data, gas: account_gas(load.is_cold) }
        }
        Request::CodeHash { address } => {
            let Ok(load) = ctx.journaled_state.code_hash(address);
            Reply::Word { value: load.data, gas: account_gas(load.is_cold) }
        }
        Request::AddPages { pages } => {
            let gas = Arbos(ctx).params().pages(ctx.chain.version).cost(ctx.chain.pages, pages);
            ctx.chain.pages.open(pages);
            Reply::Gas { gas }
        }
        Request::Call { kind, address, data, value, gas_left, gas_wanted } => {
            let call = Outgoing { kind, address, data, value, gas_left, gas_wanted };
            return call.begin(ctx, frame);
        }
        Request::Create { code, endowment, salt, gas_left } => {
            return create(acting, code, endowment, salt, gas_left);
        }
    })
}

fn account_gas(is_cold: bool) -> u64 {
    if is_cold { WARM + COLD_ACCOUNT } else { WARM }
}

/// One SSTORE per pair, refunds on the frame's counter, up to the first that does not fit.
fn write_all(ctx: &mut Ctx, frame: &mut Frame, acting: Address, writes: &[(B256, B256)], budget: u64) -> Reply {
    let mut spent = 0u64;
    for (key, value) in writes {
        let Ok(write) = ctx.journaled_state.sstore(acting, (*key).into(), (*value).into());
        let prices = &ctx.cfg.gas_params;
        let gas = prices.sstore_static_gas() + prices.sstore_dynamic_gas(true, &write.data, write.is_cold);
        if gas > budget - spent {
            // The frame fails now, which takes the write back.
            return Reply::Stored { gas: spent, complete: false };
        }
        spent += gas;
        frame.interpreter.gas.record_refund(prices.sstore_refund(true, &write.data));
    }
    Reply::Stored { gas: spent, complete: true }
}

/// A call that a program makes. Its value is zero unless it is a plain call of a frame that may write.
struct Outgoing {
    kind: CallKind,
    address: Address,
    data: Bytes,
    value: U256,
    gas_left: u64,
    gas_wanted: u64,
}

impl Outgoing {
    fn begin(self, ctx: &mut Ctx, frame: &Frame) -> Answer {
        let (fixed, known_bytecode) = self.access(ctx);
        let Some(left) = self.gas_left.checked_sub(fixed) else {
            return Answer::Now(Reply::Called { success: false, gas: self.gas_left, data: Bytes::new() });
        };
        // 63/64 rounded down, unlike the EVM's "all but one 64th".
        let most = left.saturating_mul(63) / 64;
        let stipend = if self.value.is_zero() { 0 } else { STIPEND };
        let given = most.min(self.gas_wanted).saturating_add(stipend);
        let inputs = self.inputs(frame, given, known_bytecode);
        Answer::Child(Child { fixed, given }, FrameInput::Call(Box::new(inputs)))
    }

    /// Touches the target: what access and transfer cost, and its code. A delegation costs nothing extra.
    fn access(&self, ctx: &mut Ctx) -> (u64, (B256, Bytecode)) {
        let Ok(load) = ctx.journaled_state.load_account_with_code(self.address);
        let (is_cold, is_empty) = (load.is_cold, load.data.info.is_empty());
        let code = load.data.info.code.clone().unwrap_or_default();
        let known = match code.eip7702_address().filter(|_| ctx.chain.version >= 40) {
            Some(delegate) => peek_code(ctx, delegate),
            None => (load.data.info.code_hash, code),
        };
        let mut fixed = account_gas(is_cold);
        if !self.value.is_zero() {
            fixed += VALUE + if is_empty { NEW_ACCOUNT } else { 0 };
        }
        (fixed, known)
    }

    fn inputs(self, frame: &Frame, gas_limit: u64, known_bytecode: (B256, Bytecode)) -> CallInputs {
        let parent = &frame.interpreter.input;
        let acting = parent.target_address();
        let delegate = self.kind == CallKind::Delegate;
        CallInputs {
            input: CallInput::Bytes(self.data),
            return_memory_offset: 0..0,
            gas_limit,
            reservoir: 0,
            bytecode_address: self.address,
            known_bytecode,
            target_address: if delegate { acting } else { self.address },
            caller: if delegate { parent.caller_address() } else { acting },
            value: if delegate { CallValue::Apparent(parent.call_value()) } else { CallValue::Transfer(self.value) },
            scheme: match self.kind {
                CallKind::Call => CallScheme::Call,
                CallKind::Delegate => CallScheme::DelegateCall,
                CallKind::Static => CallScheme::StaticCall,
            },
            is_static: frame.interpreter.runtime_flag.is_static() || self.kind == CallKind::Static,
            charged_new_account_state_gas: false,
        }
    }
}

fn create(acting: Address, code: Bytes, endowment: U256, salt: Option<B256>, gas_left: u64) -> Answer {
    let words = if salt.is_some() { code.len().div_ceil(32) as u64 } else { 0 };
    let fixed = CREATE + CREATE2_WORD * words;
    let Some(left) = gas_left.checked_sub(fixed) else {
        return Answer::Now(Reply::CreateRefused);
    };
    let scheme = match salt {
        Some(salt) => CreateScheme::Create2 { salt: salt.into() },
        None => CreateScheme::Create,
    };
    let given = left - left / 64;
    let inputs = CreateInputs::new(acting, scheme, endowment, code, given, 0);
    Answer::Child(Child { fixed, given }, FrameInput::Create(Box::new(inputs)))
}
