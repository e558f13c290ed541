//! What is recorded over time: buckets, verdicts, depth and spread, whoever saw which sample.

use rewards::{
    book::{OrderRecord, Record, Side, Status},
    epoch::{Clock, MINUTES, MINUTES_MAX},
    parameters::EpochParameters,
    sampling::Sampling,
    tally::Rules,
    timeline::{BUCKETS_MAX, MarketBucket, ProviderBucket, Recorder, Timeline, Verdicts},
};

use crate::fixture::{A, B, btc, order, parameters, record};

fn only_btc() -> EpochParameters {
    let mut parameters = parameters(vec![btc()]);
    parameters.markets[0].share = rewards::parameters::Share::Fixed(10_000);
    parameters.alloc_other_bps = 0;
    parameters
}

/// The timeline of these samples, recorded by so many recorders in turn.
fn recorded(records: &[Record<'_>], recorders: usize) -> Timeline {
    let parameters = only_btc();
    let rules = Rules::new(&parameters, &Sampling::default()).unwrap();
    let mut all: Vec<_> = (0..recorders).map(|_| Recorder::new(1)).collect();
    for (place, record) in records.iter().enumerate() {
        all[place % recorders].add(&rules, record).unwrap();
    }
    let mut timeline = Timeline::empty(1);
    all.into_iter().for_each(|recorder| timeline.absorb(recorder.finish()));
    timeline
}

const BOOK: (Option<&str>, Option<&str>) = (Some("29990"), Some("30010"));

/// One unit on each side, at a distance of ten from mid.
fn both() -> [OrderRecord<'static>; 2] {
    [order("1", A, Side::Bid, "1", "29990"), order("2", A, Side::Ask, "2", "30010")]
}

#[test]
fn depth_spread_and_uptime_of_a_sample() {
    let orders = both();
    let timeline = recorded(&[record(7, BOOK, Status::Ok, &orders)], 1);
    // The book is 20 wide at 30,000: 6.666… basis points, of which each half is rounded down.
    let half = 3_333_333;
    let market = &timeline.markets[0];
    let expected = MarketBucket { samples: 1, two_sided: 1, spread_micro_bps: 2 * half };
    assert_eq!((timeline.bucket_minutes(), timeline.buckets()), (5, 2));
    assert_eq!(market.buckets, [MarketBucket::default(), expected]);
    let bid = 29_990_000_000_u128;
    let expected = ProviderBucket { uptime: 1, liquidity: bid * 3000, depth_micro: bid, spread_micro_bps: 2 * half };
    assert_eq!(market.providers[&A].buckets, [ProviderBucket::default(), expected]);
}

#[test]
fn the_best_order_of_each_side_makes_the_spread() {
    let far = [order("3", A, Side::Bid, "1", "29985"), order("4", A, Side::Ask, "1", "30040")];
    let orders = [far.as_slice(), &both()].concat();
    let wide = [far[0], far[1], order("5", B, Side::Bid, "1", "29990"), order("6", B, Side::Ask, "1", "30010")];
    let timeline = recorded(&[record(0, BOOK, Status::Ok, &orders), record(1, BOOK, Status::Ok, &wide)], 1);
    let sum = timeline.markets[0].providers[&A].buckets[0];
    // 10 and 10 of 30,000 in the first sample, 15 and 40 in the second.
    assert_eq!((sum.uptime, sum.spread_micro_bps), (2, 3_333_333 * 2 + 5_000_000 + 13_333_333));
    assert_eq!(sum.depth_micro, 59_975_000_000 + 29_985_000_000);
}

#[test]
fn every_order_has_its_reason() {
    let orders = [
        order("1", A, Side::Bid, "1", "29990"),
        order("2", A, Side::Ask, "0.1", "30010"),
        order("3", A, Side::Ask, "1", "30060"),
        order("4", A, Side::Bid, "9", "29000"),
    ];
    let lonely = [order("1", A, Side::Bid, "1", "29990")];
    let one_sided = record(1, (Some("29990"), None), Status::OneSided, &lonely);
    let timeline = recorded(&[record(0, BOOK, Status::Ok, &orders), one_sided], 1);
    let expected = Verdicts { counts: 1, too_small: 1, too_far: 2, no_mid: 1, one_side: 1 };
    let provider = &timeline.markets[0].providers[&A];
    assert_eq!((provider.verdicts, provider.verdicts.orders()), (expected, 5));
    assert_eq!(provider.buckets, [], "it was never up");
    assert_eq!(timeline.markets[0].buckets, [MarketBucket { samples: 2, two_sided: 1, spread_micro_bps: 6_666_666 }]);
}

#[test]
fn buckets_grow_with_the_last_minute_and_lose_nothing() {
    let orders = both();
    for (last, width) in [
        (0, 5),
        (559, 5),
        (560, 15),
        (1679, 15),
        (1680, 30),
        (3360, 60),
        (6720, 180),
        (20_160, 360),
        (MINUTES - 1, 360),
    ] {
        let minutes = [0, 4, 5, 14, 15, 29, 30, 59, 60, 359, 360, last];
        let minutes: std::collections::BTreeSet<_> = minutes.into_iter().filter(|minute| *minute <= last).collect();
        let records: Vec<_> = minutes.iter().map(|minute| record(*minute, BOOK, Status::Ok, &orders)).collect();
        let timeline = recorded(&records, 1);
        assert_eq!(timeline.bucket_minutes(), width, "last minute {last}");
        assert_eq!(timeline.buckets() as u32, last / width + 1);
        assert!(timeline.buckets() as u32 <= BUCKETS_MAX);
        let market = &timeline.markets[0];
        for (place, bucket) in market.buckets.iter().enumerate() {
            let here = minutes.iter().filter(|minute| (**minute / width) as usize == place).count() as u32;
            let uptime = market.providers[&A].buckets.get(place).map_or(0, |bucket| bucket.uptime);
            assert_eq!((bucket.samples, uptime), (here, here), "last minute {last}, bucket {place}");
        }
        let backwards: Vec<_> = records.iter().rev().copied().collect();
        for (records, recorders) in [(&records, 2), (&records, 5), (&backwards, 1), (&backwards, 3)] {
            assert_eq!(recorded(records, recorders), timeline, "last minute {last}, {recorders} recorders");
        }
    }
}

#[test]
fn the_longest_epoch_has_buckets_of_a_day() {
    let mut parameters = only_btc();
    parameters.clock = Clock { first_epoch_start: 0, epoch_seconds: u64::from(MINUTES_MAX) * 60 };
    let rules = Rules::new(&parameters, &Sampling::default()).unwrap();
    let orders = both();
    let at = |minute: u32| Record {
        time_ms: (parameters.start() + u64::from(minute) * 60) * 1000,
        ..record(minute, BOOK, Status::Ok, &orders)
    };
    let mut recorder = Recorder::new(1);
    for minute in [0, MINUTES_MAX - 1] {
        recorder.add(&rules, &at(minute)).unwrap();
    }
    let timeline = recorder.finish();
    assert_eq!((timeline.bucket_minutes(), timeline.buckets()), (1440, 92));
}
