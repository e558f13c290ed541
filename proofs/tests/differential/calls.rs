// Included where the functions are native and where they are terms: the same calls, what each gives as text.

/// What every function gives for these numbers.
pub(crate) fn results(w: &Numbers<'_>) -> Vec<(&'static str, String)> {
    let mut all = vec![];
    macro_rules! gives {
        ($name:literal, $result:expr) => {
            all.push(($name, format!("{:?}", $result)))
        };
        ($name:literal, $start:expr, |$record:ident| $result:expr) => {{
            let mut $record = $start;
            let result = $result;
            all.push(($name, format!("{result:?} {:?}", $record)))
        }};
    }
    gives!("to_balance", to_balance(w.n(0)));
    gives!("began_short", w.active().began_short());
    gives!("Active::roll_to", w.active(), |record| record.roll_to(w.n(4)));
    gives!("Active::add", w.active(), |record| record.add(w.n(4)));
    gives!("Active::sub", w.active(), |record| record.sub(w.n(4)));
    gives!("Active::deactivate", w.active(), |record| record.deactivate(w.n(4)));
    gives!("Active::reactivate", w.active(), |record| record.reactivate(w.n(4)));
    gives!("set_began_short", w.active(), |record| record.set_began_short(w.yes(4)));

    let entry = |at: usize| Shortfall { epoch: w.n(at), index: w.up_to(at + 1, 224) };
    gives!("surviving_down", entry(5).surviving_down(w.n(0)));
    let entries = [entry(5), entry(7), entry(9)];
    let numbered = |number: u16| entries[place(number)];
    let count = || small(w.choice(11, 4));
    gives!("roll_total_to", w.inactive(), |record| record.roll_total_to(w.n(4)));
    gives!("Inactive::roll_to", w.inactive(), |record| record.roll_to(w.n(4), count(), numbered));
    gives!("roll_some", w.inactive(), |record| record.roll_some(w.n(4), count(), small(w.choice(12, 4)), numbered));
    gives!("mark", w.inactive(), |record| record.mark(w.n(4)));
    gives!("schedule", w.inactive(), |record| record.schedule(w.n(4)));
    gives!("cancel", w.inactive(), |record| record.cancel(w.n(4)));
    gives!("withdraw", w.inactive(), |record| record.withdraw(w.n(4)));

    let share = Allocation { epoch: w.n(0), current: w.n(1), next: w.n(2) };
    gives!("Allocation::roll_to", share, |share| share.roll_to(w.n(3)));
    gives!("allocated_down", allocated_down(w.n(0), w.n(1)));
    gives!("excess_points", excess_points(w.n(0), w.n(1), w.n(2)));
    gives!("charge", Attribution::of(w.up_to(0, 112)), |list| [list.charge(w.n(1)), list.charge(w.n(2))]);
    let mut list = Attribution::of(w.up_to(0, 112));
    let _ = list.charge(w.n(1));
    gives!("Attribution", (list.required(), list.covered(), list.is_complete()));
    gives!("haircut", haircut(&w.inactive(), w.n(4), w.n(5)));

    gives!("max_rate", max_rate(w.n(0)));
    let rewards = GlobalRewards { index: w.up_to(0, 160), settled_at: w.up_to(1, 48), end: w.up_to(2, 48) };
    gives!("GlobalRewards::settle_to", rewards, |rewards| rewards.settle_to(w.n(3), w.n(4), w.n(5)));
    let rewards = UserRewards { index: w.up_to(0, 160), accrued: w.up_to(1, 96) };
    gives!("UserRewards::settle_to", rewards, |rewards| rewards.settle_to(w.up_to(2, 160), w.n(3)));

    let schedule = Schedule { interval: w.n(0), blackout: w.n(1), offset: w.n(2) };
    gives!("Schedule::new", Schedule::new(w.n(0), w.n(1), w.n(2)));
    gives!("Schedule::new of short times", Schedule::new(w.up_to(0, 23), w.up_to(1, 22), w.n(2)));
    gives!("has_started", schedule.has_started(w.n(3)));
    gives!("epoch_number", schedule.epoch_number(w.n(3)));
    gives!("epoch", schedule.epoch(w.n(3)));
    gives!("start_of", schedule.start_of(w.n(3)));
    gives!("end_of", schedule.end_of(w.n(3)));
    gives!("time_remaining", schedule.time_remaining(w.n(3)));
    gives!("in_blackout", schedule.in_blackout(w.n(3)));

    gives!("claimable", claimable(w.n(0), w.n(1)));
    let agreement = Agreement { quorum: w.n(0), reporters: w.n(1), ..Agreement::default() };
    gives!("agreement", (agreement.suffices(w.n(2)), agreement.allows(w.n(3), w.n(4)), agreement.needs_majority()));
    let phases = [Phase::None, Phase::Pending, Phase::Active, Phase::Cancelled];
    let (waiting_end, next_epoch, phase) = (w.up_to(0, 48), w.up_to(1, 40), phases[w.choice(2, 4)]);
    let roots = Roots { waiting_end, next_epoch, phase, paused: w.yes(3), place: w.yes(4), ..Roots::default() };
    let fields = |roots: &Roots| (roots.waiting_end, roots.next_epoch, roots.phase, roots.paused, roots.place);
    gives!("roots", (roots.proposed_epoch(), roots.cancelled_epoch(), roots.active_epoch(), roots.proposed_place()));
    gives!("check_update", roots.check_update(w.n(5)));
    let mut copy = roots;
    copy.update();
    gives!("update", fields(&copy));
    let mut copy = roots;
    gives!("propose", (copy.propose(w.n(5)), fields(&copy)));
    let mut copy = roots;
    gives!("cancel", (copy.cancel(), fields(&copy)));
    let readers = distribution::schedule::Schedule { interval: w.n(0), offset: w.n(1) };
    gives!("distribution's epoch", readers.epoch(w.n(2)));
    gives!("distribution's schedule", distribution::schedule::Schedule::new(w.up_to(0, 26), w.n(1), w.n(2)));
    all
}

/// What is read from words and written back.
pub(crate) fn words(w: &Numbers<'_>) -> Vec<(&'static str, String)> {
    macro_rules! both {
        ($($type:ty: $show:expr;)*) => {
            vec![$({
                let value = <$type>::from_word(w.n(0));
                (stringify!($type), format!("{:?} {:?}", ($show)(value), value.to_word()))
            }),*]
        };
    }
    both! {
        Active: |value: Active| value;
        Inactive: |value: Inactive| value;
        Shortfall: |value: Shortfall| value;
        GlobalRewards: |value: GlobalRewards| value;
        UserRewards: |value: UserRewards| value;
        Roots: |value: Roots| (value.waiting_end, value.next_epoch, value.phase, value.paused, value.place);
        Agreement: |value: Agreement| (value.epoch, value.quorum, value.reporters, value.published);
        distribution::schedule::Schedule: |value: distribution::schedule::Schedule| value;
    }
}
