//! What a shortfall takes from stakers.

use super::Law;
use crate::world::{balances::*, *};

pub(super) const LAWS: &[Law] = &[
    Law::new(
        "haircut 1",
        index,
        "A shortfall takes itself, at most all inactive stake; its index is what is left over what was, rounded down: between 0 and 10^36, \
         and below 10^36 if anything is lost.",
    ),
    Law::new(
        "haircut 2",
        shares,
        "What stakers keep sums to at most what is left; n holders together lose at most n units more than that. So after any number of \
         shortfalls: each keeps the first sentence true and adds at most n to the second.",
    ),
    Law::loose(
        "haircut 3",
        losses,
        "A staker's loss is the exact complement of what is kept, now and from the next epoch on, and what was requested is never touched, \
         across up to two shortfalls at once, of any epochs.",
    ),
    Law::new(
        "haircut 4",
        totals,
        "Marking takes the loss from the total, now and from the next epoch on, and counts it; more than there is, is refused.",
    ),
];

pub(super) fn inactive(name: &str) -> (Inactive, Int) {
    let stake = any_up_to::<u128>(name, power(112) - int(1));
    let mut total = Inactive::default();
    let _ = total.schedule(stake);
    total.roll_total_to(lit(1));
    (total, int(stake))
}

fn index() {
    let (total, before) = inactive("inactive");
    claim("what was requested an epoch ago is inactive", int(total.current()).eq(before));
    let (epoch, amount) = (any::<u16>("epoch"), any_up_to::<u128>("amount", power(112) - int(1)));
    let (entry, loss) = haircut(&total, epoch, amount);
    let (index, loss) = (int(entry.index), int(loss));
    claim("the entry is of this epoch", int(entry.epoch).eq(epoch));
    claim("the loss is the shortfall, at most everything", loss.eq(int(amount).min(before)));
    let (left, unit) = (before - loss, ten_to(36));
    claim("the index rounds down", (index * before).le(left * unit));
    claim("the index is at most 10^36", index.ge(0) & index.le(unit));
    if total.current() > lit(0) {
        claim("the index rounds by less than one", (left * unit).lt(index * before + before));
        if amount > lit(0) {
            claim("something is lost", index.lt(unit));
        }
    } else {
        claim("nothing is left of nothing", index.eq(0));
    }
}

/// Induction over holders of one shortfall. `kept`, `seen`, `holders`: so far.
fn shares() {
    let unit = ten_to(36);
    let index = any_up_to::<U256>("index", unit);
    let (kept, seen, holders) = (natural("kept so far"), natural("stakes so far"), natural("holders so far"));
    let entry = Shortfall { epoch: lit(1), index };
    let index = int(index);
    let upper = (kept * unit).le(seen * index);
    let lower = (seen * index).le(kept * unit + holders * unit);
    assume(upper);
    assume(lower);
    let stake = any_up_to::<u128>("stake", power(112) - int(1));
    let keeps = int(entry.surviving_down(stake));
    claim("nobody keeps more than it had", keeps.le(stake));
    let exact = int(stake) * index;
    let down = (keeps * unit).le(exact) & exact.lt(keeps * unit + unit);
    claim("what is kept rounds down", down);
    claim_from(
        "one more holder keeps the sum below",
        &[upper, down],
        ((kept + keeps) * unit).le((seen + stake) * index),
    );
    claim_from(
        "one more holder loses less than a unit more",
        &[lower, down],
        ((seen + stake) * index).le((kept + keeps) * unit + (holders + 1) * unit),
    );
    // The end: all holders, whose stakes sum to the total less dust of earlier shortfalls.
    if either("that was all") {
        let (total, left, dust) = (natural("total"), natural("left"), natural("dust before"));
        let facts = [
            upper,
            lower,
            total.lt(power(112)),
            left.le(total),
            (index * total).le(left * unit) & (left * unit).lt(index * total + total),
            total.eq(seen + dust),
            int(index).le(unit),
            int(index).ge(0),
            dust.ge(0),
            seen.ge(0),
        ];
        for fact in facts {
            assume(fact);
        }
        let bounds = [(index * dust).le(unit * dust), (index * total).eq(index * seen + index * dust)];
        claim("dust shrinks as well", bounds[0]);
        claim("the total is stakes and dust", bounds[1]);
        let facts = [&facts[..], &bounds].concat();
        claim_from("holders keep at most what is left", &facts, kept.le(left));
        claim_from("dust grows by at most a unit for each holder", &facts, left.le(kept + dust + holders));
    }
}

/// A staker in any state, and some shortfalls that it has not seen.
pub(super) fn staker(epoch: u16, prefix: &str) -> Inactive {
    let (current, requested) = (
        any_up_to::<u128>(&format!("{prefix}inactive"), power(112) - int(1)),
        any_up_to::<u128>(&format!("{prefix}requested"), power(112) - int(1)),
    );
    assume((int(current) + requested).lt(power(112)));
    let mut record = Inactive::default();
    let _ = record.schedule(current);
    record.roll_total_to(lit(1));
    record.roll_total_to(epoch);
    let _ = record.schedule(requested);
    record
}

pub(super) fn shortfalls(count: usize, from: u16) -> Vec<Shortfall> {
    let mut last = from;
    (0..count)
        .map(|at| {
            let epoch = any::<u16>(&format!("epoch of shortfall {at}"));
            assume(int(epoch).ge(last));
            last = epoch;
            Shortfall { epoch, index: any_up_to::<U256>(&format!("index of shortfall {at}"), ten_to(36)) }
        })
        .collect()
}

/// The shortfall of a number; numbers are known.
pub(super) fn numbered(all: &[Shortfall]) -> impl Fn(u16) -> Shortfall + '_ {
    |number| all[number.native() as usize]
}

fn losses() {
    for count in 0..=2 {
        if !either(&format!("{count} shortfalls")) {
            continue;
        }
        let from = any::<u16>("epoch of the record");
        assume(int(from).ge(1));
        let before = staker(from, "");
        let all = shortfalls(count, from);
        let to = any::<u16>("epoch now");
        assume(int(to).ge(from));
        let requested = int(before.next()) - before.current();
        let mut after = before;
        let loss = int(after.roll_to(to, lit(count as core::primitive::u128), numbered(&all)));
        claim("nothing is made or lost", (loss + after.next()).eq(before.next()));
        claim("a request only ever raises inactive stake", int(after.current()).le(after.next()));
        claim("the record is of now", int(after.epoch()).eq(to) | int(to).le(from));
        if to == from {
            claim(
                "what was requested stays",
                (int(after.next()) - after.current()).eq(requested) | int(before.next()).eq(0),
            );
        } else {
            claim("what was requested has joined", int(after.current()).eq(after.next()));
        }
        return;
    }
}

fn totals() {
    let (mut total, before) = inactive("inactive");
    let more = any_up_to::<u128>("requested", power(112) - int(1));
    assume((before + more).lt(power(112)));
    let _ = total.schedule(more);
    let loss = any_up_to::<u128>("loss", power(112) - int(1));
    let marked = total.mark(loss);
    claim(
        "it is refused exactly if it is more than there is",
        Claim::from(marked.is_err()) & before.lt(loss) | Claim::from(marked.is_ok()) & int(loss).le(before),
    );
    claim("it is counted", int(total.shortfalls()).eq(1));
    if marked.is_ok() {
        claim("it is taken now", (int(total.current()) + loss).eq(before));
        claim("it is taken from the next epoch on", (int(total.next()) + loss).eq(before + more));
    }
}
