//! From feeds to samples: what is recorded is what was, or it is said that nobody knows.

mod chain_feeds;
mod fixture;
mod folders;
mod fuzz;
mod hostile;
mod sockets;
