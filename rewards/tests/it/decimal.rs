//! Decimal text (spec section 11.1).

use proptest::prelude::*;
use rewards::decimal::{DecimalError, integer, plain, scaled};

fn not_plain(text: &str) -> Result<u64, DecimalError> {
    Err(DecimalError::NotPlain(text.to_owned()))
}

#[test]
fn exact_decimals_are_read() {
    assert_eq!(scaled("29900", 0), Ok(29_900));
    assert_eq!(scaled("0.1667", 4), Ok(1667));
    assert_eq!(scaled("1", 4), Ok(10_000));
    assert_eq!(scaled("1.5", 4), Ok(15_000));
    assert_eq!(scaled("007.50", 1), Ok(75));
    assert_eq!(scaled("1.000", 0), Ok(1));
    assert_eq!(scaled("0", 3), Ok(0));
    assert_eq!(scaled("18446744073709551615", 0), Ok(u64::MAX));
    assert_eq!(scaled("1844674407370955161.5", 1), Ok(u64::MAX));
}

#[test]
fn inexact_decimals_are_refused() {
    let too_precise = |text: &str, decimals| Err(DecimalError::TooPrecise { text: text.to_owned(), decimals });
    assert_eq!(scaled("0.16675", 4), too_precise("0.16675", 4));
    assert_eq!(scaled("1.01", 1), too_precise("1.01", 1));
    assert_eq!(scaled("1.5", 0), too_precise("1.5", 0));
    let too_large = |text: &str| Err(DecimalError::TooLarge(text.to_owned()));
    assert_eq!(scaled("18446744073709551616", 0), too_large("18446744073709551616"));
    assert_eq!(scaled("18446744073709551615", 1), too_large("18446744073709551615"));
    assert_eq!(scaled("1844674407370955161.6", 1), too_large("1844674407370955161.6"));
}

#[test]
fn other_spellings_are_refused() {
    for text in [
        "", ".", "-1", "+1", "1e3", "1,000", "1.", ".5", "1..2", "1.2.3", " 1", "1 ", "0x1", "1_0", "٣", "1.5x",
        "1.\u{0}",
    ] {
        assert_eq!(scaled(text, 4), not_plain(text), "{text:?}");
        assert_eq!(scaled(text, 0), not_plain(text), "{text:?}");
    }
    let long = "184467440737095516160x";
    assert_eq!(scaled(long, 0), not_plain(long), "not plain rather than too large");
}

#[test]
fn integers_are_digits() {
    assert_eq!(integer::<u128>("340282366920938463463374607431768211455"), Ok(u128::MAX));
    assert_eq!(integer::<u8>("256"), Err(DecimalError::TooLarge("256".to_owned())));
    for text in ["", "+1", "-1", "1.0", "0x1", " 1", "1_000"] {
        assert_eq!(integer::<u64>(text), not_plain(text));
    }
}

#[test]
fn the_shortest_spelling() {
    assert_eq!(plain(2500, 4), "0.25");
    assert_eq!(plain(29_900, 0), "29900");
    assert_eq!(plain(10_000, 4), "1");
    assert_eq!(plain(1, 4), "0.0001");
    assert_eq!(plain(0, 4), "0");
    assert_eq!(plain(10, 0), "10");
}

proptest! {
    #[test]
    fn what_is_written_is_read(value: u64, decimals in 0..=18_u8) {
        prop_assert_eq!(scaled(&plain(value.into(), decimals), decimals), Ok(value));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9.eE+x -]{0,24}", decimals in 0..=18_u8) {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let parts: Vec<_> = text.split('.').collect();
        let is_plain = matches!(parts.len(), 1 | 2) && parts.iter().all(|part| digits(part));
        prop_assert_eq!(!matches!(scaled(&text, decimals), Err(DecimalError::NotPlain(_))), is_plain);
    }
}
