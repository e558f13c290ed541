//! The Stylus side of a chain, with no chain in it.
//!
//! [`module`] turns deployed bytes into a priced, instrumented program; [`execution`] runs one frame of it as a
//! coroutine that asks ([`Request`]) for whatever only a chain can answer ([`Reply`]).
//!
//! Section numbers in this crate's documentation are those of `spec/stylus-vm.md`.

mod abi;
pub mod execution;
pub mod module;

pub use execution::{Block, Config, Context, Execution, Outcome, Reply, Request, Step};
pub use module::{Activation, ActivationError, Figures, Program, Rules};

/// First protocol version (4.7) that prices storage misses and flushes as intended, charges activation by module
/// length, and limits the number of imports.
const ARBOS_CHARGING_FIXES: u64 = 32;
