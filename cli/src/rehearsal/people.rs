//! Whom events name: those whose balances, debts and roles a pool keeps.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256};
use alloy_sol_types::SolEvent;
use client::{
    Filter, Node,
    bindings::{IPoolEvents, IRoles},
    decode,
};

use crate::pool::scene::Scene;

/// Accounts and what ties them to each other, by the events of contracts up to a block.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    /// Everybody whom an event names.
    pub(crate) all: BTreeSet<Address>,
    /// Who held stake at some time.
    pub(crate) stakers: BTreeSet<Address>,
    /// Who had a share at some time.
    pub(crate) borrowers: BTreeSet<Address>,
    /// Contract, role and account of each grant.
    pub(crate) roles: BTreeSet<(Address, B256, Address)>,
    /// Contract, owner and spender of each approval.
    pub(crate) approvals: BTreeSet<(Address, Address, Address)>,
}

impl People {
    /// Reads all events of the pool, and of the contracts in its book.
    ///
    /// # Errors
    ///
    /// If the node fails.
    pub(crate) fn read(node: &Node, scene: &Scene, block: u64) -> anyhow::Result<Self> {
        let contracts: Vec<_> = std::iter::once(scene.pool).chain(scene.addresses()).collect();
        let mut people = Self::default();
        for log in node.logs_between(&Filter::new().address(contracts), 0, block)? {
            let (contract, log) = (log.address(), &log.inner);
            people.all.extend(decode::event(&log.data).into_iter().flat_map(|event| event.accounts));
            if let Ok(event) = IRoles::RoleGranted::decode_log(log) {
                people.roles.insert((contract, event.role, event.account));
            } else if let Ok(event) = IPoolEvents::Approval::decode_log(log) {
                people.approvals.insert((contract, event.owner, event.spender));
            } else if let Ok(event) = IPoolEvents::Transfer::decode_log(log)
                && contract == scene.pool
            {
                people.stakers.extend([event.from, event.to]);
            } else if let Ok(event) = IPoolEvents::ScheduledBorrowerAllocationChange::decode_log(log) {
                people.borrowers.insert(event.borrower);
            }
        }
        people.borrowers.extend(scene.borrowers());
        people.all.extend(people.borrowers.iter().copied());
        for accounts in [&mut people.all, &mut people.stakers] {
            accounts.remove(&Address::ZERO);
        }
        Ok(people)
    }

    /// Who owns the pool now.
    ///
    /// # Errors
    ///
    /// If the node fails.
    pub(crate) fn owners(&self, node: &Node, pool: Address) -> anyhow::Result<Vec<Address>> {
        let role = alloy_primitives::keccak256("OWNER_ROLE");
        let mut owners = Vec::new();
        for (_, _, account) in self.roles.iter().filter(|(contract, id, _)| *contract == pool && *id == role) {
            if node.view(pool, &IRoles::hasRoleCall { role, account: *account })? {
                owners.push(*account);
            }
        }
        Ok(owners)
    }
}
