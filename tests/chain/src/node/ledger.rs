//! The chain of a node with all that its clients can ask about it: what was mined, what waits, the clock.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use alloy_primitives::{Address, B256, U256};
use rpds::{HashTrieMapSync, HashTrieSetSync, VectorSync};

use super::{
    clock::Clock,
    error::RpcError,
    pool::{Pool, Submitted},
};
use crate::{
    block::Block,
    embedded::Embedded,
    execution::Mode,
    receipt::{Receipt, Rejected},
    state::State,
};

/// Snapshots that may exist at a time.
const SNAPSHOT_LIMIT: usize = 100_000;

/// A transaction in a block.
#[derive(Clone, Debug)]
pub(super) struct MinedTransaction {
    pub(super) submitted: Arc<Submitted>,
    pub(super) receipt: Arc<Receipt>,
    pub(super) index: usize,
    /// Gas used in the block up to and with this one.
    pub(super) cumulative_gas: u64,
    /// Index in the block of its first log.
    pub(super) first_log: usize,
}

/// A block with its transactions.
#[derive(Clone, Debug)]
pub(super) struct Mined {
    pub(super) block: Arc<Block>,
    pub(super) arbos: u64,
    pub(super) transactions: Vec<MinedTransaction>,
}

/// Everything a snapshot brings back. A clone costs a few pointers, so that a reader takes one and leaves the lock.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) chain: Embedded,
    pub(super) mined: VectorSync<Arc<Mined>>,
    numbers: HashTrieMapSync<B256, u64>,
    places: HashTrieMapSync<B256, (u64, usize)>,
    /// States after the newest blocks, the head's without what was changed by hand since.
    states: HashTrieMapSync<u64, State>,
    kept_states: u64,
    pub(super) pool: Pool,
    pub(super) clock: Clock,
    pub(super) automine: bool,
    impersonated: HashTrieSetSync<Address>,
    pub(super) impersonates_all: bool,
}

impl World {
    pub(super) fn new(chain: Embedded, clock: Clock, kept_states: u64) -> Self {
        let genesis = Mined { block: chain.head().clone(), arbos: chain.arbos_version(), transactions: Vec::new() };
        Self::restored(chain, clock, kept_states, vec![Arc::new(genesis)])
    }

    /// With the blocks of a chain that has the state after the last of them.
    pub(super) fn restored(mut chain: Embedded, clock: Clock, kept_states: u64, blocks: Vec<Arc<Mined>>) -> Self {
        chain.stop_automine();
        let mut world = Self {
            chain,
            mined: VectorSync::new_sync(),
            numbers: HashTrieMapSync::new_sync(),
            places: HashTrieMapSync::new_sync(),
            states: HashTrieMapSync::new_sync(),
            kept_states,
            pool: Pool::default(),
            clock,
            automine: true,
            impersonated: HashTrieSetSync::new_sync(),
            impersonates_all: false,
        };
        blocks.into_iter().for_each(|mined| world.append(mined));
        world
    }

    pub(super) fn head(&self) -> &Arc<Mined> {
        self.mined.last().expect("a chain has a genesis block")
    }

    /// Number of the oldest block: 0, or that which a fork began from.
    pub(super) fn first(&self) -> u64 {
        self.mined.first().map_or(0, |mined| mined.block.number)
    }

    pub(super) fn number_of(&self, hash: B256) -> Option<u64> {
        self.numbers.get(&hash).copied()
    }

    pub(super) fn block(&self, number: u64) -> Option<&Arc<Mined>> {
        self.mined.get(usize::try_from(number.checked_sub(self.first())?).ok()?)
    }

    /// The block and the place in it of a transaction.
    pub(super) fn transaction(&self, hash: B256) -> Option<(&Arc<Mined>, &MinedTransaction)> {
        let (number, index) = self.places.get(&hash)?;
        let mined = self.block(*number)?;
        Some((mined, mined.transactions.get(*index)?))
    }

    /// The state after a block, if it is still kept.
    pub(super) fn state_after(&self, number: u64) -> Option<&State> {
        if number == self.head().block.number {
            return Some(&self.chain.world.state);
        }
        self.states.get(&number)
    }

    pub(super) fn impersonates(&self, address: Address) -> bool {
        self.impersonates_all || self.impersonated.contains(&address)
    }

    pub(super) fn impersonate(&mut self, address: Address) {
        self.impersonated.insert_mut(address);
    }

    pub(super) fn stop_impersonating(&mut self, address: Address) {
        self.impersonated.remove_mut(&address);
    }

    /// Adds a block to what clients can ask about.
    fn append(&mut self, mined: Arc<Mined>) {
        let number = mined.block.number;
        self.numbers.insert_mut(mined.block.hash, number);
        for transaction in &mined.transactions {
            self.places.insert_mut(transaction.submitted.hash(), (number, transaction.index));
        }
        self.mined.push_back_mut(mined);
        if let Some(oldest) = number.checked_sub(self.kept_states) {
            self.states.remove_mut(&oldest);
        }
    }

    /// Takes a transaction in: mines it now, or keeps it until its turn comes. What was mined.
    pub(super) fn submit(&mut self, submitted: Arc<Submitted>) -> Result<Vec<Arc<Mined>>, RpcError> {
        let (sender, nonce, hash) = (submitted.transaction.from, submitted.nonce(), submitted.hash());
        if self.pool.get(hash).is_some() || self.places.contains_key(&hash) {
            return Err(RpcError::refused("already known"));
        }
        let expected = self.chain.nonce(sender);
        if nonce < expected {
            return Err(Rejected::NonceTooLow { given: nonce, expected }.into());
        }
        if !self.automine || nonce > expected {
            // What could not be included even if its turn came is refused at once.
            self.check(&submitted)?;
            self.pool.add(submitted).map_err(RpcError::refused)?;
            return Ok(Vec::new());
        }
        let mut blocks = vec![self.mine_one(submitted)?];
        while let Some(next) = self.pool.at(sender, self.chain.nonce(sender)).map(|(_, next)| next.clone()) {
            self.pool.remove(next.hash());
            // A transaction that became invalid while it waited is dropped, as every node does.
            blocks.extend(self.mine_one(next).ok());
        }
        Ok(blocks)
    }

    /// Whether a transaction that waits is worth keeping.
    fn check(&self, submitted: &Submitted) -> Result<(), RpcError> {
        let transaction = &submitted.transaction;
        let (given, left) = (transaction.gas.unwrap_or_default(), self.chain.world.gas_limit);
        if given > left {
            return Err(Rejected::GasLimit { given, left }.into());
        }
        let fee = match submitted.mode {
            Mode::Paid => transaction.max_fee.unwrap_or_default(),
            _ => 0,
        };
        let gas = transaction.gas.unwrap_or_default();
        let most = U256::from(fee).saturating_mul(U256::from(gas));
        if self.chain.balance(transaction.from) < most.saturating_add(transaction.value) {
            return Err(Rejected::InsufficientFunds.into());
        }
        Ok(())
    }

    fn mine_one(&mut self, submitted: Arc<Submitted>) -> Result<Arc<Mined>, RpcError> {
        let before = self.clone();
        let (mined, rejected) = self.mine_block(&[submitted]);
        match rejected.into_iter().next() {
            None => Ok(mined),
            Some((_, reason)) => {
                *self = before;
                Err(reason.into())
            }
        }
    }

    /// Mines a block of what waits and is due. What has become invalid is dropped, as every node does; what the block has no
    /// room for, or follows a transaction that did not get in, waits on.
    pub(super) fn mine(&mut self) -> Arc<Mined> {
        let due = self.due();
        let (mined, rejected) = self.mine_block(&due);
        let waits = |reason: &Rejected| matches!(reason, Rejected::NonceTooHigh { .. } | Rejected::GasLimit { .. });
        let waiting: HashSet<_> =
            rejected.iter().filter(|(_, reason)| waits(reason)).map(|(submitted, _)| submitted.hash()).collect();
        for submitted in due.iter().filter(|submitted| !waiting.contains(&submitted.hash())) {
            self.pool.remove(submitted.hash());
        }
        mined
    }

    /// What waits and can go into the next block: as it arrived, each sender's in the order of nonces.
    fn due(&self) -> Vec<Arc<Submitted>> {
        let mut nonces = HashMap::new();
        let mut due = Vec::new();
        for (position, waiting) in self.pool.in_order() {
            let sender = waiting.transaction.from;
            let next = nonces.entry(sender).or_insert_with(|| self.chain.nonce(sender));
            // With its turn comes that of those which arrived before their predecessor.
            while let Some((_, ready)) = self.pool.at(sender, *next).filter(|(arrived, _)| *arrived <= position) {
                due.push(ready.clone());
                *next += 1;
            }
        }
        due
    }

    /// The state that clients see as pending: with what waits, in a block that is not there yet.
    pub(super) fn pending(&self) -> (Embedded, Vec<MinedTransaction>) {
        let mut chain = self.chain.clone();
        chain.set_time(self.clock.peek(chain.head().timestamp));
        let (included, _) = include(&mut chain, &self.due());
        (chain, included)
    }

    fn mine_block(&mut self, transactions: &[Arc<Submitted>]) -> (Arc<Mined>, Vec<LeftOut>) {
        let head = self.chain.head().clone();
        self.states.insert_mut(head.number, self.chain.world.state.clone());
        self.chain.set_time(self.clock.take(head.timestamp));
        let (transactions, rejected) = include(&mut self.chain, transactions);
        let block = self.chain.mine();
        let mined = Arc::new(Mined { block, arbos: self.chain.arbos_version(), transactions });
        self.append(mined.clone());
        (mined, rejected)
    }
}

/// A transaction that could not be included, and why.
type LeftOut = (Arc<Submitted>, Rejected);

/// Runs transactions in the block that is open. Those that cannot be included are left out.
fn include(chain: &mut Embedded, transactions: &[Arc<Submitted>]) -> (Vec<MinedTransaction>, Vec<LeftOut>) {
    let (mut included, mut rejected) = (Vec::new(), Vec::new());
    let (mut cumulative_gas, mut first_log) = (0, 0);
    for submitted in transactions {
        let hash = submitted.hash();
        match chain.transact(&submitted.transaction, submitted.mode, Some(hash)) {
            Ok(receipt) => {
                cumulative_gas += receipt.gas.used;
                let logs = receipt.logs.len();
                let receipt = chain.receipt(hash).cloned().unwrap_or_else(|| Arc::new(receipt));
                let (submitted, index) = (submitted.clone(), included.len());
                included.push(MinedTransaction { submitted, receipt, index, cumulative_gas, first_log });
                first_log += logs;
            }
            Err(reason) => rejected.push((submitted.clone(), reason)),
        }
    }
    (included, rejected)
}

/// A world and the worlds to return to.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) world: World,
    snapshots: Vec<(u64, World)>,
    next_snapshot: u64,
}

impl Ledger {
    pub(super) fn new(world: World) -> Self {
        Self { world, snapshots: Vec::new(), next_snapshot: 0 }
    }

    pub(super) fn snapshot(&mut self) -> Result<u64, RpcError> {
        if self.snapshots.len() >= SNAPSHOT_LIMIT {
            return Err(RpcError::limit("too many snapshots"));
        }
        let id = self.next_snapshot;
        self.next_snapshot += 1;
        self.snapshots.push((id, self.world.clone()));
        Ok(id)
    }

    /// Returns to a snapshot; it and later ones are gone then. `false` if it is unknown.
    pub(super) fn revert(&mut self, id: u64) -> bool {
        let Ok(index) = self.snapshots.binary_search_by_key(&id, |(known, _)| *known) else {
            return false;
        };
        let (_, world) = self.snapshots.swap_remove(index);
        self.snapshots.truncate(index);
        self.world = world;
        true
    }

    /// Begins anew with another world.
    pub(super) fn reset(&mut self, world: World) {
        self.world = world;
        self.snapshots.clear();
    }
}
