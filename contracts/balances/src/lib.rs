//! The arithmetic of the pool, and nothing else: no storage, no caller, no clock.
//!
//! Start reading the project here. Time is cut into epochs ([`schedule`]). Stake is *active* (earns, can be lent) or
//! *inactive* (on its way out, [`balance`]); a request made in one epoch moves stake from the first to the second when the
//! next epoch starts. Active stake earns through one growing number, the rewards index ([`rewards`]).
//!
//! The chain never wakes up by itself, so each record remembers the epoch in which it was last written together with
//! what it holds then (`current`) and from the next epoch on (`next`). One record so describes any number of epochs in which
//! nobody touched it, and *rolling* it to a later epoch needs nothing but the epoch's number.
//!
//! Borrowers take shares of the active stake ([`allocation`], [`loans`]); what they do not bring back in time is shared by the inactive stake
//! of that epoch, which its records learn when they are next rolled.
//!
//! Every division rounds as its function's name or documentation says. Every sum is checked against the width of its field. Amounts are base units of
//! the token, times are seconds, shares are basis points. Source: `liquidity-staking.md`, sections 4 to 9.
#![cfg_attr(not(test), no_std)]

pub mod allocation;
pub mod balance;
pub mod loans;
pub mod rewards;
pub mod schedule;

mod error;

pub use allocation::{Allocation, TOTAL_ALLOCATION};
pub use balance::{Active, Crossed, Inactive, Shortfall, to_balance};
pub use error::Error;
pub use loans::{Attribution, allocated_down, excess_points, haircut};
pub use rewards::{GlobalRewards, UserRewards, max_rate};
pub use schedule::Schedule;
