//! Stake that changes at epoch boundaries (spec section 4).
//!
//! A record is one 256-bit word: `epoch` 16 bits, `current` 112, `next` 112, `shortfalls` 16, least significant first.
//! A word of zeros, that is a record never written, is valid and empty.

use alloy_primitives::U256;

use crate::Error;

/// Largest balance a record can hold: 2^112 - 1.
pub const MAX_BALANCE: u128 = (1 << 112) - 1;

/// What a shortfall's index is a fraction of: 10^36.
pub const SHORTFALL_INDEX_BASE: u128 = 10u128.pow(36);

const HIGH_48: u64 = (1 << 48) - 1;

/// Narrows an amount to the width of a balance.
pub fn to_balance(amount: U256) -> Result<u128, Error> {
    let overflow = Error::BalanceOverflow { balance: amount, maximum: U256::from(MAX_BALANCE) };
    let amount = u128::try_from(amount).map_err(|_| overflow)?;
    if amount > MAX_BALANCE { Err(overflow) } else { Ok(amount) }
}

/// An amount now and from the next epoch on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Record {
    /// Epoch in which the record was last written.
    epoch: u16,
    /// Amount during `epoch`.
    current: u128,
    /// Amount from the epoch after `epoch` on.
    next: u128,
    /// Of an inactive record: how many shortfalls have been applied. Of the total active one: 1 if its epoch began short.
    shortfalls: u16,
}

impl Record {
    fn from_word(word: U256) -> Self {
        let [a, b, c, d] = word.into_limbs();
        Self {
            epoch: a as u16, // The low 16 bits.
            current: u128::from(a >> 16) | (u128::from(b) << 48),
            next: u128::from(c) | (u128::from(d & HIGH_48) << 64),
            shortfalls: (d >> 48) as u16,
        }
    }

    fn to_word(self) -> U256 {
        let a = u64::from(self.epoch) | ((self.current as u64) << 16);
        let b = (self.current >> 48) as u64;
        let c = self.next as u64;
        let d = (self.next >> 64) as u64 | (u64::from(self.shortfalls) << 48);
        U256::from_limbs([a, b, c, d])
    }

    /// Advances to `epoch`; going back is ignored, since epochs never do.
    fn roll_to(&mut self, epoch: u16) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.current = self.next;
        }
    }

    fn add(&mut self, amount: u128) -> Result<(), Error> {
        self.current = sum(self.current, amount)?;
        self.next = sum(self.next, amount)?;
        Ok(())
    }

    fn sub(&mut self, amount: u128) -> Result<(), Error> {
        let current = difference(self.current, amount)?;
        self.next = difference(self.next, amount)?;
        self.current = current;
        Ok(())
    }
}

fn sum(balance: u128, amount: u128) -> Result<u128, Error> {
    match balance.checked_add(amount) {
        Some(sum) if sum <= MAX_BALANCE => Ok(sum),
        _ => Err(Error::BalanceOverflow {
            balance: U256::from(balance).saturating_add(U256::from(amount)),
            maximum: U256::from(MAX_BALANCE),
        }),
    }
}

fn difference(balance: u128, amount: u128) -> Result<u128, Error> {
    balance
        .checked_sub(amount)
        .ok_or_else(|| Error::Insufficient { requested: U256::from(amount), available: U256::from(balance) })
}

/// An epoch boundary at which an active balance changed. Rewards must be settled to the end of `epoch` with `amount`
/// before the new balance is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossed {
    /// The epoch that ended.
    pub epoch: u16,
    /// The balance during it.
    pub amount: u128,
}

/// Stake that earns and can be lent. A request only ever schedules it down: `next <= current`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Active(Record);

impl Active {
    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        Self(Record::from_word(word))
    }

    /// The word to store.
    #[must_use]
    pub fn to_word(self) -> U256 {
        self.0.to_word()
    }

    /// Balance of the epoch rolled to.
    #[must_use]
    pub fn current(&self) -> u128 {
        self.0.current
    }

    /// Balance from the following epoch on.
    #[must_use]
    pub fn next(&self) -> u128 {
        self.0.next
    }

    /// Advances to `epoch`. Returns the boundary at which the balance changed, if one was crossed.
    #[must_use = "rewards are settled up to the boundary with the old balance"]
    pub fn roll_to(&mut self, epoch: u16) -> Option<Crossed> {
        let crossed = Crossed { epoch: self.0.epoch, amount: self.0.current };
        let changed = epoch > self.0.epoch && self.0.current != self.0.next;
        self.0.roll_to(epoch);
        changed.then_some(crossed)
    }

    /// Whether loans may have exceeded this balance when its epoch began. Kept until the balance next changes at a boundary; only the
    /// total's is ever set.
    #[must_use]
    pub fn began_short(&self) -> bool {
        self.0.shortfalls != 0
    }

    /// Remembers whether loans exceed this balance as its epoch begins.
    pub fn set_began_short(&mut self, short: bool) {
        self.0.shortfalls = short.into();
    }

    /// Adds stake, at once and for good.
    pub fn add(&mut self, amount: u128) -> Result<(), Error> {
        self.0.add(amount)
    }

    /// Takes stake away, at once and for good. Only what stays active can go: at most [`Self::next`].
    pub fn sub(&mut self, amount: u128) -> Result<(), Error> {
        self.0.sub(amount)
    }

    /// Schedules stake to stop being active with the next epoch; at most [`Self::next`].
    pub fn deactivate(&mut self, amount: u128) -> Result<(), Error> {
        self.0.next = difference(self.0.next, amount)?;
        Ok(())
    }

    /// Undoes a deactivation of this epoch; at most what is scheduled.
    pub fn reactivate(&mut self, amount: u128) -> Result<(), Error> {
        difference(self.0.current.saturating_sub(self.0.next), amount)?;
        self.0.next = sum(self.0.next, amount)?;
        Ok(())
    }
}

/// A loss shared by all inactive stake of one epoch: each balance keeps `index / 10^36` of itself, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// Epoch in which it was marked.
    pub epoch: u16,
    /// What survives, as a fraction of [`SHORTFALL_INDEX_BASE`] and below it.
    pub index: U256,
}

impl Shortfall {
    /// Reads a stored word: `epoch` 16 bits, `index` 224 bits, least significant first.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        Self { epoch: word.into_limbs()[0] as u16, index: word.wrapping_shr(16) }
    }

    /// The word to store. The index is below 10^36, so nothing is shifted out.
    #[must_use]
    pub fn to_word(self) -> U256 {
        self.index.wrapping_shl(16) | U256::from(self.epoch)
    }

    /// What survives of `balance`, rounded down; never more than `balance`.
    #[must_use]
    pub fn surviving_down(&self, balance: u128) -> u128 {
        U256::from(balance)
            .checked_mul(self.index)
            .and_then(|product| product.checked_div(U256::from(SHORTFALL_INDEX_BASE)))
            .and_then(|kept| u128::try_from(kept).ok())
            .map_or(balance, |kept| kept.min(balance))
    }
}

/// Stake on its way out. A request only ever schedules it up: `next >= current`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inactive(Record);

impl Inactive {
    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        Self(Record::from_word(word))
    }

    /// The word to store.
    #[must_use]
    pub fn to_word(self) -> U256 {
        self.0.to_word()
    }

    /// Epoch rolled to.
    #[must_use]
    pub fn epoch(&self) -> u16 {
        self.0.epoch
    }

    /// Balance of the epoch rolled to: what can be withdrawn.
    #[must_use]
    pub fn current(&self) -> u128 {
        self.0.current
    }

    /// Balance from the following epoch on: what can be withdrawn then.
    #[must_use]
    pub fn next(&self) -> u128 {
        self.0.next
    }

    /// How many shortfalls have been applied to this staker's record.
    #[must_use]
    pub fn shortfalls(&self) -> u16 {
        self.0.shortfalls
    }

    /// Advances the total to `epoch`. Shortfalls are taken from the total when they are marked.
    pub fn roll_total_to(&mut self, epoch: u16) {
        self.0.roll_to(epoch);
    }

    /// Advances a staker's record to `epoch` across the first `count` shortfalls, and returns what was lost.
    ///
    /// `shortfall(i)` is the i-th ever marked; their epochs never decrease. A shortfall hits only what was inactive in its
    /// epoch, so those of the record's own epoch come before the requested part joins, later ones after. The balance
    /// rounds down at each shortfall, the loss is the exact complement. An empty record skips them all at once.
    #[must_use = "the loss is owed to the staker as debt"]
    pub fn roll_to(&mut self, epoch: u16, count: u16, mut shortfall: impl FnMut(u16) -> Shortfall) -> u128 {
        if self.0.next == 0 {
            self.0 = Record { epoch, shortfalls: count, ..Record::default() };
            return 0;
        }
        let mut loss = self.apply(count, &mut shortfall);
        if epoch > self.0.epoch {
            self.0.roll_to(epoch);
            loss = loss.saturating_add(self.apply(count, &mut shortfall)); // Together at most `next`.
        }
        loss
    }

    /// Applies at most `max` of the shortfalls that [`Self::roll_to`] would, in the same order, and returns what was lost. Once none is
    /// left the record is advanced to `epoch`. Any number of such steps ends where one `roll_to` does.
    #[must_use = "the loss is owed to the staker as debt"]
    pub fn roll_some(&mut self, epoch: u16, count: u16, max: u16, mut shortfall: impl FnMut(u16) -> Shortfall) -> u128 {
        if self.0.next == 0 {
            return self.roll_to(epoch, count, shortfall);
        }
        let mut loss = 0u128;
        let stop = self.0.shortfalls.saturating_add(max).min(count);
        while self.0.shortfalls < stop {
            self.0.roll_to(shortfall(self.0.shortfalls).epoch);
            let one = self.0.shortfalls.saturating_add(1); // Below `count`.
            loss = loss.saturating_add(self.apply(one, &mut shortfall)); // Together at most `next`.
        }
        if stop == count {
            self.0.roll_to(epoch);
        }
        loss
    }

    /// Takes a shortfall from the total, which counts it.
    pub fn mark(&mut self, loss: u128) -> Result<(), Error> {
        let overflow = Error::TooManyShortfalls { count: U256::from(self.0.shortfalls), maximum: U256::from(u16::MAX) };
        self.0.shortfalls = self.0.shortfalls.checked_add(1).ok_or(overflow)?;
        self.0.sub(loss)
    }

    fn apply(&mut self, count: u16, shortfall: &mut impl FnMut(u16) -> Shortfall) -> u128 {
        let before = self.0.current;
        while self.0.shortfalls < count {
            let shortfall = shortfall(self.0.shortfalls);
            if shortfall.epoch > self.0.epoch {
                break;
            }
            self.0.current = shortfall.surviving_down(self.0.current);
            self.0.shortfalls = self.0.shortfalls.saturating_add(1); // Below `count`.
        }
        let loss = before.saturating_sub(self.0.current); // Only ever shrinks.
        self.0.next = self.0.next.saturating_sub(loss); // `next >= current` before.
        loss
    }

    /// Schedules stake to become withdrawable with the next epoch.
    pub fn schedule(&mut self, amount: u128) -> Result<(), Error> {
        self.0.next = sum(self.0.next, amount)?;
        Ok(())
    }

    /// Undoes a request of this epoch; at most what is scheduled.
    pub fn cancel(&mut self, amount: u128) -> Result<(), Error> {
        difference(self.0.next.saturating_sub(self.0.current), amount)?;
        self.0.next = difference(self.0.next, amount)?;
        Ok(())
    }

    /// Takes withdrawable stake out; at most [`Self::current`].
    pub fn withdraw(&mut self, amount: u128) -> Result<(), Error> {
        self.0.sub(amount)
    }
}
