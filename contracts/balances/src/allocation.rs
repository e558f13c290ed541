//! A borrower's share of the pool, now and from the next epoch on (spec section 7).

use alloy_primitives::U256;

/// The whole pool, in basis points.
pub const TOTAL_ALLOCATION: u16 = 10_000;

/// A share in basis points. One word: `epoch` 16 bits, `current` 120, `next` 120, least significant first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocation {
    /// Epoch in which the record was last written.
    pub epoch: u16,
    /// Share during `epoch`, at most 10,000.
    pub current: u16,
    /// Share from the epoch after `epoch` on, at most 10,000.
    pub next: u16,
}

impl Allocation {
    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let [a, _, c, _] = word.into_limbs();
        // Shares are at most 10,000, so the low 16 bits of each 120-bit field are all of it.
        Self { epoch: a as u16, current: (a >> 16) as u16, next: (c >> 8) as u16 }
    }

    /// The word to store.
    #[must_use]
    pub fn to_word(self) -> U256 {
        let a = u64::from(self.epoch) | (u64::from(self.current) << 16);
        U256::from_limbs([a, 0, u64::from(self.next) << 8, 0])
    }

    /// Advances to `epoch`.
    pub fn roll_to(&mut self, epoch: u16) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.current = self.next;
        }
    }
}
