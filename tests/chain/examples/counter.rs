//! A program of one's own on the chain, in the process of a test: deployed, called, looked into.
//!
//! `cargo run --example counter` plays with a counter of a few lines; `cargo run --example counter -- program.wasm` deploys and
//! activates a module that a Stylus project built (`target/wasm32-unknown-unknown/release/*.wasm`), and says what it costs.

use std::error::Error;

use alloy_primitives::U256;
use alloy_sol_types::sol;
use chain::{Chain, Recording, abi::ArbWasm, addresses::ARB_WASM};

/// Adds one to the word at slot 0 and returns it, whatever it is called with.
const COUNTER: &str = r#"(module
    (import "vm_hooks" "storage_load_bytes32" (func $load (param i32 i32)))
    (import "vm_hooks" "storage_cache_bytes32" (func $store (param i32 i32)))
    (import "vm_hooks" "storage_flush_cache" (func $flush (param i32)))
    (import "vm_hooks" "write_result" (func $result (param i32 i32)))
    (memory (export "memory") 1 1)
    (func (export "user_entrypoint") (param i32) (result i32)
        (call $load (i32.const 0) (i32.const 32))
        (i32.store8 (i32.const 63) (i32.add (i32.load8_u (i32.const 63)) (i32.const 1)))
        (call $store (i32.const 0) (i32.const 32))
        (call $flush (i32.const 0))
        (call $result (i32.const 32) (i32.const 32))
        i32.const 0))"#;

sol! {
    function increment() returns (uint256 count);
}

fn main() -> Result<(), Box<dyn Error>> {
    let given = std::env::args().nth(1);
    let wasm = match &given {
        Some(path) => std::fs::read(path)?,
        None => wat::parse_str(COUNTER)?,
    };
    // A chain of its own, as Arbitrum One is today. Deploying activates, as cargo stylus does.
    let mut chain = Chain::builder().recording(Recording::Frames).build();
    let program = chain.from("alice").deploy_wasm(&wasm)?;
    let init = chain.view(ARB_WASM, ArbWasm::programInitGasCall { program: program.address })?;
    println!(
        "{} at {}: {} gas a call, {} when cached",
        chain.arbos_version(),
        program.address,
        init.gas,
        init.gasWhenCached
    );
    if given.is_some() {
        return Ok(());
    }

    // Calls are typed. A snapshot takes back whatever came after it.
    let first = chain.from("alice").call(program.address, incrementCall {})?;
    assert_eq!(first.ret, U256::from(1));
    let before = chain.snapshot();
    chain.from("bob").call(program.address, incrementCall {})?;
    chain.revert(before);
    assert_eq!(chain.view(program.address, incrementCall {})?, U256::from(2), "a view changes nothing");
    assert_eq!(chain.storage(program.address, U256::ZERO), U256::from(1));
    println!("the first call: {} gas\n{}", first.gas.execution, first.frame_tree());
    Ok(())
}
