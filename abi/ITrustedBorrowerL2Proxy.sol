// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title A market maker's borrower: borrows from the pool, trades on the exchange, pays out what it does not owe
/// @notice Borrowed tokens leave in three ways only: back to the pool, to the exchange, or out of what is held beyond everything owed.
///   Amounts are base units of the borrowed token (the pool's staked token), but for `quantizedAmount`, which is in units of the exchange.
///   "Owed" is borrowed plus debt, read from the pool at that moment. Section numbers are those of the original's specification.
/// @dev Refusals are listed in the order in which they are checked; a role comes first. Errors of pool, exchange, distributor and of
///   recipients of ether come through unchanged. Without data revert: a re-entrant call, call data that is not exactly the encoding of
///   the arguments, a call with ether, an unknown selector. "By" names roles; without one of them: `AccessControlUnauthorizedAccount`.
///   Each borrower is a minimal clone (EIP-1167) of one program, with pool, exchange, token and distributor behind it in the clone's code.
interface ITrustedBorrowerL2Proxy {
    // ---------------------------------------------------------------- construction (section 6.1)

    /// @notice Sets up a clone, in the transaction that creates it: the clone's init code delegates this call and fails if it fails.
    /// @dev By the init code of a clone, once. Refusals: `NotConstructing` if the acting address has code already, as the program itself
    ///   and every finished clone have; `AlreadyInitialized`; `InvalidContract` for one of the first four without code;
    ///   `TokenMismatch` unless `token` is the pool's `STAKED_TOKEN()`; `InvalidRoleHolder` if owner or guardian is the zero address or the
    ///   clone; `SafeErc20FailedOperation`. Effects: `owner` becomes owner and delegation admin; `vetoGuardian` may be zero: nobody;
    ///   `depositVaults`, each (starkKey, assetType, vaultId), count at once; pool and exchange may spend 2^256 - 1 of the token. A vault
    ///   does not allow its key: the owner does, when the key is registered to the clone.
    ///   Events: `RoleGranted` for guardian, veto guardian, owner, delegation admin; seven `RoleAdminChanged`; `DepositVaultAllowed` each.
    function initialize(
        address liquidityStaking,
        address starkPerpetual,
        address token,
        address merkleDistributor,
        address owner,
        address guardian,
        address vetoGuardian,
        uint256[3][] calldata depositVaults
    ) external;

    // ---------------------------------------------------------------- borrowing (sections 6.2, 8.3)

    /// @notice Borrows `amount` from the pool.
    /// @dev By `BORROWER_ROLE`. Refusals: `BorrowingRestrictedByGuardian`; the pool's. Event: `Borrowed`.
    function borrow(uint256 amount) external;

    /// @notice Pays back at most `amount` of what is borrowed, by the pool's `repayBorrowUpTo`: who pays a unit before does not make it
    ///   fail. Allowed while restricted.
    /// @dev By `BORROWER_ROLE`. Refusals: the pool's, `ZeroAmount` for an amount of 0. Event: `RepaidBorrow` with the amount taken; none if
    ///   nothing is borrowed.
    function repayBorrow(uint256 amount) external;

    /// @notice Pays at most `amount` of the debt, by the pool's `repayDebtUpTo`. Allowed while restricted.
    /// @dev As `repayBorrow`. Event: `RepaidDebt` with the amount taken; none if there is no debt.
    function repayDebt(uint256 amount) external;

    /// @notice In the blackout window: pays back what exceeds the next epoch's allocation; or else, if there is no debt, borrows all there
    ///   is to borrow. Then pays as much debt as the tokens held by then, without those just borrowed, allow. Afterwards the borrower cannot be overdue next epoch.
    /// @dev By `BORROWER_ROLE`. Refusals: `NotInBlackoutWindow`; `InsufficientFundsToRepay` if the tokens held do not cover the excess;
    ///   the pool's. Events: those of its parts. Unlike the original it never spends the same tokens twice (Q1) and never borrows while
    ///   there is debt (Q6). A static call previews the amounts.
    function autoPayOrBorrow() external returns (uint256 borrowed, uint256 borrowRepaid, uint256 debtRepaid);

    // ---------------------------------------------------------------- exchange (section 6.3)

    /// @notice Deposits to a vault of the exchange.
    /// @dev By `EXCHANGE_OPERATOR_ROLE`. Refusals: `StarkKeyNotAllowed`; `DepositVaultNotAllowed` (Q3); `DepositBeingCancelled`, since a
    ///   deposit would undo a cancellation (Q7); `ZeroAmount` (Q7); the exchange's; `BalanceIncreased`; while the guardian or the pool
    ///   restricts borrowing (Q5), or the loan is overdue by a whole unit: `DepositOfBorrowedFunds` if less than what is owed is held
    ///   afterwards. Event: `DepositedToExchange`.
    /// @return tokenAmount By how much the balance of the token fell; 0 if another asset was deposited.
    function depositToExchange(uint256 starkKey, uint256 assetType, uint256 vaultId, uint256 quantizedAmount)
        external
        returns (uint256 tokenAmount);

    /// @notice Takes what the exchange holds ready for the key.
    /// @dev By `EXCHANGE_OPERATOR_ROLE`. Refusals: `StarkKeyNotAllowed`; the exchange's; `BalanceDecreased`. Event: `WithdrewFromExchange`.
    /// @return tokenAmount By how much the balance of the token rose; 0 is fine.
    function withdrawFromExchange(uint256 starkKey, uint256 assetType) external returns (uint256 tokenAmount);

    // ---------------------------------------------------------------- payouts (sections 6.4, 8.2)

    /// @notice Pays out the token: what is held beyond everything owed first, what the guardian approved for the rest (Q4).
    /// @dev By `WITHDRAWAL_OPERATOR_ROLE`. Refusals: `RecipientNotAllowed`; `ExceedsWithdrawableBalance` above excess plus approved amount;
    ///   `SafeErc20FailedOperation`. The approved amount falls by what exceeds the excess. Event: `ExternalWithdrewToken`.
    function externalWithdrawToken(address recipient, uint256 amount) external;

    /// @notice Pays out any other token, whatever is owed.
    /// @dev By `WITHDRAWAL_OPERATOR_ROLE`. Refusals: `RecipientNotAllowed`; `BorrowedTokenNotWithdrawable`; `SafeErc20FailedOperation`;
    ///   `BalanceDecreased` if the balance of the borrowed token fell, as with a second address of it. Event: `ExternalWithdrewOtherToken`.
    function externalWithdrawOtherToken(address token, address recipient, uint256 amount) external;

    /// @notice Pays out ether, whatever is owed. Ether arrives only by force. The recipient gets all gas left; it cannot call back.
    /// @dev By `WITHDRAWAL_OPERATOR_ROLE`. Refusals: `RecipientNotAllowed`; what the recipient reverts with, nothing if the ether does not
    ///   suffice. Event: `ExternalWithdrewEther`.
    function externalWithdrawEther(address recipient, uint256 amount) external;

    /// @notice Claims rewards of the clone from the distributor. They stay here until `externalWithdrawOtherToken`.
    /// @dev By `WITHDRAWAL_OPERATOR_ROLE`. Refusals: the distributor's. No event of its own.
    /// @return What the distributor paid.
    function claimRewardsFromMerkleDistributor(uint256 cumulativeAmount, bytes32[] calldata merkleProof)
        external
        returns (uint256);

    // ---------------------------------------------------------------- owner (section 6.5)

    /// @notice Allows a STARK key that is registered to this contract.
    /// @dev By `OWNER_ROLE`. Refusals: the exchange's (`USER_UNREGISTERED`); `StarkKeyNotRegistered`; `StarkKeyAlreadyAllowed`;
    ///   `StarkKeyIsBlocked` (Q9). Event: `UpdatedStarkKey`.
    function allowStarkKey(uint256 starkKey) external;

    /// @notice Disallows a STARK key. Its vaults stay on their list, but count only with it.
    /// @dev By `OWNER_ROLE`. Refusal: `StarkKeyAlreadyDisallowed`. Event: `UpdatedStarkKey`.
    function disallowStarkKey(uint256 starkKey) external;

    /// @notice Puts a vault on the list of those that may be deposited to, from three days later on; until then, and after, guardians can
    ///   take it off. The key need not be allowed yet. Ours (Q3).
    /// @dev By `OWNER_ROLE`. Refusal: `DepositVaultAlreadyAllowed`, also while it waits. Event: `DepositVaultAllowed`.
    function allowDepositVault(uint256 starkKey, uint256 assetType, uint256 vaultId) external;

    /// @notice Takes a vault off the list, at once. Ours (Q3).
    /// @dev By `OWNER_ROLE`. Refusal: `DepositVaultAlreadyDisallowed`. Event: `DepositVaultDisallowed`.
    function disallowDepositVault(uint256 starkKey, uint256 assetType, uint256 vaultId) external;

    /// @notice Allows payouts to `recipient`, at once.
    /// @dev By `OWNER_ROLE`. Refusal: `RecipientAlreadyAllowed`. Event: `UpdatedExternalRecipient`.
    function allowExternalRecipient(address recipient) external;

    /// @notice Ends payouts to `recipient`.
    /// @dev By `OWNER_ROLE`. Refusal: `RecipientAlreadyDisallowed`. Event: `UpdatedExternalRecipient`.
    function disallowExternalRecipient(address recipient) external;

    /// @notice Sets how much of `token` the exchange may take: 0, then `amount`.
    /// @dev By `OWNER_ROLE`. Refusal: `SafeErc20FailedOperation`.
    function setExchangeContractAllowance(address token, uint256 amount) external;

    /// @notice Sets how much of `token` the pool may take: 0, then `amount`. Guardians can repay whatever is set here (Q2).
    /// @dev By `OWNER_ROLE`. Refusal: `SafeErc20FailedOperation`.
    function setStakingContractAllowance(address token, uint256 amount) external;

    /// @notice Requests a withdrawal on layer 2 that the exchange has to serve.
    /// @dev By `OWNER_ROLE`. Refusals: `StarkKeyNotAllowed`; the exchange's. Event: `RequestedForcedWithdrawal`.
    function forcedWithdrawalRequest(uint256 starkKey, uint256 vaultId, uint256 quantizedAmount, bool premiumCost)
        external;

    /// @notice Queues a forced trade, or queues it anew. The words of `args` are those of `IStarkPerpetual.forcedTradeRequest` without
    ///   signature: starkKeyA, starkKeyB, vaultIdA, vaultIdB, collateralAssetId, syntheticAssetId, amountCollateral, amountSynthetic,
    ///   aIsBuyingSynthetic, submissionExpirationTime, nonce, premiumCost; the two flags are true for any word but zero.
    /// @dev By `OWNER_ROLE`. Event: `QueuedForcedTradeRequest` with the hash of the 384 bytes.
    function queueForcedTradeRequest(uint256[12] calldata args) external;

    /// @notice Requests a forced trade that was queued 7 to 14 days ago, both included. Each queueing allows one.
    /// @dev By `OWNER_ROLE`. Refusals: `StarkKeyNotAllowed` for starkKeyA; `ForcedTradeNotQueued`; `ForcedTradeTooEarly`;
    ///   `ForcedTradeTooLate`; the exchange's. Event: `RequestedForcedTrade`.
    function forcedTradeRequest(uint256[12] calldata args, bytes calldata signature) external;

    /// @notice Starts the cancellation of a pending deposit. Until it is reclaimed, nothing can be deposited to that vault (Q7).
    /// @dev By `OWNER_ROLE`. Refusals: `StarkKeyNotAllowed`; `DepositBeingCancelled`, since starting anew would delay a reclaim; the
    ///   exchange's. Event: `DepositCanceled`.
    function depositCancel(uint256 starkKey, uint256 assetType, uint256 vaultId) external;

    /// @notice Takes a cancelled deposit back, from two days after its cancellation on.
    /// @dev By `OWNER_ROLE`. Refusals: `StarkKeyNotAllowed`; the exchange's; `BalanceDecreased`. Event: `DepositReclaimed`.
    function depositReclaim(uint256 starkKey, uint256 assetType, uint256 vaultId) external;

    // ---------------------------------------------------------------- guardians (section 6.6)

    /// @notice Lets `amount` more of the token out, whatever is owed.
    /// @dev By `GUARDIAN_ROLE`. Refusal: `ApprovedAmountOverflow` above 2^128 - 1. Event: `GuardianUpdateApprovedAmountForExternalWithdrawal`.
    /// @return The approved amount.
    function increaseApprovedAmountForExternalWithdrawal(uint256 amount) external returns (uint256);

    /// @notice Takes all approval back.
    /// @dev By `GUARDIAN_ROLE`. Event: `GuardianUpdateApprovedAmountForExternalWithdrawal`.
    /// @return What was approved.
    function resetApprovedAmountForExternalWithdrawal() external returns (uint256);

    /// @notice Forbids, or allows again, to borrow and to deposit borrowed tokens.
    /// @dev By `GUARDIAN_ROLE`. Event, also without a change: `BorrowingRestrictionChanged`.
    function guardianSetBorrowingRestriction(bool isBorrowingRestricted) external;

    /// @notice Pays back at most `amount` of what is borrowed, due or not, from the tokens held.
    /// @dev By `GUARDIAN_ROLE`. If the pool may take less than is paid, it may take exactly that (Q2). Refusals:
    ///   `SafeErc20FailedOperation`; the pool's, `ZeroAmount` for an amount of 0. Event: `RepaidBorrow` with the amount taken; none if nothing
    ///   is borrowed.
    function guardianRepayBorrow(uint256 amount) external;

    /// @notice Pays at most `amount` of the debt from the tokens held.
    /// @dev As `guardianRepayBorrow`. Event: `RepaidDebt`.
    function guardianRepayDebt(uint256 amount) external;

    /// @notice Takes what the exchange holds ready for any key.
    /// @dev By `GUARDIAN_ROLE`. Refusals: the exchange's; `BalanceDecreased`. Event: `WithdrewFromExchange`.
    /// @return tokenAmount By how much the balance of the token rose.
    function guardianWithdrawFromExchange(uint256 starkKey, uint256 assetType) external returns (uint256 tokenAmount);

    /// @notice Requests a forced withdrawal for any key, while there is debt or a loan is overdue by a whole unit.
    /// @dev By `GUARDIAN_ROLE`. Refusals: `NoOverdueDebt`; the exchange's. Event: `RequestedForcedWithdrawal`.
    function guardianForcedWithdrawalRequest(
        uint256 starkKey,
        uint256 vaultId,
        uint256 quantizedAmount,
        bool premiumCost
    ) external;

    /// @notice Requests a forced trade for any key, without queue, while there is debt or a loan is overdue by a whole unit.
    /// @dev By `GUARDIAN_ROLE`. Refusals: `NoOverdueDebt`; the exchange's. Event: `RequestedForcedTrade`.
    function guardianForcedTradeRequest(uint256[12] calldata args, bytes calldata signature) external;

    /// @notice Takes forced trades out of the queue. The owner can queue them again.
    /// @dev By `VETO_GUARDIAN_ROLE`. Event for each hash, queued or not: `GuardianVetoedForcedTradeRequest`.
    function guardianVetoForcedTradeRequests(bytes32[] calldata argsHashes) external;

    /// @notice Starts the cancellation of a pending deposit of any key, or starts it anew.
    /// @dev By `GUARDIAN_ROLE`. Refusals: the exchange's. Event: `DepositCanceled`.
    function guardianDepositCancel(uint256 starkKey, uint256 assetType, uint256 vaultId) external;

    /// @notice Takes a cancelled deposit of any key back.
    /// @dev By `GUARDIAN_ROLE`. Refusals: the exchange's; `BalanceDecreased`. Event: `DepositReclaimed`.
    function guardianDepositReclaim(uint256 starkKey, uint256 assetType, uint256 vaultId) external;

    /// @notice Takes a vault off the list, also while it waits. The owner can put it on again, to wait again. Ours (Q3).
    /// @dev By `GUARDIAN_ROLE` or `VETO_GUARDIAN_ROLE` (the error names the former). Refusal: `DepositVaultAlreadyDisallowed`. Event:
    ///   `DepositVaultDisallowed`.
    function guardianDisallowDepositVault(uint256 starkKey, uint256 assetType, uint256 vaultId) external;

    /// @notice Blocks a key: disallows it, if it is allowed, and the owner cannot allow it until a guardian lifts the block. Ours (Q9).
    /// @dev By `GUARDIAN_ROLE`. Event, also without a change: `StarkKeyBlocked`; after `UpdatedStarkKey` if it was allowed. Lifting a
    ///   block allows nothing by itself.
    function guardianBlockStarkKey(uint256 starkKey, bool isBlocked) external;

    // ---------------------------------------------------------------- getters (section 6.7)

    /// @notice The pool.
    function LIQUIDITY_STAKING() external view returns (address);

    /// @notice The exchange.
    function STARK_PERPETUAL() external view returns (address);

    /// @notice The borrowed token.
    function TOKEN() external view returns (address);

    /// @notice The distributor of rewards.
    function MERKLE_DISTRIBUTOR() external view returns (address);

    /// @notice How long a forced trade waits in the queue: 604,800 seconds.
    function FORCED_TRADE_WAITING_PERIOD() external view returns (uint256);

    /// @notice How long after its wait a forced trade can be requested: 604,800 seconds.
    function FORCED_TRADE_GRACE_PERIOD() external view returns (uint256);

    /// @notice How long a vault waits on the list: 259,200 seconds. Ours (Q3).
    function DEPOSIT_VAULT_WAITING_PERIOD() external view returns (uint256);

    /// @notice The pool's figure: share of the active stake in this epoch.
    function getAllocatedBalanceCurrentEpoch() external view returns (uint256);

    /// @notice The pool's figure: share of the active stake in the next epoch, as things stand.
    function getAllocatedBalanceNextEpoch() external view returns (uint256);

    /// @notice The most that can be borrowed now; 0 while the guardian restricts.
    function getBorrowableAmount() external view returns (uint256);

    /// @notice The pool's figure: borrowed, without debt.
    function getBorrowedBalance() external view returns (uint256);

    /// @notice The pool's figure: debt.
    function getDebtBalance() external view returns (uint256);

    /// @notice Everything owed.
    function getBorrowedAndDebtBalance() external view returns (uint256);

    /// @notice Borrowed token held here.
    function getTokenBalance() external view returns (uint256);

    /// @notice Whether the key is allowed.
    function isStarkKeyAllowed(uint256 starkKey) external view returns (bool);

    /// @notice Whether a guardian has blocked the key. Ours.
    function isStarkKeyBlocked(uint256 starkKey) external view returns (bool);

    /// @notice A vault on the list: since when, or from when on, it may be deposited to, seconds (0 if it is not on the list); and whether a
    ///   cancellation there is under way. Its key is another matter. Ours.
    function getDepositVault(uint256 starkKey, uint256 assetType, uint256 vaultId)
        external
        view
        returns (uint256 allowedFrom, bool isBeingCancelled);

    /// @notice Whether payouts may go to `recipient`.
    function isRecipientAllowed(address recipient) external view returns (bool);

    /// @notice What the guardian has approved for payouts and is not used up.
    function getApprovedAmountForExternalWithdrawal() external view returns (uint256);

    /// @notice Whether the guardian restricts; the pool's own restriction is another flag.
    function isBorrowingRestricted() external view returns (bool);

    /// @notice When the forced trade was queued, seconds; 0 if it was not, or was vetoed or used.
    function getQueuedForcedTradeTimestamp(bytes32 argsHash) external view returns (uint256);

    // ---------------------------------------------------------------- roles (sections 2, 6.8)

    /// @notice Close actions, restriction, approval of payouts, block of keys. Administers itself and the veto guardians.
    function GUARDIAN_ROLE() external view returns (bytes32);

    /// @notice Vetoes forced trades and vaults. Administered by guardians.
    function VETO_GUARDIAN_ROLE() external view returns (bytes32);

    /// @notice Keys, vaults, recipients, allowances, forced actions, cancellations. Administers itself and delegation admins.
    function OWNER_ROLE() external view returns (bytes32);

    /// @notice Administers the three operator roles.
    function DELEGATION_ADMIN_ROLE() external view returns (bytes32);

    /// @notice Borrows and repays.
    function BORROWER_ROLE() external view returns (bytes32);

    /// @notice Deposits to and withdraws from the exchange.
    function EXCHANGE_OPERATOR_ROLE() external view returns (bytes32);

    /// @notice Pays out to allowed recipients; claims rewards.
    function WITHDRAWAL_OPERATOR_ROLE() external view returns (bytes32);

    /// @notice Admin of every role not named here; nobody holds it.
    function DEFAULT_ADMIN_ROLE() external view returns (bytes32);

    /// @notice Whether `account` holds `role`.
    function hasRole(bytes32 role, address account) external view returns (bool);

    /// @notice The role whose holders grant and revoke `role`.
    function getRoleAdmin(bytes32 role) external view returns (bytes32);

    /// @notice Gives `role` to `account`. Nothing happens if it has it.
    /// @dev By the role's admin. Owner and guardian: not to the zero address or this contract (`InvalidRoleHolder`). Event: `RoleGranted`.
    function grantRole(bytes32 role, address account) external;

    /// @notice Takes `role` from `account`. Nothing happens if it does not have it.
    /// @dev By the role's admin. Not from the last owner or guardian (`LastRoleHolder`, Q13). Event: `RoleRevoked`.
    function revokeRole(bytes32 role, address account) external;

    /// @notice Gives up one's own `role`; `account` is the caller, as a confirmation.
    /// @dev `AccessControlBadConfirmation`; `LastRoleHolder`. Event: `RoleRevoked`.
    function renounceRole(bytes32 role, address account) external;

    /// @notice True for ERC-165 (`0x01ffc9a7`) and AccessControl (`0x7965db0b`).
    function supportsInterface(bytes4 interfaceId) external view returns (bool);

    // ---------------------------------------------------------------- events (section 7)

    /// @notice Tokens were borrowed. The pool's event of this name has other fields, as have the next two.
    event Borrowed(uint256 amount, uint256 newBorrowedBalance);

    /// @notice A loan was paid back. `isGuardianAction`, here and below: through a function of the guardian.
    event RepaidBorrow(uint256 amount, uint256 newBorrowedBalance, bool isGuardianAction);

    /// @notice Debt was paid.
    event RepaidDebt(uint256 amount, uint256 newDebtBalance, bool isGuardianAction);

    /// @notice A deposit; `tokenAmount` is what the balance of the token fell by.
    event DepositedToExchange(uint256 starkKey, uint256 starkAssetType, uint256 starkVaultId, uint256 tokenAmount);

    /// @notice A withdrawal; `tokenAmount` is what the balance of the token rose by.
    event WithdrewFromExchange(uint256 starkKey, uint256 starkAssetType, uint256 tokenAmount, bool isGuardianAction);

    /// @notice A forced withdrawal was requested.
    event RequestedForcedWithdrawal(uint256 starkKey, uint256 vaultId, bool isGuardianAction);

    /// @notice A forced trade was requested, of starkKeyA and vaultIdA.
    event RequestedForcedTrade(uint256 starkKey, uint256 vaultId, bool isGuardianAction);

    /// @notice The cancellation of a deposit was started.
    event DepositCanceled(uint256 starkKey, uint256 starkAssetType, uint256 vaultId, bool isGuardianAction);

    /// @notice A cancelled deposit came back; `fundsReclaimed` is what the balance of the token rose by.
    event DepositReclaimed(
        uint256 starkKey, uint256 starkAssetType, uint256 vaultId, uint256 fundsReclaimed, bool isGuardianAction
    );

    /// @notice The token was paid out.
    event ExternalWithdrewToken(address recipient, uint256 amount);

    /// @notice Another token was paid out.
    event ExternalWithdrewOtherToken(address token, address recipient, uint256 amount);

    /// @notice Ether was paid out.
    event ExternalWithdrewEther(address recipient, uint256 amount);

    /// @notice A key was allowed or disallowed.
    event UpdatedStarkKey(uint256 starkKey, bool isAllowed);

    /// @notice A guardian blocked a key, or lifted the block. Ours.
    event StarkKeyBlocked(uint256 starkKey, bool isBlocked);

    /// @notice A vault was put on the list; it counts from `allowedFrom` on, seconds. Ours.
    event DepositVaultAllowed(uint256 starkKey, uint256 starkAssetType, uint256 starkVaultId, uint256 allowedFrom);

    /// @notice A vault was taken off the list. Ours.
    event DepositVaultDisallowed(
        uint256 starkKey, uint256 starkAssetType, uint256 starkVaultId, bool isGuardianAction
    );

    /// @notice A recipient was allowed or disallowed.
    event UpdatedExternalRecipient(address recipient, bool isAllowed);

    /// @notice A forced trade was queued.
    event QueuedForcedTradeRequest(uint256[12] args, bytes32 argsHash);

    /// @notice The guardian's restriction was set.
    event BorrowingRestrictionChanged(bool isBorrowingRestricted);

    /// @notice A forced trade was vetoed.
    event GuardianVetoedForcedTradeRequest(bytes32 argsHash);

    /// @notice The amount approved for payouts is now `amount`, by the guardian's doing.
    event GuardianUpdateApprovedAmountForExternalWithdrawal(uint256 amount);

    /// @notice `account` got `role`.
    event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);

    /// @notice `account` lost `role`.
    event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);

    /// @notice `role` is administered by another role now.
    event RoleAdminChanged(
        bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole
    );

    // ---------------------------------------------------------------- errors

    /// @notice Only in the init code of a clone.
    error NotConstructing();

    /// @notice A clone is set up once.
    error AlreadyInitialized();

    /// @notice There is no contract at this address.
    error InvalidContract(address account);

    /// @notice The pool lends another token.
    error TokenMismatch(address token, address stakedToken);

    /// @notice `account` does not hold `neededRole`.
    error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);

    /// @notice One renounces only one's own roles.
    error AccessControlBadConfirmation();

    /// @notice Neither the zero address nor this contract can be owner or guardian.
    error InvalidRoleHolder(bytes32 role, address account);

    /// @notice Somebody must stay owner, and somebody guardian.
    error LastRoleHolder(bytes32 role, address account);

    /// @notice The guardian forbids to borrow.
    error BorrowingRestrictedByGuardian();

    /// @notice Only in the last part of an epoch, while the pool's blackout window lasts.
    error NotInBlackoutWindow();

    /// @notice Fewer tokens are held than must be paid back before the next epoch.
    error InsufficientFundsToRepay(uint256 held, uint256 required);

    /// @notice The owner has not allowed the key.
    error StarkKeyNotAllowed(uint256 starkKey);

    /// @notice The exchange knows `ethKey`, not this contract, as the holder of the key.
    error StarkKeyNotRegistered(uint256 starkKey, address ethKey);

    /// @notice The key is allowed.
    error StarkKeyAlreadyAllowed(uint256 starkKey);

    /// @notice The key is not allowed.
    error StarkKeyAlreadyDisallowed(uint256 starkKey);

    /// @notice A guardian blocks the key.
    error StarkKeyIsBlocked(uint256 starkKey);

    /// @notice The vault counts from `allowedFrom` on, seconds; 0: it is not on the list.
    error DepositVaultNotAllowed(uint256 starkKey, uint256 assetType, uint256 vaultId, uint256 allowedFrom);

    /// @notice The vault is on the list; it counts from `allowedFrom` on, seconds.
    error DepositVaultAlreadyAllowed(uint256 starkKey, uint256 assetType, uint256 vaultId, uint256 allowedFrom);

    /// @notice The vault is not on the list.
    error DepositVaultAlreadyDisallowed(uint256 starkKey, uint256 assetType, uint256 vaultId);

    /// @notice A deposit to the vault is being cancelled; it must be reclaimed first.
    error DepositBeingCancelled(uint256 starkKey, uint256 assetType, uint256 vaultId);

    /// @notice Nothing is no deposit.
    error ZeroAmount();

    /// @notice While borrowing is restricted, or a loan is overdue, what is owed must stay here.
    error DepositOfBorrowedFunds(uint256 held, uint256 owed);

    /// @notice The balance of the token fell where it must not.
    error BalanceDecreased(uint256 balanceBefore, uint256 balanceAfter);

    /// @notice The balance of the token rose where it must not.
    error BalanceIncreased(uint256 balanceBefore, uint256 balanceAfter);

    /// @notice Payouts of the recipient are not allowed by the owner.
    error RecipientNotAllowed(address recipient);

    /// @notice The recipient is allowed.
    error RecipientAlreadyAllowed(address recipient);

    /// @notice The recipient is not allowed.
    error RecipientAlreadyDisallowed(address recipient);

    /// @notice More was requested than is held beyond everything owed plus what the guardian approved.
    error ExceedsWithdrawableBalance(uint256 requested, uint256 excess, uint256 approved);

    /// @notice The borrowed token has a function of its own.
    error BorrowedTokenNotWithdrawable(address token);

    /// @notice The approved amount would exceed 2^128 - 1.
    error ApprovedAmountOverflow(uint256 approved, uint256 increase);

    /// @notice The forced trade was not queued, or was vetoed, or was requested already.
    error ForcedTradeNotQueued(bytes32 argsHash);

    /// @notice The forced trade waits until `earliest`. Seconds.
    error ForcedTradeTooEarly(uint256 timestamp, uint256 earliest);

    /// @notice The forced trade could be requested up to `latest`. Seconds.
    error ForcedTradeTooLate(uint256 timestamp, uint256 latest);

    /// @notice There is no debt in the pool, and no loan overdue by a whole unit.
    error NoOverdueDebt();

    /// @notice A token refused, returned false, or is none.
    error SafeErc20FailedOperation(address token);

    /// @notice Pool, exchange or distributor answered something that cannot be read.
    error UnreadableAnswer(address account);
}
