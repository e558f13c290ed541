//! Reward coefficients: where liquidity is paid best (spec section 17.2). For display; nothing is computed from them.

use num_bigint::BigUint;

use crate::allocation::MarketAllocation;

/// An exact fraction for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ratio {
    num: BigUint,
    den: BigUint,
}

impl Ratio {
    /// A fraction, unless it has no value.
    #[must_use]
    pub fn new(num: BigUint, den: BigUint) -> Option<Self> {
        (den != BigUint::ZERO).then_some(Self { num, den })
    }

    /// A decimal with so many places, half rounded up.
    #[must_use]
    pub fn decimal(&self, places: u32) -> String {
        let scaled = (&self.num * BigUint::from(10_u32).pow(places) * 2_u32 + &self.den) / (&self.den * 2_u32);
        let width = places as usize + 1;
        let digits = format!("{scaled:0>width$}");
        let (whole, fraction) = digits.split_at(digits.len() - places as usize);
        if places == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") }
    }
}

/// Average two-sided liquidity of a market, USD per unit of spread, over those who take part. Nothing without a sample.
#[must_use]
pub fn average_liquidity(market: &MarketAllocation) -> Option<Ratio> {
    Ratio::new(market.total_liquidity.into(), BigUint::from(market.samples) * 1_000_000_u32)
}

/// The coefficient of each market, in the order given: 1 is the liquidity-weighted mean. Nothing for a market in which nobody competes.
#[must_use]
pub fn coefficients(markets: &[MarketAllocation]) -> Vec<Option<Ratio>> {
    // Sum of averages on the common denominator of all numbers of samples.
    let sampled = || markets.iter().filter(|market| market.samples > 0);
    let common: BigUint = sampled().map(|market| BigUint::from(market.samples)).product();
    let liquidity: BigUint =
        sampled().map(|market| BigUint::from(market.total_liquidity) * &common / market.samples).sum();
    let pools: BigUint = markets.iter().map(|market| BigUint::from(market.pool_wei)).sum();
    markets
        .iter()
        .map(|market| {
            let num = BigUint::from(market.pool_wei) * market.samples * &liquidity;
            Ratio::new(num, BigUint::from(market.total_liquidity) * &pools * &common)
        })
        .collect()
}
