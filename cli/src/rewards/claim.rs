//! Claims: one's own, and those of many.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use alloy_primitives::{Address, U256, keccak256};
use anyhow::{Context, anyhow};
use clap::Args;
use client::{
    Error, Node, Request, Sender, Sending, Sent,
    bindings::{IMerkleDistributor as D, IRoles},
    error_name, exact,
};
use serde::Serialize;

use super::{
    account,
    distributor::{DistributorAddress, State, Token, claimed},
    results::Results,
};
use crate::output::{self, Failure, Wei, say};

#[derive(Debug, Args)]
pub(crate) struct Claim {
    /// Folder of the results
    results: PathBuf,
    /// Claim for this account instead of the signer's; it is paid itself, and must allow it
    #[arg(long, value_name = "ADDRESS", value_parser = account)]
    account: Option<Address>,
    #[command(flatten)]
    distributor: DistributorAddress,
    #[command(flatten)]
    sending: Sending,
}

#[derive(Debug, Serialize)]
struct Claimed {
    transaction: Sent,
    account: Address,
    paid_wei: Wei,
    paid_in_all_wei: Wei,
}

impl Claim {
    /// Claims what one account is owed.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let results = Results::open(&self.results)?;
        let sender = self.sending.prepare()?;
        let distributor = self.distributor.distributor;
        let state = State::read(&sender.node, distributor)?;
        results.expect_active(&state)?;
        let account = self.account.unwrap_or_else(|| sender.address());
        let (cumulative, proof) = results.leaf(account)?;
        let claimed = sender.node.view(distributor, &D::getClaimedCall { user: account })?;
        if claimed >= cumulative {
            let all = state.token.amount(claimed);
            return Err(Failure::AlreadySo(anyhow!("nothing to claim: {account} was paid all of its {all}")));
        }
        let due = cumulative.saturating_sub(claimed);
        eprintln!("{account} is owed {} {}", exact(due, state.token.decimals), state.token.symbol);
        let transaction = if account == sender.address() {
            let call = D::claimRewardsCall { cumulativeAmount: cumulative, merkleProof: proof };
            sender.send(distributor, &call)?
        } else {
            let call = D::claimRewardsForCall { user: account, cumulativeAmount: cumulative, merkleProof: proof };
            sender.send(distributor, &call)?
        };
        let paid = paid(&transaction).get(&account).copied().unwrap_or_default();
        let claimed =
            Claimed { transaction, account, paid_wei: Wei(paid), paid_in_all_wei: Wei(claimed.saturating_add(paid)) };
        if self.sending.json {
            return output::json(&claimed);
        }
        claimed.transaction.print();
        let Token { symbol, decimals, .. } = &state.token;
        let [paid, all] = [claimed.paid_wei, claimed.paid_in_all_wei].map(|amount| exact(amount.0, *decimals));
        say!("{account} was paid {paid} {symbol}, {all} in all");
        Ok(())
    }
}

/// What was paid to whom in a transaction.
fn paid(transaction: &Sent) -> BTreeMap<Address, U256> {
    transaction.events::<D::RewardsClaimed>().into_iter().map(|event| (event.account, event.amount)).collect()
}

#[derive(Debug, Args)]
pub(crate) struct ClaimMany {
    /// Folder of the results
    results: PathBuf,
    /// Claim for these accounts only; may be given several times
    #[arg(long, value_name = "ADDRESS", value_parser = account)]
    account: Vec<Address>,
    /// File of accounts to claim for, one a line
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// Accounts in a transaction, at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    batch: u16,
    /// Gas of a transaction, at most; batches are halved until they need less
    #[arg(long, value_name = "GAS", default_value_t = 20_000_000)]
    max_gas: u64,
    /// Let one refusal stop its whole transaction
    #[arg(long)]
    all_or_nothing: bool,
    #[command(flatten)]
    distributor: DistributorAddress,
    #[command(flatten)]
    sending: Sending,
}

#[derive(Debug, Default, Serialize)]
struct ClaimedMany {
    transactions: Vec<Sent>,
    paid_wei: BTreeMap<Address, Wei>,
    /// Refused by the contract, with which error.
    refused: BTreeMap<Address, String>,
    /// Accounts that were paid everything before.
    paid_before: usize,
    /// Accounts that let nobody but themselves claim.
    not_allowed: Vec<Address>,
}

impl ClaimMany {
    /// Claims for everybody who is owed something and whom the signer may claim for.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let results = Results::open(&self.results)?;
        let chosen = self.chosen()?;
        let sender = self.sending.prepare()?;
        let distributor = self.distributor.distributor;
        let state = State::read(&sender.node, distributor)?;
        results.expect_active(&state)?;
        // Nobody is passed over in silence.
        chosen.iter().try_for_each(|account| results.leaf(*account).map(drop))?;
        let mut outcome = ClaimedMany::default();
        let owed = self.owed(&sender, &results, &chosen, &mut outcome)?;
        let total = owed.iter().fold(U256::ZERO, |sum, (_, due)| sum.saturating_add(*due));
        eprintln!("{} accounts are owed {}", owed.len(), state.token.amount(total));
        let mut waiting: Vec<_> = owed.into_iter().map(|(account, _)| account).collect();
        while !waiting.is_empty() {
            let call = self.next(&sender, &results, &mut waiting)?;
            let sent = match sender.send(distributor, &call) {
                Ok(sent) => sent,
                Err(error) => return Err(self.stopped(&outcome, &state.token, error)),
            };
            outcome.paid_wei.extend(paid(&sent).into_iter().map(|(account, paid)| (account, Wei(paid))));
            let refused = sent.events::<D::ClaimRefused>().into_iter();
            outcome.refused.extend(refused.map(|event| (event.account, error_name(event.refusal.0))));
            outcome.transactions.push(sent);
        }
        self.print(&outcome, &state.token)?;
        match outcome.refused.len() {
            0 => Ok(()),
            refused => {
                eprintln!("error: {refused} claims were refused");
                Err(Failure::Reported(1)) // What was done is printed, and who was refused in it.
            }
        }
    }

    /// The accounts that were named; nobody stands for everybody.
    fn chosen(&self) -> anyhow::Result<BTreeSet<Address>> {
        let mut chosen: BTreeSet<_> = self.account.iter().copied().collect();
        let Some(path) = &self.accounts else { return Ok(chosen) };
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        for (number, line) in text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()) {
            let account = account(line).map_err(|reason| anyhow!("{}:{}: {reason}", path.display(), number + 1))?;
            chosen.insert(account);
        }
        if chosen.is_empty() {
            return Err(anyhow!("{}: no account in it", path.display()));
        }
        Ok(chosen)
    }

    /// Who is owed how much, of those whom the signer may claim for.
    fn owed(
        &self,
        sender: &Sender,
        results: &Results,
        chosen: &BTreeSet<Address>,
        outcome: &mut ClaimedMany,
    ) -> anyhow::Result<Vec<(Address, U256)>> {
        let (node, distributor) = (&sender.node, self.distributor.distributor);
        let entries = results.tree.entries().map(|(_, account, amount)| (account, amount));
        let entries: Vec<_> = entries.filter(|(account, _)| chosen.is_empty() || chosen.contains(account)).collect();
        let claimed = claimed(node, distributor, entries.iter().map(|(account, _)| *account))?;
        let due = |((account, amount), claimed): (&(Address, U256), U256)| {
            amount.checked_sub(claimed).filter(|due| !due.is_zero()).map(|due| (*account, due))
        };
        let owed: Vec<_> = entries.iter().zip(claimed).filter_map(due).collect();
        outcome.paid_before = entries.len() - owed.len();
        if is_operator(node, distributor, sender.address())? {
            return Ok(owed);
        }
        let calls: Vec<_> = owed.iter().map(|(user, _)| D::getAlwaysAllowClaimsForCall { user: *user }).collect();
        let allowed = node.view_many(distributor, &calls)?;
        let (may, may_not): (Vec<_>, Vec<_>) =
            owed.into_iter().zip(allowed).partition(|((account, _), allowed)| *allowed || *account == sender.address());
        outcome.not_allowed = may_not.into_iter().map(|((account, _), _)| account).collect();
        Ok(may.into_iter().map(|(owed, _)| owed).collect())
    }

    /// The next call: as many accounts as fit into a transaction. They leave `waiting`.
    fn next(&self, sender: &Sender, results: &Results, waiting: &mut Vec<Address>) -> anyhow::Result<D::claimManyCall> {
        let mut size = waiting.len().min(self.batch.into());
        loop {
            let claims = waiting[..size].iter().map(|account| {
                let (cumulative, proof) = results.leaf(*account)?;
                Ok(D::Claim { account: *account, cumulativeAmount: cumulative, merkleProof: proof })
            });
            let claims = claims.collect::<anyhow::Result<_>>()?;
            let call = D::claimManyCall { claims, allOrNothing: self.all_or_nothing };
            let request = Request::of(self.distributor.distributor, &call);
            let fits = match sender.node.estimate(sender.address(), &request) {
                Ok(gas) => gas <= self.max_gas,
                // The refusal that stops it all: sending tells it.
                Err(Error::Reverted(_)) => self.all_or_nothing,
                Err(Error::Node(_)) => false,
            };
            // One account cannot be split; what is wrong with it is told when it is sent.
            if fits || size == 1 {
                waiting.drain(..size);
                return Ok(call);
            }
            size /= 2;
        }
    }

    /// A failure after which some are paid: says so.
    fn stopped(&self, outcome: &ClaimedMany, token: &Token, error: anyhow::Error) -> Failure {
        if outcome.transactions.is_empty() {
            return error.into();
        }
        match self.print(outcome, token) {
            Ok(()) => error.context("stopped; what is listed was paid, the same command goes on").into(),
            Err(failure) => failure,
        }
    }

    fn print(&self, outcome: &ClaimedMany, token: &Token) -> Result<(), Failure> {
        if self.sending.json {
            return output::json(outcome);
        }
        outcome.transactions.iter().for_each(Sent::print);
        let mut rows: Vec<_> = outcome
            .paid_wei
            .iter()
            .map(|(account, paid)| vec![account.to_string(), exact(paid.0, token.decimals)])
            .collect();
        rows.extend(outcome.refused.iter().map(|(account, error)| vec![account.to_string(), error.clone()]));
        if !rows.is_empty() {
            output::table(&["account", &token.symbol], &rows)?;
        }
        let total = outcome.paid_wei.values().fold(U256::ZERO, |sum, paid| sum.saturating_add(paid.0));
        say!("{} accounts were paid {} {}", outcome.paid_wei.len(), exact(total, token.decimals), token.symbol);
        if outcome.paid_before > 0 {
            say!("{} were paid everything before", outcome.paid_before);
        }
        if !outcome.not_allowed.is_empty() {
            let many = outcome.not_allowed.len();
            say!("{many} let nobody but themselves claim, and the signer is no claim operator");
        }
        Ok(())
    }
}

fn is_operator(node: &Node, distributor: Address, account: Address) -> anyhow::Result<bool> {
    node.view(distributor, &IRoles::hasRoleCall { role: keccak256("CLAIM_OPERATOR_ROLE"), account })
}
