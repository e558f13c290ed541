//! Blocks as clients see them.

use alloy_consensus::Header;
use alloy_primitives::{Address, B64, B256, Bloom, U256, address};
use serde::{Deserialize, Serialize};

/// Coinbase of every block unless a tool sets another, and the address of the batch poster.
pub const SEQUENCER: Address = address!("A4B000000000000000000073657175656E636572");

/// Gas limit in a block's header; no transaction can use that much.
pub const BLOCK_GAS_LIMIT: u64 = 1 << 50;

/// What PREVRANDAO says in every block.
pub(crate) const PREV_RANDAO: B256 = B256::with_last_byte(1);

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
    /// Gas that its transactions may allow themselves together.
    #[serde(default = "default_gas_limit")]
    pub gas_limit: u64,
    /// What COINBASE says in this block.
    #[serde(default = "default_coinbase")]
    pub coinbase: Address,
    /// What PREVRANDAO says in this block. Not part of the header, whose `mixHash` is Arbitrum's.
    #[serde(default = "default_prev_randao")]
    pub prev_randao: B256,
    /// Bloom filter of its logs.
    pub logs_bloom: Bloom,
    /// Hashes of its transactions.
    pub transactions: Vec<B256>,
}

fn default_gas_limit() -> u64 {
    BLOCK_GAS_LIMIT
}

fn default_coinbase() -> Address {
    SEQUENCER
}

fn default_prev_randao() -> B256 {
    PREV_RANDAO
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
            gas_limit: self.gas_limit,
            gas_used: self.gas_used,
            logs_bloom: self.logs_bloom,
            base_fee_per_gas: Some(self.base_fee),
            beneficiary: self.coinbase,
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
