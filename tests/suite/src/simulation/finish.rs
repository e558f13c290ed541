//! The end of a history: exits are open, and what remains is dust.

use alloy_primitives::U256;
use model::Call;

use super::{BORROWERS, Care, Divergence, History, PEOPLE, Random, Step};

/// How often everybody requests and withdraws: balances have 112 bits, so that the largest stakes leave in parts.
const ROUNDS: usize = 4;

/// Everybody requests everything, time passes, borrowers repay everything, everybody withdraws stake, debt and rewards. Then nothing is
/// left but dust, and claims or repaid debt that operators' write-offs have orphaned. In every other history the last shortfall is
/// marked before anybody repays.
///
/// # Errors
///
/// If contracts and ledger differ, an exit is closed, or more remains.
pub fn finish(history: &mut History<'_>, random: &mut Random) -> Result<(), Divergence> {
    history.take(Step::TreasuryAllows(U256::MAX))?;
    for _ in 0..ROUNDS {
        reach_open_part(history)?;
        request(history)?;
        next_epoch(history)?;
        if random.below(2) == 0 && !history.world.ledger.shortfall().is_zero() {
            must(history, Step::Call("X0", Call::MarkDebt(history.world.pool.all(&BORROWERS))))?;
        }
        repay(history)?;
        leave(history)?;
        if PEOPLE.iter().all(|name| account(history, name).balance.is_zero()) {
            break;
        }
    }
    history.world.compare(Care::Full)?;
    only_dust_remains(history)
}

/// Everybody requests everything, as far as the total of inactive stake has room.
fn request(history: &mut History<'_>) -> Result<(), Divergence> {
    for name in PEOPLE {
        let inactive = history.world.ledger.pool_view().inactive.next;
        let room = (U256::ONE << 112) - U256::ONE - inactive;
        let active = account(history, name).active.next;
        must(history, Step::Call(name, Call::RequestWithdrawal(active.min(room))))?;
    }
    Ok(())
}

/// Everybody takes everything out.
fn leave(history: &mut History<'_>) -> Result<(), Divergence> {
    for name in PEOPLE {
        let own = history.world.pool.who(name);
        must(history, Step::Call(name, Call::WithdrawMaxStake(own)))?;
        must(history, Step::Call(name, Call::WithdrawMaxDebt(own)))?;
        must(history, Step::Call(name, Call::ClaimRewards(own)))?;
    }
    Ok(())
}

/// A moment in an epoch and outside of the blackout window.
fn reach_open_part(history: &mut History<'_>) -> Result<(), Divergence> {
    let (now, schedule) = (history.world.ledger.now(), history.world.ledger.schedule());
    if !schedule.has_started(now) {
        let start = u64::try_from(schedule.offset).map_err(|_| "epoch zero is out of reach")?;
        return pass(history, start);
    }
    if schedule.in_blackout(now) { next_epoch(history) } else { Ok(()) }
}

fn next_epoch(history: &mut History<'_>) -> Result<(), Divergence> {
    let now = history.world.ledger.now();
    let remaining = history.world.ledger.schedule().remaining(now).map_err(|refusal| format!("{refusal:?}"))?;
    pass(history, now + remaining)
}

fn pass(history: &mut History<'_>, time: u64) -> Result<(), Divergence> {
    history.take(Step::At(time)).map(|_| ())
}

fn repay(history: &mut History<'_>) -> Result<(), Divergence> {
    for name in BORROWERS {
        let borrower = history.world.pool.who(name);
        let view = history.world.ledger.borrower_view(borrower);
        // Each has what it borrowed, or more.
        let payer = if name == "nobody" { "X0" } else { name };
        if !view.borrowed.is_zero() {
            must(history, Step::Call(payer, Call::RepayBorrow(borrower, view.borrowed)))?;
        }
        must(history, Step::Call(payer, Call::RepayBorrowUpTo(borrower, U256::MAX)))?;
        must(history, Step::Call(payer, Call::RepayDebtUpTo(borrower, U256::MAX)))?;
    }
    Ok(())
}

fn account(history: &History<'_>, name: &str) -> model::AccountView {
    history.world.ledger.account_view(history.world.pool.who(name))
}

/// A step that cannot be refused.
fn must(history: &mut History<'_>, step: Step) -> Result<(), Divergence> {
    let exit = format!("an exit is closed: {step}");
    if history.take(step)? { Ok(()) } else { Err(exit) }
}

fn only_dust_remains(history: &History<'_>) -> Result<(), Divergence> {
    let pool = history.world.ledger.pool_view();
    let roundings = U256::from(history.world.ledger.terms().roundings);
    let everybody = PEOPLE.map(|name| account(history, name));
    let left = everybody.iter().any(|account| !account.balance.is_zero() || !account.claimable.is_zero());
    let owed = everybody.iter().any(|account| !account.debt.is_zero());
    let dust = pool.inactive.now;
    if left || !pool.active.now.is_zero() || dust != pool.unborrowed || dust > roundings + roundings / U256::from(99) {
        return Err(format!("more than dust remains: {pool:?}"));
    }
    if !pool.borrowed.is_zero() || !pool.borrower_debt.is_zero() || owed && !pool.repaid_debt.is_zero() {
        return Err(format!("debt remains that could be paid: {pool:?}"));
    }
    Ok(())
}
