//! Where rewards stand on the chain.

use std::path::PathBuf;

use alloy_primitives::{Address, U256};
use clap::Args;
use client::{Node, Rpc, bindings::IMerkleDistributor as D, exact};
use serde::Serialize;

use super::{
    account,
    distributor::{DistributorAddress, State, claimed},
    results::Results,
};
use crate::output::{self, Failure, Wei, say};

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Also say what this account was paid
    #[arg(value_parser = account)]
    account: Option<Address>,
    /// Folder of results: with it, what accounts may claim, all of them if none is named
    #[arg(long)]
    results: Option<PathBuf>,
    #[command(flatten)]
    distributor: DistributorAddress,
    #[command(flatten)]
    rpc: Rpc,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Statement {
    #[serde(flatten)]
    state: State,
    /// Where the root of the results is: active, proposed, or neither.
    results: Option<&'static str>,
    accounts: Vec<Account>,
}

/// Where an account stands.
#[derive(Debug, Serialize)]
struct Account {
    account: Address,
    claimed_wei: Wei,
    /// Whether anybody may claim for it.
    lets_others_claim: bool,
    /// What its leaf says.
    cumulative_wei: Option<Wei>,
    /// What it may claim now, or when the proposed root becomes active.
    due_wei: Option<Wei>,
}

impl Status {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let results = self.results.as_deref().map(Results::open).transpose()?;
        let node = self.rpc.connect()?;
        let state = State::read(&node, self.distributor.distributor)?;
        let place = results.as_ref().map(|results| place_of(results, &state));
        let statement = Statement { accounts: self.accounts(&node, results.as_ref())?, state, results: place };
        if self.json { output::json(&statement) } else { statement.print() }
    }

    fn accounts(&self, node: &Node, results: Option<&Results>) -> anyhow::Result<Vec<Account>> {
        let accounts: Vec<_> = match (self.account, results) {
            (Some(account), _) => vec![account],
            (None, Some(results)) => results.tree.amounts().into_keys().collect(),
            (None, None) => Vec::new(),
        };
        let distributor = self.distributor.distributor;
        let claimed = claimed(node, distributor, accounts.iter().copied())?;
        let calls: Vec<_> = accounts.iter().map(|user| D::getAlwaysAllowClaimsForCall { user: *user }).collect();
        let allowed = node.view_many(distributor, &calls)?;
        let account = |((account, claimed), lets_others_claim): ((Address, U256), bool)| {
            let cumulative = results.map(|results| results.tree.amount(account).unwrap_or_default());
            let due_wei = cumulative.map(|cumulative| Wei(cumulative.saturating_sub(claimed)));
            Account {
                account,
                claimed_wei: Wei(claimed),
                lets_others_claim,
                cumulative_wei: cumulative.map(Wei),
                due_wei,
            }
        };
        Ok(accounts.into_iter().zip(claimed).zip(allowed).map(account).collect())
    }
}

fn place_of(results: &Results, state: &State) -> &'static str {
    let own = Some(results.root());
    if own == state.active {
        "active"
    } else if own == state.proposed {
        "proposed"
    } else {
        "neither"
    }
}

impl Statement {
    fn print(&self) -> Result<(), Failure> {
        let State { token, treasury, treasury_holds_wei, treasury_allows_wei, .. } = &self.state;
        self.state.print_roots();
        let paused = if self.state.updates_paused { "paused" } else { "not paused" };
        say!("updates   {paused}; the next root is of epoch {}", self.state.next_epoch);
        let allows = match treasury_allows_wei.0 {
            allows if allows >= treasury_holds_wei.0 => "all of it".to_owned(),
            allows => token.amount(allows),
        };
        say!("treasury  {treasury} holds {}, allows {allows}", token.amount(treasury_holds_wei.0));
        match self.results {
            Some("neither") => say!("results   their root is neither active nor proposed: nothing is paid from it"),
            Some(place) => say!("results   their root is {place}"),
            None => {}
        }
        if self.accounts.is_empty() {
            return Ok(());
        }
        let amount = |amount: Wei| exact(amount.0, token.decimals);
        let row = |account: &Account| {
            let optional = |value: Option<Wei>| value.map_or_else(|| "?".to_owned(), amount);
            let others = if account.lets_others_claim { "yes" } else { "no" };
            vec![
                account.account.to_string(),
                optional(account.cumulative_wei),
                amount(account.claimed_wei),
                optional(account.due_wei),
                others.to_owned(),
            ]
        };
        let due = match self.results {
            Some("active") => "claimable",
            Some("proposed") => "once promoted",
            _ => "not claimable",
        };
        say!();
        let columns = ["account", "earned in all", "claimed", due, "others may claim"];
        output::table(&columns, &self.accounts.iter().map(row).collect::<Vec<_>>())
    }
}
