//! Rewards: the running epoch from its samples so far, closed ones from verified results, roots and claims from the chain.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use alloy_primitives::{Address, U256};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use client::bindings::IMerkleDistributor;
use num_bigint::BigUint;
use rewards::{
    coefficient::Ratio,
    eligibility::{missing_volume, reaches},
    forecast::forecast,
    parameters::EpochParameters,
    progress::Moment,
    timeline::ProviderBucket,
};
use rewards_files::{results, rows::Table};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{
    App, At, BlockRef, Page, Problem, Token, account, iso,
    pool::{EventRow, page_of},
    shape::{Columns, Immutable},
    units,
};
use crate::{
    live::{Closed, Epochs, View},
    store::{Cell, sql},
};

/// An answer about an epoch's rewards.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfEpoch<T> {
    /// The block up to which the index goes.
    block: Option<BlockRef>,
    /// Whether the epoch is closed, its results published and verified.
    finalized: bool,
    epoch: u64,
    /// Samples seen, those that do not count among them; absent for an epoch of published scores.
    samples: Option<u64>,
    /// Instant of the newest sample, Unix time in milliseconds; absent for closed epochs.
    newest_sample_ms: Option<u64>,
    /// How old that is, seconds.
    newest_sample_age_seconds: Option<u64>,
    /// Samples that could not be read; absent for closed epochs, whose manifest has them.
    malformed_samples: Option<u64>,
    data: T,
}

type Answer<T> = Result<(Option<Extension<Immutable>>, Json<OfEpoch<T>>), Problem>;

/// An epoch, running or closed.
enum Epoch {
    Running(Arc<View>),
    Closed(u64, Arc<Closed>),
}

fn table<'a>(closed: &'a Closed, name: &str) -> Result<&'a Table, Problem> {
    let table = closed.results.table(name);
    table.ok_or_else(|| Problem::absent(format_args!("the epoch has no table `{name}`")))
}

fn epochs(app: &App) -> Result<&Epochs, Problem> {
    app.epochs
        .as_deref()
        .ok_or_else(|| Problem::absent("this server has no rewards (it was started without --rewards)"))
}

impl Epoch {
    fn find(app: &App, epoch: u64) -> Result<Self, Problem> {
        let epochs = epochs(app)?;
        if let Some(closed) = epochs.closed(epoch) {
            return Ok(Self::Closed(epoch, closed));
        }
        if let Some(view) = epochs.running().filter(|view| view.epoch == epoch) {
            return Ok(Self::Running(view));
        }
        if let Some(why) = epochs.refusal(epoch) {
            let detail = format_args!(
                "epoch {epoch}: the results are not served, since they do not verify: {}",
                client::printable(&why)
            );
            return Err(Problem::unavailable(detail));
        }
        let last = epochs.running().map(|view| view.epoch).into_iter();
        let known = epochs.all_closed().into_iter().map(|closed| closed.results.manifest.epoch).chain(last);
        let known: Vec<_> = known.map(|epoch| epoch.to_string()).collect();
        Err(Problem::absent(format_args!("no epoch {epoch}: there are {}", known.join(", "))))
    }

    fn number(&self) -> u64 {
        match self {
            Self::Running(view) => view.epoch,
            Self::Closed(epoch, _) => *epoch,
        }
    }

    fn parameters(&self) -> Result<&EpochParameters, Problem> {
        let parameters = match self {
            Self::Running(view) => Some(&view.source.parameters),
            Self::Closed(_, closed) => closed.results.manifest.parameters.as_ref(),
        };
        parameters.ok_or_else(|| Problem::absent("the epoch is one of published scores, without parameters"))
    }

    /// Scores and rewards by market and account.
    fn rewards(&self) -> Result<&Table, Problem> {
        match self {
            Self::Running(view) => Ok(view.rewards()),
            Self::Closed(_, closed) => table(closed, "rewards"),
        }
    }

    /// Markets.
    fn markets(&self) -> Result<&Table, Problem> {
        match self {
            Self::Running(view) => Ok(view.markets()),
            Self::Closed(_, closed) => table(closed, "markets"),
        }
    }

    /// Samples seen, those that do not count among them.
    fn samples(&self) -> Option<u64> {
        match self {
            Self::Running(view) => Some(view.samples),
            Self::Closed(_, closed) => {
                let seen = ["T", "crossed", "off_instant", "outages"];
                let rows = columns(table(closed, "markets").ok()?);
                let counts = rows.flat_map(|row| seen.map(|name| row.get(name).and_then(|text| text.parse().ok())));
                counts.map(|count: Option<u64>| count.unwrap_or_default()).sum::<u64>().into()
            }
        }
    }

    fn answer<T>(&self, app: &App, data: T) -> (Option<Extension<Immutable>>, Json<OfEpoch<T>>) {
        let block = app.tip().ok().map(|tip| app.at(tip, ()).block);
        let (epoch, now) = (self.number(), crate::now());
        match self {
            Self::Running(view) => {
                let newest = Some(view.newest_ms).filter(|newest| *newest > 0);
                let answer = OfEpoch {
                    block,
                    finalized: false,
                    epoch,
                    samples: self.samples(),
                    newest_sample_ms: newest,
                    newest_sample_age_seconds: newest.map(|newest| now.saturating_sub(newest / 1_000)),
                    malformed_samples: Some(view.problems.count),
                    data,
                };
                (None, Json(answer))
            }
            Self::Closed(..) => {
                let answer = OfEpoch {
                    block: None,
                    finalized: true,
                    epoch,
                    samples: self.samples(),
                    newest_sample_ms: None,
                    newest_sample_age_seconds: None,
                    malformed_samples: None,
                    data,
                };
                (Some(Extension(Immutable)), Json(answer))
            }
        }
    }
}

/// A provider in a market: the columns of the score file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RewardRow {
    pub(crate) market: String,
    pub(crate) account: String,
    /// Who is credited.
    pub(crate) primary: String,
    pub(crate) formula: String,
    /// q: sum over samples of depth over spread, the lesser side's.
    pub(crate) liquidity: String,
    /// u: samples with both sides.
    pub(crate) uptime: String,
    /// The greatest among linked addresses, which counts.
    pub(crate) effective_uptime: String,
    /// T: valid samples of the market.
    pub(crate) samples: String,
    /// v: maker volume, micro-USD.
    pub(crate) volume: String,
    /// s: average stake, wei.
    pub(crate) stake: String,
    pub(crate) eligible: String,
    /// W.
    pub(crate) score: String,
    pub(crate) total_score: String,
    pub(crate) pool_wei: String,
    /// What it earns: in a running epoch if everybody goes on as so far.
    pub(crate) reward_wei: String,
}

fn columns(table: &Table) -> impl Iterator<Item = BTreeMap<&'static str, String>> + '_ {
    table.rows.iter().map(|row| table.columns.iter().copied().zip(row.iter().cloned()).collect())
}

fn reward_rows(table: &Table) -> Vec<RewardRow> {
    let row = |mut columns: BTreeMap<&'static str, String>| {
        let mut field = |name| columns.remove(name).unwrap_or_default();
        RewardRow {
            market: field("market"),
            account: field("account"),
            primary: field("primary"),
            formula: field("formula"),
            liquidity: field("q"),
            uptime: field("u"),
            effective_uptime: field("u_effective"),
            samples: field("T"),
            volume: field("v"),
            stake: field("s"),
            eligible: field("eligible"),
            score: field("W"),
            total_score: field("sum_W"),
            pool_wei: field("pool_wei"),
            reward_wei: field("reward_wei"),
        }
    };
    columns(table).map(row).collect()
}

/// A market: the columns of its table.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct MarketRow {
    market: String,
    /// Valid samples.
    samples: String,
    crossed: String,
    off_instant: String,
    outages: String,
    missing: String,
    liquidity: String,
    total_score: String,
    /// Its part of the epoch's tokens against the other markets'.
    weight: String,
    pool_wei: String,
    paid_wei: String,
    /// 1 is the average; absent without competition.
    coefficient: Option<String>,
    min_depth_usd: String,
    max_spread_bps: String,
}

fn market_rows(epoch: &Epoch) -> Result<Vec<MarketRow>, Problem> {
    let parameters = epoch.parameters()?;
    let row = |mut columns: BTreeMap<&'static str, String>| {
        let mut field = |name| columns.remove(name).unwrap_or_default();
        let market = field("market");
        let known = parameters.position(&market).map(|place| &parameters.markets[place]);
        MarketRow {
            samples: field("T"),
            crossed: field("crossed"),
            off_instant: field("off_instant"),
            outages: field("outages"),
            missing: field("missing"),
            liquidity: field("q"),
            total_score: field("sum_W"),
            weight: field("weight"),
            pool_wei: field("pool_wei"),
            paid_wei: field("paid_wei"),
            coefficient: Some(field("coefficient")).filter(|text| !text.is_empty()),
            min_depth_usd: known.map_or_else(String::new, |market| market.min_depth_usd.to_string()),
            max_spread_bps: known.map_or_else(String::new, |market| market.max_spread_bps.to_string()),
            market,
        }
    };
    Ok(columns(epoch.markets()?).map(row).collect())
}

/// The running epoch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Live {
    start: u64,
    start_timestamp: String,
    end: u64,
    end_timestamp: String,
    /// Minutes of the epoch, and those that have passed by the newest sample.
    minutes: u32,
    minutes_elapsed: u32,
    /// What is paid.
    token: Token,
    lp_amount_wei: String,
    markets: Vec<MarketRow>,
    providers: Vec<RewardRow>,
    /// Who takes part in this epoch, and who would in the next.
    eligibility: Vec<Eligibility>,
}

/// Whether an account takes part.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Eligibility {
    account: String,
    /// `eligible`, `below_threshold` or `excluded`.
    this_epoch: String,
    /// By the maker volumes of the running epoch so far.
    next_epoch: bool,
    /// Its group's maker volume in the running epoch, micro-USD.
    volume: String,
    total_volume: String,
    threshold_num: String,
    threshold_den: String,
    /// Volume that is missing if nobody else traded any more; absent if nothing could reach it.
    missing_volume: Option<String>,
}

/// Says whether accounts take part. The volume of everybody is summed up once.
fn eligibility_of(view: &View) -> impl Fn(Address) -> Eligibility {
    let (parameters, inputs) = (&view.source.parameters, &view.source.inputs);
    let total = inputs.volumes.total();
    let (num, den) = (parameters.threshold_num, parameters.threshold_den);
    move |account| {
        let standing = rewards::eligibility::Standing::of(account, parameters, inputs);
        let volume: u128 = inputs.links.group(account).map(|member| inputs.volumes.of_account(member)).sum();
        Eligibility {
            account: account.to_string(),
            this_epoch: json!(standing).as_str().unwrap_or_default().to_owned(),
            next_epoch: !account.is_zero() && reaches(parameters, volume, total),
            volume: units(volume),
            total_volume: units(total),
            threshold_num: units(num),
            threshold_den: units(den),
            missing_volume: missing_volume(num, den, volume, total).map(units),
        }
    }
}

fn times(parameters: &EpochParameters) -> (u64, u64) {
    let start = parameters.clock.start_ms(parameters.epoch).unwrap_or_default() / 1_000;
    (start, start + u64::from(parameters.minutes()) * 60)
}

/// The running epoch: tallies so far, coefficients, eligibility for this and the next epoch, expected tokens.
#[utoipa::path(get, path = "/v1/rewards/live", tag = "rewards",
    responses((status = 200, body = OfEpoch<Live>), (status = 404, body = Problem)))]
pub(crate) async fn live(State(app): State<App>) -> Answer<Live> {
    let view = epochs(&app)?.running().ok_or_else(|| Problem::absent("no epoch runs"))?;
    let epoch = Epoch::Running(Arc::clone(&view));
    let parameters = epoch.parameters()?;
    let (start, end) = times(parameters);
    let scored = view.scores.rows.iter().map(|row| row.account);
    let traded = view.source.inputs.volumes.accounts().filter(|account| !account.is_zero());
    let accounts: BTreeSet<_> = scored.chain(traded).collect();
    let live = Live {
        start,
        start_timestamp: iso(start),
        end,
        end_timestamp: iso(end),
        minutes: parameters.minutes(),
        minutes_elapsed: view.elapsed(),
        token: Token {
            address: parameters.token.address.to_string(),
            symbol: parameters.token.symbol.clone(),
            decimals: parameters.token.decimals,
        },
        lp_amount_wei: units(parameters.lp_amount_wei),
        markets: market_rows(&epoch)?,
        providers: reward_rows(epoch.rewards()?),
        eligibility: accounts.into_iter().map(eligibility_of(&view)).collect(),
    };
    Ok(epoch.answer(&app, live))
}

/// An epoch in the list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EpochRow {
    epoch: u64,
    /// `running` or `closed`.
    state: &'static str,
    start: Option<u64>,
    start_timestamp: Option<String>,
    end: Option<u64>,
    end_timestamp: Option<String>,
    /// Root of a closed epoch's tree.
    root: Option<String>,
    cid: Option<String>,
    leaves: Option<u64>,
    total_wei: Option<String>,
    unpaid_wei: Option<String>,
}

fn epoch_row(epoch: &Epoch) -> EpochRow {
    let span = epoch.parameters().ok().map(times);
    let manifest = match epoch {
        Epoch::Running(_) => None,
        Epoch::Closed(_, closed) => Some(&closed.results.manifest),
    };
    EpochRow {
        epoch: epoch.number(),
        state: if manifest.is_some() { "closed" } else { "running" },
        start: span.map(|span| span.0),
        start_timestamp: span.map(|span| iso(span.0)),
        end: span.map(|span| span.1),
        end_timestamp: span.map(|span| iso(span.1)),
        root: manifest.map(|manifest| manifest.root.to_string()),
        cid: manifest.map(|manifest| manifest.cid.clone()),
        leaves: manifest.map(|manifest| manifest.leaves as u64),
        total_wei: manifest.map(|manifest| manifest.total_wei.clone()),
        unpaid_wei: manifest.map(|manifest| manifest.unpaid_wei.clone()),
    }
}

/// All epochs that this server has, oldest first.
#[utoipa::path(get, path = "/v1/rewards/epochs", tag = "rewards", responses((status = 200, body = At<Vec<EpochRow>>)))]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<At<Vec<EpochRow>>>, Problem> {
    let tip = app.tip()?;
    let all = epochs(&app)?;
    let closed = all.all_closed().into_iter().map(|closed| Epoch::Closed(closed.results.manifest.epoch, closed));
    let running = all.running().map(Epoch::Running);
    let rows = closed.chain(running).map(|epoch| epoch_row(&epoch)).collect();
    Ok(Json(app.at(tip, rows)))
}

/// One epoch.
#[utoipa::path(get, path = "/v1/rewards/epochs/{epoch}", tag = "rewards", params(("epoch" = u64, Path)),
    responses((status = 200, body = OfEpoch<EpochRow>), (status = 404, body = Problem)))]
pub(crate) async fn epoch(State(app): State<App>, Path(epoch): Path<u64>) -> Answer<EpochRow> {
    let epoch = Epoch::find(&app, epoch)?;
    let row = epoch_row(&epoch);
    Ok(epoch.answer(&app, row))
}

/// The parameters of an epoch, as its record has them.
#[utoipa::path(get, path = "/v1/rewards/epochs/{epoch}/params", tag = "rewards", params(("epoch" = u64, Path)),
    responses((status = 200, body = OfEpoch<Value>), (status = 404, body = Problem)))]
pub(crate) async fn parameters(State(app): State<App>, Path(epoch): Path<u64>) -> Answer<Value> {
    let epoch = Epoch::find(&app, epoch)?;
    let value = serde_json::to_value(epoch.parameters()?).map_err(|error| anyhow::anyhow!(error))?;
    Ok(epoch.answer(&app, value))
}

/// The markets of an epoch.
#[utoipa::path(get, path = "/v1/rewards/epochs/{epoch}/markets", tag = "rewards", params(("epoch" = u64, Path)),
    responses((status = 200, body = OfEpoch<Vec<MarketRow>>), (status = 404, body = Problem)))]
pub(crate) async fn markets(State(app): State<App>, Path(epoch): Path<u64>) -> Answer<Vec<MarketRow>> {
    let epoch = Epoch::find(&app, epoch)?;
    let rows = market_rows(&epoch)?;
    Ok(epoch.answer(&app, rows))
}

/// Providers of a market, the highest reward first.
#[utoipa::path(get, path = "/v1/rewards/epochs/{epoch}/markets/{market}/leaderboard", tag = "rewards",
    params(("epoch" = u64, Path), ("market" = String, Path)),
    responses((status = 200, body = OfEpoch<Vec<RewardRow>>), (status = 404, body = Problem)))]
pub(crate) async fn leaderboard(
    State(app): State<App>,
    Path((epoch, market)): Path<(u64, String)>,
) -> Answer<Vec<RewardRow>> {
    let epoch = Epoch::find(&app, epoch)?;
    expect_market(&epoch, &market)?;
    let mut rows = reward_rows(epoch.rewards()?);
    rows.retain(|row| row.market == market);
    rows.sort_by_key(|row| std::cmp::Reverse(row.reward_wei.parse::<u128>().unwrap_or_default()));
    Ok(epoch.answer(&app, rows))
}

fn expect_market(epoch: &Epoch, market: &str) -> Result<usize, Problem> {
    let place = epoch.parameters()?.position(market);
    place.ok_or_else(|| {
        Problem::absent(format_args!("epoch {} has no market `{}`", epoch.number(), client::printable(market)))
    })
}

/// Which line, how dense.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Series {
    /// `uptime`, `depth`, `spread` and `liquidity` of each bucket; `score`, `share`, `reward` and `coefficient` by all samples up to its end. All
    /// of them if it is left out.
    field: Option<String>,
    /// `minute`, `hour` or `day`; buckets are never shorter than `bucket_minutes` of the answer.
    step: Option<String>,
    /// One provider's lines beside the market's; everybody's if it is left out.
    account: Option<String>,
}

const FIELDS: [&str; 8] = ["uptime", "depth", "spread", "liquidity", "score", "share", "reward", "coefficient"];

impl Series {
    fn has(&self, field: &str) -> bool {
        self.field.as_deref().is_none_or(|wanted| wanted == field)
    }

    /// Minutes of a step.
    fn step(&self) -> Result<u32, Problem> {
        match self.step.as_deref().unwrap_or("hour") {
            "minute" => Ok(1),
            "hour" => Ok(60),
            "day" => Ok(1_440),
            other => {
                let detail = format_args!("step `{}`: minute, hour or day are allowed", client::printable(other));
                Err(Problem::argument(detail))
            }
        }
    }

    /// The one provider.
    fn account(&self) -> Result<Option<Address>, Problem> {
        self.account.as_deref().map(account).transpose()
    }

    fn expect_field(&self) -> Result<(), Problem> {
        match self.field.as_deref().filter(|field| !FIELDS.contains(field)) {
            None => Ok(()),
            Some(field) => {
                let (field, allowed) = (client::printable(field), FIELDS.join(", "));
                Err(Problem::argument(format_args!("field `{field}`: {allowed} are allowed")))
            }
        }
    }
}

/// One bucket of time of a provider, or of the market as a whole.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct SeriesPoint {
    /// The account; absent for the market as a whole.
    account: Option<String>,
    time: u64,
    timestamp: String,
    /// Minutes in the bucket.
    bucket_minutes: u32,
    /// Samples in which both sides counted; of the market: valid samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime: Option<String>,
    /// Sum over these of the lesser side's depth, micro-USD.
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<String>,
    /// Sum over these of the spread, millionths of a basis point.
    #[serde(skip_serializing_if = "Option::is_none")]
    spread: Option<String>,
    /// Sum over these of depth over spread; it scores.
    #[serde(skip_serializing_if = "Option::is_none")]
    liquidity: Option<String>,
    /// W by all samples up to the bucket's end, with volumes and stakes as they are now; of the market: the sum over those who take part.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<String>,
    /// Its part of that sum, 0 to 1; absent for those who do not take part.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<String>,
    /// What that would earn, wei; of the market: its pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    reward: Option<String>,
    /// The market's coefficient by then; absent without competition.
    #[serde(skip_serializing_if = "Option::is_none")]
    coefficient: Option<String>,
}

/// Uptime, depth and spread over time, and the scores, shares, rewards and coefficients that they led to, in the running epoch.
#[utoipa::path(get, path = "/v1/rewards/epochs/{epoch}/markets/{market}/series", tag = "rewards",
    params(("epoch" = u64, Path), ("market" = String, Path), Series),
    responses((status = 200, body = OfEpoch<Vec<SeriesPoint>>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn series(
    State(app): State<App>,
    Path((epoch, market)): Path<(u64, String)>,
    Query(query): Query<Series>,
) -> Answer<Vec<SeriesPoint>> {
    let epoch = Epoch::find(&app, epoch)?;
    let place = expect_market(&epoch, &market)?;
    let Epoch::Running(view) = &epoch else {
        return Err(Problem::absent("series are those of the running epoch; a closed one has its report"));
    };
    query.expect_field()?;
    let (wanted, only) = (query.step()?, query.account()?);
    let factor = (wanted / view.timeline.bucket_minutes()).max(1);
    let is_cumulative = FIELDS[4..].iter().any(|field| query.has(field));
    let moments = match is_cumulative {
        true => {
            let view = Arc::clone(view);
            Some(slowly(&app, move || view.progress(place, factor as usize)).await?)
        }
        false => None,
    };
    let line = Line { view, place, factor, query: &query };
    let mut points = line.of_market(moments.as_deref().map(Vec::as_slice));
    let mut accounts: BTreeSet<_> = view.timeline.markets[place].providers.keys().copied().collect();
    accounts.extend(moments.iter().flat_map(|moments| moments.last()).flat_map(|it| &it.rows).map(|row| row.0.account));
    for account in accounts.into_iter().filter(|account| only.is_none_or(|only| only == *account)) {
        points.extend(line.of_provider(account, moments.as_deref().map(Vec::as_slice)));
    }
    Ok(epoch.answer(&app, points))
}

/// Does what takes long on a thread of its own, one at a time: also if nobody waits for it any more.
async fn slowly<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let place = Arc::clone(&app.scans).acquire_owned().await.map_err(|error| anyhow::anyhow!(error))?;
    let done = tokio::task::spawn_blocking(move || {
        let _place = place;
        work()
    });
    Ok(done.await.map_err(|error| anyhow::anyhow!(error))??)
}

/// Lines of one market, with so many of the timeline's buckets to a point.
struct Line<'a> {
    view: &'a View,
    place: usize,
    factor: u32,
    query: &'a Series,
}

impl Line<'_> {
    fn point(&self, account: Option<Address>, bucket: usize) -> SeriesPoint {
        let minutes = self.view.timeline.bucket_minutes() * self.factor;
        let (start, _) = times(&self.view.source.parameters);
        let time = start + bucket as u64 * u64::from(minutes) * 60;
        SeriesPoint {
            account: account.map(|account| account.to_string()),
            time,
            timestamp: iso(time),
            bucket_minutes: minutes,
            ..SeriesPoint::default()
        }
    }

    /// A figure, if it was asked for.
    fn show(&self, field: &str, value: impl std::fmt::Display) -> Option<String> {
        self.query.has(field).then(|| value.to_string())
    }

    fn of_market(&self, moments: Option<&[Moment]>) -> Vec<SeriesPoint> {
        let buckets = &self.view.timeline.markets[self.place].buckets;
        let count = moments.map_or_else(|| buckets.len().div_ceil(self.factor as usize), <[_]>::len);
        let point = |number: usize| {
            let buckets = part(buckets, number, self.factor as usize);
            let mut point = self.point(None, number);
            point.uptime = self.show("uptime", buckets.iter().map(|bucket| u64::from(bucket.samples)).sum::<u64>());
            point.spread = self.show("spread", buckets.iter().map(|bucket| bucket.spread_micro_bps).sum::<u128>());
            if let Some(moment) = moments.and_then(|moments| moments.get(number)) {
                point.score = self.show("score", moment.market.total_score);
                point.reward = self.show("reward", moment.market.pool_wei);
                let coefficient = moment.coefficient.as_ref().map(|coefficient| coefficient.decimal(6));
                point.coefficient = coefficient.and_then(|coefficient| self.show("coefficient", coefficient));
            }
            point
        };
        (0..count).map(point).collect()
    }

    fn of_provider(&self, account: Address, moments: Option<&[Moment]>) -> Vec<SeriesPoint> {
        let known = self.view.timeline.markets[self.place].providers.get(&account);
        let buckets = known.map(|provider| provider.buckets.as_slice()).unwrap_or_default();
        let count = moments.map_or_else(|| buckets.len().div_ceil(self.factor as usize), <[_]>::len);
        let point = |number: usize| {
            let buckets = part(buckets, number, self.factor as usize);
            let mut point = self.point(Some(account), number);
            let sum = |of: fn(&ProviderBucket) -> u128| buckets.iter().map(of).sum::<u128>();
            point.uptime = self.show("uptime", sum(|bucket| bucket.uptime.into()));
            point.depth = self.show("depth", sum(|bucket| bucket.depth_micro));
            point.spread = self.show("spread", sum(|bucket| bucket.spread_micro_bps));
            point.liquidity = self.show("liquidity", sum(|bucket| bucket.liquidity));
            let moment = moments.and_then(|moments| moments.get(number));
            let row = moment.and_then(|it| it.rows.iter().find(|row| row.0.account == account).map(|row| (it, row)));
            if let Some((moment, (row, reward))) = row {
                point.score = self.show("score", row.score);
                point.reward = self.show("reward", reward);
                let [part, whole] = [row.earning_score(), moment.market.total_score]
                    .map(|score| BigUint::from_bytes_le(&score.to_le_bytes::<64>()));
                let share = Ratio::new(part, whole);
                let share = share.filter(|_| row.standing.is_eligible()).map(|share| share.decimal(18));
                point.share = share.and_then(|share| self.show("share", share));
            }
            point
        };
        (0..count).map(point).collect()
    }
}

/// The buckets of a point; those that a timeline leaves out at its end are empty.
fn part<B>(buckets: &[B], number: usize, factor: usize) -> &[B] {
    let first = (number * factor).min(buckets.len());
    &buckets[first..(first + factor).min(buckets.len())]
}

/// A provider in one epoch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Provider {
    account: String,
    /// Who is credited.
    primary: String,
    linked: Vec<String>,
    markets: Vec<RewardRow>,
    /// What its primary is credited with if everybody goes on as so far; of a closed epoch: with what it was.
    credited_wei: String,
    /// What it would be if this group stopped now, in a running epoch.
    if_it_stops_wei: Option<String>,
    /// Uptime still reachable, parts of a million of the epoch's minutes, by market.
    reachable_uptime_ppm: BTreeMap<String, String>,
}

/// A provider's rewards in an epoch, market by market.
#[utoipa::path(get, path = "/v1/rewards/providers/{address}/epochs/{epoch}", tag = "rewards",
    params(("address" = String, Path), ("epoch" = u64, Path)),
    responses((status = 200, body = OfEpoch<Provider>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn provider(State(app): State<App>, Path((address, epoch)): Path<(String, u64)>) -> Answer<Provider> {
    let (address, epoch) = (account(&address)?, Epoch::find(&app, epoch)?);
    let name = address.to_string();
    let mut markets = reward_rows(epoch.rewards()?);
    markets.retain(|row| row.account == name);
    let primary = markets.first().map_or_else(|| name.clone(), |row| row.primary.clone());
    let (mut linked, mut reachable) = (Vec::new(), BTreeMap::new());
    let mut stops = None;
    let credited = match &epoch {
        Epoch::Running(view) => {
            let inputs = &view.source.inputs;
            linked.extend(
                inputs.links.group(address).filter(|member| *member != address).map(|member| member.to_string()),
            );
            let (elapsed, minutes) = (view.elapsed(), view.source.parameters.minutes());
            for row in &markets {
                let uptime = row.effective_uptime.parse::<u64>().unwrap_or_default() + u64::from(minutes - elapsed);
                reachable.insert(row.market.clone(), units(uptime * 1_000_000 / u64::from(minutes.max(1))));
            }
            let view = Arc::clone(view);
            let then = move || {
                let source = &view.source;
                Ok(forecast(&source.parameters, &view.tally, &source.inputs, address, elapsed)?)
            };
            let forecast = slowly(&app, then).await?;
            stops = Some(units(forecast.if_it_stops_wei));
            units(forecast.if_it_continues_wei)
        }
        Epoch::Closed(_, closed) => {
            let row = table(closed, "lp")?.rows.iter().find(|row| row[0] == primary);
            row.map_or_else(|| "0".to_owned(), |row| row[1].clone())
        }
    };
    let data = Provider {
        account: name,
        primary,
        linked,
        markets,
        credited_wei: credited,
        if_it_stops_wei: stops,
        reachable_uptime_ppm: reachable,
    };
    Ok(epoch.answer(&app, data))
}

/// Whether an account takes part now, and did before.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderEligibility {
    #[serde(flatten)]
    running: Eligibility,
    /// Closed epochs in whose scores it stands, oldest first.
    past: Vec<PastEligibility>,
}

/// Whether an account took part in a closed epoch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PastEligibility {
    epoch: u64,
    eligible: bool,
}

/// Whether an account takes part in the running epoch, would in the next, and did in those that are closed.
#[utoipa::path(get, path = "/v1/rewards/providers/{address}/eligibility", tag = "rewards", params(("address" = String, Path)),
    responses((status = 200, body = OfEpoch<ProviderEligibility>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn eligibility(State(app): State<App>, Path(address): Path<String>) -> Answer<ProviderEligibility> {
    let (address, epochs) = (account(&address)?, epochs(&app)?);
    let view = epochs.running().ok_or_else(|| Problem::absent("no epoch runs"))?;
    let running = eligibility_of(&view)(address);
    let past = epochs.all_closed().into_iter().filter_map(|closed| {
        let rows = reward_rows(closed.results.table("rewards")?);
        let row = rows.into_iter().find(|row| row.account == running.account)?;
        Some(PastEligibility { epoch: closed.results.manifest.epoch, eligible: row.eligible == "true" })
    });
    let past = past.collect();
    Ok(Epoch::Running(view).answer(&app, ProviderEligibility { running, past }))
}

/// What an account has claimed and can claim.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Claims {
    account: String,
    /// Claimed so far, by the distributor.
    claimed: String,
    /// In the active root, as far as its tree is here: everything up to it.
    active_cumulative: Option<String>,
    /// What can be claimed now.
    claimable: Option<String>,
    /// What a proposed root adds, as far as its tree is here; and from when on it can be claimed.
    pending: Option<String>,
    pending_from: Option<u64>,
    pending_from_timestamp: Option<String>,
    /// Claims, the newest first.
    events: Vec<EventRow>,
}

/// What an account has claimed, can claim and waits for.
#[utoipa::path(get, path = "/v1/rewards/providers/{address}/claims", tag = "rewards", params(("address" = String, Path), Page),
    responses((status = 200, body = At<Claims>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn claims(
    State(app): State<App>,
    Path(address): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<At<Claims>>, Problem> {
    let (tip, address, limit, before) = (app.tip()?, account(&address)?, page.limit()?, page.before()?);
    let balances = balances(&app, address).await?;
    let cells: [Cell; 4] = [address.into(), before.0.into(), before.1.into(), limit.into()];
    let rows = app.store.rows(sql::EVENTS_OF_ACCOUNT, cells).await?;
    let (mut events, next) = page_of(&rows, limit)?;
    events.retain(EventRow::is_claim);
    let claimable = balances.active.map(|active| active.saturating_sub(balances.claimed));
    let data = Claims {
        account: address.to_string(),
        claimed: units(balances.claimed),
        active_cumulative: balances.active.map(units),
        claimable: claimable.map(units),
        pending: balances.pending.map(units),
        pending_from: balances.waits_until,
        pending_from_timestamp: balances.waits_until.map(iso),
        events,
    };
    Ok(Json(app.at(tip, data).with_next(next)))
}

/// What the distributor and the trees say of an account.
#[derive(Debug)]
pub(crate) struct Balances {
    /// Claimed so far.
    pub(crate) claimed: U256,
    /// Its amount in the active tree; nothing if that tree is not here.
    pub(crate) active: Option<U256>,
    /// What a proposed tree adds: zero if there is none, nothing if it is not here.
    pub(crate) pending: Option<U256>,
    /// When the proposal can become active, seconds; nothing if there is none.
    pub(crate) waits_until: Option<u64>,
    /// The active root, and the proof.
    pub(crate) root: alloy_primitives::B256,
    pub(crate) proof: Vec<alloy_primitives::B256>,
}

pub(crate) async fn balances(app: &App, account: Address) -> Result<Balances, Problem> {
    let tip = app.tip()?;
    let distributor = app.contracts.distributor;
    let distributor = distributor.ok_or_else(|| Problem::absent("this deployment has no distributor of rewards"))?;
    let claimed = app.chain.view(tip, distributor, &IMerkleDistributor::getClaimedCall { user: account }).await?;
    let active = app.chain.view(tip, distributor, &IMerkleDistributor::getActiveRootCall {}).await?;
    let has_pending = app.chain.view(tip, distributor, &IMerkleDistributor::hasPendingRootCall {}).await?;
    let closed = app.epochs.as_deref().map(Epochs::all_closed).unwrap_or_default();
    let tree = |root| closed.iter().find(|closed| closed.results.tree.root() == root);
    let of = |closed: &Arc<Closed>| closed.results.tree.amount(account).unwrap_or_default();
    let mut balances = Balances {
        claimed,
        active: tree(active.merkleRoot).map(of),
        pending: Some(U256::ZERO),
        waits_until: None,
        root: active.merkleRoot,
        proof: Vec::new(),
    };
    if active.merkleRoot.is_zero() {
        balances.active = Some(U256::ZERO); // No root yet: nothing can be claimed.
    }
    if let Some(closed) = tree(active.merkleRoot)
        && let Some(place) = closed.results.tree.place(account)
    {
        balances.proof = closed.results.tree.proof(place);
    }
    if has_pending {
        let proposed = app.chain.view(tip, distributor, &IMerkleDistributor::getProposedRootCall {}).await?;
        let until = app.chain.view(tip, distributor, &IMerkleDistributor::getWaitingPeriodEndCall {}).await?;
        balances.waits_until = Some(until.saturating_to());
        let proposed = tree(proposed.merkleRoot).map(of);
        balances.pending = proposed.zip(balances.active).map(|(proposed, active)| proposed.saturating_sub(active));
    }
    Ok(balances)
}

/// A root's way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RootRow {
    /// `proposed`, `active` or `cancelled`.
    state: &'static str,
    #[serde(flatten)]
    event: EventRow,
    /// The CID of the tree's file, as it was proposed.
    cid: String,
    /// Whether the tree is here, verified.
    verified: bool,
    /// Its leaves, if it is.
    leaves: Option<u64>,
}

/// Roots that were proposed, became active or were cancelled, the newest first.
#[utoipa::path(get, path = "/v1/rewards/roots", tag = "rewards", params(Page),
    responses((status = 200, body = At<Vec<RootRow>>), (status = 400, body = Problem)))]
pub(crate) async fn roots(State(app): State<App>, Query(page): Query<Page>) -> Result<Json<At<Vec<RootRow>>>, Problem> {
    let (tip, limit, before) = (app.tip()?, page.limit()?, page.before()?);
    let mut found = Vec::new();
    for (name, state) in [("RootProposed", "proposed"), ("RootUpdated", "active"), ("RootCancelled", "cancelled")] {
        let cells: [Cell; 5] =
            ["merkle-distributor".into(), name.into(), before.0.into(), before.1.into(), limit.into()];
        let rows = app.store.rows(sql::EVENTS_OF_NAME, cells).await?;
        let (events, _) = page_of(&rows, limit)?;
        found.extend(events.into_iter().map(|event| (state, event)));
    }
    found.sort_by_key(|(_, event)| std::cmp::Reverse(event.place()));
    found.truncate(limit as usize);
    let closed = app.epochs.as_deref().map(Epochs::all_closed).unwrap_or_default();
    let next = found.last().filter(|_| found.len() as u64 == limit).map(|(_, event)| event.id.clone());
    let rows = found.into_iter().map(|(state, event)| {
        let root = event.arg("merkleRoot");
        let tree = closed.iter().map(|closed| &closed.results.tree).find(|tree| tree.root().to_string() == root);
        let cid = alloy_primitives::hex::decode(event.arg("ipfsCid")).unwrap_or_default();
        let cid = client::printable(&String::from_utf8_lossy(&cid));
        RootRow { state, cid, verified: tree.is_some(), leaves: tree.map(|tree| tree.len() as u64), event }
    });
    Ok(Json(app.at(tip, rows.collect()).with_next(next)))
}

fn closed(app: &App, epoch: u64) -> Result<Arc<Closed>, Problem> {
    match Epoch::find(app, epoch)? {
        Epoch::Closed(_, closed) => Ok(closed),
        Epoch::Running(_) => Err(Problem::absent(format_args!("epoch {epoch} runs: it has no tree yet"))),
    }
}

/// The tree of a closed epoch: the bytes that its CID names.
#[utoipa::path(get, path = "/v1/rewards/roots/{epoch}/tree", tag = "rewards", params(("epoch" = u64, Path)),
    responses((status = 200, body = Value), (status = 404, body = Problem)))]
pub(crate) async fn tree(State(app): State<App>, Path(epoch): Path<u64>) -> Result<Response, Problem> {
    let closed = closed(&app, epoch)?;
    let kind = [(header::CONTENT_TYPE, "application/json")];
    let columns = Extension(Columns(&["account", "cumulative_wei"]));
    Ok((kind, Extension(Immutable), columns, closed.results.tree.to_json()).into_response())
}

/// The proof of an account in the tree of a closed epoch, with what its amount is made of.
#[utoipa::path(get, path = "/v1/rewards/roots/{epoch}/proof/{address}", tag = "rewards",
    params(("epoch" = u64, Path), ("address" = String, Path)),
    responses((status = 200, body = OfEpoch<Value>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn proof(State(app): State<App>, Path((epoch, address)): Path<(u64, String)>) -> Answer<Value> {
    let (address, closed) = (account(&address)?, closed(&app, epoch)?);
    let tree = &closed.results.tree;
    let place = tree.place(address);
    let place =
        place.ok_or_else(|| Problem::absent(format_args!("{address} has no leaf in the tree of epoch {epoch}")))?;
    let parts = closed.results.table("breakdown").map(results::parts_of).transpose();
    let parts = parts.map_err(|error| anyhow::anyhow!(error))?.unwrap_or_default();
    let parts = parts.get(&address).cloned().unwrap_or_default();
    let record = results::ProofRecord::new(tree, place, epoch, &parts);
    Ok(Epoch::Closed(epoch, closed).answer(&app, json!(record)))
}

/// The manifest of a closed epoch.
#[utoipa::path(get, path = "/v1/rewards/roots/{epoch}/manifest", tag = "rewards", params(("epoch" = u64, Path)),
    responses((status = 200, body = OfEpoch<Value>), (status = 404, body = Problem)))]
pub(crate) async fn manifest(State(app): State<App>, Path(epoch): Path<u64>) -> Answer<Value> {
    let closed = closed(&app, epoch)?;
    let value = json!(closed.results.manifest);
    Ok(Epoch::Closed(epoch, closed).answer(&app, value))
}

/// Whose orders.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Whose {
    /// The provider whose orders are judged.
    account: String,
}

/// A provider's orders in one sample: whether each counts, or why not.
#[utoipa::path(get, path = "/v1/rewards/samples/{epoch}/{market}/{minute}", tag = "rewards",
    params(("epoch" = u64, Path), ("market" = String, Path), ("minute" = u32, Path), Whose),
    responses((status = 200, body = OfEpoch<Value>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn sample(
    State(app): State<App>,
    Path((epoch, market, minute)): Path<(u64, String, u32)>,
    Query(whose): Query<Whose>,
) -> Answer<Value> {
    let provider = account(&whose.account)?;
    let found = Epoch::find(&app, epoch)?;
    expect_market(&found, &market)?;
    let place = app.epochs.clone().ok_or_else(|| Problem::absent("no rewards"))?;
    if !place.has_inputs(epoch) {
        return Err(Problem::absent(format_args!("the samples of epoch {epoch} are not here")));
    }
    let line = slowly(&app, move || place.explain(epoch, &market, minute, provider)).await?;
    let line = line.ok_or_else(|| Problem::absent(format_args!("no sample of minute {minute}")))?;
    Ok(found.answer(&app, json!(line)))
}

/// The legacy API's figures of one account in one epoch; `None` where there are none.
pub(crate) fn legacy_figures(app: &App, epoch: Option<u64>) -> Result<LegacyEpoch, Problem> {
    let all = epochs(app)?;
    let found = match epoch {
        Some(epoch) => Epoch::find(app, epoch)?,
        None => match all.running() {
            Some(view) => Epoch::Running(view),
            None => {
                let last = all.all_closed().into_iter().next_back();
                let last = last.ok_or_else(|| Problem::absent("there is no epoch"))?;
                Epoch::Closed(last.results.manifest.epoch, last)
            }
        },
    };
    let (start, end) = times(found.parameters()?);
    let decimals = found.parameters()?.token.decimals;
    let rows = reward_rows(found.rewards()?);
    Ok(LegacyEpoch { epoch: found.number(), start: iso(start), end: iso(end), decimals, rows })
}

/// See [`legacy_figures`].
#[derive(Debug)]
pub(crate) struct LegacyEpoch {
    pub(crate) epoch: u64,
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) decimals: u8,
    pub(crate) rows: Vec<RewardRow>,
}
