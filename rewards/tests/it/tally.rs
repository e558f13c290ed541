//! From samples to sums (spec sections 3.2, 3.3 and 10).

use alloy_primitives::{Address, B256};
use rewards::{
    book::{Flaw, OrderRecord, Record, Side, Status},
    epoch,
    parameters::EpochParameters,
    sampling::{self, Punctuality, Sampling},
    tally::{
        Liquidity, OFF_INSTANT_LISTED, OffInstant, Rules, RulesError, SIDE_MAX, Scorer, Sides, Taken, Tally, break_down,
    },
};

use crate::fixture::{A, B, C, EPOCH, btc, order, other, parameters, record, tally};

const BEST: (Option<&str>, Option<&str>) = (Some("9990"), Some("10010"));

fn both_sides(account: Address) -> [OrderRecord<'static>; 2] {
    let ids = if account == A { ["a1", "a2"] } else { ["b1", "b2"] };
    [order(ids[0], account, Side::Bid, "1", "9990"), order(ids[1], account, Side::Ask, "2", "10010")]
}

/// 9,990 USD at 10 basis points.
const BID_TERM: u128 = 9_990_000_000_000;

fn add(parameters: &EpochParameters, record: &Record<'_>) -> Result<Taken, Flaw> {
    let rules = Rules::new(parameters, &Sampling { tolerance_ms: 250, ..Sampling::default() }).unwrap();
    Scorer::new(&rules).add(record)
}

#[test]
fn the_lesser_side_counts_and_uptime_with_it() {
    let parameters = parameters(vec![btc()]);
    let orders = both_sides(A);
    let found = tally(&parameters, &[record(0, BEST, Status::Ok, &orders), record(1, BEST, Status::Ok, &orders)]);
    let market = &found.markets[0];
    assert_eq!((market.valid, market.missing(40_320)), (2, 40_318));
    assert_eq!(market.providers[&A], Liquidity { liquidity: 2 * BID_TERM, uptime: 2 });
}

#[test]
fn one_side_alone_is_worth_nothing() {
    let parameters = parameters(vec![btc()]);
    for orders in [&both_sides(A)[..1], &both_sides(A)[1..]] {
        let found = tally(&parameters, &[record(0, BEST, Status::Ok, orders)]);
        assert_eq!(found.markets[0].valid, 1);
        assert!(found.markets[0].providers.is_empty());
    }
}

#[test]
fn small_orders_do_not_add_up() {
    let parameters = parameters(vec![btc()]);
    let small: Vec<_> = ["1", "2", "3"].map(|id| order(id, A, Side::Bid, "0.3", "9990")).into();
    let orders = [small, both_sides(A)[1..].to_vec()].concat();
    assert!(tally(&parameters, &[record(0, BEST, Status::Ok, &orders)]).markets[0].providers.is_empty());
}

#[test]
fn several_orders_of_one_account_add_up() {
    let parameters = parameters(vec![btc()]);
    let second = order("a3", A, Side::Bid, "1", "9990");
    let orders = [both_sides(A).to_vec(), vec![second]].concat();
    let found = tally(&parameters, &[record(0, BEST, Status::Ok, &orders)]);
    assert_eq!(found.markets[0].providers[&A].liquidity, 2 * BID_TERM);
}

#[test]
fn which_books_are_samples() {
    let parameters = parameters(vec![btc()]);
    let orders = both_sides(A);
    let records = [
        record(0, (Some("9990"), None), Status::OneSided, &orders[..1]),
        record(1, (None, None), Status::OneSided, &[]),
        record(2, (Some("10010"), Some("9990")), Status::Crossed, &orders),
        record(3, (None, None), Status::Outage, &[]),
        record(4, BEST, Status::Ok, &[]),
    ];
    let found = tally(&parameters, &records);
    let market = &found.markets[0];
    assert_eq!((market.valid, market.crossed, market.outages), (3, 1, 1));
    assert_eq!(market.missing(40_320), 40_320 - 4, "an outage is a missing minute");
    assert!(market.providers.is_empty());
}

#[test]
fn a_second_sample_of_a_minute_is_set_aside() {
    let parameters = parameters(vec![btc()]);
    let rules = Rules::new(&parameters, &Sampling { tolerance_ms: 250, ..Sampling::default() }).unwrap();
    let orders = both_sides(A);
    let mut scorers = [Scorer::new(&rules), Scorer::new(&rules)];
    let mut add = |scorer: usize, minute| scorers[scorer].add(&record(minute, BEST, Status::Ok, &orders));
    assert_eq!(add(0, 69), Ok(Taken::Valid));
    assert_eq!(add(0, 69), Ok(Taken::Repeated));
    assert_eq!(add(1, 69), Ok(Taken::Repeated), "whoever counts");
    assert_eq!(add(1, 5), Ok(Taken::Valid), "the same bit of another word");
    assert_eq!(add(1, 64), Ok(Taken::Valid), "another bit of the same word");
    assert_eq!(add(1, 40_319), Ok(Taken::Valid));
    let [first, second] = scorers.map(Scorer::finish);
    let mut whole = first;
    whole.absorb(second);
    assert_eq!(whole.repeated.into_iter().collect::<Vec<_>>(), [(0, 69)]);
    assert_eq!(whole.markets[0].providers[&A].uptime, 4);
}

#[test]
fn a_flawed_record_leaves_its_minute_free() {
    let parameters = parameters(vec![btc()]);
    let rules = Rules::new(&parameters, &Sampling { tolerance_ms: 250, ..Sampling::default() }).unwrap();
    let mut scorer = Scorer::new(&rules);
    let flawed = [both_sides(A).to_vec(), vec![order("a1", B, Side::Bid, "1", "9990")]].concat();
    assert_eq!(scorer.add(&record(0, BEST, Status::Ok, &flawed)), Err(Flaw::RepeatedOrder("a1".into())));
    assert_eq!(scorer.add(&record(0, BEST, Status::Ok, &both_sides(B))), Ok(Taken::Valid));
    let found = scorer.finish();
    assert_eq!(found.markets[0].providers.keys().copied().collect::<Vec<_>>(), [B]);
}

#[test]
fn what_a_record_must_satisfy() {
    let parameters = parameters(vec![btc()]);
    let good = record(5, BEST, Status::Ok, &[]);
    let (from_ms, to_ms) = (good.time_ms - 250, good.time_ms + 60_249);
    assert_eq!(add(&parameters, &Record { epoch: 17, ..good }), Err(Flaw::WrongEpoch { found: 17, expected: 18 }));
    assert_eq!(
        add(&parameters, &Record { minute: 40_320, ..good }),
        Err(Flaw::NoSuchMinute { minute: 40_320, minutes: 40_320 })
    );
    assert_eq!(add(&parameters, &Record { market: "XXX-USD", ..good }), Err(Flaw::UnknownMarket("XXX-USD".into())));
    for time_ms in [from_ms - 1, to_ms + 1] {
        let expected = Err(Flaw::WrongTime { time_ms, minute: 5, from_ms, to_ms });
        assert_eq!(add(&parameters, &Record { time_ms, ..good }), expected);
    }
    for time_ms in [from_ms, to_ms] {
        assert_eq!(add(&parameters, &Record { time_ms, ..good }), Ok(Taken::Valid));
    }
    let nameless = [order("", A, Side::Bid, "1", "9990")];
    assert_eq!(add(&parameters, &Record { orders: &nameless, ..good }), Err(Flaw::NoOrderId));
    let free = [order("1", A, Side::Bid, "1", "0")];
    assert_eq!(add(&parameters, &Record { orders: &free, ..good }), Err(Flaw::ZeroPrice("price")));
    let crossing = [order("1", A, Side::Bid, "1", "9991")];
    assert!(matches!(add(&parameters, &Record { orders: &crossing, ..good }), Err(Flaw::BetterThanBest { .. })));
}

#[test]
fn samples_off_their_instant_do_not_count() {
    let parameters = parameters(vec![other("SOL-USD"), btc()]);
    let secret = B256::repeat_byte(0x11);
    let commitment = Some(sampling::commitment(secret));
    let rules = Rules::new(&parameters, &Sampling { commitment, secret: Some(secret), tolerance_ms: 250, hours: None })
        .unwrap();
    let mut scorer = Scorer::new(&rules);
    let orders = both_sides(A);
    let at = |minute, late| Record {
        time_ms: rules.instants().instant_ms(minute, "BTC-USD").unwrap() + late,
        ..record(minute, BEST, Status::Ok, &orders)
    };
    assert_eq!(scorer.add(&at(0, 0)), Ok(Taken::Valid));
    assert_eq!(scorer.add(&at(1, 250)), Ok(Taken::Valid));
    assert_eq!(scorer.add(&at(2, 251)), Ok(Taken::NoSample));
    let late = at(2, 251).time_ms;
    let found = scorer.finish();
    assert_eq!(
        found.off_instants.into_iter().collect::<Vec<_>>(),
        [OffInstant { market: 1, minute: 2, time_ms: late }]
    );
    let market = &found.markets[1];
    assert_eq!((market.valid, market.off_instant, market.missing(40_320)), (2, 1, 40_317));
    assert_eq!(market.providers[&A].uptime, 2);
}

#[test]
fn the_list_of_samples_off_their_instant_is_bounded() {
    let parameters = parameters(vec![btc()]);
    let secret = B256::repeat_byte(0x11);
    let rules = Rules::new(&parameters, &Sampling { secret: Some(secret), ..Sampling::default() }).unwrap();
    let mut halves = [Scorer::new(&rules), Scorer::new(&rules)];
    let count = 2 * OFF_INSTANT_LISTED as u32 + 20;
    for minute in (0..count).rev() {
        let instant = rules.instants().instant_ms(minute, "BTC-USD").unwrap();
        let start = rules.instants().minute_ms(minute);
        let time_ms = if instant > start + 1000 { start } else { start + 59_999 };
        halves[minute as usize % 2].add(&Record { time_ms, ..record(minute, BEST, Status::Ok, &[]) }).unwrap();
    }
    let [mut found, other] = halves.map(Scorer::finish);
    assert_eq!(found.off_instants.len(), OFF_INSTANT_LISTED);
    found.absorb(other);
    assert_eq!(found.markets[0].off_instant, count);
    let minutes: Vec<_> = found.off_instants.iter().map(|sample| sample.minute).collect();
    assert_eq!(minutes, (0..OFF_INSTANT_LISTED as u32).collect::<Vec<_>>(), "the first ones, whoever saw them");
}

#[test]
fn a_side_is_bounded() {
    let mut sides = Sides::default();
    sides.add(Side::Bid, SIDE_MAX).unwrap();
    assert_eq!(sides.add(Side::Bid, 1), Err(Flaw::Overflow));
    assert_eq!(sides.add(Side::Ask, SIDE_MAX + 1), Err(Flaw::Overflow));
    assert_eq!(Sides::default().add(Side::Ask, u128::MAX), Err(Flaw::Overflow));
}

#[test]
fn wrong_rules_are_refused() {
    let empty = parameters(vec![]);
    let sampling = Sampling::default();
    assert!(matches!(Rules::new(&empty, &sampling), Err(RulesError::Parameters(_))));
    let sampling = Sampling { commitment: Some(B256::ZERO), secret: Some(B256::ZERO), ..sampling };
    assert!(matches!(Rules::new(&parameters(vec![btc()]), &sampling), Err(RulesError::Secret(_))));
    // A chain that is shorter than the epoch would leave the instants of its end to the operator.
    let sampling = Sampling { hours: Some(671), ..Sampling::default() };
    let refused = Rules::new(&parameters(vec![btc()]), &sampling).map(drop);
    assert_eq!(refused, Err(RulesError::Hours { found: 671, expected: 672 }));
    let parameters = parameters(vec![btc()]);
    assert!(Rules::new(&parameters, &Sampling { hours: Some(672), ..sampling }).is_ok());
}

#[test]
fn sums_do_not_depend_on_who_adds_what() {
    let parameters = parameters(vec![btc()]);
    let (a, b) = (both_sides(A), [both_sides(A), both_sides(B)].concat());
    let records: Vec<_> = (0..28)
        .map(|minute| match minute % 7 {
            0 => record(minute, (Some("10010"), Some("9990")), Status::Crossed, &a),
            1 => record(minute, (None, None), Status::Outage, &[]),
            2 | 5 => record(minute, BEST, Status::Ok, &b),
            _ => record(minute, BEST, Status::Ok, &a),
        })
        .collect();
    let whole = tally(&parameters, &records);
    assert_eq!((whole.markets[0].crossed, whole.markets[0].outages), (4, 4));
    for parts in [1, 3, 7] {
        let mut sum = Tally::empty(1);
        for part in records.rchunks(parts) {
            sum.absorb(tally(&parameters, part));
        }
        assert_eq!(sum, whole);
    }
}

#[test]
fn a_sample_shows_why_orders_count_or_not() {
    let parameters = parameters(vec![btc()]);
    let rules = Rules::new(&parameters, &Sampling::default()).unwrap();
    let orders =
        [both_sides(A).to_vec(), both_sides(B).to_vec(), vec![order("far", A, Side::Bid, "9", "9980")]].concat();
    let start = epoch::start_ms(EPOCH).unwrap();
    let sample = record(0, BEST, Status::Ok, &orders);
    let shown = break_down(&rules, &Record { time_ms: start, ..sample }, A).unwrap();
    assert_eq!((shown.market, shown.orders.len(), shown.sides.bid), (0, 3, BID_TERM));
    assert_eq!((shown.worth(), shown.is_sample(), shown.punctuality), (BID_TERM, true, Punctuality::Exact));
    assert_eq!(shown.best().map(|best| (best.bid, best.ask)), Some((9990, 10010)));
    let verdicts: Vec<_> = shown.orders.iter().map(|order| (order.record.id, order.verdict)).collect();
    use rewards::book::Verdict::{Counts, TooFar};
    assert_eq!(
        verdicts,
        [("a1", Some(Counts(BID_TERM))), ("a2", Some(Counts(20_020_000_000_000))), ("far", Some(TooFar))]
    );
    assert_eq!(shown.orders[1].size, 20_000);

    let crossed = record(0, (Some("10010"), Some("9990")), Status::Crossed, &orders);
    let shown = break_down(&rules, &crossed, A).unwrap();
    assert_eq!((shown.worth(), shown.is_sample(), shown.best()), (0, false, None));
    assert!(shown.orders.iter().all(|order| order.verdict.is_none()));
    assert!(break_down(&rules, &sample, C).unwrap().orders.is_empty());
}

#[test]
fn of_several_repeated_orders_the_first_is_named() {
    let parameters = parameters(vec![btc()]);
    let ids: Vec<_> = (0..40).map(|id| (id / 2 * 7 % 20).to_string()).collect();
    let orders: Vec<_> = ids.iter().map(|id| order(id, A, Side::Bid, "1", "9990")).collect();
    for from in [0, 10, 30] {
        let expected = Err(Flaw::RepeatedOrder(ids[from].clone()));
        assert_eq!(add(&parameters, &record(0, BEST, Status::Ok, &orders[from..])), expected);
    }
    let nested = ["x", "y", "y", "x"].map(|id| order(id, A, Side::Bid, "1", "9990"));
    assert_eq!(
        add(&parameters, &record(0, BEST, Status::Ok, &nested)),
        Err(Flaw::RepeatedOrder("y".into())),
        "the first that is there already"
    );
}
