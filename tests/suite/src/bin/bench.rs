//! Measures what the pool costs and how fast the embedded chain is; writes the tables of `benchmarks/`.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use alloy_primitives::U256;
use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use suite::{
    Pool,
    abi::{IPoolViews, IStaking},
    epoch,
    gas::{self, Row},
};

/// Measures the pool and the embedded chain, and writes the tables of `benchmarks/`.
#[derive(Parser)]
#[command(name = "bench", version)]
struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Gas of each scenario beside the original's: benchmarks/gas.md. Exact: the same programs cost the same anywhere.
    Gas {
        /// Write nothing; fail if the committed table is not what is measured now.
        #[arg(long)]
        check: bool,
    },
    /// How long the embedded chain takes: benchmarks/speed.md. Of this machine, now.
    Speed,
    /// Frames of the programs as they run now: tests/stylus-vm/data/frames.jsonl, which the machine's tests run again.
    Frames,
}

fn main() -> ExitCode {
    let done = match Options::parse().what {
        What::Gas { check } => gas_table(check),
        What::Speed => speed(),
        What::Frames => frames(),
    };
    if let Err(error) = done {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn frames() -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stylus-vm/data/frames.jsonl");
    save(&path, &suite::frames::record())
}

fn gas_table(check: bool) -> Result<()> {
    let rows = gas::measure()?;
    let (summary, scenarios, instances) = (summary(&rows), gas::table(&rows), instances()?);
    let table = format!("{GAS_INTRODUCTION}\n{summary}\n{scenarios}\n{GAS_EXPLANATION}\n{instances}");
    let path = file("gas.md");
    if check {
        let committed = fs::read_to_string(&path).unwrap_or_default();
        ensure!(committed == table, "gas is not what {} says; scripts/bench gas writes it anew", path.display());
        println!("{} scenarios cost what {} says", rows.len(), path.display());
        return Ok(());
    }
    print!("{table}");
    save(&path, &table)
}

const GAS_INTRODUCTION: &str = "# Gas

Written by `scripts/bench gas`, checked by `scripts/test`.

What our own frames consume in each scenario, refund not deducted, frames of tokens, exchange and oracle left out; beside it the same
figure of the original contracts behind their proxy. `ls.*` is the pool, `md.*` the distributor; in `sp1.*` and `sp2.*`, the first and second
version of the original's borrower proxy, the frames of borrower and pool count. Cached: our programs are in the chain's program
cache, as a deployment leaves them. Uncached: none is, and each call pays to initialise one program, two, or three. Transaction: what the
whole transaction pays with the cache; its tokens are Stylus programs outside the cache, so this one does not compare with the original.
";

const GAS_EXPLANATION: &str = "## Above 0.80

- *First calls* write words that were zero, at 22,100 gas each whatever the program: `stake.first_*`, `stakeFor.first_user`,
  `approve.first`, `setBorrowerAllocations.5_first*`, `withdrawDebt.first`, `md.claimRewards.10.first` (by 15 gas).
- *Tokens pulled in* are counted: the pool asks for its balance before and after, where the original trusts the transfer: `stake*`, `repayBorrow.*`, `repayDebt.*`.
- *Losses credited* are reported as a burn as well, a log of 1,756 gas: `settle.*` and `withdrawDebt.*` with shortfalls.
- *Short calls* consist of routing and of starting two programs: `approve.*`, `grantRole`, `revokeRole`,
  `view.getCurrentEpoch`, `decreaseBorrowerDebt`. Who administers a role is not stored: reading it would put the two of roles above 1.00.
- *Deposits* (`deposit.*`) ask the pool whether it restricts the borrower or a loan is overdue, in one call of 24,000 gas, and look the vault up,
  2,200: rules that the original lacks. Without them they would be at 0.71. They cannot come below 1.00 with the rule: the way to a facet, 9,300 gas, and
  the three words that say whether a loan is overdue, 6,300, make 1.26 already. Of the 24,000 gas 12,600 are six words; a borrower who is at
  its limit saves two of them, 4,200, since then what is available decides nothing.
- *What is owed* (`deposit.restricted`, `externalWithdrawToken.*`) the pool says in the same call, 24,000 gas. Where the
  guardian approved the amount, the original asks for nothing, while here the excess is used first: without asking they would be at 0.63.
- *The first call of an epoch* that changed the total active stake (`rollover.*.pending`, `settle.requestWithdrawal`) reads the loans as well, 2,100 gas,
  and remembers whether the epoch began short, so that no `stake` in it has to.
- *Cancellations* (`depositCancel`, `depositReclaim`) are remembered, 5,000 gas, so that no deposit undoes them.
- *Repayments* through a proxy (`repayBorrow.*`, `repayDebt.steady`, `guardianRepayBorrow.partial`, `autoPayOrBorrow.repay`) cost mostly the
  pool, see above; a guardian's asks what is owed first.
- `allowStarkKey.first`, `queueForcedTradeRequest.first`, `allowExternalRecipient.first` are *first calls*, see above.
- `setRewardsPerSecond` with a request pending writes the index of the boundary, a new word, as the original does.
";

fn instances() -> Result<String> {
    let mut table = String::from("## One program, many borrowers\n\n| what | gas |\n|---|---:|\n");
    for (what, gas) in gas::instances()? {
        writeln!(table, "| {what} | {gas} |")?;
    }
    Ok(table)
}

fn summary(rows: &[Row]) -> String {
    let ratio = |row: &Row| row.cached as f64 / row.original as f64;
    let average = |of: &dyn Fn(&Row) -> bool| {
        let ratios: Vec<_> = rows.iter().filter(|row| of(row)).map(ratio).collect();
        ratios.iter().sum::<f64>() / ratios.len() as f64
    };
    let [pool, distributor, proxies] =
        ["ls.", "md.", "sp"].map(|prefix| average(&|row| row.scenario.starts_with(prefix)));
    let at_most = |limit| rows.iter().filter(|row| ratio(row) <= limit).count();
    format!(
        "{} scenarios. Cached, the average ratio is {:.3}: pool {pool:.2}, proxies {proxies:.2}, distributor {distributor:.2}. {} are at most 0.80 \
         of the original, {} above 1.00; without these the average is {:.3}.\n",
        rows.len(),
        average(&|_| true),
        at_most(0.8),
        rows.len() - at_most(1.0),
        average(&|row| ratio(row) <= 1.0),
    )
}

fn speed() -> Result<()> {
    const CALLS: u32 = 2_000;
    let started = Instant::now();
    let pool = Pool::deploy();
    let first = started.elapsed();

    let again = Instant::now();
    let other = Pool::try_deploy(&suite::Settings::fixture())?;
    let second = again.elapsed();
    drop(other);

    let forks = time(CALLS, || drop(pool.fork()));
    let mut staking = pool.fork();
    staking.at(epoch(0));
    let stakes = time(CALLS, || drop(staking.by("S0").stake(1).expect("S0 has tokens")));
    let claims = time(CALLS, || drop(staking.by("S0").claim_rewards("S0").expect("a claim of nothing succeeds")));
    let staker = staking.who("S0");
    let views = time(CALLS, || _ = staking.view(IPoolViews::getAccountCall { staker }));
    let refused = time(CALLS, || {
        drop(staking.by("S1").send(IStaking::requestWithdrawalCall { amount: U256::from(1) }).expect_err("no stake"));
    });

    let mut table = String::from(SPEED_INTRODUCTION);
    for (what, value) in [
        ("first deployment in a process, all programs compiled", milliseconds(first)),
        ("each later deployment", milliseconds(second)),
        ("fork of a chain with the pool", per_second(forks, CALLS)),
        ("`stake`, a block each", per_second(stakes, CALLS)),
        ("`claimRewards`, a block each", per_second(claims, CALLS)),
        ("`requestWithdrawal` that reverts, a block each", per_second(refused, CALLS)),
        ("view `getAccount`", per_second(views, CALLS)),
    ] {
        writeln!(table, "| {what} | {value} |")?;
    }
    print!("{table}");
    save(&file("speed.md"), &table)
}

const SPEED_INTRODUCTION: &str = "# Speed of the embedded chain

Written by `scripts/bench speed`: release build, one thread, two shared cores of a virtual machine. Times differ by some ten percent
from run to run; compare within one run.

| what | result |
|---|---:|
";

fn time(calls: u32, mut call: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..calls {
        call();
    }
    start.elapsed()
}

fn milliseconds(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

fn per_second(duration: Duration, calls: u32) -> String {
    format!("{:.0} a second", f64::from(calls) / duration.as_secs_f64())
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benchmarks").join(name)
}

fn save(path: &Path, text: &str) -> Result<()> {
    fs::create_dir_all(path.parent().context("a file stands in a folder")?)?;
    fs::write(path, text).with_context(|| path.display().to_string())
}
