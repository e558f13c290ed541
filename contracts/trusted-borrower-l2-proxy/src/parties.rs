//! The contracts that a borrower deals with, and the calls it makes.

use alloc::vec::Vec;

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use ::host::{HOST, Revert, emit, revert};
use stylus_sdk::{call::RawCall, hostio, prelude::*};

use crate::{
    abi,
    interface::{
        IBorrowerAllocations as lending, IDebtAccounting as debt, IEpochSchedule as schedule, IPoolViews as views,
        IStarkPerpetual as exchange, token,
    },
    state::bytes_of,
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
}

impl Parties {
    /// Those of this clone.
    pub(crate) fn read() -> Self {
        let mut parties = Self::default();
        let this = HOST.contract_address();
        // SAFETY: four addresses of 20 bytes lie side by side; the host writes at most as many bytes as it is told.
        unsafe { hostio::account_code(this.as_ptr(), OFFSET, size_of::<Self>(), (&raw mut parties).cast()) };
        parties
    }

    // ---------------------------------------------------------------- pool

    pub(crate) fn borrow(&self, amount: U256) -> Result<(), Revert> {
        send(self.pool, &calldata(lending::borrowCall::SELECTOR, &[amount]))?;
        emit(&abi::Borrowed { amount, newBorrowedBalance: self.borrowed()? });
        Ok(())
    }

    pub(crate) fn repay_borrow(&self, amount: U256, is_guardian_action: bool) -> Result<(), Revert> {
        send(self.pool, &calldata(lending::repayBorrowCall::SELECTOR, &[this(), amount]))?;
        let new_borrowed_balance = self.borrowed()?;
        emit(&abi::RepaidBorrow {
            amount,
            newBorrowedBalance: new_borrowed_balance,
            isGuardianAction: is_guardian_action,
        });
        Ok(())
    }

    pub(crate) fn repay_debt(&self, amount: U256, is_guardian_action: bool) -> Result<(), Revert> {
        send(self.pool, &calldata(debt::repayDebtCall::SELECTOR, &[this(), amount]))?;
        let new_debt_balance = self.debt()?;
        emit(&abi::RepaidDebt { amount, newDebtBalance: new_debt_balance, isGuardianAction: is_guardian_action });
        Ok(())
    }

    pub(crate) fn borrowed(&self) -> Result<U256, Revert> {
        self.figure(lending::getBorrowedBalanceCall::SELECTOR)
    }

    pub(crate) fn debt(&self) -> Result<U256, Revert> {
        self.figure(debt::getBorrowerDebtBalanceCall::SELECTOR)
    }

    /// Everything owed to the pool.
    pub(crate) fn owed(&self) -> Result<U256, Revert> {
        Ok(self.borrowed()?.saturating_add(self.debt()?)) // The pool's figures have 128 bits.
    }

    pub(crate) fn is_restricted_by_pool(&self) -> Result<bool, Revert> {
        Ok(!self.figure(lending::isBorrowingRestrictedForBorrowerCall::SELECTOR)?.is_zero())
    }

    pub(crate) fn in_blackout_window(&self) -> Result<bool, Revert> {
        Ok(!ask_word(self.pool, &calldata(schedule::inBlackoutWindowCall::SELECTOR, &[]))?.is_zero())
    }

    /// Everything that the pool knows about this borrower, in one call.
    pub(crate) fn account(&self) -> Result<Account, Revert> {
        let answer = ask(self.pool, &calldata(lending::getBorrowerCall::SELECTOR, &[this()]))?;
        let word = |index| word(self.pool, &answer, index);
        Ok(Account { borrowed: word(0)?, debt: word(1)?, allocated_next: word(5)?, borrowable: word(6)? })
    }

    /// What a function of the pool says of this borrower.
    pub(crate) fn figure(&self, selector: [u8; 4]) -> Result<U256, Revert> {
        ask_word(self.pool, &calldata(selector, &[this()]))
    }

    pub(crate) fn staked_token(&self) -> Result<Address, Revert> {
        Ok(address(ask_word(self.pool, &calldata(views::STAKED_TOKENCall::SELECTOR, &[]))?))
    }

    // ---------------------------------------------------------------- exchange

    pub(crate) fn eth_key(&self, stark_key: U256) -> Result<Address, Revert> {
        Ok(address(ask_word(self.exchange, &calldata(exchange::getEthKeyCall::SELECTOR, &[stark_key]))?))
    }

    /// Calls a function of the exchange whose arguments are words.
    pub(crate) fn exchange(&self, selector: [u8; 4], arguments: &[U256]) -> Result<(), Revert> {
        send(self.exchange, &calldata(selector, arguments)).map(|_| ())
    }

    /// Calls a function of the exchange that must not take tokens; returns what it brought.
    pub(crate) fn collect(&self, selector: [u8; 4], arguments: &[U256]) -> Result<U256, Revert> {
        let before = self.held()?;
        self.exchange(selector, arguments)?;
        self.increase_since(before)
    }

    pub(crate) fn forced_trade(&self, args: &[U256; 12], signature: &[u8]) -> Result<(), Revert> {
        let [key_a, key_b, vault_a, vault_b, collateral, synthetic, amount_collateral, amount_synthetic, ..] = *args;
        let [.., is_buying, expiration, nonce, premium_cost] = *args;
        let head = [
            key_a,
            key_b,
            vault_a,
            vault_b,
            collateral,
            synthetic,
            amount_collateral,
            amount_synthetic,
            flag(!is_buying.is_zero()),
            expiration,
            nonce,
            U256::from(13 * 32), // Where the signature begins: behind this head.
            flag(!premium_cost.is_zero()),
            U256::from(signature.len()),
        ];
        let mut call = calldata(exchange::forcedTradeRequestCall::SELECTOR, &head);
        call.extend_from_slice(signature);
        let padding = signature.len().wrapping_neg() % 32;
        call.resize(call.len().saturating_add(padding), 0);
        send(self.exchange, &call).map(|_| ())
    }

    // ---------------------------------------------------------------- distributor

    pub(crate) fn claim(&self, cumulative_amount: U256, proof: &[U256]) -> Result<U256, Revert> {
        let head = [cumulative_amount, U256::from(2 * 32), U256::from(proof.len())];
        let mut call = calldata(crate::interface::claimRewardsCall::SELECTOR, &head);
        call.extend_from_slice(&bytes_of(proof));
        word(self.distributor, &send(self.distributor, &call)?, 0)
    }

    // ---------------------------------------------------------------- token

    /// The borrowed token that lies here.
    pub(crate) fn held(&self) -> Result<U256, Revert> {
        self.ask_token(&calldata(token::balanceOfCall::SELECTOR, &[this()]))
    }

    /// By how much the balance rose.
    pub(crate) fn increase_since(&self, before: U256) -> Result<U256, Revert> {
        let after = self.held()?;
        let decreased = || revert(abi::BalanceDecreased { balanceBefore: before, balanceAfter: after });
        after.checked_sub(before).ok_or_else(decreased)
    }

    /// Lets the pool take `amount`, if it may not yet: the owner cannot keep a guardian from repaying.
    pub(crate) fn ensure_repayable(&self, amount: U256) -> Result<(), Revert> {
        let call = calldata(token::allowanceCall::SELECTOR, &[this(), as_word(self.pool)]);
        if self.ask_token(&call)? >= amount {
            return Ok(());
        }
        set_allowance(self.token, self.pool, amount)
    }

    fn ask_token(&self, call: &[u8]) -> Result<U256, Revert> {
        // Only the token's word counts, whatever it says when it fails.
        ask_word(self.token, call).map_err(|_| failed(self.token))
    }
}

/// Sets an allowance by way of 0, which some tokens need.
pub(crate) fn set_allowance(token: Address, spender: Address, amount: U256) -> Result<(), Revert> {
    approve(token, spender, U256::ZERO)?;
    approve(token, spender, amount)
}

pub(crate) fn approve(token: Address, spender: Address, amount: U256) -> Result<(), Revert> {
    move_token(token, token::approveCall::SELECTOR, spender, amount)
}

pub(crate) fn transfer(token: Address, recipient: Address, amount: U256) -> Result<(), Revert> {
    move_token(token, token::transferCall::SELECTOR, recipient, amount)
}

/// A token that answers nothing must at least be a contract; one that answers must say true.
fn move_token(token: Address, selector: [u8; 4], account: Address, amount: U256) -> Result<(), Revert> {
    let answer =
        send(token, &calldata(selector, &[as_word(account), amount])).map_err(|_| failed(token))?;
    let succeeded = if answer.is_empty() {
        HOST.code_size(token) != 0
    } else {
        word(token, &answer, 0).is_ok_and(|answer| answer == U256::ONE)
    };
    if !succeeded {
        return Err(failed(token));
    }
    Ok(())
}

/// Sends ether, with all gas that is left.
pub(crate) fn send_ether(recipient: Address, amount: U256) -> Result<(), Revert> {
    // SAFETY: the recipient cannot call back (the host refuses it), so no cached word can go stale.
    let result = unsafe {
        RawCall::new_with_value(amount).skip_return_data().flush_storage_cache().call(recipient, &[])
    };
    result.map(|_| ()).map_err(|_| bubbled())
}

/// The most that is read of an answer: what the pool says of a borrower has nine words.
const ANSWER: usize = 9 * 32;

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

fn ask_word(to: Address, call: &[u8]) -> Result<U256, Revert> {
    word(to, &ask(to, call)?, 0)
}

#[cold]
fn bubbled() -> Revert {
    Revert::bubbled(HOST.read_return_data(0, None))
}

fn word(from: Address, answer: &[u8], index: usize) -> Result<U256, Revert> {
    let (words, _) = answer.as_chunks::<32>();
    let word = words.get(index).ok_or_else(|| revert(abi::UnreadableAnswer { account: from }))?;
    Ok(U256::from_be_bytes(*word))
}

#[cold]
fn failed(token: Address) -> Revert {
    revert(abi::SafeErc20FailedOperation { token })
}

fn calldata(selector: [u8; 4], words: &[U256]) -> Vec<u8> {
    let mut call = selector.to_vec();
    call.extend_from_slice(&bytes_of(words));
    call
}

fn this() -> U256 {
    as_word(HOST.contract_address())
}

fn as_word(address: Address) -> U256 {
    address.into_word().into()
}

fn address(word: U256) -> Address {
    Address::from_word(word.into())
}

pub(crate) fn flag(value: bool) -> U256 {
    if value { U256::ONE } else { U256::ZERO }
}
