//! Signs transactions as a wallet does, and sends the raw bytes.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, TxKind, U256};
use alloy_sol_types::SolCall;
use chain::{Account, Cause, Chain, Receipt, Reverted, Sent};

/// Gas limit of a signed transaction: ample for any call of the pool.
const GAS_LIMIT: u64 = 5_000_000;

/// Calls a function by a signed transaction (EIP-1559).
///
/// # Errors
///
/// If the call fails.
pub fn call<C: SolCall>(
    chain: &mut Chain,
    account: &Account,
    to: Address,
    call: &C,
) -> Result<Sent<C::Return>, Reverted> {
    let receipt = send(chain, account, to, call.abi_encode())?;
    match C::abi_decode_returns(&receipt.output) {
        Ok(ret) => Ok(Sent { ret, receipt }),
        Err(_) => {
            Err(Reverted { cause: Cause::Undecodable, data: receipt.output.clone(), receipt: Some(Box::new(receipt)) })
        }
    }
}

/// Sends any call data by a signed transaction (EIP-1559).
///
/// # Errors
///
/// If the call fails.
pub fn send(chain: &mut Chain, account: &Account, to: Address, data: Vec<u8>) -> Result<Receipt, Reverted> {
    let transaction = TxEip1559 {
        chain_id: chain.chain_id(),
        nonce: chain.nonce(account.address()),
        gas_limit: GAS_LIMIT,
        max_fee_per_gas: chain.base_fee().into(),
        max_priority_fee_per_gas: 0,
        to: TxKind::Call(to),
        value: U256::ZERO,
        access_list: Default::default(),
        input: data.into(),
    };
    let signature = account.sign(transaction.signature_hash());
    let raw = TxEnvelope::from(transaction.into_signed(signature)).encoded_2718();
    let receipt = chain.send_raw(&raw)?;
    if receipt.success {
        return Ok(receipt);
    }
    let cause = receipt.halt.clone().map_or(Cause::Revert, Cause::Halt);
    Err(Reverted { cause, data: receipt.output.clone(), receipt: Some(Box::new(receipt)) })
}
