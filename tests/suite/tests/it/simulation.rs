//! A fixed number of random histories; `scripts/simulate` plays many more.

use suite::{
    distribution::simulation::{self, Tally},
    simulation::{Simulation, proxy::ProxySimulation},
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
