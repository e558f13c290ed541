//! Gas of calls and creations that programs make, to the unit (stylus-vm.md 0, 3.5).

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use chain::{
    Cause, Chain, Receipt, Recording,
    abi::{ArbDebug, ArbWasm},
    addresses::{ARB_DEBUG, ARB_WASM},
    init_code,
};

use crate::support::{
    CALL, Code, DELEGATE, STATIC, deploy, deployed, op, program, relay, send, through, try_send, word,
};

const INK_PRICE: u64 = 10_000;
/// Base and reads of a call without data.
const CALL_INK: u64 = 83_193 + 2 * 16_381;
const COLD: u64 = 2_600;
const VALUE: u64 = 9_000;
const STIPEND: u64 = 2_300;

/// Call data is an address, a value and the gas to give, little-endian; returns the status.
fn caller() -> Vec<u8> {
    program(
        "(call $read_args (i32.const 0))
         (i32.store (i32.const 128) (call $call_contract (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 20)
            (i64.load (i32.const 52)) (i32.const 256)))
         (call $write_result (i32.const 128) (i32.const 1)) i32.const 0",
    )
}

fn calling(target: Address, value: u64, gas: u64) -> Vec<u8> {
    [target.as_slice(), word(value).as_slice(), &gas.to_le_bytes()].concat()
}

/// Gas left in the outermost frame after base and reads of its host call `name`, which cost `ink`.
fn left_at(receipt: &Receipt, name: &str, ink: u64) -> u64 {
    let call = receipt.frames[0].host_calls.iter().find(|call| call.name == name).expect("it was called");
    (call.start_ink - ink) / INK_PRICE
}

#[test]
fn a_child_gets_63_64ths_or_what_was_asked_and_the_stipend() {
    let mut chain = Chain::builder().recording(Recording::HostCalls).build();
    let caller = deploy(&mut chain, &caller());
    chain.set_balance(caller, U256::from(10));
    let target = Code::new().op(0x5b).deploy(&mut chain);
    for limit in 200_000..200_064 {
        let receipt = chain.from("alice").gas(limit).send(caller, calling(target, 0, u64::MAX)).expect("it works");
        let left = left_at(&receipt, "call_contract", CALL_INK);
        assert_eq!(receipt.frames[1].gas_limit, (left - COLD) * 63 / 64);
    }
    let receipt = send(&mut chain, caller, calling(target, 0, 5_000));
    assert_eq!(receipt.frames[1].gas_limit, 5_000);
    let receipt = send(&mut chain, caller, calling(target, 1, 5_000));
    assert_eq!(receipt.frames[1].gas_limit, 5_000 + STIPEND);
    let receipt = send(&mut chain, caller, calling(target, 1, u64::MAX));
    let left = left_at(&receipt, "call_contract", CALL_INK);
    assert_eq!(receipt.frames[1].gas_limit, (left - COLD - VALUE) * 63 / 64 + STIPEND);
}

#[test]
fn a_call_whose_access_cannot_be_paid_is_status_two_and_takes_all_gas() {
    let mut chain = Chain::builder().recording(Recording::HostCalls).build();
    // Ends well, whatever the status, on the ink below one gas that is left.
    let caller = program(
        "(call $read_args (i32.const 0))
         (drop (call $call_contract (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 20) (i64.const 0)
            (i32.const 256)))
         i32.const 0",
    );
    let caller = deploy(&mut chain, &caller);
    chain.set_balance(caller, U256::from(10));
    // 2,600 + 25,000 + 9,000 gas are not there.
    let data = calling(Address::repeat_byte(0x77), 1, 0);
    let receipt = chain.from("alice").gas(60_000).send(caller, data).expect("the program goes on");
    let call = receipt.frames[0].host_calls.iter().find(|call| call.name == "call_contract").expect("it was called");
    assert_eq!(call.outs.as_ref(), [0, 0, 0, 0, 2]);
    assert!(call.end_ink < INK_PRICE);
    assert_eq!(receipt.gas.used, 60_000);
    assert_eq!(receipt.frames.len(), 1, "no child was opened");
}

#[test]
fn a_creation_gives_all_but_a_64th_and_needs_32000() {
    let mut chain = Chain::builder().recording(Recording::HostCalls).build();
    let maker = program(
        "(call $read_args (i32.const 0))
         (call $create1 (i32.const 0) (local.get $len) (i32.const 256) (i32.const 512) (i32.const 544)) i32.const 0",
    );
    let maker = deploy(&mut chain, &maker);
    let init = init_code(&[0]);
    let ink = 83_193 + 2 * (16_381 + 55 * (init.len() as u64 - 32));
    for limit in 200_000..200_064 {
        let receipt = chain.from("alice").gas(limit).send(maker, init.clone()).expect("it works");
        let rest = left_at(&receipt, "create1", ink) - 32_000;
        assert_eq!(receipt.frames[1].gas_limit, rest - rest / 64);
    }
    let error = chain.from("alice").gas(60_000).send(maker, init).expect_err("less than 32,000 are left");
    assert_eq!((error.cause, error.data.len()), (Cause::Revert, 0));
}

#[test]
fn a_frame_needs_its_overhead_and_then_its_ink() {
    let mut chain = Chain::new();
    let smallest = deployed(&mut chain, &program("i32.const 0"));
    let init = chain.view(ARB_WASM, ArbWasm::programInitGasCall { program: smallest.address }).expect("active");
    let enough = 21_000 + init.gas + 1;
    let mut send = |gas: u64| chain.from("alice").gas(gas).send(smallest.address, vec![]);
    assert_eq!(send(enough).expect("exactly enough").gas.used, enough);
    for short in [1, 2] {
        let error = send(enough - short).expect_err("too little");
        assert_eq!(error.cause, Cause::Halt("out of gas".into()));
        assert_eq!(error.receipt().gas.used, enough - short);
    }
}

#[test]
fn a_frame_that_cannot_pay_the_floor_of_its_output_is_out_of_gas() {
    let mut chain = Chain::new();
    let large = deploy(&mut chain, &program("(call $write_result (i32.const 0) (i32.const 30000)) i32.const 0"));
    chain.cache(large).expect("active");
    let words = 30_000u64.div_ceil(32);
    let floor = 3 * words + words * words / 512;
    let mut send = |gas: u64| chain.from("alice").gas(21_000 + gas).send(large, vec![]);
    assert_eq!(send(floor).expect("exactly enough").gas.used, 21_000 + floor);
    let error = send(floor - 1).expect_err("the program itself needs far less");
    assert_eq!(error.cause, Cause::Halt("out of gas".into()));
}

/// Calls `target`, then reverts.
fn called_and_reverted(chain: &mut Chain, target: Address) -> Address {
    let code = Code::new().forward(op::CALL, target, 0).push(U256::ZERO).push(U256::ZERO).op(op::REVERT);
    code.deploy(chain)
}

#[test]
fn a_frame_that_fails_cools_what_programs_warmed_in_it() {
    let mut chain = Chain::builder().recording(Recording::Frames).build();
    let reader = program(
        "(call $storage_load_bytes32 (i32.const 0) (i32.const 32))
         (call $account_balance (i32.const 64) (i32.const 96)) i32.const 0",
    );
    let reader = deploy(&mut chain, &reader);
    chain.cache(reader).expect("active");
    let alone = send(&mut chain, reader, vec![]).frames[0].gas_used;
    let failing = called_and_reverted(&mut chain, reader);
    let both = Code::new().forward(op::CALL, failing, 0).forward(op::CALL, reader, 0).deploy(&mut chain);
    let receipt = send(&mut chain, both, vec![]);
    let [_, failed, first, second] = &receipt.frames[..] else { panic!("{}", receipt.frame_tree()) };
    assert!(!failed.success && first.success && second.success);
    assert_eq!((first.gas_used, second.gas_used), (alone, alone));
    let twice = Code::new().forward(op::CALL, reader, 0).forward(op::CALL, reader, 0).deploy(&mut chain);
    let receipt = send(&mut chain, twice, vec![]);
    assert_eq!(receipt.frames[2].gas_used, alone - 2_000 - 2_500, "warm without a failure");
}

#[test]
fn a_frame_that_fails_takes_transient_words_back() {
    let mut chain = Chain::new();
    let counter = program(
        "(call $transient_load_bytes32 (i32.const 0) (i32.const 32))
         (i32.store8 (i32.const 63) (i32.add (i32.load8_u (i32.const 63)) (i32.const 1)))
         (call $transient_store_bytes32 (i32.const 0) (i32.const 32))
         (call $write_result (i32.const 32) (i32.const 32)) i32.const 0",
    );
    let counter = deploy(&mut chain, &counter);
    let failing = called_and_reverted(&mut chain, counter);
    let after = |first: Address| Code::new().forward(op::CALL, first, 0).forward(op::CALL, counter, 0).bubble();
    let (after_failure, after_success) = (after(failing).deploy(&mut chain), after(counter).deploy(&mut chain));
    assert_eq!(send(&mut chain, after_failure, vec![]).output.as_ref(), word(1).as_slice());
    assert_eq!(send(&mut chain, after_success, vec![]).output.as_ref(), word(2).as_slice());
}

#[test]
fn precompiles_keep_their_rules_when_programs_call_them() {
    let mut chain = Chain::builder().recording(Recording::Frames).build();
    let router = deploy(&mut chain, &relay());
    let view = ArbWasm::stylusVersionCall {}.abi_encode();
    let write = ArbDebug::becomeChainOwnerCall {}.abi_encode();
    let mut lost = |kind: u8, target: Address, data: &[u8]| {
        let receipt =
            chain.from("alice").gas(300_000).send(router, through(kind, target, 0, data)).expect("it goes on");
        let child = &receipt.frames[1];
        (receipt.output[0] == 2, child.gas_used == child.gas_limit)
    };
    assert_eq!(lost(CALL, ARB_WASM, &view), (false, false));
    assert_eq!(lost(STATIC, ARB_WASM, &view), (false, false));
    assert_eq!(lost(DELEGATE, ARB_WASM, &view), (true, true), "it would act as somebody else");
    assert_eq!(lost(STATIC, ARB_DEBUG, &write), (true, true), "it writes");
    assert_eq!(lost(CALL, ARB_WASM, &[1, 2, 3, 4]), (true, true), "no such method");
    assert_eq!(lost(CALL, ARB_DEBUG, &write), (false, false));
}

#[test]
fn a_solidity_error_of_a_precompile_keeps_gas_and_data() {
    let mut chain = Chain::builder().recording(Recording::Frames).build();
    let router = deploy(&mut chain, &relay());
    let query = ArbWasm::codehashVersionCall { codehash: word(1) }.abi_encode();
    let receipt = send(&mut chain, router, through(CALL, ARB_WASM, 0, &query));
    assert_eq!(receipt.output.as_ref(), [2, 0x6f, 0x80, 0x9c, 0x4e]);
    assert_eq!(receipt.frames[1].gas_used, 3 + 800 + 100 + 800 + 3);
    assert!(try_send(&mut chain, ARB_WASM, query).expect_err("not active").is::<ArbWasm::ProgramNotActivated>());
}
