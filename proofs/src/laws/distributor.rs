//! The rewards distributor.

use super::Law;
use crate::{
    host::Address,
    world::{
        distribution::{
            claims::claimable,
            quorum::Agreement,
            roots::{Phase, Refusal, Roots, WAITING_PERIOD},
        },
        *,
    },
};

pub(super) const LAWS: &[Law] = &[
    Law::new(
        "distributor 1",
        paid,
        "A claim pays the cumulative amount less what was paid before, or is refused if that is more: what an account was paid never \
         decreases, a second claim of the same leaf pays nothing, and whatever is claimed under a root in whatever order sums to at most what \
         its leaves exceed what was paid before.",
    ),
    Law::new(
        "distributor 2",
        waits,
        "What becomes active was proposed and is neither cancelled nor replaced: an update is accepted exactly if a proposal is pending, \
         updates are not paused and the waiting period of that proposal has passed. The next epoch is one more.",
    ),
    Law::new(
        "distributor 3",
        life,
        "Proposing starts a wait of seven days anew, cancelling ends it, another oracle forgets a cancellation and nothing else; the file of \
         the active root is never in the place that a proposal goes to.",
    ),
    Law::new(
        "distributor 4",
        quorum,
        "Equal reports publish from the quorum on; a quorum is allowed from one report to all reporters, and is a majority exactly if it is \
         more than half of them, so that two groups without a common reporter cannot both publish.",
    ),
];

/// Induction over claims under one root.
fn paid() {
    let (leaf, before) = (any::<U256>("leaf"), any::<U256>("paid before"));
    let (sum, leaves) = (natural("paid so far"), natural("open so far"));
    assume(sum.le(leaves));
    match claimable(leaf, before) {
        None => claim("only less than was paid is refused", int(leaf).lt(before)),
        Some(amount) => {
            claim("an account gets to its leaf", (int(before) + amount).eq(leaf));
            claim("paid never decreases", int(leaf).ge(before));
            claim("claims sum to at most what is open", (sum + amount).le(leaves + int(leaf).less(before)));
            claim("again, it pays nothing", claimable(leaf, leaf).map_or(Claim::from(false), |again| int(again).eq(0)));
        }
    }
}

fn roots() -> Roots {
    let phase = if either("pending") {
        Phase::Pending
    } else if either("active") {
        Phase::Active
    } else if either("cancelled") {
        Phase::Cancelled
    } else {
        Phase::None
    };
    let next_epoch = any_up_to::<u64>("next epoch", power(40) - int(1));
    // Something was active before.
    if phase == Phase::Active {
        assume(int(next_epoch).ge(1));
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

fn unchanged(before: &Roots, after: &Roots) -> bool {
    (before.waiting_end, before.next_epoch, before.paused, before.place)
        == (after.waiting_end, after.next_epoch, after.paused, after.place)
}

fn waits() {
    let (mut roots, now) = (roots(), any::<u64>("now"));
    let before = roots;
    let due = !roots.paused && roots.phase == Phase::Pending;
    match roots.check_update(now) {
        Ok(()) => claim("it is pending, not paused, and has waited", Claim::from(due) & int(roots.waiting_end).le(now)),
        Err(Refusal::Paused) => claim("it is paused", roots.paused),
        Err(Refusal::NothingProposed) => {
            claim("nothing is proposed", matches!(roots.phase, Phase::None | Phase::Cancelled))
        }
        Err(Refusal::AlreadyActive { epoch, next }) => {
            claim("it is active", roots.phase == Phase::Active);
            claim("its epoch is the one before the next", (int(epoch) + 1).eq(next) & int(next).eq(roots.next_epoch));
        }
        Err(Refusal::Waiting { end }) => {
            claim("it waits", Claim::from(due) & int(now).lt(roots.waiting_end) & int(end).eq(roots.waiting_end));
        }
    }
    if roots.check_update(now).is_ok() {
        assume(int(roots.next_epoch).lt(power(40) - int(1)));
        let place = roots.proposed_place();
        claim(
            "its epoch is the next",
            roots.proposed_epoch().map_or(Claim::from(false), |epoch| int(epoch).eq(roots.next_epoch)),
        );
        roots.update();
        claim("it is active, in the place where it was proposed", roots.phase == Phase::Active && roots.place == place);
        claim("the next epoch is one more", int(roots.next_epoch).eq(int(before.next_epoch) + 1));
        claim(
            "it is the active one",
            roots.active_epoch().map_or(Claim::from(false), |epoch| int(epoch).eq(before.next_epoch)),
        );
        claim("nothing is pending then", roots.check_update(now).is_err() && !roots.is_pending());
        claim("pause and wait stay", roots.paused == before.paused && roots.waiting_end == before.waiting_end);
    }
}

fn life() {
    let (start, now) = (roots(), any::<u64>("now"));
    claim("a proposal goes to the other place", start.phase == Phase::Active || start.proposed_place() != start.place);
    claim("it is pending as long as it waits", start.is_pending() == (start.phase == Phase::Pending));
    claim(
        "what is cancelled has its epoch",
        match start.cancelled_epoch() {
            Some(epoch) => Claim::from(start.phase == Phase::Cancelled) & int(epoch).eq(start.next_epoch),
            None => Claim::from(start.phase != Phase::Cancelled),
        },
    );
    claim(
        "what is proposed has its epoch",
        match start.proposed_epoch() {
            Some(epoch) if start.phase == Phase::Pending => int(epoch).eq(start.next_epoch),
            Some(epoch) => Claim::from(start.phase == Phase::Active) & (int(epoch) + 1).eq(start.next_epoch),
            None => Claim::from(matches!(start.phase, Phase::None | Phase::Cancelled)),
        },
    );
    claim(
        "what is active has its epoch",
        match start.active_epoch() {
            Some(epoch) => (int(epoch) + 1).eq(start.next_epoch),
            None => int(start.next_epoch).eq(0),
        },
    );

    let mut proposed = start;
    let end = proposed.propose(now);
    let week = int(now) + WAITING_PERIOD;
    claim("it waits for seven days, or to the end of the clock", int(end).eq(week.min(power(48) - int(1))));
    claim("its end is kept", int(proposed.waiting_end).eq(end));
    claim("it is pending", proposed.phase == Phase::Pending);
    claim("nothing else changes", unchanged(&Roots { waiting_end: end, ..start }, &proposed));
    claim("the active root's file is not written over", proposed.proposed_place() != proposed.place);

    let mut cancelled = start;
    let was = cancelled.cancel();
    claim("only what waits can be cancelled", was == (start.phase == Phase::Pending));
    claim(
        "it cannot become active",
        !was || cancelled.phase == Phase::Cancelled && cancelled.check_update(now).is_err(),
    );
    claim("what was not pending stays", was || cancelled.phase == start.phase);
    claim("cancelling changes nothing else", unchanged(&start, &cancelled));

    let mut other = start;
    other.set_oracle(Address::new(8));
    let expected = if start.phase == Phase::Cancelled { Phase::None } else { start.phase };
    claim("another oracle forgets a cancellation", other.phase == expected && other.oracle == Address::new(8));
    claim("and nothing else", unchanged(&start, &other));
}

fn quorum() {
    let agreement = Agreement { quorum: any("quorum"), reporters: any("reporters"), ..Agreement::default() };
    let (reports, proposed, ahead) = (any::<u16>("reports"), any::<u16>("other quorum"), any::<u16>("ahead"));
    let same = |truth: bool, claim: Claim| Claim::from(truth) & claim | !Claim::from(truth) & !claim;
    claim("the quorum publishes", same(agreement.suffices(reports), int(reports).ge(agreement.quorum)));
    let all = (int(agreement.reporters) + ahead).min(power(16) - int(1));
    claim("from one to all", same(agreement.allows(proposed, ahead), int(proposed).ge(1) & int(proposed).le(all)));
    let majority = (int(agreement.quorum) * 2).gt(agreement.reporters);
    claim("more than half", same(agreement.needs_majority(), majority));
    let other = any::<u16>("reports of others");
    assume((int(reports) + other).le(agreement.reporters));
    if agreement.needs_majority() && agreement.suffices(reports) {
        claim("no others can publish as well", !agreement.suffices(other));
    }
}
