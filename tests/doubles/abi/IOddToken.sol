// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

import "./IToken.sol";

/// @title An ERC-20 that misbehaves as it is told
/// @notice Behaves like `IToken` but in the functions, and in the way, of the behaviour that was set last. Anyone may set it.
interface IOddToken is IToken {
    /// @dev Also for a policy that is none.
    error UnknownBehaviour(uint8 kind);
    error Rejected(address recipient);
    error AllowanceNotZero(uint256 allowance);
    error CallSucceeded(bytes result);

    /// @notice Sets how to misbehave.
    /// @param kind 0 not at all; 1 return nothing; 2 do nothing, return false; 3 return `data` as it is; 4 revert with `data` as it is;
    ///   5 destroy `(uint256 basisPoints)` of what a recipient got; 6 call out, afterwards, `(address target, uint8 policy, bytes callData)`;
    ///   7 revert if the recipient or spender is `(address account)`; 8 change an allowance only from or to zero.
    ///   Policy of a call out: 0 ignore its outcome; 1 fail if it fails, with the same data; 2 fail with `CallSucceeded` if it succeeds.
    /// @param functions In which functions, a sum: 1 `transfer`, 2 `transferFrom`, 4 `approve`, 8 `balanceOf`.
    /// @param data As `kind` says, ABI-encoded.
    function setBehaviour(uint8 kind, uint8 functions, bytes calldata data) external;

    function behaviour() external view returns (uint8 kind, uint8 functions);
    function behaviourData() external view returns (bytes memory);

    /// @notice How many calls out were recorded, and whether the last one succeeded. Those from `balanceOf` are not: a view records nothing.
    function lastCall() external view returns (uint256 count, bool success);

    /// @notice What the last recorded call returned, or reverted with.
    function lastResult() external view returns (bytes memory);
}
