//! Trees of the specification, as data.

use alloy_primitives::{Address, B256, U256};
use model::tree::Tree;

/// The trees: name, published root; then a line per leaf: account, amount, leaf, proof.
const TREES: &str = include_str!("../../data/trees.tsv");

/// A tree as it was published, with what was published about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its name.
    pub name: &'static str,
    /// Its root.
    pub root: B256,
    /// Accounts and cumulative amounts, in the order of publication.
    pub balances: Vec<(Address, U256)>,
    /// Leaves and proofs of accounts, where they were published.
    pub proofs: Vec<(Address, B256, Vec<B256>)>,
}

/// Every published tree.
///
/// # Panics
///
/// If the data cannot be read.
pub fn published() -> Vec<Published> {
    let mut trees: Vec<Published> = Vec::new();
    for line in TREES.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<_> = line.split('\t').collect();
        match columns[..] {
            ["tree", name, root] => {
                trees.push(Published { name, root: hash(root), balances: Vec::new(), proofs: Vec::new() });
            }
            [account, amount, ref rest @ ..] => {
                let tree = trees.last_mut().expect("a tree comes before its leaves");
                let account = account.parse().expect("an address");
                tree.balances.push((account, U256::from_str_radix(amount, 10).expect("a number")));
                if let [leaf, proof] = rest {
                    let proof = proof.split(' ').filter(|word| !word.is_empty()).map(hash).collect();
                    tree.proofs.push((account, hash(leaf), proof));
                }
            }
            _ => panic!("cannot read {line:?}"),
        }
    }
    trees
}

/// A tree of the specification by name.
///
/// # Panics
///
/// If there is none.
pub fn tree(name: &str) -> Tree {
    let found = published().into_iter().find(|tree| tree.name == name);
    Tree::new(&found.unwrap_or_else(|| panic!("no tree {name}")).balances)
}

fn hash(text: &str) -> B256 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no hash"))
}
