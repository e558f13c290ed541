//! A borrower's share of the pool, now and from the next epoch on (spec section 7).

/// The whole pool, in basis points.
pub const TOTAL_ALLOCATION: u16 = 10_000;

/// A share in basis points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocation {
    /// Epoch in which the record was last written.
    pub epoch: u16,
    /// Share during `epoch`, at most 10,000.
    pub current: u16,
    /// Share from the epoch after `epoch` on, at most 10,000.
    pub next: u16,
}

impl Allocation {
    /// Advances to `epoch`; going back is ignored, since epochs never do.
    pub fn roll_to(&mut self, epoch: u16) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.current = self.next;
        }
    }
}
