//! Ethereum's precompiles by version, and Arbitrum's (stylus-vm.md 2).

pub(crate) mod cache_manager;
mod owner;
mod system;
mod wasm;
mod wasm_cache;

pub(crate) use wasm::describe_inactive;

use std::sync::LazyLock;

use alloy_primitives::{Address, Bytes, Log, U256, address, bytes};
use alloy_sol_types::{SolCall, SolError, SolEvent, SolInterface};
use revm::{
    context_interface::JournalTr,
    handler::{EthPrecompiles, PrecompileProvider},
    interpreter::{CallInputs, Gas, InstructionResult, InterpreterResult},
    precompile::{Precompiles, secp256r1},
    primitives::{AddressSet, hardfork::SpecId},
};

use crate::{
    arbos::Arbos,
    evm::context::{Ctx, peek_code, peek_code_bytes, without_warming},
    genesis::CACHE_MANAGER,
};

/// Addresses of the system contracts (2.1).
pub mod addresses {
    use super::{Address, address};

    /// ArbSys.
    pub const ARB_SYS: Address = address!("0000000000000000000000000000000000000064");
    /// ArbInfo.
    pub const ARB_INFO: Address = address!("0000000000000000000000000000000000000065");
    /// ArbAddressTable, a stub.
    pub const ARB_ADDRESS_TABLE: Address = address!("0000000000000000000000000000000000000066");
    /// ArbBLS, a stub.
    pub const ARB_BLS: Address = address!("0000000000000000000000000000000000000067");
    /// ArbFunctionTable, a stub.
    pub const ARB_FUNCTION_TABLE: Address = address!("0000000000000000000000000000000000000068");
    /// ArbosTest.
    pub const ARBOS_TEST: Address = address!("0000000000000000000000000000000000000069");
    /// ArbOwnerPublic.
    pub const ARB_OWNER_PUBLIC: Address = address!("000000000000000000000000000000000000006b");
    /// ArbGasInfo.
    pub const ARB_GAS_INFO: Address = address!("000000000000000000000000000000000000006c");
    /// ArbAggregator, a stub.
    pub const ARB_AGGREGATOR: Address = address!("000000000000000000000000000000000000006d");
    /// ArbRetryableTx, a stub.
    pub const ARB_RETRYABLE_TX: Address = address!("000000000000000000000000000000000000006e");
    /// ArbStatistics, a stub.
    pub const ARB_STATISTICS: Address = address!("000000000000000000000000000000000000006f");
    /// ArbOwner.
    pub const ARB_OWNER: Address = address!("0000000000000000000000000000000000000070");
    /// ArbWasm.
    pub const ARB_WASM: Address = address!("0000000000000000000000000000000000000071");
    /// ArbWasmCache.
    pub const ARB_WASM_CACHE: Address = address!("0000000000000000000000000000000000000072");
    /// ArbNativeTokenManager, a stub (ArbOS 41).
    pub const ARB_NATIVE_TOKEN_MANAGER: Address = address!("0000000000000000000000000000000000000073");
    /// ArbFilteredTransactionsManager, a stub (ArbOS 60).
    pub const ARB_FILTERED_TRANSACTIONS_MANAGER: Address = address!("0000000000000000000000000000000000000074");
    /// ArbDebug.
    pub const ARB_DEBUG: Address = address!("00000000000000000000000000000000000000ff");

    /// All of them.
    pub const ALL: [Address; 17] = [
        ARB_SYS,
        ARB_INFO,
        ARB_ADDRESS_TABLE,
        ARB_BLS,
        ARB_FUNCTION_TABLE,
        ARBOS_TEST,
        ARB_OWNER_PUBLIC,
        ARB_GAS_INFO,
        ARB_AGGREGATOR,
        ARB_RETRYABLE_TX,
        ARB_STATISTICS,
        ARB_OWNER,
        ARB_WASM,
        ARB_WASM_CACHE,
        ARB_NATIVE_TOKEN_MANAGER,
        ARB_FILTERED_TRANSACTIONS_MANAGER,
        ARB_DEBUG,
    ];
}

/// What a method may do (2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Purity {
    Pure,
    View,
    Write,
    Payable,
}

/// A method: its selector, purity, and the ArbOS versions it exists in.
#[derive(Clone, Copy, Debug)]
struct Method {
    selector: [u8; 4],
    purity: Purity,
    since: u64,
    until: u64,
}

impl Method {
    const fn new<C: SolCall>(purity: Purity) -> Self {
        Self { selector: C::SELECTOR, purity, since: 0, until: u64::MAX }
    }

    const fn pure<C: SolCall>() -> Self {
        Self::new::<C>(Purity::Pure)
    }

    const fn view<C: SolCall>() -> Self {
        Self::new::<C>(Purity::View)
    }

    const fn write<C: SolCall>() -> Self {
        Self::new::<C>(Purity::Write)
    }

    const fn payable<C: SolCall>() -> Self {
        Self::new::<C>(Purity::Payable)
    }

    const fn since(mut self, version: u64) -> Self {
        self.since = version;
        self
    }

    const fn until(mut self, version: u64) -> Self {
        self.until = version;
        self
    }
}

/// How a method ends without a result.
#[derive(Debug)]
enum Stop {
    /// A Solidity error: data, gas kept.
    Error(Vec<u8>),
    /// A failure without data, gas kept.
    Failure(String),
    /// A revert that takes all gas: malformed, forbidden or unaffordable calls.
    AllGas,
    /// Not even a revert: all gas, and a text (a failed activation).
    Fatal(String),
}

impl Stop {
    fn error(error: impl SolError) -> Self {
        Self::Error(error.abi_encode())
    }
}

type Outcome = Result<Vec<u8>, Stop>;

/// A precompile of Arbitrum.
struct Contract {
    methods: &'static [Method],
    run: fn(&mut Call<'_>) -> Outcome,
    /// Version it appeared in; before that the account is like an empty one.
    since: u64,
}

fn contract(address: Address) -> Option<Contract> {
    let real = |methods, run| Some(Contract { methods, run, since: 0 });
    let stub = |since| Some(Contract { methods: &[], run: |_| Err(Stop::AllGas), since });
    match address {
        addresses::ARB_SYS => real(system::SYS, system::sys),
        addresses::ARB_INFO => real(system::INFO, system::info),
        addresses::ARBOS_TEST => real(system::TEST, system::test),
        addresses::ARB_GAS_INFO => real(system::GAS_INFO, system::gas_info),
        addresses::ARB_DEBUG => real(system::DEBUG, system::debug),
        addresses::ARB_OWNER_PUBLIC => real(owner::PUBLIC, owner::public),
        addresses::ARB_OWNER => real(owner::METHODS, owner::run),
        addresses::ARB_WASM => real(wasm::METHODS, wasm::run),
        addresses::ARB_WASM_CACHE => real(wasm_cache::METHODS, wasm_cache::run),
        addresses::ARB_NATIVE_TOKEN_MANAGER => stub(41),
        addresses::ARB_FILTERED_TRANSACTIONS_MANAGER => stub(60),
        CACHE_MANAGER => real(cache_manager::METHODS, cache_manager::run),
        other if addresses::ALL.contains(&other) => stub(0),
        _ => None,
    }
}

/// Code of an account whose calls the chain itself answers.
pub(crate) const CODE: Bytes = bytes!("fe");

/// Storage read by ArbOS, gas.
const READ: u64 = 800;
/// Storage write by ArbOS, gas.
const WRITE: u64 = 20_000;
/// Reading a code hash, gas.
const CODE_HASH: u64 = 2_600;
/// Reading the parameters, gas.
const PARAMS: u64 = 100;

/// One call of a precompile: who, with what, and the gas left.
struct Call<'a> {
    ctx: &'a mut Ctx,
    input: Bytes,
    address: Address,
    acting: Address,
    caller: Address,
    value: U256,
    is_static: bool,
    gas: u64,
    /// Nothing costs anything: methods for chain owners.
    is_free: bool,
}

impl Call<'_> {
    fn burn(&mut self, gas: u64) -> Result<(), Stop> {
        if self.is_free {
            return Ok(());
        }
        match self.gas.checked_sub(gas) {
            Some(left) => {
                self.gas = left;
                Ok(())
            }
            None => Err(Stop::AllGas),
        }
    }

    /// 3 gas per word of arguments or results.
    fn burn_words(&mut self, bytes: usize) -> Result<(), Stop> {
        self.burn(3 * bytes.div_ceil(32) as u64)
    }

    fn arbos(&mut self) -> Arbos<'_, Ctx> {
        Arbos(self.ctx)
    }

    fn version(&self) -> u64 {
        self.ctx.chain.version
    }

    /// Seconds.
    fn now(&self) -> u64 {
        self.ctx.block.timestamp.saturating_to()
    }

    fn code_hash(&mut self, account: Address) -> Result<alloy_primitives::B256, Stop> {
        self.burn(CODE_HASH)?;
        Ok(peek_code(self.ctx, account).0)
    }

    fn decode<I: SolInterface>(&self) -> Result<I, Stop> {
        I::abi_decode(&self.input).map_err(|_| Stop::AllGas)
    }

    /// Emits and pays for an event.
    fn emit<E: SolEvent>(&mut self, event: &E) -> Result<(), Stop> {
        let data = event.encode_log_data();
        self.burn(375 + 375 * data.topics().len() as u64 + 8 * data.data.len() as u64)?;
        self.ctx.journaled_state.log(Log { address: self.address, data });
        Ok(())
    }

    /// The rules common to all methods, then the method.
    fn run(&mut self, contract: &Contract) -> Outcome {
        let selector: [u8; 4] = self.input.first_chunk().copied().ok_or(Stop::AllGas)?;
        let version = self.version();
        let method = contract
            .methods
            .iter()
            .find(|method| method.selector == selector && (method.since..=method.until).contains(&version))
            .ok_or(Stop::AllGas)?;
        let forbidden = method.purity >= Purity::View && self.acting != self.address
            || method.purity >= Purity::Write && self.is_static
            || method.purity < Purity::Payable && !self.value.is_zero();
        if forbidden {
            return Err(Stop::AllGas);
        }
        self.burn_words(self.input.len() - 4)?;
        if method.purity != Purity::Pure {
            self.burn(READ)?;
        }
        let result = (contract.run)(self);
        if let Ok(data) | Err(Stop::Error(data)) = &result {
            self.burn_words(data.len())?;
        }
        result
    }
}

/// The encoded result of method `C`.
fn reply<C: SolCall>(result: C::Return) -> Outcome {
    Ok(C::abi_encode_returns(&result))
}

/// The precompiles of a chain.
pub(crate) struct ArbPrecompiles {
    ethereum: EthPrecompiles,
    warm: &'static AddressSet,
}

struct Set {
    ethereum: Precompiles,
    warm: AddressSet,
}

impl Set {
    fn new(base: &Precompiles, more: impl IntoIterator<Item = revm::precompile::Precompile>) -> Self {
        let mut ethereum = base.clone();
        ethereum.extend(more);
        let warm = ethereum.addresses().copied().chain(addresses::ALL).collect();
        Self { ethereum, warm }
    }
}

/// Before ArbOS 50: Cancun, and P-256 verification.
static CANCUN: LazyLock<Set> = LazyLock::new(|| Set::new(Precompiles::cancun(), [secp256r1::P256VERIFY]));
static OSAKA: LazyLock<Set> = LazyLock::new(|| Set::new(Precompiles::osaka(), []));

impl ArbPrecompiles {
    pub(crate) fn new(version: u64) -> Self {
        let (set, spec): (&'static Set, _) =
            if version >= 50 { (&OSAKA, SpecId::OSAKA) } else { (&CANCUN, SpecId::CANCUN) };
        Self { ethereum: EthPrecompiles { precompiles: &set.ethereum, spec }, warm: &set.warm }
    }
}

impl PrecompileProvider<Ctx> for ArbPrecompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, _spec: SpecId) -> bool {
        false
    }

    fn run(&mut self, ctx: &mut Ctx, inputs: &CallInputs) -> Result<Option<InterpreterResult>, String> {
        match contract(inputs.bytecode_address) {
            // An account like any other once somebody gives it other code.
            Some(_) if inputs.bytecode_address == CACHE_MANAGER && peek_code_bytes(ctx, CACHE_MANAGER) != CODE => {
                Ok(None)
            }
            None => self.ethereum.run(ctx, inputs),
            Some(contract) => Ok(Some(run(ctx, inputs, &contract))),
        }
    }

    fn warm_addresses(&self) -> &AddressSet {
        self.warm
    }
}

fn run(ctx: &mut Ctx, inputs: &CallInputs, contract: &Contract) -> InterpreterResult {
    let gas_limit = inputs.gas_limit;
    let finish = |result, gas, output: Vec<u8>| {
        let mut spent = Gas::new(gas_limit);
        spent.set_remaining(gas);
        InterpreterResult::new(result, output.into(), spent)
    };
    let missing = ctx.chain.version < contract.since;
    if missing {
        return finish(InstructionResult::Stop, gas_limit, Vec::new());
    }
    let mut call = Call {
        input: inputs.input.bytes(ctx),
        ctx,
        address: inputs.bytecode_address,
        acting: inputs.target_address,
        caller: inputs.caller,
        value: inputs.value.get(),
        is_static: inputs.is_static,
        gas: gas_limit,
        is_free: false,
    };
    let result = if inputs.bytecode_address == addresses::ARB_OWNER {
        owner::run_as_owner(&mut call, contract)
    } else {
        call.run(contract)
    };
    let gas = call.gas;
    match result {
        Ok(output) => finish(InstructionResult::Return, gas, output),
        Err(Stop::Error(data)) => finish(InstructionResult::Revert, gas, data),
        Err(Stop::Failure(text)) => {
            ctx.chain.failure = Some(text);
            finish(InstructionResult::Revert, gas, Vec::new())
        }
        Err(Stop::AllGas) => finish(InstructionResult::Revert, 0, Vec::new()),
        Err(Stop::Fatal(text)) => {
            ctx.chain.failure = Some(text);
            finish(InstructionResult::PrecompileError, 0, Vec::new())
        }
    }
}

/// Replaces an account's code from inside a precompile.
fn set_code(ctx: &mut Ctx, account: Address, code: Bytes) {
    without_warming(ctx, account, |ctx| {
        let Ok(_) = ctx.journaled_state.load_account(account);
        ctx.journaled_state.set_code(account, revm::bytecode::Bytecode::new_legacy(code));
    });
}
