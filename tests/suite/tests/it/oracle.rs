//! The rewards oracle: reports, the quorum, and what stands in its place.

use alloy_primitives::{Bytes, keccak256};
use suite::{
    abi::{IMerkleDistributor as md, IRewardsOracle as oracle},
    deployment::role,
    distribution::{self, Answer, CID, deploy_oracle, logs_of},
    pool::Outcome,
    prelude::*,
};

const REPORTERS: [&str; 4] = ["R1", "R2", "R3", "R4"];

/// Three of four reporters publish.
fn with_oracle() -> Distribution {
    let mut world = Distribution::deploy();
    world.at(START).with_reporters(&REPORTERS, 3).unwrap();
    world
}

fn report_call(root: B256, epoch: u64, cid: &[u8]) -> oracle::writeOracleDataCall {
    oracle::writeOracleDataCall { merkleRoot: root, epoch: u(epoch), ipfsCid: Bytes::copy_from_slice(cid) }
}

fn report(world: &mut Distribution, who: &str, root: B256, epoch: u64) -> Outcome<oracle::writeOracleDataReturn> {
    world.tell_oracle(who, report_call(root, epoch, CID))
}

fn digest(root: B256, epoch: u64, cid: &[u8]) -> B256 {
    keccak256([&root[..], &U256::from(epoch).to_be_bytes::<32>(), cid].concat())
}

fn read(world: &Distribution) -> (B256, U256, Bytes) {
    let told = world.ask_oracle(oracle::readCall {});
    (told.merkleRoot, told.epoch, told.ipfsCid)
}

fn published(root: B256, epoch: u64) -> (B256, U256, Bytes) {
    (root, u(epoch), Bytes::from_static(CID))
}

fn reports(world: &Distribution, root: B256, epoch: u64) -> U256 {
    let call = oracle::getReportsCall { merkleRoot: root, epoch: u(epoch), ipfsCid: Bytes::from_static(CID) };
    world.ask_oracle(call).reports
}

fn reported(world: &Distribution, who: &str, root: B256, epoch: u64, count: u64) -> LogData {
    let event = oracle::RootReported {
        reporter: world.who(who),
        merkleRoot: root,
        epoch: u(epoch),
        ipfsCid: Bytes::from_static(CID),
        reports: u(count),
    };
    log(event)
}

fn differs(world: &Distribution, who: &str, epoch: u64, root: B256, other: B256) -> LogData {
    log(oracle::ReportDiffers {
        reporter: world.who(who),
        epoch: u(epoch),
        digest: digest(root, epoch, CID),
        other: digest(other, epoch, CID),
    })
}

fn updated(root: B256, epoch: u64) -> LogData {
    log(oracle::OracleRootUpdated { merkleRoot: root, epoch: u(epoch), ipfsCid: Bytes::from_static(CID) })
}

fn logs(world: &Distribution, outcome: Outcome<oracle::writeOracleDataReturn>) -> Vec<LogData> {
    logs_of(&outcome.unwrap().receipt, world.oracle)
}

#[test]
fn md_60_only_reporters_write_and_only_the_next_epoch() {
    let mut world = with_oracle();
    let root = tree("T5").root();
    let account = world.who("x");
    let refused = report(&mut world, "x", root, 0).unwrap_err();
    let needed = role("REPORTER_ROLE");
    assert_refused(refused, IRoles::AccessControlUnauthorizedAccount { account, neededRole: needed });
    let refused = report(&mut world, "R1", root, 7).unwrap_err();
    assert_refused(refused, oracle::WrongEpoch { epoch: u(7), next: u(0) });
}

#[test]
fn md_62_an_adapter_can_stand_in_the_oracles_place() {
    let mut world = with_oracle();
    let tree = tree("T5");
    let adapter = distribution::puppet(&mut world.chain);
    world.oracle = adapter;
    world.send("GOV", md::setRewardsOracleCall { rewardsOracle: adapter }).unwrap();
    world.activate(&tree);
    assert_eq!(world.claim(&tree, user(1)).unwrap().ret, tokens(100));
}

#[test]
fn a_quorum_of_equal_reports_publishes() {
    let mut world = with_oracle();
    let tree = tree("T5");
    let root = tree.root();
    assert_eq!(read(&world), (B256::ZERO, u(0), Bytes::new()));
    for (count, who) in [(1, "R1"), (2, "R2")] {
        let outcome = report(&mut world, who, root, 0);
        assert_logs(logs(&world, outcome), [reported(&world, who, root, 0, count)]);
        assert_eq!((read(&world).0, reports(&world, root, 0)), (B256::ZERO, u(count)));
        assert_refused(world.send("anyone", md::proposeRootCall {}).unwrap_err(), md::OracleRootUnset {});
    }
    let outcome = report(&mut world, "R3", root, 0);
    assert_logs(logs(&world, outcome), [reported(&world, "R3", root, 0, 3), updated(root, 0)]);
    assert_eq!(read(&world), published(root, 0));
    assert_eq!(world.ask_oracle(oracle::getReportCall { reporter: world.who("R3") }), digest(root, 0, CID));

    world.send("anyone", md::proposeRootCall {}).unwrap();
    world.at(START + WAIT).update().unwrap();
    assert_eq!(world.claim(&tree, user(1)).unwrap().ret, tokens(100));
    // The next epoch begins with nothing.
    let next = self::tree("T5b").root();
    let outcome = report(&mut world, "R1", next, 1);
    assert_logs(logs(&world, outcome), [reported(&world, "R1", next, 1, 1)]);
    assert_eq!(read(&world), published(root, 0));
}

#[test]
fn late_reports_are_seen() {
    let mut world = with_oracle();
    let root = tree("T5").root();
    for who in ["R1", "R2", "R3"] {
        report(&mut world, who, root, 0).unwrap();
    }
    let outcome = report(&mut world, "R4", root, 0);
    let late = oracle::LateReport { reporter: world.who("R4"), epoch: u(0), digest: digest(root, 0, CID) };
    assert_logs(logs(&world, outcome), [reported(&world, "R4", root, 0, 4), log(late)]);
    assert_eq!(read(&world), published(root, 0));
}

#[test]
fn different_reports_are_seen_and_do_not_count_together() {
    let mut world = with_oracle();
    let (root, other) = (tree("T5").root(), tree("T2").root());
    report(&mut world, "R1", root, 0).unwrap();
    let outcome = report(&mut world, "R2", other, 0);
    let expected = [reported(&world, "R2", other, 0, 1), differs(&world, "R2", 0, other, root)];
    assert_logs(logs(&world, outcome), expected);
    let outcome = report(&mut world, "R3", root, 0);
    let expected = [reported(&world, "R3", root, 0, 2), differs(&world, "R3", 0, root, other)];
    assert_logs(logs(&world, outcome), expected);
    assert_eq!(read(&world).0, B256::ZERO);

    // Another file is another report, and so is the same text cut elsewhere.
    world.tell_oracle("R4", report_call(root, 0, &CID[1..])).unwrap();
    assert_eq!((reports(&world, root, 0), read(&world).0), (u(2), B256::ZERO));
    // A reporter that changes its mind leaves its former report.
    report(&mut world, "R2", root, 0).unwrap();
    assert_eq!((reports(&world, root, 0), reports(&world, other, 0)), (u(3), u(0)));
    assert_eq!(read(&world), published(root, 0));
}

#[test]
fn nobody_counts_twice() {
    let mut world = with_oracle();
    let (root, other) = (tree("T5").root(), tree("T2").root());
    let reporter = world.who("R1");
    for _ in 0..3 {
        report(&mut world, "R1", root, 0).unwrap();
        let refused = report(&mut world, "R1", root, 0).unwrap_err();
        assert_refused(refused, oracle::DuplicateReport { reporter, digest: digest(root, 0, CID) });
        report(&mut world, "R1", other, 0).unwrap();
    }
    assert_eq!((reports(&world, root, 0), reports(&world, other, 0)), (u(0), u(1)));
    assert_eq!(read(&world).0, B256::ZERO);
}

#[test]
fn a_root_that_waits_can_be_corrected() {
    let mut world = with_oracle();
    let (bad, good) = (tree("T2").root(), tree("T5").root());
    for who in ["R1", "R2", "R3"] {
        report(&mut world, who, bad, 0).unwrap();
    }
    world.send("anyone", md::proposeRootCall {}).unwrap();
    world.send("PAUSE", md::cancelProposedRootCall { expectedRoot: bad }).unwrap();
    assert!(world.send("anyone", md::proposeRootCall {}).unwrap_err().is::<md::RootWasCancelled>());
    for who in ["R1", "R2", "R3"] {
        assert_eq!(read(&world), published(bad, 0));
        report(&mut world, who, good, 0).unwrap();
    }
    assert_eq!(read(&world), published(good, 0));
    world.send("anyone", md::proposeRootCall {}).unwrap();
    world.at(START + WAIT).update().unwrap();
    assert_eq!(world.view(md::getActiveRootCall {}).merkleRoot, good);
    let refused = report(&mut world, "R1", bad, 0).unwrap_err();
    assert_refused(refused, oracle::WrongEpoch { epoch: u(0), next: u(1) });
}

#[test]
fn bad_reports_are_named() {
    let mut world = with_oracle();
    let root = tree("T5").root();
    assert_refused(report(&mut world, "R1", B256::ZERO, 0).unwrap_err(), oracle::ZeroRoot {});
    let refused = world.tell_oracle("R1", report_call(root, 0, &[1; 256])).unwrap_err();
    assert_refused(refused, oracle::CidTooLong { length: u(256), maximum: u(255) });
    let call = oracle::writeOracleDataCall { merkleRoot: root, epoch: U256::MAX, ipfsCid: Bytes::new() };
    let refused = world.tell_oracle("R1", call).unwrap_err();
    assert_refused(refused, oracle::WrongEpoch { epoch: U256::MAX, next: u(0) });
    for length in [0, 255] {
        world.tell_oracle("R1", report_call(root, 0, &vec![1; length])).unwrap();
    }
    let long = oracle::getReportsCall { merkleRoot: root, epoch: u(0), ipfsCid: vec![1; 255].into() };
    assert_eq!(world.ask_oracle(long.clone()).reports, u(1));
    let beyond = oracle::getReportsCall { epoch: U256::MAX, ..long };
    assert_eq!(world.ask_oracle(beyond).reports, u(0));
    let last_byte =
        oracle::getReportsCall { merkleRoot: root, epoch: u(0), ipfsCid: [&[1; 254][..], &[2]].concat().into() };
    assert_eq!(world.ask_oracle(last_byte).reports, u(0), "every byte counts");
}

#[test]
fn who_leaves_takes_its_report_along() {
    let mut world = with_oracle();
    let root = tree("T5").root();
    let (reporter_role, account) = (role("REPORTER_ROLE"), world.who("R1"));
    report(&mut world, "R1", root, 0).unwrap();
    report(&mut world, "R2", root, 0).unwrap();
    world.tell_oracle("GOV", IRoles::revokeRoleCall { role: reporter_role, account }).unwrap();
    assert_eq!(reports(&world, root, 0), u(1));
    assert_eq!(world.ask_oracle(oracle::getReporterCountCall {}), u(3));
    report(&mut world, "R3", root, 0).unwrap();
    assert_eq!(read(&world).0, B256::ZERO, "two are left");

    // It comes back with nothing.
    world.tell_oracle("GOV", IRoles::grantRoleCall { role: reporter_role, account }).unwrap();
    assert_eq!(reports(&world, root, 0), u(2));
    let account = world.who("R2");
    world.tell_oracle("R2", IRoles::renounceRoleCall { role: reporter_role, account }).unwrap();
    assert_eq!(reports(&world, root, 0), u(1));
    // Granting again or revoking who is none changes no number.
    let (reporter, stranger) = (world.who("R3"), world.who("x"));
    world.tell_oracle("GOV", IRoles::grantRoleCall { role: reporter_role, account: reporter }).unwrap();
    world.tell_oracle("GOV", IRoles::revokeRoleCall { role: reporter_role, account: stranger }).unwrap();
    let owner_role = role("OWNER_ROLE");
    world.tell_oracle("GOV", IRoles::grantRoleCall { role: owner_role, account: stranger }).unwrap();
    world.tell_oracle("GOV", IRoles::revokeRoleCall { role: owner_role, account: stranger }).unwrap();
    assert_eq!(world.ask_oracle(oracle::getReporterCountCall {}), u(3));
}

#[test]
fn a_quorum_is_more_than_half_and_all_at_most() {
    let mut world = with_oracle();
    let set = |quorum| oracle::setQuorumCall { quorum };
    for quorum in [u(0), u(6), u(65_537), U256::MAX] {
        let refused = world.tell_oracle("GOV", set(quorum)).unwrap_err();
        assert_refused(refused, oracle::InvalidQuorum { quorum, reporters: u(4) });
    }
    for quorum in [1, 2] {
        let refused = world.tell_oracle("GOV", set(u(quorum))).unwrap_err();
        assert_refused(refused, oracle::NoMajority { quorum: u(quorum), reporters: u(4) });
    }
    let refused = world.tell_oracle("R1", set(u(3))).unwrap_err();
    let account = world.who("R1");
    let needed = role("OWNER_ROLE");
    assert_refused(refused, IRoles::AccessControlUnauthorizedAccount { account, neededRole: needed });

    // A quorum that is met by now publishes with the next equal report, even of who reported it.
    world.tell_oracle("GOV", set(u(4))).unwrap();
    let root = tree("T5").root();
    for who in ["R1", "R2", "R3"] {
        report(&mut world, who, root, 0).unwrap();
    }
    let done = world.tell_oracle("GOV", set(u(3))).unwrap();
    assert_logs(logs_of(&done.receipt, world.oracle), [log(oracle::QuorumChanged { quorum: u(3), reporters: u(4) })]);
    assert_eq!(world.ask_oracle(oracle::getQuorumCall {}), u(3));
    let outcome = report(&mut world, "R1", root, 0);
    assert_logs(logs(&world, outcome), [reported(&world, "R1", root, 0, 3), updated(root, 0)]);
    assert!(report(&mut world, "R1", root, 0).unwrap_err().is::<oracle::DuplicateReport>());
}

/// Two groups that replace each other's root would put off every activation: more than half must agree, also after somebody joined.
#[test]
fn nobody_joins_without_a_majority() {
    let mut world = Distribution::deploy();
    let (distributor, reporters) = (world.distributor, vec![world.who("R1"), world.who("R2")]);
    let refused = deploy_oracle(&mut world.chain, distributor, reporters, u(1)).unwrap_err();
    assert_refused(refused, oracle::NoMajority { quorum: u(1), reporters: u(2) });

    let first = vec![world.who("R1")];
    world.oracle = deploy_oracle(&mut world.chain, distributor, first, u(1)).unwrap().address;
    let join =
        |world: &Distribution, name| IRoles::grantRoleCall { role: role("REPORTER_ROLE"), account: world.who(name) };
    let second = join(&world, "R2");
    let refused = world.tell_oracle("GOV", second.clone()).unwrap_err();
    assert_refused(refused, oracle::NoMajority { quorum: u(1), reporters: u(2) });
    // The quorum goes ahead by one; until somebody joins nothing is published.
    world.tell_oracle("GOV", oracle::setQuorumCall { quorum: u(2) }).unwrap();
    let root = tree("T5").root();
    report(&mut world, "R1", root, 0).unwrap();
    assert_eq!(read(&world).0, B256::ZERO);
    world.tell_oracle("GOV", second).unwrap();
    report(&mut world, "R2", root, 0).unwrap();
    assert_eq!(read(&world).0, root);
    let third = join(&world, "R3");
    world.tell_oracle("GOV", third).unwrap();
    let fourth = join(&world, "R4");
    let refused = world.tell_oracle("GOV", fourth).unwrap_err();
    assert_refused(refused, oracle::NoMajority { quorum: u(2), reporters: u(4) });
    // Leaving is always possible.
    for name in ["R1", "R2", "R3"] {
        let call = IRoles::revokeRoleCall { role: role("REPORTER_ROLE"), account: world.who(name) };
        world.tell_oracle("GOV", call).unwrap();
    }
    assert_eq!(world.ask_oracle(oracle::getReporterCountCall {}), u(0));
}

#[test]
fn construction_names_reporters_once() {
    let mut world = Distribution::deploy();
    let [a, b] = ["R1", "R2"].map(|name| world.who(name));
    let distributor = world.distributor;
    let refused = deploy_oracle(&mut world.chain, distributor, vec![a, b, a], u(1)).unwrap_err();
    assert_refused(refused, oracle::DuplicateReporter { reporter: a });
    for quorum in [0, 3] {
        let refused = deploy_oracle(&mut world.chain, distributor, vec![a, b], u(quorum)).unwrap_err();
        assert_refused(refused, oracle::InvalidQuorum { quorum: u(quorum), reporters: u(2) });
    }
    let nobody = Address::repeat_byte(2);
    let refused = deploy_oracle(&mut world.chain, nobody, vec![a], u(1)).unwrap_err();
    assert_refused(refused, oracle::InvalidDistributor { distributor: nobody });

    let deployed = deploy_oracle(&mut world.chain, distributor, vec![a, b], u(2)).unwrap();
    let (owner, sender) = (world.who("GOV"), chain::STYLUS_DEPLOYER);
    let (admin, reporter) = (role("OWNER_ROLE"), role("REPORTER_ROLE"));
    let granted = |role, account| log(IRoles::RoleGranted { role, account, sender });
    let changed = |role| log(IRoles::RoleAdminChanged { role, previousAdminRole: B256::ZERO, newAdminRole: admin });
    assert_logs(
        logs_of(&deployed.creation, deployed.address),
        [
            granted(admin, owner),
            changed(admin),
            changed(reporter),
            granted(reporter, a),
            granted(reporter, b),
            log(oracle::QuorumChanged { quorum: u(2), reporters: u(2) }),
        ],
    );
    world.oracle = deployed.address;
    assert_eq!(world.ask_oracle(oracle::MERKLE_DISTRIBUTORCall {}), distributor);
    assert_eq!(world.ask_oracle(oracle::REPORTER_ROLECall {}), reporter);
    assert_eq!(world.ask_oracle(IRoles::getRoleAdminCall { role: reporter }), admin);
}

#[test]
fn a_distributor_that_does_not_tell_its_epoch() {
    let mut world = Distribution::deploy();
    let puppet = distribution::puppet(&mut world.chain);
    let reporter = world.who("R1");
    let deployed = deploy_oracle(&mut world.chain, puppet, vec![reporter], u(1)).unwrap();
    world.oracle = deployed.address;
    let selector = md::getNextRootEpochCall::SELECTOR;
    let beyond: U256 = U256::from(1) << 40;
    let answers = [
        (Answer::Revert, Bytes::new()),
        (Answer::Return, vec![0; 31].into()),
        (Answer::Return, beyond.abi_encode().into()),
    ];
    for (answer, data) in answers {
        distribution::tell(&mut world.chain, puppet, selector, answer, data, None);
        let call = oracle::writeOracleDataCall { merkleRoot: tree("T5").root(), epoch: beyond, ipfsCid: Bytes::new() };
        let refused = world.tell_oracle("R1", call).unwrap_err();
        assert_refused(refused, oracle::DistributorFailed { distributor: puppet });
    }
}
