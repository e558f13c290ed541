//! A `uint256` as it travels: 32 bytes, most significant first.
//!
//! Most numbers here come in with a call and go out with another call or an event. Turning each into a number on the way, and back, took
//! a seventh of the program.

use alloc::vec::Vec;

use ::host::slots::Key;
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolType, abi::token::WordToken, private::SolTypeValue};
use stylus_sdk::abi::{AbiType, ConstString};

/// A `uint256`, or anything else that fills a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Uint(B256);

/// Its type in Solidity.
#[derive(Debug)]
pub(crate) struct SolUint;

impl Uint {
    pub(crate) const ZERO: Self = Self(B256::ZERO);
    pub(crate) const MAX: Self = Self(B256::repeat_byte(0xff));

    pub(crate) fn new(word: B256) -> Self {
        Self(word)
    }

    pub(crate) fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    #[inline(never)]
    pub(crate) fn number(self) -> U256 {
        self.0.into()
    }

    pub(crate) fn address(self) -> Address {
        Address::from_word(self.0)
    }
}

/// The bytes of words that lie side by side.
pub(crate) fn bytes_of(words: &[Uint]) -> &[u8] {
    // SAFETY: a word is transparent over its 32 bytes.
    unsafe { core::slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) }
}

impl From<U256> for Uint {
    #[inline(never)]
    fn from(number: U256) -> Self {
        Self(number.into())
    }
}

impl From<u64> for Uint {
    #[inline(never)]
    fn from(number: u64) -> Self {
        let mut word = B256::ZERO;
        if let Some(low) = word.0.last_chunk_mut() {
            *low = number.to_be_bytes();
        }
        Self(word)
    }
}

impl From<bool> for Uint {
    fn from(flag: bool) -> Self {
        Self(B256::with_last_byte(flag.into()))
    }
}

impl From<Address> for Uint {
    fn from(address: Address) -> Self {
        Self(address.into_word())
    }
}

impl Key for Uint {
    fn word(&self) -> B256 {
        self.0
    }
}

impl AbiType for Uint {
    type SolType = SolUint;

    const ABI: ConstString = ConstString::new("uint256");
}

#[cfg(not(target_arch = "wasm32"))]
impl stylus_sdk::abi::export::internal::InnerTypes for Uint {}

impl SolType for SolUint {
    type RustType = Uint;
    type Token<'a> = WordToken;

    const SOL_NAME: &'static str = "uint256";
    const ENCODED_SIZE: Option<usize> = Some(32);
    const PACKED_ENCODED_SIZE: Option<usize> = Some(32);

    fn valid_token(_: &WordToken) -> bool {
        true
    }

    fn detokenize(token: WordToken) -> Uint {
        Uint(token.0)
    }
}

impl SolTypeValue<SolUint> for Uint {
    fn stv_to_tokens(&self) -> WordToken {
        WordToken(self.0)
    }

    fn stv_abi_encode_packed_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_slice());
    }

    fn stv_eip712_data_word(&self) -> B256 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::address;

    use super::*;

    #[test]
    fn words_are_big_endian() {
        assert_eq!(Uint::from(258_u64), Uint::from(U256::from(258)));
        assert_eq!(Uint::from(u64::MAX).number(), U256::from(u64::MAX));
        assert_eq!(Uint::MAX.number(), U256::MAX);
        assert_eq!([true, false].map(|flag| Uint::from(flag).number()), [U256::ONE, U256::ZERO]);
        let account = address!("00000000000000000000000000000000000000ff");
        assert_eq!((Uint::from(account).address(), Uint::from(account).number()), (account, U256::from(255)));
        assert_eq!(
            bytes_of(&[Uint::from(1_u64), Uint::ZERO]),
            [U256::ONE, U256::ZERO].map(|n| n.to_be_bytes::<32>()).as_flattened()
        );
    }

    #[test]
    fn it_decodes_as_any_uint256() {
        let word = U256::MAX.to_be_bytes::<32>();
        assert_eq!(SolUint::abi_decode(&word, true), Ok(Uint::MAX));
        assert_eq!(SolUint::abi_encode(&Uint::from(7_u64)), U256::from(7).to_be_bytes::<32>());
    }
}
