//! `tidepool pool`: what stakers, market makers, governance and anybody do with a pool.

mod act;
mod borrow;
mod cut;
mod govern;
mod guardian;
mod history;
mod keep;
mod lists;
mod read;
pub(crate) mod scene;
mod stake;
mod upkeep;

use clap::Subcommand;

pub(crate) use act::Governing;

use crate::output::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Anyone: the pool in numbers, epoch and edge, solvency
    #[command(after_help = "Example:\n  tidepool pool status --rpc https://arb1.example --json | jq .shortfall")]
    Status(read::Status),
    /// Anyone: stake, requests, debt and rewards of an account
    #[command(after_help = "Example:\n  tidepool pool account 0x1111… --rpc https://arb1.example")]
    Account(read::Account),
    /// Anyone: borrowers, shares, loans, what is due by the next edge
    Borrowers(read::Borrowers),
    /// Anyone: shortfalls that were marked, and what stake kept of itself
    Shortfalls(read::Shortfalls),
    /// Anyone: the next epochs and blackout windows, also as a calendar file
    #[command(after_help = "Example:\n  tidepool pool calendar --epochs 12 --ics > tidepool.ics")]
    Calendar(read::Calendar),
    /// Anyone: what happened to an account, from the pool's events
    #[command(after_help = "\
Examples:
  tidepool pool history 0x1111… --rpc https://arb1.example
  tidepool pool history first-maker --csv > first-maker.csv")]
    History(history::History),
    /// Anyone: keep programs alive that expire soon, and activate those that are not active
    #[command(after_help = "Example:\n  tidepool pool keepalive --within 60 --keystore key.json")]
    Keepalive(upkeep::Keepalive),
    /// Anyone: bid for a place in the chain's cache for each program that has none
    #[command(after_help = "Example:\n  tidepool pool cache --max-bid 0.01 --keystore key.json")]
    Cache(upkeep::Cache),
    /// Anyone: who holds which role
    Roles(govern::Roles),
    /// Anyone: mark the shortfall, so that withdrawals open again
    MarkDebt(keep::MarkDebt),
    /// Anyone: settle shortfalls of a staker who has many to settle
    Settle(keep::Settle),
    /// Staker: stake tokens; they earn at once
    #[command(after_help = "\
Examples:
  tidepool pool stake 1,000.5 --keystore key.json
  tidepool pool stake max --staker 0x1111… --keystore key.json")]
    Stake(stake::Stake),
    /// Staker: let stake leave with the next epoch
    #[command(after_help = "Example:\n  tidepool pool request max --keystore key.json")]
    Request(stake::Simple),
    /// Staker: take a request back, outside the blackout window
    Cancel(stake::Simple),
    /// Staker: make inactive stake earn again
    Restake(stake::Simple),
    /// Staker: withdraw inactive stake; marks the debt first where the pool is short
    Withdraw(stake::Withdraw),
    /// Staker: claim rewards
    Claim(stake::Claim),
    /// Staker: move stake to another account
    Transfer(stake::Transfer),
    /// Staker: let another account move stake; max without limit, 0 not at all
    Approve(stake::Transfer),
    /// Staker: sign an approval that another sends; prints the arguments of `permit`
    Permit(stake::Permit),
    /// Staker: withdraw what is owed after a shortfall, as far as it was repaid
    WithdrawDebt(stake::Withdraw),
    /// Borrower: borrow from the pool
    #[command(after_help = "Example:\n  tidepool pool borrow 250,000 --proxy first-maker --keystore key.json")]
    Borrow(borrow::Amount),
    /// Borrower: pay a loan back, no more than is owed when it comes
    #[command(after_help = "\
Examples:
  tidepool pool repay max --proxy first-maker --keystore key.json
  tidepool pool repay 1,000 --proxy first-maker --own-tokens --keystore anybody.json")]
    Repay(borrow::Repayment),
    /// Borrower: pay debt, no more than is owed when it comes
    RepayDebt(borrow::Repayment),
    /// Borrower: in the blackout window, pay what is too much for the next epoch or borrow what is left
    AutoPay(borrow::AutoPay),
    /// Borrower: deposits to the exchange and withdrawals from it
    #[command(subcommand)]
    Exchange(borrow::Exchange),
    /// Borrower: STARK keys of its positions
    #[command(subcommand)]
    Keys(lists::Keys),
    /// Borrower: vaults of the exchange that may be deposited to
    #[command(subcommand)]
    Vaults(lists::Vaults),
    /// Borrower: who may be paid from the proxy
    #[command(subcommand)]
    Recipients(lists::Recipients),
    /// Guardian: emergency steps for a market maker's proxy
    #[command(subcommand)]
    Guardian(guardian::Command),
    /// Governance: shares of borrowers
    #[command(after_help = "\
Examples:
  tidepool pool allocations first-maker=25% second-maker=20% --as safe > shares.json
  tidepool pool allocations first-maker=0% --keystore key.json")]
    Allocations(govern::Allocations),
    /// Governance: the most that a borrower may owe by new loans
    #[command(after_help = "Example:\n  tidepool pool cap first-maker 5,000,000 --as safe > cap.json")]
    Cap(govern::Cap),
    /// Governance: restrict a borrower, or lift its restriction
    Restriction(govern::Restriction),
    /// Governance: length of an epoch
    Epoch(govern::Epoch),
    /// Governance: length of the blackout window
    Blackout(govern::Blackout),
    /// Governance: emission of rewards
    #[command(after_help = "\
Examples:
  tidepool pool rate 0.1585489619 --as safe > rate.json
  tidepool pool rate --total 25,000,000 --until 2032-03-01T15:00:00Z --keystore key.json")]
    Rate(govern::Rate),
    /// Governance: grant a role
    #[command(after_help = "Example:\n  tidepool pool grant claim-operator ClaimsProxy --as timelock --delay 172800")]
    Grant(govern::Member),
    /// Governance: revoke a role
    Revoke(govern::Member),
    /// Governance: hand the owner role over
    #[command(subcommand)]
    Ownership(govern::Ownership),
    /// Governance: send tokens that are nobody's to the treasury
    Sweep(govern::Sweep),
    /// Governance: change which facet answers what; facets of a build are replaced by tidepool upgrade
    #[command(after_help = "\
The cut is tried as the owner first, and refused where the pool would refuse it.

Examples:
  tidepool pool cut --replace 0x1111…=stake,stakeFor --as safe > cut.json
  tidepool pool cut --remove failsafeSettleUserInactiveBalanceToEpoch --as timelock --delay 172800")]
    Cut(cut::CutRoutes),
}

pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Status(arguments) => arguments.run(),
        Command::Account(arguments) => arguments.run(),
        Command::Borrowers(arguments) => arguments.run(),
        Command::Shortfalls(arguments) => arguments.run(),
        Command::Calendar(arguments) => arguments.run(),
        Command::History(arguments) => arguments.run(),
        Command::Keepalive(arguments) => arguments.run(),
        Command::Cache(arguments) => arguments.run(),
        Command::Keys(command) => command.run(),
        Command::Vaults(command) => command.run(),
        Command::Recipients(command) => command.run(),
        Command::Roles(arguments) => arguments.run(),
        Command::MarkDebt(arguments) => arguments.run(),
        Command::Settle(arguments) => arguments.run(),
        Command::Stake(arguments) => arguments.run(),
        Command::Request(arguments) => arguments.request(),
        Command::Cancel(arguments) => arguments.cancel(),
        Command::Restake(arguments) => arguments.restake(),
        Command::Withdraw(arguments) => arguments.stake(),
        Command::Claim(arguments) => arguments.run(),
        Command::Transfer(arguments) => arguments.transfer(),
        Command::Approve(arguments) => arguments.approve(),
        Command::Permit(arguments) => arguments.run(),
        Command::WithdrawDebt(arguments) => arguments.debt(),
        Command::Borrow(arguments) => arguments.borrow(),
        Command::Repay(arguments) => arguments.loan(),
        Command::RepayDebt(arguments) => arguments.debt(),
        Command::AutoPay(arguments) => arguments.run(),
        Command::Exchange(command) => command.run(),
        Command::Guardian(command) => command.run(),
        Command::Allocations(arguments) => arguments.run(),
        Command::Cap(arguments) => arguments.run(),
        Command::Restriction(arguments) => arguments.run(),
        Command::Epoch(arguments) => arguments.run(),
        Command::Blackout(arguments) => arguments.run(),
        Command::Rate(arguments) => arguments.run(),
        Command::Grant(arguments) => arguments.grant(),
        Command::Revoke(arguments) => arguments.revoke(),
        Command::Ownership(command) => command.run(),
        Command::Sweep(arguments) => arguments.run(),
        Command::Cut(arguments) => arguments.run(),
    }
}
