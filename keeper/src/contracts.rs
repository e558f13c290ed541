//! What is kept and watched, and by which figures.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};

/// Contracts of a deployment.
#[derive(Clone, Debug)]
pub struct Contracts {
    /// The pool.
    pub pool: Address,
    /// The rewards distributor, if there is one.
    pub distributor: Option<Address>,
    /// The oracle that it reads, if it is ours.
    pub oracle: Option<Address>,
    /// The community treasury's proxy.
    pub treasury_proxy: Option<Address>,
    /// Market makers' proxies by name.
    pub proxies: BTreeMap<String, Address>,
    /// Everything that stands in the book, by name: what of it is a program of Stylus is kept alive.
    pub all: BTreeMap<String, Address>,
    /// The block in which the first of them was created.
    pub first_block: u64,
}

impl Contracts {
    /// The contracts of a book: names as they stand there.
    pub fn of_book(all: BTreeMap<String, Address>, first_block: u64) -> Option<Self> {
        let named = |name: &str| all.get(name).copied();
        let proxy = |(name, address): (&String, &Address)| Some((name.strip_prefix("Borrower-")?.to_owned(), *address));
        Some(Self {
            pool: named("Pool")?,
            distributor: named("MerkleDistributor"),
            oracle: named("RewardsOracle"),
            treasury_proxy: named("TreasuryClaimProxy"),
            proxies: all.iter().filter_map(proxy).collect(),
            first_block,
            all,
        })
    }

    /// The name of an address, or the address.
    pub fn name(&self, address: Address) -> String {
        let named = self.all.iter().find(|(_, known)| **known == address);
        named.map_or_else(|| address.to_string(), |(name, _)| name.clone())
    }
}

/// By which figures it is decided. Times are seconds, amounts wei or units of their tokens.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Programs are kept alive when they have no more than this left.
    pub keepalive_within: u64,
    /// The most that a place in the cache may cost.
    pub max_bid: U256,
    /// Market makers' proxies have named the keeper their borrower: it pays and borrows for them in the blackout window.
    pub auto_pay: bool,
    /// Settle records of stakers that are more shortfalls behind than this.
    pub settle_above: Option<u64>,
    /// How long after an edge debt may be unmarked before a person is told.
    pub unmarked_after: u64,
    /// Emission that the treasury must have in advance.
    pub treasury_days: u64,
    /// Less than this, and a person is told that the keeper runs out of ether.
    pub least_wei: U256,
    /// How long before its end a wait that nobody has verified is told.
    pub unverified_within: u64,
    /// Roots that were computed here, from published inputs, by epoch.
    pub computed: BTreeMap<u64, B256>,
}

/// Seconds of a day.
pub(crate) const DAY: u64 = 86_400;

impl Default for Settings {
    fn default() -> Self {
        Self {
            keepalive_within: 60 * DAY,
            max_bid: U256::from(10_u64.pow(16)),
            auto_pay: false,
            settle_above: None,
            unmarked_after: 60,
            treasury_days: 28,
            least_wei: U256::from(10_u64.pow(16)),
            unverified_within: 48 * 3_600,
            computed: BTreeMap::new(),
        }
    }
}
