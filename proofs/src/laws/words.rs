//! Stored words, bit by bit: no products here.

use super::Law;
use crate::{
    engine::{Style, Theory},
    host::Address,
    number::{Cast, U160},
    source::{balances::balance::Record, pool_storage::words as pool},
    world::{
        balances::{Active, Allocation, GlobalRewards, Inactive, Shortfall, UserRewards},
        distribution::{
            quorum::Agreement,
            roots::{Phase, Roots},
            schedule as distributor,
        },
        *,
    },
};

const fn law(name: &'static str, run: fn(), prose: &'static str) -> Law {
    Law { name, prose, theory: Theory::Bits, style: Style::Together, example: &[], run }
}

pub(super) const LAWS: &[Law] = &[
    law(
        "words 1",
        balances,
        "Records of stake, shortfalls and rewards: what is unpacked is what was packed, every field, at its full width; so no two fields overlap.",
    ),
    law("words 2", pool_words, "The words of schedule, emission, loans, borrowers and routes: the same."),
    law(
        "words 3",
        distribution_words,
        "The words of roots, of the reporters' agreement and of the distributor's schedule: the same.",
    ),
    law(
        "words 4",
        whole,
        "Any word of a record of stake, of rewards, of loans or of the schedule is what its fields say, bit by bit.",
    ),
];

fn bits<T: Number>(name: &str, bits: core::primitive::u32) -> T {
    T::any(name, power(bits) - int(1))
}

fn same(what: &str, pairs: &[(Int, Int)]) {
    for (a, b) in pairs {
        claim(what, a.eq(*b));
    }
}

/// Claims that each field comes back.
macro_rules! returns {
    ($type:ty, $value:expr; $($field:ident $(. $inner:tt)*),*) => {{
        let (before, after) = ($value, <$type>::from_word($value.to_word()));
        same(stringify!($type), &[$((before.$field$(.$inner)*.into(), after.$field$(.$inner)*.into())),*]);
    }};
}

fn record() -> Record {
    Record {
        epoch: any("epoch"),
        current: bits("current", 112),
        next: bits("next", 112),
        shortfalls: any("shortfalls"),
    }
}

fn balances() {
    let record = record();
    returns!(Record, record; epoch, current, next, shortfalls);
    same("an active record", &[(Active(record).to_word().into(), record.to_word().into())]);
    same("an inactive record", &[(Inactive(record).to_word().into(), record.to_word().into())]);
    returns!(Shortfall, Shortfall { epoch: any("epoch"), index: bits("shortfall index", 224) }; epoch, index);
    let global = GlobalRewards { index: bits("index", 160), settled_at: bits("settled at", 48), end: bits("end", 48) };
    returns!(GlobalRewards, global; index, settled_at, end);
    returns!(UserRewards, UserRewards { index: bits("index", 160), accrued: bits("accrued", 96) }; index, accrued);
}

fn address(name: &str) -> Address {
    Address(any::<U160>(name))
}

fn pool_words() {
    let epochs = crate::source::balances::Schedule {
        interval: any("interval"),
        blackout: any("blackout"),
        offset: any("offset"),
    };
    let schedule = pool::Schedule { epochs, distribution_start: any("start") };
    returns!(pool::Schedule, schedule; distribution_start, epochs.interval, epochs.blackout, epochs.offset);
    let emission = pool::Emission { staked_token: address("token"), rewards_per_second: bits("rate", 96) };
    returns!(pool::Emission, emission; rewards_per_second, staked_token.0);
    returns!(pool::Loans, pool::Loans { borrowed: any("all borrowed"), debt_available: any("repaid") }; borrowed, debt_available);
    let allocation = Allocation { epoch: any("epoch"), current: bits("share", 14), next: bits("next share", 14) };
    let restricted = either("restricted");
    let borrower = pool::Borrower { borrowed: bits("borrowed", 112), allocation, restricted, cap: bits("cap", 96) };
    returns!(pool::Borrower, borrower; borrowed, allocation.epoch, allocation.current, allocation.next, cap);
    claim("a restriction", restricted == pool::Borrower::from_word(borrower.to_word()).restricted);
    returns!(pool::Route, pool::Route { facet: address("facet"), position: any("position") }; position, facet.0);
}

fn distribution_words() {
    for (number, phase) in [Phase::None, Phase::Pending, Phase::Active, Phase::Cancelled].into_iter().enumerate() {
        if !either(&format!("phase {number}")) {
            continue;
        }
        let (paused, place) = (either("paused"), either("place"));
        let (waiting_end, next_epoch) = (bits("waiting", 48), bits("next epoch", 40));
        let roots = Roots { oracle: address("oracle"), waiting_end, next_epoch, phase, paused, place };
        returns!(Roots, roots; waiting_end, next_epoch, oracle.0);
        let back = Roots::from_word(roots.to_word());
        claim("phase, pause and place", (back.phase, back.paused, back.place) == (phase, paused, place));
        return;
    }
    let published = either("published");
    let (quorum, reporters) = (any("quorum"), any("reporters"));
    let agreement =
        Agreement { distributor: address("distributor"), epoch: bits("epoch", 40), quorum, reporters, published };
    returns!(Agreement, agreement; epoch, quorum, reporters, distributor.0);
    claim("whether anything is published", Agreement::from_word(agreement.to_word()).published == published);
    let schedule = distributor::Schedule { interval: any("interval"), offset: any("offset") };
    returns!(distributor::Schedule, schedule; interval, offset);
}

fn whole() {
    let word = any::<U256>("word");
    same("a record of stake", &[(Record::from_word(word).to_word().into(), word.into())]);
    same("a shortfall", &[(Shortfall::from_word(word).to_word().into(), word.into())]);
    same("the index", &[(GlobalRewards::from_word(word).to_word().into(), word.into())]);
    same("a staker's rewards", &[(UserRewards::from_word(word).to_word().into(), word.into())]);
    same("loans", &[(pool::Loans::from_word(word).to_word().into(), word.into())]);
    same("the schedule", &[(pool::Schedule::from_word(word).to_word().into(), word.into())]);
    // Where each field lies, as the table of slots says.
    let at = |from: usize, width: core::primitive::u32| {
        let shifted = word.wrapping_shr(from);
        int(<U256 as Cast<U256>>::cast(
            shifted
                & Number::of(crate::number::Repr::Known(
                    (ruint::aliases::U512::from(1) << width as usize) - ruint::aliases::U512::from(1),
                )),
        ))
    };
    let record = Record::from_word(word);
    same(
        "epoch 16, current 112, next 112, shortfalls 16",
        &[
            (record.epoch.into(), at(0, 16)),
            (record.current.into(), at(16, 112)),
            (record.next.into(), at(128, 112)),
            (record.shortfalls.into(), at(240, 16)),
        ],
    );
    let rewards = GlobalRewards::from_word(word);
    same(
        "index 160, settled at 48, end 48",
        &[
            (rewards.index.into(), at(0, 160)),
            (rewards.settled_at.into(), at(160, 48)),
            (rewards.end.into(), at(208, 48)),
        ],
    );
}
