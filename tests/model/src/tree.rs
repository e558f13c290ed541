//! Merkle trees of cumulative amounts, built as the publisher does (rewards-distributor.md 7.4).

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, keccak256};

/// A tree, and whom it owes what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    balances: BTreeMap<Address, U256>,
    /// From the leaves, sorted, to the root.
    layers: Vec<Vec<B256>>,
}

impl Tree {
    /// The tree of these accounts and amounts, in whatever order.
    ///
    /// # Panics
    ///
    /// If there is none: such a tree has no root.
    pub fn new(balances: &[(Address, U256)]) -> Self {
        let mut leaves: Vec<_> = balances.iter().map(|(account, amount)| leaf(*account, *amount)).collect();
        leaves.sort();
        leaves.dedup();
        assert!(!leaves.is_empty(), "an empty tree");
        let mut layers = vec![leaves];
        while layers[layers.len() - 1].len() > 1 {
            let below = &layers[layers.len() - 1];
            let above = below.chunks(2).map(|pair| match pair {
                [left, right] => node(*left, *right),
                single => single[0],
            });
            layers.push(above.collect());
        }
        Self { balances: balances.iter().copied().collect(), layers }
    }

    /// The root.
    pub fn root(&self) -> B256 {
        self.layers[self.layers.len() - 1][0]
    }

    /// Nodes from the leaves upwards.
    pub fn layers(&self) -> &[Vec<B256>] {
        &self.layers
    }

    /// Whom it owes what.
    pub fn balances(&self) -> &BTreeMap<Address, U256> {
        &self.balances
    }

    /// What an account needs for a claim: its amount and proof.
    ///
    /// # Panics
    ///
    /// If it is not in the tree.
    pub fn claim(&self, account: Address) -> (U256, Vec<B256>) {
        let amount = self.balances[&account];
        (amount, self.proof(leaf(account, amount)))
    }

    /// The proof of a leaf.
    ///
    /// # Panics
    ///
    /// If it is not in the tree.
    pub fn proof(&self, leaf: B256) -> Vec<B256> {
        let mut index = self.layers[0].iter().position(|known| *known == leaf).expect("the leaf is in the tree");
        let mut proof = Vec::new();
        for layer in &self.layers {
            proof.extend(layer.get(index ^ 1));
            index /= 2;
        }
        proof
    }
}

/// Hash of an account and its amount.
pub fn leaf(account: Address, amount: U256) -> B256 {
    keccak256([account.as_slice(), &amount.to_be_bytes::<32>()].concat())
}

/// Hash of two nodes.
pub fn node(a: B256, b: B256) -> B256 {
    keccak256([a.min(b), a.max(b)].concat())
}

/// Whether a proof leads from a leaf to a root.
pub fn leads(leaf: B256, proof: &[B256], root: B256) -> bool {
    proof.iter().fold(leaf, |hash, sibling| node(hash, *sibling)) == root
}
