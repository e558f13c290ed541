//! The EVM with Stylus frames in its loop.
//!
//! A Stylus frame is a suspended coroutine inside revm's own frame stack (stylus-vm.md 6.3): where a frame's code is a
//! program, [`ArbEvm::frame_run`](revm::handler::EvmTr::frame_run) resumes an execution instead of the interpreter, and
//! a call made by the program becomes an ordinary child frame. So nothing recurses, however deep calls nest.

pub(crate) mod context;
mod handler;
mod instructions;
mod steps;
pub(crate) mod stylus;

pub(crate) use handler::{ArbHandler, EvmError, FirstFrame, MAX_CODE_SIZE, MAX_TX_GAS};

use alloy_primitives::Address;
use revm::{
    context::{Evm, FrameStack},
    handler::instructions::EthInstructions,
    handler::{
        EthFrame, EvmTr, FrameData, FrameInitOrResult, FrameResult, FrameTr, ItemOrResult,
        evm::{ContextDbError, FrameInitResult},
    },
    interpreter::{
        CallScheme, CreateScheme, FrameInput, InstructionResult,
        interpreter::EthInterpreter,
        interpreter_action::{FrameInit, InterpreterAction},
    },
};

use crate::{
    frames::{Frame, FrameKind},
    precompiles::ArbPrecompiles,
    programs,
};
use context::{Ctx, OpenFrame};
use stylus::Running;

type Inner = Evm<Ctx, (), EthInstructions<EthInterpreter, Ctx>, ArbPrecompiles, EthFrame<EthInterpreter>>;

/// revm's EVM and the executions of the Stylus frames on its stack.
pub(crate) struct ArbEvm {
    pub(crate) inner: Inner,
    running: Vec<Running>,
    /// Gas of the transaction that no frame may use (6.3).
    held_back: u64,
}

impl ArbEvm {
    pub(crate) fn new(ctx: Ctx) -> Self {
        let spec = ctx.cfg.spec;
        let inner = Evm {
            instruction: instructions::table(spec),
            precompiles: ArbPrecompiles::new(ctx.chain.version),
            ctx,
            inspector: (),
            frame_stack: FrameStack::new(),
        };
        Self { inner, running: Vec::new(), held_back: 0 }
    }

    /// Whether the frame on top runs WASM.
    fn top_is_program(&mut self) -> bool {
        let version = self.inner.ctx.chain.version;
        let frame = self.inner.frame_stack.get();
        matches!(frame.data, FrameData::Call(_))
            && programs::is_callable(frame.interpreter.bytecode.original_byte_slice(), version)
    }

    /// Notes a frame that now is on the stack.
    fn entered(&mut self) {
        let frame = self.inner.frame_stack.get();
        let input = &frame.interpreter.input;
        let counts = match &frame.input {
            FrameInput::Call(call) => matches!(call.scheme, CallScheme::Call | CallScheme::StaticCall),
            FrameInput::Create(_) | FrameInput::Empty => true,
        };
        let open = OpenFrame { caller: input.caller_address, counted: counts.then_some(input.target_address) };
        let created = match &frame.data {
            FrameData::Create(create) => Some(create.created_address),
            FrameData::Call(_) => None,
        };
        self.inner.ctx.chain.enter(open);
        if let (Some(created), Some(record)) = (created, self.inner.ctx.chain.recorder.current()) {
            (record.to, record.code_address) = (created, created);
        }
    }

    /// Before another frame opens, and when one closes.
    fn attribute_logs(&mut self) {
        let Ctx { chain, journaled_state, .. } = &mut self.inner.ctx;
        chain.recorder.logged(&journaled_state.inner.logs);
    }

    fn record_result(&mut self, result: &FrameResult) {
        if !self.inner.ctx.chain.recorder.is_on() {
            return;
        }
        self.attribute_logs();
        let outcome = result.interpreter_result();
        let kept_gas = outcome.result.is_ok_or_revert();
        let remaining = if kept_gas { outcome.gas.remaining() } else { 0 };
        let halt = (!kept_gas).then(|| format!("{:?}", outcome.result));
        self.inner.ctx.chain.recorder.close(outcome.result.is_ok(), halt, remaining, &outcome.output);
    }
}

impl EvmTr for ArbEvm {
    type Context = Ctx;
    type Instructions = EthInstructions<EthInterpreter, Ctx>;
    type Precompiles = ArbPrecompiles;
    type Frame = EthFrame<EthInterpreter>;

    fn all(&self) -> (&Ctx, &Self::Instructions, &ArbPrecompiles, &FrameStack<Self::Frame>) {
        self.inner.all()
    }

    fn all_mut(&mut self) -> (&mut Ctx, &mut Self::Instructions, &mut ArbPrecompiles, &mut FrameStack<Self::Frame>) {
        self.inner.all_mut()
    }

    fn frame_init(
        &mut self,
        init: <Self::Frame as FrameTr>::FrameInit,
    ) -> Result<FrameInitResult<'_, Self::Frame>, ContextDbError<Ctx>> {
        if self.inner.ctx.chain.recorder.is_on() {
            let frame = describe(&init, &self.inner.ctx);
            self.attribute_logs();
            self.inner.ctx.chain.recorder.open(frame);
        }
        match self.inner.frame_init(init)? {
            ItemOrResult::Item(_) => {
                self.entered();
                Ok(ItemOrResult::Item(self.inner.frame_stack.get()))
            }
            ItemOrResult::Result(result) => {
                self.record_result(&result);
                Ok(ItemOrResult::Result(result))
            }
        }
    }

    fn frame_run(&mut self) -> Result<FrameInitOrResult<Self::Frame>, ContextDbError<Ctx>> {
        let action = if self.top_is_program() { self.run_program() } else { self.run_interpreter() };
        let Inner { ctx, frame_stack, .. } = &mut self.inner;
        let frame = frame_stack.get();
        let next = frame.process_next_action::<_, ContextDbError<Ctx>>(ctx, action)?;
        if let ItemOrResult::Result(result) = &next {
            frame.set_finished(true);
            self.record_result(result);
        }
        Ok(next)
    }

    fn frame_return_result(&mut self, result: FrameResult) -> Result<Option<FrameResult>, ContextDbError<Ctx>> {
        if self.inner.frame_stack.get().is_finished() {
            self.inner.frame_stack.pop();
            self.inner.ctx.chain.leave();
        }
        if self.inner.frame_stack.index().is_none() {
            return Ok(Some(result));
        }
        let Inner { ctx, frame_stack, .. } = &mut self.inner;
        let frame = frame_stack.get();
        match self.running.last_mut().filter(|running| running.depth == frame.depth) {
            Some(running) => running.child_returned(frame, result),
            None => frame.return_result::<_, ContextDbError<Ctx>>(ctx, result)?,
        }
        Ok(None)
    }
}

impl ArbEvm {
    fn run_interpreter(&mut self) -> InterpreterAction {
        let Inner { ctx, frame_stack, instruction, .. } = &mut self.inner;
        let frame = frame_stack.get();
        let (table, prices) = (instruction.instruction_table(), instruction.gas_table());
        let action = match ctx.chain.recorder.steps() {
            Some(memory) => steps::run(&mut frame.interpreter, table, prices, ctx, memory),
            None => frame.interpreter.run_plain(table, prices, ctx),
        };
        match action {
            InterpreterAction::Return(mut result)
                if matches!(frame.data, FrameData::Create(_))
                    && result.result.is_ok()
                    && is_refused_code(&result.output, ctx.chain.version) =>
            {
                result.result = InstructionResult::CreateContractStartingWithEF;
                InterpreterAction::Return(result)
            }
            action => action,
        }
    }
}

/// EIP-3541 as on Arbitrum: code starting with `EF` only if it is Stylus code (1.1).
fn is_refused_code(code: &[u8], version: u64) -> bool {
    code.first() == Some(&0xef) && programs::kind(code, version).is_none()
}

/// The record of a frame about to open.
fn describe(init: &FrameInit, ctx: &Ctx) -> Frame {
    let mut frame = Frame {
        depth: 0,
        parent: None,
        kind: FrameKind::Call,
        from: Address::ZERO,
        to: Address::ZERO,
        code_address: Address::ZERO,
        selector: None,
        input: Default::default(),
        value: Default::default(),
        gas_limit: 0,
        gas_used: 0,
        success: false,
        halt: None,
        output: Default::default(),
        ink: None,
        host_calls: Vec::new(),
        recorded: None,
        steps: Vec::new(),
        logs: Vec::new(),
    };
    match &init.frame_input {
        FrameInput::Call(call) => {
            frame.kind = match call.scheme {
                CallScheme::Call => FrameKind::Call,
                CallScheme::CallCode => FrameKind::CallCode,
                CallScheme::DelegateCall => FrameKind::DelegateCall,
                CallScheme::StaticCall => FrameKind::StaticCall,
            };
            frame.from = call.caller;
            frame.to = call.target_address;
            frame.code_address = call.bytecode_address;
            frame.input = call.input.bytes(ctx);
            frame.selector = frame.input.first_chunk().copied();
            frame.value = call.value.get();
            frame.gas_limit = call.gas_limit;
        }
        FrameInput::Create(create) => {
            frame.kind = match create.scheme() {
                CreateScheme::Create2 { .. } => FrameKind::Create2,
                CreateScheme::Create | CreateScheme::Custom { .. } => FrameKind::Create,
            };
            frame.from = create.caller();
            frame.input = create.init_code().clone();
            frame.value = create.value();
            frame.gas_limit = create.gas_limit();
        }
        FrameInput::Empty => {}
    }
    frame
}
