// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title The claims proxy
/// @notice Claims every kind of rewards of the caller in one call. Holds nothing, and needs `CLAIM_OPERATOR_ROLE` of each module; for the
///   distributor the caller's consent is enough. Spec section 9.1.
/// @dev All or nothing: it reverts with exactly what a module reverts with. A module that has no code, or is zero for none, is refused
///   only when it is needed.
interface IClaimsProxy {
    /// @dev By the StylusDeployer (`NotStylusDeployer`). `InvalidModule` for `liquidityStaking` and `merkleDistributor` without code, and for the others, unless they are zero.
    function stylus_constructor(
        address safetyModule,
        address liquidityStaking,
        address merkleDistributor,
        address rewardsTreasuryVester
    ) external;

    /// @notice In this order: pokes the vester, claims from the safety module, from the pool, from the distributor. What is not asked for is
    ///   not called; the distributor only if the amount is not zero.
    /// @dev `InvalidModule`; whatever a module reverts with; `InvalidModuleAnswer`; `TotalOverflow`.
    /// @return total What was paid in all.
    function claimRewards(
        bool claimSafetyRewards,
        bool claimLiquidityRewards,
        uint256 merkleCumulativeAmount,
        bytes32[] calldata merkleProof,
        bool vestFromTreasuryVester
    ) external returns (uint256 total);

    function SAFETY_MODULE() external view returns (address);
    function LIQUIDITY_STAKING() external view returns (address);
    function MERKLE_DISTRIBUTOR() external view returns (address);
    function REWARDS_TREASURY_VESTER() external view returns (address);

    /// @notice There is no contract at this address.
    error InvalidModule(address module);
    /// @notice A module answered no amount.
    error InvalidModuleAnswer(address module);
    /// @notice The sum of all amounts exceeds 2^256 - 1.
    error TotalOverflow(uint256 total, uint256 added);
    /// @notice Only the StylusDeployer constructs, which creates and constructs in one transaction: nobody can come in between.
    error NotStylusDeployer(address caller, address deployer);
}
