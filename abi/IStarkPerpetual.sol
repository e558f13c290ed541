// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title The exchange, as far as a borrower uses it
/// @notice The functions of StarkEx's perpetual contract that `ITrustedBorrowerL2Proxy` calls (section 5.2 of its specification). Another
///   venue can be put behind the same functions. A STARK key belongs to one account of layer 1, for good.
/// @dev What the borrower relies on stands with each function. Assets are in quantised units of the exchange.
interface IStarkPerpetual {
    /// @notice The account that the key is registered to. Reverts `USER_UNREGISTERED` for a key nobody registered.
    function getEthKey(uint256 starkKey) external view returns (address);

    /// @notice Pulls tokens from the caller into a deposit for (key, asset, vault) that stays pending until layer 2 accepts it. Whether the
    ///   vault belongs to the key is not checked: if it does not, layer 2 never accepts.
    /// @dev Reverts `INVALID_STARK_KEY` for an unregistered key. A deposit by the key's own account, even of nothing, deletes the timer
    ///   of a cancellation.
    function deposit(uint256 starkKey, uint256 assetType, uint256 vaultId, uint256 quantizedAmount) external;

    /// @notice Starts, or starts anew, the two days after which a pending deposit can be reclaimed. By the key's account; also while frozen.
    function depositCancel(uint256 starkKey, uint256 assetType, uint256 vaultId) external;

    /// @notice Pays the whole pending deposit back to the key's account, which calls.
    /// @dev Reverts `DEPOSIT_NOT_CANCELED` without a timer, `DEPOSIT_LOCKED` before two days have passed.
    function depositReclaim(uint256 starkKey, uint256 assetType, uint256 vaultId) external;

    /// @notice Pays what layer 2 released for the key to the key's account, whoever calls.
    function withdraw(uint256 starkKey, uint256 assetType) external;

    /// @notice Asks layer 2 for a withdrawal; if it ignores that, anybody can freeze the exchange. By the key's account.
    /// @dev Vault and amount are below 2^64. Reverts `REQUEST_ALREADY_PENDING` for one that is pending already.
    function forcedWithdrawalRequest(uint256 starkKey, uint256 vaultId, uint256 quantizedAmount, bool premiumCost)
        external;

    /// @notice Asks layer 2 for a trade with a counterparty that signed it. By the account of key A.
    /// @dev As `forcedWithdrawalRequest`.
    function forcedTradeRequest(
        uint256 starkKeyA,
        uint256 starkKeyB,
        uint256 vaultIdA,
        uint256 vaultIdB,
        uint256 collateralAssetId,
        uint256 syntheticAssetId,
        uint256 amountCollateral,
        uint256 amountSynthetic,
        bool aIsBuyingSynthetic,
        uint256 submissionExpirationTime,
        uint256 nonce,
        bytes calldata signature,
        bool premiumCost
    ) external;
}
