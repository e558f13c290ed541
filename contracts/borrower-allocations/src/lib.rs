//! Shares of the pool, borrowing and repaying. What each function does, refuses and reports stands in `abi/IBorrowerAllocations.sol`.

#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(missing_docs, reason = "what `program!` generates is public")]

extern crate alloc;

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, U256};
use balances::{Active, TOTAL_ALLOCATION, allocated_down, excess_points};
use pool_storage::{
    HOST, Moment, Pool, Revert, Role, abi, emit, revert,
    words::{Borrower, Loans, MAX_CAP},
};
use stylus_sdk::prelude::*;

/// The facet: the pool's storage and nothing else.
#[storage]
pub struct BorrowerAllocations {
    pool: Pool,
}

pool_storage::program!(BorrowerAllocations);

#[public]
impl BorrowerAllocations {
    // ---------------------------------------------------------------- governance

    fn set_borrower_allocations(&mut self, borrowers: Vec<Address>, new_allocations: Vec<U256>) -> Result<(), Revert> {
        self.pool.only(Role::BORROWER_ADMIN)?;
        check_lengths(borrowers.len(), new_allocations.len())?;
        self.pool.outside_blackout()?;
        let at = self.pool.moment_if_started()?;
        // Sums of shares of at most 10,000 each: far below 2^64.
        let (mut proposed, mut required) = (0u64, 0u64);
        for (borrower, allocation) in borrowers.into_iter().zip(new_allocations) {
            let allocation = to_share(allocation)?;
            proposed = proposed.saturating_add(allocation.into());
            required = required.saturating_add(self.set_allocation(borrower, allocation, at.as_ref()).into());
        }
        if proposed != required {
            let (proposed, required) = (U256::from(proposed), U256::from(required));
            return Err(revert(abi::AllocationSumChanged { proposed, required }));
        }
        Ok(())
    }

    fn set_borrower_caps(&mut self, borrowers: Vec<Address>, caps: Vec<U256>) -> Result<(), Revert> {
        self.pool.only(Role::BORROWER_ADMIN)?;
        check_lengths(borrowers.len(), caps.len())?;
        for (borrower, cap) in borrowers.into_iter().zip(caps) {
            self.set_cap(borrower, to_cap(cap)?)?;
        }
        Ok(())
    }

    fn set_borrowing_restriction(&mut self, borrower: Address, is_borrowing_restricted: bool) -> Result<(), Revert> {
        self.pool.only(Role::BORROWER_ADMIN)?;
        let mut record = self.pool.load_borrower(borrower, None);
        self.pool.restrict(borrower, &mut record, is_borrowing_restricted);
        Ok(())
    }

    // ---------------------------------------------------------------- borrowers

    fn restrict_borrower(&mut self, borrower: Address) -> Result<(), Revert> {
        let view = View::of(&self.pool)?;
        let mut record = view.borrower(&self.pool, borrower);
        let allocated = view.allocated(&record);
        if record.borrowed <= allocated {
            let (borrowed, allocated) = (U256::from(record.borrowed), U256::from(allocated));
            return Err(revert(abi::BorrowerNotOverdue { borrowed, allocated }));
        }
        self.pool.restrict(borrower, &mut record, true);
        Ok(())
    }

    fn borrow(&mut self, amount: U256) -> Result<(), Revert> {
        let borrower = HOST.msg_sender();
        check_positive(amount)?;
        let view = View::of(&self.pool)?;
        let mut record = view.borrower(&self.pool, borrower);
        if record.restricted {
            return Err(revert(abi::BorrowingRestricted { borrower }));
        }
        let available = view.available(&self.pool);
        let quantity = at_most(amount, available).ok_or_else(|| {
            revert(abi::BorrowExceedsAvailable { requested: amount, available: U256::from(available) })
        })?;
        let limit = view.limit(&record);
        record.borrowed = record.borrowed.saturating_add(quantity); // Two balances of 112 bits.
        let borrowed = U256::from(record.borrowed);
        if record.borrowed > limit {
            return Err(revert(abi::BorrowExceedsAllocation { borrowed, limit: U256::from(limit) }));
        }
        if record.borrowed > record.ceiling() {
            return Err(revert(abi::BorrowExceedsCap { borrowed, cap: U256::from(record.cap) }));
        }
        self.pool.borrowers.insert(borrower, record.to_word());
        let mut loans = self.loans();
        loans.borrowed = loans.borrowed.saturating_add(quantity); // At most all stake: 113 bits.
        self.pool.loans.set(loans.to_word());

        self.pool.push_stake(borrower, amount)?;
        emit(&abi::Borrowed { borrower, amount, newBorrowedBalance: borrowed });
        Ok(())
    }

    fn repay_borrow(&mut self, borrower: Address, amount: U256) -> Result<(), Revert> {
        check_positive(amount)?;
        let record = self.pool.load_borrower(borrower, None);
        let quantity = at_most(amount, record.borrowed).ok_or_else(|| {
            revert(abi::RepayExceedsBorrowed { requested: amount, borrowed: U256::from(record.borrowed) })
        })?;
        self.repay(borrower, record, quantity)
    }

    fn repay_borrow_up_to(&mut self, borrower: Address, max: U256) -> Result<U256, Revert> {
        check_positive(max)?;
        let record = self.pool.load_borrower(borrower, None);
        let quantity = at_most(max, record.borrowed).unwrap_or(record.borrowed);
        if quantity != 0 {
            self.repay(borrower, record, quantity)?;
        }
        Ok(U256::from(quantity))
    }

    // ---------------------------------------------------------------- getters

    fn get_borrower_cap(&self, borrower: Address) -> U256 {
        U256::from(self.pool.load_borrower(borrower, None).cap)
    }

    fn get_borrowable_amount(&self, borrower: Address) -> Result<U256, Revert> {
        let view = View::of(&self.pool)?;
        Ok(U256::from(view.borrowable(&self.pool, &view.borrower(&self.pool, borrower))))
    }

    fn get_contract_balance_available_to_borrow(&self) -> Result<U256, Revert> {
        Ok(U256::from(View::of(&self.pool)?.available(&self.pool)))
    }

    fn is_borrower_overdue(&self, borrower: Address) -> Result<bool, Revert> {
        let view = View::of(&self.pool)?;
        let record = view.borrower(&self.pool, borrower);
        Ok(record.borrowed > view.allocated(&record))
    }

    fn is_borrowing_restricted_for_borrower(&self, borrower: Address) -> bool {
        self.pool.load_borrower(borrower, None).restricted
    }

    fn get_borrowed_balance(&self, borrower: Address) -> U256 {
        U256::from(self.pool.load_borrower(borrower, None).borrowed)
    }

    fn get_total_borrowed_balance(&self) -> U256 {
        U256::from(self.loans().borrowed)
    }

    fn get_allocation_fraction_current_epoch(&self, borrower: Address) -> Result<U256, Revert> {
        let record = View::of(&self.pool)?.borrower(&self.pool, borrower);
        Ok(U256::from(record.allocation.current))
    }

    fn get_allocation_fraction_next_epoch(&self, borrower: Address) -> U256 {
        // Next-epoch fields never change by rolling.
        U256::from(self.pool.load_borrower(borrower, None).allocation.next)
    }

    fn get_allocated_balance_current_epoch(&self, borrower: Address) -> Result<U256, Revert> {
        let view = View::of(&self.pool)?;
        Ok(U256::from(view.allocated(&view.borrower(&self.pool, borrower))))
    }

    fn get_allocated_balance_next_epoch(&self, borrower: Address) -> Result<U256, Revert> {
        let view = View::of(&self.pool)?;
        Ok(U256::from(view.allocated_next(&view.borrower(&self.pool, borrower))))
    }

    /// The fields of `IBorrowerAllocations.BorrowerState`.
    #[allow(clippy::type_complexity, reason = "a static tuple is how the SDK returns a struct")]
    fn get_borrower(
        &self,
        borrower: Address,
    ) -> Result<(U256, U256, U256, U256, U256, U256, U256, bool, bool, U256, U256), Revert> {
        let view = View::of(&self.pool)?;
        let record = view.borrower(&self.pool, borrower);
        Ok((
            U256::from(record.borrowed),
            self.pool.borrower_debts.get(borrower),
            U256::from(record.allocation.current),
            U256::from(record.allocation.next),
            U256::from(view.allocated(&record)),
            U256::from(view.allocated_next(&record)),
            U256::from(view.borrowable(&self.pool, &record)),
            record.borrowed > view.allocated(&record),
            record.restricted,
            U256::from(record.cap),
            U256::from(view.overdue_down(&record)),
        ))
    }

    #[selector(name = "TOTAL_ALLOCATION")]
    fn total_allocation(&self) -> U256 {
        U256::from(TOTAL_ALLOCATION)
    }
}

impl BorrowerAllocations {
    /// Stores one new share, and returns the one that it replaces for the next epoch. Replaced and new ones of several calls telescope, so
    /// that equal sums keep all shares together at 10,000, whoever is named how often.
    fn set_allocation(&mut self, borrower: Address, allocation: u16, at: Option<&Moment>) -> u16 {
        let mut record = self.pool.load_borrower(borrower, at);
        let (old, replaced) = (record.allocation.current, record.allocation.next);
        record.allocation.next = allocation;
        let mut epoch_number = 0;
        match at {
            Some(at) => epoch_number = u32::from(at.epoch).saturating_add(1),
            None => record.allocation.current = allocation,
        }
        self.pool.borrowers.insert(borrower, record.to_word());
        emit(&abi::ScheduledBorrowerAllocationChange {
            borrower,
            oldAllocation: U256::from(old),
            newAllocation: U256::from(allocation),
            epochNumber: U256::from(epoch_number),
        });
        replaced
    }

    /// Stores one new cap. Raising it is refused when borrowers' plans for the next epoch are made: they rely on what others can take.
    fn set_cap(&mut self, borrower: Address, cap: u128) -> Result<(), Revert> {
        if borrower.is_zero() {
            return Err(revert(abi::InvalidBorrower { borrower }));
        }
        let mut record = self.pool.load_borrower(borrower, None);
        let (old, old_ceiling) = (record.cap, record.ceiling());
        if cap == old {
            return Ok(());
        }
        record.cap = cap;
        if record.ceiling() > old_ceiling {
            self.pool.outside_blackout()?;
        }
        self.pool.borrowers.insert(borrower, record.to_word());
        emit(&abi::BorrowerCapChanged { borrower, oldCap: U256::from(old), newCap: U256::from(cap) });
        Ok(())
    }

    /// Takes `quantity` of what is borrowed back from the caller; at most all of it.
    fn repay(&mut self, borrower: Address, mut record: Borrower, quantity: u128) -> Result<(), Revert> {
        let sender = HOST.msg_sender();
        record.borrowed = record.borrowed.saturating_sub(quantity);
        self.pool.borrowers.insert(borrower, record.to_word());
        let mut loans = self.loans();
        loans.borrowed = loans.borrowed.saturating_sub(quantity); // The sum of all loans.
        self.pool.loans.set(loans.to_word());

        let (amount, left) = (U256::from(quantity), U256::from(record.borrowed));
        self.pool.pull_stake(sender, amount)?;
        emit(&abi::RepaidBorrow { borrower, sender, amount, newBorrowedBalance: left });
        Ok(())
    }

    fn loans(&self) -> Loans {
        Loans::from_word(self.pool.loans.get())
    }
}

/// The pool at this moment, as borrowers see it. Before epoch zero there is no stake.
struct View {
    at: Option<Moment>,
    active: Active,
    blackout: bool,
}

impl View {
    fn of(pool: &Pool) -> Result<Self, Revert> {
        let at = pool.moment_if_started()?;
        let active = at.as_ref().map(|at| pool.peek_total_active(at)).unwrap_or_default();
        let blackout = at.as_ref().is_some_and(|at| at.schedule.in_blackout(at.now));
        Ok(Self { at, active, blackout })
    }

    fn borrower(&self, pool: &Pool, borrower: Address) -> Borrower {
        pool.load_borrower(borrower, self.at.as_ref())
    }

    /// Its share of this epoch, rounded down.
    fn allocated(&self, borrower: &Borrower) -> u128 {
        allocated_down(self.active.current(), borrower.allocation.current)
    }

    /// Its share of the next epoch as things stand, rounded down.
    fn allocated_next(&self, borrower: &Borrower) -> u128 {
        allocated_down(self.active.next(), borrower.allocation.next)
    }

    /// By how much its loan exceeds its exact share of this epoch, in whole units, rounded down.
    fn overdue_down(&self, borrower: &Borrower) -> u128 {
        let points = excess_points(borrower.borrowed, self.active.current(), borrower.allocation.current);
        points.checked_div(TOTAL_ALLOCATION.into()).unwrap_or_default()
    }

    /// The largest loan that its share allows: a smaller share to come counts at once; in the blackout window so does the smaller stake to come.
    fn limit(&self, borrower: &Borrower) -> u128 {
        let active = if self.blackout { self.active.next() } else { self.active.current() };
        allocated_down(active, borrower.allocation.current.min(borrower.allocation.next))
    }

    /// Stake that is neither lent nor inactive.
    fn available(&self, pool: &Pool) -> u128 {
        let inactive = self.at.as_ref().map(|at| pool.load_total_inactive(at).current()).unwrap_or_default();
        pool.unborrowed().saturating_sub(inactive)
    }

    /// The most it can borrow now.
    fn borrowable(&self, pool: &Pool, borrower: &Borrower) -> u128 {
        if borrower.restricted {
            return 0;
        }
        let limit = self.limit(borrower).min(borrower.ceiling());
        let room = limit.saturating_sub(borrower.borrowed);
        if room == 0 {
            return 0; // What is available takes two words, 4,200 gas.
        }
        room.min(self.available(pool))
    }
}

fn to_share(allocation: U256) -> Result<u16, Revert> {
    u16::try_from(allocation)
        .ok()
        .filter(|&share| share <= TOTAL_ALLOCATION)
        .ok_or_else(|| revert(abi::AllocationTooHigh { allocation, maximum: U256::from(TOTAL_ALLOCATION) }))
}

fn to_cap(cap: U256) -> Result<u128, Revert> {
    let high = || revert(abi::CapTooHigh { cap, maximum: U256::from(MAX_CAP) });
    at_most(cap, MAX_CAP).ok_or_else(high)
}

fn check_lengths(borrowers: usize, values: usize) -> Result<(), Revert> {
    if borrowers != values {
        let (borrowers, values) = (U256::from(borrowers), U256::from(values));
        return Err(revert(abi::ArrayLengthMismatch { borrowers, values }));
    }
    Ok(())
}

fn check_positive(amount: U256) -> Result<(), Revert> {
    if amount.is_zero() {
        return Err(revert(abi::ZeroAmount {}));
    }
    Ok(())
}

/// `amount` as a balance, if there is that much.
fn at_most(amount: U256, available: u128) -> Option<u128> {
    u128::try_from(amount).ok().filter(|&amount| amount <= available)
}
