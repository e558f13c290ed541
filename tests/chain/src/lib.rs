#![doc = include_str!("../README.md")]

pub mod abi;
mod account;
mod arbos;
mod artifacts;
mod backend;
mod block;
mod builder;
mod chain;
mod embedded;
mod evm;
mod execution;
mod frames;
mod genesis;
pub mod node;
mod pages;
mod precompiles;
mod programs;
mod receipt;
mod sender;
mod state;
mod transaction;

pub use account::Account;
pub use arbos::{ARBOS, Params, Record};
pub use artifacts::{Artifacts, MissingArtifact};
pub use backend::{Authority, Backend};
pub use block::{BLOCK_GAS_LIMIT, Block, SEQUENCER};
pub use builder::ChainBuilder;
pub use chain::{Chain, SnapshotId};
pub use frames::{Frame, FrameKind, Recording, Step};
pub use genesis::{CACHE_MANAGER, CREATE2_FACTORY, FUNDS, STYLUS_DEPLOYER};
pub use precompiles::addresses;
pub use programs::compress;
pub use receipt::{Cause, Gas, Receipt, Rejected, Reverted, Sent};
pub use sender::{CONSTRUCTOR, Caller, Deployed, Sender};
pub use stylus_vm::{execution::HostCall, module::init_code};
pub use transaction::{DEFAULT_GAS_LIMIT, Transaction};
