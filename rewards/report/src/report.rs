//! What a report says, before it is drawn.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, aliases::U512};
use rewards::{
    coefficient::Ratio,
    eligibility::Standing,
    health::{Health, MarketHealth},
    parameters::{Distributor, MarketParameters, Token},
    timeline::{MarketBucket, ProviderBucket, Verdicts},
};

/// One epoch.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which one.
    pub epoch: u64,
    /// Its first second, Unix time.
    pub start: u64,
    /// Its length.
    pub seconds: u64,
    /// In what rewards are paid.
    pub token: Token,
    /// Who pays, if the parameters say so.
    pub distributor: Option<Distributor>,
    /// How whole the data is; nothing for published scores.
    pub health: Option<Health>,
    /// Why gaps were accepted, if there are any.
    pub accepted_gaps: Option<String>,
    /// What computed it.
    pub software: String,
    /// Root of the tree.
    pub root: B256,
    /// CID of the tree's file.
    pub cid: String,
    /// The root before.
    pub previous_root: Option<B256>,
    /// The epoch before, to compare with, if its results were given.
    pub before: Option<Before>,
    /// Leaves of the tree.
    pub leaves: usize,
    /// Sum of all cumulative amounts.
    pub total_wei: U256,
    /// What each program gives in this epoch, by name.
    pub programs: Vec<(String, U256)>,
    /// What liquidity providers could get.
    pub lp_amount_wei: U256,
    /// What of it stays in the treasury.
    pub unpaid_wei: U256,
    /// Malformed samples left out.
    pub skipped: u64,
    /// What was checked, and holds.
    pub checks: Vec<String>,
    /// Where the samples come from; nothing for published scores.
    pub sampled: Option<Sampled>,
    /// In the order of the parameters.
    pub markets: Vec<Market>,
    /// Who quoted or is credited, by address.
    pub providers: Vec<Provider>,
    /// Who could have earned but had no order in any sample, and the maker volume of its group in the epoch before: micro-USD.
    pub idle: Vec<(Address, u128)>,
    /// Leaves of everybody else, the largest first.
    pub others: Vec<Statement>,
}

impl Report {
    /// How whole a market's samples are.
    #[must_use]
    pub fn health_of(&self, market: &str) -> Option<&MarketHealth> {
        self.health.iter().flat_map(|health| &health.markets).find(|health| health.market == market)
    }
}

/// What the results of the epoch before say.
#[derive(Clone, Debug)]
pub struct Before {
    /// Which one.
    pub epoch: u64,
    /// What was paid for liquidity.
    pub paid_wei: U256,
    /// What stayed in the treasury.
    pub unpaid_wei: U256,
    /// Leaves of its tree.
    pub leaves: usize,
    /// Who was credited with how much.
    pub credits: BTreeMap<Address, U256>,
    /// Pool and valid samples of each market.
    pub markets: BTreeMap<String, (U256, u32)>,
}

/// What is known of an epoch with samples.
#[derive(Clone, Debug)]
pub struct Sampled {
    /// Least share of maker volume, above and below the line.
    pub threshold: (u64, u64),
    /// Whether a list says who is eligible, as in epoch 0, and not the volume.
    pub is_listed: bool,
    /// Everybody's maker volume in the epoch before, micro-USD.
    pub previous_volume: u128,
    /// And in this one.
    pub volume: u128,
    /// Minutes in a bucket.
    pub bucket_minutes: u32,
    /// How many buckets.
    pub buckets: usize,
}

/// One market.
#[derive(Clone, Debug)]
pub struct Market {
    /// Name, formula, limits and part.
    pub parameters: MarketParameters,
    /// Valid samples.
    pub samples: u32,
    /// Crossed books.
    pub crossed: u32,
    /// Samples off their instant.
    pub off_instant: u32,
    /// Minutes without a sample.
    pub missing: u32,
    /// Tokens to hand out.
    pub pool_wei: u128,
    /// Tokens handed out.
    pub paid_wei: u128,
    /// Sum of the scores of those who take part.
    pub total_score: U512,
    /// Average liquidity of those who take part, USD per unit of spread.
    pub liquidity: Option<Ratio>,
    /// How well liquidity is paid: 1 is average. Nothing if nobody competes.
    pub coefficient: Option<Ratio>,
    /// As many as the report has.
    pub buckets: Vec<MarketBucket>,
    /// Everybody with an order or a reward in it: the greatest score that earns first.
    pub rows: Vec<Row>,
}

/// A provider in one market.
#[derive(Clone, Debug)]
pub struct Row {
    /// Whose.
    pub account: Address,
    /// Whether it takes part.
    pub is_eligible: bool,
    /// Depth over spread, summed over the epoch: micro-USD.
    pub liquidity: u128,
    /// Its own uptime, samples.
    pub uptime: u32,
    /// The uptime that scores: the greatest of its group.
    pub effective_uptime: u32,
    /// Its maker volume, micro-USD.
    pub volume: u128,
    /// Its score, whether it takes part or not.
    pub score: U512,
    /// What it earns for its primary.
    pub reward_wei: u128,
    /// As many as the report has.
    pub buckets: Vec<ProviderBucket>,
    /// What became of its orders.
    pub verdicts: Verdicts,
}

impl Row {
    /// The score as far as it earns.
    #[must_use]
    pub const fn earning_score(&self) -> U512 {
        if self.is_eligible { self.score } else { U512::ZERO }
    }
}

/// A provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Who.
    pub account: Address,
    /// Who is credited with what it earns.
    pub primary: Address,
    /// All linked addresses, its own among them, the primary first.
    pub group: Vec<Address>,
    /// Whether it takes part; nothing for published scores.
    pub standing: Option<Standing>,
    /// Why it is excluded.
    pub exclusion: Option<String>,
    /// Its group's maker volume in the epoch before, micro-USD.
    pub previous_volume: u128,
    /// And in this one, which decides the next.
    pub volume: u128,
    /// Still missing for the next epoch if nobody else traded any more, micro-USD; nothing if nothing can help.
    pub missing_volume: Option<U256>,
    /// What it is credited with for liquidity in this epoch.
    pub credit_wei: U256,
    /// Its leaf, if it has one.
    pub statement: Option<Statement>,
}

/// What a leaf is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whose.
    pub account: Address,
    /// The leaf.
    pub leaf: B256,
    /// Its amount: the sum of the lines.
    pub amount_wei: U256,
    /// The lines.
    pub lines: Vec<Line>,
    /// Siblings of the leaf, from the bottom up.
    pub proof: Vec<B256>,
}

/// A line of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is for.
    pub source: LineSource,
    /// How much.
    pub amount_wei: U256,
    /// Which linked addresses earned how much of it, if there are several.
    pub earned_by: Vec<(Address, u128)>,
}

/// What a line is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineSource {
    /// All epochs before.
    Earlier,
    /// Liquidity in a market.
    Market(String),
    /// Liquidity, not told by market: published scores.
    Liquidity,
    /// Another program.
    Program(String),
}

impl Statement {
    /// The sum of the lines; what exceeds 256 bits is no sum.
    #[must_use]
    pub fn sum(&self) -> Option<U256> {
        self.lines.iter().try_fold(U256::ZERO, |sum, line| sum.checked_add(line.amount_wei))
    }
}
