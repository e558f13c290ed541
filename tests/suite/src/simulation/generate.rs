//! What happens next: drawn at random, biased to edges.

use std::collections::VecDeque;

use alloy_primitives::{Address, U256};
use model::{BorrowerView, Call, Ledger, Role};

use super::{BORROWERS, PEOPLE, Step};
use crate::{Pool, check::u};

const STAKERS: [&str; 4] = ["S0", "S1", "S2", "B0"];
const BORROWING: [&str; 4] = ["B0", "B1", "B2", "S2"];
/// Who stakes what a borrower took.
const ACCOMPLICE: &str = "X0";

/// splitmix64: small, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator of its own for each seed.
    pub fn new(seed: u64) -> Self {
        // Mixed once: from raw seeds, neighbours would draw the same numbers a step apart.
        Self(Self(seed).bits())
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`, or 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound.max(1)
    }

    /// One of these.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// At most `most`.
    pub(super) fn up_to(&mut self, most: U256) -> U256 {
        let wide = U256::from_limbs([self.bits(), self.bits(), self.bits(), self.bits()]);
        most.checked_add(U256::ONE).map_or(wide, |bound| wide % bound)
    }

    /// An amount around a limit: nothing, one, the limit, one more, huge; mostly something within.
    pub(super) fn amount(&mut self, limit: U256) -> U256 {
        match self.below(20) {
            0 => U256::ZERO,
            1 => U256::ONE,
            2..=5 => limit,
            6 => limit.saturating_add(U256::ONE),
            7 => limit.saturating_sub(U256::ONE),
            8 => self.one(&[U256::MAX, U256::ONE << 112, (U256::ONE << 112) - U256::ONE, U256::ONE << 128]),
            9 => limit / u(2),
            _ => self.up_to(limit),
        }
    }
}

/// The actions of one seed.
#[derive(Clone, Debug)]
pub struct Generator {
    /// The source of chance.
    pub random: Random,
    /// How much is staked at a time, at most.
    scale: U256,
    /// What comes next, before anything else is drawn.
    plan: VecDeque<Plan>,
}

/// A part of a squeeze: everything is lent, most of it is requested, the epoch ends. Chance alone rarely brings a shortfall about.
#[derive(Clone, Copy, Debug)]
enum Plan {
    BorrowAll(&'static str),
    /// What was just borrowed is staked again, for an accomplice: that raises what can be borrowed.
    StakeAgain(&'static str),
    RequestMuch(&'static str),
    NextEpoch,
}

impl Generator {
    /// Of a seed: from pools of single units to pools that fill their fields.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let scale = random.one(&[u(10), u(1000), u(1_000_000), U256::from(10).pow(u(13)), U256::ONE << 110]);
        Self { random, scale, plan: VecDeque::new() }
    }

    /// How every seed begins: shares, a rate, operators.
    pub fn opening(&mut self, pool: &Pool) -> Vec<Step> {
        let operator = pool.who("OP");
        let grants = [Role::ClaimOperator, Role::StakeOperator, Role::DebtOperator];
        let grants = grants.map(|role| Step::Call("GOV", Call::GrantRole(role, operator)));
        let mut shares = vec![u(self.random.below(3) * 500)];
        shares.extend(self.shares(4, u(10_000) - shares[0]));
        let rate = self.rate();
        let mut steps = grants.to_vec();
        steps.push(Step::Call("GOV", Call::SetBorrowerAllocations(pool.all(&BORROWERS), shares)));
        steps.push(Step::Call("GOV", Call::SetRewardsPerSecond(rate)));
        steps
    }

    /// The next step in this state.
    pub fn next(&mut self, pool: &Pool, ledger: &Ledger) -> Step {
        match self.random.below(40) {
            0 | 1 if self.plan.is_empty() => self.plan_squeeze(),
            2 if self.plan.is_empty() => self.plan_recycling(),
            _ => {}
        }
        let planned = self.plan.pop_front();
        let draw = Draw { pool, ledger, scale: self.scale, random: &mut self.random };
        match planned {
            Some(plan) => draw.planned(plan),
            None => draw.step(),
        }
    }

    fn plan_squeeze(&mut self) {
        let mut plan = BORROWING.map(Plan::BorrowAll).to_vec();
        plan.extend(STAKERS.map(Plan::RequestMuch));
        plan.push(Plan::NextEpoch);
        self.plan.extend(plan);
    }

    /// A borrower takes more than its share by staking what it borrows, and its accomplice leaves.
    fn plan_recycling(&mut self) {
        let borrower = self.random.one(&BORROWING);
        for _ in 0..3 {
            self.plan.extend([Plan::BorrowAll(borrower), Plan::StakeAgain(borrower)]);
        }
        self.plan.extend([Plan::RequestMuch(ACCOMPLICE), Plan::NextEpoch]);
    }

    fn rate(&mut self) -> U256 {
        self.random.one(&[u(0), u(1), u(7), u(1_000_000_000_000_000_000), u(158_548_961_900_000_000)])
    }

    fn shares(&mut self, count: usize, whole: U256) -> Vec<U256> {
        split(&mut self.random, count, whole)
    }
}

/// Parts of a whole.
fn split(random: &mut Random, count: usize, whole: U256) -> Vec<U256> {
    let mut left = whole;
    let mut parts: Vec<_> = (1..count)
        .map(|_| {
            let part = if random.below(5) == 0 { U256::ZERO } else { random.up_to(left) };
            left -= part;
            part
        })
        .collect();
    if count > 0 {
        let last = random.below(count as u64) as usize;
        parts.insert(last, left);
    }
    parts
}

/// One draw.
struct Draw<'a> {
    pool: &'a Pool,
    ledger: &'a Ledger,
    scale: U256,
    random: &'a mut Random,
}

impl Draw<'_> {
    fn step(mut self) -> Step {
        if self.ledger.is_short() && self.random.below(20) == 0 {
            return Step::Call("X0", Call::MarkDebt(self.list()));
        }
        match self.random.below(100) {
            0..=9 => Step::At(self.time()),
            10..=43 => self.stake(),
            44..=50 => self.token(),
            51..=70 => self.lend(),
            71..=87 if !self.ledger.has_shortfalls() && self.random.below(3) > 0 => self.lend(),
            71..=87 => self.debt(),
            88..=96 => self.admin(),
            97 | 98 => Step::Give(self.random.one(&["X0", "S0"]), self.random.up_to(self.scale)),
            _ => Step::TreasuryAllows(self.random.one(&[U256::ZERO, u(1000), U256::MAX, U256::MAX, U256::MAX])),
        }
    }

    fn planned(self, plan: Plan) -> Step {
        match plan {
            Plan::BorrowAll(name) => {
                Step::Call(name, Call::Borrow(self.ledger.borrower_view(self.who(name)).borrowable))
            }
            Plan::StakeAgain(name) => {
                let borrowed = self.ledger.borrower_view(self.who(name)).borrowed;
                Step::Call(name, Call::StakeFor(self.who(ACCOMPLICE), borrowed))
            }
            Plan::RequestMuch(name) => {
                let active = self.ledger.account_view(self.who(name)).active.next;
                Step::Call(name, Call::RequestWithdrawal(active - active / u(1 + self.random.below(8))))
            }
            Plan::NextEpoch => {
                let (now, schedule) = (self.ledger.now(), self.ledger.schedule());
                let start = u64::try_from(schedule.offset).unwrap_or(now);
                Step::At(schedule.remaining(now).map_or(start, |remaining| now + remaining))
            }
        }
    }

    /// Seconds where something begins or ends, one earlier, one later; or anything.
    fn time(&mut self) -> u64 {
        let (now, schedule) = (self.ledger.now(), self.ledger.schedule());
        let Ok(remaining) = schedule.remaining(now) else {
            let start = u64::try_from(schedule.offset).unwrap_or(now);
            return self.random.one(&[now + 1, now + 1000, start - 1, start, start, start + 1, start + 400_000]);
        };
        let (epoch, blackout) = (now + remaining, (now + remaining).saturating_sub(schedule.blackout));
        let jump = self.random.below(3) * schedule.interval;
        let far = now + self.random.below(40) * schedule.interval;
        let near = now + self.random.below(50_000);
        let anywhere = now + self.random.below(2 * schedule.interval);
        let times =
            [epoch - 1, epoch, epoch, epoch, epoch + 1, blackout - 1, blackout, blackout + 1, epoch + jump, near, far];
        if self.random.below(4) == 0 { anywhere } else { self.random.one(&times) }
    }

    fn who(&self, name: &str) -> Address {
        self.pool.who(name)
    }

    /// Somebody who can hold stake; rarely nobody or the pool.
    fn anybody(&mut self) -> Address {
        match self.random.below(40) {
            0 => Address::ZERO,
            1 => self.pool.address(),
            2..=5 => {
                let name = self.random.one(&PEOPLE);
                self.who(name)
            }
            _ => self.staker().1,
        }
    }

    fn staker(&mut self) -> (&'static str, Address) {
        let name = self.random.one(&STAKERS);
        (name, self.who(name))
    }

    /// A borrower, mostly one that can borrow if there is any.
    fn able_borrower(&mut self) -> (&'static str, Address) {
        self.borrower_that(|view| !view.borrowable.is_zero())
    }

    /// A borrower, mostly one in debt if there is any.
    fn debtor(&mut self) -> (&'static str, Address) {
        self.borrower_that(|view| !view.debt.is_zero())
    }

    fn borrower_that(&mut self, fits: fn(&BorrowerView) -> bool) -> (&'static str, Address) {
        let all: Vec<_> = BORROWING.iter().map(|name| (*name, self.who(name))).collect();
        let fitting: Vec<_> = all.iter().filter(|(_, who)| fits(&self.ledger.borrower_view(*who))).copied().collect();
        let any = fitting.is_empty() || self.random.below(4) == 0;
        self.random.one(if any { &all } else { &fitting })
    }

    fn operator(&mut self) -> &'static str {
        if self.random.below(12) == 0 { self.random.one(&PEOPLE) } else { "OP" }
    }

    fn governor(&mut self) -> &'static str {
        if self.random.below(20) == 0 { self.random.one(&PEOPLE) } else { "GOV" }
    }

    fn stake(&mut self) -> Step {
        let (name, staker) = self.staker();
        let account = self.ledger.account_view(staker);
        let to = self.anybody();
        let fresh = self.random.amount(self.scale);
        let requestable = self.random.amount(account.active.next);
        let withdrawable = self.random.amount(account.stake_available);
        match self.random.below(34) {
            0..=6 => Step::Call(name, Call::Stake(fresh)),
            7 | 8 => Step::Call(self.random.one(&["X0", "OP", "Y", "S0"]), Call::StakeFor(to, fresh)),
            9..=16 => Step::Call(name, Call::RequestWithdrawal(requestable)),
            17 => Step::Call(self.operator(), Call::RequestWithdrawalFor(self.often(staker), requestable)),
            18..=20 => {
                let requested = account.active.now - account.active.next;
                Step::Call(name, Call::CancelWithdrawal(self.random.amount(requested)))
            }
            21..=23 => Step::Call(name, Call::Restake(withdrawable)),
            24..=26 => Step::Call(name, Call::WithdrawStake(to, withdrawable)),
            27 | 28 => Step::Call(name, Call::WithdrawMaxStake(to)),
            29 => Step::Call(self.operator(), Call::WithdrawStakeFor(self.often(staker), to, withdrawable)),
            30..=32 => Step::Call(name, Call::ClaimRewards(to)),
            _ => Step::Call(self.operator(), Call::ClaimRewardsFor(self.often(staker), to)),
        }
    }

    /// This one, rarely another.
    fn often(&mut self, staker: Address) -> Address {
        if self.random.below(10) == 0 { self.anybody() } else { staker }
    }

    fn token(&mut self) -> Step {
        let (name, staker) = self.staker();
        let to = self.anybody();
        let amount = self.random.amount(self.ledger.account_view(staker).transferable);
        let spender = self.random.one(&["X0", "S1", "B1"]);
        let allowed = self.ledger.allowance(staker, self.pool.who(spender));
        match self.random.below(8) {
            0..=2 => Step::Call(name, Call::Transfer(to, amount)),
            3 | 4 => Step::Call(spender, Call::TransferFrom(self.often(staker), to, amount)),
            5 => {
                let amount = self.random.one(&[amount, self.scale, U256::MAX]);
                Step::Call(name, Call::Approve(self.spender(spender), amount))
            }
            6 => Step::Call(name, Call::IncreaseAllowance(self.spender(spender), amount)),
            _ => Step::Call(name, Call::DecreaseAllowance(self.spender(spender), self.random.amount(allowed))),
        }
    }

    fn spender(&mut self, name: &str) -> Address {
        if self.random.below(20) == 0 { Address::ZERO } else { self.who(name) }
    }

    fn lend(&mut self) -> Step {
        let (name, borrower) = self.able_borrower();
        let view = self.ledger.borrower_view(borrower);
        match self.random.below(24) {
            0..=9 => {
                // Mostly all there is, so that loans exceed the active stake after the next requests.
                let most =
                    if self.random.below(3) == 0 { self.random.amount(view.borrowable) } else { view.borrowable };
                Step::Call(name, Call::Borrow(most))
            }
            10..=13 => {
                let payer = self.random.one(&["X0", "Y", name, name, name]);
                Step::Call(payer, Call::RepayBorrow(borrower, self.random.amount(view.borrowed)))
            }
            14 => Step::Call("X0", Call::RestrictBorrower(borrower)),
            15..=17 => Step::Call(self.governor(), Call::SetBorrowingRestriction(borrower, false)),
            18 => Step::Call(self.governor(), Call::SetBorrowingRestriction(borrower, true)),
            19 | 20 => {
                let payer = self.random.one(&["X0", "Y", name, name, name]);
                Step::Call(payer, Call::RepayBorrowUpTo(borrower, self.random.amount(view.borrowed)))
            }
            21 | 22 => self.cap(),
            _ => self.allocate(),
        }
    }

    /// New caps of some borrowers, who may be named twice; often none, so that shares count alone.
    fn cap(&mut self) -> Step {
        let count = 1 + self.random.below(3) as usize;
        let names: Vec<_> = (0..count).map(|_| self.pool.who(self.random.one(&BORROWING))).collect();
        let high = U256::ONE << 96;
        let mut caps: Vec<_> = names
            .iter()
            .map(|name| {
                let view = self.ledger.borrower_view(*name);
                let near = [view.borrowed, view.allocated.now, view.cap, view.cap + U256::ONE];
                let cap = self.random.one(&[near[0], near[1], near[2], near[3], high - U256::ONE, u(1)]);
                if self.random.below(2) == 0 { U256::ZERO } else { cap.min(high - U256::ONE) }
            })
            .collect();
        let mut names = names;
        match self.random.below(16) {
            0 => caps[0] = self.random.one(&[high, U256::MAX]),
            1 => names[0] = Address::ZERO,
            2 => drop(caps.pop()),
            _ => {}
        }
        Step::Call(self.governor(), Call::SetBorrowerCaps(names, caps))
    }

    /// Mostly legal new shares of some borrowers, who may be named twice.
    fn allocate(&mut self) -> Step {
        let count = 1 + self.random.below(4) as usize;
        let mut names: Vec<_> = (0..count).map(|_| self.pool.who(self.random.one(&BORROWERS))).collect();
        let distinct: Vec<_> = {
            let mut distinct = names.clone();
            distinct.sort();
            distinct.dedup();
            distinct
        };
        let whole = distinct.iter().fold(U256::ZERO, |sum, name| sum + self.ledger.borrower_view(*name).share.next);
        let parts = split(self.random, distinct.len(), whole);
        let last = |name: &Address| parts[distinct.iter().position(|other| other == name).expect("it is one")];
        // The last value of a name counts; before that it may get anything.
        let mut shares: Vec<_> = names.iter().map(last).collect();
        for index in 0..names.len() {
            if names[index + 1..].contains(&names[index]) {
                shares[index] = self.random.up_to(u(10_000));
            }
        }
        match self.random.below(12) {
            0 => shares[0] += U256::ONE,
            1 => shares[0] = u(10_001),
            2 => drop(names.pop()),
            _ => {}
        }
        Step::Call(self.governor(), Call::SetBorrowerAllocations(names, shares))
    }

    fn debt(&mut self) -> Step {
        let (name, staker) = self.staker();
        let (payer, borrower) = self.debtor();
        let (account, loan) = (self.ledger.account_view(staker), self.ledger.borrower_view(borrower));
        let to = self.anybody();
        let owed = self.random.amount(account.debt_available);
        match self.random.below(20) {
            0..=3 => Step::Call("X0", Call::MarkDebt(self.list())),
            4..=7 => {
                let payer = self.random.one(&["X0", "Y", payer, payer, payer]);
                Step::Call(payer, Call::RepayDebt(borrower, self.random.amount(loan.debt)))
            }
            8 | 9 => {
                let payer = self.random.one(&["X0", "Y", payer, payer, payer]);
                Step::Call(payer, Call::RepayDebtUpTo(borrower, self.random.amount(loan.debt)))
            }
            10 | 11 => Step::Call(name, Call::WithdrawDebt(to, owed)),
            12 | 13 => Step::Call(name, Call::WithdrawMaxDebt(to)),
            14 => {
                let target = if self.random.below(10) == 0 { Address::ZERO } else { borrower };
                let some = self.random.up_to(loan.debt / u(4));
                let amount = if self.random.below(3) == 0 { self.random.amount(loan.debt) } else { some };
                Step::Call(self.operator(), Call::DecreaseBorrowerDebt(target, amount))
            }
            15 => {
                let some = self.random.up_to(account.debt / u(4));
                let amount = if self.random.below(3) == 0 { self.random.amount(account.debt) } else { some };
                Step::Call(self.operator(), Call::DecreaseStakerDebt(self.often(staker), amount))
            }
            16 | 17 => Step::Call(name, Call::FailsafeSettle(self.settle_epoch(staker))),
            _ => {
                let max = self.random.one(&[u(0), u(1), u(1), u(2), u(3), u(65_536), U256::MAX]);
                Step::Call("X0", Call::SettleShortfalls(self.often(staker), max))
            }
        }
    }

    fn settle_epoch(&mut self, staker: Address) -> U256 {
        let stored = self.ledger.account(staker).reported.epoch;
        let now = self.ledger.pool_view().epoch.to::<u64>();
        let between = stored + self.random.below(now.saturating_sub(stored) + 1);
        let epochs = [u(stored), u(stored.saturating_sub(1)), u(stored + 1), u(now), u(now + 1), U256::MAX];
        if self.random.below(3) == 0 { self.random.one(&epochs) } else { u(between) }
    }

    /// Borrowers in any order, often all of them, sometimes twice.
    fn list(&mut self) -> Vec<Address> {
        let mut all = self.pool.all(&BORROWERS);
        for index in (1..all.len()).rev() {
            all.swap(index, self.random.below(index as u64 + 1) as usize);
        }
        match self.random.below(5) {
            0 => all.truncate(self.random.below(4) as usize),
            1 => all.insert(0, all[self.random.below(5) as usize]),
            _ => {}
        }
        all
    }

    fn admin(&mut self) -> Step {
        let by = self.governor();
        match self.random.below(12) {
            0 | 1 => Step::Call(by, self.schedule()),
            2 => {
                let interval = self.ledger.schedule().interval;
                let windows = [u(259_200), u(259_199), u(300_000), u(interval / 2), u(interval / 2 + 1), U256::MAX];
                Step::Call(by, Call::SetBlackoutWindow(self.random.one(&windows)))
            }
            3..=6 => {
                let maximum = self.ledger.snapshot(&[], &[], &[]).maximum_rate;
                let odd = [u(0), u(1), u(7), u(1000), maximum, maximum.saturating_add(U256::ONE), U256::MAX];
                let usual = u(1_000_000_000_000_000_000) / u(1 + self.random.below(1000));
                let rate = if self.random.below(3) == 0 { self.random.one(&odd) } else { usual };
                Step::Call(by, Call::SetRewardsPerSecond(rate))
            }
            7 => Step::Call(by, Call::SweepSurplus),
            8 => {
                let (role, account) = (self.random.one(&Role::ALL), self.anybody());
                Step::Call(by, Call::GrantRole(role, account))
            }
            9 => {
                let role = self.random.one(&Role::ALL);
                let name = self.random.one(&["OP", "GOV", "S0", "S1", "S2", "B0"]);
                // Who administers stays, or nothing would happen any more.
                let name = if role as usize >= Role::ClaimOperator as usize || name != "GOV" { name } else { "X0" };
                let account = if role == Role::Owner && self.random.below(3) == 0 { "GOV" } else { name };
                self.revoke(by, role, account)
            }
            _ => {
                let (role, account) = (self.random.one(&Role::ALL[4..]), self.who("OP"));
                Step::Call("GOV", Call::GrantRole(role, account))
            }
        }
    }

    /// The last owner cannot be revoked; while there is another one, GOV is left alone.
    fn revoke(&mut self, by: &'static str, role: Role, name: &str) -> Step {
        let account = self.who(name);
        let others = PEOPLE.iter().filter(|other| self.ledger.has_role(Role::Owner, self.pool.who(other))).count() > 1;
        let account = if role == Role::Owner && name == "GOV" && others { self.pool.who("X0") } else { account };
        Step::Call(by, Call::RevokeRole(role, account))
    }

    /// Around the present: usually the epoch keeps its number and its start.
    fn schedule(&mut self) -> Call {
        let now = self.ledger.now();
        let interval =
            self.random.one(&[518_400, 600_000, 1_000_000, 1_500_000, 2_000_000, 7_948_800, 7_948_801, 518_399]);
        let Ok(epoch) = self.ledger.schedule().epoch(now) else {
            let offset = u(now + self.random.below(300_000));
            let offset = if self.random.below(8) == 0 { U256::ONE << 128 } else { offset };
            return Call::SetEpochParameters(u(interval), offset);
        };
        let into = self.random.below(interval);
        let moved = now.saturating_sub(into).saturating_sub(epoch * interval);
        let start = self.ledger.schedule().start_of(u(epoch));
        let kept = start.saturating_sub(u(epoch) * u(interval));
        let offset = self.random.one(&[kept, kept, kept, kept, u(moved), u(now + 1), U256::MAX]);
        Call::SetEpochParameters(u(interval), offset)
    }
}
