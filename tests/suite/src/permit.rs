//! EIP-2612 permits, signed as a wallet would.

use alloy_primitives::{Address, B256, U256, uint};
use alloy_sol_types::{SolStruct, eip712_domain, sol};

use crate::{
    abi::{IStakedToken, IStaking, IToken},
    pool::Pool,
};

/// Order of the curve secp256k1.
const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

sol! {
    /// What is signed (EIP-2612).
    #[derive(Debug)]
    struct Permit {
        address owner;
        address spender;
        uint256 value;
        uint256 nonce;
        uint256 deadline;
    }
}

/// A permit and its signature.
#[derive(Clone, Copy, Debug)]
pub struct SignedPermit {
    owner: Address,
    spender: Address,
    value: U256,
    deadline: U256,
    v: u8,
    r: B256,
    s: B256,
}

impl Pool {
    /// Signs a permit over the staked balance, or over the staked token, as whichever `contract` is.
    ///
    /// # Panics
    ///
    /// If the contract has no permits.
    pub fn sign_permit(
        &self,
        contract: Address,
        owner: &str,
        spender: &str,
        value: U256,
        deadline: U256,
    ) -> SignedPermit {
        self.sign_permit_to(contract, owner, self.who(spender), value, deadline)
    }

    /// Signs a permit that lets the pool take staked tokens.
    ///
    /// # Panics
    ///
    /// If the token has no permits.
    pub fn sign_permit_for_pool(&self, owner: &str, value: U256, deadline: U256) -> SignedPermit {
        self.sign_permit_to(self.token(), owner, self.address(), value, deadline)
    }

    fn sign_permit_to(
        &self,
        contract: Address,
        owner: &str,
        spender: Address,
        value: U256,
        deadline: U256,
    ) -> SignedPermit {
        let account = chain::Account::named(owner);
        let owner = account.address();
        let view = "contracts with permits tell nonces, names and domains";
        let nonce = self.chain.view(contract, IStakedToken::noncesCall { owner }).expect(view);
        let name = self.chain.view(contract, IStakedToken::nameCall {}).expect(view);
        let domain = eip712_domain! {
            name: name,
            version: "1",
            chain_id: self.chain.chain_id(),
            verifying_contract: contract,
        };
        let separator = self.chain.view(contract, IStakedToken::DOMAIN_SEPARATORCall {}).expect(view);
        assert_eq!(separator, domain.separator(), "the contract's domain is that of EIP-712");
        let hash = Permit { owner, spender, value, nonce, deadline }.eip712_signing_hash(&domain);
        let signature = account.sign(hash);
        SignedPermit {
            owner,
            spender,
            value,
            deadline,
            v: 27 + u8::from(signature.v()),
            r: signature.r().into(),
            s: signature.s().into(),
        }
    }
}

impl SignedPermit {
    /// The same signature in its other form, with the other half of the curve's order.
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self { v: 27 + 28 - self.v, s: (ORDER - U256::from_be_bytes(self.s.0)).into(), ..self }
    }

    /// `permit` of the pool's staked balance.
    pub fn for_staked_balance(self) -> IStakedToken::permitCall {
        let Self { owner, spender, value, deadline, v, r, s } = self;
        IStakedToken::permitCall { owner, spender, value, deadline, v, r, s }
    }

    /// `permit` of the staked token.
    pub fn for_token(self) -> IToken::permitCall {
        let Self { owner, spender, value, deadline, v, r, s } = self;
        IToken::permitCall { owner, spender, value, deadline, v, r, s }
    }

    /// `stakeWithPermit` of the pool.
    pub fn stake_with_permit(self, amount: U256) -> IStaking::stakeWithPermitCall {
        let Self { deadline, v, r, s, .. } = self;
        IStaking::stakeWithPermitCall { amount, deadline, v, r, s }
    }

    /// `stakeForWithPermit` of the pool.
    pub fn stake_for_with_permit(self, staker: Address, amount: U256) -> IStaking::stakeForWithPermitCall {
        let Self { deadline, v, r, s, .. } = self;
        IStaking::stakeForWithPermitCall { staker, amount, deadline, v, r, s }
    }
}
