//! From files of samples to the sums of an epoch.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use datafusion::{
    arrow::{
        array::{Array, AsArray, RecordBatch},
        compute::cast,
        datatypes::{DataType, Decimal256Type, Int64Type},
    },
    error::DataFusionError,
    execution::{memory_pool::FairSpillPool, runtime_env::RuntimeEnvBuilder},
    prelude::{ParquetReadOptions, SessionConfig, SessionContext},
};
use rewards::{
    book::{Flaw, parse_address},
    parameters::EpochParameters,
    sampling::Sampling,
    tally::{Liquidity, OFF_INSTANT_LISTED, OffInstant, RulesError, SIDE_MAX, Tally},
};

use crate::functions::{self, Epoch};

/// Names samples what they are.
pub const CHECKED: &str = include_str!("../sql/checked.sql");
/// Samples of each kind and market.
pub const SAMPLES: &str = include_str!("../sql/samples.sql");
/// Minutes with more than one sample.
pub const REPEATED: &str = include_str!("../sql/repeated.sql");
/// Samples off their instant.
pub const OFF_INSTANTS: &str = include_str!("../sql/off_instants.sql");
/// Sums of each market and account.
pub const LIQUIDITY: &str = include_str!("../sql/liquidity.sql");

/// Why there are no sums.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The parameters or the secret are wrong.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The engine failed, or a sample is malformed: then the message says which and why.
    #[error(transparent)]
    Query(#[from] DataFusionError),
    /// A sample adds more than any honest one.
    #[error(transparent)]
    Flaw(#[from] Flaw),
    /// A minute has several samples.
    #[error("{market}, minute {minute}: {samples} samples, not one")]
    Repeated {
        /// Market.
        market: String,
        /// Minute of the epoch.
        minute: u32,
        /// How many.
        samples: i64,
    },
    /// An answer is not what the query promises.
    #[error("the query answered with {0}")]
    Answer(&'static str),
}

impl From<datafusion::arrow::error::ArrowError> for Error {
    fn from(error: datafusion::arrow::error::ArrowError) -> Self {
        Self::Query(error.into())
    }
}

/// What the engine may use.
#[derive(Clone, Copy, Debug)]
pub struct Resources {
    /// Parts that are computed at a time.
    pub partitions: usize,
    /// Bytes of memory for sums; beyond them the engine writes to temporary files. Buffers for reading come on top.
    pub memory: usize,
}

/// An engine that knows the functions of an epoch and, as the table `samples`, its Parquet files.
pub async fn session(
    parameters: EpochParameters,
    sampling: Sampling,
    files: &[PathBuf],
    resources: Resources,
) -> Result<SessionContext, Error> {
    let config = SessionConfig::new().with_target_partitions(resources.partitions);
    let pool = Arc::new(FairSpillPool::new(resources.memory));
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc()?;
    let context = SessionContext::new_with_config_rt(config, runtime);
    let epoch = Arc::new(Epoch::new(parameters, sampling)?);
    for function in functions::all(&epoch) {
        context.register_udf(function);
    }
    let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    let samples = context.read_parquet(files, ParquetReadOptions::default()).await?;
    context.register_table("samples", samples.into_view())?;
    context.sql(CHECKED).await?.collect().await?;
    Ok(context)
}

/// The sums of the epoch: the same as the streaming engine's over the same files. Strict: a malformed sample refuses the epoch.
pub async fn tally(context: &SessionContext, parameters: &EpochParameters) -> Result<Tally, Error> {
    let places: HashMap<_, _> =
        parameters.markets.iter().enumerate().map(|(place, market)| (market.market.as_str(), place)).collect();
    let place = |market: &str| places.get(market).copied().ok_or(Error::Answer("a market that has no parameters"));
    let mut tally = Tally::empty(parameters.markets.len());

    for row in rows(context, SAMPLES).await?.iter().flat_map(Row::of) {
        let (sums, samples) = (&mut tally.markets[place(&row.text(0)?)?], row.count(2)?);
        sums.orders += u64::try_from(row.integer(3)?).map_err(|_| Error::Answer("a negative number of orders"))?;
        match row.text(1)?.as_str() {
            "valid" => sums.valid += samples,
            "one_sided" => {
                sums.valid += samples;
                sums.one_sided += samples;
            }
            "crossed" => sums.crossed += samples,
            "off_instant" => sums.off_instant += samples,
            "outage" => sums.outages += samples,
            _ => return Err(Error::Answer("an unknown kind of sample")),
        }
    }
    if let Some(row) = rows(context, REPEATED).await?.iter().flat_map(Row::of).next() {
        let (market, minute, samples) = (row.text(0)?, row.count(1)?, row.integer(2)?);
        return Err(Error::Repeated { market, minute, samples });
    }
    for row in rows(context, OFF_INSTANTS).await?.iter().flat_map(Row::of) {
        let time_ms = u64::try_from(row.integer(2)?).map_err(|_| Error::Answer("a time before 1970"))?;
        tally.off_instants.insert(OffInstant { market: place(&row.text(0)?)?, minute: row.count(1)?, time_ms });
        if tally.off_instants.len() > OFF_INSTANT_LISTED {
            tally.off_instants.pop_last();
        }
    }
    for row in rows(context, LIQUIDITY).await?.iter().flat_map(Row::of) {
        if row.sum(4)? > SIDE_MAX {
            return Err(Flaw::Overflow.into());
        }
        let sums = Liquidity { liquidity: row.sum(2)?, uptime: row.count(3)? };
        if sums != Liquidity::default() {
            tally.markets[place(&row.text(0)?)?].providers.insert(parse_address(&row.text(1)?)?, sums);
        }
    }
    Ok(tally)
}

/// The answer to a query, with columns of the types that are read below.
async fn rows(context: &SessionContext, query: &str) -> Result<Vec<RecordBatch>, Error> {
    Ok(context.sql(query).await?.collect().await?)
}

/// A row of an answer.
struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl<'a> Row<'a> {
    fn of(batch: &'a RecordBatch) -> impl Iterator<Item = Self> {
        (0..batch.num_rows()).map(move |row| Self { batch, row })
    }

    fn text(&self, column: usize) -> Result<String, Error> {
        let column = cast(&self.batch.column(column).slice(self.row, 1), &DataType::Utf8)?;
        Ok(column.as_string::<i32>().value(0).to_owned())
    }

    fn integer(&self, column: usize) -> Result<i64, Error> {
        let column = cast(&self.batch.column(column).slice(self.row, 1), &DataType::Int64)?;
        Ok(column.as_primitive::<Int64Type>().value(0))
    }

    fn count(&self, column: usize) -> Result<u32, Error> {
        u32::try_from(self.integer(column)?).map_err(|_| Error::Answer("a count beyond 32 bits"))
    }

    /// A sum of terms.
    fn sum(&self, column: usize) -> Result<u128, Error> {
        let column = self.batch.column(column).as_primitive_opt::<Decimal256Type>();
        let (low, high) = column.ok_or(Error::Answer("a sum of another type"))?.value(self.row).to_parts();
        if high == 0 { Ok(low) } else { Err(Error::Answer("a sum beyond 128 bits")) }
    }
}
