//! The typed way to use a chain: `chain.from("alice").call(pool, IStaking::stakeCall { amount })?`.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolValue, abi::token::TokenSeq};
use stylus_vm::module::init_code;

use crate::{
    abi::{ArbWasm, ArbWasmCache, StylusDeployer},
    account::Account,
    artifacts::Artifacts,
    backend::Authority,
    chain::Chain,
    genesis::STYLUS_DEPLOYER,
    precompiles::addresses::{ARB_WASM, ARB_WASM_CACHE},
    programs,
    receipt::{Receipt, Reverted, Sent},
    transaction::Transaction,
};

/// Selector of `stylus_constructor()`, without parameters, before the encoded arguments (stylus-vm.md 2.11).
pub const CONSTRUCTOR: [u8; 4] = [0x55, 0x85, 0x25, 0x8d];

/// Somebody who can act on a chain.
pub trait Caller {
    /// The address, funded if it is a named one.
    fn resolve(&self, chain: &mut Chain) -> Address;

    /// Whether its transactions pay fees.
    fn pays(&self) -> bool {
        true
    }
}

/// The account of that name, with 10,000 ether on first use.
impl Caller for &str {
    fn resolve(&self, chain: &mut Chain) -> Address {
        chain.account(self).address()
    }
}

/// As it is: nothing is given to it.
impl Caller for &Account {
    fn resolve(&self, _chain: &mut Chain) -> Address {
        self.address()
    }
}

/// Impersonated: any address, also of a contract. Pays no fee, and needs balance only for value.
impl Caller for Address {
    fn resolve(&self, _chain: &mut Chain) -> Address {
        *self
    }

    fn pays(&self) -> bool {
        false
    }
}

/// One transaction of somebody, being put together.
#[derive(Debug)]
#[must_use = "nothing is sent before a call, send, deploy or view"]
pub struct Sender<'a> {
    chain: &'a mut Chain,
    draft: Transaction,
    authority: Authority,
}

/// A program that was deployed.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// Its address.
    pub address: Address,
    /// Hash of its code, on which its activation hangs.
    pub code_hash: B256,
    /// Bytes of its code: prefix and compressed module.
    pub code_len: usize,
    /// The transaction that created it (and did everything else, if it has a constructor).
    pub creation: Receipt,
    /// The transaction that activated it; `None` if the code was active already, or with a constructor.
    pub activation: Option<Receipt>,
}

impl<'a> Sender<'a> {
    pub(crate) fn new(chain: &'a mut Chain, caller: impl Caller) -> Self {
        let from = caller.resolve(chain);
        let authority = if caller.pays() { Authority::Key } else { Authority::Impersonation };
        Self { chain, draft: Transaction { from, ..Transaction::default() }, authority }
    }

    /// Sends `wei` along.
    pub fn value(mut self, wei: U256) -> Self {
        self.draft.value = wei;
        self
    }

    /// Limits the gas, 32,000,000 by default.
    pub fn gas(mut self, limit: u64) -> Self {
        self.draft.gas = Some(limit);
        self
    }

    /// Sets the nonce instead of the account's.
    pub fn nonce(mut self, nonce: u64) -> Self {
        self.draft.nonce = Some(nonce);
        self
    }

    /// Moves the chain's clock first.
    pub fn at(self, timestamp: u64) -> Self {
        self.chain.set_time(timestamp);
        self
    }

    /// The sender's address.
    pub fn address(&self) -> Address {
        self.draft.from
    }

    // Typed.

    /// Sends a transaction that calls a function.
    ///
    /// # Errors
    ///
    /// If it fails; then nothing stays but nonce and fee.
    pub fn call<C: SolCall>(self, to: Address, call: C) -> Result<Sent<C::Return>, Reverted> {
        let receipt = self.send(to, call.abi_encode())?;
        decoded::<C>(receipt)
    }

    /// Calls a function without changing anything, for its result.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn view<C: SolCall>(self, to: Address, call: C) -> Result<C::Return, Reverted> {
        self.simulate(to, call).map(|sent| sent.ret)
    }

    /// Calls a function without changing anything, for its result and receipt.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn simulate<C: SolCall>(self, to: Address, call: C) -> Result<Sent<C::Return>, Reverted> {
        let receipt = self.simulate_raw(to, call.abi_encode())?;
        decoded::<C>(receipt)
    }

    /// Calls a function as by STATICCALL: it fails if it writes.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn static_call<C: SolCall>(self, to: Address, call: C) -> Result<Sent<C::Return>, Reverted> {
        let receipt = self.static_raw(to, call.abi_encode())?;
        decoded::<C>(receipt)
    }

    // Raw.

    /// Sends a transaction with any call data.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn send(mut self, to: Address, data: impl Into<Bytes>) -> Result<Receipt, Reverted> {
        self.draft.to = Some(to);
        self.draft.data = data.into();
        self.submit()
    }

    /// Sends ether.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn transfer(self, to: Address, wei: U256) -> Result<Receipt, Reverted> {
        self.value(wei).send(to, Bytes::new())
    }

    /// Runs any call data without changing anything.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn simulate_raw(mut self, to: Address, data: impl Into<Bytes>) -> Result<Receipt, Reverted> {
        (self.draft.to, self.draft.data) = (Some(to), data.into());
        succeeded(self.chain.simulate(&self.draft)?)
    }

    /// Runs any call data as by STATICCALL.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn static_raw(mut self, to: Address, data: impl Into<Bytes>) -> Result<Receipt, Reverted> {
        (self.draft.to, self.draft.data) = (Some(to), data.into());
        succeeded(self.chain.simulate_static(&self.draft)?)
    }

    /// Sends a transaction that creates a contract from init code.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn create(mut self, init_code: impl Into<Bytes>) -> Result<Receipt, Reverted> {
        self.draft.to = None;
        self.draft.data = init_code.into();
        self.submit()
    }

    fn submit(self) -> Result<Receipt, Reverted> {
        let Self { chain, draft, authority } = self;
        succeeded(chain.transact(&draft, authority)?)
    }

    // Programs.

    /// Deploys and activates a program of the workspace, in two transactions.
    ///
    /// # Errors
    ///
    /// If one of them fails.
    ///
    /// # Panics
    ///
    /// If the program was not built.
    pub fn deploy(self, name: &str) -> Result<Deployed, Reverted> {
        self.deploy_code(artifact(name))
    }

    /// Deploys and activates a module, in two transactions.
    ///
    /// # Errors
    ///
    /// If one of them fails.
    pub fn deploy_wasm(self, wasm: &[u8]) -> Result<Deployed, Reverted> {
        self.deploy_code(programs::compress(wasm))
    }

    /// Deploys code as it is and activates it, if its hash is not active yet.
    ///
    /// # Errors
    ///
    /// If one of the transactions fails.
    pub fn deploy_code(self, code: Bytes) -> Result<Deployed, Reverted> {
        let Self { chain, draft, authority } = self;
        let creation = Transaction { to: None, data: init_code(&code).into(), ..draft.clone() };
        let creation = succeeded(chain.transact(&creation, authority)?)?;
        let address = creation.contract_address.expect("a creation that succeeds has an address");
        let draft = Transaction { value: U256::ZERO, nonce: None, ..draft };
        let activation = match chain.is_active(address) {
            true => None,
            false => Some(Self { chain, draft, authority }.activate(address)?),
        };
        Ok(Deployed { address, code_hash: chain_hash(&code), code_len: code.len(), creation, activation })
    }

    /// Deploys, activates and constructs a program of the workspace through StylusDeployer, in one transaction. The
    /// value of the draft goes to the constructor. Inside, `msg_sender` is the deployer and `tx_origin` the sender.
    ///
    /// # Errors
    ///
    /// If it fails, with the deployer's errors.
    ///
    /// # Panics
    ///
    /// If the program was not built.
    pub fn deploy_with<A>(self, name: &str, arguments: &A) -> Result<Deployed, Reverted>
    where
        A: SolValue,
        for<'t> <A::SolType as alloy_sol_types::SolType>::Token<'t>: TokenSeq<'t>,
    {
        self.deploy_code_with(artifact(name), arguments.abi_encode_params())
    }

    /// Deploys, activates and constructs code with encoded constructor arguments, in one transaction.
    ///
    /// # Errors
    ///
    /// If it fails.
    ///
    /// # Panics
    ///
    /// If the deployer's transaction succeeds without its event.
    pub fn deploy_code_with(mut self, code: Bytes, arguments: Vec<u8>) -> Result<Deployed, Reverted> {
        let init_value = self.draft.value;
        let call = StylusDeployer::deployCall {
            bytecode: init_code(&code).into(),
            initData: [CONSTRUCTOR.as_slice(), &arguments].concat().into(),
            initValue: init_value,
            salt: B256::ZERO,
        };
        self.draft.value = init_value + ACTIVATION_DEPOSIT;
        let creation = self.call(STYLUS_DEPLOYER, call)?;
        let address = creation.ret;
        let (code_hash, code_len) = (chain_hash(&code), code.len());
        Ok(Deployed { address, code_hash, code_len, creation: creation.receipt, activation: None })
    }

    /// Activates the program at an address; what exceeds the data fee comes back.
    ///
    /// # Errors
    ///
    /// If activation fails.
    pub fn activate(self, program: Address) -> Result<Receipt, Reverted> {
        let call = ArbWasm::activateProgramCall { program };
        self.value(ACTIVATION_DEPOSIT).call(ARB_WASM, call).map(|sent| sent.receipt)
    }
}

/// Wei sent with an activation: more than any fee; the rest comes back.
const ACTIVATION_DEPOSIT: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

impl Chain {
    /// Calls a function without changing anything, for its result; the caller is the zero address.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn view<C: SolCall>(&self, to: Address, call: C) -> Result<C::Return, Reverted> {
        let transaction = Transaction::call(Address::ZERO, to, call.abi_encode());
        let receipt = succeeded(self.simulate(&transaction)?)?;
        decoded::<C>(receipt).map(|sent| sent.ret)
    }

    /// Puts a program into the on-chain cache, by a transaction of the chain owner.
    ///
    /// # Errors
    ///
    /// If the program is not active.
    pub fn cache(&mut self, program: Address) -> Result<Receipt, Reverted> {
        let owner = Account::owner();
        if self.arbos_version() < 31 {
            let call = ArbWasmCache::cacheCodehashCall { codehash: self.code_hash(program) };
            return self.from(&owner).call(ARB_WASM_CACHE, call).map(|sent| sent.receipt);
        }
        let call = ArbWasmCache::cacheProgramCall { addr: program };
        self.from(&owner).call(ARB_WASM_CACHE, call).map(|sent| sent.receipt)
    }

    /// Takes a program out of the on-chain cache, by a transaction of the chain owner.
    ///
    /// # Errors
    ///
    /// If the transaction fails.
    pub fn evict(&mut self, program: Address) -> Result<Receipt, Reverted> {
        let call = ArbWasmCache::evictCodehashCall { codehash: self.code_hash(program) };
        self.from(&Account::owner()).call(ARB_WASM_CACHE, call).map(|sent| sent.receipt)
    }

    /// Whether a program is in the on-chain cache.
    pub fn is_cached(&self, program: Address) -> bool {
        let call = ArbWasmCache::codehashIsCachedCall { codehash: self.code_hash(program) };
        self.view(ARB_WASM_CACHE, call).is_ok_and(|cached| cached)
    }
}

fn artifact(name: &str) -> Bytes {
    Artifacts::load().code(name).unwrap_or_else(|missing| panic!("{missing}"))
}

fn chain_hash(code: &[u8]) -> B256 {
    alloy_primitives::keccak256(code)
}

fn succeeded(receipt: Receipt) -> Result<Receipt, Reverted> {
    if receipt.success { Ok(receipt) } else { Err(Reverted::of(receipt)) }
}

fn decoded<C: SolCall>(receipt: Receipt) -> Result<Sent<C::Return>, Reverted> {
    match C::abi_decode_returns(&receipt.output) {
        Ok(ret) => Ok(Sent { ret, receipt }),
        Err(_) => Err(Reverted::undecodable(receipt)),
    }
}
