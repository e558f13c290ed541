//! A plain ERC-20 with permit: the stake and reward token of the tests.
#![cfg_attr(target_arch = "wasm32", no_main, no_std)]
#![allow(missing_docs, reason = "what `#[entrypoint]` generates is public")]

extern crate alloc;

use alloc::vec::Vec;
use erc20::Erc20;
use stylus_sdk::{ArbResult, abi::router_entrypoint, host::VM, prelude::*};

#[entrypoint]
fn main(input: Vec<u8>, vm: VM) -> ArbResult {
    router_entrypoint::<Erc20, Erc20>(input, vm)
}

/// Prints the interface.
#[cfg(feature = "export-abi")]
pub fn print_abi() {
    stylus_sdk::abi::export::print_from_args::<Erc20>();
}
