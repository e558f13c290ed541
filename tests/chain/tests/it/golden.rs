//! Figures of stylus-vm.md section 8, measured on the chain.

use alloy_primitives::{B256, U256, keccak256};
use alloy_sol_types::SolCall;
use chain::{Chain, Recording, abi::ArbWasm, abi::ArbosTest, addresses::ARB_WASM, addresses::ARBOS_TEST};

use crate::support::{BUBBLE, CALL, Code, deploy, deployed, echo, ink_of, program, relay, send, through, wat_to_wasm};

const G1: &str = r#"(module (memory (export "memory") 1 1)
  (func (export "user_entrypoint") (param i32) (result i32) i32.const 0))"#;
const G2: &str = r#"(module (memory (export "memory") 1 1)
  (func (export "user_entrypoint") (param i32) (result i32) (local i32)
  i32.const 1000 local.set 1 loop local.get 1 i32.const 1 i32.sub local.tee 1 br_if 0 end i32.const 0))"#;
const G3: &str = r#"(module (memory (export "memory") 1 1) (type (func (param i32 i64) (result i64)))
  (table 1 1 funcref) (elem (i32.const 0) 1) (global (mut i64) (i64.const 5))
  (func (export "user_entrypoint") (param i32) (result i32)
    block block block local.get 0 br_table 0 1 2 end nop end nop end
    local.get 0 i64.const 7 i32.const 0 call_indirect (type 0) global.set 0
    global.get 0 i64.popcnt i32.wrap_i64 i32.const 3 local.get 0 select
    if i32.const 0 i32.const 255 i32.const 64 memory.fill else i32.const 64 i32.const 0 i32.const 16 memory.copy end
    i32.const 0)
  (func (param i32 i64) (result i64) local.get 1 local.get 1 i64.mul))"#;
const G4: &str = r#"(module (import "vm_hooks" "pay_for_memory_grow" (func (param i32)))
  (import "vm_hooks" "read_args" (func (param i32))) (import "vm_hooks" "write_result" (func (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "user_entrypoint") (param i32) (result i32)
    i32.const 0 call 1 i32.const 5 memory.grow drop i32.const 0 local.get 0 call 2 i32.const 0))"#;

/// A module of 8.1: activation gas of 2.6 step 5, overhead uncached and cached, call data and the ink of one run.
struct Golden {
    wat: &'static str,
    bytes: usize,
    activation: u64,
    uncached: u64,
    cached: u64,
    data: &'static [u8],
    ink: u64,
    /// Estimated size in bytes, and the data fee of the chain's first activation in wei.
    asm: u32,
    fee: u64,
}

const GOLDENS: [Golden; 5] = [
    Golden {
        wat: G1,
        bytes: 64,
        activation: 63_084,
        uncached: 9_213,
        cached: 363,
        data: &[],
        ink: 2_452,
        asm: 513_418,
        fee: 43_607_190_175_334,
    },
    Golden {
        wat: G2,
        bytes: 83,
        activation: 63_924,
        uncached: 9_215,
        cached: 363,
        data: &[],
        ink: 3_443_565,
        asm: 513_537,
        fee: 43_617_297_447_831,
    },
    Golden {
        wat: G3,
        bytes: 167,
        activation: 66_920,
        uncached: 9_243,
        cached: 369,
        data: &[],
        ink: 54_377,
        asm: 515_095,
        fee: 43_753_897_958_820,
    },
    Golden {
        wat: G3,
        bytes: 167,
        activation: 66_920,
        uncached: 9_243,
        cached: 369,
        data: &[1],
        ink: 51_925,
        asm: 515_095,
        fee: 43_753_897_958_820,
    },
    Golden {
        wat: G4,
        bytes: 166,
        activation: 64_512,
        uncached: 9_226,
        cached: 363,
        data: b"hello",
        ink: 40_087_691,
        asm: 514_057,
        fee: 43_661_463_680_591,
    },
];

/// Gas of an activation beside the fixed part and step 5: storage, event, words.
const ACTIVATION_STORAGE: u64 = 86_500 + 2_149 + 9;
/// Reading the gas that activations cost besides, from ArbOS 59 on.
const ACTIVATION_GAS_READ: u64 = 800;

#[test]
fn modules_cost_what_the_table_says() {
    for Golden { wat, bytes, activation, uncached, cached, data, ink, asm, fee } in GOLDENS {
        let mut chain = Chain::builder().recording(Recording::Frames).build();
        let wasm = wat_to_wasm(wat);
        assert_eq!(wasm.len(), bytes);
        let program = deployed(&mut chain, &wasm);
        let receipt = program.activation.as_ref().expect("it was not active");
        let paid = receipt.gas.execution_before_refund;
        assert_eq!(paid, 1_659_168 + activation + ACTIVATION_STORAGE + ACTIVATION_GAS_READ, "{bytes} bytes");
        assert_eq!(receipt.logs_of::<ArbWasm::ProgramActivated>()[0].dataFee, U256::from(fee));
        assert_eq!(chain.record_of(program.code_hash).asm_estimate_kb, asm.div_ceil(1_024));

        let init = chain.view(ARB_WASM, ArbWasm::programInitGasCall { program: program.address }).expect("active");
        assert_eq!((init.gas, init.gasWhenCached), (uncached, cached));
        for overhead in [uncached, cached] {
            let receipt = send(&mut chain, program.address, data);
            assert_eq!(receipt.frames[0].ink, Some(ink), "{bytes} bytes");
            assert_eq!(receipt.gas.execution_before_refund, overhead + ink.div_ceil(10_000));
            chain.cache(program.address).expect("it is active");
        }
    }
}

/// A slot of ArbOS, by the keys of its spaces and of the word (2.9).
fn arbos_slot(spaces: &[u8], key: B256) -> U256 {
    let space = spaces.iter().fold(Vec::new(), |space, id| keccak256([&space[..], &[*id]].concat()).to_vec());
    let mut slot = keccak256([&space[..], &key[..31]].concat());
    slot[31] = key[31];
    slot.into()
}

#[test]
fn parameters_and_records_lie_where_the_layout_says() {
    let mut chain = Chain::builder().timestamp(1_421_388_000 + 0x01_02_03 * 3_600 + 59).build();
    let program = deployed(&mut chain, &wat_to_wasm(G3));
    chain.cache(program.address).expect("active");
    let word = |slot| B256::from(chain.storage(chain::ARBOS, slot));
    let params = "0003" // version
        .to_owned()
        + "002710" // ink price
        + "000055f0" // stack depth
        + "0002" // free pages
        + "03e8" // page gas
        + "0080" // page limit
        + "450b" // minimal init costs
        + "3232" // scalars
        + "016d001f" // expiry, keepalive
        + "0020" // block cache
        + "00040000" // largest module
        + "040000"; // fragments, unused
    assert_eq!(alloy_primitives::hex::encode(word(arbos_slot(&[8, 0], B256::ZERO))), params);
    // Version, costs 42 and 17, one page, hours, 504 KiB, cached.
    let record = "0003002a001100010102030001f801".to_owned() + &"00".repeat(17);
    assert_eq!(alloy_primitives::hex::encode(word(arbos_slot(&[8, 1], program.code_hash))), record);
}

#[test]
fn memory_grown_under_a_caller_with_a_page_costs_a_page_more() {
    let mut chain = Chain::builder().recording(Recording::Frames).build();
    let (outer, inner) = (deploy(&mut chain, &relay()), deploy(&mut chain, &wat_to_wasm(G4)));
    let receipt = send(&mut chain, outer, through(CALL, inner, 0, b"hello"));
    assert_eq!(receipt.frames[1].ink, Some(50_087_691));
}

/// The echo program of Nitro's own tests has 187 bytes; a custom section pads ours.
#[test]
fn a_call_of_a_cold_echo_program_costs_118_475_955_ink() {
    let mut wasm = echo();
    let padding = 187 - wasm.len() - 2;
    wasm.push(0);
    wasm.push(padding as u8);
    wasm.push(3);
    wasm.extend_from_slice(b"pad");
    wasm.resize(187, 0);

    let mut chain = Chain::builder().recording(Recording::HostCalls).build();
    let (caller, echo) = (deploy(&mut chain, &relay()), deployed(&mut chain, &wasm));
    let record = chain.record_of(echo.code_hash);
    assert_eq!((record.init_cost, record.cached_cost), (34, 11));
    let receipt = send(&mut chain, caller, through(CALL, echo.address, 0, &[1, 2, 3, 4]));
    assert_eq!(receipt.output.as_ref(), [0, 1, 2, 3, 4]);
    assert_eq!(ink_of(&receipt, 0, "call_contract"), 118_475_955);
}

#[test]
fn a_call_of_a_small_evm_contract_costs_28_325_955_ink_and_nine_thousand_gas_more_with_value() {
    let mut chain = Chain::builder().recording(Recording::HostCalls).build();
    let caller = deploy(&mut chain, &relay());
    let burns_221 = Code::new().ops(&[0x5b; 221]).deploy(&mut chain);
    chain.set_balance(caller, U256::from(1));
    let receipt = send(&mut chain, caller, through(CALL, burns_221, 0, &[]));
    assert_eq!(ink_of(&receipt, 0, "call_contract"), 28_325_955);
    let receipt = send(&mut chain, caller, through(CALL, burns_221, 1, &[]));
    assert_eq!(ink_of(&receipt, 0, "call_contract"), 118_325_955, "the stipend it used is paid by the caller");
    assert_eq!(chain.balance(burns_221), U256::from(1));
}

#[test]
fn a_call_of_a_precompile_costs_1_146_395_ink() {
    let mut chain = Chain::builder().recording(Recording::HostCalls).build();
    let caller = deploy(&mut chain, &relay());
    let burn = ArbosTest::burnArbGasCall { gasAmount: U256::ZERO }.abi_encode();
    let receipt = send(&mut chain, caller, through(CALL, ARBOS_TEST, 0, &burn));
    assert_eq!(ink_of(&receipt, 0, "call_contract"), 1_146_395);
}

#[test]
fn storage_host_calls_cost_what_nitro_asserts() {
    let mut chain = Chain::builder().recording(Recording::HostCalls).build();
    let body = "
        (call $storage_load_bytes32 (i32.const 0) (i32.const 32))
        (i32.store8 (i32.const 32) (i32.const 1))
        (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
        (call $storage_flush_cache (i32.const 1))
        (call $transient_store_bytes32 (i32.const 0) (i32.const 32))
        (call $contract_address (i32.const 64))
        (call $account_balance (i32.const 64) (i32.const 96))
        i32.const 0";
    let contract = deploy(&mut chain, &program(body));
    let receipt = send(&mut chain, contract, vec![]);
    assert_eq!(ink_of(&receipt, 0, "storage_load_bytes32"), 21_068_480);
    assert_eq!(ink_of(&receipt, 0, "storage_cache_bytes32"), 18_480);
    // The slot was read before: without the 2,100 gas of a cold one, 200,068,073.
    assert_eq!(ink_of(&receipt, 0, "storage_flush_cache"), 200_068_073);
    assert_eq!(ink_of(&receipt, 0, "transient_store_bytes32"), 1_078_153);
    assert_eq!(ink_of(&receipt, 0, "account_balance"), 1_078_153);

    let flush = "(i32.store8 (i32.const 32) (i32.add (local.get $len) (i32.const 1)))
        (call $storage_cache_bytes32 (i32.const 0) (i32.const 32)) (call $storage_flush_cache (i32.const 0)) i32.const 0";
    let contract = deploy(&mut chain, &program(flush));
    let first = send(&mut chain, contract, vec![]);
    assert_eq!(ink_of(&first, 0, "storage_flush_cache"), 221_068_073);
    let rewrite = send(&mut chain, contract, vec![0]);
    assert_eq!(ink_of(&rewrite, 0, "storage_flush_cache"), 50_068_073);
}

#[test]
fn accounts_cost_what_nitro_asserts() {
    let mut chain = Chain::builder().recording(Recording::HostCalls).build();
    let size = program("(drop (call $account_code_size (i32.const 0))) i32.const 0");
    let hash = program("(call $account_codehash (i32.const 0) (i32.const 32)) i32.const 0");
    // Address 0 is the target; cold.
    let (size, hash) = (deploy(&mut chain, &size), deploy(&mut chain, &hash));
    let receipt = send(&mut chain, size, vec![]);
    assert_eq!(ink_of(&receipt, 0, "account_code_size"), 33_068_073);
    let receipt = send(&mut chain, hash, vec![]);
    assert_eq!(ink_of(&receipt, 0, "account_codehash"), 26_078_153);
}

#[test]
fn a_failed_call_bubbles_like_a_call() {
    let mut chain = Chain::new();
    let outer = deploy(&mut chain, &relay());
    let echo = deploy(&mut chain, &echo());
    let receipt = send(&mut chain, outer, through(CALL | BUBBLE, echo, 0, b"abc"));
    assert_eq!(receipt.output.as_ref(), b"abc");
}
