use alloy_primitives::U256;

/// A broken rule, with both sides of the comparison that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// An epoch is asked for before the first one starts. Seconds.
    EpochZeroNotStarted {
        /// The time asked about.
        timestamp: U256,
        /// When epoch zero starts.
        start: U256,
    },
    /// The epoch's number does not fit into a record (16 bits).
    EpochOverflow {
        /// The epoch's number.
        epoch: U256,
        /// The last epoch a record can name.
        maximum: U256,
    },
    /// The blackout window is more than half an epoch. Seconds.
    BlackoutWindowExceedsHalfEpoch {
        /// The blackout window.
        blackout_window: U256,
        /// The epoch's length.
        interval: U256,
    },
    /// The blackout window is shorter than three days. Seconds.
    BlackoutWindowTooShort {
        /// The blackout window.
        blackout_window: U256,
        /// The shortest legal one.
        minimum: U256,
    },
    /// The epoch is longer than 92 days. Seconds.
    EpochTooLong {
        /// The epoch's length.
        interval: U256,
        /// The longest legal one.
        maximum: U256,
    },
    /// The start of epoch zero does not fit into its field (128 bits). Seconds.
    OffsetOverflow {
        /// The start of epoch zero.
        offset: U256,
        /// The latest one that can be stored.
        maximum: U256,
    },
    /// A sum of balances does not fit into its field (112 bits).
    BalanceOverflow {
        /// The sum.
        balance: U256,
        /// The largest balance.
        maximum: U256,
    },
    /// More is taken from a balance than it holds.
    Insufficient {
        /// The amount asked for.
        requested: U256,
        /// What there is.
        available: U256,
    },
    /// There is no number for one more shortfall (16 bits). Cannot happen: there is at most one in each epoch.
    TooManyShortfalls {
        /// How many there are.
        count: U256,
        /// The most there can be.
        maximum: U256,
    },
    /// The rewards index does not fit into its field (160 bits). Cannot happen below [`crate::max_rate`].
    IndexOverflow {
        /// The index.
        index: U256,
        /// The largest index.
        maximum: U256,
    },
    /// Accrued rewards do not fit into their field (96 bits). Cannot happen below [`crate::max_rate`].
    AccruedOverflow {
        /// Accrued rewards.
        accrued: U256,
        /// The most a record can hold.
        maximum: U256,
    },
    /// A staker's index is ahead of the one it is settled to. Cannot happen while indexes only grow.
    IndexDecreased {
        /// The staker's index.
        settled: U256,
        /// The index to settle to.
        index: U256,
    },
}
