//! A contract that answers each function as it is told, to see what its callers make of it: see `abi/IPuppet.sol`.
//!
//! The entry point is written by hand: return data is the point here, and a contract that calls out must not refuse to be called back,
//! or it would hide what its caller should have refused.
#![cfg_attr(target_arch = "wasm32", no_main, no_std)]

#[macro_use]
extern crate alloc;

use alloc::vec::Vec;
use alloy_primitives::{Address, FixedBytes, U8, U32, U256};
use alloy_sol_types::{SolError, sol};
use stylus_sdk::{
    ArbResult,
    abi::{Bytes, Router},
    call::RawCall,
    host::{VM, WasmVM},
    prelude::*,
    storage::{StorageAddress, StorageBytes, StorageMap, StorageU8},
};

sol! {
    error UnknownAnswer(uint8 kind);
    error CallSucceeded(bytes result);
}

/// How a function is answered; 0 stands for a function that nothing was said about.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// With data.
    Return = 1,
    /// With an error.
    Revert,
    /// With data, and the call is remembered.
    Remember,
    /// With data, if a call out fails.
    CallInVain,
    /// With data, if a call out succeeds.
    Call,
}

/// The answer of a function.
#[storage]
pub struct Answer {
    kind: StorageU8,
    data: StorageBytes,
    target: StorageAddress,
    call_data: StorageBytes,
}

/// What the contract remembers.
#[storage]
pub struct Puppet {
    answers: StorageMap<U32, Answer>,
    last_call: StorageBytes,
}

// Sound: the entry point below has it first and nothing beside it.
unsafe impl TopLevelStorage for Puppet {}

#[public]
impl Puppet {
    /// Says how the function of this selector is answered.
    pub fn set_answer(
        &mut self,
        selector: FixedBytes<4>,
        kind: u8,
        data: Bytes,
        target: Address,
        call_data: Bytes,
    ) -> Result<(), Vec<u8>> {
        kind_of(kind)?;
        let mut answer = self.answers.setter(key(selector.0));
        answer.kind.set(U8::from(kind));
        answer.data.set_bytes(&data);
        answer.target.set(target);
        answer.call_data.set_bytes(&call_data);
        Ok(())
    }

    /// The last call that was remembered.
    pub fn last_call(&self) -> Bytes {
        Bytes(self.last_call.get_bytes())
    }
}

impl Puppet {
    fn answer(&mut self, input: &[u8]) -> ArbResult {
        let Some((selector, arguments)) = input.split_first_chunk::<4>() else {
            return Err(Vec::new());
        };
        let answer = self.answers.getter(key(*selector));
        let told: u8 = answer.kind.get().to();
        if told == 0 {
            let selector = u32::from_be_bytes(*selector);
            return <Self as Router<Self>>::route(self, selector, arguments).unwrap_or_else(|| Err(Vec::new()));
        }
        let (kind, data) = (kind_of(told)?, answer.data.get_bytes());
        let (target, call) = (answer.target.get(), answer.call_data.get_bytes());
        match kind {
            Kind::Return => {}
            Kind::Revert => return Err(data),
            Kind::Remember => self.last_call.set_bytes(input),
            Kind::CallInVain | Kind::Call => {
                // SAFETY: nothing is written before, nothing that was read is needed after.
                let outcome = unsafe { RawCall::new().call(target, &call) };
                match outcome {
                    Ok(result) if kind == Kind::CallInVain => {
                        return Err(CallSucceeded { result: result.into() }.abi_encode());
                    }
                    Err(reason) if kind == Kind::Call => return Err(reason),
                    _ => {}
                }
            }
        }
        Ok(data)
    }
}

fn kind_of(kind: u8) -> Result<Kind, Vec<u8>> {
    Ok(match kind {
        1 => Kind::Return,
        2 => Kind::Revert,
        3 => Kind::Remember,
        4 => Kind::CallInVain,
        5 => Kind::Call,
        _ => return Err(UnknownAnswer { kind }.abi_encode()),
    })
}

fn key(selector: [u8; 4]) -> U32 {
    U32::from_be_bytes(selector)
}

/// Where execution begins: as the SDK's, but without its refusal of nested calls.
// SAFETY: the one symbol of this name; the host calls it once per frame.
#[unsafe(no_mangle)]
pub extern "C" fn user_entrypoint(len: usize) -> usize {
    let vm = VM(WasmVM {});
    vm.pay_for_memory_grow(0);
    let input = vm.read_args(len);
    let mut puppet = unsafe { Puppet::new(U256::ZERO, 0, vm.clone()) };
    let (data, status) = match puppet.answer(&input) {
        Ok(data) => (data, 0),
        Err(data) => (data, 1),
    };
    vm.flush_cache(false);
    vm.write_result(&data);
    status
}

/// Prints the interface.
#[cfg(feature = "export-abi")]
pub fn print_abi() {
    stylus_sdk::abi::export::print_from_args::<Puppet>();
}
