// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title The router, the pool's one address
/// @notice Answers every call by delegating it to the facet that the table of selectors names, and returns or reverts with exactly what
///   the facet does. Has no function of its own and takes no ether: a call with value reverts with empty data.
///   `MissingSelector` for call data shorter than four bytes, `UnknownSelector` for a selector nobody answers. Call data that is not
///   exactly the encoding of the function's arguments (too short, too long, dirty upper bits) reverts with empty data, as does a call
///   back into the pool while it calls a token.
interface ILiquidityStaking {
    /// @notice Delegates `call` to `facet`, once, atomically with the deployment, and reverts with what that reverts with: normally
    ///   `IDiamondCut.construct` of the cut facet. `InvalidFacet` for a facet without code.
    /// @dev As every Stylus constructor it is called by the StylusDeployer, as `stylus_constructor()` followed by the arguments, and by nobody
    ///   else (`NotStylusDeployer`): it calls only what it has just created. A second call reverts with empty data.
    function stylus_constructor(address facet, bytes calldata call) external;
}
