//! The feeds of chains: the made-up exchange as their nodes would tell it, from which the same samples must follow.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::Address;
use bech32::{ToBase32, Variant};
use chrono::DateTime;
use rewards::decimal;
use rewards_record::{
    event::Markets,
    feed::{Feed, dydx::Dydx, hyperliquid::Hyperliquid},
    metadata,
    owner::Owners,
    recorder::Settings,
    source::Input,
};
use serde_json::{Value, json};

use crate::fixture::{Epoch, Memory, START_MS, plain_orders, texts};

const MINUTES: u32 = 3;

fn settings() -> Settings {
    Settings { all_orders: true, ..Settings::default() }
}

fn values(lines: &[String]) -> Vec<Value> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The same books at the same instants, numbers and names of orders aside.
#[track_caller]
fn same(one: &Memory, other: &Memory) {
    assert_eq!(one.samples.len(), 3 * MINUTES as usize);
    assert_eq!(one.samples.keys().collect::<Vec<_>>(), other.samples.keys().collect::<Vec<_>>());
    for (market, minute) in one.samples.keys() {
        let [one, other] = [one, other].map(|memory| memory.value(market, *minute));
        for field in ["time_ms", "status", "best_bid", "best_ask"] {
            assert_eq!(one[field], other[field], "{market} {minute}: {field}");
        }
        let [one, other] = [one, other].map(|sample| plain_orders(sample["orders"].as_array().unwrap(), false));
        assert_eq!(one, other, "{market} {minute}");
    }
    assert_eq!(one.volumes, other.volumes);
    assert!(one.volumes.len() > 4);
}

fn time(ms: u64) -> String {
    DateTime::from_timestamp_millis(ms.try_into().unwrap()).unwrap().format("%Y-%m-%dT%H:%M:%S%.9f").to_string()
}

/// A node's files: a snapshot, changes by block, executions by block. Each message of the feed is a block.
fn node_files(lines: &[String]) -> (String, Vec<String>, Vec<String>) {
    let (mut books, mut placed) = (Vec::new(), HashMap::new());
    let (mut diffs, mut fills, mut number) = (Vec::new(), Vec::new(), 1000);
    let side = |order: &Value| if order["side"] == "B" { "B" } else { "A" };
    let mut left = HashMap::<(Value, Value), Value>::new();
    for one in values(lines) {
        let (market, at) = (one["market"].clone(), one["time_ms"].as_u64().unwrap_or_default());
        let key = (market.clone(), one["id"].clone());
        let oid = |id: &Value| {
            id.as_str().unwrap().parse::<u64>().unwrap() + 1_000_000 * market.as_str().unwrap().len() as u64
        };
        let block = |stream: &mut Vec<String>, number: u64, events: Vec<Value>| {
            stream.push(
                json!({"local_time": time(at + 100), "block_time": time(at), "block_number": number, "events": events})
                    .to_string(),
            );
        };
        let diff = |order: &Value, raw: Value| json!({"user": order["account"], "oid": oid(&order["id"]), "px": order["price"], "coin": market, "side": side(order), "raw_book_diff": raw});
        match one["type"].as_str().unwrap() {
            "snapshot" => {
                let mut sides = [Vec::new(), Vec::new()];
                for order in one["orders"].as_array().unwrap() {
                    placed.insert((market.clone(), order["id"].clone()), order.clone());
                    left.insert((market.clone(), order["id"].clone()), order["size"].clone());
                    let entry = json!([order["account"], {"coin": market, "side": side(order), "limitPx": order["price"], "sz": order["size"], "oid": oid(&order["id"]), "isTrigger": false}]);
                    sides[usize::from(order["side"] == "S")].push(entry);
                }
                // A trigger is in the file and in no book.
                sides[0].push(json!(["0x00000000000000000000000000000000000000aa", {"coin": market, "side": "B", "limitPx": "999999", "sz": "1", "oid": 7, "isTrigger": true}]));
                books.push(json!([market, sides]));
            }
            "heartbeat" => {
                number += 1;
                let other = json!({"user": "0x00000000000000000000000000000000000000aa", "oid": 1, "px": "1", "coin": "OTHER", "side": "B", "raw_book_diff": "remove"});
                block(&mut diffs, number, vec![other]);
            }
            "add" => {
                number += 1;
                placed.insert(key.clone(), one.clone());
                left.insert(key, one["size"].clone());
                block(&mut diffs, number, vec![diff(&one, json!({"new": {"sz": one["size"]}}))]);
            }
            "remove" => {
                number += 1;
                block(&mut diffs, number, vec![diff(&placed[&key], "remove".into())]);
            }
            "set" => {
                number += 1;
                let before = left.insert(key.clone(), one["size"].clone());
                block(
                    &mut diffs,
                    number,
                    vec![diff(&placed[&key], json!({"update": {"origSz": before, "newSz": one["size"]}}))],
                );
            }
            "fill" => {
                number += 1;
                let scaled = |value: &Value| decimal::scaled(value.as_str().unwrap(), 8).unwrap();
                let rest = decimal::plain(u128::from(scaled(&left[&key]) - scaled(&one["size"])), 8);
                let before = left.insert(key.clone(), rest.clone().into());
                let order = &placed[&key];
                block(&mut diffs, number, vec![diff(order, json!({"update": {"origSz": before, "newSz": rest}}))]);
                let fill = |crossed: bool| json!({"coin": market, "px": order["price"], "sz": one["size"], "side": side(order), "time": at, "oid": oid(&order["id"]), "crossed": crossed, "tid": 1});
                let taker = "0x00000000000000000000000000000000000000bb";
                block(&mut fills, number, vec![json!([order["account"], fill(false)]), json!([taker, fill(true)])]);
            }
            other => panic!("{other}"),
        }
    }
    (json!([1000, books]).to_string(), diffs, fills)
}

#[test]
fn hyperliquid_gives_the_samples_of_the_generic_feed() {
    let epoch = Epoch::new(60);
    let lines = epoch.play(21, MINUTES.into(), 3);
    let names = Markets::of(&epoch.parameters);
    let (snapshot, diffs, fills) = node_files(&lines);
    let record = |lines: Vec<String>| {
        let feed: Box<dyn Feed> = Box::new(Hyperliquid::new(&names));
        epoch.record_by(feed, texts(&lines), settings())
    };
    let all: Vec<_> = [snapshot.clone()].into_iter().chain(diffs.clone()).chain(fills.clone()).collect();
    let found = record(all.clone());
    same(&epoch.record(texts(&lines), settings()), &found);
    assert_eq!(found.counts.lost, 0);
    // Executions before changes, every block twice, blocks of nothing in between: no difference.
    let twice = |lines: &[String]| lines.iter().flat_map(|line| [line.clone(), line.clone()]).collect::<Vec<_>>();
    let status = json!({"local_time": time(START_MS), "block_time": time(START_MS), "block_number": 1001, "events": [{"time": "x", "user": "y", "status": "open", "order": {}}]});
    let empty = json!({"local_time": time(START_MS), "block_time": time(START_MS), "block_number": 1002, "events": []});
    let mixed =
        [snapshot.clone(), status.to_string(), empty.to_string()].into_iter().chain(twice(&fills)).chain(twice(&diffs));
    same(&found, &record(mixed.collect()));
    // A block that is missing costs all markets their books, until there is a snapshot.
    let (mut gap, at) = (all, 1 + diffs.len() / 2);
    gap.remove(at);
    let gapped = record(gap);
    assert_eq!(gapped.counts.lost, 3);
    let reason = &gapped.reasons[&("SOL-USD".to_owned(), 2)];
    assert!(reason.contains("are missing"), "{reason}");
    // A snapshot of another block does not fit.
    let old = snapshot.replacen("[1000,", "[990,", 1);
    let unfit = record([old].into_iter().chain(diffs).collect());
    assert_eq!((unfit.counts.ok, unfit.status("BTC-USD", 0)), (0, "outage".to_owned()));
}

/// The exchange's metadata as dYdX's indexer has it.
const PERPETUALS: &str = r#"{"markets":{
    "BTC-USD":{"clobPairId":"0","ticker":"BTC-USD","atomicResolution":-10,"quantumConversionExponent":-9,"status":"ACTIVE"},
    "ETH-USD":{"clobPairId":"1","ticker":"ETH-USD","atomicResolution":-9,"quantumConversionExponent":-9,"status":"ACTIVE"},
    "SOL-USD":{"clobPairId":"5","ticker":"SOL-USD","atomicResolution":-7,"quantumConversionExponent":-9,"status":"ACTIVE"}}}"#;

fn owner(account: &str) -> String {
    let account: Address = account.parse().unwrap();
    bech32::encode("dydx", account.as_slice().to_base32(), Variant::Bech32).unwrap()
}

/// A full node's stream. Executions come optimistically, some are taken back, and then again for good.
fn stream(lines: &[String], snake: bool) -> Vec<Input> {
    let pairs: BTreeMap<_, _> =
        metadata::pairs(PERPETUALS.as_bytes()).unwrap().into_iter().map(|pair| (pair.market.clone(), pair)).collect();
    let (mut inputs, mut placed, mut filled) = (Vec::new(), HashMap::new(), HashMap::new());
    for (one, height) in values(lines).into_iter().zip(500..) {
        let Some(pair) = one["market"].as_str().map(|market| &pairs[market]) else { continue };
        let at = one["time_ms"].as_u64().unwrap();
        let exact = |value: &Value, exponent: i64| {
            let power = u32::try_from(-exponent).unwrap();
            decimal::scaled(value.as_str().unwrap(), power.try_into().unwrap()).unwrap().to_string()
        };
        let subticks = |price: &Value| exact(price, pair.quantum_conversion_exponent - 6 - pair.atomic_resolution);
        let quantums = |size: &Value| exact(size, pair.atomic_resolution);
        let id = |order: &Value| {
            let client: u64 = order["id"].as_str().unwrap().parse().unwrap();
            json!({"subaccountId": {"owner": owner(order["account"].as_str().unwrap()), "number": client % 3}, "clientId": client, "orderFlags": 64, "clobPairId": pair.number})
        };
        let chain = |order: &Value| {
            let side = if order["side"] == "B" { "SIDE_BUY" } else { "SIDE_SELL" };
            json!({"orderId": id(order), "side": side, "quantums": quantums(&order["size"]), "subticks": subticks(&order["price"])})
        };
        let place = |order: &Value| json!({"orderPlace": {"order": chain(order), "placementStatus": "ORDER_PLACEMENT_STATUS_OPENED"}});
        let total = |order: &Value, filled: u64| json!({"orderUpdate": {"orderId": id(order), "totalFilledQuantums": filled.to_string()}});
        let key = (one["market"].clone(), one["id"].clone());
        let mut send = |update: Value, mode: u64| {
            let mut update = update;
            update["blockHeight"] = height.into();
            update["execMode"] = mode.into();
            let mut text = json!({"updates": [update]}).to_string();
            if snake {
                let spelled = [
                    "orderPlace",
                    "orderUpdate",
                    "orderRemove",
                    "orderFill",
                    "orderbookUpdate",
                    "subaccountId",
                    "clientId",
                    "orderFlags",
                    "clobPairId",
                    "orderId",
                    "blockHeight",
                    "execMode",
                    "totalFilledQuantums",
                    "removedOrderId",
                    "clobMatch",
                    "matchOrders",
                    "makerOrderId",
                    "fillAmounts",
                    "fillAmount",
                ];
                for name in spelled {
                    let snake: String = name
                        .chars()
                        .flat_map(|letter| {
                            if letter.is_uppercase() { vec!['_', letter.to_ascii_lowercase()] } else { vec![letter] }
                        })
                        .collect();
                    text = text.replace(&format!("\"{name}\""), &format!("\"{snake}\""));
                }
            }
            inputs.push(Input::Text(text.into_bytes(), Some(at)));
        };
        let book = |updates: Vec<Value>, snapshot: bool| json!({"orderbookUpdate": {"snapshot": snapshot, "updates": updates}});
        match one["type"].as_str().unwrap() {
            "snapshot" => {
                let orders = one["orders"].as_array().unwrap();
                placed.extend(orders.iter().map(|order| ((one["market"].clone(), order["id"].clone()), order.clone())));
                // What is filled is said beside each placement, and of some orders that are nowhere.
                let mut updates: Vec<_> = orders.iter().flat_map(|order| [place(order), total(order, 0)]).collect();
                updates.push(total(&json!({"id": "77777", "account": orders[0]["account"]}), 5_000_000));
                send(book(updates, true), 0);
            }
            "heartbeat" => send(json!({"takerOrder": {"order": {}}}), 0),
            "add" => {
                placed.insert(key, one.clone());
                send(book(vec![total(&one, 0)], false), 0);
                send(book(vec![place(&one), total(&one, 0)], false), 0);
            }
            "remove" => send(book(vec![json!({"orderRemove": {"removedOrderId": id(&placed[&key])}})], false), 0),
            // The feed has what is left, the chain what is filled in all.
            "set" => {
                let number = |text: String| text.parse::<u64>().unwrap();
                let sum = number(quantums(&placed[&key]["size"])) - number(quantums(&one["size"]));
                filled.insert(key.clone(), sum);
                send(book(vec![total(&placed[&key], sum)], false), 0);
            }
            "fill" => {
                let (order, size) = (&placed[&key], quantums(&one["size"]).parse::<u64>().unwrap());
                let before = filled.get(&key).copied().unwrap_or_default();
                let matched = |sum: u64| json!({"orderFill": {"clobMatch": {"matchOrders": {"takerOrderId": id(order), "fills": [{"fillAmount": size.to_string(), "makerOrderId": id(order)}]}}, "orders": [chain(order)], "fillAmounts": [sum.to_string()]}});
                send(matched(before + size), 0);
                send(book(vec![total(order, before)], false), 102);
                send(matched(before + size), 7);
                filled.insert(key, before + size);
            }
            other => panic!("{other}"),
        }
    }
    inputs
}

#[test]
fn dydx_gives_the_samples_of_the_generic_feed() {
    let epoch = Epoch::new(60);
    let lines = epoch.play(22, MINUTES.into(), 3);
    let (names, owners) = (Markets::of(&epoch.parameters), Owners::default());
    let pairs = metadata::pairs(PERPETUALS.as_bytes()).unwrap();
    let generic = epoch.record(texts(&lines), settings());
    for snake in [false, true] {
        let feed: Box<dyn Feed> = Box::new(Dydx::new(&names, &owners, &pairs));
        let found = epoch.record_by(feed, stream(&lines, snake), settings());
        assert_eq!(found.counts.lost, 0, "{:?}", found.notes);
        same(&generic, &found);
    }
}

#[test]
fn orders_of_dydx_that_cross_give_way_to_what_was_placed_later() {
    let epoch = Epoch::new(60);
    let (names, owners) = (Markets::of(&epoch.parameters), Owners::default());
    let pairs = metadata::pairs(PERPETUALS.as_bytes()).unwrap();
    let account = format!("{:#x}", crate::fixture::makers()[0]);
    let order = |id: u32, side: &str, price: &str| json!({"account": account, "id": id.to_string(), "side": side, "price": price, "size": "1"});
    let record = |orders: Vec<Value>| {
        let snapshot =
            json!({"type": "snapshot", "market": "BTC-USD", "seq": 0, "time_ms": START_MS, "orders": orders});
        let beat = json!({"type": "heartbeat", "market": "BTC-USD", "seq": 0, "time_ms": START_MS + 60_000});
        let inputs = stream(&[snapshot.to_string(), beat.to_string()], false);
        let feed: Box<dyn Feed> = Box::new(Dydx::new(&names, &owners, &pairs));
        epoch.record_by(feed, inputs, Settings { stale_ms: 60_000, ..settings() })
    };
    let memory =
        record(vec![order(1, "B", "30000"), order(2, "B", "29990"), order(3, "S", "29995"), order(4, "S", "30010")]);
    let sample = memory.value("BTC-USD", 0);
    assert_eq!(
        (&sample["best_bid"], &sample["best_ask"], &sample["status"]),
        (&"29990".into(), &"29995".into(), &"ok".into())
    );
    assert_eq!(sample["orders"].as_array().unwrap().len(), 3);
    // Where too many would have to, nobody knows what the book is.
    let crossing = |count: u32| {
        (0..count).map(|id| order(id, "B", "30000")).chain([order(999, "S", "29000"), order(1000, "S", "30010")])
    };
    assert_eq!(record(crossing(100).collect()).status("BTC-USD", 0), "one_sided");
    assert_eq!(record(crossing(101).collect()).status("BTC-USD", 0), "crossed");
}

#[test]
fn metadata_becomes_listings() {
    let of = |text: &str| {
        let listings = metadata::listings(text.as_bytes()).map_err(|error| error.to_string())?;
        Ok::<_, String>(
            listings.into_iter().map(|it| (it.market, it.price_decimals, it.size_decimals)).collect::<Vec<_>>(),
        )
    };
    let listed = |market: &str, price, size| (market.to_owned(), price, size);
    assert_eq!(of(PERPETUALS).unwrap(), [listed("BTC-USD", 5, 10), listed("ETH-USD", 6, 9), listed("SOL-USD", 8, 7)]);
    let meta = r#"{"universe":[{"name":"BTC","szDecimals":5,"maxLeverage":40},{"name":"GONE","szDecimals":1,"isDelisted":true}]}"#;
    assert_eq!(of(meta).unwrap(), [listed("BTC", 1, 5)]);
    let own = r#"{"markets":[{"market":"xyz:NVDA","price_decimals":2,"size_decimals":3}]}"#;
    assert_eq!(of(own).unwrap(), [listed("xyz:NVDA", 2, 3)]);
    assert_eq!(of(r#"{"markets":[]}"#).unwrap_err(), "no markets");
    assert!(of(&own.replace("3}", "19}")).unwrap_err().contains("19 decimals of its sizes"));
    assert!(of("[]").is_err());
}

#[test]
fn owners_in_every_spelling() {
    let account = crate::fixture::makers()[0];
    let owners = Owners::default();
    let bech = |prefix: &str, bytes: &[u8], variant| bech32::encode(prefix, bytes.to_base32(), variant).unwrap();
    for text in [
        format!("{account:#x}"),
        account.to_string(),
        bech("dydx", account.as_slice(), Variant::Bech32),
        bech("inj", account.as_slice(), Variant::Bech32),
    ] {
        assert_eq!(owners.address(&text), Ok(account), "{text}");
    }
    for text in ["", "0x", "me", &bech("dydx", &[1; 32], Variant::Bech32), &bech("dydx", &[1; 20], Variant::Bech32m)] {
        assert!(owners.address(text).is_err(), "{text}");
    }
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("owners.csv");
    std::fs::write(&path, format!("owner,account\nu-17,{account:#x}\n")).unwrap();
    let listed = Owners::read(&path).unwrap();
    assert_eq!((listed.address("u-17"), listed.address("u-18")), (Ok(account), Ok(Address::ZERO)));
    std::fs::write(&path, format!("owner,account\nu-17,{account:#x}\nu-17,{account:#x}\n")).unwrap();
    assert!(Owners::read(&path).is_err());
}
