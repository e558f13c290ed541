//! Roles and the hand-over of ownership (ROL-1).

use suite::prelude::*;

fn unauthorized(pool: &Pool, who: &str, role: B256) -> errors::AccessControlUnauthorizedAccount {
    errors::AccessControlUnauthorizedAccount { account: pool.who(who), neededRole: role }
}

#[test]
fn rol_1_who_administers_roles() {
    let mut pool = Pool::deploy();
    let (owner, rate, op) = (pool.role("OWNER_ROLE"), pool.role("REWARDS_RATE_ROLE"), pool.who("OP"));
    let grant = |role, account| IEpochSchedule::grantRoleCall { role, account };
    let revoke = |role, account| IEpochSchedule::revokeRoleCall { role, account };

    let error = unauthorized(&pool, "X0", owner);
    assert_refused(pool.by("X0").send(grant(rate, op)).unwrap_err(), error);
    let receipt = pool.by("GOV").send(grant(rate, op)).unwrap();
    let sender = pool.who("GOV");
    assert_logs(pool.logs(&receipt), [log(events::RoleGranted { role: rate, account: op, sender })]);
    let receipt = pool.by("GOV").send(grant(rate, op)).unwrap();
    assert_logs(pool.logs(&receipt), []);
    let stranger = pool.who("X0");
    let receipt = pool.by("GOV").send(revoke(rate, stranger)).unwrap();
    assert_logs(pool.logs(&receipt), []);
    let receipt = pool.by("GOV").send(revoke(rate, op)).unwrap();
    assert_logs(pool.logs(&receipt), [log(events::RoleRevoked { role: rate, account: op, sender })]);

    let gov = pool.who("GOV");
    let renounce = IEpochSchedule::renounceRoleCall { role: owner, account: gov };
    assert_refused(pool.by("X0").send(renounce).unwrap_err(), errors::AccessControlBadConfirmation {});
    // Nobody administers a role that the pool does not know.
    for role in [B256::ZERO, B256::repeat_byte(7)] {
        let error = unauthorized(&pool, "GOV", B256::ZERO);
        assert_refused(pool.by("GOV").send(grant(role, op)).unwrap_err(), error);
    }
}

#[test]
fn the_last_owner_stays() {
    let mut pool = Pool::deploy();
    let (role, account) = (pool.role("OWNER_ROLE"), pool.who("GOV"));
    let error = errors::LastOwner { owner: account };
    let renounce = IEpochSchedule::renounceRoleCall { role, account };
    assert_refused(pool.by("GOV").send(renounce.clone()).unwrap_err(), error.clone());
    let revoke = IEpochSchedule::revokeRoleCall { role, account };
    assert_refused(pool.by("GOV").send(revoke).unwrap_err(), error.clone());

    // With a second owner the first can go; then the second is the last.
    pool.grant("OWNER_ROLE", "OP");
    assert_eq!(pool.view(IEpochSchedule::getOwnerCountCall {}), u(2));
    pool.by("GOV").send(renounce).unwrap();
    assert_eq!(pool.view(IEpochSchedule::getOwnerCountCall {}), u(1));
    let last = pool.who("OP");
    let renounce = IEpochSchedule::renounceRoleCall { role, account: last };
    assert_refused(pool.by("OP").send(renounce).unwrap_err(), errors::LastOwner { owner: last });
}

#[test]
fn granting_twice_counts_one_owner() {
    let mut pool = Pool::deploy();
    pool.grant("OWNER_ROLE", "GOV");
    assert_eq!(pool.view(IEpochSchedule::getOwnerCountCall {}), u(1));
    let (role, account) = (pool.role("OWNER_ROLE"), pool.who("X0"));
    pool.by("GOV").send(IEpochSchedule::revokeRoleCall { role, account }).unwrap();
    assert_eq!(pool.view(IEpochSchedule::getOwnerCountCall {}), u(1));
}

#[test]
fn ownership_is_proposed_and_accepted() {
    let mut pool = Pool::deploy();
    let (role, gov, op) = (pool.role("OWNER_ROLE"), pool.who("GOV"), pool.who("OP"));
    let propose = |proposed| IEpochSchedule::proposeOwnerCall { proposed };
    let holds = |pool: &Pool, account| pool.view(IEpochSchedule::hasRoleCall { role, account });

    let error = unauthorized(&pool, "X0", role);
    assert_refused(pool.by("X0").send(propose(op)).unwrap_err(), error);
    let receipt = pool.by("GOV").send(propose(op)).unwrap();
    assert_logs(pool.logs(&receipt), [log(events::OwnerProposed { owner: gov, proposed: op })]);
    assert!(holds(&pool, gov) && !holds(&pool, op), "a proposal moves nothing");

    let stranger = pool.who("X0");
    let error = errors::NotProposedOwner { caller: stranger, proposed: op };
    let accept = |owner| IEpochSchedule::acceptOwnerCall { owner };
    assert_refused(pool.by("X0").send(accept(gov)).unwrap_err(), error);
    let error = errors::NotProposingOwner { owner: op, proposing: gov };
    assert_refused(pool.by("OP").send(accept(op)).unwrap_err(), error);
    pool.by("OP").send(accept(gov)).unwrap();
    assert!(holds(&pool, op) && !holds(&pool, gov), "the proposer hands its own role over");
    assert_eq!(pool.view(IEpochSchedule::getOwnerCountCall {}), u(1));
    let again = pool.by("OP").send(accept(gov)).unwrap_err();
    assert_refused(again, errors::NotProposedOwner { caller: op, proposed: Address::ZERO });
}

fn offer(pool: &Pool) -> (Address, Address) {
    let offer = pool.view(IEpochSchedule::getProposedOwnerCall {});
    (offer.proposed, offer.owner)
}

#[test]
fn an_owner_that_goes_takes_its_offer_along() {
    let mut pool = Pool::deploy();
    pool.grant("OWNER_ROLE", "OP");
    let (role, gov, x0) = (pool.role("OWNER_ROLE"), pool.who("GOV"), pool.who("X0"));
    pool.by("GOV").send(IEpochSchedule::proposeOwnerCall { proposed: x0 }).unwrap();
    assert_eq!(offer(&pool), (x0, gov));
    pool.by("OP").send(IEpochSchedule::revokeRoleCall { role, account: gov }).unwrap();
    assert_eq!(offer(&pool), (Address::ZERO, Address::ZERO));
    pool.by("OP").send(IEpochSchedule::grantRoleCall { role, account: gov }).unwrap();
    let refused = pool.by("X0").send(IEpochSchedule::acceptOwnerCall { owner: gov }).unwrap_err();
    assert_refused(refused, errors::NotProposedOwner { caller: x0, proposed: Address::ZERO });
}

#[test]
fn an_offer_is_taken_back_or_replaced() {
    let mut pool = Pool::deploy();
    pool.grant("OWNER_ROLE", "OP");
    let (gov, op, x0) = (pool.who("GOV"), pool.who("OP"), pool.who("X0"));
    pool.by("GOV").send(IEpochSchedule::proposeOwnerCall { proposed: x0 }).unwrap();
    pool.by("OP").send(IEpochSchedule::proposeOwnerCall { proposed: x0 }).unwrap();
    // Whoever accepts says whose role it takes.
    let refused = pool.by("X0").send(IEpochSchedule::acceptOwnerCall { owner: gov }).unwrap_err();
    assert_refused(refused, errors::NotProposingOwner { owner: gov, proposing: op });
    pool.by("GOV").send(IEpochSchedule::proposeOwnerCall { proposed: Address::ZERO }).unwrap();
    assert_eq!(offer(&pool), (Address::ZERO, Address::ZERO));
}

/// Each guarded call, by someone who holds every role but the one it needs.
#[test]
fn each_call_needs_exactly_its_role() {
    let mut pool = Pool::deploy();
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    let (s0, x0) = (pool.who("S0"), pool.who("X0"));
    let guarded: [(&str, Vec<u8>); 8] = [
        ("OWNER_ROLE", IEpochSchedule::proposeOwnerCall { proposed: x0 }.abi_encode()),
        ("OWNER_ROLE", diamond_cut(vec![]).abi_encode()),
        (
            "EPOCH_PARAMETERS_ROLE",
            IEpochSchedule::setEpochParametersCall { interval: u(1_000_000), offset: u(10_000_000) }.abi_encode(),
        ),
        ("EPOCH_PARAMETERS_ROLE", IEpochSchedule::setBlackoutWindowCall { blackoutWindow: u(300_000) }.abi_encode()),
        ("REWARDS_RATE_ROLE", IEpochSchedule::setRewardsPerSecondCall { emissionPerSecond: u(1) }.abi_encode()),
        ("STAKE_OPERATOR_ROLE", IStaking::requestWithdrawalForCall { staker: s0, amount: u(1) }.abi_encode()),
        (
            "STAKE_OPERATOR_ROLE",
            IStaking::withdrawStakeForCall { staker: s0, recipient: x0, amount: u(0) }.abi_encode(),
        ),
        ("CLAIM_OPERATOR_ROLE", IStaking::claimRewardsForCall { staker: s0, recipient: x0 }.abi_encode()),
    ];
    let all = suite::ROLES;
    for (needed, call) in guarded {
        let mut fork = pool.fork();
        for name in all.iter().filter(|&&name| name != needed) {
            fork.grant(name, "X0");
        }
        let error = unauthorized(&fork, "X0", fork.role(needed));
        assert_refused(fork.by("X0").send_raw(call.clone()).unwrap_err(), error);
        fork.grant(needed, "X0");
        fork.by("X0").send_raw(call).unwrap();
    }
}
