//! What every program needs of its host, in few bytes: storage slots as types ([`slots`]), events ([`emit`]) and typed errors
//! ([`revert()`]), and calls with bounded answers ([`calls`]). Size is gas, at every call.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod constant;
mod dynamic;
mod entry;
mod fields;
mod name;
mod results;
mod revert;
mod text;
mod words;

pub mod calls;
pub mod slots;

pub use constant::Constant;
pub use dynamic::{emit_with_bytes, encode_with_bytes};
pub use entry::{enter, only_deployer};
pub use fields::Fields;
pub use name::Name;
pub use results::Root;
pub use revert::{Revert, revert};
pub use text::Text;
pub use words::{Topic, Topics, Words, emit, encode};

use alloy_primitives::B256;
use stylus_sdk::{
    host::{VM, WasmVM},
    hostio,
};

/// The host. The SDK's `self.vm()` is a trait object, and its table would keep every host function there is in every program, some
/// kilobytes of them; this is the same host as a type.
pub const HOST: VM = VM(WasmVM {});

/// Hashes by the host.
pub fn keccak(bytes: &[u8]) -> B256 {
    let mut hash = B256::ZERO;
    // SAFETY: the host reads the bytes and writes 32.
    unsafe { hostio::native_keccak256(bytes.as_ptr(), bytes.len(), hash.as_mut_ptr()) };
    hash
}
