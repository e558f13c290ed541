//! The pool's programs, compiled to WASM, on the embedded chain. One binary, a module per subject; names of tests
//! begin with the id of the scenario they play (see SCENARIOS.md).

mod diamond;
mod erc20;
mod input;
mod rewards;
mod roles;
mod scenarios;
mod schedule;
mod staking;
mod storage;
mod tokens;
