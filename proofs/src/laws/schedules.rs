//! Epochs and waiting times.

use super::Law;
use crate::world::{balances::*, distribution, *};

pub(super) const LAWS: &[Law] = &[
    Law::new(
        "schedule 1",
        legal,
        "A schedule is accepted exactly if its epoch is at most 92 days, its blackout window at least three days and at most half an epoch, \
         and its start fits 128 bits.",
    ),
    Law::new(
        "schedule 2",
        epochs,
        "Each second from the start on lies in exactly one epoch, between its first second and the first one after; what remains is 1 to a \
         whole epoch; requests are closed exactly in the last seconds of an epoch, as many as the blackout window has. A later second \
         lies in the same epoch or a later one.",
    ),
    Law::new("schedule 3", ends, "An epoch ends where the next one starts, in 64 bits, or later than any clock says."),
    Law::new(
        "schedule 4",
        readers,
        "The distributor's schedule is accepted exactly within its bounds, and counts epochs rounded down.",
    ),
];

fn legal() {
    let (interval, blackout, offset) = (any::<U256>("interval"), any::<U256>("blackout"), any::<U256>("offset"));
    let (i, b, o) = (int(interval), int(blackout), int(offset));
    let legal = i.le(92 * 86_400) & b.ge(3 * 86_400) & (b * 2).le(i) & o.lt(power(128));
    match Schedule::new(interval, blackout, offset) {
        Ok(schedule) => {
            claim("what is accepted is legal", legal);
            claim(
                "it is kept as it is",
                int(schedule.interval).eq(i) & int(schedule.blackout).eq(b) & int(schedule.offset).eq(o),
            );
        }
        Err(_) => claim("what is refused is not legal", !legal),
    }
}

fn schedule() -> Schedule {
    let interval = any_up_to::<u32>("interval", 92 * 86_400);
    let blackout = any_up_to::<u32>("blackout", 92 * 86_400);
    assume((int(blackout) * 2).le(interval));
    Schedule { interval, blackout, offset: any("offset") }
}

fn epochs() {
    let (schedule, now) = (schedule(), any::<u64>("now"));
    let (start, length) = (int(schedule.offset), int(schedule.interval));
    let started = !length.eq(0) & start.le(now);
    claim(
        "it has started from its start on",
        Claim::from(schedule.has_started(now)) & started | !Claim::from(schedule.has_started(now)) & !started,
    );
    let Ok(number) = schedule.epoch_number(now) else {
        claim("there is no epoch before the first", !started);
        claim("nothing remains of no epoch", schedule.time_remaining(now).is_err());
        claim("requests are open before epoch zero", !schedule.in_blackout(now));
        claim("nor does a record have one", schedule.epoch(now).is_err());
        return;
    };
    claim("there is an epoch from the start on", started);
    let number = int(number);
    let first = start + number * length;
    claim("now is in its epoch", first.le(now) & int(now).lt(first + length));
    match schedule.epoch(now) {
        Ok(epoch) => claim("records have the same number", int(epoch).eq(number)),
        Err(_) => claim("records have 16 bits for it", number.ge(power(16))),
    }
    let later = any::<u64>("later");
    assume(int(later).ge(now));
    claim("epochs never go back", schedule.epoch_number(later).map_or(Claim::from(false), |later| number.le(later)));
    let remaining = schedule.time_remaining(now).map_or(int(-1), int);
    claim("what remains is until the next one", (remaining + now).eq(first + length));
    let closed = Claim::from(schedule.in_blackout(now));
    let last = remaining.le(schedule.blackout);
    claim("requests are closed in the last seconds", closed & last | !closed & !last);
}

fn ends() {
    let schedule = schedule();
    let epoch = any::<u16>("epoch");
    let end = int(schedule.offset) + (int(epoch) + 1) * schedule.interval;
    let start = schedule.start_of(U256::from(epoch));
    claim(
        "it starts after those before",
        start.map_or(Claim::from(false), |start| int(start).eq(end - schedule.interval)),
    );
    claim("it ends where the next one starts", int(schedule.end_of(epoch)).eq(end.min(power(64) - int(1))));
}

fn readers() {
    use distribution::schedule::{MAX_INTERVAL, MAX_LEAD, Schedule};
    let (interval, offset, now) = (any::<U256>("interval"), any::<U256>("offset"), any::<u64>("now"));
    let latest = (int(now) + MAX_LEAD).min(power(64) - int(1));
    let legal = int(interval).gt(0) & int(interval).le(MAX_INTERVAL) & int(offset).le(latest);
    match Schedule::new(interval, offset, now) {
        Ok(made) => {
            claim("what is accepted is legal", legal);
            claim("it is kept as it is", int(made.interval).eq(interval) & int(made.offset).eq(offset));
            let time = any::<u64>("time");
            match made.epoch(time) {
                Ok(number) => {
                    let first = int(made.offset) + int(number) * made.interval;
                    claim("the time is in its epoch", first.le(time) & int(time).lt(first + made.interval));
                }
                Err(_) => claim("there is none before the start", int(time).lt(offset)),
            }
        }
        Err(_) => claim("what is refused is not legal", !legal),
    }
}
