//! `eth_simulateV1`: blocks that never were, one on top of the other.

use std::sync::Arc;

use alloy_consensus::{SignableTransaction, TxEnvelope};
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Log, LogData, U64, U256, address, b256};
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest, state::StateOverride};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    error::RpcError,
    json,
    ledger::{Mined, MinedTransaction, World},
    pool::Submitted,
    scene,
};
use crate::{
    embedded::{Embedded, OpenBlock},
    evm::{FirstFrame, MAX_TX_GAS},
    execution::Mode,
    frames::{Frame, FrameKind, Recording},
    receipt::Receipt,
    transaction::placeholder,
};

/// Blocks and calls of one request.
const BLOCK_LIMIT: usize = 256;
const CALL_LIMIT: usize = 5_000;

/// Who logs the transfers of ether, and how (ERC-7528, ERC-20).
const ETHER: Address = address!("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// What is to be simulated.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Simulation {
    block_state_calls: Vec<BlockCalls>,
    /// Adds a log for each transfer of ether.
    #[serde(default)]
    trace_transfers: bool,
    /// Nonces, balances and fees count as in transactions.
    #[serde(default)]
    validation: bool,
    #[serde(default)]
    return_full_transactions: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct BlockCalls {
    block_overrides: Option<BlockOverrides>,
    state_overrides: Option<StateOverride>,
    calls: Vec<TransactionRequest>,
}

/// Simulates all blocks after `id`. Each is a second later than the one before, unless it says otherwise.
pub(super) fn run(world: &World, simulation: &Simulation, id: BlockId) -> Result<Value, RpcError> {
    let blocks = &simulation.block_state_calls;
    let calls: usize = blocks.iter().map(|block| block.calls.len()).sum();
    if blocks.len() > BLOCK_LIMIT || calls > CALL_LIMIT {
        return Err(RpcError::limit(format!("at most {BLOCK_LIMIT} blocks with {CALL_LIMIT} calls at a time")));
    }
    let mut chain = base(world, id)?;
    let answers = blocks.iter().map(|block| {
        let time = chain.head().timestamp + 1;
        chain.set_time(time.max(chain.timestamp()));
        simulate_block(&mut chain, simulation, block)
    });
    answers.collect::<Result<Vec<_>, _>>().map(Value::Array)
}

/// A chain that ends with block `id`.
fn base(world: &World, id: BlockId) -> Result<Embedded, RpcError> {
    if id == BlockId::Number(BlockNumberOrTag::Pending) {
        let (mut chain, included) = world.pending();
        if !included.is_empty() {
            chain.mine();
        }
        return Ok(chain);
    }
    let number = scene::resolve(world, id)?;
    let block = world.block(number).ok_or_else(|| RpcError::not_found("header"))?.block.clone();
    let mut chain = world.chain.clone();
    chain.world.state = scene::state_after(world, number)?.clone();
    chain.world.time = block.timestamp;
    chain.world.head = block;
    Ok(chain)
}

fn simulate_block(chain: &mut Embedded, simulation: &Simulation, wanted: &BlockCalls) -> Result<Value, RpcError> {
    let mut open = chain.next_block();
    if let Some(overrides) = &wanted.block_overrides {
        override_header(&mut open, overrides, chain.head().timestamp)?;
        chain.world.time = open.block.timestamp;
    }
    for (address, account) in wanted.state_overrides.iter().flatten() {
        scene::override_account(&mut chain.world.state, *address, account.clone())?;
    }
    if simulation.trace_transfers {
        chain.world.recording = Recording::Frames;
    }
    let (mut transactions, mut answers) = (Vec::new(), Vec::new());
    let (mut cumulative_gas, mut first_log) = (0, 0);
    for (index, request) in wanted.calls.iter().enumerate() {
        let (submitted, receipt) = call(chain, &mut open, simulation, request)?;
        cumulative_gas += receipt.gas.used;
        let logs = receipt.logs.len();
        let receipt = Arc::new(receipt);
        transactions.push(MinedTransaction { submitted, receipt, index, cumulative_gas, first_log });
        first_log += logs;
    }
    chain.world.open = Some(open);
    let mined = Mined { block: chain.mine(), arbos: chain.arbos_version(), transactions };
    for own in &mined.transactions {
        answers.push(outcome(&mined, own));
    }
    let mut shown = json::block(&mined, simulation.return_full_transactions);
    shown["calls"] = Value::Array(answers);
    Ok(shown)
}

fn override_header(open: &mut OpenBlock, overrides: &BlockOverrides, latest: u64) -> Result<(), RpcError> {
    let next = open.block.number;
    if let Some(number) = overrides.number.filter(|number| *number != U256::from(next)) {
        return Err(RpcError::params(format_args!("blocks follow each other: block {next} comes next, not {number}")));
    }
    if let Some(time) = overrides.time.filter(|time| *time < latest) {
        return Err(RpcError::params(format_args!("time {time} lies before that of the block before, {latest}")));
    }
    // The number is the block's own here; that of L1, which NUMBER tells, follows the time.
    scene::override_block(&mut open.block, &BlockOverrides { number: None, ..overrides.clone() })
}

/// Runs one call in the open block, and keeps what it changed.
fn call(
    chain: &mut Embedded,
    open: &mut OpenBlock,
    simulation: &Simulation,
    request: &TransactionRequest,
) -> Result<(Arc<Submitted>, Receipt), RpcError> {
    let chain_id = chain.chain_id();
    let mut draft = scene::draft(request, chain_id)?;
    let left = open.block.gas_limit.saturating_sub(open.block.gas_used).min(MAX_TX_GAS);
    let gas = draft.gas.unwrap_or(left);
    let nonce = draft.nonce.unwrap_or_else(|| chain.nonce(draft.from));
    let fee = request.gas_price.or(request.max_fee_per_gas).unwrap_or(open.block.base_fee.into());
    (draft.gas, draft.nonce, draft.max_fee) = (Some(gas), Some(nonce), Some(fee));
    let mode = if simulation.validation { Mode::Paid } else { Mode::Simulated(FirstFrame::Transaction) };

    let ran = chain.run(&draft, mode, open, None)?;
    chain.world.state.commit(ran.changes);
    open.recent = ran.recent;
    let mut receipt = ran.receipt;
    if simulation.trace_transfers {
        receipt.logs = with_transfers(&receipt);
    }
    let unsigned = draft.unsigned(chain_id, nonce, fee, gas);
    let envelope = TxEnvelope::from(unsigned.into_signed(placeholder(draft.from)));
    let submitted = Arc::new(Submitted { envelope, transaction: draft, mode });
    receipt.hash = submitted.hash();
    open.block.gas_used += receipt.gas.used;
    open.block.transactions.push(receipt.hash);
    receipt.logs.iter().for_each(|log| open.block.logs_bloom.accrue_log(log));
    Ok((submitted, receipt))
}

fn outcome(mined: &Mined, own: &MinedTransaction) -> Value {
    let receipt = &own.receipt;
    let mut answer = json!({
        "status": U64::from(u64::from(receipt.success)),
        "returnData": receipt.output,
        "gasUsed": U64::from(receipt.gas.used),
        "logs": json::logs(mined, own),
    });
    if !receipt.success {
        answer["error"] = RpcError::of(receipt).to_json();
    }
    answer
}

/// The logs, and in between one for each transfer of ether that stayed.
fn with_transfers(receipt: &Receipt) -> Vec<Log> {
    let mut logs = Vec::new();
    if receipt.success && !receipt.frames.is_empty() {
        let mut children = vec![Vec::new(); receipt.frames.len()];
        for (index, frame) in receipt.frames.iter().enumerate() {
            frame.parent.into_iter().for_each(|parent| children[parent].push(index));
        }
        walk(&receipt.frames, &children, 0, &mut logs);
    }
    logs
}

/// Calls nest at most 1,024 deep.
fn walk(frames: &[Frame], children: &[Vec<usize>], index: usize, logs: &mut Vec<Log>) {
    let frame = &frames[index];
    if !frame.success {
        return;
    }
    if !frame.value.is_zero() && !matches!(frame.kind, FrameKind::DelegateCall | FrameKind::CallCode) {
        let topics = vec![TRANSFER, frame.from.into_word(), frame.to.into_word()];
        let data = LogData::new_unchecked(topics, B256::from(frame.value).into());
        logs.push(Log { address: ETHER, data });
    }
    let mut own = frame.logs.iter().peekable();
    for (position, child) in children[index].iter().enumerate() {
        while let Some(next) = own.next_if(|log| log.position <= position) {
            logs.push(next.log.clone());
        }
        walk(frames, children, *child, logs);
    }
    logs.extend(own.map(|next| next.log.clone()));
}
