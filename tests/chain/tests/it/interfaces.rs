//! Selectors and topics of the system contracts, as stylus-vm.md 2.3 to 2.5 and 2.11 list them.

use alloy_primitives::{B256, hex};
use alloy_sol_types::{SolCall, SolError, SolEvent};
use chain::{CONSTRUCTOR, abi::*};

/// Selectors as hexadecimal text, in the order of the types.
macro_rules! check {
    ($trait:ident, $contract:ident { $($name:ident $selector:literal),+ $(,)? }) => {
        $(assert_eq!(hex::encode(<$contract::$name as $trait>::SELECTOR), $selector, stringify!($name));)+
    };
}

#[test]
fn arb_wasm() {
    check!(SolCall, ArbWasm {
        activateProgramCall "58c780c2", stylusVersionCall "a996e0c2", codehashVersionCall "d70c0ca7",
        codehashKeepaliveCall "c689bad5", codehashAsmSizeCall "4089267f", programVersionCall "cc8f4e88",
        programInitGasCall "62b688aa", programMemoryFootprintCall "aef36be3", programTimeLeftCall "c775a62a",
        inkPriceCall "d1c17abc", maxStackDepthCall "8ccfaa70", freePagesCall "4490c19d", pageGasCall "7af4ba49",
        pageLimitCall "9786f96e", pageRampCall "11c82ae8", minInitGasCall "99d0b38d", initCostScalarCall "5fc94c0b",
        expiryDaysCall "309f6555", keepaliveDaysCall "0a936455", blockCacheSizeCall "7af6e819",
        activationGasCall "2278c278",
    });
    check!(SolError, ArbWasm {
        ProgramNotWasm "27f38212", ProgramNotActivated "6f809c4e", ProgramNeedsUpgrade "637d968f",
        ProgramExpired "c9b12e52", ProgramUpToDate "cc944bf2", ProgramKeepaliveTooSoon "16bd0cf8",
        ProgramInsufficientValue "09781ab7",
    });
}

#[test]
fn arb_wasm_cache() {
    check!(SolCall, ArbWasmCache {
        isCacheManagerCall "85e2de85", allCacheManagersCall "0ec1d773", cacheCodehashCall "4ceac817",
        cacheProgramCall "e73ac9f2", evictCodehashCall "ce972013", codehashIsCachedCall "a72f179b",
    });
    check!(SolCall, CacheManager { placeBidCall "e4940157", isPausedCall "b187bd26" });
}

#[test]
fn arb_owner() {
    check!(SolCall, ArbOwner {
        setInkPriceCall "8c1d4fda", setWasmMaxStackDepthCall "4567cc8e", setWasmFreePagesCall "3f37a846",
        setWasmPageGasCall "aaa619e0", setWasmPageLimitCall "6595381a", setWasmMaxSizeCall "455ec2eb",
        setWasmMinInitGasCall "8293405e", setWasmInitCostScalarCall "67e0718f", setWasmExpiryDaysCall "aac68018",
        setWasmKeepaliveDaysCall "2a9cbe3e", setWasmBlockCacheSizeCall "380f1457",
        addWasmCacheManagerCall "ffdca515", removeWasmCacheManagerCall "bf197322",
        setMaxStylusContractFragmentsCall "f1fe1a70", setWasmActivationGasCall "a0a32497",
        setL1PricePerUnitCall "2b352fae", scheduleArbOSUpgradeCall "e388b381", addChainOwnerCall "481f8dbf",
        removeChainOwnerCall "8792701a", isChainOwnerCall "26ef7f68", getAllChainOwnersCall "516b4e0f",
    });
    check!(SolCall, ArbOwnerPublic {
        getMaxStylusContractFragmentsCall "e5a7f893", getNetworkFeeAccountCall "2d9125e9",
        getInfraFeeAccountCall "ee95a824", getBrotliCompressionLevelCall "22d499c7",
    });
}

#[test]
fn the_other_precompiles() {
    check!(SolCall, ArbDebug { becomeChainOwnerCall "0e5bbc11", overwriteContractCodeCall "1be250d6" });
    check!(SolCall, ArbosTest { burnArbGasCall "bb3480f9" });
    check!(SolCall, ArbInfo { getBalanceCall "f8b2cb4f", getCodeCall "7e105ce2" });
    check!(SolCall, ArbSys {
        arbBlockNumberCall "a3b1b31d", arbBlockHashCall "2b407a82", arbChainIDCall "d127f54a",
        arbOSVersionCall "051038f2", isTopLevelCallCall "08bd624c",
        mapL1SenderContractAddressToL2AliasCall "4dbbd506", wasMyCallersAddressAliasedCall "175a260b",
        myCallersAddressWithoutAliasingCall "d74523b3", getStorageGasAvailableCall "a94597ff",
    });
    check!(SolCall, ArbGasInfo {
        getPricesInWeiCall "41b247a8", getPricesInArbGasCall "02199f34", getMinimumGasPriceCall "f918379a",
        getL1BaseFeeEstimateCall "f5d6ded7", getCurrentTxL1GasFeesCall "c6f7de0e",
        getGasAccountingParamsCall "612af178", getMaxTxGasLimitCall "aae1cd4c",
    });
}

#[test]
fn the_deployer() {
    check!(SolCall, StylusDeployer {
        deployCall "a9a8e4e9", requiresActivationCall "835d1d4c", initSaltCall "9f40b385",
    });
    check!(SolError, StylusDeployer {
        ContractDeploymentError "794c92ce", EmptyBytecode "21744a59", ContractInitializationError "88d8f57d",
        InitValueButNotInitData "00cc7971", RefundExcessValueError "3ea99169",
    });
    assert_eq!(hex::encode(CONSTRUCTOR), "5585258d");
}

#[test]
fn events() {
    let check = |topic: B256, expected: &str| assert_eq!(hex::encode(topic), expected);
    let activated = "c0e812780707128d9a180db8ee4d1c1f1300b6dd0626d577b5d9ac759b76253c";
    check(ArbWasm::ProgramActivated::SIGNATURE_HASH, activated);
    let extended = "03802ba32e3bd489d2ab04abb93d10687e0b6883bcb091206ca75172d248f2ec";
    check(ArbWasm::ProgramLifetimeExtended::SIGNATURE_HASH, extended);
    let cached = "1bfaa29b4618e78f5b398027d530826dbb266dc976a5067f67fdad15434ecfab";
    check(ArbWasmCache::UpdateProgramCache::SIGNATURE_HASH, cached);
    let deployed = "8ffcdc15a283d706d38281f500270d8b5a656918f555de0913d7455e3e6bc1bf";
    check(StylusDeployer::ContractDeployed::SIGNATURE_HASH, deployed);
}
