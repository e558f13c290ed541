//! What all acts share: the chain, its clock, signed transactions, and the checks that are counted.

use std::fmt::Debug;

use alloy_primitives::Address;
use alloy_sol_types::{SolCall, SolError};
use chain::{Account, Chain, Receipt, Reverted, Sent};
use suite::{deployment::Deployment, wallet};

use crate::words::grouped;

pub(crate) const DAY: u64 = 86_400;
pub(crate) const EPOCH: u64 = 28 * DAY;

/// The chain to play on, and how many checks held.
pub(crate) struct Scene {
    pub(crate) chain: Chain,
    /// Start of epoch zero of the pool that is played.
    pub(crate) start: u64,
    pub(crate) checks: usize,
    /// What must stay active.
    programs: Vec<Address>,
}

impl Scene {
    pub(crate) fn new(chain: Chain, start: u64) -> Self {
        Self { chain, start, checks: 0, programs: Vec::new() }
    }

    pub(crate) fn chapter(&self, title: &str) {
        println!("\n== {title}\n");
    }

    /// The time, as epoch and days into it.
    pub(crate) fn time(&self) -> String {
        let now = self.chain.timestamp();
        match now.checked_sub(self.start) {
            Some(elapsed) => format!("E{}+{}d", elapsed / EPOCH, elapsed % EPOCH / DAY),
            None => "before".into(),
        }
    }

    /// Moves the clock to some days after the start of an epoch.
    pub(crate) fn at(&mut self, epoch: u64, days: u64) -> Result<(), String> {
        self.set_time(self.start + epoch * EPOCH + days * DAY)
    }

    /// Moves the clock, and activates what expires by that: on a node, programs may have been active since an earlier play.
    pub(crate) fn set_time(&mut self, timestamp: u64) -> Result<(), String> {
        self.chain.set_time(timestamp);
        for program in &self.programs {
            if !self.chain.is_active(*program) {
                self.chain.from("keeper").activate(*program).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    /// Programs that must stay active from now on.
    pub(crate) fn keep(&mut self, programs: impl IntoIterator<Item = Address>) {
        self.programs.extend(programs);
    }

    pub(crate) fn keep_pool(&mut self, pool: &Deployment) {
        self.keep(pool.programs.iter().map(|(_, program)| program.address));
    }

    pub(crate) fn check(&mut self, holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
        self.checks += 1;
        if holds { Ok(()) } else { Err(format!("{}: {}", self.time(), problem())) }
    }

    pub(crate) fn equal<T: PartialEq + Debug>(&mut self, what: &str, found: T, expected: T) -> Result<(), String> {
        self.check(found == expected, || format!("{what}: {found:?}, not {expected:?}"))
    }

    pub(crate) fn view<C: SolCall>(&self, to: Address, call: C) -> Result<C::Return, String> {
        self.chain.view(to, call).map_err(|error| format!("{}: {error}", C::SIGNATURE))
    }

    /// A signed transaction that succeeds.
    pub(crate) fn must<C: SolCall>(&mut self, who: &str, to: Address, call: &C) -> Result<Sent<C::Return>, String> {
        let account = self.chain.account(who);
        let sent = wallet::call(&mut self.chain, &account, to, call);
        sent.map_err(|error| format!("{}: {who} {}: {error}", self.time(), C::SIGNATURE))
    }

    /// A signed transaction that must fail with exactly this error.
    pub(crate) fn refused<C: SolCall, E: SolError + Debug>(
        &mut self,
        who: &str,
        what: &str,
        to: Address,
        call: &C,
        expected: &E,
    ) -> Result<(), String> {
        let account = self.chain.account(who);
        let data = match wallet::call(&mut self.chain, &account, to, call) {
            Ok(_) => return Err(format!("{}: {who} {what}: succeeded", self.time())),
            Err(Reverted { data, .. }) => data,
        };
        println!("{:>7}  {who} {what}   refused: {expected:?}", self.time());
        self.check(data == expected.abi_encode(), || format!("{who} {what}: reverted with {data}"))
    }

    /// Who did what, and its gas.
    pub(crate) fn tell(&self, who: &str, what: &str, receipt: &Receipt) {
        println!("{:>7}  {who} {what}   {} gas", self.time(), grouped(receipt.gas.used));
    }

    /// A signed transaction that succeeds, and is told.
    pub(crate) fn act<C: SolCall>(
        &mut self,
        who: &str,
        what: &str,
        to: Address,
        call: &C,
    ) -> Result<Sent<C::Return>, String> {
        let sent = self.must(who, to, call)?;
        self.tell(who, what, &sent.receipt);
        Ok(sent)
    }

    /// Puts programs into the chain's program cache, as a deployment for real does.
    pub(crate) fn cache(&mut self, pool: &Deployment, programs: &[Address]) -> Result<(), String> {
        pool.cache(&mut self.chain).map_err(|error| error.to_string())?;
        for program in programs {
            self.chain.cache(*program).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

pub(crate) fn address(who: &str) -> Address {
    Account::named(who).address()
}
