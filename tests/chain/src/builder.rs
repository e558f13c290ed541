//! Settings of a new chain.

use std::sync::Arc;

use alloy_primitives::{B256, Bloom, U256};
use rpds::{HashTrieMapSync, HashTrieSetSync, VectorSync};
use stylus_vm::ARBOS_VERSIONS;

use crate::{
    arbos::{Arbos, Params},
    block::{BLOCK_GAS_LIMIT, Block, PREV_RANDAO, SEQUENCER},
    chain::Chain,
    embedded::{Embedded, World},
    frames::Recording,
    genesis::genesis,
    origin::Beginning,
    state::State,
};

/// Settings of a new chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainBuilder {
    arbos: u64,
    pub(crate) chain_id: u64,
    pub(crate) timestamp: u64,
    base_fee: u64,
    pub(crate) l1_number: u64,
    pub(crate) debug_imports: bool,
    expiry_days: Option<u16>,
    l1_price: U256,
    pub(crate) keeps_history: bool,
    recording: Recording,
}

impl Default for ChainBuilder {
    fn default() -> Self {
        Self {
            arbos: stylus_vm::ARBOS_CURRENT,
            chain_id: 412_346,
            timestamp: 1_700_000_000,
            base_fee: 100_000_000,
            l1_number: 18_500_000,
            debug_imports: false,
            expiry_days: None,
            l1_price: U256::ZERO,
            keeps_history: true,
            recording: Recording::None,
        }
    }
}

impl ChainBuilder {
    /// ArbOS version, one of [`ARBOS_VERSIONS`]; that of Arbitrum One, 61, by default.
    ///
    /// # Panics
    ///
    /// If it is none of these.
    pub fn arbos(mut self, version: u64) -> Self {
        assert!(ARBOS_VERSIONS.contains(&version), "no rules for ArbOS {version}");
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

    /// Wei per unit of a transaction's bytes on L1, 16 units a byte after compression; 0 by default, so that gas used is that of the
    /// execution alone.
    pub fn l1_price(mut self, wei: U256) -> Self {
        self.l1_price = wei;
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
        Chain::over(Box::new(self.build_embedded()))
    }

    /// The chain in this process, without the typed API around it.
    pub(crate) fn build_embedded(self) -> Embedded {
        let mut state = genesis(self.arbos, self.chain_id);
        let mut arbos = Arbos(&mut state);
        if let Some(days) = self.expiry_days {
            let params = Params { expiry_days: days, ..arbos.params() };
            arbos.set_params(&params);
        }
        if !self.l1_price.is_zero() {
            arbos.set_l1_price(self.l1_price);
        }
        self.over(state)
    }

    /// A chain whose first block has this state.
    pub(crate) fn over(self, state: State) -> Embedded {
        let mut head = Block {
            number: 0,
            hash: B256::ZERO,
            parent_hash: B256::ZERO,
            timestamp: self.timestamp,
            l1_number: self.l1_number,
            base_fee: self.base_fee,
            gas_used: 0,
            gas_limit: BLOCK_GAS_LIMIT,
            coinbase: SEQUENCER,
            prev_randao: PREV_RANDAO,
            logs_bloom: Bloom::ZERO,
            transactions: Vec::new(),
        };
        head.hash = head.header(self.arbos).hash_slow();
        self.with_head(state, head)
    }

    /// A chain that goes on from another one's block.
    pub(crate) fn forked(self, beginning: Beginning) -> Embedded {
        let Beginning { origin, block, chain_id } = beginning;
        let builder =
            self.chain_id(chain_id).timestamp(block.timestamp).l1_number(block.l1_number).base_fee(block.base_fee);
        builder.with_head(State::behind(origin), block)
    }

    /// A chain whose newest block is `head`.
    fn with_head(self, state: State, head: Block) -> Embedded {
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
            gas_limit: BLOCK_GAS_LIMIT,
            coinbase: SEQUENCER,
            prev_randao: None,
            recording: self.recording,
        };
        Embedded::with(self, world)
    }
}
