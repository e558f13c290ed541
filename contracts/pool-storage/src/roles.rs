use alloy_primitives::{Address, B256, b256};
use openzeppelin_stylus::access::control::IAccessControl;
use stylus_sdk::prelude::*;

use crate::{Constant, HOST, Pool, Revert};

/// The roles (spec section 2). Each id is the hash of the role's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role(Constant);

impl Role {
    /// Grants and revokes all roles, cuts facets.
    pub const OWNER: Self = role(b256!("b19546dff01e856fb3f010c267a7b1c60363cf8a4664e21cc89c26224620214e"));
    /// Changes schedule and blackout window.
    pub const EPOCH_PARAMETERS: Self = role(b256!("a69ba352872fe0ee634bc8d48d2a09a61267da1bfb2015e67a11ad05fe21f04b"));
    /// Changes the emission rate.
    pub const REWARDS_RATE: Self = role(b256!("74ec845281a5bcabeef9a800a79d30928ff9e6f2dc6f69a233fc39a83cb81ed2"));
    /// Sets allocations and restrictions.
    pub const BORROWER_ADMIN: Self = role(b256!("6c2e489c3a95017c97c0bcc47de38933a0bbf2041c9289b8ca34c445b13177af"));
    /// Claims for stakers.
    pub const CLAIM_OPERATOR: Self = role(b256!("36dc7495d0ae0bc2a620bf292049e4d4e5f800043895b13c08a1977d3a3297f5"));
    /// Requests and withdraws for stakers.
    pub const STAKE_OPERATOR: Self = role(b256!("a6fbd0d4ef0ac50b4de984ab8f303863596293cce6d67dd6111979bcf56abe74"));
    /// Writes off debt.
    pub const DEBT_OPERATOR: Self = role(b256!("0428e137352b5b1a834770c71b580c01521c0b3f2442928c650692cd1b3f496c"));

    /// Does something with each role, in the order in which construction reports their admin; the first four are granted then. An array
    /// of all would stand in the data segment, which every call pays for.
    pub fn each(mut act: impl FnMut(Self)) {
        act(Self::OWNER);
        act(Self::EPOCH_PARAMETERS);
        act(Self::REWARDS_RATE);
        act(Self::BORROWER_ADMIN);
        act(Self::CLAIM_OPERATOR);
        act(Self::STAKE_OPERATOR);
        act(Self::DEBT_OPERATOR);
    }
}

const fn role(id: B256) -> Role {
    Role(Constant::new(id))
}

impl Role {
    /// The role's id.
    #[must_use]
    pub fn id(self) -> B256 {
        self.0.word()
    }

    /// Who administers the role of this id: owners, if the pool knows it, else holders of the role 0, whom there are none of. Not stored,
    /// since nothing can change it: a word costs 2,100 gas to read.
    #[inline(never)]
    #[must_use]
    pub fn admin_of(id: B256) -> B256 {
        let mut is_known = false;
        Self::each(|role| is_known |= role.id() == id);
        if is_known { Self::OWNER.id() } else { B256::ZERO }
    }
}

impl Pool {
    /// Whether `account` holds `role`.
    pub fn has_role(&self, role: Role, account: Address) -> bool {
        self.access.has_role(role.id(), account)
    }

    /// Refuses callers without `role`; returns the caller.
    pub fn only(&self, role: Role) -> Result<Address, Revert> {
        self.only_id(role.id())
    }

    /// Refuses callers without the role of this id; returns the caller.
    pub fn only_id(&self, role: B256) -> Result<Address, Revert> {
        let caller = HOST.msg_sender();
        self.access._check_role(role, caller)?;
        Ok(caller)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn ids_hash_the_names() {
        let names = [
            "OWNER_ROLE",
            "EPOCH_PARAMETERS_ROLE",
            "REWARDS_RATE_ROLE",
            "BORROWER_ADMIN_ROLE",
            "CLAIM_OPERATOR_ROLE",
            "STAKE_OPERATOR_ROLE",
            "DEBT_OPERATOR_ROLE",
        ];
        let mut ids = Vec::new();
        Role::each(|role| ids.push(role.id()));
        assert_eq!(ids, names.map(alloy_primitives::keccak256));
    }

    #[test]
    fn owners_administer_all_roles() {
        Role::each(|role| assert_eq!(Role::admin_of(role.id()), Role::OWNER.id()));
        let unknown = alloy_primitives::keccak256("MINTER_ROLE");
        assert_eq!([B256::ZERO, unknown].map(Role::admin_of), [B256::ZERO; 2]);
    }
}
