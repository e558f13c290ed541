//! The logic of the rewards distributor, and nothing else: no storage, no caller, no clock.
//!
//! A tree of cumulative amounts ([`merkle`]) becomes active after it has waited ([`roots`]); who claims gets the difference to what was paid
//! before ([`claimable`]). Reporters agree on a tree by counting equal reports ([`quorum`]). Epochs ([`schedule`]) are published for readers.
//!
//! Source: `rewards-distributor.md`, section 7.
#![cfg_attr(not(test), no_std)]

pub mod merkle;
pub mod quorum;
pub mod roots;
pub mod schedule;

use alloy_primitives::U256;

/// What a claim of `cumulative` pays to an account that was paid `claimed` before; nothing if the amount decreased.
#[must_use]
pub fn claimable(cumulative: U256, claimed: U256) -> Option<U256> {
    cumulative.checked_sub(claimed)
}
