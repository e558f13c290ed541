//! Prices of host calls (section 3.1). In ink unless the name says gas.

/// Every host call.
pub(super) const HOST: u64 = 8_400;
/// One pointer argument.
pub(super) const POINTER: u64 = 5_040;
/// Crossing to the EVM side.
pub(super) const CROSSING: u64 = 59_673;

pub(super) const DIV: u64 = 20_000;
pub(super) const ADD_MOD: u64 = 21_000;
pub(super) const MUL_MOD: u64 = 24_100;

pub(super) const COLD_SLOAD_GAS: u64 = 2_100;
/// What must be left for a storage operation beyond what it costs: the largest tier.
pub(super) const TIER_RESERVE_GAS: u64 = 10;
/// EIP-2200's sentry.
pub(super) const SSTORE_SENTRY_GAS: u64 = 2_300;
pub(super) const TRANSIENT_GAS: u64 = 100;
pub(super) const COLD_ACCOUNT_GAS: u64 = 2_600;
/// Per code size limit of the EVM, on reading another account's code.
pub(super) const CODE_GAS: u64 = 700;
/// The EVM's own limit of code size, bytes.
pub(super) const EVM_MAX_CODE_SIZE: u32 = 24_576;
const LOG_TOPIC_GAS: u64 = 375;
const LOG_DATA_GAS: u64 = 8;

/// `bytes` from guest memory.
pub(super) fn read(bytes: u32) -> u64 {
    16_381 + 55 * u64::from(bytes.saturating_sub(32))
}

/// `bytes` to guest memory.
pub(super) fn write(bytes: u32) -> u64 {
    5_040 + 30 * u64::from(bytes.saturating_sub(32))
}

/// Hash of `bytes`. Host call and pointers included.
pub(super) fn keccak(bytes: u32) -> u64 {
    121_800 + 21_000 * u64::from(bytes.div_ceil(32).saturating_sub(2))
}

/// Power with an exponent of so many significant bytes.
pub(super) fn pow(exponent_bytes: usize) -> u64 {
    3_000 + 17_500 * (exponent_bytes as u64 + 1)
}

/// Log of `topics` topics and `data` further bytes.
pub(super) fn log_gas(topics: u32, data: u32) -> u64 {
    LOG_TOPIC_GAS * (1 + u64::from(topics)) + LOG_DATA_GAS * u64::from(data)
}

/// The n-th load of a frame, counted from 1.
pub(super) fn load_tier_gas(nth: u64) -> u64 {
    match nth {
        0..=32 => 0,
        33..=128 => 2,
        _ => 10,
    }
}

/// The n-th store of a frame, counted from 1.
pub(super) fn store_tier_gas(nth: u64) -> u64 {
    match nth {
        0..=8 => 0,
        9..=64 => 7,
        _ => 10,
    }
}
