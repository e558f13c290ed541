// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title Roles of the distributor and of the oracle
/// @notice Owners administer every role of a program, their own included, and hold none of the others by that. The owner role is handed
///   over by proposing and accepting, and its last holder cannot lose it. Spec section 2.
/// @dev Refusals are listed in the order in which they are checked. The pool's roles work alike (`IEpochSchedule`).
interface IRoles {
    // ---------------------------------------------------------------- functions

    /// @notice Grants and revokes all roles.
    function OWNER_ROLE() external view returns (bytes32);

    /// @notice Admin of every role that the program does not know; nobody holds it.
    function DEFAULT_ADMIN_ROLE() external view returns (bytes32);

    /// @notice Whether `account` holds `role`.
    function hasRole(bytes32 role, address account) external view returns (bool);

    /// @notice The role whose holders grant and revoke `role`: the owner role, or zero for ids that the program does not know.
    function getRoleAdmin(bytes32 role) external view returns (bytes32);

    /// @notice Gives `role` to `account`. Nothing happens if it has it.
    /// @dev By the role's admin (`AccessControlUnauthorizedAccount`). The owner role: not to nobody (`InvalidOwner`).
    function grantRole(bytes32 role, address account) external;

    /// @notice Takes `role` from `account`. Nothing happens if it does not have it.
    /// @dev By the role's admin (`AccessControlUnauthorizedAccount`). The owner role: not from the last owner (`LastOwner`).
    function revokeRole(bytes32 role, address account) external;

    /// @notice Gives up one's own `role`; `account` is the caller, as a confirmation.
    /// @dev `AccessControlBadConfirmation`; `LastOwner`.
    function renounceRole(bytes32 role, address account) external;

    /// @notice Offers the caller's owner role to `proposed`, who must accept; replaces an offer made before, zero takes it back. Ours.
    /// @dev By an owner. `InvalidOwner` for the program itself. Event: `OwnerProposed`.
    function proposeOwner(address proposed) external;

    /// @notice Takes over the owner role of `owner`, who proposed the caller. An owner that loses the role takes its offer along. Ours.
    /// @dev `NotProposedOwner`; `NotProposingOwner`. Events: `RoleGranted`, `RoleRevoked`.
    function acceptOwner(address owner) external;

    /// @notice Who is offered the owner role, and by whom; zeros if nobody. Ours.
    function getProposedOwner() external view returns (address proposed, address owner);

    /// @notice How many accounts hold the owner role; never 0. Ours.
    function getOwnerCount() external view returns (uint256);

    /// @notice ERC-165: true for ERC-165 and AccessControl (`0x7965db0b`).
    function supportsInterface(bytes4 interfaceId) external view returns (bool);

    // ---------------------------------------------------------------- events

    event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
    event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
    /// @notice Who administers a role; only at construction.
    event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
    /// @notice The owner role of `owner` is offered to `proposed`, or to nobody any more. Ours.
    event OwnerProposed(address indexed owner, address indexed proposed);

    // ---------------------------------------------------------------- errors

    /// @notice The caller does not hold the role that is needed.
    error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
    /// @notice Roles are renounced for oneself only.
    error AccessControlBadConfirmation();
    /// @notice The last owner would lose its role.
    error LastOwner(address owner);
    /// @notice Nobody can act as this owner: the zero address, or the program itself.
    error InvalidOwner(address owner);
    /// @notice The owner role is offered to another account.
    error NotProposedOwner(address caller, address proposed);
    /// @notice The owner role is offered by another account.
    error NotProposingOwner(address owner, address proposing);
}
