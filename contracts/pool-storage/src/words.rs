//! Words of several fields that no record of [`balances`] describes.

use alloy_primitives::{Address, B256, FixedBytes, U256};
use balances::Allocation;

/// The schedule, and when the distribution of rewards starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Epochs and blackout window.
    pub epochs: balances::Schedule,
    /// First second of the distribution.
    pub distribution_start: u64,
}

impl Schedule {
    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let [a, b, c, d] = word.into_limbs();
        let epochs = balances::Schedule {
            interval: a as u32, // The low half.
            blackout: (a >> 32) as u32,
            offset: u128::from(b) | (u128::from(c) << 64),
        };
        Self { epochs, distribution_start: d }
    }

    /// The word to store.
    #[must_use]
    pub fn to_word(self) -> U256 {
        let a = u64::from(self.epochs.interval) | (u64::from(self.epochs.blackout) << 32);
        let [b, c] = halves(self.epochs.offset);
        U256::from_limbs([a, b, c, self.distribution_start])
    }
}

/// The staked token, and the emission of rewards: what staking needs besides balances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Emission {
    /// The token that is staked and lent.
    pub staked_token: Address,
    /// Reward units per second, below 2^96.
    pub rewards_per_second: u128,
}

impl Emission {
    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let [_, _, c, d] = word.into_limbs();
        Self {
            staked_token: Address::from_word(B256::from(word)),
            rewards_per_second: u128::from(c >> 32) | (u128::from(d) << 32),
        }
    }

    /// The word to store.
    #[must_use]
    pub fn to_word(self) -> U256 {
        let [a, b, c, _] = address_limbs(self.staked_token);
        let [low, high] = halves(self.rewards_per_second << 32);
        U256::from_limbs([a, b, c | low, high])
    }
}

/// What is lent out, and what came back of debt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loans {
    /// What all borrowers have borrowed.
    pub borrowed: u128,
    /// Repaid debt that stakers have not withdrawn yet.
    pub debt_available: u128,
}

impl Loans {
    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let [a, b, c, d] = word.into_limbs();
        Self { borrowed: u128::from(a) | (u128::from(b) << 64), debt_available: u128::from(c) | (u128::from(d) << 64) }
    }

    /// The word to store.
    #[must_use]
    pub fn to_word(self) -> U256 {
        let [a, b] = halves(self.borrowed);
        let [c, d] = halves(self.debt_available);
        U256::from_limbs([a, b, c, d])
    }
}

/// A borrower: its loan, its share of the pool, its cap, and whether it may borrow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Borrower {
    /// What it has borrowed: at most the active stake, so below 2^112.
    pub borrowed: u128,
    /// Its share.
    pub allocation: Allocation,
    /// Whether it may not borrow.
    pub restricted: bool,
    /// The most that it can have borrowed after a new loan, below 2^96; 0: no cap.
    pub cap: u128,
}

/// The largest cap: 2^96 - 1.
pub const MAX_CAP: u128 = (1 << 96) - 1;

const LOW_48: u64 = (1 << 48) - 1;
const LOW_14: u64 = (1 << 14) - 1;

impl Borrower {
    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let [a, b, c, d] = word.into_limbs();
        Self {
            borrowed: u128::from(a) | (u128::from(b & LOW_48) << 64),
            allocation: Allocation {
                epoch: (b >> 48) as u16,
                current: (c & LOW_14) as u16,
                next: ((c >> 14) & LOW_14) as u16,
            },
            restricted: (c >> 28) & 1 != 0,
            cap: u128::from(c >> 32) | (u128::from(d) << 32),
        }
    }

    /// The word to store. Shares of at most 10,000 have 14 bits.
    #[must_use]
    pub fn to_word(self) -> U256 {
        let [a, b] = halves(self.borrowed);
        let Allocation { epoch, current, next } = self.allocation;
        let [cap_low, d] = halves(self.cap << 32);
        let c = u64::from(current) | (u64::from(next) << 14) | (u64::from(self.restricted) << 28) | cap_low;
        U256::from_limbs([a, b | (u64::from(epoch) << 48), c, d])
    }

    /// The most that it can have borrowed after a new loan, its share apart.
    #[must_use]
    pub fn ceiling(&self) -> u128 {
        if self.cap == 0 { u128::MAX } else { self.cap }
    }
}

/// Which facet answers a selector, and where that stands in the list of all selectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// The facet; zero if nobody answers.
    pub facet: Address,
    /// Position in the list.
    pub position: u32,
}

impl Route {
    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let [_, _, c, _] = word.into_limbs();
        Self { facet: Address::from_word(B256::from(word)), position: (c >> 32) as u32 }
    }

    /// The word to store.
    #[must_use]
    pub fn to_word(self) -> U256 {
        let [a, b, c, _] = address_limbs(self.facet);
        U256::from_limbs([a, b, c | (u64::from(self.position) << 32), 0])
    }
}

/// Eight selectors, the first in the lowest bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selectors([u32; 8]);

impl Selectors {
    /// How many there are in a word.
    pub const LEN: u32 = 8;

    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let mut selectors = [0; 8];
        for (pair, limb) in selectors.chunks_exact_mut(2).zip(word.into_limbs()) {
            pair.copy_from_slice(&[limb as u32, (limb >> 32) as u32]); // Low and high half.
        }
        Self(selectors)
    }

    /// The word to store.
    #[must_use]
    pub fn to_word(self) -> U256 {
        let [a, b, c, d, e, f, g, h] = self.0.map(u64::from);
        U256::from_limbs([a | (b << 32), c | (d << 32), e | (f << 32), g | (h << 32)])
    }

    /// The selector at `position`, modulo the length.
    pub fn at(&mut self, position: u32) -> &mut u32 {
        #[expect(clippy::indexing_slicing, reason = "below the length")]
        &mut self.0[(position % Self::LEN) as usize]
    }
}

/// A selector as the number that maps use as key.
#[must_use]
pub fn selector_key(selector: FixedBytes<4>) -> u32 {
    u32::from_be_bytes(selector.0)
}

fn halves(number: u128) -> [u64; 2] {
    [number as u64, (number >> 64) as u64] // Low and high bits.
}

fn address_limbs(address: Address) -> [u64; 4] {
    U256::from_be_bytes(address.into_word().0).into_limbs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Address = Address::new([0xab; 20]);

    #[test]
    fn words_keep_their_fields_at_full_width() {
        let epochs = balances::Schedule { interval: u32::MAX, blackout: 7, offset: u128::MAX - 1 };
        let schedule = Schedule { epochs, distribution_start: u64::MAX - 2 };
        assert_eq!(Schedule::from_word(schedule.to_word()), schedule);

        let emission = Emission { staked_token: ADDRESS, rewards_per_second: (1 << 96) - 2 };
        assert_eq!(Emission::from_word(emission.to_word()), emission);

        let loans = Loans { borrowed: u128::MAX - 1, debt_available: u128::MAX - 2 };
        assert_eq!(Loans::from_word(loans.to_word()), loans);

        let route = Route { facet: ADDRESS, position: u32::MAX - 1 };
        assert_eq!(Route::from_word(route.to_word()), route);

        let mut selectors = Selectors::default();
        for position in 0..Selectors::LEN {
            *selectors.at(position) = u32::MAX - position;
        }
        assert_eq!(Selectors::from_word(selectors.to_word()), selectors);

        for restricted in [false, true] {
            let allocation = Allocation { epoch: u16::MAX, current: 10_000, next: 9_999 };
            for (borrowed, cap) in [((1 << 112) - 2, MAX_CAP - 1), (1, 0), (0, 1 << 32)] {
                let borrower = Borrower { borrowed, allocation, restricted, cap };
                assert_eq!(Borrower::from_word(borrower.to_word()), borrower);
            }
        }
    }

    #[test]
    fn a_word_never_written_is_empty() {
        assert_eq!(Schedule::from_word(U256::ZERO), Schedule::default());
        assert_eq!(Emission::from_word(U256::ZERO), Emission::default());
        assert_eq!(Loans::from_word(U256::ZERO), Loans::default());
        assert_eq!(Borrower::from_word(U256::ZERO), Borrower::default());
        assert_eq!(Route::from_word(U256::ZERO), Route::default());
        assert_eq!(Selectors::from_word(U256::ZERO), Selectors::default());
    }
}
