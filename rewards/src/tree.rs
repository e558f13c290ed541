//! The Merkle tree of cumulative amounts (spec sections 12.2 to 12.4 and 13).
//!
//! A leaf is `keccak256(address ‖ amount)`; leaves are sorted; a parent hashes its two children, the lesser first; a node without partner
//! moves up unchanged. This is the layout of the distributor, not that of newer trees with leaves hashed twice.

use std::{collections::BTreeMap, fmt::Write};

use alloy_primitives::{Address, B256, U256, keccak256};
use rayon::prelude::*;

use crate::{
    book::parse_address,
    decimal,
    keccak::{self, LANES},
};

/// The leaf of an address and its cumulative amount.
#[must_use]
pub fn leaf(account: Address, amount: U256) -> B256 {
    keccak256(leaf_preimage(account, amount))
}

fn leaf_preimage(account: Address, amount: U256) -> [u8; 52] {
    let mut preimage = [0; 52];
    preimage[..20].copy_from_slice(account.as_slice());
    preimage[20..].copy_from_slice(&amount.to_be_bytes::<32>());
    preimage
}

/// The parent of two nodes, whichever comes first.
#[must_use]
pub fn parent(a: B256, b: B256) -> B256 {
    keccak256(parent_preimage(a, b))
}

fn parent_preimage(a: B256, b: B256) -> [u8; 64] {
    let mut preimage = [0; 64];
    preimage[..32].copy_from_slice(a.min(b).as_slice());
    preimage[32..].copy_from_slice(a.max(b).as_slice());
    preimage
}

/// Whether a proof leads from a leaf to a root.
#[must_use]
pub fn verify(leaf: B256, proof: &[B256], root: B256) -> bool {
    proof.iter().fold(leaf, |node, sibling| parent(node, *sibling)) == root
}

/// Why there is no tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum TreeError {
    #[error("a tree without leaves has no root")]
    NoLeaves,
    #[error("not a tree file: {0}")]
    NotATree(String),
    #[error("entry {entry}: {reason}")]
    BadEntry { entry: usize, reason: String },
    #[error("{0} has two entries")]
    RepeatedAccount(Address),
    #[error("the zero address has an entry: tokens paid to it would be lost")]
    ZeroAddress,
}

/// A tree with all its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// By leaf.
    entries: Vec<(B256, Address, U256)>,
    /// All levels, leaves first, the root last.
    nodes: Vec<B256>,
    /// The entry of each account.
    places: Vec<(Address, u32)>,
}

impl Tree {
    /// The tree of these amounts.
    pub fn new(amounts: &BTreeMap<Address, U256>) -> Result<Self, TreeError> {
        let pairs: Vec<_> = amounts.iter().map(|(account, amount)| (*account, *amount)).collect();
        Self::of_pairs(&pairs)
    }

    /// The tree of these pairs, in any order; no account may have two.
    pub fn of_pairs(pairs: &[(Address, U256)]) -> Result<Self, TreeError> {
        if pairs.is_empty() {
            return Err(TreeError::NoLeaves);
        }
        if pairs.iter().any(|(account, _)| account.is_zero()) {
            return Err(TreeError::ZeroAddress);
        }
        let mut entries: Vec<_> = pairs.iter().map(|(account, amount)| (B256::ZERO, *account, *amount)).collect();
        entries.par_chunks_mut(LANES).for_each(set_leaves);
        entries.par_sort_unstable();
        let mut places: Vec<_> = entries.iter().zip(0..).map(|((_, account, _), place)| (*account, place)).collect();
        places.par_sort_unstable();
        if let Some(same) = places.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(TreeError::RepeatedAccount(same[0].0));
        }
        let nodes = levels(entries.iter().map(|(leaf, ..)| *leaf).collect());
        Ok(Self { entries, nodes, places })
    }

    /// Reads a tree file: a JSON array of pairs. Spelling of addresses and order of pairs do not matter.
    pub fn parse(text: &[u8]) -> Result<Self, TreeError> {
        let pairs: Vec<(&str, &str)> =
            serde_json::from_slice(text).map_err(|error| TreeError::NotATree(error.to_string()))?;
        let read = |(entry, (account, amount)): (usize, &(&str, &str))| {
            let bad = |reason: String| TreeError::BadEntry { entry, reason };
            let account = parse_address(account).map_err(|flaw| bad(flaw.to_string()))?;
            let amount = decimal::integer(amount).map_err(|error| bad(error.to_string()))?;
            Ok((account, amount))
        };
        let pairs = pairs.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        Self::of_pairs(&pairs)
    }

    /// The bytes of its file: pairs by leaf, addresses in mixed case, no space. Their CID is only right in exactly this form.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(self.entries.len() * 80 + 2);
        for (_, account, amount) in &self.entries {
            json.push(if json.is_empty() { '[' } else { ',' });
            let _ = write!(json, "[\"{account}\",\"{amount}\"]"); // Writing to a string does not fail.
        }
        json.push(']');
        json
    }

    /// Its root.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.nodes.last().copied().unwrap_or_default()
    }

    /// How many leaves it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none: never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Leaf, account and amount, by leaf.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (B256, Address, U256)> {
        self.entries.iter().copied()
    }

    /// The place of an account among the leaves.
    #[must_use]
    pub fn place(&self, account: Address) -> Option<usize> {
        let found = self.places.binary_search_by_key(&account, |(account, _)| *account).ok()?;
        Some(self.places[found].1 as usize)
    }

    /// The amount of an account.
    #[must_use]
    pub fn amount(&self, account: Address) -> Option<U256> {
        self.place(account).map(|place| self.entries[place].2)
    }

    /// Everybody's amount.
    #[must_use]
    pub fn amounts(&self) -> BTreeMap<Address, U256> {
        self.entries.iter().map(|(_, account, amount)| (*account, *amount)).collect()
    }

    /// The proof of the leaf at a place: its siblings from the bottom up. Where it has none, nothing is added.
    #[must_use]
    pub fn proof(&self, place: usize) -> Vec<B256> {
        let mut proof = Vec::with_capacity(24);
        let (mut start, mut width, mut place) = (0, self.entries.len(), place);
        while width > 1 {
            let sibling = place ^ 1;
            if sibling < width {
                proof.push(self.nodes[start + sibling]);
            }
            start += width;
            width = width.div_ceil(2);
            place /= 2;
        }
        proof
    }
}

/// Below this many nodes, splitting a level over threads costs more than it saves.
const PARALLEL: usize = 4096;

/// Sets the leaves of up to [`LANES`] entries.
fn set_leaves(entries: &mut [(B256, Address, U256)]) {
    let mut preimages = [[0; 52]; LANES];
    for (preimage, (_, account, amount)) in preimages.iter_mut().zip(&*entries) {
        *preimage = leaf_preimage(*account, *amount);
    }
    for (entry, leaf) in entries.iter_mut().zip(keccak::hash(&preimages)) {
        entry.0 = leaf;
    }
}

/// The parents of up to [`LANES`] pairs of neighbours; a last node without partner moves up unchanged.
fn set_parents(parents: &mut [B256], nodes: &[B256]) {
    let mut preimages = [[0; 64]; LANES];
    for (preimage, pair) in preimages.iter_mut().zip(nodes.chunks_exact(2)) {
        *preimage = parent_preimage(pair[0], pair[1]);
    }
    parents.copy_from_slice(&keccak::hash(&preimages)[..parents.len()]);
    if let ([single], Some(last)) = (nodes.chunks_exact(2).remainder(), parents.last_mut()) {
        *last = *single;
    }
}

/// All levels above the leaves, behind them.
fn levels(leaves: Vec<B256>) -> Vec<B256> {
    let mut nodes = leaves;
    let (mut start, mut width) = (0, nodes.len());
    while width > 1 {
        let end = start + width;
        width = width.div_ceil(2);
        nodes.resize(end + width, B256::ZERO);
        let (below, above) = nodes.split_at_mut(end);
        let below = &below[start..];
        if width < PARALLEL {
            above
                .chunks_mut(LANES)
                .zip(below.chunks(2 * LANES))
                .for_each(|(parents, nodes)| set_parents(parents, nodes));
        } else {
            let pairs = above.par_chunks_mut(LANES).zip(below.par_chunks(2 * LANES));
            pairs.for_each(|(parents, nodes)| set_parents(parents, nodes));
        }
        start = end;
    }
    nodes
}
