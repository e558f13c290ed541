//! ArbWasmCache (stylus-vm.md 2.4).

use alloy_primitives::{Address, B256};

use super::{Call, Method, Outcome, PARAMS, READ, Stop, WRITE, reply, wasm};
use crate::abi::ArbWasmCache::{self, ArbWasmCacheCalls};

pub(super) const METHODS: &[Method] = &[
    Method::view::<ArbWasmCache::isCacheManagerCall>(),
    Method::view::<ArbWasmCache::allCacheManagersCall>(),
    Method::write::<ArbWasmCache::cacheCodehashCall>().until(30),
    Method::write::<ArbWasmCache::cacheProgramCall>().since(31),
    Method::write::<ArbWasmCache::evictCodehashCall>(),
    Method::view::<ArbWasmCache::codehashIsCachedCall>(),
];

pub(super) fn run(call: &mut Call<'_>) -> Outcome {
    let managers = call.arbos().cache_managers();
    match call.decode()? {
        ArbWasmCacheCalls::isCacheManager(args) => {
            call.burn(READ)?;
            reply::<ArbWasmCache::isCacheManagerCall>(managers.contains(call.ctx, args.manager))
        }
        ArbWasmCacheCalls::allCacheManagers(_) => {
            let members = managers.members(call.ctx);
            call.burn(READ * (1 + members.len() as u64))?;
            reply::<ArbWasmCache::allCacheManagersCall>(members)
        }
        ArbWasmCacheCalls::cacheCodehash(args) => {
            set_cached(call, args.codehash, true)?;
            reply::<ArbWasmCache::cacheCodehashCall>(ArbWasmCache::cacheCodehashReturn {})
        }
        ArbWasmCacheCalls::cacheProgram(args) => {
            cache_program(call, args.addr)?;
            reply::<ArbWasmCache::cacheProgramCall>(ArbWasmCache::cacheProgramReturn {})
        }
        ArbWasmCacheCalls::evictCodehash(args) => {
            set_cached(call, args.codehash, false)?;
            reply::<ArbWasmCache::evictCodehashCall>(ArbWasmCache::evictCodehashReturn {})
        }
        ArbWasmCacheCalls::codehashIsCached(args) => {
            call.burn(READ)?;
            let record = call.arbos().record(args.codehash);
            reply::<ArbWasmCache::codehashIsCachedCall>(record.cached)
        }
    }
}

fn cache_program(call: &mut Call<'_>, program: Address) -> Result<(), Stop> {
    let code_hash = call.code_hash(program)?;
    set_cached(call, code_hash, true)
}

/// Flips the flag, if the caller may and it changes something.
pub(super) fn set_cached(call: &mut Call<'_>, code_hash: B256, cached: bool) -> Result<(), Stop> {
    if !may_manage(call)? {
        return Err(Stop::AllGas);
    }
    call.burn(PARAMS + READ)?;
    let params = call.arbos().params();
    let mut record = call.arbos().record(code_hash);
    if cached {
        record.current(&params, call.now()).map_err(wasm::inactive)?;
    }
    if record.cached == cached {
        return Ok(());
    }
    let manager = call.caller;
    call.emit(&ArbWasmCache::UpdateProgramCache { manager, codehash: code_hash, cached })?;
    call.burn(record.init_cost.into())?;
    // The module goes by its hash.
    call.burn(READ + WRITE)?;
    record.cached = cached;
    call.arbos().set_record(code_hash, &record);
    Ok(())
}

/// Cache managers and chain owners.
fn may_manage(call: &mut Call<'_>) -> Result<bool, Stop> {
    let (managers, owners) = (call.arbos().cache_managers(), call.arbos().owners());
    let caller = call.caller;
    call.burn(READ)?;
    if managers.contains(call.ctx, caller) {
        return Ok(true);
    }
    call.burn(READ)?;
    Ok(owners.contains(call.ctx, caller))
}
