//! Parquet: a row per sample, with its orders as a list of structs. Row groups are read by several threads, some samples at a time.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, Int8Array, Int16Array, Int32Array, Int64Array, ListArray, PrimitiveArray,
    RecordBatch, StringArray, StructArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array, cast::AsArray,
};
use arrow_schema::Fields;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use rewards::book::{Flaw, OrderRecord, Record, Side, Status, parse_address};

use super::{Part, Reading, Visitor};
use crate::{Error, rows::check_columns};

/// Samples that are decoded at a time.
const BATCH: usize = 128;

/// A file whose footer has been read.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

impl Opened {
    /// Reads the footer; the inner error says why this is no such file.
    pub(super) fn open(path: &Path) -> Result<Result<Self, String>, Error> {
        let file = File::open(path).map_err(Error::at(path))?;
        let bytes = file.metadata().map_err(Error::at(path))?.len();
        let metadata = guarded(|| ArrowReaderMetadata::load(&file, options()).map_err(|error| error.to_string()))
            .and_then(|metadata| check_offsets(&metadata, bytes).map(|()| metadata));
        Ok(metadata.map(|metadata| Self { path: path.to_owned(), metadata }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its row groups.
    pub(super) fn parts(&self, bytes: u64) -> impl Iterator<Item = Part> {
        let groups = self.metadata.metadata().num_row_groups();
        let share = bytes / groups.max(1) as u64;
        (0..groups).map(move |group| Part::Group { file: self.clone(), group, bytes: share })
    }

    /// Reads a row group; returns its number of rows.
    pub(super) fn read<V: Visitor>(&self, group: usize, reading: &mut Reading<'_, V>) -> Result<u64, Error> {
        let file = File::open(&self.path).map_err(Error::at(&self.path))?;
        let expected = u64::try_from(self.metadata.metadata().row_group(group).num_rows()).unwrap_or_default();
        let batches = guarded(|| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_row_groups(vec![group])
                .with_batch_size(BATCH)
                .build()
                .map_err(|error| error.to_string())
        });
        let mut batches = match batches {
            Ok(batches) => batches,
            Err(reason) => {
                reading.complain(0, reason);
                return Ok(expected);
            }
        };
        let mut row = 0;
        loop {
            let batch = guarded(|| batches.next().transpose().map_err(|error| error.to_string()));
            let Some(batch) = batch.transpose() else { break };
            let shown = batch.and_then(|batch| show(&batch, row, reading));
            match shown {
                Ok(rows) => row += rows,
                Err(reason) => {
                    reading.complain(row, format!("row group {group}: {reason}"));
                    break;
                }
            }
        }
        Ok(expected)
    }
}

/// How all files are read: by Parquet's own types. The schema that Arrow's writers add would have text come as dictionaries, views or with
/// large offsets, as it was in their memory.
pub(crate) fn options() -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_skip_arrow_metadata(true)
}

/// Checks that there is no column but these. The index that pandas writes when rows were left out holds no data.
pub(crate) fn check_names(fields: &Fields, columns: &[&str]) -> Result<(), String> {
    let names: Vec<_> = fields.iter().map(|field| field.name().as_str()).collect();
    check_columns(names.into_iter().filter(|name| !name.starts_with("__index_level_")), columns)
}

/// Calls the decoder. It asserts what damaged files can break; that is the file's fault, and no reason to fail as a whole.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err("damaged: the decoder gave up".to_owned()))
}

/// Checks that every column lies within the file, since the decoder takes it for granted.
pub(crate) fn check_offsets(metadata: &ArrowReaderMetadata, bytes: u64) -> Result<(), String> {
    let columns = metadata.metadata().row_groups().iter().flat_map(|group| group.columns());
    for column in columns {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let end = u64::try_from(start).ok().zip(u64::try_from(column.compressed_size()).ok());
        let is_within = end.and_then(|(start, length)| start.checked_add(length)).is_some_and(|end| end <= bytes);
        if !is_within || column.num_values() < 0 || column.data_page_offset() < 0 {
            return Err("damaged: a column lies outside of the file".to_owned());
        }
    }
    match metadata.metadata().row_groups().iter().all(|group| group.num_rows() >= 0) {
        true => Ok(()),
        false => Err("damaged: a negative number of rows".to_owned()),
    }
}

/// Integers of any width.
enum Integers<'a> {
    I8(&'a Int8Array),
    I16(&'a Int16Array),
    I32(&'a Int32Array),
    I64(&'a Int64Array),
    U8(&'a UInt8Array),
    U16(&'a UInt16Array),
    U32(&'a UInt32Array),
    U64(&'a UInt64Array),
}

impl<'a> Integers<'a> {
    fn of(array: &'a ArrayRef) -> Option<Self> {
        let any = array.as_any();
        None.or_else(|| any.downcast_ref().map(Self::I64))
            .or_else(|| any.downcast_ref().map(Self::I32))
            .or_else(|| any.downcast_ref().map(Self::U64))
            .or_else(|| any.downcast_ref().map(Self::U32))
            .or_else(|| any.downcast_ref().map(Self::I16))
            .or_else(|| any.downcast_ref().map(Self::U16))
            .or_else(|| any.downcast_ref().map(Self::I8))
            .or_else(|| any.downcast_ref().map(Self::U8))
    }

    /// Nothing for null and for negative numbers.
    fn get(&self, row: usize) -> Option<u64> {
        fn value<T: ArrowPrimitiveType<Native: TryInto<u64>>>(array: &PrimitiveArray<T>, row: usize) -> Option<u64> {
            array.is_valid(row).then(|| array.value(row)).and_then(|value| value.try_into().ok())
        }
        match self {
            Self::I8(array) => value(array, row),
            Self::I16(array) => value(array, row),
            Self::I32(array) => value(array, row),
            Self::I64(array) => value(array, row),
            Self::U8(array) => value(array, row),
            Self::U16(array) => value(array, row),
            Self::U32(array) => value(array, row),
            Self::U64(array) => value(array, row),
        }
    }
}

/// Text; nothing where a column is null throughout, whose type then may be any.
#[derive(Clone, Copy)]
struct Texts<'a>(Option<&'a StringArray>);

impl<'a> Texts<'a> {
    fn of(array: &'a ArrayRef) -> Option<Self> {
        match array.as_string_opt() {
            Some(texts) => Some(Self(Some(texts))),
            None => (array.logical_null_count() == array.len()).then_some(Self(None)),
        }
    }

    fn get(self, row: usize) -> Option<&'a str> {
        self.0.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row))
    }
}

fn integers<'a>(batch: &'a RecordBatch, name: &str) -> Result<Integers<'a>, String> {
    batch.column_by_name(name).and_then(Integers::of).ok_or_else(|| format!("no column `{name}` of integers"))
}

fn texts<'a>(column: Option<&'a ArrayRef>, name: &str) -> Result<Texts<'a>, String> {
    column.and_then(Texts::of).ok_or_else(|| format!("no column `{name}` of text"))
}

/// What a file of samples has.
const SAMPLE_COLUMNS: [&str; 9] =
    ["epoch", "minute", "market", "time_ms", "seq", "status", "best_bid", "best_ask", "orders"];

/// What each of their orders has.
const ORDER_COLUMNS: [&str; 5] = ["account", "id", "side", "price", "size"];

/// The columns of some samples.
struct Columns<'a> {
    epoch: Integers<'a>,
    minute: Integers<'a>,
    time_ms: Integers<'a>,
    seq: Integers<'a>,
    market: Texts<'a>,
    status: Texts<'a>,
    best_bid: Texts<'a>,
    best_ask: Texts<'a>,
    lists: &'a ListArray,
    orders: Orders<'a>,
}

/// The columns of their orders.
struct Orders<'a> {
    whole: &'a StructArray,
    account: Texts<'a>,
    id: Texts<'a>,
    side: Texts<'a>,
    price: Texts<'a>,
    size: Texts<'a>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, String> {
        let text = |name| texts(batch.column_by_name(name), name);
        let lists = batch.column_by_name("orders").and_then(|column| column.as_list_opt::<i32>());
        let lists = lists.ok_or("no column `orders` of lists")?;
        let whole = lists.values().as_struct_opt().ok_or("`orders` is not a list of structs")?;
        check_names(batch.schema_ref().fields(), &SAMPLE_COLUMNS)?;
        check_names(whole.fields(), &ORDER_COLUMNS)?;
        let field = |name| texts(whole.column_by_name(name), name);
        let orders = Orders {
            whole,
            account: field("account")?,
            id: field("id")?,
            side: field("side")?,
            price: field("price")?,
            size: field("size")?,
        };
        Ok(Self {
            epoch: integers(batch, "epoch")?,
            minute: integers(batch, "minute")?,
            time_ms: integers(batch, "time_ms")?,
            seq: integers(batch, "seq")?,
            market: text("market")?,
            status: text("status")?,
            best_bid: text("best_bid")?,
            best_ask: text("best_ask")?,
            lists,
            orders,
        })
    }

    fn record<'r>(&'r self, row: usize, orders: &'r [OrderRecord<'r>]) -> Result<Record<'r>, String> {
        let status = self.status.get(row).ok_or("no status")?;
        let minute = self.minute.get(row).ok_or("no minute")?;
        Ok(Record {
            epoch: self.epoch.get(row).ok_or("no epoch")?,
            minute: u32::try_from(minute).unwrap_or(u32::MAX), // No such minute either way.
            market: self.market.get(row).ok_or("no market")?,
            time_ms: self.time_ms.get(row).ok_or("no time_ms")?,
            seq: self.seq.get(row).ok_or("no seq")?,
            status: Status::parse(status).map_err(|flaw| flaw.to_string())?,
            best_bid: self.best_bid.get(row),
            best_ask: self.best_ask.get(row),
            orders,
        })
    }
}

impl<'a> Orders<'a> {
    /// An order, or what is wrong with it: nothing in particular if a field is missing.
    fn get(&self, place: usize) -> Result<OrderRecord<'a>, Option<Flaw>> {
        if self.whole.is_null(place) {
            return Err(None);
        }
        Ok(OrderRecord {
            account: parse_address(self.account.get(place).ok_or(None)?)?,
            id: self.id.get(place).ok_or(None)?,
            side: Side::parse(self.side.get(place).ok_or(None)?)?,
            price: self.price.get(place).ok_or(None)?,
            size: self.size.get(place).ok_or(None)?,
        })
    }
}

/// Shows the samples of a batch; returns how many.
fn show<V: Visitor>(batch: &RecordBatch, before: u64, reading: &mut Reading<'_, V>) -> Result<u64, String> {
    let columns = Columns::of(batch)?;
    let mut orders = Vec::new();
    for row in 0..batch.num_rows() {
        let number = before + row as u64 + 1;
        orders.clear();
        let offsets = columns.lists.value_offsets();
        if columns.lists.is_null(row) {
            reading.complain(number, "no list of orders: where there are none, it is empty");
            continue;
        }
        let places = offsets[row] as usize..offsets[row + 1] as usize;
        let flaw = places.into_iter().find_map(|place| match columns.orders.get(place) {
            Ok(order) => {
                orders.push(order);
                None
            }
            Err(flaw) => Some(flaw),
        });
        match flaw {
            Some(Some(flaw)) => reading.complain(number, flaw),
            Some(None) => reading.complain(number, "an order lacks a field"),
            None => match columns.record(row, &orders) {
                Ok(record) => reading.show(number, &record),
                Err(reason) => reading.complain(number, reason),
            },
        }
    }
    Ok(batch.num_rows() as u64)
}
