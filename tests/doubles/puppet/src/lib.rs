//! A contract that does what it was told to do when it is called: a malicious exchange, token, pool or recipient.
//!
//! The entry point is written by hand: any selector may be set, and nothing is refused, neither ether nor a nested call.
#![cfg_attr(target_arch = "wasm32", no_main, no_std)]

#[macro_use]
extern crate alloc;

use alloc::vec::Vec;
use alloy_primitives::{Address, FixedBytes, U8, U256};
use alloy_sol_types::{SolError, sol};
use stylus_sdk::{
    ArbResult,
    abi::{Bytes, Router},
    call::RawCall,
    host::{VM, WasmVM},
    prelude::*,
    storage::{StorageAddress, StorageBool, StorageBytes, StorageMap, StorageU8, StorageU256},
};

/// Policy: the failure of a call out becomes the puppet's own.
const PROPAGATE: u8 = 1;

/// Policy: nothing is recorded, as befits a view.
const DO_NOT_RECORD: u8 = 2;

/// Policy: the success of a call out becomes a failure, for calls that are expected to be refused where nothing can be recorded.
const REFUSE_SUCCESS: u8 = 4;

sol! {
    error CallSucceeded(bytes result);
}

/// What is set for a selector.
#[storage]
pub struct Role {
    target: StorageAddress,
    reverts: StorageBool,
    is_set: StorageBool,
    policy: StorageU8,
    call_data: StorageBytes,
    result: StorageBytes,
}

/// What the puppet remembers.
#[storage]
pub struct Puppet {
    roles: StorageMap<FixedBytes<4>, Role>,
    calls: StorageU256,
    succeeded: StorageBool,
    returned: StorageBytes,
    input: StorageBytes,
}

// Sound: the entry point below has it first and nothing beside it.
unsafe impl TopLevelStorage for Puppet {}

#[public]
impl Puppet {
    /// Says what to do when a selector is called.
    pub fn set(
        &mut self,
        selector: FixedBytes<4>,
        target: Address,
        call_data: Bytes,
        policy: u8,
        reverts: bool,
        result: Bytes,
    ) {
        let mut role = self.roles.setter(selector);
        role.is_set.set(true);
        role.target.set(target);
        role.policy.set(U8::from(policy));
        role.reverts.set(reverts);
        role.call_data.set_bytes(&call_data);
        role.result.set_bytes(&result);
    }

    /// Calls somebody now.
    pub fn act(&mut self, target: Address, wei: U256, call_data: Bytes) -> Result<(), Vec<u8>> {
        self.vm().flush_cache(true);
        // SAFETY: the cache is written and emptied above, so that a nested call and what follows see the same storage.
        let outcome = unsafe { RawCall::new_with_value(wei).call(target, &call_data) };
        self.remember(&outcome);
        outcome.map(|_| ())
    }

    /// Number of calls out where state may change, and whether the last one succeeded.
    pub fn last_call(&self) -> (U256, bool) {
        (self.calls.get(), self.succeeded.get())
    }

    /// The call data of the last call that was answered as set, and recorded.
    pub fn last_input(&self) -> Bytes {
        Bytes(self.input.get_bytes())
    }

    /// What the last one returned or reverted with.
    pub fn last_result(&self) -> Bytes {
        Bytes(self.returned.get_bytes())
    }
}

impl Puppet {
    fn answer(&mut self, input: &[u8]) -> ArbResult {
        let selector = input.first_chunk::<4>().copied().unwrap_or_default();
        let arguments = input.get(4..).unwrap_or_default();
        if self.roles.getter(selector.into()).is_set.get() {
            return self.play(selector.into(), input);
        }
        let own = <Self as Router<Self>>::route(self, u32::from_be_bytes(selector), arguments);
        own.unwrap_or_else(|| self.play(FixedBytes::ZERO, input))
    }

    fn play(&mut self, selector: FixedBytes<4>, input: &[u8]) -> ArbResult {
        let role = self.roles.getter(selector);
        let (target, call_data) = (role.target.get(), role.call_data.get_bytes());
        let (policy, reverts) = (role.policy.get().to::<u8>(), role.reverts.get());
        let result = role.result.get_bytes();
        if policy & DO_NOT_RECORD == 0 && role.is_set.get() {
            self.input.set_bytes(input);
        }
        if !target.is_zero() {
            let outcome = self.call_out(target, &call_data);
            if policy & DO_NOT_RECORD == 0 {
                self.remember(&outcome);
            }
            match outcome {
                Err(reason) if policy & PROPAGATE != 0 => return Err(reason),
                Ok(result) if policy & REFUSE_SUCCESS != 0 => {
                    return Err(CallSucceeded { result: result.into() }.abi_encode());
                }
                _ => {}
            }
        }
        if reverts { Err(result) } else { Ok(result) }
    }

    fn call_out(&mut self, target: Address, call_data: &[u8]) -> ArbResult {
        self.vm().flush_cache(true);
        // SAFETY: the cache is written and emptied above, so that a nested call and what follows see the same storage.
        unsafe { RawCall::new().call(target, call_data) }
    }

    fn remember(&mut self, outcome: &ArbResult) {
        let calls = self.calls.get().wrapping_add(U256::from(1)); // Never reached by counting.
        self.calls.set(calls);
        self.succeeded.set(outcome.is_ok());
        self.returned.set_bytes(match outcome {
            Ok(result) | Err(result) => result,
        });
    }
}

entry::entry!(Puppet);

/// Prints the interface.
#[cfg(feature = "export-abi")]
pub fn print_abi() {
    stylus_sdk::abi::export::print_from_args::<Puppet>();
}
