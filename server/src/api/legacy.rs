//! Shapes that others read already: the old exchange's API (v3), and the one of rewards trackers (v4). No field is a constant: where there are
//! no data there is a 404 in that API's form.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use num_bigint::BigUint;
use rewards::coefficient::Ratio;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{
    App, Problem, account, iso,
    rewards::{LegacyEpoch, RewardRow, balances, legacy_figures},
};

/// A problem in the old API's form.
pub(crate) fn error(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({ "errors": [{ "msg": problem.detail }] }))).into_response()
}

/// Which epoch, whose figures.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Whose {
    /// The running epoch if it is left out, or the last one.
    epoch: Option<u64>,
    /// The account; without it the header `DYDX-API-KEY` names it, if the operator gave a file of keys.
    ethereum_address: Option<String>,
    /// A linked account instead.
    secondary_address: Option<String>,
}

fn whose(app: &App, headers: &HeaderMap, named: Option<&str>) -> Result<Address, Problem> {
    if let Some(named) = named {
        return account(named);
    }
    let key = headers.get("DYDX-API-KEY").and_then(|key| key.to_str().ok());
    let known = key.and_then(|key| app.keys.get(key)).copied();
    known.ok_or_else(|| {
        let detail = "whose figures? ?ethereumAddress= names the account, or a DYDX-API-KEY that this server knows";
        Problem::new(StatusCode::UNAUTHORIZED, detail)
    })
}

/// A fixed-point number without zeros at its end.
fn plain(units: &str, decimals: u8) -> String {
    units.parse::<U256>().map_or_else(|_| "0".to_owned(), |units| client::exact(units, decimals))
}

fn number(text: &str) -> BigUint {
    text.parse().unwrap_or_default()
}

/// A market of the old API.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OldMarket {
    market: String,
    depth_spread_score: String,
    uptime: String,
    linked_uptime: String,
    max_uptime: String,
    score: String,
    total_score: String,
    maker_volume: String,
    total_maker_volume: String,
    estimated_rewards: String,
    total_rewards: String,
    secondary_allocation: String,
}

fn old_market(epoch: &LegacyEpoch, row: &RewardRow) -> OldMarket {
    let others = || epoch.rows.iter().filter(|other| other.market == row.market);
    let volume: BigUint = others().map(|other| number(&other.volume)).sum();
    let group: BigUint =
        others().filter(|other| other.primary == row.primary).map(|other| number(&other.reward_wei)).sum();
    let is_secondary = row.primary != row.account;
    let part = Ratio::new(number(&row.reward_wei), group).filter(|_| is_secondary);
    OldMarket {
        market: row.market.clone(),
        depth_spread_score: plain(&row.liquidity, 6),
        uptime: row.uptime.clone(),
        linked_uptime: if is_secondary { row.effective_uptime.clone() } else { "0".to_owned() },
        max_uptime: row.samples.clone(),
        score: row.score.clone(),
        total_score: row.total_score.clone(),
        maker_volume: plain(&row.volume, 6),
        total_maker_volume: plain(&volume.to_string(), 6),
        estimated_rewards: plain(&row.reward_wei, epoch.decimals),
        total_rewards: plain(&row.pool_wei, epoch.decimals),
        secondary_allocation: part.map_or_else(|| "0".to_owned(), |part| part.decimal(18)),
    }
}

/// A provider of the old API.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OldLinked {
    #[serde(rename = "averageStakedDYDX")]
    average_staked: String,
    markets: BTreeMap<String, OldMarket>,
}

fn old_linked(epoch: &LegacyEpoch, account: &str) -> Option<OldLinked> {
    let rows: Vec<_> = epoch.rows.iter().filter(|row| row.account == account).collect();
    let first = rows.first()?;
    let markets = rows.iter().map(|row| (row.market.clone(), old_market(epoch, row))).collect();
    Some(OldLinked { average_staked: plain(&first.stake, epoch.decimals), markets })
}

/// Average stakes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OldStake {
    #[serde(rename = "averageStakedDYDX")]
    average: String,
    #[serde(rename = "totalAverageStakedDYDX")]
    total: String,
}

/// Liquidity provider rewards of the old API.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OldRewards {
    epoch: u64,
    epoch_start: String,
    epoch_end: String,
    markets: BTreeMap<String, OldMarket>,
    #[serde(rename = "stakedDYDX")]
    staked: OldStake,
    #[serde(skip_serializing_if = "Option::is_none")]
    linked_address_rewards: Option<BTreeMap<String, OldLinked>>,
}

fn old_rewards(epoch: &LegacyEpoch, account: Address, with_linked: bool) -> Result<OldRewards, Problem> {
    let name = account.to_string();
    let own = old_linked(epoch, &name);
    let own = own.ok_or_else(|| Problem::absent(format_args!("no rewards of {name} in epoch {}", epoch.epoch)))?;
    // A group's stake stands with each of its members.
    let stakes: BTreeMap<_, _> = epoch.rows.iter().map(|row| (&row.primary, &row.stake)).collect();
    let total: BigUint = stakes.values().map(|stake| number(stake)).sum();
    let linked: BTreeSet<_> =
        epoch.rows.iter().filter(|row| row.primary == name && row.account != name).map(|row| &row.account).collect();
    let linked =
        linked.into_iter().filter_map(|account| Some((account.clone(), old_linked(epoch, account)?))).collect();
    Ok(OldRewards {
        epoch: epoch.epoch,
        epoch_start: epoch.start.clone(),
        epoch_end: epoch.end.clone(),
        markets: own.markets,
        staked: OldStake { average: own.average_staked, total: plain(&total.to_string(), epoch.decimals) },
        linked_address_rewards: with_linked.then_some(linked),
    })
}

/// Liquidity provider rewards as the old API gave them for epochs 13 and later.
#[utoipa::path(get, path = "/v3/rewards/liquidity-provider", tag = "legacy", params(Whose),
    responses((status = 200, body = OldRewards), (status = 404, description = "no data")))]
pub(crate) async fn liquidity_provider(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<Whose>,
) -> Result<Json<OldRewards>, Problem> {
    let account = whose(&app, &headers, query.ethereum_address.as_deref())?;
    Ok(Json(old_rewards(&legacy_figures(&app, query.epoch)?, account, true)?))
}

/// Liquidity provider rewards as the old API gave them for epochs up to 12.
#[utoipa::path(get, path = "/v3/rewards/liquidity", tag = "legacy", params(Whose),
    responses((status = 200, body = OldRewards), (status = 404, description = "no data")))]
pub(crate) async fn liquidity(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<Whose>,
) -> Result<Json<OldRewards>, Problem> {
    let named = query.secondary_address.as_deref().or(query.ethereum_address.as_deref());
    let account = whose(&app, &headers, named)?;
    Ok(Json(old_rewards(&legacy_figures(&app, query.epoch)?, account, false)?))
}

/// Rows of a table of another program: `FOLDER/EPOCH.programs/NAME.csv`.
async fn program(app: &App, epoch: u64, name: &str) -> Result<Vec<BTreeMap<String, String>>, Problem> {
    let absent = || Problem::absent(format_args!("no data of this program in epoch {epoch}"));
    let folder = app.programs.as_ref().ok_or_else(absent)?;
    let path = folder.join(format!("{epoch}.programs")).join(format!("{name}.csv"));
    if !path.is_file() {
        return Err(absent());
    }
    let rows = tokio::task::spawn_blocking(move || -> anyhow::Result<_> {
        let mut reader = csv::Reader::from_path(path)?;
        Ok(reader.deserialize().collect::<Result<Vec<BTreeMap<String, String>>, _>>()?)
    });
    let rows = rows.await.map_err(|error| anyhow::anyhow!(error))?;
    rows.map_err(|error| {
        tracing::warn!(epoch, name, error = format!("{error:#}"), "a program's table cannot be read");
        Problem::unavailable(format_args!("the table {name}.csv of epoch {epoch} cannot be read"))
    })
}

/// An account's row of a table, its columns all there.
fn row_of<'a>(
    rows: &'a [BTreeMap<String, String>],
    account: Address,
    columns: &[&str],
) -> Result<&'a BTreeMap<String, String>, Problem> {
    let row = rows.iter().find(|row| row.get("account").is_some_and(|name| name.parse() == Ok(account)));
    let row = row.ok_or_else(|| Problem::absent(format_args!("no data of {account}")))?;
    match columns.iter().find(|column| !row.contains_key(**column)) {
        None => Ok(row),
        Some(column) => Err(Problem::absent(format_args!("the program's table has no column `{column}`"))),
    }
}

/// The exact sum of a column of decimals.
fn total(rows: &[BTreeMap<String, String>], column: &str) -> Result<String, Problem> {
    let mut sum = U256::ZERO;
    for row in rows {
        let text = row.get(column).map(String::as_str).unwrap_or_default();
        let amount = client::amount(text, 18);
        let amount = amount.map_err(|error| Problem::unavailable(format_args!("the program's table: {error}")))?;
        sum = sum.saturating_add(amount);
    }
    Ok(client::exact(sum, 18))
}

fn span(app: &App, epoch: Option<u64>) -> Result<(u64, String, String), Problem> {
    let figures = legacy_figures(app, epoch)?;
    Ok((figures.epoch, figures.start, figures.end))
}

/// Trading rewards, if the operator has a table of them (`N.programs/weight.csv`).
#[utoipa::path(get, path = "/v3/rewards/weight", tag = "legacy", params(Whose),
    responses((status = 200, body = Value), (status = 404, description = "no data")))]
pub(crate) async fn weight(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<Whose>,
) -> Result<Json<Value>, Problem> {
    let account = whose(&app, &headers, query.secondary_address.as_deref().or(query.ethereum_address.as_deref()))?;
    let (epoch, start, end) = span(&app, query.epoch)?;
    let rows = program(&app, epoch, "weight").await?;
    let columns = [
        "fees_paid",
        "average_open_interest",
        "weight",
        "average_staked",
        "average_staked_with_floor",
        "total_rewards",
        "estimated_rewards",
    ];
    let row = row_of(&rows, account, &columns)?;
    Ok(Json(json!({
        "epoch": epoch, "epochStart": start, "epochEnd": end,
        "fees": { "feesPaid": row["fees_paid"], "totalFeesPaid": total(&rows, "fees_paid")? },
        "openInterest": {
            "averageOpenInterest": row["average_open_interest"],
            "totalAverageOpenInterest": total(&rows, "average_open_interest")?,
        },
        "weight": { "weight": row["weight"], "totalWeight": total(&rows, "weight")? },
        "stakedDYDX": {
            "averageStakedDYDX": row["average_staked"],
            "averageStakedDYDXWithFloor": row["average_staked_with_floor"],
            "totalAverageStakedDYDX": total(&rows, "average_staked")?,
        },
        "totalRewards": row["total_rewards"], "estimatedRewards": row["estimated_rewards"],
    })))
}

const RETROACTIVE: [&str; 4] = ["allocation", "target_volume", "volume", "estimated_rewards"];

/// Retroactive rewards, if the operator has a table of them (`N.programs/retroactive.csv`).
#[utoipa::path(get, path = "/v3/rewards/retroactive-mining", tag = "legacy", params(Whose),
    responses((status = 200, body = Value), (status = 404, description = "no data")))]
pub(crate) async fn retroactive_mining(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<Whose>,
) -> Result<Json<Value>, Problem> {
    let account = whose(&app, &headers, query.ethereum_address.as_deref())?;
    let (epoch, start, end) = span(&app, query.epoch)?;
    let rows = program(&app, epoch, "retroactive").await?;
    let row = row_of(&rows, account, &RETROACTIVE)?;
    Ok(Json(json!({
        "epoch": epoch, "epochStart": start, "epochEnd": end,
        "retroactiveMining": {
            "allocation": row["allocation"], "targetVolume": row["target_volume"], "volume": row["volume"],
        },
        "estimatedRewards": row["estimated_rewards"],
    })))
}

/// The same of any account, in short.
#[utoipa::path(get, path = "/v3/rewards/public-retroactive-mining", tag = "legacy", params(Whose),
    responses((status = 200, body = Value), (status = 404, description = "no data")))]
pub(crate) async fn public_retroactive_mining(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<Whose>,
) -> Result<Json<Value>, Problem> {
    let account = whose(&app, &headers, query.ethereum_address.as_deref())?;
    let (epoch, ..) = span(&app, query.epoch)?;
    let rows = program(&app, epoch, "retroactive").await?;
    let row = row_of(&rows, account, &RETROACTIVE)?;
    Ok(Json(json!({ "allocation": row["allocation"], "targetVolume": row["target_volume"] })))
}

/// Which chain.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfChain {
    /// Id of the chain; this server's if it is left out.
    chain_id: Option<u64>,
}

/// Rewards of an account on a chain, as trackers read them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserRewards {
    chain: UserChain,
    rewards: Vec<UserReward>,
}

/// A chain.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserChain {
    id: u64,
}

/// Rewards in one token. `amount` and `claimed` are cumulative: what can be claimed is their difference.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserReward {
    root: String,
    distribution_chain_id: u64,
    recipient: String,
    /// Everything ever earned, up to the active root: cumulative.
    amount: String,
    /// Everything ever claimed: cumulative.
    claimed: String,
    /// What the proposed root adds, once it becomes active; absent if its tree is not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<String>,
    proofs: Vec<String>,
    token: UserToken,
    /// From when on the pending part can be claimed, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_from: Option<String>,
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserToken {
    address: String,
    chain_id: u64,
    symbol: String,
    decimals: u8,
}

/// Rewards of an account: cumulative amount, claimed, pending, proof.
#[utoipa::path(get, path = "/v4/users/{address}/rewards", tag = "legacy", params(("address" = String, Path), OfChain),
    responses((status = 200, body = Vec<UserRewards>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn user_rewards(
    State(app): State<App>,
    Path(address): Path<String>,
    Query(query): Query<OfChain>,
) -> Result<Json<Vec<UserRewards>>, Problem> {
    let address = account(&address)?;
    if query.chain_id.is_some_and(|id| id != app.chain_id) {
        return Ok(Json(Vec::new())); // As there: a chain without rewards has an empty list.
    }
    let balances = balances(&app, address).await?;
    let amount = balances.active.ok_or_else(|| {
        Problem::absent(format_args!(
            "the tree of the active root {} is not here: amounts are not known",
            balances.root
        ))
    })?;
    let (_, token) = app.tokens(app.tip()?).await?;
    let reward = UserReward {
        root: balances.root.to_string(),
        distribution_chain_id: app.chain_id,
        recipient: address.to_string(),
        amount: amount.to_string(),
        claimed: balances.claimed.to_string(),
        pending: balances.pending.map(|pending| pending.to_string()),
        proofs: balances.proof.iter().map(ToString::to_string).collect(),
        token: UserToken {
            address: token.address,
            chain_id: app.chain_id,
            symbol: token.symbol,
            decimals: token.decimals,
        },
        pending_from: balances.waits_until.map(iso),
    };
    let is_empty = amount.is_zero() && balances.claimed.is_zero() && balances.pending == Some(U256::ZERO);
    let rewards = if is_empty { Vec::new() } else { vec![reward] };
    Ok(Json(vec![UserRewards { chain: UserChain { id: app.chain_id }, rewards }]))
}
