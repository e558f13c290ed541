//! What the chain says: roots, oracle, treasury.

use std::fmt;

use ::rewards::epoch::Clock;
use alloy_primitives::{Address, B256, Bytes, U256};
use clap::Args;
use client::{
    Node,
    bindings::{IMerkleDistributor as D, IRewardsOracle as O, IToken},
    date, printable, span, word,
};
use rewards_files::{manifest::Manifest, verify::Check};
use serde::Serialize;

use super::account;
use crate::output::{Wei, or_none, say, units};

/// Which distributor
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct DistributorAddress {
    /// Address of the distributor
    #[arg(long, value_name = "ADDRESS", value_parser = account)]
    pub(crate) distributor: Address,
}

/// A root as it stands on the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Root {
    pub(crate) root: B256,
    pub(crate) epoch: u64,
    pub(crate) cid: String,
}

impl Root {
    /// Nothing if there is none: the contracts say zeros. What cannot be a CID is hex.
    pub(crate) fn new(root: B256, epoch: U256, cid: &Bytes) -> Option<Self> {
        (!root.is_zero()).then(|| Self { root, epoch: epoch.saturating_to(), cid: word(cid) })
    }

    /// The root of results.
    pub(crate) fn of(manifest: &Manifest) -> Self {
        Self { root: manifest.root, epoch: manifest.epoch, cid: manifest.cid.clone() }
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of epoch {}, CID {}", self.root, self.epoch, self.cid)
    }
}

/// A distributor now.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct State {
    pub(crate) chain_id: u64,
    pub(crate) block: u64,
    /// Time of the chain, seconds.
    pub(crate) time: u64,
    pub(crate) distributor: Address,
    pub(crate) active: Option<Root>,
    /// The root that waits, or has waited long enough.
    pub(crate) proposed: Option<Root>,
    /// Until when it waits, seconds.
    pub(crate) waits_until: Option<u64>,
    pub(crate) updates_paused: bool,
    pub(crate) next_epoch: u64,
    /// When its epochs start and how long they are.
    pub(crate) clock: Clock,
    pub(crate) oracle: Option<Address>,
    /// What the oracle names.
    pub(crate) oracle_root: Option<Root>,
    /// Why it names nothing, if it fails.
    pub(crate) oracle_error: Option<String>,
    pub(crate) token: Token,
    pub(crate) treasury: Address,
    pub(crate) treasury_holds_wei: Wei,
    pub(crate) treasury_allows_wei: Wei,
}

/// What each account was paid so far.
///
/// # Errors
///
/// If the node fails.
pub(crate) fn claimed(
    node: &Node,
    distributor: Address,
    accounts: impl Iterator<Item = Address>,
) -> anyhow::Result<Vec<U256>> {
    let calls: Vec<_> = accounts.map(|user| D::getClaimedCall { user }).collect();
    node.view_many(distributor, &calls)
}

/// The rewards token.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Token {
    pub(crate) address: Address,
    pub(crate) symbol: String,
    pub(crate) decimals: u8,
}

impl Token {
    /// An amount for people.
    pub(crate) fn amount(&self, amount: U256) -> String {
        format!("{} {}", units(amount, self.decimals), self.symbol)
    }
}

impl State {
    /// Asks for everything.
    ///
    /// # Errors
    ///
    /// If there is no distributor at that address, or the node fails.
    pub(crate) fn read(node: &Node, distributor: Address) -> anyhow::Result<Self> {
        node.expect_contract(distributor, "distributor")?;
        let active = node.view(distributor, &D::getActiveRootCall {})?;
        let proposed = node.view(distributor, &D::getProposedRootCall {})?;
        let waits = node.view(distributor, &D::hasPendingRootCall {})?;
        let proposed = Root::new(proposed.merkleRoot, proposed.epoch, &proposed.ipfsCid).filter(|_| waits);
        let waits_until = node.view(distributor, &D::getWaitingPeriodEndCall {})?;
        let oracle = Some(node.view(distributor, &D::getRewardsOracleCall {})?).filter(|oracle| !oracle.is_zero());
        let answer = oracle.map(|oracle| node.view(oracle, &O::readCall {})).transpose();
        let (oracle_root, oracle_error) = match answer {
            Ok(answer) => (answer.and_then(|root| Root::new(root.merkleRoot, root.epoch, &root.ipfsCid)), None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        let head = node.head()?;
        let schedule = node.view(distributor, &D::getEpochParametersCall {})?;
        let token = node.view(distributor, &D::REWARDS_TOKENCall {})?;
        let treasury = node.view(distributor, &D::REWARDS_TREASURYCall {})?;
        Ok(Self {
            chain_id: node.chain_id,
            block: head.block,
            time: head.time,
            distributor,
            active: Root::new(active.merkleRoot, active.epoch, &active.ipfsCid),
            waits_until: proposed.as_ref().map(|_| waits_until.saturating_to()),
            proposed,
            updates_paused: node.view(distributor, &D::getAreRootUpdatesPausedCall {})?,
            next_epoch: node.view(distributor, &D::getNextRootEpochCall {})?.saturating_to(),
            clock: Clock {
                first_epoch_start: schedule.offset.try_into().unwrap_or(u64::MAX),
                epoch_seconds: schedule.interval.try_into().unwrap_or(u64::MAX),
            },
            oracle,
            oracle_root,
            oracle_error,
            token: Token {
                address: token,
                // Optional in the standard.
                symbol: printable(&node.view(token, &IToken::symbolCall {}).unwrap_or_default()),
                decimals: node.view(token, &IToken::decimalsCall {}).unwrap_or(18),
            },
            treasury,
            treasury_holds_wei: Wei(node.view(token, &IToken::balanceOfCall { account: treasury })?),
            treasury_allows_wei: Wei(
                node.view(token, &IToken::allowanceCall { owner: treasury, spender: distributor })?
            ),
        })
    }

    /// Compares a program's parameters with the distributor: its epochs, and who pays in what, if they say so. Published scores have none.
    pub(crate) fn check_program(&self, manifest: &Manifest) -> Vec<Check> {
        let Some(parameters) = &manifest.parameters else { return Vec::new() };
        let epochs =
            |clock: &Clock| format!("epochs of {} s from {} on", clock.epoch_seconds, date(clock.first_epoch_start));
        let name = "epochs start and end when the distributor's do";
        let mut checks = vec![Check::same(name, epochs(&parameters.clock), epochs(&self.clock))];
        if let Some(named) = &parameters.distributor {
            let place = |chain_id: u64, address: Address| format!("{address} on chain {chain_id}");
            let (named, here) = (place(named.chain_id, named.address), place(self.chain_id, self.distributor));
            checks.push(Check::same("the parameters name this distributor", named, here));
            let token = |address: Address, decimals: u8| format!("{address} with {decimals} decimals");
            let named = token(parameters.token.address, parameters.token.decimals);
            checks.push(Check::same(
                "the parameters name its token",
                named,
                token(self.token.address, self.token.decimals),
            ));
        }
        checks
    }

    /// What the treasury lacks, or does not allow, of an amount.
    pub(crate) fn uncovered(&self, amount: U256) -> U256 {
        amount.saturating_sub(self.treasury_holds_wei.0.min(self.treasury_allows_wei.0))
    }

    /// How long the proposed root still waits, seconds; nothing if it does not.
    pub(crate) fn waits(&self) -> Option<u64> {
        let left = self.waits_until?.saturating_sub(self.time);
        (left > 0).then_some(left)
    }

    /// When the proposed root may become active, in words.
    pub(crate) fn waiting(&self) -> Option<String> {
        let end = self.waits_until?;
        let paused = if self.updates_paused { "; updates are paused" } else { "" };
        Some(match self.waits() {
            Some(left) => format!("waits until {}, {} from now{paused}", date(end), span(left)),
            None => format!("has waited until {} and may be promoted{paused}", date(end)),
        })
    }

    /// Says which root is where, for people.
    pub(crate) fn print_roots(&self) {
        say!("chain     {} at block {}, {}", self.chain_id, self.block, date(self.time));
        say!("active    {}", or_none(self.active.as_ref()));
        say!("proposed  {}", or_none(self.proposed.as_ref()));
        if let Some(waiting) = self.waiting() {
            say!("          {waiting}");
        }
        match (&self.oracle, &self.oracle_error) {
            (None, _) => say!("oracle    none"),
            (Some(_), Some(error)) => say!("oracle    {error}"),
            (Some(oracle), None) => say!("oracle    {oracle} names {}", or_none(self.oracle_root.as_ref())),
        }
    }
}
