//! Pools, rewards and what is merged (spec sections 8, 10 and 15).

use alloy_primitives::{Address, U256};
use rewards::{
    allocation::{Allocation, allocate},
    cumulative::{Amounts, MergeError, check_succession, merge},
    eligibility::Standing,
    inputs::Inputs,
    parameters::{EmptyMarket, EpochParameters},
    score::{Scores, score},
    tally::{MarketTally, Tally},
};

use crate::fixture::{A, B, C, btc, other, parameters, sums};

fn allocated(parameters: &EpochParameters, markets: Vec<MarketTally>, inputs: &Inputs) -> (Scores, Allocation) {
    let mut tally = Tally::empty(0);
    tally.markets = markets;
    let scores = score(parameters, &tally, inputs).unwrap();
    let allocation = allocate(parameters, &scores);
    (scores, allocation)
}

/// A and B are eligible and traded everywhere.
fn inputs() -> Inputs {
    let mut inputs = Inputs::of_epoch(18);
    for account in [A, B] {
        inputs.add_volume(17, "BTC-USD", account, 1).unwrap();
        for market in ["BTC-USD", "SOL-USD", "NEW-USD"] {
            inputs.add_volume(18, market, account, 1_000_000).unwrap();
        }
    }
    inputs
}

#[test]
fn without_other_samples_the_fixed_parts_are_the_weights() {
    let mut parameters = parameters(vec![btc(), other("SOL-USD")]);
    let markets = || vec![sums(10, &[(A, 5, 1)]), sums(0, &[])];
    let (_, allocation) = allocated(&parameters, markets(), &inputs());
    assert_eq!(allocation.markets.iter().map(|market| market.weight).collect::<Vec<_>>(), [1000, 0]);
    assert_eq!(allocation.markets[0].pool_wei, parameters.lp_amount_wei);
    parameters.empty_market = EmptyMarket::Retain;
    let (_, allocation) = allocated(&parameters, markets(), &inputs());
    assert_eq!(allocation.markets[0].pool_wei, parameters.lp_amount_wei / 10);
    assert_eq!(allocation.unpaid_wei, parameters.lp_amount_wei / 10 * 9);
}

#[test]
fn an_epoch_in_which_nobody_scores_pays_nothing() {
    for empty_market in [EmptyMarket::Redistribute, EmptyMarket::Retain] {
        let mut parameters = parameters(vec![btc(), other("SOL-USD")]);
        parameters.empty_market = empty_market;
        let (_, allocation) = allocated(&parameters, vec![sums(10, &[]), sums(10, &[(C, 5, 5)])], &inputs());
        assert!(allocation.credits.is_empty());
        assert_eq!(allocation.unpaid_wei, parameters.lp_amount_wei);
        assert!(allocation.markets.iter().all(|market| market.pool_wei == 0));
    }
}

#[test]
fn who_scores_without_taking_part_gets_nothing_and_costs_nobody() {
    let parameters = parameters(vec![btc()]);
    let mut parameters = parameters;
    (parameters.markets[0].share, parameters.alloc_other_bps) = (rewards::parameters::Share::Fixed(10_000), 0);
    let alone = allocated(&parameters, vec![sums(10, &[(A, 5, 5), (B, 7, 7)])], &inputs()).1;
    let (scores, allocation) = allocated(&parameters, vec![sums(10, &[(A, 5, 5), (B, 7, 7), (C, 9, 9)])], &inputs());
    let c = scores.rows.iter().find(|row| row.account == C).unwrap();
    assert_eq!((c.standing, c.liquidity), (Standing::BelowThreshold, 9));
    assert_eq!(allocation.credits, alone.credits);
    assert_eq!(allocation.markets, alone.markets);
}

#[test]
fn equal_scores_earn_the_same() {
    let parameters = parameters(vec![btc(), other("SOL-USD")]);
    let (_, allocation) = allocated(&parameters, vec![sums(9, &[(A, 3, 3), (B, 3, 3)]), sums(0, &[])], &inputs());
    assert_eq!(allocation.credits[&A], allocation.credits[&B]);
    assert_eq!(allocation.credits[&A], parameters.lp_amount_wei / 2);
}

#[test]
fn who_takes_part_has_a_row_in_every_market() {
    let parameters = parameters(vec![other("SOL-USD"), btc()]);
    let (scores, _) = allocated(&parameters, vec![sums(9, &[]), sums(9, &[(C, 3, 3)])], &inputs());
    let rows: Vec<_> = scores.rows.iter().map(|row| (row.market.as_str(), row.account)).collect();
    assert_eq!(
        rows,
        [("BTC-USD", A), ("BTC-USD", B), ("BTC-USD", C), ("SOL-USD", A), ("SOL-USD", B)],
        "by name and account"
    );
    assert_eq!(scores.markets[0].market, "SOL-USD", "markets as in the parameters");
}

#[test]
fn a_secondary_scores_with_the_uptime_of_its_group_and_earns_for_its_primary() {
    let parameters = parameters(vec![btc(), other("SOL-USD")]);
    let mut inputs = inputs();
    inputs.add_link(B, A).unwrap();
    inputs.add_stake(18, 0, A, 5).unwrap();
    inputs.add_stake(18, 0, B, 7).unwrap();
    let (scores, allocation) =
        allocated(&parameters, vec![sums(9, &[(A, 3, 9), (B, 3, 1)]), sums(9, &[(B, 1, 2)])], &inputs);
    let row =
        |market: &str, account| scores.rows.iter().find(|row| row.market == market && row.account == account).unwrap();
    assert_eq!((row("BTC-USD", B).uptime, row("BTC-USD", B).effective_uptime), (1, 9));
    assert_eq!(
        (row("SOL-USD", B).effective_uptime, row("SOL-USD", A).effective_uptime),
        (2, 2),
        "each market for itself"
    );
    assert_eq!(row("BTC-USD", B).stake, 12);
    assert_eq!(row("BTC-USD", A).score, row("BTC-USD", B).score);
    assert_eq!(allocation.credits.keys().copied().collect::<Vec<_>>(), [A]);
    assert!(allocation.unpaid_wei <= 4);
}

fn amounts(pairs: &[(Address, u64)]) -> Amounts {
    pairs.iter().map(|(account, amount)| (*account, U256::from(*amount))).collect()
}

#[test]
fn programs_add_to_what_was_there() {
    let previous = amounts(&[(A, 1), (B, 2)]);
    let merged = merge(&previous, &[&amounts(&[(A, 10), (C, 5)]), &amounts(&[(A, 100)])]).unwrap();
    assert_eq!(merged, amounts(&[(A, 111), (B, 2), (C, 5)]));
    assert_eq!(merge(&previous, &[&amounts(&[(C, 0)])]).unwrap(), previous, "nothing makes no entry");
    let full = Amounts::from([(A, U256::MAX)]);
    assert_eq!(merge(&full, &[&amounts(&[(A, 1)])]), Err(MergeError::Overflow(A)));
}

#[test]
fn a_tree_follows_only_if_nobody_loses_and_the_sum_is_right() {
    let (previous, program) = (amounts(&[(A, 5), (B, 2)]), amounts(&[(C, 3), (A, 1)]));
    let next = amounts(&[(A, 6), (B, 2), (C, 3)]);
    assert_eq!(check_succession(&previous, &next, &[&program]), Ok(()));
    let decreased = |account, before: u64, after: u64| {
        Err(MergeError::Decreased { account, before: U256::from(before), after: U256::from(after) })
    };
    assert_eq!(check_succession(&previous, &amounts(&[(A, 4), (B, 2)]), &[]), decreased(A, 5, 4));
    assert_eq!(check_succession(&previous, &amounts(&[(A, 5)]), &[]), decreased(B, 2, 0));
    let not_the_sum = Err(MergeError::NotTheSum { increases: U256::from(4), programs: U256::from(3) });
    assert_eq!(check_succession(&previous, &next, &[&amounts(&[(C, 3)])]), not_the_sum);
}
