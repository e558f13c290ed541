//! Epochs: `n = floor((now - offset) / interval)`, and the blackout window that closes each of them.

use alloy_primitives::U256;

use crate::Error;

/// Shortest blackout window: 3 days, in seconds.
pub const MIN_BLACKOUT_WINDOW: u32 = 259_200;

/// Longest epoch: 92 days, in seconds.
pub const MAX_INTERVAL: u32 = 7_948_800;

const _: () = assert!(2 * MIN_BLACKOUT_WINDOW <= MAX_INTERVAL, "at least one legal schedule exists");

/// The epoch schedule. All in seconds; an interval of zero means that none has been set yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Length of an epoch.
    pub interval: u32,
    /// Length of the window at the end of each epoch in which requests are closed.
    pub blackout: u32,
    /// Start of epoch zero.
    pub offset: u128,
}

impl Schedule {
    /// Checks lengths and start and narrows them to their fields (spec section 5.3, in its order).
    pub fn new(interval: U256, blackout: U256, offset: U256) -> Result<Self, Error> {
        let (interval, blackout) = validate(interval, blackout)?;
        let offset =
            u128::try_from(offset).map_err(|_| Error::OffsetOverflow { offset, maximum: U256::from(u128::MAX) })?;
        Ok(Self { interval, blackout, offset })
    }

    /// Whether `now` lies in an epoch; the first second of epoch zero does.
    #[must_use]
    pub fn has_started(&self, now: u64) -> bool {
        self.elapsed(now).is_some()
    }

    /// Number of the epoch that `now` lies in, as wide as it gets.
    pub fn epoch_number(&self, now: u64) -> Result<u64, Error> {
        let elapsed = self.elapsed(now).ok_or_else(|| self.not_started(now))?;
        elapsed.checked_div(self.interval.into()).ok_or_else(|| self.not_started(now))
    }

    /// Number of the epoch that `now` lies in, as records store it.
    pub fn epoch(&self, now: u64) -> Result<u16, Error> {
        let epoch = self.epoch_number(now)?;
        u16::try_from(epoch)
            .map_err(|_| Error::EpochOverflow { epoch: U256::from(epoch), maximum: U256::from(u16::MAX) })
    }

    /// First second of epoch `number`, also before epoch zero; `None` above 2^256 - 1.
    #[must_use]
    pub fn start_of(&self, number: U256) -> Option<U256> {
        number.checked_mul(U256::from(self.interval))?.checked_add(U256::from(self.offset))
    }

    /// First second after epoch `epoch`, saturating at 2^64 - 1.
    #[must_use]
    pub fn end_of(&self, epoch: u16) -> u64 {
        let epochs = u64::from(epoch).saturating_add(1);
        let offset = u64::try_from(self.offset).unwrap_or(u64::MAX);
        epochs.saturating_mul(self.interval.into()).saturating_add(offset)
    }

    /// Seconds to the next boundary: `interval` in the first second of an epoch, 1 in the last.
    pub fn time_remaining(&self, now: u64) -> Result<u64, Error> {
        let elapsed = self.elapsed(now).ok_or_else(|| self.not_started(now))?;
        let interval = u64::from(self.interval);
        let into_epoch = elapsed.checked_rem(interval).ok_or_else(|| self.not_started(now))?;
        Ok(interval.saturating_sub(into_epoch)) // A remainder is below its divisor.
    }

    /// Whether requests are closed at `now`: `[end - blackout, end)` of every epoch, never before epoch zero.
    #[must_use]
    pub fn in_blackout(&self, now: u64) -> bool {
        self.time_remaining(now).is_ok_and(|remaining| remaining <= self.blackout.into())
    }

    /// Seconds since epoch zero started, `None` before it and without a schedule.
    fn elapsed(&self, now: u64) -> Option<u64> {
        if self.interval == 0 {
            return None;
        }
        now.checked_sub(u64::try_from(self.offset).ok()?)
    }

    fn not_started(&self, now: u64) -> Error {
        Error::EpochZeroNotStarted { timestamp: U256::from(now), start: U256::from(self.offset) }
    }
}

/// Checks both lengths, in seconds, in the order of spec section 5.3, and narrows them.
pub fn validate(interval: U256, blackout_window: U256) -> Result<(u32, u32), Error> {
    let twice = blackout_window.checked_mul(U256::from(2));
    if twice.is_none_or(|twice| twice > interval) {
        return Err(Error::BlackoutWindowExceedsHalfEpoch { blackout_window, interval });
    }
    let minimum = U256::from(MIN_BLACKOUT_WINDOW);
    if blackout_window < minimum {
        return Err(Error::BlackoutWindowTooShort { blackout_window, minimum });
    }
    let too_long = Error::EpochTooLong { interval, maximum: U256::from(MAX_INTERVAL) };
    let interval = u32::try_from(interval).map_err(|_| too_long)?;
    if interval > MAX_INTERVAL {
        return Err(too_long);
    }
    // Not longer than half of an interval that fits.
    let blackout = u32::try_from(blackout_window).map_err(|_| too_long)?;
    Ok((interval, blackout))
}
