//! The rewards distributor. What each function does, refuses and reports stands in `abi/IMerkleDistributor.sol`.
//!
//! Claims are in [`claims`], the life of a root in [`roots`], reading the oracle in [`oracle`], and what is remembered in [`mod@storage`].

#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(missing_docs, reason = "what `program!` generates is public")]

extern crate alloc;

mod claims;
mod configuration;
mod oracle;
mod roots;
mod storage;

use alloc::{vec, vec::Vec};

use ::host::{Fields, HOST, Name, Revert, Root, emit, only_deployer, revert};
use alloy_primitives::{Address, B256, FixedBytes, U256, b256};
use claims::Claim;
use distribution::roots::WAITING_PERIOD;
use roles::Role;
use storage::Words;
use stylus_sdk::prelude::*;

/// Events and errors, read from the interface file.
#[allow(missing_docs, unreachable_pub, reason = "generated from documented Solidity")]
mod abi {
    alloy_sol_types::sol!("../../abi/IMerkleDistributor.sol");

    pub use IMerkleDistributor::*;
}

const CONFIG_UPDATER: Role = Role::new(b256!("1ab0187632b3cb5ac848b647a9edd463e705607328ab29602e80fc3fa8001918"));
const PAUSER: Role = Role::new(b256!("65d7a28e3265b37a6474929f336521b332c1681b933f6cb9f3376673440d862a"));
const UNPAUSER: Role = Role::new(b256!("427da25fe773164f88948d3e215c94b6554e2ed5e5f203a821c9f2f6131cf75a"));
const CLAIM_OPERATOR: Role = Role::new(b256!("36dc7495d0ae0bc2a620bf292049e4d4e5f800043895b13c08a1977d3a3297f5"));

/// Every role, in the order in which construction reports its admin.
const ROLES: [Role; 5] = [Role::OWNER, CONFIG_UPDATER, PAUSER, UNPAUSER, CLAIM_OPERATOR];

/// The program: its words and nothing else.
#[storage]
pub struct MerkleDistributor {
    words: Fields<Words>,
}

::host::program!(MerkleDistributor);

#[public]
impl MerkleDistributor {
    #[constructor]
    #[allow(clippy::too_many_arguments, reason = "the specification's, and the owner")]
    fn constructor(
        &mut self,
        rewards_token: Address,
        rewards_treasury: Address,
        owner: Address,
        rewards_oracle: Address,
        ipns_name: Name,
        ipfs_update_period: U256,
        market_maker_rewards_amount: U256,
        trader_rewards_amount: U256,
        trader_score_alpha: U256,
        epoch_interval: U256,
        epoch_offset: U256,
    ) -> Result<(), Revert> {
        only_deployer()?;
        self.words.set_parties(rewards_token, rewards_treasury)?;
        self.words.roles.initialize(owner, &ROLES)?;
        self.words.set_oracle(rewards_oracle)?;
        self.words.set_name(&ipns_name.0)?;
        self.words.set_period(ipfs_update_period);
        self.words.set_parameters(market_maker_rewards_amount, trader_rewards_amount, trader_score_alpha)?;
        self.words.set_schedule(epoch_interval, epoch_offset)
    }

    // ---------------------------------------------------------------- claims

    fn claim_rewards(&mut self, cumulative_amount: U256, merkle_proof: Vec<B256>) -> Result<U256, Revert> {
        self.words.claim(HOST.msg_sender(), cumulative_amount, &merkle_proof)
    }

    fn claim_rewards_for(
        &mut self,
        user: Address,
        cumulative_amount: U256,
        merkle_proof: Vec<B256>,
    ) -> Result<U256, Revert> {
        self.words.check_claimant(HOST.msg_sender(), user)?;
        self.words.claim(user, cumulative_amount, &merkle_proof)
    }

    fn claim_many(&mut self, claims: Vec<Claim>, all_or_nothing: bool) -> Result<Vec<U256>, Revert> {
        self.words.claim_many(claims, all_or_nothing)
    }

    fn verify_claim(
        &self,
        account: Address,
        cumulative_amount: U256,
        merkle_proof: Vec<B256>,
    ) -> (U256, FixedBytes<4>) {
        self.words.preview(account, cumulative_amount, &merkle_proof)
    }

    fn set_always_allow_claims_for(&mut self, allow: bool) {
        let user = HOST.msg_sender();
        self.words.open.insert(user, U256::from(allow));
        emit(&abi::AlwaysAllowClaimForUpdated { user, allow });
    }

    // ---------------------------------------------------------------- root updates

    fn propose_root(&mut self) -> Result<(), Revert> {
        self.words.propose()
    }

    fn update_root(&mut self) -> Result<(), Revert> {
        self.words.update(None)
    }

    #[selector(name = "updateRoot")]
    fn update_expected_root(&mut self, expected_root: B256) -> Result<(), Revert> {
        self.words.update(Some(expected_root))
    }

    fn cancel_proposed_root(&mut self, expected_root: B256) -> Result<(), Revert> {
        self.words.roles.only(PAUSER)?;
        self.words.cancel(expected_root)
    }

    fn can_update_root(&self) -> bool {
        self.words.roots().check_update(roots::now()).is_ok()
    }

    fn has_pending_root(&self) -> bool {
        self.words.roots().is_pending()
    }

    fn get_next_root_epoch(&self) -> U256 {
        U256::from(self.words.roots().next_epoch)
    }

    // ---------------------------------------------------------------- pausing

    fn pause_root_updates(&mut self) -> Result<(), Revert> {
        self.words.roles.only(PAUSER)?;
        let mut roots = self.words.roots();
        if roots.paused {
            return Err(revert(abi::UpdatesPaused {}));
        }
        roots.paused = true;
        self.words.set_roots(roots);
        emit(&abi::RootUpdatesPaused {});
        Ok(())
    }

    fn unpause_root_updates(&mut self) -> Result<(), Revert> {
        self.words.roles.only(UNPAUSER)?;
        let mut roots = self.words.roots();
        if !roots.paused {
            return Err(revert(abi::UpdatesNotPaused {}));
        }
        roots.paused = false;
        self.words.set_roots(roots);
        emit(&abi::RootUpdatesUnpaused {});
        Ok(())
    }

    // ---------------------------------------------------------------- configuration

    fn set_rewards_oracle(&mut self, rewards_oracle: Address) -> Result<(), Revert> {
        self.words.roles.only(Role::OWNER)?;
        self.words.set_oracle(rewards_oracle)
    }

    fn set_ipns_name(&mut self, ipns_name: Name) -> Result<(), Revert> {
        self.words.roles.only(Role::OWNER)?;
        self.words.set_name(&ipns_name.0)
    }

    fn set_ipfs_update_period(&mut self, ipfs_update_period: U256) -> Result<(), Revert> {
        self.words.roles.only(CONFIG_UPDATER)?;
        self.words.set_period(ipfs_update_period);
        Ok(())
    }

    fn set_rewards_parameters(
        &mut self,
        market_maker_rewards_amount: U256,
        trader_rewards_amount: U256,
        trader_score_alpha: U256,
    ) -> Result<(), Revert> {
        self.words.roles.only(CONFIG_UPDATER)?;
        self.words.set_parameters(market_maker_rewards_amount, trader_rewards_amount, trader_score_alpha)
    }

    fn set_epoch_parameters(&mut self, interval: U256, offset: U256) -> Result<(), Revert> {
        self.words.roles.only(CONFIG_UPDATER)?;
        self.words.set_schedule(interval, offset)
    }

    // ---------------------------------------------------------------- getters

    fn get_rewards_oracle(&self) -> Address {
        self.words.roots().oracle
    }

    fn get_ipns_name(&self) -> Name {
        Name(self.words.ipns_name.get())
    }

    fn get_ipfs_update_period(&self) -> U256 {
        self.words.ipfs_update_period.get()
    }

    fn get_rewards_parameters(&self) -> (U256, U256, U256) {
        self.words.parameters()
    }

    fn get_epoch_parameters(&self) -> (u128, u128) {
        let schedule = self.words.schedule();
        (schedule.interval.into(), schedule.offset.into())
    }

    fn get_current_epoch(&self) -> Result<U256, Revert> {
        self.words.current_epoch()
    }

    fn get_ipfs_epoch(&self) -> Result<U256, Revert> {
        self.words.ipfs_epoch()
    }

    fn get_active_root(&self) -> Root {
        self.words.active()
    }

    fn get_proposed_root(&self) -> Root {
        self.words.proposed(self.words.roots().proposed_epoch())
    }

    fn get_cancelled_root(&self) -> Root {
        self.words.proposed(self.words.roots().cancelled_epoch())
    }

    fn get_waiting_period_end(&self) -> U256 {
        U256::from(self.words.roots().waiting_end)
    }

    fn get_are_root_updates_paused(&self) -> bool {
        self.words.roots().paused
    }

    fn get_claimed(&self, user: Address) -> U256 {
        self.words.claimed.get(user)
    }

    fn get_always_allow_claims_for(&self, user: Address) -> bool {
        !self.words.open.get(user).is_zero()
    }

    #[selector(name = "REWARDS_TOKEN")]
    fn rewards_token(&self) -> Address {
        self.words.rewards_token.address()
    }

    #[selector(name = "REWARDS_TREASURY")]
    fn rewards_treasury(&self) -> Address {
        self.words.rewards_treasury.address()
    }

    #[selector(name = "WAITING_PERIOD")]
    fn waiting_period(&self) -> U256 {
        U256::from(WAITING_PERIOD)
    }

    #[selector(name = "TRADER_SCORE_ALPHA_BASE")]
    fn trader_score_alpha_base(&self) -> U256 {
        configuration::ALPHA_BASE
    }

    // ---------------------------------------------------------------- roles

    #[selector(name = "OWNER_ROLE")]
    fn owner_role(&self) -> B256 {
        Role::OWNER.id()
    }

    #[selector(name = "CONFIG_UPDATER_ROLE")]
    fn config_updater_role(&self) -> B256 {
        CONFIG_UPDATER.id()
    }

    #[selector(name = "PAUSER_ROLE")]
    fn pauser_role(&self) -> B256 {
        PAUSER.id()
    }

    #[selector(name = "UNPAUSER_ROLE")]
    fn unpauser_role(&self) -> B256 {
        UNPAUSER.id()
    }

    #[selector(name = "CLAIM_OPERATOR_ROLE")]
    fn claim_operator_role(&self) -> B256 {
        CLAIM_OPERATOR.id()
    }

    #[selector(name = "DEFAULT_ADMIN_ROLE")]
    fn default_admin_role(&self) -> B256 {
        B256::ZERO
    }

    fn has_role(&self, role: B256, account: Address) -> bool {
        self.words.roles.has(role, account)
    }

    fn get_role_admin(&self, role: B256) -> B256 {
        roles::admin(role, &ROLES)
    }

    fn grant_role(&mut self, role: B256, account: Address) -> Result<(), Revert> {
        self.words.roles.grant(roles::admin(role, &ROLES), role, account)?;
        Ok(())
    }

    fn revoke_role(&mut self, role: B256, account: Address) -> Result<(), Revert> {
        self.words.roles.revoke(roles::admin(role, &ROLES), role, account)?;
        Ok(())
    }

    fn renounce_role(&mut self, role: B256, account: Address) -> Result<(), Revert> {
        self.words.roles.renounce(role, account)?;
        Ok(())
    }

    fn propose_owner(&mut self, proposed: Address) -> Result<(), Revert> {
        self.words.roles.propose_owner(proposed)
    }

    fn accept_owner(&mut self, owner: Address) -> Result<(), Revert> {
        self.words.roles.accept_owner(owner)
    }

    fn get_proposed_owner(&self) -> (Address, Address) {
        self.words.roles.proposed_owner()
    }

    fn get_owner_count(&self) -> U256 {
        self.words.roles.owner_count()
    }

    fn supports_interface(&self, interface_id: FixedBytes<4>) -> bool {
        roles::supports_interface(interface_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hash_the_names() {
        let names = ["OWNER_ROLE", "CONFIG_UPDATER_ROLE", "PAUSER_ROLE", "UNPAUSER_ROLE", "CLAIM_OPERATOR_ROLE"];
        assert_eq!(ROLES.map(Role::id), names.map(alloy_primitives::keccak256));
    }
}
