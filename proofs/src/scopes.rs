//! A small world, exhaustively: every order of calls, on the facets' own functions, beside the ledger of `tests/model`.
//!
//! After each call both have done the same or refused, agree on every balance, loan and debt, and every sentence of the model's tables of
//! invariants holds. The search is breadth first over what the pool stores, so each state is visited once, by a shortest way.

use std::{
    collections::{BTreeMap, HashSet},
    time::Instant,
};

use alloy_primitives::{Address as Name, U256 as Word};
use anyhow::Result;
use model::{Call, Change, Ledger, Setup, Snapshot, broken, broken_change};

use crate::{
    distributor, engine,
    host::{Address, Pool, Revert, call_by},
    number::{Int, Number, Repr, U16, U32, U64, U256, lit},
    source::{
        balances::{Active, Inactive, Schedule, Shortfall},
        facets::{
            borrower_allocations::BorrowerAllocations, debt_accounting::DebtAccounting, staked_token::StakedToken,
            staking::Staking,
        },
        pool_storage::words::{self, Borrower, Loans},
    },
};

const INTERVAL: u64 = 2_419_200;
const BLACKOUT: u64 = 1_209_600;
const START: u64 = 10_000_000;

const POOL: u8 = 1;
const OWNER: u8 = 9;
const STAKERS: [u8; 3] = [2, 3, 10];
const BORROWERS: [u8; 2] = [4, 5];
const SHARES: [u64; 2] = [6_000, 4_000];

/// How large a world is.
#[derive(Debug)]
struct Scope {
    /// Tokens of each staker.
    tokens: Vec<u64>,
    /// First and last second of each epoch: open, and in the blackout window.
    moments: Vec<u64>,
}

impl Scope {
    fn new(epochs: u64, tokens: Vec<u64>) -> Self {
        let ends = |epoch: u64| [START + epoch * INTERVAL, START + (epoch + 1) * INTERVAL - 1];
        Self { tokens, moments: (0..epochs).flat_map(ends).collect() }
    }

    fn stakers(&self) -> &'static [u8] {
        &STAKERS[..self.tokens.len()]
    }
}

/// What can happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    Wait,
    Stake(u8),
    Request(u8),
    Cancel(u8),
    Restake(u8),
    WithdrawMax(u8),
    Transfer(u8, u8),
    Borrow(u8),
    Repay(u8),
    Mark,
    RepayDebt(u8),
    WithdrawDebt(u8),
    Settle(u8),
}

/// The world: the pool's storage, the ledger, and the moment.
#[derive(Clone)]
struct World<'a> {
    scope: &'a Scope,
    pool: Pool,
    ledger: Ledger,
    moment: usize,
}

fn name(of: u8) -> Name {
    Name::with_last_byte(of)
}

fn number(value: u64) -> U256 {
    lit(u128::from(value))
}

fn word(value: impl Number) -> Word {
    match value.repr() {
        Repr::Known(value) => Word::from_limbs_slice(&value.as_limbs()[..4]),
        other => panic!("{other:?} is not known"),
    }
}

fn integer(value: Int) -> Word {
    let value = engine::known(value.0).unwrap_or_default();
    Word::from_le_slice(&value.to_bytes_le().1)
}

impl<'a> World<'a> {
    /// A pool whose epoch zero starts, with these shares, and stakers with so many tokens.
    fn new(scope: &'a Scope) -> Self {
        let schedule = model::Schedule { interval: INTERVAL, blackout: BLACKOUT, offset: u128::from(START) };
        let wallets =
            scope.stakers().iter().zip(&scope.tokens).map(|(staker, tokens)| (name(*staker), Word::from(*tokens)));
        // Borrowers have what they need to repay.
        let wallets = wallets.chain(BORROWERS.map(|borrower| (name(borrower), Word::from(100u64)))).collect();
        let mut ledger = Ledger::new(Setup {
            now: 1,
            schedule,
            distribution: (1, 1),
            pool: name(POOL),
            staked_token: name(20),
            rewards_token: name(21),
            treasury: name(22),
            treasury_holds: Word::ZERO,
            owner: name(OWNER),
            wallets,
        });
        let mut pool = Pool::default();
        let number32 = |value: u64| lit::<U32>(u128::from(value));
        let epochs =
            Schedule { interval: number32(INTERVAL), blackout: number32(BLACKOUT), offset: lit(u128::from(START)) };
        pool.schedule.set(words::Schedule { epochs, distribution_start: lit(1) }.to_word());
        let mut nobody = Borrower::default();
        (nobody.allocation.current, nobody.allocation.next) = (lit(10_000), lit(10_000));
        pool.borrowers.insert(Address::ZERO, nobody.to_word());
        let mut world = Self { scope, pool, ledger: ledger.clone(), moment: 0 };

        // Before epoch zero shares apply at once.
        let shares = [0, SHARES[0], SHARES[1]];
        let names = vec![Name::ZERO, name(BORROWERS[0]), name(BORROWERS[1])];
        let done = ledger.call(name(OWNER), &Call::SetBorrowerAllocations(names, shares.map(Word::from).to_vec()));
        assert!(done.is_ok(), "{done:?}");
        call_by(Address::new(OWNER), lit(1));
        let mut facet = BorrowerAllocations { pool: world.pool.clone() };
        let names = vec![Address::ZERO, Address::new(BORROWERS[0]), Address::new(BORROWERS[1])];
        assert_eq!(facet.set_borrower_allocations(names, shares.map(number).to_vec()), Ok(()));
        world.pool = facet.pool;
        ledger.advance(scope.moments[0]);
        world.ledger = ledger;
        world
    }

    /// What the pool stores, and when: all that later steps depend on.
    fn key(&self) -> Vec<u64> {
        let pool = &self.pool;
        let mut key = vec![self.moment as u64];
        for one in [&pool.total_active, &pool.total_inactive, &pool.loans, &pool.total_borrower_debt] {
            key.extend(word(one.get()).as_limbs());
        }
        key.extend(integer(pool.tokens.held).as_limbs());
        let by_account = [&pool.active, &pool.inactive, &pool.staker_debts, &pool.borrowers, &pool.borrower_debts];
        let stakers = self.scope.stakers();
        for (people, map) in [stakers, stakers, stakers, &BORROWERS, &BORROWERS].into_iter().zip(by_account) {
            for person in people {
                key.extend(word(map.get(Address::new(*person))).as_limbs());
            }
        }
        for entry in 0..self.scope.moments.len() as u16 / 2 {
            key.extend(word(pool.shortfalls.get(U16::constant(entry.into()))).as_limbs());
        }
        // What stakers have left is what they and the pool do not have; each one's own is not the same in all histories.
        key.extend(stakers.iter().flat_map(|staker| self.wallet(*staker).into_limbs()));
        key
    }

    fn wallet(&self, staker: u8) -> Word {
        self.ledger.account_view(name(staker)).wallet
    }

    /// Takes a step. None if both refuse.
    fn after(&self, step: Step) -> Result<Option<Self>, String> {
        let mut next = self.clone();
        if let Step::Wait = step {
            if self.moment + 1 == self.scope.moments.len() {
                return Ok(None);
            }
            next.moment += 1;
            next.ledger.advance(self.scope.moments[next.moment]);
            return Ok(Some(next));
        }
        // A wallet that has nothing pays nothing: tokens are the ledger's to count.
        if matches!(step, Step::Stake(staker) if self.wallet(staker).is_zero()) {
            return Ok(None);
        }
        let (caller, call) = self.call(step);
        let expected = next.ledger.call(name(caller), &call);
        let found = next.perform(caller, step);
        match (expected, found) {
            (Ok(_), Ok(())) => Ok(Some(next)),
            (Err(_), Err(_)) => Ok(None),
            (expected, found) => Err(format!("{step:?}: the ledger says {expected:?}, the facets {found:?}")),
        }
    }

    fn call(&self, step: Step) -> (u8, Call) {
        let one = Word::from(1);
        match step {
            Step::Wait => unreachable!("time is nobody's call"),
            Step::Stake(staker) => (staker, Call::Stake(one)),
            Step::Request(staker) => (staker, Call::RequestWithdrawal(one)),
            Step::Cancel(staker) => (staker, Call::CancelWithdrawal(one)),
            Step::Restake(staker) => (staker, Call::Restake(one)),
            Step::WithdrawMax(staker) => (staker, Call::WithdrawMaxStake(name(staker))),
            Step::Transfer(from, to) => (from, Call::Transfer(name(to), one)),
            Step::Borrow(borrower) => (borrower, Call::Borrow(one)),
            Step::Repay(borrower) => (borrower, Call::RepayBorrow(name(borrower), one)),
            Step::Mark => (OWNER, Call::MarkDebt(BORROWERS.map(name).to_vec())),
            Step::RepayDebt(borrower) => (borrower, Call::RepayDebt(name(borrower), one)),
            Step::WithdrawDebt(staker) => (staker, Call::WithdrawMaxDebt(name(staker))),
            Step::Settle(staker) => (OWNER, Call::SettleShortfalls(name(staker), one)),
        }
    }

    /// The same call, of the facet that answers it.
    fn perform(&mut self, caller: u8, step: Step) -> Result<(), Revert> {
        call_by(Address::new(caller), U64::constant(self.scope.moments[self.moment].into()));
        let (one, pool, own) = (number(1), self.pool.clone(), Address::new(caller));
        macro_rules! on {
            ($facet:ident, $method:ident($($argument:expr),*)) => {{
                let mut facet = $facet { pool };
                facet.$method($($argument),*)?;
                self.pool = facet.pool;
            }};
        }
        match step {
            Step::Wait => {}
            Step::Stake(_) => on!(Staking, stake(one)),
            Step::Request(_) => on!(Staking, request_withdrawal(one)),
            Step::Cancel(_) => on!(Staking, cancel_withdrawal(one)),
            Step::Restake(_) => on!(Staking, restake(one)),
            Step::WithdrawMax(_) => on!(Staking, withdraw_max_stake(own)),
            Step::Transfer(_, to) => on!(StakedToken, transfer(Address::new(to), one)),
            Step::Borrow(_) => on!(BorrowerAllocations, borrow(one)),
            Step::Repay(_) => on!(BorrowerAllocations, repay_borrow(own, one)),
            Step::Mark => on!(DebtAccounting, mark_debt(BORROWERS.map(Address::new).to_vec())),
            Step::RepayDebt(_) => on!(DebtAccounting, repay_debt(own, one)),
            Step::WithdrawDebt(_) => on!(DebtAccounting, withdraw_max_debt(own)),
            Step::Settle(staker) => on!(DebtAccounting, settle_shortfalls(Address::new(staker), one)),
        }
        Ok(())
    }

    fn snapshot(&self) -> Snapshot {
        let stakers: Vec<Name> = self.scope.stakers().iter().copied().map(name).collect();
        self.ledger.snapshot(&stakers, &[Name::ZERO, name(BORROWERS[0]), name(BORROWERS[1])], &[])
    }

    /// Where the facets' books and the ledger's differ.
    fn difference(&self, expected: &Snapshot) -> Option<String> {
        call_by(Address::new(OWNER), U64::constant(self.scope.moments[self.moment].into()));
        let pool = &self.pool;
        let Ok(at) = pool.moment() else { return Some("no epoch".into()) };
        let (active, inactive) = (pool.peek_total_active(&at), pool.load_total_inactive(&at));
        let loans = Loans::from_word(pool.loans.get());
        let mut rows: BTreeMap<String, (Word, Word)> = BTreeMap::new();
        let mut row = |what: &str, found: Word, expected: Word| {
            rows.insert(what.into(), (found, expected));
        };
        let view = &expected.pool;
        row("active", word(active.current()), view.active.now);
        row("active next", word(active.next()), view.active.next);
        row("inactive", word(inactive.current()), view.inactive.now);
        row("inactive next", word(inactive.next()), view.inactive.next);
        row("borrowed", word(loans.borrowed), view.borrowed);
        row("repaid debt", word(loans.debt_available), view.repaid_debt);
        row("borrowers' debt", word(pool.total_borrower_debt.get()), view.borrower_debt);
        row("withdrawable", word(pool.withdrawable(&at)), view.unborrowed);
        row("held", integer(pool.tokens.held), expected.held);
        for (place, shortfall) in expected.shortfalls.iter().enumerate() {
            let entry = Shortfall::from_word(pool.shortfalls.get(U16::constant(place as u128)));
            row(&format!("epoch of shortfall {place}"), word(entry.epoch), Word::from(shortfall.epoch));
            row(&format!("index of shortfall {place}"), word(entry.index), shortfall.index);
        }
        row("shortfalls", word(inactive.shortfalls()), view.shortfalls);
        for staker in self.scope.stakers().iter().copied() {
            let account = &expected.accounts[&name(staker)];
            let mut own = Active::from_word(pool.active.get(Address::new(staker)));
            let _ = own.roll_to(at.epoch);
            let (idle, loss): (Inactive, _) = pool.peek_inactive(Address::new(staker), &at, &inactive);
            row(&format!("active of {staker}"), word(own.current()), account.active.now);
            row(&format!("active next of {staker}"), word(own.next()), account.active.next);
            row(&format!("inactive of {staker}"), word(idle.current()), account.inactive.now);
            row(&format!("inactive next of {staker}"), word(idle.next()), account.inactive.next);
            let owed = word(pool.staker_debts.get(Address::new(staker))) + word(loss);
            row(&format!("owed to {staker}"), owed, account.debt);
        }
        for borrower in BORROWERS {
            let record = pool.load_borrower(Address::new(borrower), Some(&at));
            let view = &expected.borrowers[&name(borrower)];
            row(&format!("loan of {borrower}"), word(record.borrowed), view.borrowed);
            row(&format!("debt of {borrower}"), word(pool.borrower_debts.get(Address::new(borrower))), view.debt);
            row(&format!("share of {borrower}"), word(record.allocation.current), view.share.now);
            row(
                &format!("restriction of {borrower}"),
                Word::from(u64::from(record.restricted)),
                Word::from(u64::from(view.restricted)),
            );
        }
        let odd = rows.into_iter().find(|(_, (found, expected))| found != expected);
        odd.map(|(what, (found, expected))| format!("{what}: the facets have {found}, the ledger {expected}"))
    }
}

/// Every step that anybody can try.
fn steps(scope: &Scope) -> Vec<Step> {
    let mut all = vec![Step::Wait, Step::Mark];
    for staker in scope.stakers().iter().copied() {
        all.extend([
            Step::Stake(staker),
            Step::Request(staker),
            Step::Cancel(staker),
            Step::Restake(staker),
            Step::WithdrawMax(staker),
            Step::WithdrawDebt(staker),
            Step::Settle(staker),
        ]);
        let others = scope.stakers().iter().filter(|other| **other != staker);
        all.extend(others.map(|other| Step::Transfer(staker, *other)));
    }
    all.extend(
        BORROWERS
            .into_iter()
            .flat_map(|borrower| [Step::Borrow(borrower), Step::Repay(borrower), Step::RepayDebt(borrower)]),
    );
    all
}

/// Explores a small world of the pool, of so many epochs, in which stakers have so many tokens, and that of the distributor. Prints states,
/// steps, depth and time. Whether nothing was found.
///
/// # Errors
/// The sizes are no numbers, or there are fewer than two stakers or more than three.
pub fn explore_all(sizes: &[&str]) -> Result<bool> {
    let sizes = sizes.iter().map(|size| size.parse()).collect::<Result<Vec<u64>, _>>()?;
    let scope = match sizes.as_slice() {
        [] => Scope::new(3, vec![1, 1]),
        [epochs, tokens @ ..] if (2..=STAKERS.len()).contains(&tokens.len()) => Scope::new(*epochs, tokens.to_vec()),
        _ => anyhow::bail!(
            "--scopes takes nothing, or a number of epochs and the tokens of two or three stakers, such as 3 2 1"
        ),
    };
    println!(
        "every order of calls of the pool: {} stakers, two borrowers, one token at a time, {} epochs, in and out of the blackout window",
        scope.tokens.len(),
        scope.moments.len() / 2
    );
    let good = explore(&scope);
    println!(
        "  not in this world: rewards (their rate is zero), changes of shares and caps, operators, amounts above these"
    );
    Ok(good && distributor::explore())
}

fn explore(scope: &Scope) -> bool {
    let (started, steps) = (Instant::now(), steps(scope));
    let first = World::new(scope);
    let mut seen = HashSet::from([first.key()]);
    let mut frontier = vec![(first, Vec::<Step>::new())];
    let (mut depth, mut transitions, mut refused, mut shortfalls) = (0, 0u64, 0u64, 0u64);
    while !frontier.is_empty() {
        let mut next = vec![];
        for (world, way) in &frontier {
            let before = world.snapshot();
            for step in &steps {
                let way = || way.iter().copied().chain([*step]).collect::<Vec<_>>();
                let after = match world.after(*step) {
                    Ok(Some(after)) => after,
                    Ok(None) => {
                        refused += 1;
                        continue;
                    }
                    Err(odd) => return found(&odd, &way()),
                };
                transitions += 1;
                let snapshot = after.snapshot();
                if let Some(odd) = after.difference(&snapshot) {
                    return found(&odd, &way());
                }
                let call = (!matches!(step, Step::Wait)).then(|| world.call(*step));
                let call = call.as_ref().map(|(caller, call)| (name(*caller), call));
                let change = Change { before: &before, after: &snapshot, call };
                let sentences = [broken(&snapshot, after.ledger.terms()), broken_change(&change)].concat();
                if !sentences.is_empty() {
                    return found(&sentences.join("; "), &way());
                }
                shortfalls += u64::from(matches!(step, Step::Mark));
                if seen.insert(after.key()) {
                    next.push((after, way()));
                }
            }
        }
        frontier = next;
        depth += usize::from(!frontier.is_empty());
    }
    println!(
        "  tokens {:?}: {} states, {transitions} calls, {refused} refusals, {shortfalls} shortfalls marked, depth {depth}, {:.1} s",
        scope.tokens,
        seen.len(),
        started.elapsed().as_secs_f64()
    );
    true
}

fn found(what: &str, way: &[Step]) -> bool {
    println!("  BROKEN: {what}\n    after {way:?}");
    false
}
