//! Volumes, stakes, links, exclusions, eligibility (spec sections 6, 7, 9.2 and 17.3).

use alloy_primitives::{Address, U256};
use rewards::{
    eligibility::{Standing, group_volume, missing_volume, reaches},
    epoch::{Clock, MINUTES_MAX},
    inputs::{InputError, Inputs},
    parameters::{Listed, ParameterError},
};

use crate::fixture::{A, B, C, btc, other, parameters};

fn inputs() -> Inputs {
    Inputs::of_epoch(18)
}

#[test]
fn volumes_of_two_epochs() {
    let mut inputs = inputs();
    inputs.add_volume(17, "BTC-USD", A, 1).unwrap();
    inputs.add_volume(17, "ETH-USD", A, 2).unwrap();
    inputs.add_volume(17, "ETH-USD", B, 4).unwrap();
    inputs.add_volume(18, "ETH-USD", A, 8).unwrap();
    let previous = &inputs.previous_volumes;
    assert_eq!((previous.total(), previous.of_account(A), previous.in_market("ETH-USD", A)), (7, 3, 2));
    assert_eq!((previous.of_market("ETH-USD"), previous.of_market("SOL-USD")), (6, 0));
    assert_eq!(
        (inputs.volumes.total(), inputs.volumes.of_account(B), inputs.volumes.in_market("ETH-USD", A)),
        (8, 0, 8)
    );
    for epoch in [16, 19, 0, u64::MAX] {
        let expected = Err(InputError::VolumeOfOtherEpoch { found: epoch, epoch: 18 });
        assert_eq!(inputs.add_volume(epoch, "BTC-USD", A, 1), expected);
    }
    let again = InputError::RepeatedVolume { epoch: 18, market: "ETH-USD".into(), account: A };
    assert_eq!(inputs.add_volume(18, "ETH-USD", A, 1), Err(again));
    assert_eq!(inputs.add_volume(18, "SOL-USD", A, u128::MAX), Err(InputError::VolumeOverflow));
}

#[test]
fn stakes_are_averaged_over_the_minutes_sampled() {
    let mut inputs = inputs();
    for (minute, account, stake) in [(0, A, 10), (7, A, 11), (7, B, 1), (64, B, 1)] {
        inputs.add_stake(18, minute, account, stake).unwrap();
    }
    let stakes = &inputs.stakes;
    assert_eq!(stakes.samples(), 3);
    assert_eq!([A, B, C].map(|account| stakes.average(account)), [7, 0, 0]);
    assert_eq!(inputs.add_stake(18, 7, A, 1), Err(InputError::RepeatedStake { minute: 7, account: A }));
    assert_eq!(inputs.add_stake(17, 8, A, 1), Err(InputError::WrongEpoch { found: 17, expected: 18 }));
    assert_eq!(inputs.add_stake(18, 40_320, A, 1), Err(InputError::NoSuchMinute { minute: 40_320, minutes: 40_320 }));
    assert_eq!(inputs.add_stake(18, 40_319, A, u128::MAX), Err(InputError::StakeOverflow));
    assert_eq!(Inputs::of_epoch(18).stakes.average(A), 0, "nothing sampled");
}

#[test]
fn links_are_flat() {
    let d = Address::repeat_byte(0xdd);
    let mut inputs = inputs();
    inputs.add_link(B, A).unwrap();
    inputs.add_link(C, A).unwrap();
    assert_eq!(inputs.add_link(B, A), Err(InputError::RepeatedLink(B)));
    assert_eq!(inputs.add_link(Address::ZERO, A), Err(InputError::ZeroAddress));
    assert_eq!(inputs.add_link(C, Address::ZERO), Err(InputError::ZeroAddress));
    assert_eq!([A, B, C, d].map(|account| inputs.links.primary(account)), [A, A, A, d]);
    for member in [A, B, C] {
        assert_eq!(inputs.links.group(member).collect::<Vec<_>>(), [A, B, C]);
    }
    assert_eq!(inputs.links.group(d).collect::<Vec<_>>(), [d]);
    assert_eq!(inputs.add_link(d, d), Err(InputError::LinkedToItself(d)));
    assert_eq!(inputs.add_link(B, d), Err(InputError::LinkedTwice { secondary: B, first: A, second: d }));
    assert_eq!(inputs.add_link(d, B), Err(InputError::LinkedInChain { secondary: d, primary: B }));
    assert_eq!(inputs.add_link(A, d), Err(InputError::LinkedInChain { secondary: B, primary: A }));
}

#[test]
fn exclusions_carry_their_reason() {
    let mut inputs = inputs();
    inputs.add_exclusion(A, "wash_trading").unwrap();
    assert_eq!(inputs.exclusions[&A], "wash_trading");
    assert_eq!(inputs.add_exclusion(A, "region"), Err(InputError::RepeatedExclusion(A)));
}

#[test]
fn the_threshold_itself_qualifies() {
    let parameters = parameters(vec![btc()]);
    assert!(reaches(&parameters, 25, 10_000));
    assert!(!reaches(&parameters, 24, 10_000));
    assert!(!reaches(&parameters, 25, 10_001));
    assert!(!reaches(&parameters, 0, 0), "nobody is eligible if nobody traded");
    assert!(reaches(&parameters, u128::MAX, u128::MAX));
}

#[test]
fn groups_reach_the_threshold_together() {
    let parameters = parameters(vec![btc()]);
    let mut inputs = inputs();
    for (account, volume) in [(A, 13), (B, 12), (C, 9_975)] {
        inputs.add_volume(17, "BTC-USD", account, volume).unwrap();
    }
    let standings = |inputs: &Inputs| [A, B, C].map(|account| Standing::of(account, &parameters, inputs));
    assert_eq!(standings(&inputs), [Standing::BelowThreshold, Standing::BelowThreshold, Standing::Eligible]);
    inputs.add_link(B, A).unwrap();
    assert_eq!(group_volume(B, &inputs), 25);
    assert_eq!(standings(&inputs), [Standing::Eligible; 3]);
    inputs.add_exclusion(B, "region").unwrap();
    assert_eq!(standings(&inputs), [Standing::Eligible, Standing::Excluded, Standing::Eligible]);
}

#[test]
fn in_epoch_0_the_list_decides() {
    let parameters = parameters(vec![btc()]);
    let mut inputs = Inputs::of_epoch(0);
    inputs.add_eligible(A).unwrap();
    inputs.add_eligible(B).unwrap();
    assert_eq!(inputs.add_eligible(A), Err(InputError::RepeatedEligible(A)));
    assert_eq!(inputs.add_eligible(Address::ZERO), Err(InputError::ZeroAddress));
    inputs.add_exclusion(B, "region").unwrap();
    let standings = [A, B, C].map(|account| Standing::of(account, &parameters, &inputs));
    assert_eq!(standings, [Standing::Eligible, Standing::Excluded, Standing::BelowThreshold]);
    assert_eq!(inputs.epoch(), 0);
}

#[test]
fn volume_still_missing() {
    // A quarter of 1,000 with 100 of them: x = (250 - 100) / (1 - 1/4), new volume raising both.
    assert_eq!(missing_volume(1, 4, 100, 1000), Some(U256::from(200)));
    assert_eq!(missing_volume(1, 4, 250, 1000), Some(U256::ZERO));
    assert_eq!(missing_volume(1, 4, 249, 1000), Some(U256::from(2)), "rounded up");
    assert_eq!(missing_volume(1, 1, 5, 5), Some(U256::ZERO));
    assert_eq!(missing_volume(1, 1, 5, 6), None);
    let parameters = parameters(vec![btc()]);
    let (volume, total) = (1_240_000, 500_000_000);
    let more = missing_volume(25, 10_000, volume, total).unwrap().to::<u128>();
    assert!(reaches(&parameters, volume + more, total + more));
    assert!(!reaches(&parameters, volume + more - 1, total + more - 1));
}

#[test]
fn parameter_records_are_checked() {
    let check = |change: &dyn Fn(&mut rewards::parameters::EpochParameters)| {
        let mut parameters = parameters(vec![btc(), other("SOL-USD")]);
        change(&mut parameters);
        parameters.check()
    };
    assert_eq!(check(&|_| ()), Ok(()));
    assert_eq!(check(&|p| p.epoch = u64::MAX), Err(ParameterError::NoSuchEpoch(u64::MAX)));
    assert_eq!(check(&|p| p.threshold_den = 0), Err(ParameterError::BadThreshold { num: 25, den: 0 }));
    assert_eq!(check(&|p| p.threshold_num = 10_001), Err(ParameterError::BadThreshold { num: 10_001, den: 10_000 }));
    assert_eq!(check(&|p| p.threshold_num = 10_000), Ok(()));
    assert_eq!(check(&|p| p.markets.clear()), Err(ParameterError::NoMarkets));
    assert_eq!(check(&|p| p.alloc_other_bps = 1), Err(ParameterError::SharesNotWhole { found: 1001 }));
    let name = |name: &str| check(&|p| p.markets[1].market = name.to_owned());
    assert_eq!(name("BTC-USD"), Err(ParameterError::RepeatedMarket("BTC-USD".into())));
    for bad in ["", " A", "A ", "A\n", "Ä", &"A".repeat(129)] {
        assert_eq!(name(bad), Err(ParameterError::BadName(bad.to_owned())));
    }
    // As exchanges have them.
    let address = "9BB6NFEcjBCtnNLFko2FqVQBq8HHM13kCyYcdQbgpump";
    let id = format!("0x{}", "17ef48032cb24375ba7c2e39f384e56433bcab20cbee9a7357e4cba2eb00abe6");
    for good in ["xyz:NVDA", "@198", "INJ/USDT PERP", &format!("FARTCOIN,RAYDIUM,{address}-USD"), &id, &"7".repeat(77)]
    {
        assert_eq!(name(good), Ok(()));
    }
    let clock = |first_epoch_start, epoch_seconds| check(&|p| p.clock = Clock { first_epoch_start, epoch_seconds });
    for seconds in [0, 59, 61, 60 * u64::from(MINUTES_MAX) + 60, u64::MAX] {
        assert_eq!(clock(0, seconds), Err(ParameterError::BadLength(seconds)));
    }
    assert_eq!(clock(u64::MAX, 60), Err(ParameterError::NoSuchEpoch(18)));
    assert_eq!(clock(1_790_000_000, 60 * u64::from(MINUTES_MAX)), Ok(()));
    let listed = |from, until| check(&|p| p.markets[1].listed = Some(Listed { from, until }));
    for (from, until) in [(0, 0), (5, 5), (7, 6), (0, 40_321)] {
        let market = "SOL-USD".to_owned();
        assert_eq!(listed(from, until), Err(ParameterError::BadListing { market, from, until, minutes: 40_320 }));
    }
    assert_eq!(listed(40_319, 40_320), Ok(()));
    assert_eq!(check(&|p| p.token.symbol = "A B".into()), Err(ParameterError::BadSymbol("A B".into())));
    assert_eq!(check(&|p| p.token.decimals = 37), Err(ParameterError::TokenDecimals(37)));
    let limit = Err(ParameterError::BadLimit { name: "valid_bps", found: 10_001 });
    assert_eq!(check(&|p| p.health.valid_bps = 10_001), limit);
    let too_many = Err(ParameterError::TooManyDecimals { market: "SOL-USD".into(), found: 19 });
    assert_eq!(check(&|p| p.markets[1].price_decimals = 19), too_many);
    assert_eq!(check(&|p| p.markets[1].size_decimals = 19), too_many);
    assert_eq!(check(&|p| p.markets[1].size_decimals = 18), Ok(()));
    let too_wide = Err(ParameterError::SpreadTooWide { market: "SOL-USD".into(), found: 10_000 });
    assert_eq!(check(&|p| p.markets[1].max_spread_bps = 10_000), too_wide);
}

#[test]
fn parameter_records_are_strict_json() {
    let parameters = parameters(vec![btc(), other("SOL-USD")]);
    let json = serde_json::to_string(&parameters).unwrap();
    assert!(json.contains(r#""lp_amount_wei":"1150685000000000000000000""#));
    assert!(json.contains(r#""alloc_bps":1000"#) && json.contains(r#""alloc_group":"other""#));
    assert_eq!(serde_json::from_str::<rewards::parameters::EpochParameters>(&json).unwrap(), parameters);
    for (from, to) in [
        (r#""threshold_num""#, r#""threshold_nun":1,"threshold_num""#),
        (r#""lp_amount_wei":""#, r#""lp_amount_wei":"-"#),
        (r#""redistribute""#, r#""burn""#),
        (r#""alloc_bps":1000"#, r#""alloc_bps":1000,"min_depth":1"#),
        (r#""alloc_bps":1000"#, r#""alloc_bps":1000,"alloc_group":"other""#),
        (r#""alloc_bps":1000,"#, ""),
        (r#""threshold_num""#, r#""clock":{"first_epoch_start":0},"threshold_num""#),
        (r#""threshold_num""#, r#""health":{"seen":1},"threshold_num""#),
        (r#""V4-BE""#, r#""V5""#),
    ] {
        assert!(serde_json::from_str::<rewards::parameters::EpochParameters>(&json.replace(from, to)).is_err(), "{to}");
    }
}
