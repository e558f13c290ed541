//! The API: handlers parse, ask and answer. What is a present figure comes from the contracts at one block, what is history from the index.

pub(crate) mod events;
pub(crate) mod legacy;
pub(crate) mod pool;
pub(crate) mod problem;
pub(crate) mod rewards;
pub(crate) mod service;
pub(crate) mod shape;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use alloy_primitives::Address;
use axum::{Router, routing::get};
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::{IntoParams, OpenApi, ToSchema};

pub use problem::Problem;

use crate::{
    chain::Chain,
    live::Epochs,
    logs::Contracts,
    serve::Listed,
    store::{Block, Store},
};

/// Rows of a page, and the most that one may have.
pub const PAGE: u64 = 100;
/// The most rows of a page.
pub const PAGE_MAX: u64 = 1_000;

/// How the index stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The last block whose logs are in the database.
    pub tip: Option<Block>,
    /// The last block that cannot be taken back, if the node tells.
    pub finalized: Option<u64>,
    /// Reorganisations so far.
    pub reorganisations: u64,
    /// Whether everything up to the head is in it.
    pub is_current: bool,
    /// Why it does not go on, if it does not.
    pub trouble: Option<String>,
    /// When it last saw the node, Unix time in seconds.
    pub seen: u64,
}

/// What every handler has.
#[derive(Debug)]
pub struct Shared {
    /// The database.
    pub store: Store,
    /// The contracts.
    pub chain: Chain,
    /// Which.
    pub contracts: Contracts,
    /// What the operator says of borrowers.
    pub borrowers: BTreeMap<Address, Listed>,
    /// Id of the chain.
    pub chain_id: u64,
    /// Where the index is; changes wake subscribers.
    pub standing: watch::Receiver<Standing>,
    /// Epochs of rewards, if there is a folder.
    pub epochs: Option<Arc<Epochs>>,
    /// Accounts by API key, for clients of the old API that cannot be changed.
    pub keys: BTreeMap<String, Address>,
    /// Tokens, once they were asked for: they never change.
    pub tokens: RwLock<Option<(Token, Token)>>,
    /// Work that takes long at a time: scans of samples, series, forecasts.
    pub scans: Arc<tokio::sync::Semaphore>,
    /// Subscribers at a time.
    pub subscribers: Arc<tokio::sync::Semaphore>,
    /// Tables of other programs of the old exchange, by epoch.
    pub programs: Option<std::path::PathBuf>,
    /// Figures for `/metrics`.
    pub metrics: metrics_exporter_prometheus::PrometheusHandle,
}

/// See [`Shared`].
pub type App = Arc<Shared>;

/// A block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockRef {
    /// Number.
    pub number: u64,
    /// Hash; absent where an answer is about the past, whose last block is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Seconds since 1970.
    pub time: u64,
    /// The same, ISO 8601.
    pub timestamp: String,
}

/// An answer, and the block that it is of.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct At<T> {
    /// As of which block.
    pub block: BlockRef,
    /// Whether that block cannot be taken back.
    pub finalized: bool,
    /// Where the next page of a list begins: the value of `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The answer.
    pub data: T,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its address.
    pub address: String,
    /// Its symbol.
    pub symbol: String,
    /// Decimals of an amount; amounts count its last one.
    pub decimals: u8,
}

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Rows, 1 to 1,000; 100 if it is left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    /// What `next` of the page before says.
    after: Option<String>,
}

impl Page {
    fn limit(&self) -> Result<u64, Problem> {
        match self.limit.unwrap_or(PAGE) {
            limit @ 1..=PAGE_MAX => Ok(limit),
            limit => Err(Problem::argument(format_args!("limit {limit}: 1 to {PAGE_MAX} are allowed"))),
        }
    }

    /// A place in the list of events before which the page begins.
    fn before(&self) -> Result<(u64, u64), Problem> {
        let Some(after) = &self.after else { return Ok((i64::MAX as u64, 0)) };
        place(after).ok_or_else(|| Problem::argument(format_args!("after `{after}`: the value of `next` is allowed")))
    }
}

/// A place: `block-position`.
pub(crate) fn place(text: &str) -> Option<(u64, u64)> {
    let (block, position) = text.split_once('-')?;
    let in_range = |number: &u64| i64::try_from(*number).is_ok();
    Some((block.parse().ok().filter(in_range)?, position.parse().ok().filter(in_range)?))
}

/// An amount, a count of base units.
pub(crate) fn units(amount: impl fmt::Display) -> String {
    amount.to_string()
}

/// A time, ISO 8601.
pub(crate) fn iso(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.map_or_else(|| seconds.to_string(), |time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Seconds of a time, which is given in seconds or by ISO 8601.
pub(crate) fn seconds(name: &str, text: &str) -> Result<u64, Problem> {
    let parsed = text.parse::<u64>().ok().or_else(|| {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        u64::try_from(time.timestamp()).ok()
    });
    let parsed = parsed.filter(|seconds| i64::try_from(*seconds).is_ok());
    parsed.ok_or_else(|| {
        Problem::argument(format_args!(
            "{name} `{text}`: seconds since 1970 or a time like 2026-01-31T00:00:00Z is allowed"
        ))
    })
}

/// An address of a path.
pub(crate) fn account(text: &str) -> Result<Address, Problem> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 40);
    let parsed = digits.and_then(|_| text.parse::<Address>().ok());
    let Some(address) = parsed else {
        return Err(Problem::argument(format_args!(
            "`{}`: an address is 0x and 40 hexadecimal digits",
            client::printable(text)
        )));
    };
    let is_mixed = text[2..].bytes().any(|byte| byte.is_ascii_uppercase())
        && text[2..].bytes().any(|byte| byte.is_ascii_lowercase());
    if is_mixed && address.to_string() != text {
        return Err(Problem::argument(format_args!(
            "`{text}`: the checksum of upper and lower case does not fit; {address} would"
        )));
    }
    Ok(address)
}

impl Shared {
    /// The block up to which the index goes.
    pub(crate) fn tip(&self) -> Result<Block, Problem> {
        let tip = self.standing.borrow().tip;
        tip.ok_or_else(|| Problem::unavailable("nothing is indexed yet; /health says how far it is"))
    }

    /// An answer as of a block.
    pub(crate) fn at<T>(&self, block: Block, data: T) -> At<T> {
        let finalized = self.standing.borrow().finalized.is_some_and(|finalized| block.number <= finalized);
        let Block { number, hash, time } = block;
        let hash = Some(hash.to_string()).filter(|_| !hash.is_zero());
        At { block: BlockRef { number, hash, time, timestamp: iso(time) }, finalized, next: None, data }
    }
}

impl<T> At<T> {
    pub(crate) fn with_next(self, next: Option<String>) -> Self {
        Self { next, ..self }
    }
}

impl Shared {
    /// The staked and the rewards token.
    pub(crate) async fn tokens(&self, at: Block) -> Result<(Token, Token), Problem> {
        use client::bindings::{IPoolViews, IToken};

        if let Some(tokens) = self.tokens.read().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(tokens);
        }
        let pool = self.contracts.pool;
        let staked = self.chain.view(at, pool, &IPoolViews::STAKED_TOKENCall {}).await?;
        let rewards = self.chain.view(at, pool, &IPoolViews::REWARDS_TOKENCall {}).await?;
        let mut tokens = Vec::new();
        for address in [staked, rewards] {
            let symbol = self.chain.view(at, address, &IToken::symbolCall {}).await?;
            let decimals = self.chain.view(at, address, &IToken::decimalsCall {}).await?;
            tokens.push(Token {
                address: address.to_string(),
                symbol: client::printable(&symbol).to_string(),
                decimals,
            });
        }
        let pair = (tokens[0].clone(), tokens[1].clone());
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Some(pair.clone());
        Ok(pair)
    }
}

/// Everything that the API documents.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Tidepool",
        description = "Pool and rewards: present figures are the contracts' at one block, history is the index's. Amounts are strings of \
                       base units. Lists are CSV with `Accept: text/csv` or `.csv` behind the path. Errors are problem+json (RFC 9457).",
        license(name = "MIT OR Apache-2.0")
    ),
    paths(
        pool::pool,
        pool::pool_history,
        pool::calendar,
        pool::borrowers,
        pool::borrower,
        pool::borrower_history,
        pool::stakers,
        pool::staker,
        pool::staker_history,
        pool::statement,
        pool::shortfalls,
        pool::shortfall,
        pool::governance_events,
        pool::roles,
        pool::facets,
        rewards::live,
        rewards::list,
        rewards::epoch,
        rewards::parameters,
        rewards::markets,
        rewards::leaderboard,
        rewards::series,
        rewards::provider,
        rewards::eligibility,
        rewards::claims,
        rewards::roots,
        rewards::tree,
        rewards::proof,
        rewards::manifest,
        rewards::sample,
        events::events,
        legacy::liquidity_provider,
        legacy::liquidity,
        legacy::weight,
        legacy::retroactive_mining,
        legacy::public_retroactive_mining,
        legacy::user_rewards,
        service::health,
    )
)]
pub struct Documentation;

/// All routes.
pub fn routes(app: App) -> Router {
    let router = Router::new()
        .route("/v1/pool", get(pool::pool))
        .route("/v1/pool/history", get(pool::pool_history))
        .route("/v1/pool/calendar", get(pool::calendar))
        .route("/v1/pool/calendar.ics", get(pool::calendar_ics))
        .route("/v1/borrowers", get(pool::borrowers))
        .route("/v1/borrowers/{address}", get(pool::borrower))
        .route("/v1/borrowers/{address}/history", get(pool::borrower_history))
        .route("/v1/stakers", get(pool::stakers))
        .route("/v1/stakers/{address}", get(pool::staker))
        .route("/v1/stakers/{address}/history", get(pool::staker_history))
        .route("/v1/stakers/{address}/statement", get(pool::statement))
        .route("/v1/shortfalls", get(pool::shortfalls))
        .route("/v1/shortfalls/{number}", get(pool::shortfall))
        .route("/v1/governance/events", get(pool::governance_events))
        .route("/v1/roles", get(pool::roles))
        .route("/v1/facets", get(pool::facets))
        .route("/v1/events", get(events::events))
        .route("/v1/rewards/live", get(rewards::live))
        .route("/v1/rewards/epochs", get(rewards::list))
        .route("/v1/rewards/epochs/{epoch}", get(rewards::epoch))
        .route("/v1/rewards/epochs/{epoch}/params", get(rewards::parameters))
        .route("/v1/rewards/epochs/{epoch}/markets", get(rewards::markets))
        .route("/v1/rewards/epochs/{epoch}/markets/{market}/leaderboard", get(rewards::leaderboard))
        .route("/v1/rewards/epochs/{epoch}/markets/{market}/series", get(rewards::series))
        .route("/v1/rewards/providers/{address}/epochs/{epoch}", get(rewards::provider))
        .route("/v1/rewards/providers/{address}/eligibility", get(rewards::eligibility))
        .route("/v1/rewards/providers/{address}/claims", get(rewards::claims))
        .route("/v1/rewards/roots", get(rewards::roots))
        .route("/v1/rewards/roots/{epoch}/tree", get(rewards::tree))
        .route("/v1/rewards/roots/{epoch}/proof/{address}", get(rewards::proof))
        .route("/v1/rewards/roots/{epoch}/manifest", get(rewards::manifest))
        .route("/v1/rewards/samples/{epoch}/{market}/{minute}", get(rewards::sample))
        .route("/v3/rewards/liquidity-provider", get(legacy::liquidity_provider))
        .route("/v3/rewards/liquidity", get(legacy::liquidity))
        .route("/v3/rewards/weight", get(legacy::weight))
        .route("/v3/rewards/retroactive-mining", get(legacy::retroactive_mining))
        .route("/v3/rewards/public-retroactive-mining", get(legacy::public_retroactive_mining))
        .route("/v4/users/{address}/rewards", get(legacy::user_rewards))
        .route("/openapi.json", get(service::openapi))
        .route("/docs", get(service::page))
        .route("/health", get(service::health))
        .route("/metrics", get(service::metrics));
    shape::shaped(router.with_state(app))
}
