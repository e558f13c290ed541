//! Everything the pool remembers, and what more than one facet does with it.
//!
//! [`Pool`] is the first and only field of the router and of each facet: one address, one layout. It is the only place a slot is
//! declared. Fields that one call touches together share a word ([`words`]), since a word costs 2,100 gas to read and 2,900 to change.
//!
//! | slot | field | word, least significant bits first |
//! |---|---|---|
//! | 0 | `schedule` | interval 32, blackout window 32, offset 128, distribution start 64 |
//! | 1 | `rewards` | global index 160, settled at 48, distribution end 48 |
//! | 2 | `emission` | staked token 160, rewards per second 96 |
//! | 3 | `total_active` | epoch 16, current 112, next 112, unused 16 |
//! | 4 | `total_inactive` | epoch 16, current 112, next 112, number of shortfalls 16 |
//! | 5 | `loans` | total borrowed 128, repaid debt not yet withdrawn 128 |
//! | 6 | `total_borrower_debt` | 256 |
//! | 7 | `rewards_token` | address 160 |
//! | 8 | `rewards_treasury` | address 160 |
//! | 9 | `active`, by staker | as 3 |
//! | 10 | `inactive`, by staker | epoch 16, current 112, next 112, shortfalls applied 16 |
//! | 11 | `staker_rewards`, by staker | index 160, accrued 96 |
//! | 12 | `epoch_indexes`, by epoch | global index 160 at the epoch's end |
//! | 13 | `staker_debts`, by staker | 256 |
//! | 14 | `shortfalls`, by number | epoch 16, index 224 |
//! | 15 | `borrowers`, by borrower | borrowed 128, epoch 16, share 16, next share 16, restricted 16 |
//! | 16 | `borrower_debts`, by borrower | 256 |
//! | 17 | `allowances`, by owner and spender | 256 |
//! | 18 | `nonces`, by owner | 256 |
//! | 19 | `facets`, by selector | facet 160, position in `selectors` 32 |
//! | 20 | `selectors` | length; from keccak(20) on eight selectors of 32 bits each |
//! | 21 | `proposed_owner`, `owner_count` | address 160, count 64 |
//! | 22 | `proposing_owner` | address 160 |
//! | 23 | `access` | OpenZeppelin's `AccessControl` |
//! | 24 | `tokens` | OpenZeppelin's `SafeErc20`, which stores nothing |
//!
//! Before construction every word is zero. OpenZeppelin's types stand last, since a new version may move their slots.


#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod ledger;
mod revert;
mod roles;
mod tokens;

pub mod words;

pub use ledger::Moment;
pub use revert::{Revert, abi, revert};
pub use roles::Role;
pub use tokens::Permit;

use alloc::{vec, vec::Vec};

use alloy_primitives::Address;
use openzeppelin_stylus::{access::control::AccessControl, token::erc20::utils::SafeErc20};
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageB32, StorageMap, StorageU64, StorageU256, StorageVec},
};

/// A word per account.
pub type ByAccount = StorageMap<Address, StorageU256>;

/// The pool's storage. Slots stand in the crate's table.
#[storage]
pub struct Pool {
    /// [`words::Schedule`]: every entry point reads it.
    pub schedule: StorageU256,
    /// [`balances::GlobalRewards`].
    pub rewards: StorageU256,
    /// [`words::Emission`].
    pub emission: StorageU256,
    /// [`balances::Active`].
    pub total_active: StorageU256,
    /// [`balances::Inactive`]; its shortfall counter is the number of all shortfalls ever marked.
    pub total_inactive: StorageU256,
    /// [`words::Loans`].
    pub loans: StorageU256,
    /// What all borrowers owe as debt.
    pub total_borrower_debt: StorageU256,
    /// The token that stakers earn.
    pub rewards_token: StorageAddress,
    /// Owns the rewards and has approved the pool to spend them.
    pub rewards_treasury: StorageAddress,
    /// [`balances::Active`] of each staker.
    pub active: ByAccount,
    /// [`balances::Inactive`] of each staker.
    pub inactive: ByAccount,
    /// [`balances::UserRewards`] of each staker.
    pub staker_rewards: ByAccount,
    /// The global index at the end of each epoch after which the total active balance changed.
    pub epoch_indexes: StorageMap<u16, StorageU256>,
    /// Credited debt owed to each staker.
    pub staker_debts: ByAccount,
    /// [`balances::Shortfall`]s in the order in which they were marked.
    pub shortfalls: StorageMap<u16, StorageU256>,
    /// [`words::Borrower`]; the zero address holds the share that is lent to nobody.
    pub borrowers: ByAccount,
    /// Debt owed by each borrower.
    pub borrower_debts: ByAccount,
    /// What spenders may move, by owner.
    pub allowances: StorageMap<Address, ByAccount>,
    /// Next permit nonce of each owner.
    pub nonces: ByAccount,
    /// [`words::Route`] of each selector.
    pub facets: StorageMap<u32, StorageU256>,
    /// All selectors that are routed.
    pub selectors: StorageVec<StorageB32>,
    /// Who is offered the owner role; the first owner while the pool is constructed.
    pub proposed_owner: StorageAddress,
    /// How many accounts hold the owner role.
    pub owner_count: StorageU64,
    /// Who offers the owner role.
    pub proposing_owner: StorageAddress,
    /// Who holds which role.
    pub access: AccessControl,
    /// Calls to tokens.
    pub tokens: SafeErc20,
}

#[cfg(test)]
mod tests {
    use stylus_sdk::storage::StorageType;

    use super::Pool;

    #[test]
    fn occupies_the_slots_of_the_table() {
        assert_eq!(<Pool as StorageType>::REQUIRED_SLOTS, 25);
    }
}
