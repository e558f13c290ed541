//! Records that remember two epochs.

use super::{
    Law,
    haircuts::{numbered, shortfalls, staker},
};
use crate::world::{balances::*, *};

pub(super) const LAWS: &[Law] = &[
    Law::linear(
        "records 1",
        rolling,
        "Rolling forward brings the next amount forward, changes nothing else, and never goes back; rolling twice is rolling once, and \
         crossing epochs at once is crossing them one after the other. The boundary at which an amount changed is reported once.",
    ),
    Law::loose(
        "records 2",
        rolling_inactive,
        "The same of a staker's inactive record, which shortfalls shrink on the way: with one of them on the way, wherever it falls, at once or in slices.",
    ),
    Law::linear(
        "records 3",
        amounts,
        "Adding and taking change both amounts by exactly that, requests and their undoing only the next one; what does not fit 112 bits or is \
         not there is refused and changes nothing that is stored.",
    ),
    Law::new(
        "records 4",
        widths,
        "An amount is accepted as a balance exactly if it fits 112 bits, and stays as it is.",
    ),
    Law::loose(
        "records 5",
        steps,
        "Settling in steps applies as many shortfalls as were asked for and no more, an empty record skips all; the record is advanced to now once \
         none is left, and before that only to the last one applied. (Up to two shortfalls.)",
    ),
];

fn active(epoch: u16) -> Active {
    let (current, requested) =
        (any_up_to::<u128>("active", power(112) - int(1)), any_up_to::<u128>("requested", power(112) - int(1)));
    assume(int(requested).le(current));
    let mut record = Active::default();
    let _ = record.roll_to(epoch);
    let _ = record.add(current);
    let _ = record.deactivate(requested);
    record
}

fn rolling() {
    let (from, between, to) = (any::<u16>("epoch of the record"), any::<u16>("epoch between"), any::<u16>("epoch now"));
    assume(int(between).le(to));
    let start = active(from);
    let (mut once, mut twice) = (start, start);
    let crossed = once.roll_to(to);
    let halves = [twice.roll_to(between), twice.roll_to(to)];
    claim("at once is one after the other", once == twice);
    claim("again changes nothing", twice.roll_to(to).is_none() && once == twice);
    claim("back changes nothing", twice.roll_to(between).is_none() && once == twice);
    claim("the next amount stays", int(once.next()).eq(start.next()));
    let forward = to > from;
    let now = if forward { start.next() } else { start.current() };
    claim("the next amount comes forward", int(once.current()).eq(now));
    let changed = forward && start.current() != start.next();
    claim("a boundary is reported where the amount changed", crossed.is_some() == changed);
    claim("it is reported once", halves[0].or(halves[1]) == crossed && (halves[0].is_none() || halves[1].is_none()));
    if let Some(crossed) = crossed {
        claim(
            "it is the end of the record's epoch, with the amount before",
            int(crossed.epoch).eq(from) & int(crossed.amount).eq(start.current()),
        );
    }

    let share = Allocation { epoch: from, current: any("share"), next: any("next share") };
    let (mut once, mut twice) = (share, share);
    once.roll_to(to);
    twice.roll_to(between);
    twice.roll_to(to);
    claim("shares as well", once == twice);
    let current = if forward { share.next } else { share.current };
    claim("the next share comes forward", int(once.current).eq(current) & int(once.next).eq(share.next));
    claim("a share is of the later epoch", int(once.epoch).eq(if forward { to } else { from }));
}

fn rolling_inactive() {
    for count in 0..=1 {
        if !either(&format!("{count} shortfalls")) {
            continue;
        }
        let from = any::<u16>("epoch of the record");
        assume(int(from).ge(1));
        let start = staker(from, "");
        let all = shortfalls(count, from);
        let (between, to) = (any::<u16>("epoch between"), any::<u16>("epoch now"));
        assume(int(from).le(between) & int(between).le(to));
        // At each moment there are the shortfalls of epochs up to then.
        let seen = all.iter().take_while(|one| one.epoch <= between).count();
        assume(all.last().map_or(Claim::from(true), |last| int(last.epoch).le(to)));
        let number = |count: usize| lit(count as core::primitive::u128);
        let (mut once, mut twice, mut sliced) = (start, start, start);
        let loss = int(once.roll_to(to, number(count), numbered(&all)));
        let halves = int(twice.roll_to(between, number(seen), numbered(&all)))
            + twice.roll_to(to, number(count), numbered(&all));
        claim("at once is one after the other", same(&once, &twice));
        claim("and loses the same", loss.eq(halves));
        claim("again loses nothing", int(twice.roll_to(to, number(count), numbered(&all))).eq(0) & same(&once, &twice));
        let mut slices = int(0);
        for _ in 0..=count {
            slices = slices + sliced.roll_some(to, number(count), lit(1), numbered(&all));
        }
        claim("in slices it ends the same", same(&once, &sliced));
        claim("and loses the same in slices", loss.eq(slices));
        claim("all are applied", int(once.shortfalls()).eq(number_of(count)));
        return;
    }
    let mut total = staker(lit(1), "");
    let (before, to) = (total, any::<u16>("epoch now"));
    assume(int(to).ge(1));
    total.roll_total_to(to);
    let now = if int(to).eq(1).holds() { before.current() } else { before.next() };
    claim("a total comes forward as a record does", int(total.current()).eq(now) & int(total.next()).eq(before.next()));
}

fn same(a: &Inactive, b: &Inactive) -> Claim {
    let (a, b) = (a.0, b.0);
    int(a.epoch).eq(b.epoch)
        & int(a.current).eq(b.current)
        & int(a.next).eq(b.next)
        & int(a.shortfalls).eq(b.shortfalls)
}

fn number_of(count: usize) -> Int {
    int(count as core::primitive::i128)
}

fn amounts() {
    let amount = any_up_to::<u128>("amount", power(128) - int(1));
    let maximum = power(112) - int(1);
    let start = active(lit(1));
    let (now, next) = (int(start.current()), int(start.next()));
    let changed =
        |what: &str, result: Result<(), Error>, record: &Active, by_now: Int, by_next: Int, possible: Claim| {
            match result {
                Ok(()) => {
                    claim(what, possible);
                    claim(what, int(record.current()).eq(now + by_now) & int(record.next()).eq(next + by_next));
                }
                Err(_) => claim(what, !possible),
            }
        };
    let (plus, minus) = (int(amount), int(0) - amount);
    let mut record = start;
    let result = record.add(amount);
    changed("adding", result, &record, plus, plus, (now + amount).le(maximum));
    let mut record = start;
    let result = record.sub(amount);
    changed("taking", result, &record, minus, minus, int(amount).le(next));
    claim("a refusal to take changes nothing", result.is_ok() || record == start);
    let mut record = start;
    let result = record.deactivate(amount);
    changed("a request", result, &record, int(0), minus, int(amount).le(next));
    if result.is_ok() {
        let back = record.reactivate(amount);
        claim("undoing it restores the record", back.is_ok() && record == start);
    }
    let mut record = start;
    let result = record.reactivate(amount);
    changed("undoing requests", result, &record, int(0), plus, int(amount).le(now - next));

    claim("no epoch began short by itself", !start.began_short());
    let mut short = start;
    short.set_began_short(true);
    claim(
        "it is remembered",
        short.began_short() && int(short.current()).eq(now).holds() && int(short.next()).eq(next).holds(),
    );

    let start = staker(lit(1), "in");
    let (now, next) = (int(start.current()), int(start.next()));
    let changed =
        |what: &str, result: Result<(), Error>, record: &Inactive, by_now: Int, by_next: Int, possible: Claim| {
            match result {
                Ok(()) => {
                    claim(what, possible);
                    claim(what, int(record.current()).eq(now + by_now) & int(record.next()).eq(next + by_next));
                }
                Err(_) => claim(what, !possible),
            }
        };
    let mut record = start;
    let result = record.schedule(amount);
    changed("scheduling", result, &record, int(0), plus, (next + amount).le(maximum));
    if result.is_ok() {
        let back = record.cancel(amount);
        claim("cancelling restores the record", back.is_ok() && record == start);
    }
    let mut record = start;
    let result = record.cancel(amount);
    changed("cancelling", result, &record, int(0), minus, int(amount).le(next - now));
    let mut record = start;
    let result = record.withdraw(amount);
    changed("withdrawing", result, &record, minus, minus, int(amount).le(now));
}

fn widths() {
    let amount = any::<U256>("amount");
    match to_balance(amount) {
        Ok(balance) => claim("it stays as it is and fits", int(balance).eq(amount) & int(amount).lt(power(112))),
        Err(_) => claim("only what does not fit is refused", int(amount).ge(power(112))),
    }
}

fn steps() {
    for count in 0..=2 {
        if !either(&format!("{count} shortfalls")) {
            continue;
        }
        let from = any::<u16>("epoch of the record");
        assume(int(from).ge(1));
        let start = staker(from, "");
        let all = shortfalls(count, from);
        let (to, most) = (any::<u16>("epoch now"), any::<u16>("most"));
        assume(all.last().map_or(int(from), |last| int(last.epoch)).le(to));
        let mut record = start;
        let _ = record.roll_some(to, lit(count as core::primitive::u128), most, numbered(&all));
        if start.next() == lit(0) {
            claim("an empty record skips all", int(record.shortfalls()).eq(number_of(count)));
            claim("it stays empty, and is of now", int(record.next()).eq(0) & int(record.epoch()).eq(to));
            return;
        }
        let applied = int(most).min(number_of(count));
        claim("as many are applied as were asked for", int(record.shortfalls()).eq(applied));
        let last = all
            .iter()
            .zip(1..)
            .fold(int(from), |last, (one, number)| Int::either(int(most).ge(number), one.epoch.into(), last));
        let now = Int::either(int(most).ge(number_of(count)), to.into(), last);
        claim("it is of now once none is left, else of the last one applied", int(record.epoch()).eq(now));
        return;
    }
}
