//! Transactions that wait: for their turn, or for a block.

use std::{collections::BTreeMap, sync::Arc};

use alloy_consensus::{Transaction as _, TxEnvelope};
use alloy_primitives::{Address, B256};
use rpds::HashTrieMapSync;

use crate::{execution::Mode, transaction::Transaction};

/// Transactions that may wait, in all and of one sender.
const LIMIT: usize = 10_000;
const SENDER_LIMIT: usize = 1_000;

/// A transaction as it came.
#[derive(Clone, Debug)]
pub(super) struct Submitted {
    pub(super) envelope: TxEnvelope,
    pub(super) transaction: Transaction,
    pub(super) mode: Mode,
}

impl Submitted {
    pub(super) fn hash(&self) -> B256 {
        *self.envelope.tx_hash()
    }

    pub(super) fn nonce(&self) -> u64 {
        self.envelope.nonce()
    }
}

type Queue = BTreeMap<u64, (u64, Arc<Submitted>)>;

/// By sender and nonce; each with its place in the order of arrival.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    queues: HashTrieMapSync<Address, Arc<Queue>>,
    hashes: HashTrieMapSync<B256, (Address, u64)>,
    arrived: u64,
}

impl Pool {
    pub(super) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.hashes.size()
    }

    pub(super) fn get(&self, hash: B256) -> Option<&Arc<Submitted>> {
        let (sender, nonce) = self.hashes.get(&hash)?;
        self.queues.get(sender)?.get(nonce).map(|(_, submitted)| submitted)
    }

    /// Adds a transaction; one of the same sender and nonce is replaced.
    pub(super) fn add(&mut self, submitted: Arc<Submitted>) -> Result<(), &'static str> {
        let (sender, nonce) = (submitted.transaction.from, submitted.nonce());
        let mut queue = self.queues.get(&sender).cloned().unwrap_or_default();
        let replaces = queue.get(&nonce).map(|(_, old)| old.hash());
        if replaces.is_none() && (self.len() >= LIMIT || queue.len() >= SENDER_LIMIT) {
            return Err("txpool is full");
        }
        if let Some(old) = replaces {
            self.hashes.remove_mut(&old);
        }
        self.arrived += 1;
        self.hashes.insert_mut(submitted.hash(), (sender, nonce));
        Arc::make_mut(&mut queue).insert(nonce, (self.arrived, submitted));
        self.queues.insert_mut(sender, queue);
        Ok(())
    }

    pub(super) fn remove(&mut self, hash: B256) -> Option<Arc<Submitted>> {
        let (sender, nonce) = self.hashes.get(&hash).copied()?;
        self.hashes.remove_mut(&hash);
        let mut queue = self.queues.get(&sender)?.clone();
        let removed = Arc::make_mut(&mut queue).remove(&nonce);
        if queue.is_empty() {
            self.queues.remove_mut(&sender);
        } else {
            self.queues.insert_mut(sender, queue);
        }
        removed.map(|(_, submitted)| submitted)
    }

    /// The transaction of a sender with a nonce, and its place in the order of arrival.
    pub(super) fn at(&self, sender: Address, nonce: u64) -> Option<&(u64, Arc<Submitted>)> {
        self.queues.get(&sender)?.get(&nonce)
    }

    /// How many of a sender's follow each other from `nonce` on.
    pub(super) fn consecutive(&self, sender: Address, nonce: u64) -> u64 {
        let Some(queue) = self.queues.get(&sender) else {
            return 0;
        };
        (nonce..).take_while(|nonce| queue.contains_key(nonce)).count() as u64
    }

    /// All of it, as it arrived.
    pub(super) fn in_order(&self) -> Vec<(u64, Arc<Submitted>)> {
        let mut all: Vec<_> = self.queues.values().flat_map(|queue| queue.values().cloned()).collect();
        all.sort_by_key(|(arrived, _)| *arrived);
        all
    }

    pub(super) fn clear(&mut self) {
        (self.queues, self.hashes) = Default::default();
    }
}
