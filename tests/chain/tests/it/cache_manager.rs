//! The CacheManager: bids, room, eviction.

use alloy_primitives::{Address, U256, Uint};
use alloy_sol_types::SolCall;
use chain::{
    Account, CACHE_MANAGER, Chain, Reverted, Sent,
    abi::{ArbWasm, CacheManager},
};

use crate::support::{deploy, program, send};

const ETHER: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// Programs of one size, each another one.
fn programs<const N: usize>(chain: &mut Chain) -> [Address; N] {
    std::array::from_fn(|index| deploy(chain, &program(&format!("i32.const {index} drop i32.const 0"))))
}

fn bid(
    chain: &mut Chain,
    program: Address,
    wei: U256,
) -> Result<Sent<<CacheManager::placeBidCall as SolCall>::Return>, Reverted> {
    chain.from("alice").value(wei).call(CACHE_MANAGER, CacheManager::placeBidCall { program })
}

fn least(chain: &Chain, size: u64) -> U256 {
    let min = chain.view(CACHE_MANAGER, CacheManager::getMinBid_1Call { size }).expect("a view");
    U256::from(min)
}

fn owner(chain: &mut Chain, call: impl SolCall) {
    chain.from(&Account::owner()).call(CACHE_MANAGER, call).expect("the owner may");
}

#[test]
fn a_bid_caches_a_program_and_lowers_the_price_of_its_calls() {
    let mut chain = Chain::new();
    let [program] = programs(&mut chain);
    let before = send(&mut chain, program, vec![]).gas.used;
    assert_eq!(least(&chain, 100_000), U256::ZERO, "there is room");
    let sent = bid(&mut chain, program, U256::ZERO).expect("room for everybody");
    let inserted = &sent.logs_from::<CacheManager::InsertBid>(CACHE_MANAGER)[0];
    assert_eq!((inserted.codehash, inserted.program), (chain.code_hash(program), program));
    assert!(chain.is_cached(program) && send(&mut chain, program, vec![]).gas.used < before);
    let queue = chain.view(CACHE_MANAGER, CacheManager::queueSizeCall {}).expect("a view");
    assert_eq!((queue, queue % 1_024), (inserted.size, 0), "as ArbWasm counts");
    let error = bid(&mut chain, program, ETHER).expect_err("once is enough");
    assert_eq!(error.decode(), Some(CacheManager::AlreadyCached { codehash: chain.code_hash(program) }));
    let nobody = Address::repeat_byte(0x44);
    assert!(bid(&mut chain, nobody, ETHER).expect_err("no program").is::<ArbWasm::ProgramNotActivated>());
}

#[test]
fn without_room_the_lowest_bid_goes_if_another_is_as_high() {
    let mut chain = Chain::new();
    let [first, second, third] = programs(&mut chain);
    let size = bid(&mut chain, first, U256::from(100)).expect("room").logs_of::<CacheManager::InsertBid>()[0].size;
    bid(&mut chain, second, U256::from(200)).expect("room");
    owner(&mut chain, CacheManager::setCacheSizeCall { newSize: 2 * size });
    assert_eq!(least(&chain, size), U256::from(100), "what the first brought, in the same second");
    assert_eq!(least(&chain, size + 1), U256::from(200), "both would have to go");
    let error = bid(&mut chain, third, U256::from(99)).expect_err("too little");
    let CacheManager::BidTooSmall { bid: given, min } = error.decode().expect("the error");
    assert_eq!(min - given, Uint::<192, 3>::from(1));
    assert!(chain.is_cached(first) && !chain.is_cached(third));

    let sent = bid(&mut chain, third, U256::from(100)).expect("as much as the lowest");
    let gone = &sent.logs_from::<CacheManager::DeleteBid>(CACHE_MANAGER)[0];
    assert_eq!(gone.codehash, chain.code_hash(first));
    assert_eq!([first, second, third].map(|program| chain.is_cached(program)), [false, true, true]);
    let entries = chain.view(CACHE_MANAGER, CacheManager::getEntriesCall {}).expect("a view");
    let mut codes: Vec<_> = entries.iter().map(|entry| entry.code).collect();
    let mut expected = [second, third].map(|program| chain.code_hash(program));
    codes.sort();
    expected.sort();
    assert_eq!(codes, expected);
    let error = chain.view(CACHE_MANAGER, CacheManager::getMinBid_1Call { size: 2 * size + 1 });
    assert!(error.expect_err("larger than all").is::<CacheManager::AsmTooLarge>());
}

#[test]
fn bids_age() {
    let mut chain = Chain::new();
    let [first, second] = programs(&mut chain);
    let decay = chain.view(CACHE_MANAGER, CacheManager::decayCall {}).expect("a view");
    let size = bid(&mut chain, first, ETHER).expect("room").logs_of::<CacheManager::InsertBid>()[0].size;
    owner(&mut chain, CacheManager::setCacheSizeCall { newSize: size });
    assert_eq!(least(&chain, size), ETHER);
    chain.advance(1_000);
    let left = ETHER - U256::from(1_000 * decay);
    assert_eq!(least(&chain, size), left);
    assert!(bid(&mut chain, second, left - U256::from(1)).is_err());
    bid(&mut chain, second, left).expect("worth the same now");
    assert_eq!((chain.is_cached(first), chain.is_cached(second)), (false, true));
    chain.advance(2 * 1_000_000_000_000_000_000 / decay);
    assert_eq!(least(&chain, size), U256::ZERO, "never below nothing");
}

#[test]
fn only_owners_manage() {
    let mut chain = Chain::new();
    let [first, second] = programs(&mut chain);
    bid(&mut chain, first, ETHER).expect("room");
    bid(&mut chain, second, U256::ZERO).expect("room");
    let pause = CacheManager::setPausedCall { paused: true };
    let error = chain.from("mallory").call(CACHE_MANAGER, pause.clone()).expect_err("nobody");
    assert!(error.is::<CacheManager::NotChainOwner>());
    owner(&mut chain, CacheManager::evictProgramsCall { count: U256::from(1) });
    assert_eq!((chain.is_cached(first), chain.is_cached(second)), (true, false), "the lowest");
    owner(&mut chain, pause);
    assert!(bid(&mut chain, second, ETHER).expect_err("paused").is::<CacheManager::BidsArePaused>());
    owner(&mut chain, CacheManager::setPausedCall { paused: false });
    owner(&mut chain, CacheManager::evictAllCall {});
    assert_eq!(chain.view(CACHE_MANAGER, CacheManager::queueSizeCall {}).expect("a view"), 0);
    assert!(!chain.is_cached(first));

    let network = Account::owner().address();
    let before = chain.balance(network);
    let sent = chain.from(Address::repeat_byte(0x77)).call(CACHE_MANAGER, CacheManager::sweepFundsCall {});
    sent.expect("anybody may");
    assert_eq!((chain.balance(network) - before, chain.balance(CACHE_MANAGER)), (ETHER, U256::ZERO));
}

#[test]
fn a_bid_in_a_transaction_that_fails_leaves_nothing() {
    let mut chain = Chain::new();
    let [program] = programs(&mut chain);
    let before = chain.snapshot();
    bid(&mut chain, program, ETHER).expect("room");
    assert_eq!(chain.balance(CACHE_MANAGER), ETHER);
    chain.revert(before);
    assert!(!chain.is_cached(program));
    assert_eq!(chain.view(CACHE_MANAGER, CacheManager::queueSizeCall {}).expect("a view"), 0);
    let error = chain.from("alice").gas(100_000).call(CACHE_MANAGER, CacheManager::placeBidCall { program });
    assert!(error.is_err(), "too little gas");
    assert!(!chain.is_cached(program) && chain.storage(CACHE_MANAGER, U256::from(4)).is_zero());
}
