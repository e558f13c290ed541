//! A fixed number of random histories; `scripts/simulate` plays many more.

use suite::{
    distribution::simulation::{self, Tally},
    simulation::Simulation,
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
fn random_histories_of_the_distributor_follow_its_ledger() {
    let mut tally = Tally::new();
    for seed in 1..=5 {
        simulation::run(seed, 200, &mut tally).unwrap_or_else(|failure| panic!("{failure}"));
    }
    for (name, (done, _)) in &tally {
        assert!(*done > 0, "{name} never succeeds");
    }
}
