//! Claims every kind of rewards in one call. What each function does, refuses and reports stands in `abi/IClaimsProxy.sol`.
//!
//! Slots 0 to 3: safety module, liquidity staking, distributor, vester; an address each.

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
    alloy_sol_types::sol!("../../abi/IClaimsProxy.sol");

    pub use IClaimsProxy::*;
}

mod modules {
    alloy_sol_types::sol! {
        interface Staking {
            function claimRewardsFor(address staker, address recipient) returns (uint256);
        }
        interface Distributor {
            function claimRewardsFor(address user, uint256 cumulativeAmount, bytes32[] merkleProof) returns (uint256);
        }
        interface Vester {
            function claim();
        }
    }
}

/// The four modules; they never change.
#[derive(Debug, Default)]
struct Words {
    safety_module: Word<0>,
    liquidity_staking: Word<1>,
    merkle_distributor: Word<2>,
    vester: Word<3>,
}

/// The program: its words and nothing else.
#[storage]
pub struct ClaimsProxy {
    words: Fields<Words>,
}

::host::program!(ClaimsProxy);

#[public]
impl ClaimsProxy {
    #[constructor]
    fn constructor(
        &mut self,
        safety_module: Address,
        liquidity_staking: Address,
        merkle_distributor: Address,
        rewards_treasury_vester: Address,
    ) -> Result<(), Revert> {
        only_deployer()?;
        for module in [liquidity_staking, merkle_distributor] {
            check_code(module)?;
        }
        for module in [safety_module, rewards_treasury_vester] {
            if !module.is_zero() {
                check_code(module)?;
            }
        }
        self.words.safety_module.set_address(safety_module);
        self.words.liquidity_staking.set_address(liquidity_staking);
        self.words.merkle_distributor.set_address(merkle_distributor);
        self.words.vester.set_address(rewards_treasury_vester);
        Ok(())
    }

    fn claim_rewards(
        &mut self,
        claim_safety_rewards: bool,
        claim_liquidity_rewards: bool,
        merkle_cumulative_amount: U256,
        merkle_proof: Vec<B256>,
        vest_from_treasury_vester: bool,
    ) -> Result<U256, Revert> {
        let user = HOST.msg_sender();
        if vest_from_treasury_vester {
            let vester = self.words.vester.address();
            check_code(vester)?;
            calls::number(vester, &modules::Vester::claimCall {}.abi_encode())?;
        }
        let staking = modules::Staking::claimRewardsForCall { staker: user, recipient: user }.abi_encode();
        let mut total = U256::ZERO;
        if claim_safety_rewards {
            total = add(total, claim(self.words.safety_module.address(), &staking)?)?;
        }
        if claim_liquidity_rewards {
            total = add(total, claim(self.words.liquidity_staking.address(), &staking)?)?;
        }
        if !merkle_cumulative_amount.is_zero() {
            let call = modules::Distributor::claimRewardsForCall {
                user,
                cumulativeAmount: merkle_cumulative_amount,
                merkleProof: merkle_proof,
            };
            total = add(total, claim(self.words.merkle_distributor.address(), &call.abi_encode())?)?;
        }
        Ok(total)
    }

    #[selector(name = "SAFETY_MODULE")]
    fn safety_module(&self) -> Address {
        self.words.safety_module.address()
    }

    #[selector(name = "LIQUIDITY_STAKING")]
    fn liquidity_staking(&self) -> Address {
        self.words.liquidity_staking.address()
    }

    #[selector(name = "MERKLE_DISTRIBUTOR")]
    fn merkle_distributor(&self) -> Address {
        self.words.merkle_distributor.address()
    }

    #[selector(name = "REWARDS_TREASURY_VESTER")]
    fn rewards_treasury_vester(&self) -> Address {
        self.words.vester.address()
    }
}

fn check_code(module: Address) -> Result<(), Revert> {
    if calls::has_code(module) { Ok(()) } else { Err(revert(abi::InvalidModule { module })) }
}

fn claim(module: Address, call: &[u8]) -> Result<U256, Revert> {
    check_code(module)?;
    calls::number(module, call)?.ok_or_else(|| revert(abi::InvalidModuleAnswer { module }))
}

fn add(total: U256, added: U256) -> Result<U256, Revert> {
    total.checked_add(added).ok_or_else(|| revert(abi::TotalOverflow { total, added }))
}
