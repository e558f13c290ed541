//! The laws of the arithmetic, each as a property over random inputs.

#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test that fails may panic"
)]

use alloy_primitives::U256;
use balances::{
    balance::{MAX_BALANCE, SHORTFALL_INDEX_BASE},
    rewards::{INDEX_BASE, MAX_ACCRUED, MAX_TIMESTAMP},
    *,
};
use proptest::prelude::*;

fn amount() -> impl Strategy<Value = u128> {
    prop_oneof![Just(0), Just(MAX_BALANCE), 0..=MAX_BALANCE, 0..1_000_000_000_000u128]
}

/// An active and an inactive record of one staker in `epoch`, with `moved` of the active stake requested in it.
fn records() -> impl Strategy<Value = (u16, Active, Inactive)> {
    (1..1000u16, amount(), amount(), any::<u128>()).prop_map(|(epoch, active, inactive, seed)| {
        let moved = seed % (active.min(MAX_BALANCE - inactive) + 1);
        let (mut a, mut x) = (Active::default(), Inactive::default());
        x.schedule(inactive).unwrap(); // Requested in an earlier epoch.
        x.roll_total_to(epoch);
        let _ = a.roll_to(epoch);
        a.add(active).unwrap();
        a.deactivate(moved).unwrap();
        x.schedule(moved).unwrap();
        (epoch, a, x)
    })
}

/// Shortfalls in epochs from 0 to 1200, sorted, with indexes over the whole range.
fn shortfalls() -> impl Strategy<Value = Vec<Shortfall>> {
    let one = (0..1200u16, prop_oneof![Just(0), 0..SHORTFALL_INDEX_BASE])
        .prop_map(|(epoch, index)| Shortfall { epoch, index: U256::from(index) });
    prop::collection::vec(one, 0..12).prop_map(|mut all| {
        all.sort_by_key(|shortfall| shortfall.epoch);
        all
    })
}

fn rolled(mut x: Inactive, epoch: u16, all: &[Shortfall]) -> (Inactive, u128) {
    let loss = x.roll_to(epoch, all.len() as u16, |i| all[usize::from(i)]);
    (x, loss)
}

/// What a staker settled in `from` has not seen yet and can see in `to`.
fn within(from: u16, to: u16, all: &[Shortfall]) -> Vec<Shortfall> {
    all.iter().copied().filter(|shortfall| (from..=to).contains(&shortfall.epoch)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn words_keep_every_field(limbs: [u64; 4]) {
        let word = U256::from_limbs(limbs);
        prop_assert_eq!(Active::from_word(word).to_word(), word);
        prop_assert_eq!(Inactive::from_word(word).to_word(), word);
        prop_assert_eq!(GlobalRewards::from_word(word).to_word(), word);
        prop_assert_eq!(UserRewards::from_word(word).to_word(), word);
        prop_assert_eq!(Shortfall::from_word(word).to_word(), word);
    }

    #[test]
    fn words_lie_as_specified(epoch: u16, current in amount(), next in amount(), k: u16) {
        let word = U256::from(epoch) | (U256::from(current) << 16) | (U256::from(next) << 128) | (U256::from(k) << 240);
        let (a, x) = (Active::from_word(word), Inactive::from_word(word));
        prop_assert_eq!((a.current(), a.next()), (current, next));
        prop_assert_eq!((x.epoch(), x.current(), x.next(), x.shortfalls()), (epoch, current, next, k));
    }

    #[test]
    fn a_short_beginning_is_remembered_until_it_is_set_anew((epoch, active, _) in records(), later: u16, more in amount()) {
        prop_assert!(!active.began_short());
        for short in [true, false] {
            let mut marked = active;
            marked.set_began_short(short);
            prop_assert_eq!(Active::from_word(marked.to_word()), marked);
            prop_assert_eq!((marked.current(), marked.next()), (active.current(), active.next()));
            let _ = marked.roll_to(epoch.max(later));
            let _ = marked.add(more);
            prop_assert_eq!(marked.began_short(), short);
        }
    }

    #[test]
    fn rewards_words_lie_as_specified(index in amount(), settled_at in 0..=MAX_TIMESTAMP, end in 0..=MAX_TIMESTAMP, accrued in 0..=MAX_ACCRUED) {
        let index = U256::from(index) << 48;
        let global = GlobalRewards { index, settled_at, end };
        prop_assert_eq!(global.to_word(), index | (U256::from(settled_at) << 160) | (U256::from(end) << 208));
        prop_assert_eq!(GlobalRewards::from_word(global.to_word()), global);
        let user = UserRewards { index, accrued };
        prop_assert_eq!(user.to_word(), index | (U256::from(accrued) << 160));
        prop_assert_eq!(UserRewards::from_word(user.to_word()), user);
    }

    #[test]
    fn shares_change_at_the_first_boundary_and_only_there(epoch in 1..u16::MAX, current in 0..=10_000u16, next in 0..=10_000u16, by in 1..300u16) {
        let record = Allocation { epoch, current, next };
        for earlier in [0, epoch - 1, epoch] {
            let mut rolled = record;
            rolled.roll_to(earlier);
            prop_assert_eq!(rolled, record);
        }
        let later = epoch.saturating_add(by);
        let mut rolled = record;
        rolled.roll_to(later);
        prop_assert_eq!(rolled, Allocation { epoch: later, current: next, next });
    }

    #[test]
    fn a_boundary_is_reported_where_stake_changed((epoch, a, _) in records(), by in 0..300u16) {
        let mut rolled = a;
        let expected = (by > 0 && a.current() != a.next()).then_some(Crossed { epoch, amount: a.current() });
        prop_assert_eq!(rolled.roll_to(epoch + by), expected);
        let current = if by > 0 { a.next() } else { a.current() };
        prop_assert_eq!((rolled.current(), rolled.next()), (current, a.next()));
        prop_assert_eq!(rolled.roll_to(epoch), None, "epochs do not run backwards");
    }

    #[test]
    fn rolling_twice_is_rolling_once((epoch, a, x) in records(), by in 0..300u16, all in shortfalls()) {
        let to = epoch + by;
        let (mut once, mut twice) = (a, a);
        let _ = once.roll_to(to);
        let _ = twice.roll_to(to);
        prop_assert_eq!(twice.roll_to(to), None);
        prop_assert_eq!(once, twice);

        let all = within(epoch, to, &all);
        let (once, _) = rolled(x, to, &all);
        let (twice, loss) = rolled(once, to, &all);
        prop_assert_eq!((once, 0), (twice, loss));
    }

    #[test]
    fn splitting_time_changes_no_balance((epoch, a, x) in records(), by in (0..300u16, 0..300u16), all in shortfalls()) {
        let (half, whole) = (epoch + by.0, epoch + by.0 + by.1);
        let (mut direct, mut split) = (a, a);
        let crossed = direct.roll_to(whole);
        let crossed_split = [split.roll_to(half), split.roll_to(whole)];
        prop_assert_eq!(direct, split);
        if whole > epoch {
            // The change happens once, at the end of the epoch in which it was asked for.
            prop_assert_eq!(crossed_split.into_iter().flatten().collect::<Vec<_>>(), Vec::from_iter(crossed));
        }

        let (mut direct, mut split) = (x, x);
        direct.roll_total_to(whole);
        split.roll_total_to(half);
        split.roll_total_to(whole);
        prop_assert_eq!(direct, split);

        // At `half` only the shortfalls up to then have been marked; a staker who looks in sees those.
        let all = within(epoch, whole, &all);
        let marked = within(epoch, half, &all);
        let (direct, loss) = rolled(x, whole, &all);
        let (split, first) = rolled(x, half, &marked);
        let (split, second) = rolled(split, whole, &all);
        prop_assert_eq!((direct, loss), (split, first + second));
    }

    #[test]
    fn a_loss_is_what_an_eager_ledger_takes((epoch, _, x) in records(), by in 0..300u16, all in shortfalls()) {
        let to = epoch + by;
        let all = within(epoch, to, &all);
        let (mut current, mut pending, mut owed) = (x.current(), x.next() - x.current(), 0);
        for now in epoch..=to {
            if now > epoch {
                current += std::mem::take(&mut pending);
            }
            for shortfall in all.iter().filter(|shortfall| shortfall.epoch == now) {
                let kept = U256::from(current) * shortfall.index / U256::from(SHORTFALL_INDEX_BASE);
                let kept: u128 = kept.to();
                owed += current - kept;
                current = kept;
            }
        }
        let (rolled, loss) = rolled(x, to, &all);
        prop_assert_eq!((rolled.current(), rolled.next(), loss), (current, current + pending, owed));
        prop_assert_eq!(rolled.shortfalls(), all.len() as u16);
    }

    #[test]
    fn settling_in_slices_is_settling_at_once(
        (epoch, _, x) in records(), by in 0..300u16, all in shortfalls(), slices in prop::collection::vec(0..4u16, 0..6)
    ) {
        let all: Vec<_> = all.into_iter().filter(|shortfall| shortfall.epoch <= epoch + by).collect();
        let (whole, loss) = rolled(x, epoch + by, &all);
        let (count, entry) = (all.len() as u16, |i: u16| all[usize::from(i)]);
        let mut sliced = x;
        let mut lost = 0;
        for max in slices {
            let before = sliced.shortfalls();
            lost += sliced.roll_some(epoch + by, count, max, entry);
            prop_assert!(sliced.next() == 0 || sliced.shortfalls() == (before + max).min(count), "each slice is taken whole");
        }
        lost += sliced.roll_to(epoch + by, count, entry);
        prop_assert_eq!((sliced, lost), (whole, loss));
    }

    #[test]
    fn debts_sum_to_the_shortfall_and_spare_every_share(
        loans in prop::collection::vec((0..1u128 << 100, 0..=2_000u16), 1..6), missing: u128
    ) {
        let borrowed: u128 = loans.iter().map(|(borrowed, _)| borrowed).sum();
        prop_assume!(borrowed > 0);
        let shortfall = 1 + missing % borrowed;
        let active = borrowed - shortfall;
        let mut attribution = Attribution::of(shortfall);
        let (mut debts, mut excesses) = (0, U256::ZERO);
        for (borrowed, share) in loans {
            prop_assert_eq!(attribution.is_complete(), excesses >= U256::from(attribution.required()));
            let excess = excess_points(borrowed, active, share);
            excesses += U256::from(excess);
            let debt = attribution.charge(excess);
            prop_assert_eq!(U256::from(attribution.covered()), excesses.min(U256::from(attribution.required())));
            prop_assert!(debt <= excess.div_ceil(10_000), "rounded up at most");
            prop_assert!(borrowed - debt >= borrowed.min(allocated_down(active, share)), "not below its share");
            debts += debt;
        }
        // Shares sum to at most the whole, so all excesses together cover the shortfall.
        prop_assert!(attribution.is_complete());
        prop_assert_eq!(debts, shortfall);
    }

    #[test]
    fn a_share_is_exact_and_rounds_down(borrowed in amount(), active in amount(), share in 0..=10_000u16) {
        let [borrowed_wide, active_wide, share_wide] = [U256::from(borrowed), U256::from(active), U256::from(share)];
        let points = active_wide * share_wide;
        prop_assert_eq!(U256::from(allocated_down(active, share)), points / U256::from(10_000));
        let excess = (borrowed_wide * U256::from(10_000)).saturating_sub(points);
        prop_assert_eq!(U256::from(excess_points(borrowed, active, share)), excess);
    }

    #[test]
    fn a_haircut_takes_what_is_missing(inactive in amount(), missing in amount(), epoch: u16) {
        let mut total = Inactive::default();
        total.schedule(inactive).unwrap();
        total.roll_total_to(1);
        let (shortfall, loss) = haircut(&total, epoch, missing);
        prop_assert_eq!((shortfall.epoch, loss), (epoch, missing.min(inactive)));
        prop_assert!(shortfall.index < U256::from(SHORTFALL_INDEX_BASE) || loss == 0);
        // Whoever holds everything keeps what the total keeps, or one unit less since the index is rounded down.
        let kept = shortfall.surviving_down(inactive);
        prop_assert!(inactive - loss - kept <= 1);
        total.mark(loss).unwrap();
        prop_assert_eq!((total.current(), total.shortfalls()), (inactive - loss, 1));
    }

    #[test]
    fn an_empty_record_skips_every_shortfall(epoch in 0..2000u16, count: u16) {
        let mut x = Inactive::default();
        let loss = x.roll_to(epoch, count, |_| unreachable!("nothing to lose"));
        prop_assert_eq!((loss, x.shortfalls(), x.current(), x.next()), (0, count, 0, 0));
    }

    #[test]
    fn a_request_moves_stake_between_the_records_and_back((_, a, x) in records(), amount in amount()) {
        let (mut a2, mut x2) = (a, x);
        match a2.deactivate(amount) {
            Err(error) => {
                prop_assert!(amount > a.next());
                prop_assert_eq!(error, Error::Insufficient { requested: U256::from(amount), available: U256::from(a.next()) });
                prop_assert_eq!(a2, a);
            }
            Ok(()) if x2.schedule(amount).is_ok() => {
                prop_assert_eq!(a.next() + x.next(), a2.next() + x2.next());
                prop_assert_eq!((a.current(), x.current()), (a2.current(), x2.current()));
                a2.reactivate(amount).unwrap();
                x2.cancel(amount).unwrap();
                prop_assert_eq!((a2, x2), (a, x));
            }
            Ok(()) => prop_assert!(x.next() + amount > MAX_BALANCE),
        }
    }

    #[test]
    fn no_more_is_cancelled_than_was_requested((_, mut a, mut x) in records()) {
        let (scheduled_down, scheduled_up) = (a.current() - a.next(), x.next() - x.current());
        let before = (a, x);
        prop_assert!(a.reactivate(scheduled_down + 1).is_err());
        prop_assert!(x.cancel(scheduled_up + 1).is_err());
        prop_assert_eq!((a, x), before);
    }

    #[test]
    fn sums_stop_at_112_bits((_, a, x) in records(), amount: u128) {
        let room = MAX_BALANCE - a.current();
        for amount in [amount, room, room + 1] {
            let mut grown = a;
            match grown.add(amount) {
                Ok(()) => {
                    prop_assert!(amount <= room);
                    prop_assert_eq!((grown.current(), grown.next()), (a.current() + amount, a.next() + amount));
                }
                Err(error) => {
                    let sum = U256::from(a.current()) + U256::from(amount);
                    prop_assert!(amount > room);
                    prop_assert_eq!(error, Error::BalanceOverflow { balance: sum, maximum: U256::from(MAX_BALANCE) });
                }
            }
        }
        let mut taken = x;
        prop_assert_eq!(taken.withdraw(amount).is_ok(), amount <= x.current());
        for amount in [amount, a.next(), a.next() + 1] {
            let mut taken = a;
            prop_assert_eq!(taken.sub(amount).is_ok(), amount <= a.next());
            prop_assert!(amount <= a.next() || taken == a, "refused, nothing is taken");
        }
        prop_assert_eq!(to_balance(U256::from(amount)).is_ok(), amount <= MAX_BALANCE);
    }

    /// Whatever is staked and whenever it is settled, no more is paid than was emitted, and no width is exceeded, as long
    /// as the rate is legal.
    #[test]
    fn rewards_never_exceed_the_emission(
        duration in 1..MAX_TIMESTAMP,
        rate_share in 0..=1_000_000u128,
        stakes in prop::collection::vec(1..=MAX_BALANCE / 8, 1..5),
        times in prop::collection::vec(any::<u64>(), 1..12),
    ) {
        let rate = max_rate(duration) / 1_000_000 * rate_share + u128::from(rate_share == 1_000_000) * (max_rate(duration) % 1_000_000);
        let total: u128 = stakes.iter().sum();
        let mut global = GlobalRewards { end: duration, ..Default::default() };
        let mut users = vec![UserRewards::default(); stakes.len()];
        let mut times: Vec<_> = times.into_iter().map(|time| time % (duration + duration / 4 + 1)).collect();
        times.sort_unstable();
        for (i, &time) in times.iter().enumerate() {
            global.settle_to(time, total, rate).unwrap();
            let user = i % stakes.len();
            users[user].settle_to(global.index, stakes[user]).unwrap();
        }
        for (user, &staked) in users.iter_mut().zip(&stakes) {
            user.settle_to(global.index, staked).unwrap();
        }
        let last = times.last().unwrap().min(&duration);
        let paid: u128 = users.iter().map(|user| user.accrued).sum();
        prop_assert!(paid <= rate * u128::from(*last));
    }

    #[test]
    fn settling_more_often_never_pays_more(
        total in 1..=MAX_BALANCE,
        share in 0..=10_000u128,
        rate in 0..=max_rate(1 << 30),
        mut times in prop::collection::vec(0..1u64 << 30, 1..10),
    ) {
        let staked = (total / 10_000 * share).min(total);
        times.sort_unstable();
        let start = GlobalRewards { end: 1 << 30, ..Default::default() };
        let (mut often, mut user_often) = (start, UserRewards::default());
        for &time in &times {
            often.settle_to(time, total, rate).unwrap();
            user_often.settle_to(often.index, staked).unwrap();
        }
        let (mut once, mut user_once) = (start, UserRewards::default());
        once.settle_to(*times.last().unwrap(), total, rate).unwrap();
        user_once.settle_to(once.index, staked).unwrap();
        prop_assert!(often.index <= once.index);
        prop_assert!(user_often.accrued <= user_once.accrued);
        prop_assert_eq!(often.settled_at, once.settled_at);
        // Each settlement loses less than one index step, and less than one unit.
        prop_assert!(once.index - often.index < U256::from(times.len()));
        let steps = U256::from(staked) * U256::from(times.len()) / U256::from(INDEX_BASE);
        prop_assert!(U256::from(user_once.accrued - user_often.accrued) <= steps + U256::from(times.len()));
    }

    /// The extreme that the cap on the rate is made for: one unit staked for the whole distribution at the highest rate.
    #[test]
    fn the_highest_rate_overflows_nothing(duration in 1..=MAX_TIMESTAMP) {
        let mut global = GlobalRewards { end: duration, ..Default::default() };
        let mut user = UserRewards::default();
        global.settle_to(duration, 1, max_rate(duration)).unwrap();
        user.settle_to(global.index, 1).unwrap();
        prop_assert_eq!(user.accrued, max_rate(duration) * u128::from(duration));
        prop_assert!(max_rate(duration).checked_add(1).unwrap() > MAX_ACCRUED / u128::from(duration));
    }

    #[test]
    fn the_clock_stops_outside_the_distribution(settled_at in 0..=MAX_TIMESTAMP, end in 0..=MAX_TIMESTAMP, up_to: u64, total in amount(), index in amount()) {
        let start = GlobalRewards { index: U256::from(index), settled_at, end };
        let mut settled = start;
        let moved = settled.settle_to(up_to, total, 0).unwrap();
        prop_assert_eq!(moved, up_to.min(end) > settled_at);
        prop_assert_eq!(settled.index, start.index); // No rate, no growth.
        prop_assert_eq!(settled.settled_at, if moved { up_to.min(end) } else { settled_at });
        prop_assert!(!settled.settle_to(up_to, total, 1).unwrap(), "a second settlement to the same time does nothing");
    }

    #[test]
    fn without_stake_only_the_clock_moves(seconds in 1..=MAX_TIMESTAMP, rate: u128, index in amount()) {
        let start = GlobalRewards { index: U256::from(index), settled_at: 0, end: seconds };
        let mut settled = start;
        prop_assert_eq!(settled.settle_to(seconds, 0, rate), Ok(true));
        prop_assert_eq!(settled, GlobalRewards { settled_at: seconds, ..start });
    }

    #[test]
    fn a_newcomer_earns_nothing_for_the_past(growth in 1..=MAX_BALANCE, accrued in 0..=MAX_ACCRUED) {
        let mut user = UserRewards { index: U256::ZERO, accrued };
        prop_assert_eq!(user.settle_to(U256::from(growth), 0), Ok(true));
        prop_assert_eq!(user, UserRewards { index: U256::from(growth), accrued });
    }

    #[test]
    fn every_second_lies_in_exactly_one_epoch(
        interval in schedule::MIN_BLACKOUT_WINDOW * 2..=schedule::MAX_INTERVAL,
        blackout_share in 0..=1000u32,
        offset in 0..1u64 << 40,
        elapsed in 0..1u64 << 38,
    ) {
        let widest = interval / 2 - schedule::MIN_BLACKOUT_WINDOW;
        let blackout = schedule::MIN_BLACKOUT_WINDOW + widest / 1000 * blackout_share;
        let schedule = Schedule::new(U256::from(interval), U256::from(blackout), U256::from(offset)).unwrap();
        let now = offset + elapsed;
        let epoch = schedule.epoch_number(now).unwrap();
        let start: u64 = schedule.start_of(U256::from(epoch)).unwrap().to();
        let end: u64 = schedule.start_of(U256::from(epoch + 1)).unwrap().to();
        prop_assert!(schedule.has_started(now));
        prop_assert!(start <= now && now < end);
        prop_assert_eq!(schedule.time_remaining(now).unwrap(), end - now);
        prop_assert_eq!(schedule.in_blackout(now), now >= end - u64::from(blackout));
        match u16::try_from(epoch) {
            Ok(narrow) => {
                prop_assert_eq!(schedule.epoch(now), Ok(narrow));
                prop_assert_eq!(schedule.end_of(narrow), end);
            }
            Err(_) => prop_assert_eq!(
                schedule.epoch(now),
                Err(Error::EpochOverflow { epoch: U256::from(epoch), maximum: U256::from(65_535) })
            ),
        }
    }

    #[test]
    fn nothing_has_started_before_epoch_zero(offset in 1..u128::MAX, before: u128) {
        let schedule = Schedule { interval: 1_000_000, blackout: 300_000, offset };
        let now = u64::try_from(before % offset).unwrap_or(u64::MAX).min(u64::try_from(offset - 1).unwrap_or(u64::MAX));
        let error = Error::EpochZeroNotStarted { timestamp: U256::from(now), start: U256::from(offset) };
        prop_assert!(!schedule.has_started(now) && !schedule.in_blackout(now));
        prop_assert_eq!(schedule.epoch(now), Err(error));
        prop_assert_eq!(schedule.epoch_number(now), Err(error));
        prop_assert_eq!(schedule.time_remaining(now), Err(error));
    }
}
