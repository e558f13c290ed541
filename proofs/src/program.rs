//! What stands in for the host under the merkle distributor: storage, roles, the oracle, the rewards token, hashing.
//!
//! Hashing is ideal: whatever is hashed has a number of its own, so no two trees have the same root. The token pays, or pays nothing.

use std::cell::RefCell;

pub use crate::host::{Address, B256, HOST, Host, Map, Revert, Word, revert};
use crate::{number::U256, source::distribution::roots::Roots};

/// Of `host::calls`.
pub mod calls {
    use super::{Address, TOKEN};
    use crate::number::U256;

    /// Why a transfer failed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum TransferFailure {
        /// The token refused: nothing moved.
        Reverted,
        /// It answered in a way that leaves it open whether anything moved.
        Refused,
    }

    /// Moves rewards, if the treasury has as many.
    #[allow(missing_docs, clippy::missing_errors_doc, reason = "as of the crate `host`")]
    pub fn transfer_from(_: Address, _: Address, to: Address, amount: U256) -> Result<(), TransferFailure> {
        TOKEN.with(|token| {
            let mut token = token.borrow_mut();
            let amount = amount.native();
            if token.treasury < amount {
                return Err(TransferFailure::Reverted);
            }
            token.treasury -= amount;
            token.sent.push((to, amount));
            Ok(())
        })
    }
}

/// The rewards token: what the treasury has, and what left it since somebody looked.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "said above")]
pub struct Token {
    pub treasury: u128,
    pub sent: Vec<(Address, u128)>,
}

/// What an oracle answers.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "as of the program")]
pub struct Answer {
    pub root: B256,
    pub epoch: U256,
    pub cid: Vec<u8>,
}

thread_local! {
    static TOKEN: RefCell<Token> = RefCell::new(Token::default());
    static ANSWER: RefCell<Option<Answer>> = const { RefCell::new(None) };
    static HASHED: RefCell<Vec<Vec<u128>>> = const { RefCell::new(vec![]) };
}

/// Puts a token there, and takes what it has become.
#[must_use]
pub fn exchange_token(token: Token) -> Token {
    TOKEN.with(|place| place.replace(token))
}

/// What the oracle answers from here on.
pub fn answer(answer: Answer) {
    ANSWER.with(|place| *place.borrow_mut() = Some(answer));
}

/// Reading the oracle.
pub mod oracle {
    pub use super::Answer;
    use super::{ANSWER, Address, Revert};

    /// Its answer.
    #[allow(missing_docs, clippy::missing_errors_doc, reason = "as of the program")]
    pub fn read(_: Address) -> Result<Answer, Revert> {
        ANSWER.with(|answer| answer.borrow().clone()).ok_or(Revert("OracleFailed"))
    }
}

/// Leaves and proofs over an ideal hash.
pub mod merkle {
    use super::{Address, B256, HASHED};
    use crate::number::U256;

    fn ideal(what: Vec<u128>) -> B256 {
        HASHED.with(|hashed| {
            let mut hashed = hashed.borrow_mut();
            let place = hashed.iter().position(|known| *known == what).unwrap_or_else(|| {
                hashed.push(what);
                hashed.len() - 1
            });
            B256(U256::constant(place as u128 + 1))
        })
    }

    /// Hash of an account and its amount.
    pub fn leaf<K>(account: Address, amount: U256, _: K) -> B256 {
        ideal(vec![account.0.native(), amount.native()])
    }

    /// Hash of two nodes, the smaller one first.
    #[must_use]
    pub fn node(a: B256, b: B256) -> B256 {
        let (a, b) = (a.0.native(), b.0.native());
        ideal(vec![a.min(b), a.max(b), 0])
    }

    /// The root that a proof leads to.
    pub fn root<K>(leaf: B256, proof: &[B256], _: K) -> B256 {
        proof.iter().fold(leaf, |hash, sibling| node(hash, *sibling))
    }
}

/// An argument that nothing here asks.
pub fn keccak(_: &[u8]) -> B256 {
    B256(U256::ZERO)
}

/// What the program remembers: the fields that are used here, by the same names.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "as of the program's module `storage`")]
pub struct Words {
    pub roots: Word,
    pub active_root: Word,
    pub proposed_root: Word,
    pub rewards_token: Word,
    pub rewards_treasury: Word,
    pub claimed: Map<Address>,
    pub open: Map<Address>,
    pub roles: Roles,
    pub cids: [Vec<u8>; 2],
}

#[allow(missing_docs, reason = "as of the program's module `storage`")]
impl Words {
    pub fn roots(&self) -> Roots {
        Roots::from_word(self.roots.get())
    }

    pub fn set_roots(&mut self, roots: Roots) {
        self.roots.set(roots.to_word());
    }

    pub fn active_root(&self) -> B256 {
        self.active_root.get().into()
    }

    pub fn set_active_root(&mut self, root: B256) {
        self.active_root.set(root.0);
    }

    pub fn proposed_root(&self) -> B256 {
        self.proposed_root.get().into()
    }

    pub fn set_proposed_root(&mut self, root: B256) {
        self.proposed_root.set(root.0);
    }

    pub fn cid(&self, place: bool) -> Vec<u8> {
        self.cids[usize::from(place)].clone()
    }

    pub fn set_cid(&mut self, place: bool, cid: &[u8]) {
        self.cids[usize::from(place)] = cid.to_vec();
    }
}

/// A role, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role(u8);

#[allow(missing_docs, reason = "as of the program")]
impl Role {
    pub fn id(self) -> Self {
        self
    }
}

#[allow(missing_docs, reason = "as of the program")]
pub const PAUSER: Role = Role(1);
#[allow(missing_docs, reason = "as of the program")]
pub const UNPAUSER: Role = Role(2);
#[allow(missing_docs, reason = "as of the program")]
pub const CLAIM_OPERATOR: Role = Role(3);

/// Holds each role.
pub const OPERATOR: Address = Address::new(9);

/// Who holds which role: one account all of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Roles;

#[allow(missing_docs, clippy::missing_errors_doc, reason = "as of the crate `roles`")]
impl Roles {
    pub fn has(self, _: Role, account: Address) -> bool {
        account == OPERATOR
    }

    pub fn only(self, role: Role) -> Result<Address, Revert> {
        let caller = HOST.msg_sender();
        if self.has(role, caller) { Ok(caller) } else { Err(Revert("AccessControlUnauthorizedAccount")) }
    }
}

/// Of the storage of a program: its words.
pub type Fields<T> = T;
