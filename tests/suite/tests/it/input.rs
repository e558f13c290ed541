//! Malformed calldata: refused as documented, and nothing is left behind.

use suite::prelude::*;

fn staked() -> Pool {
    let mut pool = Pool::deploy();
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    pool
}

/// Every selector that the pool answers, with the bytes that its arguments need at least.
fn entry_points() -> Vec<(String, [u8; 4], usize)> {
    let all: Vec<_> = suite::abi::functions()
        .into_iter()
        .map(|function| {
            let words = function.inputs.iter().map(suite::abi::head_words).sum::<usize>();
            (function.signature(), function.selector().0, 32 * words)
        })
        .collect();
    assert!(all.len() > 60, "the table of functions is read from abi/");
    all
}

#[test]
fn an_unknown_selector_is_named() {
    let mut pool = staked();
    let known: Vec<_> = entry_points().into_iter().map(|(_, selector, _)| selector).collect();
    for selector in [[0, 0, 0, 0], [0xff; 4], [0x01, 0x97, 0x58, 0xf1]] {
        assert!(!known.contains(&selector));
        let refused = pool.by("S0").send_raw(selector.to_vec()).unwrap_err();
        assert_refused(refused, errors::UnknownSelector { selector: selector.into() });
    }
}

#[test]
fn calldata_without_a_whole_selector_is_refused() {
    let mut pool = staked();
    let before = pool.storage();
    for length in 0..4 {
        let refused = pool.by("S0").send_raw(vec![0xa6; length]).unwrap_err();
        assert_refused(refused, errors::MissingSelector { length: u(length as u64), minimum: u(4) });
    }
    assert_eq!(pool.storage(), before);
}

#[test]
fn calldata_shorter_than_its_arguments_is_refused() {
    let mut pool = staked();
    let before = pool.storage();
    for (signature, selector, needed) in entry_points() {
        for length in (0..needed).step_by(31).chain(needed.checked_sub(1)) {
            let mut call = selector.to_vec();
            call.resize(4 + length, 0);
            let refused = pool.by("S0").send_raw(call).unwrap_err();
            assert!(refused.data.is_empty(), "{signature} with {length} of {needed} bytes: {refused:?}");
        }
    }
    assert_eq!(pool.storage(), before);
}

/// An address or a small integer with bits outside its type is no such value.
#[test]
fn dirty_upper_bits_are_refused() {
    let mut pool = staked();
    let before = pool.storage();
    let s1 = pool.who("S1");
    let calls = [
        (IStaking::stakeForCall { staker: s1, amount: u(1) }.abi_encode(), 4),
        (IStaking::withdrawStakeCall { recipient: s1, amount: u(0) }.abi_encode(), 4),
        (IStaking::claimRewardsCall { recipient: s1 }.abi_encode(), 4),
        (IStakedToken::transferCall { to: s1, amount: u(1) }.abi_encode(), 4),
        (IStakedToken::approveCall { spender: s1, amount: u(1) }.abi_encode(), 4),
    ];
    for (call, argument) in calls {
        for bit in [0, 31, 95] {
            let mut dirty = call.clone();
            dirty[argument + bit / 8] |= 0x80 >> (bit % 8);
            let refused = pool.by("S0").send_raw(dirty).unwrap_err();
            assert!(refused.data.is_empty(), "{refused:?}");
        }
    }
    assert_eq!(pool.storage(), before);
}

/// Call data is exactly the encoding of its arguments or nothing: the SDK checks by encoding again.
#[test]
fn bytes_after_the_arguments_are_refused() {
    let mut pool = staked();
    let before = pool.storage();
    for tag in [&b"\0"[..], b"tag of a wallet", &[0; 32]] {
        let mut call = IStaking::stakeCall { amount: u(5) }.abi_encode();
        call.extend_from_slice(tag);
        let refused = pool.by("S0").send_raw(call).unwrap_err();
        assert!(refused.is_empty(), "{refused:?}");
    }
    assert_eq!(pool.storage(), before);
}

#[test]
fn ether_is_refused_by_every_entry_point() {
    let mut pool = staked();
    for (signature, selector, needed) in entry_points() {
        let mut call = selector.to_vec();
        call.resize(4 + needed, 0);
        let refused = pool.by("S0").send_value(call, 1);
        assert!(refused.is_err(), "{signature} took ether");
    }
    assert!(pool.by("S0").send_value(vec![], 1).is_err());
    assert_eq!(pool.ether_of_pool(), u(0));
}
