//! The clock of a node: the host's, moved by an offset, or one that stands still.

use std::time::{SystemTime, UNIX_EPOCH};

/// No block may be later: far beyond any use, and sums of times never overflow.
pub(super) const LAST_TIME: u64 = 1 << 48;

/// A time that the clock does not accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("timestamp {given} lies before the last block ({latest})")]
    Past { given: u64, latest: u64 },
    #[error("timestamp {0} is too large")]
    TooLate(u64),
}

#[derive(Clone, Debug)]
pub(super) struct Clock {
    /// Replaces the host's time where the clock stands still.
    frozen: Option<u64>,
    offset: i64,
    /// Time of the next block, once.
    next: Option<u64>,
    /// Seconds between blocks, instead of the clock.
    interval: Option<u64>,
}

impl Clock {
    pub(super) fn new(frozen: Option<u64>) -> Self {
        Self { frozen, offset: 0, next: None, interval: None }
    }

    /// The clock of a saved chain: it goes on from where it was.
    pub(super) fn restored(frozen: Option<u64>, offset: i64) -> Self {
        Self { offset, ..Self::new(frozen) }
    }

    pub(super) fn offset(&self) -> i64 {
        self.offset
    }

    fn base(&self) -> u64 {
        self.frozen.unwrap_or_else(host_time)
    }

    fn now(&self) -> u64 {
        self.base().saturating_add_signed(self.offset)
    }

    /// Time of a block after `latest`, if it were mined now.
    pub(super) fn peek(&self, latest: u64) -> u64 {
        match (self.next, self.interval) {
            (Some(next), _) => next.max(latest),
            (None, Some(interval)) => latest.saturating_add(interval).min(LAST_TIME),
            (None, None) => self.now().clamp(latest, LAST_TIME.max(latest)),
        }
    }

    /// Time of the block that is mined now.
    pub(super) fn take(&mut self, latest: u64) -> u64 {
        let time = self.peek(latest);
        if self.next.take().is_some() {
            self.set(time);
        }
        time
    }

    /// Moves the clock forward; the sum of all moves.
    pub(super) fn increase(&mut self, seconds: u64, latest: u64) -> Result<i64, Refused> {
        let time = self.now().max(latest).saturating_add(seconds);
        if time > LAST_TIME {
            return Err(Refused::TooLate(time));
        }
        self.offset += seconds as i64;
        Ok(self.offset)
    }

    /// Sets the clock.
    pub(super) fn set(&mut self, time: u64) {
        self.offset = time as i64 - self.base() as i64;
    }

    /// Sets the time of the next block; the clock goes on from there.
    pub(super) fn set_next(&mut self, time: u64, latest: u64) -> Result<(), Refused> {
        check(time, latest)?;
        self.next = Some(time);
        Ok(())
    }

    pub(super) fn set_interval(&mut self, seconds: Option<u64>) {
        self.interval = seconds;
    }
}

pub(super) fn check(time: u64, latest: u64) -> Result<(), Refused> {
    match time {
        given if given < latest => Err(Refused::Past { given, latest }),
        given if given > LAST_TIME => Err(Refused::TooLate(given)),
        _ => Ok(()),
    }
}

/// Seconds since 1970 on this machine.
pub(super) fn host_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_when_told() {
        let mut clock = Clock::new(Some(1_000));
        assert_eq!((clock.peek(900), clock.take(1_000)), (1_000, 1_000));
        assert_eq!(clock.increase(50, 1_000), Ok(50));
        assert_eq!(clock.take(1_000), 1_050);
        assert_eq!(clock.set_next(2_000, 1_050), Ok(()));
        assert_eq!((clock.take(1_050), clock.take(2_000)), (2_000, 2_000), "later blocks go on from there");
    }

    #[test]
    fn time_runs_neither_back_nor_away() {
        let mut clock = Clock::new(Some(1_000));
        assert_eq!(clock.set_next(999, 1_000), Err(Refused::Past { given: 999, latest: 1_000 }));
        assert_eq!(clock.set_next(LAST_TIME + 1, 1_000), Err(Refused::TooLate(LAST_TIME + 1)));
        assert!(matches!(clock.increase(u64::MAX, 0), Err(Refused::TooLate(_))));
        assert_eq!(clock.peek(5_000), 5_000, "never before the last block");
    }
}
