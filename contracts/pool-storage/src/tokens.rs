use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use openzeppelin_stylus::token::erc20::utils::ISafeErc20;
use stylus_sdk::{call::RawCall, prelude::*};

use crate::{
    HOST, Pool, Revert, abi, revert,
    words::{Emission, Loans},
};

mod token {
    alloy_sol_types::sol! {
        function balanceOf(address account) returns (uint256);
        function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s);
    }
}

/// A signed approval of the staked token (ERC-2612).
#[derive(Clone, Copy, Debug)]
pub struct Permit {
    /// Last second in which it is valid.
    pub deadline: U256,
    /// The signature.
    pub v: u8,
    /// The signature.
    pub r: B256,
    /// The signature.
    pub s: B256,
}

impl Pool {
    /// The token that is staked and lent.
    pub fn staked_token(&self) -> Address {
        Emission::from_word(self.emission.get()).staked_token
    }

    /// Takes `amount` of the staked token from `payer`. Checks what arrived: since the books never look at the balance, a token that
    /// delivers less would leave stake without tokens behind it.
    pub fn pull_stake(&mut self, payer: Address, amount: U256) -> Result<(), Revert> {
        let token = self.staked_token();
        let pool = HOST.contract_address();
        let before = self.token_balance(token)?;
        self.tokens.safe_transfer_from(token, payer, pool, amount)?;
        // A balance that fell received nothing.
        let received = self.token_balance(token)?.checked_sub(before).unwrap_or_default();
        if received != amount {
            return Err(revert(abi::ReceivedAmountMismatch { expected: amount, received }));
        }
        Ok(())
    }

    /// Sends `amount` of the staked token to `recipient`.
    pub fn push_stake(&mut self, recipient: Address, amount: U256) -> Result<(), Revert> {
        let token = self.staked_token();
        Ok(self.tokens.safe_transfer(token, recipient, amount)?)
    }

    /// Approves the pool by the token's own permit. Its failure is ignored: anybody may have used the permit before, and then the
    /// approval stands. The transfer that follows decides.
    pub fn use_permit(&mut self, payer: Address, amount: U256, permit: &Permit) {
        let call = token::permitCall {
            owner: payer,
            spender: HOST.contract_address(),
            value: amount,
            deadline: permit.deadline,
            v: permit.v,
            r: permit.r,
            s: permit.s,
        };
        // SAFETY: the token cannot call back (the host refuses it), so no cached word can go stale.
        let _ = unsafe {
            RawCall::new().skip_return_data().flush_storage_cache().call(self.staked_token(), &call.abi_encode())
        };
    }

    /// Tokens beyond unborrowed stake and repaid debt: sent here without a call, so nobody's.
    pub fn surplus(&self) -> Result<U256, Revert> {
        let booked =
            U256::from(self.unborrowed()).saturating_add(U256::from(Loans::from_word(self.loans.get()).debt_available));
        Ok(self.token_balance(self.staked_token())?.saturating_sub(booked))
    }

    fn token_balance(&self, token: Address) -> Result<U256, Revert> {
        let call = token::balanceOfCall { account: HOST.contract_address() };
        // SAFETY: a static call changes nothing, and nothing it could read here is cached.
        let balance = unsafe { RawCall::new_static().limit_return_data(0, 32).call(token, &call.abi_encode()) };
        balance
            .ok()
            .and_then(|word| Some(U256::from_be_bytes::<32>(word.try_into().ok()?)))
            .ok_or_else(|| revert(abi::SafeErc20FailedOperation { token }))
    }
}
