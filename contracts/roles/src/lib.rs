//! Roles of a program: who holds which, and an owner role that is handed over in two steps and never lost. What each function does,
//! refuses and reports stands in `abi/IRoles.sol`.
//!
//! Members lie where OpenZeppelin's `AccessControl` keeps them. Admins are not stored: owners administer every role that a program knows,
//! and nobody any other.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use ::host::{Constant, HOST, Revert, emit, revert, slots};
use alloy_primitives::{Address, B256, FixedBytes, U256, b256};
use slots::{Map, Word};
use stylus_sdk::prelude::*;

/// Events and errors, read from the interface file.
#[allow(missing_docs, unreachable_pub, reason = "generated from documented Solidity")]
pub mod abi {
    alloy_sol_types::sol!("../../abi/IRoles.sol");

    pub use IRoles::*;
}

/// A role. Its id is the hash of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role(Constant);

impl Role {
    /// Administers every role.
    pub const OWNER: Self = Self::new(b256!("b19546dff01e856fb3f010c267a7b1c60363cf8a4664e21cc89c26224620214e"));

    /// The role of this id.
    #[must_use]
    pub const fn new(id: B256) -> Self {
        Self(Constant::new(id))
    }

    /// Its id.
    #[must_use]
    pub fn id(self) -> B256 {
        self.0.word()
    }
}

/// A program's roles: three words and a map.
#[derive(Debug, Default)]
pub struct Roles<const PROPOSED: u8, const PROPOSING: u8, const COUNT: u8, const MEMBERS: u8> {
    proposed_owner: Word<PROPOSED>,
    proposing_owner: Word<PROPOSING>,
    owner_count: Word<COUNT>,
    members: Map<MEMBERS, (B256, Address)>,
}

impl<const PROPOSED: u8, const PROPOSING: u8, const COUNT: u8, const MEMBERS: u8>
    Roles<PROPOSED, PROPOSING, COUNT, MEMBERS>
{
    /// Whether `account` holds `role`.
    pub fn has(&self, role: B256, account: Address) -> bool {
        !self.members.get_nested(role, account).is_zero()
    }

    /// Refuses callers without `role`; returns the caller.
    pub fn only(&self, role: Role) -> Result<Address, Revert> {
        self.only_id(role.id())
    }

    /// Refuses callers without the role of this id; returns the caller.
    pub fn only_id(&self, role: B256) -> Result<Address, Revert> {
        let caller = HOST.msg_sender();
        if self.has(role, caller) {
            return Ok(caller);
        }
        Err(revert(abi::AccessControlUnauthorizedAccount { account: caller, neededRole: role }))
    }

    /// Makes somebody the first owner, and reports who administers the program's roles.
    pub fn initialize(&mut self, owner: Address, known: &[Role]) -> Result<(), Revert> {
        check_owner(owner)?;
        self.put(Role::OWNER.id(), owner);
        let admin = Role::OWNER.id();
        for role in known {
            report(const { Constant::new(ADMIN_CHANGED) }, role.id(), B256::ZERO, admin);
        }
        Ok(())
    }

    /// Gives `role` to `account`; the caller must hold `admin`. Whether it had it not.
    pub fn grant(&mut self, admin: B256, role: B256, account: Address) -> Result<bool, Revert> {
        self.only_id(admin)?;
        if role == Role::OWNER.id() {
            check_owner(account)?;
        }
        Ok(self.put(role, account))
    }

    /// Takes `role` from `account`; the caller must hold `admin`. Whether it had it.
    pub fn revoke(&mut self, admin: B256, role: B256, account: Address) -> Result<bool, Revert> {
        self.only_id(admin)?;
        self.take(role, account)
    }

    /// Takes `role` from the caller, whom `account` confirms. Whether it had it.
    pub fn renounce(&mut self, role: B256, account: Address) -> Result<bool, Revert> {
        if account != HOST.msg_sender() {
            return Err(revert(abi::AccessControlBadConfirmation {}));
        }
        self.take(role, account)
    }

    /// Offers the caller's owner role, or takes the offer back.
    pub fn propose_owner(&mut self, proposed: Address) -> Result<(), Revert> {
        let owner = self.only(Role::OWNER)?;
        if proposed.is_zero() {
            self.withdraw_offer();
        } else {
            check_owner(proposed)?;
            self.proposed_owner.set_address(proposed);
            self.proposing_owner.set_address(owner);
        }
        emit(&abi::OwnerProposed { owner, proposed });
        Ok(())
    }

    /// Takes over the owner role of `owner`, who offered it to the caller.
    pub fn accept_owner(&mut self, owner: Address) -> Result<(), Revert> {
        let caller = HOST.msg_sender();
        let (proposed, proposing) = self.proposed_owner();
        if caller.is_zero() || caller != proposed {
            return Err(revert(abi::NotProposedOwner { caller, proposed }));
        }
        if owner != proposing {
            return Err(revert(abi::NotProposingOwner { owner, proposing }));
        }
        self.withdraw_offer();
        self.put(Role::OWNER.id(), caller);
        if owner != caller {
            self.take(Role::OWNER.id(), owner)?;
        }
        Ok(())
    }

    /// Who is offered the owner role, and by whom.
    pub fn proposed_owner(&self) -> (Address, Address) {
        (self.proposed_owner.address(), self.proposing_owner.address())
    }

    /// How many accounts hold the owner role.
    pub fn owner_count(&self) -> U256 {
        self.owner_count.get()
    }

    fn withdraw_offer(&mut self) {
        self.proposed_owner.set(U256::ZERO);
        self.proposing_owner.set(U256::ZERO);
    }

    /// Makes `account` a member; whether it was none. Checks nothing: also for constructors.
    pub fn put(&mut self, role: B256, account: Address) -> bool {
        if self.has(role, account) {
            return false;
        }
        self.members.insert_nested(role, account, U256::ONE);
        if role == Role::OWNER.id() {
            let owners = self.owner_count.get().saturating_add(U256::ONE); // A grant each: never so many.
            self.owner_count.set(owners);
        }
        let sender = HOST.msg_sender().into_word();
        report(const { Constant::new(GRANTED) }, role, account.into_word(), sender);
        true
    }

    fn take(&mut self, role: B256, account: Address) -> Result<bool, Revert> {
        if !self.has(role, account) {
            return Ok(false);
        }
        self.members.insert_nested(role, account, U256::ZERO);
        let sender = HOST.msg_sender().into_word();
        report(const { Constant::new(REVOKED) }, role, account.into_word(), sender);
        if role != Role::OWNER.id() {
            return Ok(true);
        }
        // An owner that goes takes its offer along.
        if account == self.proposing_owner.address() {
            self.withdraw_offer();
        }
        let owners = self.owner_count.get().saturating_sub(U256::ONE);
        if owners.is_zero() {
            return Err(revert(abi::LastOwner { owner: account }));
        }
        self.owner_count.set(owners);
        Ok(true)
    }
}

/// Who administers `role`: owners, if the program knows it, else nobody.
#[must_use]
pub fn admin(role: B256, known: &[Role]) -> B256 {
    if known.iter().any(|known| known.id() == role) { Role::OWNER.id() } else { B256::ZERO }
}

/// ERC-165 and AccessControl.
#[must_use]
pub fn supports_interface(id: FixedBytes<4>) -> bool {
    matches!(u32::from_be_bytes(id.0), 0x01ff_c9a7 | 0x7965_db0b)
}

const GRANTED: B256 = <abi::RoleGranted as alloy_sol_types::SolEvent>::SIGNATURE_HASH;
const REVOKED: B256 = <abi::RoleRevoked as alloy_sol_types::SolEvent>::SIGNATURE_HASH;
const ADMIN_CHANGED: B256 = <abi::RoleAdminChanged as alloy_sol_types::SolEvent>::SIGNATURE_HASH;

/// The events of roles have three indexed fields and no other.
fn report(signature: Constant, first: B256, second: B256, third: B256) {
    let topics = [signature.word(), first, second, third].concat();
    HOST.emit_log(&topics, 4);
}

/// Neither the zero address nor the program can act, so neither can own.
fn check_owner(owner: Address) -> Result<(), Revert> {
    if owner.is_zero() || owner == HOST.contract_address() {
        return Err(revert(abi::InvalidOwner { owner }));
    }
    Ok(())
}
