// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title A contract that answers each function as it is told
/// @notice Stands in for an oracle, a vester, a staking module. Anyone may tell it. A function it was told nothing about reverts with empty data.
interface IPuppet {
    error UnknownAnswer(uint8 kind);
    error CallSucceeded(bytes result);

    /// @notice Sets how the function of this selector is answered.
    /// @param kind 1 return `data` as it is; 2 revert with `data` as it is; 3 remember the call, for `lastCall`, then return `data`;
    ///   4 call `target` with `callData`, fail with `CallSucceeded` if that succeeds, else return `data`; 5 call out, fail if that fails,
    ///   with the same data, else return `data`.
    function setAnswer(bytes4 selector, uint8 kind, bytes calldata data, address target, bytes calldata callData) external;

    /// @notice The last call that was remembered.
    function lastCall() external view returns (bytes memory);
}
