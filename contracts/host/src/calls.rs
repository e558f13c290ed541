//! Calls to other contracts, of whose answers no more is taken than is needed.

use alloc::vec::Vec;

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use stylus_sdk::{call::RawCall, prelude::*};

use crate::{HOST, Revert};

mod token {
    alloy_sol_types::sol! {
        function balanceOf(address account) returns (uint256);
        function allowance(address owner, address spender) returns (uint256);
        function transfer(address to, uint256 value) returns (bool);
        function transferFrom(address from, address to, uint256 value) returns (bool);
    }
}

/// How a transfer of tokens failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferFailure {
    /// The token reverted: whatever it did is undone.
    Reverted,
    /// It did not, but it answered something else than true, or is no contract: what it did nobody knows.
    Refused,
}

/// Whether there is a contract at an address.
pub fn has_code(address: Address) -> bool {
    HOST.code_size(address) != 0
}

/// Moves tokens that `from` has approved. A token may answer nothing or true.
pub fn transfer_from(token: Address, from: Address, to: Address, value: U256) -> Result<(), TransferFailure> {
    transferred(token, &token::transferFromCall { from, to, value }.abi_encode())
}

/// Sends tokens. A token may answer nothing or true.
pub fn transfer(token: Address, to: Address, value: U256) -> Result<(), TransferFailure> {
    transferred(token, &token::transferCall { to, value }.abi_encode())
}

/// What `owner` holds, if the token says so.
pub fn balance_of(token: Address, owner: Address) -> Option<U256> {
    view_number(token, &token::balanceOfCall { account: owner }.abi_encode())
}

/// What `spender` may move of `owner`'s, if the token says so.
pub fn allowance(token: Address, owner: Address, spender: Address) -> Option<U256> {
    view_number(token, &token::allowanceCall { owner, spender }.abi_encode())
}

/// A number that a contract tells without changing anything.
pub fn view_number(contract: Address, call: &[u8]) -> Option<U256> {
    let answer = view(contract, call, 32).ok()?;
    Some(U256::from_be_bytes::<32>(answer.try_into().ok()?))
}

/// What a contract answers without changing anything, at most `limit` bytes of it.
pub fn view(contract: Address, call: &[u8], limit: usize) -> Result<Vec<u8>, Vec<u8>> {
    // SAFETY: a static call changes nothing, and what is cached here is not for others to read: the host refuses to come back.
    unsafe { RawCall::new_static().limit_return_data(0, limit).call(contract, call) }
}

/// Calls a contract that answers a number; passes on what it reverts with. Nothing if it is no contract or answers less than a word.
pub fn number(contract: Address, call: &[u8]) -> Result<Option<U256>, Revert> {
    // SAFETY: flushed, and the host refuses to come back, so no cached word can go stale.
    let answer = unsafe { RawCall::new().flush_storage_cache().call(contract, call) }.map_err(Revert::bubbled)?;
    Ok(answer.first_chunk().map(|word| U256::from_be_bytes::<32>(*word)))
}

fn transferred(token: Address, call: &[u8]) -> Result<(), TransferFailure> {
    // SAFETY: as above.
    let answer = unsafe { RawCall::new().limit_return_data(0, 32).flush_storage_cache().call(token, call) };
    let answer = answer.map_err(|_| TransferFailure::Reverted)?;
    // An address without code answers nothing, like some tokens.
    let paid = match answer.first_chunk() {
        Some(word) => U256::from_be_bytes::<32>(*word) == U256::ONE,
        None => answer.is_empty() && has_code(token),
    };
    if paid { Ok(()) } else { Err(TransferFailure::Refused) }
}
