//! What a transaction left behind, or why it failed.

use std::{error, fmt, ops::Deref};

use alloy_primitives::{Address, B256, Bytes, Log};
use alloy_sol_types::{Revert, SolError, SolEvent};
use serde::{Deserialize, Serialize};

use crate::{
    abi::StylusDeployer,
    frames::{Frame, FrameKind},
};

/// Gas of a transaction, taken apart. All in gas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gas {
    /// What the transaction allowed.
    pub limit: u64,
    /// What it paid: intrinsic + for L1 + execution before refund - refund.
    pub used: u64,
    /// 21,000, call data, creation, access list, authorizations.
    pub intrinsic: u64,
    /// Paid beyond the intrinsic part and that for L1, refund deducted; 0 if the refund exceeds it.
    pub execution: u64,
    /// What the outermost frame consumed; no refund deducted.
    pub execution_before_refund: u64,
    /// Refund, capped at a fifth.
    pub refund: u64,
}

/// Result of a transaction or of a simulated call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Hash of the transaction; zero for a simulated call.
    pub hash: B256,
    /// Number of its L2 block.
    pub block_number: u64,
    /// Time of its block, seconds.
    pub timestamp: u64,
    /// Sender.
    pub from: Address,
    /// Target, `None` for a creation.
    pub to: Option<Address>,
    /// Address of the contract it created.
    pub contract_address: Option<Address>,
    /// Whether it succeeded.
    pub success: bool,
    /// Return data, or revert data.
    pub output: Bytes,
    /// Why it neither succeeded nor reverted.
    pub halt: Option<String>,
    /// Text of the last failure inside that no data tells: a program that is not active, a failed activation.
    pub failure: Option<String>,
    /// Logs, none if it failed.
    pub logs: Vec<Log>,
    /// Gas.
    pub gas: Gas,
    /// Wei per gas that was paid: the base fee.
    pub effective_gas_price: u64,
    /// Gas for its bytes on L1, part of what it used: 0 unless the chain has a price for them.
    pub gas_used_for_l1: u64,
    /// Frames in the order in which they opened, if [recording](crate::Recording) is on.
    #[serde(skip)]
    pub frames: Vec<Frame>,
    /// Whether the recording of instructions came to its limit.
    pub truncated: bool,
}

impl Receipt {
    /// All events of one kind, in order.
    pub fn logs_of<E: SolEvent>(&self) -> Vec<E> {
        self.logs.iter().filter_map(decode::<E>).collect()
    }

    /// All events of one kind that one contract emitted.
    pub fn logs_from<E: SolEvent>(&self, emitter: Address) -> Vec<E> {
        self.logs.iter().filter(|log| log.address == emitter).filter_map(decode::<E>).collect()
    }

    /// Gas the outermost frame consumed without what was consumed inside `others`, no refund deducted. A frame counts
    /// as inside when its acting address is one of them; frames below it are its own matter.
    ///
    /// # Panics
    ///
    /// If frames were not recorded.
    pub fn own_gas(&self, others: &[Address]) -> u64 {
        assert!(!self.frames.is_empty(), "recording must be on to attribute gas to frames");
        let mut inside = vec![false; self.frames.len()];
        let mut gas = self.frames[0].gas_used;
        for (index, frame) in self.frames.iter().enumerate() {
            let above = frame.parent.is_some_and(|parent| inside[parent]);
            inside[index] = above || index > 0 && others.contains(&frame.to);
            if inside[index] && !above {
                gas -= frame.gas_used;
            }
        }
        gas
    }

    /// Ink of the first Stylus frame that ran the code of `program`.
    pub fn ink_of(&self, program: Address) -> Option<u64> {
        self.frames.iter().find(|frame| frame.code_address == program && frame.is_stylus())?.ink
    }

    /// The frames as an indented list, for a failing test's message.
    pub fn frame_tree(&self) -> String {
        self.frames.iter().map(describe).collect()
    }
}

fn decode<E: SolEvent>(log: &Log) -> Option<E> {
    if log.topics().first() != Some(&E::SIGNATURE_HASH) {
        return None;
    }
    E::decode_log(log).ok().map(|decoded| decoded.data)
}

fn describe(frame: &Frame) -> String {
    let kind = match frame.kind {
        FrameKind::Call => "call",
        FrameKind::CallCode => "callcode",
        FrameKind::DelegateCall => "delegatecall",
        FrameKind::StaticCall => "staticcall",
        FrameKind::Create => "create",
        FrameKind::Create2 => "create2",
    };
    let indent = "  ".repeat(frame.depth);
    let selector = frame.selector.map(alloy_primitives::hex::encode).unwrap_or_default();
    let outcome = if frame.success { "" } else { " failed" };
    let ink = frame.ink.map(|ink| format!(", {ink} ink")).unwrap_or_default();
    format!("{indent}{kind} {} {selector}: {} gas{ink}{outcome}\n", frame.code_address, frame.gas_used)
}

/// A successful call: its decoded result and its receipt.
#[derive(Clone)]
pub struct Sent<R> {
    /// What the function returned.
    pub ret: R,
    /// The receipt; its fields are reachable directly.
    pub receipt: Receipt,
}

/// Without the result: generated return types seldom implement `Debug`, and `unwrap_err` must work all the same.
impl<R> fmt::Debug for Sent<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sent").field("receipt", &self.receipt).finish_non_exhaustive()
    }
}

impl<R> Deref for Sent<R> {
    type Target = Receipt;

    fn deref(&self) -> &Receipt {
        &self.receipt
    }
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It reverted; see the data.
    Revert,
    /// It ended without reverting and lost its gas: out of gas, invalid opcode, a program that is not active.
    Halt(String),
    /// The transaction was not valid and left no trace.
    Rejected(Rejected),
    /// It succeeded, but what it returned is not what the function is declared to return.
    Undecodable,
}

/// A transaction that cannot be included.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The nonce was used before.
    #[error("nonce too low: {given}, the account's is {expected}")]
    NonceTooLow {
        /// Nonce of the transaction.
        given: u64,
        /// Nonce of the account.
        expected: u64,
    },
    /// Transactions are missing in between.
    #[error("nonce too high: {given}, the account's is {expected}")]
    NonceTooHigh {
        /// Nonce of the transaction.
        given: u64,
        /// Nonce of the account.
        expected: u64,
    },
    /// The balance covers gas limit times fee plus value no more.
    #[error("insufficient funds for gas * price + value")]
    InsufficientFunds,
    /// The gas limit is below the intrinsic gas.
    #[error("intrinsic gas too low: {required} needed")]
    IntrinsicGas {
        /// Intrinsic gas.
        required: u64,
    },
    /// The fee is below the base fee.
    #[error("max fee per gas less than block base fee")]
    FeeTooLow,
    /// More gas than its block has left.
    #[error("exceeds block gas limit: {given}, {left} are left")]
    GasLimit {
        /// Gas limit of the transaction.
        given: u64,
        /// Gas that the block has left.
        left: u64,
    },
    /// Another chain's.
    #[error("wrong chain id")]
    ChainId,
    /// Not a transaction, or one of a kind the chain does not have.
    #[error("{0}")]
    Malformed(String),
}

/// A call that failed. Of a failed transaction nothing stays but nonce and fee.
#[derive(Clone, Debug)]
pub struct Reverted {
    /// Why.
    pub cause: Cause,
    /// Revert data.
    pub data: Bytes,
    /// The receipt of a transaction that was included.
    pub receipt: Option<Box<Receipt>>,
}

impl Reverted {
    pub(crate) fn of(receipt: Receipt) -> Self {
        let cause = receipt.halt.clone().map_or(Cause::Revert, Cause::Halt);
        Self { cause, data: receipt.output.clone(), receipt: Some(Box::new(receipt)) }
    }

    pub(crate) fn undecodable(receipt: Receipt) -> Self {
        Self { cause: Cause::Undecodable, data: receipt.output.clone(), receipt: Some(Box::new(receipt)) }
    }

    /// The custom error it reverted with, if it is an `E`.
    pub fn decode<E: SolError>(&self) -> Option<E> {
        if self.cause != Cause::Revert {
            return None;
        }
        E::abi_decode(&self.data).ok()
    }

    /// What a constructor reverted with, where the StylusDeployer wrapped it; otherwise itself.
    #[must_use]
    pub fn of_constructor(mut self) -> Self {
        if let Some(wrapped) = self.decode::<StylusDeployer::ContractInitializationError>() {
            self.data = wrapped.data;
        }
        self
    }

    /// Whether it reverted with an `E`.
    pub fn is<E: SolError>(&self) -> bool {
        self.decode::<E>().is_some()
    }

    /// The text of `Error(string)`.
    pub fn reason(&self) -> Option<String> {
        self.decode::<Revert>().map(|revert| revert.reason)
    }

    /// Whether it reverted without data: a panic, a failed host call, a refused re-entry.
    pub fn is_empty(&self) -> bool {
        self.cause == Cause::Revert && self.data.is_empty()
    }

    /// The receipt.
    ///
    /// # Panics
    ///
    /// If the transaction was rejected.
    pub fn receipt(&self) -> &Receipt {
        self.receipt.as_deref().expect("a rejected transaction has no receipt")
    }
}

impl From<Rejected> for Reverted {
    fn from(rejected: Rejected) -> Self {
        Self { cause: Cause::Rejected(rejected), data: Bytes::new(), receipt: None }
    }
}

impl fmt::Display for Reverted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Halt(reason) => write!(f, "execution failed: {reason}")?,
            Cause::Rejected(rejected) => write!(f, "transaction rejected: {rejected}")?,
            Cause::Undecodable => write!(f, "unexpected return data {}", self.data)?,
            Cause::Revert => match self.reason() {
                Some(reason) => write!(f, "execution reverted: {reason}")?,
                None => write!(f, "execution reverted with {}", self.data)?,
            },
        }
        match self.receipt.as_ref().and_then(|receipt| receipt.failure.as_ref()) {
            Some(failure) => write!(f, " (inside: {failure})"),
            None => Ok(()),
        }
    }
}

impl error::Error for Reverted {}
