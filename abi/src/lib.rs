//! The interfaces of this folder in Rust: what is asked of contracts, in types and in words. Knows no node and no network.
//!
//! - [`bindings`]: every interface as types; [`Request`]: a call of one; [`decode`]: calls and errors in words.
//! - [`State`]: a chain that is read, as of one block; [`Host`]: one that is deployed on. Nodes are both, and so is a chain in a test.

pub mod bindings;
pub mod decode;
mod error;
mod host;
mod request;
mod state;
mod words;

use alloy_primitives::{Address, address};
pub use alloy_rpc_types_eth::{Filter, Log};

pub use crate::{
    decode::error_name,
    error::Error,
    host::{Fate, Host, Outcome},
    request::Request,
    state::{State, answer_of},
    words::{Usage, Wei, amount, date, exact, printable, span, word},
};

/// Where Arbitrum answers about programs.
pub const ARB_WASM: Address = address!("0000000000000000000000000000000000000071");

/// Where Arbitrum answers about its cache of programs.
pub const ARB_WASM_CACHE: Address = address!("0000000000000000000000000000000000000072");

/// Where Arbitrum answers about itself.
pub const ARB_SYS: Address = address!("0000000000000000000000000000000000000064");
