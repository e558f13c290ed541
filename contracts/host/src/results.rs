use alloc::vec::Vec;

use alloy_primitives::B256;
use alloy_sol_types::{SolType, SolValue, Word, abi::token::PackedSeqToken, private::SolTypeValue};
use stylus_sdk::abi::{AbiType, ConstString};

use crate::encode_with_bytes;

/// The results `(bytes32 merkleRoot, uint256 epoch, bytes ipfsCid)`, encoded. The SDK encodes several results with a dynamic one among
/// them as if they were one.
#[derive(Debug)]
pub struct Root(Vec<u8>);

impl Root {
    /// Encodes the three results.
    #[must_use]
    pub fn new(merkle_root: B256, epoch: u64, ipfs_cid: &[u8]) -> Self {
        let mut number = B256::ZERO;
        if let Some(low) = number.0.last_chunk_mut() {
            *low = epoch.to_be_bytes();
        }
        Self(encode_with_bytes(&[merkle_root, number], ipfs_cid, &[]))
    }
}

impl AbiType for Root {
    type SolType = Self;

    const ABI: ConstString = ConstString::new("(bytes32,uint256,bytes)");
    const EXPORT_ABI_RET: ConstString = ConstString::new("(bytes32, uint256, bytes memory)");
}

impl SolValue for Root {
    type SolType = Self;
}

impl SolType for Root {
    type RustType = Self;
    type Token<'a> = PackedSeqToken<'a>;

    const SOL_NAME: &'static str = "(bytes32,uint256,bytes)";
    const ENCODED_SIZE: Option<usize> = None;
    const PACKED_ENCODED_SIZE: Option<usize> = None;

    fn valid_token(_: &Self::Token<'_>) -> bool {
        true
    }

    fn detokenize(token: Self::Token<'_>) -> Self {
        Self(token.as_slice().to_vec())
    }

    /// What is held is the encoding.
    fn abi_encode<E: ?Sized + SolTypeValue<Self>>(root: &E) -> Vec<u8> {
        root.stv_to_tokens().as_slice().to_vec()
    }
}

impl SolTypeValue<Self> for Root {
    fn stv_to_tokens(&self) -> PackedSeqToken<'_> {
        PackedSeqToken(&self.0)
    }

    fn stv_abi_encode_packed_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn stv_eip712_data_word(&self) -> Word {
        crate::keccak(&self.0)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl stylus_sdk::abi::export::internal::InnerTypes for Root {}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Bytes, U256};

    use super::*;

    #[test]
    fn encodes_three_results() {
        let cid = vec![0x62; 59];
        let root = Root::new(B256::with_last_byte(1), 7, &cid);
        let expected = (B256::with_last_byte(1), U256::from(7), Bytes::from(cid)).abi_encode_params();
        assert_eq!(<Root as SolType>::abi_encode(&root), expected);
    }
}
