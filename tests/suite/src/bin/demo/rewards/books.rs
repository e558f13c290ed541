//! Act four: from order books to payments. Four providers quote in two markets, the rewards engine scores every minute, and the tree that
//! it makes goes the way of the trees before.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolError;
use model::tree::Tree;
use rewards::{
    allocation::{self, Allocation},
    cid, cumulative,
    inputs::Inputs,
    score::{self, Scores},
    simulation::{Settings, Simulation},
    tally::{Rules, Scorer},
    tree,
};
use suite::{
    abi::{IMerkleDistributor as D, IToken},
    distribution::{WAIT, tokens},
};

use super::{PROVIDERS, Rewards};
use crate::{
    scene::address,
    words::{amount, grouped},
};

/// The third epoch of the distributor.
const EPOCH: usize = 2;

/// What the treasury gets for it: an epoch's 1,150,685 DYDX, rounded up.
const TREASURY: u64 = 1_200_000;

/// Four hours of two markets.
const SETTINGS: Settings =
    Settings { seed: 4, epoch: EPOCH as u64, markets: 2, makers: PROVIDERS.len(), minutes: 240, orders: 24 };

/// Plays it.
pub(super) fn play(rewards: &mut Rewards) -> Result<(), String> {
    rewards.market.scene.chapter("Act four: four hours of order books become tokens");
    let simulation = Simulation::new(SETTINGS).with_accounts(&PROVIDERS.map(address));
    let (scores, allocation) = score(&simulation).map_err(|error| error.to_string())?;
    show_scores(&scores, &allocation);
    publish(rewards, &allocation)?;

    rewards.market.scene.chapter("The root waits for seven days, and everybody is paid");
    let root = rewards.trees[EPOCH].root();
    rewards.propose(root, EPOCH as u64)?;
    rewards.sceptic(EPOCH, Some(D::InvalidMerkleProof::SELECTOR))?;
    let end = rewards.market.scene.chain.timestamp() + WAIT;
    rewards.market.scene.set_time(end)?;
    rewards.activate(root, EPOCH as u64)?;
    rewards.sceptic(EPOCH, None)?;
    let gina = address("gina");
    let (all, proof) = rewards.trees[EPOCH].claim(gina);
    let own = D::claimRewardsCall { cumulativeAmount: all, merkleProof: proof };
    rewards.paid("gina", "claims for herself", &own, &[gina], EPOCH)?;
    rewards.claims_many(EPOCH)?;
    settle(rewards, &allocation)
}

/// Every sample through the engine, and what comes out.
fn score(simulation: &Simulation) -> Result<(Scores, Allocation), Box<dyn std::error::Error>> {
    let parameters = simulation.parameters();
    let sampling = simulation.sampling();
    let rules = Rules::new(parameters, &sampling)?;
    let mut scorer = Scorer::new(&rules);
    for market in 0..SETTINGS.markets {
        simulation.samples(market, |record| scorer.add(record).map(drop))?;
    }
    let mut inputs = Inputs::of_epoch(parameters.epoch);
    for (epoch, market, account, volume) in simulation.volumes() {
        inputs.add_volume(epoch, &market, account, volume)?;
    }
    if parameters.markets.iter().any(|market| market.formula.uses_stake()) {
        for (account, stake) in simulation.stakes() {
            inputs.add_stake(parameters.epoch, 0, account, stake)?;
        }
    }
    let scores = score::score(parameters, &scorer.finish(), &inputs)?;
    let allocation = allocation::allocate(parameters, &scores);
    Ok((scores, allocation))
}

fn show_scores(scores: &Scores, allocation: &Allocation) {
    println!("  {:<10} {:<10} {:>10} {:>10} {:>9} {:>16}", "market", "provider", "minutes", "score", "share", "reward");
    for (row, reward) in scores.rows.iter().zip(&allocation.rewards_wei) {
        let Some(name) = PROVIDERS.into_iter().find(|name| address(name) == row.account) else { continue };
        let pool = allocation.markets.iter().find(|market| market.market == row.market);
        let pool = pool.map_or(1, |market| market.pool_wei.max(1));
        let share = reward.saturating_mul(1_000_000) / pool;
        println!(
            "  {:<10} {name:<10} {:>10} {:>10} {:>9} {:>16}",
            row.market,
            format!("{}/{}", row.effective_uptime, row.samples),
            shortened(&row.score.to_string()),
            format!("{}.{:02} %", share / 10_000, share / 100 % 100),
            millionths(U256::from(*reward)),
        );
    }
}

/// A long number as its first digits and its length.
fn shortened(digits: &str) -> String {
    match digits.split_at_checked(1) {
        Some((first, rest)) if rest.len() > 6 => format!("{first}.{}e{}", &rest[..3], rest.len()),
        _ => digits.to_owned(),
    }
}

/// DYDX, rounded down to six decimals.
fn millionths(wei: U256) -> String {
    amount(wei / U256::from(10).pow(U256::from(12)), 6)
}

/// Adds it to what everybody had, has two reporters say so, and puts the tokens into the treasury.
fn publish(rewards: &mut Rewards, allocation: &Allocation) -> Result<(), String> {
    let earlier: BTreeMap<_, _> = rewards.balances(EPOCH - 1).into_iter().collect();
    let earned: BTreeMap<_, _> = allocation.credits.iter().map(|(account, wei)| (*account, U256::from(*wei))).collect();
    let all = cumulative::merge(&earlier, &[&earned]).map_err(|error| error.to_string())?;
    cumulative::check_succession(&earlier, &all, &[&earned]).map_err(|error| error.to_string())?;
    let tree = tree::Tree::new(&all).map_err(|error| error.to_string())?;
    let balances: Vec<(Address, U256)> = all.into_iter().collect();
    rewards.trees.push(Tree::new(&balances));
    rewards.cids.push(cid::of(tree.to_json().as_bytes()).into_bytes());
    let root = rewards.trees[EPOCH].root();
    rewards.market.scene.equal("the root, by the engine and by the ledger", tree.root(), root)?;
    println!("\n  a tree of {} leaves; two implementations find the same root\n", tree.len());

    let (to, value, token) = (address("treasury"), tokens(TREASURY), rewards.market.dydx);
    let what = format!("gets {} DYDX for the epoch", grouped(TREASURY));
    rewards.market.scene.act("treasury", &what, token, &IToken::mintCall { to, value })?;
    let approve = IToken::approveCall { spender: rewards.distributor, value: rewards.tokens(to)? };
    rewards.market.scene.must("treasury", token, &approve)?;
    rewards.report("ruth", root, EPOCH as u64, &[])?;
    let receipt = rewards.report("tess", root, EPOCH as u64, &[])?;
    rewards.published(&receipt, root, EPOCH as u64)
}

/// Everybody was paid what the engine credited, on top of what was paid before.
fn settle(rewards: &mut Rewards, allocation: &Allocation) -> Result<(), String> {
    rewards.market.scene.chapter("The accounts of the third epoch");
    println!("  {:<10} {:>20} {:>20}", "provider", "reward", "claimed in all");
    let earlier: BTreeMap<_, _> = rewards.balances(EPOCH - 1).into_iter().collect();
    for name in PROVIDERS {
        let account = address(name);
        let before = earlier.get(&account).copied().unwrap_or_default();
        let reward = U256::from(allocation.credits.get(&account).copied().unwrap_or_default());
        let claimed = rewards.claimed(account)?;
        println!("  {name:<10} {:>20} {:>20}", millionths(reward), millionths(claimed));
        rewards.market.scene.check(!reward.is_zero(), || format!("{name} earned nothing"))?;
        rewards.market.scene.equal(name, claimed, before + reward)?;
        rewards.market.scene.equal(name, rewards.tokens(account)?, claimed)?;
    }
    Ok(())
}
