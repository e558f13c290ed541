// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title A plain ERC-20 with permit, for tests
/// @notice One slot per balance and per allowance. `transferFrom` always decreases the allowance, also an infinite one, and
///   emits `Approval` besides `Transfer`. Anyone may mint.
interface IToken {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    error AlreadyInitialized();
    error InsufficientBalance(address owner, uint256 balance, uint256 needed);
    error InsufficientAllowance(address owner, address spender, uint256 allowance, uint256 needed);
    error SupplyOverflow(uint256 supply, uint256 minted);
    error PermitExpired(uint256 deadline, uint256 timestamp);
    error InvalidSigner(address signer, address owner);

    /// @notice Names the token. Once.
    function initialize(string calldata name, string calldata symbol, uint8 decimals) external;

    function name() external view returns (string memory);
    function symbol() external view returns (string memory);
    function decimals() external view returns (uint8);
    function totalSupply() external view returns (uint256);
    function balanceOf(address account) external view returns (uint256);
    function allowance(address owner, address spender) external view returns (uint256);

    function approve(address spender, uint256 value) external returns (bool);
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);

    /// @notice Creates `value` for `to`. Open to anyone.
    function mint(address to, uint256 value) external;

    /// @notice Destroys `value` of the caller's balance.
    function burn(uint256 value) external;

    // EIP-2612; the domain's version is "1".
    function nonces(address owner) external view returns (uint256);
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;
}
