//! ArbSys, ArbInfo, ArbGasInfo, ArbosTest and ArbDebug, as far as tools use them (stylus-vm.md 2.5).

use alloy_primitives::{Address, B256, U256};
use revm::context_interface::JournalTr;

use super::{Call, Method, Outcome, READ, Stop, reply, set_code};
use crate::{
    abi::{
        ArbDebug::{self, ArbDebugCalls},
        ArbGasInfo::{self, ArbGasInfoCalls},
        ArbInfo::{self, ArbInfoCalls},
        ArbSys::{self, ArbSysCalls},
        ArbosTest::{self, ArbosTestCalls},
    },
    embedded::block_of,
    evm::context::peek_code_bytes,
};

pub(super) const SYS: &[Method] = &[
    Method::view::<ArbSys::arbBlockNumberCall>(),
    Method::view::<ArbSys::arbBlockHashCall>(),
    Method::view::<ArbSys::arbChainIDCall>(),
    Method::view::<ArbSys::arbOSVersionCall>(),
    Method::view::<ArbSys::getStorageGasAvailableCall>(),
    Method::view::<ArbSys::isTopLevelCallCall>(),
    Method::pure::<ArbSys::mapL1SenderContractAddressToL2AliasCall>(),
    Method::view::<ArbSys::wasMyCallersAddressAliasedCall>(),
    Method::view::<ArbSys::myCallersAddressWithoutAliasingCall>(),
];

/// What is added to an L1 contract's address on L2.
const ALIAS_OFFSET: U256 = U256::from_limbs([0x1111, 0, 0x1111_0000, 0]);
/// `arbOSVersion()` counts from here.
const VERSION_OFFSET: U256 = U256::from_limbs([55, 0, 0, 0]);

pub(super) fn sys(call: &mut Call<'_>) -> Outcome {
    match call.decode()? {
        ArbSysCalls::arbBlockNumber(_) => reply::<ArbSys::arbBlockNumberCall>(U256::from(call.ctx.chain.l2_number)),
        ArbSysCalls::arbBlockHash(args) => reply::<ArbSys::arbBlockHashCall>(block_hash(call, args.arbBlockNum)?),
        ArbSysCalls::arbChainID(_) => reply::<ArbSys::arbChainIDCall>(U256::from(call.ctx.cfg.chain_id)),
        ArbSysCalls::arbOSVersion(_) => reply::<ArbSys::arbOSVersionCall>(VERSION_OFFSET + U256::from(call.version())),
        ArbSysCalls::getStorageGasAvailable(_) => reply::<ArbSys::getStorageGasAvailableCall>(U256::ZERO),
        ArbSysCalls::isTopLevelCall(_) => reply::<ArbSys::isTopLevelCallCall>(call.ctx.chain.frames.len() <= 2),
        ArbSysCalls::mapL1SenderContractAddressToL2Alias(args) => {
            reply::<ArbSys::mapL1SenderContractAddressToL2AliasCall>(alias(args.sender))
        }
        ArbSysCalls::wasMyCallersAddressAliased(_) => reply::<ArbSys::wasMyCallersAddressAliasedCall>(false),
        ArbSysCalls::myCallersAddressWithoutAliasing(_) => {
            let frames = &call.ctx.chain.frames;
            let caller = frames.last().map(|frame| frame.caller).unwrap_or_default();
            reply::<ArbSys::myCallersAddressWithoutAliasingCall>(caller)
        }
    }
}

fn alias(sender: Address) -> Address {
    let sum = U256::from_be_bytes(sender.into_word().0).wrapping_add(ALIAS_OFFSET);
    Address::from_word(B256::from(sum))
}

/// One of the last 256 L2 blocks.
fn block_hash(call: &Call<'_>, requested: U256) -> Result<B256, Stop> {
    let chain = &call.ctx.chain;
    let current = U256::from(chain.l2_number);
    let refused = || Stop::error(ArbSys::InvalidBlockNumber { requested, current });
    if requested >= current || requested + U256::from(256) < current {
        return Err(refused());
    }
    block_of(&chain.blocks, requested.to()).map(|block| block.hash).ok_or_else(refused)
}

pub(super) const INFO: &[Method] = &[Method::view::<ArbInfo::getBalanceCall>(), Method::view::<ArbInfo::getCodeCall>()];

pub(super) fn info(call: &mut Call<'_>) -> Outcome {
    match call.decode()? {
        ArbInfoCalls::getBalance(args) => {
            call.burn(700)?;
            let account = args.account;
            let balance = crate::evm::context::without_warming(call.ctx, account, |ctx| {
                let Ok(load) = ctx.journaled_state.load_account(account);
                load.data.info.balance
            });
            reply::<ArbInfo::getBalanceCall>(balance)
        }
        ArbInfoCalls::getCode(args) => {
            call.burn(2_600)?;
            let code = peek_code_bytes(call.ctx, args.account);
            call.burn_words(code.len())?;
            reply::<ArbInfo::getCodeCall>(code)
        }
    }
}

pub(super) const GAS_INFO: &[Method] = &[
    Method::view::<ArbGasInfo::getPricesInWeiCall>(),
    Method::view::<ArbGasInfo::getPricesInArbGasCall>(),
    Method::view::<ArbGasInfo::getMinimumGasPriceCall>(),
    Method::view::<ArbGasInfo::getL1BaseFeeEstimateCall>(),
    Method::view::<ArbGasInfo::getCurrentTxL1GasFeesCall>(),
    Method::view::<ArbGasInfo::getGasAccountingParamsCall>(),
    Method::view::<ArbGasInfo::getMaxTxGasLimitCall>().since(50),
];

/// Gas a transaction may use.
const MAX_TX_GAS: U256 = U256::from_limbs([crate::evm::MAX_TX_GAS, 0, 0, 0]);
/// Gas per second the chain sustains.
const SPEED_LIMIT: U256 = U256::from_limbs([7_000_000, 0, 0, 0]);

pub(super) fn gas_info(call: &mut Call<'_>) -> Outcome {
    let price = U256::from(call.ctx.block.basefee);
    let l1 = call.arbos().l1_price();
    call.burn(READ)?;
    match call.decode()? {
        ArbGasInfoCalls::getPricesInWei(_) => {
            let per_slot = price * U256::from(20_000);
            let prices = (l1 * U256::from(140 * 16), l1 * U256::from(16), per_slot, price, U256::ZERO, price);
            reply::<ArbGasInfo::getPricesInWeiCall>(prices.into())
        }
        ArbGasInfoCalls::getPricesInArbGas(_) => {
            let in_gas = |wei: U256| wei.checked_div(price).unwrap_or_default();
            let prices = (in_gas(l1 * U256::from(140 * 16)), in_gas(l1 * U256::from(16)), U256::from(20_000));
            reply::<ArbGasInfo::getPricesInArbGasCall>(prices.into())
        }
        ArbGasInfoCalls::getMinimumGasPrice(_) => reply::<ArbGasInfo::getMinimumGasPriceCall>(price),
        ArbGasInfoCalls::getL1BaseFeeEstimate(_) => reply::<ArbGasInfo::getL1BaseFeeEstimateCall>(l1),
        ArbGasInfoCalls::getCurrentTxL1GasFees(_) => {
            let fees = price * U256::from(call.ctx.chain.l1_gas);
            reply::<ArbGasInfo::getCurrentTxL1GasFeesCall>(fees)
        }
        ArbGasInfoCalls::getGasAccountingParams(_) => {
            reply::<ArbGasInfo::getGasAccountingParamsCall>((SPEED_LIMIT, MAX_TX_GAS, MAX_TX_GAS).into())
        }
        ArbGasInfoCalls::getMaxTxGasLimit(_) => reply::<ArbGasInfo::getMaxTxGasLimitCall>(MAX_TX_GAS),
    }
}

pub(super) const TEST: &[Method] = &[Method::pure::<ArbosTest::burnArbGasCall>()];

pub(super) fn test(call: &mut Call<'_>) -> Outcome {
    let ArbosTestCalls::burnArbGas(args) = call.decode()?;
    let Ok(gas) = args.gasAmount.try_into() else {
        return Err(Stop::Failure("not a uint64".into()));
    };
    call.burn(gas)?;
    reply::<ArbosTest::burnArbGasCall>(ArbosTest::burnArbGasReturn {})
}

pub(super) const DEBUG: &[Method] =
    &[Method::write::<ArbDebug::becomeChainOwnerCall>(), Method::write::<ArbDebug::overwriteContractCodeCall>()];

pub(super) fn debug(call: &mut Call<'_>) -> Outcome {
    match call.decode()? {
        ArbDebugCalls::becomeChainOwner(_) => {
            let owners = call.arbos().owners();
            let caller = call.caller;
            owners.add(call.ctx, caller);
            reply::<ArbDebug::becomeChainOwnerCall>(ArbDebug::becomeChainOwnerReturn {})
        }
        ArbDebugCalls::overwriteContractCode(args) => {
            let old = peek_code_bytes(call.ctx, args.target);
            set_code(call.ctx, args.target, args.newCode);
            reply::<ArbDebug::overwriteContractCodeCall>(old)
        }
    }
}
