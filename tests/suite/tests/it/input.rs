//! Malformed calldata: refused as documented, and nothing is left behind.

use suite::prelude::*;

fn staked() -> Pool {
    let mut pool = Pool::deploy();
    pool.at(epoch(0)).by("S0").stake(1000).unwrap();
    pool
}

/// Every selector that the pool answers, with the bytes that its arguments need at least.
fn entry_points() -> Vec<(String, [u8; 4], usize)> {
    let all: Vec<_> = suite::abi::functions()
        .into_iter()
        .map(|function| {
            let words = function.inputs.iter().map(suite::abi::head_words).sum::<usize>();
            (function.signature(), function.selector().0, 32 * words)
        })
        .collect();
    assert!(all.len() > 60, "the table of functions is read from abi/");
    all
}

#[test]
fn an_unknown_selector_is_named() {
    let mut pool = staked();
    let known: Vec<_> = entry_points().into_iter().map(|(_, selector, _)| selector).collect();
    for selector in [[0, 0, 0, 0], [0xff; 4], [0x01, 0x97, 0x58, 0xf1]] {
        assert!(!known.contains(&selector));
        let refused = pool.by("S0").send_raw(selector.to_vec()).unwrap_err();
        assert_refused(refused, errors::UnknownSelector { selector: selector.into() });
    }
}

#[test]
fn calldata_without_a_whole_selector_is_refused() {
    let mut pool = staked();
    let before = pool.storage();
    for length in 0..4 {
        let refused = pool.by("S0").send_raw(vec![0xa6; length]).unwrap_err();
        assert_refused(refused, errors::MissingSelector { length: u(length as u64), minimum: u(4) });
    }
    assert_eq!(pool.storage(), before);
}

#[test]
fn calldata_shorter_than_its_arguments_is_refused() {
    let mut pool = staked();
    let before = pool.storage();
    for (signature, selector, needed) in entry_points() {
        for length in (0..needed).step_by(31).chain(needed.checked_sub(1)) {
            let mut call = selector.to_vec();
            call.resize(4 + length, 0);
            let refused = pool.by("S0").send_raw(call).unwrap_err();
            assert!(refused.data.is_empty(), "{signature} with {length} of {needed} bytes: {refused:?}");
        }
    }
    assert_eq!(pool.storage(), before);
}

/// Bits of a word that a type does not use.
fn unused_bits(ty: &str) -> std::ops::Range<usize> {
    match ty {
        "address" => 0..96,
        "uint8" => 0..248,
        "uint128" => 0..128,
        // The decoder takes any byte but zero to mean true.
        "bool" => 0..248,
        "bytes4" => 32..256,
        "uint256" | "bytes32" => 0..0,
        // Lists: see below.
        "tuple[]" | "bytes" | "address[]" | "uint256[]" => 0..0,
        _ => panic!("{ty} is a type of an argument now"),
    }
}

/// `call` with each of the first, a middle and the last unused bit of an argument set, the first bit being the highest.
fn dirtied(call: &[u8], argument: usize, ty: &str) -> Vec<Vec<u8>> {
    let unused = unused_bits(ty);
    if unused.is_empty() {
        return vec![];
    }
    let bits = [unused.start, usize::midpoint(unused.start, unused.end), unused.end - 1];
    bits.into_iter()
        .map(|bit| {
            let mut dirty = call.to_vec();
            dirty[argument + bit / 8] |= 0x80 >> (bit % 8);
            dirty
        })
        .collect()
}

/// An address or a small integer with bits outside its type is no such value, in any argument of any function.
#[test]
fn dirty_bits_are_refused() {
    let mut pool = staked();
    let before = pool.storage();
    let mut tried = 0;
    for function in suite::abi::functions() {
        let call = suite::abi::empty_call(&function);
        for (index, param) in function.inputs.iter().enumerate() {
            for dirty in dirtied(&call, 4 + 32 * index, &param.ty) {
                let refused = pool.by("GOV").send_raw(dirty).unwrap_err();
                assert!(refused.is_empty(), "{}, {}: {refused:?}", function.signature(), param.name);
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried}");
    // Inside the list of borrowers.
    let list = IDebtAccounting::markDebtCall { borrowers: vec![pool.who("B0")] }.abi_encode();
    for dirty in dirtied(&list, 4 + 32 * 2, "address") {
        assert!(pool.by("X0").send_raw(dirty).unwrap_err().is_empty());
    }
    // Inside the lists of a cut: facet, action and selector.
    let selectors = vec![[9; 4].into()];
    let add = IDiamondCut::FacetCut { facetAddress: pool.facet("staking"), action: 0, functionSelectors: selectors };
    let call = diamond_cut(vec![add]).abi_encode();
    let cut = 4 + 5 * 32; // Three heads, the list's length, the offset of its one item.
    for (word, ty) in [(0, "address"), (1, "uint8"), (4, "bytes4")] {
        for dirty in dirtied(&call, cut + 32 * word, ty) {
            let refused = pool.by("GOV").send_raw(dirty).unwrap_err();
            assert!(refused.is_empty(), "{ty} in a cut: {refused:?}");
        }
    }
    assert_eq!(pool.storage(), before);
    pool.by("GOV").send_raw(call).unwrap();
}

/// Call data is exactly the encoding of its arguments or nothing: the SDK checks by encoding again.
#[test]
fn bytes_after_the_arguments_are_refused() {
    let mut pool = staked();
    let before = pool.storage();
    for tag in [&b"\0"[..], b"tag of a wallet", &[0; 32]] {
        let mut call = IStaking::stakeCall { amount: u(5) }.abi_encode();
        call.extend_from_slice(tag);
        let refused = pool.by("S0").send_raw(call).unwrap_err();
        assert!(refused.is_empty(), "{refused:?}");
    }
    assert_eq!(pool.storage(), before);
}

#[test]
fn ether_is_refused_by_every_entry_point() {
    let mut pool = staked();
    let before = pool.storage();
    let calls = suite::abi::functions().iter().map(suite::abi::empty_call).collect::<Vec<_>>();
    for call in calls.into_iter().chain([vec![], vec![0xa6; 3], vec![0xff; 4]]) {
        let refused = pool.by("GOV").send_value(call.clone(), 1).unwrap_err();
        assert!(refused.is_empty(), "{call:?}: {refused:?}");
    }
    assert_eq!((pool.ether_of_pool(), pool.storage()), (u(0), before));
}

// ---------------------------------------------------------------- legal encodings of illegal arguments

/// Anyone's call and why it is refused.
type Refused = (&'static str, Vec<u8>, Vec<u8>);

fn refused(who: &'static str, call: impl SolCall, error: impl SolError) -> Refused {
    (who, call.abi_encode(), error.abi_encode())
}

/// Each call is refused with exactly its error, and leaves nothing behind.
fn assert_all_refused(pool: &mut Pool, calls: Vec<Refused>) {
    let before = (pool.storage(), pool.token_storage());
    for (index, (who, call, error)) in calls.into_iter().enumerate() {
        let got = pool.by(who).send_raw(call).unwrap_err();
        assert_eq!(got.data, error, "call {index}, by {who}");
    }
    assert_eq!((pool.storage(), pool.token_storage()), before);
}

/// `staked`, and OP is an operator of both kinds.
fn operated() -> Pool {
    let mut pool = staked();
    pool.grant("STAKE_OPERATOR_ROLE", "OP");
    pool.grant("CLAIM_OPERATOR_ROLE", "OP");
    pool
}

#[test]
fn amounts_beyond_every_width_are_refused() {
    let mut pool = operated();
    let (s0, s1) = (pool.who("S0"), pool.who("S1"));
    let available = u(1000);
    let r = B256::ZERO;
    let (deadline, v) = (U256::MAX, 27);
    let maximum = (u(1) << 112) - u(1);
    let bits128 = (u(1) << 128) - u(1);
    for amount in [u(1) << 112, bits128, u(1) << 128, (u(1) << 128) + u(1), u(1) << 255, U256::MAX] {
        let too_much = errors::BalanceOverflow { balance: amount, maximum };
        let inactive = errors::InsufficientUnborrowedStake { requested: amount, available };
        let active = errors::InsufficientActiveBalance { requested: amount, available };
        let requested = errors::InsufficientRequestedBalance { requested: amount, available: u(0) };
        let balance = errors::ERC20InsufficientBalance { sender: s0, balance: available, needed: amount };
        let rate = (u(1) << 96) - u(1);
        let rate = errors::RewardsRateTooHigh { requested: amount, maximum: rate / u(50_000_000) };
        let window = amount;
        let half = errors::BlackoutWindowExceedsHalfEpoch { blackoutWindow: window, interval: u(1_000_000) };
        let long = errors::EpochTooLong { interval: amount, maximum: u(92 * 86_400) };
        let legal = (u(1_000_000), u(10_000_000));
        let refusals = vec![
            refused("S0", IStaking::stakeCall { amount }, too_much.clone()),
            refused("S0", IStaking::stakeForCall { staker: s1, amount }, too_much.clone()),
            refused("S0", IStaking::stakeWithPermitCall { amount, deadline, v, r, s: r }, too_much.clone()),
            refused("S0", IStaking::stakeForWithPermitCall { staker: s1, amount, deadline, v, r, s: r }, too_much),
            refused("S0", IStaking::requestWithdrawalCall { amount }, active.clone()),
            refused("OP", IStaking::requestWithdrawalForCall { staker: s0, amount }, active),
            refused("S0", IStaking::cancelWithdrawalCall { amount }, requested),
            refused("S0", IStaking::restakeCall { amount }, inactive.clone()),
            refused("S0", IStaking::withdrawStakeCall { recipient: s1, amount }, inactive.clone()),
            refused("OP", IStaking::withdrawStakeForCall { staker: s0, recipient: s1, amount }, inactive),
            refused("S0", IStakedToken::transferCall { to: s1, amount }, balance.clone()),
            refused("S1", IStakedToken::transferFromCall { from: s0, to: s1, amount }, balance),
            refused("GOV", IEpochSchedule::setRewardsPerSecondCall { emissionPerSecond: amount }, rate),
            refused("GOV", IEpochSchedule::setBlackoutWindowCall { blackoutWindow: window }, half),
            refused("GOV", IEpochSchedule::setEpochParametersCall { interval: amount, offset: legal.1 }, long),
        ];
        assert_all_refused(&mut pool, refusals);
        let schedule = IEpochSchedule::setEpochParametersCall { interval: legal.0, offset: amount };
        let error = match amount > bits128 {
            true => errors::OffsetOverflow { offset: amount, maximum: bits128 }.abi_encode(),
            false => errors::EpochZeroNotStarted { timestamp: u(pool.now()), start: amount }.abi_encode(),
        };
        assert_all_refused(&mut pool, vec![("GOV", schedule.abi_encode(), error)]);
        assert_eq!(pool.view(IPoolViews::getEpochIndexCall { epoch: amount }), u(0), "there is no such epoch");
    }
    // A number like any other to an allowance.
    for amount in [u(1) << 112, u(1) << 128, U256::MAX] {
        pool.by("S0").send(IStakedToken::approveCall { spender: s1, amount }).unwrap();
        assert_eq!(pool.view(IStakedToken::allowanceCall { owner: s0, spender: s1 }), amount);
    }
}

/// The zero address everywhere, and the pool itself wherever it would be as much of nobody.
#[test]
fn nobody_is_refused_by_name() {
    let mut pool = operated();
    let (s0, s1, amount) = (pool.who("S0"), pool.who("S1"), u(0));
    let r = B256::ZERO;
    let (deadline, v) = (U256::MAX, 27);
    let role = pool.role("OWNER_ROLE");
    for nobody in [Address::ZERO, pool.address()] {
        let staker = errors::InvalidStaker { staker: nobody };
        let recipient = errors::InvalidRecipient { recipient: nobody };
        let receiver = errors::ERC20InvalidReceiver { receiver: nobody };
        let owner = errors::InvalidOwner { owner: nobody };
        let (to, from) = (nobody, nobody);
        let refusals = vec![
            refused("S0", IStaking::stakeForCall { staker: nobody, amount }, staker.clone()),
            refused(
                "S0",
                IStaking::stakeForWithPermitCall { staker: nobody, amount, deadline, v, r, s: r },
                staker.clone(),
            ),
            refused("OP", IStaking::requestWithdrawalForCall { staker: nobody, amount }, staker.clone()),
            refused("OP", IStaking::withdrawStakeForCall { staker: nobody, recipient: s1, amount }, staker.clone()),
            refused("OP", IStaking::withdrawStakeForCall { staker: nobody, recipient: nobody, amount }, staker.clone()),
            refused("OP", IStaking::withdrawStakeForCall { staker: s0, recipient: nobody, amount }, recipient.clone()),
            refused("S0", IStaking::withdrawStakeCall { recipient: nobody, amount }, recipient.clone()),
            refused("S0", IStaking::withdrawMaxStakeCall { recipient: nobody }, recipient.clone()),
            refused("OP", IStaking::claimRewardsForCall { staker: nobody, recipient: s1 }, staker),
            refused("OP", IStaking::claimRewardsForCall { staker: s0, recipient: nobody }, recipient.clone()),
            refused("S0", IStaking::claimRewardsCall { recipient: nobody }, recipient),
            refused("S0", IStakedToken::transferCall { to, amount }, receiver.clone()),
            refused("S0", IStakedToken::transferFromCall { from: s0, to, amount }, receiver),
            refused("GOV", IEpochSchedule::grantRoleCall { role, account: nobody }, owner.clone()),
        ];
        assert_all_refused(&mut pool, refusals);
        let error = match nobody.is_zero() {
            true => errors::ERC20InvalidSender { sender: nobody }.abi_encode(),
            // The pool has neither stake nor given an allowance.
            false => errors::ERC20InsufficientBalance { sender: nobody, balance: u(0), needed: u(1) }.abi_encode(),
        };
        let call = IStakedToken::transferFromCall { from, to: s1, amount: u(1) }.abi_encode();
        assert_all_refused(&mut pool, vec![("S0", call, error)]);
    }
    let spender = Address::ZERO;
    let error = errors::ERC20InvalidSpender { spender };
    let permit = IStakedToken::permitCall { owner: spender, spender: s1, value: u(1), deadline, v, r, s: r };
    let itself = pool.address();
    let refusals = vec![
        refused("S0", IStakedToken::approveCall { spender, amount: u(1) }, error.clone()),
        refused("S0", IStakedToken::increaseAllowanceCall { spender, addedValue: u(1) }, error.clone()),
        refused("S0", IStakedToken::decreaseAllowanceCall { spender, subtractedValue: u(0) }, error),
        // Nobody signs for the zero address, also where the precompile recovers nobody.
        refused("S0", permit, errors::ECDSAInvalidSignature {}),
        refused("GOV", IEpochSchedule::proposeOwnerCall { proposed: itself }, errors::InvalidOwner { owner: itself }),
        refused(
            "S0",
            IEpochSchedule::acceptOwnerCall { owner: s0 },
            errors::NotProposedOwner { caller: s0, proposed: spender },
        ),
    ];
    assert_all_refused(&mut pool, refusals);
    let takes_back = IEpochSchedule::proposeOwnerCall { proposed: Address::ZERO };
    pool.by("GOV").send(takes_back).unwrap();
    // Even the zero address itself accepts nothing.
    let accept = IEpochSchedule::acceptOwnerCall { owner: Address::ZERO };
    let error = pool.chain.from(Address::ZERO).call(pool.deployment.pool, accept).unwrap_err();
    assert_refused(error, errors::NotProposedOwner { caller: Address::ZERO, proposed: Address::ZERO });
}

/// What moves or settles stake waits for epoch zero; whatever else is legal before it, or refused for another reason, is listed.
#[test]
fn before_epoch_zero_nothing_moves_stake() {
    let mut pool = Pool::deploy();
    pool.grant("STAKE_OPERATOR_ROLE", "OP");
    pool.grant("CLAIM_OPERATOR_ROLE", "OP");
    pool.grant("DEBT_OPERATOR_ROLE", "OP");
    let now = 9_999_999;
    pool.at(now);
    let early = errors::EpochZeroNotStarted { timestamp: u(now), start: u(10_000_000) };
    let (staker, recipient, amount) = (pool.who("S0"), pool.who("S1"), u(0));
    let r = B256::ZERO;
    let (deadline, v) = (U256::MAX, 27);
    let (from, to) = (staker, recipient);
    let refusals = vec![
        refused("S0", IStaking::stakeCall { amount }, early.clone()),
        refused("S0", IStaking::stakeForCall { staker, amount }, early.clone()),
        refused("S0", IStaking::stakeWithPermitCall { amount, deadline, v, r, s: r }, early.clone()),
        refused("S0", IStaking::stakeForWithPermitCall { staker, amount, deadline, v, r, s: r }, early.clone()),
        refused("S0", IStaking::requestWithdrawalCall { amount }, early.clone()),
        refused("OP", IStaking::requestWithdrawalForCall { staker, amount }, early.clone()),
        refused("S0", IStaking::cancelWithdrawalCall { amount }, early.clone()),
        refused("S0", IStaking::restakeCall { amount }, early.clone()),
        refused("S0", IStaking::withdrawStakeCall { recipient, amount }, early.clone()),
        refused("S0", IStaking::withdrawMaxStakeCall { recipient }, early.clone()),
        refused("OP", IStaking::withdrawStakeForCall { staker, recipient, amount }, early.clone()),
        refused("S0", IStaking::claimRewardsCall { recipient }, early.clone()),
        refused("OP", IStaking::claimRewardsForCall { staker, recipient }, early.clone()),
        refused("S0", IStakedToken::transferCall { to, amount }, early.clone()),
        refused("S1", IStakedToken::transferFromCall { from, to, amount }, early.clone()),
        refused("S0", IDebtAccounting::withdrawDebtCall { recipient, amount }, early.clone()),
        refused("S0", IDebtAccounting::withdrawMaxDebtCall { recipient }, early.clone()),
        refused("OP", IDebtAccounting::decreaseStakerDebtCall { staker, amount }, early.clone()),
        refused(
            "S0",
            IDebtAccounting::failsafeSettleUserInactiveBalanceToEpochCall { maxEpoch: amount },
            early.clone(),
        ),
        refused("S0", IDebtAccounting::settleShortfallsCall { staker, max: amount }, early.clone()),
        refused("S0", IEpochSchedule::getCurrentEpochCall {}, early.clone()),
        refused("S0", IEpochSchedule::getTimeRemainingInCurrentEpochCall {}, early),
    ];
    let waiting: Vec<[u8; 4]> = refusals.iter().map(|(_, call, _)| *call.first_chunk().unwrap()).collect();
    assert_all_refused(&mut pool, refusals);

    // Every other function does not need an epoch: it does not fail for the want of one.
    for function in suite::abi::functions().iter().filter(|function| !waiting.contains(&function.selector().0)) {
        let mut fork = pool.fork();
        if let Err(refused) = fork.by("GOV").send_raw(suite::abi::empty_call(function)) {
            let signature = function.signature();
            assert!(!refused.is_empty() && !refused.is::<errors::EpochZeroNotStarted>(), "{signature}: {refused:?}");
        }
    }
}
