//! The Stylus side of a chain, with no chain in it.
//!
//! [`module`] turns deployed bytes into a priced, instrumented program; [`execution`] runs one frame of it as a
//! coroutine that asks ([`Request`]) for whatever only a chain can answer ([`Reply`]).
//!
//! Section numbers in this crate's documentation are those of `spec/stylus-vm.md`; rules of ArbOS 59 and later are those
//! of `spec/arbos-61.md`.

mod abi;
pub mod execution;
pub mod module;

pub use execution::{Block, Config, Context, Execution, Outcome, Recorded, Reply, Request, Step};
pub use module::{ARBOS_CURRENT, ARBOS_VERSIONS, Activation, ActivationError, Figures, Program, Rules};

/// First protocol version (4.7) that prices storage misses and flushes as intended, charges activation by module
/// length, and limits the number of imports.
const ARBOS_CHARGING_FIXES: u64 = 32;
/// First protocol version with Stylus version 3: nothing grows beyond what the host interface can count.
const ARBOS_STYLUS_3: u64 = 59;
