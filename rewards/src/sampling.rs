//! When a book is sampled: an instant that nobody can foresee and everybody can check (spec section 5).
//!
//! Before the epoch the operator publishes a commitment to a secret; the secret decides the instant in each minute; after the epoch it
//! is published, and anybody can compare the samples' time stamps with it.

use alloy_primitives::{B256, U256, keccak256};
use serde::{Deserialize, Serialize};

use crate::epoch::{MINUTE_MS, MINUTES_MAX};

/// Tells a commitment from any other hash.
const COMMITMENT_PREFIX: &[u8] = b"lp-sample-commit-v1";

/// How far a sample may be from its instant unless said otherwise, milliseconds.
pub const DEFAULT_TOLERANCE_MS: u64 = 250;

/// What is published before the epoch.
#[must_use]
pub fn commitment(secret: B256) -> B256 {
    keccak256([COMMITMENT_PREFIX, secret.as_slice()].concat())
}

/// The instant within a minute of a market, milliseconds.
#[must_use]
pub fn offset_ms(secret: B256, epoch: u64, minute: u32, market: &str) -> u64 {
    let mut preimage = Vec::with_capacity(44 + market.len());
    preimage.extend_from_slice(secret.as_slice());
    preimage.extend_from_slice(&epoch.to_be_bytes());
    preimage.extend_from_slice(&minute.to_be_bytes());
    preimage.extend_from_slice(market.as_bytes());
    let hash = U256::from_be_bytes(keccak256(preimage).0);
    (hash % U256::from(MINUTE_MS)).saturating_to()
}

/// What is known of an epoch's sampling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// What was published before the epoch.
    pub commitment: Option<B256>,
    /// What was published after it.
    pub secret: Option<B256>,
    /// How far a sample may be from its instant, milliseconds.
    #[serde(default = "default_tolerance_ms")]
    pub tolerance_ms: u64,
}

const fn default_tolerance_ms() -> u64 {
    DEFAULT_TOLERANCE_MS
}

/// The secret is not the one that was committed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret gives the commitment {found}, not {published}")]
pub struct WrongSecret {
    /// What was published.
    pub published: B256,
    /// What the secret gives.
    pub found: B256,
}

/// The instants of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instants {
    epoch: u64,
    start_ms: u64,
    secret: Option<B256>,
    tolerance_ms: u64,
}

/// How a time stamp relates to the instant of its minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Punctuality {
    /// At the very millisecond, or nothing to compare with is known.
    Exact,
    /// Within the tolerance.
    Close,
    /// Beyond it: no valid sample.
    Off,
}

impl Instants {
    /// The instants that `sampling` reveals, if it is the sampling committed to.
    pub fn of(epoch: u64, start_ms: u64, sampling: &Sampling) -> Result<Self, WrongSecret> {
        if let (Some(published), Some(secret)) = (sampling.commitment, sampling.secret) {
            let found = commitment(secret);
            if found != published {
                return Err(WrongSecret { published, found });
            }
        }
        Ok(Self { epoch, start_ms, secret: sampling.secret, tolerance_ms: sampling.tolerance_ms })
    }

    /// The instant of a minute, Unix time in milliseconds.
    #[must_use]
    pub fn instant_ms(&self, minute: u32, market: &str) -> Option<u64> {
        let offset = offset_ms(self.secret?, self.epoch, minute, market);
        Some(self.minute_ms(minute) + offset)
    }

    /// The start of a minute, Unix time in milliseconds. Epochs beyond the clock are refused with their parameters.
    #[must_use]
    pub fn minute_ms(&self, minute: u32) -> u64 {
        self.start_ms + u64::from(minute.min(MINUTES_MAX)) * MINUTE_MS
    }

    /// The times that a sample of a minute can have at all.
    #[must_use]
    pub fn bounds_ms(&self, minute: u32) -> (u64, u64) {
        let start = self.minute_ms(minute);
        (start.saturating_sub(self.tolerance_ms), (start + MINUTE_MS - 1).saturating_add(self.tolerance_ms))
    }

    /// Compares a sample's time with its instant.
    #[must_use]
    pub fn punctuality(&self, minute: u32, market: &str, time_ms: u64) -> Punctuality {
        let Some(instant) = self.instant_ms(minute, market) else { return Punctuality::Exact };
        match time_ms.abs_diff(instant) {
            0 => Punctuality::Exact,
            distance if distance <= self.tolerance_ms => Punctuality::Close,
            _ => Punctuality::Off,
        }
    }

    /// Whether the secret is known.
    #[must_use]
    pub const fn are_known(&self) -> bool {
        self.secret.is_some()
    }
}
