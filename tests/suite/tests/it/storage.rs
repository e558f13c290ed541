//! The pool's storage against `data/storage.csv`, the golden table of its layout.
//!
//! `place` is a slot; `9[staker]` is the word of a key in the mapping at slot 9; `.1` is the word after the first of a record. `word` lists
//! fields with their widths in bits, the least significant first. After a scenario that touches whatever there is, every word of the pool
//! must be one of the table, and every field must say what the getters say.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::keccak256;
use suite::{Settings, prelude::*};

const GOLDEN: &str = include_str!("../../data/storage.csv");
const DECLARED: &str = include_str!("../../../../contracts/pool-storage/src/lib.rs");

/// Fields that no part of the pool built so far writes.
const NOT_WRITTEN_YET: [&str; 6] =
    ["loans", "total_borrower_debt", "staker_debts", "shortfalls", "borrower_debts", "tokens"];

/// A row of the table.
#[derive(Debug)]
struct Row {
    place: &'static str,
    field: &'static str,
    /// Parts with their widths.
    word: Vec<(&'static str, usize)>,
}

fn golden() -> Vec<Row> {
    let rows = GOLDEN.lines().skip(1).map(|line| {
        let [place, field, word] = line.split(',').collect::<Vec<_>>()[..] else { panic!("three columns: {line}") };
        let part = |part: &'static str| {
            let (name, bits) = part.split_once(':').unwrap_or_else(|| panic!("{part} has no width"));
            (name, bits.parse().unwrap_or_else(|_| panic!("{part} has no width")))
        };
        Row { place, field, word: word.split_whitespace().map(part).collect() }
    });
    rows.collect()
}

impl Row {
    /// What keys the place has, in their order.
    fn keys(&self) -> Vec<&'static str> {
        self.place.split('[').skip(1).filter_map(|rest| rest.split(']').next()).collect()
    }

    /// The slot of these keys.
    fn slot(&self, keys: &[B256]) -> U256 {
        if let Some(name) = self.place.strip_prefix("keccak(").and_then(|rest| rest.strip_suffix(')')) {
            return keccak256(name).into();
        }
        let mut keys = keys.iter();
        let mut slot = U256::ZERO;
        for token in self.place.replace('.', "[.").split('[') {
            slot = match token.trim_end_matches(']').strip_prefix('.') {
                Some(offset) => slot + offset.parse::<U256>().unwrap(),
                None if token.ends_with(']') => keccak256((keys.next().expect("a key"), slot).abi_encode()).into(),
                None => token.parse().unwrap(),
            };
        }
        slot
    }

    /// Takes a word apart.
    fn decode(&self, word: U256) -> Vec<(&'static str, U256)> {
        let (mut rest, mut parts) = (word, Vec::new());
        for &(name, bits) in &self.word {
            let mask = if bits == 256 { U256::MAX } else { (u(1) << bits) - u(1) };
            parts.push((name, rest & mask));
            rest >>= bits;
        }
        assert_eq!(rest, u(0), "{}: bits beyond the fields in {word:#x}", self.field);
        parts
    }
}

// ---------------------------------------------------------------- the table against the code

/// Rows of the table in the documentation of `pool-storage`: slot, field, keys, word.
fn declared() -> Vec<(String, String, Vec<String>, String)> {
    let lines = DECLARED.lines().filter_map(|line| line.strip_prefix("//! | ")).skip(1);
    let rows = lines.filter(|line| !line.starts_with('-')).map(|line| {
        let [slot, field, word] = line.trim_end_matches(" |").split(" | ").collect::<Vec<_>>()[..] else {
            panic!("three columns: {line}")
        };
        let (name, keys) = field.split_once(", by ").unwrap_or((field, ""));
        let keys = keys.split(" and ").filter(|key| !key.is_empty()).map(String::from).collect();
        (slot.into(), name.trim_matches('`').into(), keys, word.into())
    });
    rows.collect()
}

#[test]
fn the_golden_layout_is_the_one_that_pool_storage_documents() {
    let golden = golden();
    let declared = declared();
    assert_eq!(declared.len(), 30, "a row for each slot");
    let mut words: BTreeMap<&str, String> = BTreeMap::new();
    for (number, (slot, field, keys, word)) in declared.iter().enumerate() {
        assert_eq!(*slot, number.to_string());
        let rows: Vec<_> = golden.iter().filter(|row| row.field.split('.').next() == Some(field)).collect();
        assert!(!rows.is_empty(), "{field} is not in the golden table");
        for row in &rows {
            let head: String = row.place.chars().take_while(char::is_ascii_digit).collect();
            assert_eq!(head, *slot, "{field}");
        }
        if word.starts_with("OpenZeppelin's") {
            continue;
        }
        let [row] = rows[..] else { panic!("{field} has one row") };
        assert_eq!(row.keys(), *keys, "{field}");
        let word = word.strip_prefix("as ").map_or(word.clone(), |other| words[other].clone());
        assert_eq!(described(row), word, "{field}");
        words.insert(slot, word);
    }
}

/// The word as the documentation puts it.
fn described(row: &Row) -> String {
    match row.word[..] {
        [("value", bits)] => bits.to_string(),
        [("global_index", bits)] => format!("global index {bits} at the epoch's end"),
        [("0", 32), .., ("7", 32)] => "eight selectors of 32".into(),
        _ => row
            .word
            .iter()
            .map(|(name, bits)| match *name {
                "position_in_selectors" => format!("position in `selectors` {bits}"),
                name => format!("{} {bits}", name.replace('_', " ")),
            })
            .collect::<Vec<_>>()
            .join(", "),
    }
}

#[test]
fn fields_fill_words_without_overlap() {
    let golden = golden();
    let names: BTreeSet<_> = golden.iter().map(|row| row.field).collect();
    assert_eq!(names.len(), golden.len());
    for row in golden {
        assert!(row.word.iter().map(|(_, bits)| bits).sum::<usize>() <= 256, "{}", row.field);
    }
}

// ---------------------------------------------------------------- the table against the chain

const PEOPLE: [&str; 7] = ["S0", "S1", "S2", "X0", "OP", "GOV", "treasury"];

/// A key, as it is hashed and as a number or address.
type Key = B256;

/// A word of the pool with its row and keys.
struct Explained {
    row: usize,
    keys: Vec<Key>,
}

/// Every place that a key of this scenario can lead to.
fn places(pool: &Pool, golden: &[Row]) -> BTreeMap<U256, Explained> {
    let mut accounts: Vec<Key> = PEOPLE.iter().map(|name| pool.who(name).into_word()).collect();
    accounts.extend([Address::ZERO, pool.address(), pool.token()].map(|address| address.into_word()));
    let numbers = |end: u64| (0..end).map(|number| u(number).into()).collect::<Vec<Key>>();
    let selectors = pool.view(IDiamondCut::facetsCall {}).into_iter().flat_map(|facet| facet.functionSelectors);
    let selectors: Vec<Key> = selectors.map(|selector| B256::left_padding_from(&selector.0)).collect();
    let candidates = |kind: &str| match kind {
        "staker" | "borrower" | "owner" | "spender" | "account" => accounts.clone(),
        "epoch" | "number" => numbers(20),
        "position / 8" => numbers(40),
        "selector" => selectors.clone(),
        "role" => pool.roles().to_vec(),
        _ => panic!("no candidates for {kind}"),
    };
    let mut places = BTreeMap::new();
    for (index, row) in golden.iter().enumerate() {
        let kinds = row.keys();
        let mut combinations = vec![vec![]];
        for kind in kinds {
            let keys = candidates(kind);
            combinations = combinations
                .into_iter()
                .flat_map(|prefix: Vec<Key>| keys.iter().map(move |key| [prefix.clone(), vec![*key]].concat()))
                .collect();
        }
        for keys in combinations {
            let previous = places.insert(row.slot(&keys), Explained { row: index, keys });
            assert!(previous.is_none(), "two rows have the same place");
        }
    }
    places
}

/// What the getters say a part of a word is, in a pool where every account has been settled to this moment.
fn getter(pool: &Pool, field: &str, part: &str, keys: &[Key]) -> Option<U256> {
    let address = |index: usize| Address::from_word(keys[index]);
    let number = |index: usize| U256::from_be_bytes(keys[index].0);
    let word = |address: Address| U256::from_be_bytes(address.into_word().0);
    let account = || pool.view(IPoolViews::getAccountCall { staker: address(0) });
    let state = || pool.view(IPoolViews::getPoolCall {});
    let schedule = || pool.view(IEpochSchedule::getEpochParametersCall {});
    let proposal = || pool.view(IEpochSchedule::getProposedOwnerCall {});
    Some(match (field, part) {
        ("schedule", "interval") => U256::from(schedule().interval),
        ("schedule", "blackout_window") => pool.view(IEpochSchedule::getBlackoutWindowCall {}),
        ("schedule", "offset") => U256::from(schedule().offset),
        ("schedule", "distribution_start") => pool.view(IPoolViews::DISTRIBUTION_STARTCall {}),
        ("rewards", "global_index") => pool.view(IPoolViews::getGlobalIndexCall {}),
        ("rewards", "settled_at") => u(pool.now()),
        ("rewards", "distribution_end") => pool.view(IPoolViews::DISTRIBUTION_ENDCall {}),
        ("emission", "staked_token") => word(pool.view(IPoolViews::STAKED_TOKENCall {})),
        ("emission", "rewards_per_second") => pool.view(IPoolViews::getRewardsPerSecondCall {}),
        ("total_active", "current") => state().activeCurrentEpoch,
        ("total_active", "next") => state().activeNextEpoch,
        ("total_inactive", "current") => state().inactiveCurrentEpoch,
        ("total_inactive", "next") => state().inactiveNextEpoch,
        ("total_inactive", "number_of_shortfalls") => state().shortfallCount,
        ("active", "current") => account().activeCurrentEpoch,
        ("active", "next") => account().activeNextEpoch,
        ("inactive", "current") => account().inactiveCurrentEpoch,
        ("inactive", "next") => account().inactiveNextEpoch,
        ("inactive", "shortfalls_applied") => state().shortfallCount,
        ("total_active" | "total_inactive" | "active" | "inactive", "epoch") => state().epoch,
        ("active" | "constructed", "unused") => u(0),
        ("loans", "total_borrowed") => state().borrowed,
        ("loans", "repaid_debt_not_yet_withdrawn") => state().debtAvailableToWithdraw,
        ("total_borrower_debt", "value") => state().borrowerDebt,
        ("staker_debts", "value") => account().debt,
        ("rewards_token", "address") => word(pool.view(IPoolViews::REWARDS_TOKENCall {})),
        ("rewards_treasury", "address") => word(pool.view(IPoolViews::REWARDS_TREASURYCall {})),
        ("staker_rewards", "index") => pool.view(IPoolViews::getUserIndexCall { staker: address(0) }),
        ("staker_rewards", "accrued") => account().claimableRewards,
        ("epoch_indexes", "global_index") => pool.view(IPoolViews::getEpochIndexCall { epoch: number(0) }),
        ("allowances", "value") => pool.view(IStakedToken::allowanceCall { owner: address(0), spender: address(1) }),
        ("nonces", "value") => pool.view(IStakedToken::noncesCall { owner: address(0) }),
        ("facets", "facet") => {
            let selector = keys[0].0.last_chunk::<4>().expect("a key has 32 bytes");
            word(pool.view(IDiamondCut::facetAddressCall { _functionSelector: selector.into() }))
        }
        ("selector_count", "value") => {
            let facets = pool.view(IDiamondCut::facetsCall {});
            u(facets.iter().map(|facet| facet.functionSelectors.len() as u64).sum())
        }
        ("proposed_owner", "address") => word(proposal().proposed),
        ("proposing_owner", "address") => word(proposal().owner),
        ("owner_count", "value") => pool.view(IEpochSchedule::getOwnerCountCall {}),
        ("access.has_role", "value") => {
            u(pool.view(IEpochSchedule::hasRoleCall { role: keys[0], account: address(1) }).into())
        }
        ("constructed", "value") => u(1),
        // The whole pool is lent to nobody from the start.
        ("borrowers", "share" | "next_share") if keys[0].is_zero() => u(10_000),
        ("borrowers", "cap") => pool.view(IBorrowerAllocations::getBorrowerCapCall { borrower: address(0) }),
        ("borrowers", _) => u(0),
        ("total_active", "1_if_the_epoch_began_short") => u(0),
        ("name", part) => text(&pool.view(IStakedToken::nameCall {}), part),
        ("symbol", part) => text(&pool.view(IStakedToken::symbolCall {}), part),
        ("decimals", "value") => u(pool.view(IStakedToken::decimalsCall {}).into()),
        // The list of selectors is checked as a whole.
        ("facets", "position_in_selectors") | ("selectors", _) => return None,
        _ => panic!("nothing says what {part} of {field} is"),
    })
}

/// A short text as its word has it: 31 bytes from the left, behind its length.
fn text(text: &str, part: &str) -> U256 {
    if part == "length" {
        return u(text.len() as u64);
    }
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(31, 0);
    U256::from_be_slice(&bytes)
}

/// Every word of the pool, decoded: by field and keys, the parts by name.
type Decoded = BTreeMap<(&'static str, Vec<Key>), BTreeMap<&'static str, U256>>;

/// Explains every word by the table.
fn decode(pool: &Pool) -> Result<Decoded, String> {
    let golden = golden();
    let places = places(pool, &golden);
    let mut decoded = Decoded::new();
    for (slot, word) in pool.storage() {
        let Explained { row, keys } = places.get(&slot).ok_or_else(|| format!("{slot:#x} holds {word:#x}"))?;
        let row = &golden[*row];
        decoded.insert((row.field, keys.clone()), row.decode(word).into_iter().collect());
    }
    Ok(decoded)
}

/// A pool in which every field that can be written has been.
fn eventful() -> Pool {
    let mut pool = Pool::deploy();
    let settings = Settings::fixture();
    let (itself, s0, s1, s2, x0) = (pool.address(), pool.who("S0"), pool.who("S1"), pool.who("S2"), pool.who("X0"));
    pool.by("GOV").set_rewards_per_second(10).unwrap();
    pool.grant("STAKE_OPERATOR_ROLE", "OP");
    pool.grant("OWNER_ROLE", "X0");
    let caps = vec![(U256::ONE << 96) - u(2)];
    pool.by("GOV").send(IBorrowerAllocations::setBorrowerCapsCall { borrowers: vec![x0], caps }).unwrap();
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    pool.by("S1").stake(2000).unwrap();
    pool.by("OP").send(IStaking::stakeForCall { staker: s2, amount: u(700) }).unwrap();
    pool.by("S0").request_withdrawal(400).unwrap();
    pool.by("S0").send(IStaking::cancelWithdrawalCall { amount: u(50) }).unwrap();
    pool.by("S1").request_withdrawal(900).unwrap();

    pool.at(epoch(1) + 10).by("S0").claim_rewards("S0").unwrap();
    pool.by("S0").withdraw_stake("X0", 100).unwrap();
    pool.by("S1").send(IStaking::restakeCall { amount: u(300) }).unwrap();
    pool.by("S1").send(IStakedToken::transferCall { to: s2, amount: u(30) }).unwrap();
    pool.by("S1").send(IStakedToken::approveCall { spender: x0, amount: u(77) }).unwrap();
    pool.by("S2").send(IStakedToken::approveCall { spender: s0, amount: U256::MAX }).unwrap();
    let permit = pool.sign_permit(itself, "S0", "S1", u(55), U256::MAX);
    pool.by("X0").send(permit.for_staked_balance()).unwrap();
    pool.by("X0").send(IStakedToken::transferFromCall { from: s1, to: x0, amount: u(7) }).unwrap();
    pool.by("S2").request_withdrawal(20).unwrap();

    pool.at(epoch(3)).by("GOV").set_epoch_parameters(1_100_000, 9_700_000).unwrap();
    pool.by("GOV").send(IEpochSchedule::setBlackoutWindowCall { blackoutWindow: u(270_000) }).unwrap();
    pool.by("GOV").set_rewards_per_second(13).unwrap();
    pool.by("GOV").send(IEpochSchedule::proposeOwnerCall { proposed: s1 }).unwrap();
    let (staking, stake) = (pool.facet("staking"), IStaking::stakeCall::SELECTOR);
    let cut = |facet, action, selectors: &[[u8; 4]]| IDiamondCut::FacetCut {
        facetAddress: facet,
        action,
        functionSelectors: selectors.iter().map(|&selector| selector.into()).collect(),
    };
    let twin = pool.deploy_again("staking");
    let add = cut(staking, 0, &[[0xaa; 4], [0xbb; 4], [0xcc; 4]]);
    let remove = cut(Address::ZERO, 2, &[[0xaa; 4], IPoolViews::getUserIndexCall::SELECTOR]);
    let again = cut(pool.facet("pool-views"), 0, &[IPoolViews::getUserIndexCall::SELECTOR]);
    pool.by("GOV").send(diamond_cut(vec![add, cut(twin, 1, &[stake]), remove, again])).unwrap();
    assert!(settings.interval != u(1_100_000), "the schedule is not the fixture's any more");
    pool.at(epoch(3) + 1234);
    pool
}

/// Settles every staker and the totals to this moment, so that the getters show what is stored.
fn settle(pool: &mut Pool) {
    for staker in ["S0", "S1", "S2", "X0"] {
        let to = pool.who(staker);
        pool.by(staker).stake(0).unwrap();
        pool.by(staker).send(IStaking::restakeCall { amount: u(0) }).unwrap();
        pool.by(staker).request_withdrawal(0).unwrap();
        pool.by(staker).send(IStakedToken::transferCall { to, amount: u(0) }).unwrap();
    }
}

#[test]
fn every_word_says_what_the_getters_say() {
    let mut pool = eventful();
    settle(&mut pool);
    let decoded = decode(&pool).unwrap_or_else(|unexplained| panic!("not in the golden layout: {unexplained}"));
    for ((field, keys), parts) in &decoded {
        for (part, value) in parts {
            if let Some(expected) = getter(&pool, field, part, keys) {
                assert_eq!(*value, expected, "{field} {part} of {keys:?}");
            }
        }
    }
    // And the other way round: the scenario leaves something in every field.
    let written: BTreeSet<_> = decoded.keys().map(|(field, _)| *field).collect();
    for Row { field, .. } in golden() {
        assert_eq!(written.contains(field), !NOT_WRITTEN_YET.contains(&field), "{field}");
    }
}

/// Between settlements too there is nothing but what the table knows.
#[test]
fn no_word_is_unexplained_at_any_time() {
    for pool in [Pool::deploy(), eventful()] {
        decode(&pool).unwrap_or_else(|unexplained| panic!("not in the golden layout: {unexplained}"));
    }
    let mut pool = Pool::try_deploy(&Settings::mainnet()).unwrap();
    decode(&pool).unwrap();
    let stray = U256::from_be_bytes(keccak256("stray").0);
    let itself = pool.address();
    pool.chain.set_storage(itself, stray, u(1));
    assert!(decode(&pool).is_err(), "a word that nobody knows is noticed");
}

#[test]
fn the_list_of_selectors_and_the_routes_agree() {
    let pool = eventful();
    let decoded = decode(&pool).unwrap();
    let mut listed = BTreeMap::new();
    for ((_, keys), parts) in decoded.iter().filter(|((field, _), _)| *field == "selectors") {
        let word = U256::from_be_bytes(keys[0].0);
        for (place, selector) in parts {
            listed.insert(word * u(8) + place.parse::<U256>().unwrap(), *selector);
        }
    }
    let count = decoded[&("selector_count", vec![])]["value"];
    assert!(listed.iter().all(|(position, selector)| (*position < count) || selector.is_zero()));
    let listed: BTreeMap<_, _> = listed.into_iter().filter(|(position, _)| *position < count).collect();
    let routed: BTreeMap<_, _> = decoded
        .iter()
        .filter(|((field, _), _)| *field == "facets")
        .map(|((_, keys), parts)| (parts["position_in_selectors"], U256::from_be_bytes(keys[0].0)))
        .collect();
    assert_eq!(listed, routed);
    assert_eq!(u(routed.len() as u64), count);
}
