//! The contracts on a chain and the ledger beside them, step by step.

use std::{fmt::Debug, sync::OnceLock};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolValue;
use chain::{Receipt, Reverted};
use model::{
    distributor::{Beginning, DISTRIBUTOR_ROLES, Distributor, DistributorCall, DistributorEvent, Named},
    oracle::{ORACLE_ROLES, Oracle, OracleCall},
};

use super::{PEOPLE, Step, encode};
use crate::{
    abi::{IMerkleDistributor as md, IRewardsOracle as oracle, IRoles, IToken},
    check::u,
    deployment::role,
    distribution::{Distribution, INTERVAL, START, WAIT, logs_of, tokens},
};

/// The contracts and the ledgers.
#[derive(Clone, Debug)]
pub struct World {
    chain: Distribution,
    adapter: Address,
    /// The distributor's ledger.
    pub ledger: Distributor,
    /// The oracle's ledger.
    pub oracle: Oracle,
    /// When what was proposed last was proposed.
    proposed: Option<(Named, u64)>,
}

impl World {
    /// A distributor read from an oracle of three reporters, two of whom publish; an adapter stands by. `GOV` holds every role.
    pub fn new() -> Self {
        static FIXTURE: OnceLock<World> = OnceLock::new();
        FIXTURE.get_or_init(Self::begin).clone()
    }

    fn begin() -> Self {
        let mut chain = Distribution::deploy();
        let adapter = chain.oracle;
        chain.at(START).with_reporters(&["R1", "R2", "R3"], 2).expect("the quorum is legal");
        let (owner, treasury) = (chain.who("GOV"), chain.who("treasury"));
        let mut ledger = Distributor::new(Beginning {
            itself: (chain.distributor, owner),
            now: START,
            token: (chain.token, treasury),
            funds: chain.balance(treasury),
            oracle: chain.oracle,
            parameters: [tokens(1_150_685), tokens(3_835_616), tokens(7) / u(10)],
            schedule: (u(INTERVAL), u(START)),
        });
        ledger.oracles.insert(adapter, None);
        for (role, name) in DISTRIBUTOR_ROLES[1..].iter().zip(["CONF", "PAUSE", "RESUME", "OP"]) {
            ledger.members.put(role, chain.who(name));
        }
        for role in &DISTRIBUTOR_ROLES[1..] {
            chain.grant(role, "GOV");
            ledger.members.put(role, owner);
        }
        chain.grant("UNPAUSER_ROLE", "PAUSE");
        ledger.members.put("UNPAUSER_ROLE", chain.who("PAUSE"));
        let reporters = ["R1", "R2", "R3"].map(|name| chain.who(name));
        let oracle = Oracle::new(chain.oracle, owner, &reporters, 2);
        Self { chain, adapter, ledger, oracle, proposed: None }
    }

    /// The oracle of reporters, and the adapter.
    pub fn oracles(&self) -> [Address; 2] {
        [self.chain.oracle, self.adapter]
    }

    /// Takes a step on both sides and compares. Whether it succeeded.
    ///
    /// # Errors
    ///
    /// If they differ, or an invariant breaks.
    pub fn take(&mut self, step: &Step) -> Result<bool, String> {
        let paid_before = self.ledger.total_claimed();
        let succeeded = match step {
            Step::Pass(seconds) => {
                self.ledger.now += seconds;
                self.chain.at(self.ledger.now);
                true
            }
            Step::Distributor(who, call) => self.call(who, call)?,
            Step::Oracle(who, call) => self.call_oracle(who, call)?,
            Step::Adapter(says) => {
                self.adapter_says(says.clone());
                true
            }
            Step::Allow(amount) => {
                self.chain.allow(*amount);
                self.ledger.allowance = *amount;
                true
            }
            Step::Fund(amount) => {
                self.fund(*amount);
                true
            }
        };
        if self.ledger.total_claimed() < paid_before {
            return Err("what was paid decreased".into());
        }
        self.compare()?;
        Ok(succeeded)
    }

    fn call(&mut self, who: &str, call: &DistributorCall) -> Result<bool, String> {
        let funds = self.chain.balance(self.chain.who("treasury"));
        let expected = self.ledger.call(self.chain.who(who), call);
        let distributor = self.chain.distributor;
        let sent = self.chain.chain.from(who).send(distributor, encode::call(call));
        let expected = match expected {
            Ok(done) => {
                let paid: U256 = done.paid.iter().sum();
                same("outflow", &(funds - self.chain.balance(self.chain.who("treasury"))), &paid)?;
                self.judge(&done.events)?;
                let logs: Vec<_> = done.events.iter().map(encode::event).collect();
                Ok((encode::returned(call, &done), logs))
            }
            Err(refusal) => Err((encode::refusal(&refusal), format!("{refusal:?}"))),
        };
        outcome(expected, sent, distributor)
    }

    fn call_oracle(&mut self, who: &str, call: &OracleCall) -> Result<bool, String> {
        let address = self.chain.oracle;
        let expected = self.oracle.call(self.chain.who(who), call, self.ledger.next_epoch());
        self.ledger.oracles.insert(address, self.oracle.read().cloned());
        let sent = self.chain.chain.from(who).send(address, encode::oracle_call(call));
        let expected = match expected {
            Ok(events) => Ok((Vec::new(), events.iter().map(encode::oracle_event).collect())),
            Err(refusal) => Err((encode::oracle_refusal(&refusal), format!("{refusal:?}"))),
        };
        outcome(expected, sent, address)
    }

    fn adapter_says(&mut self, says: Option<Named>) {
        let answer = encode::root(says.as_ref()).abi_encode_params();
        let read = <oracle::readCall as alloy_sol_types::SolCall>::SELECTOR;
        crate::distribution::tell(&mut self.chain.chain, self.adapter, read, 1, answer.into(), None);
        self.ledger.oracles.insert(self.adapter, says);
    }

    fn fund(&mut self, amount: U256) {
        let (treasury, token) = (self.chain.who("treasury"), self.chain.token);
        let held = self.chain.balance(treasury);
        if held > amount {
            let burn = IToken::burnCall { value: held - amount };
            self.chain.chain.from("treasury").call(token, burn).expect("tokens burn");
        } else {
            self.chain.mint(treasury, amount - held);
        }
        self.ledger.tokens.insert(treasury, amount);
    }

    /// Whatever becomes active was proposed, unchanged, long enough ago.
    fn judge(&mut self, events: &[DistributorEvent]) -> Result<(), String> {
        for event in events {
            match event {
                DistributorEvent::Proposed(named, _) => self.proposed = Some((named.clone(), self.ledger.now)),
                DistributorEvent::Cancelled(_) => self.proposed = None,
                DistributorEvent::Updated(named) => {
                    let waited = self.proposed.as_ref().is_some_and(|(proposed, at)| {
                        proposed == named && self.ledger.now >= at + WAIT && !self.ledger.is_paused()
                    });
                    if !waited {
                        return Err(format!("{named:?} became active without its wait"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn compare(&self) -> Result<(), String> {
        let (chain, ledger) = (&self.chain, &self.ledger);
        let active = chain.view(md::getActiveRootCall {});
        same("active", &(active.merkleRoot, active.epoch, active.ipfsCid), &encode::root(ledger.active()))?;
        let proposed = chain.view(md::getProposedRootCall {});
        same("proposed", &(proposed.merkleRoot, proposed.epoch, proposed.ipfsCid), &encode::root(ledger.proposed()))?;
        let given_up = chain.view(md::getCancelledRootCall {});
        let cancelled = (given_up.merkleRoot, given_up.epoch, given_up.ipfsCid);
        same("cancelled", &cancelled, &encode::root(ledger.cancelled()))?;
        same("pending", &chain.view(md::hasPendingRootCall {}), &ledger.is_pending())?;
        same("can update", &chain.view(md::canUpdateRootCall {}), &ledger.can_update())?;
        same("next epoch", &chain.view(md::getNextRootEpochCall {}), &u(ledger.next_epoch()))?;
        same("end of the wait", &chain.view(md::getWaitingPeriodEndCall {}), &u(ledger.waiting_end()))?;
        same("paused", &chain.view(md::getAreRootUpdatesPausedCall {}), &ledger.is_paused())?;
        same("oracle", &chain.view(md::getRewardsOracleCall {}), &ledger.oracle())?;
        let told = chain.view(md::getRewardsParametersCall {});
        let told = [told.marketMakerRewardsAmount, told.traderRewardsAmount, told.traderScoreAlpha];
        same("parameters", &told, &ledger.parameters())?;
        let schedule = chain.view(md::getEpochParametersCall {});
        same("schedule", &(U256::from(schedule.interval), U256::from(schedule.offset)), &ledger.schedule())?;
        self.compare_people()?;
        self.compare_oracle()
    }

    fn compare_people(&self) -> Result<(), String> {
        let (chain, ledger) = (&self.chain, &self.ledger);
        for name in PEOPLE {
            let user = chain.who(name);
            same(name, &chain.claimed(user), &ledger.claimed(user))?;
            same(name, &chain.balance(user), &ledger.held(user))?;
            same(name, &chain.view(md::getAlwaysAllowClaimsForCall { user }), &ledger.is_open(user))?;
            for known in DISTRIBUTOR_ROLES {
                let call = IRoles::hasRoleCall { role: role(known), account: user };
                same(known, &chain.view(call), &ledger.members.has(known, user))?;
            }
            for known in ORACLE_ROLES {
                let call = IRoles::hasRoleCall { role: role(known), account: user };
                same(known, &chain.ask_oracle(call), &self.oracle.members.has(known, user))?;
            }
            let report = self.oracle.report_of(user).map_or(B256::ZERO, encode::digest);
            same("report", &chain.ask_oracle(oracle::getReportCall { reporter: user }), &report)?;
        }
        same(
            "owners",
            &chain.view(IRoles::getOwnerCountCall {}),
            &U256::from(ledger.members.count(DISTRIBUTOR_ROLES[0])),
        )
    }

    fn compare_oracle(&self) -> Result<(), String> {
        let told = self.chain.ask_oracle(oracle::readCall {});
        same("published", &(told.merkleRoot, told.epoch, told.ipfsCid), &encode::root(self.oracle.read()))?;
        same("quorum", &self.chain.ask_oracle(oracle::getQuorumCall {}), &U256::from(self.oracle.quorum()))?;
        let reporters = self.oracle.members.count(ORACLE_ROLES[1]);
        same("reporters", &self.chain.ask_oracle(oracle::getReporterCountCall {}), &U256::from(reporters))?;
        for name in PEOPLE {
            let Some(named) = self.oracle.report_of(self.chain.who(name)) else { continue };
            let call = oracle::getReportsCall {
                merkleRoot: named.root,
                epoch: u(named.epoch),
                ipfsCid: Bytes::copy_from_slice(&named.cid),
            };
            let equal = U256::from(self.oracle.equal(named));
            same("reports", &self.chain.ask_oracle(call).reports, &equal)?;
        }
        Ok(())
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

type Expected = Result<(Vec<u8>, Vec<alloy_primitives::LogData>), (Vec<u8>, String)>;

fn outcome(expected: Expected, sent: Result<Receipt, Reverted>, at: Address) -> Result<bool, String> {
    match (expected, sent) {
        (Ok((returned, logs)), Ok(receipt)) => {
            same("returned", &receipt.output.to_vec(), &returned)?;
            same("logs", &logs_of(&receipt, at), &logs)?;
            Ok(true)
        }
        (Err((data, _)), Err(reverted)) if reverted.data == data => Ok(false),
        (Err((_, refusal)), Err(reverted)) => Err(format!("chain refuses {reverted}, ledger {refusal}")),
        (Ok(_), Err(reverted)) => Err(format!("chain refuses {reverted}, the ledger does not")),
        (Err((_, refusal)), Ok(_)) => Err(format!("ledger refuses {refusal}, the chain does not")),
    }
}

fn same<T: PartialEq + Debug>(what: &str, chain: &T, ledger: &T) -> Result<(), String> {
    if chain == ledger { Ok(()) } else { Err(format!("{what}\n  chain:  {chain:?}\n  ledger: {ledger:?}")) }
}
