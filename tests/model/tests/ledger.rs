//! The ledger alone, on scenarios of the specification; and that the invariants notice a broken state.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use model::{
    BorrowerView, Call, Change, Event, Ledger, Refusal, Schedule, Setup, Snapshot, Terms, broken, broken_change,
};

const S0: Address = Address::repeat_byte(1);
const S1: Address = Address::repeat_byte(2);
const B0: Address = Address::repeat_byte(3);
const B1: Address = Address::repeat_byte(4);
const OWNER: Address = Address::repeat_byte(5);

fn u(value: u64) -> U256 {
    U256::from(value)
}

fn epoch(number: u64) -> u64 {
    10_000_000 + number * 1_000_000
}

/// Fixture F of the specification, before epoch zero.
fn ledger() -> Ledger {
    let people = [S0, S1, B0, B1, OWNER];
    Ledger::new(Setup {
        now: 1_000_000,
        schedule: Schedule::new(u(1_000_000), u(10_000_000), u(300_000)).unwrap(),
        distribution: (10_000_000, 60_000_000),
        pool: Address::repeat_byte(6),
        staked_token: Address::repeat_byte(7),
        rewards_token: Address::repeat_byte(8),
        treasury: Address::repeat_byte(9),
        treasury_holds: U256::MAX >> 1,
        owner: OWNER,
        wallets: people.map(|name| (name, u(1_000_000))).into_iter().collect(),
    })
}

fn does(ledger: &mut Ledger, caller: Address, call: Call) -> Vec<Event> {
    ledger.call(caller, &call).unwrap_or_else(|refusal| panic!("{call:?}: {refusal:?}")).events
}

/// A pool at the start of epoch zero whose two borrowers have these shares.
fn allocated(first: u64, second: u64) -> Ledger {
    let mut ledger = ledger();
    let shares = vec![u(10_000 - first - second), u(first), u(second)];
    does(&mut ledger, OWNER, Call::SetBorrowerAllocations(vec![Address::ZERO, B0, B1], shares));
    ledger.advance(epoch(0));
    ledger
}

fn snapshot(ledger: &Ledger) -> Snapshot {
    ledger.snapshot(&[S0, S1, B0, B1, OWNER], &[Address::ZERO, B0, B1], &[])
}

/// SHF-8, as the deviation changes it.
fn shf_8() -> Ledger {
    let mut ledger = allocated(3333, 6667);
    does(&mut ledger, S0, Call::Stake(u(1000)));
    does(&mut ledger, B0, Call::Borrow(u(333)));
    does(&mut ledger, B1, Call::Borrow(u(666)));
    does(&mut ledger, S0, Call::RequestWithdrawal(u(500)));
    ledger.advance(epoch(1));
    ledger
}

#[test]
fn debts_sum_to_the_shortfall() {
    let mut ledger = shf_8();
    assert_eq!(ledger.shortfall(), u(499));
    does(&mut ledger, S1, Call::MarkDebt(vec![B0, B1]));
    assert_eq!((ledger.borrower(B0).debt, ledger.borrower(B1).debt), (u(167), u(332)));
    let account = ledger.account(S0);
    assert_eq!((account.inactive.now, account.debt), (u(1), u(499)));
}

#[test]
fn losses_are_taken_at_once_and_reported_when_touched() {
    let mut ledger = shf_8();
    does(&mut ledger, S1, Call::MarkDebt(vec![B0, B1]));
    let events = does(&mut ledger, S0, Call::WithdrawStake(S0, u(0)));
    let credited = [Event::ReceivedDebt(S0, u(499), u(499)), Event::Transfer(S0, Address::ZERO, u(499))];
    assert_eq!(events[..2], credited);
    assert!(does(&mut ledger, S0, Call::WithdrawStake(S0, u(0))).len() == 2, "once");
}

#[test]
fn requested_stake_earns_to_the_boundary() {
    let mut ledger = ledger();
    does(&mut ledger, OWNER, Call::SetRewardsPerSecond(u(10).pow(u(18))));
    ledger.advance(epoch(0));
    does(&mut ledger, S0, Call::Stake(u(1000)));
    does(&mut ledger, S1, Call::Stake(u(1000)));
    does(&mut ledger, S0, Call::RequestWithdrawal(u(1000)));
    ledger.advance(epoch(1) + 500_000);
    let half = u(5) * u(10).pow(u(23));
    assert_eq!(ledger.account_view(S0).claimable, half);
    let events = does(&mut ledger, S0, Call::ClaimRewards(S0));
    let boundary = u(5) * u(10).pow(u(38));
    let expected = [
        Event::GlobalIndexUpdated(boundary),
        Event::UserIndexUpdated(S0, boundary, half),
        Event::GlobalIndexUpdated(u(10).pow(u(39))),
        Event::UserIndexUpdated(S0, u(10).pow(u(39)), half),
        Event::ClaimedRewards(S0, S0, half),
    ];
    assert_eq!(events, expected);
}

#[test]
fn a_refused_call_changes_nothing() {
    let mut ledger = shf_8();
    let before = snapshot(&ledger);
    let refused = ledger.call(S1, &Call::MarkDebt(vec![B0])).unwrap_err();
    assert!(matches!(refused, Refusal::ShortfallNotCovered { .. }), "{refused:?}");
    assert_eq!(snapshot(&ledger), before);
}

#[test]
fn invariants_hold_and_notice_what_is_broken() {
    let mut ledger = shf_8();
    let before = snapshot(&ledger);
    let call = Call::MarkDebt(vec![B0, B1]);
    does(&mut ledger, S1, call.clone());
    let after = snapshot(&ledger);
    assert_eq!(broken(&after, ledger.terms()), [""; 0]);
    assert_eq!(broken_change(&Change { before: &before, after: &after, call: Some((S1, &call)) }), [""; 0]);

    let mut wrong = after.clone();
    wrong.pool.borrowed += u(1);
    assert!(broken(&wrong, ledger.terms()).contains(&"all stake is lent or unborrowed"));
    let mut wrong = after.clone();
    wrong.borrowers.insert(S0, BorrowerView { debt: u(1), ..BorrowerView::default() });
    assert_eq!(broken(&wrong, ledger.terms()), ["loans and debts of borrowers sum to their totals"]);
    let without = Terms { emitted: U256::ZERO, ..ledger.terms().clone() };
    assert_eq!(broken(&after, &without), [""; 0], "nothing was emitted");
    let back = Change { before: &after, after: &before, call: None };
    assert!(broken_change(&back).contains(&"no shortfall is ever changed or removed"));
}

#[test]
fn before_epoch_zero_nothing_can_be_staked() {
    let mut ledger = ledger();
    let refused = ledger.call(S0, &Call::Stake(u(1))).unwrap_err();
    assert_eq!(refused, Refusal::EpochZeroNotStarted { now: u(1_000_000), start: u(10_000_000) });
    let empty: BTreeMap<_, _> = snapshot(&ledger).accounts.into_iter().filter(|(_, a)| !a.balance.is_zero()).collect();
    assert!(empty.is_empty());
}
