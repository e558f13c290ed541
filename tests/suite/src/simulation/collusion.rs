//! What borrowers, their accomplices and their keepers can get together: never more than the caps of the borrowers.

use alloy_primitives::U256;

use super::Random;
use crate::{
    Pool,
    abi::{
        IBorrowerAllocations as Lending, IDebtAccounting as Debt, IPoolViews as Views, IStakedToken, IStaking, IToken,
    },
    check::u,
    epoch,
};

/// Borrowers that collude, their accomplices, and stakers who know nothing of it.
const BORROWERS: [&str; 2] = ["B0", "B1"];
const ACCOMPLICES: [&str; 2] = ["X0", "OP"];
const HONEST: [&str; 3] = ["S0", "S1", "S2"];

/// What a history of collusion came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loot {
    /// The most that they had beyond what they began with.
    pub taken: U256,
    /// What the caps allow.
    pub allowed: U256,
    /// The most that the shares of the honest stake would be.
    pub shares: U256,
    /// How many steps succeeded.
    pub succeeded: u64,
}

struct Plot {
    pool: Pool,
    random: Random,
    began_with: U256,
    loot: Loot,
}

/// Plays one history: random shares and caps, honest stakers who come and go, and colluders who borrow, pass on, stake again, request,
/// withdraw, mark and repay, in any order.
///
/// # Errors
///
/// If they ever have more than what they began with and all caps together.
pub fn play(seed: u64, steps: usize) -> Result<Loot, String> {
    let mut plot = Plot::open(seed);
    for number in 0..steps {
        let step = plot.step();
        let taken = plot.wealth().saturating_sub(plot.began_with);
        plot.loot.taken = plot.loot.taken.max(taken);
        if taken > plot.loot.allowed {
            return Err(format!(
                "seed {seed}, step {number}: {step}: they have {taken} more, caps are {:?}",
                plot.loot
            ));
        }
    }
    Ok(plot.loot)
}

impl Plot {
    fn open(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut pool = Pool::deploy();
        let shares = random.one(&[[2000, 1000], [4000, 4000], [5000, 5000], [10_000, 0], [100, 9000]]);
        pool.allocate(&[(BORROWERS[0], shares[0]), (BORROWERS[1], shares[1])]);
        let caps = BORROWERS.map(|_| u(1 + random.below(600_000)));
        let call = Lending::setBorrowerCapsCall { borrowers: pool.all(&BORROWERS), caps: caps.to_vec() };
        pool.by("GOV").send(call).expect("GOV may set caps");
        pool.at(epoch(0));
        for name in HONEST {
            pool.by(name).stake(random.below(400_000)).expect("they have tokens");
        }
        for name in BORROWERS.iter().chain(&ACCOMPLICES) {
            pool.set_tokens(name, 0);
        }
        for name in ACCOMPLICES {
            pool.set_tokens(name, random.below(100_000));
        }
        let loot = Loot {
            allowed: caps[0] + caps[1],
            shares: pool.total_active().0 * u(shares[0] + shares[1]) / u(10_000),
            ..Loot::default()
        };
        let mut plot = Self { pool, random, began_with: U256::ZERO, loot };
        plot.began_with = plot.wealth();
        plot
    }

    /// Tokens, stake and credit of all colluders; what they owe they will not pay.
    fn wealth(&self) -> U256 {
        let of = |name: &&str| {
            let account = self.pool.view(Views::getAccountCall { staker: self.pool.who(name) });
            self.pool.tokens(name) + account.activeCurrentEpoch + account.inactiveCurrentEpoch + account.debt
        };
        BORROWERS.iter().chain(&ACCOMPLICES).map(of).fold(U256::ZERO, |sum, part| sum + part)
    }

    /// Something that one of them does, or time; its name. Much of it is refused.
    fn step(&mut self) -> String {
        let (borrower, accomplice) = (self.random.one(&BORROWERS), self.random.one(&ACCOMPLICES));
        let honest = self.random.one(&HONEST);
        match self.random.below(20) {
            0..=3 => self.recycle(borrower, accomplice),
            4 => self.tell(borrower, "borrows", |plot| {
                let amount = plot.random.amount(plot.pool.borrowable(borrower));
                plot.pool.by(borrower).borrow(amount).is_ok()
            }),
            5 => self.tell(accomplice, "stakes", |plot| {
                let amount = plot.random.amount(plot.pool.tokens(accomplice));
                plot.pool.by(accomplice).stake(amount).is_ok()
            }),
            6..=8 => self.request(accomplice),
            9 => self.request(honest),
            10..=12 => self.leave(accomplice),
            13 => self.leave(honest),
            14 => self.tell(accomplice, "marks", |plot| plot.pool.by(accomplice).mark_debt(&BORROWERS).is_ok()),
            15 => self.tell(honest, "stakes", |plot| {
                let amount = plot.random.below(200_000);
                plot.pool.by(honest).stake(amount).is_ok()
            }),
            16 => self.repay(borrower),
            17 => self.tell(accomplice, "moves stake or restakes", |plot| plot.shuffle(accomplice, borrower)),
            _ => self.pass(),
        }
    }

    fn tell(&mut self, who: &str, does: &str, run: impl FnOnce(&mut Self) -> bool) -> String {
        let done = run(self);
        self.loot.succeeded += u64::from(done);
        format!("{who} {does}{}", if done { "" } else { " (refused)" })
    }

    /// Borrows all, passes it on, stakes it again.
    fn recycle(&mut self, borrower: &str, accomplice: &str) -> String {
        self.tell(borrower, "recycles", |plot| {
            let (token, to) = (plot.pool.token(), plot.pool.who(accomplice));
            let amount = plot.pool.borrowable(borrower);
            let borrowed = !amount.is_zero() && plot.pool.by(borrower).borrow(amount).is_ok();
            let value = plot.pool.tokens(borrower);
            plot.pool.by(borrower).send_to(token, IToken::transferCall { to, value }).expect("it has them");
            let amount = plot.pool.tokens(accomplice);
            plot.pool.by(accomplice).stake(amount).is_ok() && borrowed
        })
    }

    fn request(&mut self, who: &str) -> String {
        self.tell(who, "requests", |plot| {
            let amount = plot.random.amount(plot.pool.active(who).1);
            plot.pool.by(who).request_withdrawal(amount).is_ok()
        })
    }

    fn leave(&mut self, who: &str) -> String {
        self.tell(who, "takes what there is", |plot| {
            let stake = plot.pool.by(who).withdraw_max_stake(who).is_ok();
            stake | plot.pool.by(who).withdraw_max_debt(who).is_ok()
        })
    }

    /// With tokens that accomplices hand back.
    fn repay(&mut self, borrower: &str) -> String {
        self.tell(borrower, "repays", |plot| {
            let who = plot.pool.who(borrower);
            let max = U256::from(1 + plot.random.below(50_000));
            let payer = ACCOMPLICES[0];
            let loan = plot.pool.by(payer).send(Lending::repayBorrowUpToCall { borrower: who, max }).is_ok();
            loan | plot.pool.by(payer).send(Debt::repayDebtUpToCall { borrower: who, max }).is_ok()
        })
    }

    fn shuffle(&mut self, accomplice: &str, borrower: &str) -> bool {
        let amount = self.random.amount(self.pool.active(accomplice).1);
        let to = self.pool.who(borrower);
        let moved = self.pool.by(accomplice).send(IStakedToken::transferCall { to, amount }).is_ok();
        let amount = self.random.amount(self.pool.inactive(accomplice).0);
        moved | self.pool.by(accomplice).send(IStaking::restakeCall { amount }).is_ok()
    }

    /// To the next epoch, its first second or the last before it; or a little.
    fn pass(&mut self) -> String {
        let (_, remaining, _) = self.pool.clock();
        let remaining = remaining.to::<u64>();
        let seconds = self.random.one(&[1, remaining - 1, remaining, remaining, remaining + 1]);
        let now = self.pool.now() + seconds;
        self.pool.at(now).keep_alive();
        format!("{seconds} s pass")
    }
}
