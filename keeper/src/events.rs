//! What happened: who ever borrowed or staked, and what people should know.

use std::collections::{BTreeMap, BTreeSet};

use abi::{
    Filter, Log, State,
    bindings::{
        IDiamondCut, IMerkleDistributor as D, IPoolEvents as P, IRewardsOracle as O, IRoles as R,
        ITrustedBorrowerL2Proxy as T,
    },
    decode,
};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolEvent;

use crate::Contracts;

/// An event that people should know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Name of the alert that tells it.
    pub name: &'static str,
    /// Number of its block.
    pub block: u64,
    /// Place in the block.
    pub index: u64,
    /// Who logged it.
    pub contract: Address,
    /// In words.
    pub text: String,
}

/// Names of alerts that tell events of the pool, by topic.
const POOL: [(&str, B256); 11] = [
    ("diamond-cut", IDiamondCut::DiamondCut::SIGNATURE_HASH),
    ("role-changed", P::RoleGranted::SIGNATURE_HASH),
    ("role-changed", P::RoleRevoked::SIGNATURE_HASH),
    ("ownership-offered", P::OwnerProposed::SIGNATURE_HASH),
    ("share-changed", P::ScheduledBorrowerAllocationChange::SIGNATURE_HASH),
    ("cap-changed", P::BorrowerCapChanged::SIGNATURE_HASH),
    ("restriction-changed", P::BorrowingRestrictionChanged::SIGNATURE_HASH),
    ("rate-changed", P::RewardsPerSecondUpdated::SIGNATURE_HASH),
    ("schedule-changed", P::EpochParametersChanged::SIGNATURE_HASH),
    ("schedule-changed", P::BlackoutWindowChanged::SIGNATURE_HASH),
    ("debt-written-off", P::OperatorDecreasedBorrowerDebt::SIGNATURE_HASH),
];

/// Of distributor and oracle.
const REWARDS: [(&str, B256); 7] = [
    ("role-changed", R::RoleGranted::SIGNATURE_HASH),
    ("role-changed", R::RoleRevoked::SIGNATURE_HASH),
    ("ownership-offered", R::OwnerProposed::SIGNATURE_HASH),
    ("oracle-changed", D::RewardsOracleChanged::SIGNATURE_HASH),
    ("quorum-changed", O::QuorumChanged::SIGNATURE_HASH),
    ("root-cancelled", D::RootCancelled::SIGNATURE_HASH),
    ("reporters-disagree", O::ReportDiffers::SIGNATURE_HASH),
];

/// Of market makers' proxies.
const PROXIES: [(&str, B256); 5] = [
    ("role-changed", T::RoleGranted::SIGNATURE_HASH),
    ("role-changed", T::RoleRevoked::SIGNATURE_HASH),
    ("key-changed", T::UpdatedStarkKey::SIGNATURE_HASH),
    ("recipient-changed", T::UpdatedExternalRecipient::SIGNATURE_HASH),
    ("restriction-changed", T::BorrowingRestrictionChanged::SIGNATURE_HASH),
];

/// A vault that was put on a list, or a forced trade that was queued, and may still wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    Vault { proxy: Address, key: U256, asset: U256, vault: U256 },
    Trade { proxy: Address, hash: B256, key: U256, vault: U256 },
}

/// What was read of the chain's past. Nothing of it is kept beyond the process: the events can be read again.
#[derive(Clone, Debug)]
pub struct Events {
    /// The block that follows the last one that was read.
    next: u64,
    /// From which block on there is news; what lies before was known.
    news_from: u64,
    pub(crate) borrowers: BTreeSet<Address>,
    pub(crate) stakers: BTreeSet<Address>,
    pub(crate) queued: Vec<Queued>,
    /// Roots that reporters reported, by epoch: more than one is a disagreement.
    pub(crate) reports: BTreeMap<u64, BTreeSet<B256>>,
    pub(crate) news: Vec<News>,
}

impl Events {
    /// Nothing read yet; there is news from a block on.
    pub fn since(contracts: &Contracts, news_from: u64) -> Self {
        Self {
            next: contracts.first_block,
            news_from,
            borrowers: contracts.proxies.values().copied().collect(),
            stakers: BTreeSet::new(),
            queued: Vec::new(),
            reports: BTreeMap::new(),
            news: Vec::new(),
        }
    }

    /// Reads what has happened since the last time.
    ///
    /// # Errors
    ///
    /// If the chain does not answer; then nothing counts as read.
    pub(crate) fn read(&mut self, state: &impl State, contracts: &Contracts) -> anyhow::Result<()> {
        if self.next > state.block() {
            return Ok(());
        }
        let others = [contracts.distributor, contracts.oracle].into_iter().flatten();
        let addresses: Vec<_> =
            [contracts.pool].into_iter().chain(others).chain(contracts.proxies.values().copied()).collect();
        let topics: BTreeSet<_> = POOL.into_iter().chain(REWARDS).chain(PROXIES).map(|(_, topic)| topic).collect();
        let read = [
            P::Transfer::SIGNATURE_HASH,
            T::DepositVaultAllowed::SIGNATURE_HASH,
            T::QueuedForcedTradeRequest::SIGNATURE_HASH,
            O::RootReported::SIGNATURE_HASH,
        ];
        let topics: Vec<_> = topics.into_iter().chain(read).collect();
        let filter = Filter::new().address(addresses).event_signature(topics);
        for log in state.logs_from(&filter, self.next)? {
            self.take(contracts, &log);
        }
        self.next = state.block() + 1;
        Ok(())
    }

    fn take(&mut self, contracts: &Contracts, log: &Log) {
        let (address, Some(topic)) = (log.address(), log.topic0().copied()) else { return };
        if address == contracts.pool {
            if let Ok(event) = P::Transfer::decode_log(&log.inner) {
                self.stakers.extend([event.to].into_iter().filter(|staker| !staker.is_zero()));
            }
            if let Ok(event) = P::ScheduledBorrowerAllocationChange::decode_log(&log.inner) {
                self.borrowers.extend([event.borrower].into_iter().filter(|borrower| !borrower.is_zero()));
            }
        } else if let Ok(event) = T::DepositVaultAllowed::decode_log(&log.inner) {
            let (key, asset, vault) = (event.starkKey, event.starkAssetType, event.starkVaultId);
            self.enqueue(Queued::Vault { proxy: address, key, asset, vault });
        } else if let Ok(event) = T::QueuedForcedTradeRequest::decode_log(&log.inner) {
            let [key, vault] = [event.args[0], event.args[2]];
            self.enqueue(Queued::Trade { proxy: address, hash: event.argsHash, key, vault });
        } else if let Ok(event) = O::RootReported::decode_log(&log.inner) {
            self.reports.entry(event.epoch.saturating_to()).or_default().insert(event.merkleRoot);
        }
        let block = log.block_number.unwrap_or_default();
        let named: &[_] = match address {
            pool if pool == contracts.pool => &POOL,
            proxy if contracts.proxies.values().any(|known| *known == proxy) => &PROXIES,
            _ => &REWARDS,
        };
        let Some((name, _)) = named.iter().find(|(_, known)| *known == topic).filter(|_| block >= self.news_from)
        else {
            return;
        };
        let text = match decode::event(&log.inner.data) {
            Some(event) => event.text,
            None => format!("an event of topic {topic}"),
        };
        let index = log.log_index.unwrap_or_default();
        self.news.push(News { name, block, index, contract: address, text });
    }

    fn enqueue(&mut self, queued: Queued) {
        if !self.queued.contains(&queued) {
            self.queued.push(queued);
        }
    }
}
