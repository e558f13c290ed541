//! A transaction around the frame loop: what Arbitrum does differently with gas and fees.

use std::convert::Infallible;

use alloy_primitives::U256;
use revm::{
    context::result::{EVMError, HaltReason, InvalidTransaction},
    context_interface::{Cfg, ContextTr, JournalTr, LocalContextTr, journaled_state::account::JournaledAccountTr},
    handler::{EvmTr, FrameResult, Handler, execution::create_init_frame, handle_reservoir_remaining_gas, validation},
    interpreter::{FrameInput, GasTracker, InitialAndFloorGas, SharedMemory, interpreter_action::FrameInit},
};

use super::ArbEvm;
use crate::{arbos::Arbos, l1::POSTER_FUNDS};

/// Largest deployed code, bytes.
pub(crate) const MAX_CODE_SIZE: u32 = 24_576;
/// Gas a transaction can use; the rest is held back and returned.
pub(crate) const MAX_TX_GAS: u64 = 32_000_000;

pub(crate) type EvmError = EVMError<Infallible, InvalidTransaction>;

/// How the outermost frame opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstFrame {
    /// A transaction: gas above the limit is held back.
    Transaction,
    /// A simulated call: all its gas is usable.
    Call,
    /// A simulated call that may not write.
    StaticCall,
}

/// Arbitrum's flow of a transaction.
pub(crate) struct ArbHandler {
    pub(crate) first_frame: FirstFrame,
}

impl ArbHandler {
    /// Gas the first frame may use at most (6.3).
    fn cap(&self, evm: &ArbEvm) -> u64 {
        let chain = &evm.inner.ctx.chain;
        match self.first_frame {
            FirstFrame::Call | FirstFrame::StaticCall => u64::MAX,
            FirstFrame::Transaction if chain.version >= 50 => MAX_TX_GAS.saturating_sub(chain.intrinsic),
            FirstFrame::Transaction => MAX_TX_GAS,
        }
    }
}

impl Handler for ArbHandler {
    type Evm = ArbEvm;
    type Error = EvmError;
    type HaltReason = HaltReason;

    fn validate_initial_tx_gas(&self, evm: &mut ArbEvm) -> Result<InitialAndFloorGas, EvmError> {
        let ctx = evm.ctx();
        let gas = validation::validate_initial_tx_gas_with_gas_params(
            &ctx.tx,
            ctx.cfg.spec,
            &ctx.cfg.gas_params,
            true,
            false,
            ctx.cfg.tx_gas_limit_cap(),
            None,
        )?;
        ctx.chain.intrinsic = gas.initial_total_gas();
        Ok(gas)
    }

    fn first_frame_input(&mut self, evm: &mut ArbEvm, gas: &mut GasTracker) -> Result<Option<FrameInit>, EvmError> {
        let chain = &evm.inner.ctx.chain;
        let Some(left) = gas.remaining().checked_sub(chain.l1_gas) else {
            return Err(EVMError::Transaction(InvalidTransaction::CallGasCostMoreThanGasLimit {
                initial_gas: chain.intrinsic + chain.l1_gas,
                gas_limit: evm.inner.ctx.tx.gas_limit,
            }));
        };
        let usable = left.min(self.cap(evm));
        evm.held_back = left - usable;
        let ctx = evm.ctx();
        let mut memory = SharedMemory::new_with_buffer(ctx.local.shared_memory_buffer().clone());
        memory.set_memory_limit(ctx.cfg.memory_limit);
        let mut usable = GasTracker::new(usable, usable, 0);
        let Some(mut frame_input) = create_init_frame(ctx, &mut usable)? else {
            return Ok(None);
        };
        if let (FirstFrame::StaticCall, FrameInput::Call(call)) = (self.first_frame, &mut frame_input) {
            call.is_static = true;
        }
        Ok(Some(FrameInit { depth: 0, memory, frame_input }))
    }

    fn last_frame_result(
        &mut self,
        evm: &mut ArbEvm,
        result: &mut FrameResult,
        gas: &mut GasTracker,
    ) -> Result<(), EvmError> {
        gas.spend_all();
        handle_reservoir_remaining_gas(result.instruction_result(), gas, result.gas_mut().tracker_mut());
        gas.erase_cost(std::mem::take(&mut evm.held_back));
        *result.gas_mut().tracker_mut() = *gas;
        Ok(())
    }

    /// Gas for L1 is never given back: it does not count for the share that refunds may have.
    fn refund(&self, evm: &mut ArbEvm, result: &mut FrameResult, delegations: i64) -> Result<(), EvmError> {
        let ctx = evm.ctx();
        let quotient = ctx.cfg.gas_params.max_refund_quotient();
        let gas = result.gas_mut();
        gas.record_refund(delegations);
        let most = gas.total_gas_spent().saturating_sub(ctx.chain.l1_gas) / quotient;
        gas.set_refund(gas.refunded().min(most as i64));
        Ok(())
    }

    /// The base fee is paid to the network fee account; a tip does not exist.
    fn reward_beneficiary(&self, evm: &mut ArbEvm, result: &mut FrameResult) -> Result<(), EvmError> {
        let ctx = evm.ctx();
        if ctx.cfg.is_fee_charge_disabled() {
            return Ok(());
        }
        let account = Arbos(ctx).network_fee_account();
        let (used, l1) = (result.gas().used(), ctx.chain.l1_gas);
        let price = U256::from(ctx.block.basefee);
        let fee = price * U256::from(used.saturating_sub(l1));
        ctx.journal_mut().load_account_mut(account)?.incr_balance(fee);
        if l1 > 0 {
            ctx.journal_mut().load_account_mut(POSTER_FUNDS)?.incr_balance(price * U256::from(l1));
        }
        Ok(())
    }
}
