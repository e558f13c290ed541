//! How whole an epoch's data must be, and how gaps are told.

use rewards::{
    allocation::allocate,
    book::{Record, Status},
    epoch::Clock,
    formula::Formula,
    health::{Gap, Health, Limits, Statuses},
    inputs::Inputs,
    parameters::{EpochParameters, Listed, Share},
    score::score,
    tally::{MarketTally, Tally},
};

use crate::fixture::{A, market, parameters, record, sums, tally};

/// BTC-USD alone, listed in so many minutes.
fn btc_of(minutes: u32) -> EpochParameters {
    let mut btc = market("BTC-USD", Share::Fixed(10_000), Formula::V4BtcEth);
    btc.listed = Some(Listed { from: 0, until: minutes });
    parameters(vec![btc])
}

/// A provider that makes all the volume of both epochs.
fn inputs() -> Inputs {
    let mut inputs = Inputs::of_epoch(18);
    inputs.add_volume(17, "BTC-USD", A, 5).unwrap();
    inputs.add_volume(18, "BTC-USD", A, 7).unwrap();
    inputs
}

fn of(parameters: &EpochParameters, market: MarketTally, inputs: &Inputs) -> Health {
    let tally = Tally { markets: vec![market], ..Tally::empty(1) };
    let mut health = Health::of(parameters, &tally, inputs, true, true);
    let scores = score(parameters, &tally, inputs).unwrap();
    health.add_allocation(parameters, &scores, &allocate(parameters, &scores));
    health
}

#[test]
fn minutes_are_told_apart_by_what_is_known_of_them() {
    let parameters = btc_of(10);
    let records: Vec<Record<'_>> = vec![
        record(0, (Some("9990"), Some("10010")), Status::Ok, &[]),
        record(1, (Some("9990"), None), Status::OneSided, &[]),
        record(2, (Some("10010"), Some("9990")), Status::Crossed, &[]),
        record(3, (None, None), Status::Outage, &[]),
    ];
    let health = Health::of(&parameters, &tally(&parameters, &records), &inputs(), false, false);
    let market = &health.markets[0];
    assert_eq!((market.expected, market.seen, market.on_instant, market.valid), (10, 4, 4, 2));
    let statuses = Statuses { ok: 1, one_sided: 1, crossed: 1, outage: 1, off_instant: 0 };
    assert_eq!(market.statuses, statuses);
    assert_eq!((market.orders, health.stake_minutes), (0, None));
}

/// The gaps of a market with these counts, and limits of nine in ten.
fn gaps(seen: u32, valid: u32, off_instant: u32) -> Vec<Gap> {
    let mut parameters = btc_of(100);
    parameters.health = Limits { seen_bps: 9_000, on_instant_bps: 9_000, valid_bps: 8_000, ..Limits::default() };
    let rest = seen - valid - off_instant;
    let market = MarketTally { crossed: rest, off_instant, ..sums(valid, &[(A, 1_000_000, valid)]) };
    of(&parameters, market, &inputs()).gaps
}

#[test]
fn limits_are_reached_exactly_or_not() {
    let market = || "BTC-USD".to_owned();
    assert_eq!(gaps(90, 80, 9), []);
    assert_eq!(gaps(89, 80, 0), [Gap::Unseen { market: market(), seen: 89, expected: 100, least: 90 }]);
    assert_eq!(gaps(90, 79, 0), [Gap::Invalid { market: market(), valid: 79, expected: 100, least: 80 }]);
    assert_eq!(gaps(90, 80, 10), [Gap::OffInstant { market: market(), on_instant: 80, seen: 90, least: 81 }]);
    assert_eq!(gaps(100, 90, 10), []);
}

#[test]
fn what_nobody_can_be_paid_by_is_a_gap() {
    let parameters = btc_of(10);
    let whole = || sums(10, &[(A, 1_000_000, 10)]);
    assert_eq!(of(&parameters, whole(), &inputs()).gaps, []);
    let none = Inputs::of_epoch(18);
    let expected = [
        Gap::NoVolume { market: "BTC-USD".into(), epoch: 18 },
        Gap::NoPreviousVolume { epoch: 17 },
        Gap::NobodyEligible,
    ];
    assert_eq!(of(&parameters, whole(), &none).gaps, expected);
    assert_eq!(of(&parameters, sums(10, &[]), &inputs()).gaps, [Gap::Unpaid], "eligible, but nobody quoted");
    // A market whose part is nothing pays nobody, and nothing is divided by zero.
    let mut worthless = parameters.clone();
    (worthless.markets[0].share, worthless.alloc_other_bps) = (Share::Fixed(0), 10_000);
    assert_eq!(of(&worthless, whole(), &inputs()).gaps, [Gap::Unpaid]);
    let nothing = EpochParameters { lp_amount_wei: 0, ..parameters };
    assert_eq!(of(&nothing, whole(), &inputs()).gaps, [], "there is nothing to pay");
}

#[test]
fn seals_and_secrets_are_asked_for_if_the_limits_say_so() {
    let mut parameters = btc_of(1);
    let tally = Tally { markets: vec![sums(1, &[(A, 1_000_000, 1)])], ..Tally::empty(1) };
    let gaps =
        |parameters: &EpochParameters, known, sealed| Health::of(parameters, &tally, &inputs(), known, sealed).gaps;
    assert_eq!(gaps(&parameters, false, false), []);
    parameters.health = Limits { known_instants: true, sealed: true, ..Limits::default() };
    assert_eq!(gaps(&parameters, false, false), [Gap::UnknownInstants, Gap::Unsealed]);
    assert_eq!(gaps(&parameters, true, true), []);
}

#[test]
fn any_program_has_its_own_clock() {
    let clock = Clock { first_epoch_start: 1_790_000_000, epoch_seconds: 604_800 };
    assert_eq!((clock.minutes(), clock.start_ms(3)), (10_080, Some(1_791_814_400_000)));
    assert_eq!((clock.of_second(1_789_999_999), clock.of_second(1_790_604_799)), (None, Some(0)));
    assert_eq!(clock.of_second(1_790_604_800), Some(1));
    let mut parameters = btc_of(10_080);
    (parameters.clock, parameters.epoch) = (clock, 0);
    parameters.check().unwrap();
    let first =
        Record { epoch: 0, time_ms: 1_790_000_000_000, ..record(0, (Some("9990"), Some("10010")), Status::Ok, &[]) };
    assert_eq!(tally(&parameters, &[first]).markets[0].valid, 1, "a sample of today counts");
}
