//! One sample: what a record must satisfy and what orders are worth (spec sections 3.1, 9.2 and 10).

use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;
use rewards::{
    book::{Best, Book, Flaw, Limits, Side, Status, Verdict, parse_address},
    parameters::MarketParameters,
};

use crate::fixture::{A, btc, order, record};

fn read(status: Status, bid: Option<&str>, ask: Option<&str>) -> Result<Book, Flaw> {
    Book::read(&Limits::of(&btc()), &record(0, (bid, ask), status, &[]))
}

#[test]
fn status_and_best_prices_must_agree() {
    let (bid, ask) = (Some("99"), Some("101"));
    assert_eq!(read(Status::Ok, bid, ask), Ok(Book::Valid(Best { bid: 99, ask: 101 })));
    assert_eq!(read(Status::OneSided, bid, None), Ok(Book::OneSided { bid: Some(99), ask: None }));
    assert_eq!(read(Status::OneSided, None, ask), Ok(Book::OneSided { bid: None, ask: Some(101) }));
    assert_eq!(read(Status::OneSided, None, None), Ok(Book::OneSided { bid: None, ask: None }));
    assert_eq!(read(Status::Crossed, ask, bid), Ok(Book::Crossed));
    assert_eq!(read(Status::Crossed, bid, bid), Ok(Book::Crossed), "locked");
    assert_eq!(read(Status::Outage, None, None), Ok(Book::Outage));

    for (status, bid, ask) in [(Status::Ok, ask, bid), (Status::Ok, bid, bid)] {
        assert!(matches!(read(status, bid, ask), Err(Flaw::Crossed { .. })));
    }
    let contradiction = |status, bid: Option<&str>, ask: Option<&str>| {
        let shown = |price: Option<&str>| price.unwrap_or("none").to_owned();
        assert_eq!(
            read(status, bid, ask),
            Err(Flaw::StatusContradictsBook { status: status.name(), bid: shown(bid), ask: shown(ask) })
        );
    };
    contradiction(Status::Ok, bid, None);
    contradiction(Status::Ok, None, None);
    contradiction(Status::OneSided, bid, ask);
    contradiction(Status::Crossed, bid, ask);
    contradiction(Status::Crossed, bid, None);
}

#[test]
fn prices_are_positive_decimals() {
    assert_eq!(read(Status::Ok, Some("0"), Some("1")), Err(Flaw::ZeroPrice("best_bid")));
    assert_eq!(read(Status::Ok, Some("1"), Some("0.0")), Err(Flaw::ZeroPrice("best_ask")));
    assert!(matches!(read(Status::Ok, Some("-1"), Some("1")), Err(Flaw::Decimal { field: "best_bid", .. })));
    let limits = Limits::of(&btc());
    assert_eq!(limits.price("price", "0"), Err(Flaw::ZeroPrice("price")));
    assert_eq!(limits.size("1.25"), Ok(12_500));
    assert!(matches!(limits.size("-1"), Err(Flaw::Decimal { field: "size", .. })));
}

fn book_of_tenths() -> Book {
    Book::Valid(Best { bid: 299_900, ask: 300_100 })
}

#[test]
fn no_order_is_better_than_the_best() {
    let book = read(Status::Ok, Some("99"), Some("101")).unwrap();
    let admits = |book: Book, side, price: u64| {
        let text = price.to_string();
        book.admits(&Limits::of(&btc()), &order("7", A, side, "1", &text), price)
    };
    for (side, price) in [(Side::Bid, 99), (Side::Bid, 1), (Side::Ask, 101), (Side::Ask, 500)] {
        assert_eq!(admits(book, side, price), Ok(()));
    }
    let better =
        |price: &str, best: &str| Err(Flaw::BetterThanBest { id: "7".into(), price: price.into(), best: best.into() });
    assert_eq!(admits(book, Side::Bid, 100), better("100", "99"));
    assert_eq!(admits(book, Side::Ask, 100), better("100", "101"));

    let bids = read(Status::OneSided, Some("99"), None).unwrap();
    assert_eq!(admits(bids, Side::Bid, 99), Ok(()));
    assert_eq!(admits(bids, Side::Bid, 100), better("100", "99"));
    assert_eq!(admits(bids, Side::Ask, 100), Err(Flaw::OrderOnEmptySide { id: "7".into() }));
    // Prices are named as they stand in the file, not as integers.
    let tenths = Limits::of(&MarketParameters { price_decimals: 1, ..btc() });
    let above = book_of_tenths().admits(&tenths, &order("7", A, Side::Bid, "1", "29990.5"), 299_905);
    let message = "order `7` at 29990.5 is better than the best of its side, 29990";
    assert_eq!(above.unwrap_err().to_string(), message);
    assert_eq!(admits(Book::Crossed, Side::Bid, 1000), Ok(()));
    assert_eq!(admits(Book::Outage, Side::Ask, 1), Ok(()));
}

#[test]
fn both_limits_are_strict() {
    let limits = Limits::of(&btc());
    let best = Best { bid: 9_990, ask: 10_010 };
    // 0.5 at 10,000 would be 5,000 USD; bids at 9,990 stand 10 basis points from mid, at 9,980 exactly 20.
    let judge = |price, size| limits.judge(best, price, size).unwrap();
    assert_eq!(judge(9_990, 5_005), Verdict::TooSmall, "4,999.995");
    assert!(matches!(judge(9_990, 5_006), Verdict::Counts(_)));
    assert_eq!(limits.judge(Best { bid: 5_000, ask: 5_002 }, 5_000, 10_000), Ok(Verdict::TooSmall), "exactly 5,000");
    assert_eq!(judge(9_980, 10_000), Verdict::TooFar, "exactly 20 basis points");
    assert!(matches!(judge(9_981, 10_000), Verdict::Counts(_)));
    assert_eq!(judge(10_020, 10_000), Verdict::TooFar);
    assert!(matches!(judge(10_019, 10_000), Verdict::Counts(_)));
    assert_eq!(judge(1, 1), Verdict::TooSmall, "size comes before distance");
}

#[test]
fn extreme_numbers_are_exact_or_refused() {
    let (price_decimals, size_decimals) = (0, 0);
    let widest = MarketParameters { min_depth_usd: 0, max_spread_bps: 9_999, price_decimals, size_decimals, ..btc() };
    let best = Best { bid: u64::MAX - 1, ask: u64::MAX };
    assert_eq!(Limits::of(&widest).judge(best, u64::MAX, u64::MAX), Err(Flaw::Overflow), "about 2^213");
    let finest = MarketParameters { price_decimals: 18, size_decimals: 18, ..widest };
    let term = 2_u128.pow(64) - 1;
    // value · doubled mid / (10^30 · distance), all of them at their greatest.
    let value = num_bigint::BigUint::from(term) * term * (2 * term - 1) / num_bigint::BigUint::from(10_u32).pow(30);
    let expected = Verdict::Counts(value.try_into().unwrap());
    assert_eq!(Limits::of(&finest).judge(best, u64::MAX, u64::MAX), Ok(expected));
    let limited = MarketParameters { min_depth_usd: u64::MAX, ..finest };
    assert_eq!(Limits::of(&limited).judge(best, u64::MAX, u64::MAX), Ok(Verdict::TooSmall));
}

#[test]
fn addresses_in_any_spelling() {
    let lower = "0xabcdefabcdefabcdefabcdefabcdefabcdefabcd";
    let parsed = parse_address(lower).unwrap();
    for text in [lower.to_uppercase().replace("0X", "0x"), lower.to_uppercase(), parsed.to_string()] {
        assert_eq!(parse_address(&text), Ok(parsed));
    }
    for text in [
        "",
        "0x",
        &lower[2..],
        &lower[..41],
        &format!("{lower}0"),
        &lower.replace('a', "g"),
        &format!("0x{lower}")[..42],
        &format!("0x{lower}"),
    ] {
        assert_eq!(parse_address(text), Err(Flaw::NotAnAddress(text.to_owned())), "{text}");
    }
}

#[test]
fn names_are_read_as_they_are_written() {
    for side in [Side::Bid, Side::Ask] {
        assert_eq!(Side::parse(side.letter()), Ok(side));
    }
    for status in [Status::Ok, Status::OneSided, Status::Crossed, Status::Outage] {
        assert_eq!(Status::parse(status.name()), Ok(status));
        assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{}\"", status.name()));
    }
    assert_eq!(Side::parse("b"), Err(Flaw::UnknownSide("b".into())));
    assert_eq!(Status::parse("OK"), Err(Flaw::UnknownStatus("OK".into())));
}

fn ten_to(exponent: u8) -> BigRational {
    BigRational::from_integer(BigInt::from(10).pow(exponent.into()))
}

fn whole(value: u64) -> BigRational {
    BigRational::from_integer(value.into())
}

/// Depth in USD and spread as a share of mid, by the formula, in big rationals.
fn slow_measures(market: &MarketParameters, best: Best, price: u64, size: u64) -> (BigRational, BigRational) {
    let usd = |price: u64| whole(price) / ten_to(market.price_decimals);
    let mid = (usd(best.bid) + usd(best.ask)) / whole(2);
    let depth = whole(size) / ten_to(market.size_decimals) * usd(price);
    let distance = if usd(price) > mid { usd(price) - &mid } else { &mid - usd(price) };
    (depth, distance / mid)
}

/// Depth over spread by the formula, in big rationals.
pub(crate) fn slow_verdict(market: &MarketParameters, best: Best, price: u64, size: u64) -> Option<BigInt> {
    let (depth, spread) = slow_measures(market, best, price, size);
    let counts = depth > whole(market.min_depth_usd) && spread < whole(market.max_spread_bps.into()) / whole(10_000);
    counts.then(|| (depth / spread * ten_to(6)).floor().to_integer())
}

proptest! {
    #[test]
    fn terms_are_those_of_the_formula(
        bid in 1..=u64::MAX - 1, gap in 1..2_000_u64, below in 0..2_000_u64, is_ask: bool, size: u64,
        (price_decimals, size_decimals) in (0..=18_u8, 0..=18_u8),
        (min_depth_usd, max_spread_bps) in (0..20_000_u64, 0..10_000_u32),
        shift in 0..60_u32, size_shift in 0..60_u32,
    ) {
        let (bid, size) = ((bid >> shift).max(1), size >> size_shift);
        let ask = bid.saturating_add(gap);
        prop_assume!(bid < ask);
        let price = if is_ask { ask.saturating_add(below) } else { bid.saturating_sub(below).max(1) };
        let market = MarketParameters { price_decimals, size_decimals, min_depth_usd, max_spread_bps, ..btc() };
        let best = Best { bid, ask };
        let limits = Limits::of(&market);
        let (depth, spread) = slow_measures(&market, best, price, size);
        let shown = [limits.depth_micro(price, size).to_string(), limits.spread_micro_bps(best, price).to_string()];
        prop_assert_eq!(shown, [depth * ten_to(6), spread * ten_to(10)].map(|exact| exact.floor().to_string()));
        let found = match limits.judge(best, price, size) {
            Ok(Verdict::Counts(term)) => Some(term.into()),
            Ok(_) => None,
            Err(flaw) => {
                prop_assert_eq!(flaw, Flaw::Overflow);
                prop_assert!(slow_verdict(&market, best, price, size).unwrap().bits() > 128);
                return Ok(());
            }
        };
        prop_assert_eq!(found, slow_verdict(&market, best, price, size));
    }
}
