//! Leaves and proofs. A leaf hashes 52 bytes and an inner node 64, so neither can stand for the other.
//!
//! The hash function is an argument: the chain has one of its own, which costs almost nothing.

use alloy_primitives::{Address, B256, U256};

/// Hash of an account (20 bytes) and its cumulative amount (32 bytes, big-endian).
pub fn leaf(account: Address, amount: U256, keccak: impl Fn(&[u8]) -> B256) -> B256 {
    let mut preimage = [0; 52];
    let (left, right) = preimage.split_at_mut(20);
    left.copy_from_slice(account.as_slice());
    right.copy_from_slice(&amount.to_be_bytes::<32>());
    keccak(&preimage)
}

/// Hash of two nodes, the smaller one first.
pub fn node(a: B256, b: B256, keccak: impl Fn(&[u8]) -> B256) -> B256 {
    let (first, second) = if a <= b { (a, b) } else { (b, a) };
    let mut preimage = [0; 64];
    let (left, right) = preimage.split_at_mut(32);
    left.copy_from_slice(&first.0);
    right.copy_from_slice(&second.0);
    keccak(&preimage)
}

/// The root that a proof leads to, from the leaf upwards. The proof of a tree of one leaf is empty.
pub fn root(leaf: B256, proof: &[B256], keccak: impl Fn(&[u8]) -> B256) -> B256 {
    proof.iter().fold(leaf, |hash, sibling| node(hash, *sibling, &keccak))
}
