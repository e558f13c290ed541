//! When a book is sampled: an instant that nobody can foresee and everybody can check (spec section 5).
//!
//! Before the epoch the operator publishes a commitment to a secret; the secret decides the instant in each minute; after the epoch it
//! is published, and anybody can compare the samples' time stamps with it.
//!
//! The secret may be the end of a chain with a link for each hour: a link gives all earlier ones by hashing, and no later one. Whoever samples
//! then holds the links of the next hours only, so that a leak shows no more than these. The link of the first hour is committed to.

use std::sync::Arc;

use alloy_primitives::{B256, U256, keccak256};
use serde::{Deserialize, Serialize};

use crate::epoch::{MINUTE_MS, MINUTES_MAX};

/// Tells a commitment from any other hash.
const COMMITMENT_PREFIX: &[u8] = b"lp-sample-commit-v1";

/// Tells the step from a link to the one of the hour before from any other hash.
const LINK_PREFIX: &[u8] = b"lp-sample-link-v1";

/// Minutes that share a link.
pub const LINK_MINUTES: u32 = 60;

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

/// How many links an epoch of so many minutes has.
#[must_use]
pub const fn links_of(minutes: u32) -> u32 {
    minutes.div_ceil(LINK_MINUTES)
}

/// The link of an hour, from that of a later or the same one; nothing from that of an earlier one.
#[must_use]
pub fn link(later: B256, later_hour: u32, hour: u32) -> Option<B256> {
    let steps = later_hour.checked_sub(hour)?;
    Some((0..steps).fold(later, |link, _| keccak256([LINK_PREFIX, link.as_slice()].concat())))
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
    /// How many links the chain has whose end the secret is: one for each hour of the epoch. Nothing if the secret decides all instants alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
}

impl Sampling {
    /// The commitment to a secret of this form.
    #[must_use]
    pub fn commitment_to(&self, secret: B256) -> B256 {
        let first = self.hours.and_then(|hours| link(secret, hours.saturating_sub(1).min(LINKS_MAX), 0));
        commitment(first.unwrap_or(secret))
    }
}

/// The most links that are computed with.
const LINKS_MAX: u32 = links_of(MINUTES_MAX);

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

/// What decides instants.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Secrets {
    Unknown,
    Whole(B256),
    /// Links of the hours from the first on, perhaps not of all.
    Hourly(Arc<[B256]>),
}

impl Secrets {
    /// The links up to an hour, from that of this hour.
    fn hourly(last: B256, hour: u32) -> Self {
        let mut links = vec![last];
        for _ in 0..hour.min(LINKS_MAX) {
            links.extend(links.last().and_then(|later| link(*later, 1, 0)));
        }
        links.reverse();
        Self::Hourly(links.into())
    }

    fn of_minute(&self, minute: u32) -> Option<B256> {
        match self {
            Self::Unknown => None,
            Self::Whole(secret) => Some(*secret),
            Self::Hourly(links) => links.get((minute / LINK_MINUTES) as usize).copied(),
        }
    }
}

/// The instants of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instants {
    epoch: u64,
    start_ms: u64,
    secrets: Secrets,
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
        let secrets = match (sampling.secret, sampling.hours) {
            (None, _) => Secrets::Unknown,
            (Some(secret), None) => Secrets::Whole(secret),
            (Some(secret), Some(hours)) => Secrets::hourly(secret, hours.saturating_sub(1)),
        };
        let instants = Self { epoch, start_ms, secrets, tolerance_ms: sampling.tolerance_ms };
        instants.held_against(sampling)
    }

    /// The instants up to the end of an hour, from the link of this hour, if it belongs to the chain committed to.
    pub fn until(epoch: u64, start_ms: u64, sampling: &Sampling, hour: u32, link: B256) -> Result<Self, WrongSecret> {
        let secrets = Secrets::hourly(link, hour);
        Self { epoch, start_ms, secrets, tolerance_ms: sampling.tolerance_ms }.held_against(sampling)
    }

    fn held_against(self, sampling: &Sampling) -> Result<Self, WrongSecret> {
        let found = self.secrets.of_minute(0).map(commitment);
        match (sampling.commitment, found) {
            (Some(published), Some(found)) if published != found => Err(WrongSecret { published, found }),
            _ => Ok(self),
        }
    }

    /// The instant of a minute, Unix time in milliseconds.
    #[must_use]
    pub fn instant_ms(&self, minute: u32, market: &str) -> Option<u64> {
        let offset = offset_ms(self.secrets.of_minute(minute)?, self.epoch, minute, market);
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
        !matches!(self.secrets, Secrets::Unknown)
    }
}
