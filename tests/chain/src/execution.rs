//! One transaction through the EVM.

use std::mem;

use alloy_primitives::{B256, Log, U256};
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

use crate::{
    arbos::Arbos,
    block::Block,
    embedded::{Embedded, OpenBlock},
    evm::{
        ArbEvm, ArbHandler, EvmError, FirstFrame,
        context::{self, Recent},
    },
    frames::Recorder,
    l1,
    receipt::{Gas, Receipt, Rejected},
    state::State,
    transaction::{DEFAULT_GAS_LIMIT, Transaction},
};

/// Gas of a simulated call when none is given.
const SIMULATION_GAS: u64 = 50_000_000;

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
pub(crate) struct Ran {
    pub(crate) receipt: Receipt,
    pub(crate) changes: EvmState,
    pub(crate) recent: Recent,
}

impl Embedded {
    /// Runs a transaction on top of the state, in the block that is open; changes nothing itself.
    pub(crate) fn run(
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
        if mode == Mode::Free && state.info(transaction.from).balance < transaction.value {
            return Err(Rejected::InsufficientFunds);
        }
        let chain_id = self.settings.chain_id;
        let default_gas = if mode.is_simulated() { SIMULATION_GAS } else { DEFAULT_GAS_LIMIT };
        let gas = transaction.gas.unwrap_or(default_gas);
        let nonce = transaction.nonce.unwrap_or_else(|| state.info(transaction.from).nonce);
        let max_fee = transaction.max_fee.unwrap_or(open.block.base_fee.into());
        let price = Arbos(&mut state).l1_price();
        let l1_gas = match (mode, transaction.signed.is_empty()) {
            (Mode::Free | Mode::Simulated(FirstFrame::Call | FirstFrame::StaticCall), _) => 0,
            (Mode::Paid, false) => l1::gas(&transaction.signed, price, open.block.base_fee),
            _ => l1::estimated_gas(transaction, price, open.block.base_fee),
        };
        let ctx = Context {
            block: block_env(&open.block),
            tx: transaction.env(chain_id, nonce, max_fee, gas),
            cfg: cfg(spec(version), chain_id, mode),
            journaled_state: journal(state, spec(version)),
            chain: context::Transaction {
                version,
                debug: self.settings.debug_imports,
                l2_number: open.block.number,
                l1_gas,
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
        beneficiary: block.coinbase,
        timestamp: U256::from(block.timestamp),
        gas_limit: block.gas_limit,
        basefee: block.base_fee,
        difficulty: U256::from(1),
        prevrandao: Some(block.prev_randao),
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
            execution: (before_refund - refund).saturating_sub(chain.intrinsic + chain.l1_gas),
            execution_before_refund: before_refund.saturating_sub(chain.intrinsic + chain.l1_gas),
            refund,
        },
        frames: mem::take(&mut chain.recorder.frames),
        truncated: chain.recorder.truncated,
        gas_used_for_l1: chain.l1_gas,
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
