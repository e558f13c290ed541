//! What a borrower may take, and who bears a shortfall (spec sections 7.4, 8 and 9).

use alloy_primitives::U256;

use crate::{Inactive, Shortfall, TOTAL_ALLOCATION, balance::SHORTFALL_INDEX_BASE};

const POINTS: u128 = TOTAL_ALLOCATION as u128;

/// `active * share / 10,000`, rounded down. A balance times a share fits: 112 + 14 bits.
#[must_use]
pub fn allocated_down(active: u128, share: u16) -> u128 {
    points(active, share).checked_div(POINTS).unwrap_or_default()
}

/// By how much `borrowed` exceeds a share of the active stake, in ten-thousandths of a unit; exact.
#[must_use]
pub fn excess_points(borrowed: u128, active: u128, share: u16) -> u128 {
    borrowed.saturating_mul(POINTS).saturating_sub(points(active, share))
}

fn points(active: u128, share: u16) -> u128 {
    active.saturating_mul(share.into())
}

/// Attributes a shortfall to borrowers, one after the other (design section 3.1, `markDebt`).
///
/// Excesses are counted in points, ten-thousandths of a unit, and only up to the shortfall. A borrower's debt is what its points add to
/// their running sum, rounded up: so the debts sum to the shortfall exactly, and nobody is charged below its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribution {
    shortfall: u128,
    points: u128,
}

impl Attribution {
    /// Nobody is charged yet. A shortfall is a balance: at most 112 bits.
    #[must_use]
    pub fn of(shortfall: u128) -> Self {
        Self { shortfall, points: 0 }
    }

    /// Charges one borrower, and returns its debt: its excess at most, rounded up.
    #[must_use = "the borrower's debt"]
    pub fn charge(&mut self, excess_points: u128) -> u128 {
        let before = self.points.div_ceil(POINTS);
        self.points = self.points.saturating_add(excess_points).min(self.required());
        self.points.div_ceil(POINTS).saturating_sub(before) // Points never fall.
    }

    /// Points of the whole shortfall.
    #[must_use]
    pub fn required(&self) -> u128 {
        self.shortfall.saturating_mul(POINTS)
    }

    /// Points charged so far.
    #[must_use]
    pub fn covered(&self) -> u128 {
        self.points
    }

    /// Whether the whole shortfall is charged.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.points == self.required()
    }
}

/// What a shortfall of `amount` leaves of the total inactive stake of `epoch`: the record of it, and what it takes, at most everything.
/// The index rounds down.
#[must_use]
pub fn haircut(total: &Inactive, epoch: u16, amount: u128) -> (Shortfall, u128) {
    let before = total.current();
    let left = before.saturating_sub(amount);
    let index = U256::from(SHORTFALL_INDEX_BASE)
        .checked_mul(U256::from(left))
        .and_then(|scaled| scaled.checked_div(U256::from(before)))
        .unwrap_or_default(); // Nothing is left of nothing.
    (Shortfall { epoch, index }, before.saturating_sub(left))
}
