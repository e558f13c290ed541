//! What a transaction pays for its bytes on L1, as gas of its own (stylus-vm.md 7).
//!
//! Its bytes are compressed; each byte that is left counts 16 units, and the chain's owner sets wei per unit: 0 unless told otherwise.

use alloy_primitives::{Address, U256, address, keccak256};

use crate::transaction::Transaction;

/// Who gets what is paid for L1.
pub(crate) const POSTER_FUNDS: Address = address!("A4B00000000000000000000000000000000000F6");

const UNITS_PER_BYTE: u64 = 16;
/// What an estimate adds, since the signature is not known yet: units, then percent of units, then percent of the price.
const PADDING_UNITS: u64 = 256;
const PADDING_PERCENT: u64 = 1;
const PRICE_PERCENT: u64 = 10;

/// Gas for the bytes of a signed transaction, rounded down.
pub(crate) fn gas(signed: &[u8], price: U256, base_fee: u64) -> u64 {
    if price.is_zero() {
        return 0;
    }
    to_gas(units(signed), price, base_fee)
}

/// Gas for a transaction that is not signed yet, with a margin; rounded down.
pub(crate) fn estimated_gas(transaction: &Transaction, price: U256, base_fee: u64) -> u64 {
    if price.is_zero() {
        return 0;
    }
    // A signature does not compress; neither does this.
    let noise = keccak256(&transaction.data);
    let bytes = [&transaction.placeholder_bytes()[..], noise.as_slice(), keccak256(noise).as_slice()].concat();
    let units = (units(&bytes) + PADDING_UNITS) * (100 + PADDING_PERCENT) / 100;
    to_gas(units, price * U256::from(100 + PRICE_PERCENT) / U256::from(100), base_fee)
}

fn units(bytes: &[u8]) -> u64 {
    UNITS_PER_BYTE * stylus_vm::module::fast_compressed_len(bytes) as u64
}

fn to_gas(units: u64, price: U256, base_fee: u64) -> u64 {
    let wei = U256::from(units).saturating_mul(price);
    wei.checked_div(U256::from(base_fee)).map_or(0, |gas| gas.saturating_to())
}
