#![doc = include_str!("../README.md")]

pub mod allocation;
pub mod book;
pub mod cid;
pub mod coefficient;
pub mod cumulative;
pub mod decimal;
pub mod eligibility;
pub mod epoch;
pub mod forecast;
pub mod formula;
pub mod health;
pub mod history;
pub mod inputs;
mod keccak;
pub mod legacy;
pub mod pairs;
pub mod parameters;
pub mod progress;
pub mod sampling;
pub mod score;
pub mod simulation;
pub mod tally;
pub mod timeline;
pub mod tree;
