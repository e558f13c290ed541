//! Agreement of reporters: each has one report at a time, and what enough of them report equally is published.

use alloy_primitives::{Address, B256, U256};

/// The longest file name that a report can carry, bytes.
pub const MAX_CID: usize = 255;

/// Hash of a report; root and epoch have fixed widths, so no two reports share their bytes. What `cid` has beyond [`MAX_CID`] is left out.
pub fn digest(root: B256, epoch: u64, cid: &[u8], keccak: impl Fn(&[u8]) -> B256) -> B256 {
    let mut preimage = [0; 64 + MAX_CID];
    let parts = root.0.iter().chain(&[0; 24]).copied().chain(epoch.to_be_bytes()).chain(cid.iter().copied());
    let mut length = 0_usize;
    for (place, byte) in preimage.iter_mut().zip(parts) {
        *place = byte;
        length = length.saturating_add(1);
    }
    keccak(preimage.get(..length).unwrap_or_default())
}

/// What the oracle knows besides the published root and its file: one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Says which epoch is next.
    pub distributor: Address,
    /// Epoch of what is published; below 2^40.
    pub epoch: u64,
    /// How many equal reports publish.
    pub quorum: u16,
    /// How many reporters there are.
    pub reporters: u16,
    /// Whether anything is published.
    pub published: bool,
}

impl Agreement {
    /// Reads a stored word: distributor 160, epoch 40, quorum 16, reporters 16, published 1, least significant bits first.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let [_, _, c, d] = word.into_limbs();
        Self {
            distributor: Address::from_word(B256::from(word)),
            epoch: (c >> 32) | ((d & 0xff) << 32),
            quorum: (d >> 8) as u16, // The low 16 bits of what is left.
            reporters: (d >> 24) as u16,
            published: d >> 40 != 0,
        }
    }

    /// The word to store.
    #[must_use]
    pub fn to_word(self) -> U256 {
        let [a, b, c, _] = U256::from_be_bytes(self.distributor.into_word().0).into_limbs();
        let d = (self.epoch >> 32)
            | (u64::from(self.quorum) << 8)
            | (u64::from(self.reporters) << 24)
            | (u64::from(self.published) << 40);
        U256::from_limbs([a, b, c | (self.epoch << 32), d])
    }

    /// Whether so many equal reports publish.
    #[must_use]
    pub fn suffices(&self, reports: u16) -> bool {
        reports >= self.quorum
    }

    /// Whether all reporters together, and `ahead` more, could publish with such a quorum, and one report is needed at least.
    #[must_use]
    pub fn allows(&self, quorum: u16, ahead: u16) -> bool {
        quorum != 0 && quorum <= self.reporters.saturating_add(ahead)
    }

    /// Whether more than half of the reporters must agree, so that no two reports could be published by different ones.
    #[must_use]
    pub fn needs_majority(&self) -> bool {
        u32::from(self.quorum).saturating_mul(2) > u32::from(self.reporters)
    }
}
