//! What somebody without a role can do: everything is tried, on states of random histories, and nobody else may have less afterwards.

use alloy_dyn_abi::{DynSolType, DynSolValue, JsonAbiExt, Specifier};
use alloy_json_abi::Function;
use alloy_primitives::{Address, U256};

use super::{BORROWERS, Divergence, PEOPLE, Random};
use crate::{
    Pool, ROLES,
    abi::{self, IBorrowerAllocations as Lending, IPoolViews as Views, IStaking, IToken},
    deployment::role,
};

/// Somebody whom no history gives a role, a share or an allowance.
const STRANGER: &str = "stranger";

/// How many sequences are tried in one state.
const SEQUENCES: usize = 4;

/// The most calls in a sequence.
const CALLS: u64 = 3;

/// What an account has. Its loans and debts stand apart, so that nothing is ever negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Worth {
    /// Staked tokens held, stake, and what is owed to it.
    assets: U256,
    /// What it owes.
    liabilities: U256,
    /// Rewards held and claimable.
    rewards: U256,
}

impl Worth {
    fn of(pool: &Pool, who: Address) -> Self {
        let held =
            |token| pool.chain.view(token, IToken::balanceOfCall { account: who }).expect("tokens tell balances");
        let account = pool.view(Views::getAccountCall { staker: who });
        let loans = pool.view(Lending::getBorrowerCall { borrower: who });
        let stake = account.activeCurrentEpoch + account.inactiveCurrentEpoch;
        Self {
            assets: held(pool.token()) + stake + account.debt,
            liabilities: loans.borrowed + loans.debt,
            rewards: held(pool.rewards_token()) + account.claimableRewards,
        }
    }

    /// Whether this is at least as much as `other`, rewards apart.
    fn covers(&self, other: &Self) -> bool {
        self.assets + other.liabilities >= other.assets + self.liabilities
    }
}

/// How many calls a stranger made, and how many of them were accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attempts {
    /// Calls made.
    pub(super) made: u64,
    /// Calls that were not refused.
    pub(super) accepted: u64,
}

/// Tries sequences of up to three calls of any function, with arguments at the boundaries of what there is, as somebody without a role.
///
/// # Errors
///
/// If anybody else has less tokens, stake and credit, loans and debt taken off, or more than a unit less of rewards; or if the stranger
/// has more.
pub(super) fn try_everything(pool: &Pool, random: &mut Random) -> Result<Attempts, Divergence> {
    let mut attempts = Attempts::default();
    for _ in 0..SEQUENCES {
        let mut fork = pool.fork();
        let mut told = prepare(&mut fork, random);
        let everybody: Vec<_> = PEOPLE.iter().map(|name| (*name, fork.who(name))).collect();
        let stranger = fork.who(STRANGER);
        let before: Vec<_> = everybody.iter().map(|(_, who)| Worth::of(&fork, *who)).collect();
        let own = Worth::of(&fork, stranger);
        for _ in 0..=random.below(CALLS) {
            let (name, data) = draw(&fork, random);
            let accepted = fork.by(STRANGER).send_raw(data).is_ok();
            attempts.made += 1;
            attempts.accepted += u64::from(accepted);
            told.push(format!("{name}{}", if accepted { "" } else { " (refused)" }));
        }
        let told = told.join(", ");
        for ((name, who), before) in everybody.iter().zip(&before) {
            let after = Worth::of(&fork, *who);
            if !after.covers(before) || after.rewards + U256::ONE < before.rewards {
                return Err(format!("a stranger takes from {name}: {told}: {before:?} became {after:?}"));
            }
        }
        let after = Worth::of(&fork, stranger);
        if !own.covers(&after) || after.rewards > own.rewards {
            return Err(format!("a stranger gains: {told}: {own:?} became {after:?}"));
        }
    }
    Ok(attempts)
}

/// The stranger has tokens, and sometimes stake, inactive stake, or a request.
fn prepare(pool: &mut Pool, random: &mut Random) -> Vec<String> {
    let (itself, token) = (pool.address(), pool.token());
    let amount = random.one(&[1_u64, 1000, 1_000_000_000]);
    pool.set_tokens(STRANGER, amount);
    let approve = IToken::approveCall { spender: itself, value: U256::MAX };
    pool.by(STRANGER).send_to(token, approve).expect("tokens approve");
    let mut told = Vec::new();
    // Refused before epoch zero, while the pool is short, and in the blackout window: then it has less to begin with.
    if random.below(2) == 0 && pool.by(STRANGER).send(IStaking::stakeCall { amount: U256::from(amount) }).is_ok() {
        told.push("has staked".to_owned());
        let amount = U256::from(amount / 2);
        if random.below(2) == 0 && pool.by(STRANGER).send(IStaking::requestWithdrawalCall { amount }).is_ok() {
            told.push("has requested".to_owned());
        }
    }
    told
}

/// Any function with arguments that fit it.
fn draw(pool: &Pool, random: &mut Random) -> (String, Vec<u8>) {
    let functions = abi::functions();
    let function = &functions[random.below(functions.len() as u64) as usize];
    let arguments: Vec<_> = types(function).iter().map(|ty| argument(pool, ty, random)).collect();
    let data = function.abi_encode_input(&arguments).expect("arguments of the function's types");
    (format!("{}{arguments:?}", function.name), data)
}

fn types(function: &Function) -> Vec<DynSolType> {
    function.inputs.iter().map(|input| input.resolve().expect("types of the interface")).collect()
}

fn argument(pool: &Pool, ty: &DynSolType, random: &mut Random) -> DynSolValue {
    match ty {
        DynSolType::Address => DynSolValue::Address(account(pool, random)),
        DynSolType::Uint(bits) => DynSolValue::Uint(number(pool, random) & mask(*bits), *bits),
        DynSolType::Bool => DynSolValue::Bool(random.below(2) == 0),
        DynSolType::FixedBytes(32) => DynSolValue::FixedBytes(role(random.one(&ROLES)), 32),
        DynSolType::FixedBytes(size) => DynSolValue::FixedBytes(Default::default(), *size),
        DynSolType::Bytes => DynSolValue::Bytes(Vec::new()),
        DynSolType::String => DynSolValue::String(String::new()),
        // Usually every borrower, with a number each: what `markDebt` and the admins' functions take.
        DynSolType::Array(of) if **of == DynSolType::Address => DynSolValue::Array(
            pool.all(&BORROWERS).into_iter().skip(random.below(3) as usize).map(DynSolValue::Address).collect(),
        ),
        DynSolType::Array(of) if matches!(**of, DynSolType::Uint(_)) => {
            DynSolValue::Array((0..BORROWERS.len()).map(|_| argument(pool, of, random)).collect())
        }
        DynSolType::Array(_) => DynSolValue::Array(Vec::new()),
        DynSolType::Tuple(of) | DynSolType::CustomStruct { tuple: of, .. } => {
            DynSolValue::Tuple(of.iter().map(|ty| argument(pool, ty, random)).collect())
        }
        other => unreachable!("no function of the pool takes {other}"),
    }
}

fn account(pool: &Pool, random: &mut Random) -> Address {
    match random.below(12) {
        0 => Address::ZERO,
        1 => pool.address(),
        2 => pool.token(),
        3..=5 => pool.who(STRANGER),
        _ => pool.who(random.one(&PEOPLE)),
    }
}

/// Around what somebody has, and the ends of every width.
fn number(pool: &Pool, random: &mut Random) -> U256 {
    let who = account(pool, random);
    let account = pool.view(Views::getAccountCall { staker: who });
    let loans = pool.view(Lending::getBorrowerCall { borrower: who });
    let limits = [
        account.activeNextEpoch,
        account.inactiveCurrentEpoch,
        account.debt,
        loans.borrowed,
        loans.debt,
        loans.borrowable,
        U256::from(1000),
    ];
    let limit = random.one(&limits);
    random.amount(limit)
}

fn mask(bits: usize) -> U256 {
    if bits == 256 { U256::MAX } else { (U256::ONE << bits) - U256::ONE }
}
