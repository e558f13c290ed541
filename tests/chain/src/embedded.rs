//! The chain in this process: state, blocks, clock, snapshots.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Bloom, Bytes, U256};
use rpds::{HashTrieMapSync, HashTrieSetSync, VectorSync};

use crate::{
    arbos::{Arbos, Params, Record},
    block::{Block, PREV_RANDAO},
    builder::ChainBuilder,
    chain::SnapshotId,
    evm::{FirstFrame, context::Recent},
    execution::Mode,
    frames::Recording,
    genesis::FUNDS,
    receipt::{Receipt, Rejected},
    state::State,
    transaction::{DEFAULT_GAS_LIMIT, Signed, Transaction},
};

/// Seconds between L1 blocks.
const L1_BLOCK_SECONDS: u64 = 12;

/// Everything a snapshot brings back. Cloning costs a few pointers.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) head: Arc<Block>,
    pub(crate) blocks: VectorSync<Arc<Block>>,
    pub(crate) receipts: HashTrieMapSync<B256, Arc<Receipt>>,
    pub(crate) funded: HashTrieSetSync<Address>,
    /// The block being filled.
    pub(crate) open: Option<OpenBlock>,
    pub(crate) automine: bool,
    pub(crate) time: u64,
    pub(crate) l1_number: Option<u64>,
    pub(crate) base_fee: u64,
    /// Of blocks from the next on.
    pub(crate) gas_limit: u64,
    pub(crate) coinbase: Address,
    /// Of the next block alone.
    pub(crate) prev_randao: Option<B256>,
    pub(crate) recording: Recording,
}

/// A block that is not mined yet.
#[derive(Clone, Debug)]
pub(crate) struct OpenBlock {
    pub(crate) block: Block,
    pub(crate) recent: Recent,
}

/// An Arbitrum chain in memory.
#[derive(Clone, Debug)]
pub(crate) struct Embedded {
    pub(crate) settings: Arc<ChainBuilder>,
    pub(crate) world: World,
    snapshots: Vec<(SnapshotId, World)>,
    next_snapshot: u64,
}

impl Embedded {
    pub(crate) fn with(settings: ChainBuilder, world: World) -> Self {
        Self { settings: Arc::new(settings), world, snapshots: Vec::new(), next_snapshot: 0 }
    }

    /// Gives 10,000 ether to an address that was not funded before.
    pub(crate) fn fund(&mut self, address: Address) {
        if !self.world.funded.contains(&address) {
            self.world.funded.insert_mut(address);
            let balance = self.balance(address).saturating_add(FUNDS);
            self.world.state.set_balance(address, balance);
        }
    }

    /// What receipts remember of frames from now on.
    pub(crate) fn record(&mut self, recording: Recording) {
        self.world.recording = recording;
    }

    // Transactions.

    /// Includes a signed transaction: legacy, 2930, 1559 or 7702.
    ///
    /// # Errors
    ///
    /// If it is malformed or cannot be included.
    pub(crate) fn send_raw(&mut self, raw: &[u8]) -> Result<Receipt, Rejected> {
        let signed = Signed::decode(raw, self.settings.chain_id)?;
        self.transact(&signed.transaction, Mode::Paid, Some(signed.hash()))
    }

    pub(crate) fn simulate_as(&self, transaction: &Transaction, first: FirstFrame) -> Result<Receipt, Rejected> {
        let mode = Mode::Simulated(first);
        match &self.world.open {
            Some(open) => self.run(transaction, mode, open, None),
            None => self.run(transaction, mode, &self.next_block(), None),
        }
        .map(|ran| ran.receipt)
    }

    pub(crate) fn transact(
        &mut self,
        transaction: &Transaction,
        mode: Mode,
        hash: Option<B256>,
    ) -> Result<Receipt, Rejected> {
        self.upgrade_if_due();
        let mut open = self.world.open.take().unwrap_or_else(|| self.next_block());
        let ran = match fits(&open.block, transaction).and_then(|()| self.run(transaction, mode, &open, hash)) {
            Ok(ran) => ran,
            Err(rejected) => {
                self.world.open = Some(open).filter(|open| !open.block.transactions.is_empty());
                return Err(rejected);
            }
        };
        self.world.state.commit(ran.changes);
        open.recent = ran.recent;
        open.block.gas_used += ran.receipt.gas.used;
        open.block.transactions.push(ran.receipt.hash);
        ran.receipt.logs.iter().for_each(|log| open.block.logs_bloom.accrue_log(log));
        if self.settings.keeps_history {
            self.world.receipts.insert_mut(ran.receipt.hash, Arc::new(ran.receipt.clone()));
        }
        self.world.open = Some(open);
        if self.world.automine {
            self.mine();
        }
        Ok(ran.receipt)
    }

    // Blocks and time.

    /// Mines a block of the transactions collected so far, or an empty one.
    pub(crate) fn mine(&mut self) -> Arc<Block> {
        self.upgrade_if_due();
        let OpenBlock { mut block, .. } = self.world.open.take().unwrap_or_else(|| self.next_block());
        self.world.prev_randao = None;
        block.hash = block.header(self.arbos_version()).hash_slow();
        let block = Arc::new(block);
        self.world.head = block.clone();
        if self.settings.keeps_history {
            self.world.blocks.push_back_mut(block.clone());
        }
        block
    }

    /// Collects transactions until [`mine`](Self::mine): they share a block and a timestamp.
    pub(crate) fn stop_automine(&mut self) {
        self.world.automine = false;
    }

    /// Each transaction its own block again; mines what was collected.
    pub(crate) fn start_automine(&mut self) {
        self.world.automine = true;
        if self.world.open.is_some() {
            self.mine();
        }
    }

    /// The last block.
    pub(crate) fn head(&self) -> &Arc<Block> {
        &self.world.head
    }

    /// A block by number.
    pub(crate) fn block(&self, number: u64) -> Option<&Arc<Block>> {
        block_of(&self.world.blocks, number)
    }

    /// The receipt of a transaction.
    pub(crate) fn receipt(&self, hash: B256) -> Option<&Arc<Receipt>> {
        self.world.receipts.get(&hash)
    }

    /// Time of the next block, seconds. It stands still unless it is moved.
    pub(crate) fn timestamp(&self) -> u64 {
        self.world.time
    }

    /// Sets the time of the next block; equal timestamps are legal.
    ///
    /// # Panics
    ///
    /// If it lies before the last block, or if a block with another time is being filled.
    pub(crate) fn set_time(&mut self, timestamp: u64) {
        let latest = self.world.head.timestamp;
        assert!(timestamp >= latest, "time {timestamp} lies before the last block ({latest})");
        assert!(self.world.open.is_none() || timestamp == self.world.time, "a block is open: its time is fixed");
        self.world.time = timestamp;
    }

    /// The L1 block number of the next block.
    pub(crate) fn l1_number(&self) -> u64 {
        let passed = self.world.time.saturating_sub(self.settings.timestamp);
        self.world.l1_number.unwrap_or(self.settings.l1_number + passed / L1_BLOCK_SECONDS)
    }

    /// Freezes the L1 block number.
    pub(crate) fn set_l1_number(&mut self, number: u64) {
        self.world.l1_number = Some(number);
    }

    /// Base fee, wei per gas.
    pub(crate) fn base_fee(&self) -> u64 {
        self.world.base_fee
    }

    /// Sets the base fee from the next block on.
    pub(crate) fn set_base_fee(&mut self, base_fee: u64) {
        self.world.base_fee = base_fee;
    }

    pub(crate) fn next_block(&self) -> OpenBlock {
        let head = &self.world.head;
        let block = Block {
            number: head.number + 1,
            hash: B256::ZERO,
            parent_hash: head.hash,
            timestamp: self.world.time,
            l1_number: self.l1_number(),
            base_fee: self.world.base_fee,
            gas_used: 0,
            gas_limit: self.world.gas_limit,
            coinbase: self.world.coinbase,
            prev_randao: self.world.prev_randao.unwrap_or(PREV_RANDAO),
            logs_bloom: Bloom::ZERO,
            transactions: Vec::new(),
        };
        OpenBlock { block, recent: Recent::default() }
    }

    fn upgrade_if_due(&mut self) {
        if self.world.open.is_none() {
            let now = self.world.time;
            Arbos(&mut self.world.state).upgrade_if_due(now);
        }
    }

    // Snapshots.

    /// Remembers everything: state, blocks, clock.
    pub(crate) fn snapshot(&mut self) -> SnapshotId {
        let id = SnapshotId(self.next_snapshot);
        self.next_snapshot += 1;
        self.snapshots.push((id, self.world.clone()));
        id
    }

    /// Returns to a snapshot; it and later ones are gone then. `false` if it is unknown.
    pub(crate) fn revert(&mut self, id: SnapshotId) -> bool {
        let Some(index) = self.snapshots.iter().position(|(known, _)| *known == id) else {
            return false;
        };
        let (_, world) = self.snapshots.swap_remove(index);
        self.snapshots.truncate(index);
        self.world = world;
        true
    }

    // Accounts.

    /// Wei of an account.
    pub(crate) fn balance(&self, address: Address) -> U256 {
        self.world.state.info(address).balance
    }

    /// Nonce of an account.
    pub(crate) fn nonce(&self, address: Address) -> u64 {
        self.world.state.info(address).nonce
    }

    /// Code of an account, as deployed.
    pub(crate) fn code(&self, address: Address) -> Bytes {
        self.world.state.code(address)
    }

    /// Hash of the code of an account.
    pub(crate) fn code_hash(&self, address: Address) -> B256 {
        self.world.state.info(address).code_hash
    }

    /// One slot of an account.
    pub(crate) fn storage(&self, address: Address, slot: U256) -> U256 {
        self.world.state.storage(address, slot)
    }

    /// Every slot of an account that is not zero.
    pub(crate) fn storage_of(&self, address: Address) -> BTreeMap<U256, U256> {
        self.world
            .state
            .account(address)
            .map(|account| account.storage.iter().map(|(slot, word)| (*slot, *word)).collect())
            .unwrap_or_default()
    }

    /// Sets a balance, wei.
    pub(crate) fn set_balance(&mut self, address: Address, balance: U256) {
        self.world.state.set_balance(address, balance);
    }

    /// Sets a nonce.
    pub(crate) fn set_nonce(&mut self, address: Address, nonce: u64) {
        self.world.state.set_nonce(address, nonce);
    }

    /// Sets code. That of a program is not activated by this.
    pub(crate) fn set_code(&mut self, address: Address, code: impl Into<Bytes>) {
        self.world.state.set_code(address, code.into());
    }

    /// Sets one slot.
    pub(crate) fn set_storage(&mut self, address: Address, slot: U256, value: U256) {
        self.world.state.set_storage(address, slot, value);
    }

    // The protocol.

    /// Chain id.
    pub(crate) fn chain_id(&self) -> u64 {
        self.settings.chain_id
    }

    /// ArbOS version now.
    pub(crate) fn arbos_version(&self) -> u64 {
        Arbos(&mut self.world.state.clone()).version()
    }

    /// Wei per unit of a transaction's bytes on L1.
    pub(crate) fn l1_price(&self) -> U256 {
        Arbos(&mut self.world.state.clone()).l1_price()
    }

    /// Parameters of the Stylus machine.
    pub(crate) fn params(&self) -> Params {
        Arbos(&mut self.world.state.clone()).params()
    }

    /// The activation record of a code hash; its version is 0 when there is none.
    pub(crate) fn record_of(&self, code_hash: B256) -> Record {
        Arbos(&mut self.world.state.clone()).record(code_hash)
    }
}

/// A block by its number: a fork begins with a later one than 0.
pub(crate) fn block_of(blocks: &VectorSync<Arc<Block>>, number: u64) -> Option<&Arc<Block>> {
    let index = number.checked_sub(blocks.first()?.number)?;
    blocks.get(usize::try_from(index).ok()?)
}

/// Whether the block still has the gas that the transaction allows itself.
fn fits(block: &Block, transaction: &Transaction) -> Result<(), Rejected> {
    let given = transaction.gas.unwrap_or(DEFAULT_GAS_LIMIT);
    let left = block.gas_limit.saturating_sub(block.gas_used);
    if given > left { Err(Rejected::GasLimit { given, left }) } else { Ok(()) }
}
