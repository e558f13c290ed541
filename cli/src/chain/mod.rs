//! Contracts over JSON-RPC: the node that is asked, the key that signs, what is sent, and what refusals mean. Knows the interfaces of `abi/`
//! as data, and no contract in particular.

mod abi;
mod error;
mod node;
mod send;
mod signer;
mod words;

pub(crate) use abi::error_name;
pub(crate) use error::Error;
pub(crate) use node::{Node, Rpc};
pub(crate) use send::{Sender, Sending, Sent};
pub(crate) use words::{date, exact, printable, span, word};
