//! The rewards oracle. What each function does, refuses and reports stands in `abi/IRewardsOracle.sol`.
//!
//! Each reporter has one report at a time, so the number of equal reports is a number of reporters, whoever changes its mind or leaves.
//!
//! | slot | field | word, least significant bits first |
//! |---|---|---|
//! | 0 | `agreement` | distributor 160, epoch 40, quorum 16, reporters 16, published 1 |
//! | 1 | `root` | 256; what is published |
//! | 2 | `last` | 256; digest of the last report |
//! | 3 | `last_epoch` | 256; its epoch + 1 |
//! | 4 | `reports`, by reporter | 256; digest of its report |
//! | 5 | `counts`, by digest | how many reporters report it |
//! | 11 to 14 | `roles` | as in the distributor |
//! | 16 to 23 | `cid` | length 8 in the *most* significant bits, then text |

#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(missing_docs, reason = "what `program!` generates is public")]

extern crate alloc;

use alloc::{vec, vec::Vec};

use ::host::{
    Constant, Fields, Revert, Root, Text, calls, emit, emit_with_bytes, keccak, only_deployer, revert,
    slots::{Map, Word},
};
use alloy_primitives::{Address, B256, FixedBytes, U256, b256};
use alloy_sol_types::{SolCall, SolEvent};
use distribution::quorum::{Agreement, MAX_CID, digest};
use roles::{Role, Roles};
use stylus_sdk::{abi::Bytes, prelude::*};

/// Events and errors, read from the interface file.
#[allow(missing_docs, unreachable_pub, reason = "generated from documented Solidity")]
mod abi {
    alloy_sol_types::sol!("../../abi/IRewardsOracle.sol");

    pub use IRewardsOracle::*;
}

mod distributor {
    alloy_sol_types::sol! {
        function getNextRootEpoch() returns (uint256);
    }
}

const REPORTER: Role = Role::new(b256!("3204c940063673962b481a0395619b3dbbd137589c419e993978c1c71bcf68ec"));

/// Every role, in the order in which construction reports its admin.
const ROLES: [Role; 2] = [Role::OWNER, REPORTER];

/// What the oracle remembers. The table of the crate says what each word holds.
#[derive(Debug, Default)]
struct Words {
    agreement: Word<0>,
    root: Word<1>,
    last: Word<2>,
    last_epoch: Word<3>,
    reports: Map<4, Address>,
    counts: Map<5, B256>,
    roles: Roles<11, 12, 13, 14>,
    cid: Text<16>,
}

/// The program: its words and nothing else.
#[storage]
pub struct RewardsOracle {
    words: Fields<Words>,
}

::host::program!(RewardsOracle);

#[public]
impl RewardsOracle {
    #[constructor]
    fn constructor(
        &mut self,
        distributor: Address,
        owner: Address,
        reporters: Vec<Address>,
        quorum: U256,
    ) -> Result<(), Revert> {
        only_deployer()?;
        if !calls::has_code(distributor) {
            return Err(revert(abi::InvalidDistributor { distributor }));
        }
        let agreement = Agreement { distributor, ..Agreement::default() };
        self.words.agreement.set(agreement.to_word());
        self.words.roles.initialize(owner, &ROLES)?;
        for reporter in reporters {
            if !self.words.roles.put(REPORTER.id(), reporter) {
                return Err(revert(abi::DuplicateReporter { reporter }));
            }
            self.words.reporter_joined()?;
        }
        // All of them together can publish; later a quorum may run ahead of the reporters by one.
        self.words.set_quorum(quorum, 0)
    }

    // ---------------------------------------------------------------- reports

    fn write_oracle_data(&mut self, merkle_root: B256, epoch: U256, ipfs_cid: Bytes) -> Result<(), Revert> {
        let reporter = self.words.roles.only(REPORTER)?;
        if merkle_root.is_zero() {
            return Err(revert(abi::ZeroRoot {}));
        }
        check_cid(&ipfs_cid)?;
        let agreement = self.words.agreement();
        let number = agreed_epoch(agreement.distributor, epoch)?;
        let digest = digest(merkle_root, number, &ipfs_cid, keccak);
        let published = self.words.published(&agreement) == Some(digest);
        let idle = published || !agreement.suffices(self.words.equal(digest));
        let reports = self.words.count(reporter, digest, idle)?;

        const REPORTED: Constant = Constant::new(abi::RootReported::SIGNATURE_HASH);
        let topics = [reporter.into_word(), merkle_root];
        emit_with_bytes(REPORTED, &topics, &[epoch.into()], &ipfs_cid, &[U256::from(reports).into()]);
        self.words.compare(reporter, epoch, digest);
        if published {
            emit(&abi::LateReport { reporter, epoch, digest });
        } else if agreement.suffices(reports) {
            self.words.publish(agreement, merkle_root, number, &ipfs_cid);
        }
        Ok(())
    }

    fn read(&self) -> Root {
        let agreement = self.words.agreement();
        if agreement.published {
            Root::new(self.words.root.get().into(), agreement.epoch, &self.words.cid.get())
        } else {
            Root::new(B256::ZERO, 0, &[])
        }
    }

    fn get_reports(&self, merkle_root: B256, epoch: U256, ipfs_cid: Bytes) -> Result<(U256, U256), Revert> {
        check_cid(&ipfs_cid)?;
        let quorum = U256::from(self.words.agreement().quorum);
        // A later epoch is never reported.
        let reports =
            u64::try_from(epoch).map_or(0, |epoch| self.words.equal(digest(merkle_root, epoch, &ipfs_cid, keccak)));
        Ok((U256::from(reports), quorum))
    }

    fn get_report(&self, reporter: Address) -> B256 {
        self.words.reports.get(reporter).into()
    }

    // ---------------------------------------------------------------- configuration

    fn set_quorum(&mut self, quorum: U256) -> Result<(), Revert> {
        self.words.roles.only(Role::OWNER)?;
        self.words.set_quorum(quorum, 1)
    }

    fn get_quorum(&self) -> U256 {
        U256::from(self.words.agreement().quorum)
    }

    fn get_reporter_count(&self) -> U256 {
        U256::from(self.words.agreement().reporters)
    }

    #[selector(name = "MERKLE_DISTRIBUTOR")]
    fn merkle_distributor(&self) -> Address {
        self.words.agreement().distributor
    }

    // ---------------------------------------------------------------- roles

    #[selector(name = "OWNER_ROLE")]
    fn owner_role(&self) -> B256 {
        Role::OWNER.id()
    }

    #[selector(name = "REPORTER_ROLE")]
    fn reporter_role(&self) -> B256 {
        REPORTER.id()
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
        let granted = self.words.roles.grant(roles::admin(role, &ROLES), role, account)?;
        if granted && role == REPORTER.id() {
            self.words.reporter_joined()?;
            check_majority(&self.words.agreement())?;
        }
        Ok(())
    }

    fn revoke_role(&mut self, role: B256, account: Address) -> Result<(), Revert> {
        let revoked = self.words.roles.revoke(roles::admin(role, &ROLES), role, account)?;
        if revoked && role == REPORTER.id() {
            self.words.reporter_left(account);
        }
        Ok(())
    }

    fn renounce_role(&mut self, role: B256, account: Address) -> Result<(), Revert> {
        let renounced = self.words.roles.renounce(role, account)?;
        if renounced && role == REPORTER.id() {
            self.words.reporter_left(account);
        }
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

impl Words {
    fn agreement(&self) -> Agreement {
        Agreement::from_word(self.agreement.get())
    }

    /// How many reporters report this.
    fn equal(&self, digest: B256) -> u16 {
        self.counts.get(digest).saturating_to() // As many as there are reporters.
    }

    /// Digest of what is published.
    fn published(&self, agreement: &Agreement) -> Option<B256> {
        agreement.published.then(|| digest(self.root.get().into(), agreement.epoch, &self.cid.get(), keccak))
    }

    /// Counts a report in place of the reporter's former one; how many are equal now. The same again counts once, and is refused if
    /// it is `idle`, that is, if it would not publish either.
    fn count(&mut self, reporter: Address, digest: B256, idle: bool) -> Result<u16, Revert> {
        let former = self.reports.get(reporter).into();
        if former == digest {
            return if idle { Err(revert(abi::DuplicateReport { reporter, digest })) } else { Ok(self.equal(digest)) };
        }
        self.withdraw(former);
        self.reports.insert(reporter, digest.into());
        let reports = self.equal(digest).saturating_add(1); // One for each reporter.
        self.counts.insert(digest, U256::from(reports));
        Ok(reports)
    }

    fn withdraw(&mut self, digest: B256) {
        if !digest.is_zero() {
            let reports = self.equal(digest).saturating_sub(1);
            self.counts.insert(digest, U256::from(reports));
        }
    }

    /// Reports where reporters disagree.
    fn compare(&mut self, reporter: Address, epoch: U256, digest: B256) {
        let (other, next) = (B256::from(self.last.get()), epoch.saturating_add(U256::ONE));
        if other != digest && self.last_epoch.get() == next {
            emit(&abi::ReportDiffers { reporter, epoch, digest, other });
        }
        self.last.set(digest.into());
        self.last_epoch.set(next);
    }

    fn publish(&mut self, mut agreement: Agreement, root: B256, epoch: u64, cid: &[u8]) {
        agreement.epoch = epoch;
        agreement.published = true;
        self.agreement.set(agreement.to_word());
        self.root.set(root.into());
        self.cid.set(cid);
        const UPDATED: Constant = Constant::new(abi::OracleRootUpdated::SIGNATURE_HASH);
        emit_with_bytes(UPDATED, &[], &[root, U256::from(epoch).into()], cid, &[]);
    }

    /// A quorum of at most `ahead` more than there are reporters.
    fn set_quorum(&mut self, quorum: U256, ahead: u16) -> Result<(), Revert> {
        let mut agreement = self.agreement();
        let reporters = U256::from(agreement.reporters);
        agreement.quorum = u16::try_from(quorum)
            .ok()
            .filter(|quorum| agreement.allows(*quorum, ahead))
            .ok_or_else(|| revert(abi::InvalidQuorum { quorum, reporters }))?;
        check_majority(&agreement)?;
        self.agreement.set(agreement.to_word());
        emit(&abi::QuorumChanged { quorum, reporters });
        Ok(())
    }

    fn reporter_joined(&mut self) -> Result<(), Revert> {
        let mut agreement = self.agreement();
        let maximum = U256::from(u16::MAX);
        agreement.reporters =
            agreement.reporters.checked_add(1).ok_or_else(|| revert(abi::TooManyReporters { maximum }))?;
        self.agreement.set(agreement.to_word());
        Ok(())
    }

    /// What somebody reported who is trusted no more must not count.
    fn reporter_left(&mut self, reporter: Address) {
        let mut agreement = self.agreement();
        agreement.reporters = agreement.reporters.saturating_sub(1);
        self.agreement.set(agreement.to_word());
        self.withdraw(self.reports.get(reporter).into());
        self.reports.insert(reporter, U256::ZERO);
    }
}

/// Two groups that publish in turns could put off every activation.
fn check_majority(agreement: &Agreement) -> Result<(), Revert> {
    if agreement.needs_majority() {
        return Ok(());
    }
    let (quorum, reporters) = (U256::from(agreement.quorum), U256::from(agreement.reporters));
    Err(revert(abi::NoMajority { quorum, reporters }))
}

fn check_cid(cid: &[u8]) -> Result<(), Revert> {
    if cid.len() > MAX_CID {
        let (length, maximum) = (U256::from(cid.len()), U256::from(MAX_CID));
        return Err(revert(abi::CidTooLong { length, maximum }));
    }
    Ok(())
}

/// The epoch as a number, if it is the distributor's next one.
fn agreed_epoch(distributor: Address, epoch: U256) -> Result<u64, Revert> {
    let next = calls::view_number(distributor, &distributor::getNextRootEpochCall {}.abi_encode())
        .ok_or_else(|| revert(abi::DistributorFailed { distributor }))?;
    if epoch != next {
        return Err(revert(abi::WrongEpoch { epoch, next }));
    }
    u64::try_from(epoch)
        .ok()
        .filter(|number| *number < 1 << 40)
        .ok_or_else(|| revert(abi::DistributorFailed { distributor }))
}

const _: () = assert!(MAX_CID == Text::<0>::MAX, "every CID that can be reported can be stored");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hash_the_names() {
        assert_eq!(ROLES.map(Role::id), ["OWNER_ROLE", "REPORTER_ROLE"].map(alloy_primitives::keccak256));
    }
}
