//! Games that pay elsewhere, and pay nothing here. Re-entrancy and lying tokens have a module of their own (`tokens`).

use suite::prelude::*;

/// Where shares of a pot are issued at a price, the first depositor gives to the pot and makes the next one's share round to nothing.
#[test]
fn a_first_staker_gains_nothing_by_a_gift() {
    let mut pool = Pool::deploy();
    pool.by("GOV").set_rewards_per_second(1_000_000).unwrap();
    pool.at(epoch(0)).by("S1").stake(1).unwrap();
    pool.give("S1", 1_000_000_000_000);
    pool.at(epoch(0) + 100).by("S2").stake(999_999).unwrap();
    assert_eq!((pool.balance_of("S1"), pool.balance_of("S2")), (u(1), u(999_999)));

    // Alone it earned everything; from then on a millionth.
    pool.at(epoch(0) + 200);
    assert_eq!(pool.by("S1").claim_rewards("S1").unwrap().ret, u(100 * 1_000_000 + 100));
    assert_eq!(pool.by("S2").claim_rewards("S2").unwrap().ret, u(100 * 999_999));

    for staker in ["S1", "S2"] {
        let stake = pool.balance_of(staker);
        pool.by(staker).request_withdrawal(stake).unwrap();
    }
    pool.at(epoch(1));
    let before = pool.tokens("S2");
    assert_eq!(pool.by("S2").withdraw_max_stake("S2").unwrap().ret, u(999_999));
    assert_eq!(pool.tokens("S2") - before, u(999_999));
    assert_eq!(pool.by("S1").withdraw_max_stake("S1").unwrap().ret, u(1));
    let surplus = pool.view(IPoolViews::getSurplusCall {});
    assert_eq!(surplus, u(1_000_000_000_000), "the gift went to nobody");
}

/// A pool of 1000, lent to four borrowers within their shares, of which half is on its way out; `B2` and `X0` have repaid a part.
fn short_pool() -> Pool {
    let mut pool = Pool::deploy();
    pool.allocate(&[("B0", 1000), ("B1", 2000), ("B2", 3000), ("X0", 4000)]);
    pool.at(epoch(0)).by("S0").stake(600).unwrap();
    pool.by("S1").stake(400).unwrap();
    for (borrower, loan, repaid) in [("B0", 100, 0), ("B1", 200, 0), ("B2", 300, 200), ("X0", 400, 50)] {
        pool.by(borrower).borrow(loan).unwrap();
        if repaid > 0 {
            pool.by(borrower).repay_borrow(borrower, repaid).unwrap();
        }
    }
    pool.by("S0").request_withdrawal(300).unwrap();
    pool.by("S1").request_withdrawal(200).unwrap();
    pool.at(epoch(1));
    pool
}

/// Anybody may mark, and chooses whom it names in which order. Whatever the list, no unit of debt is made or lost, nobody pays below its
/// share, and a refusal changes nothing, so that nobody can keep the shortfall from being marked.
#[test]
fn no_list_of_borrowers_bends_the_sums() {
    const BORROWERS: [&str; 4] = ["B0", "B1", "B2", "X0"];
    let pool = short_pool();
    let shortfall = pool.books().borrowed - pool.books().active;
    assert_eq!(shortfall, u(250));
    let lists = (1..=4).flat_map(|length| (0..4usize.pow(length)).map(move |number| (length, number)));
    let (mut marked, mut refused) = (0, 0);
    for (length, number) in lists {
        let list: Vec<_> = (0..length).map(|place| BORROWERS[number / 4usize.pow(place) % 4]).collect();
        let mut fork = pool.fork();
        match fork.by("S2").mark_debt(&list) {
            Ok(sent) => {
                marked += 1;
                assert_eq!(sent.ret, shortfall, "{list:?}");
                let debts: U256 = BORROWERS.iter().map(|name| fork.borrower(name).debt).sum();
                assert_eq!((debts, fork.books().borrower_debt), (shortfall, shortfall), "{list:?}");
                assert_eq!(fork.books().borrowed, fork.books().active, "{list:?}");
            }
            Err(_) => {
                refused += 1;
                assert_eq!(fork.storage(), pool.storage(), "{list:?}");
                assert_eq!(fork.by("S2").mark_debt(&BORROWERS).unwrap().ret, shortfall, "after {list:?}");
            }
        }
        for name in BORROWERS {
            let (before, after) = (pool.borrower(name), fork.borrower(name));
            assert!(after.borrowed >= before.borrowed.min(before.allocatedBalanceCurrentEpoch), "{name}, {list:?}");
            assert_eq!(after.borrowed + after.debt, before.borrowed, "{name}, {list:?}");
            assert_eq!(after.restricted, !after.debt.is_zero(), "{name}, {list:?}");
        }
    }
    assert_eq!(marked + refused, 4 + 16 + 64 + 256);
    assert!(marked > 0 && refused > 0, "{marked} marked, {refused} refused");
}

/// An owner who cuts in a program that is no facet breaks the functions that it names and nothing else, and can take it back.
#[test]
fn a_bad_facet_harms_nothing_that_it_does_not_answer() {
    const REPLACE: u8 = 1;
    let mut pool = short_pool();
    pool.by("X0").mark_debt(&["B0", "B1", "B2", "X0"]).unwrap();
    let good = pool.facet("staking");
    let stake = [IStaking::stakeCall::SELECTOR.into()];
    let cut = |facet| {
        diamond_cut(vec![IDiamondCut::FacetCut {
            facetAddress: facet,
            action: REPLACE,
            functionSelectors: stake.into(),
        }])
    };
    let before = pool.storage();
    // A token's program; the router itself, deployed once more; code that is an invalid instruction; code that returns at once.
    let (invalid, empty) = (pool.who("invalid"), pool.who("empty"));
    pool.chain.set_code(invalid, vec![0xfe]);
    pool.chain.set_code(empty, vec![0x00]);
    let bad = [pool.token(), pool.deploy_again("diamond-cut"), invalid, empty];
    for facet in bad {
        pool.by("GOV").send(cut(facet)).unwrap();
        let routed = pool.storage();
        if facet == empty {
            pool.by("S0").stake(100).unwrap();
        } else {
            pool.by("S0").stake(100).unwrap_err();
        }
        assert_eq!(pool.storage(), routed, "{facet}");
        // Exits stay open.
        assert_eq!(pool.fork().by("S0").withdraw_max_stake("S0").unwrap().ret, u(150));
        pool.by("GOV").send(cut(good)).unwrap();
        assert_eq!(pool.storage(), before, "{facet}");
    }
    pool.by("S0").stake(100).unwrap();
}

/// Every account that holds any power over another contract tries every function of the pool that needs a role it does not hold.
#[test]
fn neither_tokens_nor_treasury_nor_facets_have_any_role() {
    let pool = Pool::deploy();
    let mut strangers = vec![pool.address(), pool.token(), pool.rewards_token(), pool.treasury(), pool.deployer()];
    strangers.extend(pool.deployment.facets.iter().map(|(_, facet)| *facet));
    strangers.push(Address::ZERO);
    for role in pool.roles().into_iter().chain([B256::ZERO]) {
        for account in &strangers {
            assert!(!pool.view(IEpochSchedule::hasRoleCall { role, account: *account }), "{role} {account}");
        }
    }
}
