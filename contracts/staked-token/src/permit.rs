//! Approval by signature (ERC-2612 over EIP-712).

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, U256, b256, keccak256};
use pool_storage::{HOST, Pool, Revert, abi, revert};
use stylus_sdk::{call::RawCall, prelude::*};

/// Hash of `EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)`.
const DOMAIN_TYPE: B256 = b256!("8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f");

/// Hash of `Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)`.
const PERMIT_TYPE: B256 = b256!("6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9");

/// Hash of `1`.
const VERSION_HASH: B256 = b256!("c89efdaa54c0f20c7adf612882df0950f5a951637e0307cdcb4c672f298b8bc6");

/// Half of the curve's order: above it, the same signature has a second form.
const HIGHEST_S: U256 =
    U256::from_be_bytes(b256!("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0").0);

/// The precompile that recovers signers.
const ECRECOVER: Address = Address::with_last_byte(1);

/// Refuses permits that have run out; the deadline itself is still good.
pub(crate) fn check_deadline(pool: &Pool, deadline: U256) -> Result<(), Revert> {
    if U256::from(pool.now()) > deadline {
        return Err(revert(abi::ERC2612ExpiredSignature { deadline }));
    }
    Ok(())
}

/// What the owner signs; uses up its nonce.
pub(crate) fn digest(pool: &mut Pool, owner: Address, spender: Address, value: U256, deadline: U256) -> B256 {
    let nonce = pool.nonces.get(owner);
    pool.nonces.insert(owner, nonce.saturating_add(U256::ONE)); // One by one, it never gets there.
    let message =
        hash_words(&[PERMIT_TYPE, owner.into_word(), spender.into_word(), value.into(), nonce.into(), deadline.into()]);
    let domain = domain_separator(pool);
    keccak256([&[0x19, 0x01], domain.as_slice(), message.as_slice()].concat())
}

/// Binds permits to this chain and this pool. Computed at each call, since a chain that splits changes its id.
pub(crate) fn domain_separator(pool: &Pool) -> B256 {
    hash_words(&[
        DOMAIN_TYPE,
        keccak256(pool.name.get()),
        VERSION_HASH,
        U256::from(HOST.chain_id()).into(),
        HOST.contract_address().into_word(),
    ])
}

/// Refuses signatures that are not `owner`'s. Not OpenZeppelin's `recover`: it panics where the precompile finds no signer.
pub(crate) fn check_signer(digest: &B256, v: u8, r: B256, s: B256, owner: Address) -> Result<(), Revert> {
    if U256::from_be_bytes(s.0) > HIGHEST_S {
        return Err(revert(abi::ECDSAInvalidSignatureS { s }));
    }
    let call = concat(&[*digest, B256::with_last_byte(v), r, s]);
    // SAFETY: a precompile changes nothing.
    let recovered = unsafe { RawCall::new_static().limit_return_data(0, 32).call(ECRECOVER, &call) };
    let signer = recovered
        .ok()
        .and_then(|word| Some(Address::from_word(B256::new(word.try_into().ok()?))))
        .filter(|signer| !signer.is_zero())
        .ok_or_else(|| revert(abi::ECDSAInvalidSignature {}))?;
    if signer != owner {
        return Err(revert(abi::ERC2612InvalidSigner { signer, owner }));
    }
    Ok(())
}

fn hash_words(words: &[B256]) -> B256 {
    keccak256(concat(words))
}

fn concat(words: &[B256]) -> Vec<u8> {
    words.iter().flat_map(|word| word.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_hash_their_texts() {
        let domain = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
        let permit = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";
        assert_eq!(DOMAIN_TYPE, keccak256(domain));
        assert_eq!(PERMIT_TYPE, keccak256(permit));
        assert_eq!(VERSION_HASH, keccak256("1"));
    }
}
