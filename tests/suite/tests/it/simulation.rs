//! A fixed number of random histories; `scripts/simulate` plays many more.

use suite::{
    distribution::simulation::{self, Tally},
    simulation::{Simulation, collusion, proxy::ProxySimulation},
};

#[test]
fn random_histories_follow_the_ledger() {
    let mut simulation = Simulation::new();
    for seed in 1..=10 {
        if let Err(failure) = simulation.run(seed, 150) {
            panic!("{failure}\nshortened to:\n{}", simulation.shorten(&failure));
        }
    }
    for (name, (done, _)) in &simulation.tally {
        assert!(*done > 0, "{name} never succeeds");
    }
    let states = simulation.states;
    assert!(3 * states.either >= states.seen && states.short > 0, "{states}");
}

/// Borrowers, accomplices and keepers together never have more than caps and shares allow, with proxies and without; some come close.
#[test]
fn colluders_take_no_more_than_caps_and_shares_allow() {
    let mut closest = [0; 3];
    for seed in 1..=18 {
        let loot = collusion::play(seed, 80).unwrap_or_else(|failure| panic!("{failure}"));
        let kind = &mut closest[seed as usize % 3];
        *kind = loot.percent().max(*kind);
        assert!(loot.succeeded > 10, "seed {seed}: {loot:?}");
    }
    let enough = closest.iter().all(|percent| *percent >= 90);
    assert!(enough, "at most {closest:?} % was ever taken, by accounts, by proxies, by one of each");
}

#[test]
fn random_histories_of_proxies_follow_the_model() {
    let mut simulation = ProxySimulation::new();
    for seed in 1..=4 {
        if let Err(failure) = simulation.run(seed, 250) {
            panic!("{failure}\nshortened to:\n{}", simulation.shorten(&failure));
        }
    }
    let never = simulation.tally.iter().filter(|(name, (done, _))| name.starts_with("proxy") && *done == 0);
    let never: Vec<_> = never.map(|(name, _)| name).collect();
    assert!(never.is_empty() && simulation.tally.len() > 40, "never succeed: {never:?}");
}

#[test]
fn random_histories_of_the_distributor_follow_its_ledger() {
    let mut tally = Tally::new();
    for seed in 1..=5 {
        simulation::run(seed, 200, &mut tally).unwrap_or_else(|failure| panic!("{failure}"));
    }
    for (name, (done, _)) in &tally {
        assert!(*done > 0, "{name} never succeeds");
    }
}
