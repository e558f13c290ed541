//! Tests of the embedded chain, on the public API.

mod activation;
mod basics;
mod cache_manager;
mod calls;
mod creation;
mod golden;
mod interfaces;
mod metering;
mod node;
mod precompiles;
mod storage;
mod support;
mod transactions;
