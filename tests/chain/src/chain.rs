//! The chain as tests use it, whatever carries it.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};

use crate::{
    account::Account,
    arbos::{Params, Record},
    backend::{Authority, Backend},
    block::Block,
    builder::ChainBuilder,
    frames::Recording,
    receipt::{Receipt, Rejected},
    sender::{Caller, Sender},
    transaction::Transaction,
};

/// Names a state to return to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId(pub(crate) u64);

/// An Arbitrum chain. A clone is a fork: cheap in this process, and independent from then on.
#[derive(Debug)]
pub struct Chain {
    backend: Box<dyn Backend>,
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Chain {
    fn clone(&self) -> Self {
        Self { backend: self.backend.fork() }
    }
}

impl Chain {
    /// A new chain in this process with the default settings.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Settings of a chain in this process.
    pub fn builder() -> ChainBuilder {
        ChainBuilder::default()
    }

    /// A chain that something else carries.
    pub fn over(backend: Box<dyn Backend>) -> Self {
        Self { backend }
    }

    /// Acts as somebody: a name (its own account, funded), an [`Account`], or any address (impersonated).
    pub fn from(&mut self, caller: impl Caller) -> Sender<'_> {
        Sender::new(self, caller)
    }

    /// The account of a name, with 10,000 ether on first use.
    pub fn account(&mut self, name: &str) -> Account {
        let account = Account::named(name);
        self.backend.fund(account.address());
        account
    }

    /// What receipts remember of frames from now on.
    pub fn record(&mut self, recording: Recording) {
        self.backend.record(recording);
    }

    // Transactions.

    /// Includes a transaction of a named account or key, without a signature: it pays like a signed one.
    ///
    /// # Errors
    ///
    /// If it cannot be included. A failed execution is a receipt.
    pub fn send(&mut self, transaction: &Transaction) -> Result<Receipt, Rejected> {
        self.transact(transaction, Authority::Key)
    }

    /// Includes a transaction from any address, without signature and fee.
    ///
    /// # Errors
    ///
    /// If it cannot be included.
    pub fn send_impersonated(&mut self, transaction: &Transaction) -> Result<Receipt, Rejected> {
        self.transact(transaction, Authority::Impersonation)
    }

    /// Includes a signed transaction: legacy, 2930, 1559 or 7702.
    ///
    /// # Errors
    ///
    /// If it is malformed or cannot be included.
    pub fn send_raw(&mut self, raw: &[u8]) -> Result<Receipt, Rejected> {
        self.backend.send_raw(raw)
    }

    /// Runs a call on top of the state without changing it; 50,000,000 gas unless it says otherwise.
    ///
    /// # Errors
    ///
    /// If it is not valid.
    pub fn simulate(&self, transaction: &Transaction) -> Result<Receipt, Rejected> {
        self.backend.simulate(transaction, false)
    }

    pub(crate) fn simulate_static(&self, transaction: &Transaction) -> Result<Receipt, Rejected> {
        self.backend.simulate(transaction, true)
    }

    pub(crate) fn transact(&mut self, transaction: &Transaction, authority: Authority) -> Result<Receipt, Rejected> {
        self.backend.transact(transaction, authority)
    }

    // Blocks and time.

    /// Mines a block of the transactions collected so far, or an empty one.
    pub fn mine(&mut self) -> Arc<Block> {
        self.backend.mine()
    }

    /// Collects transactions until [`mine`](Self::mine): they share a block and a timestamp.
    pub fn stop_automine(&mut self) {
        self.backend.set_automine(false);
    }

    /// Each transaction its own block again; mines what was collected.
    pub fn start_automine(&mut self) {
        self.backend.set_automine(true);
    }

    /// The last block.
    pub fn head(&self) -> Arc<Block> {
        self.backend.head()
    }

    /// A block by number.
    pub fn block(&self, number: u64) -> Option<Arc<Block>> {
        self.backend.block(number)
    }

    /// The receipt of a transaction.
    pub fn receipt(&self, hash: B256) -> Option<Arc<Receipt>> {
        self.backend.receipt(hash)
    }

    /// Time of the next block, seconds. It stands still unless it is moved.
    pub fn timestamp(&self) -> u64 {
        self.backend.timestamp()
    }

    /// Sets the time of the next block; equal timestamps are legal.
    ///
    /// # Panics
    ///
    /// If it lies before the last block, or if a block with another time is being filled.
    pub fn set_time(&mut self, timestamp: u64) {
        self.backend.set_time(timestamp);
    }

    /// Moves the time of the next block by `seconds`.
    pub fn advance(&mut self, seconds: u64) {
        self.set_time(self.timestamp() + seconds);
    }

    /// The L1 block number of the next block.
    pub fn l1_number(&self) -> u64 {
        self.backend.l1_number()
    }

    /// Freezes the L1 block number.
    pub fn set_l1_number(&mut self, number: u64) {
        self.backend.set_l1_number(number);
    }

    /// Base fee, wei per gas.
    pub fn base_fee(&self) -> u64 {
        self.backend.base_fee()
    }

    /// Sets the base fee from the next block on.
    pub fn set_base_fee(&mut self, base_fee: u64) {
        self.backend.set_base_fee(base_fee);
    }

    // Snapshots.

    /// Remembers everything: state, blocks, clock.
    pub fn snapshot(&mut self) -> SnapshotId {
        self.backend.snapshot()
    }

    /// Returns to a snapshot; it and later ones are gone then. `false` if it is unknown.
    pub fn revert(&mut self, id: SnapshotId) -> bool {
        self.backend.revert(id)
    }

    // Accounts.

    /// Wei of an account.
    pub fn balance(&self, address: Address) -> U256 {
        self.backend.balance(address)
    }

    /// Nonce of an account.
    pub fn nonce(&self, address: Address) -> u64 {
        self.backend.nonce(address)
    }

    /// Code of an account, as deployed.
    pub fn code(&self, address: Address) -> Bytes {
        self.backend.code(address)
    }

    /// Hash of the code of an account.
    pub fn code_hash(&self, address: Address) -> B256 {
        let code = self.code(address);
        if code.is_empty() { KECCAK256_EMPTY } else { keccak256(code) }
    }

    /// One slot of an account.
    pub fn storage(&self, address: Address, slot: U256) -> U256 {
        self.backend.storage(address, slot)
    }

    /// Every slot of an account that is not zero.
    pub fn storage_of(&self, address: Address) -> BTreeMap<U256, U256> {
        self.backend.storage_of(address)
    }

    /// Sets a balance, wei.
    pub fn set_balance(&mut self, address: Address, balance: U256) {
        self.backend.set_balance(address, balance);
    }

    /// Sets a nonce.
    pub fn set_nonce(&mut self, address: Address, nonce: u64) {
        self.backend.set_nonce(address, nonce);
    }

    /// Sets code. That of a program is not activated by this.
    pub fn set_code(&mut self, address: Address, code: impl Into<Bytes>) {
        self.backend.set_code(address, code.into());
    }

    /// Sets one slot.
    pub fn set_storage(&mut self, address: Address, slot: U256, value: U256) {
        self.backend.set_storage(address, slot, value);
    }

    // The protocol.

    /// Chain id.
    pub fn chain_id(&self) -> u64 {
        self.backend.chain_id()
    }

    /// ArbOS version now.
    pub fn arbos_version(&self) -> u64 {
        self.backend.arbos_version()
    }

    /// Parameters of the Stylus machine.
    pub fn params(&self) -> Params {
        self.backend.params()
    }

    /// The activation record of a code hash; its version is 0 when there is none.
    pub fn record_of(&self, code_hash: B256) -> Record {
        self.backend.record_of(code_hash)
    }

    /// Whether the program at an address can be called now.
    pub fn is_active(&self, program: Address) -> bool {
        self.backend.is_active(program)
    }
}
