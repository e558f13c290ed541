//! The chain's API over a node: the same as in this process.

use alloy_primitives::{Address, U256, address};
use chain::{Account, Cause, Chain, Rejected, node::Limits};

use super::{START, server::Served};
use crate::support::{self, Code, op};

const STRANGER: Address = address!("00000000000000000000000000000000000057a6");

fn chain(served: &Served) -> Chain {
    Chain::connect(&served.url()).expect("the node answers")
}

/// What both carriers of a chain must agree on.
fn play(chain: &mut Chain) -> (U256, U256, u64, Vec<u64>) {
    let counter = Code::new().push(0).op(op::SLOAD).push(1).op(op::ADD).push(0).op(op::SSTORE).deploy(chain);
    let program = support::deploy(chain, &support::store());
    assert!(chain.is_active(program));
    chain.set_time(START + 100);
    chain.from("alice").send(counter, vec![]).expect("it counts");
    let mut fork = chain.clone();
    for _ in 0..3 {
        fork.from(STRANGER).send(counter, vec![]).expect("anybody");
    }
    chain.from("alice").send(program, support::storing(1, 7, 42)).expect("it stores");
    assert_eq!(fork.storage(counter, U256::ZERO), U256::from(4));
    assert_eq!(chain.storage(counter, U256::ZERO), U256::from(1), "a fork goes its own way");
    assert!(fork.storage_of(program).is_empty());

    let before = fork.snapshot();
    fork.set_storage(counter, U256::ZERO, U256::from(100));
    let sent = fork.from("bob").send(counter, vec![]).expect("it counts");
    assert_eq!(fork.storage(counter, U256::ZERO), U256::from(101));
    assert!(fork.revert(before) && !fork.revert(before));

    let read = chain.from("bob").simulate_raw(program, support::storing(0, 7, 0)).expect("it loads");
    (
        U256::from_be_slice(&read.output),
        fork.storage(counter, U256::ZERO),
        sent.timestamp,
        vec![sent.gas.used, sent.block_number],
    )
}

#[test]
fn a_remote_chain_behaves_like_one_in_the_process() {
    let served = Served::new(Limits::default());
    let mut here = Chain::builder().timestamp(START).build();
    let played = play(&mut here);
    assert_eq!(played, play(&mut chain(&served)));
    assert_eq!(played, play(&mut chain(&served)), "each connection begins at the origin");
    assert_eq!((played.0, played.1, played.2), (U256::from(42), U256::from(4), START + 100));
}

#[test]
fn failures_are_told_alike() {
    let served = Served::new(Limits::default());
    for mut chain in [Chain::builder().timestamp(START).build(), chain(&served)] {
        let refuses = support::deploy(&mut chain, &support::revert_echo());
        let error = chain.from("alice").send(refuses, vec![1, 2, 3]).unwrap_err();
        assert_eq!((&error.cause, error.data.to_vec()), (&Cause::Revert, vec![1, 2, 3]));
        assert!(!error.receipt().success && error.receipt().gas.used > 21_000);
        let poor = Account::from_key(alloy_primitives::keccak256("poor"));
        let error = chain.from(&poor).transfer(STRANGER, U256::from(1)).unwrap_err();
        assert_eq!(error.cause, Cause::Rejected(Rejected::InsufficientFunds));
        assert!(chain.arbos_version() == 61 && chain.base_fee() == 100_000_000 && chain.chain_id() == 412_346);
    }
}

#[test]
#[should_panic(expected = "only a chain in this process knows")]
fn what_only_a_chain_in_the_process_knows_is_refused_loudly() {
    let served = Served::new(Limits::default());
    chain(&served).record(chain::Recording::Frames);
}
