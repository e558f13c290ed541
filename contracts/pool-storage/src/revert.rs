use alloc::vec::Vec;

use alloy_primitives::U256;
use alloy_sol_types::SolError;
use balances::Error;
use host::{Words, encode};
use openzeppelin_stylus::{access::control, token::erc20::utils::safe_erc20};

/// Events and errors, read from the interface files.
#[allow(missing_docs, unreachable_pub, reason = "generated from documented Solidity")]
pub mod abi {
    alloy_sol_types::sol!("../../abi/IPoolErrors.sol");
    alloy_sol_types::sol!("../../abi/IPoolEvents.sol");

    pub use IPoolErrors::*;
    pub use IPoolEvents::*;
}

/// A typed error, encoded where it is raised: passing the few bytes of a vector upwards makes much smaller programs than a type that
/// could hold any error.
#[derive(Debug)]
pub struct Revert(Vec<u8>);

/// Encodes a typed error.
#[cold]
pub fn revert<E: SolError>(error: E) -> Revert
where
    for<'a> E::Token<'a>: Words,
{
    Revert(encode(&error))
}

impl Revert {
    /// Passes on what a called contract reverted with.
    #[must_use]
    pub fn bubbled(data: Vec<u8>) -> Self {
        Self(data)
    }
}

impl From<Revert> for Vec<u8> {
    fn from(revert: Revert) -> Self {
        revert.0
    }
}

impl From<host::Revert> for Revert {
    fn from(error: host::Revert) -> Self {
        Self(error.into())
    }
}

/// The errors of the pure arithmetic, one to one.
impl From<Error> for Revert {
    #[cold]
    fn from(error: Error) -> Self {
        let (selector, left, right) = match error {
            Error::EpochZeroNotStarted { timestamp, start } => (abi::EpochZeroNotStarted::SELECTOR, timestamp, start),
            Error::EpochOverflow { epoch, maximum } => (abi::EpochOverflow::SELECTOR, epoch, maximum),
            Error::BlackoutWindowExceedsHalfEpoch { blackout_window, interval } => {
                (abi::BlackoutWindowExceedsHalfEpoch::SELECTOR, blackout_window, interval)
            }
            Error::BlackoutWindowTooShort { blackout_window, minimum } => {
                (abi::BlackoutWindowTooShort::SELECTOR, blackout_window, minimum)
            }
            Error::EpochTooLong { interval, maximum } => (abi::EpochTooLong::SELECTOR, interval, maximum),
            Error::OffsetOverflow { offset, maximum } => (abi::OffsetOverflow::SELECTOR, offset, maximum),
            Error::BalanceOverflow { balance, maximum } => (abi::BalanceOverflow::SELECTOR, balance, maximum),
            Error::Insufficient { requested, available } => (abi::InsufficientBalance::SELECTOR, requested, available),
            Error::TooManyShortfalls { count, maximum } => (abi::TooManyShortfalls::SELECTOR, count, maximum),
            Error::IndexOverflow { index, maximum } => (abi::IndexOverflow::SELECTOR, index, maximum),
            Error::AccruedOverflow { accrued, maximum } => (abi::AccruedOverflow::SELECTOR, accrued, maximum),
            Error::IndexDecreased { settled, index } => (abi::IndexDecreased::SELECTOR, settled, index),
        };
        Self(comparison(selector, left, right))
    }
}

fn comparison(selector: [u8; 4], left: U256, right: U256) -> Vec<u8> {
    [&selector[..], &left.to_be_bytes::<32>(), &right.to_be_bytes::<32>()].concat()
}

impl From<control::Error> for Revert {
    fn from(error: control::Error) -> Self {
        Self(error.into())
    }
}

impl From<safe_erc20::Error> for Revert {
    fn from(error: safe_erc20::Error) -> Self {
        Self(error.into())
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl stylus_sdk::abi::export::internal::InnerTypes for Revert {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_errors_encode_as_declared() {
        let (balance, maximum) = (U256::from(8), U256::from(7));
        let encoded: Vec<u8> = Revert::from(Error::BalanceOverflow { balance, maximum }).into();
        assert_eq!(encoded, abi::BalanceOverflow { balance, maximum }.abi_encode());
    }

    #[test]
    fn errors_encode_as_the_abi_says() {
        fn check<E: SolError + Clone>(error: E)
        where
            for<'a> E::Token<'a>: Words,
        {
            assert_eq!(Vec::from(revert(error.clone())), error.abi_encode());
        }
        check(abi::NotConstructing {});
        check(abi::UnknownSelector { selector: [1, 2, 3, 4].into() });
        check(abi::InvalidCutAction { action: 7, maximum: 2 });
        check(abi::ERC20InsufficientAllowance {
            spender: alloy_primitives::Address::with_last_byte(9),
            allowance: U256::from(5),
            needed: U256::MAX,
        });
    }
}
