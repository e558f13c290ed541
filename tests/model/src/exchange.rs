//! The exchange on layer 2, as the chain below sees it (section 5.2 of the borrower proxy's specification). One asset, the borrowed
//! token, one unit in a quantum.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};

use crate::exact::{Exact, u};

/// Key, asset and vault of a deposit.
pub type Place = [U256; 3];

/// Seconds from a cancellation to a reclaim.
const CANCEL_DELAY: u64 = 2 * 86_400;

/// What the exchange remembers; its tokens lie in the ledger's wallets.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// Its address.
    pub address: Address,
    /// The asset.
    pub asset: U256,
    /// Whose each key is.
    pub users: BTreeMap<U256, Address>,
    /// Whose each vault is.
    pub vault_keys: BTreeMap<U256, U256>,
    /// What is in each vault.
    pub vaults: BTreeMap<U256, U256>,
    /// Deposits that wait for layer 2.
    pub pending: BTreeMap<Place, U256>,
    /// When deposits were cancelled.
    pub cancelled: BTreeMap<Place, u64>,
    /// What layer 2 let go, by key.
    pub released: BTreeMap<U256, U256>,
    /// When each demand was made, by its words.
    pub demands: BTreeMap<Vec<U256>, u64>,
}

/// Why the exchange refuses.
pub type Text = &'static str;

impl Exchange {
    pub(crate) fn owner_of(&self, key: U256) -> Result<Address, Text> {
        self.users.get(&key).copied().ok_or("USER_UNREGISTERED")
    }

    fn only_owner(&self, caller: Address, key: U256) -> Result<(), Text> {
        if self.owner_of(key)? == caller { Ok(()) } else { Err("MISMATCHING_STARK_ETH_KEYS") }
    }

    /// Notes a deposit of `caller`, whose tokens the ledger moves.
    pub(crate) fn deposit(&mut self, caller: Address, place: Place, amount: U256) -> Result<(), Text> {
        let [key, asset, _] = place;
        let owner = self.users.get(&key).copied().ok_or("INVALID_STARK_KEY")?;
        if asset != self.asset {
            return Err("INVALID_ASSET_TYPE");
        }
        let pending = self.pending.entry(place).or_default();
        *pending = pending.checked_add(amount).ok_or("DEPOSIT_OVERFLOW")?;
        if owner == caller {
            self.cancelled.remove(&place);
        }
        Ok(())
    }

    pub(crate) fn cancel(&mut self, caller: Address, place: Place, now: u64) -> Result<(), Text> {
        self.only_owner(caller, place[0])?;
        self.cancelled.insert(place, now);
        Ok(())
    }

    /// Returns what comes back.
    pub(crate) fn reclaim(&mut self, caller: Address, place: Place, now: u64) -> Result<U256, Text> {
        self.only_owner(caller, place[0])?;
        let cancelled = self.cancelled.get(&place).ok_or("DEPOSIT_NOT_CANCELED")?;
        if now < cancelled + CANCEL_DELAY {
            return Err("DEPOSIT_LOCKED");
        }
        if place[1] != self.asset {
            return Err("INVALID_ASSET_TYPE");
        }
        self.cancelled.remove(&place);
        Ok(self.pending.remove(&place).unwrap_or_default())
    }

    /// Returns who is paid, and what.
    pub(crate) fn withdraw(&mut self, key: U256, asset: U256) -> Result<(Address, U256), Text> {
        let owner = self.owner_of(key)?;
        if asset != self.asset {
            return Err("INVALID_ASSET_TYPE");
        }
        Ok((owner, self.released.remove(&key).unwrap_or_default()))
    }

    /// A forced withdrawal or trade: the vaults and amounts that must be in range, and all words.
    pub(crate) fn demand(
        &mut self,
        caller: Address,
        vaults: &[U256],
        amounts: &[U256],
        words: Vec<U256>,
        now: u64,
    ) -> Result<(), Text> {
        let bound = U256::ONE << 64;
        self.only_owner(caller, words[0])?;
        if vaults.iter().any(|vault| *vault >= bound) {
            return Err("OUT_OF_RANGE_POSITION_ID");
        }
        if amounts.iter().any(|amount| *amount >= bound) {
            return Err("ILLEGAL_AMOUNT");
        }
        if self.demands.contains_key(&words) {
            return Err("REQUEST_ALREADY_PENDING");
        }
        self.demands.insert(words, now);
        Ok(())
    }

    pub(crate) fn accept(&mut self, place: Place, amount: U256) -> Result<(), Text> {
        let [key, _, vault] = place;
        if self.vault_keys.get(&vault) != Some(&key) {
            return Err("VAULT_KEY_MISMATCH");
        }
        let pending = self.pending.entry(place).or_default();
        *pending = pending.checked_sub(amount).ok_or("DEPOSIT_INSUFFICIENT")?;
        let held = self.vaults.entry(vault).or_default();
        *held = held.plus(amount);
        Ok(())
    }

    pub(crate) fn release(&mut self, vault: U256, amount: U256) -> Result<(), Text> {
        let held = self.vaults.entry(vault).or_default();
        *held = held.checked_sub(amount).ok_or("VAULT_INSUFFICIENT")?;
        let key = self.vault_keys.get(&vault).copied().unwrap_or_default();
        let released = self.released.entry(key).or_default();
        *released = released.plus(amount);
        Ok(())
    }

    pub(crate) fn satisfy(&mut self, key: U256, vault: U256, amount: U256) -> Result<(), Text> {
        self.demands.remove(&vec![key, vault, amount]).ok_or("FORCED_ACTION_UNREQUESTED")?;
        let possible = self.vault_keys.get(&vault) == Some(&key);
        if possible && self.vaults.get(&vault).copied().unwrap_or_default() >= amount {
            self.release(vault, amount)?;
        }
        Ok(())
    }

    /// Everything that must be paid some day.
    pub fn owes(&self) -> U256 {
        let all = self.vaults.values().chain(self.pending.values()).chain(self.released.values());
        all.fold(u(0), |sum, part| sum.plus(*part))
    }
}
