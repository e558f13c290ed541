//! Epochs and the blackout window (spec section 5).

use alloy_primitives::U256;

use crate::{
    Refusal,
    exact::{Exact, u},
};

/// Shortest blackout window, seconds.
const SHORTEST_BLACKOUT: u64 = 259_200;
/// Longest epoch, seconds.
const LONGEST_EPOCH: u64 = 7_948_800;

/// Length of an epoch, start of epoch zero, length of the blackout window; seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Length of an epoch.
    pub interval: u64,
    /// Start of epoch zero.
    pub offset: u128,
    /// Length of the window that closes each epoch.
    pub blackout: u64,
}

impl Schedule {
    /// A schedule of these lengths, if they are legal.
    ///
    /// # Errors
    ///
    /// The first bound that is broken.
    pub fn new(interval: U256, offset: U256, blackout: U256) -> Result<Self, Refusal> {
        if blackout > interval >> 1 {
            return Err(Refusal::BlackoutWindowExceedsHalfEpoch { window: blackout, interval });
        }
        if blackout < u(SHORTEST_BLACKOUT) {
            return Err(Refusal::BlackoutWindowTooShort { window: blackout, minimum: u(SHORTEST_BLACKOUT) });
        }
        if interval > u(LONGEST_EPOCH) {
            return Err(Refusal::EpochTooLong { interval, maximum: u(LONGEST_EPOCH) });
        }
        let maximum = U256::from(u128::MAX);
        let offset = u128::try_from(offset).map_err(|_| Refusal::OffsetOverflow { offset, maximum })?;
        Ok(Self { interval: interval.to(), offset, blackout: blackout.to() })
    }

    /// Whether there is an epoch at `now`.
    pub fn has_started(&self, now: u64) -> bool {
        u128::from(now) >= self.offset
    }

    /// The epoch at `now`.
    ///
    /// # Errors
    ///
    /// Before epoch zero.
    pub fn epoch(&self, now: u64) -> Result<u64, Refusal> {
        self.since_start(now).map(|seconds| seconds / self.interval)
    }

    /// First second of an epoch.
    pub fn start_of(&self, epoch: U256) -> U256 {
        epoch.times(u(self.interval)).plus(U256::from(self.offset))
    }

    /// Seconds to the next epoch.
    ///
    /// # Errors
    ///
    /// Before epoch zero.
    pub fn remaining(&self, now: u64) -> Result<u64, Refusal> {
        self.since_start(now).map(|seconds| self.interval - seconds % self.interval)
    }

    /// Whether `now` is in a blackout window.
    pub fn in_blackout(&self, now: u64) -> bool {
        self.remaining(now).is_ok_and(|seconds| seconds <= self.blackout)
    }

    fn since_start(&self, now: u64) -> Result<u64, Refusal> {
        let seconds = u128::from(now).checked_sub(self.offset);
        let early = Refusal::EpochZeroNotStarted { now: u(now), start: U256::from(self.offset) };
        seconds.map(|seconds| u64::try_from(seconds).expect("less than now")).ok_or(early)
    }
}
