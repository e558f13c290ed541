//! What every program needs of its host, in few bytes: storage slots as types ([`slots`]), events ([`emit`]) and typed errors
//! ([`revert()`]). Size is gas, at every call.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod constant;
mod revert;
mod words;

pub mod slots;

pub use constant::Constant;
pub use revert::{Revert, revert};
pub use words::{Topic, Topics, Words, emit, encode};

use stylus_sdk::host::{VM, WasmVM};

/// The host. The SDK's `self.vm()` is a trait object, and its table would keep every host function there is in every program, some
/// kilobytes of them; this is the same host as a type.
pub const HOST: VM = VM(WasmVM {});
