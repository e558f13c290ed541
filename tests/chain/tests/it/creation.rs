//! Creation by programs and through the deployer (stylus-vm.md 2.11, 3.5).

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, SolValue};
use chain::{Cause, Chain, abi::StylusDeployer, init_code};

use crate::support::{Code, deploy, echo, op, program, send, try_send, word};

/// Call data is a salt, an endowment and init code; a zero salt means `create1`. Returns address, then revert data.
fn maker() -> Vec<u8> {
    program(
        "(call $read_args (i32.const 0))
         (local.set $b (i32.sub (local.get $len) (i32.const 64)))
         (if (i32.eqz (i32.load8_u (i32.const 31)))
            (then (call $create1 (i32.const 64) (local.get $b) (i32.const 32) (i32.const 32012) (i32.const 32100)))
            (else (call $create2 (i32.const 64) (local.get $b) (i32.const 32) (i32.const 0) (i32.const 32012)
                (i32.const 32100))))
         (local.set $a (call $read_return_data (i32.const 32032) (i32.const 0) (i32.load (i32.const 32100))))
         (call $write_result (i32.const 32000) (i32.add (i32.const 32) (local.get $a)))
         i32.const 0",
    )
}

fn making(salt: u64, endowment: u64, init: &[u8]) -> Vec<u8> {
    [word(salt).as_slice(), word(endowment).as_slice(), init].concat()
}

#[test]
fn programs_create_contracts() {
    let mut chain = Chain::new();
    let maker = deploy(&mut chain, &maker());
    chain.set_balance(maker, U256::from(100));
    let runtime = Code::new().op(op::ADDRESS).return_word().bytes();
    let nonce = chain.nonce(maker);
    let output = send(&mut chain, maker, making(0, 7, &init_code(&runtime))).output;
    let created = Address::from_word(B256::from_slice(&output));
    assert_eq!(created, maker.create(nonce));
    assert_eq!(chain.code(created), runtime);
    assert_eq!(chain.balance(created), U256::from(7));
    let init = init_code(&runtime);
    let output = send(&mut chain, maker, making(5, 0, &init)).output;
    assert_eq!(Address::from_word(B256::from_slice(&output)), maker.create2_from_code(word(5), &init));
    let output = send(&mut chain, maker, making(5, 0, &init)).output;
    assert_eq!(output.as_ref(), [0; 32], "the same address again");
}

#[test]
fn a_creation_that_fails_gives_address_zero_and_revert_data_only() {
    let mut chain = Chain::new();
    let maker = deploy(&mut chain, &maker());
    let reverting = Code::new()
        .push(U256::from(0xab))
        .push(U256::ZERO)
        .op(op::MSTORE)
        .push(U256::from(1))
        .push(U256::from(31))
        .op(op::REVERT)
        .bytes();
    let output = send(&mut chain, maker, making(0, 0, &reverting)).output;
    assert_eq!(output.as_ref(), [&[0; 32][..], &[0xab]].concat());
    let output = send(&mut chain, maker, making(0, 1, &init_code(&[0]))).output;
    assert_eq!(output.as_ref(), [0; 32], "the endowment is not there");
}

#[test]
fn programs_create_programs_but_no_other_ef_code() {
    let mut chain = Chain::new();
    let maker = deploy(&mut chain, &maker());
    let delegation = [&[0xef, 0x01, 0x00][..], &[0x11; 20]].concat();
    for refused in [&[0xef][..], &delegation, &[0xef, 0xf0, 0x03, 0x00]] {
        let output =
            chain.from("alice").gas(1_000_000).send(maker, making(0, 0, &init_code(refused))).expect("ok").output;
        assert_eq!(output.as_ref(), [0; 32]);
    }
    let code = chain::compress(&echo());
    let output = send(&mut chain, maker, making(0, 0, &init_code(&code))).output;
    let created = Address::from_word(B256::from_slice(&output));
    assert_eq!(chain.code(created), code);
    chain.from("alice").activate(created).expect("it is a program");
    assert_eq!(send(&mut chain, created, b"made".to_vec()).output.as_ref(), b"made");
}

#[test]
fn a_static_frame_cannot_create() {
    let mut chain = Chain::new();
    let maker = deploy(&mut chain, &maker());
    let error = chain.from("alice").static_raw(maker, making(0, 0, &init_code(&[0]))).expect_err("a trap");
    assert!(error.is_empty());
}

#[test]
fn a_creation_costs_32000_and_what_the_code_costs() {
    let mut chain = Chain::builder().recording(chain::Recording::HostCalls).build();
    let maker = deploy(&mut chain, &maker());
    let init = init_code(&[0]);
    let receipt = send(&mut chain, maker, making(0, 0, &init));
    let child = receipt.frames[1].gas_used;
    let read = 16_381 + 55 * (init.len() as u64 - 32);
    let ink = crate::support::ink_of(&receipt, 0, "create1");
    assert_eq!(ink, 83_193 + 2 * read + (32_000 + child) * 10_000);
    let receipt = send(&mut chain, maker, making(9, 0, &init));
    let ink = crate::support::ink_of(&receipt, 0, "create2");
    let words = init.len().div_ceil(32) as u64;
    assert_eq!(ink, 88_233 + 2 * read + (32_000 + 6 * words + child) * 10_000);
}

/// Its constructor stores the first argument in slot 0 and fails with data when that is zero. Otherwise returns slot 0.
fn constructed() -> Vec<u8> {
    program(
        "(call $read_args (i32.const 0))
         (if (i32.eq (i32.load (i32.const 0)) (i32.const 0x8d258555)) (then
            (if (i32.eqz (i32.load8_u (i32.const 35))) (then
                (call $write_result (i32.const 0) (i32.const 4)) (return (i32.const 1))))
            (call $storage_cache_bytes32 (i32.const 512) (i32.const 4))
            (call $storage_flush_cache (i32.const 0))
            (call $msg_value (i32.const 96)) (call $msg_sender (i32.const 140))
            (call $emit_log (i32.const 96) (i32.const 64) (i32.const 0))
            (return (i32.const 0))))
         (call $storage_load_bytes32 (i32.const 512) (i32.const 64))
         (call $write_result (i32.const 64) (i32.const 32)) i32.const 0",
    )
}

#[test]
fn the_deployer_creates_activates_and_constructs_in_one_transaction() {
    let mut chain = Chain::new();
    let code = chain::compress(&constructed());
    let alice = chain.account("alice").address();
    let before = chain.balance(alice);
    let arguments = (U256::from(42),).abi_encode_params();
    let sender = chain.from("alice").value(U256::from(9));
    let program = sender.deploy_code_with(code.clone(), arguments).expect("it deploys");
    let event = &program.creation.logs_of::<StylusDeployer::ContractDeployed>()[0];
    assert_eq!(event.deployedContract, program.address);
    assert_eq!(chain.code(program.address), code);
    assert!(chain.is_active(program.address));
    assert_eq!(chain.storage(program.address, U256::ZERO), U256::from(42));
    assert_eq!(chain.balance(program.address), U256::from(9));
    assert_eq!(chain.balance(chain::STYLUS_DEPLOYER), U256::ZERO);
    // The constructor sees the deployer as caller and its value.
    let seen = program.creation.logs.iter().find(|log| log.address == program.address).expect("its log");
    let expected = [word(9), chain::STYLUS_DEPLOYER.into_word()].concat();
    assert_eq!(seen.data.data.as_ref(), expected);
    // Everything but fee, gas and value came back.
    let gas = U256::from(program.creation.gas.used) * U256::from(100_000_000u64);
    let spent = before - chain.balance(alice) - gas - U256::from(9);
    assert!(spent > U256::from(43_000_000_000_000u64) && spent < U256::from(60_000_000_000_000u64), "{spent} wei");
    // A second one of the same code needs no activation.
    let again = chain.from("alice").deploy_code_with(code, (U256::from(1),).abi_encode_params()).expect("again");
    assert_ne!(again.address, program.address);
    assert!(again.creation.gas.used + 1_000_000 < program.creation.gas.used);
}

#[test]
fn a_constructor_that_fails_undoes_everything() {
    let mut chain = Chain::new();
    let code = chain::compress(&constructed());
    let hash = alloy_primitives::keccak256(&code);
    let arguments = (U256::ZERO,).abi_encode_params();
    let error = chain.from("alice").deploy_code_with(code, arguments).expect_err("the constructor refuses");
    let inner = error.decode::<StylusDeployer::ContractInitializationError>().expect("the deployer's error");
    assert_eq!(inner.data.as_ref(), chain::CONSTRUCTOR);
    assert_eq!(chain.record_of(hash).version, 0);
}

#[test]
fn the_deployer_knows_what_needs_activation() {
    let mut chain = Chain::new();
    let program = deploy(&mut chain, &echo());
    let asks = |chain: &Chain, addr| {
        chain.view(chain::STYLUS_DEPLOYER, StylusDeployer::requiresActivationCall { addr }).expect("a view")
    };
    assert!(!asks(&chain, program));
    let other = chain::init_code(&chain::compress(&constructed()));
    let other = chain.from("alice").create(other).expect("ok").contract_address.expect("created");
    assert!(asks(&chain, other));
    let empty = StylusDeployer::deployCall {
        bytecode: vec![].into(),
        initData: vec![].into(),
        initValue: U256::ZERO,
        salt: B256::ZERO,
    };
    let error = chain.from("alice").call(chain::STYLUS_DEPLOYER, empty).expect_err("no code");
    assert!(error.is::<StylusDeployer::EmptyBytecode>());
}

#[test]
fn the_prelude_is_that_of_cargo_stylus() {
    let init = init_code(&[0xaa, 0xbb]);
    assert_eq!(init.len(), 43 + 2);
    assert_eq!(init[..33], [&[0x7f][..], &[0; 31], &[2]].concat());
    assert_eq!(init[33..43], [0x80, 0x60, 0x2b, 0x60, 0x00, 0x39, 0x60, 0x00, 0xf3, 0x00]);
}

#[test]
fn code_above_the_limit_is_refused() {
    let mut chain = Chain::new();
    let largest = vec![0; 24_576];
    assert!(chain.from("alice").create(init_code(&largest)).is_ok());
    let error = chain.from("alice").create(init_code(&[largest, vec![0]].concat())).expect_err("too large");
    assert!(matches!(error.cause, Cause::Halt(_)));
    let _ = StylusDeployer::deployCall::SELECTOR;
    let contract = deploy(&mut chain, &echo());
    assert!(try_send(&mut chain, contract, vec![]).is_ok());
}
