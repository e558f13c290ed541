//! The least gas limit with which a transaction succeeds.

use alloy_primitives::U256;

use super::{error::RpcError, scene::Scene};
use crate::{
    embedded::OpenBlock,
    evm::{FirstFrame, MAX_TX_GAS},
    execution::Mode,
    receipt::{Receipt, Rejected},
    transaction::Transaction,
};

/// Searches exactly: a call keeps a 64th of the gas back from what it calls, so what was used may not be enough.
///
/// Blocks may share a second, and what grows with time costs more a second later, when the transaction is more likely to run: so the
/// estimate is enough then too, unless the transaction fails there for other reasons.
pub(super) fn estimate(scene: &Scene, transaction: &Transaction, max_fee: Option<u128>) -> Result<u64, RpcError> {
    let allowance = affordable(scene, transaction, max_fee)?;
    let now = Search { scene, open: &scene.open, transaction };
    let gas = now.least(&allowance)?;
    let Some(later) = scene.later else {
        return Ok(gas);
    };
    let mut open = scene.open.clone();
    open.block.timestamp = later;
    let then = Search { open: &open, ..now };
    match then.fits(gas) {
        true => Ok(gas),
        false => Ok(then.least(&allowance).map_or(gas, |least| least.max(gas))),
    }
}

/// What a transaction may use.
struct Allowance {
    gas: u64,
    /// It is the sender's balance that allows for no more.
    by_balance: bool,
}

impl Allowance {
    /// In words that clients know: of funds where those are what is missing.
    fn exceeded(&self) -> RpcError {
        let gas = self.gas;
        match self.by_balance {
            true => RpcError::refused(format!("{}: the balance pays for {gas} gas", Rejected::InsufficientFunds)),
            false => RpcError::refused(format!("gas required exceeds allowance ({gas})")),
        }
    }
}

/// What a transaction can use and its sender can pay.
fn affordable(scene: &Scene, transaction: &Transaction, max_fee: Option<u128>) -> Result<Allowance, RpcError> {
    let most = MAX_TX_GAS.min(scene.open.block.gas_limit);
    let wanted = transaction.gas.unwrap_or(most).min(most);
    let balance = scene.chain.balance(transaction.from);
    let rest = balance.checked_sub(transaction.value);
    let rest = rest.ok_or_else(|| RpcError::refused("insufficient funds for transfer"))?;
    let paid = rest.checked_div(U256::from(max_fee.unwrap_or_default()));
    Ok(match paid.filter(|gas| *gas < U256::from(wanted)) {
        Some(gas) => Allowance { gas: gas.to(), by_balance: true },
        None => Allowance { gas: wanted, by_balance: false },
    })
}

/// One transaction in one block, with different limits.
#[derive(Clone, Copy)]
struct Search<'a> {
    scene: &'a Scene,
    open: &'a OpenBlock,
    transaction: &'a Transaction,
}

impl Search<'_> {
    fn least(&self, allowance: &Allowance) -> Result<u64, RpcError> {
        let first = match self.run(allowance.gas) {
            Err(Rejected::IntrinsicGas { .. }) if allowance.by_balance => return Err(allowance.exceeded()),
            ran => ran?,
        };
        if !first.success {
            return Err(match first.halt.as_deref() {
                Some("out of gas") => allowance.exceeded(),
                _ => RpcError::of(&first),
            });
        }
        // Refunds come at the end only: before, they are needed in full.
        let used = first.gas.used + first.gas.refund;
        let (mut fails, mut succeeds) = (used.saturating_sub(1), allowance.gas);
        for guess in [used, used + used / 63 + 2_300] {
            if guess > fails && guess < succeeds {
                if self.fits(guess) { succeeds = guess } else { fails = guess }
            }
        }
        while succeeds - fails > 1 {
            let middle = fails + (succeeds - fails) / 2;
            if self.fits(middle) { succeeds = middle } else { fails = middle }
        }
        Ok(succeeds)
    }

    fn fits(&self, gas: u64) -> bool {
        self.run(gas).is_ok_and(|receipt| receipt.success)
    }

    fn run(&self, gas: u64) -> Result<Receipt, Rejected> {
        let transaction = Transaction { gas: Some(gas), ..self.transaction.clone() };
        let mode = Mode::Simulated(FirstFrame::Transaction);
        self.scene.chain.run(&transaction, mode, self.open, None).map(|ran| ran.receipt)
    }
}
