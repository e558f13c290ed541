//! The storage cache of a frame, flushes and refunds (stylus-vm.md 3.4).

use alloy_primitives::U256;
use chain::{Cause, Chain, Recording};

use crate::support::{
    BUBBLE, CALL, DELEGATE, FLUSH_NOTHING, LOAD, LOAD_AND_FLUSH, STATIC, STORE, STORE_AND_FAIL, STORE_UNFLUSHED,
    deploy, program, relay, send, store, storing, through, try_send, word,
};

#[test]
fn flushed_words_stay_and_others_are_lost() {
    let mut chain = Chain::new();
    let store = deploy(&mut chain, &store());
    send(&mut chain, store, storing(STORE_UNFLUSHED, 1, 7));
    assert_eq!(chain.storage(store, U256::from(1)), U256::ZERO);
    send(&mut chain, store, storing(STORE, 1, 7));
    assert_eq!(chain.storage(store, U256::from(1)), U256::from(7));
    assert_eq!(send(&mut chain, store, storing(LOAD, 1, 0)).output.as_ref(), word(7).as_slice());
}

#[test]
fn a_facet_writes_the_storage_of_its_router() {
    let mut chain = Chain::new();
    let (router, facet) = (deploy(&mut chain, &relay()), deploy(&mut chain, &store()));
    send(&mut chain, router, through(DELEGATE, facet, 0, &storing(STORE, 1, 7)));
    assert_eq!(chain.storage(router, U256::from(1)), U256::from(7));
    assert_eq!(chain.storage(facet, U256::from(1)), U256::ZERO);
}

#[test]
fn a_static_frame_may_flush_only_a_clean_cache() {
    let mut chain = Chain::new();
    let (router, store) = (deploy(&mut chain, &relay()), deploy(&mut chain, &store()));
    let mut status = |operation| send(&mut chain, router, through(STATIC, store, 0, &storing(operation, 1, 7))).output;
    assert_eq!(status(FLUSH_NOTHING).as_ref(), [0]);
    assert_eq!(status(LOAD_AND_FLUSH).as_ref(), [0]);
    assert_eq!(status(STORE_UNFLUSHED).as_ref(), [0], "the cache is not the state");
    assert_eq!(status(STORE).as_ref(), [2]);
    let error = chain.from("alice").static_raw(store, storing(STORE, 1, 7)).expect_err("it writes");
    assert!(error.is_empty());
    assert!(error.receipt().gas.used < 100_000, "gas is kept");
}

#[test]
fn a_failed_frame_takes_its_writes_and_refunds_back() {
    let mut chain = Chain::new();
    let (router, store) = (deploy(&mut chain, &relay()), deploy(&mut chain, &store()));
    send(&mut chain, store, storing(STORE, 1, 7));
    let receipt = send(&mut chain, router, through(CALL, store, 0, &storing(STORE_AND_FAIL, 1, 0)));
    assert_eq!(receipt.output.as_ref(), [2]);
    assert_eq!(receipt.gas.refund, 0);
    assert_eq!(chain.storage(store, U256::from(1)), U256::from(7));
    let error = try_send(&mut chain, store, storing(STORE_AND_FAIL, 1, 0)).expect_err("it fails");
    assert_eq!(error.cause, Cause::Revert);
    assert_eq!(error.receipt().gas.refund, 0);
}

#[test]
fn a_refund_counts_once_however_deep_it_arose() {
    let mut chain = Chain::new();
    let (router, store) = (deploy(&mut chain, &relay()), deploy(&mut chain, &store()));
    for depth in 0..3 {
        send(&mut chain, store, storing(STORE, 1, 7));
        let mut data = storing(STORE, 1, 0);
        let mut target = store;
        for _ in 0..depth {
            data = through(CALL | BUBBLE, target, 0, &data);
            target = router;
        }
        let receipt = send(&mut chain, target, data);
        assert_eq!(receipt.gas.refund, 4_800, "{depth} relays");
        assert_eq!(receipt.gas.used, receipt.gas.intrinsic + receipt.gas.execution_before_refund - 4_800);
    }
}

#[test]
fn a_refund_is_capped_at_a_fifth() {
    let mut chain = Chain::new();
    // Sets eight slots to the first byte of the call data.
    let sweep = program(
        "(call $read_args (i32.const 32))
         (loop
            (i32.store8 (i32.const 31) (local.get $a))
            (i32.store8 (i32.const 95) (i32.load8_u (i32.const 32)))
            (call $storage_cache_bytes32 (i32.const 0) (i32.const 64))
            (local.set $a (i32.add (local.get $a) (i32.const 1)))
            (br_if 0 (i32.lt_u (local.get $a) (i32.const 8))))
         (call $storage_flush_cache (i32.const 0)) i32.const 0",
    );
    let sweep = deploy(&mut chain, &sweep);
    send(&mut chain, sweep, vec![1]);
    assert_eq!(chain.storage(sweep, U256::from(7)), U256::from(1));
    let receipt = send(&mut chain, sweep, vec![0]);
    assert_eq!(receipt.gas.refund, (receipt.gas.intrinsic + receipt.gas.execution_before_refund) / 5);
}

#[test]
fn an_outer_cache_does_not_see_what_a_reentry_wrote() {
    let mut chain = Chain::new();
    // Loads slot 0, lets itself be called again (which writes 9), loads again: the cached word. Clears, loads: the new.
    let body = "
        (if (i32.eqz (local.get $len)) (then
            (i32.store8 (i32.const 63) (i32.const 9))
            (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
            (call $storage_flush_cache (i32.const 0))
            (return (i32.const 0))))
        (call $storage_load_bytes32 (i32.const 0) (i32.const 512))
        (call $contract_address (i32.const 200))
        (drop (call $call_contract (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const -1)
            (i32.const 400)))
        (call $storage_load_bytes32 (i32.const 0) (i32.const 600))
        (call $storage_flush_cache (i32.const 1))
        (call $storage_load_bytes32 (i32.const 0) (i32.const 632))
        (call $write_result (i32.const 600) (i32.const 64)) i32.const 0";
    let contract = deploy(&mut chain, &program(body));
    let output = send(&mut chain, contract, vec![1]).output;
    assert_eq!(output.as_ref(), [word(0), word(9)].concat());
}

#[test]
fn a_flush_that_cannot_be_paid_is_out_of_gas_from_arbos_50_on() {
    for (version, halts) in [(51, true), (41, false)] {
        let mut chain = Chain::builder().arbos(version).build();
        let store = deploy(&mut chain, &store());
        let error = chain.from("alice").gas(45_000).send(store, storing(STORE, 1, 7)).expect_err("too little gas");
        assert_eq!(matches!(error.cause, Cause::Halt(_)), halts, "ArbOS {version}: {error}");
        assert_eq!(chain.storage(store, U256::from(1)), U256::ZERO);
    }
}

#[test]
fn transient_words_last_for_the_transaction() {
    let mut chain = Chain::builder().recording(Recording::Frames).build();
    let body = "
        (call $transient_load_bytes32 (i32.const 0) (i32.const 32))
        (i32.store8 (i32.const 127) (i32.const 5))
        (call $transient_store_bytes32 (i32.const 0) (i32.const 96))
        (call $write_result (i32.const 32) (i32.const 32)) i32.const 0";
    let transient = deploy(&mut chain, &program(body));
    let router = deploy(&mut chain, &relay());
    assert_eq!(send(&mut chain, transient, vec![]).output.as_ref(), word(0).as_slice());
    assert_eq!(send(&mut chain, transient, vec![]).output.as_ref(), word(0).as_slice(), "a new transaction");
    let inner = through(CALL | BUBBLE, transient, 0, &[]);
    let receipt = send(&mut chain, router, inner);
    assert_eq!(receipt.output.as_ref(), word(0).as_slice());
}
