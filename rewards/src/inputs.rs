//! What an epoch needs beside its samples: volumes, stakes, links, exclusions (spec section 11.2).

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;

use crate::epoch::{MINUTES, MINUTES_MAX};

/// What is wrong with a row of these inputs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum InputError {
    #[error("epoch {found}; only {epoch} and the one before it are used")]
    VolumeOfOtherEpoch { found: u64, epoch: u64 },
    #[error("epoch {found}, not {expected}")]
    WrongEpoch { found: u64, expected: u64 },
    #[error("minute {minute}: the epoch has the minutes 0 to {}", minutes.saturating_sub(1))]
    NoSuchMinute { minute: u32, minutes: u32 },
    #[error("a second volume of {account} in {market} in epoch {epoch}")]
    RepeatedVolume { epoch: u64, market: String, account: Address },
    #[error("a second stake of {account} in minute {minute}")]
    RepeatedStake { minute: u32, account: Address },
    #[error("{0} is linked to itself")]
    LinkedToItself(Address),
    #[error("{secondary} is linked to {primary}, which is a secondary itself")]
    LinkedInChain { secondary: Address, primary: Address },
    #[error("{secondary} is linked to {first} and to {second}")]
    LinkedTwice { secondary: Address, first: Address, second: Address },
    #[error("{0} is linked twice")]
    RepeatedLink(Address),
    #[error("{0} is excluded twice")]
    RepeatedExclusion(Address),
    #[error("{0} is listed twice")]
    RepeatedEligible(Address),
    #[error("the zero address is nobody: tokens paid to it would be lost")]
    ZeroAddress,
    #[error("volumes add up to more than 128 bits")]
    VolumeOverflow,
    #[error("stakes add up to more than 128 bits")]
    StakeOverflow,
}

/// One epoch's maker volumes, micro-USD.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volumes {
    markets: BTreeMap<String, BTreeMap<Address, u128>>,
    accounts: BTreeMap<Address, u128>,
    total: u128,
}

impl Volumes {
    fn add(&mut self, epoch: u64, market: &str, account: Address, volume: u128) -> Result<(), InputError> {
        self.total = self.total.checked_add(volume).ok_or(InputError::VolumeOverflow)?;
        *self.accounts.entry(account).or_default() += volume; // At most the total.
        let rows = self.markets.entry(market.to_owned()).or_default();
        match rows.insert(account, volume) {
            Some(_) => Err(InputError::RepeatedVolume { epoch, market: market.to_owned(), account }),
            None => Ok(()),
        }
    }

    /// An account's volume in one market.
    #[must_use]
    pub fn in_market(&self, market: &str, account: Address) -> u128 {
        self.markets.get(market).and_then(|rows| rows.get(&account)).copied().unwrap_or_default()
    }

    /// An account's volume in all markets.
    #[must_use]
    pub fn of_account(&self, account: Address) -> u128 {
        self.accounts.get(&account).copied().unwrap_or_default()
    }

    /// Everybody's volume in one market.
    #[must_use]
    pub fn of_market(&self, market: &str) -> u128 {
        self.markets.get(market).map_or(0, |rows| rows.values().sum())
    }

    /// Everybody's volume.
    #[must_use]
    pub const fn total(&self) -> u128 {
        self.total
    }

    /// Puts other volumes in the place of these, for forecasts.
    pub(crate) fn change(&mut self, mut change: impl FnMut(Address, u128) -> u128) {
        (self.accounts, self.total) = (BTreeMap::new(), 0);
        for (account, volume) in self.markets.values_mut().flatten() {
            *volume = change(*account, *volume);
            let sum = self.accounts.entry(*account).or_default();
            *sum = sum.saturating_add(*volume);
            self.total = self.total.saturating_add(*volume);
        }
    }

    /// Everybody with a row.
    pub fn accounts(&self) -> impl Iterator<Item = Address> {
        self.accounts.keys().copied()
    }
}

/// The minutes in which something was seen: a bit for each, up to the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Minutes(Vec<u64>);

impl Minutes {
    /// Whether the minute is new.
    fn insert(&mut self, minute: u32) -> bool {
        let (word, bit) = (minute as usize / 64, 1 << (minute % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

/// Samples of stakes, wei. A minute counts as sampled if it has a row of anybody; who has none in it held nothing then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stakes {
    sums: BTreeMap<Address, (u128, Minutes)>,
    sampled: Minutes,
}

impl Stakes {
    fn add(&mut self, minute: u32, account: Address, stake: u128) -> Result<(), InputError> {
        self.sampled.insert(minute);
        let (sum, minutes) = self.sums.entry(account).or_default();
        if !minutes.insert(minute) {
            return Err(InputError::RepeatedStake { minute, account });
        }
        *sum = sum.checked_add(stake).ok_or(InputError::StakeOverflow)?;
        Ok(())
    }

    /// An account's average, rounded down.
    #[must_use]
    pub fn average(&self, account: Address) -> u128 {
        let sum = self.sums.get(&account).map_or(0, |(sum, _)| *sum);
        sum.checked_div(self.sampled.count().into()).unwrap_or_default()
    }

    /// How many minutes were sampled.
    #[must_use]
    pub fn samples(&self) -> u32 {
        self.sampled.count()
    }
}

/// Which addresses belong together: secondaries, each with its primary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    primaries: BTreeMap<Address, Address>,
    groups: BTreeMap<Address, BTreeSet<Address>>,
}

impl Links {
    fn add(&mut self, secondary: Address, primary: Address) -> Result<(), InputError> {
        if secondary == primary {
            return Err(InputError::LinkedToItself(primary));
        }
        match self.primaries.get(&secondary) {
            Some(first) if *first == primary => return Err(InputError::RepeatedLink(secondary)),
            Some(first) => return Err(InputError::LinkedTwice { secondary, first: *first, second: primary }),
            None => {}
        }
        if self.primaries.contains_key(&primary) {
            return Err(InputError::LinkedInChain { secondary, primary });
        }
        if let Some(tertiary) = self.groups.get(&secondary).and_then(|group| group.first()) {
            return Err(InputError::LinkedInChain { secondary: *tertiary, primary: secondary });
        }
        self.primaries.insert(secondary, primary);
        self.groups.entry(primary).or_default().insert(secondary);
        Ok(())
    }

    /// Who is credited with what an address earns.
    #[must_use]
    pub fn primary(&self, account: Address) -> Address {
        self.primaries.get(&account).copied().unwrap_or(account)
    }

    /// An address's whole group, the address among it.
    pub fn group(&self, account: Address) -> impl Iterator<Item = Address> {
        let primary = self.primary(account);
        std::iter::once(primary).chain(self.groups.get(&primary).into_iter().flatten().copied())
    }

    /// Everybody who is linked.
    pub fn accounts(&self) -> impl Iterator<Item = Address> {
        self.primaries.keys().chain(self.groups.keys()).copied()
    }
}

/// All of it, for one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    epoch: u64,
    minutes: u32,
    /// Volumes of the epoch: they score.
    pub volumes: Volumes,
    /// Volumes of the epoch before: they decide who is eligible.
    pub previous_volumes: Volumes,
    /// Stakes.
    pub stakes: Stakes,
    /// Links at the end of the epoch.
    pub links: Links,
    /// Who is left out, and the code of the reason.
    pub exclusions: BTreeMap<Address, String>,
    /// Who is eligible, if that is given and not computed: in epoch 0, before which there is no volume.
    pub eligible: Option<BTreeSet<Address>>,
}

impl Inputs {
    /// Nothing yet, of an epoch as long as dYdX's.
    #[must_use]
    pub fn of_epoch(epoch: u64) -> Self {
        Self::new(epoch, MINUTES)
    }

    /// Nothing yet, of an epoch of so many minutes.
    #[must_use]
    pub fn new(epoch: u64, minutes: u32) -> Self {
        Self { epoch, minutes: minutes.min(MINUTES_MAX), ..Self::default() }
    }

    /// Which epoch it is about.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Adds a maker volume, of this epoch or the one before.
    pub fn add_volume(&mut self, epoch: u64, market: &str, account: Address, volume: u128) -> Result<(), InputError> {
        match self.epoch.checked_sub(epoch) {
            Some(0) => self.volumes.add(epoch, market, account, volume),
            Some(1) => self.previous_volumes.add(epoch, market, account, volume),
            _ => Err(InputError::VolumeOfOtherEpoch { found: epoch, epoch: self.epoch }),
        }
    }

    /// Adds a sample of a stake.
    pub fn add_stake(&mut self, epoch: u64, minute: u32, account: Address, stake: u128) -> Result<(), InputError> {
        if epoch != self.epoch {
            return Err(InputError::WrongEpoch { found: epoch, expected: self.epoch });
        }
        if minute >= self.minutes {
            return Err(InputError::NoSuchMinute { minute, minutes: self.minutes });
        }
        self.stakes.add(minute, account, stake)
    }

    /// Adds a link.
    pub fn add_link(&mut self, secondary: Address, primary: Address) -> Result<(), InputError> {
        if secondary.is_zero() || primary.is_zero() {
            return Err(InputError::ZeroAddress);
        }
        self.links.add(secondary, primary)
    }

    /// Adds an exclusion.
    pub fn add_exclusion(&mut self, account: Address, reason: &str) -> Result<(), InputError> {
        match self.exclusions.insert(account, reason.to_owned()) {
            Some(_) => Err(InputError::RepeatedExclusion(account)),
            None => Ok(()),
        }
    }

    /// Adds somebody who is eligible whatever the volumes say.
    pub fn add_eligible(&mut self, account: Address) -> Result<(), InputError> {
        if account.is_zero() {
            return Err(InputError::ZeroAddress);
        }
        let is_new = self.eligible.get_or_insert_default().insert(account);
        if is_new { Ok(()) } else { Err(InputError::RepeatedEligible(account)) }
    }
}
