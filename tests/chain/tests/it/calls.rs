//! Nested calls in every combination (stylus-vm.md 3.5 to 3.7).

use alloy_primitives::{Address, KECCAK256_EMPTY, U256};
use chain::{Account, Cause, Chain, Recording, Transaction, abi::ArbOwner, addresses::ARB_OWNER};

use crate::support::{
    BUBBLE, CALL, Code, DELEGATE, STATIC, deploy, echo, op, program, program_with_memory, relay, reporting_relay,
    revert_echo, send, through, try_send, wat_to_wasm, word,
};

/// Status and return data of what a relay did.
fn relayed(output: &[u8]) -> (u8, &[u8]) {
    let (status, data) = output.split_first().expect("a relay returns its status");
    (*status, data)
}

#[test]
fn frames_see_their_own_identity() {
    let mut chain = Chain::new();
    let identity = program(
        "(call $msg_sender (i32.const 12)) (call $contract_address (i32.const 44)) (call $msg_value (i32.const 64))
         (call $tx_origin (i32.const 108)) (call $write_result (i32.const 0) (i32.const 128)) i32.const 0",
    );
    let (router, probe) = (deploy(&mut chain, &relay()), deploy(&mut chain, &identity));
    let alice = chain.account("alice").address();
    let words = |sender: Address, contract: Address, value: u64| {
        [sender.into_word(), contract.into_word(), word(value), alice.into_word()].concat()
    };
    let mut ask = |data: Vec<u8>| chain.from("alice").value(U256::from(5)).send(router, data).expect("it works").output;
    assert_eq!(ask(through(CALL | BUBBLE, probe, 3, &[])), words(router, probe, 3));
    assert_eq!(ask(through(STATIC | BUBBLE, probe, 0, &[])), words(router, probe, 0));
    assert_eq!(ask(through(DELEGATE | BUBBLE, probe, 0, &[])), words(alice, router, 5));
}

#[test]
fn evm_and_wasm_call_each_other_both_ways() {
    let mut chain = Chain::new();
    let echo = deploy(&mut chain, &echo());
    let inner = deploy(&mut chain, &relay());
    for kind in [op::CALL, op::DELEGATECALL, op::STATICCALL] {
        let evm = Code::new().forward(kind, inner, 0).bubble().deploy(&mut chain);
        for wasm_kind in [CALL, DELEGATE, STATIC] {
            let data = through(wasm_kind | BUBBLE, evm, 0, &through(CALL | BUBBLE, echo, 0, b"deep"));
            let outer = deploy(&mut chain, &relay());
            assert_eq!(send(&mut chain, outer, data).output.as_ref(), b"deep");
        }
    }
}

#[test]
fn revert_data_comes_through_three_levels() {
    let mut chain = Chain::new();
    let reverting = deploy(&mut chain, &revert_echo());
    let relay_address = deploy(&mut chain, &relay());
    let evm = Code::new().forward(op::CALL, relay_address, 0).bubble().deploy(&mut chain);
    let data = through(CALL | BUBBLE, evm, 0, &through(CALL | BUBBLE, reverting, 0, b"because"));
    let error = try_send(&mut chain, relay_address, data).expect_err("it reverts");
    assert_eq!(error.cause, Cause::Revert);
    assert_eq!(error.data.as_ref(), b"because");
}

#[test]
fn a_failed_child_gives_status_two_and_its_data() {
    let mut chain = Chain::new();
    let router = deploy(&mut chain, &relay());
    let reverting = deploy(&mut chain, &revert_echo());
    let invalid = Code::new().op(0xfe).deploy(&mut chain);
    let output = send(&mut chain, router, through(CALL, reverting, 0, b"no")).output;
    assert_eq!(relayed(&output), (2, &b"no"[..]));
    let output = send(&mut chain, router, through(CALL, invalid, 0, b"no")).output;
    assert_eq!(relayed(&output), (2, &[][..]));
}

#[test]
fn a_trap_reverts_without_data_and_keeps_gas() {
    let mut chain = Chain::new();
    let trap = deploy(&mut chain, &program("(call $write_result (i32.const 0) (i32.const 4)) unreachable"));
    let error = try_send(&mut chain, trap, vec![]).expect_err("it traps");
    assert!(error.is_empty());
    assert!(error.receipt().gas.used < 100_000);
}

#[test]
fn out_of_ink_in_a_child_leaves_a_sixty_fourth() {
    let mut chain = Chain::builder().recording(Recording::Frames).build();
    let router = deploy(&mut chain, &relay());
    let endless = deploy(&mut chain, &program("(loop (br 0)) i32.const 0"));
    let receipt = chain.from("alice").gas(200_000).send(router, through(CALL, endless, 0, &[])).expect("it goes on");
    assert_eq!(relayed(&receipt.output), (2, &[][..]));
    let child = &receipt.frames[1];
    assert_eq!(child.gas_used, child.gas_limit, "the child lost all it had");
    let left = receipt.gas.limit - receipt.gas.used;
    assert!((2_000..3_000).contains(&left), "{left} left");
    let error = chain.from("alice").gas(200_000).send(endless, vec![]).expect_err("it never ends");
    assert_eq!(error.cause, Cause::Halt("out of gas".into()));
    assert_eq!(error.receipt().gas.used, 200_000);
}

#[test]
fn a_frame_out_of_stack_loses_its_gas() {
    let mut chain = Chain::new();
    let wasm = wat_to_wasm(
        r#"(module (memory (export "memory") 1 1)
            (func $deep (param i32) (result i32) (call $deep (local.get 0)))
            (func (export "user_entrypoint") (param i32) (result i32) (call $deep (i32.const 0))))"#,
    );
    let deep = deploy(&mut chain, &wasm);
    let error = chain.from("alice").gas(2_000_000).send(deep, vec![]).expect_err("it never ends");
    assert!(matches!(error.cause, Cause::Halt(_)));
    assert_eq!(error.receipt().gas.used, 2_000_000);
}

#[test]
fn value_in_a_static_frame_is_status_two() {
    let mut chain = Chain::new();
    let router = deploy(&mut chain, &relay());
    chain.set_balance(router, U256::from(10));
    let call = through(CALL, Address::repeat_byte(7), 1, &[]);
    let receipt = chain.from("alice").static_raw(router, call.clone()).expect("no trap");
    assert_eq!(relayed(&receipt.output), (2, &[][..]));
    // Staticness is inherited by a call below.
    let receipt = send(&mut chain, router, through(STATIC | BUBBLE, router, 0, &call));
    assert_eq!(relayed(&receipt.output), (2, &[][..]));
    assert_eq!(chain.balance(router), U256::from(10));
}

#[test]
fn a_value_that_is_not_there_is_status_two_and_costs_no_child_gas() {
    let mut chain = Chain::builder().recording(Recording::Frames).build();
    let router = deploy(&mut chain, &relay());
    let echo = deploy(&mut chain, &echo());
    let receipt = send(&mut chain, router, through(CALL, echo, 1, b"x"));
    assert_eq!(relayed(&receipt.output), (2, &[][..]));
    assert!(!receipt.frames[1].success);
    assert_eq!(receipt.frames[1].gas_used, 0);
}

#[test]
fn a_new_account_costs_twenty_five_thousand_more() {
    let mut chain = Chain::new();
    let router = deploy(&mut chain, &relay());
    chain.set_balance(router, U256::from(10));
    let (new, known) = (Address::repeat_byte(0x71), Address::repeat_byte(0x72));
    chain.set_balance(known, U256::from(1));
    let mut cost = |to: Address| send(&mut chain, router, through(CALL, to, 1, &[])).gas.execution_before_refund;
    let to_known = cost(known);
    assert_eq!(cost(new), to_known + 25_000);
    assert_eq!(cost(new), to_known, "it exists now");
}

#[test]
fn the_reentrancy_flag_counts_frames_that_are_not_delegated() {
    let mut chain = Chain::new();
    let (router, facet) = (deploy(&mut chain, &reporting_relay()), deploy(&mut chain, &reporting_relay()));
    let evm = Code::new().forward(op::CALL, router, 0).bubble().deploy(&mut chain);
    let mut flag = |data: Vec<u8>| send(&mut chain, router, data).output[0];

    assert_eq!(flag(vec![]), 0);
    assert_eq!(flag(through(CALL | BUBBLE, facet, 0, &[])), 0, "another contract");
    assert_eq!(flag(through(CALL | BUBBLE, router, 0, &[])), 1, "a self-call");
    assert_eq!(flag(through(STATIC | BUBBLE, router, 0, &[])), 1, "a static self-call");
    assert_eq!(flag(through(CALL | BUBBLE, evm, 0, &[])), 1, "through an EVM contract");
    assert_eq!(flag(through(DELEGATE | BUBBLE, facet, 0, &[])), 0, "a facet");
    let back = through(CALL | BUBBLE, router, 0, &[]);
    assert_eq!(flag(through(DELEGATE | BUBBLE, facet, 0, &back)), 1, "a facet that calls the router");
    let again = through(CALL | BUBBLE, router, 0, &through(DELEGATE | BUBBLE, facet, 0, &[]));
    assert_eq!(flag(through(DELEGATE | BUBBLE, facet, 0, &again)), 1, "a facet below the second router frame");
}

#[test]
fn the_reentrancy_flag_counts_evm_frames() {
    let mut chain = Chain::new();
    let probe = deploy(&mut chain, &reporting_relay());
    let facet_call = Code::new().forward(op::DELEGATECALL, probe, 0).bubble().deploy(&mut chain);
    assert_eq!(send(&mut chain, facet_call, vec![]).output[0], 0, "an EVM router with a Stylus facet");
    // An EVM contract that is called back by its facet: the second of its frames sees the flag.
    let back = through(CALL | BUBBLE, facet_call, 0, &[]);
    assert_eq!(send(&mut chain, facet_call, back).output[0], 1);
}

#[test]
fn the_flag_is_forgotten_after_a_failed_child() {
    let mut chain = Chain::new();
    let router = deploy(&mut chain, &reporting_relay());
    let reverting = deploy(&mut chain, &revert_echo());
    let twice = Code::new()
        .forward(op::CALL, reverting, 0)
        .op(op::POP)
        .forward(op::CALL, router, 0)
        .bubble()
        .deploy(&mut chain);
    assert_eq!(send(&mut chain, twice, vec![]).output[0], 0);
}

/// Enough for 1,024 frames, each of which keeps a 64th.
const PLENTY: u64 = 100_000_000_000_000;

#[test]
fn evm_frames_nest_1024_deep() {
    let mut chain = Chain::new();
    // Returns one more than the frame below, which is zero where the call fails.
    let recursive = Code::new()
        .push(U256::from(32))
        .push(U256::ZERO)
        .push(U256::ZERO)
        .push(U256::ZERO)
        .push(U256::ZERO)
        .ops(&[op::ADDRESS, op::GAS, op::CALL, op::POP])
        .push(U256::ZERO)
        .op(op::MLOAD)
        .push(U256::from(1))
        .op(op::ADD)
        .return_word()
        .deploy(&mut chain);
    let call = Transaction { gas: Some(PLENTY), ..Transaction::call(Address::ZERO, recursive, vec![]) };
    let receipt = chain.simulate(&call).expect("valid");
    assert_eq!(U256::from_be_slice(&receipt.output), U256::from(1_025));
}

#[test]
fn wasm_frames_nest_1024_deep_where_memory_is_free() {
    let mut chain = Chain::new();
    let free = ArbOwner::setWasmFreePagesCall { pages: u16::MAX };
    chain.from(&Account::owner()).call(ARB_OWNER, free).expect("the owner may");
    let limit = ArbOwner::setWasmPageLimitCall { limit: u16::MAX };
    chain.from(&Account::owner()).call(ARB_OWNER, limit).expect("the owner may");
    let recursive = program(
        "(call $contract_address (i32.const 0))
         (drop (call $call_contract (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64) (i64.const -1)
            (i32.const 96)))
         (drop (call $read_return_data (i32.const 128) (i32.const 0) (i32.const 4)))
         (i32.store (i32.const 128) (i32.add (i32.load (i32.const 128)) (i32.const 1)))
         (call $write_result (i32.const 128) (i32.const 4)) i32.const 0",
    );
    let recursive = deploy(&mut chain, &recursive);
    let call = Transaction { gas: Some(PLENTY), ..Transaction::call(Address::ZERO, recursive, vec![]) };
    let receipt = chain.simulate(&call).expect("valid");
    assert_eq!(receipt.output.as_ref(), 1_025u32.to_le_bytes());
}

#[test]
fn open_pages_close_and_the_high_water_mark_stays() {
    let mut chain = Chain::builder().recording(Recording::Frames).build();
    for (name, end) in [("succeeds", "i32.const 0"), ("reverts", "i32.const 1"), ("traps", "unreachable")] {
        let wide = deploy(&mut chain, &program_with_memory("10 10", end));
        chain.cache(wide).expect("active");
        let twice = Code::new()
            .forward(op::CALL, wide, 0)
            .op(op::POP)
            .forward(op::CALL, wide, 0)
            .op(op::POP)
            .deploy(&mut chain);
        let receipt = send(&mut chain, twice, vec![]);
        let (first, second) = (receipt.frames[1].gas_used, receipt.frames[2].gas_used);
        // Both pay 1,000 for each of eight pages, only the first e(10) - e(0) = 2.
        assert_eq!(first, second + 2, "a program that {name}");
    }
}

#[test]
fn large_return_data_costs_what_the_evm_charges_for_memory() {
    for (version, floor) in [(51, true), (31, true), (30, false)] {
        let mut chain = Chain::builder().arbos(version).build();
        let large = deploy(&mut chain, &program("(call $write_result (i32.const 0) (i32.const 30000)) i32.const 0"));
        chain.cache(large).expect("active");
        let used = send(&mut chain, large, vec![]).gas.execution_before_refund;
        let words = 30_000u64.div_ceil(32);
        let least = 3 * words + words * words / 512;
        assert_eq!(used == least, floor, "ArbOS {version}: {used} gas, floor {least}");
        assert!(used <= least);
    }
}

#[test]
fn selfdestruct_of_a_program_reverts() {
    let mut chain = Chain::new();
    let router = deploy(&mut chain, &relay());
    let destroyer = Code::new().push_address(Address::repeat_byte(9)).op(op::SELFDESTRUCT).deploy(&mut chain);
    let output = send(&mut chain, router, through(DELEGATE, destroyer, 0, &[])).output;
    assert_eq!(relayed(&output), (2, &[][..]));
    assert!(!chain.code(router).is_empty());
    let receipt = send(&mut chain, router, through(CALL, destroyer, 0, &[]));
    assert_eq!(relayed(&receipt.output), (0, &[][..]), "an EVM contract can");
}

#[test]
fn evm_opcodes_show_the_bytes_of_a_program() {
    let mut chain = Chain::new();
    let echo = deploy(&mut chain, &echo());
    let size = Code::new().push_address(echo).op(op::EXTCODESIZE).return_word().deploy(&mut chain);
    let hash = Code::new().push_address(echo).op(op::EXTCODEHASH).return_word().deploy(&mut chain);
    let size = U256::from_be_slice(&send(&mut chain, size, vec![]).output);
    assert_eq!(size, U256::from(chain.code(echo).len()));
    assert_eq!(send(&mut chain, hash, vec![]).output.as_ref(), chain.code_hash(echo).as_slice());
    assert!(chain.code(echo).starts_with(&[0xef, 0xf0, 0, 0]));
}

#[test]
fn account_host_calls_see_evm_and_stylus_code() {
    let mut chain = Chain::new();
    let reader = program(
        "(call $read_args (i32.const 0))
         (local.set $a (call $account_code (i32.const 0) (i32.const 1) (i32.const 2) (i32.const 64)))
         (i32.store (i32.const 32) (call $account_code_size (i32.const 0)))
         (i32.store (i32.const 36) (local.get $a))
         (call $account_codehash (i32.const 0) (i32.const 96))
         (call $write_result (i32.const 32) (i32.const 96)) i32.const 0",
    );
    let reader = deploy(&mut chain, &reader);
    let evm = Code::new().push(U256::from(0x1234)).op(op::POP).deploy(&mut chain);
    let output = send(&mut chain, reader, evm.to_vec()).output;
    assert_eq!(output[..4], 4u32.to_le_bytes());
    assert_eq!(output[4..8], 2u32.to_le_bytes());
    assert_eq!(output[32..34], [0x12, 0x34], "two bytes from offset one");
    assert_eq!(output[64..], *chain.code_hash(evm));
    let output = send(&mut chain, reader, vec![0x99; 20]).output;
    assert_eq!(output[64..], [0; 32], "an absent account");
    let alice = chain.account("alice").address();
    let output = send(&mut chain, reader, alice.to_vec()).output;
    assert_eq!(output[64..], KECCAK256_EMPTY, "an account without code");
}

#[test]
fn logs_of_programs_are_in_the_receipt_unless_their_frame_failed() {
    let mut chain = Chain::new();
    let logging = program(
        "(call $read_args (i32.const 0))
         (call $emit_log (i32.const 0) (local.get $len) (i32.const 1))
         (i32.load8_u (i32.const 32))",
    );
    let (router, logging) = (deploy(&mut chain, &relay()), deploy(&mut chain, &logging));
    let data = |fails: u8| [word(0xaa).as_slice(), &[fails, 1, 2]].concat();
    let receipt = send(&mut chain, router, through(CALL, logging, 0, &data(0)));
    assert_eq!(receipt.logs.len(), 1);
    assert_eq!(receipt.logs[0].address, logging);
    assert_eq!(receipt.logs[0].topics(), [word(0xaa)]);
    assert_eq!(receipt.logs[0].data.data.as_ref(), [0, 1, 2]);
    let receipt = send(&mut chain, router, through(CALL, logging, 0, &data(1)));
    assert!(receipt.logs.is_empty());
    let receipt = send(&mut chain, router, through(DELEGATE, logging, 0, &data(0)));
    assert_eq!(receipt.logs[0].address, router, "a facet logs as its router");
    let receipt = send(&mut chain, router, through(STATIC, logging, 0, &data(0)));
    assert_eq!(relayed(&receipt.output).0, 2, "no logs from a static frame");
}

#[test]
fn own_gas_leaves_out_what_others_used() {
    let mut chain = Chain::builder().recording(Recording::Frames).build();
    let (router, echo) = (deploy(&mut chain, &relay()), deploy(&mut chain, &echo()));
    let receipt = send(&mut chain, router, through(CALL, echo, 0, b"abc"));
    let [outer, inner] = &receipt.frames[..] else { panic!("two frames: {}", receipt.frame_tree()) };
    assert_eq!((outer.depth, outer.parent), (0, None));
    assert_eq!((inner.depth, inner.parent), (1, Some(0)));
    assert_eq!((inner.from, inner.to, inner.code_address), (router, echo, echo));
    assert!(inner.is_stylus() && inner.success);
    assert_eq!(outer.gas_used, receipt.gas.execution_before_refund);
    assert_eq!(receipt.own_gas(&[echo]), outer.gas_used - inner.gas_used);
    assert_eq!(receipt.own_gas(&[]), outer.gas_used);
}
