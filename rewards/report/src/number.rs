//! Numbers for people. Everything rounds down, so nothing looks like more than it is.

use alloy_primitives::{U256, aliases::U512, ruint::UintTryFrom};
use chrono::DateTime;
use rewards::parameters::Token;

/// What is shown where there is no number.
pub(crate) const NONE: &str = "–";

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An integer in groups.
pub(crate) fn integer(number: impl ToString) -> String {
    grouped(&number.to_string())
}

/// So many of something.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", integer(number), if number == 1 { one } else { many })
}

/// An amount of a token before and behind the point: groups, and all its decimals.
pub(crate) fn exact_tokens(token: &Token, amount: U256) -> (String, String) {
    let decimals = usize::from(token.decimals);
    let digits = format!("{amount:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    (grouped(whole), fraction.to_owned())
}

/// An amount of a token with at most six decimals.
pub(crate) fn tokens(token: &Token, amount: U256) -> String {
    let (whole, fraction) = exact_tokens(token, amount);
    match &fraction[..fraction.len().min(6)] {
        "" => whole,
        fraction => format!("{whole}.{fraction}"),
    }
}

/// Whole USD.
pub(crate) fn dollars<T>(micro: T) -> String
where
    U512: UintTryFrom<T>,
{
    integer(U512::from(micro) / U512::from::<u64>(1_000_000))
}

/// Hundredths of a basis point from millionths.
pub(crate) fn bps(micro: u128) -> String {
    let hundredths = micro / 10_000;
    format!("{}.{:02}", integer(hundredths / 100), hundredths % 100)
}

/// How many of `scale` parts of the whole a part is; nothing of nothing.
pub(crate) fn parts_of<P, W>(part: P, whole: W, scale: u32) -> Option<u128>
where
    U512: UintTryFrom<P> + UintTryFrom<W>,
{
    // Scores have at most 400 bits and all sums less, so the product fits.
    let product = U512::from(part).checked_mul(U512::from(scale))?;
    product.checked_div(U512::from(whole)).map(|parts| parts.saturating_to())
}

/// A share in percent with two decimals.
pub(crate) fn percent<P, W>(part: P, whole: W) -> String
where
    U512: UintTryFrom<P> + UintTryFrom<W>,
{
    let text = |parts: u128| format!("{}.{:02}%", parts / 100, parts % 100);
    parts_of(part, whole, 10_000).map_or_else(|| NONE.to_owned(), text)
}

/// An average; nothing of nothing.
pub(crate) fn average(sum: u128, count: u32) -> Option<u128> {
    sum.checked_div(count.into())
}

/// A time as `format` says; times that no calendar has are left out.
pub(crate) fn utc(seconds: u64, format: &str) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.map(|time| time.format(format).to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_down_and_keep_every_unit() {
        assert_eq!(["1", "12", "123", "1234", "1234567"].map(grouped), ["1", "12", "123", "1,234", "1,234,567"]);
        let wei = U256::from(1_234_567_999_999_999_999_999_999_u128);
        let token = |decimals| Token { decimals, ..Token::default() };
        assert_eq!(tokens(&token(18), wei), "1,234,567.999999");
        assert_eq!(exact_tokens(&token(18), wei), ("1,234,567".to_owned(), "999999999999999999".to_owned()));
        assert_eq!(exact_tokens(&token(18), U256::ONE), ("0".to_owned(), "000000000000000001".to_owned()));
        let few = U256::from(1_234_567);
        assert_eq!(
            [0, 2, 6, 7].map(|decimals| tokens(&token(decimals), few)),
            ["1,234,567", "12,345.67", "1.234567", "0.123456"]
        );
        assert_eq!(dollars(1_999_999_u128), "1");
        assert_eq!(bps(12_349_999), "12.34");
        assert_eq!((percent(2_u32, 3_u32), percent(1_u32, 0_u32)), ("66.66%".to_owned(), NONE.to_owned()));
        assert_eq!((average(7, 2), average(7, 0)), (Some(3), None));
        assert_eq!(utc(1_671_548_400, "%Y-%m-%d %H:%M"), "2022-12-20 15:00");
        assert_eq!(utc(u64::MAX, "%Y"), "");
    }
}
