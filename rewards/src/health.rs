//! How whole an epoch's data is: what was expected, what was seen, and which gaps are too large. A wrong epoch must not look like a right one.
//!
//! Figures are counts of minutes. Limits are basis points of them, rounded up: 9,900 of 40,320 minutes are 39,917.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    allocation::Allocation,
    eligibility,
    inputs::Inputs,
    parameters::{EpochParameters, WHOLE_BPS},
    score::Scores,
    tally::{MarketTally, Tally},
};

/// How whole an epoch's data must be; what is below refuses the epoch unless the gap is accepted with a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Least part of a market's expected minutes that have a sample, whatever its status: basis points.
    pub seen_bps: u32,
    /// Least part of a market's samples that are on their instant: basis points.
    pub on_instant_bps: u32,
    /// Least part of a market's expected minutes that have a valid sample: basis points.
    pub valid_bps: u32,
    /// Whether the secret must be known, so that instants are checked at all.
    pub known_instants: bool,
    /// Whether the folder must be sealed, so that no file can have changed since.
    pub sealed: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { seen_bps: 9_900, on_instant_bps: 9_900, valid_bps: 9_000, known_instants: false, sealed: false }
    }
}

impl Limits {
    pub(crate) const fn basis_points(&self) -> [(&'static str, u32); 3] {
        [("seen_bps", self.seen_bps), ("on_instant_bps", self.on_instant_bps), ("valid_bps", self.valid_bps)]
    }
}

/// So many basis points of a number, rounded up.
fn part_up(whole: u32, bps: u32) -> u32 {
    let part = (u64::from(whole) * u64::from(bps)).div_ceil(WHOLE_BPS.into());
    u32::try_from(part).unwrap_or(u32::MAX)
}

/// Minutes by what is known of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statuses {
    /// Both sides, on time.
    pub ok: u32,
    /// A side is empty, on time.
    pub one_sided: u32,
    /// Best bid at or above best ask.
    pub crossed: u32,
    /// The exchange was down.
    pub outage: u32,
    /// Too far from its instant.
    pub off_instant: u32,
}

/// How whole one market's samples are. Counts are minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketHealth {
    /// Market.
    pub market: String,
    /// In which it was listed.
    pub expected: u32,
    /// That have a sample, whatever its status.
    pub seen: u32,
    /// Whose sample is not known to be off its instant.
    pub on_instant: u32,
    /// Whose sample is valid.
    pub valid: u32,
    /// The samples by status; they sum to `seen`.
    pub statuses: Statuses,
    /// Orders in all samples.
    pub orders: u64,
}

impl MarketHealth {
    /// The account of one market's sums.
    #[must_use]
    pub fn of(market: &str, expected: u32, sums: &MarketTally) -> Self {
        let statuses = Statuses {
            ok: sums.valid - sums.one_sided,
            one_sided: sums.one_sided,
            crossed: sums.crossed,
            outage: sums.outages,
            off_instant: sums.off_instant,
        };
        let on_instant = sums.valid + sums.crossed + sums.outages;
        let seen = on_instant + sums.off_instant;
        Self { market: market.to_owned(), expected, seen, on_instant, valid: sums.valid, statuses, orders: sums.orders }
    }

    fn gaps(&self, limits: &Limits) -> impl Iterator<Item = Gap> {
        let Self { market, expected, seen, on_instant, valid, .. } = self;
        let market = || market.clone();
        let unseen = part_up(*expected, limits.seen_bps);
        let off = part_up(*seen, limits.on_instant_bps);
        let invalid = part_up(*expected, limits.valid_bps);
        let gaps = [
            (*seen < unseen).then(|| Gap::Unseen { market: market(), seen: *seen, expected: *expected, least: unseen }),
            (*on_instant < off).then(|| Gap::OffInstant {
                market: market(),
                on_instant: *on_instant,
                seen: *seen,
                least: off,
            }),
            (*valid < invalid).then(|| Gap::Invalid {
                market: market(),
                valid: *valid,
                expected: *expected,
                least: invalid,
            }),
        ];
        gaps.into_iter().flatten()
    }
}

/// What is missing, and how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "gap", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Gap {
    Unseen { market: String, seen: u32, expected: u32, least: u32 },
    OffInstant { market: String, on_instant: u32, seen: u32, least: u32 },
    Invalid { market: String, valid: u32, expected: u32, least: u32 },
    NoVolume { market: String, epoch: u64 },
    NoPreviousVolume { epoch: u64 },
    NoStake,
    NobodyEligible,
    Unpaid,
    UnknownInstants,
    Unsealed,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unseen { market, seen, expected, least } => {
                write!(f, "{market}: samples of {seen} minutes, of {expected} at least {least} are needed (seen_bps)")
            }
            Self::OffInstant { market, on_instant, seen, least } => {
                write!(
                    f,
                    "{market}: {on_instant} samples on their instant, of {seen} at least {least} are needed (on_instant_bps)"
                )
            }
            Self::Invalid { market, valid, expected, least } => {
                write!(
                    f,
                    "{market}: valid samples of {valid} minutes, of {expected} at least {least} are needed (valid_bps)"
                )
            }
            Self::NoVolume { market, epoch } => {
                write!(f, "{market}: no maker volume in epoch {epoch}, so nobody can score")
            }
            Self::NoPreviousVolume { epoch } => {
                write!(f, "no maker volume in epoch {epoch}, which decides who is eligible")
            }
            Self::NoStake => f.write_str("no samples of stakes, so nobody can score where stake counts"),
            Self::NobodyEligible => f.write_str("nobody is eligible, so nothing is paid"),
            Self::Unpaid => f.write_str("no market pays anybody: the epoch's tokens stay in the treasury"),
            Self::UnknownInstants => {
                f.write_str("the secret is not known, so instants are not checked (known_instants)")
            }
            Self::Unsealed => f.write_str("the folder is not sealed: SHA256SUMS is missing (sealed)"),
        }
    }
}

/// How whole an epoch's data is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// In the order of the parameters.
    pub markets: Vec<MarketHealth>,
    /// Rows of every table that was read, by its name.
    pub tables: BTreeMap<String, u64>,
    /// Minutes of which stakes were sampled; nothing where stake does not count.
    pub stake_minutes: Option<u32>,
    /// Whether the secret is known, so that instants were checked.
    pub known_instants: bool,
    /// Whether each file is the one that was sealed.
    pub sealed: bool,
    /// What is too little.
    pub gaps: Vec<Gap>,
}

impl Health {
    /// The account of an epoch, before anything is scored. Who read tables adds how many rows they had.
    #[must_use]
    pub fn of(
        parameters: &EpochParameters,
        tally: &Tally,
        inputs: &Inputs,
        known_instants: bool,
        sealed: bool,
    ) -> Self {
        let minutes = parameters.minutes();
        let markets = parameters.markets.iter().zip(&tally.markets);
        let markets: Vec<_> = markets
            .map(|(market, sums)| MarketHealth::of(&market.market, market.minutes(minutes).len() as u32, sums))
            .collect();
        let uses_stake = parameters.markets.iter().any(|market| market.formula.uses_stake());
        let mut health = Self {
            markets,
            tables: BTreeMap::new(),
            stake_minutes: uses_stake.then(|| inputs.stakes.samples()),
            known_instants,
            sealed,
            gaps: Vec::new(),
        };
        health.gaps = health.find_gaps(parameters, inputs);
        health
    }

    fn find_gaps(&self, parameters: &EpochParameters, inputs: &Inputs) -> Vec<Gap> {
        let limits = &parameters.health;
        let mut gaps: Vec<_> = self.markets.iter().flat_map(|market| market.gaps(limits)).collect();
        let epoch = parameters.epoch;
        let scored = parameters.markets.iter().filter(|market| market.formula.uses_volume());
        let without = scored.filter(|market| inputs.volumes.of_market(&market.market) == 0);
        gaps.extend(without.map(|market| Gap::NoVolume { market: market.market.clone(), epoch }));
        if inputs.eligible.is_none() && inputs.previous_volumes.total() == 0 {
            gaps.push(Gap::NoPreviousVolume { epoch: epoch.saturating_sub(1) });
        }
        if self.stake_minutes == Some(0) {
            gaps.push(Gap::NoStake);
        }
        if limits.known_instants && !self.known_instants {
            gaps.push(Gap::UnknownInstants);
        }
        if limits.sealed && !self.sealed {
            gaps.push(Gap::Unsealed);
        }
        gaps
    }

    /// Adds what only the allocation shows: that nobody takes part, or nobody is paid.
    pub fn add_allocation(&mut self, parameters: &EpochParameters, scores: &Scores, allocation: &Allocation) {
        if parameters.lp_amount_wei == 0 {
            return;
        }
        if !scores.rows.iter().any(|row| row.standing == eligibility::Standing::Eligible) {
            self.gaps.push(Gap::NobodyEligible);
        } else if allocation.markets.iter().all(|market| market.paid_wei == 0) {
            self.gaps.push(Gap::Unpaid);
        }
    }
}
