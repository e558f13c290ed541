//! Plain EVM transactions, accounts, blocks, time, snapshots.

use alloy_primitives::{Address, B256, U256, address, keccak256};
use chain::{Account, Cause, Chain, FUNDS, Rejected, SEQUENCER, STYLUS_DEPLOYER, Transaction, addresses};

use crate::support::{Code, STORE, deploy, op, send, store, storing, try_send};

#[test]
fn the_deployer_in_genesis_is_the_real_one() {
    let expected: B256 = "85c3998f7541c47e69d221966c2725e197d243190f367eefab6eda7c90c3994a".parse().expect("hash");
    let chain = Chain::new();
    assert_eq!(keccak256(chain.code(STYLUS_DEPLOYER)), expected);
    assert_eq!(chain.code_hash(STYLUS_DEPLOYER), expected);
}

#[test]
fn precompiles_have_code() {
    let chain = Chain::new();
    for address in addresses::ALL {
        assert_eq!(chain.code(address).as_ref(), [0xfe]);
    }
}

#[test]
fn a_transfer_costs_its_intrinsic_gas_and_pays_the_network() {
    let mut chain = Chain::new();
    let (alice, bob) = (chain.account("alice").address(), Address::repeat_byte(0xb0));
    let network = Account::owner().address();
    let before = chain.balance(network);
    let receipt = chain.from("alice").transfer(bob, U256::from(7)).expect("alice has funds");
    assert_eq!(receipt.gas.used, 21_000);
    assert_eq!(receipt.gas.intrinsic, 21_000);
    assert_eq!(receipt.gas.execution, 0);
    assert_eq!(receipt.gas_used_for_l1, 0);
    let fee = U256::from(21_000u64 * 100_000_000);
    assert_eq!(chain.balance(bob), U256::from(7));
    assert_eq!(chain.balance(alice), FUNDS - fee - U256::from(7));
    assert_eq!(chain.balance(network), before + fee);
    assert_eq!(chain.balance(SEQUENCER), U256::ZERO);
    assert_eq!(chain.nonce(alice), 1);
}

#[test]
fn storage_costs_what_the_evm_charges_and_refunds_a_fifth_at_most() {
    let mut chain = Chain::new();
    // Stores call data's first word in slot 0.
    let code = Code::new().push(U256::ZERO).op(op::CALLDATALOAD).push(U256::ZERO).op(op::SSTORE);
    let contract = code.deploy(&mut chain);
    let one = U256::from(1).to_be_bytes_vec();
    let set = send(&mut chain, contract, one);
    let pushes = 2 + 3 + 2;
    assert_eq!(set.gas.intrinsic, 21_000 + 31 * 4 + 16);
    assert_eq!(set.gas.execution_before_refund, pushes + 22_100);
    assert_eq!(set.gas.refund, 0);
    let clear = send(&mut chain, contract, vec![0; 32]);
    assert_eq!(clear.gas.execution_before_refund, pushes + 5_000);
    assert_eq!(clear.gas.refund, 4_800);
    assert_eq!(clear.gas.used, clear.gas.intrinsic + pushes + 5_000 - 4_800);
    assert_eq!(clear.gas.execution, clear.gas.used - clear.gas.intrinsic);
}

#[test]
fn a_revert_leaves_nonce_and_fee_only() {
    let mut chain = Chain::new();
    let code = Code::new().sstore(0, 1).push(U256::from(0xab)).push(U256::ZERO).op(op::MSTORE);
    let code = code.push(U256::from(1)).push(U256::from(31)).op(op::REVERT);
    let contract = code.deploy(&mut chain);
    let alice = chain.account("alice").address();
    let error = try_send(&mut chain, contract, vec![]).expect_err("it reverts");
    assert_eq!(error.cause, Cause::Revert);
    assert_eq!(error.data.as_ref(), [0xab]);
    assert!(error.receipt().logs.is_empty());
    assert_eq!(chain.storage(contract, U256::ZERO), U256::ZERO);
    assert_eq!(chain.nonce(alice), 1);
    let fee = U256::from(error.receipt().gas.used) * U256::from(100_000_000u64);
    assert_eq!(chain.balance(alice), FUNDS - fee);
}

#[test]
fn block_opcodes_speak_of_l1_and_the_sequencer() {
    let mut chain = Chain::builder().timestamp(1_000).l1_number(77).build();
    let read = |chain: &mut Chain, opcode: u8| {
        let contract = Code::new().op(opcode).return_word().deploy(chain);
        let output = send(chain, contract, vec![]).output;
        U256::from_be_slice(&output)
    };
    assert_eq!(read(&mut chain, op::NUMBER), U256::from(77));
    assert_eq!(read(&mut chain, op::TIMESTAMP), U256::from(1_000));
    assert_eq!(read(&mut chain, op::PREVRANDAO), U256::from(1));
    assert_eq!(read(&mut chain, op::CHAINID), U256::from(412_346));
    assert_eq!(read(&mut chain, op::BASEFEE), U256::from(100_000_000));
    assert_eq!(read(&mut chain, op::GASPRICE), U256::from(100_000_000));
    assert_eq!(read(&mut chain, op::GASLIMIT), U256::from(1u64 << 50));
    assert_eq!(read(&mut chain, op::COINBASE), U256::from_be_bytes(SEQUENCER.into_word().0));
    chain.advance(24);
    assert_eq!(read(&mut chain, op::NUMBER), U256::from(79));
    chain.set_l1_number(5);
    assert_eq!(read(&mut chain, op::NUMBER), U256::from(5));
}

#[test]
fn block_hashes_are_those_of_the_last_l1_blocks() {
    let mut chain = Chain::builder().l1_number(1_000).build();
    let hash = |chain: &mut Chain, number: u64| {
        let contract = Code::new().push(U256::from(number)).op(op::BLOCKHASH).return_word().deploy(chain);
        U256::from_be_slice(&send(chain, contract, vec![]).output)
    };
    assert_ne!(hash(&mut chain, 999), U256::ZERO);
    assert_ne!(hash(&mut chain, 999), hash(&mut chain, 998));
    assert_eq!(hash(&mut chain, 1_000), U256::ZERO);
    assert_eq!(hash(&mut chain, 700), U256::ZERO);
}

#[test]
fn blob_opcodes_do_not_exist() {
    let mut chain = Chain::new();
    for opcode in [op::BLOBHASH, op::BLOBBASEFEE] {
        let contract = Code::new().push(U256::ZERO).op(opcode).deploy(&mut chain);
        let error = try_send(&mut chain, contract, vec![]).expect_err("no such opcode");
        assert_eq!(error.cause, Cause::Halt("opcode not found".into()));
    }
}

#[test]
fn code_starting_with_ef_is_refused() {
    for (version, fragments) in [(59, false), (61, true)] {
        let mut chain = Chain::builder().arbos(version).build();
        for code in [&[0xef][..], &[0xef, 0xf0, 0x00], &[0xef, 0xf0, 0x03, 0x00], &[0xef, 0x00, 0x00, 0x00]] {
            let error = chain.from("alice").create(chain::init_code(code)).expect_err("EF code");
            assert!(matches!(error.cause, Cause::Halt(_)), "{error}");
            assert_eq!(error.receipt().gas.used, 32_000_000, "all gas is lost");
        }
        let stylus = chain.from("alice").create(chain::init_code(&[0xef, 0xf0, 0x00, 0x00]));
        assert!(stylus.is_ok(), "a Stylus prefix with something behind it is accepted");
        for part in [1, 2] {
            let part = chain.from("alice").create(chain::init_code(&[0xef, 0xf0, part, 0x00]));
            assert_eq!(part.is_ok(), fragments, "ArbOS {version}");
        }
    }
}

#[test]
fn gas_above_the_limit_is_held_back_and_returned() {
    let gas_seen = |chain: &mut Chain, limit: u64| {
        let contract = Code::new().op(op::GAS).return_word().deploy(chain);
        let receipt = chain.from("alice").gas(limit).send(contract, vec![]).expect("it runs");
        assert!(receipt.gas.used < 30_000);
        U256::from_be_slice(&receipt.output).to::<u64>()
    };
    let mut chain = Chain::new();
    assert_eq!(gas_seen(&mut chain, 40_000_000), 32_000_000 - 21_000 - 2);
    assert_eq!(gas_seen(&mut chain, 1_000_000), 1_000_000 - 21_000 - 2);
    let mut chain = Chain::builder().arbos(41).build();
    assert_eq!(gas_seen(&mut chain, 40_000_000), 32_000_000 - 2);
}

#[test]
fn simulated_calls_change_nothing_and_may_use_more_gas() {
    let mut chain = Chain::new();
    let contract = Code::new().sstore(0, 1).op(op::GAS).return_word().deploy(&mut chain);
    let receipt = chain.from("alice").simulate_raw(contract, vec![]).expect("it runs");
    assert!(U256::from_be_slice(&receipt.output) > U256::from(49_000_000));
    assert_eq!(chain.storage(contract, U256::ZERO), U256::ZERO);
    let error = chain.from("alice").static_raw(contract, vec![]).expect_err("it writes");
    assert!(matches!(error.cause, Cause::Halt(_)));
}

#[test]
fn snapshots_bring_everything_back() {
    let mut chain = Chain::builder().timestamp(1_000).build();
    let contract = Code::new().push(U256::from(9)).push(U256::ZERO).op(op::SSTORE).deploy(&mut chain);
    let (number, id) = (chain.head().number, chain.snapshot());
    chain.advance(100);
    let hash = send(&mut chain, contract, vec![]).hash;
    let later = chain.snapshot();
    assert_eq!(chain.storage(contract, U256::ZERO), U256::from(9));
    assert!(chain.receipt(hash).is_some());
    assert!(chain.revert(id));
    assert_eq!(chain.storage(contract, U256::ZERO), U256::ZERO);
    assert_eq!((chain.timestamp(), chain.head().number), (1_000, number));
    assert!(chain.receipt(hash).is_none());
    assert!(!chain.revert(later), "later snapshots are gone");
    assert!(!chain.revert(id), "a snapshot is used once");
}

#[test]
fn a_clone_is_a_fork() {
    let mut chain = Chain::new();
    let contract = Code::new().push(U256::from(9)).push(U256::ZERO).op(op::SSTORE).deploy(&mut chain);
    let mut fork = chain.clone();
    send(&mut fork, contract, vec![]);
    assert_eq!(fork.storage(contract, U256::ZERO), U256::from(9));
    assert_eq!(chain.storage(contract, U256::ZERO), U256::ZERO);
}

#[test]
fn transactions_share_a_block_when_mining_is_stopped() {
    let mut chain = Chain::new();
    let bob = Address::repeat_byte(0xb0);
    chain.stop_automine();
    let first = chain.from("alice").transfer(bob, U256::from(1)).expect("funds");
    let second = chain.from("alice").transfer(bob, U256::from(1)).expect("funds");
    assert_eq!(first.block_number, second.block_number);
    let block = chain.mine();
    assert_eq!(block.transactions, [first.hash, second.hash]);
    assert_eq!(block.gas_used, 42_000);
    chain.start_automine();
    let third = chain.from("alice").transfer(bob, U256::from(1)).expect("funds");
    assert_eq!(third.block_number, block.number + 1);
    assert_eq!(chain.block(third.block_number).map(|block| block.parent_hash), Some(block.hash));
}

#[test]
fn anybody_can_be_impersonated_free_of_charge() {
    let mut chain = Chain::new();
    let contract = Code::new().op(op::CALLER).return_word().deploy(&mut chain);
    let receipt = chain.from(contract).send(contract, vec![]).expect("contracts can send");
    assert_eq!(receipt.output.as_ref(), contract.into_word().as_slice());
    assert_eq!(chain.balance(contract), U256::ZERO);
    let error = chain.from(contract).transfer(Address::ZERO, U256::from(1)).expect_err("value must be there");
    assert_eq!(error.cause, Cause::Rejected(Rejected::InsufficientFunds));
}

#[test]
fn a_prepared_chain_is_shared_by_threads() {
    static PREPARED: std::sync::LazyLock<(Chain, Address)> = std::sync::LazyLock::new(|| {
        let mut chain = Chain::new();
        let store = deploy(&mut chain, &store());
        (chain, store)
    });
    std::thread::scope(|threads| {
        for value in 1..5 {
            threads.spawn(move || {
                let (mut chain, store) = PREPARED.clone();
                send(&mut chain, store, storing(STORE, 1, value));
                assert_eq!(chain.storage(store, U256::from(1)), U256::from(value));
            });
        }
    });
    assert_eq!(PREPARED.0.storage(PREPARED.1, U256::from(1)), U256::ZERO);
}

#[test]
fn a_chain_without_history_forgets_blocks_and_receipts() {
    let mut chain = Chain::builder().without_history().build();
    let receipt = chain.from("alice").transfer(Address::ZERO, U256::from(1)).expect("funds");
    assert_eq!(chain.head().number, 1);
    assert!(chain.block(1).is_none() && chain.receipt(receipt.hash).is_none());
}

#[test]
fn a_missing_artefact_says_what_to_run() {
    let missing = chain::Artifacts::at("nowhere").code("staking").expect_err("no such folder");
    assert!(missing.to_string().ends_with("run scripts/build"), "{missing}");
}

#[test]
fn invalid_transactions_leave_no_trace() {
    let mut chain = Chain::new();
    let bob = Address::repeat_byte(0xb0);
    let alice = chain.account("alice").address();
    let reject = |chain: &mut Chain, transaction: Transaction| chain.send(&transaction).expect_err("it is invalid");
    let base = Transaction::call(alice, bob, vec![]);
    assert_eq!(
        reject(&mut chain, Transaction { nonce: Some(5), ..base.clone() }),
        Rejected::NonceTooHigh { given: 5, expected: 0 }
    );
    assert_eq!(reject(&mut chain, Transaction { max_fee: Some(1), ..base.clone() }), Rejected::FeeTooLow);
    assert_eq!(
        reject(&mut chain, Transaction { gas: Some(20_999), ..base.clone() }),
        Rejected::IntrinsicGas { required: 21_000 }
    );
    assert_eq!(reject(&mut chain, Transaction { value: FUNDS, ..base }), Rejected::InsufficientFunds);
    assert_eq!((chain.nonce(alice), chain.head().number), (0, 0));
}

#[test]
fn time_stands_still_and_never_runs_back() {
    let mut chain = Chain::builder().timestamp(500).build();
    let bob = Address::repeat_byte(0xb0);
    let first = chain.from("alice").transfer(bob, U256::from(1)).expect("funds");
    let second = chain.from("alice").at(600).transfer(bob, U256::from(1)).expect("funds");
    assert_eq!((first.timestamp, second.timestamp), (500, 600));
    let back = std::panic::catch_unwind(move || chain.set_time(599));
    assert!(back.is_err());
}

#[test]
fn the_create2_factory_works() {
    let mut chain = Chain::new();
    let salt = B256::repeat_byte(1);
    let init = chain::init_code(&[0]);
    let factory = address!("4e59b44847b379578588920ca78fbf26c0b4956c");
    let receipt = send(&mut chain, factory, [salt.as_slice(), &init].concat());
    let expected = factory.create2_from_code(salt, &init);
    assert_eq!(receipt.output.as_ref(), expected.as_slice());
    assert_eq!(chain.code(expected).as_ref(), [0]);
}
