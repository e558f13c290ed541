//! A second implementation, slow and plain: from orders to rewards in big rationals and integers, by the formulas. Random small epochs
//! must come out the same, to the last unit.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use num_bigint::{BigInt, BigUint};
use proptest::prelude::*;
use rewards::{
    allocation::allocate,
    book::{Best, OrderRecord, Side, Status},
    formula::Formula,
    inputs::Inputs,
    parameters::{EmptyMarket, EpochParameters, Group, Share},
    score::score,
};

use crate::{
    book::slow_verdict,
    fixture::{EPOCH, market, parameters, record, tally},
};

const ACCOUNTS: u8 = 5;
const MARKETS: [&str; 3] = ["BTC-USD", "ETH-USD", "SOL-USD"];

fn account(number: u8) -> Address {
    Address::repeat_byte(number + 1)
}

/// An order: account, whether it is an ask, ticks behind the best, size.
type Order = (u8, bool, u64, u64);

/// A sample: market, minute, best bid, ask above it, orders.
type Sample = (usize, u32, u64, u64, Vec<Order>);

/// A small epoch.
#[derive(Clone, Debug)]
struct World {
    formula: Formula,
    empty_market: EmptyMarket,
    samples: Vec<Sample>,
    /// Account, market, epoch before, this epoch.
    volumes: BTreeMap<(u8, usize), (u64, u64)>,
    /// Account and minute.
    stakes: BTreeMap<(u8, u32), u64>,
    /// Secondary, from the upper accounts, to primary, from the lower ones.
    links: BTreeMap<u8, u8>,
    excluded: BTreeSet<u8>,
}

fn worlds() -> impl Strategy<Value = World> {
    let order = (0..ACCOUNTS, any::<bool>(), 0..30_u64, 1..30_000_u64);
    let sample = (0..MARKETS.len(), 0..6_u32, 9_000..11_000_u64, 1..25_u64, proptest::collection::vec(order, 0..16));
    let formula = proptest::sample::select(&Formula::ALL);
    let empty_market = prop_oneof![Just(EmptyMarket::Redistribute), Just(EmptyMarket::Retain)];
    let volumes = proptest::collection::btree_map((0..ACCOUNTS, 0..MARKETS.len()), (0..400_u64, 0..u64::MAX), 0..15);
    let stakes = proptest::collection::btree_map((0..ACCOUNTS, 0..4_u32), any::<u64>(), 0..12);
    let links = proptest::collection::btree_map(3..ACCOUNTS, 0..3_u8, 0..2);
    let excluded = proptest::collection::btree_set(0..ACCOUNTS, 0..2);
    let samples = proptest::collection::vec(sample, 0..14);
    (formula, empty_market, samples, volumes, stakes, links, excluded).prop_map(
        |(formula, empty_market, mut samples, volumes, stakes, links, excluded)| {
            let mut minutes = BTreeSet::new();
            samples.retain(|(market, minute, ..)| minutes.insert((*market, *minute)));
            World { formula, empty_market, samples, volumes, stakes, links, excluded }
        },
    )
}

impl World {
    fn parameters(&self) -> EpochParameters {
        let shares = [Share::Fixed(2500), Share::Group(Group::Other), Share::Group(Group::Other)];
        let markets = MARKETS.iter().zip(shares).map(|(name, share)| market(name, share, self.formula)).collect();
        EpochParameters { threshold_num: 1, threshold_den: 10, empty_market: self.empty_market, ..parameters(markets) }
    }

    fn price(best: Best, order: &Order) -> u64 {
        let (_, is_ask, behind, _) = order;
        if *is_ask { best.ask + behind } else { best.bid - behind }
    }

    fn inputs(&self) -> Inputs {
        let mut inputs = Inputs::of_epoch(EPOCH);
        for ((who, market), (before, now)) in &self.volumes {
            inputs.add_volume(EPOCH - 1, MARKETS[*market], account(*who), u128::from(*before)).unwrap();
            inputs.add_volume(EPOCH, MARKETS[*market], account(*who), u128::from(*now)).unwrap();
        }
        for ((who, minute), stake) in &self.stakes {
            inputs.add_stake(EPOCH, *minute, account(*who), u128::from(*stake)).unwrap();
        }
        for (secondary, primary) in &self.links {
            inputs.add_link(account(*secondary), account(*primary)).unwrap();
        }
        for who in &self.excluded {
            inputs.add_exclusion(account(*who), "region").unwrap();
        }
        inputs
    }

    /// The rewards by the library.
    fn rewards(&self) -> BTreeMap<Address, u128> {
        let parameters = self.parameters();
        let text: Vec<Vec<_>> = self
            .samples
            .iter()
            .map(|(_, _, bid, gap, orders)| {
                let best = Best { bid: *bid, ask: bid + gap };
                let text = |(id, order): (usize, &Order)| {
                    let size = rewards::decimal::plain(order.3.into(), 4);
                    (id.to_string(), Self::price(best, order).to_string(), size)
                };
                orders.iter().enumerate().map(text).collect()
            })
            .collect();
        let orders: Vec<Vec<_>> = self
            .samples
            .iter()
            .zip(&text)
            .map(|(sample, text)| {
                let order = |((who, is_ask, ..), (id, price, size)): (&Order, &'_ (String, String, String))| {
                    let side = if *is_ask { Side::Ask } else { Side::Bid };
                    (account(*who), side, id.clone(), price.clone(), size.clone())
                };
                sample.4.iter().zip(text).map(order).collect()
            })
            .collect();
        let orders: Vec<Vec<OrderRecord<'_>>> = orders
            .iter()
            .map(|orders| {
                orders
                    .iter()
                    .map(|(account, side, id, price, size)| OrderRecord {
                        account: *account,
                        id,
                        side: *side,
                        price,
                        size,
                    })
                    .collect()
            })
            .collect();
        let best: Vec<_> =
            self.samples.iter().map(|sample| (sample.2.to_string(), (sample.2 + sample.3).to_string())).collect();
        let records: Vec<_> = self
            .samples
            .iter()
            .zip(&orders)
            .zip(&best)
            .map(|((sample, orders), (bid, ask))| rewards::book::Record {
                market: MARKETS[sample.0],
                ..record(sample.1, (Some(bid), Some(ask)), Status::Ok, orders)
            })
            .collect();
        let tally = tally(&parameters, &records);
        let scores = score(&parameters, &tally, &self.inputs()).unwrap();
        allocate(&parameters, &scores).credits
    }

    /// The rewards by the formulas.
    fn slow_rewards(&self) -> BTreeMap<Address, u128> {
        let parameters = self.parameters();
        let amount = BigUint::from(parameters.lp_amount_wei);
        let samples = |market: usize| self.samples.iter().filter(move |sample| sample.0 == market);
        let others: usize = (1..MARKETS.len()).map(|market| samples(market).count()).sum();
        let weight = |market: usize| match (market, others) {
            (0, 0) => 2500,
            (0, others) => 2500 * others,
            _ => 7500 * samples(market).count(),
        };
        let scores: Vec<_> = (0..MARKETS.len()).map(|market| self.slow_scores(market)).collect();
        let is_alive = |market: &usize| scores[*market].values().any(|score| *score > BigUint::ZERO);
        let whole = match self.empty_market {
            EmptyMarket::Redistribute => (0..MARKETS.len()).filter(is_alive).map(weight).sum(),
            EmptyMarket::Retain => 10_000 * others.max(1),
        };
        let mut credits = BTreeMap::<_, u128>::new();
        for market in (0..MARKETS.len()).filter(is_alive) {
            let pool = &amount * weight(market) / whole;
            let total: BigUint = scores[market].values().sum();
            for (who, score) in &scores[market] {
                let reward = u128::try_from(&pool * score / &total).unwrap();
                if reward > 0 {
                    let primary = self.links.get(who).copied().unwrap_or(*who);
                    *credits.entry(account(primary)).or_default() += reward;
                }
            }
        }
        credits
    }

    fn group(&self, who: u8) -> Vec<u8> {
        let primary = |who: u8| self.links.get(&who).copied().unwrap_or(who);
        (0..ACCOUNTS).filter(|other| primary(*other) == primary(who)).collect()
    }

    /// Scores of those who take part.
    fn slow_scores(&self, place: usize) -> BTreeMap<u8, BigUint> {
        let before = |who: &u8| -> u64 {
            self.volumes.iter().filter(|((other, _), _)| other == who).map(|(_, volume)| volume.0).sum()
        };
        let all: u64 = (0..ACCOUNTS).map(|who| before(&who)).sum();
        let minutes = self.stakes.keys().map(|(_, minute)| minute).collect::<BTreeSet<_>>().len() as u128;
        let stake = |who: &u8| -> u128 {
            let sum: u128 =
                self.stakes.iter().filter(|((other, _), _)| other == who).map(|(_, stake)| u128::from(*stake)).sum();
            sum.checked_div(minutes).unwrap_or_default()
        };
        let eligible = |who: &u8| {
            let volume: u64 = self.group(*who).iter().map(before).sum();
            all > 0 && volume * 10 >= all && !self.excluded.contains(who)
        };
        let measured: Vec<_> = (0..ACCOUNTS).map(|who| self.slow_liquidity(place, who)).collect();
        (0..ACCOUNTS)
            .filter(eligible)
            .map(|who| {
                let uptime = self.group(who).iter().map(|member| measured[usize::from(*member)].1).max().unwrap();
                let stake: u128 = self.group(who).iter().map(stake).sum();
                let volume = self.volumes.get(&(who, place)).map_or(0, |volume| volume.1);
                (who, slow_score(self.formula, &measured[usize::from(who)].0, uptime, volume, stake))
            })
            .collect()
    }

    fn slow_liquidity(&self, place: usize, who: u8) -> (BigUint, u32) {
        let parameters = &self.parameters().markets[place];
        let (mut liquidity, mut uptime) = (BigInt::ZERO, 0);
        for (_, _, bid, gap, orders) in self.samples.iter().filter(|sample| sample.0 == place) {
            let best = Best { bid: *bid, ask: bid + gap };
            let side = |is_ask: bool| -> BigInt {
                let own = orders.iter().filter(|order| order.0 == who && order.1 == is_ask);
                own.filter_map(|order| slow_verdict(parameters, best, Self::price(best, order), order.3)).sum()
            };
            let lesser = side(false).min(side(true));
            uptime += u32::from(lesser > BigInt::ZERO);
            liquidity += lesser;
        }
        (liquidity.to_biguint().unwrap(), uptime)
    }
}

/// The score by bisection: the greatest integer of which the twentieth power is not above the radicand.
fn slow_score(formula: Formula, liquidity: &BigUint, uptime: u32, volume: u64, stake: u128) -> BigUint {
    let twentieths: (u32, u32, u32) = match formula.name() {
        "V0" => (20, 0, 0),
        "V1" => (20, 0, 10),
        "V2" => (7, 9, 4),
        "V3-BE" => (3, 16, 1),
        "V3-O" => (7, 12, 1),
        "V4-BE" => (3, 17, 0),
        _ => (7, 13, 0),
    };
    let radicand = liquidity.pow(twentieths.0)
        * BigUint::from(volume).pow(twentieths.1)
        * BigUint::from(stake).pow(twentieths.2)
        * BigUint::from(uptime).pow(100)
        * BigUint::from(2_u32).pow(1280);
    let (mut below, mut above) = (BigUint::ZERO, BigUint::from(1_u32) << (radicand.bits() / 20 + 1));
    while &above - &below > BigUint::from(1_u32) {
        let middle: BigUint = (&below + &above) >> 1;
        if middle.pow(20) <= radicand { below = middle } else { above = middle }
    }
    below
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_epochs_come_out_the_same(world in worlds()) {
        prop_assert_eq!(world.rewards(), world.slow_rewards());
    }
}

proptest! {
    #[test]
    fn random_scores_come_out_the_same(
        liquidity: u128, shift in 0..128_u32, uptime in 0..=40_320_u32, volume: u64, stake: u128,
        formula in proptest::sample::select(&Formula::ALL),
    ) {
        let liquidity = liquidity >> shift;
        let measures = rewards::formula::Measures { liquidity, uptime, volume: volume.into(), stake };
        let score = formula.score(&measures);
        prop_assert!(formula.confirms(&measures, score));
        prop_assert_eq!(score.to_string(), slow_score(formula, &liquidity.into(), uptime, volume, stake).to_string());
        prop_assert!(!formula.confirms(&measures, score + rewards_one()));
        prop_assert!(score.is_zero() || !formula.confirms(&measures, score - rewards_one()));
    }
}

fn rewards_one() -> alloy_primitives::aliases::U512 {
    alloy_primitives::aliases::U512::ONE
}
