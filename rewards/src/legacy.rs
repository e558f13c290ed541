//! The profile that reproduces historical trees: from the scores that the exchange published, not from samples (spec sections 8.3 and 11.3).
//!
//! Published scores are decimal renderings of doubles and are taken as the exact decimals that they are.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use num_bigint::BigUint;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    book::{Flaw, parse_address},
    pairs::Pairs,
};

/// The greatest power of ten, either way, that a published score can have.
const EXPONENT_MAX: i64 = 400;

/// What is wrong with published data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum LegacyError {
    #[error("not the data of an epoch: {0}")]
    NotData(String),
    #[error(transparent)]
    Address(#[from] Flaw),
    #[error("{account}: `{text}` is not a score")]
    NotAScore { account: Address, text: String },
    #[error("{0} has two scores")]
    RepeatedAccount(Address),
    #[error("{0} is linked twice")]
    RepeatedLink(Address),
    #[error("{0} is linked to itself or to a secondary")]
    BadLink(Address),
    #[error("the scores add up to zero")]
    NoScores,
}

/// One epoch's data as the exchange published it. Maps go from lower-case address to number; fields of other programs are kept as they are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EpochData<'a> {
    /// Which epoch.
    pub epoch: u64,
    /// Scores of liquidity providers, already summed over markets.
    #[serde(borrow)]
    quote_score: Pairs<&'a RawValue>,
    /// Secondary to primary, in later epochs; null is none.
    #[serde(default)]
    linked_primary_addresses: Option<Pairs<String>>,
}

/// A score: an exact decimal.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decimal {
    digits: BigUint,
    exponent: i64,
}

/// Scores and links of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Which epoch.
    pub epoch: u64,
    scores: BTreeMap<Address, Decimal>,
    links: BTreeMap<Address, Address>,
}

impl Published {
    /// Reads the JSON of an epoch.
    pub fn parse(json: &[u8]) -> Result<Self, LegacyError> {
        let data: EpochData<'_> =
            serde_json::from_slice(json).map_err(|error| LegacyError::NotData(error.to_string()))?;
        let mut scores = BTreeMap::new();
        for (account, score) in &data.quote_score.0 {
            let account = parse_address(account)?;
            let text = score.get();
            let score = decimal(text).ok_or_else(|| LegacyError::NotAScore { account, text: text.to_owned() })?;
            if scores.insert(account, score).is_some() {
                return Err(LegacyError::RepeatedAccount(account));
            }
        }
        let mut links = BTreeMap::new();
        for (secondary, primary) in data.linked_primary_addresses.iter().flat_map(|pairs| &pairs.0) {
            let (secondary, primary) = (parse_address(secondary)?, parse_address(primary)?);
            if links.insert(secondary, primary).is_some() {
                return Err(LegacyError::RepeatedLink(secondary));
            }
        }
        if let Some((secondary, _)) = links.iter().find(|(_, primary)| links.contains_key(*primary)) {
            return Err(LegacyError::BadLink(*secondary));
        }
        Ok(Self { epoch: data.epoch, scores, links })
    }

    /// What each address earned, rounded down once, before links; nobody with nothing.
    pub fn rewards(&self, lp_amount_wei: u128) -> Result<BTreeMap<Address, U256>, LegacyError> {
        let least = self.scores.values().map(|score| score.exponent).min().unwrap_or_default();
        let units = |score: &Decimal| {
            let places = u32::try_from(score.exponent - least).unwrap_or_default(); // At most twice EXPONENT_MAX.
            &score.digits * BigUint::from(10_u32).pow(places)
        };
        let total: BigUint = self.scores.values().map(units).sum();
        if total == BigUint::ZERO {
            return Err(LegacyError::NoScores);
        }
        let reward = |score: &Decimal| units(score) * lp_amount_wei / &total;
        let rewards = self.scores.iter().map(|(account, score)| (*account, reward(score)));
        let nonzero = rewards.filter(|(_, reward)| *reward != BigUint::ZERO);
        Ok(nonzero.map(|(account, reward)| (account, U256::from_le_slice(&reward.to_bytes_le()))).collect())
    }

    /// What each primary is credited with.
    pub fn credits(&self, lp_amount_wei: u128) -> Result<BTreeMap<Address, U256>, LegacyError> {
        let mut credits = BTreeMap::<_, U256>::new();
        for (account, reward) in self.rewards(lp_amount_wei)? {
            let primary = self.links.get(&account).copied().unwrap_or(account);
            let credit = credits.entry(primary).or_default();
            *credit = credit.saturating_add(reward); // At most the whole amount.
        }
        Ok(credits)
    }
}

/// Reads a JSON number, or a string that is one, exactly. No sign: a score is not negative.
fn decimal(text: &str) -> Option<Decimal> {
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().ok()?;
    let digits = format!("{whole}{fraction}");
    if whole.is_empty() || digits.len() > EXPONENT_MAX as usize || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    (exponent.abs() <= EXPONENT_MAX).then_some(Decimal { digits: digits.parse().ok()?, exponent })
}
