//! Any bytes, and messages of which parts are any bytes: a typed error or a message, no panic, bounded memory.

use proptest::{prelude::*, test_runner::Config};
use rewards_record::{
    event::Markets,
    feed::{Feed, dydx::Dydx, generic::Generic, hyperliquid::Hyperliquid},
    metadata,
    owner::Owners,
    recorder::Settings,
    source::Input,
};

use crate::fixture::{Epoch, START_MS, makers, texts};

const META: &[u8] = br#"{"markets":{"BTC-USD":{"clobPairId":"0","ticker":"BTC-USD","atomicResolution":-10,"quantumConversionExponent":-9}}}"#;

fn seeds() -> Vec<String> {
    let maker = format!("{:#x}", makers()[0]);
    let time = START_MS + 30_000;
    vec![
        format!(r#"{{"type":"snapshot","market":"BTC-USD","seq":1,"time_ms":{time},"orders":[{{"account":"{maker}","id":"1","side":"B","price":"30000.5","size":"1"}}]}}"#),
        format!(r#"{{"type":"add","market":"BTC-USD","seq":2,"time_ms":{time},"account":"{maker}","id":"2","side":"S","price":"30001","size":"0.5"}}"#),
        format!(r#"{{"type":"set","market":"BTC-USD","seq":3,"time_ms":{time},"id":"2","size":"0.25"}}"#),
        format!(r#"{{"type":"fill","market":"BTC-USD","seq":4,"time_ms":{time},"id":"2","size":"0.2"}}"#),
        format!(r#"{{"type":"heartbeat","market":"BTC-USD","seq":4,"time_ms":{time}}}"#),
        r#"{"type":"reset","reason":"why"}"#.to_owned(),
        format!(r#"[1000,[["BTC-USD",[[["{maker}",{{"coin":"BTC-USD","side":"B","limitPx":"30000","sz":"1","oid":5,"isTrigger":false}}]],[]]]]]"#),
        format!(r#"{{"local_time":"2023-11-14T22:14:30.5","block_time":"2023-11-14T22:14:30.123456789","block_number":1001,"events":[{{"user":"{maker}","oid":6,"coin":"BTC-USD","side":"A","px":"30001","raw_book_diff":{{"new":{{"sz":"1"}}}}}}]}}"#),
        format!(r#"{{"local_time":"2023-11-14T22:14:30.5","block_time":"2023-11-14T22:14:31","block_number":1002,"events":[["{maker}",{{"coin":"BTC-USD","px":"30001","sz":"1","side":"B","crossed":false}}]]}}"#),
        r#"{"updates":[{"blockHeight":1,"execMode":7,"orderbookUpdate":{"snapshot":true,"updates":[{"orderPlace":{"order":{"orderId":{"subaccountId":{"owner":"0x00000000000000000000000000000000000000aa","number":0},"clientId":1,"orderFlags":64,"clobPairId":0},"side":"SIDE_BUY","quantums":"10000000000","subticks":"3000000000"}}}]}}]}"#.to_owned(),
        r#"{"updates":[{"blockHeight":2,"execMode":7,"orderFill":{"clobMatch":{"matchOrders":{"fills":[{"fillAmount":"1000000","makerOrderId":{"subaccountId":{"owner":"0x00000000000000000000000000000000000000aa","number":0},"clientId":1,"orderFlags":64,"clobPairId":0}}]}},"orders":[{"orderId":{"subaccountId":{"owner":"0x00000000000000000000000000000000000000aa","number":0},"clientId":1,"orderFlags":64,"clobPairId":0},"side":1,"quantums":"10000000000","subticks":"3000000000"}],"fillAmounts":["1000000"]}}]}"#.to_owned(),
    ]
}

/// What is put into a message.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        Just(b"18446744073709551615".to_vec()),
        Just(b"-1".to_vec()),
        Just(b"1e400".to_vec()),
        Just(b"null".to_vec()),
        Just(b"\"\"".to_vec()),
        Just(b"[[[[[[[[".to_vec()),
        Just(b"0.0000000000000000000000001".to_vec()),
        Just(b"\\u0000\xff\xfe".to_vec()),
    ]
}

/// How many cases each has; more with `FUZZ_CASES`.
fn cases() -> u32 {
    std::env::var("FUZZ_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

proptest! {
    #![proptest_config(Config { cases: cases(), failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_message_is_too_strange(
        messages in prop::collection::vec((0..12_usize, prop::collection::vec((any::<prop::sample::Index>(), 0..30_usize, piece()), 0..3)), 1..20),
    ) {
        let epoch = Epoch::new(2);
        let (names, owners) = (Markets::of(&epoch.parameters), Owners::default());
        let pairs = metadata::pairs(META).unwrap();
        let seeds = seeds();
        let spoiled: Vec<Vec<u8>> = messages.iter().map(|(seed, spoils)| {
            let mut text = seeds.get(*seed).cloned().unwrap_or_default().into_bytes();
            for (at, gone, put) in spoils {
                let from = at.index(text.len() + 1);
                let to = (from + gone).min(text.len());
                text.splice(from..to, put.iter().copied());
            }
            text
        }).collect();
        let end = texts(&[format!(r#"{{"type":"heartbeat","time_ms":{}}}"#, START_MS + 200_000)]);
        for (arrived, feed) in [
            (None, Box::new(Generic::new(&names, &owners)) as Box<dyn Feed>),
            (None, Box::new(Hyperliquid::new(&names))),
            (Some(START_MS + 30_000), Box::new(Dydx::new(&names, &owners, &pairs))),
        ] {
            let inputs = spoiled.iter().map(|text| Input::Text(text.clone(), arrived)).chain(end.clone());
            // What is recorded can be scored, whatever came.
            let recorded = epoch.record_by(feed, inputs, Settings { orders_max: 50, ..Settings::default() });
            let lines: String = recorded.samples.values().cloned().collect();
            let rules = rewards::tally::Rules::new(&epoch.parameters, &epoch.sampling).unwrap();
            let mut scorer = Scored(rewards::tally::Scorer::new(&rules));
            prop_assert_eq!(rewards_files::samples::read_lines(lines.as_bytes(), &mut scorer), Ok(()));
        }
    }

    #[test]
    fn metadata_of_any_kind(bytes in prop::collection::vec(any::<u8>(), 0..60), number in any::<i32>()) {
        drop(metadata::listings(&bytes));
        drop(metadata::listings(format!(r#"{{"universe":[{{"name":"A","szDecimals":{number}}}]}}"#).as_bytes()));
        let text = format!(r#"{{"markets":{{"A":{{"clobPairId":"0","ticker":"A","atomicResolution":{number},"quantumConversionExponent":{number}}}}}}}"#);
        drop(metadata::listings(text.as_bytes()));
        for pair in metadata::pairs(text.as_bytes()).unwrap() {
            let _ = (pair.price(u64::MAX, 18), pair.size(1, 0));
        }
    }
}

struct Scored<'a>(rewards::tally::Scorer<'a>);

impl rewards_files::samples::Visitor for Scored<'_> {
    fn visit(
        &mut self,
        _: rewards_files::samples::Place,
        record: &rewards::book::Record<'_>,
    ) -> Result<(), rewards::book::Flaw> {
        self.0.add(record).map(drop)
    }
}
