//! The pool: present figures from its getters, the past from the index.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::SolCall;
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use client::bindings::{
    IBorrowerAllocations, IDebtAccounting, IDiamondCut, IEpochSchedule, IPoolViews, IRoles, IToken,
    ITrustedBorrowerL2Proxy,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::any::AnyRow;
use utoipa::{IntoParams, ToSchema};

use super::{App, At, Page, Problem, Token, account, iso, place, seconds, shape::Immutable, units};
use crate::{
    chain::Refused,
    history::{self, Moment},
    ledger::{Shortfall, Staker},
    store::{Block, Cell, address, hash, int, maybe_state, sql, state, text},
};

type Answer<T> = Result<Json<At<T>>, Problem>;

/// Points of a chart, and the most that one may have.
const POINTS_MAX: u64 = 1_000;

/// The pool at one block, by its getters.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PoolState {
    address: String,
    staked_token: Token,
    rewards_token: Token,
    /// Whether epoch zero has begun; amounts are 0 before.
    started: bool,
    epoch: String,
    epoch_start: Option<Moments>,
    epoch_end: Option<Moments>,
    in_blackout_window: bool,
    /// From when on nothing can be requested in this epoch.
    blackout_start: Option<Moments>,
    blackout_window_seconds: String,
    epoch_seconds: String,
    active: String,
    active_next_epoch: String,
    inactive: String,
    inactive_next_epoch: String,
    borrowed: String,
    unborrowed: String,
    borrower_debt: String,
    /// Repaid debt that stakers can withdraw.
    debt_available_to_withdraw: String,
    available_to_borrow: String,
    surplus: String,
    equation: Equation,
    solvent: bool,
    /// By how much loans exceed the active stake.
    shortfall: String,
    /// By how much they would at the next epoch's begin, as things stand.
    shortfall_next_epoch: String,
    shortfalls: String,
    rewards_per_second: String,
    rewards_index: String,
    distribution_start: Moments,
    distribution_end: Moments,
    treasury: Treasury,
}

/// What the pool holds, and what for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Equation {
    /// Staked tokens at the pool's address.
    held: String,
    /// Stake that is not lent: active and inactive stake less loans.
    unborrowed: String,
    /// Repaid debt.
    repaid_debt: String,
    /// The rest, which nobody accounts for.
    surplus: String,
    /// Whether `held` is the sum of the others.
    holds: bool,
}

/// Who pays rewards, and for how long that lasts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Treasury {
    address: String,
    balance: String,
    allowance: String,
    /// Seconds of emission that the lesser of both pays; absent at rate zero.
    covers_seconds: Option<String>,
}

/// A second.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Moments {
    /// Seconds since 1970.
    time: u64,
    /// The same, ISO 8601.
    timestamp: String,
}

fn moment(seconds: U256) -> Moments {
    let time = seconds.saturating_to();
    Moments { time, timestamp: iso(time) }
}

/// The pool at the index's last block.
#[utoipa::path(get, path = "/v1/pool", tag = "pool", responses((status = 200, body = At<PoolState>), (status = 503, body = Problem)))]
pub(crate) async fn pool(State(app): State<App>) -> Answer<PoolState> {
    let tip = app.tip()?;
    let (chain, pool) = (&app.chain, app.contracts.pool);
    // In one request; each view below finds its answer there.
    let calls = [
        IPoolViews::getPoolCall {}.abi_encode(),
        IEpochSchedule::getEpochParametersCall {}.abi_encode(),
        IEpochSchedule::getBlackoutWindowCall {}.abi_encode(),
        IPoolViews::DISTRIBUTION_STARTCall {}.abi_encode(),
        IPoolViews::DISTRIBUTION_ENDCall {}.abi_encode(),
        IPoolViews::getSurplusCall {}.abi_encode(),
        IPoolViews::REWARDS_TREASURYCall {}.abi_encode(),
        IBorrowerAllocations::getContractBalanceAvailableToBorrowCall {}.abi_encode(),
        IDebtAccounting::getShortfallAmountCall {}.abi_encode(),
        IDebtAccounting::isSolventCall {}.abi_encode(),
    ];
    chain.view_many(tip, calls.map(|data| (pool, data.into())).to_vec()).await?;
    let state = chain.view(tip, pool, &IPoolViews::getPoolCall {}).await?;
    let schedule = chain.view(tip, pool, &IEpochSchedule::getEpochParametersCall {}).await?;
    let blackout = chain.view(tip, pool, &IEpochSchedule::getBlackoutWindowCall {}).await?;
    let start = chain.view(tip, pool, &IPoolViews::DISTRIBUTION_STARTCall {}).await?;
    let end = chain.view(tip, pool, &IPoolViews::DISTRIBUTION_ENDCall {}).await?;
    let surplus = chain.view(tip, pool, &IPoolViews::getSurplusCall {}).await?;
    let borrowable = chain.view(tip, pool, &IBorrowerAllocations::getContractBalanceAvailableToBorrowCall {}).await?;
    let shortfall = chain.view(tip, pool, &IDebtAccounting::getShortfallAmountCall {}).await?;
    let solvent = chain.view(tip, pool, &IDebtAccounting::isSolventCall {}).await?;
    let (staked_token, rewards_token) = app.tokens(tip).await?;
    let token: Address = staked_token.address.parse().unwrap_or_default();
    let held = chain.view(tip, token, &IToken::balanceOfCall { account: pool }).await?;
    let unborrowed = (state.activeNextEpoch + state.inactiveNextEpoch).saturating_sub(state.borrowed);
    let repaid = state.debtAvailableToWithdraw;
    let start_of = |epoch: U256| epoch * U256::from(schedule.interval) + U256::from(schedule.offset);
    let data = PoolState {
        address: pool.to_string(),
        epoch_start: state.started.then(|| moment(start_of(state.epoch))),
        epoch_end: state.started.then(|| moment(start_of(state.epoch + U256::ONE))),
        blackout_start: state.started.then(|| moment(start_of(state.epoch + U256::ONE).saturating_sub(blackout))),
        epoch: units(state.epoch),
        started: state.started,
        in_blackout_window: state.inBlackoutWindow,
        blackout_window_seconds: units(blackout),
        epoch_seconds: units(schedule.interval),
        active: units(state.activeCurrentEpoch),
        active_next_epoch: units(state.activeNextEpoch),
        inactive: units(state.inactiveCurrentEpoch),
        inactive_next_epoch: units(state.inactiveNextEpoch),
        borrowed: units(state.borrowed),
        unborrowed: units(state.unborrowed),
        borrower_debt: units(state.borrowerDebt),
        debt_available_to_withdraw: units(repaid),
        available_to_borrow: units(borrowable),
        surplus: units(surplus),
        equation: Equation {
            held: units(held),
            unborrowed: units(unborrowed),
            repaid_debt: units(repaid),
            surplus: units(surplus),
            holds: held == unborrowed + repaid + surplus,
        },
        solvent,
        shortfall: units(shortfall),
        shortfall_next_epoch: units(state.borrowed.saturating_sub(state.activeNextEpoch)),
        shortfalls: units(state.shortfallCount),
        rewards_per_second: units(state.rewardsPerSecond),
        rewards_index: units(state.globalIndex),
        distribution_start: moment(start),
        distribution_end: moment(end),
        treasury: treasury(&app, tip, &rewards_token, state.rewardsPerSecond).await?,
        staked_token,
        rewards_token,
    };
    Ok(Json(app.at(tip, data)))
}

async fn treasury(app: &App, tip: Block, token: &Token, rate: U256) -> Result<Treasury, Problem> {
    let (chain, pool) = (&app.chain, app.contracts.pool);
    let owner = chain.view(tip, pool, &IPoolViews::REWARDS_TREASURYCall {}).await?;
    let token = token.address.parse().unwrap_or_default();
    let balance = chain.view(tip, token, &IToken::balanceOfCall { account: owner }).await?;
    let allowance = chain.view(tip, token, &IToken::allowanceCall { owner, spender: pool }).await?;
    let covers = balance.min(allowance).checked_div(rate).filter(|_| !rate.is_zero());
    Ok(Treasury {
        address: owner.to_string(),
        balance: units(balance),
        allowance: units(allowance),
        covers_seconds: covers.map(units),
    })
}

/// From when to when, and how densely.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Span {
    /// Seconds since 1970 or ISO 8601; 30 days before `to` if it is left out.
    from: Option<String>,
    /// The same; the index's last block if it is left out.
    to: Option<String>,
    /// `minute`, `hour`, `day`, a number of seconds, or `event` for each block that changed something; `day` if it is left out.
    step: Option<String>,
}

/// The pool at a moment of the past.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PoolPoint {
    /// The last block that changed it.
    block: u64,
    /// Seconds since 1970.
    time: u64,
    /// The same, ISO 8601.
    timestamp: String,
    /// Absent before epoch zero.
    epoch: Option<String>,
    active: String,
    active_next_epoch: String,
    inactive: String,
    inactive_next_epoch: String,
    borrowed: String,
    unborrowed: String,
    borrower_debt: String,
    debt_available_to_withdraw: String,
    shortfalls: String,
    rewards_per_second: String,
    rewards_index: String,
    rewards_claimed: String,
}

impl PoolPoint {
    fn of(moment: &Moment) -> Self {
        let pool = moment.pool;
        Self {
            block: moment.block,
            time: pool.time,
            timestamp: iso(pool.time),
            epoch: pool.epoch().map(units),
            active: units(pool.active.now),
            active_next_epoch: units(pool.active.next),
            inactive: units(pool.inactive.now),
            inactive_next_epoch: units(pool.inactive.next),
            borrowed: units(pool.borrowed),
            unborrowed: units(pool.unborrowed()),
            borrower_debt: units(pool.borrower_debt),
            debt_available_to_withdraw: units(pool.repaid_debt),
            shortfalls: units(pool.shortfalls),
            rewards_per_second: units(pool.rate),
            rewards_index: units(pool.index_now()),
            rewards_claimed: units(pool.claimed),
        }
    }
}

/// An answer about the past: immutable if nothing up to there can be taken back.
fn past<T>(app: &App, until: Block, data: T) -> (Option<Extension<Immutable>>, At<T>) {
    let answer = app.at(until, data);
    let is_settled = answer.finalized && until.hash.is_zero();
    (is_settled.then_some(Extension(Immutable)), answer)
}

type Past<T> = Result<(Option<Extension<Immutable>>, Json<At<T>>), Problem>;

/// The block that an answer about the past is of: the tip, or the last one that counts before a second.
async fn until(app: &App, to: Option<u64>, tip: Block) -> Result<Block, Problem> {
    let Some(to) = to.filter(|to| *to < tip.time) else { return Ok(tip) };
    let Some(moment) = history::pool_at(&app.store, to).await? else { return Ok(tip) };
    let finalized = app.standing.borrow().finalized.unwrap_or_default();
    // A block of that second may still come, unless the chain is past it for good.
    let later = app.store.row(sql::POOL_AFTER, [finalized.into()]).await?;
    let is_past = later.map(|row| int(&row, 1)).transpose()?.is_some_and(|time| time > to);
    let number = if is_past { moment.block } else { tip.number };
    Ok(Block { number, hash: B256::ZERO, time: to })
}

/// Stake, loans, debt and emission over time.
#[utoipa::path(get, path = "/v1/pool/history", tag = "pool", params(Span),
    responses((status = 200, body = At<Vec<PoolPoint>>), (status = 400, body = Problem)))]
pub(crate) async fn pool_history(State(app): State<App>, Query(span): Query<Span>) -> Past<Vec<PoolPoint>> {
    let tip = app.tip()?;
    let to = span.to.as_deref().map(|text| seconds("to", text)).transpose()?;
    let until = until(&app, to, tip).await?;
    let to = to.unwrap_or(tip.time).min(tip.time);
    let from = span.from.as_deref().map(|text| seconds("from", text)).transpose()?;
    let from = from.unwrap_or(to.saturating_sub(30 * 86_400));
    if from > to {
        return Err(Problem::argument(format_args!("from {from} lies after to {to}")));
    }
    let moments = match step(span.step.as_deref())? {
        None => {
            let points = history::pool_points(&app.store, from, to, POINTS_MAX + 1).await?;
            if points.len() as u64 > POINTS_MAX {
                let detail = format_args!(
                    "more than {POINTS_MAX} blocks changed the pool between {from} and {to}: ask for less time"
                );
                return Err(Problem::argument(detail));
            }
            points
        }
        Some(step) => {
            if (to - from) / step >= POINTS_MAX {
                let least = (to - from) / POINTS_MAX + 1;
                let detail = format_args!(
                    "{from} to {to} in steps of {step} s: at most {POINTS_MAX} steps, so of {least} s at least"
                );
                return Err(Problem::argument(detail));
            }
            let mut moments = Vec::new();
            for time in (from..=to).step_by(step as usize) {
                moments.extend(history::pool_at(&app.store, time).await?);
            }
            moments
        }
    };
    let (immutable, answer) = past(&app, until, moments.iter().map(PoolPoint::of).collect());
    Ok((immutable, Json(answer)))
}

/// Seconds of a step; nothing for each event.
fn step(step: Option<&str>) -> Result<Option<u64>, Problem> {
    match step.unwrap_or("day") {
        "event" => Ok(None),
        "minute" => Ok(Some(60)),
        "hour" => Ok(Some(3_600)),
        "day" => Ok(Some(86_400)),
        text => match text.parse() {
            Ok(seconds @ 1..=31_536_000) => Ok(Some(seconds)),
            _ => Err(Problem::argument(format_args!(
                "step `{}`: minute, hour, day, event, or 1 to 31536000 seconds are allowed",
                client::printable(text)
            ))),
        },
    }
}

/// An epoch to come, or the running one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalendarEntry {
    /// `epoch`, `blackout` or `distribution`.
    kind: &'static str,
    /// Absent for the distribution.
    epoch: Option<String>,
    start: u64,
    start_timestamp: String,
    /// The first second behind it.
    end: u64,
    end_timestamp: String,
}

/// Epochs in the calendar.
const CALENDAR: u64 = 13;

async fn entries(app: &App, tip: Block) -> Result<Vec<CalendarEntry>, Problem> {
    let (chain, pool) = (&app.chain, app.contracts.pool);
    let schedule = chain.view(tip, pool, &IEpochSchedule::getEpochParametersCall {}).await?;
    let blackout = chain.view(tip, pool, &IEpochSchedule::getBlackoutWindowCall {}).await?.saturating_to::<u64>();
    let distribution = [
        chain.view(tip, pool, &IPoolViews::DISTRIBUTION_STARTCall {}).await?,
        chain.view(tip, pool, &IPoolViews::DISTRIBUTION_ENDCall {}).await?,
    ]
    .map(|time| time.saturating_to::<u64>());
    let (interval, offset) = (u64::try_from(schedule.interval).unwrap_or(u64::MAX), schedule.offset);
    let first =
        u128::from(tip.time).checked_sub(offset).map_or(0, |passed| (passed / u128::from(interval.max(1))) as u64);
    let entry = |kind, epoch: Option<u64>, start: u64, end: u64| CalendarEntry {
        kind,
        epoch: epoch.map(units),
        start,
        start_timestamp: iso(start),
        end,
        end_timestamp: iso(end),
    };
    let mut entries = vec![entry("distribution", None, distribution[0], distribution[1])];
    for epoch in first..first + CALENDAR {
        let start = u128::from(epoch) * u128::from(interval) + offset;
        let Ok(start) = u64::try_from(start) else { break };
        let end = start.saturating_add(interval);
        entries.push(entry("epoch", Some(epoch), start, end));
        entries.push(entry("blackout", Some(epoch), end.saturating_sub(blackout), end));
    }
    Ok(entries)
}

/// Epochs, blackout windows, the distribution.
#[utoipa::path(get, path = "/v1/pool/calendar", tag = "pool", responses((status = 200, body = At<Vec<CalendarEntry>>)))]
pub(crate) async fn calendar(State(app): State<App>) -> Answer<Vec<CalendarEntry>> {
    let tip = app.tip()?;
    Ok(Json(app.at(tip, entries(&app, tip).await?)))
}

/// The same as iCalendar.
pub(crate) async fn calendar_ics(State(app): State<App>) -> Result<Response, Problem> {
    let tip = app.tip()?;
    let stamp = |time: u64| iso(time).replace(['-', ':'], "");
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Tidepool//Pool//EN\r\n".to_owned();
    for entry in entries(&app, tip).await? {
        let epoch = entry.epoch.as_deref().unwrap_or_default();
        let name = match entry.kind {
            "epoch" => format!("Epoch {epoch}"),
            "blackout" => format!("Blackout window of epoch {epoch}"),
            _ => "Distribution of rewards".to_owned(),
        };
        let uid = format!("{}-{epoch}@{}", entry.kind, app.contracts.pool);
        let (now, start, end) = (stamp(tip.time), stamp(entry.start), stamp(entry.end));
        text += &format!(
            "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:{now}\r\nDTSTART:{start}\r\nDTEND:{end}\r\nSUMMARY:{name}\r\nEND:VEVENT\r\n"
        );
    }
    text += "END:VCALENDAR\r\n";
    Ok(([(header::CONTENT_TYPE, "text/calendar; charset=utf-8")], text).into_response())
}

/// A borrower, by the pool's getters.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BorrowerState {
    address: String,
    /// What the operator calls it, or what it is called in the deployment.
    name: Option<String>,
    /// Its page, as the operator says.
    link: Option<String>,
    /// What else the operator says of it.
    note: Option<String>,
    /// Share of the active stake, basis points.
    allocation: String,
    allocation_next_epoch: String,
    allocated: String,
    allocated_next_epoch: String,
    /// The most that new loans may reach; absent without a cap.
    cap: Option<String>,
    borrowed: String,
    borrowable: String,
    debt: String,
    overdue: bool,
    overdue_amount: String,
    /// By how much its loan would exceed its share at the next epoch's begin.
    over_share_next_epoch: String,
    restricted: bool,
    /// If it is one of this pool's proxies.
    proxy: Option<ProxyState>,
}

/// A borrower's contract.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProxyState {
    /// Tokens that it holds.
    token_balance: String,
    /// What its operator may withdraw to outside.
    approved_for_external_withdrawal: String,
    /// Whether its guardians have restricted it.
    restricted: bool,
    exchange: String,
}

async fn borrowers_at(app: &App, tip: Block, addresses: &[Address]) -> Result<Vec<BorrowerState>, Problem> {
    let calls: Vec<_> =
        addresses.iter().map(|borrower| IBorrowerAllocations::getBorrowerCall { borrower: *borrower }).collect();
    let states = app.chain.view_each(tip, app.contracts.pool, &calls).await?;
    let proxies = proxies_at(app, tip, addresses).await?;
    let rows = addresses.iter().zip(states).zip(proxies).map(|((address, state), proxy)| {
        let listed = app.borrowers.get(address).cloned().unwrap_or_default();
        let said = |text: String| Some(text).filter(|text| !text.is_empty());
        let deployed = || app.contracts.proxies.iter().find(|(_, proxy)| *proxy == address);
        BorrowerState {
            address: address.to_string(),
            name: said(listed.name).or_else(|| deployed().map(|(name, _)| name.clone())),
            link: said(listed.link),
            note: said(listed.note),
            allocation: units(state.allocationCurrentEpoch),
            allocation_next_epoch: units(state.allocationNextEpoch),
            allocated: units(state.allocatedBalanceCurrentEpoch),
            allocated_next_epoch: units(state.allocatedBalanceNextEpoch),
            cap: Some(state.cap).filter(|cap| !cap.is_zero()).map(units),
            over_share_next_epoch: units(state.borrowed.saturating_sub(state.allocatedBalanceNextEpoch)),
            borrowed: units(state.borrowed),
            borrowable: units(state.borrowable),
            debt: units(state.debt),
            overdue: state.overdue,
            overdue_amount: units(state.overdueAmount),
            restricted: state.restricted,
            proxy,
        }
    });
    Ok(rows.collect())
}

/// Proxies' own figures; nothing where no proxy of this pool stands.
async fn proxies_at(app: &App, tip: Block, addresses: &[Address]) -> Result<Vec<Option<ProxyState>>, Problem> {
    use ITrustedBorrowerL2Proxy as Proxy;

    let calls = [
        Proxy::LIQUIDITY_STAKINGCall {}.abi_encode(),
        Proxy::getTokenBalanceCall {}.abi_encode(),
        Proxy::getApprovedAmountForExternalWithdrawalCall {}.abi_encode(),
        Proxy::isBorrowingRestrictedCall {}.abi_encode(),
        Proxy::STARK_PERPETUALCall {}.abi_encode(),
    ];
    let of = |address: &Address| calls.clone().map(|data| (*address, data.into()));
    let answers = app.chain.view_many(tip, addresses.iter().flat_map(of).collect()).await?;
    let read = |answers: &[Result<Bytes, Refused>]| {
        let [Ok(pool), Ok(balance), Ok(approved), Ok(restricted), Ok(exchange)] = answers else { return None };
        let pool = Proxy::LIQUIDITY_STAKINGCall::abi_decode_returns(pool).ok()?;
        (pool == app.contracts.pool).then_some(())?;
        let approved = Proxy::getApprovedAmountForExternalWithdrawalCall::abi_decode_returns(approved).ok()?;
        Some(ProxyState {
            token_balance: units(Proxy::getTokenBalanceCall::abi_decode_returns(balance).ok()?),
            approved_for_external_withdrawal: units(approved),
            restricted: Proxy::isBorrowingRestrictedCall::abi_decode_returns(restricted).ok()?,
            exchange: Proxy::STARK_PERPETUALCall::abi_decode_returns(exchange).ok()?.to_string(),
        })
    };
    Ok(answers.chunks(calls.len()).map(read).collect())
}

/// Everybody who ever had a share, by address.
#[utoipa::path(get, path = "/v1/borrowers", tag = "pool", params(Page),
    responses((status = 200, body = At<Vec<BorrowerState>>), (status = 400, body = Problem)))]
pub(crate) async fn borrowers(State(app): State<App>, Query(page): Query<Page>) -> Answer<Vec<BorrowerState>> {
    let (tip, limit) = (app.tip()?, page.limit()?);
    let after = page.after.as_deref().map_or(Ok(Address::ZERO), account)?;
    let rows = app.store.rows(sql::BORROWERS, [after.into(), limit.into()]).await?;
    let addresses = rows.iter().map(|row| address(row, 0)).collect::<anyhow::Result<Vec<_>>>()?;
    let next = addresses.last().filter(|_| addresses.len() as u64 == limit).map(ToString::to_string);
    let data = borrowers_at(&app, tip, &addresses).await?;
    Ok(Json(app.at(tip, data).with_next(next)))
}

/// A borrower.
#[utoipa::path(get, path = "/v1/borrowers/{address}", tag = "pool", params(("address" = String, Path)),
    responses((status = 200, body = At<BorrowerState>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn borrower(State(app): State<App>, Path(address): Path<String>) -> Answer<BorrowerState> {
    let (tip, address) = (app.tip()?, account(&address)?);
    if app.store.row(sql::LAST_BORROWER_POINT, [address.into()]).await?.is_none() {
        return Err(Problem::absent(format_args!("{address} has never been a borrower")));
    }
    let data = borrowers_at(&app, tip, &[address]).await?.into_iter().next();
    Ok(Json(app.at(tip, data.ok_or_else(|| Problem::absent(address))?)))
}

/// A borrower after a block of the past that changed it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BorrowerPoint {
    block: u64,
    time: u64,
    timestamp: String,
    allocation: String,
    allocation_next_epoch: String,
    borrowed: String,
    debt: String,
    restricted: bool,
    cap: Option<String>,
}

/// A borrower's states, oldest first: one for each block that changed it.
#[utoipa::path(get, path = "/v1/borrowers/{address}/history", tag = "pool", params(("address" = String, Path), Page),
    responses((status = 200, body = At<Vec<BorrowerPoint>>), (status = 400, body = Problem)))]
pub(crate) async fn borrower_history(
    State(app): State<App>,
    Path(address): Path<String>,
    Query(page): Query<Page>,
) -> Answer<Vec<BorrowerPoint>> {
    let (tip, address, limit) = (app.tip()?, account(&address)?, page.limit()?);
    let after = match &page.after {
        Some(after) => place(after).ok_or_else(|| Problem::argument("after: the value of `next` is allowed"))?.0 + 1,
        None => 0,
    };
    let points = history::borrower_points(&app.store, address, (after, tip.number), limit).await?;
    let next = points.last().filter(|_| points.len() as u64 == limit).map(|point| format!("{}-0", point.block));
    let row = |point: &history::Point<crate::ledger::Borrower>| BorrowerPoint {
        block: point.block,
        time: point.time,
        timestamp: iso(point.time),
        allocation: units(point.state.share.now),
        allocation_next_epoch: units(point.state.share.next),
        borrowed: units(point.state.borrowed),
        debt: units(point.state.debt),
        restricted: point.state.restricted,
        cap: Some(point.state.cap).filter(|cap| !cap.is_zero()).map(units),
    };
    Ok(Json(app.at(tip, points.iter().map(row).collect()).with_next(next)))
}

/// A staker, by the pool's getters.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StakerState {
    address: String,
    active: String,
    active_next_epoch: String,
    inactive: String,
    inactive_next_epoch: String,
    /// What was requested in this epoch: it stops earning with the next.
    requested: String,
    withdrawable: String,
    /// What shortfalls took and is owed.
    owed: String,
    owed_withdrawable: String,
    claimable_rewards: String,
    /// `balanceOf`: active and inactive stake.
    balance: String,
}

async fn stakers_at(app: &App, tip: Block, addresses: &[Address]) -> Result<Vec<StakerState>, Problem> {
    let calls: Vec<_> = addresses.iter().map(|staker| IPoolViews::getAccountCall { staker: *staker }).collect();
    let states = app.chain.view_each(tip, app.contracts.pool, &calls).await?;
    let rows = addresses.iter().zip(states).map(|(address, state)| StakerState {
        address: address.to_string(),
        active: units(state.activeCurrentEpoch),
        active_next_epoch: units(state.activeNextEpoch),
        inactive: units(state.inactiveCurrentEpoch),
        inactive_next_epoch: units(state.inactiveNextEpoch),
        requested: units(state.activeCurrentEpoch.saturating_sub(state.activeNextEpoch)),
        withdrawable: units(state.stakeAvailableToWithdraw),
        owed: units(state.debt),
        owed_withdrawable: units(state.debtAvailableToWithdraw),
        claimable_rewards: units(state.claimableRewards),
        balance: units(state.activeCurrentEpoch + state.inactiveCurrentEpoch),
    });
    Ok(rows.collect())
}

/// Everybody who ever had stake, the largest first.
#[utoipa::path(get, path = "/v1/stakers", tag = "pool", params(Page),
    responses((status = 200, body = At<Vec<StakerState>>), (status = 400, body = Problem)))]
pub(crate) async fn stakers(State(app): State<App>, Query(page): Query<Page>) -> Answer<Vec<StakerState>> {
    let (tip, limit) = (app.tip()?, page.limit()?);
    let (stake, last): (Cell, Cell) = match &page.after {
        None => (U256::MAX.into(), Address::repeat_byte(0xff).into()),
        Some(after) => {
            let parsed = after
                .split_once('-')
                .and_then(|(stake, last)| Some((stake.parse::<U256>().ok()?, account(last).ok()?)));
            let (stake, last) = parsed.ok_or_else(|| Problem::argument("after: the value of `next` is allowed"))?;
            (stake.into(), last.into())
        }
    };
    let rows = app.store.rows(sql::STAKERS, [stake, last, limit.into()]).await?;
    let addresses = rows.iter().map(|row| address(row, 0)).collect::<anyhow::Result<Vec<_>>>()?;
    let next = match rows.last().filter(|_| rows.len() as u64 == limit) {
        Some(row) => Some(format!("{}-{}", U256::from_be_bytes(hash(row, 1)?.0), address(row, 0)?)),
        None => None,
    };
    let data = stakers_at(&app, tip, &addresses).await?;
    Ok(Json(app.at(tip, data).with_next(next)))
}

/// A staker; zeros for an account that never was one.
#[utoipa::path(get, path = "/v1/stakers/{address}", tag = "pool", params(("address" = String, Path)),
    responses((status = 200, body = At<StakerState>), (status = 400, body = Problem)))]
pub(crate) async fn staker(State(app): State<App>, Path(address): Path<String>) -> Answer<StakerState> {
    let (tip, address) = (app.tip()?, account(&address)?);
    let data = stakers_at(&app, tip, &[address]).await?.into_iter().next();
    Ok(Json(app.at(tip, data.ok_or_else(|| Problem::absent(address))?)))
}

/// A log in words.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct EventRow {
    /// `block-position`: orders events, and names them for `after` and `Last-Event-ID`.
    pub(crate) id: String,
    block: u64,
    position: u64,
    time: u64,
    timestamp: String,
    transaction: String,
    /// Which kind of contract.
    contract: String,
    address: String,
    name: String,
    /// Its fields, as in `abi/`.
    args: Value,
}

impl EventRow {
    /// Its place in the chain.
    pub(crate) const fn place(&self) -> (u64, u64) {
        (self.block, self.position)
    }

    /// A field that is text.
    pub(crate) fn arg(&self, name: &str) -> &str {
        self.args[name].as_str().unwrap_or_default()
    }

    /// Whether it is a claim of the distributor's rewards.
    pub(crate) fn is_claim(&self) -> bool {
        self.contract == "merkle-distributor" && self.name == "RewardsClaimed"
    }
}

pub(crate) fn event(row: &AnyRow) -> anyhow::Result<EventRow> {
    let (block, position, time) = (int(row, 0)?, int(row, 1)?, int(row, 2)?);
    Ok(EventRow {
        id: format!("{block}-{position}"),
        block,
        position,
        time,
        timestamp: iso(time),
        transaction: hash(row, 3)?.to_string(),
        contract: text(row, 4)?,
        address: address(row, 5)?.to_string(),
        name: text(row, 6)?,
        args: serde_json::from_str(&text(row, 7)?)?,
    })
}

pub(crate) fn page_of(rows: &[AnyRow], limit: u64) -> Result<(Vec<EventRow>, Option<String>), Problem> {
    let events = rows.iter().map(event).collect::<anyhow::Result<Vec<_>>>()?;
    let next = events.last().filter(|_| events.len() as u64 == limit).map(|event| event.id.clone());
    Ok((events, next))
}

/// An event that names a staker, and what it had after its block.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StakerEvent {
    #[serde(flatten)]
    event: EventRow,
    after: StakerPoint,
}

/// A staker at a moment of the past.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct StakerPoint {
    active: String,
    active_next_epoch: String,
    inactive: String,
    inactive_next_epoch: String,
    owed: String,
    claimable_rewards: String,
    claimed_rewards: String,
    lost: String,
    recovered: String,
}

impl StakerPoint {
    fn of(staker: &Staker, index: U256) -> Self {
        Self {
            active: units(staker.active.now),
            active_next_epoch: units(staker.active.next),
            inactive: units(staker.inactive.now),
            inactive_next_epoch: units(staker.inactive.next),
            owed: units(staker.debt),
            claimable_rewards: units(staker.claimable(index)),
            claimed_rewards: units(staker.claimed),
            lost: units(staker.lost),
            recovered: units(staker.recovered),
        }
    }
}

/// Each event that names an account, the newest first, with what it had after the event's block.
#[utoipa::path(get, path = "/v1/stakers/{address}/history", tag = "pool", params(("address" = String, Path), Page),
    responses((status = 200, body = At<Vec<StakerEvent>>), (status = 400, body = Problem)))]
pub(crate) async fn staker_history(
    State(app): State<App>,
    Path(address): Path<String>,
    Query(page): Query<Page>,
) -> Answer<Vec<StakerEvent>> {
    let (tip, address, limit, before) = (app.tip()?, account(&address)?, page.limit()?, page.before()?);
    let cells: [Cell; 4] = [address.into(), before.0.into(), before.1.into(), limit.into()];
    let rows = app.store.rows(sql::EVENTS_OF_ACCOUNT, cells).await?;
    let (events, next) = page_of(&rows, limit)?;
    let shared = history::Shared::read(&app.store).await?;
    let mut points = BTreeMap::new();
    let mut data = Vec::new();
    for event in events {
        let after = match points.entry(event.block) {
            Entry::Occupied(point) => point.into_mut(),
            Entry::Vacant(place) => {
                let Some(mut moment) = history::pool_after(&app.store, event.block).await? else { continue };
                if moment.pool.time < event.time {
                    moment.ended = moment.pool.advance(event.time);
                }
                let staker = history::staker_at(&app.store, &shared, address, &moment).await?;
                place.insert(StakerPoint::of(&staker, moment.pool.index_now()))
            }
        };
        let after = after.clone();
        data.push(StakerEvent { event, after });
    }
    Ok(Json(app.at(tip, data).with_next(next)))
}

/// From when to when.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Between {
    /// Seconds since 1970 or ISO 8601; the pool's first block if it is left out.
    from: Option<String>,
    /// The same; the index's last block if it is left out.
    to: Option<String>,
}

/// A staker's rewards and losses in one epoch, or the part of it that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatementRow {
    /// Absent before epoch zero.
    epoch: Option<String>,
    start: u64,
    start_timestamp: String,
    /// The first second behind it.
    end: u64,
    end_timestamp: String,
    stake_at_start: String,
    stake_at_end: String,
    rewards_earned: String,
    rewards_claimed: String,
    losses: String,
    losses_recovered: String,
    owed_at_end: String,
}

/// Rewards and losses per epoch. Sums over rows are exact: a row's figures are differences of what its two ends have.
#[utoipa::path(get, path = "/v1/stakers/{address}/statement", tag = "pool", params(("address" = String, Path), Between),
    responses((status = 200, body = At<Vec<StatementRow>>), (status = 400, body = Problem)))]
pub(crate) async fn statement(
    State(app): State<App>,
    Path(address): Path<String>,
    Query(between): Query<Between>,
) -> Past<Vec<StatementRow>> {
    let (tip, address) = (app.tip()?, account(&address)?);
    let to = between.to.as_deref().map(|text| seconds("to", text)).transpose()?;
    let until = until(&app, to, tip).await?;
    let to = to.unwrap_or(tip.time).min(tip.time);
    let first = app.store.rows(sql::POOL_POINTS, [0.into(), tip.time.into(), 1.into()]).await?;
    let first = first.first().map(|row| int(row, 1)).transpose()?.unwrap_or(to);
    let from = between.from.as_deref().map(|text| seconds("from", text)).transpose()?.unwrap_or(first).max(first);
    if from > to {
        return Err(Problem::argument(format_args!("from {from} lies after to {to}")));
    }
    let shared = history::Shared::read(&app.store).await?;
    let mut rows = Vec::new();
    let mut start = from;
    let mut before = at_second(&app, &shared, address, start).await?;
    while start < to || rows.is_empty() {
        let (moment, _) = &before;
        let schedule = moment.pool.schedule;
        let boundary = match schedule.epoch(start) {
            Some(epoch) => schedule.start_of(epoch + 1),
            None => schedule.start_of(0),
        };
        let end = boundary.unwrap_or(to).min(to).max(start);
        let epoch = schedule.epoch(start).map(units);
        let after = at_second(&app, &shared, address, end).await?;
        rows.push(statement_row(epoch, (start, end), &before, &after));
        if rows.len() as u64 > POINTS_MAX {
            return Err(Problem::argument(format_args!("more than {POINTS_MAX} epochs: ask for less time")));
        }
        if end == start {
            break;
        }
        (start, before) = (end, after);
    }
    let (immutable, answer) = past(&app, until, rows);
    Ok((immutable, Json(answer)))
}

async fn at_second(
    app: &App,
    shared: &history::Shared,
    address: Address,
    second: u64,
) -> Result<(Moment, Staker), Problem> {
    let moment = history::pool_at(&app.store, second).await?;
    let moment = moment.ok_or_else(|| Problem::argument("the pool was not there yet"))?;
    let staker = history::staker_at(&app.store, shared, address, &moment).await?;
    Ok((moment, staker))
}

fn statement_row(
    epoch: Option<String>,
    (start, end): (u64, u64),
    before: &(Moment, Staker),
    after: &(Moment, Staker),
) -> StatementRow {
    let earned = |(moment, staker): &(Moment, Staker)| staker.claimed + staker.claimable(moment.pool.index_now());
    StatementRow {
        epoch,
        start,
        start_timestamp: iso(start),
        end,
        end_timestamp: iso(end),
        stake_at_start: units(before.1.stake()),
        stake_at_end: units(after.1.stake()),
        rewards_earned: units(earned(after).saturating_sub(earned(before))),
        rewards_claimed: units(after.1.claimed.saturating_sub(before.1.claimed)),
        losses: units(after.1.lost.saturating_sub(before.1.lost)),
        losses_recovered: units(after.1.recovered.saturating_sub(before.1.recovered)),
        owed_at_end: units(after.1.debt),
    }
}

/// A shortfall.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShortfallRow {
    number: u64,
    epoch: String,
    block: u64,
    time: u64,
    timestamp: String,
    /// Inactive stake that became debt.
    amount: String,
    /// What each balance kept of itself, times 10^36.
    index: String,
}

/// A shortfall, and whom it concerned.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShortfallDetail {
    #[serde(flatten)]
    shortfall: ShortfallRow,
    /// Borrowers that were charged, as the events say it.
    charged: Vec<EventRow>,
    /// What stakers lost, by address: those among `limit` stakers behind `after`; `next` goes on.
    losses: Vec<Loss>,
    /// What borrowers have repaid and written off since then, of all debts.
    repaid_since: String,
    written_off_since: String,
}

/// What a staker lost.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Loss {
    staker: String,
    amount: String,
}

fn shortfall_row(row: &AnyRow) -> anyhow::Result<ShortfallRow> {
    let shortfall: Shortfall = state(row, 3)?;
    Ok(ShortfallRow {
        number: int(row, 0)?,
        epoch: units(shortfall.epoch),
        block: int(row, 1)?,
        time: shortfall.time,
        timestamp: iso(shortfall.time),
        amount: units(shortfall.amount),
        index: units(shortfall.index),
    })
}

/// Shortfalls, the newest first.
#[utoipa::path(get, path = "/v1/shortfalls", tag = "pool", params(Page),
    responses((status = 200, body = At<Vec<ShortfallRow>>), (status = 400, body = Problem)))]
pub(crate) async fn shortfalls(State(app): State<App>, Query(page): Query<Page>) -> Answer<Vec<ShortfallRow>> {
    let (tip, limit) = (app.tip()?, page.limit()?);
    let before = match &page.after {
        None => i64::MAX as u64,
        Some(after) => after.parse().map_err(|_| Problem::argument("after: the value of `next` is allowed"))?,
    };
    let rows = app.store.rows(sql::SHORTFALLS, [before.into(), limit.into()]).await?;
    let data = rows.iter().map(shortfall_row).collect::<anyhow::Result<Vec<_>>>()?;
    let next = data.last().filter(|_| data.len() as u64 == limit).map(|row| row.number.to_string());
    Ok(Json(app.at(tip, data).with_next(next)))
}

/// A shortfall: who was charged, who lost what, what was repaid since.
#[utoipa::path(get, path = "/v1/shortfalls/{number}", tag = "pool", params(("number" = u64, Path), Page),
    responses((status = 200, body = At<ShortfallDetail>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn shortfall(
    State(app): State<App>,
    Path(number): Path<u64>,
    Query(page): Query<Page>,
) -> Answer<ShortfallDetail> {
    let (tip, limit) = (app.tip()?, page.limit()?);
    let behind = page.after.as_deref().map_or(Ok(Address::ZERO), account)?;
    let row = app.store.row(sql::SHORTFALL, [number.into()]).await?;
    let row = row.ok_or_else(|| Problem::absent(format_args!("there is no shortfall {number}")))?;
    let shortfall = shortfall_row(&row)?;
    let marked = int(&row, 2)?;
    let rows = app.store.rows(sql::EVENTS_OF_BLOCK, [shortfall.block.into()]).await?;
    let events = rows.iter().map(event).collect::<anyhow::Result<Vec<_>>>()?;
    let before = events.iter().filter(|event| event.position < marked);
    let last = before
        .clone()
        .filter(|event| event.name == "ConvertedInactiveBalancesToDebt")
        .map(|event| event.position)
        .max();
    let is_charge = |event: &&EventRow| event.name == "DebtMarked" && last.is_none_or(|last| event.position > last);
    let charged = before.filter(is_charge).cloned().collect();
    let (repaid, written_off) = repaid_since(&app, shortfall.block, marked).await?;
    let (losses, next) = losses(&app, (number, shortfall.block), behind, limit).await?;
    let detail = ShortfallDetail {
        shortfall,
        charged,
        losses,
        repaid_since: units(repaid),
        written_off_since: units(written_off),
    };
    Ok(Json(app.at(tip, detail).with_next(next)))
}

/// Sums of what borrowers repaid and what was written off after a place.
async fn repaid_since(app: &App, block: u64, position: u64) -> Result<(U256, U256), Problem> {
    let mut sums = [U256::ZERO; 2];
    for (sum, name) in sums.iter_mut().zip(["RepaidDebt", "OperatorDecreasedBorrowerDebt"]) {
        let mut before = (i64::MAX as u64, 0);
        'pages: loop {
            let cells: [Cell; 5] = ["pool".into(), name.into(), before.0.into(), before.1.into(), 1_000.into()];
            let rows = app.store.rows(sql::EVENTS_OF_NAME, cells).await?;
            for row in &rows {
                let event = event(row)?;
                before = (event.block, event.position);
                if before <= (block, position) {
                    break 'pages;
                }
                *sum += event.arg("amount").parse::<U256>().ok().unwrap_or_default();
            }
            if rows.len() < 1_000 {
                break;
            }
        }
    }
    Ok((sums[0], sums[1]))
}

/// What each of some stakers lost to a shortfall: the difference that it makes to its state before the block. And behind whom the next ones are.
async fn losses(
    app: &App,
    (number, block): (u64, u64),
    behind: Address,
    limit: u64,
) -> Result<(Vec<Loss>, Option<String>), Problem> {
    let shared = history::Shared::read(&app.store).await?;
    let Some(moment) = history::pool_after(&app.store, block).await? else { return Ok((Vec::new(), None)) };
    let cells: [Cell; 3] = [behind.into(), block.saturating_sub(1).into(), limit.into()];
    let rows = app.store.rows(sql::STAKERS_BEFORE, cells).await?;
    let mut losses = Vec::new();
    for row in &rows {
        let Some(known) = maybe_state(row, 1)? else { continue };
        let lost = shared.loss(known, &moment, number)?;
        if !lost.is_zero() {
            losses.push(Loss { staker: address(row, 0)?.to_string(), amount: units(lost) });
        }
    }
    let last = rows.last().filter(|_| rows.len() as u64 == limit).map(|row| address(row, 0)).transpose()?;
    Ok((losses, last.map(|staker| staker.to_string())))
}

/// Who changed what when, the newest first: roles, schedule, rate, shares, caps, facets, roots cancelled.
#[utoipa::path(get, path = "/v1/governance/events", tag = "governance", params(Page),
    responses((status = 200, body = At<Vec<EventRow>>), (status = 400, body = Problem)))]
pub(crate) async fn governance_events(State(app): State<App>, Query(page): Query<Page>) -> Answer<Vec<EventRow>> {
    let (tip, limit, before) = (app.tip()?, page.limit()?, page.before()?);
    let cells: [Cell; 4] = ["governance".into(), before.0.into(), before.1.into(), limit.into()];
    let rows = app.store.rows(sql::EVENTS_OF_TOPIC, cells).await?;
    let (data, next) = page_of(&rows, limit)?;
    Ok(Json(app.at(tip, data).with_next(next)))
}

/// A member of a role.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Member {
    contract: String,
    address: String,
    role: String,
    role_id: String,
    account: String,
}

/// Who holds which role now: candidates from the events, answers from `hasRole`.
#[utoipa::path(get, path = "/v1/roles", tag = "governance", responses((status = 200, body = At<Vec<Member>>)))]
pub(crate) async fn roles(State(app): State<App>) -> Answer<Vec<Member>> {
    let tip = app.tip()?;
    let mut candidates = BTreeSet::new();
    for contract in ["pool", "borrower-proxy", "merkle-distributor", "rewards-oracle"] {
        let mut before = (i64::MAX as u64, 0);
        loop {
            let cells: [Cell; 5] =
                [contract.into(), "RoleGranted".into(), before.0.into(), before.1.into(), 1_000.into()];
            let rows = app.store.rows(sql::EVENTS_OF_NAME, cells).await?;
            for row in &rows {
                let event = event(row)?;
                before = (event.block, event.position);
                let role = event.arg("role").parse::<B256>().ok();
                let member = event.arg("account").parse::<Address>().ok();
                if let (Some(role), Some(member)) = (role, member) {
                    candidates.insert((contract, address(row, 5)?, role, member));
                }
            }
            if rows.len() < 1_000 {
                break;
            }
        }
    }
    let calls = candidates.iter().map(|(_, contract, role, account)| {
        (*contract, IRoles::hasRoleCall { role: *role, account: *account }.abi_encode().into())
    });
    let answers = app.chain.view_many(tip, calls.collect()).await?;
    let mut members = Vec::new();
    for ((contract, address, role, account), answer) in candidates.into_iter().zip(answers) {
        let holds = answer.is_ok_and(|answer| IRoles::hasRoleCall::abi_decode_returns(&answer).unwrap_or_default());
        if holds {
            members.push(Member {
                contract: contract.to_owned(),
                address: address.to_string(),
                role: role_name(role),
                role_id: role.to_string(),
                account: account.to_string(),
            });
        }
    }
    Ok(Json(app.at(tip, members)))
}

fn role_name(role: B256) -> String {
    let more = [
        "GUARDIAN_ROLE",
        "VETO_GUARDIAN_ROLE",
        "DELEGATION_ADMIN_ROLE",
        "EXCHANGE_OPERATOR_ROLE",
        "WITHDRAWAL_OPERATOR_ROLE",
    ];
    let named = client::decode::ROLES.into_iter().chain(more).find(|name| keccak256(name) == role);
    named.map_or_else(
        || if role.is_zero() { "DEFAULT_ADMIN_ROLE".to_owned() } else { role.to_string() },
        ToOwned::to_owned,
    )
}

/// A facet.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FacetRow {
    address: String,
    selectors: Vec<String>,
    /// Names of functions that an interface declares.
    functions: Vec<String>,
}

/// Which contract answers which function of the pool.
#[utoipa::path(get, path = "/v1/facets", tag = "governance", responses((status = 200, body = At<Vec<FacetRow>>)))]
pub(crate) async fn facets(State(app): State<App>) -> Answer<Vec<FacetRow>> {
    let tip = app.tip()?;
    let facets = app.chain.view(tip, app.contracts.pool, &IDiamondCut::facetsCall {}).await?;
    let rows = facets.into_iter().map(|facet| FacetRow {
        address: facet.facetAddress.to_string(),
        functions: facet
            .functionSelectors
            .iter()
            .filter_map(|selector| client::decode::function_name(selector.0))
            .collect(),
        selectors: facet.functionSelectors.iter().map(ToString::to_string).collect(),
    });
    Ok(Json(app.at(tip, rows.collect())))
}
