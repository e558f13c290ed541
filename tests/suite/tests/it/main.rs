//! The pool's programs, compiled to WASM, on the embedded chain. One binary, a module per subject; names of tests
//! begin with the id of the scenario they play (see SCENARIOS.md).

mod allocations;
mod anywhere;
mod attacks;
mod audit;
mod borrowing;
mod claims;
mod debt;
mod diamond;
mod distributor;
mod erc20;
mod exchange;
mod fuzz;
mod input;
mod oracle;
mod proxy_attacks;
mod proxy_borrowing;
mod proxy_exchange;
mod proxy_guardian;
mod proxy_input;
mod proxy_payouts;
mod proxy_storage;
mod rewards;
mod roles;
mod scenarios;
mod schedule;
mod shortfalls;
mod simulation;
mod staking;
mod storage;
mod tokens;
mod upgrade;
