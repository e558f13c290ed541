//! Who may do what: the roles of the specification in one word per account, since every call asks for one.

use ::host::{Constant, HOST, Revert};
use alloy_primitives::{Address, B256, U256, b256};
use stylus_sdk::prelude::*;

use crate::{
    abi,
    report::{refuse, report_indexed},
    state::State,
    uint::Uint,
};

/// The roles (section 2), by their bit in an account's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Role {
    Guardian,
    VetoGuardian,
    Owner,
    DelegationAdmin,
    Borrower,
    ExchangeOperator,
    WithdrawalOperator,
}

/// The bit of an allowed recipient.
const RECIPIENT: u64 = 1 << 7;

impl Role {
    /// In the order of their bits, and in the order in which a new borrower reports their admins.
    pub(crate) const ALL: [Self; 7] = [
        Self::Guardian,
        Self::VetoGuardian,
        Self::Owner,
        Self::DelegationAdmin,
        Self::Borrower,
        Self::ExchangeOperator,
        Self::WithdrawalOperator,
    ];

    /// The hash of its name.
    pub(crate) fn id(self) -> B256 {
        const fn id(id: B256) -> Constant {
            Constant::new(id)
        }
        let constant = match self {
            Self::Guardian => const { id(b256!("55435dd261a4b9b3364963f7738a7a662ad9c84396d64be3365284bb7f0a5041")) },
            Self::VetoGuardian => {
                const { id(b256!("41f69eec3ae0a88a429dd80e56128f5db215a5b5dd0900d4998a2f6516c09355")) }
            }
            Self::Owner => const { id(b256!("b19546dff01e856fb3f010c267a7b1c60363cf8a4664e21cc89c26224620214e")) },
            Self::DelegationAdmin => {
                const { id(b256!("a434a7eae4dc33d33707b4ea79a4d2f6f2fde6108bbe8f120bc12699e152e91e")) }
            }
            Self::Borrower => const { id(b256!("2344277e405079ec07749d374ba0b5862a4e45a6a05ac889dbb4a991c6f9354d")) },
            Self::ExchangeOperator => {
                const { id(b256!("03d64837e30f3bde14c47536cffb1dc441abfcf02e886b676a4ef6c83c39f980")) }
            }
            Self::WithdrawalOperator => {
                const { id(b256!("6663d80d1ddaf7af549b98207d87c23d06e0a662c0bc9bd97a9b07d71e130fe6")) }
            }
        };
        constant.word()
    }

    pub(crate) fn of(id: B256) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.id() == id)
    }

    /// The role that grants and revokes it. Guardians and owners are separate trees.
    pub(crate) fn admin(self) -> Self {
        match self {
            Self::Guardian | Self::VetoGuardian => Self::Guardian,
            Self::Owner | Self::DelegationAdmin => Self::Owner,
            Self::Borrower | Self::ExchangeOperator | Self::WithdrawalOperator => Self::DelegationAdmin,
        }
    }

    fn word(self) -> Uint {
        Uint::new(self.id())
    }

    fn bit(self) -> u64 {
        1 << self as u8
    }
}

impl State {
    /// Refuses callers without `role`.
    #[inline(never)]
    pub(crate) fn only(&self, role: Role) -> Result<(), Revert> {
        self.only_any(role.bit(), role)
    }

    /// Refuses callers that are neither guardian nor veto guardian.
    pub(crate) fn only_guardians(&self) -> Result<(), Revert> {
        self.only_any(Role::Guardian.bit() | Role::VetoGuardian.bit(), Role::Guardian)
    }

    fn only_any(&self, bits: u64, named: Role) -> Result<(), Revert> {
        if !self.has(HOST.msg_sender(), bits) {
            return Err(unauthorized(named.id()));
        }
        Ok(())
    }

    pub(crate) fn has_role(&self, role: Role, account: Address) -> bool {
        self.has(account, role.bit())
    }

    /// Refuses callers that do not administer the role of this id; returns the role.
    pub(crate) fn only_admin(&self, id: B256) -> Result<Role, Revert> {
        // Nobody administers roles that do not exist.
        let role = Role::of(id).ok_or_else(|| unauthorized(B256::ZERO))?;
        self.only(role.admin())?;
        Ok(role)
    }

    pub(crate) fn grant(&mut self, role: Role, account: Address) -> Result<(), Revert> {
        let counted = matches!(role, Role::Owner | Role::Guardian);
        if counted && (account.is_zero() || account == HOST.contract_address()) {
            return Err(refuse::<abi::InvalidRoleHolder, _>([role.word(), account.into()]));
        }
        if !self.flip(account, role.bit(), true) {
            return Ok(());
        }
        if counted {
            self.count(role, |holders| Some(holders.saturating_add(1)), account)?; // A grant each: never so many.
        }
        report_indexed::<abi::RoleGranted>([role.word(), account.into(), HOST.msg_sender().into()]);
        Ok(())
    }

    pub(crate) fn revoke(&mut self, role: Role, account: Address) -> Result<(), Revert> {
        if !self.flip(account, role.bit(), false) {
            return Ok(());
        }
        if matches!(role, Role::Owner | Role::Guardian) {
            self.count(role, |holders| holders.checked_sub(1).filter(|&left| left > 0), account)?;
        }
        report_indexed::<abi::RoleRevoked>([role.word(), account.into(), HOST.msg_sender().into()]);
        Ok(())
    }

    fn count(&mut self, role: Role, change: fn(u32) -> Option<u32>, account: Address) -> Result<(), Revert> {
        let mut status = self.status();
        let holders = if role == Role::Owner { &mut status.owners } else { &mut status.guardians };
        *holders = change(*holders).ok_or_else(|| refuse::<abi::LastRoleHolder, _>([role.word(), account.into()]))?;
        self.set_status(status);
        Ok(())
    }

    pub(crate) fn is_recipient(&self, account: Address) -> bool {
        self.has(account, RECIPIENT)
    }

    /// Whether that was a change.
    pub(crate) fn set_recipient(&mut self, account: Address, allowed: bool) -> bool {
        self.flip(account, RECIPIENT, allowed)
    }

    fn bits(&self, account: Address) -> u64 {
        self.accounts.get(account).into_limbs()[0]
    }

    fn has(&self, account: Address, bits: u64) -> bool {
        self.bits(account) & bits != 0
    }

    fn flip(&mut self, account: Address, bit: u64, on: bool) -> bool {
        let bits = self.bits(account);
        let changed = if on { bits | bit } else { bits & !bit };
        self.accounts.insert(account, U256::from_limbs([changed, 0, 0, 0]));
        changed != bits
    }
}

/// Reports who administers which role, as every borrower does once.
pub(crate) fn log_admins() {
    for role in Role::ALL {
        report_indexed::<abi::RoleAdminChanged>([role.word(), Uint::ZERO, role.admin().word()]);
    }
}

#[cold]
fn unauthorized(needed_role: B256) -> Revert {
    refuse::<abi::AccessControlUnauthorizedAccount, _>([HOST.msg_sender().into(), Uint::new(needed_role)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hash_the_names() {
        let names = [
            "GUARDIAN_ROLE",
            "VETO_GUARDIAN_ROLE",
            "OWNER_ROLE",
            "DELEGATION_ADMIN_ROLE",
            "BORROWER_ROLE",
            "EXCHANGE_OPERATOR_ROLE",
            "WITHDRAWAL_OPERATOR_ROLE",
        ];
        assert_eq!(Role::ALL.map(Role::id), names.map(alloy_primitives::keccak256));
        assert_eq!(Role::ALL.map(|role| Role::of(role.id())), Role::ALL.map(Some));
        assert_eq!(Role::of(B256::ZERO), None);
    }

    #[test]
    fn every_role_has_a_bit_of_its_own() {
        let bits = Role::ALL.iter().fold(RECIPIENT, |bits, role| bits ^ role.bit());
        assert_eq!(bits, 0xff);
    }
}
