//! The interfaces of `abi/` as types: see there for what each function does. Beside them the system contracts of Arbitrum and what
//! deployments go through, as their public sources declare them.

#![allow(
    missing_docs,
    missing_debug_implementations,
    clippy::too_many_arguments,
    reason = "generated from documented Solidity"
)]

use alloy_sol_types::sol;

sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "IStaking.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "IStakedToken.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "IPoolViews.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "IEpochSchedule.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "IBorrowerAllocations.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "IDebtAccounting.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "IDiamondCut.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "IPoolErrors.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "IPoolEvents.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "ITrustedBorrowerL2Proxy.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "IRoles.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "IMerkleDistributor.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "IRewardsOracle.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "IClaimsProxy.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "ITreasuryClaimProxy.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "IStarkPerpetual.sol"
);

sol! {
    /// An ERC-20 token with EIP-2612.
    interface IToken {
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function approve(address spender, uint256 value) external returns (bool);
        function name() external view returns (string memory);
        function symbol() external view returns (string memory);
        function decimals() external view returns (uint8);
        function version() external view returns (string memory);
        function nonces(address owner) external view returns (uint256);

        event Transfer(address indexed from, address indexed to, uint256 value);
        event Approval(address indexed owner, address indexed spender, uint256 value);
    }

    /// `0x71`: activation and the figures of programs.
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    interface ArbWasm {
        function activateProgram(address program) external payable returns (uint16 version, uint256 dataFee);
        function stylusVersion() external view returns (uint16 version);
        function codehashVersion(bytes32 codehash) external view returns (uint16 version);
        function codehashKeepalive(bytes32 codehash) external payable;
        function programVersion(address program) external view returns (uint16 version);
        function programInitGas(address program) external view returns (uint64 gas, uint64 gasWhenCached);
        function programMemoryFootprint(address program) external view returns (uint16 footprint);
        function programTimeLeft(address program) external view returns (uint64 secs);

        event ProgramActivated(
            bytes32 indexed codehash, bytes32 moduleHash, address program, uint256 dataFee, uint16 version
        );
        event ProgramLifetimeExtended(bytes32 indexed codehash, uint256 dataFee);

        error ProgramNotWasm();
        error ProgramNotActivated();
        error ProgramNeedsUpgrade(uint16 version, uint16 stylusVersion);
        error ProgramExpired(uint64 ageInSeconds);
        error ProgramUpToDate();
        error ProgramKeepaliveTooSoon(uint64 ageInSeconds);
        error ProgramInsufficientValue(uint256 have, uint256 want);
    }

    /// `0x72`: which programs are cached.
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    interface ArbWasmCache {
        function allCacheManagers() external view returns (address[] memory managers);
        function codehashIsCached(bytes32 codehash) external view returns (bool);

        event UpdateProgramCache(address indexed manager, bytes32 indexed codehash, bool cached);
    }

    /// `0x64`: the chain itself.
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    interface ArbSys {
        function arbOSVersion() external view returns (uint256);
    }

    /// Sells places in the cache of programs.
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    interface CacheManager {
        function getMinBid(address program) external view returns (uint192 min);
        function placeBid(address program) external payable;
        function isPaused() external view returns (bool);

        event InsertBid(bytes32 indexed codehash, address program, uint192 bid, uint64 size);

        error AlreadyCached(bytes32 codehash);
        error BidTooSmall(uint192 bid, uint192 min);
        error BidsArePaused();
    }

    /// Deploys, activates and constructs a program in one transaction.
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    interface StylusDeployer {
        function deploy(bytes calldata bytecode, bytes calldata initData, uint256 initValue, bytes32 salt)
            external
            payable
            returns (address);

        event ContractDeployed(address deployedContract);

        error ContractDeploymentError(bytes bytecode);
        error ContractInitializationError(address newContract, bytes data);
        error RefundExcessValueError(uint256 excessValue);
        error EmptyBytecode();
        error InitValueButNotInitData();
    }

    /// OpenZeppelin's TimelockController.
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    interface Timelock {
        function scheduleBatch(
            address[] calldata targets,
            uint256[] calldata values,
            bytes[] calldata payloads,
            bytes32 predecessor,
            bytes32 salt,
            uint256 delay
        ) external;
        function executeBatch(
            address[] calldata targets,
            uint256[] calldata values,
            bytes[] calldata payloads,
            bytes32 predecessor,
            bytes32 salt
        ) external payable;
        function getMinDelay() external view returns (uint256);
    }

    /// OpenZeppelin's Governor.
    #[sol(abi, extra_derives(Debug, PartialEq, Eq))]
    interface Governor {
        function propose(
            address[] calldata targets,
            uint256[] calldata values,
            bytes[] calldata calldatas,
            string calldata description
        ) external returns (uint256);
    }
}
