//! Prices and effects of the host functions (sections 3.3 and 8.2).

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use stylus_vm::execution::CallKind;
use stylus_vm::{Outcome, Reply, Request};

use crate::hooks::{calling, escaped, text, with_memory};
use crate::support::{
    COINBASE, CONTRACT, Chain, Frame, GAS, INK_PRICE, ORIGIN, Run, SENDER, config, context, program, word,
};

const TARGET: Address = Address::repeat_byte(0x11);

fn run(body: &str) -> Run {
    succeed(&Frame::default(), body, &mut Chain::default())
}

fn succeed(frame: &Frame, body: &str, chain: &mut Chain) -> Run {
    let run = frame.run(&calling(body), chain);
    assert_eq!(run.outcome, Outcome::Success, "{body}");
    run
}

/// With an account's address, [`TARGET`], at 1,024.
fn run_on_target(body: &str, chain: &mut Chain) -> Run {
    let run = Frame::default().run(&with_memory(&escaped(TARGET.as_slice()), body), chain);
    assert_eq!(run.outcome, Outcome::Success, "{body}");
    run
}

fn check(body: &str, name: &str, ink: u64) {
    assert_eq!(run(body).ink_of(name, 0), ink, "{body}");
}

#[test]
fn storage_load_cold_cached_and_after_clear() {
    let load = "(call $storage_load (i32.const 32) (i32.const 256))";
    let run = run(&format!("{load} {load} (call $storage_flush (i32.const 1)) {load}"));
    let price = |nth| run.ink_of("storage_load_bytes32", nth);
    assert_eq!([price(0), price(1), price(2)], [21_068_480, 18_480, 1_068_480]);
    assert_eq!(run.ink_of("storage_flush_cache", 0), 68_073);
}

#[test]
fn storage_load_charged_the_crossing_as_gas_before_arbos_32() {
    let mut frame = Frame::default();
    frame.config.arbos_version = 31;
    let run = succeed(&frame, "(call $storage_load (i32.const 32) (i32.const 256))", &mut Chain::default());
    assert_eq!(run.ink_of("storage_load_bytes32", 0), 18_480 + (2_100 + 59_673) * 10_000);
}

#[test]
fn storage_load_crossing_follows_the_ink_price() {
    let mut frame = Frame::default();
    frame.config.ink_price = 30_000;
    let run = succeed(&frame, "(call $storage_load (i32.const 32) (i32.const 256))", &mut Chain::default());
    assert_eq!(run.ink_of("storage_load_bytes32", 0), 18_480 + (2_100 + 1) * 30_000);
}

#[test]
fn storage_is_cached_until_flushed() {
    let body = "(call $storage_cache (i32.const 32) (i32.const 96))
        (call $storage_load (i32.const 32) (i32.const 256))
        (call $write_result (i32.const 256) (i32.const 32))";
    let mut chain = Chain::default();
    let run = succeed(&Frame::default(), body, &mut chain);
    assert_eq!(run.output[..], word(3)[..]);
    assert_eq!(run.ink_of("storage_cache_bytes32", 0), 18_480);
    assert_eq!(run.ink_of("storage_load_bytes32", 0), 18_480);
    assert_eq!(chain.requests, [], "nothing reaches the chain, and what is not flushed is lost");
}

const STORE_AND_FLUSH: &str = "(call $storage_cache (i32.const 32) (i32.const 96)) (call $storage_flush (i32.const 0))";

#[test]
fn flush_of_a_first_write() {
    let mut chain = Chain::default();
    let run = succeed(&Frame::default(), STORE_AND_FLUSH, &mut chain);
    assert_eq!(run.ink_of("storage_flush_cache", 0), 221_068_073);
    assert_eq!(chain.storage[&word(1)], word(3));
}

#[test]
fn flush_of_a_rewrite_and_of_a_second_write() {
    let mut chain = Chain::with_storage(&[(1, 9)]);
    let again = "(call $storage_cache (i32.const 32) (i32.const 64)) (call $storage_flush (i32.const 1))";
    let run = succeed(&Frame::default(), &format!("{STORE_AND_FLUSH} {again}"), &mut chain);
    assert_eq!(run.ink_of("storage_flush_cache", 0), 50_068_073);
    assert_eq!(run.ink_of("storage_flush_cache", 1), 1_068_073);
    assert_eq!(chain.storage[&word(1)], word(2));
}

#[test]
fn flush_writes_only_what_changed() {
    let body = "
        (call $storage_load (i32.const 32) (i32.const 256))
        (call $storage_cache (i32.const 32) (i32.const 256))
        (call $storage_cache (i32.const 64) (i32.const 0))
        (call $storage_flush (i32.const 0)) (call $storage_flush (i32.const 0))";
    let mut chain = Chain::with_storage(&[(1, 9)]);
    let run = succeed(&Frame::default(), body, &mut chain);
    // The value of slot 1 is known and the same. That of slot 2 is not known, so even zero is written.
    let writes = vec![(word(2), B256::ZERO)];
    let gas_left = (run.calls("storage_flush_cache").next().unwrap().start_ink - 68_073) / INK_PRICE + 1;
    assert_eq!(chain.requests[1..], [Request::SetStorage { writes, gas_left }]);
}

#[test]
fn flush_was_not_metered_before_arbos_32() {
    let mut frame = Frame::default();
    frame.config.arbos_version = 31;
    let run = succeed(&frame, STORE_AND_FLUSH, &mut Chain::default());
    assert_eq!(run.ink_of("storage_flush_cache", 0), 68_073);
}

#[test]
fn flush_without_gas_for_a_write() {
    let ends = |arbos_version| {
        let mut frame = Frame { gas: 10_000, ..Frame::default() };
        frame.config.arbos_version = arbos_version;
        let run = frame.run(&calling(STORE_AND_FLUSH), &mut Chain::default());
        (run.outcome, run.gas_left > 0)
    };
    assert_eq!(ends(50), (Outcome::OutOfInk, false));
    assert_eq!(ends(41), (Outcome::Failure, true));
}

/// Two writes of 5,000 gas, of which one fits.
#[test]
fn before_arbos_50_a_flush_that_does_not_fit_pays_nothing() {
    let stores =
        "(call $storage_cache (i32.const 32) (i32.const 96)) (call $storage_cache (i32.const 64) (i32.const 96))";
    let run = |arbos_version, body: &str| {
        let mut frame = Frame { gas: 9_000, ..Frame::default() };
        frame.config.arbos_version = arbos_version;
        frame.run(&calling(body), &mut Chain::with_storage(&[(1, 9), (2, 9)]))
    };
    for version in [32, 41] {
        let failed = run(version, &format!("{stores} (call $storage_flush (i32.const 0))"));
        let block = 2_450 + 1 + 3_800;
        let bases = 2 * (block + 1 + 18_480) + block + 68_073;
        assert_eq!((failed.outcome, failed.ink_used), (Outcome::Failure, bases));
    }
    assert_eq!(run(50, &format!("{stores} (call $storage_flush (i32.const 0))")).outcome, Outcome::OutOfInk);
}

#[test]
fn storage_calls_need_more_gas_than_they_may_take() {
    // A frame with `gas` after the metering of the block, which fails at the host call or does not.
    let outcome = |body: &str, gas: u64| {
        let frame = Frame { gas, ..Frame::default() };
        frame.run(&calling(body), &mut Chain::default()).outcome
    };
    let store = "(call $storage_cache (i32.const 32) (i32.const 96))";
    let block = 2_450 + 2 + 3_800;
    let enough = (block + 18_480_u64).div_ceil(INK_PRICE) + 2_300 + 10;
    assert_eq!(outcome(store, enough), Outcome::Success);
    assert_eq!(outcome(store, enough - 1), Outcome::OutOfInk);
    let load = "(call $storage_load (i32.const 32) (i32.const 96))";
    let enough = (block + 18_480_u64).div_ceil(INK_PRICE) + 2_100 + 10 + 5;
    assert_eq!(outcome(load, enough), Outcome::Success);
    assert_eq!(outcome(load, enough - 1), Outcome::OutOfInk);
    let flush = "(call $storage_flush (i32.const 0))";
    let block = 2_450 + 1 + 3_800;
    let enough = (block + 68_073_u64).div_ceil(INK_PRICE) + 2_300;
    assert_eq!(outcome(flush, enough), Outcome::Success);
    assert_eq!(outcome(flush, enough - 1), Outcome::OutOfInk);
}

#[test]
fn tiers_count_calls_of_a_frame_and_survive_a_clear() {
    let repeated = |call: &str, times: u32| {
        format!(
            "(loop $again {call} (local.set $len (i32.add (local.get $len) (i32.const 1)))
            (br_if $again (i32.ne (local.get $len) (i32.const {times}))))"
        )
    };
    let load = repeated("(call $storage_load (i32.const 32) (i32.const 256))", 130);
    let run = run(&format!(
        "{load} (call $storage_flush (i32.const 1))
        (call $storage_load (i32.const 32) (i32.const 256))"
    ));
    let tier = |nth| run.ink_of("storage_load_bytes32", nth) - 18_480;
    assert_eq!([tier(31), tier(32), tier(127), tier(128)], [0, 20_000, 20_000, 100_000]);
    assert_eq!(tier(130), 100_000 + 1_050_000);

    let store = repeated("(call $storage_cache (i32.const 32) (i32.const 96))", 66);
    let run = self::run(&store);
    let tier = |nth| run.ink_of("storage_cache_bytes32", nth) - 18_480;
    assert_eq!([tier(7), tier(8), tier(63), tier(64)], [0, 70_000, 70_000, 100_000]);
}

#[test]
fn transient_storage() {
    let run = run("(call $transient_store (i32.const 32) (i32.const 96))
        (call $transient_load (i32.const 32) (i32.const 256)) (call $write_result (i32.const 256) (i32.const 32))");
    assert_eq!(run.ink_of("transient_store_bytes32", 0), 1_078_153);
    assert_eq!(run.ink_of("transient_load_bytes32", 0), 1_078_153);
    assert_eq!(run.output[..], word(3)[..]);
}

#[test]
fn static_frames_write_nothing() {
    let outcome = |body: &str| {
        let mut frame = Frame::default();
        frame.context.is_static = true;
        let mut chain = Chain::default();
        let run = frame.run(&calling(body), &mut chain);
        assert_eq!(chain.requests, [], "{body}");
        assert_eq!(run.output.len(), 0);
        run.outcome
    };
    let write = "(call $write_result (i32.const 0) (i32.const 9))";
    assert_eq!(outcome("(call $storage_flush (i32.const 1))"), Outcome::Success);
    assert_eq!(outcome(&format!("{write} {STORE_AND_FLUSH}")), Outcome::Failure);
    assert_eq!(outcome("(call $transient_store (i32.const 0) (i32.const 0))"), Outcome::Failure);
    assert_eq!(outcome("(call $emit_log (i32.const 0) (i32.const 0) (i32.const 0))"), Outcome::Failure);
    let create = "(call $create1 (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 256) (i32.const 288))";
    assert_eq!(outcome(create), Outcome::Failure);
}

#[test]
fn account_balance_cold_and_warm() {
    let read = "(call $account_balance (i32.const 1024) (i32.const 256))";
    let mut chain = Chain::default();
    chain.balances.insert(TARGET, U256::from(77));
    let run = run_on_target(&format!("{read} {read} (call $write_result (i32.const 256) (i32.const 32))"), &mut chain);
    assert_eq!(run.ink_of("account_balance", 0), 26_078_153);
    assert_eq!(run.ink_of("account_balance", 1), 1_078_153);
    assert_eq!(run.output[..], word(77)[..]);
}

#[test]
fn account_codehash_cold() {
    let mut chain = Chain::default();
    chain.code.insert(TARGET, Bytes::from_static(b"code"));
    let body = "(call $account_codehash (i32.const 1024) (i32.const 256))
        (call $write_result (i32.const 256) (i32.const 32))";
    let run = run_on_target(body, &mut chain);
    assert_eq!(run.ink_of("account_codehash", 0), 26_078_153);
    assert_eq!(run.output[..], keccak256(b"code")[..]);
}

#[test]
fn account_code_is_remembered() {
    let size = "(drop (call $account_code_size (i32.const 1024)))";
    let code = "(drop (call $account_code (i32.const 1024) (i32.const 98) (i32.const 4) (i32.const 256)))
        (call $write_result (i32.const 256) (i32.const 4))";
    let mut chain = Chain::default();
    chain.code.insert(TARGET, Bytes::from((0..100).collect::<Vec<u8>>()));
    let run = run_on_target(&format!("{size} {code} {size}"), &mut chain);
    assert_eq!(run.ink_of("account_code_size", 0), 33_068_073);
    assert_eq!(run.ink_of("account_code_size", 1), 68_073);
    // The price of copying is that of the whole code.
    assert_eq!(run.ink_of("account_code", 0), 68_073 + 5_040 + 30 * 68);
    assert_eq!(run.calls("account_code").next().unwrap().outs[..], [98, 99]);
    assert_eq!(run.output[..], [98, 99, 0, 0]);
    assert_eq!(chain.requests.len(), 1);
}

#[test]
fn account_code_surcharge_follows_the_size_limit() {
    let mut frame = Frame::default();
    let mut price = |max_code_size| {
        frame.config.max_code_size = max_code_size;
        let program = with_memory("", "(drop (call $account_code_size (i32.const 1024)))");
        frame.run(&program, &mut Chain::default()).ink_of("account_code_size", 0)
    };
    assert_eq!(price(49_151), 33_068_073);
    assert_eq!(price(49_152), 40_068_073);
}

#[test]
fn empty_code_is_remembered_until_arbos_40() {
    let asked = |arbos_version| {
        let mut frame = Frame::default();
        frame.config.arbos_version = arbos_version;
        let size = "(drop (call $account_code_size (i32.const 1024)))";
        let mut chain = Chain::default();
        succeed(&frame, &format!("{size} {size}"), &mut chain);
        chain.requests.len()
    };
    assert_eq!(asked(32), 1);
    assert_eq!(asked(40), 2);
}

#[test]
fn emit_log_by_topics_and_data() {
    let price = |topics: u32, data: u32| {
        let len = 32 * topics + data;
        let body = format!("(call $emit_log (i32.const 0) (i32.const {len}) (i32.const {topics}))");
        run(&body).ink_of("emit_log", 0)
    };
    assert_eq!([price(0, 0), price(0, 10), price(0, 100)], [3_834_454, 4_634_454, 11_838_194]);
    assert_eq!([price(1, 100), price(4, 100)], [15_589_954, 26_845_234]);
}

#[test]
fn emit_log_splits_topics_from_data() {
    let mut chain = Chain::default();
    succeed(&Frame::default(), "(call $emit_log (i32.const 32) (i32.const 66) (i32.const 2))", &mut chain);
    let data = Bytes::from_static(&[0, 0]);
    assert_eq!(chain.requests, [Request::EmitLog { topics: vec![word(1), word(2)], data }]);
}

#[test]
fn emit_log_refuses_impossible_topics() {
    for (len, topics) in [(160, 5), (31, 1), (0, u32::MAX)] {
        let body = format!("(call $emit_log (i32.const 0) (i32.const {len}) (i32.const {}))", topics as i32);
        let run = Frame::default().run(&calling(&body), &mut Chain::default());
        assert_eq!(run.outcome, Outcome::Failure);
        let block = 2_450 + 3 + 3_800;
        assert_eq!(run.ink_used, block + 68_073, "the base is paid, nothing else");
    }
}

fn called(success: bool, gas: u64, data: Vec<u8>) -> Reply {
    Reply::Called { success, gas, data: data.into() }
}

/// Calls [`TARGET`] with so many bytes and the given value.
fn call_target(len: u32, value_at: u32) -> String {
    format!(
        "(drop (call $call (i32.const 1024) (i32.const 0) (i32.const {len}) (i32.const {value_at}) (i64.const -1)
        (i32.const 512)))"
    )
}

#[test]
fn call_pays_what_the_chain_says() {
    let price = |len, value_at, gas| {
        let mut chain = Chain { replies: vec![called(true, gas, vec![])], ..Chain::default() };
        run_on_target(&call_target(len, value_at), &mut chain).ink_of("call_contract", 0)
    };
    assert_eq!(price(36, 0, 103), 1_146_395);
    assert_eq!(price(4, 0, 2_821), 28_325_955);
    assert_eq!(price(4, 32, 11_821), 118_325_955);
    assert_eq!(price(4, 0, 2_600 + 9_229 + 7), 118_475_955);
}

#[test]
fn call_request_carries_arguments_and_gas() {
    let mut chain = Chain { replies: vec![called(true, 0, vec![])], ..Chain::default() };
    let run = run_on_target(&call_target(33, 96), &mut chain);
    let before = run.calls("call_contract").next().unwrap().start_ink;
    let gas_left = (before - 83_193 - 2 * (16_381 + 55)) / INK_PRICE;
    let mut data = vec![0; 33];
    data[32] = 0;
    let expected = Request::Call {
        kind: CallKind::Call,
        address: TARGET,
        data: data.into(),
        value: U256::from(3),
        gas_left,
        gas_wanted: gas_left,
    };
    assert_eq!(chain.requests, [expected]);
}

#[test]
fn delegate_and_static_calls_carry_no_value() {
    for (function, name, kind) in [
        ("$delegate_call", "delegate_call_contract", CallKind::Delegate),
        ("$static_call", "static_call_contract", CallKind::Static),
    ] {
        let body = format!(
            "(drop (call {function} (i32.const 1024) (i32.const 63) (i32.const 1) (i64.const 5000) (i32.const 512)))"
        );
        let mut chain = Chain { replies: vec![called(true, 2_821, vec![])], ..Chain::default() };
        let run = run_on_target(&body, &mut chain);
        assert_eq!(run.ink_of(name, 0), 28_325_955);
        let [Request::Call { kind: asked, data, value, gas_wanted, .. }] = &chain.requests[..] else {
            panic!("{:?}", chain.requests);
        };
        assert_eq!((*asked, &data[..], *value, *gas_wanted), (kind, &[1][..], U256::ZERO, 5_000));
    }
}

/// Stores the status of a call at 600 and returns status and length as written.
fn call_outcome(reply: Reply) -> (u8, [u8; 4], Run) {
    let body = "(i32.store8 (i32.const 600) (call $call (i32.const 1024) (i32.const 0) (i32.const 0) (i32.const 0)
        (i64.const 0) (i32.const 601))) (call $write_result (i32.const 600) (i32.const 5))";
    let run = run_on_target(body, &mut Chain { replies: vec![reply], ..Chain::default() });
    (run.output[0], run.output[1..].try_into().unwrap(), run)
}

#[test]
fn call_status_is_0_or_2_and_the_length_little_endian() {
    let (status, len, run) = call_outcome(called(true, 0, vec![1; 258]));
    assert_eq!((status, len), (0, [2, 1, 0, 0]));
    assert_eq!(run.calls("call_contract").next().unwrap().outs[..], [0, 0, 1, 2, 0]);
    let (status, len, _) = call_outcome(called(false, 0, vec![1; 3]));
    assert_eq!((status, len), (2, [3, 0, 0, 0]));
}

#[test]
fn value_in_a_static_frame_gives_status_2_without_asking() {
    let mut frame = Frame::default();
    frame.context.is_static = true;
    let body = "(i32.store8 (i32.const 600) (call $call (i32.const 1024) (i32.const 0) (i32.const 4) (i32.const 32)
        (i64.const -1) (i32.const 601))) (call $write_result (i32.const 600) (i32.const 1))";
    let mut chain = Chain::default();
    let run = succeed(&frame, body, &mut chain);
    assert_eq!((run.output[0], chain.requests.len()), (2, 0));
    assert_eq!(run.ink_of("call_contract", 0), 83_193 + 2 * 16_381);
}

#[test]
fn call_that_costs_more_than_is_left_ends_out_of_ink() {
    let mut chain = Chain { replies: vec![called(true, GAS, vec![])], ..Chain::default() };
    let run = Frame::default().run(&calling(&call_target(0, 0)), &mut chain);
    assert_eq!((run.outcome, run.gas_left, run.ink_used), (Outcome::OutOfInk, 0, GAS * INK_PRICE));
}

#[test]
fn return_data_is_read_in_parts() {
    let call = call_target(0, 0);
    let read = |offset: u32, size: u32| {
        format!("(drop (call $read_return_data (i32.const 2048) (i32.const {offset}) (i32.const {size})))")
    };
    let body = [call, read(0, 10), read(0, 100), read(0, 1_000), read(0, 10_000), read(9_990, 100), read(10_001, 5)];
    let data: Vec<u8> = (0..10_000u32).map(|i| i as u8).collect();
    let mut chain = Chain { replies: vec![called(true, 0, data.clone())], ..Chain::default() };
    let run = run_on_target(&format!("{} (drop (call $return_data_size))", body.concat()), &mut chain);
    let price = |nth| run.ink_of("read_return_data", nth);
    assert_eq!([price(0), price(1), price(2), price(3)], [73_113, 75_153, 102_153, 372_153]);
    assert_eq!([price(4), price(5)], [73_113, 73_113]);
    let outs = |nth| run.calls("read_return_data").nth(nth).unwrap().outs.clone();
    assert_eq!(outs(4), data[9_990..]);
    assert_eq!(outs(5).len(), 0);
    assert_eq!(run.ink_of("return_data_size", 0), 8_400);
    assert_eq!(run.calls("return_data_size").next().unwrap().outs[..], 10_000u32.to_be_bytes());
}

const CREATE1: &str = "(call $create1 (i32.const 63) (i32.const 1) (i32.const 64) (i32.const 600) (i32.const 620))
    (call $write_result (i32.const 600) (i32.const 24))";
const CREATE2: &str = "(call $create2 (i32.const 63) (i32.const 1) (i32.const 64) (i32.const 96) (i32.const 600)
    (i32.const 620)) (call $write_result (i32.const 600) (i32.const 24))";

fn created(address: Option<Address>, data: &[u8]) -> Chain {
    let reply = Reply::Created { address, gas: 32_123, data: Bytes::copy_from_slice(data) };
    Chain { replies: vec![reply], ..Chain::default() }
}

#[test]
fn creation_returns_the_address() {
    for (body, name, base, salt) in [(CREATE1, "create1", 83_193, None), (CREATE2, "create2", 88_233, Some(word(3)))] {
        let mut chain = created(Some(TARGET), b"");
        let run = succeed(&Frame::default(), body, &mut chain);
        assert_eq!(run.ink_of(name, 0), base + 2 * 16_381 + 321_230_000);
        assert_eq!(run.output[..20], TARGET[..]);
        assert_eq!(run.output[20..], [0; 4]);
        let [Request::Create { code, endowment, salt: asked, gas_left }] = &chain.requests[..] else {
            panic!("{:?}", chain.requests);
        };
        let before = run.calls(name).next().unwrap().start_ink;
        assert_eq!((&code[..], *endowment, *asked), (&[1][..], U256::from(2), salt));
        assert_eq!(*gas_left, (before - base - 2 * 16_381) / INK_PRICE);
    }
}

#[test]
fn failed_creation_gives_address_zero_and_revert_data() {
    let run = succeed(&Frame::default(), CREATE1, &mut created(None, b"why"));
    assert_eq!(run.output[..20], [0; 20]);
    assert_eq!(run.output[20..], [3, 0, 0, 0]);
}

#[test]
fn refused_creation_fails_the_frame() {
    let mut chain = Chain { replies: vec![Reply::CreateRefused], ..Chain::default() };
    let run = Frame::default().run(&calling(CREATE1), &mut chain);
    assert_eq!(run.outcome, Outcome::Failure);
}

#[test]
fn creation_writes_the_length_first_and_the_address_over_it() {
    let body = "(call $create1 (i32.const 63) (i32.const 1) (i32.const 64) (i32.const 600) (i32.const 610))
        (call $write_result (i32.const 600) (i32.const 20))";
    let run = succeed(&Frame::default(), body, &mut created(Some(TARGET), &[]));
    assert_eq!(run.output[..], TARGET[..]);
}

#[test]
fn pay_for_memory_grow_follows_the_memory_model() {
    let price = |pages: i32| {
        let body = format!("(call $pay_for_memory_grow (i32.const {pages}))");
        succeed(&Frame::default(), &body, &mut Chain::with_pages(1)).ink_of("pay_for_memory_grow", 0)
    };
    assert_eq!(price(100), 9_320_660_000);
    assert_eq!(price(1), 0, "two pages are free");
    assert_eq!(price(0), 8_400);
}

#[test]
fn growth_beyond_16_bits_is_paid_by_its_low_bits_until_arbos_59() {
    let ends = |arbos_version, pages: i32| {
        let mut frame = Frame::default();
        frame.config.arbos_version = arbos_version;
        let body = format!("(call $pay_for_memory_grow (i32.const {pages}))");
        let run = frame.run(&calling(&body), &mut Chain::with_pages(1));
        (run.outcome, run.calls("pay_for_memory_grow").next().map(|call| call.start_ink - call.end_ink))
    };
    for version in [59, 60, 61] {
        assert_eq!(ends(version, 65_536), (Outcome::OutOfInk, None));
        assert_eq!(ends(version, -1), (Outcome::OutOfInk, None));
    }
    assert_eq!(ends(51, 65_536), (Outcome::Success, Some(8_400)));
    assert_eq!(ends(51, 65_537), (Outcome::Success, Some(0)));
    assert_eq!(ends(51, 0x10064), (Outcome::Success, Some(9_320_660_000)));
    assert_eq!(ends(61, 65_535).0, Outcome::OutOfInk, "the memory model's price");
}

#[test]
fn result_and_arguments() {
    check("(call $write_result (i32.const 0) (i32.const 0))", "write_result", 41_162);
    check("(call $write_result (i32.const 0) (i32.const 33))", "write_result", 41_162 + 110);
    let frame = Frame { calldata: vec![7; 100].into(), ..Frame::default() };
    let body = "(call $read_args (i32.const 256)) (call $write_result (i32.const 256) (local.get $len))";
    let run = succeed(&frame, body, &mut Chain::default());
    assert_eq!(run.ink_of("read_args", 0), 8_400 + 5_040 + 30 * 68);
    assert_eq!(run.output, frame.calldata);
}

#[test]
fn exit_early_stops_at_once() {
    let frame = Frame::default();
    let body = "(call $write_result (i32.const 63) (i32.const 1)) (call $exit_early (i32.const 0)) unreachable";
    let run = succeed(&frame, body, &mut Chain::default());
    assert_eq!((&run.output[..], run.ink_of("exit_early", 0)), (&[1][..], 0));
    let body = body.replace("$exit_early (i32.const 0)", "$exit_early (i32.const 9)");
    let run = frame.run(&calling(&body), &mut Chain::default());
    assert_eq!((run.outcome, &run.output[..]), (Outcome::Revert, &[1][..]));
    assert_eq!(run.trace.last().unwrap().outs[..], [0, 0, 0, 9]);
}

#[test]
fn constants_of_block_transaction_and_message() {
    let bytes = |function: &str| {
        let run =
            run(&format!("(call ${function} (i32.const 256)) (call $write_result (i32.const 256) (i32.const 32))"));
        assert_eq!(run.ink_of(function, 0), 13_440, "{function}");
        assert_eq!(run.calls(function).next().unwrap().outs[..], run.output[..run.trace[1].outs.len()]);
        run.trace[1].outs.to_vec()
    };
    assert_eq!(bytes("block_basefee"), U256::from(100_000_000).to_be_bytes::<32>());
    assert_eq!(bytes("tx_gas_price"), U256::from(100_000_001).to_be_bytes::<32>());
    assert_eq!(bytes("msg_value"), U256::from(7).to_be_bytes::<32>());
    assert_eq!(bytes("block_coinbase"), COINBASE.as_slice());
    assert_eq!(bytes("contract_address"), CONTRACT.as_slice());
    assert_eq!(bytes("msg_sender"), SENDER.as_slice());
    assert_eq!(bytes("tx_origin"), ORIGIN.as_slice());

    let long = |function: &str| {
        let body = format!(
            "(i64.store (i32.const 256) (call ${function})) (call $write_result (i32.const 256) (i32.const 8))"
        );
        let run = run(&body);
        assert_eq!(run.ink_of(function, 0), 8_400, "{function}");
        u64::from_le_bytes(run.output[..].try_into().unwrap())
    };
    assert_eq!(long("block_gas_limit"), 1 << 50);
    assert_eq!(long("block_number"), 19_000_000);
    assert_eq!(long("block_timestamp"), 1_700_000_000);
    assert_eq!(long("chainid"), 412_346);
    let block = 2_450 + 1 + 3_800;
    assert_eq!(long("evm_ink_left"), GAS * INK_PRICE - block - 8_400);
    assert_eq!(long("evm_gas_left"), (GAS * INK_PRICE - block - 8_400) / INK_PRICE);
}

#[test]
fn reentrancy_flag_and_ink_price() {
    let value = |function: &str, frame: &Frame| {
        let text = text("", &format!("(call ${function})"));
        let run = frame.run(&program(&text), &mut Chain::default());
        assert_eq!(run.ink_of(function, 0), 8_400);
        run.trace.last().unwrap().outs.clone()
    };
    let mut frame = Frame::default();
    assert_eq!(value("msg_reentrant", &frame)[..], [0, 0, 0, 0]);
    frame.context.reentrant = true;
    assert_eq!(value("msg_reentrant", &frame)[..], [0, 0, 0, 1]);
    assert_eq!(value("tx_ink_price", &frame)[..], 10_000u32.to_be_bytes());
}

/// Runs `function` on words at 1,024, 1,056 and 1,088; the result and its price.
fn math(function: &str, words: &[U256]) -> (U256, u64) {
    let memory: String = words.iter().map(|word| escaped(&word.to_be_bytes::<32>())).collect();
    let pointers: String = (0..words.len()).map(|i| format!("(i32.const {})", 1_024 + 32 * i)).collect();
    let body = format!("(call ${function} {pointers}) (call $write_result (i32.const 1024) (i32.const 32))");
    let run = Frame::default().run(&with_memory(&memory, &body), &mut Chain::default());
    (U256::from_be_slice(&run.output), run.ink_of(function, 0))
}

#[test]
fn arithmetic_results_and_prices() {
    let n = |value: u64| U256::from(value);
    assert_eq!(math("math_div", &[n(17), n(5)]), (n(3), 43_520));
    assert_eq!(math("math_div", &[n(17), n(0)]), (n(0), 43_520));
    assert_eq!(math("math_mod", &[n(17), n(5)]), (n(2), 43_520));
    assert_eq!(math("math_mod", &[n(17), n(0)]), (n(0), 43_520));
    // 2^256 - 1 is 1 modulo 7.
    assert_eq!(math("math_add_mod", &[U256::MAX, n(5), n(7)]), (n(6), 49_560));
    assert_eq!(math("math_add_mod", &[n(1), n(5), n(0)]), (n(0), 49_560));
    assert_eq!(math("math_mul_mod", &[U256::MAX, U256::MAX, U256::MAX - n(1)]), (n(1), 52_660));
    assert_eq!(math("math_mul_mod", &[n(1), n(5), n(0)]), (n(0), 52_660));
}

#[test]
fn power_is_priced_by_the_exponent() {
    let pow = |exponent: U256| math("math_pow", &[U256::from(3), exponent]);
    assert_eq!(pow(U256::from(4)), (U256::from(81), 61_520));
    assert_eq!(pow(U256::ZERO), (U256::from(1), 23_520 + 20_500));
    assert_eq!(pow(U256::from(0x100)).1, 79_020);
    assert_eq!(pow(U256::from(1) << 72).1, 219_020);
    assert_eq!(pow(U256::MAX).1, 604_020);
    assert_eq!(math("math_pow", &[U256::from(2), U256::from(256)]).0, U256::ZERO);
}

#[test]
fn keccak_by_length() {
    let hash = |len: u32| {
        let body = format!(
            "(call $keccak (i32.const 0) (i32.const {len}) (i32.const 2048))
            (call $write_result (i32.const 2048) (i32.const 32))"
        );
        let run = run(&body);
        assert_eq!(run.output[..], keccak256(&run.calls("native_keccak256").next().unwrap().args)[..]);
        run.ink_of("native_keccak256", 0)
    };
    assert_eq!([hash(10), hash(64), hash(100), hash(1_000)], [121_800, 121_800, 163_800, 751_800]);
}

#[test]
fn memory_out_of_range_is_a_failure() {
    const END: u32 = 2 * 65_536;
    let outcome = |body: String| Frame::default().run(&calling(&body), &mut Chain::default()).outcome;
    let write = |at: u32| outcome(format!("(call $write_result (i32.const {at}) (i32.const 1))"));
    assert_eq!([write(END - 1), write(END)], [Outcome::Success, Outcome::Failure]);
    let sender = |at: u32| outcome(format!("(call $msg_sender (i32.const {at}))"));
    assert_eq!([sender(END - 20), sender(END - 19)], [Outcome::Success, Outcome::Failure]);
    let hash = |at: i32| outcome(format!("(call $keccak (i32.const {at}) (i32.const 32) (i32.const 0))"));
    assert_eq!([hash(0), hash(-16)], [Outcome::Success, Outcome::Failure]);
}

#[test]
fn trace_has_a_record_per_call() {
    let frame = Frame { calldata: vec![1, 2].into(), ..Frame::default() };
    let body = "(call $read_args (i32.const 0)) (call $storage_load (i32.const 32) (i32.const 256))";
    let run = succeed(&frame, body, &mut Chain::with_storage(&[(1, 5)]));
    let names: Vec<_> = run.trace.iter().map(|call| call.name).collect();
    assert_eq!(names, ["user_entrypoint", "read_args", "storage_load_bytes32", "user_returned"]);
    assert_eq!(run.trace[0].args[..], [0, 0, 0, 2]);
    assert_eq!(run.trace[0].start_ink, GAS * INK_PRICE);
    assert_eq!(run.trace[1].outs[..], [1, 2]);
    assert_eq!((&run.trace[2].args[..], &run.trace[2].outs[..]), (&word(1)[..], &word(5)[..]));
    assert_eq!(run.trace[3].outs[..], [0; 4]);
    // The start of the frame once more, not its end.
    assert_eq!((run.trace[3].start_ink, run.trace[3].end_ink), (GAS * INK_PRICE, GAS * INK_PRICE));
}

#[test]
fn tracing_changes_no_ink() {
    let program = calling(&call_target(4, 0));
    let ink = |trace| {
        let config = stylus_vm::Config { trace, ..config() };
        let mut chain = Chain { replies: vec![called(true, 5, vec![])], ..Chain::default() };
        let run = Frame { config, context: context(), ..Frame::default() }.run(&program, &mut chain);
        assert_eq!(run.trace.is_empty(), !trace);
        run.ink_used
    };
    assert_eq!(ink(true), ink(false));
}
