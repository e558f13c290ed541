//! Who takes part in an epoch (spec sections 6 and 17.3).

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use crate::{inputs::Inputs, parameters::EpochParameters};

/// Whether a provider takes part, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It takes part.
    Eligible,
    /// Its group made less than the threshold of the maker volume of the epoch before.
    BelowThreshold,
    /// It is on the epoch's exclusion list.
    Excluded,
}

impl Standing {
    /// The standing of an account.
    #[must_use]
    pub fn of(account: Address, parameters: &EpochParameters, inputs: &Inputs) -> Self {
        if inputs.exclusions.contains_key(&account) {
            return Self::Excluded;
        }
        if account.is_zero() {
            return Self::BelowThreshold; // Orders and volume of unknown owners: nobody's, and nobody can be paid for them.
        }
        let is_above = match &inputs.eligible {
            Some(listed) => listed.contains(&account),
            None => reaches(parameters, group_volume(account, inputs), inputs.previous_volumes.total()),
        };
        if is_above { Self::Eligible } else { Self::BelowThreshold }
    }

    /// Whether it takes part.
    #[must_use]
    pub const fn is_eligible(self) -> bool {
        matches!(self, Self::Eligible)
    }
}

/// The maker volume of an account's group in the epoch before.
#[must_use]
pub fn group_volume(account: Address, inputs: &Inputs) -> u128 {
    inputs.links.group(account).map(|member| inputs.previous_volumes.of_account(member)).sum()
}

/// Whether a volume is the threshold's share of the total or more. Nobody is eligible if nobody traded.
#[must_use]
pub fn reaches(parameters: &EpochParameters, volume: u128, total: u128) -> bool {
    let product = |volume: u128, factor: u64| U256::from(volume).saturating_mul(U256::from(factor)); // 192 bits.
    total > 0 && product(volume, parameters.threshold_den) >= product(total, parameters.threshold_num)
}

/// How much more maker volume would reach the threshold if nobody else traded any more: micro-USD, rounded up. New volume raises the
/// total too. Nothing can if the threshold is the whole and others traded.
#[must_use]
pub fn missing_volume(num: u64, den: u64, volume: u128, total: u128) -> Option<U256> {
    let (num, den) = (U256::from(num), U256::from(den));
    let short = (num * U256::from(total)).saturating_sub(den * U256::from(volume)); // 192 bits.
    if short.is_zero() {
        return Some(U256::ZERO);
    }
    let gain = den.checked_sub(num).filter(|gain| !gain.is_zero())?;
    Some(short.div_ceil(gain))
}
