//! What the distributor remembers; the only place a slot is declared.
//!
//! | slot | field | word, least significant bits first |
//! |---|---|---|
//! | 0 | `roots` | oracle 160, end of the wait 48, next epoch 40, flags 8 ([`Roots`]) |
//! | 1 | `active_root` | 256 |
//! | 2 | `proposed_root` | 256; what was proposed last |
//! | 3 | `rewards_token` | address 160 |
//! | 4 | `rewards_treasury` | address 160 |
//! | 5 | `amounts` | market makers' rewards 128, traders' rewards 128 |
//! | 6 | `alpha` | 256 |
//! | 7 | `ipfs_update_period` | 256 |
//! | 8 | `schedule` | interval 128, offset 128 |
//! | 9 | `claimed`, by account | 256 |
//! | 10 | `open`, by account | 1 if anybody may claim for it |
//! | 11 | `roles`: proposed owner | address 160 |
//! | 12 | `roles`: proposing owner | address 160 |
//! | 13 | `roles`: number of owners | 256 |
//! | 14 | `roles`, by role and account | 1 if it is held |
//! | 16 to 23, 24 to 31 | `first_cid`, `second_cid` | length 8 in the *most* significant bits, then text |
//! | 32 to 39 | `ipns_name` | as above |
//!
//! The CID of the active root stays where it was proposed, and the next proposal goes to the other place: a root that becomes active
//! costs two words instead of a copy.

use alloc::vec::Vec;

use ::host::{
    Text,
    slots::{Map, Word},
};
use alloy_primitives::{Address, B256};
use distribution::roots::Roots;

/// All fields. The table of the module says what each word holds.
#[derive(Debug, Default)]
pub(crate) struct Words {
    roots: Word<0>,
    active_root: Word<1>,
    proposed_root: Word<2>,
    pub(crate) rewards_token: Word<3>,
    pub(crate) rewards_treasury: Word<4>,
    pub(crate) amounts: Word<5>,
    pub(crate) alpha: Word<6>,
    pub(crate) ipfs_update_period: Word<7>,
    pub(crate) schedule: Word<8>,
    pub(crate) claimed: Map<9, Address>,
    pub(crate) open: Map<10, Address>,
    pub(crate) roles: roles::Roles<11, 12, 13, 14>,
    first_cid: Text<16>,
    second_cid: Text<24>,
    pub(crate) ipns_name: Text<32>,
}

impl Words {
    pub(crate) fn roots(&self) -> Roots {
        Roots::from_word(self.roots.get())
    }

    pub(crate) fn set_roots(&mut self, roots: Roots) {
        self.roots.set(roots.to_word());
    }

    pub(crate) fn active_root(&self) -> B256 {
        self.active_root.get().into()
    }

    pub(crate) fn set_active_root(&mut self, root: B256) {
        self.active_root.set(root.into());
    }

    pub(crate) fn proposed_root(&self) -> B256 {
        self.proposed_root.get().into()
    }

    pub(crate) fn set_proposed_root(&mut self, root: B256) {
        self.proposed_root.set(root.into());
    }

    /// The CID in one of the two places.
    pub(crate) fn cid(&self, place: bool) -> Vec<u8> {
        if place { self.second_cid.get() } else { self.first_cid.get() }
    }

    pub(crate) fn set_cid(&mut self, place: bool, cid: &[u8]) {
        if place {
            self.second_cid.set(cid);
        } else {
            self.first_cid.set(cid);
        }
    }
}
