// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

import "./IRoles.sol";

/// @title The rewards oracle
/// @notice Reporters who computed the same root, for the same epoch, kept in the same file, publish it once enough of them have said so.
///   The distributor reads it by `read()`; any contract with that function can stand in its place. Spec section 8.
/// @dev Refusals are listed in the order in which they are checked. Each reporter has one report at a time: a different one takes the
///   place of the former, and a reporter that loses the role takes its report along. A reporter joins only if more than half of all
///   must agree then too (`NoMajority`); leaving is always possible.
interface IRewardsOracle is IRoles {
    // ---------------------------------------------------------------- construction

    /// @notice Makes `owner` the owner and the accounts reporters, `quorum` equal reports of whom publish.
    /// @dev By the StylusDeployer (`NotStylusDeployer`). Refusals: `InvalidDistributor` without code; `InvalidOwner`; `DuplicateReporter`;
    ///   `InvalidQuorum` for 0 and for more than there are reporters; `NoMajority`. Events: `RoleGranted`, two `RoleAdminChanged`, `RoleGranted` for each reporter, `QuorumChanged`.
    function stylus_constructor(address distributor, address owner, address[] calldata reporters, uint256 quorum) external;

    // ---------------------------------------------------------------- reports

    /// @notice Reports a root; publishes it with the report that completes the quorum.
    /// @dev By `REPORTER_ROLE` (`AccessControlUnauthorizedAccount`). Refusals: `ZeroRoot`; `CidTooLong`; `WrongEpoch`, if it is not the epoch that the
    ///   distributor's next root must have (`DistributorFailed` if it does not tell); `DuplicateReport`. Events: `RootReported`; then
    ///   `ReportDiffers`, if the last report before was another one for the same epoch; then `OracleRootUpdated`, or `LateReport` if
    ///   this root is published already. While a root waits in the distributor, another for the same epoch can take its place.
    function writeOracleData(bytes32 merkleRoot, uint256 epoch, bytes calldata ipfsCid) external;

    /// @notice What is published; zeros if nothing is.
    function read() external view returns (bytes32 merkleRoot, uint256 epoch, bytes memory ipfsCid);

    /// @notice How many reporters report this now, and how many are needed.
    function getReports(bytes32 merkleRoot, uint256 epoch, bytes calldata ipfsCid)
        external
        view
        returns (uint256 reports, uint256 quorum);

    /// @notice Hash of what a reporter reported last: `keccak256(merkleRoot ++ epoch ++ ipfsCid)`; zero if nothing.
    function getReport(address reporter) external view returns (bytes32 digest);

    // ---------------------------------------------------------------- configuration

    /// @notice How many equal reports publish from now on.
    /// @dev By an owner. `InvalidQuorum` for 0 and for more than one above the number of reporters: with one above nothing is published until one
    ///   more has joined, which is how a single reporter gets company. `NoMajority` for at most half of the reporters. A quorum that is met already publishes with the next
    ///   equal report, which then may also be one of those who reported it. Event: `QuorumChanged`.
    function setQuorum(uint256 quorum) external;
    function getQuorum() external view returns (uint256);

    /// @notice How many accounts hold the reporter role.
    function getReporterCount() external view returns (uint256);

    /// @notice Says which epoch is next.
    function MERKLE_DISTRIBUTOR() external view returns (address);

    /// @notice Reports roots.
    function REPORTER_ROLE() external view returns (bytes32);

    // ---------------------------------------------------------------- events

    /// @notice A root is published.
    event OracleRootUpdated(bytes32 merkleRoot, uint256 epoch, bytes ipfsCid);
    /// @notice A reporter reported a root; with it, so many reports are equal.
    event RootReported(address indexed reporter, bytes32 indexed merkleRoot, uint256 epoch, bytes ipfsCid, uint256 reports);
    /// @notice A report differs from the one before it for the same epoch, whose digest is `other`.
    event ReportDiffers(address indexed reporter, uint256 indexed epoch, bytes32 digest, bytes32 other);
    /// @notice A report agrees with what is published already.
    event LateReport(address indexed reporter, uint256 indexed epoch, bytes32 digest);
    event QuorumChanged(uint256 quorum, uint256 reporters);

    // ---------------------------------------------------------------- errors

    /// @notice There is no contract at the distributor's address.
    error InvalidDistributor(address distributor);
    /// @notice The distributor does not tell its next epoch.
    error DistributorFailed(address distributor);
    /// @notice A reporter is named twice.
    error DuplicateReporter(address reporter);
    /// @notice No quorum, or one that all reporters together cannot meet.
    error InvalidQuorum(uint256 quorum, uint256 reporters);
    /// @notice Two groups of `quorum` reporters could publish in turns: more than half of them must agree.
    error NoMajority(uint256 quorum, uint256 reporters);
    /// @notice Only the StylusDeployer constructs, which creates and constructs in one transaction: nobody can come in between.
    error NotStylusDeployer(address caller, address deployer);
    /// @notice There are as many reporters as can be counted.
    error TooManyReporters(uint256 maximum);
    /// @notice A root of zero stands for none.
    error ZeroRoot();
    /// @notice The CID is too long, in bytes.
    error CidTooLong(uint256 length, uint256 maximum);
    /// @notice The distributor's next root is for another epoch.
    error WrongEpoch(uint256 epoch, uint256 next);
    /// @notice The reporter has reported the same before.
    error DuplicateReport(address reporter, bytes32 digest);
}
