//! How numbers are written.

use alloy_primitives::{U256, utils::format_units};

pub(crate) fn usdc(whole: u64) -> U256 {
    U256::from(whole) * U256::from(1_000_000)
}

pub(crate) fn change(label: &str, before: U256, after: U256, decimals: u8) -> Option<String> {
    (before != after).then(|| format!("{label} {} → {}", amount(before, decimals), amount(after, decimals)))
}

/// A token amount with thousands separated and no trailing zeros.
pub(crate) fn amount(value: U256, decimals: u8) -> String {
    let text = format_units(value, decimals).unwrap_or_else(|_| value.to_string());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let whole = separated(whole);
    if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") }
}

pub(crate) fn grouped(value: u64) -> String {
    separated(&value.to_string())
}

fn separated(digits: &str) -> String {
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
