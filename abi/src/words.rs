//! Times, amounts and foreign text as they are written.

use std::{fmt, str};

use alloy_primitives::{
    U256, hex,
    utils::{format_units, parse_units},
};
use chrono::DateTime;
use serde::Serialize;

/// Arguments that do not go together, found after they were read.
#[derive(Debug)]
pub struct Usage(
    /// What is wrong, and what to write instead.
    pub String,
);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// An amount in a token's least unit: decimal digits in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wei(
    /// Units.
    pub U256,
);

impl Serialize for Wei {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A time of the chain, seconds since 1970.
pub fn date(timestamp: u64) -> String {
    let time = i64::try_from(timestamp).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.map_or_else(|| format!("second {timestamp}"), |time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// A length of time in its two largest units.
pub fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// An amount with all its digits, and no zeros at its end.
pub fn exact(amount: U256, decimals: u8) -> String {
    let text = format_units(amount, decimals).unwrap_or_else(|_| amount.to_string());
    match text.split_once('.') {
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            fraction => format!("{whole}.{fraction}"),
        },
        None => text,
    }
}

/// An amount as people write it, in the token's least unit: `1,000.5`. Nothing is rounded.
///
/// # Errors
///
/// If it is no number, has more digits behind the point than the token, commas in other places than between thousands, or is too large.
pub fn amount(text: &str, decimals: u8) -> Result<U256, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mut thousands = whole.split(',');
    let first = thousands.next().unwrap_or_default();
    let grouped = whole.contains(',');
    let rest_is_right = thousands.all(|group| group.len() == 3 && is_digits(group));
    let first_is_right = !first.is_empty() && is_digits(first) && (!grouped || first.len() <= 3);
    if !first_is_right || !rest_is_right || !is_digits(fraction) || text.ends_with('.') {
        return Err(format!("{text:?} is no amount, such as 1,000.5"));
    }
    if fraction.len() > usize::from(decimals) {
        let digits = fraction.len();
        return Err(format!("{text:?} has {digits} digits behind the point, the token has {decimals}"));
    }
    let plain = format!("{}.{fraction}", whole.replace(',', ""));
    let amount = parse_units(plain.trim_end_matches('.'), decimals).ok().map(|parsed| parsed.get_absolute());
    amount.ok_or_else(|| format!("{text:?} is more than any token has"))
}

/// Text that a node or a contract chose: what does not print, such as what moves a terminal's cursor, is escaped.
pub fn printable(text: &str) -> String {
    let escape = |character: char| match character {
        '"' | '\'' | '\\' => character.to_string(),
        other => other.escape_debug().to_string(),
    };
    text.chars().map(escape).collect()
}

/// Bytes that should be a word of text: that word, or hex if they are none.
pub fn word(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && bytes.iter().all(u8::is_ascii_graphic) => text.to_owned(),
        _ => format!("0x{}", hex::encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_amounts() {
        assert_eq!(date(1_628_002_800), "2021-08-03 15:00:00 UTC");
        assert_eq!(date(u64::MAX), format!("second {}", u64::MAX));
        let spans = [0, 59, 61, 3_600, 86_399, 7 * 86_400, 90_061].map(span);
        assert_eq!(spans, ["0 s", "59 s", "1 min 1 s", "1 h 0 min", "23 h 59 min", "7 d 0 h", "1 d 1 h"]);
        let amounts = [0, 1, 1_500_000, 2_000_000].map(|amount| exact(U256::from(amount), 6));
        assert_eq!(amounts, ["0", "0.000001", "1.5", "2"]);
        assert_eq!(exact(U256::from(7), 0), "7");
    }

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        let read = |text| amount(text, 6).map(|units| units.to::<u64>());
        let legal =
            [("0", 0), ("1", 1_000_000), ("1,000.5", 1_000_500_000), ("0.000001", 1), ("12345.10", 12_345_100_000)];
        for (text, units) in legal {
            assert_eq!(read(text), Ok(units), "{text}");
        }
        let refused = [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e6",
            "0x1",
            "1_000",
            "1,00",
            "1,0000",
            ",100",
            "1000,000",
            "1.0000001",
            "1.5.5",
        ];
        for text in refused.into_iter().chain([" 1", "1 ", "1,000,00.5", "٣"]) {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(amount("7", 0), Ok(U256::from(7)));
        assert!(amount(&"9".repeat(80), 18).is_err());
    }

    #[test]
    fn foreign_text_cannot_move_the_cursor() {
        assert_eq!(printable("it's \"DYDX\" \\ Ξ"), "it's \"DYDX\" \\ Ξ");
        assert_eq!(printable("a\r\nok\u{1b}[2J\u{202e}"), "a\\r\\nok\\u{1b}[2J\\u{202e}");
        assert_eq!(word(b"bafkrei"), "bafkrei");
        assert_eq!([word(b""), word(b"ok \n"), word(&[0xff])], ["0x", "0x6f6b200a", "0xff"]);
    }
}
