//! The rewards oracle in plain Rust: who reports what, and what enough of them report equally.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};

use crate::{
    distributor::Named,
    members::{Members, OWNER, RoleCall, RoleEvent, RoleRefusal},
};

/// The role of reporters.
pub const REPORTER: &str = "REPORTER_ROLE";

/// Every role of the oracle.
pub const ORACLE_ROLES: [&str; 2] = [OWNER, REPORTER];

/// The longest CID, bytes.
const MAX_CID: usize = 255;

/// The oracle's books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oracle {
    /// Who may what.
    pub members: Members,
    quorum: usize,
    reports: BTreeMap<Address, Named>,
    published: Option<Named>,
    last: Option<Named>,
}

/// A call of the oracle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OracleCall {
    /// `writeOracleData`.
    Report {
        /// The root.
        root: B256,
        /// Its epoch.
        epoch: U256,
        /// Its file.
        cid: Vec<u8>,
    },
    /// `setQuorum`.
    SetQuorum(U256),
    /// A change of roles.
    Role(RoleCall),
}

/// What the oracle logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OracleEvent {
    /// `RootReported`, with the number of equal reports.
    Reported(Address, Named, usize),
    /// `ReportDiffers`: from the other.
    Differs(Address, Named, Named),
    /// `LateReport`.
    Late(Address, Named),
    /// `OracleRootUpdated`.
    Published(Named),
    /// `QuorumChanged`: quorum and reporters.
    Quorum(usize, usize),
    /// A change of roles.
    Role(RoleEvent),
}

/// Why the oracle refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OracleRefusal {
    /// `ZeroRoot`.
    ZeroRoot,
    /// `CidTooLong`.
    CidTooLong(usize),
    /// `WrongEpoch`: reported, next.
    WrongEpoch(U256, u64),
    /// `DuplicateReport`.
    Duplicate(Address, Named),
    /// `InvalidQuorum`: quorum, reporters.
    InvalidQuorum(U256, usize),
    /// `NoMajority`: quorum, reporters.
    NoMajority(usize, usize),
    /// A role is missing, or cannot change so.
    Role(RoleRefusal),
}

impl From<RoleRefusal> for OracleRefusal {
    fn from(refusal: RoleRefusal) -> Self {
        Self::Role(refusal)
    }
}

impl Oracle {
    /// An oracle with reporters and a quorum.
    pub fn new(itself: Address, owner: Address, reporters: &[Address], quorum: usize) -> Self {
        let mut members = Members::new(itself, owner, &ORACLE_ROLES);
        for reporter in reporters {
            members.put(REPORTER, *reporter);
        }
        Self { members, quorum, reports: BTreeMap::new(), published: None, last: None }
    }

    /// What is published.
    pub fn read(&self) -> Option<&Named> {
        self.published.as_ref()
    }

    /// What a reporter reports now.
    pub fn report_of(&self, reporter: Address) -> Option<&Named> {
        self.reports.get(&reporter)
    }

    /// How many equal reports publish.
    pub fn quorum(&self) -> usize {
        self.quorum
    }

    /// How many report this now.
    pub fn equal(&self, named: &Named) -> usize {
        self.reports.values().filter(|report| *report == named).count()
    }

    /// Calls the oracle, while the distributor's next root must have epoch `next`.
    ///
    /// # Errors
    ///
    /// As the contract does.
    pub fn call(&mut self, caller: Address, call: &OracleCall, next: u64) -> Result<Vec<OracleEvent>, OracleRefusal> {
        match call {
            OracleCall::Report { root, epoch, cid } => self.report(caller, *root, *epoch, cid, next),
            OracleCall::SetQuorum(quorum) => self.set_quorum(caller, *quorum),
            OracleCall::Role(change) => {
                let before = self.members.count(REPORTER);
                let mut after = self.members.clone();
                let events = after.call(caller, change)?;
                let reporters = after.count(REPORTER);
                if reporters > before && 2 * self.quorum <= reporters {
                    return Err(OracleRefusal::NoMajority(self.quorum, reporters));
                }
                self.members = after;
                let members = &self.members;
                self.reports.retain(|reporter, _| members.has(REPORTER, *reporter));
                Ok(events.into_iter().map(OracleEvent::Role).collect())
            }
        }
    }

    fn report(
        &mut self,
        reporter: Address,
        root: B256,
        epoch: U256,
        cid: &[u8],
        next: u64,
    ) -> Result<Vec<OracleEvent>, OracleRefusal> {
        self.members.only(REPORTER, reporter)?;
        if root.is_zero() {
            return Err(OracleRefusal::ZeroRoot);
        }
        if cid.len() > MAX_CID {
            return Err(OracleRefusal::CidTooLong(cid.len()));
        }
        if epoch != U256::from(next) {
            return Err(OracleRefusal::WrongEpoch(epoch, next));
        }
        let named = Named { root, epoch: next, cid: cid.to_vec() };
        let published = self.published.as_ref() == Some(&named);
        let repeated = self.reports.get(&reporter) == Some(&named);
        if repeated && (published || self.equal(&named) < self.quorum) {
            return Err(OracleRefusal::Duplicate(reporter, named));
        }
        self.reports.insert(reporter, named.clone());

        let equal = self.equal(&named);
        let mut events = vec![OracleEvent::Reported(reporter, named.clone(), equal)];
        if let Some(other) = self.last.replace(named.clone())
            && other != named
            && other.epoch == next
        {
            events.push(OracleEvent::Differs(reporter, named.clone(), other));
        }
        if published {
            events.push(OracleEvent::Late(reporter, named));
        } else if equal >= self.quorum {
            events.push(OracleEvent::Published(named.clone()));
            self.published = Some(named);
        }
        Ok(events)
    }

    fn set_quorum(&mut self, caller: Address, quorum: U256) -> Result<Vec<OracleEvent>, OracleRefusal> {
        self.members.only(OWNER, caller)?;
        let reporters = self.members.count(REPORTER);
        if quorum.is_zero() || quorum > U256::from(reporters + 1) {
            return Err(OracleRefusal::InvalidQuorum(quorum, reporters));
        }
        if 2 * quorum.to::<usize>() <= reporters {
            return Err(OracleRefusal::NoMajority(quorum.to(), reporters));
        }
        self.quorum = quorum.to();
        Ok(vec![OracleEvent::Quorum(self.quorum, reporters)])
    }
}
