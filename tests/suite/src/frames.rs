//! Frames of the pool's programs, recorded for the tests of the machine that runs them (`stylus-vm/tests/vm/recorded.rs`).

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use alloy_sol_types::SolCall;
use chain::{Receipt, Recorded, Recording};
use serde::Serialize;

use crate::{
    abi::{IPoolViews, IStaking},
    pool::{Outcome, Pool, epoch},
};

/// Frames kept of one program, one function and one way to end.
const LIKE: usize = 2;
/// Call data and everything that was asked and answered, together, of a frame that is kept.
const LARGEST: usize = 8 << 10;

/// A line of the file.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Line<'a> {
    Program { name: &'a str, code: &'a alloy_primitives::Bytes },
    Frame { program: &'a str, frame: &'a Recorded },
}

/// Plays a short life of the pool, and writes the frames of all kinds in it: a line of JSON for each program and each frame.
///
/// # Panics
///
/// If the pool refuses what is legal.
pub fn record() -> String {
    let mut pool = Pool::deploy();
    pool.chain.record(Recording::HostCalls);
    let mut recorder = Recorder::new(&pool);
    recorder.life(&mut pool);
    recorder.short_of_gas(&pool);
    recorder.lines()
}

#[derive(Default)]
struct Recorder {
    /// Programs by the hash of their code.
    names: BTreeMap<B256, String>,
    codes: BTreeMap<String, alloy_primitives::Bytes>,
    counts: BTreeMap<(String, Vec<u8>, String), usize>,
    frames: Vec<(String, Recorded)>,
}

impl Recorder {
    fn new(pool: &Pool) -> Self {
        let mut recorder = Self::default();
        let programs = pool.deployment.programs.iter().map(|(name, program)| (*name, program.address));
        for (name, address) in programs.chain([("token", pool.token())]) {
            recorder.names.insert(pool.chain.code_hash(address), name.to_owned());
            recorder.codes.insert(name.to_owned(), pool.chain.code(address));
        }
        recorder
    }

    fn life(&mut self, pool: &mut Pool) {
        self.keep(pool, |pool| pool.by("GOV").set_rewards_per_second(10));
        self.keep(pool, |pool| pool.by("GOV").set_allocations(&[("nobody", 6_000), ("B0", 4_000)]));
        self.keep(pool, |pool| pool.at(epoch(0)).by("S0").stake(1_000));
        self.keep(pool, |pool| pool.by("S1").stake(500));
        self.keep(pool, |pool| pool.by("S1").request_withdrawal(200));
        self.keep(pool, |pool| pool.by("B0").borrow(300));
        self.keep(pool, |pool| pool.by("B1").borrow(5));
        self.keep(pool, |pool| pool.by("S2").withdraw_stake("S2", 10));
        self.keep(pool, |pool| pool.by("S0").send(IPoolViews::getPoolCall {}));
        self.keep(pool, |pool| pool.at(epoch(0) + 600_000).by("B0").repay_borrow("B0", 100));
        self.keep(pool, |pool| pool.at(epoch(1) + 5).by("S1").withdraw_stake("S1", 200));
        self.keep(pool, |pool| pool.by("S0").request_withdrawal(950));
        self.keep(pool, |pool| pool.at(epoch(1) + 800_000).by("S1").request_withdrawal(1));
        self.keep(pool, |pool| pool.at(epoch(2)).by("S0").claim_rewards("S0"));
        self.keep(pool, |pool| pool.at(epoch(2) + 5).by("S0").withdraw_max_stake("S0"));
        self.keep(pool, |pool| pool.by("B0").repay_borrow("B0", 200));
        self.keep(pool, |pool| pool.at(epoch(3)).by("S2").mark_debt(&["B0"]));
    }

    /// The same call again with too little gas, at many limits.
    fn short_of_gas(&mut self, pool: &Pool) {
        let stake = IStaking::stakeCall { amount: alloy_primitives::U256::from(7) }.abi_encode();
        for gas in (60_000..260_000).step_by(10_000) {
            let (mut chain, address) = (pool.chain.clone(), pool.address());
            match chain.from("S2").gas(gas).send(address, stake.clone()) {
                Ok(receipt) => self.take(pool, &receipt),
                Err(reverted) => self.take(pool, reverted.receipt()),
            }
        }
    }

    fn keep<R>(&mut self, pool: &mut Pool, call: impl FnOnce(&mut Pool) -> Outcome<R>) {
        match call(pool) {
            Ok(sent) => self.take(pool, &sent),
            Err(reverted) => self.take(pool, reverted.receipt()),
        }
    }

    fn take(&mut self, pool: &Pool, receipt: &Receipt) {
        for frame in &receipt.frames {
            let (Some(recorded), Some(name)) = (&frame.recorded, self.name(pool, frame.code_address)) else {
                continue;
            };
            let selector = frame.selector.map(|selector| selector.to_vec()).unwrap_or_default();
            let count = self.counts.entry((name.clone(), selector, format!("{:?}", recorded.outcome))).or_default();
            *count += 1;
            if *count <= LIKE && json(recorded).len() <= LARGEST {
                self.frames.push((name, Recorded::clone(recorded)));
            }
        }
    }

    fn name(&self, pool: &Pool, address: Address) -> Option<String> {
        self.names.get(&pool.chain.code_hash(address)).cloned()
    }

    fn lines(self) -> String {
        let used = |name: &String| self.frames.iter().any(|(program, _)| program == name);
        let programs = self.codes.iter().filter(|(name, _)| used(name));
        let programs = programs.map(|(name, code)| json(&Line::Program { name, code }));
        let frames = self.frames.iter().map(|(program, frame)| json(&Line::Frame { program, frame }));
        programs.chain(frames).map(|line| line + "\n").collect()
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data is JSON")
}
