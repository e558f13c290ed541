//! Tokens that misbehave, and tokens that call back (REE-1, REE-2, TOK-1). The pool sees either a transfer that it can book exactly,
//! or it reverts as a whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::OnceLock,
};

use alloy_primitives::Bytes;
use chain::{Receipt, Recording, Reverted};
use suite::prelude::*;

const TRANSFER: u8 = 1;
const TRANSFER_FROM: u8 = 2;
const BALANCE_OF: u8 = 8;

/// How the odd token misbehaves. See `IOddToken`.
enum Oddity {
    ReturnNothing,
    ReturnFalse,
    Return(Vec<u8>),
    Revert(Vec<u8>),
    /// In basis points.
    TakeFee(u64),
    /// Calls out and ignores what comes of it.
    Call(Address, Vec<u8>),
    /// Calls out and fails if the call fails.
    CallOrFail(Address, Vec<u8>),
    /// Refuses a recipient.
    Reject(Address),
}

impl Oddity {
    fn behaviour(&self, functions: u8) -> IOddToken::setBehaviourCall {
        let call = |to: Address, policy: u64, data: &[u8]| (to, u(policy), Bytes::copy_from_slice(data));
        let (kind, data) = match self {
            Self::ReturnNothing => (1, vec![]),
            Self::ReturnFalse => (2, vec![]),
            Self::Return(data) => (3, data.clone()),
            Self::Revert(data) => (4, data.clone()),
            Self::TakeFee(basis_points) => (5, u(*basis_points).abi_encode()),
            Self::Call(to, data) => (6, call(*to, 0, data).abi_encode_params()),
            Self::CallOrFail(to, data) => (6, call(*to, 1, data).abi_encode_params()),
            Self::Reject(account) => (7, account.abi_encode()),
        };
        IOddToken::setBehaviourCall { kind, functions, data: data.into() }
    }
}

/// Something that the pool does with a token.
struct Operation {
    name: &'static str,
    /// Whose functions they are that misbehave: the staked or the rewards token.
    token: fn(&Pool) -> Address,
    functions: u8,
    run: fn(&mut Pool) -> Result<Receipt, Reverted>,
}

fn stake(pool: &mut Pool) -> Result<Receipt, Reverted> {
    pool.by("S0").stake(50).map(|sent| sent.receipt)
}

fn stake_for(pool: &mut Pool) -> Result<Receipt, Reverted> {
    let staker = pool.who("S1");
    pool.by("S0").send(IStaking::stakeForCall { staker, amount: u(50) }).map(|sent| sent.receipt)
}

fn withdraw(pool: &mut Pool) -> Result<Receipt, Reverted> {
    pool.by("S0").withdraw_stake("X0", 40).map(|sent| sent.receipt)
}

fn withdraw_for(pool: &mut Pool) -> Result<Receipt, Reverted> {
    let (staker, recipient) = (pool.who("S0"), pool.who("X0"));
    let call = IStaking::withdrawStakeForCall { staker, recipient, amount: u(40) };
    pool.by("OP").send(call).map(|sent| sent.receipt)
}

fn withdraw_max(pool: &mut Pool) -> Result<Receipt, Reverted> {
    let recipient = pool.who("X0");
    pool.by("S0").send(IStaking::withdrawMaxStakeCall { recipient }).map(|sent| sent.receipt)
}

fn sweep(pool: &mut Pool) -> Result<Receipt, Reverted> {
    pool.by("GOV").send(IEpochSchedule::sweepSurplusCall {}).map(|sent| sent.receipt)
}

fn claim(pool: &mut Pool) -> Result<Receipt, Reverted> {
    pool.by("S0").claim_rewards("X0").map(|sent| sent.receipt)
}

const STAKE: Operation = Operation { name: "stake", token: Pool::token, functions: TRANSFER_FROM, run: stake };
const STAKE_FOR: Operation =
    Operation { name: "stakeFor", token: Pool::token, functions: TRANSFER_FROM, run: stake_for };
const WITHDRAW: Operation = Operation { name: "withdrawStake", token: Pool::token, functions: TRANSFER, run: withdraw };
const WITHDRAW_FOR: Operation =
    Operation { name: "withdrawStakeFor", token: Pool::token, functions: TRANSFER, run: withdraw_for };
const WITHDRAW_MAX: Operation =
    Operation { name: "withdrawMaxStake", token: Pool::token, functions: TRANSFER, run: withdraw_max };
const SWEEP: Operation = Operation { name: "sweepSurplus", token: Pool::token, functions: TRANSFER, run: sweep };
const CLAIM: Operation =
    Operation { name: "claimRewards", token: Pool::rewards_token, functions: TRANSFER_FROM, run: claim };
const STAKE_LOOK: Operation = Operation { name: "stake", token: Pool::token, functions: BALANCE_OF, run: stake };
const SWEEP_LOOK: Operation = Operation { name: "sweepSurplus", token: Pool::token, functions: BALANCE_OF, run: sweep };

/// Every transfer of tokens by the pool.
const TRANSFERS: [Operation; 7] = [STAKE, STAKE_FOR, WITHDRAW, WITHDRAW_FOR, WITHDRAW_MAX, SWEEP, CLAIM];

/// Every look of the pool at its balance.
const LOOKS: [Operation; 2] = [STAKE_LOOK, SWEEP_LOOK];

impl Operation {
    /// Runs on a fork whose token misbehaves.
    fn run_odd(&self, pool: &Pool, oddity: &Oddity) -> (Pool, Result<Receipt, Reverted>) {
        let mut fork = pool.fork();
        misbehave(&mut fork, self.token, oddity, self.functions);
        let outcome = (self.run)(&mut fork);
        (fork, outcome)
    }

    /// What the pool books with a plain token.
    fn plain(&self, pool: &Pool) -> Booked {
        let mut plain = pool.fork();
        let receipt = (self.run)(&mut plain).expect("plain tokens work");
        Booked { storage: plain.storage(), logs: plain.logs(&receipt) }
    }

    /// The pool books with the odd token what it `expected` to book with a plain one.
    #[track_caller]
    fn assert_books(&self, expected: &Booked, pool: &Pool, oddity: &Oddity, case: &str) -> (Pool, Receipt) {
        let name = self.name;
        let (odd, outcome) = self.run_odd(pool, oddity);
        let receipt = outcome.unwrap_or_else(|refused| panic!("{name}, {case}: {refused}"));
        assert!(odd.storage() == expected.storage, "{name}, {case}");
        assert_logs(odd.logs(&receipt), expected.logs.clone());
        (odd, receipt)
    }

    /// The pool books what it books with a plain token.
    #[track_caller]
    fn assert_unaffected(&self, pool: &Pool, oddity: &Oddity) -> (Pool, Receipt) {
        self.assert_books(&self.plain(pool), pool, oddity, "odd token")
    }

    /// The call is refused for this reason, and neither the pool nor a token changes.
    #[track_caller]
    fn assert_refused(&self, pool: &Pool, oddity: &Oddity, error: impl SolError + Debug) {
        let mut odd = pool.fork();
        misbehave(&mut odd, self.token, oddity, self.functions);
        let before = everything(&odd);
        assert_refused((self.run)(&mut odd).unwrap_err(), error);
        assert!(everything(&odd) == before, "{}: a refused call leaves a trace", self.name);
    }

    fn failed(&self, pool: &Pool) -> errors::SafeErc20FailedOperation {
        errors::SafeErc20FailedOperation { token: (self.token)(pool) }
    }
}

/// What an operation leaves in the pool.
struct Booked {
    storage: BTreeMap<U256, U256>,
    logs: Vec<LogData>,
}

fn misbehave(pool: &mut Pool, token: fn(&Pool) -> Address, oddity: &Oddity, functions: u8) {
    let token = token(pool);
    pool.by("X0").send_to(token, oddity.behaviour(functions)).unwrap();
}

/// All slots of the pool and its tokens.
fn everything(pool: &Pool) -> [BTreeMap<U256, U256>; 3] {
    [pool.storage(), pool.token_storage(), pool.chain.storage_of(pool.rewards_token())]
}

/// Two odd tokens. S0 has active, inactive and requested stake and rewards, and the pool has a surplus. Both tokens can do whatever
/// anybody can: they have stake of each kind and all roles. OP is a stake operator.
fn odd() -> Pool {
    static FIXTURE: OnceLock<Pool> = OnceLock::new();
    FIXTURE.get_or_init(prepared).fork()
}

fn prepared() -> Pool {
    let mut pool = Pool::with_tokens("odd-token", "odd-token", &suite::Settings::fixture()).unwrap();
    pool.by("GOV").set_rewards_per_second(10).unwrap();
    pool.grant("STAKE_OPERATOR_ROLE", "OP");
    pool.at(epoch(0));
    let (itself, staked, rewards) = (pool.address(), pool.token(), pool.rewards_token());
    for token in [staked, rewards] {
        for role in pool.roles() {
            pool.by("GOV").send(IEpochSchedule::grantRoleCall { role, account: token }).unwrap();
        }
        pool.by("X0").send_to(staked, IToken::mintCall { to: token, value: u(5000) }).unwrap();
        pool.chain.from(token).call(staked, IToken::approveCall { spender: itself, value: U256::MAX }).unwrap();
        pool.chain.from(token).call(itself, IStaking::stakeCall { amount: u(1000) }).unwrap();
        pool.chain.from(token).call(itself, IStaking::requestWithdrawalCall { amount: u(300) }).unwrap();
    }
    pool.by("S0").stake(1000).unwrap();
    pool.by("S0").request_withdrawal(100).unwrap();
    pool.at(epoch(1));
    pool.by("S0").request_withdrawal(200).unwrap();
    for token in [staked, rewards] {
        pool.chain.from(token).call(itself, IStaking::requestWithdrawalCall { amount: u(200) }).unwrap();
    }
    pool.by("X0").send_to(staked, IToken::mintCall { to: itself, value: u(7) }).unwrap();
    pool.at(epoch(1) + 100);
    pool.chain.record(Recording::Frames);
    pool
}

fn word(value: u64) -> Vec<u8> {
    u(value).abi_encode()
}

#[test]
fn tok_1_what_a_token_may_answer() {
    let pool = odd();
    for operation in &TRANSFERS {
        operation.assert_unaffected(&pool, &Oddity::ReturnNothing);
        operation.assert_refused(&pool, &Oddity::ReturnFalse, operation.failed(&pool));
        let token = (operation.token)(&pool);
        let mut gone = pool.fork();
        gone.chain.set_code(token, vec![]);
        let before = everything(&gone);
        assert_refused((operation.run)(&mut gone).unwrap_err(), operation.failed(&pool));
        assert!(everything(&gone) == before, "{}", operation.name);
    }
}

#[test]
fn a_transfer_must_answer_true() {
    let pool = odd();
    let refused = [word(0), word(256), U256::MAX.abi_encode(), vec![1; 31], vec![1], [word(0), word(1)].concat()];
    for operation in &TRANSFERS {
        for answer in &refused {
            operation.assert_refused(&pool, &Oddity::Return(answer.clone()), operation.failed(&pool));
        }
        // What follows the first word is not looked at, and to the SDK's decoder every value of the last byte but zero is true.
        for answer in [word(1), word(2), word(255), [word(1), word(0)].concat(), [word(1), vec![7]].concat()] {
            operation.assert_unaffected(&pool, &Oddity::Return(answer));
        }
    }
}

/// The token's own reason stays in the trace; the error names the token.
#[test]
fn a_token_that_reverts_makes_the_call_revert() {
    let pool = odd();
    let reason = IToken::InsufficientBalance { owner: pool.who("S0"), balance: u(1), needed: u(2) }.abi_encode();
    for operation in TRANSFERS.iter().chain(&LOOKS) {
        for data in [vec![], reason.clone(), vec![0xff; 1000]] {
            operation.assert_refused(&pool, &Oddity::Revert(data), operation.failed(&pool));
        }
    }
}

#[test]
fn stake_on_which_the_token_takes_a_fee_is_refused() {
    let pool = odd();
    for operation in [STAKE, STAKE_FOR] {
        for (fee, received) in [(200, 49), (5000, 25), (10_000, 0)] {
            let error = errors::ReceivedAmountMismatch { expected: u(50), received: u(received) };
            operation.assert_refused(&pool, &Oddity::TakeFee(fee), error);
        }
    }
    let mut pool = pool;
    misbehave(&mut pool, Pool::token, &Oddity::TakeFee(200), TRANSFER_FROM);
    pool.by("S0").stake(0).unwrap();
}

/// A fee on the way out is the recipient's: the pool parts with exactly what it books.
#[test]
fn withdrawals_and_claims_bear_the_tokens_fee() {
    let pool = odd();
    let balances = |pool: &Pool| (pool.tokens_of_pool(), pool.tokens("X0"), pool.rewards("X0"));
    let (held, tokens, rewards) = balances(&pool);
    let claimable = pool.view(IPoolViews::getClaimableRewardsCall { staker: pool.who("S0") });
    let none = U256::ZERO;
    for (operation, sent, arrived, reward) in [
        (WITHDRAW, u(40), u(36), none),
        (WITHDRAW_MAX, u(100), u(90), none),
        (CLAIM, none, none, claimable - claimable / u(10)),
    ] {
        let (odd, _) = operation.assert_unaffected(&pool, &Oddity::TakeFee(1000));
        let expected = (held - sent, tokens + arrived, rewards + reward);
        assert_eq!(balances(&odd), expected, "{}", operation.name);
    }
}

#[test]
fn a_token_that_delivers_more_than_asked_is_refused() {
    let pool = odd();
    let mint = IToken::mintCall { to: pool.address(), value: u(5) }.abi_encode();
    let error = errors::ReceivedAmountMismatch { expected: u(50), received: u(55) };
    STAKE.assert_refused(&pool, &Oddity::CallOrFail(pool.token(), mint), error);
}

#[test]
fn a_balance_that_falls_during_a_stake_received_nothing() {
    let mut pool = odd();
    let (itself, token, thief) = (pool.address(), pool.token(), Address::repeat_byte(0x76));
    pool.chain.from(itself).call(token, IToken::approveCall { spender: thief, value: U256::MAX }).unwrap();
    let plain = IOddToken::setBehaviourCall { kind: 0, functions: 0, data: Bytes::new() }.abi_encode();
    let steal = IToken::transferFromCall { from: itself, to: thief, value: u(1000) }.abi_encode();
    pool.chain.set_code(thief, evm::calls(&[(token, plain), (token, steal)]));
    let error = errors::ReceivedAmountMismatch { expected: u(50), received: u(0) };
    STAKE.assert_refused(&pool, &Oddity::CallOrFail(thief, vec![]), error);
}

#[test]
fn a_balance_that_never_changes_takes_no_stake() {
    let pool = odd();
    let error = errors::ReceivedAmountMismatch { expected: u(50), received: u(0) };
    for told in [word(0), word(1_000_000), U256::MAX.abi_encode(), [word(7), word(9)].concat()] {
        STAKE_LOOK.assert_refused(&pool, &Oddity::Return(told.clone()), error.clone());
        let mut pool = pool.fork();
        misbehave(&mut pool, Pool::token, &Oddity::Return(told), BALANCE_OF);
        pool.by("S0").stake(0).unwrap();
    }
}

#[test]
fn a_balance_that_is_no_number_is_refused() {
    let pool = odd();
    for operation in &LOOKS {
        operation.assert_refused(&pool, &Oddity::ReturnNothing, operation.failed(&pool));
        operation.assert_refused(&pool, &Oddity::Return(vec![0; 31]), operation.failed(&pool));
    }
    let mut pool = pool;
    misbehave(&mut pool, Pool::token, &Oddity::Revert(vec![]), BALANCE_OF);
    let refused = pool.try_view(IPoolViews::getSurplusCall {}).unwrap_err();
    assert_refused(refused, errors::SafeErc20FailedOperation { token: pool.token() });
}

/// The books do not need the token's word on balances: every way out works without it.
#[test]
fn exits_stay_open_when_the_token_lies_about_balances() {
    let pool = odd();
    for oddity in [Oddity::Revert(vec![]), Oddity::ReturnNothing, Oddity::Return(word(0))] {
        for run in [withdraw, withdraw_for, withdraw_max, claim] {
            let mut odd = pool.fork();
            misbehave(&mut odd, Pool::token, &oddity, BALANCE_OF);
            let mut plain = pool.fork();
            run(&mut odd).unwrap();
            run(&mut plain).unwrap();
            assert_eq!(odd.storage(), plain.storage());
            assert_eq!(odd.unborrowed(), plain.unborrowed());
        }
    }
}

/// A surplus that is not there cannot be swept.
#[test]
fn an_invented_surplus_fails_at_the_transfer() {
    let pool = odd();
    for told in [U256::MAX, u(1) << 200] {
        SWEEP_LOOK.assert_refused(&pool, &Oddity::Return(told.abi_encode()), SWEEP_LOOK.failed(&pool));
    }
    // Nor is there one below zero.
    let (_, outcome) = SWEEP_LOOK.run_odd(&pool, &Oddity::Return(word(0)));
    let swept = events::SurplusSwept { recipient: pool.treasury(), amount: u(0) };
    assert_logs(pool.logs(&outcome.unwrap()), [log(swept)]);
}

/// As tokens with lists of frozen accounts do.
#[test]
fn a_refused_recipient_can_name_another() {
    let mut pool = odd();
    let (token, frozen) = (pool.token(), pool.who("X0"));
    misbehave(&mut pool, Pool::token, &Oddity::Reject(frozen), TRANSFER);
    let before = everything(&pool);
    for run in [withdraw, withdraw_for, withdraw_max] {
        assert_refused(run(&mut pool).unwrap_err(), errors::SafeErc20FailedOperation { token });
    }
    assert!(everything(&pool) == before);
    pool.by("S0").withdraw_stake("S0", 100).unwrap();
}

// ---------------------------------------------------------------- re-entry

/// Calls into the pool: each function with empty arguments, then calls that would succeed for the tokens of [`odd`].
fn calls_into(pool: &Pool) -> Vec<(String, Vec<u8>)> {
    let empty = suite::abi::functions().iter().map(|f| (f.signature(), suite::abi::empty_call(f))).collect::<Vec<_>>();
    assert!(empty.len() > 60, "the table of functions is read from abi/");
    let granted = successful_calls(pool).into_iter().map(|call| ("a legal call".into(), call));
    empty.into_iter().chain(granted).collect()
}

fn successful_calls(pool: &Pool) -> Vec<Vec<u8>> {
    let (s0, x0, gov, role) = (pool.who("S0"), pool.who("X0"), pool.who("GOV"), pool.role("DEBT_OPERATOR_ROLE"));
    let amount = u(5);
    let r = B256::ZERO;
    let add = IDiamondCut::FacetCut {
        facetAddress: pool.facet("staking"),
        action: 0,
        functionSelectors: vec![[9; 4].into()],
    };
    vec![
        IStaking::stakeCall { amount }.abi_encode(),
        IStaking::stakeForCall { staker: x0, amount }.abi_encode(),
        IStaking::stakeWithPermitCall { amount, deadline: u(0), v: 27, r, s: r }.abi_encode(),
        IStaking::stakeForWithPermitCall { staker: x0, amount, deadline: u(0), v: 27, r, s: r }.abi_encode(),
        IStaking::requestWithdrawalCall { amount }.abi_encode(),
        IStaking::requestWithdrawalForCall { staker: s0, amount }.abi_encode(),
        IStaking::cancelWithdrawalCall { amount }.abi_encode(),
        IStaking::restakeCall { amount }.abi_encode(),
        IStaking::withdrawStakeCall { recipient: x0, amount }.abi_encode(),
        IStaking::withdrawMaxStakeCall { recipient: x0 }.abi_encode(),
        IStaking::withdrawStakeForCall { staker: s0, recipient: x0, amount }.abi_encode(),
        IStaking::claimRewardsCall { recipient: x0 }.abi_encode(),
        IStaking::claimRewardsForCall { staker: s0, recipient: x0 }.abi_encode(),
        IStakedToken::transferCall { to: x0, amount }.abi_encode(),
        IStakedToken::transferFromCall { from: s0, to: x0, amount: u(0) }.abi_encode(),
        IStakedToken::approveCall { spender: x0, amount }.abi_encode(),
        IStakedToken::increaseAllowanceCall { spender: x0, addedValue: amount }.abi_encode(),
        IStakedToken::decreaseAllowanceCall { spender: x0, subtractedValue: u(0) }.abi_encode(),
        IEpochSchedule::setEpochParametersCall { interval: u(900_000), offset: u(10_100_000) }.abi_encode(),
        IEpochSchedule::setBlackoutWindowCall { blackoutWindow: u(260_000) }.abi_encode(),
        IEpochSchedule::setRewardsPerSecondCall { emissionPerSecond: u(99) }.abi_encode(),
        IEpochSchedule::sweepSurplusCall {}.abi_encode(),
        IEpochSchedule::grantRoleCall { role, account: x0 }.abi_encode(),
        IEpochSchedule::revokeRoleCall { role: pool.role("OWNER_ROLE"), account: gov }.abi_encode(),
        IEpochSchedule::proposeOwnerCall { proposed: x0 }.abi_encode(),
        diamond_cut(vec![add]).abi_encode(),
        IPoolViews::getPoolCall {}.abi_encode(),
        IPoolViews::getAccountCall { staker: s0 }.abi_encode(),
        IPoolViews::getSurplusCall {}.abi_encode(),
        IStakedToken::totalSupplyCall {}.abi_encode(),
    ]
}

/// Calls in that came back: the frames at the pool below its own first one, facets aside.
fn re_entries<'a>(pool: &Pool, receipt: &'a Receipt) -> Vec<&'a chain::Frame> {
    let itself = pool.address();
    receipt.frames.iter().filter(|frame| frame.depth > 0 && frame.code_address == itself).collect()
}

/// The router refused at once, with nothing to say, and without asking a facet.
#[track_caller]
fn assert_all_refused(pool: &Pool, receipt: &Receipt, case: &str) {
    let entries = re_entries(pool, receipt);
    assert!(!entries.is_empty(), "{case}: the token did not call back\n{}", receipt.frame_tree());
    for frame in entries {
        assert!(!frame.success && frame.output.is_empty(), "{case}: {}", frame.output);
        assert_eq!(frame.to, pool.address());
        let below = receipt
            .frames
            .iter()
            .filter(|other| other.parent.is_some_and(|parent| std::ptr::eq(&receipt.frames[parent], frame)));
        assert_eq!(below.count(), 0, "{case}");
    }
}

/// What is refused during a callback is legal otherwise: the refusals below have no other reason.
#[test]
fn what_tokens_call_back_is_legal_otherwise() {
    let pool = odd();
    for token in [pool.token(), pool.rewards_token()] {
        for call in successful_calls(&pool) {
            let mut fork = pool.fork();
            fork.chain.from(token).send(pool.address(), call).unwrap();
        }
        for (signature, call) in calls_into(&pool) {
            let mut fork = pool.fork();
            if let Err(refused) = fork.chain.from(token).send(pool.address(), call) {
                assert!(!refused.is_empty(), "{signature}: {refused:?}");
            }
        }
    }
}

#[test]
fn ree_1_the_pool_cannot_be_re_entered() {
    let mut pool = odd();
    let itself = pool.address();
    let token = pool.token();
    let inner = [
        IStaking::stakeCall { amount: u(0) }.abi_encode(),
        IStakedToken::approveCall { spender: pool.who("X0"), amount: u(5) }.abi_encode(),
    ];
    for call in inner {
        let propagated = Oddity::CallOrFail(itself, call.clone());
        STAKE.assert_refused(&pool, &propagated, errors::SafeErc20FailedOperation { token });
        let (odd, receipt) = STAKE.assert_unaffected(&pool, &Oddity::Call(itself, call));
        assert_all_refused(&odd, &receipt, "swallowed");
    }
    // Once the call is over, the pool is open again.
    pool.by("S0").stake(0).unwrap();
}

/// No view shows the pool halfway: inside a stake the total is raised already, inside a withdrawal lowered, the tokens are not moved.
#[test]
fn ree_2_views_are_refused_during_a_callback() {
    let pool = odd();
    let views = [
        IPoolViews::getTotalActiveBalanceCurrentEpochCall {}.abi_encode(),
        IPoolViews::getContractBalanceAvailableToWithdrawCall {}.abi_encode(),
        IPoolViews::getPoolCall {}.abi_encode(),
        IStakedToken::totalSupplyCall {}.abi_encode(),
    ];
    for call in views {
        for operation in &TRANSFERS {
            let oddity = Oddity::Call(pool.address(), call.clone());
            let (odd, receipt) = operation.assert_unaffected(&pool, &oddity);
            assert_all_refused(&odd, &receipt, operation.name);
        }
    }
}

#[test]
fn every_entry_point_is_closed_while_a_token_is_called() {
    let pool = odd();
    for operation in TRANSFERS.iter().chain(&LOOKS) {
        let plain = operation.plain(&pool);
        for (signature, call) in calls_into(&pool) {
            let case = format!("{signature} from {}", operation.name);
            let oddity = Oddity::Call(pool.address(), call);
            let (odd, receipt) = operation.assert_books(&plain, &pool, &oddity, &case);
            assert_all_refused(&odd, &receipt, &case);
        }
    }
}

#[test]
fn a_refused_callback_that_the_token_passes_on_undoes_everything() {
    let pool = odd();
    for operation in TRANSFERS.iter().chain(&LOOKS) {
        for (_, call) in calls_into(&pool) {
            operation.assert_refused(&pool, &Oddity::CallOrFail(pool.address(), call), operation.failed(&pool));
        }
    }
}

/// Whoever stands between the token and the pool changes nothing: what counts is that a call of the pool is open.
#[test]
fn re_entry_through_a_third_party_is_refused() {
    let mut pool = odd();
    let relay = Address::repeat_byte(0x77);
    pool.chain.set_code(relay, evm::relay(pool.address()));
    for operation in TRANSFERS.iter().chain(&LOOKS) {
        let plain = operation.plain(&pool);
        for call in successful_calls(&pool) {
            let (odd, receipt) = operation.assert_books(&plain, &pool, &Oddity::Call(relay, call), "relayed");
            assert_all_refused(&odd, &receipt, operation.name);
        }
    }
}

#[test]
fn a_permit_that_calls_back_is_refused() {
    let pool = odd();
    let plain = Address::repeat_byte(0x78);
    let stake = |pool: &mut Pool| {
        let (r, s) = (B256::ZERO, B256::ZERO);
        pool.by("S0").send(IStaking::stakeWithPermitCall { amount: u(50), deadline: u(0), v: 27, r, s })
    };
    let mut expected = pool.fork();
    stake(&mut expected).unwrap();
    for (signature, call) in calls_into(&pool) {
        let mut odd = pool.fork();
        odd.chain.set_code(plain, odd.chain.code(odd.token()));
        odd.chain.set_code(odd.token(), evm::calls_in_permit(plain, odd.address(), call));
        let sent = stake(&mut odd).unwrap();
        assert_all_refused(&odd, &sent.receipt, &signature);
        assert_eq!(odd.storage(), expected.storage(), "{signature}");
    }
}

/// A facet's own address is another contract, with storage of its own: calling it during a callback is no re-entry, and reaches
/// nothing of the pool. Nothing is kept there but allowances over a stake that nobody has there.
#[test]
fn facets_reach_nothing_of_the_pool_at_their_own_addresses() {
    let pool = odd();
    let mut kept = BTreeSet::new();
    for operation in [STAKE, CLAIM] {
        let plain = operation.plain(&pool);
        for (program, facet) in pool.deployment.facets.clone() {
            for (signature, call) in calls_into(&pool) {
                let selector: [u8; 4] = *call.first_chunk().unwrap();
                let (odd, _) = operation.assert_books(&plain, &pool, &Oddity::Call(facet, call), &signature);
                let storage = odd.chain.storage_of(facet);
                if !storage.is_empty() {
                    kept.insert((program, selector));
                    assert_eq!(storage.into_values().collect::<Vec<_>>(), [u(5)], "one allowance of 5");
                }
            }
        }
    }
    let allowances = [IStakedToken::approveCall::SELECTOR, IStakedToken::increaseAllowanceCall::SELECTOR];
    assert_eq!(kept, allowances.map(|selector| ("staked-token", selector)).into());
}

/// Contracts in EVM code, where a token of the doubles cannot do it.
mod evm {
    use super::*;

    /// Passes every call on to `to`, and its outcome back.
    pub(super) fn relay(to: Address) -> Vec<u8> {
        // CALLDATACOPY(0, 0, CALLDATASIZE); CALL(GAS, to, 0, 0, CALLDATASIZE, 0, 0)
        answered([&[0x36, 0x5f, 0x5f, 0x37, 0x5f, 0x5f, 0x36, 0x5f, 0x5f, 0x73], &to.0[..], &[0x5a, 0xf1]].concat())
    }

    /// Makes these calls, whatever comes of them.
    pub(super) fn calls(calls: &[(Address, Vec<u8>)]) -> Vec<u8> {
        calls_at(0, calls)
    }

    /// A token that calls `to` in `permit`, whatever comes of it. For anything else it is `plain`, by delegation.
    pub(super) fn calls_in_permit(plain: Address, to: Address, data: Vec<u8>) -> Vec<u8> {
        // CALLDATACOPY(0, 0, CALLDATASIZE); DELEGATECALL(GAS, plain, 0, CALLDATASIZE, 0, 0)
        let call = [&[0x36, 0x5f, 0x5f, 0x37, 0x5f, 0x5f, 0x36, 0x5f, 0x73], &plain.0[..], &[0x5a, 0xf4]].concat();
        let delegation = answered(call);
        let permit = 14 + delegation.len();
        // if (SHR(0xe0, CALLDATALOAD(0)) == selector) goto permit
        let selector = &IToken::permitCall::SELECTOR;
        let head = [&[0x5f, 0x35, 0x60, 0xe0, 0x1c, 0x63], &selector[..], &[0x14, 0x60, permit as u8, 0x57]].concat();
        [head, delegation, vec![0x5b], calls_at(permit + 1, &[(to, data)])].concat()
    }

    /// Calls, then STOP, in code that begins at `offset`; the data stand behind it.
    fn calls_at(offset: usize, calls: &[(Address, Vec<u8>)]) -> Vec<u8> {
        const LENGTH: usize = 8 + 8 + 20 + 3;
        let (mut code, mut tail) = (Vec::new(), Vec::new());
        let data_start = offset + LENGTH * calls.len() + 1;
        for (to, data) in calls {
            let [a, b] = (data.len() as u16).to_be_bytes();
            let [c, d] = ((data_start + tail.len()) as u16).to_be_bytes();
            // CODECOPY(0, start, length); POP(CALL(GAS, to, 0, 0, length, 0, 0))
            code.extend([0x61, a, b, 0x61, c, d, 0x5f, 0x39]);
            code.extend([0x5f, 0x5f, 0x61, a, b, 0x5f, 0x5f, 0x73]);
            code.extend(to.0);
            code.extend([0x5a, 0xf1, 0x50]);
            tail.extend(data);
        }
        code.push(0x00);
        [code, tail].concat()
    }

    /// A call, then its return data or revert data as one's own.
    fn answered(call: Vec<u8>) -> Vec<u8> {
        // RETURNDATACOPY(0, 0, RETURNDATASIZE); if success, RETURN(0, RETURNDATASIZE), else REVERT
        let end = [0x3d, 0x5f, 0x5f, 0x3e, 0x58, 0x60, 0x08, 0x01, 0x57, 0x3d, 0x5f, 0xfd, 0x5b, 0x3d, 0x5f, 0xf3];
        [&call[..], &end].concat()
    }
}
