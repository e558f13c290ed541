//! The past, from the index: states of the pool and of accounts at a block or a second.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use sqlx::any::AnyRow;

use crate::{
    ledger::{Borrower, Pool, Shortfall, Staker},
    store::{Cell, Store, int, sql, state, text},
};

/// A state, and the block after which it is.
#[derive(Clone, Copy, Debug)]
pub struct Point<T> {
    /// Number of the block.
    pub block: u64,
    /// Its time, seconds.
    pub time: u64,
    /// The state.
    pub state: T,
}

fn point<T: serde::de::DeserializeOwned>(row: &AnyRow) -> anyhow::Result<Point<T>> {
    Ok(Point { block: int(row, 0)?, time: int(row, 1)?, state: state(row, 2)? })
}

/// What accounts share: read once for as many of them as are asked for.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    shortfalls: Vec<Shortfall>,
    indexes: BTreeMap<u64, U256>,
}

impl Shared {
    /// As the index has it now.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn read(store: &Store) -> anyhow::Result<Self> {
        let shortfalls = store.rows(sql::ALL_SHORTFALLS, [0.into()]).await?;
        let indexes = store.rows(sql::EPOCH_INDEXES, [0.into()]).await?;
        Ok(Self {
            shortfalls: shortfalls.iter().map(|row| state(row, 0)).collect::<anyhow::Result<_>>()?,
            indexes: indexes
                .iter()
                .map(|row| Ok((int(row, 0)?, text(row, 1)?.parse()?)))
                .collect::<anyhow::Result<_>>()?,
        })
    }

    /// A staker's state taken to where the pool is: `pool` is its state at the same moment, `ended` what its way there has ended.
    ///
    /// # Errors
    ///
    /// If the index lacks what it needs.
    pub fn staker(&self, mut staker: Staker, moment: &Moment) -> anyhow::Result<Staker> {
        let index_at = |epoch: u64| {
            let here = moment.ended.filter(|(ended, _)| *ended == epoch).map(|(_, index)| index);
            here.or_else(|| self.indexes.get(&epoch).copied())
        };
        let known = self.shortfalls.len().min(moment.pool.shortfalls as usize);
        staker.roll(moment.pool.epoch().unwrap_or_default(), &self.shortfalls[..known], &index_at)?;
        Ok(staker)
    }
}

impl Shared {
    /// What a shortfall took of a staker, whose state before is given.
    ///
    /// # Errors
    ///
    /// If the index lacks what it needs.
    pub fn loss(&self, mut staker: Staker, moment: &Moment, number: u64) -> anyhow::Result<U256> {
        let index_at = |epoch: u64| self.indexes.get(&epoch).copied();
        let known = self.shortfalls.len().min(number as usize + 1);
        let losses = staker.roll(moment.pool.epoch().unwrap_or_default(), &self.shortfalls[..known], &index_at)?;
        Ok(losses.into_iter().find(|(shortfall, _)| *shortfall == number).map_or(U256::ZERO, |(_, loss)| loss))
    }
}

/// The pool at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The last block that changed it.
    pub block: u64,
    /// Its state, time passed.
    pub pool: Pool,
    /// The epoch that ended on the way, and the index at its end.
    pub ended: Option<(u64, U256)>,
}

impl Moment {
    fn of(point: Point<Pool>, time: u64) -> Self {
        let mut pool = point.state;
        let ended = pool.advance(time);
        Self { block: point.block, pool, ended }
    }
}

/// The pool at a second, nothing before its first block.
///
/// # Errors
///
/// If the database fails.
pub async fn pool_at(store: &Store, time: u64) -> anyhow::Result<Option<Moment>> {
    let row = store.row(sql::POOL_BEFORE, [time.into()]).await?;
    row.map(|row| Ok(Moment::of(point(&row)?, time))).transpose()
}

/// The pool after a block, at the time of that block or of the last one before it that changed the pool.
///
/// # Errors
///
/// If the database fails.
pub async fn pool_after(store: &Store, block: u64) -> anyhow::Result<Option<Moment>> {
    let row = store.row(sql::POOL_AFTER, [block.into()]).await?;
    row.map(|row| point(&row).map(|point: Point<Pool>| Moment::of(point, point.time))).transpose()
}

/// The pool's states between two seconds, one for each block that changed it.
///
/// # Errors
///
/// If the database fails.
pub async fn pool_points(store: &Store, from: u64, to: u64, limit: u64) -> anyhow::Result<Vec<Moment>> {
    let rows = store.rows(sql::POOL_POINTS, [from.into(), to.into(), limit.into()]).await?;
    rows.iter().map(|row| point(row).map(|point: Point<Pool>| Moment::of(point, point.time))).collect()
}

/// A staker as of a moment of the pool.
///
/// # Errors
///
/// If the database fails.
pub async fn staker_at(store: &Store, shared: &Shared, staker: Address, moment: &Moment) -> anyhow::Result<Staker> {
    let row = store.row(sql::STAKER_BEFORE, [staker.into(), moment.block.into()]).await?;
    let known: Option<Point<Staker>> = row.map(|row| point(&row)).transpose()?;
    shared.staker(known.map(|point| point.state).unwrap_or_default(), moment)
}

/// A borrower's states between two blocks.
///
/// # Errors
///
/// If the database fails.
pub async fn borrower_points(
    store: &Store,
    borrower: Address,
    blocks: (u64, u64),
    limit: u64,
) -> anyhow::Result<Vec<Point<Borrower>>> {
    let cells: [Cell; 4] = [borrower.into(), blocks.0.into(), blocks.1.into(), limit.into()];
    let rows = store.rows(sql::BORROWER_POINTS, cells).await?;
    rows.iter().map(point).collect()
}
