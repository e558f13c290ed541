//! A plain ERC-20 with permit: the stake and reward token of the tests.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
#![cfg_attr(not(any(test, feature = "export-abi")), no_std)]

extern crate alloc;

use alloc::vec::Vec;
use erc20::Erc20;
use stylus_sdk::{abi::router_entrypoint, host::VM, prelude::*, ArbResult};

#[entrypoint]
#[allow(missing_docs)] // What the attribute makes of it is public.
fn main(input: Vec<u8>, vm: VM) -> ArbResult {
    router_entrypoint::<Erc20, Erc20>(input, vm)
}

/// Prints the interface.
#[cfg(feature = "export-abi")]
pub fn print_abi() {
    stylus_sdk::abi::export::print_from_args::<Erc20>();
}
