//! Act one: the pool. People stake and leave; then market makers borrow from it directly, and one repays late.

use std::{collections::BTreeMap, fmt::Debug};

use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, SolError};
use chain::{Account, Chain};
use suite::{
    abi::{
        IBorrowerAllocations, IDebtAccounting, IEpochSchedule, IPoolErrors, IPoolViews, IStakedToken, IStaking, IToken,
    },
    deployment::{self, Deployment, MAINNET_REWARDS_PER_SECOND, Parties, Settings},
};

use crate::{
    Options,
    scene::{DAY, Scene},
    words::{amount, change, grouped, usdc},
};

/// Plays it, and leaves the chain to the next act.
pub(crate) fn play(options: &Options) -> Result<Scene, String> {
    let mut stage = Stage::set(options)?;
    first_epoch(&mut stage)?;
    second_epoch(&mut stage)?;
    everybody_leaves(&mut stage)?;
    makers_borrow(&mut stage)?;
    one_is_late(&mut stage)?;
    debt_is_repaid(&mut stage)?;
    the_pool_empties(&mut stage)?;
    Ok(stage.scene)
}

fn first_epoch(stage: &mut Stage) -> Result<(), String> {
    stage.chapter("Epoch 0: stake, earn, transfer, request");
    stage.at(0, 1)?;
    stage.act("alice", "stakes 1,000,000 USDC", &IStaking::stakeCall { amount: usdc(1_000_000) })?;
    stage.at(0, 2)?;
    stage.act("bob", "stakes 500,000 USDC", &IStaking::stakeCall { amount: usdc(500_000) })?;
    stage.at(0, 3)?;
    let carol = stage.address("carol");
    stage.act(
        "bob",
        "stakes 250,000 USDC for carol",
        &IStaking::stakeForCall { staker: carol, amount: usdc(250_000) },
    )?;
    stage.at(0, 6)?;
    stage.act("alice", "claims her rewards", &IStaking::claimRewardsCall { recipient: stage.address("alice") })?;
    let dave = stage.address("dave");
    stage.act(
        "alice",
        "transfers 100,000 stkUSDC to dave",
        &IStakedToken::transferCall { to: dave, amount: usdc(100_000) },
    )?;
    stage.at(0, 8)?;
    stage.act("alice", "requests 400,000 USDC", &IStaking::requestWithdrawalCall { amount: usdc(400_000) })?;
    stage.act(
        "carol",
        "requests all of her 250,000 USDC",
        &IStaking::requestWithdrawalCall { amount: usdc(250_000) },
    )?;
    stage.at(0, 10)?;
    stage.act("carol", "cancels 50,000 USDC of it", &IStaking::cancelWithdrawalCall { amount: usdc(50_000) })?;
    let wait = IStaking::withdrawStakeCall { recipient: stage.address("alice"), amount: usdc(400_000) };
    let error = IPoolErrors::InsufficientInactiveBalance { requested: usdc(400_000), available: U256::ZERO };
    stage.refused("alice", "tries to withdraw before the epoch ends", &wait, &error)?;

    stage.chapter("Epoch 0, blackout window: requests are closed, everything else is open");
    stage.at(0, 14)?;
    let error =
        IPoolErrors::InBlackoutWindow { timeRemaining: U256::from(14 * DAY), blackoutWindow: U256::from(14 * DAY) };
    let request = IStaking::requestWithdrawalCall { amount: usdc(1) };
    stage.refused("bob", "requests 1 USDC in the first second of the window", &request, &error)?;
    stage.at(0, 20)?;
    stage.act("dave", "stakes 100,000 USDC", &IStaking::stakeCall { amount: usdc(100_000) })
}

fn second_epoch(stage: &mut Stage) -> Result<(), String> {
    stage.chapter("Epoch 1: requested stake is inactive now, and can leave");
    stage.at(1, 0)?;
    let alice = stage.address("alice");
    let more = IStaking::withdrawStakeCall { recipient: alice, amount: usdc(400_001) };
    let error = IPoolErrors::InsufficientInactiveBalance { requested: usdc(400_001), available: usdc(400_000) };
    stage.refused("alice", "tries to withdraw one USDC more than she requested", &more, &error)?;
    stage.act(
        "alice",
        "withdraws 300,000 USDC",
        &IStaking::withdrawStakeCall { recipient: alice, amount: usdc(300_000) },
    )?;
    stage.act("alice", "restakes the other 100,000 USDC", &IStaking::restakeCall { amount: usdc(100_000) })?;
    let carol = stage.address("carol");
    stage.act("carol", "withdraws all there is", &IStaking::withdrawMaxStakeCall { recipient: carol })?;
    stage.at(1, 5)?;
    for who in ["alice", "bob", "carol", "dave"] {
        stage.act(who, "claims", &IStaking::claimRewardsCall { recipient: stage.address(who) })?;
    }
    stage.act(
        "owner",
        "halves the emission",
        &IEpochSchedule::setRewardsPerSecondCall { emissionPerSecond: U256::from(MAINNET_REWARDS_PER_SECOND / 2) },
    )
}

fn everybody_leaves(stage: &mut Stage) -> Result<(), String> {
    stage.chapter("Epochs 1 and 2: everybody leaves");
    stage.at(1, 7)?;
    for who in STAKERS {
        let staker = stage.address(who);
        let amount = stage.view(IPoolViews::getActiveBalanceNextEpochCall { staker })?;
        stage.act(who, "requests everything", &IStaking::requestWithdrawalCall { amount })?;
    }
    stage.at(2, 3)?;
    for who in STAKERS {
        let recipient = stage.address(who);
        stage.act(who, "withdraws everything", &IStaking::withdrawMaxStakeCall { recipient })?;
        stage.act(who, "claims the rest", &IStaking::claimRewardsCall { recipient })?;
    }
    stage.settle_accounts()
}

fn makers_borrow(stage: &mut Stage) -> Result<(), String> {
    stage.chapter("Epoch 3: five market makers borrow, a late one among them");
    stage.at(3, 1)?;
    stage.act("alice", "stakes 800,000 USDC", &IStaking::stakeCall { amount: usdc(800_000) })?;
    stage.act("bob", "stakes 200,000 USDC", &IStaking::stakeCall { amount: usdc(200_000) })?;
    stage.at(3, 2)?;
    for (maker, share) in MAKERS {
        let whole = usdc(1_000_000 * share / 10_000);
        let what = format!("borrows its {} %, {} USDC", share / 100, amount(whole, 6));
        stage.act(maker, &what, &IBorrowerAllocations::borrowCall { amount: whole })?;
    }
    let error = IPoolErrors::BorrowExceedsAvailable { requested: U256::from(1), available: U256::ZERO };
    let more = IBorrowerAllocations::borrowCall { amount: U256::from(1) };
    stage.refused("maker1", "tries to borrow one unit more", &more, &error)?;
    stage.at(3, 5)?;
    stage.act("alice", "requests 500,000 USDC", &IStaking::requestWithdrawalCall { amount: usdc(500_000) })?;
    stage.act("bob", "requests 100,000 USDC", &IStaking::requestWithdrawalCall { amount: usdc(100_000) })?;
    stage.chapter("Epoch 3, blackout window: who borrows knows what is asked back, and repays; maker3 does not");
    stage.at(3, 15)?;
    for (maker, share) in MAKERS {
        if maker != LATE {
            let excess = usdc(600_000 * share / 10_000);
            let borrower = stage.address(maker);
            let what = format!("repays {} USDC", amount(excess, 6));
            stage.act(maker, &what, &IBorrowerAllocations::repayBorrowCall { borrower, amount: excess })?;
        }
    }
    let error = IPoolErrors::NoShortfall { borrowed: usdc(520_000), active: usdc(1_000_000) };
    let mark = IDebtAccounting::markDebtCall { borrowers: vec![stage.address(LATE)] };
    stage.refused("stranger", "tries to mark debt before the epoch ends", &mark, &error)
}

fn one_is_late(stage: &mut Stage) -> Result<(), String> {
    stage.chapter("Epoch 4: the pool is short, and a stranger marks the debt");
    stage.at(4, 0)?;
    let solvent = stage.view(IDebtAccounting::isSolventCall {})?;
    stage.check(!solvent, || "the pool should be short".into())?;
    let (late, bob) = (stage.address(LATE), stage.address("bob"));
    let error = IPoolErrors::ShortfallNotMarked { borrowed: usdc(520_000), active: usdc(400_000) };
    let leave = IStaking::withdrawMaxStakeCall { recipient: bob };
    stage.refused("bob", "tries to leave first, and the loss to alice", &leave, &error)?;
    let mark = IDebtAccounting::markDebtCall { borrowers: vec![late] };
    stage.act("stranger", "marks 120,000 USDC as debt of maker3", &mark)?;
    let error = IPoolErrors::BorrowingRestricted { borrower: late };
    let more = IBorrowerAllocations::borrowCall { amount: U256::from(1) };
    stage.refused(LATE, "tries to borrow", &more, &error)?;
    for who in ["alice", "bob"] {
        let recipient = stage.address(who);
        stage.act(who, "withdraws what is left, four fifths", &IStaking::withdrawMaxStakeCall { recipient })?;
    }
    Ok(())
}

fn debt_is_repaid(stage: &mut Stage) -> Result<(), String> {
    stage.chapter("Epoch 4: debt is repaid, first come, first served");
    stage.at(4, 3)?;
    let (late, alice, bob) = (stage.address(LATE), stage.address("alice"), stage.address("bob"));
    let repay = |whole| IDebtAccounting::repayDebtCall { borrower: late, amount: usdc(whole) };
    stage.act("stranger", "repays 60,000 USDC for maker3", &repay(60_000))?;
    stage.act("alice", "takes all of it", &IDebtAccounting::withdrawMaxDebtCall { recipient: alice })?;
    let error = IPoolErrors::InsufficientRepaidDebt { requested: usdc(20_000), available: U256::ZERO };
    let owed = IDebtAccounting::withdrawDebtCall { recipient: bob, amount: usdc(20_000) };
    stage.refused("bob", "comes second", &owed, &error)?;
    stage.at(4, 6)?;
    stage.act(LATE, "repays the other 60,000 USDC", &repay(60_000))?;
    stage.act("bob", "takes what he is owed", &owed)?;
    stage.act("alice", "takes the rest", &IDebtAccounting::withdrawMaxDebtCall { recipient: alice })?;
    let lift = IBorrowerAllocations::setBorrowingRestrictionCall { borrower: late, isBorrowingRestricted: false };
    stage.act("owner", "lets maker3 borrow again", &lift)?;
    stage.act("carol", "stakes 100,000 USDC", &IStaking::stakeCall { amount: usdc(100_000) })?;
    let more = IBorrowerAllocations::borrowCall { amount: usdc(20_000) };
    stage.act(LATE, "borrows its part of it, 20,000 USDC", &more)
}

fn the_pool_empties(stage: &mut Stage) -> Result<(), String> {
    stage.chapter("Epochs 4 and 5: loans come back, and everybody leaves");
    stage.at(4, 7)?;
    for (maker, _) in MAKERS {
        let borrower = stage.address(maker);
        stage.act(maker, "repays all", &IBorrowerAllocations::repayBorrowUpToCall { borrower, max: U256::MAX })?;
    }
    for who in ["alice", "bob", "carol"] {
        let staker = stage.address(who);
        let all = stage.view(IPoolViews::getActiveBalanceNextEpochCall { staker })?;
        stage.act(who, "requests everything", &IStaking::requestWithdrawalCall { amount: all })?;
    }
    stage.at(5, 0)?;
    for who in ["alice", "bob", "carol"] {
        let recipient = stage.address(who);
        stage.act(who, "withdraws everything", &IStaking::withdrawMaxStakeCall { recipient })?;
    }
    stage.who_lost_what()
}

const STAKERS: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Borrowers with their shares in basis points, as on mainnet.
const MAKERS: [(&str, u64); 5] =
    [("maker1", 2500), ("maker2", 2500), ("maker3", 2000), ("maker4", 2000), ("maker5", 1000)];

/// The one that does not repay in time.
const LATE: &str = "maker3";

/// What the stranger has to repay for another.
const GIFT: u64 = 60_000;

/// Everybody with a wallet that the accounts follow.
const PEOPLE: [&str; 10] =
    ["alice", "bob", "carol", "dave", "maker1", "maker2", "maker3", "maker4", "maker5", "stranger"];

/// What one person has, and owes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Holdings {
    wallet: U256,
    active: U256,
    inactive: U256,
    /// What of the active stake becomes inactive at the end of the epoch.
    requested: U256,
    /// What shortfalls took, and borrowers owe.
    owed: U256,
    borrowed: U256,
    debt: U256,
    rewards: U256,
}

/// The chain to play on, and the schedule: that of mainnet or, on a node, the same from its time on.
fn ground(options: &Options) -> Result<(Chain, Settings), String> {
    let Some(url) = &options.rpc else {
        let settings = Settings::mainnet();
        return Ok((Chain::builder().timestamp(settings.deployed_at - 3600).build(), settings));
    };
    let chain = Chain::connect(url).map_err(|error| format!("{url}: {error}"))?;
    let settings = Settings::mainnet_from(chain.timestamp() + 3600 + DAY);
    Ok((chain, settings))
}

/// The chain, the pool, and what the play needs to check itself.
struct Stage {
    scene: Scene,
    pool: Address,
    usdc: Address,
    dydx: Address,
    /// Wallets before the second act.
    second_act: BTreeMap<&'static str, U256>,
}

impl Stage {
    fn set(options: &Options) -> Result<Self, String> {
        let (chain, settings) = ground(options)?;
        let mut scene = Scene::new(chain, settings.deployed_at + DAY);
        let usdc = deployment::token(&mut scene.chain, "token", "USD Coin", "USDC", 6);
        let dydx = deployment::token(&mut scene.chain, "token", "dYdX", "DYDX", 18);
        scene.keep([usdc, dydx]);
        scene.set_time(settings.deployed_at)?;
        let (owner, treasury) = (Account::named("owner").address(), Account::named("treasury").address());
        let parties = Parties { staked_token: usdc, rewards_token: dydx, treasury, owner };
        let deployment =
            Deployment::deploy(&mut scene.chain, "owner", &parties, &settings).map_err(|error| error.to_string())?;
        scene.keep_pool(&deployment);
        if !options.uncached {
            scene.cache(&deployment, &[])?;
        }
        let mut stage = Self { scene, pool: deployment.pool, usdc, dydx, second_act: BTreeMap::new() };
        stage.introduce(&deployment, options);
        stage.fund()?;
        stage.act("owner", "gives five makers 25, 25, 20, 20 and 10 % of the pool", &shares())?;
        stage.act("owner", "caps each loan at that share of 1,000,000 USDC", &caps())?;
        stage.act(
            "owner",
            "sets the emission to 0.1585489619 DYDX a second",
            &IEpochSchedule::setRewardsPerSecondCall { emissionPerSecond: U256::from(MAINNET_REWARDS_PER_SECOND) },
        )?;
        Ok(stage)
    }

    fn introduce(&self, deployment: &Deployment, options: &Options) {
        println!(
            "Act one. A pool with the parameters of mainnet: epochs of 28 days, of which the last 14 are the blackout window."
        );
        println!(
            "Chain {}, ArbOS {}. Programs {} the chain's program cache.\n",
            self.scene.chain.chain_id(),
            self.scene.chain.arbos_version(),
            if options.uncached { "outside" } else { "inside" },
        );
        println!("  {:<20} {:<44} {:>10} {:>14}", "program", "address", "code bytes", "activation gas");
        for (name, program) in &deployment.programs {
            let gas =
                program.activation.as_ref().map_or_else(|| "with creation".into(), |receipt| grouped(receipt.gas.used));
            println!(
                "  {name:<20} {:<44} {:>10} {gas:>14}",
                program.address.to_string(),
                grouped(program.code_len as u64)
            );
        }
    }

    fn fund(&mut self) -> Result<(), String> {
        let approve = IToken::approveCall { spender: self.pool, value: U256::MAX };
        for who in PEOPLE {
            let (to, value) = (self.address(who), usdc(endowment(who)));
            self.scene.must(who, self.usdc, &IToken::mintCall { to, value })?;
            self.scene.must(who, self.usdc, &approve)?;
        }
        let to = self.address("treasury");
        self.scene.must(
            "treasury",
            self.dydx,
            &IToken::mintCall { to, value: U256::from(25_000_000) * U256::from(10).pow(U256::from(18)) },
        )?;
        self.scene.must("treasury", self.dydx, &approve)?;
        println!("\nalice, bob, carol and dave hold 1,000,000 USDC each and have approved the pool.");
        Ok(())
    }

    fn address(&self, who: &str) -> Address {
        Account::named(who).address()
    }

    fn chapter(&self, title: &str) {
        self.scene.chapter(title);
    }

    /// Moves the clock to some days after the start of an epoch, and tells what an epoch's end does by itself.
    fn at(&mut self, epoch: u64, days: u64) -> Result<(), String> {
        let before = self.all_holdings()?;
        self.scene.at(epoch, days)?;
        let current = self.view(IEpochSchedule::getCurrentEpochCall {})?;
        self.check(current == U256::from(epoch), || format!("epoch {current} instead of {epoch}"))?;
        let after = self.all_holdings()?;
        if before != after {
            println!("{:>7}  epoch {epoch} begins", format!("E{epoch}"));
            self.tell(&before, &after);
        }
        Ok(())
    }

    fn view<C: SolCall>(&self, call: C) -> Result<C::Return, String> {
        self.scene.view(self.pool, call)
    }

    fn check(&mut self, holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
        self.scene.check(holds, problem)
    }

    /// A signed transaction to the pool that succeeds: who, what, gas, what everybody concerned has before and after.
    fn act<C: SolCall>(&mut self, who: &str, what: &str, call: &C) -> Result<(), String> {
        let before = self.all_holdings()?;
        self.scene.act(who, what, self.pool, call)?;
        let after = self.all_holdings()?;
        self.tell(&before, &after);
        self.equation(&after)
    }

    /// What changed for whom, apart from rewards that grow by themselves.
    fn tell(&self, before: &[Holdings], after: &[Holdings]) {
        for (name, (before, after)) in PEOPLE.into_iter().zip(before.iter().zip(after)) {
            let usdc = |label, before: U256, after: U256| change(label, before, after, 6);
            let changes = [
                usdc("wallet", before.wallet, after.wallet),
                usdc("active", before.active, after.active),
                usdc("requested", before.requested, after.requested),
                usdc("inactive", before.inactive, after.inactive),
                usdc("owed", before.owed, after.owed),
                usdc("borrowed", before.borrowed, after.borrowed),
                usdc("debt", before.debt, after.debt),
                change("DYDX", before.rewards, after.rewards, 18),
            ];
            let told: Vec<_> = changes.into_iter().flatten().collect();
            if !told.is_empty() {
                println!("         {name:>7}: {}", told.join(", "));
            }
        }
    }

    /// A call that must fail with exactly this error.
    fn refused<C: SolCall, E: SolError + Debug>(
        &mut self,
        who: &str,
        what: &str,
        call: &C,
        expected: &E,
    ) -> Result<(), String> {
        let before = self.all_holdings()?;
        self.scene.refused(who, what, self.pool, call, expected)?;
        let after = self.all_holdings()?;
        self.check(before == after, || "a refused call left a trace".into())
    }

    fn all_holdings(&self) -> Result<Vec<Holdings>, String> {
        PEOPLE.iter().map(|who| self.holdings(self.address(who))).collect()
    }

    fn holdings(&self, who: Address) -> Result<Holdings, String> {
        let balance = |token| self.scene.view(token, IToken::balanceOfCall { account: who });
        let account = self.view(IPoolViews::getAccountCall { staker: who })?;
        let loan = self.view(IBorrowerAllocations::getBorrowerCall { borrower: who })?;
        Ok(Holdings {
            wallet: balance(self.usdc)?,
            active: account.activeCurrentEpoch,
            inactive: account.inactiveCurrentEpoch,
            requested: account.activeCurrentEpoch - account.activeNextEpoch,
            owed: account.debt,
            borrowed: loan.borrowed,
            debt: loan.debt,
            rewards: balance(self.dydx)?,
        })
    }

    /// Total active + total inactive = total borrowed + total unborrowed, and the tokens are there.
    fn equation(&mut self, holdings: &[Holdings]) -> Result<(), String> {
        let pool = self.view(IPoolViews::getPoolCall {})?;
        let held = self.scene.view(self.usdc, IToken::balanceOfCall { account: self.pool })?;
        let left = pool.activeCurrentEpoch + pool.inactiveCurrentEpoch;
        let right = pool.borrowed + pool.unborrowed;
        println!(
            "{:>9}active {} + inactive {} = borrowed {} + unborrowed {}",
            "",
            amount(pool.activeCurrentEpoch, 6),
            amount(pool.inactiveCurrentEpoch, 6),
            amount(pool.borrowed, 6),
            amount(pool.unborrowed, 6),
        );
        self.check(left == right, || format!("{left} staked, {right} lent or there"))?;
        let next = pool.activeNextEpoch + pool.inactiveNextEpoch;
        self.check(left == next, || format!("{left} staked now, {next} next epoch"))?;
        self.check(held == pool.unborrowed + pool.debtAvailableToWithdraw, || format!("the pool holds {held}"))?;
        let sum = |part: fn(&Holdings) -> U256| holdings.iter().map(part).sum::<U256>();
        for (what, parts, whole) in [
            ("active stakes", sum(|h| h.active), pool.activeCurrentEpoch),
            ("inactive stakes", sum(|h| h.inactive), pool.inactiveCurrentEpoch),
            ("loans", sum(|h| h.borrowed), pool.borrowed),
            ("debts", sum(|h| h.debt), pool.borrowerDebt),
            ("what stakers are owed", sum(|h| h.owed), pool.borrowerDebt + pool.debtAvailableToWithdraw),
        ] {
            self.check(parts == whole, || format!("{what} sum to {parts}, not to {whole}"))?;
        }
        let everything = sum(|h| h.wallet) + held;
        let endowed = PEOPLE.iter().map(|who| usdc(endowment(who))).sum::<U256>();
        self.check(everything == endowed, || format!("{everything} units are somewhere, {endowed} were minted"))
    }

    /// At the end: the pool is empty, everybody has all USDC again, and the rewards are the emission, but for rounding.
    fn settle_accounts(&mut self) -> Result<(), String> {
        self.chapter("The accounts");
        let holdings = self.all_holdings()?;
        let [alice, bob, carol, dave, ..] = holdings[..] else { return Err("four stakers are expected".into()) };
        let wallets = alice.wallet + bob.wallet + carol.wallet + dave.wallet;
        println!(
            "All USDC is back: {} + {} + {} + {}.",
            amount(alice.wallet, 6),
            amount(bob.wallet, 6),
            amount(carol.wallet, 6),
            amount(dave.wallet, 6)
        );
        self.check(wallets == usdc(4_000_000), || format!("{wallets} units came back"))?;
        self.second_act = PEOPLE.into_iter().zip(holdings.iter().map(|person| person.wallet)).collect();

        // Somebody was staked from E0+1d to the end of epoch 1; the rate was halved at E1+5d.
        let full = U256::from(MAINNET_REWARDS_PER_SECOND) * U256::from((28 + 5 - 1) * DAY);
        let half = U256::from(MAINNET_REWARDS_PER_SECOND / 2) * U256::from(23 * DAY);
        let paid: U256 = holdings.iter().map(|person| person.rewards).sum();
        let emitted = full + half;
        println!("Emitted while anybody was staked: {} DYDX. Paid: {} DYDX.", amount(emitted, 18), amount(paid, 18));
        let lost = emitted.checked_sub(paid);
        self.check(lost.is_some(), || format!("{paid} paid, only {emitted} emitted"))?;
        let lost = lost.unwrap_or_default();
        println!("Lost to rounding down: {lost} of 10^18 parts of one DYDX.");
        // Each settlement loses less than one index step for all stake together, and less than one unit per staker.
        let settlements = U256::from(60);
        let bound = settlements * (usdc(4_000_000) / U256::from(10).pow(U256::from(18)) + U256::from(2));
        self.check(lost <= bound, || format!("{lost} units lost, at most {bound} by rounding"))
    }

    /// Who bore the shortfall, and what came back.
    fn who_lost_what(&mut self) -> Result<(), String> {
        self.chapter("Who lost and recovered what");
        let holdings = self.all_holdings()?;
        println!("  {:<9} {:>14} {:>14} {:>14}", "", "before", "after", "difference");
        for (name, now) in PEOPLE.into_iter().zip(&holdings) {
            // What the first act left: each staker's own, as many as at the beginning for all together.
            let before = self.second_act.get(name).copied().unwrap_or_default();
            let difference = match now.wallet.checked_sub(before) {
                Some(more) => format!("+{}", amount(more, 6)),
                None => format!("-{}", amount(before - now.wallet, 6)),
            };
            println!("  {name:<9} {:>14} {:>14} {difference:>14}", amount(before, 6), amount(now.wallet, 6));
        }
        println!(
            "\nThe stranger gave {} USDC for maker3, who keeps as much. Stakers have all of theirs.",
            amount(usdc(GIFT), 6)
        );
        for who in STAKERS {
            let (before, now) = (self.second_act.get(who).copied(), self.holdings(self.address(who))?.wallet);
            self.check(before == Some(now), || format!("{who} has {now}, not {before:?}"))?;
        }
        let pool = self.view(IPoolViews::getPoolCall {})?;
        let left = pool.activeCurrentEpoch + pool.inactiveCurrentEpoch + pool.borrowed + pool.borrowerDebt;
        self.check(left.is_zero(), || format!("{left} units are left in the books"))
    }
}

/// No more than the share of what is staked when they begin, however much of it is staked again.
fn caps() -> IBorrowerAllocations::setBorrowerCapsCall {
    IBorrowerAllocations::setBorrowerCapsCall {
        borrowers: MAKERS.iter().map(|(maker, _)| Account::named(maker).address()).collect(),
        caps: MAKERS.iter().map(|(_, share)| usdc(1_000_000 * share / 10_000)).collect(),
    }
}

fn shares() -> IBorrowerAllocations::setBorrowerAllocationsCall {
    let makers = MAKERS.iter().map(|(maker, _)| Account::named(maker).address());
    let shares = MAKERS.iter().map(|(_, share)| U256::from(*share));
    IBorrowerAllocations::setBorrowerAllocationsCall {
        borrowers: [Address::ZERO].into_iter().chain(makers).collect(),
        newAllocations: [U256::ZERO].into_iter().chain(shares).collect(),
    }
}

/// What somebody has at the beginning, in USDC.
fn endowment(who: &str) -> u64 {
    match who {
        "stranger" => GIFT,
        _ if STAKERS.contains(&who) => 1_000_000,
        _ => 0,
    }
}
