//! What happens next: drawn at random, biased to what can succeed and to edges.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use model::{
    distributor::{Claim, DistributorCall, Named},
    members::{OWNER, RoleCall},
    oracle::{OracleCall, REPORTER},
    tree::Tree,
};

use super::{PEOPLE, Step, World};
use crate::{check::u, distribution::WAIT, simulation::Random};

const REPORTERS: [&str; 3] = ["R1", "R2", "R3"];

/// Draws steps, and publishes trees.
#[derive(Clone, Debug)]
pub struct Generator {
    random: Random,
    balances: BTreeMap<Address, U256>,
    trees: Vec<Tree>,
    /// What honest reporters report now.
    agreed: Option<Named>,
}

impl Generator {
    /// A generator of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), balances: BTreeMap::new(), trees: Vec::new(), agreed: None }
    }

    /// The next step.
    pub fn next(&mut self, world: &World) -> Step {
        match self.random.below(100) {
            0..12 => self.time(world),
            12..30 => self.report(world),
            30..40 => Step::Distributor(self.anybody(), DistributorCall::Propose),
            40..50 => Step::Distributor(self.anybody(), self.update(world)),
            50..78 => self.claim(world),
            78..83 => self.pause(world),
            83..89 => self.role(),
            89..94 => self.configure(world),
            94..97 => self.adapter(world),
            97 => Step::Allow(self.random.one(&[U256::ZERO, u(50), U256::MAX])),
            98 => Step::Fund(self.random.one(&[U256::ZERO, u(50), U256::MAX >> 1])),
            _ => Step::Distributor(self.anybody(), DistributorCall::Allow(self.random.below(2) == 0)),
        }
    }

    fn anybody(&mut self) -> &'static str {
        self.random.one(&PEOPLE)
    }

    fn time(&mut self, world: &World) -> Step {
        let left = world.ledger.waiting_end().saturating_sub(world.ledger.now);
        Step::Pass(match self.random.below(6) {
            0 => 1,
            1 => left.saturating_sub(1),
            2 | 3 => left,
            4 => left + 1,
            _ => self.random.below(2 * WAIT),
        })
    }

    /// A tree in which most earn something; once in a while somebody loses or is forgotten.
    fn tree(&mut self) -> Tree {
        for name in PEOPLE {
            let account = address(name);
            let balance = self.balances.entry(account).or_default();
            *balance = match self.random.below(12) {
                0 => balance.saturating_sub(u(3)),
                1 => U256::ZERO,
                2..5 => *balance,
                _ => *balance + u(self.random.below(100)),
            };
        }
        let mut listed: Vec<_> = self.balances.iter().map(|(account, amount)| (*account, *amount)).collect();
        listed.truncate(1 + self.random.below(PEOPLE.len() as u64) as usize);
        let tree = Tree::new(&listed);
        self.trees.push(tree.clone());
        tree
    }

    fn named(&mut self, epoch: u64) -> Named {
        let root = if self.random.below(20) == 0 { B256::ZERO } else { self.tree().root() };
        let length = self.random.one(&[0, 1, 31, 32, 46, 59, 64, 255, 256]);
        Named { root, epoch, cid: vec![b'a' + self.random.below(3) as u8; length] }
    }

    fn report(&mut self, world: &World) -> Step {
        let next = world.ledger.next_epoch();
        let stale = self.agreed.as_ref().is_none_or(|agreed| agreed.epoch != next);
        if stale || self.random.below(12) == 0 {
            self.agreed = Some(self.named(next));
        }
        let agreed = self.agreed.clone();
        let mut named = match agreed {
            Some(agreed) if self.random.below(6) > 0 => agreed,
            _ => self.named(next),
        };
        if self.random.below(15) == 0 {
            named.epoch = self.random.one(&[0, next + 1, next.saturating_sub(1), u64::MAX]);
        }
        let who = if self.random.below(10) == 0 { self.anybody() } else { self.random.one(&REPORTERS) };
        let Named { root, epoch, cid } = named;
        Step::Oracle(who, OracleCall::Report { root, epoch: u(epoch), cid })
    }

    fn adapter(&mut self, world: &World) -> Step {
        let next = world.ledger.next_epoch() + u64::from(self.random.below(8) == 0);
        let named = self.named(next);
        let says = (!named.root.is_zero() && named.cid.len() <= 255).then_some(named);
        Step::Adapter(says)
    }

    fn update(&mut self, world: &World) -> DistributorCall {
        let proposed = world.ledger.proposed().map(|named| named.root);
        DistributorCall::Update(match self.random.below(4) {
            0 => proposed,
            1 => self.trees.first().map(Tree::root),
            _ => None,
        })
    }

    fn claim(&mut self, world: &World) -> Step {
        let who = self.anybody();
        let call = match self.random.below(5) {
            0 | 1 => DistributorCall::Claim(self.entry(world, who)),
            2 => {
                let of = self.anybody();
                DistributorCall::ClaimFor(self.entry(world, of))
            }
            _ => {
                let count = self.random.below(5);
                let claims = (0..count)
                    .map(|_| {
                        let of = self.anybody();
                        self.entry(world, of)
                    })
                    .collect();
                DistributorCall::ClaimMany(claims, self.random.below(3) == 0)
            }
        };
        Step::Distributor(who, call)
    }

    /// Mostly a claim that the active tree holds.
    fn entry(&mut self, world: &World, of: &str) -> Claim {
        let account = address(of);
        let active = world.ledger.active().map(|active| active.root);
        let tree = self.trees.iter().find(|tree| Some(tree.root()) == active).or(self.trees.last());
        let Some((amount, proof)) =
            tree.filter(|tree| tree.balances().contains_key(&account)).map(|tree| tree.claim(account))
        else {
            return Claim { account, amount: u(5), proof: vec![] };
        };
        let mut claim = Claim { account, amount, proof };
        match self.random.below(12) {
            0 => claim.amount = claim.amount.wrapping_add(u(1)),
            1 => claim.proof.truncate(claim.proof.len().saturating_sub(1)),
            2 => claim.proof.push(B256::with_last_byte(1)),
            3 => claim.proof.reverse(),
            _ => {}
        }
        claim
    }

    fn pause(&mut self, world: &World) -> Step {
        let who = if self.random.below(5) == 0 { self.anybody() } else { "PAUSE" };
        let proposed = world.ledger.proposed().map_or(B256::with_last_byte(9), |named| named.root);
        let calls = [
            DistributorCall::Pause,
            DistributorCall::Unpause,
            DistributorCall::Unpause,
            DistributorCall::Cancel(proposed),
        ];
        Step::Distributor(who, calls[self.random.below(4) as usize].clone())
    }

    fn role(&mut self) -> Step {
        let (who, other) = (if self.random.below(3) > 0 { "GOV" } else { self.anybody() }, self.anybody());
        let account = if self.random.below(15) == 0 { Address::ZERO } else { address(other) };
        let own = address(who);
        let on_oracle = self.random.below(2) == 0;
        let role = if on_oracle {
            self.random.one(&[OWNER, REPORTER, REPORTER, "UNKNOWN_ROLE"])
        } else {
            self.random.one(&[OWNER, "CLAIM_OPERATOR_ROLE", "PAUSER_ROLE", "CONFIG_UPDATER_ROLE", "UNKNOWN_ROLE"])
        };
        let call = match self.random.below(8) {
            0..3 => RoleCall::Grant(role, account),
            3 | 4 => RoleCall::Revoke(role, account),
            5 => RoleCall::Renounce(role, if self.random.below(2) == 0 { own } else { account }),
            6 => RoleCall::Propose(account),
            _ => RoleCall::Accept(account),
        };
        if on_oracle {
            Step::Oracle(who, OracleCall::Role(call))
        } else {
            Step::Distributor(who, DistributorCall::Role(call))
        }
    }

    fn configure(&mut self, world: &World) -> Step {
        let who = if self.random.below(4) == 0 { self.anybody() } else { "GOV" };
        let edge = U256::from(u128::MAX);
        match self.random.below(4) {
            0 => Step::Oracle(who, OracleCall::SetQuorum(u(self.random.below(5)))),
            1 => {
                let amount = self.random.one(&[u(0), u(7), edge, edge + u(1), U256::MAX]);
                let alpha = self.random.one(&[u(0), u(1_000_000_000_000_000_000), u(1_000_000_000_000_000_001)]);
                Step::Distributor(who, DistributorCall::SetParameters([amount, u(5), alpha]))
            }
            2 => {
                let year = 31_622_400;
                let interval = self.random.one(&[u(0), u(1), u(year), u(year + 1), U256::MAX]);
                let offset = self.random.one(&[0, world.ledger.now + year, world.ledger.now + year + 1]);
                Step::Distributor(who, DistributorCall::SetSchedule(interval, u(offset)))
            }
            _ => {
                let [reporters, adapter] = world.oracles();
                let oracle = self.random.one(&[reporters, reporters, adapter, Address::ZERO, Address::repeat_byte(7)]);
                Step::Distributor(who, DistributorCall::SetOracle(oracle))
            }
        }
    }
}

fn address(name: &str) -> Address {
    chain::Account::named(name).address()
}
