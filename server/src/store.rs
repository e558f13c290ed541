//! The database: SQLite in one file, or Postgres, with the same schema and queries. Whatever is written of a range of blocks is written in one
//! transaction, its last block included, so that a restart goes on where the last one ended.

use std::{
    collections::BTreeMap,
    fs::File,
    path::Path,
    str::FromStr,
    sync::{Arc, Once, OnceLock},
    time::Duration,
};

use alloy_primitives::{Address, B256, U256};
use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use sqlx::{
    Any, AnyConnection, AnyPool, AssertSqlSafe, Connection, Row,
    any::{AnyArguments, AnyConnectOptions, AnyPoolOptions, AnyRow},
    query::Query,
};

use crate::ledger::{Borrower, Ledger, Pool, Shortfall, Staker};

/// Steps from an empty database to this version's, oldest first. One that was published is never changed: another follows it.
const MIGRATIONS: [&str; 1] = [include_str!("schema.sql")];

/// Blocks behind the head whose hashes are kept: how deep a reorganisation may be.
pub const WINDOW: u64 = 256;

/// Names the lock of the one who writes, in a Postgres that others may use too.
const LOCK: i64 = 0x7469_6465_706f_6f6c;

/// Rows in one statement.
const ROWS: usize = 200;

/// Tables whose rows carry the number of the block that they come from.
const BY_BLOCK: [&str; 8] = [
    "events",
    "parties",
    "pool_points",
    "staker_points",
    "borrower_points",
    "borrowers",
    "shortfalls",
    "epoch_indexes",
];

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A whole number.
    Int(u64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Text.
    Text(String),
}

impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Address> for Cell {
    fn from(value: Address) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<B256> for Cell {
    fn from(value: B256) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<U256> for Cell {
    fn from(value: U256) -> Self {
        Self::Bytes(value.to_be_bytes_vec())
    }
}

/// Binds values in the order of their `$1`, `$2`, ….
fn bound(sql: String, cells: impl IntoIterator<Item = Cell>) -> Query<'static, Any, AnyArguments> {
    cells.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, cell| match cell {
        Cell::Int(value) => query.bind(i64::try_from(value).unwrap_or(i64::MAX)),
        Cell::Bytes(value) => query.bind(value),
        Cell::Text(value) => query.bind(value),
    })
}

/// A number of a row.
pub fn int(row: &AnyRow, place: usize) -> anyhow::Result<u64> {
    Ok(u64::try_from(row.try_get::<i64, _>(place)?)?)
}

/// An address of a row.
pub fn address(row: &AnyRow, place: usize) -> anyhow::Result<Address> {
    Ok(Address::try_from(row.try_get::<Vec<u8>, _>(place)?.as_slice())?)
}

/// A hash of a row.
pub fn hash(row: &AnyRow, place: usize) -> anyhow::Result<B256> {
    Ok(B256::try_from(row.try_get::<Vec<u8>, _>(place)?.as_slice())?)
}

/// A text of a row.
pub fn text(row: &AnyRow, place: usize) -> anyhow::Result<String> {
    Ok(row.try_get(place)?)
}

/// A state that a row has as JSON.
pub fn state<T: DeserializeOwned>(row: &AnyRow, place: usize) -> anyhow::Result<T> {
    Ok(serde_json::from_str(&text(row, place)?)?)
}

/// The same, where there may be none.
pub fn maybe_state<T: DeserializeOwned>(row: &AnyRow, place: usize) -> anyhow::Result<Option<T>> {
    let text: Option<String> = row.try_get(place)?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// A block whose logs are in the database, with all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Number.
    pub number: u64,
    /// Hash.
    pub hash: B256,
    /// Time, seconds.
    pub time: u64,
}

/// A log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Number of its block.
    pub block: u64,
    /// Its place among the logs of its block.
    pub position: u64,
    /// Time of its block, seconds.
    pub time: u64,
    /// Its transaction.
    pub tx: B256,
    /// What kind of contract logged it.
    pub contract: &'static str,
    /// Which.
    pub address: Address,
    /// Its name, or its first topic if no interface declares it.
    pub name: String,
    /// Which list it belongs to: `governance` for those that change who may do what, `market` for all others.
    pub topic: &'static str,
    /// Its fields, as JSON.
    pub args: String,
    /// Accounts among them.
    pub parties: Vec<Address>,
}

/// States after a block.
#[derive(Clone, Debug, Default)]
pub struct Points {
    /// The pool.
    pub pools: Vec<(Block, Pool)>,
    /// Stakers.
    pub stakers: Vec<(Block, Address, Staker)>,
    /// Borrowers.
    pub borrowers: Vec<(Block, Address, Borrower)>,
    /// Shortfalls: block, position, number.
    pub shortfalls: Vec<(u64, u64, u64, Shortfall)>,
    /// Indexes at the end of epochs: block in which it became known, epoch.
    pub epoch_indexes: Vec<(u64, u64, U256)>,
}

/// What a range of blocks says.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// Its logs.
    pub events: Vec<Event>,
    /// The states that they lead to.
    pub points: Points,
    /// Its blocks of which the hash is kept; the last one is always among them.
    pub blocks: Vec<Block>,
}

/// What a reorganisation took back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reorganisation {
    /// How many there were, this one included.
    pub number: u64,
    /// The last block that still counts.
    pub block: u64,
    /// Blocks taken back.
    pub depth: u64,
}

/// A database, for reading; opens [`Writer`]s.
#[derive(Clone, Debug)]
pub struct Store {
    pool: AnyPool,
    url: String,
    /// Set once this process has found a file sound.
    sound: Arc<OnceLock<()>>,
}

/// The one connection that writes. It holds the lock, so whoever has lost it cannot write any more.
#[derive(Debug)]
pub struct Writer {
    connection: AnyConnection,
    /// The lock of SQLite's file; Postgres keeps its own.
    _lock: Option<File>,
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// A database's URL without what may be secret.
fn shown(url: &str) -> &str {
    url.rsplit_once('@').map_or(url, |(_, rest)| rest)
}

fn sqlite_path(url: &str) -> &str {
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    path.split('?').next().unwrap_or(path)
}

impl Store {
    /// Connects to `postgres://…` or opens an SQLite file, which is made if it is not there. Nothing is changed yet.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, with what to do.
    pub async fn open(database: &str) -> anyhow::Result<Self> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let url = match database {
            url if is_postgres(url) => url.to_owned(),
            path => format!("sqlite://{}?mode=rwc", sqlite_path(path)),
        };
        let options =
            AnyConnectOptions::from_str(&url).with_context(|| format!("{}: no database's URL", shown(&url)))?;
        let is_file = !is_postgres(&url);
        let pool = AnyPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(Duration::from_secs(5))
            .after_connect(move |connection, _| Box::pin(async move { prepare(connection, is_file).await }))
            .connect_with(options)
            .await
            .with_context(|| format!("{}: the database cannot be opened", shown(&url)))?;
        Ok(Self { pool, url, sound: Arc::default() })
    }

    /// The connection that writes, if nobody else has it; brings the schema up to date.
    ///
    /// # Errors
    ///
    /// If the database is damaged, of a newer version, or cannot be written.
    pub async fn writer(&self) -> anyhow::Result<Option<Writer>> {
        let is_file = !is_postgres(&self.url);
        let lock = if is_file {
            let path = format!("{}.lock", sqlite_path(&self.url));
            let file = File::create(Path::new(&path)).with_context(|| path.clone())?;
            if file.try_lock().is_err() {
                return Ok(None);
            }
            Some(file)
        } else {
            None
        };
        let mut connection = AnyConnection::connect(&self.url).await?;
        prepare(&mut connection, is_file).await?;
        if is_file && self.sound.get().is_none() {
            let sound = sqlx::query("PRAGMA quick_check(1)").fetch_one(&mut connection).await;
            let sound = sound.with_context(|| format!("{}: damaged", shown(&self.url)))?;
            if text(&sound, 0)? != "ok" {
                bail!("{}: damaged ({}): remove it, the index is built again", shown(&self.url), text(&sound, 0)?);
            }
            let _ = self.sound.set(()); // Somebody else may have found the same.
        }
        if !is_file {
            let row = sqlx::query("SELECT pg_try_advisory_lock($1)").bind(LOCK).fetch_one(&mut connection).await?;
            if !row.try_get::<bool, _>(0)? {
                return Ok(None);
            }
        }
        let mut writer = Writer { connection, _lock: lock };
        writer.migrate(is_file).await.with_context(|| shown(&self.url).to_owned())?;
        Ok(Some(writer))
    }

    /// Rows of a query.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn rows(&self, sql: &str, cells: impl IntoIterator<Item = Cell>) -> anyhow::Result<Vec<AnyRow>> {
        Ok(bound(sql.to_owned(), cells).fetch_all(&self.pool).await?)
    }

    /// The row of a query, if there is one.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn row(&self, sql: &str, cells: impl IntoIterator<Item = Cell>) -> anyhow::Result<Option<AnyRow>> {
        Ok(bound(sql.to_owned(), cells).fetch_optional(&self.pool).await?)
    }

    /// The plan of one of the [queries](sql::ALL), as the database words it.
    ///
    /// # Errors
    ///
    /// If the query is wrong.
    pub async fn plan(&self, sql: &str) -> anyhow::Result<Vec<String>> {
        let mut connection = self.pool.acquire().await?;
        if !is_postgres(&self.url) {
            let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
            let rows = sqlx::query(sql).fetch_all(&mut *connection).await?;
            return rows.iter().map(|row| text(row, 3)).collect();
        }
        // Tables of a test are small: what matters is whether an index fits, not whether it is cheaper by now.
        for costly in ["seqscan", "bitmapscan", "sort"] {
            sqlx::query(AssertSqlSafe(format!("SET enable_{costly} = off"))).execute(&mut *connection).await?;
        }
        sqlx::query("SET plan_cache_mode = force_generic_plan").execute(&mut *connection).await?;
        let count = (1..=9).take_while(|number| sql.contains(&format!("${number}"))).count();
        sqlx::query(AssertSqlSafe(format!("PREPARE question AS {sql}"))).execute(&mut *connection).await?;
        let nothing = if count == 0 { String::new() } else { format!("({})", vec!["NULL"; count].join(", ")) };
        let sql = AssertSqlSafe(format!("EXPLAIN EXECUTE question{nothing}"));
        let rows = sqlx::raw_sql(sql).fetch_all(&mut *connection).await;
        sqlx::query("DEALLOCATE question").execute(&mut *connection).await?;
        rows?.iter().map(|row| text(row, 0)).collect()
    }

    /// The last block that is in the database.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn tip(&self) -> anyhow::Result<Option<Block>> {
        let row = self.row("SELECT number, hash, time FROM blocks ORDER BY number DESC LIMIT 1", []).await?;
        row.map(|row| block(&row)).transpose()
    }

    /// The last reorganisation.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn last_reorganisation(&self) -> anyhow::Result<Option<Reorganisation>> {
        let sql = "SELECT number, block, depth FROM reorganisations ORDER BY number DESC LIMIT 1";
        let row = self.row(sql, []).await?;
        let of = |row: AnyRow| Ok(Reorganisation { number: int(&row, 0)?, block: int(&row, 1)?, depth: int(&row, 2)? });
        row.map(of).transpose()
    }

    /// What the one who writes has said of itself.
    async fn said(&self, name: &str) -> anyhow::Result<Option<u64>> {
        let row = self.row("SELECT value FROM meta WHERE name = $1", [name.into()]).await?;
        row.map(|row| Ok(text(&row, 0)?.parse()?)).transpose()
    }

    /// The last block that cannot be taken back, as the one who writes has it from its node.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn finalized(&self) -> anyhow::Result<Option<u64>> {
        self.said("finalized").await
    }

    /// When the one who writes last saw its node, Unix time in seconds.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn seen(&self) -> anyhow::Result<u64> {
        Ok(self.said("seen").await?.unwrap_or_default())
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

async fn prepare(connection: &mut AnyConnection, is_file: bool) -> sqlx::Result<()> {
    if is_file {
        for pragma in ["journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 5000", "foreign_keys = ON"] {
            sqlx::query(AssertSqlSafe(format!("PRAGMA {pragma}"))).execute(&mut *connection).await?;
        }
    } else {
        sqlx::query("SET statement_timeout = 10000").execute(&mut *connection).await?;
    }
    Ok(())
}

fn block(row: &AnyRow) -> anyhow::Result<Block> {
    Ok(Block { number: int(row, 0)?, hash: hash(row, 1)?, time: int(row, 2)? })
}

/// Writes rows, many at a time.
async fn insert(
    connection: &mut AnyConnection,
    table: &str,
    columns: &str,
    tail: &str,
    rows: Vec<Vec<Cell>>,
) -> anyhow::Result<()> {
    for rows in rows.chunks(ROWS) {
        let mut number = 0;
        let values = rows.iter().map(|row| {
            let places = row.iter().map(|_| {
                number += 1;
                format!("${number}")
            });
            format!("({})", places.collect::<Vec<_>>().join(", "))
        });
        let values = values.collect::<Vec<_>>().join(", ");
        let sql = format!("INSERT INTO {table} ({columns}) VALUES {values} {tail}");
        bound(sql, rows.iter().flatten().cloned()).persistent(rows.len() == ROWS).execute(&mut *connection).await?;
    }
    Ok(())
}

fn json(value: &impl serde::Serialize) -> anyhow::Result<Cell> {
    Ok(Cell::Text(serde_json::to_string(value)?))
}

impl Writer {
    async fn migrate(&mut self, is_file: bool) -> anyhow::Result<()> {
        let known = MIGRATIONS.len() as u64;
        let table = if is_file {
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'meta'"
        } else {
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'meta' AND table_schema = current_schema()"
        };
        let is_there = int(&sqlx::query(table).fetch_one(&mut self.connection).await?, 0)? > 0;
        let found = if is_there { self.meta("version").await?.unwrap_or_default().parse()? } else { 0 };
        if found > known {
            bail!("the database has version {found}, this program knows {known}: use a newer one, or another database");
        }
        for (version, sql) in (1_u64..).zip(MIGRATIONS).skip(found as usize) {
            let sql = if is_file { sql.to_owned() } else { sql.replace("BLOB", "BYTEA") };
            let mut change = self.connection.begin().await?;
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *change).await?;
            set_meta(&mut change, "version", &version.to_string()).await?;
            change.commit().await?;
        }
        Ok(())
    }

    /// A named value.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn meta(&mut self, name: &str) -> anyhow::Result<Option<String>> {
        let sql = "SELECT value FROM meta WHERE name = $1".to_owned();
        let row = bound(sql, [name.into()]).fetch_optional(&mut self.connection).await?;
        row.map(|row| text(&row, 0)).transpose()
    }

    /// Refuses a database of another chain or other contracts; a new one is marked.
    ///
    /// # Errors
    ///
    /// If it is of another one, with both.
    pub async fn expect(&mut self, name: &str, value: &str) -> anyhow::Result<()> {
        match self.meta(name).await? {
            Some(known) if known == value => Ok(()),
            Some(known) => bail!("the database is of {name} {known}, not {value}: use another database"),
            None => set_meta(&mut self.connection, name, value).await,
        }
    }

    async fn all(&mut self, sql: &str, cells: impl IntoIterator<Item = Cell>) -> anyhow::Result<Vec<AnyRow>> {
        Ok(bound(sql.to_owned(), cells).fetch_all(&mut self.connection).await?)
    }

    /// Blocks of which the hash is kept, oldest first.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn window(&mut self) -> anyhow::Result<Vec<Block>> {
        let rows = self.all("SELECT number, hash, time FROM blocks ORDER BY number", []).await?;
        rows.iter().map(block).collect()
    }

    /// What the logs lead to so far; no account yet.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn ledger(&mut self) -> anyhow::Result<Option<Ledger>> {
        let pools = self.all("SELECT state FROM pool_points ORDER BY block DESC LIMIT 1", []).await?;
        let Some(pool) = pools.first().map(|row| state(row, 0)).transpose()? else { return Ok(None) };
        let shortfalls = self.all("SELECT state FROM shortfalls ORDER BY number", []).await?;
        let indexes = self.all("SELECT epoch, global_index FROM epoch_indexes ORDER BY epoch", []).await?;
        Ok(Some(Ledger {
            pool,
            shortfalls: shortfalls.iter().map(|row| state(row, 0)).collect::<anyhow::Result<_>>()?,
            epoch_indexes: indexes
                .iter()
                .map(|row| Ok((int(row, 0)?, text(row, 1)?.parse()?)))
                .collect::<anyhow::Result<BTreeMap<_, _>>>()?,
            ..Ledger::default()
        }))
    }

    /// Adds accounts to a ledger that does not know them yet.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn know(
        &mut self,
        ledger: &mut Ledger,
        stakers: impl IntoIterator<Item = Address>,
        borrowers: impl IntoIterator<Item = Address>,
    ) -> anyhow::Result<()> {
        let new: Vec<_> = stakers.into_iter().filter(|account| !ledger.stakers.contains_key(account)).collect();
        let known = self.last_states("stakers", "staker_points", &new).await?;
        ledger.stakers.extend(new.into_iter().map(|account| (account, Staker::default())).chain(known));
        let new: Vec<_> = borrowers.into_iter().filter(|account| !ledger.borrowers.contains_key(account)).collect();
        let known = self.last_states("borrowers", "borrower_points", &new).await?;
        ledger.borrowers.extend(new.into_iter().map(|account| (account, Borrower::default())).chain(known));
        Ok(())
    }

    /// The last state of each of these accounts that has one, in few queries.
    async fn last_states<T: DeserializeOwned>(
        &mut self,
        accounts: &str,
        points: &str,
        wanted: &[Address],
    ) -> anyhow::Result<Vec<(Address, T)>> {
        let mut states = Vec::new();
        for wanted in wanted.chunks(ROWS) {
            let places: Vec<_> = (1..=wanted.len()).map(|number| format!("${number}")).collect();
            let sql = format!(
                "SELECT a.account, (SELECT p.state FROM {points} p WHERE p.account = a.account ORDER BY p.block DESC LIMIT 1) \
                 FROM {accounts} a WHERE a.account IN ({})",
                places.join(", ")
            );
            let cells = wanted.iter().map(|account| Cell::from(*account));
            let query = bound(sql, cells).persistent(wanted.len() == ROWS);
            for row in query.fetch_all(&mut self.connection).await? {
                if let Some(state) = maybe_state(&row, 1)? {
                    states.push((address(&row, 0)?, state));
                }
            }
        }
        Ok(states)
    }

    /// Every borrower so far.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn borrowers(&mut self) -> anyhow::Result<Vec<Address>> {
        let rows = self.all("SELECT account FROM borrowers ORDER BY account", []).await?;
        rows.iter().map(|row| address(row, 0)).collect()
    }

    /// Writes a range of blocks, all of it or nothing.
    ///
    /// # Errors
    ///
    /// If the database fails: full, locked, gone.
    pub async fn write(&mut self, range: &Range) -> anyhow::Result<()> {
        let mut change = self.connection.begin().await?;
        let Range { events, points, blocks } = range;
        let rows = events.iter().map(|event| {
            let (block, position) = (event.block.into(), event.position.into());
            let (tx, name) = (event.tx.into(), event.name.as_str().into());
            let (topic, args) = (event.topic.into(), event.args.as_str().into());
            vec![block, position, event.time.into(), tx, event.contract.into(), event.address.into(), name, topic, args]
        });
        let columns = "block, position, time, tx, contract, address, name, topic, args";
        insert(&mut change, "events", columns, "ON CONFLICT DO NOTHING", rows.collect()).await?;
        let rows = events.iter().flat_map(|event| {
            let row = |party: &Address| vec![(*party).into(), event.block.into(), event.position.into()];
            event.parties.iter().map(row)
        });
        insert(&mut change, "parties", "account, block, position", "ON CONFLICT DO NOTHING", rows.collect()).await?;
        write_points(&mut change, points).await?;
        let rows = blocks.iter().map(|block| vec![block.number.into(), block.hash.into(), block.time.into()]);
        insert(&mut change, "blocks", "number, hash, time", "", rows.collect()).await?;
        if let Some(last) = blocks.last() {
            let sql = "DELETE FROM blocks WHERE number < $1".to_owned();
            bound(sql, [last.number.saturating_sub(WINDOW).into()]).execute(&mut *change).await?;
        }
        change.commit().await?;
        Ok(())
    }

    /// Takes back everything after a block.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn take_back(&mut self, to: u64, depth: u64, time: u64) -> anyhow::Result<Reorganisation> {
        let mut change = self.connection.begin().await?;
        let sql = "SELECT DISTINCT account FROM staker_points WHERE block > $1".to_owned();
        let touched = bound(sql, [to.into()]).fetch_all(&mut *change).await?;
        for table in BY_BLOCK {
            bound(format!("DELETE FROM {table} WHERE block > $1"), [to.into()]).execute(&mut *change).await?;
        }
        bound("DELETE FROM blocks WHERE number > $1".to_owned(), [to.into()]).execute(&mut *change).await?;
        for row in touched {
            let account = address(&row, 0)?;
            bound("DELETE FROM stakers WHERE account = $1".to_owned(), [account.into()]).execute(&mut *change).await?;
            let point =
                "SELECT state, block FROM staker_points WHERE account = $1 ORDER BY block DESC LIMIT 1".to_owned();
            let Some(row) = bound(point, [account.into()]).fetch_optional(&mut *change).await? else { continue };
            let staker: Staker = state(&row, 0)?;
            let row = vec![account.into(), staker.stake().into(), int(&row, 1)?.into()];
            insert(&mut change, "stakers", "account, stake, block", "", vec![row]).await?;
        }
        let row = sqlx::query("SELECT COUNT(*) FROM reorganisations").fetch_one(&mut *change).await?;
        let number = int(&row, 0)? + 1;
        let row = vec![number.into(), to.into(), depth.into(), time.into()];
        insert(&mut change, "reorganisations", "number, block, depth, time", "", vec![row]).await?;
        change.commit().await?;
        Ok(Reorganisation { number, block: to, depth })
    }

    /// Removes everything that the chain said: it is indexed again from the beginning.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn clear(&mut self) -> anyhow::Result<()> {
        let mut change = self.connection.begin().await?;
        for table in BY_BLOCK.into_iter().chain(["blocks", "stakers", "meta", "reorganisations"]) {
            let but = if table == "meta" { " WHERE name <> 'version'" } else { "" };
            sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}{but}"))).execute(&mut *change).await?;
        }
        change.commit().await?;
        Ok(())
    }

    /// Says that the node was seen, and up to which block nothing can be taken back.
    ///
    /// # Errors
    ///
    /// If this connection cannot write any more.
    pub async fn say(&mut self, seen: u64, finalized: Option<u64>) -> anyhow::Result<()> {
        set_meta(&mut self.connection, "seen", &seen.to_string()).await?;
        match finalized {
            Some(finalized) => set_meta(&mut self.connection, "finalized", &finalized.to_string()).await,
            None => Ok(()),
        }
    }

    /// Whether this connection is still there.
    ///
    /// # Errors
    ///
    /// If it is gone.
    pub async fn ping(&mut self) -> anyhow::Result<()> {
        sqlx::query("SELECT 1").execute(&mut self.connection).await?;
        Ok(())
    }
}

async fn set_meta(connection: &mut AnyConnection, name: &str, value: &str) -> anyhow::Result<()> {
    let tail = "ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    insert(connection, "meta", "name, value", tail, vec![vec![name.into(), value.into()]]).await
}

async fn write_points(change: &mut AnyConnection, points: &Points) -> anyhow::Result<()> {
    let rows = points.pools.iter().map(|(block, pool)| Ok(vec![block.number.into(), block.time.into(), json(pool)?]));
    let rows = rows.collect::<anyhow::Result<_>>()?;
    insert(change, "pool_points", "block, time, state", "", rows).await?;
    let rows = points.stakers.iter().map(|(block, account, staker)| {
        Ok(vec![(*account).into(), block.number.into(), block.time.into(), json(staker)?])
    });
    let rows = rows.collect::<anyhow::Result<_>>()?;
    insert(change, "staker_points", "account, block, time, state", "", rows).await?;
    let rows = points.borrowers.iter().map(|(block, account, borrower)| {
        Ok(vec![(*account).into(), block.number.into(), block.time.into(), json(borrower)?])
    });
    let rows = rows.collect::<anyhow::Result<_>>()?;
    insert(change, "borrower_points", "account, block, time, state", "", rows).await?;
    let rows = points.shortfalls.iter().map(|(block, position, number, shortfall)| {
        Ok(vec![(*number).into(), (*block).into(), (*position).into(), json(shortfall)?])
    });
    let rows = rows.collect::<anyhow::Result<_>>()?;
    insert(change, "shortfalls", "number, block, position, state", "", rows).await?;
    let rows = points.epoch_indexes.iter();
    let rows = rows.map(|(block, epoch, index)| vec![(*epoch).into(), (*block).into(), index.to_string().into()]);
    insert(change, "epoch_indexes", "epoch, block, global_index", "", rows.collect()).await?;
    // The last state of each account of the range.
    let last: BTreeMap<_, _> =
        points.stakers.iter().map(|(block, account, staker)| (account, (block, staker))).collect();
    let rows = last.into_iter();
    let rows = rows.map(|(account, (block, it))| vec![(*account).into(), it.stake().into(), block.number.into()]);
    let tail = "ON CONFLICT (account) DO UPDATE SET stake = excluded.stake, block = excluded.block";
    insert(change, "stakers", "account, stake, block", tail, rows.collect()).await?;
    let rows = points.borrowers.iter().map(|(block, account, _)| vec![(*account).into(), block.number.into()]);
    insert(change, "borrowers", "account, block", "ON CONFLICT (account) DO NOTHING", rows.collect()).await
}

/// Queries that answer requests. Each finds its rows by an index: a test reads their plans.
pub mod sql {
    /// A borrower's last state.
    pub const LAST_BORROWER_POINT: &str =
        "SELECT state FROM borrower_points WHERE account = $1 ORDER BY block DESC LIMIT 1";
    /// The pool's states from a time on: block, time, state.
    pub const POOL_POINTS: &str =
        "SELECT block, time, state FROM pool_points WHERE time >= $1 AND time <= $2 ORDER BY time, block LIMIT $3";
    /// The pool's state before a time.
    pub const POOL_BEFORE: &str =
        "SELECT block, time, state FROM pool_points WHERE time <= $1 ORDER BY time DESC, block DESC LIMIT 1";
    /// The pool's state after a block.
    pub const POOL_AFTER: &str =
        "SELECT block, time, state FROM pool_points WHERE block <= $1 ORDER BY block DESC LIMIT 1";
    /// Reorganisations after one of them.
    pub const REORGANISATIONS_AFTER: &str =
        "SELECT number, block, depth FROM reorganisations WHERE number > $1 ORDER BY number LIMIT 1000";
    /// A staker's state before a block, that included.
    pub const STAKER_BEFORE: &str = "SELECT block, time, state FROM staker_points \
        WHERE account = $1 AND block <= $2 ORDER BY block DESC LIMIT 1";
    /// A borrower's states between two blocks.
    pub const BORROWER_POINTS: &str = "SELECT block, time, state FROM borrower_points \
        WHERE account = $1 AND block >= $2 AND block <= $3 ORDER BY block LIMIT $4";
    /// Stakers by stake, the largest first, after a given one.
    pub const STAKERS: &str = "SELECT account, stake FROM stakers \
        WHERE (stake, account) < ($1, $2) ORDER BY stake DESC, account DESC LIMIT $3";
    /// Stakers by address, after a given one, each with its last state before a block, that included, if it had one.
    pub const STAKERS_BEFORE: &str = "SELECT s.account, (SELECT p.state FROM staker_points p \
        WHERE p.account = s.account AND p.block <= $2 ORDER BY p.block DESC LIMIT 1) \
        FROM stakers s WHERE s.account > $1 ORDER BY s.account LIMIT $3";
    /// Borrowers by address, after a given one.
    pub const BORROWERS: &str = "SELECT account FROM borrowers WHERE account > $1 ORDER BY account LIMIT $2";
    /// Events of all kinds after a place.
    pub const EVENTS_AFTER: &str = "SELECT block, position, time, tx, contract, address, name, args FROM events \
        WHERE (block, position) > ($1, $2) ORDER BY block, position LIMIT $3";
    /// Events of a list before a place, the newest first.
    pub const EVENTS_OF_TOPIC: &str = "SELECT block, position, time, tx, contract, address, name, args FROM events \
        WHERE topic = $1 AND (block, position) < ($2, $3) ORDER BY block DESC, position DESC LIMIT $4";
    /// Events of one name before a place, the newest first.
    pub const EVENTS_OF_NAME: &str = "SELECT block, position, time, tx, contract, address, name, args FROM events \
        WHERE contract = $1 AND name = $2 AND (block, position) < ($3, $4) ORDER BY block DESC, position DESC LIMIT $5";
    /// Events that name an account before a place, the newest first.
    pub const EVENTS_OF_ACCOUNT: &str = "SELECT e.block, e.position, e.time, e.tx, e.contract, e.address, e.name, e.args \
        FROM (SELECT block, position FROM parties WHERE account = $1 AND (block, position) < ($2, $3) \
            ORDER BY block DESC, position DESC LIMIT $4) page \
        JOIN events e ON e.block = page.block AND e.position = page.position ORDER BY e.block DESC, e.position DESC";
    /// The events of one block before a place, newest last.
    pub const EVENTS_OF_BLOCK: &str = "SELECT block, position, time, tx, contract, address, name, args FROM events \
        WHERE block = $1 ORDER BY position";
    /// Shortfalls, the newest first, before a number.
    pub const SHORTFALLS: &str =
        "SELECT number, block, position, state FROM shortfalls WHERE number < $1 ORDER BY number DESC LIMIT $2";
    /// All shortfalls, oldest first: as many as there were, which is few.
    pub const ALL_SHORTFALLS: &str = "SELECT state FROM shortfalls WHERE number >= $1 ORDER BY number";
    /// One shortfall.
    pub const SHORTFALL: &str = "SELECT number, block, position, state FROM shortfalls WHERE number = $1";
    /// Indexes at the end of epochs.
    pub const EPOCH_INDEXES: &str = "SELECT epoch, global_index FROM epoch_indexes WHERE epoch >= $1 ORDER BY epoch";
    /// All of them that grow with the history.
    pub const ALL: [&str; 18] = [
        LAST_BORROWER_POINT,
        POOL_POINTS,
        POOL_BEFORE,
        POOL_AFTER,
        STAKER_BEFORE,
        BORROWER_POINTS,
        STAKERS,
        STAKERS_BEFORE,
        BORROWERS,
        EVENTS_AFTER,
        EVENTS_OF_TOPIC,
        EVENTS_OF_NAME,
        EVENTS_OF_ACCOUNT,
        EVENTS_OF_BLOCK,
        SHORTFALLS,
        SHORTFALL,
        EPOCH_INDEXES,
        REORGANISATIONS_AFTER,
    ];
}
