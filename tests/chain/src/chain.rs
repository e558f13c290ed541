//! The chain: state, blocks, clock, snapshots.

use std::{mem, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, Log, U256};
use revm::{
    Context, Journal,
    context::{
        BlockEnv, CfgEnv, JournalTr, LocalContext,
        result::{ExecutionResult, HaltReason, InvalidTransaction, ResultGas},
    },
    context_interface::block::BlobExcessGasAndPrice,
    handler::Handler,
    primitives::hardfork::SpecId,
    state::EvmState,
};
use rpds::{HashTrieMapSync, HashTrieSetSync, VectorSync};

use crate::{
    account::Account,
    arbos::{Arbos, Params, Record},
    block::{BLOCK_GAS_LIMIT, Block, SEQUENCER},
    evm::{
        ArbEvm, ArbHandler, EvmError, FirstFrame,
        context::{self, Recent},
    },
    frames::{Recorder, Recording},
    genesis::{FUNDS, genesis},
    receipt::{Gas, Receipt, Rejected},
    sender::{Caller, Sender},
    state::State,
    transaction::{DEFAULT_GAS_LIMIT, Signed, Transaction},
};

/// Gas of a simulated call when none is given.
const SIMULATION_GAS: u64 = 50_000_000;
/// Seconds between L1 blocks.
const L1_BLOCK_SECONDS: u64 = 12;

/// Settings of a new chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainBuilder {
    arbos: u64,
    chain_id: u64,
    timestamp: u64,
    base_fee: u64,
    l1_number: u64,
    debug_imports: bool,
    expiry_days: Option<u16>,
    keeps_history: bool,
    recording: Recording,
}

impl Default for ChainBuilder {
    fn default() -> Self {
        Self {
            arbos: 51,
            chain_id: 412_346,
            timestamp: 1_700_000_000,
            base_fee: 100_000_000,
            l1_number: 18_500_000,
            debug_imports: false,
            expiry_days: None,
            keeps_history: true,
            recording: Recording::None,
        }
    }
}

impl ChainBuilder {
    /// ArbOS version: 30, 31, 32, 40, 41, 50, 51 (default) or 60.
    ///
    /// # Panics
    ///
    /// If it is none of these.
    pub fn arbos(mut self, version: u64) -> Self {
        assert!([30, 31, 32, 40, 41, 50, 51, 60].contains(&version), "no rules for ArbOS {version}");
        self.arbos = version;
        self
    }

    /// Chain id, 412,346 by default.
    pub fn chain_id(mut self, chain_id: u64) -> Self {
        self.chain_id = chain_id;
        self
    }

    /// Time of the genesis block, seconds.
    pub fn timestamp(mut self, timestamp: u64) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// Base fee, wei per gas; 0.1 gwei by default. It never moves by itself.
    pub fn base_fee(mut self, base_fee: u64) -> Self {
        self.base_fee = base_fee;
        self
    }

    /// L1 block number at genesis; it grows by one every 12 seconds.
    pub fn l1_number(mut self, number: u64) -> Self {
        self.l1_number = number;
        self
    }

    /// Accepts programs that import `console` and `debug`, as no production chain does.
    pub fn debug_imports(mut self) -> Self {
        self.debug_imports = true;
        self
    }

    /// Days a program stays active, 365 by default, for tests that jump over years.
    pub fn expiry_days(mut self, days: u16) -> Self {
        self.expiry_days = Some(days);
        self
    }

    /// Keeps no old blocks, for simulations of millions of transactions. Hashes of old blocks are then unknown.
    pub fn without_history(mut self) -> Self {
        self.keeps_history = false;
        self
    }

    /// What receipts remember of frames.
    pub fn recording(mut self, recording: Recording) -> Self {
        self.recording = recording;
        self
    }

    /// The chain.
    pub fn build(self) -> Chain {
        let mut state = genesis(self.arbos, self.chain_id);
        if let Some(days) = self.expiry_days {
            let mut arbos = Arbos(&mut state);
            let params = Params { expiry_days: days, ..arbos.params() };
            arbos.set_params(&params);
        }
        let mut head = Block {
            number: 0,
            hash: B256::ZERO,
            parent_hash: B256::ZERO,
            timestamp: self.timestamp,
            l1_number: self.l1_number,
            base_fee: self.base_fee,
            gas_used: 0,
            transactions: Vec::new(),
        };
        head.hash = head.header(self.arbos).hash_slow();
        let head = Arc::new(head);
        let mut blocks = VectorSync::new_sync();
        blocks.push_back_mut(head.clone());
        let world = World {
            state,
            head,
            blocks,
            receipts: HashTrieMapSync::new_sync(),
            funded: HashTrieSetSync::new_sync(),
            open: None,
            automine: true,
            time: self.timestamp,
            l1_number: None,
            base_fee: self.base_fee,
            recording: self.recording,
        };
        Chain { settings: Arc::new(self), world, snapshots: Vec::new(), next_snapshot: 0 }
    }
}

/// Everything a snapshot brings back. Cloning costs a few pointers.
#[derive(Clone, Debug)]
struct World {
    state: State,
    head: Arc<Block>,
    blocks: VectorSync<Arc<Block>>,
    receipts: HashTrieMapSync<B256, Arc<Receipt>>,
    funded: HashTrieSetSync<Address>,
    /// The block being filled.
    open: Option<OpenBlock>,
    automine: bool,
    time: u64,
    l1_number: Option<u64>,
    base_fee: u64,
    recording: Recording,
}

/// A block that is not mined yet.
#[derive(Clone, Debug)]
struct OpenBlock {
    block: Block,
    recent: Recent,
}

/// Names a state to return to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId(u64);

/// An Arbitrum chain in memory. A clone is a fork: cheap, and independent from then on.
#[derive(Clone, Debug)]
pub struct Chain {
    settings: Arc<ChainBuilder>,
    world: World,
    snapshots: Vec<(SnapshotId, World)>,
    next_snapshot: u64,
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

/// How a transaction runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Signed or from a named account: pays its fee.
    Paid,
    /// Impersonated: anybody, contracts included, free of charge.
    Free,
    /// Not a transaction at all.
    Simulated(FirstFrame),
}

impl Mode {
    fn is_simulated(self) -> bool {
        matches!(self, Self::Simulated(_))
    }

    fn first_frame(self) -> FirstFrame {
        match self {
            Self::Simulated(first) => first,
            Self::Paid | Self::Free => FirstFrame::Transaction,
        }
    }
}

/// A transaction that ran.
struct Ran {
    receipt: Receipt,
    changes: EvmState,
    recent: Recent,
}

impl Chain {
    /// A new chain with the default settings.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Settings to choose from.
    pub fn builder() -> ChainBuilder {
        ChainBuilder::default()
    }

    /// Acts as somebody: a name (its own account, funded), an [`Account`], or any address (impersonated).
    pub fn from(&mut self, caller: impl Caller) -> Sender<'_> {
        Sender::new(self, caller)
    }

    /// The account of a name, with 10,000 ether on first use.
    pub fn account(&mut self, name: &str) -> Account {
        let account = Account::named(name);
        self.fund(account.address());
        account
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
    pub fn record(&mut self, recording: Recording) {
        self.world.recording = recording;
    }

    // Transactions.

    /// Includes a transaction of a named account or key, without a signature: it pays like a signed one.
    ///
    /// # Errors
    ///
    /// If it cannot be included. A failed execution is a receipt.
    pub fn send(&mut self, transaction: &Transaction) -> Result<Receipt, Rejected> {
        self.transact(transaction, Mode::Paid, None)
    }

    /// Includes a transaction from any address, without signature and fee.
    ///
    /// # Errors
    ///
    /// If it cannot be included.
    pub fn send_impersonated(&mut self, transaction: &Transaction) -> Result<Receipt, Rejected> {
        self.transact(transaction, Mode::Free, None)
    }

    /// Includes a signed transaction: legacy, 2930, 1559 or 7702.
    ///
    /// # Errors
    ///
    /// If it is malformed or cannot be included.
    pub fn send_raw(&mut self, raw: &[u8]) -> Result<Receipt, Rejected> {
        let Signed { transaction, hash } = Signed::decode(raw, self.settings.chain_id)?;
        self.transact(&transaction, Mode::Paid, Some(hash))
    }

    /// Runs a call on top of the state without changing it; 50,000,000 gas unless it says otherwise.
    ///
    /// # Errors
    ///
    /// If it is not valid.
    pub fn simulate(&self, transaction: &Transaction) -> Result<Receipt, Rejected> {
        self.simulate_as(transaction, FirstFrame::Call)
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
        let ran = match self.run(transaction, mode, &open, hash) {
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
    pub fn mine(&mut self) -> Arc<Block> {
        self.upgrade_if_due();
        let OpenBlock { mut block, .. } = self.world.open.take().unwrap_or_else(|| self.next_block());
        block.hash = block.header(self.arbos_version()).hash_slow();
        let block = Arc::new(block);
        self.world.head = block.clone();
        if self.settings.keeps_history {
            self.world.blocks.push_back_mut(block.clone());
        }
        block
    }

    /// Collects transactions until [`mine`](Self::mine): they share a block and a timestamp.
    pub fn stop_automine(&mut self) {
        self.world.automine = false;
    }

    /// Each transaction its own block again; mines what was collected.
    pub fn start_automine(&mut self) {
        self.world.automine = true;
        if self.world.open.is_some() {
            self.mine();
        }
    }

    /// The last block.
    pub fn head(&self) -> &Block {
        &self.world.head
    }

    /// A block by number.
    pub fn block(&self, number: u64) -> Option<&Block> {
        self.world.blocks.get(usize::try_from(number).ok()?).map(Arc::as_ref)
    }

    /// The receipt of a transaction.
    pub fn receipt(&self, hash: B256) -> Option<&Receipt> {
        self.world.receipts.get(&hash).map(Arc::as_ref)
    }

    /// Time of the next block, seconds. It stands still unless it is moved.
    pub fn timestamp(&self) -> u64 {
        self.world.time
    }

    /// Sets the time of the next block; equal timestamps are legal.
    ///
    /// # Panics
    ///
    /// If it lies before the last block.
    pub fn set_time(&mut self, timestamp: u64) {
        let latest = self.world.head.timestamp;
        assert!(timestamp >= latest, "time {timestamp} lies before the last block ({latest})");
        assert!(self.world.open.is_none(), "a block is open: its time is fixed");
        self.world.time = timestamp;
    }

    /// Moves the time of the next block by `seconds`.
    pub fn advance(&mut self, seconds: u64) {
        self.set_time(self.world.time + seconds);
    }

    /// The L1 block number of the next block.
    pub fn l1_number(&self) -> u64 {
        let passed = self.world.time.saturating_sub(self.settings.timestamp);
        self.world.l1_number.unwrap_or(self.settings.l1_number + passed / L1_BLOCK_SECONDS)
    }

    /// Freezes the L1 block number.
    pub fn set_l1_number(&mut self, number: u64) {
        self.world.l1_number = Some(number);
    }

    /// Base fee, wei per gas.
    pub fn base_fee(&self) -> u64 {
        self.world.base_fee
    }

    /// Sets the base fee from the next block on.
    pub fn set_base_fee(&mut self, base_fee: u64) {
        self.world.base_fee = base_fee;
    }

    fn next_block(&self) -> OpenBlock {
        let head = &self.world.head;
        let block = Block {
            number: head.number + 1,
            hash: B256::ZERO,
            parent_hash: head.hash,
            timestamp: self.world.time,
            l1_number: self.l1_number(),
            base_fee: self.world.base_fee,
            gas_used: 0,
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
    pub fn snapshot(&mut self) -> SnapshotId {
        let id = SnapshotId(self.next_snapshot);
        self.next_snapshot += 1;
        self.snapshots.push((id, self.world.clone()));
        id
    }

    /// Returns to a snapshot; it and later ones are gone then. `false` if it is unknown.
    pub fn revert(&mut self, id: SnapshotId) -> bool {
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
    pub fn balance(&self, address: Address) -> U256 {
        self.world.state.info(address).balance
    }

    /// Nonce of an account.
    pub fn nonce(&self, address: Address) -> u64 {
        self.world.state.info(address).nonce
    }

    /// Code of an account, as deployed.
    pub fn code(&self, address: Address) -> Bytes {
        self.world.state.code(address)
    }

    /// Hash of the code of an account.
    pub fn code_hash(&self, address: Address) -> B256 {
        self.world.state.info(address).code_hash
    }

    /// One slot of an account.
    pub fn storage(&self, address: Address, slot: U256) -> U256 {
        self.world.state.storage(address, slot)
    }

    /// Sets a balance, wei.
    pub fn set_balance(&mut self, address: Address, balance: U256) {
        self.world.state.set_balance(address, balance);
    }

    /// Sets a nonce.
    pub fn set_nonce(&mut self, address: Address, nonce: u64) {
        self.world.state.set_nonce(address, nonce);
    }

    /// Sets code. That of a program is not activated by this.
    pub fn set_code(&mut self, address: Address, code: impl Into<Bytes>) {
        self.world.state.set_code(address, code.into());
    }

    /// Sets one slot.
    pub fn set_storage(&mut self, address: Address, slot: U256, value: U256) {
        self.world.state.set_storage(address, slot, value);
    }

    // The protocol.

    /// Chain id.
    pub fn chain_id(&self) -> u64 {
        self.settings.chain_id
    }

    /// ArbOS version now.
    pub fn arbos_version(&self) -> u64 {
        Arbos(&mut self.world.state.clone()).version()
    }

    /// Parameters of the Stylus machine.
    pub fn params(&self) -> Params {
        Arbos(&mut self.world.state.clone()).params()
    }

    /// The activation record of a code hash; its version is 0 when there is none.
    pub fn record_of(&self, code_hash: B256) -> Record {
        Arbos(&mut self.world.state.clone()).record(code_hash)
    }

    /// Whether the program at an address can be called now.
    pub fn is_active(&self, program: Address) -> bool {
        let record = self.record_of(self.code_hash(program));
        record.active(&self.params(), self.world.time).is_ok()
    }

    // Execution.

    fn run(
        &self,
        transaction: &Transaction,
        mode: Mode,
        open: &OpenBlock,
        hash: Option<B256>,
    ) -> Result<Ran, Rejected> {
        let mut state = self.world.state.clone();
        if self.world.open.is_none() {
            Arbos(&mut state).upgrade_if_due(open.block.timestamp);
        }
        let version = Arbos(&mut state).version();
        if !transaction.authorizations.is_empty() && version < 40 {
            return Err(Rejected::Malformed("delegations need ArbOS 40".into()));
        }
        let chain_id = self.settings.chain_id;
        let default_gas = if mode.is_simulated() { SIMULATION_GAS } else { DEFAULT_GAS_LIMIT };
        let gas = transaction.gas.unwrap_or(default_gas);
        let nonce = transaction.nonce.unwrap_or_else(|| state.info(transaction.from).nonce);
        let max_fee = transaction.max_fee.unwrap_or(open.block.base_fee.into());
        let ctx = Context {
            block: block_env(&open.block),
            tx: transaction.env(chain_id, nonce, max_fee, gas),
            cfg: cfg(spec(version), chain_id, mode),
            journaled_state: journal(state, spec(version)),
            chain: context::Transaction {
                version,
                debug: self.settings.debug_imports,
                l2_number: open.block.number,
                blocks: self.world.blocks.clone(),
                recent: open.recent.clone(),
                recorder: Recorder::new(self.world.recording),
                ..context::Transaction::default()
            },
            local: LocalContext::default(),
            error: Ok(()),
        };
        let mut evm = ArbEvm::new(ctx);
        let result = ArbHandler { first_frame: mode.first_frame() }.run(&mut evm).map_err(rejected)?;
        let ctx = &mut evm.inner.ctx;
        let mut receipt = receipt(result, &mut ctx.chain, gas);
        receipt.block_number = open.block.number;
        receipt.timestamp = open.block.timestamp;
        receipt.from = transaction.from;
        receipt.to = transaction.to;
        receipt.effective_gas_price = open.block.base_fee;
        if !mode.is_simulated() {
            receipt.hash = hash.unwrap_or_else(|| transaction.unsigned_hash(chain_id, nonce, max_fee, gas));
        }
        Ok(Ran { receipt, changes: ctx.journaled_state.finalize(), recent: mem::take(&mut ctx.chain.recent) })
    }
}

/// EVM rules of an ArbOS version.
fn spec(version: u64) -> SpecId {
    match version {
        ..40 => SpecId::CANCUN,
        40..50 => SpecId::PRAGUE,
        50.. => SpecId::OSAKA,
    }
}

fn block_env(block: &Block) -> BlockEnv {
    BlockEnv {
        number: U256::from(block.l1_number),
        beneficiary: SEQUENCER,
        timestamp: U256::from(block.timestamp),
        gas_limit: BLOCK_GAS_LIMIT,
        basefee: block.base_fee,
        difficulty: U256::from(1),
        prevrandao: Some(U256::from(1).into()),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice { excess_blob_gas: 0, blob_gasprice: 1 }),
        slot_num: 0,
    }
}

fn cfg(spec: SpecId, chain_id: u64, mode: Mode) -> CfgEnv {
    let mut cfg = CfgEnv::new_with_spec(spec).with_chain_id(chain_id);
    cfg.tx_gas_limit_cap = Some(u64::MAX);
    cfg.disable_eip3541 = true;
    cfg.disable_eip7623 = true;
    cfg.disable_block_gas_limit = true;
    cfg.disable_priority_fee_check = true;
    cfg.disable_eip3607 = mode != Mode::Paid;
    cfg.disable_fee_charge = mode != Mode::Paid;
    cfg.disable_base_fee = mode != Mode::Paid;
    cfg.disable_nonce_check = mode.is_simulated();
    cfg
}

fn journal(state: State, spec: SpecId) -> Journal<State> {
    let mut journal = Journal::new(state);
    journal.set_spec_id(spec);
    journal
}

fn receipt(result: ExecutionResult, chain: &mut context::Transaction, limit: u64) -> Receipt {
    let (success, used, logs): (bool, ResultGas, Vec<Log>) = match &result {
        ExecutionResult::Success { gas, logs, .. } => (true, *gas, logs.clone()),
        ExecutionResult::Revert { gas, .. } | ExecutionResult::Halt { gas, .. } => (false, *gas, Vec::new()),
    };
    let before_refund = used.total_gas_spent();
    let refund = used.inner_refunded();
    let failure = chain.failure.take();
    let halt = match &result {
        ExecutionResult::Halt { reason, .. } => Some(halt_text(reason, failure.as_deref())),
        _ => None,
    };
    Receipt {
        success,
        contract_address: result.created_address(),
        output: result.output().cloned().unwrap_or_default(),
        halt,
        failure,
        logs,
        gas: Gas {
            limit,
            used: before_refund - refund,
            intrinsic: chain.intrinsic,
            execution: before_refund - refund - chain.intrinsic,
            execution_before_refund: before_refund - chain.intrinsic,
            refund,
        },
        frames: mem::take(&mut chain.recorder.frames),
        ..Receipt::default()
    }
}

/// A program that is not active and a failed activation say more than the EVM's reason.
fn halt_text(reason: &HaltReason, failure: Option<&str>) -> String {
    match (reason, failure) {
        (HaltReason::NotActivated | HaltReason::PrecompileError, Some(failure)) => failure.to_owned(),
        (HaltReason::OutOfGas(_), _) => "out of gas".into(),
        (reason, _) => reason.to_string(),
    }
}

fn rejected(error: EvmError) -> Rejected {
    match error {
        EvmError::Transaction(error) => match error {
            InvalidTransaction::NonceTooLow { tx, state } => Rejected::NonceTooLow { given: tx, expected: state },
            InvalidTransaction::NonceTooHigh { tx, state } => Rejected::NonceTooHigh { given: tx, expected: state },
            InvalidTransaction::LackOfFundForMaxFee { .. } => Rejected::InsufficientFunds,
            InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas, .. } => {
                Rejected::IntrinsicGas { required: initial_gas }
            }
            InvalidTransaction::GasPriceLessThanBasefee => Rejected::FeeTooLow,
            InvalidTransaction::InvalidChainId => Rejected::ChainId,
            other => Rejected::Malformed(other.to_string()),
        },
        other => Rejected::Malformed(other.to_string()),
    }
}
