//! Times, amounts and foreign text as they are written.

use std::str;

use alloy_primitives::{U256, hex, utils::format_units};
use chrono::DateTime;

/// A time of the chain, seconds since 1970.
pub(crate) fn date(timestamp: u64) -> String {
    let time = i64::try_from(timestamp).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.map_or_else(|| format!("second {timestamp}"), |time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// A length of time in its two largest units.
pub(crate) fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// An amount with all its digits, and no zeros at its end.
pub(crate) fn exact(amount: U256, decimals: u8) -> String {
    let text = format_units(amount, decimals).unwrap_or_else(|_| amount.to_string());
    match text.split_once('.') {
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            fraction => format!("{whole}.{fraction}"),
        },
        None => text,
    }
}

/// Text that a node or a contract chose: what does not print, such as what moves a terminal's cursor, is escaped.
pub(crate) fn printable(text: &str) -> String {
    let escape = |character: char| match character {
        '"' | '\'' | '\\' => character.to_string(),
        other => other.escape_debug().to_string(),
    };
    text.chars().map(escape).collect()
}

/// Bytes that should be a word of text: that word, or hex if they are none.
pub(crate) fn word(bytes: &[u8]) -> String {
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
    fn foreign_text_cannot_move_the_cursor() {
        assert_eq!(printable("it's \"DYDX\" \\ Ξ"), "it's \"DYDX\" \\ Ξ");
        assert_eq!(printable("a\r\nok\u{1b}[2J\u{202e}"), "a\\r\\nok\\u{1b}[2J\\u{202e}");
        assert_eq!(word(b"bafkrei"), "bafkrei");
        assert_eq!([word(b""), word(b"ok \n"), word(&[0xff])], ["0x", "0x6f6b200a", "0xff"]);
    }
}
