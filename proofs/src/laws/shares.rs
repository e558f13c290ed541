//! Shares of the pool, and what may be borrowed.

use super::{
    Law,
    pool::{self, BORROWER, OTHER},
};
use crate::{
    source::{
        facets::borrower_allocations::BorrowerAllocations,
        pool_storage::words::{Borrower, Loans},
    },
    world::{balances::*, *},
};

const WHOLE: i128 = 10_000;

pub(super) const LAWS: &[Law] = &[
    Law::loose(
        "shares 1",
        sums,
        "Whatever governance sets, for whomever, the same borrower named twice included: all shares of the next epoch together stay what they \
         were, 10,000, and so do those of this one. (`setBorrowerAllocations` with two entries; more entries by the next law.)",
    ),
    Law::linear(
        "shares 2",
        one_entry,
        "One entry changes the sum of shares by what it adds to the one it replaces, and the running epoch by nothing.",
    ),
    Law::new(
        "shares 3",
        allocations,
        "Allocated balances of shares that sum to the whole sum to at most the active stake.",
    ),
    Law::linear(
        "shares 4",
        borrow,
        "What `borrow` grants exceeds neither the borrower's share of this epoch, nor of the next, nor its cap, nor what is neither lent nor \
         inactive; a restricted borrower gets nothing. In the blackout window the stake of the next epoch counts.",
    ),
];

fn facet() -> BorrowerAllocations {
    BorrowerAllocations { pool: pool::any_pool() }
}

fn at_now(pool: &BorrowerAllocations, name: crate::host::Address) -> Borrower {
    pool.pool.load_borrower(name, pool.pool.moment_if_started().ok().flatten().as_ref())
}

fn shares_of(facet: &BorrowerAllocations) -> [Int; 2] {
    let (a, b) = (at_now(facet, BORROWER).allocation, at_now(facet, OTHER).allocation);
    [int(a.current) + b.current, int(a.next) + b.next]
}

fn sums() {
    let mut facet = facet();
    pool::any_borrower(&mut facet.pool, BORROWER, "one's ");
    pool::any_borrower(&mut facet.pool, OTHER, "another's ");
    let before = shares_of(&facet);
    let second = if either("named twice") { BORROWER } else { OTHER };
    let (a, b) = (any::<U256>("new share"), any::<U256>("other new share"));
    if facet.set_borrower_allocations(vec![BORROWER, second], vec![a, b]).is_ok() {
        let after = shares_of(&facet);
        claim("shares of the next epoch keep their sum", after[1].eq(before[1]));
        claim("shares of this epoch stay", after[0].eq(before[0]));
        claim("a share is at most the whole", int(at_now(&facet, BORROWER).allocation.next).le(WHOLE));
    }
}

fn one_entry() {
    let mut facet = facet();
    pool::any_borrower(&mut facet.pool, BORROWER, "one's ");
    let before = at_now(&facet, BORROWER);
    let share = any_up_to::<u16>("new share", WHOLE);
    let at = facet.pool.moment_if_started().ok().flatten();
    let replaced = facet.set_allocation(BORROWER, share, at.as_ref());
    let after = at_now(&facet, BORROWER);
    claim("it tells what it replaced", int(replaced).eq(before.allocation.next));
    claim("the next share is the new one", int(after.allocation.next).eq(share));
    claim("the running epoch stays", int(after.allocation.current).eq(before.allocation.current));
    claim("loan, cap and restriction stay", int(after.borrowed).eq(before.borrowed) & int(after.cap).eq(before.cap));
    claim("a restriction stays", after.restricted == before.restricted);
}

fn allocations() {
    let active = any_up_to::<u128>("active", power(112) - int(1));
    let (allocated, shares) = (natural("allocated so far"), natural("shares so far"));
    let so_far = (allocated * WHOLE).le(shares * active);
    assume(so_far);
    let share = any_up_to::<u16>("share", WHOLE);
    let one = int(allocated_down(active, share));
    let down = (one * WHOLE).le(int(active) * share);
    claim("one rounds down", down);
    let (allocated, shares) = (allocated + one, shares + share);
    let with_it = (allocated * WHOLE).le(shares * active);
    claim_from("one more keeps the sum below", &[so_far, down], with_it);
    if either("that was all") {
        assume(shares.eq(WHOLE));
        claim("allocated balances sum to at most the stake", allocated.le(active));
    }
}

fn borrow() {
    let mut facet = facet();
    pool::any_borrower(&mut facet.pool, BORROWER, "one's ");
    let before = at_now(&facet, BORROWER);
    let loans = Loans::from_word(facet.pool.loans.get());
    let Ok(at) = facet.pool.moment() else { return };
    let stake = facet.pool.peek_total_active(&at);
    let inactive = facet.pool.load_total_inactive(&at).current();
    let amount = any::<U256>("amount");
    if facet.borrow(amount).is_err() {
        return;
    }
    let after = at_now(&facet, BORROWER);
    let borrowed = int(after.borrowed);
    claim("the loan grows by the amount", borrowed.eq(int(before.borrowed) + amount));
    claim("something is borrowed", int(amount).gt(0));
    claim("a restricted borrower gets nothing", !before.restricted);
    claim("within its share of this epoch", (borrowed * WHOLE).le(int(before.allocation.current) * stake.current()));
    claim("within its share of the next", (borrowed * WHOLE).le(int(before.allocation.next) * stake.current()));
    if at.schedule.in_blackout(at.now) {
        claim("within the stake of the next epoch", (borrowed * WHOLE).le(int(before.allocation.next) * stake.next()));
    }
    claim("within its cap", int(before.cap).eq(0) | borrowed.le(before.cap));
    let unborrowed = int(facet.pool.unborrowed()) + amount;
    claim("out of what is neither lent nor inactive", (int(amount) + inactive).le(unborrowed));
    let all = int(Loans::from_word(facet.pool.loans.get()).borrowed);
    claim("all loans grow by the same", all.eq(int(loans.borrowed) + amount));
    claim("all loans stay within the active stake", all.le(stake.current()));
}
