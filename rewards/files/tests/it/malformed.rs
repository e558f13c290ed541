//! What can be wrong with samples: reported with file, row and reason, in every format.

use std::{fs, path::Path};

use rewards_files::{
    Error, Problems,
    epoch::{EpochFolder, Malformed, Tallied, tally},
    samples::Format,
};

use crate::fixture::{ACCOUNT, CSV_HEADER, LINE, settings, simulated, small};

fn tallied(folder: &Path, malformed: Malformed, threads: usize) -> Result<Tallied, Error> {
    let folder = EpochFolder::open(folder)?;
    tally(folder.samples()?, malformed, threads, &())
}

/// What is wrong, and what is left if that is skipped; the same on any number of threads.
fn problems(folder: &Path) -> (Problems, Tallied) {
    let refused = |threads| match tallied(folder, Malformed::Refuse, threads) {
        Err(Error::Samples(problems)) => problems,
        other => panic!("{other:?}"),
    };
    let found = refused(1);
    assert_eq!(refused(3), found);
    let skipped = tallied(folder, Malformed::Skip, 2).unwrap();
    assert_eq!(skipped.skipped, found);
    (found, skipped)
}

/// A good line, a changed one, and a good one.
fn check_line(changed: &str, reason: &str) {
    let second = LINE.replace("\"minute\":0", "\"minute\":1").replace("1671548400125", "1671548471947");
    let third = LINE.replace("\"minute\":0", "\"minute\":2").replace("1671548400125", "1671548521000");
    assert_ne!(changed, LINE);
    let changed = changed.replace("\"minute\":0", "\"minute\":1").replace("1671548400125", "1671548471947");
    assert_ne!(changed, second);
    let folder = small("a.jsonl", format!("{LINE}\n{changed}\n{third}\n").as_bytes());
    let (found, left) = problems(folder.path());
    let [problem] = found.first.as_slice() else { panic!("{found:?}") };
    assert!(problem.file.ends_with("a.jsonl"));
    assert_eq!(problem.row, Some(2));
    assert!(problem.reason.contains(reason), "{} does not contain {reason}", problem.reason);
    assert_eq!(left.tally.markets[0].valid, 2);
}

#[test]
fn each_flaw_has_its_reason() {
    for (from, to, reason) in [
        (ACCOUNT, "0x111", "`0x111` is not an address"),
        (
            "\"30010\",\"orders\"",
            "\"29990\",\"orders\"",
            "crossed or locked book: best bid 29990 is not below best ask 29990",
        ),
        ("\"size\":\"1\"", "\"size\":\"-1\"", "size: `-1` is not a plain decimal"),
        ("\"size\":\"1\"", "\"size\":\"1.00001\"", "size: `1.00001` has more than 4 decimals"),
        ("\"price\":\"29990\"", "\"price\":\"29990.05\"", "price: `29990.05` has more than 1 decimals"),
        ("\"price\":\"29990\"", "\"price\":\"0\"", "price is zero"),
        ("\"best_bid\":\"29990\"", "\"best_bid\":\"-1\"", "best_bid: `-1`"),
        ("\"price\":\"29990\"", "\"price\":\"29991\"", "is better than the best of its side"),
        ("\"epoch\":18", "\"epoch\":17", "epoch 17, not 18"),
        ("BTC-USD", "XXX-USD", "market `XXX-USD` has no parameters"),
        ("\"status\":\"ok\"", "\"status\":\"fine\"", "status `fine`"),
        ("\"status\":\"ok\"", "\"status\":\"one_sided\"", "contradict"),
        ("\"side\":\"B\"", "\"side\":\"X\"", "side `X`"),
        ("\"id\":\"2\"", "\"id\":\"1\"", "order id `1` occurs twice"),
        ("1671548400125", "1671548600000", "is not in minute 1"),
        ("\"seq\":1,", "", "missing field `seq`"),
        ("\"seq\":1,", "\"seq\":1,\"extra\":1,", "unknown field `extra`"),
        ("\"seq\":1,", "\"seq\":-1,", "invalid value"),
        ("\"minute\":0", "\"minute\":\"0\"", "invalid type"),
        ("]}", "]", "EOF"),
        ("\"orders\":[", "\"orders\":[[", "invalid"),
    ] {
        check_line(&LINE.replacen(from, to, if from == ACCOUNT || from == "1671548400125" { 1 } else { 2 }), reason);
    }
    check_line("", "EOF");
    check_line("\u{0}\u{1}", "expected value");
}

#[test]
fn a_file_that_ends_within_a_line_is_noticed() {
    let folder = small("a.jsonl", &LINE.as_bytes()[..LINE.len() - 30]);
    let (found, left) = problems(folder.path());
    assert_eq!((found.count, found.first[0].row), (1, Some(1)));
    assert!(found.first[0].reason.contains("EOF"));
    assert_eq!(left.tally.markets[0].valid, 0);
}

#[test]
fn a_minute_with_two_samples_has_none_without_the_instants() {
    let other = LINE.replace("\"seq\":1", "\"seq\":2");
    let third = LINE.replace("\"minute\":0", "\"minute\":2").replace("1671548400125", "1671548521000");
    let folder = small("a.jsonl", format!("{LINE}\n{third}\n{other}\n").as_bytes());
    let (found, left) = problems(folder.path());
    assert_eq!((found.count, found.first[0].row), (1, Some(3)));
    assert!(found.first[0].reason.starts_with("a second sample of BTC-USD, minute 0, beside "));
    assert!(found.first[0].reason.contains("a.jsonl:1"));
    assert_eq!(left.tally.markets[0].valid, 1, "neither of the two");
}

#[test]
fn of_two_samples_the_one_at_the_committed_instant_counts() {
    // The secret of 32 bytes 0x11 puts minute 0 of BTC-USD at 125 ms.
    let other = LINE.replace("1671548400125", "1671548400126").replace("\"size\":\"1\"", "\"size\":\"2\"");
    for text in [format!("{LINE}\n{other}\n"), format!("{other}\n{LINE}\n")] {
        let folder = small("a.jsonl", text.as_bytes());
        let sampling = format!(r#"{{"secret":"0x{}"}}"#, "11".repeat(32));
        fs::write(folder.path().join("sampling.json"), sampling).unwrap();
        let (found, left) = problems(folder.path());
        let place = text.lines().position(|line| line == other).unwrap() as u64 + 1;
        assert_eq!((found.count, found.first[0].row), (1, Some(place)), "the other one is the second");
        let market = &left.tally.markets[0];
        assert_eq!(market.valid, 1);
        assert_eq!(
            market.providers[&ACCOUNT.parse::<alloy_primitives::Address>().unwrap()].liquidity,
            89_970_000_000_000
        );
    }
}

fn row(minute: u32, id: &str, side: &str, size: &str, price: &str) -> String {
    let time = 1_671_548_400_000_u64 + u64::from(minute) * 60_000;
    format!("18,{minute},BTC-USD,{time},1,ok,29990,30010,{ACCOUNT},{id},{side},{price},{size}\n")
}

#[test]
fn csv_problems_name_the_line_of_the_order() {
    let text = [
        format!("{CSV_HEADER}\n"),
        row(0, "1", "B", "1", "29990"),
        row(0, "2", "S", "1", "30010"),
        row(1, "1", "B", "1", "29990"),
        row(1, "2", "X", "1", "30010"),
        row(2, "1", "B", "1", "29990"),
        "18,2,BTC-USD\n".to_owned(),
        row(2, "3", "S", "1", "30010"),
        row(3, "1", "B", "1", "29990"),
    ]
    .concat();
    let folder = small("a.csv", text.as_bytes());
    let (found, left) = problems(folder.path());
    let rows: Vec<_> = found.first.iter().map(|problem| (problem.row, problem.reason.as_str())).collect();
    assert_eq!(rows, [(Some(5), "side `X`: B or S"), (Some(7), "3 fields, not 13")]);
    assert_eq!(left.tally.markets[0].valid, 2, "minutes 0 and 3: an order of minute 2 may be lost");
}

#[test]
fn a_broken_row_between_two_samples_spoils_both() {
    let text = [
        format!("{CSV_HEADER}\n"),
        row(0, "1", "B", "1", "29990"),
        "x\n".to_owned(),
        row(1, "1", "B", "1", "29990"),
        row(2, "1", "B", "1", "29990"),
    ];
    let (found, left) = problems(small("a.csv", text.concat().as_bytes()).path());
    assert_eq!((found.count, found.first[0].row), (1, Some(3)));
    assert_eq!(left.tally.markets[0].valid, 1, "minute 2 alone");
}

#[test]
fn interleaved_rows_are_noticed() {
    let text = [
        format!("{CSV_HEADER}\n"),
        row(0, "1", "B", "1", "29990"),
        row(1, "1", "B", "1", "29990"),
        row(0, "2", "S", "1", "30010"),
    ];
    let (found, _) = problems(small("a.csv", text.concat().as_bytes()).path());
    assert_eq!((found.count, found.first[0].row), (1, Some(4)));
    assert!(found.first[0].reason.contains("stand together"));
}

#[test]
fn a_sample_without_orders_is_a_row_with_empty_fields() {
    let text = format!(
        "{CSV_HEADER}\n18,0,BTC-USD,1671548400000,1,one_sided,29990,,,,,,\n18,1,BTC-USD,1671548460000,1,outage,,,,,,,\n"
    );
    let left = tallied(small("a.csv", text.as_bytes()).path(), Malformed::Refuse, 1).unwrap();
    assert_eq!((left.tally.markets[0].valid, left.tally.markets[0].outages), (1, 1));
}

#[test]
fn columns_may_come_in_any_order_but_must_be_there() {
    let text = format!("{CSV_HEADER}\n{}", row(0, "1", "B", "1", "29990"));
    let reversed: String =
        text.lines().map(|line| line.split(',').rev().collect::<Vec<_>>().join(",") + "\n").collect();
    assert_eq!(
        tallied(small("a.csv", reversed.as_bytes()).path(), Malformed::Refuse, 1).unwrap().tally.markets[0].valid,
        1
    );
    let (found, _) = problems(small("a.csv", text.replace("seq", "sequence").as_bytes()).path());
    assert_eq!(found.first[0].row, Some(1));
    assert!(found.first[0].reason.starts_with("unknown column `sequence`; the columns are epoch"), "{found:?}");
    let without: String =
        text.lines().map(|line| line.split(',').take(12).collect::<Vec<_>>().join(",") + "\n").collect();
    let (found, _) = problems(small("a.csv", without.as_bytes()).path());
    assert_eq!((found.first[0].row, found.first[0].reason.as_str()), (Some(1), "no column `size`"));
}

#[test]
fn a_truncated_parquet_file_is_noticed() {
    let folder = simulated(settings(), Format::Parquet);
    let path = folder.path().join("samples/ETH-USD.parquet");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let (found, left) = problems(folder.path());
    assert_eq!((found.count, found.first[0].row), (1, None));
    assert!(found.first[0].file.ends_with("ETH-USD.parquet"));
    assert_eq!(left.tally.markets[1].valid, 0);
    assert!(left.tally.markets[0].valid > 0);
}

#[test]
fn files_that_are_no_samples_are_refused() {
    let (found, _) = problems(small("a.parquet", b"PAR1, but no more").path());
    assert_eq!(found.first[0].row, None);
    let refused = EpochFolder::open(small("a.txt", b"").path()).unwrap_err().to_string();
    assert!(refused.contains("a.txt: the ending is not one of .parquet, .csv"), "{refused}");
    assert!(refused.contains("samples: is missing: there is not one file"), "{refused}");
    let empty = small("a.jsonl", b"");
    assert_eq!(tallied(empty.path(), Malformed::Refuse, 1).unwrap().tally.markets[0].valid, 0);
}
