//! ArbOS state: parameters, program records, data pricer, owners. It lives in the journaled storage of one account,
//! in the slots of stylus-vm.md 2.9, so that reverts and snapshots cover it like any other storage.

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, U256, address, keccak256};
use stylus_vm::Rules;

use crate::pages::PageModel;

/// The account that holds ArbOS state; nonce 1, no code.
pub const ARBOS: Address = address!("A4B05FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");

/// Start of ArbOS time: activation times are hours since then.
const ARBITRUM_START: u64 = 1_421_388_000;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

/// The storage of [`ARBOS`], wherever it is.
pub(crate) trait Storage {
    fn load(&mut self, slot: U256) -> U256;
    fn store(&mut self, slot: U256, value: U256);
}

/// A group of slots with a common key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Space(Option<B256>);

impl Space {
    const ROOT: Self = Self(None);

    fn child(self, id: &[u8]) -> Self {
        Self(Some(keccak256([self.key(), id].concat())))
    }

    fn key(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |key| key.as_slice())
    }

    /// `keccak(space || key[..31])[..31] || key[31]`.
    fn slot(&self, key: B256) -> U256 {
        let mut slot = keccak256([self.key(), &key[..31]].concat());
        slot[31] = key[31];
        slot.into()
    }

    fn index(&self, index: u64) -> U256 {
        self.slot(U256::from(index).into())
    }
}

/// Keys of all spaces in use, hashed once per process.
struct Layout {
    version: U256,
    upgrade_version: U256,
    upgrade_timestamp: U256,
    network_fee_account: U256,
    chain_id: U256,
    infra_fee_account: U256,
    brotli_level: U256,
    owners: Space,
    params: U256,
    programs: Space,
    module_hashes: Space,
    pricer: [U256; 5],
    cache_managers: Space,
    activation_gas: U256,
    l1_price: U256,
}

static LAYOUT: LazyLock<Layout> = LazyLock::new(|| {
    let root = Space::ROOT;
    let programs = root.child(&[8]);
    let pricer = programs.child(&[3]);
    Layout {
        version: root.index(0),
        upgrade_version: root.index(1),
        upgrade_timestamp: root.index(2),
        network_fee_account: root.index(3),
        chain_id: root.index(4),
        infra_fee_account: root.index(6),
        brotli_level: root.index(7),
        owners: root.child(&[4]),
        params: programs.child(&[0]).index(0),
        programs: programs.child(&[1]),
        module_hashes: programs.child(&[2]),
        pricer: std::array::from_fn(|index| pricer.index(index as u64)),
        cache_managers: programs.child(&[4]),
        activation_gas: programs.child(&[5]).index(0),
        l1_price: root.child(&[0]).index(7),
    }
});

/// Parameters of the Stylus machine (2.9), one storage word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params {
    /// Version of the instrumentation, 1 to 3.
    pub version: u16,
    /// Ink per gas.
    pub ink_price: u32,
    /// Words of a frame's depth counter.
    pub max_stack_depth: u32,
    /// Pages that cost nothing in a transaction.
    pub free_pages: u16,
    /// Gas per further page.
    pub page_gas: u16,
    /// Most pages of a transaction.
    pub page_limit: u16,
    /// Minimal init gas, in units of 128.
    pub min_init: u8,
    /// Minimal cached-init gas, in units of 32.
    pub min_cached_init: u8,
    /// Scalar of init costs, in units of 2 %.
    pub init_scalar: u8,
    /// Scalar of cached-init costs, in units of 2 %.
    pub cached_scalar: u8,
    /// Days an activation lasts.
    pub expiry_days: u16,
    /// Days before an activation can be prolonged.
    pub keepalive_days: u16,
    /// Programs remembered per block (ArbOS 60).
    pub block_cache_size: u16,
    /// Largest decompressed module, bytes (a parameter from ArbOS 40).
    pub max_wasm_size: u32,
    /// Most fragments of a root program (ArbOS 60).
    pub max_fragments: u8,
}

impl Params {
    /// The parameters ArbOS 30 starts with.
    fn initial() -> Self {
        Self {
            version: 1,
            ink_price: 10_000,
            max_stack_depth: 262_144,
            free_pages: 2,
            page_gas: 1_000,
            page_limit: 128,
            min_init: 72,
            min_cached_init: 11,
            init_scalar: 50,
            cached_scalar: 50,
            expiry_days: 365,
            keepalive_days: 31,
            block_cache_size: 32,
            max_wasm_size: 0,
            max_fragments: 0,
        }
    }

    /// Largest decompressed module, bytes; a constant before ArbOS 40.
    pub fn max_wasm_size(&self) -> u32 {
        if self.max_wasm_size == 0 { Rules::of(30).max_wasm_size } else { self.max_wasm_size }
    }

    /// The price of memory on a chain of `arbos_version`.
    pub(crate) fn pages(&self, arbos_version: u64) -> PageModel {
        let limit = if arbos_version >= 59 { self.page_limit } else { u16::MAX };
        PageModel { free: self.free_pages, gas: self.page_gas, limit }
    }

    /// Init gas of a program whose record says `cost` (4.6).
    pub fn init_gas(&self, cost: u16) -> u64 {
        u64::from(self.min_init) * 128 + (u64::from(cost) * u64::from(self.init_scalar) * 2).div_ceil(100)
    }

    /// Cached-init gas of a program whose record says `cost` (4.6).
    pub fn cached_gas(&self, cost: u16) -> u64 {
        u64::from(self.min_cached_init) * 32 + (u64::from(cost) * u64::from(self.cached_scalar) * 2).div_ceil(100)
    }

    fn expiry(&self) -> u64 {
        u64::from(self.expiry_days) * DAY
    }

    fn unpack(word: U256) -> Self {
        let mut fields = Fields::read(word);
        Self {
            version: fields.take(2) as u16,
            ink_price: fields.take(3),
            max_stack_depth: fields.take(4),
            free_pages: fields.take(2) as u16,
            page_gas: fields.take(2) as u16,
            page_limit: fields.take(2) as u16,
            min_init: fields.take(1) as u8,
            min_cached_init: fields.take(1) as u8,
            init_scalar: fields.take(1) as u8,
            cached_scalar: fields.take(1) as u8,
            expiry_days: fields.take(2) as u16,
            keepalive_days: fields.take(2) as u16,
            block_cache_size: fields.take(2) as u16,
            max_wasm_size: fields.take(4),
            max_fragments: fields.take(1) as u8,
        }
    }

    fn pack(&self) -> U256 {
        let mut fields = Fields::default();
        fields.put(2, self.version.into());
        fields.put(3, self.ink_price);
        fields.put(4, self.max_stack_depth);
        fields.put(2, self.free_pages.into());
        fields.put(2, self.page_gas.into());
        fields.put(2, self.page_limit.into());
        fields.put(1, self.min_init.into());
        fields.put(1, self.min_cached_init.into());
        fields.put(1, self.init_scalar.into());
        fields.put(1, self.cached_scalar.into());
        fields.put(2, self.expiry_days.into());
        fields.put(2, self.keepalive_days.into());
        fields.put(2, self.block_cache_size.into());
        fields.put(4, self.max_wasm_size);
        fields.put(1, self.max_fragments.into());
        fields.word()
    }
}

/// What activation left behind, by code hash (2.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Version of the instrumentation; 0 when never activated.
    pub version: u16,
    /// Unscaled init cost.
    pub init_cost: u16,
    /// Unscaled cached-init cost.
    pub cached_cost: u16,
    /// Initial memory pages.
    pub footprint: u16,
    /// Hours since the start of ArbOS time.
    pub activated_at: u32,
    /// Estimated size of the compiled program, KiB.
    pub asm_estimate_kb: u32,
    /// In the on-chain cache.
    pub cached: bool,
}

/// Why a record does not allow a call (2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inactive {
    NotActivated,
    NeedsUpgrade { version: u16, current: u16 },
    Expired { age: u64 },
}

impl Record {
    /// Seconds since activation, which is known to the hour.
    pub fn age(&self, now: u64) -> u64 {
        now.saturating_sub(ARBITRUM_START + u64::from(self.activated_at) * HOUR)
    }

    pub(crate) fn is_expired(&self, params: &Params, now: u64) -> bool {
        self.age(now) > params.expiry()
    }

    /// Seconds until the program expires.
    pub(crate) fn time_left(&self, params: &Params, now: u64) -> u64 {
        params.expiry().saturating_sub(self.age(now))
    }

    /// Checks that the program may be called.
    pub(crate) fn active(&self, params: &Params, now: u64) -> Result<(), Inactive> {
        if self.version == 0 { Err(Inactive::NotActivated) } else { self.current(params, now) }
    }

    /// The same, where a program that was never activated counts as one of version 0.
    pub(crate) fn current(&self, params: &Params, now: u64) -> Result<(), Inactive> {
        if self.version != params.version {
            Err(Inactive::NeedsUpgrade { version: self.version, current: params.version })
        } else if self.is_expired(params, now) {
            Err(Inactive::Expired { age: self.age(now) })
        } else {
            Ok(())
        }
    }

    fn unpack(word: U256) -> Self {
        let mut fields = Fields::read(word);
        Self {
            version: fields.take(2) as u16,
            init_cost: fields.take(2) as u16,
            cached_cost: fields.take(2) as u16,
            footprint: fields.take(2) as u16,
            activated_at: fields.take(3),
            asm_estimate_kb: fields.take(3),
            cached: fields.take(1) != 0,
        }
    }

    fn pack(&self) -> U256 {
        let mut fields = Fields::default();
        fields.put(2, self.version.into());
        fields.put(2, self.init_cost.into());
        fields.put(2, self.cached_cost.into());
        fields.put(2, self.footprint.into());
        fields.put(3, self.activated_at);
        fields.put(3, self.asm_estimate_kb);
        fields.put(1, self.cached.into());
        fields.word()
    }
}

/// Hours between the start of ArbOS time and `now`, 24 bits.
pub(crate) fn hours(now: u64) -> u32 {
    (now.saturating_sub(ARBITRUM_START) / HOUR).min(0xff_ffff) as u32
}

/// Big-endian fields of one word, from its left end.
#[derive(Default)]
struct Fields {
    bytes: [u8; 32],
    at: usize,
}

impl Fields {
    fn read(word: U256) -> Self {
        Self { bytes: word.to_be_bytes(), at: 0 }
    }

    fn take(&mut self, width: usize) -> u32 {
        let field = &self.bytes[self.at..self.at + width];
        self.at += width;
        field.iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
    }

    fn put(&mut self, width: usize, value: u32) {
        self.bytes[self.at..self.at + width].copy_from_slice(&value.to_be_bytes()[4 - width..]);
        self.at += width;
    }

    fn word(&self) -> U256 {
        U256::from_be_bytes(self.bytes)
    }
}

/// The data pricer (2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pricer {
    demand: u32,
    bytes_per_second: u32,
    last_update: u64,
    min_price: u32,
    inertia: u32,
}

impl Pricer {
    pub(crate) const INITIAL: Self = Self {
        demand: 0,
        bytes_per_second: 34_865,
        last_update: ARBITRUM_START,
        min_price: 82_928_201,
        inertia: 21_360_419,
    };

    /// Adds `bytes` at `now`; the fee for them in wei.
    pub(crate) fn charge(&mut self, bytes: u32, now: u64) -> U256 {
        let passed = now.saturating_sub(self.last_update);
        let credit = passed.saturating_mul(self.bytes_per_second.into()).min(u32::MAX.into()) as u32;
        self.demand = self.demand.saturating_sub(credit).saturating_add(bytes);
        self.last_update = now;
        let exponent = 10_000 * u64::from(self.demand) / u64::from(self.inertia);
        let price = U256::from(self.min_price) * U256::from(exp_basis_points(exponent)) / U256::from(10_000);
        price * U256::from(bytes)
    }

    fn load(storage: &mut impl Storage) -> Self {
        let mut word = |index: usize| storage.load(LAYOUT.pricer[index]);
        Self {
            demand: word(0).saturating_to(),
            bytes_per_second: word(1).saturating_to(),
            last_update: word(2).saturating_to(),
            min_price: word(3).saturating_to(),
            inertia: word(4).saturating_to(),
        }
    }

    fn store(&self, storage: &mut impl Storage) {
        let words = [
            u64::from(self.demand),
            self.bytes_per_second.into(),
            self.last_update,
            self.min_price.into(),
            self.inertia.into(),
        ];
        for (slot, word) in LAYOUT.pricer.iter().zip(words) {
            storage.store(*slot, U256::from(word));
        }
    }
}

/// `exp(x)`, both in basis points: twelve terms of the series, by Horner, every division floored.
fn exp_basis_points(x: u64) -> u64 {
    const ONE: u64 = 10_000;
    (1..12u64).rev().fold(ONE + x / 12, |sum, term| ONE + sum.saturating_mul(x) / (term * ONE))
}

/// A set of addresses: size, members from slot 1 on, and for each its index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AddressSet(Space);

impl AddressSet {
    fn indices(&self) -> Space {
        self.0.child(&[0])
    }

    pub(crate) fn contains(self, storage: &mut impl Storage, member: Address) -> bool {
        !storage.load(self.indices().slot(member.into_word())).is_zero()
    }

    pub(crate) fn members(self, storage: &mut impl Storage) -> Vec<Address> {
        let size: u64 = storage.load(self.0.index(0)).saturating_to();
        (1..=size).map(|index| Address::from_word(storage.load(self.0.index(index)).into())).collect()
    }

    pub(crate) fn add(self, storage: &mut impl Storage, member: Address) {
        if self.contains(storage, member) {
            return;
        }
        let size = storage.load(self.0.index(0)) + U256::from(1);
        storage.store(self.0.slot(size.into()), member.into_word().into());
        storage.store(self.indices().slot(member.into_word()), size);
        storage.store(self.0.index(0), size);
    }

    /// Moves the last member into the gap.
    pub(crate) fn remove(self, storage: &mut impl Storage, member: Address) {
        let indices = self.indices();
        let gap = storage.load(indices.slot(member.into_word()));
        if gap.is_zero() {
            return;
        }
        let size = storage.load(self.0.index(0));
        let last = storage.load(self.0.slot(size.into()));
        storage.store(self.0.slot(gap.into()), last);
        storage.store(indices.slot(last.into()), gap);
        storage.store(indices.slot(member.into_word()), U256::ZERO);
        storage.store(self.0.slot(size.into()), U256::ZERO);
        storage.store(self.0.index(0), size - U256::from(1));
    }
}

/// ArbOS state over some storage.
pub(crate) struct Arbos<'a, S>(pub(crate) &'a mut S);

impl<S: Storage> Arbos<'_, S> {
    pub(crate) fn version(&mut self) -> u64 {
        self.0.load(LAYOUT.version).saturating_to()
    }

    pub(crate) fn params(&mut self) -> Params {
        Params::unpack(self.0.load(LAYOUT.params))
    }

    pub(crate) fn set_params(&mut self, params: &Params) {
        self.0.store(LAYOUT.params, params.pack());
    }

    pub(crate) fn record(&mut self, code_hash: B256) -> Record {
        Record::unpack(self.0.load(LAYOUT.programs.slot(code_hash)))
    }

    pub(crate) fn set_record(&mut self, code_hash: B256, record: &Record) {
        self.0.store(LAYOUT.programs.slot(code_hash), record.pack());
    }

    pub(crate) fn set_module_hash(&mut self, code_hash: B256, module_hash: B256) {
        self.0.store(LAYOUT.module_hashes.slot(code_hash), module_hash.into());
    }

    /// Charges the data pricer; the fee in wei.
    pub(crate) fn data_fee(&mut self, bytes: u32, now: u64) -> U256 {
        let mut pricer = Pricer::load(self.0);
        let fee = pricer.charge(bytes, now);
        pricer.store(self.0);
        fee
    }

    pub(crate) fn activation_gas(&mut self) -> u64 {
        self.0.load(LAYOUT.activation_gas).saturating_to()
    }

    pub(crate) fn set_activation_gas(&mut self, gas: u64) {
        self.0.store(LAYOUT.activation_gas, U256::from(gas));
    }

    pub(crate) fn network_fee_account(&mut self) -> Address {
        Address::from_word(self.0.load(LAYOUT.network_fee_account).into())
    }

    pub(crate) fn infra_fee_account(&mut self) -> Address {
        Address::from_word(self.0.load(LAYOUT.infra_fee_account).into())
    }

    pub(crate) fn brotli_level(&mut self) -> u64 {
        self.0.load(LAYOUT.brotli_level).saturating_to()
    }

    pub(crate) fn l1_price(&mut self) -> U256 {
        self.0.load(LAYOUT.l1_price)
    }

    pub(crate) fn set_l1_price(&mut self, price: U256) {
        self.0.store(LAYOUT.l1_price, price);
    }

    pub(crate) fn owners(&self) -> AddressSet {
        AddressSet(LAYOUT.owners)
    }

    pub(crate) fn cache_managers(&self) -> AddressSet {
        AddressSet(LAYOUT.cache_managers)
    }

    pub(crate) fn schedule_upgrade(&mut self, version: u64, timestamp: u64) {
        self.0.store(LAYOUT.upgrade_version, U256::from(version));
        self.0.store(LAYOUT.upgrade_timestamp, U256::from(timestamp));
    }

    /// Upgrades at the start of a block, if one is due.
    pub(crate) fn upgrade_if_due(&mut self, now: u64) {
        let version: u64 = self.0.load(LAYOUT.upgrade_version).saturating_to();
        let due: u64 = self.0.load(LAYOUT.upgrade_timestamp).saturating_to();
        if version > self.version() && now >= due {
            self.upgrade(version);
        }
    }

    /// State of a new chain.
    pub(crate) fn initialise(&mut self, version: u64, chain_id: u64, owner: Address) {
        self.0.store(LAYOUT.version, U256::from(30));
        self.0.store(LAYOUT.chain_id, U256::from(chain_id));
        self.0.store(LAYOUT.network_fee_account, owner.into_word().into());
        self.0.store(LAYOUT.brotli_level, U256::from(1));
        self.owners().add(self.0, owner);
        self.set_params(&Params::initial());
        Pricer::INITIAL.store(self.0);
        self.upgrade(version);
    }

    /// Brings version and parameters to `version` (4.7).
    fn upgrade(&mut self, version: u64) {
        let from = self.version();
        let mut params = self.params();
        let crosses = |step: u64| from < step && step <= version;
        let rules = Rules::of(version);
        if crosses(31) {
            params.min_init = 69;
        }
        if crosses(31) || crosses(59) {
            params.version = rules.stylus_version;
        }
        if crosses(40) || crosses(60) {
            params.max_wasm_size = rules.max_wasm_size;
        }
        if crosses(50) {
            params.max_stack_depth = params.max_stack_depth.min(22_000);
        }
        if crosses(60) {
            params.max_fragments = 4;
        }
        self.set_params(&params);
        self.0.store(LAYOUT.version, U256::from(version));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of 2.7.
    #[test]
    fn data_fees_are_those_of_the_table() {
        let fees = [
            (513_418, 43_607_190_175_334u64),
            (513_537, 43_617_297_447_831),
            (515_095, 43_753_897_958_820),
            (514_057, 43_661_463_680_591),
            (514_189, 43_672_675_108_907),
            (1_000_000, 86_900_461_000_000),
            (2_000_000, 182_126_914_000_000),
        ];
        for (bytes, fee) in fees {
            let mut pricer = Pricer::INITIAL;
            assert_eq!(pricer.charge(bytes, ARBITRUM_START + 1), U256::from(fee), "{bytes} bytes");
        }
    }

    #[test]
    fn demand_falls_with_time() {
        let mut pricer = Pricer::INITIAL;
        let first = pricer.charge(1_000_000, ARBITRUM_START + 1);
        assert!(pricer.charge(1_000_000, ARBITRUM_START + 1) > first);
        assert_eq!(pricer.charge(1_000_000, ARBITRUM_START + 1_000), first);
    }

    #[test]
    fn words_keep_their_fields() {
        let params = Params { max_wasm_size: 0x0102_0304, max_fragments: 7, ..Params::initial() };
        assert_eq!(Params::unpack(params.pack()), params);
        let record = Record { version: 2, activated_at: 0x01_02_03, cached: true, ..Record::default() };
        assert_eq!(Record::unpack(record.pack()), record);
    }
}
