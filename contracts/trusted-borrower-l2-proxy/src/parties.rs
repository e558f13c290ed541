//! The contracts that a borrower deals with, and the calls it makes.

use alloc::vec::Vec;

use ::host::{HOST, Revert};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use stylus_sdk::{call::RawCall, hostio, prelude::*};

use crate::{
    abi,
    interface::{
        IBorrowerAllocations as lending, IDebtAccounting as debt, IEpochSchedule as schedule, IPoolViews as views,
        IStarkPerpetual as exchange, claimRewardsCall, token,
    },
    report::{encode, log, refuse, report, signature},
    uint::{Uint, bytes_of},
};

/// Where the clone's code ends and the addresses behind it begin: the length of an EIP-1167 clone.
const OFFSET: usize = 45;

/// The contracts that a borrower deals with. They stand in the clone's code, four addresses behind its 45 bytes: reading them all there
/// costs 800 gas, a word of storage 2,100.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Parties {
    pub(crate) pool: Address,
    pub(crate) exchange: Address,
    pub(crate) token: Address,
    pub(crate) distributor: Address,
}

/// What the pool says of a borrower.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) borrowed: U256,
    pub(crate) debt: U256,
    pub(crate) allocated_next: U256,
    pub(crate) borrowable: U256,
    pub(crate) restricted: bool,
    /// By a whole unit at least, so not by rounding.
    pub(crate) overdue: bool,
}

/// What a borrower owes the pool.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    /// What it has borrowed.
    Loan,
    /// What was overdue and marked.
    Debt,
}

impl Account {
    /// Everything owed to the pool.
    pub(crate) fn owed(&self) -> U256 {
        self.borrowed.saturating_add(self.debt) // The pool's figures have 128 bits.
    }
}

impl Parties {
    /// Those of this clone.
    #[inline(never)]
    pub(crate) fn read() -> Self {
        let mut parties = Self::default();
        let this = HOST.contract_address();
        // SAFETY: four addresses of 20 bytes lie side by side; the host writes at most as many bytes as it is told.
        unsafe { hostio::account_code(this.as_ptr(), OFFSET, size_of::<Self>(), (&raw mut parties).cast()) };
        parties
    }

    // ---------------------------------------------------------------- pool

    pub(crate) fn borrow(&self, amount: Uint) -> Result<(), Revert> {
        send(self.pool, &encode(lending::borrowCall::SELECTOR, &[amount]))?;
        report::<abi::Borrowed, _>([amount, self.borrowed()?]);
        Ok(())
    }

    /// Pays at most `max` of what is due, and reports what was taken, if there was anything to pay. For a guardian the pool may take what it
    /// needs: the owner cannot keep it from repaying.
    #[inline(never)]
    pub(crate) fn repay(&self, due: Due, max: Uint, is_guardian_action: bool) -> Result<(), Revert> {
        let (repay, balance, event) = match due {
            Due::Loan => (
                lending::repayBorrowUpToCall::SELECTOR,
                lending::getBorrowedBalanceCall::SELECTOR,
                const { signature::<abi::RepaidBorrow, 3>() },
            ),
            Due::Debt => (
                debt::repayDebtUpToCall::SELECTOR,
                debt::getBorrowerDebtBalanceCall::SELECTOR,
                const { signature::<abi::RepaidDebt, 3>() },
            ),
        };
        if is_guardian_action {
            self.ensure_repayable(max, self.figure(balance)?)?;
        }
        let amount = word(self.pool, &send(self.pool, &encode(repay, &[this(), max]))?, 0)?;
        if !amount.is_zero() {
            log(event, &[amount, self.figure(balance)?, is_guardian_action.into()], 1);
        }
        Ok(())
    }

    pub(crate) fn borrowed(&self) -> Result<Uint, Revert> {
        self.figure(lending::getBorrowedBalanceCall::SELECTOR)
    }

    pub(crate) fn debt(&self) -> Result<Uint, Revert> {
        self.figure(debt::getBorrowerDebtBalanceCall::SELECTOR)
    }

    pub(crate) fn in_blackout_window(&self) -> Result<bool, Revert> {
        Ok(!ask_word(self.pool, &encode(schedule::inBlackoutWindowCall::SELECTOR, &[]))?.is_zero())
    }

    /// Everything that the pool knows about this borrower, in one call.
    pub(crate) fn account(&self) -> Result<Account, Revert> {
        let answer = ask(self.pool, &encode(lending::getBorrowerCall::SELECTOR, &[this()]))?;
        let (words, _) = answer.as_chunks::<32>();
        let words = words.first_chunk::<{ ANSWER / 32 }>().ok_or_else(|| unreadable(self.pool))?;
        let [borrowed, debt, allocated_next, borrowable, restricted, overdue] =
            [words[0], words[1], words[5], words[6], words[8], words[10]].map(U256::from_be_bytes);
        Ok(Account {
            borrowed,
            debt,
            allocated_next,
            borrowable,
            restricted: !restricted.is_zero(),
            overdue: !overdue.is_zero(),
        })
    }

    /// What a function of the pool says of this borrower.
    #[inline(never)]
    pub(crate) fn figure(&self, selector: [u8; 4]) -> Result<Uint, Revert> {
        ask_word(self.pool, &encode(selector, &[this()]))
    }

    pub(crate) fn staked_token(&self) -> Result<Address, Revert> {
        Ok(ask_word(self.pool, &encode(views::STAKED_TOKENCall::SELECTOR, &[]))?.address())
    }

    // ---------------------------------------------------------------- exchange

    pub(crate) fn eth_key(&self, stark_key: Uint) -> Result<Address, Revert> {
        Ok(ask_word(self.exchange, &encode(exchange::getEthKeyCall::SELECTOR, &[stark_key]))?.address())
    }

    /// Calls a function of the exchange whose arguments are words.
    pub(crate) fn exchange(&self, selector: [u8; 4], arguments: &[Uint]) -> Result<(), Revert> {
        send(self.exchange, &encode(selector, arguments)).map(|_| ())
    }

    /// Calls a function of the exchange that must not take tokens; returns what it brought.
    pub(crate) fn collect(&self, selector: [u8; 4], arguments: &[Uint]) -> Result<U256, Revert> {
        let before = self.held()?;
        self.exchange(selector, arguments)?;
        self.increase_since(before)
    }

    /// Inserts the signature where the exchange has it, and makes the flags flags.
    pub(crate) fn forced_trade(&self, args: &[Uint; 12], signature: &[u8]) -> Result<(), Revert> {
        let [words @ .., is_buying, expiration, nonce, premium_cost] = args;
        let tail = [
            Uint::from(!is_buying.is_zero()),
            *expiration,
            *nonce,
            Uint::from(13 * 32_u64), // The signature begins behind the thirteen words of the head.
            Uint::from(!premium_cost.is_zero()),
            Uint::from(signature.len() as u64),
        ];
        let mut call = encode(exchange::forcedTradeRequestCall::SELECTOR, words);
        call.extend_from_slice(bytes_of(&tail));
        call.extend_from_slice(signature);
        let padding = signature.len().wrapping_neg() % 32;
        call.resize(call.len().saturating_add(padding), 0);
        send(self.exchange, &call).map(|_| ())
    }

    // ---------------------------------------------------------------- distributor

    pub(crate) fn claim(&self, cumulative_amount: Uint, proof: &[B256]) -> Result<Uint, Revert> {
        let head = [cumulative_amount, Uint::from(2 * 32_u64), Uint::from(proof.len() as u64)];
        let mut call = encode(claimRewardsCall::SELECTOR, &head);
        for word in proof {
            call.extend_from_slice(word.as_slice());
        }
        word(self.distributor, &send(self.distributor, &call)?, 0)
    }

    // ---------------------------------------------------------------- token

    /// The borrowed token that lies here.
    pub(crate) fn held(&self) -> Result<U256, Revert> {
        self.ask_token(&encode(token::balanceOfCall::SELECTOR, &[this()]))
    }

    /// By how much the balance rose.
    pub(crate) fn increase_since(&self, before: U256) -> Result<U256, Revert> {
        let after = self.held()?;
        let decreased = || refuse::<abi::BalanceDecreased, _>([before.into(), after.into()]);
        after.checked_sub(before).ok_or_else(decreased)
    }

    /// Lets the pool take the smaller of `max` and what is `owed`, if it may not yet.
    fn ensure_repayable(&self, max: Uint, owed: Uint) -> Result<(), Revert> {
        let amount = Uint::from(max.number().min(owed.number()));
        let call = encode(token::allowanceCall::SELECTOR, &[this(), self.pool.into()]);
        if self.ask_token(&call)? >= amount.number() {
            return Ok(());
        }
        set_allowance(self.token, self.pool, amount)
    }

    fn ask_token(&self, call: &[u8]) -> Result<U256, Revert> {
        // Only the token's word counts, whatever it says when it fails.
        let answer = ask_word(self.token, call).map_err(|_| failed(self.token))?;
        Ok(answer.number())
    }
}

/// Sets an allowance by way of 0, which some tokens need.
pub(crate) fn set_allowance(token: Address, spender: Address, amount: Uint) -> Result<(), Revert> {
    approve(token, spender, Uint::ZERO)?;
    approve(token, spender, amount)
}

pub(crate) fn approve(token: Address, spender: Address, amount: Uint) -> Result<(), Revert> {
    move_token(token, token::approveCall::SELECTOR, spender, amount)
}

pub(crate) fn transfer(token: Address, recipient: Address, amount: Uint) -> Result<(), Revert> {
    move_token(token, token::transferCall::SELECTOR, recipient, amount)
}

/// A token that answers nothing must at least be a contract; one that answers must say true.
fn move_token(token: Address, selector: [u8; 4], account: Address, amount: Uint) -> Result<(), Revert> {
    let answer = send(token, &encode(selector, &[account.into(), amount])).map_err(|_| failed(token))?;
    let succeeded = if answer.is_empty() {
        HOST.code_size(token) != 0
    } else {
        word(token, &answer, 0).is_ok_and(|answer| answer == Uint::from(true))
    };
    if !succeeded {
        return Err(failed(token));
    }
    Ok(())
}

/// Sends ether, with all gas that is left.
pub(crate) fn send_ether(recipient: Address, amount: Uint) -> Result<(), Revert> {
    // SAFETY: the recipient cannot call back (the host refuses it), so no cached word can go stale.
    let result = unsafe {
        RawCall::new_with_value(amount.number()).skip_return_data().flush_storage_cache().call(recipient, &[])
    };
    result.map(|_| ()).map_err(|_| bubbled())
}

/// The most that is read of an answer: what the pool says of a borrower has eleven words.
const ANSWER: usize = 11 * 32;

/// Calls; passes on what the called contract reverts with.
fn send(to: Address, call: &[u8]) -> Result<Vec<u8>, Revert> {
    // SAFETY: nobody can call back (the host refuses it), so no cached word can go stale.
    let result = unsafe { RawCall::new().limit_return_data(0, ANSWER).flush_storage_cache().call(to, call) };
    result.map_err(|_| bubbled())
}

fn ask(to: Address, call: &[u8]) -> Result<Vec<u8>, Revert> {
    // SAFETY: a static call changes nothing, and nothing it could read here is cached.
    let result = unsafe { RawCall::new_static().limit_return_data(0, ANSWER).call(to, call) };
    result.map_err(|_| bubbled())
}

fn ask_word(to: Address, call: &[u8]) -> Result<Uint, Revert> {
    word(to, &ask(to, call)?, 0)
}

#[cold]
fn bubbled() -> Revert {
    Revert::bubbled(HOST.read_return_data(0, None))
}

fn word(from: Address, answer: &[u8], index: usize) -> Result<Uint, Revert> {
    let (words, _) = answer.as_chunks::<32>();
    let word = words.get(index).ok_or_else(|| unreadable(from))?;
    Ok(Uint::new(B256::new(*word)))
}

#[cold]
fn unreadable(from: Address) -> Revert {
    refuse::<abi::UnreadableAnswer, _>([from.into()])
}

#[cold]
fn failed(token: Address) -> Revert {
    refuse::<abi::SafeErc20FailedOperation, _>([token.into()])
}

fn this() -> Uint {
    HOST.contract_address().into()
}
