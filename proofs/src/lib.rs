//! Laws of the contracts' arithmetic, for all inputs. `proofs/README.md` says what is proved, on what it rests, and what is not.
//!
//! [`source`] is the contracts' own source over numbers that are terms ([`number`]), [`engine`] runs it on every path, [`laws`] claims, and
//! [`verdict`] asks the solvers.

#![allow(clippy::result_large_err, reason = "errors are the contracts', whose numbers are larger as terms")]

pub mod counterexample;
pub mod distributor;
pub mod engine;
pub mod equality;
mod fields;
pub mod host;
pub mod laws;
pub mod mutants;
pub mod number;
pub mod program;
pub mod scopes;
pub mod solver;
pub mod source;
pub mod verdict;
pub mod world;
