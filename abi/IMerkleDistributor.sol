// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

import "./IRoles.sol";

/// @title The rewards distributor
/// @notice Pays rewards that were computed off the chain. A Merkle tree binds each account to the *cumulative* amount it has earned; the
///   distributor remembers what it paid and pays the difference. A tree named by the oracle is proposed, waits seven days, and becomes
///   active; only the active one is paid from. Times are seconds. Spec: sections 2 to 7.
/// @dev Refusals are listed in the order in which they are checked. A leaf is `keccak256(account ++ cumulativeAmount)` (52 bytes), an inner
///   node the hash of its two children, the smaller one first. A call back into the distributor while it calls a token or an oracle,
///   call data that is not exactly the encoding of the arguments, ether, and unknown selectors revert with empty data.
interface IMerkleDistributor is IRoles {
    /// @notice A claim of one account.
    struct Claim {
        address account;
        uint256 cumulativeAmount;
        bytes32[] merkleProof;
    }

    // ---------------------------------------------------------------- construction

    /// @notice Stores what never changes, makes `owner` the owner, sets the configuration. There is no moment in which a stranger could.
    /// @dev By the StylusDeployer (`NotStylusDeployer`). Refusals: `InvalidToken` without code; `InvalidTreasury` for the zero address and the distributor; `InvalidOwner`;
    ///   `InvalidOracle` for an oracle without code that is not zero; then those of the setters in the order of the events.
    ///   Events: `RoleGranted`, five `RoleAdminChanged`, `RewardsOracleChanged`, `IpnsNameUpdated`, `IpfsUpdatePeriodUpdated`,
    ///   `RewardsParametersUpdated`, `EpochScheduleUpdated`. The interval comes before the offset.
    function stylus_constructor(
        address rewardsToken,
        address rewardsTreasury,
        address owner,
        address rewardsOracle,
        string calldata ipnsName,
        uint256 ipfsUpdatePeriod,
        uint256 marketMakerRewardsAmount,
        uint256 traderRewardsAmount,
        uint256 traderScoreAlpha,
        uint256 epochInterval,
        uint256 epochOffset
    ) external;

    // ---------------------------------------------------------------- claims

    /// @notice Pays the caller what `cumulativeAmount` exceeds the amount paid to it before. Possibly nothing, which no event reports.
    /// @dev Refusals: `InvalidMerkleProof`; `CumulativeAmountDecreased`; `SafeErc20FailedOperation`. Event: `RewardsClaimed`. Pausing
    ///   does not matter here.
    /// @return amount What was paid.
    function claimRewards(uint256 cumulativeAmount, bytes32[] calldata merkleProof) external returns (uint256 amount);

    /// @notice The same for `user`, who is paid whoever calls.
    /// @dev By a holder of `CLAIM_OPERATOR_ROLE`, or by anybody if `user` allows it: `ClaimNotAllowed`, before the proof is looked at.
    ///   A user needs `claimRewards` for itself.
    function claimRewardsFor(address user, uint256 cumulativeAmount, bytes32[] calldata merkleProof)
        external
        returns (uint256 amount);

    /// @notice Claims for many accounts, each of which is paid itself. What is refused does not stop the others, unless `allOrNothing`. Ours.
    /// @dev For each entry the refusals of `claimRewardsFor`, but the caller may claim for itself. An entry that is refused is reported by
    ///   `ClaimRefused` and pays 0. A token that neither reverts nor answers true stops everything: nobody knows what it did.
    /// @return amounts What was paid for each entry.
    function claimMany(Claim[] calldata claims, bool allOrNothing) external returns (uint256[] memory amounts);

    /// @notice What `claimRewards` of `account` would pay now, or with which error it would be refused. Ours.
    /// @return amount What would be paid.
    /// @return refusal Selector of the error; zero if there is none. `SafeErc20FailedOperation` if the treasury holds or allows too little.
    function verifyClaim(address account, uint256 cumulativeAmount, bytes32[] calldata merkleProof)
        external
        view
        returns (uint256 amount, bytes4 refusal);

    /// @notice Lets anybody, or nobody but operators, claim for the caller. Reports also what does not change.
    function setAlwaysAllowClaimsFor(bool allow) external;

    // ---------------------------------------------------------------- root updates

    /// @notice Proposes what the oracle names. The wait of seven days begins, anew if another root waits.
    /// @dev By anybody, paused or not. A root that has waited long enough is not replaced but becomes active first, unless updates are
    ///   paused. Refusals: `InvalidOracle` without code; `OracleFailed`; `MalformedOracleAnswer`; `CidTooLong`; `OracleRootUnset`;
    ///   `RootAlreadyProposed`; `RootWasCancelled`; `UnexpectedOracleEpoch`. Events: `RootUpdated` if one becomes active, `RootProposed`.
    function proposeRoot() external;

    /// @notice Makes the proposed root the active one.
    /// @dev By anybody. Refusals: `UpdatesPaused`; `NoProposedRoot`; `UnexpectedProposedEpoch` if it is active already;
    ///   `WaitingPeriodNotElapsed`; the last second of the wait suffices. Event: `RootUpdated`.
    function updateRoot() external;

    /// @notice The same, if the proposed root is this one. Ours.
    /// @dev Refusals: as above, with `UnexpectedRoot` after `NoProposedRoot`.
    function updateRoot(bytes32 expectedRoot) external;

    /// @notice Gives up the root that waits, if it is this one; the same root, epoch and CID cannot be proposed again next. Ours.
    /// @dev By `PAUSER_ROLE`, paused or not, also after the wait. Refusals: `AccessControlUnauthorizedAccount`; `NoProposedRoot`;
    ///   `UnexpectedRoot`. Event: `RootCancelled`. `setRewardsOracle` lifts the ban.
    function cancelProposedRoot(bytes32 expectedRoot) external;

    /// @notice Whether `updateRoot()` would succeed now.
    function canUpdateRoot() external view returns (bool);

    /// @notice Whether a root waits, or has waited long enough.
    function hasPendingRoot() external view returns (bool);

    /// @notice The epoch that the next root must have: 0, or one more than the active root's.
    function getNextRootEpoch() external view returns (uint256);

    // ---------------------------------------------------------------- pausing

    /// @notice Lets no root become active. Proposals and claims go on, and so does the wait.
    /// @dev By `PAUSER_ROLE`; then `UpdatesPaused`. Event: `RootUpdatesPaused`.
    function pauseRootUpdates() external;

    /// @notice Lets roots become active again.
    /// @dev By `UNPAUSER_ROLE`; then `UpdatesNotPaused`. Event: `RootUpdatesUnpaused`.
    function unpauseRootUpdates() external;

    // ---------------------------------------------------------------- configuration

    /// @notice Takes another oracle; zero for none. A cancelled root may be proposed again by it.
    /// @dev By an owner; `InvalidOracle` for an address without code.
    function setRewardsOracle(address rewardsOracle) external;

    /// @notice Where statistics are published. By an owner; `IpnsNameTooLong` beyond 255 bytes.
    function setIpnsName(string calldata ipnsName) external;

    /// @notice How long after an epoch its statistics are published. By `CONFIG_UPDATER_ROLE`.
    function setIpfsUpdatePeriod(uint256 ipfsUpdatePeriod) external;

    /// @notice Rewards of an epoch and their formula's exponent, for readers.
    /// @dev By `CONFIG_UPDATER_ROLE`. `InvalidTraderScoreAlpha` above 10^18; `RewardsAmountTooHigh` from 2^128 on.
    function setRewardsParameters(
        uint256 marketMakerRewardsAmount,
        uint256 traderRewardsAmount,
        uint256 traderScoreAlpha
    ) external;

    /// @notice Length of an epoch, then start of epoch zero, for readers; at once.
    /// @dev By `CONFIG_UPDATER_ROLE`. `ZeroInterval`; `EpochTooLong` above 366 days; `OffsetTooFar` more than 366 days ahead.
    function setEpochParameters(uint256 interval, uint256 offset) external;

    // ---------------------------------------------------------------- getters

    function getRewardsOracle() external view returns (address);
    function getIpnsName() external view returns (string memory);
    function getIpfsUpdatePeriod() external view returns (uint256);
    function getRewardsParameters()
        external
        view
        returns (uint256 marketMakerRewardsAmount, uint256 traderRewardsAmount, uint256 traderScoreAlpha);
    function getEpochParameters() external view returns (EpochParameters memory);

    /// @notice Number of the current epoch. `EpochZeroNotStarted`.
    function getCurrentEpoch() external view returns (uint256);

    /// @notice Number of the epoch that it was `ipfsUpdatePeriod` seconds ago: statistics of the epochs before it are published.
    /// @dev `IpfsPeriodExceedsTime`; `IpfsEpochZeroNotStarted`.
    function getIpfsEpoch() external view returns (uint256);

    /// @notice The root that is paid from; zeros if there is none.
    function getActiveRoot() external view returns (bytes32 merkleRoot, uint256 epoch, bytes memory ipfsCid);

    /// @notice The root that was proposed last, also when it is active; zeros if there is none or it was cancelled.
    function getProposedRoot() external view returns (bytes32 merkleRoot, uint256 epoch, bytes memory ipfsCid);

    /// @notice The root that was cancelled and cannot be proposed next; zeros if there is none. Ours.
    function getCancelledRoot() external view returns (bytes32 merkleRoot, uint256 epoch, bytes memory ipfsCid);

    /// @notice Until when the last proposal waits or waited.
    function getWaitingPeriodEnd() external view returns (uint256);
    function getAreRootUpdatesPaused() external view returns (bool);

    /// @notice What was paid to an account so far.
    function getClaimed(address user) external view returns (uint256);
    function getAlwaysAllowClaimsFor(address user) external view returns (bool);
    function REWARDS_TOKEN() external view returns (address);

    /// @notice Owns the rewards and has approved the distributor.
    function REWARDS_TREASURY() external view returns (address);

    /// @notice How long a root waits: 7 days.
    function WAITING_PERIOD() external view returns (uint256);

    /// @notice The alpha that stands for 1.
    function TRADER_SCORE_ALPHA_BASE() external view returns (uint256);

    /// @notice Changes schedule, update period and rewards parameters.
    function CONFIG_UPDATER_ROLE() external view returns (bytes32);

    /// @notice Pauses root updates and cancels roots that wait.
    function PAUSER_ROLE() external view returns (bytes32);

    /// @notice Ends a pause.
    function UNPAUSER_ROLE() external view returns (bytes32);

    /// @notice Claims for users, to themselves only.
    function CLAIM_OPERATOR_ROLE() external view returns (bytes32);

    // ---------------------------------------------------------------- events

    struct EpochParameters {
        uint128 interval;
        uint128 offset;
    }

    event RewardsClaimed(address account, uint256 amount);
    event AlwaysAllowClaimForUpdated(address user, bool allow);
    /// @notice An entry of `claimMany` was refused, with this error. Ours.
    event ClaimRefused(address account, bytes4 refusal);
    event RootProposed(bytes32 merkleRoot, uint256 epoch, bytes ipfsCid, uint256 waitingPeriodEnd);
    event RootUpdated(bytes32 merkleRoot, uint256 epoch, bytes ipfsCid);
    /// @notice A root that waited was given up. Ours.
    event RootCancelled(bytes32 merkleRoot, uint256 epoch, bytes ipfsCid);
    event RootUpdatesPaused();
    event RootUpdatesUnpaused();
    event RewardsOracleChanged(address rewardsOracle);
    event IpnsNameUpdated(string ipnsName);
    event IpfsUpdatePeriodUpdated(uint256 ipfsUpdatePeriod);
    event RewardsParametersUpdated(
        uint256 marketMakerRewardsAmount,
        uint256 traderRewardsAmount,
        uint256 traderScoreAlpha
    );
    event EpochScheduleUpdated(EpochParameters epochParameters);

    // ---------------------------------------------------------------- errors

    /// @notice There is no token at this address.
    error InvalidToken(address token);

    /// @notice Only the StylusDeployer constructs, which creates and constructs in one transaction: nobody can come in between.
    error NotStylusDeployer(address caller, address deployer);
    /// @notice Nobody can hold the rewards there.
    error InvalidTreasury(address treasury);
    /// @notice The proof leads to another root than the active one; also if there is none.
    error InvalidMerkleProof(bytes32 proven, bytes32 active);
    /// @notice The tree credits the account with less than it was paid before.
    error CumulativeAmountDecreased(uint256 cumulativeAmount, uint256 claimed);
    /// @notice The account has not allowed others to claim for it, and the caller is no claim operator.
    error ClaimNotAllowed(address caller, address account);
    /// @notice The rewards token did not move what the treasury owes: it holds or allows too little, or the token refuses.
    error SafeErc20FailedOperation(address token);
    /// @notice There is no contract at the oracle's address.
    error InvalidOracle(address oracle);
    /// @notice The oracle reverted.
    error OracleFailed(address oracle);
    /// @notice What the oracle answered is not the encoding of a root, an epoch and a CID.
    error MalformedOracleAnswer(address oracle);
    /// @notice The CID is too long, in bytes.
    error CidTooLong(uint256 length, uint256 maximum);
    /// @notice The oracle knows no root.
    error OracleRootUnset();
    /// @notice What the oracle knows is what was proposed last.
    error RootAlreadyProposed(bytes32 merkleRoot, uint256 epoch);
    /// @notice What the oracle knows was cancelled.
    error RootWasCancelled(bytes32 merkleRoot, uint256 epoch);
    /// @notice The oracle's root is not for the next epoch.
    error UnexpectedOracleEpoch(uint256 epoch, uint256 next);
    /// @notice Root updates are paused.
    error UpdatesPaused();
    /// @notice Root updates are not paused.
    error UpdatesNotPaused();
    /// @notice No root is proposed, or it was cancelled.
    error NoProposedRoot();
    /// @notice The proposed root is not for the next epoch: it is active already.
    error UnexpectedProposedEpoch(uint256 epoch, uint256 next);
    /// @notice Another root is proposed.
    error UnexpectedRoot(bytes32 expected, bytes32 proposed);
    /// @notice The proposed root still waits.
    error WaitingPeriodNotElapsed(uint256 timestamp, uint256 waitingPeriodEnd);
    /// @notice Alpha is above 1.
    error InvalidTraderScoreAlpha(uint256 traderScoreAlpha, uint256 maximum);
    /// @notice Rewards of an epoch do not fit into 128 bits.
    error RewardsAmountTooHigh(uint256 amount, uint256 maximum);
    /// @notice The name is too long, in bytes.
    error IpnsNameTooLong(uint256 length, uint256 maximum);
    /// @notice Epochs have no length.
    error ZeroInterval();
    /// @notice Epochs are too long.
    error EpochTooLong(uint256 interval, uint256 maximum);
    /// @notice Epoch zero starts too late.
    error OffsetTooFar(uint256 offset, uint256 maximum);
    /// @notice Epoch zero has not started.
    error EpochZeroNotStarted(uint256 timestamp, uint256 start);
    /// @notice Epoch zero had not started an update period ago.
    error IpfsEpochZeroNotStarted(uint256 timestamp, uint256 start);
    /// @notice The update period is longer than time is old.
    error IpfsPeriodExceedsTime(uint256 period, uint256 timestamp);
}
