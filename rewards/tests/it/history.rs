//! What governance set, epoch by epoch (spec section 4).

use rewards::{
    formula::Formula,
    history::{self, Listing},
    parameters::{EmptyMarket, Group, Share},
};

const TOKEN: u128 = 10_u128.pow(18);

fn listing(market: &str) -> Listing {
    Listing { market: market.to_owned(), price_decimals: 1, size_decimals: 4 }
}

#[test]
fn amounts_add_up_to_what_was_scheduled() {
    assert_eq!((0..100).map(history::lp_amount_wei).sum::<u128>(), 32_794_525 * TOKEN);
    assert_eq!((0..=28).map(history::lp_amount_wei).sum::<u128>(), 31_643_839 * TOKEN);
    assert_eq!((0..=28).map(history::trading_amount_wei).sum::<u128>(), 87_452_048 * TOKEN);
    let late = [29, 30, 31, 32].map(history::trading_amount_wei);
    assert_eq!(late, [1_582_192 * TOKEN, 1_054_795 * TOKEN, 527_398 * TOKEN, 0]);
}

#[test]
fn thresholds() {
    let share = |epoch| {
        let (num, den) = history::threshold(epoch);
        num * 10_000 / den
    };
    assert_eq!([0, 2, 3, 6, 7, 31].map(share), [500, 500, 100, 100, 25, 25]);
}

#[test]
fn formulas() {
    let large = [0, 4, 5, 9, 10, 14, 15, 17, 18, 31].map(|epoch| history::formula(epoch, "BTC-USD").name());
    assert_eq!(large, ["V0", "V0", "V1", "V1", "V2", "V2", "V3-BE", "V3-BE", "V4-BE", "V4-BE"]);
    let other = [0, 9, 14, 15, 17, 18].map(|epoch| history::formula(epoch, "SOL-USD").to_string());
    assert_eq!(other, ["V0", "V1", "V2", "V3-O", "V3-O", "V4-O"]);
    assert_eq!(history::formula(18, "ETH-USD"), Formula::V4BtcEth);
}

#[test]
fn records_of_an_epoch() {
    let all = [listing("BTC-USD"), listing("ETH-USD"), listing("SOL-USD")];
    for (epoch, large, other) in [(14, 2000, 6000), (15, 1000, 8000)] {
        let parameters = history::parameters(epoch, &all);
        parameters.check().unwrap();
        assert_eq!(parameters.alloc_other_bps, other);
        assert_eq!(parameters.empty_market, EmptyMarket::Redistribute);
        let [btc, eth, sol] = parameters.markets.as_slice() else { panic!("three markets") };
        assert_eq!((btc.share, eth.share), (Share::Fixed(large), Share::Fixed(large)));
        assert_eq!((btc.min_depth_usd, btc.max_spread_bps), (5000, 20));
        assert_eq!(sol.share, Share::Group(Group::Other));
        assert_eq!((sol.min_depth_usd, sol.max_spread_bps), (1000, 40));
    }
    let alone = history::parameters(18, &all[1..]);
    alone.check().unwrap();
    assert_eq!(alone.alloc_other_bps, 9000);
}
