// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title A contract that does what it was told to do when it is called
/// @notice Plays a malicious exchange, token, pool or recipient. It answers each selector with what was set for it, and any other call,
///   one without a selector included, with what was set for 0x00000000: at first it does nothing and returns nothing. Anyone may set it.
interface IPuppet {
    /// @notice The call out should have been refused.
    error CallSucceeded(bytes result);

    /// @notice Sets what to do when a selector is called: call `target` with `callData`, unless the target is zero, and then
    ///   return `result`, or revert with it.
    /// @param policy What becomes of the call out, a sum: 1 its failure becomes the puppet's own; 2 it is not recorded, for views;
    ///   4 its success becomes `CallSucceeded`.
    /// @dev The call out gets all gas, and no ether.
    function set(bytes4 selector, address target, bytes calldata callData, uint8 policy, bool reverts, bytes calldata result)
        external;

    /// @notice Makes the puppet call somebody now, with its ether if `wei_` is not zero; fails as the call does.
    function act(address target, uint256 wei_, bytes calldata callData) external;

    /// @notice How many calls out were recorded, and whether the last one succeeded.
    function lastCall() external view returns (uint256 count, bool success);

    /// @notice The call data of the last call that was answered as set; not if policy 2 was.
    function lastInput() external view returns (bytes memory);

    /// @notice What the last one returned or reverted with.
    function lastResult() external view returns (bytes memory);
}
