//! What refusals say.

use super::Law;
use crate::world::{
    balances::{balance::Record, *},
    distribution, *,
};

pub(super) const LAWS: &[Law] = &[
    Law::linear(
        "refusals 1",
        balances,
        "A refusal to change an amount carries the numbers that break the rule it names: the sum that does not fit and the largest that does, or \
         what was asked for and what there is.",
    ),
    Law::new(
        "refusals 2",
        rewards,
        "A refusal to settle rewards carries an index or rewards that do not fit, and the most that do; or an index that fell, and the one it fell from.",
    ),
    Law::new(
        "refusals 3",
        schedules,
        "A refusal of a schedule, or of the pool's or the distributor's epoch, carries the number that was asked for and the bound that it breaks.",
    ),
];

const DAY: i128 = 86_400;

/// Whether the numbers of a refusal break the rule that it names, whose bound is the right one.
fn is_true(error: Error) -> Claim {
    let over = |number: U256, maximum: U256, bits| int(number).gt(maximum) & int(maximum).eq(power(bits) - 1);
    match error {
        Error::EpochZeroNotStarted { timestamp, start } => int(timestamp).lt(start),
        Error::EpochOverflow { epoch, maximum } => over(epoch, maximum, 16),
        Error::BlackoutWindowExceedsHalfEpoch { blackout_window, interval } => (int(blackout_window) * 2).gt(interval),
        Error::BlackoutWindowTooShort { blackout_window, minimum } => {
            int(blackout_window).lt(minimum) & int(minimum).eq(3 * DAY)
        }
        Error::EpochTooLong { interval, maximum } => int(interval).gt(maximum) & int(maximum).eq(92 * DAY),
        Error::OffsetOverflow { offset, maximum } => over(offset, maximum, 128),
        Error::BalanceOverflow { balance, maximum } => over(balance, maximum, 112),
        Error::Insufficient { requested, available } => int(requested).gt(available),
        Error::TooManyShortfalls { count, maximum } => int(count).eq(maximum) & int(maximum).eq(power(16) - 1),
        Error::IndexOverflow { index, maximum } => over(index, maximum, 160),
        Error::AccruedOverflow { accrued, maximum } => over(accrued, maximum, 96),
        Error::IndexDecreased { settled, index } => int(index).lt(settled),
    }
}

fn record() -> Record {
    let balance = |name| any_up_to::<u128>(name, power(112) - int(1));
    Record { epoch: any("epoch"), current: balance("now"), next: balance("next"), shortfalls: any("shortfalls") }
}

fn balances() {
    type Change = fn(Record, u128) -> Result<(), Error>;
    let changes: [(&str, Change); 8] = [
        ("adding", |record, amount| Active(record).add(amount)),
        ("taking", |record, amount| Active(record).sub(amount)),
        ("a request", |record, amount| Active(record).deactivate(amount)),
        ("undoing a request", |record, amount| Active(record).reactivate(amount)),
        ("scheduling", |record, amount| Inactive(record).schedule(amount)),
        ("cancelling", |record, amount| Inactive(record).cancel(amount)),
        ("withdrawing", |record, amount| Inactive(record).withdraw(amount)),
        ("marking", |record, amount| Inactive(record).mark(amount)),
    ];
    let (record, amount) = (record(), any::<u128>("amount"));
    let Some((_, change)) = changes.into_iter().find(|(name, _)| either(name)) else {
        if let Err(Error::BalanceOverflow { balance, maximum }) = to_balance(any("balance")) {
            claim("what does not fit is what was given", int(balance).eq(int(any::<U256>("balance"))));
            claim("and does not fit", is_true(Error::BalanceOverflow { balance, maximum }));
        }
        return;
    };
    let Err(error) = change(record, amount) else { return };
    claim("its numbers break its rule", is_true(error));
    let (now, next) = (int(record.current), int(record.next));
    match error {
        Error::BalanceOverflow { balance, .. } => {
            claim(
                "the sum is that of an amount there is",
                (int(balance) - amount).eq(now) | (int(balance) - amount).eq(next),
            );
        }
        Error::Insufficient { requested, available } => {
            claim("what was asked for is said", int(requested).eq(amount));
            let scheduled = |more: Int, less: Int| int(available).eq(more.less(less));
            let there = int(available).eq(now) | int(available).eq(next) | scheduled(now, next) | scheduled(next, now);
            claim("what there is is said", there);
        }
        _ => claim("shortfalls are counted", int(record.shortfalls).eq(power(16) - 1)),
    }
}

fn rewards() {
    let index = any_up_to::<U256>("index", power(160) - int(1));
    if either("of a staker") {
        let (settled, accrued) =
            (any_up_to("settled index", power(160) - int(1)), any_up_to("accrued", power(96) - int(1)));
        if let Err(error) = (UserRewards { index: settled, accrued }).settle_to(index, any("staked")) {
            claim("its numbers break its rule", is_true(error));
        }
        return;
    }
    let clock = |name| any_up_to::<u64>(name, power(48) - int(1));
    let mut rewards = GlobalRewards { index, settled_at: clock("settled at"), end: clock("end") };
    if let Err(error) = rewards.settle_to(any("up to"), any("total"), any("rate")) {
        claim("its numbers break its rule", is_true(error));
    }
}

fn schedules() {
    let (interval, blackout, offset) = (any::<U256>("interval"), any::<U256>("blackout"), any::<U256>("offset"));
    let now = any::<u64>("now");
    if either("of the distributor") {
        use distribution::schedule::{Error, MAX_INTERVAL, MAX_LEAD, Schedule};
        match Schedule::new(interval, offset, now) {
            Ok(schedule) => {
                if let Err(Error::NotStarted { timestamp, start }) = schedule.epoch(now) {
                    claim("it has not started", int(timestamp).eq(now) & int(start).eq(offset) & int(now).lt(offset));
                }
            }
            Err(Error::ZeroInterval) => claim("there is no length", int(interval).eq(0)),
            Err(Error::EpochTooLong { interval: said, maximum }) => {
                let right = int(said).eq(interval) & int(maximum).eq(MAX_INTERVAL);
                claim("it is too long", right & int(interval).gt(MAX_INTERVAL));
            }
            Err(Error::OffsetTooFar { offset: said, maximum }) => {
                let latest = (int(now) + MAX_LEAD).min(power(64) - 1);
                claim("it starts too late", int(said).eq(offset) & int(maximum).eq(latest) & int(offset).gt(latest));
            }
            Err(Error::NotStarted { .. }) => claim("a schedule needs no time", false),
        }
        return;
    }
    match Schedule::new(interval, blackout, offset) {
        Ok(schedule) => match schedule.epoch(now) {
            Err(Error::EpochZeroNotStarted { timestamp, start }) => {
                claim("it has not started", int(timestamp).eq(now) & int(start).eq(offset) & int(now).lt(offset));
            }
            Err(error) => claim("its number does not fit", is_true(error)),
            Ok(_) => {}
        },
        Err(error) => {
            claim("its numbers break its rule", is_true(error));
            let said = match error {
                Error::BlackoutWindowExceedsHalfEpoch { blackout_window, interval: said } => {
                    int(blackout_window).eq(blackout) & int(said).eq(interval)
                }
                Error::BlackoutWindowTooShort { blackout_window, .. } => int(blackout_window).eq(blackout),
                Error::EpochTooLong { interval: said, .. } => int(said).eq(interval),
                Error::OffsetOverflow { offset: said, .. } => int(said).eq(offset),
                _ => Claim::from(false),
            };
            claim("what was asked for is said", said);
        }
    }
}
