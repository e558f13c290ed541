use alloc::vec::Vec;

use alloy_primitives::B256;
use alloy_sol_types::{
    SolType, SolValue,
    abi::token::{PackedSeqToken, Token},
    private::SolTypeValue,
};
use stylus_sdk::abi::{AbiType, ConstString};

/// A `string` as it comes: Solidity does not look whether one is UTF-8 either, and the check would take 2 KB of the program.
#[derive(Debug)]
pub struct Name(pub Vec<u8>);

impl AbiType for Name {
    type SolType = Self;

    const ABI: ConstString = ConstString::new("string");
    const EXPORT_ABI_ARG: ConstString = ConstString::new("string calldata");
    const EXPORT_ABI_RET: ConstString = ConstString::new("string memory");
}

impl SolValue for Name {
    type SolType = Self;
}

impl SolType for Name {
    type RustType = Self;
    type Token<'a> = PackedSeqToken<'a>;

    const SOL_NAME: &'static str = "string";
    const ENCODED_SIZE: Option<usize> = None;
    const PACKED_ENCODED_SIZE: Option<usize> = None;

    fn valid_token(_: &Self::Token<'_>) -> bool {
        true
    }

    fn detokenize(token: Self::Token<'_>) -> Self {
        Self(token.as_slice().to_vec())
    }
}

impl SolTypeValue<Self> for Name {
    fn stv_to_tokens(&self) -> PackedSeqToken<'_> {
        PackedSeqToken(&self.0)
    }

    fn stv_abi_encoded_size(&self) -> usize {
        PackedSeqToken(&self.0).total_words().saturating_mul(32)
    }

    fn stv_abi_encode_packed_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn stv_eip712_data_word(&self) -> B256 {
        crate::keccak(&self.0)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl stylus_sdk::abi::export::internal::InnerTypes for Name {}
