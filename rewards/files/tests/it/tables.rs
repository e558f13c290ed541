//! Tables: read as they are written, in every format, and refused where they are wrong.

use std::fs;

use rewards_files::{
    Error,
    epoch::{EpochFolder, read_amounts},
    rows::{self, Table},
};
use tempfile::TempDir;

use crate::fixture::{ACCOUNT, FORMATS, LINE, small};

fn table() -> Table {
    let rows = [["a,\"b\"", "1"], ["", "340282366920938463463374607431768211455"], ["ü\n", "0"]];
    Table { columns: vec!["name", "number"], rows: rows.map(|row| row.map(ToOwned::to_owned).to_vec()).to_vec() }
}

#[test]
fn tables_are_read_as_they_are_written() {
    let folder = TempDir::new().unwrap();
    for format in FORMATS {
        let path = folder.path().join(format!("table.{}", format.extension()));
        table().write(&path).unwrap();
        let mut read = Vec::new();
        let problems = rows::read(&path, &["number", "name"], |row| {
            read.push(vec![row[1].clone(), row[0].clone()]);
            Ok(())
        });
        assert!(problems.unwrap().is_empty());
        assert_eq!(read, table().rows, "{format:?}");

        let problems = rows::read(&path, &["absent"], |_| Ok(())).unwrap();
        assert!(problems.first[0].reason.contains("absent"), "{format:?}");
        let empty = |row: &[String]| if row[0].is_empty() { Err("empty".to_owned()) } else { Ok(()) };
        let problems = rows::read(&path, &["name", "number"], empty);
        let expected = if path.extension().unwrap() == "csv" { 3 } else { 2 };
        let problems = problems.unwrap();
        assert_eq!((problems.count, problems.first[0].row), (1, Some(expected)), "{format:?}: lines count the header");
    }
}

#[test]
fn two_tables_of_one_name_are_refused() {
    let folder = TempDir::new().unwrap();
    assert_eq!(rows::find(folder.path(), "table").unwrap(), None);
    table().write(&folder.path().join("table.csv")).unwrap();
    assert!(rows::find(folder.path(), "table").unwrap().unwrap().ends_with("table.csv"));
    table().write(&folder.path().join("table.parquet")).unwrap();
    assert!(rows::find(folder.path(), "table").is_err());
    assert!(table().write(&folder.path().join("table.txt")).is_err());
}

#[test]
fn malformed_inputs_are_refused_whatever_is_asked_of_samples() {
    let refusal = |name: &str, text: &str| {
        let folder = small("a.jsonl", LINE.as_bytes());
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        match EpochFolder::open(folder.path()) {
            Err(error @ (Error::Malformed(_) | Error::Refused(_))) => error.to_string(),
            other => panic!("{name}: {other:?}"),
        }
    };
    let volume = "epoch,market,account,micro_usd";
    let two = "0x2222222222222222222222222222222222222222";
    for (name, text, reason) in [
        ("volume.csv", format!("{volume}\n18,BTC-USD,{ACCOUNT},-1\n"), "volume.csv:2: `-1`"),
        ("volume.csv", format!("{volume}\n16,BTC-USD,{ACCOUNT},1\n"), "epoch 16"),
        ("volume.csv", format!("{volume}\n18,BTC-USD,0x1,1\n"), "not an address"),
        (
            "volume.csv",
            format!("{volume}\n18,BTC-USD,{ACCOUNT},1\n18,BTC-USD,{ACCOUNT},1\n"),
            "volume.csv:3: a second volume",
        ),
        ("volume.csv", format!("{volume}\n18,BTC-USD,{ACCOUNT}\n"), "volume.csv:2"),
        (
            "stake.jsonl",
            format!("{{\"epoch\":18,\"minute\":40320,\"account\":\"{ACCOUNT}\",\"wei\":\"1\"}}\n"),
            "minute 40320",
        ),
        (
            "stake.jsonl",
            format!("{{\"epoch\":18,\"minute\":0,\"account\":\"{ACCOUNT}\",\"wei\":1e30}}\n"),
            "small integer",
        ),
        ("links.csv", format!("secondary,primary\n{ACCOUNT},{ACCOUNT}\n"), "linked to itself"),
        ("exclusions.csv", format!("account,reason\n{ACCOUNT},a\n{ACCOUNT},b\n"), "excluded twice"),
        ("eligible.csv", format!("account\n{ACCOUNT}\n"), "epoch 0 needs the list"),
        ("programs/trading.csv", format!("account,wei\n{two},1\n{two},2\n"), "a second amount"),
        ("programs/lp.csv", format!("account,wei\n{two},1\n"), "the name is taken"),
        ("previous-tree.json", "[]".to_owned(), "without leaves"),
        ("parameters.json", "{}".to_owned(), "missing field"),
        ("sampling.json", r#"{"secret":"0x11"}"#.to_owned(), "sampling.json"),
    ] {
        let found = refusal(name, &text);
        assert!(found.contains(reason), "{name}: {found}");
    }
}

#[test]
fn amounts_are_accounts_and_wei() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("lp.csv");
    fs::write(&path, format!("account,wei\n{ACCOUNT},17\n")).unwrap();
    assert_eq!(read_amounts(&path).unwrap()[&ACCOUNT.parse::<alloy_primitives::Address>().unwrap()].to_string(), "17");
}
