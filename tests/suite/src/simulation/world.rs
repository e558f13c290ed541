//! The contracts on a chain and the ledger beside them, step by step.

use std::{
    fmt::Debug,
    panic::{AssertUnwindSafe, catch_unwind},
};

use alloy_primitives::{Address, U256};
use model::{AccountView, BorrowerView, Call, Change, Ledger, Setup, Snapshot, broken, broken_change};

use super::{
    BORROWERS, PEOPLE, Step, encode,
    read::{self, Scope},
};
use crate::{Pool, Settings, abi};

/// Where the two differ, in words.
pub type Divergence = String;

/// How closely the two are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// Outcomes, logs, totals and the accounts that a step names.
    Step,
    /// Totals and everybody, by the getters that answer many numbers at once.
    Everybody,
    /// Every getter for everybody, and all invariants of what the chain says.
    Full,
}

/// The contracts and the ledger.
#[derive(Clone, Debug)]
pub struct World {
    /// The contracts.
    pub pool: Pool,
    /// The ledger.
    pub ledger: Ledger,
    scope: Scope,
    /// The ledger's numbers after the last step.
    last: Snapshot,
}

impl World {
    /// A pool just deployed with these settings, and a ledger that knows the same people.
    ///
    /// # Panics
    ///
    /// If the pool refuses the settings.
    pub fn new(settings: &Settings) -> Self {
        Self::on(crate::chain_at(settings.deployed_at - 100_000), settings)
    }

    /// The same on a chain that was made before, at a time before the deployment's.
    ///
    /// # Panics
    ///
    /// If the pool refuses the settings.
    pub fn on(chain: chain::Chain, settings: &Settings) -> Self {
        let pool = Pool::on(chain, "token", "token", settings).expect("the settings are legal");
        let scope = Scope { people: pool.all(&PEOPLE), borrowers: pool.all(&BORROWERS) };
        let holders = PEOPLE.iter().filter(|name| **name != "Y"); // Y holds nothing and has approved nobody.
        let setup = Setup {
            now: settings.deployed_at,
            schedule: model::Schedule::new(settings.interval, settings.offset, settings.blackout).expect("legal"),
            distribution: (settings.distribution.0.to(), settings.distribution.1.to()),
            pool: pool.address(),
            staked_token: pool.token(),
            rewards_token: pool.rewards_token(),
            treasury: pool.treasury(),
            treasury_holds: pool.rewards("treasury"),
            owner: pool.who("GOV"),
            wallets: holders.map(|name| (pool.who(name), pool.tokens(name))).collect(),
        };
        let ledger = Ledger::new(setup);
        let last = ledger.snapshot(&scope.people, &scope.borrowers, &[]);
        Self { pool, ledger, scope, last }
    }

    /// Makes one step on both sides and compares. Whether it succeeded.
    ///
    /// # Errors
    ///
    /// If they differ, or an invariant breaks.
    pub fn step(&mut self, step: &Step, care: Care) -> Result<bool, Divergence> {
        guarded(|| self.make(step, care))
    }

    fn make(&mut self, step: &Step, care: Care) -> Result<bool, Divergence> {
        let made = match step {
            Step::At(time) => {
                self.pass(*time);
                None
            }
            Step::Call(who, call) => self.call(who, call)?.then(|| (self.pool.who(who), call)),
            Step::Give(who, amount) => {
                self.give(who, *amount);
                None
            }
            Step::TreasuryAllows(amount) => {
                self.pool.approve_from_treasury(*amount);
                self.ledger.approve_from_treasury(*amount);
                None
            }
        };
        self.judge(made)?;
        self.compare_step(step)?;
        self.compare(care)?;
        Ok(made.is_some() || !matches!(step, Step::Call(..)))
    }

    fn pass(&mut self, time: u64) {
        let time = time.max(self.ledger.now());
        self.pool.at(time).keep_alive();
        self.ledger.advance(time);
    }

    fn give(&mut self, who: &str, amount: U256) {
        let amount = amount.min(self.pool.tokens(who));
        self.pool.give(who, amount);
        self.ledger.give(self.pool.who(who), amount);
    }

    /// Calls both; whether the call succeeded.
    fn call(&mut self, who: &str, call: &Call) -> Result<bool, Divergence> {
        let expected = self.ledger.call(self.pool.who(who), call);
        let sent = self.pool.by(who).send_raw(encode::call(call));
        match (expected, sent) {
            (Ok(done), Ok(receipt)) => {
                same("returned", &receipt.output.to_vec(), &encode::returned(done.returned))?;
                let expected: Vec<_> = done.events.iter().map(encode::event).collect();
                let logs = self.pool.logs(&receipt);
                if logs != expected {
                    return Err(format!("logs\n  chain:  {}\n  ledger: {:?}", names(&logs), done.events));
                }
                Ok(true)
            }
            (Err(refusal), Err(reverted)) if encode::refusal(&refusal) == reverted.data => Ok(false),
            (Err(refusal), Err(reverted)) => Err(format!("chain refuses {reverted}, ledger {refusal:?}")),
            (Ok(_), Err(reverted)) => Err(format!("chain refuses {reverted}, the ledger does not")),
            (Err(refusal), Ok(_)) => Err(format!("ledger refuses {refusal:?}, the chain does not")),
        }
    }

    /// Checks all invariants on the ledger's numbers.
    fn judge(&mut self, made: Option<(Address, &Call)>) -> Result<(), Divergence> {
        let after = self.ledger.snapshot(&self.scope.people, &self.scope.borrowers, &[]);
        let mut broken = broken(&after, self.ledger.terms());
        broken.extend(broken_change(&Change { before: &self.last, after: &after, call: made }));
        self.last = after;
        if broken.is_empty() { Ok(()) } else { Err(format!("broken: {}", broken.join("; "))) }
    }

    /// Totals, and whoever a step names.
    fn compare_step(&self, step: &Step) -> Result<(), Divergence> {
        same("getPool", &read::pool(&self.pool), &self.ledger.pool_view())?;
        let (Step::Call(who, _) | Step::Give(who, _)) = step else { return Ok(()) };
        let mut named = vec![self.pool.who(who)];
        if let Step::Call(_, call) = step {
            named.extend(encode::named(call));
        }
        named.sort();
        named.dedup();
        for name in named {
            self.compare_account(name)?;
            self.compare_borrower(name)?;
        }
        Ok(())
    }

    fn compare_account(&self, name: Address) -> Result<(), Divergence> {
        let chain: AccountView = read::account_and_wallet(&self.pool, name);
        let mut ledger = self.ledger.account_view(name);
        if name == self.pool.address() {
            ledger.wallet = chain.wallet; // What the pool holds is compared apart.
        }
        same(&self.name(name), &chain, &ledger)
    }

    fn compare_borrower(&self, name: Address) -> Result<(), Divergence> {
        if !self.scope.borrowers.contains(&name) {
            return Ok(());
        }
        let chain: BorrowerView = read::borrower(&self.pool, name);
        same(&self.name(name), &chain, &self.ledger.borrower_view(name))
    }

    /// Compares beyond what a step named.
    ///
    /// # Errors
    ///
    /// If anything differs or an invariant breaks.
    pub fn compare(&self, care: Care) -> Result<(), Divergence> {
        guarded(|| match care {
            Care::Step => Ok(()),
            Care::Everybody => self.compare_everybody(),
            Care::Full => self.compare_everything(),
        })
    }

    fn compare_everybody(&self) -> Result<(), Divergence> {
        same("getPool", &read::pool(&self.pool), &self.ledger.pool_view())?;
        for name in &self.scope.people {
            let nothing = AccountView::default();
            let ledger = AccountView {
                balance: nothing.balance,
                transferable: nothing.transferable,
                stored_index: nothing.stored_index,
                wallet: nothing.wallet,
                rewards: nothing.rewards,
                ..self.ledger.account_view(*name)
            };
            same(&self.name(*name), &read::account(&self.pool, *name), &ledger)?;
        }
        self.scope.borrowers.iter().try_for_each(|name| self.compare_borrower(*name))
    }

    fn compare_everything(&self) -> Result<(), Divergence> {
        let epochs = self.ledger.notable_epochs();
        let expected = self.ledger.snapshot(&self.scope.people, &self.scope.borrowers, &epochs);
        let seen = read::snapshot(&self.pool, &self.scope, &epochs, &expected.shortfalls);
        same("snapshot", &seen, &expected)?;
        let broken = broken(&seen, self.ledger.terms());
        if !broken.is_empty() {
            return Err(format!("broken on the chain: {}", broken.join("; ")));
        }
        self.probe(&seen)
    }

    /// What the getters promise is what calls accept, tried without changing anything.
    fn probe(&self, seen: &Snapshot) -> Result<(), Divergence> {
        for (name, borrower) in seen.borrowers.iter().filter(|(name, _)| !name.is_zero()) {
            let borrow = |amount| abi::IBorrowerAllocations::borrowCall { amount };
            let more = read::would_succeed(&self.pool, *name, borrow(borrower.borrowable + U256::ONE));
            let all =
                borrower.borrowable.is_zero() || read::would_succeed(&self.pool, *name, borrow(borrower.borrowable));
            if more || !all {
                return Err(format!("{}: borrows more than is borrowable, or not that", self.name(*name)));
            }
        }
        let mark = abi::IDebtAccounting::markDebtCall { borrowers: self.scope.borrowers.clone() };
        if read::would_succeed(&self.pool, self.scope.people[0], mark) == seen.solvent {
            return Err("debt can be marked exactly when loans exceed the active stake".into());
        }
        Ok(())
    }

    fn name(&self, address: Address) -> String {
        let mut people = PEOPLE.iter().chain(&BORROWERS);
        let name = people.find(|name| self.pool.who(name) == address);
        name.map_or_else(|| address.to_string(), |name| (*name).to_owned())
    }

    /// Replaces addresses by names.
    pub fn readable(&self, text: &str) -> String {
        let everybody = PEOPLE.iter().chain(&BORROWERS).copied();
        let named = everybody.map(|name| (self.pool.who(name), name)).chain([(self.pool.address(), "POOL")]);
        named.fold(text.to_owned(), |text, (address, name)| {
            text.replace(&format!("{address:?}"), name).replace(&format!("{address}"), name)
        })
    }
}

/// A panic of the ledger or of a getter is a divergence too: it is then told with its seed and shrunk.
pub(super) fn guarded<T>(run: impl FnOnce() -> Result<T, Divergence>) -> Result<T, Divergence> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(format!(
            "panic: {}",
            text.or_else(|| panic.downcast_ref().map(|text: &&str| text.to_string())).unwrap_or_default()
        ))
    })
}

pub(super) fn same<T: PartialEq + Debug>(what: &str, chain: &T, ledger: &T) -> Result<(), Divergence> {
    if chain == ledger {
        return Ok(());
    }
    let (chain, ledger) = (format!("{chain:#?}"), format!("{ledger:#?}"));
    let lines = chain.lines().zip(ledger.lines()).filter(|(chain, ledger)| chain != ledger);
    let lines: Vec<_> = lines.take(12).map(|(c, l)| format!("  chain {} ledger {}", c.trim(), l.trim())).collect();
    Err(format!("{what}\n{}", lines.join("\n")))
}

fn names(logs: &[alloy_primitives::LogData]) -> String {
    let name = |log: &alloy_primitives::LogData| {
        let event = abi::event(log.topics()[0]).unwrap_or_default();
        let topics: Vec<_> = log.topics()[1..].iter().map(|topic| Address::from_word(*topic)).collect();
        let words: Vec<_> = log.data.chunks(32).map(U256::from_be_slice).collect();
        format!("{} {topics:?} {words:?}", event.split('(').next().unwrap_or_default())
    };
    logs.iter().map(name).collect::<Vec<_>>().join(", ")
}
