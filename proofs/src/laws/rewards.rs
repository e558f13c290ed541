//! Rewards by the second.

use super::Law;
use crate::world::{balances::*, *};

pub(super) const LAWS: &[Law] = &[
    Law::new(
        "rewards 1",
        index_is_exact,
        "The index grows by seconds times rate times 10^18 over the active stake, rounded down, or is refused if it would leave 160 bits, \
         never without stake or rate; the clock goes to the time asked for or the end of the distribution, never back. For numbers of any width.",
    ),
    Law::new(
        "rewards 2",
        accrual_is_exact,
        "A staker accrues its stake times the growth of the index over 10^18, rounded down, or is refused if that would leave 96 bits; who \
         has no stake accrues nothing for the past.",
    ),
    Law::new("rewards 3", sum, "What accrues to all is at most what was emitted.")
    .about(&[("seconds", 1), ("rate", 1), ("total", 1), ("staked", 1), ("that was all", 1)]),
    Law::new(
        "rewards 4",
        cap,
        "Below the cap on the rate, whatever the rates before: neither the index nor a staker's rewards can leave their widths before the \
         distribution ends, so settling is never refused.",
    )
    .about(&[("duration", 10), ("seconds", 1), ("rate", 1), ("total", 1), ("staked", 1)]),
    Law::new(
        "rewards 5",
        split_staker,
        "Settling a staker more often never gives more, and takes at most a unit for each time more.",
    ),
    Law::new(
        "rewards 6",
        split_index,
        "Settling the index more often never raises it, and lowers it by at most one for each time more: at most one unit of a staker's \
         rewards, and one more for each whole 10^18 units of its stake.",
    ),
];

const UNIT: u32_ = 18;
#[allow(non_camel_case_types, reason = "not the symbolic one")]
type u32_ = core::primitive::u32;

fn index_is_exact() {
    let index = any_up_to::<U256>("index", power(160) - int(1));
    let (settled_at, end, up_to) = (any::<u64>("settled at"), any::<u64>("end"), any::<u64>("up to"));
    let (total, rate) = (any::<u128>("total"), any::<u128>("rate"));
    let mut rewards = GlobalRewards { index, settled_at, end };
    let moved = rewards.settle_to(up_to, total, rate);
    let until = int(up_to).min(end);
    claim("the end stays", int(rewards.end).eq(end));
    match moved {
        Ok(false) => {
            claim("the clock never goes back", until.le(settled_at));
            claim("nothing moved", int(rewards.index).eq(index) & int(rewards.settled_at).eq(settled_at));
        }
        Ok(true) => {
            claim("the clock moved", int(rewards.settled_at).eq(until) & until.gt(settled_at));
            let emitted = (until - settled_at) * rate * ten_to(UNIT);
            let growth = int(rewards.index) - index;
            claim("the index never falls", growth.ge(0));
            claim("the index fits", int(rewards.index).lt(power(160)));
            if total == lit(0) {
                claim("what nobody earns is nobody's", growth.eq(0));
            } else {
                claim("growth rounds down", (growth * total).le(emitted));
                claim("growth rounds by less than one", emitted.lt(growth * total + total));
            }
        }
        Err(_) => {
            claim("nothing moved", int(rewards.index).eq(index) & int(rewards.settled_at).eq(settled_at));
            let emitted = (until - settled_at) * rate * ten_to(UNIT);
            claim("only an index that does not fit is refused", ((power(160) - index) * total).le(emitted));
            claim("without stake or rate nothing is refused", int(total).gt(0) & int(rate).gt(0));
        }
    }
}

fn accrual_is_exact() {
    let (settled, index) =
        (any_up_to::<U256>("settled index", power(160) - int(1)), any_up_to::<U256>("index", power(160) - int(1)));
    let (accrued, staked) = (any_up_to::<u128>("accrued", power(96) - int(1)), any::<u128>("staked"));
    let mut rewards = UserRewards { index: settled, accrued };
    let moved = rewards.settle_to(index, staked);
    let earned = (int(index) - settled) * staked;
    match moved {
        Ok(moved) => {
            claim("it is settled to the index", int(rewards.index).eq(index) & int(index).ge(settled));
            claim(
                "moved is when the index did",
                Claim::from(moved) & !int(index).eq(settled) | !Claim::from(moved) & int(index).eq(settled),
            );
            let more = int(rewards.accrued) - accrued;
            claim("rewards only grow", more.ge(0));
            claim("rewards fit", int(rewards.accrued).lt(power(96)));
            claim(
                "what is earned rounds down",
                (more * ten_to(UNIT)).le(earned) & earned.lt(more * ten_to(UNIT) + ten_to(UNIT)),
            );
        }
        Err(_) => {
            claim("nothing moved", int(rewards.index).eq(settled) & int(rewards.accrued).eq(accrued));
            let fits = (int(accrued) * ten_to(UNIT) + earned).lt(power(96) * ten_to(UNIT));
            claim("only what does not fit is refused, or an index that fell", int(index).lt(settled) | !fits);
        }
    }
}

/// Induction over stakers between two settlements of the index.
fn sum() {
    let (seconds, rate) =
        (any_up_to::<u64>("seconds", power(48) - int(1)), any_up_to::<u128>("rate", power(96) - int(1)));
    let total = any_up_to::<u128>("total", power(112) - int(1));
    assume(int(total).gt(0));
    let mut global = GlobalRewards { index: lit(0), settled_at: lit(0), end: seconds };
    if global.settle_to(seconds, total, rate).is_err() {
        return;
    }
    let (growth, emitted) = (int(global.index), int(seconds) * rate);
    let rounded = (growth * total).le(emitted * ten_to(UNIT));
    claim("growth rounds down", rounded);
    claim("growth is not negative", growth.ge(0));

    let (sum, seen) = (natural("accrued so far"), natural("stakes so far"));
    let so_far = (sum * ten_to(UNIT)).le(seen * growth);
    assume(so_far);
    let staked = any_up_to::<u128>("staked", power(112) - int(1));
    let mut staker = UserRewards::default();
    if staker.settle_to(global.index, staked).is_err() {
        return;
    }
    let earns = int(staker.accrued);
    let down = (earns * ten_to(UNIT)).le(growth * staked);
    claim("what is earned rounds down", down);
    let (sum, before, seen) = (sum + earns, seen, seen + staked);
    let with_it = (sum * ten_to(UNIT)).le(seen * growth);
    let spread = (seen * growth).eq(before * growth + growth * staked);
    claim_from("stakes add up", &[], spread);
    claim_by_adding("one more staker keeps the sum below", &[so_far, down, spread], with_it);
    if either("that was all") {
        assume(seen.le(total));
        let all = (seen * growth).le(growth * total);
        claim_from("all stakes are at most the total", &[seen.le(total), growth.ge(0)], all);
        claim_by_adding("all rewards are at most what was emitted", &[with_it, all, rounded], sum.le(emitted));
    }
}

/// `emitted`: since the distribution began, in `elapsed` seconds.
fn cap() {
    let duration = any_up_to::<u64>("duration", power(48) - int(1));
    let highest = int(max_rate(duration));
    let all = power(96) - int(1);
    claim(
        "a whole distribution at the cap fits 96 bits",
        (highest * duration).le(all) | int(duration).eq(0) & highest.eq(all),
    );
    claim("the cap is the highest such rate", all.lt((highest + 1) * duration) | int(duration).eq(0));

    // Induction over settlements: the index times one unit, and times this staker's stake, are covered by what was emitted.
    let (elapsed, emitted, emitted_since) =
        (natural("elapsed"), natural("emitted"), natural("emitted since the staker settled"));
    let (index, since) = (any_up_to::<U256>("index", power(160) - int(1)), natural("growth since the staker settled"));
    let staked = any_up_to::<u128>("staked", power(112) - int(1));
    let (seconds, rate) =
        (any_up_to::<u64>("seconds", power(48) - int(1)), any_up_to::<u128>("rate", power(96) - int(1)));
    let total = any_up_to::<u128>("total", power(112) - int(1));
    let facts = [
        emitted.le(highest * elapsed),
        int(index).le(emitted * ten_to(UNIT)),
        (since * staked).le(emitted_since * ten_to(UNIT)),
        emitted_since.le(emitted),
        int(rate).le(highest),
        (elapsed + seconds).le(duration),
        int(staked).le(total),
        int(total).gt(0),
        int(seconds).gt(0),
    ];
    for fact in facts {
        assume(fact);
    }
    let more = int(seconds) * rate;
    let emission = more.le(highest * seconds);
    claim_from("a rate below the cap emits less", &[int(rate).le(highest), int(seconds).gt(0)], emission);
    let bounded = (emitted + more).le(highest * (elapsed + seconds));
    claim_from("emission stays below the cap", &[emission, facts[0]], bounded);
    let fits = (emitted + more).le(all);
    claim("a cap is not negative", highest.ge(0));
    let at_cap = (highest * (elapsed + seconds)).le(highest * duration);
    claim_from("time is within the distribution", &[(elapsed + seconds).le(duration), highest.ge(0)], at_cap);
    claim_by_adding(
        "all that is emitted fits 96 bits",
        &[
            bounded,
            at_cap,
            (highest * duration).le(all) | int(duration).eq(0) & highest.eq(all),
            int(seconds).gt(0),
            elapsed.ge(0),
            (elapsed + seconds).le(duration),
        ],
        fits,
    );

    let mut global = GlobalRewards { index, settled_at: lit(0), end: seconds };
    let settled = global.settle_to(seconds, total, rate);
    claim("settling the index is never refused", settled.is_ok());
    let growth = int(global.index) - index;
    let rounded = (growth * total).le(more * ten_to(UNIT));
    claim("growth rounds down", rounded);
    claim("growth is not negative", growth.ge(0));
    let at_least_one = growth.le(growth * total);
    claim_from("a total is at least one", &[growth.ge(0), int(total).gt(0)], at_least_one);
    claim_by_adding(
        "the index is covered by what was emitted",
        &[rounded, at_least_one, facts[1]],
        int(global.index).le((emitted + more) * ten_to(UNIT)),
    );
    let own = (growth * staked).le(growth * total);
    claim_from("a stake is at most the total", &[growth.ge(0), int(staked).le(total)], own);
    let covered = ((since + growth) * staked).le((emitted_since + more) * ten_to(UNIT));
    let spread = ((since + growth) * staked).eq(since * staked + growth * staked);
    claim_from("growths add up", &[], spread);
    claim_by_adding("a staker's part is covered by what was emitted since", &[own, rounded, facts[2], spread], covered);

    // The staker settles: what it had was covered by what was emitted before.
    let accrued = any_up_to::<u128>("accrued", power(96) - int(1));
    assume((int(accrued) + emitted_since).le(emitted));
    let through = Number::of(crate::number::Repr::Term((since + growth).0));
    let mut staker = UserRewards { index: lit(0), accrued };
    let done = staker.settle_to(through, staked);
    claim("settling a staker is never refused", done.is_ok());
    claim("a staker's rewards are covered by what was emitted", int(staker.accrued).le(emitted + more));
}

fn split_staker() {
    let staked = any_up_to::<u128>("staked", power(112) - int(1));
    let (first, second) =
        (any_up_to::<U256>("index between", power(160) - int(1)), any_up_to::<U256>("index", power(160) - int(1)));
    assume(int(first).le(second));
    let accrued = any_up_to::<u128>("accrued", power(96) - int(1));
    let start = UserRewards { index: lit(0), accrued };
    let (mut once, mut twice) = (start, start);
    let done = once.settle_to(second, staked).is_ok();
    let halves = twice.settle_to(first, staked).is_ok() && twice.settle_to(second, staked).is_ok();
    claim("whoever can be settled at once can be settled twice", !Claim::from(done) | Claim::from(halves));
    if done && halves {
        claim("settling twice gives at most as much", int(twice.accrued).le(once.accrued));
        claim("settling twice takes at most a unit", int(once.accrued).le(int(twice.accrued) + 1));
        claim("both are settled to the same index", int(once.index).eq(twice.index));
    }
}

fn split_index() {
    let (total, rate) =
        (any_up_to::<u128>("total", power(112) - int(1)), any_up_to::<u128>("rate", power(96) - int(1)));
    let (first, second) =
        (any_up_to::<u64>("time between", power(48) - int(1)), any_up_to::<u64>("time", power(48) - int(1)));
    assume(int(first).le(second));
    let start = GlobalRewards { index: lit(0), settled_at: lit(0), end: second };
    let (mut once, mut twice) = (start, start);
    let twice_first = |total, rate, first| {
        let mut early = start;
        let _ = early.settle_to(first, total, rate);
        early.index
    };
    if once.settle_to(second, total, rate).is_err() || twice.settle_to(first, total, rate).is_err() {
        return;
    }
    claim("settling twice is not refused", twice.settle_to(second, total, rate).is_ok());
    let (index, lower) = (int(once.index), int(twice.index));
    if total == lit(0) || rate == lit(0) {
        claim("nothing grows", index.eq(0) & lower.eq(0));
        return;
    }
    // Each division as the two products that it lies between.
    let unit = ten_to(UNIT);
    let between = int(twice_first(total, rate, first));
    let all = named("emitted", int(second) * rate * unit);
    let early = named("emitted at first", int(first) * rate * unit);
    let late = named("emitted then", (int(second) - first) * rate * unit);
    let down = |quotient: Int, of: Int| (quotient * total).le(of) & of.lt((quotient + 1) * total);
    let facts =
        [down(index, all), down(between, early), down(lower - between, late), all.eq(early + late), int(total).gt(0)];
    for fact in facts {
        claim("each part rounds down", fact);
    }
    claim_from("twice is at most once", &facts, (lower * total).lt((index + 1) * total));
    claim_from("once is below twice and two", &facts, (index * total).lt((lower + 2) * total));
    claim("settling twice gives at most as much", lower.le(index));
    claim("settling twice takes at most one", index.le(lower + 1));
    claim("both are settled to the same time", int(once.settled_at).eq(twice.settled_at));

    let staked = any_up_to::<u128>("staked", power(112) - int(1));
    let (more, less) = ((index * staked).over_down(ten_to(UNIT)), (lower * staked).over_down(ten_to(UNIT)));
    let whole = int(staked).over_down(ten_to(UNIT));
    let close = (index * staked).le(lower * staked + staked);
    let product = ((lower + 1 - index) * staked).ge(0);
    claim_from("by one times the stake", &[index.le(lower + 1), int(staked).ge(0)], product);
    claim_from("by at most the stake", &[product], close);
    let rounded = [
        (more * ten_to(UNIT)).le(index * staked),
        (lower * staked).lt(less * ten_to(UNIT) + ten_to(UNIT)),
        int(staked).lt(whole * ten_to(UNIT) + ten_to(UNIT)),
    ];
    for fact in rounded {
        claim("shares round down", fact);
    }
    let facts = [&[close][..], &rounded].concat();
    claim_from("a share changes by at most a unit and one for each 10^18 staked", &facts, more.le(less + whole + 1));
}
