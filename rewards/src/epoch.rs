//! Time: epochs of equal length, cut into minutes of which each is sampled once (spec section 2). A program's [`Clock`] says when they
//! start and how long they are; the one of dYdX is the default.

use serde::{Deserialize, Serialize};

/// The first second of epoch 0 of dYdX's program, Unix time: 2021-08-03 15:00:00 UTC.
pub const FIRST_EPOCH_START: u64 = 1_628_002_800;

/// Seconds in an epoch of dYdX's program: 28 days.
pub const SECONDS: u64 = 28 * 24 * 60 * 60;

/// Minutes in an epoch of dYdX's program.
pub const MINUTES: u32 = 40_320;

/// The most minutes that an epoch of any program can have: 92 days.
pub const MINUTES_MAX: u32 = 92 * 24 * 60;

/// Milliseconds in a minute.
pub const MINUTE_MS: u64 = 60_000;

/// Seconds in a minute.
const MINUTE_SECONDS: u64 = 60;

const _: () = assert!(MINUTES as u64 * MINUTE_SECONDS == SECONDS, "minutes fill the epoch");

/// When epochs start: epoch `n` has the seconds from `first_epoch_start + n · epoch_seconds` on, as many as `epoch_seconds` says. The
/// distributor of the program has the same two numbers (`getEpochParameters`: offset and interval).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// The first second of epoch 0, Unix time.
    pub first_epoch_start: u64,
    /// Seconds in an epoch: whole minutes, at most [`MINUTES_MAX`] of them.
    pub epoch_seconds: u64,
}

impl Default for Clock {
    /// dYdX's program.
    fn default() -> Self {
        Self { first_epoch_start: FIRST_EPOCH_START, epoch_seconds: SECONDS }
    }
}

impl Clock {
    /// Whether epochs have whole minutes, at least one and not too many.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        let minutes = self.epoch_seconds / MINUTE_SECONDS;
        self.epoch_seconds.is_multiple_of(MINUTE_SECONDS) && minutes > 0 && minutes <= MINUTES_MAX as u64
    }

    /// Minutes in an epoch: the most samples that a market can have.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        u32::try_from(self.epoch_seconds / MINUTE_SECONDS).unwrap_or(MINUTES_MAX).min(MINUTES_MAX)
    }

    /// When an epoch starts, in milliseconds; nothing if that is beyond the clock.
    #[must_use]
    pub fn start_ms(&self, epoch: u64) -> Option<u64> {
        self.epoch_seconds.checked_mul(epoch)?.checked_add(self.first_epoch_start)?.checked_mul(1000)
    }

    /// The epoch that a second lies in; nothing before epoch 0.
    #[must_use]
    pub fn of_second(&self, second: u64) -> Option<u64> {
        second.checked_sub(self.first_epoch_start)?.checked_div(self.epoch_seconds)
    }
}

/// When an epoch of dYdX's program starts, in milliseconds; nothing if that is beyond the clock.
#[must_use]
pub fn start_ms(epoch: u64) -> Option<u64> {
    Clock::default().start_ms(epoch)
}

/// The epoch of dYdX's program that a second lies in; nothing before epoch 0.
#[must_use]
pub fn of_second(second: u64) -> Option<u64> {
    Clock::default().of_second(second)
}
