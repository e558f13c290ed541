//! An ERC-20 that misbehaves as it is told, to see what its callers make of it.
//!
//! `setBehaviour(kind, functions, data)` says how ([`Kind`]), in which functions ([`Functions`]) and with what.
//! The entry point is written by hand: return data is the point here, and a token that calls out must not refuse
//! to be called back, or it would hide what its caller should have refused.
#![cfg_attr(target_arch = "wasm32", no_main, no_std)]

#[macro_use]
extern crate alloc;

use alloc::vec::Vec;
use alloy_primitives::{Address, U8, U256};
use alloy_sol_types::{SolCall, SolError, sol};
use erc20::Erc20;
use stylus_sdk::{
    ArbResult,
    abi::{Bytes, Router},
    call::RawCall,
    host::{VM, WasmVM},
    prelude::*,
    storage::{StorageBool, StorageBytes, StorageU8, StorageU256},
};

sol! {
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
    function approve(address spender, uint256 value) external returns (bool);
    function balanceOf(address account) external view returns (uint256);

    error UnknownBehaviour(uint8 kind);
    error Rejected(address recipient);
    error AllowanceNotZero(uint256 allowance);
    error CallSucceeded(bytes result);
}

/// How the token misbehaves.
#[derive(Clone, Copy)]
enum Kind {
    /// It does not.
    None,
    /// Does as it is asked and returns nothing.
    ReturnNothing,
    /// Does nothing and returns false.
    ReturnFalse,
    /// Does as it is asked and returns `data` as it is.
    ReturnData,
    /// Reverts with `data` as it is.
    Revert,
    /// Destroys a part of what a recipient got: `data` is `(uint256 basisPoints)`.
    TakeFee,
    /// Does as it is asked, then calls: `data` is `(address target, uint8 policy, bytes callData)`. See [`Policy`].
    Call,
    /// Reverts if the recipient or spender is the account given: `data` is `(address account)`.
    Reject,
    /// Reverts if an allowance that is not zero would be changed to another that is not.
    ApproveFromZeroOnly,
}

/// What becomes of the outcome of a call out. Where state may change it is also recorded, for `lastCall`.
#[derive(Clone, Copy, PartialEq)]
enum Policy {
    /// Nothing.
    Swallow,
    /// A failure becomes the token's own, with the same data.
    Propagate,
    /// A success becomes a failure: for calls that are expected to be refused where nothing can be recorded.
    RefuseSuccess,
}

/// The functions in which the token misbehaves, as a sum of bits.
struct Functions;

impl Functions {
    const TRANSFER: u8 = 1;
    const TRANSFER_FROM: u8 = 2;
    const APPROVE: u8 = 4;
    const BALANCE_OF: u8 = 8;
}

/// What the token remembers.
#[storage]
pub struct OddToken {
    #[borrow]
    erc20: Erc20,
    kind: StorageU8,
    functions: StorageU8,
    data: StorageBytes,
    calls: StorageU256,
    succeeded: StorageBool,
    returned: StorageBytes,
}

// Sound: the entry point below has it first and nothing beside it.
unsafe impl TopLevelStorage for OddToken {}

#[public]
#[inherit(Erc20)]
impl OddToken {
    /// Says how to misbehave, in which functions, and with what.
    pub fn set_behaviour(&mut self, kind: u8, functions: u8, data: Bytes) -> Result<(), Vec<u8>> {
        kind_of(kind)?;
        self.kind.set(U8::from(kind));
        self.functions.set(U8::from(functions));
        self.data.set_bytes(&data);
        Ok(())
    }

    /// How it misbehaves, and in which functions.
    pub fn behaviour(&self) -> (u8, u8) {
        (self.kind.get().to(), self.functions.get().to())
    }

    /// With what.
    pub fn behaviour_data(&self) -> Bytes {
        Bytes(self.data.get_bytes())
    }

    /// Number of calls out that were recorded, and whether the last one succeeded.
    pub fn last_call(&self) -> (U256, bool) {
        (self.calls.get(), self.succeeded.get())
    }

    /// What the last one returned or reverted with.
    pub fn last_result(&self) -> Bytes {
        Bytes(self.returned.get_bytes())
    }
}

impl OddToken {
    /// Answers a call: plainly, or as it was told.
    fn answer(&mut self, input: &[u8]) -> ArbResult {
        let function = function_of(input);
        let functions: u8 = self.functions.get().to();
        if functions & function == 0 {
            return self.plain(input);
        }
        let data = self.data.get_bytes();
        match kind_of(self.kind.get().to())? {
            Kind::None => self.plain(input),
            Kind::ReturnNothing => self.plain(input).map(|_| Vec::new()),
            Kind::ReturnFalse => Ok(vec![0; 32]),
            Kind::ReturnData => self.plain(input).map(|_| data),
            Kind::Revert => Err(data),
            Kind::TakeFee => {
                let result = self.plain(input)?;
                self.take_fee(input, function, &data)?;
                Ok(result)
            }
            Kind::Call => {
                let result = self.plain(input)?;
                self.call_out(function, &data)?;
                Ok(result)
            }
            Kind::Reject => match counterparty(input, function) {
                Some(recipient) if recipient == word_as_address(&data, 0) => Err(Rejected { recipient }.abi_encode()),
                _ => self.plain(input),
            },
            Kind::ApproveFromZeroOnly => {
                self.check_approval(input, function)?;
                self.plain(input)
            }
        }
    }

    fn plain(&mut self, input: &[u8]) -> ArbResult {
        let Some((selector, arguments)) = input.split_first_chunk::<4>() else {
            return Err(Vec::new());
        };
        let selector = u32::from_be_bytes(*selector);
        <Self as Router<Self>>::route(self, selector, arguments).unwrap_or_else(|| Err(Vec::new()))
    }

    fn take_fee(&mut self, input: &[u8], function: u8, data: &[u8]) -> Result<(), Vec<u8>> {
        const WHOLE: U256 = U256::from_limbs([10_000, 0, 0, 0]);

        let amount = match function {
            Functions::TRANSFER => word(input, 4 + 32),
            Functions::TRANSFER_FROM => word(input, 4 + 64),
            _ => return Ok(()),
        };
        let Some(recipient) = counterparty(input, function) else {
            return Ok(());
        };
        let fee = amount.saturating_mul(word(data, 0)) / WHOLE;
        self.erc20.burn_from(recipient, fee.min(amount))?;
        Ok(())
    }

    fn call_out(&mut self, function: u8, data: &[u8]) -> Result<(), Vec<u8>> {
        let target = word_as_address(data, 0);
        let policy = policy_of(word(data, 32))?;
        let call_data = bytes_at(data, 64);
        let vm = self.vm();

        // A view is called statically and can neither change state nor record.
        let record = function != Functions::BALANCE_OF;
        let call = if record { RawCall::new() } else { RawCall::new_static() };
        vm.flush_cache(true);
        // SAFETY: the cache is written and emptied above, so that a nested call and what follows see the same storage.
        let outcome = unsafe { call.call(target, &call_data) };

        if record {
            let calls = self.calls.get().wrapping_add(U256::from(1)); // Never reached by counting.
            self.calls.set(calls);
            self.succeeded.set(outcome.is_ok());
            self.returned.set_bytes(match &outcome {
                Ok(result) | Err(result) => result,
            });
        }
        match (outcome, policy) {
            (Err(reason), Policy::Propagate) => Err(reason),
            (Ok(result), Policy::RefuseSuccess) => Err(CallSucceeded { result: result.into() }.abi_encode()),
            _ => Ok(()),
        }
    }

    fn check_approval(&self, input: &[u8], function: u8) -> Result<(), Vec<u8>> {
        if function != Functions::APPROVE || word(input, 4 + 32).is_zero() {
            return Ok(());
        }
        let allowance = self.erc20.allowance(self.vm().msg_sender(), word_as_address(input, 4));
        if allowance.is_zero() {
            return Ok(());
        }
        Err(AllowanceNotZero { allowance }.abi_encode())
    }
}

fn kind_of(kind: u8) -> Result<Kind, Vec<u8>> {
    Ok(match kind {
        0 => Kind::None,
        1 => Kind::ReturnNothing,
        2 => Kind::ReturnFalse,
        3 => Kind::ReturnData,
        4 => Kind::Revert,
        5 => Kind::TakeFee,
        6 => Kind::Call,
        7 => Kind::Reject,
        8 => Kind::ApproveFromZeroOnly,
        _ => return Err(UnknownBehaviour { kind }.abi_encode()),
    })
}

fn policy_of(word: U256) -> Result<Policy, Vec<u8>> {
    Ok(match word.saturating_to::<u8>() {
        0 => Policy::Swallow,
        1 => Policy::Propagate,
        2 => Policy::RefuseSuccess,
        kind => return Err(UnknownBehaviour { kind }.abi_encode()),
    })
}

/// The bit of the function that is called, or none.
fn function_of(input: &[u8]) -> u8 {
    match input.first_chunk::<4>() {
        Some(&transferCall::SELECTOR) => Functions::TRANSFER,
        Some(&transferFromCall::SELECTOR) => Functions::TRANSFER_FROM,
        Some(&approveCall::SELECTOR) => Functions::APPROVE,
        Some(&balanceOfCall::SELECTOR) => Functions::BALANCE_OF,
        _ => 0,
    }
}

/// Who receives tokens or an allowance.
fn counterparty(input: &[u8], function: u8) -> Option<Address> {
    match function {
        Functions::TRANSFER | Functions::APPROVE => Some(word_as_address(input, 4)),
        Functions::TRANSFER_FROM => Some(word_as_address(input, 4 + 32)),
        _ => None,
    }
}

/// The word at an offset, zeros past the end.
fn word(data: &[u8], offset: usize) -> U256 {
    let mut word = [0; 32];
    let rest = data.get(offset..).unwrap_or_default();
    let len = rest.len().min(32);
    word[..len].copy_from_slice(&rest[..len]);
    U256::from_be_bytes(word)
}

fn word_as_address(data: &[u8], offset: usize) -> Address {
    Address::from_word(word(data, offset).into())
}

/// The bytes whose place the word at an offset gives.
fn bytes_at(data: &[u8], offset: usize) -> Vec<u8> {
    let start: usize = word(data, offset).saturating_to();
    let len: usize = word(data, start).saturating_to();
    let start = start.saturating_add(32);
    data.get(start..start.saturating_add(len)).unwrap_or_default().to_vec()
}

entry::entry!(OddToken);

/// Prints the interface.
#[cfg(feature = "export-abi")]
pub fn print_abi() {
    stylus_sdk::abi::export::print_from_args::<OddToken>();
}
