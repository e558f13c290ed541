//! The contracts that rewards go through, as types: see `abi/` for what they do.

#![allow(missing_docs, clippy::too_many_arguments, reason = "generated from documented Solidity")]

use alloy_sol_types::sol;

sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "../abi/IMerkleDistributor.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "../abi/IRewardsOracle.sol"
);
sol!(
    #[sol(extra_derives(Debug, PartialEq, Eq))]
    "../abi/IRoles.sol"
);
sol! {
    interface IToken {
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function symbol() external view returns (string memory);
        function decimals() external view returns (uint8);
    }
}
