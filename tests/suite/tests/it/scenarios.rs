//! SCENARIOS.md against the tests: no scenario without a test or a reason, no test named that does not exist.

use std::collections::BTreeSet;

const TABLE: &str = include_str!("../../SCENARIOS.md");

/// How many scenarios each section of the specification has.
const SECTIONS: [(&str, usize); 15] = [
    ("SCH", 14),
    ("STK", 7),
    ("WDR", 11),
    ("ERC", 8),
    ("RWD", 17),
    ("ALC", 12),
    ("BRW", 11),
    ("SHF", 21),
    ("DBT", 5),
    ("FSF", 5),
    ("ROL", 1),
    ("REE", 2),
    ("TOK", 1),
    ("SP", 54),
    ("MD", 62),
];

const SOURCES: [(&str, &str); 17] = [
    ("schedule", include_str!("schedule.rs")),
    ("staking", include_str!("staking.rs")),
    ("erc20", include_str!("erc20.rs")),
    ("rewards", include_str!("rewards.rs")),
    ("roles", include_str!("roles.rs")),
    ("allocations", include_str!("allocations.rs")),
    ("borrowing", include_str!("borrowing.rs")),
    ("shortfalls", include_str!("shortfalls.rs")),
    ("debt", include_str!("debt.rs")),
    ("tokens", include_str!("tokens.rs")),
    ("proxy_borrowing", include_str!("proxy_borrowing.rs")),
    ("proxy_exchange", include_str!("proxy_exchange.rs")),
    ("proxy_guardian", include_str!("proxy_guardian.rs")),
    ("proxy_payouts", include_str!("proxy_payouts.rs")),
    ("distributor", include_str!("distributor.rs")),
    ("oracle", include_str!("oracle.rs")),
    ("claims", include_str!("claims.rs")),
];

struct Row<'a> {
    id: &'a str,
    outcome: &'a str,
    test: &'a str,
    reason: &'a str,
}

fn rows() -> Vec<Row<'static>> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    TABLE
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('-') && !line.starts_with("| id"))
        .map(|line| match cells(line)[..] {
            [id, outcome, test, reason] => Row { id, outcome, test: test.trim_matches('`'), reason },
            _ => panic!("four columns are expected in: {line}"),
        })
        .collect()
}

#[test]
fn every_scenario_stands_in_the_table_once() {
    // The specifications of proxy and distributor count in two digits.
    let width = |section: &str| if ["SP", "MD"].contains(&section) { 2 } else { 1 };
    let id = |section: &str, n: usize| format!("{section}-{n:0>width$}", width = width(section));
    let mut expected: Vec<_> =
        SECTIONS.iter().flat_map(|(section, count)| (1..=*count).map(move |n| id(section, n))).collect();
    let mut found: Vec<_> = rows().iter().map(|row| row.id.to_owned()).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn every_outcome_has_its_test_or_its_reason() {
    for Row { id, outcome, test, reason } in rows() {
        match outcome {
            "as specified" => assert_eq!(reason, "", "{id}"),
            "changed" => assert!(!reason.is_empty(), "{id} says what differs and why"),
            _ => panic!("{id}: unknown outcome {outcome:?}"),
        }
        let (module, name) = test.split_once("::").unwrap_or_else(|| panic!("{id}: no test"));
        let (_, source) =
            SOURCES.iter().find(|(known, _)| *known == module).unwrap_or_else(|| panic!("{id}: {module}"));
        assert!(source.contains(&format!("#[test]\nfn {name}() {{")), "{id}: there is no test {test}");
        let (section, number) = id.split_once('-').unwrap_or_default();
        let prefixes = [1, 2].map(|width| format!("{}_{number:0>width$}_", section.to_lowercase()));
        assert!(prefixes.iter().any(|prefix| name.starts_with(prefix)), "{id}: {test} is named after another scenario");
    }
}

#[test]
fn every_test_of_a_scenario_stands_in_the_table() {
    let named: BTreeSet<_> = rows().iter().map(|row| row.test.to_owned()).collect();
    for (module, source) in SOURCES {
        for line in source.lines() {
            let Some(name) = line.strip_prefix("fn ").and_then(|line| line.strip_suffix("() {")) else { continue };
            let mut parts = name.split('_');
            let is_id = parts.next().is_some_and(|section| SECTIONS.iter().any(|(s, _)| s.to_lowercase() == section))
                && parts.next().is_some_and(|number| number.parse::<usize>().is_ok());
            assert!(!is_id || named.contains(&format!("{module}::{name}")), "{module}::{name} is not in the table");
        }
    }
}
