use alloc::vec::Vec;

use alloy_primitives::FixedBytes;
use alloy_sol_types::SolError;
use openzeppelin_stylus::{access::control, token::erc20::utils::safe_erc20};

use crate::words::{Words, encode};

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
    /// Passes on what a called contract reverted with, or an error that is encoded already.
    #[must_use]
    pub fn bubbled(data: Vec<u8>) -> Self {
        Self(data)
    }

    /// Which error it is: the first four bytes, zero if there are fewer.
    #[must_use]
    pub fn selector(&self) -> FixedBytes<4> {
        self.0.first_chunk().copied().unwrap_or_default().into()
    }
}

impl From<Revert> for Vec<u8> {
    fn from(revert: Revert) -> Self {
        revert.0
    }
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
