// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title The stake as an ERC-20 token
/// @notice The balance is active plus inactive stake; only what stays active next epoch can be transferred, and transferring it settles
///   the rewards of both sides. A loss lowers the balance when it is marked; the burn is reported when it is settled. Spec section 3.9.
/// @dev Refusals are listed in the order in which they are checked; see `IPoolErrors`.
interface IStakedToken {
    /// @notice The name that the pool was constructed with: 1 to 31 printable ASCII characters.
    function name() external view returns (string memory);

    /// @notice The symbol that the pool was constructed with: 1 to 31 printable ASCII characters.
    function symbol() external view returns (string memory);

    /// @notice The staked token's decimals, as it said when the pool was constructed: at most 18.
    function decimals() external view returns (uint8);

    /// @notice Total active plus total inactive stake; 0 before epoch zero, `EpochOverflow` from epoch 65,536 on.
    function totalSupply() external view returns (uint256);

    /// @notice Active plus inactive stake, losses taken off; 0 before epoch zero, `EpochOverflow` from epoch 65,536 on.
    function balanceOf(address account) external view returns (uint256);

    /// @notice What stays active next epoch, hence can be transferred.
    function getTransferableBalance(address account) external view returns (uint256);

    /// @notice What `spender` may still transfer for `owner`; 2^256 - 1 never runs out.
    function allowance(address owner, address spender) external view returns (uint256);

    /// @notice Moves `amount` of active stake to `to`, now and for later epochs. What was requested stays with the sender.
    /// @dev Legal in the blackout window, and to oneself. Refusals: `ERC20InvalidSender`; `ERC20InvalidReceiver`;
    ///   `ERC20InsufficientBalance` against the transferable balance; `EpochZeroNotStarted`. Events: index updates of total, sender,
    ///   recipient; `Transfer`.
    function transfer(address to, uint256 amount) external returns (bool);

    /// @notice As `transfer`, out of the allowance that `from` gave the caller.
    /// @dev The transfer's refusals come first, then `ERC20InsufficientAllowance`. Then `Approval` with what is left, unless infinite.
    function transferFrom(address from, address to, uint256 amount) external returns (bool);

    /// @notice Allows `spender` to move `amount` of the caller's stake, instead of what was allowed before.
    /// @dev Refusals: `ERC20InvalidApprover`; `ERC20InvalidSpender`.
    function approve(address spender, uint256 amount) external returns (bool);

    /// @notice Allows `spender` to move `addedValue` more.
    /// @dev First refusal: `AllowanceOverflow`.
    function increaseAllowance(address spender, uint256 addedValue) external returns (bool);

    /// @notice Allows `spender` to move `subtractedValue` less.
    /// @dev First refusal: `ERC20FailedDecreaseAllowance`.
    function decreaseAllowance(address spender, uint256 subtractedValue) external returns (bool);

    /// @notice Approves by the owner's signature (ERC-2612). Not the permit that `stakeWithPermit` uses, which is the token's.
    /// @dev EIP-712 domain: name `name()`, version `1`, the chain's id, the pool. Refusals: `ERC2612ExpiredSignature`;
    ///   `ECDSAInvalidSignatureS`; `ECDSAInvalidSignature`; `ERC2612InvalidSigner`; those of `approve`.
    function permit(
        address owner,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice The nonce that the next permit of `owner` must sign.
    function nonces(address owner) external view returns (uint256);

    /// @notice What permits are bound to; follows the chain's id.
    function DOMAIN_SEPARATOR() external view returns (bytes32);
}
