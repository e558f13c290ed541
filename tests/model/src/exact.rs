//! Arithmetic that is exact or panics.

use alloy_primitives::U256;

/// Sums, differences, products and quotients that never wrap.
pub(crate) trait Exact: Sized {
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    fn over_down(self, divisor: Self) -> Self;
    fn over_up(self, divisor: Self) -> Self;
}

impl Exact for U256 {
    #[track_caller]
    fn plus(self, other: Self) -> Self {
        self.checked_add(other).expect("a sum fits 256 bits")
    }

    #[track_caller]
    fn minus(self, other: Self) -> Self {
        self.checked_sub(other).expect("a difference is not negative")
    }

    #[track_caller]
    fn times(self, other: Self) -> Self {
        self.checked_mul(other).expect("a product fits 256 bits")
    }

    #[track_caller]
    fn over_down(self, divisor: Self) -> Self {
        self.checked_div(divisor).expect("a divisor is not zero")
    }

    #[track_caller]
    fn over_up(self, divisor: Self) -> Self {
        self.plus(divisor.minus(Self::ONE)).over_down(divisor)
    }
}

/// A number.
pub(crate) fn u(value: u64) -> U256 {
    U256::from(value)
}

/// `10^exponent`.
pub(crate) fn ten_to(exponent: u64) -> U256 {
    u(10).pow(u(exponent))
}

/// The sum of all.
pub(crate) fn sum(values: impl IntoIterator<Item = U256>) -> U256 {
    values.into_iter().fold(U256::ZERO, Exact::plus)
}
