//! What a transaction knows besides accounts: open frames, memory pages, recent programs.

use std::{collections::HashMap, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, U256};
use revm::{
    Context, Journal,
    bytecode::Bytecode,
    context::{BlockEnv, CfgEnv, TxEnv},
};

use rpds::VectorSync;

use crate::{
    arbos::{self, Storage},
    block::Block,
    frames::Recorder,
    pages::Pages,
    state::State,
};

/// The EVM's context over our state.
pub(crate) type Ctx = Context<BlockEnv, TxEnv, CfgEnv, State, Journal<State>, Transaction>;

/// The code hashes of the programs used last in a block, newest at the end (4.6, ArbOS 60).
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    hashes: Vec<B256>,
    /// The parameter when the block used its first program; it holds for the whole block.
    capacity: Option<usize>,
}

impl Recent {
    /// Notes a use; whether the program was among the newest `size` before, of which there is room for one at least.
    pub(crate) fn touch(&mut self, code_hash: B256, size: u16) -> bool {
        let capacity = *self.capacity.get_or_insert(usize::from(size).max(1));
        let known = self.hashes.iter().position(|hash| *hash == code_hash);
        if let Some(index) = known {
            self.hashes.remove(index);
        }
        self.hashes.push(code_hash);
        let excess = self.hashes.len().saturating_sub(capacity);
        self.hashes.drain(..excess);
        known.is_some()
    }
}

/// A frame that is open, EVM or Stylus.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenFrame {
    pub(crate) caller: Address,
    /// The acting address, if the frame counts for the reentrancy flag (3.7).
    pub(crate) counted: Option<Address>,
}

/// State of the transaction that is not state of accounts.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    /// ArbOS version.
    pub(crate) version: u64,
    /// Accept `console` and `debug` imports.
    pub(crate) debug: bool,
    /// Number of the L2 block.
    pub(crate) l2_number: u64,
    /// The L2 blocks so far, as far as they are kept.
    pub(crate) blocks: VectorSync<Arc<Block>>,
    pub(crate) pages: Pages,
    pub(crate) recent: Recent,
    pub(crate) frames: Vec<OpenFrame>,
    pub(crate) entered: HashMap<Address, u32>,
    /// Text of the last failure that no revert data tells: a failed activation, a program that is not active.
    pub(crate) failure: Option<String>,
    /// Gas of the transaction before its first frame, and that for its bytes on L1.
    pub(crate) intrinsic: u64,
    pub(crate) l1_gas: u64,
    pub(crate) recorder: Recorder,
    /// Constants for Stylus frames, made for the first of them.
    pub(crate) stylus_block: Option<Arc<stylus_vm::Block>>,
}

impl Transaction {
    pub(crate) fn enter(&mut self, frame: OpenFrame) {
        if let Some(address) = frame.counted {
            *self.entered.entry(address).or_default() += 1;
        }
        self.frames.push(frame);
    }

    pub(crate) fn leave(&mut self) {
        let frame = self.frames.pop().expect("a frame is left once");
        if let Some(count) = frame.counted.and_then(|address| self.entered.get_mut(&address)) {
            *count -= 1;
        }
    }

    /// Whether more than one non-delegate frame of `address` is open.
    pub(crate) fn is_reentrant(&self, address: Address) -> bool {
        self.entered.get(&address).is_some_and(|count| *count > 1)
    }
}

impl Storage for Ctx {
    fn load(&mut self, slot: U256) -> U256 {
        peek_storage(self, arbos::ARBOS, slot)
    }

    fn store(&mut self, slot: U256, value: U256) {
        store_slot(self, arbos::ARBOS, slot, value);
    }
}

/// Writes a slot as ArbOS does: without access-list effects.
pub(crate) fn store_slot(ctx: &mut Ctx, address: Address, slot: U256, value: U256) {
    without_warming(ctx, address, |ctx| {
        let Journal { database, inner } = &mut ctx.journaled_state;
        let Ok(_) = inner.load_account(database, address);
        inner.touch(address);
        let _ = inner.sstore(database, address, slot, value, false);
    });
}

/// Reads a slot as ArbOS does: no access list, no journal.
pub(crate) fn peek_storage(ctx: &Ctx, address: Address, slot: U256) -> U256 {
    let journal = &ctx.journaled_state;
    match journal.inner.state.get(&address) {
        Some(account) => match account.storage.get(&slot) {
            Some(word) => word.present_value,
            None if account.is_created() => U256::ZERO,
            None => journal.database.storage(address, slot),
        },
        None => journal.database.storage(address, slot),
    }
}

/// Code hash and code of an account without making it warm.
pub(crate) fn peek_code(ctx: &Ctx, address: Address) -> (B256, Bytecode) {
    let journal = &ctx.journaled_state;
    let info = match journal.inner.state.get(&address) {
        Some(account) => account.info.clone(),
        None => journal.database.info(address),
    };
    (info.code_hash, info.code.unwrap_or_default())
}

/// The bytes behind [`peek_code`].
pub(crate) fn peek_code_bytes(ctx: &Ctx, address: Address) -> Bytes {
    peek_code(ctx, address).1.original_bytes()
}

/// Runs `change`, which loads `address`, and leaves the address as cold or warm as it was.
pub(crate) fn without_warming<R>(ctx: &mut Ctx, address: Address, change: impl FnOnce(&mut Ctx) -> R) -> R {
    let transaction = ctx.journaled_state.inner.transaction_id;
    let cold = match ctx.journaled_state.inner.state.get(&address) {
        Some(account) => account.is_cold_transaction_id(transaction),
        None => true,
    };
    let result = change(ctx);
    if cold && let Some(account) = ctx.journaled_state.inner.state.get_mut(&address) {
        account.mark_cold();
    }
    result
}

/// Moves `amount` wei inside a precompile, without access-list effects; `false` when `from` has less.
pub(crate) fn move_balance(ctx: &mut Ctx, from: Address, to: Address, amount: U256) -> bool {
    if amount.is_zero() {
        return true;
    }
    without_warming(ctx, to, |ctx| {
        without_warming(ctx, from, |ctx| {
            let Journal { database, inner } = &mut ctx.journaled_state;
            matches!(inner.transfer(database, from, to, amount), Ok(None))
        })
    })
}
