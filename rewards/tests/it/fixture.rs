//! Short ways to parameters, samples and inputs.

use alloy_primitives::{Address, U256};
use rewards::{
    book::{OrderRecord, Record, Side, Status},
    epoch,
    formula::Formula,
    parameters::{EmptyMarket, EpochParameters, Group, MarketParameters, Share},
    sampling::Sampling,
    tally::{Liquidity, MarketTally, Rules, Scorer, Tally},
};

pub(crate) const EPOCH: u64 = 18;

pub(crate) const A: Address = Address::repeat_byte(0xaa);
pub(crate) const B: Address = Address::repeat_byte(0xbb);
pub(crate) const C: Address = Address::repeat_byte(0xcc);

pub(crate) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub(crate) fn wei(text: &str) -> U256 {
    text.parse().unwrap()
}

/// BTC-USD as in example 19.2: prices without decimals, sizes with four.
pub(crate) fn btc() -> MarketParameters {
    market("BTC-USD", Share::Fixed(1000), Formula::V4BtcEth)
}

pub(crate) fn market(name: &str, share: Share, formula: Formula) -> MarketParameters {
    let is_fixed = matches!(share, Share::Fixed(_));
    MarketParameters {
        market: name.to_owned(),
        formula,
        min_depth_usd: if is_fixed { 5000 } else { 1000 },
        max_spread_bps: if is_fixed { 20 } else { 40 },
        share,
        price_decimals: 0,
        size_decimals: 4,
        listed: None,
    }
}

pub(crate) fn other(name: &str) -> MarketParameters {
    market(name, Share::Group(Group::Other), Formula::V4Other)
}

/// Epoch 18 with these markets; what they leave of the whole belongs to the others.
pub(crate) fn parameters(markets: Vec<MarketParameters>) -> EpochParameters {
    let fixed: u32 = markets
        .iter()
        .map(|market| match market.share {
            Share::Fixed(share) => share,
            Share::Group(_) => 0,
        })
        .sum();
    EpochParameters {
        epoch: EPOCH,
        clock: Default::default(),
        token: Default::default(),
        distributor: None,
        health: Default::default(),
        lp_amount_wei: 1_150_685 * 10_u128.pow(18),
        threshold_num: 25,
        threshold_den: 10_000,
        alloc_other_bps: 10_000 - fixed,
        empty_market: EmptyMarket::Redistribute,
        markets,
    }
}

/// A sample at the start of its minute.
pub(crate) fn record<'a>(
    minute: u32,
    best: (Option<&'a str>, Option<&'a str>),
    status: Status,
    orders: &'a [OrderRecord<'a>],
) -> Record<'a> {
    Record {
        epoch: EPOCH,
        minute,
        market: "BTC-USD",
        time_ms: epoch::start_ms(EPOCH).unwrap() + u64::from(minute) * epoch::MINUTE_MS,
        seq: 1,
        status,
        best_bid: best.0,
        best_ask: best.1,
        orders,
    }
}

pub(crate) fn order<'a>(id: &'a str, account: Address, side: Side, size: &'a str, price: &'a str) -> OrderRecord<'a> {
    OrderRecord { account, id, side, price, size }
}

/// The sums of these samples.
pub(crate) fn tally(parameters: &EpochParameters, records: &[Record<'_>]) -> Tally {
    let rules = Rules::new(parameters, &Sampling::default()).unwrap();
    let mut scorer = Scorer::new(&rules);
    for record in records {
        scorer.add(record).unwrap();
    }
    scorer.finish()
}

/// A market's sums without its samples.
pub(crate) fn sums(valid: u32, providers: &[(Address, u128, u32)]) -> MarketTally {
    let of = |(account, liquidity, uptime): &(Address, u128, u32)| {
        (*account, Liquidity { liquidity: *liquidity, uptime: *uptime })
    };
    MarketTally { valid, providers: providers.iter().map(of).collect(), ..MarketTally::default() }
}
