//! From an epoch's folder and its results to a report: everything is computed again from the inputs, and must be what the results say.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use alloy_primitives::{Address, B256, U256};
use rewards::{
    allocation::Allocation,
    book::parse_address,
    coefficient,
    cumulative::Amounts,
    eligibility::{Standing, group_volume, missing_volume},
    epoch::Clock,
    parameters::Token,
    score::{ScoreRow, Scores},
    timeline::{ProviderTimeline, Recorder, Timeline},
    tree::Tree,
};
use rewards_files::{
    Error,
    epoch::{EpochFolder, SampleSource, Source},
    manifest::{self, Epoch, ManifestMarket, Options},
    verify::{Check, Results},
};

use crate::report::{Before, Line, LineSource, Market, Provider, Report, Row, Sampled, Statement};

/// A report, or what keeps it from being one.
#[derive(Debug)]
pub enum Gathered {
    /// Everything holds.
    Report(Box<Report>),
    /// The results are not those of the input: all checks, those that fail among them.
    Refused(Vec<Check>),
}

/// Computes an epoch again, compares it with the results in a folder, and gathers what a report says. The results of the epoch before, if they
/// are given, must have the root that this one goes on from.
///
/// # Errors
///
/// If something cannot be read, or the input cannot be computed.
pub fn gather(
    results: &Path,
    before: Option<&Path>,
    folder: &EpochFolder,
    options: Options<'_>,
) -> Result<Gathered, Error> {
    let results = Results::read(results)?;
    let mut checks = results.check();
    let markets = folder.samples().map_or(0, |source| source.parameters.markets.len());
    let options = Options { accept_gaps: results.manifest.accepted_gaps.clone(), ..options };
    let (epoch, recorders) = manifest::observe(folder, &options, || Recorder::new(markets))?;
    checks.extend(results.check_computed(&epoch));
    let mut timeline = Timeline::empty(markets);
    for recorder in recorders {
        timeline.absorb(recorder.finish());
    }
    let mut statements = statements(folder, &epoch);
    let wrong = statements.values().filter(|statement| statement.sum() != Some(statement.amount_wei)).count();
    checks.push(Check {
        name: "the lines of every statement add up to its leaf",
        holds: wrong == 0,
        detail: if wrong == 0 { String::new() } else { format!("{wrong} do not") },
    });
    let before = before.map(Results::read).transpose()?;
    if let Some(before) = &before {
        checks.extend(before.check());
        let name = "the epoch before has the root that this one goes on from";
        let root = |root: Option<B256>| root.map_or_else(|| "none".to_owned(), |root| root.to_string());
        checks.push(Check::same(name, root(Some(before.tree.root())), root(epoch.manifest.previous_root)));
    }
    if checks.iter().any(|check| !check.holds) {
        return Ok(Gathered::Refused(checks));
    }
    let (sampled, markets, idle) = match (&folder.source, &epoch.scored) {
        (Source::Samples(source), Some((scored, allocation))) => {
            let markets = markets_of(source, &scored.scores, allocation, &timeline);
            let idle = idle(source, &scored.scores, &markets);
            (Some(sampled(source, &timeline)), markets, idle)
        }
        _ => (None, Vec::new(), Vec::new()),
    };
    let providers = providers(folder, &epoch, &markets, &mut statements);
    let mut others: Vec<_> = statements.into_values().collect();
    others.sort_by_key(|statement| (std::cmp::Reverse(statement.amount_wei), statement.account));
    let lp_amount_wei = match &folder.source {
        Source::Samples(source) => source.parameters.lp_amount_wei,
        Source::Legacy { lp_amount_wei, .. } => *lp_amount_wei,
    };
    let (clock, token) = match &epoch.manifest.parameters {
        Some(parameters) => (parameters.clock, parameters.token.clone()),
        None => (Clock::default(), Token::default()), // Published scores are of dYdX's program.
    };
    let start = clock.start_ms(epoch.manifest.epoch).ok_or_else(|| Error::refused("an epoch beyond the clock"))?;
    let paid = rewards::cumulative::total(epoch.lp.values().copied());
    let programs = folder.programs.iter().map(|(name, amounts)| (name.clone(), total(amounts)));
    Ok(Gathered::Report(Box::new(Report {
        epoch: epoch.manifest.epoch,
        start: start / 1000,
        seconds: clock.epoch_seconds,
        token,
        distributor: epoch.manifest.parameters.as_ref().and_then(|parameters| parameters.distributor),
        health: epoch.manifest.health.clone(),
        accepted_gaps: epoch.manifest.accepted_gaps.clone(),
        software: epoch.manifest.software.clone(),
        root: epoch.tree.root(),
        cid: epoch.manifest.cid.clone(),
        previous_root: folder.previous.as_ref().map(Tree::root),
        before: before.as_ref().map(before_of).transpose()?,
        leaves: epoch.tree.len(),
        total_wei: rewards::cumulative::total(epoch.tree.entries().map(|(.., amount)| amount)),
        programs: std::iter::once(("lp".to_owned(), paid)).chain(programs).collect(),
        lp_amount_wei: U256::from(lp_amount_wei),
        unpaid_wei: U256::from(lp_amount_wei).saturating_sub(paid),
        skipped: epoch.manifest.skipped,
        checks: checks.iter().map(|check| holding(check.name)).collect(),
        sampled,
        markets,
        providers,
        idle,
        others,
    })))
}

/// What the results of the epoch before say.
fn before_of(results: &Results) -> Result<Before, Error> {
    let manifest = &results.manifest;
    let wei =
        |text: &str| text.parse().map_err(|_| Error::refused(format_args!("the epoch before: `{text}` is no amount")));
    let market = |market: &ManifestMarket| Ok((market.market.clone(), (wei(&market.pool_wei)?, market.valid)));
    let credit = |row: &Vec<String>| {
        let [account, amount] = row.as_slice() else { return Err(Error::refused("the epoch before: two fields")) };
        Ok((parse_address(account).map_err(Error::refused)?, wei(amount)?))
    };
    let credits = results.table("lp").map_or(&[][..], |table| &table.rows);
    Ok(Before {
        epoch: manifest.epoch,
        paid_wei: wei(manifest.programs.get("lp").map_or("0", String::as_str))?,
        unpaid_wei: wei(&manifest.unpaid_wei)?,
        leaves: manifest.leaves,
        credits: credits.iter().map(credit).collect::<Result<_, Error>>()?,
        markets: manifest.markets.iter().map(market).collect::<Result<_, Error>>()?,
    })
}

/// What it means that a check holds: some are named after what they look for.
fn holding(name: &str) -> String {
    match name {
        "proofs that fail" => "the proof of every leaf leads to the root",
        "fields of the manifest that differ" => "inputs, parameters, sampling and markets are those of the manifest",
        name => name,
    }
    .to_owned()
}

fn total(amounts: &Amounts) -> U256 {
    rewards::cumulative::total(amounts.values().copied())
}

fn sampled(source: &SampleSource, timeline: &Timeline) -> Sampled {
    let (parameters, inputs) = (&source.parameters, &source.inputs);
    Sampled {
        threshold: (parameters.threshold_num, parameters.threshold_den),
        is_listed: inputs.eligible.is_some(),
        previous_volume: inputs.previous_volumes.total(),
        volume: inputs.volumes.total(),
        bucket_minutes: timeline.bucket_minutes(),
        buckets: timeline.buckets(),
    }
}

/// The statement of every leaf: what it had, and what the programs give. From the inputs of the tree, not from the tree.
fn statements(folder: &EpochFolder, epoch: &Epoch) -> BTreeMap<Address, Statement> {
    let earned = earned_by(epoch);
    let statement = |(place, (leaf, account, amount_wei)): (usize, (B256, Address, U256))| {
        let earlier = folder.previous.as_ref().and_then(|tree| tree.amount(account));
        let earlier = earlier.map(|amount_wei| Line { source: LineSource::Earlier, amount_wei, earned_by: Vec::new() });
        let parts = epoch.parts.get(&account).into_iter().flatten();
        let lines = parts.map(|part| Line {
            source: match (&part.market, part.program.as_str()) {
                (Some(market), _) => LineSource::Market(market.clone()),
                (None, "lp") => LineSource::Liquidity,
                (None, program) => LineSource::Program(program.to_owned()),
            },
            amount_wei: part.amount_wei,
            earned_by: part
                .market
                .as_ref()
                .and_then(|market| earned.get(&(account, market.as_str())))
                .filter(|earned| earned.len() > 1)
                .cloned()
                .unwrap_or_default(),
        });
        let lines = earlier.into_iter().chain(lines).collect();
        let proof = epoch.tree.proof(place);
        (account, Statement { account, leaf, amount_wei, lines, proof })
    };
    epoch.tree.entries().enumerate().map(statement).collect()
}

type Earned<'a> = BTreeMap<(Address, &'a str), Vec<(Address, u128)>>;

/// Who earned what for which primary in which market.
fn earned_by(epoch: &Epoch) -> Earned<'_> {
    let mut earned = Earned::new();
    let Some((scored, allocation)) = &epoch.scored else { return earned };
    let rows = scored.scores.rows.iter().zip(&allocation.rewards_wei);
    for (row, reward) in rows.filter(|(_, reward)| **reward > 0) {
        earned.entry((row.primary, row.market.as_str())).or_default().push((row.account, *reward));
    }
    earned
}

fn markets_of(source: &SampleSource, scores: &Scores, allocation: &Allocation, timeline: &Timeline) -> Vec<Market> {
    let coefficients = coefficient::coefficients(&allocation.markets);
    let mut rows = BTreeMap::<_, Vec<_>>::new();
    for (row, reward) in scores.rows.iter().zip(&allocation.rewards_wei) {
        rows.entry(row.market.as_str()).or_default().push((row, *reward));
    }
    let market = |place: usize| {
        let (parameters, scored) = (&source.parameters.markets[place], &scores.markets[place]);
        let (pool, line) = (&allocation.markets[place], &timeline.markets[place]);
        let scored_rows = rows.get(parameters.market.as_str()).map_or(&[][..], Vec::as_slice);
        let mut buckets = line.buckets.clone();
        buckets.resize(timeline.buckets(), Default::default());
        Market {
            parameters: parameters.clone(),
            samples: scored.samples,
            crossed: scored.crossed,
            off_instant: scored.off_instant,
            missing: scored.missing,
            pool_wei: pool.pool_wei,
            paid_wei: pool.paid_wei,
            total_score: pool.total_score,
            liquidity: coefficient::average_liquidity(pool),
            coefficient: coefficients[place].clone(),
            buckets,
            rows: market_rows(source, scored_rows, &line.providers, timeline.buckets(), &parameters.market),
        }
    };
    (0..source.parameters.markets.len()).map(market).collect()
}

fn market_rows(
    source: &SampleSource,
    scored: &[(&ScoreRow, u128)],
    quoted: &alloy_primitives::map::AddressHashMap<ProviderTimeline>,
    buckets: usize,
    market: &str,
) -> Vec<Row> {
    let scored: BTreeMap<_, _> = scored.iter().map(|(row, reward)| (row.account, (*row, *reward))).collect();
    let accounts: BTreeSet<_> = quoted
        .keys()
        .copied()
        .chain(scored.values().filter(|(_, reward)| *reward > 0).map(|(row, _)| row.account))
        .collect();
    let row = |account: Address| {
        let score = scored.get(&account);
        let line = quoted.get(&account).cloned().unwrap_or_default();
        let mut of_account = line.buckets;
        of_account.resize(buckets, Default::default());
        Row {
            account,
            is_eligible: Standing::of(account, &source.parameters, &source.inputs).is_eligible(),
            liquidity: score.map_or(0, |(row, _)| row.liquidity),
            uptime: score.map_or(0, |(row, _)| row.uptime),
            effective_uptime: score.map_or(0, |(row, _)| row.effective_uptime),
            volume: source.inputs.volumes.in_market(market, account),
            score: score.map_or_else(Default::default, |(row, _)| row.score),
            reward_wei: score.map_or(0, |(_, reward)| *reward),
            buckets: of_account,
            verdicts: line.verdicts,
        }
    };
    let mut rows: Vec<_> = accounts.into_iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.earning_score())); // Stable: equal scores stay by address.
    rows
}

/// Who takes part and is in no market.
fn idle(source: &SampleSource, scores: &Scores, markets: &[Market]) -> Vec<(Address, u128)> {
    let active: BTreeSet<_> = markets.iter().flat_map(|market| &market.rows).map(|row| row.account).collect();
    let eligible = scores.rows.iter().filter(|row| row.standing.is_eligible()).map(|row| row.account);
    let idle: BTreeSet<_> = eligible.filter(|account| !active.contains(account)).collect();
    idle.into_iter().map(|account| (account, group_volume(account, &source.inputs))).collect()
}

/// Everybody who quoted or is credited; takes their statements.
fn providers(
    folder: &EpochFolder,
    epoch: &Epoch,
    markets: &[Market],
    statements: &mut BTreeMap<Address, Statement>,
) -> Vec<Provider> {
    let quoted = markets.iter().flat_map(|market| &market.rows).map(|row| row.account);
    let credited = epoch.lp.iter().filter(|(_, wei)| !wei.is_zero()).map(|(account, _)| *account);
    let accounts: BTreeSet<_> = quoted.chain(credited).collect();
    let provider = |account: Address| {
        let statement = statements.remove(&account);
        let credit_wei = epoch.lp.get(&account).copied().unwrap_or_default();
        let Ok(source) = folder.samples() else { return published(account, credit_wei, statement) };
        let (parameters, inputs) = (&source.parameters, &source.inputs);
        let group: Vec<_> = inputs.links.group(account).collect();
        let volume = group.iter().map(|member| inputs.volumes.of_account(*member)).sum();
        let (num, den) = (parameters.threshold_num, parameters.threshold_den);
        Provider {
            account,
            primary: inputs.links.primary(account),
            standing: Some(Standing::of(account, parameters, inputs)),
            exclusion: inputs.exclusions.get(&account).cloned(),
            previous_volume: group_volume(account, inputs),
            volume,
            missing_volume: missing_volume(num, den, volume, inputs.volumes.total()),
            group,
            credit_wei,
            statement,
        }
    };
    accounts.into_iter().map(provider).collect()
}

/// A provider of whom only a published score is known.
fn published(account: Address, credit_wei: U256, statement: Option<Statement>) -> Provider {
    Provider {
        account,
        primary: account,
        group: vec![account],
        standing: None,
        exclusion: None,
        previous_volume: 0,
        volume: 0,
        missing_volume: None,
        credit_wei,
        statement,
    }
}
