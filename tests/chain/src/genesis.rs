//! The state a chain starts with (stylus-vm.md 5.4).

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use alloy_primitives::{Address, B256, Bytes, U256, address, b256, bytes, hex};

use crate::{
    account::Account,
    arbos::{ARBOS, Arbos, Storage},
    builder::ChainBuilder,
    execution::Mode,
    precompiles::{CODE, addresses, cache_manager},
    state::State,
    transaction::Transaction,
};

/// CREATE2 factory.
pub const CREATE2_FACTORY: Address = address!("4e59b44847b379578588920ca78fbf26c0b4956c");
/// StylusDeployer.
pub const STYLUS_DEPLOYER: Address = address!("cEcba2F1DC234f70Dd89F2041029807F8D03A990");
/// The CacheManager.
pub const CACHE_MANAGER: Address = address!("2F8Bd4EaB69764c105aDd7dE7CB0402557a44E6f");
/// Multicall3.
pub const MULTICALL3: Address = address!("cA11bde05977b3631167028862bE2a173976CA11");
/// Permit2.
pub const PERMIT2: Address = address!("000000000022D473030F116dDEE9F6B43aC78BA3");

/// Wei that funded accounts start with: 10,000 ether.
pub const FUNDS: U256 = U256::from_limbs([0x19e0_c9ba_b240_0000, 0x21e, 0, 0]);

const CREATE2_FACTORY_CODE: Bytes = bytes!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);
const STYLUS_DEPLOYER_CODE: &str = include_str!("../data/stylus_deployer.hex");
const MULTICALL3_CODE: &str = include_str!("../data/multicall3.hex");
/// Its constructor puts the chain's id into the code.
const PERMIT2_INIT: &str = include_str!("../data/permit2_init.hex");
/// With which the CREATE2 factory gives it its address.
const PERMIT2_SALT: B256 = b256!("0000000000000000000000000000000000000000d3af2663da51c10215000000");

impl Storage for State {
    fn load(&mut self, slot: U256) -> U256 {
        self.storage(ARBOS, slot)
    }

    fn store(&mut self, slot: U256, value: U256) {
        self.set_storage(ARBOS, slot, value);
    }
}

/// The state of a new chain; built once per process for each version and chain id.
pub(crate) fn genesis(version: u64, chain_id: u64) -> State {
    type Built = Mutex<HashMap<(u64, u64), State>>;
    static BUILT: LazyLock<Built> = LazyLock::new(Mutex::default);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    built.entry((version, chain_id)).or_insert_with(|| build(version, chain_id)).clone()
}

fn build(version: u64, chain_id: u64) -> State {
    let mut state = State::default();
    for precompile in addresses::ALL {
        state.set_code(precompile, CODE);
    }
    contract(&mut state, CREATE2_FACTORY, CREATE2_FACTORY_CODE);
    contract(&mut state, STYLUS_DEPLOYER, data(STYLUS_DEPLOYER_CODE));
    contract(&mut state, MULTICALL3, data(MULTICALL3_CODE));
    contract(&mut state, CACHE_MANAGER, CODE);
    for (slot, word) in cache_manager::INITIAL {
        state.set_storage(CACHE_MANAGER, U256::from(slot), U256::from(word));
    }

    let owner = Account::owner().address();
    state.set_nonce(ARBOS, 1);
    Arbos(&mut state).initialise(version, chain_id, owner);
    let managers = Arbos(&mut state).cache_managers();
    managers.add(&mut state, CACHE_MANAGER);

    state.set_balance(owner, FUNDS);
    for index in 0..10 {
        state.set_balance(Account::mnemonic(index).address(), FUNDS);
    }
    with_permit2(state, version, chain_id)
}

/// Creates Permit2 as it was created everywhere, by a transaction; of that nothing else stays.
fn with_permit2(state: State, version: u64, chain_id: u64) -> State {
    let mut chain = ChainBuilder::default().arbos(version).chain_id(chain_id).over(state);
    let call = [PERMIT2_SALT.as_slice(), &data(PERMIT2_INIT)].concat();
    let creation = Transaction::call(Address::ZERO, CREATE2_FACTORY, call);
    let receipt = chain.transact(&creation, Mode::Free, None).expect("nobody pays for it");
    assert!(receipt.success, "the factory creates what nobody created before");
    chain.set_nonce(Address::ZERO, 0);
    chain.world.state
}

fn data(file: &str) -> Bytes {
    hex::decode(file.trim()).expect("data files are hexadecimal").into()
}

fn contract(state: &mut State, address: Address, code: Bytes) {
    state.set_code(address, code);
    state.set_nonce(address, 1);
}
