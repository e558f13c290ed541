// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title A perpetual exchange on layer 2, as the chain below it sees it
/// @notice Behaves like the exchange's contract in whatever a borrower's proxy can see. Layer 2 itself is the operator, an account: it
///   accepts deposits into vaults, wins and loses money for them, and lets it go. Refusals are texts, `Error(string)`.
/// @dev An amount is in the asset's own unit, a quantum of which is so many units of its token. Nobody is refused a nested call:
///   a token that calls back meets the exchange as it is.
interface IExchange {
    event LogUserRegistered(address ethKey, uint256 starkKey, address sender);
    event LogDeposit(
        address depositorEthKey,
        uint256 starkKey,
        uint256 vaultId,
        uint256 assetType,
        uint256 nonQuantizedAmount,
        uint256 quantizedAmount
    );
    event LogDepositCancel(uint256 starkKey, uint256 vaultId, uint256 assetId);
    event LogDepositCancelReclaimed(
        uint256 starkKey, uint256 vaultId, uint256 assetType, uint256 nonQuantizedAmount, uint256 quantizedAmount
    );
    event LogWithdrawalPerformed(
        uint256 ownerKey, uint256 assetType, uint256 nonQuantizedAmount, uint256 quantizedAmount, address recipient
    );
    event LogForcedWithdrawalRequest(uint256 starkKey, uint256 vaultId, uint256 quantizedAmount);
    event LogForcedTradeRequest(uint256 starkKeyA, uint256 vaultIdA, bytes32 request);
    event LogFrozen();

    /// @notice Names who speaks for layer 2. Once.
    function initialize(address operator) external;

    // ---------------------------------------------------------------- users

    /// @notice Registers a key to an account, for good.
    /// @dev Open to anyone with the signature (r, s, v) of the operator over keccak256("UserRegistration:" ‖ ethKey ‖ starkKey): the
    ///   account itself may be a contract, which signs nothing. Refuses, in this order: INVALID_STARK_KEY (zero), INVALID_ETH_ADDRESS
    ///   (zero), STARK_KEY_UNAVAILABLE, INVALID_SIGNATURE.
    function registerUser(address ethKey, uint256 starkKey, bytes calldata signature) external;

    /// @notice Whose a key is; USER_UNREGISTERED if nobody's.
    function getEthKey(uint256 starkKey) external view returns (address);

    // ---------------------------------------------------------------- deposits

    /// @notice Pulls the tokens of a deposit, which stays pending until layer 2 accepts it. Zero is an amount like any other. One by the
    ///   owner of the key ends a cancellation under way.
    /// @dev Refuses, in this order: STATE_IS_FROZEN, INVALID_STARK_KEY (nobody's), INVALID_ASSET_TYPE, DEPOSIT_OVERFLOW, whatever
    ///   the token refuses with, INCORRECT_AMOUNT_TRANSFERRED. Whose vault it is, it does not ask.
    function deposit(uint256 starkKey, uint256 assetType, uint256 vaultId, uint256 quantizedAmount) external;

    /// @notice Starts the two days after which a pending deposit can be reclaimed, or starts them again. Also while frozen.
    /// @dev Refuses: USER_UNREGISTERED, MISMATCHING_STARK_ETH_KEYS (not the owner of the key).
    function depositCancel(uint256 starkKey, uint256 assetType, uint256 vaultId) external;

    /// @notice Returns a cancelled deposit to the owner of the key, the caller. Also while frozen.
    /// @dev Refuses: as `depositCancel`; DEPOSIT_NOT_CANCELED; DEPOSIT_LOCKED for two days.
    function depositReclaim(uint256 starkKey, uint256 assetType, uint256 vaultId) external;

    /// @notice What is pending, in quanta.
    function getQuantizedDepositBalance(uint256 starkKey, uint256 assetType, uint256 vaultId)
        external
        view
        returns (uint256);

    /// @notice When a pending deposit was cancelled, 0 if it was not.
    function getCancellationRequest(uint256 starkKey, uint256 assetType, uint256 vaultId)
        external
        view
        returns (uint256);

    // ---------------------------------------------------------------- withdrawals

    /// @notice Pays what layer 2 let go to the owner of the key, whoever calls; nothing is an amount like any other. Also while frozen.
    /// @dev Refuses: USER_UNREGISTERED, INVALID_ASSET_TYPE.
    function withdraw(uint256 starkKey, uint256 assetType) external;

    /// @notice The same to a recipient that the owner of the key, the caller, chooses.
    /// @dev Refuses besides: MISMATCHING_STARK_ETH_KEYS.
    function withdrawTo(uint256 starkKey, uint256 assetType, address recipient) external;

    /// @notice What layer 2 let go and nobody fetched, in units of the token.
    function getWithdrawalBalance(uint256 starkKey, uint256 assetType) external view returns (uint256);

    // ---------------------------------------------------------------- what layer 2 cannot ignore

    /// @notice Demands a withdrawal of the owner of the key.
    /// @dev Refuses, in this order: STATE_IS_FROZEN, USER_UNREGISTERED, MISMATCHING_STARK_ETH_KEYS, OUT_OF_RANGE_POSITION_ID and
    ///   ILLEGAL_AMOUNT (from 2^64 on), REQUEST_ALREADY_PENDING.
    function forcedWithdrawalRequest(uint256 starkKey, uint256 vaultId, uint256 quantizedAmount, bool premiumCost)
        external;

    /// @notice Demands a trade between two keys. Whether the signature of the other side is good, layer 2 sees.
    /// @dev Refuses as `forcedWithdrawalRequest`; the owner is that of key A.
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

    /// @notice Freezes the exchange: a demand was ignored for fourteen days. Open to anyone.
    /// @param request The hash of the words that make a demand: key, vault, amount; or the first eleven of a trade.
    /// @dev Refuses: STATE_IS_FROZEN, FORCED_ACTION_UNREQUESTED, FORCED_ACTION_PENDING.
    function freezeRequest(bytes32 request) external;

    /// @notice When a demand was made, 0 if it was not or is done.
    function getForcedRequest(bytes32 request) external view returns (uint256);

    /// @notice The call data of the last demand.
    function lastRequest() external view returns (bytes memory);

    function isFrozen() external view returns (bool);

    /// @notice Lets what is in a vault go, while frozen. Open to anyone, once for each vault and asset, since nothing is left.
    /// @dev Refuses: STATE_NOT_FROZEN, INVALID_VAULT.
    function escape(uint256 assetType, uint256 vaultId) external;

    // ---------------------------------------------------------------- layer 2

    // All of these are the operator's (ONLY_OPERATOR), and refused while frozen (STATE_IS_FROZEN).

    /// @notice Makes a token an asset. QUANTUM_ZERO; ASSET_ALREADY_REGISTERED.
    function registerAsset(uint256 assetType, address token, uint256 quantum) external;

    /// @notice Gives a vault to a key. INVALID_STARK_KEY; VAULT_TAKEN.
    function openVault(uint256 starkKey, uint256 vaultId) external;

    /// @notice Moves a pending deposit into its vault. VAULT_KEY_MISMATCH if it is not the key's: for ever; DEPOSIT_INSUFFICIENT.
    function acceptDeposit(uint256 starkKey, uint256 assetType, uint256 vaultId, uint256 quantizedAmount) external;

    /// @notice Profit and loss: sets what a vault holds.
    function setVaultBalance(uint256 assetType, uint256 vaultId, uint256 quantizedAmount) external;

    /// @notice Lets part of a vault go. VAULT_INSUFFICIENT.
    function releaseWithdrawal(uint256 assetType, uint256 vaultId, uint256 quantizedAmount) external;

    /// @notice Settles a demand by doing it, or by showing that it cannot be done: what the vault holds shows which.
    /// @dev FORCED_ACTION_UNREQUESTED.
    function satisfyForcedWithdrawal(uint256 starkKey, uint256 assetType, uint256 vaultId, uint256 quantizedAmount) external;

    /// @notice Settles a trade; what it did to vaults, `setVaultBalance` says. FORCED_ACTION_UNREQUESTED.
    function satisfyForcedTrade(bytes32 request) external;

    /// @notice What is in a vault, in quanta.
    function getVaultBalance(uint256 assetType, uint256 vaultId) external view returns (uint256);
}
