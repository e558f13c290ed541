//! The pool's programs, compiled to WASM, on the embedded chain. One binary, a module per subject; names of tests
//! begin with the id of the scenario they play (see SCENARIOS.md).

mod allocations;
mod anywhere;
mod borrowing;
mod debt;
mod diamond;
mod erc20;
mod fuzz;
mod input;
mod rewards;
mod roles;
mod scenarios;
mod schedule;
mod shortfalls;
mod simulation;
mod staking;
mod storage;
mod tokens;
