//! Epochs as readers of the distributor count them; no rule of the distributor depends on them.

use alloy_primitives::U256;

/// Longest epoch: 366 days, in seconds. A start of epoch zero in its place is longer.
pub const MAX_INTERVAL: u64 = 31_622_400;

/// How far ahead epoch zero may start: 366 days, in seconds.
pub const MAX_LEAD: u64 = 31_622_400;

/// Why there is no such schedule, or no such epoch. Seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// An epoch has no length.
    ZeroInterval,
    /// An epoch is too long.
    EpochTooLong {
        /// Its length.
        interval: U256,
        /// The greatest length.
        maximum: U256,
    },
    /// Epoch zero starts too late.
    OffsetTooFar {
        /// When it starts.
        offset: U256,
        /// When it may start at the latest.
        maximum: U256,
    },
    /// Epoch zero has not started.
    NotStarted {
        /// The time asked about.
        timestamp: U256,
        /// When it starts.
        start: U256,
    },
}

/// Length of an epoch and start of epoch zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Length of an epoch.
    pub interval: u64,
    /// Start of epoch zero.
    pub offset: u64,
}

impl Schedule {
    /// Checks length and start and narrows them.
    pub fn new(interval: U256, offset: U256, now: u64) -> Result<Self, Error> {
        if interval.is_zero() {
            return Err(Error::ZeroInterval);
        }
        let latest = now.saturating_add(MAX_LEAD);
        let too_long = Error::EpochTooLong { interval, maximum: U256::from(MAX_INTERVAL) };
        let too_far = Error::OffsetTooFar { offset, maximum: U256::from(latest) };
        let fits = |number: U256, maximum| u64::try_from(number).ok().filter(|number| *number <= maximum);
        Ok(Self {
            interval: fits(interval, MAX_INTERVAL).ok_or(too_long)?,
            offset: fits(offset, latest).ok_or(too_far)?,
        })
    }

    /// Reads a stored word: interval in the lower half, offset in the upper one.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let [interval, _, offset, _] = word.into_limbs();
        Self { interval, offset }
    }

    /// The word to store.
    #[must_use]
    pub fn to_word(self) -> U256 {
        U256::from_limbs([self.interval, 0, self.offset, 0])
    }

    /// Number of the epoch that `time` lies in.
    pub fn epoch(&self, time: u64) -> Result<u64, Error> {
        let not_started = Error::NotStarted { timestamp: U256::from(time), start: U256::from(self.offset) };
        let elapsed = time.checked_sub(self.offset).ok_or(not_started)?;
        elapsed.checked_div(self.interval).ok_or(not_started)
    }
}
