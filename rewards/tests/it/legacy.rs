//! Historical rewards from published scores (spec sections 8.3 and 20.1).

use alloy_primitives::U256;
use rewards::legacy::{LegacyError, Published};

use crate::fixture::{address, wei};

const POOL: u128 = 1_150_685 * 10_u128.pow(18);

fn published(scores: &str, links: &str) -> Published {
    let json = format!(
        r#"{{"epoch":8,"tradeFeesPaid":{{}},"openInterest":{{}},"quoteScore":{{{scores}}},"linkedPrimaryAddresses":{{{links}}}}}"#
    );
    Published::parse(json.as_bytes()).unwrap()
}

#[test]
fn vector_20_1_without_links() {
    let data = published(
        r#""0x38d981c3c42b2ec8e9572f560552407d0f1279fb":0.011528314450261408,
           "0x00000092efe40470c25228372310142836f1eda6":0.03509865199614617,
           "0x16bec2d9a010e7d8b2d576d17893c52ddbfe4c06":0.56701282657183"#,
        "",
    );
    assert_eq!(data.epoch, 8);
    let rewards = data.rewards(POOL).unwrap();
    let of = |account| rewards[&address(account)];
    assert_eq!(of("0x38d981c3c42b2ec8e9572f560552407d0f1279fb"), wei("21617663430775576253223"));
    assert_eq!(of("0x00000092efe40470c25228372310142836f1eda6"), wei("65816286413787259017128"));
    assert_eq!(of("0x16bec2d9a010e7d8b2d576d17893c52ddbfe4c06"), wei("1063251050155437164729648"));
    assert_eq!(data.credits(POOL).unwrap(), rewards);
}

#[test]
fn vector_20_1_with_a_link() {
    let data = published(
        r#""0x59b2cd4b349decfcd86ab4c66302498ce28ae968":0.011528314450261408,
           "0xa23842c61ca1e15bb148ab13840768b87f04e642":0.03509865199614617,
           "0xb506037e49ec39b02c9578801213cb4bfdc5b9dd":0.56701282657183,
           "0x6717acfa83bfc9855e3f68208f82e16ad5948816":0.06701282657183"#,
        r#""0x6717acfa83bfc9855e3f68208f82e16ad5948816":"0xa23842c61ca1e15bb148ab13840768b87f04e642""#,
    );
    let rewards = data.rewards(POOL).unwrap();
    let of = |account| rewards[&address(account)];
    assert_eq!(of("0x59b2cd4b349decfcd86ab4c66302498ce28ae968"), wei("19489322646239653789906"));
    assert_eq!(of("0xa23842c61ca1e15bb148ab13840768b87f04e642"), wei("59336423911083130177533"));
    assert_eq!(of("0xb506037e49ec39b02c9578801213cb4bfdc5b9dd"), wei("958569960013898292075832"));
    assert_eq!(of("0x6717acfa83bfc9855e3f68208f82e16ad5948816"), wei("113289293428778923956728"));
    let credits = data.credits(POOL).unwrap();
    assert_eq!(credits[&address("0xa23842c61ca1e15bb148ab13840768b87f04e642")], wei("172625717339862054134261"));
    assert_eq!(credits.len(), 3, "a secondary has no entry of its own");
}

#[test]
fn scores_are_exact_decimals() {
    let one = "0x1111111111111111111111111111111111111111";
    let two = "0x2222222222222222222222222222222222222222";
    let three = "0x3333333333333333333333333333333333333333";
    let rewards = published(&format!(r#""{one}":2.5e-1,"{two}":"0.75","{three}":2.4e-26"#), "").rewards(1000).unwrap();
    assert_eq!(rewards[&address(one)], U256::from(249));
    assert_eq!(rewards[&address(two)], U256::from(749));
    assert!(!rewards.contains_key(&address(three)), "nothing earned makes no entry");
}

#[test]
fn what_is_no_published_data() {
    let parse = |json: &str| Published::parse(json.as_bytes()).unwrap_err();
    let one = "0x11111111111111111111111111111111111111aA";
    assert!(matches!(parse("{}"), LegacyError::NotData(_)));
    assert!(matches!(parse(r#"{"epoch":1,"quoteScore":{"0x1":1}}"#), LegacyError::Address(_)));
    for score in ["-1", "null", "1e500", "\"\"", "\"1e\"", "\".5\"", "[]", "\"1.x\"", "1e401", "1e-401"] {
        let json = format!(r#"{{"epoch":1,"quoteScore":{{"{one}":{score}}}}}"#);
        let account = address(one);
        assert!(matches!(parse(&json), LegacyError::NotAScore { account: found, .. } if found == account), "{score}");
    }
    let again = one.to_lowercase();
    let twice = format!(r#"{{"epoch":1,"quoteScore":{{"{one}":1,"{again}":2}}}}"#);
    assert_eq!(parse(&twice), LegacyError::RepeatedAccount(address(one)));
    let link = |secondary: &str, primary: &str, more: &str| {
        format!(r#"{{"epoch":1,"quoteScore":{{}},"linkedPrimaryAddresses":{{"{secondary}":"{primary}"{more}}}}}"#)
    };
    assert_eq!(parse(&link(one, one, "")), LegacyError::BadLink(address(one)));
    let two = "0x2222222222222222222222222222222222222222";
    let chain = link(one, two, &format!(r#","{two}":"0x3333333333333333333333333333333333333333""#));
    assert_eq!(parse(&chain), LegacyError::BadLink(address(one)));
    let twice = link(one, two, &format!(r#","{}":"{two}""#, one.to_lowercase()));
    assert_eq!(parse(&twice), LegacyError::RepeatedLink(address(one)));
    let same_key = format!(r#"{{"epoch":1,"quoteScore":{{"{two}":1,"{two}":2}}}}"#);
    assert_eq!(parse(&same_key), LegacyError::RepeatedAccount(address(two)), "a map would keep the last one");
    // The published oracle takes null for no links.
    let null = Published::parse(br#"{"epoch":1,"quoteScore":{},"linkedPrimaryAddresses":null}"#).unwrap();
    let none = Published::parse(br#"{"epoch":1,"quoteScore":{}}"#).unwrap();
    assert_eq!(null, none);
    assert_eq!(none.rewards(1), Err(LegacyError::NoScores));
}

#[test]
fn the_greatest_powers_of_ten_are_read() {
    let one = "0x1111111111111111111111111111111111111111";
    let two = "0x2222222222222222222222222222222222222222";
    let rewards = published(&format!(r#""{one}":1e400,"{two}":1e-400"#), "").rewards(1000).unwrap();
    assert_eq!(rewards.values().copied().collect::<Vec<_>>(), [U256::from(999)]);
}
