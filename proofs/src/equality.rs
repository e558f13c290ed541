//! Every function of the arithmetic beside itself: as it is, and with a mutant, on the same numbers.
//!
//! Where results are the same for all of them, refusals and what they say included, the mutant is the same function.

use crate::{
    engine::{Style, Theory, with_mutant},
    host::Address,
    laws::Law,
    verdict::AS_IT_IS,
    world::{
        balances::{balance::Record, *},
        distribution::{
            claims::claimable,
            quorum::Agreement,
            roots::{Phase, Roots},
        },
        *,
    },
};

/// Which numbers a function is run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// All that its types and the fields of stored words can hold.
    All,
    /// Those that the rules allow: `proofs/README.md` has the laws that say so.
    Rules,
}

/// A function, as what claims that it is equal to itself.
const fn function(name: &'static str, run: fn()) -> Law {
    Law { name, prose: "", theory: Theory::Integers, style: Style::Each, example: &[], run }
}

/// One that puts fields into a word and takes them out: bit by bit.
const fn word(name: &'static str, run: fn()) -> Law {
    Law { name, prose: "", theory: Theory::Bits, style: Style::Each, example: &[], run }
}

thread_local! {
    static DOMAIN: std::cell::Cell<Domain> = const { std::cell::Cell::new(Domain::All) };
}

/// Chooses the numbers for what this thread runs next.
pub fn on(domain: Domain) {
    DOMAIN.with(|place| place.set(domain));
}

/// Takes for granted where rules hold.
fn rule(fact: Claim) {
    if DOMAIN.with(std::cell::Cell::get) == Domain::Rules {
        assume(fact);
    }
}

/// The same call twice.
fn same<T: PartialEq>(call: impl Fn() -> T) {
    let mutant = with_mutant(AS_IT_IS);
    let original = call();
    let _ = with_mutant(mutant);
    let mutated = call();
    claim("both give the same", equal(&original, &mutated));
}

/// The same change of a copy twice: what it gives and what it leaves.
fn same_change<T: Copy + PartialEq, R: PartialEq>(start: T, change: impl Fn(&mut T) -> R) {
    same(|| {
        let mut copy = start;
        let result = change(&mut copy);
        (result, copy)
    });
}

/// All functions that others can call.
pub const FUNCTIONS: &[Law] = &[
    function("to_balance", || same(|| to_balance(any("amount")))),
    function("Active::roll_to", || same_change(active(), |record| record.roll_to(any("to")))),
    function("Active::began_short", || same(|| active().began_short())),
    function("Active::add", || same_change(active(), |record| record.add(amount()))),
    function("Active::sub", || same_change(active(), |record| record.sub(amount()))),
    function("Active::deactivate", || same_change(active(), |record| record.deactivate(amount()))),
    function("Active::reactivate", || same_change(active(), |record| record.reactivate(amount()))),
    function("Shortfall::surviving_down", || same(|| shortfall("", any("epoch")).surviving_down(amount()))),
    function("Inactive::roll_total_to", || same_change(inactive(), |record| record.roll_total_to(any("to")))),
    function("Inactive::roll_to", || unseen(|record, to, count, all| record.roll_to(to, count, all))),
    function("Inactive::roll_some", || {
        unseen(|record, to, count, all| record.roll_some(to, count, any("steps"), all));
    }),
    function("Inactive::mark", || same_change(inactive(), |record| record.mark(amount()))),
    function("Inactive::schedule", || same_change(inactive(), |record| record.schedule(amount()))),
    function("Inactive::cancel", || same_change(inactive(), |record| record.cancel(amount()))),
    function("Inactive::withdraw", || same_change(inactive(), |record| record.withdraw(amount()))),
    function("Allocation::roll_to", || {
        let share = Allocation { epoch: any("from"), current: any("share"), next: any("next share") };
        same_change(share, |share| share.roll_to(any("to")));
    }),
    function("allocated_down", || same(|| allocated_down(any("active"), any("share")))),
    function("excess_points", || same(|| excess_points(any("borrowed"), any("active"), any("share")))),
    function("Attribution", || {
        let shortfall = any::<u128>("shortfall");
        rule(int(shortfall).lt(power(112)));
        same(|| {
            let mut list = Attribution::of(shortfall);
            let first = (list.charge(any("first points")), list.required(), list.covered(), list.is_complete());
            (first, list.charge(any("points")), list.covered(), list.is_complete())
        });
    }),
    function("haircut", || same(|| haircut(&inactive(), any("epoch"), amount()))),
    function("max_rate", || same(|| max_rate(any("duration")))),
    function("GlobalRewards::settle_to", || {
        let clock = |name| any_up_to::<u64>(name, power(48) - int(1));
        let index = any_up_to("index", power(160) - int(1));
        let rewards = GlobalRewards { index, settled_at: clock("settled at"), end: clock("end") };
        same_change(rewards, |rewards| rewards.settle_to(any("up to"), any("total"), any("rate")));
    }),
    function("UserRewards::settle_to", || {
        let index = any_up_to("settled index", power(160) - int(1));
        let rewards = UserRewards { index, accrued: any_up_to("accrued", power(96) - int(1)) };
        same_change(rewards, |rewards| rewards.settle_to(any("index"), any("staked")));
    }),
    function("Schedule::new", || same(|| Schedule::new(any("interval"), any("blackout"), any("offset")))),
    function("Schedule::epoch_number", || same(|| schedule().epoch_number(any("now")))),
    function("Schedule::epoch", || same(|| schedule().epoch(any("now")))),
    function("Schedule::has_started", || same(|| schedule().has_started(any("now")))),
    function("Schedule::time_remaining", || same(|| schedule().time_remaining(any("now")))),
    function("Schedule::in_blackout", || same(|| schedule().in_blackout(any("now")))),
    function("Schedule::start_of", || same(|| schedule().start_of(any("epoch")))),
    function("Schedule::end_of", || same(|| schedule().end_of(any("epoch")))),
    function("claimable", || same(|| claimable(any("cumulative"), any("claimed")))),
    function("Agreement::suffices", || same(|| agreement().suffices(any("reports")))),
    function("Agreement::allows", || same(|| agreement().allows(any("proposed"), any("ahead")))),
    function("Agreement::needs_majority", || same(|| agreement().needs_majority())),
    function("Roots, as readers see them", || {
        let roots = roots();
        same(|| (roots.proposed_epoch(), roots.cancelled_epoch(), roots.active_epoch()));
        same(|| (roots.is_pending(), roots.proposed_place()));
    }),
    function("Roots::check_update", || same(|| roots().check_update(any("now")))),
    function("Roots::update", || same_change(roots(), Roots::update)),
    function("Roots::propose", || same_change(roots(), |roots| roots.propose(any("now")))),
    function("Roots::cancel", || same_change(roots(), Roots::cancel)),
    function("Roots::set_oracle", || same_change(roots(), |roots| roots.set_oracle(Address::new(8)))),
    function("distribution::Schedule::new", || {
        same(|| distribution::schedule::Schedule::new(any("interval"), any("offset"), any("now")));
    }),
    function("distribution::Schedule::epoch", || {
        let schedule = distribution::schedule::Schedule { interval: any("interval"), offset: any("offset") };
        same(|| schedule.epoch(any("time")));
    }),
    word("words of stake", || {
        same(|| (Active::from_word(any("word")), Shortfall::from_word(any("word"))));
        same(|| (active().to_word(), shortfall("", any("epoch")).to_word()));
    }),
    word("words of rewards", || {
        let index = any_up_to("index", power(160) - int(1));
        let clock = |name| any_up_to::<u64>(name, power(48) - int(1));
        let global = GlobalRewards { index, settled_at: clock("settled at"), end: clock("end") };
        let own = UserRewards { index, accrued: any_up_to("accrued", power(96) - int(1)) };
        same(|| (GlobalRewards::from_word(any("word")), UserRewards::from_word(any("word"))));
        same(|| (global.to_word(), own.to_word()));
    }),
    word("words of roots", || same(|| Roots::from_word(any("word")))),
    word("words of roots, written", || same(|| Roots { oracle: address(), ..roots() }.to_word())),
    word("words of agreement", || {
        let epoch = any_up_to("epoch", power(40) - int(1));
        let agreement = Agreement { distributor: address(), epoch, published: either("published"), ..agreement() };
        same(|| (Agreement::from_word(any("word")), agreement.to_word()));
    }),
];

fn address() -> Address {
    Address(any("address"))
}

fn amount() -> u128 {
    any("amount")
}

fn balance(name: &str) -> u128 {
    any_up_to(name, power(112) - int(1))
}

fn active() -> Active {
    let record =
        Record { epoch: any("from"), current: balance("now"), next: balance("next"), shortfalls: any("began short") };
    rule(int(record.next).le(record.current));
    Active(record)
}

fn inactive() -> Inactive {
    let record =
        Record { epoch: any("from"), current: balance("now"), next: balance("next"), shortfalls: any("shortfalls") };
    rule(int(record.current).le(record.next));
    Inactive(record)
}

fn shortfall(name: &str, epoch: u16) -> Shortfall {
    let index = any_up_to(&format!("index{name}"), power(224) - int(1));
    rule(int(index).le(ten_to(36)));
    Shortfall { epoch, index }
}

/// A staker's record that has seen none of up to two shortfalls. Epochs never go back.
fn unseen(change: impl Fn(&mut Inactive, u16, u16, &dyn Fn(u16) -> Shortfall) -> u128) {
    let start = Inactive(Record { shortfalls: lit(0), ..inactive().0 });
    let to = any::<u16>("to");
    rule(int(start.0.epoch).le(to));
    for count in 0..=2_u8 {
        if !either(&format!("{count} shortfalls")) {
            continue;
        }
        let mut last = start.0.epoch;
        let mut all = vec![];
        for place in 0..count {
            let epoch = any::<u16>(&format!("epoch of shortfall {place}"));
            rule(int(last).le(epoch) & int(epoch).le(to));
            last = epoch;
            all.push(shortfall(&format!(" of shortfall {place}"), epoch));
        }
        let numbered = |number: u16| all[number.native() as usize];
        same_change(start, |record| change(record, to, lit(count.into()), &numbered));
        return;
    }
}

fn schedule() -> Schedule {
    let schedule = Schedule { interval: any("interval"), blackout: any("blackout"), offset: any("offset") };
    rule(int(schedule.interval).le(92 * 86_400) & (int(schedule.blackout) * 2).le(schedule.interval));
    schedule
}

fn agreement() -> Agreement {
    Agreement { quorum: any("quorum"), reporters: any("reporters"), ..Agreement::default() }
}

fn roots() -> Roots {
    let phases = [Phase::None, Phase::Pending, Phase::Active, Phase::Cancelled];
    let phase = phases.into_iter().find(|phase| either(&format!("{phase:?}"))).unwrap_or_default();
    let next_epoch = any_up_to::<u64>("next epoch", power(40) - int(1));
    if phase == Phase::Active {
        rule(int(next_epoch).ge(1));
    }
    Roots {
        oracle: Address::new(7),
        waiting_end: any_up_to("waiting until", power(48) - int(1)),
        next_epoch,
        phase,
        paused: either("paused"),
        place: either("place"),
    }
}
