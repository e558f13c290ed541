//! The scores of the rewards engine as a query on Apache DataFusion: for epochs that are read where they lie, by an engine that may have
//! many machines. The sums are integers in 256-bit decimals, so they are those of the streaming engine, whatever the order and the
//! number of partitions; everything after the sums is the engine itself.
//!
//! The queries are in `sql/`; the functions in them, which are the engine's own rules, in [`functions`].

pub mod functions;
pub mod tally;
