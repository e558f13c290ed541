//! The least gas limit with which a transaction succeeds.

use alloy_primitives::U256;

use super::{error::RpcError, scene::Scene};
use crate::{
    evm::{FirstFrame, MAX_TX_GAS},
    execution::Mode,
    receipt::Receipt,
    transaction::Transaction,
};

/// Searches exactly: a call keeps a 64th of the gas back from what it calls, so what was used may not be enough.
pub(super) fn estimate(scene: &Scene, transaction: &Transaction, max_fee: Option<u128>) -> Result<u64, RpcError> {
    let cap = affordable(scene, transaction, max_fee)?;
    let first = run(scene, transaction, cap)?;
    if !first.success {
        return Err(match first.halt.as_deref() {
            Some("out of gas") => RpcError::refused(format!("gas required exceeds allowance ({cap})")),
            _ => RpcError::of(&first),
        });
    }
    // Refunds come at the end only: before, they are needed in full.
    let used = first.gas.used + first.gas.refund;
    let (mut fails, mut succeeds) = (used.saturating_sub(1), cap);
    for guess in [used, used + used / 63 + 2_300] {
        if guess > fails && guess < succeeds {
            let fits = run(scene, transaction, guess).is_ok_and(|receipt| receipt.success);
            if fits { succeeds = guess } else { fails = guess }
        }
    }
    while succeeds - fails > 1 {
        let middle = fails + (succeeds - fails) / 2;
        let fits = run(scene, transaction, middle).is_ok_and(|receipt| receipt.success);
        if fits { succeeds = middle } else { fails = middle }
    }
    Ok(succeeds)
}

/// What a transaction can use and its sender can pay.
fn affordable(scene: &Scene, transaction: &Transaction, max_fee: Option<u128>) -> Result<u64, RpcError> {
    let wanted = transaction.gas.unwrap_or(MAX_TX_GAS).min(MAX_TX_GAS);
    let balance = scene.chain.balance(transaction.from);
    let rest = balance.checked_sub(transaction.value);
    let rest = rest.ok_or_else(|| RpcError::refused("insufficient funds for transfer"))?;
    match rest.checked_div(U256::from(max_fee.unwrap_or_default())) {
        Some(gas) => Ok(u64::try_from(gas).unwrap_or(u64::MAX).min(wanted)),
        None => Ok(wanted),
    }
}

fn run(scene: &Scene, transaction: &Transaction, gas: u64) -> Result<Receipt, RpcError> {
    let transaction = Transaction { gas: Some(gas), ..transaction.clone() };
    scene.run(&transaction, Mode::Simulated(FirstFrame::Transaction)).map(|ran| ran.receipt)
}
