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
//! | 3 | `total_active` | epoch 16, current 112, next 112, 1 if the epoch began short 16 |
//! | 4 | `total_inactive` | epoch 16, current 112, next 112, number of shortfalls 16 |
//! | 5 | `loans` | total borrowed 128, repaid debt not yet withdrawn 128 |
//! | 6 | `total_borrower_debt` | 256 |
//! | 7 | `rewards_token` | address 160 |
//! | 8 | `rewards_treasury` | address 160 |
//! | 9 | `active`, by staker | epoch 16, current 112, next 112, unused 16 |
//! | 10 | `inactive`, by staker | epoch 16, current 112, next 112, shortfalls applied 16 |
//! | 11 | `staker_rewards`, by staker | index 160, accrued 96 |
//! | 12 | `epoch_indexes`, by epoch | global index 160 at the epoch's end |
//! | 13 | `staker_debts`, by staker | 256 |
//! | 14 | `shortfalls`, by number | epoch 16, index 224 |
//! | 15 | `borrowers`, by borrower | borrowed 112, epoch 16, share 14, next share 14, restricted 1, unused 3, cap 96 |
//! | 16 | `borrower_debts`, by borrower | 256 |
//! | 17 | `allowances`, by owner and spender | 256 |
//! | 18 | `nonces`, by owner | 256 |
//! | 19 | `facets`, by selector | facet 160, position in `selectors` 32 |
//! | 20 | `selectors`, by position / 8 | eight selectors of 32 |
//! | 21 | `selector_count` | 32 |
//! | 22 | `proposed_owner` | address 160 |
//! | 23 | `proposing_owner` | address 160 |
//! | 24 | `owner_count` | 64 |
//! | 25 | `name` | text 248, length 8 |
//! | 26 | `symbol` | as 25 |
//! | 27 | `decimals` | 8 |
//! | 28 | `access` | OpenZeppelin's `AccessControl` |
//! | 29 | `tokens` | OpenZeppelin's `SafeErc20`, which stores nothing |
//!
//! Before construction every word is zero. OpenZeppelin's types stand last, since a new version may move their slots.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod ledger;
mod revert;
mod roles;
mod tokens;

pub mod words;

pub use host::{Constant, HOST, Name, Text, calls, emit, keccak, only_deployer, program, slots};
pub use ledger::Moment;
pub use revert::{Revert, abi, revert};
pub use roles::Role;
pub use tokens::Permit;

use alloy_primitives::{Address, U256};
use openzeppelin_stylus::{access::control::AccessControl, token::erc20::utils::SafeErc20};
use slots::{Map, Word};
use stylus_sdk::{
    host::VM,
    storage::{StorageGuard, StorageGuardMut, StorageType},
};

/// The pool's storage. The table of the crate says what each word holds.
#[allow(missing_debug_implementations, reason = "OpenZeppelin's types have none")]
pub struct Pool {
    /// [`words::Schedule`]: every entry point reads it.
    pub schedule: Word<0>,
    /// [`balances::GlobalRewards`].
    pub rewards: Word<1>,
    /// [`words::Emission`].
    pub emission: Word<2>,
    /// [`balances::Active`].
    pub total_active: Word<3>,
    /// [`balances::Inactive`]; its shortfall counter is the number of all shortfalls ever marked.
    pub total_inactive: Word<4>,
    /// [`words::Loans`].
    pub loans: Word<5>,
    /// What all borrowers owe as debt.
    pub total_borrower_debt: Word<6>,
    /// The token that stakers earn.
    pub rewards_token: Word<7>,
    /// Owns the rewards and has approved the pool to spend them.
    pub rewards_treasury: Word<8>,
    /// [`balances::Active`] of each staker.
    pub active: Map<9, Address>,
    /// [`balances::Inactive`] of each staker.
    pub inactive: Map<10, Address>,
    /// [`balances::UserRewards`] of each staker.
    pub staker_rewards: Map<11, Address>,
    /// The global index at the end of each epoch after which the total active balance changed.
    pub epoch_indexes: Map<12, u16>,
    /// Credited debt owed to each staker.
    pub staker_debts: Map<13, Address>,
    /// [`balances::Shortfall`]s in the order in which they were marked.
    pub shortfalls: Map<14, u16>,
    /// [`words::Borrower`]; the zero address holds the share that is lent to nobody.
    pub borrowers: Map<15, Address>,
    /// Debt owed by each borrower.
    pub borrower_debts: Map<16, Address>,
    /// What spenders may move, by owner and spender.
    pub allowances: Map<17, (Address, Address)>,
    /// Next permit nonce of each owner.
    pub nonces: Map<18, Address>,
    /// [`words::Route`] of each selector.
    pub facets: Map<19, u32>,
    /// [`words::Selectors`] that are routed, eight to a word.
    pub selectors: Map<20, u32>,
    /// How many selectors are routed.
    pub selector_count: Word<21>,
    /// Who is offered the owner role; the first owner while the pool is constructed.
    pub proposed_owner: Word<22>,
    /// Who offers the owner role.
    pub proposing_owner: Word<23>,
    /// How many accounts hold the owner role.
    pub owner_count: Word<24>,
    /// The name of the stake as a token.
    pub name: Text<25>,
    /// The symbol of the stake as a token.
    pub symbol: Text<26>,
    /// The staked token's decimals.
    pub decimals: Word<27>,
    /// Who holds which role.
    pub access: AccessControl,
    /// Calls to tokens.
    pub tokens: SafeErc20,
}

/// Written out rather than derived: `#[storage]` would count slots at run time, which takes 2.6 KB in every program.
impl StorageType for Pool {
    type Wraps<'a> = StorageGuard<'a, Self>;
    type WrapsMut<'a> = StorageGuardMut<'a, Self>;

    const SLOT_BYTES: usize = 32;
    const REQUIRED_SLOTS: usize = 30;

    unsafe fn new(_: U256, _: u8, host: VM) -> Self {
        let slot = |number| U256::from_limbs([number, 0, 0, 0]);
        // SAFETY: each slot is used once.
        let (access, tokens) =
            unsafe { (AccessControl::new(slot(28), 0, host.clone()), SafeErc20::new(slot(29), 0, host)) };
        Self {
            schedule: Word,
            rewards: Word,
            emission: Word,
            total_active: Word,
            total_inactive: Word,
            loans: Word,
            total_borrower_debt: Word,
            rewards_token: Word,
            rewards_treasury: Word,
            active: Map::NEW,
            inactive: Map::NEW,
            staker_rewards: Map::NEW,
            epoch_indexes: Map::NEW,
            staker_debts: Map::NEW,
            shortfalls: Map::NEW,
            borrowers: Map::NEW,
            borrower_debts: Map::NEW,
            allowances: Map::NEW,
            nonces: Map::NEW,
            facets: Map::NEW,
            selectors: Map::NEW,
            selector_count: Word,
            proposed_owner: Word,
            proposing_owner: Word,
            owner_count: Word,
            name: Text,
            symbol: Text,
            decimals: Word,
            access,
            tokens,
        }
    }

    fn load<'s>(self) -> Self::Wraps<'s> {
        StorageGuard::new(self)
    }

    fn load_mut<'s>(self) -> Self::WrapsMut<'s> {
        StorageGuardMut::new(self)
    }
}
