//! Signed transactions as bytes.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxEnvelope, TxLegacy};
use alloy_eips::{
    Encodable2718,
    eip2930::{AccessList, AccessListItem},
    eip7702::Authorization,
};
use alloy_primitives::{Address, Signature, TxKind, U256};
use chain::{Account, Chain, FUNDS, Rejected};

use crate::support::{Code, deploy, op, program, relay, send, through};

const BOB: Address = Address::repeat_byte(0xb0);
const CHAIN: u64 = 412_346;
const PRICE: u128 = 200_000_000;

fn signed<T: SignableTransaction<Signature>>(account: &Account, transaction: T) -> Vec<u8>
where
    TxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = account.sign(transaction.signature_hash());
    TxEnvelope::from(transaction.into_signed(signature)).encoded_2718()
}

fn legacy(chain_id: Option<u64>) -> TxLegacy {
    TxLegacy {
        chain_id,
        nonce: 0,
        gas_price: PRICE,
        gas_limit: 21_000,
        to: TxKind::Call(BOB),
        value: U256::from(1),
        ..TxLegacy::default()
    }
}

#[test]
fn legacy_transactions_work_with_and_without_replay_protection() {
    for id in [Some(CHAIN), None] {
        let mut chain = Chain::new();
        let alice = chain.account("alice");
        let raw = signed(&alice, legacy(id));
        let receipt = chain.send_raw(&raw).expect("it is valid");
        assert_eq!(receipt.from, alice.address());
        assert_eq!(chain.balance(BOB), U256::from(1));
        assert_eq!(receipt.effective_gas_price, 100_000_000, "the tip is dropped");
        assert_eq!(chain.balance(alice.address()), FUNDS - U256::from(21_000 * 100_000_000u64 + 1));
        assert!(matches!(chain.send_raw(&raw), Err(Rejected::NonceTooLow { .. })));
    }
    let mut chain = Chain::new();
    let alice = chain.account("alice");
    assert_eq!(chain.send_raw(&signed(&alice, legacy(Some(1)))), Err(Rejected::ChainId));
}

#[test]
fn access_lists_warm_and_cost() {
    let mut chain = Chain::new();
    let alice = chain.account("alice");
    let contract = Code::new().push(U256::from(3)).op(op::SLOAD).deploy(&mut chain);
    let item = AccessListItem { address: contract, storage_keys: vec![crate::support::word(3)] };
    let transaction = TxEip2930 {
        chain_id: CHAIN,
        nonce: 0,
        gas_price: PRICE,
        gas_limit: 100_000,
        to: TxKind::Call(contract),
        access_list: AccessList(vec![item]),
        ..TxEip2930::default()
    };
    let receipt = chain.send_raw(&signed(&alice, transaction)).expect("it is valid");
    assert_eq!(receipt.gas.intrinsic, 21_000 + 2_400 + 1_900);
    assert_eq!(receipt.gas.execution_before_refund, 3 + 100);
}

#[test]
fn dynamic_fee_transactions_work() {
    let mut chain = Chain::new();
    let alice = chain.account("alice");
    let transaction = TxEip1559 {
        chain_id: CHAIN,
        nonce: 0,
        gas_limit: 50_000,
        max_fee_per_gas: PRICE,
        max_priority_fee_per_gas: 5,
        to: TxKind::Call(BOB),
        value: U256::from(3),
        ..TxEip1559::default()
    };
    let raw = signed(&alice, transaction.clone());
    let receipt = chain.send_raw(&raw).expect("it is valid");
    assert_eq!(receipt.hash, alloy_primitives::keccak256(&raw));
    assert_eq!(chain.receipt(receipt.hash).as_deref(), Some(&receipt));
    let greedy = TxEip1559 { nonce: 1, max_priority_fee_per_gas: PRICE + 1, ..transaction.clone() };
    assert!(matches!(chain.send_raw(&signed(&alice, greedy)), Err(Rejected::Malformed(_))));
    let cheap = TxEip1559 { nonce: 1, max_fee_per_gas: 1, max_priority_fee_per_gas: 0, ..transaction };
    assert_eq!(chain.send_raw(&signed(&alice, cheap)), Err(Rejected::FeeTooLow));
    assert!(matches!(chain.send_raw(&[1, 2, 3]), Err(Rejected::Malformed(_))));
}

fn delegation(authority: &Account, address: Address) -> TxEip7702 {
    let authorization = Authorization { chain_id: U256::from(CHAIN), address, nonce: 0 };
    let signature = authority.sign(authorization.signature_hash());
    TxEip7702 {
        chain_id: CHAIN,
        nonce: 0,
        gas_limit: 500_000,
        max_fee_per_gas: PRICE,
        max_priority_fee_per_gas: 0,
        to: authority.address(),
        authorization_list: vec![authorization.into_signed(signature)],
        ..TxEip7702::default()
    }
}

#[test]
fn an_account_can_delegate_to_a_program() {
    let mut chain = Chain::new();
    let (alice, carol) = (chain.account("alice"), chain.account("carol"));
    let identity =
        program("(call $contract_address (i32.const 0)) (call $write_result (i32.const 0) (i32.const 20)) i32.const 0");
    let identity = deploy(&mut chain, &identity);
    let receipt = chain.send_raw(&signed(&alice, delegation(&carol, identity))).expect("it is valid");
    assert!(receipt.success, "{receipt:?}");
    assert_eq!(receipt.output.as_ref(), carol.address().as_slice(), "the program acts as carol");
    assert_eq!(chain.code(carol.address()).as_ref(), [&[0xef, 0x01, 0x00], identity.as_slice()].concat());
    // A program that calls the account runs the delegate, at no extra cost.
    let router = deploy(&mut chain, &relay());
    let receipt = send(&mut chain, router, through(0, carol.address(), 0, &[]));
    assert_eq!(receipt.output.as_ref(), [&[0], carol.address().as_slice()].concat());
}

#[test]
fn delegations_need_arbos_40() {
    let mut chain = Chain::builder().arbos(32).build();
    let (alice, carol) = (chain.account("alice"), chain.account("carol"));
    let result = chain.send_raw(&signed(&alice, delegation(&carol, BOB)));
    assert!(matches!(result, Err(Rejected::Malformed(_))));
}
