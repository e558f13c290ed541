//! Feeds that are not as they should be: what is recorded is the truth, or an outage with its reason.

use proptest::{prelude::*, test_runner::Config};
use rewards_record::{recorder::Settings, source::Input};
use serde_json::Value;

use crate::fixture::{Epoch, Memory, START_MS, plain_orders, texts, truth};

const MINUTES: u32 = 4;

fn all_orders() -> Settings {
    Settings { all_orders: true, ..Settings::default() }
}

fn of_sample(memory: &Memory, market: &str, minute: u32) -> Vec<String> {
    plain_orders(memory.value(market, minute)["orders"].as_array().unwrap(), true)
}

#[test]
fn a_sample_is_the_book_at_its_instant() {
    let epoch = Epoch::new(60);
    let lines = epoch.play(1, MINUTES.into(), 4);
    let recorded = epoch.record(texts(&lines), all_orders());
    assert_eq!(recorded.samples.len(), 3 * MINUTES as usize);
    for ((market, minute), orders) in truth(&epoch, &lines, MINUTES) {
        assert_eq!(recorded.status(&market, minute), "ok");
        assert_eq!(of_sample(&recorded, &market, minute), plain_orders(&orders, true), "{market} {minute}");
        let sample = recorded.value(&market, minute);
        assert_eq!(sample["time_ms"].as_u64(), epoch.instants().instant_ms(minute, &market));
        // Best prices are those of the whole book.
        let best = |side: &str, is_better: fn(f64, f64) -> bool| {
            let prices = orders.iter().filter(|order| order["side"] == side && order["size"] != "0");
            let prices = prices.map(|order| order["price"].as_str().unwrap().parse::<f64>().unwrap());
            prices.reduce(|best, price| if is_better(price, best) { price } else { best }).unwrap()
        };
        let shown = |name: &str| sample[name].as_str().unwrap().parse::<f64>().unwrap();
        assert_eq!(shown("best_bid").to_bits(), best("B", |a, b| a > b).to_bits());
        assert_eq!(shown("best_ask").to_bits(), best("S", |a, b| a < b).to_bits());
    }
    // Only what can count is written unless all is asked for: fewer bytes, and how many orders are left out is said.
    let short = epoch.record(texts(&lines), Settings::default());
    let bytes = |memory: &Memory| memory.samples.values().map(String::len).sum::<usize>();
    assert!(short.counts.left_out > 0 && recorded.counts.left_out == 0 && bytes(&short) < bytes(&recorded));
}

/// What may happen to a line on its way.
#[derive(Clone, Debug)]
enum Mishap {
    Lost,
    Twice(usize),
    Late(usize),
    Cut(usize),
    OldSnapshot,
    Snapshot,
    Reset,
}

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        3 => Just(Mishap::Lost),
        3 => (1..400_usize).prop_map(Mishap::Twice),
        4 => (1..400_usize).prop_map(Mishap::Late),
        1 => (1..60_usize).prop_map(Mishap::Cut),
        2 => Just(Mishap::OldSnapshot),
        3 => Just(Mishap::Snapshot),
        1 => Just(Mishap::Reset),
    ]
}

/// A snapshot of what the feed has said up to a line.
fn snapshot_at(epoch: &Epoch, lines: &[String], upto: usize) -> Option<String> {
    let last: Value = serde_json::from_str(&lines[upto]).unwrap();
    let market = last["market"].as_str()?;
    let seq = lines[..=upto].iter().rev().find_map(|line| {
        let one: Value = serde_json::from_str(line).unwrap();
        (one["market"] == market).then(|| one["seq"].as_u64().unwrap())
    })?;
    let time_ms = last["time_ms"].as_u64()?;
    // The plainest reading again, up to this line.
    let mut book: Vec<Value> = Vec::new();
    let decimals = epoch.parameters.markets.iter().find(|it| it.market == market)?.size_decimals;
    for line in &lines[..=upto] {
        let one: Value = serde_json::from_str(line).unwrap();
        if one["market"] != market {
            continue;
        }
        let place = book.iter().position(|order| order["id"] == one["id"]);
        match one["type"].as_str().unwrap() {
            "snapshot" => book = one["orders"].as_array().unwrap().clone(),
            "add" => book.push(one),
            "set" => book[place.unwrap()]["size"] = one["size"].clone(),
            "remove" => drop(book.remove(place.unwrap())),
            "fill" => {
                let scaled = |value: &Value| rewards::decimal::scaled(value.as_str().unwrap(), decimals).unwrap();
                let order = &mut book[place.unwrap()];
                let left = scaled(&order["size"]) - scaled(&one["size"]);
                order["size"] = rewards::decimal::plain(left.into(), decimals).into();
            }
            _ => {}
        }
    }
    let order = |order: &Value| {
        let field = |name: &str| (name.to_owned(), order[name].clone());
        Value::Object(["account", "id", "side", "price", "size"].map(field).into_iter().collect())
    };
    let orders: Vec<_> = book.iter().map(order).collect();
    Some(
        serde_json::json!({"type": "snapshot", "market": market, "seq": seq, "time_ms": time_ms, "orders": orders})
            .to_string(),
    )
}

fn spoil(epoch: &Epoch, lines: &[String], mishaps: &[(prop::sample::Index, Mishap)]) -> Vec<Input> {
    // Each line with the place at which it arrives.
    let mut arriving: Vec<(usize, String)> = lines.iter().cloned().enumerate().collect();
    let mut more = Vec::new();
    for (index, mishap) in mishaps {
        let at = index.index(lines.len());
        match mishap {
            Mishap::Lost => arriving[at].1.clear(),
            Mishap::Twice(later) => more.push((at + later, lines[at].clone())),
            Mishap::Late(later) => arriving[at].0 += later,
            Mishap::Cut(length) => {
                let length = (*length).min(lines[at].len() - 1);
                arriving[at].1.truncate(length);
            }
            Mishap::OldSnapshot => more.push((at, lines[at % 3].clone())),
            Mishap::Snapshot => more.extend(snapshot_at(epoch, lines, at).map(|line| (at, line))),
            Mishap::Reset => more.push((at, r#"{"type":"reset","reason":"a test"}"#.to_owned())),
        }
    }
    arriving.extend(more);
    arriving.sort_by_key(|(at, _)| *at);
    let lines: Vec<_> = arriving.into_iter().map(|(_, line)| line).collect();
    texts(&lines)
}

proptest! {
    #![proptest_config(Config { cases: 40, failure_persistence: None, ..Config::default() })]

    /// Whatever is lost, repeated, late, cut short or begun anew: a sample is the truth, or an outage that says why.
    #[test]
    fn what_is_not_known_is_not_made_up(
        seed in 0..1_000_u64,
        mishaps in prop::collection::vec((any::<prop::sample::Index>(), mishap()), 1..12),
    ) {
        let epoch = Epoch::new(60);
        let lines = epoch.play(seed, 2, 2);
        let recorded = epoch.record(spoil(&epoch, &lines, &mishaps), all_orders());
        for ((market, minute), orders) in truth(&epoch, &lines, 2) {
            let key = (market.clone(), minute);
            if !recorded.samples.contains_key(&key) {
                continue; // The end of the feed was lost.
            }
            if recorded.status(&market, minute) == "outage" {
                prop_assert!(recorded.reasons.contains_key(&key));
            } else {
                prop_assert_eq!(of_sample(&recorded, &market, minute), plain_orders(&orders, true), "{} {}", market, minute);
            }
        }
    }

    /// Messages that arrive within the patience in another order, or twice, give the same bytes.
    #[test]
    fn the_order_of_arrival_does_not_matter(seed in 0..1_000_u64, shuffle in any::<u64>()) {
        let epoch = Epoch::new(60);
        let lines = epoch.play(seed, 2, 2);
        let mut random = rewards_record::exchange::Random::new(shuffle);
        // A second's messages, between heartbeats, in any order; some of them twice.
        let mut mixed: Vec<String> = Vec::new();
        for second in lines.split_inclusive(|line| line.contains("heartbeat") && line.contains("SOL-USD")) {
            let (mut messages, heartbeats): (Vec<_>, Vec<_>) =
                second.iter().cloned().partition(|line| !line.contains("heartbeat"));
            for place in (1..messages.len()).rev() {
                messages.swap(place, random.below(place as u64 + 1) as usize);
            }
            mixed.extend(messages.iter().take(random.below(3) as usize).cloned().collect::<Vec<_>>());
            mixed.extend(messages);
            mixed.extend(heartbeats);
        }
        let (plain, mixed) = (epoch.record(texts(&lines), all_orders()), epoch.record(texts(&mixed), all_orders()));
        prop_assert_eq!(&plain.samples, &mixed.samples);
        prop_assert_eq!(&plain.volumes, &mixed.volumes);
    }
}

#[test]
fn a_missing_message_is_an_outage_until_the_next_snapshot() {
    let epoch = Epoch::new(60);
    let mut lines = epoch.play(3, 6, 2);
    let at = lines.iter().position(|line| line.contains(r#""market":"ETH-USD","seq":100,"#)).unwrap();
    lines.remove(at);
    // Four minutes in there is a snapshot again.
    let back = lines.iter().position(|line| line.contains(&(START_MS + 240_000).to_string())).unwrap();
    let whole = epoch.play(3, 6, 2);
    let snapshot = snapshot_at(&epoch, &whole, back + 1 + 1).unwrap();
    assert!(snapshot.contains("ETH-USD"), "{snapshot}");
    lines.insert(back + 1, snapshot);
    let recorded = epoch.record(texts(&lines), Settings::default());
    let statuses = |market: &str| (0..6).map(|minute| recorded.status(market, minute)).collect::<Vec<_>>();
    assert_eq!(statuses("BTC-USD"), ["ok"; 6]);
    let eth = statuses("ETH-USD");
    assert!(
        eth[4..].iter().all(|status| status == "ok") && eth[1..4].iter().all(|status| status == "outage"),
        "{eth:?}"
    );
    assert_eq!(recorded.reasons[&("ETH-USD".to_owned(), 2)], "messages 100 to 100 are missing");
    assert!(recorded.notes.iter().any(|note| note == "the book is lost: messages 100 to 100 are missing"));
}

#[test]
fn a_quiet_feed_is_stale_and_a_heartbeat_keeps_it_fresh() {
    let epoch = Epoch::new(60);
    let lines = epoch.play(4, 3, 2);
    let instant = |minute| epoch.instants().instant_ms(minute, "BTC-USD").unwrap();
    let quiet = |heartbeat: Option<u64>| {
        let is_before = |line: &&String| {
            let one: Value = serde_json::from_str(line).unwrap();
            one["time_ms"].as_u64().unwrap() + 20_000 < instant(1)
        };
        let mut lines: Vec<_> = lines.iter().filter(is_before).cloned().collect();
        let beat = |time: u64| format!(r#"{{"type":"heartbeat","time_ms":{time}}}"#);
        lines.extend(heartbeat.map(beat));
        lines.push(beat(instant(1) + 1));
        epoch.record(texts(&lines), Settings::default())
    };
    let stale = quiet(None);
    assert_eq!(stale.status("BTC-USD", 1), "outage");
    assert!(stale.reasons[&("BTC-USD".to_owned(), 1)].starts_with("stale: no sign of life for 2"));
    assert_eq!(quiet(Some(instant(1) - 5_000)).status("BTC-USD", 1), "ok");
}

#[test]
fn clocks_that_jump_cost_the_minutes_that_nobody_can_date() {
    let epoch = Epoch::new(60);
    let lines = epoch.play(5, 20, 1);
    let time = |line: &str| serde_json::from_str::<Value>(line).unwrap()["time_ms"].as_u64().unwrap();
    // The exchange's clock is 10 minutes ahead for a while, 5 minutes in.
    let (from, to) = (START_MS + 300_000, START_MS + 330_000);
    let jumped = |line: &String| {
        let at = time(line);
        let ahead = if (from..to).contains(&at) { at + 600_000 } else { at };
        line.replacen(&format!(r#""time_ms":{at}"#), &format!(r#""time_ms":{ahead}"#), 1)
    };
    let jumping: Vec<_> = lines.iter().map(jumped).collect();
    // With the time of arrival: followed as it happens, only the minutes of the jump are lost.
    let live = |lines: &[String], truth: &[String]| {
        let inputs =
            lines.iter().zip(truth).map(|(line, at)| Input::Text(line.clone().into_bytes(), Some(time(at) + 40)));
        epoch.record(inputs.collect::<Vec<_>>(), Settings::default())
    };
    let recorded = live(&jumping, &lines);
    let good = live(&lines, &lines);
    let differing = |minute: &u32| recorded.value("BTC-USD", *minute) != good.value("BTC-USD", *minute);
    let differing: Vec<_> = (0..20).filter(differing).collect();
    assert!(differing.iter().all(|minute| *minute == 5), "{differing:?}");
    // From a file there is no second clock: the minutes that were jumped over are outages, those after them are right.
    let replayed = epoch.record(texts(&jumping), Settings::default());
    for minute in 0..20 {
        let status = replayed.status("BTC-USD", minute);
        let is_right = replayed.value("BTC-USD", minute) == good.value("BTC-USD", minute);
        assert!(
            if (5..16).contains(&minute) { status == "outage" || is_right } else { is_right },
            "{minute}: {status}"
        );
    }
}

#[test]
fn a_feed_that_never_cancels_is_given_up_before_memory_is() {
    let epoch = Epoch::new(60);
    let mut lines = epoch.play(6, 0, 0);
    for number in 1..20_000 {
        lines.push(format!(
            r#"{{"type":"add","market":"BTC-USD","seq":{number},"time_ms":{},"account":"{:#x}","id":"new-{number}","side":"B","price":"{}","size":"1"}}"#,
            START_MS + number,
            crate::fixture::makers()[0],
            1 + number % 1000
        ));
    }
    // Numbers that never close a gap wait in a bounded number as well; `drive` checks both bounds after each message.
    lines.extend((0..5_000).map(|number| {
        format!(r#"{{"type":"remove","market":"ETH-USD","seq":{},"time_ms":{START_MS},"id":"x"}}"#, 100 + 2 * number)
    }));
    lines.push(format!(r#"{{"type":"heartbeat","time_ms":{}}}"#, START_MS + 120_000));
    let recorded = epoch.record(texts(&lines), Settings { orders_max: 10_000, ..Settings::default() });
    assert_eq!(recorded.status("BTC-USD", 1), "outage");
    let reason = &recorded.reasons[&("BTC-USD".to_owned(), 1)];
    assert!(reason.contains("more than 10000 orders rest"), "{reason}");
    assert!(recorded.reasons[&("ETH-USD".to_owned(), 1)].starts_with("messages 1 to 99 are missing"));
}

#[test]
fn contradictions_and_absurd_orders_cost_a_market_its_book_and_no_other() {
    let epoch = Epoch::new(60);
    let begin = epoch.play(7, 0, 0);
    let account = format!("{:#x}", crate::fixture::makers()[0]);
    let line = |rest: &str| format!(r#"{{"market":"BTC-USD","seq":1,"time_ms":{},{rest}}}"#, START_MS + 5);
    let cases = [
        (r#""type":"remove","id":"nobody's""#.to_owned(), "order `nobody's` is not in the book"),
        (format!(r#""type":"add","account":"{account}","id":"1","side":"B","price":"1","size":"1""#), "a second time"),
        (r#""type":"fill","id":"1","size":"1000000""#.to_owned(), "are left"),
        (r#""type":"set","id":"1","size":"0.00001""#.to_owned(), "has more than 4 decimals"),
        (format!(r#""type":"add","account":"{account}","id":"a","side":"B","price":"0","size":"1""#), "price is zero"),
        (r#""type":"add","account":"me","id":"a","side":"B","price":"1","size":"1""#.to_owned(), "owner `me`"),
        (format!(r#""type":"add","account":"{account}","id":"a","side":"X","price":"1","size":"1""#), "side `X`"),
        (r#""type":"buy","id":"a""#.to_owned(), "type `buy`"),
        (r#""type":"remove""#.to_owned(), "no id"),
    ];
    for (rest, expected) in cases {
        let end = format!(r#"{{"type":"heartbeat","time_ms":{}}}"#, START_MS + 9_000);
        let lines: Vec<_> = begin.iter().cloned().chain([line(&rest), end]).collect();
        // Until an instant that comes soon.
        let recorded = epoch.record(texts(&lines), Settings { stale_ms: u64::MAX, ..Settings::default() });
        let lost = recorded.notes.iter().find(|note| note.contains("the book is lost")).unwrap();
        assert!(lost.contains(expected), "{rest}: {lost}");
        assert_eq!(recorded.counts.lost, 1, "{rest}: of one market");
    }
}

#[test]
fn what_crosses_is_crossed_and_an_empty_side_is_one_sided() {
    let epoch = Epoch::new(60);
    let account = format!("{:#x}", crate::fixture::makers()[0]);
    let order = |id: &str, side: &str, price: &str| {
        format!(r#"{{"account":"{account}","id":"{id}","side":"{side}","price":"{price}","size":"1"}}"#)
    };
    let status = |orders: &[String]| {
        let snapshot = format!(
            r#"{{"type":"snapshot","market":"BTC-USD","seq":0,"time_ms":{START_MS},"orders":[{}]}}"#,
            orders.join(",")
        );
        let end = format!(r#"{{"type":"heartbeat","time_ms":{}}}"#, START_MS + 60_000);
        let settings = Settings { stale_ms: 60_000, ..Settings::default() };
        epoch.record(texts(&[snapshot, end]), settings).status("BTC-USD", 0)
    };
    assert_eq!(status(&[order("1", "B", "30000"), order("2", "S", "30000")]), "crossed");
    assert_eq!(status(&[order("1", "B", "30000"), order("2", "S", "30000.1")]), "ok");
    assert_eq!(status(&[order("1", "B", "30000")]), "one_sided");
    assert_eq!(status(&[]), "one_sided");
}
