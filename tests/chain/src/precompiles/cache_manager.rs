//! The CacheManager, through which anybody pays for a place in the program cache (stylus-vm.md 2.4).
//!
//! On Arbitrum it is a contract; here it is written from its public interface, with its state in the storage of its account. A bid is
//! worth its value plus the time of its placing times the decay, so that of two equal ones the later is worth more. Where there is no
//! room, the lowest bids go. Gas is approximate: reads and writes cost what they cost ArbOS.

use alloy_primitives::{Address, B256, U256, Uint};
use revm::context_interface::JournalTr;

use super::{Call, Method, Outcome, READ, Stop, WRITE, addresses, reply, wasm, wasm_cache};
use crate::{
    abi::CacheManager::{self, CacheManagerCalls},
    evm::context::{move_balance, peek_storage, store_slot},
    genesis::CACHE_MANAGER,
};

/// Bytes of compiled programs that fit at the start.
pub(crate) const CACHE_SIZE: u64 = 512 << 20;
/// Wei that a bid loses in a second, at the start: one of 0.0001 ether is worth nothing after some three hours.
pub(crate) const DECAY: u64 = 10_000_000_000;

/// Slots of the account's storage; entries of three words follow.
const SIZE_SLOT: u64 = 0;
const QUEUE_SLOT: u64 = 1;
const DECAY_SLOT: u64 = 2;
const PAUSED_SLOT: u64 = 3;
const COUNT_SLOT: u64 = 4;
const FIRST_ENTRY: u64 = 16;

/// What the account's storage holds on a new chain.
pub(crate) const INITIAL: [(u64, u64); 2] = [(SIZE_SLOT, CACHE_SIZE), (DECAY_SLOT, DECAY)];

pub(super) const METHODS: &[Method] = &[
    Method::payable::<CacheManager::placeBidCall>(),
    Method::view::<CacheManager::getMinBid_0Call>(),
    Method::view::<CacheManager::getMinBid_1Call>(),
    Method::view::<CacheManager::cacheSizeCall>(),
    Method::view::<CacheManager::queueSizeCall>(),
    Method::view::<CacheManager::decayCall>(),
    Method::view::<CacheManager::isPausedCall>(),
    Method::view::<CacheManager::getEntriesCall>(),
    Method::write::<CacheManager::setCacheSizeCall>(),
    Method::write::<CacheManager::setDecayRateCall>(),
    Method::write::<CacheManager::setPausedCall>(),
    Method::write::<CacheManager::evictProgramsCall>(),
    Method::write::<CacheManager::evictAllCall>(),
    Method::write::<CacheManager::sweepFundsCall>(),
];

pub(super) fn run(call: &mut Call<'_>) -> Outcome {
    match call.decode()? {
        CacheManagerCalls::placeBid(args) => place_bid(call, args.program),
        CacheManagerCalls::getMinBid_0(args) => {
            let (_, size) = program(call, args.program)?;
            reply::<CacheManager::getMinBid_0Call>(least_bid(call, size)?)
        }
        CacheManagerCalls::getMinBid_1(args) => reply::<CacheManager::getMinBid_1Call>(least_bid(call, args.size)?),
        CacheManagerCalls::cacheSize(_) => reply::<CacheManager::cacheSizeCall>(read(call, SIZE_SLOT)?),
        CacheManagerCalls::queueSize(_) => reply::<CacheManager::queueSizeCall>(read(call, QUEUE_SLOT)?),
        CacheManagerCalls::decay(_) => reply::<CacheManager::decayCall>(read(call, DECAY_SLOT)?),
        CacheManagerCalls::isPaused(_) => reply::<CacheManager::isPausedCall>(read(call, PAUSED_SLOT)? != 0),
        CacheManagerCalls::getEntries(_) => {
            let entries = entries(call)?.into_iter().map(|entry| entry.shown()).collect();
            reply::<CacheManager::getEntriesCall>(entries)
        }
        other => manage(call, other),
    }
}

/// What only a chain owner may do, but for the sweeping of bids to the network, which anybody may.
fn manage(call: &mut Call<'_>, method: CacheManagerCalls) -> Outcome {
    if let CacheManagerCalls::sweepFunds(_) = method {
        return sweep(call);
    }
    let (owners, caller) = (call.arbos().owners(), call.caller);
    call.burn(READ)?;
    if !owners.contains(call.ctx, caller) {
        return Err(Stop::error(CacheManager::NotChainOwner { sender: caller }));
    }
    match method {
        CacheManagerCalls::setCacheSize(args) => write(call, SIZE_SLOT, args.newSize)?,
        CacheManagerCalls::setDecayRate(args) => write(call, DECAY_SLOT, args.newDecay)?,
        CacheManagerCalls::setPaused(args) => write(call, PAUSED_SLOT, args.paused.into())?,
        CacheManagerCalls::evictPrograms(args) => evict_lowest(call, args.count)?,
        CacheManagerCalls::evictAll(_) => evict_lowest(call, U256::MAX)?,
        _ => return Err(Stop::AllGas),
    }
    Ok(Vec::new())
}

/// A program in the queue.
#[derive(Clone, Copy, Debug)]
struct Entry {
    place: u64,
    code_hash: B256,
    size: u64,
    bid: U256,
}

impl Entry {
    fn shown(&self) -> CacheManager::Entry {
        CacheManager::Entry { code: self.code_hash, size: self.size, bid: narrow(self.bid) }
    }
}

/// A bid as the interface has it.
fn narrow(bid: U256) -> Uint<192, 3> {
    bid.saturating_to()
}

fn place_bid(call: &mut Call<'_>, address: Address) -> Outcome {
    if read(call, PAUSED_SLOT)? != 0 {
        return Err(Stop::error(CacheManager::BidsArePaused {}));
    }
    let (code_hash, size) = program(call, address)?;
    if call.arbos().record(code_hash).cached {
        return Err(Stop::error(CacheManager::AlreadyCached { codehash: code_hash }));
    }
    let bid = call.value + aged(call)?;
    make_room(call, size, bid)?;

    let (place, queue) = (read(call, COUNT_SLOT)?, read(call, QUEUE_SLOT)?);
    put(call, &Entry { place, code_hash, size, bid })?;
    write(call, COUNT_SLOT, place + 1)?;
    write(call, QUEUE_SLOT, queue + size)?;
    set_cached(call, code_hash, true)?;
    call.emit(&CacheManager::InsertBid { codehash: code_hash, program: address, bid: narrow(bid), size })?;
    Ok(Vec::new())
}

/// Code hash of an active program, and the size of its compiled code in bytes.
fn program(call: &mut Call<'_>, address: Address) -> Result<(B256, u64), Stop> {
    let code_hash = call.code_hash(address)?;
    let (record, _) = wasm::active(call, code_hash)?;
    Ok((code_hash, u64::from(record.asm_estimate_kb) * 1_024))
}

/// What a bid of nothing is worth now.
fn aged(call: &mut Call<'_>) -> Result<U256, Stop> {
    Ok(U256::from(call.now()) * U256::from(read(call, DECAY_SLOT)?))
}

/// Wei that a bid for a program of `size` bytes must bring now.
fn least_bid(call: &mut Call<'_>, size: u64) -> Result<Uint<192, 3>, Stop> {
    let least = lowest(call, size)?.last().map_or(U256::ZERO, |entry| entry.bid);
    Ok(narrow(least.saturating_sub(aged(call)?)))
}

/// The entries that must go before `size` bytes fit, lowest bid first.
fn lowest(call: &mut Call<'_>, size: u64) -> Result<Vec<Entry>, Stop> {
    let (cache, queue) = (read(call, SIZE_SLOT)?, read(call, QUEUE_SLOT)?);
    if size > cache {
        let [asm, queue, cache] = [size, queue, cache].map(U256::from);
        return Err(Stop::error(CacheManager::AsmTooLarge { asm, queueSize: queue, cacheSize: cache }));
    }
    let mut excess = queue.saturating_add(size).saturating_sub(cache);
    let mut going = entries(call)?;
    going.sort_by_key(|entry| (entry.bid, entry.place));
    let enough = going.iter().take_while(|entry| {
        let goes = excess > 0;
        excess = excess.saturating_sub(entry.size);
        goes
    });
    let count = enough.count();
    going.truncate(count);
    Ok(going)
}

fn make_room(call: &mut Call<'_>, size: u64, bid: U256) -> Result<(), Stop> {
    let going = lowest(call, size)?;
    if let Some(most) = going.last().filter(|entry| entry.bid > bid) {
        return Err(Stop::error(CacheManager::BidTooSmall { bid: narrow(bid), min: narrow(most.bid) }));
    }
    going.iter().try_for_each(|entry| evict(call, entry.code_hash))
}

fn evict_lowest(call: &mut Call<'_>, count: U256) -> Result<(), Stop> {
    let mut going = entries(call)?;
    going.sort_by_key(|entry| (entry.bid, entry.place));
    going.truncate(count.saturating_to());
    going.iter().try_for_each(|entry| evict(call, entry.code_hash))
}

/// Takes a program out of queue and cache; the last entry moves into the gap.
fn evict(call: &mut Call<'_>, code_hash: B256) -> Result<(), Stop> {
    let entries = entries(call)?;
    let (Some(entry), Some(last)) = (entries.iter().find(|entry| entry.code_hash == code_hash), entries.last()) else {
        return Ok(());
    };
    let queue = read(call, QUEUE_SLOT)?;
    put(call, &Entry { place: entry.place, ..*last })?;
    write(call, COUNT_SLOT, last.place)?;
    write(call, QUEUE_SLOT, queue - entry.size)?;
    set_cached(call, code_hash, false)?;
    call.emit(&CacheManager::DeleteBid { codehash: code_hash, bid: narrow(entry.bid), size: entry.size })
}

/// Calls ArbWasmCache, which knows this account as a manager.
fn set_cached(call: &mut Call<'_>, code_hash: B256, cached: bool) -> Result<(), Stop> {
    let mut inner = Call {
        ctx: call.ctx,
        input: Default::default(),
        address: addresses::ARB_WASM_CACHE,
        acting: addresses::ARB_WASM_CACHE,
        caller: CACHE_MANAGER,
        value: U256::ZERO,
        is_static: false,
        gas: call.gas,
        is_free: false,
    };
    let result = wasm_cache::set_cached(&mut inner, code_hash, cached);
    call.gas = inner.gas;
    result
}

/// All bids so far to the network fee account.
fn sweep(call: &mut Call<'_>) -> Outcome {
    call.burn(READ)?;
    let network = call.arbos().network_fee_account();
    let Ok(load) = call.ctx.journaled_state.load_account(CACHE_MANAGER);
    let balance = load.data.info.balance;
    match move_balance(call.ctx, CACHE_MANAGER, network, balance) {
        true => Ok(Vec::new()),
        false => Err(Stop::Failure("the bids cannot be moved".into())),
    }
}

fn entries(call: &mut Call<'_>) -> Result<Vec<Entry>, Stop> {
    let count = read(call, COUNT_SLOT)?;
    call.burn(READ.saturating_mul(3).saturating_mul(count))?;
    let word = |place: u64, index: u64| peek_storage(call.ctx, CACHE_MANAGER, slot(place, index));
    let entry = |place| Entry {
        place,
        code_hash: word(place, 0).into(),
        size: word(place, 1).saturating_to(),
        bid: word(place, 2),
    };
    Ok((0..count).map(entry).collect())
}

fn put(call: &mut Call<'_>, entry: &Entry) -> Result<(), Stop> {
    call.burn(3 * WRITE)?;
    let words = [entry.code_hash.into(), U256::from(entry.size), entry.bid];
    for (index, word) in (0..).zip(words) {
        store_slot(call.ctx, CACHE_MANAGER, slot(entry.place, index), word);
    }
    Ok(())
}

fn slot(place: u64, index: u64) -> U256 {
    U256::from(FIRST_ENTRY + 3 * place + index)
}

fn read(call: &mut Call<'_>, slot: u64) -> Result<u64, Stop> {
    call.burn(READ)?;
    Ok(peek_storage(call.ctx, CACHE_MANAGER, U256::from(slot)).saturating_to())
}

fn write(call: &mut Call<'_>, slot: u64, value: u64) -> Result<(), Stop> {
    call.burn(WRITE)?;
    store_slot(call.ctx, CACHE_MANAGER, U256::from(slot), U256::from(value));
    Ok(())
}
