//! The pool as a transition system: every entry point that moves stake, loans, debt or tokens, from any state that the rules allow.

use super::Law;
use crate::{
    host::{Address, HOST, Pool, anything_goes, call_by},
    number::{Number, Repr},
    source::{
        facets::{
            borrower_allocations::BorrowerAllocations, debt_accounting::DebtAccounting, epoch_schedule::EpochSchedule,
            staked_token::StakedToken, staking::Staking,
        },
        pool_storage::words::{self, Borrower, Loans},
    },
    world::{
        balances::{Active, Allocation, GlobalRewards, Inactive, Schedule, Shortfall, UserRewards, balance::Record},
        *,
    },
};

pub(super) const LAWS: &[Law] = &[
    Law::loose("pool: stake", || step(STAKE), STEP),
    Law::loose("pool: request", || step(REQUEST), STEP),
    Law::loose(
        "pool: cancel",
        || step(CANCEL),
        "Cancelling keeps the books, and undoes a request of the same epoch exactly.",
    ),
    Law::loose("pool: restake", || step(RESTAKE), STEP),
    Law::loose("pool: withdraw", || step(WITHDRAW), STEP),
    Law::loose("pool: claim", || step(CLAIM), STEP),
    Law::loose("pool: transfer", || step(TRANSFER), STEP),
    Law::loose("pool: borrow", || step(BORROW), STEP),
    Law::loose("pool: repay", || step(REPAY), STEP),
    Law::loose("pool: mark", || step(MARK), MARKING),
    Law::loose("pool: repay debt", || step(REPAY_DEBT), STEP),
    Law::loose("pool: withdraw debt", || step(WITHDRAW_DEBT), STEP),
    Law::loose("pool: write off", || step(WRITE_OFF), STEP),
    Law::loose("pool: settle", || step(SETTLE), STEP),
    Law::loose("pool: rate", || step(RATE), STEP),
    Law::loose("pool: sweep", || step(SWEEP), STEP),
    Law::new(
        "pool: epochs",
        parameters,
        "Whatever parameters of epochs or blackout window governance sets: those that are accepted are legal, the running epoch keeps its \
         number and its start, the present was and is outside the blackout window, and no stake moves. Before epoch zero it stays in the future.",
    ),
    Law::loose("pool: time", time, "Time alone keeps the books, and a shortfall is at most the inactive stake."),
];

const STEP: &str = "This entry point, from any state and with any arguments, keeps the books: next-epoch stake less loans is not negative and is \
     what is unborrowed, tokens held are at least that and repaid debt, requests neither make nor lose stake, and totals change by exactly what \
     the accounts' records change by.";
const MARKING: &str = "Marking keeps the books; it takes the shortfall, which is at most the inactive stake, from loans and from inactive stake, \
     touches no active stake and no request, and what is charged is exactly the shortfall. (A list of one borrower; lists of any length are \
     `debts 2`.)";

/// A staker, somebody it deals with, and two borrowers. One is the pool.
pub(super) const STAKER: Address = Address::new(2);
const RECIPIENT: Address = Address::new(3);
pub(super) const BORROWER: Address = Address::new(4);
pub(super) const OTHER: Address = Address::new(5);
const TOKEN: Address = Address::new(6);

/// Seconds of a day.
const DAY: i128 = 86_400;

fn balance(name: &str) -> u128 {
    any_up_to(name, power(112) - int(1))
}

fn record(prefix: &str, epoch: u16) -> Record {
    let (current, next) = (balance(&format!("{prefix} now")), balance(&format!("{prefix} next")));
    Record { epoch, current, next, shortfalls: lit(0) }
}

/// What a record holds at an epoch.
fn at(record: Record, epoch: u16) -> Int {
    Int::either(int(epoch).gt(record.epoch), record.next.into(), record.current.into())
}

/// Any state that the rules allow, at any time, called by anybody.
pub(super) fn any_pool() -> Pool {
    // Whatever the schedule says, and whatever becomes of rewards: both have laws of their own.
    anything_goes(true);
    let now = any::<u64>("now");
    call_by(BORROWER, now);
    let mut pool = Pool::default();
    let epochs = Schedule { interval: any("interval"), blackout: any("blackout"), offset: any("offset") };
    pool.schedule.set(words::Schedule { epochs, distribution_start: any("distribution start") }.to_word());
    let rate = any_up_to("rate", power(96) - int(1));
    pool.emission.set(words::Emission { staked_token: TOKEN, rewards_per_second: rate }.to_word());
    let clock = |name| any_up_to::<u64>(name, power(48) - int(1));
    let index = any_up_to("global index", power(160) - int(1));
    pool.rewards.set(GlobalRewards { index, settled_at: clock("settled at"), end: clock("end") }.to_word());
    let epoch = epochs.epoch(now).unwrap_or_default();

    let (active_epoch, inactive_epoch) =
        (any::<u16>("epoch of the active total"), any::<u16>("epoch of the inactive total"));
    assume(int(active_epoch).le(epoch) & int(inactive_epoch).le(epoch));
    let active = Record { shortfalls: any_up_to("began short", 1), ..record("total active", active_epoch) };
    let inactive = Record { shortfalls: any_up_to("shortfalls", 60_000), ..record("total inactive", inactive_epoch) };
    let loans =
        Loans { borrowed: any_up_to("loans", power(113)), debt_available: any_up_to("repaid debt", power(127)) };
    pool.tokens.held = natural("held");
    // The books.
    assume(int(active.next).le(active.current) & int(inactive.current).le(inactive.next));
    assume((at(active, epoch) + at(inactive, epoch)).eq(int(active.next) + inactive.next));
    assume(int(loans.borrowed).le(int(active.next) + inactive.next));
    assume((int(active.next) + inactive.next - loans.borrowed + loans.debt_available).le(pool.tokens.held));
    // Of a record of stake, none is lent beyond what was there when its epoch began short or not.
    pool.total_active.set(Active(active).to_word());
    pool.total_inactive.set(Inactive(inactive).to_word());
    pool.loans.set(loans.to_word());
    pool
}

pub(super) fn any_borrower(pool: &mut Pool, name: Address, prefix: &str) {
    let any_of = |what: &str| format!("{prefix}{what}");
    let allocation = Allocation {
        epoch: any(&any_of("epoch")),
        current: any_up_to(&any_of("share"), 10_000),
        next: any_up_to(&any_of("next share"), 10_000),
    };
    let epoch = pool.schedule().epoch(HOST.block_timestamp()).unwrap_or_default();
    assume(int(allocation.epoch).le(epoch));
    let borrowed = balance(&any_of("loan"));
    assume(int(borrowed).le(Loans::from_word(pool.loans.get()).borrowed));
    let restricted = either(&any_of("restriction"));
    let cap = any_up_to(&any_of("cap"), power(96) - int(1));
    pool.borrowers.insert(name, Borrower { borrowed, allocation, restricted, cap }.to_word());
}

/// A staker's records, which are part of the totals. It has seen every shortfall: `haircut 2` and `records 2` are about those it has not.
fn any_staker(pool: &mut Pool, name: Address, prefix: &str) {
    let epoch = pool.schedule().epoch(HOST.block_timestamp()).unwrap_or_default();
    let (active_epoch, inactive_epoch) =
        (any::<u16>(&format!("{prefix} active epoch")), any::<u16>(&format!("{prefix} inactive epoch")));
    let total = Inactive::from_word(pool.total_inactive.get()).0;
    let stake = Active::from_word(pool.total_active.get()).0;
    // The total is loaded whenever a record is stored.
    assume(int(active_epoch).le(stake.epoch) & int(inactive_epoch).le(epoch));
    let active = record(&format!("{prefix} active"), active_epoch);
    let inactive = Record { shortfalls: total.shortfalls, ..record(&format!("{prefix} inactive"), inactive_epoch) };
    assume(int(active.next).le(active.current) & int(inactive.current).le(inactive.next));
    // Its request of this epoch is the same in both records.
    assume((at(active, epoch) + at(inactive, epoch)).eq(int(active.next) + inactive.next));
    assume(at(active, epoch).le(at(stake, epoch)) & int(active.next).le(stake.next));
    assume(at(inactive, epoch).le(at(total, epoch)) & int(inactive.next).le(total.next));
    assume((int(inactive.next) - at(inactive, epoch)).le(int(total.next) - at(total, epoch)));
    pool.active.insert(name, Active(active).to_word());
    pool.inactive.insert(name, Inactive(inactive).to_word());
    let index = any_up_to(&format!("{prefix} settled index"), power(160) - int(1));
    let accrued = any_up_to(&format!("{prefix} rewards"), power(96) - int(1));
    pool.staker_rewards.insert(name, UserRewards { index, accrued }.to_word());
}

/// All that the books are about, at this moment.
struct Books {
    /// Active and inactive, now and next, of all and of the accounts named.
    totals: [Int; 4],
    accounts: [Int; 4],
    borrowed: Int,
    repaid: Int,
    held: Int,
    debts: Int,
}

impl Books {
    fn of(pool: &Pool) -> Self {
        let epoch = pool.schedule().epoch(HOST.block_timestamp()).unwrap_or_default();
        let four = |a: U256, x: U256| {
            let (a, x) = (Active::from_word(a).0, Inactive::from_word(x).0);
            [at(a, epoch), a.next.into(), at(x, epoch), x.next.into()]
        };
        let mut accounts = [int(0); 4];
        for name in [STAKER, RECIPIENT] {
            let one = four(pool.active.get(name), pool.inactive.get(name));
            accounts = [0, 1, 2, 3].map(|place| accounts[place] + one[place]);
        }
        let loans = Loans::from_word(pool.loans.get());
        let debts = [STAKER, RECIPIENT].into_iter().fold(int(0), |sum, name| sum + pool.staker_debts.get(name));
        Self {
            totals: four(pool.total_active.get(), pool.total_inactive.get()),
            accounts,
            borrowed: loans.borrowed.into(),
            repaid: loans.debt_available.into(),
            held: pool.tokens.held,
            debts,
        }
    }

    fn unborrowed(&self) -> Int {
        self.totals[1] + self.totals[3] - self.borrowed
    }

    /// The invariants.
    fn claim(&self) {
        let [active, active_next, inactive, inactive_next] = self.totals;
        claim("requests neither make nor lose stake", (active + inactive).eq(active_next + inactive_next));
        claim("a request lowers active and raises inactive stake", active_next.le(active) & inactive.le(inactive_next));
        claim("all loans are stake", self.unborrowed().ge(0));
        claim("what is unborrowed and repaid is held", (self.unborrowed() + self.repaid).le(self.held));
        claim("repaid debt is not negative", self.repaid.ge(0));
    }

    fn shortfall(&self) -> Int {
        self.borrowed.less(self.totals[0])
    }
}

type Step = fn(&mut Pool, &Books) -> bool;

/// Takes any step; claims the books.
fn step(take: Step) {
    let mut pool = any_pool();
    let before = Books::of(&pool);
    if !take(&mut pool, &before) {
        return; // Refused: nothing is stored.
    }
    Books::of(&pool).claim();
}

fn time() {
    let pool = any_pool();
    let before = Books::of(&pool);
    before.claim();
    claim("a shortfall is at most the inactive stake", before.shortfall().le(before.totals[2]));
    let Ok(unborrowed) = Ok::<_, ()>(pool.unborrowed()) else { return };
    claim("what is unborrowed is computed so", int(unborrowed).eq(before.unborrowed()));
    let (now, later) = (HOST.block_timestamp(), any::<u64>("later"));
    assume(int(later).ge(now));
    // Of later times, later epochs: `schedule 2`.
    let epoch = |time| int(pool.schedule().epoch(time).unwrap_or_default());
    assume(epoch(now).le(epoch(later)));
    call_by(STAKER, later);
    let after = Books::of(&pool);
    after.claim();
    claim("a shortfall of then is as well", after.shortfall().le(after.totals[2]));
}

/// Runs on a copy of the storage, which replaces the pool's where the call succeeds.
macro_rules! on {
    ($pool:ident as $facet:ident, $call:expr) => {{
        let mut facet = $facet { pool: $pool.clone() };
        #[allow(clippy::redundant_closure_call, reason = "a closure names the facet")]
        let result = ($call)(&mut facet);
        if result.is_ok() {
            *$pool = facet.pool;
        }
        result.is_ok()
    }};
}

/// With a staker in any state, who calls.
fn as_staker(pool: &mut Pool) -> Books {
    any_staker(pool, STAKER, "staker's");
    call_by(STAKER, HOST.block_timestamp());
    Books::of(pool)
}

/// Totals and accounts change alike.
fn alike(pool: &Pool, before: &Books) -> Books {
    let after = Books::of(pool);
    for place in 0..4 {
        claim(
            "totals change by what accounts change by",
            (after.totals[place] - before.totals[place]).eq(after.accounts[place] - before.accounts[place]),
        );
    }
    after
}

fn amount() -> U256 {
    any("amount")
}

fn signed(after: Int, before: Int) -> Int {
    after - before
}

const STAKE: Step = |pool, _| {
    let before = as_staker(pool);
    let amount = amount();
    let staker = if either("for another") { RECIPIENT } else { STAKER };
    let done = on!(pool as Staking, |facet: &mut Staking| facet.stake_for(staker, amount));
    if done {
        let after = alike(pool, &before);
        claim("stake grows by what came in", signed(after.totals[0], before.totals[0]).eq(amount));
        claim("so do the tokens", signed(after.held, before.held).eq(amount));
        claim("not while a shortfall is not marked", before.shortfall().eq(0) | !began_short(pool));
    }
    done
};

fn began_short(pool: &Pool) -> Claim {
    Claim::from(Active::from_word(pool.total_active.get()).began_short())
}

const REQUEST: Step = |pool, _| {
    let before = as_staker(pool);
    let amount = amount();
    let done = on!(pool as Staking, |facet: &mut Staking| facet.request_withdrawal(amount));
    if done {
        let after = alike(pool, &before);
        claim("what is active now stays", after.totals[0].eq(before.totals[0]) & after.totals[2].eq(before.totals[2]));
        claim("the next epoch's moves", signed(after.totals[3], before.totals[3]).eq(amount));
        claim("no token moves", after.held.eq(before.held));
    }
    done
};

const CANCEL: Step = |pool, _| {
    let before = as_staker(pool);
    let amount = amount();
    if either("after a request") {
        if !on!(pool as Staking, |facet: &mut Staking| facet.request_withdrawal(amount)) {
            return false;
        }
        claim("a request can be undone", on!(pool as Staking, |facet: &mut Staking| facet.cancel_withdrawal(amount)));
        let after = Books::of(pool);
        for place in 0..4 {
            claim("totals are as before", after.totals[place].eq(before.totals[place]));
            claim("the staker is as before", after.accounts[place].eq(before.accounts[place]));
        }
        return true;
    }
    let done = on!(pool as Staking, |facet: &mut Staking| facet.cancel_withdrawal(amount));
    if done {
        let after = alike(pool, &before);
        claim("the next epoch's moves back", signed(after.totals[1], before.totals[1]).eq(amount));
    }
    done
};

const RESTAKE: Step = |pool, _| {
    let before = as_staker(pool);
    let amount = amount();
    let done = on!(pool as Staking, |facet: &mut Staking| facet.restake(amount));
    if done {
        let after = alike(pool, &before);
        claim("it moves from inactive to active", signed(after.totals[0], before.totals[0]).eq(amount));
        claim("not while a shortfall is not marked", before.shortfall().eq(0));
    }
    done
};

const WITHDRAW: Step = |pool, _| {
    let before = as_staker(pool);
    let amount = amount();
    let done = if either("all") {
        on!(pool as Staking, |facet: &mut Staking| facet.withdraw_max_stake(RECIPIENT))
    } else {
        on!(pool as Staking, |facet: &mut Staking| facet.withdraw_stake(RECIPIENT, amount))
    };
    if done {
        let after = alike(pool, &before);
        let gone = signed(before.held, after.held);
        claim("tokens go as stake goes", gone.eq(signed(before.totals[2], after.totals[2])) & gone.ge(0));
        claim("not while a shortfall is not marked", before.shortfall().eq(0));
    }
    done
};

const CLAIM: Step = |pool, _| {
    let before = as_staker(pool);
    let done = on!(pool as Staking, |facet: &mut Staking| facet.claim_rewards(RECIPIENT));
    if done {
        let after = alike(pool, &before);
        for place in 0..4 {
            claim("no stake moves", after.totals[place].eq(before.totals[place]));
        }
        claim("no staked token moves", after.held.eq(before.held));
    }
    done
};

const TRANSFER: Step = |pool, _| {
    any_staker(pool, RECIPIENT, "recipient's");
    let before = as_staker(pool);
    let amount = amount();
    let to = if either("to itself") { STAKER } else { RECIPIENT };
    let done = on!(pool as StakedToken, |facet: &mut StakedToken| facet.transfer(to, amount));
    if done {
        let after = Books::of(pool);
        for place in 0..4 {
            claim("totals stay", after.totals[place].eq(before.totals[place]));
            claim("what leaves one reaches the other", after.accounts[place].eq(before.accounts[place]));
        }
        claim("no token moves", after.held.eq(before.held));
    }
    done
};

const BORROW: Step = |pool, before| {
    any_borrower(pool, BORROWER, "borrower's ");
    let amount = amount();
    let done = on!(pool as BorrowerAllocations, |facet: &mut BorrowerAllocations| facet.borrow(amount));
    if done {
        let after = Books::of(pool);
        claim("loans grow by what goes out", signed(after.borrowed, before.borrowed).eq(amount));
        claim("so tokens go", signed(before.held, after.held).eq(amount));
        claim("no loan makes a shortfall", after.shortfall().eq(0));
    }
    done
};

const REPAY: Step = |pool, before| {
    any_borrower(pool, BORROWER, "borrower's ");
    let amount = amount();
    let loan = int(Borrower::from_word(pool.borrowers.get(BORROWER)).borrowed);
    let done = if either("up to") {
        on!(pool as BorrowerAllocations, |facet: &mut BorrowerAllocations| facet.repay_borrow_up_to(BORROWER, amount))
    } else {
        on!(pool as BorrowerAllocations, |facet: &mut BorrowerAllocations| facet.repay_borrow(BORROWER, amount))
    };
    if done {
        let after = Books::of(pool);
        let back = signed(before.borrowed, after.borrowed);
        let left = int(Borrower::from_word(pool.borrowers.get(BORROWER)).borrowed);
        claim("loans shrink by what came back", back.eq(signed(after.held, before.held)) & back.ge(0));
        claim("so does the borrower's", back.eq(loan - left));
        claim("never more than was asked", back.le(amount));
    }
    done
};

const MARK: Step = |pool, before| {
    any_borrower(pool, BORROWER, "borrower's ");
    let loans = |pool: &Pool| {
        let one = |name| int(Borrower::from_word(pool.borrowers.get(name)).borrowed);
        one(BORROWER) + one(OTHER)
    };
    assume(loans(pool).le(before.borrowed));
    let (start, total_debt) = (loans(pool), any_up_to::<U256>("debt of borrowers", power(200)));
    pool.total_borrower_debt.set(total_debt);
    let count = int(Inactive::from_word(pool.total_inactive.get()).shortfalls());
    let done = on!(pool as DebtAccounting, |facet: &mut DebtAccounting| facet.mark_debt(vec![BORROWER]));
    if done {
        let after = Books::of(pool);
        let shortfall = before.shortfall();
        claim("there was a shortfall", shortfall.gt(0));
        claim("it was at most the inactive stake", shortfall.le(before.totals[2]));
        claim("loans are the active stake then", after.borrowed.eq(before.totals[0]));
        claim("borrowers are charged exactly the shortfall", signed(start, loans(pool)).eq(shortfall));
        let debts = int(pool.borrower_debts.get(BORROWER)) + pool.borrower_debts.get(OTHER);
        claim("and owe it", debts.eq(shortfall));
        claim("all debt grows by it", signed(int(pool.total_borrower_debt.get()), int(total_debt)).eq(shortfall));
        for place in [0, 1] {
            claim("no active stake is touched", after.totals[place].eq(before.totals[place]));
        }
        for place in [2, 3] {
            claim("inactive stake shrinks by it", signed(before.totals[place], after.totals[place]).eq(shortfall));
        }
        claim("no token moves", after.held.eq(before.held));
        claim("it is counted", int(Inactive::from_word(pool.total_inactive.get()).shortfalls()).eq(count + 1));
    }
    done
};

const REPAY_DEBT: Step = |pool, before| {
    let (debt, all) = (any_up_to::<U256>("debt", power(126)), any_up_to::<U256>("debt of borrowers", power(126)));
    assume(int(debt).le(all));
    pool.borrower_debts.insert(BORROWER, debt);
    pool.total_borrower_debt.set(all);
    // All debt ever marked fits: repaid and owed together.
    assume((before.repaid + all).lt(power(127)));
    let amount = amount();
    let done = if either("up to") {
        on!(pool as DebtAccounting, |facet: &mut DebtAccounting| facet.repay_debt_up_to(BORROWER, amount))
    } else {
        on!(pool as DebtAccounting, |facet: &mut DebtAccounting| facet.repay_debt(BORROWER, amount))
    };
    if done {
        let after = Books::of(pool);
        let back = signed(after.repaid, before.repaid);
        claim("repaid debt grows by what came back", back.eq(signed(after.held, before.held)) & back.ge(0));
        claim("the debt shrinks by it", signed(int(debt), int(pool.borrower_debts.get(BORROWER))).eq(back));
        claim("so does the debt of all", signed(int(all), int(pool.total_borrower_debt.get())).eq(back));
        claim("loans and stake stay", after.borrowed.eq(before.borrowed) & after.totals[3].eq(before.totals[3]));
    }
    done
};

const WITHDRAW_DEBT: Step = |pool, _| {
    let owed = any_up_to::<U256>("owed to the staker", power(126));
    let mut before = as_staker(pool);
    pool.staker_debts.insert(STAKER, owed);
    before.debts = owed.into();
    let amount = amount();
    let done = if either("all") {
        on!(pool as DebtAccounting, |facet: &mut DebtAccounting| facet.withdraw_max_debt(RECIPIENT))
    } else {
        on!(pool as DebtAccounting, |facet: &mut DebtAccounting| facet.withdraw_debt(RECIPIENT, amount))
    };
    if done {
        let after = alike(pool, &before);
        let gone = signed(before.repaid, after.repaid);
        claim("tokens go as repaid debt goes", gone.eq(signed(before.held, after.held)) & gone.ge(0));
        claim("and as the staker is owed less", gone.eq(signed(before.debts, after.debts)));
    }
    done
};

const WRITE_OFF: Step = |pool, _| {
    let owed = any_up_to::<U256>("owed to the staker", power(126));
    let before = as_staker(pool);
    pool.staker_debts.insert(STAKER, owed);
    let (debt, all) = (any_up_to::<U256>("debt", power(126)), any_up_to::<U256>("debt of borrowers", power(126)));
    assume(int(debt).le(all));
    pool.borrower_debts.insert(BORROWER, debt);
    pool.total_borrower_debt.set(all);
    let amount = amount();
    let done = if either("a borrower's") {
        on!(pool as DebtAccounting, |facet: &mut DebtAccounting| facet.decrease_borrower_debt(BORROWER, amount))
    } else {
        on!(pool as DebtAccounting, |facet: &mut DebtAccounting| facet.decrease_staker_debt(STAKER, amount))
    };
    if done {
        let after = alike(pool, &before);
        claim("no token moves and none is promised", after.held.eq(before.held) & after.repaid.eq(before.repaid));
        let left = int(pool.borrower_debts.get(BORROWER));
        claim(
            "all debt shrinks by the same",
            signed(int(debt), left).eq(signed(int(all), int(pool.total_borrower_debt.get()))),
        );
    }
    done
};

/// With a shortfall that the staker has not seen: what its record loses, it is owed.
const SETTLE: Step = |pool, _| {
    let before = as_staker(pool);
    let total = Inactive::from_word(pool.total_inactive.get()).0;
    let seen = Inactive::from_word(pool.inactive.get(STAKER)).0;
    assume(int(total.shortfalls).ge(1));
    let number = u16::of(Repr::Term((int(total.shortfalls) - 1).0));
    let epoch = pool.schedule().epoch(HOST.block_timestamp()).unwrap_or_default();
    let entry = Shortfall { epoch: any("epoch of the shortfall"), index: any_up_to("index", ten_to(36)) };
    assume(int(entry.epoch).le(epoch) & int(entry.epoch).ge(seen.epoch));
    pool.shortfalls.insert(number, entry.to_word());
    pool.inactive.insert(STAKER, Inactive(Record { shortfalls: number, ..seen }).to_word());
    let done = on!(pool as DebtAccounting, |facet: &mut DebtAccounting| facet.settle_shortfalls(STAKER, lit(1)));
    if done {
        let after = Books::of(pool);
        claim(
            "a staker is owed what its stake lost",
            signed(before.accounts[3], after.accounts[3]).eq(signed(after.debts, before.debts)),
        );
        claim("nobody gains stake", after.accounts[3].le(before.accounts[3]));
        for place in 0..4 {
            claim("totals stay", after.totals[place].eq(before.totals[place]));
        }
    }
    done
};

const RATE: Step = |pool, before| {
    let rate = amount();
    let done = on!(pool as EpochSchedule, |facet: &mut EpochSchedule| facet.set_rewards_per_second(rate));
    if done {
        let after = Books::of(pool);
        for place in 0..4 {
            claim("no stake moves", after.totals[place].eq(before.totals[place]));
        }
        claim(
            "the rate is the one set",
            int(words::Emission::from_word(pool.emission.get()).rewards_per_second).eq(rate),
        );
    }
    done
};

const SWEEP: Step = |pool, before| {
    let done = on!(pool as EpochSchedule, |facet: &mut EpochSchedule| facet.sweep_surplus());
    if done {
        let after = Books::of(pool);
        claim("what is promised stays, and nothing else", after.held.eq(before.unborrowed() + before.repaid));
    }
    done
};

/// From a schedule and a total of stake as they can be, at any time.
fn parameters() {
    let epochs = Schedule {
        interval: any_up_to("interval", 92 * DAY),
        blackout: any_up_to("blackout", 92 * DAY),
        offset: any("offset"),
    };
    let legal = |schedule: &Schedule| {
        let (interval, blackout) = (int(schedule.interval), int(schedule.blackout));
        interval.le(92 * DAY) & blackout.ge(3 * DAY) & (blackout * 2).le(interval)
    };
    assume(legal(&epochs));
    let now = any::<u64>("now");
    call_by(STAKER, now);
    let mut pool = Pool::default();
    pool.schedule.set(words::Schedule { epochs, distribution_start: any("distribution start") }.to_word());
    let epoch = epochs.epoch(now).unwrap_or_default();
    let stored = record("total active", any("epoch of the active total"));
    assume(int(stored.epoch).le(epoch));
    pool.total_active.set(Active(stored).to_word());

    let (interval, offset, window) =
        (any::<U256>("new interval"), any::<U256>("new offset"), any::<U256>("new window"));
    let taken = &mut pool;
    let of_window = either("the window");
    let done = if of_window {
        on!(taken as EpochSchedule, |facet: &mut EpochSchedule| facet.set_blackout_window(window))
    } else {
        on!(taken as EpochSchedule, |facet: &mut EpochSchedule| facet.set_epoch_parameters(interval, offset))
    };
    if !done {
        return;
    }
    let after = pool.schedule();
    claim("what is accepted is legal", legal(&after));
    if of_window {
        claim("the window is the new one", int(after.blackout).eq(window));
        claim("epochs stay", int(after.interval).eq(epochs.interval) & int(after.offset).eq(epochs.offset));
    } else {
        claim("the parameters are the new ones", int(after.interval).eq(interval) & int(after.offset).eq(offset));
        claim("the window stays", int(after.blackout).eq(epochs.blackout));
    }
    claim("the present was and is outside the blackout window", !epochs.in_blackout(now) && !after.in_blackout(now));
    let total = Active::from_word(pool.total_active.get()).0;
    claim("no stake moves", at(total, epoch).eq(at(stored, epoch)) & int(total.next).eq(stored.next));
    match (epochs.epoch_number(now), after.epoch_number(now)) {
        (Ok(number), Ok(same)) => {
            claim("the running epoch keeps its number", int(number).eq(same));
            let start = |schedule: Schedule| int(schedule.offset) + int(number) * schedule.interval;
            claim("the running epoch keeps its start", start(epochs).eq(start(after)));
        }
        (Err(_), Err(_)) => claim("epoch zero stays in the future", int(after.offset).gt(now)),
        _ => claim("epoch zero neither starts nor is undone", false),
    }
}
