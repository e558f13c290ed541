// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title The claim proxy of the community treasury
/// @notice Stands in the tree in the treasury's place, and passes on all it gets. Spec section 9.2.
interface ITreasuryClaimProxy {
    /// @dev By the StylusDeployer (`NotStylusDeployer`). `InvalidModule` for a distributor or token without code; `InvalidTreasury` for the zero
    ///   address and the proxy.
    function stylus_constructor(address merkleDistributor, address communityTreasury, address rewardsToken) external;

    /// @notice Claims for this contract, and sends its whole balance to the community treasury. By anybody.
    /// @dev Whatever the distributor reverts with; `InvalidModuleAnswer`; `SafeErc20FailedOperation`.
    /// @return amount What was sent: also what came here another way.
    function claimRewards(uint256 cumulativeAmount, bytes32[] calldata proof) external returns (uint256 amount);

    /// @notice Sends the whole balance to the community treasury without a claim. By anybody. Ours.
    /// @dev `SafeErc20FailedOperation`.
    function forward() external returns (uint256 amount);

    function MERKLE_DISTRIBUTOR() external view returns (address);
    function COMMUNITY_TREASURY() external view returns (address);
    function REWARDS_TOKEN() external view returns (address);

    /// @notice There is no contract at this address.
    error InvalidModule(address module);
    /// @notice The distributor answered no amount.
    error InvalidModuleAnswer(address module);
    /// @notice Nobody can hold the rewards there.
    error InvalidTreasury(address treasury);
    /// @notice The rewards token did not tell a balance, or did not send it.
    error SafeErc20FailedOperation(address token);
    /// @notice Only the StylusDeployer constructs, which creates and constructs in one transaction: nobody can come in between.
    error NotStylusDeployer(address caller, address deployer);
}
