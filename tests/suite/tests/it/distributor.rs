//! The distributor's scenarios (rewards-distributor.md section 11) and what its deviations add.

use alloy_primitives::Bytes;
use chain::Caller;
use suite::{
    abi::IMerkleDistributor as md,
    deployment::role,
    distribution::{self, CID, INTERVAL, Terms, published},
    prelude::*,
};

type Root = (B256, U256, Bytes);

fn active(world: &Distribution) -> Root {
    let root = world.view(md::getActiveRootCall {});
    (root.merkleRoot, root.epoch, root.ipfsCid)
}

fn proposed(world: &Distribution) -> Root {
    let root = world.view(md::getProposedRootCall {});
    (root.merkleRoot, root.epoch, root.ipfsCid)
}

fn cancelled(world: &Distribution) -> Root {
    let root = world.view(md::getCancelledRootCall {});
    (root.merkleRoot, root.epoch, root.ipfsCid)
}

fn named(root: B256, epoch: u64, cid: &[u8]) -> Root {
    (root, u(epoch), Bytes::copy_from_slice(cid))
}

fn nothing() -> Root {
    named(B256::ZERO, 0, b"")
}

fn root_proposed(root: B256, epoch: u64, cid: &[u8], end: u64) -> LogData {
    let ipfs_cid = Bytes::copy_from_slice(cid);
    log(md::RootProposed { merkleRoot: root, epoch: u(epoch), ipfsCid: ipfs_cid, waitingPeriodEnd: u(end) })
}

fn root_updated(root: B256, epoch: u64, cid: &[u8]) -> LogData {
    log(md::RootUpdated { merkleRoot: root, epoch: u(epoch), ipfsCid: Bytes::copy_from_slice(cid) })
}

fn claimed(account: Address, amount: U256) -> LogData {
    log(md::RewardsClaimed { account, amount })
}

fn unauthorized(world: &Distribution, who: &str, needed: &str) -> IRoles::AccessControlUnauthorizedAccount {
    IRoles::AccessControlUnauthorizedAccount { account: world.who(who), neededRole: role(needed) }
}

/// What a proof of this leaf leads to, where the active root is another one.
fn invalid(tree: &model::tree::Tree, account: Address, amount: U256, proof: &[B256]) -> md::InvalidMerkleProof {
    let leaf = model::tree::leaf(account, amount);
    let proven = proof.iter().fold(leaf, |hash, sibling| model::tree::node(hash, *sibling));
    md::InvalidMerkleProof { proven, active: tree.root() }
}

fn current_epoch(world: &Distribution) -> U256 {
    world.view(md::getCurrentEpochCall {})
}

fn ipfs_epoch(world: &Distribution) -> U256 {
    world.view(md::getIpfsEpochCall {})
}

fn pause(world: &mut Distribution) {
    world.send("PAUSE", md::pauseRootUpdatesCall {}).unwrap();
}

fn unpause(world: &mut Distribution) {
    world.send("RESUME", md::unpauseRootUpdatesCall {}).unwrap();
}

fn with_active(name: &str) -> (Distribution, model::tree::Tree) {
    let (mut world, tree) = (Distribution::deploy(), tree(name));
    world.at(START).activate(&tree);
    (world, tree)
}

/// T5 proposed at T0.
fn with_proposal() -> (Distribution, B256) {
    let (mut world, root) = (Distribution::deploy(), tree("T5").root());
    world.at(START).propose(root, 0, CID).unwrap();
    (world, root)
}

// ---------------------------------------------------------------- schedule

#[test]
fn md_01_there_is_no_epoch_before_the_first() {
    let mut world = Distribution::deploy();
    let refused = world.at(START - 1).try_view(md::getCurrentEpochCall {}).unwrap_err();
    assert_refused(refused, md::EpochZeroNotStarted { timestamp: u(START - 1), start: u(START) });
}

#[test]
fn md_02_epochs_change_at_their_second() {
    let mut world = Distribution::deploy();
    for (time, epoch) in [(0, 0), (2_419_199, 0), (2_419_200, 1)] {
        assert_eq!(current_epoch(world.at(START + time)), u(epoch));
    }
}

#[test]
fn md_03_files_of_epoch_zero_come_later() {
    let mut world = Distribution::deploy();
    let refused = world.at(START + 179).try_view(md::getIpfsEpochCall {}).unwrap_err();
    assert_refused(refused, md::IpfsEpochZeroNotStarted { timestamp: u(START - 1), start: u(START) });
    assert_eq!(ipfs_epoch(world.at(START + 180)), u(0));
}

#[test]
fn md_04_the_file_epoch_is_the_epoch_delayed() {
    let mut world = Distribution::deploy();
    for (time, epoch) in [(2_419_379, 0), (2_419_380, 1)] {
        assert_eq!(ipfs_epoch(world.at(START + time)), u(epoch));
        assert_eq!(current_epoch(&world), u(1));
    }
}

#[test]
fn md_05_an_update_period_longer_than_time() {
    let mut world = Distribution::deploy();
    let period = U256::from(1) << 255;
    world.at(START).send("CONF", md::setIpfsUpdatePeriodCall { ipfsUpdatePeriod: period }).unwrap();
    assert_eq!(world.view(md::getIpfsUpdatePeriodCall {}), period);
    let refused = world.try_view(md::getIpfsEpochCall {}).unwrap_err();
    assert_refused(refused, md::IpfsPeriodExceedsTime { period, timestamp: u(START) });
}

#[test]
fn md_06_lengths_and_starts_are_bounded() {
    let mut world = Distribution::deploy();
    world.at(START);
    let year = 31_622_400;
    let mut set = |interval, offset| world.send("CONF", md::setEpochParametersCall { interval, offset });
    assert_refused(set(u(0), u(START)).unwrap_err(), md::ZeroInterval {});
    for interval in [u(year + 1), U256::from(1) << 128, U256::MAX] {
        assert_refused(set(interval, u(START)).unwrap_err(), md::EpochTooLong { interval, maximum: u(year) });
    }
    let maximum = u(START + year);
    for offset in [u(START + year + 1), U256::from(1) << 128, U256::MAX] {
        assert_refused(set(u(1), offset).unwrap_err(), md::OffsetTooFar { offset, maximum });
    }
    let done = set(u(year), maximum).unwrap();
    let parameters = md::EpochParameters { interval: 31_622_400, offset: u128::from(START + year) };
    assert_logs(world.logs(&done.receipt), [log(md::EpochScheduleUpdated { epochParameters: parameters })]);
    let refused = world.try_view(md::getCurrentEpochCall {}).unwrap_err();
    assert_refused(refused, md::EpochZeroNotStarted { timestamp: u(START), start: maximum });
}

#[test]
fn md_07_a_schedule_holds_at_once() {
    let mut world = Distribution::deploy();
    let (interval, offset) = (u(INTERVAL), u(START + 10 - 3 * INTERVAL));
    world.at(START + 10).send("CONF", md::setEpochParametersCall { interval, offset }).unwrap();
    assert_eq!(current_epoch(&world), u(3));
    let schedule = world.view(md::getEpochParametersCall {});
    assert_eq!((U256::from(schedule.interval), U256::from(schedule.offset)), (interval, offset));
}

#[test]
fn md_08_length_and_start_cannot_be_swapped() {
    let swapped = Terms { schedule: (u(START), u(INTERVAL)), ..Terms::default() };
    let refused = Distribution::with(&swapped).unwrap_err();
    assert_refused(refused, md::EpochTooLong { interval: u(START), maximum: u(31_622_400) });
}

// ---------------------------------------------------------------- proposing

#[test]
fn md_09_an_oracle_that_knows_nothing() {
    let mut world = Distribution::deploy();
    let refused = world.at(START).propose(B256::ZERO, 0, b"").unwrap_err();
    assert_refused(refused, md::OracleRootUnset {});
}

#[test]
fn md_10_the_first_root_has_epoch_zero() {
    let mut world = Distribution::deploy();
    let refused = world.at(START).propose(tree("T5").root(), 1, CID).unwrap_err();
    assert_refused(refused, md::UnexpectedOracleEpoch { epoch: u(1), next: u(0) });
}

#[test]
fn md_11_a_proposal_waits() {
    let (mut world, root) = (Distribution::deploy(), tree("T5").root());
    let done = world.at(START).propose(root, 0, CID).unwrap();
    assert_logs(world.logs(&done.receipt), [root_proposed(root, 0, CID, 1_628_607_600)]);
    assert!(world.view(md::hasPendingRootCall {}));
    assert!(!world.view(md::canUpdateRootCall {}));
    assert_eq!(world.view(md::getNextRootEpochCall {}), u(0));
    assert_eq!(world.view(md::getWaitingPeriodEndCall {}), u(1_628_607_600));
    assert_eq!((proposed(&world), active(&world)), (named(root, 0, CID), nothing()));
}

#[test]
fn md_12_nothing_is_proposed_twice() {
    let (mut world, root) = with_proposal();
    let refused = world.send("anyone", md::proposeRootCall {}).unwrap_err();
    assert_refused(refused, md::RootAlreadyProposed { merkleRoot: root, epoch: u(0) });
}

#[test]
fn md_13_another_epoch_is_another_root() {
    let (mut world, root) = with_proposal();
    let refused = world.propose(root, 1, CID).unwrap_err();
    assert_refused(refused, md::UnexpectedOracleEpoch { epoch: u(1), next: u(0) });
}

#[test]
fn md_14_another_file_restarts_the_wait() {
    let (mut world, root) = with_proposal();
    let done = world.at(START + 6 * DAY).propose(root, 0, b"").unwrap();
    assert_logs(world.logs(&done.receipt), [root_proposed(root, 0, b"", START + 13 * DAY)]);
    let refused = world.at(START + 7 * DAY).update().unwrap_err();
    let end = u(START + 13 * DAY);
    assert_refused(refused, md::WaitingPeriodNotElapsed { timestamp: u(START + 7 * DAY), waitingPeriodEnd: end });
}

#[test]
fn md_15_back_and_forth_restarts_the_wait() {
    let mut world = Distribution::deploy();
    let (first, second) = (tree("T1").root(), tree("T2").root());
    world.at(START).propose(first, 0, b"A").unwrap();
    world.at(START + DAY).propose(second, 0, b"B").unwrap();
    world.at(START + 2 * DAY).propose(first, 0, b"A").unwrap();
    assert_eq!(world.view(md::getWaitingPeriodEndCall {}), u(START + 9 * DAY));
}

#[test]
fn md_16_what_has_waited_cannot_be_put_off() {
    let mut world = Distribution::deploy();
    let (first, second) = (tree("T1").root(), tree("T2").root());
    world.at(START).propose(first, 0, b"A").unwrap();
    world.at(START + WAIT);
    assert!(world.view(md::canUpdateRootCall {}));
    let refused = world.propose(second, 0, b"B").unwrap_err();
    assert_refused(refused, md::UnexpectedOracleEpoch { epoch: u(0), next: u(1) });
    assert!(world.view(md::canUpdateRootCall {}), "the refusal took nothing along");
    world.update().unwrap();
    assert_eq!(active(&world), named(first, 0, b"A"));
}

#[test]
fn md_17_an_oracle_without_code() {
    let mut world = Distribution::deploy();
    for rewards_oracle in [world.who("S0"), Address::repeat_byte(9)] {
        let call = md::setRewardsOracleCall { rewardsOracle: rewards_oracle };
        let refused = world.send("GOV", call).unwrap_err();
        assert_refused(refused, md::InvalidOracle { oracle: rewards_oracle });
    }
    let done = world.send("GOV", md::setRewardsOracleCall { rewardsOracle: Address::ZERO }).unwrap();
    assert_logs(world.logs(&done.receipt), [log(md::RewardsOracleChanged { rewardsOracle: Address::ZERO })]);
    let refused = world.send("anyone", md::proposeRootCall {}).unwrap_err();
    assert_refused(refused, md::InvalidOracle { oracle: Address::ZERO });
}

// ---------------------------------------------------------------- promoting

#[test]
fn md_18_nothing_to_update() {
    let mut world = Distribution::deploy();
    assert_refused(world.update().unwrap_err(), md::NoProposedRoot {});
}

#[test]
fn md_19_the_last_second_of_the_wait_suffices() {
    let (mut world, root) = with_proposal();
    let end = START + WAIT;
    let refused = world.at(end - 1).update().unwrap_err();
    assert_refused(refused, md::WaitingPeriodNotElapsed { timestamp: u(end - 1), waitingPeriodEnd: u(end) });
    assert!(world.at(end).view(md::canUpdateRootCall {}));
    let done = world.update().unwrap();
    assert_logs(world.logs(&done.receipt), [root_updated(root, 0, CID)]);
    assert_eq!(world.view(md::getNextRootEpochCall {}), u(1));
    assert!(!world.view(md::hasPendingRootCall {}));
    assert!(!world.view(md::canUpdateRootCall {}));
    assert_eq!((proposed(&world), active(&world)), (named(root, 0, CID), named(root, 0, CID)));
    assert_eq!(world.view(md::getWaitingPeriodEndCall {}), u(end));
}

#[test]
fn md_20_an_active_root_is_not_updated_again() {
    let (mut world, _) = with_active("T5");
    assert_refused(world.update().unwrap_err(), md::UnexpectedProposedEpoch { epoch: u(0), next: u(1) });
}

#[test]
fn md_21_an_active_root_is_not_proposed_again() {
    let (mut world, tree) = with_active("T5");
    let refused = world.send("anyone", md::proposeRootCall {}).unwrap_err();
    assert_refused(refused, md::RootAlreadyProposed { merkleRoot: tree.root(), epoch: u(0) });
    for (epoch, cid) in [(0, &b"other"[..]), (2, CID)] {
        let refused = world.propose(tree.root(), epoch, cid).unwrap_err();
        assert_refused(refused, md::UnexpectedOracleEpoch { epoch: u(epoch), next: u(1) });
    }
}

#[test]
fn md_22_a_root_may_follow_itself() {
    let (mut world, tree) = with_active("T2");
    world.propose(tree.root(), 1, CID).unwrap();
    assert_eq!((proposed(&world), active(&world)), (named(tree.root(), 1, CID), named(tree.root(), 0, CID)));
}

#[test]
fn md_23_root_epochs_are_not_epochs() {
    let mut world = Distribution::deploy();
    world.at(START + 9 * DAY).activate(&tree("T5"));
    assert_eq!(world.chain.timestamp(), START + 16 * DAY);
    world.activate(&tree("T5b"));
    assert_eq!(world.chain.timestamp(), START + 23 * DAY);
    assert_eq!(active(&world).1, u(1));
    assert_eq!(current_epoch(&world), u(0));
}

// ---------------------------------------------------------------- pausing

#[test]
fn md_24_pausing_needs_its_role() {
    let mut world = Distribution::deploy();
    for _ in 0..2 {
        let refused = world.send("GOV", md::pauseRootUpdatesCall {}).unwrap_err();
        assert_refused(refused, unauthorized(&world, "GOV", "PAUSER_ROLE"));
        if !world.view(md::getAreRootUpdatesPausedCall {}) {
            pause(&mut world);
        }
    }
}

#[test]
fn md_25_pausing_is_not_unpausing() {
    let mut world = Distribution::deploy();
    let done = world.send("PAUSE", md::pauseRootUpdatesCall {}).unwrap();
    assert_logs(world.logs(&done.receipt), [log(md::RootUpdatesPaused {})]);
    let refused = world.send("PAUSE", md::pauseRootUpdatesCall {}).unwrap_err();
    assert_refused(refused, md::UpdatesPaused {});
    let refused = world.send("PAUSE", md::unpauseRootUpdatesCall {}).unwrap_err();
    assert_refused(refused, unauthorized(&world, "PAUSE", "UNPAUSER_ROLE"));
}

#[test]
fn md_26_a_pause_stops_an_update() {
    let (mut world, _) = with_proposal();
    pause(&mut world);
    assert_refused(world.at(START + WAIT).update().unwrap_err(), md::UpdatesPaused {});
    assert!(world.view(md::hasPendingRootCall {}));
    assert!(!world.view(md::canUpdateRootCall {}));
}

#[test]
fn md_27_proposals_go_on_while_paused() {
    let (mut world, _) = with_proposal();
    pause(&mut world);
    let other = tree("T2").root();
    let now = START + WAIT + DAY; // The first has waited, and is replaced all the same.
    let done = world.at(now).propose(other, 0, CID).unwrap();
    assert_logs(world.logs(&done.receipt), [root_proposed(other, 0, CID, now + WAIT)]);
    assert_eq!(active(&world), nothing());
}

#[test]
fn md_28_the_wait_goes_on_while_paused() {
    let (mut world, root) = with_proposal();
    pause(&mut world);
    let done = world.at(START + WAIT).send("RESUME", md::unpauseRootUpdatesCall {}).unwrap();
    assert_logs(world.logs(&done.receipt), [log(md::RootUpdatesUnpaused {})]);
    world.update().unwrap();
    assert_eq!(active(&world).0, root);
}

#[test]
fn md_29_what_is_not_paused_is_not_unpaused() {
    let mut world = Distribution::deploy();
    let refused = world.send("RESUME", md::unpauseRootUpdatesCall {}).unwrap_err();
    assert_refused(refused, md::UpdatesNotPaused {});
}

#[test]
fn md_30_claims_go_on_while_paused() {
    let (mut world, tree) = with_active("T5");
    pause(&mut world);
    assert_eq!(world.claim(&tree, user(1)).unwrap().ret, tokens(100));
}

// ---------------------------------------------------------------- claiming

#[test]
fn md_31_nothing_is_paid_without_a_root() {
    let mut world = Distribution::deploy();
    let empty = world.claim_with(user(1), u(0), vec![]).unwrap_err();
    let leaf = model::tree::leaf(user(1), u(0));
    assert_refused(empty, md::InvalidMerkleProof { proven: leaf, active: B256::ZERO });
    assert!(world.claim(&tree("T5"), user(1)).unwrap_err().is::<md::InvalidMerkleProof>());
}

#[test]
fn md_32_a_tree_of_one_leaf() {
    let (mut world, tree) = with_active("T1");
    let done = world.claim_with(user(1), tokens(1000), vec![]).unwrap();
    assert_eq!(done.ret, tokens(1000));
    assert_eq!(world.balance(user(1)), tokens(1000));
    assert_logs(world.logs(&done.receipt), [claimed(user(1), tokens(1000))]);
    assert_eq!(tree.root(), model::tree::leaf(user(1), tokens(1000)));
}

#[test]
fn md_33_the_same_claim_pays_once() {
    let (mut world, tree) = with_active("T5");
    assert_eq!(world.claim(&tree, user(1)).unwrap().ret, tokens(100));
    let again = world.claim(&tree, user(1)).unwrap();
    assert_eq!(again.ret, u(0));
    assert_eq!(again.receipt.logs, []);
    assert_eq!(world.balance(user(1)), tokens(100));
}

#[test]
fn md_34_wrong_proofs_are_refused() {
    let (mut world, tree) = with_active("T5");
    let (amount, proof) = tree.claim(user(2));
    let longer = [&proof[..], &[B256::ZERO]].concat();
    for (account, amount, proof) in [
        (user(2), amount + u(1), proof.clone()),
        (user(1), amount, proof.clone()),
        (user(2), amount, longer),
        (user(2), amount, vec![]),
    ] {
        let refused = world.claim_with(account, amount, proof.clone()).unwrap_err();
        assert_refused(refused, invalid(&tree, account, amount, &proof));
    }
    assert_eq!(world.claimed(user(2)), u(0));
}

#[test]
fn md_35_only_the_difference_is_paid() {
    let (mut world, old) = with_active("T5");
    world.claim(&old, user(1)).unwrap();
    let new = tree("T5b");
    world.activate(&new);
    assert_eq!(world.claim(&new, user(1)).unwrap().ret, tokens(100));
    assert_eq!(world.claimed(user(1)), tokens(200));
}

#[test]
fn md_36_missed_epochs_are_paid_at_once() {
    let (mut world, _) = with_active("T5");
    let new = tree("T5b");
    world.activate(&new);
    assert_eq!(world.claim(&new, user(4)).unwrap().ret, tokens(7_671_232));
}

#[test]
fn md_37_a_few_units_more() {
    let (mut world, old) = with_active("T5");
    world.claim(&old, user(3)).unwrap();
    let new = tree("T5b");
    assert_eq!(world.activate(&new).claim(&new, user(3)).unwrap().ret, u(5));
}

#[test]
fn md_38_an_unchanged_amount_pays_nothing() {
    let (mut world, old) = with_active("T5");
    world.claim(&old, user(2)).unwrap();
    let new = tree("T5b");
    let done = world.activate(&new).claim(&new, user(2)).unwrap();
    assert_eq!(done.ret, u(0));
    assert_eq!(done.receipt.logs, []);
}

#[test]
fn md_39_old_proofs_end_with_their_tree() {
    let (mut world, old) = with_active("T5");
    let new = tree("T5b");
    let (amount, proof) = old.claim(user(4));
    let refused = world.activate(&new).claim_with(user(4), amount, proof.clone()).unwrap_err();
    assert_refused(refused, invalid(&new, user(4), amount, &proof));
}

#[test]
fn md_40_a_proposal_changes_nothing_yet() {
    let (mut world, old) = with_active("T5");
    world.propose(tree("T5b").root(), 1, CID).unwrap();
    assert_eq!(world.claim(&old, user(3)).unwrap().ret, tokens(1_150_685));
}

#[test]
fn md_41_a_decreasing_amount_is_named() {
    let (mut world, old) = with_active("T5");
    let less = model::tree::Tree::new(&[(user(1), tokens(1)), (user(2), tokens(1))]);
    world.claim(&old, user(1)).unwrap();
    let refused = world.activate(&less).claim(&less, user(1)).unwrap_err();
    assert_refused(refused, md::CumulativeAmountDecreased { cumulativeAmount: tokens(1), claimed: tokens(100) });
}

#[test]
fn md_42_a_leaf_of_nothing() {
    let (mut world, tree) = with_active("T3");
    let done = world.claim(&tree, Address::repeat_byte(0xaa)).unwrap();
    assert_eq!(done.ret, u(0));
    assert_eq!(done.receipt.logs, []);
}

#[test]
fn md_43_a_treasury_too_poor() {
    let mut world = Distribution::deploy();
    let tree = model::tree::Tree::new(&[(user(1), U256::from(10).pow(u(28)))]);
    let refused = world.at(START).activate(&tree).claim(&tree, user(1)).unwrap_err();
    assert_refused(refused, md::SafeErc20FailedOperation { token: world.token });
    assert_eq!(world.claimed(user(1)), u(0));
}

#[test]
fn md_44_an_allowance_too_small() {
    let (mut world, tree) = with_active("T3");
    world.allow(u(0));
    assert_eq!(world.claim(&tree, Address::repeat_byte(0xaa)).unwrap().ret, u(0));
    let refused = world.claim(&tree, Address::repeat_byte(0xcc)).unwrap_err();
    assert_refused(refused, md::SafeErc20FailedOperation { token: world.token });
}

// ---------------------------------------------------------------- claiming for others

#[test]
fn md_45_nobody_claims_for_another_without_leave() {
    let (mut world, _) = with_active("T5");
    let wrong = md::claimRewardsForCall { user: user(2), cumulativeAmount: u(1), merkleProof: vec![] };
    for caller in [world.who("x"), world.who("GOV"), user(2)] {
        let refused = world.send(caller, wrong.clone()).unwrap_err();
        assert_refused(refused, md::ClaimNotAllowed { caller, account: user(2) });
    }
}

#[test]
fn md_46_anybody_claims_for_who_allows_it() {
    let (mut world, tree) = with_active("T5");
    let done = world.send(user(2), md::setAlwaysAllowClaimsForCall { allow: true }).unwrap();
    assert_logs(world.logs(&done.receipt), [log(md::AlwaysAllowClaimForUpdated { user: user(2), allow: true })]);
    let amount = tokens(101) + u(1);
    let done = world.claim_for("x", &tree, user(2)).unwrap();
    assert_eq!((done.ret, world.balance(user(2)), world.balance(world.who("x"))), (amount, amount, u(0)));
    assert_logs(world.logs(&done.receipt), [claimed(user(2), amount)]);
}

#[test]
fn md_47_leave_can_be_taken_back() {
    let (mut world, tree) = with_active("T5");
    for allow in [true, false] {
        world.send(user(2), md::setAlwaysAllowClaimsForCall { allow }).unwrap();
        assert_eq!(world.view(md::getAlwaysAllowClaimsForCall { user: user(2) }), allow);
    }
    let caller = world.who("x");
    let refused = world.claim_for("x", &tree, user(2)).unwrap_err();
    assert_refused(refused, md::ClaimNotAllowed { caller, account: user(2) });
}

#[test]
fn md_48_an_operator_claims_for_anybody() {
    let (mut world, tree) = with_active("T5");
    assert_eq!(world.claim_for("OP", &tree, user(5)).unwrap().ret, u(1));
    assert_eq!(world.balance(user(5)), u(1));
}

// ---------------------------------------------------------------- roles and configuration

#[test]
fn md_49_an_owner_is_not_everybody() {
    let mut world = Distribution::deploy();
    let refused = world.send("GOV", md::setEpochParametersCall { interval: u(1), offset: u(1) }).unwrap_err();
    assert_refused(refused, unauthorized(&world, "GOV", "CONFIG_UPDATER_ROLE"));
}

#[test]
fn md_50_alpha_is_at_most_one() {
    let mut world = Distribution::deploy();
    let parameters = |alpha| md::setRewardsParametersCall {
        marketMakerRewardsAmount: u(1),
        traderRewardsAmount: u(2),
        traderScoreAlpha: alpha,
    };
    let refused = world.send("CONF", parameters(tokens(1) + u(1))).unwrap_err();
    assert_refused(refused, md::InvalidTraderScoreAlpha { traderScoreAlpha: tokens(1) + u(1), maximum: tokens(1) });
    let done = world.send("CONF", parameters(tokens(1))).unwrap();
    let updated = md::RewardsParametersUpdated {
        marketMakerRewardsAmount: u(1),
        traderRewardsAmount: u(2),
        traderScoreAlpha: tokens(1),
    };
    assert_logs(world.logs(&done.receipt), [log(updated)]);
    let read = world.view(md::getRewardsParametersCall {});
    assert_eq!(
        (read.marketMakerRewardsAmount, read.traderRewardsAmount, read.traderScoreAlpha),
        (u(1), u(2), tokens(1))
    );
}

#[test]
fn md_51_roles_are_granted_by_owners_if_they_are_known() {
    let mut world = Distribution::deploy();
    let account = world.who("x");
    let grant = |role| IRoles::grantRoleCall { role, account };
    let refused = world.send("PAUSE", grant(role("PAUSER_ROLE"))).unwrap_err();
    assert_refused(refused, unauthorized(&world, "PAUSE", "OWNER_ROLE"));
    for unknown in [B256::ZERO, role("SOME_ROLE")] {
        let refused = world.send("GOV", grant(unknown)).unwrap_err();
        let account = world.who("GOV");
        assert_refused(refused, IRoles::AccessControlUnauthorizedAccount { account, neededRole: B256::ZERO });
        assert_eq!(world.view(IRoles::getRoleAdminCall { role: unknown }), B256::ZERO);
    }
    for known in distribution::ROLES {
        assert_eq!(world.view(IRoles::getRoleAdminCall { role: role(known) }), role("OWNER_ROLE"));
    }
}

#[test]
fn md_52_roles_are_renounced_for_oneself() {
    let mut world = Distribution::deploy();
    let pauser = role("PAUSER_ROLE");
    let refused =
        world.send("GOV", IRoles::renounceRoleCall { role: pauser, account: world.who("PAUSE") }).unwrap_err();
    assert_refused(refused, IRoles::AccessControlBadConfirmation {});
    let account = world.who("GOV");
    let done = world.send("GOV", IRoles::renounceRoleCall { role: pauser, account }).unwrap();
    assert_eq!(done.receipt.logs, []);
}

#[test]
fn md_53_the_last_owner_stays() {
    let mut world = Distribution::deploy();
    let (role, account) = (role("OWNER_ROLE"), world.who("GOV"));
    let refused = world.send("GOV", IRoles::renounceRoleCall { role, account }).unwrap_err();
    assert_refused(refused, IRoles::LastOwner { owner: account });
    let refused = world.send("GOV", IRoles::revokeRoleCall { role, account }).unwrap_err();
    assert_refused(refused, IRoles::LastOwner { owner: account });

    let heir = world.who("heir");
    let offered = world.send("GOV", IRoles::proposeOwnerCall { proposed: heir }).unwrap();
    assert_logs(world.logs(&offered.receipt), [log(IRoles::OwnerProposed { owner: account, proposed: heir })]);
    let done = world.send("heir", IRoles::acceptOwnerCall { owner: account }).unwrap();
    let granted = IRoles::RoleGranted { role, account: heir, sender: heir };
    let revoked = IRoles::RoleRevoked { role, account, sender: heir };
    assert_logs(world.logs(&done.receipt), [log(granted), log(revoked)]);
    assert_eq!(world.view(IRoles::getOwnerCountCall {}), u(1));
}

#[test]
fn md_54_construction_happens_once_and_completely() {
    let world = Distribution::deploy();
    let (owner, admin) = (world.who("GOV"), role("OWNER_ROLE"));
    let changed = |name: &&str| {
        log(IRoles::RoleAdminChanged { role: role(name), previousAdminRole: B256::ZERO, newAdminRole: admin })
    };
    let granted = IRoles::RoleGranted { role: admin, account: owner, sender: chain::STYLUS_DEPLOYER };
    let mut expected = vec![log(granted)];
    expected.extend(distribution::ROLES.iter().map(changed));
    expected.extend([
        log(md::RewardsOracleChanged { rewardsOracle: world.oracle }),
        log(md::IpnsNameUpdated { ipnsName: "rewards-data.dydx.foundation".into() }),
        log(md::IpfsUpdatePeriodUpdated { ipfsUpdatePeriod: u(180) }),
        log(md::RewardsParametersUpdated {
            marketMakerRewardsAmount: tokens(1_150_685),
            traderRewardsAmount: tokens(3_835_616),
            traderScoreAlpha: tokens(7) / u(10),
        }),
        log(md::EpochScheduleUpdated {
            epochParameters: md::EpochParameters { interval: INTERVAL.into(), offset: START.into() },
        }),
    ]);
    assert_logs(world.construction.clone(), expected);

    let arguments = (
        world.token,
        world.who("treasury"),
        world.who("x"),
        world.oracle,
        String::new(),
        u(0),
        u(0),
        u(0),
        u(0),
        u(1),
        u(1),
    );
    let again = [&chain::CONSTRUCTOR[..], &arguments.abi_encode_params()].concat();
    let mut world = world;
    let distributor = world.distributor;
    for caller in [world.who("x"), chain::STYLUS_DEPLOYER] {
        assert!(world.chain.from(caller).send(distributor, again.clone()).unwrap_err().is_empty());
    }
}

#[test]
fn md_61_a_token_that_calls_back_is_refused() {
    let terms = Terms { token: "odd-token", ..Terms::default() };
    for (policy, paid) in [(0, true), (1, false)] {
        let mut world = Distribution::with(&terms).unwrap();
        let tree = tree("T5");
        world.at(START).activate(&tree);
        let (amount, proof) = tree.claim(user(1));
        let inner = md::claimRewardsCall { cumulativeAmount: amount, merkleProof: proof }.abi_encode();
        let data = (world.distributor, U256::from(policy), Bytes::from(inner)).abi_encode_params();
        let call = IOddToken::setBehaviourCall { kind: 6, functions: 2, data: data.into() };
        let token = world.token;
        world.chain.from("GOV").call(token, call).unwrap();
        let outcome = world.claim(&tree, user(1));
        if paid {
            assert_eq!(outcome.unwrap().ret, amount);
            let last = world.chain.view(token, IOddToken::lastCallCall {}).unwrap();
            assert!(!last.success, "the inner claim is refused");
            assert_eq!(world.chain.view(token, IOddToken::lastResultCall {}).unwrap(), Bytes::new());
        } else {
            assert_refused(outcome.unwrap_err(), md::SafeErc20FailedOperation { token });
        }
        assert_eq!(world.balance(user(1)), if paid { amount } else { u(0) });
        assert_eq!(world.claimed(user(1)), if paid { amount } else { u(0) });
    }
}

// ---------------------------------------------------------------- trees

#[test]
fn published_trees_are_rebuilt() {
    for tree in published() {
        let built = model::tree::Tree::new(&tree.balances);
        assert_eq!(built.root(), tree.root, "{}", tree.name);
        for (account, leaf, proof) in tree.proofs {
            let (amount, built_proof) = built.claim(account);
            assert_eq!((model::tree::leaf(account, amount), built_proof), (leaf, proof), "{}: {account}", tree.name);
        }
    }
    let leaf = model::tree::leaf("0xE4dDb4233513498b5aa79B98bEA473b01b101a67".parse().unwrap(), u(123));
    let published = "0xf653091b92ed0c143acbb679e6a1194b2ae6666249387dfff4ae61985eb02287";
    assert_eq!(leaf, published.parse::<B256>().unwrap(), "lp-rewards.md 20.2");
}

#[test]
fn every_leaf_of_every_published_tree_is_paid() {
    for published in published() {
        let mut world = Distribution::deploy();
        let tree = model::tree::Tree::new(&published.balances);
        world.at(START).activate(&tree);
        if published.name == "T3" {
            // One leaf of 2^256 - 1: the treasury gets what the supply has left.
            let (held, all) = (world.balance(world.who("treasury")), U256::MAX);
            let (treasury, token) = (world.who("treasury"), world.token);
            world.chain.from("treasury").call(token, IToken::burnCall { value: held }).unwrap();
            world.mint(treasury, all);
        }
        for (account, amount) in published.balances {
            if published.name == "T3" && amount == u(1) {
                continue; // Nothing is left to pay it.
            }
            let done = world.claim(&tree, account).unwrap();
            assert_eq!((done.ret, world.balance(account)), (amount, amount), "{}: {account}", published.name);
        }
    }
}

#[test]
fn malicious_proofs_are_refused() {
    let (mut world, tree) = with_active("T5");
    let (amount, proof) = tree.claim(user(1));
    let [leaves, inner, ..] = tree.layers() else { panic!("five leaves have four layers") };

    // An inner node as a leaf: its 64 bytes are not the 52 of an account and an amount, however they are cut.
    let preimage = [leaves[0].min(leaves[1]), leaves[0].max(leaves[1])].concat();
    let above = tree.proof(leaves[0])[1..].to_vec();
    assert!(model::tree::leads(inner[0], &above, tree.root()), "with the node itself the proof would hold");
    for start in [0, 12] {
        let account = Address::from_slice(&preimage[start..start + 20]);
        let amount = U256::from_be_slice(&preimage[start + 20..start + 52]);
        assert!(world.claim_with(account, amount, above.clone()).unwrap_err().is::<md::InvalidMerkleProof>());
    }

    let mut swapped = proof.clone();
    swapped.swap(0, 1);
    let truncated = proof[..proof.len() - 1].to_vec();
    let headless = proof[1..].to_vec();
    let extended = [&proof[..], &[tree.root()]].concat();
    let own_leaf = [&[model::tree::leaf(user(1), amount)], &proof[..]].concat();
    for proof in [swapped, truncated, headless, extended, own_leaf, vec![tree.root()]] {
        let refused = world.claim_with(user(1), amount, proof.clone()).unwrap_err();
        assert_refused(refused, invalid(&tree, user(1), amount, &proof));
    }
    let refused = world.claim_with(user(2), amount, proof.clone()).unwrap_err();
    assert_refused(refused, invalid(&tree, user(2), amount, &proof));
    // The same account in another case of writing is the same account; one bit off is another.
    for bit in [0, 1, 128, 255] {
        let changed = amount ^ (U256::from(1) << bit);
        assert!(world.claim_with(user(1), changed, proof.clone()).unwrap_err().is::<md::InvalidMerkleProof>());
    }
    assert_eq!(world.claimed(user(1)), u(0));
}

#[test]
fn arbitrary_trees_pay_what_they_hold() {
    let mut world = Distribution::deploy();
    world.at(START);
    for size in [2_u64, 3, 4, 6, 7, 8, 9, 17, 33, 100] {
        let account = |n: u64| Address::from_slice(&alloy_primitives::keccak256((size, n).abi_encode())[12..]);
        let balances: Vec<_> = (1..=size).map(|n| (account(n), u(n * size))).collect();
        let tree = model::tree::Tree::new(&balances);
        world.activate(&tree);
        for (account, amount) in balances {
            assert_eq!(world.claim(&tree, account).unwrap().ret, amount);
        }
    }
}

// ---------------------------------------------------------------- claims of many

fn entry(tree: &model::tree::Tree, account: Address) -> md::Claim {
    let (amount, proof) = tree.claim(account);
    md::Claim { account, cumulativeAmount: amount, merkleProof: proof }
}

fn refused_entry<E: SolError>(account: Address) -> LogData {
    log(md::ClaimRefused { account, refusal: E::SELECTOR.into() })
}

#[test]
fn a_bad_entry_does_not_stop_the_others() {
    let (mut world, tree) = with_active("T5");
    let mut claims: Vec<_> = (1..=5).map(|number| entry(&tree, user(number))).collect();
    claims[1].cumulativeAmount += u(1);
    claims.push(entry(&tree, user(1))); // Twice.
    let many = |claims: &[md::Claim], all| md::claimManyCall { claims: claims.to_vec(), allOrNothing: all };

    let mut strict = world.clone();
    let before = strict.storage();
    let refused = strict.send("OP", many(&claims, true)).unwrap_err();
    let bad = &claims[1];
    assert_refused(refused, invalid(&tree, user(2), bad.cumulativeAmount, &bad.merkleProof));
    assert_eq!(strict.storage(), before);

    let done = world.send("OP", many(&claims, false)).unwrap();
    let paid = [tokens(100), u(0), tokens(1_150_685), tokens(3_835_616), u(1), u(0)];
    assert_eq!(done.ret, paid);
    assert_logs(
        world.logs(&done.receipt),
        [
            claimed(user(1), paid[0]),
            refused_entry::<md::InvalidMerkleProof>(user(2)),
            claimed(user(3), paid[2]),
            claimed(user(4), paid[3]),
            claimed(user(5), paid[4]),
        ],
    );
}

#[test]
fn each_entry_needs_leave_but_ones_own() {
    let (mut world, tree) = with_active("T5");
    world.send(user(2), md::setAlwaysAllowClaimsForCall { allow: true }).unwrap();
    let claims: Vec<_> = (1..=3).map(|number| entry(&tree, user(number))).collect();
    let done = world.send(user(1), md::claimManyCall { claims, allOrNothing: false }).unwrap();
    assert_eq!(done.ret, [tokens(100), tokens(101) + u(1), u(0)]);
    assert_eq!(world.logs(&done.receipt)[2], refused_entry::<md::ClaimNotAllowed>(user(3)));
    assert_eq!(world.claimed(user(3)), u(0));
}

#[test]
fn no_entries_pay_nothing() {
    let (mut world, _) = with_active("T5");
    let done = world.send("x", md::claimManyCall { claims: vec![], allOrNothing: true }).unwrap();
    assert_eq!((done.ret.len(), done.receipt.logs.len()), (0, 0));
}

/// An odd rewards token, with T5 active.
fn with_odd_token(kind: u8, data: Vec<u8>) -> (Distribution, model::tree::Tree) {
    let mut world = Distribution::with(&Terms { token: "odd-token", ..Terms::default() }).unwrap();
    let tree = tree("T5");
    world.at(START).activate(&tree);
    let token = world.token;
    let call = IOddToken::setBehaviourCall { kind, functions: 2, data: data.into() };
    world.chain.from("GOV").call(token, call).unwrap();
    (world, tree)
}

#[test]
fn a_token_that_rejects_somebody_stops_only_that_entry() {
    let (mut world, tree) = with_odd_token(7, user(3).abi_encode());
    let claims: Vec<_> = [3, 1, 3].map(|number| entry(&tree, user(number))).to_vec();
    let done = world.send("OP", md::claimManyCall { claims: claims.clone(), allOrNothing: false }).unwrap();
    assert_eq!(done.ret, [u(0), tokens(100), u(0)]);
    assert_eq!((world.claimed(user(3)), world.balance(user(3))), (u(0), u(0)));
    let refused = world.send("OP", md::claimManyCall { claims, allOrNothing: true }).unwrap_err();
    assert_refused(refused, md::SafeErc20FailedOperation { token: world.token });

    // Once it is let through, all of it is there.
    let (token, call) = (world.token, IOddToken::setBehaviourCall { kind: 0, functions: 0, data: Bytes::new() });
    world.chain.from("GOV").call(token, call).unwrap();
    assert_eq!(world.claim(&tree, user(3)).unwrap().ret, tokens(1_150_685));
}

#[test]
fn a_token_that_answers_false_stops_everything() {
    for (kind, data) in [(2, vec![]), (3, vec![1]), (3, U256::from(2).abi_encode())] {
        let (mut world, tree) = with_odd_token(kind, data);
        let claims = vec![entry(&tree, user(1))];
        let before = world.storage();
        let refused = world.send("OP", md::claimManyCall { claims, allOrNothing: false }).unwrap_err();
        assert_refused(refused, md::SafeErc20FailedOperation { token: world.token });
        assert_eq!(world.storage(), before);
    }
}

#[test]
fn a_token_that_answers_nothing_pays() {
    let (mut world, tree) = with_odd_token(1, vec![]);
    assert_eq!(world.claim(&tree, user(1)).unwrap().ret, tokens(100));
    assert_eq!(world.balance(user(1)), tokens(100));
}

#[test]
fn a_token_cannot_call_back_into_many_claims() {
    let (world, _) = with_active("T5");
    let inner = md::claimManyCall { claims: vec![], allOrNothing: false }.abi_encode();
    let data = (world.distributor, U256::from(2), Bytes::from(inner)).abi_encode_params();
    // The policy makes the token fail if the call back succeeds.
    let (mut world, tree) = with_odd_token(6, data);
    let claims = vec![entry(&tree, user(1)), entry(&tree, user(2))];
    let done = world.send("OP", md::claimManyCall { claims, allOrNothing: true }).unwrap();
    assert_eq!(done.ret, [tokens(100), tokens(101) + u(1)]);
}

// ---------------------------------------------------------------- previews

#[test]
fn a_preview_tells_what_a_claim_would_do() {
    let (mut world, tree) = with_active("T5");
    let preview = |world: &Distribution, account, amount, proof| {
        let call = md::verifyClaimCall { account, cumulativeAmount: amount, merkleProof: proof };
        let told = world.view(call);
        (told.amount, told.refusal.0)
    };
    let (amount, proof) = tree.claim(user(1));
    assert_eq!(preview(&world, user(1), amount, proof.clone()), (amount, [0; 4]));
    assert_eq!(preview(&world, user(2), amount, proof.clone()), (u(0), md::InvalidMerkleProof::SELECTOR));
    world.allow(amount - u(1));
    assert_eq!(preview(&world, user(1), amount, proof.clone()), (u(0), md::SafeErc20FailedOperation::SELECTOR));
    world.allow(amount);
    assert_eq!(preview(&world, user(1), amount, proof.clone()), (amount, [0; 4]));
    assert_eq!(world.claim(&tree, user(1)).unwrap().ret, amount);
    assert_eq!(preview(&world, user(1), amount, proof), (u(0), [0; 4]));

    let less = model::tree::Tree::new(&[(user(1), u(1)), (user(4), U256::from(10).pow(u(28)))]);
    world.allow(U256::MAX);
    world.activate(&less);
    let (amount, proof) = less.claim(user(1));
    assert_eq!(preview(&world, user(1), amount, proof), (u(0), md::CumulativeAmountDecreased::SELECTOR));
    let (amount, proof) = less.claim(user(4));
    assert_eq!(preview(&world, user(4), amount, proof), (u(0), md::SafeErc20FailedOperation::SELECTOR));
}

// ---------------------------------------------------------------- the life of a root

#[test]
fn the_next_root_makes_the_last_one_active() {
    let (mut world, first) = with_proposal();
    let second = tree("T5b").root();
    let now = START + WAIT + 5;
    let done = world.at(now).propose(second, 1, CID).unwrap();
    let expected = [root_updated(first, 0, CID), root_proposed(second, 1, CID, now + WAIT)];
    assert_logs(world.logs(&done.receipt), expected);
    assert_eq!((active(&world), proposed(&world)), (named(first, 0, CID), named(second, 1, CID)));
}

#[test]
fn an_update_names_the_root_it_expects() {
    let (mut world, root) = with_proposal();
    let other = tree("T2").root();
    let update = |expected| md::updateRoot_1Call { expectedRoot: expected };
    world.at(START + WAIT);
    let refused = world.send("anyone", update(other)).unwrap_err();
    assert_refused(refused, md::UnexpectedRoot { expected: other, proposed: root });
    world.send("anyone", update(root)).unwrap();
    assert_eq!(active(&world).0, root);
    let refused = world.send("anyone", update(root)).unwrap_err();
    assert_refused(refused, md::UnexpectedProposedEpoch { epoch: u(0), next: u(1) });
    let refused = world.send("anyone", update(other)).unwrap_err();
    assert_refused(refused, md::UnexpectedRoot { expected: other, proposed: root });
    pause(&mut world);
    assert_refused(world.send("anyone", update(other)).unwrap_err(), md::UpdatesPaused {});
}

#[test]
fn a_pauser_cancels_what_waits() {
    let (mut world, root) = with_proposal();
    let cancel = |expected| md::cancelProposedRootCall { expectedRoot: expected };
    for who in ["GOV", "RESUME", "x"] {
        let refused = world.send(who, cancel(root)).unwrap_err();
        assert_refused(refused, unauthorized(&world, who, "PAUSER_ROLE"));
    }
    let other = tree("T2").root();
    let refused = world.send("PAUSE", cancel(other)).unwrap_err();
    assert_refused(refused, md::UnexpectedRoot { expected: other, proposed: root });

    let done = world.send("PAUSE", cancel(root)).unwrap();
    let event = md::RootCancelled { merkleRoot: root, epoch: u(0), ipfsCid: Bytes::from_static(CID) };
    assert_logs(world.logs(&done.receipt), [log(event)]);
    assert!(!world.view(md::hasPendingRootCall {}));
    assert_eq!((proposed(&world), cancelled(&world)), (nothing(), named(root, 0, CID)));
    assert_refused(world.at(START + WAIT).update().unwrap_err(), md::NoProposedRoot {});
    assert_refused(world.send("PAUSE", cancel(root)).unwrap_err(), md::NoProposedRoot {});

    // The oracle still says the same.
    let refused = world.send("anyone", md::proposeRootCall {}).unwrap_err();
    assert_refused(refused, md::RootWasCancelled { merkleRoot: root, epoch: u(0) });
    // A correction waits its full time.
    world.propose(other, 0, CID).unwrap();
    assert_eq!(cancelled(&world), nothing());
    assert!(world.at(START + 2 * WAIT - 1).update().unwrap_err().is::<md::WaitingPeriodNotElapsed>());
    world.at(START + 2 * WAIT).update().unwrap();
    assert_eq!(active(&world), named(other, 0, CID));
}

#[test]
fn what_has_waited_can_be_cancelled_but_not_what_is_active() {
    let (mut world, root) = with_proposal();
    pause(&mut world);
    world.at(START + WAIT).send("PAUSE", md::cancelProposedRootCall { expectedRoot: root }).unwrap();
    unpause(&mut world);
    assert_refused(world.update().unwrap_err(), md::NoProposedRoot {});

    let (mut world, tree) = with_active("T5");
    let refused = world.send("PAUSE", md::cancelProposedRootCall { expectedRoot: tree.root() }).unwrap_err();
    assert_refused(refused, md::NoProposedRoot {});
    // Cancelling the next one leaves the active one, and its file.
    world.propose(self::tree("T2").root(), 1, b"next").unwrap();
    world.send("PAUSE", md::cancelProposedRootCall { expectedRoot: self::tree("T2").root() }).unwrap();
    assert_eq!(active(&world), named(tree.root(), 0, CID));
    assert_eq!(world.claim(&tree, user(1)).unwrap().ret, tokens(100));
}

#[test]
fn an_owner_lifts_the_ban_of_a_cancelled_root() {
    let (mut world, root) = with_proposal();
    world.send("PAUSE", md::cancelProposedRootCall { expectedRoot: root }).unwrap();
    let oracle = world.oracle;
    world.send("GOV", md::setRewardsOracleCall { rewardsOracle: oracle }).unwrap();
    assert_eq!(cancelled(&world), nothing());
    world.send("anyone", md::proposeRootCall {}).unwrap();
    assert_eq!(world.view(md::getWaitingPeriodEndCall {}), u(world.chain.timestamp() + WAIT));
}

#[test]
fn a_new_oracle_does_not_touch_what_waits() {
    let (mut world, root) = with_proposal();
    world.send("GOV", md::setRewardsOracleCall { rewardsOracle: Address::ZERO }).unwrap();
    world.at(START + WAIT).update().unwrap();
    assert_eq!(active(&world).0, root);
}

#[test]
fn files_of_any_length_alternate_between_their_places() {
    let mut world = Distribution::deploy();
    world.at(START);
    for (epoch, length) in [59, 0, 255, 1, 30, 31, 32, 63, 64, 255, 0].into_iter().enumerate() {
        let (epoch, cid) = (epoch as u64, vec![b'a' + epoch as u8; length]);
        let root = B256::with_last_byte(1 + epoch as u8);
        let before = active(&world);
        let done = world.propose(root, epoch, &cid).unwrap();
        let end = world.chain.timestamp() + WAIT;
        assert_logs(world.logs(&done.receipt), [root_proposed(root, epoch, &cid, end)]);
        assert_eq!((active(&world), proposed(&world)), (before, named(root, epoch, &cid)));
        let done = world.at(end).update().unwrap();
        assert_logs(world.logs(&done.receipt), [root_updated(root, epoch, &cid)]);
        assert_eq!((active(&world), proposed(&world)), (named(root, epoch, &cid), named(root, epoch, &cid)));
    }
}

// ---------------------------------------------------------------- oracles

#[test]
fn an_oracle_that_reverts_is_named() {
    let mut world = Distribution::deploy();
    for reason in [Bytes::new(), distribution::oracle_error(), Bytes::from(vec![7; 4000])] {
        world.answers(2, reason);
        let refused = world.send("anyone", md::proposeRootCall {}).unwrap_err();
        assert_refused(refused, md::OracleFailed { oracle: world.oracle });
    }
}

#[test]
fn an_oracle_that_answers_nonsense_is_named() {
    let mut world = Distribution::deploy();
    let root = tree("T5").root();
    let whole = (root, u(0), Bytes::from_static(CID)).abi_encode_params();
    let before = world.storage();
    let mut displaced = whole.clone();
    displaced[95] = 64;
    let mut too_long = whole.clone();
    too_long[127] = 65; // More than follows.
    for answer in [vec![], vec![0; 127], whole[..127].to_vec(), whole[..128 + 58].to_vec(), displaced, too_long] {
        world.answers(1, answer);
        let refused = world.send("anyone", md::proposeRootCall {}).unwrap_err();
        assert_refused(refused, md::MalformedOracleAnswer { oracle: world.oracle });
    }
    // Padding is nobody's business, and what follows neither.
    for answer in [whole[..128 + 59].to_vec(), [&whole[..], &[0xff; 4000]].concat()] {
        let mut world = world.clone();
        world.answers(1, answer);
        world.send("anyone", md::proposeRootCall {}).unwrap();
        assert_eq!(proposed(&world), named(root, 0, CID));
    }
    assert_eq!(world.storage(), before);
}

#[test]
fn files_have_255_bytes_at_most() {
    let mut world = Distribution::deploy();
    let root = tree("T5").root();
    let refused = world.propose(root, 0, &[1; 256]).unwrap_err();
    assert_refused(refused, md::CidTooLong { length: u(256), maximum: u(255) });
    let mut endless = (root, u(0), Bytes::new()).abi_encode_params();
    endless[96..128].fill(0xff);
    world.answers(1, endless);
    let refused = world.send("anyone", md::proposeRootCall {}).unwrap_err();
    assert_refused(refused, md::CidTooLong { length: U256::MAX, maximum: u(255) });
}

#[test]
fn an_epoch_beyond_all_epochs_is_unexpected() {
    let mut world = Distribution::deploy();
    world.answers(1, (tree("T5").root(), U256::MAX, Bytes::new()).abi_encode_params());
    let refused = world.send("anyone", md::proposeRootCall {}).unwrap_err();
    assert_refused(refused, md::UnexpectedOracleEpoch { epoch: U256::MAX, next: u(0) });
}

/// Code that answers with so many zero bytes: PUSH3 size, PUSH1 0, RETURN.
fn returns_zeros(size: u32) -> Vec<u8> {
    let size = size.to_be_bytes();
    [&[0x62], &size[1..], &[0x60, 0, 0xf3]].concat()
}

#[test]
fn a_huge_answer_is_not_taken_in() {
    let mut world = Distribution::deploy();
    let huge = Address::repeat_byte(0x77);
    world.chain.set_code(huge, returns_zeros(1 << 20));
    world.send("GOV", md::setRewardsOracleCall { rewardsOracle: huge }).unwrap();
    let refused = world.send("anyone", md::proposeRootCall {}).unwrap_err();
    assert_refused(refused, md::MalformedOracleAnswer { oracle: huge }); // The CID would stand at 0.
}

#[test]
fn an_oracle_cannot_come_back() {
    let (mut world, _) = with_proposal();
    let calls = [
        md::proposeRootCall {}.abi_encode(),
        md::updateRoot_0Call {}.abi_encode(),
        md::getActiveRootCall {}.abi_encode(),
        md::claimRewardsCall { cumulativeAmount: u(0), merkleProof: vec![] }.abi_encode(),
    ];
    for call in calls {
        let mut world = world.clone();
        let answer = (tree("T2").root(), u(0), Bytes::from_static(CID)).abi_encode_params();
        let (oracle, distributor) = (world.oracle, world.distributor);
        // The puppet fails if its call succeeds.
        distribution::tell(
            &mut world.chain,
            oracle,
            IRewardsOracle::readCall::SELECTOR,
            4,
            answer.into(),
            Some((distributor, call)),
        );
        world.send("anyone", md::proposeRootCall {}).unwrap();
        assert_eq!(proposed(&world).0, tree("T2").root());
    }
    // Nor can it change anything: it is called statically.
    let token = world.token;
    let mint = IToken::mintCall { to: user(1), value: u(1) }.abi_encode();
    let (oracle, answer) = (world.oracle, (tree("T2").root(), u(0), Bytes::new()).abi_encode_params());
    let read = IRewardsOracle::readCall::SELECTOR;
    distribution::tell(&mut world.chain, oracle, read, 4, answer.into(), Some((token, mint)));
    world.send("anyone", md::proposeRootCall {}).unwrap();
    assert_eq!(world.balance(user(1)), u(0));
}

// ---------------------------------------------------------------- configuration and construction

#[test]
fn configuration_needs_its_role_and_reports() {
    let mut world = Distribution::deploy();
    let refused = world.send("CONF", md::setIpnsNameCall { ipnsName: "x".into() }).unwrap_err();
    assert_refused(refused, unauthorized(&world, "CONF", "OWNER_ROLE"));
    let refused = world.send("CONF", md::setRewardsOracleCall { rewardsOracle: world.oracle }).unwrap_err();
    assert_refused(refused, unauthorized(&world, "CONF", "OWNER_ROLE"));
    for who in ["GOV", "PAUSE"] {
        let refused = world.send(who, md::setIpfsUpdatePeriodCall { ipfsUpdatePeriod: u(1) }).unwrap_err();
        assert_refused(refused, unauthorized(&world, who, "CONFIG_UPDATER_ROLE"));
    }
    for name in [String::new(), "n".repeat(255), "é".into(), "n".repeat(31), "n".repeat(32)] {
        let done = world.send("GOV", md::setIpnsNameCall { ipnsName: name.clone() }).unwrap();
        assert_logs(world.logs(&done.receipt), [log(md::IpnsNameUpdated { ipnsName: name.clone() })]);
        assert_eq!(world.view(md::getIpnsNameCall {}), name);
    }
    let refused = world.send("GOV", md::setIpnsNameCall { ipnsName: "n".repeat(256) }).unwrap_err();
    assert_refused(refused, md::IpnsNameTooLong { length: u(256), maximum: u(255) });
    let done = world.send("CONF", md::setIpfsUpdatePeriodCall { ipfsUpdatePeriod: u(0) }).unwrap();
    assert_logs(world.logs(&done.receipt), [log(md::IpfsUpdatePeriodUpdated { ipfsUpdatePeriod: u(0) })]);
}

#[test]
fn amounts_have_128_bits() {
    let mut world = Distribution::deploy();
    let most = U256::from(u128::MAX);
    let set = |market_maker, trader| md::setRewardsParametersCall {
        marketMakerRewardsAmount: market_maker,
        traderRewardsAmount: trader,
        traderScoreAlpha: u(0),
    };
    for call in [set(most + u(1), u(0)), set(u(0), most + u(1))] {
        let refused = world.send("CONF", call).unwrap_err();
        assert_refused(refused, md::RewardsAmountTooHigh { amount: most + u(1), maximum: most });
    }
    world.send("CONF", set(most, most - u(1))).unwrap();
    let read = world.view(md::getRewardsParametersCall {});
    assert_eq!((read.marketMakerRewardsAmount, read.traderRewardsAmount), (most, most - u(1)));
}

#[test]
fn constants_are_the_specifications() {
    let world = Distribution::deploy();
    assert_eq!(world.view(md::WAITING_PERIODCall {}), u(604_800));
    assert_eq!(world.view(md::TRADER_SCORE_ALPHA_BASECall {}), tokens(1));
    assert_eq!(world.view(md::REWARDS_TOKENCall {}), world.token);
    assert_eq!(world.view(md::REWARDS_TREASURYCall {}), world.who("treasury"));
    assert_eq!(world.view(md::getRewardsOracleCall {}), world.oracle);
    assert_eq!(world.view(md::CONFIG_UPDATER_ROLECall {}), role("CONFIG_UPDATER_ROLE"));
    assert_eq!(world.view(md::PAUSER_ROLECall {}), role("PAUSER_ROLE"));
    assert_eq!(world.view(md::UNPAUSER_ROLECall {}), role("UNPAUSER_ROLE"));
    assert_eq!(world.view(md::CLAIM_OPERATOR_ROLECall {}), role("CLAIM_OPERATOR_ROLE"));
    assert_eq!(world.view(IRoles::OWNER_ROLECall {}), role("OWNER_ROLE"));
    assert_eq!(world.view(IRoles::DEFAULT_ADMIN_ROLECall {}), B256::ZERO);
    for (id, supported) in [(0x01ff_c9a7_u32, true), (0x7965_db0b, true), (0xffff_ffff, false)] {
        let call = IRoles::supportsInterfaceCall { interfaceId: id.to_be_bytes().into() };
        assert_eq!(world.view(call), supported);
    }
}

#[test]
fn selectors_and_topics_are_the_specifications() {
    let selectors: &[([u8; 4], u32)] = &[
        (md::claimRewardsCall::SELECTOR, 0xabd4_0e1e),
        (md::claimRewardsForCall::SELECTOR, 0x7413_35c6),
        (md::setAlwaysAllowClaimsForCall::SELECTOR, 0xc20f_a1e3),
        (md::proposeRootCall::SELECTOR, 0xac21_cec3),
        (md::updateRoot_0Call::SELECTOR, 0xb1de_1626),
        (md::canUpdateRootCall::SELECTOR, 0xa165_e39a),
        (md::hasPendingRootCall::SELECTOR, 0x2f37_a774),
        (md::getNextRootEpochCall::SELECTOR, 0xc9af_de0c),
        (md::pauseRootUpdatesCall::SELECTOR, 0x90df_cbcf),
        (md::unpauseRootUpdatesCall::SELECTOR, 0x7c92_b27b),
        (md::setRewardsOracleCall::SELECTOR, 0x25dc_72d4),
        (md::setIpnsNameCall::SELECTOR, 0xf4e9_af2c),
        (md::setIpfsUpdatePeriodCall::SELECTOR, 0x376c_c528),
        (md::setRewardsParametersCall::SELECTOR, 0x45d5_7be7),
        (md::setEpochParametersCall::SELECTOR, 0x06ae_63ae),
        (md::getRewardsOracleCall::SELECTOR, 0xf897_c6b2),
        (md::getIpnsNameCall::SELECTOR, 0xee90_a315),
        (md::getIpfsUpdatePeriodCall::SELECTOR, 0xbb5c_fb86),
        (md::getRewardsParametersCall::SELECTOR, 0x368e_4d16),
        (md::getEpochParametersCall::SELECTOR, 0xc89b_0fff),
        (md::getCurrentEpochCall::SELECTOR, 0xb97d_d9e2),
        (md::getIpfsEpochCall::SELECTOR, 0x0a23_82be),
        (md::getActiveRootCall::SELECTOR, 0x14d3_5043),
        (md::getProposedRootCall::SELECTOR, 0xff16_7f2b),
        (md::getWaitingPeriodEndCall::SELECTOR, 0x1cbc_b563),
        (md::getAreRootUpdatesPausedCall::SELECTOR, 0xc43a_5878),
        (md::getClaimedCall::SELECTOR, 0xeb46_260e),
        (md::getAlwaysAllowClaimsForCall::SELECTOR, 0xd00d_406e),
        (md::WAITING_PERIODCall::SELECTOR, 0x6f85_c7e4),
        (md::TRADER_SCORE_ALPHA_BASECall::SELECTOR, 0xfa0d_435b),
        (md::REWARDS_TOKENCall::SELECTOR, 0xc560_1072),
        (md::REWARDS_TREASURYCall::SELECTOR, 0x1c89_553c),
        (md::CONFIG_UPDATER_ROLECall::SELECTOR, 0x2226_a024),
        (md::PAUSER_ROLECall::SELECTOR, 0xe63a_b1e9),
        (md::UNPAUSER_ROLECall::SELECTOR, 0xfb1b_b9de),
        (md::CLAIM_OPERATOR_ROLECall::SELECTOR, 0x8eeb_b0fd),
        (IRoles::OWNER_ROLECall::SELECTOR, 0xe583_78bb),
        (IRoles::DEFAULT_ADMIN_ROLECall::SELECTOR, 0xa217_fddf),
        (IRoles::hasRoleCall::SELECTOR, 0x91d1_4854),
        (IRoles::getRoleAdminCall::SELECTOR, 0x248a_9ca3),
        (IRoles::grantRoleCall::SELECTOR, 0x2f2f_f15d),
        (IRoles::revokeRoleCall::SELECTOR, 0xd547_741f),
        (IRoles::renounceRoleCall::SELECTOR, 0x3656_8abe),
        (IRewardsOracle::readCall::SELECTOR, 0x57de_26a4),
        (IRewardsOracle::writeOracleDataCall::SELECTOR, 0x15e2_e0f9),
        (IRewardsOracle::MERKLE_DISTRIBUTORCall::SELECTOR, 0x5ab3_83e0),
        (IClaimsProxy::claimRewardsCall::SELECTOR, 0x56b4_0eb7),
        (IClaimsProxy::SAFETY_MODULECall::SELECTOR, 0x3f43_0407),
        (IClaimsProxy::LIQUIDITY_STAKINGCall::SELECTOR, 0x320a_a2bc),
        (IClaimsProxy::REWARDS_TREASURY_VESTERCall::SELECTOR, 0xf61a_5ebf),
        (ITreasuryClaimProxy::claimRewardsCall::SELECTOR, 0xabd4_0e1e),
        (ITreasuryClaimProxy::COMMUNITY_TREASURYCall::SELECTOR, 0x71f1_52bc),
    ];
    for (selector, expected) in selectors {
        assert_eq!(*selector, expected.to_be_bytes());
    }
    let topics: &[(B256, &str)] = &[
        (md::RewardsClaimed::SIGNATURE_HASH, "fc30cddea38e2bf4d6ea7d3f9ed3b6ad7f176419f4963bd81318067a4aee73fe"),
        (
            md::AlwaysAllowClaimForUpdated::SIGNATURE_HASH,
            "b42502fd15384933a4d51dbb55d68b72782d35aabf7fda261be492e5bfed5dd5",
        ),
        (md::RootProposed::SIGNATURE_HASH, "80b3e996233233272370c92b1785707795b92aff1401fe611cc1e03a0b5a489c"),
        (md::RootUpdated::SIGNATURE_HASH, "664d3ddbee9e1459425afef97b9a7d0eceb2eefbb541e4067c72c02f37bd4500"),
        (md::RootUpdatesPaused::SIGNATURE_HASH, "34fdfaa047dfc7d0bde4e31206d412ca2576ab6b00582840f168c0e37ec022cf"),
        (md::RootUpdatesUnpaused::SIGNATURE_HASH, "0bc2d5b7bee0fb733270b1e7851f3c2041b135282f80106026a516f2a389785a"),
        (md::RewardsOracleChanged::SIGNATURE_HASH, "ee5868f05f0eecf40dc867e1df855c85a8f22ad514d3322fa6649194cabafee8"),
        (md::IpnsNameUpdated::SIGNATURE_HASH, "5a1960e5fefed94d252233b0cd81fca8a3524121946f14ebcacfeaeb442f3d06"),
        (
            md::IpfsUpdatePeriodUpdated::SIGNATURE_HASH,
            "4ce6f03a9e46c30df9228ecd2c00319c64c21dbb0b01c33272a0771afc16e5ec",
        ),
        (
            md::RewardsParametersUpdated::SIGNATURE_HASH,
            "1ef924895bf764644a5b73cfcd7d9cd5d6a46706a76e5245c259f44b6174ef4d",
        ),
        (md::EpochScheduleUpdated::SIGNATURE_HASH, "2be0bd34b402267cda71ef1ae138dcad1a19eb484b51690f1992809740e795aa"),
        (IRoles::RoleGranted::SIGNATURE_HASH, "2f8788117e7eff1d82e926ec794901d17c78024a50270940304540a733656f0d"),
        (IRoles::RoleRevoked::SIGNATURE_HASH, "f6391f5c32d9c69d2a47ea670b442974b53935d1edc7fd64eb21e047a839171b"),
        (IRoles::RoleAdminChanged::SIGNATURE_HASH, "bd79b86ffe0ab8e8776151514217cd7cacd52c909f66475c3af44e129f0b00ff"),
        (
            IRewardsOracle::OracleRootUpdated::SIGNATURE_HASH,
            "29dc752488242557497b1331104cbf61a8661935cbf8ce1561874fc042a31f66",
        ),
    ];
    for (topic, expected) in topics {
        assert_eq!(*topic, expected.parse::<B256>().unwrap());
    }
}

#[test]
fn construction_refuses_what_cannot_work() {
    let mut world = Distribution::deploy();
    let (token, oracle) = (world.token, world.oracle);
    let terms = Terms::default();
    let nobody = Address::repeat_byte(5);
    let refused = distribution::deploy(&mut world.chain, nobody, oracle, &terms).unwrap_err();
    assert_refused(refused, md::InvalidToken { token: nobody });
    let refused = distribution::deploy(&mut world.chain, token, nobody, &terms).unwrap_err();
    assert_refused(refused, md::InvalidOracle { oracle: nobody });
    distribution::deploy(&mut world.chain, token, Address::ZERO, &terms).unwrap();
    let bad = Terms { alpha: tokens(2), ..terms.clone() };
    let refused = distribution::deploy(&mut world.chain, token, oracle, &bad).unwrap_err();
    assert_refused(refused, md::InvalidTraderScoreAlpha { traderScoreAlpha: tokens(2), maximum: tokens(1) });
    let bad = Terms { schedule: (u(0), u(0)), ..terms };
    let refused = distribution::deploy(&mut world.chain, token, oracle, &bad).unwrap_err();
    assert_refused(refused, md::ZeroInterval {});

    let owner = "GOV".resolve(&mut world.chain);
    let with = |treasury, owner| (token, treasury, owner, oracle, String::new(), u(0), u(0), u(0), u(0), u(1), u(1));
    let construct = |world: &mut Distribution, arguments| {
        distribution::construct(&mut world.chain, "merkle-distributor", &arguments).unwrap_err()
    };
    let refused = construct(&mut world, with(Address::ZERO, owner));
    assert_refused(refused, md::InvalidTreasury { treasury: Address::ZERO });
    let refused = construct(&mut world, with(owner, Address::ZERO));
    assert_refused(refused, IRoles::InvalidOwner { owner: Address::ZERO });
}

#[test]
fn an_offer_of_ownership_goes_with_its_maker() {
    let mut world = Distribution::deploy();
    let (gov, second, heir) = (world.who("GOV"), world.who("second"), world.who("heir"));
    world.grant("OWNER_ROLE", "second");
    assert_eq!(world.view(IRoles::getOwnerCountCall {}), u(2));
    world.send("second", IRoles::proposeOwnerCall { proposed: heir }).unwrap();
    let refused = world.send("x", IRoles::acceptOwnerCall { owner: second }).unwrap_err();
    assert_refused(refused, IRoles::NotProposedOwner { caller: world.who("x"), proposed: heir });
    let refused = world.send("heir", IRoles::acceptOwnerCall { owner: gov }).unwrap_err();
    assert_refused(refused, IRoles::NotProposingOwner { owner: gov, proposing: second });
    world.send("GOV", IRoles::revokeRoleCall { role: role("OWNER_ROLE"), account: second }).unwrap();
    let refused = world.send("heir", IRoles::acceptOwnerCall { owner: second }).unwrap_err();
    assert_refused(refused, IRoles::NotProposedOwner { caller: heir, proposed: Address::ZERO });
    for owner in [world.distributor, Address::ZERO] {
        let refused = world.send("GOV", IRoles::grantRoleCall { role: role("OWNER_ROLE"), account: owner });
        assert_refused(refused.unwrap_err(), IRoles::InvalidOwner { owner });
    }
    let refused = world.send("x", IRoles::proposeOwnerCall { proposed: heir }).unwrap_err();
    assert_refused(refused, unauthorized(&world, "x", "OWNER_ROLE"));
    world.send("GOV", IRoles::proposeOwnerCall { proposed: heir }).unwrap();
    world.send("GOV", IRoles::proposeOwnerCall { proposed: Address::ZERO }).unwrap();
    let offer = world.view(IRoles::getProposedOwnerCall {});
    assert_eq!((offer.proposed, offer.owner), (Address::ZERO, Address::ZERO));
    // An offer to oneself keeps the role.
    world.send("GOV", IRoles::proposeOwnerCall { proposed: gov }).unwrap();
    world.send("GOV", IRoles::acceptOwnerCall { owner: gov }).unwrap();
    assert!(world.view(IRoles::hasRoleCall { role: role("OWNER_ROLE"), account: gov }));
    assert_eq!(world.view(IRoles::getOwnerCountCall {}), u(1));
}
