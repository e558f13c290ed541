//! Attacks that worked on the first version: what a borrower, a role, a careless deployment or a race could do. Each is refused now.

use alloy_primitives::{Bytes, keccak256};
use suite::{
    Deployment,
    abi::{IExchange, ITrustedBorrowerL2Proxy as P},
    deployment::{self, Parties},
    prelude::*,
    proxy::{self, ASSET, KEY, Market, VAULT},
};

fn set_caps(pool: &mut Pool, by: &str, caps: &[(&str, U256)]) -> Result<chain::Receipt, chain::Reverted> {
    let borrowers = caps.iter().map(|(name, _)| pool.who(name)).collect();
    let caps = caps.iter().map(|(_, cap)| *cap).collect();
    pool.by(by).send(IBorrowerAllocations::setBorrowerCapsCall { borrowers, caps }).map(|sent| sent.receipt)
}

fn cap(pool: &Pool, name: &str) -> U256 {
    pool.view(IBorrowerAllocations::getBorrowerCapCall { borrower: pool.who(name) })
}

// ---------------------------------------------------------------- recycled loans

/// B0 borrows, and X0 stakes it again, as long as there is anything to borrow. Returns what X0 can take when its stake is free.
fn recycle(pool: &mut Pool) -> U256 {
    let (token, to) = (pool.token(), pool.who("X0"));
    pool.set_tokens("B0", 0);
    pool.set_tokens("X0", 0);
    loop {
        let value = pool.borrowable("B0");
        if value.is_zero() {
            break;
        }
        pool.by("B0").borrow(value).unwrap();
        pool.by("B0").send_to(token, IToken::transferCall { to, value }).unwrap();
        pool.by("X0").stake(value).unwrap();
    }
    let staked = pool.active("X0").0;
    pool.by("X0").request_withdrawal(staked).unwrap();
    pool.at(epoch(1));
    pool.by("X0").withdraw_max_stake("X0").unwrap().ret
}

fn honest_million(share: u64) -> Pool {
    let mut pool = Pool::deploy();
    pool.allocate(&[("B0", share)]);
    pool.at(epoch(0)).by("S0").stake(1_000_000).unwrap();
    pool
}

#[test]
fn a_cap_bounds_what_a_recycling_borrower_takes() {
    for (share, limit) in [(1000, 100_000), (4000, 400_000), (5000, 500_000), (10_000, 1_000_000), (4000, 1)] {
        let mut pool = honest_million(share);
        set_caps(&mut pool, "GOV", &[("B0", u(limit))]).unwrap();
        let taken = recycle(&mut pool);
        assert!(taken <= u(limit), "{share}: {taken}");
    }
}

/// The exposure without a cap, as SECURITY.md tells it: s / (1 - s) of the honest stake.
#[test]
fn without_a_cap_a_share_takes_more_than_its_share() {
    for (share, taken) in [(1000, 111), (4000, 666), (5000, 999)] {
        assert_eq!(recycle(&mut honest_million(share)) / u(1000), u(taken));
    }
}

/// The same through a proxy: its money is passed on over layer 2, which no contract sees, and staked again.
#[test]
fn a_cap_bounds_what_a_recycling_proxy_takes() {
    for (cap, expected) in [(0, 666_000..666_667), (400_000, 399_000..400_001), (123_456, 123_456..123_457)] {
        let mut market = Market::deploy();
        let (itself, accomplice) = (market.proxy(), market.pool.who("X0"));
        let caps = IBorrowerAllocations::setBorrowerCapsCall { borrowers: vec![itself], caps: vec![u(cap)] };
        market.pool.by("GOV").send(caps).unwrap();
        market.pool.set_tokens("X0", 0);
        let (key, vault) = (u(777_777), u(888_888));
        market.register(777_777, accomplice).unwrap();
        market.operate(IExchange::openVaultCall { starkKey: key, vaultId: vault });
        loop {
            let value = market.pool.view(IBorrowerAllocations::getBorrowableAmountCall { borrower: itself });
            if value.is_zero() {
                break;
            }
            market.by("b").borrow(value).unwrap();
            market.by("e").deposit(value).unwrap();
            pass_on(&mut market, value, key, vault);
            market.pool.by("X0").stake(value).unwrap();
        }
        let staked = market.pool.active("X0").0;
        market.pool.by("X0").request_withdrawal(staked).unwrap();
        market.at(proxy::epoch(1));
        let taken = market.pool.by("X0").withdraw_max_stake("X0").unwrap().ret.to::<u64>();
        assert!(expected.contains(&taken), "cap {cap}: {taken}");
    }
}

/// Layer 2 accepts a deposit, moves it to a key of the accomplice, and lets it go.
fn pass_on(market: &mut Market, value: U256, key: U256, vault: U256) {
    let asset = u(ASSET);
    let own = u(VAULT);
    market.operate(IExchange::acceptDepositCall {
        starkKey: u(KEY),
        assetType: asset,
        vaultId: own,
        quantizedAmount: value,
    });
    market.operate(IExchange::setVaultBalanceCall { assetType: asset, vaultId: own, quantizedAmount: u(0) });
    market.operate(IExchange::setVaultBalanceCall { assetType: asset, vaultId: vault, quantizedAmount: value });
    market.operate(IExchange::releaseWithdrawalCall { assetType: asset, vaultId: vault, quantizedAmount: value });
    market.on_exchange("X0", IExchange::withdrawCall { starkKey: key, assetType: asset }).unwrap();
}

#[test]
fn caps_limit_new_loans_and_nothing_else() {
    let mut pool = honest_million(4000);
    pool.by("B0").borrow(300_000).unwrap();
    set_caps(&mut pool, "GOV", &[("B0", u(250_000))]).unwrap();
    let state = pool.borrower("B0");
    assert_eq!((state.cap, state.borrowable, state.overdue, state.overdueAmount), (u(250_000), u(0), false, u(0)));
    assert_eq!(state.allocatedBalanceCurrentEpoch, u(400_000));
    let error = errors::BorrowExceedsCap { borrowed: u(300_001), cap: u(250_000) };
    assert_refused(pool.by("B0").borrow(1).unwrap_err(), error);
    // The share is looked at first.
    let error = errors::BorrowExceedsAllocation { borrowed: u(400_001), limit: u(400_000) };
    assert_refused(pool.by("B0").borrow(100_001).unwrap_err(), error);
    let error = errors::BorrowerNotOverdue { borrowed: u(300_000), allocated: u(400_000) };
    assert_refused(pool.by("X0").restrict("B0").unwrap_err(), error);

    pool.by("B0").repay_borrow("B0", 60_000).unwrap();
    assert_eq!(pool.borrowable("B0"), u(10_000));
    pool.by("B0").borrow(10_000).unwrap();

    // What exceeds the share is covered by it, whatever the cap: 850,000 leave, 150,000 stay, 60,000 of them the borrower's.
    pool.by("S0").request_withdrawal(850_000).unwrap();
    pool.at(epoch(1));
    assert_eq!(pool.borrower("B0").overdueAmount, u(190_000));
    assert_eq!(pool.by("X0").mark_debt(&["B0"]).unwrap().ret, u(100_000));
}

#[test]
fn caps_are_set_by_their_role_and_checked() {
    let mut pool = honest_million(4000);
    let most = (U256::ONE << 96) - U256::ONE;
    let changed =
        |pool: &Pool, old, new| log(events::BorrowerCapChanged { borrower: pool.who("B0"), oldCap: old, newCap: new });
    assert_eq!(cap(&pool, "B0"), u(0));
    let done = set_caps(&mut pool, "GOV", &[("B0", most)]).unwrap();
    assert_logs(pool.logs(&done), [changed(&pool, u(0), most)]);
    assert_eq!((cap(&pool, "B0"), pool.borrower("B0").cap, cap(&pool, "B1")), (most, most, u(0)));
    let done = set_caps(&mut pool, "GOV", &[("B0", most)]).unwrap();
    assert_logs(pool.logs(&done), []);
    // The last one counts, each is reported.
    let done = set_caps(&mut pool, "GOV", &[("B0", u(7)), ("B0", u(9))]).unwrap();
    assert_logs(pool.logs(&done), [changed(&pool, most, u(7)), changed(&pool, u(7), u(9))]);
    assert_eq!(cap(&pool, "B0"), u(9));

    let before = pool.storage();
    let account = pool.who("B0");
    let missing = errors::AccessControlUnauthorizedAccount { account, neededRole: pool.role("BORROWER_ADMIN_ROLE") };
    assert_refused(set_caps(&mut pool, "B0", &[("B0", u(0))]).unwrap_err(), missing);
    for high in [most + U256::ONE, U256::MAX] {
        let error = errors::CapTooHigh { cap: high, maximum: most };
        assert_refused(set_caps(&mut pool, "GOV", &[("B1", u(1)), ("B0", high)]).unwrap_err(), error);
    }
    let error = errors::InvalidBorrower { borrower: Address::ZERO };
    assert_refused(set_caps(&mut pool, "GOV", &[("nobody", u(1))]).unwrap_err(), error);
    let uneven = IBorrowerAllocations::setBorrowerCapsCall { borrowers: pool.all(&["B0", "B1"]), caps: vec![u(1)] };
    let error = errors::ArrayLengthMismatch { borrowers: u(2), values: u(1) };
    assert_refused(pool.by("GOV").send(uneven).unwrap_err(), error);
    assert_eq!(pool.storage(), before);
}

#[test]
fn caps_fall_at_any_time_and_rise_outside_of_the_blackout_window() {
    let mut pool = honest_million(4000);
    set_caps(&mut pool, "GOV", &[("B0", u(100))]).unwrap();
    pool.at(epoch(1) - 300_000);
    let closed = || errors::InBlackoutWindow { timeRemaining: u(300_000), blackoutWindow: u(300_000) };
    for higher in [u(101), u(0)] {
        assert_refused(set_caps(&mut pool, "GOV", &[("B0", higher)]).unwrap_err(), closed());
    }
    set_caps(&mut pool, "GOV", &[("B0", u(100))]).unwrap();
    set_caps(&mut pool, "GOV", &[("B0", u(99)), ("B1", u(5))]).unwrap();
    // One after the other: a fall does not make room for a rise.
    assert_refused(set_caps(&mut pool, "GOV", &[("B0", u(1)), ("B0", u(50))]).unwrap_err(), closed());
    assert_eq!((cap(&pool, "B0"), cap(&pool, "B1")), (u(99), u(5)));
    pool.at(epoch(1));
    set_caps(&mut pool, "GOV", &[("B0", u(0))]).unwrap();
    assert_eq!(cap(&pool, "B0"), u(0));
}

// ---------------------------------------------------------------- the run before the mark

/// Half of 2,000,000 is on its way out, in two hands; 500,000 of the loans came back in time.
fn short() -> Pool {
    let mut pool = Pool::deploy();
    pool.allocate(&[("B0", 10_000)]);
    pool.at(epoch(0)).by("S0").stake(500_000).unwrap();
    pool.by("S1").stake(500_000).unwrap();
    pool.by("S2").stake(1_000_000).unwrap();
    pool.by("B0").borrow(2_000_000).unwrap();
    pool.by("S0").request_withdrawal(500_000).unwrap();
    pool.by("S1").request_withdrawal(500_000).unwrap();
    pool.by("B0").repay_borrow("B0", 500_000).unwrap();
    pool.at(epoch(1));
    pool
}

#[test]
fn nobody_leaves_or_comes_before_the_mark() {
    let mut pool = short();
    pool.grant("STAKE_OPERATOR_ROLE", "OP");
    let before = pool.storage();
    let (s0, s1) = (pool.who("S0"), pool.who("S1"));
    let not_marked = || errors::ShortfallNotMarked { borrowed: u(1_500_000), active: u(1_000_000) };
    for amount in [u(0), u(1), u(500_000), U256::MAX] {
        assert_refused(pool.by("S0").withdraw_stake("S0", amount).unwrap_err(), not_marked());
        assert_refused(pool.by("S0").send(IStaking::restakeCall { amount }).unwrap_err(), not_marked());
        assert_refused(pool.by("X0").stake(amount).unwrap_err(), not_marked());
        assert_refused(pool.by("X0").send(IStaking::stakeForCall { staker: s0, amount }).unwrap_err(), not_marked());
        let call = IStaking::withdrawStakeForCall { staker: s0, recipient: s1, amount };
        assert_refused(pool.by("OP").send(call).unwrap_err(), not_marked());
    }
    assert_refused(pool.by("S0").withdraw_max_stake("S0").unwrap_err(), not_marked());
    // The rules on recipient and staker come first.
    let nobody = errors::InvalidRecipient { recipient: Address::ZERO };
    assert_refused(pool.by("S0").withdraw_max_stake("nobody").unwrap_err(), nobody);
    let call = IStaking::stakeForCall { staker: Address::ZERO, amount: u(1) };
    assert_refused(pool.by("S0").send(call).unwrap_err(), errors::InvalidStaker { staker: Address::ZERO });
    assert_eq!(pool.storage(), before);

    // What can be withdrawn is nothing meanwhile, and everything the getters say it is.
    let unborrowed = |pool: &Pool| pool.view(IPoolViews::getPoolCall {}).unborrowed;
    assert_eq!((pool.unborrowed(), unborrowed(&pool), pool.books().unborrowed), (u(0), u(0), u(500_000)));
    assert_eq!(pool.view(IPoolViews::getAccountCall { staker: s0 }).stakeAvailableToWithdraw, u(0));
    assert_eq!(pool.view(IPoolViews::getStakeAvailableToWithdrawCall { staker: s0 }), u(0));

    // Anybody marks, and in the same block everybody leaves alike.
    pool.by("X0").mark_debt(&["B0"]).unwrap();
    assert_eq!((pool.unborrowed(), unborrowed(&pool)), (u(500_000), u(500_000)));
    let got = ["S0", "S1"].map(|who| pool.by(who).withdraw_max_stake(who).unwrap().ret);
    assert_eq!(got, [u(250_000); 2]);
    pool.by("X0").stake(1).unwrap();
}

#[test]
fn a_repayment_opens_the_pool_as_well() {
    let mut pool = short();
    pool.by("B0").repay_borrow("B0", 499_999).unwrap();
    let error = errors::ShortfallNotMarked { borrowed: u(1_000_001), active: u(1_000_000) };
    assert_refused(pool.by("S0").withdraw_max_stake("S0").unwrap_err(), error);
    pool.by("B0").repay_borrow("B0", 1).unwrap();
    assert_eq!(pool.by("S0").withdraw_max_stake("S0").unwrap().ret, u(500_000));
    pool.by("X0").stake(1).unwrap();
}

/// Whoever rolls the total into the short epoch, and in whatever epoch: the rule knows.
#[test]
fn a_short_epoch_is_known_however_it_was_entered() {
    let touches: [fn(&mut Pool); 4] = [
        |_| (),
        |pool| drop(pool.by("S2").claim_rewards("S2").unwrap()),
        |pool| drop(pool.by("S2").request_withdrawal(0).unwrap()),
        |pool| drop(pool.by("GOV").set_rewards_per_second(7).unwrap()),
    ];
    for touch in touches {
        for later in [1, 2, 5] {
            let mut pool = short();
            touch(&mut pool);
            pool.at(epoch(later));
            touch(&mut pool);
            let error = errors::ShortfallNotMarked { borrowed: u(1_500_000), active: u(1_000_000) };
            assert_refused(pool.by("X0").stake(1).unwrap_err(), error);
            pool.by("X0").mark_debt(&["B0"]).unwrap();
            pool.by("X0").stake(1).unwrap();
        }
    }
}

// ---------------------------------------------------------------- overdue without a shortfall

#[test]
fn a_guardian_forces_what_is_overdue() {
    let mut market = Market::deploy();
    market.by("b").borrow(400_000).unwrap();
    market.by("e").deposit(300_000).unwrap();
    market.pool.by("S2").request_withdrawal(500_000).unwrap();
    market.at(proxy::epoch(1));
    // 200,000 overdue, no shortfall, nobody restricted it yet.
    let call = IDebtAccounting::markDebtCall { borrowers: vec![market.proxy()] };
    assert!(market.pool.by("S1").send(call).unwrap_err().is::<errors::NoShortfall>());
    let refused = market.by("e").deposit(100_000).unwrap_err();
    assert_refused(refused, P::DepositOfBorrowedFunds { held: u(0), owed: u(400_000) });
    let force = || P::guardianForcedWithdrawalRequestCall {
        starkKey: u(KEY),
        vaultId: u(VAULT),
        quantizedAmount: u(300_000),
        premiumCost: false,
    };
    market.fork().by("g").send(force()).unwrap();

    // Within its share again it is free again.
    market.by("b").repay_borrow(100_000).unwrap();
    let borrower = market.proxy();
    market.pool.by("X0").send(IBorrowerAllocations::repayBorrowCall { borrower, amount: u(100_000) }).unwrap();
    assert_refused(market.by("g").send(force()).unwrap_err(), P::NoOverdueDebt {});
}

/// A share that is no whole number of units: a loan of the next whole number is overdue, but by less than a unit.
#[test]
fn what_is_overdue_by_rounding_counts_for_nothing() {
    let mut market = Market::deploy();
    market.by("b").borrow(400_000).unwrap();
    let overdue_by = |market: &Market| {
        let state = market.pool.view(IBorrowerAllocations::getBorrowerCall { borrower: market.proxy() });
        (state.overdue, state.overdueAmount)
    };
    let force = |market: &mut Market| {
        let call = P::guardianForcedWithdrawalRequestCall {
            starkKey: u(KEY),
            vaultId: u(VAULT),
            quantizedAmount: u(1),
            premiumCost: false,
        };
        market.by("g").send(call).map(drop)
    };
    // 999,998 at 40 % are 399,999.2.
    let mut rounding = market.fork();
    rounding.pool.by("S2").request_withdrawal(2).unwrap();
    rounding.at(proxy::epoch(1));
    assert_eq!(overdue_by(&rounding), (true, u(0)));
    assert_refused(force(&mut rounding).unwrap_err(), P::NoOverdueDebt {});
    rounding.by("e").deposit(1).unwrap();
    // 999,997.5 would be 399,999; 999,997 are 399,998.8: overdue by one unit and a fifth.
    market.pool.by("S2").request_withdrawal(3).unwrap();
    market.at(proxy::epoch(1));
    assert_eq!(overdue_by(&market), (true, u(1)));
    force(&mut market).unwrap();
    assert!(market.by("e").deposit(1).unwrap_err().is::<P::DepositOfBorrowedFunds>());
}

// ---------------------------------------------------------------- the schedule's role

#[test]
fn the_running_epoch_keeps_its_start() {
    let mut pool = Pool::deploy();
    let now = epoch(3);
    pool.at(now).by("S0").stake(1000).unwrap();
    // A second of open time per epoch, and never an epoch's end: both need another start.
    let closed = now - 3 * 600_000 - (600_000 - 300_000 - 1);
    let error = errors::EpochStartChanged { current: u(now), proposed: u(closed + 3 * 600_000) };
    assert_refused(pool.by("GOV").set_epoch_parameters(600_000, closed).unwrap_err(), error);
    pool.at(now + 200_000);
    let later = now + 200_000 - 3_000_000;
    let error = errors::EpochStartChanged { current: u(now), proposed: u(now + 200_000) };
    assert_refused(pool.by("GOV").set_epoch_parameters(1_000_000, later).unwrap_err(), error);
}

#[test]
fn every_length_is_reached_from_the_same_start() {
    let mut pool = Pool::try_deploy(&Settings::mainnet()).unwrap();
    let start = 1_628_002_800;
    let days = |days: u64| days * 86_400;
    pool.at(start + days(28) * 2);
    pool.by("GOV").send(IEpochSchedule::setBlackoutWindowCall { blackoutWindow: u(259_200) }).unwrap();
    for length in 6..=92 {
        let mut fork = pool.fork();
        let offset = start + days(28) * 2 - days(length) * 2;
        fork.by("GOV").set_epoch_parameters(days(length), offset).unwrap();
        assert_eq!(fork.clock(), (u(2), u(days(length)), false));
    }
    // At most 92 days from the start, however often: longer there is not, and later the start does not move.
    let offset = start + days(28) * 2 - days(92) * 2;
    pool.by("GOV").set_epoch_parameters(days(92), offset).unwrap();
    pool.at(start + days(28) * 2 + days(80));
    assert!(
        pool.by("GOV").set_epoch_parameters(days(92), offset + days(80)).unwrap_err().is::<errors::EpochStartChanged>()
    );
}

// ---------------------------------------------------------------- constructors

fn construct(arguments: Vec<u8>) -> Vec<u8> {
    [&keccak256("stylus_constructor()")[..4], &arguments].concat()
}

#[test]
fn a_program_created_otherwise_is_nobodys() {
    let mut world = Distribution::deploy();
    let (mallory, distributor, token) = (world.who("mallory"), world.distributor, world.token);
    let refused = |caller| errors::NotStylusDeployer { caller, deployer: chain::STYLUS_DEPLOYER };
    let market_terms = (u(180), u(1), u(1), u(1), u(2_419_200), U256::from(START));
    let (a, b, c, d, e, f) = market_terms;
    let constructions: [(&str, Vec<u8>); 5] = [
        ("liquidity-staking", (distributor, Bytes::new()).abi_encode_params()),
        (
            "merkle-distributor",
            (token, distributor, mallory, Address::ZERO, String::from("x"), a, b, c, d, e, f).abi_encode_params(),
        ),
        ("rewards-oracle", (distributor, mallory, vec![mallory], u(1)).abi_encode_params()),
        ("claims-proxy", (Address::ZERO, distributor, distributor, Address::ZERO).abi_encode_params()),
        ("treasury-claim-proxy", (distributor, mallory, token).abi_encode_params()),
    ];
    for (program, arguments) in constructions {
        let bare = world.chain.from("GOV").deploy(program).unwrap().address;
        for caller in ["GOV", "mallory"] {
            let error = world.chain.from(caller).send(bare, construct(arguments.clone())).unwrap_err();
            assert_refused(error, refused(world.who(caller)));
        }
        assert!(world.chain.storage_of(bare).is_empty(), "{program}");
    }
}

// ---------------------------------------------------------------- one unit against an exact repayment

#[test]
fn one_unit_stops_no_repayment() {
    let mut pool = Pool::deploy();
    pool.allocate(&[("B0", 10_000)]);
    pool.at(epoch(0)).by("S0").stake(1_000_000).unwrap();
    pool.by("B0").borrow(1_000_000).unwrap();
    pool.by("S0").request_withdrawal(1_000_000).unwrap();
    let mut late = pool.fork();
    let b0 = pool.who("B0");
    pool.at(epoch(1) - 1);
    pool.by("X0").repay_borrow("B0", 1).unwrap();
    // The exact one stays as it is.
    let error = errors::RepayExceedsBorrowed { requested: u(1_000_000), borrowed: u(999_999) };
    assert_refused(pool.by("B0").repay_borrow("B0", 1_000_000).unwrap_err(), error);
    let up_to = |max| IBorrowerAllocations::repayBorrowUpToCall { borrower: b0, max };
    let before = pool.tokens("B0");
    let done = pool.by("B0").send(up_to(u(1_000_000))).unwrap();
    assert_eq!((done.ret, before - pool.tokens("B0"), pool.borrower("B0").borrowed), (u(999_999), u(999_999), u(0)));
    let repaid = events::RepaidBorrow { borrower: b0, sender: b0, amount: u(999_999), newBorrowedBalance: u(0) };
    assert_logs(pool.logs(&done.receipt), [log(repaid)]);
    nothing_owed_takes_nothing(&mut pool, up_to(U256::MAX));
    assert_refused(pool.by("B0").send(up_to(u(0))).unwrap_err(), errors::ZeroAmount {});
    pool.at(epoch(1));
    assert!(pool.by("X0").mark_debt(&["B0"]).unwrap_err().is::<errors::NoShortfall>());

    late.at(epoch(1)).by("X0").mark_debt(&["B0"]).unwrap();
    late.by("X0").repay_debt("B0", 1).unwrap();
    let up_to = |max| IDebtAccounting::repayDebtUpToCall { borrower: b0, max };
    assert_eq!(late.by("B0").send(up_to(u(9))).unwrap().ret, u(9));
    let done = late.by("B0").send(up_to(U256::MAX)).unwrap();
    assert_eq!((done.ret, late.borrower("B0").debt, late.books().repaid_debt), (u(999_990), u(0), u(1_000_000)));
    let repaid = events::RepaidDebt { borrower: b0, sender: b0, amount: u(999_990), newDebtBalance: u(0) };
    assert_logs(late.logs(&done.receipt), [log(repaid)]);
    nothing_owed_takes_nothing(&mut late, up_to(U256::MAX));
    assert_refused(late.by("B0").send(up_to(u(0))).unwrap_err(), errors::ZeroAmount {});
}

fn nothing_owed_takes_nothing<C: SolCall<Return = U256>>(pool: &mut Pool, call: C) {
    let (before, tokens) = (pool.storage(), pool.token_storage());
    let done = pool.by("B0").send(call).unwrap();
    assert_eq!((done.ret, done.receipt.logs.len()), (u(0), 0));
    assert_eq!((pool.storage(), pool.token_storage()), (before, tokens));
}

#[test]
fn one_unit_stops_no_repayment_of_a_proxy() {
    let mut market = Market::deploy();
    let proxy = market.proxy();
    market.by("b").borrow(400_000).unwrap();
    market.pool.by("X0").send(IBorrowerAllocations::repayBorrowCall { borrower: proxy, amount: u(1) }).unwrap();
    let mut by_guardian = market.fork();
    market.by("b").repay_borrow(400_000).unwrap();
    assert_eq!((market.borrowed(), market.held()), (u(0), u(1)));
    // The owner's allowance of nothing does not stop a guardian, who leaves nothing of it behind.
    let none = P::setStakingContractAllowanceCall { token: by_guardian.parties.token, amount: u(0) };
    by_guardian.by("o").send(none).unwrap();
    by_guardian.by("g").send(P::guardianRepayBorrowCall { amount: U256::MAX }).unwrap();
    assert_eq!((by_guardian.borrowed(), by_guardian.held()), (u(0), u(1)));
    let call = IToken::allowanceCall { owner: proxy, spender: by_guardian.parties.pool };
    assert_eq!(by_guardian.pool.chain.view(by_guardian.parties.token, call).unwrap(), u(0));
}

// ---------------------------------------------------------------- the last cut

fn replace(selector: [u8; 4], facet: Address) -> IDiamondCut::diamondCutCall {
    diamond_cut(vec![IDiamondCut::FacetCut {
        facetAddress: facet,
        action: 1,
        functionSelectors: vec![selector.into()],
    }])
}

#[test]
fn no_cut_is_the_last_by_mistake() {
    let mut pool = Pool::deploy();
    let cut = IDiamondCut::diamondCutCall::SELECTOR;
    let before = pool.storage();
    // A program that does not cut, one without any answer, a contract that answers anything.
    let quiet = pool.who("quiet");
    pool.chain.set_code(quiet, vec![0x00]);
    for facet in [pool.facet("staking"), pool.facet("pool-views"), pool.token(), quiet] {
        let refused = pool.by("GOV").send(replace(cut, facet)).unwrap_err();
        assert_refused(refused, errors::FacetDoesNotCut { facet });
    }
    // A program that is not active.
    let asleep = pool.who("asleep");
    pool.chain.set_code(asleep, vec![0xef, 0xf0, 0x00, 0x00, 0x01]);
    let refused = pool.by("GOV").send(replace(cut, asleep)).unwrap_err();
    assert_refused(refused, errors::FacetDoesNotCut { facet: asleep });
    assert_eq!(pool.storage(), before);

    let again = pool.deploy_again("diamond-cut");
    pool.by("GOV").send(replace(cut, again)).unwrap();
    let good = pool.facet("diamond-cut");
    pool.by("GOV").send(replace(cut, good)).unwrap();
}

/// While the pool is short nobody can withdraw before `markDebt`: it stays routed.
#[test]
fn marking_stays_routed() {
    let mut pool = Pool::deploy();
    let selector = IDebtAccounting::markDebtCall::SELECTOR.into();
    let remove = IDiamondCut::FacetCut { facetAddress: Address::ZERO, action: 2, functionSelectors: vec![selector] };
    let refused = pool.by("GOV").send(diamond_cut(vec![remove.clone()])).unwrap_err();
    assert_refused(refused, errors::RequiredSelectorUnrouted { selector });
    // Moved elsewhere in one cut it is not missing.
    let again = pool.deploy_again("debt-accounting");
    let add = IDiamondCut::FacetCut { facetAddress: again, action: 0, functionSelectors: vec![selector] };
    pool.by("GOV").send(diamond_cut(vec![remove, add])).unwrap();
}

// ---------------------------------------------------------------- name and decimals

fn with_text(name: &'static str, symbol: &'static str) -> Result<Pool, chain::Reverted> {
    Pool::try_deploy(&Settings { token: (name, symbol), ..Settings::fixture() })
}

#[test]
fn a_pool_is_named_as_it_was_made() {
    let name = "Staked tokens of thirty-one, ~!";
    assert_eq!(name.len(), 31);
    let pool = with_text(name, "s").unwrap();
    assert_eq!(
        (pool.view(IStakedToken::nameCall {}), pool.view(IStakedToken::symbolCall {})),
        (name.into(), "s".into())
    );
    let other = with_text("x", "s").unwrap();
    let domain = |pool: &Pool| pool.view(IStakedToken::DOMAIN_SEPARATORCall {});
    let expected = keccak256(
        (
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
            keccak256(name),
            keccak256("1"),
            U256::from(pool.chain.chain_id()),
            pool.address(),
        )
            .abi_encode(),
    );
    assert_eq!(domain(&pool), expected);
    assert_ne!(domain(&pool), domain(&other));
}

#[test]
fn names_are_short_and_printable() {
    let long = "Staked tokens of thirty-two chars";
    for (name, symbol, length) in [("", "s", 0), ("n", "", 0), (&long[..32], "s", 32), ("n", long, 33)] {
        let error = errors::InvalidTextLength { length: u(length), maximum: u(31) };
        assert_refused(with_text(name, symbol).unwrap_err(), error);
    }
    for (name, symbol, position, character) in [("a\tb", "s", 1, 9), ("n", "\u{7f}", 0, 127), ("é", "s", 0, 0xc3)] {
        let error = errors::UnprintableText { position: u(position), character: u(character) };
        assert_refused(with_text(name, symbol).unwrap_err(), error);
    }
}

#[test]
fn decimals_are_the_tokens() {
    let deploy = |decimals: Option<u8>| {
        let mut chain = suite::chain_at(900_000);
        let staked_token = match decimals {
            Some(decimals) => deployment::token(&mut chain, "token", "Dai", "DAI", decimals),
            None => {
                // A contract that answers nothing.
                let silent = chain.account("silent").address();
                chain.set_code(silent, vec![0x00]);
                silent
            }
        };
        let rewards_token = deployment::token(&mut chain, "token", "dYdX", "DYDX", 18);
        let [treasury, owner] = ["treasury", "GOV"].map(|name| chain.account(name).address());
        let parties = Parties { staked_token, rewards_token, treasury, owner };
        chain.set_time(1_000_000);
        let made = Deployment::deploy(&mut chain, "GOV", &parties, &Settings::fixture());
        (made.map(|made| chain.view(made.pool, IStakedToken::decimalsCall {}).unwrap()), staked_token)
    };
    for decimals in [0, 6, 18] {
        assert_eq!(deploy(Some(decimals)).0.unwrap(), decimals);
    }
    let error = errors::TooManyDecimals { decimals: u(19), maximum: u(18) };
    assert_refused(deploy(Some(19)).0.unwrap_err(), error);
    let (made, token) = deploy(None);
    assert_refused(made.unwrap_err(), errors::MissingDecimals { token });
}
