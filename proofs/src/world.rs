//! What laws are written with: numbers of which nothing is known, assumptions, claims.

use crate::engine::{self, Hidden};
pub use crate::{
    number::{Claim, Int, Number, U16 as u16, U32 as u32, U64 as u64, U128 as u128, U256, lit},
    source::{balances, distribution},
};

/// Any number of its type.
pub fn any<T: Number>(name: &str) -> T {
    T::any(name, power(T::BITS) - int(1))
}

/// Any number from 0 to `maximum`.
pub fn any_up_to<T: Number>(name: &str, maximum: impl Into<Int>) -> T {
    T::any(name, maximum.into())
}

/// Any natural number, of which only the solvers know.
#[must_use]
pub fn natural(name: &str) -> Int {
    Int(engine::variable(name, &engine::known(power(400).0).expect("a number")))
}

/// A name for a number: claims made from facts about the name know nothing of what it is made of.
#[must_use]
pub fn named(name: &str, value: Int) -> Int {
    if engine::known(value.0).is_some() {
        return value;
    }
    let named = natural(name);
    assume(named.eq(value));
    named
}

/// Yes or no.
#[must_use]
pub fn either(name: &str) -> bool {
    engine::choice(name)
}

/// A number as laws speak of it.
pub fn int(number: impl Into<Int>) -> Int {
    number.into()
}

/// 2 to the power of `bits`.
#[must_use]
pub fn power(bits: core::primitive::u32) -> Int {
    (num_bigint::BigInt::from(1) << bits).into()
}

/// 10 to the power of `digits`.
#[must_use]
pub fn ten_to(digits: core::primitive::u32) -> Int {
    num_bigint::BigInt::from(10).pow(digits).into()
}

/// Takes for granted. Each assumption stands in proofs/README.md.
pub fn assume(fact: impl Into<Claim>) {
    engine::assume(fact.into().0);
}

/// Must follow from the path.
pub fn claim(what: &str, fact: impl Into<Claim>) {
    engine::claim(what, fact.into().0);
}

/// That two things are equal, number by number: nothing is decided.
#[must_use]
pub fn equal<T: PartialEq>(a: &T, b: &T) -> Claim {
    Claim(engine::gather(|| a == b))
}

/// Must follow from these facts alone.
pub fn claim_from(what: &str, facts: &[Claim], fact: Claim) {
    let facts: Vec<engine::Id> = facts.iter().map(|fact| fact.0).collect();
    engine::claim_from(what, &facts, fact.0, Hidden::Quotients);
}

/// Must follow from these facts alone, by adding and comparing.
pub fn claim_by_adding(what: &str, facts: &[Claim], fact: Claim) {
    let facts: Vec<engine::Id> = facts.iter().map(|fact| fact.0).collect();
    engine::claim_from(what, &facts, fact.0, Hidden::Products);
}

/// Rounded up, in terms of rounding down.
#[must_use]
pub fn over_up(a: Int, b: core::primitive::i128) -> Int {
    (a + (b - 1)).over_down(b)
}
