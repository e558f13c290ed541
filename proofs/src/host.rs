//! What stands in for the host and for the crates around the facets: storage, caller, clock, tokens, roles.
//!
//! Every role is held by everybody: what a law says of all callers, it says of those that may call. Tokens do as ERC-20 says; what they can
//! do otherwise is tested on the compiled programs.

use std::cell::RefCell;

use crate::{
    engine,
    number::{Int, Number, Repr, U16, U64, U160, U256},
    source::{
        balances::{Error, GlobalRewards, UserRewards},
        pool_storage::words::{Emission, Loans},
    },
    world::{int, power},
};

/// `alloy_primitives`, as far as it is used.
pub mod primitives {
    pub use super::{Address, B256};
    pub use crate::number::U256;
    /// Names that are imported and not used.
    pub mod aliases {
        pub use super::super::U224;
    }
    /// As `B256`.
    pub type FixedBytes<const N: usize> = super::B256;
}

/// As the number of an index.
#[derive(Clone, Copy, Debug)]
pub struct U224(pub U256);

#[allow(missing_docs, reason = "alloy's")]
impl U224 {
    pub fn wrapping_from(number: U256) -> Self {
        Self(number)
    }
}

/// An account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Address(pub U160);

/// A word that is no number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct B256(pub U256);

impl B256 {
    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl From<U256> for B256 {
    fn from(word: U256) -> Self {
        Self(word)
    }
}

#[allow(missing_docs, reason = "alloy's")]
impl Address {
    pub const ZERO: Self = Self(U160::ZERO);

    pub const fn new(name: u8) -> Self {
        Self(U160::constant(name as u128))
    }

    pub fn from_word(word: B256) -> Self {
        Self(crate::number::cast(word.0))
    }

    pub fn into_word(self) -> B256 {
        B256(self.0.into())
    }

    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

/// A refusal, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revert(pub &'static str);

/// A refusal.
#[must_use]
pub fn revert(name: &'static str) -> Revert {
    Revert(name)
}

impl From<Error> for Revert {
    fn from(error: Error) -> Self {
        Self(match error {
            Error::EpochZeroNotStarted { .. } => "EpochZeroNotStarted",
            Error::EpochOverflow { .. } => "EpochOverflow",
            Error::BalanceOverflow { .. } => "BalanceOverflow",
            Error::Insufficient { .. } => "Insufficient",
            Error::TooManyShortfalls { .. } => "TooManyShortfalls",
            Error::IndexOverflow { .. } => "IndexOverflow",
            Error::AccruedOverflow { .. } => "AccruedOverflow",
            Error::IndexDecreased { .. } => "IndexDecreased",
            _ => "Schedule",
        })
    }
}

/// What can be asked of the host.
#[derive(Clone, Copy, Debug)]
pub struct Host;

/// The host.
pub const HOST: Host = Host;

/// The pool's own address.
pub const POOL: Address = Address::new(1);

/// What a schedule says of a time.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "as of `Schedule`")]
pub struct AnyMoment {
    pub epoch: U64,
    pub remaining: U64,
}

thread_local! {
    /// Times, and what a schedule says of them, where it can be anything.
    static MOMENTS: RefCell<Option<Vec<(U64, AnyMoment)>>> = const { RefCell::new(None) };
}

/// From here on, on this path, rewards settle to anything, and a schedule that has started says anything of a time: another epoch that a record
/// can name, another remaining time, another end. Or, with false, what they are.
pub fn anything_goes(goes: bool) {
    MOMENTS.with(|moments| *moments.borrow_mut() = goes.then(Vec::new));
}

fn any_number<T: Number>(name: &str, maximum: Int) -> T {
    let maximum = engine::known(maximum.0).expect("a known maximum");
    T::of(crate::number::reduced(engine::fresh(name, &maximum)))
}

/// Anything that a schedule can say of this time; the same each time.
#[must_use]
pub fn any_moment(now: U64) -> Option<AnyMoment> {
    let same = |a: U64, b: U64| match (a.0, b.0) {
        (Repr::Known(a), Repr::Known(b)) => a == b,
        (Repr::Term(a), Repr::Term(b)) => a == b,
        _ => false,
    };
    let known = MOMENTS.with(|moments| {
        let moments = moments.borrow();
        Some(moments.as_ref()?.iter().find(|(time, _)| same(*time, now)).map(|(_, moment)| *moment))
    })?;
    Some(known.unwrap_or_else(|| {
        let (epoch, remaining) = (any_number("epoch ", int(65_535)), any_number("remaining ", power(32) - int(1)));
        let moment = AnyMoment { epoch, remaining };
        MOMENTS.with(|moments| moments.borrow_mut().get_or_insert_default().push((now, moment)));
        moment
    }))
}

/// Any end of an epoch.
#[must_use]
pub fn any_end() -> Option<U64> {
    MOMENTS.with(|moments| moments.borrow().is_some()).then(|| any_number("end ", power(64) - int(1)))
}

/// Rewards that were settled to anything.
pub trait Settled {
    /// Whatever fits the fields.
    fn become_any(&mut self);
}

impl Settled for GlobalRewards {
    fn become_any(&mut self) {
        self.index = any_number("index ", power(160) - int(1));
        self.settled_at = any_number("settled at ", power(48) - int(1));
    }
}

impl Settled for UserRewards {
    fn become_any(&mut self) {
        self.index = any_number("settled index ", power(160) - int(1));
        self.accrued = any_number("accrued ", power(96) - int(1));
    }
}

/// Any outcome of settling rewards: a refusal, or anything that fits.
pub fn any_settlement(rewards: &mut impl Settled) -> Option<Result<bool, Error>> {
    if MOMENTS.with(|moments| moments.borrow().is_none()) {
        return None;
    }
    if engine::fresh_choice("refused ") {
        return Some(Err(Error::IndexOverflow { index: U256::ZERO, maximum: U256::ZERO }));
    }
    rewards.become_any();
    Some(Ok(true))
}

thread_local! {
    static CALLER: RefCell<Address> = const { RefCell::new(Address::ZERO) };
    static NOW: RefCell<U64> = const { RefCell::new(U64::ZERO) };
}

#[allow(missing_docs, reason = "the SDK's")]
impl Host {
    pub fn msg_sender(&self) -> Address {
        CALLER.with(|caller| *caller.borrow())
    }

    pub fn block_timestamp(&self) -> U64 {
        NOW.with(|now| *now.borrow())
    }

    pub fn contract_address(&self) -> Address {
        POOL
    }
}

/// Who calls next, and when.
pub fn call_by(caller: Address, now: U64) {
    CALLER.with(|place| *place.borrow_mut() = caller);
    NOW.with(|place| *place.borrow_mut() = now);
}

/// A word.
#[derive(Clone, Debug, Default)]
pub struct Word(pub U256);

#[allow(missing_docs, reason = "as of the crate `host`")]
impl Word {
    pub fn get(&self) -> U256 {
        self.0
    }

    pub fn set(&mut self, value: U256) {
        self.0 = value;
    }

    pub fn address(&self) -> Address {
        Address::from_word(self.0.into())
    }
}

/// A word per key. Zero where nothing was written.
#[derive(Clone, Debug)]
pub struct Map<K>(pub Vec<(K, U256)>);

impl<K> Default for Map<K> {
    fn default() -> Self {
        Self(vec![])
    }
}

#[allow(missing_docs, reason = "as of the crate `host`")]
impl<K: PartialEq + Copy> Map<K> {
    pub fn get(&self, key: K) -> U256 {
        self.0.iter().find(|(known, _)| *known == key).map_or(U256::ZERO, |(_, word)| *word)
    }

    pub fn insert(&mut self, key: K, value: U256) {
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, word)) => *word = value,
            None => self.0.push((key, value)),
        }
    }
}

#[allow(missing_docs, reason = "as of the crate `host`")]
impl<A: PartialEq + Copy, B: PartialEq + Copy> Map<(A, B)> {
    pub fn get_nested(&self, a: A, b: B) -> U256 {
        self.get((a, b))
    }

    pub fn insert_nested(&mut self, a: A, b: B, value: U256) {
        self.insert((a, b), value);
    }
}

/// The pool's storage: the fields of `pool-storage` that the facets here use, by the same names.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "as of the crate `pool-storage`")]
pub struct Pool {
    pub schedule: Word,
    pub rewards: Word,
    pub emission: Word,
    pub total_active: Word,
    pub total_inactive: Word,
    pub loans: Word,
    pub total_borrower_debt: Word,
    pub rewards_token: Word,
    pub rewards_treasury: Word,
    pub active: Map<Address>,
    pub inactive: Map<Address>,
    pub staker_rewards: Map<Address>,
    pub epoch_indexes: Map<U16>,
    pub staker_debts: Map<Address>,
    pub shortfalls: Map<U16>,
    pub borrowers: Map<Address>,
    pub borrower_debts: Map<Address>,
    pub allowances: Map<(Address, Address)>,
    pub tokens: Tokens,
}

/// What the tokens did.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Staked tokens at the pool's address.
    pub held: Int,
    /// Rewards paid.
    pub paid: Int,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { held: Int::from(0), paid: Int::from(0) }
    }
}

#[allow(missing_docs, reason = "OpenZeppelin's")]
impl Tokens {
    /// Only rewards are moved by this call of a facet.
    pub fn safe_transfer_from(&mut self, _: Address, _: Address, _: Address, amount: U256) -> Result<(), Revert> {
        self.paid = self.paid + amount;
        Ok(())
    }
}

/// The roles.
#[derive(Clone, Copy, Debug)]
pub struct Role;

#[allow(missing_docs, reason = "as of the crate `pool-storage`")]
impl Role {
    pub const OWNER: Self = Self;
    pub const EPOCH_PARAMETERS: Self = Self;
    pub const REWARDS_RATE: Self = Self;
    pub const BORROWER_ADMIN: Self = Self;
    pub const CLAIM_OPERATOR: Self = Self;
    pub const STAKE_OPERATOR: Self = Self;
    pub const DEBT_OPERATOR: Self = Self;
}

/// A text, which is no amount.
#[derive(Clone, Copy, Debug)]
pub struct Name;

/// A permit, which changes no book.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "as of the crate `pool-storage`")]
pub struct Permit {
    pub deadline: U256,
    pub v: u8,
    pub r: B256,
    pub s: B256,
}

#[allow(missing_docs, reason = "as of the crate `pool-storage`")]
impl Pool {
    pub fn has_role(&self, _: Role, _: Address) -> bool {
        true
    }

    pub fn only(&self, _: Role) -> Result<Address, Revert> {
        Ok(HOST.msg_sender())
    }

    pub fn use_permit(&mut self, _: Address, _: U256, _: &Permit) {}

    /// What arrives is what was asked for: the pool checks it.
    pub fn pull_stake(&mut self, _: Address, amount: U256) -> Result<(), Revert> {
        self.tokens.held = self.tokens.held + amount;
        Ok(())
    }

    pub fn push_stake(&mut self, _: Address, amount: U256) -> Result<(), Revert> {
        self.tokens.held = self.tokens.held - amount;
        Ok(())
    }

    pub fn surplus(&self) -> Result<U256, Revert> {
        let booked = Int::from(self.unborrowed()) + Loans::from_word(self.loans.get()).debt_available;
        Ok(crate::number::Number::of(crate::number::Repr::Term(self.tokens.held.less(booked).0)))
    }

    pub fn staked_token(&self) -> Address {
        Emission::from_word(self.emission.get()).staked_token
    }
}
