//! Shortfalls and debt (spec section 9, with the deviations of design section 3.1).

use alloy_primitives::{Address, U256};

use crate::{
    Event, Ledger, Refusal, Role, Shortfall, WHOLE,
    exact::{Exact, ten_to, u},
};

/// Who is charged what for a shortfall.
#[derive(Debug)]
pub(crate) struct Charges {
    /// In the order of the list, those passed over as zero.
    pub(crate) debts: Vec<(Address, U256)>,
    /// What they cover, in ten-thousandths of a unit.
    pub(crate) covered: U256,
    /// What is to be covered.
    pub(crate) required: U256,
}

impl Ledger {
    pub(crate) fn mark_debt(&mut self, list: &[Address]) -> Result<U256, Refusal> {
        let shortfall = self.shortfall();
        if shortfall.is_zero() {
            return Err(Refusal::NoShortfall { borrowed: self.borrowed, active: self.active.now });
        }
        let epoch = self.epoch()?;
        let Charges { debts, covered, required } = self.charges(list);
        if covered < required {
            return Err(Refusal::ShortfallNotCovered { covered, required });
        }
        for (name, debt) in debts.into_iter().filter(|(_, debt)| !debt.is_zero()) {
            self.turn_into_debt(name, debt);
        }
        let (converted, index) = self.haircut(shortfall);
        self.lose(epoch, converted, index);
        self.report(Event::ConvertedInactiveBalancesToDebt(converted, index, self.inactive.now));
        Ok(shortfall)
    }

    /// By how much loans exceed the active stake.
    pub fn shortfall(&self) -> U256 {
        self.borrowed.saturating_sub(self.active.now)
    }

    /// Whether any shortfall was ever marked.
    pub fn has_shortfalls(&self) -> bool {
        !self.shortfalls.is_empty()
    }

    /// Running points: each borrower adds what it is overdue, capped at the shortfall; its debt is what the sum, rounded up, grows by.
    pub(crate) fn charges(&self, list: &[Address]) -> Charges {
        let required = self.shortfall().times(u(WHOLE));
        let mut charges = Charges { debts: Vec::new(), covered: U256::ZERO, required };
        for name in list {
            let charged = charges.debts.iter().filter(|(known, _)| known == name);
            let charged = charged.fold(U256::ZERO, |sum, (_, debt)| sum.plus(*debt));
            let borrower = self.borrower(*name);
            let owed = borrower.borrowed.minus(charged).times(u(WHOLE));
            let overdue = owed.saturating_sub(self.active.now.times(borrower.share.now));
            let before = charges.covered;
            charges.covered = before.plus(overdue).min(required);
            let debt = charges.covered.over_up(u(WHOLE)).minus(before.over_up(u(WHOLE)));
            charges.debts.push((*name, debt));
        }
        charges
    }

    fn turn_into_debt(&mut self, name: Address, amount: U256) {
        let borrower = self.borrower_mut(name);
        borrower.borrowed = borrower.borrowed.minus(amount);
        borrower.debt = borrower.debt.plus(amount);
        let event = Event::DebtMarked(name, amount, borrower.borrowed, borrower.debt);
        self.borrowed = self.borrowed.minus(amount);
        self.borrower_debt = self.borrower_debt.plus(amount);
        self.report(event);
        self.restrict(name, true);
    }

    /// What inactive stake loses to a shortfall, and what each balance keeps of itself, times 10^36.
    pub(crate) fn haircut(&self, shortfall: U256) -> (U256, U256) {
        let before = self.inactive.now;
        if before <= shortfall {
            return (before, U256::ZERO);
        }
        (shortfall, ten_to(36).times(before.minus(shortfall)).over_down(before))
    }

    /// Takes a loss from the total and from every holder of inactive stake at once. Stake rounds down, debt up.
    fn lose(&mut self, epoch: u64, converted: U256, index: U256) {
        let number = self.shortfalls.len();
        self.shortfalls.push(Shortfall { epoch, index });
        self.inactive.sub(converted);
        for account in self.accounts.values_mut().filter(|account| !account.inactive.now.is_zero()) {
            let before = account.inactive.now;
            let loss = before.minus(before.times(index).over_down(ten_to(36)));
            account.inactive.sub(loss);
            account.debt = account.debt.plus(loss);
            account.reported.losses.push_back((number, loss));
            self.terms.roundings += 1;
        }
    }

    pub(crate) fn repay_debt_up_to(&mut self, payer: Address, name: Address, max: U256) -> Result<U256, Refusal> {
        if max.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        let amount = max.min(self.borrower(name).debt);
        if !amount.is_zero() {
            self.repay_debt(payer, name, amount)?;
        }
        Ok(amount)
    }

    pub(crate) fn repay_debt(&mut self, payer: Address, name: Address, amount: U256) -> Result<(), Refusal> {
        if amount.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        let left = self.reduce_debt(name, amount)?;
        self.pull(payer, amount)?;
        self.repaid = self.repaid.plus(amount);
        self.report(Event::RepaidDebt(name, payer, amount, left));
        Ok(())
    }

    pub(crate) fn write_off_borrower(
        &mut self,
        operator: Address,
        name: Address,
        amount: U256,
    ) -> Result<U256, Refusal> {
        self.only(Role::DebtOperator, operator)?;
        if name.is_zero() {
            return Err(Refusal::InvalidBorrower { borrower: name });
        }
        let left = self.reduce_debt(name, amount)?;
        self.terms.borrower_debt_written_off = self.terms.borrower_debt_written_off.plus(amount);
        self.report(Event::OperatorDecreasedBorrowerDebt(name, amount, left, operator));
        Ok(left)
    }

    fn reduce_debt(&mut self, name: Address, amount: U256) -> Result<U256, Refusal> {
        let debt = self.borrower(name).debt;
        let left = debt.checked_sub(amount).ok_or(Refusal::ExceedsDebt { requested: amount, debt })?;
        self.borrower_mut(name).debt = left;
        self.borrower_debt = self.borrower_debt.minus(amount);
        Ok(left)
    }

    pub(crate) fn withdraw_debt(&mut self, staker: Address, to: Address, amount: U256) -> Result<(), Refusal> {
        self.check_recipient(to)?;
        self.epoch()?;
        self.touch_inactive(staker);
        let left = self.reduce_claim(staker, amount)?;
        let available = self.repaid;
        let refusal = Refusal::InsufficientRepaidDebt { requested: amount, available };
        self.repaid = available.checked_sub(amount).ok_or(refusal)?;
        self.push(to, amount);
        self.report(Event::WithdrewDebt(staker, to, amount, left));
        Ok(())
    }

    pub(crate) fn withdraw_max_debt(&mut self, staker: Address, to: Address) -> Result<U256, Refusal> {
        let amount = self.account(staker).debt.min(self.repaid);
        self.withdraw_debt(staker, to, amount)?;
        Ok(amount)
    }

    pub(crate) fn write_off_staker(
        &mut self,
        operator: Address,
        staker: Address,
        amount: U256,
    ) -> Result<U256, Refusal> {
        self.only(Role::DebtOperator, operator)?;
        self.check_staker(staker)?;
        self.epoch()?;
        self.touch_inactive(staker);
        let left = self.reduce_claim(staker, amount)?;
        self.terms.staker_debt_written_off = self.terms.staker_debt_written_off.plus(amount);
        self.report(Event::OperatorDecreasedStakerDebt(staker, amount, left, operator));
        Ok(left)
    }

    fn reduce_claim(&mut self, staker: Address, amount: U256) -> Result<U256, Refusal> {
        let debt = self.account(staker).debt;
        let left = debt.checked_sub(amount).ok_or(Refusal::ExceedsDebt { requested: amount, debt })?;
        self.account_mut(staker).debt = left;
        Ok(left)
    }

    /// Losses are credited up to an epoch. Balances do not change: they are settled already.
    pub(crate) fn settle_to_epoch(&mut self, staker: Address, to: U256) -> Result<(), Refusal> {
        let (minimum, maximum) = (u(self.account(staker).reported.epoch), u(self.epoch()?));
        if to < minimum || to > maximum {
            return Err(Refusal::SettlementEpochOutOfRange { epoch: to, minimum, maximum });
        }
        let to = to.to();
        let count = self.shortfalls.iter().filter(|shortfall| shortfall.epoch <= to).count();
        self.credit(staker, to, count);
        Ok(())
    }

    pub(crate) fn settle_some(&mut self, staker: Address, max: U256) -> Result<U256, Refusal> {
        self.check_staker(staker)?;
        self.epoch()?;
        Ok(u(self.credit_some(staker, max) as u64))
    }
}
