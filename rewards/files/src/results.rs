//! Results as tables: scores, rewards, markets, credits, and what each balance is made of (spec sections 12.1 and 12.4).

use std::{collections::BTreeMap, path::Path};

use alloy_primitives::{Address, B256, U256};
use rewards::{
    allocation::Allocation,
    book::parse_address,
    coefficient,
    cumulative::Amounts,
    decimal,
    eligibility::Standing,
    formula::Formula,
    parameters::EpochParameters,
    score::{MarketScores, ScoreRow, Scores},
    tree::Tree,
};
use serde::Serialize;

use crate::{Error, rows, rows::Table};

/// Columns of the score file that are known before pools are.
const SCORE_COLUMNS: [&str; 14] = [
    "epoch",
    "market",
    "account",
    "primary",
    "formula",
    "q",
    "u",
    "u_effective",
    "T",
    "v",
    "s",
    "eligible",
    "W",
    "sum_W",
];

/// Columns that only rewards have.
const REWARD_COLUMNS: [&str; 2] = ["pool_wei", "reward_wei"];

const MARKET_COLUMNS: [&str; 8] = ["market", "T", "crossed", "off_instant", "outages", "missing", "q", "sum_W"];

/// Columns of markets that are known once pools are.
const POOL_COLUMNS: [&str; 4] = ["weight", "pool_wei", "paid_wei", "coefficient"];

const AMOUNT_COLUMNS: [&str; 2] = ["account", "wei"];

/// The columns of a table of complete results; nothing for other names.
#[must_use]
pub fn columns(name: &str) -> Option<Vec<&'static str>> {
    Some(match name {
        "scores" => SCORE_COLUMNS.to_vec(),
        "rewards" => [SCORE_COLUMNS.as_slice(), &REWARD_COLUMNS].concat(),
        "markets" => [MARKET_COLUMNS.as_slice(), &POOL_COLUMNS].concat(),
        "lp" => AMOUNT_COLUMNS.to_vec(),
        "breakdown" => PART_COLUMNS.to_vec(),
        _ => return None,
    })
}

/// The score file, without pools and rewards.
#[must_use]
pub fn score_table(epoch: u64, scores: &Scores) -> Table {
    let totals = totals(scores);
    let rows = scores.rows.iter().map(|row| score_fields(epoch, row, &totals)).collect();
    Table { columns: SCORE_COLUMNS.to_vec(), rows }
}

/// The complete score file.
#[must_use]
pub fn reward_table(epoch: u64, scores: &Scores, allocation: &Allocation) -> Table {
    let totals = totals(scores);
    let pools: BTreeMap<_, _> =
        allocation.markets.iter().map(|market| (market.market.as_str(), market.pool_wei)).collect();
    let fields = |(row, reward): (&ScoreRow, &u128)| {
        let mut fields = score_fields(epoch, row, &totals);
        fields.push(pools.get(row.market.as_str()).copied().unwrap_or_default().to_string());
        fields.push(reward.to_string());
        fields
    };
    let rows = scores.rows.iter().zip(&allocation.rewards_wei).map(fields).collect();
    Table { columns: [SCORE_COLUMNS.as_slice(), &REWARD_COLUMNS].concat(), rows }
}

fn totals(scores: &Scores) -> BTreeMap<&str, String> {
    scores.markets.iter().map(|market| (market.market.as_str(), market.total_score.to_string())).collect()
}

fn score_fields(epoch: u64, row: &ScoreRow, totals: &BTreeMap<&str, String>) -> Vec<String> {
    vec![
        epoch.to_string(),
        row.market.clone(),
        row.account.to_string(),
        row.primary.to_string(),
        row.formula.to_string(),
        row.liquidity.to_string(),
        row.uptime.to_string(),
        row.effective_uptime.to_string(),
        row.samples.to_string(),
        row.volume.to_string(),
        row.stake.to_string(),
        row.standing.is_eligible().to_string(),
        row.score.to_string(),
        totals.get(row.market.as_str()).cloned().unwrap_or_default(),
    ]
}

/// Samples and scores of each market.
#[must_use]
pub fn score_market_table(scores: &Scores) -> Table {
    Table { columns: MARKET_COLUMNS.to_vec(), rows: scores.markets.iter().map(market_fields).collect() }
}

/// The same with weights, pools and reward coefficients.
#[must_use]
pub fn market_table(scores: &Scores, allocation: &Allocation) -> Table {
    let coefficients = coefficient::coefficients(&allocation.markets);
    let rows =
        scores.markets.iter().zip(&allocation.markets).zip(&coefficients).map(|((scores, market), coefficient)| {
            let mut fields = market_fields(scores);
            fields.extend([market.weight, market.pool_wei, market.paid_wei].map(|number| number.to_string()));
            fields.push(coefficient.as_ref().map_or_else(String::new, |coefficient| coefficient.decimal(6)));
            fields
        });
    Table { columns: [MARKET_COLUMNS.as_slice(), &POOL_COLUMNS].concat(), rows: rows.collect() }
}

fn market_fields(market: &MarketScores) -> Vec<String> {
    let counts = [market.samples, market.crossed, market.off_instant, market.outages, market.missing];
    let mut fields = vec![market.market.clone()];
    fields.extend(counts.map(|count| count.to_string()));
    fields.extend([market.total_liquidity.to_string(), market.total_score.to_string()]);
    fields
}

/// Reads scores back, and confirms each one by its powers: a table that was edited is refused.
pub fn read_scores(folder: &Path, parameters: &EpochParameters) -> Result<Scores, Error> {
    let missing = |name: &str| Error::refused(format_args!("{}: no {name}.*; run `score` first", folder.display()));
    let path = rows::find(folder, "markets")?.ok_or_else(|| missing("markets"))?;
    let mut markets = Vec::new();
    // `score` leaves the shorter table, later steps the longer one.
    let whole = [MARKET_COLUMNS.as_slice(), &POOL_COLUMNS].concat();
    let table = Table::read(&path, &MARKET_COLUMNS).or_else(|_| Table::read(&path, &whole))?;
    for row in &table.rows {
        markets.push(read_market(&row[..MARKET_COLUMNS.len()]).map_err(|reason| Error::malformed(&path, reason))?);
    }
    let names = markets.iter().map(|market: &MarketScores| &market.market);
    if !names.eq(parameters.markets.iter().map(|market| &market.market)) {
        return Err(Error::malformed(&path, "its markets are not those of the parameters, in their order"));
    }

    let path = rows::find(folder, "scores")?.ok_or_else(|| missing("scores"))?;
    let mut read = Vec::new();
    let problems = rows::read(&path, &SCORE_COLUMNS, |row| {
        read.push(read_score(row, parameters)?);
        Ok(())
    })?;
    if !problems.is_empty() {
        return Err(Error::Malformed(problems));
    }
    let scores = Scores { markets, rows: read };
    if scores.rows.windows(2).any(|pair| (&pair[0].market, pair[0].account) >= (&pair[1].market, pair[1].account)) {
        return Err(Error::malformed(&path, "rows are not sorted by market and account, or one occurs twice"));
    }
    scores.check().map_err(|reason| Error::malformed(&path, reason))?;
    Ok(scores)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn number<T: std::str::FromStr>(field: &str) -> Result<T, String> {
    decimal::integer(field).map_err(text)
}

fn read_market(row: &[String]) -> Result<MarketScores, String> {
    let [market, samples, crossed, off_instant, outages, missing, liquidity, score] = row else {
        return Err("eight fields".to_owned());
    };
    Ok(MarketScores {
        market: market.clone(),
        samples: number(samples)?,
        crossed: number(crossed)?,
        off_instant: number(off_instant)?,
        outages: number(outages)?,
        missing: number(missing)?,
        total_liquidity: number(liquidity)?,
        total_score: number(score)?,
    })
}

fn read_score(row: &[String], parameters: &EpochParameters) -> Result<ScoreRow, String> {
    let [epoch, market, account, primary, formula, q, u, used, samples, v, s, eligible, score, _] = row else {
        return Err("fourteen fields".to_owned());
    };
    if *epoch != parameters.epoch.to_string() {
        return Err(format!("epoch {epoch}, not {}", parameters.epoch));
    }
    let of_market = parameters.markets.iter().find(|of_market| of_market.market == *market);
    let of_market = of_market.ok_or_else(|| format!("market `{market}` has no parameters"))?;
    if of_market.formula.name() != formula {
        return Err(format!("formula {formula}, not {}", of_market.formula));
    }
    let standing = match eligible.as_str() {
        "true" => Standing::Eligible,
        "false" => Standing::BelowThreshold,
        _ => return Err(format!("eligible is `{eligible}`, neither true nor false")),
    };
    let row = ScoreRow {
        market: market.clone(),
        account: parse_address(account).map_err(text)?,
        primary: parse_address(primary).map_err(text)?,
        formula: of_market.formula,
        liquidity: number(q)?,
        uptime: number(u)?,
        effective_uptime: number(used)?,
        samples: number(samples)?,
        volume: number(v)?,
        stake: number(s)?,
        standing,
        score: number(score)?,
    };
    let formula: Formula = row.formula;
    if formula.confirms(&row.measures(), row.score) {
        Ok(row)
    } else {
        Err("W is not the score of q, u, v and s".to_owned())
    }
}

/// Accounts and wei.
#[must_use]
pub fn amount_table(amounts: &Amounts) -> Table {
    let rows = amounts.iter().map(|(account, wei)| vec![account.to_string(), wei.to_string()]).collect();
    Table { columns: AMOUNT_COLUMNS.to_vec(), rows }
}

/// A part of a balance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Part {
    /// Which program; `earlier` is all that the tree before had.
    pub program: String,
    /// Which epoch; for `earlier` the last one.
    pub epoch: u64,
    /// Which market, if the program has markets.
    pub market: Option<String>,
    /// How much.
    #[serde(serialize_with = "rewards::decimal::text::serialize")]
    pub amount_wei: U256,
}

/// What an epoch adds to each balance, by account.
pub type Parts = BTreeMap<Address, Vec<Part>>;

const PART_COLUMNS: [&str; 5] = ["account", "program", "epoch", "market", "wei"];

/// The parts that an epoch adds: rewards by market, and other programs.
#[must_use]
pub fn parts(epoch: u64, rewards: &[(Address, Option<String>, u128)], programs: &BTreeMap<String, Amounts>) -> Parts {
    let mut by_market = BTreeMap::<_, u128>::new();
    for (account, market, wei) in rewards {
        *by_market.entry((*account, market.clone())).or_default() += wei; // At most the epoch's tokens.
    }
    let mut parts = Parts::new();
    for ((account, market), wei) in by_market.into_iter().filter(|(_, wei)| *wei > 0) {
        let part = Part { program: "lp".to_owned(), epoch, market, amount_wei: U256::from(wei) };
        parts.entry(account).or_default().push(part);
    }
    for (program, amounts) in programs {
        for (account, wei) in amounts.iter().filter(|(_, wei)| !wei.is_zero()) {
            let part = Part { program: program.clone(), epoch, market: None, amount_wei: *wei };
            parts.entry(*account).or_default().push(part);
        }
    }
    parts
}

/// The parts as a table.
#[must_use]
pub fn part_table(parts: &Parts) -> Table {
    let row = |account: &Address, part: &Part| {
        let market = part.market.clone().unwrap_or_default();
        vec![account.to_string(), part.program.clone(), part.epoch.to_string(), market, part.amount_wei.to_string()]
    };
    let rows = parts.iter().flat_map(|(account, parts)| parts.iter().map(move |part| row(account, part))).collect();
    Table { columns: PART_COLUMNS.to_vec(), rows }
}

/// The parts that a table has.
pub fn parts_of(table: &Table) -> Result<Parts, String> {
    let mut parts = Parts::new();
    for row in &table.rows {
        let [owner, program, epoch, market, wei] = row.as_slice() else { return Err("five fields".to_owned()) };
        let market = Some(market.clone()).filter(|market| !market.is_empty());
        let part = Part { program: program.clone(), epoch: number(epoch)?, market, amount_wei: number(wei)? };
        parts.entry(parse_address(owner).map_err(text)?).or_default().push(part);
    }
    Ok(parts)
}

/// The parts of one account.
pub fn read_parts(folder: &Path, account: Address) -> Result<Vec<Part>, Error> {
    let Some(path) = rows::find(folder, "breakdown")? else { return Ok(Vec::new()) };
    let parts = parts_of(&Table::read(&path, &PART_COLUMNS)?).map_err(|reason| Error::malformed(&path, reason))?;
    Ok(parts.get(&account).cloned().unwrap_or_default())
}

/// A proof with all that is needed to claim and to understand (spec section 12.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProofRecord {
    /// Whose.
    pub address: String,
    /// Which epoch's tree.
    pub epoch: u64,
    /// All that was ever earned.
    #[serde(serialize_with = "rewards::decimal::text::serialize")]
    pub cumulative_wei: U256,
    /// The leaf.
    pub leaf: B256,
    /// Its siblings, from the bottom up.
    pub proof: Vec<B256>,
    /// The root.
    pub root: B256,
    /// What the amount is made of.
    pub breakdown: Vec<Part>,
}

impl ProofRecord {
    /// The record of a leaf. What the parts of this epoch do not explain, earlier epochs do.
    #[must_use]
    pub fn new(tree: &Tree, place: usize, epoch: u64, parts: &[Part]) -> Option<Self> {
        let (leaf, account, cumulative_wei) = tree.entries().nth(place)?;
        let explained = parts.iter().fold(U256::ZERO, |sum, part| sum.saturating_add(part.amount_wei));
        let earlier = cumulative_wei.checked_sub(explained)?;
        let mut breakdown = parts.to_vec();
        if !earlier.is_zero() {
            let program = "earlier".to_owned();
            let part = Part { program, epoch: epoch.saturating_sub(1), market: None, amount_wei: earlier };
            breakdown.insert(0, part);
        }
        let proof = tree.proof(place);
        Some(Self { address: account.to_string(), epoch, cumulative_wei, leaf, proof, root: tree.root(), breakdown })
    }
}
