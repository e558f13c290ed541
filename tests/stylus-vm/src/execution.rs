//! One frame of a Stylus program as a coroutine: `start`, then `resume` with the reply to each request.
//!
//! Host functions live in files by subject. Those that only the chain can answer come in two halves: the first checks,
//! pays and suspends with a [`Request`]; the second (`pending.rs`) pays what the [`Reply`] says and hands it over.

mod accounts;
mod calls;
mod driver;
mod env;
mod linker;
mod pending;
mod prices;
mod program_io;
mod record;
mod storage;
mod storage_cache;
mod values;

use alloy_primitives::{Address, B256, Bytes, U256};

pub use driver::Execution;
pub(crate) use env::Host;
pub(crate) use linker::{engine, linker};
pub use record::Recorded;
use serde::{Deserialize, Serialize};

/// `account_code` no longer remembers that an account has no code.
const ARBOS_NO_EMPTY_CODE_MEMORY: u64 = 40;
/// A write that does not fit into a flush's budget is out of gas instead of a failure.
const ARBOS_FLUSH_OUT_OF_GAS: u64 = 50;

/// Parameters of the chain that a frame needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Protocol version of the chain.
    pub arbos_version: u64,
    /// Ink per gas.
    pub ink_price: u32,
    /// Words of the depth counter.
    pub max_stack_depth: u32,
    /// Largest deployed code, bytes.
    pub max_code_size: u32,
    /// Record every host call.
    pub trace: bool,
}

/// What is the same for every frame of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Base fee, wei.
    pub basefee: U256,
    /// Coinbase.
    pub coinbase: Address,
    /// Gas limit of the block header.
    pub gas_limit: u64,
    /// L1 block number.
    pub number: u64,
    /// Seconds.
    pub timestamp: u64,
    /// Chain id.
    pub chain_id: u64,
    /// Effective gas price, wei.
    pub gas_price: U256,
    /// Sender of the transaction.
    pub origin: Address,
}

/// What is particular to one frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// Acting address: whose storage is used.
    pub contract: Address,
    /// Caller (of the parent, under delegatecall).
    pub sender: Address,
    /// Value, wei (of the parent, under delegatecall).
    pub value: U256,
    /// More than one non-delegate frame of `contract` is open.
    pub reentrant: bool,
    /// Writes are refused.
    pub is_static: bool,
}

/// Which way another contract is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallKind {
    /// `call_contract`.
    Call,
    /// `delegate_call_contract`.
    Delegate,
    /// `static_call_contract`.
    Static,
}

/// A question only the chain can answer. Gas in replies is what the request costs on the EVM side (access, storage,
/// transfer, gas the child used); the execution buys it as gas x price. Host base prices, reads and writes of guest
/// memory, storage cache and its tiers, log gas and keccak are priced inside the execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// SLOAD. Reply: [`Reply::Word`], gas 2,100 or 100.
    GetStorage {
        /// Slot.
        key: B256,
    },
    /// SSTORE of each pair in order, at most `gas_left` gas; stops at the first that does not fit. Reply: [`Reply::Stored`].
    SetStorage {
        /// Slots and their new values.
        writes: Vec<(B256, B256)>,
        /// Gas budget: one more than is left.
        gas_left: u64,
    },
    /// TLOAD. Reply: [`Reply::Word`] (gas ignored; the execution charges 100).
    GetTransient {
        /// Slot.
        key: B256,
    },
    /// TSTORE; never sent from a static frame. Reply: [`Reply::Done`].
    SetTransient {
        /// Slot.
        key: B256,
        /// New value.
        value: B256,
    },
    /// Any call, but for a call with value from a static frame, which the execution answers itself.
    /// Reply: [`Reply::Called`].
    Call {
        /// Which way.
        kind: CallKind,
        /// Whose code runs.
        address: Address,
        /// Call data.
        data: Bytes,
        /// Value in wei, zero unless [`CallKind::Call`].
        value: U256,
        /// Gas left after base and reads.
        gas_left: u64,
        /// The program's argument, at most `gas_left`.
        gas_wanted: u64,
    },
    /// CREATE (no salt) or CREATE2; never sent from a static frame. Reply: [`Reply::Created`].
    Create {
        /// Init code.
        code: Bytes,
        /// Value in wei.
        endowment: U256,
        /// Salt of CREATE2.
        salt: Option<B256>,
        /// Gas left after base and reads.
        gas_left: u64,
    },
    /// A log, already paid for; never sent from a static frame. Reply: [`Reply::Done`].
    EmitLog {
        /// At most four.
        topics: Vec<B256>,
        /// Without the topics.
        data: Bytes,
    },
    /// Balance of an account. Reply: [`Reply::Word`], gas 2,600 or 100.
    Balance {
        /// The account.
        address: Address,
    },
    /// Code of an account. Reply: [`Reply::Code`], gas 2,600 or 100 (the 700 surcharge is the execution's).
    Code {
        /// The account.
        address: Address,
    },
    /// Code hash of an account. Reply: [`Reply::Word`], gas 2,600 or 100.
    CodeHash {
        /// The account.
        address: Address,
    },
    /// More memory pages. Reply: [`Reply::Gas`], by the memory model.
    AddPages {
        /// How many; never zero.
        pages: u16,
    },
}

/// The chain's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// A 32-byte word and its gas.
    Word {
        /// The word; a balance is big-endian.
        value: B256,
        /// EVM gas.
        gas: u64,
    },
    /// Gas of all writes that were made; `complete` is false when one did not fit into the budget.
    Stored {
        /// EVM gas of the writes made.
        gas: u64,
        /// Whether all were made.
        complete: bool,
    },
    /// Outcome of a call: `success`, what the caller pays (3.5 step 6: fixed + gas - returned), the return data.
    Called {
        /// Whether the callee succeeded.
        success: bool,
        /// What the caller pays.
        gas: u64,
        /// Return or revert data.
        data: Bytes,
    },
    /// Outcome of a creation: the address or nothing, what the creator pays, revert data only.
    Created {
        /// The new contract, unless creation failed.
        address: Option<Address>,
        /// What the creator pays.
        gas: u64,
        /// Revert data, empty in all other cases.
        data: Bytes,
    },
    /// Creation could not start (gas below 32,000 + words): the frame fails.
    CreateRefused,
    /// Code and access gas.
    Code {
        /// As deployed.
        code: Bytes,
        /// EVM gas of the access.
        gas: u64,
    },
    /// Gas alone.
    Gas {
        /// EVM gas.
        gas: u64,
    },
    /// Nothing to say.
    Done,
}

/// How a frame ended (stylus-vm.md 3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Entry point returned 0.
    Success,
    /// Entry point returned non-zero.
    Revert,
    /// Trap or failed host function: a revert without data.
    Failure,
    /// Meter exhausted: out of gas.
    OutOfInk,
    /// Depth counter exhausted.
    OutOfStack,
}

/// What an execution does next.
#[derive(Debug)]
pub enum Step {
    /// Waits for a reply.
    Request(Request),
    /// Ended. Gas left is floored from ink; the return-data floor of section 0 step 6 is the chain's.
    Done {
        /// How.
        outcome: Outcome,
        /// Gas that remains, 0 when the meter or the stack was exhausted.
        gas_left: u64,
        /// Result or revert data, empty unless [`Outcome::Success`] or [`Outcome::Revert`].
        output: Bytes,
    },
}

/// One host call, when tracing. A call that ends the program by failing leaves no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCall {
    /// Name of the function. `user_entrypoint` comes first, with the length of the call data; `user_returned` comes
    /// last, with the status and the ink that the frame started with, unless the program failed.
    pub name: &'static str,
    /// Arguments, integers big-endian.
    pub args: Bytes,
    /// Results.
    pub outs: Bytes,
    /// Ink before.
    pub start_ink: u64,
    /// Ink after.
    pub end_ink: u64,
}
