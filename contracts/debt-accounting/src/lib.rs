//! Shortfalls and debt. What each function does, refuses and reports stands in `abi/IDebtAccounting.sol`.

#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(missing_docs, reason = "what `program!` generates is public")]

extern crate alloc;

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, U256, aliases::U224};
use balances::{Attribution, Inactive, Shortfall, TOTAL_ALLOCATION, excess_points, haircut};
use pool_storage::{HOST, Moment, Pool, Revert, Role, abi, emit, revert, words::Loans};
use stylus_sdk::prelude::*;

/// The facet: the pool's storage and nothing else.
#[storage]
pub struct DebtAccounting {
    pool: Pool,
}

pool_storage::program!(DebtAccounting);

#[public]
impl DebtAccounting {
    // ---------------------------------------------------------------- shortfalls

    fn mark_debt(&mut self, borrowers: Vec<Address>) -> Result<U256, Revert> {
        let books = Books::of(&self.pool)?;
        let shortfall = books.shortfall();
        let Some(at) = books.at.as_ref().filter(|_| shortfall > 0) else {
            let (borrowed, active) = (U256::from(books.borrowed), U256::from(books.active));
            return Err(revert(abi::NoShortfall { borrowed, active }));
        };
        let mut attribution = Attribution::of(shortfall);
        for borrower in borrowers {
            self.charge(borrower, &mut attribution, &books);
        }
        if !attribution.is_complete() {
            let (covered, required) = (U256::from(attribution.covered()), U256::from(attribution.required()));
            return Err(revert(abi::ShortfallNotCovered { covered, required }));
        }
        self.book_debt(shortfall);
        self.convert_inactive(shortfall, at)?;
        Ok(U256::from(shortfall))
    }

    fn preview_mark_debt(&self, borrowers: Vec<Address>) -> Result<(U256, U256, U256, U256), Revert> {
        let books = Books::of(&self.pool)?;
        let (attribution, _) = books.attribute(&self.pool, borrowers);
        let uncovered = attribution.required().saturating_sub(attribution.covered()).div_ceil(TOTAL_ALLOCATION.into());
        let (entry, loss) = match &books.at {
            Some(at) => haircut(&self.pool.load_total_inactive(at), at.epoch, books.shortfall()),
            None => haircut(&Inactive::default(), 0, 0),
        };
        Ok((U256::from(books.shortfall()), U256::from(uncovered), U256::from(loss), entry.index))
    }

    fn preview_debts(&self, borrowers: Vec<Address>) -> Result<Vec<U256>, Revert> {
        let (_, debts) = Books::of(&self.pool)?.attribute(&self.pool, borrowers);
        Ok(debts.into_iter().map(|(_, debt)| U256::from(debt)).collect())
    }

    fn get_shortfall_amount(&self) -> Result<U256, Revert> {
        Ok(U256::from(Books::of(&self.pool)?.shortfall()))
    }

    fn is_solvent(&self) -> Result<bool, Revert> {
        Ok(Books::of(&self.pool)?.shortfall() == 0)
    }

    fn get_shortfall_count(&self) -> U256 {
        U256::from(self.shortfall_count())
    }

    fn get_shortfall(&self, index: U256) -> Result<(u16, U224), Revert> {
        let count = self.shortfall_count();
        let number = u16::try_from(index).ok().filter(|&number| number < count);
        let number = number.ok_or_else(|| revert(abi::UnknownShortfall { index, count: U256::from(count) }))?;
        let Shortfall { epoch, index } = Shortfall::from_word(self.pool.shortfalls.get(number));
        Ok((epoch, U224::wrapping_from(index))) // At most 10^36.
    }

    // ---------------------------------------------------------------- what borrowers owe

    fn repay_debt(&mut self, borrower: Address, amount: U256) -> Result<(), Revert> {
        check_positive(amount)?;
        self.repay(borrower, amount)
    }

    fn repay_debt_up_to(&mut self, borrower: Address, max: U256) -> Result<U256, Revert> {
        check_positive(max)?;
        let amount = max.min(self.pool.borrower_debts.get(borrower));
        if !amount.is_zero() {
            self.repay(borrower, amount)?;
        }
        Ok(amount)
    }

    fn decrease_borrower_debt(&mut self, borrower: Address, amount: U256) -> Result<U256, Revert> {
        let operator = self.pool.only(Role::DEBT_OPERATOR)?;
        if borrower.is_zero() {
            return Err(revert(abi::InvalidBorrower { borrower }));
        }
        let debt = self.reduce_borrower_debt(borrower, amount)?;
        emit(&abi::OperatorDecreasedBorrowerDebt { borrower, amount, newDebtBalance: debt, operator });
        Ok(debt)
    }

    fn get_borrower_debt_balance(&self, borrower: Address) -> U256 {
        self.pool.borrower_debts.get(borrower)
    }

    fn get_total_borrower_debt_balance(&self) -> U256 {
        self.pool.total_borrower_debt.get()
    }

    // ---------------------------------------------------------------- what stakers are owed

    fn withdraw_debt(&mut self, recipient: Address, amount: U256) -> Result<(), Revert> {
        let staker = HOST.msg_sender();
        self.pool.check_recipient(recipient)?;
        self.settle_inactive(staker)?;
        self.pay_debt(staker, recipient, amount)
    }

    fn withdraw_max_debt(&mut self, recipient: Address) -> Result<U256, Revert> {
        let staker = HOST.msg_sender();
        self.pool.check_recipient(recipient)?;
        self.settle_inactive(staker)?;
        let amount = self.pool.staker_debts.get(staker).min(U256::from(self.loans().debt_available));
        self.pay_debt(staker, recipient, amount)?;
        Ok(amount)
    }

    fn decrease_staker_debt(&mut self, staker: Address, amount: U256) -> Result<U256, Revert> {
        let operator = self.pool.only(Role::DEBT_OPERATOR)?;
        self.pool.check_staker(staker)?;
        self.settle_inactive(staker)?;
        let debt = self.reduce_staker_debt(staker, amount)?;
        emit(&abi::OperatorDecreasedStakerDebt { staker, amount, newDebtBalance: debt, operator });
        Ok(debt)
    }

    fn get_staker_debt_balance(&self, staker: Address) -> Result<U256, Revert> {
        let Some(at) = self.pool.moment_if_started()? else {
            return Ok(U256::ZERO);
        };
        let (_, loss) = self.pool.peek_inactive(staker, &at, &self.pool.load_total_inactive(&at));
        Ok(self.pool.staker_debts.get(staker).saturating_add(U256::from(loss)))
    }

    fn get_debt_available_to_withdraw(&self, staker: Address) -> Result<U256, Revert> {
        Ok(self.get_staker_debt_balance(staker)?.min(self.get_total_debt_available_to_withdraw()))
    }

    fn get_total_debt_available_to_withdraw(&self) -> U256 {
        U256::from(self.loans().debt_available)
    }

    // ---------------------------------------------------------------- settling in slices

    fn failsafe_settle_user_inactive_balance_to_epoch(&mut self, max_epoch: U256) -> Result<(), Revert> {
        let staker = HOST.msg_sender();
        let at = self.pool.moment()?;
        let stored = Inactive::from_word(self.pool.inactive.get(staker)).epoch();
        let epoch = u16::try_from(max_epoch).ok().filter(|epoch| (stored..=at.epoch).contains(epoch));
        let epoch = epoch.ok_or_else(|| {
            let (minimum, maximum) = (U256::from(stored), U256::from(at.epoch));
            revert(abi::SettlementEpochOutOfRange { epoch: max_epoch, minimum, maximum })
        })?;
        self.settle_inactive_at(staker, &Moment { epoch, ..at })
    }

    fn settle_shortfalls(&mut self, staker: Address, max: U256) -> Result<U256, Revert> {
        self.pool.check_staker(staker)?;
        let at = self.pool.moment()?;
        let count = self.shortfall_count();
        let mut inactive = Inactive::from_word(self.pool.inactive.get(staker));
        let max = u16::try_from(max).unwrap_or(u16::MAX); // More there cannot be.
        let loss =
            inactive.roll_some(at.epoch, count, max, |number| Shortfall::from_word(self.pool.shortfalls.get(number)));
        self.pool.inactive.insert(staker, inactive.to_word());
        self.pool.credit_loss(staker, loss);
        Ok(U256::from(count.saturating_sub(inactive.shortfalls())))
    }
}

/// Shortfalls.
impl DebtAccounting {
    /// Turns what a borrower is overdue into debt, as far as the shortfall goes.
    fn charge(&mut self, borrower: Address, attribution: &mut Attribution, books: &Books) {
        let debt = attribution.charge(books.excess(&self.pool, borrower, 0));
        if debt == 0 {
            return;
        }
        let mut record = self.pool.load_borrower(borrower, books.at.as_ref());
        record.borrowed = record.borrowed.saturating_sub(debt); // Part of what exceeds its share.
        self.pool.borrowers.insert(borrower, record.to_word());
        let new_debt = self.pool.borrower_debts.get(borrower).saturating_add(U256::from(debt)); // Loans sum far below 2^256.
        self.pool.borrower_debts.insert(borrower, new_debt);
        emit(&abi::DebtMarked {
            borrower,
            amount: U256::from(debt),
            newBorrowedBalance: U256::from(record.borrowed),
            newDebtBalance: new_debt,
        });
        self.pool.restrict(borrower, &mut record, true);
    }

    fn book_debt(&mut self, shortfall: u128) {
        let mut loans = self.loans();
        loans.borrowed = loans.borrowed.saturating_sub(shortfall); // The sum of the charged loans' parts.
        self.pool.loans.set(loans.to_word());
        let total = self.pool.total_borrower_debt.get().saturating_add(U256::from(shortfall));
        self.pool.total_borrower_debt.set(total);
    }

    /// Takes the shortfall from the total inactive stake at once; stakers learn of it when they are next settled.
    fn convert_inactive(&mut self, shortfall: u128, at: &Moment) -> Result<(), Revert> {
        let mut total = self.pool.load_total_inactive(at);
        let (entry, loss) = haircut(&total, at.epoch, shortfall);
        self.pool.shortfalls.insert(total.shortfalls(), entry.to_word());
        total.mark(loss)?;
        self.pool.total_inactive.set(total.to_word());
        emit(&abi::ConvertedInactiveBalancesToDebt {
            shortfallAmount: U256::from(loss),
            shortfallIndex: entry.index,
            newInactiveBalance: U256::from(total.current()),
        });
        Ok(())
    }

    fn shortfall_count(&self) -> u16 {
        Inactive::from_word(self.pool.total_inactive.get()).shortfalls()
    }
}

/// Debt.
impl DebtAccounting {
    fn loans(&self) -> Loans {
        Loans::from_word(self.pool.loans.get())
    }

    fn repay(&mut self, borrower: Address, amount: U256) -> Result<(), Revert> {
        let sender = HOST.msg_sender();
        let debt = self.reduce_borrower_debt(borrower, amount)?;
        let mut loans = self.loans();
        loans.debt_available = loans.debt_available.saturating_add(low(amount)); // At most all debt ever marked.
        self.pool.loans.set(loans.to_word());

        self.pool.pull_stake(sender, amount)?;
        emit(&abi::RepaidDebt { borrower, sender, amount, newDebtBalance: debt });
        Ok(())
    }

    fn reduce_borrower_debt(&mut self, borrower: Address, amount: U256) -> Result<U256, Revert> {
        let debt = reduced(self.pool.borrower_debts.get(borrower), amount)?;
        self.pool.borrower_debts.insert(borrower, debt);
        let total = self.pool.total_borrower_debt.get().saturating_sub(amount); // The sum of all debts.
        self.pool.total_borrower_debt.set(total);
        Ok(debt)
    }

    fn reduce_staker_debt(&mut self, staker: Address, amount: U256) -> Result<U256, Revert> {
        let debt = reduced(self.pool.staker_debts.get(staker), amount)?;
        self.pool.staker_debts.insert(staker, debt);
        Ok(debt)
    }

    fn pay_debt(&mut self, staker: Address, recipient: Address, amount: U256) -> Result<(), Revert> {
        let debt = self.reduce_staker_debt(staker, amount)?;
        let mut loans = self.loans();
        let available = loans.debt_available;
        loans.debt_available =
            u128::try_from(amount).ok().and_then(|amount| available.checked_sub(amount)).ok_or_else(|| {
                revert(abi::InsufficientRepaidDebt { requested: amount, available: U256::from(available) })
            })?;
        self.pool.loans.set(loans.to_word());

        self.pool.push_stake(recipient, amount)?;
        emit(&abi::WithdrewDebt { staker, recipient, amount, newDebtBalance: debt });
        Ok(())
    }

    fn settle_inactive(&mut self, staker: Address) -> Result<(), Revert> {
        let at = self.pool.moment()?;
        self.settle_inactive_at(staker, &at)
    }

    fn settle_inactive_at(&mut self, staker: Address, at: &Moment) -> Result<(), Revert> {
        let total = Inactive::from_word(self.pool.total_inactive.get()); // Only its number of shortfalls is asked for.
        let inactive = self.pool.load_inactive(staker, at, &total)?;
        self.pool.inactive.insert(staker, inactive.to_word());
        Ok(())
    }
}

/// Loans beside the active stake, now.
struct Books {
    at: Option<Moment>,
    active: u128,
    borrowed: u128,
}

impl Books {
    fn of(pool: &Pool) -> Result<Self, Revert> {
        let at = pool.moment_if_started()?;
        let active = at.as_ref().map(|at| pool.peek_total_active(at).current()).unwrap_or_default();
        Ok(Self { at, active, borrowed: pool.borrowed() })
    }

    /// By how much loans exceed the active stake.
    fn shortfall(&self) -> u128 {
        self.borrowed.saturating_sub(self.active)
    }

    /// What a borrower is overdue in points, after `charged` of its loan became debt.
    fn excess(&self, pool: &Pool, borrower: Address, charged: u128) -> u128 {
        let record = pool.load_borrower(borrower, self.at.as_ref());
        excess_points(record.borrowed.saturating_sub(charged), self.active, record.allocation.current)
    }

    /// What each of `borrowers` would be charged, in this order; one that is named again owes less by then.
    fn attribute(&self, pool: &Pool, borrowers: Vec<Address>) -> (Attribution, Vec<(Address, u128)>) {
        let mut attribution = Attribution::of(self.shortfall());
        let mut debts = Vec::<(Address, u128)>::new();
        for borrower in borrowers {
            let charged = debts.iter().filter(|(known, _)| *known == borrower).map(|(_, debt)| *debt);
            let charged = charged.fold(0u128, u128::saturating_add); // At most its loan.
            debts.push((borrower, attribution.charge(self.excess(pool, borrower, charged))));
        }
        (attribution, debts)
    }
}

fn check_positive(amount: U256) -> Result<(), Revert> {
    if amount.is_zero() {
        return Err(revert(abi::ZeroAmount {}));
    }
    Ok(())
}

/// What is left of `debt`.
fn reduced(debt: U256, amount: U256) -> Result<U256, Revert> {
    debt.checked_sub(amount).ok_or_else(|| revert(abi::ExceedsDebt { requested: amount, debt }))
}

/// A debt as a balance; sums of loans fit.
fn low(amount: U256) -> u128 {
    u128::try_from(amount).unwrap_or(u128::MAX)
}
