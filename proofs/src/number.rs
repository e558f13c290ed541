//! Unsigned integers that are terms, with the interface of those that they stand for.
//!
//! An operation that can overflow asks whether it does, so overflow is a path of its own. Known numbers are computed at once.

use std::{any::Any, cell::RefCell, fmt};

use num_bigint::{BigInt, Sign};
use ruint::aliases::U512;

use crate::engine::{self, Id, Op, Theory, term};

/// What a number is: known, a term, or a word packed from fields.
#[derive(Clone, Copy)]
pub enum Repr {
    /// Known.
    Known(U512),
    /// A term.
    Term(Id),
    /// Fields, by their place: [`pack`].
    Packed(u32),
}

impl fmt::Debug for Repr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => write!(f, "{value}"),
            Self::Term(id) => match engine::value(*id) {
                Some(value) => write!(f, "{value}"),
                None => write!(f, "t{id}"),
            },
            Self::Packed(place) => write!(f, "fields {place}"),
        }
    }
}

use Repr::{Known, Term};

const fn small(value: u128) -> U512 {
    U512::from_limbs([value as u64, (value >> 64) as u64, 0, 0, 0, 0, 0, 0])
}

fn big(value: &U512) -> BigInt {
    BigInt::from_bytes_le(Sign::Plus, &value.to_le_bytes::<64>())
}

fn id(number: Repr) -> Id {
    match number {
        Known(value) => term(Op::Number(big(&value))),
        Term(id) => id,
        Repr::Packed(_) => panic!("a word of fields is no number"),
    }
}

/// A term that folded is known from here on.
pub(crate) fn reduced(id: Id) -> Repr {
    match engine::known(id) {
        Some(value) if value.sign() != Sign::Minus && value.bits() <= 512 => {
            Known(U512::from_le_slice(&value.to_bytes_le().1))
        }
        _ => Term(id),
    }
}

fn operation(op: fn(Id, Id) -> Op, a: Repr, b: Repr) -> Repr {
    reduced(term(op(id(a), id(b))))
}

fn add(a: Repr, b: Repr) -> Repr {
    match (a, b) {
        (Known(a), Known(b)) => Known(a + b),
        _ => operation(Op::Add, a, b),
    }
}

fn sub(a: Repr, b: Repr) -> Repr {
    match (a, b) {
        (Known(a), Known(b)) => Known(a - b),
        _ => operation(Op::Sub, a, b),
    }
}

fn mul(a: Repr, b: Repr) -> Repr {
    match (a, b) {
        (Known(a), Known(b)) => Known(a * b),
        _ => operation(Op::Mul, a, b),
    }
}

fn div(a: Repr, b: Repr) -> Repr {
    match (a, b) {
        (Known(a), Known(b)) => Known(a / b),
        _ => operation(Op::Div, a, b),
    }
}

fn le(a: Repr, b: Repr) -> bool {
    match (a, b) {
        (Known(a), Known(b)) => a <= b,
        _ => engine::decide(term(Op::Le(id(a), id(b)))),
    }
}

fn eq(a: Repr, b: Repr) -> bool {
    match (a, b) {
        (Known(a), Known(b)) => a == b,
        (Repr::Packed(a), Repr::Packed(b)) if a == b => true,
        _ => engine::equal(id(a), id(b)),
    }
}

fn choose(condition: Op, a: Repr, b: Repr) -> Repr {
    reduced(term(Op::Ite(term(condition), id(a), id(b))))
}

/// The low `bits`.
fn low(a: Repr, bits: u32) -> Repr {
    match a {
        Known(a) => Known(a & mask(bits)),
        _ if engine::theory() == Theory::Bits => operation(Op::BitAnd, a, Known(mask(bits))),
        // Without bits: what is left after division.
        _ => {
            let one = Known(U512::from(1) << bits as usize);
            sub(a, mul(div(a, one), one))
        }
    }
}

fn mask(bits: u32) -> U512 {
    (U512::from(1) << bits as usize) - U512::from(1)
}

/// What symbolic numbers, and those that stay, have in common.
pub trait Literal {
    /// A known number.
    fn literal(value: u128) -> Self;
}

impl Literal for usize {
    fn literal(value: u128) -> Self {
        value as Self
    }
}

impl Literal for u8 {
    fn literal(value: u128) -> Self {
        value as Self
    }
}

/// A literal, of whatever type is wanted.
pub fn lit<T: Literal>(value: u128) -> T {
    T::literal(value)
}

/// A literal of this type.
#[must_use]
pub fn exactly<T>(literal: T) -> T {
    literal
}

/// `as`.
pub fn cast<A, B: Cast<A>>(a: A) -> B {
    B::cast(a)
}

/// What `as` can make of `A`.
pub trait Cast<A> {
    /// The low bits.
    fn cast(a: A) -> Self;
}

/// A symbolic number.
pub trait Number: Copy {
    /// Its width.
    const BITS: u32;
    /// Of this representation.
    fn of(repr: Repr) -> Self;
    /// Its representation.
    fn repr(self) -> Repr;
    /// Any number of this type up to `maximum`.
    fn any(name: &str, maximum: Int) -> Self {
        let maximum = engine::known(maximum.0).expect("a known maximum");
        Self::of(reduced(engine::variable(name, &maximum)))
    }
}

macro_rules! numbers {
    ($($name:ident $bits:literal;)*) => {$(
        /// A number of this width.
        #[derive(Clone, Copy)]
        pub struct $name(pub Repr);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        #[allow(missing_docs, reason = "as of the number that it stands for")]
        impl $name {
            pub const ZERO: Self = Self::constant(0);
            pub const ONE: Self = Self::constant(1);
            pub const MAX: Self = {
                let mut limbs = [0; 8];
                let mut at = 0;
                while at * 64 < $bits {
                    limbs[at] = if $bits - at * 64 >= 64 { u64::MAX } else { (1 << ($bits % 64)) - 1 };
                    at += 1;
                }
                Self(Known(U512::from_limbs(limbs)))
            };

            pub const fn constant(value: u128) -> Self {
                Self(Known(small(value)))
            }

            pub const fn native(self) -> u128 {
                match self.0 {
                    Known(value) => value.as_limbs()[0] as u128 | (value.as_limbs()[1] as u128) << 64,
                    _ => panic!("no constant"),
                }
            }

            fn fitting(number: Repr) -> Option<Self> {
                le(number, Self::MAX.0).then_some(Self(number))
            }

            pub fn checked_add(self, other: Self) -> Option<Self> {
                Self::fitting(add(self.0, other.0))
            }

            pub fn checked_sub(self, other: Self) -> Option<Self> {
                le(other.0, self.0).then(|| Self(sub(self.0, other.0)))
            }

            pub fn checked_mul(self, other: Self) -> Option<Self> {
                Self::fitting(mul(self.0, other.0))
            }

            pub fn checked_div(self, other: Self) -> Option<Self> {
                (!eq(other.0, Self::ZERO.0)).then(|| Self(div(self.0, other.0)))
            }

            pub fn checked_rem(self, other: Self) -> Option<Self> {
                let quotient = self.checked_div(other)?;
                Some(Self(sub(self.0, mul(quotient.0, other.0))))
            }

            pub fn saturating_add(self, other: Self) -> Self {
                self.checked_add(other).unwrap_or(Self::MAX)
            }

            pub fn saturating_sub(self, other: Self) -> Self {
                match (self.0, other.0) {
                    (Known(_), Known(_)) => self.checked_sub(other).unwrap_or(Self::ZERO),
                    (a, b) => Self(choose(Op::Le(id(b), id(a)), sub(a, b), Self::ZERO.0)),
                }
            }

            pub fn saturating_mul(self, other: Self) -> Self {
                self.checked_mul(other).unwrap_or(Self::MAX)
            }

            pub fn div_ceil(self, other: Self) -> Self {
                Self(div(add(self.0, sub(other.0, Self::ONE.0)), other.0))
            }

            pub fn div_floor(self, other: Self) -> Self {
                Self(div(self.0, other.0))
            }

            pub fn min(self, other: Self) -> Self {
                match (self.0, other.0) {
                    (Known(a), Known(b)) => if a <= b { self } else { other },
                    (a, b) => Self(choose(Op::Le(id(a), id(b)), a, b)),
                }
            }

            pub fn max(self, other: Self) -> Self {
                match (self.0, other.0) {
                    (Known(a), Known(b)) => if a <= b { other } else { self },
                    (a, b) => Self(choose(Op::Le(id(a), id(b)), b, a)),
                }
            }

            pub fn is_zero(&self) -> bool {
                eq(self.0, Self::ZERO.0)
            }

            pub fn into_limbs(self) -> [U64; 4] {
                [0, 64, 128, 192].map(|by| U64(low(shifted_right(self.0, by), 64)))
            }

            pub fn from_limbs(limbs: [U64; 4]) -> Self {
                let shifted = [0, 1, 2, 3].map(|at| shifted_left(limbs[at].0, 64 * at as u32));
                Self(shifted.into_iter().fold(Self::ZERO.0, bit_or))
            }

            pub const fn of_limbs(limbs: [u64; 4]) -> Self {
                Self(Known(U512::from_limbs([limbs[0], limbs[1], limbs[2], limbs[3], 0, 0, 0, 0])))
            }

            pub fn wrapping_shr(self, by: usize) -> Self {
                Self(shifted_right(self.0, by as u32))
            }

            pub fn wrapping_shl(self, by: usize) -> Self {
                Self(low(shifted_left(self.0, by as u32), $bits))
            }

            /// Bytes are not told apart: the word itself.
            pub fn from_be_bytes(word: Self) -> Self {
                word
            }
        }

        impl Number for $name {
            const BITS: u32 = $bits;
            fn of(repr: Repr) -> Self {
                Self(repr)
            }
            fn repr(self) -> Repr {
                self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::ZERO
            }
        }

        impl Literal for $name {
            fn literal(value: u128) -> Self {
                Self::constant(value)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                eq(self.0, other.0)
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                use std::cmp::Ordering;
                Some(if !le(other.0, self.0) {
                    Ordering::Less
                } else if le(self.0, other.0) {
                    Ordering::Equal
                } else {
                    Ordering::Greater
                })
            }
            fn lt(&self, other: &Self) -> bool {
                !le(other.0, self.0)
            }
            fn le(&self, other: &Self) -> bool {
                le(self.0, other.0)
            }
            fn gt(&self, other: &Self) -> bool {
                !le(self.0, other.0)
            }
            fn ge(&self, other: &Self) -> bool {
                le(other.0, self.0)
            }
        }

        impl From<bool> for $name {
            fn from(truth: bool) -> Self {
                Self::constant(u128::from(truth))
            }
        }

        impl<A: Number> Cast<A> for $name {
            fn cast(a: A) -> Self {
                Self(if A::BITS <= $bits { a.repr() } else { low(a.repr(), $bits) })
            }
        }

        impl From<usize> for $name {
            fn from(a: usize) -> Self {
                Self::constant(a as u128)
            }
        }

        impl Cast<usize> for $name {
            fn cast(a: usize) -> Self {
                Self::constant(a as u128)
            }
        }

        impl From<$name> for Int {
            fn from(number: $name) -> Self {
                Self(id(number.0))
            }
        }

        impl std::ops::Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                self.checked_sub(other).expect("no number below zero")
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                Self(bit_or(self.0, other.0))
            }
        }

        impl std::ops::BitXor for $name {
            type Output = Self;
            fn bitxor(self, other: Self) -> Self {
                match (self.0, other.0) {
                    (Known(a), Known(b)) => Self(Known(a ^ b)),
                    // What is in one of them, less what is in both.
                    (a, b) => Self(sub(bit_or(a, b), operation(Op::BitAnd, a, b))),
                }
            }
        }

        impl std::ops::BitAnd for $name {
            type Output = Self;
            fn bitand(self, other: Self) -> Self {
                match (self.0, other.0) {
                    (Known(a), Known(b)) => Self(Known(a & b)),
                    (a, b) if engine::theory() == Theory::Bits => Self(operation(Op::BitAnd, a, b)),
                    // Only ever with a mask of low bits.
                    (a, Known(b)) => {
                        let bits = b.bit_len() as u32;
                        assert!(b == mask(bits), "no mask");
                        if le(a, Known(b)) { self } else { Self(low(a, bits)) }
                    }
                    _ => panic!("bits of a term"),
                }
            }
        }

        impl std::ops::Shl<$name> for $name {
            type Output = Self;
            fn shl(self, by: Self) -> Self {
                Self(low(shifted_left(self.0, by.native() as u32), $bits))
            }
        }

        impl std::ops::Shr<$name> for $name {
            type Output = Self;
            fn shr(self, by: Self) -> Self {
                Self(shifted_right(self.0, by.native() as u32))
            }
        }
    )*};
}

numbers! { U16 16; U32 32; U64 64; U128 128; U160 160; U256 256; }

macro_rules! conversions {
    ($($from:ident => $($to:ident)*;)*) => {$($(
        impl From<$from> for $to {
            fn from(number: $from) -> Self {
                Self(number.0)
            }
        }

        impl TryFrom<$to> for $from {
            type Error = ();
            fn try_from(number: $to) -> Result<Self, ()> {
                Self::fitting(number.0).ok_or(())
            }
        }
    )*)*};
}

conversions! { U16 => U32 U64 U128 U256; U32 => U64 U128 U256; U64 => U128 U256; U128 => U256; U160 => U256; }

fn shifted_left(a: Repr, by: u32) -> Repr {
    match a {
        Known(a) => Known(a << by as usize),
        _ if engine::theory() == Theory::Bits => reduced(term(Op::ShiftLeft(id(a), by))),
        _ => mul(a, Known(U512::from(1) << by as usize)),
    }
}

fn shifted_right(a: Repr, by: u32) -> Repr {
    match a {
        Known(a) => Known(a >> by as usize),
        _ if engine::theory() == Theory::Bits => reduced(term(Op::ShiftRight(id(a), by))),
        _ => div(a, Known(U512::from(1) << by as usize)),
    }
}

fn bit_or(a: Repr, b: Repr) -> Repr {
    match (a, b) {
        (Known(a), Known(b)) => Known(a | b),
        _ if engine::theory() == Theory::Bits => operation(Op::BitOr, a, b),
        _ => panic!("bits of a term"),
    }
}

// ---------------------------------------------------------------- words of fields

thread_local! {
    static PACKED: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(vec![]) };
}

/// Fields that share a word: each with the number of its bits.
pub trait Fields: Copy + 'static {
    /// Fields that are narrower than their types, with their widths.
    fn narrow(&self) -> Vec<(Int, u32)>;
    /// Whether any field is a term.
    fn symbolic(&self) -> bool;
}

/// A word that stands for fields: that packing loses nothing is the law of words, if each field fits, which is claimed here.
pub fn pack<T: Fields>(fields: &T) -> Option<U256> {
    if engine::theory() == Theory::Bits || !fields.symbolic() {
        return None;
    }
    for (field, bits) in fields.narrow() {
        let maximum = Int::from(BigInt::from(1) << bits) - Int::from(1);
        engine::claim("a stored field fits its bits", field.le(maximum).0);
    }
    PACKED.with(|packed| {
        packed.borrow_mut().push(Box::new(*fields));
        Some(U256(Repr::Packed(packed.borrow().len() as u32 - 1)))
    })
}

/// The fields that a word stands for; none if it is a known number.
pub fn unpack<T: Fields>(word: U256) -> Option<T> {
    let Repr::Packed(place) = word.0 else { return None };
    PACKED.with(|packed| {
        let fields = packed.borrow()[place as usize].downcast_ref::<T>().copied();
        Some(fields.expect("a word is read as what it was written as"))
    })
}

/// Whether a number is a term.
#[must_use]
pub fn is_term(number: impl Number) -> bool {
    !matches!(number.repr(), Known(_))
}

// ---------------------------------------------------------------- numbers of laws

/// A number without width, as laws speak of.
#[derive(Clone, Copy, Debug)]
pub struct Int(pub Id);

/// A sentence.
#[derive(Clone, Copy, Debug)]
pub struct Claim(pub Id);

impl From<BigInt> for Int {
    fn from(value: BigInt) -> Self {
        Self(term(Op::Number(value)))
    }
}

impl From<i128> for Int {
    fn from(value: i128) -> Self {
        BigInt::from(value).into()
    }
}

impl From<i32> for Int {
    fn from(value: i32) -> Self {
        BigInt::from(value).into()
    }
}

impl<B: Into<Int>> std::ops::Add<B> for Int {
    type Output = Self;
    fn add(self, other: B) -> Self {
        Self(term(Op::Add(self.0, other.into().0)))
    }
}

impl<B: Into<Int>> std::ops::Sub<B> for Int {
    type Output = Self;
    fn sub(self, other: B) -> Self {
        Self(term(Op::Sub(self.0, other.into().0)))
    }
}

impl<B: Into<Int>> std::ops::Mul<B> for Int {
    type Output = Self;
    fn mul(self, other: B) -> Self {
        Self(term(Op::Mul(self.0, other.into().0)))
    }
}

impl Int {
    /// Divided by a positive number, rounded down.
    #[must_use]
    pub fn over_down(self, other: impl Into<Self>) -> Self {
        Self(term(Op::Div(self.0, other.into().0)))
    }
    /// At most.
    #[must_use]
    pub fn le(self, other: impl Into<Self>) -> Claim {
        Claim(term(Op::Le(self.0, other.into().0)))
    }
    /// Less than.
    #[must_use]
    pub fn lt(self, other: impl Into<Self>) -> Claim {
        !other.into().le(self)
    }
    /// At least.
    #[must_use]
    pub fn ge(self, other: impl Into<Self>) -> Claim {
        other.into().le(self)
    }
    /// Greater than.
    #[must_use]
    pub fn gt(self, other: impl Into<Self>) -> Claim {
        other.into().lt(self)
    }
    /// Equal.
    #[must_use]
    pub fn eq(self, other: impl Into<Self>) -> Claim {
        Claim(term(Op::Eq(self.0, other.into().0)))
    }
    /// The smaller one.
    #[must_use]
    pub fn min(self, other: impl Into<Self>) -> Self {
        let other = other.into();
        Self::either(self.le(other), self, other)
    }
    /// The difference, or nothing.
    #[must_use]
    pub fn less(self, other: impl Into<Self>) -> Self {
        let other = other.into();
        Self::either(other.le(self), self - other, Self::from(0))
    }
    /// One of two.
    #[must_use]
    pub fn either(condition: Claim, a: Self, b: Self) -> Self {
        Self(term(Op::Ite(condition.0, a.0, b.0)))
    }
}

impl Claim {
    /// Whether it holds on this path: a decision.
    #[must_use]
    pub fn holds(self) -> bool {
        engine::decide(self.0)
    }
}

impl std::ops::Not for Claim {
    type Output = Self;
    fn not(self) -> Self {
        Self(term(Op::Not(self.0)))
    }
}

impl std::ops::BitAnd for Claim {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(term(Op::And(self.0, other.0)))
    }
}

impl std::ops::BitOr for Claim {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(term(Op::Or(self.0, other.0)))
    }
}

impl From<bool> for Claim {
    fn from(truth: bool) -> Self {
        Self(term(Op::Bool(truth)))
    }
}
