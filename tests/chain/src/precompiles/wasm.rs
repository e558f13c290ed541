//! ArbWasm (stylus-vm.md 2.3, 2.6 to 2.8).

use alloy_primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;
use stylus_vm::ActivationError;

use super::{Call, Method, Outcome, PARAMS, READ, Stop, WRITE, addresses, reply};
use crate::{
    abi::ArbWasm::{self, ArbWasmCalls},
    arbos::{Inactive, Params, Record, hours},
    evm::{
        context::{Ctx, move_balance, peek_code},
        stylus,
    },
    programs::{self, Activated, Unreadable},
};

/// Fixed part of an activation, gas.
const ACTIVATION: u64 = 1_659_168;
/// Informative only: what `pageRamp()` says.
const PAGE_RAMP: u64 = 620_674_314;

pub(super) const METHODS: &[Method] = &[
    Method::payable::<ArbWasm::activateProgramCall>(),
    Method::view::<ArbWasm::stylusVersionCall>(),
    Method::view::<ArbWasm::codehashVersionCall>(),
    Method::payable::<ArbWasm::codehashKeepaliveCall>(),
    Method::view::<ArbWasm::codehashAsmSizeCall>(),
    Method::view::<ArbWasm::programVersionCall>(),
    Method::view::<ArbWasm::programInitGasCall>(),
    Method::view::<ArbWasm::programMemoryFootprintCall>(),
    Method::view::<ArbWasm::programTimeLeftCall>(),
    Method::view::<ArbWasm::inkPriceCall>(),
    Method::view::<ArbWasm::maxStackDepthCall>(),
    Method::view::<ArbWasm::freePagesCall>(),
    Method::view::<ArbWasm::pageGasCall>(),
    Method::view::<ArbWasm::pageRampCall>(),
    Method::view::<ArbWasm::pageLimitCall>(),
    Method::view::<ArbWasm::minInitGasCall>(),
    Method::view::<ArbWasm::initCostScalarCall>(),
    Method::view::<ArbWasm::expiryDaysCall>(),
    Method::view::<ArbWasm::keepaliveDaysCall>(),
    Method::view::<ArbWasm::blockCacheSizeCall>(),
    Method::view::<ArbWasm::activationGasCall>().since(59),
];

pub(super) fn run(call: &mut Call<'_>) -> Outcome {
    match call.decode()? {
        ArbWasmCalls::activateProgram(args) => activate_program(call, args.program),
        ArbWasmCalls::codehashKeepalive(args) => keepalive(call, args.codehash),
        ArbWasmCalls::codehashVersion(args) => {
            let (record, _) = active(call, args.codehash)?;
            reply::<ArbWasm::codehashVersionCall>(record.version)
        }
        ArbWasmCalls::codehashAsmSize(args) => {
            let (record, _) = active(call, args.codehash)?;
            reply::<ArbWasm::codehashAsmSizeCall>(record.asm_estimate_kb.saturating_mul(1_024))
        }
        ArbWasmCalls::programVersion(args) => {
            let (record, _) = active_at(call, args.program)?;
            reply::<ArbWasm::programVersionCall>(record.version)
        }
        ArbWasmCalls::programInitGas(args) => init_gas(call, args.program),
        ArbWasmCalls::programMemoryFootprint(args) => {
            let (record, _) = active_at(call, args.program)?;
            reply::<ArbWasm::programMemoryFootprintCall>(record.footprint)
        }
        ArbWasmCalls::programTimeLeft(args) => {
            let (record, params) = active_at(call, args.program)?;
            reply::<ArbWasm::programTimeLeftCall>(record.time_left(&params, call.now()))
        }
        ArbWasmCalls::activationGas(_) => {
            call.burn(READ)?;
            let gas = call.arbos().activation_gas();
            reply::<ArbWasm::activationGasCall>(gas)
        }
        parameter => read_parameter(call, &parameter),
    }
}

/// The getters of one parameter each.
fn read_parameter(call: &mut Call<'_>, method: &ArbWasmCalls) -> Outcome {
    let params = params(call)?;
    match method {
        ArbWasmCalls::stylusVersion(_) => reply::<ArbWasm::stylusVersionCall>(params.version),
        ArbWasmCalls::inkPrice(_) => reply::<ArbWasm::inkPriceCall>(params.ink_price),
        ArbWasmCalls::maxStackDepth(_) => reply::<ArbWasm::maxStackDepthCall>(params.max_stack_depth),
        ArbWasmCalls::freePages(_) => reply::<ArbWasm::freePagesCall>(params.free_pages),
        ArbWasmCalls::pageGas(_) => reply::<ArbWasm::pageGasCall>(params.page_gas),
        ArbWasmCalls::pageRamp(_) => reply::<ArbWasm::pageRampCall>(PAGE_RAMP),
        ArbWasmCalls::pageLimit(_) => reply::<ArbWasm::pageLimitCall>(params.page_limit),
        ArbWasmCalls::minInitGas(_) => min_init_gas(call, &params),
        ArbWasmCalls::initCostScalar(_) => reply::<ArbWasm::initCostScalarCall>(u64::from(params.init_scalar) * 2),
        ArbWasmCalls::expiryDays(_) => reply::<ArbWasm::expiryDaysCall>(params.expiry_days),
        ArbWasmCalls::keepaliveDays(_) => reply::<ArbWasm::keepaliveDaysCall>(params.keepalive_days),
        ArbWasmCalls::blockCacheSize(_) => reply::<ArbWasm::blockCacheSizeCall>(params.block_cache_size),
        _ => Err(Stop::AllGas),
    }
}

fn params(call: &mut Call<'_>) -> Result<Params, Stop> {
    call.burn(PARAMS)?;
    Ok(call.arbos().params())
}

fn min_init_gas(call: &Call<'_>, params: &Params) -> Outcome {
    if call.version() < 32 {
        return Err(Stop::Failure("minInitGas() works from ArbOS 32 on".into()));
    }
    let (gas, cached) = (u64::from(params.min_init) * 128, u64::from(params.min_cached_init) * 32);
    reply::<ArbWasm::minInitGasCall>(ArbWasm::minInitGasReturn { gas, cached })
}

fn init_gas(call: &mut Call<'_>, program: Address) -> Outcome {
    let (record, params) = active_at(call, program)?;
    let cached = params.cached_gas(record.cached_cost);
    let init = params.init_gas(record.init_cost);
    let gas = if record.version >= 2 { init + cached } else { init };
    reply::<ArbWasm::programInitGasCall>(ArbWasm::programInitGasReturn { gas, gasWhenCached: cached })
}

fn active_at(call: &mut Call<'_>, program: Address) -> Result<(Record, Params), Stop> {
    let code_hash = call.code_hash(program)?;
    active(call, code_hash)
}

/// The record of a program that may be called.
pub(super) fn active(call: &mut Call<'_>, code_hash: B256) -> Result<(Record, Params), Stop> {
    let params = params(call)?;
    call.burn(READ)?;
    let record = call.arbos().record(code_hash);
    record.active(&params, call.now()).map_err(inactive)?;
    Ok((record, params))
}

pub(super) fn inactive(reason: Inactive) -> Stop {
    match reason {
        Inactive::NotActivated => Stop::error(ArbWasm::ProgramNotActivated {}),
        Inactive::NeedsUpgrade { version, current } => {
            Stop::error(ArbWasm::ProgramNeedsUpgrade { version, stylusVersion: current })
        }
        Inactive::Expired { age } => Stop::error(ArbWasm::ProgramExpired { ageInSeconds: age }),
    }
}

/// The text of the same reason, for calls: they fail without data.
pub(crate) fn describe_inactive(reason: Inactive) -> String {
    match reason {
        Inactive::NotActivated => "ProgramNotActivated()".into(),
        Inactive::NeedsUpgrade { version, current } => format!("ProgramNeedsUpgrade({version}, {current})"),
        Inactive::Expired { age } => format!("ProgramExpired({age})"),
    }
}

/// The steps of 2.6.
fn activate_program(call: &mut Call<'_>, program: Address) -> Outcome {
    if call.version() >= 59 {
        call.burn(READ)?;
        let gas = call.arbos().activation_gas();
        call.burn(gas)?;
    }
    call.burn(ACTIVATION)?;
    if is_destroyed(call.ctx, program) {
        return Err(Stop::Failure("self destructed".into()));
    }
    let (code_hash, code) = peek_code(call.ctx, program);
    let params = params(call)?;
    call.burn(READ)?;
    let old = call.arbos().record(code_hash);
    let now = call.now();
    if old.version == params.version && !old.is_expired(&params, now) {
        return Err(Stop::error(ArbWasm::ProgramUpToDate {}));
    }
    let activated = activate_code(call, &params, code_hash, &code)?;
    let (version, module_hash) = (params.version, activated.module_hash);
    let fee = store(call, &params, code_hash, &old, &activated)?;
    pay(call, fee)?;
    call.emit(&ArbWasm::ProgramActivated {
        codehash: code_hash,
        moduleHash: module_hash,
        program,
        dataFee: fee,
        version,
    })?;
    reply::<ArbWasm::activateProgramCall>(ArbWasm::activateProgramReturn { version, dataFee: fee })
}

fn is_destroyed(ctx: &Ctx, account: Address) -> bool {
    ctx.journaled_state.inner.state.get(&account).is_some_and(|account| account.is_selfdestructed())
}

/// Steps 4 and 5: decompress, validate, price, pay.
fn activate_code(call: &mut Call<'_>, params: &Params, code_hash: B256, code: &Bytecode) -> Result<Activated, Stop> {
    let code = code.original_bytes();
    let wasm = read_module(call, params, &code)?;
    let page_limit = params.page_limit.saturating_sub(call.ctx.chain.pages.open);
    let key = stylus::module_key(call.ctx, code_hash, &code);
    let rules = stylus::rules(call.ctx, params);
    let activated = programs::activate(key, &wasm, page_limit, &rules, call.gas).map_err(|error| match error {
        ActivationError::OutOfGas => Stop::Fatal("out of gas".into()),
        ActivationError::Invalid(text) => Stop::Fatal(text),
    })?;
    call.burn(activated.gas)?;
    Ok(activated)
}

/// The module behind `code`; fragments cost gas to read (1.1).
fn read_module(call: &mut Call<'_>, params: &Params, code: &[u8]) -> Result<Vec<u8>, Stop> {
    let version = call.version();
    let module = programs::wasm(code, version, params.max_wasm_size(), params.max_fragments, |fragment| {
        read_fragment(call, fragment)
    });
    module.map_err(|error| match error {
        Unreadable::NotWasm if version >= 60 => Stop::error(ArbWasm::ProgramNotWasm {}),
        Unreadable::NotWasm => Stop::Failure("not a Stylus program".into()),
        Unreadable::Broken(text) => Stop::Failure(text),
        Unreadable::Fragment(stop) => stop,
    })
}

fn read_fragment(call: &mut Call<'_>, fragment: Address) -> Result<alloy_primitives::Bytes, Stop> {
    use revm::context_interface::JournalTr;
    let words = |bytes: u64| 3 * bytes.div_ceil(32);
    let Ok(load) = call.ctx.journaled_state.code(fragment);
    let access = if load.is_cold { 2_600 } else { 100 };
    if call.gas < access + words(crate::evm::MAX_CODE_SIZE.into()) {
        return Err(Stop::AllGas);
    }
    call.burn(access + words(load.data.len() as u64))?;
    Ok(load.data)
}

/// Step 6: writes module hash and record; the data fee in wei.
fn store(
    call: &mut Call<'_>,
    params: &Params,
    code_hash: B256,
    old: &Record,
    activated: &Activated,
) -> Result<U256, Stop> {
    let now = call.now();
    let figures = &activated.figures;
    if old.cached {
        // The old module leaves the cache, by its hash.
        call.burn(READ)?;
    }
    call.burn(WRITE)?;
    call.arbos().set_module_hash(code_hash, activated.module_hash);
    let fee = data_fee(call, figures.asm_estimate)?;
    let record = Record {
        version: params.version,
        init_cost: figures.init_cost,
        cached_cost: figures.cached_cost,
        footprint: figures.footprint,
        activated_at: hours(now),
        asm_estimate_kb: figures.asm_estimate.div_ceil(1_024),
        cached: old.cached,
    };
    call.burn(WRITE)?;
    call.arbos().set_record(code_hash, &record);
    Ok(fee)
}

/// Five reads, two writes.
fn data_fee(call: &mut Call<'_>, bytes: u32) -> Result<U256, Stop> {
    call.burn(5 * READ + 2 * WRITE)?;
    let now = call.now();
    Ok(call.arbos().data_fee(bytes, now))
}

/// Step 7: the fee to the network, the rest back to the caller.
fn pay(call: &mut Call<'_>, fee: U256) -> Result<(), Stop> {
    let have = call.value;
    let Some(rest) = have.checked_sub(fee) else {
        return Err(Stop::error(ArbWasm::ProgramInsufficientValue { have, want: fee }));
    };
    call.burn(READ)?;
    let network = call.arbos().network_fee_account();
    let caller = call.caller;
    if move_balance(call.ctx, addresses::ARB_WASM, network, fee)
        && move_balance(call.ctx, addresses::ARB_WASM, caller, rest)
    {
        Ok(())
    } else {
        Err(Stop::Failure("the data fee cannot be moved".into()))
    }
}

/// Prolongs an activation (2.8).
fn keepalive(call: &mut Call<'_>, code_hash: B256) -> Outcome {
    let (mut record, params) = active(call, code_hash)?;
    let now = call.now();
    let age = record.age(now);
    if age < u64::from(params.keepalive_days) * 86_400 {
        return Err(Stop::error(ArbWasm::ProgramKeepaliveTooSoon { ageInSeconds: age }));
    }
    let fee = data_fee(call, record.asm_estimate_kb.saturating_mul(1_024))?;
    record.activated_at = hours(now);
    call.burn(WRITE)?;
    call.arbos().set_record(code_hash, &record);
    pay(call, fee)?;
    call.emit(&ArbWasm::ProgramLifetimeExtended { codehash: code_hash, dataFee: fee })?;
    reply::<ArbWasm::codehashKeepaliveCall>(ArbWasm::codehashKeepaliveReturn {})
}
