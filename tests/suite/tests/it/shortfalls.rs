//! Shortfalls, and what they leave (SHF-1 to SHF-21, WDR-8, ERC-8).

use suite::prelude::*;

/// A pool with these shares, at the start of epoch zero.
fn allocated(shares: &[(&str, u64)]) -> Pool {
    let mut pool = Pool::deploy();
    pool.allocate(shares);
    pool.at(epoch(0));
    pool
}

/// 10^exponent times a factor, as indexes are written.
fn e(factor: u64, exponent: u64) -> U256 {
    u(factor) * u(10).pow(u(exponent))
}

fn marked(pool: &Pool, borrower: &str, amount: u64, borrowed: u64, debt: u64) -> LogData {
    log(events::DebtMarked {
        borrower: pool.who(borrower),
        amount: u(amount),
        newBorrowedBalance: u(borrowed),
        newDebtBalance: u(debt),
    })
}

fn restricted(pool: &Pool, borrower: &str) -> LogData {
    log(events::BorrowingRestrictionChanged { borrower: pool.who(borrower), isBorrowingRestricted: true })
}

fn converted(amount: u64, index: U256, left: u64) -> LogData {
    log(events::ConvertedInactiveBalancesToDebt {
        shortfallAmount: u(amount),
        shortfallIndex: index,
        newInactiveBalance: u(left),
    })
}

/// A loss credited to a staker: its debt, then the burn.
fn received(pool: &Pool, staker: &str, amount: u64, debt: u64) -> [LogData; 2] {
    let staker = pool.who(staker);
    [
        log(events::ReceivedDebt { staker, amount: u(amount), newDebtBalance: u(debt) }),
        log(events::Transfer { from: staker, to: Address::ZERO, value: u(amount) }),
    ]
}

fn no_shortfall(borrowed: u64, active: u64) -> errors::NoShortfall {
    errors::NoShortfall { borrowed: u(borrowed), active: u(active) }
}

fn not_marked(borrowed: u64, active: u64) -> errors::ShortfallNotMarked {
    errors::ShortfallNotMarked { borrowed: u(borrowed), active: u(active) }
}

/// Inactive stake now, and what is owed.
fn position(pool: &Pool, staker: &str) -> (U256, U256) {
    (pool.inactive(staker).0, pool.staker_debt(staker))
}

fn books(active: u64, inactive: u64, borrowed: u64, unborrowed: u64, borrower_debt: u64) -> Books {
    Books {
        active: u(active),
        inactive: u(inactive),
        borrowed: u(borrowed),
        unborrowed: u(unborrowed),
        borrower_debt: u(borrower_debt),
        repaid_debt: u(0),
    }
}

/// SHF-1 before marking, with the stakes in epoch `first`: 300 of 700 lent are missing, both borrowers overdue.
fn shf_1(first: u64) -> Pool {
    let mut pool = allocated(&[("B0", 4000), ("B1", 6000)]);
    pool.at(epoch(first)).by("S0").stake(300).unwrap();
    pool.by("S1").stake(700).unwrap();
    pool.by("B0").borrow(300).unwrap();
    pool.by("B1").borrow(600).unwrap();
    pool.by("S0").request_withdrawal(100).unwrap();
    pool.by("S1").request_withdrawal(500).unwrap();
    pool.by("B1").repay_borrow("B1", 200).unwrap();
    pool.at(epoch(first + 1));
    pool
}

/// After SHF-4: marked in epochs 1 and 2.
fn shf_4() -> Pool {
    let mut pool = shf_1(0);
    pool.by("X0").mark_debt(&["B0", "B1"]).unwrap();
    pool.by("S0").request_withdrawal(200).unwrap();
    pool.at(epoch(2)).by("X0").mark_debt(&["B0", "B1"]).unwrap();
    pool
}

/// SHF-5: played an epoch later, and marked in epochs 2 and 3.
pub(crate) fn shf_5() -> Pool {
    let mut pool = shf_1(1);
    pool.by("X0").mark_debt(&["B0", "B1"]).unwrap();
    pool.by("S0").request_withdrawal(100).unwrap();
    pool.at(epoch(3)).by("S0").request_withdrawal(100).unwrap();
    assert_eq!((pool.total_active(), pool.total_inactive()), ((u(300), u(200)), (u(400), u(500))));
    assert_eq!(pool.by("X0").mark_debt(&["B0", "B1"]).unwrap().ret, u(100));
    pool
}

/// SHF-6 after marking: all inactive stake is lost.
pub(crate) fn shf_6() -> Pool {
    let mut pool = allocated(&[("B0", 4000), ("B1", 6000)]);
    pool.by("S0").stake(500).unwrap();
    pool.by("S1").stake(500).unwrap();
    pool.by("B0").borrow(400).unwrap();
    pool.by("B1").borrow(600).unwrap();
    pool.by("S0").request_withdrawal(200).unwrap();
    pool.by("S1").request_withdrawal(300).unwrap();
    assert_eq!(pool.at(epoch(1)).by("X0").mark_debt(&["B0", "B1"]).unwrap().ret, u(500));
    pool
}

/// SHF-15 before marking: everything is lent, and `requested` of 1000 is on its way out.
pub(crate) fn shf_15(requested: u64) -> Pool {
    let mut pool = allocated(&[("B0", 10_000)]);
    pool.by("S0").stake(1000).unwrap();
    pool.by("B0").borrow(1000).unwrap();
    pool.by("S0").request_withdrawal(requested).unwrap();
    pool
}

pub(crate) fn after_shf_4() -> Pool {
    shf_4()
}

#[test]
fn shf_1_a_part_is_missing() {
    let mut pool = shf_1(0);
    assert_eq!(pool.books(), books(400, 600, 700, 300, 0));
    for (name, allocated) in [("B0", 160), ("B1", 240)] {
        let state = pool.borrower(name);
        assert_eq!((state.allocatedBalanceCurrentEpoch, state.overdue), (u(allocated), true), "{name}");
    }
    let borrowers = pool.all(&["B0", "B1"]);
    let preview = pool.view(IDebtAccounting::previewMarkDebtCall { borrowers: borrowers.clone() });
    let expected = (u(300), u(0), u(300), e(5, 35));
    assert_eq!((preview.shortfall, preview.uncovered, preview.converted, preview.index), expected);
    assert_eq!(pool.view(IDebtAccounting::previewDebtsCall { borrowers }), [u(140), u(160)]);
    assert_eq!(pool.view(IDebtAccounting::getShortfallAmountCall {}), u(300));
    assert!(!pool.view(IDebtAccounting::isSolventCall {}));

    let receipt = pool.by("X0").mark_debt(&["B0", "B1"]).unwrap();
    assert_eq!(receipt.ret, u(300));
    let expected = [
        marked(&pool, "B0", 140, 160, 140),
        restricted(&pool, "B0"),
        marked(&pool, "B1", 160, 240, 160),
        restricted(&pool, "B1"),
        converted(300, e(5, 35), 300),
    ];
    assert_logs(pool.logs(&receipt), expected);
    assert_eq!(pool.books(), books(400, 300, 400, 300, 300));
    assert_eq!((position(&pool, "S0"), position(&pool, "S1")), ((u(50), u(50)), (u(250), u(250))));
    assert_eq!(pool.view(IStakedToken::totalSupplyCall {}), u(700));
    let shortfall = pool.view(IDebtAccounting::getShortfallCall { index: u(0) });
    assert_eq!((shortfall.epoch, U256::from(shortfall.index)), (1, e(5, 35)));
    assert_eq!(pool.view(IDebtAccounting::getShortfallCountCall {}), u(1));
    assert!(pool.view(IDebtAccounting::isSolventCall {}));
}

#[test]
fn shf_2_the_list_must_cover_it() {
    let mut pool = shf_1(0);
    let before = pool.storage();
    for (list, covered) in [(&[][..], 0), (&["B0"][..], 140), (&["B1"][..], 160)] {
        let error = errors::ShortfallNotCovered { covered: u(covered * 10_000), required: u(300 * 10_000) };
        assert_refused(pool.by("X0").mark_debt(list).unwrap_err(), error);
        let preview = pool.view(IDebtAccounting::previewMarkDebtCall { borrowers: pool.all(list) });
        assert_eq!(preview.uncovered, u(300 - covered));
    }
    assert_eq!(pool.storage(), before);
    let twice = pool.view(IDebtAccounting::previewDebtsCall { borrowers: pool.all(&["B0", "B0", "B1"]) });
    assert_eq!(twice, [u(140), u(0), u(160)]);
    pool.by("X0").mark_debt(&["B0", "B0", "B1"]).unwrap();
    assert_eq!(pool.books(), books(400, 300, 400, 300, 300));
    assert_eq!((pool.borrower("B0").debt, pool.borrower("B1").debt), (u(140), u(160)));
}

#[test]
fn shf_3_once_is_enough() {
    let mut pool = shf_1(0);
    pool.by("X0").mark_debt(&["B0", "B1"]).unwrap();
    assert_refused(pool.by("X0").mark_debt(&["B0", "B1"]).unwrap_err(), no_shortfall(400, 400));
    for index in [u(1), u(65_536), U256::MAX] {
        let refused = pool.try_view(IDebtAccounting::getShortfallCall { index }).unwrap_err();
        assert_refused(refused, errors::UnknownShortfall { index, count: u(1) });
    }
}

#[test]
fn shf_4_a_second_shortfall() {
    let mut pool = shf_1(0);
    pool.by("X0").mark_debt(&["B0", "B1"]).unwrap();
    let receipt = pool.by("S0").request_withdrawal(200).unwrap();
    let requested = events::WithdrawalRequested { staker: pool.who("S0"), amount: u(200) };
    let boundary = log(events::GlobalIndexUpdated { index: u(0) });
    let [debt, burn] = received(&pool, "S0", 50, 50);
    assert_logs(pool.logs(&receipt), [boundary, debt, burn, log(requested)]);
    assert_eq!(pool.inactive("S0"), (u(50), u(250)));
    pool.at(epoch(2));
    assert_eq!(pool.books(), books(200, 500, 400, 300, 300));
    let receipt = pool.by("X0").mark_debt(&["B0", "B1"]).unwrap();
    assert_eq!(receipt.ret, u(200));
    let expected =
        [marked(&pool, "B0", 80, 80, 220), marked(&pool, "B1", 120, 120, 280), converted(200, e(6, 35), 300)];
    assert_logs(pool.logs(&receipt), expected);
    assert_eq!((position(&pool, "S0"), position(&pool, "S1")), ((u(150), u(150)), (u(150), u(350))));
}

#[test]
fn shf_5_stakers_round_down() {
    let pool = shf_5();
    let shortfall = pool.view(IDebtAccounting::getShortfallCall { index: u(1) });
    assert_eq!((shortfall.epoch, U256::from(shortfall.index)), (3, e(75, 34)));
    assert_eq!((pool.inactive("S0"), pool.staker_debt("S0")), ((u(112), u(212)), u(88)));
    assert_eq!((pool.inactive("S1"), pool.staker_debt("S1")), ((u(187), u(187)), u(313)));
    assert_eq!(pool.total_inactive(), (u(300), u(400)));
}

#[test]
fn shf_6_everything_inactive_is_lost() {
    let mut pool = shf_6();
    assert_eq!((pool.borrower("B0").debt, pool.borrower("B1").debt), (u(200), u(300)));
    assert_eq!(pool.view(IDebtAccounting::getShortfallCall { index: u(0) }).index.to::<u64>(), 0);
    assert_eq!(pool.books(), books(500, 0, 500, 0, 500));
    assert_eq!((position(&pool, "S0"), position(&pool, "S1")), ((u(0), u(200)), (u(0), u(300))));
    let receipt = pool.by("S0").withdraw_stake("S0", 0).unwrap();
    assert_eq!(pool.logs(&receipt)[..2], received(&pool, "S0", 200, 200));
}

#[test]
fn shf_7_the_caller_chooses_the_order() {
    let mut pool = allocated(&[("B0", 5000), ("B1", 5000)]);
    pool.by("S0").stake(1000).unwrap();
    pool.by("B0").borrow(500).unwrap();
    pool.by("B1").borrow(500).unwrap();
    pool.by("S0").request_withdrawal(500).unwrap();
    pool.by("GOV").set_allocations(&[("B0", 0), ("B1", 0), ("B2", 10_000)]).unwrap();
    pool.at(epoch(1));
    for (list, charged, spared) in [
        (&["B0", "B1"][..], "B0", "B1"),
        (&["B1", "B0"][..], "B1", "B0"),
        (&["B2", "B0", "B1"][..], "B0", "B1"),
        (&["nobody", "B1"][..], "B1", "B0"),
    ] {
        let mut fork = pool.fork();
        assert_eq!(fork.by("X0").mark_debt(list).unwrap().ret, u(500));
        let state = fork.borrower(charged);
        assert_eq!((state.debt, state.borrowed, state.restricted), (u(500), u(0), true), "{list:?}");
        let state = fork.borrower(spared);
        assert_eq!((state.debt, state.borrowed, state.restricted), (u(0), u(500), false), "{list:?}");
    }
}

#[test]
fn shf_8_debts_sum_to_the_shortfall() {
    let mut pool = allocated(&[("B0", 3333), ("B1", 6667)]);
    pool.by("S0").stake(1000).unwrap();
    pool.by("B0").borrow(333).unwrap();
    pool.by("B1").borrow(666).unwrap();
    pool.by("S0").request_withdrawal(500).unwrap();
    pool.at(epoch(1));
    assert_eq!(pool.books(), books(500, 500, 999, 1, 0));
    assert_eq!(pool.by("X0").mark_debt(&["B0", "B1"]).unwrap().ret, u(499));
    assert_eq!((pool.borrower("B0").debt, pool.borrower("B1").debt), (u(167), u(332)));
    let shortfall = pool.view(IDebtAccounting::getShortfallCall { index: u(0) });
    assert_eq!(U256::from(shortfall.index), e(2, 33));
    assert_eq!(pool.books(), books(500, 1, 500, 1, 499));
    assert!(pool.borrower("B1").overdue, "by less than one unit");

    pool.by("B0").repay_borrow("B0", 166).unwrap();
    pool.by("B1").repay_borrow("B1", 334).unwrap();
    pool.by("S0").request_withdrawal(500).unwrap();
    assert_eq!(pool.at(epoch(2)).by("S0").withdraw_max_stake("S0").unwrap().ret, u(501));
    pool.by("B0").repay_debt("B0", 167).unwrap();
    pool.by("B1").repay_debt("B1", 332).unwrap();
    assert_eq!(pool.by("S0").withdraw_max_debt("S0").unwrap().ret, u(499));
    assert_eq!((pool.books(), pool.tokens_of_pool()), (Books::default(), u(0)));
}

#[test]
fn small_loans_of_five_borrowers_can_be_marked() {
    let shares = [("S1", 2500), ("S2", 2500), ("B0", 2000), ("B1", 2000), ("B2", 1000)];
    let mut pool = allocated(&shares);
    pool.by("S0").stake(10).unwrap();
    for (name, _) in shares {
        pool.by(name).borrow(1).unwrap();
    }
    pool.by("S0").request_withdrawal(7).unwrap();
    let names = shares.map(|(name, _)| name);
    assert_eq!(pool.at(epoch(1)).by("X0").mark_debt(&names).unwrap().ret, u(2));
    let debts: Vec<_> = names.iter().map(|name| pool.borrower(name).debt).collect();
    assert_eq!(debts, [u(1), u(0), u(0), u(1), u(0)]);
    for (name, share) in shares {
        let state = pool.borrower(name);
        assert!(state.borrowed >= u(3 * share / 10_000), "{name} keeps its share");
        assert_eq!(state.restricted, !state.debt.is_zero(), "{name}");
    }
}

/// SHF-9 after marking in epoch 1.
fn shf_9() -> Pool {
    let mut pool = allocated(&[("B0", 10_000)]);
    pool.by("S0").stake(1000).unwrap();
    pool.by("S1").stake(1000).unwrap();
    pool.by("B0").borrow(1600).unwrap();
    pool.by("S0").request_withdrawal(800).unwrap();
    pool.at(epoch(1)).by("S1").request_withdrawal(500).unwrap();
    pool.by("S0").request_withdrawal(100).unwrap();
    assert_eq!(pool.by("X0").mark_debt(&["B0"]).unwrap().ret, u(400));
    pool
}

#[test]
fn shf_9_requests_of_that_epoch_are_spared() {
    let mut pool = shf_9();
    let shortfall = pool.view(IDebtAccounting::getShortfallCall { index: u(0) });
    assert_eq!(U256::from(shortfall.index), e(5, 35));
    assert_eq!((pool.inactive("S0"), pool.staker_debt("S0")), ((u(400), u(500)), u(400)));
    assert_eq!((pool.inactive("S1"), pool.staker_debt("S1")), ((u(0), u(500)), u(0)));
    pool.at(epoch(2));
    assert_eq!((pool.inactive("S0").0, pool.inactive("S1").0), (u(500), u(500)));
    // The epoch is short again: nothing is withdrawn before that is marked, but anybody can have the loss credited.
    assert_refused(pool.by("S0").withdraw_stake("S0", 1).unwrap_err(), not_marked(1200, 600));
    let call = IDebtAccounting::settleShortfallsCall { staker: pool.who("S0"), max: U256::MAX };
    let receipt = pool.by("X0").send(call).unwrap();
    assert_logs(pool.logs(&receipt), received(&pool, "S0", 400, 400));
}

#[test]
fn shf_10_two_shortfalls_are_credited_at_once() {
    let mut pool = shf_9();
    pool.at(epoch(2));
    assert_eq!(pool.books(), books(600, 1000, 1200, 400, 400));
    assert_eq!(pool.by("X0").mark_debt(&["B0"]).unwrap().ret, u(600));
    let shortfall = pool.view(IDebtAccounting::getShortfallCall { index: u(1) });
    assert_eq!(U256::from(shortfall.index), e(4, 35));
    assert_eq!((position(&pool, "S0"), position(&pool, "S1")), ((u(200), u(700)), (u(200), u(300))));
    let receipt = pool.by("S0").withdraw_stake("S0", 0).unwrap();
    assert_eq!(pool.logs(&receipt)[..2], received(&pool, "S0", 700, 700));
}

#[test]
fn shf_11_late_settlement_is_early_settlement() {
    for eager in [false, true] {
        let mut pool = allocated(&[("B0", 10_000)]);
        pool.by("S0").stake(1000).unwrap();
        pool.by("S1").stake(10_000).unwrap();
        pool.by("B0").borrow(10_000).unwrap();
        pool.by("S0").request_withdrawal(1000).unwrap();
        assert_refused(pool.at(epoch(1)).by("X0").mark_debt(&["B0"]).unwrap_err(), no_shortfall(10_000, 10_000));
        let mut credited = vec![];
        for (number, index) in [
            "908265213442325158946412352406902815",
            "907441016333938294010889292196007259",
            "906618313689936536718041704442429737",
        ]
        .into_iter()
        .enumerate()
        {
            let n = number as u64 + 1;
            pool.at(epoch(n)).by("S1").request_withdrawal(100 + n).unwrap();
            pool.at(epoch(n + 1)).by("X0").mark_debt(&["B0"]).unwrap();
            let shortfall = pool.view(IDebtAccounting::getShortfallCall { index: u(number as u64) });
            assert_eq!(U256::from(shortfall.index).to_string(), index);
            if eager {
                let receipt = pool.by("S0").withdraw_stake("S0", 0).unwrap();
                credited.extend(receipt.logs_of::<events::ReceivedDebt>().into_iter().map(|event| event.amount));
            }
        }
        assert_eq!(credited, if eager { vec![u(92), u(85), u(77)] } else { vec![] });
        for at in [epoch(4), epoch(9)] {
            pool.at(at);
            assert_eq!((position(&pool, "S0"), position(&pool, "S1")), ((u(746), u(254)), (u(252), u(54))));
            assert_eq!(pool.books().inactive, u(1000));
        }
    }
}

#[test]
fn shf_12_everybody_rounds_down() {
    let mut pool = allocated(&[("B0", 10_000)]);
    for name in ["S0", "S1", "S2"] {
        pool.by(name).stake(10).unwrap();
    }
    pool.by("B0").borrow(30).unwrap();
    for name in ["S0", "S1", "S2"] {
        pool.by(name).request_withdrawal(1).unwrap();
    }
    pool.at(epoch(1)).by("B0").repay_borrow("B0", 2).unwrap();
    assert_eq!(pool.books(), books(27, 3, 28, 2, 0));
    let receipt = pool.by("X0").mark_debt(&["B0"]).unwrap();
    let index: U256 = "666666666666666666666666666666666666".parse().unwrap();
    assert_eq!(pool.logs(&receipt).last(), Some(&converted(1, index, 2)));
    for name in ["S0", "S1", "S2"] {
        assert_eq!(position(&pool, name), (u(0), u(1)), "{name}");
    }
    pool.by("B0").repay_debt("B0", 1).unwrap();
    assert_eq!(pool.by("S0").withdraw_max_debt("S0").unwrap().ret, u(1));
    assert_eq!(pool.by("S1").withdraw_max_debt("S1").unwrap().ret, u(0));
    assert_eq!((pool.staker_debt("S1"), pool.books().inactive), (u(1), u(2)));
}

#[test]
fn shf_13_new_stake_waits_for_the_mark() {
    let mut pool = allocated(&[("B0", 4000), ("B1", 6000)]);
    pool.by("S0").stake(300).unwrap();
    pool.by("S1").stake(700).unwrap();
    pool.by("B0").borrow(400).unwrap();
    pool.by("B1").borrow(500).unwrap();
    pool.by("S0").request_withdrawal(100).unwrap();
    pool.by("S1").request_withdrawal(500).unwrap();
    pool.at(epoch(1));
    assert_eq!(pool.books(), books(400, 600, 900, 100, 0));
    assert_refused(pool.by("S2").stake(500).unwrap_err(), not_marked(900, 400));
    assert_eq!(pool.by("X0").mark_debt(&["B0", "B1"]).unwrap().ret, u(500));
    pool.by("S2").stake(500).unwrap();
    assert_eq!(pool.books(), books(900, 100, 400, 600, 500));
    assert_eq!((position(&pool, "S1"), position(&pool, "S2")), ((u(83), u(417)), (u(0), u(0))));
}

#[test]
fn shf_14_nobody_withdraws_before_the_mark() {
    let mut pool = allocated(&[("B0", 10_000)]);
    for name in ["S0", "S1"] {
        pool.by(name).stake(500).unwrap();
    }
    pool.by("B0").borrow(800).unwrap();
    for name in ["S0", "S1"] {
        pool.by(name).request_withdrawal(200).unwrap();
    }
    pool.at(epoch(1));
    assert_eq!(pool.books(), books(600, 400, 800, 200, 0));
    assert_refused(pool.by("S0").withdraw_stake("S0", 200).unwrap_err(), not_marked(800, 600));
    assert_eq!(pool.by("X0").mark_debt(&["B0"]).unwrap().ret, u(200));
    assert_eq!((position(&pool, "S0"), position(&pool, "S1")), ((u(100), u(100)), (u(100), u(100))));
    pool.by("S0").withdraw_stake("S0", 100).unwrap();
}

#[test]
fn shf_15_from_the_boundary_on_and_no_second_earlier() {
    let mut pool = shf_15(500);
    let refused = pool.at(epoch(1) - 1).by("X0").mark_debt(&["B0"]).unwrap_err();
    assert_refused(refused, no_shortfall(1000, 1000));
    for (at, in_epoch) in [(epoch(1), 1), (epoch(2) - 1, 1), (epoch(5), 5)] {
        let mut fork = pool.fork();
        assert_eq!(fork.at(at).by("X0").mark_debt(&["B0"]).unwrap().ret, u(500), "at {at}");
        assert_eq!(fork.view(IDebtAccounting::getShortfallCall { index: u(0) }).epoch, in_epoch);
    }
}

#[test]
fn shf_16_large_amounts() {
    let mut pool = allocated(&[("B0", 10_000)]);
    for name in ["S0", "S1"] {
        pool.by(name).stake(e(1, 15)).unwrap();
    }
    pool.by("B0").borrow(e(2, 15)).unwrap();
    pool.by("S0").request_withdrawal(333_333_333_333_333).unwrap();
    pool.by("S1").request_withdrawal(7).unwrap();
    pool.at(epoch(1)).by("B0").repay_borrow("B0", e(1, 14)).unwrap();
    assert_eq!(pool.by("X0").mark_debt(&["B0"]).unwrap().ret, u(233_333_333_333_340));
    let shortfall = pool.view(IDebtAccounting::getShortfallCall { index: u(0) });
    assert_eq!(shortfall.index.to_string(), "299999999999994000000000000119999999");
    assert_eq!(pool.books().inactive, e(1, 14));
    assert_eq!(position(&pool, "S0"), (u(99_999_999_999_997), u(233_333_333_333_336)));
    assert_eq!(position(&pool, "S1"), (u(2), u(5)));
}

#[test]
fn shf_17_one_shortfall_in_an_epoch() {
    let mut pool = allocated(&[("B0", 5000), ("B1", 5000)]);
    pool.by("S0").stake(1000).unwrap();
    pool.by("B0").borrow(500).unwrap();
    pool.by("B1").borrow(100).unwrap();
    pool.by("S0").request_withdrawal(500).unwrap();
    pool.at(epoch(1));
    assert_eq!(pool.by("X0").mark_debt(&["B0"]).unwrap().ret, u(100));
    let b0 = pool.borrower("B0");
    assert_eq!((b0.borrowed, b0.allocatedBalanceCurrentEpoch, b0.overdue), (u(400), u(250), true));
    pool.give("X0", 150);
    let error = errors::BorrowExceedsAvailable { requested: u(150), available: u(0) };
    assert_refused(pool.by("B1").borrow(150).unwrap_err(), error);
    assert_refused(pool.by("X0").mark_debt(&["B0"]).unwrap_err(), no_shortfall(500, 500));
}

#[test]
fn shf_18_a_gift_pays_no_withdrawal() {
    let mut pool = allocated(&[("B0", 10_000)]);
    pool.by("S0").stake(1000).unwrap();
    pool.give("X0", 250);
    pool.by("B0").borrow(1000).unwrap();
    pool.by("S0").request_withdrawal(250).unwrap();
    pool.at(epoch(1));
    assert_refused(pool.by("S0").withdraw_stake("S0", 250).unwrap_err(), not_marked(1000, 750));
    let receipt = pool.by("X0").mark_debt(&["B0"]).unwrap();
    assert_eq!(pool.logs(&receipt).last(), Some(&converted(250, u(0), 0)));
    assert_eq!(position(&pool, "S0"), (u(0), u(250)));
    assert_eq!(pool.view(IPoolViews::getSurplusCall {}), u(250));
}

#[test]
fn shf_19_every_debt_has_a_creditor() {
    let mut pool = allocated(&[("B0", 5000), ("B1", 5000)]);
    pool.by("S0").stake(1000).unwrap();
    pool.by("B0").borrow(500).unwrap();
    pool.by("B1").borrow(300).unwrap();
    pool.by("S0").request_withdrawal(400).unwrap();
    pool.at(epoch(1));
    pool.give("X0", 1000);
    assert_refused(pool.by("S0").withdraw_stake("S0", 400).unwrap_err(), not_marked(800, 600));
    assert_eq!(pool.books(), books(600, 400, 800, 200, 0));
    assert_eq!(pool.by("X0").mark_debt(&["B0", "B1"]).unwrap().ret, u(200));
    assert_eq!((pool.borrower("B0").debt, pool.borrower("B1").debt), (u(200), u(0)));
    assert_eq!((position(&pool, "S0"), pool.books()), ((u(200), u(200)), books(600, 200, 600, 200, 200)));
}

#[test]
fn shf_20_newcomers_lose_nothing() {
    let mut pool = shf_15(500);
    pool.at(epoch(1)).by("X0").mark_debt(&["B0"]).unwrap();
    pool.by("S1").stake(100).unwrap();
    pool.by("S1").request_withdrawal(100).unwrap();
    pool.at(epoch(2));
    assert_eq!(position(&pool, "S1"), (u(100), u(0)));
    pool.by("S1").withdraw_stake("S1", 100).unwrap();
}

#[test]
fn shf_21_stake_of_nobody_hides_nothing() {
    let mut pool = shf_15(600);
    pool.at(epoch(1));
    let staker = Address::ZERO;
    let refused = pool.by("B0").send(IStaking::stakeForCall { staker, amount: u(300) }).unwrap_err();
    assert_refused(refused, errors::InvalidStaker { staker });
    assert_eq!(pool.by("X0").mark_debt(&["B0"]).unwrap().ret, u(600));
}

#[test]
fn wdr_8_a_short_pool_pays_everybody_alike() {
    let mut pool = allocated(&[("B0", 10_000)]);
    pool.by("S0").stake(1000).unwrap();
    pool.by("S1").stake(500).unwrap();
    pool.by("B0").borrow(1500).unwrap();
    pool.by("S0").request_withdrawal(400).unwrap();
    pool.by("S1").request_withdrawal(200).unwrap();
    pool.at(epoch(1));
    assert_eq!(pool.books(), books(900, 600, 1500, 0, 0));
    assert_refused(pool.by("S0").withdraw_stake("S0", 1).unwrap_err(), not_marked(1500, 900));
    assert_refused(pool.by("S0").withdraw_max_stake("S0").unwrap_err(), not_marked(1500, 900));
    pool.by("X0").repay_borrow("B0", 300).unwrap();
    assert_refused(pool.by("S1").withdraw_max_stake("S1").unwrap_err(), not_marked(1200, 900));
    // Marked, what is there pays half of everybody's, in any order.
    assert_eq!(pool.by("S1").mark_debt(&["B0"]).unwrap().ret, u(300));
    assert_eq!(pool.by("S1").withdraw_max_stake("S1").unwrap().ret, u(100));
    assert_eq!(pool.by("S0").withdraw_max_stake("S0").unwrap().ret, u(200));
    assert_eq!(pool.books(), books(900, 0, 900, 0, 300));
}

#[test]
fn erc_8_a_loss_is_burned_when_it_is_credited() {
    let mut pool = shf_1(0);
    assert_eq!((pool.view(IStakedToken::totalSupplyCall {}), pool.balance_of("S1")), (u(1000), u(700)));
    let receipt = pool.by("X0").mark_debt(&["B0", "B1"]).unwrap();
    assert!(receipt.logs_of::<events::Transfer>().is_empty());
    assert_eq!((pool.view(IStakedToken::totalSupplyCall {}), pool.balance_of("S1")), (u(700), u(450)));
    let receipt = pool.by("S1").withdraw_stake("S1", 0).unwrap();
    assert_eq!(pool.logs(&receipt)[..2], received(&pool, "S1", 250, 250));
    assert_eq!(pool.balance_of("S1"), u(450));
}

#[test]
fn nothing_is_marked_before_epoch_zero() {
    let mut pool = Pool::deploy();
    pool.allocate(&[("B0", 10_000)]);
    assert_refused(pool.by("X0").mark_debt(&["B0"]).unwrap_err(), no_shortfall(0, 0));
    assert!(pool.view(IDebtAccounting::isSolventCall {}));
    let preview = pool.view(IDebtAccounting::previewMarkDebtCall { borrowers: pool.all(&["B0"]) });
    assert_eq!((preview.shortfall, preview.uncovered, preview.converted), (u(0), u(0), u(0)));
}
