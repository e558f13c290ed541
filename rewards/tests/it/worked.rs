//! The worked examples of the specification (section 19), to the last unit.

use alloy_primitives::{Address, U256, aliases::U512, hex};
use rewards::{
    allocation::{self, Allocation, MarketAllocation},
    book::{Best, Limits, Side, Status, Verdict},
    cid, coefficient,
    cumulative::{self, Amounts},
    eligibility::Standing,
    formula::{Formula, Measures},
    inputs::Inputs,
    parameters::{EmptyMarket, EpochParameters},
    score::{self, ScoreRow, Scores},
    tally::{Sides, Tally, judge},
    tree::Tree,
};
use sha2::{Digest, Sha256};

use crate::fixture::{A, B, C, address, btc, market, order, other, parameters, record, sums, tally, wei};

const TOKEN: u128 = 10_u128.pow(18);

#[test]
fn example_19_1_documented_order_set() {
    let mut market = btc();
    (market.size_decimals, market.max_spread_bps) = (1, 67); // 66.67: the widest that tells the same orders apart.
    let limits = Limits::of(&market);
    let best = Best { bid: 29_900, ask: 30_100 };
    let judged = |size, price| limits.judge(best, price, size).unwrap();
    assert_eq!(judged(10, 29_900), Verdict::Counts(8_970_000_000_000));
    assert_eq!(judged(50, 29_850), Verdict::Counts(29_850_000_000_000));
    assert_eq!(judged(100, 29_500), Verdict::TooFar);
    assert_eq!(judged(1, 30_100), Verdict::TooSmall);
    assert_eq!(judged(50, 30_150), Verdict::Counts(30_150_000_000_000));
    assert_eq!(judged(100, 30_175), Verdict::Counts(51_728_571_428_571));
    assert_eq!(limits.depth_micro(30_100, 1), U256::from(3_010_000_000_u64));
    assert_eq!(limits.spread_micro_bps(best, 30_175), 58_333_333);

    let mut sides = Sides::default();
    for (side, size, price) in
        [(Side::Bid, 10, 29_900), (Side::Bid, 50, 29_850), (Side::Ask, 50, 30_150), (Side::Ask, 100, 30_175)]
    {
        let Verdict::Counts(term) = judged(size, price) else { unreachable!("judged above") };
        sides.add(side, term).unwrap();
    }
    assert_eq!((sides.bid, sides.ask, sides.lesser()), (38_820_000_000_000, 81_878_571_428_571, 38_820_000_000_000));
}

/// Minute, best bid, best ask, account, side, size, price, verdict, term.
type Order = (u32, &'static str, &'static str, Address, Side, &'static str, &'static str, &'static str, u128);

const ORDERS: [Order; 19] = [
    (1, "29990", "30010", A, Side::Bid, "1", "29990", "counts", 89970000000000),
    (1, "29990", "30010", A, Side::Ask, "1", "30010", "counts", 90030000000000),
    (1, "29990", "30010", B, Side::Bid, "2", "29940", "far", 0),
    (1, "29990", "30010", B, Side::Bid, "0.5", "29970", "counts", 14985000000000),
    (1, "29990", "30010", B, Side::Ask, "2", "30030", "counts", 60060000000000),
    (1, "29990", "30010", C, Side::Bid, "0.1667", "29980", "small", 0),
    (1, "29990", "30010", C, Side::Ask, "1", "30020", "counts", 45030000000000),
    (2, "31250", "31270", A, Side::Bid, "0.16", "31250", "small", 0),
    (2, "31250", "31270", A, Side::Ask, "1", "31270", "counts", 97750020000000),
    (2, "31250", "31270", B, Side::Bid, "1.25", "31245", "counts", 81393225000000),
    (2, "31250", "31270", B, Side::Ask, "1.5", "31280", "counts", 73335960000000),
    (2, "31250", "31270", C, Side::Bid, "1", "31240", "counts", 48828120000000),
    (2, "31250", "31270", C, Side::Ask, "0.5", "31275", "counts", 32588550000000),
    (5, "30995", "31005", A, Side::Bid, "3", "30990", "counts", 288207000000000),
    (5, "30995", "31005", A, Side::Ask, "3", "31010", "counts", 288393000000000),
    (5, "30995", "31005", B, Side::Bid, "1", "30995", "counts", 192169000000000),
    (5, "30995", "31005", B, Side::Ask, "1", "31005", "counts", 192231000000000),
    (5, "30995", "31005", C, Side::Bid, "2", "30950", "counts", 38378000000000),
    (5, "30995", "31005", C, Side::Ask, "2", "31050", "counts", 38502000000000),
];

/// Minute, account, bid, ask, the lesser.
const MINUTES: [(u32, Address, u128, u128, u128); 9] = [
    (1, A, 89970000000000, 90030000000000, 89970000000000),
    (1, B, 14985000000000, 60060000000000, 14985000000000),
    (1, C, 0, 45030000000000, 0),
    (2, A, 0, 97750020000000, 0),
    (2, B, 81393225000000, 73335960000000, 73335960000000),
    (2, C, 48828120000000, 32588550000000, 32588550000000),
    (5, A, 288207000000000, 288393000000000, 288207000000000),
    (5, B, 192169000000000, 192231000000000, 192169000000000),
    (5, C, 38378000000000, 38502000000000, 38378000000000),
];

fn example_19_2() -> (EpochParameters, Tally) {
    let mut parameters = parameters(vec![btc()]);
    parameters.empty_market = EmptyMarket::Retain; // A pool of a tenth.
    let ids: Vec<_> = (0..ORDERS.len()).map(|id| id.to_string()).collect();
    let orders: Vec<_> = ORDERS
        .iter()
        .zip(&ids)
        .map(|((.., account, side, size, price, _, _), id)| order(id, *account, *side, size, price))
        .collect();
    let of = |minute| {
        ORDERS.iter().zip(&orders).filter(move |(row, _)| row.0 == minute).map(|(_, order)| *order).collect::<Vec<_>>()
    };
    let (one, two, five) = (of(1), of(2), of(5));
    let records = [
        record(1, (Some("29990"), Some("30010")), Status::Ok, &one),
        record(2, (Some("31250"), Some("31270")), Status::Ok, &two),
        record(3, (Some("30020"), Some("30010")), Status::Crossed, &[]),
        record(5, (Some("30995"), Some("31005")), Status::Ok, &five),
    ];
    let tally = tally(&parameters, &records);
    (parameters, tally)
}

#[test]
fn example_19_2_orders_and_minutes() {
    let limits = Limits::of(&btc());
    for (minute, bid, ask, account, side, size, price, verdict, term) in ORDERS {
        let best = Best { bid: bid.parse().unwrap(), ask: ask.parse().unwrap() };
        let expected = match verdict {
            "counts" => Verdict::Counts(term),
            "far" => Verdict::TooFar,
            _ => Verdict::TooSmall,
        };
        let orders = [order("1", account, side, size, price)];
        judge(&limits, rewards::book::Book::Valid(best), &orders, |judged| {
            assert_eq!(judged.verdict, Some(expected), "minute {minute}, {account}, {price}");
            Ok(())
        })
        .unwrap();
    }
    for (minute, account, bid, ask, lesser) in MINUTES {
        let mut sides = Sides::default();
        for (.., side, _, _, _, term) in ORDERS.iter().filter(|row| (row.0, row.3) == (minute, account)) {
            sides.add(*side, *term).unwrap();
        }
        assert_eq!((sides.bid, sides.ask, sides.lesser()), (bid, ask, lesser));
    }
}

/// Its scores, with the volumes of the example.
fn example_19_2_scores() -> (EpochParameters, Scores) {
    let (parameters, tally) = example_19_2();
    assert_eq!((tally.markets[0].valid, tally.markets[0].crossed), (3, 1));
    assert_eq!(tally.markets[0].missing(40_320), 40_316);

    let mut inputs = Inputs::of_epoch(18);
    let usd = 1_000_000;
    let rest = 500_000_000 - 1_250_000 - 30_000_000 - 1_240_000;
    for (account, before, now) in
        [(A, 1_250_000, 12_500_000), (B, 30_000_000, 40_000_000), (C, 1_240_000, 2_000_000), (Address::ZERO, rest, 0)]
    {
        inputs.add_volume(17, "BTC-USD", account, before * usd).unwrap();
        inputs.add_volume(18, "BTC-USD", account, now * usd).unwrap();
    }
    let scores = score::score(&parameters, &tally, &inputs).unwrap();
    (parameters, scores)
}

#[test]
fn scores_that_do_not_add_up_are_refused() {
    let (_, scores) = example_19_2_scores();
    assert_eq!(scores.check(), Ok(()));
    let changed = |account, change: fn(&mut ScoreRow)| {
        let mut scores = scores.clone();
        change(scores.rows.iter_mut().find(|row| row.account == account).unwrap());
        scores.check()
    };
    let refused = |account, change, words: &str| {
        let reason = changed(account, change).unwrap_err();
        assert!(reason.contains(words), "{reason}");
    };
    refused(A, |row| row.market = "ETH-USD".to_owned(), "no market ETH-USD");
    refused(A, |row| row.samples += 1, "4 samples in a row, 3 in the market");
    // Up to the samples, and not above the greatest of the group.
    assert_eq!(changed(A, |row| row.effective_uptime = 3), Ok(()));
    refused(A, |row| row.effective_uptime = 4, "more uptime than samples");
    refused(A, |row| row.uptime = 3, "more uptime than samples");
    let sums = "BTC-USD: the sums are not those of its rows";
    refused(A, |row| row.score += U512::from(1), sums);
    refused(A, |row| row.liquidity -= 1, sums);
    refused(A, |row| row.score = U512::MAX, "scores exceed their width");
    refused(A, |row| row.liquidity = u128::MAX, "liquidity exceeds its width");
    // C does not take part.
    assert_eq!(changed(C, |row| row.score += U512::from(1)), Ok(()));
    refused(C, |row| row.standing = Standing::Eligible, sums);
}

#[test]
fn example_19_2_epoch() {
    let (parameters, scores) = example_19_2_scores();
    let allocation = allocation::allocate(&parameters, &scores);
    let row = |account| {
        let place = scores.rows.iter().position(|row| row.account == account).unwrap();
        let row = &scores.rows[place];
        (row.liquidity, row.uptime, row.standing, row.score.to_string(), allocation.rewards_wei[place])
    };
    let eligible = Standing::Eligible;
    let a =
        (378_177_000_000_000, 2, eligible, "12305449393929863474380952144261012".to_owned(), 5609011203464332960043);
    let b =
        (280_489_960_000_000, 3, eligible, "240140044512529665443517845049864032".to_owned(), 109459488796535667039956);
    let c = (70_966_550_000_000, 2, Standing::BelowThreshold, "2016523330628166017040718498177765".to_owned(), 0);
    assert_eq!((row(A), row(B), row(C)), (a, b, c));
    let pool = &allocation.markets[0];
    assert_eq!((pool.pool_wei, pool.pool_wei - pool.paid_wei), (115068500000000000000000, 1));
    assert!(!allocation.credits.contains_key(&C));
}

/// Formula, scores of X, Y and Z, their rewards, dust.
const FORMULAS: [(Formula, [&str; 3], [u128; 3], u128); 7] = [
    (
        Formula::V0,
        [
            "2266735911777429702574080000000000000000000000000000000000000",
            "532140673994280970007189913600000000000000000000000000000000",
            "22412794049557105213440000000000000000000000000000000000000",
        ],
        [80343970667802615368601, 18861612630037715216742, 794416702159669414655],
        2,
    ),
    (
        Formula::V1,
        [
            "5068575585774298962481547818013935275996721765320890199955394545834050219",
            "237980544128753356815229913831241867251244259811450523043047123746160324",
            "0",
        ],
        [95515348593267379189265, 4484651406732620810734, 0],
        1,
    ),
    (
        Formula::V2,
        [
            "1875582817150485344773624850247834306540502110567161423186732",
            "716712048698049275166258332910447673171741092806958993111092",
            "0",
        ],
        [72352217406276879377577, 27647782593723120622422, 0],
        1,
    ),
    (
        Formula::V3BtcEth,
        [
            "15361703336523554629936985144343756809098851928102086067285",
            "15010594599872591196031221475902579573543479888761804867798",
            "0",
        ],
        [50578008185923624220471, 49421991814076375779528, 0],
        1,
    ),
    (
        Formula::V3Other,
        [
            "64777938242160437785593812292345363083637377162251321399637",
            "43311566833695030502789277636951289172763009793368913553395",
            "0",
        ],
        [59929905495173030283971, 40070094504826969716028, 0],
        1,
    ),
    (
        Formula::V4BtcEth,
        [
            "5002683170633549758860771298816150972780119036422915859089",
            "5890483706422287502650976229823401953197980203496986102766",
            "289684036420542764655532436469587920103241657045510975656",
        ],
        [44735311320343627218013, 52674257682570947640776, 2590430997085425141210],
        1,
    ),
    (
        Formula::V4Other,
        [
            "21095544834661086670357168672527366313717421933782939388196",
            "16996400578006817492317942983245794221157665464863953182718",
            "805924415954698952934266331893868545693758530045264397761",
        ],
        [54233162195267937007082, 43694939216183474548169, 2071898588548588444748],
        1,
    ),
];

#[test]
fn example_19_3_every_formula() {
    let measures = |liquidity, uptime, volume, stake| Measures { liquidity, uptime, volume, stake };
    let x = measures(1200000000000000000, 40_000, 900000000000000, 5_000_000 * TOKEN);
    let y = measures(300000000000000000, 39_500, 1500000000000000, 200_000 * TOKEN);
    let z = measures(50000000000000000, 30_000, 300000000000000, 0);
    for (formula, expected, rewards, dust) in FORMULAS {
        let scores = [x, y, z].map(|measures| formula.score(&measures));
        assert_eq!(scores.map(|score| score.to_string()), expected, "{formula}");
        for (measures, score) in [x, y, z].iter().zip(scores) {
            assert!(formula.confirms(measures, score), "{formula}");
        }
        let total = scores.iter().copied().reduce(|sum, score| sum + score).unwrap();
        let pool = U256::from(100_000 * TOKEN);
        let shares = scores.map(|score| (pool.to::<alloy_primitives::aliases::U512>() * score / total).to::<u128>());
        assert_eq!(shares, rewards, "{formula}");
        assert_eq!(100_000 * TOKEN - shares.iter().sum::<u128>(), dust, "{formula}");
    }
}

#[test]
fn example_19_3_splitting_an_account() {
    let x =
        Measures { liquidity: 1200000000000000000, uptime: 40_000, volume: 900000000000000, stake: 5_000_000 * TOKEN };
    let half = Measures { liquidity: x.liquidity / 2, volume: x.volume / 2, stake: x.stake / 2, ..x };
    for formula in Formula::ALL {
        let (both, whole) = (formula.score(&half) << 1_usize, formula.score(&x));
        if formula == Formula::V1 {
            let share = both * alloy_primitives::aliases::U512::from(10_u64.pow(17)) / whole;
            assert_eq!(share.to_string(), "70710678118654752", "one over the root of two");
        } else {
            assert!(whole - both <= alloy_primitives::aliases::U512::from(2), "{formula}: two floors for one");
        }
    }
}

const P1: Address = Address::repeat_byte(0x11);
const P2: Address = Address::repeat_byte(0x22);
const P3: Address = Address::repeat_byte(0x33);
const P4: Address = Address::repeat_byte(0x44);

/// Market, samples, weight, pool if empty markets are redistributed, share of the whole.
const MARKETS: [(&str, u32, u128, u128, u128); 5] = [
    ("BTC-USD", 40320, 90720000, 178554568965517241379310, 115068500000000000000000),
    ("ETH-USD", 40318, 90720000, 178554568965517241379310, 115068500000000000000000),
    ("SOL-USD", 40320, 322560000, 634860689655172413793103, 409132444444444444444444),
    ("NEW-USD", 10080, 80640000, 158715172413793103448275, 102283111111111111111111),
    ("DEAD-USD", 40320, 322560000, 0, 409132444444444444444444),
];

/// Market, provider, liquidity, uptime, uptime used, volume, score, reward, credited to.
type Line = (&'static str, Address, u128, u32, u32, u128, &'static str, u128, Address);

const ROWS: [Line; 9] = [
    (
        "BTC-USD",
        P1,
        900000000000000000,
        40100,
        40100,
        800000000000000,
        "4389392840696173812346080731226902288143574778424863396526",
        80663389456146431633444,
        P1,
    ),
    (
        "BTC-USD",
        P2,
        400000000000000000,
        40310,
        40310,
        1100000000000000,
        "5229696603246000423689679153925138844189254024400919730664",
        96105559277809380437311,
        P2,
    ),
    (
        "BTC-USD",
        P3,
        10000000000000000,
        12000,
        40100,
        20000000000000,
        "97166616893517532486378771155199282302092763147497161014",
        1785620231561429308553,
        P1,
    ),
    (
        "ETH-USD",
        P1,
        700000000000000000,
        40000,
        40000,
        500000000000000,
        "2799683184390717856484548318671100796644780757471395744386",
        92637832330162094655503,
        P1,
    ),
    (
        "ETH-USD",
        P2,
        600000000000000000,
        40300,
        40300,
        450000000000000,
        "2596559491574071235702952569993759553514160376294632830988",
        85916736635355146723806,
        P2,
    ),
    (
        "SOL-USD",
        P1,
        20000000000000000,
        39000,
        39000,
        60000000000000,
        "762783989569073527650716405794641064773480127742778410490",
        292413290458729436942959,
        P1,
    ),
    (
        "SOL-USD",
        P2,
        30000000000000000,
        40000,
        40000,
        40000000000000,
        "766568753269601460168731022468638959740699975558065201950",
        293864179861777024056081,
        P2,
    ),
    (
        "SOL-USD",
        P3,
        5000000000000000,
        30000,
        39000,
        8000000000000,
        "126733302074162050444920152231317374293743186377535467358",
        48583219334665952794062,
        P1,
    ),
    (
        "NEW-USD",
        P2,
        1000000000000000,
        10000,
        10000,
        3000000000000,
        "42271585562597985915658636426056886621596946942293076",
        158715172413793103448275,
        P2,
    ),
];

fn example_19_4(empty_market: EmptyMarket) -> (EpochParameters, Scores, Allocation) {
    let markets = vec![
        btc(),
        market("ETH-USD", rewards::parameters::Share::Fixed(1000), Formula::V4BtcEth),
        other("SOL-USD"),
        other("NEW-USD"),
        other("DEAD-USD"),
    ];
    let mut parameters = parameters(markets);
    parameters.empty_market = empty_market;
    let providers = |market: &str| -> Vec<_> {
        ROWS.iter().filter(|row| row.0 == market).map(|row| (row.1, row.2, row.3)).collect()
    };
    let mut tally = Tally::empty(5);
    tally.markets = MARKETS.iter().map(|row| sums(row.1, &providers(row.0))).collect();

    let mut inputs = Inputs::of_epoch(18);
    inputs.add_link(P3, P1).unwrap();
    inputs.add_volume(17, "BTC-USD", P1, 1).unwrap();
    inputs.add_volume(17, "BTC-USD", P2, 1).unwrap();
    for (market, account, _, _, _, volume, ..) in ROWS {
        inputs.add_volume(18, market, account, volume).unwrap();
    }
    let scores = score::score(&parameters, &tally, &inputs).unwrap();
    let allocation = allocation::allocate(&parameters, &scores);
    (parameters, scores, allocation)
}

#[test]
fn example_19_4_scores_and_rewards() {
    let (_, scores, allocation) = example_19_4(EmptyMarket::Redistribute);
    for (market, (name, samples, weight, pool, _)) in allocation.markets.iter().zip(MARKETS) {
        assert_eq!(
            (market.market.as_str(), market.samples, market.weight, market.pool_wei),
            (name, samples, weight, pool)
        );
    }
    for (market, account, liquidity, uptime, used, volume, score, reward, primary) in ROWS {
        let place = scores.rows.iter().position(|row| row.market == market && row.account == account).unwrap();
        let row = &scores.rows[place];
        assert_eq!((row.liquidity, row.uptime, row.effective_uptime, row.volume), (liquidity, uptime, used, volume));
        assert_eq!((row.score.to_string().as_str(), row.primary), (score, primary));
        assert_eq!(allocation.rewards_wei[place], reward, "{market} {account}");
    }
    assert_eq!(allocation.credits[&P1], 516083351811265345334521);
    assert_eq!(allocation.credits[&P2], 634601648188734654665473);
    assert_eq!(allocation.unpaid_wei, 6);
    let pools: u128 = allocation.markets.iter().map(|market| market.pool_wei).sum();
    assert_eq!(1_150_685 * TOKEN - pools, 2);
}

#[test]
fn example_19_4_retain() {
    let (_, _, allocation) = example_19_4(EmptyMarket::Retain);
    for (market, (name, .., share)) in allocation.markets.iter().zip(MARKETS) {
        assert_eq!(market.pool_wei, if name == "DEAD-USD" { 0 } else { share }, "{name}");
    }
}

fn example_19_4_tree() -> (Amounts, Amounts, Amounts, Amounts) {
    let (_, _, allocation) = example_19_4(EmptyMarket::Redistribute);
    let last = address("0xABcdEFABcdEFabcdEfAbCdefabcdeFABcDEFabCD");
    let previous = Amounts::from([
        (P1, wei("1000000000000000000000")),
        (P4, wei("12500000000000000000")),
        (last, wei("310750000000000000000")),
    ]);
    let lp: Amounts = allocation.credits.iter().map(|(account, amount)| (*account, U256::from(*amount))).collect();
    let trading = Amounts::from([(P2, wei("250000000000000000001")), (P4, wei("100000000000000000000"))]);
    let merged = cumulative::merge(&previous, &[&lp, &trading]).unwrap();
    (previous, lp, trading, merged)
}

#[test]
fn example_19_4_cumulative_tree() {
    let (previous, lp, trading, merged) = example_19_4_tree();
    cumulative::check_succession(&previous, &merged, &[&lp, &trading]).unwrap();
    let tree = Tree::new(&merged).unwrap();
    let json = tree.to_json();
    assert_eq!(
        json,
        r#"[["0x1111111111111111111111111111111111111111","517083351811265345334521"],["0x4444444444444444444444444444444444444444","112500000000000000000"],["0x2222222222222222222222222222222222222222","634851648188734654665474"],["0xABcdEFABcdEFabcdEfAbCdefabcdeFABcDEFabCD","310750000000000000000"]]"#
    );
    assert_eq!(json.len(), 291);
    assert_eq!(hex::encode(Sha256::digest(&json)), "a9d1d28cf226ce99c3f881fff9f9b62b3d735432a03539ca4b2a789e432eb7ae");
    let root = "0x1fb57a475852ee82fd71887a1dac609168beb2ad76f4c9ab169ac2ce5effb266";
    assert_eq!(tree.root().to_string(), root);
    let cid = cid::of(json.as_bytes());
    assert_eq!(cid, "bafkreifj2hjiz4rgz2m4h6eb7747tnrlhvzvimvagu44uszkpcpeglvxvy");
    assert_eq!(
        hex::encode(cid),
        "6261666b726569666a32686a697a3472677a326d346836656237373437746e726c68767a76696d76616775343475737a6b70637065676c76787679"
    );
    let leaves = [
        (
            "0x1111111111111111111111111111111111111111",
            "0x0eaaaf01eaee0b2851ad84667842c4e6a48461992e088221f893a38003862c38",
            [
                "0x65cc64487aa5ddaff40289727f8996a559ef92f127006d40860a71f61fa12c99",
                "0x1fe829a56f1219c16cef95199b252e9185f13aac73735575e01aabbb3d7a3ec9",
            ],
        ),
        (
            "0x4444444444444444444444444444444444444444",
            "0x65cc64487aa5ddaff40289727f8996a559ef92f127006d40860a71f61fa12c99",
            [
                "0x0eaaaf01eaee0b2851ad84667842c4e6a48461992e088221f893a38003862c38",
                "0x1fe829a56f1219c16cef95199b252e9185f13aac73735575e01aabbb3d7a3ec9",
            ],
        ),
        (
            "0x2222222222222222222222222222222222222222",
            "0x9c9c476ca19a52471885f3a234cfd8141484050b04801096c95162e0cd0155b2",
            [
                "0xf9124c7ca86b67bcfe5c62ecb1f3fa8504f85151dcc19c9aa2837eada38e0b2c",
                "0x10cd4b666caf6e36c49648a81af1afa95a939a40b51690a8b4ba0e36649a7288",
            ],
        ),
        (
            "0xABcdEFABcdEFabcdEfAbCdefabcdeFABcDEFabCD",
            "0xf9124c7ca86b67bcfe5c62ecb1f3fa8504f85151dcc19c9aa2837eada38e0b2c",
            [
                "0x9c9c476ca19a52471885f3a234cfd8141484050b04801096c95162e0cd0155b2",
                "0x10cd4b666caf6e36c49648a81af1afa95a939a40b51690a8b4ba0e36649a7288",
            ],
        ),
    ];
    for (place, ((leaf, account, _), (expected, expected_leaf, proof))) in tree.entries().zip(leaves).enumerate() {
        assert_eq!((account.to_string().as_str(), leaf.to_string().as_str()), (expected, expected_leaf));
        let found: Vec<_> = tree.proof(place).iter().map(ToString::to_string).collect();
        assert_eq!(found, proof);
        assert!(rewards::tree::verify(leaf, &tree.proof(place), tree.root()));
    }
}

#[test]
fn example_19_5_reward_coefficients() {
    let (_, _, allocation) = example_19_4(EmptyMarket::Redistribute);
    let coefficients = coefficient::coefficients(&allocation.markets);
    let places = |text: &str| (text.len() - text.find('.').unwrap() - 1) as u32;
    let expected = [
        ("32490079.365079365079365079365079365079365079365079", "0.31615662524258807393044192228027313093234107031134"),
        ("32243662.880103179721216330175107892256560345255221", "0.31857279627699886320575969596058127750569419122757"),
        ("1364087.3015873015873015873015873015873015873015873", "26.774314606402610220533619431913227751633212406682"),
        ("99206.349206349206349206349206349206349206349206349", "92.036706459508972633083881882701771600488208526816"),
    ];
    for ((market, coefficient), (liquidity, expected)) in allocation.markets.iter().zip(&coefficients).zip(expected) {
        assert_eq!(coefficient::average_liquidity(market).unwrap().decimal(places(liquidity)), liquidity);
        assert_eq!(coefficient.as_ref().unwrap().decimal(places(expected)), expected);
    }
    assert_eq!(coefficients[4], None, "no competition");

    let mut markets = allocation.markets.clone();
    markets.push(MarketAllocation { samples: 0, ..markets[4].clone() });
    let with_an_unsampled_one = coefficient::coefficients(&markets);
    assert_eq!((&with_an_unsampled_one[..5], &with_an_unsampled_one[5]), (&coefficients[..], &None));
}
