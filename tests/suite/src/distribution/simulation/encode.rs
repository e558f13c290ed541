//! The ledger's calls, events and refusals as they are encoded on the chain.

use alloy_primitives::{B256, Bytes, LogData, U256};
use alloy_sol_types::{SolCall, SolError, SolEvent, SolValue};
use model::{
    distributor::{
        Claim, Distributed, DistributorCall as Call, DistributorEvent as Event, DistributorRefusal as Refusal, Named,
    },
    members::{RoleCall, RoleEvent, RoleRefusal},
    oracle::{OracleCall, OracleEvent, OracleRefusal},
    tree,
};

use crate::{
    abi::{IMerkleDistributor as md, IRewardsOracle as oracle, IRoles},
    check::{log, u},
    deployment::role,
};

fn bytes(data: &[u8]) -> Bytes {
    Bytes::copy_from_slice(data)
}

fn entry(claim: &Claim) -> md::Claim {
    md::Claim { account: claim.account, cumulativeAmount: claim.amount, merkleProof: claim.proof.clone() }
}

pub(super) fn call(call: &Call) -> Vec<u8> {
    match call {
        Call::Claim(claim) => {
            md::claimRewardsCall { cumulativeAmount: claim.amount, merkleProof: claim.proof.clone() }.abi_encode()
        }
        Call::ClaimFor(claim) => md::claimRewardsForCall {
            user: claim.account,
            cumulativeAmount: claim.amount,
            merkleProof: claim.proof.clone(),
        }
        .abi_encode(),
        Call::ClaimMany(claims, all) => {
            md::claimManyCall { claims: claims.iter().map(entry).collect(), allOrNothing: *all }.abi_encode()
        }
        Call::Allow(allow) => md::setAlwaysAllowClaimsForCall { allow: *allow }.abi_encode(),
        Call::Propose => md::proposeRootCall {}.abi_encode(),
        Call::Update(None) => md::updateRoot_0Call {}.abi_encode(),
        Call::Update(Some(expected)) => md::updateRoot_1Call { expectedRoot: *expected }.abi_encode(),
        Call::Cancel(expected) => md::cancelProposedRootCall { expectedRoot: *expected }.abi_encode(),
        Call::Pause => md::pauseRootUpdatesCall {}.abi_encode(),
        Call::Unpause => md::unpauseRootUpdatesCall {}.abi_encode(),
        Call::SetOracle(oracle) => md::setRewardsOracleCall { rewardsOracle: *oracle }.abi_encode(),
        Call::SetParameters([market_maker, trader, alpha]) => md::setRewardsParametersCall {
            marketMakerRewardsAmount: *market_maker,
            traderRewardsAmount: *trader,
            traderScoreAlpha: *alpha,
        }
        .abi_encode(),
        Call::SetSchedule(interval, offset) => {
            md::setEpochParametersCall { interval: *interval, offset: *offset }.abi_encode()
        }
        Call::Role(change) => role_call(change),
    }
}

pub(super) fn oracle_call(call: &OracleCall) -> Vec<u8> {
    match call {
        OracleCall::Report { root, epoch, cid } => {
            oracle::writeOracleDataCall { merkleRoot: *root, epoch: *epoch, ipfsCid: bytes(cid) }.abi_encode()
        }
        OracleCall::SetQuorum(quorum) => oracle::setQuorumCall { quorum: *quorum }.abi_encode(),
        OracleCall::Role(change) => role_call(change),
    }
}

fn role_call(call: &RoleCall) -> Vec<u8> {
    match *call {
        RoleCall::Grant(name, account) => IRoles::grantRoleCall { role: role(name), account }.abi_encode(),
        RoleCall::Revoke(name, account) => IRoles::revokeRoleCall { role: role(name), account }.abi_encode(),
        RoleCall::Renounce(name, account) => IRoles::renounceRoleCall { role: role(name), account }.abi_encode(),
        RoleCall::Propose(proposed) => IRoles::proposeOwnerCall { proposed }.abi_encode(),
        RoleCall::Accept(owner) => IRoles::acceptOwnerCall { owner }.abi_encode(),
    }
}

pub(super) fn returned(call: &Call, done: &Distributed) -> Vec<u8> {
    match call {
        Call::Claim(_) | Call::ClaimFor(_) => done.paid[0].abi_encode(),
        Call::ClaimMany(..) => done.paid.abi_encode(),
        _ => Vec::new(),
    }
}

pub(super) fn event(event: &Event) -> LogData {
    match event {
        Event::Claimed(account, amount) => log(md::RewardsClaimed { account: *account, amount: *amount }),
        Event::ClaimRefused(account, why) => {
            let refusal = refusal(why).first_chunk::<4>().copied().unwrap_or_default();
            log(md::ClaimRefused { account: *account, refusal: refusal.into() })
        }
        Event::Allowed(user, allow) => log(md::AlwaysAllowClaimForUpdated { user: *user, allow: *allow }),
        Event::Proposed(Named { root, epoch, cid }, end) => log(md::RootProposed {
            merkleRoot: *root,
            epoch: u(*epoch),
            ipfsCid: bytes(cid),
            waitingPeriodEnd: u(*end),
        }),
        Event::Updated(Named { root, epoch, cid }) => {
            log(md::RootUpdated { merkleRoot: *root, epoch: u(*epoch), ipfsCid: bytes(cid) })
        }
        Event::Cancelled(Named { root, epoch, cid }) => {
            log(md::RootCancelled { merkleRoot: *root, epoch: u(*epoch), ipfsCid: bytes(cid) })
        }
        Event::Paused => log(md::RootUpdatesPaused {}),
        Event::Unpaused => log(md::RootUpdatesUnpaused {}),
        Event::Oracle(oracle) => log(md::RewardsOracleChanged { rewardsOracle: *oracle }),
        Event::Parameters([market_maker, trader, alpha]) => log(md::RewardsParametersUpdated {
            marketMakerRewardsAmount: *market_maker,
            traderRewardsAmount: *trader,
            traderScoreAlpha: *alpha,
        }),
        Event::Schedule(interval, offset) => log(md::EpochScheduleUpdated {
            epochParameters: md::EpochParameters { interval: interval.to(), offset: offset.to() },
        }),
        Event::Role(change) => role_event(change),
    }
}

pub(super) fn oracle_event(event: &OracleEvent) -> LogData {
    match event {
        OracleEvent::Reported(reporter, Named { root, epoch, cid }, equal) => log(oracle::RootReported {
            reporter: *reporter,
            merkleRoot: *root,
            epoch: u(*epoch),
            ipfsCid: bytes(cid),
            reports: U256::from(*equal),
        }),
        OracleEvent::Differs(reporter, named, other) => log(oracle::ReportDiffers {
            reporter: *reporter,
            epoch: u(named.epoch),
            digest: digest(named),
            other: digest(other),
        }),
        OracleEvent::Late(reporter, named) => {
            log(oracle::LateReport { reporter: *reporter, epoch: u(named.epoch), digest: digest(named) })
        }
        OracleEvent::Published(Named { root, epoch, cid }) => {
            log(oracle::OracleRootUpdated { merkleRoot: *root, epoch: u(*epoch), ipfsCid: bytes(cid) })
        }
        OracleEvent::Quorum(quorum, reporters) => {
            log(oracle::QuorumChanged { quorum: U256::from(*quorum), reporters: U256::from(*reporters) })
        }
        OracleEvent::Role(change) => role_event(change),
    }
}

fn role_event(event: &RoleEvent) -> LogData {
    match *event {
        RoleEvent::Granted(name, account, sender) => {
            IRoles::RoleGranted { role: role(name), account, sender }.encode_log_data()
        }
        RoleEvent::Revoked(name, account, sender) => {
            IRoles::RoleRevoked { role: role(name), account, sender }.encode_log_data()
        }
        RoleEvent::Proposed(owner, proposed) => IRoles::OwnerProposed { owner, proposed }.encode_log_data(),
    }
}

pub(super) fn refusal(refusal: &Refusal) -> Vec<u8> {
    let year = 31_622_400;
    match refusal {
        Refusal::InvalidProof(claim, active) => {
            let leaf = tree::leaf(claim.account, claim.amount);
            let proven = claim.proof.iter().fold(leaf, |hash, sibling| tree::node(hash, *sibling));
            md::InvalidMerkleProof { proven, active: *active }.abi_encode()
        }
        Refusal::Decreased(amount, claimed) => {
            md::CumulativeAmountDecreased { cumulativeAmount: *amount, claimed: *claimed }.abi_encode()
        }
        Refusal::NotAllowed(caller, account) => md::ClaimNotAllowed { caller: *caller, account: *account }.abi_encode(),
        Refusal::Token(token) => md::SafeErc20FailedOperation { token: *token }.abi_encode(),
        Refusal::InvalidOracle(oracle) => md::InvalidOracle { oracle: *oracle }.abi_encode(),
        Refusal::OracleUnset => md::OracleRootUnset {}.abi_encode(),
        Refusal::AlreadyProposed(named) => {
            md::RootAlreadyProposed { merkleRoot: named.root, epoch: u(named.epoch) }.abi_encode()
        }
        Refusal::WasCancelled(named) => {
            md::RootWasCancelled { merkleRoot: named.root, epoch: u(named.epoch) }.abi_encode()
        }
        Refusal::OracleEpoch(epoch, next) => {
            md::UnexpectedOracleEpoch { epoch: u(*epoch), next: u(*next) }.abi_encode()
        }
        Refusal::Paused => md::UpdatesPaused {}.abi_encode(),
        Refusal::NotPaused => md::UpdatesNotPaused {}.abi_encode(),
        Refusal::NothingProposed => md::NoProposedRoot {}.abi_encode(),
        Refusal::ProposedEpoch(epoch, next) => {
            md::UnexpectedProposedEpoch { epoch: u(*epoch), next: u(*next) }.abi_encode()
        }
        Refusal::Unexpected(expected, proposed) => {
            md::UnexpectedRoot { expected: *expected, proposed: *proposed }.abi_encode()
        }
        Refusal::Waiting(now, end) => {
            md::WaitingPeriodNotElapsed { timestamp: u(*now), waitingPeriodEnd: u(*end) }.abi_encode()
        }
        Refusal::Alpha(alpha) => {
            let maximum = u(1_000_000_000_000_000_000);
            md::InvalidTraderScoreAlpha { traderScoreAlpha: *alpha, maximum }.abi_encode()
        }
        Refusal::Amount(amount) => {
            md::RewardsAmountTooHigh { amount: *amount, maximum: U256::from(u128::MAX) }.abi_encode()
        }
        Refusal::ZeroInterval => md::ZeroInterval {}.abi_encode(),
        Refusal::EpochTooLong(interval, _) => md::EpochTooLong { interval: *interval, maximum: u(year) }.abi_encode(),
        Refusal::OffsetTooFar(offset, latest) => md::OffsetTooFar { offset: *offset, maximum: u(*latest) }.abi_encode(),
        Refusal::Role(refusal) => role_refusal(refusal),
    }
}

pub(super) fn oracle_refusal(refusal: &OracleRefusal) -> Vec<u8> {
    match refusal {
        OracleRefusal::ZeroRoot => oracle::ZeroRoot {}.abi_encode(),
        OracleRefusal::CidTooLong(length) => {
            oracle::CidTooLong { length: U256::from(*length), maximum: u(255) }.abi_encode()
        }
        OracleRefusal::WrongEpoch(epoch, next) => oracle::WrongEpoch { epoch: *epoch, next: u(*next) }.abi_encode(),
        OracleRefusal::Duplicate(reporter, named) => {
            oracle::DuplicateReport { reporter: *reporter, digest: digest(named) }.abi_encode()
        }
        OracleRefusal::InvalidQuorum(quorum, reporters) => {
            oracle::InvalidQuorum { quorum: *quorum, reporters: U256::from(*reporters) }.abi_encode()
        }
        OracleRefusal::NoMajority(quorum, reporters) => {
            oracle::NoMajority { quorum: U256::from(*quorum), reporters: U256::from(*reporters) }.abi_encode()
        }
        OracleRefusal::Role(refusal) => role_refusal(refusal),
    }
}

fn role_refusal(refusal: &RoleRefusal) -> Vec<u8> {
    match *refusal {
        RoleRefusal::Missing(account, needed) => {
            let needed = needed.map_or(B256::ZERO, role);
            IRoles::AccessControlUnauthorizedAccount { account, neededRole: needed }.abi_encode()
        }
        RoleRefusal::BadConfirmation => IRoles::AccessControlBadConfirmation {}.abi_encode(),
        RoleRefusal::LastOwner(owner) => IRoles::LastOwner { owner }.abi_encode(),
        RoleRefusal::InvalidOwner(owner) => IRoles::InvalidOwner { owner }.abi_encode(),
        RoleRefusal::NotProposed(caller, proposed) => IRoles::NotProposedOwner { caller, proposed }.abi_encode(),
        RoleRefusal::NotProposing(owner, proposing) => IRoles::NotProposingOwner { owner, proposing }.abi_encode(),
    }
}

/// Hash of a report.
pub(super) fn digest(named: &Named) -> B256 {
    alloy_primitives::keccak256([&named.root[..], &u(named.epoch).to_be_bytes::<32>(), &named.cid].concat())
}

/// A root as getters answer it.
pub(super) fn root(named: Option<&Named>) -> (B256, U256, Bytes) {
    named.map_or((B256::ZERO, U256::ZERO, Bytes::new()), |Named { root, epoch, cid }| (*root, u(*epoch), bytes(cid)))
}
