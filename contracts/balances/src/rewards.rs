//! Rewards by the second (spec section 6).
//!
//! The global index is the sum of `rate / total active stake` over all seconds so far, times 10^18. A staker earns its stake
//! times the growth of the index since the staker was last settled. Both divisions round down, so that what is paid never
//! exceeds what was emitted.

use alloy_primitives::U256;

use crate::Error;

/// What one whole reward unit per staked unit adds to the index: 10^18.
pub const INDEX_BASE: u64 = 10u64.pow(18);

/// Largest rewards a record can hold: 2^96 - 1.
pub const MAX_ACCRUED: u128 = (1 << 96) - 1;

/// Largest time, in seconds, that fits the rewards clock: 2^48 - 1.
pub const MAX_TIMESTAMP: u64 = (1 << 48) - 1;

const MAX_INDEX: U256 = U256::from_limbs([u64::MAX, u64::MAX, u32::MAX as u64, 0]);

/// Highest rate, in reward units per second, at which neither an index nor a staker's rewards can overflow during a
/// distribution of `duration` seconds, whatever the rates before: all that can be emitted fits 96 bits, hence an index
/// over a single staked unit fits 96 + 60 bits.
#[must_use]
pub fn max_rate(duration: u64) -> u128 {
    MAX_ACCRUED.checked_div(duration.into()).unwrap_or(MAX_ACCRUED)
}

/// The pool's side. One word: `index` 160 bits, `settled_at` 48, `end` 48, least significant first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GlobalRewards {
    /// Rewards per staked unit since the start, times [`INDEX_BASE`].
    pub index: U256,
    /// Time up to which `index` is settled, seconds.
    pub settled_at: u64,
    /// End of the distribution, seconds.
    pub end: u64,
}

impl GlobalRewards {
    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let [a, b, c, d] = word.into_limbs();
        Self {
            index: U256::from_limbs([a, b, c & u64::from(u32::MAX), 0]),
            settled_at: (c >> 32) | ((d & 0xffff) << 32),
            end: d >> 16,
        }
    }

    /// The word to store. Times are at most [`MAX_TIMESTAMP`].
    #[must_use]
    pub fn to_word(self) -> U256 {
        let [a, b, c, _] = self.index.into_limbs();
        let d = ((self.settled_at >> 32) & 0xffff) | (self.end << 16);
        U256::from_limbs([a, b, c | (self.settled_at << 32), d])
    }

    /// Settles the index to `up_to` or the end of the distribution, for `total` active stake at `rate` units per second.
    /// Rounds down. Returns whether the clock moved; without stake or rate only the clock does, and that emission is nobody's.
    pub fn settle_to(&mut self, up_to: u64, total: u128, rate: u128) -> Result<bool, Error> {
        let until = up_to.min(self.end);
        let Some(seconds) = until.checked_sub(self.settled_at).filter(|&seconds| seconds > 0) else {
            return Ok(false);
        };
        if rate > 0 && total > 0 {
            self.index = grown_down(self.index, seconds, rate, total)?;
        }
        self.settled_at = until;
        Ok(true)
    }
}

/// `index + floor(seconds * rate * 10^18 / total)`.
fn grown_down(index: U256, seconds: u64, rate: u128, total: u128) -> Result<U256, Error> {
    let grown = U256::from(seconds)
        .checked_mul(U256::from(rate))
        .and_then(|emitted| emitted.checked_mul(U256::from(INDEX_BASE)))
        .and_then(|scaled| scaled.checked_div(U256::from(total)))
        .and_then(|growth| index.checked_add(growth))
        .unwrap_or(U256::MAX);
    if grown > MAX_INDEX {
        return Err(Error::IndexOverflow { index: grown, maximum: MAX_INDEX });
    }
    Ok(grown)
}

/// A staker's side. One word: `index` 160 bits, `accrued` 96, least significant first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserRewards {
    /// Global index up to which `accrued` is settled.
    pub index: U256,
    /// Rewards earned and not yet claimed.
    pub accrued: u128,
}

impl UserRewards {
    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let [a, b, c, d] = word.into_limbs();
        Self {
            index: U256::from_limbs([a, b, c & u64::from(u32::MAX), 0]),
            accrued: u128::from(c >> 32) | (u128::from(d) << 32),
        }
    }

    /// The word to store.
    #[must_use]
    pub fn to_word(self) -> U256 {
        let [a, b, c, _] = self.index.into_limbs();
        U256::from_limbs([a, b, c | ((self.accrued as u64) << 32), (self.accrued >> 32) as u64])
    }

    /// Accrues what `staked` units earned while the index grew to `index`, rounded down. Returns whether the index moved;
    /// it does so without stake as well, so that a newcomer earns nothing for the past.
    pub fn settle_to(&mut self, index: U256, staked: u128) -> Result<bool, Error> {
        if index == self.index {
            return Ok(false);
        }
        let growth = index.checked_sub(self.index).ok_or(Error::IndexDecreased { settled: self.index, index })?;
        if staked > 0 {
            self.accrued = accrued_down(self.accrued, staked, growth)?;
        }
        self.index = index;
        Ok(true)
    }
}

/// `accrued + floor(staked * growth / 10^18)`.
fn accrued_down(accrued: u128, staked: u128, growth: U256) -> Result<u128, Error> {
    let sum = U256::from(staked)
        .checked_mul(growth)
        .and_then(|scaled| scaled.checked_div(U256::from(INDEX_BASE)))
        .and_then(|earned| earned.checked_add(U256::from(accrued)))
        .unwrap_or(U256::MAX);
    let overflow = Error::AccruedOverflow { accrued: sum, maximum: U256::from(MAX_ACCRUED) };
    let sum = u128::try_from(sum).map_err(|_| overflow)?;
    if sum > MAX_ACCRUED { Err(overflow) } else { Ok(sum) }
}
