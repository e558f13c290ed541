//! Blocks as clients see them.

use alloy_consensus::Header;
use alloy_primitives::{Address, B64, B256, Bloom, U256, address};
use serde::{Deserialize, Serialize};

/// Coinbase of every block, and the address of the batch poster.
pub const SEQUENCER: Address = address!("A4B000000000000000000073657175656E636572");

/// Gas limit in a block's header; no transaction can use that much.
pub const BLOCK_GAS_LIMIT: u64 = 1 << 50;

/// A mined block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// L2 number; genesis is 0.
    pub number: u64,
    /// Hash of the header. State, transaction and receipt roots in it are placeholders.
    pub hash: B256,
    /// Hash of the block before.
    pub parent_hash: B256,
    /// Seconds.
    pub timestamp: u64,
    /// L1 number: what NUMBER and `block_number()` say in this block.
    pub l1_number: u64,
    /// Wei per gas.
    pub base_fee: u64,
    /// Gas used by all transactions.
    pub gas_used: u64,
    /// Bloom filter of its logs.
    pub logs_bloom: Bloom,
    /// Hashes of its transactions.
    pub transactions: Vec<B256>,
}

impl Block {
    /// The header, as hashed. `mixHash` packs send count, L1 number and ArbOS version.
    pub(crate) fn header(&self, arbos_version: u64) -> Header {
        let mut mix_hash = B256::ZERO;
        mix_hash[8..16].copy_from_slice(&self.l1_number.to_be_bytes());
        mix_hash[16..24].copy_from_slice(&arbos_version.to_be_bytes());
        Header {
            parent_hash: self.parent_hash,
            number: self.number,
            timestamp: self.timestamp,
            gas_limit: BLOCK_GAS_LIMIT,
            gas_used: self.gas_used,
            logs_bloom: self.logs_bloom,
            base_fee_per_gas: Some(self.base_fee),
            beneficiary: SEQUENCER,
            difficulty: U256::from(1),
            extra_data: B256::ZERO.into(),
            nonce: B64::ZERO,
            mix_hash,
            transactions_root: transactions_root(&self.transactions),
            ..Header::default()
        }
    }
}

/// A placeholder that still tells blocks with different transactions apart.
fn transactions_root(hashes: &[B256]) -> B256 {
    alloy_primitives::keccak256(hashes.concat())
}
