//! Everything that is decided by, as of one block.

use abi::exact;
use alloy_primitives::{Address, B256, Bytes, U256};

use crate::{Contracts, events::News};

/// A pool, its rewards and its programs as of one block.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What it is of.
    pub contracts: Contracts,
    /// Number of the block.
    pub block: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time, seconds.
    pub time: u64,
    /// The chain's version of Stylus.
    pub stylus_version: u16,
    /// The manager of the cache, if the chain has one.
    pub cache_manager: Option<Address>,
    /// Programs of the deployment, each code once.
    pub programs: Vec<Program>,
    /// The pool; nothing while one of its programs is not active, for then it answers nothing.
    pub pool: Option<Pool>,
    /// The distributor; nothing if there is none, or while it is not active.
    pub rewards: Option<Rewards>,
    /// What the treasury's proxy holds of the rewards token.
    pub to_forward: U256,
    /// Whoever keeps, and its ether.
    pub purse: Option<Purse>,
    /// Vaults that wait, and forced trades that are queued.
    pub vaults: Vec<Vault>,
    /// What happened lately that people should know.
    pub news: Vec<News>,
}

/// An account that pays for transactions.
#[derive(Clone, Copy, Debug)]
pub struct Purse {
    /// Whose.
    pub address: Address,
    /// Wei.
    pub wei: U256,
}

/// Whether a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs, for so many seconds more.
    Active(u64),
    /// Its year is over.
    Expired,
    /// It was activated for another version of Stylus than the chain's.
    Outdated,
    /// It was never activated.
    Inactive,
}

/// A program of Stylus.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name in the book.
    pub name: String,
    /// Where it stands.
    pub address: Address,
    /// Hash of its code.
    pub codehash: B256,
    /// Whether it runs.
    pub life: Life,
    /// Whether it has its place in the cache.
    pub cached: bool,
    /// What a place costs, wei, where it has none.
    pub bid: Option<U256>,
    /// What another year costs, wei, where it is old enough and about to be kept alive.
    pub year: Option<U256>,
}

/// The pool. Amounts are units of the staked token unless they say otherwise.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Number of the epoch; nothing before epoch zero.
    pub epoch: Option<u64>,
    /// Its first second.
    pub begins: u64,
    /// Its end: the edge.
    pub ends: u64,
    /// Whether its blackout window has begun.
    pub in_blackout: bool,
    /// Stake that earns, in this epoch and the next.
    pub active: [U256; 2],
    /// Stake that can be withdrawn, in this epoch and the next.
    pub inactive: [U256; 2],
    /// What is lent.
    pub borrowed: U256,
    /// What borrowers owe as debt.
    pub borrower_debt: U256,
    /// What the pool is short by.
    pub shortfall: U256,
    /// Tokens that nobody's stake or debt accounts for.
    pub surplus: U256,
    /// Whether `markDebt` is routed to a program that runs.
    pub can_mark: bool,
    /// Everybody who ever had a share.
    pub borrowers: Vec<Borrower>,
    /// Who bears the shortfall, if there is one and it can be marked.
    pub marking: Option<Marking>,
    /// Units of the rewards token a second; 0 outside of the distribution.
    pub rate: U256,
    /// What stakers may claim, units of the rewards token, as far as it was added up lately.
    pub claimable: U256,
    /// Stakers whose records are shortfalls behind, and how many.
    pub behind: Vec<(Address, u64)>,
    /// What is staked.
    pub staked: Token,
    /// What is earned.
    pub rewards: Token,
    /// Who owns the rewards.
    pub treasury: Address,
    /// What it holds of them, and what of that the pool may take.
    pub treasury_holds: U256,
    /// What of that the pool may take.
    pub treasury_allows: U256,
}

impl Pool {
    /// What the next edge would leave the pool short by, if nothing changes.
    pub fn shortfall_ahead(&self) -> U256 {
        self.borrowed.saturating_sub(self.active[1])
    }
}

/// A token, as it is written.
#[derive(Clone, Debug, Default)]
pub struct Token {
    /// Its symbol.
    pub symbol: String,
    /// Digits behind the point.
    pub decimals: u8,
}

impl Token {
    /// An amount with all its digits.
    pub fn exact(&self, amount: U256) -> String {
        format!("{} {}", exact(amount, self.decimals), self.symbol)
    }
}

/// A borrower.
#[derive(Clone, Debug)]
pub struct Borrower {
    /// Its name in the book, or its address.
    pub name: String,
    /// Its address.
    pub address: Address,
    /// What it was lent.
    pub borrowed: U256,
    /// What it owes as debt.
    pub debt: U256,
    /// Its share of the active stake, in this epoch and the next.
    pub allocated: [U256; 2],
    /// Whether it owes more than its share.
    pub overdue: bool,
    /// By how much, in whole units.
    pub overdue_amount: U256,
    /// Whether it may not borrow.
    pub restricted: bool,
    /// Whether `autoPayOrBorrow` of its proxy succeeds for the keeper and would move something.
    pub auto_pay: bool,
}

impl Borrower {
    /// By how much it exceeds its share now.
    pub fn excess(&self) -> U256 {
        self.borrowed.saturating_sub(self.allocated[0])
    }

    /// What must come back before the next epoch.
    pub fn due(&self) -> U256 {
        self.borrowed.saturating_sub(self.allocated[1])
    }
}

/// Who would bear a shortfall.
#[derive(Clone, Debug)]
pub struct Marking {
    /// Borrowers that are charged, and with what, largest excess first.
    pub debts: Vec<(Address, U256)>,
    /// What no known borrower covers.
    pub uncovered: U256,
}

/// A root with its epoch and CID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Of the tree.
    pub root: B256,
    /// Which epoch.
    pub epoch: u64,
    /// Where the tree is published.
    pub cid: Bytes,
}

/// The distributor.
#[derive(Clone, Debug)]
pub struct Rewards {
    /// What is paid from.
    pub active: Option<Root>,
    /// What waits, or has waited.
    pub proposed: Option<Root>,
    /// What the oracle names.
    pub published: Option<Root>,
    /// What was cancelled and cannot be proposed next.
    pub cancelled: Option<Root>,
    /// Until when the proposed root waits.
    pub waits_until: u64,
    /// Whether no root may become active.
    pub paused: bool,
    /// The epoch that the next root must have.
    pub next_epoch: u64,
    /// What the treasury lets the distributor take.
    pub treasury_allows: U256,
}

impl Rewards {
    /// The root that waits or has waited and is not active yet.
    pub fn waiting(&self) -> Option<&Root> {
        self.proposed
            .as_ref()
            .filter(|proposed| Some(*proposed) != self.active.as_ref() && proposed.epoch == self.next_epoch)
    }
}

/// Something of a market maker that waits, and that its veto guardian can stop until then.
#[derive(Clone, Debug)]
pub struct Vault {
    /// Name of the proxy.
    pub proxy: String,
    /// What it is in words.
    pub what: String,
    /// The call that stops it, without the command in front.
    pub veto: String,
    /// Until when.
    pub until: u64,
    /// Whether it is a forced trade, and not a vault.
    pub is_trade: bool,
}
