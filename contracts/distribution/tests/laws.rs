//! What the logic of the distributor guarantees, for arbitrary inputs and at every boundary.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics fails"
)]

use alloy_primitives::{Address, B256, U256, keccak256};
use distribution::{
    claimable, merkle,
    quorum::{Agreement, MAX_CID, digest},
    roots::{Phase, Refusal, Roots, WAITING_PERIOD},
    schedule::{Error, MAX_INTERVAL, MAX_LEAD, Schedule},
};
use proptest::prelude::*;

fn hash(bytes: &[u8]) -> B256 {
    keccak256(bytes)
}

fn u(number: u64) -> U256 {
    U256::from(number)
}

fn b256(text: &str) -> B256 {
    text.parse().unwrap()
}

// ---------------------------------------------------------------- trees

#[test]
fn leaves_and_nodes_of_the_specification() {
    let amount = "1000000000000000000000".parse().unwrap();
    let leaf = merkle::leaf(Address::repeat_byte(0x11), amount, hash);
    assert_eq!(leaf, b256("0x1608d0c5671c45330857da7d99daf023590e63a0f84dfca9298ea64bb8e96aee"));
    let first = merkle::leaf(Address::repeat_byte(0x11), u(150), hash);
    let second = merkle::leaf(Address::repeat_byte(0x22), u(250), hash);
    let root = b256("0x7cffb106e698d6aad43e42b08609a3bd2a546d016b4aa22926d2dc1f60cde330");
    assert_eq!((merkle::node(first, second, hash), merkle::node(second, first, hash)), (root, root));
    assert_eq!((merkle::root(first, &[second], hash), merkle::root(second, &[first], hash)), (root, root));
    assert_eq!(merkle::root(first, &[], hash), first);
}

#[test]
fn a_node_hashes_the_smaller_child_first() {
    let (small, large) = (B256::with_last_byte(1), B256::with_last_byte(2));
    let expected = keccak256([small.0, large.0].concat());
    assert_eq!((merkle::node(small, large, hash), merkle::node(large, small, hash)), (expected, expected));
    assert_eq!(merkle::node(small, small, hash), keccak256([small.0, small.0].concat()));
}

#[test]
fn a_proof_is_used_from_the_leaf_upwards() {
    let [a, b, c] = [1, 2, 3].map(B256::with_last_byte);
    let expected = merkle::node(merkle::node(a, b, hash), c, hash);
    assert_eq!(merkle::root(a, &[b, c], hash), expected);
    assert_ne!(merkle::root(a, &[c, b], hash), expected);
}

#[test]
fn only_the_difference_is_claimable() {
    for (cumulative, claimed, pays) in [(5, 2, Some(3)), (5, 5, Some(0)), (5, 6, None), (0, 0, Some(0))] {
        assert_eq!(claimable(u(cumulative), u(claimed)), pays.map(u));
    }
    assert_eq!(claimable(U256::MAX, U256::ZERO), Some(U256::MAX));
}

// ---------------------------------------------------------------- roots

fn phases() -> impl Strategy<Value = Phase> {
    prop_oneof![Just(Phase::None), Just(Phase::Pending), Just(Phase::Active), Just(Phase::Cancelled)]
}

prop_compose! {
    fn roots()(
        oracle: [u8; 20],
        waiting_end in 0_u64..1 << 48,
        next_epoch in 0_u64..1 << 40,
        phase in phases(),
        paused: bool,
        place: bool,
    ) -> Roots {
        Roots { oracle: oracle.into(), waiting_end, next_epoch, phase, paused, place }
    }
}

prop_compose! {
    fn agreements()(
        distributor: [u8; 20],
        epoch in 0_u64..1 << 40,
        quorum: u16,
        reporters: u16,
        published: bool,
    ) -> Agreement {
        Agreement { distributor: distributor.into(), epoch, quorum, reporters, published }
    }
}

proptest! {
    #[test]
    fn roots_keep_every_field(roots in roots()) {
        prop_assert_eq!(Roots::from_word(roots.to_word()), roots);
    }

    #[test]
    fn agreements_keep_every_field(agreement in agreements()) {
        prop_assert_eq!(Agreement::from_word(agreement.to_word()), agreement);
    }

    #[test]
    fn schedules_keep_every_field(interval: u64, offset: u64) {
        let schedule = Schedule { interval, offset };
        prop_assert_eq!(Schedule::from_word(schedule.to_word()), schedule);
    }

    #[test]
    fn an_update_happens_once_and_only_after_the_wait(mut roots in roots(), now in 0_u64..1 << 47) {
        roots.next_epoch %= 1 << 39;
        roots.paused = false;
        let end = roots.propose(now);
        prop_assert_eq!(end, now + WAITING_PERIOD);
        prop_assert!(roots.is_pending());
        prop_assert_eq!(roots.check_update(end - 1), Err(Refusal::Waiting { end }));
        prop_assert_eq!(roots.check_update(end), Ok(()));
        let (epoch, place) = (roots.next_epoch, roots.proposed_place());
        prop_assert_eq!(roots.proposed_epoch(), Some(epoch));
        prop_assert_ne!(place, roots.place);
        roots.update();
        prop_assert_eq!((roots.place, roots.proposed_place()), (place, place));
        prop_assert_eq!((roots.active_epoch(), roots.proposed_epoch()), (Some(epoch), Some(epoch)));
        prop_assert_eq!(roots.check_update(end), Err(Refusal::AlreadyActive { epoch, next: epoch + 1 }));
        prop_assert!(!roots.is_pending() && !roots.clone().cancel());
    }

    #[test]
    fn a_cancelled_root_never_becomes_active(mut roots in roots(), now in 0_u64..1 << 47, oracle: [u8; 20]) {
        roots.paused = false;
        roots.propose(now);
        let place = roots.proposed_place();
        prop_assert!(roots.cancel());
        prop_assert_eq!((roots.phase, roots.proposed_place()), (Phase::Cancelled, place));
        prop_assert_eq!((roots.proposed_epoch(), roots.cancelled_epoch()), (None, Some(roots.next_epoch)));
        prop_assert_eq!(roots.check_update(u64::MAX), Err(Refusal::NothingProposed));
        prop_assert!(!roots.cancel());
        roots.set_oracle(oracle.into());
        prop_assert_eq!((roots.oracle, roots.phase), (oracle.into(), Phase::None));
        prop_assert_eq!(roots.check_update(u64::MAX), Err(Refusal::NothingProposed));
        prop_assert_eq!((roots.proposed_epoch(), roots.cancelled_epoch()), (None, None));
    }

    #[test]
    fn nothing_becomes_active_while_paused(mut roots in roots(), now: u64) {
        roots.paused = true;
        prop_assert_eq!(roots.check_update(now), Err(Refusal::Paused));
    }

    #[test]
    fn a_new_oracle_leaves_what_waits(mut roots in roots(), oracle: [u8; 20]) {
        roots.phase = Phase::Pending;
        let before = roots;
        roots.set_oracle(oracle.into());
        prop_assert_eq!(roots, Roots { oracle: oracle.into(), ..before });
    }

    #[test]
    fn an_epoch_lasts_its_interval(interval in 1_u64..=MAX_INTERVAL, offset in 0_u64..1 << 40, number in 0_u64..1000) {
        let schedule = Schedule::new(u(interval), u(offset), 1 << 40).unwrap();
        let start = offset + number * interval;
        prop_assert_eq!(schedule.epoch(start), Ok(number));
        prop_assert_eq!(schedule.epoch(start + interval - 1), Ok(number));
    }

    #[test]
    fn reports_that_differ_anywhere_have_other_digests(
        root: [u8; 32],
        epoch in 0_u64..1 << 40,
        cid in prop::collection::vec(any::<u8>(), 1..=MAX_CID),
        at: prop::sample::Index,
    ) {
        let root = B256::new(root);
        let whole = [&root.0[..], &u(epoch).to_be_bytes::<32>(), &cid].concat();
        let report = digest(root, epoch, &cid, hash);
        prop_assert_eq!(report, keccak256(&whole));
        let mut other = cid.clone();
        other[at.index(cid.len())] ^= 1;
        prop_assert_ne!(digest(root, epoch, &other, hash), report);
        prop_assert_ne!(digest(root, epoch + 1, &cid, hash), report);
        prop_assert_ne!(digest(root, epoch, &cid[1..], hash), report);
    }
}

#[test]
fn nothing_is_known_before_the_first_proposal() {
    let roots = Roots::from_word(U256::ZERO);
    assert_eq!(roots, Roots::default());
    assert_eq!((roots.proposed_epoch(), roots.cancelled_epoch(), roots.active_epoch()), (None, None, None));
    assert_eq!(roots.check_update(u64::MAX), Err(Refusal::NothingProposed));
    assert_eq!(Agreement::from_word(U256::ZERO), Agreement::default());
}

#[test]
fn words_hold_their_fields_where_the_table_says() {
    let roots = Roots {
        oracle: Address::repeat_byte(0xaa),
        waiting_end: 0x1122_3344_5566,
        next_epoch: 0x77_8899_aabb,
        phase: Phase::Cancelled,
        paused: true,
        place: true,
    };
    let word = "0x0f778899aabb112233445566aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    assert_eq!(B256::from(roots.to_word()), b256(word));
    let agreement = Agreement {
        distributor: Address::repeat_byte(0xaa),
        epoch: 0x77_8899_aabb,
        quorum: 0x0102,
        reporters: 0x0304,
        published: true,
    };
    let word = "0x00000103040102778899aabbaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    assert_eq!(B256::from(agreement.to_word()), b256(word));
}

#[test]
fn numbers_end_where_their_fields_do() {
    let mut roots = Roots::default();
    assert_eq!(roots.propose(u64::MAX), (1 << 48) - 1);
    roots.next_epoch = (1 << 40) - 1;
    roots.update();
    assert_eq!(Roots::from_word(roots.to_word()), roots);
}

// ---------------------------------------------------------------- quorum

#[test]
fn a_quorum_is_reached_exactly() {
    let agreement = Agreement { quorum: 3, reporters: 4, ..Agreement::default() };
    assert_eq!([2, 3, 4].map(|reports| agreement.suffices(reports)), [false, true, true]);
    assert_eq!([0, 1, 4, 5].map(|quorum| agreement.allows(quorum, 0)), [false, true, true, false]);
    assert_eq!([0, 4, 5, 6].map(|quorum| agreement.allows(quorum, 1)), [false, true, true, false]);
    let majorities = [(1, 1), (1, 2), (2, 3), (2, 4), (3, 4), (u16::MAX, u16::MAX)];
    let needs = majorities.map(|(quorum, reporters)| Agreement { quorum, reporters, ..agreement }.needs_majority());
    assert_eq!(needs, [true, false, true, false, true, true]);
}

#[test]
fn bytes_beyond_the_longest_file_are_left_out() {
    let root = B256::with_last_byte(1);
    let long = vec![7; MAX_CID + 1];
    assert_eq!(digest(root, 1, &long, hash), digest(root, 1, &long[..MAX_CID], hash));
}

// ---------------------------------------------------------------- schedule

#[test]
fn schedules_are_bounded() {
    let now = 1_000;
    let new = |interval, offset| Schedule::new(interval, offset, now);
    assert_eq!(new(u(0), u(0)), Err(Error::ZeroInterval));
    let maximum = u(MAX_INTERVAL);
    for interval in [u(MAX_INTERVAL + 1), U256::MAX] {
        assert_eq!(new(interval, u(0)), Err(Error::EpochTooLong { interval, maximum }));
    }
    let maximum = u(now + MAX_LEAD);
    for offset in [u(now + MAX_LEAD + 1), U256::MAX] {
        assert_eq!(new(u(1), offset), Err(Error::OffsetTooFar { offset, maximum }));
    }
    let schedule = Schedule { interval: MAX_INTERVAL, offset: now + MAX_LEAD };
    assert_eq!(new(u(MAX_INTERVAL), maximum), Ok(schedule));
}

#[test]
fn there_is_no_epoch_before_the_first() {
    let schedule = Schedule { interval: 10, offset: 100 };
    assert_eq!(schedule.epoch(99), Err(Error::NotStarted { timestamp: u(99), start: u(100) }));
    assert_eq!((schedule.epoch(100), schedule.epoch(109), schedule.epoch(110)), (Ok(0), Ok(0), Ok(1)));
    let unset = Schedule::default();
    assert_eq!(unset.epoch(5), Err(Error::NotStarted { timestamp: u(5), start: u(0) }));
}
