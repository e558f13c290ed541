//! The state a chain starts with (stylus-vm.md 5.4).

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use alloy_primitives::{Address, Bytes, U256, address, bytes, hex};

use crate::{
    account::Account,
    arbos::{ARBOS, Arbos, Storage},
    precompiles::addresses,
    state::State,
};

/// CREATE2 factory.
pub const CREATE2_FACTORY: Address = address!("4e59b44847b379578588920ca78fbf26c0b4956c");
/// StylusDeployer.
pub const STYLUS_DEPLOYER: Address = address!("cEcba2F1DC234f70Dd89F2041029807F8D03A990");
/// The stub of a CacheManager contract: every call succeeds and does nothing.
pub const CACHE_MANAGER: Address = address!("2F8Bd4EaB69764c105aDd7dE7CB0402557a44E6f");

/// Wei that funded accounts start with: 10,000 ether.
pub const FUNDS: U256 = U256::from_limbs([0x19e0_c9ba_b240_0000, 0x21e, 0, 0]);

const CREATE2_FACTORY_CODE: Bytes = bytes!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);
const STYLUS_DEPLOYER_CODE: &str = include_str!("../data/stylus_deployer.hex");
const CACHE_MANAGER_BYTES: usize = 7_452;

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
        state.set_code(precompile, bytes!("fe"));
    }
    let deployer = hex::decode(STYLUS_DEPLOYER_CODE.trim()).expect("the data file is hexadecimal");
    contract(&mut state, CREATE2_FACTORY, CREATE2_FACTORY_CODE);
    contract(&mut state, STYLUS_DEPLOYER, deployer.into());
    contract(&mut state, CACHE_MANAGER, vec![0; CACHE_MANAGER_BYTES].into());

    let owner = Account::owner().address();
    state.set_nonce(ARBOS, 1);
    Arbos(&mut state).initialise(version, chain_id, owner);
    let managers = Arbos(&mut state).cache_managers();
    managers.add(&mut state, CACHE_MANAGER);

    state.set_balance(owner, FUNDS);
    for index in 0..10 {
        state.set_balance(Account::mnemonic(index).address(), FUNDS);
    }
    state
}

fn contract(state: &mut State, address: Address, code: Bytes) {
    state.set_code(address, code);
    state.set_nonce(address, 1);
}
