//! The storage cache of one frame (section 3.4).

use std::collections::BTreeMap;

use alloy_primitives::B256;

use super::prices;

/// Slots that the frame has seen. Ordered by key, so that a flush is the same on every run.
#[derive(Debug, Default)]
pub(super) struct StorageCache {
    slots: BTreeMap<B256, Slot>,
    loads: u64,
    stores: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    value: B256,
    /// What the trie holds, if known.
    known: Option<B256>,
}

impl StorageCache {
    /// Gas of the next load, whether it hits or not.
    pub(super) fn count_load(&mut self) -> u64 {
        self.loads += 1;
        prices::load_tier_gas(self.loads)
    }

    /// Gas of the next store.
    pub(super) fn count_store(&mut self) -> u64 {
        self.stores += 1;
        prices::store_tier_gas(self.stores)
    }

    pub(super) fn get(&self, key: &B256) -> Option<B256> {
        self.slots.get(key).map(|slot| slot.value)
    }

    /// Remembers what the trie answered to a miss.
    pub(super) fn loaded(&mut self, key: B256, value: B256) {
        let known = Some(value);
        self.slots.insert(key, Slot { value, known });
    }

    pub(super) fn store(&mut self, key: B256, value: B256) {
        self.slots.entry(key).and_modify(|slot| slot.value = value).or_insert(Slot { value, known: None });
    }

    /// Writes that a flush must make.
    pub(super) fn dirty(&self) -> Vec<(B256, B256)> {
        self.slots
            .iter()
            .filter(|(_, slot)| slot.known != Some(slot.value))
            .map(|(key, slot)| (*key, slot.value))
            .collect()
    }

    /// All writes reached the trie.
    pub(super) fn flushed(&mut self) {
        for slot in self.slots.values_mut() {
            slot.known = Some(slot.value);
        }
    }

    /// Forgets the slots. The counters of the tiers stay.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
    }
}
