//! Shares, loans, restriction (spec sections 7 and 8).

use alloy_primitives::{Address, U256};

use crate::{
    Borrower, Event, Ledger, Refusal, Role, WHOLE,
    exact::{Exact, u},
};

impl Ledger {
    pub(crate) fn allocate(&mut self, caller: Address, names: &[Address], shares: &[U256]) -> Result<(), Refusal> {
        self.only(Role::BorrowerAdmin, caller)?;
        same_length(names, shares)?;
        self.outside_blackout()?;
        if let Some(&allocation) = shares.iter().find(|&&share| share > u(WHOLE)) {
            return Err(Refusal::AllocationTooHigh { allocation, maximum: u(WHOLE) });
        }
        let (mut proposed, mut required) = (U256::ZERO, U256::ZERO);
        for (name, share) in names.iter().zip(shares) {
            proposed = proposed.plus(*share);
            required = required.plus(self.schedule_share(*name, *share));
        }
        if proposed != required {
            return Err(Refusal::AllocationSumChanged { proposed, required });
        }
        Ok(())
    }

    /// One after the other, each compared with what the one before left. No cap is higher than any.
    pub(crate) fn set_caps(&mut self, caller: Address, names: &[Address], caps: &[U256]) -> Result<(), Refusal> {
        self.only(Role::BorrowerAdmin, caller)?;
        same_length(names, caps)?;
        for (name, cap) in names.iter().zip(caps) {
            self.set_cap(*name, *cap)?;
        }
        Ok(())
    }

    fn set_cap(&mut self, name: Address, cap: U256) -> Result<(), Refusal> {
        let wide: U256 = U256::ONE << 96;
        let maximum = wide.minus(U256::ONE);
        if cap > maximum {
            return Err(Refusal::CapTooHigh { cap, maximum });
        }
        if name.is_zero() {
            return Err(Refusal::InvalidBorrower { borrower: name });
        }
        let old = self.borrower(name).cap;
        let raised = !old.is_zero() && (cap.is_zero() || cap > old);
        if raised {
            self.outside_blackout()?;
        }
        if cap != old {
            self.borrower_mut(name).cap = cap;
            self.report(Event::BorrowerCapChanged(name, old, cap));
        }
        Ok(())
    }

    /// One borrower's share changes with the next epoch, or at once before epoch zero. Returns what it had for the next epoch.
    fn schedule_share(&mut self, name: Address, share: U256) -> U256 {
        let starts = self.epoch().ok().map(|epoch| epoch + 1);
        let borrower = self.borrower_mut(name);
        let before = borrower.share;
        borrower.share.next = share;
        if starts.is_none() {
            borrower.share.now = share;
        }
        self.report(Event::ScheduledBorrowerAllocationChange(name, before.now, share, u(starts.unwrap_or(0))));
        before.next
    }

    pub(crate) fn set_restriction(&mut self, caller: Address, name: Address, to: bool) -> Result<(), Refusal> {
        self.only(Role::BorrowerAdmin, caller)?;
        self.restrict(name, to);
        Ok(())
    }

    pub(crate) fn restrict_overdue(&mut self, name: Address) -> Result<(), Refusal> {
        let (borrowed, allocated) = (self.borrower(name).borrowed, self.allocated(name));
        if borrowed <= allocated {
            return Err(Refusal::BorrowerNotOverdue { borrowed, allocated });
        }
        self.restrict(name, true);
        Ok(())
    }

    pub(crate) fn restrict(&mut self, name: Address, to: bool) {
        let borrower = self.borrower_mut(name);
        if std::mem::replace(&mut borrower.restricted, to) != to {
            self.report(Event::BorrowingRestrictionChanged(name, to));
        }
    }

    pub(crate) fn borrow(&mut self, caller: Address, amount: U256) -> Result<(), Refusal> {
        if amount.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        if self.borrower(caller).restricted {
            return Err(Refusal::BorrowingRestricted { borrower: caller });
        }
        let available = self.available_to_borrow();
        if amount > available {
            return Err(Refusal::BorrowExceedsAvailable { requested: amount, available });
        }
        let (borrowed, limit) = (self.borrower(caller).borrowed.plus(amount), self.limit(caller));
        if borrowed > limit {
            return Err(Refusal::BorrowExceedsAllocation { borrowed, limit });
        }
        let cap = self.borrower(caller).cap;
        if !cap.is_zero() && borrowed > cap {
            return Err(Refusal::BorrowExceedsCap { borrowed, cap });
        }
        self.borrower_mut(caller).borrowed = borrowed;
        self.borrowed = self.borrowed.plus(amount);
        self.unborrowed = self.unborrowed.minus(amount);
        self.push(caller, amount);
        self.report(Event::Borrowed(caller, amount, borrowed));
        Ok(())
    }

    pub(crate) fn repay_borrow_up_to(&mut self, payer: Address, name: Address, max: U256) -> Result<U256, Refusal> {
        if max.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        let amount = max.min(self.borrower(name).borrowed);
        if !amount.is_zero() {
            self.repay_borrow(payer, name, amount)?;
        }
        Ok(amount)
    }

    pub(crate) fn repay_borrow(&mut self, payer: Address, name: Address, amount: U256) -> Result<(), Refusal> {
        if amount.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        let borrowed = self.borrower(name).borrowed;
        if amount > borrowed {
            return Err(Refusal::RepayExceedsBorrowed { requested: amount, borrowed });
        }
        self.pull(payer, amount)?;
        let left = borrowed.minus(amount);
        self.borrower_mut(name).borrowed = left;
        self.borrowed = self.borrowed.minus(amount);
        self.unborrowed = self.unborrowed.plus(amount);
        self.report(Event::RepaidBorrow(name, payer, amount, left));
        Ok(())
    }

    /// A borrower's numbers now.
    pub fn borrower(&self, name: Address) -> Borrower {
        self.borrowers.get(&name).cloned().unwrap_or_default()
    }

    /// Stake that is neither lent nor inactive.
    pub(crate) fn available_to_borrow(&self) -> U256 {
        self.unborrowed.saturating_sub(self.inactive.now)
    }

    /// A borrower's share of the active stake, this epoch.
    pub(crate) fn allocated(&self, name: Address) -> U256 {
        share_down(self.active.now, self.borrower(name).share.now)
    }

    /// The same, of the next epoch as things stand.
    pub(crate) fn allocated_next(&self, name: Address) -> U256 {
        share_down(self.active.next, self.borrower(name).share.next)
    }

    /// The largest loan a borrower may have after borrowing.
    fn limit(&self, name: Address) -> U256 {
        let share = self.borrower(name).share;
        let base = if self.schedule.in_blackout(self.now) { self.active.next } else { self.active.now };
        share_down(base, share.now.min(share.next))
    }

    /// The most that `borrow` accepts.
    pub(crate) fn borrowable(&self, name: Address) -> U256 {
        let borrower = self.borrower(name);
        if borrower.restricted {
            return U256::ZERO;
        }
        let limit = if borrower.cap.is_zero() { self.limit(name) } else { self.limit(name).min(borrower.cap) };
        limit.saturating_sub(borrower.borrowed).min(self.available_to_borrow())
    }

    /// Whether loans exceed the active stake: a shortfall that is to be marked.
    pub fn is_short(&self) -> bool {
        self.borrowed > self.active.now
    }

    /// Whether any loan exceeds its share by a whole unit.
    pub fn is_overdue(&self) -> bool {
        self.borrowers.keys().any(|name| !self.overdue_amount(*name).is_zero())
    }

    /// Whole units by which a loan exceeds the exact share of this epoch.
    pub(crate) fn overdue_amount(&self, name: Address) -> U256 {
        let borrower = self.borrower(name);
        let exact = self.active.now.times(borrower.share.now);
        borrower.borrowed.times(u(WHOLE)).saturating_sub(exact).over_down(u(WHOLE))
    }
}

fn same_length(names: &[Address], values: &[U256]) -> Result<(), Refusal> {
    if names.len() == values.len() {
        return Ok(());
    }
    Err(Refusal::ArrayLengthMismatch { borrowers: u(names.len() as u64), values: u(values.len() as u64) })
}

fn share_down(active: U256, share: U256) -> U256 {
    active.times(share).over_down(u(WHOLE))
}
