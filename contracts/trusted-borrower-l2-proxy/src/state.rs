//! What a borrower remembers, and the only place a slot is declared. Balances are not among it: they are read where they are kept.
//!
//! | slot | field | word, least significant bits first |
//! |---|---|---|
//! | 0 | `status` | owners 32, guardians 32, restricted 64, approved for payouts 128 |
//! | 1 | `accounts`, by account | a bit per [`crate::roles::Role`], then one for allowed recipients |
//! | 2 | `keys`, by STARK key | allowed 1, blocked 1 |
//! | 3 | `vaults`, by hash of key, asset and vault | allowed from 64, being cancelled 64 |
//! | 4 | `queue`, by hash of a forced trade | queued at 64 |
//!
//! Pool, exchange, token and distributor are in the clone's code ([`crate::parties::Parties`]).

use ::host::{
    HOST, Revert,
    slots::{Map, Word},
};
use alloy_primitives::{Address, U256};
use stylus_sdk::{
    crypto::keccak,
    host::VM,
    prelude::*,
    storage::{StorageGuard, StorageGuardMut, StorageType},
};

use crate::{
    abi,
    report::refuse,
    uint::{Uint, bytes_of},
};

/// How long a vault waits on the list, seconds.
pub(crate) const VAULT_WAIT: u64 = 3 * 24 * 60 * 60;
/// How long a forced trade waits in the queue, and how long it can be requested afterwards, seconds.
pub(crate) const TRADE_WAIT: u64 = 7 * 24 * 60 * 60;

/// A borrower's storage. The table above says what each word holds.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) status: Word<0>,
    pub(crate) accounts: Map<1, Address>,
    keys: Map<2, Uint>,
    vaults: Map<3, Uint>,
    queue: Map<4, Uint>,
}

/// Slot 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    /// How many accounts hold the owner role.
    pub(crate) owners: u32,
    /// How many accounts hold the guardian role.
    pub(crate) guardians: u32,
    /// Whether the guardian forbids to borrow.
    pub(crate) restricted: bool,
    /// What the guardian lets out, whatever is owed.
    pub(crate) approved: u128,
}

impl Status {
    fn from_word(word: U256) -> Self {
        let [counts, restricted, low, high] = word.into_limbs();
        Self {
            owners: counts as u32, // The low half.
            guardians: (counts >> 32) as u32,
            restricted: restricted != 0,
            approved: u128::from(high) << 64 | u128::from(low),
        }
    }

    fn to_word(self) -> U256 {
        let counts = u64::from(self.guardians) << 32 | u64::from(self.owners);
        U256::from_limbs([counts, self.restricted.into(), self.approved as u64, (self.approved >> 64) as u64])
    }
}

/// A vault on the exchange: STARK key, asset type, vault id.
pub(crate) type Vault = [Uint; 3];

/// What is remembered of a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VaultRecord {
    /// From when on it may be deposited to, seconds; 0: never.
    pub(crate) allowed_from: u64,
    /// Whether a cancellation is under way there.
    pub(crate) cancelling: bool,
}

impl VaultRecord {
    fn from_word(word: U256) -> Self {
        let [allowed_from, cancelling, ..] = word.into_limbs();
        Self { allowed_from, cancelling: cancelling != 0 }
    }

    fn to_word(self) -> U256 {
        U256::from_limbs([self.allowed_from, self.cancelling.into(), 0, 0])
    }
}

/// What is remembered of a key.
const KEY_ALLOWED: u64 = 1;
const KEY_BLOCKED: u64 = 2;

impl State {
    pub(crate) fn status(&self) -> Status {
        Status::from_word(self.status.get())
    }

    pub(crate) fn set_status(&mut self, status: Status) {
        self.status.set(status.to_word());
    }

    // ---------------------------------------------------------------- keys

    pub(crate) fn is_key_allowed(&self, key: Uint) -> bool {
        self.key(key) == KEY_ALLOWED
    }

    pub(crate) fn is_key_blocked(&self, key: Uint) -> bool {
        self.key(key) == KEY_BLOCKED
    }

    pub(crate) fn check_key(&self, key: Uint) -> Result<(), Revert> {
        if !self.is_key_allowed(key) {
            return Err(refuse::<abi::StarkKeyNotAllowed, _>([key]));
        }
        Ok(())
    }

    pub(crate) fn set_key_allowed(&mut self, key: Uint, allowed: bool) {
        self.set_key(key, if allowed { KEY_ALLOWED } else { 0 });
    }

    /// A blocked key is not allowed.
    pub(crate) fn set_key_blocked(&mut self, key: Uint, blocked: bool) {
        self.set_key(key, if blocked { KEY_BLOCKED } else { 0 });
    }

    fn key(&self, key: Uint) -> u64 {
        self.keys.get(key).into_limbs()[0]
    }

    fn set_key(&mut self, key: Uint, state: u64) {
        self.keys.insert(key, U256::from_limbs([state, 0, 0, 0]));
    }

    // ---------------------------------------------------------------- vaults

    #[inline(never)]
    pub(crate) fn vault(&self, vault: &Vault) -> VaultRecord {
        VaultRecord::from_word(self.vaults.get(hash_of(vault)))
    }

    #[inline(never)]
    pub(crate) fn set_vault(&mut self, vault: &Vault, record: VaultRecord) {
        self.vaults.insert(hash_of(vault), record.to_word());
    }

    // ---------------------------------------------------------------- forced trades

    pub(crate) fn queued_at(&self, trade: Uint) -> u64 {
        self.queue.get(trade).into_limbs()[0]
    }

    pub(crate) fn set_queued_at(&mut self, trade: Uint, timestamp: u64) {
        self.queue.insert(trade, U256::from_limbs([timestamp, 0, 0, 0]));
    }
}

/// The fields of what is reported of a vault.
#[inline(never)]
pub(crate) fn with(vault: &Vault, last: Uint) -> [Uint; 4] {
    let [stark_key, asset_type, vault_id] = *vault;
    [stark_key, asset_type, vault_id, last]
}

pub(crate) fn now() -> u64 {
    HOST.block_timestamp()
}

/// The hash of words, as vaults and forced trades are known by.
pub(crate) fn hash_of(words: &[Uint]) -> Uint {
    Uint::new(keccak(bytes_of(words)))
}

/// Written out rather than derived: `#[storage]` would count slots at run time.
impl StorageType for State {
    type Wraps<'a> = StorageGuard<'a, Self>;
    type WrapsMut<'a> = StorageGuardMut<'a, Self>;

    const SLOT_BYTES: usize = 32;
    const REQUIRED_SLOTS: usize = 5;

    unsafe fn new(_: U256, _: u8, _: VM) -> Self {
        Self { status: Word, accounts: Map::NEW, keys: Map::NEW, vaults: Map::NEW, queue: Map::NEW }
    }

    fn load<'s>(self) -> Self::Wraps<'s> {
        StorageGuard::new(self)
    }

    fn load_mut<'s>(self) -> Self::WrapsMut<'s> {
        StorageGuardMut::new(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hold_what_was_put_in() {
        let status = Status { owners: u32::MAX, guardians: 3, restricted: true, approved: u128::MAX - 1 };
        assert_eq!(Status::from_word(status.to_word()), status);
        let none = Status { owners: 0, guardians: u32::MAX, restricted: false, approved: 1 << 64 };
        assert_eq!(Status::from_word(none.to_word()), none);
        for record in [
            VaultRecord { allowed_from: u64::MAX, cancelling: false },
            VaultRecord { allowed_from: 0, cancelling: true },
        ] {
            assert_eq!(VaultRecord::from_word(record.to_word()), record);
        }
    }
}
