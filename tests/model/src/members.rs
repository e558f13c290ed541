//! Roles of the distributor and of the oracle: owners administer all of them.

use std::collections::BTreeSet;

use alloy_primitives::Address;

/// Who holds what, and who is offered the owner role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    known: &'static [&'static str],
    held: BTreeSet<(&'static str, Address)>,
    /// Proposed and proposing owner.
    offer: Option<(Address, Address)>,
    itself: Address,
}

/// A change of roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleCall {
    /// `grantRole`.
    Grant(&'static str, Address),
    /// `revokeRole`.
    Revoke(&'static str, Address),
    /// `renounceRole`.
    Renounce(&'static str, Address),
    /// `proposeOwner`.
    Propose(Address),
    /// `acceptOwner`.
    Accept(Address),
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleEvent {
    /// `RoleGranted`: role, account, sender.
    Granted(&'static str, Address, Address),
    /// `RoleRevoked`.
    Revoked(&'static str, Address, Address),
    /// `OwnerProposed`: owner, proposed.
    Proposed(Address, Address),
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleRefusal {
    /// The caller lacks a role; `None` stands for the one that nobody holds.
    Missing(Address, Option<&'static str>),
    /// Only for oneself.
    BadConfirmation,
    /// The last owner stays.
    LastOwner(Address),
    /// Nobody can own so.
    InvalidOwner(Address),
    /// Another is proposed: caller, proposed.
    NotProposed(Address, Address),
    /// Another proposed: owner, proposing.
    NotProposing(Address, Address),
}

/// The role that administers all others.
pub const OWNER: &str = "OWNER_ROLE";

impl Members {
    /// One owner and nobody else.
    pub fn new(itself: Address, owner: Address, known: &'static [&'static str]) -> Self {
        Self { known, held: BTreeSet::from([(OWNER, owner)]), offer: None, itself }
    }

    /// Whether an account holds a role.
    pub fn has(&self, role: &'static str, account: Address) -> bool {
        self.held.contains(&(role, account))
    }

    /// How many hold a role.
    pub fn count(&self, role: &str) -> usize {
        self.held.iter().filter(|(held, _)| *held == role).count()
    }

    /// Makes somebody a member, unchecked.
    pub fn put(&mut self, role: &'static str, account: Address) -> bool {
        self.held.insert((role, account))
    }

    /// Refuses who lacks a role.
    ///
    /// # Errors
    ///
    /// If it does.
    pub fn only(&self, role: &'static str, caller: Address) -> Result<(), RoleRefusal> {
        if self.has(role, caller) { Ok(()) } else { Err(RoleRefusal::Missing(caller, Some(role))) }
    }

    /// Changes roles, or changes nothing.
    ///
    /// # Errors
    ///
    /// As the contract does.
    pub fn call(&mut self, caller: Address, call: &RoleCall) -> Result<Vec<RoleEvent>, RoleRefusal> {
        let before = self.clone();
        let done = self.change(caller, call);
        if done.is_err() {
            *self = before;
        }
        done
    }

    fn change(&mut self, caller: Address, call: &RoleCall) -> Result<Vec<RoleEvent>, RoleRefusal> {
        match *call {
            RoleCall::Grant(role, account) => {
                self.check_admin(role, caller)?;
                if role == OWNER {
                    self.check_owner(account)?;
                }
                Ok(self.give(role, account, caller))
            }
            RoleCall::Revoke(role, account) => {
                self.check_admin(role, caller)?;
                self.take(role, account, caller)
            }
            RoleCall::Renounce(_, account) if account != caller => Err(RoleRefusal::BadConfirmation),
            RoleCall::Renounce(role, account) => self.take(role, account, caller),
            RoleCall::Propose(proposed) => {
                self.only(OWNER, caller)?;
                if proposed.is_zero() {
                    self.offer = None;
                } else {
                    self.check_owner(proposed)?;
                    self.offer = Some((proposed, caller));
                }
                Ok(vec![RoleEvent::Proposed(caller, proposed)])
            }
            RoleCall::Accept(owner) => {
                let (proposed, proposing) = self.offer.unwrap_or_default();
                if caller != proposed {
                    return Err(RoleRefusal::NotProposed(caller, proposed));
                }
                if owner != proposing {
                    return Err(RoleRefusal::NotProposing(owner, proposing));
                }
                self.offer = None;
                let mut events = self.give(OWNER, caller, caller);
                if owner != caller {
                    events.extend(self.take(OWNER, owner, caller)?);
                }
                Ok(events)
            }
        }
    }

    fn check_admin(&self, role: &'static str, caller: Address) -> Result<(), RoleRefusal> {
        if self.known.contains(&role) { self.only(OWNER, caller) } else { Err(RoleRefusal::Missing(caller, None)) }
    }

    fn check_owner(&self, owner: Address) -> Result<(), RoleRefusal> {
        if owner.is_zero() || owner == self.itself { Err(RoleRefusal::InvalidOwner(owner)) } else { Ok(()) }
    }

    fn give(&mut self, role: &'static str, account: Address, sender: Address) -> Vec<RoleEvent> {
        if self.put(role, account) { vec![RoleEvent::Granted(role, account, sender)] } else { Vec::new() }
    }

    fn take(&mut self, role: &'static str, account: Address, sender: Address) -> Result<Vec<RoleEvent>, RoleRefusal> {
        if !self.held.remove(&(role, account)) {
            return Ok(Vec::new());
        }
        if role == OWNER && self.count(OWNER) == 0 {
            return Err(RoleRefusal::LastOwner(account));
        }
        if role == OWNER && self.offer.is_some_and(|(_, proposing)| proposing == account) {
            self.offer = None;
        }
        Ok(vec![RoleEvent::Revoked(role, account, sender)])
    }
}
