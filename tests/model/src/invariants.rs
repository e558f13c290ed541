//! What always holds (spec section 10, as changed by the deviations), as named sentences.
//!
//! With unborrowed stake computed from the books, exact attribution of shortfalls and no stake of nobody, the terms N, R, Z and Q of the
//! specification are zero and are left out.

use alloy_primitives::{Address, U256};

use crate::{
    AccountView, BorrowerView, Call, Snapshot, WHOLE,
    exact::{Exact, sum, ten_to, u},
};

/// What a harness must count beside the pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Rewards emitted in seconds with active stake, within the distribution.
    pub emitted: U256,
    /// Rewards claimed.
    pub claimed: U256,
    /// How often a holder's inactive stake was rounded down by a shortfall.
    pub roundings: u64,
    /// What operators wrote off of borrowers' debt.
    pub borrower_debt_written_off: U256,
    /// What operators wrote off of stakers' debt.
    pub staker_debt_written_off: U256,
}

/// A sentence, and whether it holds of a state.
pub(crate) type Invariant = (&'static str, fn(&Snapshot, &Terms) -> bool);

/// What holds between any two calls. The name is what a failure prints.
pub const INVARIANTS: &[Invariant] = &[
    // I1
    ("requests move stake, they neither make nor lose any", |s, _| {
        s.pool.active.now.plus(s.pool.inactive.now) == s.pool.active.next.plus(s.pool.inactive.next)
    }),
    // I2
    ("all stake is lent or unborrowed", |s, _| {
        s.pool.active.now.plus(s.pool.inactive.now) == s.pool.borrowed.plus(unborrowed(s))
    }),
    // I3, I4
    ("unborrowed stake can be withdrawn once every shortfall is marked", |s, _| {
        s.pool.unborrowed == if is_short(s) { U256::ZERO } else { unborrowed(s) }
    }),
    // I5
    ("active stakes sum to their total, this epoch and next", |s, _| {
        total(s, |a| a.active.now) == s.pool.active.now && total(s, |a| a.active.next) == s.pool.active.next
    }),
    // I6
    ("the inactive total covers every staker, with the same dust in this epoch and the next", |s, _| {
        let (now, next) = (total(s, |a| a.inactive.now), total(s, |a| a.inactive.next));
        now <= s.pool.inactive.now && s.pool.inactive.now.minus(now) == s.pool.inactive.next.saturating_sub(next)
    }),
    // Section 9.4: each rounding leaves less than 1.01 units.
    ("dust is at most what roundings left", |s, terms| dust(s).times(u(100)) <= u(101).times(u(terms.roundings))),
    // I7
    ("a request only ever lowers active stake and raises inactive stake", |s, _| {
        s.pool.active.next <= s.pool.active.now
            && s.pool.inactive.next >= s.pool.inactive.now
            && s.accounts.values().all(|a| a.active.next <= a.active.now && a.inactive.next >= a.inactive.now)
    }),
    // I8, I9
    ("loans and debts of borrowers sum to their totals", |s, _| {
        owed(s, |b| b.borrowed) == s.pool.borrowed && owed(s, |b| b.debt) == s.pool.borrower_debt
    }),
    // I10
    ("what stakers are owed is what borrowers owe or have repaid, and dust", |s, terms| {
        let owed = total(s, |a| a.debt).plus(terms.staker_debt_written_off);
        owed == s.pool.borrower_debt.plus(s.pool.repaid_debt).plus(dust(s)).plus(terms.borrower_debt_written_off)
    }),
    // I11
    ("the supply is all stake, a balance all stake of its holder", |s, _| {
        let whole = |a: &AccountView| a.balance == a.active.now.plus(a.inactive.now);
        s.supply == s.pool.active.now.plus(s.pool.inactive.now) && s.accounts.values().all(whole)
    }),
    // I12
    ("what can be borrowed is neither lent nor inactive", |s, _| {
        s.available_to_borrow == unborrowed(s).saturating_sub(s.pool.inactive.now)
    }),
    // I13
    ("what can be withdrawn is one's own and is there", |s, _| {
        s.accounts.values().all(|a| {
            a.stake_available == a.inactive.now.min(s.pool.unborrowed)
                && a.debt_available == a.debt.min(s.pool.repaid_debt)
                && a.transferable == a.active.next
        })
    }),
    // I14
    ("shares sum to the whole, this epoch and next", |s, _| {
        owed(s, |b| b.share.now) == u(WHOLE) && owed(s, |b| b.share.next) == u(WHOLE)
    }),
    // I15
    ("shares of the active stake round down by less than a unit each", |s, _| {
        let holders = s.borrowers.values().filter(|b| !b.share.now.is_zero()).count() as u64;
        let given = owed(s, |b| b.allocated.now);
        given <= s.pool.active.now && s.pool.active.now.minus(given) <= u(holders.saturating_sub(1))
    }),
    // I16, I17
    ("nobody can borrow beyond its share, its cap, what there is, or a restriction", |s, _| {
        s.borrowers.values().all(|b| {
            b.borrowable.is_zero()
                || !b.restricted
                    && b.borrowed.plus(b.borrowable) <= b.allocated.now
                    && (b.cap.is_zero() || b.borrowed.plus(b.borrowable) <= b.cap)
                    && b.borrowable <= s.available_to_borrow
        })
    }),
    // Section 3.6
    ("overdue is who borrowed more than its share", |s, _| {
        s.borrowers.values().all(|b| b.overdue == (b.borrowed > b.allocated.now))
    }),
    ("what is overdue is what exceeds the exact share, without a part of a unit", |s, _| {
        s.borrowers.values().all(|b| {
            let exact = s.pool.active.now.times(b.share.now);
            let points = b.borrowed.times(u(WHOLE)).saturating_sub(exact);
            b.overdue_amount.times(u(WHOLE)) <= points && points < b.overdue_amount.plus(U256::ONE).times(u(WHOLE))
        })
    }),
    // I20
    ("all borrowers together cover every shortfall, exactly", |s, _| {
        s.preview.1.is_zero() && sum(s.preview_debts.iter().copied()) == s.shortfall && s.preview.0 == s.shortfall
    }),
    // I21
    ("shortfalls are marked in the order of their epochs, at most one in each", |s, _| {
        s.shortfalls.windows(2).all(|pair| pair[0].epoch < pair[1].epoch)
            && s.shortfalls.iter().all(|shortfall| shortfall.index < ten_to(36))
    }),
    // I22
    ("the present lies in its epoch", |s, _| {
        s.epoch_starts
            .is_none_or(|(start, end)| start <= u(s.now) && u(s.now) < end && s.pool.remaining == end.minus(u(s.now)))
    }),
    // I28
    ("no more rewards are claimed or claimable than were emitted", |s, terms| {
        terms.claimed.plus(total(s, |a| a.claimable)) <= terms.emitted
    }),
    ("nobody is settled beyond the index", |s, _| s.accounts.values().all(|a| a.stored_index <= s.pool.index)),
    // I29
    ("loans exceed the active stake exactly if inactive stake exceeds what is unborrowed", |s, _| {
        let short = is_short(s);
        short == (s.pool.inactive.now > unborrowed(s)) && short != s.solvent && short != s.shortfall.is_zero()
    }),
];

/// One step from a state to the next.
#[derive(Debug)]
pub struct Change<'a> {
    /// The state before.
    pub before: &'a Snapshot,
    /// The state after.
    pub after: &'a Snapshot,
    /// The successful call that was made, and its caller; none if time passed or tokens moved outside of the pool.
    pub call: Option<(Address, &'a Call)>,
}

/// A sentence, and whether it holds of a step.
pub(crate) type ChangeRule = (&'static str, fn(&Change<'_>) -> bool);

/// What holds of any step. The name is what a failure prints.
pub const CHANGES: &[ChangeRule] = &[
    // I18
    ("marking brings loans down to the active stake, takes the same of inactive stake, and touches no request", |c| {
        if !matches!(c.call, Some((_, Call::MarkDebt(_)))) {
            return true;
        }
        let (before, after) = (&c.before.pool, &c.after.pool);
        let shortfall = before.borrowed.minus(before.active.now);
        after.borrowed == after.active.now
            && after.active == before.active
            && after.inactive.now.plus(shortfall) == before.inactive.now
            && after.inactive.next.plus(shortfall) == before.inactive.next
            && after.borrower_debt == before.borrower_debt.plus(shortfall)
            && after.shortfalls == before.shortfalls.plus(U256::ONE)
            && c.after.shortfalls.last().is_some_and(|last| u(last.epoch) == after.epoch)
    }),
    // I19, I26
    ("stakers are owed more only by marking, and then exactly what their inactive stake lost", |c| {
        let marked = matches!(c.call, Some((_, Call::MarkDebt(_))));
        let lost = |b: &AccountView, a: &AccountView| {
            b.inactive.now.plus(b.debt) == a.inactive.now.plus(a.debt)
                && b.inactive.next.plus(b.debt) == a.inactive.next.plus(a.debt)
        };
        everybody(c, |before, after| if marked { lost(before, after) } else { after.debt <= before.debt })
    }),
    ("while the pool is short, no stake comes or goes", |c| {
        let Some((_, call)) = c.call else { return true };
        let short = c.before.pool.borrowed > c.before.pool.active.now;
        !short || !comes_or_goes(call)
    }),
    ("in the blackout window no cap rises", |c| {
        let ceiling = |b: &BorrowerView| if b.cap.is_zero() { U256::MAX } else { b.cap };
        let capped = matches!(c.call, Some((_, Call::SetBorrowerCaps(..)))) && c.before.pool.in_blackout;
        !capped || c.before.borrowers.iter().all(|(name, b)| ceiling(&c.after.borrowers[name]) <= ceiling(b))
    }),
    ("the running epoch keeps its start", |c| {
        let start = |s: &Snapshot| s.epoch_starts.map(|(start, _)| start);
        let started = c.before.epoch_starts.is_some();
        !(started && c.call.is_some()) || start(c.before) == start(c.after)
    }),
    // I21
    ("no shortfall is ever changed or removed", |c| c.after.shortfalls.starts_with(&c.before.shortfalls)),
    // I22
    ("epochs never run backwards", |c| c.after.pool.epoch >= c.before.pool.epoch),
    // I23
    ("time brings every next number forward and changes nothing else", |c| {
        c.call.is_some() || everybody(c, |b, a| brought_forward(c, b, a)) && total_brought_forward(c)
    }),
    // I24
    ("loans, debt and claims move no stake", |c| {
        let Some((_, call)) = c.call else { return true };
        let still = |b: &AccountView, a: &AccountView| (b.active, b.inactive) == (a.active, a.inactive);
        !moves_no_stake(call) || everybody(c, still) && c.before.supply == c.after.supply
    }),
    // I25
    ("a call changes nobody's stake and claims but of those named in it", |c| {
        let Some((caller, call)) = c.call else { return true };
        let named = named(caller, call);
        let Some(named) = named else { return true };
        let same = |b: &AccountView, a: &AccountView| (b.active, b.inactive, b.debt) == (a.active, a.inactive, a.debt);
        c.before.accounts.iter().all(|(name, before)| named.contains(name) || same(before, &c.after.accounts[name]))
    }),
    // I27
    ("in the blackout window no share of the next epoch shrinks", |c| {
        let closed = |s: &Snapshot| s.pool.in_blackout;
        let same_window = closed(c.before) && closed(c.after) && c.before.pool.epoch == c.after.pool.epoch;
        let grows = |name| c.after.borrowers[name].allocated.next >= c.before.borrowers[name].allocated.next;
        !same_window || c.before.borrowers.keys().all(grows)
    }),
    // I28
    ("the rewards index never falls", |c| c.after.pool.index >= c.before.pool.index),
    ("rewards are only ever taken by claiming", |c| {
        let claimed = matches!(c.call, Some((_, Call::ClaimRewards(_) | Call::ClaimRewardsFor(..))));
        claimed || everybody(c, |before, after| after.claimable >= before.claimable)
    }),
];

/// Names of the invariants that a state breaks.
pub fn broken(snapshot: &Snapshot, terms: &Terms) -> Vec<&'static str> {
    INVARIANTS.iter().filter(|(_, holds)| !holds(snapshot, terms)).map(|(name, _)| *name).collect()
}

/// Names of the rules that a step breaks.
pub fn broken_change(change: &Change<'_>) -> Vec<&'static str> {
    CHANGES.iter().filter(|(_, holds)| !holds(change)).map(|(name, _)| *name).collect()
}

fn total(s: &Snapshot, of: fn(&AccountView) -> U256) -> U256 {
    sum(s.accounts.values().map(of))
}

fn owed(s: &Snapshot, of: fn(&BorrowerView) -> U256) -> U256 {
    sum(s.borrowers.values().map(of))
}

/// Tokens held that are stake: neither repaid debt nor surplus. While the pool is short no getter tells it.
fn unborrowed(s: &Snapshot) -> U256 {
    s.held.minus(s.pool.repaid_debt).minus(s.surplus)
}

fn is_short(s: &Snapshot) -> bool {
    s.pool.borrowed > s.pool.active.now
}

/// Inactive stake that is nobody's: what roundings left.
fn dust(s: &Snapshot) -> U256 {
    s.pool.inactive.next.saturating_sub(total(s, |a| a.inactive.next))
}

fn everybody(change: &Change<'_>, holds: impl Fn(&AccountView, &AccountView) -> bool) -> bool {
    change.before.accounts.iter().all(|(name, before)| holds(before, &change.after.accounts[name]))
}

fn brought_forward(change: &Change<'_>, before: &AccountView, after: &AccountView) -> bool {
    let next = change.after.pool.epoch > change.before.pool.epoch;
    let expected = |stake: crate::Stake| if next { stake.next } else { stake.now };
    after.active.now == expected(before.active)
        && after.inactive.now == expected(before.inactive)
        && (after.active.next, after.inactive.next) == (before.active.next, before.inactive.next)
        && after.debt == before.debt
}

fn total_brought_forward(change: &Change<'_>) -> bool {
    let (before, after) = (&change.before.pool, &change.after.pool);
    let next = after.epoch > before.epoch;
    let expected = |stake: crate::Stake| if next { stake.next } else { stake.now };
    let shares = |name: &Address| {
        let (before, after) = (change.before.borrowers[name].share, change.after.borrowers[name].share);
        after.now == expected(before) && after.next == before.next
    };
    after.active.now == expected(before.active)
        && after.inactive.now == expected(before.inactive)
        && (after.active.next, after.inactive.next) == (before.active.next, before.inactive.next)
        && after.borrowed == before.borrowed
        && unborrowed(change.after) == unborrowed(change.before)
        && change.before.borrowers.keys().all(shares)
}

fn comes_or_goes(call: &Call) -> bool {
    matches!(
        call,
        Call::Stake(_)
            | Call::StakeFor(..)
            | Call::Restake(_)
            | Call::WithdrawStake(..)
            | Call::WithdrawMaxStake(_)
            | Call::WithdrawStakeFor(..)
    )
}

fn moves_no_stake(call: &Call) -> bool {
    matches!(
        call,
        Call::Borrow(_)
            | Call::RepayBorrow(..)
            | Call::RepayBorrowUpTo(..)
            | Call::RepayDebt(..)
            | Call::RepayDebtUpTo(..)
            | Call::WithdrawDebt(..)
            | Call::WithdrawMaxDebt(_)
            | Call::DecreaseBorrowerDebt(..)
            | Call::DecreaseStakerDebt(..)
            | Call::ClaimRewards(_)
            | Call::ClaimRewardsFor(..)
            | Call::FailsafeSettle(_)
            | Call::SettleShortfalls(..)
            | Call::SetRewardsPerSecond(_)
            | Call::SetBorrowerAllocations(..)
            | Call::SetBorrowerCaps(..)
    )
}

/// Whose stake and claims a call may change; none for `markDebt`, which may change everybody's.
fn named(caller: Address, call: &Call) -> Option<Vec<Address>> {
    Some(match call {
        Call::MarkDebt(_) => return None,
        Call::StakeFor(staker, _)
        | Call::RequestWithdrawalFor(staker, _)
        | Call::WithdrawStakeFor(staker, ..)
        | Call::DecreaseStakerDebt(staker, _) => vec![*staker],
        Call::Transfer(to, _) => vec![caller, *to],
        Call::TransferFrom(from, to, _) => vec![*from, *to],
        Call::Stake(_)
        | Call::RequestWithdrawal(_)
        | Call::CancelWithdrawal(_)
        | Call::Restake(_)
        | Call::WithdrawStake(..)
        | Call::WithdrawMaxStake(_)
        | Call::WithdrawDebt(..)
        | Call::WithdrawMaxDebt(_) => vec![caller],
        _ => vec![],
    })
}
