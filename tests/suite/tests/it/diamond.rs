//! One address, many facets: routing, cuts, loupe, construction, storage layout.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Bytes, keccak256};
use chain::{CONSTRUCTOR, Reverted};
use suite::{Settings, prelude::*};

#[test]
fn every_function_of_the_abi_is_routed_once() {
    let pool = Pool::deploy();
    let facets = pool.view(IDiamondCut::facetsCall {});
    let mut routed = BTreeMap::new();
    for facet in &facets {
        for selector in &facet.functionSelectors {
            let previous = routed.insert(*selector, facet.facetAddress);
            assert_eq!(previous, None, "{selector} stands twice");
        }
    }
    let known: BTreeSet<_> = suite::abi::functions()
        .into_iter()
        .map(|function| function.selector())
        .filter(|selector| selector.0 != IDiamondCut::constructCall::SELECTOR)
        .collect();
    assert_eq!(routed.keys().copied().collect::<BTreeSet<_>>(), known);
}

#[test]
fn the_loupe_agrees_with_itself() {
    let pool = Pool::deploy();
    let facets = pool.view(IDiamondCut::facetsCall {});
    let addresses = pool.view(IDiamondCut::facetAddressesCall {});
    assert_eq!(addresses, facets.iter().map(|facet| facet.facetAddress).collect::<Vec<_>>());
    for facet in facets {
        let selectors = pool.view(IDiamondCut::facetFunctionSelectorsCall { _facet: facet.facetAddress });
        assert_eq!(selectors, facet.functionSelectors);
        for selector in selectors {
            let answers = pool.view(IDiamondCut::facetAddressCall { _functionSelector: selector });
            assert_eq!(answers, facet.facetAddress);
        }
    }
    let nobody = pool.view(IDiamondCut::facetAddressCall { _functionSelector: [0xff; 4].into() });
    assert_eq!(nobody, Address::ZERO);
}

#[test]
fn interfaces_are_announced() {
    let pool = Pool::deploy();
    let supports = |id: u32| pool.view(IDiamondCut::supportsInterfaceCall { interfaceId: id.to_be_bytes().into() });
    assert!(supports(0x01ff_c9a7), "ERC-165");
    assert!(supports(0x7965_db0b), "AccessControl");
    assert!(supports(0x1f93_1c1c), "ERC-2535 cut");
    assert!(supports(0x48e2_b093), "ERC-2535 loupe");
    assert!(!supports(0xffff_ffff) && !supports(0) && !supports(0x3659_8abe));
}

const ADD: u8 = 0;
const REPLACE: u8 = 1;
const REMOVE: u8 = 2;

fn cut(facet: Address, action: u8, selectors: &[[u8; 4]]) -> IDiamondCut::FacetCut {
    let selectors = selectors.iter().map(|&selector| selector.into()).collect();
    IDiamondCut::FacetCut { facetAddress: facet, action, functionSelectors: selectors }
}

#[test]
fn the_owner_adds_replaces_and_removes() {
    let mut pool = Pool::deploy();
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    let stake = IStaking::stakeCall::SELECTOR;
    let staking = pool.view(IDiamondCut::facetAddressCall { _functionSelector: stake.into() });
    let twin = pool.deploy_again("staking");

    let replace = vec![cut(twin, REPLACE, &[stake])];
    let receipt = pool.by("GOV").send(diamond_cut(replace.clone())).unwrap();
    let cut_event =
        IDiamondCut::DiamondCut { _diamondCut: replace, _init: Address::ZERO, _calldata: Default::default() };
    assert_logs(pool.logs(&receipt), [log(cut_event)]);
    pool.by("S0").stake(5).unwrap();
    assert_eq!(pool.view(IDiamondCut::facetAddressCall { _functionSelector: stake.into() }), twin);

    pool.by("GOV").send(diamond_cut(vec![cut(Address::ZERO, REMOVE, &[stake])])).unwrap();
    let refused = pool.by("S0").stake(5).unwrap_err();
    assert_refused(refused, errors::UnknownSelector { selector: stake.into() });
    pool.by("GOV").send(diamond_cut(vec![cut(staking, ADD, &[stake])])).unwrap();
    pool.by("S0").stake(5).unwrap();
    assert_eq!(pool.active("S0"), (u(1010), u(1010)));
}

// ---------------------------------------------------------------- cuts that are refused

const UNKNOWN: [u8; 4] = [0xab; 4];

fn with_init(cuts: Vec<IDiamondCut::FacetCut>, init: Address, data: Vec<u8>) -> IDiamondCut::diamondCutCall {
    IDiamondCut::diamondCutCall { _diamondCut: cuts, _init: init, _calldata: data.into() }
}

/// The owner's cut is refused for this reason, after others that are legal, and leaves nothing behind.
#[track_caller]
fn assert_cut_refused(pool: &Pool, refused: IDiamondCut::FacetCut, error: impl SolError + std::fmt::Debug + Clone) {
    let legal = cut(pool.facet("staking"), ADD, &[[1; 4], [2; 4]]);
    for cuts in [vec![refused.clone()], vec![legal, refused]] {
        let mut fork = pool.fork();
        assert_refused(fork.by("GOV").send(diamond_cut(cuts)).unwrap_err(), error.clone());
        assert_eq!(fork.storage(), pool.storage());
    }
}

#[test]
fn only_an_owner_cuts() {
    let mut pool = Pool::deploy();
    let add = vec![cut(pool.facet("staking"), ADD, &[UNKNOWN])];
    let before = pool.storage();
    let (account, needed) = (pool.who("X0"), pool.role("OWNER_ROLE"));
    for role in suite::ROLES.iter().filter(|&&role| role != "OWNER_ROLE") {
        pool.grant(role, "X0");
    }
    let granted = pool.storage();
    let refused = pool.by("X0").send(diamond_cut(add)).unwrap_err();
    assert_refused(refused, errors::AccessControlUnauthorizedAccount { account, neededRole: needed });
    assert!(pool.storage() == granted && granted != before);
}

#[test]
fn cuts_are_checked_before_their_selectors() {
    let pool = Pool::deploy();
    let (facet, stake) = (pool.facet("staking"), IStaking::stakeCall::SELECTOR);
    for action in [3, 7, 255] {
        assert_cut_refused(&pool, cut(facet, action, &[]), errors::InvalidCutAction { action, maximum: 2 });
    }
    for (facet, action) in [(facet, ADD), (facet, REPLACE), (facet, REMOVE), (Address::ZERO, REMOVE)] {
        assert_cut_refused(&pool, cut(facet, action, &[]), errors::NoSelectors { facet });
    }
    for action in [ADD, REPLACE] {
        for facet in [Address::ZERO, pool.who("X0"), pool.address(), Address::with_last_byte(1)] {
            assert_cut_refused(&pool, cut(facet, action, &[stake]), errors::InvalidFacet { facet });
        }
    }
    for facet in [facet, pool.who("X0"), pool.address()] {
        assert_cut_refused(&pool, cut(facet, REMOVE, &[stake]), errors::RemovedFacetNotZero { facet });
    }
}

#[test]
fn selectors_are_routed_once() {
    let mut pool = Pool::deploy();
    let twin = pool.deploy_again("staking");
    let (facet, stake) = (pool.facet("staking"), IStaking::stakeCall::SELECTOR);
    let duplicate = errors::DuplicateSelector { selector: stake.into(), facet };
    assert_cut_refused(&pool, cut(facet, ADD, &[stake]), duplicate.clone());
    assert_cut_refused(&pool, cut(twin, ADD, &[UNKNOWN, stake]), duplicate.clone());
    assert_cut_refused(&pool, cut(facet, REPLACE, &[stake]), duplicate);
    let twice = errors::DuplicateSelector { selector: UNKNOWN.into(), facet: twin };
    assert_cut_refused(&pool, cut(twin, ADD, &[UNKNOWN, UNKNOWN]), twice);
    let twice = errors::DuplicateSelector { selector: stake.into(), facet: twin };
    assert_cut_refused(&pool, cut(twin, REPLACE, &[stake, stake]), twice);

    let unknown = errors::UnknownSelector { selector: UNKNOWN.into() };
    assert_cut_refused(&pool, cut(twin, REPLACE, &[stake, UNKNOWN]), unknown.clone());
    assert_cut_refused(&pool, cut(Address::ZERO, REMOVE, &[stake, UNKNOWN]), unknown);
    let gone = errors::UnknownSelector { selector: stake.into() };
    assert_cut_refused(&pool, cut(Address::ZERO, REMOVE, &[stake, stake]), gone);
}

#[test]
fn diamond_cut_stays_routed() {
    let mut pool = Pool::deploy();
    let selector = IDiamondCut::diamondCutCall::SELECTOR;
    let error = errors::CannotRemoveDiamondCut { selector: selector.into() };
    assert_cut_refused(&pool, cut(Address::ZERO, REMOVE, &[selector]), error.clone());
    // It moves to another facet, and is kept there as well.
    let twin = pool.deploy_again("diamond-cut");
    pool.by("GOV").send(diamond_cut(vec![cut(twin, REPLACE, &[selector])])).unwrap();
    assert_cut_refused(&pool, cut(Address::ZERO, REMOVE, &[selector]), error);
}

#[test]
fn an_initialisation_without_code_is_refused() {
    let mut pool = Pool::deploy();
    let before = pool.storage();
    for init in [pool.who("X0"), Address::with_last_byte(1)] {
        for data in [vec![], vec![1, 2, 3, 4]] {
            let add = vec![cut(pool.facet("staking"), ADD, &[UNKNOWN])];
            let refused = pool.by("GOV").send(with_init(add, init, data)).unwrap_err();
            assert_refused(refused, errors::InvalidInitializer { init });
        }
    }
    assert_eq!(pool.storage(), before);
}

#[test]
fn an_initialisation_that_reverts_bubbles_its_data() {
    let mut pool = Pool::deploy();
    let before = pool.storage();
    let (staking, schedule) = (pool.facet("staking"), pool.facet("epoch-schedule"));
    let add = || vec![cut(staking, ADD, &[UNKNOWN])];
    // By delegation: the initialiser sees the pool's storage and the owner as caller.
    let owner = pool.address();
    let propose = IEpochSchedule::proposeOwnerCall { proposed: owner }.abi_encode();
    let refused = pool.by("GOV").send(with_init(add(), schedule, propose)).unwrap_err();
    assert_refused(refused, errors::InvalidOwner { owner });
    let initialize = IEpochSchedule::initializeCall { interval: u(1), offset: u(1), blackoutWindow: u(1) }.abi_encode();
    let refused = pool.by("GOV").send(with_init(add(), schedule, initialize)).unwrap_err();
    assert_refused(refused, errors::AlreadyInitialized {});
    let refused = pool.by("GOV").send(with_init(add(), schedule, vec![0xff; 4])).unwrap_err();
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(pool.storage(), before);
}

#[test]
fn a_cut_initialises_in_the_pools_storage() {
    let mut pool = Pool::deploy();
    let (init, x0) = (pool.facet("epoch-schedule"), pool.who("X0"));
    let propose = IEpochSchedule::proposeOwnerCall { proposed: x0 }.abi_encode();
    let receipt = pool.by("GOV").send(with_init(vec![], init, propose.clone())).unwrap();
    let reported = IDiamondCut::DiamondCut { _diamondCut: vec![], _init: init, _calldata: propose.into() };
    let proposed = events::OwnerProposed { owner: pool.who("GOV"), proposed: x0 };
    assert_logs(pool.logs(&receipt), [log(reported), log(proposed)]);
    assert_eq!(pool.view(IEpochSchedule::getProposedOwnerCall {}).proposed, x0);
    assert!(pool.chain.storage_of(init).is_empty());
}

// ---------------------------------------------------------------- the loupe against a map

/// Random numbers that are the same in every run (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as usize % end
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

type Routes = BTreeMap<[u8; 4], Address>;

/// What a cut does to a plain map, or how it is refused.
fn apply(routes: &mut Routes, cuts: &[IDiamondCut::FacetCut]) -> Result<(), Vec<u8>> {
    for IDiamondCut::FacetCut { facetAddress: facet, action, functionSelectors } in cuts {
        for &selector in functionSelectors {
            let known = routes.get(&selector.0).copied();
            let refused = match (*action, known) {
                (ADD, Some(facet)) => Some(errors::DuplicateSelector { selector, facet }.abi_encode()),
                (REPLACE, Some(known)) if known == *facet => {
                    Some(errors::DuplicateSelector { selector, facet: known }.abi_encode())
                }
                (REPLACE | REMOVE, None) => Some(errors::UnknownSelector { selector }.abi_encode()),
                _ => None,
            };
            if let Some(refused) = refused {
                return Err(refused);
            }
            match *action {
                REMOVE => routes.remove(&selector.0),
                _ => routes.insert(selector.0, *facet),
            };
        }
    }
    let marking = IDebtAccounting::markDebtCall::SELECTOR;
    if !routes.contains_key(&marking) {
        return Err(errors::RequiredSelectorUnrouted { selector: marking.into() }.abi_encode());
    }
    Ok(())
}

fn loupe(pool: &Pool) -> Routes {
    let facets = pool.view(IDiamondCut::facetsCall {});
    let addresses: Vec<_> = facets.iter().map(|facet| facet.facetAddress).collect();
    assert_eq!(pool.view(IDiamondCut::facetAddressesCall {}), addresses);
    assert_eq!(addresses.iter().collect::<BTreeSet<_>>().len(), addresses.len(), "no facet stands twice");
    let mut routes = Routes::new();
    for IDiamondCut::Facet { facetAddress: facet, functionSelectors: selectors } in facets {
        assert!(!selectors.is_empty());
        for selector in &selectors {
            assert_eq!(routes.insert(selector.0, facet), None, "{selector} stands twice");
        }
        assert_eq!(pool.view(IDiamondCut::facetFunctionSelectorsCall { _facet: facet }), selectors);
    }
    routes
}

#[test]
fn the_loupe_follows_any_sequence_of_cuts() {
    for seed in 0..2 {
        let mut pool = Pool::deploy();
        let mut random = Random(seed);
        let mut routes = loupe(&pool);
        // The loupe and the cut themselves stay, to see with.
        let kept: BTreeSet<_> = pool
            .view(IDiamondCut::facetFunctionSelectorsCall { _facet: pool.facet("diamond-cut") })
            .into_iter()
            .collect();
        let mut selectors: Vec<_> = routes.keys().copied().filter(|selector| !kept.contains(selector)).collect();
        selectors.extend((0..30_u32).map(|number| number.to_be_bytes()));
        let facets = [pool.deploy_again("staking"), pool.deploy_again("pool-views"), pool.facet("staking")];
        let mut applied = 0;
        for step in 0..60 {
            let cuts: Vec<_> = (0..=random.below(2))
                .map(|_| {
                    let action = random.pick(&[ADD, REPLACE, REMOVE]);
                    let facet = if action == REMOVE { Address::ZERO } else { random.pick(&facets) };
                    // Mostly what the action fits, so that most cuts succeed.
                    let fits: Vec<_> = selectors
                        .iter()
                        .copied()
                        .filter(|selector| (action == ADD) != routes.contains_key(selector) || random.below(40) == 0)
                        .collect();
                    let some: Vec<_> = (0..=random.below(4)).map(|_| random.pick(&fits)).collect();
                    cut(facet, action, &some)
                })
                .collect();
            let (before, mut after) = (pool.storage(), routes.clone());
            let outcome = pool.by("GOV").send(diamond_cut(cuts.clone()));
            match apply(&mut after, &cuts) {
                Ok(()) => {
                    outcome.unwrap();
                    routes = after;
                    applied += 1;
                }
                Err(refused) => {
                    assert_eq!(outcome.unwrap_err().data, refused, "seed {seed}, step {step}: {cuts:?}");
                    assert_eq!(pool.storage(), before);
                }
            }
            assert_eq!(loupe(&pool), routes, "seed {seed}, step {step}: {cuts:?}");
        }
        for selector in selectors {
            let facet = pool.view(IDiamondCut::facetAddressCall { _functionSelector: selector.into() });
            assert_eq!(facet, routes.get(&selector).copied().unwrap_or_default(), "seed {seed}");
        }
        assert!(applied > 10 && applied < 55, "seed {seed}: both outcomes occur, {applied} of 60 were applied");
    }
}

/// What is cut away leaves no word behind.
#[test]
fn removing_what_was_added_restores_the_storage() {
    let mut pool = Pool::deploy();
    let before = pool.storage();
    let facet = pool.facet("staking");
    let selectors: Vec<_> = (0..20_u32).map(|number| number.to_be_bytes()).collect();
    pool.by("GOV").send(diamond_cut(vec![cut(facet, ADD, &selectors)])).unwrap();
    let routed = loupe(&pool).len();
    let words = routed.div_ceil(8) - (routed - 20).div_ceil(8);
    assert_eq!(pool.storage().len(), before.len() + 20 + words, "a word per route, and one for eight of the list");
    for selector in selectors {
        pool.by("GOV").send(diamond_cut(vec![cut(Address::ZERO, REMOVE, &[selector])])).unwrap();
    }
    assert_eq!(pool.storage(), before);
}

// ---------------------------------------------------------------- construction

/// The fixture's construction.
fn construction(pool: &Pool) -> IDiamondCut::Construction {
    let Settings { interval, offset, blackout, distribution: (start, end), token: (name, symbol), .. } =
        Settings::fixture();
    IDiamondCut::Construction {
        stakedToken: pool.token(),
        rewardsToken: pool.rewards_token(),
        rewardsTreasury: pool.treasury(),
        distributionStart: start,
        distributionEnd: end,
        owner: pool.who("GOV"),
        interval,
        offset,
        blackoutWindow: blackout,
        name: name.into(),
        symbol: symbol.into(),
    }
}

/// The fixture's facets.
fn default_cuts(pool: &Pool) -> Vec<IDiamondCut::FacetCut> {
    let facets = pool.view(IDiamondCut::facetsCall {}).into_iter();
    facets
        .map(|facet| IDiamondCut::FacetCut {
            facetAddress: facet.facetAddress,
            action: ADD,
            functionSelectors: facet.functionSelectors,
        })
        .collect()
}

fn construct(pool: &Pool, change: impl Fn(&mut IDiamondCut::Construction)) -> IDiamondCut::constructCall {
    let mut construction = construction(pool);
    change(&mut construction);
    IDiamondCut::constructCall { construction, cuts: default_cuts(pool) }
}

/// Deploys another router beside the fixture's; its address, or why it was refused.
fn deploy(pool: &mut Pool, facet: Address, call: Vec<u8>) -> Result<Address, Reverted> {
    let deployed = pool.chain.from("GOV").deploy_with("liquidity-staking", &(facet, Bytes::from(call)));
    deployed.map(|deployed| deployed.address).map_err(Reverted::of_constructor)
}

#[track_caller]
fn assert_not_constructed<E: SolError + std::fmt::Debug>(
    pool: &Pool,
    change: impl Fn(&mut IDiamondCut::Construction),
    error: E,
) {
    let mut fork = pool.fork();
    let call = construct(&fork, change).abi_encode();
    let facet = fork.facet("diamond-cut");
    assert_refused(deploy(&mut fork, facet, call).unwrap_err(), error);
}

#[test]
fn construction_refuses_what_could_not_work() {
    let mut pool = Pool::deploy();
    let (facet, nobody) = (pool.facet("diamond-cut"), pool.who("X0"));
    let next = deploy(&mut pool.fork(), facet, construct(&pool, |_| ()).abi_encode()).expect("the fixture is legal");

    for token in [Address::ZERO, nobody, Address::with_last_byte(1)] {
        assert_not_constructed(&pool, |c| c.stakedToken = token, errors::InvalidToken { token });
        assert_not_constructed(&pool, |c| c.rewardsToken = token, errors::InvalidToken { token });
    }
    for account in [Address::ZERO, next] {
        assert_not_constructed(&pool, |c| c.rewardsTreasury = account, errors::InvalidTreasury { treasury: account });
        assert_not_constructed(&pool, |c| c.owner = account, errors::InvalidOwner { owner: account });
    }
    for (start, end) in [(u(2), u(1)), (U256::MAX, u(0)), (U256::MAX, U256::MAX - u(1))] {
        let distribution = |c: &mut IDiamondCut::Construction| (c.distributionStart, c.distributionEnd) = (start, end);
        assert_not_constructed(&pool, distribution, errors::InvalidDistribution { start, end });
    }
    let maximum = (u(1) << 48) - u(1);
    for end in [maximum + u(1), u(1) << 64, U256::MAX] {
        let error = errors::DistributionEndOverflow { end, maximum };
        assert_not_constructed(&pool, |c| c.distributionEnd = end, error);
    }
    let timestamp = u(pool.now());
    assert_not_constructed(
        &pool,
        |c| c.offset = timestamp,
        errors::EpochZeroNotInFuture { start: timestamp, timestamp },
    );
    let error = errors::BlackoutWindowExceedsHalfEpoch { blackoutWindow: u(300_000), interval: u(599_999) };
    assert_not_constructed(&pool, |c| c.interval = u(599_999), error);

    for end in [maximum, u(10_000_000)] {
        let call = construct(&pool, |c| c.distributionEnd = end).abi_encode();
        deploy(&mut pool.fork(), facet, call).expect("the longest and the shortest distribution are legal");
    }
    let refused = deploy(&mut pool, nobody, vec![]).unwrap_err();
    assert_refused(refused, errors::InvalidFacet { facet: nobody });
}

#[test]
fn construction_refuses_a_bad_cut() {
    let pool = Pool::deploy();
    let (facet, schedule) = (pool.facet("diamond-cut"), pool.facet("epoch-schedule"));
    let initialize = IEpochSchedule::initializeCall::SELECTOR;
    let refused = |change: &dyn Fn(&mut Vec<IDiamondCut::FacetCut>)| {
        let mut call = construct(&pool, |_| ());
        change(&mut call.cuts);
        deploy(&mut pool.fork(), facet, call.abi_encode()).unwrap_err()
    };
    // Without a facet that cuts the pool could never be changed; without one that initialises it could never be used; without one that
    // marks nobody could leave a short one.
    let without = |missing: [u8; 4]| {
        refused(&|cuts| cuts.iter_mut().for_each(|cut| cut.functionSelectors.retain(|selector| *selector != missing)))
    };
    assert_refused(refused(&|cuts| cuts.clear()), errors::UnknownSelector { selector: initialize.into() });
    assert_refused(without(initialize), errors::UnknownSelector { selector: initialize.into() });
    for required in [IDiamondCut::diamondCutCall::SELECTOR, IDebtAccounting::markDebtCall::SELECTOR] {
        assert_refused(without(required), errors::RequiredSelectorUnrouted { selector: required.into() });
    }
    // What answers the cut must say that it does.
    let cutting = IDiamondCut::diamondCutCall::SELECTOR;
    let elsewhere = refused(&|cuts| {
        cuts.iter_mut().for_each(|cut| cut.functionSelectors.retain(|selector| *selector != cutting));
        cuts.push(cut(schedule, ADD, &[cutting]));
    });
    assert_refused(elsewhere, errors::FacetDoesNotCut { facet: schedule });
    let added = errors::DuplicateSelector { selector: initialize.into(), facet: schedule };
    assert_refused(refused(&|cuts| cuts.push(cut(facet, ADD, &[initialize]))), added);
    let bare = errors::InvalidFacet { facet: Address::ZERO };
    assert_refused(refused(&|cuts| cuts.push(cut(Address::ZERO, ADD, &[UNKNOWN]))), bare);
    let empty = errors::NoSelectors { facet };
    assert_refused(refused(&|cuts| cuts.push(cut(facet, ADD, &[]))), empty);
}

/// The constructor runs in the transaction that creates the router, and never again, whoever calls.
#[test]
fn nobody_constructs_or_initialises_a_pool_again() {
    let mut pool = Pool::deploy();
    let (_, router) = pool.deployment.programs.last().expect("the router comes last");
    let created: Vec<_> = router.creation.logs.iter().filter(|log| log.address == pool.address()).collect();
    let initialised = created.last().map(|log| log.topics()[0]);
    assert_eq!(initialised, Some(events::EpochParametersChanged::SIGNATURE_HASH), "one transaction does it all");

    let (before, facet) = (pool.storage(), pool.facet("diamond-cut"));
    let again = construct(&pool, |c| c.owner = Address::repeat_byte(0x66));
    let constructor =
        |facet: Address, call: Vec<u8>| [&CONSTRUCTOR[..], &(facet, Bytes::from(call)).abi_encode_params()].concat();
    let (deployer, itself) = (pool.deployer(), pool.address());
    for caller in [pool.who("X0"), pool.who("GOV"), deployer, itself] {
        for call in [constructor(facet, again.abi_encode()), constructor(facet, vec![]), CONSTRUCTOR.to_vec()] {
            let refused = pool.chain.from(caller).send(itself, call).unwrap_err();
            assert!(refused.is_empty(), "{refused:?}");
        }
        let refused = pool.chain.from(caller).call(itself, again.clone()).unwrap_err();
        assert_refused(refused, errors::UnknownSelector { selector: IDiamondCut::constructCall::SELECTOR.into() });
        let initialize =
            IEpochSchedule::initializeCall { interval: u(1_000_000), offset: u(9_000_000), blackoutWindow: u(300_000) };
        let refused = pool.chain.from(caller).call(itself, initialize).unwrap_err();
        assert_refused(refused, errors::AlreadyInitialized {});
    }
    assert_eq!(pool.storage(), before);
}

#[test]
fn facets_construct_nothing_at_their_own_addresses() {
    let mut pool = Pool::deploy();
    let initialize =
        IEpochSchedule::initializeCall { interval: u(1_000_000), offset: u(9_000_000), blackoutWindow: u(300_000) };
    let construct = construct(&pool, |_| ());
    for who in ["GOV", "X0"] {
        let facet = pool.facet("diamond-cut");
        assert_refused(pool.by(who).send_to(facet, construct.clone()).unwrap_err(), errors::NotConstructing {});
        let facet = pool.facet("epoch-schedule");
        assert_refused(pool.by(who).send_to(facet, initialize.clone()).unwrap_err(), errors::NotConstructing {});
    }
}

/// Even an owner that routes `construct` by mistake cannot run it.
#[test]
fn a_routed_construct_is_refused() {
    let mut pool = Pool::deploy();
    let facet = pool.facet("diamond-cut");
    let route = vec![cut(facet, ADD, &[IDiamondCut::constructCall::SELECTOR])];
    pool.by("GOV").send(diamond_cut(route)).unwrap();
    let before = pool.storage();
    let again = construct(&pool, |_| ());
    assert_refused(pool.by("GOV").send(again.clone()).unwrap_err(), errors::AlreadyInitialized {});
    let refused = pool.by("GOV").send(with_init(vec![], facet, again.abi_encode())).unwrap_err();
    assert_refused(refused, errors::AlreadyInitialized {});
    assert_eq!(pool.storage(), before);
}

/// A router that was created without its constructor answers nothing: there is no half-made pool to take over.
#[test]
fn a_bare_router_answers_nothing() {
    let mut pool = Pool::deploy();
    let bare = pool.deploy_again("liquidity-staking");
    for function in suite::abi::functions() {
        let refused = pool.chain.from("GOV").send(bare, suite::abi::empty_call(&function)).unwrap_err();
        assert_refused(refused, errors::UnknownSelector { selector: function.selector() });
    }
    let call = construct(&pool, |_| ());
    let refused = pool.chain.from("GOV").call(bare, call).unwrap_err();
    assert_refused(refused, errors::UnknownSelector { selector: IDiamondCut::constructCall::SELECTOR.into() });
    assert!(pool.chain.storage_of(bare).is_empty());
}

// ---------------------------------------------------------------- facets at their own addresses

/// Neither the storage of a facet's own address nor the pool's changes, whoever calls. The one exception are allowances, over a stake
/// that cannot exist there.
#[test]
fn facets_keep_nothing_at_their_own_addresses() {
    let mut pool = Pool::deploy();
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    let before = pool.storage();
    let mut calls: Vec<_> = suite::abi::functions().iter().map(suite::abi::empty_call).collect();
    let (amount, x0, gov) = (u(5), pool.who("X0"), pool.who("GOV"));
    let role = pool.role("OWNER_ROLE");
    calls.extend([
        construct(&pool, |_| ()).abi_encode(),
        [&CONSTRUCTOR[..], &(pool.facet("diamond-cut"), Bytes::new()).abi_encode_params()].concat(),
        IEpochSchedule::initializeCall { interval: u(1_000_000), offset: u(90_000_000), blackoutWindow: u(300_000) }
            .abi_encode(),
        IEpochSchedule::setEpochParametersCall { interval: u(1_000_000), offset: u(90_000_000) }.abi_encode(),
        IEpochSchedule::setBlackoutWindowCall { blackoutWindow: u(300_000) }.abi_encode(),
        IEpochSchedule::setRewardsPerSecondCall { emissionPerSecond: u(9) }.abi_encode(),
        IEpochSchedule::grantRoleCall { role, account: gov }.abi_encode(),
        IEpochSchedule::grantRoleCall { role: B256::ZERO, account: gov }.abi_encode(),
        IEpochSchedule::revokeRoleCall { role, account: gov }.abi_encode(),
        IEpochSchedule::renounceRoleCall { role, account: gov }.abi_encode(),
        IEpochSchedule::proposeOwnerCall { proposed: gov }.abi_encode(),
        diamond_cut(vec![cut(pool.facet("staking"), ADD, &[UNKNOWN])]).abi_encode(),
        with_init(vec![], pool.facet("staking"), IStaking::stakeCall { amount }.abi_encode()).abi_encode(),
        IStaking::stakeCall { amount }.abi_encode(),
        IStaking::stakeForCall { staker: x0, amount }.abi_encode(),
        IStaking::withdrawStakeCall { recipient: x0, amount: u(0) }.abi_encode(),
        IStaking::withdrawMaxStakeCall { recipient: x0 }.abi_encode(),
        IStaking::claimRewardsCall { recipient: x0 }.abi_encode(),
        IStakedToken::transferCall { to: x0, amount: u(0) }.abi_encode(),
        IStakedToken::transferFromCall { from: gov, to: x0, amount: u(0) }.abi_encode(),
        IStakedToken::approveCall { spender: x0, amount }.abi_encode(),
        IStakedToken::increaseAllowanceCall { spender: x0, addedValue: amount }.abi_encode(),
        IStakedToken::decreaseAllowanceCall { spender: x0, subtractedValue: amount }.abi_encode(),
    ]);
    let (deployer, itself) = (pool.deployer(), pool.address());
    for (program, facet) in pool.deployment.facets.clone() {
        for caller in [gov, x0, deployer, itself, facet] {
            for call in &calls {
                let mut fork = pool.fork();
                let outcome = fork.chain.from(caller).send(facet, call.clone());
                let allows = [IStakedToken::approveCall::SELECTOR, IStakedToken::increaseAllowanceCall::SELECTOR]
                    .iter()
                    .any(|selector| call.starts_with(selector));
                let case = format!("{program}: {}", alloy_primitives::hex::encode(call));
                assert_eq!(fork.storage(), before, "{case}");
                let kept: Vec<_> = fork.chain.storage_of(facet).into_iter().collect();
                if program == "staked-token" && allows && outcome.is_ok() {
                    assert_eq!(kept, [(allowance_slot(caller, x0), amount)], "{case}");
                } else {
                    assert_eq!(kept, [], "{case}");
                }
            }
        }
    }
}

/// Where `allowances` of `pool-storage` keeps an allowance.
fn allowance_slot(owner: Address, spender: Address) -> U256 {
    let outer = keccak256((owner, u(17)).abi_encode());
    keccak256((spender, outer).abi_encode()).into()
}
