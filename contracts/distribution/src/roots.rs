//! The life of a root: proposed, waiting, active. And what a pauser can do meanwhile.

use alloy_primitives::{Address, B256, U256};

/// How long a root waits before it can become active: 7 days, in seconds.
pub const WAITING_PERIOD: u64 = 604_800;

/// What became of the root that was proposed last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing was proposed yet, or what was is forgotten.
    #[default]
    None,
    /// It waits, or has waited long enough.
    Pending,
    /// It became active.
    Active,
    /// It was cancelled; the same root cannot be proposed again.
    Cancelled,
}

/// Why a root cannot become active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Updates are paused.
    Paused,
    /// Nothing is proposed, or it was cancelled.
    NothingProposed,
    /// What was proposed last is active already.
    AlreadyActive {
        /// Its epoch.
        epoch: u64,
        /// The epoch that the next root must have.
        next: u64,
    },
    /// It still waits. Seconds.
    Waiting {
        /// Until when.
        end: u64,
    },
}

/// Everything about roots but their hashes and files: one word, with the oracle that names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    /// Where proposals come from.
    pub oracle: Address,
    /// Until when the last proposal waits or waited; below 2^48.
    pub waiting_end: u64,
    /// The epoch of the next root, which is the number of roots that became active; below 2^40.
    pub next_epoch: u64,
    /// What became of the last proposal.
    pub phase: Phase,
    /// Whether no root can become active.
    pub paused: bool,
    /// Which of the two places the active root's file is kept in; a proposal goes to the other.
    pub place: bool,
}

const EPOCH_BITS: u32 = 40;
const TIME_BITS: u32 = 48;

/// Bits of the last byte.
const PAUSED: u64 = 1;
const PLACE: u64 = 2;

impl Roots {
    /// Reads a stored word: oracle 160, end of waiting 48, next epoch 40, flags 8, least significant bits first.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let [_, _, c, d] = word.into_limbs();
        let flags = d >> 56;
        let phase = match (flags >> 2) & 3 {
            0 => Phase::None,
            1 => Phase::Pending,
            2 => Phase::Active,
            _ => Phase::Cancelled,
        };
        Self {
            oracle: Address::from_word(B256::from(word)),
            waiting_end: (c >> 32) | ((d & 0xffff) << 32),
            next_epoch: (d >> 16) & ((1 << EPOCH_BITS) - 1),
            phase,
            paused: flags & PAUSED != 0,
            place: flags & PLACE != 0,
        }
    }

    /// The word to store.
    #[must_use]
    pub fn to_word(self) -> U256 {
        let [a, b, c, _] = U256::from_be_bytes(self.oracle.into_word().0).into_limbs();
        let phase = match self.phase {
            Phase::None => 0,
            Phase::Pending => 1,
            Phase::Active => 2,
            Phase::Cancelled => 3,
        };
        let flags = u64::from(self.paused) | (u64::from(self.place) << 1) | (phase << 2);
        let d = (self.waiting_end >> 32) | (self.next_epoch << 16) | (flags << 56);
        U256::from_limbs([a, b, c | (self.waiting_end << 32), d])
    }

    /// Epoch of the last proposal; what is cancelled or forgotten counts as none.
    #[must_use]
    pub fn proposed_epoch(&self) -> Option<u64> {
        match self.phase {
            Phase::Pending => Some(self.next_epoch),
            Phase::Active => Some(self.next_epoch.saturating_sub(1)),
            Phase::None | Phase::Cancelled => None,
        }
    }

    /// Epoch of the last proposal, if it was cancelled.
    #[must_use]
    pub fn cancelled_epoch(&self) -> Option<u64> {
        (self.phase == Phase::Cancelled).then_some(self.next_epoch)
    }

    /// Epoch of the active root.
    #[must_use]
    pub fn active_epoch(&self) -> Option<u64> {
        self.next_epoch.checked_sub(1)
    }

    /// Whether a proposal may become active, sooner or later.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.phase == Phase::Pending
    }

    /// Where the file of the last proposal is kept.
    #[must_use]
    pub fn proposed_place(&self) -> bool {
        if self.phase == Phase::Active { self.place } else { !self.place }
    }

    /// Refuses if the last proposal cannot become active now.
    pub fn check_update(&self, now: u64) -> Result<(), Refusal> {
        if self.paused {
            return Err(Refusal::Paused);
        }
        match self.phase {
            Phase::None | Phase::Cancelled => Err(Refusal::NothingProposed),
            Phase::Active => {
                Err(Refusal::AlreadyActive { epoch: self.next_epoch.saturating_sub(1), next: self.next_epoch })
            }
            Phase::Pending if now < self.waiting_end => Err(Refusal::Waiting { end: self.waiting_end }),
            Phase::Pending => Ok(()),
        }
    }

    /// Makes the last proposal the active root. The other place is free then.
    pub fn update(&mut self) {
        self.place = !self.place;
        self.next_epoch = self.next_epoch.saturating_add(1) & ((1 << EPOCH_BITS) - 1); // One a week: never so many.
        self.phase = Phase::Active;
    }

    /// Makes a proposal wait, in place of whatever waited before. Until when.
    pub fn propose(&mut self, now: u64) -> u64 {
        // In 8.9 million years.
        self.waiting_end = now.saturating_add(WAITING_PERIOD).min((1 << TIME_BITS) - 1);
        self.phase = Phase::Pending;
        self.waiting_end
    }

    /// Gives up the proposal that waits. Whether there was one.
    pub fn cancel(&mut self) -> bool {
        let pending = self.is_pending();
        if pending {
            self.phase = Phase::Cancelled;
        }
        pending
    }

    /// Takes another oracle, which may propose again what was cancelled.
    pub fn set_oracle(&mut self, oracle: Address) {
        self.oracle = oracle;
        if self.phase == Phase::Cancelled {
            self.phase = Phase::None;
        }
    }
}
