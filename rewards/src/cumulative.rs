//! All programs in one balance per address (spec section 15): who was ever rewarded stays in every later tree.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};

/// Amounts per address.
pub type Amounts = BTreeMap<Address, U256>;

/// What forbids a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum MergeError {
    #[error("{0}: cumulative amount exceeds 256 bits")]
    Overflow(Address),
    #[error("{account}: {after} is less than {before} before; the distributor would refuse its claims")]
    Decreased { account: Address, before: U256, after: U256 },
    #[error("the increases add up to {increases}, the programs to {programs}")]
    NotTheSum { increases: U256, programs: U256 },
}

/// Adds what the programs of an epoch give to what everybody had.
pub fn merge(previous: &Amounts, programs: &[&Amounts]) -> Result<Amounts, MergeError> {
    let mut amounts = previous.clone();
    for (account, amount) in programs.iter().flat_map(|program| program.iter()) {
        if amount.is_zero() {
            continue; // Nothing earned makes no entry.
        }
        let sum = amounts.entry(*account).or_default();
        *sum = sum.checked_add(*amount).ok_or(MergeError::Overflow(*account))?;
    }
    Ok(amounts)
}

/// Checks that a tree may follow another one: nobody is lost, nobody has less, and the increases are exactly what the programs give.
pub fn check_succession(previous: &Amounts, next: &Amounts, programs: &[&Amounts]) -> Result<(), MergeError> {
    for (account, before) in previous {
        let after = next.get(account).copied().unwrap_or_default();
        if after < *before {
            return Err(MergeError::Decreased { account: *account, before: *before, after });
        }
    }
    let increase = |(account, after): (&Address, &U256)| {
        after.checked_sub(previous.get(account).copied().unwrap_or_default()).unwrap_or_default()
    };
    let increases = total(next.iter().map(increase));
    let programs = total(programs.iter().flat_map(|program| program.values().copied()));
    if increases == programs { Ok(()) } else { Err(MergeError::NotTheSum { increases, programs }) }
}

/// The sum of amounts; those above 256 bits are all alike.
pub fn total(amounts: impl IntoIterator<Item = U256>) -> U256 {
    amounts.into_iter().fold(U256::ZERO, U256::saturating_add)
}
