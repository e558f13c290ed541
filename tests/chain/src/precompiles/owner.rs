//! ArbOwner and ArbOwnerPublic (stylus-vm.md 2.5).

use alloy_primitives::Log;
use alloy_sol_types::SolEvent;
use revm::context_interface::JournalTr;

use super::{Call, Contract, Method, Outcome, READ, Stop, reply};
use crate::{
    abi::{
        ArbOwner::{self, ArbOwnerCalls},
        ArbOwnerPublic::{self, ArbOwnerPublicCalls},
    },
    arbos::Params,
};

pub(super) const METHODS: &[Method] = &[
    Method::write::<ArbOwner::addChainOwnerCall>(),
    Method::write::<ArbOwner::removeChainOwnerCall>(),
    Method::view::<ArbOwner::isChainOwnerCall>(),
    Method::view::<ArbOwner::getAllChainOwnersCall>(),
    Method::write::<ArbOwner::setInkPriceCall>(),
    Method::write::<ArbOwner::setWasmMaxStackDepthCall>(),
    Method::write::<ArbOwner::setWasmFreePagesCall>(),
    Method::write::<ArbOwner::setWasmPageGasCall>(),
    Method::write::<ArbOwner::setWasmPageLimitCall>(),
    Method::write::<ArbOwner::setWasmMaxSizeCall>().since(40),
    Method::write::<ArbOwner::setWasmMinInitGasCall>(),
    Method::write::<ArbOwner::setWasmInitCostScalarCall>(),
    Method::write::<ArbOwner::setWasmExpiryDaysCall>(),
    Method::write::<ArbOwner::setWasmKeepaliveDaysCall>(),
    Method::write::<ArbOwner::setWasmBlockCacheSizeCall>(),
    Method::write::<ArbOwner::addWasmCacheManagerCall>(),
    Method::write::<ArbOwner::removeWasmCacheManagerCall>(),
    Method::write::<ArbOwner::setMaxStylusContractFragmentsCall>().since(60),
    Method::write::<ArbOwner::setWasmActivationGasCall>().since(59),
    Method::write::<ArbOwner::setL1PricePerUnitCall>(),
    Method::write::<ArbOwner::scheduleArbOSUpgradeCall>(),
];

/// Only for owners, at no cost, with an event for what changes something.
pub(super) fn run_as_owner(call: &mut Call<'_>, contract: &Contract) -> Outcome {
    let owners = call.arbos().owners();
    let owner = call.caller;
    if !owners.contains(call.ctx, owner) {
        return Err(Stop::Fatal("unauthorized caller to access-controlled method".into()));
    }
    call.is_free = true;
    let output = call.run(contract)?;
    if !call.is_static {
        let method = call.input.first_chunk::<4>().copied().unwrap_or_default().into();
        let event = ArbOwner::OwnerActs { method, owner, data: call.input.clone() };
        call.ctx.journaled_state.log(Log { address: call.address, data: event.encode_log_data() });
    }
    Ok(output)
}

pub(super) fn run(call: &mut Call<'_>) -> Outcome {
    let owners = call.arbos().owners();
    let managers = call.arbos().cache_managers();
    match call.decode()? {
        ArbOwnerCalls::addChainOwner(args) => owners.add(call.ctx, args.newOwner),
        ArbOwnerCalls::removeChainOwner(args) => {
            if !owners.contains(call.ctx, args.ownerToRemove) {
                return Err(Stop::Failure("tried to remove a non-owner".into()));
            }
            owners.remove(call.ctx, args.ownerToRemove);
        }
        ArbOwnerCalls::isChainOwner(args) => {
            return reply::<ArbOwner::isChainOwnerCall>(owners.contains(call.ctx, args.addr));
        }
        ArbOwnerCalls::getAllChainOwners(_) => {
            return reply::<ArbOwner::getAllChainOwnersCall>(owners.members(call.ctx));
        }
        ArbOwnerCalls::addWasmCacheManager(args) => managers.add(call.ctx, args.manager),
        ArbOwnerCalls::removeWasmCacheManager(args) => managers.remove(call.ctx, args.manager),
        ArbOwnerCalls::setWasmActivationGas(args) => call.arbos().set_activation_gas(args.gas),
        ArbOwnerCalls::setL1PricePerUnit(args) => call.arbos().set_l1_price(args.pricePerUnit),
        ArbOwnerCalls::scheduleArbOSUpgrade(args) => {
            call.arbos().schedule_upgrade(args.newVersion, args.timestamp);
        }
        parameter => {
            let mut params = call.arbos().params();
            set_parameter(&mut params, &parameter)?;
            call.arbos().set_params(&params);
        }
    }
    Ok(Vec::new())
}

/// The setters of one parameter each.
fn set_parameter(params: &mut Params, method: &ArbOwnerCalls) -> Result<(), Stop> {
    match method {
        ArbOwnerCalls::setInkPrice(args) => {
            if args.price == 0 || args.price >= 1 << 24 {
                return Err(Stop::Failure("ink price must be a positive uint24".into()));
            }
            params.ink_price = args.price;
        }
        ArbOwnerCalls::setWasmMaxStackDepth(args) => params.max_stack_depth = args.depth,
        ArbOwnerCalls::setWasmFreePages(args) => params.free_pages = args.pages,
        ArbOwnerCalls::setWasmPageGas(args) => params.page_gas = args.gas,
        ArbOwnerCalls::setWasmPageLimit(args) => params.page_limit = args.limit,
        ArbOwnerCalls::setWasmMaxSize(args) => params.max_wasm_size = args.size,
        ArbOwnerCalls::setWasmMinInitGas(args) => {
            params.min_init = args.gas.div_ceil(128);
            params.min_cached_init = args.cached.div_ceil(32).min(255) as u8;
        }
        ArbOwnerCalls::setWasmInitCostScalar(args) => params.init_scalar = args.percent.div_ceil(2).min(255) as u8,
        ArbOwnerCalls::setWasmExpiryDays(args) => params.expiry_days = args.numDays,
        ArbOwnerCalls::setWasmKeepaliveDays(args) => params.keepalive_days = args.numDays,
        ArbOwnerCalls::setWasmBlockCacheSize(args) => params.block_cache_size = args.count,
        ArbOwnerCalls::setMaxStylusContractFragments(args) => params.max_fragments = args.maxFragments,
        _ => return Err(Stop::AllGas),
    }
    Ok(())
}

pub(super) const PUBLIC: &[Method] = &[
    Method::view::<ArbOwnerPublic::isChainOwnerCall>(),
    Method::view::<ArbOwnerPublic::getAllChainOwnersCall>(),
    Method::view::<ArbOwnerPublic::getNetworkFeeAccountCall>(),
    Method::view::<ArbOwnerPublic::getInfraFeeAccountCall>(),
    Method::view::<ArbOwnerPublic::getBrotliCompressionLevelCall>(),
    Method::view::<ArbOwnerPublic::getMaxStylusContractFragmentsCall>().since(60),
];

pub(super) fn public(call: &mut Call<'_>) -> Outcome {
    let owners = call.arbos().owners();
    call.burn(READ)?;
    match call.decode()? {
        ArbOwnerPublicCalls::isChainOwner(args) => {
            reply::<ArbOwnerPublic::isChainOwnerCall>(owners.contains(call.ctx, args.addr))
        }
        ArbOwnerPublicCalls::getAllChainOwners(_) => {
            let members = owners.members(call.ctx);
            call.burn(READ * members.len() as u64)?;
            reply::<ArbOwnerPublic::getAllChainOwnersCall>(members)
        }
        ArbOwnerPublicCalls::getNetworkFeeAccount(_) => {
            reply::<ArbOwnerPublic::getNetworkFeeAccountCall>(call.arbos().network_fee_account())
        }
        ArbOwnerPublicCalls::getInfraFeeAccount(_) => {
            reply::<ArbOwnerPublic::getInfraFeeAccountCall>(call.arbos().infra_fee_account())
        }
        ArbOwnerPublicCalls::getBrotliCompressionLevel(_) => {
            reply::<ArbOwnerPublic::getBrotliCompressionLevelCall>(call.arbos().brotli_level())
        }
        ArbOwnerPublicCalls::getMaxStylusContractFragments(_) => {
            reply::<ArbOwnerPublic::getMaxStylusContractFragmentsCall>(call.arbos().params().max_fragments)
        }
    }
}
