//! What holds for any scores.

use alloy_primitives::Address;
use proptest::prelude::*;
use rewards::{
    allocation::{Allocation, allocate},
    formula::{Formula, Measures},
    inputs::Inputs,
    parameters::Share,
    score::score,
    tally::Tally,
};

use crate::fixture::{market, parameters, sums};

/// A provider: liquidity, uptime, volume.
type Provider = (u64, u32, u64);

fn account(number: usize) -> Address {
    Address::repeat_byte(number as u8 + 1)
}

fn providers() -> impl Strategy<Value = Vec<Provider>> {
    proptest::collection::vec((1..=u64::MAX, 1..=40_320_u32, 1..=u64::MAX >> 8), 1..8)
}

fn run(formula: Formula, providers: &[(Address, Provider)], ineligible: &[(Address, Provider)]) -> Allocation {
    let parameters = {
        let mut parameters = parameters(vec![market("BTC-USD", Share::Fixed(10_000), formula)]);
        parameters.threshold_num = 0;
        parameters
    };
    let all = || providers.iter().chain(ineligible);
    let rows: Vec<_> =
        all().map(|(account, (liquidity, uptime, _))| (*account, u128::from(*liquidity), *uptime)).collect();
    let mut tally = Tally::empty(0);
    tally.markets = vec![sums(40_320, &rows)];
    let mut inputs = Inputs::of_epoch(18);
    for (account, (_, _, volume)) in all() {
        inputs.add_volume(18, "BTC-USD", *account, u128::from(*volume)).unwrap();
        inputs.add_stake(18, 0, *account, 1_000_000).unwrap();
    }
    for (account, _) in providers {
        inputs.add_volume(17, "BTC-USD", *account, 1).unwrap();
    }
    for (account, _) in ineligible {
        inputs.add_exclusion(*account, "region").unwrap();
    }
    allocate(&parameters, &score(&parameters, &tally, &inputs).unwrap())
}

fn numbered(providers: &[Provider]) -> Vec<(Address, Provider)> {
    providers.iter().enumerate().map(|(number, provider)| (account(number), *provider)).collect()
}

fn formulas() -> impl Strategy<Value = Formula> {
    proptest::sample::select(&Formula::ALL)
}

proptest! {
    #[test]
    fn rewards_and_dust_make_the_pool(formula in formulas(), providers in providers()) {
        let allocation = run(formula, &numbered(&providers), &[]);
        let paid: u128 = allocation.credits.values().sum();
        let pool = allocation.markets[0].pool_wei;
        prop_assert_eq!(pool, 1_150_685 * 10_u128.pow(18));
        prop_assert_eq!(paid + allocation.unpaid_wei, pool);
        prop_assert!(allocation.unpaid_wei <= providers.len() as u128);
    }

    #[test]
    fn who_does_not_take_part_changes_nobody(formula in formulas(), providers in providers(), other: (u64, u16, u64)) {
        let stranger = (Address::repeat_byte(0xee), (other.0, u32::from(other.1) % 40_320 + 1, other.2 >> 8));
        let with = run(formula, &numbered(&providers), &[stranger]);
        prop_assert_eq!(with.credits, run(formula, &numbered(&providers), &[]).credits);
    }

    #[test]
    fn names_do_not_matter(formula in formulas(), providers in providers()) {
        let reversed: Vec<_> = providers.iter().rev().copied().collect();
        let (forth, back) = (run(formula, &numbered(&providers), &[]), run(formula, &numbered(&reversed), &[]));
        for number in 0..providers.len() {
            let (mine, theirs) = (account(number), account(providers.len() - 1 - number));
            prop_assert_eq!(forth.credits.get(&mine), back.credits.get(&theirs));
        }
    }

    #[test]
    fn scaling_everybody_changes_nobody(formula in formulas(), providers in providers(), factor in 2..1_000_u64) {
        // Shares are between floored scores, so a wei may move; score floors are below 2^-40 of these scores.
        let smaller: Vec<_> = providers.iter().map(|(liquidity, uptime, volume)| ((liquidity / factor).max(1), *uptime, *volume)).collect();
        let larger: Vec<_> = smaller.iter().map(|(liquidity, uptime, volume)| (liquidity * factor, *uptime, *volume)).collect();
        let (small, large) = (run(formula, &numbered(&smaller), &[]), run(formula, &numbered(&larger), &[]));
        for number in 0..providers.len() {
            let of = |allocation: &Allocation| allocation.credits.get(&account(number)).copied().unwrap_or_default();
            prop_assert!(of(&small).abs_diff(of(&large)) <= of(&small) / 2_u128.pow(40) + 2_u128.pow(45));
        }
    }

    #[test]
    fn two_halves_score_what_the_whole_does(
        liquidity in 1..u64::MAX >> 1, uptime in 1..=40_320_u32, volume in 1..u64::MAX >> 1, stake in 1..u64::MAX >> 1,
        formula in formulas(),
    ) {
        let [liquidity, volume, stake] = [liquidity, volume, stake].map(u128::from);
        let half = Measures { liquidity, uptime, volume, stake };
        let whole = Measures { liquidity: 2 * liquidity, volume: 2 * volume, stake: 2 * stake, ..half };
        let (two, one) = (formula.score(&half) << 1_usize, formula.score(&whole));
        if formula == Formula::V1 {
            prop_assert!(two < one, "splitting costs 29 percent");
        } else {
            // One floor below the other: at most two units.
            prop_assert!(two <= one && one - two <= alloy_primitives::aliases::U512::from(2));
        }
    }

    #[test]
    fn more_is_never_worth_less(
        liquidity: u64, uptime in 0..40_320_u32, volume: u64, stake: u64, formula in formulas(),
    ) {
        let measures = Measures { liquidity: liquidity.into(), uptime, volume: volume.into(), stake: stake.into() };
        let more = [
            Measures { liquidity: measures.liquidity + 1, ..measures },
            Measures { uptime: uptime + 1, ..measures },
            Measures { volume: measures.volume + 1, ..measures },
            Measures { stake: measures.stake + 1, ..measures },
        ];
        let score = formula.score(&measures);
        prop_assert!(more.iter().all(|more| formula.score(more) >= score));
    }
}

#[test]
fn a_factor_that_is_used_and_zero_makes_the_score_zero() {
    let full = Measures { liquidity: 10, uptime: 10, volume: 10, stake: 10 };
    for formula in Formula::ALL {
        assert!(!formula.score(&full).is_zero());
        assert!(formula.score(&Measures { liquidity: 0, ..full }).is_zero());
        assert!(formula.score(&Measures { uptime: 0, ..full }).is_zero());
        assert_eq!(formula.score(&Measures { volume: 0, ..full }).is_zero(), formula.uses_volume(), "{formula}");
        assert_eq!(formula.score(&Measures { stake: 0, ..full }).is_zero(), formula.uses_stake(), "{formula}");
    }
}
