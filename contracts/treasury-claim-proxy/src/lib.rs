//! Claims for the community treasury. What each function does, refuses and reports stands in `abi/ITreasuryClaimProxy.sol`.
//!
//! Slots 0 to 2: distributor, community treasury, rewards token; an address each.

#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(missing_docs, reason = "what `program!` generates is public")]

extern crate alloc;

use alloc::{vec, vec::Vec};

use ::host::{Fields, HOST, Revert, calls, only_deployer, revert, slots::Word};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use stylus_sdk::prelude::*;

/// Errors, read from the interface file.
#[allow(missing_docs, unreachable_pub, reason = "generated from documented Solidity")]
mod abi {
    alloy_sol_types::sol!("../../abi/ITreasuryClaimProxy.sol");

    pub use ITreasuryClaimProxy::*;
}

mod distributor {
    alloy_sol_types::sol! {
        function claimRewards(uint256 cumulativeAmount, bytes32[] merkleProof) returns (uint256);
    }
}

/// The three parties; they never change.
#[derive(Debug, Default)]
struct Words {
    merkle_distributor: Word<0>,
    community_treasury: Word<1>,
    rewards_token: Word<2>,
}

/// The program: its words and nothing else.
#[storage]
pub struct TreasuryClaimProxy {
    words: Fields<Words>,
}

::host::program!(TreasuryClaimProxy);

#[public]
impl TreasuryClaimProxy {
    #[constructor]
    fn constructor(
        &mut self,
        merkle_distributor: Address,
        community_treasury: Address,
        rewards_token: Address,
    ) -> Result<(), Revert> {
        only_deployer()?;
        for module in [merkle_distributor, rewards_token] {
            if !calls::has_code(module) {
                return Err(revert(abi::InvalidModule { module }));
            }
        }
        if community_treasury.is_zero() || community_treasury == HOST.contract_address() {
            return Err(revert(abi::InvalidTreasury { treasury: community_treasury }));
        }
        self.words.merkle_distributor.set_address(merkle_distributor);
        self.words.community_treasury.set_address(community_treasury);
        self.words.rewards_token.set_address(rewards_token);
        Ok(())
    }

    fn claim_rewards(&mut self, cumulative_amount: U256, proof: Vec<B256>) -> Result<U256, Revert> {
        let module = self.words.merkle_distributor.address();
        let call = distributor::claimRewardsCall { cumulativeAmount: cumulative_amount, merkleProof: proof };
        calls::number(module, &call.abi_encode())?.ok_or_else(|| revert(abi::InvalidModuleAnswer { module }))?;
        self.forward()
    }

    fn forward(&mut self) -> Result<U256, Revert> {
        let token = self.words.rewards_token.address();
        let failed = || revert(abi::SafeErc20FailedOperation { token });
        let amount = calls::balance_of(token, HOST.contract_address()).ok_or_else(failed)?;
        if !amount.is_zero() {
            calls::transfer(token, self.words.community_treasury.address(), amount).map_err(|_| failed())?;
        }
        Ok(amount)
    }

    #[selector(name = "MERKLE_DISTRIBUTOR")]
    fn merkle_distributor(&self) -> Address {
        self.words.merkle_distributor.address()
    }

    #[selector(name = "COMMUNITY_TREASURY")]
    fn community_treasury(&self) -> Address {
        self.words.community_treasury.address()
    }

    #[selector(name = "REWARDS_TOKEN")]
    fn rewards_token(&self) -> Address {
        self.words.rewards_token.address()
    }
}
