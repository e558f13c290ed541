//! Who bears a shortfall.

use super::Law;
use crate::world::{balances::*, *};

const WHOLE: i128 = 10_000;

pub(super) const LAWS: &[Law] = &[
    Law::new(
        "debts 1",
        excess_is_exact,
        "A borrower's excess is its loan less its share of the active stake, in ten-thousandths, exactly, and at most its loan; its allocation \
         is its share rounded down.",
    ),
    Law::new(
        "debts 2",
        charge,
        "Whoever is charged, in whatever order: no debt is negative, none is above the excess rounded up, and debts so far are the points so \
         far rounded up. At the end of a complete list the debts sum to the shortfall exactly; of any list, to at most the shortfall.",
    ),
    Law::new(
        "debts 3",
        coverage,
        "If all shares together are the whole, the excesses of all borrowers cover every shortfall, so it can always be marked.",
    ),
    Law::new(
        "debts 4",
        order,
        "Two borrowers after any others, in either order: points, debts together and completeness are the same, so they are in any order of a \
         list. Where all are charged in full, an order changes nobody's debt by more than a unit.",
    ),
];

fn excess_is_exact() {
    let (borrowed, active) =
        (any_up_to::<u128>("borrowed", power(112) - int(1)), any_up_to::<u128>("active", power(112) - int(1)));
    let share = any_up_to::<u16>("share", WHOLE);
    let (points, loan) = (int(active) * share, int(borrowed) * WHOLE);
    let excess = int(excess_points(borrowed, active, share));
    claim("the excess is exact", excess.eq(loan.less(points)));
    claim("it is at most the loan", over_up(excess, WHOLE).le(borrowed));
    let allocated = int(allocated_down(active, share));
    claim("the allocation rounds down", (allocated * WHOLE).le(points) & points.lt(allocated * WHOLE + WHOLE));
    claim("the allocation is at most the stake", allocated.le(active));
}

/// Any state of a list is that after one charge of any size.
fn charge() {
    let shortfall = any_up_to::<u128>("shortfall", power(112) - int(1));
    let limit = power(112) * WHOLE;
    let (before, excess) = (any_up_to::<u128>("points before", limit), any_up_to::<u128>("excess", limit));
    let mut list = Attribution::of(shortfall);
    claim("nobody is charged yet", int(list.covered()).eq(0));
    let first = int(list.charge(before));
    let covered = int(list.covered());
    claim("debts so far are the points rounded up", first.eq(over_up(covered, WHOLE)));

    let debt = int(list.charge(excess));
    let after = int(list.covered());
    claim("points add up to at most the shortfall", after.eq((covered + excess).min(int(shortfall) * WHOLE)));
    claim("what must be covered is the shortfall", int(list.required()).eq(int(shortfall) * WHOLE));
    claim("a debt is not negative", debt.ge(0));
    claim("a debt is at most the excess rounded up", debt.le(over_up(int(excess), WHOLE)));
    claim("debts so far are still the points rounded up", (first + debt).eq(over_up(after, WHOLE)));
    claim("debts sum to at most the shortfall", (first + debt).le(shortfall));
    let complete = list.is_complete();
    claim(
        "complete is when all is covered",
        Claim::from(complete) & after.eq(int(shortfall) * WHOLE)
            | !Claim::from(complete) & !after.eq(int(shortfall) * WHOLE),
    );
    if complete {
        claim("debts of a complete list sum to the shortfall", (first + debt).eq(shortfall));
    }
}

/// Induction over borrowers: excesses so far are at least loans so far less shares so far.
fn coverage() {
    let active = any_up_to::<u128>("active", power(112) - int(1));
    let (loans, shares, excesses) = (natural("loans so far"), natural("shares so far"), natural("excesses so far"));
    assume((loans * WHOLE).le(excesses + int(active) * shares));
    let (borrowed, share) = (any_up_to::<u128>("borrowed", power(112) - int(1)), any_up_to::<u16>("share", WHOLE));
    let excess = int(excess_points(borrowed, active, share));
    let (loans, shares, excesses) = (loans + borrowed, shares + share, excesses + excess);
    claim("one more borrower keeps the sums", (loans * WHOLE).le(excesses + int(active) * shares));
    if either("that was all") {
        assume(shares.eq(WHOLE));
        claim("the excesses cover the shortfall", ((loans - active) * WHOLE).le(excesses));
    }
}

/// Neighbours change places, which makes any order of any other.
fn order() {
    let shortfall = any_up_to::<u128>("shortfall", power(112) - int(1));
    let limit = power(112) * WHOLE;
    let (before, a, b) = (
        any_up_to::<u128>("points before", limit),
        any_up_to::<u128>("one's excess", limit),
        any_up_to::<u128>("other's excess", limit),
    );
    let mut start = Attribution::of(shortfall);
    let _ = start.charge(before);
    let (mut one, mut other) = (start, start);
    let first = [one.charge(a), one.charge(b)].map(int);
    let mut second = [other.charge(b), other.charge(a)].map(int);
    second.reverse();
    claim("points are the same", int(one.covered()).eq(other.covered()));
    claim("debts together are the same", (first[0] + first[1]).eq(second[0] + second[1]));
    claim("completeness is the same", one.is_complete() == other.is_complete());
    let in_full = (int(start.covered()) + a + b).le(start.required());
    for (x, y) in first.into_iter().zip(second) {
        claim("a debt is the same to a unit where all are charged in full", !in_full | x.le(y + 1) & y.le(x + 1));
    }
}
