//! What carries a chain: this process, or a node behind JSON-RPC.

use std::{
    collections::BTreeMap,
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

use alloy_primitives::{Address, B256, Bytes, U256};

use crate::{
    arbos::{Arbos, Params, Record},
    block::Block,
    chain::SnapshotId,
    embedded::Embedded,
    evm::FirstFrame,
    execution::Mode,
    frames::Recording,
    receipt::{Receipt, Rejected},
    transaction::Transaction,
};

/// Who answers for a transaction that nobody signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// An account whose key is known: nonce, balance and fee count as for a signed transaction.
    Key,
    /// Nobody: any address, contracts included, free of charge.
    Impersonation,
}

/// A chain as [`Chain`](crate::Chain) uses it. One is in this process; the other speaks to a node (see `Chain::connect`).
///
/// Times are seconds, amounts wei. What only a chain in this process can do panics elsewhere, and says so.
pub trait Backend: fmt::Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// The same chain, independent from now on.
    fn fork(&self) -> Box<dyn Backend>;

    /// Gives an address 10,000 ether, once.
    fn fund(&mut self, address: Address);

    /// Includes a transaction.
    ///
    /// # Errors
    ///
    /// If it cannot be included. A failed execution is a receipt.
    fn transact(&mut self, transaction: &Transaction, authority: Authority) -> Result<Receipt, Rejected>;

    /// Includes a signed transaction.
    ///
    /// # Errors
    ///
    /// If it is malformed or cannot be included.
    fn send_raw(&mut self, raw: &[u8]) -> Result<Receipt, Rejected>;

    /// Runs a call in the next block without changing anything; `is_static` forbids it to write.
    ///
    /// # Errors
    ///
    /// If it is not valid.
    fn simulate(&self, transaction: &Transaction, is_static: bool) -> Result<Receipt, Rejected>;

    /// Mines a block of what was collected, or an empty one.
    fn mine(&mut self) -> Arc<Block>;
    /// Each transaction its own block, or none until [`mine`](Self::mine).
    fn set_automine(&mut self, automine: bool);
    /// The last block.
    fn head(&self) -> Arc<Block>;
    /// A block by number.
    fn block(&self, number: u64) -> Option<Arc<Block>>;
    /// The receipt of a transaction.
    fn receipt(&self, hash: B256) -> Option<Arc<Receipt>>;
    /// Time of the next block.
    fn timestamp(&self) -> u64;
    /// Sets the time of the next block.
    fn set_time(&mut self, timestamp: u64);
    /// L1 number of the next block.
    fn l1_number(&self) -> u64;
    /// Freezes the L1 number.
    fn set_l1_number(&mut self, number: u64);
    /// Base fee.
    fn base_fee(&self) -> u64;
    /// Sets the base fee from the next block on.
    fn set_base_fee(&mut self, base_fee: u64);
    /// What receipts remember of frames.
    fn record(&mut self, recording: Recording);
    /// Remembers everything.
    fn snapshot(&mut self) -> SnapshotId;
    /// Returns to a snapshot; `false` if it is unknown.
    fn revert(&mut self, id: SnapshotId) -> bool;

    /// Wei of an account.
    fn balance(&self, address: Address) -> U256;
    /// Nonce of an account.
    fn nonce(&self, address: Address) -> u64;
    /// Code of an account.
    fn code(&self, address: Address) -> Bytes;
    /// One slot of an account.
    fn storage(&self, address: Address, slot: U256) -> U256;
    /// Every slot of an account that is not zero.
    fn storage_of(&self, address: Address) -> BTreeMap<U256, U256>;
    /// Sets a balance.
    fn set_balance(&mut self, address: Address, balance: U256);
    /// Sets a nonce.
    fn set_nonce(&mut self, address: Address, nonce: u64);
    /// Sets code.
    fn set_code(&mut self, address: Address, code: Bytes);
    /// Sets one slot.
    fn set_storage(&mut self, address: Address, slot: U256, value: U256);

    /// Chain id.
    fn chain_id(&self) -> u64;
    /// ArbOS version now.
    fn arbos_version(&self) -> u64;
    /// Parameters of the Stylus machine.
    fn params(&self) -> Params;
    /// The activation record of a code hash.
    fn record_of(&self, code_hash: B256) -> Record;
    /// Whether the program at an address can be called now.
    fn is_active(&self, program: Address) -> bool;
}

impl Backend for Embedded {
    fn fork(&self) -> Box<dyn Backend> {
        Box::new(self.clone())
    }

    fn fund(&mut self, address: Address) {
        Self::fund(self, address);
    }

    fn transact(&mut self, transaction: &Transaction, authority: Authority) -> Result<Receipt, Rejected> {
        let mode = match authority {
            Authority::Key => Mode::Paid,
            Authority::Impersonation => Mode::Free,
        };
        Self::transact(self, transaction, mode, None)
    }

    fn send_raw(&mut self, raw: &[u8]) -> Result<Receipt, Rejected> {
        Self::send_raw(self, raw)
    }

    fn simulate(&self, transaction: &Transaction, is_static: bool) -> Result<Receipt, Rejected> {
        self.simulate_as(transaction, if is_static { FirstFrame::StaticCall } else { FirstFrame::Call })
    }

    fn mine(&mut self) -> Arc<Block> {
        Self::mine(self)
    }

    fn set_automine(&mut self, automine: bool) {
        if automine { self.start_automine() } else { self.stop_automine() }
    }

    fn head(&self) -> Arc<Block> {
        Self::head(self).clone()
    }

    fn block(&self, number: u64) -> Option<Arc<Block>> {
        Self::block(self, number).cloned()
    }

    fn receipt(&self, hash: B256) -> Option<Arc<Receipt>> {
        Self::receipt(self, hash).cloned()
    }

    fn timestamp(&self) -> u64 {
        Self::timestamp(self)
    }

    fn set_time(&mut self, timestamp: u64) {
        Self::set_time(self, timestamp);
    }

    fn l1_number(&self) -> u64 {
        Self::l1_number(self)
    }

    fn set_l1_number(&mut self, number: u64) {
        Self::set_l1_number(self, number);
    }

    fn base_fee(&self) -> u64 {
        Self::base_fee(self)
    }

    fn set_base_fee(&mut self, base_fee: u64) {
        Self::set_base_fee(self, base_fee);
    }

    fn record(&mut self, recording: Recording) {
        Self::record(self, recording);
    }

    fn snapshot(&mut self) -> SnapshotId {
        Self::snapshot(self)
    }

    fn revert(&mut self, id: SnapshotId) -> bool {
        Self::revert(self, id)
    }

    fn balance(&self, address: Address) -> U256 {
        Self::balance(self, address)
    }

    fn nonce(&self, address: Address) -> u64 {
        Self::nonce(self, address)
    }

    fn code(&self, address: Address) -> Bytes {
        Self::code(self, address)
    }

    fn storage(&self, address: Address, slot: U256) -> U256 {
        Self::storage(self, address, slot)
    }

    fn storage_of(&self, address: Address) -> BTreeMap<U256, U256> {
        Self::storage_of(self, address)
    }

    fn set_balance(&mut self, address: Address, balance: U256) {
        Self::set_balance(self, address, balance);
    }

    fn set_nonce(&mut self, address: Address, nonce: u64) {
        Self::set_nonce(self, address, nonce);
    }

    fn set_code(&mut self, address: Address, code: Bytes) {
        Self::set_code(self, address, code);
    }

    fn set_storage(&mut self, address: Address, slot: U256, value: U256) {
        Self::set_storage(self, address, slot, value);
    }

    fn chain_id(&self) -> u64 {
        Self::chain_id(self)
    }

    fn arbos_version(&self) -> u64 {
        Self::arbos_version(self)
    }

    fn params(&self) -> Params {
        Self::params(self)
    }

    fn record_of(&self, code_hash: B256) -> Record {
        Arbos(&mut self.world.state.clone()).record(code_hash)
    }

    fn is_active(&self, program: Address) -> bool {
        let record = Self::record_of(self, self.code_hash(program));
        record.active(&Self::params(self), Self::timestamp(self)).is_ok()
    }
}
