//! What governance does: sent by a key, or proposed to a Safe, a timelock or a governor.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolEvent;
use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};
use client::{
    Filter, Node, Request, State,
    bindings::{IBorrowerAllocations as B, IEpochSchedule as E, IPoolViews as V, IRoles, IToken},
    date,
    decode::ROLES,
};
use deploy::{Date, Share, Span};
use serde::{Deserialize, de::value::StrDeserializer};
use serde_json::json;

use super::{act::Governing, read::Reading, scene::Scene};
use crate::output::{self, Failure};

/// Reads a quantity as a plan writes it.
fn quantity<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, String> {
    T::deserialize(StrDeserializer::<serde::de::value::Error>::new(text)).map_err(|error| error.to_string())
}

fn span(text: &str) -> Result<Span, String> {
    quantity(text)
}

pub(super) fn moment(text: &str) -> Result<Date, String> {
    quantity(text)
}

/// `BORROWER=25 %`.
fn share(text: &str) -> Result<(String, Share), String> {
    let (borrower, share) = text.rsplit_once('=').ok_or("BORROWER=SHARE is expected, such as first-maker=25%")?;
    Ok((borrower.to_owned(), quantity(share)?))
}

#[derive(Debug, Args)]
pub(crate) struct Allocations {
    /// New shares, each BORROWER=SHARE; what they change goes to or comes from `nobody`, unless that is named too
    #[arg(required = true, value_parser = share)]
    shares: Vec<(String, Share)>,
    /// Give shares to borrowers that tidepool verify-deployment does not know
    #[arg(long)]
    unverified_borrower: bool,
    #[command(flatten)]
    governing: Governing,
}

impl Allocations {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.governing.look()?;
        let at = node.at_latest()?;
        let mut shares = Vec::new();
        for (name, share) in &self.shares {
            let borrower = if name == "nobody" { Address::ZERO } else { scene.address(name)? };
            if shares.iter().any(|(known, _)| *known == borrower) {
                return Err(anyhow!("{name}: named twice").into());
            }
            shares.push((borrower, share.0));
        }
        let mut before = Vec::new();
        for (borrower, _) in &shares {
            before.push(next_share(&node, &scene, *borrower)?);
        }
        let (old, new) = (before.iter().sum::<u64>(), shares.iter().map(|(_, share)| share).sum::<u64>());
        if old != new && shares.iter().all(|(borrower, _)| !borrower.is_zero()) {
            let nobody = next_share(&node, &scene, Address::ZERO)?;
            let left = (nobody + old).checked_sub(new);
            let left = left
                .ok_or_else(|| anyhow!("the shares rise by {} basis points, nobody has {nobody} to give", new - old))?;
            shares.push((Address::ZERO, left));
            before.push(nobody);
        }
        for ((borrower, share), before) in shares.iter().zip(&before) {
            let percent = |points: u64| client::exact(U256::from(points), 2);
            let name = if borrower.is_zero() { "nobody".to_owned() } else { scene.name(*borrower) };
            eprintln!("{name}: {} % to {} %", percent(*before), percent(*share));
            let rises = share > before && !borrower.is_zero();
            if rises && !self.unverified_borrower {
                super::borrow::expect_known_clone(&at, &scene, *borrower)?;
            }
        }
        warn_of_blackout(&node, &scene)?;
        let (borrowers, allocations) =
            shares.into_iter().map(|(borrower, share)| (borrower, U256::from(share))).unzip();
        let call = B::setBorrowerAllocationsCall { borrowers, newAllocations: allocations };
        self.governing.act(&node, "Shares of borrowers", &[Request::of(scene.pool, &call)])
    }
}

fn next_share(node: &Node, scene: &Scene, borrower: Address) -> anyhow::Result<u64> {
    Ok(node.view(scene.pool, &B::getAllocationFractionNextEpochCall { borrower })?.saturating_to())
}

/// What a delay may run into.
fn warn_of_blackout(node: &Node, scene: &Scene) -> anyhow::Result<()> {
    let state = scene.state(&node.at_latest()?)?;
    if state.inBlackoutWindow {
        bail!("the blackout window is running: shares and schedule can be changed from the next epoch on");
    }
    if state.started {
        let blackout: u64 = node.view(scene.pool, &E::getBlackoutWindowCall {})?.saturating_to();
        let begins =
            node.head()?.time.saturating_add(state.timeRemaining.saturating_to::<u64>().saturating_sub(blackout));
        eprintln!(
            "the blackout window begins {}: a proposal that is executed later than that is refused",
            date(begins)
        );
    }
    Ok(())
}

#[derive(Debug, Args)]
pub(crate) struct Cap {
    /// Whose
    borrower: String,
    /// The most that new loans may reach, in tokens, or none
    cap: String,
    #[command(flatten)]
    governing: Governing,
}

impl Cap {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.governing.look()?;
        let borrower = scene.address(&self.borrower)?;
        let cap = if self.cap == "none" { U256::ZERO } else { scene.amount(&self.cap)? };
        let old = node.view(scene.pool, &B::getBorrowerCapCall { borrower })?;
        let shown = |cap: U256| if cap.is_zero() { "none".to_owned() } else { scene.staked.exact(cap) };
        eprintln!("{}: cap {} to {}", scene.name(borrower), shown(old), shown(cap));
        if cap.is_zero() {
            eprintln!(
                "without a cap a borrower that stakes what it borrowed can take more than its share: see SECURITY.md"
            );
        }
        let call = B::setBorrowerCapsCall { borrowers: vec![borrower], caps: vec![cap] };
        self.governing.act(&node, "Cap of a borrower", &[Request::of(scene.pool, &call)])
    }
}

#[derive(Debug, Args)]
pub(crate) struct Restriction {
    /// Whose borrowing
    borrower: String,
    /// Lift the restriction instead
    #[arg(long)]
    lift: bool,
    #[command(flatten)]
    governing: Governing,
}

impl Restriction {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.governing.look()?;
        let borrower = scene.address(&self.borrower)?;
        let call = B::setBorrowingRestrictionCall { borrower, isBorrowingRestricted: !self.lift };
        let title = if self.lift { "Lift a restriction" } else { "Restrict a borrower" };
        self.governing.act(&node, title, &[Request::of(scene.pool, &call)])
    }
}

#[derive(Debug, Args)]
pub(crate) struct Epoch {
    /// Length of an epoch, such as "28 days"
    #[arg(value_parser = span)]
    length: Span,
    /// Start of epoch zero, such as 2027-03-02T15:00:00Z; without it the running epoch keeps its start and its number
    #[arg(long, value_parser = moment)]
    epoch_zero: Option<Date>,
    #[command(flatten)]
    governing: Governing,
}

impl Epoch {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.governing.look()?;
        let state = scene.state(&node.at_latest()?)?;
        let schedule = node.view(scene.pool, &E::getEpochParametersCall {})?;
        let interval = u128::from(self.length.0);
        let offset = match self.epoch_zero {
            Some(date) => u128::from(date.0),
            None => {
                let epoch: u128 = state.epoch.saturating_to();
                let start = epoch.saturating_mul(schedule.interval).saturating_add(schedule.offset);
                let offset = start.checked_sub(epoch.saturating_mul(interval));
                offset.ok_or_else(|| anyhow!("epoch {epoch} cannot keep its number with epochs of {interval} s: epoch zero would lie before 1970"))?
            }
        };
        let when = |offset: u128| date(u64::try_from(offset).unwrap_or(u64::MAX));
        eprintln!(
            "length {} s to {interval} s; epoch zero {} to {}",
            schedule.interval,
            when(schedule.offset),
            when(offset)
        );
        if state.started {
            warn_of_blackout(&node, &scene)?;
        }
        let call = E::setEpochParametersCall { interval: U256::from(interval), offset: U256::from(offset) };
        self.governing.act(&node, "Length of an epoch", &[Request::of(scene.pool, &call)])
    }
}

#[derive(Debug, Args)]
pub(crate) struct Blackout {
    /// Length of the window, such as "14 days"
    #[arg(value_parser = span)]
    length: Span,
    #[command(flatten)]
    governing: Governing,
}

impl Blackout {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.governing.look()?;
        warn_of_blackout(&node, &scene)?;
        let call = E::setBlackoutWindowCall { blackoutWindow: U256::from(self.length.0) };
        self.governing.act(&node, "Length of the blackout window", &[Request::of(scene.pool, &call)])
    }
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("emission").required(true))]
pub(crate) struct Rate {
    /// Rewards tokens a second, such as 0.1585489619
    #[arg(group = "emission")]
    per_second: Option<String>,
    /// Rewards tokens in all, from now until --until; the rate is rounded down
    #[arg(long, value_name = "TOKENS", group = "emission", requires = "until")]
    total: Option<String>,
    /// End of the emission of --total, such as 2032-03-01T15:00:00Z
    #[arg(long, value_name = "DATE", value_parser = moment, requires = "total")]
    until: Option<Date>,
    #[command(flatten)]
    governing: Governing,
}

impl Rate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.governing.look()?;
        let now = node.head()?.time;
        let rate = match (&self.per_second, &self.total, self.until) {
            (Some(text), ..) => client::amount(text, scene.rewards.decimals).map_err(anyhow::Error::msg)?,
            (None, Some(total), Some(until)) => {
                let seconds = until.0.checked_sub(now).filter(|seconds| *seconds > 0);
                let seconds = seconds.ok_or_else(|| anyhow!("--until {} has passed", date(until.0)))?;
                scene.amount_of(total, &scene.rewards)? / U256::from(seconds)
            }
            _ => return Err(anyhow!("a rate, or --total with --until").into()),
        };
        let old = node.view(scene.pool, &V::getRewardsPerSecondCall {})?;
        let most = node.view(scene.pool, &V::getMaximumRewardsPerSecondCall {})?;
        eprintln!(
            "{} a second to {}; the cap is {}",
            scene.rewards.exact(old),
            scene.rewards.exact(rate),
            scene.rewards.exact(most)
        );
        let treasury = node.view(scene.pool, &V::REWARDS_TREASURYCall {})?;
        let allowance = IToken::allowanceCall { owner: treasury, spender: scene.pool };
        let (holds, allows) = (
            node.view(scene.rewards.address, &IToken::balanceOfCall { account: treasury })?,
            node.view(scene.rewards.address, &allowance)?,
        );
        let allows = if allows == U256::MAX { "all of it".to_owned() } else { scene.rewards.exact(allows) };
        eprintln!("the treasury holds {} and allows {allows}", scene.rewards.exact(holds));
        let call = E::setRewardsPerSecondCall { emissionPerSecond: rate };
        self.governing.act(&node, "Rewards rate", &[Request::of(scene.pool, &call)])
    }
}

#[derive(Debug, Args)]
pub(crate) struct Roles {
    /// Of this contract instead of the pool
    #[arg(long, value_name = "CONTRACT")]
    of: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

impl Roles {
    /// Who holds what: from events, and each of them from storage.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.reading.open()?;
        let at = node.at_latest()?;
        let contract = self.of.as_deref().map_or(Ok(scene.pool), |text| scene.address(text))?;
        let filter = Filter::new().address(contract).event_signature(IRoles::RoleGranted::SIGNATURE_HASH);
        let logs = node.logs_between(&filter, 0, at.block)?;
        let granted: BTreeSet<_> = logs
            .iter()
            .filter_map(|log| IRoles::RoleGranted::decode_log(&log.inner).ok())
            .map(|event| (event.role, event.account))
            .collect();
        let mut rows = Vec::new();
        for (role, account) in granted {
            if at.view(contract, &IRoles::hasRoleCall { role, account })? {
                rows.push((name_of(role), account));
            }
        }
        if self.reading.json {
            let rows: Vec<_> = rows.iter().map(|(role, account)| json!({ "role": role, "account": account })).collect();
            return output::json(&json!({ "contract": contract, "block": at.block, "holders": rows }));
        }
        let rows: Vec<_> = rows.into_iter().map(|(role, account)| vec![role, scene.name(account)]).collect();
        output::table(&["role", "account"], &rows)
    }
}

fn name_of(role: B256) -> String {
    ROLES.into_iter().find(|name| keccak256(name) == role).map_or_else(|| role.to_string(), str::to_owned)
}

/// Reads a role by its name, with or without `_ROLE`, in any case.
fn role(text: &str) -> Result<B256, String> {
    let name = text.to_ascii_uppercase().replace('-', "_");
    let known = ROLES.into_iter().find(|known| *known == name || known.strip_suffix("_ROLE") == Some(&name));
    known.map(keccak256).ok_or_else(|| format!("no such role; there are {}", ROLES.join(", ").to_lowercase()))
}

#[derive(Debug, Args)]
pub(crate) struct Member {
    /// Role, such as claim-operator
    #[arg(value_parser = role)]
    role: B256,
    /// Who
    account: String,
    /// At this contract instead of the pool
    #[arg(long, value_name = "CONTRACT")]
    of: Option<String>,
    #[command(flatten)]
    governing: Governing,
}

impl Member {
    pub(crate) fn grant(self) -> Result<(), Failure> {
        let (node, contract, account) = self.find()?;
        if node.view(contract, &IRoles::hasRoleCall { role: self.role, account })? {
            return Err(anyhow!("{account} holds {} already", name_of(self.role)).into());
        }
        let call = IRoles::grantRoleCall { role: self.role, account };
        self.governing.act(&node, "Grant a role", &[Request::of(contract, &call)])
    }

    pub(crate) fn revoke(self) -> Result<(), Failure> {
        let (node, contract, account) = self.find()?;
        if !node.view(contract, &IRoles::hasRoleCall { role: self.role, account })? {
            return Err(anyhow!("{account} does not hold {}", name_of(self.role)).into());
        }
        let call = IRoles::revokeRoleCall { role: self.role, account };
        self.governing.act(&node, "Revoke a role", &[Request::of(contract, &call)])
    }

    fn find(&self) -> anyhow::Result<(Node, Address, Address)> {
        let (node, scene) = self.governing.look()?;
        let contract = self.of.as_deref().map_or(Ok(scene.pool), |text| scene.address(text))?;
        let account = scene.address(&self.account)?;
        Ok((node, contract, account))
    }
}

/// Handing the owner role over
#[derive(Debug, Subcommand)]
pub(crate) enum Ownership {
    /// Offer the owner role; the zero address takes an offer back
    Propose(Offer),
    /// Accept the owner role that is offered
    Accept(Acceptance),
}

#[derive(Debug, Args)]
pub(crate) struct Offer {
    /// To whom
    to: String,
    /// Of this contract instead of the pool
    #[arg(long, value_name = "CONTRACT")]
    of: Option<String>,
    #[command(flatten)]
    governing: Governing,
}

#[derive(Debug, Args)]
pub(crate) struct Acceptance {
    /// Of this contract instead of the pool
    #[arg(long, value_name = "CONTRACT")]
    of: Option<String>,
    #[command(flatten)]
    governing: Governing,
}

impl Ownership {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Propose(Offer { to, of, governing }) => {
                let (node, scene) = governing.look()?;
                let contract = of.as_deref().map_or(Ok(scene.pool), |text| scene.address(text))?;
                let call = IRoles::proposeOwnerCall { proposed: scene.address(&to)? };
                governing.act(&node, "Offer the ownership", &[Request::of(contract, &call)])
            }
            Self::Accept(Acceptance { of, governing }) => {
                let (node, scene) = governing.look()?;
                let contract = of.as_deref().map_or(Ok(scene.pool), |text| scene.address(text))?;
                let offer = node.view(contract, &IRoles::getProposedOwnerCall {})?;
                if offer.proposed.is_zero() {
                    return Err(anyhow!("{contract}: its ownership is offered to nobody").into());
                }
                eprintln!("{} offers the owner role to {}", scene.name(offer.owner), scene.name(offer.proposed));
                let call = IRoles::acceptOwnerCall { owner: offer.owner };
                governing.act(&node, "Accept the ownership", &[Request::of(contract, &call)])
            }
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Sweep {
    #[command(flatten)]
    governing: Governing,
}

impl Sweep {
    /// Sends the surplus to the treasury.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.governing.look()?;
        let surplus = node.view(scene.pool, &V::getSurplusCall {})?;
        eprintln!("{} are nobody's stake and no repaid debt", scene.staked.exact(surplus));
        self.governing.act(&node, "Sweep the surplus", &[Request::of(scene.pool, &E::sweepSurplusCall {})])
    }
}
