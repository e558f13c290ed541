//! Time: epochs of 28 days, cut into minutes of which each is sampled once (spec section 2).

/// The first second of epoch 0, Unix time: 2021-08-03 15:00:00 UTC.
pub const FIRST_EPOCH_START: u64 = 1_628_002_800;

/// Seconds in an epoch.
pub const SECONDS: u64 = 28 * 24 * 60 * 60;

/// Minutes in an epoch: the most samples that a market can have.
pub const MINUTES: u32 = 40_320;

/// Milliseconds in a minute.
pub const MINUTE_MS: u64 = 60_000;

const _: () = assert!(MINUTES as u64 * 60 == SECONDS, "minutes fill the epoch");

/// When an epoch starts, in milliseconds; nothing if that is beyond the clock.
#[must_use]
pub fn start_ms(epoch: u64) -> Option<u64> {
    SECONDS.checked_mul(epoch)?.checked_add(FIRST_EPOCH_START)?.checked_mul(1000)
}

/// The epoch that a second lies in; nothing before epoch 0.
#[must_use]
pub fn of_second(second: u64) -> Option<u64> {
    Some(second.checked_sub(FIRST_EPOCH_START)? / SECONDS)
}
