//! Where a call runs: a state, and a block around it.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, TxKind, U256};
use alloy_rpc_types_eth::{
    BlockOverrides, TransactionRequest,
    state::{AccountOverride, StateOverride},
};

use super::{error::RpcError, ledger::World};
use crate::{
    block::Block,
    embedded::{Embedded, OpenBlock},
    evm::{FirstFrame, context::Recent},
    execution::{Mode, Ran},
    frames::Recording,
    state::State,
    transaction::Transaction,
};

/// Gas of a simulated call, and the most that one gets.
const CALL_GAS: u64 = 50_000_000;

/// A throw-away chain and the block in which calls run.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) chain: Embedded,
    pub(super) open: OpenBlock,
    /// The second after the last block, where it is later than the scene and nothing says when that is.
    pub(super) later: Option<u64>,
}

impl Scene {
    /// The state after a block, and that block; for `pending` the next block on top of all that waits.
    pub(super) fn at(world: &World, id: BlockId) -> Result<Self, RpcError> {
        let next_second = world.head().block.timestamp + 1;
        if id == BlockId::Number(BlockNumberOrTag::Pending) {
            let (chain, _) = world.pending();
            let open = chain.world.open.clone().unwrap_or_else(|| chain.next_block());
            let later = Some(next_second).filter(|second| *second > open.block.timestamp);
            return Ok(Self { chain, open, later });
        }
        let number = resolve(world, id)?;
        let block = world.block(number).ok_or_else(|| RpcError::not_found("header"))?.block.clone();
        let mut chain = world.chain.clone();
        chain.world.state = state_after(world, number)?.clone();
        let later = Some(next_second).filter(|_| number == world.head().block.number);
        Ok(Self { chain, open: OpenBlock { block: Block::clone(&block), recent: Recent::default() }, later })
    }

    /// As a transaction of a mined block found it: the state before, and its block up to there.
    pub(super) fn before(world: &World, number: u64, index: usize) -> Result<Self, RpcError> {
        let mined = world.block(number).ok_or_else(|| RpcError::not_found("block"))?;
        let parent = number.checked_sub(1).ok_or_else(|| RpcError::refused("genesis is not traceable"))?;
        let mut chain = world.chain.clone();
        chain.world.state = state_after(world, parent)?.clone();
        let open = OpenBlock { block: Block::clone(&mined.block), recent: Recent::default() };
        let mut scene = Self { chain, open, later: None };
        for transaction in &mined.transactions[..index] {
            let (submitted, hash) = (&transaction.submitted, transaction.submitted.hash());
            let ran = scene.chain.run(&submitted.transaction, submitted.mode, &scene.open, Some(hash))?;
            scene.chain.world.state.commit(ran.changes);
            scene.open.recent = ran.recent;
        }
        Ok(scene)
    }

    pub(super) fn with(mut self, state: StateOverride, block: &BlockOverrides) -> Result<Self, RpcError> {
        for (address, account) in state {
            override_account(&mut self.chain.world.state, address, account)?;
        }
        override_block(&mut self.open.block, block)?;
        self.later = self.later.filter(|_| block.time.is_none());
        Ok(self)
    }

    pub(super) fn recording(mut self, recording: Recording) -> Self {
        self.chain.world.recording = recording;
        self
    }

    /// Runs a call: no nonce, no fee, at most 50,000,000 gas.
    pub(super) fn call(&self, request: &TransactionRequest) -> Result<Ran, RpcError> {
        let mut transaction = draft(request, self.chain.chain_id())?;
        transaction.gas = Some(transaction.gas.unwrap_or(CALL_GAS).min(CALL_GAS));
        self.run(&transaction, Mode::Simulated(FirstFrame::Call))
    }

    pub(super) fn run(&self, transaction: &Transaction, mode: Mode) -> Result<Ran, RpcError> {
        Ok(self.chain.run(transaction, mode, &self.open, None)?)
    }
}

/// The number of a block that clients name.
pub(super) fn resolve(world: &World, id: BlockId) -> Result<u64, RpcError> {
    let head = world.head().block.number;
    match id {
        BlockId::Hash(hash) => world.number_of(hash.block_hash).ok_or_else(|| RpcError::not_found("header")),
        BlockId::Number(BlockNumberOrTag::Number(number)) if number > head => Err(RpcError::not_found("header")),
        BlockId::Number(BlockNumberOrTag::Number(number)) => Ok(number),
        BlockId::Number(BlockNumberOrTag::Earliest) => Ok(0),
        BlockId::Number(_) => Ok(head),
    }
}

pub(super) fn state_after(world: &World, number: u64) -> Result<&State, RpcError> {
    world.state_after(number).ok_or_else(|| {
        RpcError::refused(format!("missing trie node: the state after block {number} is not kept (see --history)"))
    })
}

/// Refuses a request whose fields contradict each other or the chain: whichever of them were followed, the others would be
/// ignored in silence.
pub(super) fn check(request: &TransactionRequest, chain_id: u64) -> Result<(), RpcError> {
    if request.blob_versioned_hashes.is_some() || request.sidecar.is_some() || request.max_fee_per_blob_gas.is_some() {
        return Err(RpcError::refused("blob transactions are not supported"));
    }
    if let (Some(data), Some(input)) = (&request.input.data, &request.input.input)
        && data != input
    {
        return Err(RpcError::params("data and input are given and differ"));
    }
    let (fee, tip) = (request.max_fee_per_gas, request.max_priority_fee_per_gas);
    if request.gas_price.is_some() && (fee.is_some() || tip.is_some()) {
        return Err(RpcError::params("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified"));
    }
    if let (Some(fee), Some(tip)) = (fee, tip)
        && fee < tip
    {
        return Err(RpcError::params(format_args!("maxFeePerGas ({fee}) < maxPriorityFeePerGas ({tip})")));
    }
    if let Some(given) = request.chain_id.filter(|id| *id != chain_id) {
        return Err(RpcError::params(format_args!("chainId does not match node's (have={given}, want={chain_id})")));
    }
    if request.authorization_list.is_some() && !matches!(request.to, Some(TxKind::Call(_))) {
        return Err(RpcError::params("a transaction with an authorization list cannot create a contract"));
    }
    check_type(request)
}

/// The type that a request names, against its fields.
fn check_type(request: &TransactionRequest) -> Result<(), RpcError> {
    let Some(kind) = request.transaction_type else {
        return Ok(());
    };
    let dynamic = request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some();
    let (list, delegates) = (request.access_list.is_some(), request.authorization_list.is_some());
    let contradicts = match kind {
        0 => dynamic || list || delegates,
        1 => dynamic || delegates,
        2 => request.gas_price.is_some() || delegates,
        4 => request.gas_price.is_some(),
        _ => return Err(RpcError::refused(format!("transaction type not supported: {kind}"))),
    };
    match contradicts {
        true => Err(RpcError::params(format_args!("type {kind} does not go with the fields of another type"))),
        false => Ok(()),
    }
}

/// The transaction that a request describes, as far as it does.
pub(super) fn draft(request: &TransactionRequest, chain_id: u64) -> Result<Transaction, RpcError> {
    check(request, chain_id)?;
    Ok(Transaction {
        from: request.from.unwrap_or_default(),
        to: request.to.and_then(|to| to.to().copied()),
        value: request.value.unwrap_or_default(),
        data: request.input.input().cloned().unwrap_or_default(),
        gas: request.gas,
        nonce: request.nonce,
        max_fee: None,
        access_list: request.access_list.clone().unwrap_or_default(),
        authorizations: request.authorization_list.clone().unwrap_or_default(),
        signed: Default::default(),
    })
}

pub(super) fn override_account(state: &mut State, address: Address, account: AccountOverride) -> Result<(), RpcError> {
    if account.move_precompile_to.is_some() {
        return Err(RpcError::refused("movePrecompileToAddress is not supported"));
    }
    if account.state.is_some() && account.state_diff.is_some() {
        return Err(RpcError::params(format_args!("account {address} has both state and stateDiff")));
    }
    if let Some(balance) = account.balance {
        state.set_balance(address, balance);
    }
    if let Some(nonce) = account.nonce {
        state.set_nonce(address, nonce);
    }
    if let Some(code) = account.code {
        state.set_code(address, code);
    }
    if account.state.is_some() {
        state.clear_storage(address);
    }
    for (slot, word) in account.state.or(account.state_diff).unwrap_or_default() {
        state.set_storage(address, slot.into(), word.into());
    }
    Ok(())
}

pub(super) fn override_block(block: &mut Block, overrides: &BlockOverrides) -> Result<(), RpcError> {
    let BlockOverrides { number, time, base_fee, gas_limit, coinbase, random, .. } = overrides.clone();
    let known = BlockOverrides { number, time, base_fee, gas_limit, coinbase, random, ..Default::default() };
    if *overrides != known {
        return Err(RpcError::refused("block overrides of difficulty, blob fee and block hashes are not supported"));
    }
    let short = |word: U256| u64::try_from(word).map_err(|_| RpcError::params("a block override is too large"));
    if let Some(number) = number {
        // NUMBER speaks of L1 on Arbitrum.
        block.l1_number = short(number)?;
    }
    if let Some(time) = time {
        block.timestamp = time;
    }
    if let Some(base_fee) = base_fee {
        block.base_fee = short(base_fee)?;
    }
    block.gas_limit = gas_limit.unwrap_or(block.gas_limit);
    block.coinbase = coinbase.unwrap_or(block.coinbase);
    block.prev_randao = random.unwrap_or(block.prev_randao);
    Ok(())
}
