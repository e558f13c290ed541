//! An ERC-20 that misbehaves as it is told, to see what its callers make of it.
//!
//! `setBehaviour(kind, functions, data)` says how ([`Kind`]), in which functions ([`Functions`]) and with what.
//! The entry point is written by hand: return data is the point here, and a token that calls out must not refuse
//! to be called back, or it would hide what its caller should have refused.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
#![cfg_attr(not(any(test, feature = "export-abi")), no_std)]

#[macro_use]
extern crate alloc;

use alloc::vec::Vec;
use alloy_primitives::{Address, U256, U8};
use alloy_sol_types::{sol, SolCall, SolError, SolType};
use erc20::Erc20;
use stylus_sdk::{
    abi::{router_entrypoint, Bytes},
    call::RawCall,
    host::{WasmVM, VM},
    prelude::*,
    storage::{StorageBool, StorageBytes, StorageU256, StorageU8},
    ArbResult,
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
