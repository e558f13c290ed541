// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.23;

/// @title Which facet answers which call (ERC-2535, ERC-165), and the pool's construction
/// @dev Refusals are listed in the order in which they are checked; see `IPoolErrors`.
interface IDiamondCut {
    /// @notice What happens to the selectors of a cut: 0 add, 1 replace, 2 remove.
    struct FacetCut {
        address facetAddress;
        uint8 action;
        bytes4[] functionSelectors;
    }

    /// @notice A facet and what it answers.
    struct Facet {
        address facetAddress;
        bytes4[] functionSelectors;
    }

    /// @notice What a pool is made of; none of it ever changes, but for owner and schedule. `name` and `symbol` are those of the stake as a
    ///   token, 1 to 31 printable ASCII characters each.
    struct Construction {
        address stakedToken;
        address rewardsToken;
        address rewardsTreasury;
        uint256 distributionStart;
        uint256 distributionEnd;
        address owner;
        uint256 interval;
        uint256 offset;
        uint256 blackoutWindow;
        string name;
        string symbol;
    }

    /// @notice Routing changed.
    event DiamondCut(FacetCut[] _diamondCut, address _init, bytes _calldata);

    /// @notice Constructs the pool: stores what never changes, cuts the facets, initialises. Called by the router's constructor and by
    ///   nothing else: it is not routed.
    /// @dev Refusals: `NotConstructing`; `AlreadyInitialized`; `InvalidToken`; `InvalidTreasury`; `InvalidOwner`; `InvalidDistribution`;
    ///   `DistributionEndOverflow`; `InvalidTextLength`, `UnprintableText` for name, then symbol; `MissingDecimals`; `TooManyDecimals` above 18;
    ///   those of a cut; `UnknownSelector` if no facet has `initialize`; those of `initialize`; `RequiredSelectorUnrouted`;
    ///   `FacetDoesNotCut`.
    function construct(Construction calldata construction, FacetCut[] calldata cuts) external;

    /// @notice Adds, replaces and removes selectors, then delegates `_calldata` to `_init` unless that is zero.
    /// @dev By an owner. Refusals per cut: `InvalidCutAction`; `NoSelectors`; `InvalidFacet` (no code, or the pool itself),
    ///   `RemovedFacetNotZero` for a removal; per selector: `DuplicateSelector` (added though routed, or replaced by the same facet),
    ///   `UnknownSelector` (replaced or removed though not routed), `CannotRemoveDiamondCut`. Then `InvalidInitializer`, or what
    ///   `_init` reverts with. After all that: `RequiredSelectorUnrouted` if `diamondCut` or `markDebt` is not routed any more,
    ///   `FacetDoesNotCut` if the facet that answers `diamondCut` does not say at its own address that it does. Event: `DiamondCut`.
    function diamondCut(FacetCut[] calldata _diamondCut, address _init, bytes calldata _calldata) external;

    /// @notice All facets and what they answer.
    function facets() external view returns (Facet[] memory);

    /// @notice What `_facet` answers.
    function facetFunctionSelectors(address _facet) external view returns (bytes4[] memory);

    /// @notice All facets.
    function facetAddresses() external view returns (address[] memory);

    /// @notice The facet that answers `_functionSelector`, or zero.
    function facetAddress(bytes4 _functionSelector) external view returns (address);

    /// @notice True for ERC-165 (`0x01ffc9a7`), AccessControl (`0x7965db0b`), ERC-2535 cut (`0x1f931c1c`) and loupe (`0x48e2b093`).
    function supportsInterface(bytes4 interfaceId) external view returns (bool);
}
