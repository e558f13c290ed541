//! From an epoch's folder to results: scores, rewards, the tree, and the manifest that two parties compare (spec sections 12.5 and 12.6).
//!
//! Files are written under temporary names and renamed; the manifest comes last, so where it is, everything else is complete.

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use alloy_primitives::{Address, B256, U256};
use rewards::{
    allocation::{self, Allocation},
    cid,
    cumulative::{self, Amounts},
    health::Health,
    parameters::EpochParameters,
    sampling::Sampling,
    score::{self, Scores},
    tally::Tally,
    tree::Tree,
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    epoch::{self, EpochFolder, Malformed, Observer, SampleSource, Source, Tallied},
    output::{self, Pending},
    problem::Problems,
    results::{self, Parts, ProofRecord},
    rows::{self, Table},
    samples::{Format, Progress},
};

/// One market in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestMarket {
    /// Name.
    pub market: String,
    /// Valid samples.
    pub valid: u32,
    /// Crossed books.
    pub crossed: u32,
    /// Samples off their instant.
    pub off_instant: u32,
    /// Minutes without a sample.
    pub missing: u32,
    /// Sum of scores.
    #[serde(rename = "sum_W")]
    pub total_score: String,
    /// Pool.
    pub pool_wei: String,
    /// What of it is paid.
    pub paid_wei: String,
}

/// A sample off its instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestOffInstant {
    /// Market.
    pub market: String,
    /// Minute.
    pub minute: u32,
    /// When it was taken.
    pub time_ms: u64,
}

/// What independent parties compare: equal manifests mean equal roots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Epoch.
    pub epoch: u64,
    /// `samples`, or `legacy` for published scores.
    pub profile: String,
    /// What computed it.
    pub software: String,
    /// SHA-256 of every input.
    pub inputs: BTreeMap<String, String>,
    /// The parameter record.
    pub parameters: Option<EpochParameters>,
    /// Commitment and secret.
    pub sampling: Option<Sampling>,
    /// How whole the data is; nothing for published scores.
    pub health: Option<Health>,
    /// Why gaps were accepted, if there are any.
    pub accepted_gaps: Option<String>,
    /// Malformed samples left out.
    pub skipped: u64,
    /// Samples, scores and pools of each market.
    pub markets: Vec<ManifestMarket>,
    /// The first samples off their instant.
    pub off_instants: Vec<ManifestOffInstant>,
    /// Who is left out, and why.
    pub exclusions: BTreeMap<Address, String>,
    /// What each program gives.
    pub programs: BTreeMap<String, String>,
    /// What of the epoch's tokens stays in the treasury.
    pub unpaid_wei: String,
    /// SHA-256 of each table of the results as CSV, in whatever format it is stored.
    pub tables: BTreeMap<String, String>,
    /// Leaves of the tree.
    pub leaves: usize,
    /// Sum of all cumulative amounts.
    pub total_wei: String,
    /// Root of the tree.
    pub root: B256,
    /// CID of the tree's file.
    pub cid: String,
    /// The root before.
    pub previous_root: Option<B256>,
    /// The CID before.
    pub previous_cid: Option<String>,
}

impl Manifest {
    /// Reads the manifest of a folder of results.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("manifest.json");
        let bytes = fs::read(&path).map_err(Error::at(&path))?;
        serde_json::from_slice(&bytes).map_err(|error| Error::malformed(&path, error))
    }

    fn to_json(&self) -> Result<Vec<u8>, Error> {
        let mut json = serde_json::to_vec_pretty(self).map_err(Error::refused)?;
        json.push(b'\n');
        Ok(json)
    }
}

/// How results are made.
#[derive(Debug)]
pub struct Options<'a> {
    /// Format of tables.
    pub format: Format,
    /// What is done about malformed samples.
    pub malformed: Malformed,
    /// Threads that read samples.
    pub threads: usize,
    /// Who is told of progress.
    pub progress: &'a dyn Progress,
    /// Whether every proof is written.
    pub proofs: bool,
    /// Whether other results of the same epoch may be replaced.
    pub replace: bool,
    /// Why gaps in the data are accepted, if they are.
    pub accept_gaps: Option<String>,
}

/// Scores, before pools.
#[derive(Debug)]
pub struct Scored {
    /// Scores.
    pub scores: Scores,
    /// Sums of the samples.
    pub tally: Tally,
    /// Malformed samples left out.
    pub skipped: Problems,
}

/// Reads all samples and scores them.
pub fn score(source: &SampleSource, options: &Options<'_>) -> Result<Scored, Error> {
    score_observed(source, options, || ()).map(|(scored, _)| scored)
}

fn score_observed<O: Observer>(
    source: &SampleSource,
    options: &Options<'_>,
    observer: impl Fn() -> O + Sync,
) -> Result<(Scored, Vec<O>), Error> {
    let Options { malformed, threads, progress, .. } = *options;
    let (Tallied { tally, skipped }, observers) = epoch::observe(source, malformed, threads, progress, observer)?;
    let scores = score::score(&source.parameters, &tally, &source.inputs).map_err(Error::refused)?;
    Ok((Scored { scores, tally, skipped }, observers))
}

/// Everything about an epoch.
#[derive(Debug)]
pub struct Epoch {
    /// Scores and rewards; none for published scores.
    pub scored: Option<(Scored, Allocation)>,
    /// What liquidity providers are credited with.
    pub lp: Amounts,
    /// What each balance gains.
    pub parts: Parts,
    /// All tables, by name.
    pub tables: BTreeMap<&'static str, Table>,
    /// The tree.
    pub tree: Tree,
    /// Its file.
    pub tree_json: String,
    /// The manifest.
    pub manifest: Manifest,
}

/// Computes everything.
pub fn compute(folder: &EpochFolder, options: &Options<'_>) -> Result<Epoch, Error> {
    observe(folder, options, || ()).map(|(epoch, _)| epoch)
}

/// Computes everything, and shows each valid sample to one of several observers. Published scores have no samples, and no observers.
pub fn observe<O: Observer>(
    folder: &EpochFolder,
    options: &Options<'_>,
    observer: impl Fn() -> O + Sync,
) -> Result<(Epoch, Vec<O>), Error> {
    let (scored, observers) = match &folder.source {
        Source::Samples(source) => {
            let (scored, observers) = score_observed(source, options, observer)?;
            let allocation = allocation::allocate(&source.parameters, &scored.scores);
            (Some((scored, allocation)), observers)
        }
        Source::Legacy { .. } => (None, Vec::new()),
    };
    Ok((finish(folder, scored, options.accept_gaps.as_deref())?, observers))
}

/// From rewards to the manifest.
///
/// # Errors
///
/// If there are gaps in the data and no reason to accept them is given, or the amounts make no tree that may follow the one before.
pub fn finish(
    folder: &EpochFolder,
    scored: Option<(Scored, Allocation)>,
    accept_gaps: Option<&str>,
) -> Result<Epoch, Error> {
    let health = health(folder, scored.as_ref());
    let gaps = health.as_ref().map_or(&[][..], |health| &health.gaps);
    if !gaps.is_empty() && accept_gaps.is_none() {
        return Err(Error::Gaps(gaps.to_vec()));
    }
    let accepted_gaps = accept_gaps.filter(|_| !gaps.is_empty()).map(ToOwned::to_owned);
    let (lp, rewards, lp_amount_wei) = match (&folder.source, &scored) {
        (Source::Legacy { published, lp_amount_wei }, _) => {
            let lp = published.credits(*lp_amount_wei).map_err(Error::refused)?;
            let rewards = lp.iter().map(|(account, wei)| (*account, None, wei.saturating_to())).collect();
            (lp, rewards, *lp_amount_wei)
        }
        (Source::Samples(source), Some((scored, allocation))) => {
            let rows = scored.scores.rows.iter().zip(&allocation.rewards_wei);
            let rewards: Vec<_> = rows.map(|(row, wei)| (row.primary, Some(row.market.clone()), *wei)).collect();
            (epoch::amounts(&allocation.credits), rewards, source.parameters.lp_amount_wei)
        }
        (Source::Samples(_), None) => return Err(Error::refused("samples are not scored yet")),
    };
    let lp_total = cumulative::total(lp.values().copied());
    if lp_total > U256::from(lp_amount_wei) {
        return Err(Error::refused(format_args!("liquidity providers get {lp_total}, more than {lp_amount_wei}")));
    }
    let previous = folder.previous.as_ref().map(Tree::amounts).unwrap_or_default();
    let programs: Vec<_> = std::iter::once(&lp).chain(folder.programs.values()).collect();
    let amounts = cumulative::merge(&previous, &programs).map_err(Error::refused)?;
    cumulative::check_succession(&previous, &amounts, &programs).map_err(Error::refused)?;
    let tree = Tree::new(&amounts).map_err(Error::refused)?;
    let tree_json = tree.to_json();
    let parts = results::parts(folder.epoch(), &rewards, &folder.programs);
    let tables = tables(folder.epoch(), scored.as_ref(), &lp, &parts);
    let mut manifest = manifest_of_tree(folder, &tree, &tree_json, &lp, lp_amount_wei);
    manifest.tables = tables.iter().map(|(name, table)| ((*name).to_owned(), table.digest())).collect();
    (manifest.health, manifest.accepted_gaps) = (health, accepted_gaps);
    if let (Source::Samples(source), Some((scored, allocation))) = (&folder.source, &scored) {
        describe_samples(&mut manifest, source, scored, allocation);
    }
    Ok(Epoch { scored, lp, parts, tables, tree, tree_json, manifest })
}

/// How whole the data is that was scored; published scores say nothing of it.
fn health(folder: &EpochFolder, scored: Option<&(Scored, Allocation)>) -> Option<Health> {
    let (Source::Samples(source), Some((scored, allocation))) = (&folder.source, scored) else { return None };
    let SampleSource { parameters, sampling, inputs, .. } = source.as_ref();
    let mut health = Health::of(parameters, &scored.tally, inputs, sampling.secret.is_some(), folder.is_sealed);
    health.add_allocation(parameters, &scored.scores, allocation);
    health.tables = folder.rows.clone();
    Some(health)
}

fn tables(
    epoch: u64,
    scored: Option<&(Scored, Allocation)>,
    lp: &Amounts,
    parts: &Parts,
) -> BTreeMap<&'static str, Table> {
    let mut tables = BTreeMap::from([("lp", results::amount_table(lp)), ("breakdown", results::part_table(parts))]);
    if let Some((Scored { scores, .. }, allocation)) = scored {
        tables.insert("scores", results::score_table(epoch, scores));
        tables.insert("rewards", results::reward_table(epoch, scores, allocation));
        tables.insert("markets", results::market_table(scores, allocation));
    }
    tables
}

fn manifest_of_tree(folder: &EpochFolder, tree: &Tree, json: &str, lp: &Amounts, lp_amount_wei: u128) -> Manifest {
    let total = |amounts: &Amounts| cumulative::total(amounts.values().copied());
    let mut programs: BTreeMap<_, _> =
        folder.programs.iter().map(|(name, amounts)| (name.clone(), total(amounts).to_string())).collect();
    programs.insert("lp".to_owned(), total(lp).to_string());
    Manifest {
        epoch: folder.epoch(),
        profile: if folder.samples().is_ok() { "samples" } else { "legacy" }.to_owned(),
        software: concat!("tidepool ", env!("CARGO_PKG_VERSION")).to_owned(),
        inputs: folder.digests.clone(),
        parameters: None,
        sampling: None,
        health: None,
        accepted_gaps: None,
        skipped: 0,
        markets: Vec::new(),
        off_instants: Vec::new(),
        exclusions: BTreeMap::new(),
        programs,
        tables: BTreeMap::new(),
        unpaid_wei: U256::from(lp_amount_wei).saturating_sub(total(lp)).to_string(),
        leaves: tree.len(),
        total_wei: cumulative::total(tree.entries().map(|(.., amount)| amount)).to_string(),
        root: tree.root(),
        cid: cid::of(json.as_bytes()),
        previous_root: folder.previous.as_ref().map(Tree::root),
        previous_cid: folder.previous.as_ref().map(|tree| cid::of(tree.to_json().as_bytes())),
    }
}

fn describe_samples(manifest: &mut Manifest, source: &SampleSource, scored: &Scored, allocation: &Allocation) {
    manifest.parameters = Some(source.parameters.clone());
    manifest.sampling = Some(source.sampling.clone());
    manifest.skipped = scored.skipped.count;
    manifest.exclusions = source.inputs.exclusions.clone();
    let markets = scored.scores.markets.iter().zip(&allocation.markets);
    manifest.markets = markets
        .map(|(scores, market)| ManifestMarket {
            market: market.market.clone(),
            valid: scores.samples,
            crossed: scores.crossed,
            off_instant: scores.off_instant,
            missing: scores.missing,
            total_score: scores.total_score.to_string(),
            pool_wei: market.pool_wei.to_string(),
            paid_wei: market.paid_wei.to_string(),
        })
        .collect();
    let off = scored.tally.off_instants.iter().map(|sample| ManifestOffInstant {
        market: source.parameters.markets[sample.market].market.clone(),
        minute: sample.minute,
        time_ms: sample.time_ms,
    });
    manifest.off_instants = off.collect();
}

/// Writes scores alone: `scores.*` and `markets.*`. Results that are finished are put aside only if `replace` says so.
pub fn write_scores(out: &Path, epoch: u64, scored: &Scored, format: Format, replace: bool) -> Result<(), Error> {
    unfinish(out, replace)?;
    write_skipped(out, &scored.skipped)?;
    write_table(out, "scores", &results::score_table(epoch, &scored.scores), format)?;
    write_table(out, "markets", &results::score_market_table(&scored.scores), format)
}

/// Writes rewards: `rewards.*`, `markets.*` and `lp.*`. Results that are finished are put aside only if `replace` says so.
pub fn write_rewards(
    out: &Path,
    epoch: u64,
    scores: &Scores,
    allocation: &Allocation,
    format: Format,
    replace: bool,
) -> Result<(), Error> {
    unfinish(out, replace)?;
    write_table(out, "rewards", &results::reward_table(epoch, scores, allocation), format)?;
    write_table(out, "markets", &results::market_table(scores, allocation), format)?;
    write_table(out, "lp", &results::amount_table(&epoch::amounts(&allocation.credits)), format)
}

/// Writes a table, and removes it in other formats.
fn write_table(out: &Path, name: &str, table: &Table, format: Format) -> Result<(), Error> {
    let path = out.join(format!("{name}.{}", format.extension()));
    table.write(&path)?;
    rows::remove_others(&path, name)
}

/// Lists what was left out, or removes the list of another time.
fn write_skipped(out: &Path, skipped: &Problems) -> Result<(), Error> {
    let path = out.join("skipped.json");
    if skipped.is_empty() {
        return remove(&path);
    }
    let mut json = serde_json::to_vec_pretty(skipped).map_err(Error::refused)?;
    json.push(b'\n');
    output::write(&path, &json)
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::at(path)(error)),
        _ => Ok(()),
    }
}

/// Refuses to write results into an epoch's folder, where the next reader would stumble over them.
fn check_place(out: &Path) -> Result<(), Error> {
    let names = ["parameters.json", "parameters.toml", "legacy.json", "samples", "previous-tree.json"];
    match names.iter().find(|name| out.join(name).exists()) {
        Some(name) => Err(Error::refused(format_args!(
            "{}: an epoch's folder ({name}); results go into another one",
            out.display()
        ))),
        None => Ok(()),
    }
}

/// Takes the manifest of finished results away, so that nobody takes a part of them for the whole.
fn unfinish(out: &Path, replace: bool) -> Result<(), Error> {
    check_place(out)?;
    let path = out.join("manifest.json");
    if path.exists() && !replace {
        let text = format!("{}: finished results are there; --replace puts these in their place", path.display());
        return Err(Error::refused(text));
    }
    remove(&path)
}

/// Refuses to replace results by different ones.
fn check_replace(out: &Path, manifest: &Manifest, replace: bool) -> Result<(), Error> {
    check_place(out)?;
    let path = out.join("manifest.json");
    if replace || !path.exists() || fs::read(&path).map_err(Error::at(&path))? == manifest.to_json()? {
        return Ok(());
    }
    Err(Error::refused(format_args!(
        "{}: other results are there; --replace puts these in their place",
        path.display()
    )))
}

/// Writes everything: one whole. What the folder had of other results goes, and the manifest comes last.
pub fn write(out: &Path, computed: &Epoch, options: &Options<'_>) -> Result<(), Error> {
    check_replace(out, &computed.manifest, options.replace)?;
    let manifest = computed.manifest.to_json()?;
    let path = out.join("manifest.json");
    if fs::read(&path).is_ok_and(|present| present != manifest) {
        remove(&path)?;
        remove(&out.join("proofs.jsonl"))?;
    }
    let skipped = computed.scored.as_ref().map(|(scored, _)| scored.skipped.clone()).unwrap_or_default();
    write_skipped(out, &skipped)?;
    for (name, table) in &computed.tables {
        write_table(out, name, table, options.format)?;
    }
    output::write(&out.join("tree.json"), computed.tree_json.as_bytes())?;
    if options.proofs {
        write_proofs(out, computed)?;
    }
    output::write(&path, &manifest)
}

/// A line for each leaf.
fn write_proofs(out: &Path, computed: &Epoch) -> Result<(), Error> {
    let path = out.join("proofs.jsonl");
    let mut file = std::io::BufWriter::new(Pending::new(&path)?);
    for (place, (_, account, _)) in computed.tree.entries().enumerate() {
        let parts = computed.parts.get(&account).map_or(&[][..], Vec::as_slice);
        let line = proof_line(&computed.tree, place, computed.manifest.epoch, parts)?;
        file.write_all(&line).and_then(|()| file.write_all(b"\n")).map_err(Error::at(&path))?;
    }
    file.into_inner().map_err(|error| Error::at(&path)(error.into_error()))?.keep()
}

/// The line of a leaf.
pub(crate) fn proof_line(tree: &Tree, place: usize, epoch: u64, parts: &[results::Part]) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(&ProofRecord::new(tree, place, epoch, parts)).map_err(Error::refused)
}
