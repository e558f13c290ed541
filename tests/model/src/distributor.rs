//! The rewards distributor in plain Rust, written from the specification and its list of deviations alone.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, U256};

use crate::{
    members::{Members, OWNER, RoleCall, RoleEvent, RoleRefusal},
    tree,
};

/// How long a root waits, seconds.
const WAIT: u64 = 7 * 24 * 3600;
/// The longest epoch, and the latest start of epoch zero after now, seconds.
const YEAR: u64 = 366 * 24 * 3600;

/// Every role of the distributor.
pub const DISTRIBUTOR_ROLES: [&str; 5] =
    [OWNER, "CONFIG_UPDATER_ROLE", "PAUSER_ROLE", "UNPAUSER_ROLE", "CLAIM_OPERATOR_ROLE"];
const CONFIG_UPDATER: &str = DISTRIBUTOR_ROLES[1];
const PAUSER: &str = DISTRIBUTOR_ROLES[2];
const UNPAUSER: &str = DISTRIBUTOR_ROLES[3];
const CLAIM_OPERATOR: &str = DISTRIBUTOR_ROLES[4];

/// A root, its epoch and its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The root.
    pub root: B256,
    /// Its epoch.
    pub epoch: u64,
    /// Its file.
    pub cid: Vec<u8>,
}

/// The distributor's books, the tokens that it moves, and what oracles say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distributor {
    /// Who may what.
    pub members: Members,
    /// Seconds.
    pub now: u64,
    /// What each oracle says; an address that is none is not here.
    pub oracles: BTreeMap<Address, Option<Named>>,
    /// Tokens of everybody.
    pub tokens: BTreeMap<Address, U256>,
    /// What the treasury lets the distributor spend.
    pub allowance: U256,
    treasury: Address,
    token: Address,
    oracle: Address,
    active: Option<Named>,
    proposed: Option<Named>,
    cancelled: Option<Named>,
    waiting_end: u64,
    paused: bool,
    claimed: BTreeMap<Address, U256>,
    open: BTreeSet<Address>,
    parameters: [U256; 3],
    schedule: (U256, U256),
}

/// What a distributor begins with.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// Its own address, and its owner.
    pub itself: (Address, Address),
    /// Seconds.
    pub now: u64,
    /// The rewards token, and who owns the rewards.
    pub token: (Address, Address),
    /// What the treasury holds.
    pub funds: U256,
    /// The oracle.
    pub oracle: Address,
    /// Market makers' and traders' amounts, and alpha.
    pub parameters: [U256; 3],
    /// Interval and offset.
    pub schedule: (U256, U256),
}

/// A claim of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub account: Address,
    /// All it has earned.
    pub amount: U256,
    /// The proof.
    pub proof: Vec<B256>,
}

/// A call of the distributor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DistributorCall {
    /// `claimRewards`; the account is the caller, whatever stands there.
    Claim(Claim),
    /// `claimRewardsFor`.
    ClaimFor(Claim),
    /// `claimMany`.
    ClaimMany(Vec<Claim>, bool),
    /// `setAlwaysAllowClaimsFor`.
    Allow(bool),
    /// `proposeRoot`.
    Propose,
    /// `updateRoot`, with or without the root that is expected.
    Update(Option<B256>),
    /// `cancelProposedRoot`.
    Cancel(B256),
    /// `pauseRootUpdates`.
    Pause,
    /// `unpauseRootUpdates`.
    Unpause,
    /// `setRewardsOracle`.
    SetOracle(Address),
    /// `setRewardsParameters`.
    SetParameters([U256; 3]),
    /// `setEpochParameters`.
    SetSchedule(U256, U256),
    /// A change of roles.
    Role(RoleCall),
}

/// What the distributor logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DistributorEvent {
    /// `RewardsClaimed`.
    Claimed(Address, U256),
    /// `ClaimRefused`.
    ClaimRefused(Address, DistributorRefusal),
    /// `AlwaysAllowClaimForUpdated`.
    Allowed(Address, bool),
    /// `RootProposed`, with the end of the wait.
    Proposed(Named, u64),
    /// `RootUpdated`.
    Updated(Named),
    /// `RootCancelled`.
    Cancelled(Named),
    /// `RootUpdatesPaused`.
    Paused,
    /// `RootUpdatesUnpaused`.
    Unpaused,
    /// `RewardsOracleChanged`.
    Oracle(Address),
    /// `RewardsParametersUpdated`.
    Parameters([U256; 3]),
    /// `EpochScheduleUpdated`.
    Schedule(U256, U256),
    /// A change of roles.
    Role(RoleEvent),
}

/// Why the distributor refuses; both sides of the comparison where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DistributorRefusal {
    /// `InvalidMerkleProof`; what the proof leads to is the claim's matter.
    InvalidProof(Claim, B256),
    /// `CumulativeAmountDecreased`.
    Decreased(U256, U256),
    /// `ClaimNotAllowed`: caller, account.
    NotAllowed(Address, Address),
    /// `SafeErc20FailedOperation`.
    Token(Address),
    /// `InvalidOracle`.
    InvalidOracle(Address),
    /// `OracleRootUnset`.
    OracleUnset,
    /// `RootAlreadyProposed`.
    AlreadyProposed(Named),
    /// `RootWasCancelled`.
    WasCancelled(Named),
    /// `UnexpectedOracleEpoch`.
    OracleEpoch(u64, u64),
    /// `UpdatesPaused`.
    Paused,
    /// `UpdatesNotPaused`.
    NotPaused,
    /// `NoProposedRoot`.
    NothingProposed,
    /// `UnexpectedProposedEpoch`.
    ProposedEpoch(u64, u64),
    /// `UnexpectedRoot`: expected, proposed.
    Unexpected(B256, B256),
    /// `WaitingPeriodNotElapsed`.
    Waiting(u64, u64),
    /// `InvalidTraderScoreAlpha`.
    Alpha(U256),
    /// `RewardsAmountTooHigh`.
    Amount(U256),
    /// `ZeroInterval`.
    ZeroInterval,
    /// `EpochTooLong`.
    EpochTooLong(U256, u64),
    /// `OffsetTooFar`.
    OffsetTooFar(U256, u64),
    /// A role is missing, or cannot change so.
    Role(RoleRefusal),
}

impl From<RoleRefusal> for DistributorRefusal {
    fn from(refusal: RoleRefusal) -> Self {
        Self::Role(refusal)
    }
}

/// What a call did: what was paid for each claim, and the logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distributed {
    /// What was paid.
    pub paid: Vec<U256>,
    /// The logs.
    pub events: Vec<DistributorEvent>,
}

use DistributorEvent as Event;
use DistributorRefusal as Refusal;

impl Distributor {
    /// A distributor just constructed.
    pub fn new(beginning: Beginning) -> Self {
        let (itself, owner) = beginning.itself;
        let (token, treasury) = beginning.token;
        Self {
            members: Members::new(itself, owner, &DISTRIBUTOR_ROLES),
            now: beginning.now,
            oracles: BTreeMap::from([(beginning.oracle, None)]),
            tokens: BTreeMap::from([(treasury, beginning.funds)]),
            allowance: U256::MAX,
            treasury,
            token,
            oracle: beginning.oracle,
            active: None,
            proposed: None,
            cancelled: None,
            waiting_end: 0,
            paused: false,
            claimed: BTreeMap::new(),
            open: BTreeSet::new(),
            parameters: beginning.parameters,
            schedule: beginning.schedule,
        }
    }

    /// The active root.
    pub fn active(&self) -> Option<&Named> {
        self.active.as_ref()
    }

    /// The last proposal, unless it was cancelled.
    pub fn proposed(&self) -> Option<&Named> {
        self.proposed.as_ref()
    }

    /// The last proposal, if it was cancelled.
    pub fn cancelled(&self) -> Option<&Named> {
        self.cancelled.as_ref()
    }

    /// Epoch of the next root.
    pub fn next_epoch(&self) -> u64 {
        self.active.as_ref().map_or(0, |active| active.epoch + 1)
    }

    /// Whether a root may become active, sooner or later.
    pub fn is_pending(&self) -> bool {
        self.proposed.as_ref().is_some_and(|proposed| proposed.epoch == self.next_epoch())
    }

    /// Whether a root may become active now.
    pub fn can_update(&self) -> bool {
        self.is_pending() && !self.paused && self.now >= self.waiting_end
    }

    /// Until when the last proposal waits or waited.
    pub fn waiting_end(&self) -> u64 {
        self.waiting_end
    }

    /// Whether updates are paused.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// The oracle.
    pub fn oracle(&self) -> Address {
        self.oracle
    }

    /// What was paid to an account.
    pub fn claimed(&self, account: Address) -> U256 {
        self.claimed.get(&account).copied().unwrap_or_default()
    }

    /// Whether anybody may claim for an account.
    pub fn is_open(&self, account: Address) -> bool {
        self.open.contains(&account)
    }

    /// Tokens of somebody.
    pub fn held(&self, account: Address) -> U256 {
        self.tokens.get(&account).copied().unwrap_or_default()
    }

    /// Rewards parameters.
    pub fn parameters(&self) -> [U256; 3] {
        self.parameters
    }

    /// Interval and offset.
    pub fn schedule(&self) -> (U256, U256) {
        self.schedule
    }

    /// The sum of all that was paid.
    pub fn total_claimed(&self) -> U256 {
        self.claimed.values().copied().sum()
    }

    /// Calls the distributor; a refusal changes nothing.
    ///
    /// # Errors
    ///
    /// As the contract does.
    pub fn call(&mut self, caller: Address, call: &DistributorCall) -> Result<Distributed, Refusal> {
        let before = self.clone();
        let done = self.perform(caller, call);
        if done.is_err() {
            *self = before;
        }
        done
    }

    /// What a claim of the account itself would pay, or why it would be refused.
    ///
    /// # Errors
    ///
    /// As the claim would be.
    pub fn preview(&self, claim: &Claim) -> Result<U256, Refusal> {
        self.clone().pay(claim)
    }

    fn perform(&mut self, caller: Address, call: &DistributorCall) -> Result<Distributed, Refusal> {
        let events = match call {
            DistributorCall::Claim(claim) => return self.claim(&Claim { account: caller, ..claim.clone() }),
            DistributorCall::ClaimFor(claim) => {
                self.check_claimant(caller, claim.account)?;
                return self.claim(claim);
            }
            DistributorCall::ClaimMany(claims, all) => return self.claim_many(caller, claims, *all),
            DistributorCall::Allow(allow) => {
                if *allow {
                    self.open.insert(caller)
                } else {
                    self.open.remove(&caller)
                };
                vec![Event::Allowed(caller, *allow)]
            }
            DistributorCall::Propose => self.propose()?,
            DistributorCall::Update(expected) => vec![self.update(*expected)?],
            DistributorCall::Cancel(expected) => {
                self.members.only(PAUSER, caller)?;
                vec![self.cancel(*expected)?]
            }
            DistributorCall::Pause => {
                self.members.only(PAUSER, caller)?;
                if self.paused {
                    return Err(Refusal::Paused);
                }
                self.paused = true;
                vec![Event::Paused]
            }
            DistributorCall::Unpause => {
                self.members.only(UNPAUSER, caller)?;
                if !self.paused {
                    return Err(Refusal::NotPaused);
                }
                self.paused = false;
                vec![Event::Unpaused]
            }
            DistributorCall::SetOracle(oracle) => {
                self.members.only(OWNER, caller)?;
                if !oracle.is_zero() && !self.oracles.contains_key(oracle) {
                    return Err(Refusal::InvalidOracle(*oracle));
                }
                self.oracle = *oracle;
                self.cancelled = None;
                vec![Event::Oracle(*oracle)]
            }
            DistributorCall::SetParameters(parameters) => vec![self.set_parameters(caller, *parameters)?],
            DistributorCall::SetSchedule(interval, offset) => vec![self.set_schedule(caller, *interval, *offset)?],
            DistributorCall::Role(change) => self.members.call(caller, change)?.into_iter().map(Event::Role).collect(),
        };
        Ok(Distributed { paid: Vec::new(), events })
    }

    fn claim(&mut self, claim: &Claim) -> Result<Distributed, Refusal> {
        let paid = self.pay(claim)?;
        let events = if paid.is_zero() { Vec::new() } else { vec![Event::Claimed(claim.account, paid)] };
        Ok(Distributed { paid: vec![paid], events })
    }

    fn claim_many(&mut self, caller: Address, claims: &[Claim], all: bool) -> Result<Distributed, Refusal> {
        let mut done = Distributed::default();
        for claim in claims {
            let one = if claim.account == caller { Ok(()) } else { self.check_claimant(caller, claim.account) };
            match one.and_then(|()| self.claim(claim)) {
                Ok(one) => {
                    done.paid.extend(one.paid);
                    done.events.extend(one.events);
                }
                Err(refusal) if all => return Err(refusal),
                Err(refusal) => {
                    done.paid.push(U256::ZERO);
                    done.events.push(Event::ClaimRefused(claim.account, refusal));
                }
            }
        }
        Ok(done)
    }

    fn check_claimant(&self, caller: Address, account: Address) -> Result<(), Refusal> {
        if self.members.has(CLAIM_OPERATOR, caller) || self.is_open(account) {
            return Ok(());
        }
        Err(Refusal::NotAllowed(caller, account))
    }

    fn pay(&mut self, claim: &Claim) -> Result<U256, Refusal> {
        let root = self.active.as_ref().map_or(B256::ZERO, |active| active.root);
        let leaf = tree::leaf(claim.account, claim.amount);
        if root.is_zero() || !tree::leads(leaf, &claim.proof, root) {
            return Err(Refusal::InvalidProof(claim.clone(), root));
        }
        let before = self.claimed(claim.account);
        let owed = claim.amount.checked_sub(before).ok_or(Refusal::Decreased(claim.amount, before))?;
        if owed.is_zero() {
            return Ok(owed);
        }
        let (funds, allowed) = (self.held(self.treasury), self.allowance);
        let (Some(funds), Some(allowed)) = (funds.checked_sub(owed), allowed.checked_sub(owed)) else {
            return Err(Refusal::Token(self.token));
        };
        self.allowance = allowed;
        self.tokens.insert(self.treasury, funds);
        self.tokens.insert(claim.account, self.held(claim.account) + owed);
        self.claimed.insert(claim.account, claim.amount);
        Ok(owed)
    }

    fn propose(&mut self) -> Result<Vec<Event>, Refusal> {
        let says = self.oracles.get(&self.oracle).ok_or(Refusal::InvalidOracle(self.oracle))?;
        let named = says.clone().ok_or(Refusal::OracleUnset)?;
        if self.proposed.as_ref() == Some(&named) {
            return Err(Refusal::AlreadyProposed(named));
        }
        if self.cancelled.as_ref() == Some(&named) {
            return Err(Refusal::WasCancelled(named));
        }
        let mut events = Vec::new();
        if self.can_update() {
            events.push(self.update(None)?);
        }
        if named.epoch != self.next_epoch() {
            return Err(Refusal::OracleEpoch(named.epoch, self.next_epoch()));
        }
        self.waiting_end = self.now + WAIT;
        self.cancelled = None;
        self.proposed = Some(named.clone());
        events.push(Event::Proposed(named, self.waiting_end));
        Ok(events)
    }

    fn update(&mut self, expected: Option<B256>) -> Result<Event, Refusal> {
        if self.paused {
            return Err(Refusal::Paused);
        }
        let proposed = self.proposed.clone().ok_or(Refusal::NothingProposed)?;
        if let Some(expected) = expected.filter(|expected| *expected != proposed.root) {
            return Err(Refusal::Unexpected(expected, proposed.root));
        }
        if proposed.epoch != self.next_epoch() {
            return Err(Refusal::ProposedEpoch(proposed.epoch, self.next_epoch()));
        }
        if self.now < self.waiting_end {
            return Err(Refusal::Waiting(self.now, self.waiting_end));
        }
        self.active = Some(proposed.clone());
        Ok(Event::Updated(proposed))
    }

    fn cancel(&mut self, expected: B256) -> Result<Event, Refusal> {
        let pending = self.proposed.clone().filter(|_| self.is_pending()).ok_or(Refusal::NothingProposed)?;
        if expected != pending.root {
            return Err(Refusal::Unexpected(expected, pending.root));
        }
        self.proposed = None;
        self.cancelled = Some(pending.clone());
        Ok(Event::Cancelled(pending))
    }

    fn set_parameters(&mut self, caller: Address, parameters: [U256; 3]) -> Result<Event, Refusal> {
        self.members.only(CONFIG_UPDATER, caller)?;
        let [market_maker, trader, alpha] = parameters;
        if alpha > U256::from(10).pow(U256::from(18)) {
            return Err(Refusal::Alpha(alpha));
        }
        for amount in [market_maker, trader] {
            if amount > U256::from(u128::MAX) {
                return Err(Refusal::Amount(amount));
            }
        }
        self.parameters = parameters;
        Ok(Event::Parameters(parameters))
    }

    fn set_schedule(&mut self, caller: Address, interval: U256, offset: U256) -> Result<Event, Refusal> {
        self.members.only(CONFIG_UPDATER, caller)?;
        if interval.is_zero() {
            return Err(Refusal::ZeroInterval);
        }
        if interval > U256::from(YEAR) {
            return Err(Refusal::EpochTooLong(interval, YEAR));
        }
        let latest = self.now + YEAR;
        if offset > U256::from(latest) {
            return Err(Refusal::OffsetTooFar(offset, latest));
        }
        self.schedule = (interval, offset);
        Ok(Event::Schedule(interval, offset))
    }
}
