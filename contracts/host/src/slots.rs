//! Fields whose slot is part of their type.
//!
//! The SDK's fields carry their slot as a value: setting up the pool's took 5 KB in every program and gas in every call, though
//! most fields are not touched. These are empty. Layout and hashing are Solidity's.

use core::marker::PhantomData;

use alloy_primitives::{Address, B256, U256};
use stylus_sdk::hostio;

/// A word.
#[derive(Debug, Default)]
pub struct Word<const SLOT: u8>;

/// A word per key.
#[derive(Debug, Default)]
pub struct Map<const SLOT: u8, K>(PhantomData<K>);

/// What a [`Map`] can be keyed by.
pub trait Key {
    /// The key as a hash sees it.
    fn word(&self) -> B256;
}

impl<const SLOT: u8> Word<SLOT> {
    /// Reads the word.
    pub fn get(&self) -> U256 {
        load(&B256::with_last_byte(SLOT))
    }

    /// Writes the word.
    pub fn set(&mut self, value: U256) {
        store(&B256::with_last_byte(SLOT), value);
    }

    /// Reads the word as an address.
    pub fn address(&self) -> Address {
        Address::from_word(self.get().into())
    }

    /// Writes the word as an address.
    pub fn set_address(&mut self, address: Address) {
        self.set(U256::from_be_bytes(address.into_word().0));
    }
}

impl<const SLOT: u8, K> Map<SLOT, K> {
    /// The map.
    pub const NEW: Self = Self(PhantomData);
}

impl<const SLOT: u8, K: Key> Map<SLOT, K> {
    /// Reads the word of `key`.
    pub fn get(&self, key: K) -> U256 {
        load(&hashed(key.word(), B256::with_last_byte(SLOT)))
    }

    /// Writes the word of `key`.
    pub fn insert(&mut self, key: K, value: U256) {
        store(&hashed(key.word(), B256::with_last_byte(SLOT)), value);
    }
}

/// Nested: the first of two keys is the outer one.
impl<const SLOT: u8, K: Key, L: Key> Map<SLOT, (K, L)> {
    /// Reads the word of two keys.
    pub fn get_nested(&self, outer: K, inner: L) -> U256 {
        load(&hashed(inner.word(), hashed(outer.word(), B256::with_last_byte(SLOT))))
    }

    /// Writes the word of two keys.
    pub fn insert_nested(&mut self, outer: K, inner: L, value: U256) {
        store(&hashed(inner.word(), hashed(outer.word(), B256::with_last_byte(SLOT))), value);
    }
}

impl Key for Address {
    fn word(&self) -> B256 {
        self.into_word()
    }
}

impl Key for B256 {
    fn word(&self) -> B256 {
        *self
    }
}

impl Key for u16 {
    fn word(&self) -> B256 {
        u32::from(*self).word()
    }
}

impl Key for u32 {
    fn word(&self) -> B256 {
        let mut word = B256::ZERO;
        if let Some(low) = word.0.last_chunk_mut() {
            *low = self.to_be_bytes();
        }
        word
    }
}

pub(crate) fn load(slot: &B256) -> U256 {
    let mut word = B256::ZERO;
    // SAFETY: the host reads 32 bytes and writes 32 bytes.
    unsafe { hostio::storage_load_bytes32(slot.as_ptr(), word.as_mut_ptr()) };
    word.into()
}

pub(crate) fn store(slot: &B256, value: U256) {
    let word = B256::from(value);
    // SAFETY: the host reads 32 bytes of each.
    unsafe { hostio::storage_cache_bytes32(slot.as_ptr(), word.as_ptr()) };
}

fn hashed(key: B256, slot: B256) -> B256 {
    let pair = [key, slot];
    let mut hash = B256::ZERO;
    // SAFETY: two words of 32 bytes each lie side by side; the host writes 32 bytes.
    unsafe { hostio::native_keccak256(pair.as_ptr().cast(), 64, hash.as_mut_ptr()) };
    hash
}
