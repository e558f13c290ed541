//! Arbitrum One's upgrade from ArbOS 51 to 61. It raises the Stylus version, so that no program runs until it is activated again.

use alloy_primitives::Bytes;
use chain::{Account, Cause, Chain, Reverted, abi::ArbOwner, addresses::ARB_OWNER};
use suite::{Settings, prelude::*};

/// A pool of ArbOS 51 in the middle of its life: stake, a request, a loan.
fn pool_of_51() -> Pool {
    let settings = Settings::fixture();
    let chain = Chain::builder().arbos(51).timestamp(settings.deployed_at - 100_000).build();
    let mut pool = Pool::on(chain, "token", "token", &settings).unwrap();
    pool.by("GOV").set_rewards_per_second(10).unwrap();
    pool.allocate(&[("B0", 4_000)]);
    pool.at(epoch(0)).by("S0").stake(1_000).unwrap();
    pool.by("S1").stake(500).unwrap();
    pool.by("S1").request_withdrawal(200).unwrap();
    pool.by("B0").borrow(300).unwrap();
    pool
}

fn upgrade(pool: &mut Pool) {
    let upgrade = ArbOwner::scheduleArbOSUpgradeCall { newVersion: 61, timestamp: 0 };
    pool.chain.from(&Account::owner()).call(ARB_OWNER, upgrade).unwrap();
    pool.chain.mine();
    assert_eq!(pool.chain.arbos_version(), 61);
}

fn assert_needs_upgrade(error: &Reverted) {
    assert_eq!(error.cause, Cause::Halt("ProgramNeedsUpgrade(2, 3)".into()), "{error}");
}

#[test]
fn no_program_runs_after_arbos_61_until_it_is_activated_again() {
    let mut pool = pool_of_51();
    let books = pool.books();
    let storage = |pool: &Pool| (pool.storage(), pool.token_storage());
    let before = storage(&pool);
    upgrade(&mut pool);

    // Whatever is called: the router, by each of its functions, and each program for itself.
    for function in suite::abi::functions() {
        let call = function.selector().to_vec();
        assert_needs_upgrade(&pool.by("S0").send_raw(call).expect_err("no program is active"));
    }
    let mut programs: Vec<_> = pool.deployment.programs.iter().map(|(_, program)| program.address).collect();
    programs.extend([pool.token(), pool.rewards_token()]);
    for program in &programs {
        assert!(!pool.chain.is_active(*program));
        let sent = pool.chain.from("S0").send(*program, Bytes::new());
        assert_needs_upgrade(&sent.expect_err("no program is active"));
    }

    // A router without its facets is no better; the facets' calls fail inside of it.
    let router = pool.address();
    pool.chain.from("keeper").activate(router).unwrap();
    let receipt = pool.by("S0").stake(1).unwrap_err();
    assert_eq!(receipt.receipt().failure.as_deref(), Some("ProgramNeedsUpgrade(2, 3)"));

    pool.keep_alive();
    assert!(programs.iter().all(|program| pool.chain.is_active(*program)));
    assert_eq!(storage(&pool), before, "neither upgrade nor activation touches a word");
    assert_eq!(pool.books(), books);
}

#[test]
fn an_upgraded_pool_goes_on_like_one_that_was_never_old() {
    let life = |pool: &mut Pool| {
        pool.at(epoch(0) + 600_000).by("B0").repay_borrow("B0", 100).unwrap();
        pool.at(epoch(1) + 5).by("S1").withdraw_stake("S1", 200).unwrap();
        pool.by("S0").request_withdrawal(900).unwrap();
        let claimed = pool.at(epoch(2)).by("S0").claim_rewards("S0").unwrap().ret;
        let shortfall = pool.at(epoch(3)).by("S2").mark_debt(&["B0"]).map(|sent| sent.ret);
        (claimed, shortfall.ok(), pool.books(), pool.storage())
    };
    let mut upgraded = pool_of_51();
    upgrade(&mut upgraded);
    upgraded.keep_alive();
    assert_eq!(life(&mut upgraded), life(&mut pool_of_51()));
}
