//! Rules common to Arbitrum's precompiles, and the small ones (stylus-vm.md 2.2, 2.5).

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use chain::{
    Account, Cause, Chain, FUNDS,
    abi::{ArbDebug, ArbGasInfo, ArbInfo, ArbOwner, ArbOwnerPublic, ArbSys, ArbWasm, ArbosTest},
    addresses::{ARB_DEBUG, ARB_GAS_INFO, ARB_INFO, ARB_OWNER, ARB_OWNER_PUBLIC, ARB_SYS, ARB_WASM, ARBOS_TEST},
};

use crate::support::{Code, deploy, echo, op, send, try_send};

#[test]
fn calls_that_break_a_rule_lose_all_gas() {
    let mut chain = Chain::builder().arbos(51).build();
    let view = ArbWasm::stylusVersionCall {}.abi_encode();
    let since_59 = ArbWasm::activationGasCall {}.abi_encode();
    let lost = |chain: &mut Chain, value: u64, data: Vec<u8>| {
        let sender = chain.from("alice").gas(100_000).value(U256::from(value));
        let error = sender.send(ARB_WASM, data).expect_err("against the rules");
        assert_eq!(error.cause, Cause::Revert);
        assert_eq!(error.receipt().gas.used, 100_000);
    };
    lost(&mut chain, 0, vec![1, 2, 3]);
    lost(&mut chain, 0, vec![1, 2, 3, 4]);
    lost(&mut chain, 0, since_59);
    lost(&mut chain, 1, view.clone());
    // Acting as somebody else.
    let delegating = Code::new().forward(op::DELEGATECALL, ARB_WASM, 0).return_word().deploy(&mut chain);
    assert_eq!(U256::from_be_slice(&send(&mut chain, delegating, view.clone()).output), U256::ZERO);
    let calling = Code::new().forward(op::STATICCALL, ARB_WASM, 0).return_word().deploy(&mut chain);
    assert_eq!(U256::from_be_slice(&send(&mut chain, calling, view).output), U256::from(1));
}

#[test]
fn getters_cost_state_parameters_and_words() {
    let mut chain = Chain::new();
    let program = deploy(&mut chain, &echo());
    let mut gas = |data: Vec<u8>| send(&mut chain, ARB_WASM, data).gas.execution_before_refund;
    assert_eq!(gas(ArbWasm::stylusVersionCall {}.abi_encode()), 800 + 100 + 3);
    assert_eq!(gas(ArbWasm::minInitGasCall {}.abi_encode()), 800 + 100 + 6);
    assert_eq!(gas(ArbWasm::programVersionCall { program }.abi_encode()), 3 + 800 + 2_600 + 100 + 800 + 3);
}

#[test]
fn parameters_are_those_of_the_version() {
    const KIB: u32 = 1_024;
    for (version, depth, stylus, wasm, fragments) in [
        (30, 262_144, 1, 128 * KIB, 0),
        (31, 262_144, 2, 128 * KIB, 0),
        (41, 262_144, 2, 128 * KIB, 0),
        (50, 22_000, 2, 128 * KIB, 0),
        (51, 22_000, 2, 128 * KIB, 0),
        (59, 22_000, 3, 128 * KIB, 0),
        (60, 22_000, 3, 256 * KIB, 4),
        (61, 22_000, 3, 256 * KIB, 4),
    ] {
        let chain = Chain::builder().arbos(version).build();
        assert_eq!(chain.view(ARB_WASM, ArbWasm::maxStackDepthCall {}).expect("a view"), depth);
        assert_eq!(chain.view(ARB_WASM, ArbWasm::stylusVersionCall {}).expect("a view"), stylus);
        assert_eq!((chain.params().max_wasm_size(), chain.params().max_fragments), (wasm, fragments));
        assert_eq!(chain.view(ARB_WASM, ArbWasm::activationGasCall {}).is_ok(), version >= 59);
        assert_eq!(chain.view(ARB_WASM, ArbWasm::pageRampCall {}).expect("a view"), 620_674_314);
        assert_eq!(chain.view(ARB_WASM, ArbWasm::initCostScalarCall {}).expect("a view"), 100);
        assert_eq!(chain.view(ARB_WASM, ArbWasm::minInitGasCall {}).is_ok(), version >= 32);
        let arbos = chain.view(ARB_SYS, ArbSys::arbOSVersionCall {}).expect("a view");
        assert_eq!(arbos, U256::from(55 + version));
    }
}

#[test]
fn owner_methods_are_free_and_logged_for_owners_only() {
    let mut chain = Chain::new();
    let call = ArbOwner::setWasmMinInitGasCall { gas: 200, cached: 33 };
    let sent = chain.from(&Account::owner()).call(ARB_OWNER, call.clone()).expect("the owner may");
    assert_eq!(sent.gas.execution, 0);
    let acts = &sent.logs_of::<ArbOwner::OwnerActs>()[0];
    assert_eq!(acts.owner, Account::owner().address());
    assert_eq!(acts.method, ArbOwner::setWasmMinInitGasCall::SELECTOR);
    assert_eq!((chain.params().min_init, chain.params().min_cached_init), (2, 2));
    assert!(chain.from("mallory").call(ARB_OWNER, call.clone()).is_err());
    chain.from("mallory").call(ARB_DEBUG, ArbDebug::becomeChainOwnerCall {}).expect("a development chain");
    assert!(chain.from("mallory").call(ARB_OWNER, call).is_ok());
    let owners = chain.view(ARB_OWNER_PUBLIC, ArbOwnerPublic::getAllChainOwnersCall {}).expect("a view");
    assert_eq!(owners, [Account::owner().address(), chain.account("mallory").address()]);
}

#[test]
fn an_upgrade_to_any_version_can_be_scheduled() {
    let mut chain = Chain::new();
    let upgrade = ArbOwner::scheduleArbOSUpgradeCall { newVersion: u64::MAX, timestamp: 0 };
    chain.from(&Account::owner()).call(ARB_OWNER, upgrade).expect("the owner may");
    let version = chain.view(ARB_SYS, ArbSys::arbOSVersionCall {}).expect("a view");
    assert_eq!(version, U256::from(u64::MAX) + U256::from(55));
}

#[test]
fn burning_gas_costs_what_it_says() {
    let mut chain = Chain::new();
    let burn = |gas: u64| ArbosTest::burnArbGasCall { gasAmount: U256::from(gas) }.abi_encode();
    let receipt = send(&mut chain, ARBOS_TEST, burn(12_345));
    assert_eq!(receipt.gas.execution_before_refund, 12_345 + 3);
    assert!(try_send(&mut chain, ARBOS_TEST, burn(u64::MAX)).is_err());
}

#[test]
fn arb_sys_knows_the_chain() {
    let mut chain = Chain::new();
    chain.mine();
    let number = chain.view(ARB_SYS, ArbSys::arbBlockNumberCall {}).expect("a view");
    assert_eq!(number, U256::from(2), "the block a call would be in");
    let hash = ArbSys::arbBlockHashCall { arbBlockNum: U256::from(1) };
    assert_eq!(Some(chain.view(ARB_SYS, hash).expect("known")), chain.block(1).map(|block| block.hash));
    let future = chain.view(ARB_SYS, ArbSys::arbBlockHashCall { arbBlockNum: number });
    assert!(future.expect_err("unknown").is::<ArbSys::InvalidBlockNumber>());
    let alias = ArbSys::mapL1SenderContractAddressToL2AliasCall { sender: Address::ZERO, unused: Address::ZERO };
    let expected: Address = "0x1111000000000000000000000000000000001111".parse().expect("an address");
    assert_eq!(chain.view(ARB_SYS, alias).expect("a pure method"), expected);
    assert!(chain.view(ARB_SYS, ArbSys::isTopLevelCallCall {}).expect("a view"));
}

#[test]
fn other_precompiles_answer() {
    let chain = Chain::new();
    let owner = Account::owner().address();
    let balance = chain.view(ARB_INFO, ArbInfo::getBalanceCall { account: owner }).expect("a view");
    assert_eq!(balance, FUNDS);
    let code = chain.view(ARB_INFO, ArbInfo::getCodeCall { account: ARB_SYS }).expect("a view");
    assert_eq!(code.as_ref(), [0xfe]);
    let price = chain.view(ARB_GAS_INFO, ArbGasInfo::getMinimumGasPriceCall {}).expect("a view");
    assert_eq!(price, U256::from(100_000_000));
    let network = chain.view(ARB_OWNER_PUBLIC, ArbOwnerPublic::getNetworkFeeAccountCall {}).expect("a view");
    assert_eq!(network, owner);
}

#[test]
fn code_can_be_overwritten_for_debugging() {
    let mut chain = Chain::new();
    let contract = Code::new().op(op::GAS).deploy(&mut chain);
    let call = ArbDebug::overwriteContractCodeCall { target: contract, newCode: vec![0x5b].into() };
    let old = chain.from("alice").call(ARB_DEBUG, call).expect("a development chain").ret;
    assert_eq!(old.as_ref(), [op::GAS]);
    assert_eq!(chain.code(contract).as_ref(), [0x5b]);
}

#[test]
fn p256_verification_has_the_price_of_the_version() {
    for (version, price) in [(30, 3_450), (41, 3_450), (50, 6_900)] {
        let mut chain = Chain::builder().arbos(version).build();
        let p256 = Address::with_last_byte(0).0;
        let mut address = p256;
        address[18] = 1;
        let receipt = send(&mut chain, Address::from(address), vec![0; 160]);
        assert_eq!(receipt.gas.execution_before_refund, price, "ArbOS {version}");
    }
}
