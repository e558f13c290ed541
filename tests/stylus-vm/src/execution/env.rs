//! What a host function works with: the frame's state, its meter and the guest's memory.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256};
use wasmi::{AsContext, Global, Memory, StoreContextMut, Val};

use super::pending::Pending;
use super::storage_cache::StorageCache;
use super::{Block, Config, Context, HostCall, Request};

/// Why a host function did not return to the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// The meter is exhausted.
    OutOfInk,
    /// The function failed: a revert without data.
    Failure,
    /// The program asked to stop with this status.
    Exit(u32),
    /// The chain is asked; [`Host::request`] says what.
    Suspended,
}

impl std::fmt::Display for Escape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl wasmi::errors::HostError for Escape {}

/// Result of a host function.
pub(super) type Hosted<T> = Result<T, Escape>;

/// State of one frame.
#[derive(Debug)]
pub(crate) struct Host {
    pub(super) config: Config,
    pub(super) block: Arc<Block>,
    pub(super) context: Context,
    pub(super) calldata: Bytes,
    /// Present as soon as the program runs.
    pub(super) guest: Option<Guest>,
    pub(super) output: Bytes,
    pub(super) return_data: Bytes,
    pub(super) cache: StorageCache,
    pub(super) last_code: Option<(Address, Bytes)>,
    /// Question to the chain, until the driver takes it.
    pub(super) request: Option<Request>,
    /// What to do with the answer.
    pub(super) pending: Option<Pending>,
    pub(super) trace: Vec<HostCall>,
    /// Record of the host call under way, when tracing.
    pub(super) record: Option<HostCall>,
}

/// Handles into the instance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guest {
    pub(super) memory: Memory,
    pub(super) ink_left: Global,
    pub(super) ink_status: Global,
    pub(super) stack_left: Global,
}

impl Guest {
    /// The ink global. A failed check of the instrumentation leaves it as it was: see [`Env::is_exhausted`].
    pub(super) fn ink_left(&self, store: impl AsContext) -> u64 {
        global_u64(self.ink_left.get(store))
    }
}

/// A host function's view of its frame.
pub(super) struct Env<'a> {
    store: StoreContextMut<'a, Host>,
    guest: Guest,
}

impl<'a> Env<'a> {
    pub(super) fn new(store: StoreContextMut<'a, Host>) -> Self {
        let guest = store.data().guest.expect("set before the program starts; it has no start function");
        Self { store, guest }
    }

    pub(super) fn host(&mut self) -> &mut Host {
        self.store.data_mut()
    }

    pub(super) fn config(&self) -> &Config {
        &self.store.data().config
    }

    pub(super) fn block(&self) -> &Block {
        &self.store.data().block
    }

    pub(super) fn context(&self) -> &Context {
        &self.store.data().context
    }

    // Meter.

    /// The ink global, see [`Guest::ink_left`].
    pub(super) fn ink_left(&self) -> u64 {
        self.guest.ink_left(&self.store)
    }

    /// Gas left, rounded down.
    pub(super) fn gas_left(&self) -> u64 {
        self.ink_left() / u64::from(self.config().ink_price)
    }

    pub(super) fn is_exhausted(&self) -> bool {
        global_u32(self.guest.ink_status.get(&self.store)) != 0
    }

    pub(super) fn is_out_of_stack(&self) -> bool {
        global_u32(self.guest.stack_left.get(&self.store)) == 0
    }

    pub(super) fn set_meter(&mut self, ink: u64, stack_words: u32) {
        self.set_ink(ink);
        set(&self.guest.ink_status, &mut self.store, Val::I32(0));
        set(&self.guest.stack_left, &mut self.store, Val::I32(stack_words as i32));
    }

    fn set_ink(&mut self, ink: u64) {
        set(&self.guest.ink_left, &mut self.store, Val::I64(ink as i64));
    }

    pub(super) fn exhaust<T>(&mut self) -> Hosted<T> {
        self.set_ink(0);
        set(&self.guest.ink_status, &mut self.store, Val::I32(1));
        Err(Escape::OutOfInk)
    }

    pub(super) fn buy_ink(&mut self, ink: u64) -> Hosted<()> {
        match self.ink_left().checked_sub(ink) {
            Some(left) => {
                self.set_ink(left);
                Ok(())
            }
            None => self.exhaust(),
        }
    }

    pub(super) fn buy_gas(&mut self, gas: u64) -> Hosted<()> {
        self.buy_ink(self.ink_of(gas))
    }

    /// Fails unless so much gas is left; takes nothing.
    pub(super) fn need_gas(&mut self, gas: u64) -> Hosted<()> {
        match self.ink_left() >= self.ink_of(gas) {
            true => Ok(()),
            false => self.exhaust(),
        }
    }

    fn ink_of(&self, gas: u64) -> u64 {
        gas.saturating_mul(u64::from(self.config().ink_price))
    }

    // Guest memory. Out of range is a failure, for reading too.

    pub(super) fn read(&self, at: u32, len: u32) -> Hosted<&[u8]> {
        let (start, len) = (at as usize, len as usize);
        let end = start.checked_add(len).ok_or(Escape::Failure)?;
        self.guest.memory.data(&self.store).get(start..end).ok_or(Escape::Failure)
    }

    pub(super) fn read_bytes(&self, at: u32, len: u32) -> Hosted<Bytes> {
        self.read(at, len).map(Bytes::copy_from_slice)
    }

    pub(super) fn read_word(&self, at: u32) -> Hosted<B256> {
        self.read(at, 32).map(B256::from_slice)
    }

    pub(super) fn read_u256(&self, at: u32) -> Hosted<U256> {
        self.read_word(at).map(|word| U256::from_be_bytes(word.0))
    }

    pub(super) fn read_address(&self, at: u32) -> Hosted<Address> {
        self.read(at, 20).map(Address::from_slice)
    }

    pub(super) fn write(&mut self, at: u32, data: &[u8]) -> Hosted<()> {
        let start = at as usize;
        let end = start.checked_add(data.len()).ok_or(Escape::Failure)?;
        let memory = self.guest.memory.data_mut(&mut self.store);
        memory.get_mut(start..end).ok_or(Escape::Failure)?.copy_from_slice(data);
        Ok(())
    }

    // Requests and traces.

    /// Leaves a question for the chain. The program goes on when [`Pending`] has used the answer.
    pub(super) fn ask<T>(&mut self, request: Request, pending: Pending) -> Hosted<T> {
        let host = self.host();
        host.request = Some(request);
        host.pending = Some(pending);
        Err(Escape::Suspended)
    }

    /// Opens the record of a host call.
    pub(super) fn begin(&mut self, name: &'static str) {
        if !self.config().trace {
            return;
        }
        let start_ink = self.ink_left();
        self.host().record =
            Some(HostCall { name, args: Bytes::new(), outs: Bytes::new(), start_ink, end_ink: start_ink });
    }

    /// Notes what the program passed in.
    pub(super) fn note_args(&mut self, parts: &[&[u8]]) {
        if let Some(record) = &mut self.host().record {
            record.args = parts.concat().into();
        }
    }

    /// Notes what the program gets.
    pub(super) fn note_outs(&mut self, parts: &[&[u8]]) {
        if let Some(record) = &mut self.host().record {
            record.outs = parts.concat().into();
        }
    }

    /// Closes the record. A call that fails leaves none.
    pub(super) fn end(&mut self) {
        let end_ink = self.ink_left();
        let host = self.host();
        if let Some(mut record) = host.record.take() {
            record.end_ink = end_ink;
            host.trace.push(record);
        }
    }
}

fn set(global: &Global, store: &mut StoreContextMut<'_, Host>, value: Val) {
    global.set(store, value).expect("the instrumentation declares it mutable and of this type");
}

fn global_u64(value: Val) -> u64 {
    value.i64().expect("declared i64 by the instrumentation") as u64
}

fn global_u32(value: Val) -> u32 {
    value.i32().expect("declared i32 by the instrumentation") as u32
}
