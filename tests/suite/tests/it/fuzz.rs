//! Arbitrary call data to every entry point: a typed error, a refusal without data, or a success; never a trap but for gas.

use std::collections::BTreeSet;

use alloy_json_abi::JsonAbi;
use chain::{Cause, Receipt, Recording};
use suite::{abi, prelude::*};

/// Splitmix64: a seed gives the same inputs everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A word of some kind that decoders and arithmetic care about.
    pub(crate) fn word(&mut self, people: &[Address]) -> U256 {
        match self.below(8) {
            0 => U256::ZERO,
            1 => U256::MAX,
            2 => U256::from(self.below(2000)),
            3 => U256::from(1) << self.below(256),
            4 => (U256::from(1) << self.below(256)) - U256::from(1),
            5 => U256::from(32 * self.below(6)), // An offset or a length.
            6 => U256::from_be_bytes(people[self.below(people.len() as u64) as usize].into_word().0),
            _ => U256::from_limbs([self.next(), self.next(), self.next(), self.next()]),
        }
    }

    pub(crate) fn bytes(&mut self, length: u64) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

/// A pool in the middle of its life: stake, a request, loans, a shortfall, repaid debt.
fn lively() -> Pool {
    let mut pool = Pool::deploy();
    pool.allocate(&[("B0", 4000), ("B1", 6000)]);
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    pool.by("S1").stake(500).unwrap();
    pool.by("B0").borrow(600).unwrap();
    pool.by("S0").request_withdrawal(900).unwrap();
    pool.at(epoch(1)).by("B1").repay_borrow("B0", 100).unwrap();
    pool.by("S1").request_withdrawal(100).unwrap();
    pool.at(epoch(2)).by("X0").mark_debt(&["B0"]).ok();
    pool.by("GOV").set_rewards_per_second(10).unwrap();
    for role in suite::ROLES {
        pool.grant(role, "GOV");
    }
    pool.chain.record(Recording::HostCalls);
    pool
}

fn errors() -> BTreeSet<[u8; 4]> {
    let declared: JsonAbi = errors::abi::contract();
    declared.errors().map(|error| error.selector().0).collect()
}

/// A program that traps never returns. Running out of gas is no trap: a list that claims to be long makes its caller pay for the memory.
fn assert_no_trap(receipt: &Receipt, call: &[u8]) {
    for frame in receipt.frames.iter().filter(|frame| frame.is_stylus()) {
        let returned = frame.host_calls.last().is_some_and(|last| last.name == "user_returned");
        let out_of_gas = frame.gas_used == frame.gas_limit;
        assert!(returned || out_of_gas, "trapped: {}\n{}", alloy_primitives::hex::encode(call), receipt.frame_tree());
    }
}

pub(crate) fn assert_in_order(
    outcome: Result<Receipt, chain::Reverted>,
    call: &[u8],
    known: &BTreeSet<[u8; 4]>,
) -> bool {
    match outcome {
        Ok(receipt) => {
            assert_no_trap(&receipt, call);
            true
        }
        Err(refused) => {
            assert_eq!(refused.cause, Cause::Revert, "{}", alloy_primitives::hex::encode(call));
            assert_no_trap(refused.receipt(), call);
            let selector = refused.data.first_chunk::<4>();
            assert!(refused.data.is_empty() || selector.is_some_and(|error| known.contains(error)), "{refused}");
            false
        }
    }
}

#[test]
fn arbitrary_words_for_every_function() {
    let (pool, known) = (lively(), errors());
    let people: Vec<_> = ["S0", "S1", "B0", "B1", "X0", "GOV"].iter().map(|name| pool.who(name)).collect();
    let mut random = Random(1);
    let mut succeeded = BTreeSet::new();
    for function in abi::functions() {
        for _ in 0..24 {
            let words: usize = function.inputs.iter().map(abi::head_words).sum();
            let extra = if function.inputs.iter().any(|input| input.ty.contains('[')) { random.below(6) } else { 0 };
            let mut call = function.selector().to_vec();
            for _ in 0..words as u64 + extra {
                call.extend(random.word(&people).to_be_bytes::<32>());
            }
            let who = ["S0", "B0", "GOV"][random.below(3) as usize];
            if assert_in_order(pool.fork().by(who).send_raw(call.clone()), &call, &known) {
                succeeded.insert(function.selector());
            }
        }
    }
    assert!(succeeded.len() * 2 > abi::functions().len(), "only {} functions ever succeeded", succeeded.len());
}

#[test]
fn arbitrary_bytes() {
    let (pool, known) = (lively(), errors());
    let functions = abi::functions();
    let mut random = Random(2);
    for round in 0..1500 {
        let length = random.below(200);
        let mut call = random.bytes(length);
        if round % 4 > 0 {
            let function = &functions[random.below(functions.len() as u64) as usize];
            call = [function.selector().as_slice(), &call].concat();
        }
        assert_in_order(pool.fork().by("GOV").send_raw(call.clone()), &call, &known);
    }
}
