//! Scores of a provider for one market and one epoch (spec sections 3.4 and 9.2).

use std::fmt;

use alloy_primitives::aliases::U512;
use num_bigint::BigUint;
use serde::{Deserialize, Serialize};

/// Exponents are counted in twentieths: each one that was ever used is a multiple of 1/20.
const TWENTIETHS: u32 = 20;

/// The exponent of the uptime in every version: 5.
const UPTIME: u32 = 5 * TWENTIETHS;

/// Fraction bits of a score.
const FRACTION_BITS: u32 = 64;

/// Which measures make the score, by the governance decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Formula {
    /// Launch rules, epochs 0 to 4.
    V0,
    /// DIP-7, epochs 5 to 9.
    V1,
    /// DIP-11, epochs 10 to 14.
    V2,
    /// DIP-15, epochs 15 to 17, BTC-USD and ETH-USD.
    #[serde(rename = "V3-BE")]
    V3BtcEth,
    /// DIP-15, all other markets.
    #[serde(rename = "V3-O")]
    V3Other,
    /// DIP-19, from epoch 18 on, BTC-USD and ETH-USD.
    #[serde(rename = "V4-BE")]
    V4BtcEth,
    /// DIP-19, all other markets.
    #[serde(rename = "V4-O")]
    V4Other,
}

/// What a provider did in one market during one epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// Depth over spread, summed over the samples: micro-USD per unit of spread.
    pub liquidity: u128,
    /// Samples in which both sides counted.
    pub uptime: u32,
    /// Maker volume, micro-USD.
    pub volume: u128,
    /// Average stake, wei.
    pub stake: u128,
}

impl Formula {
    /// All versions.
    pub const ALL: [Self; 7] =
        [Self::V0, Self::V1, Self::V2, Self::V3BtcEth, Self::V3Other, Self::V4BtcEth, Self::V4Other];

    /// Twentieths of the exponents of liquidity, volume and stake.
    #[must_use]
    pub const fn exponents(self) -> (u32, u32, u32) {
        match self {
            Self::V0 => (20, 0, 0),
            Self::V1 => (20, 0, 10),
            Self::V2 => (7, 9, 4),
            Self::V3BtcEth => (3, 16, 1),
            Self::V3Other => (7, 12, 1),
            Self::V4BtcEth => (3, 17, 0),
            Self::V4Other => (7, 13, 0),
        }
    }

    /// Whether the stake counts.
    #[must_use]
    pub const fn uses_stake(self) -> bool {
        self.exponents().2 > 0
    }

    /// Whether the maker volume counts.
    #[must_use]
    pub const fn uses_volume(self) -> bool {
        self.exponents().1 > 0
    }

    /// What is under the root: the twentieth power of the score with its fraction bits.
    fn radicand(self, measures: &Measures) -> BigUint {
        let (liquidity, volume, stake) = self.exponents();
        // A power of zero is one: what has no exponent does not count, even if it is zero.
        let product = BigUint::from(measures.liquidity).pow(liquidity)
            * BigUint::from(measures.volume).pow(volume)
            * BigUint::from(measures.stake).pow(stake)
            * BigUint::from(measures.uptime).pow(UPTIME);
        product << (FRACTION_BITS * TWENTIETHS)
    }

    /// The score: the floor of 2^64 times the formula. At most 400 bits.
    #[must_use]
    pub fn score(self, measures: &Measures) -> U512 {
        let root = self.radicand(measures).nth_root(TWENTIETHS);
        U512::from_le_slice(&root.to_bytes_le())
    }

    /// Whether the score is more than zero: every measure with an exponent is.
    #[must_use]
    pub fn is_positive(self, measures: &Measures) -> bool {
        let (liquidity, volume, stake) = self.exponents();
        let has = |exponent: u32, measure: u128| exponent == 0 || measure > 0;
        measures.uptime > 0
            && has(liquidity, measures.liquidity)
            && has(volume, measures.volume)
            && has(stake, measures.stake)
    }

    /// Whether a score is the right one, by two powers and two comparisons, without taking a root.
    #[must_use]
    pub fn confirms(self, measures: &Measures, score: U512) -> bool {
        let radicand = self.radicand(measures);
        let root = BigUint::from_bytes_le(&score.to_le_bytes::<64>());
        root.pow(TWENTIETHS) <= radicand && radicand < (root + 1_u32).pow(TWENTIETHS)
    }

    /// Its name in parameter records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V0 => "V0",
            Self::V1 => "V1",
            Self::V2 => "V2",
            Self::V3BtcEth => "V3-BE",
            Self::V3Other => "V3-O",
            Self::V4BtcEth => "V4-BE",
            Self::V4Other => "V4-O",
        }
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
