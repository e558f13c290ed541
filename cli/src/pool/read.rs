//! What anybody may ask: the pool, an account, the borrowers, the shortfalls, the calendar.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolEvent;
use clap::Args;
use client::{
    At, Filter, Node, Rpc, State,
    bindings::{IBorrowerAllocations as B, IDebtAccounting as D, IEpochSchedule as E, IPoolEvents, IPoolViews as V},
    date, span,
};
use serde::Serialize;
use serde_json::json;

use super::scene::{Listed, PoolArguments, Scene};
use crate::output::{self, Failure, Wei, say};

/// How anybody reads
#[derive(Debug, Args)]
pub(crate) struct Reading {
    #[command(flatten)]
    place: PoolArguments,
    #[command(flatten)]
    rpc: Rpc,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Reading {
    /// The nodes and the pool.
    pub(super) fn open(&self) -> anyhow::Result<(Node, Scene)> {
        let node = self.rpc.connect()?;
        let scene = self.place.scene(&node)?;
        Ok((node, scene))
    }
}

/// What is true of every answer.
#[derive(Debug, Serialize)]
pub(super) struct Block {
    chain: u64,
    block: u64,
    hash: B256,
    time: u64,
}

impl Block {
    pub(super) fn of(chain: u64, at: &At<'_>) -> Self {
        Self { chain, block: at.block, hash: at.hash, time: at.time }
    }

    pub(super) fn print(&self) {
        say!("chain            {} at block {}, {}", self.chain, self.block, date(self.time));
    }
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    reading: Reading,
}

/// The pool in numbers; amounts in units.
#[derive(Debug, Serialize)]
struct PoolStatus {
    at: Block,
    pool: Address,
    epoch: Option<u64>,
    epoch_ends: Option<u64>,
    blackout_begins: Option<u64>,
    in_blackout_window: bool,
    active: Wei,
    active_next: Wei,
    inactive: Wei,
    inactive_next: Wei,
    borrowed: Wei,
    unborrowed: Wei,
    borrower_debt: Wei,
    repaid_debt: Wei,
    surplus: Wei,
    shortfall: Wei,
    /// By how much loans would exceed the active stake of the next epoch, if nothing is repaid.
    shortfall_of_next_epoch: Wei,
    shortfalls: u64,
    rewards_per_second: Wei,
}

impl Status {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.reading.open()?;
        let at = node.at_latest()?;
        let status = PoolStatus::read(node.chain_id, &at, &scene)?;
        if self.reading.json {
            return output::json(&status);
        }
        status.print(&scene);
        Ok(())
    }
}

impl PoolStatus {
    fn read(chain: u64, at: &At<'_>, scene: &Scene) -> anyhow::Result<Self> {
        let state = scene.state(at)?;
        let pool = scene.pool;
        let blackout: u64 = at.view(pool, &E::getBlackoutWindowCall {})?.saturating_to();
        let ends = at.time.saturating_add(state.timeRemaining.saturating_to());
        let when = |time| Some(time).filter(|_| state.started);
        Ok(Self {
            at: Block::of(chain, at),
            pool,
            epoch: when(state.epoch.saturating_to()),
            epoch_ends: when(ends),
            blackout_begins: when(ends.saturating_sub(blackout)),
            in_blackout_window: state.inBlackoutWindow,
            active: Wei(state.activeCurrentEpoch),
            active_next: Wei(state.activeNextEpoch),
            inactive: Wei(state.inactiveCurrentEpoch),
            inactive_next: Wei(state.inactiveNextEpoch),
            borrowed: Wei(state.borrowed),
            unborrowed: Wei(state.unborrowed),
            borrower_debt: Wei(state.borrowerDebt),
            repaid_debt: Wei(state.debtAvailableToWithdraw),
            surplus: Wei(at.view(pool, &V::getSurplusCall {})?),
            shortfall: Wei(at.view(pool, &D::getShortfallAmountCall {})?),
            shortfall_of_next_epoch: Wei(state.borrowed.saturating_sub(state.activeNextEpoch)),
            shortfalls: state.shortfallCount.saturating_to(),
            rewards_per_second: Wei(state.rewardsPerSecond),
        })
    }

    fn print(&self, scene: &Scene) {
        let Scene { staked, rewards, .. } = scene;
        self.at.print();
        say!("pool             {}", self.pool);
        match (self.epoch, self.epoch_ends, self.blackout_begins) {
            (Some(epoch), Some(ends), Some(blackout)) => {
                let left = span(ends.saturating_sub(self.at.time));
                say!("epoch            {epoch}, ends {}, {left} from now", date(ends));
                match self.in_blackout_window {
                    true => say!("blackout window  since {}: no requests, no cancellations", date(blackout)),
                    false => say!("blackout window  begins {}", date(blackout)),
                }
            }
            _ => say!("epoch            none yet"),
        }
        let amounts = [
            ("active", self.active),
            ("  next epoch", self.active_next),
            ("inactive", self.inactive),
            ("  next epoch", self.inactive_next),
            ("lent", self.borrowed),
            ("not lent", self.unborrowed),
            ("borrowers' debt", self.borrower_debt),
            ("repaid debt", self.repaid_debt),
            ("surplus", self.surplus),
        ];
        amounts.iter().for_each(|(name, amount)| say!("{name:16} {}", staked.exact(amount.0)));
        say!("rewards          {} a second", rewards.exact(self.rewards_per_second.0));
        let held = self.unborrowed.0.saturating_add(self.repaid_debt.0).saturating_add(self.surplus.0);
        say!("held             {} = not lent + repaid debt + surplus", staked.exact(held));
        match (self.shortfall.0, self.shortfall_of_next_epoch.0) {
            (U256::ZERO, U256::ZERO) => say!("solvent          yes, and at the next edge if nothing changes"),
            (U256::ZERO, short) => {
                say!("solvent          yes; short by {} at the next edge unless it is repaid", staked.exact(short))
            }
            (short, _) => {
                say!("solvent          NO: short by {}; next: tidepool pool mark-debt", staked.exact(short))
            }
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Account {
    /// Whose; an address, or a name of the book
    account: String,
    #[command(flatten)]
    reading: Reading,
}

/// A staker in numbers; amounts in units.
#[derive(Debug, Serialize)]
struct AccountStatus {
    at: Block,
    account: Address,
    active: Wei,
    active_next: Wei,
    inactive: Wei,
    inactive_next: Wei,
    withdrawable: Wei,
    debt: Wei,
    debt_withdrawable: Wei,
    claimable_rewards: Wei,
}

impl Account {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.reading.open()?;
        let at = node.at_latest()?;
        let account = scene.address(&self.account)?;
        let state = at.view(scene.pool, &V::getAccountCall { staker: account })?;
        let status = AccountStatus {
            at: Block::of(node.chain_id, &at),
            account,
            active: Wei(state.activeCurrentEpoch),
            active_next: Wei(state.activeNextEpoch),
            inactive: Wei(state.inactiveCurrentEpoch),
            inactive_next: Wei(state.inactiveNextEpoch),
            withdrawable: Wei(state.stakeAvailableToWithdraw),
            debt: Wei(state.debt),
            debt_withdrawable: Wei(state.debtAvailableToWithdraw),
            claimable_rewards: Wei(state.claimableRewards),
        };
        if self.reading.json {
            return output::json(&status);
        }
        status.at.print();
        say!("account          {}", scene.name(account));
        let amounts = [
            ("active", status.active),
            ("  next epoch", status.active_next),
            ("inactive", status.inactive),
            ("  next epoch", status.inactive_next),
            ("withdrawable", status.withdrawable),
            ("is owed", status.debt),
            ("  withdrawable", status.debt_withdrawable),
        ];
        amounts.iter().for_each(|(name, amount)| say!("{name:16} {}", scene.staked.exact(amount.0)));
        say!("rewards          {}", scene.rewards.exact(status.claimable_rewards.0));
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Borrowers {
    #[command(flatten)]
    reading: Reading,
}

/// A borrower in numbers; amounts in units, shares in basis points.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Borrower {
    pub(crate) borrower: Address,
    /// Who it is, by the list beside the book.
    pub(crate) listed: Option<Listed>,
    /// Whether governance ever gave it a share.
    pub(crate) confirmed: bool,
    pub(crate) borrowed: Wei,
    pub(crate) debt: Wei,
    pub(crate) share: u64,
    pub(crate) share_next: u64,
    /// Most that it may owe by new loans; 0 for no cap.
    pub(crate) cap: Wei,
    pub(crate) allocated: Wei,
    pub(crate) allocated_next: Wei,
    pub(crate) borrowable: Wei,
    pub(crate) overdue: bool,
    pub(crate) restricted: bool,
}

impl Borrower {
    /// By how much it exceeds what it may owe now.
    pub(crate) fn excess(&self) -> U256 {
        self.borrowed.0.saturating_sub(self.allocated.0)
    }

    /// What has to come back before the next epoch.
    fn due(&self) -> U256 {
        self.borrowed.0.saturating_sub(self.allocated_next.0)
    }
}

/// Everybody who ever had a share, by events, and the book's borrowers.
pub(crate) fn borrowers(node: &Node, at: &At<'_>, scene: &Scene) -> anyhow::Result<Vec<Borrower>> {
    let filter = Filter::new().address(scene.pool);
    let filter = filter.event_signature(IPoolEvents::ScheduledBorrowerAllocationChange::SIGNATURE_HASH);
    let logs = node.logs_between(&filter, 0, at.block)?;
    let events =
        logs.iter().filter_map(|log| IPoolEvents::ScheduledBorrowerAllocationChange::decode_log(&log.inner).ok());
    let confirmed: BTreeSet<_> = events.map(|event| event.borrower).collect();
    let listed = scene.listed.iter().map(|listed| listed.address);
    let mut known: Vec<_> = confirmed.iter().copied().chain(scene.borrowers()).chain(listed).collect();
    known.retain(|borrower| !borrower.is_zero());
    known.sort();
    known.dedup();
    let calls: Vec<_> = known.iter().map(|borrower| B::getBorrowerCall { borrower: *borrower }).collect();
    let states = at.view_many(scene.pool, &calls)?;
    let borrower = |(borrower, state): (Address, B::BorrowerState)| Borrower {
        borrower,
        listed: scene.listed.iter().find(|listed| listed.address == borrower).cloned(),
        confirmed: confirmed.contains(&borrower),
        borrowed: Wei(state.borrowed),
        debt: Wei(state.debt),
        share: state.allocationCurrentEpoch.saturating_to(),
        share_next: state.allocationNextEpoch.saturating_to(),
        cap: Wei(state.cap),
        allocated: Wei(state.allocatedBalanceCurrentEpoch),
        allocated_next: Wei(state.allocatedBalanceNextEpoch),
        borrowable: Wei(state.borrowable),
        overdue: state.overdue,
        restricted: state.restricted,
    };
    Ok(known.into_iter().zip(states).map(borrower).collect())
}

impl Borrowers {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.reading.open()?;
        let at = node.at_latest()?;
        let borrowers = borrowers(&node, &at, &scene)?;
        let block = Block::of(node.chain_id, &at);
        if self.reading.json {
            return output::json(&json!({ "at": block, "borrowers": borrowers }));
        }
        block.print();
        let percent = |points: u64| format!("{} %", client::exact(U256::from(points), 2));
        let amount = |amount: U256| client::exact(amount, scene.staked.decimals);
        let row = |borrower: &Borrower| {
            let state = match (borrower.overdue, borrower.restricted, borrower.confirmed) {
                (true, ..) => "overdue",
                (false, true, _) => "restricted",
                (false, false, false) => "not confirmed by governance",
                (false, false, true) => "",
            };
            let listed = borrower.listed.as_ref();
            vec![
                listed.map_or_else(|| scene.name(borrower.borrower), |one| format!("{} ({})", one.name, one.address)),
                percent(borrower.share),
                percent(borrower.share_next),
                if borrower.cap.0.is_zero() { "none".to_owned() } else { amount(borrower.cap.0) },
                amount(borrower.borrowed.0),
                amount(borrower.allocated.0),
                amount(borrower.due()),
                amount(borrower.debt.0),
                state.to_owned(),
            ]
        };
        let columns = ["borrower", "share", "next", "cap", "borrowed", "allocated", "due by the edge", "debt", ""];
        output::table(&columns, &borrowers.iter().map(row).collect::<Vec<_>>())?;
        for Listed { name, link, note, .. } in borrowers.iter().filter_map(|borrower| borrower.listed.as_ref()) {
            say!("{name}: {link} {note}");
        }
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Shortfalls {
    #[command(flatten)]
    reading: Reading,
}

impl Shortfalls {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.reading.open()?;
        let at = node.at_latest()?;
        let count: u64 = at.view(scene.pool, &D::getShortfallCountCall {})?.saturating_to();
        let calls: Vec<_> = (0..count).map(|index| D::getShortfallCall { index: U256::from(index) }).collect();
        let shortfalls = at.view_many(scene.pool, &calls)?;
        let block = Block::of(node.chain_id, &at);
        let rows = shortfalls.iter().enumerate();
        if self.reading.json {
            let shortfalls: Vec<_> = rows
                .map(|(index, one)| json!({ "index": index, "epoch": one.epoch, "kept": U256::from(one.index).to_string() }))
                .collect();
            return output::json(&json!({ "at": block, "shortfalls": shortfalls }));
        }
        block.print();
        // Of 10^36; four digits of a percentage are enough for people.
        let kept = |index: U256| format!("{} %", client::exact(index / U256::from(10).pow(U256::from(28)), 6));
        let row = |(index, one): (usize, &D::Shortfall)| {
            vec![index.to_string(), one.epoch.to_string(), kept(U256::from(one.index))]
        };
        output::table(&["shortfall", "epoch", "inactive stake kept"], &rows.map(row).collect::<Vec<_>>())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Calendar {
    /// How many epochs, from the running one on
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=500))]
    epochs: u16,
    /// Print a calendar file (RFC 5545) instead
    #[arg(long, conflicts_with = "json")]
    ics: bool,
    #[command(flatten)]
    reading: Reading,
}

/// An epoch in time, seconds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Epoch {
    epoch: u64,
    begins: u64,
    blackout_begins: u64,
    ends: u64,
}

impl Calendar {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (node, scene) = self.reading.open()?;
        let at = node.at_latest()?;
        let state = scene.state(&at)?;
        let schedule = at.view(scene.pool, &E::getEpochParametersCall {})?;
        let blackout: u64 = at.view(scene.pool, &E::getBlackoutWindowCall {})?.saturating_to();
        let (interval, offset) = (schedule.interval, schedule.offset);
        let epoch = |epoch: u64| {
            let begins = u128::from(epoch).saturating_mul(interval).saturating_add(offset);
            let seconds = |time: u128| u64::try_from(time).unwrap_or(u64::MAX);
            let ends = seconds(begins.saturating_add(interval));
            Epoch { epoch, begins: seconds(begins), blackout_begins: ends.saturating_sub(blackout), ends }
        };
        let first: u64 = state.epoch.saturating_to();
        let epochs: Vec<_> = (first..first.saturating_add(self.epochs.into())).map(epoch).collect();
        if self.ics {
            output::text(&ics(scene.pool, at.time, &epochs));
            return Ok(());
        }
        let block = Block::of(node.chain_id, &at);
        if self.reading.json {
            return output::json(&json!({ "at": block, "epochs": epochs }));
        }
        block.print();
        let row = |epoch: &Epoch| {
            let times = [epoch.begins, epoch.blackout_begins, epoch.ends].map(date);
            std::iter::once(epoch.epoch.to_string()).chain(times).collect()
        };
        output::table(&["epoch", "begins", "blackout window", "ends"], &epochs.iter().map(row).collect::<Vec<_>>())
    }
}

/// Blackout windows and edges, as a calendar reads them.
fn ics(pool: Address, now: u64, epochs: &[Epoch]) -> String {
    let time = |seconds: u64| date(seconds).replace(['-', ':'], "").replace(' ', "T").replace("TUTC", "Z");
    let mut text = String::from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tidepool//calendar//EN\r\n");
    for epoch in epochs {
        let number = epoch.epoch;
        let events = [
            ("blackout", epoch.blackout_begins, epoch.ends, format!("Blackout window of epoch {number}: no requests")),
            ("edge", epoch.ends, epoch.ends, format!("Epoch {} begins: requested stake can be withdrawn", number + 1)),
        ];
        for (kind, from, to, summary) in events {
            text.push_str(&format!(
                "BEGIN:VEVENT\r\nUID:{kind}-{number}@{pool}\r\nDTSTAMP:{}\r\nDTSTART:{}\r\nDTEND:{}\r\nSUMMARY:{summary}\r\nEND:VEVENT\r\n",
                time(now),
                time(from),
                time(to)
            ));
        }
    }
    text.push_str("END:VCALENDAR\r\n");
    text
}
