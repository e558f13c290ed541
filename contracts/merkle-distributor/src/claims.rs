//! Who is paid how much.

use alloc::vec::Vec;

use ::host::{
    HOST, Revert,
    calls::{self, TransferFailure},
    emit, keccak, revert,
};
use alloy_primitives::{Address, B256, FixedBytes, U256};
use distribution::{claimable, merkle};
use stylus_sdk::prelude::*;

use crate::{CLAIM_OPERATOR, abi, storage::Words};

/// `IMerkleDistributor.Claim`: account, cumulative amount, proof.
pub(crate) type Claim = (Address, U256, Vec<B256>);

/// Why a claim of several was refused.
struct Refused {
    error: Revert,
    /// Whether tokens may have moved all the same.
    in_doubt: bool,
}

impl From<Revert> for Refused {
    fn from(error: Revert) -> Self {
        Self { error, in_doubt: false }
    }
}

impl Words {
    /// Whether `caller` may claim for `account`.
    pub(crate) fn check_claimant(&self, caller: Address, account: Address) -> Result<(), Revert> {
        let may = self.roles.has(CLAIM_OPERATOR.id(), caller) || !self.open.get(account).is_zero();
        if may { Ok(()) } else { Err(revert(abi::ClaimNotAllowed { caller, account })) }
    }

    /// Pays an account what its leaf of the active tree exceeds what it was paid before.
    pub(crate) fn claim(&mut self, account: Address, cumulative: U256, proof: &[B256]) -> Result<U256, Revert> {
        self.try_claim(account, cumulative, proof).map_err(|refused| refused.error)
    }

    /// Claims for each; what is refused pays nothing.
    pub(crate) fn claim_many(&mut self, claims: Vec<Claim>, all_or_nothing: bool) -> Result<Vec<U256>, Revert> {
        let caller = HOST.msg_sender();
        let mut amounts = Vec::with_capacity(claims.len());
        for (account, cumulative, proof) in claims {
            let paid = self.claim_for(caller, account, cumulative, &proof);
            let amount = match paid {
                Ok(amount) => amount,
                Err(refused) if all_or_nothing || refused.in_doubt => return Err(refused.error),
                Err(refused) => {
                    emit(&abi::ClaimRefused { account, refusal: refused.error.selector() });
                    U256::ZERO
                }
            };
            amounts.push(amount);
        }
        Ok(amounts)
    }

    /// What a claim would pay, or the error that would refuse it.
    pub(crate) fn preview(&self, account: Address, cumulative: U256, proof: &[B256]) -> (U256, FixedBytes<4>) {
        match self.outstanding(account, cumulative, proof).and_then(|amount| self.check_funds(amount)) {
            Ok(amount) => (amount, FixedBytes::ZERO),
            Err(error) => (U256::ZERO, error.selector()),
        }
    }

    fn claim_for(
        &mut self,
        caller: Address,
        account: Address,
        cumulative: U256,
        proof: &[B256],
    ) -> Result<U256, Refused> {
        if account != caller {
            self.check_claimant(caller, account)?;
        }
        self.try_claim(account, cumulative, proof)
    }

    fn try_claim(&mut self, account: Address, cumulative: U256, proof: &[B256]) -> Result<U256, Refused> {
        let amount = self.outstanding(account, cumulative, proof)?;
        if amount.is_zero() {
            return Ok(amount);
        }
        // Before the token is called, though the host lets nobody back in.
        self.claimed.insert(account, cumulative);
        let token = self.rewards_token.address();
        if let Err(failure) = calls::transfer_from(token, self.rewards_treasury.address(), account, amount) {
            #[expect(clippy::arithmetic_side_effects, reason = "what is outstanding is the difference of the two")]
            self.claimed.insert(account, cumulative - amount);
            let error = revert(abi::SafeErc20FailedOperation { token });
            return Err(Refused { error, in_doubt: failure == TransferFailure::Refused });
        }
        emit(&abi::RewardsClaimed { account, amount });
        Ok(amount)
    }

    fn outstanding(&self, account: Address, cumulative: U256, proof: &[B256]) -> Result<U256, Revert> {
        let active = self.active_root();
        let proven = merkle::root(merkle::leaf(account, cumulative, keccak), proof, keccak);
        if active.is_zero() || proven != active {
            return Err(revert(abi::InvalidMerkleProof { proven, active }));
        }
        let claimed = self.claimed.get(account);
        claimable(cumulative, claimed)
            .ok_or_else(|| revert(abi::CumulativeAmountDecreased { cumulativeAmount: cumulative, claimed }))
    }

    fn check_funds(&self, amount: U256) -> Result<U256, Revert> {
        let (token, treasury) = (self.rewards_token.address(), self.rewards_treasury.address());
        let enough = |funds: Option<U256>| funds.is_some_and(|funds| funds >= amount);
        let pays = amount.is_zero()
            || (enough(calls::balance_of(token, treasury))
                && enough(calls::allowance(token, treasury, HOST.contract_address())));
        if pays { Ok(amount) } else { Err(revert(abi::SafeErc20FailedOperation { token })) }
    }
}
