//! Activation, expiry, cache (stylus-vm.md 2.3 to 2.8).

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolCall;
use chain::{
    Account, Cause, Chain, Deployed, Recording,
    abi::{ArbOwner, ArbWasm, ArbWasmCache},
    addresses::{ARB_OWNER, ARB_WASM, ARB_WASM_CACHE},
    init_code,
};

use crate::support::{
    CALL, Code, deploy, deployed, echo, op, program, program_with_memory, relay, send, through, try_send, wat_to_wasm,
};

const DAY: u64 = 86_400;

/// Code on the chain that nobody activated.
fn undeployed(chain: &mut Chain, wasm: &[u8]) -> alloy_primitives::Address {
    let init = init_code(&chain::compress(wasm));
    chain.from("deployer").create(init).expect("it deploys").contract_address.expect("a creation has an address")
}

#[test]
fn a_program_runs_only_when_active() {
    let mut chain = Chain::new();
    let program = undeployed(&mut chain, &echo());
    assert!(!chain.is_active(program));
    let error = chain.from("alice").gas(100_000).send(program, vec![]).expect_err("not active");
    assert_eq!(error.cause, Cause::Halt("ProgramNotActivated()".into()));
    assert_eq!(error.receipt().gas.used, 100_000, "all gas is lost");
    let snapshot = chain.snapshot();
    chain.from("alice").activate(program).expect("it is a good module");
    assert!(try_send(&mut chain, program, vec![1]).is_ok());
    chain.revert(snapshot);
    assert!(try_send(&mut chain, program, vec![1]).is_err(), "the snapshot took the activation back");
}

#[test]
fn activation_emits_returns_and_refunds() {
    let mut chain = Chain::new();
    let program = undeployed(&mut chain, &echo());
    let (alice, network) = (chain.account("alice").address(), Account::owner().address());
    let (mine, theirs) = (chain.balance(alice), chain.balance(network));
    let call = ArbWasm::activateProgramCall { program };
    let sent = chain.from("alice").value(U256::from(10).pow(U256::from(17))).call(ARB_WASM, call).expect("good");
    let event = &sent.logs_from::<ArbWasm::ProgramActivated>(ARB_WASM)[0];
    assert_eq!(event.codehash, keccak256(chain.code(program)));
    assert_eq!((event.program, event.version), (program, 3));
    assert_eq!((sent.ret.version, sent.ret.dataFee), (3, event.dataFee));
    let gas = U256::from(sent.gas.used) * U256::from(100_000_000u64);
    assert_eq!(chain.balance(alice), mine - gas - event.dataFee);
    assert_eq!(chain.balance(network), theirs + gas + event.dataFee);
    assert_eq!(chain.balance(ARB_WASM), U256::ZERO);
}

#[test]
fn a_program_is_activated_once() {
    let mut chain = Chain::new();
    let program = deploy(&mut chain, &echo());
    let error = chain.from("alice").activate(program).expect_err("it is active");
    assert!(error.is::<ArbWasm::ProgramUpToDate>());
    assert!(error.receipt().gas.used < 1_700_000, "the fixed part only");
}

#[test]
fn too_little_value_is_an_error_that_names_the_fee() {
    let mut chain = Chain::new();
    let program = undeployed(&mut chain, &echo());
    let call = ArbWasm::activateProgramCall { program };
    let error = chain.from("alice").value(U256::from(1)).call(ARB_WASM, call).expect_err("one wei");
    let ArbWasm::ProgramInsufficientValue { have, want } = error.decode().expect("the error");
    assert_eq!(have, U256::from(1));
    assert!(want > U256::from(40_000_000_000_000u64));
    assert!(!chain.is_active(program), "nothing of it stays");
}

#[test]
fn a_bad_module_burns_all_gas_and_says_why() {
    let mut chain = Chain::new();
    let no_entrypoint = wat_to_wasm(r#"(module (memory (export "memory") 1 1))"#);
    let growing = wat_to_wasm(
        r#"(module (memory (export "memory") 1) (func (export "user_entrypoint") (param i32) (result i32) i32.const 0))"#,
    );
    let unknown = wat_to_wasm(
        r#"(module (import "vm_hooks" "no_such_hook" (func)) (memory (export "memory") 1 1)
            (func (export "user_entrypoint") (param i32) (result i32) i32.const 0))"#,
    );
    let debug = wat_to_wasm(
        r#"(module (import "console" "log_i32" (func (param i32))) (memory (export "memory") 1 1)
            (func (export "user_entrypoint") (param i32) (result i32) i32.const 0))"#,
    );
    for (wasm, text) in [
        (no_entrypoint, "user_entrypoint"),
        (growing, "pay_for_memory_grow"),
        (unknown, "no_such_hook"),
        (debug, "log_i32"),
    ] {
        let program = undeployed(&mut chain, &wasm);
        let error = chain.from("alice").gas(3_000_000).activate(program).expect_err("a bad module");
        let Cause::Halt(reason) = &error.cause else { panic!("{error}") };
        assert!(reason.contains(text), "{reason}");
        assert_eq!(error.receipt().gas.used, 3_000_000);
    }
}

#[test]
fn debug_imports_work_where_they_are_allowed() {
    let mut chain = Chain::builder().debug_imports().build();
    let wasm = wat_to_wasm(
        r#"(module (import "console" "log_i32" (func $log (param i32))) (memory (export "memory") 1 1)
            (func (export "user_entrypoint") (param i32) (result i32) (call $log (i32.const 1)) i32.const 0))"#,
    );
    let program = deploy(&mut chain, &wasm);
    send(&mut chain, program, vec![]);
}

#[test]
fn what_is_no_program_is_refused() {
    let mut chain = Chain::builder().arbos(59).build();
    let plain = Code::new().op(op::GAS).deploy(&mut chain);
    let error = chain.from("alice").activate(plain).expect_err("EVM code");
    assert!(error.is_empty(), "a text, no data, before ArbOS 60");
    let mut chain = Chain::builder().arbos(60).build();
    let plain = Code::new().op(op::GAS).deploy(&mut chain);
    let error = chain.from("alice").activate(plain).expect_err("EVM code");
    assert!(error.is::<ArbWasm::ProgramNotWasm>());
}

#[test]
fn activation_in_a_frame_that_reverts_is_undone() {
    let mut chain = Chain::new();
    let program = undeployed(&mut chain, &echo());
    // Activates with its balance, then reverts if call data is longer than the call.
    let activator = Code::new()
        .copy_calldata()
        .push(U256::ZERO)
        .push(U256::ZERO)
        .push(U256::from(36))
        .push(U256::ZERO)
        .push(U256::from(10).pow(U256::from(17)))
        .push_address(ARB_WASM)
        .ops(&[op::GAS, op::CALL])
        .push(U256::ZERO)
        .ops(&[op::MSTORE])
        .push(U256::from(32))
        .push(U256::ZERO)
        .op(op::REVERT)
        .deploy(&mut chain);
    chain.set_balance(activator, U256::from(10).pow(U256::from(18)));
    let call = ArbWasm::activateProgramCall { program }.abi_encode();
    let error = try_send(&mut chain, activator, call).expect_err("it reverts");
    assert_eq!(U256::from_be_slice(&error.data), U256::from(1), "activation itself succeeded");
    assert!(error.receipt().gas.used > 1_700_000);
    assert!(!chain.is_active(program));
    assert!(try_send(&mut chain, program, vec![]).is_err());
}

#[test]
fn what_arbos_touches_stays_cold() {
    let mut chain = Chain::new();
    let program = undeployed(&mut chain, &echo());
    // Activates, then reads three balances: of the program, the network fee account, and ArbOS.
    let network = Account::owner().address();
    let mut code = Code::new().copy_calldata();
    for word in [U256::ZERO, U256::ZERO, U256::from(36), U256::ZERO, U256::from(10).pow(U256::from(17))] {
        code = code.push(word);
    }
    code = code.push_address(ARB_WASM).ops(&[op::GAS, op::CALL, op::POP, op::GAS]);
    for account in [program, network, chain::ARBOS] {
        code = code.push_address(account).ops(&[op::BALANCE, op::POP]);
    }
    // Gas between the two readings, the second itself included.
    let contract = code.ops(&[op::GAS, 0x90, op::SUB]).return_word().deploy(&mut chain);
    chain.set_balance(contract, U256::from(10).pow(U256::from(18)));
    let data = ArbWasm::activateProgramCall { program }.abi_encode();
    let output = send(&mut chain, contract, data).output;
    assert!(chain.is_active(program));
    assert_eq!(U256::from_be_slice(&output), U256::from(3 * (3 + 2_600 + 2) + 2));
}

#[test]
fn every_copy_of_a_program_shares_one_activation() {
    let mut chain = Chain::new();
    let Deployed { address, code_hash, .. } = deployed(&mut chain, &echo());
    let copy = deployed(&mut chain, &echo());
    assert_ne!(copy.address, address);
    assert_eq!(copy.code_hash, code_hash);
    assert!(copy.activation.is_none(), "it was active already");
    assert_eq!(send(&mut chain, copy.address, b"x".to_vec()).output.as_ref(), b"x");
    chain.cache(address).expect("active");
    assert!(chain.is_cached(copy.address));
}

#[test]
fn a_program_expires_after_a_year_and_can_be_activated_again() {
    let mut chain = Chain::new();
    let program = deploy(&mut chain, &echo());
    let code_hash = chain.code_hash(program);
    let activated = chain.timestamp() / 3_600 * 3_600;
    let version = |chain: &Chain| chain.view(ARB_WASM, ArbWasm::codehashVersionCall { codehash: code_hash });
    chain.set_time(activated + 365 * DAY);
    assert_eq!(version(&chain).expect("still active"), 3);
    let left = chain.view(ARB_WASM, ArbWasm::programTimeLeftCall { program }).expect("still active");
    assert_eq!(left, 0);
    chain.set_time(activated + 365 * DAY + 1);
    let age = 365 * DAY + 1;
    let error = version(&chain).expect_err("expired");
    assert_eq!(error.decode(), Some(ArbWasm::ProgramExpired { ageInSeconds: age }));
    let error = try_send(&mut chain, program, vec![]).expect_err("expired");
    assert_eq!(error.cause, Cause::Halt(format!("ProgramExpired({age})")));
    chain.from("alice").activate(program).expect("again");
    assert!(try_send(&mut chain, program, vec![]).is_ok());
}

#[test]
fn a_keepalive_after_a_month_prolongs_for_a_year() {
    let mut chain = Chain::new();
    let program = deploy(&mut chain, &echo());
    let codehash = chain.code_hash(program);
    let activated = chain.timestamp() / 3_600 * 3_600;
    let keepalive = |chain: &mut Chain| {
        let call = ArbWasm::codehashKeepaliveCall { codehash };
        chain.from("alice").value(U256::from(10).pow(U256::from(17))).call(ARB_WASM, call)
    };
    chain.set_time(activated + 31 * DAY - 1);
    let error = keepalive(&mut chain).expect_err("too soon");
    assert_eq!(error.decode(), Some(ArbWasm::ProgramKeepaliveTooSoon { ageInSeconds: 31 * DAY - 1 }));
    chain.set_time(activated + 31 * DAY);
    let sent = keepalive(&mut chain).expect("a month has passed");
    let event = &sent.logs_of::<ArbWasm::ProgramLifetimeExtended>()[0];
    assert_eq!(event.codehash, codehash);
    // The fee of the stored size, which is in KiB, at a demand that has fallen to zero.
    assert_eq!(chain.record_of(codehash).asm_estimate_kb, 502);
    assert_eq!(event.dataFee, U256::from(43_660_699_265_024u64));
    // Arguments 3, state 800, parameters 100, record 800, pricer 44,000, record 20,000, fee account 800, event.
    let event_gas = 375 + 2 * 375 + 8 * 32;
    assert_eq!(sent.gas.execution_before_refund, 3 + 800 + 100 + 800 + 44_000 + 20_000 + 800 + event_gas);
    chain.set_time(activated + 31 * DAY + 365 * DAY);
    assert!(chain.is_active(program));
    chain.advance(3_601);
    assert!(!chain.is_active(program));
    assert!(keepalive(&mut chain).expect_err("expired").is::<ArbWasm::ProgramExpired>());
}

#[test]
fn a_chain_can_be_told_to_keep_programs_longer() {
    let mut chain = Chain::builder().expiry_days(u16::MAX).build();
    let program = deploy(&mut chain, &echo());
    chain.advance(100 * 365 * DAY);
    assert!(try_send(&mut chain, program, vec![]).is_ok());
}

#[test]
fn the_cache_lowers_the_cost_of_a_call_until_eviction() {
    let mut chain = Chain::new();
    let program = deployed(&mut chain, &echo());
    let init = chain.view(ARB_WASM, ArbWasm::programInitGasCall { program: program.address }).expect("active");
    let gas = |chain: &mut Chain| send(chain, program.address, vec![]).gas.execution_before_refund;
    let uncached = gas(&mut chain);
    let receipt = chain.cache(program.address).expect("active");
    let event = &receipt.logs_of::<ArbWasmCache::UpdateProgramCache>()[0];
    assert_eq!((event.manager, event.codehash, event.cached), (Account::owner().address(), program.code_hash, true));
    assert_eq!(uncached - gas(&mut chain), init.gas - init.gasWhenCached);
    assert!(chain.is_cached(program.address));
    let again = chain.cache(program.address).expect("nothing happens");
    assert!(again.logs.is_empty());
    chain.evict(program.address).expect("cached");
    assert_eq!(gas(&mut chain), uncached);
    let is_cached = chain.view(ARB_WASM_CACHE, ArbWasmCache::codehashIsCachedCall { codehash: program.code_hash });
    assert!(!is_cached.expect("a view"));
}

#[test]
fn caching_costs_reads_a_write_and_the_init_cost() {
    let mut chain = Chain::new();
    let program = deployed(&mut chain, &echo());
    let init_cost = u64::from(chain.record_of(program.code_hash).init_cost);
    let receipt = chain.cache(program.address).expect("active");
    // State, manager and owner sets, parameters, record, event, init cost, module hash, record.
    let change = 800 + 1_600 + 100 + 800 + (375 + 3 * 375 + 8 * 32) + init_cost + 800 + 20_000;
    // Arguments, code hash.
    assert_eq!(receipt.gas.execution_before_refund, change + 3 + 2_600);
    let evict = ArbWasmCache::evictCodehashCall { codehash: program.code_hash };
    let evicted = chain.from(&Account::owner()).call(ARB_WASM_CACHE, evict).expect("cached");
    assert_eq!(evicted.gas.execution_before_refund, change + 3);
}

#[test]
fn a_program_that_is_cached_costs_a_read_more_to_activate_again() {
    let gas = |cached: bool| {
        let mut chain = Chain::builder().arbos(51).build();
        let program = deploy(&mut chain, &echo());
        if cached {
            chain.cache(program).expect("active");
        }
        upgrade(&mut chain, 59);
        let receipt = chain.from("alice").activate(program).expect("again");
        assert_eq!(chain.is_cached(program), cached, "what was cached is cached again");
        receipt.gas.execution_before_refund
    };
    assert_eq!(gas(true), gas(false) + 800);
}

fn upgrade(chain: &mut Chain, version: u64) {
    let upgrade = ArbOwner::scheduleArbOSUpgradeCall { newVersion: version, timestamp: 0 };
    chain.from(&Account::owner()).call(ARB_OWNER, upgrade).expect("the owner may");
    chain.mine();
    assert_eq!(chain.arbos_version(), version);
}

#[test]
fn only_managers_and_owners_cache() {
    let mut chain = Chain::new();
    let program = deploy(&mut chain, &echo());
    let call = ArbWasmCache::cacheProgramCall { addr: program };
    let error = chain.from("mallory").gas(200_000).call(ARB_WASM_CACHE, call.clone()).expect_err("nobody");
    assert_eq!(error.receipt().gas.used, 200_000, "all gas is lost");
    let manager = chain.account("mallory").address();
    chain.from(&Account::owner()).call(ARB_OWNER, ArbOwner::addWasmCacheManagerCall { manager }).expect("owner");
    chain.from("mallory").call(ARB_WASM_CACHE, call).expect("a manager now");
    let managers = chain.view(ARB_WASM_CACHE, ArbWasmCache::allCacheManagersCall {}).expect("a view");
    assert_eq!(managers, [chain::CACHE_MANAGER, manager]);
    chain.from(&Account::owner()).call(ARB_OWNER, ArbOwner::removeWasmCacheManagerCall { manager }).expect("owner");
    let still = chain.view(ARB_WASM_CACHE, ArbWasmCache::isCacheManagerCall { manager }).expect("a view");
    assert!(!still);
}

#[test]
fn an_unactivated_program_cannot_be_cached() {
    let mut chain = Chain::new();
    let program = undeployed(&mut chain, &echo());
    let error = chain.cache(program).expect_err("not active");
    assert_eq!(error.decode(), Some(ArbWasm::ProgramNeedsUpgrade { version: 0, stylusVersion: 3 }));
}

#[test]
fn before_arbos_31_code_hashes_are_cached() {
    let mut chain = Chain::builder().arbos(30).build();
    let program = deploy(&mut chain, &echo());
    let record = chain.record_of(chain.code_hash(program));
    assert_eq!(record.version, 1);
    let uncached = send(&mut chain, program, vec![]).gas.execution_before_refund;
    chain.cache(program).expect("active");
    let cached = send(&mut chain, program, vec![]).gas.execution_before_refund;
    let params = chain.params();
    assert_eq!((params.min_init, params.min_cached_init), (72, 11));
    assert_eq!(uncached - cached, params.init_gas(record.init_cost) - params.cached_gas(record.cached_cost));
}

#[test]
fn an_upgrade_of_the_stylus_version_asks_for_reactivation() {
    let mut chain = Chain::builder().arbos(30).build();
    let program = deploy(&mut chain, &echo());
    let upgrade = ArbOwner::scheduleArbOSUpgradeCall { newVersion: 31, timestamp: chain.timestamp() + 10 };
    chain.from(&Account::owner()).call(ARB_OWNER, upgrade).expect("the owner may");
    assert!(try_send(&mut chain, program, vec![]).is_ok(), "not yet");
    chain.advance(10);
    let error = try_send(&mut chain, program, vec![]).expect_err("an old version");
    assert_eq!(error.cause, Cause::Halt("ProgramNeedsUpgrade(1, 2)".into()));
    assert_eq!(chain.arbos_version(), 31);
    chain.from("alice").activate(program).expect("again");
    assert!(try_send(&mut chain, program, vec![]).is_ok());
}

#[test]
fn arbos_59_asks_for_reactivation_and_what_follows_does_not() {
    for (from, to, needed) in [(51, 59, true), (51, 60, true), (51, 61, true), (59, 60, false), (60, 61, false)] {
        let mut chain = Chain::builder().arbos(from).build();
        let program = deploy(&mut chain, &echo());
        upgrade(&mut chain, to);
        let called = try_send(&mut chain, program, vec![]);
        assert_eq!(called.is_err(), needed, "{from} to {to}");
        if let Err(error) = called {
            assert_eq!(error.cause, Cause::Halt("ProgramNeedsUpgrade(2, 3)".into()));
            chain.from("alice").activate(program).expect("again");
            assert!(try_send(&mut chain, program, vec![]).is_ok());
        }
    }
}

/// Several results were admitted until then.
#[test]
fn a_program_of_several_results_cannot_be_activated_again_from_arbos_59_on() {
    let mut chain = Chain::builder().arbos(51).build();
    let wasm = wat_to_wasm(
        r#"(module (memory (export "memory") 1 1) (func $two (result i32 i32) i32.const 0 i32.const 0)
            (func (export "user_entrypoint") (param i32) (result i32) call $two i32.or))"#,
    );
    let program = deploy(&mut chain, &wasm);
    send(&mut chain, program, vec![]);
    upgrade(&mut chain, 61);
    let error = chain.from("alice").gas(5_000_000).activate(program).expect_err("refused now");
    assert!(matches!(&error.cause, Cause::Halt(reason) if reason.contains("multi-value")), "{error}");
}

#[test]
fn recent_programs_count_as_cached_from_arbos_60_on() {
    for (version, expected) in [(61, true), (60, true), (59, false), (51, false)] {
        let mut chain = Chain::builder().arbos(version).build();
        let program = deploy(&mut chain, &echo());
        chain.stop_automine();
        let first = send(&mut chain, program, vec![]).gas.used;
        let second = send(&mut chain, program, vec![]).gas.used;
        chain.mine();
        let next_block = send(&mut chain, program, vec![]).gas.used;
        assert_eq!(second < first, expected, "ArbOS {version}");
        assert_eq!(next_block, first);
    }
}

/// With room for at least one program, and with the room that there was when the block used its first.
#[test]
fn a_block_s_memory_of_programs_keeps_its_size() {
    let mut chain = Chain::new();
    let [first, second] = [echo(), relay()].map(|wasm| deploy(&mut chain, &wasm));
    let resize = |chain: &mut Chain, count| {
        let call = ArbOwner::setWasmBlockCacheSizeCall { count };
        chain.from(&Account::owner()).call(ARB_OWNER, call).expect("the owner may");
    };
    let data = through(CALL, Address::with_last_byte(0x99), 0, &[]);
    let gas = |chain: &mut Chain, program| send(chain, program, data.clone()).gas.used;
    let dear = [gas(&mut chain, first), gas(&mut chain, second)];
    resize(&mut chain, 0);
    chain.stop_automine();
    assert_eq!(gas(&mut chain, first), dear[0]);
    assert!(gas(&mut chain, first) < dear[0], "there is room for one");
    assert_eq!(gas(&mut chain, second), dear[1]);
    resize(&mut chain, 32);
    assert_eq!(gas(&mut chain, first), dear[0], "the second took its place, whatever the parameter is now");
    chain.mine();
    assert_eq!([gas(&mut chain, first), gas(&mut chain, second)], dear);
    assert!(gas(&mut chain, first) < dear[0] && gas(&mut chain, second) < dear[1], "room for all in the next block");
}

/// Until ArbOS 58 a limit for activations only.
#[test]
fn the_page_limit_holds_for_every_call_and_growth_from_arbos_59_on() {
    for (version, limited) in [(51, false), (59, true), (61, true)] {
        let mut chain = Chain::builder().arbos(version).build();
        let router = deploy(&mut chain, &relay());
        let three = deploy(&mut chain, &program_with_memory("3 3", "i32.const 0"));
        let growing = program_with_memory("1", "(drop (memory.grow (i32.const 3))) i32.const 0");
        let growing = deploy(&mut chain, &growing);
        let fits = |chain: &mut Chain, target| send(chain, router, through(CALL, target, 0, &[])).output[0] == 0;
        let call = ArbOwner::setWasmPageLimitCall { limit: 4 };
        chain.from(&Account::owner()).call(ARB_OWNER, call).expect("the owner may");
        assert!(fits(&mut chain, three), "1 + 3 pages, ArbOS {version}");
        assert_eq!(fits(&mut chain, growing), !limited, "1 + 1 + 3 pages, ArbOS {version}");
        send(&mut chain, growing, vec![]);
        let call = ArbOwner::setWasmPageLimitCall { limit: 3 };
        chain.from(&Account::owner()).call(ARB_OWNER, call).expect("the owner may");
        assert_eq!(fits(&mut chain, three), !limited, "1 + 3 pages, ArbOS {version}");
        send(&mut chain, three, vec![]);
    }
}

#[test]
fn open_pages_count_against_the_page_limit_of_an_activation() {
    let mut chain = Chain::new();
    let limit = ArbOwner::setWasmPageLimitCall { limit: 4 };
    chain.from(&Account::owner()).call(ARB_OWNER, limit).expect("the owner may");
    let four = undeployed(&mut chain, &program_with_memory("4 4", "i32.const 0"));
    chain.from("alice").activate(four).expect("four pages are allowed");
    let five = undeployed(&mut chain, &program_with_memory("5 5", "i32.const 0"));
    chain.from("alice").activate(five).expect_err("five are not");
    let four = undeployed(&mut chain, &program_with_memory("4 4", "i32.const 0 drop i32.const 0"));
    let router = deploy(&mut chain, &relay());
    let call = ArbWasm::activateProgramCall { program: four }.abi_encode();
    chain.set_balance(router, U256::from(10).pow(U256::from(18)));
    let output = send(&mut chain, router, through(CALL, ARB_WASM, 10u64.pow(16), &call)).output;
    assert_eq!(output[0], 2, "the caller's own page is open");
}

#[test]
fn a_raised_ink_price_makes_computation_cheaper() {
    let mut chain = Chain::builder().recording(Recording::Frames).build();
    let program = deploy(
        &mut chain,
        &program(
            "(loop (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (br_if 0 (i32.lt_u (local.get $a) (i32.const 1000)))) i32.const 0",
        ),
    );
    let before = send(&mut chain, program, vec![]);
    chain.from(&Account::owner()).call(ARB_OWNER, ArbOwner::setInkPriceCall { price: 20_000 }).expect("owner");
    let after = send(&mut chain, program, vec![]);
    assert_eq!(before.frames[0].ink, after.frames[0].ink);
    assert!(after.gas.used < before.gas.used);
    let price = chain.view(ARB_WASM, ArbWasm::inkPriceCall {}).expect("a view");
    assert_eq!(price, 20_000);
}

#[test]
fn a_program_in_fragments_runs_from_arbos_60_on() {
    let mut chain = Chain::builder().arbos(60).build();
    let wasm = echo();
    let stream = &chain::compress(&wasm)[4..];
    let (head, tail) = stream.split_at(stream.len() / 2);
    let mut fragment = |bytes: &[u8]| {
        let code = [&[0xef, 0xf0, 0x01][..], bytes].concat();
        chain.from("deployer").create(init_code(&code)).expect("it deploys").contract_address.expect("created")
    };
    let (first, second) = (fragment(head), fragment(tail));
    let length = (wasm.len() as u32).to_be_bytes();
    let root = [&[0xef, 0xf0, 0x02, 0x00], &length[..], first.as_slice(), second.as_slice()].concat();
    let program = chain.from("deployer").deploy_code(root.into()).expect("it activates");
    assert_eq!(send(&mut chain, program.address, b"whole".to_vec()).output.as_ref(), b"whole");
    assert!(chain.from("alice").activate(first).is_err(), "a fragment is no program");
    assert!(try_send(&mut chain, first, vec![]).is_err());
    let too_many = [&[0xef, 0xf0, 0x02, 0x00], &length[..], &[first.as_slice(); 5].concat()].concat();
    assert!(chain.from("deployer").deploy_code(too_many.into()).is_err());
}

#[test]
fn fragments_and_the_activation_gas_are_paid_from_arbos_60_on() {
    let mut chain = Chain::builder().arbos(60).build();
    let wasm = echo();
    let code = chain::compress(&wasm);
    let classic = chain.from("deployer").deploy_code(code.clone()).expect("it activates");
    let gas = |program: &Deployed| program.activation.as_ref().expect("first").gas.execution_before_refund;
    let paid = gas(&classic);
    let fragment = |chain: &mut Chain, bytes: &[u8]| {
        let code = [&[0xef, 0xf0, 0x01][..], bytes].concat();
        chain.from("deployer").create(init_code(&code)).expect("it deploys").contract_address.expect("created")
    };
    let (head, tail) = code[4..].split_at(40);
    let fragments = [fragment(&mut chain, head), fragment(&mut chain, tail)];
    let length = (wasm.len() as u32).to_be_bytes();
    let root = [&[0xef, 0xf0, 0x02, 0x00], &length[..], fragments[0].as_slice(), fragments[1].as_slice()].concat();
    let words = |bytes: &[u8]| (3 + bytes.len() as u64).div_ceil(32);
    let reading = 2 * 2_600 + 3 * (words(head) + words(tail));
    let snapshot = chain.snapshot();
    let rooted = chain.from("deployer").deploy_code(root.clone().into()).expect("it activates");
    assert_eq!(gas(&rooted), paid + reading);

    chain.revert(snapshot);
    chain.from(&Account::owner()).call(ARB_OWNER, ArbOwner::setWasmActivationGasCall { gas: 12_345 }).expect("owner");
    let rooted = chain.from("deployer").deploy_code(root.into()).expect("it activates");
    assert_eq!(gas(&rooted), paid + reading + 12_345);

    let mut before = Chain::builder().arbos(51).build();
    let classic = before.from("deployer").deploy_code(code).expect("it activates");
    assert_eq!(gas(&classic) + 800, paid, "reading the activation gas");
}

#[test]
fn set_code_does_not_activate() {
    let mut chain = Chain::new();
    let address = alloy_primitives::Address::repeat_byte(0x33);
    chain.set_code(address, chain::compress(&echo()));
    assert!(!chain.is_active(address));
    chain.from("alice").activate(address).expect("it is a good module");
    assert_eq!(send(&mut chain, address, b"x".to_vec()).output.as_ref(), b"x");
    assert_ne!(chain.code_hash(address), B256::ZERO);
}
