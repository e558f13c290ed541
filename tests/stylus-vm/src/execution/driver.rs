//! Runs a program from one request to the next, and classifies how it ends (section 3.6).

use std::sync::Arc;

use alloy_primitives::Bytes;
use wasmi::{AsContextMut, Error, Global, Instance, Store, TypedResumableCall, TypedResumableCallHostTrap, Val};

use super::env::{Env, Escape, Guest, Host};
use super::storage_cache::StorageCache;
use super::{Block, Config, Context, HostCall, Outcome, Recorded, Reply, Request, Step};
use crate::module::Program;
use crate::module::names;

/// A running or suspended frame. Not `Send`-critical: owned by the thread that runs the transaction.
#[derive(Debug)]
pub struct Execution {
    store: Store<Host>,
    start_ink: u64,
    gas: u64,
    /// What was asked and answered so far, when tracing.
    exchanges: Vec<(Request, Reply)>,
    /// The question that waits, when tracing.
    asked: Option<Request>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Waits for the reply to a request.
    Suspended(TypedResumableCallHostTrap<u32>),
    /// Ended with so much ink.
    Ended { ink_left: u64 },
}

/// How the program stopped, before the meter is asked.
enum Stop {
    Returned(u32),
    Failed,
}

impl Execution {
    /// Instantiates `program` with `gas` gas and runs it to its first request or its end.
    pub fn start(
        program: &Arc<Program>,
        config: Config,
        block: &Arc<Block>,
        context: Context,
        calldata: Bytes,
        gas: u64,
    ) -> (Self, Step) {
        assert!(config.ink_price > 0, "the chain's parameter is at least 1");
        let start_ink = gas.saturating_mul(u64::from(config.ink_price));
        let calldata_len = calldata.len() as u32;
        let host = Host {
            config,
            block: Arc::clone(block),
            context,
            calldata,
            guest: None,
            output: Bytes::new(),
            return_data: Bytes::new(),
            cache: StorageCache::default(),
            last_code: None,
            request: None,
            pending: None,
            trace: Vec::new(),
            record: None,
        };
        let mut execution = Self {
            store: Store::new(program.linker.engine(), host),
            start_ink,
            gas,
            exchanges: Vec::new(),
            asked: None,
            state: State::Ended { ink_left: start_ink },
        };
        let step = execution.enter(program, calldata_len);
        (execution, step)
    }

    fn enter(&mut self, program: &Program, calldata_len: u32) -> Step {
        let Ok(instance) = program.linker.instantiate_and_start(&mut self.store, &program.module) else {
            // Segments were checked against the initial memory and table; what is left is the machine's own memory.
            return self.end(Outcome::Failure, self.start_ink);
        };
        self.store.data_mut().guest = Some(guest(&self.store, &instance));
        let (start_ink, words) = (self.start_ink, self.store.data().config.max_stack_depth);
        let mut env = self.env();
        env.set_meter(start_ink, words);
        env.begin("user_entrypoint");
        env.note_args(&[&calldata_len.to_be_bytes()]);
        env.end();

        let entry = instance
            .get_typed_func::<u32, u32>(&self.store, names::ENTRY_POINT)
            .expect("validation checks the entry point and its type");
        let progress = entry.call_resumable(&mut self.store, calldata_len);
        self.follow(progress)
    }

    /// Continues with the reply to the last request.
    ///
    /// # Panics
    ///
    /// If the frame has ended, or if `reply` does not answer the request.
    pub fn resume(&mut self, reply: Reply) -> Step {
        let ended = State::Ended { ink_left: 0 };
        let State::Suspended(call) = std::mem::replace(&mut self.state, ended) else {
            panic!("resumed a frame that has ended");
        };
        if let Some(request) = self.asked.take() {
            self.exchanges.push((request, reply.clone()));
        }
        let mut env = self.env();
        let pending = env.host().pending.take().expect("a suspended frame waits for something");
        match pending.finish(&mut env, reply) {
            Ok(result) => {
                env.end();
                let value = result.map(|value| Val::I32(value as i32));
                let progress = call.resume(&mut self.store, value.as_slice());
                self.follow(progress)
            }
            Err(escape) => self.escape(escape),
        }
    }

    /// Ink spent so far (start gas x price - ink left). All of it once the meter or the stack is exhausted.
    pub fn ink_used(&self) -> u64 {
        let left = match (&self.state, self.store.data().guest) {
            (State::Ended { ink_left }, _) => *ink_left,
            (State::Suspended(_), Some(guest)) => guest.ink_left(&self.store),
            (State::Suspended(_), None) => unreachable!("only a program that runs can suspend"),
        };
        self.start_ink - left
    }

    /// Records so far, empty unless tracing.
    pub fn trace(&self) -> &[HostCall] {
        &self.store.data().trace
    }

    /// The whole frame, once it has ended as it says here, if it was traced.
    pub fn recorded(&self, outcome: Outcome, gas_left: u64, output: Bytes) -> Recorded {
        let Host { config, block, context, calldata, trace, .. } = self.store.data();
        Recorded {
            config: *config,
            block: Block::clone(block),
            context: context.clone(),
            calldata: calldata.clone(),
            gas: self.gas,
            exchanges: self.exchanges.clone(),
            host_calls: trace.iter().map(|call| (call.name.to_owned(), call.start_ink)).collect(),
            outcome,
            gas_left,
            output,
            ink_used: self.ink_used(),
        }
    }

    fn follow(&mut self, progress: Result<TypedResumableCall<u32>, Error>) -> Step {
        match progress {
            Ok(TypedResumableCall::Finished(status)) => self.stop(Stop::Returned(status)),
            Ok(TypedResumableCall::HostTrap(call)) => {
                let escape = call.host_error().downcast_ref().copied();
                match escape.expect("host functions fail with `Escape` only") {
                    Escape::Suspended => self.suspend(call),
                    other => self.escape(other),
                }
            }
            Ok(TypedResumableCall::OutOfFuel(_)) => unreachable!("the engine's own meter is off"),
            Err(_) => self.stop(Stop::Failed),
        }
    }

    fn suspend(&mut self, call: TypedResumableCallHostTrap<u32>) -> Step {
        self.state = State::Suspended(call);
        let request = self.store.data_mut().request.take();
        let request = request.expect("a host function that suspends leaves a request");
        self.asked = self.store.data().config.trace.then(|| request.clone());
        Step::Request(request)
    }

    fn escape(&mut self, escape: Escape) -> Step {
        match escape {
            Escape::Exit(status) => self.stop(Stop::Returned(status)),
            Escape::Failure | Escape::OutOfInk => self.stop(Stop::Failed),
            Escape::Suspended => unreachable!("a finished host function does not wait again"),
        }
    }

    /// The stack is asked first, then the meter, then the program.
    fn stop(&mut self, stop: Stop) -> Step {
        let env = self.env();
        let (out_of_stack, exhausted) = (env.is_out_of_stack(), env.is_exhausted());
        let ink_left = env.ink_left();
        match stop {
            Stop::Returned(status) => {
                self.note_return(status);
                match status {
                    0 => self.end(Outcome::Success, ink_left),
                    _ => self.end(Outcome::Revert, ink_left),
                }
            }
            Stop::Failed if out_of_stack => self.end(Outcome::OutOfStack, 0),
            Stop::Failed if exhausted => self.end(Outcome::OutOfInk, 0),
            Stop::Failed => self.end(Outcome::Failure, ink_left),
        }
    }

    /// The last record shows the ink that the frame started with, before and after.
    fn note_return(&mut self, status: u32) {
        let (start_ink, end_ink) = (self.start_ink, self.start_ink);
        let host = self.store.data_mut();
        if host.config.trace {
            let (args, outs) = (Bytes::new(), Bytes::copy_from_slice(&status.to_be_bytes()));
            host.trace.push(HostCall { name: "user_returned", args, outs, start_ink, end_ink });
        }
    }

    fn end(&mut self, outcome: Outcome, ink_left: u64) -> Step {
        self.state = State::Ended { ink_left };
        let host = self.store.data_mut();
        let output = match outcome {
            Outcome::Success | Outcome::Revert => std::mem::take(&mut host.output),
            Outcome::Failure | Outcome::OutOfInk | Outcome::OutOfStack => Bytes::new(),
        };
        let gas_left = ink_left / u64::from(host.config.ink_price);
        Step::Done { outcome, gas_left, output }
    }

    fn env(&mut self) -> Env<'_> {
        Env::new(self.store.as_context_mut())
    }
}

fn guest(store: &Store<Host>, instance: &Instance) -> Guest {
    let global = |name| -> Global { instance.get_global(store, name).expect("the instrumentation exports it") };
    Guest {
        memory: instance.get_memory(store, names::MEMORY).expect("validation checks that the memory is exported"),
        ink_left: global(names::INK_LEFT),
        ink_status: global(names::INK_STATUS),
        stack_left: global(names::STACK_LEFT),
    }
}
