use alloc::vec::Vec;

use alloy_primitives::B256;

use crate::slots::{load, store};

/// At most 255 bytes in eight consecutive words, the first byte of which is the length. Only the words that are used are read and
/// written; what lies behind them means nothing. Solidity's layout would take one word more.
#[derive(Debug, Default)]
pub struct Text<const SLOT: u8>;

impl<const SLOT: u8> Text<SLOT> {
    /// The most bytes that it holds.
    pub const MAX: usize = 255;

    /// Reads the bytes.
    pub fn get(&self) -> Vec<u8> {
        read(SLOT)
    }

    /// Writes the bytes, of which there are at most [`Self::MAX`]: more are left out.
    pub fn set(&mut self, bytes: &[u8]) {
        write(SLOT, bytes.get(..Self::MAX).unwrap_or(bytes));
    }
}

fn read(slot: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut slot = slot;
    let mut length = 1_usize;
    while bytes.len() < length {
        let word = B256::from(load(&B256::with_last_byte(slot)));
        if bytes.is_empty() {
            length = usize::from(word.0.first().copied().unwrap_or_default()).saturating_add(1);
        }
        bytes.extend_from_slice(&word.0);
        slot = slot.saturating_add(1);
    }
    bytes.truncate(length);
    bytes.remove(0);
    bytes
}

fn write(slot: u8, bytes: &[u8]) {
    let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    let mut slot = slot;
    for chunk in [&[length], bytes].concat().chunks(32) {
        let mut word = B256::ZERO;
        for (place, byte) in word.0.iter_mut().zip(chunk) {
            *place = *byte;
        }
        store(&B256::with_last_byte(slot), word.into());
        slot = slot.saturating_add(1);
    }
}
