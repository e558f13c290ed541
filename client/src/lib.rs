//! Contracts over JSON-RPC: the nodes that are asked, the key that signs, what is sent, and what refusals mean. The only code of the project
//! that speaks to nodes; it knows the interfaces of `abi/` as data, and no contract in particular.
//!
//! - [`Rpc`] and [`Node`]: one node or several. Reads fall back to the next one, nothing is sent while they disagree.
//! - [`At`]: reads that belong together are of one block, and say which.
//! - [`Sending`] and [`Sender`]: what is sent was tried, shown and asked for; or, without a key, it is printed for another to send.

mod failure;
pub mod follow;
mod host;
mod kms;
mod ledger;
mod node;
mod send;
mod signer;
pub mod web;

pub use abi::*;

pub use crate::{
    node::{At, Head, LAG, Node, Rpc},
    send::{Printed, Sender, Sending, Sent, Signed},
};
