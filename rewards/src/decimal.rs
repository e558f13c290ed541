//! Decimal text as integers, exactly or not at all.

/// Why a text is not the decimal that is expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum DecimalError {
    #[error("`{0}` is not a plain decimal: digits, and a point between digits; no sign, exponent or other mark")]
    NotPlain(String),
    #[error("`{text}` has more than {decimals} decimals")]
    TooPrecise { text: String, decimals: u8 },
    #[error("`{0}` is too large")]
    TooLarge(String),
}

/// A plain decimal as an integer that counts its last of `decimals` places: `scaled("0.25", 4)` is 2500. Zeros beyond the last place
/// lose nothing and are accepted.
pub fn scaled(text: &str, decimals: u8) -> Result<u64, DecimalError> {
    let bytes = text.as_bytes();
    let mut value = 0_u64;
    let mut places = None;
    for (at, byte) in bytes.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            let between = at > 0 && at + 1 < bytes.len();
            if *byte != b'.' || places.is_some() || !between {
                return Err(DecimalError::NotPlain(text.to_owned()));
            }
            places = Some(0);
            continue;
        }
        match &mut places {
            Some(places) if *places == decimals && digit == 0 => continue,
            Some(places) if *places == decimals => return Err(too_precise_or_not_plain(text, decimals)),
            Some(places) => *places += 1,
            None => {}
        }
        value = push(value, digit).ok_or_else(|| too_large_or_not_plain(text))?;
    }
    if bytes.is_empty() {
        return Err(DecimalError::NotPlain(text.to_owned()));
    }
    for _ in places.unwrap_or(0)..decimals {
        value = push(value, 0).ok_or_else(|| too_large_or_not_plain(text))?;
    }
    Ok(value)
}

fn push(value: u64, digit: u8) -> Option<u64> {
    value.checked_mul(10)?.checked_add(digit.into())
}

/// Whether the text is a plain decimal at all, looked at only when something is wrong.
fn is_plain(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').map_or_else(|| digits(text), |(whole, fraction)| digits(whole) && digits(fraction))
}

fn too_precise_or_not_plain(text: &str, decimals: u8) -> DecimalError {
    if is_plain(text) {
        DecimalError::TooPrecise { text: text.to_owned(), decimals }
    } else {
        DecimalError::NotPlain(text.to_owned())
    }
}

fn too_large_or_not_plain(text: &str) -> DecimalError {
    if is_plain(text) { DecimalError::TooLarge(text.to_owned()) } else { DecimalError::NotPlain(text.to_owned()) }
}

/// The shortest plain decimal of an integer that counts places of `decimals`: `plain(2500, 4)` is `0.25`.
#[must_use]
pub fn plain(value: u128, decimals: u8) -> String {
    let unit = 10_u128.pow(decimals.into());
    let (whole, fraction) = (value / unit, value % unit);
    if fraction == 0 {
        return whole.to_string();
    }
    let fraction = format!("{fraction:0width$}", width = decimals.into());
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// Integers as decimal strings in JSON: many readers keep only 53 bits of a number. For `#[serde(with = …)]`.
pub mod text {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the string.
    pub fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads digits and nothing else.
    pub fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::integer(&text).map_err(D::Error::custom)
    }
}

/// Reads an unsigned integer: digits and nothing else.
pub fn integer<T: std::str::FromStr>(text: &str) -> Result<T, DecimalError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecimalError::NotPlain(text.to_owned()));
    }
    text.parse().map_err(|_| DecimalError::TooLarge(text.to_owned()))
}
