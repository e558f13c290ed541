//! `tidepool`: one command for everybody who works with the pool and its rewards.

mod batch;
mod call;
mod deploy;
mod fork;
mod interrupt;
mod keep;
mod output;
mod pool;
mod progress;
mod proposal;
mod rehearsal;
mod rewards;
mod serve;
mod shell;
mod upgrade;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use output::{Failure, Usage};

/// Tidepool: a liquidity staking pool and a rewards program.
#[derive(Debug, Parser)]
#[command(name = "tidepool", version, about, propagate_version = true, after_help = AFTER)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Who uses what:
  anyone            pool status, account, borrowers, shortfalls, calendar, history, roles, mark-debt, settle, keepalive,
                    cache; rewards verify; decode
  stakers           pool stake, request, cancel, restake, withdraw, claim, transfer, approve, permit, withdraw-debt
  market makers     pool borrow, repay, repay-debt, auto-pay, exchange, keys, vaults, recipients; rewards claim
  guardians         pool guardian plan, restrict, withdraw, repay, cancel-deposit, force-withdrawal, repay-debt, block-key, veto
  governance        pool allocations, cap, restriction, epoch, blackout, rate, grant, revoke, ownership, sweep, cut; batch; call
  operators         deploy, verify-deployment, keep, watch, serve, upgrade, rollback, fork; rewards record, run, publish, propose,
                    promote
  everybody's rest  call reaches every function of every contract by its name

Exit codes: 0 done; 1 failed; 2 wrong arguments; 3 malformed input; 4 a check does not hold, or data has gaps; 5 it is
done already. With --json, failures are an object too: error.code, error.kind, error.message.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Liquidity provider rewards: samples to scores, tokens, tree and proofs
    #[command(subcommand)]
    Rewards(rewards::Command),
    /// The pool: what anyone, stakers, borrowers and governance do with it
    #[command(subcommand)]
    Pool(pool::Command),
    /// Call any function of any contract by its name
    #[command(after_help = "\
A view is answered; anything else is tried, shown and sent, or proposed with --as. Numbers are in units.

Examples:
  tidepool call Pool getEpochIndex 3
  tidepool call Borrower-first-maker allowStarkKey 123 --keystore key.json
  tidepool call Pool setBorrowingRestriction first-maker true --as safe > restriction.json")]
    Call(call::Call),
    /// Say in words what call data, an error's data or a transaction means
    Decode(call::Decode),
    /// Calls collected in a file, which a Safe reads too
    #[command(subcommand)]
    Batch(batch::Command),
    /// Bring a pool and its rewards to a chain, from a plan
    #[command(after_help = "\
Programs are created by the StylusDeployer at addresses that follow from plan and code; what stands there already is not sent again, so a
run that stopped is simply repeated. The book (deployments/CHAIN) has the plan, a journal of every transaction, and a file per contract.

Examples:
  tidepool deploy plan.toml --rpc https://arb1.example --keystore key.json --preflight
  tidepool deploy plan.toml --rpc https://arb1.example --rehearse --from 0x1111… --unsigned
  tidepool deploy plan.toml --rpc https://arb1.example --keystore key.json")]
    Deploy(deploy::Deploy),
    /// Put other programs in the place of facets of a pool
    #[command(after_help = "\
Old and new are shown side by side, the cut is tried on a chain in this process that begins where the node is, with an epoch of the pool's
life before and after it. Then the new programs are deployed and activated, which any key may do and which changes nothing of the pool, and
the cut is printed as a proposal for its owner. tidepool verify-deployment tells whether it was executed.

Examples:
  tidepool upgrade staking --rpc https://arb1.example --rehearse
  tidepool upgrade staking pool-views --rpc https://arb1.example --keystore key.json > upgrade.json")]
    Upgrade(upgrade::Upgrade),
    /// Take the last upgrade back
    #[command(after_help = "Example:\n  tidepool rollback --rpc https://arb1.example > rollback.json")]
    Rollback(upgrade::Rollback),
    /// Copy what a pool and its tokens hold on a chain to a file of the embedded chain
    #[command(after_help = "\
Examples:
  tidepool fork --rpc https://arb1.example --state pool.json
  devnode --chain-id 42161 --state pool.json")]
    Fork(fork::Fork),
    /// Compare what stands on a chain with its plan and with the programs of this checkout
    #[command(after_help = "\
Exit code 4 if anything differs, each difference with both sides.

Examples:
  tidepool verify-deployment --rpc https://arb1.example
  tidepool verify-deployment --deployment deployments/42161 --rpc https://arb1.example --json")]
    VerifyDeployment(deploy::Verify),
    /// Do what must be done for a pool: mark debt, keep programs alive and cached, propose and activate roots; and tell what people must know
    #[command(after_help = "\
Each look reads one block; each duty is tried before it is sent, at most one transaction a duty and look. It keeps no database, can be ended
at any moment, and several do no harm. Channels are those of keeper/files/channels.example.toml.

Examples:
  tidepool keep --rpc https://arb1.example --rpc https://other.example --keystore keeper.json --password-file password --yes
  tidepool keep --keystore keeper.json --password-file password --yes --channels channels.toml --listen 127.0.0.1:9464
  tidepool keep --keystore keeper.json --password-file password --yes --once --json")]
    Keep(Box<keep::Keep>),
    /// Tell what people must know about a pool, and what is due, without doing anything
    #[command(after_help = "\
Alerts are told once, again while they last, and when they are over. Exit code 4 with --once if one of them is more than information.

Examples:
  tidepool watch --rpc https://arb1.example --channels channels.toml --listen 127.0.0.1:9464
  tidepool watch --rpc https://arb1.example --once
  tidepool watch --channels channels.toml --test-channels
  tidepool watch --rpc https://arb1.example --emit openzeppelin-monitor --out config")]
    Watch(Box<keep::Watch>),
    /// Serve history, lists, charts and expected rewards: the index, the API and the running epoch
    #[command(after_help = "\
What is present comes from the contracts at one block, what is past from the index, which follows the chain and its reorganisations and goes
on where it was after any stop. /openapi.json describes the API, /docs tries it, /health says how it is. RUST_LOG says what is logged.

Examples:
  tidepool serve --rpc https://arb1.example --listen 0.0.0.0:8080
  tidepool serve --rpc http://127.0.0.1:8545 --database postgres://tidepool@db/tidepool --rewards epochs")]
    Serve(Box<serve::Serve>),
    /// Print a script that completes commands in a shell
    #[command(
        after_help = "Example:\n  tidepool completions bash > ~/.local/share/bash-completion/completions/tidepool"
    )]
    Completions(shell::Completions),
    /// Write a manual page for each command
    #[command(after_help = "Example:\n  tidepool man ~/.local/share/man/man1")]
    Man(shell::Man),
}

fn main() -> ExitCode {
    interrupt::clean_up();
    // Also of arguments that cannot be read.
    let json = std::env::args_os().any(|argument| argument == "--json");
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && json => {
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned();
            return Failure::from(anyhow::Error::from(Usage(text))).report(json);
        }
        Err(error) => error.exit(),
    };
    let result = match arguments.command {
        Command::Rewards(command) => rewards::run(command),
        Command::Pool(command) => pool::run(command),
        Command::Call(arguments) => arguments.run(),
        Command::Decode(arguments) => arguments.run(),
        Command::Batch(command) => batch::run(command),
        Command::Deploy(arguments) => arguments.run(),
        Command::Upgrade(arguments) => arguments.run(),
        Command::Rollback(arguments) => arguments.run(),
        Command::Fork(arguments) => arguments.run(),
        Command::VerifyDeployment(arguments) => arguments.run(),
        Command::Keep(arguments) => arguments.run(),
        Command::Watch(arguments) => arguments.run(),
        Command::Serve(arguments) => arguments.run(),
        Command::Completions(arguments) => arguments.run(),
        Command::Man(arguments) => arguments.run(),
    };
    match result {
        Ok(()) if output::was_printed() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(failure) => failure.report(json),
    }
}
